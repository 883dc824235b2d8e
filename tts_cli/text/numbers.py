"""Numbers as American English speaks them; every function gives a tuple of words."""

from __future__ import annotations

from itertools import pairwise

Words = tuple[str, ...]

_LARGEST_DIGITS = 18
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def load() -> None:
    """Import the library that knows the words, so that no sentence waits for it."""
    _spoken(0)


def _spoken(value: int, form: str = "cardinal") -> Words:
    """The library's words the American way: without commas, hyphens and "and"."""
    from num2words import num2words

    words = num2words(value, to=form).replace(",", "").replace("-", " ").split()
    return tuple(word for word in words if word != "and")


def digits(text: str) -> Words:
    """One word a digit; whatever is no digit is passed over."""
    return tuple(word for character in text if character.isdigit() for word in _spoken(int(character)))


def cardinal(text: str) -> Words:
    """The whole number that `text` writes, thousands separated by commas or not; too large a one digit by digit."""
    text = text.replace(",", "")
    if len(text) > _LARGEST_DIGITS or (len(text) > 1 and text[0] == "0"):
        return digits(text)
    return _spoken(int(text))


def ordinal(text: str) -> Words:
    """The rank that the digits of `text` write: "21" is twenty first."""
    text = text.replace(",", "")
    return _spoken(int(text), "ordinal") if len(text) <= _LARGEST_DIGITS else digits(text)


def decimal(text: str) -> Words:
    """A number that may have a decimal point, or several as versions have: "3.14" is three point one four."""
    whole, *parts = text.split(".")
    words = cardinal(whole) if whole else ()
    if len(parts) > 1:
        return words + tuple(word for part in parts for word in ("point", *cardinal(part)))
    return words + tuple(word for part in parts for word in ("point", *digits(part)))


def year(text: str) -> Words:
    """A number of four digits as a year: "1905" is nineteen oh five, "2005" two thousand five, "1900" nineteen hundred."""
    return _spoken(int(text), "year")


def plural(words: Words) -> Words:
    """`words` with the last of them in the plural: nineteen ninety, nineteen nineties."""
    last = words[-1]
    if last.endswith("y"):
        last = last[:-1] + "ies"
    else:
        last += "es" if last.endswith(("x", "s", "ch")) else "s"
    return (*words[:-1], last)


def fraction(numerator: int, denominator: int) -> Words:
    """ "3/4" is three quarters; the denominator is at least 2."""
    name = {2: ("half",), 4: ("quarter",)}.get(denominator) or ordinal(str(denominator))
    if numerator == 1:
        return ("one", *name)
    return (*cardinal(str(numerator)), *(("halves",) if denominator == 2 else plural(name)))


def roman(text: str) -> int:
    """Value of a Roman numeral below 400, or 0 when `text` is none."""
    values = [_ROMAN.get(character, 0) for character in text]
    total = sum(-value if value < after else value for value, after in pairwise([*values, 0]))
    return total if 0 not in values and to_roman(total) == text else 0


def to_roman(value: int) -> str:
    """The Roman numeral of a number below 400."""
    text = ""
    steps = ((100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))
    for amount, letters in steps:
        count, value = divmod(value, amount)
        text += letters * count
    return text
