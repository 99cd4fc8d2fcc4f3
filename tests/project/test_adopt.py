"""An existing database comes aboard, and nothing but a stamp is written to it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.engine import make_url

from support.evolution import Service, new_service
from support.legacy import statements
from support.project import Project

CELLS = [("awkward", "sqlite"), ("everything", "postgresql")]
ALL = [
    *CELLS,
    ("shop", "postgresql"),
    ("shop", "sqlite"),
    ("shop", "mysql"),
    ("awkward", "mysql"),
    ("awkward", "postgresql"),
]
DUMPS = {
    "sqlite": ["SELECT name, sql FROM sqlite_master"],
    "mysql": [
        "SELECT * FROM information_schema.columns WHERE table_schema = database()",
        "SELECT * FROM information_schema.statistics WHERE table_schema = database()",
        "SELECT * FROM information_schema.key_column_usage WHERE table_schema = database()",
        "SELECT * FROM information_schema.check_constraints WHERE constraint_schema = database()",
        "SELECT trigger_name, action_statement FROM information_schema.triggers",
        "SELECT table_name, table_type, engine, table_collation, table_comment"
        " FROM information_schema.tables WHERE table_schema = database()",
    ],
    "postgresql": [
        "SELECT * FROM information_schema.columns WHERE table_schema !~ '^(pg_|information_)'",
        "SELECT conrelid\\:\\:regclass\\:\\:text, conname, pg_get_constraintdef(oid)"
        " FROM pg_constraint",
        "SELECT schemaname, indexname, indexdef FROM pg_indexes WHERE schemaname !~ '^pg_'",
        "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger",
        "SELECT schemaname, sequencename, last_value FROM pg_sequences",
        "SELECT nspname, obj_description(oid) FROM pg_namespace WHERE nspname !~ '^pg_'",
        "SELECT relname, relkind, obj_description(oid) FROM pg_class WHERE oid >= 16384"
        " AND relname !~ 'pg_toast'",
        "SELECT enumtypid\\:\\:regtype\\:\\:text, enumlabel FROM pg_enum",
    ],
}


def build(service: Service, shape: str) -> None:
    """Build a database as somebody did long ago."""
    with service.engine().begin() as connection:
        for statement in statements(shape, service.database):
            connection.execute(text(re.sub(r"(?<!:):(?!:)", r"\\:", statement)))


def dump(service: Service) -> list[str]:
    """Return all that the server says of a schema, without Alembic's own table."""
    rows = [str(row) for query in DUMPS[service.database] for row in service.sql(query)]
    return sorted(row for row in rows if "alembic_version" not in row)


def schemas(service: Service) -> list[str | None]:
    """Return the schemas of a database."""
    if service.database != "postgresql":
        return [None]
    return [None, *({*service.inspector().get_schema_names()} - {"public", "information_schema"})]


def shapes(service: Service) -> dict[str, Any]:
    """Return the tables of all schemas, as SQLAlchemy reads them, apart from what is left over."""
    left = {"diario_2024", "gato", "busca"}
    found = {
        f"{schema}.{name}": table
        for schema in schemas(service)
        for name, table in service.shape(schema).items()
        if name.partition("_data")[0].partition("_content")[0] not in left and "busca_" not in name
    }
    for name, table in found.items():
        table["columns"] = [re.sub(r"nextval\(.*?\)", "", str(each)) for each in table["columns"]]
        if service.database == "sqlite":  # a constraint need not have a name, nor a key NOT NULL
            key = service.inspector().get_pk_constraint(name.removeprefix("None."))
            table["unique"] = [columns for _, columns in table["unique"]]
            table["columns"] = [
                each.replace("True", "False") if each.startswith(f"({column!r}") else each
                for each in table["columns"]
                for column in [next(iter(key["constrained_columns"]), "")]
            ]
    return found


