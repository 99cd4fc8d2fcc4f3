"""Plant faults in a copy of the template, one at a time: `make mutants`, each must be seen.

A fault names the tests that should turn red, so that one takes seconds; the exit code is 1 if any
stays unseen.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.releases import git, repository

ENV = "template/{{ migrations_folder }}/env.py"
FIRST = (
    "template/{{ migrations_folder }}/{% if example %}versions{% endif %}"
    "/2026_01_05_0900-3f1c0a5d7b21_create_usuarios.py"
)
ENGLISH = "template/core/{% if language == 'en' %}migrations{% endif %}/messages.py"
PORTUGUESE = ENGLISH.replace("'en'", "'pt'")
CORE = "template/core/migrations"
ADOPTION = f"{CORE}/adoption"
TOOLS = f"{CORE}/tools"


@dataclass(frozen=True)
class Fault:
    """Something one could do wrong, and the tests that should say so."""

    what: str
    plant: Callable[[Path], object]
    seen_by: str


def replaced(file: str, old: str, new: str) -> Callable[[Path], object]:
    """Return a fault that writes something else in a file."""

    def plant(tree: Path) -> None:
        text = (tree / file).read_text(encoding="utf-8")
        assert old in text, f"{file} no longer has {old!r}: mend this fault"
        (tree / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return plant


def added(file: str, text: str) -> Callable[[Path], object]:
    """Return a fault that writes something at the end of a file, or a new file."""

    def plant(tree: Path) -> None:
        with (tree / file).open("a", encoding="utf-8") as target:
            target.write(text)

    return plant


def moved(old: str, new: str) -> Callable[[Path], object]:
    """Return a fault that gives a file of the template another name."""
    return lambda tree: (tree / old).rename(tree / new)


GUARD = "{% if _copier_operation == 'update' %}"
TEMPLATE = "template/core/template.py"
LOCK, JOURNAL, STATUS = f"{CORE}/lock.py", f"{CORE}/journal.py", f"{CORE}/status.py"
CONNECTION, OWNERSHIP, MODELS = (
    f"{CORE}/{name}.py" for name in ("connection", "ownership", "models")
)
PLAN, RECORD, REBASE, SQUASH, LINT = (
    f"{CORE}/tools/{name}.py" for name in ("plan", "record", "rebase", "squash", "lint")
)
REVIEW, REWRITE, HOOKS = f"{CORE}/review.py", f"{CORE}/rewrite.py", f"{CORE}/hooks.py"
DATABASE = "template/{% if mode == 'sync' %}core{% endif %}/database.py"
FAULTS = [
    # One line of history, by ten people
    Fault(
        "the trunk's revision moves",
        replaced(REBASE, "Path(revision.path).name not in trunk, later", "False, later[::-1]"),
        "team::test_two_branches_become_one_line",
    ),
    Fault(
        "what moves stays applied",
        replaced(REBASE, "if code := make_way(", "if code := 0 and make_way("),
        "team::test_two_branches_become_one_line",
    ),
    Fault(
        "only the head of a branch moves",
        replaced(REBASE, "first = Path(moving[0].path)", "first = Path(moving[-1].path)"),
        "team::test_a_branch_moves_as_a_whole",
    ),
    Fault(
        "a compiled revision is believed",
        replaced(REBASE, "unlink(missing_ok=True)", "exists()"),
        "team::test_a_revision_pointed_elsewhere_is_read_anew",
    ),
    Fault(
        "a moved revision keeps its digest",
        replaced(REBASE, "record(anew={each.revision for each in moving})", "record()"),
        "team::test_a_branch_moves_as_a_whole",
    ),
    Fault(
        "a closed revision's digest is written anew",
        replaced(RECORD, "told = known.get(revision.revision) if", "told = None if"),
        "team::test_an_old_revision_is_never_edited",
    ),
    Fault(
        "layout is part of the digest",
        replaced(RECORD, '"\\n".join(_words(module)).encode()', "path.read_bytes()"),
        "team::test_an_old_revision_is_never_edited",
    ),
    Fault(
        "an irreversible revision goes unsaid",
        replaced(LINT, "if revision.revision in new and cannot_be_undone(module):", "if False:"),
        "team::test_what_a_reviewer_would_say",
    ),
    Fault(
        "squawk reads the whole history",
        replaced(LINT, "start = revisions[0].down_revision\n", "start = None\n"),
        "team::test_squawk_reads_only_what_is_new",
    ),
    Fault(
        "a squash forgets what it replaces",
        replaced(SQUASH, "        add_replaced(path, [each.revision for each in old[:-1]])\n", ""),
        "team::test_existing_databases_do_not_notice_a_squash",
    ),
    Fault(
        "a squash takes an id of its own",
        replaced(SQUASH, ", rev_id=head)", ")"),
        "team::test_existing_databases_do_not_notice_a_squash",
    ),
    Fault(
        "a squash loses rows unsaid",
        replaced(SQUASH, "*rows_lost(before, after, tables), ", ""),
        "team::test_what_a_squash_would_lose_is_said_first",
    ),
    Fault(
        "a squash does not compare",
        replaced(SQUASH, "if found.state is not State.CURRENT:", "if found.state is State.AHEAD:"),
        "team::test_what_a_squash_would_lose_is_said_first",
    ),
    # What a project was promised
    Fault(
        "a seed's guard dropped",
        replaced("copier.yml", f'  - "{GUARD}/main.py{{% endif %}}"\n', ""),
        "updates::test_an_update_never_loses_an_edit",
    ),
    Fault(
        "a path renamed without a hook",
        moved("template/.env.example.jinja", "template/env.example.jinja"),
        "releases::test_no_rendered_path_vanishes",
    ),
    Fault(
        "a question renamed",
        replaced("copier.yml", "\nci:\n", "\npipeline:\n"),
        "questions::test_the_keys_and_their_order_are_frozen",
    ),
    Fault(
        "a choice taken away",
        replaced("copier.yml", "pip: pip, conda: conda", "conda: conda"),
        "releases::test_no_question_or_choice_vanishes",
    ),
    Fault(
        "a default changed",
        replaced("copier.yml", "  default: migrations\n", "  default: alembic\n"),
        "releases::test_no_default_changes_unsaid",
    ),
    Fault(
        "a released revision edited",
        replaced(FIRST, "100", "120"),
        "releases::test_a_released_revision_is_never_edited",
    ),
    Fault(
        "the time rendered into a file",
        added("template/.gitignore.jinja", "# {{ '%H:%M:%S.%f' | strftime }}\n"),
        "updates::test_without_edits_an_update_is_a_fresh_render",
    ),
    Fault(
        "a rendered file that git ignores",
        added("template/.env.jinja", "DATABASE_URL=x\n"),
        "render::test_git_ignores_what_is_private_and_nothing_we_wrote",
    ),
    # No trust needed
    Fault("a task", added("copier.yml", '\n_tasks: ["true"]\n'), "updates"),
    Fault(
        "a Jinja extension",
        added("copier.yml", "\n_jinja_extensions: [jinja2.ext.do]\n"),
        "updates",
    ),
    Fault(
        "a misspelt answer renders empty",
        replaced("copier.yml", "_envops: { undefined: jinja2.StrictUndefined }\n", ""),
        "render::test_a_typo_in_the_template_is_an_error",
    ),
    # An update never loses work
    Fault(
        "a conflict ends in 0",
        replaced(TEMPLATE, "    if conflicts:\n", "    if not version:\n"),
        "template_update",
    ),
    Fault(
        "a file git does not know is overwritten",
        replaced(TEMPLATE, "if (top / path).exists()]:", "if not top]:"),
        "template_update::test_a_file_git_does_not_know_is_never_overwritten",
    ),
    Fault(
        "git is not told of the conflicts",
        replaced(TEMPLATE, "given=gone + unmerged", 'given=""'),
        "template_update::test_a_conflict_is_an_error_that_can_be_mended_or_given_up",
    ),
    Fault(
        "the news in another language",
        replaced(PORTUGUESE, "CHANGELOG.pt-BR.md", "CHANGELOG.md"),
        "template_update::test_the_news_comes_in_the_language_of_the_project",
    ),
    Fault(
        "a project newer than the template is updated back",
        replaced(TEMPLATE, "4 if int(ours) else 0", "3 if int(ours) else 0"),
        "template_update::test_a_project_newer_than_the_template_is_told_so",
    ),
    Fault(
        "the source of a new project is where the clone lies",
        replaced("hooks/after_copy.py", "if there and clean and", "if not there and clean and"),
        "template_update::test_a_new_project_knows_where_teammates_find_the_template",
    ),
    Fault(
        "what the database has no word for is a traceback in a plan",
        replaced(
            ENV,
            "patiently(context.get_context(), context.run_migrations)",
            "context.run_migrations()",
        ),
        "faults::test_a_type_the_database_has_no_word_for_is_a_sentence",
    ),
    Fault(
        "seeds overwritten by a fresh copy",
        replaced("copier.yml", "  [/app, ", "  ["),
        "releases::test_a_fresh_copy_over_a_project_keeps_what_is_yours",
    ),
    Fault(
        "a history left behind in the old folder",
        replaced(TEMPLATE, 'folder / "env.py").exists()', 'folder / "env.py").name == ""'),
        "releases::test_the_folder_of_the_migrations_moves_with_its_history",
    ),
    # Whole or not at all, one at a time
    Fault(
        "a URL with % goes through ConfigParser",
        replaced(
            ENV,
            "\n\ndef configure(",
            '\nconfig.set_main_option("sqlalchemy.url", str(url))\n\n\ndef configure(',
        ),
        "connection::test_every_character_may_be_in_a_password_a_name_and_a_path",
    ),
    Fault(
        "no journal",
        replaced(ENV, "        keep_journal(migration)\n", ""),
        "faults::test_an_upgrade_killed_at_any_statement_resumes",
    ),
    Fault(
        "no lock",
        replaced(ENV, "with one_at_a_time(migration), context", "with context"),
        "races",
    ),
    Fault(
        "a lock for an upgrade that has nothing to do",
        replaced(LOCK, "if connection is None or not has_work(migration):", "if not connection:"),
        "races::test_the_lock_is_taken_only_when_there_is_something_to_do",
    ),
    Fault(
        "SQLite enforces keys while it recreates a table",
        replaced(CONNECTION, "PRAGMA foreign_keys=OFF", "PRAGMA foreign_keys=ON"),
        "faults::test_recreating_a_table_on_sqlite_keeps_the_rows_that_hang_on_it",
    ),
    Fault(
        "SQLite changes tables outside the transaction",
        replaced(CONNECTION, '        event.listen(engine, "begin", _begin_sqlite)\n', ""),
        "faults::test_a_revision_that_fails_leaves_nothing_or_resumes_once_mended",
    ),
    Fault(
        "an edited revision is gone on with",
        replaced(JOURNAL, "if noted.digest != digest:", "if not digest:"),
        "journal::test_a_revision_edited_after_an_interruption_stops_and_forgets_nothing",
    ),
    Fault(
        "an invalid index is left as it is",
        replaced(JOURNAL, ".scalar() is False:", ".scalar() is sa:"),
        "journal::test_an_index_left_invalid_by_a_kill_is_named_and_built_again",
    ),
    # Which tables are ours
    Fault(
        "tables of others are ours",
        replaced(ENV, "        include_name=ours.include_name,", "        #"),
        "ownership::test_every_table_and_its_parts",
    ),
    Fault(
        "a table is ours by its bare name",
        replaced(
            OWNERSHIP,
            'return parent_names["schema_qualified_table_name"] in self.tables',
            'return name in {table.rpartition(".")[2] for table in self.tables}',
        ),
        "ownership::test_a_same_named_table_of_another_schema_is_not_ours",
    ),
    Fault(
        "a table without a model is nobody's",
        replaced(OWNERSHIP, "names = mapped | created_tables(self.script)", "names = mapped"),
        "ownership::test_a_table_stays_ours_after_its_model_is_gone",
    ),
    Fault(
        "a renamed table is nobody's",
        replaced(OWNERSHIP, "                tables.add(call.other)\n", ""),
        "ownership::test_a_table_stays_ours_after_its_model_is_gone",
    ),
    Fault(
        "every schema is read",
        replaced(OWNERSHIP, "= bool(self.schemas)", "= True"),
        "ownership::test_other_schemas_are_read_only_when_one_is_ours",
    ),
    Fault(
        "the default schema by its name is another one",
        replaced(OWNERSHIP, "name.removeprefix(default) for", "name for"),
        "ownership::test_the_default_schema_by_its_name_is_the_default_schema",
    ),
    Fault(
        "views are tables",
        replaced(OWNERSHIP, 'getattr(item, "is_view", False)', "False"),
        "ownership::test_views_are_not_tables",
    ),
    Fault(
        "ddl_if is passed over",
        replaced(OWNERSHIP, "        if condition and not", "        if not condition and not"),
        "ownership::test_every_mark_and_what_depends_on_it",
    ),
    Fault(
        "a new table takes what is marked along",
        replaced(OWNERSHIP, "        if isinstance(op, ops.CreateTableOp):", "        if not op:"),
        "ownership::test_a_new_table_leaves_out_what_is_marked",
    ),
    Fault(
        "a key to a marked table is written",
        replaced(MODELS, 'getattr(item, "elements", ())', "()"),
        "ownership::test_every_mark_and_what_depends_on_it",
    ),
    Fault(
        "an object must have info",
        replaced(MODELS, '(getattr(item, "info", None) or {})', "item.info"),
        "ownership::test_objects_without_info_do_no_harm",
    ),
    # No line that loses data
    Fault(
        "a loss nobody allowed is written",
        replaced(ENV, "        process_revision_directives=review,\n", ""),
        "losses::test_a_change_is_refused_until_somebody_says_it",
    ),
    Fault(
        "a drop is taken for said",
        replaced(REVIEW, "if name not in self.drop and not confirmed(question):", "if not name:"),
        "losses::test_a_change_is_refused_until_somebody_says_it",
    ),
    Fault(
        "a shorter text cuts nothing",
        replaced(MODELS, "(before.length or 1 << 31) > after.length", "False"),
        "losses::test_a_change_is_refused_until_somebody_says_it",
    ),
    Fault(
        "fewer digits cut nothing",
        replaced(MODELS, "return _whole(after) < _whole(before) or", "return False and"),
        "losses::test_a_change_is_refused_until_somebody_says_it",
    ),
    Fault(
        "a smaller integer cuts nothing",
        replaced(MODELS, "return _bits(after) < _bits(before)", "return False"),
        "losses::test_a_change_is_refused_until_somebody_says_it",
    ),
    Fault(
        "a member taken away is no loss",
        replaced(MODELS, "return not set(before.enums) <= set(after.enums)", "return False"),
        "losses::test_an_enum_member_taken_away_is_a_loss",
    ),
    Fault(
        "NULLs stay where none may be",
        replaced(REVIEW, "if op.modify_nullable is False:", "if op.modify_nullable == 2:"),
        "losses::test_a_change_is_refused_until_somebody_says_it",
    ),
    Fault(
        "rows get no value",
        replaced(REVIEW, "    fill(migration, upgrade, fills)\n", ""),
        "losses::test_a_change_is_refused_until_somebody_says_it",
    ),
    Fault(
        "a column's rename does not go back",
        replaced(
            REWRITE, "str(self.modify_name), self.column_name", "self.column_name, self.column_name"
        ),
        "losses::test_a_change_is_refused_until_somebody_says_it",
    ),
    Fault(
        "a table's rename does not go back",
        replaced(
            REWRITE,
            "RenameTable(self.new_table_name, self.table_name,",
            "RenameTable(self.table_name, self.new_table_name,",
        ),
        "losses::test_tables_change_places",
    ),
    Fault(
        "MariaDB forgets what a renamed column is",
        replaced(REWRITE, '"existing_nullable": column.nullable,', ""),
        "losses::test_a_change_is_refused_until_somebody_says_it",
    ),
    Fault(
        "a name that is not there is passed over",
        replaced(REVIEW, "    if said.unused:\n", "    if not said:\n"),
        "losses::test_an_unknown_name_is_refused",
    ),
    Fault(
        "a rename leaves its schema",
        replaced(REWRITE, 'schema = f", schema={op.schema!r}" if op.schema else ""', 'schema = ""'),
        "losses::test_a_schema_keeps_its_renames",
    ),
    # No false alarm, no change missed
    Fault(
        "defaults are compared word by word",
        replaced(
            HOOKS,
            "    stored = _stored(context, mapped) if after is not None else mapped\n",
            "    stored = mapped\n",
        ),
        "comparison::test_what_create_all_makes_is_equal",
    ),
    Fault(
        "types are compared word by word",
        replaced(
            HOOKS,
            "        if stored is not None and repr(stored.type)",
            "        if not stored and repr(stored.type)",
        ),
        "comparison::test_what_create_all_makes_is_equal",
    ),
    Fault(
        "another direction is another index",
        replaced(
            OWNERSHIP,
            "if self.dialect is None or self.dialect.name ==",
            "if self or self.dialect.name ==",
        ),
        "comparison::test_what_create_all_makes_is_equal",
    ),
    Fault(
        "another default is none",
        replaced(HOOKS, "        operation.modify_server_default = after\n", "        pass\n"),
        "comparison::test_each_change_is_found",
    ),
    Fault(
        "another type is none",
        replaced(ENV, "        compare_type=True,\n", "        compare_type=False,\n"),
        "comparison::test_each_change_is_found",
    ),
    # Revisions that run anywhere
    Fault(
        "types are written as the application's",
        replaced(HOOKS, 'if type_ == "type" and isinstance(item, TypeDecorator):', "if not type_:"),
        "revisions::test_types_of_the_application_are_written_as_what_they_are",
    ),
    Fault(
        "an Enum's type is made by nobody",
        replaced(REVIEW, "    create_enums(migration, upgrade, script.downgrade_ops)\n", ""),
        "revisions::test_an_enum_comes_and_goes",
    ),
    Fault(
        "an Enum's members are passed over",
        replaced(HOOKS, "before.enums != after.enums:", "not before:"),
        "revisions::test_other_members_of_a_native_enum_are_not_passed_over",
    ),
    Fault(
        "an index is dropped before its table",
        replaced(REVIEW, "        leave_indexes_to_their_table(each)\n", "        pass\n"),
        "revisions::test_an_indexed_foreign_key_can_be_undone",
    ),
    Fault(
        "two constraints of one name",
        replaced(
            DATABASE, "uq_%(table_name)s_%(column_0_N_name)s", "uq_%(table_name)s_%(column_0_name)s"
        ),
        "revisions::test_every_constraint_has_the_name_of_the_convention",
    ),
    Fault(
        "accents in a file's name",
        replaced(REVIEW, 'encode("ascii", "ignore").decode()', "strip()"),
        "revisions::test_a_file_name_can_be_carried_anywhere",
    ),
    Fault(
        "a revision left unformatted without a word",
        replaced(
            f"{CORE}/__init__.py",
            "            raise CommandError(NOT_FORMATTED",
            "            print(NOT_FORMATTED",
        ),
        "revisions::test_a_revision_that_cannot_be_formatted_is_an_error",
    ),
    # Where the database stands
    Fault(
        "two heads are passed over",
        replaced(STATUS, "    if len(heads) > 1:\n", "    if not heads:\n"),
        "life::test_check_says_where_the_database_stands",
    ),
    Fault(
        "a plan says nothing of what it loses",
        replaced(PLAN, 'if call.name in {"drop_table", "drop_column"}:', "if not call.name:"),
        "plan::test_a_plan_marks_what_loses_data_and_what_rewrites_a_table",
    ),
    # An existing database
    Fault(
        "adopt: what a SQLite key does is not read",
        replaced(f"{ADOPTION}/catalog.py", 'if action != "NO ACTION"', "if not action"),
        "adopt::test_models_relate_and_keep_what_a_key_does",
    ),
    Fault(
        "adopt: the baseline lacks what has no name",
        replaced(f"{ADOPTION}/baseline.py", "part.info.pop(MARK, None)]", "part is None]"),
        "adopt::test_a_database_comes_aboard[awkward-sqlite]",
    ),
    Fault(
        "adopt: the order of a key's columns is lost",
        replaced(f"{ADOPTION}/prepare.py", "!= order:", "== order and not order:"),
        "adopt::test_a_database_comes_aboard[awkward-sqlite]",
    ),
    Fault(
        "adopt: keys in a circle come with their tables",
        replaced(f"{ADOPTION}/baseline.py", 'backend_name() != "sqlite"', 'backend_name() == ""'),
        "adopt::test_a_database_comes_aboard[awkward-mysql]",
    ),
    Fault(
        "adopt: a schema is made and never dropped",
        replaced(
            f"{ADOPTION}/baseline.py", "        undo.append(DROP_SCHEMA", "        len(DROP_SCHEMA"
        ),
        "adopt::test_a_database_comes_aboard[everything-postgresql]",
    ),
    Fault(
        "adopt: partitions are mapped",
        replaced(f"{ADOPTION}/legacy.py", "if key not in others and", "if"),
        "adopt::test_what_models_cannot_carry_is_listed",
    ),
    Fault(
        "adopt: triggers and functions go unsaid",
        replaced(f"{ADOPTION}/legacy.py", "in rows(connection, catalog.LEFT_OVER))", "in ())"),
        "adopt::test_what_models_cannot_carry_is_listed",
    ),
    Fault(
        "adopt: another's table is mapped whole",
        replaced(f"{ADOPTION}/prepare.py", "    if not ours:\n", "    if ours is None:\n"),
        "adopt::test_a_subset_leaves_the_others_to_others",
    ),
    Fault(
        "adopt: a table already mapped is mapped again",
        replaced(f"{ADOPTION}/legacy.py", " and text(key) not in mapped", ""),
        "adopt::test_more_models_later_leave_the_first_alone",
    ),
    Fault(
        "adopt: a stamp without a yes",
        replaced(f"{ADOPTION}/commands.py", "if not (options.yes or", "if 0 and (options.yes or"),
        "adopt::test_nothing_is_stamped_unless_you_agree",
    ),
    Fault(
        "adopt: standard input is not asked",
        replaced(f"{ADOPTION}/commands.py", "options.yes or confirmed(", "options.yes or len("),
        "adopt::test_nothing_is_stamped_unless_you_agree",
    ),
    Fault(
        "adopt: another history is walked over",
        replaced(f"{ADOPTION}/commands.py", "    if found:\n", "    if not url:\n"),
        "adopt::test_another_history_is_recognised",
    ),
    Fault(
        "adopt: a file that is there is overwritten",
        replaced(f"{ADOPTION}/commands.py", "if path.exists()]", "if not path]"),
        "adopt::test_a_file_that_is_there_stays",
    ),
    Fault(
        "adopt: an empty database is adopted",
        replaced(f"{ADOPTION}/legacy.py", "    if not left:\n", "    if left is None:\n"),
        "adopt::test_nothing_to_map_is_a_sentence",
    ),
    Fault(
        "adopt: sqlacodegen missing is a traceback",
        replaced(f"{ADOPTION}/commands.py", "except ModuleNotFoundError", "except KeyError"),
        "adopt::test_a_missing_sqlacodegen_is_a_sentence",
    ),
    Fault(
        "adopt: make prints the URL",
        replaced(
            "template/Makefile.jinja",
            "migrations $@ $(if $(yes)",
            "migrations $@ --url='$(url)' $(if $(yes)",
        ),
        "adopt::test_make_adopts_and_prints_no_password",
    ),
    # The first day
    Fault(
        "first day: a hang-up leaves the tour's database",
        replaced(f"{TOOLS}/tour.py", '{"SIGTERM", "SIGHUP"} &', "set() &"),
        "onboarding::test_however_it_ends_the_scratch_database_goes",
    ),
    Fault(
        "first day: the tour is bold without colour",
        replaced(f"{TOOLS}/tour.py", ' or os.environ.get("NO_COLOR")', ""),
        "onboarding::test_piped_it_walks_by_itself_and_says_what_a_plain_terminal_shows",
    ),
    Fault(
        "first day: the tour never takes back",
        replaced(f"{TOOLS}/tour.py", "if answer in messages.TOUR_BACK and forward", "if not count"),
        "onboarding::test_one_walks_on_back_and_away",
    ),
    Fault(
        "first day: the tour stops at a merge",
        replaced(f"{TOOLS}/tour.py", 'f"{revision.revision}@{below}"', '"-1"'),
        "onboarding::test_two_heads_no_revision_and_other_people_are_sentences",
    ),
    Fault(
        "first day: every parent is drawn as required",
        replaced(f"{TOOLS}/diagram.py", '"|o" if any', '"||" if any'),
        "onboarding::test_without_the_example_there_is_none_until_hard_models_are_drawn",
    ),
    Fault(
        "first day: what is not ours is drawn",
        replaced(f"{TOOLS}/diagram.py", "is_marked(table, models) or ", ""),
        "onboarding::test_without_the_example_there_is_none_until_hard_models_are_drawn",
    ),
    Fault(
        "first day: the rendered diagram is old",
        added("template/{% if example %}docs{% endif %}/schema.mmd", "\n"),
        "onboarding::test_the_rendered_diagram_is_what_make_diagram_writes",
    ),
    Fault(
        "first day: one fault hides the checks after it",
        replaced(f"{TOOLS}/doctor.py", "except Exception as error:", "except KeyError as error:"),
        "onboarding::test_what_pyproject_asks_for_is_compared_with_what_is_there",
    ),
    Fault(
        "first day: a version is not compared",
        replaced(f"{TOOLS}/installed.py", "if not requirement.spec", "if 0 and requirement.spec"),
        "onboarding::test_what_pyproject_asks_for_is_compared_with_what_is_there",
    ),
    Fault(
        "first day: the doctor makes the database it looks for",
        replaced(f"{TOOLS}/doctor.py", "if is_sqlite_file(url) and", "if not url and"),
        "onboarding::test_a_project_that_is_set_up_is_well",
    ),
    Fault(
        "first day: the doctor says the password",
        replaced(f"{TOOLS}/doctor.py", "url=self.url)", "url=self.url.password)"),
        "onboarding::test_a_server_without_the_database_is_told_from_none",
    ),
    Fault(
        "first day: the doctor prints what no terminal can",
        replaced(f"{TOOLS}/doctor.py", "except UnicodeEncodeError", "except KeyError"),
        "onboarding::test_a_project_that_is_set_up_is_well",
    ),
]


def main() -> int:
    """Plant each fault whose name has the words given, or all; return 1 if one stays unseen."""
    chosen = [fault for fault in FAULTS if " ".join(sys.argv[1:]) in fault.what]
    unseen = []
    with tempfile.TemporaryDirectory() as folder:
        tree = repository(Path(folder) / "alambique")
        (tree / ".venv").symlink_to(sys.prefix, target_is_directory=True)
        (tree / ".git/info/exclude").write_text(".venv\n")
        for fault in chosen:
            fault.plant(tree)
            file, colons, name = fault.seen_by.partition("::")
            test = f"tests/project/test_{file}.py{colons}{name}"
            command = [".venv/bin/python", "-m", "pytest", "--exitfirst", "--quiet", test]
            began = time.perf_counter()
            done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
            if done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED:
                command.append("--full")
                done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
            red = re.findall(r"^(?:FAILED|ERROR) \S+::(\w+)", done.stdout, re.MULTILINE)[:1]
            unseen += [] if red else [fault.what]
            print(
                f"{time.perf_counter() - began:5.1f} s  {fault.what}: {red or 'UNSEEN'}", flush=True
            )
            git(tree, "reset", "--quiet", "--hard")
            git(tree, "clean", "--quiet", "--force", "-d")
    print(f"{len(chosen) - len(unseen)} of {len(chosen)} faults seen")
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
