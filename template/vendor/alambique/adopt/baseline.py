"""The first revision: all of what the models say, and what the tables need besides."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.operations import ops
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from alembic.util import CommandError
from sqlalchemy.schema import sort_tables_and_constraints

from alambique import messages, private
from alambique.adopt.extra_ddl import ExtraDDL
from alambique.adopt.trial import Trial, executed
from alambique.autogenerate.discovery import load_metadata
from alambique.autogenerate.marks import MARK
from alambique.database.capabilities import capabilities
from alambique.formatting import excuse_long_lines
from alambique.history.source import ADOPTED
from alambique.names import TableName
from alambique.settings import migration_url, shown

# A schema that was there before stays when the revision is undone.
MAKE_SCHEMA = """\
DO $$ BEGIN IF to_regnamespace('{name}') IS NULL THEN CREATE SCHEMA {name};
COMMENT ON SCHEMA {name} IS 'Made by revision {revision}'; END IF; END $$"""
DROP_SCHEMA = """\
DO $$ BEGIN IF obj_description(to_regnamespace('{name}'), 'pg_namespace')
= 'Made by revision {revision}' THEN DROP SCHEMA {name}; END IF; END $$"""

Markable = sa.Table | sa.Constraint | sa.Index

# SQLAlchemy has not typed it yet: each table with its keys; with None those of circles, the last.
in_order: Callable[
    [Iterable[sa.Table]], list[tuple[sa.Table | None, Collection[sa.ForeignKeyConstraint]]]
] = sort_tables_and_constraints


@dataclass(frozen=True)
class Baseline:
    """What a first revision makes, and what it says of itself."""

    tables: frozenset[TableName]
    """The tables, which models map."""

    extra: ExtraDDL
    """What they need besides, and what else their database has."""

    replaces: tuple[str, ...] = ()
    """The revisions that this one stands for, of databases that are still at one of them."""

    labels: tuple[str, ...] = ()
    """What its branch is called."""

    trial: Trial | None = None
    """What holds it against a database that is there; None where models say all of it."""

    adopted: bool = False
    """Does it write down a database that is there, of which nobody decides anew?"""

    @property
    def creates(self) -> tuple[str, ...]:
        """Return the tables that it makes by a statement of SQL, as `TableName` writes them.

        What creates them is no operation of Alembic's, so the revision says which they are.
        """
        return () if self.trial is None else tuple(map(str, sorted(self.trial.in_sql)))

    @property
    def notes(self) -> str:
        """What the docstring says of things that the revision does not make."""
        left_over: list[object] = [*self.extra.left_over]
        if self.trial is not None:
            left_over += self.trial.refused
        if not left_over:
            return ""
        return "\n".join([messages.LEFT_OVER, *(f"  {each}" for each in left_over)])


def write_baseline(
    config: Config, message: str, baseline: Baseline, revision: str | None = None
) -> Script:
    """Write the first revision of a history.

    Args:
        config: of a history without revisions, on an empty database of the kind the revision is
            for.
        message: what the revision is called.
        baseline: what it makes.
        revision: its id; a new one by default.

    Raises:
        CommandError: the models map none of the tables, or the revision cannot be formatted.
        ModelImportError: a model cannot be imported.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    has_schemas = capabilities(migration_url(config).get_backend_name()).has_schemas
    # Whoever asks for it rebuilds a whole database from it afterwards: that is its trial.
    config.cmd_opts = Namespace(autogenerate=True, x=["tried=no"], quiet=revision is not None)

    with comparing_only(baseline.tables), without_circles(config, baseline.tables) as late_keys:
        completion = Completion(baseline, late_keys, has_schemas)
        written = command.revision(
            config,
            message,
            autogenerate=True,
            rev_id=revision,
            branch_label=baseline.labels or None,
            process_revision_directives=private.after_env(completion),
        )
    if not isinstance(written, Script):
        raise CommandError(messages.NO_CHANGE)

    excuse_long_lines(written.path)
    return written


def say_what_template_left_out(written: Script, baseline: Baseline, path: Path) -> None:
    """Print what the project's script.py.mako, if it is one of its own, did not write.

    Args:
        written: the revision.
        baseline: what it was to say.
        path: where it is now.
    """
    lacks: dict[str, str] = {}
    if baseline.replaces and vars(written.module).get("replaces") != baseline.replaces:
        lacks["replaces"] = f"replaces = {baseline.replaces!r}"
    if baseline.creates and vars(written.module).get("creates") != baseline.creates:
        lacks["creates"] = f"creates = {baseline.creates!r}"
    if baseline.adopted and vars(written.module).get(ADOPTED) is not True:
        lacks[ADOPTED] = f"{ADOPTED} = True"
    if baseline.notes and messages.LEFT_OVER not in (written.module.__doc__ or ""):
        lacks["notes"] = baseline.notes

    for name, source in lacks.items():
        print(messages.NOT_IN_TEMPLATE.format(name=name, path=shown(path), source=source))


