"""`tts transfer-prosody`: one recording and many, side files, and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import Outcome, Run

from tts_cli.addon import library

RECORDING = Path(__file__).parents[2] / "data/cmu_us_slt_arctic/wav/arctic_a0098.flac"
TEXT = "Shall I carry you?"


@pytest.fixture
def transfer(tts: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs the command with tiny-copycat as the default voice."""
    monkeypatch.setattr(library, "TRANSFER_ADDON", "tiny-copycat")

    def run(*arguments: object) -> Outcome:
        return tts("transfer-prosody", *arguments)

    return run


def samples(path: str | Path) -> np.ndarray:
    return soundfile.read(path, dtype="int16")[0]


def test_the_result_lasts_as_long_as_the_recording_and_tells_its_words(transfer: Run) -> None:
    told = transfer(RECORDING, "--text", TEXT, "--speaker", "high", "--json", "-o", "x.wav").json
    assert (told["addon"], told["speaker"], told["strength"], told["keep"]) == ("tiny-copycat", "high", 1.0, None)
    assert told["seconds"] == pytest.approx(len(samples("x.wav")) / 16000) and told["analysis_s"] > 0
    assert [word["word"] for word in told["words"]] == ["Shall", "I", "carry", "you"]
    for word in told["words"]:
        lengths = [word[side]["end_s"] - word[side]["start_s"] for side in ("source", "result")]
        assert lengths[0] == pytest.approx(lengths[1]) and lengths[0] > 0
    assert told["doubtful"] == told["surplus_after"] == []


