"""Parts of the instruments that measure prosody and the signal of copies."""

from pathlib import Path

import numpy as np
import pytest

from tts_cli.audio.files import read_native
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import InputError
from tts_cli.evaluation.measures.comparison import compare_utterances, describe_utterance
from tts_cli.evaluation.measures.instruments import OPTIONAL_PARTS, PARTS, Instruments
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.systems import Origin, SystemOutput

for needed in ("librosa", "pesq", "pystoi", "swift_f0"):
    pytest.importorskip(needed)

TEXT = "Shall I carry you?"
AUDIO = Path(__file__).parents[3] / "data/cmu_us_slt_arctic/wav/arctic_a0098.flac"


@pytest.fixture
def prompt() -> Prompt:
    clip = Clip("cmu_us_slt_arctic", "arctic_a0098", "slt", TEXT, AUDIO, "txt.done.data:2")
    return Prompt(TEXT, "slt", "question", clip)


@pytest.fixture
def spoken() -> SystemOutput:
    samples, rate = read_native(AUDIO)
    return SystemOutput(samples + np.random.default_rng(0).normal(scale=0.002, size=len(samples)).astype(np.float32), rate)


@pytest.mark.parametrize("origin", ["text", "copy"])
def test_prosody_is_described_and_compared_as_its_origin_allows(prompt: Prompt, spoken: SystemOutput, origin: Origin) -> None:
    found = Instruments.of(["prosody"], None).figures(prompt, spoken, origin)
    recording, rate = read_native(AUDIO)
    expected = compare_utterances(recording, spoken.samples, TEXT, rate, spoken.sample_rate)
    assert found.items() >= (expected | describe_utterance(spoken.samples, spoken.sample_rate, TEXT)).items()
    assert ("mcd_in_step" in found) == (origin == "copy") and "pesq" not in found


def test_recordings_are_described_alone(prompt: Prompt, spoken: SystemOutput) -> None:
    for given, origin in ((prompt, "recording"), (Prompt(TEXT, "slt"), "text")):
        found = Instruments.of(["prosody"], None).figures(given, spoken, origin)
        assert "speech_rate" in found and "mcd_dtw" not in found


def test_spectra_and_prosody_agree_where_both_measure(prompt: Prompt, spoken: SystemOutput) -> None:
    instruments = Instruments(has_spectra=True, has_prosody=True)
    for origin, pairing in (("text", "dtw"), ("copy", "in_step")):
        found = instruments.figures(prompt, spoken, origin)
        assert found["mel_cepstral_distortion"] == found[f"mcd_{pairing}"] > 0
        assert found["voicing_error"] == found[f"voicing_error_{pairing}"]


def test_the_signal_of_copies_is_a_part(prompt: Prompt, spoken: SystemOutput) -> None:
    instruments = Instruments.of(["signal"], None)
    found = instruments.figures(prompt, spoken, "copy")
    assert {"pesq", "stoi", "log_spectral_distance", "mel_distance"} == set(found)
    assert instruments.figures(prompt, spoken, "text") == {}


def test_unknown_parts_are_refused_and_further_ones_are_not_taken_unasked() -> None:
    with pytest.raises(InputError, match="no part 'prosodie'") as refused:
        Instruments.of(["prosodie"], None)
    assert "prosody" in str(refused.value.hint)
    assert not set(OPTIONAL_PARTS) & set(PARTS)
    assert not Instruments.of(["spectra"], None).has_prosody
