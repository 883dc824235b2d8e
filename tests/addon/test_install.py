"""Installing addons from folders and zip files of strangers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tts_cli.addon import copying
from tts_cli.addon.library import install_addon
from tts_cli.cli.main import main
from tts_cli.errors import AddonError, OutputError

TINY = Path(__file__).parents[1] / "addons" / "tiny-vocoder"


@pytest.fixture(autouse=True)
def into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of installed addons; the current folder is beside it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("TTS_ADDONS", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data/tts-cli/addons"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "given"))


def zipped(folder: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", method) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder).as_posix())
    return target


def patched(archive: Path, local: int, central: int, value: bytes) -> Path:
    """Overwrite bytes at a place in the local and in the central header of every member."""
    content = bytearray(archive.read_bytes())
    for signature, place in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        start = content.find(signature)
        while start >= 0:
            content[start + place : start + place + len(value)] = value
            start = content.find(signature, start + 4)
    archive.write_bytes(content)
    return archive


def damaged(archive: Path, every: int = 150) -> Path:
    """Flip a bit in the content of the members, not in the directory at the end."""
    content = bytearray(archive.read_bytes())
    for place in range(200, content.find(b"PK\x01\x02") - 100, every):
        content[place] ^= 0x10
    archive.write_bytes(content)
    return archive


METHODS = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_zip_files_is_read(method: str, folder: Path) -> None:
    installed = install_addon(zipped(folder, METHODS[method]))
    assert sorted(path.name for path in installed.iterdir()) == ["MODEL_CARD.md", "addon.json", "networks"]


@pytest.mark.parametrize("kind", [*METHODS, "encrypted", "method 99", "strong encryption", "cut", "directory"])
def test_a_zip_that_cannot_be_read_is_refused_in_one_line(
    kind: str, folder: Path, into: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = zipped(folder, METHODS.get(kind, zipfile.ZIP_DEFLATED))
    if kind in METHODS:
        damaged(archive)
    elif kind == "encrypted":
        patched(archive, 6, 8, b"\x01\x00")
    elif kind == "strong encryption":
        patched(archive, 6, 8, b"\x41\x00")
    elif kind == "method 99":
        patched(archive, 8, 10, b"\x63\x00")
    else:
        content = archive.read_bytes()
        archive.write_bytes(content[:-40] if kind == "cut" else content.replace(b"PK\x01\x02", b"PK\x09\x09"))
    assert main(["addons", "install", str(archive)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert told[0].startswith(f"error: {archive}")
    assert told[1].startswith("hint: ")
    assert not list(into.glob("*")) + list(into.glob(".*"))


def test_an_error_names_the_path_that_the_user_gave(folder: Path) -> None:
    (folder / "networks/vocoder.params").unlink()
    with pytest.raises(AddonError, match=r"given\.zip/networks/vocoder\.params: missing") as caught:
        install_addon(zipped(folder))
    assert ".installing" not in caught.value.message
    (folder / "addon.json").write_text("{")
    with pytest.raises(AddonError, match=r"given\.zip/addon\.json: line 1") as caught:
        install_addon(zipped(folder))
    assert ".installing" not in caught.value.message


@pytest.mark.parametrize("is_zip", [False, True])
def test_only_files_that_addon_json_names_are_copied(is_zip: bool, folder: Path) -> None:
    for file in ("evil.py", "networks/third.bin", "networks/other.onnx", "deep/LICENSE", "LICENSE", "NOTICE.txt", "README.md"):
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(file)
    installed = install_addon(zipped(folder) if is_zip else folder)
    files = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    named = {"addon.json", "MODEL_CARD.md", "networks/vocoder.onnx", "networks/vocoder.params"}
    assert files == named | {"LICENSE", "NOTICE.txt"}


@pytest.mark.parametrize("kind", ["link to a file", "link to a device", "link to a folder", "named file", "pipe"])
def test_links_and_devices_in_a_folder_are_refused(kind: str, folder: Path, into: Path) -> None:
    if kind == "pipe":
        os.mkfifo(folder / "z")
    elif kind == "named file":
        (folder / "networks/vocoder.params").rename(folder.parent / "elsewhere")
        (folder / "networks/vocoder.params").symlink_to(folder.parent / "elsewhere")
    else:
        (folder / "z").symlink_to({"link to a file": "/etc/passwd", "link to a device": "/dev/zero"}.get(kind, folder.parent))
    with pytest.raises(AddonError, match=r"given/\S+: refused: a link or a device"):
        install_addon(folder)
    assert not list(into.iterdir())


def test_a_device_in_a_zip_is_refused(folder: Path) -> None:
    archive = zipped(folder)
    device = zipfile.ZipInfo("device")
    device.external_attr = 0o020666 << 16
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(device, "")
    with pytest.raises(AddonError, match="'device' would be written outside the addon's folder, or is a link"):
        install_addon(archive)


def test_an_archive_past_the_stated_size_is_refused_before_it_is_unpacked(folder: Path) -> None:
    archive = zipped(folder)
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file, file.open("bomb", "w", force_zip64=True) as member:
        for _ in range(0, 2_000_000_001, len(piece := bytes(10_000_000))):
            member.write(piece)
    assert archive.stat().st_size < 3_000_000
    with pytest.raises(AddonError, match=r"given\.zip: refused: its content has [\d,]+ bytes or more; at most 2,000,000,000 are"):
        install_addon(archive)


@pytest.mark.parametrize("is_zip", [False, True])
def test_every_limit_is_told(is_zip: bool, folder: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = zipped(folder) if is_zip else folder
    for limit, value in (("LARGEST_ADDON", 9000), ("LARGEST_ADDON_FILE", 100), ("MOST_FILES", 3)):
        with monkeypatch.context() as patch, pytest.raises(AddonError, match=rf"{source.name}: refused: .* {value:,} "):
            patch.setattr(copying, limit, value)
            install_addon(source)
    assert not list(into.iterdir())


def test_a_member_longer_than_declared_is_refused(folder: Path) -> None:
    archive = zipped(folder)
    patched(archive, 22, 24, b"\x10\x00\x00\x00")
    with pytest.raises(AddonError, match=r"given\.zip/addon\.json: (cannot be read|.*)"):
        install_addon(archive)


def test_a_graph_that_names_a_third_file_is_not_installed(folder: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise AddonError("refused: a third file")

    monkeypatch.setattr("tts_cli.addon.library.read_graph", refuse)
    with pytest.raises(AddonError, match="a third file"):
        install_addon(folder)
    assert not list(into.iterdir())


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_leftovers_of_dead_processes_are_removed_and_those_of_others_stay(folder: Path, into: Path) -> None:
    living = into / f".installing-{os.getppid()}-abc"
    for leftover in (into / f".installing-{dead_process()}-abc", living, into / ".installing-by-hand"):
        (leftover / "new").mkdir(parents=True)
        (leftover / "new/file").write_text("x")
    install_addon(folder)
    assert {path.name for path in into.iterdir()} == {"tiny-vocoder", living.name, ".installing-by-hand"}


def test_an_addon_that_a_killed_installation_moved_away_returns(folder: Path, into: Path) -> None:
    former = into / f".installing-{dead_process()}-abc/former/tiny-vocoder"
    shutil.copytree(folder, former)
    with pytest.raises(AddonError, match="is installed already"):
        install_addon(folder)
    assert [path.name for path in into.iterdir()] == ["tiny-vocoder"]
    assert json.loads((into / "tiny-vocoder/addon.json").read_text())["name"] == "tiny-vocoder"


def test_a_full_disk_is_an_error_of_output(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(OutputError, match="cannot install: No space left on device"):
        install_addon(folder)
