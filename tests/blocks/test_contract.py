"""Contract of every stream, on random stacks and schedules: chunked output equals one-shot output, in order, without repeats."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import cycle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Constant, ConvNetwork, Stingy, Through, ToyAddon, Tripled, network, options, port

from tts_cli.blocks.decoder import Decoder
from tts_cli.blocks.features import request_wiring
from tts_cli.blocks.pipeline import StreamablePipeline
from tts_cli.blocks.sequence import SequenceBlockContainer
from tts_cli.blocks.streamable import Stream, StreamableBlock, StreamableStack, TensorQueue
from tts_cli.blocks.wiring import Wiring
from tts_cli.ports import Array, Tensors
from tts_cli.voice.request import Request

SCOPE = dict(Request(np.array([1, 4, 5, 3])))
quick = settings(deadline=None, max_examples=60, derandomize=True)
schedules = st.lists(st.integers(1, 25), min_size=1, max_size=12)
lengths = st.integers(0, 80)


class Counted(StreamableBlock):
    """Source of the steps 0, 1, 2, ... that counts the steps read from it."""

    outputs = (port("x"),)

    def __init__(self, num_steps: int) -> None:
        super().__init__(options("toy: counted"), ToyAddon())
        self.num_steps = num_steps
        self.num_given = 0

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        assert upstream is None
        self.num_given = 0
        return CountedStream(scope, self)


class CountedStream(Stream):
    def __init__(self, scope: Tensors, source: Counted) -> None:
        super().__init__(scope)
        self._source = source

    def _produce(self, n: int) -> Tensors | None:
        first = self._source.num_given
        self._source.num_given = min(first + n, self._source.num_steps)
        steps = np.arange(first, self._source.num_given, dtype=np.float32)
        return {"x": steps.reshape(1, -1, 1)} if len(steps) else None


class Capricious(Stream):
    """Stream that returns a varying number of steps, as few as one, at each read."""

    def __init__(self, scope: Tensors, upstream: Stream | None) -> None:
        super().__init__(scope, upstream)
        self._shares = cycle((1, 4, 2, 7))

    def _produce(self, n: int) -> Tensors | None:
        return self._read_upstream(max(1, n // next(self._shares)))


class Halved(Stream):
    """Stream at half the rate: the first of every two steps."""

    def __init__(self, scope: Tensors, upstream: Stream | None) -> None:
        super().__init__(scope, upstream)
        self._kept = TensorQueue()

    def _produce(self, n: int) -> Tensors | None:
        while len(self._kept) < 2 * n and (chunk := self._read_upstream(2 * n - len(self._kept))) is not None:
            self._kept.push(chunk)
        taken = self._kept.take(2 * n) if len(self._kept) else None
        return taken and {"x": taken["x"][:, ::2]}


class Accumulated(Stream):
    """Stream with unlimited memory: the sum of all steps so far, modulo 1000 to stay exact."""

    def __init__(self, scope: Tensors, upstream: Stream | None) -> None:
        super().__init__(scope, upstream)
        self._sum: Any = 0.0

    def _produce(self, n: int) -> Tensors | None:
        chunk = self._read_upstream(n)
        if chunk is None:
            return None
        sums = np.mod(self._sum + np.cumsum(chunk["x"].astype(np.float64), axis=1), 1000)
        self._sum = sums[:, -1:]
        return {"x": sums.astype(np.float32)}


class Delta:
    """Decoder network that returns its centre step unchanged and asserts that the window is consecutive."""

    inputs = outputs = ("x",)

    def __init__(self, left: int, right: int) -> None:
        self.left, self.right = left, right
        self.runs: list[int] = []

    def run(self, tensors: Tensors) -> dict[str, Array]:
        x = tensors["x"][0, :, 0]
        self.runs.append(len(x))
        steps = x[(x >= 0)]
        assert (np.diff(steps) == 1).all(), "the window skips or repeats a step"
        return {"x": tensors["x"][:, self.left : len(x) - self.right]}


def decoder(margins: tuple[int, int], delta: bool = False) -> Decoder:
    only = network("decoder", "decoder", [port("x", pad=-1.0)], [port("x")], margins)
    if delta:
        object.__setattr__(only, "network", Delta(*margins))
    return Decoder(options("toy: decoder"), ToyAddon([only]))


Blocks = Sequence[StreamableBlock]
margins = st.tuples(st.integers(0, 9), st.integers(0, 9))


def stack(*blocks: StreamableBlock) -> StreamableStack:
    return StreamableStack(options("toy: stack", stack=list(blocks)), ToyAddon())


def pipeline(*blocks: StreamableBlock) -> StreamablePipeline:
    """Return a pipeline of several blocks with a scope of its own."""
    sequence = SequenceBlockContainer(options(blocks=[Constant("a"), Constant("b")]), ToyAddon())
    return StreamablePipeline(options("toy: pipeline", sequence_block=sequence, streamable_block=stack(*blocks)), ToyAddon())


def addon(*blocks: StreamableBlock) -> StreamableStack:
    other = ToyAddon(stacks={"other": stack(*blocks)})
    return stack(StreamableBlock.build({"type": "Addon", "name": "other"}, "toy: $", other))


def nested(leaves: st.SearchStrategy[StreamableBlock]) -> st.SearchStrategy[StreamableBlock]:
    """Strategy for blocks nested in stacks, pipelines and addons to any depth."""

    def wrap(inner: st.SearchStrategy[StreamableBlock]) -> st.SearchStrategy[StreamableBlock]:
        several = st.lists(inner, min_size=1, max_size=3)
        return st.tuples(st.sampled_from((stack, pipeline, addon)), several).map(lambda choice: choice[0](*choice[1]))

    return st.recursive(leaves, wrap, max_leaves=6)


def through(*streams: type[Stream]) -> st.SearchStrategy[StreamableBlock]:
    return st.sampled_from(streams).map(lambda stream: Through(stream))


anything = nested(st.one_of(margins.map(decoder), through(Accumulated, Capricious, Halved, Stingy, Tripled)))
faithful = nested(st.one_of(margins.map(lambda m: decoder(m, delta=True)), through(Capricious, Stingy)))


def chunks(stream: Stream, schedule: Sequence[int]) -> Iterator[Array]:
    """Read a stream to its end, cycling through `schedule`, and yield the chunks. Assert that none is empty or too large."""
    for n in cycle(schedule):
        chunk = stream.read(n)
        if chunk is None:
            assert stream.read(n) is None
            return
        assert 1 <= chunk["x"].shape[1] <= n
        yield chunk["x"][0, :, 0]


def read(block: StreamableBlock, source: Counted, schedule: Sequence[int]) -> Array:
    whole = stack(source, block)
    whole.connect(request_wiring(), Wiring({}))
    return np.concatenate([np.zeros(0, np.float32), *chunks(whole.open(SCOPE, None), schedule)])


@quick
@given(anything, lengths, schedules)
def test_chunked_equals_whole(block: StreamableBlock, num_steps: int, schedule: list[int]) -> None:
    whole, chunked = read(block, Counted(num_steps), [10**6]), read(block, Counted(num_steps), schedule)
    assert chunked.shape == whole.shape
    np.testing.assert_allclose(chunked, whole, atol=1e-4)


@quick
@given(faithful, lengths, schedules)
def test_no_step_is_lost_or_doubled_and_order_is_kept(block: StreamableBlock, num_steps: int, schedule: list[int]) -> None:
    np.testing.assert_array_equal(read(block, Counted(num_steps), schedule), np.arange(num_steps))


@quick
@given(st.lists(st.sampled_from((Halved, Tripled)), max_size=4), lengths, schedules)
def test_rates_multiply(streams: list[type[Stream]], num_steps: int, schedule: list[int]) -> None:
    expected = Fraction(num_steps)
    for stream in streams:
        expected = Fraction(-(-expected // 2)) if stream is Halved else expected * 3
    block = stack(pass_on(), *(Through(stream) for stream in streams))
    assert len(read(block, Counted(num_steps), schedule)) == expected


def pass_on() -> StreamableBlock:
    return decoder((0, 0), delta=True)


@quick
@given(nested(margins.map(decoder)), st.integers(1, 60), st.integers(1, 6))
def test_no_more_is_read_than_a_stack_says_that_it_needs(block: StreamableBlock, n: int, num_reads: int) -> None:
    source = Counted(10_000)
    whole = stack(source, block)
    whole.connect(request_wiring(), Wiring({}))
    stream = whole.open(SCOPE, None)
    for place in range(1, num_reads + 1):
        assert stream.read(n) is not None
        assert source.num_given == block.needs(n * place)
    hop = ToyAddon().mel.hop_samples
    assert block.needs(n) == n + block.lookahead_samples // hop
    assert block.lookahead_samples == sum(inner.lookahead_samples for inner in block.chain)
    assert all(isinstance(inner, Decoder) for inner in block.chain)


@pytest.mark.parametrize("num_chunks", [0, 1, 3])
def test_whoever_stops_pulling_stops_all_work(num_chunks: int) -> None:
    first, second = decoder((2, 3)), decoder((1, 1))
    source = Counted(1000)
    stream = stack(source, pipeline(first, stack(second))).open(SCOPE, None)
    for _ in range(num_chunks):
        stream.read(10)
    runs = [len(block.network.network.lengths) for block in (first, second)]  # type: ignore[attr-defined]
    assert runs == [num_chunks, num_chunks]
    assert source.num_given == (10 * num_chunks + 4 if num_chunks else 0)
    stream.close()
    assert stream.read(10) is None
    assert [len(block.network.network.lengths) for block in (first, second)] == runs  # type: ignore[attr-defined]


def test_closing_amid_a_read_ends_it_before_the_next_network() -> None:
    class Closing(ConvNetwork):
        def run(self, arrays: Any) -> dict[str, Array]:
            if self.lengths:
                stream.close()
            return super().run(arrays)

    first, second = decoder((2, 3)), decoder((1, 1))
    object.__setattr__(first.network, "network", Closing(first.network.spec))
    stream = stack(Counted(1000), first, second).open(SCOPE, None)
    assert stream.read(30) is not None
    assert stream.read(30) is None
    assert len(first.network.network.lengths) == 2  # type: ignore[attr-defined]
    assert len(second.network.network.lengths) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_stream_that_is_let_go_leaves_nothing(is_closed: bool) -> None:
    gc.disable()
    try:
        stream = stack(Counted(1000), decoder((2, 3)), pipeline(Through(Accumulated))).open(SCOPE, None)
        stream.read(7)
        links = [weakref.ref(stream)]
        while (upstream := links[-1]().upstream) is not None:  # type: ignore[union-attr]
            links.append(weakref.ref(upstream))
        del upstream
        if is_closed:
            stream.close()
        del stream
        assert len(links) == 3
        assert all(link() is None for link in links)
    finally:
        gc.enable()
