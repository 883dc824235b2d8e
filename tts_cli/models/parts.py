"""Networks that a model passes to export: PyTorch modules with named, typed ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn

from tts_cli.ports import PortSpec, Role

Storage = Literal["float16", "int8"]
"""Type in which an addon stores parameters."""


@dataclass(frozen=True)
class ExportPart:
    """One network of an addon.

    The addon names its parameters as `module.state_dict()` does. `module` is a submodule of the trained model, or a thin wrapper
    around submodules, so that parameters loaded into `module` change the model.
    """

    name: str
    """Name of the network in addon.json and of its files."""
    role: Role
    """Role of the network: it decides which blocks run it, and whether its margins are measured."""
    module: nn.Module
    """Module to export. `forward` takes one tensor (1, T, C) for each input, in order, and returns one tensor (1, T', C') for
    each output, in order; a single output may come without a tuple. A decoder or vocoder pads nothing: T' = T - left margin -
    right margin."""
    inputs: Sequence[PortSpec]
    """Ports of the arguments of `forward`, in order."""
    outputs: Sequence[PortSpec]
    """Ports of the results of `forward`, in order."""
    when: str | None = None
    """Port without which the network does not run, see `ports.NetworkSpec`."""
    mask: str | None = None
    """Name of the input that masks padding, see `ports.NetworkSpec`."""
    splittable: bool = False
    """True if a long input may be run in overlapping pieces, see `ports.NetworkSpec`."""
    storage: Storage = "float16"
    """Type of the stored parameters. int8 halves the size of large networks; its loss of accuracy must be measured
    (`rounding_figures`)."""
    lookahead: int | None = None
    """Future frames in the receptive field; None: half of the receptive field, as in centred convolutions."""
