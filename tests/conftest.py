"""How the tests are run: options, markers, workers, and the numbers at the end."""

import os
from collections import Counter

import pytest

pytest.register_assert_rewrite("support")
pytest_plugins = ["support.fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="every cell of every matrix")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: only with --full")


def pytest_xdist_auto_num_workers() -> int:
    """Return three workers for two cores: a third of the time tests wait for something."""
    return max(2, 3 * (os.cpu_count() or 1) // 2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is only for --full."""
    if not config.getoption("--full"):
        items[:] = [item for item in items if not item.get_closest_marker("full")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how much the tests that count something have counted, all together."""
    counted: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        counted.update(dict(report.user_properties))
    for what, number in sorted(counted.items()):
        terminalreporter.write_line(f"{number:>9,} {what}")
