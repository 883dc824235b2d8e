"""What a voice costs: time to first audio, CPU seconds per second of audio, memory, and where the time goes."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.pipeline import StreamablePipeline
from tts_cli.blocks.sequence import SequenceBlock, SequenceBlockContainer
from tts_cli.blocks.streamable import Stream, StreamableBlock, StreamableStack
from tts_cli.config import StrictModel
from tts_cli.ports import Tensors
from tts_cli.synthesis import FrontEnd, Voice
from tts_cli.text import Utterance

_PASSAGE = (
    "The harbour was quiet when the first boats came in, and only a few gulls stood along the wall. "
    "A man in a grey coat counted the baskets, wrote the number in a small book, and nodded to the crew. "
    "Nobody spoke of the storm, although everyone had heard it in the night. "
    "By eight o'clock the square behind the church was full of people who wanted fish, bread and news. "
    "How many had come back? Nine of eleven, said the clerk, and the other two were seen near the island. "
    "At noon a thin sun broke through, the ropes began to dry, and children ran from one end of the pier to the other. "
    "An old woman sold apples from a cart that had lost one of its wheels. "
    "Later, when the tide had turned, two more sails appeared behind the lighthouse, and the bell was rung for a long time. "
    "That evening the whole village sat together, and the youngest of the sailors told them what he had seen."
)
TEXTS = {
    "2 s": "The first boats came in before eight.",
    "10 s": " ".join(_PASSAGE.split()[:30]) + ".",
    "60 s": _PASSAGE,
    "30 words": " ".join(word.strip(".,?") for word in _PASSAGE.split()[:30]),
}
"""Texts of about these lengths at an ordinary pace; the last is one sentence without punctuation."""
_AUDIBLE = 0.01
"""Speech begins where the waveform first reaches this share of its peak."""


class TextCost(StrictModel):
    """What speaking one text took."""

    text: str
    audio_s: float
    """Seconds of audio, without pauses between sentences."""
    first_audio_ms: float
    """From the call with text until the chunk with the first speech sample arrived; the median over the repeats."""
    dry_ms: float
    """Longest time playback would have waited for a chunk once it had begun."""
    cpu_s_per_audio_s: float


class BlockCost(StrictModel):
    """CPU time of one block, without that of the blocks it reads from."""

    block: str
    path: str
    cpu_s_per_audio_s: float


class VoiceCost(StrictModel):
    """What a voice costs."""

    addon: str
    vocoder: str | None
    texts: tuple[TextCost, ...]
    blocks: tuple[BlockCost, ...]
    """Over the longest text."""
    peak_memory_mb: float
    """Of the whole process so far."""


def measure_voice(voice: Voice, speaker: str | None = None, texts: Mapping[str, str] = TEXTS, repeats: int = 3) -> VoiceCost:
    """Speaks `texts`, after one warm-up. For figures at one thread, load the voice with `threads=1`."""
    _speak(voice, next(iter(texts.values())), speaker)
    costs = tuple(_text_cost(voice, name, text, speaker, repeats) for name, text in texts.items())
    blocks = _block_costs(voice, max(texts.values(), key=len), speaker)
    vocoder = voice.vocoder.name if voice.vocoder else None
    return VoiceCost(addon=voice.acoustic.name, vocoder=vocoder, texts=costs, blocks=blocks, peak_memory_mb=peak_memory_mb())


def peak_memory_mb() -> float:
    """Largest resident size of this process so far, in megabytes; not a number where the system does not tell."""
    if sys.platform == "win32":
        return float("nan")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _text_cost(voice: Voice, name: str, text: str, speaker: str | None, repeats: int) -> TextCost:
    start = time.process_time()
    runs = [_speak(voice, text, speaker) for _ in range(repeats)]
    cpu_s = (time.process_time() - start) / repeats
    chunks, arrivals = runs[0]
    audio_s = sum(map(len, chunks)) / voice.sample_rate
    return TextCost(
        text=name,
        audio_s=audio_s,
        first_audio_ms=1000 * statistics.median(first_audio(*run) for run in runs),
        dry_ms=1000 * _longest_wait(chunks, arrivals, voice.sample_rate),
        cpu_s_per_audio_s=cpu_s / audio_s,
    )


def _speak(voice: Voice, text: str, speaker: str | None) -> tuple[list[NDArray[np.float32]], list[float]]:
    """The chunks, and the seconds after the call at which each arrived."""
    chunks, arrivals = [], []
    start = time.perf_counter()
    for chunk in voice.stream(text, speaker, sentence_silence_s=0.0):
        arrivals.append(time.perf_counter() - start)
        chunks.append(chunk.samples)
    return chunks, arrivals


def first_audio(chunks: list[NDArray[np.float32]], arrivals: list[float]) -> float:
    """When the chunk arrived that holds the first speech sample, in the unit of `arrivals`; chunks (samples,)."""
    threshold = _AUDIBLE * max(float(np.abs(chunk).max()) for chunk in chunks)
    return next(arrival for chunk, arrival in zip(chunks, arrivals, strict=True) if np.abs(chunk).max() >= threshold)


def _longest_wait(chunks: list[NDArray[np.float32]], arrivals: list[float], sample_rate: int) -> float:
    """Seconds by which the latest chunk missed its turn, had playback begun with the arrival of the first one."""
    ends = np.cumsum([len(chunk) for chunk in chunks]) / sample_rate
    due = arrivals[0] + np.concatenate([[0.0], ends[:-1]])
    return float(np.max(np.array(arrivals) - due))


def _block_costs(voice: Voice, text: str, speaker: str | None) -> tuple[BlockCost, ...]:
    clock = Clock()
    timed = Voice(voice.acoustic, voice.vocoder, _TimedFrontEnd(voice.front_end, clock))
    _time_children(timed.stack, clock)
    audio_s = sum(len(chunk) for chunk in _speak(timed, text, speaker)[0]) / voice.sample_rate
    return tuple(
        BlockCost(block=block, path=path, cpu_s_per_audio_s=cpu_s / audio_s) for (block, path), cpu_s in clock.seconds.items()
    )


class Clock:
    """CPU seconds by name; what is measured inside a measurement is not counted twice."""

    def __init__(self) -> None:
        self.seconds: dict[tuple[str, str], float] = {}
        self._inside = [0.0]

    @contextmanager
    def measure(self, block: str, path: str) -> Iterator[None]:
        """Adds the time spent in the `with` statement."""
        start = time.process_time()
        self._inside.append(0.0)
        try:
            yield
        finally:
            elapsed = time.process_time() - start
            own = elapsed - self._inside.pop()
            self.seconds[block, path] = self.seconds.get((block, path), 0.0) + own
            self._inside[-1] += elapsed


def _time_children(block: StreamableBlock | SequenceBlock, clock: Clock) -> None:
    """Wraps every block inside `block` that does not itself consist of blocks."""
    if isinstance(block, StreamableStack):
        block.blocks = [_timed_streamable(inner, clock) for inner in block.blocks]
    elif isinstance(block, SequenceBlockContainer):
        block.blocks = [_timed_sequence(inner, clock) for inner in block.blocks]
    elif isinstance(block, StreamablePipeline):
        block.sequence_block = _timed_sequence(block.sequence_block, clock)
        block.streamable_block = _timed_streamable(block.streamable_block, clock)


def _timed_sequence(block: SequenceBlock, clock: Clock) -> SequenceBlock:
    _time_children(block, clock)
    return block if isinstance(block, SequenceBlockContainer) else _TimedSequence(block, clock)


def _timed_streamable(block: StreamableBlock, clock: Clock) -> StreamableBlock:
    _time_children(block, clock)
    return block if isinstance(block, StreamableStack | StreamablePipeline) else _TimedStreamable(block, clock)


class _TimedSequence(SequenceBlock):
    def __init__(self, block: SequenceBlock, clock: Clock) -> None:
        super().__init__(BlockOptions({}, block.path), block.addon)
        self._block, self._clock = block, clock

    def run(self, scope: Tensors) -> Tensors:
        with self._clock.measure(type(self._block).__name__, self.path):
            return self._block.run(scope)


class _TimedStreamable(StreamableBlock):
    def __init__(self, block: StreamableBlock, clock: Clock) -> None:
        super().__init__(BlockOptions({}, block.path), block.addon)
        self._block, self._clock = block, clock

    def open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        name = type(self._block).__name__
        with self._clock.measure(name, self.path):
            return _TimedStream(self._block.open(scope, upstream), self._clock, name, self.path)


class _TimedStream(Stream):
    def __init__(self, stream: Stream, clock: Clock, name: str, path: str) -> None:
        super().__init__({}, stream)
        self._clock, self._name, self._path = clock, name, path

    def produce(self, n: int) -> Tensors | None:
        with self._clock.measure(self._name, self._path):
            return self.pull(n)


class _TimedFrontEnd:
    def __init__(self, front_end: FrontEnd, clock: Clock) -> None:
        self._front_end, self._clock = front_end, clock

    def sentences(self, text: str, max_tokens: int) -> Iterable[Utterance]:
        """Those of the wrapped front end."""
        sentences = iter(self._front_end.sentences(text, max_tokens))
        while True:
            with self._clock.measure("text front end", "text"):
                sentence = next(sentences, None)
            if sentence is None:
                return
            yield sentence
