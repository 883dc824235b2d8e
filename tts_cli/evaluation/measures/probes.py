"""Probes: classifiers that predict the speaker, or another label, from features. Their accuracy shows how far these tell it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats
from tts_cli.errors import InputError
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.statistics import Estimate, mean_estimate

Labels = NDArray[np.int64]
Probe = Callable[[Sequence[Floats], Labels, Sequence[Floats], int], Labels]
"""Function that trains on sequences (T, C) with labels and returns labels for other sequences; the last argument is a seed."""

FOLDS = 5
SEEDS = (0, 1, 2)
"""Seeds of the repeats, each with other folds and another initialisation. A clip's score is its share of correct repeats."""

_INVERSE_PENALTY = 10.0
"""Weak regularisation: a strong one would lower the accuracy and hide speaker information."""
_HIDDEN = 32
_EPOCHS = 80
_CROP_STEPS = 64
_RATE = 0.01
_WEIGHT_DECAY = 1e-3


@dataclass(frozen=True)
class ProbeResult:
    """Accuracy of a probe in cross-validation."""

    accuracy: Estimate
    """Share of correct predictions (0 to 1), with its interval over clips."""
    chance: float
    """Accuracy of always predicting the most frequent label."""
    right: tuple[float, ...]
    """Share of the repeats in which each clip was classified correctly, in the order of the clips."""


def statistics_probe(
    sequences: Sequence[Floats], labels: Labels, unknown: Sequence[Floats], seed: int, *, is_balanced: bool = False
) -> Labels:
    """Classify by logistic regression on the mean and standard deviation over time of every channel.

    Args:
        sequences: training sequences, shape (T, C) each.
        labels: label index of each training sequence.
        unknown: sequences to classify, shape (T, C) each.
        seed: random seed.
        is_balanced: let every label count alike, however many sequences it has.

    Returns:
        The predicted label index of each sequence in `unknown`.
    """
    linear, preprocessing = require("sklearn.linear_model"), require("sklearn.preprocessing")
    weights = "balanced" if is_balanced else None
    classifier = require("sklearn.pipeline").make_pipeline(
        preprocessing.StandardScaler(),
        linear.LogisticRegression(C=_INVERSE_PENALTY, max_iter=5000, random_state=seed, class_weight=weights),
    )
    classifier.fit(_statistics(sequences), labels)
    found: Labels = classifier.predict(_statistics(unknown))
    return found


def _statistics(sequences: Sequence[Floats]) -> Floats:
    """Return mean and standard deviation of every channel, shape (clips, 2 * C).

    They are rounded to three decimals: in normalised features they differ only by rounding errors, which the scaler of the probe
    would amplify.
    """
    rows = [np.concatenate([sequence.mean(axis=0), sequence.std(axis=0)]) for sequence in sequences]
    return np.asarray(np.round(rows, 3), np.float32)


def recurrent_probe(
    sequences: Sequence[Floats],
    labels: Labels,
    unknown: Sequence[Floats],
    seed: int,
    *,
    is_balanced: bool = False,
    steps: int = _CROP_STEPS,
) -> Labels:
    """Classify by a bidirectional GRU of 32 units and a linear layer on the mean of its outputs over time.

    It is trained for 80 epochs on random crops of `steps` steps. Other arguments and result are those of `statistics_probe`.
    """
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
    weights = torch.from_numpy(1 / np.maximum(np.bincount(labels), 1)).float() if is_balanced else None
    for _ in range(_EPOCHS):
        stretches = torch.from_numpy(np.stack([_stretch(sequence, generator, steps) for sequence in scaled]))
        loss = torch.nn.functional.cross_entropy(output(recurrent(stretches)[0].mean(1)), wanted, weights)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        heard = [torch.from_numpy((sequence - mean) / deviation)[None] for sequence in unknown]
        return np.array([int(output(recurrent(one)[0].mean(1)).argmax()) for one in heard], np.int64)


