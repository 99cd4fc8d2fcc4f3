"""What a person in a terminal is asked, and shown."""

import io
import logging
import os
import select
import signal
import sys
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from alambique import messages

# Seconds to wait for an answer that is piped in: a pipe that never says anything must not hold a
# pipeline for ever.
PATIENCE = 1

# What a shell says of a program that a signal ended: 128, and the signal's number.
INTERRUPTED = 130
TERMINATED = 143


class Terminated(KeyboardInterrupt):
    """A SIGTERM: whoever runs us wants us to end, as Ctrl-C does."""


# Whichever language is spoken, both are understood.
YES = {"y", "yes", "s", "sim"}
NO = {"n", "no", "não", "nao"}


def ask(question: str) -> str | None:
    """Put a question to the terminal, or to standard input if an answer waits there.

    Returns:
        The answer without the blanks around it; None where nobody gives one: the input ended, as
        with Ctrl-D, or says nothing.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    if sys.stdin is None:  # it was closed when the program began
        return None
    try:
        if sys.stdin.isatty():
            return _typed(question)
        answer = _piped_line(sys.stdin.fileno())
    except (OSError, ValueError):  # it was closed since, or is no file
        return None
    if answer is not None:
        print(question + answer)
    return answer


def answered(question: str) -> bool | None:
    """Ask for a yes or a no, again and again until it is one of them.

    Returns:
        None where nobody answers: the input ended, or says nothing.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    while (answer := ask(question)) is not None:
        word = unicodedata.normalize("NFC", answer).lower()
        if word in YES | NO:
            return word in YES
        print(messages.YES_OR_NO)
    return None


def confirmed(question: str) -> bool:
    """Ask for a yes; where nobody answers, the answer is no.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    return answered(question) is True


def print_anything() -> None:
    """Have a character that the terminal's encoding lacks replaced, where printing would fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Have a SIGTERM end what runs here as Ctrl-C would, with all that it has begun undone.

    A container's first process would not hear of it otherwise. Whoever handles the signal already
    goes on doing so; only a program's first thread is told.
    """
    is_first = threading.current_thread() is threading.main_thread()
    if not is_first or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def end(*_: object) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def code_of(end: KeyboardInterrupt) -> int:
    """Return the exit code of a program that was ended so."""
    return TERMINATED if isinstance(end, Terminated) else INTERRUPTED


def is_verbose() -> bool:
    """Tell whether what Alembic logs was asked for, with `verbose=1` after make."""
    return bool(os.environ.get("MIGRATION_VERBOSE"))


def log_to_terminal(formatter: logging.Formatter | None = None) -> None:
    """Show warnings on standard error, unless something configured logging already.

    Where it was asked for, also each step that Alembic takes.

    Args:
        formatter: for whom no person reads: each step is shown, too, and in this form.
    """
    if logging.root.handlers:
        return
    if formatter is not None:
        handler = logging.StreamHandler()
        handler.setFormatter(formatter)
        logging.basicConfig(handlers=[handler])
        logging.getLogger("alembic.runtime.migration").setLevel(logging.INFO)
    elif is_verbose():
        logging.basicConfig(format="%(levelname)-5.5s [%(name)s] %(message)s")
        for name in ("alembic.runtime.migration", "alembic.autogenerate"):
            logging.getLogger(name).setLevel(logging.INFO)
    else:
        logging.basicConfig(format="%(message)s")
    logging.getLogger("alembic.util.messaging").disabled = True  # it prints what it logs


def _typed(question: str) -> str | None:
    try:
        return input(question).strip()
    except UnicodeDecodeError:  # keys that mean nothing in this encoding
        return ""
    except EOFError:
        print()  # what is said next stands in a line of its own
        return None
    except KeyboardInterrupt:
        print()
        raise


def _piped_line(source: int) -> str | None:
    """Return the next line without the blanks around it; None at the end, or where none comes.

    It is read byte by byte: what Python reads ahead, `select` does not see waiting.
    """
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([source], [], [], PATIENCE)
        byte = os.read(source, 1) if ready else None
        if byte is None or not (byte or line):
            return None
        if not byte:
            break
        line += byte
    return line.decode(errors="replace").strip()
