"""Years with and without era, decades, centuries, quarters and fiscal years."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from tts_cli.text.classes import calendar, measure, money, quantity
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.numbers import Words, cardinal, ordinal, plural
from tts_cli.text.numbers import year as year_words
from tts_cli.text.patterns import pattern
from tts_cli.text.tables import rows

_NEAR = 16
_FIRST_YEAR, _LAST_YEAR = 1000, 2099
_ERA_AFTER = pattern(rf"(\d{{1,3}}(?:,\d{{3}})+|\d{{1,6}}) ?({calendar.era_pattern()})")
_ERA_BEFORE = pattern(rf"({calendar.era_pattern('both')}) ?(\d{{1,4}})(?![\w:/]|[.,]\d)")
_ERA = pattern(calendar.era_pattern())
_DECADE = pattern(r"('?)((?:1[0-9]|20)\d0|[1-9]\d?0|00)(?:'?| (?<=19\d0 ))s(')?(?![\w/])")
_AFTER_DECADE = pattern(r"[a-z][-–]")
_YEAR_POSSESSIVE = pattern(r"((?:1[1-9]|20)\d\d)'s(?![\w])")
_SHORT = pattern(r"'(\d\d)(?![\w'\"]|[.:,/]\d)")
_MANY = pattern(r"(100+)s(?= of\b)")
_DECADE_BEFORE = pattern(r"(?:'(?=\d0)|\b)((?:1\d|20)?\d0)'?s(?:,? (?:and|or|to|through|&)|,) $")
_AFTER_DECADES = pattern(r"\d0'?s $")
_DECADES_AFTER = pattern(r" (?:and|or|to) '?\d0s\b")
_CENTURY = pattern(r"(\d{1,2})(?:st|nd|rd|th) ?-?(?:c\.|cent\.|cent\b|C\b\.?)")
_FISCAL = pattern(r"(FY|CY)[ -]?'?((?:19|20)?\d\d)(?:[-–/]((?:20)?\d\d))?(?!\w)")
_QUARTER = pattern(r"([QH])([1-4])(?!\w|\.\d)(?: ?'(\d\d)(?!\w))?")
_YEAR_QUARTER = pattern(r"((?:19|20)\d\d) ?-?([QH])([1-4])(?!\w|\.\d)")
_QUARTER_AFTER = pattern(r"([1-4])([QH])(?: ?((?:19|20)\d\d)|'?(\d\d))?(?!\w|\.\d)")
_FISCAL_NAMES = {"FY": ("fiscal", "year"), "CY": ("calendar", "year")}
_PARTS = {"Q": "quarter", "H": "half"}
_BARE = pattern(r"(\d{4})(?![\d]|[.,/:]\d|[A-Za-z%°'′″]| ?[%°])(-[a-z]+)?")
_ORDINARY = pattern(r"$|[,;:.!?)\]\"'](?: |$)")
_NEXT_LETTERS = pattern(r" [A-Za-z]")
_LOWER = pattern(r"[ \n]+([a-z]+)(?: ([a-z]+))?")
_SECONDS = pattern(r"(\d{1,3})s(?![\w'])")


def spoken(digits: str) -> Words:
    """Return the words of a year: nineteen oh five for "1905", oh five for "05", four seventy six for "476"."""
    if len(digits) == 2 and digits[0] == "0":
        return ("oh", *(cardinal(digits[1]) if digits[1] != "0" else ("oh",)))
    if len(digits) > 4:
        return cardinal(digits)
    return year_words(digits)


def read(text: str, place: int) -> Verbalization | None:
    """Read a year that an era or apostrophe shows, a decade, century, quarter or fiscal year; None for a bare year."""
    if not begins_word(text, place) or not text[place : place + 1] or text[place].islower():
        return None
    return next((reading for reader in _readers(text[place]) if (reading := reader(text, place))), None)


@cache
def _readers(character: str) -> tuple[Callable[[str, int], Verbalization | None], ...]:
    if character.isdigit():
        return (after_era, _many, decade, _seconds, _possessive, _century, _half_year)
    return (decade, short) if character == "'" else (_before_era, _fiscal, quarter, _era_alone)


def after_era(text: str, place: int) -> Verbalization | None:
    """Read a year before its era: 44 BC."""
    match = _ERA_AFTER.match(text, place)
    if not match:
        return None
    written = match[2]
    if written[-1] == "." and len(written) < 4:  # "CE." is the era and a final stop
        written = written[:-1]
    end = match.start(2) + len(written)
    words, era = spoken(match[1].replace(",", "")), calendar.era(written)
    ends = calendar.ends_sentence(text, place, end)
    return Verbalization(end, (*words, *era), "year", "number and era", "." if ends else " ", ends, words, " ".join(era))


def _before_era(text: str, place: int) -> Verbalization | None:
    match = _ERA_BEFORE.match(text, place)
    return Verbalization(match.end(), (*calendar.era(match[1]), *spoken(match[2])), "year", "era and number") if match else None


def _era_alone(text: str, place: int) -> Verbalization | None:
    """Read an era after a century: the 5th century BC."""
    match = _ERA.match(text, place)
    named = calendar.before(text, place) in calendar.context("era before") or _AFTER_DECADES.search(
        text, max(0, place - 6), place
    )
    if not match or not named:
        return None
    end = match.end()
    ends = calendar.ends_sentence(text, place, end)
    return Verbalization(end, calendar.era(match[0]), "year", "era after a century", "." if ends else " ", ends)


def decade(text: str, place: int) -> Verbalization | None:
    """Read a decade: the 1980s, '90s, mid-70s, his 20s."""
    match = _DECADE.match(text, place)
    if not match or not begins_word(text, place):
        return None
    if (
        len(match[2]) == 4
        and match[2] >= "2000"
        and match[0].endswith("'s")
        and calendar.before(text, place) not in calendar.context("decade before")
    ):
        return None  # "2020's best film"
    if len(match[2]) < 4 and not match[1] and not _is_decade(text, place, match.end()):
        return None
    words = ("two", "thousands") if match[2] == "00" else plural(spoken(match[2]))
    return Verbalization(match.end(), words, "decade", "tens with s", number=words)


