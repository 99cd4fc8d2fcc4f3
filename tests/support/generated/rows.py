"""Moves that change rows, once and not twice."""

from __future__ import annotations

from support.generated.world import World, code, move


@move()
def count_up(w: World) -> str:
    return code('op.execute("UPDATE <t> SET a = a + 1")', t=w.table().name)


@move()
def insert_each(w: World) -> str:
    table = w.table(takes_rows=True)
    return code(
        """
for number in <ids>:
    bind.execute(
        sa.text("INSERT INTO <t> (id, a, b) VALUES (:id, :a, :b)"),
        {"id": number, "a": number * 2, "b": f"linha {number}: 100%"},
    )
""",
        t=table.name,
        ids=table.more(w.dice.randint(1, 4)),
    )


@move()
def delete_some(w: World) -> str:
    table = w.table(free=True, fits=lambda each: len(each.ids) > 2)
    gone = w.dice.choice(table.ids)
    table.ids.remove(gone)
    return code(
        """
gone = bind.execute(sa.text("DELETE FROM <t> WHERE id = <id>")).rowcount
note("deleted from <t>", gone)
""",
        t=table.name,
        id=gone,
    )


@move()
def executemany_update(w: World) -> str:
    table = w.table()
    return code(
        """
rows = bind.execute(sa.text("SELECT id, a FROM <t> ORDER BY id")).all()
bind.execute(
    sa.text("UPDATE <t> SET a = :v WHERE id = :i"),
    [{"v": row.a * 2 + 1, "i": row.id} for row in rows] or [{"v": 0, "i": -1}],
)
""",
        t=table.name,
    )


@move()
def executemany_insert(w: World) -> str:
    table = w.table(takes_rows=True)
    return code(
        """
names = sa.column("id", sa.Integer), sa.column("a", sa.Integer), sa.column("b", sa.String)
rows = [{"id": n, "a": n, "b": f"muitos {n}"} for n in <ids>]
bind.execute(sa.table("<t>", *names).insert(), rows)
""",
        t=table.name,
        ids=table.more(4),
    )


@move()
def key_used_afterwards(w: World) -> str:
    """Two tables whose keys the server gives; the second refers to the first."""
    key = w.fresh("gk")
    return code(
        """
parents = op.create_table(
    "<parents>", sa.Column("<key>", sa.Integer, primary_key=True), sa.Column("b", sa.String(50))
)
children = op.create_table(
    "<children>", sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("<key>_ref", sa.Integer),
)
for number in range(3):
    result = bind.execute(parents.insert().values(b=f"pai {number}"))
    bind.execute(children.insert().values(id=number, <key>_ref=result.inserted_primary_key[0]))
""",
        key=key,
        parents=w.fresh("pais"),
        children=w.fresh("filhos"),
    )


@move("mysql sqlite")
def lastrowid(w: World) -> str:
    key = w.fresh("gk")
    return code(
        """
parents = op.create_table(
    "<parents>", sa.Column("<key>", sa.Integer, primary_key=True), sa.Column("b", sa.String(50))
)
op.create_table("<children>", sa.Column("<key>_ref", sa.Integer))
for number in range(2):
    key = bind.execute(sa.text("INSERT INTO <parents> (b) VALUES ('x')")).lastrowid
    bind.execute(sa.text("INSERT INTO <children> VALUES (:key)"), {"key": key})
""",
        key=key,
        parents=w.fresh("pais"),
        children=w.fresh("filhos"),
    )


@move()
def returning(w: World) -> str:
    key = w.fresh("gk")
    return code(
        """
parents = op.create_table(
    "<parents>", sa.Column("<key>", sa.Integer, primary_key=True), sa.Column("b", sa.String(50))
)
op.create_table("<children>", sa.Column("<key>_ref", sa.Integer), sa.Column("b", sa.String(50)))
for number in range(2):
    made = bind.execute(
        sa.text("INSERT INTO <parents> (b) VALUES (:b) RETURNING <key>, b"), {"b": f"r{number}"}
    ).one()
    execute("INSERT INTO <children> VALUES (:k, :b)", k=made.<key>, b=made.b + "!")
""",
        key=key,
        parents=w.fresh("pais"),
        children=w.fresh("filhos"),
    )


