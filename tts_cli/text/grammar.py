"""Grammar of the text normaliser: semiotic classes and their readings.

The normaliser works in three steps (Ebden and Sproat 2015, "The Kestrel TTS text normalization system"): it finds tokens, gives
each a semiotic class, such as money or date, and writes the token in words. A class recognises and reads its tokens at one place
of the text; ranges, signs, ratios and formulas combine the readings of other classes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from tts_cli.text.numbers import Words
from tts_cli.text.phones import SPACE

_NEAR = 40
_PREVIOUS = re.compile(r"([A-Za-z']+)(\.?)[ \n]+$")
_NEXT = re.compile(r"[ \n]+([A-Za-z'\d]+)")


class Verbalization(NamedTuple):
    """Words of a token, with its class and the rule that decided."""

    end: int
    """End of the token in the text."""
    words: Words
    """Spoken words; the name of a letter is a capital and a full stop, "F."; a comma after a word is a short pause."""
    kind: str
    """Semiotic class, such as "measure"."""
    rule: str
    """Reason for class and reading in a few words, such as "number and unit"."""
    mark: str = SPACE
    """Punctuation mark after the words, one of BOUNDARIES."""
    ends: bool = False
    """True if the sentence ends with this token, as with a final abbreviation."""
    number: Words = ()
    """Words without the unit, for a range that names its unit once; () if the reading has no unit."""
    unit: str = ""
    """Unit, currency or other name that the members of a range share; empty if there is none."""
    note: str = ""
    """Note for the user on text that is not spoken; empty for none."""


class SemioticClass(NamedTuple):
    """Kind of token, and the places where it is tried."""

    name: str
    read: Callable[[str, int], Verbalization | None]
    """Reads the token of this class that begins at a place of the text, or returns None."""
    characters: str = ""
    """First characters, none of them a letter, at which the class is tried."""
    words: frozenset[str] = frozenset()
    """Words in lower case, letters only, at which the class is tried."""
    marked: bool = False
    """True if the class is tried at every word with a capital, and at every word that a digit or sign touches."""


def previous_word(text: str, place: int) -> str:
    """Return the word right before `place`, without a full stop; "" if there is punctuation or nothing."""
    found = _PREVIOUS.search(text, max(0, place - _NEAR), place)
    return found[1] if found else ""


def next_word(text: str, place: int) -> str:
    """Return the word or number after the blanks at `place`; "" if there is punctuation or nothing."""
    found = _NEXT.match(text, place)
    return found[1] if found else ""


def begins_word(text: str, place: int) -> bool:
    """Return True if no letter or digit is right before `place`."""
    return place == 0 or not text[place - 1].isalnum()


def is_shouted(text: str, start: int, end: int) -> bool:
    """Return True if the text around is all in capitals, so that capitals tell nothing."""
    around = text[max(0, start - _NEAR) : start] + text[end : end + _NEAR]
    return not any(character.islower() for character in around) and any(character.isupper() for character in around)
