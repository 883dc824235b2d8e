"""Former rules, until their classes are rewritten."""

from __future__ import annotations

from tts_cli.text import abbreviations, amounts
from tts_cli.text.characters import CURRENCIES
from tts_cli.text.grammar import Reading, SemioticClass


def _letters(text: str, place: int) -> Reading | None:
    for pattern, reader in abbreviations.readers():
        if (match := pattern.match(text, place)) and (words := reader(match)):
            ends = match[0].endswith(".") and abbreviations.may_end_sentence(match)
            return Reading(match.end(), words, "legacy", "legacy", "." if ends else " ", ends)
    return None


def _digits(text: str, place: int) -> Reading | None:
    for pattern, reader in amounts.readers():
        if (match := pattern.match(text, place)) and (words := reader(match)):
            return Reading(match.end(), words, "legacy", "legacy")
    return None


_WORDS = frozenset(
    [*abbreviations.TITLES, *abbreviations.PLAIN, *abbreviations._COUNTED, *abbreviations._BARE, "w", "et", "st", "dr", "e", "i"]
)
CLASSES = (
    SemioticClass("legacy letters", _letters, words=_WORDS, marked=True),
    SemioticClass("legacy digits", _digits, characters="0123456789-+.'(" + CURRENCIES),
)
