"""Systems under test (voices, vocoder copies, peers, recordings) and their utterances."""

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
from tts_cli.blocks.streamable import ArrayStream, Fault, StreamableBlock
from tts_cli.corpora.layouts import Clip
from tts_cli.evaluation.prompts import Prompt, Reference
from tts_cli.ports import Tensors
from tts_cli.selection.choosing import choosing
from tts_cli.voice.bench import first_audio
from tts_cli.voice.synthesis import SpeechInput, Voice, load

Origin = Literal["text", "copy", "recording"]
"""Origin of an utterance: `text` (synthesis), `copy` (copy-synthesis of a recording) or `recording`."""
RECORDINGS = "recordings"
"""Name of the system that plays the recordings of the prompts."""


class SystemOutput(NamedTuple):
    """Utterance of a system and its cost. A recording has audio only; its other fields keep their defaults."""

    samples: Floats
    """(samples,)"""
    sample_rate: int
    """Sample rate in Hertz."""
    faults: tuple[Fault, ...] | None = None
    """Faults that the voice's blocks reported; None for a system without such checks."""
    cpu_s: float = float("nan")
    """CPU time of the process, in seconds."""
    first_audio_s: float = float("nan")
    """Wall-clock seconds from the call with the text to the chunk with the first speech sample."""
    harmonic: Floats | None = None
    """Audio of the vocoder's harmonic source alone, shape (samples,); None for a vocoder without one."""

    @property
    def audio_s(self) -> float:
        """Duration in seconds."""
        return len(self.samples) / self.sample_rate


Speak = Callable[[Prompt, int], SystemOutput | tuple[Floats, int]]
"""Function from a prompt and a noise seed to an utterance, or to audio (samples,) and its sample rate in Hertz."""


@dataclass(frozen=True)
class System:
    """System under test: a voice, a vocoder, a peer or the recordings, with the prompts it speaks."""

    name: str
    speak: Speak
    prompts: tuple[Prompt, ...]
    num_seeds: int = 1
    """Number of times each prompt is spoken, each with another noise seed."""
    origin: Origin = "text"
    copy: Callable[[Clip], SystemOutput] | None = None
    """Copy-synthesis of a recording by the vocoder of the system, for pictures; None without a vocoder."""
    identity: Callable[[Prompt], object] | None = None
    """Function from a prompt to all that its audio depends on besides prompt and seed, such as the hashes of addons; JSON values.
    None: nothing is kept between runs."""


@dataclass(frozen=True)
class VoiceFiles:
    """Addon folders of a voice, which a worker process opens. Unlike a `Voice` it can be pickled."""

    acoustic: Path
    vocoder: Path | None
    selector: tuple[tuple[str, Any], ...] = ()
    """Options of the prosody selector that replace those in the addon's stack, as pairs of name and value."""
    threads: int | None = 1
    """CPU threads of each network; None leaves them to the context."""

    @classmethod
    def of(cls, voice: Voice) -> VoiceFiles:
        """Return the addon folders that `voice` was opened from."""
        return cls(voice.acoustic.folder, voice.vocoder.folder if voice.vocoder else None)

    def open(self) -> Voice:
        """Open the voice. Each process keeps the two voices it used last."""
        return _opened(self)

    @property
    def hashes(self) -> tuple[str, ...]:
        """SHA-256 of each addon's `addon.json`, which lists the SHA-256 of all other files."""
        return tuple(_hash_of(folder / ADDON_FILE) for folder in (self.acoustic, self.vocoder) if folder)


_hash_of = lru_cache(maxsize=None)(file_hash)


@lru_cache(maxsize=2)
def _opened(files: VoiceFiles) -> Voice:
    edit = choosing(files.acoustic, **dict(files.selector))
    return load(files.acoustic, files.vocoder, threads=files.threads, edit_stack=edit)


def say(voice: Voice, text: SpeechInput, speaker: str | None = None, seed: int = 0) -> SystemOutput:
    """Speak `text` to its end and time it. Faults are kept and do not stop the speech.

    Args:
        speaker: name of the speaker; None: the default speaker of the voice.
        seed: noise seed.

    Returns:
        The whole utterance with its faults, CPU time and time to first audio.

    Raises:
        InputError: if the voice lacks the speaker.
        TextError: if the text holds nothing to speak.
    """
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
    """Return a function that copies recordings through the `stack` of a vocoder addon (copy-synthesis).

    Args:
        stack: blocks of the vocoder addon.
        harmonic: stack of the same vocoder with its noise source silent; None leaves `SystemOutput.harmonic` empty.
        true_pitch: give the vocoder the recording's F0 and voicing too; otherwise it gets the mel spectrogram alone.
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
    """Return the audio (samples,) of `stack` for the inputs `ports`, shape (1, T, C) each, read in chunks of `chunk_samples`."""
    stream = stack.open({}, ArrayStream(ports))
    chunks = iter(lambda: stream.read(chunk_samples), None)
    return np.concatenate([next(iter(chunk.values()))[0, :, 0] for chunk in chunks])
