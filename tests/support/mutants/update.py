"""Faults in an update, which never loses work, and in the seal of what it replaces."""

from support.mutants.faults import TEMPLATE, Added, Fault, Replaced, library

ANSWERS = library("tools/answers")
BRINGING = library("tools/bringing")
COPIER = library("tools/copier")
CREDENTIALS = library("tools/credentials")
GIVEN_ANSWERS = library("tools/doctor/given_answers")
RELEASES = library("tools/releases")
REPOSITORY = library("tools/template_repository")
UNTOUCHED = library("tools/untouched")
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
        Replaced(BRINGING, "if (taken := _taken(root, path))})", "if not (taken := path)})"),
        "unit/template_update::test_a_file_that_git_does_not_know_is_in_the_way_of_a_new_one",
    ),
    Fault(
        "git is not told of the conflicts",
        Replaced(BRINGING, "given=told", 'given=""'),
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
        Replaced(
            "hooks/after_copy.py",
            "if is_pushed(rendered_version(project)) and",
            "if not is_pushed(rendered_version(project)) and",
        ),
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
        Replaced(UPDATE, "        library.replace(tree)\n", ""),
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
        "what git ignores is not brought",
        Replaced(BRINGING, ', "--ignored"]\n    status', "]\n    status"),
        "unit/untouched::test_what_gitignore_matches_arrives_and_is_told",
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

AGAINST_AN_UNTOUCHED_ONE = [
    Fault(
        "an edited file goes with its answer, unasked",
        Replaced(UPDATE, "if path in untouched.edited]", "if not untouched]"),
        "unit/untouched::test_an_edited_file_goes_only_if_somebody_said_so",
    ),
    Fault(
        "what nobody edited is asked about, too",
        Replaced(UPDATE, "if path in untouched.edited]", "if untouched]"),
        "unit/untouched::test_what_nobody_edited_goes_with_its_answer",
    ),
    Fault(
        "what is to be kept goes",
        Replaced(
            UPDATE, "        if path in options.keep:\n", "        if path in options.data:\n"
        ),
        "unit/untouched::test_an_edited_file_goes_only_if_somebody_said_so",
    ),
    Fault(
        "a file that a hook moved is asked about",
        Replaced(UPDATE, 'if state == " D"]', 'if "D" in state]'),
        "unit/untouched::test_a_template_that_moves_a_file_onto_one_that_git_does_not_know",
    ),
    Fault(
        "what was deleted here and changed there is not told",
        Replaced(UNTOUCHED, "if path and path != now}", "if path and now and path != now}"),
        "unit/untouched::test_what_was_moved_or_deleted_here_and_changed_there_is_listed",
    ),
    Fault(
        "what was moved here is told as deleted",
        Replaced(UNTOUCHED, '"--find-renames"]', '"--no-renames"]'),
        "unit/untouched::test_what_was_moved_or_deleted_here_and_changed_there_is_listed",
    ),
    Fault(
        "all that was moved or deleted here is told of",
        Replaced(
            UNTOUCHED, "            if changed and (", "            if (changed or path) and ("
        ),
        "unit/untouched::test_what_was_moved_or_deleted_here_and_changed_there_is_listed",
    ),
    Fault(
        "what git ignores arrives untold",
        Replaced(BRINGING, "new, _ignored(root, new))", "new, [])"),
        "unit/untouched::test_what_gitignore_matches_arrives_and_is_told",
    ),
    Fault(
        "a file in the place of a folder is no hindrance",
        Replaced(BRINGING, "*Path(path).parents][:-1]", "][:1]"),
        "unit/untouched::test_a_file_where_the_new_version_has_a_folder_is_in_the_way",
    ),
    Fault(
        "Copier works below folders with odd names",
        Replaced(UPDATE, '"-m", "The project", project,', '"-m", "The project", "HEAD^{tree}",'),
        "unit/untouched::test_what_nobody_edited_goes_with_its_answer",
    ),
    Fault(
        "another answer leaves things undone, untold",
        Replaced(UPDATE, "if old[key] != new[key]}", "if old[key] == new[key]}"),
        "unit/untouched::test_another_answer_says_what_it_leaves_to_be_done",
    ),
    Fault(
        "a pre-release outranks a release",
        Replaced(RELEASES, "RELEASE.fullmatch(tag)", "RELEASE.match(tag)"),
        "unit/untouched::test_a_pre_release_does_not_outrank_a_release",
    ),
    Fault(
        "another answer takes a project back to an older version",
        Replaced(REPOSITORY, "return self.project_version if is_ahead else", "return"),
        "unit/untouched::test_another_answer_never_takes_a_project_back_to_an_older_version",
    ),
    Fault(
        "versions are compared as text",
        Replaced(RELEASES, "tuple(int(number) for", "tuple(number for"),
        "unit/untouched::test_versions_are_compared_as_numbers",
    ),
    Fault(
        "the doctor does not see that .env is of another engine",
        Replaced(GIVEN_ANSWERS, "if asked and engine and engine != asked:", "if not engine:"),
        "unit/doctor::test_a_database_of_before_another_answer_is_a_fault",
    ),
    Fault(
        "the doctor does not see that .venv is of another program",
        Replaced(GIVEN_ANSWERS, " or lacks_pip):", "):"),
        "unit/doctor::test_an_environment_of_before_another_answer_is_a_fault",
    ),
]

CREDENTIALS_STAY_OUT = [
    Fault(
        "a token alone is taken for a user",
        Replaced(CREDENTIALS, 'if scheme.lower().endswith("ssh://"):', 'if ":" not in user:'),
        "unit/credentials::test_a_text_is_shown_without_them",
    ),
    Fault(
        "an address is told with its token",
        Replaced(REPOSITORY, "shown = without_credentials(source)", "shown = source"),
        "unit/credentials::test_a_template_that_is_not_there_is_named_without_them",
    ),
    Fault(
        "what git says is told with its token",
        Replaced(REPOSITORY, "cause = without_credentials(done.stderr)", "cause = done.stderr"),
        "unit/credentials::test_what_git_says_is_told_without_them",
    ),
    Fault(
        "what Copier says is shown with its token",
        Replaced(COPIER, "print(without_credentials(line),", "print(line,"),
        "unit/credentials::test_what_copier_says_is_shown_without_them",
    ),
    Fault(
        "an update commits the token again",
        Replaced(ANSWERS, "    if clean != text:\n", "    if clean is None:\n"),
        "unit/untouched::test_an_update_takes_the_credentials_out_of_what_is_committed",
    ),
    Fault(
        "a new project has the token of the clone",
        Replaced(
            "hooks/which_version.py",
            'return without_credentials(git("remote", "get-url", "origin"))',
            'return git("remote", "get-url", "origin")',
        ),
        "project/new::test_a_release_is_rendered_and_nothing_said",
    ),
]

WHICH_VERSION = [
    Fault(
        "a new project is made of whatever lies in the clone",
        Replaced("hooks/which_version.py", "asked or newest() or HERE", "asked or HERE"),
        "project/new::test_by_default_the_newest_release_is_rendered",
    ),
    Fault(
        "nobody is told that the newest release is not what is here",
        Replaced("hooks/after_copy.py", "not (is_all_there_is and is_clean())", "not version"),
        "project/new::test_by_default_the_newest_release_is_rendered",
    ),
    Fault(
        "nobody is told that a version is nowhere",
        Replaced("hooks/after_copy.py", "if not commit_of(version):", "if not version:"),
        "project/new::test_what_is_not_committed_is_rendered_if_asked_for_and_told",
    ),
    Fault(
        "nobody is told that a version is in this clone only",
        Replaced("hooks/after_copy.py", "elif not is_pushed(version):", "elif not version:"),
        "project/new::test_what_is_committed_after_it_is_rendered_if_asked_for",
    ),
    Fault(
        "Copier is installed anew for each update, in a folder with a blank",
        Replaced(f"{TEMPLATE}/Makefile.jinja", "COPIER := .venv", "COPIER := $(CURDIR)/.venv"),
        "project/make::test_an_update_uses_the_copier_that_is_there_in_a_folder_with_a_blank",
    ),
]

FAULTS = [
    *NO_WORK_IS_LOST,
    *SEALED,
    *AGAINST_AN_UNTOUCHED_ONE,
    *CREDENTIALS_STAY_OUT,
    *WHICH_VERSION,
]
