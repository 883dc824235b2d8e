"""Networks of CopyCat and their configuration: reference encoder, adversary, decoder, duration encoder.

Shapes: B utterances, N tokens, T frames, L = ceil(T / tau) latents, C channels.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.config.ranges import Count, Share, Weight, Width
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.models import acoustic, speaker
from tts_cli.models.frame_decoder import FrameDecoder
from tts_cli.models.layers import ConvNeXtBlocks, Posterior, masked_mean_and_deviation
from tts_cli.models.prosody_flow import NoFlow
from tts_cli.models.tokens import TokenEncoder


class LossWeights(StrictModel):
    """Weights of the losses of CopyCat, each at least 0, besides those of the bottleneck; the losses are means over a batch."""

    mel: Weight = 2.0
    """Weight of the L1 distance of the natural-log mel, mean over frames and bands."""
    contour: Weight = 1.0
    """Weight of the L1 distance of log-F0, in standard deviations of the speaker's log-F0, mean over voiced frames."""
    voicing: Weight = 0.5
    """Weight of the binary cross-entropy of voicing, mean over frames."""
    duration: Weight = 1.0
    """Weight of the squared distance of ln(1 + duration in frames), mean over tokens."""


class Config(acoustic.Config):
    """Sizes of CopyCat: those of the acoustic model, and the bottleneck."""

    loss_weights: LossWeights = LossWeights()  # type: ignore[assignment]
    """Weights of the losses."""
    flow: NoFlow = None
    """Not for this kind of model: prosody is that of a recording."""
    tau: Annotated[int, Field(ge=1, le=1000)] = 8
    """Source frames that share one latent, at least 1."""
    latent_channels: Width = 4
    """Channels of the latents."""
    reference_channels: Width = 128
    """Width of the layers of the reference encoder."""
    reference_layers: Annotated[int, Field(ge=1, le=8)] = 6
    """Layers of the reference encoder, 1 to 8."""
    kl_weight: Weight = 0.01
    """Weight of the KL divergence of the latents from the prior, in nats a latent, at least 0."""
    kl_warmup_steps: Count = 1000
    """Steps over which the weights of the divergence and of the adversary grow linearly from 0, at least 1."""
    adversary_weight: Weight = 0.1
    """Weight of the cross-entropy of the adversary that recognizes the speaker from the latents; its gradient is reversed. At
    least 0."""
    warped_share: Share = 0.8
    """Share of the source recordings that get a warped frequency axis in training, in [0, 1]."""
    noisy_share: Share = 0.4
    """Share of the source recordings that get stationary noise in training, in [0, 1]."""
    prior_share: Share = 0.1
    """Share of the utterances that the decoder makes from the mean of the prior in training, in [0, 1]."""
    speaker_encoder: speaker.Config = speaker.Config()
    """Sizes of the speaker encoder; they must match the trained speaker model."""


