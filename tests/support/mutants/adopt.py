"""Faults in bringing an existing database aboard."""

from support.mutants.faults import TEMPLATE, Fault, Replaced, library

ADOPT = library("adopt/adopt")
BASELINE = library("adopt/baseline")
COMPARISON = library("adopt/comparison")
EXTRA_DDL = library("adopt/extra_ddl")
MODELS = library("adopt/models")
NORMALIZE = library("adopt/normalize")
REFLECTION = library("adopt/reflection")
SQLITE = library("database/sqlite")

READING = [
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
            "return there - mapped - catalog.not_tables(connection)",
            "return there - mapped",
        ),
        "project/adopt::test_what_models_cannot_carry_is_listed",
    ),
    Fault(
        "adopt: triggers and functions go unsaid",
        Replaced(
            EXTRA_DDL,
            "for each in catalog.no_models(connection) if",
            "for each in [] if",
        ),
        "project/adopt::test_what_models_cannot_carry_is_listed",
    ),
    Fault(
        "adopt: another's table is mapped whole",
        Replaced(NORMALIZE, "    if not is_ours:\n", "    if is_ours is None:\n"),
        "project/adopt::test_a_subset_leaves_the_others_to_others",
    ),
    Fault(
        "adopt: a table already mapped is mapped again",
        Replaced(REFLECTION, "return there - mapped - catalog", "return there - catalog"),
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
            BASELINE,
            r'ops.ExecuteSQLOp(statement.replace(":", "\\:"))',
            "ops.ExecuteSQLOp(statement)",
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
        Replaced(COMPARISON, 'position if part == "columns" else None', "None"),
        "unit/comparison_of_databases::test_columns_in_another_order_differ_unless_order_does_not_count",
    ),
    Fault(
        "adopt: the place of a column counts where it does not",
        Replaced(COMPARISON, "return replace(self, position=None)", "return self"),
        "unit/comparison_of_databases::test_columns_in_another_order_differ_unless_order_does_not_count",
    ),
    Fault(
        "adopt: the place of a column is read out of what is said of it",
        Replaced(
            COMPARISON,
            "return replace(self, position=None)",
            'cut = {name: re.sub(r", position=\\d+", "", said) for name, said in self.details}\n'
            "        return replace(self, position=None, details=tuple(cut.items()))",
        ),
        "unit/comparison_of_databases::test_a_default_of_that_text_is_not_a_position",
    ),
    Fault(
        "adopt: what only the new database has is no difference",
        Replaced(
            COMPARISON,
            "Differences(one - other, other - one)",
            "Differences(one - other, frozenset())",
        ),
        "unit/comparison_of_databases::test_a_difference_is_a_fact_of_one_database",
    ),
]

STAMPING = [
    Fault(
        "adopt: a stamp without a yes",
        Replaced(ADOPT, "if not (options.yes or", "if 0 and (options.yes or"),
        "project/adopt::test_nothing_is_stamped_unless_you_agree",
    ),
    Fault(
        "adopt: standard input is not asked",
        Replaced(ADOPT, "options.yes or confirmed(", "options.yes or len("),
        "project/adopt::test_nothing_is_stamped_unless_you_agree",
    ),
    Fault(
        "adopt: another history is walked over",
        Replaced(ADOPT, "    if heads:\n", "    if heads is None:\n"),
        "project/adopt::test_another_history_is_recognised",
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

FAULTS = [*READING, *WRITING, *COMPARING, *STAMPING]
