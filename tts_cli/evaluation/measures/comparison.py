"""Objective measures of an utterance, alone and against a reference recording of the same text.

`describe_utterance` and `compare_utterances` take audio and return values by name; `definitions.MEASURES` gives title, unit,
convention and source of each name. To compare one recording with many utterances, analyse it once with `analyse`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.alignment import align
from tts_cli.audio.files import resample
from tts_cli.audio.mel import Floats, energy
from tts_cli.errors import AudioError, TextError
from tts_cli.evaluation.measures.cepstra import FramePairs, mel_cepstral_distortion, paired_frames
from tts_cli.evaluation.measures.pitch import compare_pitch, correlation
from tts_cli.evaluation.measures.prosody import Contour
from tts_cli.evaluation.measures.rhythm import loud_stretches, rhythm
from tts_cli.evaluation.measures.signal import score
from tts_cli.evaluation.measures.spectra import MEL, Spectra
from tts_cli.evaluation.measures.utterances import UtteranceProsody, compare_durations, is_phone, spread
from tts_cli.text.front_end import TextFrontEnd
from tts_cli.text.phones import Utterance

Figures = dict[str, float]
"""Measured values by name; an undefined value is missing."""
LONGEST_WARPED_S = 60.0
"""Longest utterance in seconds for dynamic time warping, which takes memory by the square of the length, here 0.5 GB."""
LARGEST_DELAY_S = 0.1
"""Largest difference in seconds between the durations of a recording and its copy; beyond it they are not compared in step."""
_DECIBELS = float(20 / np.log(10))
_SEMITONES = float(12 / np.log(2))


@dataclass(frozen=True, eq=False)
class UtteranceAnalysis:
    """Analysis of an utterance at 16 kHz that all measures share."""

    audio: Floats
    """Samples at 16 kHz, shape (samples,)."""
    spectra: Spectra
    text: str
    """Spoken text; empty if it is unknown."""

    @cached_property
    def utterance(self) -> Utterance | None:
        """Phones of the text; None without a text, or if nothing of it can be spoken."""
        try:
            return _front_end().utterance(self.text) if self.text else None
        except TextError:
            return None

    @cached_property
    def energy(self) -> Floats:
        """Natural log of the mean mel magnitude of each frame, shape (T,)."""
        return energy(self.spectra.mel)[:, 0]

    @cached_property
    def aligned(self) -> UtteranceProsody | None:
        """Durations of the phones by forced alignment; None without phones, or if the speech does not match them."""
        if self.utterance is None or not self.spectra.is_speech.any():
            return None
        try:
            durations = align(self.audio, self.utterance, MEL)
        except AudioError:
            return None
        phones = np.array([is_phone(token) for token in self.utterance.tokens])
        return UtteranceProsody(Contour(self.spectra.f0_hz, self.energy), durations, phones, MEL.frame_rate)

    @property
    def stretches(self) -> NDArray[np.int64]:
        """First sample and end (exclusive) of each stretch of speech, shape (N, 2).

        A stretch is an aligned phone. Without alignment, it is a loud stretch.

        Raises:
            InputError: if the extra `eval` is not installed.
        """
        if self.aligned is None:
            return loud_stretches(self.audio, MEL.sample_rate)
        spans = self.aligned.spans()[self.aligned.is_phone]
        return np.minimum(spans * MEL.hop_samples, len(self.audio))

    @property
    def num_syllables(self) -> int:
        """Number of syllables of the text, one for each vowel; 0 without phones."""
        return sum(token[-1] in "012" for token in _phones(self))


def analyse(audio: Floats, sample_rate: int, text: str = "") -> UtteranceAnalysis:
    """Analyse an utterance, once for all measures.

    Args:
        audio: samples (samples,); it may be empty or silent.
        sample_rate: sample rate in Hertz; everything is measured at 16 kHz.
        text: English text that is spoken; empty if it is unknown, which leaves rates and durations out.

    Raises:
        AudioError: if the audio holds samples that are not finite numbers, or the F0 tracker is not installed.
    """
    samples = np.asarray(audio, np.float32)
    if not np.isfinite(samples).all():
        raise AudioError("the audio holds samples that are not finite numbers", hint="export it again")
    heard = resample(samples, sample_rate, MEL.sample_rate) if len(samples) else samples
    return UtteranceAnalysis(heard, Spectra.of(heard, MEL.sample_rate), text)


def compare_utterances(
    reference: Floats, made: Floats, text: str, reference_rate: int, made_rate: int, is_copy: bool = False
) -> Figures:
    """Compare an utterance with a recording of the same text. See `compare`.

    Args:
        reference: samples of the recording (samples,).
        made: samples of the utterance (samples,).
        text: English text of both; empty leaves durations out.
        reference_rate: sample rate of the recording in Hertz.
        made_rate: sample rate of the utterance in Hertz.
        is_copy: the utterance has the timing of the recording, as copies by a vocoder have.

    Raises:
        AudioError: if either holds samples that are not finite numbers, or the F0 tracker is not installed.
        InputError: if the extra `eval` is not installed.
    """
    return compare(analyse(reference, reference_rate, text), analyse(made, made_rate, text), is_copy)


def describe_utterance(audio: Floats, sample_rate: int, text: str) -> Figures:
    """Measure an utterance without a reference. See `describe` for the values and `analyse` for arguments and errors."""
    return describe(analyse(audio, sample_rate, text))


def compare(reference: UtteranceAnalysis, made: UtteranceAnalysis, is_copy: bool = False) -> Figures:
    """Compare an utterance with a recording of the same text: prosody, cepstra, and for a copy the signal too.

    Args:
        reference: analysis of the recording.
        made: analysis of the utterance.
        is_copy: the utterance has the timing of the recording: it is compared frame by frame, too, and by PESQ and STOI.

    Returns:
        Values by name, see `definitions.MEASURES`. All are missing if the recording has no speech.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    signal = signal_errors(reference, made) if is_copy else {}
    return {**prosodic_errors(reference, made, is_copy), **signal}


