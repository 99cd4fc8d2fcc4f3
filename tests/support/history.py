"""A history of ten revisions to interrupt, and the processes that run it.

Each revision mixes DDL and DML, is the same on every database, and leaves a row in `auditoria`, so
that a statement that ran twice, or never, shows in the data.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, text
from sqlalchemy.engine import Engine, make_url

from support.consent import give_up_everything, nothing_is_anybodys
from support.database import empty, engine_of

if TYPE_CHECKING:  # else every process would import pytest and Copier
    from support.project import Project

MODES = ["sync", "async"]
ASYNC = {"sqlite": "sqlite+aiosqlite", "mysql": "mysql+aiomysql"}
REVISION = '''"""{id}"""
import sqlalchemy as sa
from alembic import op

revision = "{id}"
down_revision = {revises!r}



def table(name, **columns):
    return sa.table(name, *(sa.column(key, type_) for key, type_ in columns.items()))


usuarios = table(
    "usuarios", id=sa.Integer, nome=sa.String, idade=sa.Integer, email=sa.String, ativo=sa.Integer
)
produtos = table("produtos", id=sa.Integer, nome=sa.String, preco=sa.Numeric)
itens = table("itens", id=sa.Integer, nome=sa.String, preco=sa.Numeric)
pedidos = table(
    "pedidos", id=sa.Integer, usuario_id=sa.Integer, produto_id=sa.Integer, quantidade=sa.Integer
)
totais = table("totais", usuario_id=sa.Integer, pedidos=sa.Integer)
auditoria = table("auditoria", passo=sa.String)


def upgrade():
    {upgrade}


def downgrade():
    {downgrade}
'''
WAIT = """
import os, time
print("at the gate", flush=True)
while not os.path.exists({gate!r}):
    time.sleep(0.02)
"""
# What each of the ten revisions does, and how it is undone.
TEN = [
    (
        """
op.create_table("auditoria", sa.Column("passo", sa.String(20), nullable=False))
op.create_table(
    "usuarios",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("nome", sa.String(50), nullable=False),
    sa.Column("idade", sa.Integer),
)
op.bulk_insert(usuarios, [{"id": n, "nome": f"Usuário {n}", "idade": 20 + n} for n in range(1, 6)])
op.execute(auditoria.insert().values(passo="sobe 1"))
""",
        """
op.drop_table("usuarios")
op.drop_table("auditoria")
""",
    ),
    (
        """
op.create_table(
    "produtos",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("nome", sa.String(50), nullable=False),
    sa.Column("preco", sa.Numeric(10, 2), nullable=False),
)
op.bulk_insert(produtos, [{"id": n, "nome": f"Produto {n}", "preco": 10 * n} for n in range(1, 5)])
op.execute(produtos.update().values(preco=produtos.c.preco + 1))
op.execute(auditoria.insert().values(passo="sobe 2"))
""",
        """
op.drop_table("produtos")
op.execute(auditoria.insert().values(passo="desce 2"))
""",
    ),
    (
        """
op.add_column("usuarios", sa.Column("email", sa.String(100)))
op.execute(usuarios.update().values(email=usuarios.c.nome + sa.literal("@exemplo.com")))
with op.batch_alter_table("usuarios") as batch:
    batch.create_unique_constraint("uq_usuarios_email", ["email"])
op.execute(auditoria.insert().values(passo="sobe 3"))
""",
        """
with op.batch_alter_table("usuarios") as batch:
    batch.drop_constraint("uq_usuarios_email", type_="unique")
    batch.drop_column("email")
op.execute(auditoria.insert().values(passo="desce 3"))
""",
    ),
    (
        """
