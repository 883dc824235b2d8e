"""Effects: the same audio for all chunk sizes, and the effect that they promise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from toys import FramesStream, ToyAddon, options, port, read_all

from tts_cli.audio.files import resample
from tts_cli.blocks.effects import EdgeFade, Effect, Gain, Silence, sample_rate_of
from tts_cli.blocks.equaliser import Equaliser, TelephoneBand, butterworth_qs, coefficients
from tts_cli.blocks.features import request_wiring
from tts_cli.blocks.limiter import Limiter, interpolation, sliding_max
from tts_cli.blocks.pitch_tempo import PitchTempo
from tts_cli.blocks.processor import ProcessorStream
from tts_cli.blocks.resampling import Resampler
from tts_cli.blocks.streamable import StreamableBlock, StreamableStack
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import StackError
from tts_cli.export.loudness import integrated_loudness, true_peak_dbtp
from tts_cli.ports import Tensors

RATE = 16000
ONE_SHOT = [1_000_000]
TOLERANCE = 1e-6
BANDS = [
    {"type": "high_pass", "frequency_hz": 60},
    {"type": "low_shelf", "frequency_hz": 200, "gain_db": -4},
    {"type": "peak", "frequency_hz": 2500, "gain_db": 6, "q": 2},
    {"type": "high_shelf", "frequency_hz": 6000, "gain_db": 3},
    {"type": "notch", "frequency_hz": 50, "q": 10},
]
EFFECTS: dict[str, dict[str, Any]] = {
    "gain": {"type": "Gain", "gain_db": -6.0},
    "target": {"type": "Gain", "target_lufs": -23.0},
    "limiter": {"type": "Limiter", "ceiling_dbtp": -6.0},
    "short limiter": {"type": "Limiter", "ceiling_dbtp": -20.0, "lookahead_ms": 1, "release_db_per_s": 5000},
    "equaliser": {"type": "Equaliser", "bands": BANDS},
    "telephone": {"type": "TelephoneBand"},
    "fade": {"type": "EdgeFade", "fade_in_ms": 3, "fade_out_ms": 10},
    "no fade": {"type": "EdgeFade", "fade_in_ms": 0, "fade_out_ms": 0},
    "silence": {"type": "Silence", "before_ms": 5, "after_ms": 2},
    "up": {"type": "Resampler", "sample_rate_hz": 44100},
    "down": {"type": "Resampler", "sample_rate_hz": 8000},
    "same rate": {"type": "Resampler", "sample_rate_hz": RATE},
    "higher": {"type": "PitchTempo", "pitch_semitones": 4},
    "slower": {"type": "PitchTempo", "tempo": 0.8},
    "both": {"type": "PitchTempo", "tempo": 1.7, "pitch_semitones": -7},
    "extreme": {"type": "PitchTempo", "tempo": 4, "pitch_semitones": -24},
    "no change": {"type": "PitchTempo"},
}
SCOPE: Tensors = {"loudness_lufs": np.full((1, 1, 1), -17.0, np.float32)}

schedules = st.lists(st.integers(1, 900), min_size=1, max_size=12)
lengths = st.integers(0, 5000)


def built(*values: dict[str, Any], rate: int = RATE) -> StreamableStack:
    """Return a connected stack of effects on audio at the addon's sample rate."""
    stack = StreamableStack(options(stack=values), ToyAddon(sample_rate=rate))
    stack.connect(request_wiring(), Wiring.of([port("audio", "sample")], "toy: audio"))
    return stack


def speech(num_samples: int, seed: int = 0) -> np.ndarray:
    """Return a voiced signal with noise and a modulated level; its peaks exceed full scale."""
    t = np.arange(num_samples) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 3 * t)) / RATE
    voiced = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 20))
    noise = np.random.default_rng(seed).normal(size=num_samples)
    return ((0.6 * voiced + 0.1 * noise) * (0.55 - 0.5 * np.cos(2 * np.pi * 4 * t))).astype(np.float32)


def source(audio: np.ndarray) -> FramesStream:
    return FramesStream({}, {"audio": audio[None, :, None]} if len(audio) else {})


def run(block: StreamableBlock, audio: np.ndarray, sizes: list[int] = ONE_SHOT, scope: Tensors = SCOPE) -> np.ndarray:
    read = read_all(block.open(scope, source(audio)), sizes)
    assert not read or read["audio"].dtype == np.float32
    return read["audio"][0, :, 0] if read else np.zeros(0, np.float32)


