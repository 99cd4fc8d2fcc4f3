"""SQLite tables that nobody wrote, what a batch does to them, and what they have to be then.

A table is kept as its parts, in which `{c3}` stands for the name of the fourth column: what a batch
asks for is done to the parts, and the text they make is what SQLite must hold afterwards. The same
seed makes the same table and the same batch.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from alambique.database.sqlite_ddl import Token, fold, tokens

NAMES = ["nome", '"Nome Completo"', "[order]", "`grupo`", '"a""b"', "ação", "Code", '"c(d"', "x1"]
TYPES = ["TEXT", "VARCHAR(50)", "NUMERIC(10, 2)", "UNSIGNED BIG INT", "REAL", "BLOB", "", "INTEGER"]
STRICT_TYPES = ["TEXT", "INTEGER", "REAL", "ANY", "INT"]
CONFLICTS = ["", "", " ON CONFLICT IGNORE", " ON CONFLICT REPLACE", " ON CONFLICT ABORT"]
DEFERRED = ["", " DEFERRABLE INITIALLY DEFERRED", " NOT DEFERRABLE", " DEFERRABLE"]
ACTIONS = ["", " ON DELETE CASCADE", " ON UPDATE SET NULL ON DELETE SET NULL", " MATCH FULL"]
BLANKS = [" ", "\n    ", " /* a, b */ ", " -- it's (so\n    "]


@dataclass
class Part:
    """A column."""

    name: str
    type: str
    clauses: list[str]
    is_free: bool = True
    """Does nothing else speak of it?"""
    is_generated: bool = False


@dataclass
class Made:
    """A table, with all that hangs on it."""

    rng: random.Random
    columns: dict[str, Part] = field(default_factory=dict)
    clauses: list[str] = field(default_factory=list)
    options: str = ""
    others: list[str] = field(default_factory=list)
    """What makes its indexes, triggers and views."""
    operations: list[str] = field(default_factory=list)
    name: str = "t"

    @property
    def is_strict(self) -> bool:
        return "STRICT" in self.options

    def filled(self, text: str) -> str:
        """Return a text with the names of the columns in it."""
        for key, part in self.columns.items():
            text = text.replace(f"{{{key}}}", part.name)
        return text

    def bare(self, key: str) -> str:
        """Return the name of a column without quotes."""
        name = self.columns[key].name
        if name[0] not in '"[`':
            return name
        return name[1:-1].replace('""', '"')

    @property
    def bare_name(self) -> str:
        """The table's name without quotes."""
        return self.name.strip('"')

    def sql(self) -> list[str]:
        """Return what makes the table, and what hangs on it."""
        parts = [
            " ".join(filter(None, [f"{{{key}}}", part.type, *part.clauses]))
            for key, part in self.columns.items()
        ]
        blank = random.Random(len(parts)).choice(BLANKS)
        body = f",{blank}".join([*parts, *self.clauses])
        table = f"CREATE TABLE {self.name} ({blank}{body}{blank}){self.options}"
        return [self.filled(each) for each in [table, *self.others]]

    def free(self, *, nullable: bool = False) -> list[str]:
        """Return the columns that nothing else speaks of."""
        return [
            key
            for key, part in self.columns.items()
            if part.is_free
            and not part.is_generated
            and not (nullable and "NOT NULL" in part.clauses)
        ]


def table(seed: int) -> Made:
    """Make a table."""
    rng = random.Random(seed)
    made = Made(rng, options=rng.choice(["", "", "", " STRICT", " WITHOUT ROWID"]))
    made.name = rng.choice(["t", '"My Table"', "Tabela"])
    names = rng.sample(NAMES, 7)
    types = STRICT_TYPES if made.is_strict else TYPES
    for number in range(6):
        key = f"c{number}"
        made.columns[key] = Part(names[number], rng.choice(types), _clauses(rng, key))

    _add_key(made)
    if rng.random() < 0.5:
        key = rng.choice(["STORED", "VIRTUAL", ""])
        made.columns["g"] = Part(
            names[6], "INTEGER", [f"GENERATED ALWAYS AS (length({{c0}}) * 2) {key}".strip()]
        )
        made.columns["g"].is_generated = True
        made.columns["c0"].is_free = False
    _add_clauses(made)
    _add_others(made)
    return made


