"""Faults in what makes a view, a function, a trigger or a policy anew."""

from support.mutants.faults import Fault, Replaced, library

COPIES = library("autogenerate/copies")
GRANTED = library("adopt/definitions/granted")
REDEFINE = library("tools/redefine")
REMADE = library("adopt/definitions/remade")

TESTS = "project/redefine::"

FAULTS = [
    Fault(
        "what needs a view is forgotten",
        Replaced(REMADE, "if each.needs & gone:", "if not gone:"),
        f"{TESTS}test_as_it_is_it_changes_nothing",
    ),
    Fault(
        "what was granted is gone",
        Replaced(REMADE, "yield from rights_again(connection, dropped)", "yield from ()"),
        f"{TESTS}test_what_was_granted_is_granted_again",
    ),
    Fault(
        "a function that was for some is for everybody",
        Replaced(GRANTED, "yield REVOKE.format(name=row.name)", "pass"),
        f"{TESTS}test_what_was_granted_is_granted_again",
    ),
    Fault(
        "what a table needs is dropped all the same",
        Replaced(REMADE, "    if kept:\n", "    if not kept and kept:\n"),
        f"{TESTS}test_what_a_table_needs_is_not_dropped",
    ),
    Fault(
        "the blanks of a program are Alembic's",
        Replaced(REDEFINE, "dedent(indent(sql, INDENTATION)) != sql", "False"),
        f"{TESTS}test_as_it_is_it_changes_nothing",
    ),
    Fault(
        "an older definition is taken for today's",
        Replaced(REDEFINE, "if found.state is not State.CURRENT:", "if found.state is None:"),
        f"{TESTS}test_behind_it_waits",
    ),
    Fault(
        "an enum moves to the schema of its table",
        Replaced(COPIES, "        same.type = column.type\n", "        assert same is not None\n"),
        "unit/fill::test_a_type_stays_in_its_schema",
    ),
]
