"""Moves that change tables: DDL, with and without the rows it moves."""

from __future__ import annotations

from support.generated.world import Table, World, code, move


def created_and_filled(table: Table, indexed: bool = False) -> str:
    """Return the source that makes a table with its rows."""
    index = ", index=True" if indexed else ""
    table_rows = ", ".join(f'{{"id": {id}, "a": {id * 7 % 11}, "b": "b{id}"}}' for id in table.ids)
    return code(
        """
<name> = op.create_table(
    "<name>",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("a", sa.Integer, nullable=False<index>),
    sa.Column("b", sa.String(50), nullable=False<index>),
)
op.bulk_insert(<name>, [<rows>])
""",
        name=table.name,
        index=index,
        rows=table_rows,
    )


@move()
def create_table_with_indexes(w: World) -> str:
    name = w.fresh("t")
    columns = [w.fresh("c") for _ in range(4)]
    table = Table(name, [], list(columns))
    ids = table.more(3)
    w.tables.append(table)
    lines = "\n".join(f'    sa.Column("{c}", sa.Integer, index=True),' for c in columns)
    return code(
        """
op.create_table(
    "<t>",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("a", sa.Integer, nullable=False),
    sa.Column("b", sa.String(50), nullable=False),
<lines>
)
for number in <ids>:
    op.execute(f"INSERT INTO <t> (id, a, b, <c>) VALUES ({number}, {number} * 2, 'n', {number})")
""",
        t=name,
        lines=lines,
        c=columns[0],
        ids=ids,
    )


@move()
def create_and_fill(w: World) -> str:
    table = Table(w.fresh("t"), [])
    table.more(w.dice.randint(1, 6))
    w.tables.append(table)
    return created_and_filled(table, indexed=w.dice.random() < 0.5)


@move()
def drop_table_after_copying(w: World) -> str:
    source = w.table(free=True, fits=lambda each: len(w.tables) > 1)
    goal = w.table(takes_rows=True, fits=lambda each: each is not source)
    shift = max([*source.ids, *goal.ids]) + 1
    goal.ids += [id + shift for id in source.ids]
    w.forget(source)
    return code(
        """
op.execute("INSERT INTO <goal> (id, a, b) SELECT id + <shift>, a, b FROM <source>")
op.drop_table("<source>")
""",
        goal=goal.name,
        source=source.name,
        shift=shift,
    )


@move()
def rename_table(w: World) -> str:
    table = w.table(free=True)
    old, table.name = table.name, w.fresh("t")
    return code('op.rename_table("<old>", "<new>")', old=old, new=table.name)


@move("mysql")
def swap_by_rename(w: World) -> str:
    one, two = _two(w)
    one.name, two.name = two.name, one.name
    return code(
        'op.execute("RENAME TABLE <one> TO tmp_, <two> TO <one>, tmp_ TO <two>")',
        one=two.name,
        two=one.name,
    )


@move()
def swap_by_three_renames(w: World) -> str:
    one, two = _two(w)
    one.name, two.name = two.name, one.name
    return code(
        """
op.rename_table("<one>", "tmp_")
op.rename_table("<two>", "<one>")
op.rename_table("tmp_", "<two>")
""",
        one=two.name,
        two=one.name,
    )


def _two(w: World) -> tuple[Table, Table]:
    one = w.table(free=True)
    return one, w.table(free=True, fits=lambda each: each is not one)


@move()
def rename_there_and_back(w: World) -> str:
    table = w.table(free=True)
    return code(
        """
op.rename_table("<t>", "away")
op.execute("UPDATE away SET a = a + 1")
op.rename_table("away", "<t>")
""",
        t=table.name,
    )


@move("mysql")
def swap_columns_by_change(w: World) -> str:
    table = w.table(free=True)
    one, two = w.fresh("c"), w.fresh("c")
    table.numbers += [one, two]
    return code(
        """
op.execute("ALTER TABLE <t> ADD COLUMN <one> INT, ADD COLUMN <two> INT")
op.execute("UPDATE <t> SET <one> = id, <two> = id * 100")
op.execute("ALTER TABLE <t> CHANGE <one> <two> INT, CHANGE <two> <one> INT")
""",
        t=table.name,
        one=one,
        two=two,
    )


