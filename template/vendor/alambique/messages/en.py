"""Every sentence a person reads, in English; `pt` has the same names with the same fields."""

# ruff: noqa: E501, a sentence is a line

# The commands, as `alambique --help` lists them
COMMANDS = {
    "init": "Make env.py a call of alambique, with what it configured; --undo gives the former one back.",
    "setup": "Make what a fresh clone lacks: .env, the database, the tables.",
    "migration": "Write a revision from the models.",
    "revision": "Write an empty revision, to fill by hand.",
    "redefine": "Write a revision that makes a view, function, trigger or policy anew, to change by hand.",
    "upgrade": "Apply revisions: all, a step such as +1, or up to one.",
    "entrypoint": "Apply the revisions, then become the command that follows, as MIGRATE says.",
    "status": "List the history: what the database has of it, what it lacks, and what comes next.",
    "check": "Say where the database stands; the exit code is the state's.",
    "plan": "Print the SQL an upgrade would run, with what loses data or rewrites a table marked.",
    "downgrade": "Downgrade to a revision, a step such as -1, or the base; ask if that drops data.",
    "current": "Show the revision the database is at.",
    "history": "List the revisions, as Alembic does.",
    "heads": "Show the newest revision of the code.",
    "sql": "Print the SQL of an upgrade, without connecting.",
    "stamp": "Record the database's revision, without applying anything.",
    "rebase": "Put two heads of a branch in one line: what the trunk lacks moves on top.",
    "squash": "Put the history into one revision; databases at head do not notice.",
    "lint": "Say what a reviewer would say of new revisions, and of closed ones that were edited.",
    "tour": "Walk through the history, a step at a time, on a scratch database.",
    "diagram": "Write the models as a diagram (Mermaid) to docs/schema.mmd.",
    "doctor": "Check what this project needs: a line for each thing, with what mends it.",
    "models": "Write models from an existing database; a file that is there stays as it is.",
    "adopt": "Bring a database aboard: models, a first revision that rebuilds it, and, asked, a stamp.",
    "shell": "Open Python with the models and a session at hand.",
    "dbshell": "Open the database's own client (psql, mariadb, sqlite3).",
    "template-check": "Say whether the template has a newer version, and what it changes.",
    "template-update": "Bring the template's newer version; end in an error on a conflict.",
    "run": "Serve the API on this machine, again whenever the code changes.",
    "openapi": "Write docs/openapi.json, the description of the API.",
}

# The command line
ARGPARSE = {
    "usage: ": "usage: ",
    "positional arguments": "positional arguments",
    "options": "options",
    "show this help message and exit": "show this help message and exit",
    "%(prog)s: error: %(message)s\n": "%(prog)s: error: %(message)s\n",
    "argument %(argument_name)s: %(message)s": "argument %(argument_name)s: %(message)s",
    "invalid choice: %(value)r (choose from %(choices)s)": "invalid choice: %(value)r (choose from %(choices)s)",
    "the following arguments are required: %s": "the following arguments are required: %s",
    "unrecognized arguments: %s": "unrecognized arguments: %s",
    "expected one argument": "expected one argument",
    "expected at least one argument": "expected at least one argument",
    "ignored explicit argument %r": "ignored explicit argument %r",
    "ambiguous option: %(option)s could match %(matches)s": "ambiguous option: %(option)s could match %(matches)s",
}
OPTIONS = {
    "config": "the alembic.ini to read",
    "section": "the section of alembic.ini, where there are several histories",
    "url": "the database; by default that of DATABASE_URL",
    "up_to": "a revision, a step such as +1, or head, which is the default",
    "down_to": "a revision, base, or a step; by default -1",
    "lose": "what may be lost, with its database, as a refusal prints it",
    "instead": "the command to run afterwards, with its arguments",
    "ledger": "say, too, who applied what, when and from where",
    "json": "for a program to read",
    "markdown": "as a comment on a pull request",
    "message": "what changes, in a few words",
    "redefine_name": "the view, function, trigger or policy, such as active or users.watch",
    "head": "the head that the revision follows, where there are several",
    "x": "consent, such as rename=, drop= or fill=",
    "version": "show the version of alambique and exit",
    "yes": "do it without asking",
    "yes_loses_nothing": "nothing any more: --lose says what may be lost",
    "top": "the revision that moves on top, where git does not tell",
    "range": "up to which revision, by default head; and from which, else the empty database",
    "stamp_to": "the revision to record, such as head",
    "schema": "the schemas to read, with commas between them",
    "tables": "the tables to take, with commas between them; by default all",
    "module": "the folder inside app/ that gets the models",
    "scratch": "where scratch databases may be made; by default beside the database",
    "copier": "the Copier to run",
    "trust": "let the template run its commands",
    "data": "another answer, such as ci=none",
    "keep": "an edited file that stays, although the new version has none",
    "drop": "an edited file that may go with it",
    "port": "the port to listen on; by default 8000",
}
PLACEHOLDERS = {
    "file": "FILE",
    "section": "SECTION",
    "command": "COMMAND",
    "url": "URL",
    "revision": "REVISION",
    "range": "[FROM:]TO",
    "message": "TEXT",
    "name": "NAME",
    "pair": "NAME=VALUE",
    "lose": "DATABASE:NAME,...",
    "schema": "SCHEMA",
    "tables": "TABLES",
    "module": "MODULE",
    "program": "PROGRAM",
    "port": "PORT",
}

# Before anything else
TOO_OLD = "Migrations need {needed} or newer, and this environment has {found}. Ask for newer ones in pyproject.toml, and install them: pip install --upgrade sqlalchemy alembic."
ALEMBIC_HIDDEN = "What Python imports as `alembic` is {path}, not the package. Delete the __init__.py in that folder, as a folder of migrations needs none, and run the command again; if Alembic is not installed at all: pip install alembic."

