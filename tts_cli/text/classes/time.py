"""Times of day and durations: 17:45, 5 p.m. EST, 0800 hours, 12:30:15, 2h 30m."""

from __future__ import annotations

import re

from tts_cli.text.classes import calendar
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.numbers import Words, cardinal, decimal
from tts_cli.text.patterns import pattern
from tts_cli.text.tables import entries

_HALF = r"(?P<half>[AaPp](?:\. ?[Mm]|[Mm])(?![A-Za-z])\.?)"
_ZONES = "|".join(r"\.?".join(zone) for zone in sorted(entries("zones"), key=len, reverse=True))
_ZONE = pattern(
    rf" ?(?P<zone>{_ZONES}|e\.s\.t|p\.s\.t|est|edt|pst|pdt|utc|gmt)(?![A-Za-z])(?P<stop>\.?)"
    rf"(?P<offset> ?[+−-]\d{{1,2}}(?::?[0-5]\d)?(?!\d))?"
)
_CLOCK = pattern(
    rf"(?P<hour>\d{{1,2}}):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?P<part>\.\d{{1,6}})?(?![\d:])(?: ?{_HALF})?"
)
_HOUR = pattern(rf"(?P<hour>\d{{1,2}})(?:\.(?P<minute>[0-5]\d))? ?{_HALF}")
_HOUR_ALONE = pattern(r"(\d{1,2})(?= ?[A-Z]{3,4}\b)")
_OCLOCK = pattern(r" o'clock")
_MILITARY = pattern(r"(?P<hour>[01]\d|2[0-4])(?P<minute>[0-5]\d) ?(?P<word>hours\b|hrs?\b\.?|h\b|Zulu\b|Z\b|(?![\w:%-]|[.,]\d))")
_ANGLE = pattern(r"(\d{1,3})['′](\d\d)(?:[\"″]|'')?(?!\w)")
_HOURS = pattern(r"(\d{1,2})hr?([0-5]\d)(?!\w)")
_OFFSET = pattern(r"(\d{1,2}):?(\d\d)?$")
_LENGTH = pattern(r" ?(?:(?P<hours>hours|hrs?\.?|h)|(?P<minutes>minutes|mins?\.?))(?![\w/-])")
_MINUTES = pattern(r"([3-5]\d):([0-5]\d)(?![\d:.])")
_UNITS = {
    "d": ("day", "days?|d"), "h": ("hour", "hours?|hrs?|h"), "m": ("minute", "minutes?|mins?|m"),
    "s": ("second", "seconds?|secs?|s"),
}  # fmt: skip
_PARTS = pattern(
    "".join(
        rf"(?:(?P<{unit}>\d{{1,3}}(?:\.\d)?) ?(?:{forms})(?![A-Za-z])\.?(?:,? (?:and )?(?=\d)|(?=\d)|))?"
        for unit, (_, forms) in _UNITS.items()
    )
)
_FIRST_PART = pattern(r"\d{1,3}(?:\.\d)? ?[dhms]")
_GOES_ON = pattern(r"[,;:]| [a-z\d]")
_REMAINS = frozenset({"left", "remaining", "later", "mark"})
_LAST_HOUR = 24


def read(text: str, place: int) -> Verbalization | None:
    """Read the time of day or duration that begins at `place`."""
    if not begins_word(text, place) and not _in_stamp(text, place):
        return None
    if not text[place].isdigit():
        return _zone_alone(text, place)
    if text[place - 1 : place] in ("$", "£", "€", ".", ",") and place:
        return None
    return clock(text, place) or duration(text, place)


def clock(text: str, place: int) -> Verbalization | None:
    """Read a time of day or a duration with colons: 17:45, 5 p.m., 9 AM EST, 0800 hours, 1:02:33."""
    if match := _CLOCK.match(text, place):
        return _length(text, match) or _with_colons(text, match)
    if (match := _HOUR.match(text, place)) and 0 < int(match["hour"]) <= _LAST_HOUR:
        return _closed(text, match, hour_words(int(match["hour"]), int(match["minute"] or 0), True), "hour and half of the day")
    if match := _MILITARY.match(text, place):
        return _military(text, match)
    return _hour_and_zone(text, place)


def _in_stamp(text: str, place: int) -> bool:
    """Return True after a date of digits, as in 2024-03-05T14:30 and 2024-03-05 14:30."""
    return place > 1 and text[place - 1] in "T " and text[place - 2].isdigit()


def _with_colons(text: str, match: re.Match[str]) -> Verbalization | None:
    hour, end = int(match["hour"]), match.end()
    if hour > _LAST_HOUR:
        return None
    if _is_ratio(text, match):
        return Verbalization(
            match.end(), (*cardinal(match["hour"]), "to", *cardinal(match["minute"])), "ratio", "ratio by its words"
        )
    if _is_no_clock(text, match):
        return None
    if match["second"] or match["part"]:
        return _with_seconds(text, match)
    if _OCLOCK.match(text, end):
        return Verbalization(end, cardinal(str(hour)), "time", "hour before o'clock")
    if (
        match["hour"] == "0"
        and not match["half"]
        and (_in_duration(text, match.start()) or calendar.after(text, end) in _REMAINS)
    ):
        return Verbalization(end, _counted({"s": match["minute"]}), "duration", "seconds after a colon")
    words = hour_words(hour, int(match["minute"]), bool(match["half"]))
    return _closed(text, match, words, "hours and minutes")


