"""Names of months, weekdays, eras and time zones, and the words around a date or time that decide its reading."""

from __future__ import annotations

import re
from functools import cache

from tts_cli.text.grammar import next_word, previous_word
from tts_cli.text.numbers import Words
from tts_cli.text.patterns import pattern
from tts_cli.text.tables import entries, rows

_NEAR = 40
_BEFORE_INTRODUCTION = pattern(r"(?:^|[.?!:;\n]|[.?!][\"')\]])[ \n]*[\"'(]?([A-Za-z]+)(?: [a-z]+)? ?$")
_WORD_AFTER = pattern(r"[\"')\]]*(?:\s+[\"']*([A-Za-z\d(\[]*)|$)")


def names(table: str, full: bool = True) -> dict[str, str]:
    """Return the written forms of `table` in lower case, each with its spoken name; without the spoken names if not `full`."""
    pairs = ((form, row[1]) for row in rows(table) for form in row[0].split("|"))
    return {form.lower(): spoken for form, spoken in pairs if full or form != spoken}


def alternatives(table: str, full: bool = True) -> str:
    """Return a pattern for the written forms of `table`, in small or capital letters, longest first."""
    forms = sorted(map(re.escape, names(table, full)), key=len, reverse=True)
    return "(?i:" + "|".join(forms) + ")(?![A-Za-z])"


@cache
def doubtful(table: str) -> frozenset[str]:
    """Return the short forms of `table`, in lower case, that are also names or words with a capital, such as "Jan" and "Sun"."""
    return frozenset(form.lower() for row in rows(table) for form in row[2].split())


@cache
def common_months() -> frozenset[str]:
    """Return the forms of months that are ordinary words in small letters, such as "may"."""
    return frozenset(form for row in rows("months") for form in row[3].split())


@cache
def months() -> tuple[str, ...]:
    """Return the spoken names of the months in order."""
    return tuple(row[1] for row in rows("months"))


def context(rule: str) -> frozenset[str]:
    """Return the words that `rule` of the table of contexts names."""
    return _contexts()[rule]


@cache
def _contexts() -> dict[str, frozenset[str]]:
    return {rule: frozenset(words) for rule, words in entries("calendar_context").items()}


def before(text: str, place: int) -> str:
    """Return the word before `place` in lower case; the first part of a compound ("mid" of "mid-1990s"), or ""."""
    if place > 1 and text[place - 1] == "-" and text[place - 2].isalpha():
        place -= 1
        start = place
        while start > 0 and text[start - 1].isalpha() and place - start < _NEAR:
            start -= 1
        return text[start:place].lower()
    return previous_word(text, place).lower()


def after(text: str, place: int) -> str:
    """Return the word after the blanks at `place`, or ""."""
    return next_word(text, place)


def ends_sentence(text: str, start: int, end: int) -> bool:
    """Return True if the full stop before `end` ends the sentence and the token `text[start:end]`, such as "5 p.m."."""
    if text[end - 1 : end] != ".":
        return False
    found = _WORD_AFTER.match(text, end)
    if not found:
        return False
    word = found[1] or ""
    if not word:
        return not text[end:].strip(" \n\"')]")
    if not word[0].isupper() or any(word.lower() in names(table) for table in ("weekdays", "months", "eras")):
        return False
    if word.lower() in context("opener"):
        return True
    introduction = _BEFORE_INTRODUCTION.search(text, max(0, start - _NEAR), start)
    return not (introduction and introduction[1].lower() in context("introduction"))


@cache
def era_pattern(place: str = "") -> str:
    """Return a pattern for eras, with or without full stops; only those that may stand at `place` ("both"), if it is given."""
    forms = [row[0] for row in rows("eras") if not place or row[2] == place]
    return "(?:" + "|".join(rf"{'[.]? ?'.join(form)}(?![A-Za-z])\.?" for form in sorted(forms, key=len, reverse=True)) + ")"


def era(written: str) -> Words:
    """Return the spoken letters of an era such as "B.C."."""
    return entries("eras")[written.replace(".", "").replace(" ", "").upper()]
