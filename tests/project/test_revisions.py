"""What a generated revision looks like: portable, named, formatted, and as good backwards.

On every database a revision is written, applied, undone and applied again; it names all its
constraints, imports nothing of the application, and its file can be carried anywhere.
"""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from support.database import DATABASES
from support.evolution import Service, new_service
from support.messages import sentence
from support.project import Project

KEY = "Column('id', Integer, primary_key=True)"


@pytest.fixture
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Service:
    return new_service(tmp_path, request.param)


def up_down_up(service: Service) -> None:
    """Undo everything, do it again, and find nothing left to compare."""
    at_head = service.shape()
    service.alembic("downgrade", "base")
    assert service.shape() == {}
    service.alembic("upgrade", "head")
    assert service.shape() == at_head
    assert service.differences() == []


TYPES = """
import enum
from sqlalchemy.types import TypeDecorator

class Cor(enum.Enum):
    azul = 1
    verde = 2

class Dinheiro(TypeDecorator):
    impl = Numeric(10, 2)
    cache_ok = True

class Lista(TypeDecorator):
    impl = JSON
    cache_ok = True

class Texto(TypeDecorator):
    impl = String
    cache_ok = True

class Apelido(TypeDecorator):
    impl = Texto(20)
    cache_ok = True

class Pintado(TypeDecorator):
    impl = Enum(Cor, name="cores")
    cache_ok = True
"""


def test_types_of_the_application_are_written_as_what_they_are(service: Service) -> None:
    service.models(
        f"{TYPES}\nTable('t', metadata, {KEY}, Column('preco', Dinheiro), Column('itens', Lista),"
        " Column('nome', Texto(30)), Column('apelido', Apelido), Column('cor', Pintado))"
    )
    written = service.migrate()
    assert "sa.Numeric(precision=10, scale=2)" in written
    assert "sa.String(length=30)" in written and "sa.String(length=20)" in written
    assert "sa.JSON()" in written and "sa.Enum('azul', 'verde'" in written
    assert imports(written) <= {"sqlalchemy", "alembic"}
    up_down_up(service)


def imports(source: str) -> set[str]:
    """Return the packages that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    return found


@pytest.mark.full
@pytest.mark.parametrize("line", ["import app.loja.models", "from core import database"])
def test_the_projects_own_test_finds_an_import_of_the_application(
    tmp_path: Path, line: str
) -> None:
    service = new_service(tmp_path, "sqlite")
    service.models(f"Table('t', metadata, {KEY})")
    service.migrate()
    command = (".venv/bin/python", "-m", "pytest", "-q", "tests/test_migrations.py")
    chosen = ("-k", "test_the_revisions_are_fit_for_review")
    service.run(*command, *chosen)
    path = service.revisions()[0]
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    assert line.split()[1].partition(".")[0] in service.run(*command, *chosen, code=1)


ENUMS = {
    "native": "Enum('a', 'b', name='letra')",
    "text": "Enum('a', 'b', name='letra', native_enum=False)",
    "checked": "Enum('a', 'b', name='letra', native_enum=False, create_constraint=True)",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Test two kinds of Enum, each on one database; all of them on all with --full."""
    if "enum" in metafunc.fixturenames:
        chosen = {"postgresql-native", "mysql-checked"}
        cells = [
            pytest.param(database, enum, id=f"{database}-{kind}")
            for database in DATABASES
            for kind, enum in ENUMS.items()
            if metafunc.config.getoption("full") or f"{database}-{kind}" in chosen
        ]
        metafunc.parametrize(("service", "enum"), cells, indirect=["service"])
    elif "service" in metafunc.fixturenames:
        metafunc.parametrize("service", DATABASES, indirect=True)


