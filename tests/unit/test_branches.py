"""A history that is meant to have several heads, through every door; and one that is not."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.commands import (
    apply_migrations,
    create_migration,
    current_revision,
    ensure_current,
    pending_revisions,
    revert_migrations,
)
from alambique.database.creation import create_missing_database
from alambique.history import rebase
from alambique.history.heads import final_heads, forks
from alambique.history.plan import plan
from alambique.history.script import history, oldest_first
from alambique.history.source import created_tables
from alambique.history.status import NotCurrent, State, current_heads, status
from alambique.settings import alembic_config
from alambique.testing import history as checks
from alambique.tools import downgrade, lint, setup, squash
from alambique.tools.lint import problems_of_the_line
from alambique.web.readiness import readiness
from alembic import command
from alembic.util import CommandError
from sqlalchemy.engine import make_url

from support.minimal import Minimal, is_said, minimal_project

UP = 'op.create_table("t{0}", sa.Column("id", sa.Integer, primary_key=True))'
DOWN = 'op.drop_table("t{0}")'
MODEL = 'Table("t{0}", metadata, Column("id", Integer, primary_key=True))\n'

EVERYTHING = ["a1", "a2", "b1", "b2"]


def add(
    project: Minimal,
    id: str,
    below: str | tuple[str, ...] | None = None,
    label: str | None = None,
    depends_on: str | None = None,
    folder: str = "migrations/versions",
) -> Path:
    """Write a revision that creates a table."""
    more = f"branch_labels = {label!r}\ndepends_on = {depends_on!r}"
    made = project.revision(id, below, UP.format(id), DOWN.format(id), more)
    text = made.read_text()
    made.unlink()
    return project.write(f"{folder}/{id}.py", text)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Minimal:
    """Two branches, of which the second one needs the whole first one."""
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    made = minimal_project(tmp_path)
    made.models("".join(MODEL.format(id) for id in EVERYTHING))
    add(made, "a1", label="orders")
    add(made, "a2", "a1")
    add(made, "b1", label="stock")
    add(made, "b2", "b1", depends_on="a2")
    return made


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Minimal:
    """Two branches that need nothing of each other, and begin together."""
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    made = minimal_project(tmp_path)
    made.models("".join(MODEL.format(id) for id in ("r1", *EVERYTHING)))
    add(made, "r1")
    add(made, "a1", "r1")
    add(made, "a2", "a1")
    add(made, "b1", "r1", label="stock")
    add(made, "b2", "b1")
    return made


BOTH = ["project", "apart"]


def made_by(request: pytest.FixtureRequest, name: str) -> Minimal:
    found: Minimal = request.getfixturevalue(name)
    return found


def tables(url: str) -> set[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return {each for each in sa.inspect(connection).get_table_names() if each[0] in "abrt"}


def url_of(project: Minimal) -> str:
    return f"sqlite:///{project.root}/app.db"


@pytest.mark.parametrize("name", BOTH)
def test_an_upgrade_applies_every_branch(
    request: pytest.FixtureRequest, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = made_by(request, name)
    everything = [each.revision for each in oldest_first(history())]
    assert sorted(pending_revisions()) == sorted(everything)
    with pytest.raises(NotCurrent) as behind:
        ensure_current()
    assert str(behind.value).startswith("Behind:") and f"{len(everything)} rev" in str(behind.value)

    apply_migrations()
    assert tables(url_of(project)) >= {f"t{each}" for each in everything}
    assert pending_revisions() == []
    ensure_current()
    found = status(alembic_config())
    assert found.state is State.CURRENT, found.sentence
    assert found.sentence == messages.CURRENT.format(code=current_revision())
    monkeypatch.setenv("DATABASE_URL", url_of(project))
    assert readiness()[0] == "ready"
    assert plan(alembic_config()).revisions == []
    apply_migrations()


@pytest.mark.parametrize("name", BOTH)
def test_setup_applies_every_branch(request: pytest.FixtureRequest, name: str) -> None:
    made_by(request, name)
    assert setup.run(Namespace(url=None)) == 0
    assert pending_revisions() == []


def test_the_head_of_several_is_told_with_what_to_say(
    apart: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alembic's own command goes on asking which one, in a sentence."""
    for words in (["upgrade", "head"], ["upgrade", "head", "--sql"], ["stamp", "head"]):
        assert apart.typed(*words)
        sentence = messages.SEVERAL_HEADS.format(heads="a2, b2 (stock)")
        assert "heads" in sentence
        assert is_said(sentence, capsys)
    with pytest.raises(CommandError) as refused:
        apply_migrations("head")
    assert str(refused.value) == sentence

    for words in (["upgrade", "heads"], ["upgrade", "heads", "--sql"], ["upgrade", "stock@head"]):
        assert apart.typed(*words) == 0


