"""Dates in all usual orders, and months and weekdays in short forms."""

from __future__ import annotations

import re

from tts_cli.text.classes import calendar, year
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.numbers import Words, ordinal
from tts_cli.text.patterns import pattern

_MONTH = calendar.alternatives("months")
_WEEKDAY = calendar.alternatives("weekdays")
_SHORT_WEEKDAY = calendar.alternatives("weekdays", full=False)
_SHORT_MONTH = calendar.alternatives("months", full=False)
_DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])"
_SUFFIX = r"(?P<suffix>(?i:st|nd|rd|th)(?![A-Za-z]))"
_NO_NUMBER = r"(?![\d%°]|[:.,/]\d| ?(?:[AaPp]\.?[Mm]\b|%|percent\b|million\b|thousand\b))"
_YEAR = r"(?P<year>[12]\d{3}(?!\d|[:.,]\d|[A-Za-z%]|'(?!s\b)|-[a-z])|'\d\d(?![\w']))"
_ERA_YEAR = rf"(?P<old>\d{{1,4}}) ?(?P<era>{calendar.era_pattern()})"
_OF_YEAR = rf"(?:(?:,? ?|-|\.|/| of )(?:{_ERA_YEAR}|{_YEAR}))?"
_MONTH_FIRST = pattern(
    rf"(?P<month>{_MONTH})(?:\.? ?-?|,? the ){_DAY}(?:{_SUFFIX}|(?![A-Za-z]))(?:(?=,? ?[12]\d{{3}}(?!\d))|{_NO_NUMBER}){_OF_YEAR}"
)
_DAY_FIRST = pattern(rf"{_DAY}{_SUFFIX}?(?P<gap> of | day of |[ -]|\.|/|)(?P<month>{_MONTH})(?P<stop>\.?){_OF_YEAR}")
_MONTH_YEAR = pattern(rf"(?P<month>{_MONTH})(?P<gap>\.? |\.|, | of |-|/)(?:{_ERA_YEAR}|{_YEAR})")
_YEAR_FIRST = pattern(r"(?P<year>[12]\d{3})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})(?![\w-]|[./]\d)(?!T\d)")
_YEAR_MONTH = pattern(r"(?P<year>(?:19|20)\d\d)-(?P<month>0[1-9]|1[0-2])(?![\w-]|\.\d)")
_MONTH_NUMBER = pattern(r"(?P<month>0?[1-9]|1[0-2])/(?P<year>(?:19|20)\d\d)(?![\w/-]|[.,]\d)")
_STAMP = pattern(r"(?P<year>[12]\d{3})-(?P<month>\d\d)-(?P<day>\d\d)T(?=\d\d:\d\d)")
_NUMERIC = pattern(r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<year>[12]\d{3}|\d\d)(?![\w-]|[./]\d)")
_NO_YEAR = pattern(r"(?P<month>0?[1-9]|1[0-2])/(?P<day>0?[1-9]|[12]\d|3[01])(?![\w/-]|\.\d|[–] ?\d)")
_WEEKDAY_ALONE = pattern(rf"(?P<weekday>{_SHORT_WEEKDAY})(?P<stop>\.?)(?!['\w])")
_MONTH_ALONE = pattern(rf"(?P<month>{_SHORT_MONTH})(?P<stop>\.?)(?!['\w])")
_DATE_AFTER = pattern(
    rf",? \(?(?:the )?(?:\d{{1,2}}(?:st|nd|rd|th)?(?:[ -]|\. | of ){_MONTH}|{_MONTH}|\d{{1,2}}(?:st|nd|rd|th)\b|\d{{1,2}}/\d|"
    rf"(?:at )?\d{{1,2}}(?::\d\d|\.\d\d)? ?[AaPp]\.?[Mm]\b|\d{{1,2}}:\d\d|"
    rf"\d{{1,2}} ?[-–] ?\d{{1,2}}(?!\w))"
)
_LIST_AFTER = pattern(rf"(?:,? (?:and|or|&|to|through) |, ?|/|[-–]| [-–] ){_WEEKDAY}")
_TIME_BEFORE = pattern(r"[\d ][AaPp]\.?[Mm]\.?,? $")
_NEXT_MONTH = pattern(rf" {_MONTH}")
_DASH = pattern(r"[-–−] (?=\d)")
_MONTH_AFTER = pattern(rf"(?: ?[/&] ?| and | or |[-–]){_MONTH}")
_MONTH_BEFORE = pattern(rf"{_MONTH}\.?(?: (?:and|or|&|to|through) |, ?|/)$")
_LIST_BEFORE = pattern(rf"{_WEEKDAY}\.?(?:,? (?:and|or|&|to|through) |, ?|/)$")
DENOMINATORS = frozenset((2, 3, 4, 5, 6, 8, 10, 16, 32))
"""Denominators of common fractions."""
_NO_DENOMINATORS = frozenset((13, 14, 17, 18, 19, 21, 22, 23, 26, 27, 28, 29, 31))
_LABEL_BEFORE = pattern(r"(?i:due|date|deadline|born|dob|when|posted|updated|expires|effective): ?$")
_NEAR = 24


