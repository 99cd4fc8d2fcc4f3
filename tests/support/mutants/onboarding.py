"""Faults on the first day: the tour, the diagram, the doctor."""

from support.mutants.faults import TEMPLATE, Added, Fault, Replaced, library

COMMAND = library("tools/tour/command")
WALK = library("tools/tour/walk")
DIAGRAM = library("tools/diagram")
REPORT = library("tools/doctor/report")
ENVIRONMENT = library("tools/doctor/environment")
CONFIGURATION = library("tools/doctor/configuration")
DATABASE = library("tools/doctor/database")

TOUR = [
    Fault(
        "first day: a hang-up leaves the tour's database",
        Replaced(COMMAND, 'ENDING_SIGNALS = ("SIGTERM", "SIGHUP")', "ENDING_SIGNALS = ()"),
        "project/onboarding::test_however_it_ends_the_scratch_database_goes",
    ),
    Fault(
        "first day: the tour is bold without colour",
        Replaced(COMMAND, ' or bool(os.environ.get("NO_COLOR"))', ""),
        "project/onboarding::test_piped_it_walks_by_itself_and_says_what_a_plain_terminal_shows",
    ),
    Fault(
        "first day: the tour never takes back",
        Replaced(WALK, "if key is Key.BACK and forward:", "if key is None:"),
        "project/onboarding::test_one_walks_on_back_and_away",
    ),
    Fault(
        "first day: nobody lives in an English project",
        Replaced(WALK, '    "users": [', '    "people": ['),
        "unit/tour::test_the_two_live_where_an_english_history_has_them",
    ),
    Fault(
        "first day: the tour stops at a merge",
        Replaced(WALK, "revert_migrations(without(revision),", 'revert_migrations("-1",'),
        "project/onboarding::test_two_heads_no_revision_and_other_people_are_sentences",
    ),
]

DRAWING = [
    Fault(
        "first day: every parent is drawn as required",
        Replaced(DIAGRAM, '"|o" if may_have_no_parent', '"||" if may_have_no_parent'),
        "unit/diagram::test_hard_models_are_drawn",
    ),
    Fault(
        "first day: what is not ours is drawn",
        Replaced(DIAGRAM, "(is_view(table) or is_marked(table, models))", "is_view(table)"),
        "unit/diagram::test_hard_models_are_drawn",
    ),
    Fault(
        "first day: the rendered diagram is old",
        Added(f"{TEMPLATE}/docs/schema.mmd", "\n"),
        "project/onboarding::test_the_rendered_diagram_is_what_make_diagram_writes",
    ),
]

DOCTOR = [
    Fault(
        "first day: one fault hides the checks after it",
        Replaced(REPORT, "except (Exception, SystemExit) as error:", "except KeyError as error:"),
        "unit/doctor::test_whatever_a_check_raises_is_a_sentence",
    ),
    Fault(
        "first day: a version is not compared",
        Replaced(
            ENVIRONMENT,
            "if not requirement.specifier.contains(",
            "if 0 and requirement.specifier.contains(",
        ),
        "unit/doctor::test_python_and_packages_are_those_that_are_asked_for",
    ),
    Fault(
        "first day: the doctor makes the database it looks for",
        Replaced(DATABASE, "if is_sqlite_file(url) and not", "if not url and not"),
        "unit/doctor::test_a_database_that_is_not_there_is_not_made",
    ),
    Fault(
        "first day: the doctor says the password",
        Replaced(
            CONFIGURATION,
            "url = shown_url(resolved.url)",
            "url = resolved.url.render_as_string(hide_password=False)",
        ),
        "project/onboarding::test_a_server_without_the_database_is_told_from_none",
    ),
    Fault(
        "first day: the doctor prints what no terminal can",
        Replaced(REPORT, "except UnicodeEncodeError", "except KeyError"),
        "project/onboarding::test_a_project_that_is_set_up_is_well",
    ),
    Fault(
        "first day: the doctor looks at another database than the commands",
        Replaced(
            CONFIGURATION,
            "resolved = resolve_migration_url(self.found.config)",
            "resolved = resolve_migration_url(alembic_config())",
        ),
        "unit/doctor::test_the_url_is_that_of_every_command",
    ),
]

FAULTS = [*TOUR, *DRAWING, *DOCTOR]
