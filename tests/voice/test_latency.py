"""Latency arithmetic against measurements: frames that are really pulled, and inputs that really move the output."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from tts_cli.addon.config import ChunkSchedule
from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.features import request_wiring
from tts_cli.blocks.latency import first_chunk_latency
from tts_cli.blocks.pipeline import StreamablePipeline
from tts_cli.blocks.streamable import Stream, StreamableBlock, StreamableStack
from tts_cli.blocks.upsampler import Upsampler
from tts_cli.blocks.vocoder import SUBFRAMES, SourceFilter, Vocoder
from tts_cli.blocks.wiring import Wiring
from tts_cli.ports import Array, Tensors
from tts_cli.voice.request import Request
from tts_cli.voice.synthesis import Voice, load

ROOT = Path(__file__).parents[2]
TINY, SHIPPED = ROOT / "tests/addons/tiny-acoustic", ROOT / "addons/arctic-16k"
NUM_TOKENS, FRAMES_PER_TOKEN = 40, 12
NUM_FRAMES = NUM_TOKENS * FRAMES_PER_TOKEN
SCOPE = dict(Request(np.arange(14, 14 + NUM_TOKENS), given_durations=np.full(NUM_TOKENS, FRAMES_PER_TOKEN, np.float32)))
SCHEDULES = [{"first": 1}, {"first": 7, "growth": 2.0, "maximum": 30}, {"first": 64}, {"first": 200, "maximum": 200}]


class Spy(StreamableBlock):
    """Counts the steps that pass; from the step `disturbed_from` on, where given, it disturbs the port `text`."""

    def __init__(self, after: StreamableBlock) -> None:
        super().__init__(BlockOptions({}, "the spy"), after.addon)
        self.num_passed = 0
        self.disturbed_from: int | None = None

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        self.num_passed = 0
        return SpyStream(scope, upstream, self)


class SpyStream(Stream):
    def __init__(self, scope: Tensors, upstream: Stream | None, spy: Spy) -> None:
        super().__init__(scope, upstream)
        self._spy = spy

    def _produce(self, n: int) -> Tensors | None:
        chunk = self._read_upstream(n)
        if chunk is None:
            return None
        text = chunk["text"]
        places = self._spy.num_passed + np.arange(text.shape[1])
        self._spy.num_passed += len(places)
        if self._spy.disturbed_from is None:
            return chunk
        noise = np.random.default_rng(1).normal(size=text.shape).astype(np.float32)
        return {**chunk, "text": np.where((places >= self._spy.disturbed_from)[:, None], text + noise, text)}


def spied(voice: Voice) -> Spy:
    """A spy between the source of frames and the decoder."""
    for stack in _stacks(voice.stack):
        for place, block in enumerate(stack.blocks):
            if isinstance(block, Upsampler):
                spy = Spy(block)
                stack.blocks.insert(place + 1, spy)
                return spy
    raise AssertionError


def _stacks(block: StreamableBlock) -> Iterator[StreamableStack]:
    if isinstance(block, StreamablePipeline):
        yield from _stacks(block.streamable_block)
    if isinstance(block, StreamableStack):
        yield block
        for inner in block.blocks:
            yield from _stacks(inner)


VOICES = {"tiny": (TINY, "default"), "tiny-fixed": (TINY, "fixed-onnxruntime"), "shipped": (SHIPPED, "default")}


@pytest.fixture(name="voice", params=VOICES.values(), ids=VOICES.keys())
def _voice(request: pytest.FixtureRequest) -> Voice:
    folder, context = request.param
    return load(folder, context=context)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: f"first {schedule['first']}")
def test_exactly_the_predicted_frames_are_pulled(voice: Voice, schedule: dict[str, float]) -> None:
    chunks = ChunkSchedule.model_validate(schedule)
    voice = voice.variant(schedule=chunks)
    hop = voice.acoustic.mel.hop_samples
    spy = spied(voice)
    stream = voice.stack.open(SCOPE, None)
    num_samples = 0
    for index, size in enumerate(islice(chunks.sizes(), 8)):
        num_samples += size * hop
        predicted = first_chunk_latency(voice.stack, num_samples).num_read
        assert stream.read(size * hop) is not None
        assert spy.num_passed == min(predicted, NUM_FRAMES)
        if index == 0:
            assert predicted == voice.latency.num_read < NUM_FRAMES
            assert num_samples == voice.latency.first_chunk_ms / 1000 * voice.sample_rate
        if spy.num_passed == NUM_FRAMES:
            break
    stream.close()


def test_a_voice_reads_no_more_than_it_says_before_its_first_chunk(voice: Voice) -> None:
    spy = spied(voice)
    chunks = voice.stream("The boats came home before the storm, or so everyone in the village had hoped all day.")
    next(chunks)
    assert spy.num_passed == voice.latency.num_read
    chunks.close()


@pytest.mark.parametrize("start", [60, 101, 247])
def test_the_look_ahead_is_what_moves_a_sample_and_nothing_beyond(voice: Voice, start: int) -> None:
    spy = spied(voice)

    def spoken() -> Array:
        chunk = voice.stack.open(SCOPE, None).read(10**7)
        assert chunk is not None
        return chunk["audio"][0, :, 0]

    plain = spoken()
    spy.disturbed_from = start
    moved = np.flatnonzero(spoken() != plain)[0]
    hop = voice.acoustic.mel.hop_samples
    lookahead_samples = round(voice.latency.lookahead_ms / 1000 * voice.sample_rate)
    assert lookahead_samples == voice.stack.lookahead_samples
    earliest = start * hop - lookahead_samples
    assert first_chunk_latency(voice.stack, earliest).num_read == start
    assert first_chunk_latency(voice.stack, earliest + 1).num_read == start + 1
    # What the text moves are filters, which come later than the F0 that the synthesis waits for: see below.
    assert earliest <= moved < earliest + 2 * hop


def test_a_change_of_f0_moves_the_first_sample_of_the_synthesis_that_waits_for_it() -> None:
    hop, changed = 200, 30
    bins = hop + 1
    filters = np.random.default_rng(0).normal(size=(1, 60, SUBFRAMES * 3 * bins)).astype(np.float32)

    def spoken(f0_after: float) -> tuple[Array, SourceFilter]:
        source = SourceFilter(hop, 16000)
        f0 = np.log(np.where(np.arange(60) < changed, 120.0, f0_after)).reshape(1, -1, 1)
        harmonic, noise = filters[..., : SUBFRAMES * 2 * bins], filters[..., SUBFRAMES * 2 * bins :]
        return source.feed({"log_f0": f0, "harmonic_filter": harmonic, "noise_filter": noise}), source

    plain, source = spoken(120.0)
    earliest = changed * hop - source.delay_samples
    # The window is 0 at its first sample.
    assert np.flatnonzero(spoken(200.0)[0] != plain)[0] == earliest + 1


def test_every_block_says_its_part(voice: Voice) -> None:
    latency = voice.latency
    upsampler, decoder, vocoder, *effects = latency.blocks
    assert [part.block for part in latency.blocks[:3]] == ["Upsampler", "Decoder", "Vocoder"]
    assert [part.unit for part in latency.blocks] == ["frame", "frame", *["sample"] * (1 + len(effects))]
    assert upsampler.num_steps == latency.num_read == decoder.num_steps + voice.acoustic.config.networks["decoder"].margins.right
    assert latency.blocks[-1].num_steps == voice.acoustic.context.chunks.first * voice.acoustic.mel.hop_samples
    assert (vocoder.num_steps > latency.blocks[-1].num_steps) == any(part.lookahead_ms for part in effects)
    assert latency.lookahead_ms == pytest.approx(sum(part.lookahead_ms for part in (decoder, vocoder, *effects)))
    assert decoder.lookahead_ms == voice.acoustic.config.networks["decoder"].margins.right * 12.5
    assert upsampler.lookahead_ms == 0
    line = latency.describe()
    assert f"Upsampler {upsampler.num_steps} frames" in line
    assert f"look-ahead: {latency.lookahead_ms:.1f} ms (Decoder" in line


def test_a_vocoder_alone_tells_how_many_frames_it_reads() -> None:
    vocoder = load(SHIPPED).vocoder
    assert vocoder is not None
    block = vocoder.connected_stack().chain[0]
    assert isinstance(block, Vocoder)
    latency = first_chunk_latency(block, 64 * 200)
    assert latency.num_read == 64 + 2 + 1
    assert latency.lookahead_ms == pytest.approx(1 * 12.5 + 1000 * 350 / 16000)


EFFECTS: dict[str, list[dict[str, object]]] = {
    "limiter": [{"type": "Limiter"}],
    "fades": [{"type": "EdgeFade", "fade_out_ms": 40}],
    "telephone": [{"type": "Gain", "gain_db": -3}, {"type": "TelephoneBand"}],
    "resampled and limited": [{"type": "Resampler", "sample_rate_hz": 48000}, {"type": "Limiter"}],
    "faster": [{"type": "PitchTempo", "tempo": 1.3}],
}


@pytest.mark.parametrize("effects", EFFECTS.values(), ids=EFFECTS.keys())
def test_effects_add_their_part(effects: list[dict[str, object]]) -> None:
    voice = load(TINY)
    plain_ms = voice.latency.lookahead_ms
    stack = StreamableStack(BlockOptions({"stack": [voice.stack, *effects]}, "with effects"), voice.acoustic)
    stack.connect(request_wiring(), Wiring({}))
    spy = spied(voice)
    stream = stack.open(SCOPE, None)
    latency = first_chunk_latency(stack, 12_345)
    stretches = any(effect["type"] == "PitchTempo" for effect in effects)
    assert stream.read(12_345) is not None
    # What stretches time looks for a good place within its reach, and may not need all of it.
    assert latency.num_read - stretches <= spy.num_passed <= latency.num_read
    ahead_ms = [1000 * block.lookahead_samples / getattr(block, "sample_rate", 16000) for block in stack.blocks[1:]]
    assert latency.lookahead_ms == pytest.approx(plain_ms + sum(ahead_ms))


def test_the_page_on_streaming_states_the_latency_of_the_shipped_voice() -> None:
    latency = load(SHIPPED).latency
    page = " ".join((ROOT / "docs" / "streaming.md").read_text(encoding="utf-8").split())
    assert f"makes {latency.num_read} frames" in page and f"looks {latency.lookahead_ms:.0f} ms ahead" in page
