"""No line that loses data is written unless somebody said so; what was said is about one thing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alambique import messages, terminal
from alambique.autogenerate.consent import Consent
from alambique.names import ColumnName, TableName
from alembic.util import CommandError

from support.comparison import Revision, revision_for

USERS = TableName("usuarios")
NAME = USERS.column("nome")
NICK = USERS.column("apelido")


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    """A SQLite database in memory with a table of users, and one of them in it."""
    with sa.create_engine("sqlite://").connect() as connection:
        users(NOME, IDADE).create_all(connection)
        connection.exec_driver_sql("INSERT INTO usuarios VALUES (1, 'Ana', NULL)")
        yield connection


@pytest.fixture(autouse=True)
def english() -> None:
    messages.speak("en")


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every question asked; nobody answers."""
    return answering(monkeypatch, lambda _: None)


def answering(monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], str | None]) -> list[str]:
    questions: list[str] = []

    def ask(question: str) -> str | None:
        questions.append(question)
        return answer(question)

    monkeypatch.setattr(terminal, "ask", ask)
    return questions


Make = Callable[[], sa.Column[Any]]


def column(name: str, type_: sa.types.TypeEngine[Any], nullable: bool = True) -> Make:
    return lambda: sa.Column(name, type_, nullable=nullable)


NOME = column("nome", sa.String(30))
IDADE = column("idade", sa.Integer())


def users(*columns: Make) -> sa.MetaData:
    metadata = sa.MetaData()
    key = sa.Column("id", sa.Integer, primary_key=True)
    sa.Table("usuarios", metadata, key, *(make() for make in columns))
    return metadata


def written(connection: sa.Connection, models: sa.MetaData, *said: str) -> Revision:
    revision = revision_for(connection, models, *said)
    assert revision is not None
    return revision


def refused(connection: sa.Connection, models: sa.MetaData, *said: str) -> str:
    with pytest.raises(CommandError) as stopped:
        revision_for(connection, models, *said)
    return str(stopped.value)


# What the models say now, what is refused with which way out, and what then may be said.
LOSSES = [
    (users(IDADE), "nome is gone. Not needed any more: drop=usuarios.nome", "drop=usuarios.nome"),
    (
        users(column("apelido", sa.String(30)), IDADE),
        "rename=usuarios.nome:apelido",
        "rename=usuarios.nome:apelido",
    ),
    (
        users(column("apelido", sa.String(30)), IDADE),
        "drop=usuarios.nome",
        "drop=usuarios.nome",
    ),
    (users(column("nome", sa.String(9)), IDADE), "retype=usuarios.nome", "retype=usuarios.nome"),
    (users(column("nome", sa.String(9)), IDADE), "retype=usuarios.nome", "drop=usuarios.nome"),
    (
        users(NOME, column("idade", sa.Integer(), nullable=False)),
        'fill="usuarios.idade:0"',
        "fill=usuarios.idade:18",
    ),
    (
        users(NOME, IDADE, column("cpf", sa.String(11), nullable=False)),
        "fill=\"usuarios.cpf:''\"",
        "fill=usuarios.cpf:'a:b'",
    ),
]


@pytest.mark.parametrize(("models", "way_out", "said"), LOSSES)
def test_a_loss_is_refused_until_somebody_says_it(
    connection: sa.Connection, models: sa.MetaData, way_out: str, said: str, asked: list[str]
) -> None:
    assert way_out in refused(connection, models)
    assert asked

    asked.clear()
    revision = written(connection, models, said)
    assert asked == []
    revision.upgrade()
    assert revision_for(connection, models) is None
    revision.downgrade()
    assert connection.exec_driver_sql("SELECT count(*) FROM usuarios").scalar() == 1


@pytest.mark.parametrize("value", ["abc", "'x", "nada()", "idade +", "(SELECT 1 FROM nada)"])
def test_a_fill_is_tried_before_it_is_taken(
    connection: sa.Connection, value: str, asked: list[str]
) -> None:
    models = users(NOME, IDADE, column("cpf", sa.String(11), nullable=False))
    said = refused(connection, models, f"fill=usuarios.cpf:{value}")
    assert f"does not take {value} for usuarios.cpf" in said
    assert "such as ''" in said
    assert written(connection, models, "fill=usuarios.cpf:nome || 'x'")


