"""Vocoder evaluation with fake instruments."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from listeners import LoudnessRecogniser, peak

from tts_cli.audio.mel import MelConfig
from tts_cli.blocks.streamable import Stream, StreamableBlock
from tts_cli.errors import AddonError
from tts_cli.evaluation.measures import instruments
from tts_cli.evaluation.measures.instruments import Instruments
from tts_cli.evaluation.measures.signal import SignalScores
from tts_cli.evaluation.prompts import Reference, read_prompts, read_references
from tts_cli.evaluation.systems import SystemOutput
from tts_cli.evaluation.vocoder import evaluate as vocoder
from tts_cli.ports import PortSpec, Tensors

pytest.importorskip("scipy")
CONFIG = MelConfig()
SIGNAL = Instruments(has_signal=True)


@pytest.fixture(autouse=True)
def scored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Score audio by its first sample."""
    monkeypatch.setattr(instruments, "score", lambda _, audio, __: SignalScores(float(audio[0]), 0.9, 1.0, 0.1))


def test_every_vocoder_is_measured_on_every_group(corpora: Path) -> None:
    groups = {name: read_references(read_prompts(corpora, name), CONFIG) for name in ("test", "unseen")}
    loud = {"loud": lambda reference: np.ones(len(reference.mel) * 200, np.float32)}
    measuring = Instruments(LoudnessRecogniser(), peak, has_signal=True)
    (report,) = vocoder.measure_vocoders(loud, groups, measuring).reports
    assert [(row.group, row.name) for row in report.rows] == [
        (group, name) for group in ("test", "unseen") for name in ("loud", "Griffin-Lim", "recordings")
    ]
    estimates = report.rows[3].estimates
    assert (estimates["pesq"].value, estimates["wer"].value, estimates["naturalness"].value) == (1, 0, 5)
    recorded = report.rows[5].estimates
    assert "pesq" not in recorded and recorded["naturalness"].value == pytest.approx(2.2, abs=1e-2)
    assert estimates["naturalness_above_recordings"].value == pytest.approx(2.8, abs=1e-2)
    assert len(report.details) == 12


def test_without_a_recogniser_no_words_are_counted(corpora: Path) -> None:
    groups = {"unseen": read_references(read_prompts(corpora, "unseen"), CONFIG)}
    (report,) = vocoder.measure_vocoders({}, groups, Instruments(has_signal=True)).reports
    assert [row.name for row in report.rows] == ["Griffin-Lim"]
    assert [column.key for column in report.columns] == ["pesq", "stoi"]


def test_copies_are_compared_frame_by_frame_with_the_voicing_of_the_recording(corpora: Path) -> None:
    pytest.importorskip("swift_f0")
    groups = {"unseen": read_references(read_prompts(corpora, "unseen"), CONFIG)}

    def same(reference: Reference) -> SystemOutput:
        return SystemOutput(reference.audio, 16000, harmonic=reference.audio)

    _, shares, errors = vocoder.measure_vocoders({"same": same}, groups, Instruments(has_signal=True, has_spectra=True)).reports
    assert all(share.value == 1 for share in shares.rows[0].estimates.values())
    assert errors.rows[0].estimates["mel_cepstral_distortion"].value < 0.2, "both were resampled"
    assert errors.rows[0].estimates["voicing_error"].value == 0


class _Doubler(StreamableBlock):
    """Vocoder with two samples per frame: the first mel band, and F0 if it is given (else the first band again)."""

    path, type = "stack[0]", "Doubler"

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        return _DoublingStream(scope, upstream)


class _DoublingStream(Stream):
    def _produce(self, n: int) -> Tensors | None:
        chunk = self._read_upstream(max(1, n // 2 - 1))
        return chunk and {
            "audio": np.concatenate([chunk["mel"][..., :1], chunk.get("log_f0", chunk["mel"])[..., :1]], axis=2).reshape(1, -1, 1)
        }


def test_copies_stream_through_the_stack_of_the_vocoder(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (reference,) = vocoder.read_references(read_prompts(corpora, "unseen"), CONFIG)
    pitch = np.full((40, 1), 5, np.float32), np.ones((40, 1), np.float32)
    monkeypatch.setattr(type(reference), "pitch", pitch)
    stack = _Doubler.__new__(_Doubler)
    np.testing.assert_array_equal(vocoder.copy_with(stack)(reference).samples, reference.mel[:, 0].repeat(2))
    with_pitch = vocoder.copy_with(stack, stack, true_pitch=True)(reference)
    np.testing.assert_array_equal(with_pitch.samples[1::2], pitch[0][:, 0])
    np.testing.assert_array_equal(with_pitch.samples, with_pitch.harmonic)


@dataclass
class _VocoderAddon:
    """Fake addon with the attributes that the evaluation reads."""

    ports: tuple[PortSpec, ...]
    kind: str = "vocoder"
    name: str = "ours"
    mel: MelConfig = CONFIG

    @property
    def configs(self) -> tuple[()]:
        return ()

    @property
    def config(self) -> SimpleNamespace:
        return SimpleNamespace(kind=self.kind, networks={"vocoder": SimpleNamespace(inputs=self.ports)})

    def build_stack(self) -> StreamableBlock:
        return _Doubler.__new__(_Doubler)


def test_a_vocoder_addon_is_measured_on_every_group(corpora: Path) -> None:
    addon = _VocoderAddon((PortSpec(name="mel", rate="frame"),))
    (report,) = vocoder.evaluate_vocoder(addon, corpora, None, SIGNAL).reports
    assert [(row.group, row.name) for row in report.rows] == [
        (group, name) for group in ("test", "unseen") for name in ("ours", "Griffin-Lim")
    ]


def test_groups_are_the_splits_that_are_listed(corpora: Path) -> None:
    splits = corpora / "splits.csv"
    splits.write_text("".join(line for line in splits.read_text().splitlines(True) if "unseen" not in line))
    (report,) = vocoder.evaluate_vocoder(_VocoderAddon(()), corpora, None, SIGNAL).reports
    assert {(row.group, row.num_clips) for row in report.rows} == {("test", 3)}


def test_a_vocoder_that_reads_pitch_has_a_row_with_the_true_one(corpora: Path) -> None:
    pytest.importorskip("swift_f0")
    ports = tuple(PortSpec(name=name, rate="frame") for name in ("mel", "log_f0"))
    (report,) = vocoder.evaluate_vocoder(_VocoderAddon(ports), corpora, 1, SIGNAL).reports
    assert [row.name for row in report.rows][:2] == ["ours", "ours, true F0"]


def test_another_kind_of_addon_is_refused(corpora: Path) -> None:
    with pytest.raises(AddonError, match="'acoustic'"):
        vocoder.evaluate_vocoder(_VocoderAddon((), kind="acoustic"), corpora, None, SIGNAL)