@move()
def add_column_and_fill(w: World) -> str:
    table = w.table()
    column = w.fresh("c")
    table.numbers.append(column)
    return code(
        """
op.add_column("<t>", sa.Column("<c>", sa.Integer))
op.execute("UPDATE <t> SET <c> = a * 2 WHERE id > 1")
""",
        t=table.name,
        c=column,
    )


@move()
def add_column_with_default(w: World) -> str:
    table = w.table()
    column = w.fresh("c")
    table.numbers.append(column)
    return code(
        """
op.add_column("<t>", sa.Column("<c>", sa.Integer, server_default="7", nullable=False))
op.execute("UPDATE <t> SET <c> = <c> + id")
""",
        t=table.name,
        c=column,
    )


@move()
def drop_column_after_moving(w: World) -> str:
    table = w.table(free=True, fits=lambda each: bool(each.numbers))
    source = w.dice.choice(table.numbers)
    goal = w.fresh("c")
    table.numbers.append(goal)
    table.numbers.remove(source)
    sqlite = """
for index in sa.inspect(bind).get_indexes("<t>"):
    if "<source>" in index["column_names"]:
        op.drop_index(index["name"], "<t>")
"""
    return code(
        (sqlite if w.database == "sqlite" else "")
        + """
op.add_column("<t>", sa.Column("<goal>", sa.Integer))
op.execute("UPDATE <t> SET <goal> = <source> + 1")
op.drop_column("<t>", "<source>")
""",
        t=table.name,
        source=source,
        goal=goal,
    )


@move()
def rename_column(w: World) -> str:
    table = w.table(free=True, fits=lambda each: bool(each.numbers))
    old = w.dice.choice(table.numbers)
    new = w.fresh("c")
    table.numbers[table.numbers.index(old)] = new
    if w.database == "sqlite":
        return code(
            'op.execute("ALTER TABLE <t> RENAME COLUMN <o> TO <n>")', t=table.name, o=old, n=new
        )
    return code(
        'op.alter_column("<t>", "<o>", new_column_name="<n>", existing_type=sa.Integer)',
        t=table.name,
        o=old,
        n=new,
    )


@move("mysql postgresql")
def modify_type(w: World) -> str:
    table = w.table(free=True, fits=lambda each: bool(each.numbers))
    return code(
        """
op.alter_column("<t>", "<c>", type_=sa.BigInteger, existing_type=sa.Integer)
op.execute("UPDATE <t> SET <c> = id + 3")
""",
        t=table.name,
        c=w.dice.choice(table.numbers),
    )


@move("sqlite", in_autocommit=False)
def batch(w: World) -> str:
    table = w.table(free=True)
    column = w.fresh("c")
    table.numbers.append(column)
    return code(
        """
with op.batch_alter_table("<t>") as batch:
    batch.add_column(sa.Column("<c>", sa.Integer, server_default="3"))
    batch.alter_column("b", type_=sa.String(80), existing_type=sa.String(50))
    batch.create_check_constraint("<check>", "id > 0")
op.execute("UPDATE <t> SET <c> = <c> + id")
""",
        t=table.name,
        c=column,
        check=w.fresh("ck"),
    )


@move()
def named_index(w: World) -> str:
    table = w.table(free=True)
    table.is_pinned = True
    first, second = w.fresh("ix"), w.fresh("ix")
    return code(
        """
op.create_index("<i>", "<t>", ["a"])
op.create_index("<j>", "<t>", ["b", "id"], unique=True)
op.drop_index("<i>", "<t>")
""",
        t=table.name,
        i=first,
        j=second,
    )


@move("mysql")
def unnamed_index(w: World) -> str:
    table = w.table(free=True)
    table.is_pinned = True
    return code('op.execute("ALTER TABLE <t> ADD INDEX (a)")', t=table.name)


