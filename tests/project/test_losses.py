"""Promise 3: autogenerate never writes a line that loses data unless somebody said so.

Each change below is refused as long as nothing is said, with the words that allow it; with these
words it is written, keeps the rows it should, leaves nothing to compare, and can be undone.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pexpect
import pytest

from support.database import DATABASES
from support.evolution import Service, new_service
from support.messages import sentence

MODELS = """
Table("cidades", metadata, Column("id", Integer, primary_key=True))
Table("usuarios", metadata,
      Column("id", Integer, primary_key=True),
      Column("nome", String(50), nullable=False, index=True),
      Column("apelido", String(50)),
      Column("idade", Integer),
      Column("saldo", Numeric(10, 2), server_default="0"),
      Column("email", String(60), unique=True),
      Column("cidade_id", ForeignKey("cidades.id"), index=True),
      Column("chefe_id", ForeignKey("usuarios.id", ondelete="SET NULL")),
      Column("letra", Enum("a", "b", "c", name="letras", native_enum=NATIVE)),
      UniqueConstraint("nome", "idade"), Index("ix_idade_nome", "idade", "nome"),
      CheckConstraint("idade > 0", name="idade"))
Table("pedidos", metadata, Column("id", Integer, primary_key=True),
      Column("usuario_id", ForeignKey("usuarios.id", ondelete="CASCADE"), index=True))
""".replace("NATIVE", "name == 'mysql'")
ROWS = [
    "INSERT INTO cidades (id) VALUES (7)",
    "INSERT INTO usuarios (id, nome, apelido, idade, saldo, email, cidade_id, chefe_id, letra)"
    " VALUES (1, 'Alice', 'Lili', 30, 10.5, 'a@x', 7, NULL, 'a'),"
    " (2, 'Bob', NULL, 25, 0, NULL, NULL, 1, 'b')",
    "INSERT INTO pedidos (id, usuario_id) VALUES (1, 1), (2, 2)",
]
ALICE = [(1, "Alice"), (2, "Bob")]
IDS: list[tuple[object, ...]] = [(1,), (2,)]


@dataclass
class Change:
    """A change of the models, what must be said for it, and what is then in the database."""

    id: str
    edits: list[tuple[str, str]]
    said: list[str]
    query: str
    rows: list[tuple[object, ...]]
    sure: bool = True  # the words are exactly the ones a refusal suggests
    undo: list[str] = field(default_factory=list)  # what must be done before it is undone
    lost: str = ""  # a column whose data does not come back when the change is undone


def column(line: str) -> str:
    """Return the line of MODELS that begins with this column."""
    return next(each.strip() for each in MODELS.splitlines() if f'Column("{line}"' in each)


def changed(name: str, new: str) -> tuple[str, str]:
    """Replace a column's line."""
    return column(name), new


def everywhere(old: str, new: str) -> tuple[str, str]:
    return f'"{old}"', f'"{new}"'