# How we connect
URL_MISSING = "DATABASE_URL is not set. Put it in .env (`make setup` makes one from .env.example) or in the environment."
URL_MALFORMED = "DATABASE_URL cannot be read. It looks like driver://user:password@host:port/database, with special characters in the password percent-encoded; see .env.example."
URL_IN_INI_MALFORMED = "sqlalchemy.url in alembic.ini cannot be read: write each % in it twice, or take the line out and set DATABASE_URL."
INI_MALFORMED = (
    "alembic.ini cannot be read ({cause}). Mend it, in UTF-8, and run the command again."
)
DATABASE_UNKNOWN = "Migrations do not know {name}. They run on SQLite, PostgreSQL, MySQL and MariaDB: set DATABASE_URL to one of these."
SERVER_UNPROVEN = "This server speaks as {like} does, and is another one: {known}. No migration of ours was proven there. Set DATABASE_URL to a server that migrations know; to try it on a copy, set {setting}=1."
UNPROVEN = {
    "cockroachdb": "CockroachDB, which has advisory locks in name only, and may keep a part of the DDL of a transaction that failed",
    "yugabytedb": "YugabyteDB, where it depends on the version whether DDL is undone with its transaction, and whether there are advisory locks",
    "tidb": "TiDB, which alters tables in steps, so that the catalog does not say whether a statement that was interrupted happened",
    "redshift": "Redshift, which has no advisory locks, and keeps no key or UNIQUE",
    "dsql": "Aurora DSQL, which takes one DDL statement a transaction, and has neither foreign keys nor advisory locks",
}
PYPROJECT_MALFORMED = "{path} cannot be read: {cause}. Mend it and run the command again."
SETTING_NOT_TEXT = "{name} in [tool.alambique] of pyproject.toml is {value!r}, not a text. Write it in quotes, or leave it out."
NO_LOCATION = "Nothing says where the revisions are: {path} is not there, or has no script_location in its section [{section}]. Name the file that has it: alambique -c ... check"
NO_SECTION = (
    "There is no section [{section}] in {path}. Name one that is there: alambique -n ... check"
)
SETTING_NOT_A_LIST = '{name} in [tool.alambique] of pyproject.toml is {value!r}, not a list of texts. Write it like ["app"].'
SETTING_NOT_A_CONVENTION = '{name} in [tool.alambique] of pyproject.toml is {value!r}, and has to be a table of texts, as in `naming-convention.pk = "pk_%(table_name)s"`.'
SETTING_NOT_YES_OR_NO = (
    "{name} in [tool.alambique] of pyproject.toml is {value!r}, and has to be true or false."
)
DRIVER_MISSING = "The driver for {url} is not installed ({cause}). Add it to pyproject.toml and run `make setup`."
DRIVER_SIBLING = " Or write {driver}:// in the URL: that one is installed."
MAY_NOT_CREATE = (
    "{who} may not make databases on the server of {url}. Let somebody who may run {grant} there."
)
CANNOT_CONNECT = "Cannot open {url}: {cause}. Check DATABASE_URL and that the database answers; `make setup` creates a missing database."
CONNECTION_USED = "The connection given in config.attributes is in a transaction already, so nothing would be committed. Give a connection that has run no statement, or commit first."
FOREIGN_KEYS_BROKEN = "The revision leaves {rows} row(s) that refer to a missing parent ({tables}), so it was undone. Mend the rows inside the revision and run `make upgrade` again."
FOREIGN_KEY_UNCHECKED = "The revision leaves a foreign key that SQLite cannot check ({cause}), so it was undone. What a key refers to is a primary key, or UNIQUE: say so in the revision, and run `make upgrade` again."
REBUILD_NOT_UNDERSTOOD = "SQLite alters the table {table} by making it anew, and how it was made cannot be read as far as that takes: {what}. Nothing was changed. Take this batch operation out of the revision, and write its steps as SQL in `op.execute()`: CREATE TABLE under another name, INSERT, DROP TABLE, ALTER TABLE … RENAME TO."
REBUILD_IN_THE_WAY = "The revision would change {column} of {table}, and this speaks of it and is not changed with it: {sql}\nNothing was changed. Drop that first, in the same batch operation or before it, and make it anew afterwards if it still has a meaning (a constraint without a name gets one by `batch_alter_table(…, naming_convention=…)`); then run `make upgrade` again."
REBUILD_WENT_ALONG = "Went with {column} of {table}, as it spoke of it and of others: {sql}"
REBUILD_BREAKS = "After the revision, {name} no longer works ({cause}), so the revision was undone. Have it drop {name} before it changes the table, and make it anew afterwards; then run `make upgrade` again."
NOT_SECONDS = "{name} is not a number of seconds, from 0 to {longest}. Set it to something like 60, or leave it out."

# When it is interrupted, or has to wait
LOCK_TIMEOUT = "Another migration has held this database for {wait:g} s ({cause}). Wait for it and run the command again, or raise MIGRATION_LOCK_WAIT (seconds)."
LOCK_WAITS = (
    "Another migration is under way on this database: {held}. Waiting for it, {wait:g} s at most."
)
LOCK_HOLDER = "session {number} ({user}, {program}), {doing} since {since}"
LOCK_LOST = "The migration lock is no longer ours, or cannot be asked for ({cause}): another migration may be under way. What was not committed is undone, and nothing more was begun; run the command again, it goes on from there."
LOCK_NOT_RELEASED = "What was asked for is done, but the migration lock could not be given back ({cause}). It goes with its connection."
CONNECTED_ANEW = "the revision went on with another one"
CONNECTION_LOST = "The connection to the database was lost ({cause}), and the migration lock with it. What was not committed is undone; run the command again, it goes on from there.\n{sql}"
GOAL_MOVED = "The database was at {before} when `{goal}` was asked for, and another migration took it to {now} meanwhile: `{goal}` would mean something else now. Nothing was done; look with `make current`, and ask again."
CHANGED_MEANWHILE = "What was there a moment ago is not there any more ({cause}): another migration is under way. Nothing was written; run the command again when it has ended."
POOLER = "A connection pooler stands before this database: the migration lock is a row of the table alembic_lock. Set MIGRATION_DATABASE_URL to a direct connection, and the lock goes with its process."
POOLER_AND_ASYNC = "A pooler stands between {driver} and the server, and {driver} prepares statements that the next session does not have. Give MIGRATION_DATABASE_URL the server's own address, or take `async-driver` out of [tool.alambique]."
TABLE_BUSY = "A table stayed busy ({cause}). The revision was undone; let the long query end and run the command again, or raise MIGRATION_LOCK_TIMEOUT, MIGRATION_LOCK_WAIT or, of what keeps nobody waiting, MIGRATION_PATIENCE (seconds)."
STATEMENT_FAILED = "The database refused a statement: {cause}\n{sql}\nNothing is left half done: what could not be undone is noted. Mend the cause and run the command again; `alembic --raiseerr upgrade head` shows where it was."
NOT_SPOKEN = "This database cannot do what the revision says: {cause}. Mend the revision (and the model), and run the command again."
TABLE_RETRY = "A table is busy ({cause}); trying again in {pause:g} s."
WAITS_FOR = "Waiting for {seconds:.0f} s already: {sql}{phase}. In the way: {who}"
AT_WORK_FOR = "At work for {seconds:.0f} s: {sql}{progress}"
WAITS_FOR_ONE_OF = "one of these, which have been at work for longest, as this server does not say whose the lock is: {named}"
WAS_IN_THE_WAY = "in the way: {who}"
AND_MORE = "{named}; and {more} more"
SESSION = "session {number} ({user}, {program}), in a transaction since {since}, {doing}"
SESSION_DOES = {"active": "running `{sql}`", "idle": "idle after `{sql}`", "silent": "idle"}
PREPARED_TRANSACTION = "a prepared transaction, which only COMMIT PREPARED or ROLLBACK PREPARED ends (pg_prepared_xacts names it)"
HALF_APPLIED = "`{step}` was interrupted half-way, so `{asked}` cannot begin. Finish it first: make upgrade (or make downgrade, if that is what was interrupted)."
REVISION_EDITED = "`{step}` was interrupted and its revision was edited since: it does something else now than what it had done.\nThen: {then}\nNow: {now}\nRestore the revision as it was and run the command again; change it afterwards, in a revision of its own. What had been done: {count} statement(s), the last one: {last}"
REPLAY_DIFFERS = "`{step}` was interrupted, and its revision, which nobody edited, does not do again what it had done.\nThen: {then}\nNow: {now}\nIt decides by something that is not in the database: the time, chance, a variable, the order of a set. Finish it by hand and run `make stamp to=...`. What had been done: {count} statement(s), the last one: {last}"
REPLAY_LOST = "`{step}` was interrupted, and cannot go on by itself: {why}.\n{sql}\nFinish the revision by hand and run `make stamp to=...`. What had been done: {count} statement(s), the last one: {last}"
REPLAYED_FAILURE = "`{step}` was interrupted after one of its statements had been refused, and went on to others that cannot be undone. Replayed, it ends there again: {cause}. Finish the revision by hand and run `make stamp to=...`."
CANNOT_TELL = "`{step}` was interrupted during this statement, and nothing tells how far it came.\n{sql}\nLook at what it did, finish the revision by hand and run `make stamp to=...`. What had been done before it: {count} statement(s), the last one: {last}"
STILL_RUNNING = "The server is still at a statement that an interrupted command sent (session {session}): {sql}\nLet it end, or end that session, and run the command again."
JOURNAL_OF_2_0 = "`{step}` was interrupted under a version of alambique before 2.1, whose notes this one does not read. Finish it with the version it was begun with, or by hand and run `make stamp to=...`."
TRANSACTION_UNDONE = "`{step}` went on although the database had refused a statement ({cause}) and undone the whole transaction with it, so that what the revision had done before is gone.\n{sql}\nNothing more was carried out. Let the error end the revision, or on SQLite say OR ABORT instead of OR ROLLBACK, and run the command again."
ASKS_ABOUT_OURS = "`{step}` asks its session about the statement before, and the journal has come in between, as it does in an autocommit_block and after a CALL.\n{sql}\nIt was not carried out. Take the count from the statement's own result, `op.get_bind().execute(...).rowcount`, and run the command again."
LOSSES = {
    "temporary": "the temporary table it made went with its session",
    "session": "what it put into its session (a variable, something prepared) went with the session",
    "unset": "it reads a variable of the session that nobody has set in this one",
    "asks": "it asks its session about a statement that was carried out in another one",
    "elsewhere": "it used a second connection, of which nothing is recorded",
    "driver": "it used the driver in a way of which nothing is recorded",
    "autocommit": "it had each statement commit by itself, so that nothing could be recorded with it",
    "value": "an answer had a value of a type that cannot be recorded",
    "too much": "its answers were more than is recorded",
    "partly": "the server refused a statement after it had done a part of it",
}
PAST_LIMIT = "`{step}` has read and written more than is recorded ({size} MiB of answers). It goes on, but if it is interrupted from here on, it has to be finished by hand."
RESUMED = "`{step}` goes on after {count} statement(s) that were carried out before the interruption, the last one: {last}"
HAPPENED = "The statement in doubt had been carried out: {sql} ({changes})"
INVALID_INDEX = "A statement that was not finished left the index {name} invalid; it is dropped."
NO_LEDGER = "The database does not let us make {table}, where it is noted who applies what: {cause}. Let this role create tables, or write ledger = false under [tool.alambique] in pyproject.toml."
LEDGER = "What was done to it, the last first (times are UTC):"
LEDGER_EMPTY = "Nothing is noted of what was done to it: no step was taken since it is noted, or [tool.alambique] says ledger = false."
LEDGER_GOES_ON = "  ... (`make status ledger=1 json=1` has the rest)"
STEP_DONE = {
    "upgrade": "Applied {revision} ({title}) in {took}.",
    "downgrade": "Undid {revision} ({title}) in {took}.",
    "stamp": "Noted {revision} ({title}) in {took}.",
}
NOT_A_LOG = "MIGRATION_LOG is {value!r}. Set it to text or json, or leave it out."
NO_COMMAND = "There is nothing to run after the revisions: say the command, as in `python -m alambique entrypoint gunicorn app.api:app`, or MIGRATE=only."
COMMAND_NOT_RUN = "The revisions are applied, but {name} could not be run: {cause}. Say a command that is installed in the image."
MIGRATE_UNKNOWN = "MIGRATE={value} is unknown. Say before (apply the revisions, then run the command), only (apply them, and end) or never (run the command)."
INDEX_STAYS_INVALID = "What this statement left unfinished could not be dropped now ({cause}); the same command drops it when it runs again: {sql}"
INDEX_IS_INVALID = "An invalid index called {name} is there already, and no statement of this revision left it: somebody is building it, or left it behind. Nothing was done; if nobody needs it, run `DROP INDEX CONCURRENTLY {name}`, and the command again."

