"""The noise of a flow of prosody: drawn by the seed of the request, as large as the temperature says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from toys import ToyAddon, options

from tts_cli.blocks.features import request_wiring
from tts_cli.blocks.prosody_noise import ProsodyNoise, ProsodyNoiseOptions, at_temperature, temperature_of
from tts_cli.errors import StackError
from tts_cli.voice.request import Request


def noise(seed: int = 0, num_tokens: int = 30, **given: Any) -> np.ndarray:
    block = ProsodyNoise(options(**given), ToyAddon())
    block.connect(request_wiring())
    (found,) = block.run(dict(Request(np.arange(num_tokens), seed=seed))).values()
    return np.asarray(found)


def test_the_seed_decides() -> None:
    np.testing.assert_array_equal(noise(3), noise(3))
    assert not np.any(noise(3) == noise(4))
    assert noise(3).shape == (1, 30, 4)
    assert noise(3).dtype == np.float32


def test_a_token_keeps_its_noise_in_a_longer_text() -> None:
    np.testing.assert_array_equal(noise(3, 40)[:, :30], noise(3))


def test_the_temperature_is_the_deviation() -> None:
    assert np.std(noise(0, 4000)) == pytest.approx(0.4, abs=0.02)
    np.testing.assert_allclose(noise(temperature=1), noise() / 0.4, rtol=1e-5)
    assert not noise(temperature=0).any()


@pytest.mark.parametrize("given", [{"temperature": -0.1}, {"temperature": 2.5}, {"temperature": "warm"}, {"tmperature": 1}])
def test_wrong_options_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(StackError, match=next(iter(given))):
        noise(**given)


def test_the_temperature_of_a_stack_is_found_and_changed_in_any_depth() -> None:
    stack = [{"type": "Pipeline", "blocks": [{"type": "Encoders"}, {"type": "ProsodyNoise"}]}, {"type": "Gain", "gain_db": 1}]
    changed = at_temperature(stack, 0.0)
    assert changed == [
        {"type": "Pipeline", "blocks": [{"type": "Encoders"}, {"type": "ProsodyNoise", "temperature": 0.0}]},
        stack[1],
    ]
    assert [temperature_of(one) for one in (stack, changed, stack[1])] == [ProsodyNoiseOptions().temperature, 0.0, None]
