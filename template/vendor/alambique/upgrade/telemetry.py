"""Migrations as OpenTelemetry sees them: a span for the command and one for each step, two metrics.

Its API is imported where steps are taken, and only if it is installed; whether anything is sent,
and where, is for the SDK to say. What is recorded names revisions and kinds of errors, never what
a server said: it quotes rows. Nothing that goes wrong here is a failure of a migration.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import PurePath
from types import TracebackType
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

# Who speaks, as OpenTelemetry calls a library that instruments itself.
SCOPE = "alambique"

# Seconds: a step may take none, or a night.
BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 1800.0, 7200.0)

# What the semantic conventions call databases whose dialect has another name.
SYSTEMS = {"oracle": "oracle.db", "mssql": "microsoft.sql_server"}

# What has something to send, each by the function that returns it.
SENDERS = {
    "opentelemetry.trace": "get_tracer_provider",
    "opentelemetry.metrics": "get_meter_provider",
}

DONE = "done"
FAILED = "failed"
RETRIED = "retried"

Attributes = Mapping[str, str]


@dataclass
class _Open:
    """A span that has begun, and what gives the thread's context back."""

    span: Any
    token: object


class Telemetry:
    """What one command tells, from its first step to its last."""

    def __init__(self) -> None:
        """Import nothing, and tell nothing yet."""
        self._trace: Any = None
        self._context: Any = None
        self._database: Attributes = {}
        self._command: _Open | None = None
        self._step: _Open | None = None
        self._seconds: Any = None
        self._steps: Any = None

    def begin(self, migration: MigrationContext, command: str) -> None:
        """Begin the span of the command.

        Args:
            migration: says which database.
            command: "upgrade", "downgrade" or "stamp".
        """
        with suppress(Exception):  # it is not installed, or not whole
            self._trace = import_module("opentelemetry.trace")
            self._context = import_module("opentelemetry.context")
            self._database = _about(migration)
            self._measure(import_module("opentelemetry.metrics").get_meter(SCOPE))
            self._command = self._opened(f"alambique {command}", {"alambique.direction": command})

    def begin_step(self, revision: str, title: str, direction: str) -> None:
        """Begin the span of a step, within that of the command.

        Args:
            revision: the revision; of a stamp there may be several.
            title: its first line.
            direction: "upgrade", "downgrade" or "stamp".
        """
        if self._command is None:
            return
        said = {"revision": revision, "title": title, "direction": direction}
        with suppress(Exception):
            own = {f"alambique.{name}": value for name, value in said.items()}
            self._step = self._opened("alambique step", own)

    def end_step(
        self, direction: str, seconds: float, outcome: str, error: BaseException | None = None
    ) -> None:
        """End the span of the step, and count it.

        Args:
            direction: "upgrade", "downgrade" or "stamp".
            seconds: how long it took.
            outcome: DONE, FAILED, or RETRIED where a table was busy and it is tried again.
            error: why it failed.
        """
        if self._command is None:
            return
        said = {"alambique.direction": direction, "alambique.outcome": outcome}
        step, self._step = self._step, None
        with suppress(Exception):
            if step is not None:
                self._close(step, said, error)
        with suppress(Exception):
            counted = {**self._database, **said, **_kind(error)}
            self._steps.add(1, counted)
            self._seconds.record(seconds, counted)

    def end(self, error: BaseException | None = None) -> None:
        """End the span of the command.

        Args:
            error: why it failed; None where it did not.
        """
        command, self._command = self._command, None
        with suppress(Exception):
            if command is not None:
                self._close(command, {"alambique.outcome": FAILED if error else DONE}, error)

    def send(self) -> None:
        """Have the SDK send what it collected, for a program that may give way to another."""
        if self._trace is None:
            return
        for module, provider in SENDERS.items():
            with suppress(Exception):
                getattr(import_module(module), provider)().force_flush()

    def _measure(self, meter: Any) -> None:
        self._steps = meter.create_counter(
            "alambique.steps", unit="{step}", description="Steps of migrations, by outcome."
        )
        histogram = partial(
            meter.create_histogram,
            "alambique.step.duration",
            unit="s",
            description="How long a step of a migration took.",
        )
        try:
            self._seconds = histogram(explicit_bucket_boundaries_advisory=BUCKETS)
        except TypeError:  # before 1.30 the API did not ask
            self._seconds = histogram()

    def _opened(self, name: str, own: Attributes) -> _Open:
        span = self._trace.get_tracer(SCOPE).start_span(name, attributes={**self._database, **own})
        # What else is instrumented, such as SQLAlchemy, finds its parent there.
        return _Open(span, self._context.attach(self._trace.set_span_in_context(span)))

    def _close(self, opened: _Open, said: Attributes, error: BaseException | None) -> None:
        try:
            opened.span.set_attributes({**said, **_kind(error)})
            if error is not None:
                opened.span.add_event("exception", _recorded(error))
                status = self._trace.Status(self._trace.StatusCode.ERROR, _name(_first(error)))
                opened.span.set_status(status)
        finally:
            try:
                opened.span.end()
            finally:
                self._context.detach(opened.token)


def _about(migration: MigrationContext) -> dict[str, str]:
    """Return which database it is, in the words of the semantic conventions."""
    dialect = migration.dialect
    system = "mariadb" if getattr(dialect, "is_mariadb", False) else dialect.name
    about = {"db.system.name": SYSTEMS.get(system, system)}
    if migration.connection is not None:
        about["db.namespace"] = _namespace(migration.connection.engine.url)
    return {name: value for name, value in about.items() if value}


def _namespace(url: URL) -> str:
    """Return a database's name; of a file only its own: what comes after `?` may be a key."""
    name = url.database or ""
    if url.get_backend_name() != "sqlite":
        return name
    return PurePath(name.removeprefix("file:").partition("?")[0]).name


def _kind(error: BaseException | None) -> dict[str, str]:
    """Return what kind of error it is: its class, and the code that a server gave it."""
    if error is None:
        return {}
    refused = _refused(error)
    first = _first(error)
    number = first.args[0] if first.args and isinstance(first.args[0], int) else None
    code = number or getattr(first, "sqlstate", None) or getattr(first, "sqlite_errorname", None)
    said = {"error.type": _name(first)}
    # An exit code, or whatever else a revision raised, is no server's.
    if code is not None and refused is not None:
        said["db.response.status_code"] = str(code)
    return said


def _recorded(error: BaseException) -> dict[str, str]:
    """Return an exception as an event, without its message and the lines of source it went by.

    Either may hold what is in a row; `Span.record_exception` keeps both.
    """
    raised = _refused(error) or error  # by the revision; what comes of it only went on from there
    stack = "\n".join(_places(raised.__traceback__))
    return {"exception.type": _name(_first(error)), "exception.stacktrace": stack}


def _places(trace: TracebackType | None) -> Iterator[str]:
    frames = traceback.StackSummary.extract(traceback.walk_tb(trace), lookup_lines=False)
    for frame in frames:
        yield f'File "{frame.filename}", line {frame.lineno}, in {frame.name}'


def _first(error: BaseException) -> BaseException:
    """Return what the driver raised, if that is what an error comes from; else the error."""
    refused = _refused(error)
    return error if refused is None or refused.orig is None else refused.orig


def _refused(error: BaseException) -> DBAPIError | None:
    """Return SQLAlchemy's error of a statement, if that is what an error comes from."""
    return next((each for each in _chain(error) if isinstance(each, DBAPIError)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it comes from."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


def _name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