def test_a_column_is_not_dropped_because_its_type_may_change(
    connection: sa.Connection, asked: list[str]
) -> None:
    assert "drop=usuarios.nome" in refused(connection, users(IDADE), "retype=usuarios.nome")


def test_a_table_gone_is_refused_until_somebody_says_it(connection: sa.Connection) -> None:
    other = sa.MetaData()
    sa.Table("pedidos", other, sa.Column("id", sa.Integer, primary_key=True))

    def revision(*said: str) -> Revision | None:
        return revision_for(connection, other, *said, created=[USERS])

    with pytest.raises(CommandError, match="rename=usuarios:pedidos .*drop=usuarios"):
        revision()
    with pytest.raises(CommandError, match=r"under usuarios\.nome"):
        revision("drop=usuarios", "drop=usuarios.nome")
    dropped = revision("drop=usuarios")
    assert dropped is not None and "drop_table('usuarios')" in dropped.source


def test_a_filled_column_has_its_value_and_takes_no_null(connection: sa.Connection) -> None:
    models = users(NOME, IDADE, column("cpf", sa.String(11), nullable=False))
    written(connection, models, "fill=usuarios.cpf:'1:2'").upgrade()
    assert connection.exec_driver_sql("SELECT cpf FROM usuarios").scalar() == "1:2"
    assert not sa.inspect(connection).get_columns("usuarios")[3]["nullable"]


def test_what_the_database_fills_is_not_asked(connection: sa.Connection, asked: list[str]) -> None:
    models = users(
        NOME,
        IDADE,
        lambda: sa.Column("a", sa.Integer, nullable=False, server_default="0"),
        lambda: sa.Column("b", sa.Integer, sa.Computed("1 + 1", persisted=False), nullable=False),
    )
    written(connection, models)
    assert asked == []


@pytest.mark.parametrize(
    "said",
    [
        "rename=usuarios.nada:apelido",
        "rename=usuarios.nome:nada",
        "rename=usuarios.nome:idade",  # which is there, and stays
        "rename=nada:usuarios",
        "rename=nada.nome:x",
        "rename=usuarios.nome",
        "rename=usuarios..nome:x",
        "rename=:",
        "drop=usuarios.nada",
        "drop=nada",
        "drop=usuarios.nome",  # which is not dropped
        'drop="usuarios.nome"',  # a table with a dot in its name
        "fill=usuarios.nada:1",
        "fill=usuarios.nome:1",  # which may be null
    ],
)
@pytest.mark.parametrize("more", [(), (column("novo", sa.Integer()),)], ids=["same", "changed"])
def test_what_is_said_of_nothing_is_refused(
    connection: sa.Connection, said: str, more: tuple[Make, ...]
) -> None:
    name = said.partition("=")[2].partition(":")[0]
    stopped = refused(connection, users(NOME, IDADE, *more), said)
    assert stopped == messages.NOT_FOUND.format(names=name)


def test_what_is_no_consent_is_passed_over(connection: sa.Connection) -> None:
    assert revision_for(connection, users(NOME, IDADE), "url=sqlite://", "tag=a.b:c") is None


def test_nothing_mapped_is_refused(connection: sa.Connection) -> None:
    assert refused(connection, sa.MetaData()) == messages.NOTHING_MAPPED


