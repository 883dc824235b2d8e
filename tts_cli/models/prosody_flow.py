"""Prosody from a distribution: flow matching (Lipman et al., 2023) from noise to duration, F0, voicing and energy of each token.

A regression predicts the mean of all ways to say a sentence, so rises at the ends of questions and pauses are averaged away. A
flow draws one of these ways. A network learns the velocity with which noise moves to recorded prosody along straight lines; a
few Euler steps follow it.

Shapes: B utterances, N tokens, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

import torch
from pydantic import BeforeValidator, Field, model_validator
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.config.ranges import Decay, Few, Layers, Weight, Width
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.models.layers import ConvNeXtBlocks
from tts_cli.models.sentence import Attention

NUM_VALUES = 4
"""Prosody values of a token: log_duration, log_f0, voicing, energy."""
CENTRES, SCALES = (1.6, 0.0, 0.5, -3.7), (0.9, 0.17, 0.5, 1.4)
"""Mean and deviation by which the values of a token are standardized; log F0 is relative to the speaker's mean."""
WEIGHTS = (1.0, 1.5, 0.5, 0.7)
"""Weight of each value in the loss."""
FINE_STEPS = 24
"""Euler steps of speech that a model learns from; the few steps of a voice draw too narrow a distribution."""
NUM_WAVES = 16
"""Frequencies of the encoding of the time of the flow."""


class FlowConfig(StrictModel):
    """Sizes of the flow of prosody, and its number of steps."""

    channels: Width = 192
    """Width of the layers."""
    heads: Few = 4
    """Heads of each self-attention; `channels` is a multiple of it."""
    context_layers: Annotated[int, Field(ge=1, le=8)] = 5
    """Convolutional layers that encode the tokens, 1 to 8."""
    flow_layers: Layers = 4
    """Convolutional layers that compute the velocity."""
    steps: Few = 2
    """Euler steps from noise to prosody."""
    dropout: Decay = 0.1
    """Dropout probability after each layer that encodes the tokens, in [0, 1)."""
    weight: Weight = 1.0
    """Weight of the loss of the flow beside those of the frames, if all parameters learn."""

    @model_validator(mode="after")
    def _heads_divide_channels(self) -> Self:
        if self.channels % self.heads:
            raise ValueError(f"channels ({self.channels}) must be a multiple of heads ({self.heads})")
        return self


def _no_flow(value: object) -> object:
    if value is not None:
        raise ValueError("only recipes of the kinds 'explicit-duration' and 'vae' have a flow of prosody; leave this section out")
    return value


NoFlow = Annotated[None, BeforeValidator(_no_flow)]
"""Flow of prosody that is absent, for kinds of models that predict prosody by regression alone."""


