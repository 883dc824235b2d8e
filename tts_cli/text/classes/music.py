"""Music: notes with accidentals, keys, chords and metre."""

from __future__ import annotations

import re

from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word, next_word, previous_word
from tts_cli.text.numbers import Words, cardinal

_ACCIDENTALS = {"#": "sharp", "♯": "sharp", "♭": "flat", "b": "flat", "♮": "natural"}
_QUALITIES = {
    "m": ("minor",), "min": ("minor",), "maj": ("major",), "M": ("major",), "dim": ("diminished",), "aug": ("augmented",),
    "sus": ("suspended",), "": (),
}  # fmt: skip
_NOTE = re.compile(
    r"([A-G])(?:([#♯♭♮])|(b)(?=(?:m|maj|dim)?7?\b[ -](?:major|minor|flat|clarinet|trumpet|chord|scale)))"
    r"(?:(maj|min|dim|aug|sus|m|M|)(\d{1,2}|))(?![\w#♯♭])"
)
_KEY = re.compile(r"([A-G])(?=[ -](?:major|minor|sharp|flat|natural)\b)")
_METRE = re.compile(
    r"(\d{1,2})/(\d{1,2})(?=[ -](?:time|metre|meter|beat|rhythm|waltz|march|bar|measure)\b"
    r"(?! (?:job|work|employee|position|student|staff|limit)))"
)
_BEATS = frozenset({"1", "2", "4", "8", "16", "32"})
_KEY_NOUNS = frozenset("scale chord key arpeggio triad sonata concerto symphony prelude fugue mass quartet".split())
_KEY_PREPOSITIONS = frozenset("in of the to from key an and or play".split())


def _read_note(text: str, place: int) -> Verbalization | None:
    if not begins_word(text, place):
        return None
    if match := _NOTE.match(text, place):
        accidental = _ACCIDENTALS[match[2] or match[3]]
        number = cardinal(match[5]) if match[5] else ()
        words: Words = (match[1] + ".", accidental, *_QUALITIES[match[4]], *number)
        return Verbalization(match.end(), words, "music", "note with an accidental")
    match = _KEY.match(text, place)
    if match and _is_key(text, match):
        return Verbalization(match.end(), (match[1] + ".",), "music", "key")
    return None


def _is_key(text: str, match: re.Match[str]) -> bool:
    """Return True if the letter names a key: "in A minor", not "A minor problem"."""
    if match[1] != "A":
        return True
    quality = next_word(text, match.end())
    noun = next_word(text, match.end() + len(quality) + 1)
    after = text[match.end() + len(quality) + 1 : match.end() + len(quality) + 2]
    return noun in _KEY_NOUNS or previous_word(text, match.start()) in _KEY_PREPOSITIONS or after in (".", ",", ";", ")", "")


def _read_metre(text: str, place: int) -> Verbalization | None:
    match = _METRE.match(text, place)
    if not match or match[2] not in _BEATS or not begins_word(text, place):
        return None
    return Verbalization(match.end(), (*cardinal(match[1]), *cardinal(match[2])), "music", "metre")


CLASSES = (
    SemioticClass("music", _read_note, words=frozenset("a b c d e f g ab bb db eb gb".split()), marked=True),
    SemioticClass("metre", _read_metre, characters="123456789"),
)
