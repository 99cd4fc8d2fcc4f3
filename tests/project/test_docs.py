"""The pages of docs/ are true: every block is run, every error is on the page of troubles.

A page is followed from top to bottom in a fresh project. A `console` block is run as it stands;
a `python` block goes to the file its first line names: it is the whole file, or a part, and what a
part defines takes the place of what has the same name; a `text` block is what the command before
it says as it fails, `…` being anything. A block of no language is a drawing.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import copier
import pytest

from support.documents import headings
from support.example import in_english, in_language
from support.messages import messages
from support.project import ROOT, Project, append, documented, read, render
from support.releases import AUTHOR, QUIET, commit, first_release, git

PAGES = [
    "first-day",
    "everyday",
    "beyond-models",
    "trouble",
    "template",
]  # followed from top to bottom
# Those that speak of the tables of the example, and of a remote.
TABLED = {"everyday", "beyond-models", "trouble"}
# What they show is tried, too: in test_production.py, here, and in test_sealed.py.
REFERENCE = ["production", "env", "library"]
LANGUAGES = ["pt", "en"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WHOLE, PART = ({"the whole file", "o arquivo inteiro"}, {"a part", "uma parte"})
DRAWN = re.compile("──▶|◀──|▲")
# Where a reader meets a word of Alembic's first, there it is explained.
READ_FIRST = ["README", "first-day", "everyday"]
EXPLAINED = {
    "en": {
        r"revisions?": "the file that takes the database a step forth and back",
        r"heads?": "a head being the last revision of the history",
        r"base": "Before the first one is the *base*, where none is applied",
        r"autogenerate": "by comparing the models with the database, which it calls *autogenerate*",
        r"batch": "a *batch* of changes: SQLite makes the table anew",
        r"stamp": "only notes it, without running anything: a *stamp*",
    },
    "pt": {
        r"revisão|revisões": "o arquivo que leva o banco um passo para a frente e para trás",
        r"heads?": "*head* é a última revisão do histórico",
        r"base": "Antes da primeira está a *base*, onde nenhuma foi aplicada",
        r"autogenerate": "ao comparar os modelos com o banco, o que ele chama de *autogenerate*",
        r"batch": "um *batch* de mudanças: o SQLite refaz a tabela",
        r"stamp": "só o anota, sem rodar nada: um *stamp*",
    },
}
# What is printed and is no error: news, questions, headings, words.
NO_ERRORS = {
    *(
        "CONNECTED_ANEW",
        "DRIVER_SIBLING",
        "STAMPED",
        "NOTHING_DONE",
        "LEFT_TO_APPLY",
        "NONE_LEFT",
        "STOPPED",
        "WRITTEN",
        "WRITTEN_EMPTY",
        "WRITTEN_REDEFINED",
        "REDEFINED_WITH",
        "REDEFINES",
        "NONE_OF_THEM",
        "ON_BRANCH",
        "NO_REVISIONS",
        "FIRST_COMMIT",
        "SHELL",
        "AT_WORK_FOR",
        "TABLE_RETRY",
        "RESUMED",
        "REBUILD_WENT_ALONG",
        "HAPPENED",
        "PAST_LIMIT",
        "INVALID_INDEX",
        "NO_CHANGE",
        "MORE_UNSEEN",
        "ENUM_KEEPS_MEMBERS",
        "CURRENT",
        "IGNORED",
    ),
    *(
        "ASK_RENAME",
        "ASK_DROP",
        "ASK_DROP_CONSTRAINT",
        "ASK_CUT",
        "ASK_FILL",
        "CONFIRM",
        "ASK_STAMP",
        "ASK_SQUASH",
    ),
    *("ENV_MADE", "DATABASE_MADE", "NEXT_STEPS", "NOTHING_TO_DO", "LOSES", "REWRITES"),
    *("FIRES", "VIEWS_LEFT_BEHIND", "TABLE_SIZE", "LEDGER", "LEDGER_EMPTY", "LEDGER_GOES_ON"),
    *("NOT_TRIED_HISTORY", "NOT_TRIED_ELSEWHERE", "NOT_TRIED_STRANGERS", "NOT_TRIED_ENV"),
    *(
        "NOTHING_TO_UNDO",
        "ROWS",
        "WILL_DROP",
        "UNTOLD",
        "AFTER_INTERRUPTED",
        "MODELS_DOCSTRING",
        "BASELINE",
        "FURTHER",
        "MODELS_OF_ADDRESS",
        "MODELS_WRITTEN",
    ),
    *(
        "REPLAYED",
        "SAME",
        "ALIKE",
        "REORDERED",
        "CHANGELOG",
        "HISTORY_HEADER",
        "NO_FORK",
        "ONE_LINE",
        "REBASED",
        "REBASE_DONE",
    ),
    *("REBASE_UNDOES", "SQUASH", "NOTHING_TO_SQUASH", "SQUASHED_INTO", "SQUASH_DONE"),
    *(
        "REVISIONS_FIT",
        "SQUAWK_SAYS",
        "TOUR_START",
        "TOUR_UP",
        "TOUR_SCHEMA",
        "TOUR_ADDED",
        "TOUR_DATA",
    ),
    *("TOUR_DOWN", "TOUR_END", "TOUR_KEYS", "TOUR_AT_START", "TOUR_SAME"),
    *("TOUR_GONE", "TOUR_LEFT", "DIAGRAM_WRITTEN", "DOCTOR_NOT_ASKED", "DOCTOR_PYTHON"),
    *("DOCTOR_PACKAGES", "DOCTOR_TOOLS", "DOCTOR_TOOL_COMES", "DOCTOR_ENV", "DOCTOR_ENV_UNUSED"),
    *("DOCTOR_SETTINGS", "DOCTOR_URL", "DOCTOR_URL_GIVEN", "DOCTOR_NO_SERVER", "DOCTOR_SERVER"),
    *("DOCTOR_COMPOSE", "DOCTOR_DATABASE", "DOCTOR_HEAD", "DOCTOR_MODELS"),
    *("DOCTOR_TEMPLATE_UNKNOWN", "PLAN_EMPTY", "PLAN_ONE", "PLAN_MANY", "PLAN_NO_RISK"),
    *("PLAN_MORE", "PLAN_CUT", "READY", "OPENAPI_WRITTEN", "INTERRUPTED", "ASK_REPLACE"),
    *("DOCTOR_LIBRARY", "DOCTOR_LIBRARY_PACKAGE", "SEAL_EDITED", "SEAL_MISSING", "SEAL_ADDED"),
    *("DOCTOR_URL_ASKED", "DOCTOR_URL_EXAMPLE", "DOCTOR_URL_INI"),
    *("POOLER", "LOCK_NOT_RELEASED", "YES_OR_NO", "REBASE_CHOICE"),
    *("BROUGHT_IGNORED", "UNREACHED", "UNREACHED_MOVED", "UNREACHED_DELETED", "UNREACHED_NO_MORE"),
    "DOCTOR_ANSWERS",
    *("LOCK_WAITS", "LOCK_HOLDER", "INDEX_STAYS_INVALID"),
    *("WAITS_FOR", "WAITS_FOR_ONE_OF", "WAS_IN_THE_WAY", "SESSION", "AND_MORE"),
    "PREPARED_TRANSACTION",
    *("INIT_UNDO_HELP", "INIT_ALREADY", "INIT_LEFT", "INIT_CONFIRM", "INIT_DONE", "INIT_INI_MADE"),
    *("INIT_MODELS_SAID", "INIT_NEXT", "INIT_NOT_OURS", "INIT_BROUGHT_BACK", "INIT_STOCK"),
    *("INIT_UNHOOKED", "INIT_TAKEN_AWAY", "INIT_TABLES"),
}


def pages(tree: Path) -> dict[str, str]:
    """Return the text of each page of a project, and of its README."""
    found = {name: read(tree / f"docs/{name}.md") for name in [*PAGES, *REFERENCE]}
    return found | {"README": read(tree / "README.md")}


# Following a page


class Reader:
    """Somebody who does what a page says, in a project that is a git repository."""

    def __init__(self, project: Project, folder: Path) -> None:
        """`folder` gets a `make` that leaves the environment alone: the tests run in it."""
        folder.mkdir()
        make = folder / "make"
        run = f'exec -a make "$REAL_MAKE" -o install COPIER={sys.prefix}/bin/copier "$@"'
        make.write_text(f"#!/bin/bash\n{run}\n")
        make.chmod(0o755)
        self.project, self.place, self.where = project, project.path, folder / "where"
        settings = [option for option in QUIET if option != "-c"]
        self.env = AUTHOR | {
            # Under the name MAKE, the Makefile would take it for itself in what it makes in turn.
            "REAL_MAKE": project.run("sh", "-c", "command -v make").strip(),
            "PATH": f"{folder}:{project.env['PATH']}",
            "LC_ALL": "C.UTF-8",
            "MYPY_CACHE_DIR": str(folder.parents[1] / "mypy"),
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        for index, setting in enumerate(settings):
            key, self.env[f"GIT_CONFIG_VALUE_{index}"] = setting.split("=")
            self.env[f"GIT_CONFIG_KEY_{index}"] = key

    def follow(self, page: str) -> None:
        """Do what each block of a page of the project says."""
        blocks = BLOCK.findall(read(self.project.path / f"docs/{page}.md"))
        assert {kind for kind, _ in blocks} <= {"console", "python", "text", ""}
        for (kind, body), (then, said) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
            if kind == "python":
                self.edit(*body.removeprefix("# ").split("\n", 1))
            elif not kind:  # nothing to type may hide in it
                assert all(map(DRAWN.search, body.splitlines())), body
            elif kind == "console":
                *lines, last = body.splitlines()
                self.type("\n".join(lines if then == "text" else [*lines, last]), 0)
                if then == "text":
                    self.fail(last, said)

    def type(self, commands: str, code: int | None) -> str:
        """Type commands where one is, and stay where they lead."""
        commands = re.sub("<.*?>", str(self.project.path), commands)
        script = f"trap 'pwd > {self.where}' EXIT\n{commands}"
        printed = self.project.run("sh", "-ec", script, code=code, cwd=self.place, env=self.env)
        self.place = Path(self.where.read_text().strip())
        return printed

    def fail(self, command: str, said: str) -> None:
        """Type a command that fails with these words."""
        printed = self.type(f"! {{ {command}; }}", 0)
        for line in said.splitlines():
            pattern = ".*".join(map(re.escape, line.split("…")))
            assert re.search(pattern, printed), f"{line}\n{printed}"

    def edit(self, said: str, code: str) -> None:
        """Write code to a file: the whole of it, or a part over what has the same names."""
        name, how_much = said.strip().split(", ")
        assert how_much in WHOLE | PART, "say whether it is the whole file or a part"
        if "*" in name:
            (found,) = self.place.glob(name)
            name = str(found.relative_to(self.place))
        part = how_much in PART
        text = merged(read(self.place / name), code) if part else code.lstrip()
        Project(self.place).write(name, text)


def merged(old: str, code: str) -> str:
    """Return the source `old` with what `code` defines in the place of what has the same name."""
    lines = old.splitlines()
    module = ast.parse(old)
    there = {getattr(node, "name", None): node for node in module.body}
    after = module.body[0].end_lineno  # the docstring
    for node in reversed(ast.parse(code).body):
        new = ast.get_source_segment(code, node)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            lines[after:after] = ["", new]
            continue
        assert new is not None and hasattr(node, "name"), "show whole functions and classes"
        if node.name in there:
            place = there[node.name]
            lines[place.lineno - 1 : place.end_lineno] = new.splitlines()
        else:
            lines += ["", "", *new.splitlines()]
    return "\n".join([*lines, ""])


@pytest.fixture
def reader(project: Callable[..., Project], tmp_path: Path) -> Callable[..., Reader]:
    """A reader of a project with these answers, with the tables the pages speak of."""

    def make_reader(page: str, **answers: Any) -> Reader:
        made = template_project(tmp_path, **answers) if page == "template" else project(**answers)
        if page in TABLED and not answers.get("example", True):
            add_models(made, answers.get("language", "pt"))
        commit(made.path)
        if page in TABLED:
            publish(made, tmp_path / "origin.git")
        found = Reader(made, tmp_path / "bin")
        if page == "first-day":
            found.place = tmp_path / "work"
            found.place.mkdir()
        return found

    return make_reader


def publish(made: Project, origin: Path) -> None:
    """Have a remote with what there is now: what the page commits to main, only this clone has."""
    git(made.path, "init", "--quiet", "--bare", str(origin))
    git(made.path, "remote", "add", "origin", str(origin))
    git(made.path, "push", "--quiet", "--set-upstream", "origin", "main")
    git(made.path, "remote", "set-head", "origin", "main")


def add_models(made: Project, language: str) -> None:
    """Give a project without the example the tables the pages speak of."""
    for name in ("usuarios", "produtos"):
        path = in_language(language, f"app/{name}/models.py")
        made.write(path, read(ROOT / "template" / path))
    made.make("migration", "m=example", "upgrade")


def template_project(folder: Path, **answers: Any) -> Project:
    """Make a project of a template that has a newer version."""
    template = first_release(folder)
    made = Project(folder / "loja")
    options = {"defaults": True, "unsafe": False, "quiet": True}
    copier.run_copy(str(template), made.path, answers, vcs_ref="v1.0.0", **options)
    made.use_these_packages()
    made.alambique("setup")
    append(template / "template/core/__init__.py", "# v1.1.0")
    append(template / "template/.gitignore.jinja", "v1.1.0.txt")
    project = template / "template/pyproject.toml.jinja"  # the page has its reader change this line
    project.write_text(read(project).replace("line-length = 100", "line-length = 99", 1))
    commit(template, "v1.1.0")
    return made


def followed(page: str, language: str) -> Any:
    """The first day, in one language; all of them in both with --full."""
    by_default = (page, language) in {("first-day", "en")}
    return pytest.param(page, language, marks=[] if by_default else pytest.mark.full)


@pytest.mark.parametrize(
    ("page", "language"), [followed(page, language) for page in PAGES for language in LANGUAGES]
)
def test_a_page_can_be_followed(reader: Callable[..., Reader], page: str, language: str) -> None:
    reader(page, language=language).follow(page)


@pytest.mark.full
@pytest.mark.parametrize("language", ["en", pytest.param("pt", marks=pytest.mark.full)])
def test_every_env_py_that_is_shown_runs(project: Callable[..., Project], language: str) -> None:
    made = project(language=language)
    shown = [body for kind, body in BLOCK.findall(read(made.path / "docs/env.md")) if kind == "py"]
    models = in_language(language, "app/usuarios/models.py")
    assert len(shown) == 2
    for number, body in enumerate(shown):
        made.write("migrations/env.py", body)
        append(made.path / models, f"    extra{number}: Mapped[str | None]")
        made.make("check", code=2)
        made.make("migration", "m=um a mais", "upgrade")
        made.make("check", "lint")
    first, second = (read(path).splitlines()[0] for path in made.revisions()[-2:])
    assert (first, second) == ('"""um a mais', '"""UM A MAIS')  # as the page says of the second


CELLS: list[dict[str, Any]] = [
    {"database": "postgresql", "mode": "async", "api": "fastapi", "migrations_folder": "alembic"},
    {"database": "mysql", "api": "flask", "ci": "gitlab"},
    {"example": False, "ci": "none"},
    {"example": False, "database": "postgresql", "language": "en"},
]


def whatever_the_answers() -> list[Any]:
    """Every page with two cells and every cell with some pages.

    The database has no part in updating the template.
    """
    return [
        pytest.param(page, answers, id="-".join(map(str, [page, *answers.values()])))
        for number, page in enumerate(PAGES)
        for place, answers in enumerate(CELLS)
        if (number + place) % 2 == 0 and (page != "template" or "database" not in answers)
    ]


@pytest.mark.full
@pytest.mark.parametrize(("page", "answers"), whatever_the_answers())
def test_a_page_can_be_followed_whatever_the_answers(
    reader: Callable[..., Reader], page: str, answers: dict[str, Any]
) -> None:
    reader(page, **answers).follow(page)


# What stands on the pages


@pytest.fixture(
    scope="module",
    params=[{}, CELLS[0], CELLS[2] | {"environment": "conda", "database": "mysql"}],
    ids=["default", "async", "plain"],
)
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The same project in each language."""
    folder = tmp_path_factory.mktemp("both")
    return {
        each: render(folder / each / "loja", **request.param, language=each) for each in LANGUAGES
    }


