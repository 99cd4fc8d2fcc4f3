"""What a statement takes away, calls otherwise or turns into another type, read from its text.

Only that: what it adds, or writes over, is nobody's loss. A statement of which the text does not
tell, such as a call of a procedure, is said to be one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from alambique.database.statement_text import Reader, Token, statements
from alambique.names import ColumnName, TableName


def _words(line: str) -> frozenset[str]:
    return frozenset(line.split())


# What a statement that loses nothing begins with; those that may are read further.
HARMLESS = _words(
    "ABORT ANALYZE ATTACH BEGIN CHECK CHECKSUM CLUSTER COMMENT COMMIT DEALLOCATE DESC DESCRIBE "
    "DETACH DISCARD END EXPLAIN FLUSH GRANT HANDLER HELP LISTEN LOAD LOCK NOTIFY OPTIMIZE PRAGMA "
    "REFRESH REINDEX RELEASE REPAIR REPLACE RESET REVOKE ROLLBACK SAVEPOINT SECURITY SELECT SET "
    "SHOW START TABLE UNLOCK USE VACUUM VALUES "
)
# What may be dropped without a row: rows do not live in it.
WITHOUT_ROWS = _words(
    "AGGREGATE CAST COLLATION CONSTRAINT EVENT FUNCTION INDEX MATERIALIZED OPERATOR POLICY "
    "PROCEDURE PUBLICATION ROLE ROUTINE RULE SEQUENCE SUBSCRIPTION TRIGGER USER VIEW "
)
# What else an ALTER TABLE may drop besides a column.
PARTS_OF_TABLE = _words("CHECK CONSTRAINT FOREIGN INDEX KEY PRIMARY")
# Where a column's definition goes on after its type.
AFTER_TYPE = _words(
    "AFTER AS AUTO_INCREMENT CHECK COMMENT COMPRESSED CONSTRAINT DEFAULT FIRST GENERATED INVISIBLE "
    "KEY NOT NULL ON PRIMARY REFERENCES UNIQUE VISIBLE WITH WITHOUT"
)


@dataclass(frozen=True)
class Dropped:
    """A table or a column goes, with what is in it."""

    name: TableName | ColumnName


@dataclass(frozen=True)
class Deleted:
    """Rows of a table go: some, or all of them."""

    table: TableName
    all: bool


@dataclass(frozen=True)
class Emptied:
    """Values of a column may go: it is set to NULL, or to what a query finds."""

    column: ColumnName


@dataclass(frozen=True)
class Renamed:
    """A table or a column is called otherwise from here on."""

    old: TableName | ColumnName
    new: TableName | ColumnName


@dataclass(frozen=True)
class Retyped:
    """The values of a column become those of another type."""

    column: ColumnName
    type: str
    """As the statement writes it; "" where the server has to be asked."""


@dataclass(frozen=True)
class Copied:
    """What is in columns of one table is put into those of another."""

    source: TableName
    table: TableName
    columns: Mapping[str, str] = field(default_factory=dict)
    """From a column's name there to the one here it was read from."""


@dataclass(frozen=True)
class Unknown:
    """It may take anything away."""

    sql: str


Change = Dropped | Deleted | Emptied | Renamed | Retyped | Copied | Unknown


def changes(sql: str) -> Iterator[Change]:
    """Yield what a text of SQL, of one statement or of several, takes away or renames."""
    for tokens in statements(sql):
        yield from _Statement(tokens, sql).changes()


