"""An existing database comes aboard, and nothing but a stamp is written to it."""

import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from support.adopting import dumped
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
        "SELECT trigger_name, action_statement FROM information_schema.triggers"
        " WHERE trigger_schema = database()",
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


def test_what_models_cannot_carry_is_made_in_plain_sql(
    tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    service = new_service(tmp_path, "postgresql")
    build(service, "everything")
    service.sql(
        "CREATE FUNCTION e_cep(t text) RETURNS boolean LANGUAGE sql IMMUTABLE"
        " AS $$ SELECT t ~ '^[0-9]{8}$' $$",
        "CREATE DOMAIN cep AS text CHECK (e_cep(value))",
        "CREATE TYPE ponto AS (x int, y int)",
        "CREATE TYPE taxa AS ENUM ('10%', '20%')",
        "CREATE TYPE vigencia AS RANGE (subtype = date)",
        "CREATE FUNCTION codigo() RETURNS text LANGUAGE sql AS $$ SELECT 'a%b' $$",
        "CREATE SEQUENCE numero",
        "CREATE TABLE enderecos (id int PRIMARY KEY, cep cep NOT NULL, onde ponto, nota xml,"
        " taxa taxa DEFAULT '10%', vale vigencia, codigo text DEFAULT codigo(),"
        " numero text DEFAULT 'N' || nextval('numero'), nome text COLLATE \"C\","
        " EXCLUDE USING gist (vale WITH &&), CHECK (e_cep(cep)))",
        "ALTER TABLE enderecos ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE enderecos ALTER nome SET STORAGE external",
        "CREATE POLICY todos ON enderecos USING (true)",
        "CREATE STATISTICS juntos ON id, cep FROM enderecos",
        "COMMENT ON INDEX enderecos_pkey IS 'a chave'",
    )
    printed = service.alambique("adopt", "--yes")
    revision = service.revisions()[0].read_text()

    assert "are the same, table by table" in printed, printed
    assert "enderecos.cep, enderecos.nota, " in printed and " has a type" in printed
    for made in (
        "TRIGGER gatilho",
        "VIEW public.vista",
        "TABLE public.gato",
        "FUNCTION public.f()",
    ):
        assert f"CREATE {made}" in revision.replace(" OR REPLACE", "").replace(" MATERIALIZED", "")
    assert "ATTACH PARTITION public.diario_2024" in revision
    service.check(code=0)
    assert "Gato" not in str(modules(service))

    other = Service(service.path, "postgresql", make_url(new_database("postgresql")))
    other.alambique("setup")
    insert = "INSERT INTO enderecos (id, cep, onde, nota, vale) VALUES (1, {}, (1, 2), '<a/>', {})"
    other.sql(insert.format("'12345678'", "'[2024-01-01, 2024-02-01)'"))
    assert other.sql("SELECT taxa, codigo, numero FROM enderecos") == [("10%", "a%b", "N1")]
    with pytest.raises(DBAPIError, match="cep"):
        other.sql(insert.format("'x'", "NULL"))
    other.alembic("downgrade", "base")
    assert schemas(other) == [None]


AWKWARD_TO_KEEP = {
    "postgresql": [
        "CREATE SEQUENCE minha",
        "CREATE SEQUENCE dona",
        "CREATE TABLE a (org int DEFAULT 1, id int DEFAULT nextval('minha'),"
        " PRIMARY KEY (org, id))",
        "CREATE TABLE b (id bigint PRIMARY KEY DEFAULT nextval('minha'))",
        "CREATE TABLE c (id serial, org int DEFAULT 5, PRIMARY KEY (org, id))",
        "CREATE TABLE d (id int PRIMARY KEY DEFAULT nextval('dona'))",
        "ALTER SEQUENCE dona OWNED BY d.id",
        "CREATE TABLE e (id smallserial PRIMARY KEY, b bit(3) DEFAULT b'101')",
        "CREATE TABLE f (id int GENERATED BY DEFAULT AS IDENTITY (START 10 INCREMENT 5),"
        " org int, PRIMARY KEY (org, id))",
        "CREATE UNLOGGED TABLE h (id int PRIMARY KEY, x int, UNIQUE (x) DEFERRABLE)"
        " WITH (fillfactor = 70)",
        "ALTER TABLE h CLUSTER ON h_pkey",
        "ALTER TABLE h REPLICA IDENTITY FULL",
        "ALTER TABLE h ADD CHECK (x > 0) NOT VALID",
        "CREATE TABLE i (id int PRIMARY KEY, n text)",
        "CREATE INDEX ON i (lower(n || '100%') text_pattern_ops)",
        "CREATE INDEX ON i (n text_pattern_ops DESC, id, lower(n) text_pattern_ops DESC, (n || n))",
    ],
    "mysql": [
        "CREATE TABLE a (org int NOT NULL DEFAULT 1, id int NOT NULL AUTO_INCREMENT,"
        " PRIMARY KEY (org, id), KEY (id))",
        "CREATE TABLE b (org int NOT NULL DEFAULT 1, id int NOT NULL AUTO_INCREMENT,"
        " PRIMARY KEY (org, id)) ENGINE = MyISAM",
        "CREATE TABLE e (id int PRIMARY KEY, b bit(1) DEFAULT b'1', s set('a','b') DEFAULT 'a',"
        " y year, e enum('x%','y'), g geometry, x varchar(5) COLLATE latin1_bin)",
        "CREATE TABLE p (id int NOT NULL, d date NOT NULL, PRIMARY KEY (id, d))"
        " PARTITION BY RANGE (year(d)) (PARTITION p0 VALUES LESS THAN (2000))",
        "CREATE VIEW v AS SELECT id FROM w",
        "CREATE TRIGGER t BEFORE INSERT ON e FOR EACH ROW SET NEW.s = 'b'",
        "CREATE PROCEDURE f() SELECT 'a\\:b %' || 1",
    ],
    "sqlite": [
        "CREATE TABLE a (org INTEGER NOT NULL DEFAULT 1, id INTEGER, PRIMARY KEY (org, id))",
        "CREATE TABLE b (id INTEGER PRIMARY KEY AUTOINCREMENT, c TEXT COLLATE NOCASE UNIQUE"
        " ON CONFLICT REPLACE, a INT REFERENCES b DEFERRABLE INITIALLY DEFERRED)",
    ],
}


@pytest.mark.parametrize(
    "database",
    [
        "mysql",
        pytest.param("postgresql", marks=pytest.mark.full),
        pytest.param("sqlite", marks=pytest.mark.full),
    ],
)
def test_nothing_drifts_after_adoption(
    tmp_path: Path, new_database: Callable[[str], str], database: str
) -> None:
    service = new_service(tmp_path, database)
    statements = AWKWARD_TO_KEEP[database]
    if database == "mysql":
        statements = ["CREATE TABLE w (id int PRIMARY KEY)", *statements]
        statements = ["SET sql_mode = 'PIPES_AS_CONCAT'", *statements]
    service.sql(*statements)

    printed = service.alambique("adopt", "--yes")
    assert "are the same, table by table" in printed, printed
    service.check(code=0)

    other = Service(service.path, database, make_url(new_database(database)))
    other.alambique("setup")
    other.check(code=0)
    assert dumped(other.url) == dumped(service.url), "by the server's own tool"


def test_no_row_is_read(tmp_path: Path) -> None:
    """A huge database takes no longer than an empty one."""
    service = new_service(tmp_path, "postgresql")
    service.sql(
        "CREATE TABLE grande (id int PRIMARY KEY, nome text)",
        "CREATE INDEX ON grande (nome)",
        "INSERT INTO grande SELECT g, g FROM generate_series(1, 1000) g",
        "ANALYZE grande",
    )
    read = (
        "SELECT seq_scan, seq_tup_read, idx_scan, idx_tup_fetch FROM pg_stat_user_tables"
        " WHERE relname = 'grande'"
    )
    flushed = "SELECT pg_stat_force_next_flush()"
    before = service.sql(flushed, read)
    service.alambique("adopt", "--yes")
    service.check(code=0)
    assert service.sql(flushed, read) == before


def test_what_is_of_other_schemas_is_listed(tmp_path: Path) -> None:
    service = new_service(tmp_path, "postgresql")
    service.sql(
        "CREATE TABLE notas (id int PRIMARY KEY)",
        "CREATE SCHEMA outro",
        "CREATE TABLE outro.alheias (id int PRIMARY KEY)",
        "CREATE VIEW outro.vista AS SELECT * FROM outro.alheias",
        "CREATE VIEW ambas AS SELECT n.id FROM notas n JOIN outro.alheias USING (id)",
        "CREATE PUBLICATION noticias",
    )
    printed = service.alambique("adopt", "--yes")
    revision = service.revisions()[0].read_text()
    for thing in ("VIEW outro.vista", "VIEW public.ambas", "PUBLICATION noticias"):
        assert f"  {thing}" in printed and f"\n  {thing}\n" in revision
    assert "alheias" not in printed
    service.check(code=0)


def test_a_view_that_no_longer_works_is_listed(tmp_path: Path) -> None:
    service = new_service(tmp_path, "mysql")
    service.sql(
        "CREATE TABLE notas (id INT PRIMARY KEY, texto TEXT)",
        "CREATE VIEW textos AS SELECT texto FROM notas",
        "CREATE VIEW curtos AS SELECT texto FROM textos",
        "CREATE VIEW numeros AS SELECT id FROM notas",
        "ALTER TABLE notas DROP COLUMN texto",
    )
    printed = service.alambique("adopt", "--yes")
    assert "  VIEW `textos`" in printed and "  VIEW `curtos`" in printed
    revision = service.revisions()[0].read_text()
    assert "VIEW `numeros` AS" in revision and "VIEW `textos` AS" not in revision


def test_a_column_without_a_type_is_made_and_then_left_alone(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    service.sql(
        "CREATE TABLE notas (id INTEGER PRIMARY KEY, solta, texto TEXT)",
        "CREATE TABLE chaves (k TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID",
        "CREATE TABLE rigidas (id INTEGER PRIMARY KEY, x TEXT) STRICT",
    )
    printed = service.alambique("adopt", "--yes")
    assert "notas.solta has a type" in printed
    revision = service.revisions()[0].read_text()
    assert "solta, texto TEXT" in revision
    assert "WITHOUT ROWID" in revision and "STRICT" in revision
    service.check(code=0)


@pytest.mark.full
def test_an_extension_that_the_tables_are_made_of_is_made_first(tmp_path: Path) -> None:
    service = new_service(tmp_path, "postgresql")
    service.sql(
        "CREATE EXTENSION citext",
        "CREATE EXTENSION pg_trgm",
        "CREATE EXTENSION btree_gist",  # nothing here is made of it; a query may be
        "CREATE TABLE clientes (email citext PRIMARY KEY, nome text)",
        "CREATE INDEX ix_nome ON clientes USING gin (nome gin_trgm_ops)",
    )
    printed = service.alambique("adopt", "--yes")
    assert "are the same, table by table" in printed
    assert service.revisions()[0].read_text().count("CREATE EXTENSION IF NOT EXISTS") == 3
    service.check(code=0)


@pytest.mark.full
def test_what_no_transaction_has_room_for_is_committed_one_by_one(
    tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    """A default PostgreSQL cannot lock some thousand tables at once; here, room is for three."""
    service = new_service(tmp_path, "postgresql")
    build(service, "everything")
    room = service.path / "vendor/alambique/adopt/one_by_one.py"
    source = room.read_text(encoding="utf-8")
    room.write_text(source.replace("ROOM = 64 * 100 // 2", "ROOM = 3"), encoding="utf-8")

    printed = service.alambique("adopt", "--yes", "--schema", "public,vendas,Esto que")
    assert "are the same, table by table" in printed
    (revision,) = service.revisions()
    said = revision.read_text(encoding="utf-8")
    assert said.count("    with op.get_context().autocommit_block():\n") == 2
    assert "SET LOCAL" not in said and said.count("RESET check_function_bodies") == 1
    service.check(code=0)

    other = Service(service.path, "postgresql", make_url(new_database("postgresql")))
    other.alambique("setup")
    other.check(code=0)
    assert shapes(other) == shapes(service)
    other.alembic("downgrade", "base")
    assert not shapes(other)
    other.alembic("upgrade", "head")
    other.check(code=0)


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
    assert revision.count("CREATE TABLE") == 2
    assert re.search(r"creates = \(['\"]itens['\"], ['\"]pedidos['\"]\)", revision)
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
    assert "class Produto" not in modules(service)["deposito"]
    printed = service.alambique("models", "--tables", "marcas", "--module", "outra", code=1)
    assert "No table to map under marcas" in printed


def test_models_relate_and_keep_what_a_key_does(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite").formatted()
    service.sql("CREATE TABLE donos (id INTEGER PRIMARY KEY)")
    service.sql("CREATE TABLE gatos (dono INTEGER PRIMARY KEY REFERENCES donos ON DELETE CASCADE)")
    service.alambique("adopt", "--yes")
    (source,) = modules(service).values()
    assert re.search(r'dono_row: Mapped\["Dono"\] = relationship\(', source), source
    assert 'ondelete="CASCADE"' in source
    assert "ON DELETE CASCADE" in service.revisions()[0].read_text()
    service.check(code=0)


def test_a_monolith_goes_apart_into_a_package(tmp_path: Path) -> None:
    """Its files refer to each other in circles: a type checker sees that, Python does not."""
    service = new_service(tmp_path, "sqlite").formatted()
    build(service, "monolith")
    assert "agrees with the models" in service.alambique("adopt", "--yes")

    package = service.path / "app" / "users" / "models"
    assert {path.stem for path in package.glob("*.py")} == {
        "__init__",
        "billing",
        "content",
        "stock",
        "users",
    }
    stock = (package / "stock.py").read_text()
    assert "if TYPE_CHECKING:\n    from app.users.models" in stock
    assert "class Friend" not in stock

    for command in (["check"], ["format", "--check"]):
        service.run(".venv/bin/ruff", *command, "app", "migrations", "--no-cache")
    service.run(".venv/bin/mypy")
    used = "from app.users.models import Stock0, User; Stock0(owner=User(name='a'))"
    service.run(".venv/bin/python", "-c", used)


@pytest.mark.parametrize("shape", ["monolith", "awkward"])
def test_the_same_database_gives_the_same_models(tmp_path: Path, shape: str) -> None:
    service = new_service(tmp_path, "sqlite")
    build(service, shape)

    written = []
    for seed in ("1", "2", "3"):
        environment = {"PYTHONHASHSEED": seed}
        service.run(".venv/bin/python", "-m", "alambique", "models", env=environment)
        files = [path for path in service.path.glob("app/**/*.py") if "models" in str(path)]
        written.append({str(path): path.read_text() for path in files})
        for path in files:
            path.unlink()
        for folder in service.path.glob("app/*/models"):
            shutil.rmtree(folder)
    assert written[0] == written[1] == written[2]


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


def test_a_key_to_a_table_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    service.sql("CREATE TABLE a (id INTEGER PRIMARY KEY, b INT REFERENCES gone)")
    service.sql("CREATE TABLE Z (id INTEGER PRIMARY KEY, a INT REFERENCES A)")
    printed = service.alambique("adopt", "--yes", code=1)
    assert "no table is there that these keys refer to: a -> gone." in printed
    assert modules(service) == {}

    service.sql("CREATE TABLE gone (id INTEGER PRIMARY KEY)")
    service.alambique("adopt", "--yes")
    assert 'ForeignKey("a.id")' in modules(service)["a"], "SQLite takes A for a"


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


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_more_tables_come_aboard_later(
    tmp_path: Path, new_database: Callable[[str], str], database: str
) -> None:
    service = new_service(tmp_path, database)
    service.sql(
        "CREATE TABLE donos (id INTEGER PRIMARY KEY)",
        "CREATE TABLE gatos (id INTEGER PRIMARY KEY, dono_id INTEGER REFERENCES donos (id))",
        "CREATE INDEX ix_gatos ON gatos (dono_id)",
        "CREATE TABLE notas (id INTEGER PRIMARY KEY)",
    )
    service.alambique("adopt", "--yes", "--tables", "donos")
    first = modules(service)
    before = dump(service)

    printed = service.alambique("adopt", "--yes", "--tables", "gatos")

    assert "are the same, table by table" in printed, printed
    assert dump(service) == before, "the live database only notes the revision"
    assert modules(service)["donos"] == first["donos"] and "gatos" in modules(service)
    assert len(service.revisions()) == 2
    service.check(code=0)
    service.sql("CREATE TABLE feita_a_mao (id INTEGER PRIMARY KEY)")
    service.alambique("adopt", "--yes")
    assert len(service.revisions()) == 3
    service.check(code=0)

    other = Service(service.path, database, make_url(new_database(database)))
    other.alambique("setup")
    other.check(code=0)
    assert shapes(other) == shapes(service)
    other.alembic("downgrade", "base")
    assert not shapes(other)


def test_the_last_line_says_how_to_work_on_the_adopted_database(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    service.sql("CREATE TABLE donos (id INTEGER PRIMARY KEY)")
    url, service.env["DATABASE_URL"] = service.env["DATABASE_URL"], "sqlite:///another.db"
    printed = service.alambique("adopt", "--yes", "--url", url)
    assert printed.splitlines()[-1].endswith(f".env: DATABASE_URL={url}")
    service.env["DATABASE_URL"] = url
    service.check(code=0)


def test_more_tables_wait_for_revisions_that_have_not_run(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    service.sql("CREATE TABLE donos (id INTEGER PRIMARY KEY)")
    service.alambique("adopt", "--yes")
    service.sql("CREATE TABLE gatos (id INTEGER PRIMARY KEY)")
    service.alembic("revision", "-m", "nada")
    printed = service.alambique("adopt", "--yes", code=1)
    assert "`make upgrade`, then `make adopt`" in printed
    assert list(modules(service)) == ["donos"]


@contextmanager
def role_on(service: Service, *grants: str) -> Iterator[str]:
    """Lend the URL of a role that may read, and what it is granted; `{role}` stands for it."""
    name = f"h_rights_{secrets.token_hex(4)}"
    role = f"{name}@'%'" if service.database == "mysql" else name
    if service.database == "mysql":
        make = [f"CREATE USER {role} IDENTIFIED BY 'x'"]
        drop = [f"DROP USER {role}"]
    else:
        make = [f"CREATE ROLE {role} LOGIN PASSWORD 'x'"]
        drop = [f"DROP OWNED BY {role}", f"DROP ROLE {role}"]
    service.sql(*make)
    try:
        service.sql(*(grant.format(role=role, db=service.url.database) for grant in grants))
        yield service.url.set(username=name, password="x").render_as_string(hide_password=False)
    finally:
        service.sql(*drop)


READS = {
    "postgresql": [
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
    ],
    "mysql": ["GRANT SELECT ON {db}.* TO {role}"],
}
STAMPS = {
    "postgresql": [*READS["postgresql"], "GRANT CREATE ON SCHEMA public TO {role}"],
    "mysql": [*READS["mysql"], "GRANT CREATE, SELECT, INSERT ON {db}.alembic_version TO {role}"],
}
TWO_TABLES = [
    "CREATE TABLE donos (id int PRIMARY KEY)",
    "CREATE TABLE notas (id int PRIMARY KEY)",
]


@pytest.mark.parametrize("database", ["postgresql", "mysql"])
def test_a_role_that_makes_no_databases_is_told_before_anything_is_written(
    tmp_path: Path, database: str
) -> None:
    service = new_service(tmp_path, database)
    service.sql(*TWO_TABLES)
    before = dump(service)
    with role_on(service, *STAMPS[database]) as url:
        printed = service.alambique("adopt", "--yes", "--url", url, code=1)
        name = make_url(url).username
        if database == "postgresql":
            assert f'ALTER ROLE "{name}" CREATEDB;' in printed, printed
        else:
            pattern = str(service.url.database).replace("_", r"\_")
            assert f"GRANT ALL ON `{pattern}\\_%`.* TO '{name}'@'%';" in printed, printed
        assert "scratch=" in printed and "Traceback" not in printed
        assert not modules(service) and not service.revisions()
        assert dump(service) == before

        there = service.url.render_as_string(hide_password=False)
        printed = service.alambique("adopt", "--yes", "--url", url, "--scratch", there)
        assert "are the same, table by table" in printed
        service.check(code=0)


@pytest.mark.parametrize("database", ["postgresql", "mysql"])
def test_a_role_that_may_not_stamp_is_told_before_anything_is_written(
    tmp_path: Path, database: str
) -> None:
    service = new_service(tmp_path, database)
    service.sql(*TWO_TABLES)
    before = dump(service)
    there = service.url.render_as_string(hide_password=False)
    with role_on(service, *READS[database]) as url:
        said = ["adopt", "--yes", "--url", url, "--scratch", there]
        printed = service.alambique(*said, code=1)
        granted = re.search(r"GRANT .*?;", printed)
        assert granted and "alembic_version" in printed and "Traceback" not in printed, printed
        assert not modules(service) and not service.revisions()
        assert dump(service) == before

        service.sql(granted.group().rstrip(";"))
        assert "are the same, table by table" in service.alambique(*said)
        service.check(code=0)


@pytest.mark.parametrize("where", ["", pytest.param("IN DATABASE {db}", marks=pytest.mark.full)])
def test_a_role_that_only_reads_is_told_before_anything_is_written(
    tmp_path: Path, where: str
) -> None:
    service = new_service(tmp_path, "postgresql")
    service.sql(*TWO_TABLES)
    only = f"ALTER ROLE {{role}} {where} SET default_transaction_read_only = on"
    with role_on(service, *STAMPS["postgresql"], only, "ALTER ROLE {role} CREATEDB") as url:
        printed = service.alambique("adopt", "--yes", "--url", url, code=1)
        mends = re.search(r"ALTER ROLE .*?;", printed)
        assert mends and "read-only" in printed and "Traceback" not in printed, printed
        assert not modules(service) and not service.revisions()
        service.sql(mends.group().rstrip(";"))
        service.alambique("adopt", "--yes", "--url", url)


def test_a_sqlite_file_that_is_not_written_is_told_before_anything_is(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    service.sql(*TWO_TABLES)
    url = f"sqlite:///file:{service.url.database}?mode=ro&uri=true"
    printed = service.alambique("adopt", "--yes", "--url", url, code=1)
    assert "cannot be written" in printed and "Traceback" not in printed, printed
    assert not modules(service) and not service.revisions()


def test_scratch_is_of_the_same_kind(tmp_path: Path) -> None:
    service = new_service(tmp_path, "postgresql")
    service.sql(*TWO_TABLES)
    printed = service.alambique("adopt", "--yes", "--scratch", "sqlite:///x.db", code=1)
    assert "scratch=" in printed and "Traceback" not in printed, printed
    assert not modules(service) and not service.revisions()


BROKEN = """

def _broken(real):
    def fails(*arguments, **options):
        real(*arguments, **options)
        raise {error}
    return fails

{name} = _broken({name})
"""


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "OSError('the disk is full')"])
@pytest.mark.parametrize("name", ["write_baseline", "say_what_template_left_out"])
def test_a_run_that_failed_half_way_runs_again(tmp_path: Path, name: str, error: str) -> None:
    service = new_service(tmp_path, "sqlite")
    service.sql(*TWO_TABLES)
    service.write("app/mine/models.py", '"""Mine."""\n')
    files = [service.path / "app", service.path / "migrations"]
    before = [sorted(folder.rglob("*.py")) for folder in files]
    library = service.path / "vendor/alambique/adopt/adopt.py"
    healthy = library.read_text()
    library.write_text(healthy + BROKEN.format(name=name, error=error))

    printed = service.alambique("adopt", "--yes", code=None)
    assert "are the same" not in printed
    assert [sorted(folder.rglob("*.py")) for folder in files] == before, printed

    library.write_text(healthy)
    assert "are the same, table by table" in service.alambique("adopt", "--yes")
    service.check(code=0)


def test_models_to_be_mended_stay(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    service.sql("CREATE TABLE notas (id INTEGER PRIMARY KEY)")
    template = service.path / "migrations/script.py.mako"
    fails = 'op.execute("nonsense")\n    ${upgrades'
    template.write_text(template.read_text().replace("${upgrades", fails, 1))
    printed = service.alambique("adopt", "--yes", code=1)
    assert "an empty database cannot be built from it" in printed, printed
    assert modules(service) and service.revisions()


def test_nothing_is_stamped_where_what_was_rebuilt_drifts(tmp_path: Path) -> None:
    """A project whose own comparison never agrees would be red from its first day on."""
    service = new_service(tmp_path, "sqlite")
    service.sql("CREATE TABLE notas (id INTEGER PRIMARY KEY, texto TEXT)")
    env = service.path / "migrations" / "env.py"
    differs = "run_migrations(compare_type=lambda *_: True)"
    env.write_text(env.read_text().replace("run_migrations()\n", f"{differs}\n"))

    printed = service.alambique("adopt", "--yes", code=1)
    assert "builds and the models differ, so nothing was written to yours" in printed, printed
    assert modules(service) and service.revisions()
    assert service.inspector().get_table_names() == ["notas"]
