"""Many streams of one voice, and streams that are let go."""

from __future__ import annotations

import gc
import json
import threading
import tracemalloc
import weakref
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counting import ATTENTION, NUM_THREADS, ROOT, TEXT, TINY, VOCODER, Audio, Log, counted, joined

from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.streamable import Fault, Stream, StreamableBlock
from tts_cli.errors import RefusedError
from tts_cli.ports import Tensors
from tts_cli.transfer.listening import speaker_encoder
from tts_cli.transfer.source import Source
from tts_cli.voice.request import Controls
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import AudioChunk, Voice, load

SHIPPED = ROOT / "addons/arctic-16k"
NUM_STREAMS = 50


@pytest.fixture(name="log")
def _log(monkeypatch: pytest.MonkeyPatch) -> Log:
    return counted(monkeypatch)


# Whoever stops pulling stops all work.


@pytest.mark.parametrize("num_chunks", [0, 1, 2, 4])
def test_no_network_runs_beyond_the_chunks_that_were_pulled(log: Log, num_chunks: int) -> None:
    chunks = load(TINY).stream(TEXT)
    for _ in islice(chunks, num_chunks):
        pass
    opened = min(num_chunks, 1)
    expected = Counter(text_encoder=opened, prosody_encoder=opened, decoder=num_chunks, vocoder=num_chunks)
    assert log.runs == expected
    chunks.close()
    assert next(chunks, None) is None
    assert log.runs == expected


def test_nothing_past_the_current_sentence_is_worked_on(log: Log) -> None:
    asked: list[int] = []

    def sentences() -> Iterator[str]:
        for index in range(4):
            asked.append(index)
            yield "The boats came home."

    for chunk in load(TINY).stream(sentences()):
        if chunk.sentence:
            current = len(asked)
        assert len(asked) in (current, current + (not chunk.samples.any()))
        assert log.runs["text_encoder"] == current
    assert asked == [0, 1, 2, 3]


def close(chunks: Generator[AudioChunk]) -> None:
    chunks.close()


def raise_in_the_consumer(chunks: Generator[AudioChunk]) -> None:
    with suppress(ZeroDivisionError):
        for _ in chunks:
            raise ZeroDivisionError
    del chunks


def let_go(chunks: Generator[AudioChunk]) -> None:
    del chunks


@pytest.mark.parametrize("best_effort", [True, False])
@pytest.mark.parametrize("stop", [close, raise_in_the_consumer, let_go])
def test_every_way_to_stop_ends_all_work_at_once(
    log: Log, stop: Callable[[Generator[AudioChunk]], None], best_effort: bool
) -> None:
    voice = load(TINY)
    streams = remembered_streams(voice)
    gc.disable()
    try:
        held = [voice.stream(TEXT, best_effort=best_effort)]
        next(held[0])
        runs = log.runs.copy()
        stop(held.pop())
        assert streams[0]() is None, "the stream is still there"
        num_pulled = int(stop is raise_in_the_consumer)
        assert log.runs - runs == Counter(decoder=num_pulled, vocoder=num_pulled)
    finally:
        gc.enable()


def interrupt() -> None:
    """Raise KeyboardInterrupt, as Python's handler of SIGINT does in the middle of the main thread's work."""
    raise KeyboardInterrupt


def test_ctrl_c_while_a_network_runs_ends_all_work(log: Log) -> None:
    voice = load(TINY)
    streams = remembered_streams(voice)
    chunks = voice.stream(TEXT)
    next(chunks)
    stream = streams[0]()
    assert stream is not None
    runs = log.runs.copy()
    log.on_run = interrupt
    with pytest.raises(KeyboardInterrupt):
        list(chunks)
    log.on_run = int
    assert next(chunks, None) is None
    assert log.runs - runs == Counter(decoder=1)
    assert stream.read(1) is None


def remembered_streams(voice: Voice) -> list[weakref.ref[Stream]]:
    """Fills up with the streams that the voice opens from now on."""
    opened: list[weakref.ref[Stream]] = []
    open_stack = voice.stack.open

    def remember(scope: Tensors, upstream: Stream | None) -> Stream:
        stream = open_stack(scope, upstream)
        opened.append(weakref.ref(stream))
        return stream

    voice.stack.open = remember  # type: ignore[method-assign]
    return opened