def test_answers_count(connection: sa.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    models = users(column("apelido", sa.String(30)), column("idade", sa.Integer(), nullable=False))
    rename = messages.ASK_RENAME.format(old=NAME, new="apelido")
    fill = messages.ASK_FILL.format(name=USERS.column("idade"), example="0")
    answers: dict[str, str | None] = {rename: "y", fill: "18"}
    questions = answering(monkeypatch, answers.__getitem__)
    written(connection, models).upgrade()
    assert questions == [rename, fill]
    assert connection.exec_driver_sql("SELECT apelido, idade FROM usuarios").one() == ("Ana", 18)


def test_a_no_is_no(connection: sa.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = answering(monkeypatch, lambda _: "n")
    refused(connection, users(IDADE, column("apelido", sa.String(30))))
    assert questions == [
        messages.ASK_RENAME.format(old=NAME, new="apelido"),
        messages.ASK_DROP.format(name=NAME),
    ]


def test_the_likeliest_name_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = answering(monkeypatch, lambda _: "n")
    new = [USERS.column(name) for name in ("cpf", "nome_todo", "email")]
    consent = Consent([])
    assert consent.renamed([NAME], new, [NAME], new) == {}
    assert questions[0] == messages.ASK_RENAME.format(old=NAME, new="nome_todo")
    assert len(questions) == len(new) + 1
    assert consent.refused == [messages.HOW_TO_RENAME.format(name=NAME, new="nome_todo")]


def test_who_does_not_answer_is_asked_nothing_more(asked: list[str]) -> None:
    """The next question would be whether it may be dropped."""
    new = [USERS.column("apelido")]
    consent = Consent([])
    assert consent.renamed([NAME, NICK], new, [NAME, NICK], new) == {}
    assert asked == [messages.ASK_RENAME.format(old=NICK, new="apelido")]
    assert len(consent.refused) == 2
    assert consent.filled_with(NAME, "0") is None and len(asked) == 1


def test_a_rename_does_not_leave_its_schema(asked: list[str]) -> None:
    old, elsewhere = TableName("a", "vendas"), TableName("a")
    consent = Consent([])
    assert consent.renamed([old], [elsewhere], [old], [elsewhere]) == {}
    assert asked == [messages.ASK_DROP.format(name=old)]
    assert consent.refused == [messages.HOW_TO_DROP.format(name=old)]


def test_a_name_already_given_is_not_offered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, lambda _: "y")
    old, other, new = USERS.column("a"), USERS.column("b"), USERS.column("c")
    consent = Consent([])
    assert consent.renamed([old, other], [new], [old, other], [new]) == {old: new}


# What is typed, and the name it is about.
NAMES: list[tuple[str, TableName | ColumnName]] = [
    ("drop=usuarios", USERS),
    ("drop=usuarios.nome", NAME),
    ("drop=vendas.itens", TableName("itens", "vendas")),
    ("drop=vendas.itens.nome", TableName("itens", "vendas").column("nome")),
    ('drop="a.b"', TableName("a.b")),
    ('drop="a.b".c', TableName("a.b").column("c")),
    ('drop="a.b".c', TableName("c", "a.b")),
    ('drop="a:b".c', TableName("a:b").column("c")),
    ('drop="diz ""oi"""', TableName('diz "oi"')),
    ("drop=com espaço.ítem", TableName("com espaço").column("ítem")),
]


@pytest.mark.parametrize(("said", "name"), NAMES)
def test_what_is_said_is_about_one_name(said: str, name: TableName | ColumnName) -> None:
    consent = Consent([said])
    assert consent.unused == [said.partition("=")[2]]
    consent.may_lose(name, "lose it?", "how")
    assert (consent.refused, consent.unused) == ([], [])

    other = Consent([said])
    other.may_lose(TableName("a").column("b"), "lose it?", "how")
    assert other.refused == ["how"] and other.unused


def test_a_hint_can_be_pasted_into_a_shell() -> None:
    dotted = TableName("a.b")
    consent = Consent([])
    consent.renamed([dotted], [TableName("a.c")], [dotted], [])
    consent.filled_with(dotted.column("x"), "0")
    assert "rename='\"a.b\"':'\"a.c\"'" in consent.refused[0]
    assert "drop='\"a.b\"'" in consent.refused[0]
    assert r'fill="\"a.b\".x:' in consent.refused[1]


def test_tables_are_those_that_renames_may_speak_of() -> None:
    consent = Consent(["rename=a.x:y", "rename=s.b.x:y", "rename=c:d", "drop=e.x"])
    assert consent.tables_with_unused_renames() == [TableName("a"), TableName("b", "s")]
    assert consent.renames_columns_of(TableName("b", "s"))
    assert not consent.renames_columns_of(TableName("b"))
