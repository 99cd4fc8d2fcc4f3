"""A project's database as a stranger sees it: what is asked, emptied and compared afterwards.

Nothing heavy is imported here: the processes of `support.history` read this module, too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import MetaData, Table, create_engine, inspect, select, text
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.pool import NullPool
from sqlalchemy_utils import create_database

if TYPE_CHECKING:
    from support.project import Project

DATABASES = ["sqlite", "postgresql", "mysql"]
ALWAYS_THERE = {"postgresql": "postgres", "mysql": "information_schema"}
SYNC = {"sqlite": "sqlite", "mysql": "mysql+pymysql"}


LEDGER = "alembic_ledger"


def database_of(project: Project, file: str = "") -> URL:
    """Return the URL of a project's database, or of a SQLite file; the driver is synchronous."""
    if file:
        return URL.create("sqlite", database=str(project.path / file))
    url = make_url(project.env.get("DATABASE_URL") or f"sqlite:///{project.path}/app.db")
    backend = url.get_backend_name()
    return url.set(drivername=SYNC[backend]) if backend in SYNC else url


def engine_of(project: Project, file: str = "") -> Engine:
    """Return an engine on a project's database, without a pool: nothing stays open."""
    return create_engine(database_of(project, file), poolclass=NullPool)


def query(project: Project, sql: str, file: str = "") -> list[Any]:
    """Run SQL on a project's database as a stranger would, and return the rows.

    Args:
        project: whose database.
        sql: one statement.
        file: another database than the project's own, a SQLite file in its folder.
    """
    with engine_of(project, file).begin() as connection:
        result = connection.execute(text(sql))
        return [tuple(row) for row in result] if result.returns_rows else []


def tables(project: Project, file: str = "") -> set[str]:
    """Return the names of the tables in a project's database, without the ledger's."""
    return set(inspect(engine_of(project, file)).get_table_names()) - {LEDGER}


def version(project: Project, file: str = "") -> list[str]:
    """Return the revisions that a database says it is at."""
    return [row for (row,) in query(project, "SELECT version_num FROM alembic_version", file)]


def empty(project: Project) -> None:
    """Make the project's database anew."""
    url = database_of(project)
    if url.get_backend_name() == "sqlite":
        for file in Path(str(url.database)).parent.glob(f"{Path(str(url.database)).name}*"):
            file.unlink()
        return
    drop(url)
    create_database(url, "utf8mb4" if url.get_backend_name() == "mysql" else "utf8")


def drop(url: URL) -> None:
    """Drop a database that is there or not, also where a session of it has not quite ended."""
    backend = url.get_backend_name()
    server = url.set(database=ALWAYS_THERE[backend])
    force = " WITH (FORCE)" if backend == "postgresql" else ""
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        name = connection.dialect.identifier_preparer.quote(url.database)
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}{force}")


def snapshot(project: Project) -> dict[str, Any]:
    """Return everything in the database: each table's shape and its rows, in a fixed order.

    The ledger is not in it: it says when, and so never the same twice.
    """
    with engine_of(project).connect() as connection:
        names = set(inspect(connection).get_table_names()) - {LEDGER}
        return {name: _table(connection, name) for name in sorted(names)}


def _table(connection: Connection, name: str) -> dict[str, Any]:
    inspector = inspect(connection)
    columns = [column | {"type": str(column["type"])} for column in inspector.get_columns(name)]
    kinds = ["foreign_keys", "indexes", "unique_constraints", "check_constraints"]
    found = {kind: sorted(map(repr, getattr(inspector, f"get_{kind}")(name))) for kind in kinds}
    rows = connection.execute(select(Table(name, MetaData(), autoload_with=connection)))
    return found | {
        "columns": columns,
        "primary_key": inspector.get_pk_constraint(name),
        "rows": sorted(map(repr, rows)),
    }


def rows_in(found: dict[str, Any]) -> int:
    """Return how many rows a snapshot holds."""
    return sum(len(table["rows"]) for table in found.values())