@pytest.mark.parametrize("given", [("--text", "I'll go over tomorrow afternoon."), ("--transcribe",)])
def test_texts_are_read_in_the_language_of_the_option_or_of_the_voice(
    given: tuple[str, ...], transfer: Run, spoiled: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tts_cli.evaluation.measures import recognition

    said = "I'll go over tomorrow afternoon."
    monkeypatch.setattr(recognition, "Recogniser", lambda _: SimpleNamespace(transcribe=lambda *_: said))
    recording = RECORDING.with_name("arctic_a0390.flac")
    british = ("--addon", spoiled(lambda config: config.update(language="en-GB")), "--keep", "rhythm")

    def is_british(*options: object) -> bool:
        outcome = transfer(recording, *given, "-o", "x.wav", "--save-timings", "x.TextGrid", *options)
        assert outcome.code == 0, outcome.err
        return '"AA2"' in Path("x.TextGrid").read_text()

    assert not is_british() and is_british("--language", "en-GB")
    assert is_british(*british) and not is_british(*british, "--language", "en-US")


def test_the_file_is_named_after_recording_and_speaker(transfer: Run) -> None:
    assert transfer(RECORDING, "--text", TEXT, "--speaker", "low").out == b"arctic-a0098-low.wav\n"


def test_every_outlet_gives_the_same_audio(transfer: Run) -> None:
    transfer(RECORDING, "--text", TEXT, "-o", "x.wav")
    raw = transfer(RECORDING, "--text", TEXT, "--output-raw").out
    np.testing.assert_array_equal(np.frombuffer(raw, "<i2"), samples("x.wav"))
    piped = transfer(RECORDING, "--text", TEXT, "-o", "-").out
    np.testing.assert_array_equal(np.frombuffer(piped[44:], "<i2"), samples("x.wav"))


def test_strength_speaker_and_length_reach_the_voice(transfer: Run) -> None:
    def made(*options: str) -> tuple[float, bytes]:
        told = transfer(RECORDING, "--text", TEXT, "-o", "x.wav", "--json", *options).json
        return told["seconds"], Path("x.wav").read_bytes()

    whole, none, slow = made(), made("--strength", "0"), made("--length-scale", "2")
    assert none[0] != whole[0] and slow[0] == pytest.approx(2 * whole[0], rel=0.02)
    assert made("--speaker", "high")[1] != whole[1]
    rhythm = made("--keep", "rhythm")
    assert rhythm[0] == whole[0] and rhythm[1] != whole[1]


def test_the_rhythm_goes_to_any_voice_the_melody_to_those_made_for_it(transfer: Run) -> None:
    kept = transfer(RECORDING, "--text", TEXT, "--addon", "tiny-acoustic", "--keep", "rhythm", "-o", "x.wav", "--json").json
    for word in kept["words"]:
        assert word["source"]["end_s"] - word["source"]["start_s"] == pytest.approx(
            word["result"]["end_s"] - word["result"]["start_s"]
        )
    refused = transfer(RECORDING, "--text", TEXT, "--addon", "tiny-acoustic", "-o", "y.wav")
    assert refused.code == 2 and "--keep rhythm, or an addon that can: tiny-copycat" in refused.err
    refused = transfer(RECORDING, "--text", TEXT, "--addon", "tiny-attention", "--keep", "rhythm", "-o", "y.wav")
    assert refused.code == 2 and "cannot take those of a recording" in refused.err and not Path("y.wav").exists()


def test_doubtful_words_are_told_and_spoken(transfer: Run) -> None:
    natives = RECORDING.with_name("arctic_b0195.flac")
    outcome = transfer(natives, "--text", "Nobody knows how the elephants got them.", "-o", "x.wav", "--json")
    assert outcome.code == 0 and "elephants" in outcome.json["doubtful"] and "Nobody" not in outcome.json["doubtful"]
    assert "warning" in outcome.err and "elephants" in outcome.err and Path("x.wav").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--text", "Jack London, Waikiki Beach, Honolulu, Oahu."], "Honolulu"),
        (["--text", TEXT, "--speaker", "nobody"], "it has: low, high"),
        (["--text", TEXT, "--strength", "2"], "--strength"),
        (["--text", TEXT, "--keep", "melody"], "rhythm"),
        (["--text", TEXT, "--addon", "unknown"], "known: "),
        (["--text", "?!"], "no words to speak"),
        ([], "--text"),
        (["--text", TEXT, "--transcribe"], "exclude each other"),
        (["--text", TEXT, "--resume"], "--resume needs --manifest"),
        (["--text", TEXT, "--output-dir", "out"], "exclude each other"),
        (["--text", TEXT, "--plot", "nowhere/x.png"], "no such folder"),
        (["--manifest", "m.jsonl"], "SOURCE and --manifest exclude each other"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(transfer: Run, options: list[str], reason: str) -> None:
    outcome = transfer(RECORDING, "-o", "x.wav", *options)
    assert outcome.code == 2 and reason in outcome.err and outcome.out == b""
    assert len(outcome.err.splitlines()) <= 2 and not list(Path().iterdir())


@pytest.mark.parametrize("name", ["missing.wav", "empty.wav", "text.wav", "silent.wav", "long.wav", "narrow.wav"])
def test_a_file_that_is_no_use_is_named(transfer: Run, tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    path = tmp_path_factory.mktemp("bad") / name
    if name == "empty.wav":
        path.touch()
    elif name == "text.wav":
        path.write_text("words")
    elif name != "missing.wav":
        rate = 4000 if name == "narrow.wav" else 8000
        soundfile.write(path, np.zeros(rate * (61 if name == "long.wav" else 2)), rate)
    outcome = transfer(path, "--text", TEXT, "-o", "x.wav")
    assert outcome.code == 2 and outcome.err.startswith(f"error: {path}: ") and not list(Path().iterdir())


def write_manifest(*lines: dict[str, Any] | str) -> None:
    Path("all").mkdir(exist_ok=True)
    (Path("all") / "one.flac").write_bytes(RECORDING.read_bytes())
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    Path("all/m.jsonl").write_text("\n".join(texts))


def test_a_manifest_makes_many_and_names_the_lines_it_cannot(transfer: Run) -> None:
    good = {"source": "one.flac", "text": TEXT}
    write_manifest(
        good,
        {**good, "speaker": "high", "output": "loud", "strength": 0.5},
        "",
        {**good, "source": "two.flac"},
        {**good, "speaker": "nobody"},
        {**good, "output": "loud.wav"},
        "{",
        {"source": "one.flac"},
        {**good, "keep": "rhythm"},
    )
    outcome = transfer("--manifest", "all/m.jsonl", "--output-dir", "out", "--json")
    assert outcome.code == 2 and "5 of 8 lines" in outcome.err and "all other lines are in out" in outcome.err
    told = [json.loads(line) for line in outcome.out.splitlines()]
    assert [one["file"] for one in told] == ["out/0001.wav", "out/loud.wav", "out/0009.wav"]
    assert [(one["speaker"], one["strength"], one["keep"]) for one in told][1:] == [("high", 0.5, None), ("low", 1.0, "rhythm")]
    reasons = {
        4: "two.flac: no such file",
        5: "it has: low, high",
        6: "that of line 2",
        7: "not JSON",
        8: "its text is not given",
    }
    for number, reason in reasons.items():
        assert any(line.startswith(f"all/m.jsonl:{number}: ") and reason in line for line in outcome.err.splitlines()), number
    assert sorted(path.name for path in Path("out").iterdir()) == ["0001.wav", "0009.wav", "loud.wav"]


def test_a_manifest_is_carried_on_with(transfer: Run) -> None:
    good = {"source": "one.flac", "text": TEXT}
    write_manifest(good, good)
    Path("out").mkdir()
    Path("out/0001.wav").write_text("kept")
    outcome = transfer("--manifest", "all/m.jsonl", "--output-dir", "out", "--resume")
    assert (outcome.code, outcome.out) == (0, b"out/0002.wav\n") and Path("out/0001.wav").read_text() == "kept"


@pytest.mark.parametrize("text", [None, "", "\n\n"])
def test_a_manifest_without_lines_is_refused(transfer: Run, text: str | None) -> None:
    if text is not None:
        Path("m.jsonl").write_text(text)
    outcome = transfer("--manifest", "m.jsonl", "--output-dir", "out")
    assert outcome.code == 2 and "m.jsonl: " in outcome.err and not Path("out").exists()


def test_what_is_said_may_be_recognised(transfer: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    recognition = pytest.importorskip("tts_cli.evaluation.measures.recognition")

    class Hears:
        def __init__(self, threads: int) -> None:
            assert threads == 1

        def transcribe(self, audio: np.ndarray, sample_rate: int) -> str:
            return TEXT if len(audio) > sample_rate / 2 else ""

    monkeypatch.setattr(recognition, "Recogniser", Hears)
    told = transfer(RECORDING, "--transcribe", "-o", "x.wav", "--json").json
    assert told["text"] == TEXT
    write_manifest({"source": "one.flac"})
    assert transfer("--manifest", "all/m.jsonl", "--output-dir", "out", "--transcribe").out == b"out/0001.wav\n"


def test_source_and_result_are_drawn_and_timed(transfer: Run) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("swift_f0")
    outcome = transfer(RECORDING, "--text", TEXT, "-o", "x.wav", "--plot", "x.png", "--save-timings", "x.TextGrid")
    assert outcome.code == 0 and Path("x.png").read_bytes().startswith(b"\x89PNG")
    assert '"carry"' in Path("x.TextGrid").read_text()
    assert sorted(path.name for path in Path().iterdir()) == ["x.TextGrid", "x.png", "x.wav"]
