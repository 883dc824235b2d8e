"""The networks of CopyCat, and their sizes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.models import acoustic, speaker
from tts_cli.models.acoustic import FrameDecoder
from tts_cli.models.layers import ConvNeXtBlocks, Posterior, masked_mean_and_deviation
from tts_cli.models.tokens import TokenEncoder


class LossWeights(StrictModel):
    """Weights of the losses of CopyCat, beside those of the bottleneck."""

    mel: float = 2.0
    """L1 distance of the natural-log mel."""
    contour: float = 1.0
    """L1 distance of the log-F0 of voiced frames, in deviations of the speaker's."""
    voicing: float = 0.5
    """Cross-entropy of the voicing of frames."""
    duration: float = 1.0
    """Squared distance of ln(1 + frames) of tokens."""


class Config(acoustic.Config):
    """Sizes of CopyCat: those of the acoustic model, and the bottleneck."""

    loss_weights: LossWeights = LossWeights()  # type: ignore[assignment]
    tau: int = 8
    """Source frames for each latent."""
    latent_channels: int = 4
    reference_channels: int = 128
    reference_layers: int = 6
    kl_weight: float = 0.01
    """Of the divergence from the prior, in nats a latent."""
    kl_warmup_steps: int = 1000
    """Steps over which that weight, and the adversary's, grow from nothing."""
    adversary_weight: float = 0.1
    """Of working against the adversary that tells speakers by their latents."""
    warped_share: float = 0.8
    """Of the recordings that the reference encoder sees stretched or squeezed in frequency."""
    noisy_share: float = 0.4
    """Of those it sees with stationary noise."""
    prior_share: float = 0.1
    """Of the utterances that the decoder has to make from the prior mean."""
    speaker_encoder: speaker.Config = speaker.Config()


class ReferenceEncoder(nn.Module):
    """What a recording's prosody is, without who speaks.

    source_mel (B, T, bands), source_mask (B, T, 1), source_phones (B, T, 1) int64, the phone of each frame,
    source_speaker (B, 1, dimensions) -> the mean of the latents (B, ceil(T / tau), latent_channels)
    """

    DILATIONS = (1, 2, 4, 1, 2, 4, 8, 8)

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
        """The latents' distribution, (B, ceil(T / tau), latent_channels); inputs as of `forward`.

        Its mean has mean 0 and deviation 1 over an utterance, channel by channel: what is constant is of speaker or room.
        """
        mean, deviation = masked_mean_and_deviation(mel, mask)
        hidden = self.mel_input((mel - mean) / deviation) + self.phones(phones[:, :, 0]) + self.speaker_input(source_speaker)
        for place, block in enumerate(self.blocks):
            hidden = block.same_length(hidden, mask)
            if place == len(self.blocks) // 2:
                # A melody is relative to its own level, which no finite stretch shows.
                hidden = hidden + self.whole(torch.cat(masked_mean_and_deviation(hidden, mask), -1))
        share = self.pooled(mask)
        counted = (share > 0).to(mel.dtype)
        mean, log_variance = self.head(self.pooled(self.norm(hidden) * mask) / share.clamp(min=1e-3)).chunk(2, -1)
        centre, spread = masked_mean_and_deviation(mean, counted)
        return Posterior((mean - centre) / spread * counted, log_variance.clamp(-8, 4) * counted)

    def pooled(self, x: Tensor) -> Tensor:
        """Means of every tau frames, with zeros where the last of them are missing: (B, T, C) -> (B, ceil(T / tau), C)."""
        padded = nn.functional.pad(x, (0, 0, 0, self.tau - 1)).transpose(1, 2)
        return nn.functional.avg_pool1d(padded, self.tau, self.tau).transpose(1, 2)


class LatentAdversary(nn.Module):
    """Whose latents these are: latents (B, L, latent_channels), mask (B, L, 1) -> a score for every speaker (B, speakers)."""

    CHANNELS = 64

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
    """Frames of the target speaker from repeated tokens and re-timed latents.

    text (B, T, channels), latents (B, T, latent_channels), phone_position (B, T, 2), speaker (B, 1, 1) int64
    -> mel (B, T', bands), log_f0 and voicing (B, T', 1) of the frames, T' = T - 2 * config.margin
    """

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts, config.latent_channels)
        self.mean_log_f0 = nn.Buffer(torch.tensor([[speaker.mean_log_f0] for speaker in facts.speakers]))
        self.std_log_f0 = nn.Buffer(torch.tensor([[speaker.std_log_f0] for speaker in facts.speakers]))

    def forward(self, text: Tensor, latents: Tensor, phone_position: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inputs = self.concatenated(text, latents, phone_position)
        return self.draw(inputs, *self.draw_contour(inputs, speaker), speaker)

    def concatenated(self, text: Tensor, latents: Tensor, phone_position: Tensor) -> Tensor:
        """All of a frame's inputs; the last one tells whether the frame lies inside the utterance."""
        inside = (phone_position[:, :, 1:] > 0).to(text.dtype)
        return torch.cat([text, latents * inside, phone_position[:, :, :1], inside], -1)

    def draw_contour(self, inputs: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """log_f0 and voicing of the frames, `contour_margin` fewer on either side."""
        melody, voicing = self.contour_head(self.contour(self.contour_input(inputs))).split(1, -1)
        mean, spread = self.range_of(speaker)
        return mean + spread * melody, torch.sigmoid(voicing)

    def range_of(self, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the log-F0 of speakers (B, 1, 1): two of (B, 1, 1)."""
        return self.mean_log_f0[speaker[:, :, 0]], self.std_log_f0[speaker[:, :, 0]]


class DurationEncoder(nn.Module):
    """How long the target speaker makes each token; the inputs of `TokenEncoder` -> ln(1 + frames) (B, N, 1)."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        self.encoder = TokenEncoder(config, facts, config.prosody_channels, 1)

    def forward(self, phones: Tensor, token_mask: Tensor, speaker: Tensor) -> Tensor:
        log_duration: Tensor = self.encoder(phones, token_mask, speaker)
        return log_duration + 1.5
