"""Discriminators of waveforms for vocoders: of periods (Kong et al., 2020), resolutions (Jang et al., 2021) and spectra.

Those of spectra read log magnitudes as sequences of frames; they are small enough for training on a CPU.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.models.adversarial import Verdict
from tts_cli.models.layers import magnitudes

_SLOPE = 0.1
"""Slope of the leaky rectifiers below zero."""
_FLOOR = 1e-3
"""Added to magnitudes before the logarithm."""


class WaveformDiscriminatorConfig(StrictModel):
    """Sizes of the discriminators; the defaults are those of HiFi-GAN and UnivNet."""

    channels: int = 32
    """Channels of each first layer. Period discriminators widen to 32 times as many, resolution discriminators do not widen."""
    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    """Samples between neighbours in a column of each period discriminator; primes overlap least."""
    windows_ms: tuple[float, ...] = (10.0, 25.0, 50.0)
    """Window of the spectrogram of each resolution discriminator; it advances by a quarter of its length."""
    spectra: tuple[int, ...] = ()
    """Samples of the Fourier transform of each spectrum discriminator; it advances by a quarter of them."""
    spectrum_channels: int = 128


class PeriodDiscriminator(nn.Module):
    """Judge audio folded into columns of `period` samples: the convolutions see every `period`-th sample (Kong et al., 2020).

    audio: (B, S) -> scores (B, n), activations (B, C, rows, period)
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


class ResolutionDiscriminator(nn.Module):
    """Judge the log-magnitude spectrogram of one resolution by 2-D convolutions (as UnivNet, Jang et al., 2021).

    audio: (B, S), S at least `fft_samples` -> scores (B, n), activations (B, C, frames, bins')
    """

    def __init__(self, window_samples: int, channels: int) -> None:
        super().__init__()
        self.fft_samples = 1 << (window_samples - 1).bit_length()
        self.hop_samples = window_samples // 4
        wide, narrow = (3, 9), (3, 3)
        self.layers = nn.ModuleList(
            [
                _convolution(1, channels, wide),
                *(_convolution(channels, channels, wide, (1, 2)) for _ in range(3)),
                _convolution(channels, channels, narrow),
            ]
        )
        self.score = _convolution(channels, 1, narrow)
        self.register_buffer("window", torch.hann_window(window_samples), persistent=False)

    def forward(self, audio: Tensor) -> Verdict:
        return _judge(self.spectrogram(audio)[:, None], self.layers, self.score)

    def spectrogram(self, audio: Tensor) -> Tensor:
        """Log magnitudes in float32 whatever the precision around it: (B, S) -> (B, frames, bins)."""
        with torch.autocast(audio.device.type, enabled=False):
            spectrum = torch.stft(
                audio.float(),
                self.fft_samples,
                self.hop_samples,
                len(self.window),
                self.window.float(),
                center=False,
                return_complex=True,
            )
            return torch.log(spectrum.abs() + _FLOOR).transpose(1, 2)


class SpectrumDiscriminator(nn.Module):
    """Judge log-magnitude spectra, read as frames by 1-D convolutions: audio (B, S) -> scores (B, 1, frames), activations."""

    def __init__(self, fft_samples: int, channels: int) -> None:
        super().__init__()
        self.fft_samples = fft_samples
        sizes = [fft_samples // 2 + 1, channels * 2, channels, channels, channels]
        self.layers = nn.ModuleList(nn.utils.parametrizations.weight_norm(nn.Conv1d(a, b, 3)) for a, b in pairwise(sizes))
        self.score = nn.utils.parametrizations.weight_norm(nn.Conv1d(channels, 1, 3))
        self.register_buffer("window", torch.hann_window(fft_samples), persistent=False)

    def forward(self, audio: Tensor) -> Verdict:
        with torch.autocast(audio.device.type, enabled=False):
            spectra = torch.log(magnitudes(audio.float(), self.window, self.fft_samples // 4) + _FLOOR)
        return _judge(spectra.transpose(1, 2), self.layers, self.score)


class WaveformDiscriminators(nn.Module):
    """All the discriminators of a configuration, each with its own verdict.

    audio: (B, S) in [-1, 1], S at least the longest Fourier transform -> one (scores, activations) for each discriminator
    """

    def __init__(self, config: WaveformDiscriminatorConfig, sample_rate: int) -> None:
        super().__init__()
        periods = [PeriodDiscriminator(period, config.channels) for period in config.periods]
        windows = [round(sample_rate * milliseconds / 1000) for milliseconds in config.windows_ms]
        resolutions = [ResolutionDiscriminator(window, config.channels) for window in windows]
        spectra = [SpectrumDiscriminator(size, config.spectrum_channels) for size in config.spectra]
        self.parts = nn.ModuleList([*periods, *resolutions, *spectra])

    def forward(self, audio: Tensor) -> list[Verdict]:
        return [part(audio) for part in self.parts]


def _convolution(inputs: int, outputs: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)) -> nn.Module:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.utils.parametrizations.weight_norm(nn.Conv2d(inputs, outputs, kernel, stride, padding))


def _judge(x: Tensor, layers: nn.ModuleList, score: nn.Module) -> Verdict:
    """Return the scores (B, n) of `x` (B, 1, height, width) and the activation after each layer."""
    activations = []
    for layer in layers:
        x = nn.functional.leaky_relu(layer(x), _SLOPE)
        activations.append(x)
    return score(x).flatten(1), activations
