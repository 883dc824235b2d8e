"""Chemistry: formulas of compounds, ions and isotopes."""

from __future__ import annotations

import re
from functools import cache

from tts_cli.text import tables
from tts_cli.text.characters import SUBSCRIPTS, SUPERSCRIPTS
from tts_cli.text.dictionary import cmu_has
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word
from tts_cli.text.numbers import Words, cardinal, digits

_PLAIN = str.maketrans(SUPERSCRIPTS + SUBSCRIPTS + "−", "0123456789+-n0123456789-")
_PART = rf"(?:[A-Z][a-z]?|[()\[\]])[{SUBSCRIPTS}\d]{{0,3}}"
_COMPOUND = re.compile(
    rf"((?:\d{{1,2}}(?=[A-Z][^ ]))?)((?:{_PART}){{1,24}})([{SUPERSCRIPTS[:10]}]?[⁺⁻]|\d?[+−](?![\w+]))?(?![\w'@_])"
)
_PIECE = re.compile(rf"([A-Z][a-z]?)|([()\[\]])|([{SUBSCRIPTS}\d]+)")
_ISOTOPE = re.compile(rf"([{SUPERSCRIPTS[:10]}]{{1,3}})([A-Z][a-z]?)(?!\w)")
_SPELLED = {"pH": "P. H.", "pKa": "P. K. A.", "pOH": "P. O. H.", "pKb": "P. K. B."}
_SPELLED_WORD = re.compile(r"pH|pKa|pOH|pKb")


def _read_compound(text: str, place: int) -> Verbalization | None:
    match = _COMPOUND.match(text, place)
    if not match or not begins_word(text, place):
        return _read_spelled(text, place)
    elements = [piece for piece, _, _ in _PIECE.findall(match[2]) if piece]
    if not elements or any(element not in _elements() for element in elements) or not _is_balanced(match[2]):
        return None
    if not _is_formal(match, elements):
        return None
    count = cardinal(match[1]) if match[1] else ()
    return Verbalization(match.end(), (*count, *_formula(match[2]), *_charge(match[3] or "")), "chemistry", "formula")


def _read_spelled(text: str, place: int) -> Verbalization | None:
    match = _SPELLED_WORD.match(text, place)
    if not match or not begins_word(text, place) or text[match.end() : match.end() + 1].isalnum():
        return None
    return Verbalization(match.end(), tuple(_SPELLED[match[0]].split()), "chemistry", "spelled")


def _is_formal(match: re.Match[str], elements: list[str]) -> bool:
    """Return True if the token can only be a formula: it has an index or a charge, or elements in mixed case, unlike "CPAs"."""
    formula, charge = match[2], match[3] or ""
    has_index = any(character in SUBSCRIPTS for character in formula)
    if has_index or any(character in SUPERSCRIPTS for character in charge):
        return True
    if any(character.isdigit() for character in formula):
        return len(elements) > 1 and not match[1] and _has_small_numbers(formula)
    if charge:
        return len(elements[0]) == 2 and (charge[0].isdigit() or elements[0] in ("Na", "Ca", "Mg", "Li", "Cl", "Br"))
    if formula[-1] == "s" and formula[:-1].isupper():
        return False
    words = [len(element) == 2 and cmu_has(element.lower()) for element in elements]
    is_mixed = len(elements) > 1 and any(len(element) == 2 for element in elements) and not all(words)
    return is_mixed and formula != "NaN" and not cmu_has(formula.lower()) and formula.isalpha()


def _has_small_numbers(formula: str) -> bool:
    return all(len(number) <= 2 and number[0] != "0" for number in re.findall(r"\d+", formula))


def _is_balanced(formula: str) -> bool:
    return formula.count("(") == formula.count(")") and formula.count("[") == formula.count("]") and formula[0] not in ")]"


def _formula(formula: str) -> Words:
    words: Words = ()
    for element, _, number in _PIECE.findall(formula):
        words += (
            tuple(letter.upper() + "." for letter in element) if element else cardinal(number.translate(_PLAIN)) if number else ()
        )
    return words


def _charge(charge: str) -> Words:
    plain = charge.translate(_PLAIN)
    number = cardinal(plain[:-1]) if plain[:-1] else ()
    return (*number, "plus" if plain.endswith("+") else "minus") if plain else ()


def _read_isotope(text: str, place: int) -> Verbalization | None:
    match = _ISOTOPE.match(text, place)
    if not match or match[2] not in _elements() or not begins_word(text, place):
        return None
    number = match[1].translate(_PLAIN)
    spoken = (*cardinal(number[0]), *cardinal(number[1:])) if len(number) == 3 and number[1] != "0" else cardinal(number)
    return Verbalization(match.end(), (*_elements()[match[2]], *(spoken or digits(number))), "chemistry", "isotope")


def _read_arrow(text: str, place: int) -> Verbalization | None:
    """Return the reading of the arrow of a reaction: the side before it ends with a formula."""
    before = text[max(0, place - 12) : place].rstrip()
    after = text[place + 1 : place + 14].lstrip()
    is_reaction = bool(re.search(rf"[{SUBSCRIPTS}]|[A-Z][a-z]?[⁺⁻]", before + after)) and before[-1:].isalnum()
    return Verbalization(place + 1, ("yields",), "chemistry", "reaction") if is_reaction and after[:1].isalnum() else None


@cache
def _elements() -> dict[str, Words]:
    return tables.entries("elements")


CLASSES = (
    SemioticClass("chemistry", _read_compound, characters="123456789", words=frozenset({"ph", "pka", "poh", "pkb"}), marked=True),
    SemioticClass("isotope", _read_isotope, characters=SUPERSCRIPTS[:10]),
    SemioticClass("reaction", _read_arrow, characters="→⇒"),
)
