"""Report tables of probes of embeddings: prosody, which they should tell, and session and speaker, which they should not."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tts_cli.audio.mel import Floats
from tts_cli.corpora.manifest import Recording
from tts_cli.errors import InputError
from tts_cli.evaluation.clusters import clustered_mean, clustered_ratio, estimate_by_cluster
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.measures.probes import (
    FOLDS,
    SEEDS,
    Labels,
    Probe,
    cross_validate,
    recurrent_probe,
    split_folds,
    statistics_probe,
)
from tts_cli.evaluation.report import ACCURACY, Column, Report, Row
from tts_cli.evaluation.selection.probe_material import (
    AUDIO,
    BLOCK,
    EMBEDDINGS,
    ORDERED_PARTS,
    STRETCH,
    TEXT,
    ConsecutiveClips,
    Doubles,
    Probed,
    runs_of,
    sessions_of,
)
from tts_cli.evaluation.selection.tables import BY_MEASURE
from tts_cli.evaluation.selection.tasks import FEWEST, NUM_TRAINING
from tts_cli.evaluation.statistics import Estimate, Integers

OFFSETS, OTHERS = "offsets from the centroid", "embeddings of other recordings"
NUM_STRETCHES = 50
"""Largest number of a speaker's stretches from which the GRU learns the speaker."""
COLUMNS = (
    ACCURACY,
    Column("majority", "most frequent %", 1, 100.0),
    Column("balanced", "balanced %", 1, 100.0),
    Column("chance", "chance, balanced %", 1, 100.0),
)
_PENALTIES = tuple(10.0**power for power in range(-1, 5))


@dataclass(frozen=True)
class NamedProbe:
    """Probe with its name and the seeds of its repeats."""

    name: str
    probe: Probe
    seeds: tuple[int, ...]


LINEAR = NamedProbe("logistic regression", partial(statistics_probe, is_balanced=True), SEEDS)
RECURRENT = NamedProbe(f"GRU, {STRETCH} neighbours", partial(recurrent_probe, is_balanced=True, steps=STRETCH), SEEDS[:1])


@dataclass(frozen=True, eq=False)
class LabelledSequences:
    """Sequences with labels for a probe. Units are labelled and held out together."""

    labels: Sequence[str]
    units: Sequence[Hashable] | None = None
    """Unit of each sequence; None: every sequence stands alone."""

    @property
    def is_possible(self) -> bool:
        """Return True if there are two labels, each with a unit for every fold."""
        of_label: dict[str, set[Hashable]] = {}
        for label, unit in zip(self.labels, self._units, strict=True):
            of_label.setdefault(label, set()).add(unit)
        return len(of_label) > 1 and min(map(len, of_label.values())) >= FOLDS

    @property
    def _units(self) -> Sequence[Hashable]:
        return range(len(self.labels)) if self.units is None else self.units

    def estimates(
        self, reader: NamedProbe, sequences: Sequence[Floats], centred_by: Sequence[str] | None = None
    ) -> dict[str, Estimate]:
        """Return accuracy, share of the most frequent label, balanced accuracy, and the latter with labels shuffled.

        Balanced accuracy is the mean over labels of the share of their sequences that are told. Intervals draw units.
        """
        tell = partial(cross_validate, reader.probe, sequences, groups=self.units, centred_by=centred_by)
        right = tell(self.labels, seeds=reader.seeds).right
        guesses = [(others := self.shuffled(seed), tell(others, seeds=(seed,)).right) for seed in reader.seeds]
        names, counts = np.unique(self.labels, return_counts=True)
        is_majority = np.array(self.labels) == names[counts.argmax()]
        return {
            "accuracy": clustered_mean(right, self._units),
            "majority": clustered_mean(is_majority.astype(np.float64).tolist(), self._units),
            "balanced": balanced([(self.labels, right)], self._units),
            "chance": balanced(guesses, self._units),
        }

    def shuffled(self, seed: int) -> list[str]:
        """Return the labels, exchanged at random between the units."""
        labels = dict(zip(self._units, self.labels, strict=True))
        drawn = np.random.default_rng(seed).permutation(list(labels.values())).tolist()
        of_unit = dict(zip(labels, drawn, strict=True))
        return [of_unit[unit] for unit in self._units]


def balanced(results: Sequence[tuple[Sequence[str], Sequence[float]]], units: Sequence[Hashable]) -> Estimate:
    """Estimate balanced accuracy, the mean over labels of the share of their sequences that are told.

    Args:
        results: labels of all sequences, and the shares of repeats in which they were told; several are averaged.
        units: unit of each sequence, which intervals draw.
    """
    pairs = [(np.unique(labels, return_inverse=True)[1], np.asarray(right, np.float64)) for labels, right in results]

    def recall(places: Integers) -> float:
        return float(np.mean([_mean_by_label(labels[places], right[places]) for labels, right in pairs]))

    return estimate_by_cluster(recall, units)


def _mean_by_label(labels: Labels, values: Doubles) -> float:
    counts = np.bincount(labels)
    return float((np.bincount(labels, values)[counts > 0] / counts[counts > 0]).mean())