def test_streams_cancelled_midway_release_everything() -> None:
    voice, descriptors = load(TINY), Path("/proc/self/fd")

    def cancel(num_streams: int) -> None:
        for index in range(num_streams):
            chunks = voice.stream(TEXT, seed=index)
            for _ in islice(chunks, 1 + index % 3):
                pass
            chunks.close()

    def held() -> tuple[int, int, int, int]:
        gc.collect()
        files = len(list(descriptors.iterdir())) if descriptors.is_dir() else 0
        streams = sum(issubclass(type(thing), Stream) for thing in gc.get_objects())
        return tracemalloc.get_traced_memory()[0], files, threading.active_count(), streams

    tracemalloc.start()
    try:
        cancel(5)
        bytes_before, *rest_before = held()
        cancel(20)
        bytes_after, *rest_after = held()
    finally:
        tracemalloc.stop()
    assert rest_after == rest_before
    # One stream that were kept would hold some three times as many bytes.
    assert bytes_after - bytes_before < 200_000


def test_threads_of_encoders_end_with_their_voice(parallel: Path) -> None:
    before = threading.active_count()
    voice = load(TINY, stack=parallel)
    for _ in range(3):
        next(voice.stream(TEXT))
    assert threading.active_count() > before
    running = [thread for thread in threading.enumerate() if thread.name.startswith("encoder")]
    del voice
    gc.collect()
    for thread in running:
        thread.join(5)
    assert threading.active_count() == before


# Faults.


class Doubtful(StreamableBlock):
    """Passes audio on, and has a doubt: at once, or when there is no more."""

    at_once = False

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        return DoubtfulStream(scope, upstream, self.at_once)


class DoubtfulStream(Stream):
    def __init__(self, scope: Tensors, upstream: Stream | None, at_once: bool) -> None:
        super().__init__(scope, upstream)
        self._at_once = at_once

    def _produce(self, n: int) -> Tensors | None:
        chunk = self._read_upstream(n)
        if (self._at_once or chunk is None) and not self._faults:
            self._faults.append(Fault("truncation", "it ended too soon"))
        return chunk


def test_a_fault_found_at_the_very_end_reaches_the_consumer() -> None:
    voice = load(TINY)
    plain = joined(voice.stream(TEXT))
    voice.stack.blocks.append(Doubtful(BlockOptions({}, "the doubt"), voice.acoustic))
    chunks = list(voice.stream(TEXT, best_effort=True))
    assert [chunk.faults[0].message for chunk in chunks if chunk.faults] == ["it ended too soon"] * 2
    assert len(chunks[-1].samples) == 0
    np.testing.assert_array_equal(joined(iter(chunks)), plain)
    with pytest.raises(RefusedError, match="it ended too soon"):
        list(voice.stream(TEXT))


def test_speech_that_is_refused_ends_all_work_while_the_error_is_still_held() -> None:
    voice = load(TINY)
    doubtful = Doubtful(BlockOptions({}, "the doubt"), voice.acoustic)
    doubtful.at_once = True
    voice.stack.blocks.append(doubtful)
    streams = remembered_streams(voice)
    chunks = voice.stream(TEXT)
    with pytest.raises(RefusedError) as caught:
        next(chunks)
    stream = streams[0]()
    assert caught.value.message == "it ended too soon"
    assert stream is None or stream.read(1) is None


# Several streams at once.

PARALLEL = {
    "type": "StreamablePipeline",
    "sequence_block": {"type": "CustomizedEncoders"},
    "streamable_block": {"type": "StreamableStack", "stack": [{"type": "Upsampler"}, {"type": "Decoder"}]},
}
WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def requests(voice: Voice) -> list[dict[str, Any]]:
    """50 that differ in text, speaker and seed."""
    return [
        {
            "text": f"{WORDS[index % 10]}." if index % 2 else f"{WORDS[index % 10]}. {WORDS[index // 5]}.",
            "speaker": voice.speakers[index % len(voice.speakers)],
            "seed": index,
            "best_effort": True,
            "sentence_silence_s": 0.01,
        }
        for index in range(NUM_STREAMS)
    ]


