"""What the doctor finds: each check broken once, and what the others say then."""

import argparse
import importlib.util
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import alambique
import jsonschema
import pytest
import sqlalchemy as sa
from alambique import __version__, messages
from alambique.settings import InvalidSetting, forget_project, use_project
from alambique.tools import doctor
from alambique.tools.doctor import patience
from alambique.tools.doctor.checks import Fault, Remark
from alambique.tools.doctor.environment import group, is_installed
from alambique.tools.doctor.patience import in_time
from alambique.tools.doctor.report import Diagnosis, Outcome, diagnoses, examine
from alambique.tools.seal import LIBRARY, write_seal
from alembic.util import CommandError

PYPROJECT = """
[project]
name = "loja"
requires-python = ">=3.11"
dependencies = ["alembic>=1"]
[dependency-groups]
dev = [{ include-group = "test" }]
test = ["pytest>=1", "not-for-us; python_version < '3'"]
[tool.alambique]
language = "en"
models = []
extra-models = ["doctor_models"]
"""
REVISION = """
revision = "aaa1"
down_revision = None
def upgrade(): pass
def downgrade(): pass
"""
MODELS = """
import sqlalchemy as sa
table = sa.Table("t", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
"""
CHECKS = [
    *("python", "packages", "tools", "environment", "env_file", "settings", "address"),
    "answers",
    *("server", "database", "revisions", "models", "library", "template_version"),
]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project that is set up, on SQLite; only its template is nowhere."""
    for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL"):
        monkeypatch.setenv(name, "")  # so that what a test loads from .env is undone
        monkeypatch.delenv(name)
    for name, text in {
        "pyproject.toml": PYPROJECT,
        "alembic.ini": "[alembic]\nscript_location = %(here)s/migrations\n",
        "migrations/env.py": "from alambique.env import run_migrations\n\nrun_migrations()\n",
        "migrations/versions/aaa1.py": REVISION,
        "doctor_models.py": MODELS,
        ".env": "DATABASE_URL=sqlite:///app.db\n",
        ".env.example": "DATABASE_URL=sqlite:///app.db\n#MIGRATION_LOCK_WAIT=60\n",
        ".copier-answers.yml": "environment: git\n",
        "vendor/alambique/names.py": "# names\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    write_seal(tmp_path / LIBRARY)

    engine = sa.create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('aaa1')")
    engine.dispose()

    monkeypatch.syspath_prepend(tmp_path)
    use_project(tmp_path)
    yield tmp_path
    sys.modules.pop("doctor_models", None)


def look(faults: str = "", url: str | None = None) -> dict[str, Diagnosis]:
    """Make all checks; these find a fault and no other."""
    found = {diagnosis.check: diagnosis for diagnosis in diagnoses(url)}
    assert list(found) == CHECKS
    ill = [name for name, diagnosis in found.items() if diagnosis.outcome is Outcome.FAULT]
    assert ill == faults.split(), found
    return found


def test_a_project_that_is_set_up_is_well(root: Path) -> None:
    found = look()
    remarks = {name for name, each in found.items() if each.outcome is Outcome.REMARK}
    assert remarks == {"template_version"}
    assert found["packages"].sentence.startswith("The 3 packages")
    assert found["address"].sentence == f"DATABASE_URL: sqlite:///{root}/app.db, from .env."
    assert found["revisions"].sentence.endswith(": aaa1.")
    assert found["models"].sentence == "The models can be imported: 1 table(s)."
    assert __version__ in found["library"].sentence


def test_every_check_has_a_name_in_both_languages() -> None:
    for language in ("pt", "en"):
        messages.speak(language)
        assert list(messages.DOCTOR_WHAT) == CHECKS


@pytest.mark.parametrize(("encoding", "marks"), [("utf-8", "✓✗–"), ("ascii", "+x-")])
def test_the_command_prints_a_line_for_each_check(
    root: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, marks: str
) -> None:
    (root / "app.db").unlink()
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding=encoding))
    assert doctor.run(argparse.Namespace(url=None, json=False)) == 1
    lines = printed.getvalue().decode(encoding).splitlines()
    assert len(lines) == len(CHECKS) and {line[0] for line in lines} == set(marks)
    assert not (root / "app.db").exists()  # looking does not make it


def test_a_program_reads_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "app.db").unlink()
    assert doctor.run(argparse.Namespace(url=None, json=True)) == 1
    said = json.loads(capsys.readouterr().out)
    schema = Path(alambique.__file__).parent / "schemas" / "doctor.json"
    jsonschema.validate(said, json.loads(schema.read_text(encoding="utf-8")))
    assert [each["check"] for each in said["checks"]] == CHECKS
    assert {each["outcome"] for each in said["checks"]} == {"well", "fault", "remark"}


def raising(error: BaseException) -> Callable[[], str]:
    def check() -> str:
        raise error

    return check


@pytest.mark.parametrize(
    ("error", "outcome", "sentence"),
    [
        (Fault("mend\n  it"), Outcome.FAULT, "mend it"),
        (CommandError("mend it"), Outcome.FAULT, "mend it"),
        (InvalidSetting("mend it"), Outcome.FAULT, "mend it"),
        (Remark("know it"), Outcome.REMARK, "know it"),
        (Remark(), Outcome.REMARK, "Did not check the server: it needs what is missing above."),
        (KeyError("x"), Outcome.FAULT, "Could not check the server (KeyError: 'x')."),
        (SystemExit("x"), Outcome.FAULT, "Could not check the server (SystemExit: x)."),
    ],
    ids=repr,
)
def test_whatever_a_check_raises_is_a_sentence(
    error: BaseException, outcome: Outcome, sentence: str
) -> None:
    messages.speak("en")
    found = examine("server", raising(error))
    assert found.outcome is outcome and found.sentence.startswith(sentence)


def test_a_pyproject_that_cannot_be_read_is_said_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "pyproject.toml").write_text("not TOML")
    forget_project()
    monkeypatch.chdir(root)
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    found = look("python")
    assert "pyproject.toml cannot be read" in found["python"].sentence
    assert found["tools"].outcome is Outcome.WELL
    assert {each.outcome for name, each in found.items() if name not in ("python", "tools")} == {
        Outcome.REMARK
    }


def test_python_and_packages_are_those_that_are_asked_for(root: Path) -> None:
    asked = PYPROJECT.replace(">=3.11", ">=3.99").replace("pytest>=1", "pytest>=99", 1)
    (root / "pyproject.toml").write_text(asked.replace('"alembic>=1"', '"not-there[x]>1"'))
    use_project(root)
    found = look("python packages")
    assert ">=3.99" in found["python"].sentence
    assert "not-there[x]>1, pytest>=99." in found["packages"].sentence

    (root / ".venv").unlink()
    (root / "pyproject.toml").write_text('[tool.alambique]\nlanguage = "en"\nmodels = []\n')
    use_project(root)
    found = look("python")
    assert sys.executable in found["python"].sentence


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("alembic", True),
        ("ALEMBIC>=1.0", True),
        ("alembic<1", False),
        ("not-there", False),
        ("not-there; python_version < '3'", True),
        ("sqlalchemy[asyncio]", True),  # greenlet is there
        ("sqlalchemy[oracle]", False),
    ],
)
def test_a_requirement_is_met_with_its_extras(requirement: str, expected: bool) -> None:
    assert is_installed(requirement) is expected


def test_a_group_has_what_the_groups_it_includes_have() -> None:
    groups = {"dev": ["a", {"include-group": "test"}], "test": ["b"]}
    assert list(group(groups, "dev")) == ["a", "b"] and list(group(groups, "docs")) == []


@pytest.mark.parametrize(
    ("answers", "outcome", "sentence"),
    [
        ("environment: git\n", Outcome.WELL, "Programs: git."),
        ("environment: not-there\n", Outcome.REMARK, "There is no not-there on this machine"),
        ("environment: conda\n", Outcome.FAULT, "There is no conda"),
        ("", Outcome.REMARK, ".copier-answers.yml does not say"),
    ],
)
def test_the_program_of_the_environment_is_the_answers(
    root: Path, answers: str, outcome: Outcome, sentence: str
) -> None:
    (root / ".copier-answers.yml").write_text(answers)
    # There is no conda, and .venv is not of its making.
    found = look("environment answers" if outcome is Outcome.FAULT else "")["environment"]
    assert found.outcome is outcome and found.sentence.startswith(sentence)


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        (".env", "DATABASE_URL={url}\n", ".env"),
        (".env", "MIGRATION_DATABASE_URL={url}\n", ".env"),
        ("alembic.ini", "sqlalchemy.url = {url}\n", "alembic.ini"),
    ],
)
def test_a_database_of_before_another_answer_is_a_fault(
    root: Path, file: str, text: str, place: str
) -> None:
    answers = root / ".copier-answers.yml"
    answers.write_text("database: sqlite\n")
    assert look()["answers"].outcome is Outcome.WELL
    answers.write_text("database: mysql\n")
    with (root / file).open("a") as opened:
        opened.write(text.format(url="sqlite:///app.db"))
    said = look("answers")["answers"].sentence
    assert said.startswith(f"{place} names a database of sqlite, and the project is made for mysql")
    assert "`make template-update data=database=sqlite`" in said


def test_the_environment_may_name_another_database(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / ".copier-answers.yml").write_text("database: mysql\n")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{root}/app.db")
    assert look()["answers"].outcome is Outcome.WELL


def test_an_environment_of_before_another_answer_is_a_fault(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = root / ".copier-answers.yml"
    answers.write_text("environment: pip\n")
    look()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # as in one that uv made
    assert "`rm -r .venv && make setup`" in look("answers")["answers"].sentence


def test_credentials_in_the_templates_address_are_a_fault_and_not_shown(root: Path) -> None:
    answers = root / ".copier-answers.yml"
    answers.write_text("_src_path: https://ana:s3cret@127.0.0.1:1/x.git\n_commit: v1\n")
    found = look("answers")
    assert "Revoke it" in found["answers"].sentence and "s3cret" not in str(found)
    assert "https://127.0.0.1:1/x.git" in found["template_version"].sentence
    answers.write_text("_src_path: ssh://git@127.0.0.1:1/x.git\n_commit: v1\n")
    assert "ssh://git@127.0.0.1:1/x.git" in look()["template_version"].sentence


def test_programs_that_are_missing_are_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = look("tools")
    assert "`apt install git make`" in found["tools"].sentence


def test_what_is_written_in_env_is_compared_with_the_example(root: Path) -> None:
    (root / ".env").write_text("MIGRATION_LOCK_WAITS=9\nMINE=1\n")
    said = look("settings")["settings"].sentence
    assert "is it MIGRATION_LOCK_WAIT?" in said and "DATABASE_URL is not in .env" in said
    assert "MINE" not in said
    (root / ".env").write_bytes(b"\xff\xfe")
    found = look("env_file settings address")
    assert ".env cannot be read" in found["env_file"].sentence
    assert found["server"].sentence.startswith("Did not check the server")


def test_no_env_is_needed_where_the_database_is_named_elsewhere(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / ".env").unlink()
    found = look("env_file")
    assert "`make setup`" in found["env_file"].sentence
    assert "from .env.example" in found["address"].sentence
    monkeypatch.setenv("MIGRATION_DATABASE_URL", f"sqlite:///{root}/app.db")
    found = look()
    assert found["env_file"].outcome is Outcome.REMARK
    assert found["settings"].outcome is Outcome.REMARK
    assert found["address"].sentence.startswith("MIGRATION_DATABASE_URL: sqlite:///")
    assert "wins over .env" in found["address"].sentence


def test_the_url_is_that_of_every_command(root: Path) -> None:
    other = f"sqlite:///{root}/other.db"
    sa.create_engine(other).connect().close()
    found = look("revisions", url=other)
    assert found["address"].sentence == f"The database is {other}, as the command says."
    assert "`make upgrade`" in found["revisions"].sentence

    with (root / "alembic.ini").open("a") as file:
        file.write(f"sqlalchemy.url = {other}\n")
    assert "sqlalchemy.url in alembic.ini" in look("revisions")["address"].sentence


def test_a_url_that_cannot_be_read_shows_no_password(root: Path) -> None:
    (root / ".env").write_text("DATABASE_URL=nonsense:s3cret@x\n")
    found = look("address")
    assert "s3cret" not in str(found)
    for check in ("server", "database", "revisions", "models"):
        assert found[check].sentence.startswith("Did not check")


def test_a_server_that_refuses_is_a_fault_and_the_models_are_looked_at(root: Path) -> None:
    (root / ".env").write_text("DATABASE_URL=postgresql+psycopg://ana:s3cret@127.0.0.1:1/x\n")
    assert "docker compose" not in look("server")["server"].sentence
    (root / "compose.yaml").touch()
    found = look("server")
    assert "`docker compose up --wait`" in found["server"].sentence
    assert "s3cret" not in str(found)
    assert found["database"].outcome is found["revisions"].outcome is Outcome.REMARK
    assert found["models"].outcome is Outcome.WELL


def test_a_database_that_is_not_there_is_not_made(root: Path) -> None:
    (root / "app.db").unlink()
    found = look("database")
    assert "`make setup`" in found["database"].sentence and not (root / "app.db").exists()


def test_a_model_that_cannot_be_imported_is_a_fault(root: Path) -> None:
    (root / "doctor_models.py").write_text("import nothing_like_it\n")
    assert "nothing_like_it" in look("models")["models"].sentence


def test_an_edited_library_is_a_fault_and_a_package_is_not(root: Path) -> None:
    (root / LIBRARY / "names.py").write_text("# mine\n")
    (root / LIBRARY / "mine.py").write_text("# mine\n")
    said = look("library")["library"].sentence
    assert "edited: vendor/alambique/names.py; added: vendor/alambique/mine.py." in said
    assert "`git checkout -- 'vendor/alambique*'`" in said

    for path in (root / LIBRARY).iterdir():
        path.unlink()
    (root / LIBRARY).rmdir()
    found = look()["library"]
    assert found.outcome is Outcome.REMARK
    assert found.sentence == f"The library is installed as a package: alambique {__version__}."


def test_what_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.05)
    begun = time.monotonic()
    with pytest.raises(Fault, match="0.05"):
        in_time(lambda: time.sleep(2))
    assert time.monotonic() - begun < 1


def test_what_answers_in_time_is_returned_or_raised() -> None:
    assert in_time(lambda: "yes") == "yes"
    for error in (ValueError("x"), TimeoutError("its own"), SystemExit(1)):
        with pytest.raises(type(error)) as raised:
            in_time(raising(error))
        assert raised.value is error
