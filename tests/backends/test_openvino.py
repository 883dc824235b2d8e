"""Backend OpenVINO: inference requests shared by threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tts_cli.addon.config import read_addon_config
from tts_cli.backends import open_network
from tts_cli.ports import NetworkSettings

ADDON = Path(__file__).parents[1] / "addons" / "tiny-vocoder"

SIGNALLED = """
import faulthandler, signal, sys
from pathlib import Path
from tts_cli.addon.config import read_addon_config
from tts_cli.backends import open_network
from tts_cli.ports import NetworkSettings
faulthandler.enable()
addon = Path({addon!r})
((name, spec),) = read_addon_config(addon).networks.items()
first, second = (open_network(addon / "networks" / f"{{name}}.onnx", spec, NetworkSettings(backend="openvino")) for _ in range(2))
del first
del second
signal.signal(signal.SIGTERM, lambda *_: print("handled", flush=True))
signal.raise_signal(signal.SIGTERM)
"""


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


def test_a_signal_is_handled_after_networks_are_closed_in_the_order_of_their_opening() -> None:
    pytest.importorskip("openvino")
    # In a process of its own: a wrong stack for signal handlers ends the process.
    program = SIGNALLED.format(addon=str(ADDON))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr
