"""Faults in a generated revision: a false alarm, a change missed, a line that does not run."""

from support.mutants.faults import Fault, Replaced, library

ENV = library("env")
TEXT = library("text")
FORMATTING = library("formatting")
DIRECTIVES = library("autogenerate/directives")
FILTERS = library("autogenerate/filters")
ORDER = library("autogenerate/order")
PLUGIN = library("autogenerate/plugin")
RENDERING = library("autogenerate/rendering")
DATABASE = "variants/sync/core/database.py"

COMPARISON = [
    Fault(
        "defaults are compared word by word",
        Replaced(
            PLUGIN,
            "stored = mapped if after is None else stored_column(context, mapped)",
            "stored = mapped",
        ),
        "unit/rendering::test_what_create_all_makes_is_equal",
    ),
    Fault(
        "types are compared word by word",
        Replaced(
            PLUGIN, "if stored is not None and repr(stored.type)", "if not stored and repr(stored)"
        ),
        "project/comparison::test_what_create_all_makes_is_equal",
    ),
    Fault(
        "another direction is another index",
        Replaced(
            FILTERS,
            "if self.dialect is None or self.dialect.name ==",
            "if self or self.dialect.name ==",
        ),
        "unit/filters::test_a_direction_that_the_database_does_not_tell_is_no_difference",
    ),
    Fault(
        "another default is none",
        Replaced(PLUGIN, "        operation.modify_server_default = after\n", "        pass\n"),
        "unit/rendering::test_what_create_all_makes_is_equal",
    ),
    Fault(
        "another type is none",
        Replaced(ENV, '"compare_type": True,', '"compare_type": False,'),
        "project/comparison::test_each_change_is_found",
    ),
]

REVISIONS = [
    Fault(
        "types are written as the application's",
        Replaced(RENDERING, "    if isinstance(type_, TypeDecorator):", "    if type_ is None:"),
        "unit/rendering::test_types_are_written_as_what_they_are",
    ),
    Fault(
        "an Enum's type is made by nobody",
        Replaced(DIRECTIVES, "    create_enums(migration, upgrade, downgrade)\n", ""),
        "project/revisions::test_an_enum_comes_and_goes",
    ),
    Fault(
        "an Enum's members are passed over",
        Replaced(PLUGIN, "before.enums != after.enums:", "not before:"),
        "unit/rendering::test_other_members_of_a_native_enum_are_not_passed_over",
    ),
    Fault(
        "an index is dropped before its table",
        Replaced(
            ORDER,
            "if not (isinstance(op, ops.ModifyTableOps) and TableName.of_operation(op) in gone)",
            "if op not in gone",
        ),
        "project/revisions::test_an_indexed_foreign_key_can_be_undone",
    ),
    Fault(
        "a parent is dropped before its children",
        Replaced(ORDER, "return [*others, *reversed(parents_first)]", "return operations"),
        "unit/renames::test_children_are_dropped_before_their_parents",
    ),
    Fault(
        "two constraints of one name",
        Replaced(
            DATABASE, "uq_%(table_name)s_%(column_0_N_name)s", "uq_%(table_name)s_%(column_0_name)s"
        ),
        "project/revisions::test_every_constraint_has_the_name_of_the_convention",
    ),
    Fault(
        "accents in a file's name",
        Replaced(TEXT, 'encode("ascii", "ignore").decode()', "strip()"),
        "project/revisions::test_a_file_name_can_be_carried_anywhere",
    ),
    Fault(
        "a revision left unformatted without a word",
        Replaced(
            FORMATTING,
            "raise CommandError(messages.NOT_FORMATTED",
            "print(messages.NOT_FORMATTED",
        ),
        "project/revisions::test_a_revision_that_cannot_be_formatted_is_an_error",
    ),
]

FAULTS = [*COMPARISON, *REVISIONS]
