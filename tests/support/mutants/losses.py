"""Faults that write a line which loses data, or one that does not go back."""

from support.mutants.faults import Fault, Replaced, library

ENV = library("env")
CAPACITIES = library("autogenerate/capacities")
CAPACITY = library("autogenerate/capacity")
CASTS = library("autogenerate/casts")
CONSENT = library("autogenerate/consent")
CONSTRAINTS = library("autogenerate/constraints")
LAST_LOOK = library("autogenerate/last_look")
WRITTEN = library("autogenerate/written")
FILL = library("autogenerate/fill")
PLAN = library("history/plan")
RENAMES = library("autogenerate/renames")
VIEWS = library("database/views")
TERMINAL = library("terminal")

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
            "if not self._may_drop(name) and not self._asked(terminal.answered, question):",
            "if not name:",
        ),
        "unit/consent::test_a_loss_is_refused_until_somebody_says_it",
    ),
    Fault(
        "a constraint is dropped unasked",
        Replaced(LAST_LOOK, "    _ask_about_constraints(migration, upgrade, consent)\n", ""),
        "unit/constraints::test_a_constraint_is_dropped_when_somebody_says_so",
    ),
    Fault(
        "a weaker UNIQUE is the same",
        Replaced(CONSTRAINTS, "return bool(own) and own <= columns", "return bool(own)"),
        "unit/constraints::test_a_constraint_is_dropped_when_somebody_says_so",
    ),
    Fault(
        "what goes with its table is asked about",
        Replaced(
            CONSTRAINTS, "if target.within(default_schema) in dropped_tables:", "if not target:"
        ),
        "unit/constraints::test_what_goes_with_its_table_is_not_asked",
    ),
    Fault(
        "an unknown answer is a no",
        Replaced(TERMINAL, "if word in YES | NO:", "if word:"),
        "unit/terminal::test_an_answer_that_is_unknown_is_no_step_to_deletion",
    ),
    Fault(
        "an accent makes a yes",
        Replaced(TERMINAL, 'normalize("NFC", answer)', 'normalize("NFKD", answer)[:1]'),
        "unit/terminal::test_what_is_neither_yes_nor_no_is_asked_again",
    ),
    Fault(
        "who left is asked whether it may be dropped",
        Replaced(CONSENT, "self._may_ask = answer is not None", "self._may_ask = True"),
        "unit/terminal::test_ctrl_d_refuses_and_asks_nothing_more",
    ),
    Fault(
        "a pipe that is silent holds a pipeline for ever",
        Replaced(TERMINAL, "[source], [], [], PATIENCE)", "[source], [], [])"),
        "unit/terminal::test_a_pipe_that_says_no_more_is_not_waited_for",
    ),
    Fault(
        "a shorter text cuts nothing",
        Replaced(
            CAPACITY,
            "return self.length >= longest and self.octets >= widest",
            "return self.octets >= widest",
        ),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "a text has room for as many octets as characters",
        Replaced(CAPACITY, "WIDEST_CHARACTER = 4", "WIDEST_CHARACTER = 1"),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "a character set has every character",
        Replaced(
            CAPACITY,
            'if self.charset not in (other.charset, "utf8mb4"):',
            "if self.charset is None:",
        ),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "blanks at the end do not count",
        Replaced(
            CAPACITY,
            'if self.blanks == "dropped" and other.blanks == "kept":',
            'if self.blanks == "none":',
        ),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "fewer digits cut nothing",
        Replaced(
            CAPACITY,
            "and self.before_point >= other.before_point\n",
            "and self.before_point is not None\n",
        ),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "a smaller integer cuts nothing",
        Replaced(CAPACITY, "and other.greatest <= self.greatest", "and other.greatest is not None"),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "a sign is no number",
        Replaced(CAPACITY, "and self.least <= other.least\n", "and other.least is not None\n"),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "a member taken away is no loss",
        Replaced(CAPACITY, "return set(self.members) >= set(other.members)", "return True"),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "every float is a double",
        Replaced(CAPACITIES, "SINGLE, DOUBLE = 24, 53", "SINGLE, DOUBLE = 53, 53"),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "a fraction of a second is no loss",
        Replaced(
            CAPACITY,
            "and self.is_instant == other.is_instant\n            and self.places >= other.places",
            "and self.is_instant == other.is_instant",
        ),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "a time zone is no matter",
        Replaced(
            CAPACITY,
            "and self.is_instant == other.is_instant\n            and self.places",
            "and self.places",
        ),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "an array's items are not looked at",
        Replaced(
            CAPACITY,
            "isinstance(other, Several) and self.item.holds(other.item)",
            "isinstance(other, Several)",
        ),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "a host is a network",
        Replaced(
            CAPACITY,
            "isinstance(other, Network) and self.with_hosts >= other.with_hosts",
            "isinstance(other, Network)",
        ),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "a class of the application's is what it derives from",
        Replaced(CAPACITIES, "return chosen if is_ours else None", "return chosen"),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "a column that PostgreSQL fills up with blanks is like any other",
        Replaced(
            CAPACITIES,
            'return Characters(type_.length or 1, blanks="added")',
            "return Characters(type_.length or 1)",
        ),
        "unit/conversions::test_what_is_not_asked_about_is_kept",
    ),
    Fault(
        "a type that may change lets a column go",
        Replaced(CONSENT, "self._retypes.add(name)", "self._drops.add(name)"),
        "unit/consent::test_a_column_is_not_dropped_because_its_type_may_change",
    ),
    Fault(
        "what fills rows is not tried",
        Replaced(LAST_LOOK, "if value is not None and not is_renamed:", "if value is None:"),
        "unit/consent::test_a_fill_is_tried_before_it_is_taken",
    ),
    Fault(
        "an instant is any text",
        Replaced(WRITTEN, "if isinstance(capacity, Moment) and capacity.is_instant:", "if False:"),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "a question tells the kind of a type only",
        Replaced(LAST_LOOK, '"new": _shown(op.modify_type, dialect)', '"new": op.modify_type'),
        "unit/conversions::test_a_revision_is_refused_for_what_may_be_cut",
    ),
    Fault(
        "what nobody knows fits",
        Replaced(
            CASTS, "return written is None or written != ddl_of(after, dialect)", "return False"
        ),
        "unit/casts::test_a_value_may_be_cut",
    ),
    Fault(
        "NULLs stay where none may be",
        Replaced(LAST_LOOK, "if op.modify_nullable is False and", "if op.modify_nullable == 2 and"),
        "unit/consent::test_a_loss_is_refused_until_somebody_says_it",
    ),
    Fault(
        "a new column's value fires triggers",
        Replaced(
            FILL, "                if default is not None:", "                if default == 0:"
        ),
        "unit/fill::test_a_value_is_a_default_that_goes_again",
    ),
    Fault(
        "a value stays as a default",
        Replaced(FILL, "                    after.append(_forget_default(op))\n", ""),
        "unit/fill::test_a_value_is_a_default_that_goes_again",
    ),
    Fault(
        "one chance for all rows",
        Replaced(FILL, "return len(connection.execute(sa.text(query)).all()) == 1", "return True"),
        "unit/fill::test_each_row_gets_a_value_of_its_own",
    ),
    Fault(
        "what an UPDATE fires is passed over",
        Replaced(
            PLAN, "fires=(*triggers_on_update(connection, table), *columns)", "fires=(*columns,)"
        ),
        "unit/plan::test_what_an_update_fires_is_said",
    ),
    Fault(
        "a column that changes by itself is passed over",
        Replaced(
            PLAN,
            "fires=(*triggers_on_update(connection, table), *columns)",
            "fires=(*triggers_on_update(connection, table),)",
        ),
        "unit/plan::test_what_an_update_fires_is_said",
    ),
    Fault(
        "a broken view is not said",
        Replaced(LAST_LOOK, "    _say_what_is_left_behind(migration, upgrade)\n", ""),
        "unit/plan::test_a_migration_says_so_too",
    ),
    Fault(
        "every view of a table is said to break",
        Replaced(VIEWS, "if all(name in text for name in said)", "if said[0] in text"),
        "unit/plan::test_a_view_that_a_rename_breaks_is_said",
    ),
    Fault(
        "rows get no value",
        Replaced(LAST_LOOK, "    fill(migration, upgrade, fills)\n", ""),
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
        Replaced(LAST_LOOK, "    if consent.unused:\n", "    if consent is None:\n"),
        "unit/consent::test_what_is_said_of_nothing_is_refused",
    ),
    Fault(
        "a rename leaves its schema",
        Replaced(RENAMES, 'schema = f", schema={op.schema!r}" if op.schema else ""', 'schema = ""'),
        "unit/renames::test_a_table_of_an_attached_database_is_renamed_there",
    ),
]
