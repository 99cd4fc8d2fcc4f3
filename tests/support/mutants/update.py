"""Faults in an update, which never loses work, and in the seal of what it replaces."""

from support.mutants.faults import TEMPLATE, Added, Fault, Replaced, library

REPOSITORY = library("tools/template_repository")
SEAL = library("tools/seal")
UPDATE = library("tools/template_update")
VERSIONS = library("tools/doctor/versions")

NO_WORK_IS_LOST = [
    Fault(
        "a conflict ends in 0",
        Replaced(UPDATE, "    if brought.conflicts:\n", "    if not brought:\n"),
        "unit/template_update::test_a_conflict_outside_the_library_is_an_error_and_the_library_is_new",
    ),
    Fault(
        "a file git does not know is overwritten",
        Replaced(UPDATE, "if (top / path).exists()]:", "if not top]:"),
        "unit/template_update::test_a_file_that_git_does_not_know_is_in_the_way_of_a_new_one",
    ),
    Fault(
        "git is not told of the conflicts",
        Replaced(UPDATE, "given=removed + unmerged", 'given=""'),
        "project/template_update::test_a_conflict_is_an_error_that_can_be_mended_or_given_up",
    ),
    Fault(
        "the news in another language",
        Replaced(library("messages/pt"), '"CHANGELOG.pt-BR.md"', '"CHANGELOG.md"'),
        "project/template_update::test_the_news_comes_in_the_language_of_the_project",
    ),
    Fault(
        "a project newer than the template is updated back",
        Replaced(
            REPOSITORY,
            "return Standing.AHEAD if int(only_ours)",
            "return Standing.BEHIND if int(only_ours)",
        ),
        "unit/template_update::test_a_project_newer_than_the_template_is_ahead",
    ),
    Fault(
        "the source of a new project is where the clone lies",
        Replaced("hooks/after_copy.py", "if there and clean and", "if not there and clean and"),
        "project/template_update::test_a_new_project_knows_where_teammates_find_the_template",
    ),
    Fault(
        "a history left behind in the old folder",
        Replaced(UPDATE, '/ "env.py").exists():', '/ "env.py").name:'),
        "project/releases::test_the_folder_of_the_migrations_moves_with_its_history",
    ),
]

SEALED = [
    Fault(
        "the library is merged and not replaced",
        Replaced(UPDATE, "        library.replace(folder)\n", ""),
        "unit/template_update::test_an_edited_library_is_replaced_only_after_a_yes",
    ),
    Fault(
        "a file of the old library stays",
        Replaced(
            UPDATE,
            "            _remove(folder / path)\n"
            "            if not self.is_package:\n"
            "                _copy(released / path.name, folder / path)\n",
            '            shutil.copytree(released, folder / "vendor", dirs_exist_ok=True)\n',
        ),
        "unit/template_update::test_an_edited_library_is_replaced_only_after_a_yes",
    ),
    Fault(
        "what git ignores of the library is not brought",
        Replaced(UPDATE, 'git("add", "--force", ', 'git("add", '),
        "unit/template_update::test_a_vendor_folder_that_git_ignores_is_brought_all_the_same",
    ),
    Fault(
        "an edited library is replaced without a word",
        Replaced(UPDATE, "if not self.broken.files or not", "if self.broken or not"),
        "unit/template_update::test_an_edited_library_is_replaced_only_after_a_yes",
    ),
    Fault(
        "a no is a yes to replacing the library",
        Replaced(UPDATE, "if options.yes or terminal.confirmed(", "if options.yes or len("),
        "unit/template_update::test_an_edited_library_is_replaced_only_after_a_yes",
    ),
    Fault(
        "who has the library as a package gets a copy",
        Replaced(UPDATE, "is_package=was_deleted)", "is_package=False)"),
        "unit/template_update::test_who_has_the_library_as_a_package_gets_no_copy_of_it",
    ),
    Fault(
        "an edited file of the library is not seen",
        Replaced(SEAL, "if released[name] != found[name])", "if released[name] is None)"),
        "unit/seal::test_every_kind_of_edit_is_named",
    ),
    Fault(
        "a file taken out of the library is not seen",
        Replaced(SEAL, "_in_project(released.keys() - found.keys())", "()"),
        "unit/seal::test_every_kind_of_edit_is_named",
    ),
    Fault(
        "a file put into the library is not seen",
        Replaced(SEAL, "_in_project(found.keys() - released.keys())", "()"),
        "unit/seal::test_every_kind_of_edit_is_named",
    ),
    Fault(
        "what Python leaves behind is an edit",
        Replaced(SEAL, '"__pycache__" in parts or any(', "any("),
        "unit/seal::test_what_programs_leave_behind_is_no_edit",
    ),
    Fault(
        "the doctor does not look at the seal",
        Replaced(VERSIONS, "        if broken.files:\n", "        if broken is None:\n"),
        "unit/doctor::test_an_edited_library_is_a_fault_and_a_package_is_not",
    ),
    Fault(
        "the library was changed and not sealed anew",
        Added(library("text"), "\n# One more line.\n"),
        "project/sealed::test_the_seal_of_the_working_tree_is_current",
        is_sealed=False,
    ),
    Fault(
        "the service lints the library",
        Replaced(f"{TEMPLATE}/pyproject.toml.jinja", 'extend-exclude = ["vendor"]\n', ""),
        "project/sealed::test_the_library_lies_outside_of_what_the_service_looks_at",
    ),
    Fault(
        "pull requests show the library",
        Replaced(f"{TEMPLATE}/.gitattributes.jinja", "vendor/** linguist-generated", "vendor/**"),
        "project/sealed::test_the_library_lies_outside_of_what_the_service_looks_at",
    ),
    Fault(
        "the wheel is of another version",
        Replaced(library("__init__"), '__version__ = "', '__version__ = "9'),
        "project/sealed::test_the_wheel_has_the_version_of_the_repository",
    ),
]

FAULTS = [*NO_WORK_IS_LOST, *SEALED]
