"""squawk, which knows what PostgreSQL does badly under load, on the SQL of new revisions."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from alembic.config import Config
from alembic.script import Script
from alembic.util import CommandError, to_tuple

from alambique import messages, private
from alambique.history.script import followed, source_of
from alambique.history.source import comments
from alambique.settings import project

# A comment in a revision that says: somebody has thought of these rules.
IGNORE = re.compile(r"squawk-ignore ([\w,-]+)")
SETTINGS = ".squawk.toml"


def squawk(config: Config, revisions: list[Script]) -> int:
    """Print what squawk thinks of the SQL of these revisions.

    A comment in one, `# squawk-ignore renaming-column`, says that somebody has thought of it.

    Args:
        config: the command's configuration.
        revisions: the ones to look at, the oldest first.

    Returns:
        Its exit code: 0 where it has nothing to say.

    Raises:
        CommandError: squawk is not installed, or a revision cannot be written down as SQL.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    if not revisions:
        return 0

    start, end = (*followed(revisions[0]), "base")[0], revisions[-1].revision
    tool = Path(sys.executable).with_name("squawk")
    read = [str(tool), "--stdin-filepath", f"{start}-{end}.sql"]
    if rules := [*_rules_left_out_by_settings(), *_rules_left_out_by_comments(revisions)]:
        # On the command line, the rules to leave out take the place of those in the file.
        read += ["--exclude", ",".join(rules)]

    sql = "".join(_offline_sql(config, line) for line in _lines(revisions))
    try:
        code = subprocess.run(read, cwd=project().root, input=sql, encoding="utf-8").returncode
    except OSError as error:
        raise CommandError(messages.NO_SQUAWK.format(cause=error)) from error
    if code:
        print(messages.SQUAWK_SAYS)
    return code


def _lines(revisions: list[Script]) -> list[list[Script]]:
    """Return revisions in lines, in each of which one follows the other and needs nothing else."""
    lines: list[list[Script]] = []
    for revision in revisions:
        is_next = bool(lines) and revision.down_revision == lines[-1][-1].revision
        if is_next and not revision.dependencies:
            lines[-1].append(revision)
        else:
            lines.append([revision])
    return lines


def _offline_sql(config: Config, line: list[Script]) -> str:
    """Return the SQL of revisions that follow each other, not of what the first one needs."""
    start = (*followed(line[0]), *to_tuple(line[0].dependencies, default=()))
    buffer, before = io.StringIO(), config.output_buffer
    config.output_buffer = buffer
    try:
        private.print_upgrade(config, start, line[-1].revision)
    finally:
        config.output_buffer = before
    return buffer.getvalue()


def _rules_left_out_by_settings() -> list[str]:
    path = project().root / SETTINGS
    if not path.exists():
        return []
    rules: list[str] = tomllib.loads(path.read_text(encoding="utf-8")).get("excluded_rules", [])
    return rules


def _rules_left_out_by_comments(revisions: list[Script]) -> Iterator[str]:
    for revision in revisions:
        for comment in comments(source_of(revision)):
            yield from IGNORE.findall(comment)
