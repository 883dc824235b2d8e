"""Benchmark of a voice: time to first audio, CPU seconds per second of audio, memory, and CPU time by block."""

from __future__ import annotations

import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.addon.config import ChunkSchedule
from tts_cli.blocks.latency import Latency
from tts_cli.blocks.observe import Observer, Span
from tts_cli.config import StrictModel
from tts_cli.voice.synthesis import Voice

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
"""Texts by their approximate length at an ordinary pace; "30 words" is one sentence without punctuation."""
_AUDIBLE = 0.01
"""Share of the waveform's peak at which speech begins."""
_WHOLE = ChunkSchedule(first=10**7, maximum=10**7)
"""Schedule with one chunk for each sentence."""
_RUNS = 9
"""Repeats of short measurements; their median is reported."""
_ENCODERS = ("Encoders", "CustomizedEncoders")
"""Type of the block that runs encoders one after another, and of the block that runs them in parallel."""


class TextCost(StrictModel):
    """Cost of speaking one text."""

    text: str
    """Name of the text."""
    audio_s: float
    """Seconds of audio, without pauses between sentences."""
    first_audio_ms: float
    """Median time from the call with text until the chunk with the first speech sample arrives, in ms."""
    dry_ms: float
    """Longest wait for a chunk during playback, in ms: buffer underrun. 0 without a wait; median over the repeats."""
    cpu_s_per_audio_s: float
    """CPU seconds of the process per second of audio."""


class BlockCost(StrictModel):
    """CPU time of one block: that of the threads that call it, without the blocks it reads from.

    Threads that a network starts by itself are not counted.
    """

    block: str
    """Type of the block."""
    path: str
    """JSON path of the block."""
    cpu_s_per_audio_s: float
    """CPU seconds per second of audio."""
    bookkeeping_s_per_audio_s: float
    """CPU seconds per second of audio outside of networks, signal processing and the text front end."""


class OnePieceCost(StrictModel):
    """Time to first audio of one text without streaming (one chunk for each sentence), compared with streaming."""

    text: str
    """Name of the text."""
    first_audio_ms: float
    """Median of several runs without streaming, in ms."""
    streamed_first_audio_ms: float
    """Median of several runs with streaming, in ms."""
    times: float
    """Speed-up by streaming: `first_audio_ms` / `streamed_first_audio_ms`."""


class EncodersCost(StrictModel):
    """Median wall time to run all encoders once, in turn and in parallel, over the sentence with the most tokens."""

    tokens: int
    """Tokens of that sentence."""
    in_turn_ms: float
    """One encoder after another (block `Encoders`), in ms."""
    at_once_ms: float
    """Encoders in parallel (block `CustomizedEncoders`), in ms."""


class VoiceCost(StrictModel):
    """Time, memory and latency of one voice."""

    addon: str
    vocoder: str | None
    texts: tuple[TextCost, ...]
    longest_to_shortest: float
    """Time to first audio of the longest text, divided by that of the shortest."""
    one_piece: OnePieceCost
    latency: Latency
    """Declared look-ahead of each block, and steps needed for the first chunk."""
    encoders: EncodersCost | None
    """Cost of the encoders; None for a voice with fewer than two."""
    blocks: tuple[BlockCost, ...]
    """Cost of each block over the longest text."""
    bookkeeping: float
    """Share of the CPU time of the longest text outside of networks, signal processing and the text front end, 0 to 1."""
    peak_memory_mb: float
    """Largest resident size of the process so far, in megabytes."""


