"""Moves that lean on the server: procedures, temporary tables, what a session remembers."""

from __future__ import annotations

from support.generated.world import World, code, move


def _procedure(w: World, body: str, call: str) -> str:
    table = w.table(takes_rows=True)
    table.is_pinned = True
    (new,) = table.more(1)
    return code(
        f'''
op.execute("""CREATE PROCEDURE <p>() BEGIN {body} END""")
{call}
op.execute("DROP PROCEDURE <p>")
''',
        p=w.fresh("p"),
        t=table.name,
        new=new,
        old=table.ids[0],
        e=w.fresh("e"),
    )


@move("mysql")
def procedure(w: World) -> str:
    body = "UPDATE <t> SET a = a + 1; INSERT INTO <t> (id, a, b) VALUES (<new>, 1, 'p');"
    return _procedure(w, body, 'op.execute("CALL <p>()")')


@move("mysql")
def procedure_that_commits(w: World) -> str:
    body = "UPDATE <t> SET a = a + 1; COMMIT; INSERT INTO <t> (id, a, b) VALUES (<new>, 1, 'p');"
    return _procedure(w, body, 'op.execute("CALL <p>()")')


@move("mysql")
def procedure_with_ddl(w: World) -> str:
    body = (
        "INSERT INTO <t> (id, a, b) VALUES (<new>, 1, 'p'); CREATE TABLE <e> (n INT);"
        " INSERT INTO <e> SELECT a FROM <t>; UPDATE <t> SET a = a + 1;"
    )
    return _procedure(w, body, 'op.execute("CALL <p>()")')


@move("mysql")
def procedure_that_fails(w: World) -> str:
    body = (
        "UPDATE <t> SET a = a + 1; INSERT INTO <t> (id, a, b) VALUES (<new>, 1, 'already exists');"
        " INSERT INTO <t> (id, a, b) VALUES (<old>, 1, 'already exists');"
    )
    return _procedure(
        w,
        body,
        'try:\n    op.execute("CALL <p>()")\nexcept sa.exc.IntegrityError:\n    note("refused", 1)',
    )


@move("mysql")
def procedure_that_answers(w: World) -> str:
    body = "INSERT INTO <t> (id, a, b) VALUES (<new>, 1, 'p'); SELECT count(*), sum(a) FROM <t>;"
    call = 'count, total = bind.execute(sa.text("CALL <p>()")).one()\nnote("count", count)'
    return _procedure(w, body, call)


@move("mysql")
def function_that_writes(w: World) -> str:
    return code(
        '''
op.execute("""CREATE FUNCTION <f>() RETURNS INT MODIFIES SQL DATA BEGIN
    INSERT INTO diario (what, number) VALUES ('<f>', 1); RETURN 5; END""")
five = bind.execute(sa.text("SELECT <f>()")).scalar()
op.execute("DO <f>()")
note("five", five)
''',
        f=w.fresh("f"),
    )


@move("postgresql")
def function_that_writes_on_postgresql(w: World) -> str:
    return code(
        '''
op.execute("""CREATE FUNCTION <f>() RETURNS int LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO diario (what, number) VALUES ('<f>', 1); RETURN 5; END $$""")
five = bind.execute(sa.text("SELECT <f>()")).scalar()
note("five", five)
''',
        f=w.fresh("f"),
    )


@move("postgresql", in_autocommit=False)
def procedure_that_commits_on_postgresql(w: World) -> str:
    table = w.table(takes_rows=True)
    (new,) = table.more(1)
    return code(
        '''
op.execute("""CREATE PROCEDURE <p>() LANGUAGE plpgsql AS $$
    BEGIN UPDATE <t> SET a = a + 1; COMMIT;
    INSERT INTO <t> (id, a, b) VALUES (<new>, 1, 'p'); END $$""")
with op.get_context().autocommit_block():
    op.execute("CALL <p>()")
    op.execute("DROP PROCEDURE <p>")
''',
        p=w.fresh("p"),
        t=table.name,
        new=new,
    )


