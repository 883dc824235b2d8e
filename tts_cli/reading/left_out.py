"""Parts of a document that are not read: counted by kind, to be told in one line a kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

Tell = Callable[[str], None]
"""Function that receives the kind of a part that is left out, in the singular, such as "footnote"."""


def ignore(kind: str) -> None:
    """Drop a kind."""


def left_out_lines(counts: Counter[str]) -> list[str]:
    """Return a line for each kind, such as "left out: footnote (3 times)"."""
    return [f"left out: {kind}" + (f" ({number} times)" if number > 1 else "") for kind, number in sorted(counts.items())]
