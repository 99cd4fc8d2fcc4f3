"""The commands around migrations, a module each: `add_arguments` declares, `run` does."""
