"""Times of day and durations: 17:45, 5 p.m. EST, 0800 hours, 12:30:15, 2h 30m."""

from __future__ import annotations

import re
from functools import cache

from tts_cli.text.classes import calendar
from tts_cli.text.grammar import Reading, SemioticClass, begins_word
from tts_cli.text.numbers import Words, cardinal, decimal
from tts_cli.text.tables import entries

_HALF = r"(?P<half>[AaPp](?:\. ?[Mm](?![A-Za-z])\.?|[Mm](?![A-Za-z])\.?))"
_ZONE = "|".join(r"\.?".join(zone) for zone in sorted(entries("zones"), key=len, reverse=True))
_AFTER_ZONE = re.compile(
    rf",? ?(?P<zone>(?:{_ZONE}|e\.s\.t|p\.s\.t|est|pst|utc|gmt))(?![A-Za-z])\.?(?P<offset> ?[+−-]\d{{1,2}}(?!\d))?"
)
_CLOCK = re.compile(
    rf"(?P<hour>\d{{1,2}}):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?P<part>\.\d{{1,3}})?(?![\d:])(?: ?{_HALF})?"
)
_HOUR = re.compile(rf"(?P<hour>\d{{1,2}})(?:\.(?P<minute>[0-5]\d))? ?{_HALF}")
_MILITARY = re.compile(r"(?P<hour>[01]\d|2[0-4])(?P<minute>[0-5]\d) ?(?P<word>hours|hrs?\b\.?|h\b|Zulu|Z\b)")
_ANGLE = re.compile(r"(\d{1,3})['′](\d\d)(?:[\"″]|'')?(?!\w)")
_UNITS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
_NAMES = {
    "d": r"d|days?", "h": r"hours?|hrs?|h", "m": r"minutes?|mins?|m", "s": r"seconds?|secs?|s",
}  # fmt: skip
_PART = r"(?P<{0}>\d{{1,3}}) ?(?:{1})(?![A-Za-z])\.?"


def _duration_pattern() -> re.Pattern[str]:
    parts = [r"(?P<{0}>\d{{1,3}}(?:\.\d)?)[ -]?(?:{1})(?![A-Za-z])\.?".format(unit, _NAMES[unit]) for unit in "dhms"]
    day, hour, minute, second = parts
    join = r",? ?(?:and )?"
    close = minute.replace("(?![A-Za-z])", "(?![A-Za-z])")
    return re.compile(rf"(?:{day}{join})?(?:{hour}{join})?(?:{close}{join})?(?:{second})?")


_CLOSE = re.compile(r"(?:(?P<d>\d{1,3})d ?)?(?:(?P<h>\d{1,3})h ?)?(?:(?P<m>\d{1,3})m(?:in)? ?)?(?:(?P<s>\d{1,3})s)?(?!\w)")
_HOURS = re.compile(r"(\d{1,2})h([0-5]\d)(?!\w)")
_STARTERS = re.compile(r"\d{1,3}(?:\.\d)? ?-?(?:d|h|m|s)")


def read(text: str, place: int) -> Reading | None:
    """Read the time of day or duration that begins at `place`."""
    if not begins_word(text, place):
        return None
    if not text[place].isdigit():
        return _zone_alone(text, place)
    if text[place - 1 : place] in ("$", "£", "€", ".", ",") and place:
        return None
    return clock(text, place) or duration(text, place)


def clock(text: str, place: int) -> Reading | None:
    """Read a time of day or a duration with colons: 17:45, 5 p.m., 9 AM EST, 0800 hours, 1:02:33."""
    if match := _CLOCK.match(text, place):
        return _colons(text, match)
    if (match := _HOUR.match(text, place)) and 0 < int(match["hour"]) < 25:
        words = _hour_and_minute(int(match["hour"]), int(match["minute"] or 0), bool(match["half"]))
        return _close(text, match, words, "hour and half of the day")
    if match := _MILITARY.match(text, place):
        return _military(text, match)
    return _hour_and_zone(text, place)


