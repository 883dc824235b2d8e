"""Shipped voices: they open, fit together, stay within their size, and stream the same audio as in one piece."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, pairwise
from pathlib import Path

import numpy as np
import pytest

import tts_cli
from tts_cli.transfer.listening import AnalysedRecording, listen
from tts_cli.voice.request import Controls, Request
from tts_cli.voice.synthesis import Voice

ROOT = Path(__file__).parents[1]
ADDONS = ROOT / "addons"
LARGEST_MB = 15
TOLERANCE = 1e-4
SENTENCE = "Would the boats come home before the storm, or had the wind already turned against them?"


@pytest.fixture(name="voice", scope="module")
def _voice() -> Voice:
    return tts_cli.load(ADDONS / "arctic-16k")


def _spoken(voice: Voice, text: str, speaker: str, frames: list[int]) -> np.ndarray:
    """Speak `text` as one utterance, read in chunks of the sizes `frames`, repeated in turn."""
    phones = _phones(voice, voice.front_end.utterance(text).tokens)
    return _answered(voice, Request(phones, voice.acoustic.speaker_id(speaker), Controls(), 1), frames)


def _phones(voice: Voice, tokens: Sequence[str]) -> np.ndarray:
    return np.array([voice.acoustic.symbols.index(token) for token in tokens])


def _answered(voice: Voice, request: Request, frames: list[int]) -> np.ndarray:
    stream = voice.stack.open(request, None)
    pieces = []
    for size in cycle(frames):
        chunk = stream.read(size * voice.acoustic.mel.hop_samples)
        if chunk is None:
            return np.concatenate(pieces)
        pieces.append(chunk["audio"][0, :, 0])
    raise AssertionError


@pytest.mark.parametrize("frames", [[1], [2], [3], [7], [16], [48, 72, 108, 160], [1, 100, 5], [64], [200]])
@pytest.mark.parametrize("speaker", ["kathleen", "bdl"])
def test_any_chunks_join_to_the_whole(voice: Voice, speaker: str, frames: list[int]) -> None:
    whole = _spoken(voice, SENTENCE, speaker, [100_000])
    chunked = _spoken(voice, SENTENCE, speaker, frames)
    assert len(whole) > 3 * voice.sample_rate
    assert np.abs(whole).max() > 0.05
    np.testing.assert_allclose(chunked, whole, atol=TOLERANCE)


def test_twenty_seconds_in_single_frames_do_not_drift(voice: Voice) -> None:
    long = " ".join([SENTENCE.rstrip("?")] * 4)
    whole = _spoken(voice, long, "slt", [100_000])
    assert len(whole) > 15 * voice.sample_rate
    np.testing.assert_allclose(_spoken(voice, long, "slt", [5, 9]), whole, atol=TOLERANCE)


@pytest.mark.parametrize("frames", [[1], [7], [16, 24], [64, 96, 144, 160], [1, 100, 5]])
def test_f0_that_the_vocoder_estimates_does_not_depend_on_chunks(frames: list[int]) -> None:
    attention = tts_cli.load(ADDONS / "arctic-attention-16k")
    whole = _spoken(attention, SENTENCE, "kathleen", [100_000])
    assert len(whole) > 3 * attention.sample_rate and np.abs(whole).max() > 0.05
    np.testing.assert_allclose(_spoken(attention, SENTENCE, "kathleen", frames), whole, atol=1e-5)


@pytest.fixture(name="copycat", scope="module")
def _copycat() -> Voice:
    return tts_cli.load(ADDONS / "copycat-16k")


@pytest.fixture(name="heard", scope="module")
def _heard(copycat: Voice) -> AnalysedRecording:
    text = "Who the devil gave it to you to be judge and jury?"
    return listen(ROOT / "data/cmu_us_bdl_arctic/wav/arctic_a0500.flac", text, copycat.acoustic)


@pytest.mark.parametrize("frames", [[1], [7], [64, 96, 144, 160], [1, 100, 5]])
@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_a_transfer_in_any_chunks_joins_to_the_whole(
    copycat: Voice, heard: AnalysedRecording, strength: float, frames: list[int]
) -> None:
    sentence = heard.source.sentence
    phones = _phones(copycat, sentence.tokens)
    request = Request(
        phones,
        copycat.acoustic.speaker_id("slt"),
        seed=1,
        given_durations=np.array(sentence.durations, np.float32),
        **heard.source.ports(phones),
        controls=Controls(strength=strength),
    )
    whole = _answered(copycat, request, [100_000])
    assert len(whole) > 1.5 * copycat.sample_rate and np.abs(whole).max() > 0.05
    np.testing.assert_allclose(_answered(copycat, request, frames), whole, atol=TOLERANCE)


def test_a_transfer_lasts_as_long_as_its_source_and_differs_from_its_rhythm_alone(
    copycat: Voice, heard: AnalysedRecording
) -> None:
    rhythm = replace(heard.source, mel=None, speaker=None)
    made = [np.concatenate([chunk.samples for chunk in copycat.stream([source], "slt")]) for source in (heard.source, rhythm)]
    assert heard.source.mel is not None and len(made[0]) == len(made[1]) == len(heard.source.mel) * 200
    assert np.abs(made[0] - made[1]).max() > 0.05


@pytest.mark.parametrize("name", ["arctic-16k", "copycat-16k", "universal-16k"])
def test_addons_are_small_and_have_their_card(name: str) -> None:
    files = [path for path in (ADDONS / name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= LARGEST_MB * 1e6
    card = (ADDONS / name / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert all(heading in card for heading in ("## Data and licence", "## Training", "## Measured"))
    assert "recipe" in json.loads((ADDONS / name / "addon.json").read_text(encoding="utf-8"))["provenance"]


def test_every_promised_speaker_is_there(voice: Voice) -> None:
    assert set(voice.speakers) == {"kathleen", "slt", "bdl", "lj", "allison"}
    assert voice.default_speaker == "kathleen"


def test_speakers_differ_in_pitch_as_their_recordings_do(voice: Voice) -> None:
    means = {speaker.name: speaker.mean_log_f0 for speaker in voice.acoustic.config.speakers}
    spoken = {}
    for speaker in ("bdl", "kathleen", "lj"):
        first = next(chunk.sentence for chunk in voice.stream(SENTENCE, speaker) if chunk.sentence)
        assert first.f0_hz is not None
        spoken[speaker] = float(np.mean(np.log(first.f0_hz)))
        assert spoken[speaker] == pytest.approx(means[speaker], abs=0.15)
    assert all(low < high for low, high in pairwise(spoken[name] for name in ("bdl", "kathleen", "lj")))


def test_vocoder_looks_ahead_at_most_40_ms() -> None:
    vocoder = tts_cli.load(ADDONS / "arctic-16k").vocoder
    assert vocoder is not None
    from tts_cli.blocks.vocoder import SourceFilter

    network = vocoder.network("vocoder", None, "test")
    delay = SourceFilter(vocoder.mel.hop_samples, vocoder.sample_rate).delay_samples
    lookahead = network.spec.margins.right * vocoder.mel.hop_samples + delay
    assert lookahead / vocoder.sample_rate <= 0.040
