"""A downgrade says which rows it drops, wherever they are and whatever they are called."""

import io
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alambique import messages
from alambique.database.creation import create_missing_database
from alambique.history.status import current_heads
from alambique.history.undo import Loss, rows_lost
from alambique.names import ColumnName, TableName
from alambique.settings import alembic_config
from alambique.tools import downgrade
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.engine import make_url

from support.minimal import Minimal, minimal_project

COLUMNS = 'sa.Column("id", sa.Integer, primary_key=True), sa.Column("nome", sa.String(9))'


@pytest.fixture
def project(tmp_path: Path) -> Minimal:
    return minimal_project(tmp_path)


def table(name: str, schema: str | None = None) -> str:
    """Return the line of a revision that creates a table."""
    return f"op.create_table({name!r}, {COLUMNS}, schema={schema!r})"


def fill(config: Config, *tables: sa.TableClause) -> None:
    """Put two rows in each table, one of them with a name."""
    given = config.attributes.get("connection")
    if given is None:
        with sa.create_engine(config.attributes["url"], poolclass=sa.NullPool).begin() as new:
            insert(new, tables)
        return
    insert(given, tables)
    given.commit()


def insert(connection: sa.Connection, tables: tuple[sa.TableClause, ...]) -> None:
    """Put two rows in each table, one of them with a name."""
    for each in tables:
        clause = sa.table(each.name, sa.column("id"), sa.column("nome"), schema=each.schema)
        rows: list[dict[str, Any]] = [{"id": 1, "nome": "um"}, {"id": 2, "nome": None}]
        connection.execute(clause.insert(), rows)


@pytest.fixture
def config(project: Minimal) -> Config:
    return alembic_config(f"sqlite:///{project.root}/app.db")


def test_rows_are_counted_in_tables_and_columns(project: Minimal, config: Config) -> None:
    project.revision(
        "a1",
        upgrade=f"{table('usuarios')}\n{table('vazia')}",
        downgrade='op.drop_table("usuarios")\nop.drop_table("vazia")',
    )
    project.revision("b2", "a1", downgrade='op.drop_column("usuarios", "nome")')
    project.revision("c3", "b2", downgrade='op.drop_column("usuarios", "nada")')
    assert rows_lost(config, "base") == []
    command.upgrade(config, "head")
    assert rows_lost(config, "base") == []
    fill(config, sa.table("usuarios"))
    usuarios = TableName("usuarios")
    assert rows_lost(config, "-1") == []
    assert rows_lost(config, "a1") == [Loss(usuarios.column("nome"), 1)]
    assert rows_lost(config, "base") == [Loss(usuarios.column("nome"), 1), Loss(usuarios, 2)]


def test_rows_are_found_under_the_names_of_today(project: Minimal, config: Config) -> None:
    project.revision("a1", upgrade=table("velha"), downgrade='op.drop_table("velha")')
    project.revision(
        "b2",
        "a1",
        upgrade='op.alter_column("velha", "nome", new_column_name="apelido")',
        downgrade="""
        op.alter_column("velha", "apelido", new_column_name="nome")
        op.drop_column("velha", "nome")
        """,
    )
    project.revision(
        "c3",
        "b2",
        upgrade='op.rename_table("velha", "nova")',
        downgrade='op.rename_table("nova", "velha")',
    )
    command.upgrade(config, "a1")
    fill(config, sa.table("velha"))
    command.upgrade(config, "head")
    nova = TableName("nova")
    assert rows_lost(config, "base") == [Loss(ColumnName(nova, "apelido"), 1), Loss(nova, 2)]


def test_a_dot_is_part_of_a_name(project: Minimal, config: Config) -> None:
    project.revision("a1", upgrade=table("a.b"), downgrade='op.drop_table("a.b")')
    command.upgrade(config, "head")
    fill(config, sa.table("a.b"))
    assert rows_lost(config, "base") == [Loss(TableName("a.b"), 2)]


