"""What a reviewer would say of revisions."""

import ast
import json
import subprocess
from argparse import Namespace
from pathlib import Path

import alambique
import jsonschema
import pytest
from alambique import messages
from alambique.history.manifest import write_manifest
from alambique.history.script import history
from alambique.settings import alembic_config, use_project
from alambique.tools import lint
from alambique.tools.squawk import squawk
from alembic.util import CommandError

from support.minimal import Minimal, minimal_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Minimal:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    made = minimal_project(tmp_path)
    made.revision("a1")
    made.revision("b2", "a1")
    write_manifest()
    return made


def test_closed_revisions_stay_as_they_are(project: Minimal) -> None:
    file = "migrations/versions/history.txt"
    assert list(lint.problems_of_the_line(history())) == []
    project.revision("a1", upgrade="return")
    changed = messages.REVISION_CHANGED.format(path="migrations/versions/a1.py", file=file)
    assert list(lint.problems_of_the_line(history())) == [changed]
    (project.versions / "a1.py").unlink()
    project.revision("b2")
    gone = messages.REVISION_GONE.format(revision="a1", file=file)
    assert list(lint.problems_of_the_line(history())) == [gone]
    project.revision("c3", "b2")
    stale = messages.LINE_STALE.format(file=file)
    assert list(lint.problems_of_the_line(history())) == [gone, stale]


@pytest.mark.parametrize(
    ("models", "imports", "refused"),
    [
        ("app", "import app.usuarios.models", "app.usuarios.models"),
        ("app", "from core.database import Base", "core.database"),
        ("app", "import applause, alambique.names, sqlalchemy", ""),
        ("loja.modulos", "import loja", "loja"),
        ("loja.modulos", "import app", ""),
    ],
)
def test_a_revision_imports_nothing_that_changes_after_it(
    project: Minimal, models: str, imports: str, refused: str
) -> None:
    project.write("pyproject.toml", f'[tool.alambique]\nlanguage = "en"\nmodels = ["{models}"]\n')
    use_project(project.root)
    packages = lint.application_packages()
    assert ", ".join(lint.imported(ast.parse(imports), packages)) == refused


@pytest.mark.parametrize(
    ("upgrade", "downgrade", "is_fit"),
    [
        ('op.execute("SELECT 1")', "pass", False),
        ('op.execute("SELECT 1")', "raise NotImplementedError", False),
        ('op.execute("SELECT 1")', '"""The rows are gone for good."""', True),
        ("pass", "pass", True),
    ],
)
def test_a_new_revision_can_be_undone_or_says_why(
    project: Minimal, upgrade: str, downgrade: str, is_fit: bool
) -> None:
    project.revision("b2", "a1", upgrade=upgrade, downgrade=downgrade)
    sentence = messages.NO_DOWNGRADE.format(path="migrations/versions/b2.py")
    assert list(lint.problems_of_revisions(history())) == ([] if is_fit else [sentence])


