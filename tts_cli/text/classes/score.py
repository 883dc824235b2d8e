"""Scores, votes, records, ratios, and parts of a whole: 7-2, 10-2-1, 3-for-4, 3:1, 16:9, 7/10, 24/7."""

from __future__ import annotations

import re

from tts_cli.text.classes.digit_string import pairs, style_before
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.numbers import Words, cardinal, decimal, year
from tts_cli.text.patterns import pattern
from tts_cli.text.tables import context

_NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,3}|\d{1,6})(?:\.\d{1,4})?"
_RATIO = pattern(rf"({_NUMBER}):({_NUMBER})(?::({_NUMBER}))?(?![\w:]|\.\d| ?[ap]\.?m\b)")
_RATIO_BEFORE = pattern(rf"\b{context('ratio before')}\b[^.!?]{{0,24}}$", re.IGNORECASE)
_RATIO_AFTER = pattern(rf" {context('ratio after')}\b")
_SCREEN = pattern(f" {context('screen')}")
_MEETING = pattern(rf"[ -]{context('meeting of two')}\b")
_SCORE = pattern(r"(\d{1,3})[-–](\d{1,3})(?:[-–](\d{1,3}))?(?![\w-]|[.:/]\d)")
_SCORE_BEFORE = pattern(rf"\b{context('score before')}\b[^.!?;]{{0,36}}$", re.IGNORECASE)
_SCORE_AFTER = pattern(rf" {context('score after')}\b")
_RECORD = pattern(rf"\b{context('record before')}\b[^.!?;]{{0,16}}$", re.IGNORECASE)
_FOR = pattern(r"(\d{1,3})-(for|of|and)-(\d{1,3})(?![\w-])")
_SLASH = pattern(r"(\d{1,4})/(\d{1,4})(?![\d/]|\.\d)")
_SHOT = pattern(rf"\b{context('attempts')} $", re.IGNORECASE)
_RATED = pattern(rf"\b{context('rating')}\b[^.!?;\d]{{0,24}}$", re.IGNORECASE)
_IS = pattern(r"\b(?:is|was|are|an?|solid|about|at|only) $")
_COUNTED = pattern(rf" (?!{context('fraction of a measure')}\b)[a-z]{{3,}}(?<!s)s\b")
_PRESSURE = pattern(r"\b(?:BP|blood pressure)\b[^.!?;\d]{0,16}$", re.IGNORECASE)
_PAIRS = {("24", "7"): "twenty four seven", ("20", "20"): "twenty twenty", ("50", "50"): "fifty fifty", ("9", "5"): "nine five"}
_NEAR = 64
_SIGHT = pattern(r" (?:vision|sight|eyesight|eyes?|acuity)\b")
_YEAR = pattern(r"1[5-9]\d\d|20[0-4]\d")
_MINUTES = 59
_HOURS = 24


def read_ratio(text: str, place: int) -> Verbalization | None:
    """Return the reading of a ratio at `place`, or None."""
    return _ratio(text, place) if _stands_alone(text, place) else None


def _stands_alone(text: str, place: int) -> bool:
    return begins_word(text, place) and not (place > 1 and text[place - 1] in ".,:/-–" and text[place - 2].isdigit())


def read(text: str, place: int) -> Verbalization | None:
    """Return the reading of a score, ratio or count out of a whole at `place`, or None."""
    if not _stands_alone(text, place):
        return None
    return _ratio(text, place) or _for(text, place) or _score(text, place) or _out_of(text, place)


def _near(pattern: re.Pattern[str], text: str, place: int) -> bool:
    return pattern.search(text, max(0, place - _NEAR), place) is not None


def _ratio(text: str, place: int) -> Verbalization | None:
    match = _RATIO.match(text, place)
    if not match or not (_is_no_time(match) or _RATIO_AFTER.match(text, match.end()) or _near(_RATIO_BEFORE, text, place)):
        return None
    first, second = match[1], match[2]
    if (first, second, match[3]) == ("1", "1", None) and _MEETING.match(text, match.end()):
        return Verbalization(match.end(), ("one", "on", "one"), "ratio", "meeting of two")
    if _YEAR.fullmatch(first) and not match[3] and match[2].isdigit():
        return Verbalization(match.end(), (*_paused(year(first)), *cardinal(second)), "year", "year and page of a citation")
    if first == second == "50":
        return Verbalization(match.end(), ("fifty", "fifty"), "ratio", "equal halves")
    joint = "by" if _SCREEN.match(text, match.end()) and not match[3] else "to"
    return Verbalization(
        match.end(),
        _joined(joint, match),
        "ratio",
        "numbers that are no time of day" if _is_no_time(match) else "ratio by its words",
    )


