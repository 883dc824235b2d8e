"""Opening, finding, installing and refusing addons."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tts_cli.addon.config import ChunkSchedule, read_addon_config
from tts_cli.addon.library import file_hash, find_addon, install_addon, list_addons
from tts_cli.addon.opened import open_addon
from tts_cli.errors import AddonError, InputError, OutputError, StackError
from tts_cli.voice.synthesis import load

TINY = Path(__file__).parents[1] / "addons"
Editor = Callable[[dict[str, Any]], object]


@pytest.fixture
def acoustic(tmp_path: Path) -> Path:
    """Copy of the tiny acoustic addon for a test to damage."""
    return Path(shutil.copytree(TINY / "tiny-acoustic", tmp_path / "tiny-acoustic"))


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working directory and home folder without addons."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("TTS_ADDONS", raising=False)
    return tmp_path


def edit(folder: Path, change: Editor) -> Path:
    file = folder / "addon.json"
    value = json.loads(file.read_text())
    change(value)
    file.write_text(json.dumps(value))
    return folder


@pytest.mark.parametrize("name", ["tiny-acoustic", "tiny-vocoder"])
def test_tiny_addons_open(name: str) -> None:
    addon = open_addon(TINY / name)
    assert addon.name == name
    assert addon.build_stack().path == f"{name}: $"


def inputs_of_decoder(value: dict[str, Any]) -> list[dict[str, Any]]:
    ports: list[dict[str, Any]] = value["networks"]["decoder"]["inputs"]
    return ports


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.update(speaker=[]), r"addon\.json: unknown key 'speaker'"),
        (lambda v: v["networks"]["decoder"].update(margin=3), r"unknown key 'networks\.decoder\.margin'"),
        (lambda v: v["networks"]["decoder"].update(role="dekoder"), r"'networks\.decoder\.role'"),
        (lambda v: v["networks"].update({"../evil": v["networks"]["decoder"]}), r"networks\.\.\./evil"),
        (lambda v: v["mel"].update(hop_samples=256), r"hash is \w+, but the hash of the fields is"),
        (lambda v: v["mel"].pop("hash"), r"'hash' is missing"),
        (lambda v: v.update(sample_rate=22050), r"sample_rate is 22050, but mel\.sample_rate is 16000"),
        (lambda v: v.update(format=2), r"'format'"),
        (lambda v: v.update(stack=[]), r"an addon of kind 'acoustic' needs a stack"),
        (lambda v: v["speakers"].append(v["speakers"][0]), r"a speaker appears twice"),
        (lambda v: v["contexts"]["default"].update(networks={"x": {}}), r"contexts\.default\.networks names 'x'"),
        (lambda v: v.update(assets={"a": {"file": "../../etc/passwd", "sha256": "0" * 64}}), r"below the addon's folder"),
        (
            lambda v: v["stack"].__setitem__(0, {"type": "Pipe"}),
            r"tiny-acoustic: \$\.stack\[0\]: unknown block type 'Pipe'; known: ",
        ),
        (
            lambda v: v["stack"][0]["streamable_block"]["stack"][1].update(network="decoder2"),
            r"\$\.stack\[0\]\.streamable_block\.stack\[1\]\.network: the addon has no network 'decoder2' of role 'decoder'",
        ),
        (
            lambda v: v["stack"][0].update(sequence_block=[{"type": "Encoders"}] * 2),
            r"\$\.stack\[0\]\.sequence_block: exactly one SequenceBlock belongs here",
        ),
        (lambda v: v["stack"][0].update(sequence_blocks=[]), r"\$\.stack\[0\]: unknown key 'sequence_blocks'"),
        (lambda v: inputs_of_decoder(v)[0].update(name="test"), r"networks/decoder\.onnx: its inputs are"),
        (
            lambda v: v["stack"].append({"type": "Addon", "name": "other"}),
            r"'other' is not among those that 'tiny-acoustic' requires",
        ),
    ],
)
def test_addons_that_are_refused(acoustic: Path, change: Editor, message: str) -> None:
    with pytest.raises(AddonError, match=message):
        open_addon(edit(acoustic, change))


def test_a_network_of_several_has_to_be_chosen(acoustic: Path) -> None:
    def add_another(value: dict[str, Any]) -> None:
        value["networks"]["second"] = value["networks"]["decoder"]
        for end in ("onnx", "params"):
            shutil.copy(acoustic / f"networks/decoder.{end}", acoustic / f"networks/second.{end}")

    with pytest.raises(StackError, match="has several: decoder, second"):
        open_addon(edit(acoustic, add_another))


def test_a_key_given_twice_is_refused(acoustic: Path) -> None:
    file = acoustic / "addon.json"
    text = file.read_text()
    file.write_text(text.replace('"sequence_block"', '"sequence_block": {"type": "Encoders"}, "sequence_block"', 1))
    with pytest.raises(AddonError, match="'sequence_block' is given twice"):
        open_addon(acoustic)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\x00", '{"format": 1}', "[" * 100_000])
def test_addon_json_that_is_none(acoustic: Path, content: str) -> None:
    (acoustic / "addon.json").write_text(content)
    with pytest.raises(AddonError, match=r"addon\.json"):
        open_addon(acoustic)


@pytest.mark.parametrize("file", ["networks/decoder.onnx", "networks/text_encoder.params"])
def test_damaged_networks(acoustic: Path, file: str) -> None:
    content = bytearray((acoustic / file).read_bytes())
    content[len(content) // 2] ^= 1
    (acoustic / file).write_bytes(content)
    with pytest.raises(AddonError, match=rf"{file}: damaged"):
        open_addon(acoustic)
    (acoustic / file).write_bytes(content[:-10])
    with pytest.raises(AddonError, match=rf"{file}: damaged"):
        open_addon(acoustic)
    (acoustic / file).unlink()
    with pytest.raises(AddonError, match=rf"{file}: missing"):
        open_addon(acoustic)


def test_a_mismatch_names_both_sides(acoustic: Path) -> None:
    def give_by_word(value: dict[str, Any]) -> None:
        value["networks"]["prosody_encoder"]["outputs"][1]["rate"] = "word"

    with pytest.raises(StackError) as caught:
        open_addon(edit(acoustic, give_by_word))
    assert "$.stack[0].streamable_block.stack[0] needs 'log_f0' (token rate, 1 channel, float32)" in caught.value.message
    assert "$.stack[0].sequence_block (network 'prosody_encoder') gives 'log_f0' (word rate" in caught.value.message


def test_a_speaker_is_found_or_all_are_listed() -> None:
    addon = open_addon(TINY / "tiny-acoustic")
    assert addon.speaker_id("high") == 1
    with pytest.raises(InputError, match="no speaker 'nobody'; it has: low, high"):
        addon.speaker_id("nobody")


def test_contexts(acoustic: Path) -> None:
    contexts = {"big": {"chunks": {"first": 40}, "networks": {"decoder": {"threads": 2}}}}
    edit(acoustic, lambda value: value.update(contexts=contexts))
    assert open_addon(acoustic, "big").context.chunks.first == 40
    assert {settings.threads for settings in open_addon(acoustic, "big", threads=1).context.networks.values()} == {1}
    assert open_addon(acoustic).context.chunks == ChunkSchedule()
    with pytest.raises(AddonError, match="no context 'huge'"):
        open_addon(acoustic, "huge")


def test_chunks_grow_to_the_maximum() -> None:
    sizes = ChunkSchedule(first=4, growth=2.0, maximum=20).sizes()
    assert [next(sizes) for _ in range(5)] == [4, 8, 16, 20, 20]


def test_a_required_addon_is_the_one_that_was_meant(tmp_path: Path) -> None:
    for name in ("tiny-acoustic", "tiny-vocoder"):
        shutil.copytree(TINY / name, tmp_path / name)
    requirement = {"name": "tiny-vocoder", "sha256": file_hash(tmp_path / "tiny-vocoder/addon.json")}

    def require(value: dict[str, Any]) -> None:
        value["stack"].append({"type": "Addon", "name": "tiny-vocoder"})
        value["requires"] = [requirement]

    addon = open_addon(edit(tmp_path / "tiny-acoustic", require))
    assert set(addon.check_stack()) == {"audio"}
    edit(tmp_path / "tiny-vocoder", lambda value: value.update(licence="another"))
    with pytest.raises(StackError, match="is not the one that 'tiny-acoustic' requires"):
        open_addon(tmp_path / "tiny-acoustic")


def test_lookup_goes_from_path_to_name(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, folder in enumerate(("named", "data/tts-cli/addons")):
        shutil.copytree(TINY / "tiny-vocoder", nowhere / folder / "tiny-vocoder")
        shutil.copytree(TINY / "tiny-vocoder", nowhere / folder / f"only-{number}")
    monkeypatch.setenv("TTS_ADDONS", os.pathsep.join(["missing", str(nowhere / "named")]))
    assert find_addon("tiny-vocoder") == nowhere / "named/tiny-vocoder"
    assert find_addon("only-1") == nowhere / "data/tts-cli/addons/only-1"
    assert find_addon(nowhere / "named/tiny-vocoder") == nowhere / "named/tiny-vocoder"
    assert find_addon("tiny-acoustic", near=TINY) == TINY / "tiny-acoustic"
    assert set(list_addons()) >= {"tiny-vocoder", "only-0", "only-1"}
    assert list_addons()["tiny-vocoder"] == nowhere / "named/tiny-vocoder"
    with pytest.raises(AddonError, match=r"unknown addon 'tiny-vocode'; known: .*tiny-vocoder") as caught:
        find_addon("tiny-vocode")
    assert caught.value.hint == "did you mean 'tiny-vocoder'?"


@pytest.mark.parametrize("place", ["tiny-vocoder", "addons/tiny-vocoder"])
def test_a_name_is_not_looked_up_in_the_current_folder(nowhere: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(TINY / "tiny-vocoder", nowhere / place)
    with pytest.raises(AddonError, match="unknown addon 'tiny-vocoder'") as caught:
        find_addon("tiny-vocoder")
    assert (caught.value.hint or "").startswith(f"./{place} opens the folder")
    assert find_addon(f"./{place}") == Path(place)
    assert "tiny-vocoder" not in list_addons()
    monkeypatch.setenv("TTS_ADDONS", str(TINY))
    assert find_addon("tiny-vocoder") == TINY / "tiny-vocoder"


def test_a_folder_of_the_current_one_does_not_replace_the_vocoder_of_a_voice(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nowhere / "tiny-vocoder").mkdir()
    (nowhere / "tiny-vocoder/addon.json").write_text("{}")
    monkeypatch.setenv("TTS_ADDONS", str(TINY))
    voice = load("tiny-acoustic")
    assert voice.vocoder and voice.vocoder.folder == TINY / "tiny-vocoder"


def test_paths_have_a_separator_or_are_one_by_their_type(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(TINY / "tiny-vocoder", nowhere / "mine")
    assert find_addon("mine/") == find_addon(Path("mine")) == find_addon("./mine") == Path("mine")
    monkeypatch.chdir(nowhere / "mine")
    assert find_addon(".") == Path()
    assert open_addon(".").name == "tiny-vocoder"


@pytest.fixture
def homeless(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Environment of a user without home folder: no HOME, no entry in the list of users."""

    def no_home(path: Path) -> Path:
        if path.parts[:1] == ("~",):
            raise RuntimeError("Could not determine home directory.")
        return path

    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setattr(Path, "expanduser", no_home)
    return nowhere