@move("postgresql", in_autocommit=True)
def unnamed_index_of_postgresql(w: World) -> str:
    table = w.table(free=True)
    table.is_pinned = True
    return code('op.execute("CREATE INDEX ON <t> (a)")', t=table.name)


@move()
def child_with_foreign_key(w: World) -> str:
    parent = w.table(free=True, fits=lambda each: each.has_key)
    parent.is_pinned = True
    child = Table(w.fresh("t"), list(parent.ids), is_pinned=True, is_strict=True)
    w.tables.append(child)
    return code(
        """
op.create_table(
    "<child>",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("a", sa.Integer, nullable=False),
    sa.Column("b", sa.String(50), nullable=False),
    sa.Column("parent_id", sa.Integer, sa.ForeignKey("<parent>.id"), nullable=False),
)
op.execute("INSERT INTO <child> (id, a, b, parent_id) SELECT id, a, b, id FROM <parent>")
""",
        child=child.name,
        parent=parent.name,
    )


@move("mysql postgresql")
def foreign_key_later(w: World) -> str:
    parent = w.table(fits=lambda each: each.has_key)
    child = w.table(fits=lambda each: each is not parent)
    parent.is_pinned = child.is_pinned = True
    column = w.fresh("c")
    return code(
        """
op.add_column("<child>", sa.Column("<c>", sa.Integer))
op.create_foreign_key("<fk>", "<child>", "<parent>", ["<c>"], ["id"])
op.execute("UPDATE <child> SET <c> = <id>")
""",
        child=child.name,
        parent=parent.name,
        c=column,
        fk=w.fresh("fk"),
        id=parent.ids[0] if parent.ids else "NULL",
    )


@move("mysql postgresql")
def check_constraint(w: World) -> str:
    table = w.table(free=True)
    table.is_pinned = True
    return code(
        'op.create_check_constraint("<ck>", "<t>", "id > 0")', t=table.name, ck=w.fresh("ck")
    )


@move()
def view(w: World) -> str:
    table = w.table()
    table.is_pinned = True
    again = "CREATE OR REPLACE" if w.database != "sqlite" else "CREATE"
    drop = 'op.execute("DROP VIEW <v>")\n' if w.database == "sqlite" else ""
    return code(
        'op.execute("CREATE VIEW <v> AS SELECT id, a FROM <t>")\n'
        + drop
        + 'op.execute("<again> VIEW <v> AS SELECT id, a, b FROM <t>")',
        t=table.name,
        v=w.fresh("v"),
        again=again,
    )


@move()
def trigger_that_counts(w: World) -> str:
    table = w.table()
    table.is_pinned = True
    insert = "INSERT INTO diario (what, number) VALUES ('<name>', NEW.id)"
    body = {
        "mysql": f'op.execute("CREATE TRIGGER <name> AFTER UPDATE ON <t> FOR EACH ROW {insert}")',
        "sqlite": f'op.execute("CREATE TRIGGER <name> AFTER UPDATE ON <t> BEGIN {insert}; END")',
        "postgresql": f'''op.execute("""
    CREATE FUNCTION <name>() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN {insert}; RETURN NEW; END $$
""")
op.execute("CREATE TRIGGER <name> AFTER UPDATE ON <t> FOR EACH ROW EXECUTE FUNCTION <name>()")''',
    }[w.database]
    return code(
        body + '\nop.execute("UPDATE <t> SET a = a + 5 WHERE id < 4")',
        t=table.name,
        name=w.fresh("trg"),
    )


@move()
def rebuild(w: World) -> str:
    table = w.table(free=True, takes_rows=True)
    table.numbers = []
    return code(
        """
op.create_table(
    "<new>",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("a", sa.Integer, nullable=False),
    sa.Column("b", sa.String(60), nullable=False),
)
op.execute("INSERT INTO <new> (id, a, b) SELECT id, a + 1, b FROM <t>")
op.drop_table("<t>")
op.rename_table("<new>", "<t>")
""",
        t=table.name,
        new=w.fresh("n"),
    )


