"""`make plan markdown=1`: the plan as the comment of a pull request."""

import re
from collections.abc import Iterator
from itertools import islice

from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from sqlalchemy.engine import URL

from core.migrations import messages
from core.migrations.status import current_heads, pending
from core.migrations.tools.plan import plan
from core.migrations.tools.record import short

LONGEST = 65_000  # characters; GitHub takes 65,536
MOST = 50  # lines of a list
WIDEST = 120  # characters of a name, a title or a statement in a list


def comment(config: Config, url: URL) -> str:
    """Return what an upgrade to head would do, as Markdown: risks, revisions, SQL.

    Args:
        config: the project's Alembic configuration.
        url: the database that would be upgraded.
    """
    script = ScriptDirectory.from_config(config)
    revisions = [script.get_revision(each) for each in pending(script, current_heads(url))]
    if not revisions:
        return f"### {messages.PLAN_EMPTY}\n"
    statements = plan(config, url)
    title = messages.PLAN_ONE if len(revisions) == 1 else messages.PLAN_MANY
    parts = [
        f"### {title.format(count=len(revisions))}",
        _listed("-", risks(statements)) or messages.PLAN_NO_RISK,
        _listed("1.", map(_line, revisions)),
    ]
    text = "\n\n".join(parts)
    sql = details("\n\n".join(statements), LONGEST - len(text))
    return f"{text}\n\n{sql}\n"


def risks(statements: list[str]) -> Iterator[str]:
    """Yield a line for each statement of a plan that is marked: first what loses data."""
    for mark in (messages.LOSES, messages.REWRITES):
        for statement in statements:
            _, found, rest = statement.partition(f"-- {mark}")
            if found:
                yield f"**{mark}** {code(' '.join(rest.split()))}"


def details(sql: str, room: int) -> str:
    """Return the SQL folded away, cut at a line's end where it is longer than `room` characters."""
    fence = "`" * max(3, backticks(sql) + 1)
    cut = ""
    if len(sql) + 500 > room:
        cut = f"\n\n{messages.PLAN_CUT.format(length=len(sql))}"
        sql = sql[: room - 500 - 2 * len(fence)]
        sql = sql.rpartition("\n")[0] or sql
    return f"<details><summary>SQL</summary>\n\n{fence}sql\n{sql}\n{fence}\n\n</details>{cut}"


def code(text: str) -> str:
    """Return a text as code within a line, whatever backticks are in it."""
    text = text if len(text) <= WIDEST else f"{text[:WIDEST]}…"
    longest = backticks(text)
    fence, gap = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{gap}{text}{gap}{fence}"


def backticks(text: str) -> int:
    """Return how many backticks in a row a text has at most; its fence needs one more."""
    return max(map(len, re.findall("`+", text)), default=0)


def _line(revision: Script | None) -> str:
    assert revision is not None
    return f"{code(revision.revision)} {code(revision.doc)}: {code(short(revision.path))}"


def _listed(mark: str, lines: Iterator[str]) -> str:
    text = "\n".join(f"{mark} {line}" for line in islice(lines, MOST))
    more = sum(1 for _ in lines)
    return f"{text}\n{mark} {messages.PLAN_MORE.format(count=more)}" if more else text
