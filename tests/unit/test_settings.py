"""Which project, in which language, on which database: decided in one place."""

import ast
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from alambique import messages
from alambique.database.engine import connect
from alambique.database.errors import DatabaseUnavailable
from alambique.settings import (
    InvalidSetting,
    Source,
    alembic_config,
    forget_project,
    migration_url,
    project,
    resolve_migration_url,
    seconds,
    service_url,
    shown,
    shown_url,
    sync_driver,
    use_project,
    variable,
    without_secrets,
)
from sqlalchemy.engine import make_url

SQLITE = make_url("sqlite://")
INI = "[alembic]\nscript_location = migrations\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that says nothing of its database."""
    for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL"):
        monkeypatch.setenv(name, "")  # so that what a test loads from .env is undone
        monkeypatch.delenv(name)
    (tmp_path / "pyproject.toml").write_text('[tool.alambique]\nlanguage = "en"\n')
    (tmp_path / "alembic.ini").write_text(INI)
    use_project(tmp_path)
    return tmp_path


def test_the_first_place_that_names_a_database_wins(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []

    def note() -> None:
        resolved = resolve_migration_url(config)
        assert resolved.url.database
        found.append((Path(resolved.url.database).name, resolved.source, resolved.variable))

    config = alembic_config()
    (root / ".env.example").write_text("DATABASE_URL=sqlite:///example.db\n")
    note()
    (root / ".env").write_text("DATABASE_URL=sqlite:///dotenv.db\n")
    note()
    (root / ".env").write_text(
        "DATABASE_URL=sqlite:///dotenv.db\nMIGRATION_DATABASE_URL=sqlite:///dotenv-direct.db\n"
    )
    note()
    monkeypatch.setenv("DATABASE_URL", "sqlite:///environment.db")
    note()
    monkeypatch.setenv("MIGRATION_DATABASE_URL", "sqlite:///environment-direct.db")
    note()
    (root / "alembic.ini").write_text(f"{INI}sqlalchemy.url = sqlite:///ini.db\n")
    config = alembic_config()
    note()
    config.attributes["url"] = "sqlite:///attribute.db"
    note()
    config.cmd_opts = Namespace(x=["drop=a.b", "url=sqlite:///typed.db"])
    note()

    assert found == [
        ("example.db", Source.EXAMPLE, "DATABASE_URL"),
        ("dotenv.db", Source.DOTENV, "DATABASE_URL"),
        ("dotenv-direct.db", Source.DOTENV, "MIGRATION_DATABASE_URL"),
        ("environment.db", Source.ENVIRONMENT, "DATABASE_URL"),
        ("environment-direct.db", Source.ENVIRONMENT, "MIGRATION_DATABASE_URL"),
        ("ini.db", Source.INI, None),
        ("attribute.db", Source.GIVEN, None),
        ("typed.db", Source.GIVEN, None),
    ]
    assert Path(str(migration_url(config, "sqlite:///given.db").database)).name == "given.db"


def test_the_service_knows_nothing_of_the_migrations_own_url(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATION_DATABASE_URL", "sqlite:///direct.db")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///service.db")
    assert service_url().database == str(root / "service.db")
    assert migration_url().database == str(root / "direct.db")


def test_nothing_said_is_a_sentence(root: Path) -> None:
    with pytest.raises(InvalidSetting) as refused:
        service_url()
    assert str(refused.value) == messages.URL_MISSING


@pytest.mark.parametrize("text", ["", "nonsense", "sqlite:/x", "postgresql://h:port/db"])
def test_what_is_no_url_is_a_sentence_without_the_password(
    root: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", text)
    with pytest.raises(InvalidSetting, match="DATABASE_URL"):
        service_url()


def test_a_percent_in_the_ini_is_a_sentence_without_the_password(root: Path) -> None:
    (root / "alembic.ini").write_text(f"{INI}sqlalchemy.url = sqlite:///s3cret%x.db\n")
    with pytest.raises(InvalidSetting) as refused:
        migration_url(alembic_config())
    assert str(refused.value) == messages.URL_IN_INI_MALFORMED


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ("sqlalchemy.url = x:segredo@h", "MissingSectionHeaderError, line 1"),
        ("[alembic]\nsqlalchemy.url x/segredo", "ParsingError, line 2"),
        ("[alembic]\nsegredo = a\nsegredo = b", "DuplicateOptionError, line 3"),
    ],
)
def test_an_ini_that_cannot_be_read_is_a_sentence_without_its_lines(
    root: Path, lines: str, cause: str
) -> None:
    (root / "alembic.ini").write_text(lines)
    with pytest.raises(InvalidSetting) as refused:
        alembic_config()
    assert str(refused.value) == messages.INI_MALFORMED.format(cause=cause)


def test_the_ini_is_read_as_utf_8_whatever_the_locale(root: Path) -> None:
    written = "[alembic]\nscript_location = %(here)s/migrações\n"
    (root / "alembic.ini").write_text(written, encoding="utf-8")
    source = (
        "from alambique.settings import alembic_config\n"
        "print(ascii(alembic_config().get_main_option('script_location')))"
    )
    library = str(Path(messages.__file__).parents[2])
    in_c = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONPATH": library}
    printed = subprocess.run(
        [sys.executable, "-c", source],
        cwd=root,
        env=os.environ | in_c,
        capture_output=True,
        encoding="ascii",
        check=True,
    ).stdout
    assert printed == ascii(f"{root}/migrações") + "\n"

    (root / "alembic.ini").write_text(written, encoding="latin-1")
    with pytest.raises(InvalidSetting, match=r"alembic\.ini"):
        alembic_config()


def test_no_file_of_the_library_is_opened_in_the_locales_encoding() -> None:
    """In a locale such as C, that is ASCII; on Windows, whatever was usual there."""
    library = Path(messages.__file__).parents[1]
    found = []
    for path in library.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and opens_text(call):
                found.append(f"{path.relative_to(library)}:{call.lineno}")
    assert found == []


def opens_text(call: ast.Call) -> bool:
    """Tell whether a call opens a file, or a process, as text of no stated encoding."""
    name = ast.unparse(call.func).rpartition(".")[2]
    said = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in said:
        return False
    if name in {"read_text", "write_text"}:
        return True
    if name == "open":
        mode = said.get("mode") or next(
            iter(call.args[0 if "." in ast.unparse(call.func) else 1 :]), None
        )
        return "b" not in ast.unparse(mode) if mode is not None else True
    return name in {"run", "Popen", "check_output"} and "text" in said


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+psycopg://ana:segredo@h:5432/d", "postgresql+psycopg://ana:***@h:5432/d"),
        ("sqlite:////tmp/a%20b.db", "sqlite:////tmp/a b.db"),
        (
            "postgresql+psycopg://h/d?password=segredo&sslmode=require&sslpassword=segredo",
            "postgresql+psycopg://h/d?password=***&sslmode=require&sslpassword=***",
        ),
        ("mysql+pymysql://h/d?passwd=segredo&charset=utf8mb4", "?passwd=***&charset=utf8mb4"),
        ("mysql+pymysql://h/d?ssl_key_password=segredo", "?ssl_key_password=***"),
        ("postgresql+psycopg://h/d?options=-c app.key=segredo", "?options=***"),
        (
            "postgresql+psycopg://h/d?host=a:1&host=b:2&token=segredo",
            "?host=a:1&host=b:2&token=***",
        ),
    ],
)
def test_a_url_is_shown_without_what_is_or_may_be_secret(url: str, expected: str) -> None:
    found = shown_url(make_url(url))
    assert found.endswith(expected) and "segredo" not in found


