"""Digit strings: codes, account and card numbers, ISBN, flights, rooms, and numbers with zeros before them."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.numbers import Words, cardinal, digits
from tts_cli.text.patterns import pattern
from tts_cli.text.tables import rows

_BEFORE = pattern(r"(?<![A-Za-z])(?:[A-Za-z]{1,14}\.?[:#=( \"\n]{1,4}){1,5}$")
_FILLERS = frozenset("is was are of number no num code in with pin reads the".split())
_JOINTS = frozenset("number no code".split())
_NEAR = 48
_DIGITS = pattern(r"\d{1,40}(?![\d])")
_GROUPED = pattern(r"\d{1,17}(?:[- ]\d{1,17}){1,8}(?:-[Xx])?(?![\w-])")
_CARD = pattern(
    r"\d{4}([- ])\d{4}\1\d{4}\1\d{4}(?!\w)|3\d{3}[- ]\d{6}[- ]\d{5}(?!\w)|\d{3}-\d{2}-\d{4}(?![\w-])"
    r"|97[89](?:-\d{1,7}){4}(?![\w-])"
)
_HYPHENS = pattern(r"\d{1,12}(?:-\d{1,12}){2,8}(?![\w-])")
_DATE = pattern(r"\d{4}-\d{1,2}-\d{1,2}(?!\d)|\d{1,2}-\d{1,2}-(?:\d{4}|\d\d)(?![\d-])")
_FULL_DATE = pattern(r"\d{4}-\d{1,2}-\d{1,2}(?!\d)|\d{1,2}-\d{1,2}-\d{4}(?![\d-])")
_NUMBER_GOES_ON = pattern(r"[.,:]\d|[-–/]\d|['A-Za-z°%]|\^| ?[%°×]")
_THOUSANDS = pattern(r"[1-9]\d{0,2}(?: \d{3}){1,5}(?![\d-])")
_PAIR = pattern(r"(\d{3,4})[-–](\d{3,4})(?![\w-])")
_LONG = 10
_COUNTED = pattern(r" (?:people|times|days|years|hours|minutes|percent|dollars|miles|points|million|billion|thousand)\b")


class Style(NamedTuple):
    """Way to read a number after a word such as "zip" or "flight"."""

    name: str
    """One of "digits", "pairs" and "plain"."""
    fewest: int
    """Fewest digits of a number that is read in this way."""
    word: str
    """Word that decides, in lower case."""


@cache
def _styles() -> dict[str, tuple[str, int]]:
    return {word: (style, int(fewest)) for words, style, fewest in rows("digit_words") for word in words.split("|")}


def style_before(text: str, place: int, length: int = 40) -> Style | None:
    """Return the style of a number by the words before it ("My zip is ", "card ending in "); None if there is none.

    Args:
        text: Whole text.
        place: Start of the number.
        length: Digits of the number.
    """
    found = _BEFORE.search(text, max(0, place - _NEAR), place)
    joints: list[str] = []
    for written in reversed(re.findall(r"[A-Za-z]+", found[0]) if found else []):
        word = written.lower()
        style = _styles().get(word) or _styles().get(word.removesuffix("s"))
        if style and length >= style[1] and (style[0] == "digits" or _JOINTS.issuperset(joints)):
            return Style(*style, word)
        if word in _FILLERS:
            joints.append(word)
        elif not (1 < len(word) < 4 and written.isupper()):
            return None
    return None


def pairs(number: str) -> Words:
    """Return a house, room or flight number as people say it: two twenty one, three oh five, fifteen forty nine, ten eighty."""
    if len(number) > 4 or number[0] == "0":
        return digits(number)
    if len(number) < 3 or number[1:3] == "00":
        return cardinal(number)
    first, last = number[:-2], number[-2:]
    if last == "00":
        return (*cardinal(first), "hundred")
    return (*cardinal(first), *(("oh", *cardinal(last[1])) if last[0] == "0" else cardinal(last)))


def grouped(text: str) -> Words:
    """Return the digits of `text` one by one, with a pause after each group of two or more digits."""
    *groups, last = re.findall(r"\d+|[Xx]$", text)
    words: list[str] = []
    for group in groups:
        spoken = digits(group)
        words += (*spoken[:-1], spoken[-1] + ("," if len(group) > 1 else ""))
    return (*words, *(digits(last) or (last.upper() + ".",)))


def read(text: str, place: int) -> Verbalization | None:
    """Return the reading of a digit string at `place`, or None."""
    if not begins_word(text, place) or (place > 1 and text[place - 1] in ".,/-+" and text[place - 2].isalnum()):
        return None
    return _shaped(text, place) or _named(text, place) or _unnamed(text, place)


def _shaped(text: str, place: int) -> Verbalization | None:
    """Return the reading of a number that its hyphens tell to be a card, a social security number, an ISBN or a code."""
    if match := _CARD.match(text, place):
        return Verbalization(match.end(), grouped(match[0]), "digits", "groups of a card, social security number or ISBN")
    if (match := _HYPHENS.match(text, place)) and not _DATE.match(text, place):
        return Verbalization(match.end(), grouped(match[0]), "digits", "three or more numbers with hyphens")
    return None


def _named(text: str, place: int) -> Verbalization | None:
    """Return the reading of a number after a word such as "zip", "flight" or "chapter"."""
    groups = _GROUPED.match(text, place)
    if (
        groups
        and not _FULL_DATE.match(text, place)
        and (style := style_before(text, place, len(groups[0]) - 1))
        and style.name == "digits"
    ):
        return Verbalization(groups.end(), grouped(groups[0]), "digits", f'groups of digits after "{style.word}"')
    if (match := _PAIR.match(text, place)) and (style := style_before(text, place, len(match[1]))) and style.name == "pairs":
        words = (*pairs(match[1]), "to", *pairs(match[2]))
        return Verbalization(match.end(), words, "range", f'numbers from one to another after "{style.word}"')
    match = _DIGITS.match(text, place)
    style = style_before(text, place, len(match[0])) if match else None
    if not match or not style or _NUMBER_GOES_ON.match(text, match.end()):
        return None
    rule = f'number after "{style.word}"'
    number = match[0]
    if style.name == "plain":
        return _silent_zeros(match, rule)
    if style.name == "pairs":
        return Verbalization(match.end(), pairs(number), "digits", rule)
    if _COUNTED.match(text, match.end()):
        return None
    return Verbalization(match.end(), digits(number), "digits", rule)


def _silent_zeros(match: re.Match[str], rule: str) -> Verbalization | None:
    number = match[0]
    if number[0] != "0" or not number.strip("0"):
        return None
    return Verbalization(match.end(), cardinal(number.lstrip("0")), "cardinal", rule + ", zeros before it silent")


def _unnamed(text: str, place: int) -> Verbalization | None:
    """Return the reading of a number that begins with 0, of groups with such a number, and of a very long number."""
    match = _DIGITS.match(text, place)
    if not match:
        return None
    number = match[0]
    groups = _GROUPED.match(text, place)
    spaced = groups and " " in groups[0] and "-" not in groups[0] and not _THOUSANDS.match(text, place)
    if groups and spaced and any(len(group) > 1 and group[0] == "0" for group in groups[0].split()):
        return Verbalization(groups.end(), grouped(groups[0]), "digits", "groups of digits, one begins with 0")
    if len(number) > 1 and number[0] == "0" and text.startswith("'s", match.end()):
        *first, last = digits(number)
        return Verbalization(match.end() + 2, (*first, last + "'s"), "digits", "number with 0 before it")
    if _NUMBER_GOES_ON.match(text, match.end()):
        return None
    if len(number) > 1 and number[0] == "0":
        return Verbalization(match.end(), digits(number), "digits", "number with 0 before it")
    if len(number) >= _LONG and not number.endswith("000"):
        return Verbalization(match.end(), digits(number), "digits", "long number without commas")
    return None


CLASS = SemioticClass("digits", read, characters="0123456789")
