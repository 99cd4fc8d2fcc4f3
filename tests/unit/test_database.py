"""Connections keep what migrations promise on SQLite, and say in a sentence why they cannot."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.database import error_codes
from alambique.database.capabilities import Lock, capabilities
from alambique.database.creation import create_missing_database, scratch_database
from alambique.database.engine import connect
from alambique.database.errors import DatabaseUnavailable
from alambique.database.unproven import IN_HOST, IN_VERSION, SETTING, unproven
from alembic.util import CommandError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import StaticPool

from support.servers import server_url


@pytest.fixture
def url(tmp_path: Path) -> URL:
    """A database that is not there yet."""
    return make_url(f"sqlite:///{tmp_path}/deep/app.db")


def test_ddl_is_undone_with_its_transaction(url: URL) -> None:
    assert create_missing_database(url)
    assert not create_missing_database(url)
    with connect(url) as connection:
        connection.execute(sa.text("CREATE TABLE t (id INTEGER)"))
        connection.rollback()
        assert sa.inspect(connection).get_table_names() == []


def test_keys_say_what_sqlalchemy_overlooks(url: URL) -> None:
    create_missing_database(url)
    with connect(url) as connection:
        for statement in (
            "CREATE TABLE p (id INTEGER PRIMARY KEY)",
            "CREATE TABLE c (id TEXT PRIMARY KEY, p INTEGER REFERENCES p ON DELETE CASCADE)",
            "ATTACH ':memory:' AS outro",
            "CREATE TABLE outro.c (id TEXT, p INTEGER REFERENCES p ON UPDATE SET NULL)",
        ):
            connection.connection.cursor().execute(statement)
        inspector = sa.inspect(connection)
        (key,) = inspector.get_foreign_keys("c")
        (other,) = inspector.get_foreign_keys("c", schema="outro")
        columns = {each["name"]: each["nullable"] for each in inspector.get_columns("c")}

    assert key["options"] == {"ondelete": "CASCADE"}
    assert other["options"] == {"onupdate": "SET NULL"}
    assert columns == {"id": False, "p": True}


def test_a_key_in_other_letters_leads_to_the_table_as_it_is_called(url: URL) -> None:
    create_missing_database(url)
    with connect(url) as connection:
        for statement in (
            "CREATE TABLE Parent (Id INTEGER PRIMARY KEY, Code TEXT, UNIQUE (Id, Code))",
            "CREATE TABLE c (pId INTEGER, code TEXT, a INT REFERENCES PARENT, b INT"
            " REFERENCES gone (x), FOREIGN KEY (pid, Code) REFERENCES parent (ID, code))",
        ):
            connection.connection.cursor().execute(statement)
        keys = sa.inspect(connection).get_foreign_keys("c")

    assert {tuple(key["constrained_columns"]): key["referred_columns"] for key in keys} == {
        ("a",): ["Id"],
        ("b",): ["x"],
        ("pId", "code"): ["Id", "Code"],
    }
    assert sorted(key["referred_table"] for key in keys) == ["Parent", "Parent", "gone"]


def test_a_borrowed_connection_comes_back_as_it_was() -> None:
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as given:
        given.exec_driver_sql("PRAGMA foreign_keys=ON")
        given.commit()
        driver = given.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        before = driver.isolation_level
        with connect(make_url("sqlite://"), given) as connection:
            assert connection is given
            assert driver.isolation_level is None
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 0
            connection.rollback()
        assert driver.isolation_level == before
        assert given.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_connection_in_a_transaction_is_refused() -> None:
    with sa.create_engine("sqlite://").connect() as given:
        given.begin()
        with pytest.raises(CommandError), connect(make_url("sqlite://"), given):
            raise AssertionError("it was taken")


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    path.write_text("not a database, but long enough to look like a header of one" * 20)
    with (
        pytest.raises(DatabaseUnavailable, match=r"app\.db"),
        connect(make_url(f"sqlite:///{path}")),
    ):
        raise AssertionError("it was opened")


def test_a_scratch_database_is_gone_afterwards(url: URL) -> None:
    with scratch_database(url) as scratch:
        assert scratch.database != url.database
        create_missing_database(scratch)
        assert Path(str(scratch.database)).exists()
    assert not Path(str(scratch.database)).exists()


def test_capabilities_are_asked_by_backend() -> None:
    assert capabilities("sqlite").rebuilds_tables
    assert capabilities("mariadb") is capabilities("mysql")
    assert capabilities("postgresql").lock is Lock.ADVISORY
    with pytest.raises(CommandError, match="oracle"):
        capabilities("oracle")


def test_codes_come_from_the_error_never_from_its_text() -> None:
    import psycopg.errors
    import pymysql

    locked = psycopg.errors.LockNotAvailable("whatever it says")
    assert error_codes.codes(locked) & error_codes.BUSY
    waited = pymysql.err.OperationalError(1205, "whatever it says")
    assert error_codes.codes(waited) & error_codes.BUSY
    quoted = pymysql.err.IntegrityError(1062, "Duplicate entry 'already exists'")
    assert not error_codes.codes(quoted) & error_codes.ALREADY_DONE
    assert error_codes.codes(None) == frozenset()


@pytest.fixture
def said_to_be(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], URL]]:
    """Have a real PostgreSQL say that it is another server: its `version()` is found before."""
    monkeypatch.delenv(SETTING, raising=False)
    with scratch_database(server_url("postgresql")) as scratch:

        def say(version: str) -> URL:
            with connect(scratch) as connection:
                connection.exec_driver_sql(
                    "CREATE OR REPLACE FUNCTION public.version() RETURNS text LANGUAGE sql "
                    f"AS $$ SELECT '{version}' $$"
                )
                connection.commit()
            options = "-c search_path=public,pg_catalog"
            return scratch.update_query_dict({"options": options})

        yield say


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu, built 2023/09/27)", "cockroachdb"),
        ("PostgreSQL 11.2-YB-2.20.1.0-b0 on x86_64-pc-linux-gnu", "yugabytedb"),
        ("PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, Redshift 1.0.50", "redshift"),
    ],
)
def test_a_server_that_only_speaks_alike_is_refused(
    said_to_be: Callable[[str], URL], version: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = said_to_be(version)
    with pytest.raises(CommandError) as refused, connect(url):
        pass
    assert messages.UNPROVEN[name] in str(refused.value) and SETTING in str(refused.value)

    monkeypatch.setenv(SETTING, "1")
    with connect(url) as connection:
        assert connection.scalar(sa.text("SELECT version()")) == version


def test_a_lent_connection_is_looked_at_too(said_to_be: Callable[[str], URL]) -> None:
    url = said_to_be("PostgreSQL 11.2-YB-2.20.1.0-b0 on x86_64-pc-linux-gnu")
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as lent:
        with pytest.raises(CommandError) as refused, connect(url, lent):
            pass
        assert messages.UNPROVEN["yugabytedb"] in str(refused.value)
        assert not lent.in_transaction()


@pytest.mark.parametrize(
    ("version", "host", "name"),
    [
        ("PostgreSQL 15.8 on x86_64-pc-linux-gnu", "db.example.com", None),
        ("10.11.6-MariaDB-0+deb12u1", "db.example.com", None),
        ("8.0.11-TiDB-v7.5.0", "db.example.com", "tidb"),
        ("PostgreSQL 16", "abc.dsql.us-east-1.on.aws", "dsql"),
    ],
)
def test_what_a_server_is_shows_in_its_version_or_its_place(
    version: str, host: str, name: str | None
) -> None:
    assert unproven(version, URL.create("postgresql", host=host)) == name


def test_each_server_that_is_refused_has_its_reason() -> None:
    assert messages.UNPROVEN.keys() == {*IN_VERSION.values(), *IN_HOST.values()}