def _is_decade(text: str, place: int, end: int) -> bool:
    """Return True if the number of two digits with "s" is a decade, and no time in seconds."""
    previous, following = calendar.before(text, place), calendar.after(text, end)
    if previous in ("a", "an"):
        return text[place] in "56789" and following.lower() in calendar.context("decade after")
    if previous in calendar.context("decade before") or previous.endswith("'s") or _AFTER_DECADE.match(text, place - 2):
        return True
    if following.lower() in calendar.context("decade after") or following in ("BC", "BCE", "AD", "CE"):
        return True
    if _DECADES_AFTER.match(text, end) and previous not in calendar.context("seconds before"):
        return True
    listed = _DECADE_BEFORE.search(text, max(0, place - _NEAR), place)
    if not listed:
        return False
    return len(listed[1]) == 4 or listed[0][0] == "'" or _is_decade(text, listed.start(1), listed.end(1) + 1)


def _seconds(text: str, place: int) -> Verbalization | None:
    match = _SECONDS.match(text, place)
    if not match:
        return None
    if _is_plural_number(text, place):
        return Verbalization(match.end(), plural(cardinal(match[1])), "number", "plural of a number")
    single = match[1] == "1" or (calendar.before(text, place) in ("a", "an") and calendar.after(text, match.end()).islower())
    words = (*cardinal(match[1]), "second" if single else "seconds")
    return Verbalization(match.end(), words, "duration", "number with s is seconds", number=words[:-1], unit="seconds")


def _is_plural_number(text: str, place: int) -> bool:
    """Return True if a number with "s" is a plural, as in "B-29s" and "the 7s", and no time in seconds."""
    return text[place - 1 : place] == "-" or calendar.before(text, place) in calendar.context("plural before")


def _many(text: str, place: int) -> Verbalization | None:
    match = _MANY.match(text, place)
    return Verbalization(match.end(), plural(cardinal(match[1])[1:]), "number", "hundreds or thousands of") if match else None


def _possessive(text: str, place: int) -> Verbalization | None:
    match = _YEAR_POSSESSIVE.match(text, place)
    if not match:
        return None
    *first, last = spoken(match[1])
    return Verbalization(match.end(), (*first, last + "'s"), "year", "possessive year")


def short(text: str, place: int) -> Verbalization | None:
    """Read a year of two digits after an apostrophe: '05."""
    match = _SHORT.match(text, place)
    return Verbalization(match.end(), spoken(match[1]), "year", "apostrophe and two digits") if match else None


def _century(text: str, place: int) -> Verbalization | None:
    match = _CENTURY.match(text, place)
    if not match:
        return None
    ends = calendar.ends_sentence(text, place, match.end())
    words = (*ordinal(match[1]), "century")
    return Verbalization(match.end(), words, "century", "ordinal and c.", "." if ends else " ", ends, words[:-1], "century")


def _fiscal(text: str, place: int) -> Verbalization | None:
    match = _FISCAL.match(text, place)
    if not match:
        return None
    last = ("to", *spoken(match[3])) if match[3] else ()
    return Verbalization(match.end(), (*_FISCAL_NAMES[match[1]], *spoken(match[2]), *last), "year", "fiscal year")


