"""Acronyms: spelled, read as a word, or as the table `acronyms` says; plurals, and acronyms with "&" or "/"."""

from __future__ import annotations

import re
from functools import cache

from tts_cli.text import tables
from tts_cli.text.dictionary import cmu_pronunciations
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word, is_shouted
from tts_cli.text.numbers import Words
from tts_cli.text.patterns import pattern
from tts_cli.text.spelling import spell
from tts_cli.text.stops import word_after

_WRITTEN = pattern(r"([A-Z][A-Za-z]{1,11})(?![A-Za-z])")
_CAPITALS = pattern(r"([A-Z]{2,12})(s|)$")
_PAIR = pattern(r"([A-Z]{1,3})([&/])([A-Z]{1,3}s?)(?![\w&/])")
_ROM = pattern(r"([A-Z]{2,4})-ROM(s?)\b")
_BESIDE = pattern(r"([A-Z]+)[ ,.\n]+$")
_NEXT = pattern(r"[ ,.\n]+([A-Z]+)(?![a-z])")
_AROUND = pattern(r"[A-Z]{2,}")
_LONGEST_SPELLED = 4
_NEAR = 40
_SHORT = 3


def read(text: str, place: int) -> Verbalization | None:
    """Read the acronym at `place`; None for an ordinary word, and for an acronym that the dictionary knows."""
    if not text[place].isupper() or not begins_word(text, place):
        return None
    if match := _PAIR.match(text, place):
        return _pair(match)
    if match := _ROM.match(text, place):
        return Verbalization(match.end(), (*spell(match[1]), "rom" + match[2]), "acronym", "read-only memory")
    match = _WRITTEN.match(text, place)
    if not match:
        return None
    capitals = _CAPITALS.match(match[1])
    stem, ending = (capitals[1], capitals[2]) if capitals else (match[1], "")
    if not capitals and stem.endswith("s") and stem[:-1] in _table():
        stem, ending = stem[:-1], "s"
    if stem not in _table() and not capitals:
        return None
    words, rule = _words(text, place, match.end(), stem, ending)
    return Verbalization(match.end(), words, "acronym", rule) if words else None


def _pair(match: re.Match[str]) -> Verbalization | None:
    """Read "R&D" and "AC/DC". Longer words, as in "AND/OR", are no acronyms."""
    first, sign, last = match.groups()
    if sign == "/" and (is_word(first) or is_word(last)) and (first, last) not in (("I", "O"), ("A", "C")):
        return None
    words = (*spell(first), *(("and",) if sign == "&" else ()), *_letters(last.removesuffix("s"), "s" if last[-1] == "s" else ""))
    return Verbalization(match.end(), words, "acronym", "letters with a sign")


def _words(text: str, start: int, end: int, stem: str, ending: str) -> tuple[Words, str]:
    """Return the words of the acronym and the rule; no words if the dictionary has the reading."""
    spoken, where = _table().get(stem, ("", ""))
    if spoken and _is_there(text, start, end, where):
        if spoken == "letters":
            return _letters(stem, ending), "spelled, by the table"
        if spoken == "word":
            return (stem + ending,), "read as a word, by the table"
        *first, last = spoken.split()
        return (*first, last + ("'s" if ending else "")), "by the table"
    if spoken:
        return (), ""
    if is_word(stem):
        return ((stem + ending,), "plural of a word") if ending and not _is_shouting(text, start, end) else ((), "")
    vowels = bool(re.search("[AEIOUY]", stem))
    if not vowels and not text.startswith("'", end):
        return _letters(stem, ending), "spelled, no vowels"
    if (len(stem) > _SHORT or _is_spelled(stem)) and cmu_pronunciations(stem.lower()):
        return (_letters(stem, ending), "plural") if ending else ((), "")
    if vowels and (len(stem) > _LONGEST_SPELLED or (len(stem) > _SHORT and _is_shouting(text, start, end))):
        return (), ""
    return _letters(stem, ending), "spelled"


def _is_there(text: str, start: int, end: int, where: str) -> bool:
    if where == "always":
        return True
    if where == "the":
        return bool(re.search(r"\b(?:[Tt]he|[Aa]n|[Mm]y|[Hh]is|[Hh]er) $", text[max(0, start - 5) : start])) and not _is_shouting(
            text, start, end
        )
    if where.startswith("unless ") and word_after(text, end) in where.split():
        return False
    return not _is_shouting(text, start, end)


def _is_shouting(text: str, start: int, end: int) -> bool:
    """Return True if the text around is words in capitals, or the word before or after is one. A list of acronyms is none."""
    if is_shouted(text, start, end):
        around = _AROUND.findall(text[max(0, start - _NEAR) : start] + " " + text[end : end + _NEAR])
        return any(_is_emphasised(word) for word in around)
    before, after = _BESIDE.search(text, max(0, start - 20), start), _NEXT.match(text, end)
    return any(_is_emphasised(found[1]) for found in (before, after) if found)


def _is_emphasised(word: str) -> bool:
    return len(word) > 1 and is_word(word)


def _letters(stem: str, ending: str) -> Words:
    *first, last = spell(stem)
    return (*first, last + ("'s" if ending else ""))


@cache
def _short_words() -> frozenset[str]:
    return frozenset(word for row in tables.rows("short_words") for word in row[0].split())


@cache
def is_word(stem: str) -> bool:
    """Return True if the dictionary reads `stem` as a word, not letter by letter; a short one must be an ordinary word."""
    if len(stem) <= _SHORT and stem.lower() not in _short_words():
        return False
    return bool(cmu_pronunciations(stem.lower())) and stem not in _table() and not _is_spelled(stem)


def _is_spelled(stem: str) -> bool:
    """Return True if a pronunciation of `stem` in the dictionary is the names of its letters."""
    names = [cmu_pronunciations(letter.lower() + ".")[0] for letter in stem]
    letters = [phone.rstrip("012") for name in names for phone in name]
    return any([phone.rstrip("012") for phone in phones] == letters for phones in cmu_pronunciations(stem.lower()))


@cache
def _table() -> dict[str, tuple[str, str]]:
    return {written: (spoken, where) for written, spoken, where in tables.rows("acronyms")}


CLASS = SemioticClass("acronym", read, marked=True)
