"""Migrations see what is ours, all of it, and nothing else: the table of DESIGN "Which tables".

Ours is what is mapped or was created by a revision of the project. Each row below says where a
table, or a part of one, is, and what autogenerate must write about it, on every database.
"""

import itertools
from pathlib import Path

import pytest

from support.database import DATABASES
from support.evolution import Service, new_service

REVISION = '''"""ours"""
import sqlalchemy as sa
from alembic import op

revision = "a1"
down_revision = None


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    pass
'''
SKIP = ", info={'skip_autogenerate': True}"


@pytest.fixture(params=DATABASES)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Service:
    return new_service(tmp_path, request.param)


@pytest.fixture
def on_postgresql(tmp_path: Path) -> Service:
    return new_service(tmp_path, "postgresql")


def schemas(service: Service) -> list[str]:
    """Create a schema that will be ours and one that will not; return them after the default."""
    if service.database == "sqlite":
        return [""]
    if service.database == "mysql":
        service.sql(f"CREATE DATABASE {service.url.database}_outro")
        return ["", f"{service.url.database}_outro"]
    service.sql("CREATE SCHEMA nosso", "CREATE SCHEMA alheio")
    return ["", "nosso"]


def created(service: Service, *statements: str) -> None:
    """Write the revision that created what is ours, and note it as applied."""
    body = "\n    ".join(statements) or "pass"
    service.write("migrations/versions/a1.py", REVISION.format(upgrade=body))
    service.alembic("stamp", "head")


def table(name: str, schema: str, side: str, skipped: bool = False) -> str:
    """Write a table with a part of each kind that is only on this side."""
    target = f"{schema}.alvo" if schema else "alvo"
    on = "id" if side == "banco" else "nos_dois"  # two keys on the same columns are one key
    return (
        f"Table('{name}', metadata, Column('id', Integer, primary_key=True), "
        f"Column('nos_dois', Integer), Column('so_{side}', Integer, server_default='0'), "
        f"Index('ix_{side}_{name}', 'nos_dois'), "
        f"UniqueConstraint('nos_dois', 'id', name='uq_{side}_{name}'), "
        f"ForeignKeyConstraint(['{on}'], ['{target}.id'], name='fk_{side}_{name}'), "
        f"schema={schema or None!r}{SKIP if skipped else ''})\n"
    )


def target(schema: str) -> str:
    """Write the table that foreign keys refer to."""
    key = "Column('id', Integer, primary_key=True)"
    return f"Table('alvo', metadata, {key}, schema={schema or None!r})\n"


def expected(name: str, mapped: bool, there: bool, ours: bool, skipped: bool) -> set[str]:
    """Return the operations, as kind and name, that the table of the design asks for."""
    if skipped:
        return set()
    if mapped and there:
        drops = {"drop_column so_banco", f"drop_constraint uq_banco_{name}"}
        drops |= {f"drop_constraint fk_banco_{name}", f"drop_index ix_banco_{name}"}
        adds = {"add_column so_modelo", f"create_unique_constraint uq_modelo_{name}"}
        adds |= {f"create_foreign_key fk_modelo_{name}", f"create_index ix_modelo_{name}"}
        return drops | adds
    if mapped:
        return {"create_table", f"create_index ix_modelo_{name}"}
    return {"drop_table", f"drop_index ix_banco_{name}"} if there and ours else set()


def test_every_table_and_its_parts(service: Service) -> None:
    models, database, revision = "", "", []
    wanted: dict[tuple[str, str], set[str]] = {}
    for schema in schemas(service):
        models += target(schema)
        database += target(schema)
        for mapped, there, ours, skipped in itertools.product([True, False], repeat=4):
            if skipped and not mapped:
                continue  # the mark is in the model
            name = "t_" + "".join("ny"[each] for each in (mapped, there, ours, skipped))
            if mapped:
                models += table(name, schema, "modelo", skipped)
            if there:
                database += table(name, schema, "banco")
            if ours:
                revision.append(f"op.create_table({name!r}, schema={schema or None!r})")
            wanted[schema, name] = expected(name, mapped, there, ours, skipped)
    if service.database == "postgresql":  # the same names in a schema where nothing is ours
        database += target("alheio")
        database += "".join(table(name, "alheio", "banco") for schema, name in wanted if schema)
    service.create_all(database)
    service.models(models)
    created(service, *revision)
    found = {key: set(operations) for key, operations in service.operations().items()}
    if service.database == "mysql":  # where a unique constraint is an index
        for (_, name), operations in wanted.items():
            if "drop_table" in operations:
                operations.add(f"drop_index uq_banco_{name}")
            elif "drop_column so_banco" in operations:
                operations.remove(f"drop_constraint uq_banco_{name}")
                operations.add(f"drop_index uq_banco_{name}")
    assert found == {key: operations for key, operations in wanted.items() if operations}


