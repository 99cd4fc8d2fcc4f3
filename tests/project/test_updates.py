"""Promise 6: from every released version, with every edit, an update never loses work.

Each cell is a released version, a set of answers and a Copier. Every version is tried with the
default answers; other answers, and the oldest Copier that we support, with the first version and
the newest. The working tree is the version updated to.
"""

import itertools
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.contract import SPREAD
from support.example import CLIENTE
from support.ownership import excluded_on_update, ownership, within
from support.project import Project, append, read
from support.releases import (
    AUTHOR,
    DECLARED,
    NEWEST,
    commit,
    copiers,
    git,
    project_of,
    questions,
    released,
    repository,
)

COMMENT = {".mako": "## {}", ".md": "{}", "README": "{}"}
ANSWERS = ".copier-answers.yml"  # says of itself that nobody edits it


def every_cell() -> Iterator[tuple[str, str, str]]:
    """Yield the cells, the first one first."""
    default, *others = SPREAD
    versions = released()
    ends = (versions[0], versions[-1])
    yield from ((version, default, "newest") for version in versions)
    in_turn = zip(itertools.cycle(ends), others, strict=False)
    yield from ((version, answers, "newest") for version, answers in in_turn)
    yield (versions[0], default, "oldest")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test every cell, or by default the first release with the default answers."""
    if "cell" in metafunc.fixturenames:
        cells = list(every_cell())
        if not metafunc.config.getoption("--full"):
            cells = cells[:1]
        metafunc.parametrize("cell", cells, ids="-".join)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template's repository, with its releases."""
    return repository(tmp_path_factory.mktemp("template") / "alambique")


def copied(template: Path, path: Path, ref: str, copier: str, name: str) -> Project:
    """Make a project from a version of the template, as a person would, untrusted."""
    answers = {key: value for key, value in SPREAD[name].items() if key in questions(template, ref)}
    data = [f"--data={key}={value}" for key, value in answers.items()]
    command = [copiers()[copier], "copy", "--quiet", "--defaults", "--vcs-ref", ref, *data]
    subprocess.run([*command, str(template), str(path)], check=True)
    made = Project(path)
    made.env |= AUTHOR
    return made


def texts(tree: Path) -> dict[str, str]:
    """Return what is in a project's files, but git's own and the environment."""
    return {
        path.relative_to(tree).as_posix(): path.read_text(encoding="utf-8", errors="replace")
        for path in tree.rglob("*")
        if path.is_file() and not {".git", ".venv"} & set(path.relative_to(tree).parts)
    }


def test_without_edits_an_update_is_a_fresh_render(
    template: Path,
    tmp_path: Path,
    cell: tuple[str, str, str],
    record_property: Callable[[str, int], None],
) -> None:
    version, name, copier = cell
    made = copied(template, tmp_path / "old/loja", f"v{version}", copier, name)
    commit(made.path)
    before = texts(made.path)
    made.run(copiers()[copier], "update", "--quiet", "--defaults")
    after = texts(made.path)
    assert not git(made.path, "ls-files", "--unmerged") and not git(made.path, "diff", "--check")

    fresh = copied(template, tmp_path / "new/loja", NEWEST, copier, name)
    _, seeds = ownership(fresh.path)
    newest = texts(fresh.path)
    for path in sorted(before.keys() | after.keys() | newest.keys()):
        seed = any(map(within(path), seeds))
        assert after.get(path) == (before if seed else newest).get(path), path

    commit(made.path)
    made.run(copiers()[copier], "update", "--quiet", "--defaults")
    assert git(made.path, "status", "--porcelain") == ""
    record_property("updates of untouched projects", 1)


@pytest.mark.parametrize(
    "release",
    [*(pytest.param(each, marks=pytest.mark.full) for each in released()[:3]), "2.0.0"],
)
def test_an_english_project_of_before_keeps_its_portuguese_example(
    template: Path, tmp_path: Path, release: str
) -> None:
    """Up to 2.0 the example was Portuguese in both languages; the English one is for new ones."""
    made = project_of(template, tmp_path / "mono/services/loja", f"v{release}", language="en")
    before = texts(made.path)
    example = [name for name in before if re.search("usuarios|produtos", name)]
    assert len(example) == 5
    made.run(copiers()["newest"], "update", "--quiet", "--defaults")

    after = texts(made.path)
    for name in [*example, "docs/schema.mmd", "main.py", "tests/test_models.py"]:
        assert after.get(name) == before.get(name), name
    assert not [name for name in after if re.search("/users|/products|_users|_products", name)]
    made.alambique("setup")
    assert "Alice" in made.make("tour")
    made.make("seed", "check", "test")


