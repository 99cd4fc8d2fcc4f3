"""Faults in the trial of a revision before it is written."""

from support.mutants.faults import Fault, Replaced, library

TRIAL = library("history/trial")
KNOWN = library("database/known")
RAISED = library("history/raised")
PRIVATE = library("private")

SENTENCES = "project/thirty_mistakes::test_it_ends_in_a_sentence"

FAULTS = [
    Fault(
        "what does not run is written",
        Replaced(TRIAL, "    if failed.why is None:\n", "    if failed.why == '':\n"),
        "unit/tried::test_what_does_not_run_is_not_written",
    ),
    Fault(
        "the way back is not tried",
        Replaced(TRIAL, 'for direction in ("up", "down", "again"):', 'for direction in ("up",):'),
        "unit/tried::test_the_way_back_is_tried_too",
    ),
    Fault(
        "a downgrade that leaves something is not noticed",
        Replaced(TRIAL, '("up", "down", "again")', '("up", "down")'),
        "unit/tried::test_the_way_back_is_tried_too",
    ),
    Fault(
        "tried=no is not heard",
        Replaced(TRIAL, "    return word in YES\n", "    return True\n"),
        "unit/tried::test_it_is_written_untried_if_that_was_said",
    ),
    Fault(
        "a history that cannot be built is the new revision's fault",
        Replaced(TRIAL, "if self._at not in self._new:", "if False:"),
        "unit/tried::test_a_history_that_cannot_be_built_is_not_its_fault",
    ),
    Fault(
        "a history that is no one transaction cannot be built",
        Replaced(TRIAL, "if failed is not None and failed.is_of_history:", "if False:"),
        "unit/tried::test_a_history_that_is_no_one_transaction_is_built_step_by_step",
    ),
    Fault(
        "what is in the database by hand is the revision's fault",
        Replaced(TRIAL, "        if not strangers:\n", "        if True:\n"),
        "unit/tried::test_what_the_history_never_made_is_named",
    ),
    Fault(
        "schemas of somebody else's are not there",
        Replaced(TRIAL, "INVALID_SCHEMA_NAME in failed.codes", "False"),
        "unit/tried::test_a_schema_that_somebody_else_makes_is_there",
    ),
    Fault(
        "a revision of the past runs on another database again",
        Replaced(TRIAL, "if not is_scratch(other.engine.url):", "if other is None:"),
        "unit/tried::test_a_revision_of_the_past_reaches_no_other_database",
    ),
    Fault(
        "the environment leads to the project's database",
        Replaced(TRIAL, "    os.environ.update(dict.fromkeys(ADDRESSES, address))\n", ""),
        "unit/tried::test_what_asks_the_environment_is_told_of_the_scratch_database",
    ),
    Fault(
        "the other's operation is named",
        Replaced(RAISED, "lines[-1] <= (node.end_lineno", "0 <= (node.end_lineno"),
        "unit/tried::test_what_does_not_run_is_not_written",
    ),
    Fault(
        "an env.py that connects by itself goes unsaid",
        Replaced(
            library("tools/migration"),
            "if autogenerate and is_asked_for(config) and hear",
            "if False and hear",
        ),
        "unit/tried::test_an_env_py_that_connects_by_itself_tries_nothing_and_says_so",
    ),
    Fault(
        "a view that nobody can read hides why a revision does not run",
        Replaced(KNOWN, "WHERE sqlite_master.type = 'table'", "WHERE sqlite_master.type <> ''"),
        "unit/tried::test_a_view_that_nobody_can_read_is_not_in_the_way",
    ),
    Fault(
        "a column without a type is written",
        Replaced(library("autogenerate/last_look"), "    _require_types(upgrade)\n", ""),
        SENTENCES,
    ),
    Fault(
        "a kind of database that nobody knows is a driver that is missing",
        Replaced(
            library("settings/url"), "        if kind not in KINDS:\n", "        if not kind:\n"
        ),
        SENTENCES,
    ),
    Fault(
        "several heads are noted as one",
        Replaced(PRIVATE, "for head in heads]\n", "for head in heads[:1]]\n"),
        "unit/private::test_at_once",
    ),
]
