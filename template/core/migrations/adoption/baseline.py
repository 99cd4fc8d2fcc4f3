"""The first revision: all of what the models say, and what the tables need besides."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alembic.autogenerate import render_python_code
from alembic.operations import ops
from sqlalchemy.engine import URL
from sqlalchemy.schema import sort_tables_and_constraints

from core import ROOT
from core.migrations import format_revision, messages
from core.migrations.adoption.legacy import Carried
from core.migrations.models import load_metadata

LONG = "# ruff: noqa: E501, a name is as long as the database has it\n"
MARK = "skip_autogenerate"
MAKE_SCHEMA = """DO $$ BEGIN IF to_regnamespace('{name}') IS NULL THEN CREATE SCHEMA {name};
COMMENT ON SCHEMA {name} IS 'Made by revision {revision}'; END IF; END $$"""
DROP_SCHEMA = """DO $$ BEGIN IF obj_description(to_regnamespace('{name}'), 'pg_namespace')
= 'Made by revision {revision}' THEN DROP SCHEMA {name}; END IF; END $$"""


@contextmanager
def whole_baseline(url: URL, ours: set[str]) -> Iterator[list[Any]]:
    """Let a revision make our tables and no others, with what cannot be compared later on.

    Args:
        url: a database of the kind that the revision is for.
        ours: the keys of the tables.

    Yields:
        The foreign keys that go round in a circle, for after their tables.
    """
    metadata = load_metadata()
    everything = [table for each in metadata for table in each.tables.values()]
    tables = [table for table in everything if table.key in ours]
    others = [table for table in everything if table not in tables and MARK not in table.info]
    parts = [part for table in tables for part in (*table.constraints, *table.indexes)]
    marked = [part for part in parts if part.info.pop(MARK, None)]
    circles: list[Any] = []
    if url.get_backend_name() != "sqlite":  # it makes a key before the table it refers to
        in_order: Any = sort_tables_and_constraints
        circles = [*dict(in_order(tables)).get(None, [])]
    for each in (*circles, *others):
        each.info[MARK] = True
    try:
        yield sorted(circles, key=lambda key: str(key.name))
    finally:
        for each in (*circles, *others):
            del each.info[MARK]
        for part in marked:
            part.info[MARK] = True


def complete(path: Path, needed: Carried, circles: list[Any], left: list[str]) -> None:
    """Add to a revision its schemas, the statements in `needed`, and a list of what it lacks."""
    source = path.read_text(encoding="utf-8")
    names = {table.schema for each in load_metadata() for table in each.tables.values()}
    schemas = sorted(name for name in names if name)
    revision = source.partition("Revision: ")[2].split()[0]
    before, undo = list[str](), [*needed.undo]
    for schema in schemas:
        words = {"name": f'"{schema}"', "revision": revision}
        before.append(MAKE_SCHEMA.format(**words))
        undo.append(DROP_SCHEMA.format(**words))
    late = [ops.CreateForeignKeyOp.from_constraint(key) for key in circles]
    first = [each.reverse() for each in late]
    upgrade, _, downgrade = source.partition("\n\n\ndef downgrade")
    upgrade = upgrade.replace(
        "def upgrade() -> None:\n", f"def upgrade() -> None:\n{_sql([*before, *needed.before])}"
    )
    upgrade += f"\n{_python(late)}{_sql(needed.after)}"
    downgrade = downgrade.replace("() -> None:\n", f"() -> None:\n{_python(first)}", 1)
    source = f"{upgrade.rstrip()}\n\n\ndef downgrade{downgrade.rstrip()}\n{_sql(undo)}"
    if left:
        lines = "\n".join(["", messages.LEFT_OVER, *(f"  {name}" for name in left), '"""'])
        head, _, rest = source.partition('\n"""\n')
        source = f"{head}\n{lines.replace(chr(92), chr(92) * 2)}\n{rest}"
    write({path: source})


def write(sources: dict[Path, str]) -> None:
    """Write modules, formatted as the project's are; only a name may make a line too long.

    Args:
        sources: what to write, a docstring first, by its path; folders are made.
    """
    with TemporaryDirectory(dir=ROOT) as folder:  # ruff starts once, and one failure leaves nothing
        drafts = {Path(folder, f"draft_{number}.py"): path for number, path in enumerate(sources)}
        for draft, path in drafts.items():
            head, quotes, body = sources[path].partition('"""\n')
            draft.write_text(f"{head}{quotes}\n{LONG}{body}", encoding="utf-8")
        format_revision(folder)
        for draft, path in drafts.items():
            source = draft.read_text(encoding="utf-8")
            if all(len(line) <= 100 for line in source.splitlines()):
                source = source.replace(f"{LONG}\n", "", 1)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")


def _python(found: list[Any]) -> str:
    code = render_python_code(ops.UpgradeOps(found)) if found else ""
    lines = [line.strip() for line in code.splitlines()]
    return "".join(f"    {line}\n" for line in lines if not line.startswith("# ###"))


def _sql(statements: list[str]) -> str:
    escaped = [each.replace(":", "\\:") for each in statements]
    return "".join(f"    op.execute({each!r})\n" for each in escaped)
