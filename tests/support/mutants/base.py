"""Faults in what all of the library stands on: which database, names, messages, layers, models."""

from support.mutants.faults import LIBRARY, TEMPLATE, Added, Fault, Replaced, library

NAMES = library("names")
PRIVATE = library("private")
URL = library("settings/url")
ERRORS = library("settings/errors")
SOURCE = library("history/source")
STATUS = library("history/status")
GUARD = library("upgrade/guard")
CONSENT = library("autogenerate/consent")
MAPPED = library("autogenerate/mapped")
DISCOVERY = library("autogenerate/discovery")
ENGLISH = library("messages/en")
PORTUGUESE = library("messages/pt")

WHICH_DATABASE = [
    Fault(
        "alembic.ini is passed over",
        Replaced(URL, "if in_ini := _in_ini(config):", "if in_ini := None:"),
        "unit/settings::test_the_first_place_that_names_a_database_wins",
    ),
    Fault(
        "alembic.ini wins over what was asked for",
        Replaced(
            URL,
            "asked = given or _on_the_command_line(config)",
            "asked = given or _in_ini(config) or _on_the_command_line(config)",
        ),
        "unit/settings::test_the_first_place_that_names_a_database_wins",
    ),
    Fault(
        "what was set in Python wins over what was typed",
        Replaced(
            URL,
            'given or _on_the_command_line(config) or config.attributes.get("url")',
            'given or config.attributes.get("url") or _on_the_command_line(config)',
        ),
        "unit/settings::test_the_first_place_that_names_a_database_wins",
    ),
    Fault(
        "the URL for migrations is passed over",
        Replaced(
            URL,
            "return _in_the_environment(FOR_MIGRATIONS)",
            "return _in_the_environment(FOR_THE_SERVICE)",
        ),
        "unit/settings::test_the_first_place_that_names_a_database_wins",
    ),
    Fault(
        "the service uses the URL for migrations",
        Replaced(
            URL,
            "url = _in_the_environment(FOR_THE_SERVICE).url",
            "url = _in_the_environment(FOR_MIGRATIONS).url",
        ),
        "unit/settings::test_the_service_knows_nothing_of_the_migrations_own_url",
    ),
    Fault(
        "check asks the service's database whatever alembic.ini says",
        Replaced(
            STATUS,
            "from alambique.settings import migration_url\n",
            "from alambique.settings import service_url\n\n"
            "migration_url = lambda config: service_url()\n",
        ),
        "unit/status::test_the_url_in_alembic_ini_counts",
    ),
    Fault(
        "a plan is made for another database",
        Replaced(
            library("history/plan"),
            "database = current_heads(config)",
            "from alambique.settings import alembic_config, service_url\n"
            "    database = current_heads(alembic_config(service_url()))",
        ),
        "unit/plan::test_the_copy_is_of_the_database_that_alembic_ini_names",
    ),
    Fault(
        "the URL given to a command is lost",
        Replaced(STATUS, "url = migration_url(config) if", "url = migration_url() if"),
        "unit/status::test_a_url_given_to_the_command_wins",
    ),
    Fault(
        "a wrong setting ends the process",
        Replaced(ERRORS, "class InvalidSetting(ValueError):", "class InvalidSetting(SystemExit):"),
        "project/api::test_importing_the_database_raises_and_never_ends_the_process",
    ),
    Fault(
        "a missing URL ends the process",
        Replaced(URL, "raise InvalidSetting(messages.URL_MISSING)", "raise SystemExit(1)"),
        "unit/settings::test_nothing_said_is_a_sentence",
    ),
]

WHICH_TABLE = [
    Fault(
        "a revision's schema is not read",
        Replaced(
            SOURCE,
            'return TableName(said.get(argument, ""), said.get("schema"))',
            'return TableName(said.get(argument, ""))',
        ),
        "unit/source::test_tables_and_columns_are_named_as_in_the_call",
    ),
    Fault(
        "a name with a dot is cut apart",
        Replaced(
            SOURCE,
            'return TableName(said.get(argument, ""), said.get("schema"))',
            'schema, _, name = said.get(argument, "").rpartition(".")\n'
            '    return TableName(name, said.get("schema") or schema or None)',
        ),
        "unit/source::test_a_dot_is_part_of_a_name",
    ),
    Fault(
        "a name with a dot is said without quotes",
        Replaced(NAMES, """if "." in part or '"' in part:""", """if '"' in part:"""),
        "unit/names::test_a_table_is_written_as_it_is_read",
    ),
    Fault(
        "what was typed is cut at each dot",
        Replaced(CONSENT, "return tuple(split(text))", 'return tuple(text.split("."))'),
        "unit/renames::test_a_table_with_a_dot_in_its_name_is_one_table",
    ),
    Fault(
        "the schema is no part of a name",
        Replaced(NAMES, "return cls(str(table.name), table.schema)", "return cls(str(table.name))"),
        "unit/names::test_names_come_from_tables_and_operations",
    ),
    Fault(
        "any schema is the default one",
        Replaced(
            NAMES,
            "if self.schema is not None and self.schema == default_schema:",
            "if self.schema is not None:",
        ),
        "unit/names::test_a_table_of_a_schema_is_not_its_namesake",
    ),
    Fault(
        "a table with a dot is one of a schema",
        Replaced(
            MAPPED,
            "if table is not None and TableName.of(table) == way:",
            "if table is not None:",
        ),
        "unit/filters::test_what_was_read_from_the_database_is_looked_up_by_name",
    ),
]