def _scale(sequences: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of every channel over all steps, shape (C,) each."""
    steps = np.concatenate(sequences)
    return steps.mean(axis=0), np.maximum(steps.std(axis=0), 1e-6)


def _stretch(sequence: Floats, generator: np.random.Generator, steps: int) -> Floats:
    """Return a random crop of `steps` steps; a shorter sequence is repeated to that length."""
    start = int(generator.integers(0, max(1, len(sequence) - steps + 1)))
    return np.resize(sequence[start:], (steps, sequence.shape[1]))


PROBES: Mapping[str, Probe] = {"logistic regression": statistics_probe, "GRU": recurrent_probe}


def cross_validate(
    probe: Probe,
    sequences: Sequence[Floats],
    speakers: Sequence[str],
    folds: int = FOLDS,
    seeds: Sequence[int] = SEEDS,
    *,
    groups: Sequence[Hashable] | None = None,
    centred_by: Sequence[Hashable] | None = None,
) -> ProbeResult:
    """Measure by cross-validation how accurately `probe` predicts the speaker, or another label, of each sequence.

    Folds are stratified by label: every fold has the same share of each label's clips, or nearly so with `groups`.

    Args:
        probe: classifier; see `Probe`.
        sequences: features of each clip, shape (T, C).
        speakers: speaker or other label of each clip.
        folds: number of folds.
        seeds: one seed for each repeat of the whole cross-validation.
        groups: group of each clip; clips of one group are all in the same fold. None: every clip stands alone.
        centred_by: class of each clip; from every sequence, also from those to classify, the mean of its class is subtracted. It
            is that of the training folds alone: a mean of all clips moves with the clip that is to be classified, and betrays it.

    Raises:
        InputError: if there are fewer than two labels, a label has fewer clips or groups than folds, or the extra `eval` is
            missing.
    """
    names, labels = np.unique(speakers, return_inverse=True)
    units = np.arange(len(labels)) if groups is None else _numbered(groups)
    counts = np.bincount(labels)
    if len(names) < 2 or min(len(set(units[labels == label])) for label in range(len(names))) < folds:
        whole = "clips" if groups is None else "groups of clips"
        message = f"cross-validation with {folds} folds needs at least two speakers with {folds} {whole} each"
        raise InputError(message, hint="prepare more clips of each speaker")
    right = np.zeros(len(labels))
    for seed in seeds:
        for known, unknown in split_folds(labels, None if groups is None else units, folds, seed):
            rows = sequences if centred_by is None else centred(sequences, centred_by, known)
            found = probe([rows[i] for i in known], labels[known], [rows[i] for i in unknown], seed)
            right[unknown] += (found == labels[unknown]) / len(seeds)
    return ProbeResult(mean_estimate(right.tolist()), float(counts.max() / counts.sum()), tuple(right.tolist()))


def split_folds(labels: Labels, groups: Labels | None, folds: int, seed: int) -> Iterator[tuple[Labels, Labels]]:
    """Yield the indices of the clips to train on and to classify, for each fold, stratified by label; groups stay whole."""
    selection = require("sklearn.model_selection")
    kind = selection.StratifiedKFold if groups is None else selection.StratifiedGroupKFold
    yield from kind(folds, shuffle=True, random_state=seed).split(labels, labels, groups)


def centred(sequences: Sequence[Floats], classes: Sequence[Hashable], known: Labels) -> list[Floats]:
    """Return the sequences without the mean over all steps of the `known` ones of the same class."""
    of_class: dict[Hashable, list[Floats]] = {}
    for place in known:
        of_class.setdefault(classes[place], []).append(sequences[place])
    means = {name: np.concatenate(own).mean(axis=0) for name, own in of_class.items()}
    return [sequence - means[name] for sequence, name in zip(sequences, classes, strict=True)]


def _numbered(groups: Sequence[Hashable]) -> Labels:
    order: dict[Hashable, int] = {}
    return np.array([order.setdefault(group, len(order)) for group in groups], np.int64)


def pooled(frames: Floats, steps: int) -> Floats:
    """Return the means of groups of `steps` frames (T, C), shape (ceil(T / steps), C); the last group may be shorter."""
    starts = np.arange(0, len(frames), steps)
    counts = np.minimum(steps, len(frames) - starts)[:, None]
    return np.asarray(np.add.reduceat(frames.astype(np.float64), starts, axis=0) / counts, np.float32)
