"""`make redefine`: what is no table changes in a revision that keeps the former definition."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alambique.adopt.definitions import read_definitions
from sqlalchemy.engine import URL

from support.database import DATABASES
from support.evolution import Service, new_service
from support.project import read

TABLES = [
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(40), age INTEGER)",
    "INSERT INTO users VALUES (1, 'Ana', 30), (2, 'Bia', 17)",
    "CREATE VIEW adults AS SELECT id, name FROM users WHERE age >= 18",
    "CREATE VIEW adult_names AS SELECT name FROM adults",
]
BESIDES = {
    "sqlite": [
        "CREATE TRIGGER watch AFTER UPDATE ON users BEGIN\n"
        '  DELETE FROM users WHERE name = \':x\n    indented """\n\\:y\' || "name";\nEND',
        "CREATE TRIGGER into_adults INSTEAD OF INSERT ON adults"
        " BEGIN INSERT INTO users VALUES (new.id, new.name, 18); END",
    ],
    "postgresql": [
        "CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS how_many FROM adult_names",
        "CREATE UNIQUE INDEX ON counted (how_many)",
        "COMMENT ON VIEW adults IS 'Who may; \"sign\": 18'",
        "CREATE FUNCTION older(age integer) RETURNS integer LANGUAGE sql"
        " AS $$ SELECT age + 1 /* a%b :c */ $$",
        "CREATE FUNCTION older(age text) RETURNS text LANGUAGE sql AS $$ SELECT age $$",
        "CREATE FUNCTION checked() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$",
        "CREATE TRIGGER watch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION checked()",
        "ALTER TABLE users DISABLE TRIGGER watch",
        "CREATE TRIGGER into_adults INSTEAD OF INSERT ON adults"
        " FOR EACH ROW EXECUTE FUNCTION checked()",
        "ALTER TABLE users ENABLE ROW LEVEL SECURITY",
        'CREATE POLICY "their own" ON users USING (name = current_user)',
    ],
    "mysql": [
        "CREATE FUNCTION older(age INTEGER) RETURNS INTEGER DETERMINISTIC"
        " RETURN age + 1 /* a%b :c */",
        "CREATE PROCEDURE aged()\nBEGIN\n  UPDATE users SET age = age + 1; /* '\n  \n :x */\nEND",
        "CREATE TRIGGER watch BEFORE UPDATE ON users FOR EACH ROW SET new.age = abs(new.age)",
    ],
}
NAMES = {
    "sqlite": ["adults", "adult_names", "watch", "adults.into_adults"],
    "postgresql": [
        "adults",
        "public.adult_names",
        "counted",
        "older(integer)",
        "checked",
        "users.watch",
        "into_adults",
        "their own",
    ],
    "mysql": ["adults", "adult_names", "older", "aged", "users.watch"],
}


@pytest.fixture(params=DATABASES)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Service:
    """A service whose database has more than tables."""
    made = new_service(tmp_path, request.param)
    made.sql(*(each.replace(":", r"\:") for each in [*TABLES, *BESIDES[made.database]]))
    return made


@contextmanager
def a_role(service: Service) -> Iterator[str]:
    """Have a role on the server, which belongs to nobody else."""
    role = f"Reader_{secrets.token_hex(4)}"
    service.sql(f'CREATE ROLE "{role}"')
    try:
        yield role
    finally:
        service.sql(
            f'REASSIGN OWNED BY "{role}" TO CURRENT_USER',
            f'DROP OWNED BY "{role}"',
            f'DROP ROLE "{role}"',
        )


def definitions_of(url: URL) -> dict[str, str]:
    """Return each thing of a database with the statement that makes it; not how it is read."""
    return {each.key: each.create for each in read_definitions(url)}


def granted(service: Service) -> list[tuple[str, ...]]:
    """Return who may do what with the views, their columns and the functions; and their owners."""
    return service.sql(
        "SELECT relname, CAST(relacl AS text), pg_get_userbyid(relowner) FROM pg_class"
        " WHERE relkind = 'v' AND relname LIKE 'adult%' UNION ALL"
        " SELECT attname, CAST(attacl AS text), '' FROM pg_attribute"
        " WHERE attacl IS NOT NULL AND attrelid >= 16384 UNION ALL"
        " SELECT proname, CAST(proacl AS text), pg_get_userbyid(proowner) FROM pg_proc"
        " WHERE oid >= 16384 ORDER BY 1, 2"
    )


def redefined(service: Service, name: str) -> Path:
    before = service.revisions()
    service.alambique("redefine", name)
    (new,) = set(service.revisions()) - set(before)
    return new


