"""Words cut into the pieces that a sentence encoder reads, alike when it is trained and when a voice speaks.

WordPiece, as BERT has it (Devlin et al., 2019), from the vocabulary in the tokenizer.json that comes with an encoder; its
encoder is one that knows no capital letters.
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
    """A sentence as an encoder reads it."""

    ids: list[int]
    """One a piece, between those of [CLS] and [SEP]."""
    first: list[int]
    """Place in `ids` of each leaf's first piece."""


def leaves_of(word: str) -> tuple[str, ...]:
    """A word as the Penn Treebank divides it: "don't" is "do" and "n't", "John's" is "John" and "'s"."""
    if parts := _CONTRACTED.get(word.lower()):
        return (word[: len(parts[0])], word[len(parts[0]) :])
    clitic = _CLITIC.search(word.translate(_APOSTROPHES))
    return (word[: clitic.start()], word[clitic.start() :]) if clitic and clitic.start() else (word,)


class WordPieces:
    """Cuts sentences; safe to share between threads."""

    def __init__(self, tokenizer_file: Path) -> None:
        """Reads the file. Raises AddonError when it holds no word pieces."""
        try:
            model = json.loads(tokenizer_file.read_text(encoding="utf-8"))["model"]
            self._ids: dict[str, int] = dict(model["vocab"])
            self._start, self._end, self._unknown = (self._ids[special] for special in ("[CLS]", "[SEP]", "[UNK]"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AddonError(f"{tokenizer_file}: holds no word pieces: {error}") from error
        self.cut = lru_cache(4096)(self._cut)

    def encode(self, leaves: Sequence[str], marks: Sequence[str]) -> Pieces:
        """`leaves` as `leaves_of` gives them, and the marks after each, of which blanks say nothing.

        A clitic is read together with the leaf before it, as the encoder's own texts had it, and begins at its apostrophe.
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
        """The pieces of a text without blanks, at least one, each with the character at which it begins."""
        pieces = [(piece, start + begin) for start, part in _parts(text) for begin, piece in self._pieces(part)]
        return tuple(pieces) or ((self._unknown, 0),)

    def _pieces(self, part: str) -> list[tuple[int, int]]:
        """(first character, id) of the longest pieces that `part` begins with, one after the other; or one that is unknown."""
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
    """Leaves that are parts of one word, and the mark after it."""
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
    """Stretches of letters, and single marks, in small letters without accents, each with the character at which it begins."""
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
