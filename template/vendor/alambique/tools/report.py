"""What a command says to a program: JSON, of which `alambique/schemas` has the shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import alambique

# Another number where what reads this one would go wrong; what is only added keeps it.
FORMAT = 1


def print_report(command: str, content: Mapping[str, Any]) -> None:
    """Print what a command found, as one object.

    Args:
        command: its name, which is its schema's.
        content: what it found.
    """
    head = {"report": command, "format": FORMAT, "alambique": alambique.__version__}
    print(json.dumps({**head, **content}, indent=2, ensure_ascii=False))