class Sentinels:
    """Lines that stand nowhere else, written into every file that an update may change."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {}

    def write(self, path: Path, name: str) -> None:
        """Put a line at the top of a file, and one at its end."""
        numbers = [f"sentinel {len(self.lines)} {place}" for place in ("top", "end")]
        form = COMMENT.get(path.suffix or path.name, "# {}")
        self.lines[name] = [form.format(number) for number in numbers]
        self.put_back(path, name)

    def put_back(self, path: Path, name: str) -> None:
        """Put the two lines of a file into what it now is."""
        top, end = self.lines[name]
        text = path.read_text(encoding="utf-8")
        path.write_text(f"{top}\n{text.rstrip()}\n{end}\n", encoding="utf-8", newline="\n")

    def lost(self, tree: Path) -> list[str]:
        """Return the lines that are no longer in their files."""
        found = texts(tree)
        every = ((name, line) for name, lines in self.lines.items() for line in lines)
        return [line for name, line in every if line not in found[name].splitlines()]


def may_be_edited(path: str, tree: Path) -> bool:
    """Tell whether an owner may edit a file that an update may change.

    A seed is no longer touched; what is sealed is replaced; and what a later version no longer has,
    the library inside core/migrations, was to be left alone already: the changelog says so.
    """
    _, seeds = ownership(tree)
    never = {*seeds, *DECLARED["deleted"], "vendor/"}
    return not any(map(within(path), never))


def update_command(made: Project, copier: str) -> list[str]:
    """Return what `make template-update` runs, in a project of whatever version."""
    if (made.path / "vendor/alambique").is_dir():
        words = ["alambique", "template-update", "--copier", copiers()[copier]]
    else:
        words = ["core.template", "update", copiers()[copier], "update"]
    return [made.interpreter, "-m", *words]


def expected_conflicts(base: Path, ours: Path, theirs: Path, names: list[str]) -> set[str]:
    """Return the files that git itself cannot merge: these should be reported, and no others."""
    found = set()
    for name in names:
        if (theirs / name).exists():
            merge = ["git", "merge-file", "-p", str(ours / name), str(base / name)]
            done = subprocess.run([*merge, str(theirs / name)], capture_output=True)
            found |= {name} if done.returncode else set()
    return found


def test_an_update_never_loses_an_edit(
    template: Path,
    tmp_path: Path,
    cell: tuple[str, str, str],
    new_database: Callable[[str], str],
    record_property: Callable[[str, int], None],
) -> None:
    version, name, copier = cell
    made = copied(template, tmp_path / "mine/loja", f"v{version}", copier, name)
    base, fresh = tmp_path / "old/loja", tmp_path / "new/loja"
    shutil.copytree(made.path, base)
    made.use_these_packages()
    git(made.path, "init", "--quiet")
    (made.path / ".git/info/exclude").write_text(".venv\n")  # a link is no folder to .gitignore

    # A life of its own: a model, its revision, data; edits everywhere; a seed changed, one deleted.
    if (database := SPREAD[name].get("database", "sqlite")) != "sqlite":
        made.env["DATABASE_URL"] = new_database(database)
    made.run(made.interpreter, "-m", "core.migrations", "setup")  # as it was called in 1.x
    released_revisions = {path.name: path.read_text() for path in made.revisions()}
    made.write("app/clientes/models.py", CLIENTE)
    made.alembic("revision", "--autogenerate", "-m", "clientes")
    made.alembic("upgrade", "head")
    insert = "INSERT INTO clientes (nome) VALUES ('Ana')"
    made.python(sql(insert))
    revisions = {path.name: path.read_text() for path in made.revisions()}
    policy = "core/policy.py"
    seed = policy if (made.path / policy).exists() else "project.mk"  # in its place from 2.0 on
    made.write(seed, (made.path / seed).read_text() + "\n# mine\n")
    if (made.path / "main.py").exists():
        (made.path / "main.py").unlink()
    sentinels = Sentinels()
    for path in sorted(texts(base)):
        if path != ANSWERS and may_be_edited(path, base):
            sentinels.write(made.path / path, path)
    commit(made.path)
    edited = tmp_path / "edited"
    shutil.copytree(made.path, edited, ignore=shutil.ignore_patterns(".git", ".venv"))

    copied(template, fresh, NEWEST, copier, name)
    conflicts = expected_conflicts(base, edited, fresh, list(sentinels.lines))
    output = made.run(*update_command(made, copier), code=1 if conflicts else 0)
    assert set(git(made.path, "diff", "--name-only", "--diff-filter=U").split()) == conflicts
    assert all(f"  {path}\n" in output for path in conflicts), output  # each on a line of its own
    assert not sentinels.lost(made.path), output
    assert {path.name: path.read_text() for path in made.revisions()} == revisions
    assert released_revisions.items() <= revisions.items()
    assert (made.path / seed).read_text().endswith("# mine\n")
    assert not (made.path / "main.py").exists()
    for path in conflicts:  # mended as a person might: the new version, with one's own lines
        shutil.copy(fresh / path, made.path / path)
        sentinels.put_back(made.path / path, path)
    assert not sentinels.lost(made.path)
    commit(made.path)

    made.run(*update_command(made, copier))  # once more: nothing to do
    made.run(copiers()[copier], "update", "--quiet", "--defaults")
    assert git(made.path, "status", "--porcelain") == ""
    made.alambique("check")  # one head, at head, models equal database
    assert made.python(sql("SELECT nome FROM clientes")).strip() == "Ana"
    record_property("updates of projects edited everywhere", 1)
    record_property("sentinels followed", 2 * len(sentinels.lines))
    record_property("conflicts reported", len(conflicts))


# What the owner of a project of 1.x wrote around the template's files

MAKE = """
conferir:
\t$(BIN)/python -m core.migrations check

