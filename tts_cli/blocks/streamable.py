"""Streamable blocks: generate data on demand, chunk by chunk, from sequence ports and from the stream of the block before.

To write one, declare its ports and implement `_open`, which returns a `Stream`; implement `Stream._produce`:

    class Gain(StreamableBlock):
        stream_inputs = (PortSpec(name="audio", rate="sample"),)
        outputs = (PortSpec(name="audio", rate="sample"),)

        def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
            return GainStream(scope, upstream)

    class GainStream(Stream):
        def _produce(self, n: int) -> Tensors | None:
            chunk = self._read_upstream(n)
            return chunk and {"audio": 0.5 * chunk["audio"]}

The state of an utterance lives in the stream, so that one block serves many threads at once. `n` counts steps at the stream's
own rate: frames for a decoder; samples for a vocoder, which reads as many frames as it needs. A stream ends after the stream
before it has ended. One that ends earlier on purpose must close the stream before it; otherwise the speech counts as truncated.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

import numpy as np

from tts_cli.blocks.block import Block, BlockOptions, Nests, naming_block
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import StrictModel
from tts_cli.errors import StackError
from tts_cli.ports import Array, PortSpec, Tensors


@dataclass(frozen=True)
class Fault:
    """Defect that a block detected in the utterance, such as a skipped phone. Synthesis goes on; the caller decides."""

    kind: str
    """Kind of defect in one word, for counting: `repeat`, `skip`, `truncation`, `endless`, `not-finite`."""
    message: str
    """One line for the user."""


class Stream(ABC):
    """Output of one block for one utterance, read chunk by chunk, by one thread.

    Subclasses implement `_produce`, which reads its input with `_read_upstream`, and keep the state of the utterance.

        class GainStream(Stream):
            def _produce(self, n: int) -> Tensors | None:
                chunk = self._read_upstream(n)
                return chunk and {"audio": 0.5 * chunk["audio"]}

    Args:
        scope: Sequence ports of the utterance, (1, T, C).
        upstream: Stream of the block before; None for the first block.
    """

    def __init__(self, scope: Tensors, upstream: Stream | None = None) -> None:
        self.upstream = upstream
        self.values: Tensors = _read_only({**scope, **(upstream.values if upstream else {})})
        """Sequence ports of the utterance, (1, T, C), read-only, with those that earlier streams added (`durations`)."""
        self.block: StreamableBlock | None = None
        """Block that opened the stream; chunks are checked against its declared ports. None: chunks are not checked."""
        self.was_read = self.has_given = self.has_ended = False
        """`was_read`: `read` was called. `has_given`: it returned a chunk. `has_ended`: it returned None."""
        self.is_finite = True
        """True if every chunk so far held only finite numbers. Checked only in streams that have a `block`."""
        self._is_open = True
        self._faults: list[Fault] = []

    @property
    def chain(self) -> tuple[Stream, ...]:
        """Streams that data passes through, in order: those before this one, then this one."""
        return (*(self.upstream.chain if self.upstream else ()), self)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Faults that this stream and those before it detected so far."""
        return tuple(fault for stream in self.chain for fault in stream._faults)

    def read(self, n: int) -> Tensors | None:
        """Return the next chunk: arrays (1, t, C) by port name, 1 <= t <= n. None at the end and after `close`.

        Args:
            n: Most steps to return, at least 1, at this stream's rate: frames or samples.

        Raises:
            StackError: The chunk is not as the block declared, or the block raises an unexpected exception.
            ValueError: `n` is less than 1.
        """
        if n < 1:
            raise ValueError(f"n is {n}, but a stream is read in chunks of at least one step")
        if not self._is_open:
            return None
        self.was_read = True
        chunk = self._produce(n) if self.block is None else self._watched(n, self.block)
        if not self._is_open:
            return None
        self.has_given, self.has_ended = self.has_given or chunk is not None, chunk is None
        return chunk

    def _watched(self, n: int, block: StreamableBlock) -> Tensors | None:
        with naming_block(block.path, block.type):
            chunk = self._produce(n)
            if chunk is not None:
                block.refuse_undeclared(chunk, n)
                self.is_finite = self.is_finite and all(bool(np.isfinite(array).all()) for array in chunk.values())
        if chunk is None and self._is_open and not self.has_ended and self.upstream is not None:
            self._note_end(self.upstream, block)
        return chunk

    def _note_end(self, upstream: Stream, block: StreamableBlock) -> None:
        """Check the end of the stream against its upstream.

        Add a truncation fault if `upstream` has not ended. Raise StackError if this stream returned no chunk although `upstream`
        did.
        """
        if not self.has_given and upstream.has_given:
            message = f"{block.path}: {block.type} gave nothing, although it read a chunk"
            raise StackError(message, hint="let _produce of the block return what it made before it ends")
        is_read = upstream.was_read or not self.has_given
        if is_read and upstream._is_open and not upstream.has_ended:
            self._faults.append(Fault("truncation", f"{block.path}: {block.type} ended before the stream that it reads"))

    @abstractmethod
    def _produce(self, n: int) -> Tensors | None:
        """Compute the next chunk.

        Args:
            n: Most steps to return, at least 1.

        Returns:
            Arrays (1, t, C) by port name, all with the same t, 1 <= t <= n. None at the end, and at every call after it.
        """

    def _read_upstream(self, n: int) -> Tensors | None:
        """Return at most `n` steps of the stream before this one; None at its end, or if there is none."""
        return None if self.upstream is None else self.upstream.read(n)

    def close(self) -> None:
        """End this stream and those before it: nothing more is computed. May be called repeatedly, and from any thread."""
        self._is_open = False
        if self.upstream is not None:
            self.upstream.close()


