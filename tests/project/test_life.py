"""A project's whole life on SQLite, from the set-up to the hundredth revision.

Promises 1, 2 and 4 as the owner of a project meets them: each command of the Makefile and of
Alembic does what the README says, wherever it is typed; migrations see only what is ours; data is
dropped only after a yes; a revision is whole or it never happened.
"""

import ast
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support.consent import consent_in
from support.database import query, tables, version
from support.example import (
    CLIENTE,
    FIRST,
    HEAD,
    SECOND,
    in_language,
    new_revision,
    operations,
    write_revision,
)
from support.messages import sentence
from support.project import Project

MODES = ["sync", "async"]
MESSAGES = [
    "descrição do usuário",
    'o "nome" d\'água, `id`; & <b> | # 100%',
    "custa R$ 5, $HOME e ${x} $(US",
    "$valor",
    "caminho C:\\Novo\\x",
    '"""três""" aspas "',
]


@pytest.mark.parametrize("mode", MODES)
def test_set_up_makes_a_migrated_database_and_is_repeatable(
    project: Callable[..., Project], mode: str
) -> None:
    made = project(mode=mode, setup=False)
    for _ in range(2):
        made.alambique("setup")
        assert version(made) == [HEAD]
    assert tables(made) == {"usuarios", "produtos", "alembic_version"}
    assert (made.path / ".env").read_text() == (made.path / ".env.example").read_text()
    assert sentence(made, "CURRENT", code=HEAD).search(made.make("check"))


@pytest.mark.full
@pytest.mark.parametrize("mode", MODES)
def test_unchanged_models_write_no_revision(project: Callable[..., Project], mode: str) -> None:
    made = project(mode=mode)
    assert new_revision(made, partial(made.make, "migration", "m=nada")) is None
    direct = partial(made.alembic, "revision", "--autogenerate", "-m", "nada")
    assert new_revision(made, direct) is None


@pytest.mark.parametrize("mode", MODES)
def test_example_data_is_added_once_and_the_tour_from_python_shows_it(
    project: Callable[..., Project], mode: str
) -> None:
    made = project(mode=mode)
    made.make("seed")
    made.make("seed")
    shown = made.run(str(made.path / ".venv/bin/python"), str(made.path / "main.py"), cwd=Path("/"))
    assert "Alice 30" in shown and "Bob 25" in shown
    assert query(made, "SELECT nome, idade FROM usuarios") == [("Alice", 30), ("Bob", 25)]
    assert len(made.revisions()) == 3


@pytest.mark.parametrize("answers", [{"mode": "sync"}, {"mode": "async"}, {"example": False}])
def test_the_projects_own_tests_pass_and_leave_its_database_alone(
    project: Callable[..., Project], answers: dict[str, Any]
) -> None:
    made = project(**answers)
    before = (made.path / "app.db").read_bytes()
    assert " passed" in made.make("test")
    assert (made.path / "app.db").read_bytes() == before


@pytest.mark.parametrize(("language", "yes"), [("pt", "s"), ("en", "y")])
def test_a_downgrade_says_what_it_drops_and_wants_a_yes(
    project: Callable[..., Project], language: str, yes: str
) -> None:
    made, named = project(language=language), partial(in_language, language)
    made.make("seed")
    query(made, named("INSERT INTO produtos (nome, preco) VALUES ('Café', 9)"))
    query(made, named("UPDATE usuarios SET email = 'alice@example.org' WHERE nome = 'Alice'"))
    before = (made.path / "app.db").read_bytes()

    for answer in [{}, {"input": "n\n"}, {"input": f"{yes}\n"}]:
        refused = made.make("downgrade", "to=base", code=2, **answer)
        for name, rows in {"usuarios": 2, "produtos": 1}.items():
            assert sentence(made, "ROWS", name=named(name), rows=rows).search(refused), refused
        assert sentence(made, "NOT_CONFIRMED", to="base").search(refused), refused
        assert (made.path / "app.db").read_bytes() == before
    consent = consent_in(refused)
    assert consent is not None
    made.make("downgrade", "to=base", "yes=1", code=2)
    made.alembic("downgrade", "base", code=255)

    refused = made.make("downgrade", "to=-1", code=2)
    email = named("usuarios.email")
    assert sentence(made, "ROWS", name=email, rows=1).search(refused), refused
    made.make("downgrade", "to=-1", str(consent_in(refused)))
    assert version(made) == [SECOND]
    people = query(made, named("SELECT nome, idade FROM usuarios"))
    assert people == [("Alice", 30), ("Bob", 25)]
    made.make("downgrade", "to=base", consent)
    assert tables(made) == {"alembic_version"}


