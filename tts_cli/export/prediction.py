"""Fit of the prediction of prosody embeddings to an inventory: ridge regression with cross-validated penalties.

The weights of the cues are shared by all speakers, plus deviations for each speaker with much speech. Each group of inputs has a
scale, chosen by cross-validation; the penalty on its weights falls with the square of the scale, and 0 leaves the group out.
Folds never divide utterances of one text or one document.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tts_cli.selection.inventory import Integers

Doubles = NDArray[np.float64]

NUM_FOLDS = 5
FEWEST = 40
"""Utterances from which weights are fitted."""
FEWEST_OWN, MOST_OWN = 50, 12
"""Utterances from which a speaker has deviations of its own, and the largest number of speakers that have them."""
LEAST_DEVIATION = 0.1
"""Least deviation by which a cue is standardised, so that a rare cue has no large weight."""
LEAST_PREDICTED = 0.1
"""Least spread of a speaker's predictions that scaling to a wanted spread assumes, times that of the recordings."""
NUM_DIRECTIONS = 12
"""Directions of the learnt similarity."""
LARGEST_GAIN = 0.8
"""Largest factor by which the offset of the sentence before may return in the next, once predictions are scaled to the spread of
recordings; more would swing up from sentence to sentence."""
SCALES: Mapping[str, tuple[float, ...]] = {
    "own": (0.0, 0.5, 1.0, 1.5),
    "meaning": (0.0, 0.25, 0.5, 1.0),
    "before_cue": (0.0, 0.25, 0.5),
    "before_meaning": (0.0, 0.25, 0.5),
    "before_prosody": (0.0, 0.5, 1.0, 2.0),
}
"""Scales that are tried for each group of inputs; the shared cues have scale 1."""
PENALTIES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Penalties that are tried, times the number of utterances."""
SHARED = "shared"


@dataclass(frozen=True)
class Examples:
    """Training utterances with their inputs and embeddings: U utterances of S speakers."""

    embeddings: NDArray[np.float32]
    """(U, D)."""
    speakers: Integers
    """Index of each utterance's speaker, (U,)."""
    cues: NDArray[np.float32]
    """Cues of each utterance's sentence, (U, F)."""
    vectors: NDArray[np.float32]
    """Sentence vector of each, (U, E)."""
    before: Integers
    """Index of the utterance before in the same document, (U,); -1: none."""
    groups: Sequence[int]
    """Group of each utterance; those of one text or document share a group."""


@dataclass(frozen=True)
class _Setting:
    penalty: float
    scales: Mapping[str, float]


def grouped(texts: Sequence[str], documents: Sequence[Hashable | None]) -> list[int]:
    """Return a group for each utterance, so that utterances of one text or of one document (None: of none) share a group."""
    parent: dict[Hashable, Hashable] = {}

    def root(key: Hashable) -> Hashable:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    keys = [("text", re.sub(r"\W", "", text.lower())) for text in texts]
    for key, document in zip(keys, documents, strict=True):
        if document is not None:
            parent[root(key)] = root(("document", document))
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(root(key), len(numbers)) for key in keys]


def utterances_before(documents: Sequence[tuple[Hashable, int] | None], speakers: Sequence[Hashable]) -> Integers:
    """Return the index of the utterance before each, (U,); -1 where there is none.

    Args:
        documents: Document of each utterance and place in it; None: unknown. Places may be missing.
        speakers: Speaker of each: the same document by another speaker is another one.
    """
    rows = [(speakers[u], place[0], place[1], u) for u, place in enumerate(documents) if place is not None]
    rows.sort(key=lambda row: (str(row[0]), str(row[1]), row[2]))
    before = np.full(len(documents), -1, np.intp)
    for (speaker, document, _, u), (next_speaker, next_document, _, following) in pairwise(rows):
        if (speaker, document) == (next_speaker, next_document):
            before[following] = u
    return before


def fit_prediction(examples: Examples, steady: Doubles | None = None) -> dict[str, NDArray[np.floating]] | None:
    """Fit the weights of the strategies `learnt` and `predicted`.

    Args:
        examples: Training utterances.
        steady: Directions in which predictions keep their own spread, when they are scaled to a wanted one: orthogonal unit
            vectors (D, K); None: none.

    Returns:
        Arrays for `selection.prediction.write_prediction`; None for fewer than `FEWEST` utterances or `NUM_FOLDS` groups, or if
        nothing of the held-out embeddings is predicted.
    """
    if len(examples.speakers) < FEWEST or len(set(examples.groups)) < NUM_FOLDS:
        return None
    design = _Design(examples)
    setting = _chosen(design)
    held_out = design.held_out(setting)
    if design.explained(held_out) <= 0:
        return None
    return _arrays(design, setting, held_out, np.zeros((design.offsets.shape[1], 0)) if steady is None else steady)