def read(text: str, place: int) -> Verbalization | None:
    """Read the date, month or weekday that begins at `place`."""
    if not begins_word(text, place):
        return None
    if text[place] in "-–−":
        return _dash(text, place)
    if text[place].isdigit():
        return numeric(text, place) or day_first(text, place)
    return month_first(text, place) or month_and_year(text, place) or month_alone(text, place) or weekday(text, place)


def _dash(text: str, place: int) -> Verbalization | None:
    """Read the dash between a place and a date, "Rome - 3 July 1800", which is no minus."""
    match = _DASH.match(text, place)
    if not match or text[place - 1 : place] != " " or not day_first(text, match.end()):
        return None
    return Verbalization(place + 1, (), "date", "dash before a date", "-")


def month_first(text: str, place: int) -> Verbalization | None:
    """Read a date with the month first: July 25, 2012; Sept. 3rd; Jan-15-2020; March 15, 44 BC."""
    match = _MONTH_FIRST.match(text, place)
    if not match or not _is_month(text, match) or _counts_after_month(text, match):
        return None
    end, spoken_year = _year(text, match)
    number = (_month(match), *ordinal(match["day"]))
    return Verbalization(end, (*number, *spoken_year), "date", "month and day", number=number)


def day_first(text: str, place: int) -> Verbalization | None:
    """Read a date with the day first: 25 July 2012, the 5th of May, 9-Jul-1916."""
    match = _DAY_FIRST.match(text, place)
    if not match or not _is_month_after_day(match):
        return None
    end, spoken_year = _year(text, match)
    if not spoken_year and match["stop"]:
        end = match.end("stop")
        if not re.match(r"[-–,;:]| ", text[end : end + 1]) or calendar.ends_sentence(text, place, end):
            end -= 1
    article = () if calendar.before(text, place) in ("the", "this", "every", "each") else ("the",)
    words = (*article, *ordinal(match["day"]), "of", _month(match), *spoken_year)
    return Verbalization(end, words, "date", "day and month")


def _is_month_after_day(match: re.Match[str]) -> bool:
    """Return True if the name after a day is a month, and no verb as in "the 5 may come"."""
    if not match["gap"] and match["month"].lower() in calendar.common_months():
        return False
    if match["year"] or match["old"] or match["gap"].endswith("of "):
        return True
    return match["month"][0].isupper() or match["month"] not in calendar.common_months()


def _is_month(text: str, match: re.Match[str]) -> bool:
    """Return True if the name before a day is a month.

    One in small letters that is a word, as "may", needs a year or ordinal. The full stop of "in May.7" ends the sentence.
    """
    stop = text[match.end("month")] == "."
    if stop and match["month"].lower() not in calendar.names("months", full=False):
        return False
    return stop or bool(match["year"] or match["suffix"]) or match["month"] not in calendar.common_months()


