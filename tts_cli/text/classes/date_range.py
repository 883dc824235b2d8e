"""Ranges of dates, months, weekdays, years, decades, centuries, quarters and times: June 3–5, Mon–Fri, 1939–45, 9am–5pm."""

from __future__ import annotations

import re
from collections.abc import Callable

from tts_cli.text.classes import calendar, date, time, year
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.numbers import Words, cardinal, ordinal
from tts_cli.text.patterns import pattern

_DASH = pattern(r" ?[-–−] ?")
_SOON = pattern(r"[A-Za-z\d.,':/ ]{1,32}?[-–−]|\d{1,5} (?:to|and|or|through) \d{1,5} ?[BACbac]")
_MONTH = calendar.alternatives("months")
_SUFFIX = r"(?:st|nd|rd|th)?"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_DAYS_AFTER = pattern(
    rf"(?P<month>{_MONTH})\.? (?P<first>{_DAY}){_SUFFIX}(?: ?[-–−] ?| to | through )(?:the )?(?P<second>{_DAY}){_SUFFIX}"
    r"(?![\w%:/]|[.,]\d(?!\d{3}\b)| ?[ap]\.?m\b)"
    r"(?:,? (?P<year>[12]\d{3})(?!\d))?"
)
_DAYS_BEFORE = pattern(
    rf"(?P<first>{_DAY}){_SUFFIX} ?[-–−] ?(?P<second>{_DAY}){_SUFFIX}(?: of | )(?P<month>{_MONTH})\.?"
    r"(?:,? (?P<year>[12]\d{3})(?!\d))?"
)
_YEARS = pattern(r"(\d{4}) ?[-–−/] ?(\d{4})(?![\d]|[-–.:/,]\d|[A-Za-z%°])")
_SHORT_YEARS = pattern(r"(1\d{3}|20\d\d)[-–−/]'?(\d\d)(?![\w]|[-–.:/,]\d|[%°])")
_SHORTEST_YEARS = pattern(r"'(\d\d) ?[-–−/] ?'?(\d\d)(?![\w'])")
_YEARS_OF_ERA = pattern(r"[-–−](\d{1,4})(?![\w:/]|[.,]\d)")
_OPEN_YEARS = pattern(rf"(1\d{{3}}|20\d\d) ?[-–−] ?(?=(?:present|today|now)\b|(?:{_DAY} )?{_MONTH})")
_HOURS = pattern(r"(\d{1,2})(?::([0-5]\d))? ?[-–−] ?(?=\d{1,2}(?:[:.][0-5]\d)? ?[AaPp]\.?[Mm]|\d{1,2}:[0-5]\d(?![\d:]))")
_HALF_AFTER = pattern(r"[\d:.]{1,5} ?[AaPp]")
_FULL_HOUR = pattern(r"(?:1[0-2]|[1-9])(?![\w:%°/-]|[.,]\d)")
_CENTURIES = pattern(r"(\d{1,2})(?:st|nd|rd|th) ?[-–−] ?(?=\d{1,2}(?:st|nd|rd|th)\b)")
_CENTURY = pattern(r" (?:c|cent)\.(?= [a-z\d])")
_ERA_YEARS = pattern(rf"(\d{{1,5}})(?: ?[-–−] ?| (to|and|or|through) )(?=\d{{1,5}} ?{calendar.era_pattern()})")
_QUARTERS = pattern(r"Q([1-4]) ?[-–−] ?(?:Q)?(?P<last>[1-4])(?!\w|\.\d)")
_CLOCK_BEFORE = pattern(r"\d:\d\d ?[-–−] ?$")
_NOON = pattern(r"(?:[Nn]oon|[Mm]idnight)\b")
_SECONDS = pattern(r"(\d{1,3})s? ?[-–] ?(\d{1,3})s(?![\w'])")
_WORKDAYS = pattern(r"M[-–]F(?=,? (?:\d|from)|\))")
_Reader = Callable[[str, int], Verbalization | None]


def read(text: str, place: int) -> Verbalization | None:
    """Read the range of dates, years or times that begins at `place`."""
    if not begins_word(text, place) or not (_SOON.match(text, place) or text[place].isalpha() or "/" in text[place : place + 5]):
        return None
    if text[place] == "a" or (text[place] in "AM" and text[place + 1 : place + 2] in (" ", "")):
        return None  # the article
    readers = _AT_DIGIT if text[place] in "0123456789'" else _AT_LETTER
    return next((reading for reader in readers if (reading := reader(text, place))), None)


def _days_after_month(text: str, place: int) -> Verbalization | None:
    match = _DAYS_AFTER.match(text, place)
    if not match or match["month"].islower() or int(match["first"]) >= int(match["second"]):
        return None
    words = (_name("months", match["month"]), *_days(match))
    return _dates(text, match, words)