def test_what_a_driver_says_of_a_url_is_masked_too() -> None:
    url = make_url("postgresql://ana:se%2Fgr%40edo@h/d?sslpassword=chave 1")
    said = 'bad "se/gr@edo", se%2Fgr%40edo or chave 1, chave+1, chave%201; chave 12 is another'
    shown = 'bad "***", *** or ***, ***, ***; chave 12 is another'
    assert without_secrets(said, url) == shown


def test_every_url_that_is_said_is_shown_through_one_function() -> None:
    library = Path(messages.__file__).parents[1]
    found = []
    for path in library.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(call, ast.Call) and ast.unparse(call.func).endswith(".format")):
                continue
            found += [ast.unparse(each.value) for each in call.keywords if each.arg == "url"]
    # `url` and `shown` hold what it returned, and the sentinel of SQLite is named by its path.
    assert {each for each in found if "shown_url(" not in each} <= {"url", "shown", "self.name"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql+asyncpg://h/d?ssl=verify-full",
            "postgresql+psycopg://h/d?sslmode=verify-full",
        ),
        (
            "postgresql+asyncpg://h/d?prepared_statement_cache_size=0&command_timeout=5&timeout=7",
            "postgresql+psycopg://h/d?connect_timeout=7",
        ),
        (
            "postgresql+asyncpg://h/d?server_settings=x&port=1",
            "postgresql+psycopg://h/d?port=1",
        ),
        ("postgresql+asyncpg://h/d?target_session_attrs=any", "?target_session_attrs=any"),
        ("mysql+aiomysql://h/d?echo=1&charset=utf8mb4", "mysql+pymysql://h/d?charset=utf8mb4"),
        ("mysql+asyncmy://h/d?ssl=true&auth_plugin=x", "mysql+pymysql://h/d"),
        (
            "sqlite+aiosqlite:///a.db?iter_chunk_size=8&timeout=3",
            "sqlite+pysqlite:///a.db?timeout=3",
        ),
        ("postgresql+psycopg://h/d?ssl=mine", "postgresql+psycopg://h/d?ssl=mine"),
    ],
)
def test_an_asynchronous_drivers_words_are_translated_or_left_out(url: str, expected: str) -> None:
    found = sync_driver(make_url(url))
    assert found.render_as_string(hide_password=False).endswith(expected)