def quarter(text: str, place: int) -> Verbalization | None:
    """Read a quarter or half year: Q4, H1, with a short year Q3 '24."""
    match = _QUARTER.match(text, place)
    if not match or (match[1] == "H" and not re.match(r" ?(?:'\d\d|FY|(?:19|20)\d\d)", text[match.end(2) : match.end(2) + 6])):
        return None
    words = (match[1] + ".", *cardinal(match[2]), *(spoken(match[3]) if match[3] else ()))
    return Verbalization(match.end(), words, "quarter", "quarter of a year", number=words)


def _half_year(text: str, place: int) -> Verbalization | None:
    if match := _YEAR_QUARTER.match(text, place):
        words = (*spoken(match[1]), match[2] + ".", *cardinal(match[3]))
        return Verbalization(match.end(), words, "quarter", "year and quarter")
    match = _QUARTER_AFTER.match(text, place)
    if not match or (match[2] == "H" and not (match[3] or match[4])):
        return None
    year = ("of", *spoken(match[3] or match[4])) if match[3] or match[4] else ()
    article = () if calendar.before(text, place) in calendar.context("determiner") else ("the",)
    return Verbalization(
        match.end(), (*article, *ordinal(match[1]), _PARTS[match[2]], *year), "quarter", "number, Q or H, and year"
    )


def bare(text: str, place: int) -> Verbalization | None:
    """Read a number of four digits from 1000 to 2099: a year, or a number of things if the words around say so."""
    match = _BARE.match(text, place)
    if not match or not begins_word(text, place) or text[place - 1 : place] in ("+", "−", "#", ".") or not _in_range(match[1]):
        return None
    if has_unit(text, place, match.end(1)):
        return None
    if counts_things(text, place, match.end(1), match[2] or ""):
        hundreds = match[1].endswith("00") and match[1][1] != "0"
        words = year_words(match[1]) if hundreds else cardinal(match[1])
        return Verbalization(match.end(1), words, "number", "four digits that count things", number=words)
    words = spoken(match[1])
    return Verbalization(match.end(1), words, "year", "four digits", number=words)


def has_unit(text: str, place: int, end: int) -> bool:
    """Return True if the number `text[place:end]` has a unit, currency, power or other part that makes a longer quantity."""
    if _ORDINARY.match(text, end):
        return False
    if _NEXT_LETTERS.match(text, end) and not (measure.read_unit(text, end) or money.currency_after(text, end)):
        word = calendar.after(text, end)
        if word.lower() not in calendar.context("magnitudes"):
            return False
    found = quantity.read(text, place)
    return found is not None and found.end > end


def _in_range(digits: str) -> bool:
    return _FIRST_YEAR <= int(digits) <= _LAST_YEAR


def counts_things(text: str, place: int, end: int, compound: str = "") -> bool:
    """Return True if the four digits `text[place:end]` count things, as in "2015 pounds", and are no year.

    Args:
        text: Whole text.
        place: Start of the digits.
        end: End of the digits.
        compound: Rest of a compound after the digits, such as "-word".
    """
    previous, digits = calendar.before(text, place), text[place : place + 4]
    modern = "1900" <= digits <= "2099"
    if compound:
        return compound[1:] not in calendar.context("year compound")
    if modern:
        return _is_modern_amount(text, previous, end)
    if previous in calendar.context("number before"):
        return True
    if is_counted(text, end):
        named = previous in calendar.context("determiner") or previous.endswith("'s")
        return previous not in calendar.context("year surely") and not (named and digits >= "1100")
    return digits < "1010" or (digits < "1100" and previous not in ("", *calendar.context("year before")))


def _is_modern_amount(text: str, previous: str, end: int) -> bool:
    """Return True if a number from 1900 to 2099 counts things: before a noun that is often counted, and after "exactly"."""
    match = _LOWER.match(text, end)
    if previous in calendar.context("year surely") or previous in calendar.context("determiner") or not match:
        return False
    if match[1] in calendar.context("number after") or any(match[1] == row[0] for row in rows("counted")):
        return True
    return previous in calendar.context("number surely") and is_counted(text, end)


def is_counted(text: str, end: int) -> bool:
    """Return True if a plural noun follows at `end`."""
    match = _LOWER.match(text, end)
    if not match:
        return False
    after = calendar.context("number after")
    if match[1] in after:
        return True
    return _is_plural(match[1]) and not (match[2] and match[2] in ("the", "a", "an", "that", "to"))


def _is_plural(word: str) -> bool:
    ordinary = word in calendar.context("no plural") or word in calendar.context("verb")
    return word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us")) and not ordinary


_WORDS = frozenset("ad a ah b bc bce c ce fy cy q h".split())
CLASS = SemioticClass("year", read, "0123456789'", _WORDS)
BARE = SemioticClass("bare year", bare, "12")
"""Class of the years without a sign of it; after measures, money and digit strings, before plain numbers."""
