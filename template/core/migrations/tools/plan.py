"""`make plan`: what an upgrade would do to the database."""

import io
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL

from core import sync_driver
from core.migrations import messages
from core.migrations.connection import scratch_database
from core.migrations.ownership import operations
from core.migrations.status import current_heads, pending

LOSES = re.compile(r"\b(DROP\s+(TABLE|COLUMN|SCHEMA)|TRUNCATE|DELETE\s+FROM)\b", re.IGNORECASE)
REWRITES = re.compile(r"\bALTER\s+TABLE\b.*\b(TYPE|MODIFY|CHANGE)\b", re.IGNORECASE)


def plan(config: Config, url: URL) -> list[str]:
    """Return the statements an upgrade to head would run, the risky ones marked by a comment.

    SQLite recreates tables from what is in them, so there the upgrade runs on a copy of the file.
    """
    database, script = current_heads(url), ScriptDirectory.from_config(config)
    revisions = pending(script, database)
    if not revisions:
        return []
    if url.get_backend_name() == "sqlite":
        statements = _run_on_a_copy(config, url)
    else:
        config.output_buffer = io.StringIO()
        start = ":".join([*database, "head"])
        command.upgrade(config, start, sql=True)
        statements = config.output_buffer.getvalue().strip().split(";\n\n")
    return [*_lost(script, revisions), *(_marked(each.strip(";")) for each in statements)]


def _lost(script: ScriptDirectory, revisions: list[str]) -> Iterator[str]:
    for revision in script.get_revisions(tuple(revisions)):
        for call in operations(Path(revision.path), "upgrade") if revision else ():
            if call.name in {"drop_table", "drop_column"}:
                name = call.table if call.name == "drop_table" else f"{call.table}.{call.other}"
                yield f"-- {messages.LOSES} {name}"


def _run_on_a_copy(config: Config, url: URL) -> list[str]:
    statements: list[str] = []

    def note(_: Any, __: Any, sql: str, *___: Any) -> None:
        if not re.match(r"\s*(SELECT|PRAGMA|BEGIN)", sql):
            statements.append(sql.strip())

    with scratch_database(url) as scratch:
        with (
            closing(sqlite3.connect(str(url.database))) as before,
            closing(sqlite3.connect(str(scratch.database))) as copy,
        ):
            before.backup(copy)
        with create_engine(sync_driver(scratch)).connect() as connection:
            event.listen(connection, "before_cursor_execute", note)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    return _swaps_as_one(statements)


def _swaps_as_one(statements: list[str]) -> list[str]:
    # A recreated table is four statements, of which the DROP alone would look like a loss.
    merged: list[str] = []
    for sql in statements:
        swapping = merged and "_alembic_tmp_" in merged[-1] and "RENAME TO" not in merged[-1]
        if swapping:
            merged[-1] += f";\n{sql}"
        else:
            merged.append(sql)
    return merged


def _marked(statement: str) -> str:
    comment, gap, sql = statement.rpartition("\n\n")
    mark = ""
    if "_alembic_tmp_" in sql or REWRITES.search(sql):
        mark = f"-- {messages.REWRITES}\n"
    elif LOSES.search(sql):
        mark = f"-- {messages.LOSES}\n"
    return f"{comment}{gap}{mark}{sql};"
