"""O ciclo inteiro em Python: escreve a revisão se um modelo mudou, aplica, põe dados e os lê.

`python main.py` faz tudo; `python main.py seed` (ou `make seed`) só põe os dados.
"""

import sys

from sqlalchemy import select

from app.usuarios.models import Usuario
from core.database import SessionLocal
from core.migrations import apply_migrations, create_migration


def seed() -> None:
    """Acrescenta Alice (30) e Bob (25), se ainda não estão lá."""
    with SessionLocal.begin() as session:
        there = set(session.scalars(select(Usuario.nome)))
        for nome, idade in [("Alice", 30), ("Bob", 25)]:
            if nome not in there:
                session.add(Usuario(nome=nome, idade=idade))


def show() -> None:
    """Imprime quem está lá."""
    with SessionLocal() as session:
        for usuario in session.scalars(select(Usuario).order_by(Usuario.id)):
            print(usuario.nome, usuario.idade, usuario.email or "")


def main(only_seed: bool) -> None:
    """Percorre o ciclo. Só há revisão a escrever onde os modelos e o banco diferem."""
    if not only_seed:
        apply_migrations()
        if create_migration("update from the models"):
            apply_migrations()
    seed()
    show()


if __name__ == "__main__":
    main(only_seed=sys.argv[1:] == ["seed"])
