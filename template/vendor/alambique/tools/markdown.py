"""`make plan markdown=1`: the plan as the comment of a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from alembic.script import Script

from alambique import messages
from alambique.history.plan import HeldTable, Plan, Risk, Statement
from alambique.history.script import source_of
from alambique.settings import shown

LONGEST = 65_000  # characters; GitHub takes 65,536
MOST = 50  # lines of a list
WIDEST = 120  # characters of a name, a title or a statement in a list
ROOM = 500  # characters kept for what stands around the SQL


def comment(made: Plan, sql: str) -> str:
    """Return what an upgrade to head would do, as Markdown: risks, revisions, SQL.

    Args:
        made: the plan.
        sql: the same as SQL, to fold away at the end.
    """
    if not made.revisions:
        return f"### {messages.PLAN_EMPTY}\n"

    title = messages.PLAN_ONE if len(made.revisions) == 1 else messages.PLAN_MANY
    parts = [
        f"### {title.format(count=len(made.revisions))}",
        bullets("-", list(risks(made))) or messages.PLAN_NO_RISK,
        bullets("1.", [_line(revision) for revision in made.revisions]),
    ]
    text = "\n\n".join(parts)
    return f"{text}\n\n{details(sql, LONGEST - len(text))}\n"


def risks(made: Plan) -> Iterator[str]:
    """Yield a line for each risk of a plan: first what loses data."""
    for name in made.losses:
        yield f"**{messages.LOSES}** {code(str(name))}"
    yield from _risky(made, Risk.LOSES, messages.LOSES)
    if made.views:
        yield messages.VIEWS_LEFT_BEHIND.format(views=", ".join(map(code, made.views)))
    yield from _risky(made, Risk.REWRITES, messages.REWRITES)
    for statement in made.statements:
        for wait in statement.waits:
            yield f"{waiting(wait)} {code(_in_one_line(statement))}"
        if statement.fires:
            fires = ", ".join(map(code, statement.fires))
            yield f"**{messages.FIRES}** {fires}: {code(_in_one_line(statement))}"


def waiting(wait: HeldTable) -> str:
    """Return who waits for which table while a statement works, and what would keep nobody."""
    held = wait.held
    size = ""
    if wait.rows is not None and wait.size is not None:
        size = messages.TABLE_SIZE.format(rows=wait.rows, megabytes=wait.size / 2**20)
    said = messages.WAITS[held.keeps.value].format(
        table=held.table, size=size, work=messages.WORKS[held.work.name]
    )
    return f"{said} {messages.WORKS_OTHERWISE[held.work.name]}".strip()


def details(sql: str, room: int) -> str:
    """Return the SQL folded away, cut at a line's end where it is longer than `room` characters."""
    fence = "`" * max(3, backticks(sql) + 1)
    cut = ""
    if len(sql) + ROOM > room:
        cut = f"\n\n{messages.PLAN_CUT.format(length=len(sql))}"
        sql = sql[: room - ROOM - 2 * len(fence)]
        sql = sql.rpartition("\n")[0] or sql
    return f"<details><summary>SQL</summary>\n\n{fence}sql\n{sql}\n{fence}\n\n</details>{cut}"


def code(text: str) -> str:
    """Return a text as code within a line, whatever backticks are in it."""
    text = text if len(text) <= WIDEST else f"{text[:WIDEST]}…"
    longest = backticks(text)
    fence = "`" * (longest + 1)
    gap = " " if longest else ""
    return f"{fence}{gap}{text}{gap}{fence}"


def backticks(text: str) -> int:
    """Return how many backticks in a row a text has at most; its fence needs one more."""
    return max((len(found) for found in re.findall("`+", text)), default=0)


def bullets(mark: str, lines: list[str]) -> str:
    """Return lines as a list of Markdown, of which the first ones are shown and the rest counted.

    Args:
        mark: what stands before each: `-` or `1.`.
        lines: the lines; of none, the list is "".
    """
    shown_lines = [f"{mark} {line}" for line in lines[:MOST]]
    if len(lines) > MOST:
        shown_lines.append(f"{mark} {messages.PLAN_MORE.format(count=len(lines) - MOST)}")
    return "\n".join(shown_lines)


def _risky(made: Plan, risk: Risk, mark: str) -> Iterable[str]:
    for statement in made.statements:
        if statement.risk is risk:
            yield f"**{mark}** {code(_in_one_line(statement))}"


def _in_one_line(statement: Statement) -> str:
    return " ".join(f"{statement.sql};".split())


def _line(revision: Script) -> str:
    path = shown(source_of(revision))
    return f"{code(revision.revision)} {code(revision.doc)}: {code(path)}"
