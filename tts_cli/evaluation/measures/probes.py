"""Probes: how well who speaks can be told from features, which says how much of the speaker is in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats
from tts_cli.errors import InputError
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.statistics import Estimate, mean_estimate

Labels = NDArray[np.int64]
Probe = Callable[[Sequence[Floats], Labels, Sequence[Floats], int], Labels]
"""From sequences (T, C) with labels, and sequences without, and a seed to the labels of the latter."""

FOLDS = 5
SEEDS = (0, 1, 2)
"""Each makes other folds and another start: a clip's figure is the share of them in which it was told right."""

_INVERSE_PENALTY = 10.0
"""Light: a probe that is held back would make features look cleaner than they are."""
_HIDDEN = 32
_EPOCHS = 80
_CROP_STEPS = 64
_RATE = 0.01
_WEIGHT_DECAY = 1e-3


@dataclass(frozen=True)
class ProbeResult:
    """How often a probe was right."""

    accuracy: Estimate
    """With its interval over clips."""
    chance: float
    """Accuracy of one that always names the most frequent speaker."""
    right: tuple[float, ...]
    """Share of the repeats in which each clip was told right, in the order of the clips."""


def statistics_probe(sequences: Sequence[Floats], labels: Labels, unknown: Sequence[Floats], seed: int) -> Labels:
    """Logistic regression on the mean and deviation over time of every channel."""
    linear, preprocessing = require("sklearn.linear_model"), require("sklearn.preprocessing")
    classifier = require("sklearn.pipeline").make_pipeline(
        preprocessing.StandardScaler(), linear.LogisticRegression(C=_INVERSE_PENALTY, max_iter=5000, random_state=seed)
    )
    classifier.fit(_statistics(sequences), labels)
    found: Labels = classifier.predict(_statistics(unknown))
    return found


def _statistics(sequences: Sequence[Floats]) -> Floats:
    """(clips, 2 * C), to three decimals: of what is normalised only rounding errors are left, which scaling would blow up."""
    rows = [np.concatenate([sequence.mean(axis=0), sequence.std(axis=0)]) for sequence in sequences]
    return np.asarray(np.round(rows, 3), np.float32)


def recurrent_probe(sequences: Sequence[Floats], labels: Labels, unknown: Sequence[Floats], seed: int) -> Labels:
    """A GRU of 32 units, both ways, whose outputs' mean over time is classified; taught on random stretches of 64 steps."""
    torch = require("torch")
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    mean, deviation = _scale(sequences)
    scaled = [(sequence - mean) / deviation for sequence in sequences]
    recurrent = torch.nn.GRU(scaled[0].shape[1], _HIDDEN, batch_first=True, bidirectional=True)
    output = torch.nn.Linear(2 * _HIDDEN, int(labels.max()) + 1)
    parameters = [*recurrent.parameters(), *output.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=_RATE, weight_decay=_WEIGHT_DECAY)
    wanted = torch.from_numpy(labels)
    for _ in range(_EPOCHS):
        stretches = torch.from_numpy(np.stack([_stretch(sequence, generator) for sequence in scaled]))
        loss = torch.nn.functional.cross_entropy(output(recurrent(stretches)[0].mean(1)), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        heard = [torch.from_numpy((sequence - mean) / deviation)[None] for sequence in unknown]
        return np.array([int(output(recurrent(one)[0].mean(1)).argmax()) for one in heard], np.int64)


def _scale(sequences: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Mean and deviation of every channel over all steps."""
    steps = np.concatenate(sequences)
    return steps.mean(axis=0), np.maximum(steps.std(axis=0), 1e-6)


def _stretch(sequence: Floats, generator: np.random.Generator) -> Floats:
    """`_CROP_STEPS` steps from anywhere; a shorter sequence is repeated."""
    start = int(generator.integers(0, max(1, len(sequence) - _CROP_STEPS + 1)))
    return np.resize(sequence[start:], (_CROP_STEPS, sequence.shape[1]))


PROBES: Mapping[str, Probe] = {"logistic regression": statistics_probe, "GRU": recurrent_probe}


def cross_validate(
    probe: Probe, sequences: Sequence[Floats], speakers: Sequence[str], folds: int = FOLDS, seeds: Sequence[int] = SEEDS
) -> ProbeResult:
    """How well `probe` tells the `speakers` of `sequences` (T, C), each told by a probe that was taught without its clip.

    Folds are stratified: each has its share of every speaker's clips. Raises InputError where a speaker has fewer clips than
    there are folds, or the evaluation extra is missing.
    """
    names, labels = np.unique(speakers, return_inverse=True)
    counts = np.bincount(labels)
    if len(names) < 2 or counts.min() < folds:
        raise InputError(f"a probe of {folds} folds needs at least two speakers with {folds} clips each")
    stratified = require("sklearn.model_selection").StratifiedKFold
    right = np.zeros(len(labels))
    for seed in seeds:
        for known, asked in stratified(folds, shuffle=True, random_state=seed).split(labels, labels):
            found = probe([sequences[i] for i in known], labels[known], [sequences[i] for i in asked], seed)
            right[asked] += (found == labels[asked]) / len(seeds)
    return ProbeResult(mean_estimate(right.tolist()), float(counts.max() / counts.sum()), tuple(right.tolist()))


def pooled(frames: Floats, steps: int) -> Floats:
    """Means of every `steps` frames of `frames` (T, C), the last of what is left: (ceil(T / steps), C)."""
    starts = np.arange(0, len(frames), steps)
    counts = np.minimum(steps, len(frames) - starts)[:, None]
    return np.asarray(np.add.reduceat(frames.astype(np.float64), starts, axis=0) / counts, np.float32)
