"""Lines of a paragraph of HTML: words divided at line ends, marks of pages, wiki links."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tts_cli.reading import inline
from tts_cli.reading.line_ends import is_one_word
from tts_cli.text.dictionary import cmu_has
from tts_cli.text.phones import PHONES

_DIVIDED = re.compile(r"(?<![A-Za-z'’])([A-Za-z'’]{1,30})([-\u2010\u00ad¬])[ \t\r]*\n[ \t\r]*([a-z][a-z'’]{0,30})")
_WRAPPED_HYPHEN = re.compile(r"(?<=\S)-[ \t\r]*\n\s*")
_PAGE = re.compile(r"[\[({]\s*(?:page|pg|p)\b\.?\s*(?:\d{1,5}|[ivxlc]{1,8})\s*[\])}]", re.IGNORECASE)
_BREAK = "\ufdda"
"""Stands for an element `br`."""
_WIKI = re.compile(r"\[\[([^\[\]|\n]{1,200})(?:\|([^\[\]\n]{1,200}))?\]\]")


def has_text(line: str) -> bool:
    """Return True if something is heard of a line with marks."""
    return bool(inline.MARKS.sub("", line).strip())


def paragraphs(lines: list[str]) -> Iterator[list[str]]:
    """Yield the lines between empty lines, which two line breaks make."""
    found: list[str] = []
    for line in lines:
        if has_text(line):
            found.append(line)
        elif found:
            yield found
            found = []
    if found:
        yield found


def whole_lines(lines: list[str]) -> list[str]:
    """Return the lines that hold text, with the words whole that a hyphen divides at the end of a line."""
    text = _BREAK.join(lines)
    if "\n" in text or _BREAK in text:
        text = _DIVIDED.sub(_whole_word, text.replace(_BREAK, f"{_BREAK}\n"))
        text = _WRAPPED_HYPHEN.sub("-", text).replace(f"{_BREAK}\n", _BREAK)
    return [line for line in map(cleaned, text.split(_BREAK)) if line.strip()]


def _whole_word(found: re.Match[str]) -> str:
    is_joined = found[2] in "\u00ad¬" or is_one_word(found[1], found[3])
    if is_joined and found.string[max(0, found.start() - 1) : found.start()] == "-":
        # "one-to-" and "one": a word with more hyphens is divided at one of them if both parts are words.
        is_joined = not (cmu_has(found[1].lower()) and cmu_has(found[3]))
    return f"{found[1]}{found[3]}" if is_joined else f"{found[1]}-{found[3]}"


def cleaned(text: str) -> str:
    """Return a text without soft hyphens, numbers of pages in brackets, and the brackets of wiki links."""
    if "\u00ad" in text:
        text = text.replace("\u00ad", "")
    if "[" in text or "{" in text:
        text = _WIKI.sub(_linked, text) if "[[" in text else text
        text = _PAGE.sub("", text)
    return text


def _linked(found: re.Match[str]) -> str:
    """Return the text of a wiki link; phones in brackets stay."""
    if all(symbol in PHONES for symbol in found[1].upper().split()):
        return found[0]
    return "" if found[1].strip().isdigit() and not found[2] else found[2] or found[1].rpartition("#")[2]
