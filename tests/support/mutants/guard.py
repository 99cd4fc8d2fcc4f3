"""Faults in what stands between a downgrade and the data that it loses."""

from support.mutants.faults import Fault, Replaced, library

ENV = library("env")
GUARD = library("upgrade/guard")
RETYPED = library("database/retyped")
WATCHING = library("upgrade/watching")
REHEARSAL = library("upgrade/rehearsal")
READING = library("upgrade/reading")
TALLY = library("upgrade/tally")
CONTENTS = library("database/contents")
CHANGES = library("database/changes")
STATEMENT_TEXT = library("database/statement_text")
CREATION = library("database/creation")
DELETIONS = library("database/deletions")
PLAN = library("history/plan")

DOORS = [
    Fault(
        "alembic by itself downgrades unasked",
        Replaced(
            ENV,
            "        require_consent(config, migration, planned)",
            '        if "typed_as" in config.attributes:\n'
            "            require_consent(config, migration, planned)",
        ),
        "unit/guard::test_alembic_in_a_pipe_refuses",
    ),
    Fault(
        "a yes that is piped in empties a database",
        Replaced(GUARD, "and sys.stdin is not None and sys.stdin.isatty()", ""),
        "unit/guard::test_alembic_in_a_pipe_refuses",
    ),
    Fault(
        "nobody is asked in a terminal",
        Replaced(GUARD, "is_there = _is_typed(config) and", "is_there = not config and"),
        "unit/guard::test_alembic_in_a_terminal_asks",
    ),
    Fault(
        "a consent for another database counts",
        Replaced(GUARD, "if each.startswith(before):", "if each:"),
        "unit/guard::test_alembic_in_a_pipe_refuses",
    ),
    Fault(
        "a consent to something else counts",
        Replaced(GUARD, "if _names(found) <= _agreed(said, database):", "if said:"),
        "unit/guard::test_alembic_in_a_pipe_refuses",
    ),
    Fault(
        "what Python gives up is not heard",
        Replaced(GUARD, 'said = config.attributes.get("lose") or ()', "said = ()"),
        "unit/guard::test_python_takes_the_same_consent",
    ),
    Fault(
        "a database that is no scratch one is taken for it",
        Replaced(CREATION, "        _scratch.discard(_place(scratch))\n", "        pass\n"),
        "unit/guard::test_a_scratch_database_is_nobodys",
    ),
    Fault(
        "an interrupted downgrade asks about what is gone",
        Replaced(GUARD, "if interrupted != f", "if interrupted or f"),
        "unit/guard::test_an_interrupted_downgrade_does_not_ask_again",
    ),
]

WHAT_IS_LOST = [
    Fault(
        "what a downgrade tries is kept",
        Replaced(
            REHEARSAL,
            "        undo_all(connection)\n\n    connection.begin()\n",
            "        connection.commit()\n\n    connection.begin()\n",
        ),
        "unit/guard::test_what_is_lost_is_asked_about",
    ),
    Fault(
        "a trial commits where the revision does",
        Replaced(
            REHEARSAL,
            '        """Keep a transaction, as far as a rehearsal does."""\n        self.keep()\n',
            '        """Keep a transaction, as far as a rehearsal does."""\n        commit()\n',
        ),
        "unit/guard::test_a_revision_that_commits_is_tried_without",
    ),
    Fault(
        "rows that are deleted are no loss",
        Replaced(REHEARSAL, "    if lost > 0:\n", "    if lost > 0 and left is None:\n"),
        "unit/guard::test_what_is_lost_is_asked_about",
    ),
    Fault(
        "values that are set to NULL are no loss",
        Replaced(REHEARSAL, "elif after is not None and lost <= 0:", "elif not table:"),
        "unit/guard::test_what_is_lost_is_asked_about",
    ),
    Fault(
        "what is renamed first is not found",
        Replaced(CONTENTS, "        self._tables[new] = self.table(old)\n", ""),
        "unit/guard::test_what_loses_no_row_asks_nothing",
    ),
    Fault(
        "a column that a new table takes over is lost",
        Replaced(CONTENTS, "self._copies.pop(old, {})", "{}"),
        "unit/guard::test_what_loses_no_row_asks_nothing",
    ),
    Fault(
        "what another connection does goes unseen",
        Replaced(WATCHING, "        watcher.goes_elsewhere(sql)\n", "        pass\n"),
        "unit/guard::test_what_nobody_can_tell_is_asked_about",
    ),
    Fault(
        "a procedure is taken to lose nothing",
        Replaced(CHANGES, '"ABORT ANALYZE', '"CALL ABORT ANALYZE'),
        "unit/guard::test_what_nobody_can_tell_is_asked_about",
    ),
    Fault(
        "a revision reads what it would have changed",
        Replaced(
            READING, "            if any(self._steps):\n", "            if not self._steps:\n"
        ),
        "unit/guard::test_what_nobody_can_tell_is_asked_about",
    ),
    Fault(
        "other databases of a server are not looked into",
        Replaced(READING, "others=schemas(change for _, change in changed)", "others=()"),
        "unit/guard::test_another_database_of_the_server_is_looked_into",
    ),
    Fault(
        "a plan overlooks a column that a new table leaves out",
        Replaced(PLAN, "                losses.extend(_not_copied(copy, sql))\n", ""),
        "unit/plan::test_what_a_revision_drops_by_hand_is_marked",
    ),
    Fault(
        "text in quotes is taken for a statement",
        Replaced(STATEMENT_TEXT, "(?P<string>  '", "(?P<string>  (?!)'"),
        "unit/plan::test_what_a_revision_drops_by_hand_is_marked",
    ),
]

