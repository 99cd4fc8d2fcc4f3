"""The command line: which commands there are, what they take, how they end."""

import json
import logging
import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import __version__, cli, messages
from alambique.messages import en, pt
from alambique.settings import use_project
from alambique.tools import check
from alembic.util import CommandError

from support.minimal import Minimal, minimal_project

LIBRARY = Path(__file__).resolve().parents[2] / "template/vendor"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Minimal]:
    """A project; how this process finds modules and logs is as it was afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(logging.root, "handlers", [logging.NullHandler()])
    monkeypatch.chdir(tmp_path)
    made = minimal_project(tmp_path)
    made.models('Table("t", metadata, Column("id", Integer, primary_key=True))\n')
    create = 'op.create_table("t", sa.Column("id", sa.Integer, primary_key=True))'
    made.revision("a1", upgrade=create, downgrade='op.drop_table("t")')
    yield made


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python where it finds the library."""
    env = os.environ | {"PYTHONPATH": str(LIBRARY)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_each_command_has_a_line_of_help_in_both_languages() -> None:
    assert set(cli.COMMANDS) == set(en.COMMANDS) == set(pt.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_declares_what_it_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = cli.COMMANDS[name].load()
    assert module.run.__doc__
    module.add_arguments(ArgumentParser())

    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    assert en.COMMANDS[name] in printed
    assert ("--url URL" in printed) is cli.COMMANDS[name].uses_database


@pytest.mark.parametrize("name", cli.COMMANDS)
@pytest.mark.parametrize("language", ["en", "pt"])
def test_each_argument_is_explained(
    tmp_path: Path, name: str, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also what stands for a value is a word of the language."""
    (tmp_path / "pyproject.toml").write_text(f'[tool.alambique]\nlanguage = "{language}"\n')
    use_project(tmp_path)
    parser = ArgumentParser(prog=name)
    cli.COMMANDS[name].load().add_arguments(parser)
    arguments = [action for action in vars(parser)["_actions"] if action.dest != "help"]
    assert [action.dest for action in arguments if not action.help] == []
    valued = [action for action in arguments if action.nargs != 0 and action.option_strings]
    words = set({"en": en, "pt": pt}[language].PLACEHOLDERS.values())
    assert [action.dest for action in valued if action.metavar not in words] == []


@pytest.mark.parametrize(("language", "sentences"), [("en", en.COMMANDS), ("pt", pt.COMMANDS)])
def test_help_lists_the_commands(
    tmp_path: Path, language: str, sentences: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text(f'[tool.alambique]\nlanguage = "{language}"\n')
    use_project(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    printed = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    assert [each for each in sentences.values() if each not in printed] == []
    assert {"en": en, "pt": pt}[language].OPTIONS["version"] in printed


@pytest.mark.parametrize("given", [[], ["nothing"], ["--nothing"], ["check", "--nothing"]])
def test_what_is_no_command_ends_with_its_usage(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(given)
    assert ended.value.code == 2
    assert "usage: alambique" in capsys.readouterr().err


def test_the_exit_code_is_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check"]) == 3
    assert cli.main(["setup"]) == 0
    assert cli.main(["check"]) == 0
    assert messages.CURRENT.format(code="a1") in capsys.readouterr().out


def test_setup_makes_what_is_missing(project: Minimal, capsys: pytest.CaptureFixture[str]) -> None:
    project.write(".env.example", "NAME=value\n")
    url = f"sqlite:///{project.root}/other/new.db"
    assert cli.main(["setup", "--url", url]) == 0
    assert (project.root / ".env").read_text() == "NAME=value\n"
    printed = capsys.readouterr().out
    made = [messages.ENV_MADE, messages.DATABASE_MADE.format(url=url)]
    assert printed.splitlines()[:2] == made and printed.endswith(f"\n{messages.NEXT_STEPS}\n")
    assert "t" in sa.inspect(sa.create_engine(url, poolclass=sa.NullPool)).get_table_names()

    project.write(".env", "NAME=mine\n")
    assert cli.main(["setup", "--url", url]) == 0
    assert (project.root / ".env").read_text() == "NAME=mine\n"
    nothing = messages.NOTHING_DONE.format(at="a1", more=messages.NONE_LEFT)
    assert capsys.readouterr().out == f"{nothing}\n{messages.NEXT_STEPS}\n"


def test_a_failure_is_a_sentence(
    project: Minimal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(options: object) -> int:
        raise CommandError("Something. Do this.")

    monkeypatch.setattr(check, "run", fail)
    assert cli.main(["check"]) == 1
    assert capsys.readouterr().err == messages.FAILED.format(error="Something. Do this.") + "\n"


def test_a_setting_that_is_wrong_is_a_sentence(
    project: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["check", "--url", "not a url"]) == 1
    assert capsys.readouterr().err == messages.FAILED.format(error=messages.URL_MALFORMED) + "\n"


def test_a_pyproject_that_is_wrong_is_a_sentence(project: Minimal) -> None:
    project.write("pyproject.toml", "[tool.alambique]\nmodels = 'app'\n")
    done = python("-m", "alambique", "check")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr and "models" in done.stderr


def test_ctrl_c_ends_with_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "run", interrupt)
    assert cli.main(["check"]) == 130
    assert capsys.readouterr().err == messages.INTERRUPTED + "\n"


LOCALES = {
    "C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "UTF-8": {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "0"},
}
COMMANDS = [
    "alambique setup",
    "alambique check",
    "alembic current",
    "alambique plan",
    "alambique lint",
    "alambique diagram",
    "alembic revision -m another",
    "alambique rebase",
    "alambique doctor",
    "alambique downgrade --yes base",
    "alembic upgrade head",
]


@pytest.mark.parametrize("locale", ["C", pytest.param("UTF-8", marks=pytest.mark.full)])
def test_files_are_read_and_sentences_said_whatever_the_locale(tmp_path: Path, locale: str) -> None:
    """Accents in every file there is: in C, whose encoding is ASCII, they are UTF-8 as well."""
    made = minimal_project(tmp_path / "other", language="pt")
    accented = 'op.execute("CREATE TABLE ação (descrição VARCHAR(9))")'
    made.revision("a1", upgrade=accented, downgrade='op.execute("DROP TABLE ação")')
    for name in ("pyproject.toml", "migrations/script.py.mako", f"{made.package}/models.py"):
        text = (made.root / name).read_text(encoding="utf-8")
        made.write(name, f"# ação\n{text}")
    made.write(".env", "# ação\nNOME=ação\nDATABASE_URL=sqlite:///app.db\n")
    made.write("migrations/versions/history.txt", "# histórico\na1\n")

    environment = {**os.environ, "PYTHONPATH": str(LIBRARY), **LOCALES[locale]}
    for command in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", *command.split()],
            cwd=made.root,
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        printed = (done.stdout + done.stderr).decode("utf-8", "replace")
        assert "Traceback" not in printed and "Unicode" not in printed, (command, printed)
    database = sa.create_engine(f"sqlite:///{made.root}/app.db", poolclass=sa.NullPool)
    assert "ação" in sa.inspect(database).get_table_names()


SECRET = "segr3do"
SECRETIVE = [
    f"postgresql+psycopg://ana@127.0.0.1:1/shop?password={SECRET}",
    f"postgresql+psycopg://ana:{SECRET}@127.0.0.1:1/shop?sslpassword={SECRET}",
    f"postgresql+asyncpg://ana:{SECRET}@127.0.0.1:1/shop?unknown={SECRET}",
    f"mysql+pymysql://ana@127.0.0.1:1/shop?passwd={SECRET}",
    f"mysql+pymysql://ana@127.0.0.1:1/shop?unknown={SECRET}",
]
MALFORMED = [
    f"postgresql+psycopg://ana:{SECRET}%x@127.0.0.1:1/shop",
    f"postgresql+psycopg://ana:{SECRET}%(x@127.0.0.1:1/shop",
    f"postgresql+psycopg://ana:%{SECRET}@127.0.0.1:1/shop",
    f"postgresql+psycopg://ana:{SECRET}@127.0.0.1:port/shop",
    f"postgresql+psycopg//ana:{SECRET}@127.0.0.1/shop",
    f"nothing://ana:{SECRET}@127.0.0.1/shop?password={SECRET}",
]


@pytest.mark.parametrize(
    ("place", "url"),
    [
        *(("environment", url) for url in SECRETIVE[:2]),
        *(("ini", url) for url in MALFORMED[:1]),
        *(
            pytest.param(place, url, marks=pytest.mark.full)
            for place, url in [
                *(("environment", url) for url in (*SECRETIVE[2:], *MALFORMED)),
                *(("ini", url) for url in (*SECRETIVE, *MALFORMED[1:])),
            ]
        ),
    ],
)
def test_no_command_prints_what_is_secret_in_a_url(
    project: Minimal, url: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ini = (
        (project.root / "alembic.ini").read_text().replace("sqlalchemy.url = sqlite:///app.db", "")
    )
    if place == "ini":
        ini += f"sqlalchemy.url = {url}\n"
    else:
        monkeypatch.setenv("DATABASE_URL", url)
    project.write("alembic.ini", ini)
    source = """
import contextlib
from alambique.cli import main
from alembic.config import CommandLine
for name in ("setup", "check", "plan", "downgrade", "doctor", "models"):
    print("==", name, main([name]))
for words in ("upgrade head", "current", "history", "check", "revision -m x", "stamp head"):
    with contextlib.suppress(SystemExit):
        CommandLine(prog="alembic").main(words.split())
    print("==", words)
"""
    done = python("-c", source)
    printed = done.stdout + done.stderr
    said = [line for line in printed.splitlines() if SECRET in line or "Traceback" in line]
    assert said == [] and "== stamp head" in printed


@pytest.mark.parametrize("name", ["check", "setup", "plan", "rebase", "squash", "lint"])
def test_a_revision_that_is_no_python_is_a_sentence(
    project: Minimal, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project.revision("b2", "a1", upgrade="op.execute(")
    line = path.read_text().split("\n").index("    op.execute(") + 1
    assert cli.main([name]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"Failed: migrations/versions/b2.py:{line}: ")


@pytest.mark.parametrize("name", ["check", "setup", "plan", "squash", "lint"])
def test_a_parent_that_is_missing_is_a_sentence(
    project: Minimal, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project.revision("c3", "b2")
    assert cli.main([name]) == 1
    sentence = messages.PARENT_MISSING.format(parent="b2", paths="migrations/versions/c3.py")
    assert capsys.readouterr().err == messages.FAILED.format(error=sentence) + "\n"


def test_only_the_command_asked_for_is_imported() -> None:
    source = (
        "import json, sys; from alambique.cli import main\n"
        "try: main(['template-check', '--help'])\n"
        "except SystemExit: json.dump(list(sys.modules), sys.stderr)"
    )
    imported = set(json.loads(python("-c", source).stderr))
    assert "alambique.tools.template_check" in imported
    others = {command.module for command in cli.COMMANDS.values()}
    assert imported & others == {"alambique.tools.template_check"}
    assert not imported & {"alambique.autogenerate", "alambique.env", "alambique.web"}


def test_it_is_a_module_that_runs_too() -> None:
    done = python("-m", "alambique", "--version")
    assert done.stdout == f"alambique {__version__}\n"


def test_a_command_works_for_the_project_it_is_typed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever project's copy of the library runs, as in a clone beside the one it came with."""
    other = tmp_path / "other"
    made = minimal_project(other)
    made.revision("b1", upgrade="pass", downgrade="pass")
    use_project(tmp_path)
    below = other / "migrations"
    monkeypatch.chdir(below)
    assert cli.main(["setup"]) == 0
    assert (other / "app.db").exists()
    assert not (tmp_path / "app.db").exists()


@pytest.mark.parametrize("language", ["en", "pt"])
def test_the_command_line_speaks_the_language(
    tmp_path: Path, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text(f'[tool.alambique]\nlanguage = "{language}"\n')
    use_project(tmp_path)
    said: list[str] = []
    for given in (["upgrade", "--help"], ["upgrad"], ["upgrade", "--foo"], ["migration"]):
        with pytest.raises(SystemExit):
            cli.main(given)
        printed = capsys.readouterr()
        said += (printed.out + printed.err).split("\n")
    text = " ".join(" ".join(said).split())
    english = ["usage:", "options:", "show this help", "error:", "invalid choice", "unrecognized"]
    assert [each in text for each in english] == [language == "en"] * len(english)
    words = {"en": en, "pt": pt}[language].OPTIONS
    assert words["up_to"] in text and words["url"] in text
