"""Former rules, until their classes are rewritten."""

from __future__ import annotations

from tts_cli.text import abbreviations, amounts
from tts_cli.text.characters import CURRENCIES
from tts_cli.text.grammar import Reading, SemioticClass


def _letters(text: str, place: int) -> Reading | None:
    for pattern, reader in abbreviations.readers():
        if (match := pattern.match(text, place)) and (words := reader(match)):
            return Reading(match.end(), words, "legacy", "legacy")
    return None


def _digits(text: str, place: int) -> Reading | None:
    for pattern, reader in amounts.readers():
        if (match := pattern.match(text, place)) and (words := reader(match)):
            return Reading(match.end(), words, "legacy", "legacy")
    return None


CLASSES = (
    SemioticClass("legacy letters", _letters, marked=True),
    SemioticClass("legacy digits", _digits, characters="0123456789-+.'(" + CURRENCIES),
)
