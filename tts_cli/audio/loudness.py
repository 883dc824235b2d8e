"""How loud speech is: integrated loudness as EBU R128 wants it, and the true peak."""

from __future__ import annotations

import math

import numpy as np
import soxr

from tts_cli.audio.mel import Floats
from tts_cli.errors import InputError

_METER_RATE = 48000
"""The rate in Hertz for which ITU-R BS.1770 gives the filters."""
_SHORTEST_S = 0.4
"""A block of the gate."""
_OVERSAMPLING = 4


def integrated_loudness(audio: Floats, sample_rate: int) -> float:
    """Integrated loudness (EBU R128, ITU-R BS.1770) of `audio` (samples,) in LUFS; minus infinity for silence.

    Raises InputError for audio shorter than 0.4 s, and where the package that measures is not installed.
    """
    try:
        from pyloudnorm import Meter
    except ImportError as error:
        raise InputError("measuring loudness needs the package 'pyloudnorm'", hint="pip install 'tts-cli[train]'") from error
    if len(audio) < _SHORTEST_S * sample_rate:
        raise InputError(f"loudness is measured over {_SHORTEST_S} s or more, not {len(audio) / sample_rate:.2f} s")
    if not np.any(audio):
        return -math.inf
    at_meter_rate = soxr.resample(np.asarray(audio, np.float64), sample_rate, _METER_RATE)
    # Of the filters on offer, these are the standard's.
    return float(Meter(_METER_RATE, filter_class="DeMan").integrated_loudness(at_meter_rate))


def true_peak_dbtp(audio: Floats, sample_rate: int) -> float:
    """Largest absolute value of `audio` (samples,) oversampled four times, in decibels relative to full scale."""
    oversampled = soxr.resample(np.asarray(audio, np.float64), sample_rate, _OVERSAMPLING * sample_rate, quality="VHQ")
    peak = max(float(np.abs(oversampled).max(initial=0.0)), float(np.abs(audio).max(initial=0.0)))
    return 20 * math.log10(peak) if peak > 0 else -math.inf