# One part of a table, in the models and in the database: what is written about it.
PARTS: list[tuple[str, str, str, list[str]]] = [
    ("plain", "Column('x', Integer)", "", ["add_column x"]),
    ("skipped_column", f"Column('x', Integer{SKIP})", "", []),
    ("skipped_column_there", f"Column('x', String(9){SKIP})", "Column('x', Integer)", []),
    ("skipped_null", f"Column('x', Integer, nullable=False{SKIP})", "Column('x', Integer)", []),
    ("skipped_index", f"Index('ix_p1', 'a'{SKIP})", "", []),
    ("skipped_index_differs", f"Index('ix_p2', 'a'{SKIP})", "Index('ix_p2', 'a', 'b')", []),
    ("skipped_unique", f"UniqueConstraint('a', name='uq_p3'{SKIP})", "", []),
    (
        "skipped_unique_differs",
        f"UniqueConstraint('a', name='uq_p4'{SKIP})",
        "UniqueConstraint('a', 'b', name='uq_p4')",
        [],
    ),
    ("skipped_check", f"CheckConstraint('a > 0', name='p5'{SKIP})", "", []),
    (
        "skipped_key",
        f"ForeignKeyConstraint(['a'], ['alvo.id'], name='fk_p6'{SKIP})",
        "",
        [],
    ),
    (
        "skipped_key_differs",
        f"ForeignKeyConstraint(['a'], ['alvo.id'], name='fk_p7', ondelete='CASCADE'{SKIP})",
        "ForeignKeyConstraint(['a'], ['alvo.id'], name='fk_p7')",
        [],
    ),
    ("index_over", f"Column('x', Integer{SKIP}), Index('ix_p8', 'x', 'a')", "", []),
    (
        "index_over_there",
        f"Column('x', Integer{SKIP})",
        "Column('x', Integer), Index('ix_p9', 'a', 'x')",
        [],
    ),
    ("index_of_column", f"Column('x', Integer, index=True{SKIP})", "Column('x', Integer)", []),
    (
        "unique_over",
        f"Column('x', Integer{SKIP}), UniqueConstraint('x', 'a', name='uq_p10')",
        "",
        [],
    ),
    (
        "unique_over_there",
        f"Column('x', Integer{SKIP})",
        "Column('x', Integer), UniqueConstraint('x', 'a', name='uq_p11')",
        [],
    ),
    ("key_over", f"Column('x', Integer, ForeignKey('alvo.id'){SKIP})", "", []),
    (
        "key_over_there",
        f"Column('x', Integer{SKIP})",
        "Column('x', Integer, ForeignKey('alvo.id', name='fk_p12'))",
        [],
    ),
    (
        "check_over",
        f"(x := Column('x', Integer{SKIP})), CheckConstraint(x > 0, name='p13')",
        "",
        [],
    ),
    (
        "check_over_there",
        f"Column('x', Integer{SKIP})",
        "Column('x', Integer), CheckConstraint('x > 0', name='p21')",
        [],
    ),
    (
        "check_text_over",
        f"Column('x', Integer{SKIP}), CheckConstraint('x > 0', name='p22')",
        "",
        [],
    ),
    (
        "key_to_skipped",
        "Column('x', Integer, ForeignKey('escondida.id'))",
        "Column('x', Integer)",
        [],
    ),
    (
        "key_to_skipped_there",
        "Column('x', Integer)",
        "Column('x', Integer, ForeignKey('escondida.id', name='fk_p14'))",
        [],
    ),
    (
        "key_to_skipped_column",
        "Column('x', Integer, ForeignKey('meia.escondida'))",
        "Column('x', Integer)",
        [],
    ),
    (
        "key_to_strangers",
        "Column('x', Integer)",
        "Column('x', Integer, ForeignKey('alheia.id', name='fk_p15'))",
        ["drop_constraint fk_p15"],
    ),
    ("only_elsewhere", "Index('ix_p16', 'a').ddl_if(dialect='oracle')", "", []),
    (
        "only_elsewhere_callable",
        "Index('ix_p17', 'a').ddl_if(callable_=lambda *_, dialect, **__: dialect.name == 'mssql')",
        "",
        [],
    ),
    (
        "only_here",
        "Index('ix_p18', 'a').ddl_if(callable_=lambda *_, dialect, **__: dialect.name != 'mssql')",
        "",
        ["create_index ix_p18"],
    ),
    (
        "only_here_there",
        "Index('ix_p19', 'a').ddl_if(dialect=engine.dialect.name)",
        "Index('ix_p19', 'a')",
        [],
    ),
    ("unmarked", "Index('ix_p20', 'a', info={'nota': 1})", "", ["create_index ix_p20"]),
]
COMMON = "Column('id', Integer, primary_key=True), Column('a', Integer), Column('b', Integer)"
AROUND = f"""
Table('alvo', metadata, Column('id', Integer, primary_key=True))
Table('meia', metadata, Column('id', Integer, primary_key=True),
      Column('escondida', Integer, unique=True{SKIP}))
Table('escondida', metadata, Column('id', Integer, primary_key=True){SKIP})
"""


