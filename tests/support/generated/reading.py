"""Moves that decide by what they read."""

from __future__ import annotations

from support.generated.world import Table, World, code, move


def _limited(w: World, table: str, change: str, where: str, count: int) -> str:
    """Return an UPDATE of at most this many rows."""
    if w.database == "mysql":
        return f"UPDATE {table} SET {change} WHERE {where} LIMIT {count}"
    chosen = f"SELECT id FROM {table} WHERE {where} ORDER BY id LIMIT {count}"
    return f"UPDATE {table} SET {change} WHERE id IN ({chosen})"


@move()
def backfill_row_by_row(w: World) -> str:
    table = w.table()
    column = w.fresh("c")
    table.numbers.append(column)
    return code(
        """
op.add_column("<t>", sa.Column("<c>", sa.Integer))
for row in bind.execute(sa.text("SELECT id, a FROM <t> WHERE <c> IS NULL ORDER BY id")).all():
    bind.execute(
        sa.text("UPDATE <t> SET <c> = :v WHERE id = :i"), {"v": row.a * 3 + row.id, "i": row.id}
    )
""",
        t=table.name,
        c=column,
    )


@move("mysql postgresql")
def backfill_not_null(w: World) -> str:
    table = w.table()
    table.is_strict = True
    return code(
        """
op.add_column("<t>", sa.Column("<c>", sa.String(60)))
for id, b in bind.execute(sa.text("SELECT id, b FROM <t>")):
    bind.execute(sa.text("UPDATE <t> SET <c> = :v WHERE id = :i"), {"v": b.upper(), "i": id})
op.alter_column("<t>", "<c>", nullable=False, existing_type=sa.String(60))
""",
        t=table.name,
        c=w.fresh("c"),
    )


@move()
def backfill_and_drop_source(w: World) -> str:
    table = w.table(free=True)
    source, goal = w.fresh("c"), w.fresh("c")
    table.numbers.append(goal)
    return code(
        """
op.add_column("<t>", sa.Column("<source>", sa.Integer))
op.execute("UPDATE <t> SET <source> = id * 5")
op.add_column("<t>", sa.Column("<goal>", sa.Integer))
while bind.execute(sa.text("<limited>")).rowcount > 0:
    pass
op.drop_column("<t>", "<source>")
""",
        t=table.name,
        source=source,
        goal=goal,
        limited=_limited(w, table.name, f"{goal} = {source} + 1", f"{goal} IS NULL", 2),
    )


@move()
def batches_counted(w: World) -> str:
    table = w.table()
    column = w.fresh("c")
    table.numbers.append(column)
    return code(
        """
op.add_column("<t>", sa.Column("<c>", sa.Integer))
batches = 0
while True:
    changed = bind.execute(sa.text("<limited>")).rowcount
    if not changed:
        break
    batches += 1
note("batches of <t>", batches)
""",
        t=table.name,
        c=column,
        limited=_limited(w, table.name, f"{column} = a", f"{column} IS NULL", 3),
    )


@move()
def batches_selected(w: World) -> str:
    table = w.table()
    column = w.fresh("c")
    table.numbers.append(column)
    return code(
        """
op.add_column("<t>", sa.Column("<c>", sa.Integer))
while True:
    batch = execute("SELECT id, a FROM <t> WHERE <c> IS NULL ORDER BY id LIMIT 3").all()
    if not batch:
        break
    bind.execute(
        sa.text("UPDATE <t> SET <c> = :v WHERE id = :i"),
        [{"v": row.a + 1, "i": row.id} for row in batch],
    )
""",
        t=table.name,
        c=column,
    )


@move()
def batches_by_last_id(w: World) -> str:
    table = w.table()
    return code(
        """
last = 0
while True:
    found = execute("SELECT id FROM <t> WHERE id > :last ORDER BY id LIMIT 2", last=last)
    ids = found.scalars().all()
    if not ids:
        break
    for id in ids:
        bind.execute(sa.text("UPDATE <t> SET a = a + 7 WHERE id = :id"), {"id": id})
    last = ids[-1]
""",
        t=table.name,
    )


@move()
def sum_before_change(w: World) -> str:
    table = w.table()
    return code(
        """
total = bind.execute(sa.text("SELECT sum(a) FROM <t>")).scalar()
op.execute("UPDATE <t> SET a = a + 1000")
note("total of <t>", int(total or 0))
""",
        t=table.name,
    )


