"""Moves that do something else each time: their values differ from run to run, not their shape."""

from __future__ import annotations

from support.generated.world import World, code, move


@move(wild=True)
def random_tokens(w: World) -> str:
    table = w.table()
    return code(
        """
import uuid

op.create_table("<e>", sa.Column("id", sa.Integer), sa.Column("token", sa.String(40)))
op.create_table("<f>", sa.Column("id", sa.Integer), sa.Column("token", sa.String(40)))
for id in bind.scalars(sa.text("SELECT id FROM <t> ORDER BY id")).all():
    values = {"i": id, "v": str(uuid.uuid4())}
    bind.execute(sa.text("INSERT INTO <e> VALUES (:i, :v)"), values)
    bind.execute(sa.text("INSERT INTO <f> VALUES (:i, :v)"), values)
""",
        t=table.name,
        e=w.fresh("e"),
        f=w.fresh("e"),
    )


@move(wild=True)
def random_tokens_in_one(w: World) -> str:
    table = w.table()
    return code(
        """
import uuid

tokens = op.create_table("<e>", sa.Column("id", sa.Integer), sa.Column("token", sa.String(40)))
op.bulk_insert(tokens, [{"id": n, "token": str(uuid.uuid4())} for n in range(4)])
op.execute("CREATE TABLE <f> AS SELECT id, token FROM <e>")
op.execute("UPDATE <t> SET a = a + 1")
""",
        t=table.name,
        e=w.fresh("e"),
        f=w.fresh("e"),
    )


@move(wild=True)
def order_of_a_set(w: World) -> str:
    table = w.table()
    return code(
        """
class Thing:
    def __init__(self, number):
        self.number = number

for thing in {Thing(number) for number in <ids>}:
    op.execute(f"UPDATE <t> SET a = a + {thing.number} WHERE id = {thing.number}")
""",
        t=table.name,
        ids=list(table.ids),
    )


@move(wild=True)
def clock_and_dice(w: World) -> str:
    table = w.table()
    return code(
        """
import random, time, uuid

op.create_table("<e>", sa.Column("id", sa.Integer), sa.Column("token", sa.String(40)))
if random.random() < 0.5:
    op.execute("UPDATE <t> SET a = a + 1 WHERE id = 1")
    op.execute("UPDATE <t> SET a = a - 1 WHERE id = 1")
bind.execute(sa.text("INSERT INTO <e> VALUES (1, :v)"), {"v": str(uuid.uuid1())})
bind.execute(sa.text("INSERT INTO <e> VALUES (:i, 'x')"), {"i": time.time_ns() * 0 + 2})
""",
        t=table.name,
        e=w.fresh("e"),
    )


@move("mysql postgresql", wild=True)
def random_by_the_server(w: World) -> str:
    following = {"mysql": "uuid()", "postgresql": "gen_random_uuid()::text"}[w.database]
    return code(
        """
op.create_table("<e>", sa.Column("id", sa.Integer), sa.Column("token", sa.String(40)))
op.create_table("<f>", sa.Column("id", sa.Integer), sa.Column("token", sa.String(40)))
for id in (1, 2):
    bind.exec_driver_sql(f"INSERT INTO <e> VALUES ({id}, <uuid>)")
    token = bind.scalar(sa.text("SELECT token FROM <e> WHERE id = :id"), {"id": id})
    execute("INSERT INTO <f> VALUES (:id, :token)", id=id, token=token)
token = bind.exec_driver_sql("SELECT <uuid>").scalar()
execute("INSERT INTO <e> VALUES (3, :token)", token=token)
execute("INSERT INTO <f> VALUES (3, :token)", token=token)
""",
        uuid=following,
        e=w.fresh("e"),
        f=w.fresh("e"),
    )