def test_a_downgrade_finds_a_column_under_its_new_name(project: Callable[..., Project]) -> None:
    made = project()
    made.make("seed")
    add, drop = (
        "op.add_column('usuarios', sa.Column('{}', sa.Text()))",
        "op.drop_column('usuarios', '{}')",
    )
    rename = "op.alter_column('usuarios', '{}', new_column_name='{}')"
    steps = [
        (add.format("apelido"), drop.format("apelido")),
        (add.format("cor"), drop.format("cor")),
        (rename.format("apelido", "alcunha"), rename.format("alcunha", "apelido")),
        (drop.format("cor"), add.format("cor")),
    ]
    before = HEAD
    for number, (upgrade, downgrade) in enumerate(steps):
        write_revision(made, f"step{number}", upgrade, downgrade, before)
        before = f"step{number}"
    made.make("upgrade")
    query(made, "UPDATE usuarios SET alcunha = 'Lica' WHERE nome = 'Alice'")
    refused = made.make("downgrade", f"to={HEAD}", code=2)
    assert sentence(made, "ROWS", name="usuarios.alcunha", rows=1).search(refused), refused
    assert "usuarios.cor" not in refused and "Traceback" not in refused


def test_a_downgrade_of_nothing_is_a_sentence(project: Callable[..., Project]) -> None:
    made = project()
    made.make("downgrade", "to=base", "yes=1")
    assert sentence(made, "NOTHING_TO_UNDO").search(made.make("downgrade"))


def test_a_downgrade_that_drops_no_row_does_not_ask(project: Callable[..., Project]) -> None:
    made = project()
    assert not sentence(made, "CONFIRM").search(made.make("downgrade", "to=base"))
    assert version(made) == []
    made.make("upgrade")
    assert version(made) == [HEAD]
    assert tables(made) == {"usuarios", "produtos", "alembic_version"}


def test_a_slip_after_a_command_is_said_and_nothing_done(project: Callable[..., Project]) -> None:
    made = project()
    assert "dorp=" in made.make("downgrade", "dorp=usuarios", "yes=1", code=2)
    assert version(made) == [HEAD]
    made.write("project.mk", "SAID += env\n.PHONY: ours\nours: ; @echo for $(env)\n")
    assert "for tests" in made.make("ours", "env=tests")
    made.make("status", "env=tests", "VERBOSE=1")
    # What another make was told, it tells all that it calls.
    made.write("above.mk", "all: ; $(MAKE) status\n")
    made.make("-f", "above.mk", "dest=somewhere")


def test_every_way_to_name_a_revision_works_through_make(project: Callable[..., Project]) -> None:
    made = project()
    made.make("downgrade", f"to={FIRST}")
    assert version(made) == [FIRST]
    made.make("upgrade", "to=+1")
    assert version(made) == [SECOND]
    assert SECOND in made.make("current")
    made.make("upgrade", f"to={HEAD}")
    assert [line for line in (FIRST, SECOND, HEAD) if line in made.make("history")] == [
        *(FIRST, SECOND, HEAD)
    ]
    assert HEAD in made.make("heads")
    made.make("stamp", f"to={FIRST}")
    assert version(made) == [FIRST] and "produtos" in tables(made)
    sql = made.make("sql")
    assert "CREATE TABLE usuarios" in sql and "CREATE TABLE produtos" in sql
    sql = made.make("sql", f"from={SECOND}", f"to={HEAD}")
    assert "ADD COLUMN email" in sql and "CREATE TABLE" not in sql
    assert version(made) == [FIRST]


