"""Semiotic classes of the text normaliser, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from tts_cli.text.classes import (
    abbreviation,
    acronym,
    address,
    chemistry,
    chess,
    code,
    contraction,
    date,
    date_range,
    digit_string,
    dimension,
    electronic,
    footnote,
    letter,
    markup,
    mathematics,
    music,
    phone,
    quantity,
    roman,
    saint,
    score,
    sound,
    symbol,
    time,
    verse,
    year,
)
from tts_cli.text.grammar import SemioticClass, Verbalization

_ORDER: tuple[SemioticClass, ...] = (
    phone.KEYS,
    electronic.FILES,
    *symbol.DECORATIONS,
    *markup.CLASSES,
    *footnote.CLASSES,
    electronic.CLASS,
    verse.CLASS,
    phone.CLASS,
    code.TYPES,
    score.RATIO,
    date_range.CLASS,
    date.CLASS,
    time.CLASS,
    year.CLASS,
    *chess.CLASSES,
    *chemistry.CLASSES,
    *music.CLASSES,
    score.CLASS,
    dimension.CLASS,
    *address.CLASSES,
    *mathematics.CLASSES,
    code.CLASS,
    digit_string.CLASS,
    *sound.CLASSES,
    contraction.CLASS,
    saint.CLASS,
    roman.CLASS,
    letter.CLASS,
    year.BARE,
    quantity.CLASS,
    abbreviation.CLASS,
    acronym.CLASS,
    code.REST,
    *symbol.CLASSES,
)


def read_word(text: str, place: int, word: str, marked: bool) -> Verbalization | None:
    """Return the reading of the token at `place`, which begins with the letters `word`; None for an ordinary word.

    Args:
        text: Whole text.
        place: Start of the token.
        word: Letters at `place`, in lower case.
        marked: True if the word has a capital, or a digit or sign touches it.
    """
    return next(_readings(_at_word(word, marked), text, place), None)


def read_sign(text: str, place: int) -> Verbalization | None:
    """Return the reading of the token at `place`, which begins with a digit or sign; None if no class knows it."""
    return next(_readings(_at_character(text[place]), text, place), None)


def _readings(classes: tuple[SemioticClass, ...], text: str, place: int) -> Iterator[Verbalization]:
    for semiotic_class in classes:
        if reading := semiotic_class.read(text, place):
            yield reading


def _at_word(word: str, marked: bool) -> tuple[SemioticClass, ...]:
    if word not in _words():
        return _marked() if marked else ()
    return tuple(one for one in _ORDER if (marked and one.marked) or word in one.words)


@cache
def _words() -> frozenset[str]:
    return frozenset().union(*(one.words for one in _ORDER))


@cache
def _marked() -> tuple[SemioticClass, ...]:
    return tuple(one for one in _ORDER if one.marked)


@cache
def _at_character(character: str) -> tuple[SemioticClass, ...]:
    return tuple(one for one in _ORDER if character in one.characters)
