"""Moves that use the ORM on the migration's connection."""

from __future__ import annotations

from support.generated.world import World, code, move

MODELS = """
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

class Base(DeclarativeBase):
    pass

class Pai(Base):
    __tablename__ = "<parents>"
    <key>: Mapped[int] = mapped_column(primary_key=True)
    nome: Mapped[str] = mapped_column(sa.String(40))
    peso: Mapped[int] = mapped_column(server_default="5")
    filhos: Mapped[list["Filho"]] = relationship(back_populates="pai")

class Filho(Base):
    __tablename__ = "<children>"
    <child>: Mapped[int] = mapped_column(primary_key=True)
    <key>_ref: Mapped[int] = mapped_column(sa.ForeignKey("<parents>.<key>"))
    nome: Mapped[str] = mapped_column(sa.String(40))
    pai: Mapped[Pai] = relationship(back_populates="filhos")

"""


def _with_models(w: World, body: str) -> str:
    return code(
        MODELS + body,
        parents=w.fresh("pais"),
        children=w.fresh("filhos"),
        key=w.fresh("gk"),
        child=w.fresh("gk"),
    )


@move()
def orm_add_all(w: World) -> str:
    return _with_models(
        w,
        """
Base.metadata.create_all(bind)
session = Session(bind=bind)
session.add_all([
    Pai(nome=f"pai {n}", filhos=[Filho(nome=f"filho {n}.{m}") for m in range(n)]) for n in range(3)
])
session.flush()
for pai in session.query(Pai).order_by(Pai.<key>):
    pai.nome = f"{pai.nome} de {len(pai.filhos)}, {pai.peso}"
session.flush()
""",
    )


@move("mysql postgresql")
def orm_commit_inside(w: World) -> str:
    return _with_models(
        w,
        """
Base.metadata.create_all(bind)
session = Session(bind=bind)
for n in range(3):
    session.add(Pai(nome=f"pai {n}", filhos=[Filho(nome="filho")]))
    session.commit()
first = session.query(Pai).order_by(Pai.<key>).first()
first.nome = first.nome + "!"
session.commit()
""",
    )


@move(in_autocommit=False)
def orm_savepoint(w: World) -> str:
    return _with_models(
        w,
        """
Base.metadata.create_all(bind)
session = Session(bind=bind, join_transaction_mode="create_savepoint")
for n in range(2):
    session.add(Pai(nome=f"pai {n}"))
    session.commit()
session.add(Pai(nome="nunca"))
session.flush()
session.rollback()
session.add(Pai(nome="fim", filhos=[Filho(nome="filho")]))
session.commit()
""",
    )


@move()
def orm_bulk_update(w: World) -> str:
    table = w.table()
    return code(
        """
from sqlalchemy.orm import Session, declarative_base

class <C>(declarative_base()):
    __tablename__ = "<t>"
    id = sa.Column(sa.Integer, primary_key=True)
    a = sa.Column(sa.Integer)
    b = sa.Column(sa.String(50))

with Session(bind=bind) as session:
    for one in session.scalars(sa.select(<C>).order_by(<C>.id)).all():
        one.a = one.a + 2
    session.flush()
    session.execute(sa.update(<C>).where(<C>.id < 3).values(a=<C>.a + 5))
    session.flush()
    session.commit()
""",
        t=table.name,
        C=w.fresh("C"),
    )
