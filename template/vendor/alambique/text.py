"""Text that has to pass where only some characters may."""

import unicodedata


def ascii_only(text: str) -> str:
    """Return `text` with its accents folded: "descrição" becomes "descricao"."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
