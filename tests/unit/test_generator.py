"""The source of models: names that people would give, and relationships that SQLAlchemy takes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique.adopt.base import ProjectBase
from alambique.adopt.generator import Generator
from alambique.names import TableName
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import NullPool

from support.minimal import minimal_project
from support.servers import server_url

Write = Callable[..., str]


def written(database: str, *tables: sa.Table) -> str:
    """Return the models of tables that were read from such a server."""

    class Base(DeclarativeBase):
        pass

    base = ProjectBase("core.database", "Base", Base)
    ours = [TableName.of(table) for table in tables]
    with sa.create_engine(server_url(database), poolclass=NullPool).connect() as connection:
        return Generator(tables[0].metadata, connection, base, ours, taken=set()).generate()


def test_a_name_that_a_dialect_has_too_is_imported_once() -> None:
    metadata, own = sa.MetaData(), mysql.CHAR(2, charset="latin1")
    source = written(
        "mysql",
        sa.Table("a", metadata, sa.Column("id", sa.CHAR(2), primary_key=True)),
        sa.Table("b", metadata, sa.Column("id", own, primary_key=True)),
    )
    imports = [line for line in source.splitlines() if "import" in line and "CHAR" in line]
    assert imports == ["from sqlalchemy.dialects.mysql import CHAR"]


def test_an_index_on_an_expression_says_its_operator_class() -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column("n", sa.Text, primary_key=True))
    sa.Index(
        "i",
        sa.text("lower(n)"),
        table.c.n.desc(),
        sa.text("upper(n) DESC"),
        sa.text("n || n"),
        postgresql_ops={"lower(n)": "gin_trgm_ops", "n": "some_ops", "upper(n)": "other_ops"},
        _table=table,
    )
    source = written("postgresql", table)
    assert "literal_column('lower(n)'), text('n some_ops DESC')" in source
    assert "text('upper(n) other_ops DESC'), text('n || n')" in source


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return what writes models for these statements of SQLite, and has SQLAlchemy relate them."""
    minimal_project(tmp_path)

    def write(*statements: str) -> str:
        class Base(DeclarativeBase):
            pass

        metadata = sa.MetaData()
        with sa.create_engine("sqlite://").connect() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))
            metadata.reflect(connection)
            ours = [TableName.of(table) for table in metadata.tables.values()]
            base = ProjectBase("core.database", "Base", Base)
            source = Generator(metadata, connection, base, ours, taken=set()).generate()

        there = {"Base": Base, "__name__": "models"}
        exec(source.replace("from core.database import Base\n", ""), there)
        Base.registry.configure()
        return source

    return write


def test_a_class_is_one_and_a_relationship_to_many_is_many(write: Write) -> None:
    source = write(
        "CREATE TABLE categories (id INTEGER PRIMARY KEY)",
        "CREATE TABLE movies (id INTEGER PRIMARY KEY, category_id INT REFERENCES categories)",
    )
    assert "class Category(Base)" in source and "class Movie(Base)" in source
    assert "    movies: Mapped[list['Movie']]" in source
    assert "    category: Mapped['Category | None']" in source


def test_tables_of_which_one_is_the_plural_of_the_other(write: Write) -> None:
    source = write(
        "CREATE TABLE user (id INTEGER PRIMARY KEY)",
        "CREATE TABLE users (id INTEGER PRIMARY KEY)",
    )
    assert "class User(Base)" in source and "class Users(Base)" in source


def test_a_key_that_is_called_like_what_it_refers_to(write: Write) -> None:
    source = write(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, parent INT REFERENCES people)",
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, person INT REFERENCES people,"
        " payer_id INT REFERENCES people)",
    )
    assert "_: Mapped" not in source and "_reverse" not in source
    assert "    people: Mapped[list['Person']]" in source
    assert "    payer: Mapped['Person | None']" in source


def test_a_word_is_left_free_where_no_model_is_written_in_it(write: Write) -> None:
    source = write(
        "CREATE TABLE files (id INTEGER PRIMARY KEY, bytes INT, text TEXT, list TEXT)",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT DEFAULT 'x')",
    )
    assert "    bytes: Mapped[int | None]" in source.replace("Optional[int]", "int | None")
    assert "    text: Mapped[" in source and "    text_: Mapped[" in source


