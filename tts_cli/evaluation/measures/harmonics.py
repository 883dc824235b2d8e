"""Level of a vocoder's harmonic source in unvoiced frames, where its pulses are heard as a buzz that PESQ rewards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tts_cli.addon.config import AddonConfig
from tts_cli.addon.opened import Addon
from tts_cli.audio.files import resample
from tts_cli.audio.mel import Floats
from tts_cli.backends import Network
from tts_cli.blocks.network import AddonNetwork
from tts_cli.evaluation.measures.spectra import MEL, Frames
from tts_cli.ports import Array, Tensors
from tts_cli.voice.synthesis import Voice

NOISE, HARMONIC = "noise_filter", "harmonic_filter"
"""Output ports of a vocoder network that filters noise and pulses separately."""
FLOOR_DB = -60.0
"""Lowest level in dB that counts in a frame; pulses below it are inaudible."""


def harmonic_voice(voice: Voice) -> Voice | None:
    """Return a variant of `voice` with the noise source of its vocoder silent, so that its audio is the harmonic part alone.

    The variant shares the networks of `voice`. The parts add up to the audio of `voice` unless an effect after the vocoder
    depends on the level, as the limiter does on peaks.

    Returns:
        The variant; None if no vocoder network has separate noise and harmonic outputs.
    """
    addons = [addon for addon in (voice.acoustic, voice.vocoder) if addon]
    if not any(map(_has_harmonic_source, addons)):
        return None
    return voice.variant(edit_network=_without_noise)


def harmonic_vocoder(addon: Addon) -> Addon | None:
    """Return a vocoder addon with its noise source silent; None if it has no separate noise and harmonic outputs."""
    return replace(addon, edit_network=_without_noise) if _has_harmonic_source(addon) else None


def _has_harmonic_source(addon: Addon) -> bool:
    return any(map(_names_both, addon.configs))


def _names_both(config: AddonConfig) -> bool:
    ports = [{port.name for port in network.outputs} for network in config.networks.values()]
    return any({NOISE, HARMONIC} <= names for names in ports)


def _without_noise(network: AddonNetwork) -> AddonNetwork:
    return replace(network, network=_Noiseless(network.network)) if network.spec.role == "vocoder" else network


class _Noiseless:
    """Network that replaces the noise output of another with zeros."""

    def __init__(self, network: Network) -> None:
        self.inputs, self.outputs = network.inputs, network.outputs
        self._network = network

    def run(self, tensors: Tensors) -> dict[str, Array]:
        """Run the wrapped network, and set its noise output to zero."""
        outputs = self._network.run(tensors)
        return {name: np.zeros_like(array) if name == NOISE else array for name, array in outputs.items()}


def harmonic_level(harmonic: Floats, audio: Floats, sample_rate: int, frames: Frames) -> float:
    """Return the energy of the harmonic part relative to the whole audio in dB, as a mean over the chosen frames.

    The mean is over levels in dB, each at least `FLOOR_DB`. A ratio of summed energies would be decided by the few frames that
    the pitch tracker wrongly calls unvoiced, at onsets and in creaky voice.

    Args:
        harmonic: audio of the harmonic source alone, shape (samples,).
        audio: the whole audio, shape (samples,).
        sample_rate: sample rate of both in Hertz.
        frames: mask of the chosen mel frames at 16 kHz, shape (T,); the longer of mask and audio is cropped.

    Returns:
        The level in dB, at most about 0; NaN if no frame is chosen or the audio is silent in all of them.
    """
    parts, wholes = (_frame_energies(resample(signal, sample_rate, MEL.sample_rate)) for signal in (harmonic, audio))
    count = min(len(frames), len(parts), len(wholes))
    sounding = frames[:count] & (wholes[:count] > 0)
    if not sounding.any():
        return float("nan")
    shares = parts[:count][sounding] / wholes[:count][sounding]
    return float(10 * np.log10(np.maximum(shares, 10 ** (FLOOR_DB / 10))).mean())


def _frame_energies(audio: Floats) -> Floats:
    """Return the sum of squares of each whole hop of `audio` (samples,), shape (T,)."""
    hop = MEL.hop_samples
    return np.asarray(np.square(audio[: len(audio) // hop * hop].astype(np.float64)).reshape(-1, hop).sum(axis=1), np.float64)
