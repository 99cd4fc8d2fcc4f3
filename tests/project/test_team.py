"""Ten people, one line of history: branches that meet, a squashed past, revisions under review.

Real git repositories, in which two branches each add a revision; every database is one that
somebody on one of the branches has.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.consent import consent_in
from support.database import query
from support.example import FIRST, HEAD, SECOND, in_language
from support.messages import sentence
from support.project import Project
from support.releases import AUTHOR

NICKNAME = "    idade: Mapped[int]", "    apelido: Mapped[str | None] = mapped_column(String(50))"
STOCK = "    preco: Mapped[Decimal]", "    estoque: Mapped[int | None]"


class Team:
    """A repository whose `main` and `feature` each add a column, and the databases of both."""

    def __init__(self, made: Project, language: str) -> None:
        self.made, self.language = made, language
        made.env |= AUTHOR | {"GIT_EDITOR": "true"}
        self.git("init", "--quiet", "--initial-branch=main")
        (made.path / ".git/info/exclude").write_text(".venv\n")
        self.commit("Start")

    def git(self, *arguments: str, code: int | None = 0) -> str:
        return self.made.run("git", *arguments, code=code)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def add_column(self, module: str, column: tuple[str, str], name: str) -> Path:
        """Add a column after another one, and write its revision."""
        path = in_language(self.language, f"app/{module}/models.py")
        after, line = (in_language(self.language, each) for each in column)
        source = (self.made.path / path).read_text(encoding="utf-8")
        self.made.write(path, source.replace(after, f"{after}\n{line}", 1))
        before = self.made.revisions()
        self.made.make("migration", f"m={name}")
        (new,) = set(self.made.revisions()) - set(before)
        return new

    def fork(self, apply: bool) -> tuple[Path, Path]:
        """Add a revision on each branch; on feature's database it is applied, if asked for."""
        self.git("switch", "--quiet", "--create", "feature")
        mine = self.add_column("usuarios", NICKNAME, "apelido")
        self.commit("Feature")
        self.git("switch", "--quiet", "main")
        theirs = self.add_column("produtos", STOCK, "estoque")
        self.commit("Trunk")
        if apply:
            self.git("switch", "--quiet", "feature")
            self.made.make("upgrade")
            self.git("switch", "--quiet", "main")
        return mine, theirs

    def meet(self, how: str) -> None:
        """Bring the branches together; git stops at one file."""
        self.git("switch", "--quiet", "main" if how == "merged into main" else "feature")
        command = {"merged into main": ["merge", "feature"], "merged": ["merge", "main"]}
        self.git(*command.get(how, ["rebase", "main"]), code=1)
        unmerged = self.git("diff", "--name-only", "--diff-filter=U").split()
        assert unmerged == [f"{self.made.migrations}/versions/history.txt"]


@pytest.fixture
def team(project: Callable[..., Project]) -> Callable[..., Team]:
    """Make a project of ten people."""
    return lambda **answers: Team(project(**answers), answers.get("language", "pt"))


def parent(path: Path) -> str:
    """Return what a revision follows, in its code; its docstring must say the same."""
    source = path.read_text(encoding="utf-8")
    code = re.findall(r'^down_revision = "(\w+)"$', source, re.MULTILINE)
    assert code == re.findall(r"^Revises: (\w+)$", source, re.MULTILINE)
    return str(code[0])


def own(path: Path) -> str:
    """Return the id of a revision."""
    return re.findall(r'^revision = "(\w+)"$', path.read_text(encoding="utf-8"), re.MULTILINE)[0]


# Two branches