def _length(text: str, match: re.Match[str]) -> Verbalization | None:
    """Return the reading of a time whose unit follows, 1:30 hrs and 3:30 min, or of minutes and seconds after "in" or "took"."""
    unit = None if match["second"] or match["part"] or match["half"] else _LENGTH.match(text, match.end())
    long_minutes = _MINUTES.match(text, match.start())
    if not unit:
        if not long_minutes or not _in_duration(text, match.start()):
            return None
        return Verbalization(match.end(), _counted({"m": match["hour"], "s": match["minute"]}), "duration", "minutes and seconds")
    end = unit.end() - (unit[0].endswith(".") and not _GOES_ON.match(text, unit.end()))
    if unit["hours"] and len(match["hour"]) == 2:
        return Verbalization(
            end, (*hour_words(int(match["hour"]), int(match["minute"]), False), "hours"), "time", "time and hours"
        )
    parts = {"h": match["hour"], "m": match["minute"]} if unit["hours"] else {"m": match["hour"], "s": match["minute"]}
    return Verbalization(end, _counted(parts), "duration", "time and its unit")


def _in_duration(text: str, place: int) -> bool:
    return calendar.before(text, place) in calendar.context("duration before")


def _is_ratio(text: str, match: re.Match[str]) -> bool:
    if match["minute"][0] == "0" or match["second"] or match["half"]:
        return False
    following = calendar.after(text, match.end()).lower()
    return following in calendar.context("ratio after") or _is_after(text, match, "ratio before")


def _is_no_clock(text: str, match: re.Match[str]) -> bool:
    following = calendar.after(text, match.end()).lower()
    return following in calendar.context("no clock after") or _is_after(text, match, "no clock before")


def _is_after(text: str, match: re.Match[str], rule: str) -> bool:
    words = text[max(0, match.start() - 20) : match.start()].lower().split()[-2:]
    return any(word in calendar.context(rule) for word in words)


def _with_seconds(text: str, match: re.Match[str]) -> Verbalization:
    hour, minute, second = int(match["hour"]), int(match["minute"]), match["second"]
    part = match["part"] or ""
    if not second:
        words = (*hour_words(hour, minute, True), *decimal(part))
        return Verbalization(match.end(), words, "duration", "minutes, seconds and a part of a second")
    if not match["half"] and not _is_time_of_day(text, match):
        parts = {"h": match["hour"], "m": match["minute"], "s": second + part}
        return Verbalization(match.end(), _counted(parts), "duration", "hours, minutes and seconds")
    words = hour_words(hour, minute, bool(match["half"]))
    if second != "00":
        words = (*words, "and", *_counted({"s": second + part}))
    return _closed(text, match, words, "time of day with seconds")


def _is_time_of_day(text: str, match: re.Match[str]) -> bool:
    if _in_duration(text, match.start()):
        return False
    named = calendar.before(text, match.start()) in calendar.context("clock before") or _in_stamp(text, match.start())
    return named or _ZONE.match(text, match.end()) is not None


def hour_words(hour: int, minute: int, halved: bool) -> Words:
    """Return the words of a time: eight oh five, seven o'clock, seventeen hundred, midnight.

    Args:
        hour: 0 to 24.
        minute: 0 to 59.
        halved: True if a.m. or p.m. follows, so that a full hour is the number alone.
    """
    if hour % _LAST_HOUR == 0 and not minute and not halved:
        return ("midnight",)
    name = ("twelve",) if hour == 0 and halved else cardinal(str(hour))
    if minute:
        return (*name, *minute_words(minute))
    if halved:
        return name
    return (*name, "hundred" if hour > 12 else "o'clock")


def minute_words(minute: int) -> Words:
    """Return the words of the minutes of a time: oh five, forty five."""
    return (*(("oh",) if minute < 10 else ()), *cardinal(str(minute)))


def _closed(text: str, match: re.Match[str], words: Words, rule: str) -> Verbalization:
    """Return the reading of a time of day with its half of the day and zone."""
    half, end, number = match["half"], match.end(), words
    if half:
        words = (*words, half[0].upper() + ".", "M.")
    zone = _ZONE.match(text, end)
    if zone and _is_zone(zone, bool(half)):
        end = _end_of_zone(zone)
        words = (*words, *_zone_words(zone))
    elif half and half.endswith(".") and half[1] != "." and not _GOES_ON.match(text, end):
        end -= 1  # the full stop of "5pm." ends the sentence
    ends = calendar.ends_sentence(text, match.start(), end)
    return Verbalization(end, words, "time", rule, "." if ends else " ", ends, number, " ".join(words[len(number) :]))


