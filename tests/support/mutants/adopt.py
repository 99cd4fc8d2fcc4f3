"""Faults in bringing an existing database aboard."""

from support.mutants.faults import TEMPLATE, Fault, Replaced, library

ADOPT = library("adopt/adopt")
BASELINE = library("adopt/baseline")
COMPARISON = library("adopt/comparison")
CREATION = library("database/creation")
FURTHER = library("adopt/further")
GENERATOR = library("adopt/generator")
MADE = library("adopt/made")
MODELS = library("adopt/models")
MYSQL = library("adopt/definitions/mysql")
NORMALIZE = library("adopt/normalize")
REFLECTION = library("adopt/reflection")
RIGHTS = library("adopt/rights")
SCRATCH = library("adopt/scratch")
SPLITTING = library("adopt/splitting")
SQLITE = library("database/sqlite")
TRIAL = library("adopt/trial")

READING = [
    Fault(
        "adopt: a view of what is gone is made again",
        Replaced(MYSQL, "code == ER_VIEW_INVALID", "code is None"),
        "project/adopt::test_a_view_that_no_longer_works_is_listed",
    ),
    Fault(
        "adopt: what was rebuilt may drift",
        Replaced(ADOPT, "if rebuilt.state is not State.CURRENT:", "if rebuilt.state is None:"),
        "project/adopt::test_nothing_is_stamped_where_what_was_rebuilt_drifts",
    ),
    Fault(
        "adopt: a link of a table to itself goes into another file",
        Replaced(
            SPLITTING, "        if table in tables and other", "        if not table and other"
        ),
        "unit/splitting::test_what_is_to_stay_together_stays",
    ),
    Fault(
        "adopt: the operator class of an expression is said where nobody finds it",
        Replaced(GENERATOR, "        if sql in operators:\n", "        if not sql:\n"),
        "unit/generator::test_an_index_on_an_expression_says_its_operator_class",
    ),
    Fault(
        "adopt: a type is imported from two places",
        Replaced(GENERATOR, "                general -= names\n", "                pass\n"),
        "unit/generator::test_a_name_that_a_dialect_has_too_is_imported_once",
    ),
    Fault(
        "adopt: an attribute is called like the class that its model speaks of",
        Replaced(GENERATOR, "imported | _said_in(model)", "imported"),
        "unit/generator::test_names_in_capitals_are_told_apart",
    ),
    Fault(
        "adopt: a key to a table that is gone is followed",
        Replaced(REFLECTION, "    if keys:\n", "    if not keys and gone:\n"),
        "project/adopt::test_a_key_to_a_table_that_is_gone_is_a_sentence",
    ),
    Fault(
        "sqlite: a key in other letters leads nowhere",
        Replaced(
            SQLITE, """parent.name = key."table" COLLATE NOCASE""", """parent.name = key."table\""""
        ),
        "unit/database::test_a_key_in_other_letters_leads_to_the_table_as_it_is_called",
    ),
    Fault(
        "adopt: files of a package import each other for good",
        Replaced(GENERATOR, '"if TYPE_CHECKING:"', '"if True:"'),
        "project/adopt::test_a_monolith_goes_apart_into_a_package",
    ),
    Fault(
        "adopt: a table stands after the relationships that speak of it",
        Replaced(
            GENERATOR,
            "key=lambda each: isinstance(each, ModelClass)",
            "key=lambda each: not isinstance(each, ModelClass)",
        ),
        "project/adopt::test_a_monolith_goes_apart_into_a_package",
    ),
    Fault(
        "adopt: what a SQLite key does is not read",
        Replaced(SQLITE, 'if what != "NO ACTION"', "if not what"),
        "unit/database::test_keys_say_what_sqlalchemy_overlooks",
    ),
    Fault(
        "adopt: the order of a key's columns is lost",
        Replaced(
            NORMALIZE, "if column.primary_key]\n    if [", "if column.primary_key]\n    if 0 and ["
        ),
        "project/adopt::test_a_database_comes_aboard[awkward-sqlite]",
    ),
    Fault(
        "adopt: partitions are mapped",
        Replaced(
            REFLECTION,
            "return found - catalog.not_tables(connection)",
            "return found",
        ),
        "project/adopt::test_what_models_cannot_carry_is_made_in_plain_sql",
    ),
    Fault(
        "adopt: what is not carried goes unsaid",
        Replaced(
            TRIAL, "        if each.key not in there and (each", "        if not each.key and (each"
        ),
        "project/adopt::test_what_is_of_other_schemas_is_listed",
    ),
    Fault(
        "adopt: another's table is mapped whole",
        Replaced(NORMALIZE, "    if not is_ours:\n", "    if is_ours is None:\n"),
        "project/adopt::test_a_subset_leaves_the_others_to_others",
    ),
    Fault(
        "adopt: a table already mapped is mapped again",
        Replaced(MODELS, "left_out = ours | mapped_names(", "left_out = ours or mapped_names("),
        "project/adopt::test_more_models_later_leave_the_first_alone",
    ),
    Fault(
        "adopt: an empty database is adopted",
        Replaced(REFLECTION, "    if not there:\n", "    if there is None:\n"),
        "project/adopt::test_nothing_to_map_is_a_sentence",
    ),
]