@pytest.mark.parametrize("driver", ["postgresql+asyncpg", "mysql+aiomysql"])
def test_what_no_driver_takes_is_a_sentence(root: Path, driver: str) -> None:
    url = make_url(f"{driver}://ana:segredo@127.0.0.1:1/d?nothing_known=segredo")
    with pytest.raises(DatabaseUnavailable) as refused, connect(url):
        raise AssertionError("it was opened")
    assert "nothing_known" in str(refused.value) and "segredo" not in str(refused.value)


@pytest.mark.parametrize(
    ("written", "driver"),
    [
        ("postgres://ana:x@h/shop", "postgresql"),
        ("postgres+psycopg://ana:x@h/shop", "postgresql+psycopg"),
        ("postgres+asyncpg://ana:x@h/shop", "postgresql+asyncpg"),
    ],
)
def test_postgres_is_what_providers_call_postgresql(
    root: Path, monkeypatch: pytest.MonkeyPatch, written: str, driver: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", written)
    assert service_url().drivername == driver
    assert migration_url().drivername == driver
    assert migration_url(alembic_config(written)).drivername == driver
    monkeypatch.setenv("MIGRATION_DATABASE_URL", written)
    assert migration_url().drivername == driver


def test_a_variable_of_the_environment_wins_over_dotenv(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ALAMBIQUE_A", "ALAMBIQUE_B"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    (root / ".env").write_text("ALAMBIQUE_A=dotenv\nALAMBIQUE_B=$A ${B}\n")
    monkeypatch.setenv("ALAMBIQUE_A", "environment")
    assert variable("ALAMBIQUE_A") == "environment"
    assert variable("ALAMBIQUE_B") == os.environ["ALAMBIQUE_B"] == "$A ${B}"
    assert variable("ALAMBIQUE_C") is None


def test_seconds_are_a_number(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIGRATION_LOCK_WAIT", raising=False)
    assert seconds("MIGRATION_LOCK_WAIT", 60) == 60
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "1.5")
    assert seconds("MIGRATION_LOCK_WAIT", 60) == 1.5
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "0")
    assert seconds("MIGRATION_LOCK_WAIT", 60) == 0


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "-inf", "-1", "1e7", "60s"])
def test_what_is_no_number_of_seconds_is_a_sentence(
    root: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("MIGRATION_LOCK_TIMEOUT", text)
    for ask in (lambda: seconds("MIGRATION_LOCK_TIMEOUT", 5), lambda: connect(SQLITE).__enter__()):
        with pytest.raises(InvalidSetting, match="MIGRATION_LOCK_TIMEOUT"):
            ask()


def test_the_project_is_found_from_below_and_remembered(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_project()
    below = root / "app" / "loja"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert project().root == root.resolve()
    monkeypatch.chdir("/")
    assert project().root == root.resolve()
    assert shown(below / "models.py") == "app/loja/models.py"


def test_the_table_says_where_models_are(root: Path) -> None:
    (root / "pyproject.toml").write_text(
        '[tool.alambique]\nlanguage = "pt"\nmodels = ["a", "b.c"]\nextra-models = ["d.E"]\n'
    )
    found = use_project(root)
    assert (found.models, found.extra_models, found.base) == (("a", "b.c"), ("d.E",), None)
    assert messages.language() == "pt"


@pytest.mark.parametrize("line", ['models = "app"', "models = [1]", "language = 1", "language ="])
def test_a_malformed_table_is_a_sentence(root: Path, line: str) -> None:
    (root / "pyproject.toml").write_text(f"[tool.alambique]\n{line}\n")
    with pytest.raises(InvalidSetting):
        use_project(root)
