"""Diagnostics: at any place in a stack, without changing the audio, with complete files."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from toys import Frames, FramesStream, RunningMean, Through, ToyAddon, options, read_all

from tts_cli.addon.opened import Addon, open_addon
from tts_cli.blocks.diagnostics import Diagnostic, TensorDump, TensorStatistics, Timing
from tts_cli.blocks.features import request_wiring
from tts_cli.blocks.sequence import SequenceBlockContainer
from tts_cli.blocks.streamable import Stream, StreamableBlock, StreamableStack
from tts_cli.blocks.wiring import Wiring
from tts_cli.cli.main import main
from tts_cli.errors import OutputError, RefusedError, StackError
from tts_cli.ports import Array, Tensors
from tts_cli.text import TextFrontEnd
from tts_cli.voice.request import Request
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import Voice, load
from tts_cli.voice.trace import Trace

TINY = Path(__file__).parents[1] / "addons"
HELLO = Sentence(tokens=("^", "HH", "AH0", "L", "OW1", " ", "B", "IY1", "."))
DIAGNOSTICS = ("TensorStatistics", "TensorDump", "Timing")
PLACES = ("pipeline", "sequence", "encoded", "first", "upsampled", "decoded", "spoken", "vocoded")
X = {"x": np.random.default_rng(0).normal(size=(1, 31, 2)).astype(np.float32)}
WITH_MEL = ("decoded", "spoken")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder to which diagnostics write."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "diagnostics"


@pytest.fixture(scope="module")
def addons() -> tuple[Addon, Addon]:
    return open_addon(TINY / "tiny-acoustic"), open_addon(TINY / "tiny-vocoder")


def with_stack(addon: Addon, stack: list[dict[str, Any]]) -> Addon:
    return replace(addon, edit_stack=lambda _: stack)


def voice_with(addons: tuple[Addon, Addon], **blocks: dict[str, Any]) -> Voice:
    """Return the tiny voice with `blocks` inserted at PLACES."""

    def at(*items: str | dict[str, Any]) -> list[dict[str, Any]]:
        named = [blocks.get(item) if isinstance(item, str) else item for item in items]
        return [deepcopy(block) for block in named if block is not None]

    container = {"type": "SequenceBlockContainer", "blocks": at("sequence", {"type": "Encoders"}, "encoded")}
    inner = at("first", {"type": "Upsampler"}, "upsampled", {"type": "Decoder"}, "decoded")
    streamable = {"type": "StreamableStack", "stack": inner}
    pipeline = {"type": "StreamablePipeline", "sequence_block": container, "streamable_block": streamable}
    acoustic, vocoder = addons
    acoustic = with_stack(acoustic, at("pipeline", pipeline, "spoken"))
    return Voice(acoustic, with_stack(vocoder, at({"type": "Vocoder"}, "vocoded")), TextFrontEnd())


def audio(voice: Voice, seed: int = 0) -> bytes:
    return b"".join(chunk.samples.tobytes() for chunk in voice.stream([HELLO, HELLO], seed=seed))


@pytest.fixture(scope="module")
def plain(addons: tuple[Addon, Addon]) -> bytes:
    return audio(voice_with(addons))


@pytest.mark.parametrize("kind", DIAGNOSTICS)
def test_a_diagnostic_stands_anywhere_and_changes_nothing(
    kind: str, addons: tuple[Addon, Addon], plain: bytes, folder: Path
) -> None:
    voice = voice_with(addons, **{place: {"type": kind, "name": place} for place in PLACES})
    assert audio(voice) == plain
    assert {path.stem for path in folder.iterdir()} == {f"{place}-000{number}" for place in PLACES for number in (1, 2)}
    assert voice.stack.lookahead_samples == voice_with(addons).stack.lookahead_samples


def test_all_diagnostics_stand_behind_one_another(addons: tuple[Addon, Addon], plain: bytes, folder: Path) -> None:
    kinds = [*DIAGNOSTICS, "MelPicture", *DIAGNOSTICS]
    chain = {"type": "StreamableStack", "stack": [{"type": kind} for kind in kinds]}
    assert audio(voice_with(addons, decoded=chain, spoken=chain)) == plain
    assert len(list(folder.iterdir())) == 2 * 2 * len(kinds)


@pytest.mark.parametrize("place", WITH_MEL)
def test_a_picture_of_the_mel(place: str, addons: tuple[Addon, Addon], plain: bytes, folder: Path) -> None:
    dump, picture = {"type": "TensorDump", "name": "mel"}, {"type": "MelPicture", "name": "mel"}
    both = {"type": "StreamableStack", "stack": [dump, picture]}
    assert audio(voice_with(addons, **{place: both})) == plain
    mel = np.load(folder / "mel-0001.npz")["mel"][0]
    with Image.open(folder / "mel-0001.png") as image:
        pixels = np.asarray(image)
    assert pixels.shape == (3 * mel.shape[1], 3 * mel.shape[0])
    assert pixels.min() == 0
    assert pixels.max() == 255
    step, band = np.unravel_index(mel.argmax(), mel.shape)
    assert pixels[3 * (mel.shape[1] - 1 - band) + 1, 3 * step + 1] == 255


def test_a_picture_of_another_port(addons: tuple[Addon, Addon], plain: bytes, folder: Path) -> None:
    text = {"type": "MelPicture", "port": "text", "name": "text"}
    assert audio(voice_with(addons, encoded=text)) == plain
    with Image.open(folder / "text-0002.png") as image:
        assert image.size[0] == 3 * len(HELLO.tokens)
    with pytest.raises(StackError, match=r"stack\[0\]: no port 'mel' passes here"):
        voice_with(addons, upsampled={"type": "StreamableStack", "stack": [{"type": "MelPicture"}]})


def test_a_picture_needs_pillow(addons: tuple[Addon, Addon], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(StackError, match="needs the package 'pillow'") as caught:
        voice_with(addons, spoken={"type": "MelPicture"})
    assert caught.value.hint == "pip install pillow"


@pytest.mark.parametrize("kind", [*DIAGNOSTICS, "MelPicture"])
@pytest.mark.parametrize("is_nested", [False, True])
def test_the_own_stack_of_an_addon_writes_nothing_unasked(
    kind: str, is_nested: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(shutil.copytree(TINY / "tiny-acoustic", folder.parent / "tiny-acoustic"))
    description = json.loads((own / "addon.json").read_text())
    where = description["stack"][0]["streamable_block"]["stack"] if is_nested else description["stack"]
    where.append({"type": kind, "name": "d"})
    (own / "addon.json").write_text(json.dumps(description))
    place = r"\$\.stack\[0\]\.streamable_block\.stack\[2\]" if is_nested else r"\$\.stack\[1\]"
    with pytest.raises(StackError, match=rf"tiny-acoustic: {place}: the addon's own stack has the diagnostic {kind}") as caught:
        open_addon(own)
    assert "TTS_DIAGNOSTICS" in (caught.value.hint or "")
    with pytest.raises(StackError, match="would write files unasked"):
        open_addon(own, edit_stack=lambda stack: stack)
    assert open_addon(own, stack=own / "addon.json").check_stack()
    monkeypatch.setenv("TTS_DIAGNOSTICS", "asked")
    audio(load(own, TINY / "tiny-vocoder"))
    assert len(list((folder.parent / "asked").iterdir())) == 2
    assert not folder.exists()


def test_a_stack_file_does_not_speak_for_the_addons_inside_it(folder: Path) -> None:
    own = Path(shutil.copytree(TINY / "tiny-vocoder", folder.parent / "tiny-vocoder"))
    description = json.loads((own / "addon.json").read_text())
    description["stack"].append({"type": "TensorDump"})
    (own / "addon.json").write_text(json.dumps(description))
    shutil.copytree(TINY / "tiny-acoustic", folder.parent / "tiny-acoustic")
    stack = json.loads((TINY / "tiny-acoustic/addon.json").read_text())["stack"]
    (folder.parent / "mine.json").write_text(json.dumps({"stack": [*stack, {"type": "Addon", "name": "tiny-vocoder"}]}))
    with pytest.raises(StackError, match=r"tiny-vocoder: .* has the diagnostic TensorDump"):
        load(folder.parent / "tiny-acoustic", stack=folder.parent / "mine.json")


def built(diagnostic: type[Diagnostic], *before: StreamableBlock, **settings: Any) -> StreamableStack:
    block = diagnostic(options("toy: $.stack[1]", **settings), ToyAddon())
    stack = StreamableStack(options(stack=[*(before or (Frames(X),)), block]), ToyAddon())
    stack.connect(request_wiring(), Wiring({}))
    return stack


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_dump_holds_what_passed(size: int, folder: Path) -> None:
    read_all(built(TensorDump).open({}, None), [size])
    np.testing.assert_array_equal(np.load(folder / "toy-stack-1-0001.npz")["x"], X["x"])


def test_any_name_of_a_port_can_be_dumped(folder: Path) -> None:
    frames = dict.fromkeys(("file", "args", "a b", "ä"), X["x"])
    read_all(built(TensorDump, Frames(frames), name="odd").open({}, None), [9])
    assert set(np.load(folder / "odd-0001.npz")) == set(frames)


def test_a_block_may_use_its_memory_again(folder: Path) -> None:
    class Reusing(Stream):
        def _produce(self, n: int) -> Tensors | None:
            chunk = self._read_upstream(min(n, 4))
            if chunk is None or chunk["x"].shape[1] < 4:
                return None
            memory[:] = chunk["x"]
            return {"x": memory}

    memory: Array = np.zeros((1, 4, 2), np.float32)
    read_all(built(TensorDump, Frames(X), Through(Reusing, 2), name="d").open({}, None), [4])
    np.testing.assert_array_equal(np.load(folder / "d-0001.npz")["x"], X["x"][:, :28])


def test_a_consumer_that_stops_early_leaves_a_whole_file(folder: Path) -> None:
    stream = built(TensorDump, name="d").open({}, None)
    assert stream.read(5) is not None
    assert not folder.exists()
    stream.close()
    stream.close()
    assert [path.name for path in folder.iterdir()] == ["d-0001.npz"]
    np.testing.assert_array_equal(np.load(folder / "d-0001.npz")["x"], X["x"][:, :5])


@pytest.mark.parametrize("kind", [TensorStatistics, TensorDump, Timing])
def test_nothing_read_still_leaves_a_file_that_opens(kind: type[Diagnostic], folder: Path) -> None:
    built(kind, name="d").open({}, None).close()
    (path,) = folder.iterdir()
    assert len(np.load(path)) == 0 if kind is TensorDump else json.loads(path.read_text())["place"] == "toy: $.stack[1]"


def test_statistics(folder: Path) -> None:
    read_all(built(TensorStatistics, name="s").open({}, None), [4])
    found = json.loads((folder / "s-0001.json").read_text())["ports"]["x"]
    assert (found["steps"], found["channels"], found["type"], found["not_finite"]) == (31, 2, "float32", 0)
    expected = (X["x"].min(), X["x"].max(), X["x"].mean(), X["x"].std())
    np.testing.assert_allclose([found[name] for name in ("minimum", "maximum", "mean", "deviation")], expected, rtol=1e-4)


def spoiled() -> dict[str, NDArray[np.float32]]:
    frames = X["x"].copy()
    frames[0, 11, 1], frames[0, 20] = np.nan, np.inf
    return {"x": frames}


def test_what_is_not_a_number_is_a_fault(folder: Path) -> None:
    stream = built(TensorStatistics, Frames(spoiled()), name="s").open({}, None)
    assert stream.read(11) is not None
    assert stream.faults == ()
    read_all(stream, [6])
    (fault,) = stream.faults
    assert fault.kind == "not-finite"
    assert fault.message == "toy: $.stack[1]: 'x' is nan at step 11, channel 1"
    found = json.loads((folder / "s-0001.json").read_text())["ports"]["x"]
    assert found["not_finite"] == 3
    assert np.isfinite(found["mean"])


def test_nothing_but_nan_has_no_mean(folder: Path) -> None:
    read_all(built(TensorStatistics, Frames({"x": np.full((1, 3, 1), np.nan, np.float32)}), name="s").open({}, None), [2])
    assert json.loads((folder / "s-0001.json").read_text())["ports"]["x"]["mean"] is None


def test_among_sequence_blocks_it_is_an_error_unless_the_request_prescribes_it() -> None:
    statistics = TensorStatistics(options("toy: $.blocks[0]"), ToyAddon())
    container = SequenceBlockContainer(options(blocks=[statistics]), ToyAddon())
    assert dict(container.connect(request_wiring())) == {}
    scope = dict(Request(np.array([1, 4]), given_energy=np.array([np.nan, 1], np.float32)))
    assert container.run(scope) == {}
    with pytest.raises(RefusedError, match=r"toy: \$\.blocks\[0\]: 'log_f0' is inf at step 0, channel 0"):
        container.run({**scope, "log_f0": np.full((1, 2, 1), np.inf, np.float32)})


def test_a_voice_refuses_what_is_not_a_number(addons: tuple[Addon, Addon], monkeypatch: pytest.MonkeyPatch) -> None:
    voice = voice_with(addons, spoken={"type": "TensorStatistics"})
    decoder = voice.acoustic.network("decoder", None, "").network
    run = type(decoder).run

    def spoilt(self: Any, tensors: Tensors) -> dict[str, Array]:
        outputs = run(self, tensors)
        if "mel" in outputs:
            outputs["mel"][0, 0, 0] = np.nan
        return outputs

    monkeypatch.setattr(type(decoder), "run", spoilt)
    with pytest.raises(RefusedError, match=r"\$\.stack\[1\]: 'mel' is nan at step 0, channel 0"):
        audio(voice)
    assert any(chunk.faults for chunk in voice.stream([HELLO], best_effort=True))


def test_timing_tells_block_by_block_and_chunk_by_chunk(addons: tuple[Addon, Addon], folder: Path) -> None:
    voice = voice_with(addons, vocoded={"type": "Timing", "name": "t"}, sequence={"type": "Timing", "name": "s"})
    num_chunks = len(list(voice.stream([HELLO])))
    timing, before = (json.loads((folder / f"{name}-0001.json").read_text()) for name in "ts")
    blocks = ["Upsampler", "Decoder", "Vocoder"]
    assert {chunk["block"] for chunk in timing["chunks"]} == set(blocks)
    assert {chunk["place"].split(":")[0] for chunk in timing["chunks"]} == {"tiny-acoustic", "tiny-vocoder"}
    given = [chunk for chunk in timing["chunks"] if chunk["block"] == "Vocoder" and chunk["steps"]]
    assert len(given) == num_chunks
    for chunk in timing["chunks"]:
        assert chunk["wall_ms"] >= 0
        assert chunk["start_ms"] >= timing["reached_ms"] > before["reached_ms"]
    assert before["chunks"] == []
    frames = {name: sum(chunk["steps"] for chunk in timing["chunks"] if chunk["block"] == name) for name in blocks}
    assert frames["Upsampler"] == frames["Decoder"] == frames["Vocoder"] / 200


def test_timing_leaves_the_checks_of_streams_in_place() -> None:
    class Silent(Stream):
        def _produce(self, n: int) -> Tensors | None:
            self._read_upstream(n)
            return None

    stack = StreamableStack(options(stack=[Frames(X), Through(Silent, 2), Timing(options("toy: t"), ToyAddon())]), ToyAddon())
    stack.connect(request_wiring(), Wiring({}))
    with pytest.raises(StackError, match="gave nothing, although it read a chunk"):
        stack.open({}, None).read(3)


def test_streams_at_once_write_files_of_their_own(addons: tuple[Addon, Addon], folder: Path) -> None:
    voice = voice_with(addons, vocoded={"type": "TensorDump", "name": "audio"}, decoded={"type": "Timing", "name": "t"})

    def speak(seed: int) -> bytes:
        return np.concatenate([chunk.samples for chunk in voice.stream([HELLO], seed=seed)]).tobytes()

    with ThreadPoolExecutor(8) as pool:
        spoken = list(pool.map(speak, range(24)))
    dumps = [np.load(path)["audio"].ravel().clip(-1, 1).tobytes() for path in folder.glob("audio-*.npz")]
    assert len(set(spoken)) == 24
    assert sorted(dumps) == sorted(spoken)
    assert len(list(folder.glob("t-*.json"))) == 24
    assert not list(folder.glob(".*"))


def test_two_voices_in_one_process_do_not_overwrite_each_other(addons: tuple[Addon, Addon], folder: Path) -> None:
    for _ in range(2):
        list(voice_with(addons, spoken={"type": "TensorDump"}).stream([HELLO]))
    assert sorted(path.name for path in folder.iterdir()) == [f"tiny-acoustic-stack-1-000{number}.npz" for number in (1, 2)]


def test_numbers_go_on_after_the_files_that_are_there(folder: Path) -> None:
    folder.mkdir()
    for name in ("d-0007.npz", "d-0031.json", "dd-0040.npz", "d-0009-0050.npz", "d-last.npz"):
        (folder / name).touch()
    for _ in range(2):
        read_all(built(TensorDump, name="d").open({}, None), [9])
    assert {path.name for path in folder.iterdir() if path.stat().st_size} == {"d-0008.npz", "d-0009.npz"}


def test_the_user_names_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_DIAGNOSTICS", "elsewhere/deep")
    read_all(built(TensorDump, name="d").open({}, None), [9])
    assert (folder.parent / "elsewhere/deep/d-0001.npz").is_file()
    assert not folder.exists()


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", ".hidden", ""])
def test_a_stack_cannot_name_a_place_to_write_to(name: str) -> None:
    with pytest.raises(StackError, match="name"):
        TensorDump(options(name=name), ToyAddon())


def test_what_cannot_be_written_is_told_and_all_is_closed(folder: Path) -> None:
    folder.write_text("a file")
    stream = built(TensorDump, name="d").open({}, None)
    assert stream.read(5) is not None
    frames = stream.upstream
    assert isinstance(frames, FramesStream)
    with pytest.raises(OutputError, match=r"d-0001\.npz: cannot be written"):
        stream.close()
    assert frames.read(1) is None
    stream.close()


def test_a_file_is_whole_or_absent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path, __: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        read_all(built(TensorDump, name="d").open({}, None), [9])
    assert list(folder.iterdir()) == []


def test_a_diagnostic_forwards_whatever_the_stream_before_gives() -> None:
    stream = built(TensorStatistics, Frames(X), Through(RunningMean, 2)).open(dict(Request(np.array([1, 4]))), None)
    assert "phones" in stream.values
    plain = StreamableStack(options(stack=[Frames(X), Through(RunningMean, 2)]), ToyAddon()).open({}, None)
    np.testing.assert_array_equal(read_all(stream, [3])["x"], read_all(plain, [3])["x"])


def test_a_trace_shows_diagnostics_too(addons: tuple[Addon, Addon], plain: bytes) -> None:
    voice, trace = voice_with(addons, encoded={"type": "TensorDump"}, spoken={"type": "Timing"}), Trace()
    assert audio(voice.variant(observer=trace.observer)) == plain
    names = {event["name"] for event in json.loads(trace.json())["traceEvents"]}
    assert {"TensorDump: run", "Timing: read", "Decoder: read"} <= names


@pytest.fixture
def tts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., tuple[int, str]]]:
    monkeypatch.setenv("TTS_ADDONS", str(TINY))

    def run(*arguments: str) -> tuple[int, str]:
        code = main(arguments)
        return code, capsys.readouterr().err

    yield run


def test_tts_synth_writes_a_trace(tts: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    said = ("synth", "Hello bee.", "--addon", "tiny-acoustic")
    assert tts(*said, "-o", "traced.wav", "--trace", "out.json")[0] == 0
    assert tts(*said, "-o", "plain.wav")[0] == 0
    assert (tmp_path / "traced.wav").read_bytes() == (tmp_path / "plain.wav").read_bytes()
    names = {event["name"] for event in json.loads((tmp_path / "out.json").read_text())["traceEvents"]}
    assert {"text front end", "Encoders: run", "Vocoder: read", "vocoder"} <= names


def test_a_trace_that_cannot_be_written_is_found_before_anything_is_spoken(
    tts: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    code, told = tts("synth", "Hello.", "--addon", "tiny-acoustic", "-o", "a.wav", "--trace", "nowhere/out.json")
    assert code == 2
    assert "nowhere/out.json: cannot be written" in told
    assert not (tmp_path / "a.wav").exists()
    assert tts("synth", "Hello.", "--addon", "tiny-acoustic", "--output-dir", "d", "--trace", "t.json")[0] == 2


def test_the_example_changes_nothing_but_what_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TTS_ADDONS", str(TINY))
    example = TINY.parents[1] / "recipes" / "stacks" / "looking-inside.json"
    stack = tmp_path / "looking-inside.json"
    stack.write_text(example.read_text(encoding="utf-8").replace("universal-16k", "tiny-vocoder"), encoding="utf-8")
    voice = load(TINY / "tiny-acoustic", stack=stack)
    assert audio(voice) == audio(load(TINY / "tiny-acoustic"))
    names = {"encoded-0001.json", "upsampled-0001.npz", "mel-0001.png", "timing-0001.json"}
    assert {path.name for path in folder.glob("*-0001*")} == names
