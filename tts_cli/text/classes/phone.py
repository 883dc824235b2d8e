"""Telephone numbers of all usual shapes, with extensions, and keys to press."""

from __future__ import annotations

import re

from tts_cli.text.classes.digit_string import grouped
from tts_cli.text.dictionary import cmu_has
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.numbers import Words, cardinal, digits
from tts_cli.text.patterns import pattern
from tts_cli.text.tables import context

_EXTENSION = pattern(r",? ?(?:(?:ext(?:ension|n)?\b\.?|x)) ?#?(\d{1,6})(?!\w)", re.IGNORECASE)
_INTERNATIONAL = pattern(
    r"\+ ?(?P<country>1(?!\d)|\d{1,3})"
    r"(?P<rest>[-. ]?(?:\(0\))?[-. ]?\(?\d{1,5}\)?(?:[-. ]{1,2}\d{1,9}|\d{4,10}){1,6})(?![\w-])"
)
_NATIONAL = pattern(r"(?:1[-. ]{1,2})?(?:\(\d{3}\)[-. ]{0,2}|\d{3}[-. ])\d{3}[-. ]\d{4}(?:-\d{1,4})?(?![\w-])")
_PARENTHESES = pattern(r"\(0?\d{2,5}\)[ -]?\d{3,5}[- ]?\d{3,5}(?![\w-])")
_LOCAL = pattern(r"(\d{3})[-.](\d{4})(?![\w-])")
_VANITY = pattern(r"(?:(1)-)?(\d{3})((?:-(?:[A-Z]{1,12}|\d{1,7})){1,4})(?![\w-])")
_GROUPS = pattern(r"\d{2,5}(?:[- ]\d{2,6}){1,5}(?![\w-])")
_SHORT = pattern(r"\d{1,16}(?![\w.:/,%$-]{0,12}\d)(?![\w%$])")
_PRESSED = pattern(r"(?P<key>[*#])(?P<number>\d{0,4})(?!\w)#?")
_DIALS = pattern(rf"\b{context('telephone')}(?:\.|:|\b)(?: {context('after telephone')}\b\.?){{0,4}}:? ?\(?$", re.IGNORECASE)
_DIALLED = pattern(rf"\b{context('press')}(?: in| the)? $", re.IGNORECASE)
_EMERGENCY = frozenset("000 100 101 110 111 112 119 211 311 411 511 611 711 811 911 988 995 999".split())
_CALLED = pattern(rf" ?{context('emergency')}\b")
_RINGS = pattern(rf"\b{context('ring')} $", re.IGNORECASE)
_SENT = pattern(r"\btext(?:s|ed|ing)?\b[^.!?]{0,24} to $", re.IGNORECASE)
_COUNTED = pattern(rf" (?!{context('after a dialled number')}\b)[a-z]+s\b")
_HUNDREDS = ("800", "900", "500", "700")
_NEAR = 56


def read(text: str, place: int) -> Verbalization | None:
    """Return the reading of a telephone number at `place`, or None."""
    if not begins_word(text, place) or (text[place - 1 : place] in tuple(".,/-") and text[place - 2 : place - 1].isalnum()):
        return None
    return _long(text, place) or (_short(text, place) if text[place].isdigit() else None)


def _long(text: str, place: int) -> Verbalization | None:
    if match := _INTERNATIONAL.match(text, place):
        if sum(map(str.isdigit, match[0])) < 8:
            return None
        rest = re.sub(r"\(0\)", "", match["rest"])
        return _with_extension(
            text, match.end(), ("plus", *_paused(match["country"]), *grouped(rest)), "number with country code"
        )
    if match := _NATIONAL.match(text, place):
        return _with_extension(text, match.end(), _national(match[0]), "ten digits in groups")
    if text[place] == "(":
        match = _PARENTHESES.match(text, place)
        return _with_extension(text, match.end(), grouped(match[0]), "area code in parentheses") if match else None
    if (match := _VANITY.match(text, place)) and re.search("[A-Z]", match[3]) and (match[1] or _is_vanity(match)):
        return _vanity(match)
    if (match := _LOCAL.match(text, place)) and _is_local(match):
        return _with_extension(text, match.end(), grouped(match[0]), "seven digits in groups")
    if (match := _GROUPS.match(text, place)) and _dials(text, place) and sum(map(str.isdigit, match[0])) >= 6:
        return _with_extension(text, match.end(), grouped(match[0]), "groups of digits after a word such as call")
    return None


def _paused(number: str) -> Words:
    spoken = digits(number)
    return (*spoken[:-1], spoken[-1] + ",")


