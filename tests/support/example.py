"""The example a project starts with, another model, and revisions beside those it has."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

from support.project import Project

FIRST, SECOND, HEAD = "3f1c0a5d7b21", "8b4e2d9c6f30", "c27a51e8d943"
# What the example calls things in Portuguese, and the pages that go on from it; and in English.
IN_ENGLISH = {
    "usuarios": "users",
    "usuario": "user",
    "produtos": "products",
    "produto": "product",
    "nomes": "names",
    "nome": "name",
    "idade": "age",
    "preco": "price",
    "estoque": "stock",
    "quantidade": "quantity",
    "clientes": "customers",
    "apelido": "nickname",
    "cidade": "city",
    "telefone": "telephone",
    "brinde": "gift",
    "pessoa": "person",
    "adultos_aos_dezesseis": "adults_at_sixteen",
    "adultos": "adults",
    "sem_espacos": "without_spaces",
    "cada_um_com_as_suas": "rows_of_their_own",
    "so_a_sua": "own_row",
}
IN_ENGLISH |= {ours.capitalize(): theirs.capitalize() for ours, theirs in IN_ENGLISH.items()}
# Also as a part of ix_usuarios_email and of UsuarioIn.
NAME = re.compile(rf"(?<![^\W\d_])({'|'.join(IN_ENGLISH)})(?![a-zà-ÿ])")
CLIENTE = """
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import CoreBase


class Cliente(CoreBase):
    __tablename__ = "clientes"

    nome: Mapped[str] = mapped_column(String(100))
"""
REVISION = '''"""{id}"""
import sqlalchemy as sa
from alembic import op

revision = "{id}"
down_revision = {revises!r}


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    {downgrade}
'''


def in_english(text: str) -> str:
    """Return a text that names the example in Portuguese with the names it has in English."""
    return NAME.sub(lambda found: IN_ENGLISH[found[0]], text)


def in_language(language: str, text: str) -> str:
    """Return a text that names the example in Portuguese with the names of a language."""
    return in_english(text) if language == "en" else text


def operations(revision: Path, function: str = "upgrade") -> list[tuple[str, str]]:
    """Return each operation of a revision with its first argument: [("create_table", "a")]."""
    body = ast.parse(revision.read_text(encoding="utf-8")).body
    inside = next(node for node in body if getattr(node, "name", "") == function)
    return [
        (call.func.attr, ast.unparse(call.args[0]).strip("'"))
        for call in ast.walk(inside)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value) in {"op", "batch_op"}
        and call.func.attr != "f"
    ]


def new_revision(project: Project, command: Callable[[], object]) -> Path | None:
    """Run a command and return the one revision it wrote, None if it wrote none."""
    before = project.revisions()
    command()
    new = [path for path in project.revisions() if path not in before]
    assert len(new) <= 1
    return new[0] if new else None


def write_revision(
    project: Project, id: str, upgrade: str, downgrade: str = "pass", revises: object = HEAD
) -> Path:
    """Write a revision by hand, as `make revision` and an editor would."""
    body = upgrade.strip().replace("\n", "\n    ")
    text = REVISION.format(id=id, revises=revises, upgrade=body, downgrade=downgrade)
    return project.write(f"migrations/versions/{id}.py", text)
