"""Text that has to pass where only some characters may, or as another language writes it."""

import unicodedata


def ascii_only(text: str) -> str:
    """Return `text` with its accents folded: "descrição" becomes "descricao"."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def literal(text: str) -> str:
    """Return a text as SQL writes it, in single quotes."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