def parts(side: int) -> str:
    """Write a table for each part, as the models (1) or the database (2) have it."""
    lines = (f"Table('p_{row[0]}', metadata, {COMMON}, {row[side]})" for row in PARTS)
    return AROUND + "\n".join(lines)


def test_every_mark_and_what_depends_on_it(service: Service) -> None:
    service.create_all(
        "Table('alheia', metadata, Column('id', Integer, primary_key=True))" + parts(2)
    )
    service.models(parts(1))
    wanted = {("", f"p_{name}"): list(said) for name, _, _, said in PARTS if said}
    if service.database == "mysql":  # the index that it made for a key goes with the key
        wanted["", "p_key_to_strangers"].append("drop_index fk_p15")

    assert service.operations() == wanted


def test_a_new_table_leaves_out_what_is_marked(service: Service) -> None:
    service.sql("CREATE TABLE escondida (id INTEGER PRIMARY KEY)")
    service.models(
        AROUND
        + f"""
x = Column('x', Integer, ForeignKey('alvo.id'), index=True, unique=True{SKIP})
Table('nova', metadata, Column('id', Integer, primary_key=True),
      Column('fica', Integer, index=True),
      Column('alvo_id', ForeignKey('alvo.id')), Column('outra_id', ForeignKey('escondida.id')),
      Column('meia_id', ForeignKey('meia.escondida')), x,
      Column('letra', Enum('a', 'b', native_enum=False, create_constraint=True, name='l'){SKIP}),
      UniqueConstraint('x', 'fica'), UniqueConstraint('id', 'fica'), Index('ix_nova', 'fica', 'x'),
      CheckConstraint(x > 0, name='positivo'), CheckConstraint('fica > 0', name='fica'),
      CheckConstraint('fica > 1', name='escondido'{SKIP}),
      UniqueConstraint('fica', name='uq_escondida'{SKIP}),
      ForeignKeyConstraint(['fica'], ['alvo.id'], name='fk_escondida'{SKIP}))
Table('filha', metadata, Column('id', Integer, primary_key=True),
      Column('nova_id', ForeignKey('nova.id')))
"""
    )
    service.migrate()
    assert {column["name"] for column in service.inspector().get_columns("nova")} == {
        *("id", "fica", "alvo_id", "outra_id", "meia_id")
    }
    shape = service.shape()["nova"]
    assert shape["keys"] == [("alvo_id", "alvo", "id")]
    uniques = {each[1] for each in shape["unique"]}
    assert uniques == {("id", "fica")}
    plain = {columns for _, columns, unique in shape["indexes"] if not unique}
    assert plain - {("alvo_id",)} == {("fica",)}  # MariaDB indexes what a key is on
    checks = [each["name"] for each in service.inspector().get_check_constraints("nova")]
    assert checks == ["ck_nova_fica"]
    assert service.shape()["filha"]["keys"] == [("nova_id", "nova", "id")]
    assert service.differences() == []


