"""Faults in the house that is rendered, and in what a project was promised of it."""

from support.mutants.faults import TEMPLATE, Added, Fault, Moved, Replaced

COPIER = "copier.yml"
FIRST = (
    f"{TEMPLATE}/{{{{ migrations_folder }}}}/versions"
    "/2026_01_05_0900-3f1c0a5d7b21_create_usuarios.py"
)
ON_UPDATE = "{% if _copier_operation == 'update' %}"
MAKEFILE = f"{TEMPLATE}/Makefile.jinja"
PYPROJECT = f"{TEMPLATE}/pyproject.toml.jinja"

PROMISED = [
    Fault(
        "a seed's guard dropped",
        Replaced(COPIER, f'  - "{ON_UPDATE}/main.py{{% endif %}}"\n', ""),
        "project/updates::test_an_update_never_loses_an_edit",
    ),
    Fault(
        "the example of another language brought by an update",
        Replaced(COPIER, f'  - "{ON_UPDATE}/app{{% endif %}}"\n', ""),
        "project/updates::test_an_english_project_of_before_keeps_its_portuguese_example",
    ),
    Fault(
        "the guard of project.mk dropped",
        Replaced(COPIER, f'  - "{ON_UPDATE}/project.mk{{% endif %}}"\n', ""),
        "project/updates::test_what_copier_leaves_alone_is_what_the_readme_says",
    ),
    Fault(
        "a fresh copy overwrites project.mk",
        Replaced(COPIER, "/project.mk, /tests/test_api.py", "/tests/test_api.py"),
        "project/releases::test_a_fresh_copy_over_a_project_keeps_what_is_yours",
    ),
    Fault(
        "seeds overwritten by a fresh copy",
        Replaced(COPIER, "  [/app, ", "  ["),
        "project/releases::test_a_fresh_copy_over_a_project_keeps_what_is_yours",
    ),
    Fault(
        "a path renamed without a hook",
        Moved(f"{TEMPLATE}/.env.example.jinja", f"{TEMPLATE}/env.example.jinja"),
        "project/releases::test_no_rendered_path_vanishes",
    ),
    Fault(
        "a question renamed",
        Replaced(COPIER, "\nci:\n", "\npipeline:\n"),
        "project/questions::test_the_keys_and_their_order_are_frozen",
    ),
    Fault(
        "a choice taken away",
        Replaced(COPIER, "pip: pip, conda: conda", "conda: conda"),
        "project/releases::test_no_question_or_choice_vanishes",
    ),
    Fault(
        "a default changed",
        Replaced(COPIER, "  default: migrations\n", "  default: alembic\n"),
        "project/releases::test_no_default_changes_unsaid",
    ),
    Fault(
        "a released revision edited",
        Replaced(FIRST, "100", "120"),
        "project/releases::test_a_released_revision_is_never_edited",
    ),
    Fault(
        "the time rendered into a file",
        Added(f"{TEMPLATE}/.gitignore.jinja", "# {{ '%H:%M:%S.%f' | strftime }}\n"),
        "project/updates::test_without_edits_an_update_is_a_fresh_render",
    ),
]

NO_TRUST = [
    Fault(
        "a task",
        Added(COPIER, '\n_tasks: ["true"]\n'),
        "project/questions::test_nothing_needs_trust",
    ),
    Fault(
        "a Jinja extension",
        Added(COPIER, "\n_jinja_extensions: [jinja2.ext.do]\n"),
        "project/questions::test_nothing_needs_trust",
    ),
]

RENDERED = [
    Fault(
        "the English example does something else",
        Replaced("variants/flask-sync/app/users/api.py", "le=150", "le=99"),
        "project/render::test_the_example_is_the_same_in_both_languages",
    ),
    Fault(
        "a misspelt answer renders empty",
        Replaced(COPIER, "_envops: { undefined: jinja2.StrictUndefined }\n", ""),
        "project/render::test_a_typo_in_the_template_is_an_error",
    ),
    Fault(
        "a rendered file that git ignores",
        Added(f"{TEMPLATE}/.env.jinja", "DATABASE_URL=x\n"),
        "project/render::test_git_ignores_what_is_private_and_nothing_we_wrote",
    ),
    Fault(
        "a condition in a file's name",
        Added(f"{TEMPLATE}/{{% if example %}}notes.txt{{% endif %}}", "notes\n"),
        "project/render::test_no_condition_is_in_a_file_name",
    ),
    Fault(
        "a folder that hides the library",
        Replaced(COPIER, "'app core tests vendor dockerfile", "'app core tests dockerfile"),
        "project/questions::test_refuses_in_your_language",
    ),
    Fault(
        "a house that nobody reads in an afternoon",
        Added("variants/sync/core/database.py", "\n".join(f"A{each} = 1" for each in range(60))),
        "project/render::test_a_project_is_small",
    ),
]

YOURS = [
    Fault(
        "project.mk is not included",
        Replaced(MAKEFILE, "\n-include project.mk\n", "\n"),
        "project/your_places::test_what_is_added_at_the_end_never_conflicts",
    ),
    Fault(
        "a dependency of yours stands among ours",
        Replaced(
            PYPROJECT,
            "{%- endif %}\n    {{ yours }}\n]\n\n[project.scripts]",
            "{%- endif %}\n]\n\n[project.scripts]",
        ),
        "project/your_places::test_what_is_added_at_the_end_never_conflicts",
    ),
]

FAULTS = [*PROMISED, *NO_TRUST, *RENDERED, *YOURS]
