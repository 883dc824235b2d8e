"""Report tables of prosody transfer.

The unit of all estimates and tests is the utterance: its value is the mean over the target voices it was spoken in.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from tts_cli.audio.mel import Floats
from tts_cli.corpora.layouts import Clip
from tts_cli.evaluation.measures.identity import centroid, compare_identity
from tts_cli.evaluation.measures.probes import ProbeResult
from tts_cli.evaluation.report import ACCURACY, QUALITY, WER, Column, Report, Row
from tts_cli.evaluation.statistics import Estimate, Pairs, mean_estimate, ratio_estimate
from tts_cli.evaluation.transfer.conditions import Condition
from tts_cli.evaluation.transfer.outputs import TransferFigures

SPOKEN: tuple[Condition, ...] = ("reconstruction", "transfer", "no reference", "another clip's latents", "baseline")
PROSODY = (
    Column("f0_correlation", "F0 corr.", 3),
    Column("f0_rmse_semitones", "F0 RMSE st"),
    Column("gross_pitch_error", "GPE %", 1, 100.0),
    Column("voicing_error", "VDE %", 1, 100.0),
    Column("f0_frame_error", "FFE %", 1, 100.0),
    Column("energy_correlation", "energy corr.", 3),
)
DURATIONS = (
    Column("start_difference_ms", "word starts ms", 0),
    Column("duration_difference_ms", "word durations ms", 0),
    Column("duration_correlation", "durations corr.", 3),
)
IDENTITY = (
    Column("target_cosine", "cosine to target", 3),
    Column("source_cosine", "cosine to source", 3),
    Column("is_target", "nearest is target %", 1, 100.0),
)
SPEED = (Column("cpu", "CPU s / s of audio", 3), Column("first_audio_ms", "first audio ms", 1))

Scores = Mapping[Clip, Mapping[str, Mapping[str, Any]]]
"""Measured values by clip and then by target."""
Units = dict[Hashable, float]
"""Value of one measure for every unit: a clip, or a text."""
Table = tuple[Report, Pairs]
"""Table, and the samples of its paired tests."""


def unit_means(scores: Scores, name: str, unit: Callable[[Clip], Hashable] = lambda clip: clip) -> Units:
    """Return the mean over targets of one measure for every unit; targets with an undefined value are left out.

    Args:
        scores: values by clip and then by target.
        name: name of the measure.
        unit: function from a clip to its unit; by default the clip itself.
    """
    found: dict[Hashable, list[float]] = {}
    for clip, by_target in scores.items():
        found.setdefault(unit(clip), []).extend(float(each[name]) for each in by_target.values())
    return {key: float(np.mean(defined)) for key, values in found.items() if (defined := [v for v in values if np.isfinite(v)])}


def paired(first: Units, second: Units) -> tuple[list[float], list[float]]:
    """Return the values of the units that both have, in the same order."""
    common = [key for key in first if key in second]
    return [first[key] for key in common], [second[key] for key in common]


def prosody_table(measured: TransferFigures, targets: Sequence[str]) -> Table:
    """Return the table of prosody against the source recording, frame by frame, for all conditions."""
    found = {condition: measured.of("prosody", condition, targets) for condition in SPOKEN}
    rows = _rows(found, PROSODY, targets)
    pairs = _against(found, ("f0_correlation", "energy_correlation"))
    notes = (
        "Output against its source recording, frame by frame; the source's F0 is mapped to the output's mean and deviation. "
        "Means over the targets of a clip, then over clips, with 95 % bootstrap intervals over clips. All outputs have the "
        "source's durations.",
    )
    return Report("Transfer: prosody", PROSODY, rows, notes, _details(found)), pairs


def durations_table(measured: TransferFigures, targets: Sequence[str]) -> Table:
    """Return the table of differences in word timing between source and output."""
    found = {condition: measured.of("durations", condition, targets) for condition in SPOKEN}
    note = (
        "Word timestamps of Whisper base, which is not used in synthesis, on source and output: mean absolute differences over "
        "the words found in both, and the correlation of their durations. Each clip is measured in one target voice, in turns.",
    )
    return Report("Transfer: durations", DURATIONS, _rows(found, DURATIONS, targets), note, _details(found)), {}


def identity_table(measured: TransferFigures, targets: Sequence[str], readings: Sequence[Clip], sources: Sequence[Clip]) -> Table:
    """Return the table of speaker similarity of outputs to target and source.

    Args:
        measured: values of all outputs and recordings.
        targets: names of the target speakers.
        readings: training recordings of the targets, for their centroids.
        sources: recordings of the source speakers, for their centroids.
    """
    vectors = {clip: _vector(found[""]) for clip, found in measured.of("voice", "recording").items()}
    centroids = {
        speaker: centroid([vectors[clip] for clip in clips if clip in vectors])
        for speaker, clips in _by_speaker([*readings, *sources]).items()
    }
    found = {condition: _judged(measured.of("voice", condition, targets), centroids) for condition in SPOKEN}
    counts = f"{len(_by_speaker(readings))} targets and {len(_by_speaker(sources))} sources"
    notes = (
        f"Cosines of speaker embeddings of Resemblyzer, on which no model is conditioned, with the centroids of {counts}; those "
        "of targets are of training recordings. In a reconstruction the source is the target.",
    )
    pairs = _against(found, ("source_cosine",), ("no reference",))
    return Report("Transfer: identity", IDENTITY, _rows(found, IDENTITY, targets), notes, _details(found)), pairs


def _vector(scores: Mapping[str, Any]) -> Floats:
    return np.array(scores["vector"], np.float32)


def _judged(found: Scores, centroids: Mapping[str, Floats]) -> Scores:
    return {
        clip: {name: asdict(compare_identity(_vector(each), name, clip.speaker, centroids)) for name, each in by_target.items()}
        for clip, by_target in found.items()
    }


def _by_speaker(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    speakers: dict[str, list[Clip]] = {}
    for clip in clips:
        speakers.setdefault(clip.speaker, []).append(clip)
    return speakers


def recognition_table(measured: TransferFigures, targets: Sequence[str], sources: Sequence[Clip]) -> Table:
    """Return the table of word error rate and DNSMOS, with the recordings as reference."""
    recordings = {clip: scores for clip, scores in measured.of("understood", "recording").items() if clip in sources}
    spoken = {condition: measured.of("understood", condition, targets) for condition in SPOKEN}
    found: dict[Condition, Scores] = {"recording": recordings, **spoken}
    rows = [
        Row(row.name, {WER.key: _word_errors(scores), **row.estimates}, row.group)
        for row in _rows(found, (QUALITY,), targets)
        for scores in [_of_row(found, row)]
    ]
    notes = (
        "WER: word errors over words; Whisper base, int8, greedy, one clip per call. DNSMOS (overall) shows damaged audio, not "
        "naturalness. Each clip is measured in one target voice, in turns.",
    )
    return Report("Transfer: recognition and damage", (WER, QUALITY), tuple(rows), notes, _details(found)), {}


def _word_errors(scores: Scores) -> Estimate:
    each = [list(by_target.values()) for by_target in scores.values()]
    return ratio_estimate(
        [sum(s["errors"] for s in of_clip) for of_clip in each], [sum(s["words"] for s in of_clip) for of_clip in each]
    )


def parallel_table(measured: TransferFigures, targets: Sequence[str]) -> Table:
    """Return the table of parallel readings: outputs against the target's own reading of the same prompt, and the source's."""
    conditions: tuple[Condition, ...] = ("recording", *SPOKEN[1:])
    found = {condition: measured.of("parallel", condition, targets) for condition in conditions}
    rows: list[Row] = []
    pairs: Pairs = {}
    for view, group in (("own", "target's own reading"), ("source", "source's reading")):
        views = {condition: _viewed(scores, view) for condition, scores in found.items() if scores}
        shown = {condition: scores for condition, scores in views.items() if (view, condition) != ("source", "recording")}
        rows += [Row(name, _estimates(scores, PROSODY, _text), group) for name, scores in shown.items()]
        if view == "own":
            pairs = _against(shown, ("f0_correlation",), prefix="own reading, ", unit=_text)
    notes = (
        "Test prompts that several speakers read, each transferred to the voice of every other speaker: means over pairs of "
        "speakers, then over prompts. The target's own reading is warped to the output's frames by dynamic time warping. "
        "`recording`: the source's recording against the target's reading.",
    )
    return Report("Transfer: parallel readings", PROSODY, tuple(rows), notes, _details(found)), pairs


def _text(clip: Clip) -> str:
    return clip.text


def _viewed(scores: Scores, view: str) -> Scores:
    return {clip: {name: each[view] for name, each in by_target.items()} for clip, by_target in scores.items()}


def probe_table(results: Mapping[str, Mapping[str, ProbeResult]], num_speakers: int) -> Table:
    """Return the table of speaker accuracy of probes.

    Args:
        results: results by name of the probe and then by name of the features.
        num_speakers: number of speakers to tell apart.
    """
    rows, pairs = [], Pairs()
    for probe, by_features in results.items():
        for name, result in by_features.items():
            rows.append(Row(f"{name} (chance {100 * result.chance:.1f})", {ACCURACY.key: result.accuracy}, probe))
            if name != "latents" and "latents" in by_features:
                pairs[f"{probe}: accuracy, latents against {name}"] = (by_features["latents"].right, result.right)
    notes = (
        f"Accuracy of probes that predict which of {num_speakers} unseen speakers a clip is of, trained on other clips (5 folds, "
        "several seeds; the value of a clip is its mean over seeds). A speaker's clips may share a room and a microphone, which "
        "features may reveal as well.",
    )
    return Report("Transfer: probes", (ACCURACY,), tuple(rows), notes), pairs


def _rows(found: Mapping[Condition, Scores], columns: Sequence[Column], targets: Sequence[str]) -> tuple[Row, ...]:
    """Return a row for each condition over all targets and, for several targets, a row for the transfer to each."""
    rows = [Row(name, _estimates(scores, columns), "all targets") for name, scores in found.items() if scores]
    for target in targets if len(targets) > 1 else ():
        scores = _of_target(found.get("transfer", {}), target)
        if scores:
            rows.append(Row("transfer", _estimates(scores, columns), target))
    return tuple(rows)


def _of_row(found: Mapping[Condition, Scores], row: Row) -> Scores:
    scores = found[row.name]  # type: ignore[index]
    return scores if row.group == "all targets" else _of_target(scores, row.group)


def _of_target(scores: Scores, target: str) -> Scores:
    return {clip: {target: by_target[target]} for clip, by_target in scores.items() if target in by_target}


def _estimates(
    scores: Scores, columns: Sequence[Column], unit: Callable[[Clip], Hashable] = lambda clip: clip
) -> dict[str, Estimate]:
    means = {column.key: unit_means(scores, column.key, unit) for column in columns}
    return {key: mean_estimate(list(units.values())) for key, units in means.items() if units}


def _against(
    found: Mapping[Condition, Scores],
    names: Sequence[str],
    others: Sequence[Condition] = SPOKEN[2:],
    prefix: str = "",
    unit: Callable[[Clip], Hashable] = lambda clip: clip,
) -> Pairs:
    """Return the samples of paired tests of the transfer against other conditions.

    Args:
        found: values by condition.
        names: measures to test.
        others: conditions to test against, if they were measured.
        prefix: beginning of the tests' names.
        unit: function from a clip to its unit.
    """
    there = [other for other in others if found.get("transfer") and found.get(other)]
    pairs = {
        f"{prefix}{name.replace('_', ' ')}: transfer against {other}": paired(
            *(unit_means(found[condition], name, unit) for condition in ("transfer", other))
        )
        for name in names
        for other in there
    }
    return {name: pair for name, pair in pairs.items() if pair[0]}


def _details(found: Mapping[Condition, Scores]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"row": condition, "corpus": clip.corpus, "id": clip.id, "speaker": clip.speaker, "target": target, **each}
        for condition, scores in found.items()
        for clip, by_target in scores.items()
        for target, each in by_target.items()
    )
