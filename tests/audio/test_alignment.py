"""Alignment of real recordings with a known truth: inserted silence, joined recordings, swapped texts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tts_cli.audio.alignment import _LOWEST_SCORE, _durations, _read_alignment, align
from tts_cli.audio.files import read_audio
from tts_cli.audio.mel import MelConfig, energy, log_mel
from tts_cli.errors import AudioError
from tts_cli.text.dictionary import cmu_pronunciations
from tts_cli.text.phones import Utterance

MEL = MelConfig()
SAMPLE = Path(__file__).parents[2] / "data"
PROMPTS = {
    "arctic_a0390": "i'll go over tomorrow afternoon",
    "arctic_b0195": "nobody knows how the natives got them",
    "arctic_b0284": "there was one difficulty , however",
}


def utterance_of(text: str) -> Utterance:
    """Return the tokens of lower-case words and separate marks."""
    tokens, word_of_token, words = ["^"], [-1], list[str]()
    for word in text.split():
        if word == ",":
            tokens[-1] = word
            continue
        phones = cmu_pronunciations(word)[0]
        tokens += [*phones, " "]
        word_of_token += [len(words)] * len(phones) + [-1]
        words.append(word)
    tokens[-1] = "."
    return Utterance(text, text, tuple(tokens), tuple(words), tuple(word_of_token))


def recording(speaker: str, name: str) -> np.ndarray:
    folder = SAMPLE / ("kathleen/wavs" if speaker == "kathleen" else f"cmu_us_{speaker}_arctic/wav")
    return read_audio(folder / f"{name}.flac", MEL.sample_rate)


def phones_of(utterance: Utterance) -> np.ndarray:
    return np.array(utterance.word_of_token) >= 0


@pytest.mark.parametrize("speaker", ["kathleen", "slt", "bdl"])
@pytest.mark.parametrize("name", list(PROMPTS))
def test_durations_cover_the_recording_and_phones_are_where_the_sound_is(speaker: str, name: str) -> None:
    audio, utterance = recording(speaker, name), utterance_of(PROMPTS[name])
    durations = align(audio, utterance, MEL)
    assert durations.sum() == MEL.num_frames(len(audio))
    assert (durations >= 0).all()
    assert (durations[phones_of(utterance)] >= 1).all()
    of_phone = np.repeat(phones_of(utterance), durations)
    loudness = energy(log_mel(audio, MEL))[:, 0]
    assert loudness[of_phone].mean() > loudness[~of_phone].mean() + 1
    vowels = np.repeat([token[-1].isdigit() for token in utterance.tokens], durations)
    assert loudness[vowels].mean() > loudness[of_phone & ~vowels].mean()


def test_silence_before_the_speech_goes_to_the_start_token() -> None:
    audio, utterance = recording("slt", "arctic_b0195"), utterance_of(PROMPTS["arctic_b0195"])
    hush = 1e-4 * np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    plain, delayed = align(audio, utterance, MEL), align(np.concatenate([hush, audio]), utterance, MEL)
    assert delayed[0] - plain[0] == pytest.approx(40, abs=2)
    assert np.abs(np.cumsum(delayed)[1:-2] - np.cumsum(plain)[1:-2] - 40).max() <= 3


def test_a_pause_goes_to_the_boundary_between_its_words() -> None:
    first, second = recording("bdl", "arctic_a0390"), recording("bdl", "arctic_b0195")
    hush = 1e-4 * np.random.default_rng(0).standard_normal(9600).astype(np.float32)
    utterance = utterance_of(f"{PROMPTS['arctic_a0390']} , {PROMPTS['arctic_b0195']}")
    durations = align(np.concatenate([first, hush, second]), utterance, MEL)
    comma = utterance.tokens.index(",")
    start = durations[:comma].sum()
    assert start <= MEL.num_frames(len(first)) + 1
    assert start + durations[comma] >= MEL.num_frames(len(first) + len(hush)) - 1
    spaces = [duration for token, duration in zip(utterance.tokens, durations, strict=True) if token == " "]
    assert max(spaces) < durations[comma] / 3


def test_other_frames_than_the_aligners_own() -> None:
    audio, utterance = recording("slt", "arctic_a0390"), utterance_of(PROMPTS["arctic_a0390"])
    coarse, fine = align(audio, utterance, MelConfig(hop_samples=320)), align(audio, utterance, MelConfig(hop_samples=80))
    assert np.abs(np.cumsum(coarse) * 4 - np.cumsum(fine)).max() <= 4 * 2


def test_the_same_recording_is_always_aligned_alike() -> None:
    audio, utterance = recording("slt", "arctic_a0390"), utterance_of(PROMPTS["arctic_a0390"])
    before = align(audio, utterance, MEL)
    align(recording("bdl", "arctic_b0284"), utterance_of(PROMPTS["arctic_b0284"]), MEL)
    assert (align(audio, utterance, MEL) == before).all()


@pytest.mark.parametrize(
    ("text", "seconds", "reason"),
    [
        ("shall i carry you to the united states", 10.0, "does not match its text"),
        ("i'll go over tomorrow afternoon", 0.2, "20 phones do not fit in 16 frames"),
        ("i'll go over tomorrow afternoon", 0.5, "does not match its text"),
    ],
)
def test_what_cannot_be_aligned_is_refused_with_a_reason(text: str, seconds: float, reason: str) -> None:
    audio = recording("slt", "arctic_b0195")[: int(seconds * MEL.sample_rate)]
    with pytest.raises(AudioError, match=reason):
        align(audio, utterance_of(text), MEL)


def test_boundaries_move_as_little_as_phones_need() -> None:
    minima = np.array([0, 1, 1, 0, 1, 0])
    assert _durations(np.array([0, 2, 2, 4, 4, 6]), minima, 8).tolist() == [2, 1, 1, 0, 2, 2]
    assert _durations(np.array([0, 0, 0, 0, 0, 1]), minima, 3).tolist() == [0, 1, 1, 0, 1, 0]
    assert _durations(np.array([0, 9, 9, 9, 9, 9]), minima, 9).tolist() == [6, 1, 1, 0, 1, 0]


class Entry(list[Any]):
    """A word as PocketSphinx gives it: a list of its phones, three frames each."""

    def __init__(self, name: str, *scores: float) -> None:
        super().__init__(SimpleNamespace(start=3 * place, duration=3, score=3 * score) for place, score in enumerate(scores))
        self.name, self.start, self.duration, self.score = name, 0, 3 * len(scores), 3 * sum(scores)


def test_phones_that_do_not_sound_like_themselves_are_counted_in_words_alone() -> None:
    good, bad = _LOWEST_SCORE + 1, _LOWEST_SCORE - 1
    found = SimpleNamespace(words=lambda: [Entry("<sil>", good, good, good), Entry("AH-B", good, bad), Entry("<sil>", bad)])
    assert [stretch.word for stretch in _read_alignment(found, ["AH-B"], 0.5)] == [-1, 0, -1]
    with pytest.raises(RuntimeError, match="the sound"):
        _read_alignment(found, ["AH-B"], 0.4)