@pytest.mark.parametrize(
    ("how", "answers"),
    [
        pytest.param("merged", {"language": "en"}, marks=pytest.mark.full),
        pytest.param("merged into main", {"migrations_folder": "banco"}, marks=pytest.mark.full),
        ("rebased", {}),
        pytest.param(
            "rebased", {"database": "postgresql", "mode": "async"}, marks=pytest.mark.full
        ),
        pytest.param("rebased", {"database": "mysql"}, marks=pytest.mark.full),
        pytest.param("merged", {"database": "mysql", "mode": "async"}, marks=pytest.mark.full),
        pytest.param("merged into main", {"database": "postgresql"}, marks=pytest.mark.full),
    ],
)
def test_two_branches_become_one_line(
    team: Callable[..., Team], how: str, answers: dict[str, str]
) -> None:
    together = team(**answers)
    made = together.made
    mine, theirs = together.fork(apply=True)
    trunk = theirs.read_bytes() if theirs.exists() else b""
    together.meet(how)
    assert sentence(made, "TWO_HEADS").search(made.make("check", code=2))
    printed = made.make("rebase")
    assert sentence(made, "REBASE_UNDOES", revision=own(mine)).search(printed)
    assert theirs.read_bytes() == trunk  # databases everywhere have run it
    assert parent(theirs) == HEAD and parent(mine) == own(theirs)
    assert sentence(made, "ONE_LINE").search(made.make("rebase"))
    together.git("add", "--all")
    together.git(*(["rebase", "--continue"] if how == "rebased" else ["commit", "--no-edit"]))
    made.make("upgrade")
    made.make("check", "lint")
    if "database" not in answers:  # and a database that is still where the trunk was
        made.env["DATABASE_URL"] = f"sqlite:///{made.path / 'trunk.db'}"
        made.make("upgrade", f"to={own(theirs)}")
        made.make("upgrade", "check")


@pytest.mark.full
def test_data_that_would_go_is_asked_about(team: Callable[..., Team]) -> None:
    together = team()
    made = together.made
    mine, theirs = together.fork(apply=True)
    together.git("switch", "--quiet", "feature")
    made.make("seed")
    made.env["DATABASE_URL"] = f"sqlite:///{made.path}/app.db"
    query(made, "UPDATE usuarios SET apelido = 'x'")
    together.meet("merged")
    before = mine.read_bytes()
    printed = made.make("rebase", code=2)
    assert sentence(made, "NOT_CONFIRMED").search(printed)
    consent = consent_in(printed)
    assert consent is not None and consent.endswith("/app.db:usuarios.apelido")
    made.make("rebase", "yes=1", code=2)
    assert mine.read_bytes() == before and parent(mine) == HEAD
    made.make("rebase", consent)
    made.make("upgrade", "check")
    assert query(made, "SELECT nome FROM usuarios ORDER BY nome") == [("Alice",), ("Bob",)]


def test_a_branch_moves_as_a_whole(team: Callable[..., Team]) -> None:
    together = team()
    made = together.made
    mine, theirs = together.fork(apply=False)
    together.git("switch", "--quiet", "feature")
    made.make("upgrade")
    city = NICKNAME[1], "    cidade: Mapped[str | None] = mapped_column(String(80))"
    more = together.add_column("usuarios", city, "cidade")
    made.make("downgrade")
    together.commit("More")
    together.meet("merged")
    made.make("rebase")
    assert [parent(each) for each in (theirs, mine, more)] == [HEAD, own(theirs), own(mine)]
    made.make("upgrade", "check")
    made.alambique("lint")  # the digest moved along


def test_a_revision_pointed_elsewhere_is_read_anew(project: Callable[..., Project]) -> None:
    made = project()
    read = (
        "import os; from pathlib import Path\n"
        "from alambique.history.rebase import point\n"
        "from alambique.history.script import history\n"
        f"path = Path(history().get_revision('{HEAD}').path)\n"
        # Of one second and one size: to Python, the same.
        "for bottom in (None, '%s'):\n"
        "    bottom and point(path, bottom)\n"
        "    os.utime(path, (1e9, 1e9))\n"
        f"    print(history().get_revision('{HEAD}').down_revision)\n"
    )
    assert made.python(read % FIRST).split() == [SECOND, FIRST]


@pytest.mark.full
def test_without_git_one_says_which_moves(project: Callable[..., Project]) -> None:
    made = project()
    shutil.rmtree(made.path / ".git", ignore_errors=True)
    made.env["GIT_DIR"] = "/nowhere"
    made.make("revision", "m=older")
    (older,) = (path for path in made.revisions() if "older" in path.name)
    made.alembic("revision", "-m", "newer", "--head", HEAD, "--splice")
    made.alembic("revision", "-m", "newest", "--head", HEAD, "--splice")
    (newer,) = (path for path in made.revisions() if "newer" in path.name)
    (newest,) = (path for path in made.revisions() if "newest" in path.name)
    made.make("upgrade", f"to={own(older)}")
    assert sentence(made, "NO_HEAD", name="f00d").search(made.make("rebase", "top=f00d", code=2))
    printed = made.make("rebase", "yes=1", code=2)
    for each in (older, newer, newest):
        assert sentence(made, "REBASE_CHOICE", top=own(each)).search(printed)
    asked = made.make("rebase", f"top={own(older)}", code=2)
    assert sentence(made, "REBASE_CHOICE", top=f"{own(newest)},{own(older)}").search(asked)
    made.make("rebase", f"top={own(newest)},{own(older)}")  # who says so knows why
    assert [parent(each) for each in (newer, newest, older)] == [HEAD, own(newer), own(newest)]
    made.make("upgrade", "check")


