"""Streamable blocks: data on demand, chunk by chunk, from sequence data and from the streamable block before.

A block of one's own declares its ports and opens streams; a stream produces:

    class Gain(StreamableBlock):
        stream_inputs = (PortSpec(name="audio", rate="sample"),)
        outputs = (PortSpec(name="audio", rate="sample"),)

        def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
            return GainStream(scope, upstream)

    class GainStream(Stream):
        def _produce(self, n: int) -> Tensors | None:
            chunk = self._read_upstream(n)
            return chunk and {"audio": 0.5 * chunk["audio"]}

What one utterance needs to remember lives in the stream, so that one block serves many threads at once. `n` counts steps of the
stream's own rate: frames for a decoder, samples for a vocoder, which pulls as many frames as it needs. A stream ends when the one
before it has ended; one that means to end sooner closes that: otherwise the speech counts as cut off.
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
    """Something a block noticed that makes the utterance doubtful, although it went on."""

    kind: str
    """What it is, in one word, for counting: `repeat`, `skip`, `truncation`, `endless`, `not-finite`."""
    message: str


class Stream(ABC):
    """One utterance on its way through one block; read by one thread."""

    def __init__(self, scope: Tensors, upstream: Stream | None = None) -> None:
        self.upstream = upstream
        self.values: Tensors = _read_only({**scope, **(upstream.values if upstream else {})})
        """The sequence ports of the utterance, (1, T, C), read-only: for whoever reports on it or carries something on."""
        self.block: StreamableBlock | None = None
        """Whose stream it is, once a container started it: held to what the block declares."""
        self.was_read = self.has_given = self.has_ended = False
        """Whether it was ever asked for steps; gave some; said that there are no more."""
        self.is_finite = True
        """Whether all it gave were finite numbers, as far as that was watched for a container."""
        self._is_open = True
        self._faults: list[Fault] = []

    @property
    def chain(self) -> tuple[Stream, ...]:
        """The streams that data passes through, in order: those before this one, and this one."""
        return (*(self.upstream.chain if self.upstream else ()), self)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What this stream and those before it noticed so far."""
        return tuple(fault for stream in self.chain for fault in stream._faults)

    def read(self, n: int) -> Tensors | None:
        """The next t steps, 1 <= t <= n, as (1, t, C) arrays by port; None at the end and after `close`.

        Steps count at this stream's own rate: frames, or samples. Raises StackError when the block breaks its contract.
        """
        if n < 1:
            raise ValueError(f"a stream is read by at least one step, not {n}")
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
        """What was taken from `upstream` must not come to nothing, nor what it would still give be dropped unsaid."""
        if not self.has_given and upstream.has_given:
            raise StackError(f"{block.path}: {block.type} gave nothing, although it was given something")
        is_read = upstream.was_read or not self.has_given
        if is_read and upstream._is_open and not upstream.has_ended:
            self._faults.append(Fault("truncation", f"{block.path}: {block.type} ended before what it reads from did"))

    @abstractmethod
    def _produce(self, n: int) -> Tensors | None:
        """What `read` gives; asked again after the end, it gives None again."""

    def _read_upstream(self, n: int) -> Tensors | None:
        """Reads at most `n` steps of the stream before."""
        return None if self.upstream is None else self.upstream.read(n)

    def close(self) -> None:
        """Ends the stream and those before it: nothing more is computed. May be called again, and from another thread."""
        self._is_open = False
        if self.upstream is not None:
            self.upstream.close()


def _read_only(tensors: Tensors) -> Tensors:
    views = {name: array.view() for name, array in tensors.items()}
    for view in views.values():
        view.flags.writeable = False
    return MappingProxyType(views)


class StreamableBlock(Block, ABC):
    """Generates data on demand, chunk by chunk, from sequence data and/or another streamable block."""

    inputs: tuple[PortSpec, ...] = ()
    """Sequence ports read from the scope."""
    stream_inputs: tuple[PortSpec, ...] = ()
    """Stream ports read from the block before."""
    outputs: tuple[PortSpec, ...] = ()
    """Stream ports given to the block after, all of one rate."""
    lookahead_samples: int = 0
    """Audio, in samples, that must exist beyond a step before that step can be given. Containers add it up once connected
    (as cached_conv does with delays, Caillon and Esling, 2022); `latency` adds it up in time, where sample rates differ."""

    @property
    def chain(self) -> tuple[StreamableBlock, ...]:
        """The blocks that data passes through, in order: this one, or what a container consists of."""
        return (self,)

    def needs(self, num_steps: int) -> int:
        """How many steps of the stream before the first `num_steps` are made of, provided that it has as many.

        As many and the look-ahead, unless a block says otherwise, as those do that look ahead and count in other than samples.
        """
        return num_steps + self.lookahead_samples

    def output_time(self, seconds: float) -> float:
        """When what the stream before gives at `seconds` from its start goes out here."""
        return seconds

    def _connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        """Checks the ports once, when the addon opens; gives the ports of its streams. Raises StackError."""
        scope.need(self.inputs, self.path)
        upstream.need(self.stream_inputs, self.path)
        return Wiring.of(self.outputs, self.path)

    @abstractmethod
    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        """A stream of one utterance. `scope` holds its sequence ports, `upstream` the stream of the block before."""

    def connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        """`connect`, as containers call it: the block knows from then on what it reads and gives."""
        with naming_block(self.path, self.type):
            given = self._connect(scope, upstream)
        return self.note(given, scope, upstream)

    def open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        """`open`, as containers call it: from then on an error, and a chunk that is not as declared, names the block."""
        with naming_block(self.path, self.type):
            stream = self._open(scope, upstream)
            if not isinstance(stream, Stream):
                raise StackError(f"{self.path}: open of {self.type} gave {type(stream).__name__}, but a Stream belongs there")
            stream.block = stream.block or self
        return stream


class StreamableStackOptions(StrictModel):
    """Options of `StreamableStack`."""

    stack: Annotated[tuple[Any, ...], Nests(StreamableBlock)]


class StreamableStack(StreamableBlock):
    """Chains streamable blocks: each reads the stream of the one before it, and all read the same scope."""

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


class AddonStack(StreamableStack):
    """`{"type": "Addon", "name": NAME}`: stands for the stack of another addon."""

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
        """What does not fit inside the other addon is told with the place of this entry too."""
        try:
            yield
        except StackError as error:
            if error.message.startswith(self.path):
                raise
            raise StackError(f"{self.path}: {error.message}", error.hint) from error


class TensorQueue:
    """Steps that came in and are not used up yet, first in, first out: the state of most streams."""

    def __init__(self) -> None:
        self._tensors: dict[str, Array] = {}
        self._num_steps = 0

    def __len__(self) -> int:
        return self._num_steps

    def push(self, tensors: Tensors) -> None:
        """Appends steps; every push brings the same names."""
        if self._num_steps:
            tensors = {name: np.concatenate([self._tensors[name], array], axis=1) for name, array in tensors.items()}
        self._tensors = dict(tensors)
        self._num_steps = next((array.shape[1] for array in self._tensors.values()), 0)

    def peek(self, n: int) -> dict[str, Array]:
        """The first `n` steps, or fewer when there are fewer; they stay."""
        return {name: array[:, :n] for name, array in self._tensors.items()}

    def take(self, n: int) -> dict[str, Array]:
        """The first `n` steps, or fewer when there are fewer; they go."""
        taken = self.peek(n)
        self._tensors = {name: array[:, n:] for name, array in self._tensors.items()}
        self._num_steps = max(0, self._num_steps - n)
        return taken
