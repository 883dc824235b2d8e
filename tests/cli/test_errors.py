"""Errors of bad input: one clear line, perhaps a hint, the right exit code, and no partial file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY, Outcome, Run

from tts_cli.audio.mel import MelConfig
from tts_cli.errors import OutputError
from tts_cli.voice.synthesis import Voice

Config = dict[str, Any]
Spoil = Callable[[Callable[[Config], object]], Path]
PIPELINE = "$.stack[0]"


def refused(outcome: Outcome, *told: str, code: int = 2) -> None:
    """Assert one error line with all texts of `told`, at most one hint, and no output or file."""
    lines = outcome.err.splitlines()
    assert outcome.code == code, outcome.err
    assert lines[0].startswith("error: ") and len(lines) <= 2, outcome.err
    assert all(part in outcome.err for part in told), outcome.err
    assert outcome.out == b""
    assert not [path for path in Path().rglob("*") if path.suffix in (".wav", ".part")]


@pytest.mark.parametrize(
    "text", ["", "  \n\t ", "?!... -- ,", "\N{SLIGHTLY SMILING FACE} \N{PARTY POPPER}", "\N{HEBREW LETTER ALEF}"]
)
def test_text_that_cannot_be_spoken(tts: Run, text: str) -> None:
    refused(tts("synth", text, "--save-timings", "t.part", "-o", "x.wav"))
    refused(tts("synth", text, "-o", "-"))


def test_right_to_left_text_is_named(tts: Run) -> None:
    refused(tts("synth", "\N{ARABIC LETTER SEEN}\N{ARABIC LETTER LAM}"), "Arabic")


@pytest.mark.parametrize(
    ("data", "told"), [(b"Hello\0there", "NUL"), (b"caf\xe9", "not UTF-8 text: byte 3 is 0xe9"), (b"", "the text is empty")]
)
def test_files_that_are_no_text(tts: Run, data: bytes, told: str) -> None:
    Path("text.txt").write_bytes(data)
    refused(tts("synth", "-i", "text.txt"), told)
    refused(tts("synth", stdin=data), told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--input-file", "absent.txt"], "absent.txt: cannot be read: No such file"),
        (["Hello", "--input-file", "x"], "TEXT and --input-file exclude each other"),
        (["Hello", "-o", "x.wav", "--play"], "--output and --play exclude each other"),
        (["Hello", "-o", "-", "--json"], "--json and --output - exclude each other"),
        (["Hello", "--resume"], "--resume needs --output-dir"),
        (["Hello", "--speaker", "nobody"], "it has: low, high"),
        (["Hello", "--addon", "tiny-acoustik"], "did you mean 'tiny-acoustic'"),
        (["Hello", "--addon", "tiny-vocoder"], "is of kind 'vocoder'"),
        (["Hello", "--vocoder", "tiny-acoustic"], "it is no vocoder for 'tiny-acoustic'"),
        (["Hello", "--vocoder", "absent"], "unknown addon 'absent'"),
        (["Hello", "--context", "defualt"], "did you mean 'default'"),
        (["Hello", "--lexicon", "absent.txt"], "absent.txt"),
        (["--prosody", "absent.json"], "absent.json: no such file"),
        (["Hello", "--length-scale", "nan"], "length_scale is nan, outside 0.1 to 10"),
        (["Hello", "--pitch-shift", "99"], "outside -36.0 to 36.0"),
        (["Hello", "--sentence-silence", "-1"], "outside 0 to 60"),
        (["Hello", "--seed", "-1"], "--seed"),
        (["Hello", "-o", "x.m4b"], "the suffix .m4b belongs to no format that can be written"),
        (["Hello", "--output-dri", "x"], "--output-dir"),
        (["Hello", "-o", "."], "is a folder"),
    ],
)
def test_bad_options_of_synth(tts: Run, arguments: list[str], told: str) -> None:
    refused(tts("synth", *arguments), told)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-o", "absent/x.wav"], "No such file or directory"),
        (["-o", "file/x.wav"], "Not a directory"),
        (["--output-dir", "file"], "File exists"),
        (["-o", "x.wav", "--save-timings", "absent/t.TextGrid"], "absent/t.TextGrid: cannot be written"),
        (["-o", "x.wav", "--save-prosody", "absent/p.json"], "absent/p.json: cannot be written"),
        (["-o", "x.wav", "--trace", "."], ".: is a folder"),
        (["-o", "e.wav", "--trace", "./e.wav"], "--output and --trace are one file: e.wav"),
        (["--save-prosody", "hello.wav"], "--output and --save-prosody are one file: hello.wav"),
        (["--save-timings", "t", "--trace", "t"], "--save-timings and --trace are one file: t"),
        (["--save-timings", "t", "--addon", "tiny-attention"], "does not tell how long its phones are"),
    ],
)
def test_output_that_cannot_be_is_found_before_anything_is_spoken(
    tts: Run, options: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Voice, "_spoken", lambda *_: pytest.fail("it spoke"))
    Path("file").touch()
    refused(tts("synth", "Hello", *options), told, code=OutputError.exit_code)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("options", [["-o", "/dev/full"], ["-o", "/dev/null", "--save-prosody", "/dev/full"]])
def test_a_full_disk_leaves_nothing(tts: Run, options: list[str]) -> None:
    refused(tts("synth", "Hello", *options), "/dev/full: cannot be written (No space left", code=OutputError.exit_code)


def no_decoder(config: Config) -> None:
    del config["networks"]["decoder"]
    config["contexts"] = {}


def two_sequence_blocks(config: Config) -> None:
    config["stack"][0]["streamable_block"]["stack"].insert(0, {"type": "Encoders"})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda config: config.update(speekers=[]), ["addon.json: unknown key 'speekers'", "did you mean 'speakers'"]),
        (lambda config: config["stack"][0]["sequence_block"].update(type="Encodars"), [f"{PIPELINE}.sequence_block", "Encoders"]),
        (two_sequence_blocks, [f"{PIPELINE}.streamable_block.stack[0]"]),
        (no_decoder, [f"{PIPELINE}.streamable_block.stack[1]", "decoder"]),
        (
            lambda config: config["stack"][0]["streamable_block"]["stack"][1].update(network="decodar"),
            [f"{PIPELINE}.streamable_block.stack[1].network", "did you mean 'decoder'"],
        ),
    ],
)
def test_an_addon_that_is_wrong(tts: Run, spoiled: Spoil, change: Callable[[Config], object], told: list[str]) -> None:
    folder = spoiled(change)
    refused(tts("synth", "Hello", "--addon", folder), *told)
    refused(tts("addons", "check", folder), *told)


def other_mel(config: Config) -> None:
    mel = MelConfig(fmin_hz=50.0)
    config["mel"] = {**mel.model_dump(), "hash": mel.hash}


def test_a_vocoder_of_another_mel(tts: Run, spoiled: Spoil) -> None:
    refused(tts("synth", "Hello", "--addon", spoiled(other_mel)), "another mel", MelConfig().hash, MelConfig(fmin_hz=50.0).hash)


@pytest.mark.parametrize("keep", [0, 100])
def test_a_damaged_network(tts: Run, spoiled: Spoil, keep: int) -> None:
    network = spoiled(lambda _: None) / "networks" / "decoder.onnx"
    network.write_bytes(network.read_bytes()[:keep])
    refused(tts("synth", "Hello", "--addon", network.parents[1]), "decoder.onnx: damaged")


def test_a_recipe_with_a_typo(tts: Run) -> None:
    pytest.importorskip("torch")
    recipe = Path(__file__).parents[2] / "recipes" / "tiny-acoustic.yaml"
    refused(tts("train", "acoustic", recipe, "--set", "optimiser.learning_rat=1"), "did you mean 'learning_rate'")
    refused(tts("train", "vocoder", recipe), "not for tts train vocoder", f"tts train acoustic {recipe}")
    refused(tts("train", "acoustic", "absent.yaml"), "absent.yaml: no such file")


def test_a_checkpoint_that_is_none(tts: Run) -> None:
    pytest.importorskip("torch")
    refused(tts("export-addon", "absent", "-o", "addon"), "absent: no such checkpoint")
    refused(tts("export-addon", ".", "-o", "addon"), "holds no checkpoint")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["synt"], "did you mean 'synth'"),
        (["train"], "tts train acoustic RECIPE"),
        (["train", "akoustic"], "did you mean 'acoustic'"),
        (["evaluate"], "tts evaluate --help"),
        (["evaluate", "contexts", "tiny-acoustic", "--context", "default"], "in the folder that holds data/"),
        (["evaluate", "speech"], "a folder of corpora with --corpora DIR"),
        (["evaluate", "robustness"], "in the folder that holds data/"),
        (["prepare"], "'SOURCE'"),
        (["bench", "--addon", "absent"], "unknown addon 'absent'"),
        (["addons", "install", "absent.zip"], "absent.zip: no such folder or zip file"),
    ],
)
def test_bad_command_lines(tts: Run, arguments: list[str], told: str) -> None:
    outcome = tts(*arguments)
    assert told.lower() in outcome.err.lower()
    refused(outcome)


def test_interrupting_leaves_nothing(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Voice, "_spoken", interrupted)
    outcome = tts("synth", "Hello", "--save-timings", "t.TextGrid")
    assert (outcome.code, outcome.err.strip()) == (130, "interrupted")
    assert not list(Path().iterdir())


def test_a_fault_of_the_program_is_one_line_too_and_debug_shows_where(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Voice, "_spoken", lambda *_: [][0])
    refused(tts("synth", "Hello"), "IndexError", "--debug", code=1)
    assert "Traceback" in tts("synth", "--debug", "Hello").err
    assert "Traceback" not in tts("synth", "--", "--debug").err


def test_installing_twice_needs_force(tts: Run, tmp_path: Path) -> None:
    shutil.make_archive("voice", "zip", TINY / "tiny-vocoder")
    assert tts("addons", "install", "voice.zip").out.decode().strip() == str(tmp_path / "data/tts-cli/addons/tiny-vocoder")
    assert "--force" in tts("addons", "install", "voice.zip").err
    assert tts("addons", "install", "voice.zip", "--force").code == 0