@pytest.mark.full
def test_both_applied_already_is_only_noted(project: Callable[..., Project]) -> None:
    made = project()
    made.make("revision", "m=older")
    made.alembic("revision", "-m", "newer", "--head", HEAD, "--splice")
    made.make("upgrade", "to=heads")
    (newer,) = (path for path in made.revisions() if "newer" in path.name)
    made.make("rebase", f"top={own(newer)}")
    made.make("check")
    current = made.make("current")
    assert current.count("(head)") == 1


def test_a_revision_that_joins_does_not_move(project: Callable[..., Project]) -> None:
    made = project()
    made.make("revision", "m=one")
    made.alembic("revision", "-m", "two", "--head", HEAD, "--splice")
    made.alembic("merge", "heads", "-m", "joined")
    made.alembic("revision", "-m", "three", "--head", HEAD, "--splice")
    joined = next(path for path in made.revisions() if "joined" in path.name)
    printed = made.make("rebase", f"top={own(joined)}", code=2)
    assert sentence(made, "MERGE_MOVES").search(printed) and "Traceback" not in printed


@pytest.mark.full
def test_the_line_of_the_example_is_what_a_new_revision_would_write(
    project: Callable[..., Project],
) -> None:
    for language in ("pt", "en"):
        made = project(name=language, language=language)
        file = made.path / "migrations/versions/history.txt"
        before = file.read_text(encoding="utf-8")
        made.make("rebase")
        assert file.read_text(encoding="utf-8") == before
        file.unlink()  # an older project has none: the next revision writes it
        made.make("revision", "m=next")
        ids = [line.split()[0] for line in file.read_text(encoding="utf-8").splitlines()[1:]]
        assert ids == [FIRST, SECOND, HEAD, own(max(made.revisions(), key=os.path.getmtime))]
        assert file.read_text(encoding="utf-8").startswith(before.rstrip())


# make lint


@pytest.mark.full
def test_an_old_revision_is_never_edited(project: Callable[..., Project]) -> None:
    made = project()
    first, second, head = made.revisions()
    lint = [".venv/bin/python", "-m", "alambique", "lint"]
    source = first.read_text(encoding="utf-8")
    reworded = source.replace("create usuarios", "creates usuarios").replace(" = None", "  =  None")
    first.write_text(f"# checked\n{reworded}", encoding="utf-8")
    made.run(*lint)  # layout and words are nobody's loss
    first.write_text(source.replace("length=100", "length=200"), encoding="utf-8")
    assert sentence(made, "REVISION_CHANGED").search(made.run(*lint, code=1))
    first.write_text(source, encoding="utf-8")

    made.make("revision", "m=next")
    (new,) = set(made.revisions()) - {first, second, head}
    new.write_text(new.read_text(encoding="utf-8").replace("pass", "return", 2), encoding="utf-8")
    made.run(*lint)  # it is open until another follows
    line = made.path / "migrations/versions/history.txt"
    line.write_text(line.read_text(encoding="utf-8").replace(own(new), "beef"), encoding="utf-8")
    assert sentence(made, "LINE_STALE").search(made.run(*lint, code=1))
    new.unlink()
    made.make("rebase")
    made.run(*lint)
    head.unlink()
    assert sentence(made, "REVISION_GONE", revision=HEAD).search(made.run(*lint, code=1))


