"""What a model hands to export: its networks, each a module with typed ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn

from tts_cli.ports import PortSpec, Role

Storage = Literal["float16", "int8"]


@dataclass(frozen=True)
class ExportPart:
    """One network of an addon.

    The names of its parameters in the addon are those of `module.state_dict()`, and what is loaded back into `module` lands in
    the trained model: `module` is a submodule of it, or a thin wrapper around submodules.
    """

    name: str
    role: Role
    module: nn.Module
    """`forward` takes one tensor (1, T, C) for each input, in order, and returns one (1, T', C') for each output, in order (a
    single output may come without its tuple). A decoder or vocoder pads nothing: T' = T - left margin - right margin."""
    inputs: Sequence[PortSpec]
    outputs: Sequence[PortSpec]
    when: str | None = None
    mask: str | None = None
    """See `ports.NetworkSpec`, as of `splittable`."""
    splittable: bool = False
    storage: Storage = "float16"
    """What its parameters are kept as: int8 halves the size of large networks, whose loss by that has to be measured."""
    lookahead: int | None = None
    """Frames of the receptive field that lie after the output frame; None: half of it, as centred convolutions have it."""
