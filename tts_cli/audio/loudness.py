"""Loudness (ITU-R BS.1770, EBU R128) and true peak of audio."""

from __future__ import annotations

import math

import numpy as np
import soxr

from tts_cli.audio.mel import Floats
from tts_cli.errors import InputError

_METER_RATE = 48000
"""Sample rate in Hz for which ITU-R BS.1770 defines its filters."""
_SHORTEST_S = 0.4
"""Length of a gating block, in seconds."""
_OVERSAMPLING = 4
"""Oversampling factor of the true peak."""


def integrated_loudness(audio: Floats, sample_rate: int) -> float:
    """Return the integrated loudness (EBU R128, ITU-R BS.1770) of `audio` (samples,) in LUFS; minus infinity for silence.

    Args:
        audio: (samples,), full scale 1.
        sample_rate: In Hz.

    Raises:
        InputError: The audio is shorter than 0.4 s, or the package for loudness is not installed.
    """
    try:
        from pyloudnorm import Meter
    except ImportError as error:
        raise InputError("measuring loudness needs the package 'pyloudnorm'", hint="pip install pyloudnorm") from error
    if len(audio) < _SHORTEST_S * sample_rate:
        message = f"{len(audio) / sample_rate:.2f} s of audio are too short: loudness is measured over {_SHORTEST_S} s or more"
        raise InputError(message, hint="give longer audio")
    if not np.any(audio):
        return -math.inf
    at_meter_rate = soxr.resample(np.asarray(audio, np.float64), sample_rate, _METER_RATE)
    # Among the filters of the package, "DeMan" are those of the standard.
    return float(Meter(_METER_RATE, filter_class="DeMan").integrated_loudness(at_meter_rate))


def true_peak_dbtp(audio: Floats, sample_rate: int) -> float:
    """Return the true peak of `audio` (samples,) in dBTP: its largest absolute value after fourfold oversampling."""
    oversampled = soxr.resample(np.asarray(audio, np.float64), sample_rate, _OVERSAMPLING * sample_rate, quality="VHQ")
    peak = max(float(np.abs(oversampled).max(initial=0.0)), float(np.abs(audio).max(initial=0.0)))
    return 20 * math.log10(peak) if peak > 0 else -math.inf