def _paused(words: Words) -> Words:
    return (*words[:-1], words[-1] + ",")


def _joined(joint: str, match: re.Match[str]) -> Words:
    first, *rest = (_value(number) for number in match.groups() if number)
    return (*first, *(word for number in rest for word in (joint, *number)))


def _value(number: str) -> Words:
    number = number.replace(",", "")
    return decimal(number) if "." in number else cardinal(number.lstrip("0") or "0")


def _is_no_time(match: re.Match[str]) -> bool:
    """Return True unless the minutes have two digits below 60 and the hours are at most 24."""
    first, second, third = match.groups()
    if third:
        return max(len(second), len(third)) == 1
    minutes = second.split(".")[0]
    return len(minutes) != 2 or int(minutes) > _MINUTES or not first.isdigit() or int(first) > _HOURS


def _for(text: str, place: int) -> Verbalization | None:
    match = _FOR.match(text, place)
    if not match:
        return None
    first = ("oh",) if match[1] == "0" else cardinal(match[1])
    return Verbalization(match.end(), (*first, match[2], *cardinal(match[3])), "score", f"{match[2]} between numbers")


def _score(text: str, place: int) -> Verbalization | None:
    match = _SCORE.match(text, place)
    if not match:
        return None
    first, second, third = match.groups()
    if (first, second, third) == ("50", "50", None):
        return Verbalization(match.end(), ("fifty", "fifty"), "score", "equal halves")
    if third:
        if style_before(text, place) or not (_near(_RECORD, text, place) or _near(_SCORE_BEFORE, text, place)):
            return None
        return Verbalization(
            match.end(), (*cardinal(first), *cardinal(second), "and", *cardinal(third)), "score", "wins, losses and ties"
        )
    if not (_near(_SCORE_BEFORE, text, place) or _SCORE_AFTER.match(text, match.end()) or _goes_on(text, place)):
        return None
    if re.search(r"\brecord\b[^.!?;]{0,12}$", text[max(0, place - _NEAR) : place]) or re.match(
        r" (?:record|start)\b", text[match.end() : match.end() + 8]
    ):
        return Verbalization(
            match.end(), (*_value(first), "and", *(("oh",) if second == "0" else _value(second))), "score", "wins and losses"
        )
    return Verbalization(match.end(), (*_value(first), "to", *_value(second)), "score", "score by its words")


def _goes_on(text: str, place: int) -> bool:
    return re.search(r"\d[-–]\d{1,2}, (?:and )?$", text[max(0, place - 9) : place]) is not None and _near(
        _SCORE_BEFORE, text, place
    )


def _out_of(text: str, place: int) -> Verbalization | None:
    match = _SLASH.match(text, place)
    if not match:
        return None
    first, second = match.groups()
    if known := _PAIRS.get((first, second)):
        return Verbalization(match.end(), tuple(known.split()), "score", "pair of numbers with a meaning of its own")
    if _PRESSURE.search(text, max(0, place - _NEAR), place):
        return Verbalization(match.end(), (*pairs(first), "over", *pairs(second)), "score", "blood pressure")
    if _is_pair(match):
        return Verbalization(match.end(), (*cardinal(first), *cardinal(second)), "score", "shares of a hundred, or sight")
    if int(first) > int(second):
        return None
    if _near(_SHOT, text, place) and second not in ("2", "3"):
        return Verbalization(match.end(), (*cardinal(first), "for", *cardinal(second)), "score", "hits for attempts")
    if not text.startswith((" of", " the"), match.end()) and _is_count(match):
        return Verbalization(match.end(), (*cardinal(first), "out", "of", *cardinal(second)), "score", "count out of a whole")
    return None


def _is_pair(match: re.Match[str]) -> bool:
    """Return True for shares of a hundred, such as 60/40, and for sight, such as 20/40."""
    first, second = int(match[1]), int(match[2])
    sight = first == 20 and _SIGHT.match(match.string, match.end()) is not None
    return sight or (first + second == 100 and min(first, second) >= 5)


def _is_count(match: re.Match[str]) -> bool:
    """Return True before things that are counted, after a word such as "rated", and for ten or a hundred points at most."""
    text, place = match.string, match.start()
    if _COUNTED.match(text, match.end()) or (_near(_RATED, text, place) and match[2] in ("5", "10", "20", "100")):
        return True
    alone = text[match.end() : match.end() + 2].strip(' .,;:!?)"') == ""
    return alone and match[2] in ("10", "100") and match[1] != "1" and _near(_IS, text, place)


RATIO = SemioticClass("ratio", read_ratio, characters="0123456789")
CLASS = SemioticClass("score", read, characters="0123456789")
