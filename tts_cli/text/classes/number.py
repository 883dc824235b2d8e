"""Numbers: cardinal, decimal, ordinal, fraction, power and scientific notation, as values that units and ranges complete."""

from __future__ import annotations

import re
from typing import NamedTuple

from tts_cli.text.characters import FRACTIONS, SUPERSCRIPTS
from tts_cli.text.grammar import begins_word, next_word
from tts_cli.text.numbers import Words, cardinal, decimal, fraction, ordinal, year
from tts_cli.text.tables import entries, rows

SIGNS = {"-": "minus", "−": "minus", "–": "minus", "+": "plus", "±": "plus or minus", "~": "about", "≈": "about"}
_GROUPED = r"(?:\d{1,3}(?:,\d{3}){1,11}|\d{1,2}(?:,\d\d){1,4},\d{3})(?![\d,]*\d)"
_SPACED = r"\d{1,3}(?: \d{3})* 000(?![,.:/-]?\d|\w)"
_POINTED = r"\d{1,3}(?:\.\d{3}){2,6}(?![\d.]*\d)"
_VALUE = re.compile(rf"(?P<whole>{_GROUPED}|{_SPACED}|{_POINTED}|\d{{1,400}})?(?P<decimals>\.\d{{1,400}}(?!\.?\d))?")
_EUROPEAN = re.compile(r"(?P<whole>\d{1,3}(?:\.\d{3})+|\d{1,9}),(?P<decimals>\d{1,2})(?!,?\d)(?! \d)")
_VULGAR = re.compile(rf" ?([{FRACTIONS}])")
_SLASHED = re.compile(
    r"(?:(?P<whole>\d{1,9})(?: | and |-))?(?P<top>\d{1,4})/(?P<bottom>[1-9]\d{0,3})(?![\d/])(?:(?:th|rd|nd|st|TH|RD)s?\b)?"
)
_ORDINAL = re.compile(r"(?:st|nd|rd|th|ST|ND|RD|TH)(?![A-Za-z])")
_POWER = re.compile(rf"[{SUPERSCRIPTS}]{{1,4}}|\^\(?[-−+]?[\dn]{{1,4}}\)?")
_TIMES_TEN = re.compile(rf" ?[×x*·] ?10(?P<power>[{SUPERSCRIPTS}]{{1,5}}|(?:\^|\*\*)\(?[-−+]?\d{{1,4}}\)?)")
_EXPONENT = re.compile(r"[eE](?P<power>[-−+]?\d{1,3})(?!\w|\.\d)")
_PLAIN_DIGITS = str.maketrans(SUPERSCRIPTS, "0123456789+-n")
_LARGEST_DENOMINATOR = 100


class Number(NamedTuple):
    """Number without sign and unit."""

    end: int
    words: Words
    kind: str
    """Semiotic class: cardinal, decimal, ordinal, fraction, power or year."""
    rule: str
    is_one: bool = False
    """True if a noun after it is in the singular: 1, and fractions of one thing."""
    bare: Words = ()
    """Words of a number that might be a year, as an amount: two thousand fifteen; else those of `words`."""
    value: float = 0.0


def read_number(text: str, place: int, european: bool = False) -> Number | None:
    """Return the number at `place`, the longest that is one; None if there is none.

    Args:
        text: Whole text.
        place: Start of the number, after its sign.
        european: Read "1.234,56" and "12,5" with a decimal comma.
    """
    if european and (match := _EUROPEAN.match(text, place)):
        return _decimal(match.end(), match["whole"].replace(".", ""), match["decimals"])
    if match := _SLASHED.match(text, place):
        return _slashed(match)
    match = _VALUE.match(text, place)
    if match is None or match.end() == place:
        return _vulgar(text, place, "")
    whole, decimals = match["whole"], match["decimals"]
    if not whole and not begins_word(text, place):
        return None
    if decimals is None and (found := _vulgar(text, match.end(), whole)):
        return found
    number = _decimal(match.end(), whole or "", decimals[1:]) if decimals else _whole(match.end(), whole)
    if plural := _PLURAL.match(text, place):
        return Number(plural.end(), (_COUNTS[plural[1]],), "cardinal", "plural of ten, hundred or thousand")
    return _with_power(text, number, whole, decimals) or _ordinal(text, number, whole, decimals) or number


def scaled(text: str, number: Number, money: bool = False) -> tuple[int, Words]:
    """Return end and words of the magnitude after `number`, such as "million" or "k"; (its end, ()) if there is none."""
    match = _magnitude_pattern(text, number.end)
    if match is None:
        return number.end, ()
    letters = match["letters"]
    if letters is None:
        return match.end(), (match["word"].lower(),)
    words, condition = _magnitudes()[letters]
    if condition == "counted" and not money and next_word(text, match.end()).lower() not in entries_of_counted():
        return number.end, ()
    if condition == "money" and not money:
        return number.end, ()
    return match.end(), words


