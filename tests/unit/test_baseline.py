"""The first revision: extra DDL comes as operations of Alembic's, and marks are put back."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.adopt.baseline import (
    Baseline,
    Completion,
    comparing_only,
    say_what_template_left_out,
    without_circles,
    write_baseline,
)
from alambique.adopt.catalog import CatalogObject
from alambique.adopt.extra_ddl import ExtraDDL
from alambique.autogenerate.discovery import load_metadata
from alambique.autogenerate.marks import MARK
from alambique.history.script import history
from alambique.history.status import replaced_by
from alambique.names import TableName
from alambique.settings import alembic_config, migration_url
from alembic import command
from alembic.operations import ops
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import Script

from support.minimal import Minimal, minimal_project

# The rendered project's own, which says what the library hands it.
SCRIPT = Path(__file__).parents[2] / "template/{{ migrations_folder }}/script.py.mako"
MODELS = """
from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index

Table(
    "usuarios",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("nome", String(50)),
    CheckConstraint("nome <> ''", name="ck_nome", info={"skip_autogenerate": True}),
    Index("ix_nome", "nome", info={"skip_autogenerate": True, "mine": 1}),
)
Table("de_outros", metadata, Column("id", Integer, primary_key=True))
"""
CIRCLE = """
from sqlalchemy import ForeignKey

Table(
    "setores",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("chefe_id", ForeignKey("chefes.id", name="fk_chefe")),
)
Table(
    "chefes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("setor_id", ForeignKey("setores.id", name="fk_setor")),
)
"""
USERS = TableName("usuarios")
VIEW = CatalogObject("VIEW", 'c:\\"""vista')


@pytest.fixture
def project(tmp_path: Path) -> Minimal:
    made = minimal_project(tmp_path)
    made.models(MODELS)
    made.write("migrations/script.py.mako", SCRIPT.read_text(encoding="utf-8"))
    return made


def extra() -> ExtraDDL:
    return ExtraDDL(
        before=["CREATE TABLE antes (a TEXT DEFAULT ':x')"],
        after=["CREATE VIEW depois AS SELECT * FROM usuarios"],
        undo=["DROP TABLE antes"],
    )


def written(baseline: Baseline, revision: str | None = None) -> tuple[Script, str]:
    """Write a first revision; return it with its source."""
    script = write_baseline(alembic_config(), "first", baseline, revision)
    return script, Path(script.path).read_text(encoding="utf-8")


def names() -> set[str]:
    """Return the tables and views of the project's database."""
    inspector = sa.inspect(sa.create_engine(migration_url()))
    return {*inspector.get_table_names(), *inspector.get_view_names()} - {
        "alembic_version",
        "alembic_ledger",
    }


def test_extra_ddl_stands_around_the_tables_and_runs(project: Minimal) -> None:
    _, source = written(Baseline(frozenset({USERS}), extra()))

    places = [source.index(text) for text in ("antes", "create_table", "depois", "drop_table")]
    assert places == sorted(places)
    assert "DEFAULT '\\\\:x'" in source, "a colon is a colon for text()"

    config = alembic_config()
    command.upgrade(config, "head")
    assert names() == {"antes", "usuarios", "depois"}
    assert (
        sa.inspect(sa.create_engine(migration_url())).get_columns("antes")[0]["default"] == "':x'"
    )
    with sa.create_engine(migration_url()).begin() as connection:
        connection.execute(sa.text("DROP VIEW depois"))
    command.downgrade(config, "base")
    assert names() == set()


def test_marked_parts_are_made_and_other_tables_are_not(project: Minimal) -> None:
    _, source = written(Baseline(frozenset({USERS}), ExtraDDL()))
    assert "ck_nome" in source and "ix_nome" in source
    assert "de_outros" not in source


def test_marks_are_put_back_as_they_were(project: Minimal) -> None:
    (metadata,) = load_metadata()
    users, others = metadata.tables["usuarios"], metadata.tables["de_outros"]
    (index,) = users.indexes

    with pytest.raises(RuntimeError), comparing_only({USERS}):
        assert others.info == {MARK: True}
        assert index.info == {"mine": 1}
        assert users.info == {}
        raise RuntimeError
    assert others.info == {}
    assert index.info == {MARK: True, "mine": 1}


