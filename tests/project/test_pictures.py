"""The pictures that the READMEs open with are what one sees today, and fetch nothing."""

import re
from pathlib import Path

import pytest

from support import pictures
from support.project import ROOT, read

READMES = {"en": "README.md", "pt": "README.pt-BR.md"}
NAMESPACE = "http://www.w3.org/2000/svg"  # a name, which nobody fetches


@pytest.mark.parametrize("language", pictures.LANGUAGES)
def test_the_readme_opens_with_them(language: str) -> None:
    opening = read(ROOT / READMES[language]).split("\n## ")[0]
    shown = re.findall(r"^!\[(.+)\]\((.+)\)$", opening, re.MULTILINE)
    assert [path for _, path in shown] == [
        f"docs/images/{language}/{scene}.svg" for scene in pictures.SCENES
    ]
    assert all((ROOT / path).is_file() for _, path in shown)


@pytest.mark.parametrize("path", sorted(pictures.IMAGES.rglob("*.svg")), ids=lambda path: path.name)
def test_nothing_is_fetched_and_no_machine_is_named(path: Path) -> None:
    text = read(path).replace(NAMESPACE, "")
    assert not re.search(r"https?:|@font-face|url\((?!#)|/tmp|/home", text)


@pytest.mark.full
def test_they_are_what_one_sees_today(tmp_path: Path) -> None:
    """A picture that differs is remade by `make pictures`, and looked at."""
    pictures.remake(tmp_path)
    made = {path.relative_to(tmp_path): read(path) for path in tmp_path.rglob("*.svg")}
    there = {
        path.relative_to(pictures.IMAGES): read(path) for path in pictures.IMAGES.rglob("*.svg")
    }
    assert {name for name in made | there if made.get(name) != there.get(name)} == set()
