"""What opens a repository is in nothing that is committed or printed."""

import argparse
from pathlib import Path

import pytest
from alambique import messages
from alambique.settings import use_project
from alambique.tools import template_check
from alambique.tools.answers import answers, take_credentials_out
from alambique.tools.copier import Copier
from alambique.tools.credentials import without_credentials
from alambique.tools.template_repository import git
from alembic.util import CommandError

TOKEN = "t0k3n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://ana:t0k3n@git.example/a.git", "https://git.example/a.git"),
        ("https://t0k3n@git.example/a.git", "https://git.example/a.git"),
        ("git+https://x-access-token:t0k3n@git.example/a", "git+https://git.example/a"),
        ("HTTPS://ana:t0k3n@git.example:8443/a.git", "HTTPS://git.example:8443/a.git"),
        ("https://ana:t0@k3n@git.example/a.git", "https://git.example/a.git"),
        ("https://ana:@git.example/a.git", "https://git.example/a.git"),
        ("ssh://git@git.example/a.git", "ssh://git@git.example/a.git"),
        ("ssh://git:t0k3n@git.example:22/a.git", "ssh://git@git.example:22/a.git"),
        ("git+ssh://git@git.example/a.git", "git+ssh://git@git.example/a.git"),
        ("git@git.example:a.git", "git@git.example:a.git"),
        ("https://git.example/a@v1.git", "https://git.example/a@v1.git"),
        ("/home/ana@work/a", "/home/ana@work/a"),
        ("file:///home/ana@work/a", "file:///home/ana@work/a"),
        (
            "fatal: unable to access 'https://ana:t0k3n@h/': not https://h/ but https://t0k3n@h/b",
            "fatal: unable to access 'https://h/': not https://h/ but https://h/b",
        ),
        ('"https://h/a", mail ana@h', '"https://h/a", mail ana@h'),
    ],
)
def test_a_text_is_shown_without_them(text: str, expected: str) -> None:
    assert without_credentials(text) == expected


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose template is at an address with a token, where nobody answers."""
    (tmp_path / "pyproject.toml").write_text('[tool.alambique]\nlanguage = "en"\n')
    source = f"https://ana:{TOKEN}@127.0.0.1:1/x.git"
    (tmp_path / ".copier-answers.yml").write_text(
        f"# {source} in a comment\n_commit: v1.0.0\n_src_path: {source}\nsite: {source}\n"
    )
    use_project(tmp_path)
    return tmp_path


def test_a_template_that_is_not_there_is_named_without_them(root: Path) -> None:
    with pytest.raises(CommandError) as raised:
        template_check.run(argparse.Namespace(json=False))
    assert "not at https://127.0.0.1:1/x.git" in str(raised.value)


def test_a_version_that_is_gone_is_told_without_them(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = tmp_path / "template"
    template.mkdir()
    git("init", "--quiet", cwd=template)
    author = ["-c", "user.name=x", "-c", "user.email=x@localhost"]
    git(*author, "commit", "--quiet", "--allow-empty", "-m", "x", cwd=template)
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f'[url "{template}"]\n\tinsteadOf = {answers()["_src_path"]}\n', encoding="utf-8"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    with pytest.raises(CommandError) as raised:
        template_check.run(argparse.Namespace(json=False))
    assert "no longer has v1.0.0" in str(raised.value) and TOKEN not in str(raised.value)


def test_what_git_says_is_told_without_them(tmp_path: Path) -> None:
    messages.speak("en")
    git("init", "--quiet", cwd=tmp_path)
    with pytest.raises(CommandError) as raised:  # git masks them itself where it fetches
        git("checkout", f"https://ana:{TOKEN}@h/x.git", cwd=tmp_path)
    assert "https://h/x.git" in str(raised.value) and TOKEN not in str(raised.value)


def test_what_copier_says_is_shown_without_them(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    messages.speak("en")
    copier = tmp_path / "copier"
    copier.write_text(f'#!/bin/sh\necho "at https://ana:{TOKEN}@h/x" >&2\nexit 1\n')
    copier.chmod(0o755)
    with pytest.raises(CommandError, match="Copier did not update"):
        Copier(str(copier)).update(tmp_path, "v1.0.0", [])
    assert capfd.readouterr().err == "at https://h/x\n"


def test_they_are_taken_out_of_the_line_of_the_answers(root: Path) -> None:
    source = answers()["site"]
    assert take_credentials_out(root)
    assert answers()["_src_path"] == "https://127.0.0.1:1/x.git"
    assert answers()["site"] == source  # somebody's answer, and not ours to change
    before = (root / ".copier-answers.yml").stat().st_mtime_ns
    assert not take_credentials_out(root)
    assert (root / ".copier-answers.yml").stat().st_mtime_ns == before
