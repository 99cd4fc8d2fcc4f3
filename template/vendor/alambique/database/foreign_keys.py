"""SQLite's foreign keys, as a revision finds them and as it leaves them.

Keys are not enforced while a revision runs: a table is altered by making it anew, and would take
its children's rows with it. So a revision is asked at its end what it broke. Rows that pointed at
nothing before are not its doing, and a table that no statement of it names stays as it was: only
the tables it names are looked at, with those that refer to them, before their first change and at
the end.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field
from typing import NamedTuple

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPICursor

from alambique import messages
from alambique.database.error_codes import SQLITE_ERROR
from alambique.database.watched import unwatched

# Where a connection keeps what its revision found.
FOUND = "alambique_foreign_keys_found"

# What begins like this changes no table; all else is taken to, whatever it is.
CHANGES_NOTHING = ("SELECT", "PRAGMA", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")

LONGEST_WORD = max(len(word) for word in CHANGES_NOTHING)

# What SQLite takes for a name without quotes.
NAME = re.compile(r"[A-Za-z0-9_$\x80-\U0010ffff]+")


class Orphan(NamedTuple):
    """A row's key that leads nowhere."""

    child: str
    parent: str
    value: str
    """The key's columns, in hexadecimal: 7 and "7" are one value. "" where it cannot be read."""


@dataclass
class Wrong:
    """What is wrong with the keys of some tables."""

    orphans: Counter[Orphan] = field(default_factory=Counter)
    """Each with the number of rows that have it."""

    unchecked: dict[str, str] = field(default_factory=dict)
    """The tables whose keys SQLite cannot check, as what they refer to is not unique, and why."""

    def look(self, table: str, cursor: DBAPICursor) -> None:
        """Add what is wrong with the keys of a table."""
        try:
            self.orphans += _orphans(table, cursor)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != SQLITE_ERROR:  # such as a database that is busy
                raise
            self.unchecked[fold(table)] = str(error)


class Schema:
    """The tables of a database, which of them refer to which, and what their triggers do.

    Names are folded as SQLite compares them.
    """

    def __init__(self, cursor: DBAPICursor) -> None:
        """Read them."""
        cursor.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
        objects = cursor.fetchall()
        cursor.execute(
            'SELECT m.name, k."table" FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS k'
            " WHERE m.type = 'table'"
        )
        keys = cursor.fetchall()

        self.tables = {fold(name): name for kind, name, _, _ in objects if kind == "table"}
        self.with_keys = {fold(child) for child, _ in keys}

        self._children: dict[str, set[str]] = {}
        for child, parent in keys:
            self._children.setdefault(fold(parent), set()).add(fold(child))
        self._triggers: dict[str, list[str]] = {}
        for kind, _, table, sql in objects:
            if kind == "trigger":
                self._triggers.setdefault(fold(table), []).append(sql)

        self._names = {*self.tables, *self._children, *self._triggers}
        self._odd_names = {name for name in self._names if not NAME.fullmatch(name)}

    def touched_by(self, statement: str) -> set[str]:
        """Return the tables whose keys a statement may break.

        It can change only what it names, and what the triggers of that name; and a change to a
        table may break the keys of those that refer to it.
        """
        named: set[str] = set()
        texts = [statement]
        while texts:
            new = self._named_in(texts.pop()) - named
            named |= new
            texts += [sql for name in new for sql in self._triggers.get(name, [])]

        children = {child for name in named for child in self._children.get(name, set())}
        return named | children

    def _named_in(self, text: str) -> set[str]:
        """Return the names that stand in a text, wherever: this is no parser."""
        text = fold(text)
        unquoted = text.replace('""', '"')
        odd = {name for name in self._odd_names if name in unquoted}
        return odd | (self._names & set(NAME.findall(text)))


class Found:
    """What a revision found in the tables it touches, before it touched them."""

    def __init__(self, cursor: DBAPICursor) -> None:
        """Look at no table yet."""
        self._cursor = cursor
        self._schema = Schema(cursor)
        self._touched: set[str] = set()
        self._before = Wrong()
        self.statements: set[str] = set()

    def look_before(self, statement: str) -> None:
        """Look at the tables that a statement is the first to touch."""
        self.statements.add(statement)

        new = self._schema.touched_by(statement) - self._touched
        self._touched |= new
        for table in sorted(new & self._schema.with_keys):
            self._before.look(self._schema.tables[table], self._cursor)

    def require_none_broken(self) -> None:
        """Compare with how these tables are now.

        Raises:
            CommandError: there are more orphans, or keys that could be checked before.
        """
        now = Schema(self._cursor)
        is_new = now.tables.keys() - self._schema.tables.keys()
        after = Wrong()
        for table in sorted((self._touched | is_new) & now.with_keys):
            after.look(now.tables[table], self._cursor)

        # A table that was there only before, or is only now, was renamed or made anew, and what was
        # wrong in it moved along: its name says nothing.
        stayed = self._schema.tables.keys() & now.tables.keys()
        unchecked_before = {_as_known(table, stayed) for table in self._before.unchecked}
        for table, cause in after.unchecked.items():
            if _as_known(table, stayed) not in unchecked_before:
                raise CommandError(messages.FOREIGN_KEY_UNCHECKED.format(cause=cause))

        more = _renamed(after.orphans, stayed) - _renamed(self._before.orphans, stayed)
        if more:
            broken = [each for each in after.orphans if _of(each, stayed) in more]
            tables = sorted({f"{now.tables[each.child]} -> {each.parent}" for each in broken})
            raise CommandError(
                messages.FOREIGN_KEYS_BROKEN.format(rows=more.total(), tables=", ".join(tables))
            )


