"""Whatever the answers, what is rendered is whole, small, readable in both languages, and yours.

Each cell is a set of answers; every two answers meet in some cell, and with --full all choices do.
"""

import ast
import re
import runpy
import shutil
import string
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import copier
import jinja2
import pytest
import yaml

from support.cells import FOLDERS, KEYS, Cell, covering, name_of, product
from support.documents import headings
from support.example import NAME, in_english
from support.ownership import SEEDS_OF_BEFORE, excluded_on_update, ownership, within
from support.project import ROOT, Project, append, documented, files, read, render, values
from support.releases import commit

JINJA = re.compile(r"(?<!\$)\{\{|\{%|\{#")  # `${{ … }}` is GitHub's own
NOT_ON_WINDOWS = re.compile(
    r'[<>:"\\|?*\x00-\x1f]|[. ](/|$)|(^|/)(con|prn|aux|nul|com\d|lpt\d)(\.|/|$)', re.IGNORECASE
)
WITH_ROUTES = [(mode, api) for mode in values("mode") for api in values("api")]
WITH_ROUTES.remove(("async", "flask"))
HARD = """Ação "a" 'b' \\ C:\\novo %d %(x)s %% {{ x }} {% y %} {# z #} $HOME `w` <b> & # : 🎉"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the tests that want a cell each of them in turn, rendered once for all."""
    if "cell" in metafunc.fixturenames:
        cells = covering(product(*KEYS), 2)
        if metafunc.config.getoption("full"):
            cells += [cell for cell in covering(product(*KEYS), 3) if cell not in cells]
        metafunc.parametrize("cell", cells, ids=name_of, scope="module")


@pytest.fixture(scope="module")
def tree(cell: Cell) -> Iterator[Path]:
    """Render a cell, without trust."""
    with tempfile.TemporaryDirectory() as folder:
        yield render(Path(folder) / "loja", **cell)


# Every cell


def test_no_jinja_is_left(tree: Path) -> None:
    assert not [name for name in files(tree) if JINJA.search(name)]
    assert not [name for name, path in files(tree).items() if JINJA.search(read(path))]


def test_no_file_is_empty(tree: Path) -> None:
    empty = [name for name, path in files(tree).items() if not read(path).strip()]
    assert empty == ["vendor/alambique/py.typed"]  # PEP 561: that it is there says all


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
    targets = " ".join(re.findall(r"^OURS \+= (.*)", makefile, re.MULTILINE)).split()
    rules = set(re.findall(r"^([^\s#:]+):(?!=)", makefile, re.MULTILINE))
    assert "\n.PHONY: help $(OURS)\n" in makefile
    assert {"setup", "migration", "upgrade", "downgrade", "check", "test"} <= set(targets)
    assert {target for target, _ in documented(tree)} <= set(targets)
    assert set(targets) <= rules, "make would say there is nothing to be done, and exit 0"
    Project(tree).make("--dry-run", *targets, "m=x", "name=x", "to=head", "from=base")


def test_make_help_lists_every_target(tree: Path) -> None:
    printed = [line.split(maxsplit=1) for line in Project(tree).make("help").splitlines()]
    assert documented(tree)
    for target, text in documented(tree):
        assert [target, text] in printed


def test_env_py_is_the_same_for_every_answer(tree: Path, cell: Cell) -> None:
    template = ROOT / "template/{{ migrations_folder }}/env.py"
    assert (tree / cell["migrations_folder"] / "env.py").read_bytes() == template.read_bytes()


def test_every_file_has_one_owner(tree: Path, cell: Cell) -> None:
    """What is sealed is replaced, what is a seed is never touched; all others are merged."""
    sealed, seeds = ownership(tree)
    assert {name for name in files(tree) if any(map(within(name), sealed))} == {
        name for name in files(tree) if name.startswith("vendor/")
    }
    assert not [seed for seed in seeds if any(map(within(seed), sealed))]
    assert seeds == excluded_on_update(cell)
    if cell["example"]:
        owned = (sealed | seeds) - SEEDS_OF_BEFORE
        assert not [path for path in owned if not (tree / path).exists()]
    assert not [path for path in SEEDS_OF_BEFORE if (tree / path).exists()]


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


def test_both_languages_have_the_same_messages() -> None:
    folder = ROOT / "template/vendor/alambique/messages"
    portuguese, english = (placeholders(folder / f"{name}.py") for name in ("pt", "en"))
    assert portuguese == english != {}


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


@pytest.mark.parametrize(("mode", "api"), WITH_ROUTES)
def test_the_example_is_the_same_in_both_languages(tmp_path: Path, mode: str, api: str) -> None:
    """Each calls it what its reader would, and says what it is; in nothing else they differ."""
    trees = [
        render(tmp_path / language / "loja", language=language, mode=mode, api=api)
        for language in ("pt", "en")
    ]
    portuguese, english = (docstrings(tree) for tree in trees)
    assert portuguese and not portuguese & english
    portuguese, english = (example_of(tree) for tree in trees)
    named = [name for name, text in english.items() if NAME.search(name + text)]
    assert not named, f"{named}: names of the Portuguese example"
    assert "app/usuarios/models.py" in portuguese and "app/users/models.py" in english
    assert {in_english(name): in_english(text) for name, text in portuguese.items()} == english