def _days_before_month(text: str, place: int) -> Verbalization | None:
    match = _DAYS_BEFORE.match(text, place)
    if not match or not match["month"][0].isupper() or int(match["first"]) >= int(match["second"]):
        return None
    article = () if calendar.before(text, place) == "the" else ("the",)
    first, second = ordinal(match["first"]), ordinal(match["second"])
    words = (*article, *first, "to", "the", *second, "of", _name("months", match["month"]))
    return _dates(text, match, words)


def _days(match: re.Match[str]) -> Words:
    return (*ordinal(match["first"]), "to", *ordinal(match["second"]))


def _dates(text: str, match: re.Match[str], words: Words) -> Verbalization:
    end = match.end()
    if text[end - 1] == "." and calendar.ends_sentence(text, match.start(), end):
        end -= 1
    return Verbalization(end, words + (year.spoken(match["year"]) if match["year"] else ()), "range", "days of a month")


def _name(table: str, written: str) -> str:
    return calendar.names(table)[written.lower()]


def _years(text: str, place: int) -> Verbalization | None:
    match = _YEARS.match(text, place)
    if not match or not all(1000 <= int(digits) <= 2099 for digits in match.groups()) or int(match[1]) >= int(match[2]):
        return None
    if year.has_unit(text, match.start(2), match.end()):
        return None
    if year.counts_things(text, place, match.end()):
        spoken = cardinal if not match[0].endswith("00") else year.spoken
    else:
        spoken = year.spoken
    slashed = text[match.end(1)] == "/"
    if slashed and int(match[2]) != int(match[1]) + 1:
        return None
    return Verbalization(match.end(), (*spoken(match[1]), *(() if slashed else ("to",)), *spoken(match[2])), "range", "years")


def _short_years(text: str, place: int) -> Verbalization | None:
    match = _SHORT_YEARS.match(text, place)
    if not match or not (match[2] > match[1][2:] or match[1][2:] == "99"):
        return None
    to = () if "/" in match[0] else ("to",)
    return Verbalization(
        match.end(), (*year.spoken(match[1]), *to, *year.spoken(match[2])), "range", "years, the second with two digits"
    )


def _shortest_years(text: str, place: int) -> Verbalization | None:
    match = _SHORTEST_YEARS.match(text, place)
    return (
        Verbalization(match.end(), (*year.spoken(match[1]), "to", *year.spoken(match[2])), "range", "short years")
        if match
        else None
    )


def _open_years(text: str, place: int) -> Verbalization | None:
    match = _OPEN_YEARS.match(text, place)
    return Verbalization(match.end(), (*year.spoken(match[1]), "to"), "range", "year to the present") if match else None


def _era_years(text: str, place: int) -> Verbalization | None:
    match = _ERA_YEARS.match(text, place)
    second = year.read(text, match.end()) if match else None
    if not match or not second:
        return None
    return _joined(year.spoken(match[1]), second, "years of an era", match[2] or "to")


def _years_after_era(text: str, place: int) -> Verbalization | None:
    """Read two years after their era: AD 300–400."""
    first = year.read(text, place)
    match = _YEARS_OF_ERA.match(text, first.end) if first and first.rule == "era and number" else None
    if not first or not match:
        return None
    return Verbalization(match.end(), (*first.words, "to", *year.spoken(match[1])), "range", "years of an era")


def _hours(text: str, place: int) -> Verbalization | None:
    """Read two times of day that share a.m. or p.m.: 5–7 p.m."""
    match = _HOURS.match(text, place)
    if not match or not 0 < int(match[1]) <= 24:
        return None
    if match[2] and not _HALF_AFTER.match(text, match.end()):
        return None  # the readings of two full times
    first = (*cardinal(match[1]), *(time.minute_words(int(match[2])) if match[2] and match[2] != "00" else ()))
    return _joined(first, time.clock(text, match.end()), "times of day")


def _seconds(text: str, place: int) -> Verbalization | None:
    """Read two numbers of seconds: 30-60s, 30s–60s."""
    match = _SECONDS.match(text, place)
    if not match or int(match[1]) >= int(match[2]):
        return None
    return Verbalization(match.end(), (*cardinal(match[1]), "to", *cardinal(match[2]), "seconds"), "range", "seconds")


def _noon_to_clock(text: str, place: int) -> Verbalization | None:
    match = _NOON.match(text, place)
    dash = _DASH.match(text, match.end()) if match else None
    return _joined((match[0],), time.clock(text, dash.end()), "noon or midnight and a time") if match and dash else None


def _centuries(text: str, place: int) -> Verbalization | None:
    match = _CENTURIES.match(text, place)
    if not match:
        return None
    second = pattern(r"(\d{1,2})(?:st|nd|rd|th)").match(text, match.end())
    if date.day_first(text, match.end()) or not second:
        return None
    words = (*ordinal(match[1]), "to", *ordinal(second[1]))
    if name := _CENTURY.match(text, second.end()):
        return Verbalization(name.end(), (*words, "centuries"), "range", "centuries")
    return Verbalization(second.end(), words, "range", "ordinals")


