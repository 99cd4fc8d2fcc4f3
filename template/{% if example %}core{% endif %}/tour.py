"""A walk through the example's history, one revision at a time: `make tour`."""

from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, inspect
from sqlalchemy.engine import URL

from core.migrations import alembic_config, apply_migrations, messages, revert_migrations
from core.migrations.connection import ALEMBIC_TABLES, connect, scratch_database

PEOPLE = [{"nome": "Alice", "idade": 30}, {"nome": "Bob", "idade": 25}]


def walk() -> None:
    """Apply every revision on a scratch database, showing the schema and the data each time."""
    script = ScriptDirectory.from_config(alembic_config())
    revisions = list(script.walk_revisions())[::-1]
    print(messages.TOUR_START.format(count=len(revisions)))
    with scratch_database() as url:
        for step, revision in enumerate(revisions, start=1):
            title = messages.TOUR_UP.format(step=step, count=len(revisions), title=revision.doc)
            print(f"\n== {title}\n   {Path(revision.path).name}\n$ make upgrade to=+1")
            apply_migrations("+1", url)
            show(url)
        print(f"\n== {messages.TOUR_DOWN}\n$ make downgrade to=-1")
        revert_migrations("-1", url)
        show(url)
        print(f"\n== {messages.TOUR_AGAIN}\n$ make upgrade")
        apply_migrations("head", url)
        show(url)
    print(f"\n{messages.TOUR_END}")


def show(url: URL) -> None:
    """Print every table with its columns, then who lives in `usuarios`."""
    with connect(url) as connection:
        inspector = inspect(connection)
        print(messages.TOUR_SCHEMA)
        for name in sorted(set(inspector.get_table_names()) - ALEMBIC_TABLES):
            columns = [
                f"{column['name']} {column['type']}" for column in inspector.get_columns(name)
            ]
            print(f"  {name}({', '.join(columns)})")
        if inspector.has_table("usuarios"):
            _show_people(connection)
        connection.commit()


def _show_people(connection: Connection) -> None:
    usuarios = Table("usuarios", MetaData(), autoload_with=connection)
    found = connection.execute(usuarios.select()).mappings().all()
    print(messages.TOUR_DATA if found else messages.TOUR_ADDED)
    if not found:
        connection.execute(usuarios.insert(), PEOPLE)
        found = connection.execute(usuarios.select()).mappings().all()
    for row in found:
        print("  " + ", ".join(f"{key}={value}" for key, value in row.items()))


if __name__ == "__main__":
    walk()
