"""`AddonNetwork`: one opened network of an addon, with its declared ports, as blocks run it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tts_cli.backends import Network
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import InputError
from tts_cli.ports import Array, NetworkSettings, NetworkSpec, PortSpec, Rate, Tensors


@dataclass(frozen=True)
class AddonNetwork:
    """Opened network with its name and declaration in addon.json."""

    name: str
    spec: NetworkSpec
    network: Network
    settings: NetworkSettings = field(default_factory=NetworkSettings)
    """Runtime settings from the context."""

    def largest(self, rate: Rate) -> int | None:
        """Return the largest number of steps that inputs of `rate` may have in one run; None: any number."""
        return max(self.settings.sizes.get(rate, ()), default=None)

    @property
    def streamed(self) -> tuple[PortSpec, ...]:
        """Inputs at the rate of the outputs, which a stream feeds chunk by chunk."""
        return tuple(port for port in self.spec.inputs if port.rate == self.spec.outputs[0].rate)

    @property
    def constant(self) -> tuple[PortSpec, ...]:
        """Inputs at any other rate, which are read whole from the scope."""
        return tuple(port for port in self.spec.inputs if port not in self.streamed)

    def connect(self, scope: Wiring, path: str) -> Wiring:
        """Check the input ports for the sequence block at `path`; return the output ports. Raises StackError for a misfit."""
        inputs = self.spec.inputs
        if self.spec.when is not None:
            inputs = tuple(port.model_copy(update={"optional": True}) for port in inputs)
        scope.need(inputs, path)
        return Wiring.of(self.spec.outputs, f"{path} (network '{self.name}')")

    def connect_stream(self, scope: Wiring, upstream: Wiring, path: str) -> Wiring:
        """Check the input ports for the streamable block at `path`; return the output ports.

        `constant` inputs come from `scope`, `streamed` ones from the block before. Raises StackError if one does not fit.
        """
        scope.need(self.constant, path)
        upstream.need(self.streamed, path)
        return Wiring.of(self.spec.outputs, f"{path} (network '{self.name}')")

    def run(self, tensors: Tensors) -> dict[str, Array]:
        """Run the network; if the port named by `when` is absent, return the default of every output instead.

        Args:
            tensors: Inputs (1, T, C) by port name, among other tensors. Absent optional inputs take their defaults.

        Returns:
            Outputs (1, T, C) by port name.

        Raises:
            InputError: A required input is absent.
        """
        if self.spec.when is not None and self.spec.when not in tensors:
            return {port.name: filled(port, self._length(port.rate, tensors)) for port in self.spec.outputs}
        return self.network.run({port.name: self._input(port, tensors) for port in self.spec.inputs})

    def _input(self, port: PortSpec, tensors: Tensors) -> Array:
        if port.name in tensors:
            return np.ascontiguousarray(tensors[port.name])
        if not port.optional:
            raise InputError(f"network '{self.name}' needs {port.describe()}, which the request does not give")
        return filled(port, self._length(port.rate, tensors))

    def _length(self, rate: str, tensors: Tensors) -> int:
        """Return the number of steps of the inputs at `rate`; 1 if there are none."""
        present = (tensors[port.name] for port in self.spec.inputs if port.rate == rate and port.name in tensors)
        return next((array.shape[1] for array in present), 1)


def filled(port: PortSpec, num_steps: int) -> Array:
    """Return `num_steps` steps of the default of `port`: (1, num_steps, channels)."""
    return np.full((1, num_steps, port.channels), port.default or 0.0, port.type)
