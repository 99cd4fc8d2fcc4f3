"""Faults that write a line which loses data, or one that does not go back."""

from support.mutants.faults import Fault, Replaced, library

ENV = library("env")
CASTS = library("autogenerate/casts")
CONSENT = library("autogenerate/consent")
DIRECTIVES = library("autogenerate/directives")
RENAMES = library("autogenerate/renames")

FAULTS = [
    Fault(
        "a loss nobody allowed is written",
        Replaced(
            ENV, '"process_revision_directives": review,', '"process_revision_directives": None,'
        ),
        "unit/public::test_a_loss_needs_consent",
    ),
    Fault(
        "a drop is taken for said",
        Replaced(
            CONSENT,
            "if not self._may_drop(name) and not terminal.confirmed(question):",
            "if not name:",
        ),
        "unit/consent::test_a_loss_is_refused_until_somebody_says_it",
    ),
    Fault(
        "a shorter text cuts nothing",
        Replaced(CASTS, "(before.length or math.inf) > after.length", "False"),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "fewer digits cut nothing",
        Replaced(CASTS, "return fewer_whole_digits or", "return False and"),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "a smaller integer cuts nothing",
        Replaced(CASTS, "return _bits(after) < _bits(before)", "return False"),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "a member taken away is no loss",
        Replaced(CASTS, "return not set(before.enums) <= set(after.enums)", "return False"),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "NULLs stay where none may be",
        Replaced(DIRECTIVES, "if op.modify_nullable is False:", "if op.modify_nullable == 2:"),
        "unit/consent::test_a_loss_is_refused_until_somebody_says_it",
    ),
    Fault(
        "rows get no value",
        Replaced(DIRECTIVES, "    fill(migration, upgrade, fills)\n", ""),
        "unit/consent::test_a_filled_column_has_its_value_and_takes_no_null",
    ),
    Fault(
        "a column's rename does not go back",
        Replaced(
            RENAMES, "str(self.modify_name), self.column_name", "self.column_name, self.column_name"
        ),
        "unit/renames::test_a_column_is_renamed_with_all_that_speaks_of_it",
    ),
    Fault(
        "a table's rename does not go back",
        Replaced(
            RENAMES,
            "RenameTable(self.new_table_name, self.table_name,",
            "RenameTable(self.table_name, self.new_table_name,",
        ),
        "unit/renames::test_tables_change_places",
    ),
    Fault(
        "MariaDB forgets what a renamed column is",
        Replaced(RENAMES, "        existing_nullable=found.nullable,\n", ""),
        "project/losses::test_a_change_is_refused_until_somebody_says_it",
    ),
    Fault(
        "a name that is not there is passed over",
        Replaced(DIRECTIVES, "    if consent.unused:\n", "    if consent is None:\n"),
        "unit/consent::test_what_is_said_of_nothing_is_refused",
    ),
    Fault(
        "a rename leaves its schema",
        Replaced(RENAMES, 'schema = f", schema={op.schema!r}" if op.schema else ""', 'schema = ""'),
        "unit/renames::test_a_table_of_an_attached_database_is_renamed_there",
    ),
]
