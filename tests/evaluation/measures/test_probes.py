from functools import partial

import numpy as np
import pytest

from tts_cli.audio.mel import Floats
from tts_cli.errors import InputError
from tts_cli.evaluation.measures.probes import cross_validate, pooled, recurrent_probe, statistics_probe

pytest.importorskip("sklearn")
torch = pytest.importorskip("torch")

SPEAKERS = [f"speaker {clip % 3}" for clip in range(30)]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _clips(apart: float) -> list[Floats]:
    """Clips with one channel for each speaker, which is higher by `apart` in the clips of that speaker."""
    generator = np.random.default_rng(1)
    return [
        (generator.normal(size=(int(generator.integers(20, 90)), 4)) + apart * np.eye(4)[clip % 3]).astype(np.float32)
        for clip in range(30)
    ]


def test_speakers_that_differ_are_told() -> None:
    result = cross_validate(statistics_probe, _clips(2.0), SPEAKERS)
    assert result.accuracy.value == 1
    assert result.chance == pytest.approx(1 / 3)
    assert len(result.right) == 30


def test_speakers_that_do_not_differ_are_guessed() -> None:
    result = cross_validate(statistics_probe, _clips(0.0), SPEAKERS)
    assert result.accuracy.low < 1 / 3 < result.accuracy.high
    assert result.accuracy.value < 0.6


def test_what_rounding_leaves_of_normalised_features_tells_nobody() -> None:
    # One speaker's mean is 1e-6, the others' is 0: without rounding, scaling would separate them perfectly.
    clips = [clip - clip.mean(axis=0) + 1e-6 * (place % 3 == 0) for place, clip in enumerate(_clips(0.0))]
    clips = [(clip / clip.std(axis=0)).astype(np.float32) for clip in clips]
    assert cross_validate(statistics_probe, clips, SPEAKERS).accuracy.value <= 0.5


def test_labels_that_mean_nothing_are_guessed() -> None:
    shuffled = np.random.default_rng(4).permutation(SPEAKERS).tolist()
    assert cross_validate(statistics_probe, _clips(2.0), shuffled).accuracy.value < 0.65


def test_order_in_time_is_told_by_the_recurrent_probe_alone() -> None:
    generator = np.random.default_rng(0)
    clips = [generator.normal(scale=0.1, size=(60, 1)).astype(np.float32) for _ in range(20)]
    for place, clip in enumerate(clips):
        # Equal values in both classes: slow rise and sudden fall, or sudden rise and slow fall.
        saw = (np.arange(60) % 6) / 6
        clip[:, 0] += saw if place % 2 else saw[::-1]
    speakers = [f"{place % 2}" for place in range(20)]
    told = cross_validate(recurrent_probe, clips, speakers, seeds=(0,))
    assert told.accuracy.value > 0.8
    assert cross_validate(statistics_probe, clips, speakers).accuracy.value < told.accuracy.value
    assert cross_validate(recurrent_probe, clips, speakers, seeds=(0,)) == told


def test_too_few_clips_are_refused() -> None:
    with pytest.raises(InputError, match="5 clips each"):
        cross_validate(statistics_probe, _clips(1.0)[:6], SPEAKERS[:6])
    with pytest.raises(InputError, match="two speakers"):
        cross_validate(statistics_probe, _clips(1.0)[:8], ["one"] * 8)


def test_groups_are_held_out_together() -> None:
    # Each group of five clips is alike by itself; a clip whose group is in training is told, and one alone is not.
    generator = np.random.default_rng(2)
    groups = [clip // 5 for clip in range(200)]
    manner = generator.normal(scale=5, size=(40, 30))
    clips = [(generator.normal(size=(1, 30)) + manner[group]).astype(np.float32) for group in groups]
    labels = [f"{group % 2}" for group in groups]
    told = cross_validate(statistics_probe, clips, labels, seeds=(0,))
    held_out = cross_validate(statistics_probe, clips, labels, seeds=(0,), groups=groups)
    assert told.accuracy.value > 0.8
    assert held_out.accuracy.value < 0.7
    with pytest.raises(InputError, match="5 groups of clips each"):
        cross_validate(statistics_probe, clips[:40], labels[:40], groups=groups[:40])


def test_means_of_other_folds_tell_nothing() -> None:
    offsets = cross_validate(statistics_probe, _clips(2.0), SPEAKERS, centred_by=SPEAKERS)
    assert offsets.accuracy.low < 1 / 3 < offsets.accuracy.high


def test_balanced_labels_count_alike() -> None:
    generator = np.random.default_rng(3)
    clips = [(generator.normal(size=(4, 2)) + (place % 10 == 0)).astype(np.float32) for place in range(200)]
    labels = np.array([place % 10 == 0 for place in range(200)], np.int64)
    for probe in (statistics_probe, partial(recurrent_probe, steps=4)):
        rare, alike = (int(probe(clips, labels, clips, 0, is_balanced=flag).sum()) for flag in (False, True))
        assert alike > rare


def test_pooling_takes_means_and_what_is_left() -> None:
    frames = np.arange(10, dtype=np.float32).reshape(5, 2)
    assert np.array_equal(pooled(frames, 2), [[1, 2], [5, 6], [8, 9]])
    assert np.array_equal(pooled(frames, 1), frames)