def session_table(data: Probed) -> Report:
    """Return the table of probes that tell the recording session of a speaker's recordings."""
    rows: list[Row] = []
    left_out: list[str] = []
    for speaker in dict.fromkeys(clip.speaker for clip in data.clips):
        kind, runs = sessions_of(data.clips, speaker)
        if not runs:
            left_out.append(speaker)
            continue
        group = f"{speaker}: {len({run.session for run in runs})} {kind}"
        rows += _session_rows(data, runs, group)
    notes = (
        "Probes tell the session of a speaker's recordings; sessions weigh alike. Whole stories, or blocks of "
        f"{BLOCK} recordings in the order of ids, are held out together ({FOLDS} folds), and intervals draw them: neighbours are "
        f"alike in more than the session. Without sessions, the {ORDERED_PARTS} parts of the order of numbered ids stand in. "
        "Balanced: mean over sessions of the share of their recordings that are told. Chance: the same with the sessions "
        f"exchanged between stories or blocks. `{AUDIO}`: how far a session betrays itself; `{TEXT}`: how far its texts do "
        f"(lengths and marks). The GRU reads stretches of {STRETCH} neighbouring recordings.",
        f"Left out, because not two sessions have {FOLDS} stories or blocks and {FEWEST} recordings: {', '.join(left_out)}."
        if left_out
        else "",
    )
    return Report("Selection: recording session in the embedding", COLUMNS, tuple(rows), tuple(filter(None, notes)))


def _session_rows(data: Probed, runs: Sequence[ConsecutiveClips], group: str) -> list[Row]:
    single = [(number, place) for number, run in enumerate(runs) for place in run.places]
    alone = LabelledSequences([runs[number].session for number, _ in single], [number for number, _ in single])
    several = [(number, stretch) for number, run in enumerate(runs) for stretch in run.stretches()]
    together = LabelledSequences([runs[number].session for number, _ in several], [number for number, _ in several])
    rows = [
        Row(f"{name}, {LINEAR.name}", alone.estimates(LINEAR, data.rows(name, [place for _, place in single])), group)
        for name in (EMBEDDINGS, AUDIO, TEXT)
    ]
    if together.is_possible:
        sequences = {name: [data.sources[name][stretch] for _, stretch in several] for name in (EMBEDDINGS, AUDIO)}
        rows += [Row(f"{name}, {RECURRENT.name}", together.estimates(RECURRENT, one), group) for name, one in sequences.items()]
    return rows


def speaker_table(data: Probed, active_nats: float) -> Report:
    """Return the table of probes that tell the speaker, with the KL divergence of the embeddings from the prior.

    Args:
        data: recordings.
        active_nats: KL divergence in nats above which a dimension counts as active.

    Raises:
        InputError: if there are no two speakers with enough recordings.
    """
    places = _of_speakers(data.clips)
    names = list(dict.fromkeys(data.clips[place].speaker for place in places))
    if len(names) < 2:
        raise InputError(
            f"the part 'probe' needs two speakers with {FEWEST} training recordings each", hint="leave it out for this voice"
        )
    told = [(name, stretch) for name in names for stretch in _stretches_of(data.clips, name)]
    alone, together = (
        LabelledSequences([data.clips[place].speaker for place in places]),
        LabelledSequences([name for name, _ in told]),
    )
    trials = {
        LINEAR: (alone, data.rows(EMBEDDINGS, places)),
        RECURRENT: (together, [data.sources[EMBEDDINGS][stretch] for _, stretch in told]),
    }
    rows = [
        Row(name, trial.estimates(reader, sequences, trial.labels if name == OFFSETS else None), reader.name)
        for reader, (trial, sequences) in trials.items()
        for name in (EMBEDDINGS, OFFSETS)
        if trial.is_possible
    ]
    notes = (
        f"Probes tell which of {len(names)} speakers a training recording is of, trained on others ({FOLDS} folds). "
        "Speakers weigh alike. Balanced: mean over speakers of the share of their recordings that are told. Chance: the "
        "same with the speakers exchanged between recordings. Selection transfers the offset from the speaker's centroid; the "
        f"centroid of a fold is that of the others. The GRU reads stretches of {STRETCH} neighbouring recordings.",
        _divergence(data.sources[EMBEDDINGS][places], active_nats),
    )
    return Report("Selection: speaker in the embedding", COLUMNS, tuple(rows), notes)


def _stretches_of(clips: Sequence[Recording], speaker: str) -> list[list[int]]:
    """Return the stretches of a speaker from which the GRU learns; none if they are fewer than the folds."""
    found = [stretch for run in runs_of(clips, speaker) for stretch in run.stretches()]
    return [found[place] for place in _evenly(len(found), NUM_STRETCHES)] if len(found) >= FOLDS else []


def _evenly(count: int, wanted: int) -> list[int]:
    return [int(place) for place in np.linspace(0, count - 1, min(count, wanted)).round()]


