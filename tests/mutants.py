"""Plant faults in a copy of the template, one at a time: `make mutants`, each must be seen.

A fault names the tests that should turn red, so that one takes seconds; the exit code is 1 if any
stays unseen.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from releases import git, repository

ENV = "template/{{ migrations_folder }}/env.py"
FIRST = (
    "template/{{ migrations_folder }}/{% if example %}versions{% endif %}"
    "/2026_01_05_0900-3f1c0a5d7b21_create_usuarios.py"
)
ENGLISH = "template/core/{% if language == 'en' %}migrations{% endif %}/messages.py"
PORTUGUESE = ENGLISH.replace("'en'", "'pt'")
CORE = "template/core/migrations"


@dataclass(frozen=True)
class Fault:
    """Something one could do wrong, and the tests that should say so."""

    what: str
    plant: Callable[[Path], object]
    seen_by: str


def replaced(file: str, old: str, new: str) -> Callable[[Path], object]:
    """Return a fault that writes something else in a file."""

    def plant(tree: Path) -> None:
        text = (tree / file).read_text(encoding="utf-8")
        assert old in text, f"{file} no longer has {old!r}: mend this fault"
        (tree / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return plant


def added(file: str, text: str) -> Callable[[Path], object]:
    """Return a fault that writes something at the end of a file, or a new file."""

    def plant(tree: Path) -> None:
        with (tree / file).open("a", encoding="utf-8") as target:
            target.write(text)

    return plant


def moved(old: str, new: str) -> Callable[[Path], object]:
    """Return a fault that gives a file of the template another name."""
    return lambda tree: (tree / old).rename(tree / new)


GUARD = "{% if _copier_operation == 'update' %}"
FAULTS = [
    # What a project was promised
    Fault(
        "a seed's guard dropped",
        replaced("copier.yml", f'  - "{GUARD}/main.py{{% endif %}}"\n', ""),
        "test_render.py test_updates.py",
    ),
    Fault(
        "a path renamed without a hook",
        moved("template/.env.example.jinja", "template/env.example.jinja"),
        "test_releases.py",
    ),
    Fault(
        "a question renamed",
        replaced("copier.yml", "\nmode:\n", "\naccess:\n"),
        "test_questions.py test_releases.py",
    ),
    Fault(
        "a choice taken away",
        replaced("copier.yml", "pip: pip, conda: conda", "conda: conda"),
        "test_releases.py",
    ),
    Fault(
        "a default changed",
        replaced("copier.yml", "  default: migrations\n", "  default: alembic\n"),
        "test_releases.py",
    ),
    Fault("a released revision edited", replaced(FIRST, "100", "120"), "test_releases.py"),
    Fault(
        "the time rendered into a file",
        added("template/.gitignore.jinja", "# {{ '%H:%M:%S.%f' | strftime }}\n"),
        "test_updates.py test_render.py",
    ),
    Fault(
        "a rendered file that git ignores",
        added("template/.env.jinja", "DATABASE_URL=x\n"),
        "test_render.py",
    ),
    # No trust needed
    Fault("a task", added("copier.yml", '\n_tasks: ["true"]\n'), "test_questions.py"),
    Fault(
        "a Jinja extension",
        added("copier.yml", "\n_jinja_extensions: [jinja2.ext.do]\n"),
        "test_questions.py",
    ),
    Fault(
        "a misspelt answer renders empty",
        replaced("copier.yml", "_envops: { undefined: jinja2.StrictUndefined }\n", ""),
        "test_render.py",
    ),
    # An update never loses work
    Fault(
        "a conflict ends in 0",
        replaced("template/core/template.py", "    if conflicts:\n", "    if not version:\n"),
        "test_template_update.py",
    ),
    Fault(
        "a file git does not know is overwritten",
        replaced("template/core/template.py", "if (top / path).exists()]:", "if not top]:"),
        "test_template_update.py",
    ),
    Fault(
        "git is not told of the conflicts",
        replaced("template/core/template.py", "given=gone + unmerged", 'given=""'),
        "test_template_update.py",
    ),
    Fault(
        "the news in another language",
        replaced(PORTUGUESE, "CHANGELOG.pt-BR.md", "CHANGELOG.md"),
        "test_template_update.py",
    ),
    Fault(
        "a project newer than the template is updated back",
        replaced("template/core/template.py", "4 if int(ours) else 0", "3 if int(ours) else 0"),
        "test_template_update.py",
    ),
    Fault(
        "the source of a new project is where the clone lies",
        replaced("hooks/after_copy.py", "if there and clean and", "if not there and clean and"),
        "test_template_update.py",
    ),
    Fault(
        "seeds overwritten by a fresh copy",
        replaced("copier.yml", "_skip_if_exists: [/app, ", "_skip_if_exists: ["),
        "test_releases.py",
    ),
    # Migrations
    Fault(
        "a URL with % goes through ConfigParser",
        replaced(
            ENV,
            "\n\ndef configure(",
            '\nconfig.set_main_option("sqlalchemy.url", str(url))\n\n\ndef configure(',
        ),
        "test_connection.py",
    ),
    Fault(
        "tables of others are ours",
        replaced(ENV, "        include_name=ours.include_name,", "        #"),
        "test_ownership.py",
    ),
    Fault(
        "a loss nobody allowed is written",
        replaced(ENV, "        process_revision_directives=review,\n", ""),
        "test_losses.py",
    ),
    Fault(
        "no journal",
        replaced(ENV, "        keep_journal(migration)\n", ""),
        "test_faults.py",
    ),
    Fault(
        "no lock",
        replaced(ENV, "with one_at_a_time(migration), context", "with context"),
        "test_races.py",
    ),
    Fault(
        "SQLite enforces keys while it recreates a table",
        replaced(f"{CORE}/connection.py", "PRAGMA foreign_keys=OFF", "PRAGMA foreign_keys=ON"),
        "test_faults.py",
    ),
]


def main() -> int:
    """Plant each fault whose name has the words given, or all; return 1 if one stays unseen."""
    chosen = [fault for fault in FAULTS if " ".join(sys.argv[1:]) in fault.what]
    unseen = []
    with tempfile.TemporaryDirectory() as folder:
        tree = repository(Path(folder) / "alambique")
        (tree / ".venv").symlink_to(sys.prefix, target_is_directory=True)
        (tree / ".git/info/exclude").write_text(".venv\n")
        for fault in chosen:
            fault.plant(tree)
            tests = [f"tests/{name}" for name in fault.seen_by.split()]
            command = [".venv/bin/python", "-m", "pytest", "--exitfirst", "--quiet", *tests]
            began = time.perf_counter()
            done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
            red = re.findall(r"^FAILED \S+::(\w+)", done.stdout, re.MULTILINE)[:1]
            unseen += [] if red else [fault.what]
            print(
                f"{time.perf_counter() - began:5.1f} s  {fault.what}: {red or 'UNSEEN'}", flush=True
            )
            git(tree, "reset", "--quiet", "--hard")
            git(tree, "clean", "--quiet", "--force", "-d")
    print(f"{len(chosen) - len(unseen)} of {len(chosen)} faults seen")
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
