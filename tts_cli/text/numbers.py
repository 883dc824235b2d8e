"""Numbers as American English speaks them; every function gives a tuple of words."""

from __future__ import annotations

from itertools import pairwise

Words = tuple[str, ...]

_ONES = tuple(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
    " nineteen".split()
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion")
_LARGEST_DIGITS = 3 * len(_SCALES)
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def digits(text: str) -> Words:
    """One word a digit; whatever is no digit is passed over."""
    return tuple(_ONES[int(character)] for character in text if character.isdigit())


def cardinal(text: str) -> Words:
    """The whole number that `text` writes, thousands separated by commas or not; too large a one digit by digit."""
    text = text.replace(",", "")
    if len(text) > _LARGEST_DIGITS or (len(text) > 1 and text[0] == "0"):
        return digits(text)
    value = int(text)
    return _positive(value) if value else ("zero",)


def _positive(value: int) -> Words:
    words: list[str] = []
    for power in reversed(range(len(_SCALES))):
        group = value // 1000**power % 1000
        if group:
            words += [*_below_thousand(group), *([_SCALES[power]] if power else [])]
    return tuple(words)


def _below_thousand(value: int) -> Words:
    hundreds, rest = divmod(value, 100)
    words = (_ONES[hundreds], "hundred") if hundreds else ()
    return words + below_hundred(rest) if rest else words


def below_hundred(value: int) -> Words:
    """A number from 0 to 99."""
    if value < 20:
        return (_ONES[value],)
    tens, ones = divmod(value, 10)
    return (_TENS[tens], _ONES[ones]) if ones else (_TENS[tens],)


def ordinal(text: str) -> Words:
    """The rank that the digits of `text` write: "21" is twenty first."""
    *first, last = cardinal(text)
    if last in _ORDINALS:
        return (*first, _ORDINALS[last])
    return (*first, last[:-1] + "ieth" if last.endswith("y") else last + "th")


def decimal(text: str) -> Words:
    """A number that may have a decimal point, or several as versions have: "3.14" is three point one four."""
    whole, *parts = text.split(".")
    words = cardinal(whole) if whole else ()
    if len(parts) > 1:
        return words + tuple(word for part in parts for word in ("point", *cardinal(part)))
    return words + tuple(word for part in parts for word in ("point", *digits(part)))


def year(text: str) -> Words:
    """A number of four digits as a year: "1905" is nineteen oh five, "2005" two thousand five, "1900" nineteen hundred."""
    century, rest = divmod(int(text), 100)
    if (century % 10 == 0 and rest < 10) or century < 10:
        return cardinal(str(int(text)))
    if rest == 0:
        return (*below_hundred(century), "hundred")
    return (*below_hundred(century), *(("oh",) if rest < 10 else ()), *below_hundred(rest))


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
