"""The whole cycle from Python: write a revision if a model changed, apply, add data, read it back.

`python main.py` does all of it; `python main.py seed` (or `make seed`) only adds the data.
"""

import sys

from sqlalchemy import select

from app.users.models import User
from core.database import SessionLocal
from core.migrations import apply_migrations, create_migration


def seed() -> None:
    """Add Alice (30) and Bob (25), unless they are there already."""
    with SessionLocal.begin() as session:
        there = set(session.scalars(select(User.name)))
        for name, age in [("Alice", 30), ("Bob", 25)]:
            if name not in there:
                session.add(User(name=name, age=age))


def show() -> None:
    """Print who is there."""
    with SessionLocal() as session:
        for user in session.scalars(select(User).order_by(User.id)):
            print(user.name, user.age, user.email or "")


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