WRITING = [
    Fault(
        "adopt: the baseline lacks what has no name",
        Replaced(
            BASELINE, "_marked(others, True), _marked(parts, False):", "_marked(others, True):"
        ),
        "unit/baseline::test_marked_parts_are_made_and_other_tables_are_not",
    ),
    Fault(
        "adopt: keys in a circle come with their tables",
        Replaced(
            BASELINE,
            "late = [key for table, keys in in_order(ours) if table is None for key in keys]",
            "late = []",
        ),
        "unit/baseline::test_keys_that_go_round_in_a_circle_come_afterwards",
    ),
    Fault(
        "adopt: a schema is made and never dropped",
        Replaced(BASELINE, "[*extra.undo, *drop_schemas]", "[*extra.undo]"),
        "unit/baseline::test_schemas_and_late_keys_are_operations",
    ),
    Fault(
        "adopt: a colon begins a parameter",
        Replaced(
            TRIAL,
            "StatementOp(escaped(statement))",
            "StatementOp(statement)",
        ),
        "unit/baseline::test_extra_ddl_stands_around_the_tables_and_runs",
    ),
    Fault(
        "adopt: a file that is there is overwritten",
        Replaced(MODELS, "if path.exists()]", "if not path]"),
        "project/adopt::test_a_file_that_is_there_stays",
    ),
    Fault(
        "adopt: sqlacodegen missing is a traceback",
        Replaced(MODELS, "except ModuleNotFoundError", "except KeyError"),
        "project/adopt::test_a_missing_sqlacodegen_is_a_sentence",
    ),
]

COMPARING = [
    Fault(
        "adopt: columns may change places",
        Replaced(
            COMPARISON,
            "if there is not None and _in_common(each, there) != _in_common(there, each):",
            "if there is None:",
        ),
        "unit/comparison_of_databases::test_columns_in_another_order_are_one_sentence",
    ),
    Fault(
        "adopt: a column more puts all after it in another place",
        Replaced(
            COMPARISON, "for name in one.order if name in other.order", "for name in one.order"
        ),
        "unit/comparison_of_databases::test_a_column_more_puts_no_other_in_another_place",
    ),
    Fault(
        "adopt: what is alike in many tables is said of each",
        Replaced(
            COMPARISON, "alike[_pattern(fact), mark", "alike[fact.about + _pattern(fact), mark"
        ),
        "unit/comparison_of_databases"
        "::test_what_is_alike_in_many_tables_is_one_line_with_their_count",
    ),
    Fault(
        "adopt: what only the new database has is no difference",
        Replaced(
            COMPARISON,
            "Differences(one - other, other - one, reordered)",
            "Differences(one - other, frozenset(), reordered)",
        ),
        "unit/comparison_of_databases::test_a_difference_is_a_fact_of_one_database",
    ),
]

STAMPING = [
    Fault(
        "adopt: a stamp without a yes",
        Replaced(ADOPT, "if options.yes or confirmed(", "if url or confirmed("),
        "project/adopt::test_nothing_is_stamped_unless_you_agree",
    ),
    Fault(
        "adopt: standard input is not asked",
        Replaced(ADOPT, "options.yes or confirmed(", "options.yes or len("),
        "project/adopt::test_nothing_is_stamped_unless_you_agree",
    ),
    Fault(
        "adopt: another history is walked over",
        Replaced(FURTHER, "    if reached - known:\n", "    if reached is None:\n"),
        "project/adopt::test_another_history_is_recognised",
    ),
    Fault(
        "adopt: more tables come while revisions wait",
        Replaced(FURTHER, "    if heads != reached:\n", "    if heads is None:\n"),
        "project/adopt::test_more_tables_wait_for_revisions_that_have_not_run",
    ),
    Fault(
        "adopt: a table of before is made again",
        Replaced(FURTHER, "each.key not in there and (", "(each.key or there) and ("),
        "project/adopt::test_more_tables_come_aboard_later",
    ),
    Fault(
        "adopt: several columns are joined by what nobody imports",
        Replaced(GENERATOR, "if len(terms) > 1:", "if len(terms) > 9:"),
        "unit/generator::test_many_to_many_on_itself",
    ),
    Fault(
        "adopt: make prints the URL",
        Replaced(
            f"{TEMPLATE}/Makefile.jinja",
            '--url "$$ADDRESS"',
            "--url=$(call text,url)",
        ),
        "project/adopt::test_make_adopts_and_prints_no_password",
    ),
]

FINISHING = [
    Fault(
        "adopt: whether the revision can be noted is found out at the end",
        Replaced(ADOPT, "    require_stamp(config)\n", ""),
        "project/adopt::test_a_role_that_may_not_stamp_is_told_before_anything_is_written",
    ),
    Fault(
        "adopt: a read-only role is found out at the end",
        Replaced(RIGHTS, "    if said.read_only:\n", "    if said.read_only is None:\n"),
        "project/adopt::test_a_role_that_only_reads_is_told_before_anything_is_written",
    ),
    Fault(
        "adopt: a file that is only read is found out at the end",
        Replaced(RIGHTS, "if not any(str(code)", "if any(str(code)"),
        "project/adopt::test_a_sqlite_file_that_is_not_written_is_told_before_anything_is",
    ),
    Fault(
        "creation: nobody says what allows a database",
        Replaced(CREATION, "if not codes(error.orig) & NOT_ALLOWED:", "if error:"),
        "project/adopt::test_a_role_that_makes_no_databases_is_told_before_anything_is_written",
    ),
    Fault(
        "adopt: scratch databases of any kind",
        Replaced(SCRATCH, "elif _kind(url) != _kind(self._beside):", "elif not url:"),
        "project/adopt::test_scratch_is_of_the_same_kind",
    ),
    Fault(
        "adopt: half a run leaves its files",
        Replaced(MADE, "        made.delete()\n", ""),
        "project/adopt::test_a_run_that_failed_half_way_runs_again",
    ),
    Fault(
        "adopt: what is to be mended is taken away",
        Replaced(MADE, "    except ToBeMended:\n        raise\n", ""),
        "project/adopt::test_models_to_be_mended_stay",
    ),
]

FAULTS = [*READING, *WRITING, *COMPARING, *STAMPING, *FINISHING]
