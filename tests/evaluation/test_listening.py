"""Vocoder evaluations with a recogniser that hears what it is told."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from listeners import LoudnessRecogniser

from tts_cli.audio.mel import MelConfig
from tts_cli.blocks.streamable import Stream, StreamableBlock
from tts_cli.errors import AddonError
from tts_cli.evaluation import vocoder
from tts_cli.evaluation.prompts import read_prompts, read_references
from tts_cli.evaluation.signal import SignalScores
from tts_cli.ports import PortSpec, Tensors

pytest.importorskip("scipy")
CONFIG = MelConfig()


def test_every_vocoder_is_measured_on_every_group(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        vocoder, "score", lambda reference, audio, _: SignalScores(float(audio[0]), 0.9, len(reference) / 1000, 0.1)
    )
    groups = {name: read_references(read_prompts(corpora, name), CONFIG) for name in ("unseen",)}
    loud = {"loud": lambda reference: np.ones(len(reference.mel) * 200, np.float32)}
    report = vocoder.measure_vocoders(loud, groups, LoudnessRecogniser())
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