REVISION_BROKEN = (
    "{place}: the revision cannot be read ({cause}). Mend it and run the command again."
)
PARENT_MISSING = "{paths} follows the revision {parent}, which is not there. Bring its file back (git log --diff-filter=D --name-only shows when it went), or have down_revision name the one that took its place, and run the command again."
ONE_FOR_SEVERAL = "{path}: the revision wants to be given {parameters}, as in one history for several databases (`alembic init -t multidb`, `flask db init --multidb`), and nothing is given here. Have a history for each database: a section of alembic.ini with its script_location, sqlalchemy.url and bind, and upgrade() and downgrade() without parameters; then `alembic -n <section> upgrade head` for each."
REVISION_TWICE = "{paths} are one revision, {revision}, and a history has each once. Delete the copy, or give it an id of its own and the down_revision it follows, and run the command again."
NOT_A_REVISION = '{path} lies among the revisions and has no id. Write revision = "..." and down_revision at its top, or move it out of that folder, and run the command again.'
NO_FUNCTION = "{path}: the revision has no {function}(). Write it, with `pass` if there is nothing to do, and run the command again."
CIRCLE = "The revisions {revisions} follow each other in a circle, so that none comes first. Mend what one of them says in down_revision or depends_on, and run the command again."
NO_HISTORY = "The revisions do not make a history: {cause}. Mend what they say of themselves (revision, down_revision, branch_labels, depends_on), and run the command again."
REVISION_FAILED = "{place}: the revision failed ({cause}). It was undone, or goes on there when the command runs again: mend that line, and run it again."
NAME_NOT_IMPORTED = (
    "{place}: the revision uses {name} and does not import it. Write at its top: {cure}"
)
NAME_UNKNOWN = "{place}: the revision uses {name}, which is neither defined nor imported there. Mend that line, and run the command again."
ENV_FAILED = "{place} failed: {cause}. It is the file that every command runs: mend that line; docs/env.md shows what it holds as it is generated."
ENV_CONNECTS = "{place} connects by itself, and would migrate its own database instead of the one it is told to. Have it call `run_migrations()` of alambique.env: docs/env.md shows it."
ENDED = "{place}: the revision, or a module that it needs, ended the program ({cause}). That is a failure: the revision was undone, or goes on there when the command runs again. Let it return, or raise an error, instead."
NOT_WITHOUT_DATABASE = "{place}: the revision runs on a database only, as nothing is read from one where SQL is printed, and it fails without ({cause}). `make upgrade` runs it on the database; to have it printed, let it do without what it reads, or ask `context.is_offline_mode()`."

