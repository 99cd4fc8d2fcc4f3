"""A copy of a project, and the commands it runs in processes of its own Python."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.consent import consent_in
from support.interruption import name_of

TESTS = Path(__file__).parents[2]
LIBRARY = TESTS.parent / "template" / "vendor"
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "node_modules", "__pycache__", ".tox")
LONGEST = 900  # seconds that a command may take

OURS = """\
from alambique.env import run_migrations
{imports}
run_migrations({options})
"""


@dataclass(frozen=True)
class Way:
    """How a project is run, as the command line says it."""

    folder: Path
    python: str = sys.executable
    ini: str = "alembic.ini"
    script: str | None = None
    prelude: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    metadata: str | None = None
    options: Sequence[str] = ()
    env: str | None = None

    @property
    def env_of_ours(self) -> str:
        """The env.py that takes the place of theirs."""
        if self.env:
            return Path(self.env).read_text(encoding="utf-8")
        imports, options = "", list(self.options)
        if self.metadata:
            module, _, attribute = self.metadata.partition(":")
            imports = f"import {module}\n"
            options.insert(0, f"target_metadata={module}.{attribute}")
        return OURS.format(imports=imports, options=", ".join(options))


@dataclass(frozen=True)
class Run:
    """A command that has ended."""

    code: int
    output: str
    was_killed: bool
    statements: int

    @property
    def at(self) -> str | None:
        """The revision that was at work last."""
        found = re.findall(r"^AT (\S+)$", self.output, re.MULTILINE)
        return found[-1] if found else None

    @property
    def reason(self) -> str:
        """What it ended with: a message of ours by its name, or its last line."""
        if "FAILED:" in self.output and not name_of(self.output).startswith("no message"):
            said = self.output.rpartition("FAILED:")[2].split()
            return f"{name_of(self.output)}: {' '.join(said)[:300]}"
        raised = re.findall(r"^[\w.]+(?:Error|Exception|Exit)\b.*", self.output, re.MULTILINE)
        lines = [each for each in self.output.splitlines() if each.strip()]
        return (raised or lines or [f"exit {self.code}"])[-1][:300]


class Copy:
    """A project in a folder of its own, for one database."""

    def __init__(self, way: Way, root: Path, database: str, url: str, is_ours: bool) -> None:
        self.way, self.root, self.database, self.url = way, root, database, url
        shutil.copytree(way.folder, root, ignore=LEFT_OUT, symlinks=True)
        self.shared = root.parent / f"{root.name}.shared"
        self.shared.write_bytes(bytes(8))
        self.is_ours = is_ours
        self._write_ini()

        found = self.run("history")
        if found.code:
            raise SystemExit(f"the history cannot be read: {found.output}")
        said = json.loads(found.output.strip().splitlines()[-1])
        self.order: list[str] = said["order"]
        self.heads: list[str] = said["heads"]
        if is_ours:
            env = root / said["dir"] / "env.py"
            assert env.resolve().is_relative_to(root.resolve()), f"{env} is not in the copy"
            env.write_text(way.env_of_ours, encoding="utf-8")

    def _write_ini(self) -> None:
        """Have the ini name this database, and the folder of env.py if it is to."""
        path = self.root / self.way.ini
        text = path.read_text(encoding="utf-8") if path.exists() else "[alembic]\n"
        told = {"sqlalchemy.url": self.url.replace("%", "%%")}
        if self.way.script is not None:
            told["script_location"] = str(self.root / self.way.script)
        for name, value in told.items():
            text = re.sub(rf"^{re.escape(name)}\s*=.*\n?", "", text, flags=re.MULTILINE)
            text = re.sub(
                r"^\[alembic\][^\n]*\n",
                lambda found, line=f"{name} = {value}\n": found[0] + line,  # type: ignore[misc]
                text,
                count=1,
                flags=re.MULTILINE,
            )
        path.write_text(text, encoding="utf-8")

    def run(self, *arguments: str, how: str = "none", point: int = 0) -> Run:
        """Run a command of Alembic's, and kill it at a statement if told so."""
        self.shared.write_bytes(bytes(8))
        task = {
            "arguments": arguments,
            "ini": str(self.root / self.way.ini),
            "url": self.url,
            "prelude": self.way.prelude and str(Path(self.way.prelude).resolve()),
            "database": self.database,
            "shared": str(self.shared) if self.is_ours else None,
            "how": how,
            "point": point,
        }
        is_installed = "site-packages" in self.way.folder.parts  # its package is found anyway
        paths = [*([] if is_installed else [str(self.root)]), *self._given_paths()]
        paths += [str(LIBRARY), str(TESTS)]
        environment = {
            **os.environ,
            **{name: self._filled(value) for name, value in self.way.environment.items()},
            "PYTHONPATH": os.pathsep.join(paths),
            "LANG": "en",
            "LC_ALL": "C.UTF-8",
        }
        if self.is_ours:
            environment["MIGRATION_DATABASE_URL"] = self.url
        module = str(Path(__file__).with_name("command.py"))
        try:
            ended = subprocess.run(
                [self.way.python, "-P", "-W", "ignore", module, json.dumps(task)],
                cwd=self.root / Path(self.way.ini).parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Run(124, f"still running after {LONGEST} s", False, 0)
        counted = self.shared.read_bytes()
        output = ended.stdout if arguments == ("history",) and not ended.returncode else ""
        return Run(
            ended.returncode,
            output or ended.stdout + ended.stderr,
            bool(counted[0]),
            int.from_bytes(counted[1:5]),
        )

    def run_with_consent(self, *arguments: str) -> Run:
        """Run a downgrade, and give up what it refuses to lose."""
        given: list[str] = []
        for _ in range(8):
            ended = self.run(*given, *arguments)
            asked = consent_in(ended.output) if ended.code else None
            if not asked:
                break
            given += ["-x", asked]
        return ended

    def _given_paths(self) -> list[str]:
        given = self._filled(self.way.environment.get("PYTHONPATH", ""))
        return [each for each in given.split(os.pathsep) if each]

    def _filled(self, value: str) -> str:
        return value.replace("{url}", self.url).replace("{root}", str(self.root))
