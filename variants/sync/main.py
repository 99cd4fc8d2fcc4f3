"""The whole cycle from Python: write a revision if a model changed, apply, add data, read it back.

`python main.py` does all of it; `python main.py seed` (or `make seed`) only adds the data.
"""

import sys

from sqlalchemy import select

from app.usuarios.models import Usuario
from core.database import SessionLocal
from core.migrations import apply_migrations, create_migration


def seed() -> None:
    """Add Alice (30) and Bob (25), unless they are there already."""
    with SessionLocal.begin() as session:
        there = set(session.scalars(select(Usuario.nome)))
        for nome, idade in [("Alice", 30), ("Bob", 25)]:
            if nome not in there:
                session.add(Usuario(nome=nome, idade=idade))


def show() -> None:
    """Print who is there."""
    with SessionLocal() as session:
        for usuario in session.scalars(select(Usuario).order_by(Usuario.id)):
            print(usuario.nome, usuario.idade, usuario.email or "")


def main(only_seed: bool) -> None:
    """Walk the cycle. A revision is written only where the models and the database differ."""
    if not only_seed:
        apply_migrations()
        if create_migration("update from the models"):
            apply_migrations()
    seed()
    show()


if __name__ == "__main__":
    main(only_seed=sys.argv[1:] == ["seed"])
