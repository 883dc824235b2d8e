"""Drift of a speaker over recording sessions: what moves mean F0 and level of whole sessions and is not prosody.

Voices lie higher on some days than on others, and microphones stand nearer. Sessions are given, or, where they are not, the order
of numbered ids shows the drift. The effects of sessions are estimated on training clips and shrunk towards 0 by their own
uncertainty (random effects; DerSimonian and Laird, 1986), so that two sessions that differ by chance stay as they are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tts_cli.config import StrictModel

WINDOW = 50
"""Training clips nearest in the order of ids whose median tells the drift of a clip."""
FEWEST_ORDERED = 4 * WINDOW
"""Fewest training clips of a speaker whose drift is estimated from the order of ids."""
LEAST_EXPLAINED = 0.05
"""Least share of the variance between clips that the order of ids must explain; below it, the order is that of chance."""
LEAST_NUMBERED = 0.9
"""Least share of ids that end in a number, if their order is that of the recording."""
DIGITS = 5
"""Decimals of drifts in the manifest."""

Values = NDArray[np.float64]
Origin = Literal["sessions", "order of ids", "none"]
"""Source of an estimate: given sessions, the order of ids, or nothing that tells of sessions."""


class DriftSummary(StrictModel):
    """Drift of one speaker: its source, and the share of the variance between clips that its removal takes away."""

    source: Origin = "none"
    sessions: int = 0
    """Number of given sessions."""
    f0_removed: float = 0.0
    """Share of the variance of the clips' mean log F0 that is drift."""
    level_removed: float = 0.0
    """Share of the variance of the clips' level that is drift."""


@dataclass(frozen=True)
class ClipFacts:
    """Facts of one clip that tell of drift."""

    speaker: str
    corpus: str
    id: str
    session: str
    document: str
    is_training: bool
    num_voiced: int
    """Voiced frames."""
    log_f0: float
    """Mean natural log of F0 in Hz over voiced frames; of no use without any."""
    level: float
    """Level of the loud frames, natural log of the mel magnitude."""


@dataclass(frozen=True)
class Drift:
    """Drift of one clip: to be subtracted from its log F0, and from its log mel and energy."""

    f0: float = 0.0
    level: float = 0.0


def estimate_drift(clips: Sequence[ClipFacts]) -> tuple[list[Drift], dict[str, DriftSummary]]:
    """Return the drift of every clip, 0 on average over the training clips of a speaker, and a summary of each speaker.

    The drift of F0 is that of the session. The drift of level is that of the session and of the document in it: a story is read
    at one distance from the microphone. Without sessions, both follow the order of the ids of a corpus, if these are numbered and
    their order explains enough.
    """
    found, summaries = [Drift()] * len(clips), dict[str, DriftSummary]()
    places = defaultdict[str, list[int]](list)
    for place, clip in enumerate(clips):
        places[clip.speaker].append(place)
    for speaker, own in sorted(places.items()):
        drifts, summaries[speaker] = _of_speaker([clips[place] for place in own])
        for place, drift in zip(own, drifts, strict=True):
            found[place] = drift
    return found, summaries


def without_drift(features: Mapping[str, NDArray[Any]], level: float, silence: float) -> dict[str, NDArray[Any]]:
    """Return the features of a clip without the drift of its level.

    Args:
        features: `energy` (T,), perhaps `mel` (T, bands), both in natural logarithm, and others, which stay as they are.
        level: Drift of the level.
        silence: Lowest value of the mel.
    """
    changed = {"energy": features["energy"] - np.float32(level)}
    if "mel" in features:
        changed["mel"] = np.maximum(features["mel"] - np.float32(level), np.float32(silence))
    return {**features, **changed}


def _of_speaker(clips: Sequence[ClipFacts]) -> tuple[list[Drift], DriftSummary]:
    log_f0, level = np.array([clip.log_f0 for clip in clips]), np.array([clip.level for clip in clips])
    voiced, trained = np.array([clip.num_voiced > 0 for clip in clips]), np.array([clip.is_training for clip in clips])
    sessions = {(clip.corpus, clip.session) for clip in clips if clip.session}
    if sessions:
        source: Origin = "sessions"
        f0_drift = _of_sessions(log_f0, clips, trained, voiced)
        everywhere = np.ones(len(clips), bool)
        level_drift = _of_sessions(level, clips, trained, everywhere)
        level_drift += _of_documents(level - level_drift, clips, trained)
    else:
        source = "order of ids"
        f0_drift, level_drift = _of_order(log_f0, clips, trained & voiced), _of_order(level, clips, trained)
    frames = np.array([clip.num_voiced for clip in clips], float)
    f0_drift, level_drift = _centred(f0_drift, frames * trained), _centred(level_drift, 1.0 * trained)
    if not f0_drift.any() and not level_drift.any() and not sessions:
        source = "none"
    summary = DriftSummary(
        source=source, sessions=len(sessions), f0_removed=_removed(log_f0[voiced], f0_drift[voiced]),
        level_removed=_removed(level, level_drift),
    )  # fmt: skip
    drifts = zip(f0_drift.round(DIGITS).tolist(), level_drift.round(DIGITS).tolist(), strict=True)
    return [Drift(*pair) for pair in drifts], summary


def _of_sessions(values: Values, clips: Sequence[ClipFacts], trained: NDArray[np.bool_], known: NDArray[np.bool_]) -> Values:
    """Return the effect of the session of each clip; 0 for a clip without one. Stories vary by themselves: they are the units."""
    groups = [(clip.corpus, clip.session) if clip.session else None for clip in clips]
    units = [(clip.corpus, clip.document) if clip.document else place for place, clip in enumerate(clips)]
    return _effects(values, groups, units, trained & known, known)


