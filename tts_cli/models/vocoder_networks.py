"""Networks of the vocoder and their configuration: F0 and filters from the mel.

Shapes: B clips, T mel frames.
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor, nn

from tts_cli.audio.mel import MelConfig, mel_filters
from tts_cli.blocks.vocoder import NOISE_SUBFRAMES, SUBFRAMES, harmonic_framing, noise_framing
from tts_cli.config import StrictModel
from tts_cli.config.ranges import CountOrNone, Expansion, Kernel, Layers, Prefix, Weight, Width
from tts_cli.models.adversarial import Adversarial
from tts_cli.models.layers import ConvNeXtBlock, ValidConv, harmonic_comb
from tts_cli.models.waveform_discriminator import WaveformDiscriminatorConfig

LOOKAHEAD = 3
"""Frames that the network reads after the frame that it describes: the reach of a mel window, to locate a burst within its
frame."""
FRONT_KERNEL = 7
"""Width of the first convolution, in frames."""
COMB_MAX_HZ = 3000.0
"""Highest frequency of the harmonic comb, in Hz."""


class LossWeights(StrictModel):
    """Weights of the losses of the vocoder, each at least 0; the losses are means over a batch."""

    pitch: Weight = 0.05
    """Weight of the F0 loss in voiced frames: cross-entropy of the F0 bins, and 20 times the L1 distance of log-F0."""
    leakage: Weight = 0.1
    """Weight of the excess of pulses over the noise in frames without voice, in nepers."""
    spectral: Weight = 1.0
    """Weight of the multi-resolution STFT loss: L1 distances of log magnitudes and of compressed magnitudes."""
    mel: Weight = 0.5
    """Weight of the L1 distance of the natural-log mels."""


class VocoderAdversarial(Adversarial):
    """Adversarial stage of a vocoder."""

    weight: Weight = 0.1
    """Weight of the adversarial losses beside the others, at least 0."""
    trained: tuple[Prefix, ...] = ("network.",)
    """Name prefixes of the generator's parameters that are trained; all others stay fixed."""
    discriminators: WaveformDiscriminatorConfig = WaveformDiscriminatorConfig()
    """Sizes of the waveform discriminators."""


class Config(StrictModel):
    """Sizes of the vocoder, and the weights of its losses."""

    channels: Width = 256
    """Width of the layers that predict the filters."""
    layers: Layers = 6
    """Layers that predict the filters, at least 1; each adds `kernel` - 1 past frames to the receptive field."""
    expansion: Expansion = 3
    """Width of the hidden layer in each ConvNeXt block, as a multiple of the block's width."""
    kernel: Kernel = 5
    """Width of the causal convolutions, in frames."""
    pitch_channels: Width = 160
    """Width of the layers that predict F0."""
    pitch_layers: Layers = 3
    """Layers that predict F0, at least 1; each adds `kernel` - 1 past frames to the receptive field."""
    pitch_bins: Annotated[int, Field(ge=2, le=4096)] = 128
    """Bins of F0, evenly spaced in log-F0 from `f0_min_hz` to `f0_max_hz`."""
    f0_min_hz: Annotated[float, Field(ge=1, le=20000)] = 50.0
    """Lowest F0 that the network predicts, in Hz."""
    f0_max_hz: Annotated[float, Field(ge=1, le=20000)] = 550.0
    """Highest F0 that the network predicts, in Hz."""
    loss_weights: LossWeights = LossWeights()
    """Weights of the losses."""
    own_f0_after: CountOrNone = 1500
    """Step from which half of the segments are synthesized with the network's own F0 instead of the tracked one."""
    adversarial: VocoderAdversarial | None = None
    """Adversarial stage with discriminators of waveforms; None: spectral losses alone."""

    @model_validator(mode="after")
    def _f0_range_is_ordered(self) -> Self:
        if self.f0_min_hz >= self.f0_max_hz:
            raise ValueError(f"f0_min_hz ({self.f0_min_hz:g}) must be less than f0_max_hz ({self.f0_max_hz:g})")
        return self

    @property
    def pitch_margin(self) -> int:
        """Past frames that the pitch network reads."""
        return FRONT_KERNEL - 1 - LOOKAHEAD + (self.kernel - 1) * self.pitch_layers

    @property
    def margin(self) -> int:
        """Past frames that the whole network reads."""
        return self.pitch_margin + (self.kernel - 1) * self.layers