class _Statement(Reader):
    """One statement, and what it takes away or calls otherwise."""

    def __init__(self, tokens: list[Token], sql: str) -> None:
        super().__init__(tokens)
        self.sql = sql

    def changes(self) -> Iterator[Change]:
        if any(token.kind == "hidden" for token in self.tokens):
            yield Unknown(self.sql)
            return
        while self.takes("("):
            pass
        match self.next_word():
            case "DROP":
                yield from self.drop()
            case "TRUNCATE":
                self.takes("TABLE")
                self.takes("ONLY")
                yield from (Deleted(table, all=True) for table in self.names())
            case "DELETE":
                yield self.delete()
            case "UPDATE":
                yield from self.update()
            case "ALTER":
                yield from self.alter()
            case "RENAME":
                yield from self.rename_tables()
            case "CREATE":
                yield from self.create()
            case "INSERT":
                yield from self.insert()
            case "WITH":
                words = {token.word for token in self.tokens}
                if not words.isdisjoint({"DELETE", "UPDATE", "MERGE"}):
                    yield Unknown(self.sql)
            case word if word in HARMLESS:
                is_block = word == "BEGIN" and len(self.tokens) > 2
                if is_block or (word == "EXPLAIN" and "ANALYZE" in self.sql.upper()):
                    yield Unknown(self.sql)
            case _:
                yield Unknown(self.sql)

    # Statements

    def drop(self) -> Iterator[Change]:
        is_temporary = self.takes("TEMPORARY")
        kind = self.next_word()
        if kind == "TABLE":
            self.takes_if_exists()
            dropped = list(self.names())
            if not is_temporary:
                yield from (Dropped(table) for table in dropped)
                if not dropped:
                    yield Unknown(self.sql)
        elif kind not in WITHOUT_ROWS and (kind != "TYPE" or self.has("CASCADE")):
            yield Unknown(self.sql)

    def delete(self) -> Change:
        while self.takes("LOW_PRIORITY") or self.takes("QUICK") or self.takes("IGNORE"):
            pass
        if not self.takes("FROM"):
            return Unknown(self.sql)  # of several tables, by the names that it gives them
        self.takes("ONLY")
        table = self.name()
        if table is None or self.has("USING"):
            return Unknown(self.sql)
        return Deleted(table, all=not self.has("WHERE"))

    def update(self) -> Iterator[Change]:
        self.takes("ONLY")
        table = self.name()
        while self.place < len(self.tokens) and not self.takes("SET"):
            if self.peek().text == "," or self.peek().word == "JOIN":
                table = None
            self.place += 1

        for assignment in self.clauses():
            words = {token.word for token in assignment}
            if "=" not in {token.text for token in assignment} or words.isdisjoint(
                {"NULL", "SELECT", "NULLIF"}
            ):
                continue
            place = [token.text for token in assignment].index("=")
            column = assignment[place - 1].name if place else None
            if table is None or column is None:
                yield Unknown(self.sql)
            else:
                yield Emptied(table.column(column))

    def alter(self) -> Iterator[Change]:
        if self.takes("IGNORE"):  # rows that a new key does not let in go
            yield Unknown(self.sql)
            return
        self.takes("ONLINE")
        if not self.takes("TABLE"):
            return
        self.takes_if_exists()
        self.takes("ONLY")
        table = self.name()
        if table is None:
            yield Unknown(self.sql)
            return
        for clause in self.clauses():
            yield from _Statement(clause, self.sql).clause(table)

    def clause(self, table: TableName) -> Iterator[Change]:
        """Yield what one clause of an ALTER TABLE does."""
        match self.next_word():
            case "DROP":
                yield from self.drop_part(table)
            case "RENAME":
                yield from self.rename_part(table)
            case "CHANGE":
                self.takes("COLUMN")
                self.takes_if_exists()
                old, new = self.plain(), self.plain()
                if old:
                    yield Retyped(table.column(old), self.type_text())
                if old and new and old != new:
                    yield Renamed(table.column(old), table.column(new))
            case "MODIFY":
                self.takes("COLUMN")
                self.takes_if_exists()
                column = self.plain()
                if column:
                    yield Retyped(table.column(column), self.type_text())
            case "ALTER":
                self.takes("COLUMN")
                column = self.plain()
                is_type = self.takes("TYPE") or (self.takes("SET") and self.takes("DATA"))
                if column and is_type:
                    yield Retyped(table.column(column), "")
            case "TRUNCATE" | "DISCARD" | "EXCHANGE" | "IMPORT":
                yield Unknown(self.sql)

    def type_text(self) -> str:
        """Return the type that stands here, up to what else is said of the column."""
        found = []
        for token in self.tokens[self.place :]:
            if token.word in AFTER_TYPE:
                break
            found.append(token.text)
        return " ".join(found)

    def drop_part(self, table: TableName) -> Iterator[Change]:
        if self.peek().word in PARTS_OF_TABLE:
            return
        if self.peek().word in {"PARTITION", "SYSTEM"}:
            yield Unknown(self.sql)
            return
        self.takes("COLUMN")
        self.takes_if_exists()
        column = self.plain()
        yield Dropped(table.column(column)) if column else Unknown(self.sql)

    def rename_part(self, table: TableName) -> Iterator[Change]:
        if self.peek().word in {"INDEX", "KEY", "CONSTRAINT"}:
            return
        if self.takes("TO") or self.takes("AS"):
            yield from self.renamed(table, self.name())
            return
        self.takes("COLUMN")
        place = self.place
        old = self.plain()
        if self.takes("TO"):
            new = self.plain()
            if old and new:
                yield Renamed(table.column(old), table.column(new))
            return
        self.place = place
        yield from self.renamed(table, self.name())

    def renamed(self, old: TableName, new: TableName | None) -> Iterator[Change]:
        if new is None:
            yield Unknown(self.sql)
        else:
            yield Renamed(old, new if new.schema else TableName(new.name, old.schema))

    def rename_tables(self) -> Iterator[Change]:
        if not (self.takes("TABLE") or self.takes("TABLES")):
            return
        self.takes_if_exists()
        while (old := self.name()) is not None:
            self.takes("TO")
            yield from self.renamed(old, self.name())
            if not self.takes(","):
                return

    def create(self) -> Iterator[Change]:
        if not (self.takes("OR") and self.takes("REPLACE")):
            return
        if self.takes("TABLE"):
            yield from (Dropped(table) for table in self.names())

    def insert(self) -> Iterator[Change]:
        """Yield a copy, where the text is that of one: a table made anew is filled so."""
        self.takes("INTO")
        table = self.name()
        columns = self.in_brackets()
        if table is None or not self.takes("SELECT"):
            return
        expressions = list(self.clauses(until="FROM"))
        self.takes("FROM")
        source = self.name()
        if source is None or len(columns) != len(expressions):
            return
        read = [_read_column(expression, source) for expression in expressions]
        pairs = zip(columns, read, strict=True)
        yield Copied(source, table, {new: old for new, old in pairs if old})


def _read_column(expression: list[Token], source: TableName) -> str | None:
    """Return the one column that an expression such as `CAST(t.a AS TEXT) AS a` reads."""
    texts = [token.text for token in expression]
    for place, token in enumerate(expression[:-2]):
        if token.name == source.name and texts[place + 1] == ".":
            return expression[place + 2].name
    if texts[:2] == ["CAST", "("] and texts[3:4] == ["AS"]:
        return expression[2].name
    return expression[0].name if len(expression) == 1 else None
