"""Faults in the answer to "is it ours?"."""

from support.mutants.faults import Fault, Replaced, library

ENV = library("env")
FILTERS = library("autogenerate/filters")
MAPPED = library("autogenerate/mapped")
MARKS = library("autogenerate/marks")
SOURCE = library("history/source")

FAULTS = [
    Fault(
        "tables of others are ours",
        Replaced(
            ENV,
            '_both(ours.include_name, said.get("include_name"))',
            'said.get("include_name")',
        ),
        "project/ownership::test_every_table_and_its_parts",
    ),
    Fault(
        "a filter of the caller's brings back what is marked",
        Replaced(
            ENV,
            '_both(ours.include_object, said.get("include_object"))',
            'said.get("include_object") or ours.include_object',
        ),
        "unit/env::test_a_filter_of_the_callers_brings_nothing_back",
    ),
    Fault(
        "a table is ours by its bare name",
        Replaced(
            FILTERS,
            'return TableName(name, parent_names["schema_name"]) in self.tables',
            "return name in {table.name for table in self.tables}",
        ),
        "unit/filters::test_a_table_is_ours_by_its_schema_and_name",
    ),
    Fault(
        "a table without a model is nobody's",
        Replaced(FILTERS, "return frozenset(mapped | created)", "return frozenset(mapped)"),
        "unit/filters::test_ours_is_what_is_mapped_or_was_created",
    ),
    Fault(
        "a renamed table is nobody's",
        Replaced(
            SOURCE,
            "                tables.update({operation.new_table} if operation.new_table else ())\n",
            "",
        ),
        "unit/source::test_the_tables_of_a_history_are_those_that_are_left",
    ),
    Fault(
        "every schema is read",
        Replaced(FILTERS, "= bool(self.schemas)", "= True"),
        "project/ownership::test_other_schemas_are_read_only_when_one_is_ours",
    ),
    Fault(
        "the default schema by its name is another one",
        Replaced(
            MAPPED,
            "return {TableName.of(table).within(default_schema) for table in tables}",
            "return {TableName.of(table) for table in tables}",
        ),
        "unit/filters::test_ours_is_what_is_mapped_or_was_created",
    ),
    Fault(
        "views are tables",
        Replaced(FILTERS, "if isinstance(item, sa.Table) and is_view(item):", "if item is None:"),
        "unit/filters::test_views_and_what_other_databases_have_are_left_out",
    ),
    Fault(
        "ddl_if is passed over",
        Replaced(
            FILTERS, "return not private.is_created_on(item, self.dialect)", "return item is None"
        ),
        "unit/filters::test_views_and_what_other_databases_have_are_left_out",
    ),
    Fault(
        "a new table takes what is marked along",
        Replaced(FILTERS, "        if isinstance(op, ops.CreateTableOp):", "        if not op:"),
        "unit/filters::test_a_new_table_leaves_out_what_is_marked",
    ),
    Fault(
        "a key to a marked table is written",
        Replaced(MARKS, "for key in item.elements:", "for key in ():"),
        "unit/filters::test_what_is_marked_and_what_depends_on_it",
    ),
    Fault(
        "an object must have info",
        Replaced(MARKS, 'getattr(item, "info", None) or {}', "item.info"),
        "unit/filters::test_objects_of_extensions_do_no_harm",
    ),
]
