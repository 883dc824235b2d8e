"""Report tables of prosody selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.corpora.manifest import Recording
from tts_cli.errors import InputError
from tts_cli.evaluation.clusters import ClusteredPair, clustered_mean, clustered_ratio
from tts_cli.evaluation.measures.distributions import (
    MEASURES,
    Scale,
    Scores,
    distance_estimate,
    gap_closed,
    measure_estimates,
    table_of,
)
from tts_cli.evaluation.report import QUALITY, WER, Column, Report, Row
from tts_cli.evaluation.selection.controls import Nearnesses, nearness_of
from tts_cli.evaluation.selection.kinds import by_kind, few_of, label_of
from tts_cli.evaluation.selection.tasks import FEWEST, OTHERS, RECORDING, Found, Setting, evenly
from tts_cli.evaluation.statistics import Estimate, bootstrap, mean_estimate, median_estimate

DISTANCE = (Column("distance", "distance", 3), Column("closed", "gap closed %", 1, 100.0))
BY_MEASURE = tuple(Column(name, name.replace("_", " ").replace("f0", "F0"), 2) for name in MEASURES)
NEARNESS = (
    Column("f0_correlation", "F0 corr.", 3),
    Column("f0_rmse", "F0 RMSE (SD)", 3),
    Column("energy_correlation", "energy corr.", 3),
    Column("duration_correlation", "durations corr.", 3),
    Column("duration_error_ms", "duration error ms", 1),
)
TESTED = ("f0_correlation", "duration_error_ms")
KINDS = (Column("final_slope", "final slope st/s", 1), Column("f0_range", "F0 range st", 1))
COST = (
    Column("analysis_ms", "BERT and syntax ms", 1),
    Column("selection_ms", "selector ms", 1),
    Column("together_ms", "together ms", 1),
    Column("first_audio_ms", "first audio ms", 1),
    Column("ratio", "first audio, ratio", 2),
)
NATURALNESS = Column("naturalness", "DistillMOS")
_OPINIONS = (QUALITY.key, NATURALNESS.key)
POOLED = "all speakers"

Rows = dict[Recording, NDArray[np.float64]]
"""Standard scores (measures,) of an utterance, by its recording."""


class Standardised:
    """Prosody statistics of recordings and of their synthesised texts, as standard scores of the training recordings."""

    def __init__(self, found: Found, settings: Sequence[Setting], further: Sequence[str] = ()) -> None:
        """Scale the statistics of the recordings and of every setting.

        Args:
            found: results of all tasks, with those of training recordings under the name `OTHERS`.
            settings: settings under test.
            further: names of further conditions, such as the draws of a control.

        Raises:
            InputError: if a speaker's training recordings were not measured.
        """
        training: dict[str, dict[Recording, NDArray[np.float64]]] = {}
        for clip, figures in _recorded(found, OTHERS).items():
            training.setdefault(clip.speaker, {})[clip] = table_of([figures])[0]
        self.scales = {speaker: Scale(np.stack(list(rows.values()))) for speaker, rows in training.items()}
        self._training = {
            speaker: {clip: self.scales[speaker].standardised(row) for clip, row in rows.items()}
            for speaker, rows in training.items()
        }
        names = (RECORDING, *(one.name for one in settings), *further)
        self.rows = {name: self._standard(_recorded(found, name)) for name in names}
        whole = [{clip for clip, row in rows.items() if np.isfinite(row).all()} for rows in self.rows.values()]
        self.clips = [clip for clip in self.rows[RECORDING] if all(clip in clips for clips in whole)]
        """Recordings with all measures defined in every setting."""

    def _standard(self, figures: Mapping[Recording, Mapping[str, float]]) -> Rows:
        return {clip: self.scale(clip.speaker).standardised(table_of([one]))[0] for clip, one in figures.items()}

    def scale(self, speaker: str) -> Scale:
        """Return the scale of a speaker. Raises InputError if the speaker's training recordings were not measured."""
        if speaker not in self.scales:
            hint = "choose speakers with training recordings, with --speaker"
            raise InputError(f"no training recording of '{speaker}' could be measured", hint)
        return self.scales[speaker]

    def of(self, name: str, clips: Sequence[Recording]) -> Scores:
        """Return the scores of `clips` in the setting `name`, one row for each clip."""
        return np.stack([self.rows[name][clip] for clip in clips])

    def others(self, clips: Sequence[Recording]) -> Scores:
        """Return scores of training recordings, for every speaker as many as in `clips`, or fewer if there are not enough."""
        rows = []
        for speaker in dict.fromkeys(clip.speaker for clip in clips):
            known = {clip: row for clip, row in self._training[speaker].items() if np.isfinite(row).all()}
            rows += [known[clip] for clip in evenly(list(known), sum(clip.speaker == speaker for clip in clips))]
        return np.stack(rows)


