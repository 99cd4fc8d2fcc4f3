"""What compares and writes, imported when Alembic asks for it.

An upgrade does neither, and each start of a service is one.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Literal

from alembic.autogenerate.api import AutogenContext

# The module that is an Alembic plugin, named like itself.
PLUGIN = "alambique.autogenerate.plugin"

PLUGINS = ["alembic.autogenerate.*", PLUGIN]
"""For `autogenerate_plugins` of `context.configure`: Alembic's own, and ours."""


def register_plugin() -> None:
    """Teach Alembic to compare, as it has to know how before it begins."""
    import_module(PLUGIN)


def render_item(type_: str, item: object, context: AutogenContext) -> str | Literal[False]:
    """Write a type, a default, a key or a CHECK: see `rendering.render_item`.

    Args:
        type_: what the item is, as Alembic calls it.
        item: a type, a server default, a constraint, ...
        context: of the comparison that is rendered.

    Returns:
        Python; False to leave the writing to Alembic.
    """
    from alambique.autogenerate import rendering

    return rendering.render_item(type_, item, context)


def rendered_first(
    theirs: Callable[[str, object, AutogenContext], str | Literal[False] | None],
) -> Callable[[str, object, AutogenContext], str | Literal[False]]:
    """Return a `render_item` that asks somebody else's, and ours where that leaves the writing."""

    def either(type_: str, item: object, context: AutogenContext) -> str | Literal[False]:
        said = theirs(type_, item, context)
        return render_item(type_, item, context) if said is None or said is False else said

    return either
