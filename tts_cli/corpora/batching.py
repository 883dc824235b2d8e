"""Training batches of a prepared corpus: a function of seed and step alone, so training resumes at any step.

Shapes: B clips or segments in a batch, N tokens and T frames of the longest clip, F frames of a segment, C channels.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Annotated, Any, Self

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor

from tts_cli.audio.mel import Floats, log_mel
from tts_cli.config import StrictModel
from tts_cli.config.ranges import Name, Share
from tts_cli.corpora.drift import without_drift
from tts_cli.corpora.manifest import Corpus, Recording
from tts_cli.corpora.predicted import PredictedMels
from tts_cli.corpora.token_means import token_mean, voiced_token_mean
from tts_cli.text.phones import BOUNDARIES, PAD, START

Batch = dict[str, Tensor]
"""Tensors of a batch, by name."""
Arrays = dict[str, NDArray[Any]]
"""Features of one clip, by name, without a batch axis."""

_BUCKET_RATIO = 1.15
"""Largest ratio of the longest clip of a bucket to its shortest; it limits the cost of padding."""
_SILENT_TOKENS = {PAD, START, *BOUNDARIES}
"""Tokens that are not phones."""


class FeatureCache:
    """Least-recently-used cache of features, up to `max_bytes`. Threads may share it."""

    def __init__(self, corpus: Corpus, names: tuple[str, ...], max_bytes: int = 2 << 30) -> None:
        self._corpus, self._names, self._max_bytes = corpus, names, max_bytes
        self._kept: OrderedDict[str, Arrays] = OrderedDict()
        self._num_bytes = 0
        self._lock = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without the features: each process fills its own cache."""
        return FeatureCache, (self._corpus, self._names, self._max_bytes)

    def load(self, recording: Recording) -> Arrays:
        """Return the features of `recording` like `Corpus.load`. The arrays are shared: do not change them."""
        with self._lock:
            if recording.features in self._kept:
                self._kept.move_to_end(recording.features)
                return self._kept[recording.features]
        arrays = self._corpus.load(recording, self._names)
        with self._lock:
            self._keep(recording.features, arrays)
        return arrays

    def _keep(self, key: str, arrays: Arrays) -> None:
        if key in self._kept:
            return
        self._kept[key] = arrays
        self._num_bytes += _num_bytes(arrays)
        while self._num_bytes > self._max_bytes:
            self._num_bytes -= _num_bytes(self._kept.popitem(last=False)[1])


def _num_bytes(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays.values())