def _read_only(tensors: Tensors) -> Tensors:
    views = {name: array.view() for name, array in tensors.items()}
    for view in views.values():
        view.flags.writeable = False
    return MappingProxyType(views)


class StreamableBlock(Block, ABC):
    """Block that generates data on demand, chunk by chunk, from sequence ports, the stream of the block before, or both.

    Subclasses set their ports and implement `_open`. Those with look-ahead set `lookahead_samples`; if their steps are not
    samples, or input and output differ in rate, they also override `needs`. Chunked output must equal one-shot output for every
    sequence of chunk sizes.

        class Gain(StreamableBlock):
            stream_inputs = outputs = (PortSpec(name="audio", rate="sample"),)

            def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
                return GainStream(scope, upstream)
    """

    inputs: tuple[PortSpec, ...] = ()
    """Sequence ports that the block reads from the scope."""
    stream_inputs: tuple[PortSpec, ...] = ()
    """Stream ports that the block reads from the block before it."""
    outputs: tuple[PortSpec, ...] = ()
    """Stream ports that the block gives to the block after it, all at one rate."""
    lookahead_samples: int = 0
    """Look-ahead in samples: audio that must exist beyond a step before the block can give that step. A container holds the sum
    of its blocks once connected (like the delays of cached_conv, Caillon and Esling, 2022). `latency` sums in milliseconds, for
    stacks with several sample rates."""

    @property
    def chain(self) -> tuple[StreamableBlock, ...]:
        """Blocks that data passes through, in order: only this block, or the blocks inside a container."""
        return (self,)

    def needs(self, num_steps: int) -> int:
        """Return the number of upstream steps that the first `num_steps` steps of output require, if the utterance is that long.

        Default: `num_steps + lookahead_samples`. Override it if steps are not samples, or if input and output differ in rate.
        """
        return num_steps + self.lookahead_samples

    def output_time(self, seconds: float) -> float:
        """Return the time in the output, in seconds, of the input at `seconds`.

        Override it in blocks that shift or stretch time, such as leading silence or a change of tempo.
        """
        return seconds

    def _connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        """Check the input ports and return the output ports. Called once, when the addon opens.

        Override it only if the ports depend on the place in the stack.

        Args:
            scope: Sequence ports in scope.
            upstream: Stream ports of the block before; empty for the first block.

        Raises:
            StackError: An input port is missing or does not fit.
        """
        scope.need(self.inputs, self.path)
        upstream.need(self.stream_inputs, self.path)
        return Wiring.of(self.outputs, self.path)

    @abstractmethod
    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        """Open a stream for one utterance.

        Args:
            scope: Sequence ports of the utterance, (1, T, C).
            upstream: Stream of the block before; None for the first block.
        """

    def connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        """Connect the block and store the ports that it reads and gives. Containers call this. Raises StackError."""
        with naming_block(self.path, self.type):
            given = self._connect(scope, upstream)
        return self.note(given, scope, upstream)

    def open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        """Open a stream that is checked against the declared ports. Containers call this.

        Raises:
            StackError: `_open` raises an unexpected exception or does not return a Stream. The message names the block.
        """
        with naming_block(self.path, self.type):
            stream = self._open(scope, upstream)
            if not isinstance(stream, Stream):
                message = f"{self.path}: open of {self.type} gave {type(stream).__name__}, but a Stream belongs there"
                raise StackError(message, hint="let _open of the block return a Stream")
            stream.block = stream.block or self
        return stream