@pytest.mark.full
def test_every_way_to_name_a_revision_works_typed_directly(
    project: Callable[..., Project], tmp_path: Path
) -> None:
    made = project(mode="async")
    for command, expected in {
        ("downgrade", "-1"): [SECOND],
        ("downgrade", FIRST): [FIRST],
        ("downgrade", "base"): [],
        ("upgrade", "+1"): [FIRST],
        ("upgrade", SECOND): [SECOND],
        ("upgrade", "head"): [HEAD],
    }.items():
        made.alembic(*command, cwd=tmp_path)
        assert version(made) == expected, command
    made.alembic("-x", "url=sqlite:///other.db", "upgrade", FIRST, cwd=tmp_path)
    assert version(made, "other.db") == [FIRST] and version(made) == [HEAD]


def test_a_model_in_a_new_folder_gives_exactly_its_table(project: Callable[..., Project]) -> None:
    made = project(mode="async")
    made.write("app/clientes/models.py", CLIENTE)  # and no __init__.py beside it
    new = new_revision(made, partial(made.make, "migration", "m=create clientes"))
    assert new is not None
    assert operations(new) == [("create_table", "clientes")]
    assert operations(new, "downgrade") == [("drop_table", "clientes")]
    made.make("upgrade")
    made.make("check")
    made.make("downgrade")
    assert "clientes" not in tables(made)


def test_without_the_example_the_first_model_is_the_first_revision(
    project: Callable[..., Project],
) -> None:
    made = project(example=False)
    assert made.revisions() == []
    made.make("check")
    empty = made.make("migration", "m=nada", code=2)
    assert sentence(made, "NOTHING_MAPPED").search(empty) and "Traceback" not in empty
    made.write("app/clientes/models.py", CLIENTE)
    new = new_revision(made, partial(made.make, "migration", "m=create clientes"))
    assert new is not None and operations(new) == [("create_table", "clientes")]
    made.make("upgrade")
    made.make("check")


def test_tables_of_others_are_neither_dropped_nor_mentioned(
    project: Callable[..., Project],
) -> None:
    made = project()
    query(made, "CREATE TABLE legado (id INTEGER PRIMARY KEY, usuario_id REFERENCES usuarios (id))")
    query(made, "CREATE INDEX ix_legado ON legado (usuario_id)")
    query(made, "CREATE VIEW resumo AS SELECT id FROM legado")
    assert sentence(made, "IGNORED", tables="legado").search(made.make("check"))
    made.write("app/clientes/models.py", CLIENTE)
    new = new_revision(made, partial(made.make, "migration", "m=create clientes"))
    assert new is not None and operations(new) == [("create_table", "clientes")]
    assert "legado" not in new.read_text() and "resumo" not in new.read_text()
    made.make("upgrade")
    made.make("downgrade", "to=base")
    assert tables(made) == {"legado", "alembic_version"}


def test_a_table_of_ours_whose_model_is_gone_is_still_ours(
    project: Callable[..., Project],
) -> None:
    made = project()
    shutil.rmtree(made.path / "app/produtos")
    drift = made.alambique("check", code=5)
    assert "drop_table('produtos')" in drift
    new = new_revision(made, partial(made.make, "migration", "m=drop produtos", "drop=produtos"))
    assert new is not None and operations(new) == [("drop_table", "produtos")]
    made.make("upgrade")
    assert "produtos" not in tables(made)
    # From here on the name is free again: what somebody else creates under it is theirs.
    query(made, "CREATE TABLE produtos (id INTEGER PRIMARY KEY)")
    assert sentence(made, "IGNORED", tables="produtos").search(made.make("check"))


