"""An existing database comes aboard: its models, a first revision, and nothing but a stamp."""
