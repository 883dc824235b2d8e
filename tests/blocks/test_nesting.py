"""Nested stacks, in files and across addons: the audio stays the same; cycles and misfits are refused on reading."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tts_cli.addon.library import file_hash
from tts_cli.addon.opened import open_addon
from tts_cli.addon.stack_file import read_stack
from tts_cli.audio.mel import MelConfig
from tts_cli.errors import AddonError, ConfigError, StackError
from tts_cli.ports import Array
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import load

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "addons"
TOKENS = ("^", "HH", "AH0", "L", "OW1", " ", "B", "IY1", ".")
HELLO = [Sentence(text="Hello, bee.", tokens=TOKENS), Sentence(text="Bee.", tokens=("^", "B", "IY1", "."))]
ENCODERS: dict[str, Any] = {"type": "Encoders"}
VOCODER = {"type": "Addon", "name": "tiny-vocoder"}


def spoken(stack: Path | None = None, **options: Any) -> Array:
    voice = load(TINY / "tiny-acoustic", stack=stack, **options)
    return np.concatenate([chunk.samples for chunk in voice.stream(HELLO, speaker="high")])


@pytest.fixture(scope="module")
def plain() -> Array:
    """Audio of the addon with its own stack and its default vocoder."""
    return spoken()


def written(folder: Path, *blocks: Any) -> Path:
    path = folder / "stack.json"
    path.write_text(json.dumps({"stack": blocks}))
    return path


def acoustic_stack(*streamable: dict[str, Any]) -> dict[str, Any]:
    blocks = [{"type": "Upsampler"}, *(streamable or [{"type": "Decoder"}])]
    stack = {"type": "StreamableStack", "stack": blocks}
    return {"type": "StreamablePipeline", "sequence_block": ENCODERS, "streamable_block": stack}


@pytest.mark.parametrize("name", ["nested-decoder", "with-vocoder"])
def test_the_examples_speak_like_the_plain_stack(name: str, tmp_path: Path, plain: Array) -> None:
    example = (ROOT / "recipes" / "stacks" / f"{name}.json").read_text()
    path = tmp_path / "stack.json"
    path.write_text(example.replace("universal-16k", "tiny-vocoder"))
    np.testing.assert_array_equal(spoken(path), plain)


def test_addons_are_chained_by_name(tmp_path: Path, plain: Array) -> None:
    """A stack file contains the stack of the addon that it is used with: no cycle."""
    path = written(tmp_path, {"type": "Addon", "name": "tiny-acoustic"}, VOCODER)
    np.testing.assert_array_equal(spoken(path), plain)
    chained = load(TINY / "tiny-acoustic", stack=path)
    assert chained.vocoder is None, "the stack gives audio itself"


def test_nesting_is_as_deep_as_one_likes(tmp_path: Path, plain: Array) -> None:
    block: dict[str, Any] = acoustic_stack()
    for _ in range(25):
        block = {"type": "StreamableStack", "stack": [block]}
    sequence: dict[str, Any] = ENCODERS
    for _ in range(25):
        sequence = {"type": "SequenceBlockContainer", "blocks": [sequence]}
    block = {"type": "StreamablePipeline", "sequence_block": sequence, "streamable_block": block}
    np.testing.assert_array_equal(spoken(written(tmp_path, block)), plain)


def test_what_is_deeper_than_python_can_reach_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    for depth, told in ((400, "the blocks are nested too deeply"), (100_000, "the JSON is nested too deeply")):
        path.write_text(
            '{"stack": [' + '{"type": "StreamableStack", "stack": [' * depth + '{"type": "Decoder"}' + "]}" * depth + "]}"
        )
        with pytest.raises(StackError, match=rf"stack\.json.*{told}$"):
            open_addon(TINY / "tiny-acoustic", stack=path)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([acoustic_stack(), {"type": "Addon", "name": "tiny-vocodr"}], r"\$\.stack\[1\]\.name: unknown addon 'tiny-vocodr'"),
        ([{"type": "Addon"}], r"\$\.stack\[0\]: 'name'"),
        ([VOCODER], r"stack\.json: \$\.stack\[0\]: tiny-vocoder: \$\.stack\[0\] needs 'mel' .*which nothing before it gives"),
        ([acoustic_stack(), VOCODER, VOCODER], r"stack\.json: \$\.stack\[2\]: tiny-vocoder: \$\.stack\[0\] needs 'mel'"),
        (
            [acoustic_stack({"type": "StreamablePipeline", "sequence_block": ENCODERS, "streamable_block": ENCODERS})],
            r"\$\.stack\[0\]\.streamable_block\.stack\[1\]\.streamable_block: Encoders is not a StreamableBlock",
        ),
        (
            [{"type": "StreamablePipeline", "sequence_block": ENCODERS, "streamable_block": {"type": "Decoder"}}],
            r"stack\.json: \$\.stack\[0\]\.streamable_block needs 'text' \(frame rate, 4 channels, float32\)",
        ),
    ],
)
def test_misfits_are_found_when_the_stack_is_read(blocks: list[Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=message):
        open_addon(TINY / "tiny-acoustic", stack=written(tmp_path, *blocks))


def edited(folder: Path, **changes: Any) -> str:
    """Change addon.json and return its hash."""
    path = folder / "addon.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return file_hash(path)


def requiring(name: str, sha256: str) -> dict[str, Any]:
    return {"stack": [{"type": "Addon", "name": name}], "requires": [{"name": name, "sha256": sha256}]}


def test_addons_that_stand_in_themselves_are_found(tmp_path: Path) -> None:
    one, other = (Path(shutil.copytree(TINY / "tiny-acoustic", tmp_path / name)) for name in ("one", "other"))
    edited(one, name="one", **requiring("one", "0" * 64))
    with pytest.raises(StackError, match=r"one: \$\.stack\[0\]: addon 'one' contains itself: one > one"):
        open_addon(one)
    sha256 = edited(other, name="other", **requiring("one", "0" * 64))
    edited(one, name="one", **requiring("other", sha256))
    with pytest.raises(StackError, match=r"other: \$\.stack\[0\]: addon 'one' contains itself: one > other > one"):
        open_addon(one)
    with pytest.raises(StackError, match=r"contains itself: one > other > one"):
        open_addon(one, stack=written(tmp_path, {"type": "Addon", "name": "one"}))


def test_only_the_user_names_addons_that_go_by_no_hash(tmp_path: Path) -> None:
    for name in ("tiny-acoustic", "tiny-vocoder"):
        shutil.copytree(TINY / name, tmp_path / name)
    edited(tmp_path / "tiny-acoustic", stack=[acoustic_stack(), VOCODER])
    with pytest.raises(
        StackError, match=r"\$\.stack\[1\]: addon 'tiny-vocoder' is not among those that 'tiny-acoustic' requires"
    ):
        open_addon(tmp_path / "tiny-acoustic")
    assert set(open_addon(tmp_path / "tiny-acoustic", stack=written(tmp_path, acoustic_stack(), VOCODER)).check_stack()) == {
        "audio"
    }


def test_an_addon_of_another_mel_does_not_fit(tmp_path: Path) -> None:
    for name in ("tiny-acoustic", "tiny-vocoder"):
        shutil.copytree(TINY / name, tmp_path / name)
    mel = MelConfig(fmin_hz=50.0)
    edited(tmp_path / "tiny-vocoder", mel={**mel.model_dump(), "hash": mel.hash})
    with pytest.raises(StackError, match=r"\$\.stack\[1\]: addon 'tiny-vocoder' has another mel"):
        open_addon(tmp_path / "tiny-acoustic", stack=written(tmp_path, acoustic_stack(), VOCODER))


@pytest.mark.parametrize(
    ("key", "change", "told"),
    [
        ("speakers", lambda names: names[::-1], r"other speakers than 'tiny-acoustic'"),
        ("symbols", lambda names: [names[0], *names[:0:-1]], r"other symbols than 'tiny-acoustic'"),
    ],
)
def test_an_addon_to_which_numbers_mean_others_does_not_fit(key: str, change: Any, told: str, tmp_path: Path) -> None:
    for name in ("tiny-acoustic", "tiny-vocoder"):
        shutil.copytree(TINY / name, tmp_path / name)
    other = tmp_path / "other"
    shutil.copytree(TINY / "tiny-acoustic", other)
    names = json.loads((other / "addon.json").read_text())[key]
    stack = written(tmp_path, {"type": "Addon", "name": "other"}, VOCODER)
    edited(other, name="other")
    open_addon(tmp_path / "tiny-acoustic", stack=stack)
    edited(other, **{key: change(names)})
    with pytest.raises(StackError, match=rf"\$\.stack\[0\]: addon 'other' has {told}"):
        open_addon(tmp_path / "tiny-acoustic", stack=stack)


def test_a_key_given_twice_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    pipeline = '{"type": "StreamablePipeline", "sequence_block": {}, "sequence_block": {}}'
    path.write_text(f'{{"stack": [{{"type": "Upsampler"}}, {{"type": "StreamableStack", "stack": [{pipeline}]}}]}}')
    told = r"stack\.json: \$\.stack\[1\]\.stack\[0\]: key 'sequence_block' is given twice in one object$"
    with pytest.raises(StackError, match=told) as caught:
        read_stack(path)
    assert "SequenceBlockContainer" in str(caught.value.hint)


def test_a_context_speaks_of_the_addons_inside_too(tmp_path: Path, plain: Array) -> None:
    stack = written(tmp_path, acoustic_stack(), VOCODER)
    context = tmp_path / "context.json"
    context.write_text(json.dumps({"networks": {"vocoder": {"threads": 2}}}))
    voice = load(TINY / "tiny-acoustic", context=context, stack=stack)
    assert voice.acoustic._inner["tiny-vocoder"].context.networks["vocoder"].threads == 2
    assert len(plain) == len(spoken(stack, context=context))
    context.write_text(json.dumps({"networks": {"vocodr": {}}}))
    with pytest.raises((ConfigError, AddonError), match="vocodr"):
        spoken(stack, context=context)