def prosodic_errors(reference: UtteranceAnalysis, made: UtteranceAnalysis, is_copy: bool = False) -> Figures:
    """Compare F0, voicing, energy, cepstra and durations of an utterance with those of a recording of the same text.

    Names that end with `_dtw` compare frames paired by dynamic time warping; their values are means over the pairs, and missing
    above `LONGEST_WARPED_S`. Names that end with `_in_step` compare frame t with frame t.

    Args:
        reference: analysis of the recording.
        made: analysis of the utterance.
        is_copy: compare in step, too; left out where the durations differ by more than `LARGEST_DELAY_S`.

    Returns:
        Values by name, see `definitions.MEASURES`; undefined ones are missing, all of them without speech in the recording.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    if not reference.spectra.is_speech.any() or not len(made.audio):
        return {}
    found: Figures = {}
    if max(len(reference.audio), len(made.audio)) <= LONGEST_WARPED_S * MEL.sample_rate:
        found |= _named("dtw", _errors(reference, made, paired_frames(reference.spectra, made.spectra, align=True)))
    if is_copy and _agree(reference, made):
        found |= _named("in_step", _errors(reference, made, paired_frames(reference.spectra, made.spectra, align=False)))
    if _phones(reference) == _phones(made) and reference.aligned and made.aligned:
        durations = compare_durations(reference.aligned, made.aligned)
        found |= {"duration_correlation": durations.correlation, "duration_error_ms": durations.error_ms}
    return _defined(found)


def signal_errors(reference: UtteranceAnalysis, made: UtteranceAnalysis) -> Figures:
    """Compare the signal of a copy with its recording by PESQ, STOI and log-spectral distance; the longer is cropped.

    Returns:
        Values by name, see `definitions.MEASURES`. An undefined value is missing: PESQ below 0.25 s or without speech, STOI below
        0.4 s of speech, all if the durations differ by more than `LARGEST_DELAY_S`.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    if not reference.spectra.is_speech.any() or not _agree(reference, made) or not len(made.audio):
        return {}
    return _defined(asdict(score(reference.audio, made.audio, MEL)))


def describe(analysis: UtteranceAnalysis) -> Figures:
    """Measure F0, energy, pauses and rate of an utterance, without a reference.

    Returns:
        Values by name, see `definitions.MEASURES`; undefined ones are missing, all of them without speech.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    spectra = analysis.spectra
    if not spectra.is_speech.any():
        return {}
    melody = np.log(spectra.f0_hz[spectra.voiced].astype(np.float64))
    level = analysis.energy[spectra.is_speech]
    found = {
        "f0_mean_hz": float(np.exp(melody.mean())) if len(melody) else float("nan"),
        "f0_deviation_semitones": _SEMITONES * float(melody.std()) if len(melody) else float("nan"),
        "f0_range_semitones": _SEMITONES * spread(melody),
        "voiced_share": float(spectra.voiced.sum() / spectra.is_speech.sum()),
        "energy_range_db": _DECIBELS * spread(level),
        **asdict(rhythm(analysis.audio, MEL.sample_rate, analysis.stretches, analysis.num_syllables)),
    }
    return _defined(found)


def _errors(reference: UtteranceAnalysis, made: UtteranceAnalysis, pairs: FramePairs) -> Figures:
    theirs, ours = pairs
    pitch = compare_pitch(reference.spectra.f0_hz[theirs], made.spectra.f0_hz[ours])
    speech = reference.spectra.is_speech[theirs]
    return {
        "mcd": mel_cepstral_distortion(reference.spectra, made.spectra, pairs),
        "f0_rmse_semitones": pitch.rmse_semitones,
        "f0_rmse_hz": pitch.rmse_hz,
        "f0_correlation": pitch.correlation,
        "gross_pitch_error": pitch.gross_pitch_error,
        "voicing_error": pitch.voicing_error,
        "f0_frame_error": pitch.f0_frame_error,
        "energy_correlation": correlation(reference.energy[theirs][speech], made.energy[ours][speech]),
    }


def _named(pairing: str, figures: Figures) -> Figures:
    return {f"{name}_{pairing}": value for name, value in figures.items()}


def _defined(figures: Figures) -> Figures:
    return {name: float(value) for name, value in figures.items() if np.isfinite(value)}


def _agree(reference: UtteranceAnalysis, made: UtteranceAnalysis) -> bool:
    return abs(len(reference.audio) - len(made.audio)) <= LARGEST_DELAY_S * MEL.sample_rate


def _phones(analysis: UtteranceAnalysis) -> tuple[str, ...]:
    return analysis.utterance.tokens if analysis.utterance else ()


@lru_cache(maxsize=1)
def _front_end() -> TextFrontEnd:
    return TextFrontEnd()