def test_an_attached_database_is_looked_into(project: Minimal) -> None:
    project.revision(
        "a1",
        upgrade=f"{table('itens')}\n{table('itens', 'vendas')}",
        downgrade='op.drop_table("itens", schema="vendas")',
    )
    with sa.create_engine("sqlite://").connect() as connection:
        connection.execute(sa.text(f"ATTACH '{project.root}/vendas.db' AS vendas"))
        connection.commit()
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        fill(config, sa.table("itens", schema="vendas"))
        assert rows_lost(config, "base") == [Loss(TableName("itens", "vendas"), 2)]
        command.downgrade(config, "base")
        assert sa.inspect(connection).get_table_names(schema="vendas") == []


def test_a_schema_of_postgresql_is_looked_into(
    project: Minimal, new_database: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    url = new_database("postgresql")
    create_missing_database(make_url(url))
    config = alembic_config(url)
    project.revision(
        "a1",
        upgrade=f"""
        op.execute("CREATE SCHEMA vendas")
        {table("itens")}
        {table("itens", "vendas")}
        {table("a.b", "vendas")}
        """,
        downgrade="""
        op.drop_table("itens", schema="vendas")
        op.drop_table("a.b", schema="vendas")
        op.drop_table("itens")
        """,
    )
    project.revision(
        "b2",
        "a1",
        downgrade="""
        with op.batch_alter_table("itens", schema="vendas") as batch:
            batch.drop_column("nome")
        """,
    )
    command.upgrade(config, "head")
    fill(config, sa.table("itens", schema="vendas"), sa.table("a.b", schema="vendas"))
    itens = TableName("itens", "vendas")
    expected = [Loss(itens.column("nome"), 1), Loss(itens, 2), Loss(TableName("a.b", "vendas"), 2)]
    assert rows_lost(config, "base") == expected

    refused = downgrade.run(Namespace(url=url, to="base", yes=False))
    said = capsys.readouterr()
    assert refused == 1 and current_heads(config) == ("b2",)
    assert 'vendas."a.b": 2' in said.out and "vendas.itens.nome: 1" in said.out
    assert messages.NOT_CONFIRMED.format(command="make downgrade to=base yes=1") in said.err


def test_the_rows_are_counted_where_they_are_dropped(
    project: Minimal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """1.2 counted in DATABASE_URL, and dropped in the database that alembic.ini names."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    project.revision("a1", upgrade=table("usuarios"), downgrade='op.drop_table("usuarios")')
    service = f"sqlite:///{project.root}/service.db"
    command.upgrade(alembic_config(service), "head")
    command.upgrade(alembic_config(), "head")
    fill(alembic_config(f"sqlite:///{project.root}/app.db"), sa.table("usuarios"))

    monkeypatch.setenv("DATABASE_URL", service)
    typed = Namespace(url=None, to="-1", yes=False)
    assert downgrade.run(typed) == 1
    assert messages.ROWS.format(name="usuarios", rows=2) in capsys.readouterr().out
    assert current_heads(alembic_config()) == ("a1",)

    monkeypatch.setattr("alambique.history.undo.confirmed", lambda question: True)
    assert downgrade.run(typed) == 0
    assert current_heads(alembic_config()) == ()
    assert current_heads(alembic_config(service)) == ("a1",)
    assert downgrade.run(typed) == 0
    assert messages.NOTHING_TO_UNDO in capsys.readouterr().out


def test_yes_says_what_is_dropped_and_does_not_ask(
    project: Minimal, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    project.revision("a1", upgrade=table("usuarios"), downgrade='op.drop_table("usuarios")')
    command.upgrade(config, "head")
    fill(config, sa.table("usuarios"))
    assert downgrade.run(Namespace(url=config.attributes["url"], to="-1", yes=True)) == 0
    assert "usuarios: 2" in capsys.readouterr().out
    assert current_heads(config) == ()


def test_a_database_that_is_ahead_is_told_so(project: Minimal, config: Config) -> None:
    project.revision("a1")
    last = project.revision("b2", "a1")
    command.upgrade(config, "head")
    last.unlink()
    with pytest.raises(CommandError) as refused:
        rows_lost(config, "base")
    assert str(refused.value) == messages.AHEAD.format(database="b2", code="a1")
