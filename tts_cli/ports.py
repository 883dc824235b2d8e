"""Ports (named tensors that components exchange), and the declaration of a network in addon.json.

Shapes are (1, T, C): one utterance, T time steps, C channels. This is the lowest module that knows of tensors: `backends`,
`blocks`, `addon` and `voice` import it, and it imports only `config`. `addon.config` describes the rest of addon.json.
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
        raise ValueError(f"'{text}' is no rate; valid: token, word, frame, source_frame, sample, utterance, a fraction (frame/4)")
    return text


Rate = Annotated[str, AfterValidator(_is_rate), WithJsonSchema({"type": "string", "pattern": _RATE})]
"""Unit of one step of a tensor's time axis. `frame/4` has one step for every four frames."""

Role = Literal["encoder", "decoder", "step", "vocoder", "analysis"]
STREAMED_ROLES: tuple[Role, ...] = ("decoder", "vocoder")
"""Roles of networks that run piece by piece on a stream, with their margins, rather than on the whole utterance."""
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A name that is also a safe file name."""
Size = Annotated[int, Field(ge=1)]
"""Number of steps that a network is compiled for."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class PortSpec(StrictModel):
    """Declaration of a named tensor (1, T, channels) that a network or block reads or gives.

    For example, a mel spectrogram of 80 bands at frame rate:

        PortSpec(name="mel", rate="frame", channels=80)
    """

    name: str
    """Name of the port. A block or network reads the tensor of the same name that something before it gives."""
    rate: Rate
    """Unit of one step of the time axis: `token`, `word`, `frame`, `source_frame`, `sample`, `utterance`, or a fraction such as
    `frame/4`, one step for every four frames."""
    channels: int = Field(default=1, ge=0)
    """Size of the last axis. 0 accepts any size."""
    type: Literal["float32", "int64"] = "float32"
    """Type of the numbers."""
    pad: float = 0.0
    """Value that fills the steps before the first and after the last step of an utterance."""
    optional: bool = False
    """True if the block or network that reads the port can run without it."""
    default: float | None = None
    """Value of an absent optional input, and of an output when its network does not run. None means 0."""

    def describe(self) -> str:
        """Return the port in words, for messages: `'mel' (frame rate, 80 channels, float32)`."""
        channels = f"{self.channels} channel{'s' * (self.channels != 1)}" if self.channels else "any channels"
        return f"'{self.name}' ({self.rate} rate, {channels}, {self.type})"

    def accepts(self, given: PortSpec) -> bool:
        """Return True if a tensor declared as `given` fits this port: same rate and type, same channels unless either is 0."""
        same_channels = self.channels == given.channels or 0 in (self.channels, given.channels)
        return same_channels and self.rate == given.rate and self.type == given.type


class Margins(StrictModel):
    """Receptive field of a network: the input steps that it reads before (`left`) and after (`right`) an output step.

    The export measures it.
    """

    left: int = Field(default=0, ge=0)
    """Input steps before an output step."""
    right: int = Field(default=0, ge=0)
    """Input steps after an output step: the look-ahead."""

    @property
    def total(self) -> int:
        """Sum of both margins: input steps read beyond the output steps."""
        return self.left + self.right


class NetworkHashes(StrictModel):
    """SHA-256 of a network's ONNX file and of its parameter file, in hexadecimal."""

    onnx: Sha256
    """SHA-256 of the graph, `networks/NAME.onnx`."""
    params: Sha256
    """SHA-256 of the parameters, `networks/NAME.params`."""


class NetworkSpec(StrictModel):
    """Declaration of one network in addon.json.

    Its files are `networks/<name>.onnx` (graph) and `networks/<name>.params` (parameters).
    """

    role: Role
    """Part that the network plays: `encoder`, `decoder`, `step` (one step of an attention-based decoder), `vocoder` or `analysis`
    (of sentences)."""
    inputs: tuple[PortSpec, ...]
    outputs: tuple[PortSpec, ...]
    margins: Margins = Margins()
    when: str | None = None
    """Name of a port. If the request lacks it, the network does not run, and its outputs take their defaults. None: it always
    runs."""
    mask: str | None = None
    """Name of the input that is 1 on the steps of the utterance and 0 on padding, which the network ignores. A network without a
    mask is padded only where every output step that padding could influence is cropped."""
    splittable: bool = False
    """True if a long input may be run in pieces that overlap by the margins."""
    sha256: NetworkHashes

    @property
    def is_streamed(self) -> bool:
        """True if the role is in `STREAMED_ROLES`. Other networks read the whole utterance, or their own state step by step."""
        return self.role in STREAMED_ROLES


class NetworkSettings(StrictModel):
    """Runtime settings of one network in a context: backend, provider, threads, precision and sizes."""

    backend: str = "onnxruntime"
    """Runtime of the network: `onnxruntime` or `openvino`."""
    provider: str = "cpu"
    """Device of the backend, such as `cpu`, `cuda`, `gpu` or `npu`; `tts doctor` lists those of this machine."""
    threads: int = Field(default=1, ge=1)
    """Threads that the network uses on a CPU."""
    precision: Literal["f32", "f16", "bf16"] = "f32"
    """Precision of the computation. On disk, parameters are float16."""
    sizes: dict[Rate, Annotated[tuple[Size, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """Numbers of steps, by rate, that the network is compiled for when it opens: {"token": [64, 200]}. An input is padded to the
    smallest size that fits and the output is cropped. Empty: inputs of any length."""