def test_what_a_model_marks_as_skipped_stays_out(project: Callable[..., Project]) -> None:
    made = project()
    marked = 'index=True, info={"skip_autogenerate": True}'
    table = '__tablename__ = "clientes"'
    made.write(
        "app/clientes/models.py",
        CLIENTE.replace(
            table, f'{table}\n    __table_args__ = {{"info": {{"skip_autogenerate": True}}}}'
        ),
    )
    usuarios = made.path / "app/usuarios/models.py"
    model = usuarios.read_text(encoding="utf-8")
    usuarios.write_text(f"{model}    cache: Mapped[str | None] = mapped_column({marked})\n")
    assert new_revision(made, partial(made.make, "migration", "m=nada")) is None
    made.make("check")
    usuarios.write_text(
        f"{model}    cache: Mapped[str | None] = mapped_column({marked})\n"
        "    apelido: Mapped[str | None] = mapped_column(String(50))\n"
    )
    new = new_revision(made, partial(made.make, "migration", "m=add apelido"))
    assert new is not None
    assert [name for name, _ in operations(new)] == ["batch_alter_table", "add_column"]
    assert "apelido" in new.read_text() and "cache" not in new.read_text()


@pytest.mark.parametrize("typed", ["make", "alembic"])
def test_a_message_keeps_its_characters_and_its_file_name_is_plain(
    project: Callable[..., Project], typed: str
) -> None:
    made = project(setup=False)
    for message in MESSAGES:
        if typed == "make":
            new = new_revision(made, partial(made.make, "revision", f"m={message}"))
        else:
            new = new_revision(made, partial(made.alembic, "revision", "-m", message))
        assert new is not None
        assert re.fullmatch(r"\d{4}_\d\d_\d\d_\d{4}-[0-9a-f]{12}_[a-z0-9_]+\.py", new.name)
        docstring = ast.get_docstring(ast.parse(new.read_text(encoding="utf-8")))
        assert docstring is not None and docstring.splitlines()[0] == message
    history = made.make("history")
    for message in MESSAGES:
        assert message in history


def test_autogenerate_keeps_the_message_too(project: Callable[..., Project]) -> None:
    made = project()
    made.write("app/clientes/models.py", CLIENTE)
    message = "descrição d'água: R$ 5"
    for write in (
        partial(made.make, "migration", f"m={message}"),
        partial(made.alembic, "revision", "--autogenerate", "-m", message),
    ):
        new = new_revision(made, write)
        assert new is not None and operations(new) == [("create_table", "clientes")]
        assert new.name.endswith("_descricao_d_agua_r_5.py")
        assert new.read_text(encoding="utf-8").startswith(f'"""{message}\n')
        new.unlink()


@pytest.mark.full
def test_history_and_empty_revisions_need_no_database(project: Callable[..., Project]) -> None:
    made = project()
    away = {"env": {"DATABASE_URL": "sqlite:////nowhere/at/all/app.db"}}
    assert HEAD in made.make("history", **away)
    assert HEAD in made.make("heads", **away)
    assert "CREATE TABLE produtos" in made.make("sql", **away)
    assert new_revision(made, partial(made.alembic, "revision", "-m", "vazia", **away)) is not None
    for command in (["upgrade"], ["check"], ["migration", "m=x"], ["current"], ["downgrade"]):
        failed = made.make(*command, code=2, **away)
        assert sentence(made, "CANNOT_CONNECT").search(failed) and "Traceback" not in failed


