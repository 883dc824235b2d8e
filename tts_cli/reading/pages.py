"""Marks of printed pages in a plain text: their numbers and running heads, which no listener expects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tts_cli.reading.left_out import Tell, ignore
from tts_cli.text.numbers import roman

if TYPE_CHECKING:
    from tts_cli.reading.plain import TextBlock

_NUMBER = r"(?:\d{1,4}[a-z]?|[ivxlc]{1,8})"
_WRITTEN = rf"[\[{{(]\s*(?:page|pg|p)[. ]*\s*{_NUMBER}\s*[\]}})]"
_INSIDE = re.compile(rf"[ \t]*{_WRITTEN}[ \t]*", re.IGNORECASE)
_MARK = re.compile(
    rf"\s*(?:\f|{_WRITTEN}|page\s+\d{{1,4}}(?:\s+of\s+\d{{1,4}})?|[-–—~*]+\s*{_NUMBER}\s*[-–—~*]+|\[\s*\d{{1,4}}\s*\]|\{{\s*\d{{1,4}}\s*\}}"
    r"|\|?\s*p\s?a\s?g\s?e\s*\|\s*\d{1,4})\s*",
    re.IGNORECASE,
)
_BARE = re.compile(r"^[ \t]*(\d{1,4}|[ivxl]{1,7})[ \t]*$", re.MULTILINE)
_HEAD = re.compile(r"[ \t]*(?:(\d{1,4})[ \t]+)?([A-Z][A-Z .,:;'’&-]{2,60}?[A-Z.])(?:[ \t]+(\d{1,4}))?[ \t]*")
_HEADS = re.compile(rf"^{_HEAD.pattern}$", re.MULTILINE)
_ENDED = re.compile(r"[.?!:…][\"'”’)\]_*]*\s*$")
_PAGE = 3500
"""Most characters of a printed page."""
_YEARS = range(1500, 2100)


def has_ended(line: str) -> bool:
    """Return True if a sentence ends at the end of `line`."""
    return _ENDED.search(line) is not None


class Pages:
    """Marks of pages in one text."""

    def __init__(self, text: str, tell: Tell = ignore) -> None:
        """Look for the numbers and the running heads of pages in `text`; `tell` receives the kind of each that is left out."""
        self._tell = tell
        self._bare = _bare_pages(text)
        numbers = {int(number) for number in self._bare if number.isdigit()}
        self._counting = {
            str(number) for number in numbers if not numbers.isdisjoint((number - 2, number - 1, number + 1, number + 2))
        }
        found = {(match[2], match[1] or match[3]) for match in _HEADS.finditer(text) if match[1] or match[3]}
        counts = Counter(head for head, _ in found)
        self._heads = {head for head, number in counts.items() if number > 1}

    def without_marks(self, blocks: Iterable[TextBlock]) -> Iterator[TextBlock]:
        """Yield the blocks without marks of pages. A paragraph that a page divided is one block again."""
        before: TextBlock | None = None
        is_new_page = False
        for block in blocks:
            lines = self._lines(block.lines)
            is_new_page = is_new_page or len(lines) < len(block.lines)
            if not lines or (is_new_page and len(lines) == 1 and lines[0].strip() in self._heads):
                continue
            if before and is_new_page and _goes_on(before.lines[-1], lines[0]):
                before = before._replace(lines=[*before.lines, *lines], end=block.end)
            else:
                if before:
                    yield before
                before = block._replace(lines=lines)
            is_new_page = len(lines) < len(block.lines) and self._is_mark(block.lines[-1])
        if before:
            yield before

    def _lines(self, lines: list[str]) -> list[str]:
        """Return the lines that are no marks, with marks inside lines left out. Numbers below each other are a table."""
        kept = []
        for place, line in enumerate(lines):
            beside = [*lines[max(0, place - 1) : place], *lines[place + 1 : place + 2]]
            if self._is_mark(line) and (len(lines) == 1 or self._interrupts(line, beside)):
                self._tell("mark of a page")
            else:
                kept.append(self._inner(line))
        return [line for line in kept if line.strip()]

    def _interrupts(self, line: str, beside: list[str]) -> bool:
        """Return False for a number inside a paragraph that may belong to it: in a table, or one that counts no pages."""
        bare = _BARE.fullmatch(line)
        return not bare or (bare[1] in self._counting and not any(_BARE.fullmatch(other) for other in beside))

    def _inner(self, line: str) -> str:
        if "p" not in line and "P" not in line:
            return line
        inner, number = _INSIDE.subn(lambda found: " " if found[0][0].isspace() or found[0][-1].isspace() else "", line)
        for _ in range(number):
            self._tell("mark of a page")
        return inner

    def _is_mark(self, line: str) -> bool:
        if _MARK.fullmatch(line):
            return True
        if bare := _BARE.fullmatch(line):
            return bare[1] in self._bare
        head = _HEAD.fullmatch(line)
        return head is not None and bool(head[1] or head[3]) and head[2] in self._heads


def _goes_on(before: str, line: str) -> bool:
    """Return True if a paragraph goes on after a page."""
    return not has_ended(before) and (
        line.lstrip("\"'“‘(_ \t")[:1].islower() or before.rstrip()[-1:] in ("-", "\u00ad", "¬", ",")
    )


def _bare_pages(text: str) -> set[str]:
    """Return the bare numbers on lines of their own that count pages; others count chapters from 1 on, or are years."""
    found = list(_BARE.finditer(text))
    pages: set[str] = set()
    for is_roman in (False, True):
        one_kind = [match for match in found if match[1].isalpha() == is_roman]
        pages |= {match[1] for match in _page_numbers(text, one_kind)}
    return pages


def _is_divided(text: str, mark: re.Match[str]) -> bool:
    """Return True if a sentence goes on after a mark."""
    before, after = text[max(0, mark.start() - 200) : mark.start()].rstrip(), text[mark.end() : mark.end() + 200].lstrip()
    return _goes_on(before, after)


def _page_numbers(text: str, found: list[re.Match[str]]) -> Iterator[re.Match[str]]:
    values = [int(match[1]) if match[1].isdigit() else roman(match[1].upper()) for match in found]
    gap = (found[-1].start() - found[0].start()) / max(1, len(found) - 1) if found else 0
    divided = sum(_is_divided(text, match) for match in found)
    count_chapters = 3 * divided < len(found) + 1 and not (len(found) > 5 and gap < _PAGE)
    chapter = 1
    for place, (match, value) in enumerate(zip(found, values, strict=True)):
        beside = values[max(0, place - 1) : place] + values[place + 1 : place + 2]
        if count_chapters and value == chapter:
            chapter += 1
        elif value not in _YEARS or any(abs(value - other) < 4 for other in beside):
            yield match
