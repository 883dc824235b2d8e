"""Contexts: the same voices with free shapes and with every size fixed, by name and by file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tts_cli.addon import opened as addon_room
from tts_cli.addon.config import read_addon_config
from tts_cli.addon.library import SHIPPED
from tts_cli.addon.opened import open_addon
from tts_cli.backends import is_installed, open_network
from tts_cli.blocks.fixed_sizes import FixedSizeNetwork
from tts_cli.errors import AddonError, ConfigError, InputError, OutputError, RefusedError
from tts_cli.ports import NetworkSettings
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import Voice, load

TINY = Path(__file__).parents[1] / "addons"
FIXED = [f"fixed-{name}" for name in ("onnxruntime", "openvino") if is_installed(name)]
VOICES = ("tiny-acoustic", "tiny-attention")
TEXTS = (
    "No.",
    "The harbour was quiet when the first boats came in.",
    "A man in a grey coat counted the baskets wrote the number in a small book and nodded to the crew because nobody had spoken "
    "of the storm although everyone who stood along the wall had heard it in the night when the last of the ropes broke.",
)


def spoken(voice: Voice, text: str) -> tuple[NDArray[np.float32], list[Sentence]]:
    chunks = list(voice.stream(text))
    return np.concatenate([chunk.samples for chunk in chunks]), [chunk.sentence for chunk in chunks if chunk.sentence]


@pytest.mark.parametrize("context", FIXED)
@pytest.mark.parametrize("name", VOICES)
def test_fixed_sizes_give_the_speech_of_free_shapes(name: str, context: str) -> None:
    free, fixed = load(TINY / name), load(TINY / name, context=context)
    for text in TEXTS:
        (expected, said), (audio, said_fixed) = spoken(free, text), spoken(fixed, text)
        # The phase of the vocoder adds up every last digit of F0.
        np.testing.assert_allclose(audio, expected, atol=1e-2)
        assert [sentence.durations for sentence in said_fixed] == [sentence.durations for sentence in said]


@pytest.mark.parametrize("context", FIXED)
def test_every_size_is_compiled_once_at_open_and_never_again(context: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: Counter[tuple[str, tuple[tuple[str, int], ...]]] = Counter()

    def counting(graph: Path, spec: Any, settings: Any, sizes: Mapping[str, int], cache: Path | None) -> Any:
        compiled[graph.stem, tuple(sizes.items())] += 1
        return open_network(graph, spec, settings, sizes, cache)

    monkeypatch.setattr(addon_room, "open_network", counting)
    monkeypatch.setattr(addon_room, "_SHARED", {})
    voice = load(TINY / "tiny-acoustic", context=context)
    at_open = dict(compiled)
    sizes = {(name, rate, size) for name, ((rate, size),) in at_open}
    assert {(name, rate) for name, rate, _ in sizes} == {
        ("text_encoder", "token"),
        ("prosody_encoder", "token"),
        ("decoder", "frame"),
        ("vocoder", "frame"),
    }
    assert set(at_open.values()) == {1}
    for text in TEXTS:
        spoken(voice, text)
    assert compiled == at_open


@pytest.mark.parametrize("context", FIXED)
def test_compiled_networks_are_kept_and_found_again(context: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "compiled"
    expected, _ = spoken(load(TINY / "tiny-acoustic", context=context, cache=cache), TEXTS[1])
    kept = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert len(kept) >= 8
    monkeypatch.setattr(addon_room, "_SHARED", {})
    audio, _ = spoken(load(TINY / "tiny-acoustic", context=context, cache=cache), TEXTS[1])
    np.testing.assert_array_equal(audio, expected)
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == kept


def test_a_damaged_compilation_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = spoken(load(TINY / "tiny-acoustic", cache=tmp_path), TEXTS[0])
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    monkeypatch.setattr(addon_room, "_SHARED", {})
    audio, _ = spoken(load(TINY / "tiny-acoustic", cache=tmp_path), TEXTS[0])
    np.testing.assert_array_equal(audio, expected)
    assert all(path.stat().st_size for path in tmp_path.iterdir())


def written(path: Path, **context: Any) -> Path:
    path.write_text(json.dumps(context))
    return path


def test_a_file_speaks_of_the_networks_of_voice_and_vocoder(tmp_path: Path) -> None:
    networks = {"decoder": {"sizes": {"frame": [30]}}, "vocoder": {"threads": 2}}
    path = written(tmp_path / "mine.json", networks=networks, max_tokens=60, chunks={"first": 7})
    voice = load(TINY / "tiny-acoustic", context=path)
    assert voice.acoustic.context.networks["decoder"].sizes == {"frame": (30,)}
    assert voice.vocoder and voice.vocoder.context.networks["vocoder"].threads == 2
    _, sentences = spoken(voice, TEXTS[2])
    assert len(sentences) > 1
    assert all(len(sentence.tokens) <= 60 for sentence in sentences)
    np.testing.assert_allclose(spoken(voice, TEXTS[1])[0], spoken(load(TINY / "tiny-acoustic"), TEXTS[1])[0], atol=1e-4)


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"networks": {"decodr": {}}}, r"mine\.json: 'networks\.decodr': the voice has no such network"),
        (
            {"networks": {"decoder": {"provider": "inferentia"}}},
            "network 'decoder': .* no provider 'inferentia' here; it has: .*cpu",
        ),
        ({"networks": {"decoder": {"backend": "tensorrt"}}}, "network 'decoder': unknown backend 'tensorrt'; known: onnxruntime"),
        ({"networks": {"decoder": {"sizes": {"frame": []}}}}, r"mine\.json: 'networks\.decoder\.sizes\.frame'"),
        ({"networks": {"decoder": {"sizes": {"frames": [9]}}}}, "'frames' is no rate; valid: token, word, frame"),
        ({"networks": {"decoder": {"precision": "f16"}}}, "onnxruntime computes in f32, not in f16"),
        ({"networks": {"decoder": {"size": 3}}}, r"mine\.json: unknown key 'networks\.decoder\.size'"),
        ({"networks": {"decoder": {"sizes": {"frame": [3]}}}}, "a size of at least 7 is needed"),
        ({"networks": {"text_encoder": {"sizes": {"frame": [3]}}}}, "sizes are given for frame, but its inputs"),
        ({"max_tokens": 3}, r"mine\.json: 'max_tokens'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_at_once(tmp_path: Path, context: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(TINY / "tiny-acoustic", context=written(tmp_path / "mine.json", **context))


def test_a_file_with_a_key_twice_or_nothing_in_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    for text, message in (('{"max_tokens": 9, "max_tokens": 8}', "given twice"), ("", "is empty"), ("{", "line 1, column 2")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=rf"mine\.json: .*{message}"):
            load(TINY / "tiny-acoustic", context=path)


def test_a_folder_for_compilations_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: cannot be used for compiled networks"):
        load(TINY / "tiny-acoustic", cache=tmp_path / "file")


@pytest.mark.parametrize("backend", [name for name in ("onnxruntime", "openvino") if is_installed(name)])
def test_a_tensor_of_another_size_is_refused(backend: str) -> None:
    folder = TINY / "tiny-vocoder"
    spec = read_addon_config(folder).networks["vocoder"]
    network = open_network(folder / "networks" / "vocoder.onnx", spec, NetworkSettings(backend=backend), {"frame": 32})
    for num_frames in (31, 33):
        inputs = {port.name: np.zeros((1, num_frames, port.channels), np.float32) for port in spec.inputs}
        with pytest.raises(AddonError, match=r"vocoder\.onnx: "):
            network.run(inputs)


@pytest.mark.parametrize("context", FIXED)
def test_garbage_in_the_padding_of_the_shipped_encoders_changes_nothing(context: str) -> None:
    addon = open_addon(SHIPPED / "arctic-16k", context)
    tokens = np.random.default_rng(0).integers(1, len(addon.symbols), (1, 41, 1))
    scope = {"phones": tokens, "token_mask": np.ones((1, 41, 1), np.float32), "speaker": np.zeros((1, 1, 1), np.int64)}
    scope["prosody_noise"] = np.random.default_rng(1).standard_normal((1, 41, 4)).astype(np.float32)
    for encoder in addon.networks("encoder"):
        expected = encoder.run(scope)
        fixed = FixedSizeNetwork(encoder.name, encoder.spec, encoder.network.rates, encoder.network.networks)  # type: ignore[attr-defined]
        fixed.padding = lambda port, n: np.full((1, n, port.channels), port.name != "token_mask", port.type)
        for name, array in fixed.run(scope).items():
            np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize("context", FIXED)
def test_the_shipped_voice_speaks_alike_with_fixed_sizes(context: str) -> None:
    free, fixed = load(SHIPPED / "arctic-16k"), load(SHIPPED / "arctic-16k", context=context)
    for text in TEXTS[:2]:
        (expected, said), (audio, said_fixed) = spoken(free, text), spoken(fixed, text)
        np.testing.assert_allclose(audio, expected, atol=1e-3)
        assert [sentence.durations for sentence in said_fixed] == [sentence.durations for sentence in said]


def test_unknown_contexts_list_what_there_is() -> None:
    with pytest.raises(AddonError, match="has no context 'fixed-npu'") as error:
        load(TINY / "tiny-acoustic", context="fixed-npu")
    assert "fixed-" in str(error.value.hint)
    with pytest.raises(ConfigError, match=r"nowhere\.json: no such file"):
        load(TINY / "tiny-acoustic", context="nowhere.json")


def test_a_size_too_small_for_a_word(tmp_path: Path) -> None:
    """Splittable networks need more than their margins; a network that cannot be split must hold the longest sentence."""
    small = written(tmp_path / "small.json", networks={"text_encoder": {"sizes": {"token": [2]}}})
    with pytest.raises(InputError, match="takes at most 2 tokens at once, too few for pieces with its margins of 2"):
        spoken(load(TINY / "tiny-acoustic", context=small), "Extraordinarily.")
    small = written(tmp_path / "small.json", networks={"step": {"sizes": {"token": [10]}}})
    with pytest.raises(ConfigError, match="'step' takes at most 10 tokens and cannot be split, but max_tokens is 200") as error:
        load(TINY / "tiny-attention", context=small)
    assert error.value.hint == '"max_tokens": 10'


def test_a_word_longer_than_max_tokens_is_said_in_pieces(tmp_path: Path) -> None:
    small = written(tmp_path / "small.json", networks={"step": {"sizes": {"token": [8]}}}, max_tokens=8)
    _, sentences = spoken(load(TINY / "tiny-attention", context=small), "Extraordinarily.")
    assert len(sentences) == 3


@pytest.mark.parametrize("schedule", [{"first": 1, "growth": 1.0}, {"first": 3, "growth": 2.0, "maximum": 50}, {"first": 9999}])
def test_attention_streams_the_same_in_any_chunks(tmp_path: Path, schedule: dict[str, float]) -> None:
    chunks = {"maximum": 9999, **schedule}
    voice = load(TINY / "tiny-attention", context=written(tmp_path / "chunks.json", chunks=chunks))
    np.testing.assert_allclose(spoken(voice, TEXTS[1])[0], spoken(load(TINY / "tiny-attention"), TEXTS[1])[0], atol=1e-5)


def test_faulty_speech_is_refused_unless_best_effort_is_asked_for() -> None:
    sentence = Sentence(text="hesitant", tokens=("^", "HH", "."))
    voice = load(TINY / "tiny-attention")
    voice.acoustic.config.stack[0]["streamable_block"]["stuck_steps"] = 1
    strict = Voice(voice.acoustic, voice.vocoder, voice.front_end)
    with pytest.raises(RefusedError, match="rests on") as error:
        list(strict.stream([sentence]))
    assert error.value.exit_code == 1
    assert "--best-effort" in str(error.value.hint)
    chunks = list(strict.stream([sentence], best_effort=True))
    assert {fault.kind for chunk in chunks for fault in chunk.faults} == {"repeat"}


def test_attention_has_no_control_of_durations() -> None:
    from tts_cli.voice.request import Controls

    with pytest.raises(InputError, match="'tiny-attention' has no control 'length_scale'"):
        load(TINY / "tiny-attention").stream("No.", controls=Controls(length_scale=2.0))
