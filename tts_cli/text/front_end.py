"""Text front end: converts text to utterances, sequences of phones and boundary tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from tts_cli.errors import TextError
from tts_cli.text import normalise, numbers, tables
from tts_cli.text.characters import PlainText, nothing_left, to_plain
from tts_cli.text.dictionary import cmu_lines, read_lexicon
from tts_cli.text.homographs import LIGHT_SENSES, WordSenses
from tts_cli.text.normalise import Token, read
from tts_cli.text.phones import FINAL_MARKS, SPACE, START, Utterance
from tts_cli.text.pronounce import LETTER_NETWORK, Phones, pronounce
from tts_cli.text.sentences import SpokenWord, best_cut, final_mark, sentences

BRITISH = "en-GB"
_FEWEST_TOKENS = 8
_NO_LIMIT = 1 << 60
_LONGEST_LETTER = 5
_SPOKEN = re.compile(r"[^\W_]")


def _british() -> ModuleType:
    """Return the module of British English; it loads all semiotic classes."""
    from tts_cli.text import british

    return british


class WrittenToken(NamedTuple):
    """Token of a text as it is written, with its reading."""

    start: int
    """First character in the text, counted from 0."""
    end: int
    text: str
    """Characters of the token."""
    kind: str
    """Semiotic class, such as "money"; "word" for an ordinary word."""
    words: tuple[str, ...]
    """Spoken words."""
    rule: str
    """Rule that decided class and words; empty for an ordinary word."""
    note: str
    """Note on text that is not spoken or not read as it is meant; empty for none."""


class TextFrontEnd:
    """Converter of American English text to phones. Threads may share it.

    The sources of pronunciations, in order: inline phones `[[AH0 B AW1 T]]`, the lexicon, the CMU dictionary, words built from
    known ones, and the letter network.
    """

    def __init__(self, lexicon: Path | None = None, senses: WordSenses | None = None, language: str = tables.LANGUAGE) -> None:
        """Args:
            lexicon: File of `WORD  PH ON EMES` lines.
            senses: Classifier of homographs; None takes the light one.
            language: "en-GB" reads dates, numbers and some words as British; any other is read as American English.

        Raises:
            TextError: The lexicon is invalid; names file and line.
        """
        self._own = read_lexicon(lexicon) if lexicon else {}
        self._senses = senses or LIGHT_SENSES
        self._british = _british() if language == BRITISH else None
        self._lexicon = {**self._british.pronunciations(), **self._own} if self._british else self._own

    def in_language(self, language: str) -> TextFrontEnd:
        """Return a front end of another language with the same lexicon and classifier."""
        other = TextFrontEnd(senses=self._senses, language=language)
        other._own = self._own
        other._lexicon = {**other._lexicon, **self._own}
        return other

    def _read(self, text: str) -> Iterator[Token]:
        tokens = read(text, self._own)
        return self._british.british(tokens, text) if self._british else tokens

    def load(self) -> None:
        """Load the dictionary and the letter network now, instead of with the first sentence."""
        cmu_lines()
        numbers.load()
        normalise.load()
        LETTER_NETWORK.load()

    def utterance(self, sentence: str) -> Utterance:
        """Return all of `sentence` as one utterance of any length. Raises TextError if there is nothing to speak."""
        text = _Written(to_plain(sentence))
        self.load()
        words = list(chain.from_iterable(sentences(text.noted(self._read(text.plain.text)), _NO_LIMIT)))
        text.demand(bool(words))
        return text.utterance(words, self._phones(words), sentence)

    def tokens(self, text: str) -> Iterator[WrittenToken]:
        """Yield the tokens of `text` that are spoken or noted, in order, with their semiotic classes and the rules that decided.

        Raises:
            TextError: Nothing of the text can be spoken.
        """
        written = _Written(to_plain(text))
        spoken = False
        for token in self._read(written.plain.text):
            spoken = spoken or bool(token.words)
            if token.words or token.note:
                start, end = written.plain.span(token.start, token.end)
                yield WrittenToken(
                    start, end, written.plain.source[start:end], token.kind, said(token.words), token.rule, token.note
                )
        written.demand(spoken)

    def sentences(self, text: str, max_tokens: int) -> Iterator[Utterance]:
        """Split `text` into utterances, lazily.

        Sentences are the units. A longer sentence is split between phrases, if necessary between or inside words.

        Args:
            text: Text to speak.
            max_tokens: Largest number of tokens of an utterance, 8 or more.

        Raises:
            TextError: The text has nothing to speak.
            ValueError: `max_tokens` is too small.
        """
        if max_tokens < _FEWEST_TOKENS:
            raise ValueError(f"max_tokens is {max_tokens}, but at least {_FEWEST_TOKENS} are needed")
        written = _Written(to_plain(text))
        self.load()
        spoken = False
        waiting: list[SpokenWord] = []
        for words in sentences(written.noted(self._read(written.plain.text)), max_tokens // 2):
            spoken = True
            waiting += words
            over = waiting[-1].gap in FINAL_MARKS
            while waiting and (over or len(waiting) >= max_tokens // 2):
                utterance, waiting = self._first(written, waiting, max_tokens)
                yield utterance
        while waiting:
            utterance, waiting = self._first(written, waiting, max_tokens)
            yield utterance
        written.demand(spoken)

    def _first(self, text: _Written, words: list[SpokenWord], max_tokens: int) -> tuple[Utterance, list[SpokenWord]]:
        """Return the first utterance of `words`, and the remaining words."""
        phones = self._phones(words)
        most = max_tokens - 1
        sizes = [len(word_phones) + 1 for word_phones in phones]
        if sum(sizes) <= most:
            return text.utterance(words, phones), []
        if sizes[0] > most:
            word = words[0]
            head, tail = phones[0][: most - 1], phones[0][most - 1 :]
            first = [word._replace(gap=SPACE)]
            return text.utterance(first, [head], word.text), [word._replace(phones=tail), *words[1:]]
        count = best_cut(words, sizes, most)
        return text.utterance(words[:count], phones[:count]), words[count:]

    def _phones(self, words: list[SpokenWord]) -> list[Phones]:
        found = pronounce([word.text for word in words], [word.gap for word in words], self._lexicon, self._senses)
        return [word.phones or phones for word, phones in zip(words, found, strict=True)]


def said(words: Iterable[str]) -> tuple[str, ...]:
    """Return `words` as they are shown: the names of letters without their full stops."""
    return tuple(word.replace(".", "") if len(word) < _LONGEST_LETTER and "[[" not in word else word for word in words)


class _Written:
    """Text of a request, and the notes on it that no utterance has yet."""

    def __init__(self, plain: PlainText) -> None:
        self.plain = plain
        self._notes = [(one.place, one.note) for one in plain.skipped]

    def noted(self, tokens: Iterator[Token]) -> Iterator[Token]:
        """Yield `tokens`, and keep their notes."""
        for token in tokens:
            if token.note:
                start = self.plain.start(token.start)
                heappush(self._notes, (start, f"{token.note} (character {start + 1})"))
            yield token

    def utterance(self, words: list[SpokenWord], phones: list[Phones], text: str | None = None) -> Utterance:
        """Return the utterance of `words` with `phones`; `text` replaces its written text."""
        start, end = words[0].start, words[-1].end
        gaps = [word.gap for word in words[:-1]] + [final_mark(words[-1].gap)]
        spoken = said(word.text for word in words)
        tokens, places = _tokens(phones, gaps)
        written = slice(*self.plain.span(start, end))
        return Utterance(
            self.plain.source[written].strip() if text is None else text,
            _normalised(spoken, gaps),
            tokens,
            spoken,
            places,
            tuple(self.plain.span(*word.span) for word in words),
            self._notes_until(end),
        )

    def demand(self, spoken: bool) -> None:
        """Raise TextError if nothing is spoken."""
        if spoken:
            return
        text = self.plain.source
        if not text.strip():
            raise TextError("the text is empty", hint="give some words to speak")
        if error := nothing_left(self.plain.skipped):
            raise error
        shown = " ".join(text.split())[:40]
        raise TextError(f"the text has no words to speak: {shown}", hint="punctuation, symbols and emoji alone are not spoken")

    def _notes_until(self, end: int) -> tuple[str, ...]:
        """Return the notes on text before `end`, once; all notes if no word follows `end`."""
        if not self._notes:
            return ()
        last = self.plain.end(end) if _SPOKEN.search(self.plain.text, end) else len(self.plain.source)
        found = []
        while self._notes and self._notes[0][0] < last:
            found.append(heappop(self._notes)[1])
        return tuple(found)


def _tokens(phones: list[Phones], gaps: list[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the tokens of words with `phones`, and the index of the word of each."""
    tokens: list[str] = [START]
    places: list[int] = [-1]
    for index, (word_phones, gap) in enumerate(zip(phones, gaps, strict=True)):
        tokens += [*word_phones, gap]
        places += [*([index] * len(word_phones)), -1]
    return tuple(tokens), tuple(places)


def _normalised(words: tuple[str, ...], gaps: list[str]) -> str:
    parts = []
    for word, gap in zip(words, gaps, strict=True):
        parts.append(word + {"-": " - ", "(": " (", '"': ' " '}.get(gap, gap if gap == SPACE else gap + SPACE))
    return "".join(parts).strip()
