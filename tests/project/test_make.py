"""What is said after the name of a target is text, in every target of both Makefiles.

The programs that a target calls are stand-ins here, which note what they were given: a shell that
ran a piece of a value leaves a file behind.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.project import NOT_PASSED_ON, ROOT, render

STAND_IN = """\
#!/bin/sh
for each in "$(basename "$0")" "$@"; do printf '%s\\001' "$each"; done >>"$NOTED"
printf '\\002' >>"$NOTED"
[ "$(basename "$0")" != command ]
"""
PROGRAMS = ["python", "alembic", "alambique", "ruff", "mypy", "copier", "pip"]
INSTALLERS = ["uv", "poetry", "conda", "python3"]

HOSTILE = [
    "x; touch ran",
    "$(touch ran)",
    "'; touch ran; '",
    "$(shell touch ran)",
    "'\n\ttouch ran #",
]
AS_HOSTILE = [
    "x & touch ran & x",
    "x | touch ran",
    "x > ran",
    "`touch ran`",
    '"; touch ran; "',
    "\\'; touch ran; #",
    "${shell touch ran}",
    "$$(touch ran)",
    "$(eval x:=$(shell touch ran))",
    "x\ntouch ran",
    "x \\\n; touch ran",
    "$(error ran)",
    "# x",
]


def variables(makefile: Path) -> list[str]:
    """Return the names that the targets take."""
    (names,) = re.findall(r"^SAID := (.*)$", makefile.read_text(encoding="utf-8"), re.MULTILINE)
    return str(names).split()


def targets(makefile: Path) -> list[str]:
    """Return all targets that have a line of help, but for the help itself."""
    text = makefile.read_text(encoding="utf-8")
    return re.findall(r"^([a-z][a-z-]*):.*## ", text, re.MULTILINE)


def stand_ins(folder: Path) -> None:
    """Put programs that note what they are given where a Makefile looks for them."""
    for place in (folder / ".venv/bin", folder / ".venv/copier/bin", folder / "bin"):
        place.mkdir(parents=True, exist_ok=True)
        for name in [*PROGRAMS, *INSTALLERS]:
            (place / name).write_text(STAND_IN)
            (place / name).chmod(0o755)
    (folder / ".venv/conda-meta").mkdir(exist_ok=True)


def outside_make() -> dict[str, str]:
    """Return the environment as a person's shell has it."""
    return {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}


def make(folder: Path, *words: str, env: dict[str, str] | None = None) -> list[list[str]]:
    """Run make; return what the programs were given, each its own name first."""
    noted = folder / "noted"
    noted.unlink(missing_ok=True)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["make", "-i", *words],  # whatever failed: what comes after it is run, too
        cwd=folder,
        env={**outside_make(), "PATH": path, "NOTED": str(noted), **(env or {})},
        capture_output=True,
        check=False,
    )
    text = noted.read_text(encoding="utf-8") if noted.exists() else ""
    return [line.split("\1")[:-1] for line in text.split("\2")[:-1]]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = render(tmp_path_factory.mktemp("generated") / "loja", api="fastapi", environment="uv")
    stand_ins(folder)
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    stand_ins(folder)
    for name in ("new", "test"):
        (folder / ".venv" / name).touch()
    return folder