def test_check_says_where_the_database_stands(project: Callable[..., Project]) -> None:
    made = project()

    def check(code: int, message: str, /, **values: object) -> None:
        printed = made.alambique("check", code=code)
        assert sentence(made, message, **values).search(printed), printed

    check(0, "CURRENT", code=HEAD)
    made.alembic("downgrade", FIRST)
    check(3, "BEHIND", database=FIRST, code=HEAD, count=2)
    made.alembic("downgrade", "base")
    check(3, "BEHIND", database="base", code=HEAD, count=3)
    made.alembic("upgrade", "head")
    query(made, "UPDATE alembic_version SET version_num = 'f00f00f00f00'")
    check(4, "AHEAD", database="f00f00f00f00", code=HEAD)
    query(made, f"UPDATE alembic_version SET version_num = '{HEAD}'")
    query(made, "DROP INDEX ix_usuarios_email")
    check(5, "DRIFT")
    query(made, "CREATE UNIQUE INDEX ix_usuarios_email ON usuarios (email)")
    check(0, "CURRENT", code=HEAD)
    write_revision(made, "fork", "pass", revises=SECOND)
    check(6, "TWO_HEADS")
    assert sentence(made, "TWO_HEADS").search(made.make("check", code=2))


@pytest.mark.full
@pytest.mark.parametrize("where", ["environment", ".env"])
def test_a_url_may_hold_percents_spaces_and_accents(
    project: Callable[..., Project], where: str
) -> None:
    made = project(name="a loja é", setup=False)
    url = "sqlite:///dados%25 da ação/a%20b 100%2541 é.db"
    env = {"DATABASE_URL": url} if where == "environment" else {}
    if where == ".env":
        made.write(".env", f"DATABASE_URL={url}\n")
    made.alambique("setup", env=env)
    assert version(made, "dados% da ação/a b 100%41 é.db") == [HEAD]
    made.make("check", env=env)
    made.make("seed", env=env)
    assert query(made, "SELECT count(*) FROM usuarios", "dados% da ação/a b 100%41 é.db") == [(2,)]
    made.make("downgrade", "yes=1", env=env)
    assert [path.name for path in made.path.rglob("*.db")] == ["a b 100%41 é.db"]


def test_every_directory_reaches_the_same_database(
    project: Callable[..., Project], tmp_path: Path
) -> None:
    made = project()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    at = {"cwd": elsewhere}
    made.alembic("downgrade", "base", **at)
    assert version(made) == []
    made.make("-C", str(made.path), "upgrade", "to=+1", **at)
    assert version(made) == [FIRST]
    made.run(str(made.path / ".venv/bin/python"), str(made.path / "main.py"), **at)
    assert version(made) == [HEAD]
    assert query(made, "SELECT count(*) FROM usuarios") == [(2,)]
    made.make("-C", str(made.path), "check", **at)
    (made.path / ".env").unlink()
    assert HEAD in made.alembic("current", **at)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.full
@pytest.mark.parametrize("folder", ["alembic", "json", "sqlalchemy", "class"])
def test_the_folder_of_the_migrations_may_be_called_as_a_module_is(
    project: Callable[..., Project], folder: str
) -> None:
    made = project(migrations_folder=folder, mode="async")
    made.make("check")
    made.write("app/clientes/models.py", CLIENTE)
    new = new_revision(made, partial(made.make, "migration", "m=create clientes"))
    assert new is not None and operations(new) == [("create_table", "clientes")]
    made.make("upgrade")
    made.make("diagram")
    assert " passed" in made.make("test")
    new.unlink()
    shutil.rmtree(made.path / "app/clientes")
    made.make("rebase", "lint")


@pytest.mark.parametrize("mode", MODES)
def test_the_service_enforces_foreign_keys(project: Callable[..., Project], mode: str) -> None:
    made = project(mode=mode)
    pragma = 'text("PRAGMA foreign_keys")'
    if mode == "sync":
        ask = f"with engine.connect() as c: print('enforced', c.scalar({pragma}))"
    else:
        ask = (
            "import asyncio\nasync def ask():\n async with engine.connect() as c:\n"
            f"  print('enforced', await c.scalar({pragma}))\n await engine.dispose()\n"
            "asyncio.run(ask())"
        )
    source = f"from sqlalchemy import text\nfrom core.database import engine\n{ask}"
    assert "enforced 1" in made.python(source)


