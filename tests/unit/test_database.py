"""Connections keep what migrations promise on SQLite, and say in a sentence why they cannot."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique.database import error_codes
from alambique.database.capabilities import Lock, capabilities
from alambique.database.creation import create_missing_database, scratch_database
from alambique.database.engine import connect
from alambique.database.errors import DatabaseUnavailable
from alembic.util import CommandError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import StaticPool


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