def test_both_languages_show_the_same(both: dict[str, Path]) -> None:
    portuguese, english = (pages(both[language]) for language in LANGUAGES)
    for page in [*PAGES, *REFERENCE]:
        one, other = portuguese[page], english[page]
        assert headings(one) == headings(other) != []
        assert [in_english(shown(*block)) for block in BLOCK.findall(one)] == [
            shown(*block) for block in BLOCK.findall(other)
        ]
        assert set(mentioned(one)) == set(mentioned(other))


def test_a_word_is_explained_where_one_meets_it(both: dict[str, Path]) -> None:
    for language, tree in both.items():
        texts = {page: " ".join(text.split()) for page, text in pages(tree).items()}
        for word, explained in EXPLAINED[language].items():
            met = re.compile(rf"(?<![\w-])({word})(?![\w-])", re.IGNORECASE)
            page, found = next(
                (page, found) for page in READ_FIRST if (found := met.search(texts[page]))
            )
            at = texts[page].find(explained)
            assert at >= 0 and abs(at - found.start()) < 150, (language, page, word)


def shown(kind: str, body: str) -> str:
    """Return a block without what is said in the reader's language."""
    if kind == "text":
        return kind
    if not kind:
        return " ".join(re.findall(rf"{DRAWN.pattern}|\bbase\b|\bhead\b|make \w+", body))
    if kind in {"ini", "sql", "dotenv", "yaml"}:
        return re.sub(r"(#|--) .*|'[^']*'", "…", body)
    if kind == "toml":
        assert tomllib.loads(body)
        return re.sub(r'#.*|"[^"]*"', "…", body)
    if kind in {"console", "sh"}:
        return re.sub(r'(m=|-m )"[^"]*"|<[^>]*>', r"\1…", body)
    tree = ast.parse(body)
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            del node.body[0]
    name, how_much = body.splitlines()[0].split(", ")
    assert how_much in WHOLE | PART
    return f"{name}, {how_much in WHOLE}\n{ast.unparse(tree)}"


