"""Whatever the answers, what is rendered is whole, small, readable in both languages, and yours.

Each cell is a set of answers; every two answers meet in some cell, and with --full all choices do.
"""

import ast
import itertools
import re
import runpy
import shutil
import string
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import copier
import jinja2
import pytest
import yaml
from conftest import ROOT, SETTINGS, Project, render
from releases import commit
from test_questions import values

Cell = dict[str, Any]
FOLDERS = ["migrations", "alembic"]
KEYS = "language", "database", "mode", "example", "environment", "api", "ci", "migrations_folder"
JINJA = re.compile(r"(?<!\$)\{\{|\{%|\{#")  # `${{ … }}` is GitHub's own
NOT_ON_WINDOWS = re.compile(
    r'[<>:"\\|?*\x00-\x1f]|[. ](/|$)|(^|/)(con|prn|aux|nul|com\d|lpt\d)(\.|/|$)', re.IGNORECASE
)
HARD = """Ação "a" 'b' \\ C:\\novo %d %(x)s %% {{ x }} {% y %} {# z #} $HOME `w` <b> & # : 🎉"""


# The cells


def product(*keys: str, folders: list[str] = FOLDERS) -> list[Cell]:
    """Return every set of answers to these questions that Copier takes."""
    pools = [folders if key == "migrations_folder" else values(key) for key in keys]
    cells = [dict(zip(keys, answers, strict=True)) for answers in itertools.product(*pools)]
    return [cell for cell in cells if (cell.get("api"), cell.get("mode")) != ("flask", "async")]


def pairwise(cells: list[Cell]) -> list[Cell]:
    """Choose a few of the cells: any two answers that meet in one of all meet in one of these."""
    pairs = [set(itertools.combinations(cell.items(), 2)) for cell in cells]
    missing = set().union(*pairs)
    chosen = []
    while missing:
        best = max(range(len(cells)), key=lambda index: len(pairs[index] & missing))
        chosen.append(cells[best])
        missing -= pairs[best]
    return chosen


def name_of(cell: Cell) -> str:
    """Return a name for a cell, as pytest prints it."""
    return "-".join(map(str, cell.values()))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the tests that want a cell each of them in turn, rendered once for all."""
    if "cell" in metafunc.fixturenames:
        cells = pairwise(product(*KEYS))
        if metafunc.config.getoption("full"):  # every choice; a folder may have any name
            cells += [cell for cell in product(*KEYS, folders=FOLDERS[:1]) if cell not in cells]
        metafunc.parametrize("cell", cells, ids=name_of, scope="module")


@pytest.fixture(scope="module")
def tree(cell: Cell) -> Iterator[Path]:
    """Render a cell, without trust."""
    with tempfile.TemporaryDirectory() as folder:
        yield render(Path(folder) / "loja", **cell)


def files(tree: Path) -> dict[str, Path]:
    """Return the files of a tree by their path in it."""
    return {
        path.relative_to(tree).as_posix(): path
        for path in sorted(tree.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(tree).parts
    }


def read(path: Path) -> str:
    """Return the text of a file."""
    return path.read_text(encoding="utf-8")


# Every cell


def test_no_jinja_is_left(tree: Path) -> None:
    assert not [name for name in files(tree) if JINJA.search(name)]
    assert not [name for name, path in files(tree).items() if JINJA.search(read(path))]


def test_no_file_is_empty(tree: Path) -> None:
    assert not [name for name, path in files(tree).items() if not read(path).strip()]


def test_git_ignores_what_is_private_and_nothing_we_wrote(tree: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    command = [
        "git",
        f"--git-dir={tmp_path}/.git",
        f"--work-tree={tree}",
        "-c",
        "core.excludesFile=",
    ]
    private = [".env", ".venv/bin/python", "app.db", "app.db-journal", "app/__pycache__/x.pyc"]
    done = subprocess.run(
        [*command, "check-ignore", "--no-index", *files(tree), *private],
        cwd=tree,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == private


def test_windows_takes_every_path(tree: Path) -> None:
    assert not [name for name in files(tree) if NOT_ON_WINDOWS.search(name)]
    assert len({name.lower() for name in files(tree)}) == len(files(tree))


def test_every_module_compiles(tree: Path) -> None:
    for name, path in files(tree).items():
        if name.endswith(".py"):
            compile(path.read_bytes(), name, "exec", ast.PyCF_ONLY_AST)


def test_every_document_parses(tree: Path, cell: Cell) -> None:
    project = tomllib.loads(read(tree / "pyproject.toml"))["project"]
    documents = {
        name: yaml.safe_load(read(path))
        for name, path in files(tree).items()
        if path.suffix in {".yml", ".yaml"}
    }
    assert cell.items() <= documents.pop(".copier-answers.yml").items()
    assert project["name"] == "loja"
    assert all(isinstance(document, dict) for document in documents.values())
    optional = {"github": ".github/workflows/ci.yml", "gitlab": ".gitlab-ci.yml"}
    optional["conda"] = "environment.yml"
    asked = {optional[answer] for answer in cell.values() if answer in optional}
    assert set(documents) & set(optional.values()) == asked
    assert ".pre-commit-config.yaml" in documents


def test_make_knows_how_to_make_every_target(tree: Path) -> None:
    makefile = read(tree / "Makefile")
    targets = " ".join(re.findall(r"^\.PHONY:(.*)", makefile, re.MULTILINE)).split()
    rules = set(re.findall(r"^([^\s#:]+):(?!=)", makefile, re.MULTILINE))
    assert {"help", "setup", "migration", "upgrade", "downgrade", "check", "test"} <= set(targets)
    assert {target for target, _ in documented(tree)} <= set(targets)
    assert set(targets) <= rules, "make would say there is nothing to be done, and exit 0"
    Project(tree).make("--dry-run", *targets, "m=x", "to=head", "from=base")


def test_make_help_lists_every_target(tree: Path) -> None:
    printed = [line.split(maxsplit=1) for line in Project(tree).make("help").splitlines()]
    assert documented(tree)
    for target, text in documented(tree):
        assert [target, text] in printed


def test_env_py_is_the_same_for_every_answer(tree: Path, cell: Cell) -> None:
    template = ROOT / "template/{{ migrations_folder }}/env.py"
    assert (tree / cell["migrations_folder"] / "env.py").read_bytes() == template.read_bytes()


def test_every_file_has_one_owner(tree: Path, cell: Cell) -> None:
    managed, seeds = ownership(tree)
    theirs, yours = (
        {name for name in files(tree) if any(map(within(name), owned))}
        for owned in (managed, seeds)
    )
    assert not theirs & yours
    folders = "app/", "core/", f"{cell['migrations_folder']}/"  # of these, nobody shares a file
    assert {name for name in files(tree) if name.startswith(folders)} <= theirs | yours
    assert seeds == excluded_on_update(cell)
    if cell["example"]:
        assert not [owned for owned in managed | seeds if not (tree / owned).exists()]


def documented(tree: Path) -> list[tuple[str, str]]:
    """Return the targets of a Makefile that say what they do, and what they say."""
    return re.findall(r"^([^\s#:]+):.*?## (.+)", read(tree / "Makefile"), re.MULTILINE)


def ownership(tree: Path) -> tuple[set[str], set[str]]:
    """Return the template's paths and yours, as the table in README.md names them."""
    cells = [
        line.split("|")[1] for line in read(tree / "README.md").splitlines() if line[:1] == "|"
    ]
    managed, seeds = (set(re.findall("`(.+?)`", cell)) for cell in cells if "`" in cell)
    return managed, seeds


