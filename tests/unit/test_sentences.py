"""Mistakes that everybody makes once: each is a sentence with its cure, in both languages."""

from pathlib import Path

import pytest
from alambique import cli, messages
from alambique.commands import apply_migrations, create_migration
from alambique.settings import alembic_config, service_url, use_project
from alembic.util import CommandError

from support.minimal import Minimal, is_said, minimal_project

CREATE = 'op.create_table("t", sa.Column("id", sa.Integer, primary_key=True))'
MODEL = 'Table("t", metadata, Column("id", Integer, primary_key=True))\n'
ORPHAN = """
from sqlalchemy import ForeignKey

Table("t", metadata, Column("id", Integer, primary_key=True),
      Column("owner_id", ForeignKey("{target}")))
Table("u", metadata, Column("id", Integer, primary_key=True))
"""
HOOKS = "\n[post_write_hooks]\nhooks = ruff\nruff.type = ruff\n"


@pytest.fixture(params=["en", "pt"])
def made(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Minimal:
    """A project with a table, in each language, that commands are typed in."""
    made = minimal_project(tmp_path, language=request.param)
    made.models(MODEL)
    made.revision("a1", upgrade=CREATE, downgrade='op.drop_table("t")')
    monkeypatch.chdir(tmp_path)
    return made


@pytest.mark.parametrize(
    ("target", "missing"), [("nothing.id", "nothing"), ("u.number", "u.number")]
)
def test_a_key_that_refers_to_nothing(
    made: Minimal, target: str, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made.models(ORPHAN.format(target=target))
    apply_migrations()
    sentence = messages.KEY_TO_NOTHING.format(column="t.owner_id", missing=missing)
    assert made.typed("revision", "--autogenerate", "-m", "x") and is_said(sentence, capsys)
    assert cli.main(["check"]) == 1 and is_said(sentence, capsys)
    with pytest.raises(CommandError) as refused:
        create_migration("x")
    assert str(refused.value) == sentence


@pytest.mark.parametrize("words", [("upgrade",), ("plan",), ("setup",)])
@pytest.mark.parametrize(
    ("name", "cure"),
    [("postgresql", "from sqlalchemy.dialects import postgresql"), ("nothing", None)],
)
def test_a_name_that_is_not_imported(
    made: Minimal,
    words: tuple[str, ...],
    name: str,
    cure: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = made.revision("b2", "a1", upgrade=f"op.execute({name}.text('SELECT 1'))")
    line = path.read_text().split("\n").index(f"    op.execute({name}.text('SELECT 1'))") + 1
    place = f"migrations/versions/b2.py:{line}"
    said = {"place": place, "name": name}
    sentence = (
        messages.NAME_UNKNOWN.format(**said)
        if cure is None
        else messages.NAME_NOT_IMPORTED.format(**said, cure=cure)
    )
    assert cli.main(list(words)) == 1 and is_said(sentence, capsys)
    assert made.typed("upgrade", "head") and is_said(sentence, capsys)


def test_a_revision_that_fails_by_itself(made: Minimal, capsys: pytest.CaptureFixture[str]) -> None:
    path = made.revision("b2", "a1", upgrade="rows = {}\nrows['x']")
    line = path.read_text().split("\n").index("    rows['x']") + 1
    sentence = messages.REVISION_FAILED.format(
        place=f"migrations/versions/b2.py:{line}", cause="KeyError: 'x'"
    )
    assert cli.main(["upgrade"]) == 1 and is_said(sentence, capsys)
    assert made.typed("upgrade", "head") and is_said(sentence, capsys)
    with pytest.raises(KeyError):  # a program gets the error itself
        apply_migrations()


def test_a_database_ahead_is_not_told_to_upgrade(
    made: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    later = made.revision("b2", "a1")
    apply_migrations()
    later.unlink()
    sentence = messages.AHEAD.format(database="b2", code="a1")
    for words in (["check"], ["plan"], ["upgrade"], ["downgrade"]):
        assert cli.main(words) and is_said(sentence, capsys)
    for typed in (["current"], ["revision", "--autogenerate", "-m", "x"], ["stamp", "head"]):
        assert made.typed(*typed) and is_said(sentence, capsys), typed


@pytest.mark.parametrize(
    "words", [["revision", "-m", "x"], ["revision", "--autogenerate", "-m", "x"]]
)
def test_a_written_revision_keeps_its_imports(made: Minimal, words: list[str]) -> None:
    ini = made.root / "alembic.ini"
    made.write("alembic.ini", ini.read_text() + HOOKS)
    made.models(MODEL + 'Table("u", metadata, Column("id", Integer, primary_key=True))\n')
    apply_migrations()
    assert made.typed(*words) == 0
    (written,) = [path for path in made.versions.glob("*.py") if path.name != "a1.py"]
    source = written.read_text()
    assert "import sqlalchemy as sa\n" in source and "from alembic import op\n" in source


def test_a_driver_that_the_service_lacks(made: Minimal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "asyncpg", None)
    url = "postgresql+asyncpg://ana:segredo@db.example.com/loja"
    monkeypatch.setenv("DATABASE_URL", url)
    use_project(made.root)
    with pytest.raises(Exception) as refused:
        service_url()
    said = str(refused.value)
    assert "asyncpg" in said and "postgresql+psycopg" in said and "segredo" not in said
    assert alembic_config() is not None
