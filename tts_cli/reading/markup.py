"""HTML and XHTML as tags and text, in time that grows linearly with the length, however broken the markup is.

`html.parser` scans unfinished tags again and again, and libraries that build a tree read the whole text before the first word.
"""

from __future__ import annotations

import codecs
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
_SUBSET = re.compile(r"<!doctype[^\[<>]*\[", re.IGNORECASE)
_SUBSET_END = re.compile(r"\]\s*>")
_CDATA = "<![CDATA["
_DECLARED = re.compile(
    rb"""<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([\w.:-]{1,40})|<meta[^>]{0,200}?\scharset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.I
)
_DECLARED_BYTES = 4096
"""Bytes at the start of a file in which its encoding is looked for."""
_LATIN = frozenset("iso-8859-1 iso8859-1 iso_8859-1 latin1 latin-1 l1 cp819 ascii us-ascii ansi".split())
"""Names of encodings that browsers read as Windows-1252 (https://encoding.spec.whatwg.org/#names-and-labels)."""
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

    def __init__(self, markup: str, is_xml: bool = False, start: int = 0) -> None:
        """Begin before the character `start` of `markup`. If `is_xml` is true, CDATA sections are text, else comments."""
        self.position = start
        self._markup, self._is_xml = markup, is_xml
        self._absent: set[re.Pattern[str]] = set()
        self._quotes_count = True

    def __iter__(self) -> Iterator[Tag | str]:
        """Yield each tag, and each text with its character references resolved. Comments and scripts are left out."""
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
            if self._is_xml and markup.startswith(_CDATA, start):
                yield _CDATA_END.sub("", markup[start + len(_CDATA) : end])
            elif found[0][-1].isalpha():
                tag = _tag(markup, start, end)
                yield tag
                if raw := self._raw(tag):
                    yield raw
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
        if (subset := _SUBSET.match(markup, start)) and (end := self._after(_SUBSET_END, subset.end())) > 0:
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

    def _raw(self, tag: Tag) -> str:
        """Go to the end tag of a script or style, whose content is no markup. Return the content of a style."""
        if tag.name not in _RAW_ENDS or not tag.opens or tag.closes:
            return ""
        found, start = _RAW_ENDS[tag.name].search(self._markup, self.position), self.position
        self.position = found.start() if found else len(self._markup)
        return self._markup[start : self.position] if tag.name == "style" else ""


def decoded_markup(data: bytes) -> tuple[str, str]:
    """Decode HTML or XHTML by its byte order mark, else by the encoding that it declares, else as UTF-8.

    Returns:
        The text, and a warning if the data does not have the declared encoding, else an empty text.
    """
    declared = _DECLARED.search(data[:_DECLARED_BYTES])
    name = (declared[1] or declared[2]).decode("ascii").lower() if declared else "utf-8"
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        name = "utf-16"
    elif data[:4] in (b"<\0?\0", b"\0<\0?"):
        name = "utf-16-le" if data[0] else "utf-16-be"
    elif data.startswith(codecs.BOM_UTF8) or name.startswith("utf-16"):
        # A declaration that can be read as ASCII is not UTF-16.
        name = "utf-8"
    for encoding in ("cp1252" if name in _LATIN else "utf-8-sig" if name in ("utf-8", "utf8") else name, "utf-8-sig"):
        try:
            return data.decode(encoding), "" if encoding != "utf-8-sig" or name in ("utf-8", "utf8") else f"is UTF-8, not {name}"
        except (LookupError, UnicodeError):
            continue
    return data.decode("cp1252", "replace"), f"is no {name.upper()} text; it is read as Windows-1252"


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
