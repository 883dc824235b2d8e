"""Scores, votes, records, ratios, and parts of a whole: 7-2, 10-2-1, 3-for-4, 3:1, 16:9, 7/10, 24/7."""

from __future__ import annotations

import re

from tts_cli.text.classes.digit_string import style_before
from tts_cli.text.grammar import Reading, SemioticClass, begins_word
from tts_cli.text.numbers import Words, cardinal, decimal

_NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,3}|\d{1,6})(?:\.\d{1,4})?"
_RATIO = re.compile(rf"({_NUMBER}):({_NUMBER})(?::({_NUMBER}))?(?![\w:]|\.\d| ?[ap]\.?m\b)")
_RATIO_BEFORE = re.compile(
    r"\b(?:ratios?|odds|scale|mix|mixed|mixture|proportions?|aspect|scor(?:e|ed|es)|dilut(?:ed|ion)|outnumber(?:ed|s)?|leverage)\b[^.!?]{0,24}$",
    re.I,
)
_RATIO_AFTER = re.compile(
    r" (?:ratio|odds|scale|model|slope|dilution|mix|mixture|solution|aspect|screen|display|monitor|video|format|majority|margin|leverage|against|on)\b"
)
_SCREEN = re.compile(r" (?:screen|display|monitor|video|format|aspect|TV|television|panel|picture|image|laptop|widescreen)")
_MEETING = re.compile(r"[ -](?:meetings?|sessions?|chats?|lessons?|calls?|conversations?|time|support|coaching|tutoring|with)\b")
_SCORE = re.compile(r"(\d{1,3})[-–](\d{1,3})(?:[-–](\d{1,3}))?(?![\w-]|[.:/]\d)")
_SCORE_BEFORE = re.compile(
    r"\b(?:w[io]ns?|winning|lost|los[ei]s?|losing|beats?|beaten|beating|defeat(?:s|ed)?|scores?|scored|votes?|voted|led|leads?|leading|trail(?:s|ed|ing)?|tied|ties?|drew"
    r"|drawn?|victory|sets?|record|halftime|half-time|finished|ended|ruled|passed|down|up|fell|edged|routed|season|standings)\b[^.!?;]{0,36}$",
    re.I,
)
_SCORE_AFTER = re.compile(
    r" (?:wins?|victory|loss|defeat|lead|draw|tie|vote|ruling|decision|record|rout|score|win|start|season|majority|deficit|advantage|split|chance)\b"
)
_RECORD = re.compile(r"\b(?:record|standings|season|start(?:ed)?|went|at|improved to|fell to|are|now)\b[^.!?;]{0,16}$", re.I)
_FOR = re.compile(r"(\d{1,3})-(for|of|and)-(\d{1,3})(?![\w-])")
_SLASH = re.compile(r"(\d{1,4})/(\d{1,4})(?![\d/]|\.\d)")
_SHOT = re.compile(r"\b(?:shot|shoots?|went|hit|made|makes?|batt(?:ed|ing)|completed) $", re.I)
_RATED = re.compile(
    r"\b(?:scor(?:e|ed|es|ing)|rat(?:e|ed|es|ing)|got|get|gave|gives?|grade|mark|marks|won|lost|passed|failed|answered|missed|solved|finished)\b[^.!?;\d]{0,24}$",
    re.I,
)
_COUNTED = re.compile(
    r" (?!inches|cups|miles|hours|teaspoons|tablespoons|pounds|ounces|pints|quarts|gallons|yards|acres|feet|liters|has|was|is|as|cups|does|this|its|plus|minus|times|equals|dollars|percent|always|perhaps)[a-z]{3,}(?<!s)s\b"
)
_PAIRS = {("24", "7"): "twenty four seven", ("20", "20"): "twenty twenty", ("50", "50"): "fifty fifty"}
_PAIRS["9", "5"] = "nine five"
_NEAR = 64
_MINUTES = 59
_HOURS = 24


