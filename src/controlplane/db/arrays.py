"""Long arrays as Postgres reads them, kept: the driver would write each element anew with every statement."""

from functools import lru_cache

#: Arrays of each kind that are kept, those used last.
_KEPT = 32


@lru_cache(maxsize=_KEPT)
def texts_array(texts: tuple[str, ...]) -> str:
    """An array of text; none of them has a NUL."""
    return "{" + ",".join([f'"{_escaped(text)}"' for text in texts]) + "}"


@lru_cache(maxsize=_KEPT)
def numbers_array(numbers: tuple[int, ...]) -> str:
    """An array of whole numbers."""
    return "{" + ",".join(map(str, numbers)) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
