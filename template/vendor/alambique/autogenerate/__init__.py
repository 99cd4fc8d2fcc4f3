"""From models to a revision: which tables are ours, what differs, and what may be lost."""
