"""Faults in how a database is reached, and in what a person is told when it is not."""

from support.mutants.faults import TEMPLATE, Fault, Replaced, library

SQLITE = library("database/sqlite")
KEYS = library("database/foreign_keys")
TIMEOUTS = library("database/timeouts")
ENGINE = library("database/engine")
ERRORS = library("database/errors")
URL = library("settings/url")
CONFIGURATION = library("settings/configuration")
ENVIRONMENT = library("settings/environment")
SCRIPT = library("history/script")
ENV = library("env")
CLI = library("cli")
GIT = library("history/git")
MAKEFILE = f"{TEMPLATE}/Makefile.jinja"

NAMES_ON_SQLITE = [
    Fault(
        "SQLite goes on renaming as a batch does, until the next statement",
        Replaced(SQLITE, '    event.listen(engine, "after_cursor_execute", _wait_no_longer)\n', ""),
        "unit/foreign_keys::test_what_a_revision_says_to_the_driver_renames_as_ever_too",
    ),
    Fault(
        "SQLite goes on renaming after a batch that failed",
        Replaced(SQLITE, "    _wait_no_longer(connection)  # one", "    # one"),
        "unit/foreign_keys::test_a_rename_that_failed_is_over_with_it",
    ),
    Fault(
        "a batch cannot end while there is a view",
        Replaced(SQLITE, "legacy_alter_table=ON", "legacy_alter_table=OFF"),
        "unit/foreign_keys::test_only_the_rename_of_a_batch_leaves_names_behind",
    ),
    Fault(
        "a given connection renames as ours did",
        Replaced(
            SQLITE, 'f"PRAGMA legacy_alter_table={before}"', '"PRAGMA legacy_alter_table=OFF"'
        ),
        "unit/foreign_keys::test_a_given_connection_renames_afterwards_as_before",
    ),
]

KEYS_OF_SQLITE = [
    Fault(
        "somebody else's orphan blocks every revision",
        Replaced(KEYS, " - _renamed(self._before.orphans, stayed)", ""),
        "unit/foreign_keys::test_an_orphan_that_was_there_before_is_nobodys_here",
    ),
    Fault(
        "an orphan more is let through where one is mended",
        Replaced(KEYS, "found[orphan._replace(value=value)] += times", "found[orphan] += times"),
        "unit/foreign_keys::test_an_orphan_more_undoes_the_revision",
    ),
    Fault(
        "the children of a table are not looked at",
        Replaced(KEYS, "return named | children", "return named"),
        "unit/foreign_keys::test_an_orphan_more_undoes_the_revision",
    ),
    Fault(
        "what a trigger breaks goes unseen",
        Replaced(
            KEYS, "texts += [sql for name in new for sql in self._triggers.get(name, [])]", "pass"
        ),
        "unit/foreign_keys::test_a_trigger_that_was_there_before_is_looked_through",
    ),
    Fault(
        "a table that was renamed is another table",
        Replaced(KEYS, "return table if table in stayed else None", "return table"),
        "unit/foreign_keys::test_an_orphan_that_was_there_before_is_nobodys_here",
    ),
    Fault(
        "a key that cannot be checked stops everybody",
        Replaced(KEYS, "if _as_known(table, stayed) not in unchecked_before:", "if cause:"),
        "unit/foreign_keys::test_a_key_nobody_can_check_is_its_makers_to_answer_for",
    ),
    Fault(
        "a revision answers for the one before it",
        Replaced(KEYS, "ctx.connection.info.pop(FOUND, None)", "ctx.connection.info.get(FOUND)"),
        "unit/foreign_keys::test_each_revision_answers_for_itself",
    ),
    Fault(
        "every table is looked at",
        Replaced(
            KEYS, "return odd | (self._names & set(NAME.findall(text)))", "return self._names"
        ),
        "unit/foreign_keys::test_a_table_that_a_revision_does_not_name_is_not_looked_at",
    ),
]

WAITING = [
    Fault(
        "a given connection waits for a table for ever",
        Replaced(ENGINE, "meanwhile.enter_context(timeouts.waiting_like_ours(connection))", "pass"),
        "unit/timeouts::test_a_given_connection_waits_for_a_table_as_long_as_ours",
    ),
    Fault(
        "a given connection comes back with our timeouts",
        Replaced(TIMEOUTS, "_set(connection, {name: before[name] for name in shorter})", "pass"),
        "unit/timeouts::test_a_given_connection_is_heard_while_it_is_ours",
    ),
    Fault(
        "who waits for less is made to wait longer",
        Replaced(TIMEOUTS, "if not 0 < wait <= ours[name]}", "if wait >= 0}"),
        "unit/timeouts::test_a_given_connection_is_heard_while_it_is_ours",
    ),
    Fault(
        "a server that says nothing is waited for",
        Replaced(TIMEOUTS, ', "read_timeout": TO_CONNECT}', "}"),
        "unit/timeouts::test_a_server_that_says_nothing_is_given_up",
    ),
    Fault(
        "a long statement is cut off",
        Replaced(TIMEOUTS, "private.wait_for_answers(driver)", "pass"),
        "unit/timeouts::test_a_statement_may_take_longer_than_to_connect",
    ),
    Fault(
        "a silent network is not probed",
        Replaced(TIMEOUTS, "_probe(private.socket_of(driver))", "pass"),
        "unit/timeouts::test_the_kernel_probes_a_silent_connection",
    ),
    Fault(
        "a URL's own timeout is overruled",
        Replaced(TIMEOUTS, "if name not in said}", "}"),
        "unit/timeouts::test_the_url_wins",
    ),
    Fault(
        "asyncpg's words reach psycopg",
        Replaced(URL, "words.get(name, name): value", "name: value"),
        "unit/settings::test_an_asynchronous_drivers_words_are_translated_or_left_out",
    ),
    Fault(
        "what no driver takes is a traceback",
        Replaced(ERRORS, "except (AttributeError, TypeError, ValueError) as", "except OSError as"),
        "unit/settings::test_what_no_driver_takes_is_a_sentence",
    ),
    Fault(
        "a wait may be for ever",
        Replaced(ENVIRONMENT, "if not 0 <= said <= LONGEST:", "if said < 0:"),
        "unit/settings::test_what_is_no_number_of_seconds_is_a_sentence",
    ),
]

