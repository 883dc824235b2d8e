"""The harmonic source of a vocoder heard alone: pulses in unvoiced frames buzz, and PESQ rewards them."""

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
"""Ports of a vocoder network that shapes noise and pulses apart."""
FLOOR_DB = -60.0
"""Lowest level of the harmonic source in a frame; below it, nobody hears pulses."""


def harmonic_voice(voice: Voice) -> Voice | None:
    """Return a voice that says the same with the noise of its vocoder silent, from the same networks.

    Its samples are those of `voice` but for the noise, as long as no effect after the vocoder depends on what passes through
    it: the limiter rarely acts. None stands for a voice without a vocoder that keeps the two apart.
    """
    addons = [addon for addon in (voice.acoustic, voice.vocoder) if addon]
    if not any(map(_has_harmonic_source, addons)):
        return None
    return voice.variant(edit_network=_without_noise)


def harmonic_vocoder(addon: Addon) -> Addon | None:
    """Return a vocoder addon with the noise of its source silent, as `harmonic_voice` does for a voice."""
    return replace(addon, edit_network=_without_noise) if _has_harmonic_source(addon) else None


def _has_harmonic_source(addon: Addon) -> bool:
    return any(map(_names_both, addon.configs))


def _names_both(config: AddonConfig) -> bool:
    ports = [{port.name for port in network.outputs} for network in config.networks.values()]
    return any({NOISE, HARMONIC} <= names for names in ports)


def _without_noise(network: AddonNetwork) -> AddonNetwork:
    return replace(network, network=_Noiseless(network.network)) if network.spec.role == "vocoder" else network


class _Noiseless:
    """See `backends.Network`."""

    def __init__(self, network: Network) -> None:
        self.inputs, self.outputs = network.inputs, network.outputs
        self._network = network

    def run(self, tensors: Tensors) -> dict[str, Array]:
        """See `Network.run`."""
        outputs = self._network.run(tensors)
        return {name: np.zeros_like(array) if name == NOISE else array for name, array in outputs.items()}


def harmonic_level(harmonic: Floats, audio: Floats, sample_rate: int, frames: Frames) -> float:
    """Return the energy of `harmonic` (samples,) relative to that of `audio` (samples,), in dB: the mean over the chosen frames.

    Each frame counts alike, at least `FLOOR_DB`: the energy of all frames together would tell of the few that are voiced after
    all, at onsets and in creak, where the pitch tracker errs.

    Args:
        frames: (T,) those of the mel at 16 kHz; the longer is cropped.

    Returns:
        The level, or NaN where no frame is chosen or the audio is silent there.
    """
    parts, wholes = (_frame_energies(resample(signal, sample_rate, MEL.sample_rate)) for signal in (harmonic, audio))
    count = min(len(frames), len(parts), len(wholes))
    sounding = frames[:count] & (wholes[:count] > 0)
    if not sounding.any():
        return float("nan")
    shares = parts[:count][sounding] / wholes[:count][sounding]
    return float(10 * np.log10(np.maximum(shares, 10 ** (FLOOR_DB / 10))).mean())


def _frame_energies(audio: Floats) -> Floats:
    """Sums of squares of the whole hops of `audio` (samples,): (T,)."""
    hop = MEL.hop_samples
    return np.asarray(np.square(audio[: len(audio) // hop * hop].astype(np.float64)).reshape(-1, hop).sum(axis=1), np.float64)