@move()
def many_keys_returned(w: World) -> str:
    key = w.fresh("gk")
    return code(
        """
parents = op.create_table(
    "<parents>", sa.Column("<key>", sa.Integer, primary_key=True), sa.Column("b", sa.String(50))
)
children = op.create_table("<children>", sa.Column("<key>_ref", sa.Integer))
keys = bind.scalars(
    sa.insert(parents).returning(parents.c.<key>), [{"b": f"m{n}"} for n in range(3)]
).all()
bind.execute(children.insert(), [{"<key>_ref": key} for key in keys])
""",
        key=key,
        parents=w.fresh("pais"),
        children=w.fresh("filhos"),
    )


@move("postgresql sqlite")
def delete_returning(w: World) -> str:
    table = w.table(takes_rows=True, free=True)
    return code(
        """
gone = bind.execute(sa.text("DELETE FROM <t> WHERE id > 1 RETURNING id, a, b")).all()
for row in gone:
    sql = "INSERT INTO <t> (id, a, b) VALUES (:i, :a, :b)"
    execute(sql, i=row.id, a=row.a + 1, b=row.b)
""",
        t=table.name,
    )


@move()
def rowcount_decides(w: World) -> str:
    table = w.table()
    return code(
        """
changed = bind.execute(sa.text("UPDATE <t> SET a = a + 100 WHERE a < 6")).rowcount
note("changed in <t>", changed)
if changed > 1:
    bind.execute(sa.text("UPDATE <t> SET a = a + :n WHERE a >= 100"), {"n": changed})
""",
        t=table.name,
    )


@move()
def upsert(w: World) -> str:
    table = w.table(takes_rows=True)
    otherwise = "ON CONFLICT (id) DO UPDATE SET a = <t>.a + 50"
    if w.database == "mysql":
        otherwise = "ON DUPLICATE KEY UPDATE a = a + 50"
    sql = f"INSERT INTO <t> (id, a, b) VALUES (:id, 1, 'novo') {otherwise}"
    (new,) = table.more(1)
    old = table.ids[0]
    return code(
        f"""
for number in (<old>, <new>, <new>):
    bind.execute(sa.text("{sql}"), {{"id": number}})
""",
        t=table.name,
        old=old,
        new=new,
    )


@move()
def delete_and_insert_again(w: World) -> str:
    table = w.table(free=True, takes_rows=True)
    return code(
        """
rows = [dict(row._mapping) for row in bind.execute(sa.text("SELECT id, a, b FROM <t>"))]
op.execute("DELETE FROM <t>")
for row in rows:
    execute("INSERT INTO <t> (id, a, b) VALUES (:id, :a, :b)", **{**row, "a": row["a"] + 3})
""",
        t=table.name,
    )


@move("mysql postgresql")
def several_statements_of_cte(w: World) -> str:
    table = w.table()
    if w.database == "mysql":
        return code(
            """
op.execute(
    "UPDATE <t> JOIN (WITH top AS (SELECT max(id) AS id FROM <t>) SELECT id FROM top) AS m"
    " ON m.id = <t>.id SET <t>.a = <t>.a + 9"
)
""",
            t=table.name,
        )
    return code(
        """
op.execute(
    "WITH moved AS (UPDATE <t> SET a = a + 9 WHERE id > 2 RETURNING id)"
    " INSERT INTO diario (what, number) SELECT 'cte', id FROM moved"
)
op.execute("UPDATE <t> SET a = a + 1; UPDATE <t> SET a = a * 2")
op.execute(
    "DO $$ BEGIN UPDATE <t> SET a = a + 4;"
    " INSERT INTO diario (what, number) VALUES ('do', 1); END $$"
)
""",
        t=table.name,
    )
