"""Batches of a prepared corpus. Each is a function of (seed, step) alone, so training resumes at any step without replaying."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from tts_cli.audio.mel import Floats, log_mel
from tts_cli.config import StrictModel
from tts_cli.corpora.manifest import Corpus, Recording
from tts_cli.corpora.predicted import PredictedMels
from tts_cli.text.phones import BOUNDARIES, PAD, START

Batch = dict[str, Tensor]
Arrays = dict[str, NDArray[Any]]

_BUCKET_RATIO = 1.15
"""The longest clip of a bucket lasts at most this much longer than its shortest: what padding costs."""
_SILENT_TOKENS = {PAD, START, *BOUNDARIES}


class FeatureCache:
    """Features in memory, as much as `max_bytes` holds, read again from disk beyond that. Threads may share it."""

    def __init__(self, corpus: Corpus, names: tuple[str, ...], max_bytes: int = 2 << 30) -> None:
        self._corpus, self._names, self._max_bytes = corpus, names, max_bytes
        self._kept: OrderedDict[str, Arrays] = OrderedDict()
        self._num_bytes = 0
        self._lock = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the features behind: each process fills a cache of its own."""
        return FeatureCache, (self._corpus, self._names, self._max_bytes)

    def load(self, recording: Recording) -> Arrays:
        """The features of `recording`, as `Corpus.load` gives them. They are shared: do not write into them."""
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
    """Which items make up the batch of each step: of similar length, each once an epoch, a function of (seed, step) alone."""

    def __init__(self, lengths: Sequence[int], most: int, seed: int) -> None:
        """`most`: what the lengths of a batch, padding included, add up to."""
        self._groups, self._seed = _similar_lengths(lengths, most), seed
        self._planned = (0, self._plan(0))

    @property
    def num_batches(self) -> int:
        """Of an epoch; the same for all."""
        return sum(num_batches for _, num_batches in self._groups)

    def members(self, step: int) -> NDArray[np.int64]:
        """Places of the items of the batch of `step`, counted from 0 through all epochs."""
        epoch, place = divmod(step, self.num_batches)
        planned = self._planned
        if planned[0] != epoch:
            planned = self._planned = (epoch, self._plan(epoch))
        return planned[1][place]

    def in_order(self) -> Iterator[NDArray[np.int64]]:
        """Every item once, always in the same batches: for validation."""
        for items, num_batches in self._groups:
            yield from np.array_split(items, num_batches)

    def _plan(self, epoch: int) -> list[NDArray[np.int64]]:
        """The items of each batch of an epoch, shuffled within their buckets, and the batches shuffled."""
        generator = np.random.default_rng([self._seed, epoch])
        batches = [part for items, number in self._groups for part in np.array_split(generator.permutation(items), number)]
        return [batches[index] for index in generator.permutation(len(batches))]


