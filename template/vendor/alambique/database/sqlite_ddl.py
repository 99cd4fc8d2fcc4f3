"""The text that SQLite keeps of a table, read and edited: what it does not say is not there.

`sqlite_master` holds the words of each CREATE TABLE. They are all there is of a CHECK, a collation
or what happens on a conflict, and nothing that reads a table in another way has all of them. Here
they are read by SQLite's own grammar, into parts that can be taken out, replaced or added; what is
not touched stays as it was written, comments and all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

TOKEN = re.compile(
    r"""
      (?P<blank> [ \t\n\f\r]+ | --[^\n]*\n? | /\*.*?(?:\*/|\Z) )
    | (?P<literal> [xX]?'(?:[^']|'')*' | 0[xX][0-9A-Fa-f]+
                 | (?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)? )
    | (?P<quoted> "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\] )
    | (?P<word> [A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]* )
    | (?P<sign> . )
    """,
    re.VERBOSE | re.DOTALL,
)

# What may stand around a name, as it begins.
QUOTES = ("'", '"', "`", "[")

# What begins a constraint of a column, and so ends its type; so does GENERATED ALWAYS AS.
BEGINS_CLAUSE = frozenset(
    {"CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES"}
    | {"AS", "DEFERRABLE"}
)

# What begins a constraint of a table; a column of that name is in quotes.
BEGINS_TABLE_CLAUSE = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})


# How much of a text is said not to be understood, in characters.
SHOWN = 60


class NotUnderstood(ValueError):
    """A text is not what the grammar has; it is said where."""


class Kind(Enum):
    """What a constraint says."""

    PRIMARY_KEY = "PRIMARY KEY"
    UNIQUE = "UNIQUE"
    CHECK = "CHECK"
    FOREIGN_KEY = "FOREIGN KEY"
    NOT_NULL = "NOT NULL"
    NULL = "NULL"
    DEFAULT = "DEFAULT"
    COLLATE = "COLLATE"
    GENERATED = "GENERATED"


class Token(NamedTuple):
    """A word of SQL."""

    kind: str
    text: str
    start: int
    """Where it begins in its text."""

    @property
    def end(self) -> int:
        """Where what comes after it begins."""
        return self.start + len(self.text)

    @property
    def word(self) -> str:
        """The word in capitals, if it is one without quotes; "" if not."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def name(self) -> str:
        """The name that it is, without quotes."""
        if self.text[:1] not in QUOTES:  # SQLite lets a name stand in quotes of a text, too
            return self.text
        opening, inner = self.text[0], self.text[1:-1]
        return inner if opening == "[" else inner.replace(opening * 2, opening)


@dataclass
class Piece:
    """Words that belong together, and the blanks and comments after them."""

    text: str
    gap: str = ""


@dataclass
class Clause(Piece):
    """A constraint, of a column or of a table."""

    kind: Kind = Kind.CHECK
    name: str | None = None
    columns: list[str] = field(default_factory=list)
    """The columns it speaks of; where it is an expression, every name in it."""


@dataclass
class Column:
    """A column's definition: its name, its type, which may be missing, and its constraints."""

    name: Piece
    type: Piece
    clauses: list[Clause]
    gap: str = ""
    """The blanks and comments after it."""

    @property
    def bare_name(self) -> str:
        """Its name, without quotes."""
        return tokens(self.name.text)[0].name

    @property
    def text(self) -> str:
        """The definition, without what follows it."""
        typed = [self.type] if self.type.text else []
        pieces: list[Piece] = [self.name, *typed, *self.clauses]
        return "".join(each.text + (each.gap or " ") for each in pieces[:-1]) + pieces[-1].text

    def clause(self, kind: Kind) -> Clause | None:
        """Return its constraint of a kind; None if it has none."""
        return next((each for each in self.clauses if each.kind is kind), None)

    def remove(self, kind: Kind) -> None:
        """Take out its constraints of a kind."""
        self.clauses[:] = [each for each in self.clauses if each.kind is not kind]

    def put(self, clause: Clause) -> None:
        """Put in a constraint, in the place of those of its kind, or else before all others."""
        places = [n for n, each in enumerate(self.clauses) if each.kind is clause.kind]
        self.remove(clause.kind)
        self.clauses.insert(places[0] if places else 0, clause)


@dataclass
class TableText:
    """A CREATE TABLE."""

    name: str
    opening: str
    """What stands between the table's name and the first column."""
    columns: list[Column]
    clauses: list[Clause]
    """The constraints of the table."""
    closing: str
    """From what stands before the closing parenthesis on, with STRICT and WITHOUT ROWID."""

    @classmethod
    def read(cls, sql: str) -> TableText:
        """Read what `sqlite_master` has of a table.

        Raises:
            NotUnderstood: it is no CREATE TABLE with columns, such as one of a virtual table.
        """
        return _Reader(sql).table()

    @property
    def has_rowid(self) -> bool:
        """Has a row a number, besides its key?"""
        return "WITHOUT" not in {token.word for token in tokens(self.closing)}

    @property
    def is_counted(self) -> bool:
        """Does `sqlite_sequence` count its keys?"""
        keys = [clause for clause in self.all_clauses() if clause.kind is Kind.PRIMARY_KEY]
        words = {token.word for clause in keys for token in tokens(clause.text)}
        return "AUTOINCREMENT" in words

    def all_clauses(self) -> Iterator[Clause]:
        """Yield the constraints of the columns, then those of the table."""
        for column in self.columns:
            yield from column.clauses
        yield from self.clauses

    def column(self, name: str) -> Column | None:
        """Return a column; None if there is none of that name."""
        wanted = fold(name)
        return next((each for each in self.columns if fold(each.bare_name) == wanted), None)

    def take_out(self, clause: Clause) -> None:
        """Take out a constraint, wherever it stands."""
        for clauses in [self.clauses, *(column.clauses for column in self.columns)]:
            clauses[:] = [each for each in clauses if each is not clause]

    def written(self, name: str) -> str:
        """Return the statement.

        Args:
            name: the table's name, in quotes where it needs them.
        """
        before = self.opening[self.opening.index("(") + 1 :]
        between = before if before.isspace() else " "
        parts: list[Column | Clause] = [*self.columns, *self.clauses]
        text = "".join(f"{part.text},{part.gap or between}" for part in parts[:-1])
        last = parts[-1]
        comment = last.gap if last.gap.strip() else ""
        whole = f"{self.opening}{text}{last.text}{comment}{self.closing}"
        return f"CREATE TABLE {name}{_unqualified(whole, self.name)}"


def fold(name: str) -> str:
    """Return a name as SQLite compares it: only the letters of ASCII have a capital."""
    return "".join(each.lower() if each.isascii() else each for each in name)


def tokens(sql: str) -> list[Token]:
    """Return the words of a text, without blanks and comments."""
    found = (Token(str(each.lastgroup), each.group(), each.start()) for each in TOKEN.finditer(sql))
    return [token for token in found if token.kind != "blank"]


def same_words(one: str, other: str) -> bool:
    """Tell whether two texts differ in blanks, comments, capitals and quotes of names only."""
    return words_of(one) == words_of(other)


def words_of(sql: str) -> str:
    """Return the words of a text, a blank between any two, capitals and quotes of names aside."""
    return " ".join(_known_as(each) for each in tokens(sql))


def names_in(sql: str) -> list[str]:
    """Return what may be a column's name in a text: each name, but for those of functions."""
    return _names(tokens(sql))


def column_of(sql: str) -> Column:
    """Read a column's definition alone.

    Raises:
        NotUnderstood: it is none.
    """
    reader = _Reader(sql)
    column = reader.column()
    reader.require_end()
    return column


def clause_of(sql: str) -> Clause:
    """Read a constraint of a table alone.

    Raises:
        NotUnderstood: it is none.
    """
    reader = _Reader(sql)
    clause = reader.table_clause()
    reader.require_end()
    return clause


def _known_as(token: Token) -> str:
    return fold(token.name) if token.kind in {"word", "quoted"} else token.text


def _names(found: Sequence[Token]) -> list[str]:
    after = [*found[1:], Token("sign", "", 0)]
    return [
        token.name
        for token, following in zip(found, after, strict=True)
        if token.kind in {"word", "quoted"} and following.text != "("
    ]


def _unqualified(text: str, table: str) -> str:
    """Return a text without the table's own name before columns: it goes by another meanwhile."""
    found = tokens(text)
    pairs = zip(found, found[1:], strict=False)
    qualifiers = [(a, b) for a, b in pairs if b.text == "." and fold(a.name) == fold(table)]
    for name, point in reversed(qualifiers):
        text = text[: name.start] + text[point.end :]
    return text


class _Reader:
    """Goes through a text word by word."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._tokens = tokens(sql)
        self._at = 0

    # What a table is made of

    def table(self) -> TableText:
        self._take("CREATE")
        self._take("TABLE")
        name = self._take_name()
        self._take("(")
        opening_end = self._peek().start

        columns = [self.column()]
        clauses: list[Clause] = []
        while not self._is(")"):
            has_comma = self._skip(",")
            last = clauses[-1] if clauses else columns[-1]
            last.gap += self._blanks_before() if has_comma else ""
            if self._peek().word in BEGINS_TABLE_CLAUSE:  # SQLite lets the comma before it out
                clauses.append(self.table_clause())
            elif has_comma and not clauses:
                columns.append(self.column())
            else:
                raise self._not_understood()

        last = clauses[-1] if clauses else columns[-1]
        closing = last.gap + self._sql[self._peek().start :]
        last.gap = ""
        self._take(")")
        while self._at < len(self._tokens):
            option = [self._next().word]
            if option == ["WITHOUT"]:
                option.append(self._next().word)
            if option not in (["STRICT"], ["WITHOUT", "ROWID"]):
                raise self._not_understood()
            self._skip(",")
        return TableText(name.name, self._sql[name.end : opening_end], columns, clauses, closing)

    def column(self) -> Column:
        start = self._at
        self._take_name()
        name = Piece(*self._since(start))

        start = self._at
        while self._peek().kind in {"word", "quoted", "literal"} and not self._begins_clause():
            self._next()
        if self._at > start and self._is("("):
            self._balanced()
        type_ = Piece(*self._since(start)) if self._at > start else Piece("")

        column = Column(name, type_, [])
        while self._begins_clause():
            column.clauses.append(self._column_clause(column.bare_name))

        last = [name, *([type_] if type_.text else []), *column.clauses][-1]
        column.gap, last.gap = last.gap, ""
        return column

    def _begins_clause(self) -> bool:
        word = self._peek().word
        is_generated = word == "GENERATED" and [self._peek(n).word for n in (1, 2)] == [
            "ALWAYS",
            "AS",
        ]
        return word in BEGINS_CLAUSE or is_generated

    def _column_clause(self, column: str) -> Clause:
        start = self._at
        name = self._constraint_name()
        kind = self._column_kind()
        clause = Clause(*self._since(start), kind, name, [column])
        if kind in {Kind.CHECK, Kind.GENERATED}:
            expression = clause.text[clause.text.index("(") : clause.text.rindex(")")]
            clause.columns += names_in(expression)
        return clause

    def _column_kind(self) -> Kind:
        match self._next().word:
            case "PRIMARY":
                self._take("KEY")
                _ = self._skip("ASC") or self._skip("DESC")
                self._conflict()
                self._skip("AUTOINCREMENT")
                return Kind.PRIMARY_KEY
            case "NOT":
                self._take("NULL")
                self._conflict()
                return Kind.NOT_NULL
            case "NULL":
                self._conflict()
                return Kind.NULL
            case "UNIQUE":
                self._conflict()
                return Kind.UNIQUE
            case "CHECK":
                self._balanced()
                return Kind.CHECK
            case "DEFAULT":
                self._default()
                return Kind.DEFAULT
            case "COLLATE":
                self._take_name()
                return Kind.COLLATE
            case "REFERENCES":
                self._reference()
                return Kind.FOREIGN_KEY
            case "GENERATED" | "AS" as word:
                if word == "GENERATED":
                    self._take("ALWAYS")
                    self._take("AS")
                self._balanced()
                _ = self._skip("STORED") or self._skip("VIRTUAL")
                return Kind.GENERATED
        raise self._not_understood()

    def table_clause(self) -> Clause:
        start = self._at
        name = self._constraint_name()
        columns: list[str] = []
        match self._next().word:
            case "PRIMARY":
                self._take("KEY")
                columns = self._list()
                kind = Kind.PRIMARY_KEY
            case "UNIQUE":
                columns = self._list()
                kind = Kind.UNIQUE
            case "CHECK":
                columns = _names(self._balanced())
                kind = Kind.CHECK
            case "FOREIGN":
                self._take("KEY")
                columns = self._list()
                self._take("REFERENCES")
                self._reference()
                kind = Kind.FOREIGN_KEY
            case _:
                raise self._not_understood()
        self._conflict()
        return Clause(*self._since(start), kind, name, columns)

    def _constraint_name(self) -> str | None:
        return self._take_name().name if self._skip("CONSTRAINT") else None

    def _conflict(self) -> None:
        if self._is("ON") and self._peek(1).word == "CONFLICT":
            self._next()
            self._next()
            self._next()

    def _default(self) -> None:
        if self._is("("):
            self._balanced()
            return
        _ = self._skip("+") or self._skip("-")
        if self._next().kind == "sign":
            raise self._not_understood()

    def _reference(self) -> None:
        self._take_name()
        if self._is("("):
            self._balanced()
        while self._reference_says_more():
            pass

    def _reference_says_more(self) -> bool:
        if self._is("ON") and self._peek(1).word in {"DELETE", "UPDATE", "INSERT"}:
            self._next()
            self._next()
            if self._next().word in {"SET", "NO"}:
                self._next()
            return True
        if self._skip("MATCH"):
            self._take_name()
            return True
        if self._is("DEFERRABLE") or self._is("NOT") and self._peek(1).word == "DEFERRABLE":
            self._skip("NOT")
            self._take("DEFERRABLE")
            if self._skip("INITIALLY"):
                self._next()
            return True
        return False

    def _list(self) -> list[str]:
        """Take names in parentheses, each with a collation or an order, and return the names."""
        inner = self._balanced()[1:-1]
        firsts = [0, *(n + 1 for n, token in enumerate(inner) if token.text == ",")]
        return [inner[n].name for n in firsts if n < len(inner)]

    # Word by word

    def require_end(self) -> None:
        if self._peek().kind != "end":
            raise self._not_understood()

    def _peek(self, ahead: int = 0) -> Token:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else Token("end", "", len(self._sql))

    def _next(self) -> Token:
        token = self._peek()
        if token.kind == "end":
            raise self._not_understood()
        self._at += 1
        return token

    def _is(self, word: str) -> bool:
        token = self._peek()
        return token.word == word or token.kind == "sign" and token.text == word

    def _skip(self, word: str) -> bool:
        found = self._is(word)
        self._at += found
        return found

    def _take(self, word: str) -> None:
        if not self._skip(word):
            raise self._not_understood()

    def _take_name(self) -> Token:
        token = self._next()
        if token.kind not in {"word", "quoted", "literal"}:
            raise self._not_understood()
        return token

    def _balanced(self) -> Sequence[Token]:
        """Take what stands in parentheses, with them."""
        start = self._at
        self._take("(")
        depth = 1
        while depth:
            text = self._next()
            depth += text.kind == "sign" and {"(": 1, ")": -1}.get(text.text, 0)
        return self._tokens[start : self._at]

    def _blanks_before(self) -> str:
        return self._sql[self._peek(-1).end : self._peek().start]

    def _since(self, start: int) -> tuple[str, str]:
        """Return the text from a word on, as far as it was read, and what follows it."""
        begin, end = self._tokens[start].start, self._tokens[self._at - 1].end
        return self._sql[begin:end], self._sql[end : self._peek().start]

    def _not_understood(self) -> NotUnderstood:
        last = self._tokens[max(self._at - 1, 0) :][:1]
        rest = self._sql[last[0].start :] if last else ""
        return NotUnderstood(" ".join(rest.split())[:SHOWN])
