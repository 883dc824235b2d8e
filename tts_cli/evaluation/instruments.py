"""Instruments that measure one utterance: words, naturalness, identity, spectra."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from tts_cli.audio.files import read_native
from tts_cli.audio.mel import Floats
from tts_cli.blocks.streamable import Fault
from tts_cli.config import suggest
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import AudioError, InputError
from tts_cli.evaluation.cepstra import compare_with_recording
from tts_cli.evaluation.harmonics import harmonic_share
from tts_cli.evaluation.identity import OwnVoices
from tts_cli.evaluation.naturalness import naturalness
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.recognition import Recogniser, WordErrors
from tts_cli.evaluation.spectra import Spectra, textures

PARTS = ("wer", "naturalness", "identity", "spectra")
"""Measures that can be asked for; the first takes seconds an utterance."""
Origin = Literal["text", "copy", "recording"]
"""Origin of an utterance: synthesis from text, a recording through a vocoder, or the recording itself."""
Figures = dict[str, float]
"""Measured values by name; an undefined one is missing."""
RECORDINGS = "recordings"
"""Name of the system that plays the prompts' recordings."""


class Spoken(NamedTuple):
    """An utterance, and its cost; of a recording there is only the audio."""

    samples: Floats
    """(samples,)"""
    sample_rate: int
    """In Hertz."""
    faults: tuple[Fault, ...] | None = None
    """Faults that blocks noticed; None where nobody looked."""
    cpu_s: float = float("nan")
    first_audio_s: float = float("nan")
    """From the call with text until the chunk with the first speech sample arrived."""
    harmonic: Floats | None = None
    """(samples,) The same utterance without the noise of its vocoder; None where that is not known."""

    @property
    def audio_s(self) -> float:
        """Duration in seconds."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True, eq=False)
class Measured:
    """A prompt as one system spoke it."""

    prompt: Prompt
    seeds: tuple[Figures, ...]
    """Figures of each noise seed."""
    words: WordErrors | None = None
    """Of the first seed."""
    faults: tuple[Fault, ...] | None = None
    """Of the first seed; None where nobody looked."""

    @property
    def figures(self) -> Figures:
        """Means over the seeds in which a figure is defined."""
        names = dict.fromkeys(name for seed in self.seeds for name in seed)
        return {name: float(np.mean([seed[name] for seed in self.seeds if name in seed])) for name in names}

    def as_dict(self) -> dict[str, Any]:
        """The details for `--json`."""
        words = {} if self.words is None else {"wer": asdict(self.words)}
        faults = {} if self.faults is None else {"faults": [asdict(fault) for fault in self.faults]}
        return {**self.prompt.describe(), **self.figures, "seeds": list(self.seeds), **words, **faults}


@dataclass(eq=False)
class Instruments:
    """Instruments of one evaluation; those that are None or False measure nothing."""

    recogniser: Recogniser | None = None
    predict: Callable[[Floats, int], float] | None = None
    """Predictor of naturalness, from audio (samples,) and its rate in Hertz."""
    voices: OwnVoices | None = None
    has_spectra: bool = False
    _recordings: dict[Clip, Spectra] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, parts: Collection[str], corpora: Path) -> Instruments:
        """Return the instruments of some `PARTS`.

        Raises:
            InputError: for another part, and where the evaluation extra is missing.
        """
        unknown = sorted(set(parts) - set(PARTS))
        if unknown:
            raise InputError(f"speech is not measured by '{unknown[0]}'", hint=suggest(unknown[0], list(PARTS)))
        return cls(
            Recogniser() if "wer" in parts else None,
            naturalness if "naturalness" in parts else None,
            OwnVoices(corpora) if "identity" in parts else None,
            "spectra" in parts,
        )

    def word_errors(self, prompt: Prompt, spoken: Spoken) -> WordErrors | None:
        """Return the word errors of an utterance; None without a recogniser."""
        return self.recogniser.word_errors(prompt.text, spoken.samples, spoken.sample_rate) if self.recogniser else None

    def figures(self, prompt: Prompt, spoken: Spoken, origin: Origin) -> Figures:
        """Measure an utterance of `prompt` by everything but words.

        Raises:
            AudioError: for silence, where naturalness is measured.
        """
        found: Figures = {}
        if self.predict:
            found["naturalness"] = self._predicted(prompt, spoken)
        if self.voices:
            found["cosine"] = self.voices.cosine(prompt.speaker, spoken.samples, spoken.sample_rate, prompt.recording)
        if self.has_spectra:
            found |= self._spectral(prompt, spoken, origin)
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def _predicted(self, prompt: Prompt, spoken: Spoken) -> float:
        assert self.predict
        try:
            return self.predict(spoken.samples, spoken.sample_rate)
        except AudioError as error:
            raise AudioError(f"'{prompt.text}', {prompt.speaker}: {error.message}", error.hint) from error

    def _spectral(self, prompt: Prompt, spoken: Spoken, origin: Origin) -> Figures:
        made = Spectra.of(spoken.samples, spoken.sample_rate)
        found = textures(made)
        recording = self._recorded(prompt.recording) if prompt.recording and origin != "recording" else None
        if recording:
            found |= asdict(compare_with_recording(recording, made, align=origin == "text"))
        if spoken.harmonic is not None:
            frames = (recording if recording and origin == "copy" else made).inner_unvoiced
            found["harmonic_share"] = harmonic_share(spoken.harmonic, spoken.samples, spoken.sample_rate, frames)
        return found

    def _recorded(self, clip: Clip) -> Spectra:
        """The spectra of a recording, analysed once."""
        if clip not in self._recordings:
            self._recordings[clip] = Spectra.of(*read_native(clip.audio))
        return self._recordings[clip]