@move("postgresql", in_autocommit=False)
def procedure_that_fails_half_way_on_postgresql(w: World) -> str:
    table = w.table(takes_rows=True)
    (new,) = table.more(1)
    return code(
        '''
op.execute("""CREATE PROCEDURE <p>() LANGUAGE plpgsql AS $$
    BEGIN UPDATE <t> SET a = a + 1; INSERT INTO <t> (id, a, b) VALUES (<new>, 1, 'p'); COMMIT;
    RAISE unique_violation USING MESSAGE = 'already exists'; END $$""")
with op.get_context().autocommit_block():
    try:
        op.execute("CALL <p>()")
    except sa.exc.DBAPIError:
        note("refused", 1)
''',
        p=w.fresh("p"),
        t=table.name,
        new=new,
    )


@move()
def temporary_table(w: World) -> str:
    table = w.table()
    drop = 'op.execute("DROP TABLE <tmp>")' if w.dice.random() < 0.5 else ""
    join = (
        "UPDATE <t> JOIN <tmp> ON <tmp>.id = <t>.id SET <t>.a = <tmp>.n"
        if w.database == "mysql"
        else "UPDATE <t> SET a = (SELECT n FROM <tmp> WHERE <tmp>.id = <t>.id)"
    )
    return code(
        f"""
op.execute("CREATE TEMPORARY TABLE <tmp> (id INTEGER, n INTEGER)")
op.execute("INSERT INTO <tmp> SELECT id, a + 13 FROM <t>")
op.execute("{join}")
op.execute("UPDATE <t> SET b = 'temp'")
{drop}
""",
        t=table.name,
        tmp=w.fresh("tmp"),
    )


@move()
def temporary_as_select_across_ddl(w: World) -> str:
    table = w.table()
    return code(
        """
op.execute("CREATE TEMPORARY TABLE <tmp> AS SELECT id, a FROM <t>")
op.create_table("<e>", sa.Column("n", sa.Integer))
op.execute("UPDATE <tmp> SET a = a + 1")
op.execute("INSERT INTO <e> SELECT a FROM <tmp>")
op.execute("<drop> <tmp>")
""",
        t=table.name,
        tmp=w.fresh("tmp"),
        e=w.fresh("e"),
        drop="DROP TEMPORARY TABLE" if w.database == "mysql" else "DROP TABLE",
    )


@move("mysql")
def temporary_by_alembic(w: World) -> str:
    table = w.table()
    return code(
        """
tmp = op.create_table("<tmp>", sa.Column("id", sa.Integer), prefixes=["TEMPORARY"])
op.bulk_insert(tmp, [{"id": n} for n in range(1, 4)])
op.execute("UPDATE <t> SET a = a + 1 WHERE id IN (SELECT id FROM <tmp>)")
op.drop_table("<tmp>")
""",
        t=table.name,
        tmp=w.fresh("tmp"),
    )


@move("mysql", in_autocommit=False)
def lock_tables(w: World) -> str:
    table = w.table(fits=lambda each: not each.is_pinned)
    return code(
        """
op.execute("LOCK TABLES <t> WRITE")
op.execute("UPDATE <t> SET a = a + 1")
op.execute("UPDATE <t> SET b = 'locked' WHERE id = 1")
op.execute("UNLOCK TABLES")
""",
        t=table.name,
    )


@move("mysql")
def variables_of_the_session(w: World) -> str:
    table = w.table()
    return code(
        """
bind.exec_driver_sql("SET @x = 40")
bind.exec_driver_sql("SELECT @y := max(id) FROM <t>")
bind.exec_driver_sql("SELECT min(a) INTO @z FROM <t>")
bind.exec_driver_sql("UPDATE <t> SET a = a + @x + @y + @z")
bind.exec_driver_sql("SET @row := 0")
bind.exec_driver_sql("UPDATE <t> SET a = (@row := @row + 1) ORDER BY id")
bind.exec_driver_sql("INSERT INTO diario (what, number) VALUES ('@x', @x + @row)")
""",
        t=table.name,
    )


