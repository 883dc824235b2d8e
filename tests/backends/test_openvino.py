"""Backend OpenVINO: inference requests shared by threads."""

from __future__ import annotations

import signal
import subprocess
import sys
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


@pytest.mark.skipif(sys.platform != "linux", reason="the signal stack is looked at by means of Linux")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_a_network_is_freed_ends_like_any_other(number: signal.Signals) -> None:
    # Where a CPU has AMX, OpenVINO leaves the main thread a stack for signal handlers, which it frees with the network.
    pytest.importorskip("openvino")
    program = f"""
import ctypes, gc, os, sys, time
import signal
import subprocess
import sys
from pathlib import Path
from tts_cli.addon.config import read_addon_config
from tts_cli.backends import open_network
from tts_cli.cli.streams import handle_signals
from tts_cli.ports import NetworkSettings

handle_signals()
folder = Path(sys.argv[1])
(name, spec), = read_addon_config(folder).networks.items()
network = open_network(folder / "networks" / f"{{name}}.onnx", spec, NetworkSettings(backend="openvino"))
stack = (ctypes.c_size_t * 3)()
ctypes.CDLL(None).sigaltstack(None, stack)
print(stack[0], flush=True)
del network
gc.collect()
os.kill(os.getpid(), {int(number)})
time.sleep(10)
"""
    command = [sys.executable, "-c", program, str(ADDON)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout == "0\n", done.stderr
    # Python ends itself by SIGINT where nobody catches KeyboardInterrupt.
    assert done.returncode == (143 if number == signal.SIGTERM else -signal.SIGINT), done.stderr
