"""`make template-check` and `make template-update`: one sentence and an exit code for each mishap.

The template is a repository of two versions: v1.0.0 is this working tree, v1.1.0 changes a managed
file, a shared one, adds one and says so in both changelogs.
"""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from support.messages import said
from support.project import ROOT, Project, append, read, render
from support.releases import commit, first_release, git, project_of, status, update

MANAGED = "template/core/__init__.py"
SHARED = "template/.gitignore.jinja"
CHECK = [".venv/bin/python", "-m", "alambique", "template-check"]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A repository of the template with two versions."""
    path = first_release(tmp_path)
    append(path / MANAGED, "# v1.1.0")
    append(path / SHARED, "# v1.1.0")
    (path / "template/NOVO").write_text("v1.1.0\n")
    for name, news in {"CHANGELOG.md": "It is new.", "CHANGELOG.pt-BR.md": "É novo."}.items():
        append(path / name, f"\n## 1.1.0\n\n- {news}")
    commit(path, "v1.1.0")
    return path


@pytest.fixture
def loja(template: Path, tmp_path: Path) -> Project:
    """A project of v1.0.0, in English, in a folder of a larger repository."""
    return project_of(template, tmp_path / "mono/services/loja", language="en")


NEW = {" M core/__init__.py", " M .gitignore", "?? NOVO", " M .copier-answers.yml"}


def test_an_update_brings_everything_and_the_news(loja: Project) -> None:
    assert "v1.1.0, this project at v1.0.0" in loja.run(*CHECK, code=3)
    assert "- It is new." in update(loja)
    assert status(loja) == NEW
    assert said(loja, "NOT_COMMITTED", update(loja, 1))
    commit(loja.path)
    assert "Up to date" in loja.run(*CHECK) and "It is new" not in update(loja)
    assert status(loja) == set()
    assert not git(loja.path, "worktree", "list", "--porcelain").count("detached")


@pytest.mark.full
def test_the_news_comes_in_the_language_of_the_project(template: Path, tmp_path: Path) -> None:
    made = project_of(template, tmp_path / "mono/servicos/loja")
    printed = made.run(*CHECK, code=3)
    assert "- É novo." in printed and "It is new" not in printed


@pytest.mark.full
def test_what_others_do_in_the_repository_is_left_alone(loja: Project) -> None:
    top = loja.path.parents[1]
    (top / "other").write_text("changed\n")
    (top / "noted").write_text("not committed\n")
    loja.write("notes.txt", "mine\n")
    loja.write("left.rej", "mine, too\n")
    update(loja)
    assert status(loja) == NEW | {"?? notes.txt", "?? left.rej"}
    assert read(top / "other") == "changed\n" and read(loja.path / "notes.txt") == "mine\n"


@pytest.mark.full
def test_a_file_git_does_not_know_is_never_overwritten(loja: Project) -> None:
    loja.write("NOVO", "mine\n")
    printed = update(loja, 1)
    assert said(loja, "IN_THE_WAY", printed) and "NOVO" in printed
    assert status(loja) == {"?? NOVO"} and read(loja.path / "NOVO") == "mine\n"
    commit(loja.path)
    update(loja, 1)  # known now: a conflict, with both in it
    assert {"mine", "v1.1.0"} <= set(read(loja.path / "NOVO").splitlines())


@pytest.mark.full
def test_a_conflict_is_an_error_that_can_be_mended_or_given_up(loja: Project) -> None:
    append(loja.path / ".gitignore", "# mine")
    commit(loja.path)
    printed = update(loja, 1)
    assert said(loja, "CONFLICTS", printed) and "\n  .gitignore\n" in printed
    assert status(loja) == NEW - {" M .gitignore"} | {"UU .gitignore"}
    merged = read(loja.path / ".gitignore")
    assert "# mine" in merged and "# v1.1.0" in merged and "<<<<<<< before updating" in merged
    (undo,) = [line for line in printed.splitlines() if line.startswith("  git restore")]
    loja.run("sh", "-ec", undo)
    assert status(loja) == set() and read(loja.path / ".gitignore").endswith("# mine\n")
    update(loja, 1)
    git(loja.path, "checkout", "--ours", ".gitignore")
    commit(loja.path)
    assert loja.run(*CHECK) and status(loja) == set()


@pytest.mark.full
def test_deleted_and_moved_files_stay_where_their_owner_put_them(loja: Project) -> None:
    git(loja.path, "rm", "--quiet", "alembic.ini", "core/database.py")
    (loja.path / "docs").mkdir(exist_ok=True)
    git(loja.path, "mv", "README.md", "docs/README.md")
    append(loja.path / "docs/README.md", "mine")
    commit(loja.path)
    update(loja)
    assert status(loja) == NEW
    assert read(loja.path / "docs/README.md").endswith("mine\n")


@pytest.mark.full
def test_files_with_windows_line_ends_merge_line_by_line(loja: Project) -> None:
    for name in ("README.md", "core/__init__.py", ".gitignore"):
        path = loja.path / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    readme = loja.path / "README.md"
    readme.write_bytes(readme.read_bytes() + b"mine\r\n")
    commit(loja.path)
    update(loja)
    assert status(loja) == NEW
    assert b"mine" in readme.read_bytes()


def change_answers(made: Project, old: str, new: str) -> None:
    """Edit the answers file as a person would, and commit."""
    path = made.path / ".copier-answers.yml"
    assert old in read(path)
    path.write_text(read(path).replace(old, new), encoding="utf-8")
    commit(made.path)


@pytest.mark.full
def test_a_template_that_moved_is_found_at_its_new_address(loja: Project, template: Path) -> None:
    template.rename(template.with_name("moved"))
    for printed in (loja.run(*CHECK, code=1), update(loja, 1)):
        assert said(loja, "NO_TEMPLATE", printed) and str(template) in printed
    change_answers(loja, str(template), f"git+file://{template.with_name('moved')}")
    update(loja)
    assert status(loja) == NEW


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("_src_path: /", "_src_path: ../", "NO_TEMPLATE"),  # relative: another place to everybody
        ("_src_path: /", "_src_path: /gone/", "NO_TEMPLATE"),
        ("_src_path", "_source", "NO_TEMPLATE"),
        ("_commit: v1.0.0", "_commit: v0.9.0", "NO_VERSION"),
        ("_commit: v1.0.0", "_commit: 1234567", "NO_VERSION"),
    ],
)
def test_a_template_or_version_that_is_lost_is_one_sentence(
    loja: Project, old: str, new: str, sentence: str
) -> None:
    change_answers(loja, old, new)
    for printed in (loja.run(*CHECK, code=1), update(loja, 1)):
        assert said(loja, sentence, printed)
        assert len(printed.strip().splitlines()) == 1
    assert status(loja) == set()


def test_a_project_newer_than_the_template_is_told_so(template: Path, tmp_path: Path) -> None:
    append(template / MANAGED, "# not released")
    commit(template)
    made = project_of(template, tmp_path / "mono/services/loja", "HEAD", language="en")
    assert "newer than the template" in made.run(*CHECK, code=4)
    assert "newer than the template" in update(made) and status(made) == set()


@pytest.mark.full
def test_a_template_without_tags_is_followed_by_its_commits(template: Path, tmp_path: Path) -> None:
    first = git(template, "rev-list", "--max-parents=0", "HEAD").strip()
    git(template, "tag", "--delete", "v1.0.0", "v1.1.0")
    made = project_of(template, tmp_path / "mono/services/loja", first, language="en")
    made.run(*CHECK, code=3)
    update(made)
    assert status(made) == NEW and "Up to date" in made.run(*CHECK)


@pytest.mark.parametrize(
    ("remote", "pushed", "recorded"),
    [
        ("https://git.example/alambique.git", True, "https://git.example/alambique.git"),
        ("https://ana:t0k3n@git.example/a.git", True, "https://git.example/a.git"),
        ("https://t0k3n@git.example/a.git", True, "https://git.example/a.git"),
        ("ssh://git:t0k3n@git.example/a.git", True, "ssh://git@git.example/a.git"),
        ("git@git.example:alambique.git", True, "git@git.example:alambique.git"),
        ("https://git.example/alambique.git", False, "the clone"),  # teammates would not find it
        ("../alambique", True, "the clone"),  # relative
        ("", False, "the clone"),
    ],
)
def test_a_new_project_knows_where_teammates_find_the_template(
    template: Path, tmp_path: Path, remote: str, pushed: bool, recorded: str
) -> None:
    if remote:
        git(template, "remote", "add", "origin", remote)
    if pushed:
        git(template, "update-ref", "refs/remotes/origin/main", "HEAD")
    made = project_of(template, tmp_path / "mono/services/loja", "HEAD")
    hook = f"import sys, pathlib; sys.path.insert(0, {str(template / 'hooks')!r})\n"
    made.python(f"{hook}from after_copy import record_source as f; f(pathlib.Path('.'))")
    source = recorded.replace("the clone", str(template))
    assert f"_src_path: {source}\n" in read(made.path / ".copier-answers.yml")


@pytest.mark.full  # test_readme.py has make do it where there is nothing new
def test_make_brings_its_own_copier_and_checks_afterwards(
    template: Path, tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    made = project_of(template, tmp_path / "mono/services/loja", environment="pip").installed()
    (made.path / ".venv").unlink()
    made.make("setup")
    assert "- É novo." in made.make("template-check", code=2)
    printed = made.make("template-update")
    assert "alambique check" in printed and status(made) == NEW
    assert (made.path / ".venv/copier").is_dir()


@pytest.mark.parametrize("database", ["sqlite", "postgresql", "mysql"])
@pytest.mark.parametrize(
    ("ci", "file", "schema"),
    [
        ("github", ".github/workflows/ci.yml", "vendor.github-workflows"),
        ("gitlab", ".gitlab-ci.yml", "vendor.gitlab-ci"),
    ],
)
def test_the_pipeline_is_what_its_service_reads(
    tmp_path: Path, ci: str, file: str, schema: str, database: str
) -> None:
    made = Project(render(tmp_path / "loja", ci=ci, database=database))
    checker = Path(sys.executable).with_name("check-jsonschema")
    made.run(str(checker), "--builtin-schema", schema, file)


@pytest.mark.parametrize(
    ("ci", "file"),
    [
        ("github", ".github/workflows/ci.yml"),
        pytest.param("gitlab", ".gitlab-ci.yml", marks=pytest.mark.full),
    ],
)
def test_the_pipeline_pushes_the_new_version_and_asks_for_a_review(
    template: Path, tmp_path: Path, ci: str, file: str
) -> None:
    made = project_of(template, tmp_path / "mono/services/loja", ci=ci)
    job = yaml.safe_load(read(made.path / file))
    job = job["jobs"]["template"]["steps"] if ci == "github" else job["template"]["script"]
    install = next(line for line in job if "template-update" in str(line))
    assert "make setup" in str(job) and "make template-update" in str(install)
    remote = tmp_path / "remote.git"
    git(tmp_path, "init", "--quiet", "--bare", str(remote))
    git(made.path, "remote", "add", "origin", str(remote))
    review = made.write("bin/gh", '#!/bin/sh\necho "$@" >> ../../gh.log\n')
    review.chmod(0o755)  # what the service itself provides
    shutil.move(review.parent, tmp_path / "bin")
    last = job[-1]["run"] if ci == "github" else "\n".join(job[2:])
    push = '"https://oauth2:$TEMPLATE_TOKEN@$CI_SERVER_HOST/$CI_PROJECT_PATH.git"'
    last = last.replace(push, str(remote)).replace("-o merge_request.create ", "")
    path = {"PATH": f"{tmp_path}/bin:{made.env['PATH']}"}
    path |= {"GITHUB_SERVER_URL": tmp_path.as_uri(), "GITHUB_REPOSITORY": "remote"}

    made.run("bash", "-ec", last, env=path)  # nothing new: nothing is pushed
    assert git(remote, "branch", "--list") == ""
    git(made.path, "switch", "--quiet", "main")
    git(made.path, "branch", "--delete", "template-update")
    update(made)
    made.run("bash", "-ec", last, env=path)
    assert "NOVO" in git(remote, "show", "--stat", "template-update")
    if ci == "github":
        assert "pr create --fill" in read(tmp_path / "mono/gh.log")


def test_the_changelogs_say_the_same_versions() -> None:
    heads = [
        [line for line in read(ROOT / name).splitlines() if re.match(r"## \d", line)]
        for name in ("CHANGELOG.md", "CHANGELOG.pt-BR.md")
    ]
    assert heads[0] == heads[1]


def test_a_killed_update_leaves_the_project_as_it_was(loja: Project) -> None:
    killer = loja.write("kill.sh", "#!/bin/sh\necho half > core/database.py\nkill -9 $PPID\n")
    killer.chmod(0o755)
    shutil.move(killer, loja.path.parents[2] / "kill.sh")
    loja.alambique("template-update", "--copier", str(loja.path.parents[2] / "kill.sh"), code=-9)
    assert status(loja) == set()
    update(loja)
    assert status(loja) == NEW