def test_recreating_a_parent_table_keeps_its_children(project: Callable[..., Project]) -> None:
    made = project()
    pedidos = "CREATE TABLE pedidos (id INTEGER PRIMARY KEY, usuario_id INTEGER NOT NULL"
    query(made, f"{pedidos} REFERENCES usuarios (id) ON DELETE CASCADE)")
    query(made, "INSERT INTO usuarios (id, nome, idade) VALUES (1, 'Alice', 30)")
    children = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
    query(made, f"INSERT INTO pedidos {children} SELECT i, 1 FROM n")
    batch = "with op.batch_alter_table('usuarios', recreate='always') as batch_op:\n        "
    write_revision(
        made,
        "recreate",
        f"{batch}batch_op.alter_column('nome', type_=sa.String(200))",
        f"{batch}batch_op.alter_column('nome', type_=sa.String(100))",
    )
    for command in ("upgrade", "downgrade"):
        made.make(command)
        assert query(made, "SELECT count(*) FROM pedidos WHERE usuario_id = 1") == [(1000,)]
    assert query(made, "SELECT nome FROM usuarios") == [("Alice",)]


def test_recreating_a_table_keeps_the_views_on_it(project: Callable[..., Project]) -> None:
    made = project()
    made.make("seed")
    query(made, "CREATE VIEW nomes AS SELECT nome FROM usuarios")
    made.make("downgrade", "yes=1")
    made.make("upgrade")
    assert query(made, "SELECT nome FROM nomes") == [("Alice",), ("Bob",)]


def test_a_revision_that_fails_leaves_nothing_of_itself(project: Callable[..., Project]) -> None:
    made = project()
    made.make("seed")
    write_revision(made, "whole", "op.create_table('inteira', sa.Column('id', sa.Integer))")
    half = """
op.create_table('metade', sa.Column('id', sa.Integer))
op.execute("UPDATE usuarios SET idade = idade + 1")
op.add_column('usuarios', sa.Column('apelido', sa.String(50)))
"""
    broken = f"{half}op.execute('INSERT INTO nowhere VALUES (1)')"
    write_revision(made, "half", broken, "op.drop_table('metade')", revises="whole")
    assert "nowhere" in made.make("upgrade", code=2)
    assert version(made) == ["whole"]  # the revision before it is whole, and stays
    assert tables(made) == {"usuarios", "produtos", "inteira", "alembic_version"}
    assert query(made, "SELECT idade FROM usuarios") == [(30,), (25,)]
    assert "apelido" not in str(query(made, "PRAGMA table_info(usuarios)"))

    write_revision(made, "half", half, "op.drop_table('metade'); 1 / 0", revises="whole")
    made.make("upgrade")
    assert version(made) == ["half"] and "metade" in tables(made)
    assert query(made, "SELECT idade FROM usuarios") == [(31,), (26,)]
    made.alembic("downgrade", "-1", code=255)
    assert version(made) == ["half"] and "metade" in tables(made)


def test_a_revision_that_orphans_rows_is_undone(project: Callable[..., Project]) -> None:
    made = project()
    made.make("seed")
    pedidos = "CREATE TABLE pedidos (id INTEGER PRIMARY KEY, usuario_id INTEGER"
    query(made, f"{pedidos} REFERENCES usuarios (id))")
    query(made, "INSERT INTO pedidos VALUES (1, 1)")
    path = write_revision(made, "orphan", 'op.execute("DELETE FROM usuarios WHERE id = 1")')
    undone = made.make("upgrade", code=2)
    expected = sentence(made, "FOREIGN_KEYS_BROKEN", rows=1, tables="pedidos -> usuarios")
    assert expected.search(undone) and "Traceback" not in undone
    assert version(made) == [HEAD]
    assert query(made, "SELECT nome FROM usuarios") == [("Alice",), ("Bob",)]
    path.unlink()
    write_revision(made, "mended", 'op.execute("DELETE FROM pedidos WHERE usuario_id = 1")')
    made.make("upgrade")
    assert query(made, "SELECT count(*) FROM pedidos") == [(0,)]
