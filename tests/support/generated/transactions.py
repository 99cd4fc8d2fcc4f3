"""Moves that end transactions, undo parts of them, or go around SQLAlchemy."""

from __future__ import annotations

from support.generated.world import World, code, move


@move("mysql sqlite")
def error_swallowed(w: World) -> str:
    table = w.table(takes_rows=True)
    (new,) = table.more(1)
    return code(
        """
for number in (<old>, <new>, <old>):
    try:
        op.execute(f"INSERT INTO <t> (id, a, b) VALUES ({number}, 5, 'try')")
        op.execute(f"UPDATE <t> SET a = a + 1 WHERE id = {number}")
    except Exception:
        note("swallowed", number)
""",
        t=table.name,
        old=table.ids[0],
        new=new,
    )


@move("mysql", in_autocommit=False)
def error_answered_by_commit(w: World) -> str:
    return _answered_by(w, "bind.commit()")


@move("mysql", in_autocommit=False)
def error_answered_by_rollback(w: World) -> str:
    return _answered_by(w, "bind.rollback()")


def _answered_by(w: World, answer: str) -> str:
    table = w.table(takes_rows=True)
    return code(
        """
for number in (<old>, <old>):
    op.execute("UPDATE <t> SET a = a + 1 WHERE id > 1")
    try:
        op.execute(f"INSERT INTO <t> (id, a, b) VALUES ({number}, 5, 'try')")
    except sa.exc.DBAPIError as error:
        <answer>
op.execute("UPDATE <t> SET a = a * 2")
""",
        t=table.name,
        old=table.ids[0],
        answer=answer,
    )


@move(in_autocommit=False)
def error_answered_by_a_block(w: World) -> str:
    table = w.table(takes_rows=True)
    (new,) = table.more(1)
    return code(
        """
op.execute("UPDATE <t> SET a = a + 1 WHERE id > 1")
try:
    with bind.begin_nested():
        op.execute(f"INSERT INTO <t> (id, a, b) VALUES (<old>, 5, 'try')")
except sa.exc.DBAPIError as error:
    with op.get_context().autocommit_block():
        op.execute("INSERT INTO <t> (id, a, b) VALUES (<new>, 5, 'block')")
op.execute("UPDATE <t> SET a = a * 2")
""",
        t=table.name,
        old=table.ids[0],
        new=new,
    )


@move("mysql")
def ddl_error_swallowed(w: World) -> str:
    table = w.table()
    return code(
        """
for sql in (
    "DROP TABLE nobody", "ALTER TABLE <t> ADD COLUMN <c> INT", "ALTER TABLE <t> ADD COLUMN <c> INT",
    "CREATE TABLE <e> (n INT)", "CREATE TABLE <e> (n INT)",
):
    try:
        op.execute(sql)
    except sa.exc.DBAPIError as error:
        note("swallowed", error.orig.args[0])
op.execute("UPDATE <t> SET <c> = a")
""",
        t=table.name,
        c=w.fresh("c"),
        e=w.fresh("e"),
    )


@move(in_autocommit=False)
def savepoint_around_error(w: World) -> str:
    table = w.table(takes_rows=True)
    (new,) = table.more(1)
    return code(
        """
for number in (<old>, <new>, <old>):
    try:
        with bind.begin_nested():
            op.execute(f"UPDATE <t> SET a = a + 1 WHERE id > 2")
            op.execute(f"INSERT INTO <t> (id, a, b) VALUES ({number}, 5, 'nested')")
    except sa.exc.IntegrityError:
        note("swallowed", number)
""",
        t=table.name,
        old=table.ids[0],
        new=new,
    )


@move(in_autocommit=False)
def savepoint_undone(w: World) -> str:
    table = w.table()
    return code(
        """
nested = bind.begin_nested()
op.execute("UPDATE <t> SET a = a + 77")
nested.rollback()
op.execute("UPDATE <t> SET a = a + 3")
with bind.begin_nested():
    op.execute("UPDATE <t> SET a = a * 2")
""",
        t=table.name,
    )


@move("mysql", in_autocommit=False)
def rollback_by_hand(w: World) -> str:
    table = w.table()
    return code(
        """
op.execute("COMMIT")
op.execute("UPDATE <t> SET a = a + 55")
op.execute("ROLLBACK")
op.execute("UPDATE <t> SET a = a + 2")
op.execute("START TRANSACTION")
op.execute("UPDATE <t> SET a = a + 4")
op.execute("SAVEPOINT here")
op.execute("UPDATE <t> SET a = a + 88")
op.execute("ROLLBACK TO SAVEPOINT here")
""",
        t=table.name,
    )


@move("mysql", in_autocommit=False)
def commit_by_connection(w: World) -> str:
    table = w.table()
    return code(
        """
op.execute("UPDATE <t> SET a = a + 1")
bind.commit()
op.execute("UPDATE <t> SET a = a * 2")
bind.commit()
""",
        t=table.name,
    )


@move("mysql", in_autocommit=False)
def rollback_by_connection(w: World) -> str:
    table = w.table()
    return code(
        """
op.execute("UPDATE <t> SET a = a + 1")
bind.commit()
op.execute("UPDATE <t> SET a = a * 2")
bind.rollback()
op.execute("UPDATE <t> SET a = a + 5")
""",
        t=table.name,
    )