@pytest.mark.parametrize(
    ("name", "upgrade", "downgrade"),
    [
        ("NO_DOWNGRADE", 'op.execute("SELECT 1")', "pass"),
        ("NO_DOWNGRADE", 'op.execute("SELECT 1")', "raise NotImplementedError"),
        ("REVISIONS_FIT", 'op.execute("SELECT 1")', '"""The rows are gone for good."""'),
        ("REVISIONS_FIT", "pass", "pass"),
        ("IMPORTS_APP", "from app.usuarios.models import Usuario", "pass"),
        ("IMPORTS_APP", "import core.database", "pass"),
    ],
)
def test_what_a_reviewer_would_say(
    prepared: Callable[..., Path], tmp_path: Path, name: str, upgrade: str, downgrade: str
) -> None:
    made = Project(tmp_path / "loja")
    shutil.copytree(prepared("loja", True, {}), made.path, symlinks=True)
    path = made.path / "migrations/versions/new.py"
    path.write_text(
        f'"""new"""\nrevision = "f00d"\ndown_revision = "{HEAD}"\n\n\ndef upgrade() -> None:\n'
        f"    {upgrade}\n\n\ndef downgrade() -> None:\n    {downgrade}\n"
    )
    made.make("rebase")
    code = 0 if name == "REVISIONS_FIT" else 1
    printed = made.alambique("lint", code=code)
    assert sentence(made, name).search(printed)


def test_squawk_reads_only_what_is_new(team: Callable[..., Team]) -> None:
    together = team(database="postgresql")
    made = together.made
    lint = [".venv/bin/python", "-m", "alambique", "lint"]
    assert "squawk" not in made.run(*lint).lower()  # the example's index is on the trunk
    empty = together.git("commit-tree", "-m", "x", together.git("mktree").strip()).strip()
    together.git("update-ref", "refs/remotes/origin/develop", empty)  # not on the target's
    made.run(*lint, code=1, env={"GITHUB_BASE_REF": "develop"})
    together.git("switch", "--quiet", "--create", "feature")
    new = together.add_column("usuarios", NICKNAME, "apelido")
    made.run(*lint)
    source = new.read_text(encoding="utf-8")
    unsafe = '\n\n\ndef upgrade() -> None:\n    op.create_index("i", "usuarios", ["nome"])\n'
    new.write_text(source.replace("\n\n\ndef upgrade() -> None:\n", unsafe), encoding="utf-8")
    assert "require-concurrent-index-creation" in made.run(*lint, code=1)
    with new.open("a", encoding="utf-8") as file:
        file.write("\n# squawk-ignore require-concurrent-index-creation: the table is small\n")
    made.run(*lint)
    new.write_text(source.replace("\n\n\ndef upgrade() -> None:\n", unsafe), encoding="utf-8")
    made.env["PATH"] = "/usr/bin:/bin"
    bare = made.path.parent / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    packages = next(Path(sys.prefix).glob("lib/python*/site-packages"))
    made.env |= made.python_path(packages)
    printed = made.run(str(bare / "bin/python"), "-m", "alambique", "lint", code=1)
    assert sentence(made, "NO_SQUAWK").search(printed)


# make squash


@pytest.mark.full
@pytest.mark.parametrize(
    "answers",
    [
        {"mode": "async", "language": "en", "migrations_folder": "banco"},
        {"database": "postgresql"},
        {"database": "mysql"},
    ],
)
def test_existing_databases_do_not_notice_a_squash(
    team: Callable[..., Team], new_database: Callable[[str], str], answers: dict[str, str]
) -> None:
    together = team(**answers)
    made = together.made
    at = made.env.get("DATABASE_URL") or f"sqlite:///{made.path}/app.db"
    behind, new = (new_database(answers.get("database", "sqlite")) for _ in range(2))
    (made.path / "app.db").touch()
    made.make("seed")
    made.env["DATABASE_URL"] = behind
    setup = [".venv/bin/python", "-m", "alambique", "setup"]
    made.run(*setup)
    made.make("downgrade", f"to={SECOND}")

    # Meanwhile, on a branch from before: beyond the squash point, and one from further back.
    together.git("switch", "--quiet", "--create", "feature")
    made.env["DATABASE_URL"] = at
    beyond = together.add_column("usuarios", NICKNAME, "apelido")
    made.make("upgrade")
    together.commit("Feature")
    together.git("switch", "--quiet", "main")

    refused = made.make("squash", code=2)
    assert sentence(made, "SQUASH_UNDONE").search(refused) and len(made.revisions()) == 3
    printed = made.make("squash", "yes=1")
    assert not sentence(made, "SQUASH_LOSES").search(printed)
    (one,) = made.revisions()
    assert own(one) == HEAD
    made.make("lint")
    together.commit("Squash")

    made.env["DATABASE_URL"] = behind
    for command in ("check", "upgrade"):
        assert sentence(made, "SQUASHED", database=SECOND, new=HEAD).search(
            made.make(command, code=2)
        )
    asked = "from core.migrations import ensure_current; ensure_current()"
    assert sentence(made, "SQUASHED").search(made.python(asked, code=1))
    together.git("checkout", "--quiet", "HEAD^")  # the sentence's way out
    made.make("upgrade")
    together.git("switch", "--quiet", "main")
    made.make("check")
    made.env["DATABASE_URL"] = new
    made.run(*setup)
    made.make("check")
    made.make("downgrade", "to=base")

    made.env["DATABASE_URL"] = at  # it is beyond: the branch lands, and nothing moves
    together.git("merge", "--quiet", "feature", code=None)
    made.make("rebase")
    together.commit("Merge")
    assert parent(beyond) == HEAD
    assert "Alice" in made.run(".venv/bin/python", "main.py", "seed")
    made.make("check", "diagram", "test")


