"""Third-party components: found by entry point, checked against their declared ports, named with their place in errors."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from toys import (
    Frames,
    RunningMean,
    Stingy,
    Through,
    ToyAddon,
    acoustic_networks,
    network,
    options,
    port,
    read_all,
)

from tts_cli.blocks import registry
from tts_cli.blocks.block import Block
from tts_cli.blocks.features import request_wiring
from tts_cli.blocks.pipeline import StreamablePipeline
from tts_cli.blocks.sequence import SequenceBlock
from tts_cli.blocks.streamable import Stream, StreamableBlock, StreamableStack
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import StackError
from tts_cli.ports import Array, Tensors
from tts_cli.voice.request import Request

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "recipes" / "components"
SCOPE = dict(Request(np.array([1, 4, 5, 3])))
ONES = np.ones((1, 4, 1), np.float32)
Spoil = Callable[[Tensors], Any]


def failing(_: Tensors) -> Any:
    raise KeyError("lost")


class Faulty(SequenceBlock):
    """Sequence block that declares the port `a` and returns the result of `give`."""

    outputs = (port("a", "token"),)

    def __init__(self, give: Spoil) -> None:
        super().__init__(options("toy: $.sequence_block"), ToyAddon())
        self._give = give

    def _run(self, scope: Tensors) -> Tensors:
        result: Tensors = self._give(scope)
        return result


class Spoiled(StreamableBlock):
    """Streamable block that declares the port `x`; its stream applies `change` to every chunk."""

    stream_inputs = outputs = (port("x"),)

    def __init__(self, change: Spoil) -> None:
        super().__init__(options("toy: $.stack[1]"), ToyAddon())
        self._change = change

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        return SpoiledStream(scope, upstream, self._change)


class SpoiledStream(Stream):
    def __init__(self, scope: Tensors, upstream: Stream | None, change: Spoil) -> None:
        super().__init__(scope, upstream)
        self._change = change

    def _produce(self, n: int) -> Tensors | None:
        chunk = self._read_upstream(n)
        result: Tensors | None = None if chunk is None else self._change(chunk)
        return result


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (failing, "Faulty raised KeyError: 'lost'"),
        (lambda _: None, r"Faulty declares 'a' \(token rate, 1 channel, float32\), but gave nothing"),
        (lambda _: {}, "but gave nothing"),
        (lambda _: {"b": ONES}, "but gave 'b'"),
        (lambda _: {"a": ONES.astype(np.float64)}, r"gave 'a' as \(1, 4, 1\) float64, but .* float32 belongs there"),
        (lambda _: {"a": np.ones((1, 4, 2), np.float32)}, r"gave 'a' as \(1, 4, 2\) float32"),
        (lambda _: {"a": np.ones(4, np.float32)}, r"gave 'a' as \(4,\) float32"),
        (lambda _: {"a": [1.0]}, "raised AttributeError"),
        (lambda _: {"a": ONES, "b": ONES}, "gave 'b', which it does not declare"),
        (lambda _: {"a": ONES[:, :3]}, "gave 3 steps of 'a', but there are 4 of 'phones'"),
        (lambda _: sys.exit(3), "Faulty raised SystemExit: 3"),
    ],
)
def test_a_sequence_block_is_held_to_its_ports(give: Spoil, message: str) -> None:
    frames = Frames({"x": np.ones((1, 3, 1), np.float32)})
    pipeline = StreamablePipeline(options(sequence_block=Faulty(give), streamable_block=frames), ToyAddon())
    pipeline.connect(request_wiring(), Wiring({}))
    with pytest.raises(StackError, match=rf"^toy: \$\.sequence_block: .*{message}"):
        pipeline.open(SCOPE, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (failing, "Spoiled raised KeyError: 'lost'"),
        (lambda _: sys.exit(3), "Spoiled raised SystemExit: 3"),
        (lambda _: None, "Spoiled gave nothing, although it read a chunk"),
        (lambda _: {}, r"Spoiled declares 'x' \(frame rate, 1 channel, float32\), but gave nothing"),
        (lambda chunk: {"y": chunk["x"]}, "but gave 'y'"),
        (lambda chunk: {"x": chunk["x"][:, :0]}, r"gave 'x' as \(1, 0, 1\)"),
        (lambda chunk: {"x": np.repeat(chunk["x"], 2, axis=1)}, r"gave 'x' as \(1, 8, 1\) float32, but \(1, 1 to 4, 1\)"),
        (lambda chunk: {"x": chunk["x"].astype(np.int64)}, "int64"),
        (lambda chunk: {**chunk, "y": chunk["x"][:, :1]}, "gave 'y', which it does not declare"),
    ],
)
def test_a_stream_is_held_to_the_ports_of_its_block(change: Spoil, message: str) -> None:
    frames = Frames({"x": np.ones((1, 9, 1), np.float32)})
    stack = StreamableStack(options(stack=[frames, Spoiled(change)]), ToyAddon())
    stack.connect(request_wiring(), Wiring({}))
    with pytest.raises(StackError, match=rf"^toy: \$\.stack\[1\]: .*{message}"):
        read_all(stack.open({}, None), [4])


def test_a_process_that_is_told_to_end_does_not_blame_a_block() -> None:
    frames = Frames({"x": np.ones((1, 9, 1), np.float32)})
    stack = StreamableStack(options(stack=[frames, Spoiled(lambda _: sys.exit(143))]), ToyAddon())
    with pytest.raises(SystemExit):
        stack.open({}, None).read(4)


def test_ports_of_one_rate_given_by_one_block_are_equally_long() -> None:
    block = Faulty(lambda _: {"a": ONES, "b": ONES[:, 1:]})
    block.outputs = (port("a", "word"), port("b", "word"))
    block.connect(request_wiring())
    with pytest.raises(StackError, match="gave 3 steps of 'b', but there are 4 of 'a'"):
        block.run(SCOPE)


class Impatient(Stream):
    """Stream that ends after its first chunk. With `closes`, it closes the stream before it."""

    closes = False

    def _produce(self, n: int) -> Tensors | None:
        if not self.has_given:
            return self._read_upstream(n)
        if self.closes and self.upstream:
            self.upstream.close()
        return None


class Frank(Impatient):
    closes = True


class Mute(Stream):
    """Stream that ends at once, without reading."""

    def _produce(self, n: int) -> Tensors | None:  # noqa: ARG002
        return None


@pytest.mark.parametrize(
    ("kind", "num_steps", "told"),
    [(Impatient, 4, 1), (Impatient, 13, 1), (Frank, 4, 0), (Mute, 4, 1), (Stingy, 4, 0), (RunningMean, 5, 0)],
)
def test_a_stream_that_ends_before_the_one_it_reads_is_a_fault(kind: type[Stream], num_steps: int, told: int) -> None:
    source = Frames({"x": np.ones((1, 12, 1), np.float32)})
    stack = StreamableStack(options(stack=[source, Through(kind)]), ToyAddon())
    stack.connect(request_wiring(), Wiring({}))
    stream = stack.open({}, None)
    while stream.read(num_steps):
        pass
    assert [fault.kind for fault in stream.faults] == ["truncation"] * told
    assert all(fault.message.startswith(f"toy: {kind.__name__}: ") for fault in stream.faults)
    num_reads = len(stream.upstream.reads)  # type: ignore[union-attr]
    assert stream.read(num_steps) is None
    assert (len(stream.faults), len(stream.upstream.reads)) == (told, num_reads + (not told and kind is not Frank))  # type: ignore[union-attr]


def test_a_stream_that_its_reader_closes_has_no_fault() -> None:
    stack = StreamableStack(options(stack=[Frames({"x": np.ones((1, 12, 1), np.float32)}), Through(Stingy)]), ToyAddon())
    stack.connect(request_wiring(), Wiring({}))
    stream = stack.open({}, None)
    stream.read(3)
    stream.close()
    assert (stream.read(3), stream.faults) == (None, ())


class Unconnected(StreamableBlock):
    """Faulty block: `_connect` and `_open` return None."""

    def _connect(self, *_: Any) -> Any:
        return None

    def _open(self, *_: Any) -> Any:
        return None


class Bare(SequenceBlock):
    """Faulty block: `__init__` does not call that of its base class."""

    def __init__(self, *_: Any) -> None:
        pass

    def _run(self, _scope: Tensors, /) -> Tensors:
        return {}


def test_who_forgets_what_a_block_owes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    block = Unconnected(options("toy: $.stack[1]"), ToyAddon())
    with pytest.raises(
        StackError, match=r"^toy: \$\.stack\[1\]: connect of Unconnected gave NoneType, but a Wiring belongs there"
    ):
        block.connect(request_wiring(), Wiring({}))
    with pytest.raises(StackError, match=r"^toy: \$\.stack\[1\]: open of Unconnected gave NoneType, but a Stream belongs there"):
        block.open({}, None)
    offer(monkeypatch, entry_point("Bare", "test_components:Bare", "a"))
    with pytest.raises(StackError, match=r"^\$: __init__ of Bare does not call super\(\)\.__init__"):
        SequenceBlock.build({"type": "Bare"}, "$", ToyAddon())


class Exploding(StreamableBlock):
    """Faulty block: `__init__` raises an exception."""

    def __init__(self, *_: Any) -> None:
        raise RuntimeError("no such luck")

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        raise NotImplementedError


def offer(monkeypatch: pytest.MonkeyPatch, *entries: EntryPoint) -> None:
    by_name = {entry.name: tuple(other for other in entries if other.name == entry.name) for entry in entries}
    monkeypatch.setattr(registry, "offered", lambda: by_name)


def entry_point(name: str, value: str, package: str) -> EntryPoint:
    class Package:
        pass

    entry = EntryPoint(name, value, registry.GROUP)
    found = Package()
    found.name = package  # type: ignore[attr-defined]
    vars(entry).update(dist=found)
    return entry


@pytest.mark.parametrize(
    ("entries", "name", "message"),
    [
        ([("Echo", "toys:Frames", "a"), ("Echo", "toys:Sum", "b")], "Echo", "more than once, by package 'a' and by package 'b'"),
        ([("Decoder", "toys:Frames", "a")], "Decoder", "offered more than once, by tts itself and by package 'a'"),
        ([("Echo", "absent_module:Echo", "a")], "Echo", "by package 'a' cannot be loaded: ModuleNotFoundError"),
        ([("Echo", "toys:Nothing", "a")], "Echo", "by package 'a' cannot be loaded: AttributeError"),
        ([("Echo", "toys:options", "a")], "Echo", "by package 'a' is registered as something that is not a class"),
        ([("Echo", "toys:ToyAddon", "a")], "Echo", "Echo is not a StreamableBlock"),
        ([("Echo", "test_components:Exploding", "a")], "Echo", "Echo raised RuntimeError: no such luck"),
    ],
)
def test_packages_that_offer_what_cannot_be_used(
    entries: list[tuple[str, str, str]], name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, *(entry_point(*entry) for entry in entries))
    with pytest.raises(StackError, match=rf"^\$: .*{message}"):
        StreamableBlock.build({"type": name}, "$", ToyAddon(acoustic_networks()))


def test_a_clash_harms_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, entry_point("Decoder", "toys:Frames", "a"))
    assert isinstance(Block.build({"type": "Upsampler"}, "$", ToyAddon()), Block)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder into which pip has installed the example package."""
    folder = tmp_path_factory.mktemp("components")
    source = shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", str(folder / "installed"), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return folder / "installed"


