"""Backend ONNX Runtime."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tts_cli.backends import open_network
from tts_cli.errors import AddonError, ConfigError
from tts_cli.ports import NetworkHashes, NetworkSettings, NetworkSpec, PortSpec

CHANNELS = 4


def spec(graph: Path, output: str = "y", channels: int = CHANNELS) -> NetworkSpec:
    """Return a declaration with the SHA-256 that the files have now."""
    ports = [PortSpec(name=name, rate="frame", channels=channels) for name in ("x", output)]
    hashes = {suffix: hashlib.sha256(graph.with_suffix(f".{suffix}").read_bytes()).hexdigest() for suffix in ("onnx", "params")}
    return NetworkSpec(role="decoder", inputs=ports[:1], outputs=ports[1:], sha256=NetworkHashes(**hashes))


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """ONNX file of y = x * scale, with the float16 scale in an external file."""
    scale = np.arange(1, CHANNELS + 1, dtype=np.float16)
    (tmp_path / "net.params").write_bytes(scale.tobytes())
    tensor = TensorProto(name="scale", data_type=TensorProto.FLOAT16, dims=[CHANNELS], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "net.params"), ("offset", "0"), ("length", str(scale.nbytes))):
        tensor.external_data.add(key=key, value=value)
    nodes = [
        helper.make_node("Cast", ["scale"], ["scale.float32"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["x", "scale.float32"], ["y"]),
    ]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "frame", CHANNELS]) for name in "xy")
    model = helper.make_graph(nodes, "net", [x], [y], [tensor])
    onnx.save(helper.make_model(model, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def test_runs_any_length_and_ignores_other_tensors(graph: Path) -> None:
    network = open_network(graph, spec(graph), NetworkSettings())
    assert (network.inputs, network.outputs) == (("x",), ("y",))
    for length in (1, 7, 300):
        x = np.ones((1, length, CHANNELS), np.float32)
        y = network.run({"x": x, "other": x})["y"]
        np.testing.assert_array_equal(y, x * [1, 2, 3, 4])
        assert y.dtype == np.float32


def test_many_threads_share_a_network(graph: Path) -> None:
    network = open_network(graph, spec(graph), NetworkSettings(threads=2))
    inputs = [np.full((1, n, CHANNELS), n, np.float32) for n in range(1, 50)]
    with ThreadPoolExecutor(8) as pool:
        outputs = list(pool.map(lambda x: network.run({"x": x})["y"], inputs))
    for x, y in zip(inputs, outputs, strict=True):
        np.testing.assert_array_equal(y, x * [1, 2, 3, 4])


def test_graph_must_have_the_declared_ports(graph: Path) -> None:
    with pytest.raises(AddonError, match=r"its outputs are 'y', but the addon declares 'z'"):
        open_network(graph, spec(graph, output="z"), NetworkSettings())
    with pytest.raises(AddonError, match=r"its input 'x' has 4 channels of float32, declared is 'x' \(frame rate, 5 channels"):
        open_network(graph, spec(graph, channels=5), NetworkSettings())
    open_network(graph, spec(graph, channels=0), NetworkSettings())


def test_unknown_backend_and_provider_list_what_there_is(graph: Path) -> None:
    with pytest.raises(ConfigError, match="unknown backend 'tensorflow'") as error:
        open_network(graph, spec(graph), NetworkSettings(backend="tensorflow"))
    assert "onnxruntime" in (error.value.hint or "")
    with pytest.raises(ConfigError, match="no provider 'inferentia' here") as error:
        open_network(graph, spec(graph), NetworkSettings(provider="inferentia"))
    assert "cpu" in (error.value.hint or "")


@pytest.mark.parametrize("file", ["net.onnx", "net.params"])
@pytest.mark.parametrize("damage", ["cut", "removed", "empty"])
def test_damaged_files_are_refused(graph: Path, file: str, damage: str) -> None:
    path, declared = graph.with_name(file), spec(graph)
    content = path.read_bytes()
    path.unlink() if damage == "removed" else path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    with pytest.raises(AddonError, match=rf"{file}: (missing|damaged)"):
        open_network(graph, declared, NetworkSettings())


@pytest.mark.parametrize("length", [0, 1, 30, 60, 100])
def test_a_graph_that_is_none_is_refused(graph: Path, length: int) -> None:
    graph.write_bytes(graph.read_bytes()[:length])
    with pytest.raises(AddonError, match=r"net\.onnx: (cannot be opened|its inputs are)"):
        open_network(graph, spec(graph), NetworkSettings())


@pytest.mark.parametrize("damage", [b"\x0b", b"\x00\x01", b"\x3a\xff\xff\xff\xff\x0f", b"\xff" * 12, b"\x3a" + b"\x80" * 11])
def test_malformed_messages_are_refused(graph: Path, damage: bytes) -> None:
    graph.write_bytes(graph.read_bytes() + damage)
    with pytest.raises(AddonError, match=r"net\.onnx: cannot be opened: it is not an ONNX file"):
        open_network(graph, spec(graph), NetworkSettings())


def test_a_tensor_of_another_shape_is_refused_in_one_line(graph: Path) -> None:
    with pytest.raises(AddonError, match=r"net\.onnx: cannot run: [^\n]*$"):
        open_network(graph, spec(graph), NetworkSettings()).run({"x": np.ones((1, 3, CHANNELS + 1), np.float32)})
