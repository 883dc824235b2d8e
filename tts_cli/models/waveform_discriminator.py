"""Discriminators of waveforms for vocoders: of periods (as HiFi-GAN) and of spectrograms (as UnivNet).

HiFi-GAN: Kong et al., 2020; UnivNet: Jang et al., 2021. Shapes: B clips, S samples, C channels.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.models.adversarial import SpectrogramDiscriminator, Verdict
from tts_cli.models.layers import magnitudes

_SLOPE = 0.1
"""Slope of the leaky rectifiers below zero."""
_FLOOR = 1e-3
"""Added to magnitudes before the logarithm."""


class WaveformDiscriminatorConfig(StrictModel):
    """Sizes of the waveform discriminators; the default periods are those of HiFi-GAN."""

    channels: Annotated[int, Field(ge=1, le=256)] = 24
    """Channels of each first layer. Period discriminators widen to 32 times as many, resolution discriminators to 3 times."""
    periods: Annotated[tuple[Annotated[int, Field(ge=1, le=1000)], ...], Field(max_length=16)] = (2, 3, 5, 7, 11)
    """Period of each period discriminator, in samples; prime numbers overlap least."""
    windows_ms: Annotated[tuple[Annotated[float, Field(ge=1, le=1000)], ...], Field(max_length=16)] = (32.0, 16.0, 8.0, 4.0)
    """Window length of each resolution discriminator, in milliseconds; the hop is a quarter of it."""

    @model_validator(mode="after")
    def _has_a_discriminator(self) -> Self:
        if not self.periods and not self.windows_ms:
            raise ValueError("periods and windows_ms must not both be empty")
        return self


class PeriodDiscriminator(nn.Module):
    """Discriminator of audio folded into columns of `period` samples: its convolutions see every `period`-th sample (Kong et al.,
    2020).

    audio (B, S) -> scores (B, n), activations (B, C, rows, period).
    """

    WIDTHS = (1, 4, 16, 32, 32)
    """Channels of each layer, in multiples of the first layer's."""

    def __init__(self, period: int, channels: int) -> None:
        super().__init__()
        self.period = period
        sizes = [1, *(channels * width for width in self.WIDTHS)]
        strides = [3] * (len(self.WIDTHS) - 1) + [1]
        self.layers = nn.ModuleList(
            _convolution(a, b, (5, 1), (stride, 1)) for (a, b), stride in zip(pairwise(sizes), strides, strict=True)
        )
        self.score = _convolution(sizes[-1], 1, (3, 1))

    def forward(self, audio: Tensor) -> Verdict:
        padded = nn.functional.pad(audio[:, None], (0, -audio.shape[1] % self.period), mode="reflect")
        return _judge(padded.unflatten(2, (-1, self.period)), self.layers, self.score)


class ResolutionDiscriminator(SpectrogramDiscriminator):
    """Discriminator of the log-magnitude spectrogram at one resolution (after UnivNet, Jang et al., 2021, in a smaller network).

    audio (B, S), S at least `window_samples` -> scores (B, 1, n, m), activations (B, C, frames', bins').
    """

    CENTRE, SCALE = -3.0, 2.5
    """Shift and scale of log magnitudes."""

    def __init__(self, window_samples: int, channels: int) -> None:
        super().__init__(channels)
        self.window = nn.Buffer(torch.hann_window(window_samples), persistent=False)

    def forward(self, audio: Tensor) -> Verdict:
        return self.judge(self.spectrogram(audio)[:, None])

    def spectrogram(self, audio: Tensor) -> Tensor:
        """Return the standardized log magnitudes of `audio` (B, S) in float32, also under autocast: (B, frames, bins)."""
        with torch.autocast(audio.device.type, enabled=False):
            loudness = magnitudes(audio.float(), self.window, len(self.window) // 4) / (len(self.window) / 1024) ** 0.5
            return (torch.log(loudness + _FLOOR) - self.CENTRE) / self.SCALE


class WaveformDiscriminators(nn.Module):
    """All waveform discriminators of a configuration.

    audio (B, S) in [-1, 1], S at least the longest window -> one verdict (scores, activations) for each discriminator.
    """

    def __init__(self, config: WaveformDiscriminatorConfig, sample_rate: int) -> None:
        super().__init__()
        periods = [PeriodDiscriminator(period, config.channels) for period in config.periods]
        windows = [round(sample_rate * milliseconds / 1000) for milliseconds in config.windows_ms]
        resolutions = [ResolutionDiscriminator(window, config.channels) for window in windows]
        self.parts = nn.ModuleList([*periods, *resolutions])

    def forward(self, audio: Tensor) -> list[Verdict]:
        return [part(audio) for part in self.parts]


def _convolution(inputs: int, outputs: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)) -> nn.Module:
    padding = (kernel[0] // 2, kernel[1] // 2)
    convolution: nn.Module = nn.utils.parametrizations.weight_norm(nn.Conv2d(inputs, outputs, kernel, stride, padding))
    return convolution


def _judge(x: Tensor, layers: nn.ModuleList, score: nn.Module) -> Verdict:
    """Return the scores (B, n) of `x` (B, 1, height, width) and the activation after each layer."""
    activations = []
    for layer in layers:
        x = nn.functional.leaky_relu(layer(x), _SLOPE)
        activations.append(x)
    return score(x).flatten(1), activations