def _counts_after_month(text: str, match: re.Match[str]) -> bool:
    """Return True if the number after a month counts things: "In May 5 people came"."""
    if match["year"] or match["old"] or match["suffix"] or not match["month"][0].isupper():
        return False
    if _NEXT_MONTH.match(text, match.end()):
        return True  # "... of August 19 August: ..."
    return calendar.before(text, match.start()) not in ("on", "by", "until", "since") and year.is_counted(text, match.end())


def _year(text: str, match: re.Match[str]) -> tuple[int, Words]:
    """Return the end of a date and the words of its year; the date ends before a number that counts things."""
    if match["old"]:
        return match.end(), (*year.spoken(match["old"]), *calendar.era(match["era"]))
    if not match["year"]:
        return match.end(), ()
    if match["year"][0] == "'":
        return match.end(), year.spoken(match["year"][1:])
    start = match.start("year")
    modern = "1900" <= match["year"] <= "2099"
    if (
        text[start - 1] in " ,"
        and not modern
        and "," in text[match.start("month") : start]
        and year.counts_things(text, start, match.end())
    ):
        return len(text[:start].rstrip(" ,")), ()
    return match.end(), year.spoken(match["year"])


def _month(match: re.Match[str]) -> str:
    return calendar.names("months")[match["month"].lower()]


def numeric(text: str, place: int) -> Verbalization | None:
    """Read a date of numbers: 2012-07-25, 07/25/2012, 25.12.2024, 7/4."""
    if match := _STAMP.match(text, place) or _YEAR_FIRST.match(text, place):
        words = american(int(match["month"]), int(match["day"]), match["year"])
        stamp = match[0].endswith("T") and words
        words = (*words[:-1], words[-1] + ",") if stamp and words else words
        return Verbalization(match.end(), words, "date", "year, month and day") if words else None
    if match := _NUMERIC.match(text, place):
        return _with_year(text, match)
    if match := _MONTH_NUMBER.match(text, place):
        words = (calendar.months()[int(match["month"]) - 1], *year.spoken(match["year"]))
        return Verbalization(match.end(), words, "date", "numbers of month and year")
    if match := _YEAR_MONTH.match(text, place):
        if int(match["month"]) > int(match["year"][2:]):
            return None
        words = (calendar.months()[int(match["month"]) - 1], *year.spoken(match["year"]))
        return Verbalization(match.end(), words, "date", "year and month")
    return without_year(text, place)


def _with_year(text: str, match: re.Match[str]) -> Verbalization | None:
    """Return the reading in American order, month first. A first number over 12 is the day."""
    if (
        len(match["year"]) == 2
        and match["mark"] != "/"
        and calendar.before(text, match.start()) not in calendar.context("date before")
    ):
        return None
    month, day = int(match["first"]), int(match["second"])
    if month > 12:
        words: Words | None = _british(day, month, match["year"], text, match.start())
    else:
        words = american(month, day, match["year"])
    return Verbalization(match.end(), words, "date", "numbers of month, day and year") if words else None


def without_year(text: str, place: int) -> Verbalization | None:
    """Read a month and day with a slash, where the words before say that it is a date: "on 7/4"; 9/11 always."""
    match = _NO_YEAR.match(text, place)
    if not match:
        return None
    if match[0] == "9/11":
        return Verbalization(match.end(), ("nine", "eleven"), "date", "nine eleven")
    if not _is_date(text, match):
        return None
    words = american(int(match["month"]), int(match["day"]), "")
    return Verbalization(match.end(), words, "date", "month and day with a slash") if words else None


def _is_date(text: str, match: re.Match[str]) -> bool:
    if calendar.after(text, match.end()).lower() in calendar.context("no date after"):
        return False
    if _LIST_BEFORE.search(text[max(0, match.start() - 14) : match.start()].rstrip("(, ") + ", "):
        return True
    previous = calendar.before(text, match.start())
    month, day = int(match["month"]), int(match["day"])
    fraction = month < day and day in DENOMINATORS
    if _LABEL_BEFORE.search(text, max(0, match.start() - _NEAR), match.start()):
        return True
    if not fraction and (day in _NO_DENOMINATORS or previous == "the"):
        return not year.is_counted(text, match.end())
    return previous in calendar.context("date before") or (previous in calendar.context("date perhaps") and not fraction)


