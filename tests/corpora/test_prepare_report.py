"""Report of a preparation: minutes by speaker and split, clips of a lower bandwidth, and the worst clips."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from synthetic import MEL, make_recording

from tts_cli.audio.mel import Floats
from tts_cli.corpora import prepare
from tts_cli.corpora.manifest import CorpusSummary, SpeakerSummary
from tts_cli.corpora.prepare import PrepareOptions
from tts_cli.corpora.quality import QualityMeasure
from tts_cli.corpora.report import ClipFindings, PrepareReport, make_report
from tts_cli.errors import InputError
from tts_cli.text.phones import SYMBOLS


def report_of(bandwidths_hz: list[float], scores: list[float] | None = None) -> PrepareReport:
    """Report clips of 90 s by anna and 30 s by bert in turns; every fourth, by bert, is for validation."""
    rows = []
    for number in range(len(bandwidths_hz)):
        split = "validation" if number % 4 == 3 else "train"
        rows.append(make_recording(number, *((2400, "bert") if number % 2 else (7200, "anna")), split))
    speakers = {name: SpeakerSummary(clips=1, seconds=1.0, mean_log_f0=5.0, std_log_f0=0.2) for name in ("anna", "bert")}
    summary = CorpusSummary(mel=MEL, mel_hash=MEL.hash, symbols=SYMBOLS, speakers=speakers, versions={})
    return make_report(rows, summary, [], 0, 0.0, ClipFindings(bandwidths_hz, measure="toy", scores=scores or []))


def test_minutes_are_those_of_each_speaker_and_split() -> None:
    anna, bert = report_of([8000.0] * 9).speakers
    assert anna.minutes == {"train": 5 * 1.5}
    assert bert.minutes == {"train": 2 * 0.5, "validation": 2 * 0.5}


def test_narrow_clips_are_those_below_the_rest_of_the_corpus() -> None:
    report = report_of([7800.0, 7500.0, 5400.0, 8000.0, 6900.0, 3900.0, 7700.0, 7900.0])
    assert [(one.clip, one.bandwidth_hz) for one in report.narrow] == [("toy/clip5", 3900.0), ("toy/clip2", 5400.0)]
    assert 7800 <= report.bandwidth_hz <= 7900
    assert [speaker.bandwidth_hz for speaker in report.speakers] == [7300.0, 7700.0]


@pytest.mark.parametrize("usual", [3900.0, 5400.0, 8000.0])
def test_a_corpus_that_is_alike_has_no_narrow_clip(usual: float) -> None:
    assert report_of([usual * share for share in (1, 0.97, 0.92, 0.86, 0.99, 0.9)]).narrow == []


def test_narrow_clips_are_named_even_if_they_are_most_of_the_corpus() -> None:
    assert len(report_of([3900.0] * 6 + [7900.0] * 4).narrow) == 6
    assert report_of([3900.0] * 19 + [7900.0]).narrow == []


def muffle(path: Path) -> None:
    audio, rate = soundfile.read(path)
    soundfile.write(path, soxr.resample(soxr.resample(audio, rate, 11025), 11025, rate), rate)


def test_a_muffled_clip_is_found_and_a_muffled_corpus_is_not(few: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("swift_f0")
    clips = sorted((few[0] / "wavs").iterdir())
    muffle(clips[1])
    report = prepare.prepare(few, tmp_path / "out", PrepareOptions())
    assert [one.clip for one in report.narrow] == [f"kathleen/{clips[1].stem}"]
    assert 5000 < report.narrow[0].bandwidth_hz < 5600 < 7200 < report.bandwidth_hz
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    assert written["narrow"] == [{"clip": f"kathleen/{clips[1].stem}", "bandwidth_hz": report.narrow[0].bandwidth_hz}]
    muffle(clips[0])
    muffle(clips[2])
    alone = prepare.prepare(few[:1], tmp_path / "alone", PrepareOptions())
    assert alone.narrow == [] and alone.num_clips == 3
    assert 5000 < alone.bandwidth_hz < 5600


def test_the_bandwidth_of_clips_that_an_older_version_analysed_is_measured(
    few: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("swift_f0")
    first = prepare.prepare(few[:1], tmp_path / "out", PrepareOptions())
    path = tmp_path / "out" / "journal.jsonl"
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    for entry in entries:
        entry["result"].pop("bandwidth_hz", None)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    monkeypatch.setattr(prepare, "analyse", None)
    assert prepare.prepare(few[:1], tmp_path / "out", PrepareOptions()) == first
    monkeypatch.setattr(prepare, "measure_bandwidth", None)
    assert prepare.prepare(few[:1], tmp_path / "out", PrepareOptions()) == first


def test_the_ten_worst_clips_are_listed() -> None:
    quality = report_of([8000.0] * 15, [3.0 + number * 7 % 15 / 10 for number in range(15)]).quality
    assert quality is not None and (quality.measure, quality.mean) == ("toy", 3.7)
    assert [one.score for one in quality.worst] == [pytest.approx(3.0 + number / 10) for number in range(10)]
    assert [one.clip for one in quality.worst[:3]] == ["toy/clip0", "toy/clip13", "toy/clip11"]
    assert report_of([8000.0] * 2).quality is None


SCORED: list[int] = []


def peak(audio: Floats, rate: int) -> float:
    SCORED.append(rate)
    return float(np.abs(audio).max())


def test_scores_are_kept_until_the_measure_changes(few: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("swift_f0")
    quiet = few[0] / "wavs" / "arctic_a0390.flac"
    audio, rate = soundfile.read(quiet)
    soundfile.write(quiet, 0.1 * audio, rate)
    SCORED.clear()
    reports = [
        prepare.prepare(few[:1], tmp_path / "out", PrepareOptions(), quality=QualityMeasure("peak", version, peak))
        for version in ("1", "1", "2")
    ]
    assert len(SCORED) == 6
    assert reports[0] == reports[1] == reports[2]
    assert reports[0].quality is not None
    assert reports[0].quality.worst[0].clip == "kathleen/arctic_a0390"
    assert prepare.prepare(few[:1], tmp_path / "out", PrepareOptions()).quality is None


def test_distillmos_finds_the_noisy_clip(few: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("swift_f0")
    pytest.importorskip("distillmos")
    from tts_cli.evaluation.measures.clip_quality import clip_quality

    path = few[0] / "wavs" / "arctic_b0195.flac"
    audio, rate = soundfile.read(path)
    soundfile.write(path, audio + np.random.default_rng(0).normal(0, 0.004, len(audio)), rate)
    report = prepare.prepare(few[:1], tmp_path / "out", PrepareOptions(), quality=clip_quality())
    assert report.quality is not None and report.quality.measure == "DistillMOS"
    scores = {one.clip: one.score for one in report.quality.worst}
    assert next(iter(scores)) == "kathleen/arctic_b0195" and len(scores) == 3
    assert scores["kathleen/arctic_b0195"] < min(scores["kathleen/arctic_a0207"], scores["kathleen/arctic_a0390"]) - 0.5


def test_the_measure_is_refused_before_any_work_if_its_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from tts_cli.evaluation.measures.clip_quality import clip_quality

    monkeypatch.setitem(sys.modules, "distillmos", None)
    with pytest.raises(InputError, match="'distillmos', which is not installed"):
        clip_quality()
