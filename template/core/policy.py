"""Which tables are ours: the one file to edit when migrations should see more, or less."""

# Every module named `models` in these packages is imported, at any depth.
MODEL_PACKAGES = ["app"]

# Models that live elsewhere: dotted paths to a module or to a class.
EXTRA_MODELS: list[str] = []
