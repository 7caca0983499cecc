"""Things observed while training: one file each, none changes it."""
