"""Contractions that begin or end with an apostrophe: 'twas, 'em, rock 'n' roll, th'."""

from __future__ import annotations

from tts_cli.text import tables
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.patterns import pattern

_WRITTEN = pattern(r"'[A-Za-z]{1,9}(?:'[A-Za-z]{0,2})?(?!\w)")
_FINAL = pattern(r"[A-Za-z]{2,3}'(?!\w)")


def read(text: str, place: int) -> Verbalization | None:
    """Read the contraction at `place`; None for other words in single quotes."""
    if not begins_word(text, place):
        return None
    match = (_WRITTEN if text[place] == "'" else _FINAL).match(text, place)
    if not match:
        return None
    for written in (match[0], match[0].rstrip("'")):
        if words := tables.entries("contractions").get(written.lower()):
            return Verbalization(place + len(written), words, "contraction", "contraction")
    return None


CLASS = SemioticClass("contraction", read, characters="'", words=frozenset({"th", "wi", "an", "ol", "lil"}))