def tts(folder: Path, path: list[Path], *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `tts` in a process that finds packages in `path`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "TTS_ADDONS": str(ROOT / "tests" / "addons")}
    code = "import sys; from tts_cli.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_package_that_pip_installed_is_used_in_a_stack(installed: Path, tmp_path: Path) -> None:
    stack = json.loads((EXAMPLE / "stack.json").read_text().replace("universal-16k", "tiny-vocoder"))
    (tmp_path / "theirs.json").write_text(json.dumps(stack))
    (tmp_path / "plain.json").write_text(json.dumps({"stack": [{"type": "Addon", "name": "tiny-acoustic"}, stack["stack"][1]]}))
    audio: dict[str, Array] = {}
    for name in ("theirs", "plain"):
        options = ("--addon", "tiny-acoustic", "--stack", f"{name}.json", "-o", f"{name}.wav")
        done = tts(tmp_path, [installed, ROOT], "synth", "Hello there.", *options)
        assert done.returncode == 0, done.stderr
        audio[name] = soundfile.read(tmp_path / f"{name}.wav")[0]
    assert audio["theirs"].shape == audio["plain"].shape
    assert not np.allclose(audio["theirs"], audio["plain"], atol=1e-3)
    without = tts(tmp_path, [ROOT], "stack", "check", "theirs.json")
    place = "theirs.json: $.stack[0].streamable_block.sequence_block"
    assert (without.returncode, f"{place}: unknown block type 'Declination'" in without.stderr) == (2, True), without.stderr


