"""WordPiece tokenization of sentences for a sentence encoder, the same in training and in speech.

The method is that of BERT (Devlin et al., 2019), for an uncased encoder. The vocabulary comes from the encoder's tokenizer.json.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from tts_cli.errors import AddonError

_CLITIC = re.compile(r"(?i)n't$|'(?:s|m|d|re|ve|ll)?$")
_CONTRACTED = {
    "cannot": ("can", "not"),
    "gonna": ("gon", "na"),
    "gotta": ("got", "ta"),
    "wanna": ("wan", "na"),
    "gimme": ("gim", "me"),
    "lemme": ("lem", "me"),
}
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'"})
_LONGEST_WORD = 100


class Pieces(NamedTuple):
    """Word pieces of a sentence."""

    ids: list[int]
    """Index in the vocabulary of each piece, between those of [CLS] and [SEP]."""
    first: list[int]
    """Index in `ids` of each leaf's first piece."""


def leaves_of(word: str) -> tuple[str, ...]:
    """Split a word into leaves as the Penn Treebank does: "don't" into "do" and "n't", "John's" into "John" and "'s"."""
    if parts := _CONTRACTED.get(word.lower()):
        return (word[: len(parts[0])], word[len(parts[0]) :])
    clitic = _CLITIC.search(word.translate(_APOSTROPHES))
    return (word[: clitic.start()], word[clitic.start() :]) if clitic and clitic.start() else (word,)


class WordPieces:
    """WordPiece tokenizer. Threads may share one."""

    def __init__(self, tokenizer_file: Path) -> None:
        """Read the vocabulary of a `tokenizer.json`. Raises AddonError if the file holds none."""
        try:
            model = json.loads(tokenizer_file.read_text(encoding="utf-8"))["model"]
            self._ids: dict[str, int] = dict(model["vocab"])
            self._start, self._end, self._unknown = (self._ids[special] for special in ("[CLS]", "[SEP]", "[UNK]"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            hint = "use the tokenizer.json of a BERT encoder"
            raise AddonError(f"{tokenizer_file}: holds no word pieces: {error}", hint) from error
        self.cut = lru_cache(4096)(self._cut)

    def encode(self, leaves: Sequence[str], marks: Sequence[str]) -> Pieces:
        """Tokenize a sentence.

        A clitic is tokenized together with the leaf before it, as in the texts on which the encoder was trained. Its first piece
        is the one at its apostrophe.

        Args:
            leaves: Leaves of all words, by `leaves_of`.
            marks: Punctuation after each leaf; "" or a blank for none.
        """
        ids, first = [self._start], []
        for word, mark in _whole_words(leaves, marks):
            pieces = self.cut("".join(word).translate(_APOSTROPHES))
            start = 0
            for leaf in word:
                within = (place for place, (_, begin) in enumerate(pieces) if begin >= start)
                first.append(len(ids) + next(within, len(pieces) - 1))
                start += len(leaf)
            ids += [piece for piece, _ in pieces]
            ids += [piece for piece, _ in self.cut(mark)] if mark.strip() else []
        return Pieces([*ids, self._end], first)

    def _cut(self, text: str) -> tuple[tuple[int, int], ...]:
        """Return at least one piece of a text without blanks: (index in the vocabulary, first character) of each."""
        pieces = [(piece, start + begin) for start, part in _parts(text) for begin, piece in self._pieces(part)]
        return tuple(pieces) or ((self._unknown, 0),)

    def _pieces(self, part: str) -> list[tuple[int, int]]:
        """Return (first character, index in the vocabulary) of each piece of `part`, cut greedily from the left.

        A part that cannot be cut, or is too long, is one unknown piece.
        """
        found: list[tuple[int, int]] = []
        start = 0
        while start < len(part) <= _LONGEST_WORD:
            prefix = "##" if start else ""
            end = next((end for end in range(len(part), start, -1) if prefix + part[start:end] in self._ids), None)
            if end is None:
                return [(0, self._unknown)]
            found.append((start, self._ids[prefix + part[start:end]]))
            start = end
        return found or [(0, self._unknown)]


def _whole_words(leaves: Sequence[str], marks: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """Yield the leaves of each word, and the mark after the word."""
    word: list[str] = []
    former = ""
    for leaf, mark in zip(leaves, marks, strict=True):
        if word and (former.strip() or not _CLITIC.fullmatch(leaf.translate(_APOSTROPHES))):
            yield word, former
            word = []
        word.append(leaf)
        former = mark
    if word:
        yield word, former


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Yield (first character, text) of each run of letters, in lower case without accents, and of each single mark."""
    start, part = 0, ""
    for place, character in enumerate(text):
        if unicodedata.category(character)[0] == "P" or (character.isascii() and not character.isalnum()):
            if part:
                yield start, part
            yield place, character
            start, part = place + 1, ""
        else:
            part += "".join(c for c in unicodedata.normalize("NFD", character.lower()) if unicodedata.category(c) != "Mn")
    if part:
        yield start, part
