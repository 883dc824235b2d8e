"""A network that never ends: signals stop it, and a handler that raises nothing costs no result."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tts_cli.backends import interruption, is_installed, open_network
from tts_cli.errors import AddonError
from tts_cli.ports import NetworkHashes, NetworkSettings, NetworkSpec, PortSpec

ROOT = Path(__file__).parents[2]
ENDLESS = """
import signal, sys, time
from pathlib import Path
import numpy as np
sys.path[:0] = [{here!r}, {root!r}]
from test_interruption import opened
network = opened(Path({graph!r}))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
print("running", flush=True)
try:
    network.run({{"x": np.ones((1, 2, 1), np.float32), "steps": np.full((1, 1, 1), 2**62)}})
except KeyboardInterrupt:
    sys.exit(130)
"""

PATIENT = """
import os, signal, sys, threading, time
from pathlib import Path
import numpy as np
sys.path[:0] = [{here!r}, {root!r}]
from test_interruption import feed, opened, steps_that_take
network = opened(Path({graph!r}))
steps = steps_that_take(network, 1.0)
noticed = []
signal.signal(signal.SIGTERM, lambda number, _: noticed.append(number))
threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGTERM]).start()
outputs = network.run(feed(steps))
end = time.monotonic() + 10
while not noticed and time.monotonic() < end:
    time.sleep(0.01)
np.testing.assert_array_equal(outputs["y"], np.full((1, 2, 1), min(steps + 1, 2**24), np.float32))
print(*map(int, noticed), "noticed, the result is right")
"""


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """ONNX file of a loop that adds 1 to `x` as often as `steps` says."""
    one = helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("before", "after")]
    flags = [helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in ("go_on", "goes_on")]
    count = helper.make_tensor_value_info("count", TensorProto.INT64, [])
    nodes = [helper.make_node("Add", ["before", "one"], ["after"]), helper.make_node("Identity", ["go_on"], ["goes_on"])]
    body = helper.make_graph(nodes, "body", [count, flags[0], values[0]], [flags[1], values[1]], [one])
    loop = helper.make_node("Loop", ["number", "", "x"], ["y"], body=body)
    shape = helper.make_tensor("shape", TensorProto.INT64, [0], [])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "frame", 1]) for name in "xy")
    steps = helper.make_tensor_value_info("steps", TensorProto.INT64, [1, 1, 1])
    model = helper.make_graph(
        [helper.make_node("Reshape", ["steps", "shape"], ["number"]), loop], "net", [x, steps], [y], [shape]
    )
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(model, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    path.with_suffix(".params").touch()
    return path


def opened(graph: Path, backend: str = "onnxruntime") -> object:
    hashes = {end: hashlib.sha256(graph.with_suffix(f".{end}").read_bytes()).hexdigest() for end in ("onnx", "params")}
    inputs = (PortSpec(name="x", rate="frame"), PortSpec(name="steps", rate="utterance", type="int64"))
    outputs = (PortSpec(name="y", rate="frame"),)
    spec = NetworkSpec(role="decoder", inputs=inputs, outputs=outputs, sha256=NetworkHashes(**hashes))
    return open_network(graph, spec, NetworkSettings(backend=backend))


def feed(steps: int) -> dict[str, np.ndarray]:
    return {"x": np.ones((1, 2, 1), np.float32), "steps": np.full((1, 1, 1), steps)}


def steps_that_take(network: object, seconds: float) -> int:
    network.run(feed(20_000))  # type: ignore[attr-defined]
    begun = time.monotonic()
    network.run(feed(20_000))  # type: ignore[attr-defined]
    return int(20_000 * seconds / (time.monotonic() - begun))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_network_that_never_ends(number: signal.Signals, code: int, graph: Path) -> None:
    program = ENDLESS.format(here=str(Path(__file__).parent), root=str(ROOT), graph=str(graph))
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "running\n"
        time.sleep(0.5)
        process.send_signal(number)
        try:
            assert process.wait(20) == code
        finally:
            process.kill()


def test_a_handler_that_raises_nothing_costs_no_result(graph: Path) -> None:
    program = PATIENT.format(here=str(Path(__file__).parent), root=str(ROOT), graph=str(graph))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "15 noticed, the result is right\n"


def test_another_thread_gets_time_to_end_and_is_then_stopped(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption, "GRACE_S", 3.0)
    network = opened(graph)
    errors: list[BaseException] = []

    def run(steps: int) -> None:
        try:
            network.run(feed(steps))  # type: ignore[attr-defined]
        except AddonError as error:
            errors.append(error)

    former = signal.signal(signal.SIGTERM, lambda *_: None)
    threads = [threading.Thread(target=run, args=[steps], daemon=True) for steps in (2**62, steps_that_take(network, 0.2))]
    try:
        for thread in threads:
            thread.start()
        os.kill(os.getpid(), signal.SIGTERM)
        for thread in threads:
            thread.join(20)
    finally:
        signal.signal(signal.SIGTERM, former)
    assert not any(thread.is_alive() for thread in threads)
    (error,) = errors
    assert "net.onnx: cannot run: stopped, since the program is to end" in str(error)


@pytest.mark.skipif(not is_installed("openvino"), reason="needs openvino")
def test_openvino_refuses_a_loop(graph: Path) -> None:
    with pytest.raises(AddonError, match=r"net\.onnx: refused: the graph has a Loop") as caught:
        opened(graph, "openvino")
    assert caught.value.hint == 'choose "backend": "onnxruntime" in the context'
