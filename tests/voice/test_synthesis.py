"""Voices: text to chunks of audio, with the tiny addons."""

from __future__ import annotations

import gc
import json
import re
import shutil
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import tts_cli
from tts_cli.addon.config import ChunkSchedule
from tts_cli.addon.opened import open_addon
from tts_cli.audio.mel import MelConfig
from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.effects import Effect
from tts_cli.blocks.observe import Observer, observe
from tts_cli.blocks.processor import Processor
from tts_cli.blocks.streamable import Stream, StreamableStack
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import AddonError, ConfigError, InputError, RefusedError, TextError
from tts_cli.ports import Tensors
from tts_cli.text import Utterance
from tts_cli.voice.request import Controls
from tts_cli.voice.sentence import Prosody, Sentence, prosody_json, read_prosody
from tts_cli.voice.synthesis import AudioChunk, Voice, load

TINY = Path(__file__).parents[1] / "addons"
TOKENS = ("^", "HH", "AH0", "L", "OW1", " ", "B", "IY1", ".")
HELLO = Sentence(text="Hello, bee.", tokens=TOKENS, words=("hello", "bee"), word_of_token=(-1, 0, 0, 0, 0, -1, 1, 1, -1))


def spelled(text: str) -> Utterance:
    """An utterance that says HELLO for every word."""
    words = tuple(text.split())
    tokens = [token for _ in words for token in ("HH", "AH0", "L", "OW1", " ")][:-1]
    places = [index for index, _ in enumerate(words) for _ in range(5)][:-1]
    return Utterance(text, text, ("^", *tokens, "."), words, (-1, *places, -1))