def _national(number: str) -> Words:
    """Return the words of a number of ten digits; 800 is said "eight hundred"."""
    one, area, *rest = (
        re.findall(r"\d+", number) if number[0] == "1" and not number[1].isdigit() else ("", *re.findall(r"\d+", number))
    )
    spoken = (*cardinal(area[0]), "hundred,") if area in _HUNDREDS else _paused(area)
    return (*((("one,") if area in _HUNDREDS else "one",) if one else ()), *spoken, *grouped(" ".join(rest)))


def _vanity(match: re.Match[str]) -> Verbalization:
    one, area, rest = match.groups()
    words = (*cardinal(area[0]), "hundred,") if area in _HUNDREDS else _paused(area)
    for part in re.findall(r"[A-Z]+|\d+", rest):
        if part.isdigit():
            words += digits(part)
        else:
            words += (part.capitalize(),) if len(part) > 1 and _sayable(part) else tuple(f"{letter}." for letter in part)
    return Verbalization(match.end(), (("one",) if one else ()) + words, "phone", "telephone number with a word")


def _is_vanity(match: re.Match[str]) -> bool:
    """Return True for a number of seven or more signs that begins with 555 or 800, or stands after a word such as call."""
    signs = len(match[3].replace("-", ""))
    return signs >= 4 and (match[2] in ("555", *_HUNDREDS) or _dials(match.string, match.start()))


def _sayable(word: str) -> bool:
    return cmu_has(word.lower()) or (len(word) > 3 and re.search("[AEIOUY]", word) is not None)


def _is_local(match: re.Match[str]) -> bool:
    """Return False for a range such as 500-1000 people."""
    first, last = match[1], match[2]
    if match[0][3] == ".":
        return _dials(match.string, match.start())
    if first == "555" or last[0] == "0" or first[0] == "0" or _dials(match.string, match.start()):
        return True
    return int(first) > int(last) or not (last.endswith("00") or re.match(r" [a-z]", match.string[match.end() : match.end() + 2]))


def _dials(text: str, place: int) -> bool:
    return _DIALS.search(text, max(0, place - _NEAR), place) is not None


def _with_extension(text: str, end: int, words: Words, rule: str) -> Verbalization:
    match = _EXTENSION.match(text, end)
    if match is None:
        return Verbalization(end, words, "phone", rule)
    number = cardinal(match[1]) if len(match[1]) <= 2 else digits(match[1])
    return Verbalization(match.end(), (*words[:-1], words[-1] + ",", "extension", *number), "phone", rule + ", with extension")


def _short(text: str, place: int) -> Verbalization | None:
    """Return the reading of a short or undivided number after a word such as dial."""
    match = _SHORT.match(text, place)
    if match is None:
        return None
    number, near = match[0], max(0, place - _NEAR)
    if number == "911" and _CALLED.match(text, match.end()):
        return Verbalization(match.end(), digits(number), "phone", "emergency number")
    if _COUNTED.match(text, match.end()):
        return None
    if number in _EMERGENCY and _RINGS.search(text, near, place):
        return Verbalization(match.end(), digits(number), "phone", "emergency number after a word such as call")
    dialled = _DIALLED.search(text, near, place) and len(number) != 2
    sent = 4 <= len(number) <= 7 and _SENT.search(text, near, place)
    if dialled or sent or (len(number) >= 6 and _dials(text, place)):
        return Verbalization(match.end(), _undivided(number), "phone", "number after a word such as dial or text")
    return None


def _undivided(number: str) -> Words:
    if len(number) == 10:
        return grouped(f"{number[:3]} {number[3:6]} {number[6:]}")
    return digits(number)


def _pressed(text: str, place: int) -> Verbalization | None:
    """Return the reading of a key to press, such as *69 or #, at `place`, or None."""
    match = _PRESSED.match(text, place)
    if not match or not begins_word(text, place):
        return None
    number = cardinal(match["number"]) if match["number"] else ()
    pressed = _DIALLED.search(text, max(0, place - _NEAR), place)
    if match["key"] == "*" and (pressed or (number and _RINGS.search(text, max(0, place - _NEAR), place))):
        return Verbalization(match.end(), ("star", *number), "phone", "key to press")
    if match["key"] == "#" and pressed:
        return Verbalization(match.end(), ("pound", *number), "phone", "key to press")
    return None


KEYS = SemioticClass("phone", _pressed, characters="*#")
CLASS = SemioticClass("phone", read, characters="0123456789+(")