def _recorded(found: Found, name: str) -> dict[Recording, dict[str, float]]:
    """Return the statistics of texts that have a recording and are one sentence, by recording."""
    return {
        task.clip: result["sentences"][0]
        for task, result in found.get(name, {}).items()
        if task.clip is not None and len(result.get("sentences", ())) == 1
    }


def groups_of(clips: Sequence[Recording]) -> dict[str, list[Recording]]:
    """Return the groups of a table: pooled clips of speakers with at least `FEWEST`, then each speaker's own clips."""
    by_speaker: dict[str, list[Recording]] = {}
    for clip in clips:
        by_speaker.setdefault(clip.speaker, []).append(clip)
    claimed = [clip for group in by_speaker.values() if len(group) >= FEWEST for clip in group]
    few = {name: group for name, group in by_speaker.items() if len(group) < FEWEST}
    groups = {POOLED: claimed} if claimed else {}
    groups |= {name: group for name, group in by_speaker.items() if name not in few}
    return groups | {f"{name} (too few for a claim)": group for name, group in few.items()}


def distance_tables(scores: Standardised, settings: Sequence[Setting]) -> list[Report]:
    """Return two tables of distances between distributions of prosody statistics: mean over measures, and by measure."""
    rows, by_measure = [], []
    groups = groups_of(scores.clips)
    for group, clips in groups.items():
        recorded = scores.of(RECORDING, clips)
        spoken = {one.name: scores.of(one.name, clips) for one in settings}
        others = scores.others(clips)
        reference = {OTHERS: others} if len(others) == len(clips) else {}
        for name, figures in {**spoken, **reference}.items():
            estimates = {"distance": distance_estimate(recorded, figures)}
            if "centroid" in spoken and name not in ("centroid", OTHERS):
                estimates["closed"] = gap_closed(recorded, spoken["centroid"], figures)
            rows.append(Row(name, estimates, group))
            if group == next(iter(groups)):
                by_measure.append(Row(name, measure_estimates(recorded, figures), group))
    num_left_out = len(scores.rows[RECORDING]) - len(scores.clips)
    notes = (
        f"Distance: 1-Wasserstein distance between the distributions of {len(MEASURES)} utterance-level measures in output and "
        "recordings, each in standard scores of the speaker's training recordings, mean over measures. Gap closed: share of the "
        "centroid's distance that is removed. 95 % bootstrap intervals over utterances, drawn with their recordings. "
        f"`{OTHERS}`: as many training recordings of other texts by the same speakers. A speaker with fewer than {FEWEST} "
        "recordings is shown but not pooled, and supports no claim. Utterances left out because a measure is undefined in some "
        f"setting: {num_left_out}.",
    )
    details = tuple(
        {"row": name, "speaker": clip.speaker, "id": clip.id, **dict(zip(MEASURES, row.tolist(), strict=True))}
        for name, found in scores.rows.items()
        for clip, row in found.items()
    )
    return [
        Report("Selection: distance to recordings", DISTANCE, tuple(rows), notes, details),
        Report("Selection: distance by measure", BY_MEASURE, tuple(by_measure)),
    ]