def test_an_enum_comes_and_goes(service: Service, enum: str) -> None:
    service.models(f"Table('t', metadata, {KEY}, Column('letra', {enum}))")
    service.migrate()
    up_down_up(service)
    other = enum.replace("letra", "outra").replace("'a'", "'d\\'água:x'")
    both = f"Column('letra', {enum}), Column('outra', {other}), Column('mais', {enum})"
    service.models(
        f"Table('t', metadata, {KEY}, {both})\nTable('u', metadata, {KEY}, Column('l', {enum}))"
    )
    service.migrate()
    service.sql("INSERT INTO t (id, letra, mais) VALUES (1, 'a', 'b')")
    service.alembic("downgrade", "-1")
    service.alembic("upgrade", "head")
    assert service.sql("SELECT letra FROM t") == [("a",)]
    up_down_up(service)
    service.models(f"Table('u', metadata, {KEY}, Column('l', {enum}))")
    service.migrate("drop=t")
    service.alembic("downgrade", "-1")
    service.alembic("upgrade", "head")
    assert service.differences() == []
    up_down_up(service)


LETTERS = "Enum({members}, name='letra')"


def letters(members: str, default: str = "") -> str:
    """Return two tables with columns of an Enum, one of them an array."""
    letter = LETTERS.format(members=members)
    return (
        f"Table('t', metadata, {KEY}, Column('letra', {letter}, nullable=False{default}),"
        f" Column('varias', ARRAY({letter})))\n"
        f"Table('u', metadata, {KEY}, Column('letra', {letter}))"
    )


@pytest.fixture
def lettered(tmp_path: Path) -> Service:
    """Return a service on PostgreSQL whose tables have rows with the letters a and b."""
    service = new_service(tmp_path, "postgresql", "pt")
    service.models(letters("'a', 'b'", ", server_default='a'"))
    service.migrate()
    service.sql(
        "INSERT INTO t (id, varias) VALUES (1, '{a,b}')",
        "INSERT INTO t (id, letra) VALUES (2, 'b')",
        "INSERT INTO u VALUES (1, 'b')",
    )
    return service


KEPT = [(1, "a", "{a,b}"), (2, "b", None)]


def kept(service: Service) -> list[Any]:
    """Return what is in the rows, the arrays as texts."""
    return service.sql("SELECT id, letra, CAST(varias AS text) FROM t ORDER BY id")


@pytest.mark.parametrize(
    ("members", "default"),
    [
        ("'a', 'b', 'c'", "a"),
        ("'z', 'a', 'it''s: 5%', 'b'".replace("''", "\\'"), "z"),
        ("'b', 'a'", "b"),
        ("'a', 'x', 'b', 'y'", "x"),
    ],
)
def test_other_members_of_a_native_enum_are_written(
    lettered: Service, members: str, default: str
) -> None:
    lettered.models(letters(members, f", server_default='{default}'"))
    lettered.migrate()
    assert lettered.differences() == []
    assert kept(lettered) == KEPT
    lettered.sql("INSERT INTO t (id) VALUES (3)")
    assert lettered.sql("SELECT letra FROM t WHERE id = 3") == [(default,)]

    lettered.sql("DELETE FROM t WHERE id = 3")
    lettered.alembic("downgrade", "-1")
    assert kept(lettered) == KEPT
    assert lettered.sql("SELECT unnest(enum_range(NULL::letra))::text") == [("a",), ("b",)]
    lettered.alembic("upgrade", "head")
    assert lettered.differences() == []
    assert kept(lettered) == KEPT


def test_a_member_goes_once_somebody_said_so(lettered: Service) -> None:
    lettered.sql("ALTER TYPE letra ADD VALUE 'c'")
    lettered.sql("ALTER TABLE t ADD outra letra DEFAULT 'c'")
    fewer = "'d', 'b', 'a'"
    letter = LETTERS.format(members=fewer)
    new_table = f"Table('v', metadata, {KEY}, Column('letra', {letter}, server_default='d'))"
    two_tables = letters(fewer, ", server_default='d'")
    lettered.models(f"{two_tables}\n{new_table}")
    refused = lettered.migrate("drop=t.outra", code=255)
    assert "letra (a, b, c)" in refused and "letra (d, b, a)" in refused
    lettered.migrate("drop=t.outra", "drop=t.letra", "drop=t.varias", "drop=u.letra")
    assert lettered.differences() == []
    assert kept(lettered) == KEPT
    assert lettered.sql("SELECT unnest(enum_range(NULL::letra))::text") == [("d",), ("b",), ("a",)]

    lettered.alembic("downgrade", "-1")
    assert kept(lettered) == KEPT
    lettered.sql("INSERT INTO t (id, letra) VALUES (3, 'c')")
    assert lettered.sql("SELECT outra FROM t WHERE id = 3") == [("c",)]
    lettered.sql("DELETE FROM t WHERE id = 3")
    lettered.alembic("upgrade", "head")
    assert lettered.differences() == []