def _of_speakers(clips: Sequence[Recording]) -> list[int]:
    """Return the indices of at most `NUM_TRAINING` recordings of each speaker with at least `FEWEST`, evenly spaced."""
    chosen: list[int] = []
    for speaker in dict.fromkeys(clip.speaker for clip in clips):
        own = [place for place, clip in enumerate(clips) if clip.speaker == speaker]
        chosen += [own[place] for place in _evenly(len(own), NUM_TRAINING)] if len(own) >= FEWEST else []
    return chosen


def _divergence(embeddings: Floats, active_nats: float) -> str:
    nats = 0.5 * np.square(embeddings, dtype=np.float64).mean(axis=0)
    return (
        f"The posterior means alone show a KL divergence from the prior of at least {nats.sum():.1f} nat, and of more than "
        f"{active_nats} nat in at least {int((nats > active_nats).sum())} of {len(nats)} dimensions."
    )


def prosody_table(data: Probed) -> Report:
    """Return the table of the share of variance of the prosody statistics that a ridge regression explains."""
    places = _of_speakers(data.clips)
    random = np.random.default_rng(0)
    speakers = np.unique([data.clips[place].speaker for place in places], return_inverse=True)[1]
    groups = [_neighbourhood(data.clips[place]) for place in places]
    exchanged = np.arange(len(places))
    for speaker in np.unique(speakers):
        exchanged[speakers == speaker] = random.permutation(exchanged[speakers == speaker])
    sources = {name: data.sources[name][places] for name in (EMBEDDINGS, TEXT)}
    sources[OTHERS] = sources[EMBEDDINGS][exchanged]
    rows = tuple(
        Row(name, explained(rows, data.measures[places], speakers, groups), "ridge regression") for name, rows in sources.items()
    )
    notes = (
        "Share of the variance of each figure within a speaker (R²; below 0 it is worse than the speaker's mean) that a ridge "
        f"regression explains in recordings that it was not trained on. Texts, and {BLOCK} places of a story, are held out "
        f"together ({FOLDS} folds), and intervals draw them; the penalty is chosen in training. At most {NUM_TRAINING} "
        f"recordings a speaker, measured from the prepared features. `{TEXT}`: numbers of phones, words and marks. `{OTHERS}` of "
        "the speaker: chance.",
    )
    return Report("Selection: prosody in the embedding, R²", BY_MEASURE, rows, notes)


def _neighbourhood(clip: Recording) -> str:
    """Return the name of the recordings that are held out with one: `BLOCK` places of a document, or those of the same text."""
    return clip.normalized_text if clip.position is None else f"{clip.document} {clip.position // BLOCK}"


def explained(features: Floats, measures: Doubles, speakers: Labels, groups: Sequence[Hashable]) -> dict[str, Estimate]:
    """Estimate by cross-validation the share of each measure's variance within speakers that `features` explain.

    Args:
        features: features of recordings, shape (clips, C).
        measures: prosody statistics, shape (clips, measures), perhaps NaN.
        speakers: index of each recording's speaker.
        groups: group of each recording; a group is held out as a whole.
    """
    units = np.unique(np.array(groups, object).astype(str), return_inverse=True)[1]
    found: dict[str, Estimate] = {}
    for place, column in enumerate(BY_MEASURE):
        kept = np.flatnonzero(np.isfinite(measures[:, place]))
        if len(set(units[kept].tolist())) < FOLDS:
            continue
        wanted, own = measures[kept, place], np.unique(speakers[kept], return_inverse=True)[1]
        missed, whole = np.zeros(len(kept)), np.zeros(len(kept))
        for known, unknown in split_folds(own, units[kept], FOLDS, SEEDS[0]):
            rows = _without_means(features[kept].astype(np.float64), own, known)
            values = _without_means(wanted[:, None], own, known)[:, 0]
            missed[unknown] = (values[unknown] - _regressed(rows[known], values[known], rows[unknown])) ** 2
            whole[unknown] = values[unknown] ** 2
        scale = np.array([whole[own == speaker].mean() for speaker in range(own.max() + 1)])[own]
        shares = ((whole - missed) / scale).tolist()
        found[column.key] = clustered_ratio(shares, (whole / scale).tolist(), units[kept].tolist())
    return found


def _without_means(rows: Doubles, speakers: Labels, known: Labels) -> Doubles:
    """Return rows (clips, C) without the mean of their speaker over the `known` ones; a speaker without any has that of all."""
    of_speaker = [known[speakers[known] == speaker] for speaker in range(speakers.max() + 1)]
    means = np.stack([rows[own if len(own) else known].mean(axis=0) for own in of_speaker])
    return np.asarray(rows - means[speakers])


def _regressed(rows: Doubles, values: Doubles, unknown: Doubles) -> Doubles:
    linear, preprocessing = require("sklearn.linear_model"), require("sklearn.preprocessing")
    model = require("sklearn.pipeline").make_pipeline(preprocessing.StandardScaler(), linear.RidgeCV(_PENALTIES))
    return np.asarray(model.fit(rows, values).predict(unknown))