def nearness_table(found: Found, settings: Sequence[Setting]) -> tuple[Report, dict[str, ClusteredPair]]:
    """Return the table of similarity to the recording of the same text, and the samples of its paired tests.

    The tests compare every strategy that uses the text with random selection and with the centroid.
    """
    near = {one.name: nearness_of(found, one.name) for one in settings}
    clips = [clip for clip in _recorded(found, RECORDING) if all(clip in figures for figures in near.values())]
    rows = [
        Row(name, _estimates([figures[clip] for clip in group], NEARNESS), label)
        for label, group in groups_of(clips).items()
        for name, figures in near.items()
    ]
    claimed = groups_of(clips).get(POOLED, [])
    pairs = {
        f"{measure.replace('_', ' ')}: {one.name} against {other}": paired(near[one.name], near[other], claimed, measure)
        for measure in TESTED
        for one in settings
        if claimed and one.is_tested
        for other in rivals_of(one, settings)
    }
    notes = (
        "Output against the recording of the same text; each frame is compared with the one at the same relative position in the "
        "same phone. Means over utterances. F0 over frames voiced in both; F0 RMSE in standard deviations (SD) of the speaker's "
        "log-F0. All measures favour average prosody: a different melody counts as wrong even if it is as good.",
    )
    return Report("Selection: nearness to the own recording", NEARNESS, tuple(rows), notes, tuple(details_of(found))), pairs


def paired(ours: Nearnesses, theirs: Nearnesses, clips: Sequence[Recording], measure: str) -> ClusteredPair:
    """Return the values of a measure for two conditions, in clusters of one text."""
    first, second = ([one[clip][measure] for clip in clips] for one in (ours, theirs))
    return ClusteredPair(first, second, [clip.normalized_text for clip in clips])


def rivals_of(setting: Setting, settings: Sequence[Setting]) -> list[str]:
    """Return the names of the baselines among the settings: the centroid, and random selection with the same `top_k`."""
    return [
        other.name
        for other in settings
        if other.strategy == "centroid" or (other.strategy == "random" and other.top_k == setting.top_k)
    ]


def _estimates(figures: Sequence[Mapping[str, float]], columns: Sequence[Column]) -> dict[str, Estimate]:
    """Estimate the mean of each column over the utterances in which it is defined."""
    known = {column.key: [float(one[column.key]) for one in figures if np.isfinite(one[column.key])] for column in columns}
    return {key: mean_estimate(values) for key, values in known.items() if values}


def kinds_table(found: Found, settings: Sequence[Setting], groups: Mapping[str, str]) -> Report:
    """Return the table of final F0 slope and F0 range by kind of sentence.

    Args:
        found: results of all tasks.
        settings: settings under test.
        groups: kind of each text without a recording, by text.
    """
    names = (RECORDING, *(one.name for one in settings))
    kinds: dict[str, dict[str, list[dict[str, float]]]] = {}
    counts = {kind: len(clips) for kind, clips in by_kind(groups_of(list(_recorded(found, RECORDING))).get(POOLED, [])).items()}
    for name in names:
        recorded = _recorded(found, name)
        for kind, clips in by_kind(groups_of(list(recorded)).get(POOLED, [])).items():
            label = label_of(f"{kind} (recorded)", counts.get(kind, len(clips)))
            kinds.setdefault(label, {}).setdefault(name, []).extend(recorded[clip] for clip in clips)
        for task, result in found.get(name, {}).items():
            if task.clip is None and task.text in groups:
                kinds.setdefault(groups[task.text], {}).setdefault(name, []).append(result["sentences"][-1])
    rows = [Row(name, _estimates(figures, KINDS), kind) for kind, by_name in kinds.items() for name, figures in by_name.items()]
    notes = (
        "Final slope: slope of F0 over the last half second in semitones per second (st/s). F0 range: between the 5th and 95th "
        "percentile, in semitones (st). Kinds marked `(recorded)` are recorded prompts; the others are sentences without "
        "recordings, each spoken by one speaker, in turns.",
        few_of(groups_of(list(_recorded(found, RECORDING))).get(POOLED, [])),
    )
    return Report("Selection: kinds of sentences", KINDS, tuple(rows), tuple(filter(None, notes)))