NAMES = "SELECT id, nome FROM usuarios ORDER BY id"
CHANGES = [
    Change(
        "rename_column",
        [everywhere("nome", "nome_completo")],
        ["rename=usuarios.nome:nome_completo"],
        "SELECT id, nome_completo FROM usuarios ORDER BY id",
        ALICE,
        sure=False,
    ),
    Change(
        "rename_column_to_a_wider_type",
        [everywhere("nome", "nomes"), ('"nomes", String(50)', '"nomes", String(80)')],
        ["rename=usuarios.nome:nomes"],
        "SELECT id, nomes FROM usuarios ORDER BY id",
        ALICE,
        sure=False,
    ),
    Change(
        "rename_column_to_another_type",
        [
            everywhere("idade", "anos"),
            ('"anos", Integer', '"anos", BigInteger'),
            ("idade >", "anos >"),
        ],
        ["rename=usuarios.idade:anos"],
        "SELECT id, anos FROM usuarios ORDER BY id",
        [(1, 30), (2, 25)],
        sure=False,
    ),
    Change(
        "rename_column_to_a_narrower_type",
        [changed("apelido", 'Column("apelidos", String(20)),')],
        ["rename=usuarios.apelido:apelidos", "drop=usuarios.apelidos"],
        "SELECT id, apelidos FROM usuarios ORDER BY id",
        [(1, "Lili"), (2, None)],
        sure=False,
    ),
    Change(
        "rename_column_with_its_default_and_null",
        [changed("saldo", 'Column("saldos", Numeric(10, 2), server_default="1", nullable=False),')],
        ["rename=usuarios.saldo:saldos", "fill=usuarios.saldos:0"],
        "SELECT count(*) FROM usuarios WHERE saldos = 10.5 OR saldos = 0",
        [(2,)],
        sure=False,
    ),
    Change(
        "rename_unique_column",
        [changed("email", 'Column("correio", String(60), unique=True),')],
        ["rename=usuarios.email:correio"],
        "SELECT id, correio FROM usuarios ORDER BY id",
        [(1, "a@x"), (2, None)],
    ),
    Change(
        "rename_foreign_key_column",
        [everywhere("cidade_id", "lugar_id")],
        ["rename=usuarios.cidade_id:lugar_id"],
        "SELECT id, lugar_id FROM usuarios ORDER BY id",
        [(1, 7), (2, None)],
    ),
    Change(
        "rename_primary_key",
        [
            ('"cidades", metadata, Column("id"', '"cidades", metadata, Column("codigo"'),
            ("cidades.id", "cidades.codigo"),
        ],
        ["rename=cidades.id:codigo"],
        "SELECT codigo FROM cidades",
        [(7,)],
    ),
    Change(
        "rename_table",
        [everywhere("usuarios", "clientes"), ("usuarios.", "clientes.")],
        ["rename=usuarios:clientes"],
        "SELECT c.id, p.id FROM clientes c JOIN pedidos p ON p.usuario_id = c.id ORDER BY 1",
        [(1, 1), (2, 2)],
    ),
    Change(
        "rename_table_and_column",
        [
            everywhere("usuarios", "clientes"),
            ("usuarios.", "clientes."),
            changed("apelido", 'Column("alcunha", String(50)),'),
        ],
        ["rename=usuarios:clientes", "rename=clientes.apelido:alcunha"],
        "SELECT id, alcunha FROM clientes ORDER BY id",
        [(1, "Lili"), (2, None)],
        sure=False,
    ),
    Change(
        "rename_two_tables",
        [
            everywhere("usuarios", "clientes"),
            ("usuarios.", "clientes."),
            everywhere("cidades", "lugares"),
            ("cidades.", "lugares."),
        ],
        ["rename=usuarios:clientes", "rename=cidades:lugares"],
        "SELECT c.id, l.id FROM clientes c LEFT JOIN lugares l ON l.id = c.cidade_id ORDER BY 1",
        [(1, 7), (2, None)],
        sure=False,
    ),
    Change(
        "rename_two_columns_of_one_type",
        [everywhere("nome", "x"), changed("apelido", 'Column("y", String(50)),')],
        ["rename=usuarios.nome:x", "rename=usuarios.apelido:y"],
        "SELECT x, y FROM usuarios ORDER BY id",
        [("Alice", "Lili"), ("Bob", None)],
        sure=False,
    ),
    Change(
        "rename_two_columns_crosswise",
        [everywhere("nome", "y"), changed("apelido", 'Column("x", String(50)),')],
        ["rename=usuarios.nome:y", "rename=usuarios.apelido:x"],
        "SELECT y, x FROM usuarios ORDER BY id",
        [("Alice", "Lili"), ("Bob", None)],
        sure=False,
    ),
    Change(
        "chain",
        [
            changed("apelido", 'Column("alcunha", String(50)),'),
            everywhere("nome", "apelido"),
        ],
        ["rename=usuarios.nome:apelido", "rename=usuarios.apelido:alcunha"],
        "SELECT apelido, alcunha FROM usuarios ORDER BY id",
        [("Alice", "Lili"), ("Bob", None)],
        sure=False,
    ),
    Change(
        "swap",
        [
            changed("apelido", 'Column("NOME", String(50)),'),
            everywhere("nome", "apelido"),
            everywhere("NOME", "nome"),
        ],
        ["rename=usuarios.nome:apelido", "rename=usuarios.apelido:nome"],
        "SELECT apelido, nome FROM usuarios ORDER BY id",
        [("Alice", "Lili"), ("Bob", None)],
        sure=False,
    ),
    Change(
        "one_rename_one_drop",
        [changed("apelido", ""), everywhere("nome", "alcunha")],
        ["rename=usuarios.nome:alcunha", "drop=usuarios.apelido"],
        "SELECT id, alcunha FROM usuarios ORDER BY id",
        ALICE,
        sure=False,
        lost="apelido",
    ),
    Change(
        "drop_column",
        [changed("apelido", "")],
        ["drop=usuarios.apelido"],
        NAMES,
        ALICE,
        lost="apelido",
    ),
    Change(
        "drop_unique_column",
        [changed("email", "")],
        ["drop=usuarios.email"],
        NAMES,
        ALICE,
        lost="email",
    ),
    Change(
        "drop_foreign_key_column",
        [changed("cidade_id", "")],
        ["drop=usuarios.cidade_id"],
        NAMES,
        ALICE,
        lost="cidade_id",
    ),
    Change(
        "drop_table",
        [(MODELS[MODELS.index('Table("pedidos"') :], "")],
        ["drop=pedidos"],
        NAMES,
        ALICE,
        lost="pedidos",
    ),
    Change(
        "drop_table_others_refer_to",
        [
            ('Table("cidades", metadata, Column("id", Integer, primary_key=True))', ""),
            changed("cidade_id", 'Column("cidade_id", Integer, index=True),'),
        ],
        ["drop=cidades"],
        "SELECT id, cidade_id FROM usuarios ORDER BY id",
        [(1, 7), (2, None)],
        lost="cidades",
        undo=["UPDATE usuarios SET cidade_id = NULL"],  # the cities do not come back
    ),
    Change(
        "drop_tables_that_refer_to_each_other",
        [(MODELS[MODELS.index('Table("usuarios"') :], "")],
        ["drop=usuarios", "drop=pedidos"],
        "SELECT id FROM cidades",
        [(7,)],
        lost="usuarios",
    ),
    Change(
        "shorter",
        [changed("apelido", 'Column("apelido", String(10)),')],
        ["retype=usuarios.apelido"],
        "SELECT id, apelido FROM usuarios ORDER BY id",
        [(1, "Lili"), (2, None)],
    ),
    Change(
        "smaller_integer",
        [changed("idade", 'Column("idade", SmallInteger),')],
        ["retype=usuarios.idade"],
        "SELECT id, idade FROM usuarios ORDER BY id",
        [(1, 30), (2, 25)],
    ),
    Change(
        "less_precision",
        [changed("saldo", 'Column("saldo", Numeric(9, 2), server_default="0"),')],
        ["retype=usuarios.saldo"],
        "SELECT count(*) FROM usuarios WHERE saldo = 10.5",
        [(1,)],
    ),
    Change(
        "less_scale",
        [changed("saldo", 'Column("saldo", Numeric(11, 1), server_default="0"),')],
        ["retype=usuarios.saldo"],
        "SELECT count(*) FROM usuarios WHERE saldo = 10.5",
        [(1,)],
    ),
    Change(
        "no_length",
        [
            changed("apelido", 'Column("apelido", Text),'),
            changed("email", 'Column("email", Text),'),
        ],
        ["drop=usuarios.uq_usuarios_email"],
        NAMES,
        ALICE,
    ),
    Change(
        "required_now",
        [changed("apelido", 'Column("apelido", String(50), nullable=False),')],
        ["fill=usuarios.apelido:'nenhum'"],
        "SELECT id, apelido FROM usuarios ORDER BY id",
        [(1, "Lili"), (2, "nenhum")],
        lost="NULL",
    ),
    Change(
        "new_required",
        [changed("apelido", column("apelido") + ' Column("cpf", String(11), nullable=False),')],
        ["fill=usuarios.cpf:'01'"],
        "SELECT id, length(cpf) FROM usuarios ORDER BY id",
        [(1, 2), (2, 2)],
        sure=False,
    ),
    Change(
        "new_required_number",
        [changed("apelido", column("apelido") + ' Column("pontos", Integer, nullable=False),')],
        ["fill=usuarios.pontos:idade + 1"],
        "SELECT id, pontos FROM usuarios ORDER BY id",
        [(1, 31), (2, 26)],
        sure=False,
    ),
    Change(
        "new_required_with_a_default",
        [
            changed(
                "apelido",
                column("apelido") + ' Column("p", Integer, nullable=False, server_default="5"),',
            )
        ],
        [],
        "SELECT id, p FROM usuarios ORDER BY id",
        [(1, 5), (2, 5)],
    ),
    Change(
        "wider_everything",
        [
            changed("apelido", 'Column("apelido", String(500)),'),
            changed("idade", 'Column("idade", BigInteger),'),
            changed("saldo", 'Column("saldo", Numeric(14, 4), server_default="0"),'),
        ],
        [],
        NAMES,
        ALICE,
    ),
]