def _colons(text: str, match: re.Match[str]) -> Reading | None:
    hour, place = int(match["hour"]), match.start()
    if hour > 24 or _is_ratio(text, match):
        return None
    if match["second"] or match["part"]:
        return _with_seconds(text, match)
    if re.match(r" o'clock", text[match.end() : match.end() + 8]):
        return Reading(match.end(), cardinal(str(hour)), "time", "hour before o'clock")
    if hour == 0 and not match["half"] and _in_duration(text, place):
        return Reading(match.end(), _counted({"m": "0", "s": match["minute"]}), "duration", "minutes and seconds")
    words = _hour_and_minute(hour, int(match["minute"]), bool(match["half"]))
    return _close(text, match, words, "hours and minutes")


def _is_ratio(text: str, match: re.Match[str]) -> bool:
    following = calendar.after(text, match.end()).lower()
    around = text[max(0, match.start() - 20) : match.start()].lower().split()[-2:]
    return following in calendar.context("no clock after") or any(word in calendar.context("no clock before") for word in around)


def _with_seconds(text: str, match: re.Match[str]) -> Reading:
    place, hour, minute = match.start(), int(match["hour"]), int(match["minute"])
    if not match["second"]:  # minutes, seconds and a part of a second
        words = (*_hour_and_minute(hour, minute, True), *decimal(match["part"]))
        return Reading(match.end(), words, "duration", "minutes, seconds and their part")
    if not match["half"] and not _is_time_of_day(text, match):
        parts = {"h": match["hour"], "m": match["minute"], "s": match["second"] + (match["part"] or "")}
        return Reading(match.end(), _counted(parts), "duration", "hours, minutes and seconds")
    second = match["second"] + (match["part"] or "")
    seconds = (
        ("and", *decimal(str(int(match["second"])) + (match["part"] or "")), *_unit("second", second)) if second != "00" else ()
    )
    words = (*_hour_and_minute(hour, minute, bool(match["half"])), *seconds)
    return _close(text, match, words, f"time of day with seconds{'' if place else ''}")


def _is_time_of_day(text: str, match: re.Match[str]) -> bool:
    previous = calendar.before(text, match.start())
    if previous in calendar.context("duration before"):
        return False
    return previous in calendar.context("clock before") or len(match["hour"]) == 2 or bool(_AFTER_ZONE.match(text, match.end()))


def _in_duration(text: str, place: int) -> bool:
    return calendar.before(text, place) in calendar.context("duration before")


def _hour_and_minute(hour: int, minute: int, halved: bool) -> Words:
    """Return the words of a time: eight oh five, seven o'clock, seventeen hundred, midnight."""
    if hour in (0, 24) and not minute and not halved:
        return ("midnight",)
    if hour == 0 and minute:
        return ("twelve", *_minute(minute)) if halved else ("zero", *_minute(minute))
    if minute:
        return (*cardinal(str(hour)), *_minute(minute))
    if halved:
        return cardinal(str(hour))
    return (*cardinal(str(hour)), "hundred" if hour > 12 else "o'clock")


def _minute(minute: int) -> Words:
    return (*(("oh",) if minute < 10 else ()), *cardinal(str(minute)))


def _close(text: str, match: re.Match[str], words: Words, rule: str) -> Reading:
    """Return the reading of a time of day with its half of the day and zone."""
    half, end = match["half"], match.end()
    number = words
    words += (half[0].upper() + ".", "M.") if half else ()
    zone = _AFTER_ZONE.match(text, end)
    if not zone and half and half.endswith(".") and not half[1] == "." and not _goes_on(text, end):
        end -= 1  # "5pm." is the time and a final stop
    if zone and _is_zone(text, zone, bool(half)):
        end, number = zone.end(), number
        words += _zone_words(zone)
        if zone[0].endswith("."):
            end -= 0 if "." in zone["zone"] else 1
    ends = calendar.ends_sentence(text, match.start(), end)
    return Reading(end, words, "time", rule, "." if ends else " ", ends, number, " ".join(words[len(number) :]))


def _goes_on(text: str, end: int) -> bool:
    return bool(re.match(r"[,;:]| [a-z\d]", text[end : end + 2]))


