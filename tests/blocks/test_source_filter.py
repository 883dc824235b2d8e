"""The pulses of the vocoder's harmonic source."""

from __future__ import annotations

import numpy as np
import pytest

from tts_cli.blocks.vocoder import SourceFilter, pulse_train

RATE, HOP, HERTZ = 16000, 200, 130.0


@pytest.mark.parametrize("sizes", [(6,), (1, 2, 3)])
def test_pulses_go_on_evenly_from_frame_to_frame(sizes: tuple[int, ...]) -> None:
    source = SourceFilter(HOP, RATE)
    pulses = np.concatenate([source._next_pulses(np.full(size, HERTZ)) for size in sizes])
    cycles = HERTZ / RATE * np.arange(1, sum(sizes) * HOP + 1)
    expected = pulse_train(cycles % 1.0, np.full(len(cycles), HERTZ), RATE)
    np.testing.assert_allclose(pulses, expected[len(expected) - len(pulses) :], atol=1e-4)
