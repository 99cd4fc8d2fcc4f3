"""A question in a real terminal, and on a real pipe: a yes, a no, anything else, and nobody there.

Where it stands for a loss, nothing but a yes agrees to it.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pexpect
import pytest
import sqlalchemy as sa
from alambique import messages, terminal
from alambique.settings import alembic_config
from alambique.terminal import INTERRUPTED, answered, ask, confirmed
from alembic import command

from support.minimal import Minimal, minimal_project

QUESTION = "Drop it? "
CTRL_C, CTRL_D, ENTER = "\x03", "\x04", "\r"

YES = ["y", "Y", "yes", "s", "S", "sim", " Sim "]
NO = ["n", "N", "no", "nao", "não", "NÃO", "na\u0303o"]
NEITHER = ["", "maybe", "yn", "sn", "yes!", "1", "ok", "drop", "ÿ", "ŝ", "ńo", "\u0131"]


@pytest.fixture(autouse=True)
def english() -> None:
    messages.speak("en")


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """Have standard input be a pipe that says this; it stays open unless it is closed."""
    with ExitStack() as cleanup:

        def pipe(said: str, is_open: bool = False) -> int:
            source, sink = os.pipe()
            cleanup.enter_context(closing(file := os.fdopen(source)))
            cleanup.callback(os.close, sink) if is_open else None
            os.write(sink, said.encode(errors="surrogateescape"))
            if not is_open:
                os.close(sink)
            monkeypatch.setattr(sys, "stdin", file)
            return sink

        yield pipe


@pytest.mark.parametrize("language", ["en", "pt"])
def test_both_languages_are_understood_in_both(piped: Callable[..., int], language: str) -> None:
    messages.speak(language)
    for word in YES:
        piped(f"{word}\n")
        assert answered(QUESTION) is True, word
    for word in NO:
        piped(f"{word}\n")
        assert answered(QUESTION) is False, word


def test_what_is_neither_yes_nor_no_is_asked_again(
    piped: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "\n".join(NEITHER)
    for word, meant in (("s", True), ("não", False)):
        piped(f"{lines}\n{word}\nno\n")
        assert answered(QUESTION) is meant
        said = capsys.readouterr().out
        assert said.count(QUESTION) == len(NEITHER) + 1
        assert said.count(messages.YES_OR_NO) == len(NEITHER)
        assert ask("And now? ") == "no"  # no line more was read than was needed


def test_where_the_input_ends_nobody_agreed(piped: Callable[..., int]) -> None:
    for said in ("", "maybe\n", "maybe", "\n\n", "\udcff\n"):
        piped(said)
        assert answered(QUESTION) is None and not confirmed(QUESTION)
    piped("y")  # `printf y`, without the end of the line
    assert confirmed(QUESTION)


@pytest.mark.parametrize("said", ["", "maybe\n", "y"])
def test_a_pipe_that_says_no_more_is_not_waited_for(
    piped: Callable[..., int], monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr(terminal, "PATIENCE", 0.1)
    piped(said, is_open=True)
    assert answered(QUESTION) is None


def test_without_a_standard_input_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as closed:
        pass
    for nobody in (None, closed):
        monkeypatch.setattr(sys, "stdin", nobody)
        assert ask(QUESTION) is None and not confirmed(QUESTION)


# In a terminal


class Typist:
    """Somebody at a terminal in which a program runs."""

    def __init__(self, arguments: list[str], folder: Path, **env: str) -> None:
        self.process: Any = pexpect.spawn(
            sys.executable,
            arguments,
            cwd=str(folder),
            env={**os.environ, "PYTHONUTF8": "1", **env},
            timeout=60,
            encoding="utf-8",
            codec_errors="replace",
        )

    def reads(self, text: str) -> None:
        """Wait until the screen shows this."""
        self.process.expect_exact(text)

    def types(self, keys: str) -> None:
        """Press these keys."""
        self.process.send(keys)

    def end(self) -> tuple[int, str]:
        """Wait for the program's end; return its exit code, and what it still said."""
        self.process.expect(pexpect.EOF)
        self.process.close()
        assert self.process.signalstatus is None
        return self.process.exitstatus, self.process.before


