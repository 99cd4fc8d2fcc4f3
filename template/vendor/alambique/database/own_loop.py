"""An asynchronous driver, used as a synchronous one: its event loop runs in a thread of ours.

A project that says `async-driver = true` migrates with the driver of its URL, such as asyncpg, and
needs no other one. What Alembic and revisions do is synchronous, and stays so: SQLAlchemy has an
adapter around each such driver, whose calls wait in a greenlet for what the loop brings. Here each
of these calls is carried out on the loop, and its caller waits for it; so it does not matter
whether the caller has a loop of its own, and Ctrl-C ends the statement that runs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection

from alambique import private

Result = TypeVar("Result")

# Seconds that a call has to end in which was given up, as by Ctrl-C.
TO_GIVE_UP = 10


class _Loop:
    """An event loop, in a thread that ends with the program."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def carry_out(self, call: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
        """Return what a call returns that waits for the loop on its way."""
        if threading.current_thread() is self._thread:  # a call within a call
            return call(*arguments, **named)

        ended = threading.Event()

        async def spawn() -> Result:
            try:
                return await private.in_greenlet(call, *arguments, **named)
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(spawn(), self._loop)
        try:
            return future.result()
        except BaseException:
            if not ended.is_set():  # the connection would be busy with it for whatever comes next
                future.cancel()
                ended.wait(TO_GIVE_UP)
            raise


@cache
def _loop() -> _Loop:
    return _Loop()


class LoopPool(NullPool):
    """No pool, whose connections are opened where the loop is."""

    def connect(self) -> PoolProxiedConnection:
        """Open a connection."""
        return _loop().carry_out(super().connect)


def prepare_engine(engine: Engine) -> None:
    """Have an engine with an asynchronous driver work without greenlets around its caller.

    Args:
        engine: one with a LoopPool.
    """

    @event.listens_for(engine, "do_connect")
    def connect(
        dialect: Dialect,
        _record: ConnectionPoolEntry,
        arguments: Any,
        named: dict[str, Any],
    ) -> Any:
        try:
            return Waiting(dialect.connect(*arguments, **named))
        except OSError as error:  # asyncpg leaves what the network says as it is
            raise dialect.loaded_dbapi.OperationalError(str(error), error) from error


class Waiting:
    """A driver's connection or cursor, each of whose methods waits for the loop."""

    def __init__(self, real: Any) -> None:
        """Stand in front of a connection, or of a cursor."""
        vars(self)["real"] = real

    def cursor(self, *arguments: Any, **options: Any) -> Waiting:
        """Return a cursor that waits, too."""
        return Waiting(_loop().carry_out(self.real.cursor, *arguments, **options))

    def __getattr__(self, name: str) -> Any:
        found = getattr(vars(self)["real"], name)
        if name.startswith("_") or not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            returned = _loop().carry_out(found, *arguments, **named)
            return self if returned is self.real else returned

        return call

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.real, name, value)

    def __iter__(self) -> Any:
        return iter(self.real)
