"""Preparation of one recording in a worker process: validation, forced alignment and features.

Shapes: T frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.audio.agreement import AGREEMENT_VERSION, complaints, judge
from tts_cli.audio.alignment import ALIGNER_RATE, ALIGNMENT_VERSION, Integers, align_closely, given_durations, pronunciations
from tts_cli.audio.bandwidth import bandwidth_hz
from tts_cli.audio.files import quantise, read_native, resample
from tts_cli.audio.mel import Floats, MelConfig, energy, log_mel
from tts_cli.audio.pitch import estimate_f0, interpolate_log_f0
from tts_cli.corpora.alignments import GivenAlignment
from tts_cli.corpora.journal import key_of
from tts_cli.corpora.layouts import RejectKind
from tts_cli.corpora.manifest import write_arrays
from tts_cli.errors import AudioError, InputError

FEATURES_VERSION = 1
"""Version of the features; raised when the same recording gives other features than before."""

MIN_SECONDS, MAX_SECONDS = 0.3, 20.0
"""Shortest and longest clip of a corpus."""
_SILENT_PEAK = 1e-3
"""Peak of a silent recording: -60 dB of full scale."""
_FULL_SCALE = 0.999
_CLIPPED_SHARE = 0.002
"""Largest share of samples at full scale in an accepted recording."""
_LOUD_PERCENT = 95
"""Percentage of frames that are softer than the level of a recording; a mean would follow pauses and hissing."""
_TYPICAL_HZ = 150.0
"""F0 of a recording without voiced frames, if its speaker's range is unknown."""


@dataclass(frozen=True)
class ClipAnalysis:
    """Result of the alignment of one recording, or the reason for its rejection."""

    durations: tuple[int, ...] = ()
    """Mel frames of each token."""
    seconds: float = 0.0
    """Length of the recording."""
    median_f0_hz: float = 0.0
    """Median over voiced frames; 0 if no frame is voiced."""
    reason: str = ""
    """Reason for the rejection; empty for a good recording."""
    kind: RejectKind | None = None
    """Kind of the rejection; None for a good recording."""
    bandwidth_hz: float | None = None
    """Frequency above which the recording has no energy; None in results of older versions."""


@dataclass(frozen=True)
class AnalysisTask:
    """Task of a worker: validate a recording and align its tokens."""

    fingerprint: str
    """Hash of the recording, see `journal.fingerprint`."""
    audio: Path
    tokens: tuple[str, ...]
    word_of_token: tuple[int, ...]
    mel: MelConfig
    words: tuple[str, ...]
    """Words as they are written, for the reason of a rejection."""
    given: GivenAlignment | None = None
    """Alignment by another aligner; None aligns the recording here."""

    @property
    def key(self) -> str:
        """Return the key of the result in the journal. It depends on everything that affects the result; stress does not."""
        grid = (self.mel.sample_rate, self.mel.hop_samples)
        tokens = [token.rstrip("012") for token in self.tokens]
        if self.given:
            return key_of("given alignment", self.fingerprint, tokens, grid, self.given.spans, self.given.length_s)
        return key_of("analysis", ALIGNMENT_VERSION, AGREEMENT_VERSION, self.fingerprint, tokens, grid)

    def is_done(self, result: Mapping[str, Any]) -> bool:
        """Return whether a result in the journal is complete; rejections of older versions have no kind."""
        return not result["reason"] or result.get("kind") is not None