@move("mysql postgresql", in_autocommit=False)
def truncate_and_fill_again(w: World) -> str:
    table = w.table(free=True, takes_rows=True)
    kept = w.fresh("k")
    return code(
        """
op.execute("CREATE TABLE <k> AS SELECT id, a, b FROM <t>")
op.execute("TRUNCATE TABLE <t>")
op.execute("INSERT INTO <t> (id, a, b) SELECT id, a + 10, b FROM <k>")
op.execute("DROP TABLE <k>")
""",
        t=table.name,
        k=kept,
    )


@move()
def create_as_select(w: World) -> str:
    table = w.table()
    new = Table(w.fresh("t"), list(table.ids), has_key=False, is_strict=True)
    w.tables.append(new)
    return code(
        'op.execute("CREATE TABLE <new> AS SELECT id, a * 3 AS a, b FROM <t>")',
        t=table.name,
        new=new.name,
    )


@move()
def if_it_is_not_there(w: World) -> str:
    table = w.table()
    column = w.fresh("c")
    table.numbers.append(column)
    return code(
        """
if "<c>" not in [column["name"] for column in sa.inspect(bind).get_columns("<t>")]:
    op.add_column("<t>", sa.Column("<c>", sa.Integer))
    op.execute("UPDATE <t> SET <c> = a + 1")
if not sa.inspect(bind).has_table("<new>"):
    op.create_table("<new>", sa.Column("id", sa.Integer, primary_key=True, autoincrement=False))
    op.execute("INSERT INTO <new> SELECT id FROM <t>")
    note("made <new>", 1)
else:
    note("found <new>", 2)
""",
        t=table.name,
        c=column,
        new=w.fresh("e"),
    )


@move()
def drop_if_exists_and_create(w: World) -> str:
    table = w.table()
    return code(
        """
op.execute("DROP TABLE IF EXISTS <new>")
op.execute("CREATE TABLE IF NOT EXISTS <new> (n INTEGER)")
op.execute("INSERT INTO <new> SELECT a FROM <t>")
op.execute("CREATE TABLE IF NOT EXISTS <new> (other INTEGER)")
""",
        t=table.name,
        new=w.fresh("e"),
    )


@move("mysql")
def create_or_replace(w: World) -> str:
    table = w.table()
    new = w.fresh("e")
    return code(
        """
op.execute("CREATE OR REPLACE TABLE <new> (n INT)")
op.execute("INSERT INTO <new> SELECT a FROM <t>")
op.execute("CREATE OR REPLACE TABLE <other> AS SELECT n + 1 AS n FROM <new>")
op.execute("INSERT INTO <other> SELECT n FROM <new>")
""",
        t=table.name,
        new=new,
        other=w.fresh("e"),
    )


@move("mysql")
def many_changes_in_one(w: World) -> str:
    table = w.table(free=True, fits=lambda each: bool(each.numbers))
    old = table.numbers.pop()
    new = w.fresh("c")
    table.numbers.append(new)
    return code(
        """
op.execute("ALTER TABLE <t> ADD COLUMN <new> INT DEFAULT 4, DROP COLUMN <old>, COMMENT 'x'")
op.execute("UPDATE <t> SET <new> = <new> + id")
""",
        t=table.name,
        old=old,
        new=new,
    )


@move("mysql")
def partitions(w: World) -> str:
    return code(
        """
op.execute("CREATE TABLE <p> (id INT PRIMARY KEY, a INT) PARTITION BY HASH (id) PARTITIONS 2")
op.execute("INSERT INTO <p> SELECT id, a FROM <t>")
op.execute("ALTER TABLE <p> ADD PARTITION PARTITIONS 1")
op.execute("ALTER TABLE <p> TRUNCATE PARTITION p0")
""",
        t=w.table().name,
        p=w.fresh("p"),
    )