# Models and revisions
MODEL_NOT_IMPORTED = "Could not import {model} ({cause}, at {place}). Nothing was compared: without this model its table would look dropped. Mend it, or what [tool.alambique] in pyproject.toml says of models, and run the command again."
KEY_TO_NOTHING = "The foreign key of {column} refers to {missing}, which no model maps. Is it spelt as in __tablename__, and is that model in a module called `models`? Nothing was compared; mend the key, or write the model, and run the command again."
NAMING_UNKNOWN = "A revision leaves something without a name, and the models could not be asked for their naming convention. {cause} Mend that, or say the convention as `naming-convention` in [tool.alambique] of pyproject.toml: then nothing is imported (an empty table is none)."
NAMING_DIFFERS = "`naming-convention` in [tool.alambique] of pyproject.toml is {setting}, and the models have {models}: a new database would get other names than the models say. Make the setting the same, or delete it: then the models are asked."
BIND_UNKNOWN = "`bind` in alembic.ini is {bind!r}, and no model is of that bind; those that the models have: {binds}. Mend it there, or in __bind_key__ (of plain SQLAlchemy: MetaData(info=dict(bind_key=...))), and run the command again."
NOTHING_MAPPED = "No model is mapped, so there is nothing to compare. Add one in app/<module>/models.py, or name its package in pyproject.toml, under [tool.alambique]: models = [...]."
NOT_AT_HEAD = "The database is at {database} and the history ends at {code}: comparing would mix up what is new with what is not applied yet. Run `make upgrade` first; `make check` says more."
NOT_FORMATTED = (
    "{path} was written but not formatted. Run `make setup`, which installs ruff, then `make lint`."
)
TYPE_MISSING = "The column {column} of the models has no type, and no foreign key that lends it one. Write one, such as Integer or String(50), and run the command again; no revision was written."
TYPE_NOT_SPOKEN = "The column {column} of the models has a type that this database cannot be told ({cause}). Give it one for each database with `with_variant(...)`, mark it with info=dict(skip_autogenerate=True), or compare with a database that has the type; then run the command again."
ENUM_IS_USED = "Something speaks of the type {name}, which loses members or has them in another order, so that it cannot be made anew: {dependents}. In a revision before it (make revision), drop that with op.execute(...), run `make upgrade`, and make it again in one after it."
ENUM_KEEPS_MEMBERS = (
    "The new members stay: the type cannot be made anew, as something speaks of it ({dependents})."
)
MODEL_UNSEEN = "The model {model} ({place}) is not compared, as nothing imports its file. Name that models.py, or import it in one that is; a file that is no part of the service may be left as it is."
MORE_UNSEEN = "And {count} more, in files that nothing imports: the same mends them."
NO_CHANGE = "The models and the database agree: no revision was written."
DOES_NOT_RUN = "No revision was written: tried on a scratch database that the history built, {where}. The operation {operation} fails: {cause}\n{sql}Mend the model. What the database has to have before, a revision of its own makes (make revision). To have it written all the same, and mend it there: tried=no (with alembic: -x tried=no)"
TRIED_WHERE = {
    "up": "its upgrade() does not run",
    "down": "its downgrade() does not run",
    "again": "its upgrade() does not run again after its downgrade()",
}
NOT_TRIED = (
    "The revision is written without having been tried: {why} To say so beforehand: tried=no"
)
NOT_TRIED_HISTORY = "the history does not run on an empty database, where {at} fails ({cause})."
NOT_TRIED_ELSEWHERE = (
    "a revision runs a statement on a connection of its own, which was not carried out ({sql})."
)
NOT_TRIED_STRANGERS = "it speaks of {names}, which is in this database and which no revision makes; on any other one it may fail, as it did on a scratch one ({cause})."
NOT_TRIED_ENV = "env.py does not run revisions by `run_migrations()` of alambique.env."
TRIED_UNKNOWN = "tried={said} means nothing. Leave it out, or say tried=no to have the revision written without trying it."

# make migration: what would lose data
ASK_RENAME = "{old} -> {new}: rename? [y/n] "
ASK_DROP = "Drop {name}, with its data? [y/n] "
ASK_DROP_CONSTRAINT = "Drop the {kind} {name}? The database will then take what it refused. [y/n] "
ASK_CUT = " Go on? [y/n] "
ASK_FILL = "{name} may not be null: what do the rows that are there get, as SQL ({example})? "
HOW_TO_RENAME = "{name} is gone. Renamed: rename={name}:{new}    Not needed any more: drop={name}"
HOW_TO_DROP = "{name} is gone. Not needed any more: drop={name}"
HOW_TO_DROP_CONSTRAINT = "The {kind} {name} is in the database and not in the models: without it, rows come in that were refused. Not needed any more: drop={name}    Else say it in the model."
HOW_TO_CUT = "{name} goes from {old} to {new}, which may cut values. All the same: retype={name}"
HOW_TO_FILL = '{name} may not be null, and rows that are there have no value. A value for them, as SQL: fill="{name}:{example}"    Or make the column nullable first.'
FILL_REFUSED = "The database does not take {value} for {name} ({cause}). No revision was written; give SQL for a value of its type, such as {example}, as fill=... or to the question."
CONSTRAINTS = {
    "check": "CHECK",
    "unique": "UNIQUE",
    "primary key": "primary key",
    "exclusion": "EXCLUDE",
    "foreign key": "foreign key",
    "index": "unique index",
}
LOSES_DATA = 'No revision was written: it would lose data, and nobody said it may.\n{lines}\nSay it in the same command: make migration m="..." rename=... drop=... retype=... fill=... (with alembic: -x rename=... -x drop=... -x retype=... -x fill=...)'
NOT_FOUND = "No revision was written: nothing to rename, drop or fill under {names}. Give names as table or table.column, as they are in the database."
VIEWS_LEFT_BEHIND = 'After this rename, {views} cannot be read: a view keeps the old names. Make each anew in the revision, after the rename, op.execute("CREATE OR REPLACE VIEW ..."), and with the old names at the end of downgrade().'

# Where the database stands
CURRENT = "Current: the database is at {code} and agrees with the models."
BEHIND = "Behind: the database is at {database}, the code at {code}, {count} revision(s) to apply. Run `make upgrade`."
AHEAD = "Ahead: the database is at {database}, which this code (at {code}) does not know. Deploy the code that has that revision, or downgrade with it first."
DRIFT = 'Drift: the models and the database differ. This would bring the database to the models:\n{changes}\nRun `make migration m="..."` if the models are right.'
TWO_HEADS = "Two heads: the history forks into {heads}. Put them in one line with `make rebase`, then run `make upgrade`."
SEVERAL_HEADS = "`head` does not say which one: this history has several branches, each with its own head: {heads}. For all of them say `heads`, such as `alembic upgrade heads`; for one, its label or its revision, such as `stock@head`."
WHICH_HEAD = 'Nothing says which head the new revision follows: {heads}. Say it: alembic revision --autogenerate -m "..." --head <revision>, or --head <label>@head. Or join them: alembic merge {all} -m "..."'
WHICH_DOWN = "`{to}` does not say which revision to undo: the database is at {heads}. Say from which head, or down to which revision, such as `3f1c0a5d@-1`, `stock@-1` or `stock@base`."
GOAL_UNKNOWN = "The history has no revision {goal}, or several that begin like that. `make history` lists them."
GOAL_TOO_FAR = "`{goal}` from {at}, where the database is, leads to no revision. `make status` shows those there are."
GOAL_IS_RANGE = "`{goal}` is a range, and one revision is meant here. From one to another leads SQL only: make sql from=... to=..."
GOAL_NOT_BELOW = "`{goal}` is not below {at}, where the database is, so no downgrade leads there. `make status` shows what is."
ON_BRANCH = "{revision} is on branch `{branch}`: {command}"
NOWHERE = "This code does not have {revision}, and no branch of this clone does: `git fetch --all`, or ask who deployed last."
NO_REVISIONS = 'There is no revision yet. Next: make migration m="..."'
SQUASHED = "Behind: the database is at {database}, which `make squash` has put into {new}. Bring it to {new} with the code from before the squash (git log --diff-filter=D --oneline shows that commit), then come back to this one."
IGNORED = "Not ours, left alone: {tables}."