def test_a_table_stays_ours_after_its_model_is_gone(service: Service) -> None:
    service.create_all(
        "for t in 'nome_novo', 'criada', 'alheia', 'lote', 'nome_final', 'caso':\n"
        "    Table(t, metadata, Column('id', Integer, primary_key=True))"
    )
    service.models("Table('fica', metadata, Column('id', Integer, primary_key=True))")
    created(
        service,
        "op.create_table('fica')",
        "op.create_table('nome_velho')",
        "op.rename_table('nome_velho', 'nome_novo')",
        "op.create_table('nome_um')",
        "op.rename_table(old_table_name='nome_um', new_table_name='nome_dois')",
        "op.rename_table('nome_dois', new_table_name='nome_final')",
        "op.create_table(table_name='criada')",
        "op.create_table('desfeita')",
        "op.drop_table('desfeita')",
        "if op.get_context().dialect.name:\n        op.create_table('caso')",
        "with op.batch_alter_table('alheia') as batch_op:\n        batch_op.drop_column('x')",
    )
    dropped = [key[1] for key, said in service.operations().items() if said == ["drop_table"]]
    assert sorted(dropped) == ["caso", "criada", "nome_final", "nome_novo"]


def test_a_table_whose_name_is_computed_is_left_alone(service: Service) -> None:
    service.create_all("Table('calculada', metadata, Column('id', Integer, primary_key=True))")
    service.models("Table('fica', metadata, Column('id', Integer, primary_key=True))")
    created(service, "op.create_table(''.join(['calcu', 'lada']))", "op.create_table('fica')")
    assert list(service.operations()) == [("", "fica")]


@pytest.mark.parametrize("language", ["pt", "en"])
def test_the_ignored_tables_are_listed(tmp_path: Path, language: str) -> None:
    service = new_service(tmp_path, "sqlite", language)
    service.sql("CREATE TABLE alheia (id INTEGER)", "CREATE TABLE spatial_ref_sys (srid INTEGER)")
    assert "alheia, spatial_ref_sys" in service.check(code=0)


def test_an_extension_keeps_its_tables(service: Service) -> None:
    service.sql("CREATE TABLE spatial_ref_sys (srid INTEGER PRIMARY KEY, srtext VARCHAR(99))")
    service.models("Table('lugar', metadata, Column('id', Integer, primary_key=True))")
    assert service.operations() == {("", "lugar"): ["create_table"]}


VIEWS = """
from sqlalchemy.sql.ddl import CreateView
t = Table('pessoa', metadata, Column('id', Integer, primary_key=True), Column('nome', String(9)))
CreateView(select(t.c.id, t.c.nome), 'todas', metadata=metadata)
if name == 'postgresql':
    CreateView(select(t.c.id), 'guardadas', metadata=metadata, materialized=True)
"""


@pytest.mark.parametrize("there", [True, False])
def test_views_are_not_tables(service: Service, there: bool) -> None:
    service.models(VIEWS)
    if there:
        service.create_all(VIEWS)
    assert service.operations() == ({} if there else {("", "pessoa"): ["create_table"]})


def test_views_of_others_are_left_alone(service: Service) -> None:
    service.create_all(VIEWS)
    service.models("Table('pessoa', metadata, Column('id', Integer, primary_key=True))")
    assert service.operations() == {("", "pessoa"): ["drop_column nome"]}