@pytest.mark.parametrize(
    "value", [*HOSTILE, *(pytest.param(each, marks=pytest.mark.full) for each in AS_HOSTILE)]
)
@pytest.mark.parametrize("which", ["generated", "own"])
def test_no_value_is_run(which: str, value: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(which)
    makefile = folder / "Makefile"
    names = variables(makefile)
    for target in targets(makefile):
        said = [f"{name}={value}" for name in names]
        for words, env in ((said, None), ([], dict.fromkeys(names, value))):
            make(folder, target, *words, env=env)
            assert not (folder / "ran").exists(), f"make {target}, {json.dumps(value)}"


@pytest.mark.parametrize("environment", ["pip", "poetry", "conda"])
def test_nor_by_what_installs(tmp_path: Path, environment: str) -> None:
    folder = render(tmp_path / "loja", environment=environment)
    stand_ins(folder)
    for value in HOSTILE:
        for name in ("python", "alambique"):
            (folder / ".venv/bin" / name).unlink(missing_ok=True)
        for target in ("setup", "upgrade", ".venv/copier/bin/copier"):
            make(folder, "-B", target, f"PYTHON={value}", f"to={value}")
            assert not (folder / "ran").exists(), f"make {target}, {json.dumps(value)}"
        stand_ins(folder)


@pytest.mark.parametrize("value", [each for each in [*HOSTILE, *AS_HOSTILE] if "\n" not in each])
def test_a_value_arrives_as_it_was_said(generated: Path, own: Path, value: str) -> None:
    for target, name, program, argument in (
        ("stamp", "to", "python", "{}"),
        ("upgrade", "to", "python", "{}"),
        ("downgrade", "to", "python", "{}"),
        ("downgrade", "lose", "python", "--lose={}"),
        ("rebase", "lose", "python", "--lose={}"),
        ("sql", "to", "python", "{}"),
        ("sql", "from", "python", "{}:head"),
        ("revision", "m", "python", "--message={}"),
        ("rebase", "top", "python", "--top={}"),
        ("models", "schema", "python", "--schema={}"),
        ("models", "tables", "python", "--tables={}"),
        ("adopt", "module", "python", "--module={}"),
        ("adopt", "url", "python", "{}"),
        ("adopt", "scratch", "python", "{}"),
        ("run", "port", "python", "{}"),
        ("run", "PORT", "python", "{}"),
    ):
        given = make(generated, target, f"{name}={value}")
        assert any(line[0] == program and argument.format(value) in line for line in given), (
            f"make {target} {name}={value}: {given}"
        )

    (last,) = make(own, "release", f"version={value}")
    assert last[-1] == value
    assert [own.as_posix(), value] in [line[-2:] for line in make(own, "new", f"dest={value}")]


def test_several_names_are_several_words(generated: Path, own: Path) -> None:
    (line,) = make(generated, "migration", "m=x y", "rename=a.b:c d", "drop=e  f.g", "fill=h:'i j'")
    said = ["rename=a.b:c", "rename=d", "drop=e", "drop=f.g", "fill=h:'i j'"]
    options = [word for each in said for word in ("-x", each)]
    assert line == ["python", "-m", "alambique", "migration", "--message=x y", *options]

    lines = make(own, "new", "dest=../loja", "data=mode=async environment=pip")
    (answered,) = [line for line in lines if line[0] == "copier"]
    assert answered[answered.index("--data") :][:4] == [
        "--data",
        "mode=async",
        "--data",
        "environment=pip",
    ]
    said = {"data": ["ci=none", "api=flask"], "keep": ["a/b", "c"], "drop": ["d", "e"]}
    lines = make(generated, "template-update", *(f"{n}={' '.join(v)}" for n, v in said.items()))
    (update,) = [line for line in lines if "template-update" in line]
    options = [(f"--{name}", value) for name, values in said.items() for value in values]
    assert update[-12:] == [word for option in options for word in option]
    assert make(own, "test", "args=-k retry -x")[-1][-3:] == ["-k", "retry", "-x"]


def test_an_update_uses_the_copier_that_is_there_in_a_folder_with_a_blank(tmp_path: Path) -> None:
    folder = render(tmp_path / "minha loja", environment="uv")
    stand_ins(folder)
    lines = make(folder, "template-update")
    assert not [line for line in lines if "venv" in line], "it was installed again"
    (update,) = [line for line in lines if "template-update" in line]
    assert update[update.index("--copier") + 1] == ".venv/copier/bin/copier"


def test_nothing_said_is_the_usual(generated: Path) -> None:
    assert make(generated, "upgrade") == [["python", "-m", "alambique", "upgrade"]]
    assert make(generated, "downgrade") == [["python", "-m", "alambique", "downgrade", "-1"]]
    assert make(generated, "sql") == [["python", "-m", "alambique", "sql", "head"]]
    assert make(generated, "run")[0][-2:] == ["--port", "8000"]
    assert make(generated, "run", env={"PORT": "81"})[0][-2:] == ["--port", "81"]
    assert make(generated, "downgrade", "yes=1", "to=base")[0][-2:] == ["--yes", "base"]


def test_make_n_shows_what_would_be_run(generated: Path) -> None:
    shown = subprocess.run(
        ["make", "-n", "stamp", "to=it's; touch ran"],
        cwd=generated,
        env=outside_make(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == ".venv/bin/python -m alambique stamp 'it'\\''s; touch ran'\n"
    assert not (generated / "ran").exists()
