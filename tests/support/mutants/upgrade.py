"""Faults in an upgrade: whole or not at all, one at a time, and patient."""

from support.mutants.faults import Fault, Replaced, library

ENV = library("env")
SQLITE = library("database/sqlite")
ERROR_CODES = library("database/error_codes")
LOCK = library("upgrade/lock")
JOURNAL = library("upgrade/journal")
RETRY = library("upgrade/retry")

FAULTS = [
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
        "no journal",
        Replaced(
            ENV,
            "steps = with_journal(private.steps_of_command())",
            "steps = private.steps_of_command()",
        ),
        "unit/journal::test_an_interrupted_revision_is_finished_by_the_same_command",
    ),
    Fault(
        "no journal where every statement commits",
        Replaced(
            JOURNAL,
            "elif not journal.transactional_ddl or _has_autocommit_block(step):",
            "elif _has_autocommit_block(step):",
        ),
        "project/faults::test_an_upgrade_killed_at_any_statement_resumes",
    ),
    Fault(
        "a callback of the caller's takes the place of ours",
        Replaced(
            ENV,
            '[defaults["on_version_apply"], *_listed(said.get("on_version_apply"))]',
            '_listed(said.get("on_version_apply")) or [defaults["on_version_apply"]]',
        ),
        "unit/env::test_a_callback_comes_after_ours",
    ),
    Fault(
        "no lock",
        Replaced(ENV, "held.enter_context(one_at_a_time(migration))", "pass"),
        "unit/lock::test_another_migrator_is_waited_for",
    ),
    Fault(
        "a lock for an upgrade that has nothing to do",
        Replaced(LOCK, "    return any(True for _ in steps)\n", "    return bool(steps)\n"),
        "unit/lock::test_what_has_nothing_to_write_takes_no_lock",
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
        "an edited revision is gone on with",
        Replaced(JOURNAL, "if note.digest != statements.digest(sql):", "if not note.digest:"),
        "unit/journal::test_an_edited_step_is_refused",
    ),
    Fault(
        "an invalid index is left as it is",
        Replaced(JOURNAL, ".scalar() is False:", ".scalar() is sa:"),
        "project/journal::test_an_index_left_invalid_by_a_kill_is_named_and_built_again",
    ),
    Fault(
        "a stamp keeps the notes of what was half done",
        Replaced(JOURNAL, "        journal.forget()\n", ""),
        "unit/journal::test_a_stamp_forgets_what_was_interrupted",
    ),
    Fault(
        "a busy table is a failure",
        Replaced(ERROR_CODES, "    {DEADLOCK_DETECTED, LOCK_NOT_AVAILABLE, ", "    {"),
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