def within(name: str) -> Any:
    """Return a test for paths: is this file that path, or in that folder?"""
    return lambda owned: name == owned or (owned.endswith("/") and name.startswith(owned))


def excluded_on_update(cell: Cell) -> set[str]:
    """Return what copier.yml leaves alone on an update only, as the README writes it."""
    patterns: list[set[str]] = []
    for operation in ("copy", "update"):
        context = {"_copier_operation": operation} | cell
        patterns.append({jinja2.Template(text).render(context) for text in SETTINGS["_exclude"]})
    found = {pattern.strip("/") for pattern in patterns[1] - patterns[0]}
    if cell["api"] == "none":  # a project may have had an API: its tests are left alone, too
        found.remove("tests/test_api.py")
    return {path if Path(path).suffix else f"{path}/" for path in found}


# Every word


@pytest.mark.parametrize("language", values("language"))
def test_a_hard_description_arrives_as_typed(tmp_path: Path, language: str) -> None:
    tree = render(tmp_path / "loja", language=language, project_description=HARD)
    assert tomllib.loads(read(tree / "pyproject.toml"))["project"]["description"] == HARD
    assert yaml.safe_load(read(tree / ".copier-answers.yml"))["project_description"] == HARD
    assert HARD in read(tree / "README.md").splitlines()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Render the default answers in Portuguese and in English."""
    folder = tmp_path_factory.mktemp("both")
    return [render(folder / language, language=language) for language in ("pt", "en")]


def test_both_languages_have_the_same_messages(both: list[Path]) -> None:
    portuguese, english = (placeholders(tree / "core/migrations/messages.py") for tree in both)
    assert portuguese == english


def test_both_languages_have_the_same_targets(both: list[Path]) -> None:
    portuguese, english = (dict(documented(tree)) for tree in both)
    assert list(portuguese) == list(english)
    assert not [target for target in english if english[target] == portuguese[target]]
    assert not [target for target in english if not english[target].isascii()]


@pytest.mark.parametrize("name", ["README.md", "migrations/README"])
def test_both_languages_have_the_same_commands(both: list[Path], name: str) -> None:
    portuguese, english = (read(tree / name) for tree in both)
    assert commands(portuguese) == commands(english) != []
    assert len(headings(portuguese)) == len(headings(english))


def test_the_template_has_the_same_commands_in_both_languages() -> None:
    english, portuguese = read(ROOT / "README.md"), read(ROOT / "README.pt-BR.md")
    assert commands(portuguese) == commands(english) != []
    assert len(headings(portuguese)) == len(headings(english)) > 0


def placeholders(messages: Path) -> dict[str, set[str]]:
    """Return the names of a module of messages, with the placeholders of each."""
    return {
        name: {field for _, field, _, _ in string.Formatter().parse(text) if field}
        for name, text in runpy.run_path(str(messages)).items()
        if isinstance(text, str) and name.isupper()
    }


def commands(text: str) -> list[str]:
    """Return the commands a document shows, without what is said in the reader's language."""
    found = re.findall(r"(?:^ *|`)((?:make|copier|git|python|alembic|\.venv)\b[^`\n]*)", text, re.M)
    return [re.sub(r'"[^"]*"|<[^>]*>|  .*', "…", command) for command in found]