# How a command ends
APPLIED = {
    "one": "Applied {count} revision in {took}; the database is at {at}. {more}",
    "many": "Applied {count} revisions in {took}; the database is at {at}. {more}",
}
UNDONE = {
    "one": "Undid {count} revision in {took}; the database is at {at}. {more}",
    "many": "Undid {count} revisions in {took}; the database is at {at}. {more}",
}
STAMPED = "Recorded that the database is at {at}; no revision was run. {more}"
WRITTEN = "Wrote {path} in {took}. Next: read it, then make upgrade"
WRITTEN_EMPTY = (
    "Wrote {path} in {took}, empty. Next: fill upgrade() and downgrade(), then make upgrade"
)
REDEFINES = "redefine {name}"
WRITTEN_REDEFINED = "Wrote {path} in {took}, with {one} as it is, both ways. Next: change it in upgrade(), then make upgrade"
REDEFINED_WITH = "These need it, so they go and come back with it: {names}."
REDEFINE_UNKNOWN = 'The database has no view, function, trigger or policy called {name}. It has: {names}. For a new one: make revision m="..."'
REDEFINE_SEVERAL = "Several are called {name}. Say which, in quotes: {names}."
REDEFINE_NEEDED = "{one} cannot be dropped and made anew, as these need it: {names}. Write the revision by hand (make revision), in the order that your change needs."
NONE_OF_THEM = "none"
NOTHING_DONE = "Nothing to do; the database is at {at}. {more}"
LEFT_TO_APPLY = "To apply: {count}. Next: make upgrade"
NONE_LEFT = "Nothing is left to apply. Next: make check"
STOPPED = "Stopped at {at} after {took}; revisions that were run before it and stay: {count}."
# make setup
ENV_MADE = "Made .env from .env.example."
DATABASE_MADE = "Created the database {url}."
FIRST_COMMIT = "Made the first commit: Start the service."
NO_FIRST_COMMIT = (
    "The first commit was not made: git says {cause}. Mend that and run `make setup` again."
)
NEXT_STEPS = """
Ready. What now:
  make help               lists every command
  make check              says where the database stands
  make migration m="..."  writes a revision after you change a model"""

# make plan
NOTHING_TO_DO = "Nothing to apply: the database is at head."
LOSES = "LOSES DATA:"
REWRITES = "rewrites the table, which nobody can write to meanwhile:"
FIRES = "changes rows, on each of which these act, too:"
WAITS = {
    "writers": "Who writes to {table}{size} waits while this {work}.",
    "everybody": "Who reads or writes {table}{size} waits while this {work}.",
}
TABLE_SIZE = " (about {rows} rows, {megabytes:.1f} MB)"
WORKS = {
    "BUILDS": "builds an index",
    "BUILDS_ALONE": "builds an index",
    "CHECKS": "looks at every row",
    "REFERS": "looks at every row; so does who writes to the table it refers to",
    "REQUIRES": "looks for a NULL in every row",
    "COPIES": "makes the table anew",
}
WORKS_OTHERWISE = {
    "BUILDS": "Nobody waits for CREATE INDEX CONCURRENTLY (postgresql_concurrently=True, in an autocommit_block); a constraint may then be made USING INDEX.",
    "CHECKS": "Nobody waits for NOT VALID, and in a later revision VALIDATE CONSTRAINT.",
    "REFERS": "Nobody waits for NOT VALID, and in a later revision VALIDATE CONSTRAINT.",
    "BUILDS_ALONE": "",
    "REQUIRES": "Nobody waits where a CHECK that it is not null was validated before.",
    "COPIES": "",
}

# make downgrade
NOTHING_TO_UNDO = "Nothing to undo: the database is at the base, with no revision applied."
ROWS = "{name}: {rows} row(s)"
WILL_DROP = "This downgrade loses data of {database}:\n{losses}"
CONFIRM = "Lose it? [y/n] "
YES_OR_NO = "Neither yes nor no: y or n?"
NOT_CONFIRMED = "Nothing was changed. To lose it all the same: {command}"
CONSENT_ELSEWHERE = "The consent that was given is for another database: {said}"
UNTOLD = (
    "@{revision}: whatever this revision's downgrade() loses; nothing can tell beforehand: {cause}"
)
AFTER_INTERRUPTED = "`{step}`, which comes before it, was interrupted half-way"
FAILED = "Failed: {error}"
INTERRUPTED = "Interrupted. A revision under way was undone, or goes on where it stopped when the command runs again; `make check` says where the database stands."

# make models, make adopt
MODELS_DOCSTRING = "Models of tables that were there before them."
BASELINE = "baseline"
NO_SQLACODEGEN = "sqlacodegen, which writes the models, is not installed ({cause}). Run `make setup`; if it stays missing, add sqlacodegen>=4.0,<5 to the dev group in pyproject.toml first."
NO_BASE = "base in [tool.alambique] of pyproject.toml is {name!r}, which is no declarative base. Name the one that models are written on, such as core.database.Base, and run the command again."
NO_SCHEMA = "No schema to read here: {names}. Name those of the database, with commas: make models schema=public,sales. Only PostgreSQL has several."
NO_TABLE = "No table to map under {names}. Name tables of the database that no model maps yet, with commas: make models tables=orders,sales.items"
NO_TABLES = "There is no table in {url} that no model maps yet: nothing was written. Another database: url=... Another schema: schema=..."
KEYS_TO_NOWHERE = "Nothing was written: no table is there that these keys refer to: {keys}. Make it, or drop the keys, and run the command again; or leave their tables out: tables=..."
NO_MODULE_NAME = "{name} cannot be a module's name. Say one like it with letters, digits and _: make models module=shop"
FILES_THERE = "Nothing was written, because these files are there: {files}. Move them away, or say another module: module=shop"
MODELS_BROKEN = "The models were written to {files} and cannot be imported ({cause}). Mend them there, or delete them and leave a table out: tables=..."
MODELS_WRITTEN = "{count} table(s) mapped in {files}. Read them; the names of classes and attributes are yours to change."
NO_RELATIONSHIPS = "The models have no relationship(): with them they could not be imported ({cause}). Add those you need by hand."
MODELS_OF_ADDRESS = (
    "Print the models of this database; no project is needed, and nothing is written."
)
TYPE_NOT_CARRIED = "Models cannot carry the type of {name}: give it one of your own."
TYPE_UNKNOWN = "{name} has a type that models cannot carry: the first revision makes it in plain SQL, and later migrations leave it alone. Give it a type of your own in the model, and take skip_autogenerate away, to have it compared."
NO_SCRATCH = "Nothing was written. {cause} The revision is tried on scratch databases; instead, they may stand beside another database of the same kind, where you may make them: make adopt scratch=url"
NO_SCRATCH_FILE = "Nothing was written: there is no place for a scratch database ({cause}). Name a file in a folder where there is: make adopt scratch=sqlite:////folder/scratch.db"
SCRATCH_OF_ANOTHER_KIND = "Nothing was written: scratch databases are of the same kind as {url}, and scratch= names {scratch}. Name another one."
NO_STAMP = "Nothing was written: {who} may not write the table {table} in {url}, where the revision is noted at the end. Let somebody who may run {grant} there, and then `make adopt` again."
READ_ONLY = "Nothing was written: {url} is read-only for {who}, and the revision is noted there at the end. If it is a standby, name its primary: url=... Otherwise let somebody who may run {grant} and then `make adopt` again."
NOT_WRITABLE = "Nothing was written: {path} cannot be written ({cause}), and the revision is noted there at the end. Give yourself the right, for the file and its folder, or adopt a copy: url=sqlite:///copy.db"
HISTORY_THERE = "This project has revisions already, and a database comes aboard only before the first. Start from a project without the example (make new ... data=example=false), or delete the example's models and revisions."
FURTHER = "adopt more tables"
ADOPT_NOT_AT_HEAD = "More tables come aboard of a database that has run all revisions, and this one is at {at}. Run `make upgrade`, then `make adopt` again."
OTHER_HISTORY = "The database carries an alembic_version of another history: {revisions}. Either bring that history along: copy its revisions to the versions folder and run `make check`. Or leave it behind: take a backup, `DROP TABLE alembic_version` in the database, and run `make adopt` again."
NOT_REBUILT = "Wrote {path}, but an empty database cannot be built from it: {cause}\nNothing was written to yours. Mend the revision until `make test` passes, then run `make stamp to=head`; or delete the revision and its models, and run `make adopt` again."
REPLAYED = "Wrote {path}, and rebuilt a scratch database from it. {sentence}"
SAME = "The rebuilt database and yours are the same, table by table, in the server's own words. Owners, definers and privileges belong to a server: they are neither compared nor carried."
DIFFER = "The rebuilt database and yours differ (- only in yours, + only in the rebuilt one):"
ALIKE = "{count} alike ({names})"
REORDERED = "{table}: the columns stand in another order; in yours it is {columns}"
REBUILT_DRIFTS = "The database that {path} builds and the models differ, so nothing was written to yours: what differs stands above. Mend the models or the revision until `make test` passes, then run `make stamp to=head`; or delete the revision and its models, and run `make adopt` again."
LEFT_OVER = "Models cannot carry these, so neither does the revision; your database keeps them:"
NOT_IN_TEMPLATE = "script.py.mako of this project does not write {name}, so {path} lacks it. Add it to the revision by hand, and to script.py.mako for the next time:\n{source}"
ASK_STAMP = "Note the revision in {url}? It is the only thing written there. [y/n] "
ENV_NAMES_ANOTHER = "Commands that are told no url= still work on another database. To work on this one from now on, write it into .env: DATABASE_URL={url}"
NOT_STAMPED = "Nothing was written to the database. To finish: make stamp to=head (or, with another database: .venv/bin/alembic -x url=... stamp head)"

