"""An update against the project as nobody edited it: what an answer takes away, what was moved.

Real Copier, on the smallest template that has each kind of file.
"""

from collections.abc import Callable
from pathlib import Path

import copier
import pytest
from alambique import messages
from alambique.settings import use_project
from alambique.tools.answers import answers
from alembic.util import CommandError

from support.releases import commit, git

COPIER_YML = """
_subdirectory: template
_exclude:
  - "{% if ci == 'none' %}/.github{% endif %}"
  - "{% if _copier_operation == 'update' %}/app{% endif %}"
ci: { type: str, default: github }
database: { type: str, default: sqlite }
mode: { type: str, default: sync }
"""
ANSWERS_FILE = "# answers\n{{ _copier_answers | to_nice_yaml }}"
CI = ".github/workflows/ci.yml"
FILES = {
    "copier.yml": COPIER_YML,
    "CHANGELOG.md": "# Changes\n",
    "CHANGELOG.pt-BR.md": "# Changes\n",
    "template/{{ _copier_conf.answers_file }}.jinja": ANSWERS_FILE,
    "template/pyproject.toml": '[tool.alambique]\nlanguage = "en"\n',
    f"template/{CI}": "on: push\n",
    "template/app/models.py": "# yours\n",
    "template/README.md": "# Read me\n\nOne.\nTwo.\nThree.\n",
    "template/notes.txt": "Notes.\n",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template with two versions; the second one changes what can be, and brings a file."""
    path = tmp_path / "template"
    write(path, FILES)
    commit(path, "v1.0.0")
    write(
        path,
        {
            "template/README.md": "# Read me\n\nOne.\nTwo.\nThree.\nFour, which is new.\n",
            "template/notes.txt": "Notes, new.\n",
            "template/app/models.py": "# yours, new\n",
            "template/novo.txt": "New.\n",
        },
    )
    commit(path, "v2.0.0")
    return path


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A project of the first version, in a folder of a repository; odd names above it."""
    root = tmp_path / "mono repo/serviços/lo ja"
    copier.run_copy(str(template), root, vcs_ref="v1.0.0", defaults=True, quiet=True)
    commit(tmp_path / "mono repo")
    use_project(root)
    return root


def changed(root: Path) -> set[str]:
    """Return what changed in the project since the last commit, with git's letters."""
    listed = git(root, "-c", "core.quotePath=false", "status", "--porcelain", "-uall", "--", ".")
    prefix = git(root, "rev-parse", "--show-prefix").strip()
    return {line.replace('"', "").replace(prefix, "", 1) for line in listed.splitlines()}


EVERYTHING = {" M .copier-answers.yml", " M README.md", " M notes.txt", "?? novo.txt"}


def test_what_nobody_edited_goes_with_its_answer(root: Path, update: Callable[..., int]) -> None:
    write(root, {"mine.txt": "mine\n", ".github/workflows/mine.yml": "on: push\n"})
    commit(root)
    assert update("--data", "ci=none") == 0
    assert changed(root) == EVERYTHING | {f" D {CI}"}
    assert (root / ".github/workflows/mine.yml").exists()


def test_an_edited_file_goes_only_if_somebody_said_so(
    root: Path, update: Callable[..., int]
) -> None:
    write(root, {CI: "on: push\njobs: mine\n"})
    commit(root)
    with pytest.raises(CommandError) as refused:
        update("--data", "ci=none")
    said = str(refused.value)
    assert f"\n  {CI}\n" in said
    assert f'\n  make template-update data="ci=none" keep="{CI}"\n' in said
    assert said.endswith(f'\n  make template-update data="ci=none" drop="{CI}"')
    assert changed(root) == set() and git(root, "worktree", "list").count("\n") == 1

    assert update("--data", "ci=none", "--keep", CI) == 0
    assert changed(root) == EVERYTHING
    assert (root / CI).read_text() == "on: push\njobs: mine\n"
    git(root, "stash", "--include-untracked")
    assert update("--data", "ci=none", "--drop", CI) == 0
    assert changed(root) == EVERYTHING | {f" D {CI}"}


def test_a_version_that_no_longer_has_an_edited_file_asks_too(
    root: Path, template: Path, update: Callable[..., int]
) -> None:
    (template / "template/notes.txt").unlink()
    commit(template, "v2.1.0")
    write(root, {"notes.txt": "Notes of mine.\n"})
    commit(root)
    with pytest.raises(CommandError, match='keep="notes.txt"'):
        update()
    assert changed(root) == set()


@pytest.mark.full
def test_what_was_kept_is_asked_about_no_more(
    root: Path, template: Path, update: Callable[..., int]
) -> None:
    write(root, {CI: "on: push\njobs: mine\n"})
    commit(root)
    update("--data", "ci=none", "--keep", CI)
    commit(root)
    commit(template, "v2.1.0")
    assert update() == 0
    assert changed(root) == {" M .copier-answers.yml"}


@pytest.mark.full
def test_what_was_moved_or_deleted_here_and_changed_there_is_listed(
    root: Path, update: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "docs").mkdir()
    git(root, "mv", "README.md", "docs/read me.md")
    git(root, "rm", "--quiet", "-r", "notes.txt", "app", ".github")
    commit(root)
    assert update() == 0
    said = capsys.readouterr().out
    assert "\n  README.md, moved to docs/read me.md\n  notes.txt, deleted\n" in said
    assert "\n+Four, which is new.\n" in said and "\n+Notes, new.\n" in said
    assert "models.py" not in said  # yours from the first day: an update brings nothing of it
    assert "ci.yml" not in said  # deleted here, and not changed there
    assert changed(root) == {" M .copier-answers.yml", "?? novo.txt"}


def test_nothing_is_listed_where_everything_came(
    root: Path, update: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, {"README.md": "# Mine\n\nOne.\nTwo.\nThree.\n"})
    commit(root)
    update()
    begins = messages.UNREACHED.partition(":")[0]
    assert begins not in capsys.readouterr().out


@pytest.mark.full
def test_a_moved_file_that_the_template_no_longer_has_stays_and_is_listed(
    root: Path, update: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    git(root, "mv", CI, "ci.yml")
    commit(root)
    update("--data", "ci=none")
    assert f"{CI}, moved to ci.yml; the template no longer has it" in capsys.readouterr().out
    assert (root / "ci.yml").exists()


def test_what_gitignore_matches_arrives_and_is_told(
    root: Path, update: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, {".gitignore": "novo*\n"})
    commit(root)
    assert update() == 0
    assert (root / "novo.txt").read_text() == "New.\n"
    assert messages.BROUGHT_IGNORED.format(files="novo.txt") in capsys.readouterr().out


@pytest.mark.full
def test_what_gitignore_matches_is_in_the_way_of_nothing_unseen(
    root: Path, update: Callable[..., int]
) -> None:
    write(root, {".gitignore": "novo*\n"})
    commit(root)
    write(root, {"novo.txt": "mine\n"})
    with pytest.raises(CommandError, match="brings .*novo.txt"):
        update()
    assert (root / "novo.txt").read_text() == "mine\n" and changed(root) == set()


def test_a_file_where_the_new_version_has_a_folder_is_in_the_way(
    root: Path, template: Path, update: Callable[..., int]
) -> None:
    write(template, {"template/pages/one.md": "One.\n"})
    commit(template, "v2.1.0")
    write(root, {"pages": "mine, and git does not know it\n"})
    with pytest.raises(CommandError, match="brings .*pages, "):
        update()
    assert changed(root) == {"?? pages"}


@pytest.mark.full
def test_a_template_that_moves_a_file_onto_one_that_git_does_not_know(
    root: Path, template: Path, update: Callable[..., int]
) -> None:
    hook = '["git", "mv", "notes.txt", "remarks.txt"]'
    entry = "_migrations:\n  - {version: v2.1.0, when: \"{{ _stage == 'before' }}\","
    write(template, {"copier.yml": f"{COPIER_YML}{entry} command: {hook}}}\n"})
    git(template, "mv", "template/notes.txt", "template/remarks.txt")
    commit(template, "v2.1.0")
    write(root, {"remarks.txt": "mine, and git does not know it\n"})
    with pytest.raises(CommandError, match="brings .*remarks.txt"):
        update("--trust")
    assert changed(root) == {"?? remarks.txt"}

    (root / "remarks.txt").unlink()
    write(root, {"notes.txt": "Notes.\nMine.\n"})
    commit(root)
    with pytest.raises(CommandError, match="Conflicts in:\n  remarks.txt\n"):
        update("--trust")  # the edits went along: nobody is asked whether they may go
    assert "Mine." in (root / "remarks.txt").read_text()


@pytest.mark.full
def test_another_answer_says_what_it_leaves_to_be_done(
    root: Path, update: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    update("--data", "database=mysql", "--data", "mode=async")
    said = capsys.readouterr().out
    assert "database was sqlite and is mysql. By hand: put the DATABASE_URL" in said
    assert "mode was sync and is async. By hand: " in said
    commit(root)
    update("--data", "ci=none")
    assert "By hand" not in capsys.readouterr().out


def test_a_pre_release_does_not_outrank_a_release(
    root: Path, template: Path, update: Callable[..., int]
) -> None:
    for tag in ("v2.0.0-rc1", "v2.0.1rc1", "v3.0.0-beta.1", "v10-of-something", "vnext"):
        commit(template, tag)
    assert update() == 0
    assert answers()["_commit"] == "v2.0.0"


def test_versions_are_compared_as_numbers(
    root: Path, template: Path, update: Callable[..., int]
) -> None:
    commit(template, "v2.9.0")
    commit(template, "v2.10.0")
    assert update() == 0
    assert answers()["_commit"] == "v2.10.0"


def test_an_update_takes_the_credentials_out_of_what_is_committed(
    root: Path,
    template: Path,
    update: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    secret = "https://ana:t0k3n@git.example/template.git"
    settings = tmp_path / "gitconfig"
    settings.write_text(f'[url "{template}"]\n\tinsteadOf = {secret}\n', encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("COPIER_CACHE_DIR", str(tmp_path / "cache"))
    file = root / ".copier-answers.yml"
    file.write_text(file.read_text().replace(f"_src_path: {template}", f"_src_path: {secret}"))
    commit(root)

    assert update() == 0
    assert answers()["_src_path"] == "https://git.example/template.git"
    printed = capfd.readouterr()
    assert "revoke it" in printed.out and "t0k3n" not in printed.out + printed.err
    assert changed(root) == EVERYTHING


@pytest.mark.full
def test_another_answer_never_takes_a_project_back_to_an_older_version(
    root: Path, template: Path, update: Callable[..., int]
) -> None:
    write(template, {"template/notes.txt": "Notes, not released.\n"})
    commit(template)
    described = git(template, "describe", "--tags").strip()
    file = root / ".copier-answers.yml"
    file.write_text(file.read_text().replace("_commit: v1.0.0", f"_commit: {described}"))
    write(root, {"notes.txt": "Notes, not released.\n"})
    commit(root)
    assert update() == 0 and changed(root) == set()
    assert update("--data", "ci=none") == 0
    assert answers()["_commit"] == described
    assert (root / "notes.txt").read_text() == "Notes, not released.\n"