@move("mysql")
def not_transactional(w: World) -> str:
    table = w.table()
    return code(
        """
op.execute("CREATE TABLE <new> (id INT PRIMARY KEY, n INT) ENGINE=<engine>")
op.execute("INSERT INTO <new> SELECT id, a FROM <t>")
op.execute("UPDATE <new> SET n = n + 1")
op.execute("DELETE FROM <new> WHERE id = 2")
op.execute("UPDATE <new> SET n = n * 2")
""",
        t=table.name,
        new=w.fresh("m"),
        engine=w.dice.choice(["MyISAM", "Aria", "Aria TRANSACTIONAL=0"]),
    )


@move("mysql postgresql")
def sequence(w: World) -> str:
    table = w.table()
    name = w.fresh("seq")
    following = f"NEXTVAL({name})" if w.database == "mysql" else f"nextval('{name}')"
    return code(
        """
op.execute("CREATE SEQUENCE <s> START WITH 1000")
op.execute("UPDATE <t> SET a = <next>")
number = bind.execute(sa.text("SELECT <next>")).scalar()
note("drew", 1 if number >= 1000 else 0)
op.execute("DROP SEQUENCE <s>")
op.execute("UPDATE <t> SET a = id")
""",
        t=table.name,
        s=name,
        next=following,
    )


@move("postgresql", in_autocommit=False)
def enumeration(w: World) -> str:
    table = w.table()
    return code(
        """
op.execute("CREATE TYPE <e> AS ENUM ('x', 'y')")
op.execute("ALTER TABLE <t> ADD COLUMN <c> <e> NOT NULL DEFAULT 'x'")
with op.get_context().autocommit_block():
    op.execute("ALTER TYPE <e> ADD VALUE 'z'")
    op.execute("ALTER TYPE <e> RENAME VALUE 'y' TO 'w'")
op.execute("UPDATE <t> SET <c> = 'z' WHERE id > 2")
""",
        t=table.name,
        e=w.fresh("e"),
        c=w.fresh("c"),
    )


@move("postgresql", in_autocommit=False)
def concurrently(w: World) -> str:
    table = w.table(free=True)
    table.is_pinned = True
    return code(
        """
with op.get_context().autocommit_block():
    op.create_index("<i>", "<t>", ["a"], postgresql_concurrently=True)
    op.execute("CREATE INDEX CONCURRENTLY ON <t> (b)")
    op.execute("DROP INDEX CONCURRENTLY <i>")
    op.execute("REINDEX TABLE CONCURRENTLY <t>")
op.execute("UPDATE <t> SET a = a + 1")
""",
        t=table.name,
        i=w.fresh("ix"),
    )


@move("mysql", in_autocommit=False)
def exchange_partition(w: World) -> str:
    """Two tables trade their rows, and the catalog says what it said before.

    It commits by itself: in a transaction, MariaDB 10.11.19 waits for the locks of its own check.
    """
    return code(
        """
op.execute("CREATE TABLE <p> (id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 1")
op.execute("CREATE TABLE <e> (id INT PRIMARY KEY)")
with op.get_context().autocommit_block():
    op.execute("INSERT INTO <e> SELECT id FROM <t>")
    op.execute("ALTER TABLE <p> EXCHANGE PARTITION p0 WITH TABLE <e>")
    op.execute("INSERT INTO <e> VALUES (99)")
    op.execute("ALTER TABLE <p> EXCHANGE PARTITION p0 WITH TABLE <e>")
""",
        t=w.table().name,
        p=w.fresh("p"),
        e=w.fresh("e"),
    )


@move("mysql")
def default_from_a_function(w: World) -> str:
    """Of what a statement did, the catalog shows nothing that tells twice from once."""
    key = w.fresh("gk")
    return code(
        """
op.execute("CREATE TABLE <e> (n INT)")
op.execute("INSERT INTO <e> SELECT a FROM <t>")
op.execute("ALTER TABLE <e> ADD COLUMN <key> INT AUTO_INCREMENT PRIMARY KEY")
op.execute("ALTER TABLE <e> AUTO_INCREMENT = 500")
op.execute("INSERT INTO <e> (n) VALUES (1)")
op.execute("ALTER TABLE <e> ORDER BY n")
""",
        t=w.table().name,
        e=w.fresh("e"),
        key=key,
    )
