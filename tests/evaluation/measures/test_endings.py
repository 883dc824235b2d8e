"""Ends of utterances with a planted F0: rises and falls, and the shape that the classifier sees."""

from dataclasses import asdict

import numpy as np
import pytest

from tts_cli.evaluation.measures.endings import NUM_PARTS, Ending, SpokenProsody, ending_of, final_shape
from tts_cli.evaluation.measures.prosody import Contour
from tts_cli.evaluation.measures.utterances import UtteranceProsody

FRAME_RATE = 80.0


def planted(slope: float, num_frames: int = 120, last_s: float = 0.3, hertz: float = 120.0) -> np.ndarray:
    """Return F0 that is level, and moves by `slope` semitones per second in the last `last_s` seconds."""
    seconds = np.arange(num_frames) / FRAME_RATE
    semitones = slope * np.maximum(seconds - (seconds[-1] - last_s), 0)
    return (hertz * 2 ** (semitones / 12)).astype(np.float32)


def ending(f0_hz: np.ndarray) -> Ending:
    return ending_of(f0_hz, f0_hz > 0, FRAME_RATE)


def test_slope_and_height_of_a_planted_end_are_found() -> None:
    for slope in (-20.0, 0.5, 10.0, 25.0):
        found = ending(planted(slope))
        assert found.slope == pytest.approx(slope, abs=0.01)
        assert found.height == pytest.approx(slope * (0.3 - 2 / FRAME_RATE), abs=0.01)
        assert found.rises is (slope > 1)


def test_the_speakers_register_does_not_matter() -> None:
    assert asdict(ending(planted(12.0, hertz=90))) == pytest.approx(asdict(ending(planted(12.0, hertz=240))), abs=1e-3)


def test_frames_before_the_last_third_of_a_second_do_not_count() -> None:
    fallen = planted(0.0)
    fallen[:40] *= 2 ** np.linspace(1, 0, 40)
    assert ending(fallen).slope == pytest.approx(0, abs=1e-3)
    trailing = np.concatenate([planted(15.0), np.zeros(50, np.float32)])
    assert ending(trailing).slope == pytest.approx(15.0, abs=0.01), "silence at the end is not the end of the voice"


def test_an_end_without_voice_neither_rises_nor_is_asked() -> None:
    silent = ending(np.zeros(100, np.float32))
    few = planted(20.0)
    few[-30:-4] = 0
    for unknown in (silent, ending(few)):
        assert np.isnan(unknown.slope) and not unknown.rises
        assert not unknown.is_asked(ending(planted(-10.0))) and not ending(planted(10.0)).is_asked(unknown)


@pytest.mark.parametrize(
    ("question", "statement", "asked"),
    [
        (Ending(3.0, 10.0), Ending(-2.0, -8.0), True),
        (Ending(-1.0, -4.0), Ending(-2.0, -8.0), True),
        (Ending(-1.0, -7.5), Ending(-2.0, -8.0), False),
        (Ending(-3.0, 10.0), Ending(-2.0, -8.0), False),
    ],
    ids=["rises", "falls less", "higher but hardly steeper", "steeper but lower"],
)
def test_a_question_must_end_higher_and_steeper(question: Ending, statement: Ending, asked: bool) -> None:
    assert question.is_asked(statement) is asked


def utterance(f0_hz: np.ndarray, energy: np.ndarray, last_frames: int = 20) -> UtteranceProsody:
    """Return an utterance of four phones and a boundary after the second, followed by half a second of silence."""
    durations = np.array([4, 30, 30, 6, 34, last_frames, 40])
    is_phone = np.array([False, True, True, False, True, True, False])
    contour = Contour(np.pad(f0_hz, (4, 40)).astype(np.float32), np.pad(energy, (4, 40)).astype(np.float32))
    return UtteranceProsody(contour, durations, is_phone, FRAME_RATE)


def test_the_shape_of_an_end_shows_rise_loudness_and_lengthening() -> None:
    level = np.zeros(120)
    rising, falling = (final_shape(utterance(planted(slope), level)) for slope in (10.0, -10.0))
    assert rising and falling and len(rising.f0) == NUM_PARTS
    assert rising.f0[-1] > 2 > 0.1 > rising.f0[0] and falling.f0[-1] < -2
    assert rising.f0 == pytest.approx([-value for value in falling.f0], abs=1e-3)
    softer = level.copy()
    softer[-8:] = -2.0
    soft = final_shape(utterance(planted(0.0), softer))
    assert (
        soft and soft.energy[-1] == pytest.approx(-2 + 16 / 120, abs=1e-3) and soft.energy[0] == pytest.approx(16 / 120, abs=1e-3)
    )
    longer = final_shape(utterance(np.pad(planted(0.0), (0, 40), mode="edge"), np.zeros(160), 60))
    assert longer and longer.durations[0] > rising.durations[0] + 0.5
    assert rising.features(2.0)[:NUM_PARTS] == pytest.approx([value / 2 for value in rising.f0])
    assert final_shape(utterance(np.zeros(120), level)) is None, "an unvoiced utterance has no shape"


def test_results_survive_the_journal() -> None:
    shape = final_shape(utterance(planted(10.0), np.zeros(120)))
    found = SpokenProsody(ending(planted(10.0)), shape, 3.0, 10.0, (50.0, 75.0), (0.0,))
    assert SpokenProsody.parse(asdict(found)) == found
    assert SpokenProsody.parse(asdict(SpokenProsody(Ending(0.0, 1.0)))).shape is None
