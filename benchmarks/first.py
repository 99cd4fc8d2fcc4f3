"""`first`: from an empty folder to a first migration of one's own model, applied."""

import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.measure import Row, alternate
from benchmarks.projects import ROOT, replace, run

# Each takes half a minute, most of it the installation: their medians need fewer runs.
MOST_RUNS = 3

MODEL = '''"""Who buys."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import CoreBase


class Cliente(CoreBase):
    """A customer."""

    __tablename__ = "clientes"

    nome: Mapped[str] = mapped_column(String(100))
'''
THEIR_MODEL = """from django.db import models


class Cliente(models.Model):
    nome = models.CharField(max_length=100)
"""


def first(folder: Path, options: Namespace) -> Iterator[Row]:
    """A new project with everything installed, a model, its migration; Django by its tutorial.

    Both on SQLite, each in an environment of its own, with what was downloaded once in the caches
    of pip and uv. The environment of the template's clone is there, as the clone itself is.
    """
    ours, theirs = alternate(
        min(options.runs, MOST_RUNS),
        partial(_ours, folder / "ours"),
        partial(_theirs, folder / "theirs"),
    )
    yield Row("an empty folder to an applied migration, Django", ours, theirs, promise=1)


def _ours(folder: Path) -> float:
    began = time.perf_counter()
    run(ROOT, "make", "new", f"dest={folder}", "defaults=1", "version=HEAD")
    (folder / "app/clientes").mkdir()
    (folder / "app/clientes/models.py").write_text(MODEL, encoding="utf-8")
    run(folder, "make", "migration", "m=clientes")
    run(folder, "make", "upgrade")
    taken = time.perf_counter() - began

    assert "clientes" in run(folder, ".venv/bin/python", "-m", "alambique", "history")
    shutil.rmtree(folder)
    return taken


def _theirs(folder: Path) -> float:
    began = time.perf_counter()
    folder.mkdir()
    run(folder, sys.executable, "-m", "venv", ".venv")
    run(folder, ".venv/bin/python", "-m", "pip", "install", "--quiet", "django")
    run(folder, ".venv/bin/django-admin", "startproject", "loja", ".")
    run(folder, ".venv/bin/python", "manage.py", "startapp", "clientes")
    (folder / "clientes/models.py").write_text(THEIR_MODEL, encoding="utf-8")
    settings = "INSTALLED_APPS = ["
    replace(folder / "loja/settings.py", settings, f"{settings}\n    'clientes',")
    run(folder, ".venv/bin/python", "manage.py", "makemigrations")
    run(folder, ".venv/bin/python", "manage.py", "migrate")
    taken = time.perf_counter() - began

    assert "[X] 0001" in run(folder, ".venv/bin/python", "manage.py", "showmigrations", "clientes")
    shutil.rmtree(folder)
    return taken