def test_as_it_is_it_changes_nothing(service: Service) -> None:
    was = definitions_of(service.url)
    for name in NAMES[service.database]:
        redefined(service, name)
        service.alembic("upgrade", "head")
        assert definitions_of(service.url) == was, name
        service.alembic("downgrade", "-1")
        assert definitions_of(service.url) == was, name
        service.alembic("upgrade", "head")
    assert service.sql("SELECT id, name FROM adults") == [(1, "Ana")]
    assert service.sql("SELECT count(*) FROM users") == [(2,)]


def test_the_former_definition_comes_back(service: Service) -> None:
    was = definitions_of(service.url)
    written = redefined(service, "adults")
    upgrade, there, downgrade = read(written).partition("def downgrade")
    assert "18" in upgrade and "18" in downgrade
    written.write_text(upgrade.replace("18", "16") + there + downgrade)

    service.alembic("upgrade", "head")
    names = service.sql("SELECT name FROM adult_names ORDER BY name")
    assert names == [("Ana",), ("Bia",)]
    printed = service.alambique("downgrade", "-1", code=0)
    assert "lose" not in printed
    assert definitions_of(service.url) == was


def test_what_was_granted_is_granted_again(tmp_path: Path) -> None:
    service = new_service(tmp_path, "postgresql")
    service.sql(*TABLES)
    with a_role(service) as role:
        service.sql(
            "CREATE FUNCTION some_adults() RETURNS SETOF adults LANGUAGE sql"
            " AS 'SELECT * FROM adults'",
            "REVOKE ALL ON FUNCTION some_adults() FROM PUBLIC",
            f'GRANT EXECUTE ON FUNCTION some_adults() TO "{role}"',
            f'GRANT CREATE ON SCHEMA public TO "{role}"',
            f'GRANT SELECT ON users TO "{role}"',
            f'ALTER VIEW adult_names OWNER TO "{role}"',
            f'GRANT SELECT, INSERT ON adults TO "{role}"',
            f'GRANT DELETE ON adults TO "{role}" WITH GRANT OPTION',
            f'GRANT UPDATE (name) ON adults TO "{role}"',
            "GRANT SELECT ON adult_names TO PUBLIC",
        )
        was = granted(service)
        redefined(service, "adults")
        service.alembic("upgrade", "head")
        assert granted(service) == was
        service.alembic("downgrade", "base")
    # Where nobody is called so, nobody is granted anything.
    service.alembic("upgrade", "head")


def test_a_name_that_says_too_little_or_nothing(service: Service) -> None:
    printed = service.alambique("redefine", "adultos", code=1)
    assert "called adultos" in printed and "adult_names, adults" in printed
    assert "called users" in service.alambique("redefine", "users", code=1)
    if service.database == "postgresql":
        printed = service.alambique("redefine", "older", code=1)
        assert "public.older(integer), public.older(text)" in printed
    assert not service.revisions()


def test_what_a_table_needs_is_not_dropped(tmp_path: Path) -> None:
    service = new_service(tmp_path, "postgresql")
    service.sql("CREATE VIEW pair AS SELECT 1 AS x", "CREATE TABLE pairs (one pair)")
    printed = service.alambique("redefine", "pair", code=1)
    assert "VIEW public.pair" in printed and "TABLE public.pairs" in printed
    assert not service.revisions()


def test_behind_it_waits(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    service.sql(*TABLES)
    redefined(service, "adults")
    assert "make upgrade" in service.alambique("redefine", "adults", code=1)


ENTITY = """
Table("users", metadata, Column("id", Integer, primary_key=True), Column("age", Integer))

from alembic_utils.pg_view import PGView
from alembic_utils.replaceable_entity import register_entities

ADULTS = "SELECT id FROM users WHERE age >= {age}"
register_entities([PGView(schema="public", signature="adults", definition=ADULTS)])
"""


def test_alembic_utils_compares_what_is_declared_in_code(tmp_path: Path) -> None:
    """As `docs/beyond-models.md` says: env.py stays as it is."""
    service = new_service(tmp_path, "postgresql")
    service.models(ENTITY.split("from alembic_utils")[0])
    service.migrate()
    service.models(ENTITY.format(age=18))
    assert "op.create_entity" in service.migrate()
    service.check(code=0)

    service.models(ENTITY.format(age=16))
    assert "replace_entity" in service.check(code=5)
    assert "op.replace_entity" in service.migrate()
    service.check(code=0)
    service.alembic("downgrade", "-1")
    assert "18" in definitions_of(service.url)["VIEW public.adults"]