# make shell, make dbshell
SHELL = "{url}\nAt hand: session, engine, select, sa; models: {models}. session.commit() keeps what you change; Ctrl-D ends."
NO_CLIENT = "There is no {names} on this machine. Install it: `apt install {package}`, or as your system does; `make shell` needs none."

# make template-check, make template-update
CHANGELOG = "CHANGELOG.md"  # the template's, in this language
TEMPLATE = {
    0: "Up to date: the project is at the template's newest version, {old}.",
    3: "The template is at {new}, this project at {old}. `make template-update` brings it.",
    4: "The project is at {old}, newer than the template, {new}: nothing to do.",
}
NO_TEMPLATE = "The template is not at {source}, or not for everybody. Write its address, a URL or a full path, after _src_path in {file}, commit, and run the command again."
NO_VERSION = "The template at {source} no longer has {old}, which this project came from. Write a version it has, such as {new}, after _commit in {file}, commit, and run the command again."
NOT_COMMITTED = "There are changes that are not committed. Commit them (or `git stash`) first."
HISTORY_STAYS = "The history would stay in the old folder. Move it first, `git mv <the old one> {folder}`, commit, and run the command again."
NOT_UPDATED = "Copier did not update; its reason is above, and the project is as it was. Mend that, and run the command again."
EDITED_GOES = "The update would take away what was edited here:\n  {files}\nNothing was changed. To keep it, as yours from now on:\n  {keep}\nTo let it go; git has it:\n  {drop}"
IN_THE_WAY = "The new version brings {files}, and git does not know the file you have there. Nothing was changed: add and commit yours, or move it away, and run the command again."
BROUGHT_IGNORED = "Brought, but matched by .gitignore, so git shows and adds it only when asked (git add --force):\n  {files}"
UNREACHED = "What the template changed in these did not come, because they were moved or deleted here. Where it is wanted, do it by hand:\n  {files}"
UNREACHED_MOVED = "{path}, moved to {now}"
UNREACHED_DELETED = "{path}, deleted"
UNREACHED_NO_MORE = "{path}, moved to {now}; the template no longer has it"
ANSWER_CHANGED = {
    "database": "database was {old} and is {new}. By hand: put the DATABASE_URL of .env.example into .env and wherever else one is set; run `make setup test`, because revisions written for {old} may not run on {new}; and take your rows over yourself.",
    "mode": "mode was {old} and is {new}. By hand: what is yours (app/, main.py, tests/) still uses the other kind of session; `make lint test` names each place.",
    "environment": "environment was {old} and is {new}. By hand: `rm -r .venv && make setup` makes it anew; delete the lock file that only {old} reads.",
    "api": "api was {old} and is {new}. By hand: app/api.py is yours, so write or rewrite it, as docs/template.md shows; `make test` follows.",
    "example": "example counts when a project is made; now it changes the commands and pages only. The example's files are yours: delete them, or copy them from a new project.",
}
CREDENTIALS_OUT = "The template's address in {file} had a password or a token, which anybody who reads the repository can use. It was taken out: revoke it, and let a credential helper of git, or an SSH key, open the template."
CONFLICTS = "Conflicts in:\n  {files}\nMend what lies between <<<<<<< and >>>>>>>, `git add` these files, run `make setup check`, and commit. To give up instead:\n  git restore --source=HEAD --staged --worktree .{undo}"
GIT_FAILED = "git {command} failed: {cause}\nMend that, and run the command again."
SEAL_EDITED = "edited: {files}"
SEAL_MISSING = "missing: {files}"
SEAL_ADDED = "added: {files}"
LIBRARY_GOES = "The library in vendor/ is not as it was released, and the update replaces all of it.\n{files}\nTo keep a change, bring it to the template first."
ASK_REPLACE = "Replace it? [y/n] "
LIBRARY_STAYS = "Nothing was changed. To replace the library all the same: {command}"
LIBRARY_IS_A_PACKAGE = "There is no vendor/alambique here, so the library was not updated: ask for alambique {version} in pyproject.toml, too."

# make tour
TOUR_START = (
    "{count} revisions, one at a time, on a scratch database that is thrown away at the end."
)
TOUR_UP = "Step {step} of {count}: {title}"
TOUR_SCHEMA = "What changes in the schema:"
TOUR_ADDED = "Alice (30) and Bob (25) move in:"
TOUR_DATA = "The data is still there:"
TOUR_DOWN = "A step back, number {step} of {count} is undone: {title}"
TOUR_END = "That is the whole cycle. Now change a model and run: make migration m='...'"
TOUR_EMPTY = 'There is no revision to walk yet. Change a model and run: make migration m="..."'
TOUR_KEYS = "[Enter] go on / [b] back / [q] quit: "
TOUR_BACK = {"b", "back"}
TOUR_QUIT = {"q", "quit"}
TOUR_AT_START = "Nothing to undo: no revision is applied."
TOUR_SAME = "nothing changed in the tables"
TOUR_GONE = (
    "The table {table} is gone, and Alice and Bob with it; they move in again when it is back."
)
TOUR_NOBODY = "Alice and Bob could not move into the table {table} as it is now: {cause}"
TOUR_FAILED = "The revision {path} failed: {cause}. Mend it and run `make tour` again."
TOUR_LEFT = "The scratch database was thrown away. To start over: make tour"
NO_RICH = "rich, which draws the tour, is not installed ({cause}). Run `make setup`; if it stays missing, add rich>=14,<16 to the dev group in pyproject.toml first."

