"""Backend OpenVINO: inference requests shared by threads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tts_cli.addon.config import read_addon_config
from tts_cli.backends import open_network
from tts_cli.ports import NetworkSettings

ADDON = Path(__file__).parents[1] / "addons" / "tiny-vocoder"


class EmptiedMeanwhile(list[object]):
    """Empty list that is true, like one that another thread empties between test and `pop`."""

    def __bool__(self) -> bool:
        return True


def test_a_request_that_another_thread_takes_first_is_replaced() -> None:
    pytest.importorskip("openvino")
    (name,) = read_addon_config(ADDON).networks
    spec = read_addon_config(ADDON).networks[name]
    network = open_network(ADDON / "networks" / f"{name}.onnx", spec, NetworkSettings(backend="openvino"))
    length = spec.margins.total + 8
    inputs = {port.name: np.zeros((1, length, port.channels or 1), port.type) for port in spec.inputs}
    expected = network.run(inputs)
    network._idle = EmptiedMeanwhile()
    for port, value in network.run(inputs).items():
        np.testing.assert_array_equal(value, expected[port])
    assert len(network._idle) == 1