def _quarters(text: str, place: int) -> Verbalization | None:
    match = _QUARTERS.match(text, place)
    if not match:
        return None
    words = ("Q.", *cardinal(match[1]), "to", "Q.", *cardinal(match["last"]))
    return Verbalization(match.end(), words, "range", "quarters")


def _workdays(text: str, place: int) -> Verbalization | None:
    match = _WORKDAYS.match(text, place)
    return Verbalization(match.end(), ("Monday", "to", "Friday"), "range", "weekdays by letters") if match else None


def _joined(first: Words, second: Verbalization | None, rule: str, word: str = "to") -> Verbalization | None:
    return second._replace(words=(*first, word, *second.words), kind="range", rule=rule, number=(), unit="") if second else None


def _pair(reader: _Reader, other: _Reader | None = None) -> _Reader:
    """Return a reader of two readings with a dash between them, both of `reader`, or the second of `other`."""

    def read_pair(text: str, place: int) -> Verbalization | None:
        first = reader(text, place)
        dash = _DASH.match(text, first.end) if first and not first.ends else None
        return _joined(first.words, (other or reader)(text, dash.end()), "two of a kind") if first and dash else None

    return read_pair


def _date_or_year(text: str, place: int) -> Verbalization | None:
    return date.day_first(text, place) or year.bare(text, place)


def _clock_or_noon(text: str, place: int) -> Verbalization | None:
    if match := _NOON.match(text, place):
        return Verbalization(match.end(), (match[0],), "time", "noon or midnight")
    if (match := _FULL_HOUR.match(text, place)) and _CLOCK_BEFORE.search(text, max(0, place - 9), place):
        return Verbalization(match.end(), cardinal(match[0]), "time", "hour of a range")
    return time.clock(text, place)


def _any_name(table: str) -> _Reader:
    expression = pattern(rf"({calendar.alternatives(table)})\.?")

    def read_name(text: str, place: int) -> Verbalization | None:
        match = expression.match(text, place)
        if not match or (match[1][0].islower() and (table == "months" or _name(table, match[1]).lower() == match[1])):
            return None
        name = _name(table, match[1])
        ends = calendar.ends_sentence(text, place, match.end())
        return Verbalization(match.end(), (name,), "date", "name", "." if ends else " ", ends)

    return read_name


def _list_of_weekdays(text: str, place: int) -> Verbalization | None:
    """Read weekdays with slashes: Mon/Wed/Fri."""
    readings = [_weekday_name(text, place)]
    while (last := readings[-1]) and text[last.end : last.end + 1] == "/" and len(readings) < 7:
        readings.append(_weekday_name(text, last.end + 1))
    found = [reading for reading in readings if reading]
    if len(found) < 2:
        return None
    words = tuple(reading.words[0] + "," for reading in found[:-1]) + found[-1].words
    return found[-1]._replace(words=words, kind="range", rule="weekdays with slashes")


def _month_name_or_date(text: str, place: int) -> Verbalization | None:
    return date.month_first(text, place) or date.month_and_year(text, place) or _month_name(text, place)


def _month_or_year(text: str, place: int) -> Verbalization | None:
    return _month_name_or_date(text, place) or (year.bare(text, place) if text[place : place + 1].isdigit() else None)


def _slashed(text: str, place: int) -> Verbalization | None:
    """Read two dates without a year: 7/4–7/8; none if both may be fractions."""
    match = pattern(r"(\d{1,2})/(\d{1,2}) ?[-–] ?(\d{1,2})/(\d{1,2})(?![\w/])").match(text, place)
    if not match:
        return None
    numbers = [int(number) for number in match.groups()]
    fractions = all(top < bottom and bottom in date.DENOMINATORS for top, bottom in (numbers[:2], numbers[2:]))
    if fractions and calendar.before(text, place) != "on":
        return None
    first, second = (date.american(month, day, "") for month, day in (numbers[:2], numbers[2:]))
    return Verbalization(match.end(), (*first, "to", *second), "range", "dates with slashes") if first and second else None


_month_name, _weekday_name = _any_name("months"), _any_name("weekdays")
_AT_LETTER = (
    _days_after_month,
    _pair(_month_name_or_date, _month_or_year),
    _pair(_weekday_name),
    _list_of_weekdays,
    _quarters,
    _pair(year.read),
    _years_after_era,
    _workdays,
    _noon_to_clock,
)
_AT_DIGIT = (
    _days_before_month,
    _pair(date.day_first, _date_or_year),
    _pair(date.numeric),
    _slashed,
    _hours,
    _pair(time.clock, _clock_or_noon),
    _pair(year.decade),
    _seconds,
    _era_years,
    _pair(year.after_era, year.read),
    _centuries,
    _years,
    _short_years,
    _open_years,
    _shortest_years,
)
_WORDS = frozenset([*calendar.names("months"), *calendar.names("weekdays"), "noon", "midnight", "q", "fy", "ad", "a", "m"])
CLASS = SemioticClass("date range", read, "0123456789'", _WORDS)
