"""Only bytes that were hashed are opened: a graph that names another file is refused by every backend."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from tts_cli.addon.config import read_addon_config
from tts_cli.addon.opened import Addon, open_addon
from tts_cli.backends import is_installed, open_network
from tts_cli.cli.main import main
from tts_cli.errors import AddonError
from tts_cli.ports import NetworkSettings

TINY = Path(__file__).parents[1] / "addons"
BACKENDS = [name for name in ("onnxruntime", "openvino") if is_installed(name)]


@pytest.fixture
def vocoder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY / "tiny-vocoder", tmp_path / "tiny-vocoder"))


def network_of(folder: Path, backend: str) -> object:
    spec = read_addon_config(folder).networks["vocoder"]
    return open_network(folder / "networks/vocoder.onnx", spec, NetworkSettings(backend=backend))


def hashed_anew(folder: Path) -> Path:
    """Write the SHA-256 that the files of a network have now into addon.json."""
    path = folder / "addon.json"
    value = json.loads(path.read_text())
    for suffix, file in (("onnx", "vocoder.onnx"), ("params", "vocoder.params")):
        value["networks"]["vocoder"]["sha256"][suffix] = hashlib.sha256((folder / "networks" / file).read_bytes()).hexdigest()
    path.write_text(json.dumps(value))
    return folder


def external(tensor: TensorProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}


def set_external(tensor: TensorProto, **values: str) -> None:
    kept = {**external(tensor), **values}
    tensor.ClearField("external_data")
    for key, value in kept.items():
        tensor.external_data.add(key=key, value=value)


def edited(folder: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    model = onnx.load(folder / "networks/vocoder.onnx", load_external_data=False)
    change(model)
    (folder / "networks/vocoder.onnx").write_bytes(model.SerializeToString())
    return hashed_anew(folder)


def in_an_initializer(model: onnx.ModelProto, **values: str) -> None:
    set_external(model.graph.initializer[-1], **values)


def in_a_constant(model: onnx.ModelProto, **values: str) -> None:
    model.graph.node.insert(0, helper.make_node("Constant", [], ["unused"], value=stray(values)))


def in_a_branch(model: onnx.ModelProto, **values: str) -> None:
    output = helper.make_tensor_value_info("branch", TensorProto.FLOAT, [1])
    branch = helper.make_graph([], "branch", [], [output], [stray(values, "branch")])
    model.graph.initializer.append(helper.make_tensor("which", TensorProto.BOOL, [], [True]))
    model.graph.node.insert(0, helper.make_node("If", ["which"], ["unused"], then_branch=branch, else_branch=branch))


def in_a_function(model: onnx.ModelProto, **values: str) -> None:
    node = helper.make_node("Constant", [], ["y"], value=stray(values))
    model.functions.append(helper.make_function("mine", "F", [], ["y"], [node], [helper.make_opsetid("", 20)]))


def in_a_sparse_tensor(model: onnx.ModelProto, **values: str) -> None:
    indices = helper.make_tensor("indices", TensorProto.INT64, [1], [0])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(stray(values, "sparse"), indices, [4]))


def stray(values: dict[str, str], name: str = "stray") -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    set_external(tensor, **{"location": "vocoder.params", "offset": "0", "length": "4", **values})
    return tensor


PLACES = (in_an_initializer, in_a_constant, in_a_branch, in_a_function, in_a_sparse_tensor)
OTHERS = ("other.bin", "../networks/vocoder.params", "./vocoder.params", "/etc/passwd", "*/_ORT_MEM_ADDR_/*", "")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("location", OTHERS)
def test_a_graph_that_names_another_file_is_refused(
    vocoder: Path, backend: str, place: Callable[..., None], location: str
) -> None:
    shutil.copy(vocoder / "networks/vocoder.params", vocoder / "networks/other.bin")
    edited(vocoder, lambda model: place(model, location=location))
    with pytest.raises(AddonError, match=r"vocoder\.onnx: refused: .*only vocoder\.params belongs to the network"):
        network_of(vocoder, backend)


@pytest.mark.parametrize("where", [{"offset": "-8"}, {"length": "99999999"}, {"offset": "x"}, {"offset": "9" * 5000}])
def test_a_tensor_beyond_its_file_is_refused(vocoder: Path, where: dict[str, str]) -> None:
    edited(vocoder, lambda model: in_an_initializer(model, **where))
    with pytest.raises(AddonError, match=r"vocoder\.onnx: refused: a tensor is at") as caught:
        network_of(vocoder, "onnxruntime")
    assert len(caught.value.message) < 300


def test_checking_an_addon_refuses_a_third_file(vocoder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(vocoder / "networks/vocoder.params", vocoder / "networks/other.bin")
    edited(vocoder, lambda model: in_an_initializer(model, location="other.bin"))
    assert main(["addons", "check", str(vocoder)]) == 2
    assert "a tensor is in the file 'other.bin'" in capsys.readouterr().err


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("suffix", ["onnx", "params"])
def test_a_file_that_changes_after_its_check_is_not_opened(vocoder: Path, backend: str, suffix: str) -> None:
    spec = read_addon_config(vocoder).networks["vocoder"]
    file = vocoder / f"networks/vocoder.{suffix}"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(AddonError, match=rf"vocoder\.{suffix}: damaged"):
        open_network(vocoder / "networks/vocoder.onnx", spec, NetworkSettings(backend=backend))


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_on_disk_is_read_after_the_check(vocoder: Path, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read, emptied = Path.read_bytes, []

    def read_once(path: Path) -> bytes:
        content = read(path)
        if path.parent.name == "networks":
            path.write_bytes(b"")
            emptied.append(path.name)
        return content

    monkeypatch.setattr(Path, "read_bytes", read_once)
    network_of(vocoder, backend)
    assert sorted(emptied) == ["vocoder.onnx", "vocoder.params"]


def test_an_asset_that_changed_since_the_addon_was_opened_is_refused(tmp_path: Path) -> None:
    folder = shutil.copytree(TINY / "tiny-linguistics", tmp_path / "tiny-linguistics")
    addon: Addon = open_addon(folder)
    path = addon.asset("tokenizer", "$")
    path.write_text("{}")
    with pytest.raises(AddonError, match=r"tokenizer\.json: damaged"):
        addon.asset("tokenizer", "$")
