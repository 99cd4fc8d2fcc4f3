"""Faults in a batch operation on SQLite: what it does not name is not there afterwards."""

from support.mutants.faults import Fault, Replaced, library

DDL = library("database/sqlite_ddl")
DEPENDENTS = library("upgrade/dependents")
EDIT = library("upgrade/table_edit")
ENV = library("env")
REBUILD = library("upgrade/rebuild")

FAULTS = [
    Fault(
        "an expression of a new index is taken for a column's name",
        Replaced(
            EDIT,
            "said = [each if isinstance(each, sa.Column) else self._text(each) for each in moved]",
            "said = [*table.columns]",
        ),
        "unit/rebuild::test_an_index_keeps_its_expressions",
    ),
    Fault(
        "a column is not dropped while a UNIQUE speaks of it and of others",
        Replaced(
            EDIT, "frozenset({Kind.UNIQUE, Kind.FOREIGN_KEY})", "frozenset({Kind.FOREIGN_KEY})"
        ),
        "unit/rebuild::test_a_key_over_a_dropped_column_goes_with_it",
    ),
    Fault(
        "a key goes with a column in silence",
        Replaced(EDIT, "log.warning(self._told(", "log.debug(self._told("),
        "unit/rebuild::test_a_key_over_a_dropped_column_goes_with_it",
    ),
    Fault(
        "a batch makes a table anew from what SQLAlchemy read of it",
        Replaced(REBUILD, "if not (is_ours and batch.makes_anew):", "if is_ours:"),
        "unit/rebuild::test_a_batch_keeps_what_it_does_not_name",
    ),
    Fault(
        "the triggers of a table go with the old one",
        Replaced(REBUILD, "*(sql for _, sql in triggers)]:", "]:"),
        "unit/rebuild::test_a_batch_keeps_what_it_does_not_name",
    ),
    Fault(
        "a table made anew counts from its last row",
        Replaced(REBUILD, "if before.is_counted and edit.text.is_counted:", "if False:"),
        "unit/rebuild::test_a_batch_keeps_what_it_does_not_name",
    ),
    Fault(
        "rows that a constraint would pass over are lost in the copy",
        Replaced(REBUILD, '"INSERT OR ABORT" if says_more else "INSERT"', '"INSERT"'),
        "unit/rebuild::test_a_row_is_not_passed_over_where_the_table_says_so",
    ),
    Fault(
        "rows get other numbers",
        Replaced(REBUILD, "pairs.insert(0, (number, number))", "pass"),
        "unit/rebuild::test_it_is_true_of_tables_nobody_wrote",
    ),
    Fault(
        "a constraint over two columns goes with one of them",
        Replaced(EDIT, "if named & dropped and named & there:", "if False:"),
        "unit/rebuild::test_a_column_is_not_dropped_under_what_speaks_of_others_too",
    ),
    Fault(
        "a column is dropped that a trigger waits for",
        Replaced(REBUILD, "            edit.require_not_awaited(sql)\n", "            pass\n"),
        "unit/rebuild::test_what_would_break_is_named",
    ),
    Fault(
        "a revision leaves a view that no longer works",
        Replaced(ENV, "            refuse_broken,\n", ""),
        "unit/rebuild::test_what_would_break_is_named",
    ),
    Fault(
        "a view that the revision mends is said to be broken",
        Replaced(
            DEPENDENTS,
            "        cause = failure(connection, dependent)\n",
            '        cause = failure(connection, dependent) or "it broke"\n',
        ),
        "unit/rebuild::test_what_broke_may_be_mended_in_the_revision",
    ),
    Fault(
        "what the driver compiled before a table went is asked again",
        Replaced(DEPENDENTS, " /* {next(NUMBERS)} */", ""),
        "unit/dependents::test_an_answer_of_before_is_not_given_again",
    ),
    Fault(
        "a new column comes after the constraints of the table",
        Replaced(
            DDL,
            "[*self.columns, *self.clauses]\n        text",
            "[*self.clauses, *self.columns]\n        text",
        ),
        "unit/rebuild::test_it_is_true_of_tables_nobody_wrote",
    ),
    Fault(
        "what a table says before its columns' names is of the table it replaces",
        Replaced(DDL, "{_unqualified(whole, self.name)}", "{whole}"),
        "unit/rebuild::test_what_is_written_by_hand",
    ),
]