def tone(frequency_hz: float, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def level_db(audio: np.ndarray) -> float:
    middle = audio[len(audio) // 4 : -len(audio) // 4].astype(np.float64)
    return 10 * math.log10(2 * np.mean(middle**2))


@pytest.mark.parametrize("name", EFFECTS)
@settings(deadline=None, max_examples=25)
@given(lengths, schedules)
@example(1, [1])
@example(7, [1])
@example(700, [1])
@example(5000, [200])
@example(5000, [1, 4999])
def test_chunked_is_one_shot(name: str, length: int, schedule: list[int]) -> None:
    effect, audio = built(EFFECTS[name]), speech(length)
    one_shot, chunked = run(effect, audio), run(effect, audio, schedule)
    assert len(one_shot) == len(chunked)
    np.testing.assert_allclose(chunked, one_shot, atol=TOLERANCE, rtol=0)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(sorted(EFFECTS.keys() - {"equaliser"})), min_size=2, max_size=4), lengths, schedules)
def test_chains_of_effects(names: list[str], length: int, schedule: list[int]) -> None:
    chain, audio = built(*(EFFECTS[name] for name in names)), speech(length)
    np.testing.assert_allclose(run(chain, audio, schedule), run(chain, audio), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", sorted(EFFECTS.keys() - {"silence"}))
def test_nothing_stays_nothing_and_something_something(name: str) -> None:
    effect = built(EFFECTS[name])
    assert len(run(effect, np.zeros(0, np.float32))) == 0
    assert len(run(effect, np.ones(1, np.float32))) >= 1


@pytest.mark.parametrize("name", EFFECTS)
def test_it_reads_no_further_ahead_than_declared(name: str) -> None:
    effect, upstream = built(EFFECTS[name]), source(speech(60_000))
    stream = effect.open(SCOPE, upstream)
    assert isinstance(stream, ProcessorStream)
    taken = 0
    for n in (1, 50, 800, 2000, 3000):
        taken += stream.read(n)["audio"].shape[1]  # type: ignore[index]
        assert 60_000 - len(upstream._queue) <= effect.needs(taken) + 64


@pytest.mark.parametrize("name", EFFECTS)
def test_memory_does_not_grow(name: str) -> None:
    stream = built(EFFECTS[name]).open(SCOPE, source(speech(200_000)))
    for _ in range(100):
        assert stream.read(500) is not None
    kept = [value for value in vars(stream.processor).values() if isinstance(value, np.ndarray)]  # type: ignore[attr-defined]
    assert sum(array.size for array in kept) < 3000
    assert len(stream._ready) < 5000  # type: ignore[attr-defined]


def test_gain_reaches_the_target() -> None:
    audio = speech(3 * RATE) * 0.1
    scope = {"loudness_lufs": np.full((1, 1, 1), integrated_loudness(audio, RATE), np.float32)}
    louder = run(built({"type": "Gain", "target_lufs": -20.0}), audio, scope=scope)
    assert integrated_loudness(louder, RATE) == pytest.approx(-20.0, abs=0.01)
    np.testing.assert_array_equal(run(built({"type": "Gain", "target_lufs": -20.0}), audio, scope={}), audio)


def test_a_second_target_starts_from_the_first() -> None:
    audio = speech(3 * RATE) * 0.1
    scope = {"loudness_lufs": np.full((1, 1, 1), integrated_loudness(audio, RATE), np.float32)}
    first, second = {"type": "Gain", "target_lufs": -23.0}, {"type": "Gain", "target_lufs": -18.0, "gain_db": 1.0}
    louder = run(built(first, {"type": "EdgeFade"}, second), audio, scope=scope)
    assert integrated_loudness(louder, RATE) == pytest.approx(-17.0, abs=0.02)
    np.testing.assert_array_equal(run(built(first, {"type": "Gain", "gain_db": 0.0}), audio, scope={}), audio)


def test_moments_are_where_effects_move_them() -> None:
    stack = built({"type": "PitchTempo", "tempo": 0.5}, {"type": "Silence", "before_ms": 250.0}, {"type": "Limiter"})
    assert stack.chain[0].output_time(1.0) == 2.0
    assert stack.chain[1].output_time(2.0) == 2.25
    assert stack.chain[2].output_time(2.25) == 2.25
    clicks = np.zeros(RATE, np.float32)
    clicks[RATE // 2] = 0.5
    heard = run(stack, clicks)
    moment = 0.5
    for block in stack.chain:
        moment = block.output_time(moment)
    assert int(np.abs(heard).argmax()) / RATE == pytest.approx(moment, abs=0.05)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(-20, 0), st.sampled_from(["speech", "noise", "clicks"]))
def test_no_true_peak_above_the_ceiling(seed: int, ceiling: float, kind: str) -> None:
    """The audio has no content in the top tenth of the band, which a meter's oversampling filter does not measure exactly."""
    random = np.random.default_rng(seed)
    audio = {
        "speech": speech(10_000, seed) * random.uniform(0.5, 3),
        "noise": random.normal(0, 0.5, 10_000),
        "clicks": (random.random(10_000) < 0.003) * random.choice([-2.0, 2.0], 10_000),
    }[kind]
    limited = run(built({"type": "Limiter", "ceiling_dbtp": ceiling}), resample(audio.astype(np.float32), 9 * RATE // 10, RATE))
    assert true_peak_dbtp(limited, RATE) <= ceiling


def test_the_limiter_leaves_alone_what_is_low_and_delays_nothing() -> None:
    audio = speech(8000) * 0.2
    np.testing.assert_allclose(run(built({"type": "Limiter"}), audio), audio, atol=1e-7)
    loud = audio.copy()
    loud[4000] = 3.0
    limited = run(built({"type": "Limiter", "lookahead_ms": 5.0, "release_db_per_s": 1000}), loud)
    touched = np.flatnonzero(np.abs(limited - loud) > 1e-6)
    assert np.argmax(np.abs(limited)) == 4000
    assert 4000 - 80 - 13 <= touched.min() < 4000


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=40), st.integers(1, 40))
def test_the_largest_of_every_few(values: list[float], width: int) -> None:
    expected = [max(values[place : place + width]) for place in range(len(values) - width + 1)]
    if expected:
        np.testing.assert_array_equal(sliding_max(np.array(values), width), expected)


def test_interpolation_finds_the_wave_between_samples() -> None:
    places = np.arange(24)
    for cycles in (0.02, 0.11, 0.3, 0.4):
        between = interpolation() @ np.sin(2 * np.pi * cycles * places + 0.4)
        expected = np.sin(2 * np.pi * cycles * (11 + np.arange(1, 4) / 4) + 0.4)
        np.testing.assert_allclose(between, expected, atol=0.01)


@pytest.mark.parametrize(
    ("kind", "frequency_hz", "expected_db"),
    [
        ("low_pass", 1000, -3.01),
        ("high_pass", 1000, -3.01),
        ("band_pass", 1000, 0.0),
        ("peak", 1000, 9.0),
        ("low_shelf", 20, 9.0),
        ("low_shelf", 7900, 0.0),
        ("high_shelf", 7900, 9.0),
        ("high_shelf", 20, 0.0),
        ("low_shelf", 1000, 4.5),
        ("high_shelf", 1000, 4.5),
    ],
)
def test_bands_do_what_they_are_called(kind: str, frequency_hz: float, expected_db: float) -> None:
    gain = {"gain_db": 9.0} if kind in ("peak", "low_shelf", "high_shelf") else {}
    band = {"type": kind, "frequency_hz": 1000, **gain}
    filtered = run(built({"type": "Equaliser", "bands": [band]}), tone(frequency_hz))
    assert level_db(filtered) == pytest.approx(expected_db, abs=0.1)


def test_a_notch_silences_its_frequency() -> None:
    notch = built({"type": "Equaliser", "bands": [{"type": "notch", "frequency_hz": 1000, "q": 1}]})
    assert level_db(run(notch, tone(1000, 2.0))) < -80


def test_filters_against_the_recursion() -> None:
    """Compare with the difference equations, sample by sample."""
    effect = built({"type": "Equaliser", "bands": BANDS}).blocks[0]
    assert isinstance(effect, Equaliser)
    audio = speech(500)
    expected = audio.astype(np.float64)
    for band in effect.bands():
        (b0, b1, b2), (_, a1, a2) = coefficients(band, RATE)
        signal, expected = expected, np.zeros(len(expected))
        for t in range(len(signal)):
            expected[t] = b0 * signal[t]
            expected[t] += b1 * signal[t - 1] - a1 * expected[t - 1] if t > 0 else 0
            expected[t] += b2 * signal[t - 2] - a2 * expected[t - 2] if t > 1 else 0
    np.testing.assert_allclose(run(effect, audio), expected, atol=1e-6)


def test_the_band_of_a_telephone() -> None:
    band = built({"type": "TelephoneBand"})
    levels = {hertz: level_db(run(band, tone(hertz, 2.0))) for hertz in (50, 150, 300, 1000, 3400, 6000)}
    assert levels[300] == pytest.approx(-3.01, abs=0.1)
    assert levels[3400] == pytest.approx(-3.01, abs=0.1)
    assert abs(levels[1000]) < 0.1
    assert max(levels[50], levels[150], levels[6000]) < -30
    assert butterworth_qs(2) == pytest.approx([math.sqrt(0.5)])


def test_fades_and_silence() -> None:
    faded = run(built({"type": "EdgeFade", "fade_in_ms": 10, "fade_out_ms": 20}), np.ones(1000, np.float32))
    assert np.all(np.diff(faded[:161]) > 0)
    assert np.all(np.diff(faded[-321:]) < 0)
    np.testing.assert_array_equal(faded[160:-320], 1.0)
    assert 0 < faded[0] < 1e-3 > faded[-1] > 0
    padded = run(built({"type": "Silence", "before_ms": 10, "after_ms": 20}), np.ones(5, np.float32))
    np.testing.assert_array_equal(padded, np.concatenate([np.zeros(160), np.ones(5), np.zeros(320)]))


def test_silence_before_asks_for_nothing() -> None:
    upstream = source(np.ones(100, np.float32))
    stream = built({"type": "Silence", "before_ms": 10}).open({}, upstream)
    assert stream.read(160) is not None
    assert upstream.reads == []


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 24000, 44100, 48000])
def test_resampling_keeps_tones_in_place(rate: int) -> None:
    effect = built({"type": "Resampler", "sample_rate_hz": rate})
    resampled = run(effect, tone(440), [160])
    assert len(resampled) == pytest.approx(rate, abs=1)
    expected = tone(440, rate=rate)[: len(resampled)]
    np.testing.assert_allclose(resampled[200:-200], expected[200:-200], atol=2e-3)


