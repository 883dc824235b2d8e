"""Report tables of variation between sentences: over passages without recordings, and over the recorded stories."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from tts_cli.corpora.manifest import Recording
from tts_cli.corpora.neighbours import Documents
from tts_cli.errors import InputError
from tts_cli.evaluation.measures.distributions import MEASURES, Readings, Scores, table_of, variety_ratios
from tts_cli.evaluation.report import Column, Report, Row
from tts_cli.evaluation.selection.tables import BY_MEASURE, POOLED, Standardised
from tts_cli.evaluation.selection.tasks import RECORDING, Found, Setting
from tts_cli.evaluation.statistics import Estimate, Integers, estimate_by_place

IN_STORIES = (Column("within", "deviation, times", 2), Column("next", "to the next, times", 2), *BY_MEASURE)
VARIETY = (Column("to_centroid", "ratio to centroid", 2), Column("to_recordings", "ratio to recordings", 2))
ScorePair = tuple[Scores, Scores]
"""Scores, or squared deviations, of output and recordings."""


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


def story_table(scores: Standardised, names: Sequence[str]) -> Report:
    """Return the table of deviation from sentence to sentence in the stories, as a multiple of that of the recordings.

    Args:
        scores: standard scores of the recordings and of all conditions.
        names: names of the conditions, such as settings.

    Raises:
        InputError: if no story has two recorded sentences.
    """
    stories = _stories(scores, names)
    if not stories:
        message = "no story has two sentences that were recorded and spoken"
        raise InputError(message, hint="leave out the part stories, or prepare a corpus whose sentences name their document")
    readers = _speaker_groups(dict.fromkeys(clips[0].speaker for clips in stories))
    rows = [
        Row(name, _deviations(scores, name, [clips for clips in stories if clips[0].speaker in speakers]), label)
        for label, speakers in readers.items()
        for name in names
    ]
    notes = (
        f"{len(stories)} stories with {sum(map(len, stories))} recorded sentences. Deviation: standard deviation of a measure "
        "over the sentences of a story, pooled over stories, as a multiple of that of the recordings of the same sentences; mean "
        "over the six measures, then each measure. To the next: the same of the difference between a sentence and the next "
        "recorded one. Intervals draw stories.",
    )
    return Report("Selection: variety in stories", IN_STORIES, tuple(rows), notes, names=("stories of", "voice", "stories"))


def _stories(scores: Standardised, names: Sequence[str]) -> list[Sequence[Recording]]:
    """Return the recorded sentences of each story that every condition speaks, in their order; at least two of each story."""
    spoken = (clip for clip in scores.rows[RECORDING] if all(clip in scores.rows[name] for name in names))
    return [clips for clips in Documents(spoken).in_order() if len(clips) > 1]


def _deviations(scores: Standardised, name: str, stories: Sequence[Sequence[Recording]]) -> dict[str, Estimate]:
    pairs = [_known(scores.of(name, clips), scores.of(RECORDING, clips)) for clips in stories]
    within = _squares(pairs, lambda rows: rows - np.nanmean(rows, axis=0))
    following = _squares(pairs, lambda rows: np.diff(rows, axis=0))
    found = {"within": _mean_ratio(within), "next": _mean_ratio(following)}
    for place, measure in enumerate(MEASURES):
        found[measure] = _mean_ratio((within[0][:, place : place + 1], within[1][:, place : place + 1]))
    return found


def _known(ours: Scores, theirs: Scores) -> ScorePair:
    """Return two arrays of scores with NaN wherever one of them has it."""
    unknown = ~(np.isfinite(ours) & np.isfinite(theirs))
    return np.where(unknown, np.nan, ours), np.where(unknown, np.nan, theirs)


def _squares(pairs: Sequence[ScorePair], deviations: Callable[[Scores], Scores]) -> ScorePair:
    """Return the squared deviations of output and recordings, summed over sentences: shape (stories, measures) each."""
    with warnings.catch_warnings():
        # A measure may be unknown in all sentences of a short story; its sum is then 0.
        warnings.simplefilter("ignore", RuntimeWarning)
        sums = [[np.nansum(deviations(rows) ** 2, axis=0) for rows in pair] for pair in pairs]
    return np.stack([ours for ours, _ in sums]), np.stack([theirs for _, theirs in sums])


def _mean_ratio(squares: ScorePair) -> Estimate:
    """Estimate the mean over measures of the ratio of root sums of squares, with an interval over stories."""
    ours, theirs = squares

    def ratio(rows: Integers) -> float:
        usual = np.maximum(theirs[rows].sum(axis=0), 1e-12)
        return float(np.sqrt(ours[rows].sum(axis=0) / usual).mean())

    return estimate_by_place(ratio, len(ours))
