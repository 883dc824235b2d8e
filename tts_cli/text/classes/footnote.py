"""Footnote marks: raised or bracketed numbers and asterisks after a word or a sentence, which are silent."""

from __future__ import annotations

import re
from functools import cache

from tts_cli.text import tables
from tts_cli.text.characters import SUPERSCRIPTS
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.numbers import year

_RAISED = "".join(SUPERSCRIPTS[:10])
_BRACKETED = r"\[(?:\d{1,3}(?:[-–,] ?\d{1,3}){0,3}|[a-z]|(?:note|nb|n|lower-alpha) \d{1,2}|citation needed|edit)\]"
_MARK = rf"(?:[{_RAISED}]{{1,3}}(?:[,⁻–][{_RAISED}]{{1,3}}){{0,3}}|{_BRACKETED}|[*†‡§]{{1,3}}(?!\w))"
_MARKS = re.compile(rf"(?:{_MARK}){{1,5}}(?![\w*])")
_STOP = re.compile(
    rf"(\.{{2,4}}|[.!?]{{1,3}})[\"')\]]{{0,3}}(?:(?:{_MARK}){{1,5}}|\(\d{{1,3}}\)|(?P<digits>\d{{1,3}}))(?=[\"')]?(?:\s|$))"
)
_PAUSE = re.compile(rf"([,;:])[\"']?(?:{_MARK}){{1,5}}(?=\s)")
_YEAR = re.compile(
    rf"(1[5-9]\d\d|20\d\d)(?:[{_RAISED}]{{1,3}}(?![\w{SUPERSCRIPTS}])(?! ?[-+−=×*/])|(\.\d{{1,2}})(?= [A-Z][a-z]))"
)
_AFTER = re.compile(r"\s*[\"'(]?")
_WORD_BEFORE = re.compile(r"([A-Za-z']+)[\"')\]]{0,3}$")
_NEAR = 40


def _read_stop(text: str, place: int) -> Verbalization | None:
    """Return the reading of a stop with its footnote marks."""
    if text[place] in ",;:":
        match = _PAUSE.match(text, place)
        return Verbalization(match.end(), (), "footnote", "mark after a pause", match[1]) if match else None
    match = _STOP.match(text, place)
    if not match or (match["digits"] and not _follows_word(text, match)):
        return None
    mark = "?" if "?" in match[1] else "!" if "!" in match[1] else "…" if len(match[1]) > 1 else "."
    ends = not _first_after(text, match.end()).islower()
    return Verbalization(match.end(), (), "footnote", "mark after a sentence", mark, ends)


def _follows_word(text: str, match: re.Match[str]) -> bool:
    """Return True if the stop before bare digits ends a sentence: a whole word before, and a capital or nothing after."""
    before = _WORD_BEFORE.search(text, max(0, match.start() - _NEAR), match.start())
    is_quoted = match.start("digits") > match.end(1)
    after = _first_after(text, match.end())
    if before and is_quoted:
        return not after or after.isupper()
    if not before or len(before[1]) < 2 or before[1].lower() in _counted() or (before[1].isupper() and len(before[1]) < 4):
        return False
    return not after or after.isupper()


def _first_after(text: str, place: int) -> str:
    match = _AFTER.match(text, place)
    end = match.end() if match else place
    return text[end : end + 1]


def _read_mark(text: str, place: int) -> Verbalization | None:
    """Return the reading of marks right after a word, a bracket or a quote."""
    before = text[place - 1 : place] if place else ""
    match = _MARKS.match(text, place)
    if not match or not (before.isalpha() or (before and before in ".!?\"')]%")):
        return None
    if before.isalpha() and not _is_noted(text, place, match[0]):
        return None
    ends = before == "." and _first_after(text, match.end()).isupper()
    return Verbalization(match.end(), (), "footnote", "mark after a word", "." if ends else " ", ends)


def _read_year(text: str, place: int) -> Verbalization | None:
    """Return the reading of a year with a raised mark, which is no power."""
    match = _YEAR.match(text, place)
    if not match or not begins_word(text, place) or text[place - 1 : place] in tuple(".,-–/:"):
        return None
    ends = match.end(2) > match.start(2)
    return Verbalization(match.end(), year(match[1]), "footnote", "mark after a year", "." if ends else " ", ends)


def _is_noted(text: str, place: int, mark: str) -> bool:
    """Return False for the power of a variable or unit, and for an index such as x[3]."""
    before = _WORD_BEFORE.search(text, max(0, place - _NEAR), place)
    return before is not None and len(before[1]) > 1 and not (mark[0] in _RAISED and before[1] in _units())


@cache
def _counted() -> frozenset[str]:
    return frozenset(word for row in tables.rows("counted_words") for word in row[0].split())


@cache
def _units() -> frozenset[str]:
    return frozenset("km cm mm nm dm mi ft yd in mc ab xy bc ac kx mx sec".split())


CLASSES = (
    SemioticClass("footnote year", _read_year, characters="12"),
    SemioticClass("footnote", _read_stop, characters=".!?,;:"),
    SemioticClass("footnote mark", _read_mark, characters=_RAISED + "[*†‡§"),
)