def watch_foreign_keys(target: Engine | Connection) -> None:
    """Note what is wrong with the keys of the tables that statements are about to touch."""
    event.listen(target, "before_cursor_execute", _look_before)
    event.listen(target, "rollback", _forget)


def unwatch_foreign_keys(connection: Connection) -> None:
    """Stop, and forget what was noted."""
    event.remove(connection, "before_cursor_execute", _look_before)
    event.remove(connection, "rollback", _forget)
    _forget(connection)


def check_foreign_keys(ctx: MigrationContext, *_: object, **__: object) -> None:
    """Refuse to commit a revision that broke SQLite's foreign keys.

    Alembic calls this inside the revision's transaction, so that raising undoes the revision.

    Raises:
        CommandError: a row refers to a parent that is not there, and did not before; or a key
            refers to columns that are no longer unique.
    """
    if ctx.as_sql or ctx.connection is None or ctx.dialect.name != "sqlite":
        return
    found: Found | None = ctx.connection.info.pop(FOUND, None)
    if found is not None:
        found.require_none_broken()


def fold(name: str) -> str:
    """Return a name as SQLite compares it: of its capitals, only those of ASCII are small too."""
    return name.encode().lower().decode()


def _look_before(connection: Connection, _cursor: DBAPICursor, statement: str, *_: object) -> None:
    kept = connection.info
    found: Found | None = kept.get(FOUND)
    if found is not None and statement in found.statements:
        return
    if statement.lstrip()[:LONGEST_WORD].upper().startswith(CHANGES_NOTHING):
        return

    if found is None:
        found = kept[FOUND] = Found(unwatched(connection).cursor())
    found.look_before(statement)


def _forget(connection: Connection) -> None:
    if not connection.invalidated:  # what a lost connection kept is lost
        connection.info.pop(FOUND, None)


def _orphans(table: str, cursor: DBAPICursor) -> Counter[Orphan]:
    """Return the keys of a table that lead nowhere, each with the number of its rows."""
    cursor.execute(
        'SELECT fkid, "parent", count(*), count("rowid")'
        " FROM pragma_foreign_key_check(?) GROUP BY fkid",
        (table,),
    )
    found: Counter[Orphan] = Counter()
    for key, parent, rows, readable in cursor.fetchall():
        orphan = Orphan(fold(table), fold(parent), "")
        if not readable:  # a table WITHOUT ROWID
            found[orphan] += rows
            continue
        for value, times in _values(table, key, cursor):
            found[orphan._replace(value=value)] += times
    return found


def _values(table: str, key: int, cursor: DBAPICursor) -> list[tuple[str, int]]:
    """Return the values of one key that lead nowhere, each with the number of its rows."""
    cursor.execute(
        'SELECT "from" FROM pragma_foreign_key_list(?) WHERE id = ? ORDER BY seq', (table, key)
    )
    value = " || ',' || ".join(f"hex(child.{_quoted(column)})" for (column,) in cursor.fetchall())
    cursor.execute(
        f"SELECT {value} AS value, count(*)"
        " FROM pragma_foreign_key_check(?) AS broken"
        f' JOIN {_quoted(table)} AS child ON child._rowid_ = broken."rowid"'
        " WHERE broken.fkid = ? GROUP BY value",
        (table, key),
    )
    return list(cursor.fetchall())


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _as_known(table: str, stayed: Set[str]) -> str | None:
    return table if table in stayed else None


def _of(orphan: Orphan, stayed: Set[str]) -> tuple[str | None, str | None, str]:
    return _as_known(orphan.child, stayed), _as_known(orphan.parent, stayed), orphan.value


def _renamed(
    orphans: Counter[Orphan], stayed: Set[str]
) -> Counter[tuple[str | None, str | None, str]]:
    found: Counter[tuple[str | None, str | None, str]] = Counter()
    for orphan, rows in orphans.items():
        found[_of(orphan, stayed)] += rows
    return found
