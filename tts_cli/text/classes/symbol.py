"""Symbols with a name: ampersand, section sign, hearts, arrows, slashes between words. The table has the names by context."""

from __future__ import annotations

import re
from functools import cache

from tts_cli.text import tables
from tts_cli.text.characters import SUBSCRIPTS, SUPERSCRIPTS
from tts_cli.text.grammar import SemioticClass, Verbalization, begins_word, previous_word
from tts_cli.text.numbers import Words, cardinal

_BEFORE = {
    "any": "",
    "near": r"(?:(?<=[\w)\]!%°])|(?<=[\w)\]!%°] ))",
    "number": r"(?:(?<=\d)|(?<=\d ))",
    "touching": r"(?<=\w)",
    "letter": r"(?<=[A-Ga-g])",
    "apart": r"(?<![\w#&/])",
    "small": r"(?:(?<=[a-z]{3})|(?<=[a-z]{3} ))",
}
"""Patterns of the text before a symbol, by the names in the table."""
_AFTER = {
    "any": "",
    "near": r"(?= ?[\w(\[{√π$£€¥])",
    "number": r"(?= ?\d)",
    "digit": r"(?=\d)",
    "letter": r"(?=[A-Za-z])",
    "value": r"(?=[$£€¥]?\.?\d)",
    "touching": r"(?=\w)",
    "small": r"(?= ?[a-z]{3})",
}
"""Patterns of the text after a symbol, by the names in the table."""
_DOT = re.compile(r"(?<=[A-Za-z\d])\.(?=[a-z\d])")
_HEART = re.compile(r"♥+|<3+(?![\w.])")
_LOVERS = frozenset("i we you they who".split())
_CARD = re.compile(r"(10|[2-9AKQJ])([♠♣♥♦])(?!\w)")
_NAMED = re.compile(r". (?:key|sign|symbol|character|button)s?\b")
_ARTICLES = frozenset({"the", "a", "an"})
_PAIR = re.compile(r"[A-Za-z]{1,12}/[A-Za-z]{1,12}(?![\w/])")
_INDEX = re.compile(rf"[{SUBSCRIPTS}]{{1,6}}|[{SUPERSCRIPTS}]{{1,6}}")
_PLAIN = str.maketrans(SUPERSCRIPTS + SUBSCRIPTS, "0123456789+-n0123456789")
_LONGEST = 40


def read(text: str, place: int) -> Verbalization | None:
    """Return the reading of the symbol at `place`; None for a symbol without a name in its context."""
    sign = text[place]
    if sign == ".":
        match = _DOT.match(text, place)
        return Verbalization(match.end(), ("dot",), "symbol", "dot") if match else None
    for pattern, words in _patterns().get(sign, ()):
        if match := pattern.match(text, place):
            return Verbalization(match.end(), *words)
    return None


def _read_named(text: str, place: int) -> Verbalization | None:
    """Return the name of a sign that the text speaks about: "the # key"."""
    is_named = text[place] in _names() and _NAMED.match(text, place) and previous_word(text, place).lower() in _ARTICLES
    return Verbalization(place + 1, _names()[text[place]], "symbol", "name of a sign") if is_named else None


def _read_card(text: str, place: int) -> Verbalization | None:
    """Return the reading of a playing card: king of diamonds for "K♦"."""
    match = _CARD.match(text, place)
    if not match or not begins_word(text, place):
        return None
    rank = tables.entries("cards")[match[1]] if match[1].isalpha() else cardinal(match[1])
    return Verbalization(match.end(), (*rank, "of", *tables.entries("cards")[match[2]]), "symbol", "playing card")


def _read_heart(text: str, place: int) -> Verbalization | None:
    """Return the reading of a heart: love after a pronoun, else heart between words, and silence at the end."""
    match = _HEART.match(text, place)
    if (
        not match
        or (text[place] == "♥" and text[place - 1 : place].isalnum())
        or (text[place] == "<" and text[place - 1 : place] != " ")
    ):
        return None
    before = previous_word(text, place).lower()
    if before in _LOVERS:
        return Verbalization(match.end(), ("love",), "symbol", "heart as a verb")
    is_comparison = text[place] == "<" and (len(before) < 2 or not before.isalpha())
    return None if is_comparison else Verbalization(match.end(), (), "symbol", "heart as a decoration")


def _read_pair(text: str, place: int) -> Verbalization | None:
    """Return the reading of the slash between two words."""
    start = place
    while start > max(0, place - _LONGEST) and text[start - 1].isalpha():
        start -= 1
    match = _PAIR.match(text, start)
    pair = match[0].lower() if match else ""
    if pair not in _alternatives() or (start and text[start - 1] in "/\\@"):
        return None
    words = tuple(word for word in _alternatives()[pair] if word != "-")
    return Verbalization(place + 1, words, "symbol", "slash between alternatives")


def _read_index(text: str, place: int) -> Verbalization | None:
    """Return the reading of raised and lowered digits that no other class reads."""
    match = _INDEX.match(text, place)
    if not match:
        return None
    plain = match[0].translate(_PLAIN)
    number = cardinal(plain.strip("+-n")) if plain.strip("+-n").isdigit() else ()
    sign: Words = ("minus",) if plain.startswith("-") else ("plus",) if plain.startswith("+") else ()
    return Verbalization(match.end(), (*sign, *number, *(("N.",) if "n" in plain else ())), "symbol", "index")


@cache
def _patterns() -> dict[str, list[tuple[re.Pattern[str], tuple[Words, str, str, str]]]]:
    """Return the patterns of each symbol, with the fields of its reading."""
    found: dict[str, list[tuple[re.Pattern[str], tuple[Words, str, str, str]]]] = {}
    for signs, spoken, before, after in tables.rows("symbols"):
        words = () if spoken in (",", "-") else tuple(spoken.split())
        for sign in signs.split():
            pattern = re.compile(f"{_BEFORE[before]}{re.escape(sign)}{_AFTER[after]}")
            found.setdefault(sign[0], []).append(
                (pattern, (words, "symbol", f"{sign} by its name", "," if spoken == "," else " "))
            )
    return found


@cache
def _alternatives() -> dict[str, Words]:
    return tables.entries("alternatives")


@cache
def _names() -> dict[str, Words]:
    return tables.entries("sign_names")


DECORATIONS = (
    SemioticClass("card", _read_card, characters="123456789", marked=True),
    SemioticClass("heart", _read_heart, characters="♥<"),
    SemioticClass("named sign", _read_named, characters="#*_~/\\|^&@%$€£-+=<>°•©×÷"),
)
CLASSES = (
    SemioticClass("slash", _read_pair, characters="/"),
    SemioticClass("symbol", read, characters="#&@%‰§¶~+^°−√∞πµΩ∑∫∂∆∇∈∴♯♭♮♠♣♥♦©′″÷×/.→⇒↔•·"),
    SemioticClass("index", _read_index, characters=SUPERSCRIPTS + SUBSCRIPTS),
)
