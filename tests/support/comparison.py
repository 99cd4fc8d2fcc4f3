"""Autogenerate in this process: models compared with an open connection, without any file."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import sqlalchemy as sa
from alambique.autogenerate.directives import review
from alambique.autogenerate.filters import Ownership
from alambique.autogenerate.on_demand import PLUGINS, register_plugin
from alambique.autogenerate.rendering import render_item
from alambique.names import TableName
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.config import Config
from alembic.operations import Operations, ops
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.pool import NullPool
from sqlalchemy_utils import create_database, database_exists

register_plugin()


@contextmanager
def opened(url: str) -> Iterator[sa.Connection]:
    """Connect to a database, made if it is not there; what is not committed is undone."""
    if not database_exists(url):
        create_database(url)
    with sa.create_engine(url, poolclass=NullPool).connect() as connection:
        yield connection
        connection.rollback()


@contextmanager
def counted(connection: sa.Connection) -> Iterator[list[str]]:
    """Collect the statements that are run on a connection meanwhile."""
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    sa.event.listen(connection, "before_cursor_execute", note)
    yield statements
    sa.event.remove(connection, "before_cursor_execute", note)


@dataclass
class Revision:
    """A generated revision, to be run."""

    migration: MigrationContext
    up: ops.UpgradeOps
    down: ops.DowngradeOps

    @property
    def source(self) -> str:
        """The upgrade's body, as a file would have it."""
        return self._written(self.up)

    def upgrade(self) -> None:
        """Run the upgrade as it is written."""
        self._run(self.up)

    def downgrade(self) -> None:
        """Run the downgrade as it is written."""
        self._run(self.down)

    def _written(self, operations: ops.UpgradeOps | ops.DowngradeOps) -> str:
        return render_python_code(
            operations,
            render_as_batch=True,
            render_item=render_item,
            migration_context=self.migration,
        )

    def _run(self, operations: ops.UpgradeOps | ops.DowngradeOps) -> None:
        names = {
            "op": Operations(self.migration),
            "sa": sa,
            "postgresql": postgresql,
            "mysql": mysql,
        }
        exec(f"if True:\n    {self._written(operations).strip()}", names)


def migration_for(
    connection: sa.Connection,
    models: sa.MetaData,
    said: Iterable[str] = (),
    created: Iterable[TableName] = (),
) -> MigrationContext:
    """Return Alembic's context as env.py would configure it.

    Args:
        connection: the database.
        models: what is mapped.
        said: what is typed after each `-x`.
        created: the tables that revisions made.
    """
    config = Config()
    config.cmd_opts = Namespace(autogenerate=True, x=list(said))
    ours = Ownership(lambda: created, connection.dialect)
    ours.metadata = [models]
    options: dict[str, Any] = {
        "target_metadata": [models],
        "include_name": ours.include_name,
        "include_object": ours.include_object,
        "include_schemas": bool(ours.schemas),
        "compare_type": True,
        "compare_server_default": True,
        "autogenerate_plugins": PLUGINS,
        "render_item": render_item,
        "render_as_batch": True,
        "alembic_module_prefix": "op.",
        "sqlalchemy_module_prefix": "sa.",
        "user_module_prefix": None,
        "template_args": {},
        "revision_context": SimpleNamespace(command_args={"autogenerate": True}),
    }
    environment = EnvironmentContext(config, cast("ScriptDirectory", None))
    return MigrationContext.configure(connection, opts=options, environment_context=environment)


def revision_for(
    connection: sa.Connection,
    models: sa.MetaData,
    *said: str,
    created: Iterable[TableName] = (),
) -> Revision | None:
    """Compare and review as `alembic revision --autogenerate` does; None: nothing to write."""
    migration = migration_for(connection, models, said, created)
    script = produce_migrations(migration, migration.opts["target_metadata"])
    directives = [script]
    review(migration, "", directives)
    if not directives:
        return None
    assert script.upgrade_ops is not None and script.downgrade_ops is not None
    return Revision(migration, script.upgrade_ops, script.downgrade_ops)


def differences(
    connection: sa.Connection, models: sa.MetaData, created: Iterable[TableName] = ()
) -> str:
    """Return the operations that would bring the database to the models, as they are written."""
    migration = migration_for(connection, models, (), created)
    upgrade = produce_migrations(migration, migration.opts["target_metadata"]).upgrade_ops
    assert upgrade is not None
    return "" if upgrade.is_empty() else render_python_code(upgrade, migration_context=migration)
