"""Measures: a number with a unit, its power and the units that it is per."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from tts_cli.text.classes.number import Number
from tts_cli.text.grammar import next_word, previous_word
from tts_cli.text.numbers import Words
from tts_cli.text.tables import entries, rows

_ARTICLES = frozenset("a an another each every per one".split())
_DETERMINERS = frozenset("the this that his her its my your our their no any".split())
_FUNCTION_WORDS = frozenset(
    "a an the of in on at to from by for with and or but nor than then as is are was were be been being am has have had do"
    " does did will would can could may might must shall should that which who when while where if so because about above"
    " below over under per into onto off out up down away ago later before after during until since between among through"
    " across along around it he she they we you i this these those there here not now only more less each every all both"
    " today yesterday tomorrow until till via without within toward towards apart deep".split()
)
_CONTRACTIONS = frozenset("it's he's she's that's what's there's here's who's where's let's how's this's".split())
_SIZED = frozenset("wide long tall deep high thick across diameter in of pipe screen tablet display nail disk".split())
_POWERS = {"²": 2, "³": 3, "^2": 2, "^3": 3, "2": 2, "3": 3}
_SQUARE = re.compile(r"(?P<form>sq|cu|square|cubic)\.? ")
_POWER = re.compile(r"[²³]|\^[23](?!\d)|[23](?![\w.])")
_PER = re.compile(r" ?/ ?(?=[A-Za-zµΩ°])| per (?=[a-z]{1,3}\b)")
_ANY_WORD = re.compile(r"[a-z]{3,20}\b")
_STOP = re.compile(r"\.(?=[,;:)]|[ \n]+[a-z\d(])")


class Unit(NamedTuple):
    """Unit of measurement: singular and plural, and where it is one."""

    singular: Words
    plural: Words
    where: str
    """ "": after any number; "spaced", "joined", "word", "inch": see units.tsv."""
    written: str


class Measure(NamedTuple):
    """Units after a number, such as "mg/kg per day"."""

    end: int
    singular: Words
    plural: Words
    name: str
    is_hyphened: bool = False
    """True for a unit that a hyphen joins to the number: "5-kg bag"."""


def read_unit(text: str, place: int) -> Measure | None:
    """Return the units that begin at `place`, right after a number and perhaps a blank or hyphen; None if there are none."""
    start = place
    gap = text[place : place + 1]
    if gap in (" ", "-", "\n"):
        start += 1
    else:
        gap = ""
    shape = _SQUARE.match(text, start)
    found = _unit(text, shape.end() if shape else start, gap)
    if found is None:
        return None
    end, unit = found
    singular, plural = unit.singular, unit.plural
    if unit.where == "word":
        # A word that is written out keeps its form: "5 mile runs".
        singular = plural = (*text[(shape.end() if shape else start) : end].split(),)
    if shape:
        words = entries("words")["cubic" if shape["form"].startswith("cu") else "square"]
        singular, plural = (*words, *singular), (*words, *plural)
    elif power := _POWER.match(text, end):
        if unit.where == "word":
            return None
        end = power.end()
        words = entries("words")["square" if _POWERS[power[0]] == 2 else "cubic"]
        singular, plural = (*words, *singular), (*words, *plural)
    if _touches_word(text, end):
        return None
    if unit.where == "spaced" and not _ends_phrase(text, start, end):
        return None
    if unit.where == "inch" and not _is_inch(text, end, gap):
        return None
    per: Words = ()
    while match := _PER.match(text, end):
        below = _below(text, match.end())
        if below is None:
            break
        end, words = below
        per = (*per, *entries("words")["per"], *words)
    if unit.where != "word" and (stop := _STOP.match(text, end)):
        end = stop.end()
    return Measure(end, (*singular, *per), (*plural, *per), unit.written, gap == "-")


def unit_words(text: str, start: int, number: Number, measure: Measure) -> Words:
    """Return the words of the units after `number`: singular for one, and before a noun with an article, as in "a 10 ft pole"."""
    return (
        measure.singular if number.is_one or measure.is_hyphened or is_attributive(text, start, measure.end) else measure.plural
    )


def is_attributive(text: str, start: int, end: int) -> bool:
    """Return True if the measure from `start` to `end` stands before its noun: "a 5 kg bag", "the 100m dash"."""
    before, after = previous_word(text, start).lower(), next_word(text, end)
    if not after or not after[0].isalpha() or after.lower() in _FUNCTION_WORDS or "\n" in text[end : end + 1]:
        return False
    possessive = before.endswith("'s") and before not in _CONTRACTIONS
    return before in _ARTICLES or possessive or (before in _DETERMINERS and not after.endswith(("ed", "ing")))


def _touches_word(text: str, end: int) -> bool:
    following = text[end : end + 1]
    return following.isalnum() or following == "_" or (following == "'" and text[end + 1 : end + 2].isalpha())


def _ends_phrase(text: str, start: int, end: int) -> bool:
    """Return True if a single letter after a number is more likely a unit ("3 A at 12 V") than a name ("5 A grades")."""
    after = next_word(text, end)
    return (
        not after
        or after.lower() in _FUNCTION_WORDS
        or previous_word(text, text.rfind(" ", 0, start - 1) + 1).lower() in _ARTICLES
    )


def _is_inch(text: str, end: int, gap: str) -> bool:
    if gap == "":
        return True
    if text.startswith(".", end):
        after = text[end + 1 : end + 3].lstrip(" ")[:1]
        return not after.isupper() and after != ""
    return next_word(text, end).lower() in _SIZED - {"in", "of"} or bool(re.match(r" ?[x×] ?\d", text[end : end + 4]))


def _below(text: str, place: int) -> tuple[int, Words] | None:
    """Return end and singular of the unit after "per"."""
    found = _unit(text, place, "")
    if found:
        end, unit = found
        words = unit.singular
        if power := _POWER.match(text, end):
            end = power.end()
            square = _POWERS[power[0]] == 2
            is_time = words[0] in ("second", "hour", "minute")
            names = entries("words")[("squared" if square else "cubed") if is_time else ("square" if square else "cubic")]
            words = (*words, *names) if is_time else (*names, *words)
        if not _touches_word(text, end):
            return end, words
    match = _ANY_WORD.match(text, place)
    return (match.end(), (match[0],)) if match else None


def _unit(text: str, place: int, gap: str) -> tuple[int, Unit] | None:
    units, longest = _units()
    for size in range(min(longest, len(text) - place), 0, -1):
        unit = units.get(text[place : place + size])
        if unit is None or (text[place + size - 1].isalpha() and text[place + size : place + size + 1].isalpha()):
            continue
        if unit.where == "word" and gap == "":
            continue
        if (unit.where == "spaced" and gap != " ") or (unit.where == "joined" and gap):
            continue
        return place + size, unit
    return None


@cache
def _units() -> tuple[dict[str, Unit], int]:
    """Return the units by written form, with their prefixes, and the length of the longest form."""
    prefixes = entries("prefixes")
    found: dict[str, Unit] = {}
    for row in rows("units"):
        forms, singular, plural, allowed, where = (*row, "", "")[:5]
        for form in forms.split("|"):
            if where != "prefixed":
                found.setdefault(form, Unit(tuple(singular.split()), tuple(plural.split()), where, form))
            for symbol in allowed.split():
                for spelling in ("µ", "u") if symbol == "µ" else (symbol,):
                    prefix = prefixes[spelling][0]
                    unit = Unit(tuple((prefix + singular).split()), tuple((prefix + plural).split()), "", spelling + form)
                    found.setdefault(spelling + form, unit)
    return found, max(map(len, found))
