"""How the tests are run: options, markers, workers, and the numbers at the end."""

import os
import signal
from collections import Counter

import pytest

pytest.register_assert_rewrite("support")
pytest_plugins = ["support.fixtures"]

# Where pytest's cache keeps the tests that the last run has passed.
PASSED = "alambique/passed"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="every cell of every matrix")
    parser.addoption(
        "--remaining", action="store_true", help="--full, without what the last run has passed"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: only with --full")
    if config.getoption("--remaining"):
        config.option.full = True
    # A shell has what it starts in the background ignore Ctrl-C, and all that this starts, too.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Return three workers for two cores: a third of the time tests wait for something."""
    return max(2, 3 * (os.cpu_count() or 1) // 2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is only for --full, or what the last run has passed.

    A test that takes a sample of something takes a larger one with --full, and is run again.
    """
    if not config.getoption("--full"):
        items[:] = [item for item in items if not item.get_closest_marker("full")]

    if config.getoption("--remaining"):
        passed = set(config.cache.get(PASSED, []))
        items[:] = [
            item
            for item in items
            if item.nodeid not in passed or "full" in getattr(item, "fixturenames", [])
        ]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remember what has passed, for --remaining."""
    config = session.config
    is_worker = hasattr(config, "workerinput")
    has_cache = config.pluginmanager.hasplugin("cacheprovider")
    if is_worker or config.option.collectonly or not has_cache:
        return
    reports = config.pluginmanager.get_plugin("terminalreporter").stats.get("passed", [])
    config.cache.set(PASSED, [report.nodeid for report in reports])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how much the tests that count something have counted, all together."""
    counted: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        counted.update(dict(report.user_properties))
    for what, number in sorted(counted.items()):
        terminalreporter.write_line(f"{number:>9,} {what}")
