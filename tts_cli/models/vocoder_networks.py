"""The networks of the vocoder, and their sizes: F0 and filters from the mel."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tts_cli.audio.mel import MelConfig, mel_filters
from tts_cli.blocks.vocoder import NOISE_SUBFRAMES, SUBFRAMES, harmonic_framing, noise_framing
from tts_cli.config import StrictModel
from tts_cli.models.adversarial import Adversarial
from tts_cli.models.layers import ConvNeXtBlock, ValidConv, harmonic_comb
from tts_cli.models.waveform_discriminator import WaveformDiscriminatorConfig

LOOKAHEAD = 3
"""Frames the network reads after the one it describes: as many as a mel window reaches, to find a burst within its frame."""
FRONT_KERNEL = 7
COMB_MAX_HZ = 3000.0


class LossWeights(StrictModel):
    """Weights of the losses of the vocoder."""

    pitch: float = 0.05
    """Error of the F0 estimate."""
    leakage: float = 0.1
    """Pulses in unvoiced frames."""
    spectral: float = 1.0
    """Distance of spectra at several resolutions."""
    mel: float = 0.5
    """L1 distance of the log mels."""


class VocoderAdversarial(Adversarial):
    """The adversarial stage of a vocoder."""

    weight: float = 0.1
    trained: tuple[str, ...] = ("network.",)
    discriminators: WaveformDiscriminatorConfig = WaveformDiscriminatorConfig()


class Config(StrictModel):
    """Sizes of the vocoder, and the weights of its losses."""

    channels: int = 256
    layers: int = 6
    expansion: int = 3
    kernel: int = 5
    pitch_channels: int = 160
    pitch_layers: int = 3
    pitch_bins: int = 128
    f0_min_hz: float = 50.0
    f0_max_hz: float = 550.0
    loss_weights: LossWeights = LossWeights()
    own_f0_after: int = 1500
    """Steps after which half of the clips are excited by the network's own F0 instead of the tracked one."""
    adversarial: VocoderAdversarial | None = None
    """The adversarial stage; None: spectral distances alone."""

    @property
    def pitch_margin(self) -> int:
        """Frames of the past that the pitch network reads."""
        return FRONT_KERNEL - 1 - LOOKAHEAD + (self.kernel - 1) * self.pitch_layers

    @property
    def margin(self) -> int:
        """Frames of the past that the whole network reads."""
        return self.pitch_margin + (self.kernel - 1) * self.layers


