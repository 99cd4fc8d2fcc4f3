"""What env.py says is heard by every command, however it says it."""

import io
import threading
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.adopt import models
from alambique.adopt.made import MadeFiles
from alambique.commands import (
    apply_migrations,
    create_migration,
    current_revision,
    ensure_current,
    pending_revisions,
    revert_migrations,
)
from alambique.database.creation import scratch_database
from alambique.history.environment import hear
from alambique.history.plan import plan
from alambique.history.rebase import rebase
from alambique.history.status import NotCurrent, State, current_heads, status
from alambique.names import TableName
from alambique.settings import alembic_config, use_history
from alambique.testing import history as checks_of_history
from alambique.tools import downgrade, setup, upgrade
from alambique.tools.doctor.checks import Found
from alambique.tools.doctor.database import Database
from alambique.web.readiness import readiness
from alembic import command
from alembic.util import CommandError
from sqlalchemy.engine import make_url

from support.minimal import Minimal, minimal_project
from support.servers import server_url

CREATE = 'op.create_table("t", sa.Column("id", sa.Integer, primary_key=True))'
MODEL = 'Table("t", metadata, Column("id", Integer, primary_key=True))\n'
SAYS = """
from alambique.env import run_migrations

{lines}
run_migrations({options})
"""
# As `alembic init` writes it, but for its version table.
STOCK = """
from alembic import context
from sqlalchemy import create_engine, pool

from {package}.models import metadata

engine = create_engine("sqlite:///{root}/app.db", poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(
        connection=connection, target_metadata=metadata, version_table="versions"
    )
    with context.begin_transaction():
        context.run_migrations()
"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Minimal:
    made = minimal_project(tmp_path)
    made.models(MODEL)
    made.revision("a1", upgrade=CREATE, downgrade='op.drop_table("t")')
    made.revision("b2", "a1")
    says(made, 'version_table="versions"')
    monkeypatch.setenv("DATABASE_URL", url(made))
    return made


def url(made: Minimal) -> str:
    return f"sqlite:///{made.root}/app.db"


def says(made: Minimal, options: str, lines: str = "") -> None:
    """Write an env.py that says more than ours."""
    made.write("migrations/env.py", SAYS.format(options=options, lines=lines))


def stock(made: Minimal) -> None:
    """Write an env.py that has nothing of ours."""
    made.write("migrations/env.py", STOCK.format(package=made.package, root=made.root))


def versions(made: Minimal, table: str = "versions") -> list[str]:
    engine = sa.create_engine(url(made), poolclass=sa.NullPool)
    with engine.connect() as connection:
        return [*connection.exec_driver_sql(f"SELECT version_num FROM {table}").scalars()]


@pytest.mark.parametrize("is_stock", [False, True])
def test_every_command_asks_the_table_that_env_py_names(
    made: Minimal, is_stock: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if is_stock:
        stock(made)
    apply_migrations("a1")
    assert versions(made) == ["a1"]
    assert current_heads(alembic_config()) == ("a1",)
    assert current_revision() == "a1" and pending_revisions() == ["b2"]
    assert status(alembic_config()).sentence == messages.BEHIND.format(
        database="a1", code="b2", count=1
    )
    if not is_stock:
        assert [each.revision for each in plan(alembic_config()).revisions] == ["b2"]
    assert readiness()[0] == "behind"
    with pytest.raises(NotCurrent):
        ensure_current()

    apply_migrations()
    ensure_current()
    assert readiness()[0] == "ready"
    found = status(alembic_config())
    assert (found.state, found.ignored) == (State.CURRENT, [])
    doctor = Found(config=alembic_config(), database_opens=True)
    assert Database(doctor).revisions() == messages.DOCTOR_HEAD.format(head="b2")
    assert downgrade.run(Namespace(url=None, to="a1", lose=[], yes=False)) == 0
    assert versions(made) == ["a1"]
    assert messages.NOTHING_TO_UNDO not in capsys.readouterr().out


def test_one_that_connects_by_itself_is_not_sent_elsewhere(made: Minimal) -> None:
    """It would do to its own database what is meant for a copy, or for a scratch database."""
    stock(made)
    apply_migrations("a1")
    refused = messages.ENV_CONNECTS.format(place="migrations/env.py")
    elsewhere = f"sqlite:///{made.root}/other.db"
    for call in (
        lambda: plan(alembic_config()),
        lambda: apply_migrations(url=elsewhere),
        lambda: revert_migrations(url=elsewhere),
        lambda: create_migration("x", url=elsewhere),
        lambda: current_revision(elsewhere),
        lambda: status(alembic_config(elsewhere)),
        lambda: upgrade.run(Namespace(url=elsewhere, to=None)),
        lambda: setup.run(Namespace(url=elsewhere)),
        lambda: downgrade.run(Namespace(url=elsewhere, to="base", lose=[], yes=False)),
    ):
        with pytest.raises(CommandError) as error:
            call()
        assert str(error.value) == refused
    assert versions(made) == ["a1"] and not (made.root / "other.db").exists()


def test_each_section_is_heard_for_itself(made: Minimal) -> None:
    """One env.py for two histories: what it sets in the one is not said of the other."""
    ini = (made.root / "alembic.ini").read_text()
    made.write("alembic.ini", ini + ini.replace("[alembic]", "[other]"))
    lines = (
        "from alembic import context\n"
        "section = context.config.config_ini_section\n"
        f"url = f'sqlite:///{made.root}/{{section}}.db'\n"
        "context.config.set_main_option('sqlalchemy.url', url)\n"
    )
    says(made, "", lines)
    try:
        for section, revision in (("alembic", "b2"), ("other", "a1")):
            use_history(section=section)
            apply_migrations(revision)
            assert current_revision() == revision
    finally:
        use_history()


def test_a_table_in_a_schema(made: Minimal) -> None:
    says(made, 'version_table="versions", version_table_schema="ops"')
    with scratch_database(server_url("postgresql")) as at:
        engine = sa.create_engine(at, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE SCHEMA ops")
        apply_migrations(url=at)
        assert sa.inspect(engine).get_table_names("ops") == ["versions"]
        assert current_revision(at) == "b2" and current_heads(alembic_config(at)) == ("b2",)
        assert status(alembic_config(at)).state is State.CURRENT
        ensure_current(at)


def test_what_lies_beside_it_is_ours(made: Minimal) -> None:
    """Else whoever asks for the schema gets a model of the ledger."""
    says(made, 'version_table="versions", version_table_schema="ops"')
    ours = hear(alembic_config()).own_tables("public")
    assert {TableName("versions", "ops"), TableName("alembic_ledger", "ops")} <= ours


def test_a_rebase_makes_way_in_it(made: Minimal) -> None:
    made.revision("c3", "a1", upgrade="pass")
    apply_migrations("c3")
    rebase(alembic_config(), top="c3")
    assert versions(made) == ["a1"]


def test_a_merge_of_its_rows_is_no_loss(made: Minimal) -> None:
    made.revision("c3", "a1")
    apply_migrations("heads")
    made.revision("d4", ("b2", "c3"))
    planned = plan(alembic_config())
    assert any("versions" in each.sql for each in planned.statements)
    assert [each.risk for each in planned.statements] == [None] * len(planned.statements)


def test_the_checks_of_history_know_it(made: Minimal) -> None:
    for check in (
        checks_of_history.test_up_down_and_up_again,
        checks_of_history.test_every_revision_can_be_undone,
    ):
        with scratch_database(make_url(url(made))) as at:
            check(at)


def test_no_model_is_written_of_it(made: Minimal) -> None:
    made.models("")
    apply_migrations()
    engine = sa.create_engine(url(made), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE cars (id INTEGER PRIMARY KEY)")
    options = Namespace(url=None, schema=None, tables=None, module=None)
    assert "versions" not in {
        each.name for each in models.write_models(alembic_config(), options, MadeFiles())
    }


def test_a_database_that_env_py_names(made: Minimal) -> None:
    ini = (made.root / "alembic.ini").read_text().replace("sqlalchemy.url", "# sqlalchemy.url")
    made.write("alembic.ini", ini)
    other = f"sqlite:///{made.root}/other.db"
    lines = (
        "from alembic import context\n"
        f"context.config.set_main_option('sqlalchemy.url', {other!r})\n"
    )
    says(made, "", lines)
    apply_migrations()
    for _ in range(2):
        assert current_revision() == "b2" and pending_revisions() == []
    assert status(alembic_config()).state is State.CURRENT
    assert plan(alembic_config()).revisions == []
    assert not (made.root / "app.db").exists()


def test_readiness_runs_env_py_once(made: Minimal) -> None:
    apply_migrations()
    says(made, 'version_table="versions"', f"open('{made.root}/runs', 'a').write('x')")
    for _ in range(3):
        assert readiness()[0] == "ready"
        ensure_current()
    assert (made.root / "runs").read_text() == "x"

    says(made, "")  # it is read anew where it changed
    assert readiness()[0] == "behind"


def test_many_at_once(made: Minimal) -> None:
    """A service answers its probes in threads, and may migrate in another one."""
    apply_migrations()
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(readiness()[0])) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["ready"] * 20


def test_a_program_that_asks_in_the_middle_of_a_command(made: Minimal) -> None:
    """Alembic knows one command at a time: the one that is asked in between gives it back."""
    asks = "from alambique.history.status import current_heads\n"
    asks += "from alambique.commands import current_revision\n"
    asks += "from alambique.settings import alembic_config\n"
    for number, ask in enumerate(("current_heads(alembic_config())", "current_revision()")):
        made.revision(
            f"c{number}",
            f"c{number - 1}" if number else "b2",
            upgrade=f'{asks}{ask}\nop.create_table("u{number}", sa.Column("id", sa.Integer))',
        )
    apply_migrations()
    assert versions(made) == ["c1"]


def test_an_env_py_that_fails_is_a_sentence(made: Minimal) -> None:
    made.write("migrations/env.py", "1 / 0\n")
    state, sentence = readiness()
    assert state == "error" and "ZeroDivisionError" in sentence
    assert "migrations/env.py:1" in sentence
    with pytest.raises(CommandError, match="ZeroDivisionError"):
        ensure_current()
    with pytest.raises(CommandError, match="ZeroDivisionError"):
        status(alembic_config())


# What a comparison is told


def compared(made: Minimal) -> str:
    """Return what `check` says of the models."""
    return status(alembic_config()).sentence


NAMED = MODEL.replace("primary_key=True)", 'primary_key=True), Column("name", String(9))')


@pytest.fixture
def named(made: Minimal) -> Iterator[Minimal]:
    """A project whose database has a column that is longer than the model says."""
    made.revision("b2", "a1", upgrade='op.add_column("t", sa.Column("name", sa.String(20)))')
    made.models(NAMED)
    yield made


@pytest.mark.parametrize("answer", [None, True, False])
def test_a_comparison_of_types_of_their_own(named: Minimal, answer: bool | None) -> None:
    says(named, 'version_table="versions", compare_type=mine', f"def mine(*_): return {answer}")
    apply_migrations()
    assert ("name" in compared(named)) is (answer is not False)


@pytest.mark.parametrize("answer", [None, True, False])
def test_a_comparison_of_defaults_of_their_own(named: Minimal, answer: bool | None) -> None:
    named.models(NAMED.replace("String(9)", 'String(20), server_default="x"'))
    lines = f"def mine(*_): return {answer}"
    says(named, 'version_table="versions", compare_server_default=mine', lines)
    apply_migrations()
    assert ("name" in compared(named)) is (answer is not False)


RENDERS = """
def mine(type_, item, context):
    if type_ == "type" and getattr(item, "length", None) == {length}:
        return "sa.String({length}, collation=None)"
    return {otherwise}