class MixedBlocks(nn.Module):
    """Dilated ConvNeXt blocks (kernel 5) with a self-attention in the middle and at the end: (B, N, C), mask (B, N, 1) ->
    (B, N, C).

    Convolutions see the neighbouring tokens; attention sees the whole sentence, such as its first word and its final mark.
    """

    DILATIONS = (1, 1, 2, 4, 8, 1, 1, 1)
    """Dilation of each block, in tokens; further blocks have dilation 1."""

    def __init__(self, channels: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        dilations = [self.DILATIONS[place] if place < len(self.DILATIONS) else 1 for place in range(layers)]
        self.blocks = ConvNeXtBlocks(channels, 5, 2, dilations)
        self.attended = sorted({(layers - 1) // 2, layers - 1})
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in self.attended)
        self.attentions = nn.ModuleList(Attention(channels, heads) for _ in self.attended)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        for place, block in enumerate(self.blocks):
            hidden = self.dropout(block.same_length(hidden, mask))
            if place in self.attended:
                index = self.attended.index(place)
                hidden = hidden + self.attentions[index](self.norms[index](hidden), mask)
        return hidden


class ProsodyFlow(nn.Module):
    """Draw duration, F0, voicing and energy of each token from their distribution, given the tokens and the speaker.

    phones (B, N, 1) int64 ids, token_mask (B, N, 1), speaker (B, 1, 1) int64 id, noise (B, N, 4), standard normal -> four tensors
    (B, N, 1): log_duration, ln(1 + frames); log_f0, natural log of Hz; voicing, in [0, 1]; energy, as in `audio.mel.energy`.
    """

    centres: Tensor
    scales: Tensor
    waves: Tensor

    def __init__(self, config: FlowConfig, facts: CorpusFacts) -> None:
        super().__init__()
        channels = config.channels
        self.config = config
        self.phones = nn.Embedding(len(facts.symbols), channels)
        self.speakers = nn.Embedding(len(facts.speakers), channels)
        nn.init.normal_(self.speakers.weight, std=0.1)
        self.context = MixedBlocks(channels, config.context_layers, config.heads, config.dropout)
        self.context_norm = nn.LayerNorm(channels)
        self.input = nn.Linear(NUM_VALUES + channels, channels)
        self.time = nn.Sequential(nn.Linear(2 * NUM_WAVES, channels), nn.GELU(), nn.Linear(channels, channels))
        self.blocks = MixedBlocks(channels, config.flow_layers, config.heads, 0.0)
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, NUM_VALUES)
        nn.init.zeros_(self.head.weight)
        self.mean_log_f0 = nn.Buffer(torch.tensor([speaker.mean_log_f0 for speaker in facts.speakers])[:, None])
        self.centres = nn.Buffer(torch.tensor(CENTRES), persistent=False)
        self.scales = nn.Buffer(torch.tensor(SCALES), persistent=False)
        self.waves = nn.Buffer(torch.linspace(0, 4, NUM_WAVES).exp(), persistent=False)

    def forward(self, phones: Tensor, token_mask: Tensor, speaker: Tensor, noise: Tensor) -> tuple[Tensor, ...]:
        return self.drawn((phones, token_mask, speaker), noise)

    def drawn(self, tokens: tuple[Tensor, ...], noise: Tensor, steps: int | None = None) -> tuple[Tensor, ...]:
        """Draw prosody in units, as `forward` returns it.

        Args:
            tokens: Inputs of `encode`.
            noise: (B, N, 4), standard normal.
            steps: Euler steps; None: those of the configuration.
        """
        token_mask, context = tokens[1], self.encode(*tokens)
        values, count = noise * token_mask, steps or self.config.steps
        for step in range(count):
            time = torch.full_like(token_mask[:, :1], step / count)
            values = values + self.velocity(values, time, context, token_mask) / count
        return self.in_units(values, tokens[2])

    def encode(self, phones: Tensor, token_mask: Tensor, speaker: Tensor, *embedding: Tensor) -> Tensor:
        """Encode the tokens: (B, N, channels), 0 on padding. An `EmbeddedProsodyFlow` also takes the prosody embedding."""
        hidden = self.embedded(phones, speaker, *embedding)
        encoded: Tensor = self.context_norm(self.context(hidden, token_mask)) * token_mask
        return encoded

    def embedded(self, phones: Tensor, speaker: Tensor) -> Tensor:
        """Return the sum of the embeddings of tokens and speaker, (B, N, channels)."""
        summed: Tensor = self.phones(phones[:, :, 0]) + self.speakers(speaker[:, :, 0])
        return summed

    def velocity(self, values: Tensor, time: Tensor, context: Tensor, token_mask: Tensor) -> Tensor:
        """Return the velocity of standardized prosody, (B, N, 4), 0 on padding.

        Args:
            values: Standardized prosody on the way from noise, (B, N, 4).
            time: Time of the flow, (B, 1, 1), from 0 (noise) to 1 (prosody).
            context: Encoded tokens, (B, N, channels).
            token_mask: (B, N, 1).
        """
        angles = time * self.waves
        moment = self.time(torch.cat([angles.sin(), angles.cos()], -1))
        hidden = self.blocks(self.input(torch.cat([values, context], -1)) + moment, token_mask)
        found: Tensor = self.head(self.norm(hidden)) * token_mask
        return found

    def batch_loss(
        self, batch: Mapping[str, Tensor], tokens: tuple[Tensor, ...], generator: torch.Generator | None = None
    ) -> Tensor:
        """Return the loss of the recorded prosody of a batch of `AcousticBatches`; arguments as of `loss`."""
        log_duration = dequantized(batch["durations"], generator)
        values = (log_duration, batch["token_log_f0"], batch["token_voicing"], batch["token_energy"])
        return self.loss(tokens, self.standardized(*values, tokens[2]) * tokens[1], generator)

    def loss(self, tokens: tuple[Tensor, ...], prosody: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the flow-matching loss, a scalar: squared error of the velocity at a random time, times `WEIGHTS`, mean over
        tokens and values.

        Args:
            tokens: Inputs of `encode`.
            prosody: Recorded prosody, standardized, (B, N, 4).
            generator: Source of noise and times; None: the global one.
        """
        noise = torch.randn(prosody.shape, generator=generator, device=prosody.device)
        time = torch.rand(len(prosody), 1, 1, generator=generator, device=prosody.device)
        token_mask = tokens[1]
        values = ((1 - time) * noise + time * prosody) * token_mask
        found = self.velocity(values, time, self.encode(*tokens), token_mask)
        weights = torch.tensor(WEIGHTS, device=prosody.device)
        errors = (found - (prosody - noise)).square() * weights * token_mask
        return errors.sum() / (token_mask.sum() * NUM_VALUES).clamp(min=1)

    def standardized(self, log_duration: Tensor, log_f0: Tensor, voicing: Tensor, energy: Tensor, speaker: Tensor) -> Tensor:
        """Standardize prosody in units, (B, N, 1) each, for `loss`: (B, N, 4)."""
        relative = log_f0 - self.mean_log_f0[speaker[:, :, 0]]
        return (torch.cat([log_duration, relative, voicing, energy], -1) - self.centres) / self.scales

    def in_units(self, values: Tensor, speaker: Tensor) -> tuple[Tensor, ...]:
        """Scale standardized prosody (B, N, 4) to units: four tensors (B, N, 1), as `forward` returns."""
        log_duration, relative, voicing, energy = (values * self.scales + self.centres).split(1, -1)
        return log_duration.clamp(min=0), relative + self.mean_log_f0[speaker[:, :, 0]], voicing.clamp(0, 1), energy


class EmbeddedProsodyFlow(ProsodyFlow):
    """Draw duration, F0, voicing and energy of each token from their distribution, given a prosody embedding too.

    The flow hears what a regression predicts from the embedding. From the embedding alone, it hardly learned to heed it.

    phones (B, N, 1) int64 ids, token_mask (B, N, 1), speaker (B, 1, 1) int64 id, embedding (B, 1, embedding_channels), noise (B,
    N, 4), standard normal -> log_duration, log_f0, voicing, energy, (B, N, 1) each, in the units of `ProsodyFlow`.
    """

    def __init__(self, config: FlowConfig, facts: CorpusFacts, embedding_channels: int, regression: nn.Module) -> None:
        """Args:
        config: Sizes of the flow.
        facts: Speakers and symbols.
        embedding_channels: Numbers of a prosody embedding.
        regression: Prediction of prosody from the same inputs but the noise, in the same units; it does not learn.
        """
        super().__init__(config, facts)
        self.embedding = nn.Linear(embedding_channels, config.channels, bias=False)
        self.regression = regression.requires_grad_(False)
        self.expected = nn.Linear(NUM_VALUES, config.channels, bias=False)
        # Initial weights of a flow without an embedding begin as good as they are.
        nn.init.zeros_(self.embedding.weight)
        nn.init.zeros_(self.expected.weight)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        # A fixed part has no dropout.
        self.regression.eval()
        return self

    def forward(  # type: ignore[override]
        self, phones: Tensor, token_mask: Tensor, speaker: Tensor, embedding: Tensor, noise: Tensor
    ) -> tuple[Tensor, ...]:
        return self.drawn((phones, token_mask, speaker, embedding), noise)

    def encode(self, phones: Tensor, token_mask: Tensor, speaker: Tensor, embedding: Tensor) -> Tensor:  # type: ignore[override]
        log_duration, log_f0, voicing, energy = self.regression(phones, token_mask, speaker, embedding)
        expected = self.standardized(log_duration, log_f0, voicing, energy, speaker)
        encoded: Tensor = super().encode(phones, token_mask, speaker, embedding) + self.expected(expected) * token_mask
        return encoded

    def embedded(self, phones: Tensor, speaker: Tensor, embedding: Tensor) -> Tensor:  # type: ignore[override]
        """Return the sum of the embeddings of tokens, speaker and prosody, (B, N, channels)."""
        summed: Tensor = super().embedded(phones, speaker) + self.embedding(embedding)
        return summed


def same_noise(batch: Mapping[str, Tensor]) -> torch.Generator:
    """Return a source of the same noise every time, on the device of `batch`, so that measures differ by the weights alone."""
    return torch.Generator(batch["phones"].device).manual_seed(0)


def dequantized(durations: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Return ln(1 + frames) of integer `durations` (B, N), each moved at random by less than half a frame, (B, N, 1).

    A density of whole numbers would learn their steps. A token without frames stays at 0.
    """
    spread = (torch.rand(durations.shape, generator=generator, device=durations.device) - 0.5) * 0.9 * (durations > 0)
    return torch.log1p(durations.float() + spread)[..., None]
