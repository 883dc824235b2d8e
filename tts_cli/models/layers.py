"""Layers and loss functions that several models share.

Shapes: B items, T steps of time, C channels; activations are (B, T, C).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from tts_cli.audio.mel import MelConfig, mel_filters
from tts_cli.config import StrictModel


class ValidConv(nn.Module):
    """Convolution over time without padding: (B, T, C) -> (B, T - (kernel - 1) * dilation, C')."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, dilation=dilation, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x.transpose(1, 2))
        return y.transpose(1, 2)


class ConvNeXtBlock(nn.Module):
    """ConvNeXt block without padding (Liu et al., 2022): depthwise convolution, layer norm, wide pointwise layer, residual.

    x (B, T, C) -> (B, T - (kernel - 1) * dilation, C).
    """

    def __init__(self, channels: int, kernel: int, expansion: int, dilation: int = 1, lookahead: int | None = None) -> None:
        """Build the block.

        Args:
            channels: C, of input and output.
            kernel: Width of the depthwise convolution, in steps.
            expansion: Width of the pointwise layer, as a multiple of `channels`.
            dilation: Steps between the taps of the convolution.
            lookahead: Future steps that each output reads; the rest of the receptive field is past. None: half of it.
        """
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
        """Apply the block with zero padding to `x` (B, T, C), where `mask` (B, T, 1) is 1; masked steps count as 0. Returns (B,
        T, C)."""
        y: Tensor = self(nn.functional.pad(x * mask, (0, 0, self.before, self.after)))
        return y


class ConvNeXtBlocks(nn.ModuleList):
    """List of ConvNeXt blocks of one kernel, one for each dilation."""

    def __init__(self, channels: int, kernel: int, expansion: int, dilations: Iterable[int]) -> None:
        super().__init__(ConvNeXtBlock(channels, kernel, expansion, dilation) for dilation in dilations)

    def __iter__(self) -> Iterator[ConvNeXtBlock]:
        return cast(Iterator[ConvNeXtBlock], super().__iter__())


def harmonic_comb(log_f0: Tensor, frequencies_hz: Tensor) -> Tensor:
    """Return the comb cos(2 pi f / F0), 1 where a frequency is a harmonic of F0.

    Args:
        log_f0: (B, T, 1), natural log of Hz.
        frequencies_hz: (K,).

    Returns:
        (B, T, K), in [-1, 1].
    """
    return torch.cos(2 * torch.pi * frequencies_hz * torch.exp(-log_f0))


class FrequencyWarp(nn.Module):
    """Augmentation that stretches the frequency axis of a log-mel: another pitch and vocal tract length, the same timing.

    Vocal tract length perturbation (Jaitly and Hinton, 2013) in the mel domain.
    """

    FACTORS = tuple(float(factor) for factor in np.geomspace(0.8, 1.25, 17))
    """Factors on frequency to choose from, 0.8 to 1.25."""
    IDENTITY = len(FACTORS) // 2
    """Index of factor 1 in `FACTORS`."""

    def __init__(self, mel: MelConfig) -> None:
        super().__init__()
        filters = mel_filters(mel)
        hertz = (filters * np.linspace(0, mel.sample_rate / 2, filters.shape[1])).sum(1) / filters.sum(1)
        identity = np.eye(mel.num_bands)
        matrices = [[np.interp(hertz / factor, hertz, row) for row in identity] for factor in self.FACTORS]
        self.matrices = nn.Buffer(torch.tensor(np.array(matrices), dtype=torch.float32), persistent=False)

    def forward(self, mel: Tensor, choice: Tensor) -> Tensor:
        """Warp `mel` (B, T, bands) by the factors with indices `choice` (B,) in `FACTORS`: (B, T, bands)."""
        return mel @ self.matrices[choice]


class Posterior(NamedTuple):
    """Diagonal normal distributions of latents given a recording (the posterior of a VAE)."""

    mean: Tensor
    """Means, (B, L, C)."""
    log_variance: Tensor
    """Natural logs of the variances, same shape as `mean`."""

    def divergence(self) -> Tensor:
        """Return the KL divergence of each dimension from the standard normal prior, in nats, same shape as `mean`."""
        return 0.5 * (self.mean.square() + self.log_variance.exp() - 1 - self.log_variance)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Draw from the distributions by the reparameterization trick, same shape as `mean`; None is the global generator."""
        noise = torch.randn(self.mean.shape, generator=generator, dtype=self.mean.dtype, device=self.mean.device)
        return self.mean + noise * torch.exp(0.5 * self.log_variance)


class RunningNorm(nn.Module):
    """Standardize x (B, 1, C) by running statistics of each channel, like batch normalization for batches of few items.

    In training, mean and mean square are averages over all batches so far, later an exponential average with `LEAST_WEIGHT`.
    """

    LEAST_WEIGHT = 0.01

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean = nn.Buffer(torch.zeros(channels))
        self.square = nn.Buffer(torch.ones(channels))
        self.count = nn.Buffer(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            with torch.no_grad():
                self.count.add_(1)
                weight = (1 / self.count).clamp(min=self.LEAST_WEIGHT)
                self.mean.lerp_(x.mean((0, 1)), weight)
                self.square.lerp_(x.square().mean((0, 1)), weight)
        return (x - self.mean) / self.deviation

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *others)
        if f"{prefix}mean" in state_dict and f"{prefix}count" not in state_dict:
            # An addon holds no count; with 0, the first batch of a fine-tuning would replace the statistics.
            self.count.fill_(1 / self.LEAST_WEIGHT)

    @property
    def deviation(self) -> Tensor:
        """Running standard deviation of each channel, (C,)."""
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
    """Gradient reversal (Ganin and Lempitsky, 2015): return `x` unchanged, and multiply its gradient by -`weight`.

    An adversary after this layer learns its task, and the network before it learns to defeat the adversary.
    """
    result: Tensor = _ReversedGradient.apply(x, weight)
    return result


def cosine_coefficients(x: Tensor, weights: Tensor, number: int) -> list[Tensor]:
    """Return the first `number` cosine coefficients over time of `x` (B, T, C): level, slope, arch and so on, (B, 1, C) each.

    Args:
        x: (B, T, C).
        weights: (B, T, 1), at least 0, 0 on masked steps. The weights before a step, as a share of their sum, are its position in
            [0, 1].
        number: Number of coefficients.
    """
    total = weights.sum(1, keepdim=True).clamp(min=1e-3)
    place = (weights.cumsum(1) - 0.5 * weights) / total
    return [(x * weights * torch.cos(torch.pi * order * place)).sum(1, keepdim=True) / total for order in range(number)]


def masked_mean_and_deviation(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation over time of `x` (B, T, C) where `mask` (B, T, 1) is 1, (B, 1, C) each."""
    count = mask.sum(1, keepdim=True).clamp(min=1)
    mean = (x * mask).sum(1, keepdim=True) / count
    variance = ((x - mean).square() * mask).sum(1, keepdim=True) / count
    return mean, torch.sqrt(variance + 1e-5)


def weighted_sum(parts: Mapping[str, Tensor], weights: StrictModel) -> Tensor:
    """Return the sum of the scalar losses `parts`, each multiplied by the field of `weights` of the same name."""
    return torch.stack([getattr(weights, name) * part for name, part in parts.items()]).sum()


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the mean of `values` weighted by `weights`, a scalar; 0 if all weights are 0. The shapes are equal."""
    return (values * weights).sum() / weights.sum().clamp(min=1)


def magnitudes(audio: Tensor, window: Tensor, hop: int) -> Tensor:
    """Return STFT magnitudes without padding, (B, frames, bins).

    Args:
        audio: (B, S).
        window: (size,), as long as the transform.
        hop: Samples between frames.
    """
    frames = audio.unfold(1, len(window), hop) * window
    spectrum = torch.view_as_real(torch.fft.rfft(frames))
    return torch.sqrt(spectrum.square().sum(-1) + 1e-9)
