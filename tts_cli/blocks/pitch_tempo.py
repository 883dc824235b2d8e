"""`PitchTempo`: effect that changes pitch and tempo of audio independently, by WSOLA and resampling.

Tempo: waveform-similarity overlap-add (WSOLA; Verhelst and Roelands, 1993). Segments are added at a constant hop in the output.
Each is taken near its place in the input, at the offset that best continues the previous segment. Pitch: the audio is
time-stretched and resampled to its original length. Formants move with the pitch, unlike with a voice's own pitch control.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from pydantic import Field

from tts_cli.blocks.effects import Effect
from tts_cli.blocks.processor import NOTHING, Doubles, Processor, Samples
from tts_cli.blocks.resampling import Resampling, lookahead
from tts_cli.config import StrictModel
from tts_cli.ports import Tensors

HOP_MS = 12.5
"""Hop between segments in the output, in milliseconds. A segment is two hops long."""
SEARCH_MS = 8.0
"""Largest offset of a segment from its place, in milliseconds: both directions together cover a period of the lowest voices."""
_STEPS = 32768
"""Integer that amplitude 1 is quantised to for the search. Correlations of integers are exact in any order of summation, so that
the chosen offset does not depend on the chunk sizes."""


class PitchTempoOptions(StrictModel):
    """Options of `PitchTempo`."""

    pitch_semitones: float = Field(default=0.0, ge=-24, le=24)
    """Pitch shift in semitones; positive is higher."""
    tempo: float = Field(default=1.0, ge=0.25, le=4)
    """Factor on the tempo: 2 is twice as fast."""


class PitchTempo(Effect):
    """Effect that shifts the pitch, formants included, and scales the tempo."""

    options_model: ClassVar[type[StrictModel]] = PitchTempoOptions

    def settle(self, sample_rate: int) -> None:
        super().settle(sample_rate)
        self._factor = 2 ** (self.options.pitch_semitones / 12)
        self._speed = self.options.tempo / self._factor
        self._shape = (self.samples_in(HOP_MS), self.samples_in(SEARCH_MS))
        stretching = Stretching(self._speed, *self._shape).lookahead_samples
        resampling = lookahead(self._factor, 1.0) * self._speed
        self.lookahead_samples = stretching + math.ceil(resampling)

    def needs(self, num_steps: int) -> int:
        tempo: float = self.options.tempo
        return math.ceil(num_steps * tempo) + self.lookahead_samples

    def output_time(self, seconds: float) -> float:
        tempo: float = self.options.tempo
        return seconds / tempo

    def processor(self, _scope: Tensors, /) -> Processor:
        return PitchTempoProcessor(self.options.tempo, self._factor, *self._shape)


class PitchTempoProcessor(Processor):
    """Processor that time-stretches, then resamples. n input samples give round(n / tempo) output samples, at least 1.

    Args:
        tempo: Factor on the tempo.
        factor: Factor on the pitch.
        hop: Hop between segments, in samples.
        search: Largest offset of a segment, in samples.
    """

    def __init__(self, tempo: float, factor: float, hop: int, search: int) -> None:
        self._tempo, self._factor = tempo, factor
        self._stretching = Stretching(tempo / factor, hop, search)
        self._resampling = Resampling(factor, 1.0)
        self._num_fed = self._num_given = 0

    def feed(self, samples: Samples) -> Samples:
        self._num_fed += len(samples)
        given = self._resampling.feed(self._stretching.feed(samples))
        self._num_given += len(given)
        return given

    def finish(self) -> Samples:
        length = max(1, round(self._num_fed / self._tempo)) if self._num_fed else 0
        stretched = self._stretching.finish_with(math.ceil(length * self._factor) + 1)
        rest = np.concatenate([self._resampling.feed(stretched), self._resampling.finish()])
        return rest[: length - self._num_given]

    def wanted(self, n: int) -> int:
        return self._stretching.wanted(self._resampling.wanted(n))


class Stretching(Processor):
    """Processor that time-stretches by WSOLA.

    Segment k begins at hop k - 1 of the output, so that hop k - 1 is the sum of segments k - 1 and k.

    Args:
        speed: Input samples per output sample.
        hop: Hop between segments, in samples.
        search: Largest offset of a segment, in samples.
    """

    def __init__(self, speed: float, hop: int, search: int) -> None:
        self._speed, self._hop, self._search = speed, hop, search
        self.lookahead_samples = math.ceil(hop * max(1.0, speed)) + hop + search
        self._window = np.hanning(2 * hop + 1)[:-1]
        self._start = -hop - search
        """Input position of the first sample in `_kept`. Negative: silence before the input."""
        self._kept: Doubles = np.zeros(hop + search)
        self._segment = 0
        """Index of the next segment."""
        self._natural = -hop
        """Input position at which the previous segment would continue naturally."""
        self._tail: Doubles = np.zeros(hop)
        self._num_given = 0

    def wanted(self, n: int) -> int:
        last = -(-(self._num_given + n) // self._hop)
        return max(1, self._end_of(last) - (self._start + len(self._kept)))

    def feed(self, samples: Samples) -> Samples:
        self._kept = np.concatenate([self._kept, samples.astype(np.float64)])
        hops = []
        while self._end_of(self._segment) <= self._start + len(self._kept):
            hops.append(self._lay_down())
        given = np.concatenate([NOTHING, *hops])
        self._num_given += len(given)
        return given

    def finish_with(self, length: int) -> Samples:
        """Return the remaining samples up to `length` output samples in all, with silence after the input."""
        missing = length - self._num_given
        return self.feed(np.zeros(self.wanted(max(1, missing))))[: max(0, missing)]

    def _place_of(self, segment: int) -> int:
        """Return the input position of a segment before the search for an offset."""
        return math.floor(segment * self._hop * self._speed + 0.5) - self._hop

    def _end_of(self, segment: int) -> int:
        """Return the end of the input range that a segment and its search may read."""
        before = self._place_of(segment - 1) + self._hop if segment else -self._hop
        return max(self._place_of(segment), before) + self._search + 2 * self._hop

    def _lay_down(self) -> Samples:
        """Add the next segment and return the finished hop; no samples for the first one, which begins before the output."""
        place = self._place_of(self._segment)
        if self._segment and place != self._natural:
            place += self._offset(place)
        windowed = self._input(place, 2 * self._hop) * self._window
        given = (self._tail + windowed[: self._hop])[: self._hop if self._segment else 0]
        self._tail = windowed[self._hop :]
        self._segment, self._natural = self._segment + 1, place + self._hop
        self._forget()
        return given

    def _offset(self, place: int) -> int:
        """Return the offset from `place`, in samples, at which the input best continues the previous segment.

        It has the largest normalised cross-correlation; the smallest offset wins a tie.
        """
        wanted = self._levels(self._natural, 2 * self._hop)
        candidates = self._levels(place - self._search, 2 * (self._hop + self._search))
        products = np.correlate(candidates, wanted, "valid")
        sums = np.concatenate([[0.0], np.cumsum(candidates**2)])
        energies = sums[2 * self._hop :] - sums[: -2 * self._hop]
        likeness = products / np.sqrt(np.maximum(energies, 1.0))
        order = np.argsort(np.abs(np.arange(len(likeness)) - self._search), kind="stable")
        return int(order[np.argmax(likeness[order])]) - self._search

    def _levels(self, place: int, length: int) -> Doubles:
        return np.rint(self._input(place, length) * _STEPS)

    def _input(self, place: int, length: int) -> Doubles:
        return self._kept[place - self._start : place - self._start + length]

    def _forget(self) -> None:
        """Drop input samples that no later segment reads."""
        first = min(self._natural, self._place_of(self._segment) - self._search)
        count = min(max(0, first - self._start), len(self._kept))
        self._kept, self._start = self._kept[count:], self._start + count
