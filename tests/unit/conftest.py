"""The library runs in this process: as it lies in the template, and for no project by itself."""

import argparse
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest.logging import LogCaptureHandler
from sqlalchemy import Connection

from support.database import DATABASES

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "template/vendor"))


@pytest.fixture(autouse=True)
def no_project_is_left_behind() -> Iterator[None]:
    """Forget the project that a test declared, and with it the language spoken."""
    from alambique import messages
    from alambique.settings import forget_project, use_history

    yield
    use_history()
    forget_project()
    messages.speak("")


@pytest.fixture(autouse=True)
def no_folder_stays_importable() -> Iterator[None]:
    """Take back the folders that Alembic puts before all others, a few for each project.

    A process that is given thousands of them as an argument, as a fork server is, does not start.
    """
    before = sys.path[:]
    yield
    sys.path[:] = before


@pytest.fixture(autouse=True)
def nothing_is_logged_elsewhere() -> Iterator[None]:
    """Take back what a stock env.py, or what it imports, does to logging and the environment.

    Its handlers would write to a stream that is closed after the test.
    """
    environment = dict(os.environ)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    known = logging.root.manager.loggerDict.values()
    loggers = [each for each in known if isinstance(each, logging.Logger)]
    before = [(each.level, each.disabled, each.propagate, each.handlers[:]) for each in loggers]

    yield
    pytests = [each for each in root.handlers if isinstance(each, LogCaptureHandler)]
    root.handlers[:] = [*pytests, *(each for each in handlers if each not in pytests)]
    root.setLevel(level)
    for logger, (was, disabled, propagate, own) in zip(loggers, before, strict=True):
        logger.setLevel(was)
        logger.disabled, logger.propagate = disabled, propagate
        logger.handlers[:] = own

    now = os.environ.get("PYTEST_CURRENT_TEST")
    os.environ.clear()
    os.environ.update(environment)
    if now is not None:
        os.environ["PYTEST_CURRENT_TEST"] = now


@pytest.fixture(params=DATABASES)
def connection(
    request: pytest.FixtureRequest, new_database: Callable[[str], str]
) -> Iterator[Connection]:
    """An empty database on each server."""
    from support.comparison import opened

    with opened(new_database(request.param)) as connection:
        yield connection


@pytest.fixture
def update(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the update, with nobody at the terminal."""
    from alambique.tools import template_update

    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def run(*arguments: str) -> int:
        program = str(Path(sys.prefix, "bin/copier"))
        parser = argparse.ArgumentParser()
        template_update.add_arguments(parser)
        return template_update.run(parser.parse_args(["--copier", program, *arguments]))

    return run
