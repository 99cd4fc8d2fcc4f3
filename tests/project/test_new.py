"""Which version of the template `make new` renders, and what it says of one that nobody finds.

A clone of the template with releases, with and without more in it; `make setup` of the project is
no part of this.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.project import ROOT, Project, append, read
from support.releases import commit, first_release, git, usable

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
