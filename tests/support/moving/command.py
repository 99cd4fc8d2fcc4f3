"""One command of Alembic's, in a process of the moved project's own Python.

Runs where only the project's dependencies are installed: imports nothing that they lack.
"""

from __future__ import annotations

import json
import logging
import mmap
import re
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Do what the JSON in the first argument says."""
    task: dict[str, Any] = json.loads(sys.argv[1])
    from alembic.config import CommandLine, Config
    from alembic.script import ScriptDirectory

    line = CommandLine()
    options = line.parser.parse_args(task["arguments"])
    config = Config(file_=task["ini"], cmd_opts=options)
    said: dict[str, Any] = {"config": config, "url": task["url"]}
    if task["prelude"]:
        exec(compile(Path(task["prelude"]).read_text(), task["prelude"], "exec"), said)

    if task["arguments"] == ["history"]:
        script = ScriptDirectory.from_config(config)
        order = [each.revision for each in script.walk_revisions()]
        print(json.dumps({"dir": script.dir, "order": order[::-1], "heads": script.get_heads()}))
        return

    _report_revisions()
    if task["shared"]:
        _count_statements(task)
    run = said.get("run", lambda call: call())
    run(lambda: line.run_cmd(config, options))


def _report_revisions() -> None:
    """Have the last line that begins so name the revision at work."""
    from alembic.runtime import migration

    class Told(logging.Logger):
        def info(self, message: object, *given: Any, **more: Any) -> None:
            step = re.match(r"Running \w+ .*?-> ([^,\s]+)", str(message) % given)
            if step:
                print(f"AT {step[1]}", file=sys.stderr, flush=True)

        def isEnabledFor(self, level: int) -> bool:  # noqa: N802  a name of logging's
            return True

    migration.log = Told("told")  # whatever logging the project's env.py sets up


def _count_statements(task: dict[str, Any]) -> None:
    from support.drivers import Incident, install

    with open(task["shared"], "r+b") as file:
        shared = mmap.mmap(file.fileno(), 8)
    install(task["database"], Incident(task["how"], task["point"], shared, None))


if __name__ == "__main__":
    main()