def documented_nodes(module: ast.Module) -> list[ast.Constant]:
    """Return the docstrings of a module and of what is in it."""
    bodies = [node.body for node in ast.walk(module) if isinstance(getattr(node, "body", 0), list)]
    firsts = [body[0].value for body in bodies if body and isinstance(body[0], ast.Expr)]
    return [each for each in firsts if isinstance(each, ast.Constant)]


def docstrings(tree: Path) -> set[str]:
    """Return what the modules of the example say of themselves; its revisions were released."""
    paths = [*(tree / "app").glob("*/*.py"), *(tree / "app").glob("api.py"), tree / "main.py"]
    paths += [path for path in (tree / "tests").glob("test_[am]*.py") if "migr" not in path.name]
    modules = [ast.parse(read(path)) for path in paths]
    return {str(each.value) for module in modules for each in documented_nodes(module)}


def example_of(tree: Path) -> dict[str, str]:
    """Return what the example is made of, without docstrings, however its lines are broken."""
    kept = {
        name: read(path)
        for name, path in files(tree).items()
        if path.suffix in {".mmd", ".py"} and not name.startswith("vendor/")
    }
    return {name: code(text) if name.endswith(".py") else text for name, text in kept.items()}


def code(source: str) -> str:
    """Return a module with an empty text for each docstring."""
    module = ast.parse(source)
    for each in documented_nodes(module):
        each.value = ""
    return ast.unparse(module)


def test_the_template_has_the_same_commands_in_both_languages() -> None:
    english, portuguese = read(ROOT / "README.md"), read(ROOT / "README.pt-BR.md")
    assert commands(portuguese) == commands(english) != []
    assert len(headings(portuguese)) == len(headings(english)) > 0


def placeholders(messages: Path) -> dict[str, set[str]]:
    """Return the names of a module of messages, with the placeholders of each."""
    return {
        name: {field for _, field, _, _ in string.Formatter().parse(str(said)) if field}
        for name, said in runpy.run_path(str(messages)).items()
        if isinstance(said, str) and name.isupper()
    }


def commands(text: str) -> list[str]:
    """Return the commands a document shows, without what is said in the reader's language."""
    found = re.findall(r"(?:^ *|`)((?:make|copier|git|python|alembic|\.venv)\b[^`\n]*)", text, re.M)
    return [re.sub(r'"[^"]*"|<[^>]*>|  .*', "…", command) for command in found]


def test_a_project_is_small(both: list[Path]) -> None:
    """An owner reads it in an afternoon: without vendor/, and with the default answers."""
    for tree in both:
        theirs = {name: path for name, path in files(tree).items() if name[:7] != "vendor/"}
        lines = {name: len(read(path).splitlines()) for name, path in theirs.items()}
        python = {name: number for name, number in lines.items() if name.endswith(".py")}
        assert sum(python.values()) <= 450, python
        assert sum(number for name, number in python.items() if name[:5] == "core/") <= 130, python
        assert lines["migrations/env.py"] <= 10
        docs = {name: lines.pop(name) for name in list(lines) if name.startswith("docs/")}
        assert len(docs) <= 9, docs  # eight pages and the diagram
        assert len(lines) <= 33 and sum(lines.values()) <= 1100, lines


# The template itself


def copy_of_the_template(folder: Path) -> Path:
    """Copy what Copier reads, to be changed."""
    ignore = shutil.ignore_patterns("__pycache__", ".*_cache")
    for part in ("template", "variants"):
        shutil.copytree(ROOT / part, folder / part, ignore=ignore)
    shutil.copy(ROOT / "copier.yml", folder)
    return folder


def test_a_typo_in_the_template_is_an_error(tmp_path: Path) -> None:
    template = copy_of_the_template(tmp_path / "template")
    (template / "template/typo.txt.jinja").write_text("{{ project_nane }}")
    with pytest.raises(jinja2.UndefinedError, match="project_nane"):
        copier.run_copy(str(template), tmp_path / "loja", defaults=True, unsafe=False, quiet=True)


def test_no_condition_is_in_a_file_name() -> None:
    """What may be absent is in the one list of copier.yml; plain names are found by every tool."""
    names = [path.relative_to(ROOT).as_posix() for path in (ROOT / "template").rglob("*")]
    assert not [name for name in names if "{%" in name]
    filled_in = {found for name in names for found in re.findall(r"\{\{.*?\}\}", name)}
    assert filled_in == {"{{ _copier_conf.answers_file }}", "{{ migrations_folder }}"}
    assert not [path for path in (ROOT / "variants").rglob("*") if JINJA.search(path.name)]


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


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_update_changes_what_is_managed_and_nothing_of_yours(
    tmp_path: Path, folder: str
) -> None:
    template = copy_of_the_template(tmp_path / "template")
    project, answers = tmp_path / "loja", {"migrations_folder": folder, "project_description": HARD}
    commit(template, "v1")
    copier.run_copy(str(template), project, answers, defaults=True, unsafe=False, quiet=True)
    commit(project)
    (project / "core/policy.py").write_text('"""Of a project of 1.x."""\n')
    append(project / "app/usuarios/models.py", "# mine")
    (project / "main.py").unlink()
    (project / folder / "versions/mine.py").write_text('"""Mine."""\n')
    commit(project)

    for pattern in ("*.py", "*.py.jinja"):
        for path in (template / "template").rglob(pattern):
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