def test_effects_after_a_resampler_know_the_rate() -> None:
    stack = StreamableStack(
        options(stack=[{"type": "Resampler", "sample_rate_hz": 8000}, {"type": "TelephoneBand"}, {"type": "Silence"}]), ToyAddon()
    )
    given = stack.connect(request_wiring(), Wiring.of([port("audio", "sample")], "toy: audio"))
    assert sample_rate_of(given["audio"].port, RATE) == 8000
    assert all(isinstance(block, Effect) for block in stack.blocks)
    assert [block.sample_rate for block in stack.blocks] == [RATE, 8000, 8000]  # type: ignore[attr-defined]
    assert level_db(run(stack, tone(1000))) == pytest.approx(0.0, abs=0.1)


def frequency_of(audio: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    return float(np.argmax(spectrum)) * RATE / len(audio)


@pytest.mark.parametrize(("semitones", "tempo"), [(0, 0.5), (0, 1.5), (12, 1.0), (-5, 1.0), (3, 0.7), (-12, 2.0)])
def test_pitch_and_tempo(semitones: float, tempo: float) -> None:
    moved = run(built({"type": "PitchTempo", "pitch_semitones": semitones, "tempo": tempo}), tone(300, 2.0))
    assert len(moved) == round(2 * RATE / tempo)
    assert frequency_of(moved) == pytest.approx(300 * 2 ** (semitones / 12), rel=0.02)
    assert level_db(moved) == pytest.approx(0.0, abs=1.0)


def test_pitch_and_tempo_at_rest_change_nothing() -> None:
    audio = speech(9000)
    np.testing.assert_allclose(run(built({"type": "PitchTempo"}), audio), audio, atol=1e-6)


def test_a_voiced_sound_stays_whole_when_it_is_stretched() -> None:
    """The energy stays at the harmonics, so segments join in phase."""
    t = np.arange(2 * RATE) / RATE
    voiced = sum(np.sin(2 * np.pi * 110 * harmonic * t) for harmonic in range(1, 9)).astype(np.float32) / 8
    slow = run(built({"type": "PitchTempo", "tempo": 0.75}), voiced)
    spectrum = np.abs(np.fft.rfft(slow * np.hanning(len(slow)))) ** 2
    hertz = np.fft.rfftfreq(len(slow), 1 / RATE)
    near = np.abs(hertz / 110 - np.round(hertz / 110)) < 0.05
    assert spectrum[near].sum() > 0.98 * spectrum.sum()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"type": "Gain", "gain": 3}, "gain_db"),
        ({"type": "Gain", "gain_db": 100}, "gain_db"),
        ({"type": "Limiter", "ceiling_dbtp": 3}, "ceiling_dbtp"),
        ({"type": "Equaliser", "bands": []}, "bands"),
        ({"type": "Equaliser", "bands": [{"type": "low_pass", "frequency_hz": 100, "gain_db": 3}]}, "no gain_db"),
        ({"type": "Equaliser", "bands": [{"type": "peak", "frequency_hz": 8000, "gain_db": 3}]}, "8000 Hz"),
        ({"type": "TelephoneBand", "low_hz": 3000, "high_hz": 300}, "low_hz"),
        ({"type": "Resampler"}, "sample_rate_hz"),
        ({"type": "PitchTempo", "tempo": 0}, "tempo"),
        ({"type": "Silence", "before_ms": -1}, "before_ms"),
    ],
)
def test_wrong_options_are_named(value: dict[str, Any], words: str) -> None:
    with pytest.raises(StackError, match=r"\$\.stack\[0\]") as caught:
        built(value)
    assert words in caught.value.message + str(caught.value.hint)


def test_every_effect_has_its_name() -> None:
    for kind in (EdgeFade, Equaliser, Gain, Limiter, PitchTempo, Resampler, Silence, TelephoneBand):
        value = next(value for value in EFFECTS.values() if value["type"] == kind.__name__)
        assert type(built(value).blocks[0]) is kind
