"""Source-filter synthesis in PyTorch, for training the vocoder; computes the same as `blocks/vocoder.py` in NumPy.

A band-limited pulse train and white noise are shaped, in short overlapping frames, by predicted filters: the harmonic plus noise
model of Serra and Smith (1990) with filters from a network, as in DDSP (Engel et al., 2020).

Shapes: B clips, T frames, hop samples a frame.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tts_cli.blocks.vocoder import KNOT_OFFSET, PULSE_BANDWIDTH, Framing


def pulse_train(f0: Tensor, first_phase: Tensor, hop: int, sample_rate: int) -> Tensor:
    """Generate a band-limited pulse train of constant power; F0 is interpolated linearly between frames.

    Args:
        f0: (B, T), in Hz.
        first_phase: (B,), phase at the start, in cycles.
        hop: Samples a frame.
        sample_rate: In Hz.

    Returns:
        (B, T * hop), aligned with the frames of `f0`.
    """
    knots = torch.cat([f0[:, :1], f0], 1).double()
    step = torch.arange(1, hop + 1, device=f0.device, dtype=torch.float64)
    slope = (knots[:, 1:] - knots[:, :-1])[:, :, None] / hop
    frequency = knots[:, :-1, None] + slope * step
    advance = (knots[:, :-1, None] * step + slope * step * (step + 1) / 2) / sample_rate
    starts = torch.cumsum(advance[:, :, -1], 1) - advance[:, :, -1] + first_phase[:, None]
    phase = ((starts[:, :, None] + advance) % 1).flatten(1)
    shift = hop - round(KNOT_OFFSET * hop)
    return torch.roll(_pulses(phase, frequency.flatten(1), sample_rate), -shift, 1).float()


def _pulses(phase: Tensor, frequency: Tensor, sample_rate: int) -> Tensor:
    """Return the sum of equal cosines up to the bandwidth, with the highest faded in; `phase` in cycles, `frequency` in Hz, both
    (B, S)."""
    count = PULSE_BANDWIDTH * sample_rate / 2 / frequency
    whole = torch.floor(count)
    angle = 2 * torch.pi * phase
    half_sine = torch.sin(angle / 2)
    near = half_sine.abs() < 1e-6
    ratio = torch.sin((whole + 0.5) * angle) / (2 * torch.where(near, torch.ones_like(half_sine), half_sine)) - 0.5
    total = torch.where(near, whole, ratio) + (count - whole) * torch.cos((whole + 1) * angle)
    return total * torch.sqrt(2 / count)


def shape(source: Tensor, filters: Tensor, framing: Framing) -> Tensor:
    """Filter `source` (B, T * hop) window by window with overlap-add: (B, T * hop).

    Args:
        source: (B, T * hop).
        filters: (B, T * subframes, bins), frequency responses, real or complex.
        framing: Length and step of the windows.
    """
    step, size = framing.step, framing.size
    window = torch.from_numpy(framing.window).to(source.device)
    before = (size - step) // 2
    padded = torch.nn.functional.pad(source, (before, size - step - before))
    frames = padded.unfold(1, size, step) * window
    shaped = torch.fft.irfft(torch.fft.rfft(frames) * filters, size) * window
    total = torch.nn.functional.fold(shaped.transpose(1, 2), (1, padded.shape[1]), (1, size), stride=(1, step))[:, 0, 0]
    return total[:, before : before + source.shape[1]]
