"""`make redefine`: a revision that makes a view, a function, a trigger or a policy anew.

It begins as what the database has, both ways: upgrade() is changed by hand, downgrade() brings the
former definition back.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from contextlib import nullcontext
from textwrap import dedent, indent

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from alembic.util import CommandError

from alambique import messages, private
from alambique.adopt import normalize
from alambique.adopt.definitions.remade import Remade, remake
from alambique.adopt.trial import StatementOp, written_in_lines
from alambique.autogenerate.stored import escaped
from alambique.formatting import excuse_long_lines
from alambique.history.environment import require_obedience
from alambique.history.outcome import spoken
from alambique.history.script import source_of
from alambique.history.status import State, status
from alambique.settings import alembic_config, migration_url, shown
from alambique.terminal import is_verbose

# What Alembic puts before each line of what it writes.
INDENTATION = " " * 4


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `redefine` takes."""
    value, said = messages.PLACEHOLDERS, messages.OPTIONS
    parser.add_argument("name", metavar=value["name"], help=said["redefine_name"])
    parser.add_argument("-m", "--message", metavar=value["message"], help=said["message"])


def run(options: Namespace) -> int:
    """Write the revision.

    Raises:
        CommandError: the database is not at head, has nothing of that name, or several things; or a
            table needs it.
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    config = alembic_config(options.url)
    require_obedience(config)
    found = status(config, compare=False)
    if found.state is not State.CURRENT:
        raise CommandError(found.sentence)

    began = time.monotonic()
    remade = remake(migration_url(config), options.name)
    config.cmd_opts = Namespace(cmd=(command.revision,), autogenerate=False, x=[])
    with nullcontext() if is_verbose() else private.nothing_announced():
        written = command.revision(
            config,
            options.message or messages.REDEFINES.format(name=options.name),
            process_revision_directives=private.after_env(_Filled(remade)),
        )
    assert isinstance(written, Script)
    excuse_long_lines(written.path)

    took = spoken(time.monotonic() - began)
    print(
        messages.WRITTEN_REDEFINED.format(path=shown(source_of(written)), one=remade.one, took=took)
    )
    if remade.others:
        print(messages.REDEFINED_WITH.format(names=", ".join(map(str, remade.others))))
    return 0


class _Filled:
    """Fills an empty revision with the statements, both ways."""

    def __init__(self, remade: Remade) -> None:
        self.remade = remade

    def __call__(
        self,
        migration: MigrationContext,
        revision: str | Iterable[str | None] | Iterable[str],
        directives: list[MigrationScript],
    ) -> None:
        """Add the operations.

        Args:
            migration: not looked at.
            revision: not looked at.
            directives: the revision, changed in place.
        """
        upgrade, downgrade = directives[0].upgrade_ops, directives[0].downgrade_ops
        assert upgrade is not None and downgrade is not None
        for operations in upgrade, downgrade:
            operations.ops.extend(_Statement(typed(each)) for each in self.remade.statements)


class _Statement(StatementOp):
    """Is written as one pastes it from a client, to be changed there."""


@renderers.dispatch_for(_Statement)
def _render(context: AutogenContext, operation: _Statement) -> str:
    """Write `op.execute(...)`, indented where the same text comes back of it."""
    sql = str(operation.sqltext)
    ends_the_text = '"""' in sql or sql.endswith(('"', "\\"))
    if "\n" not in sql or ends_the_text or dedent(indent(sql, INDENTATION)) != sql:
        return written_in_lines(context, operation)

    context.imports.add("from textwrap import dedent")
    call = f"{context.opts['alembic_module_prefix']}execute"
    raw = "r" if "\\" in sql else ""
    return f'{call}(dedent({raw}"""\n{sql}"""))'


def typed(statement: str) -> str:
    """Return a statement as one types it for `text()`, in which `:name` would be a parameter.

    No more is changed than has to be: `::` stays what people type.
    """
    sql = normalize.escaped(statement)
    return sql if str(sa.text(sql).compile()) == statement else escaped(statement)