class Epochs:
    """Batch sampler: groups items of similar length, each once an epoch. The result depends on seed and step alone."""

    def __init__(self, lengths: Sequence[int], max_total: int, seed: int) -> None:
        """Args:
        lengths: Length of each item.
        max_total: Largest total length of a batch, padding included; a longer item has its own batch.
        seed: Seed of the order.
        """
        self._groups, self._seed = _similar_lengths(lengths, max_total), seed
        self._planned = (0, self._plan(0))

    @property
    def num_batches(self) -> int:
        """Return the number of batches of an epoch, the same for all epochs."""
        return sum(num_batches for _, num_batches in self._groups)

    def members(self, step: int) -> NDArray[np.int64]:
        """Return the indices of the items of the batch of `step`; steps count from 0 through all epochs."""
        epoch, place = divmod(step, self.num_batches)
        planned = self._planned
        if planned[0] != epoch:
            planned = self._planned = (epoch, self._plan(epoch))
        return planned[1][place]

    def in_order(self) -> Iterator[NDArray[np.int64]]:
        """Yield the indices of each batch of one epoch without shuffling, for validation."""
        for items, num_batches in self._groups:
            yield from np.array_split(items, num_batches)

    def _plan(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return the items of each batch of an epoch. Items are shuffled within their bucket, then the batches are shuffled."""
        generator = np.random.default_rng([self._seed, epoch])
        batches = [part for items, number in self._groups for part in np.array_split(generator.permutation(items), number)]
        return [batches[index] for index in generator.permutation(len(batches))]


def _similar_lengths(lengths: Sequence[int], max_total: int) -> list[tuple[NDArray[np.int64], int]]:
    """Return buckets of items of similar length, each with the number of batches to split it into."""
    order = np.argsort(lengths, kind="stable")
    ordered = np.array(lengths)[order]
    groups, start = [], 0
    while start < len(order):
        end = int(np.searchsorted(ordered, ordered[start] * _BUCKET_RATIO, side="right"))
        items_a_batch = max(1, max_total // int(ordered[end - 1]))
        groups.append((order[start:end].astype(np.int64), -(-(end - start) // items_a_batch)))
        start = end
    return groups


class AcousticBatches:
    """Batches of whole clips of similar length; every clip comes once an epoch.

    A batch has these tensors, float32 if not named otherwise:
    `phones`, `durations` (B, N) int64; `token_mask`, `phone_mask` (B, N, 1), 1 for a token, for a phone;
    `token_log_f0`, `token_voicing`, `token_energy` (B, N, 1), means over the frames of each token;
    `frame_mask` (B, T, 1); `mel` (B, T, bands); `log_f0`, `voicing`, `energy` (B, T, 1); `speaker` (B,) int64; `f0_drift` (B,).
    Padding is 0; in `mel` it is digital silence.

    With `normalise_sessions` the drift over sessions is subtracted: of level from `mel` and energies, of F0 from `token_log_f0`.
    `log_f0` stays that of the mel, whose harmonics cannot be moved; `f0_drift` is the difference, and 0 otherwise.

    Args:
        corpus: Prepared corpus.
        split: Its split to read.
        batch_frames: Largest number of frames of a batch, padding included.
        seed: Seed of the order.
        normalise_sessions: Subtract the drift over sessions.

    Raises:
        CorpusError: The corpus has no such split, or does not know the drift that is to be subtracted.
    """

    FEATURES: tuple[str, ...] = ("mel", "log_f0", "voicing", "energy")
    """Features to read of each clip."""

    def __init__(self, corpus: Corpus, split: str, batch_frames: int, seed: int = 0, normalise_sessions: bool = False) -> None:
        if normalise_sessions:
            corpus.check_drift()
        self.corpus, self._normalises = corpus, normalise_sessions
        self.recordings = self._chosen(corpus.of_split(split))
        self._epochs = Epochs([recording.num_frames for recording in self.recordings], batch_frames, seed)
        self._features = FeatureCache(corpus, self.FEATURES)
        self._symbol_ids = {symbol: index for index, symbol in enumerate(corpus.summary.symbols)}

    def _chosen(self, recordings: list[Recording]) -> list[Recording]:
        """Return the recordings of an epoch."""
        return recordings

    def batch(self, step: int) -> Batch:
        """Return the batch of `step`; steps count from 0 through all epochs."""
        return self.collate(self.members(step))

    def members(self, step: int) -> list[Recording]:
        """Return the recordings of the batch of `step`."""
        return [self.recordings[index] for index in self._epochs.members(step)]

    def in_order(self) -> Iterator[Batch]:
        """Yield the batches of one epoch without shuffling, for validation."""
        return (self.collate(recordings) for recordings in self.recordings_in_order())

    def recordings_in_order(self) -> Iterator[list[Recording]]:
        """Yield the recordings of each batch of one epoch, without shuffling, for validation."""
        return ([self.recordings[index] for index in members] for members in self._epochs.in_order())

    def collate(self, recordings: Sequence[Recording]) -> Batch:
        """Return `recordings` as one batch."""
        items = [self._item(recording) for recording in recordings]
        speakers = [self.corpus.speakers.index(recording.speaker) for recording in recordings]
        batch = {name: padded([item[name] for item in items], self._padding(name)) for name in items[0]}
        drifts = [recording.f0_drift if self._normalises else 0.0 for recording in recordings]
        return {**batch, "speaker": torch.tensor(speakers), "f0_drift": torch.tensor(drifts)}

    def _padding(self, name: str) -> float:
        return self.corpus.mel.silence if name == "mel" else 0.0

    def _item(self, recording: Recording) -> Arrays:
        features = self._loaded(recording)
        frames = {name: features[name][:, None] for name in ("log_f0", "voicing", "energy")}
        return {
            **self._tokens(recording, frames),
            "frame_mask": np.ones((recording.num_frames, 1), np.float32),
            "mel": features["mel"],
            **frames,
        }

    def _loaded(self, recording: Recording) -> Arrays:
        """Return the features of a recording, without the drift of its level if that is to be subtracted."""
        features = self._features.load(recording)
        drift = recording.level_drift if self._normalises else 0.0
        return without_drift(features, drift, self.corpus.mel.silence) if drift else dict(features)

    def _tokens(self, recording: Recording, frames: Arrays) -> Arrays:
        """Return the arrays of a clip at token rate, from `log_f0`, `voicing` and `energy` of its frames, (T, 1) each."""
        durations = np.array(recording.durations, np.int64)
        f0_drift = recording.f0_drift if self._normalises else 0.0
        phones = np.array([token not in _SILENT_TOKENS for token in recording.tokens], np.float32)
        return {
            "phones": np.array([self._symbol_ids[token] for token in recording.tokens], np.int64),
            "durations": durations,
            "token_mask": np.ones((len(durations), 1), np.float32),
            "phone_mask": phones[:, None],
            "token_log_f0": voiced_token_mean(frames["log_f0"], frames["voicing"], durations) - np.float32(f0_drift),
            "token_voicing": token_mean(frames["voicing"], durations),
            "token_energy": token_mean(frames["energy"], durations),
        }


def padded(arrays: Sequence[NDArray[Any]], value: float) -> Tensor:
    """Return arrays of shape (length, ...) as one tensor (B, longest, ...), padded with `value`."""
    longest = max(len(array) for array in arrays)
    filled = np.full((len(arrays), longest, *arrays[0].shape[1:]), value, arrays[0].dtype)
    for row, array in zip(filled, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(filled)


Decibels = Annotated[float, Field(ge=-100, le=100)]
"""Level in dB."""


class Perturbation(StrictModel):
    """Data augmentation: random speed (Ko et al., 2015) and gain, which make more voices of few."""

    speed_share: Share = 0.6
    """Share of the segments, 0 to 1, with changed speed, and with it pitch and formants."""
    max_speed: Annotated[float, Field(ge=1, le=4)] = 1.25
    """Largest speed factor. Speeds are log-uniform between 1 / `max_speed` and `max_speed`."""
    gain_db: tuple[Decibels, Decibels] = (-9.0, 4.0)
    """Range of the uniformly distributed gain, in dB."""

    @model_validator(mode="after")
    def _gain_is_ordered(self) -> Self:
        if self.gain_db[0] > self.gain_db[1]:
            raise ValueError(f"gain_db: {self.gain_db[0]:g} is greater than {self.gain_db[1]:g}; give the lower one first")
        return self

    def draw(self, generator: np.random.Generator) -> tuple[float, float]:
        """Return a random speed and a random gain, both factors."""
        is_changed = generator.random() < self.speed_share
        speed = float(self.max_speed ** generator.uniform(-1, 1)) if is_changed else 1.0
        return speed, float(10 ** (generator.uniform(*self.gain_db) / 20))


class Predicted(StrictModel):
    """Use of mels that acoustic models predicted, see `corpora.predicted`."""

    models: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100)]
    """Names of the models: folders in `predicted/` of the corpus."""
    share: Share = 0.5
    """Share of the segments, 0 to 1, with a mel predicted by a model; the others have the mel of the recording."""


class SegmentBatches:
    """Batches of random segments of clips, for vocoders.

    A batch has these tensors, with the margins (left, right) in frames: `mel` (B, left + F + right, bands); `log_f0`, `voicing`
    (B, left + F + right, 1); `audio` (B, F * hop) float32; `speaker` (B,) int64. Beyond the ends of a clip `mel` is digital
    silence, all else 0. Speakers are drawn by their number of frames to the power of 3/4, so rare ones come more often than their
    share.

    Args:
        corpus: Prepared corpus.
        split: Its split to read.
        num_segments: Segments in a batch, B.
        segment_frames: Frames of a segment, F.
        margins: Frames before and after a segment that the vocoder sees: its receptive field.
        seed: Seed of the segments and the augmentation.
        perturbation: Augmentation of recorded segments; None for none.
        predicted: Mels of acoustic models that replace those of some recordings; None for none.

    Raises:
        CorpusError: The corpus has no such split, or lacks the predicted mels.
    """

    def __init__(
        self,
        corpus: Corpus,
        split: str,
        num_segments: int,
        segment_frames: int,
        margins: tuple[int, int] = (0, 0),
        seed: int = 0,
        perturbation: Perturbation | None = None,
        predicted: Predicted | None = None,
    ) -> None:
        self.corpus, self.seed, self.perturbation = corpus, seed, perturbation
        self.num_segments, self.segment_frames, self.margins = num_segments, segment_frames, margins
        self.recordings = corpus.of_split(split)
        self._probabilities = _balanced(self.recordings)
        self._features = FeatureCache(corpus, ("mel", "log_f0", "voicing", "audio"))
        self._predicted = PredictedMels(corpus, predicted.models, self.recordings) if predicted else None
        self._predicted_share = predicted.share if predicted else 0.0
        if self._predicted:
            self._predicted_probabilities = _balanced([recording for _, recording in self._predicted.items])

    def batch(self, step: int) -> Batch:
        """Return the batch of `step`; any step from 0 up is valid."""
        generator = np.random.default_rng([self.seed, step])
        chosen = generator.choice(len(self.recordings), self.num_segments, p=self._probabilities)
        recordings = [self.recordings[index] for index in chosen]
        mels = self._draw_predicted(recordings, generator)
        starts = [int(generator.integers(0, max(1, r.num_frames - self.segment_frames + 1))) for r in recordings]
        items = [
            self._item(recording, start, generator) if mel is None else self._segment(recording, start, mel)
            for recording, start, mel in zip(recordings, starts, mels, strict=True)
        ]
        speakers = [self.corpus.speakers.index(recording.speaker) for recording in recordings]
        batch = {name: torch.from_numpy(np.stack([item[name] for item in items])) for name in items[0]}
        return {**batch, "speaker": torch.tensor(speakers)}

    def _draw_predicted(self, recordings: list[Recording], generator: np.random.Generator) -> list[Floats | None]:
        """Replace some of `recordings` by predicted clips. Return the predicted mel of each, None for the others."""
        mels: list[Floats | None] = [None] * len(recordings)
        if self._predicted is None:
            return mels
        for place in np.flatnonzero(generator.random(len(recordings)) < self._predicted_share):
            item = int(generator.choice(len(self._predicted.items), p=self._predicted_probabilities))
            recordings[place], mels[place] = self._predicted.items[item][1], self._predicted.load(item)
        return mels

    def _item(self, recording: Recording, start: int, generator: np.random.Generator) -> Arrays:
        if self.perturbation is None:
            return self._segment(recording, start)
        speed, gain = self.perturbation.draw(generator)
        return self._perturbed(recording, start, speed, gain)

    def _perturbed(self, recording: Recording, start: int, speed: float, gain: float) -> Arrays:
        """Return the segment with speed and pitch times `speed` and amplitude times `gain`, and the mel of that audio."""
        features = self._features.load(recording)
        mel, (left, right) = self.corpus.mel, self.margins
        spare = -(-mel.fft_samples // mel.hop_samples)
        num_frames = left + self.segment_frames + right + 2 * spare
        first = start - left - spare
        num_samples = int(num_frames * mel.hop_samples * speed) + mel.fft_samples
        audio = cut(features["audio"], first * mel.hop_samples, first * mel.hop_samples + num_samples, 0) * np.float32(
            gain / 32768
        )
        if speed != 1:
            audio = soxr.resample(audio, mel.sample_rate * speed, mel.sample_rate, "MQ")
        audio = np.clip(audio[: num_frames * mel.hop_samples], -1, 1)
        places = (np.arange(num_frames) + 0.5) * speed - 0.5 + first
        known = np.arange(recording.num_frames)
        contour = np.interp(places, known, features["log_f0"]) + np.log(speed)
        voicing = (np.interp(places, known, features["voicing"], 0, 0) > 0.99).astype(np.float32)
        inner = slice(spare, num_frames - spare)
        samples = slice((spare + left) * mel.hop_samples, (spare + left + self.segment_frames) * mel.hop_samples)
        return {
            "mel": log_mel(audio, mel)[inner],
            "log_f0": contour[inner, None].astype(np.float32),
            "voicing": voicing[inner, None],
            "audio": audio[samples].astype(np.float32),
        }

    def _segment(self, recording: Recording, start: int, mel: Floats | None = None) -> Arrays:
        """Return a segment of the recording, with its own mel or the given one, which has as many frames."""
        features = self._features.load(recording)
        end, hop = start + self.segment_frames, self.corpus.mel.hop_samples
        first, last = start - self.margins[0], end + self.margins[1]
        audio = cut(features["audio"], start * hop, end * hop, 0)
        return {
            "mel": cut(features["mel"] if mel is None else mel, first, last, self.corpus.mel.silence),
            "log_f0": cut(features["log_f0"], first, last, 0.0)[:, None],
            "voicing": cut(features["voicing"], first, last, 0.0)[:, None],
            "audio": audio.astype(np.float32) / 32768,
        }


def _balanced(recordings: Sequence[Recording]) -> NDArray[np.float64]:
    """Return the sampling probability of each recording. The weight of a speaker is its number of frames to the power of 3/4."""
    frames = np.array([recording.num_frames for recording in recordings], np.float64)
    _, speakers = np.unique([recording.speaker for recording in recordings], return_inverse=True)
    weights = frames / np.bincount(speakers, frames)[speakers] ** 0.25
    return np.asarray(weights / weights.sum())


def cut(array: NDArray[Any], start: int, end: int, value: float) -> NDArray[Any]:
    """Return `array[start:end]` along the first axis, padded with `value` before index 0 and beyond its end."""
    result = np.full((end - start, *array.shape[1:]), value, array.dtype)
    first, last = max(0, start), min(len(array), end)
    if first < last:
        result[first - start : last - start] = array[first:last]
    return result
