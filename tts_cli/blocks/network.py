"""`AddonNetwork`: one opened network of an addon, with its declared ports, as blocks run it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tts_cli.backends import Network
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import AddonError, InputError
from tts_cli.ports import Array, NetworkSettings, NetworkSpec, PortSpec, Rate, Tensors

_UNSOUND = "the weights are unsound: choose another addon, or export this one again"


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
            message = f"network '{self.name}' needs {port.describe()}, which the request does not give"
            raise InputError(message, hint=f"give {port.name} in the request, or choose a voice that does not need it")
        return filled(port, self._length(port.rate, tensors))

    def _length(self, rate: str, tensors: Tensors) -> int:
        """Return the number of steps of the inputs at `rate`; 1 if there are none."""
        present = (tensors[port.name] for port in self.spec.inputs if port.rate == rate and port.name in tensors)
        return next((array.shape[1] for array in present), 1)


class AnalysisNetwork:
    """Network of role `analysis` whose outputs are checked, since no block after it would notice a wrong value.

    It implements `backends.Network`.

    Args:
        network: Opened network.
        spec: Declaration of the network.
        place: Addon and network, for messages.
    """

    def __init__(self, network: Network, spec: NetworkSpec, place: str) -> None:
        self.inputs, self.outputs = network.inputs, network.outputs
        self._network, self._spec, self._place = network, spec, place

    def run(self, tensors: Tensors) -> dict[str, Array]:
        """Run the network, see `Network.run`. Raises AddonError also for values that are not finite and for other shapes."""
        outputs = self._network.run(tensors)
        lengths = {port.rate: tensors[port.name].shape[1] for port in self._spec.inputs} | {"utterance": 1}
        for port in self._spec.outputs:
            self._refuse_faulty(port, outputs[port.name], lengths.get(port.rate))
        return outputs

    def _refuse_faulty(self, port: PortSpec, array: Array, num_steps: int | None) -> None:
        expected = (1, num_steps, port.channels or None)
        if array.ndim != len(expected) or any(n not in (None, m) for n, m in zip(expected, array.shape, strict=True)):
            shape = " x ".join("any" if n is None else str(n) for n in expected)
            message = f"{self._place} gave '{port.name}' of shape {' x '.join(map(str, array.shape))}, not {shape}"
            raise AddonError(message, hint=_UNSOUND)
        if not np.isfinite(array).all():
            raise AddonError(f"{self._place} gave a value in '{port.name}' that is not a finite number", hint=_UNSOUND)


def filled(port: PortSpec, num_steps: int) -> Array:
    """Return `num_steps` steps of the default of `port`: (1, num_steps, channels)."""
    return np.full((1, num_steps, port.channels), port.default or 0.0, port.type)
