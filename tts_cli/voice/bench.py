"""What a voice costs: time to first audio, CPU seconds per second of audio, memory, and where the time goes."""

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
"""Texts of about these lengths at an ordinary pace; the last is one sentence without punctuation."""
_AUDIBLE = 0.01
"""Speech begins where the waveform first reaches this share of its peak."""
_WHOLE = ChunkSchedule(first=10**7, maximum=10**7)
"""One chunk a sentence."""
_RUNS = 9
"""Of what is short; the median counts."""
_ENCODERS = ("Encoders", "CustomizedEncoders")
"""The block that runs encoders one after another, and the one that runs them at once."""


class TextCost(StrictModel):
    """What speaking one text took."""

    text: str
    audio_s: float
    """Seconds of audio, without pauses between sentences."""
    first_audio_ms: float
    """From the call with text until the chunk with the first speech sample arrived; median."""
    dry_ms: float
    """Longest time playback would have waited for a chunk once it had begun; median over the repeats."""
    cpu_s_per_audio_s: float


class BlockCost(StrictModel):
    """CPU time of the threads that ran one block, without that of the blocks it reads from, nor of threads of a network's own."""

    block: str
    path: str
    cpu_s_per_audio_s: float
    bookkeeping_s_per_audio_s: float
    """What of it is neither a network's run, nor signal processing, nor the work of the text front end."""


class OnePieceCost(StrictModel):
    """A text spoken naively, nothing being heard before all of it has been made, beside the same text streamed."""

    text: str
    first_audio_ms: float
    streamed_first_audio_ms: float
    times: float
    """How many times as soon streaming is heard."""


class EncodersCost(StrictModel):
    """The encoders, over the sentence with the most tokens; medians of wall time."""

    tokens: int
    in_turn_ms: float
    """`Encoders`."""
    at_once_ms: float
    """`CustomizedEncoders`."""


class VoiceCost(StrictModel):
    """What a voice costs."""

    addon: str
    vocoder: str | None
    texts: tuple[TextCost, ...]
    longest_to_shortest: float
    """Time to first audio of the longest text over that of the shortest."""
    one_piece: OnePieceCost
    latency: Latency
    """What the blocks say of how far they look ahead, and what they have to give before the first chunk is out."""
    encoders: EncodersCost | None
    """Of a voice with several encoders."""
    blocks: tuple[BlockCost, ...]
    """Over the longest text."""
    bookkeeping: float
    """Share of the CPU time of the longest text: all but networks, signal processing and the text front end."""
    peak_memory_mb: float
    """Of the whole process so far."""


def measure_voice(voice: Voice, speaker: str | None = None, texts: Mapping[str, str] = TEXTS, repeats: int = 3) -> VoiceCost:
    """Speaks `texts`, after one warm-up. For figures at one thread, load the voice with `threads=1`."""
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
    """Largest resident size of this process so far, in megabytes; not a number where the system does not tell."""
    if sys.platform == "win32":
        return float("nan")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _text_costs(voice: Voice, texts: Mapping[str, str], speaker: str | None, repeats: int) -> tuple[TextCost, ...]:
    """The texts take turns, so that what else the machine does meets them alike."""
    whole = {name: _whole_cost(voice, name, text, speaker, repeats) for name, text in texts.items()}
    starts: dict[str, list[float]] = {name: [] for name in texts}
    for _ in range(_RUNS):
        for name, text in texts.items():
            starts[name].append(_speak(voice, text, speaker, whole[name][1])[1][-1])
    return tuple(
        cost.model_copy(update={"first_audio_ms": 1000 * statistics.median(starts[name])}) for name, (cost, _) in whole.items()
    )


def _whole_cost(voice: Voice, name: str, text: str, speaker: str | None, repeats: int) -> tuple[TextCost, int]:
    """The cost of the whole text, and how many chunks are needed for the first speech sample to arrive."""
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
    """The first `num_chunks` chunks, or all, and the seconds after the call at which each arrived."""
    chunks, arrivals = [], []
    start = time.perf_counter()
    with closing(voice.stream(text, speaker, sentence_silence_s=0.0)) as stream:
        for chunk in islice(stream, num_chunks):
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


def _one_piece_cost(voice: Voice, name: str, text: str, speaker: str | None) -> OnePieceCost:
    """Both ways in turn."""
    naive = voice.variant(schedule=_WHOLE)
    chunks, arrivals = _speak(voice, text, speaker)
    num_chunks = arrivals.index(first_audio(chunks, arrivals)) + 1
    pairs = [(_speak(naive, text, speaker)[1][-1], _speak(voice, text, speaker, num_chunks)[1][-1]) for _ in range(_RUNS)]
    whole_s, streamed_s = (statistics.median(times) for times in zip(*pairs, strict=True))
    return OnePieceCost(
        text=name, first_audio_ms=1000 * whole_s, streamed_first_audio_ms=1000 * streamed_s, times=whole_s / streamed_s
    )


def _encoders_cost(voice: Voice, texts: Iterable[str], speaker: str | None) -> EncodersCost | None:
    """Opens the sentence with the most tokens with either block, in turn."""
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
    """Return the JSON of a stack with another block for its encoders."""
    if isinstance(value, list | tuple):
        return tuple(_renamed(item, name) for item in value)
    if not isinstance(value, dict):
        return value
    changed = {key: _renamed(item, name) for key, item in value.items()}
    return {**changed, "type": name} if value.get("type") in _ENCODERS else changed


class _Spent:
    """CPU seconds by block: in all, and those of them that were spent neither in networks, nor on signals, nor on text."""

    def __init__(self) -> None:
        self.all: defaultdict[str, float] = defaultdict(float)
        self.bookkeeping: defaultdict[str, float] = defaultdict(float)
        self.names = {"text": "text front end"}
        """Types of blocks by their place."""
        self.observer = Observer(self._note)

    def _note(self, span: Span) -> None:
        place = span.place or span.name
        self.all[place] += span.cpu_s
        if span.work in ("run", "open", "read"):
            self.names[place] = span.name
            self.bookkeeping[place] += span.cpu_s


def _block_costs(voice: Voice, text: str, speaker: str | None, repeats: int) -> tuple[tuple[BlockCost, ...], float]:
    """The blocks, and the share of bookkeeping in everything."""
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
