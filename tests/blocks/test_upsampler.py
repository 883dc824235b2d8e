"""Upsampler: durations, prosody edits and repetition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from toys import SYMBOLS, Constant, ToyAddon, options, read_all

from tts_cli.blocks.features import request_wiring
from tts_cli.blocks.streamable import Stream
from tts_cli.blocks.upsampler import Upsampler
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import InputError, StackError
from tts_cli.ports import PortSpec
from tts_cli.voice.request import Controls, Request

PHONES = np.array([SYMBOLS.index(symbol) for symbol in ("^", "B", "AA0", " ", "K", ".")])
FRAMES = [3.0, 1.4, 2.6, 0.2, 0.1, 4.0]


def opened(request: Request, predicted: dict[str, Any] | None = None) -> Stream:
    tensors = {"log_duration": np.log1p(FRAMES), "log_f0": np.full(6, 5.2), "energy": np.full(6, -3.0), "text": np.arange(6.0)}
    tensors = tensors if predicted is None else predicted
    upsampler = Upsampler(options(), ToyAddon())
    encoders = Wiring.of([port for name in tensors for port in Constant(name).outputs], "toy: encoders")
    upsampler.connect(request_wiring().shadowed_by(encoders), Wiring({}))
    scope = {**request, **{name: np.asarray(array, np.float32).reshape(1, -1, 1) for name, array in tensors.items()}}
    return upsampler.open(scope, None)


def value(stream: Stream, name: str) -> list[float]:
    return [float(item) for item in stream.values[name][0, :, 0]]


def test_durations_are_rounded_and_a_phone_lasts_a_frame() -> None:
    assert value(opened(Request(PHONES)), "durations") == [3, 1, 3, 0, 1, 4]


def test_length_scale() -> None:
    assert value(opened(Request(PHONES, controls=Controls(length_scale=2))), "durations") == [6, 3, 5, 0, 1, 8]


def test_given_durations_win_token_by_token() -> None:
    given = np.array([np.nan, 9, 0, 2, np.nan, 0], np.float32)
    assert value(opened(Request(PHONES, given_durations=given)), "durations") == [3, 9, 0, 2, 1, 0]


@pytest.mark.parametrize("frames", [4801, 10**9, 2**62, 1e30])
def test_a_phone_that_would_not_end_is_refused_by_name(frames: float) -> None:
    given = np.array([np.nan, 9, frames, 2, np.nan, 0], np.float32)
    with pytest.raises(InputError, match=r"phone 3 of the sentence, 'AA0', lasts \d+ frames \(\S+ s\); at most 60 s are spoken"):
        opened(Request(PHONES, given_durations=given))


def test_a_phone_may_last_as_long_as_the_bound_but_no_longer_by_scale_or_prediction() -> None:
    given = np.array([np.nan, 9, 4800, 2, np.nan, 0], np.float32)
    assert ToyAddon().mel.frame_rate == 80
    assert value(opened(Request(PHONES, given_durations=given)), "durations")[2] == 4800
    with pytest.raises(InputError, match=r"phone 3 .* lasts 5280 frames \(66 s\)"):
        opened(Request(PHONES, given_durations=given, controls=Controls(length_scale=1.1)))
    with pytest.raises(InputError, match=r"phone 2 .* at most 60 s"):
        opened(Request(PHONES), {"log_duration": [0, 20, 0, 0, 0, 0], "text": np.arange(6)})


def test_an_addon_without_predicted_durations_needs_given_ones() -> None:
    with pytest.raises(InputError, match="needs durations"):
        opened(Request(PHONES), {"text": np.arange(6)})
    assert value(opened(Request(PHONES, given_durations=np.ones(6, np.float32)), {"text": np.arange(6)}), "durations") == [1] * 6


def test_pitch_moves_and_widens_about_the_speaker_s_mean() -> None:
    request = Request(PHONES, speaker=1, controls=Controls(pitch_shift_semitones=12, pitch_range=2))
    np.testing.assert_allclose(value(opened(request), "log_f0"), np.full(6, 4.5 + 2 * 0.7 + np.log(2)), rtol=1e-6)


def test_given_prosody_wins_and_is_moved() -> None:
    given = np.array([np.nan, 5, 5, np.nan, 5, np.nan], np.float32)
    request = Request(PHONES, given_log_f0=given, given_energy=given, controls=Controls(energy_scale=np.e))
    stream = opened(request)
    np.testing.assert_allclose(value(stream, "log_f0"), [5.2, 5, 5, 5.2, 5, 5.2], rtol=1e-6)
    np.testing.assert_allclose(value(stream, "energy"), [-2, 6, 6, -2, 6, -2], rtol=1e-6)


def test_tokens_are_repeated_with_the_place_in_them() -> None:
    frames = read_all(opened(Request(PHONES)), [5])
    assert frames["text"][0, :, 0].tolist() == [0] * 3 + [1] + [2] * 3 + [4] + [5] * 4
    np.testing.assert_allclose(frames["phone_position"][0, :3, 0], [1 / 6, 3 / 6, 5 / 6], rtol=1e-6)
    np.testing.assert_allclose(frames["phone_position"][0, :3, 1], np.log(4), rtol=1e-6)
    assert "log_duration" not in frames


SPANS = [2.0, 4, 6, 0, 5, 3]


def transferred(strength: float, out: list[float] | None = None, tau: int = 1) -> np.ndarray:
    """Return the latent of every output frame. The latents of the recording are 1, 2, ..., one for every `tau` of its frames."""
    recording = {"source_mel": np.zeros((20, 80), np.float32), "source_speaker": np.zeros(3, np.float32)}
    request = Request(PHONES, given_durations=np.array(SPANS, np.float32), strength=strength, **recording)
    latents = PortSpec(name="latents", rate=f"source_frame/{tau}" if tau > 1 else "source_frame")
    durations = PortSpec(name="log_duration", rate="token")
    upsampler = Upsampler(options(), ToyAddon())
    upsampler.connect(request_wiring().shadowed_by(Wiring.of([latents, durations], "toy: encoders")), Wiring({}))
    predicted = np.log1p(SPANS if out is None else out).astype(np.float32).reshape(1, -1, 1)
    steps = np.arange(1, 1 + -(-20 // tau), dtype=np.float32).reshape(1, -1, 1)
    return read_all(upsampler.open({**request, "log_duration": predicted, "latents": steps}, None), [3, 1, 7])["latents"][0, :, 0]


def test_latents_pass_as_they_are_where_durations_agree() -> None:
    np.testing.assert_array_equal(transferred(1.0), np.arange(1, 21))
    np.testing.assert_array_equal(transferred(1.0, tau=8), np.repeat([1, 2, 3], [8, 8, 4]))


def test_latents_keep_to_their_phones_where_durations_do_not_agree() -> None:
    changed = transferred(0.5, [2, 24, 0, 4, 5, 3])
    # ln(1 + frames) is half way between: 2, sqrt(5 * 25) - 1 = 10, sqrt(7) - 1 = 2, sqrt(5) - 1 = 1, 5, 3 frames.
    first, second, third = changed[:2], changed[2:12], changed[12:14]
    np.testing.assert_allclose(first, 0.5 * np.array([1, 2]))
    np.testing.assert_allclose(second, 0.5 * np.array([3, 3, 4, 4, 4, 5, 5, 6, 6, 6]))
    np.testing.assert_allclose(third, 0.5 * np.array([8, 11]))
    np.testing.assert_allclose(changed[14:], 0.5 * np.array([13, *range(13, 21)]))


def test_no_strength_leaves_durations_and_melody_to_the_model() -> None:
    changed = transferred(0.0, [30, 2, 3, 0, 4, 5])
    # Only the silence before the first phone stays: nobody waits for the voice's own.
    np.testing.assert_array_equal(changed, np.zeros(2 + 14))


def test_a_source_that_does_not_fit() -> None:
    mel = np.zeros((20, 80), np.float32)
    with pytest.raises(InputError, match="sum to its frames"):
        Request(PHONES, source_mel=mel, given_durations=np.ones(6, np.float32))
    with pytest.raises(InputError, match="need each other"):
        Request(PHONES, source_mel=mel, given_durations=np.array(SPANS, np.float32))
    with pytest.raises(InputError, match=r"outside 0\.0 to 1\.0"):
        Request(PHONES, strength=1.5)


def test_controls_are_read_only_where_there_is_something_to_control() -> None:
    scope = request_wiring().shadowed_by(Wiring.of(Constant("log_f0").outputs, "toy: encoders"))
    Upsampler(options(), ToyAddon()).connect(scope, Wiring({}))
    assert scope["pitch_range"].readers == ["toy: $"]
    assert scope["energy_scale"].readers == []


def test_phones_are_needed() -> None:
    with pytest.raises(StackError, match="needs 'phones'"):
        Upsampler(options(), ToyAddon()).connect(Wiring({}), Wiring({}))


@pytest.mark.parametrize(("field", "bad"), [("length_scale", 0.0), ("pitch_shift_semitones", np.nan), ("energy_scale", -1.0)])
def test_controls_out_of_range(field: str, bad: float) -> None:
    with pytest.raises(InputError, match=field):
        Controls(**{field: bad})


def test_prescriptions_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="6 tokens"):
        Request(PHONES, given_energy=np.zeros(5, np.float32))
    with pytest.raises(InputError, match="negative"):
        Request(PHONES, given_durations=np.full(6, -1, np.float32))
