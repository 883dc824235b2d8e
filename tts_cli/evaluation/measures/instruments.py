"""Measurement of the utterances of systems: word errors, naturalness, speaker identity, spectra, prosody and signal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.audio.files import read_audio, read_native, resample
from tts_cli.audio.mel import Floats
from tts_cli.blocks.streamable import Fault
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import AudioError
from tts_cli.evaluation.engine import check_parts, run
from tts_cli.evaluation.measures.cepstra import compare_with_recording
from tts_cli.evaluation.measures.comparison import Figures, UtteranceAnalysis, analyse, describe, prosodic_errors
from tts_cli.evaluation.measures.harmonics import harmonic_level
from tts_cli.evaluation.measures.identity import OwnVoices
from tts_cli.evaluation.measures.naturalness import naturalness
from tts_cli.evaluation.measures.recognition import Recogniser, WordErrors
from tts_cli.evaluation.measures.signal import score
from tts_cli.evaluation.measures.spectra import MEL, Spectra, textures
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.systems import Origin, System, SystemOutput

PARTS = ("wer", "naturalness", "identity", "spectra")
"""Measures taken by default; `wer` takes seconds per utterance, the others less."""
OPTIONAL_PARTS = ("prosody", "signal")
"""Further measures to choose from: F0, energy, durations, pauses and rate; PESQ, STOI and spectral distances of copies."""

_SEED_STEP = 1000
"""Difference of two noise seeds. Sentence i of a text adds i to the seed, so seeds of two runs must lie far apart."""


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
    def of(cls, parts: Collection[str], corpora: Path | None) -> Instruments:
        """Return the instruments of the chosen parts.

        Args:
            parts: names among `PARTS` and `OPTIONAL_PARTS`.
            corpora: folder of the corpora, for the speakers' own recordings; None leaves out identity.

        Raises:
            InputError: for an unknown part, or if the extra `eval` is not installed.
        """
        check_parts(parts, PARTS + OPTIONAL_PARTS, "speech")
        return cls(
            Recogniser() if "wer" in parts else None,
            naturalness if "naturalness" in parts else None,
            OwnVoices(corpora) if "identity" in parts and corpora else None,
            "spectra" in parts,
            "signal" in parts,
            "prosody" in parts,
        )

    def word_errors(self, prompt: Prompt, spoken: SystemOutput) -> WordErrors | None:
        """Return the word errors of an utterance of `prompt`; None without a recogniser."""
        return self.recogniser.word_errors(prompt.text, spoken.samples, spoken.sample_rate) if self.recogniser else None

    def figures(self, prompt: Prompt, spoken: SystemOutput, origin: Origin) -> Figures:
        """Measure an utterance of `prompt` with every instrument except the recogniser.

        Args:
            origin: decides the comparison with the recording: frame by frame for a `copy`, aligned for `text`, none for a
                `recording`.

        Returns:
            Values by name of the measure, without undefined ones.

        Raises:
            AudioError: if naturalness is measured and the utterance is silent, PESQ cannot compare a copy, or spectra or prosody
                are measured and samples are not finite numbers.
        """
        found: Figures = {}
        if self.predict:
            found["naturalness"] = self._predicted(prompt, spoken)
        if self.voices:
            found["cosine"] = self.voices.cosine(prompt.speaker, spoken.samples, spoken.sample_rate, prompt.recording)
        if self.has_signal and origin == "copy" and prompt.recording:
            reference = read_audio(prompt.recording.audio, MEL.sample_rate)
            found |= asdict(score(reference, resample(spoken.samples, spoken.sample_rate, MEL.sample_rate), MEL))
        if self.has_spectra or self.has_prosody:
            made = analyse(spoken.samples, spoken.sample_rate, prompt.text)
            recording = self._recorded(prompt.recording) if prompt.recording and origin != "recording" else None
            if self.has_spectra:
                found |= _spectral(made.spectra, recording.spectra if recording else None, spoken, origin)
            if self.has_prosody:
                found |= describe(made) | (prosodic_errors(recording, made, origin == "copy") if recording else {})
        return {name: value for name, value in found.items() if np.isfinite(value)}

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


def measure_system(system: System, instruments: Instruments) -> list[PromptFigures]:
    """Speak and measure every prompt of `system` with all its noise seeds.

    Returns:
        Measures of each prompt, in the order of `system.prompts`.

    Raises:
        AudioError: if an utterance is silent.
        InputError: if the extra `eval` is not installed.
    """
    tasks = [_Utterances(system, prompt, instruments) for prompt in system.prompts]
    found = run(tasks, system.name).found
    return [found[task]["figures"] for task in tasks]


@dataclass(frozen=True, eq=False)
class _Utterances:
    """Task of one prompt, spoken by a system with all its noise seeds. See `engine.Task`."""

    system: System
    prompt: Prompt
    instruments: Instruments
    measures = ("figures",)

    @property
    def label(self) -> str:
        return f"{self.system.name}: {self.prompt.text}"

    def key(self, measure: str) -> str:
        return f"{measure}|{self.system.name}|{self.prompt}"

    def measure(self, _: tuple[str, ...]) -> dict[str, PromptFigures]:
        first, *others = seeds_of(self.system, self.prompt)
        words = self.instruments.word_errors(self.prompt, first)
        figures = (_figures(self.system, self.prompt, one, self.instruments) for one in (first, *others))
        return {"figures": PromptFigures(self.prompt, tuple(figures), words, first.faults)}


def seeds_of(system: System, prompt: Prompt) -> Iterator[SystemOutput]:
    """Speak `prompt` once with each noise seed of `system`, and yield the utterances."""
    for seed in range(system.num_seeds):
        yield SystemOutput(*system.speak(prompt, seed * _SEED_STEP))


def _figures(system: System, prompt: Prompt, spoken: SystemOutput, instruments: Instruments) -> Figures:
    figures = instruments.figures(prompt, spoken, system.origin)
    return {**figures, "cpu": spoken.cpu_s / spoken.audio_s} if np.isfinite(spoken.cpu_s) else figures
