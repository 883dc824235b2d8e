"""Similarity of sentences: cosines of sentence vectors, and of syntactic distances with different numbers of words.

A sentence of W words has W - 1 gaps, each with a syntactic distance; the 0 before the first word is left out. S is the number of
sentences in the inventory, C the number of candidates among them. The inventory is prepared once, so that a query costs one
product of a matrix and a vector.
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from tts_cli.selection.inventory import Floats, Integers

Lengths = Literal["same", "pad", "resample", "dtw"]

NUM_POINTS = 32
"""Number of points to which distances are resampled; few sentences have more gaps."""
MOST_WARPED = 384
"""Number of sentences that dynamic time warping aligns: the most similar ones after resampling."""


class Syntaxes(Protocol):
    """Syntactic distances of S sentences, prepared for comparison with other sentences."""

    def similarities(self, gaps: Floats, among: Integers) -> Floats:
        """Return the similarities of a sentence to candidates, shape (C,), in [-1, 1]; -inf for two that are not compared.

        Args:
            gaps: Syntactic distances of the sentence, shape (W - 1,).
            among: Indices of the candidates, shape (C,).
        """


class Padded:
    """Comparison that extends the shorter sentence with 0."""

    def __init__(self, flat: Floats, offsets: Integers) -> None:
        """Prepare S sentences.

        Args:
            flat: Syntactic distances of one sentence after the other; the first of each sentence is 0.
            offsets: Start of each sentence in `flat`, and the end, shape (S + 1,).
        """
        gaps, self.lengths = gap_rows(flat, offsets)
        self._rows = unit(gaps)

    def similarities(self, gaps: Floats, among: Integers) -> Floats:
        """Return the similarities of a sentence to candidates, shape (C,), as `Syntaxes` specifies."""
        size = self._rows.shape[1]
        fitted = np.zeros(size, np.float32)
        fitted[: len(gaps)] = gaps[:size]
        return cosines(self._rows, fitted, float(np.linalg.norm(gaps)))[among]


class SameLength(Padded):
    """Comparison with sentences of the same number of words only; if there is none, with those of the nearest number."""

    def similarities(self, gaps: Floats, among: Integers) -> Floats:
        """Return the similarities of a sentence to candidates, shape (C,), as `Syntaxes` specifies."""
        away = np.abs(self.lengths[among] - len(gaps))
        return np.where(away == away.min(), super().similarities(gaps, among), np.float32(-np.inf))


class Resampled:
    """Comparison after linear interpolation of all sentences at `NUM_POINTS` points."""

    def __init__(self, flat: Floats, offsets: Integers) -> None:
        """Prepare S sentences; see `Padded`."""
        self._rows = unit(resampled(*gap_rows(flat, offsets)))

    def similarities(self, gaps: Floats, among: Integers) -> Floats:
        """Return the similarities of a sentence to candidates, shape (C,), as `Syntaxes` specifies."""
        points = resampled(gaps[None], np.array([len(gaps)]))[0]
        return cosines(self._rows, points, float(np.linalg.norm(points)))[among]


class Warped:
    """Comparison by dynamic time warping, which aligns the gaps of one sentence with those of the other.

    The `MOST_WARPED` candidates that are most similar after resampling get the similarity of `warped_cosines`. The others keep
    the cosine of their resampled distances.
    """

    def __init__(self, flat: Floats, offsets: Integers) -> None:
        """Prepare S sentences; see `Padded`."""
        gaps, self._lengths = gap_rows(flat, offsets)
        # With a mean square of 1, scale does not matter, as in a cosine.
        self._rows = unit(gaps) * np.sqrt(np.maximum(self._lengths, 1), dtype=np.float32)[:, None]
        self._resampled = Resampled(flat, offsets)

    def similarities(self, gaps: Floats, among: Integers) -> Floats:
        """Return the similarities of a sentence to candidates, shape (C,), as `Syntaxes` specifies."""
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
    """Return the gaps of S sentences as rows padded with 0, shape (S, longest), and their numbers, shape (S,).

    Args:
        flat: Syntactic distances of one sentence after the other.
        offsets: Start of each sentence in `flat`, and the end, shape (S + 1,).
    """
    flat, offsets = np.asarray(flat, np.float32), np.asarray(offsets, np.intp)
    lengths = np.diff(offsets) - 1
    is_gap = np.ones(len(flat), bool)
    is_gap[offsets[:-1]] = False
    rows = np.zeros((len(lengths), max(1, lengths.max(initial=0))), np.float32)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = flat[is_gap]
    return rows, lengths


def unit(rows: Floats) -> Floats:
    """Scale each row of an array (S, M) to length 1; rows of zeros stay as they are."""
    rows = np.asarray(rows, np.float32)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > 0, norms, 1), np.float32)


def cosines(rows: Floats, query: Floats, norm: float) -> Floats:
    """Return the cosine of each row with a query, shape (S,).

    A row or a query of zeros, from a sentence of a single word, has cosine 1 with another one of zeros, and 0 with all others.

    Args:
        rows: Rows of length 1 or 0, shape (S, M).
        query: Vector, shape (M,).
        norm: Length of the query before it was cut to M values.
    """
    if norm > 0:
        # The caller refuses what is not finite.
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray(rows @ (query / np.float32(norm)), np.float32)
    return np.asarray(~np.any(rows, axis=1), np.float32)


def resampled(rows: Floats, lengths: Integers) -> Floats:
    """Interpolate each row linearly at `NUM_POINTS` evenly spaced points, shape (S, NUM_POINTS).

    Args:
        rows: Padded rows, shape (S, M).
        lengths: Number of values in each row, shape (S,).
    """
    if not rows.shape[1]:
        return np.zeros((len(rows), NUM_POINTS), np.float32)
    places = np.linspace(0, 1, NUM_POINTS)[None] * np.maximum(lengths - 1, 0)[:, None]
    before = np.floor(places).astype(np.intp)
    after = np.minimum(before + 1, np.maximum(lengths - 1, 0)[:, None])
    share = (places - before).astype(np.float32)
    points = np.take_along_axis(rows, before, 1) * (1 - share) + np.take_along_axis(rows, after, 1) * share
    return np.asarray(points, np.float32)


def warped_cosines(query: Floats, rows: Floats, lengths: Integers) -> Floats:
    """Return similarities by dynamic time warping (Sakoe and Chiba, 1978), shape (C,).

    The similarity is 1 - d / (2 max(N, length)), with d the sum of squared differences along the best path. It equals the cosine
    if the path is straight.

    Args:
        query: Values with a mean square of 1, shape (N,).
        rows: Padded rows, shape (C, M); the values of each have a mean square of 1.
        lengths: Number of values in each row, shape (C,).
    """
    num_rows, size = len(query), rows.shape[1]
    edge = np.full((len(rows), num_rows), np.inf, np.float32)
    ahead = np.concatenate([edge, rows, edge], 1)
    before = np.full((len(rows), num_rows + 1), np.inf, np.float32)
    before[:, 0] = 0
    last = np.full_like(before, np.inf)
    ends = np.empty((num_rows + size - 1, len(rows)), np.float32)
    # Cells of an anti-diagonal do not depend on each other: cell i of the k-th compares query[i] with rows[:, k - i].
    for k in range(len(ends)):
        now = np.full_like(before, np.inf)
        reach = np.minimum(np.minimum(last[:, 1:], last[:, :-1]), before[:, :-1])
        now[:, 1:] = reach + np.square(query - ahead[:, k + 1 : k + 1 + num_rows][:, ::-1])
        ends[k] = now[:, -1]
        before, last = last, now
    cost = ends[num_rows - 1 + lengths - 1, np.arange(len(rows))]
    return np.asarray(1 - cost / (2 * np.maximum(num_rows, lengths)), np.float32)


def combined(semantic: Floats, syntactic: Floats, semantic_weight: float) -> Floats:
    """Return the weighted mean of two similarities, shape (C,).

    Syntactic distances are not negative, so their cosines are higher and closer together than those of meaning. They are first
    scaled to the mean and the standard deviation of the semantic similarities over the same candidates.

    Args:
        semantic: Cosines of sentence vectors, shape (C,).
        syntactic: Similarities of syntactic distances, shape (C,); -inf excludes a candidate, unless all are excluded.
        semantic_weight: Weight of `semantic`, 0 to 1.
    """
    compared = np.isfinite(syntactic)
    if not compared.any():
        return semantic
    meant, built = semantic[compared], syntactic[compared]
    on_scale = meant.mean() + (built - built.mean()) * (meant.std() / (built.std() or 1.0))
    scores = np.full(len(semantic), -np.inf, np.float32)
    scores[compared] = semantic_weight * meant + (1 - semantic_weight) * on_scale
    return scores
