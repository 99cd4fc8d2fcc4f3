"""What the models' naming convention calls a constraint, every command calls it."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.autogenerate.written_convention import written_convention
from alambique.commands import apply_migrations, revert_migrations
from alambique.database.creation import scratch_database
from alambique.history.plan import plan
from alambique.history.status import State, status
from alambique.settings import InvalidSetting, alembic_config, use_project
from alembic import command
from alembic.util import CommandError
from sqlalchemy.engine import URL, make_url

from support.minimal import Minimal, minimal_project
from support.servers import server_url

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
MODELS = f"""
import sqlalchemy as sa

metadata.naming_convention = {CONVENTION}
Table("p", metadata, Column("id", Integer, primary_key=True))
Table(
    "t",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("a", String(9), unique=True),
    Column("n", Integer, index=True),
    Column("p", sa.ForeignKey("p.id")),
    Column("kind", sa.Enum("x", "y", name="kind", native_enum=False, create_constraint=True)),
    sa.CheckConstraint("n > 0", name="positive"),
)
"""
# As one writes it by hand, or as Alembic did before the models had a convention.
UP = """
op.create_table("p", sa.Column("id", sa.Integer, primary_key=True))
op.create_table(
    "t",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("a", sa.String(9), unique=True),
    sa.Column("n", sa.Integer),
    sa.Column("p", sa.Integer, sa.ForeignKey("p.id")),
    sa.Column(
        "kind", sa.Enum("x", "y", name="kind", native_enum=False, create_constraint=True)
    ),
    sa.CheckConstraint("n > 0", name="positive"),
)
op.create_index(None, "t", ["n"])
"""
DOWN = 'op.drop_table("t")\nop.drop_table("p")'
DROPS = """
with op.batch_alter_table("t") as batch:
    batch.drop_constraint("positive", type_="check")
    batch.drop_constraint(op.f("fk_t_p"), type_="foreignkey")
    batch.drop_constraint("uq_t_a", type_="unique")
"""
ADDS = """
with op.batch_alter_table("t") as batch:
    batch.create_unique_constraint(None, ["a"])
    batch.create_foreign_key(None, "p", ["p"], ["id"])
    batch.create_check_constraint("positive", "n > 0")
"""
NAMES = {"uq_t_a", "ix_t_n", "fk_t_p", "ck_t_positive", "ck_t_kind"}
SETTING = "naming-convention = {{ {} }}\n"
# A marker in the application's own package.
IMPORTED = "\nimport sys\nsys.imported = True\n"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Minimal:
    monkeypatch.setattr(sys, "imported", False, raising=False)
    made = minimal_project(tmp_path)
    made.models(IMPORTED + MODELS)
    made.revision("a1", upgrade=UP, downgrade=DOWN)
    return made


def is_imported() -> bool:
    """Tell whether the application was imported."""
    found: bool = vars(sys)["imported"]
    return found


def say(made: Minimal, convention: dict[str, str] | None) -> None:
    """Say a convention in `[tool.alambique]`."""
    path = made.root / "pyproject.toml"
    said = path.read_text(encoding="utf-8")
    if convention is not None:
        pairs = ", ".join(f'{key} = "{value}"' for key, value in convention.items())
        said += SETTING.format(pairs)
    made.write("pyproject.toml", said)
    use_project(made.root)


def names(url: URL | str) -> set[str]:
    """Return what the constraints and indexes of `t` are called, and the primary key if it is."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    inspector = sa.inspect(engine)
    found: list[Any] = [
        *inspector.get_unique_constraints("t"),
        *inspector.get_indexes("t"),
        *inspector.get_foreign_keys("t"),
        *inspector.get_check_constraints("t"),
    ]
    if engine.dialect.name != "mysql":
        found.append(inspector.get_pk_constraint("t"))
    return {each["name"] for each in found}


def expected(url: URL | str) -> set[str]:
    """Return what the models' convention calls them."""
    return NAMES if make_url(url).get_backend_name() == "mysql" else {*NAMES, "pk_t"}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql"])
