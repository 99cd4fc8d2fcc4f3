"""Every fault of `make mutants` still finds its place, and the test that should see it is there.

Whether it does see it takes the tests themselves: `make mutants`.
"""

from collections import Counter

import pytest

from support.mutants import FAULTS
from support.mutants.faults import Fault, Replaced, Stale, check


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_fault_can_be_planted(fault: Fault) -> None:
    check(fault)


def test_each_fault_has_a_name_of_its_own() -> None:
    names = Counter(fault.what for fault in FAULTS)
    assert not [name for name, count in names.items() if count > 1]


PYPROJECT = "pyproject.toml"
NAME = 'name = "alambique"'
HERE = "unit/mutants::test_each_fault_has_a_name_of_its_own"


@pytest.mark.parametrize(
    ("change", "seen_by", "why"),
    [
        (Replaced("nowhere.py", "a", "b"), HERE, "there is no nowhere.py"),
        (Replaced(PYPROJECT, "what is not there", "b"), HERE, "0 times"),
        (Replaced(PYPROJECT, "[tool", "b"), HERE, "mend this fault"),
        (Replaced("tests/unit/test_mutants.py", "import pytest\n", "import\n"), HERE, "no Python"),
        (Replaced(PYPROJECT, NAME, "b"), "unit/nowhere", "there is no tests/unit/test_nowhere.py"),
        (Replaced(PYPROJECT, NAME, "b"), "unit/mutants::test_nothing", "no test_nothing"),
    ],
    ids=lambda each: str(each),
)
def test_a_fault_that_speaks_of_what_has_moved_is_said(
    change: Replaced, seen_by: str, why: str
) -> None:
    with pytest.raises(Stale, match=why):
        check(Fault("a fault", change, seen_by))
