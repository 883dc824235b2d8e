"""Sounds: interjections such as "shh" and "grr", in all lengths and in capitals, that are no acronyms."""

from __future__ import annotations

import re

from tts_cli.text.dictionary import cmu_has
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.pronounce import sound

_WORD = re.compile(r"[A-Za-z]{2,40}(?![A-Za-z\d'_@/]|\.\w)")


def read(text: str, place: int) -> Verbalization | None:
    """Return the reading of an interjection as one word."""
    match = _WORD.match(text, place)
    if not match or not begins_word(text, place) or cmu_has(match[0].lower()) or not sound(match[0].lower()):
        return None
    return Verbalization(match.end(), (match[0].lower(),), "sound", "interjection")


CLASSES = (SemioticClass("sound", read, marked=True),)
