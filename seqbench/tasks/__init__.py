"""One file per task; each holds one ``spec.Task`` with its definition, baselines and source."""