def _clauses(rng: random.Random, key: str) -> list[str]:
    conflict = rng.choice(CONFLICTS)
    found = [
        rng.choice(["NOT NULL", f"CONSTRAINT nn NOT NULL{conflict}"]) + " DEFAULT 7",
        "DEFAULT (1 + 2)",
        "DEFAULT -1.5e3",
        f"UNIQUE{conflict}",
        f"CONSTRAINT uq_{key} UNIQUE",
        rng.choice(["COLLATE NOCASE", "COLLATE RTRIM"]),
        f"CHECK (length({{{key}}}) < 1000)",
        f"CONSTRAINT ck_{key} CHECK ({{{key}}} IS NOT 'a,(b')",
        f"REFERENCES p (id){rng.choice(ACTIONS)}{rng.choice(DEFERRED)}",
    ]
    chosen = rng.sample(found, rng.choice([0, 0, 1, 1, 2, 3]))
    if sum("DEFAULT" in each for each in chosen) > 1:
        chosen = chosen[:1]
    if sum("UNIQUE" in each for each in chosen) > 1:
        chosen = [each for each in chosen if not each.startswith("UNIQUE")]
    return chosen


def _add_key(made: Made) -> None:
    rng = made.rng
    kinds = [
        "INTEGER PRIMARY KEY",
        "INTEGER PRIMARY KEY AUTOINCREMENT",
        "composite",
        "TEXT",
        "none",
    ]
    if "WITHOUT" in made.options:
        kinds = ["composite", "TEXT"]
    kind = rng.choice(kinds)
    key = Part("id", "INTEGER", [], is_free=False)
    if kind.startswith("INTEGER"):
        key.clauses = [kind.removeprefix("INTEGER ")]
    elif kind == "TEXT":
        key = Part("id", "TEXT", ["CONSTRAINT pk NOT NULL PRIMARY KEY DESC"], is_free=False)
    elif kind == "composite":
        key.clauses = ["NOT NULL"]
        made.columns["c5"].clauses = ["NOT NULL"]
        made.columns["c5"].is_free = False
        made.clauses.append(f"PRIMARY KEY ({{id}} DESC, {{c5}}){rng.choice(CONFLICTS)}")
    made.columns = {"id": key, **made.columns}


def _add_clauses(made: Made) -> None:
    rng = made.rng
    for clause, keys in rng.sample(
        [
            (f"UNIQUE ({{c1}} COLLATE NOCASE, {{c2}}){rng.choice(CONFLICTS)}", ["c1", "c2"]),
            ("CONSTRAINT uq_two UNIQUE ({c2}, {c3})", ["c2", "c3"]),
            ("CHECK ({c1} <> 'x' OR {c3} IS NULL)", ["c1", "c3"]),
            ("CONSTRAINT ck_two CHECK ({c0} <> 'x' OR {c4} IS NOT 'y')", ["c0", "c4"]),
            (f"FOREIGN KEY ({{c4}}) REFERENCES p (id){rng.choice(DEFERRED)}", ["c4"]),
            (
                f"CONSTRAINT fk_p FOREIGN KEY ({{c3}}) REFERENCES p (id){rng.choice(ACTIONS)}",
                ["c3"],
            ),
        ],
        rng.randint(0, 3),
    ):
        made.clauses.append(clause)
        for key in keys:
            made.columns[key].is_free = False


def _add_others(made: Made) -> None:
    rng, t = made.rng, made.name
    for other, keys in rng.sample(
        [
            (f"CREATE INDEX ix_plain ON {t} ({{c0}} DESC, {{c1}})", ["c0", "c1"]),
            (f"CREATE INDEX ix_lower ON {t} (lower({{c1}}))", ["c1"]),
            (
                f"CREATE UNIQUE INDEX ix_part ON {t} ({{c2}}, {{id}}) WHERE {{c0}} IS NULL",
                ["c0", "c2"],
            ),
            (
                f"CREATE TRIGGER tr_i AFTER INSERT ON {t}\n"
                "BEGIN INSERT INTO log VALUES (NEW.{c1}); END",
                ["c1"],
            ),
            (
                f"CREATE TRIGGER tr_u BEFORE UPDATE OF {{c2}} ON {t} WHEN OLD.{{c2}} IS NULL\n"
                "BEGIN UPDATE log SET what = NEW.{c3}; SELECT 1; END",
                ["c2", "c3"],
            ),
            (
                f"CREATE VIEW vista AS SELECT {{c4}} AS x FROM {t} WHERE {{c0}} IS NULL",
                ["c0", "c4"],
            ),
        ],
        rng.randint(0, 4),
    ):
        made.others.append(other)
        for key in keys:
            made.columns[key].is_free = False


# What a batch does: each does it to the parts, and returns the lines that ask for it


