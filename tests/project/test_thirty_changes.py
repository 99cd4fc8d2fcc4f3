"""Thirty changes of models, each written, applied, undone and applied again over rows.

Each is a line of the list below: the models before and after, the rows that are there, what a
person has to say, and what the rows are afterwards. Going back, they are what they were, unless
the change itself gives something up.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.consent import give_up_everything
from support.database import DATABASES
from support.evolution import new_service

Rows = dict[str, list[dict[str, Any]]]

POSTGRESQL, SERVERS = ["postgresql"], ["postgresql", "mysql"]
ID = "Column('id', Integer, primary_key=True)"
NOME = "Column('nome', String(50), nullable=False)"
ANA = {"id": 1, "nome": "Ana"}


def table(name: str, *parts: str, key: str = ID) -> str:
    """Return a table of the models, with a key of its own."""
    return f"Table({name!r}, metadata, {', '.join([*([key] if key else []), *parts])})\n"


def enum(*members: str, native: bool = True) -> str:
    """Return a column whose values are these."""
    named = ", ".join(map(repr, members))
    return f"Column('cor', Enum({named}, name='cor', native_enum={native}, length=20))"


@dataclass
class Change:
    """What somebody does to models."""

    what: str
    before: str
    after: str
    rows: Rows
    now: Rows = field(default_factory=dict)
    """The rows afterwards, of the tables where they are others."""
    back: Rows = field(default_factory=dict)
    """The rows once it is undone, where something was given up."""
    said: Sequence[str] = ()
    on: Sequence[str] = tuple(DATABASES)

    @property
    def rows_afterwards(self) -> Rows:
        """The rows that are there with the revision."""
        return self.rows | self.now

    @property
    def rows_undone(self) -> Rows:
        """The rows that are there without it, once it was there."""
        return self.rows | self.back


USUARIOS = table("usuarios", NOME)
PEDIDOS = table("pedidos", NOME)
REFERS = "Column('usuario_id', ForeignKey('usuarios.id'{}))"
UM: Rows = {"pedidos": [{"id": 1, "nome": "um"}]}

CHANGES = [
    # Tables
    Change(
        "a table comes",
        USUARIOS,
        USUARIOS + table("pedidos", REFERS.format("")),
        {"usuarios": [ANA]},
        now={"pedidos": []},
        back={"pedidos": None},  # type: ignore[dict-item]
    ),
    Change(
        "a table goes",
        USUARIOS + PEDIDOS,
        USUARIOS,
        {"usuarios": [ANA], **UM},
        now={"pedidos": None},  # type: ignore[dict-item]
        back={"pedidos": []},
        said=["drop=pedidos"],
    ),
    Change(
        "a table is renamed",
        PEDIDOS,
        table("compras", NOME),
        UM,
        now={"pedidos": None, "compras": UM["pedidos"]},  # type: ignore[dict-item]
        back={"compras": None},  # type: ignore[dict-item]
        said=["rename=pedidos:compras"],
    ),
    Change(
        "two tables that refer to each other",
        USUARIOS,
        table("usuarios", NOME, "Column('melhor_id', ForeignKey('pedidos.id', name='fk_melhor'))")
        + table("pedidos", "Column('de', ForeignKey('usuarios.id', name='fk_de'))"),
        {"usuarios": [ANA]},
        now={"usuarios": [ANA | {"melhor_id": None}]},
    ),
    Change(
        "an association table",
        USUARIOS + PEDIDOS,
        USUARIOS + PEDIDOS + "Table('feitos', metadata,"
        " Column('usuario_id', ForeignKey('usuarios.id'), primary_key=True),"
        " Column('pedido_id', ForeignKey('pedidos.id'), primary_key=True))\n",
        {"usuarios": [ANA], **UM},
        now={"feitos": []},
    ),
    Change(
        "a table that refers to itself",
        PEDIDOS,
        table("pedidos", NOME, "Column('pai_id', ForeignKey('pedidos.id'))"),
        UM,
        now={"pedidos": [{"id": 1, "nome": "um", "pai_id": None}]},
    ),
    Change(
        "a table in a schema",
        "",
        table("pedidos", NOME, "schema='vendas'") + PEDIDOS,
        {},
        now={"pedidos": []},
        on=POSTGRESQL,
    ),
    Change(
        "a table gets a comment, and a column another one",
        table("pedidos", "Column('nome', String(50), comment='um')"),
        table("pedidos", "Column('nome', String(50), comment='dois')", "comment='todos'"),
        UM,
        on=SERVERS,
    ),
    # Columns
    Change(
        "a column that may be null comes",
        PEDIDOS,
        table("pedidos", NOME, "Column('quando', DateTime)"),
        UM,
        now={"pedidos": [{"id": 1, "nome": "um", "quando": None}]},
    ),
    Change(
        "a column that may not be null comes, filled",
        PEDIDOS,
        table("pedidos", NOME, "Column('idade', Integer, nullable=False)"),
        UM,
        now={"pedidos": [{"id": 1, "nome": "um", "idade": 18}]},
        said=["fill=pedidos.idade:18"],
    ),
    Change(
        "a column goes",
        table("pedidos", NOME, "Column('idade', Integer)"),
        PEDIDOS,
        {"pedidos": [{"id": 1, "nome": "um", "idade": 7}]},
        now=UM,
        back={"pedidos": [{"id": 1, "nome": "um", "idade": None}]},
        said=["drop=pedidos.idade"],
    ),
    Change(
        "a column is renamed",
        PEDIDOS,
        table("pedidos", "Column('titulo', String(50), nullable=False)"),
        UM,
        now={"pedidos": [{"id": 1, "titulo": "um"}]},
        said=["rename=pedidos.nome:titulo"],
    ),
    Change(
        "two columns change places",
        table("pedidos", "Column('a', String(9))", "Column('b', String(9))"),
        table("pedidos", "Column('b', String(9))", "Column('a', String(9))"),
        {"pedidos": [{"id": 1, "a": "1", "b": "2"}]},
        now={"pedidos": [{"id": 1, "a": "2", "b": "1"}]},
        said=["rename=pedidos.a:b", "rename=pedidos.b:a"],
    ),
    Change(
        "a column may no longer be null",
        table("pedidos", "Column('nome', String(50))"),
        PEDIDOS,
        {"pedidos": [{"id": 1, "nome": "um"}, {"id": 2, "nome": None}]},
        now={"pedidos": [{"id": 1, "nome": "um"}, {"id": 2, "nome": "-"}]},
        back={"pedidos": [{"id": 1, "nome": "um"}, {"id": 2, "nome": "-"}]},
        said=["fill=pedidos.nome:'-'"],
    ),
    Change(
        "a column may be null from now on",
        PEDIDOS,
        table("pedidos", "Column('nome', String(50))"),
        UM,
    ),
    Change(
        "a default comes",
        PEDIDOS,
        table("pedidos", "Column('nome', String(50), nullable=False, server_default='novo')"),
        UM,
    ),
    Change(
        "a default changes, and another goes",
        table(
            "pedidos",
            "Column('n', Integer, server_default='1')",
            "Column('m', Integer, server_default='2')",
        ),
        table("pedidos", "Column('n', Integer, server_default='3')", "Column('m', Integer)"),
        {"pedidos": [{"id": 1, "n": 1, "m": 2}]},
    ),
    Change(
        "a computed column",
        table("pedidos", "Column('n', Integer)"),
        table("pedidos", "Column('n', Integer)", "Column('dobro', Integer, Computed('n * 2'))"),
        {"pedidos": [{"id": 1, "n": 4}]},
        now={"pedidos": [{"id": 1, "n": 4, "dobro": 8}]},
    ),
    Change(
        "an identity column",
        PEDIDOS,
        table("pedidos", NOME, "Column('numero', Integer, Identity())"),
        UM,
        now={"pedidos": [{"id": 1, "nome": "um", "numero": 1}]},
        on=POSTGRESQL,
    ),
    # Types
    Change(
        "a text gets longer",
        PEDIDOS,
        table("pedidos", "Column('nome', String(200), nullable=False)"),
        UM,
    ),
    Change(
        "a text gets shorter",
        table("pedidos", "Column('nome', String(200), nullable=False)"),
        PEDIDOS,
        UM,
        said=["retype=pedidos.nome"],
    ),
    Change(
        "a number becomes a text",
        table("pedidos", "Column('n', Integer)"),
        table("pedidos", "Column('n', String(20))"),
        {"pedidos": [{"id": 1, "n": 7}]},
        now={"pedidos": [{"id": 1, "n": "7"}]},
    ),
    Change(
        "a text becomes a number, which needs a USING",
        table("pedidos", "Column('n', String(20))"),
        table("pedidos", "Column('n', Integer)"),
        {"pedidos": [{"id": 1, "n": "7"}]},
        now={"pedidos": [{"id": 1, "n": 7}]},
        said=["retype=pedidos.n"],
    ),
    Change(
        "a number gets more digits",
        table("pedidos", "Column('preco', Numeric(8, 2))"),
        table("pedidos", "Column('preco', Numeric(12, 2))"),
        {"pedidos": [{"id": 1, "preco": "12.25"}]},
    ),
    Change(
        "a text becomes JSON",
        table("pedidos", "Column('dados', Text)"),
        table("pedidos", "Column('dados', JSON)"),
        {"pedidos": [{"id": 1, "dados": '{"a": 1}'}]},
        said=["retype=pedidos.dados"],
    ),
    Change(
        "a JSON column comes, which may not be null",
        PEDIDOS,
        table("pedidos", NOME, "Column('dados', JSON, nullable=False)"),
        UM,
        now={"pedidos": [{"id": 1, "nome": "um", "dados": "{}"}]},
        said=["fill=pedidos.dados:'{}'"],
    ),
    # Enums
    Change(
        "a member of an enum comes",
        table("pedidos", enum("azul", "verde")),
        table("pedidos", enum("azul", "verde", "rosa")),
        {"pedidos": [{"id": 1, "cor": "verde"}]},
        on=SERVERS,
    ),
    Change(
        "a member of an enum goes",
        table("pedidos", enum("azul", "verde", "rosa")),
        table("pedidos", enum("azul", "verde")),
        {"pedidos": [{"id": 1, "cor": "verde"}]},
        said=["retype=pedidos.cor"],
        on=SERVERS,
    ),
    Change(
        "the members of an enum come in another order",
        table("pedidos", enum("azul", "verde")),
        table("pedidos", enum("verde", "azul")),
        {"pedidos": [{"id": 1, "cor": "verde"}]},
        on=POSTGRESQL,
    ),
    Change(
        "an enum that is no type becomes one",
        table("pedidos", enum("azul", "verde", native=False)),
        table("pedidos", enum("azul", "verde")),
        {"pedidos": [{"id": 1, "cor": "verde"}]},
        said=["retype=pedidos.cor"],
        on=SERVERS,
    ),
    # Keys, constraints and indexes
    Change(
        "another primary key",
        "Table('pedidos', metadata, Column('a', Integer, primary_key=True, autoincrement=False),"
        " Column('b', Integer, nullable=False))\n",
        "Table('pedidos', metadata, Column('a', Integer, primary_key=True, autoincrement=False),"
        " Column('b', Integer, primary_key=True, autoincrement=False))\n",
        {"pedidos": [{"a": 1, "b": 2}, {"a": 2, "b": 2}]},
        said=["drop=pedidos.pk_pedidos"],
        on=["sqlite", "postgresql"],
    ),
    Change(
        "another primary key, which has no name",
        "Table('pedidos', metadata, Column('a', Integer, primary_key=True, autoincrement=False),"
        " Column('b', Integer, nullable=False))\n",
        "Table('pedidos', metadata, Column('a', Integer, primary_key=True, autoincrement=False),"
        " Column('b', Integer, primary_key=True, autoincrement=False))\n",
        {"pedidos": [{"a": 1, "b": 2}, {"a": 2, "b": 2}]},
        said=["drop=pedidos.a"],
        on=["mysql"],
    ),
    Change(
        "a key of two columns",
        "Table('caixas', metadata, Column('a', Integer, primary_key=True),"
        " Column('b', Integer, primary_key=True))\n" + PEDIDOS,
        "Table('caixas', metadata, Column('a', Integer, primary_key=True),"
        " Column('b', Integer, primary_key=True))\n"
        + table(
            "pedidos",
            NOME,
            "Column('a', Integer)",
            "Column('b', Integer)",
            "ForeignKeyConstraint(['a', 'b'], ['caixas.a', 'caixas.b'])",
        ),
        {"caixas": [{"a": 1, "b": 1}], **UM},
        now={"pedidos": [{"id": 1, "nome": "um", "a": None, "b": None}]},
    ),
    Change(
        "a key cascades from now on",
        USUARIOS + table("pedidos", REFERS.format("")),
        USUARIOS + table("pedidos", REFERS.format(", ondelete='CASCADE'")),
        {"usuarios": [ANA], "pedidos": [{"id": 1, "usuario_id": 1}]},
    ),
    Change(
        "a key goes, and its column stays",
        USUARIOS + table("pedidos", REFERS.format("")),
        USUARIOS + table("pedidos", "Column('usuario_id', Integer)"),
        {"usuarios": [ANA], "pedidos": [{"id": 1, "usuario_id": 1}]},
        said=["drop=pedidos.fk_pedidos_usuario_id_usuarios"],
    ),
    Change(
        "a UNIQUE over two columns comes",
        table("pedidos", NOME, "Column('n', Integer)"),
        table("pedidos", NOME, "Column('n', Integer)", "UniqueConstraint('nome', 'n')"),
        {"pedidos": [{"id": 1, "nome": "um", "n": 1}]},
    ),
    Change(
        "a CHECK says something else",
        table("pedidos", "Column('n', Integer)", "CheckConstraint('n > 0', name='positivo')"),
        table("pedidos", "Column('n', Integer)", "CheckConstraint('n >= 0', name='positivo')"),
        {"pedidos": [{"id": 1, "n": 4}]},
    ),
    Change(
        "an index comes",
        PEDIDOS,
        table("pedidos", "Column('nome', String(50), nullable=False, index=True)"),
        UM,
    ),
    Change(
        "a partial index, unique",
        PEDIDOS,
        table(
            "pedidos",
            NOME,
            "Index('ix_nome', 'nome', unique=True, postgresql_where=text('id > 0'),"
            " sqlite_where=text('id > 0'))",
        ),
        UM,
        on=["sqlite", "postgresql"],
    ),
    Change(
        "an index over an expression",
        PEDIDOS,
        table("pedidos", NOME, "Index('ix_nome', text('lower(nome)'))"),
        UM,
        on=POSTGRESQL,
    ),
    Change(
        "an index becomes unique",
        table("pedidos", "Column('nome', String(50), nullable=False, index=True)"),
        table("pedidos", "Column('nome', String(50), nullable=False, index=True, unique=True)"),
        UM,
    ),
]


def cells() -> list[Any]:
    """Return each change on each of its databases: one of them in a short run, in turns."""
    found = []
    for place, change in enumerate(CHANGES):
        chosen = change.on[place % len(change.on)]
        for database in change.on:
            marks = () if database == chosen else (pytest.mark.full,)
            name = f"{change.what.replace(' ', '_')}-{database}"
            found.append(pytest.param(change, database, id=name, marks=marks))
    return found


def test_the_list_is_long_enough() -> None:
    assert len(CHANGES) >= 30
    for database in DATABASES:
        assert len([each for each in CHANGES if database in each.on]) >= 30


@pytest.mark.parametrize(("change", "database"), cells())
def test_it_goes_there_and_back(change: Change, database: str, tmp_path: Path) -> None:
    service = new_service(tmp_path, database)
    if change.before:
        service.models(change.before)
        service.fork(_begin)
    for name, rows in change.rows.items():
        for row in rows:
            values = ", ".join("NULL" if each is None else _quoted(each) for each in row.values())
            service.sql(f"INSERT INTO {name} ({', '.join(row)}) VALUES ({values})")
    if "schema=" in change.after:
        service.sql("CREATE SCHEMA vendas")

    service.models(change.after)
    printed = service.fork(_walk, *change.said)
    stages = json.loads(printed.splitlines()[-1])
    assert "without having been tried" not in printed, printed
    for stage, expected in {
        "applied": change.rows_afterwards,
        "undone": change.rows_undone,
        "again": _again(change),
    }.items():
        for name, rows in expected.items():
            found = stages[stage].get(name)
            assert found == (None if rows is None else _as_text(rows)), (stage, name)


def _again(change: Change) -> Rows:
    """Return the rows once it is applied again: what was given up stays so."""
    if not change.back:
        return change.rows_afterwards
    emptied = {name for name, rows in change.back.items() if rows == []}
    return {
        name: rows
        for name, rows in change.rows_afterwards.items()
        if name not in emptied or not rows
    }


def _quoted(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("'", "''").replace(":", "\\:")
    return f"'{text}'"


def _as_text(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{name: _text(value) for name, value in sorted(row.items())} for row in rows]


def _text(value: Any) -> str:
    """Return a value as it is compared: numbers, texts and JSON alike on every database."""
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value)


def _begin() -> None:
    """Write the first revision, and apply it."""
    from alambique.commands import apply_migrations, create_migration

    assert create_migration("antes") is not None
    apply_migrations()


def _walk(*said: str) -> None:
    """Write a revision, apply it, undo it and apply it again; print the rows of each stage."""
    from alambique.commands import apply_migrations, create_migration, revert_migrations

    give_up_everything()
    assert create_migration("muda", consent=said) is not None
    stages = {}
    for stage, go in {
        "applied": apply_migrations,
        "undone": revert_migrations,
        "again": apply_migrations,
    }.items():
        go()
        stages[stage] = _rows()
    assert create_migration("nada") is None, "the models and the database differ"
    print(json.dumps(stages))


def _rows() -> dict[str, list[dict[str, str]]]:
    """Return the rows of every table of the project's."""
    import sqlalchemy as sa
    from alambique.settings import migration_url

    found = {}
    with sa.create_engine(migration_url(), poolclass=sa.NullPool).connect() as connection:
        for name in sa.inspect(connection).get_table_names():
            if name.startswith("alembic_"):
                continue
            rows = connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY 1").mappings()
            found[name] = _as_text([dict(row) for row in rows])
    return found