SAY = """
from alambique import messages, terminal
messages.speak("pt")
print(terminal.answered("Apagar? "))
"""


def test_a_terminal_asks_until_it_is_a_yes_or_a_no(tmp_path: Path) -> None:
    typist = Typist(["-c", SAY], tmp_path, PYTHONUTF8="0", PYTHONIOENCODING="utf-8:strict")
    for keys in (b"quem?", b"", b"\xff"):
        typist.reads("Apagar? ")
        os.write(typist.process.child_fd, keys + ENTER.encode())
        typist.reads("s ou n?")
    typist.reads("Apagar? ")
    typist.types("Não" + ENTER)
    assert "False" in typist.end()[1]


@pytest.fixture
def project(tmp_path: Path) -> Minimal:
    """A project whose database has a column that its models do not have any more."""
    made = minimal_project(tmp_path)
    create = """
        op.create_table("t", sa.Column("id", sa.Integer, primary_key=True),
                        sa.Column("kept", sa.Integer), sa.Column("old", sa.String(9)))
        op.bulk_insert(sa.table("t", sa.column("old")), [{"old": "Ana"}])
    """
    made.revision("a1", upgrade=create, downgrade='op.drop_table("t")')
    columns = 'Column("id", Integer, primary_key=True), Column("new", String(9))'
    made.models(f'Table("t", metadata, {columns})')
    command.upgrade(alembic_config(), "head")
    return made


def unharmed(project: Minimal) -> bool:
    """Tell whether no revision was written, and the row is there."""
    with sa.create_engine(f"sqlite:///{project.root}/app.db").connect() as connection:
        rows = connection.execute(sa.text("SELECT old FROM t")).scalars().all()
    return rows == ["Ana"] and [path.name for path in project.versions.glob("*.py")] == ["a1.py"]


MIGRATION = ["-m", "alembic", "revision", "--autogenerate", "-m", "x"]
DOWNGRADE = ["-m", "alambique", "downgrade", "base"]
ASK_KEPT = "t.kept -> new: rename? "
ASK_OLD = "t.old -> new: rename? "


@pytest.mark.parametrize(
    ("arguments", "question"), [(MIGRATION, ASK_KEPT), (DOWNGRADE, messages.CONFIRM)]
)
def test_ctrl_c_at_a_question_is_one_sentence(
    project: Minimal, arguments: list[str], question: str
) -> None:
    typist = Typist(arguments, project.root)
    typist.reads(question)
    typist.types(CTRL_C)
    code, said = typist.end()
    assert code == INTERRUPTED and messages.INTERRUPTED in said.splitlines()
    assert "Traceback" not in said and unharmed(project)


def test_ctrl_d_refuses_and_asks_nothing_more(project: Minimal) -> None:
    typist = Typist(MIGRATION, project.root)
    typist.reads(ASK_KEPT)
    typist.types(CTRL_D)
    code, said = typist.end()
    assert code not in (0, INTERRUPTED) and said.count("[y/n]") == 1
    assert "drop=t.kept" in said and "drop=t.old" in said and unharmed(project)

    typist = Typist(DOWNGRADE, project.root)
    typist.reads(messages.CONFIRM)
    typist.types(CTRL_D)
    code, said = typist.end()
    assert code == 1 and "Traceback" not in said and unharmed(project)


def test_an_answer_that_is_unknown_is_no_step_to_deletion(project: Minimal) -> None:
    typist = Typist(MIGRATION, project.root)
    for keys in ("rename", "", "new", "1"):
        typist.reads(ASK_KEPT)
        typist.types(keys + ENTER)
        typist.reads(messages.YES_OR_NO)
    typist.reads(ASK_KEPT)
    typist.types("n" + ENTER)
    typist.reads(messages.ASK_DROP.format(name="t.kept"))
    typist.types("sim" + ENTER)
    typist.reads(ASK_OLD)
    typist.types("s" + ENTER)
    code, _ = typist.end()
    assert code == 0
    (written,) = (path for path in project.versions.glob("*.py") if path.name != "a1.py")
    upgrade = written.read_text().partition("def downgrade")[0]
    assert "new_column_name='new'" in upgrade and "drop_column('kept')" in upgrade
