"""The last look at a generated revision: no line that loses data unless somebody said so."""

import difflib
import unicodedata
from typing import Any

from alembic import command
from alembic.operations import ops
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from core.migrations import ask, confirmed, messages
from core.migrations.hooks import Fills, create_enums, fill, in_order
from core.migrations.models import may_cut
from core.migrations.ownership import leave_indexes_to_their_table, leave_out_marked
from core.migrations.rewrite import Names, Renames, column, compare, found_table, key


class Said:
    """What was said beforehand: `-x rename=a.b:c -x drop=a.d -x fill="a.e:'x'"`."""

    def __init__(self, migration: MigrationContext) -> None:
        options = migration.config.cmd_opts if migration.config else None
        self.checking = getattr(options, "cmd", [None])[0] is command.check
        self.writing = bool(getattr(options, "autogenerate", False))
        self.rename, self.fill, self.drop = Names(), Names(), Names()
        verbs = {"rename": self.rename, "fill": self.fill, "drop": self.drop}
        for option in getattr(options, "x", None) or []:
            verb, _, rest = option.partition("=")
            old, _, new = rest.partition(":")
            verbs.get(verb, Names())[old] = new
        self.unused = {*self.rename, *self.fill, *self.drop}
        self.refused: list[str] = []

    def pairs(
        self, owner: str, gone: list[str], new: list[str], there: set[str], mapped: set[str]
    ) -> Names:
        """Return what was renamed, as said or as answered; ask about what is gone for good.

        Args:
            owner: what stands before each name in what was said: "" for tables, "usuarios.".
            gone: the names that only the database has.
            new: the names that only the models have.
            there: all names in the database.
            mapped: all names in the models.
        """
        names = {old: self.rename.get(owner + old, "") for old in sorted(there)}
        names = {old: name for old, name in names.items() if name in mapped}
        taken = there.difference(names)  # a name that stays another's cannot be given away
        names = {old: name for old, name in names.items() if name not in taken}
        self.unused -= {owner + old for old in names}
        for old in sorted(set(gone).difference(names)):
            schema = old.rpartition(".")[0]  # a rename does not leave its schema
            free = [each for each in new if each not in names.values()]
            free = [each for each in free if each.rpartition(".")[0] == schema]
            likely = difflib.get_close_matches(old, free, n=len(free) or 1, cutoff=0)
            name = owner + old
            for each in likely if name not in self.drop else ():
                if confirmed(messages.ASK_RENAME.format(old=name, new=each)):
                    names[old] = each
                    break
            else:
                hint = messages.HOW_TO_RENAME if likely else messages.HOW_TO_DROP
                hint = hint.format(name=name, new=likely[0] if likely else "")
                self.may_lose(name, messages.ASK_DROP.format(name=name), hint)
        return names

    def may_lose(self, name: str, question: str, hint: str) -> None:
        """Note a refusal, with `hint` as the way out, unless losing `name` was said or agreed."""
        self.unused.discard(name)
        if name not in self.drop and not confirmed(question):
            self.refused.append(hint)

    def filled_with(self, name: str) -> str | None:
        """Return the SQL expression that fills the rows of `name` that have no value."""
        self.unused.discard(name)
        value = self.fill.get(name) or ask(messages.ASK_FILL.format(name=name))
        if not value:
            self.refused.append(messages.HOW_TO_FILL.format(name=name))
        return value or None


def review(migration: MigrationContext, revision: Any, directives: list[MigrationScript]) -> None:
    """Ask about every loss, or refuse; then give the file a name every file system can carry.

    Raises:
        CommandError: nothing is mapped, or a loss was neither said nor agreed to.
    """
    script, said = directives[0], Said(migration)
    upgrade = script.upgrade_ops
    if upgrade is None or migration.opts["target_metadata"] is None:
        _name(migration, script)
        return
    if said.checking:
        leave_out_marked(migration, upgrade)
        return
    mapped = any(metadata.tables for metadata in migration.opts["target_metadata"])
    if not mapped and (said.writing or not upgrade.is_empty()):
        raise CommandError(messages.NOTHING_MAPPED)
    fills = settle(migration, upgrade, said)
    leave_out_marked(migration, upgrade)
    if said.refused:
        lines = "\n".join(f"  {line}" for line in said.refused)
        raise CommandError(messages.LOSES_DATA.format(lines=lines))
    if said.unused:
        raise CommandError(messages.NOT_FOUND.format(names=", ".join(sorted(said.unused))))
    if upgrade.is_empty() and said.writing:
        directives.clear()
        print(messages.NO_CHANGE)
        return
    assert script.downgrade_ops is not None
    upgrade.ops = in_order(upgrade.ops)
    upgrade.reverse_into(script.downgrade_ops)
    for each in (upgrade, script.downgrade_ops):
        leave_indexes_to_their_table(each)
    fill(migration, upgrade, fills)
    create_enums(migration, upgrade, script.downgrade_ops)
    _name(migration, script)


