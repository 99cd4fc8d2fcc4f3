"""`make setup` builds a working environment with each tool, on a machine that has none of them.

Real installs, into each project's own `.venv`, with a PATH that holds what the README asks for
(Python, git, make) and a handful of system tools. conda is the exception: it does not come from a
package index, so here only its files, its commands and its absence are tested.
"""

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from pip._internal.models.index import PyPI

from support.project import Project, render

TOOLS = ["awk", "cat", "cp", "env", "git", "ls", "make", "mkdir", "rm", "sh"]


@pytest.fixture
def fresh_machine(tmp_path: Path) -> Path:
    """A folder to be the whole PATH: no uv, no poetry, no conda."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found, name
        (tools / name).symlink_to(found)
    python = tools / "python3"
    python.write_text(f'#!/bin/sh\nexec {Path(sys._base_executable).resolve()} "$@"\n')
    python.chmod(0o755)
    return tools


def rendered(tmp_path: Path, path: Path, **answers: str) -> Project:
    """Render a project that finds its tools in `path`."""
    made = Project(render(tmp_path / "loja", **answers)).installed()
    made.env["PATH"] = str(path)
    return made


@pytest.mark.parametrize(  # the slowest first
    ("environment", "mode", "lock"),
    [
        pytest.param("poetry", "sync", "poetry.lock", marks=pytest.mark.full),
        # test_readme.py sets one up with uv
        pytest.param("pip", "sync", None, marks=pytest.mark.full),
        pytest.param("uv", "async", "uv.lock", marks=pytest.mark.full),
    ],
)
def test_set_up_needs_only_python_git_and_make(
    tmp_path: Path, fresh_machine: Path, environment: str, mode: str, lock: str | None
) -> None:
    made = rendered(tmp_path, fresh_machine, environment=environment, mode=mode)
    if environment == "poetry":  # its built-in source needs an API that a mirror may not have
        with (made.path / "pyproject.toml").open("a", encoding="utf-8") as pyproject:
            pyproject.write(
                f'\n[[tool.poetry.source]]\nname = "index"\nurl = "{PyPI.simple_url}"\n'
            )
    made.make("setup")
    assert (made.path / ".venv/bin/alembic").exists()
    assert lock is None or (made.path / lock).exists()
    assert " passed" in made.make("test")
    made.make("check")
    made.make("setup")  # again: nothing to do, nothing to complain about
    made.make("check")


@pytest.mark.parametrize("language", ["pt", "en"])
def test_before_the_set_up_every_command_says_to_run_it(
    tmp_path: Path, fresh_machine: Path, language: str
) -> None:
    made = rendered(tmp_path, fresh_machine, language=language)
    for command in (["upgrade"], ["check"], ["test"], ["migration", "m=x"]):
        printed = made.make(*command, code=2)
        assert "`make setup`" in printed and "No such file" not in printed
    assert not (made.path / ".venv").exists() and not (made.path / "app.db").exists()
    assert "make setup" not in made.make("help")  # which needs no environment


def test_conda_is_asked_for_python_and_pip(tmp_path: Path, fresh_machine: Path) -> None:
    """conda cannot run here: this reads what it would be given, and what happens without it."""
    made = rendered(tmp_path, fresh_machine, environment="conda")
    environment = yaml.safe_load((made.path / "environment.yml").read_text(encoding="utf-8"))
    names = [dependency.split(">")[0] for dependency in environment["dependencies"]]
    assert names == ["python", "pip"] and environment["channels"] == ["conda-forge"]
    commands = made.make("-n", "setup")
    assert "conda env create --yes --prefix .venv --file environment.yml" in commands
    assert "pip install --editable . --group dev" in commands
    missing = made.make("setup", code=2)
    assert "conda:" in missing and "environment=uv" in missing
    assert not (made.path / ".venv").exists()
