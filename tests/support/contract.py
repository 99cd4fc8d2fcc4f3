"""What a version promises to the projects made from it.

`python -m support.contract FILE` records it: `make release` does so once for each version, and
test_releases.py holds the working tree against every record.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from support.project import ROOT, Project, render

# Answers that differ in everything; a version is asked only what it knows.
SPREAD: dict[str, dict[str, Any]] = {
    "default": {},
    "postgresql": {
        "language": "en",
        "database": "postgresql",
        "mode": "async",
        "environment": "poetry",
        "ci": "gitlab",
        "migrations_folder": "alembic",
    },
    "mysql": {
        "language": "en",
        "database": "mysql",
        "environment": "pip",
        "ci": "none",
        "example": False,
    },
    "async": {"mode": "async", "environment": "conda", "ci": "none"},
}


def contract() -> dict[str, Any]:
    """Return the questions, the rendered paths and the example's revisions of the working tree."""
    settings = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))
    questions = {
        key: {
            "type": question["type"],
            "default": question["default"],
            "choices": sorted(
                str(choice["value"] if isinstance(choice, dict) else choice)
                for choice in (question.get("choices") or {}).values()
            ),
        }
        for key, question in settings.items()
        if not key.startswith("_")
    }
    paths, revisions = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, answers in SPREAD.items():
            made = Project(render(Path(folder) / name / "loja", **answers))
            rendered = sorted(path for path in made.path.rglob("*") if path.is_file())
            paths[name] = [path.relative_to(made.path).as_posix() for path in rendered]
            for path in made.revisions():
                revisions[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"questions": questions, "paths": paths, "revisions": revisions}


if __name__ == "__main__":
    recorded = Path(sys.argv[1])
    recorded.parent.mkdir(exist_ok=True)
    recorded.write_text(json.dumps(contract(), indent=1, ensure_ascii=False) + "\n")