@pytest.mark.parametrize("language", ["pt", "en"])
def test_a_type_that_something_speaks_of_is_not_made_anew(tmp_path: Path, language: str) -> None:
    service = new_service(tmp_path, "postgresql", language)
    service.models(letters("'a', 'b'"))
    service.migrate()
    service.sql("CREATE VIEW as_letras AS SELECT letra FROM u")
    service.models(letters("'b', 'a'"))
    refused = service.migrate(code=255)
    assert sentence(service, "ENUM_IS_USED", name="letra").search(refused)
    assert "as_letras" in refused

    service.models(letters("'a', 'b', 'c'"))
    service.migrate()
    service.alembic("downgrade", "-1")  # a member more is no loss
    service.alembic("upgrade", "head")
    assert service.differences() == []


def test_an_indexed_foreign_key_can_be_undone(service: Service) -> None:
    models = f"Table('pai', metadata, {KEY})\n"
    service.models(models)
    service.migrate()
    child = "Column('pai_id', ForeignKey('pai.id'), nullable=True, index=True)"
    models += f"Table('filho', metadata, {KEY}, {child}, Column('x', Integer))\n"
    service.models(models)
    service.migrate()
    up_down_up(service)
    more = "Column('outro_id', ForeignKey('pai.id'), unique=True)"
    service.models(models.replace("Column('x', Integer)", f"Column('x', Integer), {more}"))
    service.migrate()
    up_down_up(service)
    service.models(models.replace(f"{child}, ", ""))
    service.migrate("drop=filho.outro_id", "drop=filho.pai_id")
    up_down_up(service)


def circle(*options: str) -> str:
    """Return three tables that refer to each other in a circle, two of them both ways."""
    ab, ba, bc, ca = options
    return f"""
Table('a', metadata, {KEY}, Column('b_id', Integer, ForeignKey('b.id'{ab})),
    Column('a_id', Integer, ForeignKey('a.id')))
Table('b', metadata, {KEY}, Column('a_id', Integer, ForeignKey('a.id'{ba})),
    Column('c_id', Integer, ForeignKey('c.id'{bc})))
Table('c', metadata, {KEY}, Column('a_id', Integer, ForeignKey('a.id'{ca})))
"""


@pytest.mark.parametrize("options", [("", "", "", ""), (", use_alter=True", "", "", "")])
def test_tables_that_refer_to_each_other_come_and_go(
    service: Service, options: tuple[str, ...]
) -> None:
    other = f"Table('z', metadata, {KEY})\n"
    service.models(other + circle(*options))
    service.migrate()
    assert service.differences() == []
    service.sql("INSERT INTO a (id) VALUES (1)", "INSERT INTO c (id, a_id) VALUES (1, 1)")
    assert len(service.inspector().get_foreign_keys("b")) == 2
    up_down_up(service)

    service.models(other)
    service.migrate("drop=a", "drop=b", "drop=c")
    assert service.differences() == []
    up_down_up(service)


def test_every_constraint_has_the_name_of_the_convention(service: Service) -> None:
    service.models(
        f"Table('pai', metadata, {KEY}, Column('a', Integer), Column('b', Integer),"
        " UniqueConstraint('a', 'b'))\n"
        f"Table('t', metadata, {KEY}, Column('a', Integer, unique=True), Column('b', Integer),"
        " Column('c', Integer, index=True), Column('p', ForeignKey('pai.id')),"
        " UniqueConstraint('a', 'b'), ForeignKeyConstraint(['a', 'b'], ['pai.a', 'pai.b']),"
        " CheckConstraint('b > 0', name='positivo'), Index(None, 'a', 'c'),"
        " Column('letra', Enum('x', native_enum=False, create_constraint=True, name='letra')),"
        " Column('sim', Boolean(create_constraint=True, name='sim')))"
    )
    written = service.migrate()
    found = service.inspector()
    names = {
        "uq_t_a",
        "uq_t_a_b",
        "fk_t_p_pai",
        "fk_t_a_b_pai",
        "ck_t_positivo",
        "ck_t_letra",
        "ix_t_c",
        "ix_t_a_c",
    }
    there = {
        str(each["name"])
        for kind in ("unique_constraints", "foreign_keys", "check_constraints", "indexes")
        for each in getattr(found, f"get_{kind}")("t")
    }
    if service.database != "postgresql":  # where a CHECK stands in for BOOLEAN
        names.add("ck_t_sim")
    assert there == names
    if service.database != "mysql":
        assert found.get_pk_constraint("t")["name"] == "pk_t"
    for call in ast.walk(ast.parse(written)):
        if isinstance(call, ast.Call) and "Constraint" in ast.unparse(call.func):
            assert any(keyword.arg == "name" for keyword in call.keywords), ast.unparse(call)
    up_down_up(service)


