"""Speech and vocoder evaluations with a recogniser that hears what it is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from tts_cli.audio.mel import Floats, MelConfig
from tts_cli.blocks.streamable import Fault, Stream, StreamableBlock
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import AddonError
from tts_cli.evaluation import vocoder
from tts_cli.evaluation.prompts import read_prompts, read_references
from tts_cli.evaluation.recognition import Recogniser, WordErrors
from tts_cli.evaluation.report import Estimate
from tts_cli.evaluation.signal import SignalScores
from tts_cli.evaluation.speech import evaluate_speech, measure_speech
from tts_cli.ports import PortSpec, Tensors

pytest.importorskip("scipy")
CONFIG = MelConfig()


class Chunk(NamedTuple):
    """What a voice streams."""

    samples: Floats
    sample_rate: int
    faults: tuple[Fault, ...] = ()


class _Listener(Recogniser):
    """Understands every word of what is loud, none of what is soft."""

    def __init__(self) -> None: ...

    def word_errors(self, text: str, audio: Floats, sample_rate: int) -> WordErrors:
        assert sample_rate in (16000, 22050)
        words = len(text.split())
        return WordErrors(text, text, 0 if np.abs(audio).max() > 0.1 else words, words)


def test_speech_is_measured_beside_its_recordings(corpora: Path) -> None:
    spoken = []

    def speak(prompt: Clip) -> tuple[Floats, int]:
        spoken.append((prompt.speaker, prompt.text))
        return np.full(8000, 0.5 if prompt.speaker == "anna" else 0.01, np.float32), 16000

    report = measure_speech({"ours": speak}, read_prompts(corpora, "test"), _Listener())
    assert spoken == [("anna", "Yes, it is."), ("anna", "Is it?"), ("ben", "Yes, it is.")]
    rows = [(row.group, row.name, row.num_clips, row.estimates["wer"].value) for row in report.rows]
    assert rows == [("anna", "ours", 2, 0), ("anna", "recordings", 2, 0), ("ben", "ours", 1, 1), ("ben", "recordings", 1, 0)]
    assert [detail["wer"]["errors"] for detail in report.details] == [0, 0, 0, 0, 3, 0]


def test_a_voice_is_asked_for_the_speaker_of_the_recording(corpora: Path) -> None:
    class OneVoice:
        """Says everything in two chunks, and ends with nothing but a fault."""

        def stream(self, text: str, speaker: str, best_effort: bool) -> Iterator[Chunk]:
            assert (text, speaker, best_effort) == ("Yes, it is.", "ben", True)
            yield from [Chunk(np.ones(100, np.float32), 22050)] * 2
            yield Chunk(np.zeros(0, np.float32), 22050, (Fault("endless", "no end"),))

    report = evaluate_speech({"ours": OneVoice()}, corpora, ["ben"], recogniser=_Listener())
    assert [row.estimates["wer"].value for row in report.rows] == [0, 0]
    assert [row.estimates.get("faultless") for row in report.rows] == [Estimate(0.0, 0.0, 0.0, 1), None]
    assert [detail.get("faults") for detail in report.details] == [[{"kind": "endless", "message": "no end"}], None]


def test_every_vocoder_is_measured_on_every_group(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        vocoder, "score", lambda reference, audio, _: SignalScores(float(audio[0]), 0.9, len(reference) / 1000, 0.1)
    )
    groups = {name: read_references(read_prompts(corpora, name), CONFIG) for name in ("unseen",)}
    loud = {"loud": lambda reference: np.ones(len(reference.mel) * 200, np.float32)}
    report = vocoder.measure_vocoders(loud, groups, _Listener())
    assert [row.name for row in report.rows] == ["loud", "Griffin-Lim", "recordings"]
    assert report.rows[0].estimates["pesq"].value == 1
    assert report.rows[0].estimates["wer"].value == 0
    assert len(report.details) == 2


def test_without_a_recogniser_no_words_are_counted(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocoder, "score", lambda *_: SignalScores(2.0, 0.9, 1.0, 0.1))
    report = vocoder.measure_vocoders({}, {"unseen": read_references(read_prompts(corpora, "unseen"), CONFIG)})
    assert [row.name for row in report.rows] == ["Griffin-Lim"]
    assert "wer" not in report.rows[0].estimates


class _Doubler(StreamableBlock):
    """Two samples a frame: the mel's first band, and F0 where it is given."""

    def open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        return _DoublingStream(scope, upstream)


class _DoublingStream(Stream):
    def produce(self, n: int) -> Tensors | None:
        chunk = self.pull(max(1, n // 2 - 1))
        return chunk and {
            "audio": np.concatenate([chunk["mel"][..., :1], chunk.get("log_f0", chunk["mel"])[..., :1]], axis=2).reshape(1, -1, 1)
        }


def test_copies_stream_through_the_stack_of_the_vocoder(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (reference,) = vocoder.read_references(read_prompts(corpora, "unseen"), CONFIG)
    pitch = np.full((40, 1), 5, np.float32), np.ones((40, 1), np.float32)
    monkeypatch.setattr(type(reference), "pitch", pitch)
    stack = _Doubler.__new__(_Doubler)
    np.testing.assert_array_equal(vocoder.copy_with(stack)(reference), reference.mel[:, 0].repeat(2))
    with_pitch = vocoder.copy_with(stack, true_pitch=True)(reference)
    np.testing.assert_array_equal(with_pitch[1::2], pitch[0][:, 0])


@dataclass
class _VocoderAddon:
    """As much of an addon as an evaluation asks for."""

    ports: tuple[PortSpec, ...]
    kind: str = "vocoder"
    name: str = "ours"
    mel: MelConfig = CONFIG

    @property
    def config(self) -> SimpleNamespace:
        return SimpleNamespace(kind=self.kind, networks={"vocoder": SimpleNamespace(inputs=self.ports)})

    def build_stack(self) -> StreamableBlock:
        return _Doubler.__new__(_Doubler)


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the speakers of the small corpora be those that vocoders are measured on, and any audio be scored."""
    monkeypatch.setitem(vocoder.GROUPS, "test", ("test", ("anna",)))
    monkeypatch.setattr(vocoder, "score", lambda *_: SignalScores(2.0, 0.9, 1.0, 0.1))


@pytest.mark.usefixtures("small_groups")
def test_a_vocoder_addon_is_measured_on_every_group(corpora: Path) -> None:
    report = vocoder.evaluate_vocoder(_VocoderAddon((PortSpec(name="mel", rate="frame"),)), corpora)
    assert [(row.group, row.name) for row in report.rows] == [
        (group, name) for group in ("test", "unseen") for name in ("ours", "Griffin-Lim")
    ]


@pytest.mark.usefixtures("small_groups")
def test_a_vocoder_that_reads_pitch_has_a_row_with_the_true_one(corpora: Path) -> None:
    pytest.importorskip("swift_f0")
    ports = tuple(PortSpec(name=name, rate="frame") for name in ("mel", "log_f0"))
    report = vocoder.evaluate_vocoder(_VocoderAddon(ports), corpora, limit=1)
    assert [row.name for row in report.rows][:2] == ["ours", "ours, true F0"]


def test_another_kind_of_addon_is_refused(corpora: Path) -> None:
    with pytest.raises(AddonError, match="'acoustic'"):
        vocoder.evaluate_vocoder(_VocoderAddon((), kind="acoustic"), corpora)
