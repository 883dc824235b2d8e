"""Systems under test, and what they say: voices, vocoders, peers, recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from tts_cli.audio.mel import Floats
from tts_cli.blocks.streamable import Fault
from tts_cli.corpora.layouts import Clip
from tts_cli.evaluation.measures.recognition import WordErrors
from tts_cli.evaluation.prompts import Prompt

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


Speak = Callable[[Prompt, int], Spoken | tuple[Floats, int]]
"""From a prompt and a noise seed to audio (samples,) and its rate in Hertz, at least."""


@dataclass(frozen=True)
class System:
    """Source of the utterances under test: a voice, a peer or the recordings."""

    name: str
    speak: Speak
    prompts: tuple[Prompt, ...]
    num_seeds: int = 1
    origin: Origin = "text"
    copy: Callable[[Clip], Spoken] | None = None
    """Copy-synthesis by the vocoder of the system, where it has one, for pictures."""


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
        seeds = {"seeds": list(self.seeds)} if len(self.seeds) > 1 else {}
        return {**self.prompt.describe(), **self.figures, **seeds, **words, **faults}