class _Design:
    """Inputs in one matrix, group by group, with the products that ridge regression needs for each fold."""

    def __init__(self, examples: Examples) -> None:
        self.examples = examples
        speakers = examples.speakers
        self.num_speakers = int(speakers.max()) + 1
        self.offsets = examples.embeddings.astype(np.float64)
        for speaker in np.unique(speakers):
            self.offsets[speakers == speaker] -= self.offsets[speakers == speaker].mean(0)
        self.size = float(np.sqrt(np.square(self.offsets).mean())) or 1.0
        cues = examples.cues.astype(np.float64)
        self.mean, self.deviation = cues.mean(0), np.maximum(cues.std(0), LEAST_DEVIATION)
        self.standard = (cues - self.mean) / self.deviation
        counts = np.bincount(speakers, minlength=self.num_speakers)
        self.owners = [int(one) for one in np.argsort(-counts, kind="stable")[:MOST_OWN] if counts[one] >= FEWEST_OWN]
        self.meaning_mean = examples.vectors.astype(np.float64).mean(0)
        self.blocks = self._blocks()
        self.x = np.concatenate([*self.blocks.values()], 1)
        ends = np.cumsum([block.shape[1] for block in self.blocks.values()])
        self.columns = {name: slice(end - self.blocks[name].shape[1], end) for name, end in zip(self.blocks, ends, strict=True)}
        self.folds = _folds(examples.groups)
        self.products = [self._products(np.flatnonzero(self.folds == fold)) for fold in range(NUM_FOLDS)]
        self.whole = self._products(np.arange(len(self.x)))

    def _blocks(self) -> dict[str, Doubles]:
        before, speakers = self.examples.before, self.examples.speakers
        has = (before >= 0)[:, None].astype(np.float64)
        extended = np.concatenate([self.standard, np.ones_like(has)], 1)
        meaning = (self.examples.vectors - self.meaning_mean) * np.sqrt(len(self.meaning_mean))
        return {
            SHARED: self.standard,
            "own": np.concatenate([extended * (speakers == one)[:, None] for one in self.owners] or [has[:, :0]], 1),
            "meaning": meaning,
            "before_cue": extended[before] * has,
            "before_meaning": meaning[before] * has,
            "before_prosody": self.offsets[before] / self.size * has,
        }

    def _products(self, rows: Integers) -> tuple[Doubles, Doubles]:
        return self.x[rows].T @ self.x[rows], self.x[rows].T @ self.offsets[rows]

    def weights(self, setting: _Setting, without: int | None = None) -> Doubles:
        """Return the weights (columns of `x`, D) of a fit to all folds, or to all but the fold `without`."""
        gram, moments = self.whole
        count = len(self.x)
        if without is not None:
            gram, moments = gram - self.products[without][0], moments - self.products[without][1]
            count -= int((self.folds == without).sum())
        scale = np.concatenate([np.full(block.shape[1], setting.scales.get(name, 1.0)) for name, block in self.blocks.items()])
        used = np.flatnonzero(scale)
        scaled = gram[np.ix_(used, used)] * np.outer(scale[used], scale[used])
        scaled[np.diag_indices(len(used))] += setting.penalty * count
        found = np.zeros((len(scale), moments.shape[1]))
        found[used] = scale[used, None] * np.linalg.solve(scaled, scale[used, None] * moments[used])
        return found

    def held_out(self, setting: _Setting) -> Doubles:
        """Return the weights (folds, columns of `x`, D) of the fits that leave out one fold each."""
        return np.stack([self.weights(setting, fold) for fold in range(NUM_FOLDS)])

    def predicted(self, held_out: Doubles, names: Sequence[str]) -> Doubles:
        """Return the predicted offset (U, D) of each utterance from the groups of inputs `names`, by the fit without its fold."""
        found = np.zeros_like(self.offsets)
        for fold in range(NUM_FOLDS):
            rows = self.folds == fold
            for name in names:
                columns = self.columns[name]
                found[rows] += self.x[rows, columns] @ held_out[fold, columns]
        return found

    def explained(self, held_out: Doubles) -> float:
        """Return the share of the variance of held-out embeddings that is predicted."""
        missed = np.square(self.offsets - self.predicted(held_out, list(self.blocks))).sum()
        return float(1 - missed / (np.square(self.offsets).sum() or 1.0))


