"""Phones to frames: the encoders of phones and the repetition of tokens by their durations."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from tts_cli.corpora.facts import CorpusFacts
from tts_cli.models.layers import ConvNeXtBlocks


class EncoderSizes(Protocol):
    """Sizes of an encoder of phones, part of the configuration of its model."""

    @property
    def encoder_layers(self) -> int: ...
    @property
    def expansion(self) -> int: ...
    @property
    def dropout(self) -> float: ...


class PhoneEncoder(nn.Module):
    """Phones in their neighbourhood: dilated convolutions that see nothing beyond the mask.

    phones: (B, N, 1) int64; mask: (B, N, 1), 1 on tokens -> (B, N, outputs)
    """

    DILATIONS = (1, 1, 2, 4, 8, 1, 1, 1)

    def __init__(self, config: EncoderSizes, facts: CorpusFacts, channels: int, outputs: int) -> None:
        super().__init__()
        self.phones = nn.Embedding(len(facts.symbols), channels)
        dilations = self.DILATIONS[: config.encoder_layers]
        self.blocks = ConvNeXtBlocks(channels, 5, config.expansion, dilations)
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, outputs)

    def forward(self, phones: Tensor, mask: Tensor) -> Tensor:
        return self.encode(self.phones(phones[:, :, 0]), mask)

    def encode(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """From embedded tokens (B, N, channels)."""
        for block in self.blocks:
            hidden = self.dropout(block.same_length(hidden, mask))
        outputs: Tensor = self.head(self.norm(hidden))
        return outputs * mask


class TokenEncoder(PhoneEncoder):
    """The same as a speaker says them: phones, mask and speaker (B, 1, 1) int64 -> (B, N, outputs)."""

    def __init__(self, config: EncoderSizes, facts: CorpusFacts, channels: int, outputs: int) -> None:
        super().__init__(config, facts, channels, outputs)
        self.speakers = nn.Embedding(len(facts.speakers), channels)
        nn.init.normal_(self.speakers.weight, std=0.1)

    def forward(self, phones: Tensor, mask: Tensor, speaker: Tensor) -> Tensor:  # type: ignore[override]
        return self.encode(self.phones(phones[:, :, 0]) + self.speakers(speaker[:, :, 0]), mask)


def repeat(tokens: Tensor, durations: Tensor, num_frames: int) -> tuple[Tensor, Tensor]:
    """Tokens (B, N, C) repeated by durations (B, N) frames: (B, T, C), and each frame's position in its token (B, T, 2).

    The position is the fraction of the token that has passed and ln(1 + duration); frames past the end are 0.
    """
    ends = durations.cumsum(1)
    frame = torch.arange(num_frames, device=durations.device).expand(len(durations), -1).contiguous()
    token = torch.searchsorted(ends, frame, right=True).clamp(max=durations.shape[1] - 1)
    inside = (frame < ends[:, -1:]).float()[..., None]
    duration = durations.gather(1, token).float()
    start = ends.gather(1, token).float() - duration
    position = torch.stack([(frame - start + 0.5) / duration.clamp(min=1), torch.log1p(duration)], -1)
    return tokens.gather(1, token[..., None].expand(-1, -1, tokens.shape[-1])) * inside, position * inside


def padded(frames: Tensor, margin: int) -> Tensor:
    """Zeros before and after, as the layer feeds at both ends of an utterance."""
    return nn.functional.pad(frames, (0, 0, margin, margin))
