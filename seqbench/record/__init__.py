"""Records, the environment they were made in, and the folder that keeps them. No torch."""