def read(text: str, place: int) -> Reading | None:
    """Return the reading of a score, ratio or count out of a whole at `place`, or None."""
    if not begins_word(text, place) or (text[place - 1 : place] in tuple(".,:/-–") and text[place - 2 : place - 1].isdigit()):
        return None
    return _ratio(text, place) or _for(text, place) or _score(text, place) or _out_of(text, place)


def _near(pattern: re.Pattern[str], text: str, place: int) -> bool:
    return pattern.search(text, max(0, place - _NEAR), place) is not None


def _ratio(text: str, place: int) -> Reading | None:
    match = _RATIO.match(text, place)
    if not match or not (_is_no_time(match) or _RATIO_AFTER.match(text, match.end()) or _near(_RATIO_BEFORE, text, place)):
        return None
    first, second = match[1], match[2]
    if (first, second, match[3]) == ("1", "1", None) and _MEETING.match(text, match.end()):
        return Reading(match.end(), ("one", "on", "one"), "ratio", "meeting of two")
    joint = "by" if _SCREEN.match(text, match.end()) and not match[3] else "to"
    return Reading(
        match.end(),
        _joined(joint, match),
        "ratio",
        "numbers that are no time of day" if _is_no_time(match) else "ratio by its words",
    )


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


def _for(text: str, place: int) -> Reading | None:
    match = _FOR.match(text, place)
    if not match:
        return None
    first = ("oh",) if match[1] == "0" else cardinal(match[1])
    return Reading(match.end(), (*first, match[2], *cardinal(match[3])), "score", f"{match[2]} between numbers")


def _score(text: str, place: int) -> Reading | None:
    match = _SCORE.match(text, place)
    if not match:
        return None
    first, second, third = match.groups()
    if (first, second, third) == ("50", "50", None):
        return Reading(match.end(), ("fifty", "fifty"), "score", "equal halves")
    if third:
        if style_before(text, place) or not (_near(_RECORD, text, place) or _near(_SCORE_BEFORE, text, place)):
            return None
        return Reading(
            match.end(), (*cardinal(first), *cardinal(second), "and", *cardinal(third)), "score", "wins, losses and ties"
        )
    if not (_near(_SCORE_BEFORE, text, place) or _SCORE_AFTER.match(text, match.end()) or _goes_on(text, place)):
        return None
    if re.search(r"\brecord\b[^.!?;]{0,12}$", text[max(0, place - _NEAR) : place]) or re.match(
        r" (?:record|start)\b", text[match.end() : match.end() + 8]
    ):
        return Reading(match.end(), (*_value(first), "and", *_value(second)), "score", "wins and losses")
    return Reading(match.end(), (*_value(first), "to", *_value(second)), "score", "score by its words")


def _goes_on(text: str, place: int) -> bool:
    return re.search(r"\d[-–]\d{1,2}, (?:and )?$", text[max(0, place - 9) : place]) is not None and _near(
        _SCORE_BEFORE, text, place
    )


def _out_of(text: str, place: int) -> Reading | None:
    match = _SLASH.match(text, place)
    if not match:
        return None
    first, second = match.groups()
    if known := _PAIRS.get((first, second)):
        return Reading(match.end(), tuple(known.split()), "score", "pair of numbers with a meaning of its own")
    if int(first) > int(second):
        return None
    if _near(_SHOT, text, place) and second not in ("2", "3"):
        return Reading(match.end(), (*cardinal(first), "for", *cardinal(second)), "score", "hits for attempts")
    counted = _COUNTED.match(text, match.end()) is not None
    of = text.startswith((" of", " the"), match.end())
    if (counted or (_near(_RATED, text, place) and second in ("5", "10", "20", "100"))) and not of:
        return Reading(match.end(), (*cardinal(first), "out", "of", *cardinal(second)), "score", "count out of a whole")
    return None


CLASS = SemioticClass("score", read, characters="0123456789")