def test_the_exit_code_says_whether_there_is_anything(
    project: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lint.run(Namespace(url=None, json=False)) == 0
    assert capsys.readouterr().out == f"{messages.REVISIONS_FIT}\n"
    project.revision("b2", "a1", upgrade='op.execute("SELECT 1")')
    assert lint.run(Namespace(url=None, json=False)) == 1
    project.revision("c3", "a1")
    with pytest.raises(CommandError, match="rebase"):
        lint.run(Namespace(url=None, json=False))


# squawk reads the SQL of the new revisions, where the database is PostgreSQL

POSTGRESQL = "postgresql+psycopg://nobody@127.0.0.1:1/nowhere"  # offline: nothing connects


def line_of(project: Minimal, revision: str, words: str) -> int:
    """Return the line of a revision that says something."""
    lines = (project.versions / f"{revision}.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


def test_squawk_points_to_the_line_of_the_revision(
    project: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    one = 'op.create_index(\n    "i",\n    "usuarios",\n    ["nome"],\n)'
    two = 'for name in "ab":\n    op.execute(f"""\nDROP TABLE\n{name}""")'
    project.revision("b2", "a1", upgrade=f"pass\n{one}", downgrade='op.drop_index("i")')
    project.revision("c3", "b2", upgrade=two, downgrade='"""No way back."""')
    assert lint.run(Namespace(url=POSTGRESQL, json=True)) == 1
    said = json.loads(capsys.readouterr().out)
    schema = Path(alambique.__file__).parent / "schemas" / "lint.json"
    jsonschema.validate(said, json.loads(schema.read_text(encoding="utf-8")))

    places = {(each["path"], each["line"]) for each in said["advice"]}
    assert places == {
        ("migrations/versions/b2.py", line_of(project, "b2", "create_index")),
        ("migrations/versions/c3.py", line_of(project, "c3", "op.execute")),
    }
    dropped = [each for each in said["advice"] if each["rule"] == "ban-drop-table"]
    assert len(dropped) == 2


def test_squawk_reads_what_is_new(project: Minimal, capfd: pytest.CaptureFixture[str]) -> None:
    unsafe = 'op.create_index("i", "usuarios", ["nome"])'
    rule = "require-concurrent-index-creation"
    undone = 'op.drop_index("i")'
    project.revision("b2", "a1", upgrade=unsafe, downgrade=undone)
    assert lint.run(Namespace(url=None, json=False)) == 0, "not on SQLite"
    assert lint.run(Namespace(url=POSTGRESQL, json=False)) == 1
    said = capfd.readouterr().out
    assert f"\nmigrations/versions/b2.py:{line_of(project, 'b2', 'create_index')}: {rule}: " in said
    assert messages.SQUAWK_SAYS in said

    others = "prefer-robust-stmts,require-timeout-settings"
    ignored = f"# squawk-ignore {rule}: the table is small\n# squawk-ignore {others}"
    project.revision("b2", "a1", upgrade=unsafe, downgrade=undone, more=ignored)
    assert lint.run(Namespace(url=POSTGRESQL, json=False)) == 0

    rules = ", ".join(f'"{each}"' for each in [rule, *others.split(",")])
    project.revision("b2", "a1", upgrade=unsafe, downgrade=undone)
    project.write(".squawk.toml", f"excluded_rules = [{rules}]\n")
    assert lint.run(Namespace(url=POSTGRESQL, json=False)) == 0


def test_squawk_does_not_judge_what_was_adopted(project: Minimal) -> None:
    unsafe = 'op.create_index("i", "usuarios", ["nome"])'
    undone = 'op.drop_index("i")'
    project.revision("b2", "a1", upgrade=unsafe, downgrade=undone, more="adopted = True")
    assert lint.run(Namespace(url=POSTGRESQL, json=False)) == 0
    project.revision("c3", "b2", upgrade=unsafe, downgrade=undone)
    assert lint.run(Namespace(url=POSTGRESQL, json=False)) == 1


def test_without_squawk_a_sentence_says_so(
    project: Minimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert squawk(alembic_config(POSTGRESQL), []) == []

    def absent(*_: object, **__: object) -> None:
        raise FileNotFoundError("squawk")

    monkeypatch.setattr(subprocess, "run", absent)
    with pytest.raises(CommandError) as refused:
        squawk(alembic_config(POSTGRESQL), [history().get_revision("b2")])
    assert str(refused.value) == messages.NO_SQUAWK.format(cause="squawk")


def test_a_squawk_that_does_not_read_says_why(project: Minimal) -> None:
    project.revision("b2", "a1", upgrade='op.execute("SELECT 1")')
    project.write(".squawk.toml", "no settings = at all\n")
    with pytest.raises(CommandError) as refused:
        squawk(alembic_config(POSTGRESQL), [history().get_revision("b2")])
    assert str(refused.value).startswith(messages.SQUAWK_FAILED.partition("{")[0])
