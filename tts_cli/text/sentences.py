"""Sentences from a stream of tokens, and places to split a sentence that is too long for a network."""

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
    """Spoken word, with its place in the text and the mark after it."""

    text: str
    """Spoken form; the name of a letter is a capital and a full stop."""
    phones: tuple[str, ...]
    """Inline phones, else empty."""
    start: int
    """Start of the written form in the text. All words of one number have the same start."""
    end: int
    gap: str = SPACE
    """Strongest mark between this word and the next, one of BOUNDARIES."""
    span: tuple[int, int] = (0, 0)
    """Start and end of the written form without marks before and after it."""


def sentences(tokens: Iterable[Token], most_words: int) -> Iterator[list[SpokenWord]]:
    """Yield the words of each sentence, lazily.

    A sentence of more than `most_words` words comes in several lists. The last word of a list that is not the end of a sentence
    has no final mark.
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
            gap = "," if word[-1] == "," else SPACE
            yield SpokenWord(word.removesuffix(","), token.phones, token.start, token.end, gap, (token.start, token.end))
            continue
        for place in range(0, len(word), _CHUNK_LETTERS):
            start = min(token.start + place, token.end - 1)
            end = min(token.end, start + _CHUNK_LETTERS)
            yield SpokenWord(word[place : place + _CHUNK_LETTERS], (), start, end, SPACE, (start, end))


def best_cut(words: list[SpokenWord], sizes: list[int], most: int) -> int:
    """Return the number of words before the best place to split, at least 1.

    Preferred places, in order: the strongest mark in the second half of the words that fit; one in the first half; the last place
    before a word that opens a phrase; the last place that fits.

    Args:
        words: Words that have too many tokens together.
        sizes: Tokens of each word, including the gap after it.
        most: Largest number of tokens before the split.
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
    """Return the final mark of an utterance with `gap` after its last word: `gap` if it is a final mark, else a full stop."""
    return gap if gap in FINAL_MARKS else "."
