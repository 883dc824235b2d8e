"""Networks that analyse sentences and recordings: outputs that are no finite numbers, or too few, are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tts_cli.addon import opened
from tts_cli.addon.opened import open_addon
from tts_cli.cli.main import main
from tts_cli.errors import AddonError
from tts_cli.ports import Array, Tensors
from tts_cli.selection.parsing import open_linguistics

TINY = Path(__file__).parents[1] / "addons"
ANALYSTS = [
    ("tiny-linguistics", "sentence_encoder"),
    ("tiny-copycat", "speaker_encoder"),
    ("tiny-prosody", "reference_encoder"),
]


class Spoilt:
    """Network whose first output is spoilt."""

    def __init__(self, network: opened.AddonNetwork, spoil: Callable[[Array], Array]) -> None:
        self._network, self._spoil = network, spoil
        self.inputs, self.outputs = network.inputs, network.outputs

    def run(self, tensors: Tensors) -> dict[str, Array]:
        outputs = self._network.run(tensors)
        return {**outputs, self.outputs[0]: self._spoil(outputs[self.outputs[0]])}


def with_value(value: float) -> Callable[[Array], Array]:
    def spoil(array: Array) -> Array:
        spoilt = array.copy()
        spoilt.flat[-1] = value
        return spoilt

    return spoil


@pytest.fixture
def spoilt(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Array], Array]], None]:
    """Return a function that spoils the networks of addons that are opened from now on."""
    open_with_sizes = opened.open_with_sizes

    def use(spoil: Callable[[Array], Array]) -> None:
        monkeypatch.setattr(opened, "_SHARED", {})
        monkeypatch.setattr(opened, "open_with_sizes", lambda *arguments: Spoilt(open_with_sizes(*arguments), spoil))

    return use


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("name", "network"), ANALYSTS)
def test_outputs_that_are_no_numbers_are_refused(name: str, network: str, value: float, spoilt: Callable[..., None]) -> None:
    spoilt(with_value(value))
    analyst = open_addon(TINY / name).network("analysis", network, "$")
    inputs = {port.name: np.ones((1, 32, port.channels or 1), port.type) for port in analyst.spec.inputs}
    with pytest.raises(AddonError, match=rf"addon '{name}': network '{network}' gave a value in '\w+' that is not a finite"):
        analyst.run(inputs)


@pytest.mark.parametrize("spoil", [lambda array: array[:, 1:], lambda array: array[0], lambda array: array[..., :0]])
def test_outputs_of_another_shape_are_refused(spoil: Callable[[Array], Array], spoilt: Callable[..., None]) -> None:
    spoilt(spoil)
    with pytest.raises(AddonError, match=r"addon 'tiny-linguistics': network 'sentence_encoder' gave '\w+' of shape"):
        open_linguistics(TINY / "tiny-linguistics").distances(["a", "man"], ["", "."])


def test_a_parser_of_unsound_weights_ends_in_one_line(spoilt: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    spoilt(with_value(np.nan))
    assert main(["parse", "Hello there, you.", "--parser", str(TINY / "tiny-linguistics")]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert told[0].startswith("error: addon 'tiny-linguistics': network 'sentence_encoder' gave a value in")
