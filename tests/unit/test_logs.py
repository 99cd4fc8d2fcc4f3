"""What migrations log: a record for each step, with fields, and as JSON where that is asked for."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alambique import cli, messages
from alambique.commands import apply_migrations, revert_migrations
from alambique.logs import JsonFormatter
from alambique.upgrade.watch import Watch
from sqlalchemy_utils import create_database

from support.minimal import Minimal, minimal_project

ALEMBIC = "alembic.runtime.migration"
LIBRARY = str(Path(messages.__file__).parents[2])


@pytest.fixture
def made(tmp_path: Path, new_database: Callable[[str], str]) -> Minimal:
    """A project of two revisions, and an empty database."""
    url = new_database("sqlite")
    create_database(url)
    project = minimal_project(tmp_path, url)
    project.revision("a1", upgrade='op.create_table("t", sa.Column("id", sa.Integer))')
    project.revision("b2", "a1")
    return project


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields that are ours."""
    return {name: value for name, value in vars(record).items() if name.startswith("alambique_")}


def typed(project: Minimal, *words: str, module: str = "alambique", **env: str) -> Any:
    """Type a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=project.root,
        env=os.environ | {"PYTHONPATH": LIBRARY} | env,
        capture_output=True,
        text=True,
    )


def test_each_step_that_is_done_is_a_record_with_fields(
    made: Minimal, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, ALEMBIC):
        apply_migrations()
        revert_migrations("-1")
    done = [each for each in caplog.records if "alambique_seconds" in fields(each)]
    assert [(each.levelno, each.name) for each in done] == [(logging.INFO, ALEMBIC)] * 3
    said = [fields(each) for each in done]
    assert [each["alambique_revision"] for each in said] == ["a1", "b2", "b2"]
    assert [each["alambique_direction"] for each in said] == ["upgrade", "upgrade", "downgrade"]
    assert all(0 <= each["alambique_seconds"] < 60 for each in said)
    beginning = messages.STEP_DONE["upgrade"].partition("{took}")[0]
    assert done[0].getMessage().startswith(beginning.format(revision="a1", title="a1"))


def test_what_alembic_says_of_a_step_has_its_fields_too(
    made: Minimal, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, ALEMBIC):
        apply_migrations()
    running = [each for each in caplog.records if each.getMessage().startswith("Running")]
    named = [fields(each)["alambique_revision"] for each in running]
    assert named == ["a1", "b2"]
    caplog.clear()
    logging.getLogger(ALEMBIC).warning("afterwards")
    assert fields(caplog.records[-1]) == {} and logging.getLogger(ALEMBIC).filters == []


def test_a_failed_step_is_not_told_to_be_done(
    made: Minimal, caplog: pytest.LogCaptureFixture
) -> None:
    made.revision("b2", "a1", upgrade="raise LookupError()")
    with caplog.at_level(logging.INFO, ALEMBIC), pytest.raises(LookupError):
        apply_migrations()
    done = [each for each in map(fields, caplog.records) if "alambique_seconds" in each]
    assert [each["alambique_revision"] for each in done] == ["a1"]


def test_of_two_migrations_each_names_its_own_step() -> None:
    """What a third thread says is nobody's; with one migration, it is that one's."""
    one, other = Watch(), Watch()
    under_way = sys.modules[Watch.__module__]._under_way  # type: ignore[attr-defined]
    for watch, revision in ((one, "a1"), (other, "z9")):
        watch._step = sys.modules[Watch.__module__]._Begun(  # type: ignore[attr-defined]
            revision, revision, "upgrade", 0.0
        )
    one._thread, other._thread = threading.get_ident(), -1
    under_way.extend([one, other])
    try:
        record = logging.makeLogRecord({"thread": threading.get_ident()})
        assert one._name_step(record) and other._name_step(record)
        assert fields(record)["alambique_revision"] == "a1"
        stranger = logging.makeLogRecord({"thread": -2})
        assert one._name_step(stranger) and other._name_step(stranger)
        assert fields(stranger) == {}
        under_way.remove(other)
        one._name_step(stranger)
        assert fields(stranger)["alambique_revision"] == "a1"
    finally:
        under_way.clear()


@pytest.mark.parametrize(
    ("module", "words"), [("alambique", ["upgrade"]), ("alembic", ["upgrade", "heads"])]
)
def test_typed_commands_log_json(made: Minimal, module: str, words: list[str]) -> None:
    done = typed(made, *words, module=module, MIGRATION_LOG="json")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stderr.splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(each) for each in records)
    steps = [each for each in records if "alambique_seconds" in each]
    assert [each["alambique_revision"] for each in steps] == ["a1", "b2"]
    assert all(each["time"].endswith("+00:00") for each in records)
    assert messages.APPLIED["many"].partition("{")[0] in done.stdout


def test_a_failure_is_a_record_too(made: Minimal) -> None:
    made.revision("b2", "a1", upgrade='op.execute("UPDATE nowhere\\nSET x = 1")')
    done = typed(made, "upgrade", MIGRATION_LOG="json")
    assert done.returncode == 1
    records = [json.loads(line) for line in done.stderr.splitlines()]
    *_, stopped, failed = records
    assert (stopped["level"], failed["level"]) == ("ERROR", "ERROR")
    assert "nowhere\nSET" in failed["message"]


def test_text_is_as_before(made: Minimal) -> None:
    done = typed(made, "upgrade", MIGRATION_LOG="text")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [["upgrade"], ["current"]])
def test_a_wrong_word_is_a_sentence(
    made: Minimal, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.chdir(made.root)
    monkeypatch.setenv("MIGRATION_LOG", "xml")
    assert cli.main(words) == 1
    sentence = messages.NOT_A_LOG.format(value="xml")
    assert capsys.readouterr().err == messages.FAILED.format(error=sentence) + "\n"
    done = typed(made, *words, module="alembic", MIGRATION_LOG="xml")
    assert "Traceback" not in done.stderr and done.returncode


def test_a_record_is_one_line_whatever_it_holds() -> None:
    try:
        raise LookupError("é\n")
    except LookupError:
        record = logging.getLogger("x").makeRecord(
            "x", logging.ERROR, "", 1, "%s\n", ("ü",), sys.exc_info(), extra={"path": Path("a")}
        )
    line = JsonFormatter().format(record)
    assert line.isascii() and "\n" not in line
    said = json.loads(line)
    assert (said["message"], said["path"]) == ("ü\n", "a")
    assert said["exception"].endswith("LookupError: é\n")