def test_keys_that_go_round_in_a_circle_come_afterwards(project: Minimal) -> None:
    project.models(CIRCLE)
    tables = {TableName("setores"), TableName("chefes")}
    (metadata,) = load_metadata()
    keys = {
        key.name: key for table in metadata.tables.values() for key in table.foreign_key_constraints
    }

    with without_circles(alembic_config("postgresql+psycopg://x/y"), tables) as late:
        assert [key.name for key in late] == ["fk_chefe", "fk_setor"]
        assert all(key.info == {MARK: True} for key in keys.values())
    assert all(key.info == {} for key in keys.values())

    with without_circles(alembic_config("sqlite://"), tables) as late:
        assert late == [], "there a key may come before its table"


def test_schemas_and_late_keys_are_operations() -> None:
    metadata = sa.MetaData()
    sa.Table("chefes", metadata, sa.Column("id", sa.Integer, primary_key=True), schema="v")
    key = sa.ForeignKeyConstraint(["chefe"], ["v.chefes.id"], name="fk_chefe")
    sa.Table("setores", metadata, sa.Column("chefe", sa.Integer), key, schema="v")
    baseline = Baseline(frozenset({TableName("setores", "v"), TableName("chefes", "v")}), extra())
    script = MigrationScript("abc", ops.UpgradeOps([]), ops.DowngradeOps([]))
    migration = MigrationContext.configure(
        dialect_name="postgresql", opts={"template_args": {}, "as_sql": True}
    )

    Completion(baseline, [key], has_schemas=True)(migration, "base", [script])

    assert script.upgrade_ops is not None and script.downgrade_ops is not None
    make, before, add, after = script.upgrade_ops.ops
    assert isinstance(make, ops.ExecuteSQLOp) and 'CREATE SCHEMA "v"' in str(make.sqltext)
    assert "'Made by revision abc'" in str(make.sqltext)
    assert isinstance(before, ops.ExecuteSQLOp) and "antes" in str(before.sqltext)
    assert isinstance(add, ops.CreateForeignKeyOp) and add.constraint_name == "fk_chefe"
    assert isinstance(after, ops.ExecuteSQLOp) and "depois" in str(after.sqltext)
    drop, undo, schema = script.downgrade_ops.ops
    assert isinstance(drop, ops.DropConstraintOp) and drop.constraint_name == "fk_chefe"
    assert isinstance(undo, ops.ExecuteSQLOp) and "antes" in str(undo.sqltext)
    assert isinstance(schema, ops.ExecuteSQLOp) and 'DROP SCHEMA "v"' in str(schema.sqltext)

    Completion(baseline, [key], has_schemas=True)(migration, "base", [])  # nothing to write


def test_what_is_replaced_and_left_over_is_said_in_the_revision(
    project: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    left = ExtraDDL(left_over=[VIEW])
    baseline = Baseline(frozenset({USERS}), left, replaces=("a1", "b2"))

    script, source = written(baseline, "c3")

    assert script.revision == "c3"
    assert f"{messages.LEFT_OVER}\n  {VIEW}" in str(script.module.__doc__)
    assert replaced_by(history(), "b2") == "c3"
    capsys.readouterr()
    say_what_template_left_out(script, baseline, Path(script.path))
    assert capsys.readouterr().out == ""


def test_a_script_of_the_projects_own_may_leave_things_out(
    project: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    own = "".join(
        line
        for line in SCRIPT.read_text(encoding="utf-8").splitlines(keepends=True)
        if not any(word in line for word in ("notes", "replaces", "creates", "adopted", "% endif"))
    )
    project.write("migrations/script.py.mako", own)
    baseline = Baseline(frozenset({USERS}), ExtraDDL(left_over=[VIEW]), replaces=("a1",))

    script, source = written(baseline)

    assert "replaces" not in source
    capsys.readouterr()
    say_what_template_left_out(script, baseline, Path(script.path))
    printed = capsys.readouterr().out
    assert "replaces = ('a1',)" in printed and str(VIEW) in printed
    assert f"migrations/versions/{Path(script.path).name}" in printed


def test_a_line_that_is_too_long_is_excused(project: Minimal) -> None:
    long = f"SELECT {', '.join(str(number) for number in range(60))}"
    _, source = written(Baseline(frozenset({USERS}), ExtraDDL(before=[long])))
    assert source.count("# noqa: E501") == 1
