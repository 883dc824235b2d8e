"""British English: dates with the day first, "and" in numbers, "nought", and words of another pronunciation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from tts_cli.text import tables
from tts_cli.text.classes import calendar, year
from tts_cli.text.normalise import Token
from tts_cli.text.numbers import Words, ordinal
from tts_cli.text.phone_sets import read_phones

LANGUAGE = "en-GB"
_DIGIT_KINDS = frozenset(("phone", "digits", "code", "version", "electronic"))
"""Classes whose numbers are no amounts."""
_SMALL = frozenset(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
    " twenty thirty forty fifty sixty seventy eighty ninety first second third fourth fifth sixth seventh eighth ninth tenth"
    " eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth fortieth"
    " fiftieth sixtieth seventieth eightieth ninetieth".split()
)
_LARGE = frozenset("thousand million billion trillion".split())
_GROUPS = _LARGE | {"hundred"}
_NUMERIC = re.compile(r"(?P<day>\d{1,2})(?P<mark>[-/.])(?P<month>\d{1,2})(?:(?P=mark)(?P<year>\d{4}|\d\d))?")
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})")
_MONTH_FIRST = re.compile(r"[A-Za-z]+\.? ?\d{1,2}(?:st|nd|rd|th)?(?!\d)")
_NAMED_DATE = "9/11"


def british(tokens: Iterator[Token], text: str) -> Iterator[Token]:
    """Yield the tokens of `text`, read as British English.

    A date of numbers has the day first if its second number may be a month: "3/4/2020" is the third of April.
    """
    for token in tokens:
        yield token._replace(words=_words(token, text)) if token.words and token.kind != "word" else token


@cache
def pronunciations() -> dict[str, tuple[str, ...]]:
    """Return the phones of the words that are pronounced otherwise than in the CMU dictionary."""
    return {word: read_phones(ipa, f"{LANGUAGE}: {word}", "ipa") for word, ipa in tables.rows("pronunciations", LANGUAGE)}


def _words(token: Token, text: str) -> Words:
    written = text[token.start : token.end]
    if token.kind == "date" and (words := _date(written, text, token.start)):
        return words
    words = _replaced(token.words)
    has_day = token.kind == "date" and (_MONTH_FIRST.match(written) or _NUMERIC.fullmatch(written))
    if has_day and words[0] in calendar.months() and words[1:] and words[1] in _SMALL:
        return (words[0], "the", *words[1:])
    return words if token.kind in _DIGIT_KINDS else _with_and(words)


def _date(written: str, text: str, place: int) -> Words:
    """Return the words of a date of numbers, the day first; () for any other token."""
    written = written.rstrip(".,")
    match = _YEAR_FIRST.fullmatch(written) or _NUMERIC.fullmatch(written)
    if not match or written == _NAMED_DATE or not (1 <= int(match["month"]) <= 12 and 1 <= int(match["day"]) <= 31):
        return ()
    article = () if calendar.before(text, place) == "the" else ("the",)
    of_year = year.spoken(match["year"]) if match["year"] else ()
    return (*article, *ordinal(match["day"]), "of", calendar.months()[int(match["month"]) - 1], *of_year)


def _replaced(words: Words) -> Words:
    """Return the words with those of the table replaced."""
    spoken = f" {' '.join(words)} "
    for american, own in tables.rows("spoken", LANGUAGE):
        spoken = spoken.replace(f" {american} ", f" {own} ")
    return tuple(spoken.split()) if spoken.split() != list(words) else words


def _with_and(words: Words) -> Words:
    """Return the words with "and" before tens and units: "one hundred and five", "two thousand and ten"."""
    found: list[str] = []
    for place, word in enumerate(words):
        before = words[place - 1] if place else ""
        rest = words[place + 1 : place + 3]
        is_last = not _GROUPS.intersection(rest[:1] if rest[:1] and rest[0] not in _SMALL else rest)
        if word in _SMALL and (before == "hundred" or (before in _LARGE and is_last)):
            found.append("and")
        found.append(word)
    return tuple(found)
