"""Faults in how a service is operated: the ledger, the entry of a container, a signal."""

from support.mutants.faults import Fault, Replaced, library

ENTRYPOINT = library("tools/entrypoint")
LEDGER = library("upgrade/ledger")
TERMINAL = library("terminal")
CLI = library("cli")
ENV = library("env")
TELEMETRY = library("upgrade/telemetry")
WATCH = library("upgrade/watch")
DRIFT = library("web/drift")
PIPELINE = "template/.github/workflows/ci.yml.jinja"
LOGS = library("logs")
READINESS = library("web/readiness")

FAULTS = [
    Fault(
        "a ledger is kept where nobody wants one",
        Replaced(LEDGER, "if not project().ledger or", "if not project() or"),
        "unit/ledger::test_it_can_be_switched_off",
    ),
    Fault(
        "a rehearsal is noted",
        Replaced(LEDGER, "if is_scratch(connection.engine.url):", "if not connection:"),
        "unit/ledger::test_nobody_asks_who_rehearsed",
    ),
    Fault(
        "a stamp makes a ledger",
        Replaced(LEDGER, "or private.is_stamp(migration):", "or private is None:"),
        "unit/ledger::test_a_stamp_is_noted_where_there_is_one",
    ),
    Fault(
        "a step is not noted",
        Replaced(ENV, "ledger.note, outcome.note", "outcome.note"),
        "unit/ledger::test_each_step_is_a_row",
    ),
    Fault(
        "a step is in the ledger twice",
        Replaced(
            LEDGER,
            "        ctx.connection.execute(_insertion(_table_of(ctx), row))\n",
            "        ctx.connection.execute(_insertion(_table_of(ctx), row))\n"
            "        ctx.connection.execute(_insertion(_table_of(ctx), row))\n",
        ),
        "unit/ledger::test_a_step_that_fails_leaves_no_row",
    ),
    Fault(
        "a container that only migrates serves, too",
        Replaced(ENTRYPOINT, "if migrate is Migrate.ONLY:", "if migrate is None:"),
        "unit/entrypoint::test_it_only_migrates",
    ),
    Fault(
        "a container that never migrates does",
        Replaced(ENTRYPOINT, "if migrate is not Migrate.NEVER:", "if migrate:"),
        "unit/entrypoint::test_it_never_migrates",
    ),
    Fault(
        "what is said to the service is taken for ours",
        Replaced(CLI, "if GIVES_WAY not in given:", "if GIVES_WAY:"),
        "unit/entrypoint::test_it_migrates_and_gives_way",
    ),
    Fault(
        "a SIGTERM ends it without a word",
        Replaced(TERMINAL, "    signal.signal(signal.SIGTERM, end)\n", ""),
        "unit/entrypoint::test_a_signal_in_the_middle_ends_it_and_another_try_finishes",
    ),
    Fault(
        "what a server said is sent to whoever collects spans",
        Replaced(
            TELEMETRY,
            'add_event("exception", _recorded(error))',
            "record_exception(error)",
        ),
        "unit/telemetry::test_a_step_that_fails_says_how_and_holds_no_value",
    ),
    Fault(
        "a file's key is sent with its name",
        Replaced(TELEMETRY, '.partition("?")[0]', ""),
        "unit/telemetry::test_a_file_is_called_by_its_name_alone",
    ),
    Fault(
        "an exporter's error fails the migration",
        Replaced(
            TELEMETRY,
            "with suppress(Exception):  # it is not installed, or not whole",
            "if migration:",
        ),
        "unit/telemetry::test_what_fails_in_the_sdk_fails_no_migration",
    ),
    Fault(
        "telemetry is imported where there is nothing to do",
        Replaced(
            TELEMETRY,
            "        self._trace: Any = None\n",
            '        self._trace: Any = import_module("opentelemetry.trace")\n',
        ),
        "unit/telemetry::test_a_start_that_finds_nothing_to_do_does_not_import_it",
    ),
    Fault(
        "a step that is tried again is told to be done",
        Replaced(WATCH, "self._end_step(RETRIED)", "self._end_step(DONE)"),
        "unit/telemetry::test_a_step_that_met_a_busy_table_is_told_twice",
    ),
    Fault(
        "a rehearsal is told",
        Replaced(WATCH, "if is_scratch(migration.connection.engine.url):", "if not migration:"),
        "unit/telemetry::test_nobody_is_told_of_a_rehearsal",
    ),
    Fault(
        "an entry gives way before anything is sent",
        Replaced(ENV, "watch.sent() if", "nullcontext() if"),
        "unit/telemetry::test_what_is_typed_is_sent_before_it_ends",
    ),
    Fault(
        "whoever asks has the schema compared",
        Replaced(DRIFT, "now - self._began >= INTERVAL", "now >= self._began"),
        "unit/web::test_who_asks_often_has_nothing_compared_more_often",
    ),
    Fault(
        "drift takes a service out where it is only to be logged",
        Replaced(
            DRIFT,
            "return _comparisons.differs() and wanted == REFUSE",
            "return _comparisons.differs()",
        ),
        "unit/web::test_drift_may_only_be_logged",
    ),
    Fault(
        "a stranger is told what differs",
        Replaced(READINESS, '"drift", messages.READY_DRIFTED', '"drift", found.sentence'),
        "unit/web::test_drift_takes_a_service_out_where_it_is_to",
    ),
    Fault(
        "the database of migrations is compared in the place of the service's",
        Replaced(DRIFT, '        "MIGRATION_DATABASE_URL": "",\n', ""),
        "unit/web::test_drift_takes_a_service_out_where_it_is_to",
    ),
    Fault(
        "a secret's database is compared with what is not deployed",
        Replaced(
            PIPELINE,
            '          git checkout --quiet --force "$base"\n'
            "          make install\n"
            "          make check",
            "          make install\n          make check",
        ),
        "project/pipelines::test_drift_is_a_finding",
    ),
    Fault(
        "a failed step is logged as done",
        Replaced(WATCH, "        if outcome == DONE:\n", "        if outcome:\n"),
        "unit/logs::test_a_failed_step_is_not_told_to_be_done",
    ),
    Fault(
        "what is logged during a step has no fields",
        Replaced(WATCH, "        log.addFilter(self._name_step)\n", ""),
        "unit/logs::test_what_alembic_says_of_a_step_has_its_fields_too",
    ),
    Fault(
        "a migration names the step of another",
        Replaced(WATCH, "if self._step is not None and is_ours:", "if self._step is not None:"),
        "unit/logs::test_of_two_migrations_each_names_its_own_step",
    ),
    Fault(
        "a failure is text among JSON",
        Replaced(
            LOGS, "        log.error(sentence)\n", "        print(sentence, file=sys.stderr)\n"
        ),
        "unit/logs::test_a_failure_is_a_record_too",
    ),
    Fault(
        "a wrong word is taken for text",
        Replaced(LOGS, "if wanted not in {TEXT, JSON}:", "if not wanted:"),
        "unit/logs::test_a_wrong_word_is_a_sentence",
    ),
]
