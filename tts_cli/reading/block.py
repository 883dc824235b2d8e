"""HTML documents, and the block of text in them that is being read."""

from __future__ import annotations

from dataclasses import dataclass, field

from tts_cli.reading.inline import MARKS
from tts_cli.reading.left_out import Tell, ignore
from tts_cli.reading.notes import Notes
from tts_cli.reading.unheard import Included


@dataclass(frozen=True)
class HtmlSource:
    """HTML document, or chapter of a book."""

    markup: str
    file: str = ""
    """Name of the file in the book, to which addresses are relative."""
    is_xml: bool = False
    """CDATA sections are text."""
    included: Included = field(default_factory=Included)
    """Parts that are read."""
    styles: str = ""
    """Rules of its style sheets."""
    notes: Notes | None = None
    """Notes of the book; None for a document of one file."""
    tell: Tell = ignore
    """Receives the kind of each part that is left out."""


@dataclass
class HtmlBlock:
    """Text since the last block, and its properties."""

    lines: list[list[str]] = field(default_factory=lambda: [[]])
    level: int = 0
    """Level of a heading; 0 for other blocks."""
    is_note: bool = False
    refers_to: list[str] = field(default_factory=list)
    """Keys of the notes to which its marks refer."""
    alts: list[str] = field(default_factory=list)
    """Descriptions of its pictures, of which a heading may consist."""

    def text_lines(self) -> list[str]:
        """Return the lines of text. They are kept in pieces: joining at each piece is quadratic."""
        return ["".join(pieces) for pieces in self.lines]

    def last_character(self) -> str:
        """Return the last character that is heard of the last line; an empty text for none."""
        for piece in reversed(self.lines[-1]):
            if bare := MARKS.sub("", piece):
                return bare[-1]
        return ""
