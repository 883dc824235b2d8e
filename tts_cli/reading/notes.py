"""Footnotes and endnotes of HTML: their marks in the text, and the places of their texts."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from urllib.parse import unquote

from tts_cli.reading.inline import MARKS, SUP
from tts_cli.reading.markup import Markup, Tag
from tts_cli.reading.unheard import BLOCKS, VOID

_MARK = re.compile(
    r"[\[({]?\s*(?:\d{1,4}|[ivxl]{1,5}|[a-zA-Z]|[*†‡§‖¶]{1,4}|(?:note|fn|n)\.? ?\d{1,3})\s*[\])}]?\.?", re.IGNORECASE
)
_ARROWS = re.compile(r"[\[(]?[\s↩↪↵⤴⏎↑↥⇑⬆▲△^¶#🔗←⇐\ufe0e\ufe0f]+[\])]?")
_NOTE_ID = re.compile(
    r"[\W_]*(?:r?fn|ftn|en|foot[\W_]*note|end[\W_]*note|note|cite[\W_]note|nt)s?[\W_a-z]{0,12}\d[\w.-]*", re.IGNORECASE
)
_NO_MARK_AFTER = "([{/$#№-–—−+*="
_IDS = re.compile(r"<([a-zA-Z][\w:-]*)(?=\s)[^<>]*?\s(?:xml:)?(?:id|name)\s*=\s*[\"']?([^\"'\s<>]+)")
_OWN_MARK = re.compile(r"^\s*(?:[\[(]?(?:\d{1,4}|[a-z])[\])]\W?|\d{1,4}[.:)]|\d{1,4}(?=\s+[A-Z\"“])|[*†‡§‖¶]{1,4})\s*")
_LONGEST_NOTE = 50_000

Load = Callable[[str], str | None]
"""Function that returns the markup of a file of the book by its name; None if there is none."""


class Notes:
    """Marks and notes of a document, or of all chapters of a book. A key is "FILE#ID"."""

    def __init__(self, load: Load = lambda _: None) -> None:
        """Begin a document; `load` gives the markup of the files to which marks refer."""
        self._load = load
        self._targets: set[str] = set()
        self._sources: set[str] = set()
        self._read: set[str] = set()
        self._places: dict[str, dict[str, int]] = {}

    @staticmethod
    def key(file: str, address: str) -> str:
        """Return the key of an address in `file`; an empty text for an address without a fragment or on another host."""
        path, mark, fragment = address.strip().partition("#")
        if not mark or not fragment or "://" in path:
            return ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(file), unquote(path))) if path else file
        return f"{path}#{unquote(fragment)}"

    def add(self, target: str, source: str) -> bool:
        """Store a mark with the key of its note and its own key. Return True if the note was not referred to before."""
        is_new = bool(target) and target not in self._targets
        self._targets.update({target} - {""})
        self._sources.update({source} - {""})
        return is_new

    def is_note(self, key: str) -> bool:
        """Return True if a mark refers to `key`."""
        return key in self._targets

    def is_read(self, key: str) -> bool:
        """Return True if the text of a note was asked for."""
        return key in self._read

    def leads_back(self, key: str) -> bool:
        """Return True if `key` is that of a mark."""
        return key in self._sources

    def text(self, key: str) -> str:
        """Return the markup of a note; an empty text if there is none. From then on the note counts as read."""
        file, _, name = key.partition("#")
        markup = self._load(file)
        if markup is None or key in self._read:
            return ""
        if file not in self._places:
            found: dict[str, int] = {}
            for one in _IDS.finditer(markup):
                found.setdefault(one[2], one.start())
            self._places[file] = found
        place = self._places[file].get(name, -1)
        self._read.add(key)
        return markup[place : _end_of_element(markup, place)] if place >= 0 else ""


def is_mark(text: str, address: str, before: str, is_raised: bool) -> bool:
    """Return True for a link that is the mark of a note, or leads back from a note or to the heading itself.

    Args:
        text: Text of the link.
        address: Address of the link.
        before: Character before the link; an empty text at the start of a block.
        is_raised: The link stands in an element `sup`.
    """
    fragment = address.partition("#")[2]
    bare = MARKS.sub("", text).strip()
    if not bare or not fragment:
        return False
    if _ARROWS.fullmatch(bare):
        return True
    if not _MARK.fullmatch(bare):
        return False
    if is_raised or SUP in text or bare[0] in "[*†‡§‖¶" or _NOTE_ID.fullmatch(fragment):
        return True
    return bool(before.strip()) and before not in _NO_MARK_AFTER and not bare.isalpha()


def without_own_mark(text: str) -> str:
    """Return the text of a note without the number or sign at its start."""
    return _OWN_MARK.sub("", text, count=1)


def _end_of_element(markup: str, start: int) -> int:
    """Return the end of the element at `start`; of an inline element, the end of the block around it."""
    pieces = Markup(markup, start=start)
    first, depth = "", 0
    for piece in pieces:
        if isinstance(piece, Tag):
            first = first or piece.name
            is_block = first in BLOCKS
            counts = piece.name == first if is_block else piece.name in BLOCKS
            if counts and piece.name not in VOID:
                depth += piece.opens - piece.closes
                if depth < 1 and not (is_block and piece.opens and not piece.closes):
                    return pieces.position
        if pieces.position - start > _LONGEST_NOTE:
            break
    return pieces.position
