"""Exact chunked execution of a network with finite receptive field, and the `Decoder` block that runs one.

A block that does more than run its network reads a `NetworkStream`, as the vocoder does, and gives a stream of its own.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tts_cli.blocks.block import BlockOptions, NetworkOptions
from tts_cli.blocks.fixed_sizes import padding
from tts_cli.blocks.network import AddonNetwork, filled
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.streamable import Stream, StreamableBlock, TensorQueue
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import StrictModel
from tts_cli.ports import Array, PortSpec, Tensors


class NetworkStream(Stream):
    """Stream that runs a network of finite receptive field, so that chunks of any size join to the one-shot output.

    For t output steps the network reads `margins.left` + t + `margins.right` input steps. It returns t steps (its convolutions
    do not pad), or as many as it read, of which the margins are cropped. Input steps are kept until no output step needs them.
    Before and after the utterance the `pad` of each input port is fed. `read(n)` returns exactly `n` steps until the last chunk
    (at most the largest compiled size, for a network of fixed sizes). It reads no more from upstream than required:
    `n` + `margins.right` steps at the first read, `n` at every later one.

    Args:
        network: Network to run.
        scope: Sequence ports of the utterance, (1, T, C), among them the inputs of the network at other rates.
        upstream: Stream that gives the inputs at the rate of the outputs.
        least_steps: Fewest input steps of a run. A shorter run is padded at its end, and the outputs are cropped.
    """

    def __init__(self, network: AddonNetwork, scope: Tensors, upstream: Stream | None, least_steps: int = 0) -> None:
        super().__init__(scope, upstream)
        self._network = network
        self._margins = network.spec.margins
        self._constants = {port.name: scope[port.name] for port in network.constant if port.name in scope}
        self._window = TensorQueue()
        self._window.push({port.name: padding(port, self._margins.left) for port in network.streamed})
        self._upstream_ended = False
        self._largest = network.largest(network.spec.outputs[0].rate)
        self._least = least_steps if self._largest is None else min(least_steps, self._largest)

    def _produce(self, n: int) -> Tensors | None:
        if self._largest is not None:
            n = min(n, self._largest - self._margins.total)
        self._fill(n + self._margins.total)
        num_steps = min(n, len(self._window) - self._margins.total)
        if num_steps < 1 or not self._is_open:
            return None
        outputs = self._run(num_steps + self._margins.total)
        self._window.take(num_steps)
        return {name: self._cropped(array, num_steps) for name, array in outputs.items()}

    def _run(self, num_inputs: int) -> dict[str, Array]:
        """Run the network on the next `num_inputs` steps; return its outputs without those of padding."""
        inputs = self._window.peek(num_inputs)
        missing = max(0, self._least - num_inputs)
        if missing:
            inputs = {
                port.name: np.concatenate([inputs[port.name], padding(port, missing)], axis=1) for port in self._network.streamed
            }
        outputs = self._network.run({**self._constants, **inputs})
        return {name: array[:, : array.shape[1] - missing] for name, array in outputs.items()}

    def _fill(self, num_steps: int) -> None:
        """Read upstream until the window holds `num_steps` steps, or the end of the utterance and the right margin."""
        while len(self._window) < num_steps and not self._upstream_ended:
            chunk = self._read_upstream(num_steps - len(self._window))
            self._upstream_ended = chunk is None
            ports = self._network.streamed
            if chunk is None:
                self._window.push({port.name: padding(port, self._margins.right) for port in ports})
            else:
                self._window.push({port.name: _input(port, chunk) for port in ports})

    def _cropped(self, output: Array, num_steps: int) -> Array:
        first = self._margins.left if output.shape[1] > num_steps else 0
        return output[:, first : first + num_steps]


def _input(port: PortSpec, chunk: Tensors) -> Array:
    num_steps = next(iter(chunk.values())).shape[1]
    return chunk[port.name] if port.name in chunk else filled(port, num_steps)


class Decoder(StreamableBlock):
    """Streamable block that runs the decoder network on the frames of the block before it, for example to mel frames."""

    options_model: ClassVar[type[StrictModel]] = NetworkOptions

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.network = addon.network("decoder", self.options.network, self.path)
        self.lookahead_samples = self.network.spec.margins.right * addon.mel.hop_samples

    def needs(self, num_steps: int) -> int:
        return num_steps + self.network.spec.margins.right

    def _connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        return self.network.connect_stream(scope, upstream, self.path)

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        return NetworkStream(self.network, scope, upstream)