@move("mysql")
def settings_of_the_session(w: World) -> str:
    parent = w.table(free=True, fits=lambda each: each.has_key)
    parent.is_pinned = True
    return code(
        """
op.execute("SET FOREIGN_KEY_CHECKS = 0")
op.execute("CREATE TABLE <child> (id INT PRIMARY KEY, p INT REFERENCES <parent> (id))")
op.execute("INSERT INTO <child> VALUES (1, -1)")
op.execute("UPDATE <child> SET p = -2")
op.execute("DELETE FROM <child>")
op.execute("SET FOREIGN_KEY_CHECKS = 1")
op.execute("SET SESSION sql_mode = ''")
op.execute("INSERT INTO diario (what, number) VALUES ('zero', 'zero')")
op.execute("SET SESSION sql_mode = DEFAULT")
""",
        child=w.fresh("e"),
        parent=parent.name,
    )


@move("postgresql")
def settings_of_the_session_on_postgresql(w: World) -> str:
    table = w.table()
    return code(
        """
op.execute("CREATE SCHEMA <s>")
op.execute("SET search_path TO <s>, public")
op.execute("CREATE TABLE <e> (n integer)")
op.execute("INSERT INTO <e> SELECT a FROM public.<t>")
op.execute("UPDATE <e> SET n = n + 1")
op.execute("SET search_path TO public")
op.execute("SET my.number = '5'")
op.execute("UPDATE <t> SET a = a + current_setting('my.number')::int")
""",
        t=table.name,
        s=w.fresh("s"),
        e=w.fresh("e"),
    )


@move()
def last_key_of_the_session(w: World) -> str:
    key = w.fresh("gk")
    last = {
        "mysql": "LAST_INSERT_ID()",
        "sqlite": "last_insert_rowid()",
        "postgresql": "lastval()",
    }[w.database]
    return code(
        """
key = sa.Column("<key>", sa.Integer, primary_key=True)
op.create_table("<parents>", key, sa.Column("b", sa.String(9)))
op.create_table("<children>", sa.Column("<key>_ref", sa.Integer))
for number in range(3):
    op.execute("INSERT INTO <parents> (b) VALUES ('x')")
    op.execute("INSERT INTO <children> VALUES (<last>)")
""",
        key=key,
        last=last,
        parents=w.fresh("pais"),
        children=w.fresh("filhos"),
    )


@move("mysql postgresql")
def prepared(w: World) -> str:
    table = w.table()
    if w.database == "mysql":
        return code(
            """
op.execute("PREPARE <p> FROM 'UPDATE <t> SET a = a + 6'")
op.execute("EXECUTE <p>")
op.execute("EXECUTE <p>")
op.execute("DEALLOCATE PREPARE <p>")
""",
            t=table.name,
            p=w.fresh("p"),
        )
    return code(
        """
op.execute("PREPARE <p> AS UPDATE <t> SET a = a + 6")
op.execute("EXECUTE <p>")
op.execute("EXECUTE <p>")
op.execute("DEALLOCATE <p>")
""",
        t=table.name,
        p=w.fresh("p"),
    )


@move("mysql")
def compound_statement(w: World) -> str:
    table = w.table()
    return code(
        '''
op.execute("""BEGIN NOT ATOMIC
    UPDATE <t> SET a = a + 1; CREATE TABLE <e> (n INT); INSERT INTO <e> SELECT a FROM <t>;
    UPDATE <t> SET a = a * 2; END""")
''',
        t=table.name,
        e=w.fresh("e"),
    )


@move("mysql")
def slow(w: World) -> str:
    """A statement that goes on when nobody waits for it any more."""
    table = w.table(fits=lambda each: 1 in each.ids)
    return code(
        """
op.execute("CREATE TABLE <e> AS SELECT id, SLEEP(0.05) AS n FROM <t> WHERE id = 1")
op.execute("CREATE TABLE <e>b AS SELECT id, n + 1 AS n FROM <e>")
""",
        t=table.name,
        e=w.fresh("e"),
    )


@move("mysql")
def slow_procedure(w: World) -> str:
    """A procedure that goes on, and commits, when nobody waits for it any more."""
    body = (
        "UPDATE <t> SET a = a + 1; COMMIT; DO SLEEP(0.05);"
        " INSERT INTO <t> (id, a, b) VALUES (<new>, 1, 'p'); COMMIT;"
    )
    return _procedure(w, body, 'op.execute("CALL <p>()")')