# The API: start-up, /ready, make run
READY = "Ready: the database is at {code}."
NOT_STARTED = "The service did not start. {cause} To start all the same, set STARTUP_CHECK=warn."
NOT_A_CHECK = "STARTUP_CHECK is {value!r}. Set it to refuse, warn or off, or leave it out."
NOT_A_DRIFT = "READY_DRIFT is {value!r}. Set it to off, warn or refuse, or leave it out."
READY_DRIFTED = "The schema of the database differs from the models: `make check` says where."
NOT_COMPARED = (
    "Whether the schema equals the models could not be found out ({cause}). `make check` says more."
)
NO_ROW = "There is no {name} {id}."
DATABASE_GONE = "The database does not answer at the moment. Try again in a while."
CONFLICT = "This does not go with what is stored: a value that must be unique is taken, or another row needs this one or is missing."
NO_APP = """There is no app/api.py, which says what the service serves. Write one:

{entry}
Then add the routes of your modules, and run `make run` again."""
NO_PORT = "{port} is no port. Give a number below 65536: make run port=8000"
OPENAPI_UNKNOWN = "app.api:app is {kind}, and only FastAPI describes its routes."
OPENAPI_WRITTEN = "Wrote {path}."
OPENAPI_STALE = (
    "docs/openapi.json is not what the service serves. Run `make openapi` and commit it."
)

# make diagram
DIAGRAM_WRITTEN = "Wrote {path}, with {count} table(s)."
DIAGRAM_STALE = "docs/schema.mmd is not what the models say. Run `make diagram` and commit it."

# make doctor
DOCTOR_WHAT = {
    "python": "Python",
    "packages": "the packages",
    "tools": "the programs",
    "environment": "the environment",
    "env_file": ".env",
    "settings": "the settings",
    "address": "DATABASE_URL",
    "answers": "the answers given to Copier",
    "server": "the server",
    "database": "the database",
    "revisions": "the database's revision",
    "models": "the models",
    "library": "the library",
    "template_version": "the template's version",
}
DOCTOR_NOT_ASKED = "Did not check {what}: it needs what is missing above."
DOCTOR_STUMBLED = "Could not check {what} ({cause}). Mend that, or run `make setup`, and then `make doctor` again."
DOCTOR_PYTHON = "Python {version}, that of .venv."
DOCTOR_PYTHON_OTHER = "Python is {version}, and pyproject.toml asks for {asked}. Run `rm -r .venv && make setup PYTHON=...` with one that will do."
DOCTOR_NOT_VENV = (
    "This Python is {path}, not that of the project's .venv. Run `make setup`, then `make doctor`."
)
DOCTOR_PACKAGES = "The {count} packages that pyproject.toml asks for are installed."
DOCTOR_PACKAGES_MISSING = (
    "Packages are missing, or of another version: {packages}. Run `make setup`."
)
DOCTOR_TOOLS = "Programs: {tools}."
DOCTOR_TOOLS_MISSING = "Programs are missing. Install them: `apt install {tools}`, `brew install {tools}`, or as your system does."
DOCTOR_NO_ANSWERS = (
    "{file} does not say how the environment is made; `git checkout {file}` brings the file back."
)
DOCTOR_NO_CONDA = "There is no conda: install it, or use another environment: `make template-update data=environment=uv`."
DOCTOR_TOOL_COMES = "There is no {tool} on this machine; `make setup` installs it into .venv."
DOCTOR_ENV = ".env is in its place."
DOCTOR_NO_ENV = "There is no .env. Run `make setup`."
DOCTOR_ENV_UNUSED = "There is no .env, and none is needed: the database is named elsewhere."
DOCTOR_ENV_UNREADABLE = (
    ".env cannot be read ({cause}). Keep its values and run `rm -r .env && make setup`."
)
DOCTOR_SETTINGS = "The names in .env are those of .env.example."
DOCTOR_MISSPELT = "In .env, {name} does nothing; is it {meant}? Run `sed -i.bak 's/^{name}=/{meant}=/' .env && rm .env.bak`."
DOCTOR_NOT_SET = "{name} is not in .env. Run `(echo; grep '^{name}=' .env.example) >> .env`."
DOCTOR_URL = "{name}: {url}, from .env."
DOCTOR_URL_GIVEN = "{name}: {url}, from the environment, which wins over .env."
DOCTOR_URL_INI = (
    "The database is {url}: sqlalchemy.url in alembic.ini wins over the environment and .env."
)
DOCTOR_URL_ASKED = "The database is {url}, as the command says."
DOCTOR_URL_EXAMPLE = "{name}: {url}, from .env.example, as nothing else names a database."
DOCTOR_ANSWERS = "The project is as its answers say."
DOCTOR_OTHER_ENGINE = "{place} names a database of {found}, and the project is made for {asked}. Write the DATABASE_URL of .env.example there; or, if it is right, run `make template-update data=database={found}`."
DOCTOR_OTHER_ENVIRONMENT = (
    "The .venv was not made by {asked}, which the answers name. Run `rm -r .venv && make setup`."
)
DOCTOR_CREDENTIALS = "The template's address in {file} has a password or a token, which anybody who reads the repository can use. Revoke it, take it out of the line _src_path and commit; a credential helper of git, or an SSH key, opens the template."
DOCTOR_NO_SERVER = "SQLite needs no server."
DOCTOR_SERVER = "The server answers: {place}."
DOCTOR_SILENT = "The database did not answer within {seconds} s. Check DATABASE_URL and that the server is up, then run `make doctor` again."
DOCTOR_COMPOSE = "`docker compose up --wait` starts the server of compose.yaml."
DOCTOR_DATABASE = "The database opens: {name}."
DOCTOR_NO_DATABASE = "The database {name} does not exist. Run `make setup`."
DOCTOR_HEAD = "The database is at the newest revision: {head}."
DOCTOR_MODELS = "The models can be imported: {count} table(s)."
DOCTOR_LIBRARY = "The library in vendor/ is as it was released: alambique {version}."
DOCTOR_LIBRARY_EDITED = "The library in vendor/ (alambique {version}) is not as it was released: {files}. Bring the change to the template, where every service gets it: an update replaces these files. What is not committed goes back with `git checkout -- 'vendor/alambique*'`; what was added there, delete."
DOCTOR_LIBRARY_PACKAGE = "The library is installed as a package: alambique {version}."
DOCTOR_TEMPLATE_UNKNOWN = "Could not tell whether the template has a newer version: {cause}"

