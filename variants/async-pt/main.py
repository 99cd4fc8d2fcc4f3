"""O ciclo inteiro em Python: escreve a revisão se um modelo mudou, aplica, põe dados e os lê.

`python main.py` faz tudo; `python main.py seed` (ou `make seed`) só põe os dados.
"""

import asyncio
import sys

from sqlalchemy import select

from app.usuarios.models import Usuario
from core.database import SessionLocal, engine
from core.migrations import apply_migrations, create_migration


async def seed() -> None:
    """Acrescenta Alice (30) e Bob (25), se ainda não estão lá."""
    async with SessionLocal.begin() as session:
        there = set(await session.scalars(select(Usuario.nome)))
        for nome, idade in [("Alice", 30), ("Bob", 25)]:
            if nome not in there:
                session.add(Usuario(nome=nome, idade=idade))


async def show() -> None:
    """Imprime quem está lá."""
    async with SessionLocal() as session:
        for usuario in await session.scalars(select(Usuario).order_by(Usuario.id)):
            print(usuario.nome, usuario.idade, usuario.email or "")


async def main(only_seed: bool) -> None:
    """Percorre o ciclo. Só há revisão a escrever onde os modelos e o banco diferem."""
    if not only_seed:
        await asyncio.to_thread(apply_migrations)
        if await asyncio.to_thread(create_migration, "update from the models"):
            await asyncio.to_thread(apply_migrations)
    await seed()
    await show()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(only_seed=sys.argv[1:] == ["seed"]))
