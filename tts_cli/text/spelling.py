"""Names of letters."""

from __future__ import annotations

from tts_cli.text.numbers import Words
from tts_cli.text.patterns import pattern

_MIXED_CASE = pattern(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")


def spell(letters: str) -> Words:
    """Return the names of `letters` as words of one capital and a full stop, as in the CMU dictionary: "F."."""
    return tuple(letter.upper() + "." for letter in letters if letter.isalpha())


def mixed_case_parts(word: str) -> list[str]:
    """Split a word at its capitals: "GitHub" into Git and Hub. Other words are one part."""
    return _MIXED_CASE.findall(word)