@move()
def temporary_table_of_the_same_name(w: World) -> str:
    table = w.table(fits=lambda each: not each.is_pinned)
    source, drop = {
        "mysql": ("<t>", "DROP TEMPORARY TABLE <t>"),
        "postgresql": ("public.<t>", "DROP TABLE pg_temp.<t>"),
        "sqlite": ("main.<t>", "DROP TABLE temp.<t>"),
    }[w.database]
    return code(
        f"""
op.execute("CREATE TEMPORARY TABLE <t> AS SELECT * FROM {source}")
op.execute("UPDATE <t> SET a = a + 500")
note("temporary", bind.scalar(sa.text("SELECT max(a) FROM <t>")))
op.execute("{drop}")
op.execute("UPDATE <t> SET a = a + 1")
""",
        t=table.name,
    )


@move("mysql sqlite")
def asked_of_the_last_statement(w: World) -> str:
    table = w.table(takes_rows=True)
    (new,) = table.more(1)
    changed = {"mysql": "ROW_COUNT()", "sqlite": "changes()"}[w.database]
    warned = 'note("warnings", len(bind.exec_driver_sql("SHOW WARNINGS").all()))'
    return code(
        f"""
op.execute("UPDATE <t> SET a = a + 1 WHERE id < 4")
note("changed", bind.scalar(sa.text("SELECT {changed}")))
op.execute("INSERT INTO <t> (id, a, b) VALUES (<new>, 1, 'x')")
op.execute("UPDATE <t> SET a = {changed} WHERE id = <new>")
op.execute("DROP TABLE IF EXISTS nobody")
{warned if w.database == "mysql" else ""}
""",
        t=table.name,
        new=new,
    )


@move("mysql", in_autocommit=False)
def autocommit_by_sql(w: World) -> str:
    table = w.table()
    return code(
        """
op.execute("SET autocommit = 1")
op.execute("UPDATE <t> SET a = a + 1")
op.execute("UPDATE <t> SET a = a * 2")
op.execute("SET autocommit = 0")
op.execute("UPDATE <t> SET a = a + 3")
""",
        t=table.name,
    )


@move("mysql")
def odd_spelling(w: World) -> str:
    table = w.table()
    column = w.fresh("c")
    table.numbers.append(column)
    return code(
        """
bind.exec_driver_sql("/* why */ alter table <t> add column <c> int")
bind.exec_driver_sql("-- a note\\n  update <t> set <c> = a")
bind.exec_driver_sql("/*! UPDATE <t> SET <c> = <c> + 1 */")
bind.exec_driver_sql("/*M! ALTER TABLE <t> COMMENT 'odd' */")
bind.exec_driver_sql("# a note\\nUPDATE <t> SET <c> = <c> * 2;")
""",
        t=table.name,
        c=column,
    )


@move("mysql")
def maintenance(w: World) -> str:
    table = w.table()
    return code(
        """
bind.exec_driver_sql("ANALYZE TABLE <t>").all()
bind.exec_driver_sql("OPTIMIZE TABLE <t>").all()
op.execute("ALTER TABLE <t> FORCE")
op.execute("FLUSH TABLES <t>")
note("checked", len(bind.exec_driver_sql("CHECK TABLE <t>").all()))
op.execute("UPDATE <t> SET a = a + 1")
""",
        t=table.name,
    )


@move("postgresql", in_autocommit=False)
def maintenance_of_postgresql(w: World) -> str:
    table = w.table()
    return code(
        """
with op.get_context().autocommit_block():
    op.execute("UPDATE <t> SET a = a + 1")
    op.execute("VACUUM ANALYZE <t>")
    op.execute("UPDATE <t> SET a = a * 2")
    op.execute("COMMENT ON TABLE <t> IS 'swept'")
    op.execute("UPDATE <t> SET a = a + 1")
""",
        t=table.name,
    )


@move("mysql")
def next_revision_remembers(w: World) -> str:
    """What a session was told in one revision is leaned on in the next."""
    table = w.table(takes_rows=True)
    w.later.append(
        code(
            """
bind.exec_driver_sql("UPDATE diario SET number = number + 1")
bind.exec_driver_sql("INSERT INTO diario (what, number) VALUES ('remembered', @kept)")
"""
        )
    )
    return code(
        'bind.exec_driver_sql("SELECT max(a) INTO @kept FROM <t>")\ncount = 1', t=table.name
    )
