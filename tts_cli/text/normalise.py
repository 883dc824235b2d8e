"""Text normalisation: written text to a lazy stream of tokens, each some spoken words or a punctuation mark."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from functools import cache
from types import ModuleType
from typing import NamedTuple

from tts_cli.errors import TextError
from tts_cli.text.dictionary import cmu_has
from tts_cli.text.grammar import Verbalization
from tts_cli.text.numbers import Words, digits
from tts_cli.text.phones import SPACE, parse_phones
from tts_cli.text.spelling import mixed_case_parts, spell
from tts_cli.text.stops import is_starter


class Token(NamedTuple):
    """Spoken words or a punctuation mark, with start and end in the text."""

    start: int
    end: int
    words: Words = ()
    """Spoken words; the name of a letter is a capital and a full stop: "F."."""
    phones: tuple[str, ...] = ()
    """Phones of an inline pronunciation, the only word of `words`; else empty."""
    mark: str = SPACE
    """Punctuation mark, one of BOUNDARIES; a mark of a token with words follows them."""
    ends: bool = False
    """True if a sentence ends after this token."""
    kind: str = "word"
    """Semiotic class, such as "money"."""
    rule: str = ""
    """Rule that decided class and words; empty for an ordinary word or mark."""
    note: str = ""
    """Note for the user on text that is not spoken or not read as it is meant; empty for none."""


_MARKS = {",": ",", ";": ";", ":": ":", "(": "(", "[": "(", "{": "(", ")": ")", "]": ")", "}": ")", '"': '"', "|": ","}
_LONGEST_SHOWN = 40
_INLINE = re.compile(r"\[\[([^\[\]]*)\]\]")
_ENTRY = re.compile(r"[\w'][\w.'&+/-]{0,40}(?!\w)")
_WORD = re.compile(r"'?[A-Za-z]{1,400}(?:'[A-Za-z]{1,40}){0,3}'?")
_PLAIN_WORD = re.compile(
    r"(?:[a-z]{2,400}|[A-Z][a-z]{1,400})(?:'[a-z]{1,3})?(?=[ ,;:!?\n)]|(?:-[a-z]{2,40}){1,4}(?![a-z\d@_/-]|\.\w)|\.(?:[\s]|$)|$)"
)
_LETTERS = re.compile(r"[A-Za-z]+")
_STOP = re.compile(r"(?:\.(?: \.){2,}|\.{2,}|[.?!])[.?!]*[\"')\]}]*")
_SAYING = re.compile(
    r" (?:[A-Z][a-z]+|the [a-z]+|my [a-z]+|his [a-z]+|her [a-z]+)(?: [A-Z][a-z]+)? "
    r"(?:said|says|asked|asks|cried|shouted|replied|yelled|screamed|whispered|called|wondered|exclaimed|answered|demanded|added)\b"
)
_HEADING = re.compile(r"#{1,6} ")
_LONGEST_HEADING = 200
_NUMBERED_ITEM = re.compile(r"(?:^|\n) *(?:\d{1,3}|[A-Za-z])$")
_DASH = re.compile(r"-{2,}|(?:(?<=\s)|^)[-–−](?=\s|$)|–")
_ENDING = re.compile(r"'(?:s|d|ll|ve|re|S)(?![\w'])")
_BLANKS = re.compile(r"[ \n]+")
_ITEM = re.compile(r"(?:[-*+•]|#{1,6}|\(?(?:\d{1,3}|[A-Za-z]|[ivx]{2,5})[.)]) ")


@cache
def _classes() -> ModuleType:
    """Return the semiotic classes. Their patterns and tables are loaded with the first text, not with the package."""
    from tts_cli.text import classes

    return classes


def load() -> None:
    """Load the semiotic classes now, instead of with the first text."""
    _classes()


def read(text: str, lexicon: Container[str] = ()) -> Iterator[Token]:
    """Yield the tokens of `text` in order, in linear time.

    Args:
        text: Output of `characters.plain`.
        lexicon: Entries in lower case. They and their possessives are words that stay as they are.

    Raises:
        TextError: Inline phones `[[...]]` are invalid.
    """
    place = 0
    while place < len(text):
        token = (_listed(text, place, lexicon) if lexicon else None) or _token(text, place)
        yield token
        place = token.end


def _listed(text: str, place: int, lexicon: Container[str]) -> Token | None:
    match = _ENTRY.match(text, place)
    while match:
        if match[0].lower().removesuffix("'s") in lexicon:
            return Token(place, match.end(), (match[0],))
        shorter = match.end() - 1
        match = _ENTRY.match(text, place, shorter) if not text[shorter].isalnum() else None
    return None


def _token(text: str, place: int) -> Token:
    character = text[place]
    if character.isalpha() and character.isascii():
        return _letters(text, place)
    if character in " \n":
        return _space(text, place)
    if character == "[" and text.startswith("[[", place):
        return _inline(text, place)
    if reading := _classes().read_sign(text, place):
        return _token_of(text, place, reading)
    return _sign(text, place)


def _token_of(text: str, place: int, reading: Verbalization) -> Token:
    words, end = reading.words, reading.end
    if words and not reading.ends and text.startswith("'", end) and (ending := _ENDING.match(text, end)):
        words, end = (*words[:-1], words[-1] + ending[0].lower()), ending.end()
    return Token(place, end, words, (), reading.mark, reading.ends, reading.kind, reading.rule, reading.note)


def _space(text: str, place: int) -> Token:
    match = _BLANKS.match(text, place)
    assert match
    lines = match[0].count("\n")
    over = lines > 1 or (lines and (_ITEM.match(text, match.end()) or _is_heading(text, place)))
    return Token(place, match.end(), mark="." if over else SPACE, ends=bool(over))


def _is_heading(text: str, end: int) -> bool:
    """Return True if the line that ends at `end` begins with the signs of a heading in Markdown."""
    start = text.rfind("\n", max(0, end - _LONGEST_HEADING), end) + 1
    return bool(_HEADING.match(text, start if start or end <= _LONGEST_HEADING else end))


def _inline(text: str, place: int) -> Token:
    """Return the token of inline phones. Other text in double brackets is read as text, with a note."""
    match = _INLINE.match(text, place)
    try:
        if match:
            return Token(place, match.end(), (match[0],), parse_phones(match[1], source="inline phones"))
        reason = "']]' is missing"
    except TextError as error:
        reason = error.message.removeprefix("inline phones: ")
    shown = match[0] if match and len(match[0]) <= _LONGEST_SHOWN else "[["
    return Token(place, place + 2, mark="(", kind="markup", rule="brackets", note=f"{shown} is read as text: {reason}")


def _letters(text: str, place: int) -> Token:
    plain = _PLAIN_WORD.match(text, place)
    match = plain or _WORD.match(text, place)
    if match is None:
        return Token(place, place + 1)
    letters = plain or _LETTERS.match(text, place) or match
    word = letters[0].lower()
    if reading := _classes().read_word(text, place, word, marked=not plain):
        return _token_of(text, place, reading)
    return Token(place, plain.end(), (plain[0],)) if plain else _word(match)


def _word(match: re.Match[str]) -> Token:
    """Return the token of an ordinary word, with the apostrophes that belong to it."""
    word = match[0]
    if word.endswith("'") and not cmu_has(word.lower()):
        word = word[:-1]
    token = Token(match.start(), match.start() + len(word), (word,))
    if len(word) <= (3 if word.isupper() else 1) and _in_code(token, match.string):
        return token._replace(words=spell(word))
    if word.islower() or cmu_has(word.lower()):
        return token
    parts = mixed_case_parts(word)
    if len(parts) > 1 and "'" not in word and not word.startswith(("Mc", "Mac")):
        return token._replace(words=tuple(part for piece in parts for part in _part(piece)))
    return token


def _in_code(token: Token, text: str) -> bool:
    """Return whether a digit or slash touches the token, as in F16, 2A and a/b. "AND/OR" is no code."""
    beside = text[max(0, token.start - 1) : token.start] + text[token.end : token.end + 1]
    if "/" in beside and len(token.words[0]) > 1 and _classes().acronym.is_word(token.words[0]):
        return False
    return any(character in "0123456789/" for character in beside)


def _part(piece: str) -> Words:
    return spell(piece) if (piece.isupper() and not cmu_has(piece.lower())) or len(piece) == 1 else (piece,)


def _sign(text: str, place: int) -> Token:
    """Return the token of a character that is no letter or number: punctuation, a symbol with a name, or a silent one."""
    if match := _STOP.match(text, place):
        return _stop(match)
    if match := _DASH.match(text, place):
        return Token(place, match.end(), mark="-")
    if text[place] == "'" and (match := _WORD.match(text, place)) and cmu_has(match[0].lower()):
        return _word(match)
    if text[place].isdecimal():
        return Token(place, place + 1, digits(text[place]))
    return Token(place, place + 1, mark=_MARKS.get(text[place], SPACE))


def _stop(match: re.Match[str]) -> Token:
    """Return the token of a final mark. An ellipsis or a quoted mark before a small letter does not end the sentence."""
    if match[0] == "." and _is_item(match):
        return Token(match.start(), match.end(), mark=",")
    marks = match[0].rstrip("\"')]}")
    mark = "?" if "?" in marks else "!" if "!" in marks else "…" if len(marks) > 1 else "."
    after = match.string[match.end() : match.end() + 2].lstrip(" ")[:1]
    following = match.string[match.end() : match.end() + 1]
    quoted = marks != match[0]
    runs_on = after.islower() and (mark == "…" or quoted)
    runs_on = runs_on or (quoted and mark in "?!" and _is_said(match))
    ends = (not following or following.isspace() or (mark in "?!." and following.isupper())) and not runs_on
    return Token(match.start(), match.end(), mark=mark, ends=ends)


def _is_item(match: re.Match[str]) -> bool:
    """Return True if the full stop follows the number of an item at the start of a line, before text in the same line."""
    text, end = match.string, match.end()
    item = text[end : end + 1] == " " and text[end + 1 : end + 2].isalnum()
    return item and bool(_NUMBERED_ITEM.search(text, max(0, match.start() - 8), match.start()))


def _is_said(match: re.Match[str]) -> bool:
    """Return True if words such as "Tom said" follow the closing quotes."""
    found = _SAYING.match(match.string, match.end())
    return bool(found) and not is_starter(match.string, match.end())
