"""Looking at a stack that is built while it works: who worked, when, for how long.

`observe` wraps the blocks, an `Observer` measures, and whoever wants to know is told of every `Span` when it is over: the table
of `tts bench` and the trace of `tts synth --trace` are nothing more. A stack that is not observed pays nothing for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from tts_cli.backends import Network
from tts_cli.blocks.block import Block
from tts_cli.blocks.network import AddonNetwork
from tts_cli.blocks.pipeline import StreamablePipeline
from tts_cli.blocks.processor import Processor, ProcessorStream, Samples
from tts_cli.blocks.sequence import SequenceBlock, SequenceBlockContainer
from tts_cli.blocks.streamable import Stream, StreamableBlock, StreamableStack
from tts_cli.blocks.wiring import Wiring
from tts_cli.ports import Array, Tensors

_TRIALS = 100
AnyBlock = TypeVar("AnyBlock", bound=Block)
Work = Literal["text", "run", "open", "read", "network", "signal"]
"""What is done: text is split into sentences, a sequence block runs, a stream is opened or read, a network runs, a signal is
processed."""


@dataclass(frozen=True)
class Span:
    """A piece of work that is done."""

    work: Work
    name: str
    """Type of the block, or of what processes a signal, or name of the network."""
    place: str
    """JSON path of the block; of a network and of a signal, that of the block whose they are in the same thread, else empty."""
    thread: int
    start_s: float
    """By the clock of `time.perf_counter`."""
    wall_s: float
    cpu_s: float
    """Of this thread, without that of the spans inside this one, and without what measuring those takes."""
    details: dict[str, int]
    """Steps asked for and given."""


@dataclass
class _Open:
    """A span that is not over."""

    place: str
    details: dict[str, int] = field(default_factory=dict)
    inside_cpu_s: float = 0.0
    num_inside: int = 0


class Observer:
    """Measures spans and tells `note` of each; many threads may do so at once."""

    def __init__(self, note: Callable[[Span], object]) -> None:
        self._threads = threading.local()
        self._cost_s = 0.0
        """Of measuring one span, to the span around it."""
        around: list[Span] = []
        self._note: Callable[[Span], object] = around.append
        with self.span("run", "", ""):
            for _ in range(_TRIALS):
                with self.span("run", ""):
                    pass
        self._cost_s = around[-1].cpu_s / _TRIALS
        self._note = note

    @contextmanager
    def span(self, work: Work, name: str, place: str | None = None) -> Iterator[dict[str, int]]:
        """Measures the `with` statement, which may fill in the details; without a `place`, it is that of the span around."""
        outer: _Open = getattr(self._threads, "inmost", None) or _Open("")
        self._threads.inmost = inner = _Open(outer.place if place is None else place)
        start_s, start_cpu_s = time.perf_counter(), time.thread_time()
        try:
            yield inner.details
        finally:
            cpu_s, wall_s = time.thread_time() - start_cpu_s, time.perf_counter() - start_s
            self._threads.inmost = outer
            outer.inside_cpu_s += cpu_s
            outer.num_inside += 1
            thread = threading.get_ident()
            own_s = max(0.0, cpu_s - inner.inside_cpu_s - inner.num_inside * self._cost_s)
            self._note(Span(work, name, inner.place, thread, start_s, wall_s, own_s, inner.details))


def observe(block: AnyBlock, observer: Observer) -> AnyBlock:
    """`block`, connected already, observed: itself where it consists of blocks, each of which is observed, else one in its place.

    For stacks that are built to be observed, since it changes `block`.
    """
    if isinstance(block, StreamableStack | SequenceBlockContainer):
        block.blocks = [observe(inner, observer) for inner in block.blocks]  # type: ignore[assignment]
    elif isinstance(block, StreamablePipeline):
        block.sequence_block = observe(block.sequence_block, observer)
        block.streamable_block = observe(block.streamable_block, observer)
    else:
        return _Observed(block, observer)  # type: ignore[return-value]
    return block


def observe_network(network: AddonNetwork, observer: Observer) -> AddonNetwork:
    """A network in the place of `network`, whose runs are observed."""
    return replace(network, network=_ObservedNetwork(network.name, network.network, observer))


def observe_streams(stream: Stream, observer: Observer) -> Stream:
    """A stream in the place of `stream`, observed like all that it reads from, as far as they are the streams of blocks."""
    if stream.upstream is not None:
        stream.upstream = observe_streams(stream.upstream, observer)
    if stream.block is None:
        return stream
    watched = _ObservedStream(stream, stream.block, observer)
    watched.block = stream.block
    return watched


class EitherKind(SequenceBlock, StreamableBlock):
    """A block that stands wherever a block may, among sequence blocks, where it has no upstream, and among streamable ones."""

    def _connect(self, scope: Wiring, upstream: Wiring | None = None) -> Wiring:
        """Gives nothing of its own: among sequence blocks no port, among streamable ones those of the block before."""
        scope.need(self.inputs, self.path)
        return Wiring({}) if upstream is None else upstream

    def connect(self, scope: Wiring, upstream: Wiring | None = None) -> Wiring:
        return SequenceBlock.connect(self, scope) if upstream is None else StreamableBlock.connect(self, scope, upstream)


class _Observed(EitherKind):
    """Stands for a block, whatever is asked of it."""

    def __init__(self, block: Any, observer: Observer) -> None:
        self.type, self.path, self.options, self.addon = block.type, block.path, block.options, block.addon
        self.inputs, self.outputs = block.inputs, block.outputs
        self.reads, self.gives, self._declared = block.reads, block.gives, block._declared
        self.stream_inputs = getattr(block, "stream_inputs", ())
        self._reachable = getattr(block, "_reachable", Wiring({}))
        self.lookahead_samples = getattr(block, "lookahead_samples", 0)
        self._block, self._observer = block, observer

    def needs(self, num_steps: int) -> int:
        return int(self._block.needs(num_steps))

    def output_time(self, seconds: float) -> float:
        return float(self._block.output_time(seconds))

    def _connect(self, scope: Wiring, upstream: Wiring | None = None) -> Wiring:
        given: Wiring = self._block.connect(scope) if upstream is None else self._block.connect(scope, upstream)
        return given

    def _run(self, scope: Tensors) -> Tensors:
        with self._observer.span("run", self.type, self.path):
            given: Tensors = self._block.run(scope)
            return given

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        with self._observer.span("open", self.type, self.path):
            stream = self._block.open(scope, upstream)
        if isinstance(stream, ProcessorStream):
            stream.processor = _ObservedProcessor(stream.processor, self._observer)
        return _ObservedStream(stream, self, self._observer)


class _ObservedStream(Stream):
    def __init__(self, stream: Stream, block: Block, observer: Observer) -> None:
        super().__init__({}, stream)
        self._observed, self._type, self._path, self._observer = stream, block.type, block.path, observer

    def _watched(self, n: int, _block: StreamableBlock) -> Tensors | None:
        # The observed stream is watched itself: twice would count twice.
        chunk = self._produce(n)
        self.is_finite = self._observed.is_finite
        return chunk

    def _produce(self, n: int) -> Tensors | None:
        with self._observer.span("read", self._type, self._path) as details:
            chunk = self._read_upstream(n)
            details["asked"] = n
            details["given"] = next(iter(chunk.values())).shape[1] if chunk else 0
            return chunk


class _ObservedProcessor(Processor):
    def __init__(self, processor: Processor, observer: Observer) -> None:
        self._processor, self._observer, self._name = processor, observer, type(processor).__name__

    def start(self) -> Samples:
        return self._processor.start()

    def feed(self, piece: Any, /) -> Samples:
        with self._observer.span("signal", self._name):
            return self._processor.feed(piece)

    def finish(self) -> Samples:
        with self._observer.span("signal", self._name):
            return self._processor.finish()

    def wanted(self, n: int) -> int:
        return self._processor.wanted(n)


class _ObservedNetwork:
    """See `backends.Network`."""

    def __init__(self, name: str, network: Network, observer: Observer) -> None:
        self.inputs, self.outputs = network.inputs, network.outputs
        self._name, self._network, self._observer = name, network, observer

    def run(self, tensors: Tensors) -> dict[str, Array]:
        """See `Network.run`."""
        with self._observer.span("network", self._name) as details:
            details["steps"] = max(array.shape[1] for array in tensors.values())
            return self._network.run(tensors)