ENCODINGS = [
    Fault(
        "alembic.ini is read in the locale's encoding",
        Replaced(CONFIGURATION, "config.file_config = _read_ini(", "_read_ini("),
        "unit/settings::test_the_ini_is_read_as_utf_8_whatever_the_locale",
    ),
    Fault(
        "git is heard in the locale's encoding",
        Replaced(GIT, "input=given.encode(),", "input=given, text=True,"),
        "unit/settings::test_no_file_of_the_library_is_opened_in_the_locales_encoding",
    ),
    Fault(
        "what .env says cannot be set in the locale",
        Replaced(ENVIRONMENT, 'os.fsdecode(value.encode("utf-8"))', "value"),
        "unit/cli::test_files_are_read_and_sentences_said_whatever_the_locale",
    ),
    Fault(
        "a sentence that cannot be printed is a traceback",
        Replaced(CLI, "    print_anything()\n", ""),
        "unit/cli::test_files_are_read_and_sentences_said_whatever_the_locale",
    ),
]

SECRETS = [
    Fault(
        "a secret in a URL's query is shown",
        Replaced(URL, "if name in NO_SECRETS else MASK", "if name else MASK"),
        "unit/settings::test_a_url_is_shown_without_what_is_or_may_be_secret",
    ),
    Fault(
        "a driver's error quotes the password",
        Replaced(URL, "text = re.sub(", "re.sub("),
        "unit/settings::test_what_a_driver_says_of_a_url_is_masked_too",
    ),
    Fault(
        "a message says the URL itself",
        Replaced(
            ERRORS, "CANNOT_CONNECT.format(url=shown_url(url),", "CANNOT_CONNECT.format(url=url,"
        ),
        "unit/cli::test_no_command_prints_what_is_secret_in_a_url",
    ),
    Fault(
        "an ini that cannot be read is quoted",
        Replaced(CONFIGURATION, 'f"{type(error).__name__}, line {_line(error)}"', "error"),
        "unit/settings::test_an_ini_that_cannot_be_read_is_a_sentence_without_its_lines",
    ),
    Fault(
        "make has the shell run what a value says",
        Replaced(MAKEFILE, "stamp $(call text,to)", "stamp $(to)"),
        "project/make::test_no_value_is_run",
    ),
    Fault(
        "make expands what a value says",
        Replaced(MAKEFILE, "$(eval override $(option) := $$(value $(option)))", "$(eval )"),
        "project/make::test_no_value_is_run",
    ),
    Fault(
        "several names are one",
        Replaced(
            MAKEFILE,
            "$(call each,$(option), -x $(option)=)",
            " -x $(option)=$(call text,$(option))",
        ),
        "project/make::test_several_names_are_several_words",
    ),
]

SENTENCES = [
    Fault(
        "Ctrl-C is a traceback",
        Replaced(ENV, "except KeyboardInterrupt as end:", "except FloatingPointError as end:"),
        "unit/env::test_ctrl_c_is_a_sentence_when_typed",
    ),
    Fault(
        "a revision that is no Python is a traceback",
        Replaced(SCRIPT, "except (Exception, SystemExit) as error:", "except OSError as error:"),
        "unit/env::test_a_revision_that_is_no_python_is_a_sentence_with_its_line",
    ),
    Fault(
        "a parent that is missing is not named",
        Replaced(SCRIPT, "if isinstance(error, KeyError):", "if not error:"),
        "unit/env::test_a_parent_that_is_missing_is_a_sentence",
    ),
    Fault(
        "two heads are told in Alembic's words",
        Replaced(
            ENV,
            "        if isinstance(error.__cause__, MultipleHeads):\n            raise amb",
            "        if not error:\n            raise amb",
        ),
        "unit/env::test_two_heads_are_told_with_what_joins_them",
    ),
    Fault(
        "sys.exit(0) in a revision is a success",
        Replaced(ENV, "except SystemExit as error:", "except FloatingPointError as error:"),
        "unit/env::test_a_revision_that_ends_the_program_failed",
    ),
]

FAULTS = [*NAMES_ON_SQLITE, *KEYS_OF_SQLITE, *WAITING, *ENCODINGS, *SECRETS, *SENTENCES]
