"""Whether a network computes what its torch module computes."""

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
"""One tensor (1, T, C) for each input of a part."""


@dataclass(frozen=True)
class Parity:
    """How far one output of a network is from torch, over all samples, in one context."""

    context: str
    network: str
    output: str
    largest_difference: float
    largest_value: float
    """Largest absolute value torch gives."""

    @property
    def error(self) -> float:
        """What the tolerance limits: the largest difference, relative to the largest value where that is above 1."""
        return self.largest_difference / max(1.0, self.largest_value)


@torch.no_grad()
def round_parameters(parts: Iterable[ExportPart]) -> None:
    """Give every parameter of `parts` the value that an addon keeps, in place: only the computation can then differ."""
    for part in parts:
        for name, value in part.module.state_dict().items():
            value.copy_(torch.from_numpy(restored(stored(name, value, part.storage))[name]))


def measure_parity(part: ExportPart, network: Network, samples: Iterable[Sample], context: str = "default") -> list[Parity]:
    """One entry for each output of `network`, opened in `context`. The part's parameters are expected to be rounded."""
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
    """Raises RefusedError naming the output that is furthest from torch, if it is further than `tolerance`."""
    worst = max(parities, key=lambda parity: parity.error)
    if worst.error > tolerance:
        raise RefusedError(
            f"network '{worst.network}' in context '{worst.context}' differs from its torch module by {worst.error:.1e} in "
            f"'{worst.output}', "
            f"more than the tolerance of {tolerance:.0e}; nothing was written"
        )


def _compare(expected: Array, given: Array) -> tuple[float, float]:
    """Largest absolute difference and value; a shape or a number that is missing differs without bound."""
    if expected.shape != given.shape or not np.isfinite(expected - given).all():
        return float("inf"), 0.0
    return float(np.abs(expected - given).max(initial=0)), float(np.abs(expected).max(initial=0))