@pytest.fixture
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Service:
    return new_service(tmp_path, request.param)


def edited(change: Change) -> str:
    """Return the models after a change."""
    text = MODELS
    for old, new in change.edits:
        assert old in text, old
        text = text.replace(old, new)
    return text


def with_rows(service: Service, models: str = MODELS) -> None:
    """Bring the database to MODELS by a revision of its own, and fill it."""
    service.models(models)
    service.migrate()
    service.sql(*ROWS)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Put three changes of six on a database each; with --full each on two of three."""
    if "change" in metafunc.fixturenames:
        full = metafunc.config.getoption("full")
        cells = [
            pytest.param(database, change, id=f"{change.id}-{database}")
            for number, change in enumerate(CHANGES)
            for place, database in enumerate(DATABASES)
            if (number % 3 != place if full else number % 6 == place)
        ]
        metafunc.parametrize(("service", "change"), cells, indirect=["service"])


def test_a_change_is_refused_until_somebody_says_it(service: Service, change: Change) -> None:
    with_rows(service)
    before, rows = service.shape(), service.sql("SELECT * FROM usuarios ORDER BY id")
    service.models(edited(change))
    if change.said:
        refused = service.migrate(code=255)
        lines = [line for line in refused.splitlines() if line.startswith("  ")]
        suggested = re.findall(r'(?:rename|drop|retype|fill)="?[^\s"]+', "\n".join(lines))
        assert suggested, refused
        if change.sure:
            assert change.said[0].split(":")[0] in " ".join(suggested).replace('"', ""), refused
    written = service.migrate(*change.said)
    assert "def upgrade" in written, written
    assert service.sql(change.query) == change.rows
    assert service.differences() == []
    after = service.shape()
    service.sql(*change.undo)
    service.alembic("downgrade", "-1")
    assert service.shape() == before
    back = service.sql("SELECT * FROM usuarios ORDER BY id")
    if not change.lost:
        assert back == rows
    service.alembic("upgrade", "head")
    assert service.shape() == after


UNKNOWN = [
    "rename=usuarios.nada:apelido",
    "rename=usuarios.nome:nada",
    "rename=usuarios.nome:apelido",  # which is there, and stays
    "rename=nada:usuarios",
    "rename=nada.nome:x",
    "rename=usuarios.nome",
    "drop=usuarios.nada",
    "drop=nada",
    "fill=usuarios.nada:1",
    "drop=usuarios.nome",  # which is not dropped
]


@pytest.mark.full
def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite", "en")
    with_rows(service)
    for change in ("", 'Column("novo", Integer),'):
        service.models(MODELS.replace(column("apelido"), column("apelido") + change))
        for said in UNKNOWN:
            refused = service.migrate(said, code=255)
            name = said.partition("=")[2].partition(":")[0]
            assert sentence(service, "NOT_FOUND", names=name).search(refused), said


def test_an_enum_member_taken_away_is_a_loss(tmp_path: Path) -> None:
    service = new_service(tmp_path, "mysql", "en")
    with_rows(service)
    service.models(MODELS.replace('"a", "b", "c"', '"a", "b"'))
    refused = service.migrate(code=255)
    assert "usuarios.letra" in refused and "retype=usuarios.letra" in refused
    service.migrate("retype=usuarios.letra")
    assert service.sql("SELECT letra FROM usuarios ORDER BY id") == [("a",), ("b",)]
    service.models(MODELS.replace('"a", "b", "c"', '"a", "b", "c", "d"'))
    assert "def upgrade" in service.migrate()


def test_a_schema_keeps_its_renames(tmp_path: Path) -> None:
    service = new_service(tmp_path, "postgresql", "en")
    service.sql("CREATE SCHEMA nosso")
    models = """