def settle(migration: MigrationContext, upgrade: ops.UpgradeOps, said: Said) -> Fills:
    """Turn drops into renames where they are, and ask about every other loss.

    Returns:
        The SQL expressions that fill columns which may not be null from now on.
    """
    renames = Renames(tables=_renamed_tables(migration, upgrade, said))
    if renames.tables:
        upgrade.ops = compare(migration, renames)
    for table in _modified(upgrade, said):
        names = _renamed_columns(migration, upgrade, table, renames, said)
        if names:
            renames.columns[table] = names
    if renames.columns:
        upgrade.ops = compare(migration, renames)
    fills: Fills = {}
    for modify in upgrade.ops:
        for op in getattr(modify, "ops", []):
            _ask_about(op, f"{key(modify)}.{column(op)}", said, fills)
    upgrade.ops[:0] = renames.operations(migration)
    return fills


def _renamed_tables(migration: MigrationContext, upgrade: ops.UpgradeOps, said: Said) -> Names:
    created = [key(op) for op in upgrade.ops if isinstance(op, ops.CreateTableOp)]
    dropped = [key(op) for op in upgrade.ops if isinstance(op, ops.DropTableOp)]
    mapped = {name for metadata in migration.opts["target_metadata"] for name in metadata.tables}
    there = mapped.difference(created).union(dropped)
    return said.pairs("", dropped, created, there, mapped)


def _modified(upgrade: ops.UpgradeOps, said: Said) -> list[str]:
    # Two columns that change places leave no trace but what was said.
    gone = {key(op) for op in upgrade.ops if isinstance(op, (ops.CreateTableOp, ops.DropTableOp))}
    named = sorted(name.rpartition(".")[0] for name in said.unused & said.rename.keys())
    found = [key(op) for op in upgrade.ops if isinstance(op, ops.ModifyTableOps)]
    return [table for table in dict.fromkeys(found + named) if table and table not in gone]


def _renamed_columns(
    migration: MigrationContext, upgrade: ops.UpgradeOps, table: str, renames: Renames, said: Said
) -> Names:
    changes = [op for each in upgrade.ops if key(each) == table for op in getattr(each, "ops", [])]
    dropped = [op.column_name for op in changes if isinstance(op, ops.DropColumnOp)]
    added = [str(op.column.name) for op in changes if isinstance(op, ops.AddColumnOp)]
    there, mapped = set(dropped), set(added)
    metadatas = migration.opts["target_metadata"]
    models = [each.tables[table] for each in metadatas if table in each.tables]
    if models and any(name.rpartition(".")[0] == table for name in said.rename):
        there = {each.name for each in found_table(migration, renames.old_table(table)).columns}
        mapped = {column.name for model in models for column in model.columns}
    return said.pairs(f"{table}.", dropped, added, there, mapped)


def _ask_about(op: Any, name: str, said: Said, fills: Fills) -> None:
    if isinstance(op, ops.AddColumnOp):
        needs = not op.column.nullable and op.column.server_default is None
        if needs and not op.column.computed and not op.column.identity:
            fills[name] = said.filled_with(name)
    elif isinstance(op, ops.AlterColumnOp):
        if op.modify_type is not None and may_cut(op.existing_type, op.modify_type):
            hint = messages.HOW_TO_CUT.format(name=name, old=op.existing_type, new=op.modify_type)
            said.may_lose(name, hint + messages.ASK_CUT, hint)
        if op.modify_nullable is False:
            fills[name] = said.filled_with(name)


def _name(migration: MigrationContext, script: MigrationScript) -> None:
    # The title keeps its accents inside the file; only the file's name is folded.
    title = (script.message or "").replace("\\", r"\\").replace('"', r"\"")
    migration.opts["template_args"]["title"] = title
    script.message = ascii_only(script.message or "")


def ascii_only(text: str) -> str:
    """Return `text` with its accents folded: "descrição" becomes "descricao"."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
