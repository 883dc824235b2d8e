"""HTML and XHTML as passages to be read aloud. EPUB chapters are XHTML, and Markdown is converted to HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from tts_cli.reading.markup import Markup, Tag

Kind = Literal["paragraph", "item", "heading", "pause", "code"]
"""Kind of a passage. `item`: item of a list, or row of a table; `pause`: change of scene, silent; `code`: not read."""

_PORTION = 1024
"""Unit of `Passage.end`, in characters: the end of the last passage is the end of the markup."""
_DEEPEST = 512
"""Most elements inside each other that are left out; each end tag is looked for among them."""
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = frozenset(
    "p div section article aside blockquote ul ol li dl dt dd figure figcaption caption details summary address header footer"
    " main body pre table tr hr form fieldset legend center".split()
) | frozenset(_HEADINGS)
_UNREAD = frozenset("script style title nav svg math del s strike rt rp template iframe object audio video noscript".split())
_VOID = frozenset("br img hr input meta link col source wbr area base embed track param".split())
_ASIDES = frozenset("noteref doc-noteref pagebreak doc-pagebreak backlink doc-backlink".split())
"""Values of `epub:type` or `role` for numbers of notes and of printed pages."""
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


class _Reader:
    """Builder of passages from tags and text; `ready` holds those that are complete."""

    def __init__(self) -> None:
        self.ready: list[Passage] = []
        self._written: list[list[str]] = [[]]
        self._number = ""
        self._level = 0
        self._in_pre = False
        self._unread: list[str] = []
        self._lists: list[int | None] = []
        self._cells: list[str] | None = None
        self._header: list[str] = []
        self._is_header = False

    def take(self, piece: Tag | str) -> None:
        """Take the next tag or text."""
        if isinstance(piece, str):
            if not self._unread:
                self._written[-1].append(piece)
            return
        if piece.opens:
            self._start(piece.name, piece.attributes)
        if piece.closes:
            self._end(piece.name)

    def _start(self, tag: str, values: dict[str, str]) -> None:
        if self._unread or self._is_unread(tag, values):
            if tag not in _VOID and len(self._unread) < _DEEPEST:
                self._unread.append(tag)
            return
        if tag in _BLOCKS:
            self._end_block()
        if tag in _HEADINGS:
            self._level = int(tag[1])
        elif tag in ("ul", "ol"):
            start = values.get("start", "")
            self._lists.append(None if tag == "ul" else int(start) if start.isdecimal() and len(start) < 10 else 1)
        elif tag == "li" and self._lists:
            self._begin_item()
        elif tag == "br":
            self._written.append([])
        elif tag == "img" and " " in (alt := values.get("alt", "").strip()):
            self._written[-1].append(f" {alt} ")
        else:
            self._begin_other(tag)

    def _is_unread(self, tag: str, values: dict[str, str]) -> bool:
        if tag == "code" and self._in_pre:
            self.ready.append(Passage("", "code"))
            return True
        return tag in _UNREAD or not _ASIDES.isdisjoint(f"{values.get('epub:type', '')} {values.get('role', '')}".split())

    def _begin_item(self) -> None:
        number = self._lists[-1]
        self._number = "" if number is None else f"{number}: "
        self._lists[-1] = None if number is None else number + 1

    def _begin_other(self, tag: str) -> None:
        if tag == "hr":
            self.ready.append(Passage("", "pause"))
        elif tag == "pre":
            self._in_pre = True
        elif tag == "table":
            self._header = []
        elif tag == "tr":
            self._cells, self._is_header = [], True
        elif tag in ("td", "th") and self._cells is not None:
            self._cells.append("")
            self._written = [[]]

    def _end(self, tag: str) -> None:
        if self._unread:
            # An element that was never closed ends with its parent.
            if tag in self._unread:
                del self._unread[len(self._unread) - 1 - self._unread[::-1].index(tag) :]
            return
        if tag in ("td", "th") and self._cells:
            self._cells[-1], self._written = " ".join(" ".join(self._lines()).split()), [[]]
            self._is_header = self._is_header and tag == "th"
        elif tag == "tr":
            self._end_row()
        elif tag in _BLOCKS:
            self._end_block()
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        self._in_pre = self._in_pre and tag != "pre"

    def _end_row(self) -> None:
        """Add the row of a table: each cell after the header of its column. The row of headers alone gives no passage."""
        cells, self._cells = self._cells or [], None
        if self._is_header and not self._header:
            self._header = cells
            return
        headers = self._header if len(self._header) == len(cells) else [""] * len(cells)
        parts = [f"{header}: {cell}" if header else cell for header, cell in zip(headers, cells, strict=True) if cell]
        if parts:
            self.ready.append(passage(["; ".join(parts)], "item"))

    def _end_block(self) -> None:
        if self._cells is not None:
            # Paragraphs in a table's cell are parts of the cell.
            self._written[-1].append(" ")
            return
        lines = self._lines()
        if any(line.strip() for line in lines):
            kind: Kind = "heading" if self._level else "item" if self._lists else "paragraph"
            self.ready.append(passage([self._number + lines[0].strip(), *lines[1:]], kind, self._level))
            self._number = ""
        self._written, self._level = [[]], 0

    def _lines(self) -> list[str]:
        """Return the lines of text since the last block. They are kept in pieces: joining at each piece is quadratic."""
        return ["".join(pieces) for pieces in self._written]

    def close(self) -> None:
        """End the last passage."""
        self._cells = None
        self._end_block()


def passages_of_html(markup: str) -> Iterator[Passage]:
    """Yield the passages of an HTML or XHTML text, or of a fragment, and parse only as far as needed.

    Code, formulas, navigation, and the numbers of notes and printed pages are left out. Of a picture, its description is read.
    `Passage.end` counts characters of `markup`.
    """
    reader, pieces = _Reader(), Markup(markup)
    for piece in pieces:
        reader.take(piece)
        if reader.ready:
            end = min(pieces.position + _PORTION - pieces.position % _PORTION, len(markup))
            yield from (found._replace(end=end) for found in reader.ready)
            reader.ready.clear()
    reader.close()
    yield from (found._replace(end=len(markup)) for found in reader.ready)