LANGUAGES_AND_LAYERS = [
    Fault(
        "a message in one language only",
        Added(ENGLISH, '\nONLY_HERE = "What Portuguese does not say."\n'),
        "unit/messages::test_both_languages_have_the_same_messages",
    ),
    Fault(
        "a message lacks a field in one language",
        Replaced(PORTUGUESE, 'ROWS = "{name}: {rows}', 'ROWS = "{name}'),
        "unit/messages::test_a_message_has_the_same_fields_in_both",
    ),
    Fault(
        "a message that nobody says",
        Added(ENGLISH, '\nUNHEARD = "Nobody says this."\n'),
        "unit/messages::test_no_message_is_left_over",
    ),
    Fault(
        "a message without what it speaks of",
        Replaced(GUARD, "messages.ROWS.format(name=loss.name, rows=", "messages.ROWS.format(rows="),
        "unit/messages::test_a_message_gets_exactly_its_fields",
    ),
    Fault(
        "an import upward between layers",
        Added(library("upgrade/waiting"), "\n\nfrom alambique.history import git  # noqa\n"),
        "unit/layers::test_imports_go_downward",
    ),
    Fault(
        "an import upward that hides in a function",
        Added(
            library("database/tables"),
            "\n\ndef up() -> None:\n    from alambique.commands import ensure_current  # noqa\n",
        ),
        "unit/layers::test_imports_go_downward",
    ),
    Fault(
        "an import in a circle",
        Added(
            library("history/script"),
            "\n\ndef around() -> None:\n    from alambique.history import git  # noqa\n",
        ),
        "unit/layers::test_nothing_imports_in_a_circle",
    ),
    Fault(
        "a module that has no layer",
        Added(f"{LIBRARY}/utils.py", '"""Everything else."""\n'),
        "unit/layers::test_each_part_has_its_place",
    ),
    Fault(
        "a private use without a canary",
        Added(PRIVATE, "\n\ndef unheard_of() -> str:\n    return render.__name__\n"),
        "unit/private::test_every_private_use_has_a_canary",
    ),
    Fault(
        "Jinja in the library",
        Added(library("text"), '\nLANGUAGE = "{{ language }}"\n'),
        "unit/messages::test_no_file_of_the_library_is_a_template",
    ),
    Fault(
        "importing the library imports Alembic",
        Added(library("__init__"), "\nimport alembic  # noqa\n"),
        "unit/public::test_importing_it_does_not_import_alembic",
    ),
]

MODELS = [
    Fault(
        "core/policy.py is passed over",
        Replaced(
            DISCOVERY,
            "here = project_with_policy()\n    _make_importable(here.root)\n\n",
            "here = project()\n    _make_importable(here.root)\n\n",
        ),
        "unit/discovery::test_policy_wins",
    ),
    Fault(
        "extra-models is passed over",
        Replaced(DISCOVERY, "for path in here.extra_models]", "for path in ()]"),
        "unit/discovery::test_extra_models_are_modules_or_classes",
    ),
    Fault(
        "a wrong setting is said to be the model's fault",
        Replaced(
            DISCOVERY,
            "    except InvalidSetting:  # a wrong DATABASE_URL, say, is no fault of the model\n"
            "        raise\n",
            "",
        ),
        "unit/discovery::test_a_wrong_setting_is_no_fault_of_the_model",
    ),
    Fault(
        "what 1.x called create_migration's consent is refused",
        Replaced(library("commands"), "x = [*consent, *said]", "x = [*consent]"),
        "unit/public::test_a_loss_needs_consent",
    ),
    Fault(
        "a name of 1.x is gone from core.migrations",
        Replaced(
            f"{TEMPLATE}/core/migrations.py",
            "    pending_revisions,\n    revert_migrations,\n)\n",
            "    revert_migrations,\n)\n",
        ),
        "project/api::test_the_functions_need_no_current_directory",
    ),
    Fault(
        "python -m core.migrations check always ends in 0",
        Replaced(f"{TEMPLATE}/core/migrations.py", "sys.exit(main())", "main()"),
        "project/api::test_a_malformed_url_is_one_sentence",
    ),
]

FAULTS = [*WHICH_DATABASE, *WHICH_TABLE, *LANGUAGES_AND_LAYERS, *MODELS]
