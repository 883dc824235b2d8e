from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tts_cli.audio.mel import Floats, MelConfig
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import InputError
from tts_cli.evaluation.measures.prosody import Contour
from tts_cli.evaluation.transfer.conditions import (
    Analysed,
    PitchRange,
    common_range,
    latents_of,
    partner,
    pitch_range,
    prescribed,
    spoken_in,
    stretched,
    with_latents_of,
)
from tts_cli.transfer.source import Source
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import Voice, load

pytest.importorskip("torch")
ADDONS = Path(__file__).parents[2] / "addons"
SENTENCE = Sentence(text="A bee.", tokens=("^", "AH0", " ", "B", "IY1", "."), durations=(2, 6, 0, 4, 12, 8))
NUM_FRAMES = 32


def make_analysed(f0_hz: Floats, energy: Floats | None = None) -> Analysed:
    mel = np.random.default_rng(0).normal(-5, 1, (NUM_FRAMES, 80)).astype(np.float32)
    one = Analysed(Source(SENTENCE, mel, np.ones(3, np.float32)), np.zeros(NUM_FRAMES * 200, np.float32), MelConfig())
    one.__dict__["contour"] = Contour(f0_hz.astype(np.float32), np.zeros(NUM_FRAMES) if energy is None else energy)
    return one


@pytest.fixture
def rising() -> Analysed:
    """Recording with F0 of 100 Hz in its first phone and 200 Hz in its last, which is louder; unvoiced between them."""
    f0_hz = np.concatenate([np.zeros(2), np.full(6, 100), np.zeros(4), np.full(12, 200), np.zeros(8)])
    return make_analysed(f0_hz, np.where(f0_hz == 200, -3.0, -5.0).astype(np.float32))


@pytest.fixture(scope="module")
def copycat() -> Voice:
    return load(ADDONS / "tiny-copycat")


def test_ranges_of_recordings_join_to_that_of_all_their_frames() -> None:
    first, second = np.array([100, 0, 120, 130], np.float32), np.array([0, 200, 90], np.float32)
    both = pitch_range(np.concatenate([first, second]))
    found = [one for one in map(pitch_range, (first, second)) if one]
    assert both is not None
    joined = common_range(found)
    assert (joined.mean, joined.deviation) == (pytest.approx(both.mean), pytest.approx(both.deviation))
    assert joined.num_voiced == 5
    assert pitch_range(np.zeros(3, np.float32)) is None


def test_what_the_baseline_takes_tells_nothing_of_range_and_level(rising: Analysed) -> None:
    features = rising.phone_features
    assert features.shape == (6, 3)
    voiced = np.repeat(features[:, 0], SENTENCE.durations)[rising.contour.f0_hz > 0]
    assert (voiced.mean(), voiced.std()) == (pytest.approx(0, abs=1e-4), pytest.approx(1, abs=1e-4))
    assert features[4, 1] - features[1, 1] == pytest.approx(2.0)
    assert features[:, 2] == pytest.approx(np.log1p(SENTENCE.durations))
    louder = make_analysed(rising.contour.f0_hz * 1.7, rising.contour.energy + 3)
    assert louder.phone_features == pytest.approx(features, abs=1e-4)


def test_the_baseline_is_given_f0_and_energy_in_the_range_of_the_target(rising: Analysed) -> None:
    voice = load(ADDONS / "tiny-acoustic", ADDONS / "tiny-vocoder")
    sentence = prescribed(voice, "high", rising, PitchRange(5.3, 0.2))
    assert sentence.f0_hz is not None and sentence.energy is not None
    logs = np.log(np.repeat(np.array(sentence.f0_hz, float), SENTENCE.durations))[rising.contour.f0_hz > 0]
    assert (logs.mean(), logs.std()) == (pytest.approx(5.3, abs=1e-4), pytest.approx(0.2, abs=1e-4))
    told = next(voice.stream([SENTENCE], "high", best_effort=True)).sentence
    assert told is not None and told.energy is not None
    means = [np.average(np.array(energy, float), weights=SENTENCE.durations) for energy in (told.energy, sentence.energy)]
    assert means[0] == pytest.approx(means[1], abs=1e-4)
    assert sentence.energy[4] - sentence.energy[1] == pytest.approx(2.0)
    assert len(spoken_in("baseline", voice, "high", replace(rising, source=Source(sentence))).samples) == NUM_FRAMES * 200


def test_partners_have_another_text_and_the_same_speaker_where_there_is_one() -> None:
    def clip(speaker: str, text: str) -> Clip:
        return Clip("corpus", f"{speaker}-{text}", speaker, text, Path("x"), "x:1")

    clips = [clip("a", "one"), clip("a", "one "), clip("a", "two"), clip("b", "one"), clip("c", "two")]
    assert partner(clips, clips[0]) == clips[1]
    assert partner(clips, clips[2]) == clips[0]
    assert partner(clips, clips[3]) == clips[4]
    assert partner(clips, clips[4]) == clips[0]
    assert partner([clips[0], clip("b", "one")], clips[0]) is None


def test_stretching_keeps_the_ends_and_goes_evenly() -> None:
    mel = np.arange(5, dtype=np.float32)[:, None] * np.ones((1, 3), np.float32)
    assert stretched(mel, 9)[:, 0] == pytest.approx(np.arange(9) / 2)
    assert stretched(mel, 3)[:, 1] == pytest.approx([0, 2, 4])
    assert np.array_equal(stretched(mel, 5), mel)


def test_conditions_differ_in_what_reaches_the_voice(copycat: Voice, rising: Analysed) -> None:
    other = make_analysed(rising.contour.f0_hz)
    other = replace(other, source=replace(other.source, mel=other.mel[5:25] - 1, speaker=np.zeros(3, np.float32)))
    spoken = {
        condition: spoken_in(condition, copycat, "low", rising, other).samples
        for condition in ("transfer", "no reference", "another clip's latents")
    }
    assert {len(samples) for samples in spoken.values()} == {NUM_FRAMES * 200}
    assert np.abs(spoken["transfer"] - spoken["no reference"]).max() > 1e-4
    assert np.abs(spoken["transfer"] - spoken["another clip's latents"]).max() > 1e-4
    taken = with_latents_of(rising.source, other.source)
    assert taken.mel is not None and taken.mel.shape == (NUM_FRAMES, 80)
    assert taken.sentence == rising.source.sentence and taken.speaker is other.source.speaker


def test_latents_are_those_of_the_reference_encoder(copycat: Voice, rising: Analysed) -> None:
    latents = latents_of(copycat, rising.source)
    assert latents.shape == (4, 2)
    assert latents.mean(axis=0) == pytest.approx(np.zeros(2), abs=1e-3)
    with pytest.raises(InputError, match="no reference encoder"):
        latents_of(load(ADDONS / "tiny-acoustic", ADDONS / "tiny-vocoder"), rising.source)