def add_nullable(made: Made) -> str:
    made.columns["n1"] = Part("n1", "TEXT", [])
    return 'batch.add_column(sa.Column("n1", sa.Text))'


def add_required(made: Made) -> str:
    made.columns["n2"] = Part("n2", "INTEGER", ["DEFAULT '5'", "NOT NULL"])
    return 'batch.add_column(sa.Column("n2", sa.Integer, server_default="5", nullable=False))'


def add_with_key(made: Made) -> str:
    made.columns["n3"] = Part("n3", "INTEGER", [])
    made.clauses.append("CONSTRAINT fk_n3 FOREIGN KEY({n3}) REFERENCES p (id)")
    key = 'sa.ForeignKey("p.id", name="fk_n3")'
    return f'batch.add_column(sa.Column("n3", sa.Integer, {key}))'


def drop(made: Made) -> str:
    free = made.free()
    if not free:
        return ""
    key = made.rng.choice(free)
    line = f"batch.drop_column({made.bare(key)!r})"
    made.clauses[:] = [each for each in made.clauses if f"KEY({{{key}}})" not in each]
    del made.columns[key]
    return line


def alter_type(made: Made) -> str:
    keys = [key for key, part in made.columns.items() if key[0] == "c" and part.type == "TEXT"]
    if not keys:
        return ""
    key = made.rng.choice(keys)
    name = made.bare(key)
    made.columns[key].type = "TEXT" if made.is_strict else "VARCHAR(300)"
    type_ = "sa.Text()" if made.is_strict else "sa.String(300)"
    return f"batch.alter_column({name!r}, type_={type_})"


def require(made: Made) -> str:
    keys = [key for key in made.columns if key[0] == "c" and not _is_required(made, key)]
    if not keys:
        return ""
    key = made.rng.choice(keys)
    made.columns[key].clauses.append("NOT NULL")
    return f"batch.alter_column({made.bare(key)!r}, nullable=False)"


def allow_null(made: Made) -> str:
    keys = [key for key in made.columns if key[0] in "cn" and _is_required(made, key)]
    if not keys or "WITHOUT" in made.options:
        return ""
    key = made.rng.choice(keys)
    clauses = made.columns[key].clauses
    for n, clause in enumerate(clauses):
        if "NOT NULL" in clause and "CHECK" not in clause:
            default = clause.partition(" DEFAULT ")[2]
            clauses[n] = f"DEFAULT {default}" if default else ""
    return f"batch.alter_column({made.bare(key)!r}, nullable=True)"


def set_default(made: Made) -> str:
    keys = [key for key in made.columns if key[0] == "c" and not _has_default(made, key)]
    if not keys:
        return ""
    key = made.rng.choice(keys)
    made.columns[key].clauses.append("DEFAULT 'it''s'")
    return f'batch.alter_column({made.bare(key)!r}, server_default="it\'s")'


def drop_default(made: Made) -> str:
    keys = [key for key in made.columns if key[0] == "c" and _has_default(made, key)]
    if not keys:
        return ""
    key = made.rng.choice(keys)
    clauses = made.columns[key].clauses
    clauses[:] = [_without_default(each) for each in clauses]
    return f"batch.alter_column({made.bare(key)!r}, server_default=None)"


def rename(made: Made) -> str:
    key = made.rng.choice([key for key in made.columns if key != "id"])
    old = made.bare(key)
    made.columns[key].name = '"Novo Nome"'
    return f'batch.alter_column({old!r}, new_column_name="Novo Nome")'


def add_unique(made: Made) -> str:
    keys = ["id", *[key for key in made.columns if key[0] == "c"][-2:]]
    for key in keys:
        made.columns[key].is_free = False
    made.clauses.append(f"CONSTRAINT uq_new UNIQUE ({', '.join(f'{{{key}}}' for key in keys)})")
    return f'batch.create_unique_constraint("uq_new", {[made.bare(key) for key in keys]!r})'


def add_check(made: Made) -> str:
    made.clauses.append("CONSTRAINT ck_new CHECK ({id} IS NOT 'never %s :x')")
    condition = made.filled("{id} IS NOT 'never %s \\:x'")
    return f'batch.create_check_constraint("ck_new", {condition!r})'