def test_what_it_installs_is_checked_without_an_addon(installed: Path, tmp_path: Path) -> None:
    stack = json.loads((EXAMPLE / "stack.json").read_text())
    stack["stack"][2]["hertzz"] = 3
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    done = tts(tmp_path, [installed, ROOT], "stack", "check", "stack.json")
    assert done.returncode == 2
    assert done.stderr.startswith("error: stack.json: $.stack[2]: unknown key 'hertzz'"), done.stderr


def test_its_stream_does_not_depend_on_where_chunks_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    tremolo = importlib.import_module("tts_example_components").Tremolo(options(hertz=50.0), ToyAddon())
    audio = Frames({"audio": np.ones((1, 900, 1), np.float32)})
    stack = StreamableStack(options(stack=[audio, tremolo]), ToyAddon())
    whole, pieces = (read_all(stack.open({}, None), sizes)["audio"] for sizes in ([900], [1, 7, 300, 64]))
    np.testing.assert_array_equal(whole, pieces)
    assert (round(float(whole.min()), 3), round(float(whole.max()), 3)) == (0.5, 1.0)


@pytest.mark.parametrize(("name", "channels"), [("harmonic", 2 * 2 * 201), ("harmonic_filter", 3)])
def test_a_vocoder_of_other_outputs_is_refused_before_it_speaks(name: str, channels: int) -> None:
    given = [port("log_f0"), port(name, channels=channels), port("noise_filter", channels=2 * 201)]
    addon = ToyAddon([network("mine", "vocoder", [port("mel", channels=8)], given)])
    message = r"^\$: network 'mine' does not give 'harmonic_filter' \(frame rate, 804 channels, float32\)"
    with pytest.raises(StackError, match=message):
        StreamableBlock.build({"type": "Vocoder"}, "$", addon)
