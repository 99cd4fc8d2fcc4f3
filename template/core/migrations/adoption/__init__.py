"""An existing database comes aboard: what `make models` and `make adopt` run, and nothing else."""
