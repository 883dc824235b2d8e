"""Tables of contents that a document holds as text: runs of links, and the entries after the heading "Contents"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tts_cli.reading.left_out import Tell
from tts_cli.reading.passage import Passage

KIND = "table of contents"
_HEADING = re.compile(
    r"(?:table of )?contents|list of (?:illustrations|figures|tables|plates|maps)|in this (?:book|article)", re.IGNORECASE
)
_STEP = re.compile(
    r"\W*(?:(?:go |back )?(?:to )?(?:the )?(?:next|previous|prev|back|home|top|up|contents|index|main page|return)"
    r"(?: (?:to )?(?:the )?(?:chapter|page|section|part|top|contents|home|text))?\W*)+",
    re.IGNORECASE,
)
_LEADER = re.compile(
    r".*(?:\.\s?){3,}\s*(?:\d{1,4}|[ivxlc]+)$|.*\s\d{1,4}$|(?:chapter|part|book)?\s*(?:\d{1,3}|[ivxlc]+)[.:)]?\s.{1,80}",
    re.IGNORECASE,
)
_FEWEST = 3
"""Fewest links, one after the other, that are a table of contents."""
_LONGEST_ENTRY = 120


class Contents:
    """Filter of passages that holds back a heading or links until it is known whether they are a table of contents."""

    def __init__(self, tell: Tell) -> None:
        """Begin a document; `tell` receives the kind of a part that is left out."""
        self._tell = tell
        self._heading: Passage | None = None
        self._run: list[Passage] = []
        self._num_links = 0
        self._entries: set[str] = set()
        self._is_inside = False

    def take(self, passage: Passage, num_links: int) -> Iterator[Passage]:
        """Yield the passages that are to be heard up to now.

        Args:
            passage: Next passage.
            num_links: Number of its links, if nothing but links is heard of it.
        """
        if self._is_inside and self._is_entry(passage, num_links):
            self._entries.add(passage.text.lower())
            return
        if num_links and passage.kind != "heading":
            self._run.append(passage)
            self._num_links += num_links
            return
        yield from self.end()
        if passage.kind in ("heading", "paragraph") and _HEADING.fullmatch(passage.text.strip(" .:")):
            self._heading, self._is_inside = passage, True
        else:
            yield passage

    def end(self) -> Iterator[Passage]:
        """Yield the passages that were held back, if they are no table of contents."""
        is_contents = bool(self._entries) or self._num_links >= _FEWEST
        if is_contents:
            self._tell(KIND)
        elif self._heading:
            yield self._heading
        if self._num_links < _FEWEST:
            yield from (one for one in self._run if not _STEP.fullmatch(one.text))
        self._heading, self._is_inside, self._num_links = None, False, 0
        self._run.clear()
        self._entries.clear()

    def _is_entry(self, passage: Passage, num_links: int) -> bool:
        """Return True for an entry after the heading "Contents"; the text of an earlier entry begins the chapter itself."""
        if passage.kind == "pause":
            return True
        if passage.kind == "heading" or passage.text.lower() in self._entries:
            return False
        if num_links or passage.kind == "item":
            return True
        return len(passage.text) <= _LONGEST_ENTRY and bool(_LEADER.fullmatch(passage.text)) and passage.text[-1] not in ".!?"
