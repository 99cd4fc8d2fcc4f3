"""Faults in which history, whose models and which versions of other libraries are meant."""

from support.mutants.faults import Fault, Replaced, library

CLI = library("cli")
CONFIGURATION = library("settings/configuration")
DISCOVERY = library("autogenerate/discovery")
MAIN = library("__main__")
PRIVATE = library("private")
SCRIPT = library("history/script")
VERSIONS = library("versions")

FAULTS = [
    Fault(
        "binds: a model of another database is proposed, too",
        Replaced(DISCOVERY, "if metadata.info.get(BIND) == bind]", "]"),
        "unit/binds::test_a_model_is_proposed_for_the_database_of_its_bind",
    ),
    Fault(
        "binds: db is of one database only",
        Replaced(DISCOVERY, "owned += several.values()", "owned += []"),
        "unit/binds::test_a_base_that_is_named_has_its_binds_along",
    ),
    Fault(
        "binds: a bind that nobody has leaves nothing to compare",
        Replaced(DISCOVERY, "if bind is not None and not of_bind:", "if of_bind is None:"),
        "unit/binds::test_a_bind_that_no_model_has_is_a_sentence",
    ),
    Fault(
        "binds: a command of ours does not hear -n",
        Replaced(
            CLI,
            "use_history(options.config and Path(options.config).resolve(), options.name)",
            "use_history(options.config and Path(options.config).resolve())",
        ),
        "unit/binds::test_a_command_of_ours_works_on_the_history_that_is_named",
    ),
    Fault(
        "binds: ALEMBIC_CONFIG is Alembic's alone",
        Replaced(CONFIGURATION, "ini or _named_by_environment() or", "ini or"),
        "unit/binds::test_a_second_ini_file_is_a_history_too",
    ),
    Fault(
        "binds: a section that is not there is an empty one",
        Replaced(CONFIGURATION, "        _require_section(config, path)\n", ""),
        "unit/binds::test_a_command_of_ours_works_on_the_history_that_is_named",
    ),
    Fault(
        "binds: a revision that wants to be given something fails as it is called",
        Replaced(SCRIPT, "    _require_no_parameters(script)\n", ""),
        "unit/binds::test_one_history_for_several_databases_is_a_sentence",
    ),
    Fault(
        "binds: a folder called alembic stands in the package's way",
        Replaced(MAIN, "    sys.path.append(sys.path.pop(0))\n", "    pass\n"),
        "unit/binds::test_the_folder_of_the_migrations_may_bear_the_name_of_the_package",
    ),
    Fault(
        "versions: what is too old is missed where it lacks something",
        Replaced(PRIVATE, "    require_versions()\n", "    pass\n"),
        "unit/versions::test_what_is_too_old_is_one_sentence",
    ),
    Fault(
        "versions: a prerelease's letters count",
        Replaced(VERSIONS, 're.match(r"[\\d.]*", text)', 're.match(r".*", text)'),
        "unit/versions::test_the_newest_prerelease_is_not_too_old",
    ),
]
