"""What a person said or answers about what is renamed, dropped, retyped or filled.

Nothing is lost without it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

from alambique import messages, terminal
from alambique.names import ColumnName, TableName, quoted, split

Name = TypeVar("Name", TableName, ColumnName)
Answer = TypeVar("Answer", bool, str)

# A dotted name, out of its quotes. `a.b` may be a table in a schema or a column: what was typed
# is compared with the parts of a name that is known, and not taken for the one or the other.
Parts = tuple[str, ...]

# What stands before the colon of `old:new`: a colon between quotes is part of the name.
BEFORE_COLON = re.compile(r'(?:"(?:[^"]|"")*"|[^:])*')


class Consent:
    """What was said beforehand, or is answered now.

    `rename=a.b:c`, `drop=a.d`, `retype=a.f`, `fill=a.e:'x'`.
    """

    def __init__(self, said: Iterable[str]) -> None:
        """Read what was typed after each `-x`; what is about something else is passed over."""
        self.refused: list[str] = []
        """What to say, for each loss that nobody agreed to."""

        self._renames: dict[Parts, Parts] = {}
        self._fills: dict[Parts, str] = {}
        self._drops: set[Parts] = set()
        self._retypes: set[Parts] = set()
        self._unused: dict[Parts, str] = {}  # as typed
        self._may_ask = True  # until a question gets no answer

        for option in said:
            verb, _, rest = option.partition("=")
            if verb not in ("rename", "fill", "drop", "retype"):
                continue
            typed, value = _around_colon(rest)
            name = _parsed(typed)
            self._unused[name] = typed
            if verb == "rename":
                self._renames[name] = _parsed(value)
            elif verb == "fill":
                self._fills[name] = value
            elif verb == "retype":
                self._retypes.add(name)
            else:
                self._drops.add(name)

    @property
    def unused(self) -> list[str]:
        """The names that were said and that nothing was asked about, as they were typed."""
        return sorted(self._unused.values())

    def renames_columns_of(self, table: TableName) -> bool:
        """Tell whether a rename was said of what may be a column of this table."""
        return any(name[:-1] == _parts(table) for name in self._renames)

    def tables_with_unused_renames(self) -> list[TableName]:
        """Return the tables there would be if the renames not used so far were of columns."""
        tables = set()
        for name in self._unused.keys() & self._renames.keys():
            if len(name) in (2, 3):
                schema = name[0] if len(name) == 3 else None
                tables.add(TableName(name[-2], schema))
        return sorted(tables)

    def renamed(
        self,
        gone: Iterable[Name],
        new: Sequence[Name],
        there: Collection[Name],
        mapped: Collection[Name],
    ) -> dict[Name, Name]:
        """Return what was renamed, as said or as answered; ask about what is gone for good.

        Args:
            gone: the tables, or the columns of one table, that only the database has.
            new: those that only the models have.
            there: all in the database.
            mapped: all in the models.
        """
        names = self._renames_said(there, mapped)
        for old in names:
            self._unused.pop(_parts(old), None)

        for old in sorted(set(gone).difference(names)):
            free = [each for each in new if each not in names.values()]
            likely = _likely(old, free)
            answer = None if self._may_drop(old) else self._new_name(old, likely)
            if answer is not None:
                names[old] = answer
            else:
                self.may_lose(old, messages.ASK_DROP.format(name=old), _how_to(old, likely))
        return names

    def may_lose(self, name: TableName | ColumnName, question: str, hint: str) -> None:
        """Note a refusal unless losing what `name` holds was said or is agreed to.

        Args:
            name: what is lost, or may be.
            question: asked where nothing was said.
            hint: the way out, told with the refusal.
        """
        self._unused.pop(_parts(name), None)
        if not self._may_drop(name) and not self._asked(terminal.answered, question):
            self.refused.append(hint)

    def may_cut(self, column: ColumnName, question: str, hint: str) -> None:
        """Note a refusal unless a type that may cut values was said or is agreed to.

        Args:
            column: whose type it is.
            question: asked where nothing was said.
            hint: the way out, told with the refusal.
        """
        if _parts(column) in self._retypes:
            self._unused.pop(_parts(column), None)
        else:  # versions before had `drop=` for it, too
            self.may_lose(column, question, hint)

    def filled_with(self, column: ColumnName, example: str) -> str | None:
        """Return the SQL expression that fills the rows of a column that have no value.

        Args:
            column: the column.
            example: SQL for a value of its type.

        Returns:
            None where nobody gave one: the refusal is noted.
        """
        self._unused.pop(_parts(column), None)
        said = self._fills.get(_parts(column))
        value = said or self._asked(
            terminal.ask, messages.ASK_FILL.format(name=column, example=example)
        )
        if not value:
            # The sentence puts the name between the shell's double quotes.
            name = str(column).replace('"', r"\"")
            self.refused.append(messages.HOW_TO_FILL.format(name=name, example=example))
        return value or None

    def _renames_said(self, there: Collection[Name], mapped: Collection[Name]) -> dict[Name, Name]:
        by_new_name = {_new_parts(name): name for name in mapped}
        names = {}
        for old in sorted(there):
            said = self._renames.get(_parts(old))
            if said in by_new_name:
                names[old] = by_new_name[said]

        stays = set(there).difference(names)  # its name cannot be given to another
        return {old: new for old, new in names.items() if new not in stays}

    def _may_drop(self, name: TableName | ColumnName) -> bool:
        return _parts(name) in self._drops

    def _new_name(self, old: Name, likely: Iterable[Name]) -> Name | None:
        """Return which of these `old` was renamed to, if the answer is yes for one."""
        for each in likely:
            question = messages.ASK_RENAME.format(old=old, new=_new_text(each))
            if self._asked(terminal.answered, question):
                return each
        return None

    def _asked(self, put: Callable[[str], Answer | None], question: str) -> Answer | None:
        """Ask; who does not answer is asked nothing more: no silence agrees to a loss."""
        answer = put(question) if self._may_ask else None
        self._may_ask = answer is not None
        return answer


def typed(name: TableName | ColumnName) -> str:
    """Return a name as one types it in a shell."""
    text = str(name)
    return f"'{text}'" if '"' in text else text


def _around_colon(text: str) -> tuple[str, str]:
    """Return what stands before the first colon, and after it."""
    found = BEFORE_COLON.match(text)
    assert found is not None  # an empty text matches, too
    return found[0], text[found.end() + 1 :]


def _parsed(text: str) -> Parts:
    try:
        return tuple(split(text))
    except ValueError:  # it is the name of nothing, and will be said to be
        return (text,)


def _parts(name: TableName | ColumnName) -> Parts:
    if isinstance(name, ColumnName):
        return (*_parts(name.table), name.name)
    return (name.name,) if name.schema is None else (name.schema, name.name)


def _new_parts(name: TableName | ColumnName) -> Parts:
    """Return what is typed for a new name: a column's alone, without its table."""
    return (name.name,) if isinstance(name, ColumnName) else _parts(name)


def _new_text(name: TableName | ColumnName) -> str:
    return quoted(name.name) if isinstance(name, ColumnName) else str(name)


def _likely(old: Name, free: Sequence[Name]) -> list[Name]:
    """Return what `old` may be called now, the likeliest first."""
    schema = _schema(old)
    by_text = {_new_text(each): each for each in free if _schema(each) == schema}
    texts = difflib.get_close_matches(_new_text(old), by_text, n=len(by_text) or 1, cutoff=0)
    return [by_text[text] for text in texts]


def _schema(name: TableName | ColumnName) -> str | None:
    """Return the schema that a rename does not leave."""
    return name.table.schema if isinstance(name, ColumnName) else name.schema


def _how_to(old: Name, likely: Sequence[Name]) -> str:
    """Return the ways out for what is gone: to rename it, if to something, or to drop it."""
    if not likely:
        return messages.HOW_TO_DROP.format(name=typed(old))
    new = _new_text(likely[0])
    return messages.HOW_TO_RENAME.format(name=typed(old), new=f"'{new}'" if '"' in new else new)