def test_an_unnamed_check_is_refused_with_its_model(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite")
    service.models(f"Table('t', metadata, {KEY}, CheckConstraint('id > 0'))")
    assert sentence(service, "MODEL_NOT_IMPORTED").search(service.migrate(code=255))


TITLES = [
    ("descrição do usuário", "descricao_do_usuario"),
    ("Ação: 100% ñandú", "acao_100_nandu"),
    ("日本語", ""),
    ("a/b\\c:d*e?f", "a_b_c_d_e_f"),
    ("x" * 200, "x"),
]


@pytest.mark.parametrize(("title", "slug"), TITLES, ids=range(len(TITLES)))
def test_a_file_name_can_be_carried_anywhere(tmp_path: Path, title: str, slug: str) -> None:
    service = new_service(tmp_path, "sqlite")
    service.models(f"Table('t', metadata, {KEY})")
    for number, autogenerate in enumerate((["--autogenerate"], [])):
        service.alembic("revision", *autogenerate, "-m", title)
        path = service.revisions()[-1]
        assert re.fullmatch(r"\d{4}_\d\d_\d\d_\d{4}-[0-9a-f]{12}_[a-z0-9_]*\.py", path.name)
        assert slug in path.name and len(path.name) < 100
        text = path.read_text(encoding="utf-8")
        assert title in text or "\\" in title
        revision = re.search(r'^revision = ["\'](.+)["\']$', text, re.MULTILINE)
        assert revision and len(revision[1]) <= 32
        if not number:
            service.alembic("upgrade", "head")
            path.rename(path.with_name("0" + path.name))


def test_a_revision_is_formatted(tmp_path: Path) -> None:
    service = new_service(tmp_path, "postgresql").formatted()
    columns = ", ".join(
        f"Column('c{n}', postgresql.JSONB, comment='{n} \"aspas\"')" for n in range(9)
    )
    service.models(f"Table('t', metadata, {KEY}, {columns})")
    written = service.migrate()
    assert "'" not in written.replace("'{n}", "").partition("def upgrade")[0]
    path = str(service.revisions()[0])
    service.run(".venv/bin/ruff", "format", "--check", path)
    service.run(".venv/bin/ruff", "check", path)


@pytest.mark.parametrize("language", ["pt", "en"])
def test_a_revision_that_cannot_be_formatted_is_an_error(tmp_path: Path, language: str) -> None:
    service = new_service(tmp_path, "sqlite", language).formatted()
    service.write("ruff/__init__.py", "")
    service.write("ruff/__main__.py", "raise SystemExit('no ruff')")  # shadows the real one
    service.env |= service.python_path(service.path)
    service.models(f"Table('t', metadata, {KEY})")
    printed = service.alembic("revision", "--autogenerate", "-m", "x", code=255)
    path = service.revisions()[0]
    assert sentence(service, "NOT_FORMATTED", path=path).search(printed)


def test_the_sql_of_a_revision_needs_no_connection(service: Service) -> None:
    service.models(f"Table('t', metadata, {KEY}, Column('letra', Enum('a', 'b', name='letra')))")
    service.migrate()
    project = Project(service.path)
    project.env["DATABASE_URL"] = str(service.url.set(host="192.0.2.1")) if service.url.host else ""
    if service.url.host:
        assert "CREATE TABLE t" in project.alembic("upgrade", "head", "--sql")
