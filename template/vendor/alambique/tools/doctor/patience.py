"""How the doctor waits: not for long, whatever does not answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from alambique import messages
from alambique.tools.doctor.checks import PATIENCE, Fault

T = TypeVar("T")


def in_time(call: Callable[[], T]) -> T:
    """Return what a call returns, or raise what it raises, if it is done within PATIENCE seconds.

    It runs in a thread, because no driver's own timeout covers a name server, a handshake and a
    query alike; one that does not end is left behind, and ends with the program.

    Raises:
        Fault: it took longer.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    wait([future], timeout=PATIENCE)
    if not future.done():
        raise Fault(messages.DOCTOR_SILENT.format(seconds=PATIENCE))
    return future.result()