class PitchNetwork(nn.Module):
    """Predict log-F0 from the mel: the mean of a distribution over F0 bins, from causal ConvNeXt blocks.

    After CREPE (Kim et al., 2018), with the mean of all bins instead of the bins around the maximum. mel (B, T, bands),
    standardized -> log-probabilities (B, T', bins), log_f0 (B, T', 1) in natural log of Hz, T' = T - pitch_margin - LOOKAHEAD.
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
        """Return the logits of the F0 bins, (B, T', bins)."""
        result: Tensor = self.head(self.blocks(self.front(mel)))
        return result

    def estimate(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probabilities (B, T', bins) and log_f0 (B, T', 1) from the logits `scores`, which must be float32."""
        log_probabilities = torch.log_softmax(scores, -1)
        return log_probabilities, (torch.exp(log_probabilities) * self.bins).sum(-1, keepdim=True)

    def loss(self, log_probabilities: Tensor, estimate: Tensor, log_f0: Tensor, voicing: Tensor) -> Tensor:
        """Return the F0 loss, a scalar: mean over voiced frames of the cross-entropy against a narrow peak at the true F0, plus
        20 times the L1 distance of log-F0.

        Args:
            log_probabilities: (B, T', bins).
            estimate: (B, T', 1), predicted log-F0.
            log_f0: (B, T', 1), true log-F0.
            voicing: (B, T', 1), 1 on voiced frames.
        """
        width = self.bins[1] - self.bins[0]
        bump = torch.softmax(-(((self.bins - log_f0) / width) ** 2) / 2, -1)
        frame_loss = -(bump * log_probabilities).sum(-1, keepdim=True) + 20 * (estimate - log_f0).abs()
        return (frame_loss * voicing).sum() / voicing.sum().clamp(min=1)


class FilterNetwork(nn.Module):
    """The exported network: F0 and filters of each frame from the mel, by causal ConvNeXt blocks with a look-ahead of 3 frames.

    mel (B, T, bands) in natural log; log_f0 (B, T, 1), natural log of Hz, 0 where the network shall use its own estimate ->
    log_f0 (B, T', 1), harmonic_filter (B, T', SUBFRAMES * 2 * bins), real and imaginary parts, noise_filter (B, T',
    NOISE_SUBFRAMES * noise bins), magnitudes, with T' = T - config.margin - LOOKAHEAD.
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
        """Return the outputs of `forward` for a known F0.

        Args:
            mel: (B, T, bands), natural log.
            standard: The standardized mel, same shape.
            used: (B, T - pitch_margin - LOOKAHEAD, 1), log-F0 of the frames after the first `pitch_margin`.
        """
        return self.spectra(mel, self.heads(standard, used), used)

    def heads(self, standard: Tensor, used: Tensor) -> Tensor:
        """Predict changes of the mel's spectral envelope, and phases, from mel and F0, for `spectra`.

        Args:
            standard: (B, T, bands), standardized mel.
            used: (B, T - pitch_margin - LOOKAHEAD, 1), log-F0 of the frames after the first `pitch_margin`.

        Returns:
            (B, T', C), with T' = T - margin - LOOKAHEAD.
        """
        skip = self.pitch_margin - (FRONT_KERNEL - 1 - LOOKAHEAD)
        features = torch.cat([harmonic_comb(used, self.centres), used - 5.0], -1)
        hidden = self.front(standard)[:, skip:] + self.pitch_input(features)
        result: Tensor = self.head(self.norm(self.blocks(hidden)))
        return result

    def spectra(self, mel: Tensor, heads: Tensor, used: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute the filters from the mel's spectral envelope and its predicted changes, in float32.

        Args:
            mel: (B, T, bands), natural log.
            heads: (B, T', C), from `heads`.
            used: (B, T - pitch_margin - LOOKAHEAD, 1), log-F0.

        Returns:
            The outputs of `forward`: log_f0, harmonic_filter and noise_filter.
        """
        inner = mel[:, self.margin : mel.shape[1] - LOOKAHEAD]
        harmonic_head, noise_head = heads.split(self.sizes, -1)
        change, angle = harmonic_head.unflatten(-1, (SUBFRAMES, 2, self.num_bins)).unbind(3)
        harmonic = torch.exp(((inner @ self.envelope.T)[:, :, None] + change - 0.23).clamp(max=6.0))
        noise_change = noise_head.unflatten(-1, (NOISE_SUBFRAMES, self.num_noise_bins))
        noise = torch.exp(((inner @ self.noise_envelope.T)[:, :, None] + noise_change - 1.23).clamp(max=6.0))
        parts = torch.stack([harmonic * torch.cos(angle), harmonic * torch.sin(angle)], 3)
        return used[:, self.margin - self.pitch_margin :], parts.flatten(2), noise.flatten(2)


def envelope_matrix(mel: MelConfig, num_bins: int) -> NDArray[np.float32]:
    """Return the matrix (num_bins, num_bands) that interpolates a log-mel at linearly spaced frequencies from 0 to half the
    sample rate."""
    filters = mel_filters(mel)
    hertz = np.linspace(0, mel.sample_rate / 2, filters.shape[1])
    centres = (filters * hertz).sum(1) / filters.sum(1)
    targets = np.linspace(0, mel.sample_rate / 2, num_bins)
    identity = np.eye(mel.num_bands)
    return np.stack([np.interp(targets, centres, row) for row in identity], 1).astype(np.float32)
