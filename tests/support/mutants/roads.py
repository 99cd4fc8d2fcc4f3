"""Faults on the way into a project that is there, and out of it."""

from support.mutants.faults import Fault, Replaced, library

MACHINERY = library("tools/init/machinery")
COMMAND = library("tools/init/command")
SETTINGS = library("tools/init/settings")
FOLDER = library("settings/folder")

FAULTS = [
    Fault(
        "init: what context.configure was given is forgotten",
        Replaced(
            MACHINERY, "            self.said.options[name] = inlined\n", "            pass\n"
        ),
        "unit/init::test_what_it_configured_is_carried",
    ),
    Fault(
        "init: a statement on the connection goes unsaid",
        Replaced(MACHINERY, "elif _called(value) not in CLOSES | LOGS | RUNS:", "elif False:"),
        "unit/init::test_what_cannot_be_carried_is_said_by_its_line",
    ),
    Fault(
        "init: how the engine connects goes unsaid",
        Replaced(
            MACHINERY, 'elif word.arg not in POOLS | {"prefix", "configuration"}:', "elif False:"
        ),
        "unit/init::test_how_an_engine_connects_is_not_carried",
    ),
    Fault(
        "init: a hook that does more is taken for ours",
        Replaced(
            MACHINERY,
            "return all(_empties(each, directives) for each in effects)",
            "return any(_empties(each, directives) for each in effects)",
        ),
        "unit/init::test_a_hook_that_does_more_is_kept",
    ),
    Fault(
        "init: several databases become one",
        Replaced(MACHINERY, "raise SeveralDatabases(node.lineno)", "self.read(node.body, local)"),
        "unit/init::test_several_databases_are_refused",
    ),
    Fault(
        "init: it writes before anybody agreed",
        Replaced(
            COMMAND, "if not (yes or confirmed(messages.INIT_CONFIRM)):", "if not (yes or True):"
        ),
        "unit/init::test_nothing_is_written_before_somebody_agrees",
    ),
    Fault(
        "init: the former file loses its mode",
        Replaced(COMMAND, "shutil.copy2(", "shutil.copyfile("),
        "unit/init::test_the_generic_template_becomes_one_call_and_comes_back",
    ),
    Fault(
        "init: a stock env.py is left with hooks that nobody registers",
        Replaced(COMMAND, "        _unhook(place.ini)\n", ""),
        "unit/init::test_a_stock_env_py_where_there_was_none_before",
    ),
    Fault(
        "init: the settings it added stay behind",
        Replaced(SETTINGS, "        if left != said:\n", "        if False:\n"),
        "unit/init::test_nothing_else_of_the_project_changes",
    ),
    Fault(
        "init: Flask-Migrate's folder is taken for the project",
        Replaced(
            FOLDER,
            'if _is_configured(folder) or not (folder / "env.py").is_file():',
            "if folder.is_dir():",
        ),
        "unit/init::test_flask_migrate",
    ),
]
