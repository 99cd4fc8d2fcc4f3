"""CONTRIBUTING.md's checklists are true, and a step that no other test sees is seen here."""

import re

from support.cells import KEYS
from support.project import QUESTIONS, ROOT, SETTINGS, read

# Any text will do for these: a matrix has nothing to try.
FREE_TEXT = {"project_name", "project_description"}
ON_UPDATE = "{% if _copier_operation == 'update' %}"


def test_every_question_is_in_the_matrix() -> None:
    missing = sorted(QUESTIONS.keys() - FREE_TEXT - set(KEYS))
    assert not missing, f"KEYS in tests/support/cells.py lacks {missing}"


def test_every_seed_is_kept_by_a_copy_onto_a_project() -> None:
    lines = [line for line in SETTINGS["_exclude"] if line.startswith(ON_UPDATE)]
    seeds = {line.removeprefix(ON_UPDATE).removesuffix("{% endif %}") for line in lines}
    seeds = {seed.replace("{{ migrations_folder }}", "*") for seed in seeds}
    missing = sorted(seeds - set(SETTINGS["_skip_if_exists"]))
    assert seeds and not missing, f"_skip_if_exists in copier.yml lacks {missing}"


def test_the_files_and_tests_that_contributing_names_exist() -> None:
    words = re.findall(r"`([^`\n]+)`", read(ROOT / "CONTRIBUTING.md"))

    paths = {word for word in words if word.startswith(("benchmarks/", "hooks/", "template/"))}
    paths |= {word for word in words if word.startswith(("tests/", "variants/"))}
    paths = {path for path in paths if "<" not in path}
    gone = sorted(path for path in paths if not (ROOT / path).exists())
    assert paths and not gone, f"CONTRIBUTING.md names {gone}"

    tests = {word for word in words if re.fullmatch(r"test_\w+\.py(::\w+)?", word)}
    gone = sorted(test for test in tests if not is_there(test))
    assert tests and not gone, f"CONTRIBUTING.md names {gone}"


def test_the_modules_that_contributing_names_exist() -> None:
    library = ROOT / "template/vendor/alambique"
    found = re.findall(
        r"`((?:autogenerate|database|history|settings|upgrade)/\w+\.py)`",
        read(ROOT / "CONTRIBUTING.md"),
    )
    gone = sorted(name for name in found if not (library / name).exists())
    assert found and not gone, f"CONTRIBUTING.md names {gone}"


def is_there(test: str) -> bool:
    """Tell whether a file of tests, or a test in it, exists."""
    file, _, function = test.partition("::")
    path = next(iter((ROOT / "tests").rglob(file)), None)
    return path is not None and f"def {function}" in read(path)
