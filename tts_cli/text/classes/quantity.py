"""Quantities: numbers, measures and money with their signs, and ranges and dimensions of two of them.

Members of a range may share a unit that is named once: "10–20%", "$1.2–1.5 million", "5°–10°C".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tts_cli.text.characters import CURRENCIES, FRACTIONS
from tts_cli.text.classes import measure, money
from tts_cli.text.classes.number import SIGNS, Number, as_amount, read_number, scaled
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.numbers import Words
from tts_cli.text.tables import entries, rows

_SIGN = re.compile(r"(?:[-–]|[−+±~≈] ?)(?=[\d.$£€¥½¼¾⅓⅔₩₹]|US\$)")
_TO = re.compile(r"(?P<dash>[-–−])|(?P<blanks> ?(?:[-–]|--) ?)")
_BY = re.compile(r" ?[x×] ?(?=[\d.½¼¾])")
_DEGREES = re.compile(
    r"(?P<degrees>\d{1,3})° ?(?P<minutes>\d{1,2})[′'] ?(?:(?P<seconds>\d{1,2}(?:\.\d+)?)(?:″|\"|''|′′))?(?: ?(?P<side>[NSEW])\b)?"
)
_FEET = re.compile(r"(?P<feet>\d{1,3}) ?['′] ?(?P<inches>\d{1,2}(?:\.\d+)?) ?(?:\"|″|''|′′)")
_HYPHENED_FEET = re.compile(r"(?P<feet>\d)-(?:foot|ft)-(?P<inches>\d{1,2})(?![\w-])")
_MARKED_UNIT = re.compile(r"(?P<mark>['′\"″])(?![\w'\"])")
_INNER_SIGN = re.compile(r"[-−]")
_QUOTE = re.compile(r"(?<!\d)\"")
_SIDES = {"N": "north", "S": "south", "E": "east", "W": "west"}
_RESULT = re.compile(r" ?=")
_CODES = frozenset(form.lower() for row in rows("currencies") for form in row[0].split("|") if form[0].isalpha())


_NUMBERS = frozenset({"cardinal", "decimal", "fraction", "year", "power"})


class Quantity(NamedTuple):
    """Number with its sign, and with its unit or currency if it has one."""

    end: int
    words: Words
    kind: str
    rule: str
    number: Words = ()
    """Words without the unit, for a range that names its unit once; () if it cannot be left out."""
    unit: str = ""
    value: float = 0.0
    is_plain: bool = False
    """True for a number without a unit."""
    bare: Words = ()
    """Words of the number as it is written, also of an amount with hundredth parts."""
    plural: Words = ()
    """Currency in the plural."""


def read(text: str, place: int) -> Verbalization | None:
    """Read a quantity, or a range or dimension of two, at `place`."""
    if text[place].isdigit() and not begins_word(text, place):
        return None
    if found := _angle(text, place) or _height(text, place):
        return found
    first = _quantity(text, place, place)
    if first is None:
        return None
    pair = _range(text, place, first) or _dimension(text, place, first)
    chosen = pair or first
    return Verbalization(chosen.end, chosen.words, chosen.kind, chosen.rule, number=chosen.number, unit=chosen.unit)


def _quantity(text: str, start: int, place: int, other: str = "") -> Quantity | None:
    """Return the quantity at `place`.

    Args:
        text: Whole text.
        start: Start of the whole token.
        place: Start of the quantity.
        other: Currency of the first member of a range, which this one may share.
    """
    match = _SIGN.match(text, place)
    if match is None:
        return _unsigned(text, start, place)
    found = _unsigned(text, start, match.end()) if _is_sign(text, place, other) else None
    if found is None:
        return None
    rule = f"sign, {found.rule}"
    if SIGNS[match[0][0]] == "minus":
        return _negative(found)._replace(rule=rule)
    sign = entries("words")[SIGNS[match[0][0]]]
    number = (*sign, *found.number) if found.number else ()
    return found._replace(words=(*sign, *found.words), number=number, rule=rule)


def _is_sign(text: str, place: int, other: str) -> bool:
    before = text[place - 1 : place] if place else ""
    return other != "" or not (
        before.isalnum() or before in (")", "]", "'") or before == text[place] or (before and before in CURRENCIES)
    )


def _unsigned(text: str, start: int, place: int) -> Quantity | None:
    if symbol := money.currency_before(text, place):
        after, currency = symbol
        if minus := _INNER_SIGN.match(text, after):
            after = minus.end()
        number = read_number(text, after, european="," in text[after : after + 16])
        if number and number.kind in ("cardinal", "decimal", "year", "fraction"):
            found = money.read_money(text, start, after, number, currency, 0)
            quantity = _of_money(found, number)
            return _negative(quantity) if minus else quantity
    number = read_number(text, place)
    if number is None:
        return None
    return _with_european(text, start, place) or _completed(text, start, place, number)


def _negative(quantity: Quantity) -> Quantity:
    sign = entries("words")["minus"]
    number = (*sign, *quantity.number) if quantity.number else ()
    return quantity._replace(words=(*sign, *quantity.words), number=number, value=-quantity.value)


def _completed(text: str, start: int, place: int, number: Number) -> Quantity | None:
    """Return `number` with its currency, unit or magnitude."""
    end, magnitude = scaled(text, number)
    if number.kind != "ordinal" and (symbol := money.currency_after(text, end if magnitude else number.end)):
        return _of_money(money.read_money(text, start, place, number, symbol[1], symbol[0]), number)
    if number.kind != "ordinal" and (minor := money.read_minor(text, number.end, number)):
        return _of_money(minor, number)
    if number.kind != "ordinal" and (mark := _marked(text, place, number)):
        return mark
    if magnitude and (unit := measure.read_unit(text, end)):
        words = (*as_amount(number), *magnitude, *unit.plural)
        return Quantity(
            unit.end, words, "measure", "number, magnitude and unit", words[: -len(unit.plural)], unit.name, number.value
        )
    unit = None if number.kind == "ordinal" or magnitude else measure.read_unit(text, number.end)
    if unit:
        words = (*as_amount(number), *measure.unit_words(text, start, number, unit))
        return Quantity(unit.end, words, "measure", "number and unit", as_amount(number), unit.name, number.value)
    if magnitude:
        return _scaled(end, number, magnitude)
    return Quantity(number.end, number.words, number.kind, number.rule, number.words, "", number.value, is_plain=True)


def _scaled(end: int, number: Number, magnitude: Words) -> Quantity:
    words = (*as_amount(number), *magnitude)
    return Quantity(end, words, number.kind, "number and magnitude", as_amount(number), magnitude[0], number.value)


def _with_european(text: str, start: int, place: int) -> Quantity | None:
    """Return a number with a decimal comma if a unit or currency follows it."""
    number = read_number(text, place, european=True)
    if number is None or "," not in text[place : number.end] or number.kind != "decimal":
        return None
    found = _completed(text, start, place, number)
    return found if found and not found.is_plain else None


def _of_money(found: money.Money, number: Number) -> Quantity:
    return Quantity(
        found.end,
        found.words,
        "money",
        "number and currency",
        found.number,
        found.currency,
        number.value,
        bare=found.number or as_amount(number),
        plural=found.plural,
    )


def _marked(text: str, place: int, number: Number) -> Quantity | None:
    """Return a number of feet or inches with the mark ' or "."""
    match = _MARKED_UNIT.match(text, number.end)
    if match is None or _closes_quote(text, place, match["mark"]):
        return None
    singular, plural = (("foot",), ("feet",)) if match["mark"] in "'′" else (("inch",), ("inches",))
    one = number.is_one or measure.is_attributive(text, place, match.end())
    words = (*as_amount(number), *(singular if one else plural))
    return Quantity(
        match.end(), words, "measure", "number and mark of feet or inches", as_amount(number), plural[0], number.value
    )


