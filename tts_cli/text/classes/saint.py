"""Abbreviations of a place or a title: St. (saint or street), Dr. (doctor or drive), Mt. and Ft."""

from __future__ import annotations

from functools import cache

from tts_cli.text import tables
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word, is_shouted
from tts_cli.text.patterns import pattern
from tts_cli.text.phones import SPACE
from tts_cli.text.stops import end_of_sentence, is_name, is_starter, opens_sentence, word_after, word_before

_WRITTEN = pattern(r"(Ste|STE|Sts|STS|St|ST|st|Drs|Dr|DR|dr|Mts|Mt|MT|mt|Ft|FT)(?:(\.)(?![a-z\d@])|(?![\w@/'.-]))")
_ORDINAL = pattern(
    r"(?:\d(?:st|nd|rd|th)|(?:[Ff]our|[Ff]if|[Ss]ix|[Ss]even|[Ee]igh|[Nn]in|[Tt]en|[Ee]leven|[Tt]welf|\w+teen|\w+tie)th|(?:\w+-)?(?:[Ff]irst|[Ss]econd|[Tt]hird))\.?$"
)
_HOUSE = pattern(r"\d+[A-Z]? (?:[NSEW]\.? )?(?:[A-Z][A-Za-z']+\.? ){1,3}$")
_POSSESSIVE = pattern(r" ?[A-Z][a-z]+(?:'s\b|s' )")


def read(text: str, place: int) -> Verbalization | None:
    """Read "St.", "Dr.", "Mt." or "Ft." at `place`."""
    match = _WRITTEN.match(text, place)
    if not match or not begins_word(text, place):
        return None
    written, stop = match[1], bool(match[2])
    word = _word(text, place, match.end(), written.capitalize(), stop)
    plain = written.islower() or (written.isupper() and not is_shouted(text, place, match.end()))
    if not word or (not stop and plain):
        return None
    last = word in ("Street", "Drive") or word_before(text, place).lower() in (
        "the",
        "a",
        "my",
        "his",
        "her",
        "your",
        "our",
        "their",
    )
    end = end_of_sentence(text, match.end()) if stop and last else 0
    kind = "saint" if word.startswith("Saint") else "abbreviation"
    return Verbalization(end or match.end(), (word,), kind, f"{written} is {word} here", "." if end else SPACE, bool(end))


def _word(text: str, start: int, end: int, written: str, stop: bool) -> str:
    before, after = word_before(text, start), word_after(text, end)
    if before.endswith(".") and before[:-1].capitalize() not in _names("places") and not _ORDINAL.search(before):
        before = ""
    if written in ("St", "Ste", "Sts"):
        return _saint(text, start, end, written, before, after)
    if written in ("Dr", "Drs"):
        return _doctor(text, start, end, before, after) + ("s" if written == "Drs" else "")
    if written == "Mt" and stop and after.islower():
        return "mountain"
    named = after[:1].isupper() and not (is_starter(text, end) and before[:1].islower() and before.lower() in ("ten", "feet"))
    name = {"Mt": "Mount", "Mts": "Mounts", "Ft": "Fort"}[written]
    return name if named and (stop or is_name(after)) else ""


def _saint(text: str, start: int, end: int, written: str, before: str, after: str) -> str:
    if written == "Ste":
        return "Saint" if after[:1].isupper() else ""
    if written == "Sts":
        return "Saints" if after[:1].isupper() and not before[:1].isupper() else "Streets"
    named = is_name(after) and not after.isdigit()
    if _ORDINAL.search(before) or not named:
        return "Street" if before or not named else "Saint"
    known = after.removesuffix("'s").capitalize() in _names("saints")
    place = before.rstrip(".").capitalize() in _names("places")
    if _HOUSE.search(text, max(0, start - 60), start):
        return "Street"
    follows_name = is_name(before) and not place
    if follows_name and known and (text[end - 1] != "." or _POSSESSIVE.match(text, end)):
        return "Saint"
    if follows_name and not (opens_sentence(text, start - len(before) - 1) and (known or _POSSESSIVE.match(text, end))):
        return "Street"
    return "Saint"


def _doctor(text: str, start: int, end: int, before: str, after: str) -> str:
    named = after[:1].isupper()
    if _ORDINAL.search(before) or _HOUSE.search(text, max(0, start - 60), start):
        return "Drive"
    if not is_name(before) or before.endswith("."):
        return "Doctor"
    if named and (not is_starter(text, end) or opens_sentence(text, start - len(before) - 1)):
        return "Doctor"
    return "Drive"


@cache
def _names(kind: str) -> frozenset[str]:
    return frozenset(word for row in tables.rows("saints") if row[0] == kind for word in row[1].split())


CLASS = SemioticClass("saint", read, words=frozenset({"st", "ste", "sts", "dr", "drs", "mt", "mts", "ft"}))