def _folds(groups: Sequence[int]) -> Integers:
    """Return a fold for each utterance, of about equal sizes; the groups are dealt out largest first."""
    sizes = np.bincount(groups)
    order = np.random.default_rng(0).permutation(len(sizes))
    fold_of, loads = np.zeros(len(sizes), np.intp), np.zeros(NUM_FOLDS)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold_of[group] = np.argmin(loads)
        loads[fold_of[group]] += sizes[group]
    return np.asarray(fold_of[np.asarray(groups)], np.intp)


def _chosen(design: _Design) -> _Setting:
    """Return the setting with the least held-out error, found by changing the penalty and one scale after the other."""
    setting = _Setting(0.5, {"own": 1.0, "meaning": 0.5, "before_cue": 0.0, "before_meaning": 0.0, "before_prosody": 1.0})
    for name in ("penalty", *SCALES, "penalty"):
        tried = [
            replace(setting, penalty=value) if name == "penalty" else replace(setting, scales={**setting.scales, name: value})
            for value in (PENALTIES if name == "penalty" else SCALES[name])
            if name == "penalty" or value == 0 or np.any(design.blocks[name])
        ]
        setting = max(tried, key=lambda one: design.explained(design.held_out(one)))
    return setting


def _arrays(design: _Design, setting: _Setting, held_out: Doubles, steady: Doubles) -> dict[str, NDArray[np.floating]]:
    examples, columns = design.examples, design.columns
    weights = design.weights(setting)
    of_text = design.predicted(held_out, (SHARED, "own", "meaning"))
    whole = design.predicted(held_out, list(design.blocks))
    kept = whole @ steady @ steady.T
    recorded = _spread(design, design.offsets)
    predicted = np.maximum(_spread(design, whole - kept), LEAST_PREDICTED * recorded)
    _, _, directions = np.linalg.svd(of_text, full_matrices=False)
    basis = directions[:NUM_DIRECTIONS].T
    prosody = weights[columns["before_prosody"]] / design.size
    gain = float(np.linalg.norm(prosody, 2)) * float((recorded / predicted).max())
    root = np.sqrt(len(design.meaning_mean))
    return {
        "standard": np.stack([design.mean, design.deviation, design.standard.min(0), design.standard.max(0)]),
        "meaning_mean": design.meaning_mean,
        "cue_weights": _of_speakers(design, weights),
        "meaning_weights": weights[columns["meaning"]] * root,
        "before_cue_weights": _rows(weights[columns["before_cue"]]),
        "before_meaning_weights": _rows(weights[columns["before_meaning"]] * root),
        "before_prosody_weights": _rows(prosody * min(1.0, LARGEST_GAIN / (gain or 1.0))),
        "recorded": recorded,
        "predicted": predicted,
        "predicted_steady": _spread(design, kept),
        "explained": 1 - np.square(_spread(design, design.offsets - whole) / recorded),
        "steady": steady,
        "basis": basis,
        "places": (of_text @ basis).reshape(len(examples.speakers), -1),
    }


def _spread(design: _Design, offsets: Doubles) -> Doubles:
    """Return the root mean square length of each speaker's offsets (U, D), shape (S,); 1 for a speaker without utterances."""
    squares = np.square(offsets).sum(1)
    counts = np.bincount(design.examples.speakers, minlength=design.num_speakers)
    sums = np.bincount(design.examples.speakers, squares, design.num_speakers)
    return np.where(counts > 0, np.sqrt(sums / np.maximum(counts, 1)), 1.0)


def _of_speakers(design: _Design, weights: Doubles) -> Doubles:
    """Return the weights of the cues and of a constant for each speaker, (S, F + 1, D)."""
    shared = np.concatenate([weights[design.columns[SHARED]], np.zeros((1, weights.shape[1]))])
    found = np.repeat(shared[None], design.num_speakers, 0)
    own = weights[design.columns["own"]].reshape(len(design.owners), *shared.shape)
    for place, speaker in enumerate(design.owners):
        found[speaker] += own[place]
    return found


def _rows(weights: Doubles) -> Doubles:
    """Return the weights, without rows if all are 0."""
    return weights if np.any(weights) else weights[:0]
