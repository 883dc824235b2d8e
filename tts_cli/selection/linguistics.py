"""Linguistic analysis of sentences: syntactic distances and a sentence vector from one pass of a sentence encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from tts_cli.backends import Network
from tts_cli.ports import Array
from tts_cli.selection.pieces import Pieces, WordPieces, leaves_of
from tts_cli.selection.syntax import syntactic_distances, tree_from_distances

Floats = NDArray[np.float32]

MOST_PIECES = 512
"""Most word pieces that an encoder of BERT's architecture reads at once, with [CLS] and [SEP]."""
_MOST_LETTERS = 100
_PHONES = "[["


@dataclass(frozen=True)
class SentenceAnalysis:
    """Analysis of a sentence of W words."""

    words: tuple[str, ...]
    predicted: Floats
    """Predicted syntactic distance of each word from the word before, shape (W,). Only their order counts; the first is 0."""
    vector: Floats
    """Sentence vector (meaning) of length 1, shape (D,)."""
    states: Floats
    """Contextual embedding of each word by the encoder, shape (W, D)."""

    @cached_property
    def distances(self) -> Floats:
        """Syntactic distance of each word from the word before, in levels of the predicted tree, shape (W,); the first is 0."""
        return np.array(syntactic_distances(tree_from_distances(self.words, self.predicted.tolist())), np.float32)


class _Read(NamedTuple):
    pieces: Pieces
    first_leaves: list[int]
    """Index in `pieces.first` of each word's first leaf."""


class _Part(NamedTuple):
    analysis: SentenceAnalysis
    num_pieces: int


class Linguistics:
    """Analyzer of sentences by a sentence encoder. Threads may share one."""

    def __init__(self, network: Network, tokenizer_file: Path, most_pieces: int = MOST_PIECES) -> None:
        """Open the analyzer.

        Args:
            network: Sentence encoder of a linguistics addon: reads word pieces, gives syntactic distances, a sentence vector and
                word states.
            tokenizer_file: `tokenizer.json` of the encoder.
            most_pieces: Most word pieces that the network reads at once, with [CLS] and [SEP].

        Raises:
            AddonError: The file holds no vocabulary of word pieces.
        """
        self._network = network
        self._pieces = WordPieces(tokenizer_file)
        self._most_pieces = most_pieces

    def distances(self, words: Sequence[str], marks: Sequence[str]) -> Sequence[float]:
        """Return `SentenceAnalysis.predicted` of a sentence, W numbers; see `selection.parsers.Parser`."""
        return cast(list[float], self.analyse(words, marks).predicted.tolist())

    def analyse(self, words: Sequence[str], marks: Sequence[str]) -> SentenceAnalysis:
        """Analyse a sentence.

        A sentence that is too long for the encoder is analysed in parts. The joints of the parts are the highest levels of its
        tree, and its vector is the mean of the parts' vectors, weighted by their numbers of word pieces.

        Args:
            words: Words as they are spoken.
            marks: Punctuation after each word; "" or a blank for none.

        Raises:
            ValueError: There are no words.
        """
        if not words:
            raise ValueError("a sentence without words cannot be analysed")
        spans = _spans(self._sizes(words, marks), marks, self._most_pieces - 2)
        return _joined([self._part(words[start:end], marks[start:end]) for start, end in spans])

    def _sizes(self, words: Sequence[str], marks: Sequence[str]) -> Sequence[int]:
        """Return the number of word pieces of each word with the mark after it."""
        read = self._read(words, marks)
        starts = [read.pieces.first[leaf] for leaf in read.first_leaves]
        return [end - start for start, end in pairwise([*starts, len(read.pieces.ids) - 1])]

    def _read(self, words: Sequence[str], marks: Sequence[str]) -> _Read:
        leaves: list[str] = []
        leaf_marks: list[str] = []
        first_leaves = []
        for word, mark in zip(words, marks, strict=True):
            parts = leaves_of("" if word.startswith(_PHONES) else word[:_MOST_LETTERS])
            first_leaves.append(len(leaves))
            leaves += parts
            leaf_marks += [*[""] * (len(parts) - 1), mark]
        return _Read(self._pieces.encode(leaves, leaf_marks), first_leaves)

    def _part(self, words: Sequence[str], marks: Sequence[str]) -> _Part:
        (ids, first), first_leaves = self._read(words, marks)
        found = self._network.run(
            {
                "pieces": _column(ids, np.int64),
                "piece_mask": _column([1] * len(ids), np.float32),
                "first_pieces": _column(first, np.int64),
                "word_mask": _column([1] * len(first), np.float32),
            }
        )
        distances = found["syntactic_distance"][0, first_leaves, 0]
        distances[0] = 0
        states = found["word_states"][0, first_leaves]
        return _Part(SentenceAnalysis(tuple(words), distances, found["sentence_vector"][0, 0], states), len(ids))


def _spans(sizes: Sequence[int], marks: Sequence[str], most: int) -> Iterator[tuple[int, int]]:
    """Yield ranges (first word, end) of at most `most` word pieces each. A range ends at a mark if its second half has one.

    `sizes` holds the word pieces of each word, `marks` the punctuation after each.
    """
    start = 0
    while start < len(sizes):
        fitting = int(np.searchsorted(np.cumsum(sizes[start:]), most, side="right"))
        end = start + max(1, fitting)
        if end < len(sizes):
            middle = (start + end) // 2
            end = next((place + 1 for place in range(end - 1, middle, -1) if marks[place].strip()), end)
        yield start, end
        start = end


def _joined(parts: Sequence[_Part]) -> SentenceAnalysis:
    """Return one analysis of all parts. The distance at a joint exceeds all distances in the parts, and those at later joints."""
    if len(parts) == 1:
        return parts[0].analysis
    analyses = [part.analysis for part in parts]
    distances = [analysis.predicted.copy() for analysis in analyses]
    highest = max(part.max() for part in distances)
    for place, part in enumerate(distances[1:], start=1):
        part[0] = highest + len(parts) - place
    vector = np.sum([part.num_pieces * part.analysis.vector for part in parts], axis=0)
    return SentenceAnalysis(
        words=tuple(word for analysis in analyses for word in analysis.words),
        predicted=np.concatenate(distances),
        vector=(vector / np.linalg.norm(vector)).astype(np.float32),
        states=np.concatenate([analysis.states for analysis in analyses]),
    )


def _column(values: Sequence[int], dtype: type[np.generic]) -> Array:
    return np.array(values, dtype)[None, :, None]