@move("mysql postgresql", in_autocommit=False)
def commit_by_sql(w: World) -> str:
    table = w.table()
    return code(
        """
op.execute("UPDATE <t> SET a = a + 1")
op.execute("COMMIT")
op.execute("UPDATE <t> SET a = a * 2")
op.execute("COMMIT")
op.execute("UPDATE <t> SET a = a + 3")
""",
        t=table.name,
    )


@move()
def raw_cursor(w: World) -> str:
    table = w.table()
    return code(
        """
cursor = bind.connection.cursor()
cursor.execute("UPDATE <t> SET a = a + 1")
cursor.execute("INSERT INTO diario (what, number) VALUES ('raw', 1)")
cursor.execute("SELECT max(a) FROM <t>")
(highest,) = cursor.fetchone()
cursor.close()
op.execute(f"UPDATE <t> SET a = {highest} WHERE id = 1")
""",
        t=table.name,
    )


@move("mysql")
def raw_cursor_and_ddl(w: World) -> str:
    table = w.table()
    return code(
        """
cursor = bind.connection.cursor()
cursor.execute("CREATE TABLE <e> (n INT)")
cursor.execute("INSERT INTO <e> SELECT a FROM <t>")
cursor.close()
op.execute("UPDATE <t> SET a = a + 1")
bind.connection.commit()
op.execute("UPDATE <t> SET a = a + 1")
""",
        t=table.name,
        e=w.fresh("e"),
    )


@move("mysql postgresql", in_autocommit=False)
def second_connection(w: World) -> str:
    table = w.table()
    return code(
        """
with bind.engine.connect() as other:
    other.execute(sa.text("INSERT INTO diario (what, number) VALUES ('other', 1)"))
    other.commit()
op.execute("UPDATE <t> SET a = a + 1")
""",
        t=table.name,
    )


@move("mysql postgresql", in_autocommit=False)
def second_engine(w: World) -> str:
    table = w.table()
    return code(
        """
engine = sa.create_engine(bind.engine.url, poolclass=sa.NullPool)
with engine.begin() as other:
    other.execute(sa.text("INSERT INTO diario (what, number) VALUES ('engine', 1)"))
op.execute("UPDATE <t> SET a = a + 1")
""",
        t=table.name,
    )


@move(in_autocommit=False)
def block_inside(w: World) -> str:
    table = w.table()
    return code(
        """
op.execute("UPDATE <t> SET a = a + 1")
with op.get_context().autocommit_block():
    op.execute("UPDATE <t> SET a = a * 2")
    op.execute("INSERT INTO diario (what, number) VALUES ('block', 1)")
op.execute("UPDATE <t> SET a = a + 3")
with op.get_context().autocommit_block():
    number = bind.scalar(sa.text("SELECT count(*) FROM diario WHERE what = 'block'"))
    op.execute("UPDATE <t> SET a = a * 2")
note("blocks", number)
""",
        t=table.name,
    )


@move()
def connection_of_the_driver(w: World) -> str:
    table = w.table()
    run = {
        "mysql": 'driver.query("<sql>")',
        "postgresql": 'driver.execute("<sql>")',
        "sqlite": 'driver.execute("<sql>")',
    }[w.database]
    one = run.replace("<sql>", "UPDATE <t> SET a = a + 1")
    two = run.replace("<sql>", "INSERT INTO diario (what, number) VALUES ('driver', 1)")
    return code(
        f"""
driver = bind.connection.driver_connection
{one}
{two}
op.execute("UPDATE <t> SET a = a * 2")
""",
        t=table.name,
    )


@move("postgresql")
def copy_from_the_client(w: World) -> str:
    table = w.table(takes_rows=True)
    ids = table.more(3)
    return code(
        """
with bind.connection.cursor() as cursor:
    with cursor.copy("COPY <t> (id, a, b) FROM STDIN") as copy:
        for number in <ids>:
            copy.write_row((number, number * 2, "copy"))
    with cursor.copy("COPY (SELECT id FROM <t> ORDER BY id) TO STDOUT") as copy:
        seen = len(list(copy.rows()))
note("copied", seen)
op.execute("UPDATE <t> SET a = a + 1")
""",
        t=table.name,
        ids=ids,
    )


@move("mysql")
def called_by_the_cursor(w: World) -> str:
    table = w.table(free=True)
    table.is_pinned = True
    return code(
        '''
op.execute("""CREATE PROCEDURE <p>(IN n INT) BEGIN
    UPDATE <t> SET a = a + n; SELECT max(a) FROM <t>; SELECT min(a) FROM <t>; END""")
cursor = bind.connection.cursor()
cursor.callproc("<p>", [3])
(highest,) = cursor.fetchone()
cursor.nextset()
(lowest,) = cursor.fetchone()
while cursor.nextset():
    pass
cursor.executemany("UPDATE <t> SET a = a + %s WHERE id = %s", [(highest, 1), (lowest, 2)])
cursor.close()
op.execute("DROP PROCEDURE <p>")
''',
        t=table.name,
        p=w.fresh("p"),
    )


@move("mysql", in_autocommit=False)
def ddl_on_a_second_connection(w: World) -> str:
    table = w.table()
    return code(
        """
op.execute("COMMIT")
with bind.engine.begin() as other:
    other.execute(sa.text("CREATE TABLE <e> (n INT)"))
    other.execute(sa.text("INSERT INTO <e> SELECT a FROM <t>"))
op.execute("UPDATE <e> SET n = n + 1")
""",
        t=table.name,
        e=w.fresh("e"),
    )
