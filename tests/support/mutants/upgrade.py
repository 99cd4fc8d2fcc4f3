"""Faults in an upgrade: whole or not at all, one at a time, and patient."""

from support.mutants.faults import Fault, Replaced, library

ENV = library("env")
SQLITE = library("database/sqlite")
ERROR_CODES = library("database/error_codes")
RETRY = library("upgrade/retry")

FAULTS = [
    Fault(
        "a revision that reads is a traceback where it is printed",
        Replaced(ENV, "with _printed_or_told(context.script), context", "with context"),
        "unit/env::test_a_revision_that_reads_is_not_printed_and_named",
    ),
    Fault(
        "a URL with % goes through ConfigParser",
        Replaced(
            ENV,
            "        _register_write_hooks(config)\n",
            "        _register_write_hooks(config)\n"
            '        config.set_main_option("sqlalchemy.url", str(migration_url(config)))\n',
        ),
        "project/connection::test_every_character_may_be_in_a_password_a_name_and_a_path",
    ),
    Fault(
        "what the database has no word for is a traceback in a plan",
        Replaced(
            ENV,
            "retry_when_busy(context.get_context(), context.run_migrations)",
            "context.run_migrations()",
        ),
        "project/faults::test_a_type_the_database_has_no_word_for_is_a_sentence",
    ),
    Fault(
        "a callback of the caller's takes the place of ours",
        Replaced(
            ENV,
            '            defaults["on_version_apply"],\n            *_listed(',
            "            *_listed(",
        ),
        "unit/env::test_a_callback_comes_after_ours",
    ),
    Fault(
        "SQLite enforces keys while it recreates a table",
        Replaced(SQLITE, '"PRAGMA foreign_keys=OFF"', '"PRAGMA foreign_keys=ON"'),
        "project/faults::test_recreating_a_table_on_sqlite_keeps_the_rows_that_hang_on_it",
    ),
    Fault(
        "SQLite changes tables outside the transaction",
        Replaced(SQLITE, '    event.listen(engine, "begin", _begin)\n', ""),
        "unit/database::test_ddl_is_undone_with_its_transaction",
    ),
    Fault(
        "a busy table is a failure",
        Replaced(ERROR_CODES, "        DEADLOCK_DETECTED,\n        LOCK_NOT_AVAILABLE,\n", ""),
        "unit/retry::test_a_code_tells_what_is_busy_and_no_text",
    ),
    Fault(
        "a busy table is waited for without an end",
        Replaced(RETRY, "if now + self._pause > self._deadline:", "if not now:"),
        "unit/retry::test_what_stays_busy_is_given_up",
    ),
    Fault(
        "two steps more become three",
        Replaced(RETRY, "if start is not None and heads != start:", "if not busy and start:"),
        "unit/retry::test_a_step_that_was_made_is_not_made_twice",
    ),
]
