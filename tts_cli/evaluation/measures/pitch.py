"""Errors of an F0 track against its reference: RMSE, correlation, gross pitch error, voicing error and F0 frame error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats

GROSS_ERROR = 0.2
"""Relative F0 error above which a frame has a gross pitch error (Nakatani et al. 2008)."""


@dataclass(frozen=True)
class PitchScores:
    """Errors of an F0 track against its reference."""

    rmse_semitones: float
    """Root mean square error in semitones over frames voiced in both; NaN without any."""
    rmse_hz: float
    """Root mean square error in Hertz over frames voiced in both; NaN without any."""
    correlation: float
    """Pearson correlation of log-F0 over frames voiced in both; NaN below two frames or without variation."""
    gross_pitch_error: float
    """Gross pitch error (GPE), 0 to 1: share of the frames voiced in both with an F0 error above 20 % (Nakatani et al. 2008);
    NaN without any."""
    voicing_error: float
    """Voicing decision error (VDE), 0 to 1: share of all frames that are voiced in one track only (Nakatani et al. 2008); NaN
    without frames."""
    f0_frame_error: float
    """F0 frame error (FFE), 0 to 1: share of all frames with a gross pitch or voicing error (Chu and Alwan 2009); NaN without
    frames."""


def compare_pitch(reference_hz: Floats, other_hz: Floats) -> PitchScores:
    """Compare two F0 tracks (T,) in Hertz, 0 in unvoiced frames, frame by frame; the longer is cropped.

    Raises:
        ValueError: if a track holds values that are not finite numbers.
    """
    if not (np.isfinite(reference_hz).all() and np.isfinite(other_hz).all()):
        raise ValueError("an F0 track holds values that are not finite numbers: give 0 for unvoiced frames")
    num_frames = min(len(reference_hz), len(other_hz))
    reference, other = (track[:num_frames].astype(np.float64) for track in (reference_hz, other_hz))
    both = (reference > 0) & (other > 0)
    differences = (other - reference)[both]
    gross = np.abs(differences) > GROSS_ERROR * reference[both]
    logs = np.log(reference[both]), np.log(other[both])
    wrong = int(((reference > 0) != (other > 0)).sum())
    return PitchScores(
        rmse_semitones=_root_mean_square(12 / np.log(2) * (logs[0] - logs[1])),
        rmse_hz=_root_mean_square(differences),
        correlation=correlation(*logs),
        gross_pitch_error=float(gross.mean()) if both.any() else float("nan"),
        voicing_error=wrong / num_frames if num_frames else float("nan"),
        f0_frame_error=(wrong + int(gross.sum())) / num_frames if num_frames else float("nan"),
    )


def correlation(first: Floats | NDArray[np.float64], second: Floats | NDArray[np.float64]) -> float:
    """Return the Pearson correlation of two arrays of one length; NaN below two values, or if either does not vary."""
    if len(first) < 2 or min(float(np.ptp(first)), float(np.ptp(second))) < 1e-6:
        return float("nan")
    return float(np.corrcoef(first.astype(np.float64), second.astype(np.float64))[0, 1])


def _root_mean_square(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.square(values).mean())) if len(values) else float("nan")