@move()
def read_one_by_one(w: World) -> str:
    table = w.table()
    return code(
        """
result = bind.execute(sa.text("SELECT id, a FROM <t> ORDER BY id"))
while (row := result.fetchone()) is not None:
    if row.a % 2:
        break
result.close()
note("first odd of <t>", row.id if row else None)
op.execute("UPDATE <t> SET a = a + 1")
pages = bind.execute(sa.text("SELECT id FROM <t> ORDER BY id")).partitions(2)
note("pages of <t>", len(list(pages)))
""",
        t=table.name,
    )


@move("mysql postgresql")
def streamed(w: World) -> str:
    table = w.table()
    return code(
        """
query = sa.text("SELECT id, a FROM <t> ORDER BY id")
# PostgreSQL has its cursor in a transaction only.
is_block = bind.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
may_stream = not is_block or bind.dialect.name != "postgresql"
seen = bind.execute(query, execution_options={"stream_results": may_stream})
numbers = [(row.id, row.a) for row in seen.yield_per(2)]
for id, a in numbers:
    bind.execute(sa.text("UPDATE <t> SET a = :a WHERE id = :id"), {"id": id, "a": a - 1})
""",
        t=table.name,
    )


@move()
def locked_rows(w: World) -> str:
    table = w.table()
    lock = "" if w.database == "sqlite" else " FOR UPDATE"
    return code(
        """
query = "SELECT id, b FROM <t> WHERE id < 4 ORDER BY id<lock>"
for row in execute(query).mappings().all():
    execute("UPDATE <t> SET b = :b WHERE id = :i", b="<" + row["b"][:40] + ">", i=row["id"])
""",
        t=table.name,
        lock=lock,
    )


@move()
def if_exists_then_update(w: World) -> str:
    table = w.table(takes_rows=True)
    old, (new,) = table.ids[0], table.more(1)
    return code(
        """
for number in (<old>, <new>):
    found = execute("SELECT count(*) FROM <t> WHERE id = :i", i=number).scalar_one()
    if found:
        bind.execute(sa.text("UPDATE <t> SET a = a + 20 WHERE id = :i"), {"i": number})
    else:
        bind.execute(sa.text("INSERT INTO <t> (id, a, b) VALUES (:i, 0, 'ausente')"), {"i": number})
""",
        t=table.name,
        old=old,
        new=new,
    )


@move()
def next_id_by_max(w: World) -> str:
    table = w.table(takes_rows=True)
    table.more(3)
    return code(
        """
for number in range(3):
    highest = bind.scalar(sa.text("SELECT max(id) FROM <t>"))
    bind.execute(sa.text("INSERT INTO <t> (id, a, b) VALUES (:i, 1, 'max')"), {"i": highest + 1})
""",
        t=table.name,
    )


@move()
def typed_values(w: World) -> str:
    """What is read has a type: what is computed from it says whether it came back as it was."""
    array = 'sa.Column("arr", sa.ARRAY(sa.Integer)),' if w.database == "postgresql" else ""
    filled = '"arr": [n, n + 1],' if w.database == "postgresql" else ""
    used = "str(row.arr)," if w.database == "postgresql" else ""
    return code(
        """
from datetime import date, datetime, timedelta
from decimal import Decimal

typed = op.create_table(
    "<t>",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("price", sa.Numeric(12, 4)),
    sa.Column("at", sa.DateTime),
    sa.Column("day", sa.Date),
    sa.Column("data", sa.LargeBinary),
    sa.Column("doc", sa.JSON),
    sa.Column("flag", sa.Boolean),
    sa.Column("ratio", sa.Float),
    sa.Column("big", sa.BigInteger),
    sa.Column("text", sa.Text),
    sa.Column("uid", sa.Uuid),
    <array>
)
op.create_table("<seen>", sa.Column("id", sa.Integer), sa.Column("text", sa.Text))
import uuid
for n in range(2):
    bind.execute(typed.insert().values({
        "id": n, "price": Decimal("10.2500") + n,
        "at": datetime(2026, 1, 2, 3, 4, 5) + timedelta(days=n),
        "day": date(2026, 1, 2), "data": bytes([0, 255, n, 39, 92]), "doc": {"k": [n, None, "ã"]},
        "flag": bool(n), "ratio": 0.1 * n, "big": 2**40 + n,
        "text": "çã'\\\\\\"%s :x 🌱" + str(n),
        "uid": uuid.UUID(int=n), <filled>
    }))
bind.execute(typed.insert().values(id=9))
for row in bind.execute(sa.select(typed).order_by(typed.c.id)).all():
    if row.price is None:
        continue
    told = [
        str(row.price * 2), row.at.isoformat(), str(row.day.year), row.data.hex(),
        str(row.doc["k"]), repr(row.flag), repr(row.ratio), str(row.big + 1), row.text,
        row.uid.hex, <used>
    ]
    execute("INSERT INTO <seen> VALUES (:i, :t)", i=row.id, t="|".join(told))
raw = bind.execute(sa.text("SELECT * FROM <t> ORDER BY id")).all()
for row in raw:
    execute("INSERT INTO <seen> VALUES (:i, :t)", i=row.id + 100, t=repr(tuple(row)))
""",
        t=w.fresh("typed"),
        seen=w.fresh("seen"),
        array=array,
        filled=filled,
        used=used,
    )


