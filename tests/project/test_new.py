"""Which version of the template `make new` renders, and what it says of one that nobody finds.

A clone of the template with releases, with and without more in it; `make setup` of the project is
no part of this.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.project import ROOT, Project, append, read
from support.releases import AUTHOR, commit, first_release, git, usable

SAYS = {
    "release": "the newest release, and not of what else is in this",
    "no_release": "This clone has no release",
    "nowhere": "no update will find that",
    "only_here": "an update on another machine will not find it",
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with the release v2.0.0, pushed, and a pre-release of what is to come."""
    path = first_release(tmp_path)
    commit(path, "v10.0.0rc1")
    commit(path, "v2.0.0")
    git(path, "remote", "add", "origin", "https://ana:t0k3n@git.example/alambique.git")
    git(path, "update-ref", "refs/remotes/origin/main", "HEAD")
    return path


@pytest.fixture
def new(clone: Path, tmp_path: Path) -> Callable[..., tuple[dict[str, str], set[str]]]:
    """Run `make new`; return what the project says of the template, and which sentences are said.

    Nothing is installed: in place of its own, the project's `make` is one that does nothing.
    """
    made = Project(usable(clone))
    nothing = made.path.parent / "bin/make"
    nothing.parent.mkdir()
    nothing.write_text("#!/bin/sh\n")
    nothing.chmod(0o755)
    make = subprocess.run(["sh", "-c", "command -v make"], capture_output=True, text=True).stdout

    def run(*words: str) -> tuple[dict[str, str], set[str]]:
        dest = tmp_path / "loja"
        path = {"PATH": f"{nothing.parent}:{made.env['PATH']}"}
        command = [make.strip(), "new", f"dest={dest}", "defaults=1", "data=language=en", *words]
        printed = made.run(*command, env=path)
        assert "t0k3n" not in printed and "t0k3n" not in read(dest / ".copier-answers.yml")
        noted = re.findall(r"^(_commit|_src_path): (.*)$", read(dest / ".copier-answers.yml"), re.M)
        plain = " ".join(printed.split())
        return dict(noted), {name for name, sentence in SAYS.items() if sentence in plain}

    return run


def test_a_release_is_rendered_and_nothing_said(new: Callable[..., object]) -> None:
    source = "https://git.example/alambique.git"
    assert new() == ({"_commit": "v2.0.0", "_src_path": source}, set())


def test_by_default_the_newest_release_is_rendered(
    clone: Path, new: Callable[..., tuple[dict[str, str], set[str]]], tmp_path: Path
) -> None:
    (clone / "template/untracked.txt").write_text("not committed\n")
    noted, said = new()
    assert noted["_commit"] == "v2.0.0" and said == {"release"}
    assert noted["_src_path"] == "https://git.example/alambique.git"
    assert not (tmp_path / "loja/untracked.txt").exists()


@pytest.mark.full
def test_what_is_committed_after_it_is_rendered_if_asked_for(
    clone: Path, new: Callable[..., tuple[dict[str, str], set[str]]], tmp_path: Path
) -> None:
    append(clone / "template/core/__init__.py", "# not released")
    commit(clone)
    noted, said = new()
    assert noted["_commit"] == "v2.0.0" and said == {"release"}

    subprocess.run(["rm", "-r", str(tmp_path / "loja")], check=True)
    noted, said = new("version=HEAD")
    assert noted["_src_path"] == str(clone) and said == {"only_here"}
    assert git(clone, "rev-parse", f"{noted['_commit']}^{{commit}}")
    assert read(tmp_path / "loja/core/__init__.py").endswith("# not released\n")


def test_what_is_not_committed_is_rendered_if_asked_for_and_told(
    clone: Path, new: Callable[..., tuple[dict[str, str], set[str]]], tmp_path: Path
) -> None:
    (clone / "template/untracked.txt").write_text("not committed\n")
    noted, said = new("version=HEAD")
    assert (tmp_path / "loja/untracked.txt").exists() and said == {"nowhere"}
    assert noted["_src_path"] == str(clone)


def test_a_clone_without_tags_gives_what_is_here_and_says_so(
    clone: Path, new: Callable[..., tuple[dict[str, str], set[str]]]
) -> None:
    for tag in git(clone, "tag").split():
        git(clone, "tag", "--delete", tag)
    noted, said = new()
    assert said == {"no_release"} and noted["_src_path"] == "https://git.example/alambique.git"
    assert git(clone, "rev-parse", f"{noted['_commit']}^{{commit}}")