def mentioned(text: str) -> list[str]:
    """Return the make targets a text names."""
    typed = [line for _, block in BLOCK.findall(text) for line in block.splitlines()]
    typed += re.findall("`(.+?)`", BLOCK.sub("", text))
    words = [re.sub('".*?"', "", line).split()[1:] for line in typed if line.startswith("make ")]
    return [word for line in words for word in line if re.fullmatch("[a-z-]+", word)]


def test_every_target_is_explained_and_every_one_mentioned_exists(both: dict[str, Path]) -> None:
    for tree in both.values():
        targets = {target for target, _ in documented(tree)}
        named = {target for text in pages(tree).values() for target in mentioned(text)}
        assert targets <= named
        assert named - {"help", "install"} <= targets


def test_every_error_is_on_the_page_of_troubles(both: dict[str, Path]) -> None:
    """Each has a row that quotes how it begins, and as far as no other one does."""
    for tree in both.values():
        said = {name: plain(text) for name, text in messages(Project(tree)).items()}
        assert not NO_ERRORS - set(said), "a message that is no more"
        errors = {name: text for name, text in said.items() if name.isupper()}
        errors = {name: text for name, text in errors.items() if name not in NO_ERRORS}
        errors |= {text: plain(text) for text in makefile_errors(tree)}
        rows = re.findall(r"^\| (`.*?`) \|", pages(tree)["trouble"], re.MULTILINE)
        quotes = [quote for row in rows for quote in re.findall("`(.+?)`", row)]
        meant = {
            quote: [name for name, text in errors.items() if text.startswith(quote)]
            for quote in quotes
        }
        assert not {quote: names for quote, names in meant.items() if len(names) != 1}
        missing = set(errors) - {name for names in meant.values() for name in names}
        lacking = sorted(missing - unprinted(tree))  # only where the answers print them
        absent = [f"| `{errors[name][:40]}…` | ... |  ({name})" for name in lacking]
        assert not lacking, "docs/trouble.md lacks these rows:\n" + "\n".join(absent)


