"""Report tables of prosody selection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.corpora.manifest import Recording
from tts_cli.errors import InputError
from tts_cli.evaluation.measures.distributions import (
    MEASURES,
    Readings,
    Scale,
    Scores,
    distance_estimate,
    gap_closed,
    measure_estimates,
    table_of,
    variety_ratios,
)
from tts_cli.evaluation.measures.probes import ProbeResult
from tts_cli.evaluation.report import ACCURACY, QUALITY, WER, Column, Report, Row
from tts_cli.evaluation.selection.tasks import FEWEST, OTHERS, RECORDING, Found, Setting, evenly
from tts_cli.evaluation.statistics import Estimate, Pairs, mean_estimate, median_estimate, ratio_estimate

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
VARIETY = (Column("to_centroid", "ratio to centroid", 2), Column("to_recordings", "ratio to recordings", 2))
COST = (
    Column("analysis_ms", "BERT and syntax ms", 1),
    Column("selection_ms", "selector ms", 1),
    Column("together_ms", "together ms", 1),
    Column("first_audio_ms", "first audio ms", 1),
)
POOLED = "all speakers"

Rows = dict[Recording, NDArray[np.float64]]
"""Standard scores (measures,) of an utterance, by its recording."""


class Standardised:
    """Prosody statistics of recordings and of their synthesised texts, as standard scores of the speaker's training "
    "recordings."""

    def __init__(self, found: Found, settings: Sequence[Setting]) -> None:
        """Scale the statistics of the recordings and of every setting.

        Args:
            found: results of all tasks, with those of training recordings under the name `OTHERS`.
            settings: settings under test.

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
        self.rows = {name: self._standard(_recorded(found, name)) for name in (RECORDING, *(one.name for one in settings))}
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


def nearness_table(found: Found, settings: Sequence[Setting]) -> tuple[Report, Pairs]:
    """Return the table of similarity to the recording of the same text, and the samples of its paired tests.

    The tests compare every strategy that uses the text with random selection and with the centroid.
    """
    near = {one.name: _nearness(found, one.name) for one in settings}
    clips = [clip for clip in _recorded(found, RECORDING) if all(clip in figures for figures in near.values())]
    rows = [
        Row(name, _estimates([figures[clip] for clip in group], NEARNESS), label)
        for label, group in groups_of(clips).items()
        for name, figures in near.items()
    ]
    claimed = groups_of(clips).get(POOLED, [])
    pairs: Pairs = {
        f"{measure.replace('_', ' ')}: {one.name} against {other}": tuple(  # type: ignore[misc]
            [near[name][clip][measure] for clip in claimed] for name in (one.name, other)
        )
        for measure in TESTED
        for one in settings
        if claimed and one.strategy not in ("centroid", "random", "oracle")
        for other in _rivals(one, settings)
    }
    notes = (
        "Output against the recording of the same text; each frame is compared with the one at the same relative position in the "
        "same phone. Means over utterances. F0 over frames voiced in both; F0 RMSE in standard deviations (SD) of the speaker's "
        "log-F0. All measures favour average prosody: a different melody counts as wrong even if it is as good.",
    )
    return Report("Selection: nearness to the own recording", NEARNESS, tuple(rows), notes, tuple(details_of(found))), pairs


def _nearness(found: Found, name: str) -> dict[Recording, dict[str, float]]:
    return {
        task.clip: result["nearness"]
        for task, result in found.get(name, {}).items()
        if task.clip is not None and "nearness" in result
    }


def _rivals(setting: Setting, settings: Sequence[Setting]) -> list[str]:
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
    for name in names:
        recorded = _recorded(found, name)
        for clip in groups_of(list(recorded)).get(POOLED, []):
            kinds.setdefault(f"{clip.kind} (recorded)", {}).setdefault(name, []).append(recorded[clip])
        for task, result in found.get(name, {}).items():
            if task.clip is None and task.text in groups:
                kinds.setdefault(groups[task.text], {}).setdefault(name, []).append(result["sentences"][-1])
    rows = [Row(name, _estimates(figures, KINDS), kind) for kind, by_name in kinds.items() for name, figures in by_name.items()]
    notes = (
        "Final slope: slope of F0 over the last half second in semitones per second (st/s). F0 range: between the 5th and 95th "
        "percentile, in semitones (st). Kinds marked `(recorded)` are recorded prompts; the others are sentences without "
        "recordings, each spoken by one speaker, in turns. Few questions were recorded.",
    )
    return Report("Selection: kinds of sentences", KINDS, tuple(rows), notes)


def variety_tables(found: Found, scores: Standardised, settings: Sequence[Setting], passages: Sequence[str]) -> list[Report]:
    """Return two tables of variation between the sentences of a passage: mean over measures, and by measure.

    Args:
        found: results of all tasks.
        scores: standard scores, for the scale of each speaker.
        settings: settings under test.
        passages: texts of the passages.
    """
    read = {one.name: _readings(found, one.name, scores, passages) for one in settings}
    recorded = {
        speaker: [np.stack([row for clip, row in scores.rows[RECORDING].items() if clip.speaker == speaker])]
        for speaker in dict.fromkeys(clip.speaker for clip in scores.rows[RECORDING])
    }
    rows, by_measure = [], []
    for label, speakers in _speaker_groups(next(iter(read.values()), {})).items():
        for name, readings in read.items():
            mine = {speaker: readings[speaker] for speaker in speakers if speaker in readings}
            if not mine:
                continue
            to_recordings = variety_ratios(mine, recorded, is_paired=False)
            estimates = {"to_recordings": to_recordings["mean"]}
            if name != "centroid" and "centroid" in read:
                estimates["to_centroid"] = variety_ratios(mine, read["centroid"])["mean"]
            rows.append(Row(name, estimates, label))
            by_measure.append(Row(name, to_recordings, label))
    notes = (
        f"{len(passages)} passages read by each speaker. Ratio of the standard deviation of each measure over the sentences of a "
        "passage to that of the centroid, and to that over the speaker's recorded prompts of the split; mean over measures and "
        "speakers. 95 % bootstrap intervals over passages, which are few.",
    )
    first = by_measure[0].group if by_measure else ""
    return [
        Report("Selection: variety over passages", VARIETY, tuple(rows), notes),
        Report(
            "Selection: variety by measure, ratio to recordings",
            BY_MEASURE,
            tuple(row for row in by_measure if row.group == first),
        ),
    ]


def _readings(found: Found, name: str, scores: Standardised, passages: Sequence[str]) -> Readings:
    readings: dict[str, dict[str, Scores]] = {}
    for task, result in found.get(name, {}).items():
        if task.text in passages and len(result["sentences"]) > 1:
            figures = scores.scale(task.speaker).standardised(table_of(result["sentences"]))
            readings.setdefault(task.speaker, {})[task.text] = figures
    return {
        speaker: [by_text[text] for text in passages] for speaker, by_text in readings.items() if len(by_text) == len(passages)
    }


def _speaker_groups(speakers: Iterable[str]) -> dict[str, list[str]]:
    names = list(speakers)
    return ({POOLED: names} if len(names) > 1 else {}) | {name: [name] for name in names}


def recognition_table(found: Found, settings: Sequence[Setting]) -> Report:
    """Return the table of word error rate and DNSMOS on a sample of the prompts."""
    rows = []
    for name in (RECORDING, *(one.name for one in settings)):
        heard = list(found.get(name, {}).values())
        if heard:
            errors = ratio_estimate([one["errors"] for one in heard], [one["words"] for one in heard])
            rows.append(Row(name, {WER.key: errors, **_estimates(heard, (QUALITY,))}, "sample"))
    notes = (
        "WER: word errors over words; Whisper base, int8, greedy, one clip per call. DNSMOS (overall) shows damaged audio, not "
        "naturalness.",
    )
    return Report("Selection: recognition and damage", (WER, QUALITY), tuple(rows), notes)


def probe_table(results: Mapping[str, ProbeResult], num_speakers: int, nats: NDArray[np.float64], active_nats: float) -> Report:
    """Return the table of speaker accuracy of a probe on utterance embeddings, with their KL divergence from the prior.

    Args:
        results: results of the probe by name of the features.
        num_speakers: number of speakers to tell apart.
        nats: lower bound of each dimension's KL divergence in nats, half the mean square of its posterior means, shape (D,).
        active_nats: KL divergence in nats above which a dimension counts as active.
    """
    rows = tuple(
        Row(f"{name} (chance {100 * result.chance:.1f})", {ACCURACY.key: result.accuracy}, "logistic regression")
        for name, result in results.items()
    )
    notes = (
        f"Accuracy of a probe that predicts which of {num_speakers} speakers a training recording is of from its posterior mean, "
        "trained on other recordings (5 folds, several seeds). Selection transfers the deviation from the speaker's centroid. "
        f"The posterior means alone show a KL divergence from the prior of at least {nats.sum():.1f} nat, and of more than "
        f"{active_nats} nat in at least {int((nats > active_nats).sum())} of {len(nats)} dimensions.",
    )
    return Report("Selection: speaker in the embedding", (ACCURACY,), rows, notes)


def cost_table(costs: Mapping[str, Sequence[Mapping[str, float]]]) -> Report:
    """Return the table of CPU time and time to first audio per sentence; `costs` are those of each text, by setting."""
    rows = []
    for name, figures in costs.items():
        estimates = _estimates(figures, COST[:-1])
        estimates["first_audio_ms"] = median_estimate([one["first_audio_ms"] for one in figures])
        rows.append(Row(name, estimates, "cost"))
    notes = (
        "After a warm-up, each network on one thread. CPU milliseconds per sentence (means): sentence encoder with the parser's "
        "head, and selector. First audio: time from the call with the text to the chunk with the first speech sample (median; "
        "measure it on an idle machine).",
    )
    return Report("Selection: cost", COST, tuple(rows), notes)


def details_of(found: Found) -> list[dict[str, Any]]:
    """Return all measured values of outputs and recordings as JSON values, for `--json`."""
    return [
        {"row": name, "speaker": task.speaker, "id": task.clip.id if task.clip else None, "text": task.text, **result}
        for name, results in found.items()
        for task, result in results.items()
        if name != OTHERS
    ]