# make rebase
HISTORY_HEADER = "# A conflict here: two branches have each added a revision. `make rebase` puts them in one line."
ONE_LINE = "The history is one line already; history.txt says it."
NO_FORK = "The history has a head for each of its branches, and no branch has two: {heads}. history.txt says so."
REBASE_BRANCHES = '{name} is the one head of its branch, and branches stay apart: what moves would be their first revision, which other databases may have. The heads are {heads}. To join branches, write a revision that follows both: alembic merge {all} -m "..."'
REBASED = "{path} now follows {bottom}; the head is {head}."
REBASE_DONE = "Read both: they may change the same table. Then `git add` the revisions and {file}, commit, and run `make upgrade`."
REBASE_UNDOES = "Your database has {revision}, which moves on top: it is undone there first."
REBASE_UNSEEN = "The database was not asked ({cause}). If a revision below is applied there, undo it before `make upgrade`: make downgrade."
REBASE_UNSURE = "Git does not tell which of these heads the trunk has, and what other databases have must stay below. Say which one moves on top:\n{choices}"
REBASE_CHOICE = "  make rebase top={top}    moves {path}"
REBASE_KEEPS = "To move on top, {revisions} would have to be undone in your database, and the trunk has that. Leave it below and name another head: make rebase top=... Or, if it has to move, undo it yourself first: make downgrade to={to}"
MERGE_MOVES = "{path} joins two lines itself and cannot move on top of another. Say which head moves instead: make rebase top=..."
NO_HEAD = "{name} is no head. The heads are {heads}: make rebase top=..."

# make squash
SQUASH = "squash"
SQUASH_BRANCHES = 'Nothing was changed: the history has several branches, and a squash makes one revision of one line. The heads are {heads}. If they shall be one line, join them first: alembic merge {all} -m "..."'
SQUASH_FOLDERS = "Nothing was changed: the revisions are in several folders (version_locations in alembic.ini), and a squash makes one revision in one folder. Move them to one folder first, and leave that one in alembic.ini."
NOTHING_TO_SQUASH = "The history has one revision or none: nothing to squash."
SQUASHED_INTO = "{count} revisions fit in one, {head}; a scratch database was built from it."
SQUASH_LOSES = "The old history makes this too (-), or this differs (+). Databases that have it keep it; put what a new one needs into the revision by hand:"
ASK_SQUASH = "Put this one in their place? [y/n] "
SQUASH_DONE = "Wrote {path} and deleted the revisions it replaces; git has them. A database that is behind it needs the code from before: upgrade all of them first. Then commit."
SQUASH_UNDONE = "Nothing was changed. To squash all the same: make squash yes=1"
NOT_SQUASHED = "Nothing was changed: no database could be built from one revision ({cause}). Mend what that says in the models, or leave the history as it is."

# make lint
REVISIONS_FIT = "The revisions are fit to be reviewed."
REVISION_CHANGED = "{path} is closed, and was edited since: a database that ran it never sees the edit. Undo it (git checkout -- the file) and write a new revision; if no database but yours ran it, delete its line in {file} and run `make rebase`."
REVISION_GONE = "{revision} is in {file}, and its revision is not there: databases that ran it would be lost. Bring it back (git checkout), or, if no database but yours ran it, delete its line and run `make rebase`."
LINE_STALE = "{file} does not end with the head of the history, or of each of its branches. Run `make rebase`, which writes it, and commit it."
IMPORTS_APP = "{path} imports {names}: it would change when the code does. Say in the revision itself what it needs: sa.table(...), a literal, a copy."
NO_DOWNGRADE = "{path}: downgrade() undoes nothing. Write it; or, if there is no way back, say why in its docstring."
CONFLICT_LEFT = "{place}: a conflict that nobody mended ({text}). Keep what is right of both sides and delete the markers. Where such a line belongs, .gitattributes says so: {path} conflict-marker-size=32"
LOCK_STALE = "{file} is not what pyproject.toml asks for ({cause}). Run `{command}` and commit it."
LOCK_UNCHECKED = "{file} cannot be compared with pyproject.toml: there is no {tool}. Run `make setup`; or, if nobody uses the file any more, delete it."
SQUAWK_SAYS = "If this is what you want all the same, say so in the revision, in a comment: # squawk-ignore <rule>: why"
SQUAWK_FAILED = "squawk could not read the SQL of the new revisions: {cause}. Mend what it names, such as .squawk.toml, and run the command again."
NO_SQUAWK = "squawk, which reads the SQL of new revisions, is not installed ({cause}). Run `make setup`; if it stays missing, add squawk-cli>=2.50,<3 to the dev group in pyproject.toml first."

# make plan markdown=1
PLAN_EMPTY = "Migrations: nothing to apply"
PLAN_ONE = "Migrations: 1 revision to apply"
PLAN_MANY = "Migrations: {count} revisions to apply"
PLAN_NO_RISK = "Nothing found that loses data or rewrites a table."
PLAN_MORE = "and {count} more"
PLAN_CUT = "The SQL is cut here: it has {length} characters, more than a comment takes. `make plan` prints all of it."

# alambique init
INIT_UNDO_HELP = "bring the former env.py back, or write a stock one"
INIT_NO_INI = "There is no alembic.ini here. Run the command in the folder that has it; a project without a history begins with `alembic init migrations`."
INIT_ELSEWHERE = "There is no alembic.ini here, but in {folders}. Run the command there."
INIT_NO_ENV = "There is no {path}, which alembic.ini speaks of. Correct script_location in alembic.ini, or begin with `alembic init`."
INIT_NOT_READ = (
    "{path} is not an env.py that can be read ({cause}). Mend it and run the command again."
)
INIT_SEVERAL = "{place}: this env.py migrates several databases in one run, and alambique migrates one. Nothing was written. Give each database a folder of its own (alembic.ini, env.py), and run `alambique init` there."
INIT_ALREADY = "{path} calls alambique already. `alambique init --undo` gives the former one back."
INIT_LEFT = "In {path}, alambique does not do these lines, and env.py would no longer:"
INIT_CONFIRM = "Go on without them? [y/n] "
INIT_NOT_WRITTEN = "Nothing was written. To go on without those lines: `alambique init --yes`, or answer y in a terminal. Most belong into a revision, or between the parentheses of run_migrations()."
INIT_DONE = (
    "{path} calls alambique now. The former one is {aside}: `alambique init --undo` brings it back."
)
INIT_INI_MADE = "Made {path}, for `alembic` and `alambique`; `flask db` goes on reading its own."
INIT_MODELS_SAID = "Added to {path} where the models are, for the commands that do not run env.py."
INIT_NEXT = "Next: `alembic current`, then `alambique check`. `alambique --help` lists the rest."
INIT_NOT_OURS = "{path} does not call alambique: there is nothing to undo."
INIT_BROUGHT_BACK = "{path} is what it was before `alambique init`."
INIT_STOCK = "{path} is Alembic's own now, with this project's models and URL."
INIT_UNHOOKED = (
    "Took the hooks `ruff` and `history` out of {path}: Alembic alone does not know them."
)
INIT_TAKEN_AWAY = "What alambique needed in {path} is gone."
INIT_TABLES = "In the databases, alambique may have left these tables, which Alembic does not need, and would propose to drop; alembic_ledger says who applied what, the others are empty:\n{drops}\nBesides: `pip uninstall alambique`; history.txt beside the revisions may go, too."
FLASK_APP_MISSING = "env.py asks for Flask's current_app, and no application was found ({cause}). Say where it is: `export FLASK_APP=module:name`, or use `flask db`."