def test_the_hook_says_the_same_in_both_languages() -> None:
    source = read(ROOT / "hooks/after_copy.py")
    found: dict[str, dict[str, dict[str, str]]] = {}
    start, end = source.index("SENTENCES = "), source.index("\n\n\ndef ")
    exec(source[start:end], found)  # noqa: S102
    fields = {
        language: {name: set(re.findall(r"\{\w+\}", text)) for name, text in sentences.items()}
        for language, sentences in found["SENTENCES"].items()
    }
    assert fields["en"] == fields["pt"]


def test_a_slip_is_said_before_anything_is_installed(clone: Path) -> None:
    printed = Project(clone).make("new", "dest=../loja", "defualts=1", code=2)
    assert "defualts=" in printed and "defaults" in printed
    assert not (clone / ".venv").exists() and not (clone.parent / "loja").exists()


def test_where_it_goes_is_asked_before_anything_is_installed(clone: Path) -> None:
    printed = Project(clone).run("make", "new", code=2)
    assert "make new dest=" in printed
    assert not (clone / ".venv").exists()


NO_ANSWERS = {
    "databse=sqlite": ("`databse`", "Is it database?"),
    "example=talvez": ("example", "true, false"),
    "database=oracle": ("database", "sqlite, postgresql, mysql"),
    "foo": ("`foo`", "key=value"),
    "project_description=My Shop": ("`Shop`", "key=value"),
}


@pytest.mark.parametrize(("data", "said"), NO_ANSWERS.items())
def test_what_is_no_answer_is_refused_in_one_sentence(
    data: str, said: tuple[str, str], tmp_path: Path
) -> None:
    dest = tmp_path / "loja"
    words = [f"dest={dest}", "defaults=1", f"data=language=en {data}"]
    printed = Project(ROOT).run("make", "--silent", "new", *words, code=2)
    (line, _) = printed.splitlines()  # the other is make's
    assert all(each in line for each in said) and not dest.exists()
    in_portuguese = [f"dest={dest}", "defaults=1", f"data=language=pt {data}"]
    printed = Project(ROOT).run("make", "--silent", "new", *in_portuguese, code=2)
    assert "data: " in printed and line not in printed


SETUP = """
import os, sys
sys.path.insert(0, "vendor")
from alambique.cli import main
sys.exit(7 if os.path.exists("../broken") else main(["setup"]))
"""


@pytest.mark.parametrize("language", ["en", "pt"])
def test_a_setup_that_is_repaired_ends_in_the_same_first_commit(
    tmp_path: Path, language: str
) -> None:
    """The project's `make setup`, without what it installs: these are the tests' packages."""
    clone = usable(Path(first_release(tmp_path)))
    made = Project(clone)
    (tmp_path / "setup.py").write_text(SETUP)
    stand_in = tmp_path / "bin/make"
    stand_in.parent.mkdir()
    stand_in.write_text(f"#!/bin/sh\nexec {sys.executable} {tmp_path}/setup.py\n")
    stand_in.chmod(0o755)
    make = subprocess.run(["sh", "-c", "command -v make"], capture_output=True, text=True).stdout
    path = {"PATH": f"{stand_in.parent}:{made.env['PATH']}"} | AUTHOR

    dest = tmp_path / "loja"
    (tmp_path / "broken").touch()
    url = f"sqlite:///{tmp_path}/it's 100% #here.db"
    words = ["new", f"dest={dest}", "defaults=1", f"data=language={language}", "version=HEAD"]
    printed = made.run(make.strip(), *words, f"DATABASE_URL={url}", env=path, code=2)
    assert "hooks/" not in printed and "copier copy" not in printed, "a recipe was echoed"
    assert f"make -C {dest} setup" in printed or "make -C ../" in printed

    project = Project(dest)
    assert project.run("git", "log", "--oneline", code=128)
    (tmp_path / "broken").unlink()
    project.run(str(stand_in), env=path)
    assert project.run("git", "log", "--format=%s").strip() == "Start the service"
    assert project.run("git", "status", "--porcelain") == ""
    assert (tmp_path / "it's 100% #here.db").exists()

    subprocess.run(["rm", "-r", str(dest)], check=True)
    printed = made.run(make.strip(), *words, env=path)
    last = printed.strip().splitlines()
    assert [line.split()[:2] for line in last[-3:]][1:] == [["make", "tour"], ["make", "help"]]
    assert last[-3].split() == ["cd", "../loja"] or last[-3].split()[0] == "cd"
    assert project.run("git", "log", "--format=%s").strip() == "Start the service"
