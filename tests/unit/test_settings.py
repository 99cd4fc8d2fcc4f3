"""Which project, in which language, on which database: decided in one place."""

import os
from argparse import Namespace
from pathlib import Path

import pytest
from alambique import messages
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
    use_project,
    variable,
)

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


def test_postgres_is_what_providers_call_postgresql(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://ana:x@h/shop")
    assert service_url().get_backend_name() == "postgresql"


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
    monkeypatch.setenv("MIGRATION_LOCK_WAIT", "soon")
    with pytest.raises(InvalidSetting, match="MIGRATION_LOCK_WAIT"):
        seconds("MIGRATION_LOCK_WAIT", 60)


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
