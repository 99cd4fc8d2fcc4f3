"""The text of a statement, read from the left: words, names, clauses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from alambique.names import TableName

TOKEN = re.compile(
    r"""
      (?P<hidden>  /\*M?! )
    | (?P<comment> --[^\n]* | \#[^\n]* | /\*.*?\*/ )
    | (?P<string>  '(?:[^'\\]|\\.|'')*' | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
    | (?P<name>    "(?:[^"]|"")+" | `(?:[^`]|``)+` | \[[^\]\d][^\]]*\] )
    | (?P<word>    [^\W\d][\w$]* )
    | (?P<number>  \d+ )
    | (?P<other>   \S )
    """,
    re.VERBOSE | re.DOTALL,
)

# What is made with statements of its own inside: none of them is carried out now.
ROUTINES = frozenset({"EVENT", "FUNCTION", "PROCEDURE", "RULE", "TRIGGER", "VIEW"})


def statements(sql: str) -> Iterator[list[Token]]:
    """Yield the statements of a text, each as its tokens, without comments."""
    found: list[Token] = []
    for match in TOKEN.finditer(sql):
        kind = match.lastgroup if match.lastgroup != "tag" else "string"
        if kind == "comment":
            continue
        text = match[0]
        if text == ";" and not _is_routine(found):
            if found:
                yield found
            found = []
        else:
            found.append(Token(str(kind), text))
    if found:
        yield found


@dataclass(frozen=True)
class Token:
    """A word, a name in quotes, a text in quotes, a number, or one sign."""

    kind: str
    text: str

    @property
    def word(self) -> str:
        """The word, in capitals; "" of what is none."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def name(self) -> str | None:
        """The name that this is, or may be, out of its quotes."""
        if self.kind == "word":
            return self.text
        if self.kind != "name":
            return None
        quote = self.text[-1]
        inner = self.text[1:-1]
        return inner if quote == "]" else inner.replace(quote * 2, quote)


def _is_routine(tokens: list[Token]) -> bool:
    """Tell whether these begin a statement that has others inside."""
    words = [token.word for token in tokens[:12]]
    return words[:1] == ["CREATE"] and not ROUTINES.isdisjoint(words)


class Reader:
    """One statement, or one clause of it, and how far it was read."""

    def __init__(self, tokens: list[Token]) -> None:
        """Stand before the first token."""
        self.tokens = tokens
        self.place = 0

    def peek(self) -> Token:
        """Return the next token, and stay."""
        at_end = self.place >= len(self.tokens)
        return Token("other", "") if at_end else self.tokens[self.place]

    def next_word(self) -> str:
        """Go past the next token, and return it as a word; "" of what is none."""
        found = self.peek().word
        self.place += 1
        return found

    def takes(self, text: str) -> bool:
        """Go past a word or a sign, if it stands here."""
        token = self.peek()
        if text not in {token.word, token.text if token.kind == "other" else ""}:
            return False
        self.place += 1
        return True

    def takes_if_exists(self) -> None:
        """Go past IF EXISTS, if it stands here."""
        if self.takes("IF"):
            self.takes("EXISTS")

    def has(self, word: str) -> bool:
        """Tell whether a word stands anywhere from here on."""
        return any(token.word == word for token in self.tokens[self.place :])

    def plain(self) -> str | None:
        """Go past a name without dots, and return it."""
        found = self.peek().name
        if found is not None:
            self.place += 1
        return found

    def name(self) -> TableName | None:
        """Go past the name of a table, and return it."""
        parts = []
        while (part := self.plain()) is not None:
            parts.append(part)
            if not self.takes("."):
                break
        return TableName(parts[-1], parts[-2] if len(parts) > 1 else None) if parts else None

    def names(self) -> Iterator[TableName]:
        """Go past names of tables with commas between them, and yield them."""
        while (table := self.name()) is not None:
            yield table
            self.takes("*")
            if not self.takes(","):
                return

    def clauses(self, until: str = "") -> Iterator[list[Token]]:
        """Yield what stands between the commas from here on, but for those in brackets.

        Args:
            until: the word that ends them; by default the end of the statement, or WHERE.
        """
        found: list[Token] = []
        depth = 0
        ends = {until} if until else {"WHERE"}
        while self.place < len(self.tokens):
            token = self.peek()
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if depth == 0 and token.word in ends:
                break
            self.place += 1
            if depth == 0 and token.text == ",":
                yield found
                found = []
            else:
                found.append(token)
        if found:
            yield found

    def in_brackets(self) -> list[str]:
        """Go past names in brackets, if any stand here, and return them."""
        found: list[str] = []
        if self.takes("("):
            while (name := self.plain()) is not None:
                found.append(name)
                self.takes(",")
            self.takes(")")
        return found
