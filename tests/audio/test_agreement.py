"""Texts against real recordings: the true ones, others, and true ones with something wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tts_cli.audio.agreement import TranscriptAgreement, compare
from tts_cli.audio.alignment import align
from tts_cli.audio.files import read_audio
from tts_cli.audio.mel import Floats, MelConfig
from tts_cli.errors import AudioError
from tts_cli.text import TextFrontEnd

MEL = MelConfig()
SAMPLE = Path(__file__).parents[2] / "data"
FOLDERS = {"kathleen": "kathleen/wavs", "slt": "cmu_us_slt_arctic/wav", "bdl": "cmu_us_bdl_arctic/wav"}
TEXTS = dict(line.split("|")[:2] for line in (SAMPLE / "kathleen/metadata.csv").read_text().splitlines())
NAMES = ("arctic_a0390", "arctic_b0195", "arctic_a0223", "arctic_b0426")
FRONT_END = TextFrontEnd()


def recording(speaker: str, name: str) -> Floats:
    return read_audio(SAMPLE / FOLDERS[speaker] / f"{name}.flac", MEL.sample_rate)


def examine(audio: Floats, text: str) -> tuple[TranscriptAgreement, list[str]]:
    """Return the agreement of a recording with a text, and the doubtful words."""
    utterance = FRONT_END.utterance(text)
    found = compare(audio, utterance, MEL)
    return found, [utterance.words[place] for place in found.doubtful]


@pytest.mark.parametrize("speaker", FOLDERS)
@pytest.mark.parametrize("name", NAMES)
def test_a_true_text_is_believed_and_aligned_as_ever(speaker: str, name: str) -> None:
    audio = recording(speaker, name)
    found, doubtful = examine(audio, TEXTS[name])
    assert found.is_same and found.surplus == () and len(doubtful) <= 1
    assert found.durations is not None
    np.testing.assert_array_equal(found.durations, align(audio, FRONT_END.utterance(TEXTS[name]), MEL))


@pytest.mark.parametrize("speaker", FOLDERS)
@pytest.mark.parametrize(("name", "other"), list(zip(NAMES, NAMES[1:] + NAMES[:1], strict=True)))
def test_the_text_of_another_recording_is_refused(speaker: str, name: str, other: str) -> None:
    found, doubtful = examine(recording(speaker, name), TEXTS[other])
    assert not found.is_same and doubtful


def test_words_that_are_not_said_are_named() -> None:
    found, doubtful = examine(recording("slt", "arctic_b0195"), "Nobody knows how the elephants bought them.")
    assert found.is_same
    assert {"elephants"} <= set(doubtful) <= {"elephants", "bought", "the", "them"}


def test_a_text_that_goes_on_after_the_recording_is_refused_with_just_those_words() -> None:
    found, doubtful = examine(recording("bdl", "arctic_b0195"), f"{TEXTS['arctic_b0195']} Fish do pay for the old lobsters.")
    assert not found.is_same
    assert {"Fish", "lobsters"} <= set(doubtful) and not {"Nobody", "natives"} & set(doubtful)


def test_a_recording_that_goes_on_after_the_text_is_noticed() -> None:
    both = np.concatenate([recording("slt", "arctic_b0195"), recording("slt", "arctic_a0390")])
    found, _ = examine(both, TEXTS["arctic_b0195"])
    assert found.surplus == (len(FRONT_END.utterance(TEXTS["arctic_b0195"]).words) - 1,)
    assert examine(both, f"{TEXTS['arctic_b0195']} {TEXTS['arctic_a0390']}")[0].surplus == ()


def test_noise_telephones_and_clipping_are_borne() -> None:
    audio = recording("bdl", "arctic_a0223")
    noise = np.random.default_rng(0).standard_normal(len(audio)).astype(np.float32)
    for spoiled in (audio + 0.1 * audio.std() * noise, np.clip(10 * audio / np.abs(audio).max(), -1, 1)):
        assert examine(spoiled, TEXTS["arctic_a0223"])[0].is_same
        assert not examine(spoiled, TEXTS["arctic_a0390"])[0].is_same


def test_more_phones_than_frames_are_an_error() -> None:
    with pytest.raises(AudioError, match="phones do not fit"):
        examine(recording("slt", "arctic_b0195")[:3000], TEXTS["arctic_b0195"])