def test_what_a_squash_would_lose_is_said_first(project: Callable[..., Project]) -> None:
    made = project()
    made.make("revision", "m=by hand")
    (new,) = (path for path in made.revisions() if "by_hand" in path.name)
    source = new.read_text(encoding="utf-8").replace("\n\n\n", "\nfrom alembic import op\n\n\n", 1)
    by_hand = (
        "    op.execute(\"INSERT INTO produtos (nome, preco) VALUES ('x', 1)\")\n"
        '    op.execute("CREATE VIEW caros AS SELECT * FROM produtos")\n'
        '    op.execute("CREATE INDEX escondido ON usuarios (idade)")\n'
    )
    new.write_text(source.replace("    pass\n", by_hand, 1), encoding="utf-8")
    printed = made.make("squash", code=2)
    assert sentence(made, "DRIFT").search(printed)  # the index is in no model
    lines = by_hand.splitlines(keepends=True)
    new.write_text(source.replace("    pass\n", "".join(lines[:2]), 1), encoding="utf-8")
    before = {path: path.read_bytes() for path in made.revisions()}
    printed = made.make("squash", code=2, input="n\n")
    assert sentence(made, "SQUASH_LOSES").search(printed)
    assert sentence(made, "ROWS", name="produtos", rows=1).search(printed)
    assert "VIEW caros" in printed
    assert before == {path: path.read_bytes() for path in made.revisions()}
    yes = "s"
    made.make("squash", input=f"{yes}\n")
    assert "VIEW caros" in made.revisions()[0].read_text(encoding="utf-8")


@pytest.mark.full
def test_a_branch_from_before_the_squash_goes_on_top(team: Callable[..., Team]) -> None:
    together = team()
    made = together.made
    made.make("downgrade")
    together.git("switch", "--quiet", "--create", "feature")
    made.revisions()[-1].unlink()
    path = "app/usuarios/models.py"
    source = (made.path / path).read_text(encoding="utf-8").splitlines(keepends=True)
    made.write(path, "".join(line for line in source if "email:" not in line))
    made.make("rebase", code=None)
    mine = together.add_column("usuarios", NICKNAME, "apelido")
    together.commit("From further back")
    together.git("switch", "--quiet", "main")
    made.make("upgrade")
    made.make("squash", "yes=1")
    together.commit("Squash")
    together.git("merge", "feature", code=1)
    together.git("checkout", "main", "--", path)
    source = (made.path / path).read_text(encoding="utf-8")
    made.write(path, source.replace(NICKNAME[0], "\n".join(NICKNAME), 1))
    for gone in made.revisions():
        if gone != mine and "squash" not in gone.name:
            gone.unlink()
    made.make("rebase")
    assert parent(mine) == HEAD
    made.make("upgrade", "check")


def test_there_is_nothing_to_squash_in_one_revision(project: Callable[..., Project]) -> None:
    made = project(example=False)
    assert sentence(made, "NOTHING_TO_SQUASH").search(made.make("squash"))