class ReferenceEncoder(nn.Module):
    """Encode the prosody of a recording as latents over time, normalized over the utterance: dilated ConvNeXt blocks and pooling.

    source_mel (B, T, bands) in natural log, source_mask (B, T, 1), source_phones (B, T, 1) int64, the phone of each frame,
    source_speaker (B, 1, dimensions), a speaker embedding -> the mean of the latents (B, L, latent_channels).
    """

    DILATIONS = (1, 2, 4, 1, 2, 4, 8, 8)
    """Dilation of each layer, in frames."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        self.tau = config.tau
        channels = config.reference_channels
        self.mel_input = nn.Linear(facts.mel.num_bands, channels)
        self.phones = nn.Embedding(len(facts.symbols), channels)
        self.speaker_input = nn.Linear(config.speaker_encoder.dimensions, channels)
        dilations = self.DILATIONS[: config.reference_layers]
        self.blocks = ConvNeXtBlocks(channels, 5, config.expansion, dilations)
        self.whole = nn.Linear(2 * channels, channels)
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, 2 * config.latent_channels)

    def forward(self, source_mel: Tensor, source_mask: Tensor, source_phones: Tensor, source_speaker: Tensor) -> Tensor:
        return self.posterior(source_mel, source_mask, source_phones, source_speaker).mean

    def posterior(self, mel: Tensor, mask: Tensor, phones: Tensor, source_speaker: Tensor) -> Posterior:
        """Return the posterior of the latents, (B, L, latent_channels); the arguments are those of `forward`.

        The means are normalized to mean 0 and deviation 1 over each utterance and channel, because constant values describe the
        speaker or the room.
        """
        mean, deviation = masked_mean_and_deviation(mel, mask)
        hidden = self.mel_input((mel - mean) / deviation) + self.phones(phones[:, :, 0]) + self.speaker_input(source_speaker)
        for place, block in enumerate(self.blocks):
            hidden = block.same_length(hidden, mask)
            if place == len(self.blocks) // 2:
                # A melody is relative to the level of its utterance, which no finite receptive field shows.
                hidden = hidden + self.whole(torch.cat(masked_mean_and_deviation(hidden, mask), -1))
        share = self.pooled(mask)
        counted = (share > 0).to(mel.dtype)
        mean, log_variance = self.head(self.pooled(self.norm(hidden) * mask) / share.clamp(min=1e-3)).chunk(2, -1)
        centre, spread = masked_mean_and_deviation(mean, counted)
        return Posterior((mean - centre) / spread * counted, log_variance.clamp(-8, 4) * counted)

    def pooled(self, x: Tensor) -> Tensor:
        """Average every `tau` frames: (B, T, C) -> (B, L, C). Frames that the last group lacks count as 0."""
        padded = nn.functional.pad(x, (0, 0, 0, self.tau - 1)).transpose(1, 2)
        return nn.functional.avg_pool1d(padded, self.tau, self.tau).transpose(1, 2)


class LatentAdversary(nn.Module):
    """Adversary that recognizes the speaker from the latents: ConvNeXt blocks and pooling over time.

    latents (B, L, latent_channels), mask (B, L, 1) -> logits of the speakers (B, speakers).
    """

    CHANNELS = 64
    """Width of the layers."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        self.input = nn.Linear(config.latent_channels, self.CHANNELS)
        self.blocks = ConvNeXtBlocks(self.CHANNELS, 5, config.expansion, (1, 1))
        self.output = nn.Linear(2 * self.CHANNELS, len(facts.speakers))

    def forward(self, latents: Tensor, mask: Tensor) -> Tensor:
        hidden = self.input(latents)
        for block in self.blocks:
            hidden = block.same_length(hidden, mask)
        scores: Tensor = self.output(torch.cat(masked_mean_and_deviation(hidden, mask), -1))
        return scores[:, 0]


class Decoder(FrameDecoder):
    """Decoder of CopyCat: F0 contour and mel frames of the target speaker from repeated tokens and time-aligned latents.

    text (B, T, channels), latents (B, T, latent_channels), phone_position (B, T, 2) as from `repeat`, speaker (B, 1, 1) int64 id
    -> mel (B, T', bands) in natural log, log_f0 and voicing (B, T', 1) of the frames, T' = T - 2 * config.margin.
    """

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts, config.latent_channels)
        self.mean_log_f0 = nn.Buffer(torch.tensor([[speaker.mean_log_f0] for speaker in facts.speakers]))
        self.std_log_f0 = nn.Buffer(torch.tensor([[speaker.std_log_f0] for speaker in facts.speakers]))

    def forward(self, text: Tensor, latents: Tensor, phone_position: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inputs = self.concatenated(text, latents, phone_position)
        return self.draw(inputs, *self.draw_contour(inputs, speaker), speaker)

    def concatenated(self, text: Tensor, latents: Tensor, phone_position: Tensor) -> Tensor:
        """Concatenate all inputs of each frame to (B, T, C); the last channel is 1 inside the utterance, else 0."""
        inside = (phone_position[:, :, 1:] > 0).to(text.dtype)
        return torch.cat([text, latents * inside, phone_position[:, :, :1], inside], -1)

    def draw_contour(self, inputs: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Predict log_f0 and voicing of the frames, (B, T - 2 * contour_margin, 1) each, with the speaker's mean and spread of
        F0."""
        melody, voicing = self.contour_head(self.contour(self.contour_input(inputs))).split(1, -1)
        mean, spread = self.range_of(speaker)
        return mean + spread * melody, torch.sigmoid(voicing)

    def range_of(self, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of the log-F0 of `speaker` (B, 1, 1), (B, 1, 1) each."""
        return self.mean_log_f0[speaker[:, :, 0]], self.std_log_f0[speaker[:, :, 0]]


class DurationEncoder(nn.Module):
    """Predict the durations of a speaker's tokens: a `TokenEncoder` with one output.

    phones (B, N, 1) int64 ids, token_mask (B, N, 1), speaker (B, 1, 1) int64 id -> ln(1 + frames) (B, N, 1).
    """

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        self.encoder = TokenEncoder(config, facts, config.prosody_channels, 1)

    def forward(self, phones: Tensor, token_mask: Tensor, speaker: Tensor) -> Tensor:
        log_duration: Tensor = self.encoder(phones, token_mask, speaker)
        return log_duration + 1.5
