"""The whole cycle from Python: write a revision if a model changed, apply, add data, read it back.

`python main.py` does all of it; `python main.py seed` (or `make seed`) only adds the data.
"""

import asyncio
import sys

from sqlalchemy import select

from app.users.models import User
from core.database import SessionLocal, engine
from core.migrations import apply_migrations, create_migration


async def seed() -> None:
    """Add Alice (30) and Bob (25), unless they are there already."""
    async with SessionLocal.begin() as session:
        there = set(await session.scalars(select(User.name)))
        for name, age in [("Alice", 30), ("Bob", 25)]:
            if name not in there:
                session.add(User(name=name, age=age))


async def show() -> None:
    """Print who is there."""
    async with SessionLocal() as session:
        for user in await session.scalars(select(User).order_by(User.id)):
            print(user.name, user.age, user.email or "")


async def main(only_seed: bool) -> None:
    """Walk the cycle. A revision is written only where the models and the database differ."""
    if not only_seed:
        await asyncio.to_thread(apply_migrations)
        if await asyncio.to_thread(create_migration, "update from the models"):
            await asyncio.to_thread(apply_migrations)
    await seed()
    await show()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(only_seed=sys.argv[1:] == ["seed"]))