def _similar_lengths(lengths: Sequence[int], most: int) -> list[tuple[NDArray[np.int64], int]]:
    """Items in buckets of similar length, and in how many batches whose lengths add up to at most `most` each bucket goes."""
    order = np.argsort(lengths, kind="stable")
    ordered = np.array(lengths)[order]
    groups, start = [], 0
    while start < len(order):
        end = int(np.searchsorted(ordered, ordered[start] * _BUCKET_RATIO, side="right"))
        items_a_batch = max(1, most // int(ordered[end - 1]))
        groups.append((order[start:end].astype(np.int64), -(-(end - start) // items_a_batch)))
        start = end
    return groups


class AcousticBatches:
    """Whole clips of similar length, at most `batch_frames` frames a batch, padding included; every clip once an epoch.

    A batch holds, with B clips of at most N tokens and T frames:
    `phones`, `durations` (B, N) int64; `token_mask`, `phone_mask` (B, N, 1), 1 where a token, a phone is;
    `token_log_f0`, `token_voicing`, `token_energy` (B, N, 1), means over the frames of each token;
    `frame_mask` (B, T, 1); `mel` (B, T, bands); `log_f0`, `voicing`, `energy` (B, T, 1); `speaker` (B,) int64.
    Padding is 0, and digital silence in `mel`.
    """

    def __init__(self, corpus: Corpus, split: str, batch_frames: int, seed: int = 0) -> None:
        self.corpus = corpus
        self.recordings = corpus.of_split(split)
        self._epochs = Epochs([recording.num_frames for recording in self.recordings], batch_frames, seed)
        self._features = FeatureCache(corpus, ("mel", "log_f0", "voicing", "energy"))
        self._symbol_ids = {symbol: index for index, symbol in enumerate(corpus.summary.symbols)}

    def batch(self, step: int) -> Batch:
        """The batch of `step`, counted from 0 through all epochs."""
        return self.collate([self.recordings[index] for index in self._epochs.members(step)])

    def in_order(self) -> Iterator[Batch]:
        """Every clip once, always in the same batches: for validation."""
        return (self.collate(recordings) for recordings in self.recordings_in_order())

    def recordings_in_order(self) -> Iterator[list[Recording]]:
        """Yield the recordings of each batch of `in_order`."""
        return ([self.recordings[index] for index in members] for members in self._epochs.in_order())

    def collate(self, recordings: Sequence[Recording]) -> Batch:
        """`recordings` as one batch."""
        items = [self._item(recording) for recording in recordings]
        speakers = [self.corpus.speakers.index(recording.speaker) for recording in recordings]
        batch = {name: padded([item[name] for item in items], self._padding(name)) for name in items[0]}
        return {**batch, "speaker": torch.tensor(speakers)}

    def _padding(self, name: str) -> float:
        return self.corpus.mel.silence if name == "mel" else 0.0

    def _item(self, recording: Recording) -> Arrays:
        features = self._features.load(recording)
        durations = np.array(recording.durations, np.int64)
        frames = {name: features[name][:, None] for name in ("log_f0", "voicing", "energy")}
        phones = np.array([token not in _SILENT_TOKENS for token in recording.tokens], np.float32)
        return {
            "phones": np.array([self._symbol_ids[token] for token in recording.tokens], np.int64),
            "durations": durations,
            "token_mask": np.ones((len(durations), 1), np.float32),
            "phone_mask": phones[:, None],
            "frame_mask": np.ones((recording.num_frames, 1), np.float32),
            "mel": features["mel"],
            **frames,
            "token_log_f0": voiced_token_mean(frames["log_f0"], frames["voicing"], durations),
            "token_voicing": token_mean(frames["voicing"], durations),
            "token_energy": token_mean(frames["energy"], durations),
        }


def token_mean(frames: Floats, durations: NDArray[np.int64]) -> Floats:
    """Means of `frames` (T, C) over each token's frames: (N, C). A token without frames takes the value of the one before it."""
    ends = np.cumsum(durations)
    sums = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames, axis=0, dtype=np.float64)])
    means = (sums[ends] - sums[ends - durations]) / np.maximum(durations, 1)[:, None]
    source = np.maximum.accumulate(np.where(durations > 0, np.arange(len(durations)), -1))
    source[source < 0] = np.argmax(durations > 0)
    return np.asarray(means[source], np.float32)


def voiced_token_mean(log_f0: Floats, voicing: Floats, durations: NDArray[np.int64]) -> Floats:
    """Mean log F0 over each token's voiced frames (N, 1); over all its interpolated frames where none is voiced."""
    voiced = token_mean(voicing, durations)
    weighted = token_mean(log_f0 * voicing, durations) / np.maximum(voiced, 1e-6)
    return np.where(voiced > 0, weighted, token_mean(log_f0, durations)).astype(np.float32)


def padded(arrays: Sequence[NDArray[Any]], value: float) -> Tensor:
    """Arrays (length, ...) of one kind as one tensor (B, longest, ...), filled up with `value`."""
    longest = max(len(array) for array in arrays)
    filled = np.full((len(arrays), longest, *arrays[0].shape[1:]), value, arrays[0].dtype)
    for row, array in zip(filled, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(filled)


class Perturbation(StrictModel):
    """Makes more voices of few: speed perturbation (Ko et al., 2015) and gain."""

    speed_share: float = 0.6
    """Share of the segments whose speed, and with it pitch and formants, is changed."""
    max_speed: float = 1.25
    """Speeds are drawn between its inverse and itself, evenly in their logarithm."""
    gain_db: tuple[float, float] = (-9.0, 4.0)

    def draw(self, generator: np.random.Generator) -> tuple[float, float]:
        """A speed and a gain, both factors."""
        is_changed = generator.random() < self.speed_share
        speed = float(self.max_speed ** generator.uniform(-1, 1)) if is_changed else 1.0
        return speed, float(10 ** (generator.uniform(*self.gain_db) / 20))


class Predicted(StrictModel):
    """Segments with the mels of acoustic models, see `corpora.predicted`."""

    models: tuple[str, ...]
    """Names of the models."""
    share: float = 0.5
    """Share of the segments."""


class SegmentBatches:
    """Random stretches of `segment_frames` frames, `num_segments` a batch, with the margins of frames that a vocoder looks at.

    A batch holds, with F frames in a segment: `mel` (B, left + F + right, bands); `log_f0`, `voicing` (B, left + F + right, 1);
    `audio` (B, F * hop) float32; `speaker` (B,) int64. Rare speakers come more often than their share, by a power of their size.
    Beyond a clip's ends `mel` is digital silence and everything else 0. Of the segments, `predicted.share` have the mel that an
    acoustic model predicted instead of the recording's.
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
        """The batch of `step`."""
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
        """Put predicted clips in the place of some of `recordings`; return their mels, None for the others."""
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
        """The segment spoken `speed` times as fast and high, `gain` times as loud, with the mel of what that sounds like."""
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
        """A stretch of the recording, with its own mel or another one of as many frames."""
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
    """The probability of each recording: speakers by their frames to the power of 3/4, a speaker's recordings by theirs."""
    frames = np.array([recording.num_frames for recording in recordings], np.float64)
    _, speakers = np.unique([recording.speaker for recording in recordings], return_inverse=True)
    weights = frames / np.bincount(speakers, frames)[speakers] ** 0.25
    return np.asarray(weights / weights.sum())


def cut(array: NDArray[Any], start: int, end: int, value: float) -> NDArray[Any]:
    """`array[start:end]` along the first axis, with `value` where that lies before the beginning or beyond the end."""
    result = np.full((end - start, *array.shape[1:]), value, array.dtype)
    first, last = max(0, start), min(len(array), end)
    if first < last:
        result[first - start : last - start] = array[first:last]
    return result
