"""A command ends with a line: what was done, how long it took, what comes next."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import alambique
import jsonschema
import pytest
from alambique import cli, messages
from alambique.commands import apply_migrations, create_migration, revert_migrations
from alambique.history.outcome import spoken
from alambique.history.status import State
from alambique.terminal import INTERRUPTED, TERMINATED

from support.minimal import Minimal, is_said, minimal_project

CREATE = 'op.create_table("t", sa.Column("id", sa.Integer, primary_key=True))'
MODEL = 'Table("t", metadata, Column("id", Integer, primary_key=True))\n'
HOOKS = "\n[post_write_hooks]\nhooks = ruff\nruff.type = ruff\n"
BRANCH = "it's-four"
TOOK = r"\d+\.\d s"


@pytest.fixture(params=["en", "pt"])
def made(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Minimal:
    """A project of three revisions, in each language, that commands are typed in."""
    made = minimal_project(tmp_path, language=request.param)
    made.models(MODEL)
    made.revision("a1", upgrade=CREATE, downgrade='op.drop_table("t")')
    made.revision("b2", "a1")
    made.revision("c3", "b2")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIGRATION_VERBOSE", raising=False)
    return made


def line(sentence: str, **said: object) -> re.Pattern[str]:
    """Return a pattern of a whole output: one line, with any time in it."""
    return re.compile(re.escape(sentence.format(took="TOOK", **said)).replace("TOOK", TOOK) + "\n")


def test_an_upgrade_and_a_downgrade_end_with_a_line(
    made: Minimal, capfd: pytest.CaptureFixture[str]
) -> None:
    def says(words: list[str], pattern: re.Pattern[str]) -> None:
        assert cli.main(words) == 0
        printed = capfd.readouterr()
        assert pattern.fullmatch(printed.out), printed.out
        assert printed.err == ""

    left, none = messages.LEFT_TO_APPLY, messages.NONE_LEFT
    one, many = messages.APPLIED["one"], messages.APPLIED["many"]
    says(["upgrade", "+1"], line(one, count=1, at="a1", more=left.format(count=2)))
    says(["upgrade"], line(many, count=2, at="c3", more=none))
    says(["upgrade"], line(messages.NOTHING_DONE, at="c3", more=none))
    undone = messages.UNDONE["one"]
    says(["downgrade"], line(undone, count=1, at="b2", more=left.format(count=1)))
    says(["stamp", "a1"], line(messages.STAMPED, at="a1", more=left.format(count=2)))


def test_alembics_own_command_says_it_too(made: Minimal, capfd: pytest.CaptureFixture[str]) -> None:
    assert made.typed("upgrade", "head") == 0
    printed = capfd.readouterr()
    said = line(messages.APPLIED["many"], count=3, at="c3", more=messages.NONE_LEFT)
    assert said.fullmatch(printed.out) and printed.err == ""


def test_a_program_is_told_nothing(made: Minimal, capfd: pytest.CaptureFixture[str]) -> None:
    apply_migrations()
    revert_migrations()
    create_migration("nothing", autogenerate=False)
    printed = capfd.readouterr()
    assert messages.NONE_LEFT not in printed.out and printed.err == ""


def test_what_alembic_logs_is_shown_if_asked_for(
    made: Minimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Path(messages.__file__).parents[2]

    done = subprocess.run(
        ["python", "-m", "alambique", "upgrade"],
        cwd=made.root,
        env={
            "PATH": str(Path(__import__("sys").prefix, "bin")),
            "PYTHONPATH": str(library),
            "MIGRATION_VERBOSE": "1",
        },
        capture_output=True,
        text=True,
    )
    assert done.stderr.count("Running upgrade") == 3


def test_where_it_stopped_is_said_before_why(
    made: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    made.revision("c3", "b2", upgrade='op.execute("nonsense")')
    assert cli.main(["upgrade"]) == 1
    printed = capsys.readouterr().err
    at = line(messages.STOPPED, at="c3 (c3)", count=2)
    assert at.match(printed) and "nonsense" in printed


@pytest.mark.parametrize(
    ("command", "name"), [("migration", "WRITTEN"), ("revision", "WRITTEN_EMPTY")]
)
def test_a_revision_that_was_written_is_named(
    made: Minimal, command: str, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    made.models(MODEL + 'Table("u", metadata, Column("id", Integer, primary_key=True))\n')
    made.write("alembic.ini", (made.root / "alembic.ini").read_text() + HOOKS)
    assert cli.main(["upgrade"]) == 0
    capfd.readouterr()
    assert cli.main([command, "-m", "add u"]) == 0
    (path,) = [each for each in made.versions.glob("*.py") if len(each.stem) > 2]
    said = line(getattr(messages, name), path=path.relative_to(made.root))
    printed = capfd.readouterr()
    assert said.fullmatch(printed.out), printed
    assert printed.err == ""


def test_status_lists_the_history(made: Minimal, capsys: pytest.CaptureFixture[str]) -> None:
    apply_migrations("b2")
    assert cli.main(["status"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  ✓ a1  2026-01-01  a1",
        "  ✓ b2  2026-01-01  b2",
        "  · c3  2026-01-01  c3",
        messages.LEFT_TO_APPLY.format(count=1),
    ]
    assert cli.main(["status", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["at"], said["pending"]) == (["b2"], ["c3"])
    assert [each["is_applied"] for each in said["revisions"]] == [True, True, False]


def test_status_and_check_say_on_which_branch_a_revision_is(
    made: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    def git(*words: str) -> None:
        author = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com"]
        subprocess.run(["git", *author, *words], cwd=made.root, check=True, capture_output=True)

    git("init", "--initial-branch=main")
    git("add", "migrations")
    git("commit", "-m", "three")
    git("switch", "-c", BRANCH)
    later = made.revision("d4", "c3")
    git("add", "migrations")
    git("commit", "-m", "four")
    apply_migrations()
    git("switch", "main")
    assert not later.exists()

    said = messages.ON_BRANCH.format(
        revision="d4", branch=BRANCH, command=f"git switch {shlex.quote(BRANCH)}"
    )
    assert cli.main(["status"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == f"  ? d4  {said}" and printed[-2].startswith("  ✓ c3")
    for words in (["check"], ["upgrade"], ["downgrade"]):
        assert cli.main(words) and is_said(said, capsys)

    git("branch", "-D", BRANCH)
    assert cli.main(["status"]) == 0
    assert messages.NOWHERE.format(revision="d4") in capsys.readouterr().out


def test_a_goal_that_cannot_be_reached_is_a_sentence(
    made: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    apply_migrations("b2")
    for words, sentence in {
        ("upgrade", "nothing"): messages.GOAL_UNKNOWN.format(goal="nothing"),
        ("upgrade", "+9"): messages.GOAL_TOO_FAR.format(goal="+9", at="b2"),
        ("downgrade", "-9"): messages.GOAL_TOO_FAR.format(goal="-9", at="b2"),
        ("downgrade", "c3"): messages.GOAL_NOT_BELOW.format(goal="c3", at="b2"),
        ("upgrade", "-1"): messages.GOAL_TOO_FAR.format(goal="-1", at="b2"),
        ("downgrade", "+1"): messages.GOAL_TOO_FAR.format(goal="+1", at="b2"),
        ("downgrade", "none@-1"): messages.GOAL_TOO_FAR.format(goal="none@-1", at="b2"),
        ("upgrade", "a1:c3"): messages.GOAL_IS_RANGE.format(goal="a1:c3"),
        ("downgrade", "b2:a1"): messages.GOAL_IS_RANGE.format(goal="b2:a1"),
        ("sql", "a1:b2:c3"): messages.GOAL_IS_RANGE.format(goal="a1:b2"),
        ("stamp", "nothing"): messages.GOAL_UNKNOWN.format(goal="nothing"),
    }.items():
        assert cli.main(list(words)) == 1 and is_said(sentence, capsys), words


@pytest.mark.parametrize("command", ["current", "history", "heads"])
def test_alembics_failures_are_in_the_language_too(
    made: Minimal, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command]) == 0
    (made.versions / "b2.py").unlink()
    capsys.readouterr()
    assert cli.main([command]) == 1
    sentence = messages.PARENT_MISSING.format(parent="b2", paths="migrations/versions/c3.py")
    assert capsys.readouterr().err == messages.FAILED.format(error=sentence) + "\n"


@pytest.mark.parametrize("command", ["upgrade", "downgrade", "status", "heads"])
def test_what_is_no_history_is_said_with_what_mends_it(
    made: Minimal, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["upgrade"]) == 0

    def says(sentence: str) -> None:
        capsys.readouterr()
        assert cli.main([command]) == 1
        assert capsys.readouterr().err == messages.FAILED.format(error=sentence) + "\n"

    folder = "migrations/versions"
    twin = made.write(f"{folder}/twin.py", (made.versions / "b2.py").read_text())
    paths = f"{folder}/b2.py, {folder}/twin.py"
    says(messages.REVISION_TWICE.format(revision="b2", paths=paths))
    twin.write_text('"""What somebody wrote down."""\n')
    says(messages.NOT_A_REVISION.format(path=f"{folder}/twin.py"))
    twin.unlink()
    made.revision("a1", "c3")
    says(messages.CIRCLE.format(revisions="a1, b2, c3"))
    made.revision("a1", "a1")
    says(messages.CIRCLE.format(revisions="a1"))


def test_a_revision_without_its_function_is_a_sentence(
    made: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["upgrade", "b2"]) == 0
    path = made.versions / "c3.py"
    whole = path.read_text()
    for function, words in {"upgrade": ["upgrade"], "downgrade": ["downgrade"]}.items():
        path.write_text(whole.replace(f"def {function}()", f"def {function}_of_old()"))
        capsys.readouterr()
        assert cli.main(words) == 1
        said = messages.NO_FUNCTION.format(path="migrations/versions/c3.py", function=function)
        assert capsys.readouterr().err == messages.FAILED.format(error=said) + "\n"
        assert made.typed(*words, {"upgrade": "head", "downgrade": "-1"}[function]) != 0
        assert is_said(said, capsys)
        path.write_text(whole)
        assert cli.main(["upgrade"]) == 0


@pytest.mark.parametrize("command", ["upgrade", "status", "current", "check"])
def test_a_file_that_names_no_folder_is_a_sentence(
    made: Minimal, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made.write("other.ini", "[alembic]\n")
    for name in ("none.ini", "other.ini"):
        assert cli.main(["-c", name, command]) == 1
        said = messages.NO_LOCATION.format(path=name, section="alembic")
        assert capsys.readouterr().err == messages.FAILED.format(error=said) + "\n"


def test_a_time_is_said_as_one_says_it() -> None:
    assert [spoken(each) for each in (0.04, 59.9, 200)] == ["0.0 s", "59.9 s", "3 min 20 s"]


@pytest.mark.parametrize("words", [["check"], ["migration", "-m", "nada"]])
def test_a_model_that_nobody_imports_is_named(
    made: Minimal, words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """To be told that all agrees would send one looking elsewhere."""
    forgotten = 'class Pedido(Base):\n    __tablename__ = "pedidos"\n'
    made.root.joinpath("pedido.py").write_text(forgotten, encoding="utf-8")
    assert cli.main(["upgrade"]) == 0
    capfd.readouterr()

    assert cli.main(words) == 0
    said = capfd.readouterr().err
    assert said == messages.MODEL_UNSEEN.format(model="Pedido", place="pedido.py:1") + "\n"


def test_of_many_models_that_nobody_imports_the_first_are_named(
    made: Minimal, capfd: pytest.CaptureFixture[str]
) -> None:
    forgotten = "".join(f'class P{n}(Base):\n    __tablename__ = "p{n}"\n' for n in range(7))
    made.root.joinpath("pedido.py").write_text(forgotten, encoding="utf-8")
    assert cli.main(["upgrade"]) == 0
    capfd.readouterr()

    assert cli.main(["check"]) == 0
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 6 and said[-1] == messages.MORE_UNSEEN.format(count=2)


def reported(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what a command says to a program, once it is what its schema says it is."""
    assert cli.main([*words, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    schema = Path(alambique.__file__).parent / "schemas" / f"{found['report']}.json"
    jsonschema.validate(found, json.loads(schema.read_text(encoding="utf-8")))
    assert (found["format"], found["alambique"]) == (1, alambique.__version__)
    return found


def test_a_program_reads_what_its_schema_says(
    made: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = reported(["plan"], 0, capsys)
    assert [each["revision"] for each in planned["revisions"]] == ["a1", "b2", "c3"]
    assert any(each["sql"].startswith("CREATE TABLE t ") for each in planned["statements"])
    assert reported(["check"], 3, capsys)["state"] == "behind"
    assert reported(["status"], 0, capsys)["pending"] == ["a1", "b2", "c3"]

    apply_migrations()
    assert reported(["check"], 0, capsys)["state"] == "current"
    assert reported(["plan"], 0, capsys)["statements"] == []
    made.revision("d4", "c3", upgrade='op.drop_table("t")')
    dropped = reported(["plan"], 0, capsys)
    assert dropped["losses"] == ["t"]
    assert "loses" in [each["risk"] for each in dropped["statements"]]

    apply_migrations()
    made.revision("e4", "c3")
    forked = reported(["check"], 6, capsys)
    assert (forked["state"], forked["exit_code"]) == ("two_heads", 6)
    assert reported(["status"], 0, capsys)["forks"] == [["d4", "e4"]]


def test_the_page_has_each_exit_code() -> None:
    for language in ("en", "pt"):
        page = Path(__file__).parents[2] / f"variants/{language}/docs/env.md"
        listed = {int(code) for code in re.findall(r"(?m)^\| (\d+) \|", page.read_text("utf-8"))}
        assert listed == {0, 1, 2, *State, INTERRUPTED, TERMINATED}