def test_an_upgrade_names_as_the_models_do(made: Minimal, kind: str) -> None:
    made.revision("b2", "a1", upgrade=DROPS, downgrade=ADDS)
    beside = make_url(f"sqlite:///{made.root}/app.db") if kind == "sqlite" else server_url(kind)
    with scratch_database(beside) as url:
        apply_migrations("a1", url)
        assert names(url) >= expected(url)
        apply_migrations("b2", url)
        assert names(url).isdisjoint({"uq_t_a", "ck_t_positive"})
        assert sa.inspect(sa.create_engine(url, poolclass=sa.NullPool)).get_foreign_keys("t") == []
        revert_migrations("-1", url)
        assert names(url) >= expected(url)
        assert status(alembic_config(url), compare=False).state is State.BEHIND


def test_the_guard_and_the_plan_name_as_the_upgrade_does(
    made: Minimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.revision("b2", "a1", upgrade=DROPS, downgrade=ADDS)
    planned = "\n".join(each.sql for each in plan(alembic_config()).statements)
    assert "ck_t_positive" in planned and "pk_t" in planned

    config = alembic_config("postgresql+psycopg://nobody@nowhere.invalid/db")
    config.output_buffer = io.StringIO()
    command.upgrade(config, "head", sql=True)
    printed = config.output_buffer.getvalue()
    assert "DROP CONSTRAINT ck_t_positive" in printed and "CONSTRAINT pk_t PRIMARY KEY" in printed

    apply_migrations()  # into the project's own database, which the guard looks at
    revert_migrations("a1")
    assert names(f"sqlite:///{made.root}/app.db") >= {*NAMES, "pk_t"}


def test_what_says_its_names_imports_nothing(made: Minimal) -> None:
    explicit = """
        op.create_table(
            "t",
            sa.Column("id", sa.Integer, nullable=False),
            sa.Column("a", sa.String(9)),
            sa.Column("n", sa.Integer),
            sa.CheckConstraint("n > 0", name=op.f("ck_t_positive")),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_t")),
            sa.UniqueConstraint("a", name=op.f("uq_t_a")),
        )
        op.create_index(op.f("ix_t_n"), "t", ["n"])
        with op.batch_alter_table("t") as batch:
            batch.add_column(sa.Column("more", sa.Integer))
            batch.alter_column("more", existing_type=sa.Integer(), nullable=True)
    """
    undo = 'op.drop_index(op.f("ix_t_n"), table_name="t")\nop.drop_table("t")'
    made.revision("a1", upgrade=explicit, downgrade=undo)
    apply_migrations()
    revert_migrations("base")
    assert not is_imported()


def test_a_setting_says_it_without_an_import(made: Minimal) -> None:
    say(made, CONVENTION)
    apply_migrations()
    assert names(f"sqlite:///{made.root}/app.db") >= {*NAMES, "pk_t"}
    assert not is_imported()


def test_an_empty_setting_says_that_there_is_none(made: Minimal) -> None:
    say(made, {})
    apply_migrations()
    found = names(f"sqlite:///{made.root}/app.db")
    assert {"positive", "kind"} <= found and "pk_t" not in found
    assert not is_imported()


def test_a_setting_that_the_models_contradict_is_said_where_they_are_compared(
    made: Minimal,
) -> None:
    other = {**CONVENTION, "pk": "%(table_name)s_pkey"}
    say(made, other)
    apply_migrations()
    with pytest.raises(CommandError) as refused:
        status(alembic_config())
    assert str(refused.value) == messages.NAMING_DIFFERS.format(setting=other, models=CONVENTION)


@pytest.mark.parametrize("said", ['"none"', "[]", "{ uq = 1 }"])
def test_a_setting_that_is_no_table_of_texts(made: Minimal, said: str) -> None:
    path = made.root / "pyproject.toml"
    made.write("pyproject.toml", f"{path.read_text()}naming-convention = {said}\n")
    with pytest.raises(InvalidSetting, match="naming-convention"):
        use_project(made.root)


def test_an_import_that_fails_names_the_setting(made: Minimal) -> None:
    made.models("1 / 0\n")
    with pytest.raises(CommandError) as refused:
        apply_migrations()
    assert "naming-convention" in str(refused.value) and "1 / 0" not in str(refused.value)
    assert f"{made.package}/models.py:" in str(refused.value)
    engine = sa.create_engine(f"sqlite:///{made.root}/app.db", poolclass=sa.NullPool)
    assert not sa.inspect(engine).has_table("t")


OTHER = """
other = MetaData(naming_convention={convention})
Table("elsewhere", other, Column("id", Integer, primary_key=True))
"""


@pytest.mark.parametrize("agree", [True, False])
def test_several_metadata_name_as_they_agree(made: Minimal, agree: bool) -> None:
    path = made.root / "pyproject.toml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("base")]
    made.write("pyproject.toml", "\n".join(lines) + "\n")
    use_project(made.root)
    made.models(MODELS + OTHER.format(convention=CONVENTION if agree else {"pk": "other"}))
    apply_migrations()
    found = names(f"sqlite:///{made.root}/app.db")
    assert ("pk_t" in found) is agree and ("ck_t_positive" in found) is agree


ENV = """
import sqlalchemy as sa
from alambique.env import run_migrations

one = sa.MetaData(naming_convention={convention})
run_migrations(target_metadata={given})
"""


@pytest.mark.parametrize(("given", "is_named"), [("one", True), ("[one]", False)])
def test_models_that_env_py_gives_name_as_alembic_has_it(
    made: Minimal, given: str, is_named: bool
) -> None:
    """One MetaData has its convention counted; a list, Alembic never asks."""
    made.write("migrations/env.py", ENV.format(convention=CONVENTION, given=given))
    apply_migrations()
    assert ("pk_t" in names(f"sqlite:///{made.root}/app.db")) is is_named
    assert not is_imported()


def test_tokens_of_their_own_and_classes_as_keys(made: Minimal) -> None:
    own = """
    def first(constraint, table):
        return table.name[0]

    metadata.naming_convention = {
        "first": first,
        "ix": "ix_%(first)s",
        sa.PrimaryKeyConstraint: "pk_%(first)s",
        "uq": "uq_%(first)s_%(column_0_name)s",
    }
    """
    made.models(f"import sqlalchemy as sa\n{own}".replace("\n    ", "\n"))
    apply_migrations()
    found = names(f"sqlite:///{made.root}/app.db")
    assert {"pk_t", "uq_t_a", "ix_t", "positive"} <= found


BASE = """
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase
import nothing_that_is_there

{before}

class Base(DeclarativeBase):
    metadata = MetaData(naming_convention={said})
"""


@pytest.mark.parametrize(
    ("before", "said", "is_plain"),
    [
        (f"NAMES = {CONVENTION}", "NAMES", True),
        (f"NAMES: dict[str, str] = {CONVENTION}", "NAMES", True),
        ("", repr(CONVENTION), True),
        (f"NAMES = {CONVENTION}\nif True:\n    NAMES = {{}}", "NAMES", False),
        ("", "dict(pk='pk_%(table_name)s')", False),
        ("def f(constraint, table): ...", "{'f': f}", False),
    ],
)
def test_what_the_base_writes_out_is_not_imported(
    tmp_path: Path, before: str, said: str, is_plain: bool
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.alambique]\nbase = "core.database.Base"\n')
    (tmp_path / "core").mkdir()
    (tmp_path / "core/database.py").write_text(BASE.format(before=before, said=said))
    use_project(tmp_path)
    assert written_convention() == (CONVENTION if is_plain else None)
    assert "core.database" not in sys.modules


def test_a_project_without_models_has_no_convention(tmp_path: Path) -> None:
    """As with a stock env.py that says `target_metadata = None`."""
    made = minimal_project(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.alambique]\nlanguage = "en"\n')
    made.revision("a1", upgrade=UP)
    use_project(tmp_path)
    command.upgrade(alembic_config(f"sqlite:///{tmp_path}/app.db"), "head")
    found = sa.inspect(sa.create_engine(f"sqlite:///{tmp_path}/app.db"))
    assert found.get_pk_constraint("t")["name"] is None
