"""Faults in the journal: what an interrupted revision does when it runs again."""

from support.mutants.faults import Fault, Replaced, library

ENV = library("env")
ANSWERS = library("database/answers")
WATCHED = library("database/watched")
DOUBT = library("upgrade/doubt")
EXECUTION = library("upgrade/execution")
JOURNAL = library("upgrade/journal")
RECORDING = library("upgrade/recording")
RECORDS = library("upgrade/records")
REPLAY = library("upgrade/replay")
RETRY = library("upgrade/retry")
SERVER = library("upgrade/server")
SESSION_STATE = library("upgrade/session_state")
STATEMENTS = library("upgrade/statements")

FAULTS = [
    Fault(
        "no journal",
        Replaced(
            ENV,
            '"fn": with_journal(steps, lock)}',
            '"fn": steps}',
        ),
        "unit/journal::test_a_loop_over_a_query_goes_on_with_the_rows_it_had",
    ),
    # 1: loops over reads, and counts
    Fault(
        "a query is asked again on replay",
        Replaced(
            REPLAY,
            "if statements.effect(record.sql) is Effect.OF_SESSION:",
            "if statements.only_reads(record.sql):",
        ),
        "unit/journal::test_a_loop_over_a_query_goes_on_with_the_rows_it_had",
    ),
    Fault(
        "a replayed statement does not say how many rows it was about",
        Replaced(
            REPLAY,
            "        answer = record.answer or Answer(rowcount=0)\n        if",
            "        answer = Answer()\n        if",
        ),
        "unit/journal::test_a_count_of_rows_is_what_it_was",
    ),
    Fault(
        "parameters are not matched",
        Replaced(
            REPLAY,
            "record.sql == statement.sql and record.parameters == parameters",
            "record.sql == statement.sql",
        ),
        "unit/journal::test_a_parameter_that_differs_is_refused",
    ),
    Fault(
        "the driver's own cursor goes around the journal",
        Replaced(
            WATCHED,
            "return WatchedCursor(self, self.real.cursor(*arguments, **options))",
            "real = self.real.cursor(*arguments, **options)\n        "
            "import sys\n        "
            'is_revision = sys._getframe(2).f_code.co_name == "upgrade"\n        '
            "return real if is_revision else WatchedCursor(self, real)",
        ),
        "unit/journal::test_a_cursor_of_the_driver_is_no_way_around",
    ),
    Fault(
        "what a block carries out is recorded after its commit",
        Replaced(
            EXECUTION,
            '            self._before_commit()\n            self._server.aside.query("COMMIT")\n',
            '            self._server.aside.query("COMMIT")\n',
        ),
        "unit/journal::test_in_an_autocommit_block_each_statement_is_kept_with_its_record",
    ),
    Fault(
        "a commit in the middle keeps no records",
        Replaced(
            REPLAY,
            "        self._recording.write()\n"
            "        self._server.before_commit()\n"
            "        commit()",
            "        self._server.before_commit()\n        commit()",
        ),
        "unit/journal::test_a_commit_in_the_middle_keeps_the_records_of_what_it_keeps",
    ),
    Fault(
        "what comes after a commit of the revision's own is lost",
        Replaced(JOURNAL, "        ctx.connection.commit()\n", "        pass\n"),
        "unit/journal::test_a_commit_in_the_middle_keeps_the_records_of_what_it_keeps",
    ),
    # 2: errors
    Fault(
        "an error that the revision expects is an empty answer on replay",
        Replaced(REPLAY, "            raise self._raised_again\n", "            return Answer()\n"),
        "unit/journal::test_an_error_that_the_revision_expects_is_raised_again",
    ),
    Fault(
        "a procedure that may have committed counts as done",
        Replaced(
            REPLAY,
            "            raise self._cannot_tell(record)\n        now",
            "            return True\n        now",
        ),
        "unit/journal::test_a_procedure_that_commits_on_its_way_is_refused",
    ),
    Fault(
        "the error that ends a revision is recorded",
        Replaced(
            RECORDING,
            "while end and self._records[end - 1].may_be_of_the_end:",
            "while not end:",
        ),
        "unit/journal::test_an_index_that_was_not_finished_is_built_again",
    ),
    Fault(
        "what the server did in part is done again",
        Replaced(
            EXECUTION,
            "            self._recording.add(Record(statement.sql, parameters, "
            "lost=Loss.PARTLY))\n",
            "",
        ),
        "unit/journal::test_a_part_that_the_server_did_is_refused",
    ),
    Fault(
        "what is read from the table may be any class",
        Replaced(
            ANSWERS,
            "if not (isinstance(found, type) and issubclass(found, Exception)):",
            "if found is None:",
        ),
        "unit/journal::test_an_error_is_no_way_to_call_anything",
    ),
    # 3: the statement in doubt
    Fault(
        "the statement in doubt is carried out again",
        Replaced(DOUBT, "    if now == before:\n", "    if now or before:\n"),
        "unit/journal::test_what_happened_is_asked_of_the_catalog",
    ),
    Fault(
        "tables under each other's names look the same",
        Replaced(
            DOUBT,
            "        yield from _identities(query, databases, words)\n",
            "        pass\n",
        ),
        "unit/journal::test_what_happened_is_asked_of_the_catalog",
    ),
    Fault(
        "the statement in doubt counts as done",
        Replaced(
            DOUBT,
            "return Outcome.DID_NOT_HAPPEN if is_seen else Outcome.CANNOT_TELL",
            "return Outcome.HAPPENED",
        ),
        "unit/journal::test_what_did_not_happen_is_done",
    ),
    Fault(
        "an invalid index is left as it is",
        Replaced(SERVER, '            self.aside.query(f"DROP INDEX {word}{name}")\n', ""),
        "unit/journal::test_an_index_that_was_not_finished_is_built_again",
    ),
    # 4: the order of indexes, and who is accused
    Fault(
        "new tables get their indexes in the order of a set",
        Replaced(JOURNAL, "            watching.enter_context(_indexes_in_order())\n", ""),
        "unit/journal::test_new_tables_get_their_indexes_in_one_order",
    ),
    Fault(
        "an edit is suspected of nobody's having made it",
        Replaced(REPLAY, "is_edited = self._left_of != self._revision", "is_edited = True"),
        "unit/journal::test_an_edit_is_called_one_only_if_there_was_one",
    ),
    Fault(
        "a revision that does less now is gone on with",
        Replaced(
            REPLAY,
            '                raise self._differs(record.sql, "-")\n',
            "                pass\n",
        ),
        "unit/journal::test_less_than_was_recorded_is_refused",
    ),
    # 5: sessions
    Fault(
        "a temporary table that is gone is not missed",
        Replaced(
            REPLAY,
            "            raise self._lost(Loss.TEMPORARY, record.sql)\n",
            "            break\n",
        ),
        "unit/journal::test_what_cannot_be_replayed_is_refused",
    ),
    Fault(
        "a second connection is not noticed",
        Replaced(JOURNAL, "            replay.goes_elsewhere(sql)\n", "            pass\n"),
        "unit/journal::test_what_cannot_be_replayed_is_refused",
    ),
    Fault(
        "what asks for the statement before gets an answer about another",
        Replaced(
            REPLAY, "            raise self._lost(Loss.ASKS, statement.sql)\n", "            pass\n"
        ),
        "unit/journal::test_what_asks_for_the_statement_before_is_refused",
    ),
    Fault(
        "locked tables shut the journal out",
        Replaced(SESSION_STATE, ", {JOURNAL_TABLE} WRITE", ""),
        "unit/journal::test_tables_that_are_locked_are_locked_again",
    ),
    Fault(
        "locked tables are not locked again",
        Replaced(
            STATEMENTS,
            'COMMIT ROLLBACK END LOCK UNLOCK DISCARD "',
            'COMMIT ROLLBACK END DISCARD "',
        ),
        "unit/journal::test_tables_that_are_locked_are_locked_again",
    ),
    Fault(
        "past the bound nothing is said",
        Replaced(
            RECORDING,
            "            record = Record(record.sql, record.parameters, lost=Loss.TOO_MUCH)\n",
            "            return\n",
        ),
        "unit/journal::test_past_the_bound_it_goes_on_and_says_so",
    ),
    Fault(
        "a table without transactions counts as one with them",
        Replaced(EXECUTION, "if self._server.keeps_rows_at_once(sql):", "if not sql:"),
        "unit/journal::test_a_table_without_transactions_is_refused_where_it_may_be_half_written",
    ),
    Fault(
        "a stamp keeps the records of what was half done",
        Replaced(JOURNAL, "        journal.forget()\n", ""),
        "unit/journal::test_a_procedure_that_commits_on_its_way_is_refused",
    ),
    Fault(
        "notes of an older version are thrown away",
        Replaced(
            RECORDS,
            "        if step is not None:\n            raise",
            "        if step == 0:\n            raise",
        ),
        "unit/journal::test_notes_of_an_older_version_are_not_guessed_at",
    ),
    Fault(
        "what unwinding says of the session is written down as the revision's",
        Replaced(
            RECORDS,
            "return self.failed or (sets and not self.lost and self.answer is not None)",
            "return self.failed",
        ),
        "unit/journal::test_what_an_error_of_pythons_ended_in_a_block_goes_on",
    ),
    # around the records
    Fault(
        "what the driver is asked besides is noted when it is done",
        Replaced(
            REPLAY,
            "            self._recording.write()\n            self._server.before_commit()\n\n"
            "    def goes_elsewhere",
            "            pass\n\n    def goes_elsewhere",
        ),
        "unit/generated::test_what_goes_around_the_records_is_finished_or_refused",
    ),
    Fault(
        "a temporary table whose drop is in doubt counts as dropped",
        Replaced(REPLAY, "            if record.answer is not None:\n", "            if True:\n"),
        "unit/generated::test_what_goes_around_the_records_is_finished_or_refused",
    ),
    Fault(
        "another database's procedure is taken for this one's",
        Replaced(DOUBT, "if schema in databases and str(name)", "if str(name)"),
        "unit/journal::test_another_database_is_not_asked",
    ),
    Fault(
        "a transaction that ended hides why",
        Replaced(RETRY, "first = _what_came_first(error)", "first = error"),
        "unit/generated::test_a_session_in_a_block_meets_a_busy_table",
    ),
    # What a refusal undid
    Fault(
        "nobody asks whether a refusal undid the transaction",
        Replaced(
            SESSION_STATE,
            "return self.has_written and self._server",
            "return self._server is None and self._server",
        ),
        "unit/journal::test_a_refusal_that_undid_the_transaction_is_not_gone_over",
    ),
    Fault(
        "what a deadlock undid is committed as done",
        Replaced(
            REPLAY,
            "        self._require_whole()\n        self._recording.write()\n",
            "        self._recording.write()\n",
        ),
        "unit/journal::test_a_deadlock_is_not_gone_over",
    ),
    Fault(
        "a row that changed meanwhile is a failure",
        Replaced(library("database/error_codes"), "        ER_CHECKREAD,\n", ""),
        "unit/journal::test_a_refusal_that_undid_the_transaction_is_not_gone_over",
    ),
    Fault(
        "what a lost connection kept is forgotten over another",
        Replaced(
            REPLAY,
            "        if self._server.is_connected:  #",
            "        if self._server:  #",
        ),
        "unit/journal::test_a_commit_of_which_nobody_heard_is_not_taken_for_nothing",
    ),
    Fault(
        "a revision goes on over a connection that nobody watches",
        Replaced(
            WATCHED,
            "        if pooled.dbapi_connection is not stand_in:",
            "        if not stand_in:",
        ),
        "unit/journal::test_no_revision_goes_on_with_another_connection",
    ),
]
