"""Faults in how long a statement waits, what is left when it is cut off, and who is named."""

from support.mutants.faults import Fault, Replaced, library

SESSIONS = library("database/sessions")
DOUBT = library("upgrade/doubt")
EXECUTION = library("upgrade/execution")
LOOKOUT = library("upgrade/lookout")
PATIENCE = library("upgrade/patience")
RECORDING = library("upgrade/recording")
RETRY = library("upgrade/retry")
LOCK = library("upgrade/session_lock")

HOW_LONG = [
    Fault(
        "an index is undone because somebody reads",
        Replaced(
            PATIENCE,
            'wait = patience(sql) if server.backend == "postgresql" else None',
            "wait = None",
        ),
        "unit/waiting::test_what_keeps_nobody_has_patience",
    ),
    Fault(
        "what has locked a table goes on to wait with patience",
        Replaced(PATIENCE, "    if locks or int(setting)", "    if int(setting)"),
        "unit/waiting::test_what_others_queue_behind_has_none",
    ),
    Fault(
        "a wait that the revision sets does not count if we would have said the same",
        Replaced(
            PATIENCE, 'is_as_it_connected = source == "client"', "is_as_it_connected = bool(source)"
        ),
        "unit/waiting::test_what_a_revision_says_of_its_wait_counts",
    ),
    Fault(
        "patience stays with the session",
        Replaced(PATIENCE, 'f"SET {name} = {value}"', '"SELECT 1"'),
        "unit/waiting::test_the_next_statement_waits_as_before",
    ),
    Fault(
        "a second statement behind the first has its patience",
        Replaced(
            PATIENCE,
            "        return None  # there may be another one behind it\n",
            "        pass\n",
        ),
        "unit/waiting::test_what_a_statement_locks_shows_in_its_text",
    ),
]

LEFT_BEHIND = [
    Fault(
        "an invalid index is left to the next run",
        Replaced(
            EXECUTION,
            "        if not self._clear(statement.sql, before):\n",
            "        if not before:\n",
        ),
        "unit/waiting::test_what_is_cut_off_leaves_no_invalid_index",
    ),
    Fault(
        "Ctrl-C leaves an invalid index",
        Replaced(
            EXECUTION,
            "            self._clear(sql, before)\n            raise\n",
            "            raise\n",
        ),
        "unit/waiting::test_ctrl_c_leaves_no_invalid_index",
    ),
    Fault(
        "what lies beside an index that is built anew is not looked at",
        Replaced(DOUBT, "ON i.indrelid IN (t.oid, t.reltoastrelid)", "ON i.indexrelid = t.oid"),
        "unit/waiting::test_what_is_cut_off_leaves_no_invalid_index",
    ),
    Fault(
        "an invalid index that was there before is dropped, too",
        Replaced(
            DOUBT,
            "in now.keys() - before.keys() if name.startswith(UNFINISHED_INDEX)",
            "in now if name.startswith(UNFINISHED_INDEX)",
        ),
        "unit/waiting::test_what_is_cut_off_leaves_no_invalid_index",
    ),
    Fault(
        "what could not be dropped is forgotten",
        Replaced(RECORDING, "did_nothing or is_in_doubt or", "did_nothing or"),
        "unit/waiting::test_what_cannot_be_dropped_at_once_is_dropped_by_the_next_run",
    ),
    Fault(
        "somebody else's invalid index counts as built",
        Replaced(
            EXECUTION,
            "        if name is not None:  # somebody else's: ours were dropped\n",
            "        if not statement:\n",
        ),
        "unit/waiting::test_an_invalid_index_of_somebody_elses_is_refused",
    ),
]

WHO = [
    Fault(
        "a retry does not say who was in the way",
        Replaced(RETRY, '*getattr(cause, "__notes__", ())', ""),
        "unit/waiting::test_who_is_in_the_way_is_named_by_a_retry_and_at_the_end",
    ),
    Fault(
        "nobody looks before a short wait is over",
        Replaced(LOOKOUT, 'timeouts.for_a_table()["lock_timeout"] / 2000', "PATIENCE"),
        "unit/waiting::test_who_is_in_the_way_is_named_by_a_retry_and_at_the_end",
    ),
    Fault(
        "nobody says anything while a statement waits",
        Replaced(LOOKOUT, "        log.warning(messages.WAITS_FOR.format(**said))\n", ""),
        "unit/waiting::test_while_an_index_waits_it_says_for_whom",
    ),
    Fault(
        "whoever is there is named, also where nobody is in the way",
        Replaced(
            SESSIONS,
            '    if not str(state).startswith("Waiting for "):\n        return InTheWay()\n',
            "",
        ),
        "unit/waiting::test_nobody_is_named_where_it_only_takes_long",
    ),
    Fault(
        "who looks stays",
        Replaced(
            LOOKOUT,
            "        self._end.set()\n        if self._looking is not None:\n",
            "        if self._looking == 0:\n",
        ),
        "unit/waiting::test_nothing_is_left_of_who_looks",
    ),
    Fault(
        "values of somebody's statement are shown",
        Replaced(
            SESSIONS, 'VALUES[backend].sub("?", " ".join(sql.split()))', '" ".join(sql.split())'
        ),
        "unit/waiting::test_no_value_of_a_statement_is_shown",
    ),
    Fault(
        "who has the migration lock is not named",
        Replaced(LOCK, "wait.pause(self.name, self._holder)", "wait.pause(self.name)"),
        "unit/waiting::test_who_has_the_migration_lock_is_named",
    ),
]

FAULTS = [*HOW_LONG, *LEFT_BEHIND, *WHO]
