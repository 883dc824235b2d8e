"""Addresses: house numbers, directions, street types, apartments, states and ZIP codes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from tts_cli.text.classes.digit_string import pairs
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word, is_shouted, next_word
from tts_cli.text.numbers import Words, digits
from tts_cli.text.patterns import pattern
from tts_cli.text.tables import context, rows

_UNITS = {"apt": "apartment", "ste": "suite", "rm": "room", "bldg": "building", "flr": "floor", "fl": "floor", "spc": "space"}
_SHORT_TYPES = "|".join(key for row in rows("street_types") for key in row[0].split("|"))
_TYPES = f"(?i:{context('street')}|{_SHORT_TYPES})"
_NAME = r"(?:[A-Z][A-Za-z']{0,20}\.?|\d{1,3}(?:st|nd|rd|th))"
_STREET = rf"(?:(?:N|S|E|W|NE|NW|SE|SW)\.? |(?:North|South|East|West) )?(?:{_NAME} ){{1,4}}?{_TYPES}\b"
_HOUSE = pattern(rf"(?P<number>\d{{1,5}})(?P<letter>[A-Za-z]?)(?P<to>[-–]\d{{1,5}})?(?P<half> 1/2)? (?={_STREET})")
_BROADWAY = pattern(r"(?P<number>\d{2,5})(?P<letter>[A-Za-z]?)(?P<to>[-–]\d{1,5})?(?P<half> 1/2)? (?=(?:[NSEW]\. )?Broadway\b)")
_DIRECTION = pattern(r"(?P<name>[NS][EW]|[NSEW])(?P<stop>\.?) ?")
_STREET_NEXT = pattern(rf"(?:\d{{1,3}}(?:st|nd|rd|th)\b|(?:{_NAME} ){{1,4}}?{_TYPES}\b)")
_REGION_NEXT = pattern(rf" {context('region')}\b")
_TYPE_BEFORE = pattern(rf"(?:\b{_TYPES}\.?),? $")
_HOUSE_BEFORE = pattern(r"(?<![\w.])\d{1,5}[A-Za-z]? $")
_TYPE = pattern(rf"(?P<name>{_SHORT_TYPES})\b(?P<stop>\.?)", re.IGNORECASE)
_NAMED = pattern(
    rf"(?:(?<![\w.])\d{{1,5}}[A-Za-z]?(?: (?:[NSEW]|[NS][EW])\.?)? (?:{_NAME} ){{1,4}}|(?<!\w)\d{{1,3}}(?:st|nd|rd|th) )$"
)
_WORD = pattern(r"[A-Za-z]{1,6}(?![A-Za-z])")
_UNIT = pattern(r"(?P<name>[A-Za-z]{2,4})(?:(?P<stop>\.)|(?=[ #]))(?= ?#? ?(?:\d{1,5}[A-Za-z]?|[A-Z]\d{0,4})(?!\w))")
_PLACE_BEFORE = pattern(rf"(?<![A-Za-z])(?!{context('no city')},)[A-Z][A-Za-z.'-]{{1,24}},[ \n]{{1,2}}$")
_STATE = pattern(r"(?P<name>[A-Z][A-Za-z]{1,5})(?P<stop>\.?)(?!['\w.-])(?P<zip>,? \d{5}(?!\w))?")
_DOTTED = pattern(r"([NSRW])\. ?([YJHMCDI]|Va)\.")
_ZIP = pattern(r"(\d{5})(?:-(\d{4}))?(?![\w%]|[.,:/-]\d)")
_LETTERED = pattern(r"(?P<number>\d{1,4})-?(?P<letter>[A-Z])(?![\w'])")
_NUMBERED_BEFORE = pattern(rf"\b{context('lettered place')}\.?(?: #?| (?:is|are|and|or|to|number) )$", re.IGNORECASE)
_STARTERS = pattern(f"{context('sentence start')}$")
_NEAR = 64
_STREET_BEFORE = pattern(rf"\b{context('street before')} $")
_DIRECTIONS = {
    "N": "North", "S": "South", "E": "East", "W": "West",
    "NE": "Northeast", "NW": "Northwest", "SE": "Southeast", "SW": "Southwest",
}  # fmt: skip


@cache
def _types() -> dict[str, str]:
    return {key: row[1] for row in rows("street_types") for key in row[0].split("|")}


@cache
def _states() -> dict[str, str]:
    """Return the names of states by postal code, and by abbreviation with a full stop."""
    table = {row[0]: row[1] for row in rows("states")}
    return table | {f"{short}.": row[1] for row in rows("states") if len(row) > 2 for short in row[2].split("|") if short}


@cache
def _endings() -> frozenset[str]:
    """Return the last words of the names of states, and the postal codes."""
    return frozenset([*(row[1].split()[-1] for row in rows("states")), *(row[0] for row in rows("states"))])


def read(text: str, place: int) -> Verbalization | None:
    """Return the reading of the part of an address that begins at `place`, or None."""
    if not begins_word(text, place):
        return None
    if text[place].isdigit():
        return _house(text, place) or _zip(text, place) or _lettered(text, place)
    word = _WORD.match(text, place)
    readers = _readers().get(word[0].lower(), ()) if word else ()
    return next((reading for reader in readers if (reading := reader(text, place))), None)


@cache
def _readers() -> dict[str, tuple[Callable[[str, int], Verbalization | None], ...]]:
    """Return the readers to try at a word, by the word in lower case."""
    table: dict[str, tuple[Callable[[str, int], Verbalization | None], ...]] = {}
    readers = ((_direction, _DIRECTIONS), (_type, _types()), (_state, (*_states(), "N", "S", "R", "W")), (_unit, _UNITS))
    for reader, words in readers:
        for word in words:
            key = word.lower().removesuffix(".")
            table[key] = (*table.get(key, ()), reader)
    return table


def _house(text: str, place: int) -> Verbalization | None:
    if text[place - 1 : place] in tuple("$£€.,/-#") and place:
        return None
    match = _HOUSE.match(text, place) or _BROADWAY.match(text, place)
    if not match:
        return None
    words: Words = pairs(match["number"])
    if match["letter"]:
        words += (match["letter"].upper() + ".",)
    if match["to"]:
        words += ("to", *pairs(match["to"][1:]))
    if match["half"]:
        words += ("and", "a", "half")
    return Verbalization(match.end() - 1, words, "address", "house number before a street")


def _zip(text: str, place: int) -> Verbalization | None:
    match = _ZIP.match(text, place)
    if not match:
        return None
    before = re.search(r"([A-Z][A-Za-z]+|D\.C)\.?,? $", text[max(0, place - 24) : place])
    short = before and _states().get(before[1] + ".")
    if not match[2] and not (before and (before[1] in _endings() or short or before[1] == "D.C")):
        return None
    first = digits(match[1])
    words = (*first[:-1], first[-1] + ",", *digits(match[2])) if match[2] else first
    return Verbalization(match.end(), words, "digits", "ZIP code")


def _lettered(text: str, place: int) -> Verbalization | None:
    """Return the reading of a number with a letter after a word such as exit or bus."""
    match = _LETTERED.match(text, place)
    if not match or not _NUMBERED_BEFORE.search(text, max(0, place - _NEAR), place):
        return None
    return Verbalization(match.end(), (*pairs(match["number"]), match["letter"] + "."), "address", "number and letter of a place")


def _direction(text: str, place: int) -> Verbalization | None:
    match = _DIRECTION.match(text, place)
    if not match or (text[match.end() - 1] not in " ." and text[match.end() : match.end() + 1].strip(",;)\n")):
        return None
    end = match.end("stop")
    before = text[max(0, place - _NEAR) : place]
    if _TYPE_BEFORE.search(before) and (not match["stop"] or len(match["name"]) == 2 or text[end : end + 1] in (",", "")):
        over = end if text[end : end + 1] == "," else match.end("name")
        return Verbalization(over, (_DIRECTIONS[match["name"]],), "address", "direction after a street")
    if text[end : end + 1] != " ":
        return None
    if match["stop"] and _REGION_NEXT.match(text, end):
        return Verbalization(end, (_DIRECTIONS[match["name"]],), "address", "direction before a region")
    if not _STREET_NEXT.match(text, end + 1):
        return None
    if match["stop"] or _HOUSE_BEFORE.search(before) or re.match(r"\d", text[end + 1 :][:1]) or _STREET_BEFORE.search(before):
        return Verbalization(end, (_DIRECTIONS[match["name"]],), "address", "direction before a street")
    return None


def _type(text: str, place: int) -> Verbalization | None:
    """Return the street type after a house number and name, or after an ordinal."""
    match = _TYPE.match(text, place)
    if not match or not _NAMED.search(text, max(0, place - _NEAR), place):
        return None
    after = next_word(text, match.end())
    if (
        match["name"].lower() in ("st", "dr", "ct")
        and not match["name"].islower()
        and after
        and not _is_over(text, match.end(), after)
    ):
        return None
    name = _types()[match["name"].lower()]
    ends = bool(match["stop"]) and (_STARTERS.match(after) is not None or not text[match.end() :].strip())
    return Verbalization(match.end(), (name,), "address", "street type of an address", "." if ends else " ", ends)


def _is_over(text: str, end: int, after: str) -> bool:
    """Return False if a name follows, as in 12 St. Francis Road."""
    if not after[:1].isupper() or _STARTERS.match(after) is not None or after in _DIRECTIONS:
        return True
    return not _STREET_NEXT.match(text, end + 1)


def _state(text: str, place: int) -> Verbalization | None:
    if dotted := _dotted_state(text, place):
        return dotted
    match = _STATE.match(text, place)
    if not match:
        return None
    written, stop = match["name"], match["stop"]
    after_city = _PLACE_BEFORE.search(text, max(0, place - _NEAR), place) is not None
    name = _states().get(written) if written.isupper() and len(written) == 2 else None
    if name and (match["zip"] or not is_shouted(text, place, match.end())):
        zipped = match["zip"] is not None and written not in ("PR", "GU")
        if not (zipped or (after_city and not re.match(r"[.]?[A-Z]", text[match.end("name") : match.end("name") + 2]))):
            return None
        return Verbalization(
            match.end("name"), tuple(name.split()), "address", "state after a city" if after_city else "state before a ZIP code"
        )
    if not stop or not after_city or written + "." not in _states():
        return None
    after = next_word(text, match.end("stop"))
    ends = _STARTERS.match(after) is not None or not text[match.end("stop") :].strip()
    return Verbalization(
        match.end("stop"),
        tuple(_states()[written + "."].split()),
        "address",
        "abbreviated state after a city",
        "." if ends else " ",
        ends,
    )


def _dotted_state(text: str, place: int) -> Verbalization | None:
    """Return the name of a state of two initials, such as N.Y., after a city."""
    match = _DOTTED.match(text, place)
    name = _states().get(match[1] + match[2].upper(), "") if match else ""
    if not match or len(name.split()) < 2 or not _PLACE_BEFORE.search(text, max(0, place - _NEAR), place):
        return None
    ends = _STARTERS.match(next_word(text, match.end())) is not None or not text[match.end() :].strip()
    return Verbalization(
        match.end(), tuple(name.split()), "address", "initials of a state after a city", "." if ends else " ", ends
    )


def _unit(text: str, place: int) -> Verbalization | None:
    match = _UNIT.match(text, place)
    if not match or match["name"].lower() not in _UNITS:
        return None
    if match["name"].lower() == "fl" and not match["name"][0].isupper():
        return None
    return Verbalization(match.end(), (_UNITS[match["name"].lower()],), "address", "part of a building before its number")


_BEFORE_CITY = pattern(r"(?P<name>[A-Z][a-z]{1,5})\.(?=, (?:[A-Z]{2}\b|D\.C\.))")


def read_city(text: str, place: int) -> Verbalization | None:
    """Return the name of the city of Washington before "D.C."."""
    match = _BEFORE_CITY.match(text, place)
    if not match or match["name"] != "Wash" or not begins_word(text, place):
        return None
    return Verbalization(match.end(), ("Washington",), "address", "city before D.C.")


def _abbreviated_states() -> list[str]:
    return [short.lower() for row in rows("states") if len(row) > 2 for short in row[2].split("|") if short]


CLASSES = (
    SemioticClass(
        "address",
        read,
        characters="0123456789",
        words=frozenset((*_types(), *_UNITS, *_abbreviated_states())),
        marked=True,
    ),
    SemioticClass("address", read_city, words=frozenset({"wash"})),
)