planejar: conferir
\t$(BIN)/python -m core.migrations plan
"""
PROGRAM = '''"""Brings the database up to date before the service starts."""

from core import ROOT, InvalidSetting, async_driver, database_url, is_sqlite_file, sync_driver
from core.migrations import (
    apply_migrations,
    create_migration,
    current_revision,
    ensure_current,
    pending_revisions,
    revert_migrations,
)

if __name__ == "__main__":
    assert issubclass(InvalidSetting, BaseException)
    assert create_migration("nada") is None
    revert_migrations()
    assert len(pending_revisions()) == 1
    apply_migrations()
    ensure_current()
    assert is_sqlite_file(database_url()) and (ROOT / "alembic.ini").exists()
    print(sync_driver(async_driver(database_url())).get_driver_name(), current_revision())
'''
CATALOGUE = CLIENTE.replace("Cliente", "Catalogo").replace("clientes", "catalogos")


def conflicts_mended(made: Project, copier: str) -> set[str]:
    """Update a project; where both sides wrote, take the new version and put ours below it."""
    ours = texts(made.path)
    made.run(*update_command(made, copier), code=None)
    found = set(git(made.path, "diff", "--name-only", "--diff-filter=U").split())
    for path in found:
        theirs = git(made.path, "show", f":3:./{path}")
        old = git(made.path, "show", f":1:./{path}").splitlines()
        mine = [line for line in ours[path].splitlines() if line not in old]
        made.write(path, "\n".join([theirs, *mine, ""]))
    commit(made.path)
    return found


@pytest.mark.full
@pytest.mark.parametrize(
    "release", [*(pytest.param(each, marks=pytest.mark.full) for each in released()[:2]), "1.2.0"]
)
def test_what_the_owner_of_a_project_of_1_x_wrote_goes_on_working(
    template: Path, tmp_path: Path, release: str
) -> None:
    made = copied(template, tmp_path / "loja", f"v{release}", "newest", "default")
    made.use_these_packages()
    git(made.path, "init", "--quiet")
    (made.path / ".git/info/exclude").write_text(".venv\n")
    append(made.path / "Makefile", MAKE)
    made.write("app/start.py", PROGRAM)
    made.write("lib/catalogo.py", CATALOGUE)
    policy = read(made.path / "core/policy.py")
    nothing = "EXTRA_MODELS: list[str] = []"
    assert nothing in policy
    made.write("core/policy.py", policy.replace(nothing, 'EXTRA_MODELS = ["lib.catalogo"]'))
    made.run(made.interpreter, "-m", "core.migrations", "setup")
    made.alembic("revision", "--autogenerate", "-m", "catalogos")
    made.alembic("upgrade", "head")
    commit(made.path)

    assert conflicts_mended(made, "newest") <= {"Makefile"}
    assert not list((made.path / "core/migrations").rglob("*.py")), "it would hide the module"
    made.make("conferir", "planejar")
    printed = made.run(made.interpreter, "-m", "app.start")
    assert printed.splitlines()[-1].startswith("pysqlite ")
    made.make("diagram")
    assert " passed" in made.make("test")

    made.write("core/policy.py", policy)  # it counted: without its line the table is no longer ours
    assert "catalogos" in made.alambique("check", code=5)


def sql(statement: str) -> str:
    """Return Python source that runs a statement on the project's database, and prints a value."""
    return (
        "from sqlalchemy import create_engine, text\n"
        "from core import database_url, sync_driver\n"
        "with create_engine(sync_driver(database_url())).begin() as connection:\n"
        f"    result = connection.execute(text({statement!r}))\n"
        "    print(result.scalar() if result.returns_rows else '')\n"
    )


def test_what_copier_leaves_alone_is_what_the_readme_says(template: Path, tmp_path: Path) -> None:
    made = copied(template, tmp_path / "loja", NEWEST, "newest", "default")
    _, seeds = ownership(made.path)
    answers: dict[str, Any] = {"migrations_folder": "migrations", "api": "none"}
    assert excluded_on_update(answers) == seeds
