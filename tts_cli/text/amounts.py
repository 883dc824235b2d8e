"""Normalisation rules for digits: money, measures, dates, times, telephone numbers and plain numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from tts_cli.text.characters import CURRENCIES
from tts_cli.text.numbers import Words, cardinal, decimal, fraction, ordinal, plural, year

MONTHS = "January February March April May June July August September October November December".split()
_MONTH_NAMES = {name[:3]: name for name in MONTHS}
MONTH = "(?:" + "|".join(f"{name[:3]}(?:{name[3:]})?" if len(name) > 3 else name for name in MONTHS) + "|Sept)"
NUMBER = r"\d{1,3}(?:,\d{3})+(?!\d)|\d{1,400}"
AMOUNT = rf"(?:(?:{NUMBER})(?:\.\d{{1,400}})?|\.\d{{1,400}})"
_MONEY = {
    "$": ("dollar", "cent"),
    "£": ("pound", "penny"),
    "€": ("euro", "cent"),
    "¥": ("yen", ""),
    "₹": ("rupee", "paisa"),
    "¢": ("cent", ""),
}
_MANY = {"penny": "pence", "yen": "yen", "foot": "feet", "inch": "inches", "paisa": "paise", "hertz": "hertz"}
_SCALES = {"k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion", "tn": "trillion"}
_UNITS = {
    "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "nm": "nanometer", "m": "meter", "mi": "mile", "ft": "foot",
    "yd": "yard", "yds": "yard", "in.": "inch", "kg": "kilogram", "mg": "milligram", "g": "gram", "lb": "pound", "lbs": "pound",
    "oz": "ounce", "l": "liter", "L": "liter", "ml": "milliliter", "mL": "milliliter", "gal": "gallon", "s": "second",
    "sec": "second", "secs": "second", "ms": "millisecond", "min": "minute", "mins": "minute", "h": "hour", "hr": "hour",
    "hrs": "hour", "yr": "year", "yrs": "year", "Hz": "hertz", "kHz": "kilo hertz", "MHz": "mega hertz", "GHz": "giga hertz",
    "W": "watt", "kW": "kilowatt", "MW": "megawatt", "GW": "gigawatt", "kWh": "kilowatt hour", "V": "volt", "kV": "kilovolt",
    "KB": "kilobyte", "kB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "dB": "decibel", "ha": "hectare",
    "J": "joule", "kJ": "kilojoule", "N": "newton", "Pa": "pascal", "kcal": "kilocalorie", "cal": "calorie",
    "sq ft": "square foot", "sq m": "square meter", "sq mi": "square mile", "sq km": "square kilometer", "cu ft": "cubic foot",
}  # fmt: skip
_RATES = {
    "mph": "miles per hour", "km/h": "kilometers per hour", "kph": "kilometers per hour", "kmh": "kilometers per hour",
    "m/s": "meters per second", "rpm": "revolutions per minute", "fps": "frames per second", "Mbps": "megabits per second",
    "Gbps": "gigabits per second", "bpm": "beats per minute", "mpg": "miles per gallon", "psi": "pounds per square inch",
}  # fmt: skip
_CLOSE_ONLY = frozenset({"J", "N"})
_UNIT = "|".join(sorted(map(re.escape, (*_UNITS, *_RATES)), key=len, reverse=True))
_SIGNS = {"": (), "-": ("minus",), "+": ("plus",)}
_FRACTIONS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 32, 64, 100)


def _money(match: re.Match[str]) -> Words:
    amount, scale = match["amount"].replace(",", ""), match["scale"]
    unit, small = _MONEY[match["sign"]]
    if scale:
        return (*decimal(amount), _SCALES.get(scale.lower(), scale), *_counted(unit, "2"))
    whole, _, cents = amount.partition(".")
    if len(cents) not in (0, 2) or not small:
        return (*decimal(amount), *_counted(unit, amount))
    large = (*cardinal(whole), *_counted(unit, whole)) if whole.strip("0") or not cents.strip("0") else ()
    if not cents.strip("0"):
        return large
    rest = (*cardinal(str(int(cents))), *_counted(small, str(int(cents))))
    return (*large, "and", *rest) if large else rest


def _counted(unit: str, amount: str) -> Words:
    """Return `unit` in the singular or plural form for `amount`: one second, two seconds, two square feet."""
    words = tuple(unit.split())
    if amount == "1":
        return words
    return (*words[:-1], _MANY[words[-1]]) if words[-1] in _MANY else plural(words)


def _scaled(match: re.Match[str]) -> Words:
    return (*decimal(match["amount"].replace(",", "")), _SCALES[match["scale"].lower()])


def _cents(match: re.Match[str]) -> Words:
    return (*decimal(match["amount"]), *_counted("cent", match["amount"]))


def _measure(match: re.Match[str]) -> Words | None:
    amount, unit, power = match["amount"].replace(",", ""), match["unit"], match["power"]
    if unit in _CLOSE_ONLY and match["gap"] and not power:
        return None
    sign = _SIGNS[match["sign"]]
    if unit in _RATES:
        return (*sign, *decimal(amount), *_RATES[unit].split())
    name = {"^2": "square ", "^3": "cubic "}.get(power or "", "") + _UNITS[unit]
    return (*sign, *decimal(amount), *(name.split() if match["hyphen"] else _counted(name, amount)))


def _height(match: re.Match[str]) -> Words:
    return (*cardinal(match[1]), "foot", *cardinal(match[2]))


def _time(match: re.Match[str]) -> Words | None:
    hour, minute, second, half = int(match["hour"]), int(match["minute"]), match["second"], match["half"]
    if hour > 24 or minute > 59:
        return None
    words = cardinal(str(hour))
    if minute:
        words += (("oh",) if minute < 10 else ()) + cardinal(str(minute))
    elif not half and not second:
        words += ("hundred",) if hour > 12 or hour == 0 else ("o'clock",)
    if second:
        words += ("and", *cardinal(str(int(second))), *_counted("second", str(int(second))))
    return words + _half(half)


def _hour(match: re.Match[str]) -> Words:
    return (*cardinal(match[1]), *_half(match["half"]))


def _half(half: str | None) -> Words:
    return (half[0].upper() + ".", "M.") if half else ()


def _numeric_date(match: re.Match[str]) -> Words | None:
    """Return the words of a numeric date in American order, month first. A first number over 12 is the day."""
    month, day = int(match[1]), int(match[2])
    if month > 12:
        month, day = day, month
    return _date(month, day, match[3])


def _iso_date(match: re.Match[str]) -> Words | None:
    return _date(int(match[2]), int(match[3]), match[1])


def _date(month: int, day: int, year_digits: str) -> Words | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if len(year_digits) == 2:
        spoken = (("oh",) if year_digits[0] == "0" else ()) + cardinal(str(int(year_digits)))
    else:
        spoken = year(year_digits)
    return (MONTHS[month - 1], *ordinal(str(day)), *spoken)


def month_first(match: re.Match[str]) -> Words:
    """Return the words of a date with the month first, such as "July 4, 1776" or "Sept. 3rd"."""
    spoken_year = year(match["year"]) if match["year"] else ()
    return (_MONTH_NAMES[match["month"][:3]], *ordinal(match["day"]), *spoken_year)


def _day_first(match: re.Match[str]) -> Words:
    before = match.string[max(0, match.start() - 4) : match.start()].lower()
    article = () if before.endswith("the ") else ("the",)
    spoken_year = year(match["year"]) if match["year"] else ()
    return (*article, *ordinal(match["day"]), "of", _MONTH_NAMES[match["month"][:3]], *spoken_year)


def _decade(match: re.Match[str]) -> Words:
    number = match[1]
    return plural(year(number) if len(number) == 4 else cardinal(str(int(number))))


def _fraction(match: re.Match[str]) -> Words:
    whole, top, bottom = match["whole"], int(match["top"]), int(match["bottom"])
    if bottom not in _FRACTIONS or top >= bottom:
        return (*(cardinal(whole) if whole else ()), *cardinal(match["top"]), *cardinal(match["bottom"]))
    part = fraction(top, bottom)
    if whole:
        return (*cardinal(whole), "and", *(("a", part[1]) if top == 1 else part))
    return part


def _range(match: re.Match[str]) -> Words:
    first, last = match[1], match[2]
    return (*_plain_number(first), "to", *_plain_number(last))


def _percent(match: re.Match[str]) -> Words:
    return (*_SIGNS[match["sign"]], *decimal(match["amount"].replace(",", "")), "percent")


def _ordinal(match: re.Match[str]) -> Words:
    return ordinal(match[1])


def _number(match: re.Match[str]) -> Words:
    return (*_SIGNS[match["sign"]], *_plain_number(match["number"]))


def _plain_number(text: str) -> Words:
    if "." in text:
        return decimal(text.replace(",", ""))
    if len(text) == 4 and text.isdigit() and 1100 <= int(text) <= 2099:
        return year(text)
    return cardinal(text)


_SIGN = r"(?P<sign>(?:(?<![\w)])[-+])?)"
_HALF = r"(?P<half>[AaPp]\.?[Mm]\b\.?)"
_READERS = (
    (
        rf"(?P<sign>[{CURRENCIES}])\s?(?P<amount>{AMOUNT})"
        r"(?:\s?(?P<scale>hundred|thousand|million|billion|trillion|[kKmMbB]|bn|mn|tn)\b)?",
        _money,
    ),
    (rf"(?P<amount>{AMOUNT})\s?¢", _cents),
    (rf"(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?![\d:])(?:\s?{_HALF})?", _time),
    (rf"(\d{{1,2}})\s?{_HALF}", _hour),
    (r"(\d{4})-(\d\d)-(\d\d)(?![\d-])", _iso_date),
    (r"(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)(?![\d/])", _numeric_date),
    (rf"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?(?: of)? (?P<month>{MONTH})\b\.?(?:,? (?P<year>[12]\d{{3}})\b)?", _day_first),
    (r"'?(\d\d|1[1-9]\d0|20\d0)'?s\b", _decade),
    (rf"({NUMBER})(?:st|nd|rd|th)\b", _ordinal),
    (rf"(?P<amount>{AMOUNT})(?P<scale>k|M|bn)\b", _scaled),
    (rf"{_SIGN}(?P<amount>{AMOUNT})\s?(?:%|percent\b|per cent\b)", _percent),
    (r"(\d{1,2})'\s?(\d{1,2})(?:\"|'')", _height),
    (
        rf"{_SIGN}(?P<amount>{AMOUNT})(?P<gap>\s?)(?P<hyphen>-?)(?P<unit>{_UNIT})(?P<power>\^[23])?"
        r"(?![\w/^])(?:\.(?=[,;:]| [a-z\d]))?",
        _measure,
    ),
    (r"(?:(?P<whole>\d{1,9})[ -])?(?P<top>\d{1,4})/(?P<bottom>\d{1,4})(?![\d/])", _fraction),
    (rf"((?:{NUMBER})(?:\.\d+)?)\s?-\s?((?:{NUMBER})(?:\.\d+)?)(?![\d-])", _range),
    (rf"{_SIGN}(?P<number>(?:{NUMBER})(?:\.\d{{1,400}}){{0,9}}|\.\d{{1,400}})", _number),
)


@cache
def readers() -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], Words | None]]]:
    """Return the rules to try at a digit, sign or currency, in order: a pattern, and a function that returns words or None."""
    return [(re.compile(pattern), reader) for pattern, reader in _READERS]
