"""Dimensions and multiples: 2x4, 1920×1080, 8.5 x 11 in, 5 cm × 7 cm, 10x."""

from __future__ import annotations

import re

from tts_cli.text.classes.digit_string import pairs
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.numbers import Words, cardinal, decimal, plural
from tts_cli.text.patterns import pattern
from tts_cli.text.tables import context

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d{1,6})(?:\.\d{1,4})?"
_UNIT = context("unit of length")
_CLOSE = pattern(rf"(?P<all>{_NUMBER}(?:[xX×]{_NUMBER}){{1,3}})(?P<plural>s?)(?!\w|\.\d)(?P<unit> ?-?{_UNIT}\b|[\"'′″])?")
_WIDE = pattern(
    rf"(?P<first>{_NUMBER}) ?[xX×] ?(?!10[\^⁰¹²³⁴-⁹⁻]|10\*\*)(?={_NUMBER}(?: ?[xX×] ?{_NUMBER})?(?P<unit> ?-?{_UNIT}\b|[\"'′″])?)"
)
_BETWEEN = pattern(r"[xX×] ?(?=\d)")
_UNIT_BEFORE = pattern(rf"\d ?{_UNIT}\.? ?$|\d[\"'′″]{{1,2}} ?$")
_TIMES = pattern(r"(?P<number>\d{1,6}(?:,\d{3})*(?:\.\d{1,3})?)[xX×](?![\w×])")
_FORMULA_AFTER = pattern(r" ?[\d=(+*/^<>-]")
_FORMULA_BEFORE = pattern(r"[=+*/^<>(-] ?$")
_RESULT = pattern(" ?=")
_FEET = pattern(rf"{_NUMBER}['′\"″](?:[x×]{_NUMBER}['′\"″]){{1,2}}(?!\w)")
_RESOLUTION = 3


def read(text: str, place: int) -> Verbalization | None:
    """Return the reading of the numbers of a dimension, of "x" between two measures, or of a multiple at `place`, or None."""
    if text[place] in "xX×":
        return _between(text, place)
    if not begins_word(text, place) or (text[place - 1 : place] in tuple(".,:/") and text[place - 2 : place - 1].isdigit()):
        return None
    return _marked(text, place) or _dimension(text, place) or _times(text, place)


def _marked(text: str, place: int) -> Verbalization | None:
    """Return the reading of a dimension in feet or inches, as in 10'x12'."""
    match = _FEET.match(text, place)
    if not match:
        return None
    words: Words = ()
    for number, mark in re.findall(rf"({_NUMBER})([^\d ])", match[0]):
        words += ("by",) * bool(words) + (*_value(number, ""), "foot" if mark in "'′" else "inch")
    return Verbalization(match.end(), words, "measure", "dimensions in feet or inches")


def _dimension(text: str, place: int) -> Verbalization | None:
    """Return the numbers joined by "by"; before a unit, only the first number and "by", since the last belongs to its unit."""
    match = _CLOSE.match(text, place)
    calculated = "=" in text[max(0, place - 2) : place]
    if match and not match["unit"]:
        joint = "times" if calculated or _RESULT.match(text, match.end()) else "by"
        first, *rest = (_value(number, match[0]) for number in re.split("[xX×]", match["all"]))
        words = (*first, *(word for number in rest for word in (joint, *number)))
        words = plural(words) if match["plural"] else words
        return Verbalization(match.end("plural"), words, "measure", "numbers with x between them")
    match = _WIDE.match(text, place)
    if match and " x " in match[0] and not match["unit"] and (calculated or _calculates(text, match.end())):
        return Verbalization(
            match.end(), (*_value(match["first"], ""), "times"), "mathematics", "numbers with x between them, and a result"
        )
    if match and (match["unit"] or " x " in match[0]):
        return Verbalization(match.end(), (*_value(match["first"], ""), "by"), "measure", "dimensions")
    return None


def _calculates(text: str, place: int) -> bool:
    return re.match(rf"{_NUMBER} ?[=+*/]", text[place : place + 20]) is not None


def _value(number: str, written: str) -> Words:
    number = number.replace(",", "")
    if "." in number:
        return decimal(number)
    sizes = [len(part) for part in re.split("[xX×]", written)]
    return pairs(number) if sizes and min(sizes) >= _RESOLUTION else cardinal(number)


def _between(text: str, place: int) -> Verbalization | None:
    """Return "by" between two measures, as in 5 cm x 7 cm."""
    match = _BETWEEN.match(text, place)
    if not match or not _UNIT_BEFORE.search(text, max(0, place - 24), place):
        return None
    return Verbalization(match.end(), ("by",), "measure", "x between two measures")


def _times(text: str, place: int) -> Verbalization | None:
    match = _TIMES.match(text, place)
    if not match or _FORMULA_AFTER.match(text, match.end()) or _FORMULA_BEFORE.search(text, max(0, place - 3), place):
        return None
    number = match["number"].replace(",", "")
    return Verbalization(
        match.end(), (*(decimal(number) if "." in number else cardinal(number)), "times"), "cardinal", "number of times"
    )


CLASS = SemioticClass("dimension", read, characters="0123456789×", words=frozenset({"x"}))