def test_without_a_home_folder_only_installing_is_refused(homeless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_ADDONS", str(TINY))
    assert find_addon("tiny-vocoder") == TINY / "tiny-vocoder"
    assert "tiny-acoustic" in list_addons()
    with pytest.raises(OutputError, match="no folder for installed addons") as caught:
        install_addon(TINY / "tiny-vocoder")
    assert "XDG_DATA_HOME" in (caught.value.hint or "")
    assert install_addon(TINY / "tiny-vocoder", homeless / "into") == homeless / "into/tiny-vocoder"


def test_a_folder_that_may_not_be_entered_is_passed_over(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **_: object) -> os.stat_result:
        if "forbidden" in path.parts:
            raise PermissionError(13, "Permission denied")
        return stat(path)

    stat = Path.stat

    monkeypatch.setattr(Path, "stat", refuse)
    monkeypatch.setenv("TTS_ADDONS", os.pathsep.join([str(nowhere / "forbidden"), str(TINY)]))
    assert find_addon("tiny-vocoder") == TINY / "tiny-vocoder"
    assert "tiny-acoustic" in list_addons()


@pytest.mark.usefixtures("nowhere")
def test_nothing_to_look_up() -> None:
    with pytest.raises(AddonError, match="unknown addon 'x'"):
        find_addon("x")


def zipped(target: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted((TINY / "tiny-vocoder").rglob("*")):
            archive.write(file, prefix + file.relative_to(TINY / "tiny-vocoder").as_posix())
    return target


@pytest.mark.parametrize("prefix", ["", "some-folder/"])
def test_install_from_a_zip(nowhere: Path, prefix: str) -> None:
    installed = install_addon(zipped(nowhere / "a.zip", prefix))
    assert installed == nowhere / "data/tts-cli/addons/tiny-vocoder"
    assert open_addon("tiny-vocoder").folder == installed
    assert [path.name for path in installed.parent.iterdir()] == ["tiny-vocoder"]


def test_install_from_a_folder_and_replace(nowhere: Path) -> None:
    installed = install_addon(TINY / "tiny-vocoder")
    (installed / "old").touch()
    with pytest.raises(AddonError, match="is installed already"):
        install_addon(TINY / "tiny-vocoder")
    assert (installed / "old").exists()
    assert not (install_addon(TINY / "tiny-vocoder", replace=True) / "old").exists()
    assert read_addon_config(nowhere / "data/tts-cli/addons/tiny-vocoder").name == "tiny-vocoder"


@pytest.mark.parametrize("member", ["../evil.txt", "/etc/evil.txt", "a/../../evil.txt", "..\\evil.txt"])
def test_a_zip_that_reaches_outside_is_refused(nowhere: Path, member: str) -> None:
    archive = zipped(nowhere / "a.zip")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(member, "evil")
    with pytest.raises(AddonError, match="would be written outside"):
        install_addon(archive)
    assert list((nowhere / "data/tts-cli/addons").iterdir()) == []
    assert not list(nowhere.rglob("evil.txt"))


def test_a_link_in_a_zip_is_refused(nowhere: Path) -> None:
    archive = zipped(nowhere / "a.zip")
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(AddonError, match="would be written outside"):
        install_addon(archive)


def test_an_invalid_addon_is_not_installed(nowhere: Path, acoustic: Path) -> None:
    (acoustic / "networks/decoder.params").write_bytes(b"")
    with pytest.raises(AddonError, match="damaged"):
        install_addon(acoustic)
    (nowhere / "text.zip").write_text("no zip")
    with pytest.raises(AddonError, match="neither a folder nor a zip"):
        install_addon(nowhere / "text.zip")
    with pytest.raises(AddonError, match="not an addon"):
        install_addon(nowhere / "data")
    assert list((nowhere / "data/tts-cli/addons").iterdir()) == []


def test_a_place_that_cannot_be_written(nowhere: Path) -> None:
    (nowhere / "file").touch()
    with pytest.raises(OutputError, match="cannot install"):
        install_addon(TINY / "tiny-vocoder", nowhere / "file/below")
