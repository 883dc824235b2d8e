"""Money: an amount with a currency before or after it, its magnitude, its hundredth parts and the unit that it is per."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from tts_cli.text.classes.measure import is_attributive, read_unit
from tts_cli.text.classes.number import Number, as_amount, scaled
from tts_cli.text.grammar import next_word
from tts_cli.text.numbers import Words, cardinal
from tts_cli.text.tables import entries, rows

_PER = re.compile(r" ?/ ?(?:(?P<word>[a-z]{2,20})\b)?")
_MINOR = {"¢": "$", "c": "$", "p": "£"}
_MINOR_MARK = re.compile(r" ?¢|[pc](?![\w.])")
_MOST_MINOR = 99
_PIECES = frozenset("bill bills note notes coin coins tip check ticket tickets fee prize".split())


class Currency(NamedTuple):
    """Currency: singular and plural of its unit and of the hundredth part; () if it has no such part."""

    singular: Words
    plural: Words
    minor_singular: Words
    minor_plural: Words
    name: str


class Money(NamedTuple):
    """Amount of money."""

    end: int
    words: Words
    number: Words
    """Words of the number and magnitude alone; () for an amount with hundredth parts."""
    currency: str
    plural: Words = ()
    """Currency in the plural, with the unit that the amount is per."""


def currency_before(text: str, place: int) -> tuple[int, Currency] | None:
    """Return the currency written at `place`, before a number, and the place of the number."""
    match = _before().match(text, place)
    return (match.end(), _currencies()[match[1]]) if match else None


def currency_after(text: str, place: int) -> tuple[int, Currency] | None:
    """Return the currency written at `place`, after a number, and its end."""
    match = _after().match(text, place)
    return (match.end(), _currencies()[match[1]]) if match else None


def read_money(text: str, start: int, place: int, number: Number, currency: Currency, symbol_end: int) -> Money:
    """Return the words of an amount of money.

    Args:
        text: Whole text.
        start: Start of the whole token, with its sign or the first member of a range.
        place: Start of the number.
        number: Number.
        currency: Currency, written before or after the number.
        symbol_end: End of a currency that is written after the number; 0 for one before it.
    """
    end, magnitude = scaled(text, number, money=True)
    if symbol_end:
        end = symbol_end
        magnitude = scaled(text, number, money=True)[1]
    written = text[place : number.end]
    per_end, per = _per(text, end)
    if not magnitude and number.kind == "decimal" and (parts := _parts(written, currency)):
        # Amounts per unit keep their decimals where they are small.
        return Money(per_end, (*parts, *per), (), currency.name, (*currency.plural, *per))
    words = (*as_amount(number), *magnitude)
    one = number.is_one and not magnitude
    attributive = is_attributive(text, start, per_end) or _is_piece(text, per_end)
    unit = currency.singular if one or attributive else currency.plural
    return Money(per_end, (*words, *unit, *per), words, currency.name, (*currency.plural, *per))


def read_minor(text: str, place: int, number: Number) -> Money | None:
    """Return an amount of hundredth parts, such as "5¢" and "50p"; None if there is none at `place`, the end of the number."""
    match = _MINOR_MARK.match(text, place)
    if match is None or (match[0] in "pc" and number.value > _MOST_MINOR):
        return None
    currency = _currencies()[_MINOR[match[0].strip()]]
    unit = currency.minor_singular if number.is_one or is_attributive(text, place, match.end()) else currency.minor_plural
    per_end, per = _per(text, match.end())
    words = as_amount(number)
    return Money(per_end, (*words, *unit, *per), words, "minor " + currency.name, (*unit, *per))


def _parts(written: str, currency: Currency) -> Words | None:
    """Return the words of whole units and hundredth parts; None for an amount with other decimals."""
    whole, _, decimals = written.rpartition("," if re.search(r",\d{1,2}$", written) else ".")
    whole = whole.replace(",", "").replace(".", "").replace(" ", "")
    if len(decimals) > 2 or not currency.minor_plural:
        return (*cardinal(whole or "0"), *_agreed(whole, currency)) if not decimals.strip("0") else None
    count = int(decimals.ljust(2, "0"))
    minor = (*cardinal(str(count)), *(currency.minor_singular if count == 1 else currency.minor_plural))
    major = (*cardinal(whole or "0"), *_agreed(whole, currency))
    if not count:
        return major
    if not whole.strip("0"):
        return minor
    return (*major, *minor)


def _agreed(whole: str, currency: Currency) -> Words:
    return currency.singular if whole == "1" else currency.plural


def _per(text: str, end: int) -> tuple[int, Words]:
    match = _PER.match(text, end)
    if match is None:
        return end, ()
    if match["word"]:
        unit = _unit_per(text, match.start("word"))
        return unit or (match.end(), (*entries("words")["per"], match["word"]))
    return _unit_per(text, match.end()) or (end, ())


def _unit_per(text: str, place: int) -> tuple[int, Words] | None:
    measure = read_unit(text, place)
    return (measure.end, (*entries("words")["per"], *measure.singular)) if measure else None


def _is_piece(text: str, end: int) -> bool:
    return next_word(text, end).lower() in _PIECES


@cache
def _currencies() -> dict[str, Currency]:
    found: dict[str, Currency] = {}
    for row in rows("currencies"):
        forms, singular, plural, minor, minors = (*row, "", "", "")[:5]
        for form in forms.split("|"):
            one, many, cent, cents = (tuple(cell.split()) for cell in (singular, plural, minor, minors))
            found[form] = Currency(one, many, cent, cents, forms.split("|")[0])
    return found


@cache
def _before() -> re.Pattern[str]:
    forms = "|".join(re.escape(form) for form in sorted(_currencies(), key=len, reverse=True))
    return re.compile(rf"({forms}) ?(?=[-−]?\.?\d|[½¼¾])")


@cache
def _after() -> re.Pattern[str]:
    forms = "|".join(re.escape(form) for form in sorted(_currencies(), key=len, reverse=True) if form not in ("Rs", "Rs."))
    return re.compile(rf" ?({forms})(?![\w$])(?! ?\d)")