def _closes_quote(text: str, place: int, mark: str) -> bool:
    if mark in "′″":
        return False
    line = text.rfind("\n", 0, place) + 1
    before = text[line:place]
    if mark == '"':
        return len(_QUOTE.findall(before)) % 2 == 1
    return bool(re.search(r"(?:^|[ (])'(?!\d0s)[^']*$", before))


def _range(text: str, start: int, first: Quantity) -> Quantity | None:
    match = _TO.match(text, first.end)
    if match is None:
        return None
    second = _quantity(text, start, match.end(), other=first.unit or "number")
    if second is None or not _joins(text, match, first, second):
        return None
    words = _shared(first, second)
    return Quantity(second.end, words, "range", f"range of {second.kind}", (), second.unit) if words else None


def _joins(text: str, match: re.Match[str], first: Quantity, second: Quantity) -> bool:
    """Return True if the sign between two quantities means "to"."""
    after = text[second.end : second.end + 2]
    if second.is_plain and re.match(r"[-–]\d|[\w/]", after):
        return False
    blanks = match["blanks"] is not None
    if "--" in match[0]:
        return False
    if not blanks or "–" in match[0]:
        return first.kind == second.kind or first.is_plain or second.kind in _NUMBERS
    # "10 - 15 people" is a range, "15 - 10" a difference, and so is "3 - 5 = -2".
    return first.value < second.value and not _RESULT.match(text, second.end)


