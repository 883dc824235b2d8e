"""Systems under test, and their utterances: voices, copies through vocoders, peers, recordings."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from tts_cli.addon.config import ADDON_FILE
from tts_cli.addon.library import file_hash
from tts_cli.audio.mel import Floats
from tts_cli.blocks.streamable import Fault, Stream, StreamableBlock, TensorQueue
from tts_cli.corpora.layouts import Clip
from tts_cli.evaluation.prompts import Prompt, Reference
from tts_cli.ports import Tensors
from tts_cli.selection.choosing import choosing
from tts_cli.voice.bench import first_audio
from tts_cli.voice.synthesis import SpeechInput, Voice, load

Origin = Literal["text", "copy", "recording"]
"""Origin of an utterance: synthesis from text, a recording through a vocoder, or the recording itself."""
RECORDINGS = "recordings"
"""Name of the system that plays the prompts' recordings."""


class SystemOutput(NamedTuple):
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


Speak = Callable[[Prompt, int], SystemOutput | tuple[Floats, int]]
"""From a prompt and a noise seed to audio (samples,) and its rate in Hertz, at least."""


@dataclass(frozen=True)
class System:
    """Source of the utterances under test: a voice, a peer or the recordings."""

    name: str
    speak: Speak
    prompts: tuple[Prompt, ...]
    num_seeds: int = 1
    origin: Origin = "text"
    copy: Callable[[Clip], SystemOutput] | None = None
    """Copy-synthesis by the vocoder of the system, where it has one, for pictures."""


@dataclass(frozen=True)
class VoiceFiles:
    """Folders of a voice, for a worker process to open."""

    acoustic: Path
    vocoder: Path | None
    selector: tuple[tuple[str, Any], ...] = ()
    """Options of its selecting block that overrule those of its stack."""

    @classmethod
    def of(cls, voice: Voice) -> VoiceFiles:
        """Return those that `voice` was opened from."""
        return cls(voice.acoustic.folder, voice.vocoder.folder if voice.vocoder else None)

    def open(self) -> Voice:
        """Return the voice, each network on one thread. It is opened once a process."""
        return _opened(self)

    @property
    def hashes(self) -> tuple[str, ...]:
        """SHA-256 of the addons' descriptions, which hold those of all other files."""
        return tuple(_hash_of(folder / ADDON_FILE) for folder in (self.acoustic, self.vocoder) if folder)


_hash_of = lru_cache(maxsize=None)(file_hash)


@lru_cache(maxsize=2)
def _opened(files: VoiceFiles) -> Voice:
    edit = choosing(files.acoustic, **dict(files.selector))
    return load(files.acoustic, files.vocoder, threads=1, edit_stack=edit)


def say(voice: Voice, text: SpeechInput, speaker: str | None = None, seed: int = 0) -> SystemOutput:
    """Speak `text` to its end, in spite of faults. Raises what `Voice.stream` raises, RefusedError excepted."""
    start, cpu_start = time.perf_counter(), time.process_time()
    chunks, arrivals = [], []
    for chunk in voice.stream(text, speaker=speaker, seed=seed, best_effort=True):
        arrivals.append(time.perf_counter() - start)
        chunks.append(chunk)
    cpu_s = time.process_time() - cpu_start
    sounding = [(chunk.samples, arrival) for chunk, arrival in zip(chunks, arrivals, strict=True) if len(chunk.samples)]
    samples, arrivals = map(list, zip(*sounding, strict=True))
    faults = tuple(fault for chunk in chunks for fault in chunk.faults)
    return SystemOutput(np.concatenate(samples), chunks[0].sample_rate, faults, cpu_s, first_audio(samples, arrivals))


def copy_with(
    stack: StreamableBlock, harmonic: StreamableBlock | None = None, true_pitch: bool = False
) -> Callable[[Reference], SystemOutput]:
    """Return copy-synthesis through the `stack` of a vocoder addon: from the mel alone, or with the recording's own F0.

    `harmonic` is the stack that gives the harmonic part alone.
    """

    def render(reference: Reference) -> SystemOutput:
        ports = {"mel": reference.mel}
        if true_pitch:
            ports["log_f0"], ports["voicing"] = reference.pitch
        given = {name: values[None] for name, values in ports.items()}
        rate = reference.mel_config.sample_rate
        part = _streamed(harmonic, given, rate) if harmonic else None
        return SystemOutput(_streamed(stack, given, rate), rate, harmonic=part)

    return render


def _streamed(stack: StreamableBlock, ports: Tensors, chunk_samples: int) -> Floats:
    """The audio (samples,) that `stack` makes of `ports` (1, T, C)."""
    stream = stack.open({}, ArrayStream(ports))
    chunks = iter(lambda: stream.read(chunk_samples), None)
    return np.concatenate([next(iter(chunk.values()))[0, :, 0] for chunk in chunks])


class ArrayStream(Stream):
    """A stream of known `tensors` (1, T, C) of one rate."""

    def __init__(self, tensors: Tensors) -> None:
        super().__init__({})
        self._remaining = TensorQueue()
        self._remaining.push(tensors)

    def _produce(self, n: int) -> Tensors | None:
        return self._remaining.take(n) if len(self._remaining) else None
