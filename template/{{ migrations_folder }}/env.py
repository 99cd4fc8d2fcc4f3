"""Every Alembic command runs this file. What is not said here, alambique decides."""

from alambique.env import run_migrations

# It takes what context.configure takes, as in run_migrations(compare_server_default=False):
# docs/env.md shows what alambique passes, and how to replace each.
run_migrations()