@move()
def reflected(w: World) -> str:
    table = w.table()
    return code(
        """
reflected = sa.Table("<t>", sa.MetaData(), autoload_with=bind)
for row in bind.execute(sa.select(reflected.c.id, reflected.c.a).order_by(reflected.c.id)).all():
    more = row.a + len(reflected.columns)
    bind.execute(reflected.update().where(reflected.c.id == row.id).values(a=more))
""",
        t=table.name,
    )


@move()
def large_table(w: World) -> str:
    table = Table(w.fresh("t"), [1], is_pinned=True, is_strict=True)
    w.tables.append(table)
    return code(
        """
large = op.create_table(
    "<t>",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("a", sa.Integer, nullable=False),
    sa.Column("b", sa.String(50), nullable=False),
    sa.Column("filler", sa.Text),
)
filler = "lorem ipsum " * 20
rows = [{"id": n, "a": n % 10, "b": "x", "filler": filler} for n in range(1500)]
bind.execute(large.insert(), rows)
rows = bind.execute(sa.text("SELECT id, a, filler FROM <t> ORDER BY id")).all()
bind.execute(
    sa.text("UPDATE <t> SET a = :a WHERE id = :i"),
    [{"a": row.a + len(row.filler), "i": row.id} for row in rows if row.id % 50 == 0],
)
note("read of <t>", len(rows))
op.execute("DELETE FROM <t> WHERE id > 20")
""",
        t=table.name,
    )


@move("mysql postgresql", in_autocommit=False)
def batches_committed(w: World) -> str:
    table = w.table()
    column = w.fresh("c")
    table.numbers.append(column)
    return code(
        """
op.add_column("<t>", sa.Column("<c>", sa.Integer))
for row in execute("SELECT id, a FROM <t> WHERE <c> IS NULL ORDER BY id").all():
    execute("UPDATE <t> SET <c> = :v WHERE id = :i", v=row.a * 3, i=row.id)
    if row.id % 2:
        op.execute("COMMIT")
while execute("<limited>").rowcount > 0:
    op.execute("COMMIT")
""",
        t=table.name,
        c=column,
        limited=_limited(w, table.name, "b = 'done'", "b <> 'done'", 2),
    )


@move()
def table_for_each_row(w: World) -> str:
    table = w.table()
    column = w.fresh("c")
    table.numbers.append(column)
    return code(
        """
op.add_column("<t>", sa.Column("<c>", sa.Integer))
for (id,) in execute("SELECT id FROM <t> WHERE <c> IS NULL AND id < 5 ORDER BY id").all():
    op.create_table(f"<part>_{id}", sa.Column("n", sa.Integer))
    execute(f"INSERT INTO <part>_{id} SELECT a FROM <t> WHERE id = :id", id=id)
    execute("UPDATE <t> SET <c> = 1 WHERE id = :id", id=id)
note("left of <t>", execute("SELECT count(*) FROM <t> WHERE <c> IS NULL").scalar())
""",
        t=table.name,
        c=column,
        part=w.fresh("part"),
    )