RETYPES = [
    Fault(
        "what another type makes of values is nobody's loss on PostgreSQL",
        Replaced(
            REHEARSAL,
            "self._note_retyped(values.column, self._retyping.lost(values))",
            "self._retyping.lost(values)",
        ),
        "unit/guard::test_values_that_another_type_changes_are_asked_about",
    ),
    Fault(
        "what a copy into another type makes of values is nobody's loss",
        Replaced(
            REHEARSAL,
            "if self._is_sqlite and self.names.table(copied.source) is not None:",
            "if copied is None:",
        ),
        "unit/guard::test_values_that_another_type_changes_are_asked_about",
    ),
    Fault(
        "a type that is modified is passed over on MySQL",
        Replaced(RETYPED, "if not found or _spelled(found[0][0]) == _spelled(type_):", "if found:"),
        "unit/guard::test_values_that_another_type_changes_are_asked_about",
    ),
    Fault(
        "where no way leads back nothing is lost",
        Replaced(RETYPED, "SELECT greatest(0,", "SELECT least(0,"),
        "unit/guard::test_what_cannot_be_brought_back_is_told_by_how_many_values_are_left",
    ),
]

TAKEN_ALONG = [
    Fault(
        "what goes with deleted rows goes unasked",
        Replaced(TALLY, "for taken in taken_by_keys(self._connection, lost):", "for taken in ():"),
        "unit/guard::test_what_goes_with_deleted_rows_is_asked_about",
    ),
    Fault(
        "what goes with what goes with deleted rows goes unasked",
        Replaced(DELETIONS, "                waiting.append(key.table)\n", ""),
        "unit/guard::test_what_goes_with_deleted_rows_is_asked_about",
    ),
    Fault(
        "rows without a parent are said to go with one",
        Replaced(DELETIONS, "if not referring:", "if not counted.rows:"),
        "unit/guard::test_what_goes_with_deleted_rows_is_asked_about",
    ),
    Fault(
        "what a trigger takes goes unasked",
        Replaced(
            TALLY, "for each in taken_by_triggers(self._connection, lost):", "for each in ():"
        ),
        "unit/guard::test_what_a_trigger_takes_is_asked_about",
    ),
    Fault(
        "what comes after a rehearsal that the database undid is kept",
        Replaced(REHEARSAL, "self._server.is_in_transaction is False", "self.names is None"),
        "unit/guard::test_what_undoes_a_rehearsal_is_asked_about",
    ),
    Fault(
        "a rehearsal sets sequences back for good",
        Replaced(
            library("database/sequences"),
            "            _put_back(connection, before)",
            "            pass",
        ),
        "unit/guard::test_a_sequence_stands_where_it_stood",
    ),
]

FAULTS = [*DOORS, *WHAT_IS_LOST, *RETYPES, *TAKEN_ALONG]
