"""Faults in the lock: who takes it, what it belongs to, what is done without it, and poolers."""

from support.mutants.faults import Fault, Replaced, library

ENV = library("env")
POOLER = library("database/pooler")
LEASE = library("upgrade/lease")
LOCK = library("upgrade/lock")
POOLED = library("upgrade/pooled")
RETRY = library("upgrade/retry")
SENTINEL = library("upgrade/sentinel")
SESSION = library("upgrade/session_lock")

DECIDING = [
    Fault(
        "no lock",
        Replaced(ENV, "        with lock.held():\n", "        if lock:\n"),
        "unit/lock::test_another_migrator_is_waited_for",
    ),
    Fault(
        "a lock for an upgrade that has nothing to do",
        Replaced(LOCK, "has_work=any(True for _ in steps)", "has_work=bool(steps)"),
        "unit/lock::test_what_has_nothing_to_write_takes_no_lock",
    ),
    Fault(
        "who found nothing to do looks again, without the lock",
        Replaced(
            ENV,
            "            return  # a thousand processes may start at once: ",
            "            return _run_in_transactions(migration)  # ",
        ),
        "unit/lock::test_who_found_nothing_to_do_does_nothing",
    ),
    Fault(
        "a goal that counts steps is moved while it waits",
        Replaced(
            ENV, "                require_same_start(migration, seen.heads, found.heads)\n", ""
        ),
        "unit/lock::test_a_goal_that_counts_is_not_moved",
    ),
    Fault(
        "what only reads makes the table of the versions",
        Replaced(ENV, 'migration.opts["dont_mutate"] = True', 'migration.opts["dont_mutate"] = 0'),
        "unit/lock::test_what_only_reads_makes_no_table",
    ),
]

READING = [
    Fault(
        "a table that goes while it is read is a traceback",
        Replaced(
            ENV,
            "except (NoSuchTableError, UnreflectableTableError) as error:",
            "except () as error:",
        ),
        "unit/lock::test_a_table_that_goes_while_it_is_read_is_a_sentence",
    ),
]

LOSING = [
    Fault(
        "nobody looks at the lock before a commit",
        Replaced(
            LOCK, '            event.listen(self._connection, "commit", self._before_commit)\n', ""
        ),
        "unit/lock::test_nothing_is_committed_once_the_file_is_gone",
    ),
    Fault(
        "the journal does not look at the lock",
        Replaced(
            ENV,
            "with_journal(steps, lock)",
            "with_journal(steps)",
        ),
        "unit/lock::test_nothing_is_committed_once_the_lock_is_gone",
    ),
    Fault(
        "what the server says of the lock along with its catalog is not heard",
        Replaced(LOCK, "        if not question.answer:\n", "        if question is None:\n"),
        "unit/lock::test_nothing_is_committed_once_the_lock_is_gone",
    ),
    Fault(
        "the lock is another session's than the one that migrates",
        Replaced(
            SESSION,
            "        super().__init__(connection, ADVISORY, NAME)\n",
            "        super().__init__(connection.engine.connect(), ADVISORY, NAME)\n",
        ),
        "project/races::test_when_the_holders_session_is_ended_it_commits_nothing_more",
    ),
    Fault(
        "a file that was removed and made anew is the same lock",
        Replaced(SENTINEL, "return self._found() == self._identity", "return True"),
        "unit/lock::test_nothing_is_committed_once_the_file_is_gone",
    ),
    Fault(
        "a session that was ended is any failure",
        Replaced(RETRY, "    if error.connection_invalidated:\n", "    if not error:\n"),
        "unit/lock::test_a_session_that_is_ended_is_a_sentence",
    ),
    Fault(
        "what is not committed stays in a caller's transaction",
        Replaced(
            LOCK, "            self._connection.connection.rollback()\n", "            pass\n"
        ),
        "unit/lock::test_nothing_is_committed_once_the_file_is_gone",
    ),
    Fault(
        "a lock that cannot be given back fails what succeeded",
        Replaced(
            LOCK,
            "                self._connection.invalidate()\n",
            "                raise\n",
        ),
        "unit/lock::test_a_lock_that_cannot_be_given_back_is_no_failure",
    ),
    Fault(
        "the server ends the session of a slow revision",
        Replaced(SESSION, "            self._let_be_idle(IDLE)\n", ""),
        "unit/lock::test_a_slow_revision_keeps_its_session",
    ),
    Fault(
        "a pool's session stays patient",
        Replaced(SESSION, "            self._let_be_idle(self._idle)\n", ""),
        "unit/lock::test_a_pool_gets_its_session_back_as_it_was",
    ),
]

WITHOUT_A_SESSION = [
    Fault(
        "a pooler goes unnoticed",
        Replaced(
            LOCK, "case Lock.ADVISORY if is_pooled(connection):", "case Lock.ADVISORY if wait:"
        ),
        "project/pooler::test_twenty_at_once_apply_each_revision_once",
    ),
    Fault(
        "a pooler that refuses options lets nobody in",
        Replaced(POOLER, "            if REFUSED not in str(error):\n", "            if error:\n"),
        "project/pooler::test_twenty_at_once_apply_each_revision_once",
    ),
    Fault(
        "statements are prepared in somebody else's session",
        Replaced(POOLER, "    driver.prepare_threshold = None\n", ""),
        "project/pooler::test_no_statement_is_prepared",
    ),
    Fault(
        "a table is waited for without an end behind a pooler",
        Replaced(POOLED, 'cursor.execute(f"SET LOCAL lock_timeout = {milliseconds}")', "pass"),
        "project/pooler::test_a_busy_table_is_given_up",
    ),
    Fault(
        "who has a session does not wait for who has the row",
        Replaced(SESSION, "while not self._of_others.is_free():", "while not self._of_others:"),
        "unit/lock::test_a_session_waits_for_who_has_the_row",
    ),
    Fault(
        "who has the row does not wait for who has a session",
        Replaced(POOLED, "while not cursor.execute(TRY_LOCK).fetchone()[0]:", "while not cursor:"),
        "project/pooler::test_who_has_the_row_waits_for_who_has_a_session",
    ),
    Fault(
        "the row of who is gone stays",
        Replaced(LEASE, "self._readings > UNTOUCHED:", "self._readings < 0:"),
        "unit/lock::test_a_row_that_nobody_touches_is_removed",
    ),
    Fault(
        "the row of who lives is removed",
        Replaced(LEASE, "if row == self._seen else 0", "if row else 0"),
        "unit/lock::test_a_row_that_nobody_touches_is_removed",
    ),
    Fault(
        "a row is looked at and not touched before a commit",
        Replaced(
            LEASE,
            "cursor.execute(f\"{TOUCH} '{self._me}'\")",
            "cursor.execute(f\"SELECT 1 FROM {LOCK_TABLE} WHERE me = '{self._me}'\")",
        ),
        "unit/lock::test_a_row_that_is_touched_cannot_be_removed_before_the_commit",
    ),
]

FAULTS = [*DECIDING, *READING, *LOSING, *WITHOUT_A_SESSION]
