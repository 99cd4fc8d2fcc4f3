"""Faults in what a command says at its end, and of a mistake that everybody makes once."""

from support.mutants.faults import Fault, Replaced, library

ALGORITHM = library("database/algorithm")
DIRECTIVES = library("autogenerate/directives")
ENGINE = library("database/engine")
ENV = library("env")
FAILURES = library("history/failures")
FORMATTING = library("formatting")
GIT = library("history/git")
GONE = library("web/gone")
HEADS = library("history/heads")
LOCKING = library("database/locking")
LOOKOUT = library("upgrade/lookout")
OUTCOME = library("history/outcome")
OVERVIEW = library("history/overview")
PLAN = library("history/plan")
SCRIPT = library("history/script")
SETUP = library("tools/setup")
STAMP = library("tools/stamp")
STATUS = library("history/status")
TERMINAL = library("terminal")
UNPROVEN = library("database/unproven")
UNSEEN = library("autogenerate/unseen")

SAID = "unit/says_what_happened::"
MISTAKES = "unit/sentences::"

AT_THE_END = [
    Fault(
        "what is left to apply goes unsaid",
        Replaced(OUTCOME, "count=left) if left else", "count=left) if not left else"),
        f"{SAID}test_an_upgrade_and_a_downgrade_end_with_a_line",
    ),
    Fault(
        "Alembic's lines are shown to everybody",
        Replaced(TERMINAL, "elif is_verbose():", "elif not is_verbose():"),
        f"{SAID}test_an_upgrade_and_a_downgrade_end_with_a_line",
    ),
    Fault(
        "a failure does not say at which revision",
        Replaced(ENV, "if stopped := outcome.stopped():", "if stopped := None:"),
        f"{SAID}test_where_it_stopped_is_said_before_why",
    ),
    Fault(
        "nobody says on which branch a revision is",
        Replaced(GIT, "if revision in self.revisions([name]):", "if revision == name:"),
        f"{SAID}test_status_and_check_say_on_which_branch_a_revision_is",
    ),
    Fault(
        "what is below a revision of another branch looks as if it were not applied",
        Replaced(OVERVIEW, "applied |= git.up_to(revision)", "applied |= set()"),
        f"{SAID}test_status_and_check_say_on_which_branch_a_revision_is",
    ),
    Fault(
        "what takes long is silent",
        Replaced(LOOKOUT, "if time.monotonic() >= running.tell_at:", "if wait.tell_at < 0:"),
        "unit/waiting::test_what_takes_long_is_said_with_how_long",
    ),
    Fault(
        "a set-up that was repaired commits nothing",
        Replaced(SETUP, "    if not asked.exists():\n", "    if asked.exists():\n"),
        "project/new::test_a_setup_that_is_repaired_ends_in_the_same_first_commit",
    ),
]

OF_A_MISTAKE = [
    Fault(
        "either of two files that are one revision runs",
        Replaced(SCRIPT, '"error", "Revision .* is', '"ignore", "Revision .* is'),
        f"{SAID}test_what_is_no_history_is_said_with_what_mends_it",
    ),
    Fault(
        "a revision without its function is a traceback",
        Replaced(FAILURES, "if revision.module is error.obj:", "if revision.module is error:"),
        f"{SAID}test_a_revision_without_its_function_is_a_sentence",
    ),
    Fault(
        "a range goes to Alembic, which refuses it in English",
        Replaced(HEADS, '    if ":" in goal:\n', '    if goal == ":":\n'),
        f"{SAID}test_a_goal_that_cannot_be_reached_is_a_sentence",
    ),
    Fault(
        "an argument goes unexplained",
        Replaced(STAMP, ', help=messages.OPTIONS["stamp_to"]', ""),
        "unit/cli::test_each_argument_is_explained",
    ),
    Fault(
        "a key to nothing is a traceback",
        Replaced(
            ENV,
            "    except NoReferenceError as error:\n",
            "    except ZeroDivisionError as error:\n",
        ),
        f"{MISTAKES}test_a_key_that_refers_to_nothing",
    ),
    Fault(
        "nothing says what to import",
        Replaced(FAILURES, "    if name in USUAL_IMPORTS:\n", "    if not name:\n"),
        f"{MISTAKES}test_a_name_that_is_not_imported",
    ),
    Fault(
        "a written revision loses its imports",
        Replaced(FORMATTING, "if keep_imports else []", "if not keep_imports else []"),
        f"{MISTAKES}test_a_written_revision_keeps_its_imports",
    ),
    Fault(
        "revisions that are pending are listed for a database that is ahead",
        Replaced(
            STATUS,
            "    if unknown := unknown_revision(script, database):\n        raise",
            "    if unknown := None:\n        raise",
        ),
        f"{MISTAKES}test_a_database_ahead_is_not_told_to_upgrade",
    ),
    Fault(
        "a mistake in a query is told as a database that is gone",
        Replaced(GONE, "return could_not_connect or error", "return True or error"),
        "unit/web::test_fastapi_answers_503_while_the_database_is_gone",
    ),
]

BEFOREHAND = [
    Fault(
        "a model that nobody imports is passed over",
        Replaced(DIRECTIVES, "    _say_what_nobody_imports(migration)\n", ""),
        "unit/says_what_happened::test_a_model_that_nobody_imports_is_named",
    ),
    Fault(
        "an environment's models are the project's",
        Replaced(UNSEEN, ', "pyvenv.cfg")', ")"),
        "unit/discovery::test_what_is_not_the_applications_is_no_model_of_it",
    ),
    Fault(
        "a foreign key keeps readers waiting",
        Replaced(
            LOCKING,
            "Held(table, Keeps.WRITERS, Work.REFERS)",
            "Held(table, Keeps.EVERYBODY, Work.REFERS)",
        ),
        "unit/locking::test_the_server_locks_what_the_text_says",
    ),
    Fault(
        "who waits for a new table is said",
        Replaced(
            PLAN, "            if each.table not in new:\n", "            if each.table != new:\n"
        ),
        "unit/locking::test_a_plan_says_who_waits_for_which_table",
    ),
    Fault(
        "MariaDB is not asked about the keys that it looks at",
        Replaced(ALGORITHM, "SET foreign_key_checks = 1", "SET foreign_key_checks = 0"),
        "unit/locking::test_mariadb_is_asked_how_it_alters_a_table",
    ),
    Fault(
        "a lent connection may be to any server",
        Replaced(ENGINE, "            require_proven(driver, connection.engine)\n", ""),
        "unit/database::test_a_lent_connection_is_looked_at_too",
    ),
    Fault(
        "a server that only speaks alike is let through",
        Replaced(UNPROVEN, "if name is not None and", "if name == 0 and"),
        "unit/database::test_a_server_that_only_speaks_alike_is_refused",
    ),
]
FAULTS = [*AT_THE_END, *OF_A_MISTAKE, *BEFOREHAND]