@pytest.mark.parametrize("columns", [1, 2])
def test_many_to_many_on_itself(write: Write, columns: int) -> None:
    key = ["x", "y"][:columns]
    ones, others = [f"one_{each}" for each in key], [f"other_{each}" for each in key]
    source = write(
        f"CREATE TABLE places ({', '.join(f'{each} INT' for each in key)},"
        f" PRIMARY KEY ({', '.join(key)}))",
        f"CREATE TABLE roads ({', '.join(f'{each} INT' for each in ones + others)},"
        f" PRIMARY KEY ({', '.join(ones + others)}),"
        f" FOREIGN KEY ({', '.join(ones)}) REFERENCES places ({', '.join(key)}),"
        f" FOREIGN KEY ({', '.join(others)}) REFERENCES places ({', '.join(key)}))",
    )
    assert source.count("secondaryjoin=lambda: ") == 2


def test_a_key_of_several_columns_is_called_by_the_one_that_says_most(write: Write) -> None:
    source = write(
        "CREATE TABLE nodes (tenant INT, id INT, boss_id INT, parent_tenant INT, parent_id INT,"
        " PRIMARY KEY (tenant, id), FOREIGN KEY (tenant, boss_id) REFERENCES nodes (tenant, id),"
        " FOREIGN KEY (parent_tenant, parent_id) REFERENCES nodes (tenant, id))",
    )
    assert "    boss: Mapped['Node | None']" in source
    assert "    parent: Mapped['Node | None']" in source
    assert "    nodes_by_boss: Mapped[list['Node']]" in source


def test_one_that_refers_to_one_of_its_own_kind(write: Write) -> None:
    source = write(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, spouse_id INT UNIQUE REFERENCES people)"
    )
    assert "    spouse: Mapped['Person | None']" in source
    assert "    person_by_spouse: Mapped['Person | None']" in source


def test_names_in_capitals_are_told_apart(write: Write) -> None:
    source = write(
        "CREATE TABLE MediaType (MediaTypeId INTEGER PRIMARY KEY)",
        "CREATE TABLE Employee (EmployeeId INTEGER PRIMARY KEY, Employee TEXT,"
        " ReportsTo INT REFERENCES Employee, MediaTypeId INT REFERENCES MediaType,"
        " RepId INT REFERENCES MediaType)",
        "CREATE TABLE ORDER_ITEMS (ID INTEGER PRIMARY KEY, EMPLOYEE_ID INT REFERENCES Employee)",
    )
    assert "class OrderItem(Base)" in source
    assert "    Employee_: Mapped[Optional[str]]" in source  # the class speaks of itself
    assert "    reports_to: Mapped['Employee | None']" in source
    assert "    employees: Mapped[list['Employee']]" in source
    assert "    media_type: Mapped['MediaType | None']" in source
    assert "    rep: Mapped['MediaType | None']" in source
    assert "    employees_by_rep: Mapped[list['Employee']]" in source
    assert "    employee: Mapped['Employee | None']" in source
    assert "    order_items: Mapped[list['OrderItem']]" in source


def test_a_key_that_begins_with_its_word_for_one(write: Write) -> None:
    source = write(
        "CREATE TABLE users (id INTEGER PRIMARY KEY)",
        "CREATE TABLE sales (id INTEGER PRIMARY KEY, id_buyer INT REFERENCES users,"
        " seller_uuid INT REFERENCES users)",
    )
    assert "    buyer: Mapped['User | None']" in source
    assert "    seller: Mapped['User | None']" in source
    assert "    sales_by_buyer: Mapped[list['Sale']]" in source


def test_several_links_between_two_tables_are_told_apart(write: Write) -> None:
    link = "(post_id INT REFERENCES posts, user_id INT REFERENCES users)"
    source = write(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY)",
        "CREATE TABLE users (id INTEGER PRIMARY KEY)",
        f"CREATE TABLE likes {link}",
        f"CREATE TABLE post_bookmarks {link}",
        "CREATE TABLE issues (id INTEGER PRIMARY KEY, resolved_by INT REFERENCES users,"
        " reporter_id INT REFERENCES users)",
    )
    assert "    issues_resolved_by: Mapped[list['Issue']]" in source
    assert "    users_by_likes: Mapped[list['User']]" in source
    assert "    posts_by_bookmarks: Mapped[list['Post']]" in source