def test_what_is_behind_in_one_branch_is_behind(apart: Minimal) -> None:
    apply_migrations("a2")
    apply_migrations("b1")
    found = status(alembic_config(), compare=False)
    assert found.state is State.BEHIND and "1 rev" in found.sentence
    assert pending_revisions() == ["b2"]
    assert [each.revision for each in plan(alembic_config()).revisions] == ["b2"]


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_plan_goes_on_from_every_head(
    apart: Minimal, kind: str, new_database: Callable[[str], str]
) -> None:
    url = new_database(kind)
    create_missing_database(make_url(url))
    config = alembic_config(url)
    command.upgrade(config, "a1")
    command.upgrade(config, "b1")
    made = plan(config)
    ran = [each.sql.split()[2] for each in made.statements if each.sql.startswith("CREATE")]
    assert ran == [f"t{each.revision}" for each in made.revisions] and set(ran) == {"ta2", "tb2"}
    assert config.output_buffer is None


def test_a_fork_within_a_branch_is_found(
    project: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    apply_migrations("heads")
    add(project, "a3", "a1")
    found = status(alembic_config(), compare=False)
    assert found.state is State.TWO_HEADS
    assert "a2" in found.sentence and "a3" in found.sentence and "b2" not in found.sentence
    for ask in (ensure_current, apply_migrations):
        with pytest.raises(CommandError) as refused:
            ask()
        assert str(refused.value) == found.sentence
    with pytest.raises(CommandError, match="Two heads"):
        lint.run(Namespace(url=None, json=False))
    with pytest.raises(AssertionError):
        checks.test_the_history_has_one_head()
    assert project.typed("upgrade", "orders@head")
    assert is_said(found.sentence, capsys)
    assert project.typed("upgrade", "heads") == 0


def test_a_fork_is_mended_within_its_branch(project: Minimal) -> None:
    add(project, "b3", "b1")
    untouched = {
        each.name: each.read_bytes() for each in project.versions.glob("*.py") if each.stem != "b3"
    }
    assert rebase.run(Namespace(url=None, top="b3", lose=[])) == 0
    assert history().get_revision("b3").down_revision == "b2"
    assert set(history().get_heads()) == {"a2", "b3"}
    assert all((project.versions / name).read_bytes() == was for name, was in untouched.items())
    apply_migrations()
    ensure_current()


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("top", [None, "b2", "a2"])
def test_branches_are_not_put_in_one_line(
    request: pytest.FixtureRequest, name: str, top: str | None
) -> None:
    """It rewrote the root of a branch that had been released."""
    project = made_by(request, name)
    before = {each.name: each.read_bytes() for each in project.versions.glob("*.py")}
    if top is None:
        assert rebase.run(Namespace(url=None, top=None, lose=[])) == 0
    else:
        with pytest.raises(CommandError) as refused:
            rebase.run(Namespace(url=None, top=top, lose=[]))
        heads = "a2 (orders), b2 (stock)" if name == "project" else "a2, b2 (stock)"
        assert str(refused.value) == messages.REBASE_BRANCHES.format(
            name=top, heads=heads, all="a2 b2"
        )
    assert {each.name: each.read_bytes() for each in project.versions.glob("*.py")} == before


def test_two_first_revisions_can_be_put_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people began a project at once: nothing but the base tells them from branches."""
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    made = minimal_project(tmp_path)
    add(made, "a1")
    add(made, "b1")
    assert rebase.run(Namespace(url=None, top=None, lose=[])) == 0
    assert set(history().get_heads()) == {"a1", "b1"}
    assert rebase.run(Namespace(url=None, top="b1", lose=[])) == 0
    assert history().get_heads() == ["b1"]


def test_squash_leaves_branches_alone(project: Minimal) -> None:
    before = {each.name: each.read_bytes() for each in project.versions.iterdir() if each.is_file()}
    with pytest.raises(CommandError) as refused:
        squash.run(Namespace(url=None, yes=True))
    heads = "a2 (orders), b2 (stock)"
    assert str(refused.value) == messages.SQUASH_BRANCHES.format(heads=heads, all="a2 b2")
    after = {each.name: each.read_bytes() for each in project.versions.iterdir() if each.is_file()}
    assert after == before


def test_a_squash_keeps_the_labels(project: Minimal) -> None:
    project.revision("m1", ("a2", "b2"))
    assert squash.run(Namespace(url=None, yes=True)) == 0
    (left,) = oldest_first(history())
    assert left.revision == "m1" and left.branch_labels == {"orders", "stock"}
    apply_migrations("stock@head")
    ensure_current()


LOCATIONS = "version_locations = %(here)s/migrations/versions{sep}%(here)s/plugin/versions\n"


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Minimal:
    """A branch in a folder of its own, without a label; its base is its own, too."""
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    made = minimal_project(tmp_path)
    made.models("".join(MODEL.format(id) for id in EVERYTHING))
    ini = (made.root / "alembic.ini").read_text()
    made.write("alembic.ini", ini + LOCATIONS.format(sep=":"))
    add(made, "a1")
    add(made, "a2", "a1")
    add(made, "b1", folder="plugin/versions")
    add(made, "b2", "b1", folder="plugin/versions")
    return made


def test_every_folder_of_revisions_counts(plugin: Minimal) -> None:
    assert rebase.run(Namespace(url=None, top=None, lose=[])) == 0
    for folder, ids in (("migrations", ["a1", "a2"]), ("plugin", ["b1", "b2"])):
        lines = (plugin.root / folder / "versions/history.txt").read_text().splitlines()[1:]
        assert [line.split()[0] for line in lines] == ids
        assert [len(line.split()) for line in lines] == [2, 1]
    assert lint.run(Namespace(url=None, json=False)) == 0
    apply_migrations()
    ensure_current()
    plugin.revision("a1", upgrade="pass")
    add(plugin, "b3", "b2", folder="plugin/versions")
    problems = list(problems_of_the_line(history()))
    assert any("a1.py" in each for each in problems)
    assert messages.LINE_STALE.format(file="plugin/versions/history.txt") in problems


def test_a_squash_of_what_was_adopted_says_so(
    project: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody decides about it anew, nor lets squawk judge it, whatever came after."""
    adopted = project.versions / "a1.py"
    adopted.write_text(adopted.read_text(encoding="utf-8") + "adopted = True\n", encoding="utf-8")
    project.revision("m1", ("a2", "b2"))
    assert squash.run(Namespace(url=None, yes=True)) == 0
    assert "\nadopted = True\n" in capsys.readouterr().out  # this script.py.mako does not write it


def test_a_squash_of_several_folders_deletes_nothing(plugin: Minimal) -> None:
    """The revisions were gone before it was seen that there is no one folder for the new one."""
    project = plugin
    project.revision("m1", ("a2", "b2"))
    with pytest.raises(CommandError) as refused:
        squash.run(Namespace(url=None, yes=True))
    assert str(refused.value) == messages.SQUASH_FOLDERS
    assert len(oldest_first(history())) == 5


def test_a_fork_in_a_folder_of_its_own_is_mended_there(plugin: Minimal) -> None:
    add(plugin, "b3", "b1", folder="plugin/versions")
    assert status(alembic_config(), compare=False).state is State.TWO_HEADS
    assert rebase.run(Namespace(url=None, top="b3", lose=[])) == 0
    assert set(history().get_heads()) == {"a2", "b3"}


def test_a_nested_folder_of_revisions_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    made = minimal_project(tmp_path)
    ini = (made.root / "alembic.ini").read_text()
    made.write("alembic.ini", f"{ini}recursive_version_locations = true\n")
    add(made, "a1", folder="migrations/versions/2025")
    add(made, "a2", "a1", folder="migrations/versions/2026/01")
    assert rebase.run(Namespace(url=None, top=None, lose=[])) == 0
    assert [line.split()[0] for line in made.manifest.splitlines()[1:]] == ["a1", "a2"]
    apply_migrations()
    ensure_current()
    broken = add(made, "a3", "f00d", folder="migrations/versions/2026/02")
    with pytest.raises(CommandError) as refused:
        apply_migrations()
    path = broken.relative_to(made.root).as_posix()
    assert str(refused.value) == messages.PARENT_MISSING.format(parent="f00d", paths=path)


def test_the_line_keeps_branches_together(apart: Minimal) -> None:
    """Two branches end at two places of the file: colleagues in each do not meet in git."""
    rebase.run(Namespace(url=None, top=None, lose=[]))
    before = [line.split()[0] for line in apart.manifest.splitlines()[1:]]
    assert sorted(before) == sorted(["r1", *EVERYTHING])
    for ids in (("r1", "a1", "a2"), ("r1", "b1", "b2")):
        assert sorted(ids, key=before.index) == [*ids]
    assert abs(before.index("a1") - before.index("a2")) == 1
    assert abs(before.index("b1") - before.index("b2")) == 1
    assert list(problems_of_the_line(history())) == []

    add(apart, "a3", "a2")
    rebase.run(Namespace(url=None, top=None, lose=[]))
    after = [line.split()[0] for line in apart.manifest.splitlines()[1:]]
    assert after[after.index("a2") + 1] == "a3"
    assert [each for each in after if each != "a3"] == before


@pytest.mark.parametrize("name", BOTH)
def test_a_branch_is_gone_on_with(
    request: pytest.FixtureRequest, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project = made_by(request, name)
    project.models("".join(MODEL.format(id) for id in [*EVERYTHING, "r1", "new"]))
    apply_migrations("heads")
    with pytest.raises(CommandError) as refused:
        create_migration("new")
    heads = "a2 (orders), b2 (stock)" if name == "project" else "a2, b2 (stock)"
    assert str(refused.value) == messages.WHICH_HEAD.format(heads=heads, all="a2 b2")
    assert project.typed("revision", "--autogenerate", "-m", "new")
    assert is_said(messages.WHICH_HEAD.format(heads=heads, all="a2 b2"), capsys)

    words = ["revision", "--autogenerate", "-m", "new", "--head", "stock@head", "--rev-id", "c1"]
    assert project.typed(*words) == 0
    new = history().get_revision("c1")
    assert new.down_revision == "b2" and new.branch_labels == {"stock"}
    assert "tnew" in Path(new.path).read_text()
    apply_migrations()
    assert status(alembic_config()).state is State.CURRENT

    words = ["revision", "-m", "third", "--head", "base", "--branch-label", "third"]
    assert project.typed(*words, "--rev-id", "d1", "--depends-on", "a1") == 0
    apply_migrations()
    ensure_current()
    assert project.typed("merge", *final_heads(history()), "-m", "join", "--rev-id", "m1") == 0
    assert final_heads(history()) == ["m1"]
    apply_migrations()
    ensure_current()
    assert current_revision() == "m1"


@pytest.mark.parametrize("name", BOTH)
def test_the_checks_of_a_service_pass(request: pytest.FixtureRequest, name: str) -> None:
    project = made_by(request, name)
    checks.test_the_history_has_one_head()
    checks.test_the_revisions_are_fit_for_review()
    for number, check in enumerate(
        (checks.test_up_down_and_up_again, checks.test_every_revision_can_be_undone)
    ):
        check(make_url(f"sqlite:///{project.root}/scratch{number}.db"))
    checks.test_the_models_equal_the_database(make_url(f"sqlite:///{project.root}/scratch0.db"))


def test_one_step_down_from_several_heads_says_which(
    apart: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alembic warns, and undoes whichever row of its table comes first."""
    apply_migrations("heads")
    sentence = messages.WHICH_DOWN.format(heads="a2, b2 (stock)", to="-1")
    with pytest.raises(CommandError) as refused:
        revert_migrations()
    assert str(refused.value) == sentence
    with pytest.raises(CommandError) as refused:
        downgrade.run(Namespace(url=None, to="-1", lose=[], yes=False))
    assert str(refused.value) == sentence
    assert set(current_heads(alembic_config())) == {"a2", "b2"}

    revert_migrations("stock@-1")
    assert set(current_heads(alembic_config())) == {"a2", "b1"}
    revert_migrations("a2@-1")
    assert set(current_heads(alembic_config())) == {"a1", "b1"}
    revert_migrations("stock@r1")
    assert set(current_heads(alembic_config())) == {"a1"}
    revert_migrations()
    assert current_heads(alembic_config()) == ("r1",)


def test_a_label_of_two_heads_is_a_sentence(
    apart: Minimal, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alembic ends in an AssertionError."""
    add(apart, "b3", "b1")
    apply_migrations("heads")
    assert apart.typed("downgrade", "stock@-1")
    sentence = messages.WHICH_DOWN.format(heads="a2, b2 (stock), b3 (stock)", to="stock@-1")
    assert is_said(sentence, capsys)


def test_a_branch_is_undone_to_its_base(project: Minimal) -> None:
    apply_migrations("heads")
    assert current_heads(alembic_config()) == ("b2",)
    revert_migrations("stock@base")
    assert current_heads(alembic_config()) == ("a2",)
    apply_migrations()
    revert_migrations("orders@base")  # what depends on it goes, too
    assert current_heads(alembic_config()) == ("b1",)


def test_the_tables_of_every_folder_are_ours(plugin: Minimal) -> None:
    assert {each.name for each in created_tables(history())} == {f"t{each}" for each in EVERYTHING}


STEPS = [("stock@+1", True), ("a1@+1", True), ("a1+1", False), ("stock@-1", True), ("a1-1", False)]


@pytest.mark.parametrize(("goal", "expected"), STEPS)
def test_steps_of_a_branch_are_counted(goal: str, expected: bool) -> None:
    """Two of `upgrade stock@+1` at once went two steps."""
    from alambique.upgrade.retry import counts_steps
    from alembic.runtime.migration import MigrationContext

    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        opts = {"destination_rev": goal}
        assert counts_steps(MigrationContext.configure(connection, opts=opts)) is expected


def shape(project: Minimal, *revisions: tuple[str, object, str | None]) -> list[list[str]]:
    """Write revisions, each with what it follows and its label; return the forks."""
    for id, below, label in revisions:
        more = f"branch_labels = {label!r}"
        project.revision(id, below, more=more)  # type: ignore[arg-type]
    return [sorted(each) for each in forks(history())]


TRUNK = (("r1", None, None), ("r2", "r1", None))
OWN = (("s1", None, "stock"), ("s2", "s1", None))
SHAPES = {
    "two colleagues": ([*TRUNK, ("x", "r1", None)], [["r2", "x"]]),
    "three of them": ([*TRUNK, ("x", "r1", None), ("y", "r2", None)], [["x", "y"]]),
    "a label on the first revision": ([*TRUNK, ("x", "r1", "stock")], []),
    "a label further up": ([*TRUNK, ("x", "r1", None), ("y", "x", "stock")], []),
    "a label on the trunk": ([*TRUNK, ("r3", "r2", "main"), ("x", "r1", None)], []),
    "a fork within a label": ([*TRUNK, *OWN, ("x", "s1", None)], [["s2", "x"]]),
    "a fork in each": (
        [*TRUNK, *OWN, ("x", "s1", None), ("y", "r1", None)],
        [["r2", "y"], ["s2", "x"]],
    ),
    "a label on a label": ([*OWN, ("x", "s1", "shelves")], []),
    "another branch was merged in": (
        [*TRUNK, *OWN, ("m", ("r2", "s2"), None), ("x", "r1", None)],
        [["m", "x"]],
    ),
    "several bases": ([*TRUNK, ("b1", None, None), ("b2", "b1", None)], []),
    "a fork on a second base": (
        [*TRUNK, ("b1", None, None), ("b2", "b1", None), ("b3", "b1", None)],
        [["b2", "b3"]],
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_makes_a_branch(tmp_path: Path, name: str) -> None:
    revisions, expected = SHAPES[name]
    assert sorted(shape(minimal_project(tmp_path), *revisions)) == expected  # type: ignore[arg-type]
