"""HTML and XHTML as tags and text, in time that grows linearly with the length, however broken the markup is.

`html.parser` scans unfinished tags again and again, and libraries that build a tree read the whole text before the first word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

_LONGEST_TAG = 1 << 18
"""Longest tag, in characters, whose quoted values may hold ">"."""
_LONGEST_ATTRIBUTES = 1 << 16
"""Most characters of a tag in which attributes are looked for."""
_MARK = re.compile(r"</?[a-zA-Z]|</\s*[a-zA-Z]|<[!?/]")
_NAME = re.compile(r"</?\s*([a-zA-Z][^\s/>]*)")
# Every alternative begins with another character, so that a tag without an end is scanned once.
_REST = re.compile(r"""[^>=]*(?:=(?:\s*"[^"]*"|\s*'[^']*'|(?!\s*["']))[^>=]*)*>""")
_ATTRIBUTE = re.compile(r"""([^\s/=>"'][^\s/=>]*)(?:\s*=+\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*))?)?""")
_LONG_NUMBER = re.compile(r"&#(?:0*[0-9]{8,}|[xX]0*[0-9a-fA-F]{8,});?")
_COMMENT_END = re.compile(r"--\s*>")
_CDATA_END = re.compile(r"\]\s*\]\s*>")
_RAW_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style")}


class Tag(NamedTuple):
    """Tag of an element."""

    name: str
    """In small letters."""
    opens: bool
    closes: bool
    """True for an end tag, and for a tag that ends with "/>"."""
    attributes: dict[str, str]
    """Values by name in small letters; empty for an end tag."""


class Markup:
    """Markup that is cut into tags and text.

    Attributes:
        position: Number of characters that were read.
    """

    def __init__(self, markup: str) -> None:
        """Begin before the first character of `markup`."""
        self.position = 0
        self._markup = markup
        self._absent: set[re.Pattern[str]] = set()
        self._quotes_count = True

    def __iter__(self) -> Iterator[Tag | str]:
        """Yield each tag, and each text with its character references resolved. Comments and declarations are left out."""
        markup = self._markup
        while found := _MARK.search(markup, self.position):
            start = found.start()
            if start > self.position:
                yield _text(markup[self.position : start])
            end = self._end(start, found[0])
            if end < 0:
                # No ">" follows, so no tag does.
                self.position = start
                break
            self.position = end
            if found[0][-1].isalpha():
                tag = _tag(markup, start, end)
                yield tag
                self._skip_raw(tag)
        rest, self.position = markup[self.position :], len(markup)
        if rest:
            yield _text(rest)

    def _end(self, start: int, mark: str) -> int:
        """Return the end of the tag, comment or declaration that begins at `start`; -1 if there is none."""
        markup = self._markup
        if markup.startswith("<!--", start) and (end := self._after(_COMMENT_END, start + 4)) > 0:
            return end
        if markup.startswith("<![", start) and (end := self._after(_CDATA_END, start + 3)) > 0:
            return end
        if self._quotes_count and mark[1].isalpha():
            if found := _REST.match(markup, start, start + _LONGEST_TAG):
                return found.end()
            # A quote without its end, or a giant tag. If each such tag were scanned to its end, the time would be quadratic.
            self._quotes_count = False
        return markup.find(">", start) + 1 or -1

    def _after(self, pattern: re.Pattern[str], start: int) -> int:
        """Return the end of the next match of `pattern`; -1 if there is none. A pattern without a match is looked for once."""
        found = None if pattern in self._absent else pattern.search(self._markup, start)
        if not found:
            self._absent.add(pattern)
        return found.end() if found else -1

    def _skip_raw(self, tag: Tag) -> None:
        """Go to the end tag of a script or style, whose content is no markup."""
        if tag.name in _RAW_ENDS and tag.opens and not tag.closes:
            found = _RAW_ENDS[tag.name].search(self._markup, self.position)
            self.position = found.start() if found else len(self._markup)


def _tag(markup: str, start: int, end: int) -> Tag:
    name = _NAME.match(markup, start, end)
    if not name:
        raise AssertionError(markup[start : start + 40])
    if markup.startswith("</", start):
        return Tag(name[1].lower(), opens=False, closes=True, attributes={})
    last = min(end - 1, name.end() + _LONGEST_ATTRIBUTES)
    attributes = {
        found[1].lower(): _text(found[2] or found[3] or found[4] or "") for found in _ATTRIBUTE.finditer(markup, name.end(), last)
    }
    return Tag(name[1].lower(), opens=True, closes=markup.endswith("/", start, end - 1), attributes=attributes)


def _text(written: str) -> str:
    """Return a text with its character references resolved; numbers too large for a character become U+FFFD."""
    if "&" not in written:
        return written
    return unescape(_LONG_NUMBER.sub("\ufffd", written) if "&#" in written else written)