def modules(service: Service) -> dict[str, str]:
    """Return the modules of models, by their folder."""
    return {path.parent.name: path.read_text() for path in service.path.glob("app/*/models.py")}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a shape and a database that it can exist on; all of them with --full."""
    if "cell" in metafunc.fixturenames:
        cells = ALL if metafunc.config.getoption("full") else CELLS
        metafunc.parametrize("cell", cells, ids=lambda cell: "-".join(cell))


def test_a_database_comes_aboard(
    tmp_path: Path, new_database: Callable[[str], str], cell: tuple[str, str], full: bool
) -> None:
    shape, database = cell
    service = new_service(tmp_path, database).formatted()
    build(service, shape)
    before = dump(service)
    every = ["--schema", "public,vendas,Esto que"] if shape == "everything" else []
    printed = service.alambique("adopt", "--yes", *every)
    assert "are the same, table by table" in printed, printed
    assert dump(service) == before
    assert len(service.revisions()) == 1
    service.check(code=0)

    other = Service(service.path, database, make_url(new_database(database)))
    other.alambique("setup")
    other.check(code=0)
    assert shapes(other) == shapes(service)
    other.alembic("downgrade", "base")
    assert not shapes(other)
    assert database != "postgresql" or not inspect(other.engine()).get_enums("*")  # type: ignore[attr-defined]
    assert schemas(other) == [None]
    other.alembic("upgrade", "head")
    other.check(code=0)

    for command in (["check"], ["format", "--check"]):
        service.run(".venv/bin/ruff", *command, "app", "migrations", "--no-cache")
    if full:
        service.run(".venv/bin/mypy")
    name = next(name for name, text in modules(service).items() if "    id: Mapped" in text)
    module = service.path / "app" / name / "models.py"
    source = module.read_text()
    column = "    apelido: Mapped[int | None] = mapped_column()\n"
    place = re.search(r"    id: Mapped.*\n", source)
    assert place
    module.write_text(source[: place.start()] + column + source[place.start() :])
    (changed,) = service.operations().values()
    assert changed == ["add_column apelido"]
    assert service.migrate().count("add_column") == 1
    service.check(code=0)


def test_what_models_cannot_carry_is_listed(tmp_path: Path) -> None:
    service = new_service(tmp_path, "postgresql")
    build(service, "everything")
    service.sql("CREATE DOMAIN cep AS text", "CREATE TABLE enderecos (id int PRIMARY KEY, cep cep)")
    printed = service.alambique("adopt", "--yes")
    revision = service.revisions()[0].read_text()
    for thing in (
        "TRIGGER gatilho ON clientes",
        "FUNCTION f()",
        "VIEW vista",
        "MATERIALIZED VIEW foto",
        "PARTITION diario_2024 OF diario",
        "PARTITION gato OF bicho",
        "TYPE cep",
    ):
        assert thing in printed and f"\n  {thing}\n" in revision
    assert "SEQUENCE protocolo\n" not in printed, "the revision makes it"
    assert "enderecos.cep has a type" in printed
    assert re.search(r"- enderecos: columns .*name=cep", printed)
    service.check(code=0)
    assert "Gato" not in str(modules(service))


def test_a_column_without_a_type_is_named_and_left_alone(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    service.sql(
        "CREATE TABLE notas (id INTEGER PRIMARY KEY, solta, texto TEXT)",
        "CREATE TABLE chaves (k TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID",
        "CREATE TABLE rigidas (id INTEGER PRIMARY KEY, x TEXT) STRICT",
    )
    printed = service.alambique("adopt", "--yes")
    assert "notas.solta has a type" in printed
    revision = service.revisions()[0].read_text()
    assert "solta" not in revision and "texto" in revision
    assert "sqlite_with_rowid=0" in revision and "sqlite_strict=1" in revision
    service.check(code=0)


@pytest.mark.full
def test_an_extension_that_the_tables_are_made_of_is_made_first(tmp_path: Path) -> None:
    service = new_service(tmp_path, "postgresql")
    service.sql(
        "CREATE EXTENSION citext",
        "CREATE EXTENSION pg_trgm",
        "CREATE EXTENSION btree_gist",  # nothing here is made of it
        "CREATE TABLE clientes (email citext PRIMARY KEY, nome text)",
        "CREATE INDEX ix_nome ON clientes USING gin (nome gin_trgm_ops)",
    )
    printed = service.alambique("adopt", "--yes")
    assert "are the same, table by table" in printed
    assert "EXTENSION btree_gist" in printed and "EXTENSION citext" not in printed
    assert service.revisions()[0].read_text().count("CREATE EXTENSION IF NOT EXISTS") == 2
    service.check(code=0)


@pytest.mark.full
def test_enums_of_one_name_in_several_schemas_are_several(tmp_path: Path) -> None:
    service = new_service(tmp_path, "postgresql")
    service.sql(
        "CREATE SCHEMA vendas",
        "CREATE TYPE estado AS ENUM ('a', 'b')",
        "CREATE TYPE vendas.estado AS ENUM ('x')",
        "CREATE TABLE contas (id int PRIMARY KEY, e estado)",
        "CREATE TABLE vendas.itens (id int PRIMARY KEY, e vendas.estado, f public.estado)",
    )
    assert "are the same" in service.alambique("adopt", "--yes", "--schema", "public,vendas")
    service.check(code=0)


def test_a_subset_leaves_the_others_to_others(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    build(service, "shop")
    service.alambique("adopt", "--yes", "--tables", "pedidos,itens")
    assert set(modules(service)) == {"pedidos"}
    revision = service.revisions()[0].read_text()
    assert revision.count("create_table") == 2
    assert "Not ours, left alone: categorias" in service.check(code=0)
    service.sql("ALTER TABLE clientes ADD COLUMN x INTEGER")
    service.check(code=0)


def test_more_models_later_leave_the_first_alone(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    build(service, "shop")
    service.alambique("models", "--tables", "marcas,produtos", "--module", "catalogo")
    first = modules(service)["catalogo"]
    service.alambique("models", "--tables", "estoques", "--module", "deposito")
    assert modules(service)["catalogo"] == first
    assert "produtos.id" in modules(service)["deposito"]
    assert "class Produtos" not in modules(service)["deposito"]
    printed = service.alambique("models", "--tables", "marcas", "--module", "outra", code=1)
    assert "No table to map under marcas" in printed


def test_models_relate_and_keep_what_a_key_does(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite").formatted()
    service.sql("CREATE TABLE donos (id INTEGER PRIMARY KEY)")
    service.sql("CREATE TABLE gatos (dono INTEGER PRIMARY KEY REFERENCES donos ON DELETE CASCADE)")
    service.alambique("adopt", "--yes")
    (source,) = modules(service).values()
    assert re.search(r'donos: Mapped\["Donos"\] = relationship\(', source), source
    assert 'ondelete="CASCADE"' in source
    assert 'ondelete="CASCADE"' in service.revisions()[0].read_text()
    service.check(code=0)


def test_nothing_is_stamped_unless_you_agree(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    build(service, "shop")
    before = dump(service)
    printed = service.alambique("adopt", code=1, answers="n\n")
    assert "Nothing was written to the database" in printed
    assert "alembic_version" not in service.inspector().get_table_names()
    assert dump(service) == before
    assert "revisions already" in service.alambique("adopt", code=1)
    service.alembic("stamp", "head")
    service.check(code=0)


def test_a_yes_on_standard_input_is_one(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    service.sql("CREATE TABLE notas (id INTEGER PRIMARY KEY)")
    service.alambique("adopt", answers="y\n")
    service.check(code=0)


def test_another_history_is_recognised(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    build(service, "shop")
    service.sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    service.sql("INSERT INTO alembic_version VALUES ('abc123')")
    printed = service.alambique("adopt", "--yes", code=1)
    assert "abc123" in printed and "DROP TABLE alembic_version" in printed
    assert not modules(service) and not service.revisions()


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    service.sql("CREATE TABLE notas (id INTEGER PRIMARY KEY)")
    service.sql("CREATE TABLE avisos (id INTEGER PRIMARY KEY)")
    service.write("app/notas/models.py", '"""Mine."""\n')
    printed = service.alambique("models", code=1)
    assert "app/notas/models.py" in printed and "module=" in printed
    assert modules(service) == {"notas": '"""Mine."""\n'}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "There is no table"),
        (["--tables", "nada"], "No table to map under nada"),
        (["--schema", "nada"], "No schema to read here: nada"),
    ],
)
def test_nothing_to_map_is_a_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    service = new_service(tmp_path, "sqlite")
    service.sql("CREATE VIEW vista AS SELECT 1")
    printed = service.alambique("adopt", *arguments, code=1)
    assert sentence in printed and "Traceback" not in printed


def test_a_missing_sqlacodegen_is_a_sentence(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    gone = 'raise ModuleNotFoundError("No module", name="sqlacodegen")\n'
    service.write("gone/sqlacodegen.py", gone)
    service.sql("CREATE TABLE notas (id INTEGER PRIMARY KEY)")
    # A new process: this one may have imported the real one.
    env = {"PYTHONPATH": f"{service.path / 'gone'}:{service.env['PYTHONPATH']}"}
    printed = service.run(".venv/bin/python", "-m", "alambique", "models", code=1, env=env)
    assert "`make setup`" in printed and "Traceback" not in printed


@pytest.mark.full
def test_make_adopts_and_prints_no_password(project: Callable[..., Project]) -> None:
    made = project(language="en", example=False, setup=False, mode="async")
    url = "sqlite:///velho $HOME.db"
    made.python(
        "import sqlite3; sqlite3.connect('velho $HOME.db').execute('CREATE TABLE a (b INTEGER)')"
    )
    printed = made.make("adopt", f"url={url}", "yes=1", "module=loja")
    assert url not in printed, "make would print a password with it"
    assert (made.path / "app/loja/models.py").exists()
    made.make("check", env={"DATABASE_URL": url})