def _shared(first: Quantity, second: Quantity) -> Words | None:
    """Return the words of a range. A unit that both have, or that only one has, is said once, after the second."""
    to = entries("words")["range"]
    if first.unit == second.unit or not first.unit:
        if first.number and second.number:
            return (*first.number, *to, *second.words)
        return (*first.words, *to, *second.words)
    if not second.unit:
        if not second.number or first.kind not in ("money", "measure"):
            return (*first.words, *to, *second.words)
        unit = first.words[len(first.number) :] if first.number else ()
        return (*first.number, *to, *second.number, *unit) if unit else (*first.words, *to, *second.words)
    if first.unit == "°" and second.unit.startswith("°"):
        return (*first.number, *to, *second.words)
    if first.kind == "money" and second.kind in _NUMBERS:
        return (*first.bare, *to, *second.words, *first.plural)
    return (*first.words, *to, *second.words)


def _dimension(text: str, start: int, first: Quantity) -> Quantity | None:
    """Return a dimension such as "5 cm × 7 cm"; None unless a member has a unit of length."""
    words: Words = first.words
    place, last = first.end, first
    members = [first]
    while (match := _BY.match(text, place)) and len(members) < 4:
        second = _quantity(text, start, match.end(), other="number")
        if second is None:
            break
        members.append(second)
        words = (*words, *entries("words")["by"], *second.words)
        place, last = second.end, second
    if len(members) < 2 or not any(member.kind == "measure" for member in members):
        return None
    return Quantity(last.end, words, "measure", "dimensions", (), last.unit)


def _angle(text: str, place: int) -> Verbalization | None:
    match = _DEGREES.match(text, place)
    if match is None:
        return None
    parts = [(match["degrees"], "degree"), (match["minutes"], "minute")]
    if match["seconds"]:
        parts.append((match["seconds"], "second"))
    words: list[str] = []
    for index, (digits, unit) in enumerate(parts):
        number = read_number(digits, 0)
        assert number
        if index and index == len(parts) - 1:
            words += entries("words")["and"]
        words += (*as_amount(number), unit if number.is_one else unit + "s")
    if match["side"]:
        words.append(_SIDES[match["side"]])
    return Verbalization(match.end(), tuple(words), "measure", "degrees, minutes and seconds of arc")


def _height(text: str, place: int) -> Verbalization | None:
    match = _FEET.match(text, place) or _HYPHENED_FEET.match(text, place)
    if match is None:
        return None
    feet, inches = read_number(match["feet"], 0), read_number(match["inches"], 0)
    assert feet
    assert inches
    return Verbalization(match.end(), (*as_amount(feet), "foot", *as_amount(inches)), "measure", "feet and inches")


CLASS = SemioticClass(
    "quantity",
    read,
    characters="0123456789.-−–+±~≈" + CURRENCIES + FRACTIONS,
    words=frozenset({"us", "au", "ca", "nz", "hk", "nt", "rs", "a", "c", "s", "r"} | _CODES),
)