class FrontEnd:
    """Splits at full stops and remembers how far it was asked."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def sentences(self, text: str, max_tokens: int) -> Iterator[Utterance]:
        for sentence in re.findall(r"[^.]+\.?", text)[:max_tokens]:
            self.given.append(sentence)
            yield spelled(sentence.strip())


def make_voice(acoustic: Path | str = TINY / "tiny-acoustic") -> Voice:
    return Voice(open_addon(acoustic), open_addon(TINY / "tiny-vocoder"), FrontEnd())


@pytest.fixture(scope="module")
def voice() -> Voice:
    return make_voice()


def joined(chunks: Iterator[AudioChunk]) -> NDArray[np.float32]:
    return np.concatenate([chunk.samples for chunk in chunks])


def scheduled(voice: Voice, **schedule: Any) -> Voice:
    """Return a variant of a voice with another chunk schedule."""
    return voice.variant(schedule=ChunkSchedule(**schedule))


def test_a_voice_is_loaded_and_speaks() -> None:
    voice = load(TINY / "tiny-acoustic", threads=1)
    assert voice.vocoder and voice.vocoder.name == "tiny-vocoder"
    chunks = list(voice.stream("Hello, bee. How do you do?", "high"))
    spoken = [chunk.sentence for chunk in chunks if chunk.sentence]
    assert [sentence.text for sentence in spoken] == ["Hello, bee.", "How do you do?"]
    assert spoken[0].words == ("Hello", "bee")
    assert joined(iter(chunks)).std() > 1e-3
    with pytest.raises(TextError):
        next(voice.stream("..."))


def test_what_cannot_be_loaded() -> None:
    with pytest.raises(AddonError, match="is of kind 'vocoder'"):
        load(TINY / "tiny-vocoder")
    with pytest.raises(AddonError, match=r"unknown addon 'nobody'; known: .*tiny-vocoder"):
        load(TINY / "tiny-acoustic", vocoder="nobody")


def test_chunks_are_mono_float32_audio(voice: Voice) -> None:
    chunks = list(scheduled(voice, first=16, growth=1.5).stream([HELLO]))
    assert len(chunks) > 1
    for chunk in chunks:
        assert chunk.samples.dtype == np.float32
        assert chunk.samples.ndim == 1
        assert np.abs(chunk.samples).max() <= 1
        assert chunk.sample_rate == voice.sample_rate == 16000
    assert [len(chunk.samples) for chunk in chunks[:2]] == [16 * 200, 24 * 200]
    assert joined(iter(chunks)).std() > 1e-3


@pytest.mark.parametrize("first", [*range(1, 12), 37, 1000])
def test_every_schedule_gives_the_same_audio(voice: Voice, first: int) -> None:
    one_shot = joined(scheduled(voice, first=10_000, maximum=10_000).stream([HELLO, HELLO]))
    chunked = joined(scheduled(voice, first=first, growth=1.0 + first % 3, maximum=40).stream([HELLO, HELLO]))
    np.testing.assert_allclose(chunked, one_shot, atol=1e-4)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 7000), min_size=1, max_size=30))
def test_any_number_of_samples_can_be_read(sizes: list[int]) -> None:
    scope = dict(tts_cli.Request(np.array([1, 40, 20, 45, 14]), given_durations=np.array([4, 9, 12, 7, 3], np.float32)))
    stack = make_voice().stack

    def read(schedule: Sequence[int]) -> NDArray[np.float32]:
        stream = stack.open(scope, None)
        chunks: list[NDArray[np.float32]] = []
        while (chunk := stream.read(schedule[min(len(chunks), len(schedule) - 1)])) is not None:
            chunks.append(chunk["audio"])
        return np.concatenate(chunks, axis=1)

    one_shot = read([10**6])
    assert one_shot.shape == (1, 35 * 200, 1)
    np.testing.assert_allclose(read(sizes), one_shot, atol=1e-4)


def test_the_first_chunk_of_a_sentence_tells_how_it_is_spoken(voice: Voice) -> None:
    chunks = list(voice.stream([HELLO, HELLO], sentence_silence_s=0.25))
    spoken = [chunk.sentence for chunk in chunks if chunk.sentence]
    assert len(spoken) == 2
    assert spoken[0].durations is not None
    assert spoken[0].f0_hz is not None
    assert len(spoken[0].durations) == len(spoken[0].f0_hz) == len(TOKENS)
    starts = [index for index, chunk in enumerate(chunks) if chunk.sentence]
    first, pause = chunks[: starts[1] - 1], chunks[starts[1] - 1]
    assert len(joined(iter(first))) == sum(frames or 0 for frames in spoken[0].durations) * 200
    assert len(pause.samples) == 4000
    assert not pause.samples.any()


def test_pauses_stand_only_between_sentences(voice: Voice) -> None:
    with_pauses = joined(voice.stream([HELLO] * 3, sentence_silence_s=0.5))
    without = joined(voice.stream([HELLO] * 3, sentence_silence_s=0))
    assert len(with_pauses) - len(without) == 2 * 8000
    np.testing.assert_array_equal(with_pauses[:1000], without[:1000])


def test_nothing_past_a_sentence_is_worked_on_before_it_has_been_spoken() -> None:
    voice = make_voice()
    assert isinstance(voice.front_end, FrontEnd)
    stream = voice.stream("One two. Three four. Five.")
    assert voice.front_end.given == []
    next(stream)
    assert voice.front_end.given == ["One two."]
    list(stream)
    assert len(voice.front_end.given) == 3


def test_closing_the_iterator_closes_the_stream(voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Stream] = []
    open_stack = voice.stack.open

    def remember(scope: Tensors, upstream: Stream | None) -> Stream:
        opened.append(open_stack(scope, upstream))
        return opened[-1]

    monkeypatch.setattr(voice.stack, "open", remember)
    chunks = voice.stream([HELLO])
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    assert opened[0].read(1) is None


def test_many_threads_stream_from_one_voice(voice: Voice) -> None:
    alone = {
        (speaker, seed): joined(voice.stream([HELLO] * 3, speaker, seed=seed)) for speaker in voice.speakers for seed in range(3)
    }
    together: dict[tuple[str, int], NDArray[np.float32]] = {}

    def speak(speaker: str, seed: int) -> None:
        together[speaker, seed] = joined(voice.stream([HELLO] * 3, speaker, seed=seed))

    threads = [threading.Thread(target=speak, args=key) for key in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for key, audio in alone.items():
        np.testing.assert_array_equal(together[key], audio)
    assert not np.array_equal(alone["low", 0], alone["high", 0])
    assert not np.array_equal(alone["low", 0], alone["low", 1])


def test_controls_move_the_outcome(voice: Voice) -> None:
    def outcome(controls: Controls) -> Sentence:
        sentence = next(voice.stream([HELLO], controls=controls)).sentence
        assert sentence
        return sentence

    plain, moved = outcome(Controls()), outcome(Controls(length_scale=2, pitch_shift_semitones=12, energy_scale=2))
    assert plain.durations and moved.durations and plain.f0_hz and moved.f0_hz and plain.energy and moved.energy
    assert sum(d or 0 for d in moved.durations) == pytest.approx(2 * sum(d or 0 for d in plain.durations), abs=len(TOKENS))
    np.testing.assert_allclose(np.array(moved.f0_hz, float), 2 * np.array(plain.f0_hz, float), rtol=1e-5)
    np.testing.assert_allclose(np.array(moved.energy, float), np.array(plain.energy, float) + np.log(2), rtol=1e-5)


def test_saved_prosody_is_rendered_again(voice: Voice, tmp_path: Path) -> None:
    chunks = list(voice.stream([HELLO], controls=Controls(length_scale=1.3, pitch_range=1.5)))
    file = tmp_path / "p.json"
    file.write_text(prosody_json([chunk.sentence for chunk in chunks if chunk.sentence], voice.frames_per_second))
    again = joined(voice.stream(read_prosody(file, voice.frames_per_second)))
    np.testing.assert_allclose(again, joined(iter(chunks)), atol=1e-4)


def test_edited_prosody_is_obeyed_token_by_token(voice: Voice, tmp_path: Path) -> None:
    edited = {"tokens": TOKENS, "durations": [5, 6, None, *[4] * 6], "f0_hz": [None, 300.0, *[None] * 7]}
    file = tmp_path / "p.json"
    file.write_text(json.dumps({"frames_per_second": 80, "sentences": [edited]}))
    spoken = next(voice.stream(read_prosody(file, 80.0))).sentence
    assert spoken and spoken.durations and spoken.f0_hz
    assert spoken.durations[:2] == (5, 6)
    assert spoken.durations[2] not in (0, None)
    assert spoken.f0_hz[1] == pytest.approx(300.0, rel=1e-5)
    assert spoken.f0_hz[0] != pytest.approx(300.0, rel=1e-2)


@pytest.mark.parametrize("field", ["f0_hz", "energy", "embedding"])
def test_a_number_beyond_32_bits_is_refused_by_its_key(field: str, tmp_path: Path) -> None:
    path = tmp_path / "prosody.json"
    path.write_text(json.dumps({"frames_per_second": 80.0, "sentences": [{"text": "", "tokens": ["^"], field: [1e300]}]}))
    with pytest.raises(InputError, match=f"sentences.0.{field}.0"):
        read_prosody(path, 80.0)


def test_prosody_files_that_are_refused(voice: Voice, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_text(Prosody(frames_per_second=100, sentences=(HELLO,)).model_dump_json())
    with pytest.raises(InputError, match="100 frames per second, those of this voice 80"):
        read_prosody(file, 80.0)
    file.write_text('{"frames_per_second": 80, "sentences": [{"tokens": ["^"], "duration": [1]}]}')
    with pytest.raises(ConfigError, match=r"'sentences\.0': unknown key 'duration'"):
        read_prosody(file, 80.0)
    for fields in ({"durations": (1, 2)}, {"f0_hz": (0.0,) * 9}, {"durations": (-1,) * 9}):
        with pytest.raises(InputError, match=r"durations|f0_hz"):
            list(voice.stream([HELLO.model_copy(update=fields)]))


def test_unknown_speakers_symbols_and_values(voice: Voice) -> None:
    with pytest.raises(InputError, match="no speaker 'nobody'; it has: low, high"):
        voice.stream("Hello.", "nobody")
    with pytest.raises(InputError, match="no symbol 'ZZ9', which 'Zzz' uses"):
        list(voice.stream([Sentence(text="Zzz", tokens=("^", "ZZ9"))]))
    with pytest.raises(InputError, match="silence"):
        voice.stream("Hello.", sentence_silence_s=-1)


def edited_copy(tmp_path: Path, name: str, change: Any) -> Path:
    folder = Path(shutil.copytree(TINY / name, tmp_path / name))
    value = json.loads((folder / "addon.json").read_text())
    change(value)
    (folder / "addon.json").write_text(json.dumps(value))
    return folder


def test_a_control_without_a_port_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def remove_energy(value: dict[str, Any]) -> None:
        for network, end in (("prosody_encoder", "outputs"), ("decoder", "inputs")):
            ports = value["networks"][network][end]
            value["networks"][network][end] = [port for port in ports if port["name"] != "energy"]

    monkeypatch.setattr("tts_cli.addon.opened.open_network", lambda *_, **__: None)
    voice = make_voice(edited_copy(tmp_path, "tiny-acoustic", remove_energy))
    voice.stream("Hello.", controls=Controls(pitch_range=2))
    with pytest.raises(InputError, match=r"no control 'energy_scale'; it has: .*length_scale.*pitch_range"):
        voice.stream("Hello.", controls=Controls(energy_scale=2))


def test_a_vocoder_of_another_mel_is_refused(tmp_path: Path) -> None:
    other = MelConfig(fmin_hz=50)

    def change(value: dict[str, Any]) -> None:
        value["mel"] = {**other.model_dump(), "hash": other.hash}

    vocoder = open_addon(edited_copy(tmp_path, "tiny-vocoder", change))
    with pytest.raises(AddonError, match="vocoder 'tiny-vocoder' reads another mel than 'tiny-acoustic' gives") as caught:
        Voice(open_addon(TINY / "tiny-acoustic"), vocoder, FrontEnd())
    assert other.hash in str(caught.value.hint)


def test_an_acoustic_addon_needs_a_vocoder() -> None:
    with pytest.raises(AddonError, match="does not give audio"):
        Voice(open_addon(TINY / "tiny-acoustic"), None, FrontEnd())


class Changed(Effect):
    """Effect that replaces each chunk of samples by `change` of it."""

    change: Callable[[NDArray[np.float32]], Any] = staticmethod(lambda samples: samples)

    def processor(self, _scope: Tensors, /) -> Processor:
        block = self

        class Changing(Processor):
            def feed(self, samples: NDArray[np.float32], /) -> Any:
                return block.change(samples.copy())

        return Changing()


def with_effect(voice: Voice, change: Callable[[NDArray[np.float32]], Any]) -> Voice:
    """Add an effect that changes the audio, and a fade after it, to a voice; return the voice."""
    effect = Changed(BlockOptions({}, "the change"), voice.acoustic)
    effect.change = change  # type: ignore[method-assign]
    stack = [voice.stack, effect, {"type": "EdgeFade"}]
    voice.stack = StreamableStack(BlockOptions({"stack": stack}, "changed"), voice.acoustic)
    voice.stack.connect(voice._request, Wiring({}))
    return voice


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("error")
def test_what_is_not_a_finite_number_is_refused_or_silent(value: float) -> None:
    def spoil(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        samples[7] = value
        return samples

    plain, voice = joined(make_voice().stream([HELLO])), with_effect(make_voice(), spoil)
    watched = with_effect(make_voice(), spoil)
    observe(watched.stack, Observer(lambda _: None))
    for either in (voice, watched):
        with pytest.raises(RefusedError, match=r"^the change: Changed gave a value that is not a finite number"):
            list(either.stream([HELLO]))
    chunks = list(voice.stream([HELLO], best_effort=True))
    assert [fault.kind for chunk in chunks for fault in chunk.faults] == ["not-finite"]
    audio = joined(iter(chunks))
    assert audio[7] == 0
    assert np.isfinite(audio).all()
    np.testing.assert_array_equal(audio[2000:3000], plain[2000:3000])


@pytest.mark.parametrize("best_effort", [True, False])
def test_the_block_that_gives_nothing_is_named(best_effort: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(Stream):
        def _produce(self, _n: int, /) -> None:
            return None

    monkeypatch.setattr(Changed, "_open", lambda _, scope, upstream: Mute(scope, upstream))
    voice = with_effect(make_voice(), np.copy)
    with pytest.raises(RefusedError, match=r"^the stack gave no audio for 'Hello, bee\.': the change: Changed gave nothing$"):
        list(voice.stream([HELLO], best_effort=best_effort))


def test_audio_that_a_block_cuts_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(Stream):
        def _produce(self, n: int) -> Tensors | None:
            return None if self.has_given else self._read_upstream(n)

    monkeypatch.setattr(Changed, "_open", lambda _, scope, upstream: Impatient(scope, upstream))
    voice = with_effect(scheduled(make_voice(), first=8), np.copy)
    with pytest.raises(RefusedError, match=r"^the change: Changed ended before the stream that it reads"):
        list(voice.stream([HELLO]))
    *_, last = voice.stream([HELLO], best_effort=True)
    assert [fault.kind for fault in last.faults] == ["truncation"]


def test_memory_does_not_grow_with_the_text(voice: Voice) -> None:
    sizes = []
    tracemalloc.start()
    for index, _ in enumerate(voice.stream([HELLO] * 60)):
        if index in (30, 100):
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    early, late = sizes
    # One sentence that were kept would be as much as this.
    assert late - early < 50_000


def test_all_is_what_is_exported() -> None:
    assert sorted(tts_cli.__all__) == tts_cli.__all__ == sorted(tts_cli._ROOMS)
    for name in tts_cli.__all__:
        assert getattr(tts_cli, name).__name__ in (name, "Mapping") or name == "Tensors"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tts_cli.nothing


def test_importing_loads_nothing() -> None:
    code = "import sys, tts_cli; print([name for name in ('numpy', 'onnxruntime', 'pydantic', 'torch') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_speaking_loads_no_torch() -> None:
    code = "import sys, tts_cli.voice.synthesis, tts_cli.voice.bench, tts_cli.blocks.vocoder; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