def _is_zone(zone: re.Match[str], halved: bool) -> bool:
    """Return True if the letters are a zone: two letters only after a.m. or p.m., "Z" only without a blank."""
    written = zone["zone"].replace(".", "")
    return len(written) > 2 or (halved and len(written) == 2) or (written == "Z" and zone[0][0] != " ")


def _end_of_zone(zone: re.Match[str]) -> int:
    """Return the end of a zone; a full stop belongs to letters with full stops."""
    return zone.end() if zone["offset"] or "." in zone["zone"] else zone.end("zone")


def _zone_words(zone: re.Match[str]) -> Words:
    words = entries("zones")[zone["zone"].replace(".", "").upper()]
    if not zone["offset"]:
        return words
    offset = zone["offset"].strip()
    hours, minutes = _OFFSET.findall(offset)[0]
    part = cardinal(minutes) if minutes and minutes != "00" else ()
    return (*words, "plus" if offset[0] == "+" else "minus", *cardinal(str(int(hours))), *part)


def _hour_and_zone(text: str, place: int) -> Verbalization | None:
    match = _HOUR_ALONE.match(text, place)
    zone = _ZONE.match(text, match.end()) if match else None
    if not match or not zone or zone["zone"].islower() or not 0 < int(match[1]) <= _LAST_HOUR:
        return None
    return Verbalization(_end_of_zone(zone), (*cardinal(match[1]), *_zone_words(zone)), "time", "hour and zone")


def _zone_alone(text: str, place: int) -> Verbalization | None:
    """Read a zone after noon or midnight, and one with an offset: UTC+2."""
    zone = _ZONE.match(text, place)
    if not zone or zone["zone"].islower() or len(zone["zone"]) < 3:
        return None
    if not zone["offset"] and calendar.before(text, place) not in ("noon", "midnight", "o'clock", "hours"):
        return None
    return Verbalization(_end_of_zone(zone), _zone_words(zone), "time", "time zone")


def _military(text: str, match: re.Match[str]) -> Verbalization | None:
    hour, minute, word = match["hour"], int(match["minute"]), match["word"]
    if not word:
        return _military_alone(text, match)
    if hour[0] != "0" and word[0] != "Z" and calendar.before(text, match.start()) not in calendar.context("clock before"):
        return None
    number = _four_digits(hour, minute)
    name = "Zulu" if word[0] == "Z" else "hours"
    end = match.end() - (word.endswith(".") and not _GOES_ON.match(text, match.end()))
    return Verbalization(end, (*number, name), "time", "four digits of a time of day", number=number, unit=name)


def _military_alone(text: str, match: re.Match[str]) -> Verbalization | None:
    zone = _ZONE.match(text, match.end("minute"))
    if zone and len(zone["zone"]) > 2 and zone["zone"].isupper():
        words = (*_four_digits(match["hour"], int(match["minute"])), *_zone_words(zone))
        return Verbalization(_end_of_zone(zone), words, "time", "four digits and a zone")
    if match["hour"][0] != "0" or calendar.before(text, match.start()) not in calendar.context("military before"):
        return None
    words = _four_digits(match["hour"], int(match["minute"]))
    return Verbalization(match.end("minute"), words, "time", "four digits with a zero after at, by or until")


def _four_digits(hour: str, minute: int) -> Words:
    name = (*(("oh",) if hour[0] == "0" and hour != "00" else ()), *cardinal(str(int(hour))))
    return (*name, *(minute_words(minute) if minute else ("hundred",)))


def duration(text: str, place: int) -> Verbalization | None:
    """Read a length of time in two or more units: 2h 30m, 1 hr. 20 min., 3'45"."""
    if (match := _ANGLE.match(text, place)) and 12 <= int(match[2]) < 60:
        return Verbalization(match.end(), _counted({"m": match[1], "s": match[2]}), "duration", "minutes and seconds in marks")
    if match := _HOURS.match(text, place):
        return Verbalization(match.end(), _counted({"h": match[1], "m": match[2]}), "duration", "hours and minutes")
    match = _PARTS.match(text, place) if _FIRST_PART.match(text, place) else None
    parts = {unit: match[unit] for unit in _UNITS if match[unit]} if match else {}
    if not match or len(parts) < 2:
        return None
    end = match.end()
    end -= text[end - 1] == "." and not _GOES_ON.match(text, end)
    return Verbalization(end, _counted(parts), "duration", "two or more units of time")


def _counted(parts: dict[str, str]) -> Words:
    """Return the words of a duration: its numbers by the first letters of their units, without the zeros."""
    there = [(unit, value) for unit, value in parts.items() if value.strip("0.")]
    words: Words = ()
    for index, (unit, value) in enumerate(there):
        value = value.lstrip("0")
        name = _UNITS[unit][0]
        words += ("and",) if index and index == len(there) - 1 else ()
        words += (*decimal(value), name if value == "1" else name + "s")
    return words or ("zero", "seconds")


_WORDS = frozenset(zone.lower() for zone in entries("zones") if len(zone) > 2)
CLASS = SemioticClass("time", read, "0123456789", _WORDS)