"""


@pytest.mark.parametrize("otherwise", [None, False])
def test_a_rendering_of_their_own(made: Minimal, otherwise: bool | None) -> None:
    """Theirs first; ours where theirs says nothing."""
    decorated = """
    import sqlalchemy as sa
    class Mine(sa.TypeDecorator):
        impl = sa.String(9)
        cache_ok = True
    """.replace("\n    ", "\n")
    columns = 'primary_key=True), Column("a", String(7)), Column("b", Mine)'
    made.models(decorated + MODEL.replace("primary_key=True)", columns))
    lines = RENDERS.format(length=7, otherwise=otherwise)
    says(made, 'version_table="versions", render_item=mine', lines)
    apply_migrations()
    written = Path(str(create_migration("more"))).read_text(encoding="utf-8")
    assert "sa.String(7, collation=None)" in written
    assert "sa.String(length=9)" in written and "Mine" not in written


DIRECTIVES = {
    # The recipe that everybody copies: no revision where nothing has changed.
    "plain": """
def mine(migration, revision, directives):
    heard.append(revision)
    if directives and directives[0].upgrade_ops.is_empty():
        directives[:] = []
""",
    "calls ours": """
from alambique.autogenerate.directives import review
def mine(migration, revision, directives):
    heard.append(revision)
    review(migration, revision, directives)
