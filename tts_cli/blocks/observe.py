"""Profiling of a built stack: wall time and CPU time of every block, network and signal processor, as `Span` objects.

`observe` wraps the blocks, an `Observer` measures each piece of work and passes a `Span` to a callback. The table of `tts bench`
and the trace of `tts synth --trace` are made from these. A stack that is not observed has no overhead.
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
"""Empty spans that are measured to find the cost of measuring."""
AnyBlock = TypeVar("AnyBlock", bound=Block)
Work = Literal["text", "run", "open", "read", "network", "signal"]
"""Kind of work: `text`, splitting into sentences; `run`, a sequence block; `open` and `read`, a stream; `network`, a network;
`signal`, a signal processor."""


@dataclass(frozen=True)
class Span:
    """Finished piece of work with its times."""

    work: Work
    name: str
    """Type of the block or of the signal processor, or name of the network."""
    place: str
    """JSON path of the block. A network or signal processor has the path of the block that calls it in the same thread, or ""."""
    thread: int
    """Identifier of the thread, see `threading.get_ident`."""
    start_s: float
    """Time of the start in seconds, on the clock `time.perf_counter`."""
    wall_s: float
    """Wall time in seconds, with spans inside this one."""
    cpu_s: float
    """CPU time of this thread in seconds, without spans inside this one and without the cost of measuring them."""
    details: dict[str, int]
    """Numbers of steps: `asked` and `given` of a read, `steps` of a network."""


@dataclass
class _Open:
    """Span in progress."""

    place: str
    details: dict[str, int] = field(default_factory=dict)
    inside_cpu_s: float = 0.0
    num_inside: int = 0


class Observer:
    """Measures spans and passes each to a callback. Several threads may use one observer at once.

        spans: list[Span] = []
        observer = Observer(spans.append)

    Args:
        note: Function that is called with every finished span, in the thread of the span.
    """

    def __init__(self, note: Callable[[Span], object]) -> None:
        self._threads = threading.local()
        self._cost_s = 0.0
        """CPU time in seconds that measuring one span adds to the enclosing span."""
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
        """Measure the body of a `with` statement. It yields the details, which the body may fill in.

        Args:
            work: Kind of work.
            name: Type of the block or processor, or name of the network.
            place: JSON path of the block; None: that of the enclosing span.
        """
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
    """Wrap a connected block so that its work is measured.

    A container is changed in place: its inner blocks are wrapped. So use this only for stacks that are built to be observed.

    Returns:
        `block` itself if it is a container, else a wrapper to use in its place.
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
    """Return a copy of `network` that measures its runs."""
    return replace(network, network=_ObservedNetwork(network.name, network.network, observer))


def observe_streams(stream: Stream, observer: Observer) -> Stream:
    """Wrap `stream`, and every stream before it, so that their reads are measured.

    Streams that have no `block` are left unwrapped. The `upstream` of each stream is changed in place.
    """
    if stream.upstream is not None:
        stream.upstream = observe_streams(stream.upstream, observer)
    if stream.block is None:
        return stream
    watched = _ObservedStream(stream, stream.block, observer)
    watched.block = stream.block
    return watched


class EitherKind(SequenceBlock, StreamableBlock):
    """Block that is both a sequence block, without a stream before it, and a streamable block."""

    def _connect(self, scope: Wiring, upstream: Wiring | None = None) -> Wiring:
        """Return no ports as a sequence block, the ports of the block before as a streamable block. Raises StackError."""
        scope.need(self.inputs, self.path)
        return Wiring({}) if upstream is None else upstream

    def connect(self, scope: Wiring, upstream: Wiring | None = None) -> Wiring:
        return SequenceBlock.connect(self, scope) if upstream is None else StreamableBlock.connect(self, scope, upstream)


class _Observed(EitherKind):
    """Wrapper of a block of either kind that measures its work."""

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
        # The observed stream checks its own chunks; a second check would report each fault twice.
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
    """Network that measures its runs, see `backends.Network`."""

    def __init__(self, name: str, network: Network, observer: Observer) -> None:
        self.inputs, self.outputs = network.inputs, network.outputs
        self._name, self._network, self._observer = name, network, observer

    def run(self, tensors: Tensors) -> dict[str, Array]:
        """Run and measure the network, see `Network.run`."""
        with self._observer.span("network", self._name) as details:
            details["steps"] = max(array.shape[1] for array in tensors.values())
            return self._network.run(tensors)