def powered(base: Words, power: str) -> Words:
    """Return the words of `base` with the exponent `power`, written in digits, a sign and n: ten to the minus three."""
    exponent = power.translate(_PLAIN_DIGITS).replace("−", "-").strip("^*()")
    if exponent == "2":
        return (*base, *entries("words")["squared"])
    if exponent == "3":
        return (*base, *entries("words")["cubed"])
    if exponent.startswith("-"):
        return (*base, "to", "the", "minus", *_exponent(exponent[1:]))
    exponent = exponent.lstrip("+")
    if exponent.isdigit():
        return (*base, "to", "the", *ordinal(exponent))
    return (*base, "to", "the", *_exponent(exponent))


def as_amount(number: Number) -> Words:
    """Return the words of a number of things: never a year."""
    return number.bare or number.words


def entries_of_counted() -> frozenset[str]:
    """Return the nouns before which "m" and "b" are million and billion."""
    return frozenset(row[0] for row in rows("counted"))


def _exponent(text: str) -> Words:
    return cardinal(text) if text.isdigit() else tuple(letter.upper() + "." for letter in text)


def _magnitudes() -> dict[str, tuple[Words, str]]:
    return {letters: (tuple(row[1].split()), row[2]) for row in rows("magnitudes") for letters in row[0].split("|")}


_LETTERS = "|".join(sorted((re.escape(key) for row in rows("magnitudes") for key in row[0].split("|")), key=len, reverse=True))
_MAGNITUDE = re.compile(
    rf"(?P<letters>{_LETTERS})(?![A-Za-z\d/²³])| ?-?(?P<word>hundred|thousand|million|billion|trillion|quadrillion)\b(?!-)",
    re.ASCII,
)
_SPACED_MAGNITUDE = re.compile(r" (?P<letters>bn|mn|tn|mln|bln)(?![A-Za-z\d])(?P<word>)")


def _magnitude_pattern(text: str, place: int) -> re.Match[str] | None:
    match = _MAGNITUDE.match(text, place)
    if match is None and text.startswith(" ", place):
        return _SPACED_MAGNITUDE.match(text, place)
    return match


def _whole(end: int, digits_: str) -> Number:
    written = digits_.replace(" ", ",").replace(".", ",")
    if len(written) == 4 and written.isdigit() and 1100 <= int(written) <= 2099:
        return Number(end, year(written), "year", "four digits from 1100 to 2099", bare=cardinal(written), value=int(written))
    words = cardinal(written)
    value = float(written.replace(",", "")) if len(written) < 300 else 0.0
    return Number(end, words, "cardinal", "whole number", is_one=words == ("one",), value=value)


def _decimal(end: int, whole: str, decimals: str) -> Number:
    plain = whole.replace(",", "").replace(" ", "").replace(".", "")
    words = decimal(f"{plain}.{decimals}")
    value = float(f"{plain or 0}.{decimals}") if len(plain) < 300 else 0.0
    return Number(end, words, "decimal", "decimal point", value=value)


def _vulgar(text: str, place: int, whole: str) -> Number | None:
    match = _VULGAR.match(text, place)
    if match is None or (not whole and text[place] == " "):
        return None
    top, bottom = _PARTS[match[1]]
    return _fraction(match.end(), whole, top, bottom)


def _slashed(match: re.Match[str]) -> Number | None:
    whole, top, bottom = match["whole"] or "", int(match["top"]), int(match["bottom"])
    if bottom < 2 or (whole and top >= bottom):
        return None
    return _fraction(match.end(), whole, top, bottom)


def _fraction(end: int, whole: str, top: int, bottom: int) -> Number:
    if bottom > _LARGEST_DENOMINATOR and bottom % 10:
        words: Words = (*cardinal(str(top)), "over", *cardinal(str(bottom)))
    else:
        words = fraction(top, bottom)
    if not whole:
        return Number(end, words, "fraction", "fraction", is_one=top <= bottom, value=top / bottom)
    part = ("a", *words[1:]) if top == 1 and bottom == 2 else words
    return Number(
        end, (*cardinal(whole), "and", *part), "fraction", "mixed number", value=int(whole.replace(",", "")) + top / bottom
    )


def _with_power(text: str, number: Number, whole: str | None, decimals: str | None) -> Number | None:
    if match := _TIMES_TEN.match(text, number.end):
        words = (*as_amount(number), "times", *powered(("ten",), match["power"]))
        return Number(match.end(), words, "power", "scientific notation")
    if match := _EXPONENT.match(text, number.end):
        words = (*as_amount(number), "times", *powered(("ten",), match["power"]))
        return Number(match.end(), words, "power", "scientific notation")
    if whole and not decimals and (match := _POWER.match(text, number.end)):
        return Number(match.end(), powered(as_amount(number), match[0]), "power", "number with an exponent")
    return None


def _ordinal(text: str, number: Number, whole: str | None, decimals: str | None) -> Number | None:
    if decimals or not whole or not (match := _ORDINAL.match(text, number.end)):
        return None
    return Number(match.end(), ordinal(whole.replace(" ", "")), "ordinal", "number with st, nd, rd or th", value=number.value)


_COUNTS = {"10": "tens", "100": "hundreds", "1,000": "thousands", "1000": "thousands"}
_PLURAL = re.compile(r"(10|100|1,?000)s (?=of\b)")
_PARTS = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5), "⅘": (4, 5),
    "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8), "⅐": (1, 7), "⅑": (1, 9), "⅒": (1, 10),
}  # fmt: skip
