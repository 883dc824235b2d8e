"""Verses and books of the Bible and of other scriptures: John 3:16, 1 Cor. 13:4, Psalm 119:105."""

from __future__ import annotations

import re
from functools import cache

from tts_cli.text.classes.digit_string import pairs
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word, previous_word
from tts_cli.text.numbers import Words, ordinal
from tts_cli.text.patterns import pattern
from tts_cli.text.tables import rows

_VERSE = pattern(
    r"(?P<chapter>\d{1,3})(?::(?P<verse>\d{1,3}))?(?:[-–](?P<last>\d{1,3}(?::\d{1,3})?))?(?![\d:]|\.\d| ?[ap]\.?m\b)"
)
_BOOK = pattern(r"([A-Z][a-z]{1,14})(\.?)(?= \d{1,3}(?!\d))")
_NUMBERED = pattern(r"(?P<number>[1-4]|I{1,3}|1st|2nd|3rd) (?=(?P<book>[A-Z][a-z]{1,14})\.?(?P<chapter> \d)?)")
_ABBREVIATED = pattern(r"([A-Z][a-z]{0,7})(\.?)(?= \d{1,3}:\d)")
_ROMAN = {"I": "1", "II": "2", "III": "3"}
_ALSO_WORDS = frozenset(
    "gen rev col ex mt sam tim pet sir bar ne phil dan mark num jas mal mic lev ps song am jude ruth job".split()
) - {"ps"}
_ALSO_NAMES = frozenset("Samuel Kings John Peter Timothy Alma".split())


@cache
def _books() -> dict[str, tuple[str, int]]:
    return {key: (name, int(most)) for keys, name, most in rows("books") for key in keys.split("|")}


def read(text: str, place: int) -> Verbalization | None:
    """Return the reading of the number before a book, of an abbreviated book, or of chapter and verse at `place`, or None."""
    if not begins_word(text, place):
        return None
    if text[place].isdigit():
        return _numbered(text, place) or _verse(text, place)
    return (_numbered(text, place) if text[place] == "I" else None) or _abbreviated(text, place)


def _numbered(text: str, place: int) -> Verbalization | None:
    """Return "first", "second" ... before a book such as Corinthians."""
    match = _NUMBERED.match(text, place)
    if not match:
        return None
    number = _ROMAN.get(match["number"], match["number"][0])
    name, most = _books().get(match["book"].lower(), ("", 0))
    if int(number) > most or (not match["chapter"] and name in _ALSO_NAMES):
        return None
    return Verbalization(match.end("number"), ordinal(number), "verse", f"number before the book of {name}")


def _abbreviated(text: str, place: int) -> Verbalization | None:
    """Return the name of a book whose abbreviation stands before a verse, or between its number and a chapter."""
    match = _ABBREVIATED.match(text, place)
    if not match and (book := _BOOK.match(text, place)):
        clear = book[2] and book[1].lower() not in _ALSO_WORDS
        match = book if clear or previous_numbered(text, place) else None
    if not match:
        return None
    name = _books().get(match[1].lower(), ("", 0))[0]
    if not name or name == match[1]:
        return None
    return Verbalization(match.end(), (name,), "verse", "abbreviated book before a verse")


def previous_numbered(text: str, place: int) -> bool:
    """Return True if "1 ", "II " or "3rd " is right before `place`."""
    return re.search(r"(?<!\w)(?:[1-4]|I{1,3}|1st|2nd|3rd) $", text[max(0, place - 5) : place]) is not None


def _verse(text: str, place: int) -> Verbalization | None:
    book = previous_word(text, place)
    if not book[:1].isupper() or book.lower() not in _books():
        return None
    match = _VERSE.match(text, place)
    if not match or not (match["verse"] or len(match["chapter"]) == 3) or match["chapter"][0] == "0":
        return None
    words: Words = pairs(match["chapter"]) + (pairs(match["verse"]) if match["verse"] else ())
    if match["last"]:
        words += ("to", *(word for part in match["last"].split(":") for word in pairs(part)))
    return Verbalization(match.end(), words, "verse", f"chapter and verse after {book}")


_ABBREVIATIONS = frozenset(key for row in rows("books") for key in row[0].split("|")[1:])
CLASS = SemioticClass("verse", read, characters="123456789", words=_ABBREVIATIONS | {"i", "ii", "iii"})
