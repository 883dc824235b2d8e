"""Means of frame-rate features over the frames of each token.

Shapes: N tokens, T frames, C channels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats


def token_mean(frames: Floats, durations: NDArray[np.int64]) -> Floats:
    """Return means of `frames` (T, C) over the frames of each token, shape (N, C); `durations` (N,) are in frames.

    A token without frames gets the value of the token before it.
    """
    ends = np.cumsum(durations)
    sums = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames, axis=0, dtype=np.float64)])
    means = (sums[ends] - sums[ends - durations]) / np.maximum(durations, 1)[:, None]
    source = np.maximum.accumulate(np.where(durations > 0, np.arange(len(durations)), -1))
    source[source < 0] = np.argmax(durations > 0)
    return np.asarray(means[source], np.float32)


def voiced_token_mean(log_f0: Floats, voicing: Floats, durations: NDArray[np.int64]) -> Floats:
    """Return the mean log F0 over the voiced frames of each token, shape (N, 1).

    A token without voiced frames gets the mean over all its interpolated frames.

    Args:
        log_f0: Interpolated log F0, shape (T, 1).
        voicing: 1 in voiced frames, else 0, shape (T, 1).
        durations: Frames of each token, shape (N,).
    """
    voiced = token_mean(voicing, durations)
    weighted = token_mean(log_f0 * voicing, durations) / np.maximum(voiced, 1e-6)
    return np.where(voiced > 0, weighted, token_mean(log_f0, durations)).astype(np.float32)
