"""Passages of documents: paragraphs, headings, items and pauses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

Kind = Literal["paragraph", "item", "heading", "pause", "code"]
"""Kind of a passage. `item`: item of a list, or row of a table; `pause`: change of scene, silent; `code`: not read."""

_ADDRESS = re.compile(r"(?:https?://(?:www\.)?|\bwww\.)([\w-]+(?:\.[\w-]+)+)(?::\d+)?(?:[/?#][^\s<>()\"]*[\w/=])?")


class Passage(NamedTuple):
    """Passage of a document that is read without a paragraph pause inside; a pause separates it from its neighbours."""

    text: str
    """Text in one line; empty for a pause and for code."""
    kind: Kind = "paragraph"
    level: int = 0
    """Level of a heading from 1; 0 for other kinds."""
    end: int = 0
    """Amount of the document that was parsed when the passage was complete, in the unit of `Document.size`."""
    start_s: float | None = None
    """Time at which the passage is to be read, in seconds from the start of the audio; None follows the passage before."""

    @property
    def has_words(self) -> bool:
        """True if the text holds a letter or a digit."""
        return any(character.isalnum() for character in self.text)


def passage(lines: Sequence[str], kind: Kind = "paragraph", level: int = 0) -> Passage:
    """Join wrapped lines into a passage; of each web address only the host is kept.

    Args:
        lines: Lines of one paragraph, item or heading. Lines of a heading are joined with colons, others with blanks.
        kind: Kind of the passage; a passage without words becomes a pause.
        level: Level of a heading, from 1.
    """
    parts = [" ".join(line.split()) for line in lines if line.strip()]
    text = parts[0] if parts else ""
    for part in parts[1:]:
        # A word that holds a hyphen may be broken after it; others are not broken.
        broken = text.endswith("-") and not text.endswith(" -")
        heading = kind == "heading" and text[-1] not in ".:;,?!-"
        text += part if broken else f": {part}" if heading else f" {part}"
    has_address = "://" in text or "www." in text
    found = Passage(_ADDRESS.sub(r"\1", text) if has_address else text, kind, level)
    return found if found.has_words else Passage("", "pause")