def recognition_table(found: Found, natural: Found, settings: Sequence[Setting]) -> Report:
    """Return the table of word error rate, DNSMOS and DistillMOS on a sample of the prompts, and of differences to the centroid.

    Args:
        found: word errors and DNSMOS of recordings and settings.
        natural: their DistillMOS.
        settings: settings under test.
    """
    heard = {name: _heard(found, natural, name) for name in (RECORDING, *(one.name for one in settings))}
    rows = [Row(name, _understood(list(by_clip.values()), list(by_clip)), "sample") for name, by_clip in heard.items() if by_clip]
    centroid = heard.get("centroid", {})
    for name, by_clip in heard.items():
        clips = [clip for clip in by_clip if clip in centroid]
        if clips and name not in ("centroid", RECORDING):
            rows.append(
                Row(
                    f"{name} - centroid",
                    _damage([by_clip[one] for one in clips], [centroid[one] for one in clips], clips),
                    "sample",
                )
            )
    notes = (
        "WER: word errors over words; Whisper base, int8, greedy, one clip per call. DNSMOS (overall) shows damaged audio, not "
        "naturalness; DistillMOS predicts a mean opinion score. Differences are paired; intervals draw texts with all of their "
        "utterances.",
    )
    return Report("Selection: recognition and damage", (WER, QUALITY, NATURALNESS), tuple(rows), notes)


def _heard(found: Found, natural: Found, name: str) -> dict[Recording, dict[str, Any]]:
    """Return word errors, DNSMOS and, if it is there, DistillMOS by recording."""
    scores = {task.clip: result for task, result in natural.get(name, {}).items()}
    return {
        task.clip: result | scores.get(task.clip, {}) for task, result in found.get(name, {}).items() if task.clip is not None
    }


def _understood(heard: Sequence[Mapping[str, Any]], clips: Sequence[Recording]) -> dict[str, Estimate]:
    texts = [clip.normalized_text for clip in clips]
    errors = clustered_ratio([one["errors"] for one in heard], [one["words"] for one in heard], texts)
    known = [key for key in _OPINIONS if all(key in one for one in heard)]
    return {WER.key: errors} | {key: clustered_mean([one[key] for one in heard], texts) for key in known}


def _damage(
    ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]], clips: Sequence[Recording]
) -> dict[str, Estimate]:
    texts = [clip.normalized_text for clip in clips]
    more = [one["errors"] - other["errors"] for one, other in zip(ours, theirs, strict=True)]
    found = {WER.key: clustered_ratio(more, [one["words"] for one in ours], texts)}
    for key in (key for key in _OPINIONS if all(key in one for one in (*ours, *theirs))):
        found[key] = clustered_mean([one[key] - other[key] for one, other in zip(ours, theirs, strict=True)], texts)
    return found


def cost_table(costs: Mapping[str, Sequence[Mapping[str, float]]], against: str = "") -> Report:
    """Return the table of CPU time and time to first audio per sentence.

    Args:
        costs: costs of each text, by setting.
        against: name of the addon that was timed in turns with every setting; "" without one.
    """
    rows = []
    for name, figures in costs.items():
        estimates = _estimates(figures, COST[:3])
        waits = [one["first_audio_ms"] for one in figures]
        estimates["first_audio_ms"] = median_estimate(waits)
        if against:
            theirs = [one["against_ms"] for one in figures]
            estimates["ratio"] = bootstrap(lambda x, y, axis: np.median(x, axis=axis) / np.median(y, axis=axis), (waits, theirs))
        rows.append(Row(name, estimates, "cost"))
    notes = (
        "After a warm-up, each network on one thread. CPU milliseconds per sentence (means): sentence encoder with the parser's "
        "head, and selector. First audio: time from the call with the text to the chunk with the first speech sample (median; "
        "measure it on an idle machine)."
        + (f" Ratio: that of the setting over that of `{against}`, which spoke every text in turn with it." if against else ""),
    )
    return Report("Selection: cost", COST if against else COST[:-1], tuple(rows), notes)


def details_of(found: Found) -> list[dict[str, Any]]:
    """Return all measured values of outputs and recordings as JSON values, for `--json`."""
    return [
        {"row": name, "speaker": task.speaker, "id": task.clip.id if task.clip else None, "text": task.text, **result}
        for name, results in found.items()
        for task, result in results.items()
        if name != OTHERS
    ]