def drop_constraint(made: Made) -> str:
    found = [
        (clauses, clause)
        for clauses in [made.clauses, *(part.clauses for part in made.columns.values())]
        for clause in clauses
        if clause.startswith(("CONSTRAINT uq", "CONSTRAINT ck", "CONSTRAINT fk"))
    ]
    if not found:
        return ""
    clauses, clause = made.rng.choice(found)
    clauses.remove(clause)
    name = clause.split()[1]
    types = {"uq": "unique", "ck": "check", "fk": "foreignkey"}
    return f'batch.drop_constraint("{name}", type_="{types[name[:2]]}")'


def drop_index(made: Made) -> str:
    found = [each for each in made.others if " INDEX " in each]
    if not found:
        return ""
    index = made.rng.choice(found)
    made.others.remove(index)
    name = index.split(" INDEX ")[1].split()[0]
    return f'batch.drop_index("{name}")'


def create_index(made: Made) -> str:
    made.others.append(f"CREATE INDEX ix_new ON {made.name} ({{id}})")
    return f'batch.create_index("ix_new", [{made.bare("id")!r}])'


MOVES: list[Callable[[Made], str]] = [
    add_nullable,
    add_required,
    add_with_key,
    drop,
    alter_type,
    require,
    allow_null,
    set_default,
    drop_default,
    rename,
    add_unique,
    add_check,
    drop_constraint,
    drop_index,
    create_index,
]


def _is_required(made: Made, key: str) -> bool:
    return any("NOT NULL" in each and "CHECK" not in each for each in made.columns[key].clauses)


def _has_default(made: Made, key: str) -> bool:
    return any("DEFAULT" in each for each in made.columns[key].clauses)


def _without_default(clause: str) -> str:
    return clause.partition("DEFAULT ")[0].rstrip() if "DEFAULT" in clause else clause


# What a database holds


def build(driver: sqlite3.Connection, made: Made) -> None:
    """Make a table that is like the parts, with a few rows."""
    driver.executescript("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE log (what TEXT);")
    for sql in made.sql():
        driver.execute(sql)
    keys = [key for key, part in made.columns.items() if not part.is_generated]
    names = ", ".join(made.columns[key].name for key in keys)
    marks = ", ".join("?" for _ in keys)
    for number in (1, 2, 5, 9):
        values = [_value(made.columns[key].type, number) for key in keys]
        driver.execute(f"INSERT INTO {made.name} ({names}) VALUES ({marks})", values)
    driver.execute(f"DELETE FROM {made.name} WHERE id IN (2, 9, 'v2', 'v9')")


def held(driver: sqlite3.Connection, made: Made) -> dict[str, list[tuple[object, ...]]]:
    """Return the values in each column, and what else a table has that its text does not say."""
    order = f"FROM {made.name} ORDER BY {made.columns['id'].name}"
    found = {
        key: driver.execute(f"SELECT {part.name}, typeof({part.name}) {order}").fetchall()
        for key, part in made.columns.items()
    }
    if "WITHOUT" not in made.options:
        found["rowid"] = driver.execute(f"SELECT rowid {order}").fetchall()
    if any("AUTOINCREMENT" in each for each in made.columns["id"].clauses):
        found["counter"] = driver.execute("SELECT * FROM sqlite_sequence").fetchall()
    found["log"] = driver.execute("SELECT * FROM log").fetchall()
    # SQLite 3.40 takes a NOT NULL column of a new table WITHOUT ROWID for the one beside it.
    if "WITHOUT" not in made.options:
        found["intact"] = driver.execute("PRAGMA integrity_check").fetchall()
    return found


def texts(driver: sqlite3.Connection) -> list[str]:
    """Return what made the table, and what hangs on it."""
    rows = driver.execute(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
        " AND name NOT IN ('p', 'log', 'alembic_version', 'alembic_ledger', 'sqlite_sequence')"
        " ORDER BY rowid"
    )
    return [sql for (sql,) in rows]


def meaning(sql: str) -> list[list[str]]:
    """Return the words of a text, without quotes of names; in a part of a table, in any order."""
    found = tokens(sql)
    if found[1].word != "TABLE":
        return [list(map(_known_as, found))]

    parts: list[list[str]] = [[]]
    depth = 0
    for token in found:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text in "(," and depth == 1 or token.text == ")" and depth == 0:
            parts.append([])
        else:
            parts[-1].append(_known_as(token))
    return [parts[0], *map(sorted, parts[1:])]


def _known_as(token: Token) -> str:
    return fold(token.name) if token.kind in {"word", "quoted"} else token.text


def _value(type_: str, number: int) -> object:
    if "INT" in type_ or type_.startswith("NUMERIC"):
        return number
    return number + 0.5 if type_ == "REAL" else f"v{number}"