def measure_voice(voice: Voice, speaker: str | None = None, texts: Mapping[str, str] = TEXTS, repeats: int = 3) -> VoiceCost:
    """Measure a voice while it speaks `texts`, after one warm-up.

    Args:
        voice: Voice to measure; load it with `threads=1` for figures of one thread.
        speaker: Name of the speaker; None takes the default speaker.
        texts: Texts by name.
        repeats: Runs over each whole text, for CPU time and waits.
    """
    _speak(voice, next(iter(texts.values())), speaker)
    costs = _text_costs(voice, texts, speaker, repeats)
    by_length = sorted(costs, key=lambda cost: cost.audio_s)
    blocks, bookkeeping = _block_costs(voice, texts[by_length[-1].text], speaker, repeats)
    middle = "10 s" if "10 s" in texts else by_length[-1].text
    return VoiceCost(
        addon=voice.acoustic.name,
        vocoder=voice.vocoder.name if voice.vocoder else None,
        texts=costs,
        longest_to_shortest=by_length[-1].first_audio_ms / by_length[0].first_audio_ms,
        one_piece=_one_piece_cost(voice, middle, texts[middle], speaker),
        latency=voice.latency,
        encoders=_encoders_cost(voice, texts.values(), speaker),
        blocks=blocks,
        bookkeeping=bookkeeping,
        peak_memory_mb=peak_memory_mb(),
    )


def peak_memory_mb() -> float:
    """Return the largest resident size of this process so far, in megabytes; NaN on Windows."""
    if sys.platform == "win32":
        return float("nan")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _text_costs(voice: Voice, texts: Mapping[str, str], speaker: str | None, repeats: int) -> tuple[TextCost, ...]:
    """Return the cost of each text. The texts alternate, so that other load of the machine affects all of them alike."""
    whole = {name: _whole_cost(voice, name, text, speaker, repeats) for name, text in texts.items()}
    starts: dict[str, list[float]] = {name: [] for name in texts}
    for _ in range(_RUNS):
        for name, text in texts.items():
            starts[name].append(_speak(voice, text, speaker, whole[name][1])[1][-1])
    return tuple(
        cost.model_copy(update={"first_audio_ms": 1000 * statistics.median(starts[name])}) for name, (cost, _) in whole.items()
    )


def _whole_cost(voice: Voice, name: str, text: str, speaker: str | None, repeats: int) -> tuple[TextCost, int]:
    """Return the cost of a whole text, and the number of chunks until the first speech sample."""
    start = time.process_time()
    runs = [_speak(voice, text, speaker) for _ in range(repeats)]
    cpu_s = (time.process_time() - start) / repeats
    chunks, arrivals = runs[0]
    audio_s = sum(map(len, chunks)) / voice.sample_rate
    first_audio_s = first_audio(chunks, arrivals)
    cost = TextCost(
        text=name,
        audio_s=audio_s,
        first_audio_ms=1000 * first_audio_s,
        dry_ms=1000 * statistics.median(_longest_wait(*run, voice.sample_rate) for run in runs),
        cpu_s_per_audio_s=cpu_s / audio_s,
    )
    return cost, arrivals.index(first_audio_s) + 1


def _speak(
    voice: Voice, text: str, speaker: str | None, num_chunks: int | None = None
) -> tuple[list[NDArray[np.float32]], list[float]]:
    """Return the first `num_chunks` chunks (all for None), each (samples,), and their arrivals in seconds after the call."""
    chunks, arrivals = [], []
    start = time.perf_counter()
    with closing(voice.stream(text, speaker, sentence_silence_s=0.0)) as stream:
        for chunk in islice(stream, num_chunks):
            arrivals.append(time.perf_counter() - start)
            chunks.append(chunk.samples)
    return chunks, arrivals


def first_audio(chunks: list[NDArray[np.float32]], arrivals: list[float]) -> float:
    """Return the arrival of the chunk with the first speech sample.

    Speech begins where the waveform first reaches 1 % of its peak.

    Args:
        chunks: Chunks of audio, each of shape (samples,).
        arrivals: Time at which each chunk arrived, in any unit.
    """
    threshold = _AUDIBLE * max(float(np.abs(chunk).max()) for chunk in chunks)
    return next(arrival for chunk, arrival in zip(chunks, arrivals, strict=True) if np.abs(chunk).max() >= threshold)


def _longest_wait(chunks: list[NDArray[np.float32]], arrivals: list[float], sample_rate: int) -> float:
    """Return the longest wait for a chunk in seconds, had playback begun when the first chunk arrived."""
    ends = np.cumsum([len(chunk) for chunk in chunks]) / sample_rate
    due = arrivals[0] + np.concatenate([[0.0], ends[:-1]])
    return float(np.max(np.array(arrivals) - due))