def _is_zone(text: str, zone: re.Match[str], halved: bool) -> bool:
    """Return True if the letters are a zone: none of two letters without a half of the day, and "est" only in small text."""
    written = zone["zone"].replace(".", "")
    if zone[0].startswith(","):
        return False
    return len(written) > 2 or halved or (written == "Z" and not zone[0].startswith(" "))


def _zone_words(zone: re.Match[str]) -> Words:
    words = entries("zones")[zone["zone"].replace(".", "").upper()]
    if not zone["offset"]:
        return words
    offset = zone["offset"].strip()
    return (*words, "plus" if offset[0] == "+" else "minus", *cardinal(offset[1:].lstrip("0") or "0"))


def _hour_and_zone(text: str, place: int) -> Reading | None:
    match = re.compile(r"(\d{1,2})(?= ?[A-Z]{3,4}\b)").match(text, place)
    zone = _AFTER_ZONE.match(text, match.end()) if match else None
    if not match or not zone or len(zone["zone"]) < 3 or zone["zone"].islower() or not 0 < int(match[1]) < 25:
        return None
    end = zone.end() - (zone[0].endswith("."))
    return Reading(end, (*cardinal(match[1]), *_zone_words(zone)), "time", "hour and zone")


def _zone_alone(text: str, place: int) -> Reading | None:
    """Read a zone after noon or midnight, and a zone with an offset (UTC+2)."""
    zone = _AFTER_ZONE.match(text, place)
    if not zone or zone["zone"].islower() or len(zone["zone"]) < 3:
        return None
    named = calendar.before(text, place) in ("noon", "midnight", "o'clock", "hours") or zone["offset"]
    return Reading(zone.end() - zone[0].endswith("."), _zone_words(zone), "time", "time zone") if named else None


def _military(text: str, match: re.Match[str]) -> Reading | None:
    if match["hour"][0] != "0" and calendar.before(text, match.start()) not in calendar.context("clock before"):
        return None
    hour, minute = match["hour"], int(match["minute"])
    words = (*(("oh",) if hour[0] == "0" and hour != "00" else ()), *cardinal(str(int(hour))))
    words += _minute(minute) if minute else ("hundred",)
    name = "Zulu" if match["word"].startswith("Z") else "hours"
    end = match.end() - (match[0].endswith(".") and not _goes_on(text, match.end()))
    return Reading(end, (*words, name), "time", "military time", number=words, unit=name)


def duration(text: str, place: int) -> Reading | None:
    """Read a time that two or more units measure: 2h 30m, 1 hr. 20 min., 3'45"."""
    if (match := _ANGLE.match(text, place)) and 12 <= int(match[2]) < 60:
        return Reading(match.end(), _counted({"m": match[1], "s": match[2]}), "duration", "minutes and seconds in marks")
    if match := _HOURS.match(text, place):
        return Reading(match.end(), _counted({"h": match[1], "m": match[2]}), "duration", "hours and minutes")
    if not _STARTERS.match(text, place):
        return None
    match = _parts().match(text, place)
    parts = {unit: match[unit] for unit in "dhms" if match and match[unit]}
    if not match or len(parts) < 2:
        return None
    end = len(text[: match.end()].rstrip(" ,"))
    end -= text[end - 1] == "." and not _goes_on(text, end)
    return Reading(end, _counted(parts), "duration", "two or more units of time")


@cache
def _parts() -> re.Pattern[str]:
    return _duration_pattern()


def _counted(parts: dict[str, str]) -> Words:
    """Return the words of a duration by the first letters of its units, without zeros."""
    there = {unit: value for unit, value in parts.items() if value.strip("0.")}
    words: Words = ()
    for index, (unit, value) in enumerate(there.items()):
        value = value.lstrip("0") or "0"
        words += ("and",) if index and index == len(there) - 1 else ()
        words += (*decimal(value), *_unit(_UNITS[unit], value))
    return words or ("zero", "seconds")


def _unit(name: str, value: str) -> Words:
    return (name if value.lstrip("0") == "1" else name + "s",)


_WORDS = frozenset(zone.lower() for zone in entries("zones") if len(zone) > 2)
CLASS = SemioticClass("time", read, "0123456789", _WORDS)
