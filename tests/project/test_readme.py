"""What the READMEs tell people to type works, from a fresh clone in an empty home.

Every console block is run as it stands: those of the template's README in a clone of this working
tree, those of the rendered README in the project that came out. Only the questions are answered
with `defaults=1`, and `make test` of the template is not run inside itself.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from support.project import ROOT, Project
from support.releases import AUTHOR, copy_working_tree

README, README_PT = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.pt-BR.md")
)


def console(text: str) -> list[str]:
    """Return the console blocks of a Markdown text."""
    return re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def headings(text: str) -> list[str]:
    """Return the level of each heading of a Markdown text."""
    return re.findall(r"^#+(?= )", text, re.MULTILINE)


@pytest.fixture
def clone(tmp_path: Path) -> Project:
    """A clone of this working tree, on a machine where git knows nobody and HOME is empty."""
    path = tmp_path / "alambique"
    path.mkdir()
    copy_working_tree(path)
    home = tmp_path / "home"
    home.mkdir()
    made = Project(path).installed()
    made.env = {key: value for key, value in made.env.items() if not key.startswith("GIT_")} | {
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "user.useConfigOnly",  # else git may guess an author from the host
        "GIT_CONFIG_VALUE_0": "true",
    }
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Clone"]):
        made.run("git", *command, env=AUTHOR)
    return made


def test_both_languages_say_the_same_commands(project: Callable[..., Project]) -> None:
    translated = [re.sub("<.*>", "<>", block) for block in console(README_PT)]
    assert [re.sub("<.*>", "<>", block) for block in console(README)] == translated
    assert headings(README) == headings(README_PT)
    rendered = [
        (project(name=language, setup=False, language=language).path / "README.md").read_text()
        for language in ("en", "pt")
    ]
    assert console(rendered[0]) == console(rendered[1])
    assert headings(rendered[0]) == headings(rendered[1])


def test_the_readme_starts_a_service(clone: Project) -> None:
    new, inside, copy, update, test = console(README)
    clone.run("sh", "-ec", f"{new.rstrip()} defaults=1\n{inside}", env=AUTHOR)

    loja = Project(clone.path.parent / "loja")
    loja.env = clone.env
    assert loja.run("git", "status", "--porcelain") == ""
    assert loja.run("git", "log", "--format=%an %s") == "Ana Start the service\n"
    files = loja.run("git", "ls-files").split()
    assert "uv.lock" in files and ".env" not in files
    for block in console((loja.path / "README.md").read_text(encoding="utf-8")):
        loja.run("sh", "-ec", block)

    # Plain Copier: the same files without the set-up, and an update, neither with --trust.
    path = {"PATH": f"{clone.path}/.venv/bin:{clone.env['PATH']}"}
    elsewhere = re.sub("<.*>", ".", copy).replace("../loja", "../plain/loja").rstrip()
    clone.run("sh", "-ec", f"{elsewhere} --defaults", env=path)
    plain = clone.path.parent / "plain/loja"
    copied = {str(file.relative_to(plain)) for file in plain.rglob("*") if file.is_file()}
    assert set(files) - copied == {"uv.lock"} and copied <= set(files)
    loja.run("sh", "-ec", "copier update --defaults", env=path | AUTHOR)
    assert loja.run("git", "status", "--porcelain") == ""
    loja.run("sh", "-ec", update, env=AUTHOR)
    assert loja.run("git", "status", "--porcelain") == ""

    assert "-m pytest" in clone.make("-n", test.split()[1])
    assert clone.run("git", "status", "--porcelain") == ""


def test_an_answer_that_is_refused_is_one_sentence() -> None:
    refused = [
        ("dest=/nowhere/alembic", "project_name: Use outro nome: este é o de um pacote"),
        (
            "dest=/nowhere/loja data=migrations_folder=core",
            "migrations_folder: Use outro nome",
        ),
    ]
    for words, sentence in refused:
        printed = Project(ROOT).make("new", "defaults=1", "version=HEAD", *words.split(), code=2)
        assert printed.count(sentence) == 1 and "Traceback" not in printed
    assert not Path("/nowhere").exists()


@pytest.mark.full
def test_without_an_author_git_is_left_to_the_owner(clone: Project) -> None:
    printed = clone.make("new", "dest=../store", "defaults=1", "data=language=en")
    assert "git config --global user.name" in printed
    store = Project(clone.path.parent / "store")
    store.env = clone.env
    store.run("git", "rev-parse", "--verify", "--quiet", "HEAD", code=1)
    store.make("check")
    (told,) = re.findall(r"^ *(git -C .*)$", printed, re.MULTILINE)
    store.run("sh", "-ec", told, cwd=clone.path, env=AUTHOR)
    assert store.run("git", "status", "--porcelain") == ""
