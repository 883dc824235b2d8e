"""Full stops of abbreviations: the words on both sides, and whether the full stop also ends the sentence."""

from __future__ import annotations

from functools import cache

from tts_cli.text import tables
from tts_cli.text.patterns import pattern

_NEAR = 40
_BEFORE = pattern(r"(?:[ \n]+,?| ?&[ \n]?)(\.?[A-Za-z\d']{1,31})")
"""Word before a place, in reversed text: an anchored match is faster than a search for the end."""
_AFTER = pattern(r"([ \n]*)([\"'(\[]{0,2})([A-Za-z\d][A-Za-z\d']{0,30})(\.?)")
_CLOSERS = pattern(r"[\"')\]}]*")
_OPENING = pattern(r"(?:^|[.?!:]['\")\]]*[ \n]+|\n[ \n]*|-- ?|^[ \n]+)['\"(\[]*$")


def word_before(text: str, place: int) -> str:
    """Return the word right before `place`, with its full stop if there is one; "" if there is other punctuation or nothing.

    A comma between name and "Jr.", and an ampersand, are passed over.
    """
    found = _BEFORE.match(text[max(0, place - _NEAR) : place][::-1])
    return found[1][::-1].lstrip("'") if found else ""


def word_after(text: str, place: int) -> str:
    """Return the word or number at `place`, after blanks and opening quotes; "" if there is other punctuation or nothing."""
    found = _AFTER.match(text, place)
    return found[3] if found else ""


def is_starter(text: str, place: int) -> bool:
    """Return True if the word after `place` is a word that begins sentences, such as "The". An initial such as "A." is none."""
    found = _AFTER.match(text, place)
    return found is not None and found[3] in _starters() and not (len(found[3]) == 1 and found[4])


def opens_sentence(text: str, place: int) -> bool:
    """Return True if the word at `place` is the first one of a sentence or a line."""
    return bool(_OPENING.search(text, max(0, place - 8), place)) if place else True


def is_name(word: str) -> bool:
    """Return True if `word` has a capital and is no word that begins sentences."""
    return word[:1].isupper() and word.rstrip(".") not in _starters()


def end_of_sentence(text: str, stop: int, any_capital: bool = False) -> int:
    """Return the end of the sentence that ends with the full stop before `stop`, after closing quotes; 0 if none ends there.

    Args:
        text: Whole text.
        stop: Place after the full stop.
        any_capital: True if every capitalised word begins a new sentence; False if it must be a word that begins sentences.
    """
    closed = _CLOSERS.match(text, stop)
    end = closed.end() if closed else stop
    rest = text[end : end + 3]
    if not rest.strip():
        return end
    if not rest[0].isspace():
        return 0
    if rest.startswith(("\n\n", " \n\n")):
        return end
    if is_starter(text, end) or (any_capital and word_after(text, end)[:1].isupper() and not rest.lstrip().startswith("(")):
        return end
    return 0


@cache
def _starters() -> frozenset[str]:
    return frozenset(word for row in tables.rows("starters") for word in row[1].split())
