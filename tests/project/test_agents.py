"""AGENTS.md: what it calls safe is, and what it leaves to a person, nobody does by accident."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from support.project import Project

# A heading of each language, and the commands below it.
SAFE = {"en": "## Safe", "pt": "## Seguros"}
GIVEN_UP = {"lose", "drop", "retype", "rename", "fill", "yes"}


def section(page: str, heading: str) -> str:
    """Return what stands below a heading, up to the next one."""
    (found,) = [each for each in re.split(r"(?m)^(?=## )", page) if each.startswith(heading)]
    return found


def commands(text: str) -> list[str]:
    """Return the targets of make that a text names."""
    return re.findall(r"`make ([a-z-]+)", text)


def state(made: Project) -> dict[str, object]:
    """Return what a command might change: the files that git sees, and the database's."""
    files = made.run("git", "ls-files", "--cached", "--others", "--exclude-standard").split()
    paths = {name: made.path / name for name in files}  # of which .venv is a link
    contents = {name: path.read_bytes() for name, path in paths.items() if path.is_file()}
    return contents | {"app.db": (made.path / "app.db").read_bytes()}


@pytest.mark.parametrize("language", ["en", "pt"])
def test_the_page_is_true(project: Callable[..., Project], language: str) -> None:
    made = project(language=language)
    made.run("git", "init", "--quiet")
    page = (made.path / "AGENTS.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"(?m)^ +([a-z-]+) ", re.sub(r"\x1b\[[\d;]*m", "", made.make("help"))))
    assert set(commands(page)) <= listed | {"help"}
    assert {each for each in GIVEN_UP if f"`{each}=" in page} == GIVEN_UP
    assert len(page.splitlines()) <= 45

    made.make("seed")
    before = state(made)
    safe = [each for each in commands(section(page, SAFE[language])) if each != "help"]
    assert {"status", "check", "plan", "doctor", "lint", "test", "tour"} <= set(safe)
    for each in safe:
        made.make(each)
        assert state(made) == before, f"make {each} changed something"


def test_what_a_person_decides_is_refused_to_a_pipe(project: Callable[..., Project]) -> None:
    """It is not the page that keeps an assistant from emptying a database."""
    made = project(language="en")
    made.make("seed")
    before = (made.path / "app.db").read_bytes()
    made.make("downgrade", "to=base", code=2, input="y\n" * 9)
    made.make("downgrade", "to=base", "yes=1", code=2)
    assert (made.path / "app.db").read_bytes() == before


def test_the_template_has_a_page_of_its_own() -> None:
    root = Path(__file__).resolve().parents[2]
    page = (root / "AGENTS.md").read_text(encoding="utf-8")
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    assert {"test", "lint", "seal", "release"} <= set(commands(page))
    for each in commands(page):
        assert re.search(rf"(?m)^{each}:", makefile), each
    for name in re.findall(r"`([A-Za-z_./]+/?)`", page):
        if "*" not in name and "/" in name:
            assert (root / name).exists(), name