def american(month: int, day: int, digits: str) -> Words:
    """Return the words of a date with the month first, with the year in `digits` if it is not empty; () for no date."""
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return ()
    return (calendar.months()[month - 1], *ordinal(str(day)), *(year.spoken(digits) if digits else ()))


def _british(month: int, day: int, digits: str, text: str, place: int) -> Words:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return ()
    article = () if calendar.before(text, place) == "the" else ("the",)
    return (*article, *ordinal(str(day)), "of", calendar.months()[month - 1], *year.spoken(digits))


def month_and_year(text: str, place: int) -> Verbalization | None:
    """Read a month with a year: May 2020, Jan. 1999, Dec '99."""
    match = _MONTH_YEAR.match(text, place)
    if not match or (match["gap"] == " " and match["month"] in calendar.common_months()):
        return None
    if match["old"] and match["month"].islower():
        return None
    end, spoken_year = _year(text, match)
    if not spoken_year or (not match["old"] and "," in match["gap"] and year.counts_things(text, match.start("year"), end)):
        return None
    return Verbalization(
        end, (_month(match), *spoken_year), "date", "month and year", number=(_month(match),), unit=" ".join(spoken_year)
    )


def month_alone(text: str, place: int) -> Verbalization | None:
    """Read the short form of a month, such as "Oct."."""
    match = _MONTH_ALONE.match(text, place)
    if not match:
        return None
    written, end = match["month"], match.end()
    if written.isupper() and text[max(0, place - 2) : place].strip() == "%":
        # "5% APR" is a rate of interest.
        return None
    listed = _MONTH_BEFORE.search(text, max(0, place - _NEAR), place)
    near = listed or _MONTH_AFTER.match(text, end) or calendar.before(text, place) in calendar.context("month before")
    doubtful = written.lower() in calendar.doubtful("months") or written.islower() or (written.isupper() and not match["stop"])
    if doubtful and not (near and (match["stop"] or written[0].isupper())):
        return None
    return _named(text, match, _month(match), end, "short form of a month")


def weekday(text: str, place: int) -> Verbalization | None:
    """Read the short form of a weekday, such as "Tues."; Sat and Sun only where a date, time or list shows the weekday."""
    match = _WEEKDAY_ALONE.match(text, place)
    if not match or (match["weekday"][0].islower() and len(match["weekday"]) < 4):
        return None
    shouted = match["weekday"].isupper() and not match["stop"]
    if (shouted or match["weekday"].lower() in calendar.doubtful("weekdays")) and not _is_weekday(text, match):
        return None
    name = calendar.names("weekdays")[match["weekday"].lower()]
    return _named(text, match, name, match.end(), "short form of a weekday")


def _is_weekday(text: str, match: re.Match[str]) -> bool:
    end = match.end()
    if calendar.after(text, end).lower() in calendar.context("part of day") or _DATE_AFTER.match(text, end):
        return True
    if _LIST_AFTER.match(text, end) or _LIST_BEFORE.search(text, max(0, match.start() - _NEAR), match.start()):
        return True
    if _TIME_BEFORE.search(text, max(0, match.start() - 8), match.start()):
        return True
    return bool(match["stop"]) and calendar.before(text, match.start()) in calendar.context("day before")


def _named(text: str, match: re.Match[str], name: str, end: int, rule: str) -> Verbalization:
    ends = calendar.ends_sentence(text, match.start(), end)
    return Verbalization(end, (name,), "date", rule, "." if ends else " ", ends, (name,))


_WORDS = frozenset([*calendar.names("months"), *calendar.names("weekdays")])
CLASS = SemioticClass("date", read, "0123456789-–−", _WORDS)