class StreamableStackOptions(StrictModel):
    """Options of `StreamableStack`."""

    stack: Annotated[tuple[Any, ...], Nests(StreamableBlock)]
    """Streamable blocks, in the order in which data passes through them."""


class StreamableStack(StreamableBlock):
    """Chain of streamable blocks. Each reads the stream of the block before it; all read the same scope."""

    options_model: ClassVar[type[StrictModel]] = StreamableStackOptions

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.blocks = StreamableBlock.build_all(self.options.stack, f"{self.path}.stack", addon)

    @property
    def chain(self) -> tuple[StreamableBlock, ...]:
        return tuple(inner for block in self.blocks for inner in block.chain)

    def needs(self, num_steps: int) -> int:
        for block in reversed(self.blocks):
            num_steps = block.needs(num_steps)
        return num_steps

    def _connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        for block in self.blocks:
            upstream = block.connect(scope, upstream)
        self.lookahead_samples = sum(block.lookahead_samples for block in self.blocks)
        return upstream

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        for block in self.blocks:
            try:
                stream = block.open(scope, upstream)
            except BaseException:
                if upstream is not None:
                    upstream.close()
                raise
            upstream = stream
        return stream


class AddonStackOptions(StrictModel):
    """Options of `AddonStack`."""

    name: str
    """Name of the addon that lends its stack: the stack runs in the place of this block."""


class AddonStack(StreamableStack):
    """Stack of another addon, in JSON `{"type": "Addon", "name": NAME}`: for example the vocoder after an acoustic model."""

    options_model: ClassVar[type[StrictModel]] = AddonStackOptions

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        StreamableBlock.__init__(self, options, addon)
        with self._placed():
            stack = addon.stack_of(self.options.name, self.path)
            assert isinstance(stack, StreamableBlock)
            self.blocks = [stack]

    def _connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        with self._placed():
            return super()._connect(scope, upstream)

    @contextmanager
    def _placed(self) -> Iterator[None]:
        """Prefix a StackError of the other addon with the place of this block."""
        try:
            yield
        except StackError as error:
            if error.message.startswith(self.path):
                raise
            raise StackError(f"{self.path}: {error.message}", error.hint) from error


class TensorQueue:
    """First-in, first-out queue of time steps, (1, T, C) by port name. `len` is the number of steps in it."""

    def __init__(self) -> None:
        self._tensors: dict[str, Array] = {}
        self._num_steps = 0

    def __len__(self) -> int:
        return self._num_steps

    def push(self, tensors: Tensors) -> None:
        """Append steps, (1, t, C) by port name. Every call must have the same names."""
        if self._num_steps:
            tensors = {name: np.concatenate([self._tensors[name], array], axis=1) for name, array in tensors.items()}
        self._tensors = dict(tensors)
        self._num_steps = next((array.shape[1] for array in self._tensors.values()), 0)

    def peek(self, n: int) -> dict[str, Array]:
        """Return the first `n` steps, or all if there are fewer, without removing them."""
        return {name: array[:, :n] for name, array in self._tensors.items()}

    def take(self, n: int) -> dict[str, Array]:
        """Remove and return the first `n` steps, or all if there are fewer."""
        taken = self.peek(n)
        self._tensors = {name: array[:, n:] for name, array in self._tensors.items()}
        self._num_steps = max(0, self._num_steps - n)
        return taken


class ArrayStream(Stream):
    """Input stream of given `tensors`, shape (1, T, C), all of one frame rate."""

    def __init__(self, tensors: Tensors) -> None:
        super().__init__({})
        self._remaining = TensorQueue()
        self._remaining.push(tensors)

    def _produce(self, n: int) -> Tensors | None:
        return self._remaining.take(n) if len(self._remaining) else None
