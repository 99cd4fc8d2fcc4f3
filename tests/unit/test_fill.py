"""A new column gets its value without an UPDATE, where the rows get the same by its default."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from support.comparison import Revision, differences, opened, revision_for
from support.database import DATABASES

LONG_AGO = "2020-01-01 00:00:00"

# What notes each UPDATE of a row, and when the row was changed last.
WATCHES = {
    "sqlite": [
        "CREATE TRIGGER vigia AFTER UPDATE ON usuarios BEGIN"
        " INSERT INTO auditoria (usuario) VALUES (new.id); END"
    ],
    "postgresql": [
        "CREATE FUNCTION anota() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO auditoria (usuario) VALUES (new.id);"
        " new.atualizado := now(); RETURN new; END $$",
        "CREATE TRIGGER vigia BEFORE UPDATE ON usuarios FOR EACH ROW EXECUTE FUNCTION anota()",
    ],
    "mysql": [
        "CREATE TRIGGER vigia AFTER UPDATE ON usuarios FOR EACH ROW"
        " INSERT INTO auditoria (usuario) VALUES (new.id)",
        "ALTER TABLE usuarios MODIFY atualizado DATETIME NULL ON UPDATE CURRENT_TIMESTAMP",
    ],
}
# An expression that is another value in each row.
CHANCE = {"sqlite": "hex(randomblob(8))", "postgresql": "random()::text", "mysql": "rand()"}


@pytest.fixture(params=DATABASES)
def connection(
    request: pytest.FixtureRequest, new_database: Callable[[str], str]
) -> Iterator[sa.Connection]:
    """A database on each server, with users that somebody watches."""
    with opened(new_database(request.param)) as connection:
        users().create_all(connection)
        for statement in WATCHES[request.param]:
            connection.exec_driver_sql(statement)
        for id in 1, 2, 3:
            row = f"({id}, {id * 10}, '{LONG_AGO}')"
            connection.exec_driver_sql(f"INSERT INTO usuarios (id, idade, atualizado) VALUES {row}")
        connection.commit()
        yield connection


def users(*columns: sa.Column[Any], **changed: Any) -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table(
        "usuarios",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("idade", sa.Integer, **changed),
        sa.Column("atualizado", sa.DateTime),
        *columns,
    )
    sa.Table(
        "auditoria",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("usuario", sa.Integer),
    )
    return metadata


def new(name: str, type_: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=False)


def written(connection: sa.Connection, models: sa.MetaData, *said: str) -> Revision:
    revision = revision_for(connection, models, *said)
    assert revision is not None
    connection.commit()
    return revision


def values(connection: sa.Connection, column: str) -> list[Any]:
    query = f"SELECT {column} FROM usuarios ORDER BY id"
    return list(connection.exec_driver_sql(query).scalars())


def touched(connection: sa.Connection) -> list[int]:
    """Return which users were updated, as their trigger noted, or as their time says."""
    noted = list(connection.exec_driver_sql("SELECT usuario FROM auditoria").scalars())
    recent = f"SELECT id FROM usuarios WHERE atualizado > '{LONG_AGO}'"
    return sorted({*noted, *connection.exec_driver_sql(recent).scalars()})


def test_a_value_is_a_default_that_goes_again(connection: sa.Connection) -> None:
    models = users(new("cpf", sa.String(20)), new("pontos", sa.Integer), new("dia", sa.DateTime))
    revision = written(
        connection,
        models,
        "fill=usuarios.cpf:'1:2%; :x'",
        "fill=usuarios.pontos:1 + 1",
        "fill=usuarios.dia:CURRENT_TIMESTAMP",
    )
    assert "UPDATE" not in revision.source

    for _ in range(2):
        revision.upgrade()
        assert differences(connection, models) == ""  # there is no default any more
        assert values(connection, "cpf") == ["1:2%; :x"] * 3
        assert values(connection, "pontos") == [2] * 3
        assert len(set(values(connection, "dia"))) == 1
        assert touched(connection) == []
        revision.downgrade()
        assert differences(connection, users()) == ""
        assert values(connection, "idade") == [10, 20, 30]
    assert touched(connection) == []


def test_each_row_gets_a_value_of_its_own(connection: sa.Connection) -> None:
    models = users(new("sorte", sa.String(40)))
    said = f"fill=usuarios.sorte:{CHANCE[connection.dialect.name]}"
    revision = written(connection, models, said)
    revision.upgrade()
    assert len(set(values(connection, "sorte"))) == 3

    # MariaDB would work a default out once.
    is_mysql = connection.dialect.name == "mysql"
    assert ("UPDATE" in revision.source) is is_mysql
    assert touched(connection) == ([1, 2, 3] if is_mysql else [])


# MariaDB does not read a table that it updates.
@pytest.mark.parametrize(
    ("connection", "value"),
    [
        *((database, "idade + 1") for database in ("sqlite", "postgresql", "mysql")),
        *(
            (database, "(SELECT max(u.id) FROM usuarios u)")
            for database in ("sqlite", "postgresql")
        ),
    ],
    indirect=["connection"],
)
def test_what_is_no_default_is_an_update(connection: sa.Connection, value: str) -> None:
    models = users(new("anos", sa.Integer))
    revision = written(connection, models, f"fill=usuarios.anos:{value}")
    assert "UPDATE usuarios SET anos" in revision.source
    revision.upgrade()
    assert values(connection, "anos") == ([11, 21, 31] if "idade" in value else [3] * 3)
    assert differences(connection, models) == ""
    revision.downgrade()
    assert differences(connection, users()) == ""


def test_only_rows_without_a_value_are_updated(connection: sa.Connection) -> None:
    connection.exec_driver_sql(
        "INSERT INTO usuarios (id, idade, atualizado) VALUES (4, NULL, NULL)"
    )
    connection.commit()
    revision = written(connection, users(nullable=False), "fill=usuarios.idade:40")
    revision.upgrade()
    assert values(connection, "idade") == [10, 20, 30, 40]
    assert touched(connection) == [4]


def test_a_type_stays_in_its_schema(new_database: Callable[[str], str]) -> None:
    """The new column's enum is another schema's, where the table's own has one of that name."""
    with opened(new_database("postgresql")) as connection:
        for statement in (
            "CREATE SCHEMA vendas",
            "CREATE TYPE estado AS ENUM ('a', 'b')",
            "CREATE TYPE vendas.estado AS ENUM ('x')",
            "CREATE TABLE vendas.itens (id integer PRIMARY KEY)",
            "INSERT INTO vendas.itens VALUES (1)",
        ):
            connection.exec_driver_sql(statement)
        connection.commit()
        models = sa.MetaData()
        state = sa.Enum("a", "b", name="estado", schema="public", metadata=models)
        key = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table("itens", models, key, new("estado", state), schema="vendas")

        revision = written(connection, models, "fill=vendas.itens.estado:'b'")
        revision.upgrade()
        assert connection.exec_driver_sql("SELECT estado FROM vendas.itens").scalars().all() == [
            "b"
        ]
