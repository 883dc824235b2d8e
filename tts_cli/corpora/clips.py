"""The work on one recording, done in worker processes: validate it, align it, compute its features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.audio.alignment import ALIGNMENT_VERSION, align
from tts_cli.audio.files import quantise, read_native, resample
from tts_cli.audio.mel import Floats, MelConfig, energy, log_mel
from tts_cli.audio.pitch import estimate_f0, interpolate_log_f0
from tts_cli.corpora.journal import key_of
from tts_cli.corpora.layouts import RejectKind
from tts_cli.corpora.manifest import write_arrays
from tts_cli.errors import AudioError

FEATURES_VERSION = 1
"""Changes whenever the same recording would give other features."""

MIN_SECONDS, MAX_SECONDS = 0.3, 20.0
_SILENT_PEAK = 1e-3
"""-60 dB of full scale."""
_FULL_SCALE = 0.999
_CLIPPED_SHARE = 0.002
_TYPICAL_HZ = 150.0


@dataclass(frozen=True)
class ClipAnalysis:
    """What alignment found in one recording, or why it cannot be used."""

    durations: tuple[int, ...] = ()
    """Frames of every token."""
    seconds: float = 0.0
    median_f0_hz: float = 0.0
    """0 when nothing is voiced."""
    reason: str = ""
    """Empty when the recording is good."""
    kind: RejectKind | None = None
    """Kind of the reason."""


@dataclass(frozen=True)
class AnalysisTask:
    """A recording and the tokens to find in it."""

    fingerprint: str
    audio: Path
    tokens: tuple[str, ...]
    word_of_token: tuple[int, ...]
    mel: MelConfig

    @property
    def key(self) -> str:
        """Changes whenever the result would; stress has no part in it."""
        grid = (self.mel.sample_rate, self.mel.hop_samples)
        tokens = [token.rstrip("012") for token in self.tokens]
        return key_of("analysis", ALIGNMENT_VERSION, self.fingerprint, tokens, grid)

    def is_done(self, result: Mapping[str, Any]) -> bool:
        """Whether a kept result says all that is asked today; rejects once had no kind."""
        return not result["reason"] or result.get("kind") is not None


@dataclass(frozen=True)
class FeatureTask:
    """A recording whose features go to the file `features` in `folder`, with F0 sought in `range_hz`."""

    fingerprint: str
    audio: Path
    folder: Path
    features: str
    mel: MelConfig
    range_hz: tuple[float, float] | None

    @property
    def key(self) -> str:
        """Changes whenever the result would."""
        return key_of("features", FEATURES_VERSION, self.fingerprint, self.mel.hash, self.range_hz, self.features)

    def is_done(self, result: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Whether the features that a kept result tells of lie on disk."""
        return (self.folder / self.features).is_file()


@dataclass(frozen=True)
class PitchStatistics:
    """Sums over the voiced frames of one recording, from which a speaker's mean and deviation follow."""

    num_voiced: int
    sum_log_f0: float
    sum_square_log_f0: float


def analyse(task: AnalysisTask) -> ClipAnalysis:
    """Validate and align one recording; a fault becomes the reason to reject it."""
    try:
        samples, rate = read_native(task.audio)
    except AudioError as error:
        return ClipAnalysis(reason=error.message.removeprefix(f"{task.audio}: "), kind="unreadable audio")
    if fault := _fault(samples, rate):
        return fault
    audio = _stored(resample(samples, rate, task.mel.sample_rate))
    try:
        durations = align(audio, task, task.mel)
    except AudioError as error:
        return ClipAnalysis(reason=error.message, kind="alignment failed")
    f0_hz, _ = estimate_f0(audio, task.mel)
    voiced = f0_hz[f0_hz > 0]
    median = float(np.median(voiced)) if len(voiced) else 0.0
    return ClipAnalysis(tuple(durations.tolist()), len(audio) / task.mel.sample_rate, round(median, 3))


def _fault(samples: Floats, rate: int) -> ClipAnalysis | None:
    """Reject a recording that is too short, too long, silent or clipped."""
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
    """`audio` as its 16-bit copy beside the features will be read, so that everything describes the same samples."""
    return (quantise(audio) / 32768.0).astype(np.float32)


def write_features(task: FeatureTask) -> PitchStatistics:
    """Computes and writes the features of one recording, whole or not at all. Raises OutputError when it cannot be written."""
    samples, rate = read_native(task.audio)
    audio = _stored(resample(samples, rate, task.mel.sample_rate))
    arrays = features(audio, task.mel, task.range_hz)
    write_arrays(task.folder / task.features, arrays)
    voiced = arrays["log_f0"][arrays["voicing"] > 0].astype(np.float64)
    return PitchStatistics(len(voiced), float(voiced.sum()), float(np.square(voiced).sum()))


def features(audio: Floats, config: MelConfig, range_hz: tuple[float, float] | None = None) -> dict[str, np.ndarray[Any, Any]]:
    """What training reads of `audio` (samples,): mel (T, bands), log_f0, voicing and energy (T,), audio (T * hop,) int16."""
    mel = log_mel(audio, config)
    f0_hz, voicing = estimate_f0(audio, config, range_hz)
    padded = np.zeros(len(mel) * config.hop_samples, np.int16)
    padded[: len(audio)] = quantise(audio)
    log_f0 = interpolate_log_f0(f0_hz, np.sqrt(range_hz[0] * range_hz[1]) if range_hz else _TYPICAL_HZ)
    return {"mel": mel, "log_f0": log_f0, "voicing": voicing, "energy": energy(mel)[:, 0], "audio": padded}
