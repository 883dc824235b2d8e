"""Anchors of MUSHRA: low-passed copies of the reference (ITU-R BS.1534-3), by filters of linear phase, without delay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tts_cli.audio.mel import Floats
from tts_cli.evaluation.extra import require
from tts_cli.listening.design import ConditionRole

STOP_BAND_DB = 70.0
"""Attenuation of the stop band in dB."""
WIDTH = 1 / 7
"""Width of the transition band, relative to the cut-off frequency: 3.5 kHz passes, 4 kHz is stopped."""
WIDE_HZ = 10_000.0
"""Frequency above which stimuli must reach for the standard anchors of 3.5 and 7 kHz."""
FAINTEST_DB = -60.0
"""Level above `WIDE_HZ`, relative to the whole, from which stimuli reach there."""
STANDARD_HZ, NARROW_HZ = (3500.0, 7000.0), (2000.0, 3500.0)
"""Cut-off frequencies of the low and the mid anchor: those of BS.1534-3, and those for stimuli that end below `WIDE_HZ`."""
_HIGHEST = 0.7
"""Largest cut-off frequency, relative to half the sample rate: an anchor above can hardly be told from the reference."""
_ROLES: tuple[ConditionRole, ConditionRole] = ("low-anchor", "mid-anchor")


@dataclass(frozen=True)
class Anchor:
    """Anchor of a test."""

    role: ConditionRole
    cutoff_hz: float

    @property
    def name(self) -> str:
        """Name of its condition, such as `anchor 3.5 kHz`."""
        return f"anchor {self.cutoff_hz / 1000:g} kHz"


def low_pass(cutoff_hz: float, sample_rate: int) -> Floats:
    """Return the coefficients (taps,) of a low-pass filter: an odd number, symmetric.

    Frequencies to `cutoff_hz` pass within 0.01 dB; from `cutoff_hz` * (1 + `WIDTH`) they lose at least `STOP_BAND_DB`.
    """
    signal = require("scipy.signal")
    width_hz = cutoff_hz * WIDTH
    num_taps, beta = signal.kaiserord(STOP_BAND_DB, 2 * width_hz / sample_rate)
    taps = signal.firwin(num_taps | 1, cutoff_hz + width_hz / 2, window=("kaiser", beta), fs=sample_rate)
    return np.asarray(taps, np.float64)


def low_passed(audio: Floats, cutoff_hz: float, sample_rate: int) -> Floats:
    """Return `audio` (samples,) without the frequencies above `cutoff_hz`, as long as before and not delayed."""
    taps = low_pass(cutoff_hz, sample_rate)
    before = len(taps) // 2
    return np.asarray(
        require("scipy.signal").oaconvolve(np.asarray(audio, np.float64), taps)[before : before + len(audio)], np.float32
    )


def reaches_high(sounds: Sequence[Floats], sample_rate: int) -> bool:
    """Return whether sounds (samples,) reach above 10 kHz: the sample rate allows it, and the level there is over -60 dB.

    The level is that of the long-term spectrum of all `sounds` above 10 kHz, relative to the whole.
    """
    if sample_rate / 2 <= WIDE_HZ:
        return False
    energies = np.zeros(2)
    for sound in sounds:
        power = np.abs(np.fft.rfft(sound)) ** 2
        high = np.fft.rfftfreq(len(sound), 1 / sample_rate) > WIDE_HZ
        energies += (power[high].sum(), power.sum())
    return bool(energies[0] > energies[1] * 10 ** (FAINTEST_DB / 10))


def choose_anchors(
    wanted: Literal["auto", "none"] | tuple[float, ...], references: Sequence[Floats], sample_rate: int
) -> tuple[tuple[Anchor, ...], tuple[str, ...]]:
    """Return the anchors of a test, and notes on departures from BS.1534-3.

    Args:
        wanted: `auto`, `none`, or cut-off frequencies in Hertz in rising order.
        references: Sounds of the hidden reference, (samples,) each.
        sample_rate: In Hz.
    """
    if wanted == "none":
        return (), ("The test has no anchor, although BS.1534-3 asks for a low and a mid anchor.",)
    wide = reaches_high(references, sample_rate)
    cutoffs = (STANDARD_HZ if wide else NARROW_HZ) if isinstance(wanted, str) else wanted
    kept = tuple(cutoff for cutoff in cutoffs if cutoff <= _HIGHEST * sample_rate / 2)
    anchors = tuple(Anchor(role, cutoff) for role, cutoff in zip(_ROLES, kept, strict=False))
    return anchors, _departures(anchors, cutoffs, wide, sample_rate)


def _departures(anchors: Sequence[Anchor], wanted: Sequence[float], wide: bool, sample_rate: int) -> tuple[str, ...]:
    notes = []
    if tuple(wanted) != STANDARD_HZ:
        given = " and ".join(f"{anchor.cutoff_hz / 1000:g} kHz ({anchor.role.replace('-', ' ')})" for anchor in anchors)
        standard = "not at 3.5 kHz (low) and 7 kHz (mid)"
        notes.append(f"Departure from BS.1534-3: the anchors are low-passed at {given or 'no frequency'}, {standard}.")
        reason = (
            f"The stimuli, of {sample_rate} Hz, do not reach above 10 kHz: a 7 kHz anchor can hardly be told from the reference."
        )
        notes += [] if wide else [reason]
        notes.append("Scores do not compare with those of tests with the standard anchors.")
    if len(anchors) < len(wanted):
        left = ", ".join(f"{cutoff / 1000:g} kHz" for cutoff in wanted[len(anchors) :])
        notes.append(f"The anchor of {left} was left out: at {sample_rate} Hz it would hardly differ from the reference.")
    return tuple(notes)
