"""Sentences out of a stream of tokens, and pieces of sentences that are short enough for a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tts_cli.text.normalise import Token
from tts_cli.text.phones import FINAL_MARKS, SPACE

_STRENGTH = {mark: strength for strength, mark in enumerate((SPACE, '"', "(", ")", ",", "-", ":", ";", ".", "…", "!", "?"))}
_LONGEST_WORD = 40
_CHUNK_LETTERS = 12
_OPENERS = frozenset(
    "and but or nor so yet because that which who when while where if although though since after before until unless as than"
    " with without in on at of for from to by into over under through between about".split()
)


class SpokenWord(NamedTuple):
    """One spoken word."""

    text: str
    """As it is said; a letter that is named is one capital and a full stop."""
    phones: tuple[str, ...]
    """Given by inline phones, else empty."""
    start: int
    """Where the written form begins in the text; that of words out of one number is the same."""
    end: int
    gap: str = SPACE
    """The strongest mark between this word and the next, one of BOUNDARIES."""


def sentences(tokens: Iterable[Token], most_words: int) -> Iterator[list[SpokenWord]]:
    """The words of each sentence, and of runs of `most_words` words where none ends; lazy.

    A list whose last word lacks a final mark is the beginning of a sentence that goes on in the next list.
    """
    words: list[SpokenWord] = []
    opening = -1
    for token in tokens:
        words += _spoken(token)
        if not words and token.mark != SPACE and opening < 0:
            opening = token.start
        if words and opening >= 0:
            words[0], opening = words[0]._replace(start=opening), -1
        if words and token.mark != SPACE:
            words[-1] = _marked(words[-1], token)
        if words and (token.ends or len(words) >= most_words):
            yield words
            words = []
    if words:
        yield words


def _marked(word: SpokenWord, token: Token) -> SpokenWord:
    gap = max(word.gap, token.mark, key=_STRENGTH.__getitem__)
    return word._replace(gap=gap, end=word.end if token.words else token.end)


def _spoken(token: Token) -> Iterator[SpokenWord]:
    for word in token.words:
        if len(word) <= _LONGEST_WORD or token.phones:
            yield SpokenWord(word.removesuffix(","), token.phones, token.start, token.end, "," if word[-1] == "," else SPACE)
            continue
        for place in range(0, len(word), _CHUNK_LETTERS):
            start = token.start + place
            yield SpokenWord(word[place : place + _CHUNK_LETTERS], (), start, min(token.end, start + _CHUNK_LETTERS))


def best_cut(words: list[SpokenWord], sizes: list[int], most: int) -> int:
    """How many of `words` to say at once when all are too long: at least one.

    sizes: tokens of each word with the gap after it. The strongest mark in the later half of what fits is chosen, else one in
    the earlier half, else the last place before a word that begins a phrase, else the last that fits.
    """
    fitting = _fitting(sizes, most)
    later = range(fitting, fitting // 2, -1)
    earlier = range(fitting // 2, fitting // 8, -1)
    for places in (later, earlier):
        best = max(places, key=lambda count: _STRENGTH[words[count - 1].gap], default=fitting)
        if _STRENGTH[words[best - 1].gap] > _STRENGTH['"']:
            return best
    whole = [count for count in later if count < len(words) and words[count].start != words[count - 1].start]
    return next((count for count in whole if words[count].text.lower() in _OPENERS), whole[0] if whole else fitting)


def _fitting(sizes: list[int], most: int) -> int:
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if total > most:
            return max(count, 1)
    return len(sizes)


def final_mark(gap: str) -> str:
    """The mark that closes an utterance whose last word is followed by `gap`."""
    return gap if gap in FINAL_MARKS else "."