def headings(text: str) -> list[str]:
    """Return the headings of a document, without the comments in its examples."""
    return re.findall(r"^#+ .*", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.MULTILINE)


def test_a_project_is_small(both: list[Path]) -> None:
    for tree in both:
        lines = {name: len(read(path).splitlines()) for name, path in files(tree).items()}
        tools = {
            name: lines.pop(name) for name in list(lines) if name.startswith("core/migrations/")
        }
        # Tools behind a target of their own: `make adopt`, and what a team of ten asked for.
        adoption, team = (
            {name: tools.pop(name) for name in list(tools) if name.startswith(folder)}
            for folder in ("core/migrations/adoption/", "core/migrations/tools/")
        )
        docs = {name: lines.pop(name) for name in list(lines) if name.startswith("docs/")}
        assert len(docs) <= 5, docs  # four pages and the diagram
        # The design's 26 and 900, and what came later: a Dockerfile, its ignore file, pre-commit,
        # the development container, the line of the history.
        assert len(lines) <= 31 and sum(lines.values()) <= 1100, lines
        # The one list of all sentences has a line for each; a team's tools have many.
        assert tools.pop("core/migrations/messages.py") <= 300
        for each, most in ((tools, 11), (adoption, 7), (team, 12)):
            assert len(each) <= most and max(each.values(), default=0) <= 200, each
        assert lines["migrations/env.py"] <= 80


# The template itself


def copy_of_the_template(folder: Path) -> Path:
    """Copy what Copier reads, to be changed."""
    ignore = shutil.ignore_patterns("__pycache__", ".*_cache")
    shutil.copytree(ROOT / "template", folder / "template", ignore=ignore)
    shutil.copy(ROOT / "copier.yml", folder)
    return folder


def test_a_typo_in_the_template_is_an_error(tmp_path: Path) -> None:
    template = copy_of_the_template(tmp_path / "template")
    (template / "template/typo.txt.jinja").write_text("{{ project_nane }}")
    with pytest.raises(jinja2.UndefinedError, match="project_nane"):
        copier.run_copy(str(template), tmp_path / "loja", defaults=True, unsafe=False, quiet=True)


def test_windows_can_clone_the_template() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert not [name for name in listed.stdout.split("\0") if NOT_ON_WINDOWS.search(name)]


# An update, on real repositories


def append(path: Path, text: str) -> None:
    """Append a line to a file."""
    path.write_text(f"{read(path)}{text}\n", encoding="utf-8")


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_update_changes_what_is_managed_and_nothing_of_yours(
    tmp_path: Path, folder: str
) -> None:
    template = copy_of_the_template(tmp_path / "template")
    project, answers = tmp_path / "loja", {"migrations_folder": folder, "project_description": HARD}
    commit(template, "v1")
    copier.run_copy(str(template), project, answers, defaults=True, unsafe=False, quiet=True)
    commit(project)
    append(project / "core/policy.py", "# mine")
    append(project / "app/usuarios/models.py", "# mine")
    (project / "main.py").unlink()
    (project / folder / "versions/mine.py").write_text('"""Mine."""\n')
    commit(project)

    for path in (template / "template").rglob("*.py"):
        append(path, "# v2")
    for path in (template / "template").rglob("versions"):
        (path / "theirs.py").write_text('"""Theirs."""\n')
    commit(template, "v2")
    copier.run_update(project, defaults=True, overwrite=True, unsafe=False, quiet=True)

    status = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=project,
        check=True,
        capture_output=True,
        text=True,
    )
    lines = status.stdout.splitlines()
    assert {line[:2] for line in lines} == {" M"}, status.stdout  # nothing new, nothing back
    _, seeds = ownership(project)
    modules = [name for name in files(project) if name.endswith(".py")]
    ours = {name for name in modules if not any(map(within(name), seeds))}
    assert {line[3:] for line in lines} == ours | {".copier-answers.yml"}
    answered = yaml.safe_load(read(project / ".copier-answers.yml"))
    assert answered["_commit"] == "v2" and answers.items() <= answered.items()