def _of_documents(values: Values, clips: Sequence[ClipFacts], trained: NDArray[np.bool_]) -> Values:
    groups = [(clip.corpus, clip.session, clip.document) if clip.document else None for clip in clips]
    return _effects(values, groups, range(len(clips)), trained, np.ones(len(clips), bool))


def _effects(
    values: Values,
    groups: Sequence[Hashable],
    units: Sequence[Hashable],
    trained: NDArray[np.bool_],
    known: NDArray[np.bool_],
) -> Values:
    """Return the shrunk effect of each clip's group; 0 without a group.

    Args:
        values: Value of each clip, shape (clips,).
        groups: Group of each clip; None: none.
        units: Unit of each clip: units of a group vary independently of each other.
        trained: Clips to learn from. A group without any is judged by its other `known` clips.
        known: Clips with a value.
    """
    members = defaultdict[Hashable, list[int]](list)
    for place, group in enumerate(groups):
        if group is not None:
            members[group].append(place)
    judged = {group: chosen for group, own in members.items() if (chosen := [p for p in own if trained[p]] or
                                                                 [p for p in own if known[p]])}  # fmt: skip
    means, errors = _means(values, list(judged.values()), units)
    result = np.zeros(len(values))
    for group, effect in zip(judged, _shrunk(means, errors), strict=True):
        result[members[group]] = effect
    return result


def _means(values: Values, judged: Sequence[Sequence[int]], units: Sequence[Hashable]) -> tuple[Values, Values]:
    """Return the mean of the values at the places of each group, and its squared standard error."""
    means, shares, squares, freedom = [], [], 0.0, 0
    for own in judged:
        of_unit = defaultdict[Hashable, list[float]](list)
        for place in own:
            of_unit[units[place]].append(values[place])
        weights = np.array([len(some) for some in of_unit.values()]) / len(own)
        unit_means = np.array([np.mean(some) for some in of_unit.values()])
        means.append(float(weights @ unit_means))
        shares.append(float((weights**2).sum()))
        squares += float(((unit_means - unit_means.mean()) ** 2).sum())
        freedom += len(unit_means) - 1
    # Where every group is one unit, nothing tells chance from drift.
    variance = squares / freedom if freedom else np.inf
    return np.array(means), variance * np.array(shares)


def _shrunk(means: Values, errors: Values) -> Values:
    """Return the deviations of group means from their common mean, each shrunk by its uncertainty.

    Args:
        means: Mean of each group.
        errors: Squared standard error of each mean.
    """
    if len(means) < 2 or not np.isfinite(errors).all():
        return np.zeros(len(means))
    weights = 1 / np.maximum(errors, 1e-12)
    common = weights @ means / weights.sum()
    excess = weights @ (means - common) ** 2 - (len(means) - 1)
    between = max(0.0, excess / (weights.sum() - (weights**2).sum() / weights.sum()))
    if between == 0:
        return np.zeros(len(means))
    overall = 1 / (between + errors)
    centre = overall @ means / overall.sum()
    return np.asarray(between / (between + errors) * (means - centre))


def _of_order(values: Values, clips: Sequence[ClipFacts], trained: NDArray[np.bool_]) -> Values:
    """Return the median of the training clips nearest in the order of ids, itself excluded; 0 where the order tells nothing."""
    result = np.zeros(len(values))
    for corpus in {clip.corpus for clip in clips}:
        own = sorted(
            (place for place, clip in enumerate(clips) if clip.corpus == corpus), key=lambda p: natural_order(clips[p].id)
        )
        learnt = [place for place in own if trained[place]]
        if len(learnt) < FEWEST_ORDERED or not are_numbered([clips[place].id for place in own]):
            continue
        medians = _running_median(values, own, trained)
        left = values[learnt] - medians[learnt]
        if 1 - np.square(left).mean() / max(values[learnt].var(), 1e-12) >= LEAST_EXPLAINED:
            result[own] = medians[own] - np.median(values[learnt])
    return result


def _running_median(values: Values, order: Sequence[int], trained: NDArray[np.bool_]) -> Values:
    """Return, at each place of `order`, the median of the `WINDOW` nearest training clips before and after it, not its own."""
    result = np.zeros(len(values))
    learnt = np.array([number for number, place in enumerate(order) if trained[place]])
    ordered = values[list(order)]
    for number, place in enumerate(order):
        others = learnt[learnt != number]
        middle = int(np.searchsorted(others, number))
        start = min(max(0, middle - WINDOW // 2), max(0, len(others) - WINDOW))
        result[place] = np.median(ordered[others[start : start + WINDOW]])
    return result


def are_numbered(ids: Sequence[str]) -> bool:
    """Return True if nearly all ids end in a number, so that their order is that of the recording."""
    return sum(re.search(r"\d$", name) is not None for name in ids) >= LEAST_NUMBERED * len(ids)


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """Return a key that sorts numbers in ids by their value."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _centred(drift: Values, weights: Values) -> Values:
    return drift - (drift @ weights / weights.sum() if weights.sum() else 0.0) if drift.any() else drift


def _removed(values: Values, drift: Values) -> float:
    """Return the share of the variance of `values` that the removal of `drift` takes away."""
    total = float(values.var()) if len(values) > 1 else 0.0
    return round(1 - float((values - drift).var()) / total, 4) if total > 0 and drift.any() else 0.0
