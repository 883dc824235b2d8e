"""Numbers in American English words."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

Words = tuple[str, ...]

_LARGEST_DIGITS = 18
_LARGEST_GROUPED = 36
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def load() -> None:
    """Import the library of number words now, instead of with the first number."""
    _spoken(0)


@lru_cache(maxsize=4096)
def _spoken(value: int, form: str = "cardinal") -> Words:
    """Return the words of a number in American style: without commas, hyphens and "and"."""
    from num2words import num2words

    words = num2words(value, to=form).replace(",", "").replace("-", " ").split()
    return tuple(word for word in words if word != "and")


def digits(text: str) -> Words:
    """Return one word for each digit of `text`; other characters are ignored."""
    return tuple(word for character in text if character.isdigit() for word in _spoken(int(character)))


def cardinal(text: str) -> Words:
    """Return the words of a whole number, with or without commas between thousands. A very large one is read by digits."""
    most = _LARGEST_GROUPED if "," in text else _LARGEST_DIGITS
    text = text.replace(",", "")
    if len(text) > most or (len(text) > 1 and text[0] == "0"):
        return digits(text)
    return _spoken(int(text))


def ordinal(text: str) -> Words:
    """Return the words of an ordinal number: twenty first for "21"."""
    text = text.replace(",", "")
    return _spoken(int(text), "ordinal") if len(text) <= _LARGEST_DIGITS else digits(text)


def decimal(text: str) -> Words:
    """Return the words of a number with a decimal point, or several as in a version: three point one four for "3.14"."""
    whole, *parts = text.split(".")
    words = cardinal(whole) if whole else ()
    if len(parts) > 1:
        return words + tuple(word for part in parts for word in ("point", *cardinal(part)))
    return words + tuple(word for part in parts for word in ("point", *digits(part)))


def year(text: str) -> Words:
    """Return the words of a year: nineteen oh five for "1905", two thousand five for "2005"."""
    return _spoken(int(text), "year")


def plural(words: Words) -> Words:
    """Return `words` with the last one in the plural: nineteen nineties for nineteen ninety."""
    last = words[-1]
    if last.endswith("y"):
        last = last[:-1] + "ies"
    else:
        last += "es" if last.endswith(("x", "s", "ch")) else "s"
    return (*words[:-1], last)


def fraction(numerator: int, denominator: int) -> Words:
    """Return the words of a fraction with a denominator of 2 or more: three quarters for 3/4."""
    name = {2: ("half",), 4: ("quarter",)}.get(denominator) or ordinal(str(denominator))
    if numerator == 1:
        return ("one", *name)
    return (*cardinal(str(numerator)), *(("halves",) if denominator == 2 else plural(name)))


def roman(text: str) -> int:
    """Return the value of a Roman numeral below 400; 0 for other text."""
    values = [_ROMAN.get(character, 0) for character in text]
    total = sum(-value if value < after else value for value, after in pairwise([*values, 0]))
    return total if 0 not in values and to_roman(total) == text else 0


def to_roman(value: int) -> str:
    """Return the Roman numeral of a number below 400."""
    text = ""
    steps = ((100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))
    for amount, letters in steps:
        count, value = divmod(value, amount)
        text += letters * count
    return text
