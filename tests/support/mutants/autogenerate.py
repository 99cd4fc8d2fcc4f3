"""Faults in a generated revision: a false alarm, a change missed, a line that does not run."""

from support.mutants.faults import Fault, Replaced, library

ENV = library("env")
TEXT = library("text")
FORMATTING = library("formatting")
CHECKS = library("autogenerate/checks")
DEFAULTS = library("autogenerate/defaults")
LAST_LOOK = library("autogenerate/last_look")
FILTERS = library("autogenerate/filters")
DEFINITIONS = library("autogenerate/definitions")
EXCLUSIONS = library("autogenerate/exclusions")
IMPLIED = library("autogenerate/implied")
NAMELESS = library("autogenerate/nameless")
ORDER = library("autogenerate/order")
CIRCLES = library("autogenerate/circles")
PLUGIN = library("autogenerate/plugin")
ENUM_MEMBERS = library("autogenerate/enum_members")
PRIMARY_KEYS = library("autogenerate/primary_keys")
REDEFINED = library("autogenerate/redefined")
STORED = library("autogenerate/stored")
USING = library("autogenerate/using")
RENDERING = library("autogenerate/rendering")
DATABASE = "variants/sync/core/database.py"

COMPARISON = [
    Fault(
        "defaults are compared word by word",
        Replaced(
            DEFAULTS,
            "stored = mapped if mapped.server_default is None else stored_column(context, mapped)",
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
        Replaced(
            PLUGIN, "if not is_same_default(context, found, mapped):", "if not (found or mapped):"
        ),
        "unit/defaults::test_what_rows_get_otherwise_is_a_change",
    ),
    Fault(
        "defaults are what the database writes down, not what it does",
        Replaced(DEFAULTS, "not effect.isdisjoint(others)", "not effect"),
        "unit/defaults::test_what_rows_get_alike_is_equal",
    ),
    Fault(
        "what a type raises is a traceback",
        Replaced(
            PLUGIN,
            "    except Exception as error:  # a type of the application's may raise anything\n",
            "    except LookupError as error:\n",
        ),
        "unit/defaults::test_a_type_that_the_database_lacks_ends_in_no_traceback",
    ),
    Fault(
        "a type that cannot be said keeps its table's CHECKs from being read",
        Replaced(STORED, "or not _is_spoken(column, dialect)", "or not dialect"),
        "unit/defaults::test_a_type_that_the_database_lacks_ends_in_no_traceback",
    ),
    Fault(
        "two calls that give the same today are one",
        Replaced(DEFAULTS, "if CALLS.intersection(", "if not CALLS and CALLS.intersection("),
        "unit/defaults::test_what_rows_get_otherwise_is_a_change",
    ),
    Fault(
        "PostgreSQL's now() is another moment",
        Replaced(DEFAULTS, "current if it[0] == now else it[0]", "it[0]"),
        "unit/defaults::test_what_rows_get_alike_is_equal",
    ),
    Fault(
        "an Identity is a change where there is none",
        Replaced(PLUGIN, "if not context.dialect.supports_identity_columns:", "if False:"),
        "unit/defaults::test_an_identity_is_none_where_the_database_has_none",
    ),
    Fault(
        "an Identity in place of a default is left to an assertion of Alembic's",
        Replaced(PLUGIN, "elif not plain_before:", "else:"),
        "unit/defaults::test_an_identity_in_place_of_a_default_is_a_change",
    ),
    Fault(
        "what models leave to the database goes",
        Replaced(PLUGIN, "if is_left_to_the_database(after):", "if not after and not before:"),
        "unit/defaults::test_what_models_leave_to_the_database_stays",
    ),
    Fault(
        "what is computed is compared word by word",
        Replaced(PLUGIN, "and is_same_computed(context, found, mapped):", "and found is mapped:"),
        "unit/defaults::test_what_is_computed_is_compared_in_the_databases_words",
    ),
    Fault(
        "another condition is none",
        Replaced(
            CHECKS,
            "if read[old.words] not in {read[each.words] for each in now}",
            "if not now",
        ),
        "unit/checks::test_another_condition_is_written",
    ),
    Fault(
        "conditions are compared word by word",
        Replaced(
            CHECKS,
            "if read[old.words] not in {read[each.words] for each in now}",
            "if now",
        ),
        "unit/checks::test_what_create_all_makes_is_equal",
    ),
    Fault(
        "what a server writes it is not asked to read again",
        Replaced(STORED, "MOST_READINGS = 5", "MOST_READINGS = 1"),
        "unit/checks::test_what_create_all_makes_is_equal",
    ),
    Fault(
        "a CHECK without a name says nothing",
        Replaced(CHECKS, "gone.remove(same)", "pass"),
        "unit/checks::test_one_without_a_name_is_the_one_that_says_the_same",
    ),
    Fault(
        "each default is asked about by itself",
        Replaced(
            STORED,
            "        options[KNOWN] = _stored_defaults(context)",
            "        options[KNOWN] = {}",
        ),
        "unit/defaults::test_the_server_is_asked_once_about_all_defaults",
    ),
    Fault(
        "a table without CHECKs is made anew to read none",
        Replaced(STORED, "    if not conditions:\n        return {}\n", ""),
        "unit/checks::test_tables_without_checks_are_asked_about_together",
    ),
    Fault(
        "the day in Tokyo is the session's",
        Replaced(DEFAULTS, "is_equal = bool(rows.scalar()) and is_equal", "is_equal = True"),
        "unit/defaults::test_what_rows_get_otherwise_is_a_change",
    ),
    Fault(
        "a function of the application's is called to see what it gives",
        Replaced(DEFAULTS, "if is_time and not calls_others and", "if is_time and"),
        "unit/defaults::test_a_function_of_the_applications_is_not_called",
    ),
    Fault(
        "a primary key of other columns is the same",
        Replaced(
            PRIMARY_KEYS,
            "if _names(found) == _names(mapped) and before == after:",
            "if before == after:",
        ),
        "unit/redefined::test_what_says_something_else_is_written",
    ),
    Fault(
        "a primary key that waits is the same",
        Replaced(
            PRIMARY_KEYS,
            "if _names(found) == _names(mapped) and before == after:",
            "if _names(found) == _names(mapped):",
        ),
        "unit/redefined::test_a_primary_key_that_waits",
    ),
    Fault(
        "a counter of MySQL's leaves the primary key",
        Replaced(PRIMARY_KEYS, 'dialect.name in ("mysql", "mariadb") or says_more', "says_more"),
        "unit/redefined::test_a_counter_stays_in_the_primary_key",
    ),
    Fault(
        "an EXCLUDE goes unasked",
        Replaced(EXCLUSIONS, "drop.lost, drop.columns = name, ", "drop.columns = "),
        "unit/redefined::test_what_says_something_else_is_written",
    ),
    Fault(
        "indexes are compared word by word",
        Replaced(
            REDEFINED, "return alike, known - same", "return alike, there.keys() - (alike - known)"
        ),
        "unit/redefined::test_another_way_to_say_it_is_none",
    ),
    Fault(
        "another condition of an index is none on SQLite",
        Replaced(REDEFINED, "if read[before] != read[after]:", "if not read:"),
        "unit/redefined::test_what_says_something_else_is_written",
    ),
    Fault(
        "a UNIQUE that waits comes back as one that does not",
        Replaced(REDEFINED, "and found_options(definition) != Options():", "and not found:"),
        "unit/redefined::test_what_says_something_else_is_written",
    ),
    Fault(
        "a condition's percent sign is doubled",
        Replaced(LAST_LOOK, "    say_conditions(AutogenContext(migration), upgrade)\n", ""),
        "unit/redefined::test_what_says_something_else_is_written",
    ),
    Fault(
        "a renamed column makes another index",
        Replaced(
            DEFINITIONS,
            "made += [*parts, *renames] if in_old_words",
            "made += [*parts] if in_old_words",
        ),
        "unit/redefined::test_columns_that_are_renamed_are_renamed_in_conditions",
    ),
    Fault(
        "the index under a key stays behind",
        Replaced(IMPLIED, "if not is_under or is_needed", "if is_under or is_needed"),
        "unit/nameless::test_the_index_under_a_key_goes_with_it",
    ),
    Fault(
        "a type that is not cast is written without USING",
        Replaced(LAST_LOOK, "    say_using(AutogenContext(migration), upgrade)\n", ""),
        "unit/using::test_values_get_the_other_type_and_back",
    ),
    Fault(
        "USING is the same on the way back",
        Replaced(USING, "self.using_back, self.using)", "self.using, self.using_back)"),
        "unit/using::test_values_get_the_other_type_and_back",
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
        Replaced(RENDERING, "    if isinstance(type_, TypeDecorator) and", "    if not type_ and"),
        "unit/rendering::test_types_are_written_as_what_they_are",
    ),
    Fault(
        "an Interval is written as the DateTime behind it",
        Replaced(RENDERING, 'startswith("sqlalchemy.")', 'startswith("sqlalchemy..")'),
        "unit/rendering::test_a_decorator_of_sqlalchemys_is_alembics_to_write",
    ),
    Fault(
        "an application's type is the same on every database",
        Replaced(RENDERING, "return type_.load_dialect_impl(plain)", "return type_.impl_instance"),
        "unit/rendering::test_a_type_of_an_applications_is_what_it_is_on_the_database",
    ),
    Fault(
        "an Enum's type is made by nobody",
        Replaced(LAST_LOOK, "    create_enums(migration, upgrade, downgrade)\n", ""),
        "project/revisions::test_an_enum_comes_and_goes",
    ),
    Fault(
        "an Enum's members are passed over",
        Replaced(ENUM_MEMBERS, "return before.enums != now.enums", "return False"),
        "unit/rendering::test_other_members_of_a_native_enum_are_a_change_of_its_type",
    ),
    Fault(
        "a member goes while a default is still the one",
        Replaced(ENUM_MEMBERS, "[*first, *upgrade.ops, *last]", "[*first, *last, *upgrade.ops]"),
        "project/revisions::test_a_member_goes_once_somebody_said_so",
    ),
    Fault(
        "a new member is put anywhere",
        Replaced(ENUM_MEMBERS, """ AFTER {_literal(op.after[place - 1])}\"""", """\""""),
        "project/revisions::test_other_members_of_a_native_enum_are_written",
    ),
    Fault(
        "a type is made anew under a view",
        Replaced(ENUM_MEMBERS, "    if dependents:\n", "    if not dependents:\n"),
        "project/revisions::test_a_type_that_something_speaks_of_is_not_made_anew",
    ),
    Fault(
        "an index is dropped before its table",
        Replaced(ORDER, "[each for each in op.ops if _drops_key(each)]", "list(op.ops)"),
        "project/revisions::test_an_indexed_foreign_key_can_be_undone",
    ),
    Fault(
        "a key is made before the table it refers to",
        Replaced(CIRCLES, "_target(key, dialect) in later", "key in later"),
        "project/revisions::test_tables_that_refer_to_each_other_come_and_go",
    ),
    Fault(
        "the keys of a circle are dropped with their tables",
        Replaced(CIRCLES, "(targets[name] & tables.keys()) - seen", "name not in seen"),
        "project/revisions::test_tables_that_refer_to_each_other_come_and_go",
    ),
    Fault(
        "a parent is dropped before its children",
        Replaced(ORDER, "return [*others, *reversed(in_turn)]", "return operations"),
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

WITHOUT_A_NAME = [
    Fault(
        "a key that has no name cannot be dropped again",
        Replaced(LAST_LOOK, "    give_names(upgrade, migration.dialect)\n", ""),
        "unit/nameless::test_what_is_written_runs",
    ),
    Fault(
        "a batch is not told how what has no name is called",
        Replaced(
            NAMELESS,
            "if any(isinstance(op, ops.DropConstraintOp)",
            "if not any(isinstance(op, ops.DropConstraintOp)",
        ),
        "unit/nameless::test_what_is_written_runs",
    ),
    Fault(
        "of several CHECKs without a name that changed, none comes again",
        Replaced(CHECKS, "if len(old) == len(now):", "if len(old) == len(now) == 1:"),
        "unit/checks::test_several_without_a_name_take_the_places_of_as_many",
    ),
]

FAULTS = [*COMPARISON, *REVISIONS, *WITHOUT_A_NAME]
