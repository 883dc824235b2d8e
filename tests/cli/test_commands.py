"""Commands other than `synth`: they parse options, call one room and print."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY, Run
from reference import FILE, reference

from tts_cli.cli import machine
from tts_cli.corpora.report import PrepareReport
from tts_cli.voice import bench


def test_the_reference_is_what_the_help_says() -> None:
    assert FILE.read_text(encoding="utf-8") == reference(), "run: python tests/cli/reference.py"


def test_help_and_version(tts: Run) -> None:
    assert b"synth" in tts().out and tts().code == 0
    assert tts("--help").out == tts("-h").out == tts().out
    assert b"--length-scale" in tts("synth", "--help").out


def test_bare_addons_lists_them(tts: Run) -> None:
    assert b"tiny-acoustic" in tts("addons").out
    assert tts("addons").out == tts("addons", "list").out
    listed = tts("addons", "--json").json
    assert {addon["name"]: addon["kind"] for addon in listed} == {
        "tiny-acoustic": "acoustic",
        "tiny-attention": "acoustic",
        "tiny-copycat": "acoustic",
        "tiny-linguistics": "linguistics",
        "tiny-prosody": "acoustic",
        "tiny-vocoder": "vocoder",
    }


def test_without_addons_the_list_says_where_it_looked(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TTS_ADDONS")
    outcome = tts("addons")
    assert outcome.code == 0 and b"no addon in " in outcome.out and "tts addons install" in outcome.err


def test_checking_addons(tts: Run) -> None:
    outcome = tts("addons", "check", TINY / "tiny-acoustic", "tiny-vocoder")
    assert outcome.code == 0 and b"speaks with tiny-vocoder: low, high" in outcome.out
    outcome = tts("addons", "check", "tiny-prosody", "tiny-linguistics")
    assert outcome.code == 0 and b"valid: acoustic, 4 networks, speaks with tiny-vocoder" in outcome.out
    assert b"valid: linguistics, 1 networks" in outcome.out


def test_doctor_says_what_is_there_and_whether_it_can_speak(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = {finding["what"]: finding for finding in tts("doctor", "--json").json}
    assert findings["tiny-acoustic"]["state"] == "ok"
    monkeypatch.delenv("TTS_ADDONS")
    outcome = tts("doctor")
    assert outcome.code == 1 and b"broken" in outcome.out and "cannot speak" in outcome.err


def test_doctor_looks_for_every_extra_of_users() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {*machine.EXTRAS, "test", "docs"} == project["optional-dependencies"].keys()


def test_bench_measures_the_default_voice(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.measure_voice, "__defaults__", (None, {"short": "Hello there."}, 1))
    cost = tts("bench", "--repeats", "1", "--json").json
    assert (cost["addon"], cost["vocoder"], cost["texts"][0]["text"]) == ("tiny-acoustic", "tiny-vocoder", "short")
    assert b"first audio (ms)" in tts("bench", "--repeats", "1").out


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the list of recorded calls of `prepare`, which is replaced by a function that reports one reject."""
    from tts_cli.corpora.layouts import Reject

    calls: list[Any] = []

    def prepare(*arguments: Any, quality: Any) -> PrepareReport:
        assert quality is None
        calls.append(arguments)
        arguments[-1]("text", 1, 1)
        return PrepareReport(0.1, {"train": 1}, 2, [], [Reject("list.csv:3", "a", "empty text", "empty text")], {"empty text": 1})

    monkeypatch.setattr("tts_cli.corpora.prepare.prepare", prepare)
    return calls


def test_prepare_passes_on_its_options_and_prints_the_report(tts: Run, prepared: list[Any]) -> None:
    outcome = tts("prepare", "a", "b", "-o", "out", "--layout", "festvox", "--processes", "3", "--set", "mel.fmin_hz=50")
    sources, output, options, _ = prepared[0]
    assert (sources, output) == ([Path("a"), Path("b")], Path("out"))
    assert (options.layout, options.num_processes, options.mel.fmin_hz) == ("festvox", 3, 50.0)
    assert outcome.code == 0 and "list.csv:3: empty text" in outcome.err and b"1 rejects: 1 empty text" in outcome.out