Table("a", metadata, Column("id", Integer, primary_key=True), Column("x", String(9), index=True),
      schema="nosso")
Table("b", metadata, Column("id", Integer, primary_key=True),
      Column("a_id", ForeignKey("nosso.a.id")))
"""
    service.models(models)
    service.migrate()
    before = service.shape("nosso")
    service.sql("INSERT INTO nosso.a VALUES (1, 'um')", "INSERT INTO b VALUES (1, 1)")
    service.models(
        models.replace('"a",', '"c",').replace("nosso.a", "nosso.c").replace('"x"', '"y"')
    )
    refused = service.migrate(code=255)
    assert "rename=nosso.a:nosso.c" in refused
    service.migrate("rename=nosso.a:nosso.c", "rename=nosso.c.x:y")
    assert service.sql("SELECT y FROM nosso.c JOIN b ON b.a_id = nosso.c.id") == [("um",)]
    assert service.differences() == []
    service.alembic("downgrade", "-1")
    assert service.shape("nosso") == before


def test_tables_change_places(tmp_path: Path) -> None:
    service = new_service(tmp_path, "sqlite", "en")
    models = """
Table("a", metadata, Column("id", Integer, primary_key=True), Column("x", String(9), index=True))
Table("b", metadata, Column("id", Integer, primary_key=True), Column("y", Integer, unique=True))
"""
    service.models(models)
    service.migrate()
    before = service.shape()
    service.sql("INSERT INTO a VALUES (1, 'um')", "INSERT INTO b VALUES (1, 2)")
    service.models(models.replace('"a"', '"c"').replace('"b"', '"a"').replace('"c"', '"b"'))
    service.migrate("rename=a:b", "rename=b:a")
    assert service.sql("SELECT x, y FROM b JOIN a ON a.id = b.id") == [("um", 2)]
    assert service.differences() == []
    service.alembic("downgrade", "-1")
    assert service.shape() == before


TWO_GONE = MODELS.replace(column("apelido"), 'Column("alcunha", String(50)),').replace(
    column("saldo"), ""
)
DIALOGUES: list[tuple[str, str, str, int, list[str]]] = [
    # models, what is answered, what is said, how it ends, the columns then
    ("renamed", TWO_GONE, "y\ny\n", 0, ["alcunha"]),
    ("renamed_em_portugues", TWO_GONE, "s\nsim\n", 0, ["alcunha"]),
    ("gone", TWO_GONE, "n\ny\nn\ny\n", 0, ["alcunha"]),
    ("no", TWO_GONE, "n\nn\nn\n", 255, ["apelido", "saldo"]),
    ("no_answer", TWO_GONE, "", 255, ["apelido", "saldo"]),
    ("ended_early", TWO_GONE, "y\n", 255, ["apelido", "saldo"]),
]


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda each: each[0])
def test_answers_on_standard_input(
    tmp_path: Path, dialogue: tuple[str, str, str, int, list[str]]
) -> None:
    name, models, answers, code, columns = dialogue
    service = new_service(tmp_path, "sqlite", "pt" if "portugues" in name else "en")
    with_rows(service)
    service.models(models)
    printed = service.migrate(code=code, answers=answers)
    there = {each[0] for each in service.shape()["usuarios"]["columns"]}
    assert there & {"apelido", "alcunha", "saldo"} == set(columns)
    if not code:
        kept = ("Lili",) if name.startswith("renamed") else (None,)
        assert service.sql("SELECT alcunha FROM usuarios WHERE id = 1") == [kept]
    else:
        assert "drop=usuarios.saldo" in printed


YES = {"pt": "s", "en": "y"}


@pytest.mark.parametrize("answer", ["yes", "no"])
@pytest.mark.parametrize("language", ["pt", "en"])
def test_a_terminal_asks(tmp_path: Path, language: str, answer: str) -> None:
    service = new_service(tmp_path, "sqlite", language)
    with_rows(service)
    gone = MODELS.replace(column("apelido"), 'Column("alcunha", String(50)),')
    service.models(gone.replace(column("idade"), 'Column("idade", Integer, nullable=False),'))
    before = service.revisions()
    terminal = pexpect.spawn(
        "make",
        ["migration", "m=muda"],
        cwd=str(service.path),
        env=service.env,
        timeout=60,
        encoding="utf-8",
    )
    old, new = "usuarios.apelido", "alcunha"
    terminal.expect(sentence(service, "ASK_RENAME", old=old, new=new).pattern)
    terminal.sendline(YES[language] if answer == "yes" else "n")
    if answer == "yes":
        terminal.expect(sentence(service, "ASK_FILL", name="usuarios.idade", example="0").pattern)
        terminal.sendline("18")
    else:
        terminal.expect(sentence(service, "ASK_DROP", name=old).pattern)
        terminal.sendline("n")
        terminal.expect(sentence(service, "ASK_FILL", name="usuarios.idade", example="0").pattern)
        terminal.sendline("")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == (0 if answer == "yes" else 2)
    assert len(service.revisions()) - len(before) == (answer == "yes")
    if answer == "yes":
        service.alembic("upgrade", "head")
        assert service.sql("SELECT alcunha, idade FROM usuarios WHERE id = 1") == [("Lili", 30)]


COMMANDS = [
    (TWO_GONE, ["rename=usuarios.apelido:alcunha", "drop=usuarios.saldo"]),
    (
        MODELS.replace(
            column("apelido"), column("apelido") + ' Column("cpf", String(9), nullable=False),'
        ),
        ["fill=usuarios.cpf:'x y'"],
    ),
]


@pytest.mark.full
@pytest.mark.parametrize(("models", "said"), COMMANDS, ids=["rename_and_drop", "fill"])
def test_the_command_that_is_printed_works(tmp_path: Path, models: str, said: list[str]) -> None:
    """Through make, from a process without a terminal: refused, then as printed."""
    service = new_service(tmp_path, "sqlite", "en")
    with_rows(service)
    service.models(models)
    before = service.revisions()
    refused = service.make("migration", "m=muda", code=2)
    assert service.revisions() == before
    for each in said:
        assert each.partition("=")[2].partition(":")[0] in refused, refused
    assert 'make migration m="..." rename=... drop=... retype=... fill=...' in refused
    words: dict[str, list[str]] = {}
    for each in said:
        words.setdefault(each.partition("=")[0], []).append(each.partition("=")[2])
    service.make(
        "migration", "m=muda", *(f"{verb}={' '.join(names)}" for verb, names in words.items())
    )
    assert len(service.revisions()) == len(before) + 1
    service.make("upgrade")
    assert service.differences() == []