""",
}


@pytest.mark.parametrize("how", DIRECTIVES)
@pytest.mark.parametrize("is_equal", [True, False])
def test_directives_of_their_own_come_before_ours(
    made: Minimal, how: str, is_equal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []
    monkeypatch.setattr("builtins.heard", heard, raising=False)
    options = 'version_table="versions", process_revision_directives=mine'
    says(made, options, DIRECTIVES[how])
    made.models(MODEL if is_equal else "Table('other', metadata, Column('id', Integer))\n")
    apply_migrations()
    if is_equal:
        assert create_migration("nothing") is None and len(heard) == 1
        return
    with pytest.raises(CommandError) as refused:  # what is in `t` would be lost
        create_migration("less")
    assert "drop=t" in str(refused.value)
    assert "drop_table" in compared(made)


def test_schemas_are_looked_into_as_env_py_says(made: Minimal) -> None:
    made.models(MODEL + 'Table("u", metadata, Column("id", Integer), schema="ops")\n')
    with scratch_database(server_url("postgresql")) as at:
        with sa.create_engine(at, poolclass=sa.NullPool).begin() as connection:
            connection.exec_driver_sql("CREATE SCHEMA ops")
        apply_migrations(url=at)
        says(made, 'version_table="versions", include_schemas=True')
        assert "schema='ops'" in status(alembic_config(at)).sentence
        with sa.create_engine(at, poolclass=sa.NullPool).begin() as connection:
            connection.exec_driver_sql("CREATE TABLE ops.u (id INTEGER)")
        assert status(alembic_config(at)).state is State.CURRENT


def test_what_a_stock_env_py_prints_is_not_in_the_answer(made: Minimal) -> None:
    stock(made)
    apply_migrations()
    config = alembic_config()
    config.stdout = io.StringIO()
    command.current(config)
    assert "b2" in config.stdout.getvalue()
    revert_migrations("base")
    assert current_revision() is None
