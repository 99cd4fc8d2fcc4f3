"""What makes a view, a function, a trigger or a policy anew, with all that needs it.

A database refuses to drop what others need, or drops them too. So these go first and come back
afterwards, in the server's own words, with their owners and what was granted on them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from alembic.util import CommandError
from sqlalchemy import URL, Connection

from alambique import messages
from alambique.adopt.definitions.definition import Definition
from alambique.adopt.definitions.granted import rights_again
from alambique.adopt.definitions.read import read_definitions
from alambique.database.engine import connect

REDEFINED = {
    "AGGREGATE",
    "EVENT",
    "FUNCTION",
    "MATERIALIZED VIEW",
    "POLICY",
    "PROCEDURE",
    "RULE",
    "TRIGGER",
    "VIEW",
}
"""The kinds of things that change by being made anew."""

# What goes with the thing it hangs on, and is made again by its own statement.
HANGING = {"COMMENT", "INDEX", "SETTING", "STATISTICS"}

QUOTES = re.compile(r'["`]')


@dataclass(frozen=True)
class Remade:
    """The statements that make one thing anew."""

    one: Definition
    """The thing, as it is."""

    before: tuple[str, ...]
    """What takes it and all that needs it away."""

    create: str
    """What makes it."""

    after: tuple[str, ...]
    """What makes the rest again."""

    others: tuple[Definition, ...]
    """What else is made again."""

    @property
    def statements(self) -> tuple[str, ...]:
        """Return all of them, in their order."""
        return (*self.before, self.create, *self.after)


def remake(url: URL, name: str) -> Remade:
    """Return what makes something of a database anew, as it is.

    Args:
        url: the database.
        name: what it is called: `active`, `sales.active`, `area(integer)`, `users.watch`.

    Raises:
        CommandError: nothing that is made anew is called so, or several things are; or a table
            needs it.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: MIGRATION_LOCK_TIMEOUT is no number.
    """
    definitions = read_definitions(url)
    one = _called(definitions, name)
    with connect(url) as connection:
        in_place = _in_place(one, connection)
        if in_place is not None:
            return Remade(one, (), in_place, (), ())
        others = _dependents(definitions, one)
        _refuse_tables(one, others)
        dropped = [one, *(each for each in others if each.kind not in HANGING)]
        return Remade(
            one,
            tuple(_drop(each, connection) for each in reversed(dropped)),
            one.create,
            (*(each.create for each in others), *_rights(connection, dropped)),
            tuple(others),
        )


def _called(definitions: Sequence[Definition], name: str) -> Definition:
    """Return the one thing that is called so."""
    there = [each for each in definitions if each.kind in REDEFINED and each.create]
    found = [each for each in there if name in _names(each)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(sorted(_longest(each) for each in found))
        raise CommandError(messages.REDEFINE_SEVERAL.format(name=name, names=names))
    names = ", ".join(sorted(set(map(_shortest, there)))) or messages.NONE_OF_THEM
    raise CommandError(messages.REDEFINE_UNKNOWN.format(name=name, names=names))


def _names(one: Definition) -> set[str]:
    """Return what a person may call it: with or without its schema, table and parameters."""
    bare = QUOTES.sub("", one.name)
    what, on, owner = bare.partition(" ON ")
    if on:  # it has a name on its table only
        return {what, f"{owner}.{what}", f"{owner.rpartition('.')[2]}.{what}"}

    full, parenthesis, parameters = bare.partition("(")
    short = full.rpartition(".")[2]
    owned = {f"{one.table.name}.{short}"} if one.table is not None else set()
    return {bare, full, short, f"{short}{parenthesis}{parameters}"} | owned


def _shortest(one: Definition) -> str:
    return min(_names(one), key=lambda name: (len(name), name))


def _longest(one: Definition) -> str:
    return max(_names(one), key=lambda name: (len(name), name))


def _in_place(one: Definition, connection: Connection) -> str | None:
    """Return the statement that makes it anew where it stands; None where it has to go first."""
    if one.create.startswith("CREATE OR REPLACE "):
        return one.create
    if connection.dialect.name in ("mysql", "mariadb") and one.kind == "VIEW":
        return one.create.replace("CREATE ", "CREATE OR REPLACE ", 1)
    return None


def _dependents(definitions: Sequence[Definition], one: Definition) -> list[Definition]:
    """Return what needs it, and what needs that, each after what it needs itself."""
    gone = {one.key}
    found = []
    for each in definitions:
        if each.needs & gone:
            gone.add(each.key)
            found.append(each)
    return found


def _refuse_tables(one: Definition, others: Collection[Definition]) -> None:
    """Refuse to drop what a table's own parts need: they would have to go with their rows."""
    kept = [each for each in others if each.kind not in HANGING | REDEFINED]
    if kept:
        names = ", ".join(map(str, kept))
        raise CommandError(messages.REDEFINE_NEEDED.format(one=one, names=names))


def _drop(one: Definition, connection: Connection) -> str:
    """Return the statement that drops it, which definitions lack of what goes with its table."""
    if one.drop:
        return one.drop.replace(" IF EXISTS ", " ", 1)
    name = one.name
    if connection.dialect.name == "sqlite":
        name = connection.dialect.identifier_preparer.quote_identifier(name)
    return f"DROP {one.kind} {name}"


def _rights(connection: Connection, dropped: Collection[Definition]) -> Iterator[str]:
    """Yield what gives again the rights that would be gone: SQLite has none, MySQL keeps them."""
    if connection.dialect.name == "postgresql":
        yield from rights_again(connection, dropped)
