"""Seams of a reading: no click where a sentence meets silence, no reset of level, pauses by the kind of the seam."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import tts_cli
from tts_cli.reading.documents import document_of
from tts_cli.reading.reading import Reading
from tts_cli.voice.synthesis import Voice

TEXT = """# The garden

The gate was open at noon. Nobody had closed it; it was warm. Who came in? "A dog," she said! It slept under the tree until the
bells rang for supper.

In the morning it was gone. Only its bowl was there: it was empty.

***

Ten years later the gate is rusty. It stays closed.

## Chapter Two

The new house has no garden. It has a view.
"""
KINDS = "heading sentence sentence sentence sentence paragraph sentence scene sentence scene heading sentence".split()
SECONDS = {"sentence": 0.2, "paragraph": 0.7, "scene": 1.4, "heading": 0.91}
LARGEST_STEP = 0.002
"""Largest step between two samples at a seam: -54 dBFS."""
LARGEST_DIFFERENCE_DB = 6.0
"""Largest difference of level between two sentences that follow each other; recorded ones of slt differ by up to 5.7 dB."""
HOP = 160


def level_db(samples: np.ndarray) -> float:
    """Return the level of the frames of a sentence that hold speech, in dB below full scale."""
    frames = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    energy = np.mean(frames**2, axis=1)
    return float(10 * np.log10(np.mean(energy[energy > energy.max() / 400])))


@pytest.fixture(scope="module")
def sentences_and_pauses() -> tuple[list[np.ndarray], list[int]]:
    """Return the samples of each sentence, and the number of silent samples between each two."""
    voice: Voice = tts_cli.load("arctic-16k")
    sentences: list[list[np.ndarray]] = []
    pauses: list[int] = []
    for chunk in voice.stream(Reading(document_of(TEXT, "Text", ".md"), voice.sentences).sentences(), seed=0):
        if chunk.sentence is not None:
            sentences.append([])
            pauses.append(0)
        if chunk.sentence is None and sentences and not chunk.samples.any():
            pauses[-1] = len(chunk.samples)
        else:
            sentences[-1].append(chunk.samples)
    return [np.concatenate(chunks) for chunks in sentences], pauses[:-1]


def test_pauses_follow_the_kind_of_the_seam(sentences_and_pauses: tuple[list[np.ndarray], list[int]]) -> None:
    assert [pause / 16000 for pause in sentences_and_pauses[1]] == pytest.approx([SECONDS[kind] for kind in KINDS], abs=0.001)


def test_seams_do_not_click(sentences_and_pauses: tuple[list[np.ndarray], list[int]]) -> None:
    steps = [abs(samples[place]) for samples in sentences_and_pauses[0] for place in (0, -1)]
    assert len(steps) >= 20 and max(steps) < LARGEST_STEP


def test_the_level_goes_on_over_a_seam(sentences_and_pauses: tuple[list[np.ndarray], list[int]]) -> None:
    levels = [level_db(samples) for samples in sentences_and_pauses[0]]
    assert max(abs(after - before) for before, after in pairwise(levels)) < LARGEST_DIFFERENCE_DB
