"""Toy blocks and networks in numpy, and an addon that holds them in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.audio.mel import MelConfig
from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.network import AddonNetwork
from tts_cli.blocks.sequence import SequenceBlock
from tts_cli.blocks.streamable import Stream, StreamableBlock, TensorQueue
from tts_cli.errors import StackError
from tts_cli.ports import Array, NetworkSpec, PortSpec, Role, Tensors

NO_HASHES = {"onnx": "0" * 64, "params": "0" * 64}
SYMBOLS = ("_", "^", " ", ".", "AA0", "B", "K")
ARTICLE_STACK: dict[str, Any] = {
    "stack": [
        {
            "type": "StreamablePipeline",
            "sequence_block": {"type": "Encoders"},
            "streamable_block": {"type": "StreamableStack", "stack": [{"type": "Upsampler"}, {"type": "Decoder"}]},
        }
    ]
}


def port(name: str, rate: str = "frame", channels: int = 1, **options: object) -> PortSpec:
    return PortSpec.model_validate({"name": name, "rate": rate, "channels": channels, **options})


class ConvNetwork:
    """Toy network: mixes its inputs, then convolves over the receptive field: y[t] depends on x[t .. t + left + right]."""

    def __init__(self, spec: NetworkSpec, seed: int = 0) -> None:
        self.spec = spec
        self.inputs = tuple(port.name for port in spec.inputs)
        self.outputs = tuple(port.name for port in spec.outputs)
        random = np.random.default_rng(seed)
        self._taps = random.normal(size=spec.margins.total + 1)
        self._gains = {name: random.normal() for name in self.inputs}
        self.lengths: list[int] = []

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        mixed = sum(self._gains[name] * arrays[name].astype(np.float64).sum(axis=-1) for name in self.inputs)
        self.lengths.append(mixed.shape[1])
        windows = np.lib.stride_tricks.sliding_window_view(mixed, len(self._taps), axis=1)
        filtered = np.tanh(windows @ self._taps)[..., None]
        return {
            port.name: (filtered * np.linspace(1, 2, port.channels) + index).astype(np.float32)
            for index, port in enumerate(self.spec.outputs)
        }


def network(
    name: str,
    role: Role,
    inputs: Sequence[PortSpec],
    outputs: Sequence[PortSpec],
    margins: tuple[int, int] = (0, 0),
    **more: object,
) -> AddonNetwork:
    left, right = margins
    fields = {"role": role, "inputs": inputs, "outputs": outputs, "margins": {"left": left, "right": right}, "sha256": NO_HASHES}
    spec = NetworkSpec.model_validate({**fields, **more})
    return AddonNetwork(name, spec, ConvNetwork(spec))


PHONES = port("phones", "token", type="int64")


def encoder(name: str, *outputs: PortSpec, **more: Any) -> AddonNetwork:
    return network(name, "encoder", [PHONES, port("token_mask", "token")], outputs, **more)


def acoustic_networks(margins: tuple[int, int] = (3, 2)) -> list[AddonNetwork]:
    """Return networks with the ports of a real acoustic addon."""
    prosody = [port(name, "token") for name in ("log_duration", "log_f0", "voicing", "energy")]
    streamed = [
        port("text", channels=4),
        *(port(name) for name in ("log_f0", "voicing", "energy")),
        port("phone_position", channels=2),
    ]
    speaker = port("speaker", "utterance", type="int64")
    decoded = [port("mel", channels=8), port("log_f0"), port("voicing")]
    return [
        encoder("text_encoder", port("text", "token", 4)),
        encoder("prosody_encoder", *prosody),
        network("decoder", "decoder", [*streamed, speaker], decoded, margins),
    ]


@dataclass
class ToyAddon:
    """Addon parts in memory, see `blocks.parts.AddonParts`."""

    all_networks: list[AddonNetwork] = field(default_factory=list)
    sample_rate: int = 16000
    mel: MelConfig = field(default_factory=MelConfig)
    symbols: tuple[str, ...] = SYMBOLS
    mean_log_f0: tuple[float, ...] = (5.0, 4.5)
    stacks: dict[str, StreamableBlock] = field(default_factory=dict)

    def networks(self, role: Role) -> list[AddonNetwork]:
        return [network for network in self.all_networks if network.spec.role == role]

    def network(self, role: Role, name: str | None, path: str) -> AddonNetwork:
        found = [network for network in self.networks(role) if name in (None, network.name)]
        if len(found) != 1:
            raise StackError(f"{path}.network: no single network of role '{role}' and name {name}")
        return found[0]

    def asset(self, name: str, path: str) -> Path:
        raise StackError(f"{path}: no asset '{name}'")

    def stack_of(self, name: str, path: str) -> StreamableBlock:
        if name not in self.stacks:
            raise StackError(f"{path}: no addon '{name}'")
        return self.stacks[name]


def options(path: str = "toy: $", **value: Any) -> BlockOptions:
    return BlockOptions(value, path)


class Constant(SequenceBlock):
    """Sequence block that gives one token-rate port with a constant value."""

    def __init__(self, name: str, value: float = 1.0, path: str = "toy: constant") -> None:
        super().__init__(options(path), ToyAddon())
        self.outputs = (port(name, "token"),)
        self._value = value

    def _run(self, scope: Tensors) -> Tensors:
        return {self.outputs[0].name: np.full(scope["phones"].shape, self._value, np.float32)}


class Sum(SequenceBlock):
    """Sequence block that gives the sum of the token-rate ports `terms`."""

    def __init__(self, name: str, *terms: str, path: str = "toy: sum") -> None:
        super().__init__(options(path), ToyAddon())
        self.inputs = tuple(port(term, "token") for term in terms)
        self.outputs = (port(name, "token"),)

    def _run(self, scope: Tensors) -> Tensors:
        return {self.outputs[0].name: np.asarray(sum(scope[term.name] for term in self.inputs), np.float32)}


class Frames(StreamableBlock):
    """Streamable block that gives prepared frames, as many as requested."""

    def __init__(self, frames: Tensors) -> None:
        super().__init__(options("toy: frames"), ToyAddon())
        self.outputs = tuple(port(name, channels=array.shape[2]) for name, array in frames.items())
        self._frames = frames

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        return FramesStream(scope, self._frames, upstream)


class FramesStream(Stream):
    def __init__(self, scope: Tensors, frames: Tensors, upstream: Stream | None = None) -> None:
        super().__init__(scope, upstream)
        self._queue = TensorQueue()
        self._queue.push(frames)
        self.reads: list[int] = []

    def _produce(self, n: int) -> Tensors | None:
        self.reads.append(n)
        return self._queue.take(n) if len(self._queue) else None


class Through(StreamableBlock):
    """Streamable block that reads and gives the port `x` through a stream of the given class."""

    def __init__(self, stream: type[Stream], channels: int = 1) -> None:
        super().__init__(options(f"toy: {stream.__name__}"), ToyAddon())
        self.stream_inputs = self.outputs = (port("x", channels=channels),)
        self._stream = stream

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        return self._stream(scope, upstream)


class RunningMean(Stream):
    """Stream with unlimited memory: the mean of all steps so far."""

    def __init__(self, scope: Tensors, upstream: Stream | None) -> None:
        super().__init__(scope, upstream)
        self._sum: Array = np.zeros(1)
        self._count = 0

    def _produce(self, n: int) -> Tensors | None:
        chunk = self._read_upstream(n)
        if chunk is None:
            return None
        sums = self._sum + np.cumsum(chunk["x"].astype(np.float64), axis=1)
        counts = self._count + np.arange(1, sums.shape[1] + 1)[None, :, None]
        self._sum, self._count = sums[:, -1:], counts.max()
        return {"x": (sums / counts).astype(np.float32)}


class Stingy(Stream):
    """Stream that returns fewer steps than requested, which a stream may do."""

    def _produce(self, n: int) -> Tensors | None:
        return self._read_upstream(max(1, n // 3))


class Tripled(Stream):
    """Stream at three times the rate of its upstream."""

    def __init__(self, scope: Tensors, upstream: Stream | None) -> None:
        super().__init__(scope, upstream)
        self._ready = TensorQueue()

    def _produce(self, n: int) -> Tensors | None:
        missing = -(-(n - len(self._ready)) // 3)
        chunk = self._read_upstream(missing) if missing > 0 else None
        if chunk is not None:
            steps = np.tile(np.array([[[0.0], [0.1], [0.2]]], np.float32), (1, chunk["x"].shape[1], 1))
            self._ready.push({"x": np.repeat(chunk["x"], 3, axis=1) + steps})
        return self._ready.take(n) if len(self._ready) else None


def read_all(stream: Stream, sizes: Sequence[int]) -> dict[str, Array]:
    """Read a stream to its end in chunks of `sizes`, repeating the last size; return the joined tensors."""
    chunks, index = [], 0
    while (chunk := stream.read(sizes[min(index, len(sizes) - 1)])) is not None:
        assert 1 <= next(iter(chunk.values())).shape[1] <= sizes[min(index, len(sizes) - 1)]
        chunks.append(chunk)
        index += 1
    stream.close()
    return {name: np.concatenate([chunk[name] for chunk in chunks], axis=1) for name in chunks[0]} if chunks else {}