op.create_table(
    "pedidos",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("usuario_id", sa.Integer, nullable=False),
    sa.Column("produto_id", sa.Integer, nullable=False),
    sa.Column("quantidade", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(
        ["usuario_id"], ["usuarios.id"], name="fk_pedidos_usuarios", ondelete="CASCADE"
    ),
)
op.create_index("ix_pedidos_produto", "pedidos", ["produto_id"])
op.execute("INSERT INTO pedidos SELECT u.id, u.id, p.id, u.idade FROM usuarios u "
           "JOIN produtos p ON p.id = u.id - 1")
op.execute(pedidos.update().values(quantidade=pedidos.c.quantidade - 20))
op.execute(auditoria.insert().values(passo="sobe 4"))
""",
        """
op.drop_index("ix_pedidos_produto", "pedidos")
op.drop_table("pedidos")
op.execute(auditoria.insert().values(passo="desce 4"))
""",
    ),
    (
        """
with op.batch_alter_table("usuarios") as batch:
    batch.alter_column("nome", type_=sa.String(100), existing_nullable=False)
op.execute(usuarios.update().values(nome=usuarios.c.nome + sa.literal(" da Silva")))
with op.batch_alter_table("produtos") as batch:
    batch.alter_column("preco", type_=sa.Numeric(12, 4), existing_nullable=False)
op.execute(produtos.update().values(preco=produtos.c.preco * 2))
op.execute(auditoria.insert().values(passo="sobe 5"))
""",
        """
op.execute(produtos.update().values(preco=produtos.c.preco / 2))
with op.batch_alter_table("produtos") as batch:
    batch.alter_column("preco", type_=sa.Numeric(10, 2), existing_nullable=False)
op.execute(usuarios.update().values(nome=sa.func.replace(usuarios.c.nome, " da Silva", "")))
with op.batch_alter_table("usuarios") as batch:
    batch.alter_column("nome", type_=sa.String(50), existing_nullable=False)
op.execute(auditoria.insert().values(passo="desce 5"))
""",
    ),
    (
        """
with op.batch_alter_table("usuarios") as batch:
    batch.alter_column("idade", new_column_name="anos", existing_type=sa.Integer)
op.add_column("usuarios", sa.Column("ativo", sa.Integer, server_default="1", nullable=False))
op.execute("UPDATE usuarios SET anos = anos + 1, ativo = ativo + 1 WHERE id > 2")
op.execute(auditoria.insert().values(passo="sobe 6"))
""",
        """
op.execute("UPDATE usuarios SET anos = anos - 1 WHERE id > 2")
with op.batch_alter_table("usuarios") as batch:
    batch.drop_column("ativo")
with op.batch_alter_table("usuarios") as batch:
    batch.alter_column("anos", new_column_name="idade", existing_type=sa.Integer)
op.execute(auditoria.insert().values(passo="desce 6"))
""",
    ),
    (
        """
op.rename_table("produtos", "itens")
op.create_index("ix_itens_nome", "itens", ["nome", "preco"])
op.execute(itens.insert().values(id=5, nome="Produto 5", preco=50))
op.execute(itens.update().where(itens.c.id > 1).values(preco=itens.c.preco + 3))
op.execute(auditoria.insert().values(passo="sobe 7"))
""",
        """
op.execute(itens.update().where(itens.c.id > 1).values(preco=itens.c.preco - 3))
op.execute(itens.delete().where(itens.c.id == 5))
op.drop_index("ix_itens_nome", "itens")
op.rename_table("itens", "produtos")
op.execute(auditoria.insert().values(passo="desce 7"))
""",
    ),
    (
        """
op.execute(pedidos.insert().from_select(
    ["id", "usuario_id", "produto_id", "quantidade"],
    sa.select(sa.column("id") + 100, sa.column("id"), sa.literal_column("5"), sa.column("anos"))
    .select_from(sa.table("usuarios")),
))
with op.batch_alter_table("pedidos") as batch:
    batch.create_foreign_key(
        "fk_pedidos_itens", "itens", ["produto_id"], ["id"], ondelete="CASCADE"
    )
with op.batch_alter_table("pedidos") as batch:
    batch.create_check_constraint("ck_pedidos_quantidade", "quantidade > 0")
op.execute(auditoria.insert().values(passo="sobe 8"))
""",
        """
with op.batch_alter_table("pedidos") as batch:
    batch.drop_constraint("ck_pedidos_quantidade", type_="check")
with op.batch_alter_table("pedidos") as batch:
    batch.drop_constraint("fk_pedidos_itens", type_="foreignkey")
op.execute(pedidos.delete().where(pedidos.c.id > 100))
op.execute(auditoria.insert().values(passo="desce 8"))
""",
    ),
    (
        """
op.create_table(
    "totais",
    sa.Column("usuario_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("pedidos", sa.Integer, nullable=False),
)
op.execute("INSERT INTO totais SELECT usuario_id, count(*) FROM pedidos GROUP BY usuario_id")
with op.batch_alter_table("usuarios") as batch:
    batch.drop_column("ativo")
op.execute(totais.update().values(pedidos=totais.c.pedidos * 10))
op.execute(auditoria.insert().values(passo="sobe 9"))
""",
        """
op.add_column("usuarios", sa.Column("ativo", sa.Integer, server_default="1", nullable=False))
op.execute("UPDATE usuarios SET ativo = ativo + 1 WHERE id > 2")
op.drop_table("totais")
op.execute(auditoria.insert().values(passo="desce 9"))
""",
    ),
    (
        """
with op.batch_alter_table("usuarios") as batch:
    batch.drop_constraint("uq_usuarios_email", type_="unique")
with op.batch_alter_table("usuarios") as batch:
    batch.create_unique_constraint("uq_usuarios_nome_email", ["nome", "email"])
op.execute("UPDATE usuarios SET email = 'todos@exemplo.com', anos = anos + 1")
with op.batch_alter_table("usuarios") as batch:
    batch.alter_column("email", nullable=False, existing_type=sa.String(100))
op.execute(auditoria.insert().values(passo="sobe 10"))
""",
        """
with op.batch_alter_table("usuarios") as batch:
    batch.alter_column("email", nullable=True, existing_type=sa.String(100))
op.execute(usuarios.update().values(email=sa.cast(usuarios.c.id, sa.String(20))))
op.execute("UPDATE usuarios SET anos = anos - 1")
with op.batch_alter_table("usuarios") as batch:
    batch.drop_constraint("uq_usuarios_nome_email", type_="unique")
with op.batch_alter_table("usuarios") as batch:
    batch.create_unique_constraint("uq_usuarios_email", ["email"])
op.execute(auditoria.insert().values(passo="desce 10"))
""",
    ),
]


def write_revisions(
    project: Project, revisions: list[tuple[str, str]], after: str | None = None
) -> list[str]:
    """Write a line of revisions, each an upgrade and a downgrade, and return their ids."""
    first = len(project.revisions()) + 1
    ids = [f"r{number:011}" for number in range(first, first + len(revisions))]
    for id, revises, (upgrade, downgrade) in zip(ids, [after, *ids], revisions, strict=False):
        body = REVISION.format(
            id=id, revises=revises, upgrade=_indented(upgrade), downgrade=_indented(downgrade)
        )
        project.write(f"migrations/versions/{id}.py", body)
    return ids


def _indented(source: str) -> str:
    return source.strip().replace("\n", "\n    ") or "pass"


def service(
    project: Callable[..., Project], database: str, mode: str = "sync", **answers: Any
) -> Project:
    """Render a project without revisions of its own, and make its database: empty."""
    made = project(database=database, mode=mode, example=False, setup=False, **answers)
    url = make_url(made.env.setdefault("DATABASE_URL", f"sqlite:///{made.path}/app.db"))
    if mode == "async" and database in ASYNC:
        url = url.set(drivername=ASYNC[database])
    made.env["DATABASE_URL"] = url.render_as_string(hide_password=False)
    empty(made)
    return made


@dataclass(frozen=True)
class Kill:
    """Where a process kills itself: before or after its n-th statement reaches the cursor."""

    position: str
    statement: int


class Run:
    """An `alembic` command in a process of its own.

    The process is forked from a server that has imported SQLAlchemy and Alembic and done nothing
    else: a new process in every respect but the half second of imports.
    """

    machine = multiprocessing.get_context("forkserver")
    machine.set_forkserver_preload(
        ["alembic.command", "alembic.config", "dotenv", "psycopg", "pymysql", "sqlalchemy_utils"]
    )

    def __init__(
        self,
        project: Project,
        *arguments: str,
        kill: Kill | None = None,
        start: Barrier | None = None,
        **env: str,
    ) -> None:
        handle, name = tempfile.mkstemp(dir=project.path.parent, suffix=".log")
        os.close(handle)
        self.log = Path(name)
        env = project.env | {"MIGRATION_VERBOSE": "1"} | env  # it says each step that it takes
        self.process = self.machine.Process(
            target=_alembic, args=(project.path, env, name, arguments, kill, start)
        )
        self.process.start()

    @property
    def output(self) -> str:
        """Everything it has printed so far."""
        return self.log.read_text(encoding="utf-8")

    def end(self, code: int = 0, within: float = 60) -> str:
        """Wait for the process to end with this exit code, and return what it printed."""
        self.process.join(within)
        assert self.process.exitcode == code, f"{self.process.exitcode}\n{self.output}"
        return self.output

    def fail(self, within: float = 60) -> str:
        """Wait for the process to end with an exit code that is not 0, and return its output."""
        self.process.join(within)
        assert self.process.exitcode, f"{self.process.exitcode}\n{self.output}"
        return self.output

    def kill(self) -> None:
        """Kill it, as the kernel would."""
        self.process.kill()
        self.end(-signal.SIGKILL)


def kills(
    full: bool, project: Project, position: str, *arguments: str, every: int = 1
) -> list[Kill]:
    """Return where to kill a command: at every statement in full, else at three of them.

    The command is run once, uninterrupted, to count them. What asks SQLite how a table looks is
    not counted: it comes by the hundred.
    """
    output = Run(project, *arguments, kill=Kill(position, 0)).end()
    total = int(output.rpartition("statements: ")[2])
    step = every if full else math.ceil(total / 3)
    first = 1 if position == "before" else math.ceil(step / 2)
    return [Kill(position, statement) for statement in range(first, total + 1, step)]


def eventually(happened: Callable[[], object], within: float = 60) -> None:
    """Wait until something is the case."""
    deadline = time.monotonic() + within
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def gate(project: Project) -> Path:
    """Return the file that a revision with `wait_at_the_gate` waits for."""
    return project.path / "gate"


def wait_at_the_gate(project: Project) -> str:
    """Return a revision's source that says it is waiting, and waits until the gate is there."""
    return WAIT.format(gate=str(gate(project)))


def interrupt(project: Project, *arguments: str) -> str:
    """Run a command, kill it when it waits at the gate, open the gate; return what it printed."""
    run = Run(project, *arguments)
    eventually(lambda: "at the gate" in run.output)
    run.kill()
    gate(project).touch()
    return run.output


@contextmanager
def held(project: Project, *statements: str) -> Iterator[None]:
    """Keep a transaction open that has run these statements."""
    with engine_of(project).connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        for sql in statements:
            connection.execute(text(sql)).close()
        yield


def _alembic(
    folder: Path,
    env: Mapping[str, str],
    log: str,
    arguments: tuple[str, ...],
    kill: Kill | None,
    start: Barrier | None,
) -> None:
    from alembic.config import main

    out = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:0] = [str(folder), str(folder / "vendor")]
    if kill:
        nothing_is_anybodys()  # what is counted is what a downgrade does, not what it asks
    else:
        give_up_everything()
    count = 0

    def reached(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        nonlocal count
        if sql.startswith("PRAGMA"):
            return
        count += 1
        if kill and count == kill.statement:
            os.kill(os.getpid(), signal.SIGKILL)

    if kill:
        event.listen(Engine, f"{kill.position}_cursor_execute", reached)
    if start:
        start.wait()
    try:
        main(["-c", str(folder / "alembic.ini"), *arguments])
    finally:
        print(f"statements: {count}", flush=True)
