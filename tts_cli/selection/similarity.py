"""How alike sentences are: cosines of their meaning, and of their syntactic distances, whose numbers differ.

A sentence of W words has W - 1 distances that say something, one for each gap between neighbours; the 0 before the first word
is left out throughout. What can be computed once is, so that a query costs one product of a matrix and a vector.
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from tts_cli.selection.inventory import Floats, Integers

Lengths = Literal["same", "pad", "resample", "dtw"]

NUM_POINTS = 32
"""To which distances are resampled: few sentences have more gaps."""
MOST_WARPED = 384
"""Sentences that are aligned by dynamic time warping, those most alike when resampled."""


class Syntaxes(Protocol):
    """The distances of S sentences, to be compared with others."""

    def similarities(self, gaps: Floats, among: Integers) -> Floats:
        """(C,) in [-1, 1], of a sentence with these distances (W - 1,) to the sentences at the places `among` (C,).

        -inf says that the two are not compared.
        """


class Padded:
    """The shorter is taken to go on with 0."""

    def __init__(self, flat: Floats, offsets: Integers) -> None:
        """`flat`: distances of one sentence after the other, each beginning at one of `offsets` (S + 1,) with a 0."""
        gaps, self.lengths = gap_rows(flat, offsets)
        self._rows = unit(gaps)

    def similarities(self, gaps: Floats, among: Integers) -> Floats:
        """See `Syntaxes`."""
        size = self._rows.shape[1]
        fitted = np.zeros(size, np.float32)
        fitted[: len(gaps)] = gaps[:size]
        return cosines(self._rows, fitted, float(np.linalg.norm(gaps)))[among]


class SameLength(Padded):
    """Only sentences of as many words are compared; where there is none, those of the nearest number."""

    def similarities(self, gaps: Floats, among: Integers) -> Floats:
        """See `Syntaxes`."""
        away = np.abs(self.lengths[among] - len(gaps))
        return np.where(away == away.min(), super().similarities(gaps, among), np.float32(-np.inf))


class Resampled:
    """All are brought to one number of points, with straight lines between the distances."""

    def __init__(self, flat: Floats, offsets: Integers) -> None:
        self._rows = unit(resampled(*gap_rows(flat, offsets)))

    def similarities(self, gaps: Floats, among: Integers) -> Floats:
        """See `Syntaxes`."""
        points = resampled(gaps[None], np.array([len(gaps)]))[0]
        return cosines(self._rows, points, float(np.linalg.norm(points)))[among]


class Warped:
    """Dynamic time warping: one sentence's gaps are stretched to the other's where that makes them most alike.

    The similarity is that of `warped_cosines`, for the sentences that are most alike when resampled; it replaces their cosine,
    which the others keep.
    """

    def __init__(self, flat: Floats, offsets: Integers) -> None:
        gaps, self._lengths = gap_rows(flat, offsets)
        # To a mean square of 1, so that scale does not matter, as it does not to a cosine.
        self._rows = unit(gaps) * np.sqrt(np.maximum(self._lengths, 1), dtype=np.float32)[:, None]
        self._resampled = Resampled(flat, offsets)

    def similarities(self, gaps: Floats, among: Integers) -> Floats:
        """See `Syntaxes`."""
        found = self._resampled.similarities(gaps, among)
        norm = float(np.linalg.norm(gaps))
        if norm == 0:
            return found
        near = np.argpartition(-found, MOST_WARPED)[:MOST_WARPED] if len(found) > MOST_WARPED else np.arange(len(found))
        near = near[self._lengths[among[near]] > 0]
        lengths = self._lengths[among[near]]
        rows = self._rows[among[near], : lengths.max(initial=1)]
        found[near] = warped_cosines(gaps * np.float32(np.sqrt(len(gaps)) / norm), rows, lengths)
        return found


SYNTAXES: dict[Lengths, type[SameLength | Padded | Resampled | Warped]] = {
    "same": SameLength,
    "pad": Padded,
    "resample": Resampled,
    "dtw": Warped,
}


def gap_rows(flat: Floats, offsets: Integers) -> tuple[Floats, Integers]:
    """The distances of S sentences without their first, (S, longest) with 0 after the end, and how many each has, (S,)."""
    flat, offsets = np.asarray(flat, np.float32), np.asarray(offsets, np.intp)
    lengths = np.diff(offsets) - 1
    says = np.ones(len(flat), bool)
    says[offsets[:-1]] = False
    rows = np.zeros((len(lengths), max(1, lengths.max(initial=0))), np.float32)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = flat[says]
    return rows, lengths


def unit(rows: Floats) -> Floats:
    """Rows (S, M) brought to length 1; those of 0 stay so."""
    rows = np.asarray(rows, np.float32)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > 0, norms, 1), np.float32)


def cosines(rows: Floats, query: Floats, norm: float) -> Floats:
    """(S,) of rows (S, M) of length 1 with `query` (M,), whose length, with what was cut off, is `norm`.

    What has no direction, the distances of a single word, is like what has none either, and unlike all else.
    """
    if norm > 0:
        return np.asarray(rows @ (query / np.float32(norm)), np.float32)
    return np.asarray(~np.any(rows, axis=1), np.float32)


def resampled(rows: Floats, lengths: Integers) -> Floats:
    """Rows (S, M), of which the first `lengths` (S,) values count, at NUM_POINTS places each: (S, NUM_POINTS)."""
    if not rows.shape[1]:
        return np.zeros((len(rows), NUM_POINTS), np.float32)
    places = np.linspace(0, 1, NUM_POINTS)[None] * np.maximum(lengths - 1, 0)[:, None]
    before = np.floor(places).astype(np.intp)
    after = np.minimum(before + 1, np.maximum(lengths - 1, 0)[:, None])
    share = (places - before).astype(np.float32)
    points = np.take_along_axis(rows, before, 1) * (1 - share) + np.take_along_axis(rows, after, 1) * share
    return np.asarray(points, np.float32)


def warped_cosines(query: Floats, rows: Floats, lengths: Integers) -> Floats:
    """(C,) similarities of query (N,) to the first `lengths` (C,) values of rows (C, M), by dynamic time warping.

    See Sakoe and Chiba (1978). All have a mean square of 1. It is 1 - d / (2 max(N, length)), with d the sum of squared
    differences along the best path: where the path is straight, that is the cosine.
    """
    num_rows, size = len(query), rows.shape[1]
    edge = np.full((len(rows), num_rows), np.inf, np.float32)
    ahead = np.concatenate([edge, rows, edge], 1)
    before = np.full((len(rows), num_rows + 1), np.inf, np.float32)
    before[:, 0] = 0
    last = np.full_like(before, np.inf)
    ends = np.empty((num_rows + size - 1, len(rows)), np.float32)
    # Along anti-diagonals, whose cells do not depend on each other: cell i of the k-th compares query[i] with rows[:, k - i].
    for k in range(len(ends)):
        now = np.full_like(before, np.inf)
        reach = np.minimum(np.minimum(last[:, 1:], last[:, :-1]), before[:, :-1])
        now[:, 1:] = reach + np.square(query - ahead[:, k + 1 : k + 1 + num_rows][:, ::-1])
        ends[k] = now[:, -1]
        before, last = last, now
    cost = ends[num_rows - 1 + lengths - 1, np.arange(len(rows))]
    return np.asarray(1 - cost / (2 * np.maximum(num_rows, lengths)), np.float32)


def combined(semantic: Floats, syntactic: Floats, semantic_weight: float) -> Floats:
    """The two similarities (C,) averaged with a weight.

    Cosines of distances, none of which is negative, lie closer together than those of meaning, and higher: they are first
    brought to the mean and deviation that those of meaning have over the same sentences.
    """
    compared = np.isfinite(syntactic)
    if not compared.any():
        return semantic
    meant, built = semantic[compared], syntactic[compared]
    on_scale = meant.mean() + (built - built.mean()) * (meant.std() / (built.std() or 1.0))
    scores = np.full(len(semantic), -np.inf, np.float32)
    scores[compared] = semantic_weight * meant + (1 - semantic_weight) * on_scale
    return scores
