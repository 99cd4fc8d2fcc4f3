"""`make plan`: what an upgrade would do to the database, as SQL or as Markdown."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any

from alambique import messages
from alambique.history.plan import Plan, Risk, Statement, plan
from alambique.history.script import source_of
from alambique.settings import alembic_config, shown
from alambique.tools.markdown import comment, waiting
from alambique.tools.report import print_report


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `plan` takes."""
    parser.add_argument("--markdown", action="store_true", help=messages.OPTIONS["markdown"])
    parser.add_argument("--json", action="store_true", help=messages.OPTIONS["json"])


def run(options: Namespace) -> int:
    """Print the SQL an upgrade would run, with what loses data or rewrites a table marked.

    Raises:
        CommandError: the revisions do not make a history, the database is at one it lacks, or a
            revision cannot be written down as SQL (or, on SQLite, fails).
        DatabaseUnavailable: the database does not let us in.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    made = plan(alembic_config(options.url))
    if options.json:
        print_report("plan", as_plain(made))
    elif options.markdown:
        print(comment(made, as_sql(made)), end="")
    else:
        print(as_sql(made) or messages.NOTHING_TO_DO)
    return 0


def as_plain(made: Plan) -> dict[str, Any]:
    """Return a plan as JSON has it."""
    return {
        "revisions": [
            {"revision": each.revision, "title": each.doc, "path": shown(source_of(each))}
            for each in made.revisions
        ],
        "losses": [str(name) for name in made.losses],
        "views": made.views,
        "statements": [_plain(statement) for statement in made.statements],
    }


def _plain(statement: Statement) -> dict[str, Any]:
    waits = [
        {
            "table": str(wait.held.table),
            "keeps": wait.held.keeps.value,
            "work": wait.held.work.name.lower(),
            "rows": wait.rows,
            "bytes": wait.size,
        }
        for wait in statement.waits
    ]
    risk = statement.risk.name.lower() if statement.risk else None
    return {"sql": statement.sql, "risk": risk, "fires": [*statement.fires], "waits": waits}


def as_sql(made: Plan) -> str:
    """Return a plan as SQL, with a comment before what loses data or rewrites a table."""
    return "\n\n".join(_paragraphs(made))


def _paragraphs(made: Plan) -> Iterator[str]:
    for name in made.losses:
        yield f"-- {messages.LOSES} {name}"
    if made.views:
        yield f"-- {messages.VIEWS_LEFT_BEHIND.format(views=', '.join(made.views))}"
    for statement in made.statements:
        if statement.comment:
            yield statement.comment
        yield _marked(statement)


def _marked(statement: Statement) -> str:
    match statement.risk:
        case Risk.LOSES:
            mark = f"-- {messages.LOSES}\n"
        case Risk.REWRITES:
            mark = f"-- {messages.REWRITES}\n"
        case None:
            mark = ""
    for wait in statement.waits:
        mark += f"-- {waiting(wait)}\n"
    if statement.fires:
        mark += f"-- {messages.FIRES} {', '.join(statement.fires)}\n"
    return f"{mark}{statement.sql};"