class Completion:
    """Adds to a generated revision what models cannot say, as operations of Alembic's."""

    def __init__(
        self,
        baseline: Baseline,
        late_keys: Sequence[sa.ForeignKeyConstraint],
        has_schemas: bool,
    ) -> None:
        """Take what is to be added.

        Args:
            baseline: what the revision makes.
            late_keys: foreign keys that come after all tables.
            has_schemas: does the database hold several schemas?
        """
        self.baseline = baseline
        self.late_keys = late_keys
        schemas = {table.schema for table in baseline.tables if table.schema}
        if baseline.trial is not None:
            schemas |= baseline.trial.schemas
        self.schemas = sorted(schemas) if has_schemas else []

    def __call__(
        self,
        migration: MigrationContext,
        revision: str | Iterable[str | None] | Iterable[str],
        directives: list[MigrationScript],
    ) -> None:
        """Complete the revision, after all that judges what was compared.

        Args:
            migration: what script.py.mako is given goes into its options.
            revision: what the new revision follows.
            directives: the revision, changed in place; none if there is nothing to write.
        """
        if not directives:
            return
        script = directives[0]
        upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
        assert upgrade is not None and downgrade is not None

        extra, trial = self.baseline.extra, self.baseline.trial
        late_keys = self.late_keys
        if trial is not None:
            trial.complete(migration, upgrade, downgrade)
            late_keys = []  # the server says them, too
        words = [{"name": f'"{name}"', "revision": script.rev_id} for name in self.schemas]
        make_schemas = [MAKE_SCHEMA.format(**each) for each in words]
        drop_schemas = [DROP_SCHEMA.format(**each) for each in words]
        add_keys = [ops.CreateForeignKeyOp.from_constraint(key) for key in late_keys]
        drop_keys = [operation.reverse() for operation in add_keys]

        upgrade.ops[:0] = _executed([*make_schemas, *extra.before])
        upgrade.ops.extend([*add_keys, *_executed(extra.after)])
        downgrade.ops[:0] = drop_keys
        downgrade.ops.extend(_executed([*extra.undo, *drop_schemas]))

        for_template = migration.opts["template_args"]
        for_template["notes"] = _in_docstring(self.baseline.notes)
        for_template["replaces"] = self.baseline.replaces
        for_template["creates"] = self.baseline.creates
        for_template[ADOPTED] = self.baseline.adopted


@contextmanager
def comparing_only(tables: Collection[TableName]) -> Iterator[None]:
    """Have a comparison see these tables whole, and of all other tables nothing.

    Marked parts of them are seen, too: a mark says that a part cannot be compared later on, and the
    first revision makes it all the same. Marked columns stay out.

    Args:
        tables: the tables to see.

    Raises:
        ModelImportError: a model cannot be imported.
        InvalidSetting: a setting that the application needs is missing or malformed.
    """
    mapped = _mapped_tables()
    ours = [table for table in mapped if TableName.of(table) in tables]
    others = [table for table in mapped if TableName.of(table) not in tables]
    parts: list[Markable] = []
    for table in ours:
        parts.extend([*table.constraints, *table.indexes])
    with _marked(others, True), _marked(parts, False):
        yield


@contextmanager
def without_circles(
    config: Config, tables: Collection[TableName]
) -> Iterator[list[sa.ForeignKeyConstraint]]:
    """Keep foreign keys that go round in a circle out of a comparison; they are made afterwards.

    Args:
        config: the command's configuration; it says which kind of database.
        tables: the tables whose keys are looked at.

    Yields:
        The keys, in the order of their names.

    Raises:
        CommandError: the kind of database is none that migrations know.
        ModelImportError: a model cannot be imported.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    if capabilities(migration_url(config).get_backend_name()).rebuilds_tables:
        yield []  # there a key may be made before the table it refers to
        return

    ours = [table for table in _mapped_tables() if TableName.of(table) in tables]
    late = [key for table, keys in in_order(ours) if table is None for key in keys]
    with _marked(late, True):
        yield sorted(late, key=lambda key: str(key.name))


def _mapped_tables() -> list[sa.Table]:
    return [table for metadata in load_metadata() for table in metadata.tables.values()]


@contextmanager
def _marked(items: Iterable[Markable], mark: bool) -> Iterator[None]:
    """Set or take away the mark of each of these, and put it back as it was."""
    before = [(item, dict(item.info)) for item in items]
    for item, _ in before:
        if mark:
            item.info[MARK] = True
        else:
            item.info.pop(MARK, None)
    try:
        yield
    finally:
        for item, info in before:
            item.info.clear()
            item.info.update(info)


def _executed(statements: Iterable[str]) -> list[ops.ExecuteSQLOp]:
    return [executed(statement) for statement in statements]


def _in_docstring(text: str) -> str:
    return text.replace("\\", r"\\").replace('"""', r"\"\"\"")
