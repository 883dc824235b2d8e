"""Mathematics: formulas with numbers, variables, powers and functions, and single operators between other values."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from tts_cli.text import tables
from tts_cli.text.characters import SUBSCRIPTS, SUPERSCRIPTS
from tts_cli.text.classes import measure
from tts_cli.text.dictionary import cmu_has
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word, previous_word
from tts_cli.text.numbers import Words, cardinal, decimal, fraction, ordinal
from tts_cli.text.patterns import pattern

_MOST_TERMS = 40
_MOST_WEAK_TERMS = 8
"""Terms joined by weak operators alone, as in "a-b-c", until a longer row is taken for a code."""
_DEEPEST = 4
_WEAK = frozenset("-−–/")
"""Operators that are also marks of ranges and fractions."""
_UNITS = frozenset(
    "m km cm mm nm mi ft yd in kg g mg t lb lbs oz l L ml mL gal s sec ms min h hr hrs k K M B bn Hz kHz MHz GHz W kW MW V kV A"
    " mA J kJ N Pa C F KB kB MB GB TB dB ha st nd rd th am pm AM PM a.m p.m percent px pt mph kph rpm mol cal kcal D d".split()
)
"""Letters that name a unit after a number; the measure is left to its class."""
_PRODUCTS = frozenset({"ab", "ac", "ad", "bc", "xy", "xyz", "ax", "ay", "abc", "bx", "ma", "ua", "ut"})
"""Products of variables after a number that are words elsewhere."""
_FRACTION = re.compile(r"(\d{1,3})/(\d{1,3})(?![\d/A-Za-z]|[.,]\d)")
_LARGEST_DENOMINATOR = 100
_NUMBER = re.compile(r"(?:\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d{1,18})(?:\.\d{1,18})?|\.\d{1,18}")
_VARIABLES = re.compile(r"[A-Za-zπ]{1,3}(?![A-Za-z'_@&]|\.\w)")
_INDEX = re.compile(rf"[{SUBSCRIPTS}]{{1,4}}|_\d{{1,2}}(?!\d)")
_QUOTIENT = re.compile(r"(\d{1,9}) / (\d{1,9})(?![\w./])")
_PRIME = re.compile(r"(?<=[a-z])(?:'{1,2}|′{1,2})(?= ?[=+(])")
_RAISED = re.compile(rf"[{SUPERSCRIPTS}]{{1,8}}|\^(?:([-−]?(?:\d{{1,9}}(?!\.?\d)|[A-Za-z]))(?![A-Za-z\d])|([({{]))?")
_TERM_ENDS = re.compile(r"[²³ⁿ⁴]| ?[+=] ?[\w(]")
_FACTORIAL = re.compile(r"!(?= ?[a-z+×*/÷=)-])")
_FUNCTION = re.compile(r"([A-Za-z]{1,6})([²³]?)(?:\(|(?:(?<=[²³])| )(?=[a-zπ]\b|\d))")
_LETTER_FUNCTIONS = frozenset("fghFGHPQuvwy")
_PLAIN_DIGITS = str.maketrans(SUPERSCRIPTS + SUBSCRIPTS, "0123456789+-n0123456789")
_GOES_ON = re.compile(r"[-–:.]\d|/\d+/")
"""Part of a range, ratio or decimal after a number, which is then left to another class."""
_CLOSES_ADDRESS = re.compile(r"<[^\s<>]+$")
_LONGEST_ADDRESS = 300
_LEFT = re.compile(rf"[\w)\]!%°″′{SUPERSCRIPTS}{SUBSCRIPTS}] ?$")
_FACTOR = pattern(r" ?(?:[\d(]|[A-Za-z](?!\w))")
_FACTOR_BEFORE = pattern(r"(?:[\d)]|(?<!\w)[A-Za-z]) ?$")
_RIGHT = re.compile(r" ?[-+−±]?[\w(\[√∑∫$£€¥.∞|]")
_UNIT_POWER = re.compile(r"(?:[a-z]{2}|m)(?:[²³])(?!\w| ?[-+−=])")
_VALUE = re.compile(r" ?[-+−]?[$£€¥]?\.?\d")


class _Part(NamedTuple):
    """Part of a formula."""

    end: int
    words: Words
    is_formal: bool = False
    """True if it can only be mathematics, as a power or an equation."""
    has_variable: bool = False


_EVIDENCE = re.compile(rf"[+×·*÷=≠<>≤≥±≈√∛!(|∞^{SUPERSCRIPTS}]| / |\b[\dπ]*[a-zπ]{{1,3}}\b")
_LOOK_AHEAD = 60
"""Characters after a value in which a formula has an operator or variable, so that rows of plain numbers cost little."""


def read(text: str, place: int) -> Verbalization | None:
    """Return the reading of the formula at `place`; None for a value alone, a range or a measure."""
    if not begins_word(text, place) or text[place - 1 : place] in tuple("_/@#:") or text.startswith("--", place):
        return None
    if not _EVIDENCE.search(text, place, place + _LOOK_AHEAD) and previous_word(text, place).lower() not in _calculation_words():
        return None
    part = _expression(text, place, 0)
    if part is None or not part.is_formal:
        return None
    return Verbalization(part.end, part.words, "mathematics", "formula")


def power(exponent: str) -> Words:
    """Return the words of an exponent in digits, or the letter of a variable: squared for "2", to the fourth for "4"."""
    exponent = exponent.replace("−", "-").replace("+", "")
    if exponent in ("2", "3"):
        return ("squared",) if exponent == "2" else ("cubed",)
    if exponent.isdigit():
        return ("to", "the", *ordinal(exponent))
    if exponent[1:].isdigit():
        return ("to", "the", "minus", *cardinal(exponent[1:]))
    sign = ("minus",) if exponent[0] == "-" else ()
    return ("to", "the", *sign, *(word for letter in exponent if letter.isalnum() for word in _letter(letter)))


def _letter(letter: str) -> Words:
    return ("pi",) if letter == "π" else cardinal(letter) if letter.isdigit() else (letter.upper() + ".",)


def _expression(text: str, place: int, depth: int) -> _Part | None:
    """Return the operands and operators at `place`, as far as they are mathematics."""
    part = _operand(text, place, depth)
    is_spaced = False
    for terms in range(_MOST_TERMS):
        operator = _operators().match(text, part.end) if part else None
        if part is None or operator is None or (terms >= _MOST_WEAK_TERMS and not part.is_formal):
            break
        sign, spaced = operator[2], bool(operator[1])
        if not _is_binary(operator, text, is_spaced) or _divides(text, part, operator) or _is_heart(operator, text, place):
            break
        following = _operand(text, operator.end(), depth)
        if following is None or _is_measure(text, following) or (spaced and _GOES_ON.match(text, following.end)):
            break
        is_weak = sign in _WEAK or (sign == "×" and not spaced)
        is_formal = part.is_formal or following.is_formal or not is_weak or _subtracts(text, place, part, spaced)
        has_variable = part.has_variable or following.has_variable
        words = _division(spaced) if sign == "/" else _names()[sign][0]
        part = _Part(following.end, (*part.words, *words, *following.words), is_formal, has_variable)
        is_spaced = is_spaced or (spaced and sign not in _WEAK)
    return part


def _division(spaced: bool) -> Words:
    return ("divided", "by") if spaced else ("over",)


def _divides(text: str, part: _Part, operator: re.Match[str]) -> bool:
    """Return True for a slash that is no division: in and/or, km/h, 24/7."""
    return (
        operator[2] == "/"
        and not (part.is_formal or part.has_variable or operator[1])
        and not re.match(r"[a-z(√]", text[operator.end() :][:1])
    )


def _is_heart(operator: re.Match[str], text: str, place: int) -> bool:
    """Return True for "I <3 you"."""
    return operator[0] == " <" and text[place] == "I" and text.startswith("3", operator.end())


def _is_binary(operator: re.Match[str], text: str, is_spaced: bool) -> bool:
    """Return False for a sign that belongs to the next number ("500 -3%"), and for the dash of a range in an equation."""
    sign, before, after = operator[2], bool(operator[1]), bool(operator[3])
    is_number = text[operator.end() : operator.end() + 1].isdigit()
    if sign in "-−–":
        is_range = is_spaced and is_number and not before
        return not is_range if before == after else after and sign != "–"
    return after or not before or sign != "+" or is_number


def _subtracts(text: str, place: int, part: _Part, spaced: bool) -> bool:
    """Return True if a minus or slash between two values is arithmetic without further evidence."""
    if part.has_variable and spaced:
        return True
    numbers = _QUOTIENT.match(text, place)
    if numbers and int(numbers[1]) > int(numbers[2]):
        return True
    return previous_word(text, place).lower() in _calculation_words()


def _is_measure(text: str, part: _Part) -> bool:
    """Return True if a unit follows the number that ends `part`, so that number and unit are one measure."""
    if not text[part.end - 1].isdigit():
        return False
    after = text[part.end : part.end + 2]
    return after[:1].isalpha() or after.strip()[:1] in tuple("%°$€£") or measure.read_unit(text, part.end) is not None


def _operand(text: str, place: int, depth: int) -> _Part | None:
    """Return the value at `place` with its sign, power, index and factorial."""
    sign: Words = ()
    if text[place : place + 1] in ("-", "−", "+", "±") and text[place + 1 : place + 2] not in ("", " ", "-", "+"):
        sign, place = _names()[text[place]][1], place + 1
    part = _bracketed(text, place, depth) or _root(text, place, depth) or _function(text, place, depth) or _value(text, place)
    if part is None:
        return None
    part = part._replace(words=(*sign, *part.words))
    if prime := _PRIME.match(text, part.end):
        part = _Part(prime.end(), (*part.words, *(["prime"] * len(prime[0]))), part.is_formal, True)
    if index := _INDEX.match(text, part.end):
        number = cardinal(index[0].translate(_PLAIN_DIGITS).strip("_"))
        part = part._replace(end=index.end(), words=(*part.words, "sub", *number))
    part = _raised(text, part, depth)
    if factorial := _FACTORIAL.match(text, part.end):
        part = _Part(factorial.end(), (*part.words, "factorial"), True, part.has_variable)
    return part


def _raised(text: str, part: _Part, depth: int) -> _Part:
    match = _RAISED.match(text, part.end)
    if not match or (match[0] == "^"):
        return part
    if match[2]:
        inner = _expression(text, match.end(), depth + 1) if depth < _DEEPEST else None
        if inner is None or text[inner.end : inner.end + 1] not in (")", "}"):
            return part
        return _Part(inner.end + 1, (*part.words, "to", "the", "power", "of", *inner.words), True, part.has_variable)
    exponent = match[1] or match[0].translate(_PLAIN_DIGITS)
    if exponent in ("+", "-") or _is_note(text, part, match):
        return part
    return _Part(match.end(), (*part.words, *power(exponent)), True, part.has_variable)


def _is_note(text: str, part: _Part, match: re.Match[str]) -> bool:
    """Return True for a raised number after a year, which is a footnote mark."""
    return match[0][0] != "^" and bool(re.search(r"(?<!\d)(?:1[5-9]|20)\d\d$", text[max(0, part.end - 5) : part.end]))


def _bracketed(text: str, place: int, depth: int) -> _Part | None:
    mark = text[place : place + 1]
    if mark not in ("(", "|") or depth >= _DEEPEST:
        return None
    inner = _expression(text, place + 1, depth + 1)
    if inner is None or text[inner.end : inner.end + 1] != {"(": ")", "|": "|"}[mark]:
        return None
    if mark == "|":
        return _Part(inner.end + 1, ("the", "absolute", "value", "of", *inner.words), inner.has_variable or inner.is_formal, True)
    closes = text[inner.end + 1 : inner.end + 2] in (" ", "")
    words = (*inner.words[:-1], inner.words[-1].rstrip(",") + ",") if closes and len(inner.words) > 1 else inner.words
    return _Part(inner.end + 1, words, inner.is_formal, inner.has_variable)


def _root(text: str, place: int, depth: int) -> _Part | None:
    name = {"√": "sqrt", "∛": "cbrt"}.get(text[place : place + 1])
    inner = _operand(text, place + 1, depth + 1) if name and depth < _DEEPEST else None
    return _Part(inner.end, ("the", *_functions()[name], *inner.words), True, inner.has_variable) if name and inner else None


def _function(text: str, place: int, depth: int) -> _Part | None:
    match = _FUNCTION.match(text, place)
    if not match or depth >= _DEEPEST or not (match[1] in _functions() or match[1] in _LETTER_FUNCTIONS):
        return None
    is_letter = match[1] in _LETTER_FUNCTIONS
    words: Words = (*_letter(match[1]), "of") if is_letter else _functions()[match[1]]
    if match[2]:
        words = (*words[:-1], *power(match[2].translate(_PLAIN_DIGITS)), words[-1])
    if not match[0].endswith("("):
        return None if is_letter else _applied(text, match.end(), words, depth)
    end, is_first = match.end(), True
    while is_first or text[end : end + 1] == ",":
        end += 0 if is_first else 1 + (text[end + 1 : end + 2] == " ")
        inner = _expression(text, end, depth + 1)
        if inner is None:
            return None
        words, end, is_first = (*words, *(() if is_first else ("and",)), *inner.words), inner.end, False
    return _Part(end + 1, words, True, True) if text[end : end + 1] == ")" else None


def _applied(text: str, place: int, words: Words, depth: int) -> _Part | None:
    inner = _operand(text, place, depth + 1)
    return _Part(inner.end, (*words, *inner.words), True, True) if inner else None


def _value(text: str, place: int) -> _Part | None:
    """Return a number, a fraction, a variable, or a product, such as 4, 3/4, x, 2a and mc."""
    parts = _FRACTION.match(text, place)
    if parts and int(parts[1]) < int(parts[2]) <= _LARGEST_DENOMINATOR and int(parts[1]):
        return _Part(parts.end(), fraction(int(parts[1]), int(parts[2])))
    number = _NUMBER.match(text, place)
    start = number.end() if number else place
    letters = _VARIABLES.match(text, start)
    if text.startswith("∞", start) and not number:
        return _Part(place + 1, ("infinity",), True)
    is_term = letters is not None and (number is not None or _is_term(text, place, letters.end()))
    if letters and not _is_product(letters[0], bool(number), is_term):
        letters = None
    if number:
        if not letters and text[start : start + 1].isalpha() and text[start] != "ⁿ":
            return None
        value = number[0].replace(",", "")
        words = decimal(value) if "." in value else cardinal(value)
        return _Part(letters.end() if letters else start, (*words, *_product(letters)), False, bool(letters))
    return _Part(letters.end(), _product(letters), False, letters[0].islower()) if letters else None


def _product(letters: re.Match[str] | None) -> Words:
    return tuple(word for letter in letters[0] for word in _letter(letter)) if letters else ()


def _is_term(text: str, start: int, end: int) -> bool:
    """Return True if letters stand where a term of an equation stands: after "= ", before a power or a plus."""
    return text[max(0, start - 2) : start] == "= " or bool(_TERM_ENDS.match(text, end))


def _is_product(letters: str, has_number: bool, is_term: bool) -> bool:
    """Return True if the letters are variables, not a word or the unit of a number."""
    if len(letters) == 1:
        return not has_number or letters not in _UNITS
    is_word = cmu_has(letters) and bool(re.search("[aeiouy]", letters)) and not (is_term and letters in _PRODUCTS)
    return letters.islower() and letters not in _UNITS and not is_word and letters not in _functions()


def _read_operator(text: str, place: int) -> Verbalization | None:
    """Return the reading of an operator between values of other classes, or before one value, as in "<5"."""
    match = _operators().match(text, place)
    if not match or match[1] or match[2] in _WEAK or match[2] == "∈":
        return None
    sign, end = match[2], match.start(2) + len(match[2])
    between, before = _names()[sign]
    if sign == "×" and text[place - 1 : place].isdigit() and text[end : end + 1].isdigit():
        return Verbalization(end, _names()["by"][0], "mathematics", "dimensions")
    if sign == "*" and not (_FACTOR.match(text, end) and _FACTOR_BEFORE.search(text, max(0, place - 4), place)):
        return None
    if not _RIGHT.match(text, end) or (sign == ">" and _CLOSES_ADDRESS.search(text, max(0, place - _LONGEST_ADDRESS), place)):
        return None
    if _LEFT.search(text, max(0, place - 2), place):
        is_joined = between[0] == "is" and previous_word(text, place).lower() in _joiners()
        return Verbalization(end, between[1:] if is_joined else between, "mathematics", "operator between values")
    is_value = sign not in "=+*·×==" and _VALUE.match(text, end)
    return Verbalization(end, before, "mathematics", "operator before a value") if before and is_value else None


def _read_unit_power(text: str, place: int) -> Verbalization | None:
    """Return the reading of a unit of area or volume without a number: square kilometers for "km²"."""
    match = _UNIT_POWER.match(text, place)
    found = measure.read_unit(text, place) if match and begins_word(text, place) else None
    if not match or not found or found.end < match.end():
        return None
    is_single = previous_word(text, place).lower() in ("per", "a", "one", "each", "every")
    return Verbalization(match.end(), found.singular if is_single else found.plural, "measure", "unit with a power")


@cache
def _names() -> dict[str, tuple[Words, Words]]:
    """Return the words of each operator between values, and before one value."""
    found = {}
    for signs, between, *before in tables.rows("operators"):
        for sign in signs.split():
            found[sign] = (tuple(between.split()), tuple(before[0].split()) if before else ())
    return found


@cache
def _operators() -> re.Pattern[str]:
    signs = sorted((re.escape(sign) for sign in _names() if not sign.isalpha()), key=len, reverse=True)
    return re.compile(rf"( ?)({'|'.join(signs)})( ?)")


@cache
def _functions() -> dict[str, Words]:
    return tables.entries("functions")


@cache
def _calculation_words() -> frozenset[str]:
    return frozenset(word for row in tables.rows("calculation_words") for word in row[0].split())


@cache
def _joiners() -> frozenset[str]:
    return frozenset(word for row in tables.rows("comparison_words") for word in row[0].split())


CLASSES = (
    SemioticClass("unit power", _read_unit_power, marked=True),
    SemioticClass("mathematics", read, characters="0123456789.-−+±√∛(|π", marked=True),
    SemioticClass("operator", _read_operator, characters="+×·*÷=≠!<>≤≥±≈~&"),
)
