"""The smallest project the library works for: a folder, a few files, revisions of the test's own.

Nothing is rendered: what needs no template is tested without one.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.config import CommandLine
from sqlalchemy.engine import URL

from support.files import write_anew

if TYPE_CHECKING:
    import pytest

PYPROJECT = """\
[tool.alambique]
language = "{language}"
models = ["{package}"]
base = "{package}.models.Base"
"""
INI = """\
[alembic]
script_location = %(here)s/migrations
prepend_sys_path = %(here)s
path_separator = os
{url}
"""
ENV = """\
from alambique.env import run_migrations

run_migrations()
"""
TEMPLATE = '''\
"""${message}

Revision: ${up_revision}
Revises: ${down_revision | comma,n}
Created: ${create_date}
"""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
'''
REVISION = '''\
"""{id}

Revision: {id}
Revises: {revises}
Created: 2026-01-01 09:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "{id}"
down_revision = {below}
{more}

def upgrade() -> None:
{upgrade}


def downgrade() -> None:
{downgrade}
'''
MODELS = """\
from sqlalchemy import Column, Integer, MetaData, String, Table
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass


metadata = Base.metadata
"""


@dataclass
class Minimal:
    """A project in a folder of its own, for which this process works."""

    root: Path
    package: str = field(default_factory=lambda: f"app_{secrets.token_hex(4)}")
    """The package of the models; another in each project, as Python imports a name once."""

    @property
    def versions(self) -> Path:
        """The folder of the revisions."""
        return self.root / "migrations" / "versions"

    @property
    def manifest(self) -> str:
        """What history.txt says."""
        return (self.versions / "history.txt").read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        return write_anew(self.root / name, text)

    def models(self, tables: str) -> None:
        """Write the models: tables on `metadata`."""
        self.write(f"{self.package}/__init__.py", "")
        self.write(f"{self.package}/models.py", MODELS + textwrap.dedent(tables))

    def revision(
        self,
        id: str,
        below: str | tuple[str, ...] | None = None,
        upgrade: str = "pass",
        downgrade: str = "pass",
        more: str = "",
    ) -> Path:
        """Write a revision.

        Args:
            id: its name, also the file's.
            below: the revision it follows, or those it joins.
            upgrade: the lines of its upgrade().
            downgrade: the lines of its downgrade().
            more: lines at its top.
        """
        below_all = (below,) if isinstance(below, str) else below or ()
        text = REVISION.format(
            id=id,
            revises=", ".join(below_all),
            below=repr(below).replace("'", '"'),
            more=more,
            upgrade=textwrap.indent(textwrap.dedent(upgrade).strip(), "    "),
            downgrade=textwrap.indent(textwrap.dedent(downgrade).strip(), "    "),
        )
        return self.write(f"migrations/versions/{id}.py", text)

    def typed(self, *words: str) -> int:
        """Type a command of Alembic's, in this process; return its exit code."""
        try:
            CommandLine(prog="alembic").main(["-c", f"{self.root}/alembic.ini", *words])
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    def upgrading(self, url: URL) -> subprocess.Popen[str]:
        """Start an upgrade of a database in a process of its own."""
        from alambique import messages

        library = Path(messages.__file__).parents[2]
        shown = url.render_as_string(hide_password=False)
        return subprocess.Popen(
            [sys.executable, "-m", "alembic", "-x", f"url={shown}", "upgrade", "head"],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": str(library)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def is_said(sentence: str, capsys: pytest.CaptureFixture[str]) -> bool:
    """Tell whether a sentence was printed, and no traceback; Alembic wraps its lines."""
    captured = capsys.readouterr()
    printed = captured.out + captured.err
    assert "Traceback" not in printed
    return "".join(sentence.split()) in "".join(printed.split())


def minimal_project(
    root: Path, url: str | None = "sqlite:///app.db", language: str = "en"
) -> Minimal:
    """Make a project without models and revisions, and have this process work for it.

    Args:
        root: its folder.
        url: what sqlalchemy.url in alembic.ini says; None leaves it out.
        language: the language of its messages.
    """
    from alambique.settings import use_project

    made = Minimal(root)
    in_ini = "" if url is None else f"sqlalchemy.url = {url.replace('%', '%%')}"
    made.write("pyproject.toml", PYPROJECT.format(language=language, package=made.package))
    made.write("alembic.ini", INI.format(url=in_ini))
    made.write("migrations/env.py", ENV)
    made.write("migrations/script.py.mako", TEMPLATE)
    made.versions.mkdir()
    made.models("")
    use_project(root)
    return made
