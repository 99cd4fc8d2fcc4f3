"""Faults in what env.py says, who hears it, and how constraints are called."""

from support.mutants.faults import Fault, Replaced, library

ENV = library("env")
ENVIRONMENT = library("history/environment")
STATUS = library("history/status")
NAMING = library("autogenerate/naming")
FILTERS = library("autogenerate/filters")
DIRECTIVES = library("autogenerate/directives")
ON_DEMAND = library("autogenerate/on_demand")
TIMEOUTS = library("database/timeouts")
LOOP = library("database/own_loop")
ENGINE = library("database/engine")
PRIVATE = library("private")
HEADS = library("history/heads")

NAMES = [
    Fault(
        "no command but a comparison knows the naming convention",
        Replaced(
            ENV,
            '        "target_metadata": ours.models,\n        "include_name"',
            '        "include_name"',
        ),
        "unit/naming::test_an_upgrade_names_as_the_models_do",
    ),
    Fault(
        "each table of a revision imports the application",
        Replaced(NAMING, "if not private.is_about_columns(naming):", "if False:"),
        "unit/naming::test_what_says_its_names_imports_nothing",
    ),
    Fault(
        "naming-convention is passed over",
        Replaced(NAMING, "if said is not None:", "if False:"),
        "unit/naming::test_a_setting_says_it_without_an_import",
    ),
    Fault(
        "naming-convention may say what the models do not",
        Replaced(FILTERS, "        require_convention_of(self.metadata)\n", ""),
        "unit/naming::test_a_setting_that_the_models_contradict_is_said_where_they_are_compared",
    ),
    Fault(
        "of metadata that disagree, the first one's convention counts",
        Replaced(NAMING, "if conventions and is_one else None", "if conventions else None"),
        "unit/naming::test_several_metadata_name_as_they_agree",
    ),
    Fault(
        "a list in target_metadata has a convention",
        Replaced(
            NAMING,
            "if isinstance(self._given, MetaData) else NONE",
            "if isinstance(self._given, MetaData) else (agreed(self._given) or NONE)",
        ),
        "unit/naming::test_models_that_env_py_gives_name_as_alembic_has_it",
    ),
]
HEARD = [
    Fault(
        "check asks alembic_version, whatever env.py says",
        Replaced(
            STATUS,
            "database = current_heads(config) if compare else heads_at_once(config)",
            "with connected(config) as asked:\n"
            "        database = MigrationContext.configure(asked).get_current_heads()",
        ),
        "unit/heard::test_every_command_asks_the_table_that_env_py_names",
    ),
    Fault(
        "the schema of the version table is passed over",
        Replaced(STATUS, '"version_table_schema": table.schema', '"version_table_schema": None'),
        "unit/heard::test_a_table_in_a_schema",
    ),
    Fault(
        "env.py is run each time that a probe asks",
        Replaced(ENVIRONMENT, "if key not in _heard:", "if True:"),
        "unit/heard::test_readiness_runs_env_py_once",
    ),
    Fault(
        "an env.py that has changed is not heard again",
        Replaced(ENVIRONMENT, "str(place), changed, tuple(typed", "str(place), tuple(typed"),
        "unit/heard::test_readiness_runs_env_py_once",
    ),
    Fault(
        "a URL that env.py sets is heard once",
        Replaced(ENVIRONMENT, "in heard.ini.items():", "in ():"),
        "unit/heard::test_a_database_that_env_py_names",
    ),
    Fault(
        "whoever asks in the middle of a command ends it",
        Replaced(PRIVATE, "                proxy._install_proxy()\n", "                pass\n"),
        "unit/heard::test_a_program_that_asks_in_the_middle_of_a_command",
    ),
    Fault(
        "a plan is made by an env.py that upgrades its own database",
        Replaced(HEADS, "    require_obedience(config)\n", ""),
        "unit/heard::test_one_that_connects_by_itself_is_not_sent_elsewhere",
    ),
    Fault(
        "a database that is asked about is that of env.py",
        Replaced(STATUS, "    require_obedience(config)\n", ""),
        "unit/heard::test_one_that_connects_by_itself_is_not_sent_elsewhere",
    ),
    Fault(
        "one section is heard for all",
        Replaced(
            ENVIRONMENT, "config.config_file_name, section, str", "config.config_file_name, str"
        ),
        "unit/heard::test_each_section_is_heard_for_itself",
    ),
    Fault(
        "directives of the caller's take the place of ours",
        Replaced(DIRECTIVES, "if directives and not migration.opts[REVIEWED]:", "if False:"),
        "unit/heard::test_directives_of_their_own_come_before_ours",
    ),
    Fault(
        "render_item of the caller's takes the place of ours",
        Replaced(
            ON_DEMAND, "if said is None or said is False else said", "if said is None else said"
        ),
        "unit/heard::test_a_rendering_of_their_own",
    ),
]
OWN_LOOP = [
    Fault(
        "async-driver is passed over",
        Replaced(
            ENGINE,
            "    url = migration_driver(url)\n",
            "    from alambique.settings import sync_driver\n    url = sync_driver(url)\n",
        ),
        "unit/own_loop::test_there_and_back_on_the_urls_driver",
    ),
    Fault(
        "asyncpg waits for a table for ever",
        Replaced(
            TIMEOUTS, '{"server_settings": {"lock_timeout": str(wait["lock_timeout"])}}', "{}"
        ),
        "unit/own_loop::test_a_table_that_somebody_holds",
    ),
    Fault(
        "what was given up on a loop goes on",
        Replaced(LOOP, "                future.cancel()\n", ""),
        "unit/own_loop::test_ctrl_c_while_a_statement_runs",
    ),
    Fault(
        "what the network says through asyncpg is a traceback",
        Replaced(LOOP, "except OSError as error:", "except ZeroDivisionError as error:"),
        "unit/own_loop::test_a_server_that_does_not_let_us_in",
    ),
]
WRITTEN = [
    Fault(
        "a convention that is bound twice is taken for the first",
        Replaced(
            library("autogenerate/written_convention"),
            "if len(found) != 1 or not",
            "if not found or not",
        ),
        "unit/naming::test_what_the_base_writes_out_is_not_imported",
    ),
]
FAULTS = [*NAMES, *HEARD, *OWN_LOOP, *WRITTEN]
