"""Tables of distances between the distributions of speech and recordings of the same prompts, and their differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tts_cli.evaluation.measures.endings import SpokenProsody
from tts_cli.evaluation.measures.transport import Transport, weights_of
from tts_cli.evaluation.prosody.question_tables import ALL
from tts_cli.evaluation.prosody.tasks import HeardPrompt
from tts_cli.evaluation.report import Column, Report, Row
from tts_cli.evaluation.statistics import SLOW_RESAMPLES, Estimate, bootstrap

MEASURES: dict[str, Callable[[SpokenProsody], Sequence[float]]] = {
    "f0_range": lambda spoken: [spoken.f0_range],
    "final_slope": lambda spoken: [spoken.final_slope],
    "phones": lambda spoken: spoken.phones_ms,
    "silences": lambda spoken: spoken.silences_ms,
}
"""Values of an utterance of which the distribution is compared, by name."""
COLUMNS = (
    Column("f0_range", "F0 range, st"),
    Column("final_slope", "final slope, st/s", 1),
    Column("phones", "phones, ms", 1),
    Column("silences", "pauses, ms", 1),
)
CHANGES = tuple(Column(column.key, f"{column.title.split(',')[0]}, %", 0, 100.0) for column in COLUMNS)
OTHERS = "other recordings"
"""Name of the row of other recordings of the speaker."""
NOTE = (
    "1-Wasserstein distance between speech and the recordings of the same prompts: F0 range (5th to 95th percentile) and final "
    "slope (last half second) of utterances, durations of phones, and silences between words (0 where there is none). Phones of "
    f"both are found by forced alignment. {OTHERS.capitalize()}: as many training recordings of the speaker, of other texts. "
    f"{ALL.capitalize()}: mean over speakers. 95 % bootstrap intervals over prompts, moved to the value by the median: a "
    "resample has fewer different prompts and therefore larger distances."
)
CHANGES_NOTE = (
    "Distance of the later system relative to that of the first, in percent: -30 is 30 % nearer to the recordings. 95 % "
    "bootstrap intervals over prompts, which are drawn together for both systems. A cell is empty if the first system has no "
    "distance, in all prompts or in a resample."
)
_SMALLEST = 1e-9
Numbers = NDArray[np.float64]
_Statistic = Callable[[Numbers], Numbers]
"""Function from the weights of prompts in resamples (resamples, prompts) to a value of each resample (resamples,)."""


class _SharedPrompts:
    """Prompts of all speakers that every system and the recordings have, and the distances of a set of utterances to these."""

    def __init__(self, recorded: Sequence[HeardPrompt], systems: Mapping[str, Sequence[HeardPrompt]]) -> None:
        by_prompt = {name: _by_prompt(heard) for name, heard in systems.items()}
        known = _by_prompt(recorded)
        common = [place for place in known if all(place in own for own in by_prompt.values())]
        self.places = {speaker: [p for p in common if p[0] == speaker] for speaker in dict.fromkeys(p[0] for p in common)}
        self.recorded = {speaker: [known[place] for place in places] for speaker, places in self.places.items()}
        self.systems = {
            name: {speaker: [own[place] for place in places] for speaker, places in self.places.items()}
            for name, own in by_prompt.items()
        }

    def transports(self, others: Mapping[str, Sequence[HeardPrompt]], measure: str) -> dict[str, Transport]:
        """Return the distance of `others` to the recordings by speaker; one without values is left out."""
        found = {}
        for speaker, recorded in self.recorded.items():
            values = [[_values(one, measure) for one in heard] for heard in (recorded, others.get(speaker, ()))]
            if len(values[0]) == len(values[1]) and all(any(one) for one in values):
                found[speaker] = Transport(*values)
        return found


def _by_prompt(heard: Sequence[HeardPrompt]) -> dict[tuple[str, str], HeardPrompt]:
    """Return the aligned utterances by speaker and text."""
    return {(one.prompt.speaker, one.prompt.text): one for one in heard if all(spoken.phones_ms for spoken in one.spoken)}


def _values(heard: HeardPrompt, measure: str) -> list[float]:
    found = [value for spoken in heard.spoken for value in MEASURES[measure](spoken)]
    return [value for value in found if np.isfinite(value)]


def distance_tables(
    recorded: Sequence[HeardPrompt], systems: Mapping[str, Sequence[HeardPrompt]], others: Sequence[HeardPrompt]
) -> list[Report]:
    """Return the table of distances and, for several systems, that of their changes.

    Args:
        recorded: recordings of the prompts.
        systems: the same prompts as every system speaks them, by its name.
        others: other recordings of the speakers.
    """
    shared = _SharedPrompts(recorded, systems)
    distances = {name: _of_measures(shared, own) for name, own in shared.systems.items()}
    aligned = list(_by_prompt(others).values())
    spare = {
        speaker: [one for one in aligned if one.prompt.speaker == speaker][: len(places)]
        for speaker, places in shared.places.items()
    }
    floor = _of_measures(shared, spare)
    rows, changes = [], []
    for group in (*shared.places, *([ALL] if len(shared.places) > 1 else [])):
        counts = [len(places) for name, places in shared.places.items() if group in (ALL, name)]
        statistics = {name: _statistics(own, group, counts) for name, own in distances.items()}
        rows += [Row(name, _estimates(own, sum(counts)), group) for name, own in statistics.items()]
        rows.append(Row(OTHERS, _estimates(_statistics(floor, group, counts), sum(counts)), group))
        first, *later = statistics
        for name in later:
            rows.append(Row(f"{name} - {first}", _compared(statistics[name], statistics[first], sum(counts), _difference), group))
            changes.append(Row(f"{name} / {first}", _compared(statistics[name], statistics[first], sum(counts), _change), group))
    names = ("speaker", "system", "prompts")
    found = [Report("Prosody: distances to the recordings", COLUMNS, tuple(rows), (NOTE,), names=names)] if rows else []
    title = "Prosody: change of the distances to the recordings"
    return [*found, *([Report(title, CHANGES, tuple(changes), (CHANGES_NOTE,), names=names)] if changes else [])]


def _of_measures(shared: _SharedPrompts, own: Mapping[str, Sequence[HeardPrompt]]) -> dict[str, dict[str, Transport]]:
    return {measure: shared.transports(own, measure) for measure in MEASURES}


def _statistics(distances: Mapping[str, Mapping[str, Transport]], group: str, counts: Sequence[int]) -> dict[str, _Statistic]:
    """Return the distance of each measure as a function of the weights of prompts, for one speaker or as a mean over all.

    Measures without values of a speaker are left out.

    Args:
        distances: distances by measure and speaker.
        group: name of the speaker, or `ALL`.
        counts: number of prompts of each speaker of the group.
    """
    found = {}
    for measure, by_speaker in distances.items():
        own = [transport for name, transport in by_speaker.items() if group in (ALL, name)]
        if len(own) == len(counts):
            found[measure] = _mean_distance(own, counts)
    return found


def _mean_distance(transports: Sequence[Transport], counts: Sequence[int]) -> _Statistic:
    ends = np.cumsum(counts)

    def distances(weights: Numbers) -> Numbers:
        own = np.split(weights, ends[:-1], axis=1)
        found = np.stack([transport.distances(drawn) for transport, drawn in zip(transports, own, strict=True)])
        known = np.isfinite(found)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(known, found, 0).sum(axis=0) / known.sum(axis=0))

    return distances


def _estimates(statistics: Mapping[str, _Statistic], num_prompts: int) -> dict[str, Estimate]:
    """Estimate the statistic of each measure; one that is undefined for all prompts, or for a resample, is left out."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The BCa confidence interval cannot be calculated")
        found = {measure: _estimate(statistic, num_prompts) for measure, statistic in statistics.items()}
    return {measure: one for measure, one in found.items() if np.isfinite([one.value, one.low, one.high]).all()}


def _estimate(statistic: _Statistic, num_prompts: int) -> Estimate:
    """Estimate a statistic with an interval over prompts; a speaker without a prompt in a resample does not count in it."""

    def of_places(places: Numbers, axis: int) -> Numbers | float:
        found = statistic(weights_of(np.atleast_2d(np.moveaxis(places, axis, -1)).astype(np.int64), num_prompts))
        return found if places.ndim > 1 else float(found[0])

    return bootstrap(of_places, [range(num_prompts)], is_centred=True, num_resamples=SLOW_RESAMPLES)


def _compared(
    later: Mapping[str, _Statistic],
    first: Mapping[str, _Statistic],
    num_prompts: int,
    compare: Callable[[Numbers, Numbers], Numbers],
) -> dict[str, Estimate]:
    """Compare the distances of two systems by measure."""

    def compared(measure: str, weights: Numbers) -> Numbers:
        return compare(later[measure](weights), first[measure](weights))

    return _estimates({measure: partial(compared, measure) for measure in later if measure in first}, num_prompts)


def _difference(later: Numbers, first: Numbers) -> Numbers:
    return later - first


def _change(later: Numbers, first: Numbers) -> Numbers:
    return later / np.where(first > _SMALLEST, first, np.nan) - 1