def unprinted(tree: Path) -> set[str]:
    """Return the messages that a project with these answers never prints."""
    found = set() if (tree / ".squawk.toml").exists() else {"NO_SQUAWK", "SQUAWK_FAILED"}
    found |= set() if (tree / "environment.yml").exists() else {"DOCTOR_NO_CONDA"}
    tour = {"TOUR_EMPTY", "TOUR_NOBODY", "TOUR_FAILED"}
    found |= set() if (tree / "main.py").exists() else tour
    api = {"NOT_STARTED", "NOT_A_CHECK", "NO_ROW", "CONFLICT", "NO_APP", "NO_PORT", "OPENAPI_STALE"}
    api |= {"OPENAPI_UNKNOWN", "DATABASE_GONE", "NOT_A_DRIFT", "READY_DRIFTED", "NOT_COMPARED"}
    return found if (tree / "core/api.py").exists() else found | api


def plain(text: str) -> str:
    """Return a message as one reads it, … for what changes."""
    return " ".join(re.sub(r"\{[^}]*\}", "…", text).replace("`", "").split())


def makefile_errors(tree: Path) -> list[str]:
    """Return what the Makefile itself says when it stops."""
    makefile = read(tree / "Makefile")
    found = re.findall(r"\$\(error ([^)]+)\)|echo '([^']+)' >&2|and \"([^\"]+)\"\)'", makefile)
    return ["".join(groups) for groups in found]


def test_every_link_leads_somewhere(both: dict[str, Path]) -> None:
    for tree in both.values():
        for page, text in pages(tree).items():
            folder = tree / ("docs" if page != "README" else ".")
            for path, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
                if path == "schema.mmd":  # `make diagram` writes it
                    continue
                target = folder / path if path else folder / f"{page}.md"
                assert target.exists(), path
                assert not anchor or anchor in anchors(read(target)), anchor


def anchors(text: str) -> list[str]:
    """Return the anchors of a document's headings, as GitHub and GitLab make them."""
    titles = re.findall(r"^#+ (.*)", BLOCK.sub("", text), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
