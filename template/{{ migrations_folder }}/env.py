"""Every Alembic command runs this file; what it decides lives in core/migrations."""

from typing import Any

from alembic import context
from alembic.script import write_hooks

from core import database_url
from core.migrations import format_revision, hooks, log_to_terminal, needs_database
from core.migrations.connection import IN_MEMORY, check_foreign_keys, connect
from core.migrations.journal import keep_journal
from core.migrations.lock import one_at_a_time, patiently
from core.migrations.ownership import Ownership
from core.migrations.review import review
from core.migrations.tools.record import record

config = context.config
ours = Ownership(context.script)
write_hooks.register("ruff")(format_revision)  # alembic.ini names these two
write_hooks.register("history")(lambda *_: record())

if hasattr(config.cmd_opts, "cmd"):  # typed as a command; an application keeps its own logging
    log_to_terminal()

url = database_url(
    context.get_x_argument(as_dictionary=True).get("url")
    or config.attributes.get("url")
    or config.get_main_option("sqlalchemy.url")
)


def configure(**target: Any) -> None:
    """Give Alembic the same options online and offline; `target` is the connection or the URL."""
    context.configure(
        include_name=ours.include_name,  # only tables that are ours
        include_object=ours.include_object,  # and not marked skip_autogenerate
        process_revision_directives=review,
        compare_type=True,
        compare_server_default=True,
        autogenerate_plugins=hooks.PLUGINS,  # defaults in the database's own words
        render_item=hooks.render_item,  # and types without the application's
        render_as_batch=True,
        transaction_per_migration=True,  # each revision whole, or not at all
        transactional_ddl=url.get_backend_name() == "sqlite" or None,  # None: what Alembic knows
        on_version_apply=check_foreign_keys,
        **target,
    )
    ours.prepare(context.get_context())


def run_migrations_offline() -> None:
    """Print the SQL instead of running it."""
    configure(url=url, literal_binds=True, dialect_opts={"paramstyle": "named"})
    with context.begin_transaction():
        patiently(context.get_context(), context.run_migrations)


def run_migrations_online() -> None:
    """Run on a connection of our own: one migrator at a time, whole or resumable."""
    target = url if needs_database(config.cmd_opts) else IN_MEMORY
    with connect(target, config.attributes.get("connection")) as connection:
        configure(connection=connection)
        migration = context.get_context()
        keep_journal(migration)
        with one_at_a_time(migration), context.begin_transaction():
            patiently(migration, context.run_migrations)


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
