"""squawk, which knows what PostgreSQL does badly under load, on the SQL of new revisions."""

from __future__ import annotations

import inspect
import io
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.script import Script
from alembic.util import CommandError, to_tuple

from alambique import messages, private
from alambique.history.script import followed, source_of
from alambique.history.source import comments, is_adopted
from alambique.settings import project, shown

# A comment in a revision that says: somebody has thought of these rules.
IGNORE = re.compile(r"squawk-ignore ([\w,-]+)")
SETTINGS = ".squawk.toml"


@dataclass(frozen=True)
class Advice:
    """What squawk says of a statement, and where in a revision that statement comes from."""

    path: str
    line: int
    rule: str
    level: str
    message: str
    help: str | None

    def __str__(self) -> str:
        """Return it on a line, as one jumps to it from a terminal."""
        cure = f" {self.help}" if self.help else ""
        return f"{self.path}:{self.line}: {self.rule}: {self.message}{cure}"


def squawk(config: Config, revisions: list[Script]) -> list[Advice]:
    """Return what squawk thinks of the SQL of these revisions.

    A comment in one, `# squawk-ignore renaming-column`, says that somebody has thought of it. What
    was adopted is not looked at: it is like that already, and nobody waits for it.

    Args:
        config: the command's configuration.
        revisions: the ones to look at, the oldest first.

    Raises:
        CommandError: squawk is not installed or does not read, or a revision cannot be written down
            as SQL.
        InvalidSetting: a setting, such as the URL, is missing or malformed.
    """
    revisions = [each for each in revisions if not is_adopted(source_of(each))]
    if not revisions:
        return []

    sql = _SQL(revisions)
    for line in _lines(revisions):
        _write_sql(config, line, sql)
    rules = [*_rules_left_out_by_settings(), *_rules_left_out_by_comments(revisions)]
    return [
        Advice(
            *sql.place(said["line"]),
            said["rule_name"],
            said["level"].lower(),
            said["message"],
            said["help"],
        )
        for said in _asked(sql.getvalue(), rules)
    ]


def _asked(sql: str, rules_left_out: list[str]) -> list[dict[str, Any]]:
    """Return what squawk says of SQL, as it says it."""
    tool = Path(sys.executable).with_name("squawk")
    command = [str(tool), "--stdin-filepath", "revisions.sql", "--reporter", "json"]
    if rules_left_out:
        # On the command line, the rules to leave out take the place of those in the file.
        command += ["--exclude", ",".join(rules_left_out)]
    try:
        done = subprocess.run(
            command, cwd=project().root, input=sql, capture_output=True, encoding="utf-8"
        )
    except OSError as error:
        raise CommandError(messages.NO_SQUAWK.format(cause=error)) from error
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    except ValueError as error:
        raise CommandError(messages.SQUAWK_FAILED.format(cause=error)) from error
    if done.returncode and not found:
        raise CommandError(messages.SQUAWK_FAILED.format(cause=done.stderr.strip()))
    return found


class _SQL(io.StringIO):
    """The SQL of revisions, with the line of a revision that each line of it comes from."""

    def __init__(self, revisions: list[Script]) -> None:
        super().__init__()
        self._paths = {str(each.module.__file__): shown(source_of(each)) for each in revisions}
        self._places: list[tuple[str, int]] = []
        self._last = (shown(source_of(revisions[0])), 1)

    def write(self, text: str) -> int:
        """Write SQL; a revision is on the stack, or what Alembic writes around one."""
        self._last = self._running() or self._last
        self._places.extend([self._last] * text.count("\n"))
        return super().write(text)

    def place(self, line: int) -> tuple[str, int]:
        """Return the revision, and its line, that a line of the SQL comes from, counted from 0."""
        return self._places[line] if line < len(self._places) else self._last

    def _running(self) -> tuple[str, int] | None:
        frame = inspect.currentframe()
        while frame is not None:
            if path := self._paths.get(frame.f_code.co_filename):
                return path, frame.f_lineno
            frame = frame.f_back
        return None


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


def _write_sql(config: Config, line: list[Script], sql: _SQL) -> None:
    """Write the SQL of revisions that follow each other, not of what the first one needs."""
    start = (*followed(line[0]), *to_tuple(line[0].dependencies, default=()))
    before = config.output_buffer
    config.output_buffer = sql
    try:
        private.print_upgrade(config, start, line[-1].revision)
    finally:
        config.output_buffer = before


def _rules_left_out_by_settings() -> list[str]:
    path = project().root / SETTINGS
    if not path.exists():
        return []
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no TOML, or no UTF-8
        raise CommandError(messages.SQUAWK_FAILED.format(cause=f"{SETTINGS}: {error}")) from error
    rules: list[str] = settings.get("excluded_rules", [])
    return rules


def _rules_left_out_by_comments(revisions: list[Script]) -> Iterator[str]:
    for revision in revisions:
        for comment in comments(source_of(revision)):
            yield from IGNORE.findall(comment)