def test_prepare_is_strict_only_when_asked(tts: Run, prepared: list[Any]) -> None:
    outcome = tts("prepare", "a", "-o", "out", "--strict", "--json")
    assert outcome.code == 1 and "1 rejects under --strict" in outcome.err
    assert outcome.json["reasons"] == {"empty text": 1} and prepared


def test_prepare_prints_minutes_guesses_muffled_clips_and_the_worst(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from tts_cli.corpora.guesses import GuessedWord
    from tts_cli.corpora.report import NarrowClip, QualityReport, ScoredClip, SpeakerReport

    report = PrepareReport(
        0.1, {"test": 1, "train": 12}, 0, [SpeakerReport("anna", 13, 0.1, 200.0, 100.0, 400.0, {"train": 6.25}, 7840.0)], [], {},
        bandwidth_hz=7840.0, narrow=[NarrowClip(f"toy/{number}", 3900.0 + number) for number in range(12)],
        guessed=[GuessedWord("zorblax", "Z", 3, "toy/1"), GuessedWord("quendrith", "K", 1, "toy/2")],
        guesses_file="guessed.txt", quality=QualityReport("DistillMOS", 4.256, [ScoredClip("toy/3", 1.234)]),
        drift={"anna": {"source": "sessions", "sessions": 3, "f0_removed": 0.142, "level_removed": 0.626},
               "bert": {"source": "order of ids", "sessions": 0, "f0_removed": 0.7, "level_removed": 0.0}},
    )  # fmt: skip
    monkeypatch.setattr("tts_cli.corpora.prepare.prepare", lambda *_, **__: report)
    lines = tts("prepare", "a", "-o", "out").out.decode().splitlines()
    header = next(line for line in lines if "speaker" in line)
    assert header.index("train (min)") < header.index("test (min)") < header.index("bandwidth (kHz)")
    row = next(line for line in lines if "anna" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == ["anna", "13", "6.25", "0", "200", "100 - 400", "7.8"]
    assert "drift of anna (3 sessions): 14% of mean F0, 63% of level" in lines
    assert "drift of bert (order of ids): 70% of mean F0, 0% of level" in lines
    assert lines[-3] == f"2 guessed pronunciations: zorblax 3, quendrith 1; listed for --lexicon in {Path('out') / 'guessed.txt'}"
    assert lines[-2].startswith("12 muffled, ") and "7.8 kHz: toy/0 3.9, " in lines[-2] and lines[-2].endswith("toy/9 3.9 ...")
    assert lines[-1] == "DistillMOS 4.26 on average, worst: toy/3 1.23"


def test_training_passes_on_its_options(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    calls: list[Any] = []
    monkeypatch.setattr("tts_cli.training.start.train", lambda *arguments: calls.append(arguments) or Path("done"))
    recipe = Path(__file__).parents[2] / "recipes" / "tiny-vocoder.yaml"
    outcome = tts("train", "vocoder", recipe, "--data", "corpus", "--max-minutes", "2", "--set", "seed=7", "--restart")
    resolved, run, start, restart, _ = calls[0]
    assert (resolved.data, resolved.max_minutes, resolved.seed) == ("corpus", 2.0, 7)
    assert (run, start, restart, outcome.out) == (Path("runs") / resolved.name, [], True, b"done\n")


def test_training_starts_from_several_models(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    starts: list[Any] = []
    monkeypatch.setattr("tts_cli.training.start.train", lambda *arguments: starts.append(arguments[2]) or Path("done"))
    recipe = Path(__file__).parents[2] / "recipes" / "copycat-16k.yaml"
    assert tts("train", "copycat", recipe, "--init-from", ".", "--init-from", "..").code == 0
    assert starts == [[Path(), Path("..")]]
    outcome = tts("train", "copycat", recipe, "--init-from", ".", "--init-from", "absent")
    assert outcome.code == 2 and "absent: no such addon, checkpoint or run" in outcome.err


def test_measuring_an_addon(tts: Run) -> None:
    pytest.importorskip("torch")
    shutil.copytree(TINY, "addons")
    assert b"true peak, dBTP" in tts("addons", "measure", "addons/tiny-acoustic").out
    levels = {
        level["speaker"]: level["loudness_lufs"] for level in tts("addons", "measure", "addons/tiny-acoustic", "--json").json
    }
    written = json.loads(Path("addons/tiny-acoustic/addon.json").read_text())["speakers"]
    assert {speaker["name"]: speaker["loudness_lufs"] for speaker in written} == pytest.approx(levels, abs=0.01)
    assert tts("addons", "measure", "addons/tiny-vocoder").code == 2


def test_export_prints_the_largest_difference(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from tts_cli.export.parity import Parity

    parities, options = [Parity("default", "decoder", "mel", 2e-6, 5.0)], []
    monkeypatch.setattr("tts_cli.export.checkpoint.export_addon", lambda *given: options.append(given[3]) or parities)
    Path("run").mkdir()
    shutil.copytree(TINY / "tiny-acoustic", "exported")
    outcome = tts("export-addon", "run", "-o", "exported", "--speakers", "high, low", "--tolerance", "0.5")
    assert (options[0].speakers, options[0].tolerance) == (("high", "low"), 0.5)
    assert outcome.code == 0 and b"exported: largest difference 2.0e-06" in outcome.out
    assert "was not measured; to measure it: tts addons measure exported" in outcome.err


def test_evaluations_print_a_table_markdown_or_json(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    from tts_cli.evaluation.report import WER, Report, Reports, Row
    from tts_cli.evaluation.statistics import Estimate

    report = Report("Figures", (WER,), (Row("voice", {"wer": Estimate(0.05, 0.04, 0.06, 9)}, "slt"),))
    reports, calls = Reports("", (report,), ()), list[Any]()
    monkeypatch.setattr("tts_cli.evaluation.speech.evaluate.evaluate_speech", lambda asked: calls.append(asked) or reports)
    monkeypatch.setattr("tts_cli.evaluation.vocoder.evaluate.evaluate_vocoder", lambda *_: reports)
    monkeypatch.setattr("tts_cli.evaluation.vocoder.evaluate.instruments_for", lambda *given: calls.append(given))
    Path("some.txt").write_text("short|Yes.\nshort|No.\n")
    options = ["--speaker", "slt", "--limit", "1", "--part", "wer", "--seeds", "2", "--sentences", "some.txt"]
    options += ["--peer", "python peer.py", "--pictures", "drawn"]
    assert b"5.0" in tts("evaluate", "speech", "--corpora", "c", *options).out
    asked = calls[0]
    assert (list(asked.addons), asked.corpora, asked.speakers, asked.limit) == (["tiny-acoustic"], Path("c"), ("slt",), 1)
    assert (asked.parts, asked.num_seeds, asked.sentences) == (("wer",), 2, (("short", "Yes."),))
    assert (asked.peers, asked.pictures) == (("python peer.py",), Path("drawn"))
    options = ["--corpora", "c", "--addon", "tiny-vocoder", "--no-wer"]
    assert tts("evaluate", "vocoder", *options, "--json").json["reports"][0]["title"] == "Figures"
    assert calls[-1] == (Path("c"), False)
    assert b"| slt | voice | 9 |" in tts("evaluate", "vocoder", *options, "--markdown").out
    assert json.loads(tts("evaluate", "speech", "--corpora", "c", "--json").out)["reports"][0]["rows"]