@dataclass(frozen=True)
class FeatureTask:
    """Task of a worker: compute the features of a recording and write them to a file."""

    fingerprint: str
    """Hash of the recording, see `journal.fingerprint`."""
    audio: Path
    folder: Path
    """Folder of the prepared corpus."""
    features: str
    """Path of the features, relative to `folder`."""
    mel: MelConfig
    range_hz: tuple[float, float] | None
    """F0 range of the speaker, in Hz; None if unknown."""

    @property
    def key(self) -> str:
        """Return the key of the result in the journal. It depends on everything that affects the result."""
        return key_of("features", FEATURES_VERSION, self.fingerprint, self.mel.hash, self.range_hz, self.features)

    def is_done(self, result: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Return whether the features of a result in the journal are on disk."""
        return (self.folder / self.features).is_file()


@dataclass(frozen=True)
class BandwidthTask:
    """Task of a worker: measure the bandwidth of a recording that an older version analysed."""

    fingerprint: str
    """Hash of the recording, see `journal.fingerprint`."""
    audio: Path
    sample_rate: int

    @property
    def key(self) -> str:
        """Return the key of the result in the journal. It depends on everything that affects the result."""
        return key_of("bandwidth", self.fingerprint, self.sample_rate)

    def is_done(self, result: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Return whether a result in the journal is complete."""
        return True


@dataclass(frozen=True)
class Bandwidth:
    """Bandwidth of one recording."""

    bandwidth_hz: float


@dataclass(frozen=True)
class LevelTask:
    """Task of a worker: measure the level of a recording whose features are written."""

    fingerprint: str
    """Hash of the recording, see `journal.fingerprint`."""
    features: Path
    """Path of the features."""
    mel_hash: str

    @property
    def key(self) -> str:
        """Return the key of the result in the journal. It depends on everything that affects the result."""
        return key_of("level", FEATURES_VERSION, self.fingerprint, self.mel_hash)

    def is_done(self, result: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Return whether a result in the journal is complete."""
        return True


@dataclass(frozen=True)
class Level:
    """Level of one recording: that of its loud frames, natural log of the mean mel magnitude."""

    level: float


@dataclass(frozen=True)
class PitchStatistics:
    """Sums of log F0 over the voiced frames of one recording, for the mean and standard deviation of its speaker."""

    num_voiced: int
    sum_log_f0: float
    sum_square_log_f0: float


def analyse(task: AnalysisTask) -> ClipAnalysis:
    """Validate and align one recording. Return a fault as a rejection; never raise AudioError."""
    try:
        samples, rate = read_native(task.audio)
    except AudioError as error:
        return ClipAnalysis(reason=error.message.removeprefix(f"{task.audio}: "), kind="unreadable audio")
    if fault := _fault(samples, rate):
        return fault
    audio = _stored(resample(samples, rate, task.mel.sample_rate))
    durations = _given(audio, task, task.given) if task.given else _aligned(audio, task)
    if isinstance(durations, ClipAnalysis):
        return durations
    f0_hz, _ = estimate_f0(audio, task.mel)
    voiced = f0_hz[f0_hz > 0]
    median = float(np.median(voiced)) if len(voiced) else 0.0
    bandwidth = round(bandwidth_hz(audio, task.mel.sample_rate), 1)
    return ClipAnalysis(tuple(durations.tolist()), len(audio) / task.mel.sample_rate, round(median, 3), bandwidth_hz=bandwidth)


def _aligned(audio: Floats, task: AnalysisTask) -> Integers | ClipAnalysis:
    """Return the durations that the aligner finds, or a rejection if the recording does not say its text."""
    try:
        durations, stretches = align_closely(audio, task, task.mel)
    except AudioError as error:
        return ClipAnalysis(reason=error.message, kind="alignment failed")
    samples = resample(audio, task.mel.sample_rate, ALIGNER_RATE)
    agreement = judge(samples, pronunciations(task), durations, stretches)
    if agreement.surplus or not agreement.is_same:
        named = "; ".join(complaints(task.words, agreement.doubtful, agreement.surplus))
        return ClipAnalysis(reason=named or "no word is heard clearly", kind="text and recording differ")
    return durations


def _given(audio: Floats, task: AnalysisTask, given: GivenAlignment) -> Integers | ClipAnalysis:
    """Return the durations of an alignment by another aligner, or a rejection if it is not that of the recording."""
    try:
        given.refuse_other_length(len(audio) / task.mel.sample_rate)
        return given_durations(audio, task, task.mel, given.spans)
    except InputError as error:
        return ClipAnalysis(reason=error.message, kind="alignment file does not fit")


def measure_bandwidth(task: BandwidthTask) -> Bandwidth:
    """Return the bandwidth of one recording."""
    samples, rate = read_native(task.audio)
    return Bandwidth(round(bandwidth_hz(_stored(resample(samples, rate, task.sample_rate)), task.sample_rate), 1))


def measure_level(task: LevelTask) -> Level:
    """Return the level of one recording."""
    with np.load(task.features) as arrays:
        return Level(round(float(np.percentile(arrays["energy"], _LOUD_PERCENT)), 4))


def _fault(samples: Floats, rate: int) -> ClipAnalysis | None:
    """Return a rejection if the recording is too short, too long, silent or clipped, else None."""
    seconds, peaks = len(samples) / rate, np.abs(samples)
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        reason = f"lasts {seconds:.2f} s, not {MIN_SECONDS} to {MAX_SECONDS:.0f} s"
        return ClipAnalysis(reason=reason, kind="too short or too long")
    if peaks.max() < _SILENT_PEAK:
        return ClipAnalysis(reason="silent, its peak is below -60 dB", kind="silent")
    clipped = float((peaks >= _FULL_SCALE).mean())
    if clipped > _CLIPPED_SHARE:
        return ClipAnalysis(reason=f"clipped, {clipped:.1%} of its samples are at full scale", kind="clipped")
    return None


def _stored(audio: Floats) -> Floats:
    """Return `audio` rounded to 16 bits, as it is stored, so that all features describe the stored samples."""
    return (quantise(audio) / 32768.0).astype(np.float32)


def write_features(task: FeatureTask) -> PitchStatistics:
    """Compute the features of one recording and write them, completely or not at all. Return its F0 statistics.

    Raises:
        OutputError: The file cannot be written.
    """
    samples, rate = read_native(task.audio)
    audio = _stored(resample(samples, rate, task.mel.sample_rate))
    arrays = features(audio, task.mel, task.range_hz)
    write_arrays(task.folder / task.features, arrays)
    voiced = arrays["log_f0"][arrays["voicing"] > 0].astype(np.float64)
    return PitchStatistics(len(voiced), float(voiced.sum()), float(np.square(voiced).sum()))


def features(audio: Floats, config: MelConfig, range_hz: tuple[float, float] | None = None) -> dict[str, np.ndarray[Any, Any]]:
    """Return the features for training, by name.

    Args:
        audio: Recording, shape (samples,).
        config: Mel configuration.
        range_hz: F0 range of the speaker, in Hz; None if unknown.

    Returns:
        `mel` (T, bands); `log_f0`, interpolated through unvoiced frames, `voicing` and `energy` (T,); all float32. `audio`
        (T * hop,) int16, padded with zeros.
    """
    mel = log_mel(audio, config)
    f0_hz, voicing = estimate_f0(audio, config, range_hz)
    padded = np.zeros(len(mel) * config.hop_samples, np.int16)
    padded[: len(audio)] = quantise(audio)
    log_f0 = interpolate_log_f0(f0_hz, np.sqrt(range_hz[0] * range_hz[1]) if range_hz else _TYPICAL_HZ)
    return {"mel": mel, "log_f0": log_f0, "voicing": voicing, "energy": energy(mel)[:, 0], "audio": padded}