class PitchNetwork(nn.Module):
    """log-F0 from mel: the mean of a distribution over bins (as CREPE, Kim et al., 2018, but without a maximum: continuous).

    mel: (B, T, bands), standardised -> log-probabilities (B, T - margins, bins), log_f0 (B, T - margins, 1)
    """

    def __init__(self, config: Config, num_bands: int) -> None:
        super().__init__()
        channels = config.pitch_channels
        self.front = ValidConv(num_bands, channels, FRONT_KERNEL)
        self.blocks = nn.Sequential(
            *[ConvNeXtBlock(channels, config.kernel, config.expansion, lookahead=0) for _ in range(config.pitch_layers)]
        )
        self.head = nn.Linear(channels, config.pitch_bins)
        bins = np.linspace(np.log(config.f0_min_hz), np.log(config.f0_max_hz), config.pitch_bins, dtype=np.float32)
        self.bins = nn.Buffer(torch.from_numpy(bins), persistent=False)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        return self.estimate(self.scores(mel))

    def scores(self, mel: Tensor) -> Tensor:
        """Return log-probabilities of bins up to a constant, (B, T - margins, bins)."""
        result: Tensor = self.head(self.blocks(self.front(mel)))
        return result

    def estimate(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `forward` does, from `scores`; F0 needs float32."""
        log_probabilities = torch.log_softmax(scores, -1)
        return log_probabilities, (torch.exp(log_probabilities) * self.bins).sum(-1, keepdim=True)

    def loss(self, log_probabilities: Tensor, estimate: Tensor, log_f0: Tensor, voicing: Tensor) -> Tensor:
        """Cross-entropy against a narrow bump at the true F0, plus the error of the mean; voiced frames only."""
        width = self.bins[1] - self.bins[0]
        bump = torch.softmax(-(((self.bins - log_f0) / width) ** 2) / 2, -1)
        frame_loss = -(bump * log_probabilities).sum(-1, keepdim=True) + 20 * (estimate - log_f0).abs()
        return (frame_loss * voicing).sum() / voicing.sum().clamp(min=1)


class FilterNetwork(nn.Module):
    """F0 and filters from mel: the exported network.

    mel: (B, T, bands) natural-log; log_f0: (B, T, 1), 0 where the network shall use its own estimate
    -> log_f0 (B, T', 1), harmonic_filter (B, T', SUBFRAMES * 2 * bins), noise_filter (B, T', NOISE_SUBFRAMES * noise bins),
    T' = T - config.margin - LOOKAHEAD
    """

    def __init__(self, config: Config, mel: MelConfig) -> None:
        super().__init__()
        self.margin = config.margin
        self.pitch_margin = config.pitch_margin
        self.pitch = PitchNetwork(config, mel.num_bands)
        self.front = ValidConv(mel.num_bands, config.channels, FRONT_KERNEL)
        centres = np.linspace(60, COMB_MAX_HZ, 64, dtype=np.float32)
        self.centres = nn.Buffer(torch.from_numpy(centres), persistent=False)
        self.pitch_input = nn.Linear(len(centres) + 1, config.channels)
        self.blocks = nn.Sequential(
            *[ConvNeXtBlock(config.channels, config.kernel, config.expansion, lookahead=0) for _ in range(config.layers)]
        )
        self.norm = nn.LayerNorm(config.channels)
        self.num_bins = harmonic_framing(mel.hop_samples).num_bins
        self.num_noise_bins = noise_framing(mel.hop_samples).num_bins
        self.sizes = [SUBFRAMES * 2 * self.num_bins, NOISE_SUBFRAMES * self.num_noise_bins]
        self.head = nn.Linear(config.channels, sum(self.sizes))
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)
        self.envelope = nn.Buffer(torch.from_numpy(envelope_matrix(mel, self.num_bins)), persistent=False)
        self.noise_envelope = nn.Buffer(torch.from_numpy(envelope_matrix(mel, self.num_noise_bins)), persistent=False)
        self.mean = nn.Buffer(torch.tensor(-4.0), persistent=False)
        self.deviation = nn.Buffer(torch.tensor(3.0), persistent=False)

    def forward(self, mel: Tensor, log_f0: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        standard = (mel - self.mean) / self.deviation
        _, own = self.pitch(standard)
        given = log_f0[:, self.pitch_margin : log_f0.shape[1] - LOOKAHEAD]
        used = torch.where(given > 0, given, own)
        return self.filters(mel, standard, used)

    def filters(self, mel: Tensor, standard: Tensor, used: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The outputs for a log-F0 that stands `pitch_margin` frames after the start of the mel."""
        return self.spectra(mel, self.heads(standard, used), used)

    def heads(self, standard: Tensor, used: Tensor) -> Tensor:
        """Return what the outputs are made of: changes of the mel's envelope, and phases."""
        skip = self.pitch_margin - (FRONT_KERNEL - 1 - LOOKAHEAD)
        features = torch.cat([harmonic_comb(used, self.centres), used - 5.0], -1)
        hidden = self.front(standard)[:, skip:] + self.pitch_input(features)
        result: Tensor = self.head(self.norm(self.blocks(hidden)))
        return result

    def spectra(self, mel: Tensor, heads: Tensor, used: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the outputs made of `heads`; levels and phases need float32."""
        inner = mel[:, self.margin : mel.shape[1] - LOOKAHEAD]
        harmonic_head, noise_head = heads.split(self.sizes, -1)
        change, angle = harmonic_head.unflatten(-1, (SUBFRAMES, 2, self.num_bins)).unbind(3)
        harmonic = torch.exp(((inner @ self.envelope.T)[:, :, None] + change - 0.23).clamp(max=6.0))
        noise_change = noise_head.unflatten(-1, (NOISE_SUBFRAMES, self.num_noise_bins))
        noise = torch.exp(((inner @ self.noise_envelope.T)[:, :, None] + noise_change - 1.23).clamp(max=6.0))
        parts = torch.stack([harmonic * torch.cos(angle), harmonic * torch.sin(angle)], 3)
        return used[:, self.margin - self.pitch_margin :], parts.flatten(2), noise.flatten(2)


def envelope_matrix(mel: MelConfig, num_bins: int) -> NDArray[np.float32]:
    """Reads log-mel at linearly spaced frequencies: (num_bins, num_bands), each row interpolating two neighbouring bands."""
    filters = mel_filters(mel)
    hertz = np.linspace(0, mel.sample_rate / 2, filters.shape[1])
    centres = (filters * hertz).sum(1) / filters.sum(1)
    targets = np.linspace(0, mel.sample_rate / 2, num_bins)
    identity = np.eye(mel.num_bands)
    return np.stack([np.interp(targets, centres, row) for row in identity], 1).astype(np.float32)