def _one_piece_cost(voice: Voice, name: str, text: str, speaker: str | None) -> OnePieceCost:
    """Return the time to first audio with and without streaming; runs of both alternate."""
    naive = voice.variant(schedule=_WHOLE)
    chunks, arrivals = _speak(voice, text, speaker)
    num_chunks = arrivals.index(first_audio(chunks, arrivals)) + 1
    pairs = [(_speak(naive, text, speaker)[1][-1], _speak(voice, text, speaker, num_chunks)[1][-1]) for _ in range(_RUNS)]
    whole_s, streamed_s = (statistics.median(times) for times in zip(*pairs, strict=True))
    return OnePieceCost(
        text=name, first_audio_ms=1000 * whole_s, streamed_first_audio_ms=1000 * streamed_s, times=whole_s / streamed_s
    )


def _encoders_cost(voice: Voice, texts: Iterable[str], speaker: str | None) -> EncodersCost | None:
    """Return the wall time of the encoders over the longest sentence; None without two encoders that one block runs."""
    if len(voice.acoustic.networks("encoder")) < 2:
        return None
    sentence = max(voice.sentences(texts), key=lambda one: len(one.tokens))
    runs: dict[str, list[float]] = {name: [] for name in _ENCODERS}
    observer = Observer(lambda span: runs[span.name].append(span.wall_s) if span.name in runs else None)
    twins = [voice.variant(edit_stack=partial(_renamed, name=name), observer=observer) for name in _ENCODERS]
    for twin in twins * _RUNS:
        with closing(twin.stream([sentence], speaker)) as chunks:
            next(chunks)
    if not all(runs.values()):
        return None
    # The first run of each is a warm-up.
    in_turn, at_once = (1000 * statistics.median(runs[name][1:]) for name in _ENCODERS)
    return EncodersCost(tokens=len(sentence.tokens), in_turn_ms=in_turn, at_once_ms=at_once)


def _renamed(value: Any, name: str) -> Any:
    """Return the JSON of a stack in which the block that runs encoders has the type `name`."""
    if isinstance(value, list | tuple):
        return tuple(_renamed(item, name) for item in value)
    if not isinstance(value, dict):
        return value
    changed = {key: _renamed(item, name) for key, item in value.items()}
    return {**changed, "type": name} if value.get("type") in _ENCODERS else changed


class _Spent:
    """CPU seconds by place of a block: in total, and bookkeeping (outside of networks, signal processing and text)."""

    def __init__(self) -> None:
        self.all: defaultdict[str, float] = defaultdict(float)
        self.bookkeeping: defaultdict[str, float] = defaultdict(float)
        self.names = {"text": "text front end"}
        """Type of each block by its place."""
        self.observer = Observer(self._note)

    def _note(self, span: Span) -> None:
        place = span.place or span.name
        self.all[place] += span.cpu_s
        if span.work in ("run", "open", "read"):
            self.names[place] = span.name
            self.bookkeeping[place] += span.cpu_s


def _block_costs(voice: Voice, text: str, speaker: str | None, repeats: int) -> tuple[tuple[BlockCost, ...], float]:
    """Return the cost of each block, and the share of bookkeeping in the whole CPU time."""
    spent = _Spent()
    twin = voice.variant(observer=spent.observer)
    start_s, num_samples = time.process_time(), 0
    for _ in range(repeats):
        with spent.observer.span("read", "Voice", "the voice"):
            chunks, _ = _speak(twin, text, speaker)
        num_samples += sum(map(len, chunks))
    all_s, audio_s = time.process_time() - start_s, num_samples / voice.sample_rate
    costs = tuple(
        BlockCost(
            block=spent.names.get(place, "network"),
            path=place,
            cpu_s_per_audio_s=cpu_s / audio_s,
            bookkeeping_s_per_audio_s=spent.bookkeeping[place] / audio_s,
        )
        for place, cpu_s in spent.all.items()
    )
    return costs, sum(spent.bookkeeping.values()) / all_s
