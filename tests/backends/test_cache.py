"""Compiled networks in a folder: changed ones are made anew, and a full disk is told as one."""

from __future__ import annotations

import errno
import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tts_cli.addon.config import read_addon_config
from tts_cli.backends import is_installed, open_network
from tts_cli.backends import onnxruntime as backend_room
from tts_cli.cli.main import main
from tts_cli.errors import AddonError, OutputError
from tts_cli.ports import Array, NetworkSettings

TINY = Path(__file__).parents[1] / "addons"
BACKENDS = [name for name in ("onnxruntime", "openvino") if is_installed(name)]


def run(folder: Path, backend: str, cache: Path | None) -> Array:
    spec = read_addon_config(folder).networks["vocoder"]
    network = open_network(folder / "networks/vocoder.onnx", spec, NetworkSettings(backend=backend), {"frame": 32}, cache)
    inputs = {port.name: np.full((1, 32, port.channels), 0.5, port.type) for port in spec.inputs}
    return np.concatenate([output.ravel() for output in network.run(inputs).values()])


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("damage", ["a bit", "empty", "cut", "longer", "another network"])
def test_an_entry_that_changed_is_made_anew(backend: str, damage: str, cache: Path) -> None:
    expected = run(TINY / "tiny-vocoder", backend, None)
    np.testing.assert_array_equal(run(TINY / "tiny-vocoder", backend, cache), expected)
    (entry,) = cache.iterdir()
    content = bytearray(entry.read_bytes())
    if damage == "a bit":
        for place in range(len(content) // 2, len(content), 97):
            content[place] ^= 1
    changed = {"empty": b"", "cut": content[:-1], "longer": content + b"\0", "another network": b"\x08\x0a"}.get(damage, content)
    entry.write_bytes(changed)
    np.testing.assert_array_equal(run(TINY / "tiny-vocoder", backend, cache), expected)
    (anew,) = cache.iterdir()
    assert anew.read_bytes() != changed
    assert hashlib.sha256(anew.read_bytes()).hexdigest() in anew.name


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_entry_is_used_and_not_written_again(backend: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(TINY / "tiny-vocoder", backend, cache)
    (entry,) = cache.iterdir()
    written = entry.stat().st_mtime_ns
    monkeypatch.setattr("tts_cli.backends.cache.CacheEntry.write", lambda *_: pytest.fail("written again"))
    np.testing.assert_array_equal(run(TINY / "tiny-vocoder", backend, cache), expected)
    assert entry.stat().st_mtime_ns == written


class FullDisk:
    """File that takes no byte."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, _: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def open_full(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        file = opened(path, mode, *rest, **more)
        return FullDisk(file) if "w" in mode else file

    monkeypatch.setattr(Path, "open", open_full)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_full_disk_is_told_as_one(backend: str, cache: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot be written \(No space left on device\)") as caught:
        run(TINY / "tiny-vocoder", backend, cache)
    assert str(cache) in caught.value.message
    assert list(cache.iterdir()) == []


@pytest.mark.usefixtures("full")
def test_a_runtime_that_cannot_write_its_graph_is_not_a_damaged_addon(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    session = backend_room._session

    def fail(model: bytes, options: Any, provider: str) -> Any:
        if options.optimized_model_filepath:
            raise RuntimeError("Protobuf serialization failed.")
        return session(model, options, provider)

    monkeypatch.setattr(backend_room, "_session", fail)
    assert main(["addons", "check", str(TINY / "tiny-vocoder"), "--cache-dir", str(cache)]) == 2
    told = capsys.readouterr().err
    assert "No space left on device" in told
    assert "export or install" not in told


def test_a_damaged_model_is_still_a_damaged_addon(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(TINY / "tiny-vocoder", tmp_path / "tiny-vocoder"))
    monkeypatch.setattr("tts_cli.backends.read_graph", lambda *_: b"\x08\x0a")
    with pytest.raises(AddonError, match=r"vocoder\.onnx: cannot be opened"):
        run(folder, "onnxruntime", cache)
    assert list(cache.iterdir()) == []