def test_partitions_and_heirs_belong_to_their_parents(on_postgresql: Service) -> None:
    service = on_postgresql
    models = """
Table('medida', metadata, Column('dia', Date, primary_key=True),
      Column('valor', Integer, index=True),
      postgresql_partition_by='RANGE (dia)')
Table('pai', metadata, Column('id', Integer, primary_key=True))
Table('filho', metadata, Column('id', Integer, primary_key=True), Column('x', Integer),
      postgresql_inherits='pai')
"""
    service.create_all(models)
    service.sql(
        "CREATE TABLE medida_2026 PARTITION OF medida"
        " FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "CREATE TABLE medida_resto PARTITION OF medida DEFAULT",
        "CREATE TABLE outro_filho (y INTEGER) INHERITS (pai)",
        "CREATE MATERIALIZED VIEW resumo AS SELECT count(*) AS n FROM medida",
    )
    service.models(models)
    created(service, "op.create_table('medida')", "op.create_table('pai')")
    assert service.operations() == {}


def test_a_same_named_table_of_another_schema_is_not_ours(on_postgresql: Service) -> None:
    service = on_postgresql
    service.sql(
        "CREATE SCHEMA nosso",
        "CREATE SCHEMA alheio",
        *(f"CREATE TABLE {name} (id INTEGER)" for name in ("alheio.a", "nosso.b", "b", "alheio.b")),
    )
    service.models(
        "Table('a', metadata, Column('id', Integer, primary_key=True), schema='nosso')\n"
        "Table('b', metadata, Column('id', Integer, primary_key=True))"
    )
    created(service, "op.create_table('c')")
    assert set(service.operations()) == {("nosso", "a"), ("", "b")}


def test_other_schemas_are_read_only_when_one_is_ours(on_postgresql: Service) -> None:
    service = on_postgresql
    source = "Table('a', metadata, Column('id', Integer, primary_key=True){})\n"
    probe = (
        "\nfrom sqlalchemy.dialects.postgresql.base import PGDialect\n"
        "read = PGDialect.get_schema_names\n"
        "PGDialect.get_schema_names = lambda *a, **k: (print('schemas read'), read(*a, **k))[1]\n"
    )
    service.models(source.format("") + probe)
    service.create_all(source.format(""))
    assert "schemas read" not in service.check(code=0)
    service.models(source.format(", schema='nosso'") + probe)
    assert "schemas read" in service.check(code=5)


def test_a_schema_of_ours_stays_ours_without_its_model(on_postgresql: Service) -> None:
    service = on_postgresql
    service.sql(
        "CREATE SCHEMA nosso", "CREATE TABLE nosso.a (id INTEGER)", "CREATE TABLE a (id INTEGER)"
    )
    service.models("Table('b', metadata, Column('id', Integer, primary_key=True))")
    service.create_all("Table('b', metadata, Column('id', Integer, primary_key=True))")
    created(service, "op.create_table('a', schema='nosso')", "op.create_table('b')")
    assert service.operations() == {("nosso", "a"): ["drop_table"]}


def test_the_default_schema_by_its_name_is_the_default_schema(on_postgresql: Service) -> None:
    service = on_postgresql
    models = """
Table('a', metadata, Column('id', Integer, primary_key=True), Column('x', Integer, index=True),
      schema='public')
"""
    service.create_all(models)
    service.models(models)
    created(service, "op.create_table('a', schema='public')")
    assert service.operations() == {}


def test_a_foreign_key_between_schemas(on_postgresql: Service) -> None:
    service = on_postgresql
    service.sql("CREATE SCHEMA nosso")
    models = """
Table('a', metadata, Column('id', Integer, primary_key=True), schema='nosso')
Table('b', metadata, Column('id', Integer, primary_key=True),
      Column('a_id', ForeignKey('nosso.a.id')))
Table('c', metadata, Column('id', Integer, primary_key=True), Column('b_id', ForeignKey('b.id')),
      schema='nosso')
"""
    service.create_all(models)
    service.models(models)
    assert service.operations() == {}


def test_objects_without_info_do_no_harm(service: Service) -> None:
    """As alembic-utils has them: something in the comparison that is not SQLAlchemy's."""
    printed = service.fork(_ask_about_an_object)
    assert printed.strip() == "True"


def _ask_about_an_object() -> None:
    from alambique.autogenerate.filters import Ownership
    from sqlalchemy.dialects import sqlite

    ours = Ownership(set, sqlite.dialect())  # no revision has created a table
    print(ours.include_object(object(), "funcao", "function", False, None))
