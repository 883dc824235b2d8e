"""Phone encoders, and the expansion of tokens to frames by their durations.

Shapes: B utterances, N tokens, T frames, C channels.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from tts_cli.corpora.facts import CorpusFacts
from tts_cli.models.layers import ConvNeXtBlocks


class EncoderSizes(Protocol):
    """Sizes of a `PhoneEncoder`: the part of a model's `Config` that it reads."""

    @property
    def encoder_layers(self) -> int: ...
    @property
    def expansion(self) -> int: ...
    @property
    def dropout(self) -> float: ...


class PhoneEncoder(nn.Module):
    """Encoder of phones: an embedding and `encoder_layers` dilated ConvNeXt blocks (kernel 5) that ignore padding.

    phones (B, N, 1) int64 ids, mask (B, N, 1), 1 on tokens -> (B, N, outputs), 0 on padding.
    """

    DILATIONS = (1, 1, 2, 4, 8, 1, 1, 1)
    """Dilation of each layer, in tokens."""

    def __init__(self, config: EncoderSizes, facts: CorpusFacts, channels: int, outputs: int) -> None:
        """Build the encoder.

        Args:
            config: Sizes; at most 8 layers, the number of `DILATIONS`.
            facts: Symbols of the corpus; each has an embedding.
            channels: Width of the layers.
            outputs: Channels of the output.
        """
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
        """Encode embedded tokens `hidden` (B, N, channels): (B, N, outputs), 0 where `mask` (B, N, 1) is 0."""
        for block in self.blocks:
            hidden = self.dropout(block.same_length(hidden, mask))
        outputs: Tensor = self.head(self.norm(hidden))
        return outputs * mask


class TokenEncoder(PhoneEncoder):
    """Encode phones in the voice of a speaker: a `PhoneEncoder` that adds a speaker embedding to every token.

    phones (B, N, 1) int64 ids, mask (B, N, 1), speaker (B, 1, 1) int64 id -> (B, N, outputs), 0 on padding.
    """

    def __init__(self, config: EncoderSizes, facts: CorpusFacts, channels: int, outputs: int) -> None:
        super().__init__(config, facts, channels, outputs)
        self.speakers = nn.Embedding(len(facts.speakers), channels)
        nn.init.normal_(self.speakers.weight, std=0.1)

    def forward(self, phones: Tensor, mask: Tensor, speaker: Tensor) -> Tensor:  # type: ignore[override]
        return self.encode(self.phones(phones[:, :, 0]) + self.speakers(speaker[:, :, 0]), mask)


def repeat(tokens: Tensor, durations: Tensor, num_frames: int) -> tuple[Tensor, Tensor]:
    """Repeat each token for the number of frames that it lasts (the length regulator of FastSpeech).

    Args:
        tokens: (B, N, C).
        durations: (B, N) int64, in frames.
        num_frames: T, the length of the result. Frames after the last token are 0.

    Returns:
        The frames (B, T, C), and the position of each frame in its token (B, T, 2): the fraction of the token that has passed, in
        (0, 1), and ln(1 + duration of the token).
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
    """Pad `frames` (B, T, C) with `margin` zeros before and after, as the streaming layer pads both ends of an utterance."""
    return nn.functional.pad(frames, (0, 0, margin, margin))
