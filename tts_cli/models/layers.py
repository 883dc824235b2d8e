"""Layers and sums of losses that several models share. Activations are (B, T, C)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from tts_cli.audio.mel import MelConfig, mel_filters
from tts_cli.config import StrictModel


class ValidConv(nn.Module):
    """A convolution over time that pads nothing: (B, T, C) -> (B, T - (kernel - 1) * dilation, C')."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, dilation=dilation, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x.transpose(1, 2))
        return y.transpose(1, 2)


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, normalisation over channels, and a wide pointwise layer (Liu et al., 2022), padding nothing.

    x: (B, T, C) -> (B, T - (kernel - 1) * dilation, C); `lookahead` of the lost steps come from the end, the rest from the start.
    """

    def __init__(self, channels: int, kernel: int, expansion: int, dilation: int = 1, lookahead: int | None = None) -> None:
        super().__init__()
        lost = (kernel - 1) * dilation
        self.after = lost // 2 if lookahead is None else lookahead
        self.before = lost - self.after
        self.depthwise = ValidConv(channels, channels, kernel, dilation, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, channels * expansion)
        self.narrow = nn.Linear(channels * expansion, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.narrow(nn.functional.gelu(self.widen(self.norm(self.depthwise(x)))))
        return x[:, self.before : x.shape[1] - self.after] + self.scale * y

    def same_length(self, x: Tensor, mask: Tensor) -> Tensor:
        """Apply the block to x (B, T, C) with zeros beyond its ends and where mask (B, T, 1) is 0: (B, T, C)."""
        y: Tensor = self(nn.functional.pad(x * mask, (0, 0, self.before, self.after)))
        return y


class ConvNeXtBlocks(nn.ModuleList):
    """Blocks of one kernel, one for each dilation."""

    def __init__(self, channels: int, kernel: int, expansion: int, dilations: Iterable[int]) -> None:
        super().__init__(ConvNeXtBlock(channels, kernel, expansion, dilation) for dilation in dilations)

    def __iter__(self) -> Iterator[ConvNeXtBlock]:
        return cast(Iterator[ConvNeXtBlock], super().__iter__())


def harmonic_comb(log_f0: Tensor, frequencies_hz: Tensor) -> Tensor:
    """How near each frequency lies to a harmonic: log_f0 (B, T, 1), frequencies (K,) -> (B, T, K) in [-1, 1], 1 on harmonics."""
    return torch.cos(2 * torch.pi * frequencies_hz * torch.exp(-log_f0))


class FrequencyWarp(nn.Module):
    """Stretches the frequency axis of a log-mel: another pitch and another length of the vocal tract, with the same timing.

    Vocal tract length perturbation (Jaitly and Hinton, 2013) in the mel domain; `FACTORS` are multiples of frequency.
    """

    FACTORS = tuple(float(factor) for factor in np.geomspace(0.8, 1.25, 17))
    IDENTITY = len(FACTORS) // 2

    def __init__(self, mel: MelConfig) -> None:
        super().__init__()
        filters = mel_filters(mel)
        hertz = (filters * np.linspace(0, mel.sample_rate / 2, filters.shape[1])).sum(1) / filters.sum(1)
        identity = np.eye(mel.num_bands)
        matrices = [[np.interp(hertz / factor, hertz, row) for row in identity] for factor in self.FACTORS]
        self.matrices = nn.Buffer(torch.tensor(np.array(matrices), dtype=torch.float32), persistent=False)

    def forward(self, mel: Tensor, choice: Tensor) -> Tensor:
        """mel (B, T, bands), choice (B,) places in `FACTORS` -> (B, T, bands)."""
        return mel @ self.matrices[choice]


class Posterior(NamedTuple):
    """The normal distributions of latents, given what was heard; mean and log_variance have one shape."""

    mean: Tensor
    log_variance: Tensor

    def divergence(self) -> Tensor:
        """From the standard normal prior, in nats, of the shape of `mean`."""
        return 0.5 * (self.mean.square() + self.log_variance.exp() - 1 - self.log_variance)

    def sample(self) -> Tensor:
        """A draw from it."""
        return self.mean + torch.randn_like(self.mean) * torch.exp(0.5 * self.log_variance)


class RunningNorm(nn.Module):
    """Standardises x (B, 1, C) by each channel's mean and deviation over the training so far: for batches of few items."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean = nn.Buffer(torch.zeros(channels))
        self.square = nn.Buffer(torch.ones(channels))
        self.count = nn.Buffer(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            with torch.no_grad():
                self.count.add_(1)
                weight = (1 / self.count).clamp(min=0.01)
                self.mean.lerp_(x.mean((0, 1)), weight)
                self.square.lerp_(x.square().mean((0, 1)), weight)
        return (x - self.mean) / self.deviation

    @property
    def deviation(self) -> Tensor:
        """(C,) of each channel."""
        return torch.sqrt((self.square - self.mean.square()).clamp(min=1e-4))


class _ReversedGradient(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, weight: float) -> Tensor:
        context.weight = weight
        return x.view_as(x)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -context.weight * gradient, None


def reversed_gradient(x: Tensor, weight: float) -> Tensor:
    """`x`, whose gradient is turned round and scaled (Ganin and Lempitsky, 2015): what follows learns, what precedes unlearns."""
    result: Tensor = _ReversedGradient.apply(x, weight)
    return result


def cosine_coefficients(x: Tensor, weights: Tensor, number: int) -> list[Tensor]:
    """The first coefficients of the cosine transform of x (B, T, C) over where weights (B, T, 1) are: level, slope, arch, ...

    Gives `number` of (B, 1, C); the place of a step is the share of the weights before it.
    """
    total = weights.sum(1, keepdim=True).clamp(min=1e-3)
    place = (weights.cumsum(1) - 0.5 * weights) / total
    return [(x * weights * torch.cos(torch.pi * order * place)).sum(1, keepdim=True) / total for order in range(number)]


def masked_mean_and_deviation(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Over time, of x (B, T, C) where mask (B, T, 1) is 1: two of (B, 1, C)."""
    count = mask.sum(1, keepdim=True).clamp(min=1)
    mean = (x * mask).sum(1, keepdim=True) / count
    variance = ((x - mean).square() * mask).sum(1, keepdim=True) / count
    return mean, torch.sqrt(variance + 1e-5)


def weighted_sum(parts: Mapping[str, Tensor], weights: StrictModel) -> Tensor:
    """Return the sum of the scalar losses `parts`, each times the field of `weights` that has its name."""
    return torch.stack([getattr(weights, name) * part for name, part in parts.items()]).sum()


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the mean over all axes, a scalar; 0 where all weights are 0."""
    return (values * weights).sum() / weights.sum().clamp(min=1)


def magnitudes(audio: Tensor, window: Tensor, hop: int) -> Tensor:
    """|STFT| without padding: (B, S) -> (B, frames, bins)."""
    frames = audio.unfold(1, len(window), hop) * window
    spectrum = torch.view_as_real(torch.fft.rfft(frames))
    return torch.sqrt(spectrum.square().sum(-1) + 1e-9)
