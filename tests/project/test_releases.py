"""What a release promised is kept: paths, questions, defaults and the example's revisions.

The records in tests/contracts are what versions said; the working tree is held against each.
`make release` and the update hooks are tried on clones and synthetic versions.
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml

from support.contract import SPREAD, contract
from support.example import in_english
from support.messages import said
from support.ownership import within
from support.project import QUESTIONS, ROOT, SETTINGS, append
from support.releases import (
    DECLARED,
    changed,
    commit,
    copiers,
    copy_working_tree,
    first_release,
    git,
    project_of,
    released,
    status,
    update,
)


@pytest.fixture(scope="session")
def now() -> dict[str, Any]:
    """The contract of the working tree."""
    return contract()


@pytest.fixture(params=released())
def record(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The contract of a released version."""
    text = (ROOT / f"tests/contracts/{request.param}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def renamed(kind: str) -> set[str]:
    """Return what the versioned hooks of copier.yml give a new name."""
    commands = [entry["command"] for entry in SETTINGS.get("_migrations", [])]
    return {command[2] for command in commands if command[1].endswith(f"rename_{kind}.py")}


def test_no_rendered_path_vanishes(record: dict[str, Any], now: dict[str, Any]) -> None:
    for name, paths in record["paths"].items():
        if SPREAD[name].get("language") == "en":  # since 2.1: who has the old seeds keeps them
            paths = {path if path in now["paths"][name] else in_english(path) for path in paths}
        gone = set(paths) - set(now["paths"][name]) - renamed("path")
        gone = {path for path in gone if not any(map(within(path), DECLARED["deleted"]))}
        assert not gone, f"{gone}: people's edits would go with it; see CONTRIBUTING.md"


def test_no_question_or_choice_vanishes(record: dict[str, Any], now: dict[str, Any]) -> None:
    taken_over = "".join(str(question["default"]) for question in QUESTIONS.values())
    for key, asked in record["questions"].items():
        if key not in now["questions"]:
            found = re.search(rf"\b{key} \| default\(", taken_over)
            assert found or key in renamed("answer"), f"{key}: old projects would get the default"
            continue
        for choice in set(asked["choices"]) - set(now["questions"][key]["choices"]):
            assert f"{key}={choice}" in renamed("answer"), (
                f"{key}={choice} is an answer people gave"
            )
        assert asked["type"] == now["questions"][key]["type"], key


def test_no_default_changes_unsaid(record: dict[str, Any], now: dict[str, Any]) -> None:
    for key in record["questions"].keys() & now["questions"].keys():
        asked, asks = (each["questions"][key]["default"] for each in (record, now))
        declared = key in DECLARED["defaults"]
        assert asked == asks or declared, f"{key}: say so in releases.toml and in the changelogs"


def test_a_released_revision_is_never_edited(record: dict[str, Any], now: dict[str, Any]) -> None:
    assert record["revisions"].items() <= now["revisions"].items()


def test_every_release_is_in_the_changelogs() -> None:
    for name in ("CHANGELOG.md", "CHANGELOG.pt-BR.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert re.findall(r"^## (\d+\.\d+\.\d+) \(", text, re.MULTILINE) == released()[::-1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    numbers, last = ([*map(int, each.split("."))] for each in (project["version"], released()[-1]))
    assert numbers >= last, "a working tree is at the last version, or at the one to come"


# make release


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository of this working tree, in which a release may be cut."""
    path = tmp_path / "alambique"
    path.mkdir()
    copy_working_tree(path)
    for name, heading in (
        ("CHANGELOG.md", "## Unreleased"),
        ("CHANGELOG.pt-BR.md", "## Não publicado"),
    ):
        text = (path / name).read_text(encoding="utf-8")
        (path / name).write_text(text.replace(heading, f"{heading}\n\n- News.", 1))
    commit(path)
    git(path, "config", "user.name", "Ana")
    git(path, "config", "user.email", "ana@example.org")
    return path


def release(clone: Path, version: str, code: int = 0) -> str:
    """Cut a release; return what is printed."""
    command = [sys.executable, "hooks/release.py", version]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_release_is_a_commit_a_tag_an_entry_and_a_record(clone: Path) -> None:
    release(clone, "99.1.0")
    assert git(clone, "status", "--porcelain") == ""
    tagged = git(clone, "rev-parse", "v99.1.0^{commit}").strip()
    noted = tomllib.loads((clone / "releases.toml").read_text(encoding="utf-8"))
    sealed = git(clone, "show", f"{tagged}:template/vendor/alambique.sha256")
    assert noted["release"][-1] == {
        "version": "99.1.0",
        "commit": tagged,
        "library": hashlib.sha256(sealed.encode()).hexdigest(),
    }
    assert '__version__ = "99.1.0"' in git(
        clone, "show", f"{tagged}:template/vendor/alambique/__init__.py"
    )
    assert git(clone, "log", "-1", "--format=%s", tagged) == "Release 99.1.0\n"
    assert 'version = "99.1.0"' in git(clone, "show", f"{tagged}:pyproject.toml")
    recorded = json.loads(git(clone, "show", f"{tagged}:tests/contracts/99.1.0.json"))
    assert recorded["questions"].keys() == QUESTIONS.keys()
    for name in ("CHANGELOG.md", "CHANGELOG.pt-BR.md"):
        changelog = git(clone, "show", f"{tagged}:{name}")
        assert re.search(r"^## 99\.1\.0 \(\d{4}-\d\d-\d\d\)\n\n- News\.", changelog, re.MULTILINE)
    assert "nothing under" in release(clone, "99.2.0", code=1)


@pytest.mark.parametrize("version", ["", "1", "v99.0.0", "99.0", "0.0.0", "99.0.0rc1"])
def test_a_version_must_be_the_next_one(clone: Path, version: str) -> None:
    assert "is not x.y.z above" in release(clone, version, code=1)
    assert git(clone, "status", "--porcelain") == ""


def test_only_what_is_committed_is_released(clone: Path) -> None:
    append(clone / "README.md", "more")
    assert "not committed" in release(clone, "99.0.0", code=1)
    assert git(clone, "tag", "--list", "v99*") == ""


# The update hooks, in a version that no real project has


def with_hooks(path: Path, *commands: list[str]) -> None:
    """Add hooks to a template's copier.yml, for who crosses to 2.0.0."""
    entries = [
        {
            "version": "2.0.0",
            "when": "{{ _stage == 'before' }}",
            "command": [
                "{{ _copier_python }}",
                f"{{{{ _copier_conf.src_path }}}}/hooks/{script}",
                *names,
            ],
        }
        for script, *names in commands
    ]
    append(path / "copier.yml", yaml.safe_dump({"_migrations": entries}))


@pytest.mark.full
@pytest.mark.parametrize("which", ["newest", "oldest"])
def test_a_renamed_path_takes_the_edits_with_it(tmp_path: Path, which: str) -> None:
    template = first_release(tmp_path)
    loja = project_of(template, tmp_path / "mono/services/loja")
    append(loja.path / ".env.example", "# mine")
    commit(loja.path)
    source = template / "template/.env.example.jinja"
    append(source, "# v2.0.0")
    source.rename(template / "template/env.sample.jinja")
    with_hooks(template, ["rename_path.py", ".env.example", "env.sample"])
    commit(template, "v2.0.0")

    untrusted = loja.run(copiers()[which], "update", "--defaults", code=4)
    assert "trust" in untrusted.lower() and status(loja) == set()
    loja.alambique("template-update", "--copier", copiers()[which], "--trust", code=1)
    text = (loja.path / "env.sample").read_text(encoding="utf-8")
    assert {"# mine", "# v2.0.0"} <= set(text.splitlines())
    assert not (loja.path / ".env.example").exists()


@pytest.mark.full
def test_a_renamed_answer_is_kept(tmp_path: Path) -> None:
    template = first_release(tmp_path)
    loja = project_of(template, tmp_path / "mono/services/loja", ci="gitlab", environment="pip")
    settings = (template / "copier.yml").read_text(encoding="utf-8")
    settings = settings.replace("\nci:\n", "\npipeline:\n").replace("pip: pip", "pip: venv")
    (template / "copier.yml").write_text(settings, encoding="utf-8")
    asked = [*template.glob("template/**/*.jinja"), *template.glob("variants/**/*")]
    for path in [template / "copier.yml", *filter(Path.is_file, asked)]:
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"(?<=\benvironment [!=]= )(['\"])pip\1", r"\1venv\1", text)
        # What is excluded is asked of the old version, too, which knows the old key.
        key = "(pipeline | default(ci)) " if path.name == "copier.yml" else "pipeline "
        text = re.sub(r"\bci (?=[!=]= ['\"])", key, text)
        path.write_text(text, encoding="utf-8")
    with_hooks(
        template,
        ["rename_answer.py", "ci", "pipeline"],
        ["rename_answer.py", "environment=pip", "environment=venv"],
    )
    commit(template, "v2.0.0")
    update(loja, 0, "--trust")
    answers = yaml.safe_load((loja.path / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert (answers["pipeline"], answers["environment"]) == ("gitlab", "venv")
    assert (loja.path / ".gitlab-ci.yml").exists() and not (loja.path / ".github").exists()


def test_the_hooks_may_run_twice(tmp_path: Path) -> None:
    hooks = ROOT / "hooks"
    git(tmp_path, "init", "--quiet")
    (tmp_path / "old").write_text("mine")
    (tmp_path / ".copier-answers.yml").write_text("a: x\nb: 'y'\n")
    git(tmp_path, "add", "--all")
    for _ in range(2):
        for arguments in (
            ["rename_path.py", "old", "folder/new"],
            ["rename_answer.py", "a", "c"],
            ["rename_answer.py", "b=y", "b=z"],
        ):
            hook = [sys.executable, str(hooks / arguments[0]), *arguments[1:]]
            subprocess.run(hook, cwd=tmp_path, check=True)
    assert (tmp_path / "folder/new").read_text() == "mine" and not (tmp_path / "old").exists()
    assert (tmp_path / ".copier-answers.yml").read_text() == "c: x\nb: z\n"
    (tmp_path / "old").write_text("another")
    hook = [sys.executable, str(hooks / "rename_path.py"), "old", "folder/new"]
    refused = subprocess.run(hook, cwd=tmp_path, capture_output=True, text=True)
    assert refused.returncode == 1 and "which is there already" in refused.stderr


# Other answers, later
TESTS = {"tests/test_models.py", "tests/test_api.py"}


def fresh(tmp_path: Path, **answers: str) -> Path:
    """Render what the template makes of these answers."""
    path = tmp_path / "fresh/loja"
    copier.run_copy(
        str(tmp_path / "alambique"),
        path,
        {"language": "en"} | answers,
        vcs_ref="v1.0.0",
        defaults=True,
        unsafe=False,
        quiet=True,
    )
    return path


@pytest.mark.parametrize(
    "answers",
    [
        {"database": "postgresql"},
        pytest.param({"mode": "async"}, marks=pytest.mark.full),
        pytest.param({"environment": "pip", "ci": "none"}, marks=pytest.mark.full),
        pytest.param({"api": "fastapi"}, marks=pytest.mark.full),
    ],
)
def test_another_answer_makes_the_project_that_it_would_have_made(
    tmp_path: Path, answers: dict[str, str]
) -> None:
    loja, other = changed(tmp_path, **answers), fresh(tmp_path, **answers)
    for path in sorted(other.rglob("*")):
        name = path.relative_to(other).as_posix()
        yours = name.startswith("app/") or name in {"main.py", *TESTS}  # since the first day
        if path.is_file() and not yours:
            assert (loja.path / name).read_bytes() == path.read_bytes(), name


@pytest.mark.full
def test_without_the_example_its_files_are_yours(tmp_path: Path) -> None:
    loja = changed(tmp_path, example="false")
    assert (loja.path / "app/users/models.py").exists() and loja.revisions()
    assert "tour:" not in (loja.path / "Makefile").read_text(encoding="utf-8")


@pytest.mark.full
def test_the_folder_of_the_migrations_moves_with_its_history(tmp_path: Path) -> None:
    loja = project_of(first_release(tmp_path), tmp_path / "mono/services/loja", language="en")
    loja.alambique("setup")
    answer = "--data", "migrations_folder=historico"
    assert said(loja, "HISTORY_STAYS", update(loja, 1, *answer)) and status(loja) == set()
    git(loja.path, "mv", "migrations", "historico")
    commit(loja.path)
    update(loja, 0, *answer)
    loja.alambique("check")
    other = fresh(tmp_path, migrations_folder="historico")
    for path in (path for path in other.rglob("*") if path.is_file()):
        assert (loja.path / path.relative_to(other)).read_bytes() == path.read_bytes(), path
    assert not (loja.path / "migrations").exists()


@pytest.mark.full
@pytest.mark.parametrize("command", ["recopy", "copy"])
def test_a_fresh_copy_over_a_project_keeps_what_is_yours(tmp_path: Path, command: str) -> None:
    template = first_release(tmp_path)
    loja = project_of(template, tmp_path / "mono/services/loja", language="en")
    loja.write("core/policy.py", '"""Of a project of 1.x."""\n')
    yours = ["core/policy.py", "app/users/models.py", "docs/schema.mmd", "main.py", "project.mk"]
    for name in [*yours, "core/database.py"]:
        append(loja.path / name, "# mine")
    append(loja.revisions()[0], "# mine")
    commit(loja.path)
    source = [str(template), "."] if command == "copy" else []
    options = ["--defaults", "--overwrite", "--data", "language=en"]
    loja.run(copiers()["newest"], command, *options, *source)
    assert status(loja) == {" M core/database.py"}  # overwritten, as was asked, and in git
