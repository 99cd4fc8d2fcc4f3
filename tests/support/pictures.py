"""What the READMEs open with: a terminal, recorded while a project is made and migrated.

`make pictures`, or `python -m support.pictures [folder]`.
"""

import os
import re
import sys
import tempfile
from io import StringIO
from pathlib import Path
from typing import Any

import pexpect
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from support.example import FIRST, HEAD, SECOND
from support.project import NOT_PASSED_ON, ROOT
from support.releases import AUTHOR, NEWEST, commit, copy_working_tree, git, usable

IMAGES = ROOT / "docs/images"
LANGUAGES = ["en", "pt"]
SCENES = ["first-minute", "rename", "plan"]
COLUMNS, ROWS = 90, 50
PROMPT = "\x1b[1;32m$\x1b[0m "
LEFT_OUT = "\x1b[2m…\x1b[0m\n"
# The edit that each scene begins with, and what is typed then, in the words of each language.
WORDS = {
    "en": {
        "rename": r"perl -pi -e 's/price:/unit_price:/' app/products/models.py",
        "title": "unit price",
        "question": "[y/n] ",
        "yes": "y",
        "drop": r"perl -ni -e 'print unless /age:/' app/users/models.py",
        "dropped": 'make migration m="no age" drop=users.age',
    },
    "pt": {
        "rename": r"perl -pi -e 's/preco:/preco_unitario:/' app/produtos/models.py",
        "title": "preço unitário",
        "question": "[s/n] ",
        "yes": "s",
        "drop": r"perl -ni -e 'print unless /idade:/' app/usuarios/models.py",
        "dropped": 'make migration m="sem idade" drop=usuarios.idade',
    },
}
# What is another one at every run, and what stands for it.
ALWAYS = [
    (r"sqlite:////\S*/app\.db", "sqlite:///app.db"),
    (r"\b\d+([.,])\d+ s\b", r"0\g<1>2 s"),
    (r"\b20\d\d_\d\d_\d\d_\d{4}(?=-)", "2026_01_26_0900"),
]
NEW = "5d0e93b7a146"  # the id of the one revision that a scene writes


class Terminal:
    """A shell in a pseudo-terminal, and a person who waits for the prompt before typing."""

    def __init__(self, folder: Path) -> None:
        """Open it in the template's clone of `folder`."""
        inputrc = folder / "inputrc"
        inputrc.write_text("set enable-bracketed-paste off\n")  # else its codes are in the record
        kept = {key: value for key, value in os.environ.items() if key not in NOT_PASSED_ON}
        kept.pop("NO_COLOR", None)
        said = {
            "GIT_PAGER": "cat",
            "INPUTRC": str(inputrc),
            "LC_ALL": "C.UTF-8",
            "PS1": PROMPT.replace("\x1b[1;32m", r"\[\e[1;32m\]").replace("\x1b[0m", r"\[\e[0m\]"),
            "TERM": "xterm-256color",
        }
        self.shell: Any = pexpect.spawn(
            "bash",
            ["--norc", "--noprofile"],
            cwd=str(folder / "alambique"),
            env=kept | AUTHOR | said,
            encoding="utf-8",
            dimensions=(ROWS, COLUMNS),
            timeout=300,
        )
        self.shell.expect_exact(PROMPT)

    def type(self, command: str, question: str = "", answer: str = "") -> str:
        """Type a command, answer what it asks, and return what stands on the screen then."""
        printed = PROMPT
        self.shell.sendline(command)
        if question:
            self.shell.expect_exact(question)
            printed += self.shell.before + self.shell.after
            self.shell.sendline(answer)
        self.shell.expect_exact(f"\n{PROMPT}")
        printed += f"{self.shell.before}\n"
        return printed.replace("\r\n", "\n").replace("\r", "")

    def close(self) -> None:
        """Leave the shell."""
        self.shell.close(force=True)


def remake(images: Path) -> None:
    """Draw every picture anew, in both languages, below a folder.

    Args:
        images: where each language gets a folder.
    """
    for language in LANGUAGES:
        (images / language).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            recorded = record(Path(folder), language)
        for scene in SCENES:
            path = images / language / f"{scene}.svg"
            path.write_text(drawn(recorded[scene], f"{scene}-{language}"), encoding="utf-8")


def record(folder: Path, language: str) -> dict[str, str]:
    """Make a project of the working tree and migrate it; return what each scene printed."""
    words = WORDS[language]
    terminal = Terminal(clone(folder))
    try:
        new = terminal.type(f'make new dest=../loja data="language={language}" defaults=1')
        minute = [installed(new), terminal.type("cd ../loja"), terminal.type("make status")]
        rename = [
            terminal.type(words["rename"]),
            terminal.type("git diff --unified=0 --color app | tail -2"),
            terminal.type(f'make migration m="{words["title"]}"', words["question"], words["yes"]),
            terminal.type("make upgrade"),
        ]
        terminal.type(words["drop"])
        terminal.type(words["dropped"])
        plan = [noted(terminal.type("make plan"))]
    finally:
        terminal.close()
    scenes = dict(zip(SCENES, ("".join(each) for each in (minute, rename, plan)), strict=True))
    return {name: still(text) for name, text in scenes.items()}


def clone(folder: Path) -> Path:
    """Have a clone of the working tree in a folder, released and pushed: nothing to remark on."""
    template, origin = folder / "alambique", folder / "origin.git"
    template.mkdir()
    copy_working_tree(template)
    commit(template, NEWEST)
    git(folder, "init", "--quiet", "--bare", str(origin))
    git(template, "remote", "add", "origin", str(origin))
    git(template, "push", "--quiet", "--tags", "origin", "main")
    usable(template)
    return folder


def installed(printed: str) -> str:
    """Leave out what installing prints: the packages are others every week."""
    typed, rest = printed.split("\n", 1)
    lines = rest.splitlines(keepends=True)
    begins = next(number for number, line in enumerate(lines) if ".env.example" in line)
    return "".join([f"{typed}\n", LEFT_OUT, *lines[begins:]])


def noted(printed: str) -> str:
    """Leave out where a plan notes the revision: the same lines at the end of every one."""
    shown, note, _ = printed.partition("UPDATE alembic_version")
    assert note
    return shown + LEFT_OUT


def still(text: str) -> str:
    """Return what was printed with the same in the place of what changes at every run."""
    for pattern, always in ALWAYS:
        text = re.sub(pattern, always, text)
    for found in dict.fromkeys(re.findall(r"\b[0-9a-f]{12}\b", text)):
        if found not in {FIRST, SECOND, HEAD}:
            text = text.replace(found, NEW)
    return text


def drawn(text: str, name: str) -> str:
    """Return a picture of what a terminal showed, with nothing in it that has to be fetched."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), highlight=False)
    console.print(Text.from_ansi(text.rstrip().expandtabs(4)), soft_wrap=False)
    form = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    form = re.sub(r"<!--.*?-->\n", "", form, flags=re.DOTALL).replace("Fira Code, ", "")
    drawing = console.export_svg(title="loja", code_format=form, unique_id=name)
    return "".join(f"{line.rstrip()}\n" for line in drawing.splitlines() if line.strip())


if __name__ == "__main__":
    remake(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
