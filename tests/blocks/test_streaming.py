"""Chunked output equals one-shot output for every stack and schedule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import (
    ARTICLE_STACK,
    ConvNetwork,
    Frames,
    FramesStream,
    RunningMean,
    Stingy,
    Through,
    ToyAddon,
    Tripled,
    acoustic_networks,
    network,
    options,
    port,
    read_all,
)

from tts_cli.blocks.decoder import Decoder, NetworkStream
from tts_cli.blocks.features import request_wiring
from tts_cli.blocks.streamable import Stream, StreamableBlock, StreamableStack
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import StackError
from tts_cli.ports import NetworkSettings, Tensors
from tts_cli.voice.request import Request

ONE_SHOT = [1_000_000]
TOLERANCE = 1e-4

schedules = st.lists(st.integers(1, 40), min_size=1, max_size=20)
margins = st.tuples(st.integers(0, 12), st.integers(0, 12))


def conv(margins: tuple[int, int]) -> StreamableBlock:
    only = network("decoder", "decoder", [port("x", pad=0.5)], [port("x")], margins)
    return Decoder(options(), ToyAddon([only]))


STREAMS: tuple[type[Stream], ...] = (RunningMean, Stingy, Tripled)
streamables = st.one_of(margins.map(conv), st.sampled_from(STREAMS).map(lambda stream: Through(stream)))


def stack(*blocks: StreamableBlock) -> StreamableStack:
    return StreamableStack(options(stack=list(blocks)), ToyAddon())


@settings(deadline=None, max_examples=150)
@given(st.lists(streamables, min_size=1, max_size=5), schedules, st.integers(0, 90))
def test_random_stacks(blocks: list[StreamableBlock], schedule: list[int], num_frames: int) -> None:
    frames = {"x": np.random.default_rng(num_frames).normal(size=(1, num_frames, 1)).astype(np.float32)}
    whole = stack(Frames(frames), *blocks)
    whole.connect(request_wiring(), Wiring({}))
    one_shot, chunked = read_all(whole.open({}, None), ONE_SHOT), read_all(whole.open({}, None), schedule)
    assert one_shot.keys() == chunked.keys()
    for name in one_shot:
        np.testing.assert_allclose(chunked[name], one_shot[name], atol=TOLERANCE)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=12), schedules, margins)
def test_the_article_stack(durations: list[int], schedule: list[int], margins: tuple[int, int]) -> None:
    article = StreamableStack(options(**ARTICLE_STACK), ToyAddon(acoustic_networks(margins)))
    article.connect(request_wiring(), Wiring({}))
    phones = np.resize([1, 4, 5, 2, 6], len(durations))
    scope = dict(Request(phones, given_durations=np.array(durations, np.float32)))
    one_shot, chunked = read_all(article.open(scope, None), ONE_SHOT), read_all(article.open(scope, None), schedule)
    assert (one_shot["mel"].shape if one_shot else (1, 0, 8)) == (1, sum(durations), 8)
    for name in one_shot:
        np.testing.assert_allclose(chunked[name], one_shot[name], atol=TOLERANCE)


@pytest.mark.parametrize("size", range(1, 32))
def test_every_chunk_size(size: int) -> None:
    frames = {"x": np.random.default_rng(0).normal(size=(1, 31, 1)).astype(np.float32)}
    whole = stack(Frames(frames), conv((5, 3)), conv((0, 7)))
    one_shot, chunked = read_all(whole.open({}, None), ONE_SHOT), read_all(whole.open({}, None), [size])
    np.testing.assert_allclose(chunked["x"], one_shot["x"], atol=TOLERANCE)


def opened(margins: tuple[int, int], num_frames: int) -> tuple[NetworkStream, FramesStream]:
    upstream = FramesStream({}, {"x": np.ones((1, num_frames, 1), np.float32)})
    only = network("decoder", "decoder", [port("x")], [port("x")], margins)
    return NetworkStream(only, {}, upstream), upstream


def test_a_network_reads_no_further_ahead_than_its_margin() -> None:
    stream, upstream = opened((4, 3), 100)
    sizes = [chunk["x"].shape[1] for n in (2, 5, 9) if (chunk := stream.read(n)) is not None]
    assert sizes == [2, 5, 9]
    assert upstream.reads == [5, 5, 9]


def test_a_network_keeps_no_more_than_its_margins() -> None:
    stream, _ = opened((4, 3), 10_000)
    while stream.read(7) is not None:
        assert len(stream._window) <= 7


def test_margins_are_fed_with_the_port_s_pad() -> None:
    only = network("decoder", "decoder", [port("x", pad=2.0)], [port("x")], (1, 1))
    frames = {"x": np.full((1, 3, 1), 2.0, np.float32)}
    everywhere = read_all(NetworkStream(only, {}, FramesStream({}, frames)), ONE_SHOT)["x"]
    np.testing.assert_allclose(everywhere, everywhere[0, 0, 0])


@pytest.mark.parametrize(("least", "largest", "shortest"), [(9, None, 9), (40, None, 40), (20, 12, 12)])
def test_short_runs_are_padded(least: int, largest: int | None, shortest: int) -> None:
    only = network("decoder", "decoder", [port("x", pad=0.5)], [port("x")], (4, 3))
    frames = {"x": np.random.default_rng(0).normal(size=(1, 31, 1)).astype(np.float32)}
    expected = read_all(NetworkStream(only, {}, FramesStream({}, frames)), ONE_SHOT)["x"]
    assert isinstance(only.network, ConvNetwork)
    only.network.lengths.clear()
    settings = NetworkSettings(sizes={"frame": (largest,)} if largest else {})
    given = read_all(NetworkStream(replace(only, settings=settings), {}, FramesStream({}, frames), least), [1, 5])["x"]
    assert min(only.network.lengths) == shortest
    np.testing.assert_allclose(given, expected, atol=1e-6)


@pytest.mark.parametrize("least", [0, 20])
def test_an_output_as_long_as_the_input_is_cropped(least: int) -> None:
    only = network("decoder", "decoder", [port("x")], [port("x")], (2, 1))

    class SameLength:
        inputs = outputs = ("x",)

        def run(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {"x": arrays["x"]}

    object.__setattr__(only, "network", SameLength())
    frames = {"x": np.arange(9, dtype=np.float32).reshape(1, 9, 1)}
    stream = NetworkStream(only, {}, FramesStream({}, frames), least)
    np.testing.assert_array_equal(read_all(stream, [2])["x"], frames["x"])


def test_an_absent_optional_stream_port_takes_its_default() -> None:
    mixed = network("decoder", "decoder", [port("x"), port("y", optional=True, default=3.0)], [port("z")])
    upstream = FramesStream({}, {"x": np.zeros((1, 4, 1), np.float32)})
    with_y = FramesStream({}, {"x": np.zeros((1, 4, 1), np.float32), "y": np.full((1, 4, 1), 3.0, np.float32)})
    np.testing.assert_array_equal(
        read_all(NetworkStream(mixed, {}, upstream), [3])["z"], read_all(NetworkStream(mixed, {}, with_y), [2])["z"]
    )


def test_closing_is_idempotent_and_reaches_upstream() -> None:
    frames = Frames({"x": np.zeros((1, 50, 1), np.float32)})
    stream = stack(frames, conv((1, 1)), Through(RunningMean)).open({}, None)
    assert stream.read(3) is not None
    chain: list[Stream] = []
    link: Stream | None = stream
    while link is not None:
        chain.append(link)
        link = link.upstream
    stream.close()
    stream.close()
    assert len(chain) == 3
    assert all(link.read(1) is None for link in chain)


def test_a_failure_while_opening_closes_what_is_open() -> None:
    class Failing(Through):
        def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
            streams.append(upstream)
            raise RuntimeError(sorted(scope))

    streams: list[Stream | None] = []
    with pytest.raises(StackError, match="Failing raised RuntimeError"):
        stack(Frames({"x": np.zeros((1, 5, 1), np.float32)}), Failing(RunningMean)).open({}, None)
    assert streams[0] is not None
    assert streams[0].read(1) is None


def test_a_stream_ends_once_and_for_all() -> None:
    stream, _ = opened((0, 0), 3)
    assert stream.read(9) is not None
    assert stream.read(9) is None
    assert stream.read(9) is None
    with pytest.raises(ValueError, match="at least one"):
        stream.read(0)


def test_values_are_read_only() -> None:
    scope = {"phones": np.ones((1, 3, 1), np.int64)}
    stream = stack(Frames({"x": np.zeros((1, 5, 1), np.float32)})).open(scope, None)
    with pytest.raises(TypeError):
        stream.values["phones"] = scope["phones"]  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        stream.values["phones"][0, 0, 0] = 2
    scope["phones"][0, 0, 0] = 2
