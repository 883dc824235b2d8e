"""Parity of exported networks: compare their outputs with those of their PyTorch modules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tts_cli.backends import Network
from tts_cli.errors import RefusedError
from tts_cli.export.margins import outputs_of
from tts_cli.models.parts import ExportPart
from tts_cli.models.storage import restored, stored
from tts_cli.ports import Array

Sample = Sequence[Tensor]
"""One tensor (1, T, C) for each input of a network."""


@dataclass(frozen=True)
class Parity:
    """Difference of one output of a network from PyTorch, over all samples, in one context."""

    context: str
    """Name of the context (where networks run: backend, sizes, threads) of the network."""
    network: str
    """Name of the network."""
    output: str
    """Name of the output."""
    largest_difference: float
    """Largest absolute difference from PyTorch."""
    largest_value: float
    """Largest absolute value of PyTorch."""

    @property
    def error(self) -> float:
        """Largest difference from PyTorch, divided by the largest value if that is above 1. It must not exceed the tolerance."""
        return self.largest_difference / max(1.0, self.largest_value)


@torch.no_grad()
def round_parameters(parts: Iterable[ExportPart]) -> None:
    """Round every parameter of `parts` to its storage type, in place, so that parity measures differences of computation
    alone."""
    for part in parts:
        for name, value in part.module.state_dict().items():
            value.copy_(torch.from_numpy(restored(stored(name, value, part.storage))[name]))


def measure_parity(part: ExportPart, network: Network, samples: Iterable[Sample], context: str = "default") -> list[Parity]:
    """Compare a network with its PyTorch module.

    Args:
        part: The network, with rounded parameters.
        network: The exported network, opened in `context`.
        samples: Inputs.
        context: Name of the context.

    Returns:
        One entry for each output.
    """
    largest = {port.name: (0.0, 0.0) for port in part.outputs}
    for sample in samples:
        given = network.run({port.name: value.numpy() for port, value in zip(part.inputs, sample, strict=True)})
        with torch.no_grad():
            expected = outputs_of(part.module, sample)
        for port, value in zip(part.outputs, expected, strict=True):
            difference, scale = _compare(value.numpy(), given[port.name])
            largest[port.name] = (max(largest[port.name][0], difference), max(largest[port.name][1], scale))
    return [Parity(context, part.name, output, *values) for output, values in largest.items()]


def refuse_disparity(parities: Iterable[Parity], tolerance: float) -> None:
    """Raise RefusedError that names the output with the largest error, if this exceeds `tolerance`."""
    worst = max(parities, key=lambda parity: parity.error)
    if worst.error > tolerance:
        raise RefusedError(
            f"network '{worst.network}' in context '{worst.context}': output '{worst.output}' differs from PyTorch by "
            f"{worst.error:.1e}, more than the tolerance of {tolerance:.0e}; nothing was written",
            hint="raise --tolerance if that is acceptable, or report a bug of the exporter",
        )


def _compare(expected: Array, given: Array) -> tuple[float, float]:
    """Return the largest absolute difference and value. Another shape, or a value that is not finite, is an infinite
    difference."""
    if expected.shape != given.shape or not np.isfinite(expected - given).all():
        return float("inf"), 0.0
    return float(np.abs(expected - given).max(initial=0)), float(np.abs(expected).max(initial=0))
