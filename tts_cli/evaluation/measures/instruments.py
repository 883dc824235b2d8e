"""Measurement of the utterances of systems: word errors, naturalness, speaker identity, spectra, prosody and signal."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.audio.files import read_audio, read_native, resample
from tts_cli.audio.mel import Floats
from tts_cli.blocks.streamable import Fault
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import AudioError
from tts_cli.evaluation.engine import check_parts
from tts_cli.evaluation.measures.cepstra import compare_with_recording
from tts_cli.evaluation.measures.comparison import Figures, UtteranceAnalysis, analyse, describe, prosodic_errors
from tts_cli.evaluation.measures.harmonics import harmonic_level
from tts_cli.evaluation.measures.identity import OwnVoices
from tts_cli.evaluation.measures.naturalness import naturalness
from tts_cli.evaluation.measures.recognition import Recogniser, WordErrors
from tts_cli.evaluation.measures.signal import score
from tts_cli.evaluation.measures.spectra import MEL, Spectra, textures
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.systems import Origin, SystemOutput

PARTS = ("wer", "naturalness", "identity", "spectra")
"""Measures taken by default; `wer` takes seconds per utterance, the others less."""
OPTIONAL_PARTS = ("prosody", "signal")
"""Further measures to choose from: F0, energy, durations, pauses and rate; PESQ, STOI and spectral distances of copies."""
VERSIONS = {"wer": 2, "naturalness": 1, "identity": 1, "spectra": 1, "prosody": 1, "signal": 1}
"""Version of the measures of each part. Raise it if the same audio would get other values: kept results are measured again."""


@dataclass(frozen=True, eq=False)
class PromptFigures:
    """Measures of one prompt spoken by one system."""

    prompt: Prompt
    seeds: tuple[Figures, ...]
    """Measured values of each noise seed."""
    words: WordErrors | None = None
    """Word errors with the first noise seed; None if not measured."""
    faults: tuple[Fault, ...] | None = None
    """Faults that blocks reported with the first noise seed; None for a system without such checks."""

    @property
    def figures(self) -> Figures:
        """Mean of each measure over the noise seeds in which it is defined."""
        names = dict.fromkeys(name for seed in self.seeds for name in seed)
        return {name: float(np.mean([seed[name] for seed in self.seeds if name in seed])) for name in names}

    def as_dict(self) -> dict[str, Any]:
        """Return the prompt and its measures as JSON values, for `--json`."""
        words = {} if self.words is None else {"wer": asdict(self.words)}
        faults = {} if self.faults is None else {"faults": [asdict(fault) for fault in self.faults]}
        seeds = {"seeds": list(self.seeds)} if len(self.seeds) > 1 else {}
        return {**self.prompt.describe(), **self.figures, **seeds, **words, **faults}


@dataclass(eq=False)
class Instruments:
    """Set of measures of one evaluation. A measure that is None or False is not taken."""

    recogniser: Recogniser | None = None
    predict: Callable[[Floats, int], float] | None = None
    """Predictor of naturalness: function of audio (samples,) and its sample rate in Hertz."""
    voices: OwnVoices | None = None
    """Recordings of the speakers, for speaker similarity."""
    has_spectra: bool = False
    """Measure mel spectrograms: texture, errors against the recording, harmonic level."""
    has_signal: bool = False
    """Measure PESQ, STOI and spectral distances of copies against their recordings."""
    has_prosody: bool = False
    """Measure F0, energy, durations, pauses and rate, alone and against the recording; see `definitions.MEASURES`."""
    _recordings: dict[Clip, UtteranceAnalysis] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, parts: Collection[str], own: Path | OwnVoices | None) -> Instruments:
        """Return the instruments of the chosen parts.

        Args:
            parts: names among `PARTS` and `OPTIONAL_PARTS`.
            own: the speakers' own recordings, or the folder of the corpora that hold them; None leaves out identity.

        Raises:
            InputError: for an unknown part, or if the extra `eval` is not installed.
        """
        check_parts(parts, PARTS + OPTIONAL_PARTS, "speech")
        return cls(
            Recogniser() if "wer" in parts else None,
            naturalness if "naturalness" in parts else None,
            (OwnVoices(own) if isinstance(own, Path) else own) if "identity" in parts else None,
            "spectra" in parts,
            "signal" in parts,
            "prosody" in parts,
        )

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts that are measured."""
        taken = (self.recogniser, self.predict, self.voices, self.has_spectra, self.has_prosody, self.has_signal)
        return tuple(name for name, instrument in zip(PARTS + OPTIONAL_PARTS, taken, strict=True) if instrument)

    def word_errors(self, prompt: Prompt, spoken: SystemOutput) -> WordErrors | None:
        """Return the word errors of an utterance of `prompt`; None without a recogniser."""
        return self.recogniser.word_errors(prompt.text, spoken.samples, spoken.sample_rate) if self.recogniser else None

    def figures(self, prompt: Prompt, spoken: SystemOutput, origin: Origin) -> Figures:
        """Measure an utterance of `prompt` with every instrument except the recogniser. See `by_part`.

        Returns:
            Values by name of the measure, without undefined ones.
        """
        parts = [name for name in self.parts if name != "wer"]
        return {name: value for found in self.by_part(parts, prompt, spoken, origin).values() for name, value in found.items()}

    def by_part(self, parts: Collection[str], prompt: Prompt, spoken: SystemOutput, origin: Origin) -> dict[str, dict[str, Any]]:
        """Measure an utterance of `prompt`.

        Args:
            parts: names among `self.parts`.
            origin: decides the comparison with the recording: frame by frame for a `copy`, aligned for `text`, none for a
                `recording`.

        Returns:
            Values by name of the measure, without undefined ones, by part; for `wer` the fields of `WordErrors`. JSON values.

        Raises:
            AudioError: if naturalness is measured and the utterance is silent, or spectra or prosody are measured and samples
                are not finite numbers.
        """
        found: dict[str, dict[str, Any]] = {}
        if self.recogniser and "wer" in parts:
            found["wer"] = asdict(self.recogniser.word_errors(prompt.text, spoken.samples, spoken.sample_rate))
        if self.predict and "naturalness" in parts:
            found["naturalness"] = {"naturalness": self._predicted(prompt, spoken)}
        if self.voices and "identity" in parts:
            cosine = self.voices.cosine(prompt.speaker, spoken.samples, spoken.sample_rate, prompt.recording)
            found["identity"] = {"cosine": cosine}
        if self.has_signal and "signal" in parts:
            found["signal"] = _signal(prompt.recording, spoken) if prompt.recording and origin == "copy" else {}
        if not {"spectra", "prosody"}.isdisjoint(parts):
            found |= self._analysed(parts, prompt, spoken, origin)
        return {part: _defined(values) for part, values in found.items()}

    def _analysed(
        self, parts: Collection[str], prompt: Prompt, spoken: SystemOutput, origin: Origin
    ) -> dict[str, dict[str, Any]]:
        """Return the values of the parts that share one analysis: `spectra` and `prosody`."""
        made = analyse(spoken.samples, spoken.sample_rate, prompt.text)
        recording = self._recorded(prompt.recording) if prompt.recording and origin != "recording" else None
        found: dict[str, dict[str, Any]] = {}
        if "spectra" in parts:
            found["spectra"] = _spectral(made.spectra, recording.spectra if recording else None, spoken, origin)
        if "prosody" in parts:
            found["prosody"] = describe(made) | (prosodic_errors(recording, made, origin == "copy") if recording else {})
        return found

    def _predicted(self, prompt: Prompt, spoken: SystemOutput) -> float:
        assert self.predict
        try:
            return self.predict(spoken.samples, spoken.sample_rate)
        except AudioError as error:
            raise AudioError(f"'{prompt.text}', {prompt.speaker}: {error.message}", error.hint) from error

    def _recorded(self, clip: Clip) -> UtteranceAnalysis:
        """Return the analysis of a recording, made at first use."""
        if clip not in self._recordings:
            self._recordings[clip] = analyse(*read_native(clip.audio), clip.text)
        return self._recordings[clip]


def _spectral(made: Spectra, recording: Spectra | None, spoken: SystemOutput, origin: Origin) -> Figures:
    found = textures(made)
    if recording:
        found |= asdict(compare_with_recording(recording, made, align=origin == "text"))
    if spoken.harmonic is not None:
        frames = (recording if recording and origin == "copy" else made).inner_unvoiced
        found["harmonic_level"] = harmonic_level(spoken.harmonic, spoken.samples, spoken.sample_rate, frames)
    return found


def _signal(clip: Clip, spoken: SystemOutput) -> Figures:
    reference, made = read_audio(clip.audio, MEL.sample_rate), resample(spoken.samples, spoken.sample_rate, MEL.sample_rate)
    return asdict(score(reference, made, MEL))


def _defined(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not isinstance(value, float) or np.isfinite(value)}