@pytest.fixture(name="parallel", scope="module")
def _parallel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stack with encoders that run in threads of their own."""
    file = tmp_path_factory.mktemp("stacks") / "parallel.json"
    file.write_text(json.dumps({"stack": [PARALLEL]}))
    return file


@pytest.fixture(name="voices", scope="module")
def _voices(parallel: Path) -> dict[str, Voice]:
    return {
        "tiny": load(TINY),
        "attention": load(ATTENTION, vocoder=VOCODER),
        "fixed sizes": load(TINY, context="fixed-onnxruntime"),
        "parallel encoders": load(TINY, stack=parallel),
        "shipped": load(SHIPPED),
    }


@pytest.fixture(name="alone", scope="module")
def _alone(voices: dict[str, Voice]) -> dict[str, list[Audio]]:
    """Return the audio of each request when nothing else happens."""
    return {name: [joined(voice.stream(**asked)) for asked in requests(voice)] for name, voice in voices.items()}


@pytest.mark.parametrize("name", ["tiny", "attention", "fixed sizes", "parallel encoders", "shipped"])
def test_fifty_streams_in_eight_threads(voices: dict[str, Voice], alone: dict[str, list[Audio]], name: str) -> None:
    assert len({audio.tobytes() for audio in alone[name]}) == NUM_STREAMS
    voice, start = voices[name], threading.Barrier(NUM_THREADS)

    def speak(thread: int) -> dict[int, Audio]:
        """This thread's streams, all open at once and read in turn."""
        mine = list(enumerate(requests(voice)))[thread::NUM_THREADS]
        start.wait()
        return interleaved({index: voice.stream(**asked) for index, asked in mine})

    with ThreadPoolExecutor(NUM_THREADS) as pool:
        together = {index: audio for part in pool.map(speak, range(NUM_THREADS)) for index, audio in part.items()}
    assert len(together) == NUM_STREAMS
    for index, audio in enumerate(alone[name]):
        np.testing.assert_array_equal(together[index], audio)


@pytest.mark.parametrize("folder", [ROOT / "tests/addons/tiny-copycat", ROOT / "addons/copycat-16k"], ids=["tiny", "shipped"])
def test_recordings_are_heard_and_transferred_in_eight_threads(folder: Path) -> None:
    voice = load(folder, vocoder=VOCODER)
    encoder = speaker_encoder(voice.acoustic)

    def transfer(index: int) -> dict[str, Any]:
        """A recording with a length, a speaker and a mel of its own, and how it is to be spoken."""
        durations = (2, 3 + index, 5, 4, 6 + index % 3, 4)
        mel = np.random.default_rng(index).normal(-4, 2, (sum(durations), voice.acoustic.mel.num_bands)).astype(np.float32)
        vector = encoder.run({"source_mel": mel[None], "source_mask": np.ones((1, len(mel), 1), np.float32)})["source_speaker"]
        sentence = Sentence(tokens=("^", "HH", "AH0", "L", "OW1", "."), durations=durations)
        strength = (0.25, 0.5, 1.0)[index % 3]
        speaker = voice.speakers[index % len(voice.speakers)]
        return {
            "text": [Source(sentence, mel, vector[0, 0])],
            "controls": Controls(strength=strength),
            "speaker": speaker,
            "best_effort": True,
        }

    alone = [joined(voice.stream(**transfer(index))) for index in range(2 * NUM_THREADS)]
    assert len({audio.tobytes() for audio in alone}) == len(alone)
    start = threading.Barrier(NUM_THREADS)

    def speak(thread: int) -> dict[int, Audio]:
        start.wait()
        mine = range(thread, len(alone), NUM_THREADS)
        return interleaved({index: voice.stream(**transfer(index)) for index in mine})

    with ThreadPoolExecutor(NUM_THREADS) as pool:
        together = {index: audio for part in pool.map(speak, range(NUM_THREADS)) for index, audio in part.items()}
    for index, audio in enumerate(alone):
        np.testing.assert_array_equal(together[index], audio)


def interleaved(streams: dict[int, Generator[AudioChunk]]) -> dict[int, Audio]:
    """All that the streams give, read chunk by chunk in turn."""
    pieces: dict[int, list[Audio]] = {index: [] for index in streams}
    while streams:
        for index, chunks in list(streams.items()):
            chunk = next(chunks, None)
            if chunk is None:
                del streams[index]
            else:
                pieces[index].append(chunk.samples)
    return {index: np.concatenate(audio) for index, audio in pieces.items()}


def test_fifty_streams_read_in_turn_by_one_thread(voices: dict[str, Voice], alone: dict[str, list[Audio]]) -> None:
    voice = voices["tiny"]
    together = interleaved({index: voice.stream(**asked) for index, asked in enumerate(requests(voice))})
    for index, audio in enumerate(alone["tiny"]):
        np.testing.assert_array_equal(together[index], audio)


def test_streams_that_others_cancel_do_not_disturb(voices: dict[str, Voice], alone: dict[str, list[Audio]]) -> None:
    voice = voices["tiny"]

    def speak(index: int) -> Audio:
        for _ in range(2):
            cancelled = voice.stream(TEXT, seed=index)
            next(cancelled)
            cancelled.close()
        return joined(voice.stream(**requests(voice)[index]))

    with ThreadPoolExecutor(NUM_THREADS) as pool:
        for index, audio in enumerate(pool.map(speak, range(16))):
            np.testing.assert_array_equal(audio, alone["tiny"][index])
