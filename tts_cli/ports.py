"""Ports and networks: what components exchange, and what a network declares about itself.

This is the lowest room that knows of tensors: `backends`, `request`, `blocks` and `addon_config` all import it, and it imports
only `config`. The whole of addon.json is described in `addon_config`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from numpy.typing import NDArray
from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from tts_cli.config import StrictModel

Array = NDArray[Any]
Tensors = Mapping[str, Array]
"""Named tensors, each (1, T, C), float32 or int64."""

_RATE = r"^(token|word|frame|source_frame|sample|utterance)(/[1-9][0-9]*)?$"


def _is_rate(text: str) -> str:
    if not re.match(_RATE, text):
        raise ValueError(f"'{text}' is no rate: token, word, frame, source_frame, sample, utterance, or one in so many: frame/4")
    return text


Rate = Annotated[str, AfterValidator(_is_rate), WithJsonSchema({"type": "string", "pattern": _RATE})]
"""What one step of a tensor's time axis stands for. `frame/4` has one step for every four frames."""

Role = Literal["encoder", "decoder", "step", "vocoder", "analysis"]
STREAMED_ROLES: tuple[Role, ...] = ("decoder", "vocoder")
"""Networks that are fed piece by piece, with their margins."""
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A name that is also a safe file name."""
Size = Annotated[int, Field(ge=1)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class PortSpec(StrictModel):
    """A named tensor (1, T, channels) that a network or block reads or gives."""

    name: str
    rate: Rate
    channels: int = Field(default=1, ge=0)
    """Size of the last axis; 0 accepts any."""
    type: Literal["float32", "int64"] = "float32"
    pad: float = 0.0
    """What the layer feeds before the first and after the last step of an utterance."""
    optional: bool = False
    """Whether the reader can do without it."""
    default: float | None = None
    """What an absent optional input is filled with, and what an output takes when its network does not run."""

    def describe(self) -> str:
        """The port in words, for messages."""
        channels = f"{self.channels} channel{'s' * (self.channels != 1)}" if self.channels else "any channels"
        return f"'{self.name}' ({self.rate} rate, {channels}, {self.type})"

    def accepts(self, given: PortSpec) -> bool:
        """Whether a tensor of `given` may enter here: same rate and type, and the same channels unless either takes any."""
        same_channels = self.channels == given.channels or 0 in (self.channels, given.channels)
        return same_channels and self.rate == given.rate and self.type == given.type


class Margins(StrictModel):
    """Receptive field of a network: input steps it reads before and after each output step. Found at export."""

    left: int = Field(default=0, ge=0)
    right: int = Field(default=0, ge=0)

    @property
    def total(self) -> int:
        """Input steps read beyond the output steps, both sides together."""
        return self.left + self.right


class NetworkHashes(StrictModel):
    """SHA-256 of a network's two files, in hexadecimal."""

    onnx: Sha256
    params: Sha256


class NetworkSpec(StrictModel):
    """What addon.json says of one network: `networks/<name>.onnx` (symbols) and `networks/<name>.params` (parameters)."""

    role: Role
    inputs: tuple[PortSpec, ...]
    outputs: tuple[PortSpec, ...]
    margins: Margins = Margins()
    when: str | None = None
    """A port; where a request lacks it the network does not run, and its outputs take their default."""
    mask: str | None = None
    """The input that is 1 on the steps of the utterance and 0 on padding, beyond which the network ignores everything. A network
    without one is given padding only where the layer crops all that padding could touch."""
    splittable: bool = False
    """Whether the layer may run a long input in pieces that overlap by the margins."""
    sha256: NetworkHashes

    @property
    def is_streamed(self) -> bool:
        """Whether its role is one of `STREAMED_ROLES`, rather than fed with the whole utterance or its own state."""
        return self.role in STREAMED_ROLES


class NetworkSettings(StrictModel):
    """Where a context runs one network."""

    backend: str = "onnxruntime"
    provider: str = "cpu"
    threads: int = Field(default=1, ge=1)
    precision: Literal["f32", "f16", "bf16"] = "f32"
    """Of the computation; parameters are float16 on disk."""
    sizes: dict[Rate, Annotated[tuple[Size, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """Steps the inputs of a rate may have, the sizes the network is compiled for when it opens: {"token": [64, 200]}. The layer
    takes the smallest that fits, pads and crops. Without sizes the shapes are free."""
