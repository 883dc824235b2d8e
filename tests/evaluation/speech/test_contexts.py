"""Parity of contexts, on the tiny voice and on hand-made renderings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tts_cli.audio.mel import Floats
from tts_cli.cli.main import main
from tts_cli.errors import TtsError
from tts_cli.evaluation.prompts import GroupedText
from tts_cli.evaluation.speech import contexts
from tts_cli.evaluation.speech.contexts import (
    Comparison,
    Piece,
    Rendering,
    StackRecorder,
    compare,
    compare_contexts,
    measure_starts,
)
from tts_cli.voice.synthesis import Voice, load

TINY = Path(__file__).parents[2] / "addons"
SENTENCES = (
    GroupedText("short", "Hello."),
    GroupedText("long", "The cat sat on the mat, and the dog lay under the old oak tree."),
)
SCHEDULE = {"first": 7, "growth": 1.0, "maximum": 11}


@pytest.fixture(scope="module")
def addons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny addons with two more contexts: other chunk sizes, and other chunk sizes with a low token limit."""
    folder = tmp_path_factory.mktemp("addons")
    for name in ("tiny-acoustic", "tiny-vocoder"):
        copy = Path(shutil.copytree(TINY / name, folder / name)) / "addon.json"
        config = json.loads(copy.read_text())
        config["contexts"] |= {"small": {"chunks": SCHEDULE}, "short": {"chunks": SCHEDULE, "max_tokens": 30}}
        copy.write_text(json.dumps(config))
    return folder


def open_voice(addons: Path, context: str = "default") -> Voice:
    return load(addons / "tiny-acoustic", context=context)


def test_contexts_of_other_chunks_agree(addons: Path) -> None:
    report = compare_contexts("small", open_voice(addons), open_voice(addons, "small"), SENTENCES)
    assert [comparison.outcome for comparison in report.comparisons] == ["same", "same"]
    assert set(report.comparisons[0].differences) == {"mel", "log_f0", "voicing", "audio"}
    assert report.summary == "2 of 2 sentences agree (mel within 0.001, audio 0.002)"
    assert [row[:4] for row in report.grid().rows] == [["short", "1", "1", "1"], ["long", "1", "1", "1"], ["all", "2", "2", "2"]]
    assert "| all | 2 | 2 | 2 | 0 | 0 | 0 |" in report.grid().markdown()


def test_a_context_with_less_room_is_told_by_its_pieces(addons: Path) -> None:
    report = compare_contexts("short", open_voice(addons), open_voice(addons, "short"), SENTENCES)
    short, long = report.comparisons
    assert (short.outcome, short.num_pieces) == ("same", (1, 1))
    assert (long.outcome, long.num_pieces[0], long.differences) == ("split", 1, {})
    assert long.num_pieces[1] > 1 and long.duration_difference > 0.02
    assert report.num_agreeing == 1
    assert json.loads(json.dumps(report.as_dict()))["details"][1]["agrees"] is False


def test_a_reader_keeps_all_that_the_acoustic_stack_gave(addons: Path) -> None:
    voice = open_voice(addons)
    num_blocks = len(voice.stack.blocks)
    rendering = StackRecorder(voice, "high").read("Hello there. How are you?")
    assert len(rendering.pieces) == 2 and len(voice.stack.blocks) == num_blocks
    for piece in rendering.pieces:
        assert piece.durations is not None and piece.exact_frames is not None
        assert piece.streamed["mel"].shape == (piece.durations.sum(), 80)
        np.testing.assert_array_equal(piece.durations[1:], np.maximum(np.floor(piece.exact_frames[1:] + 0.5), 0))
    frames = sum(len(piece.streamed["mel"]) for piece in rendering.pieces)
    assert len(rendering.audio) == frames * 200 + 0.2 * 16000
    whole = [chunk.samples for chunk in voice.stream("Hello there. How are you?", "high")]
    np.testing.assert_array_equal(rendering.audio, np.concatenate(whole))


def test_a_stack_without_durations_is_held_to_its_frames() -> None:
    voice = load(TINY / "tiny-attention")
    (piece,) = StackRecorder(voice).read("Hello.").pieces
    assert piece.durations is None and len(piece.streamed["mel"]) > 1
    assert compare_contexts("itself", voice, voice, SENTENCES[:1]).num_agreeing == 1


def rendered(frames: list[float] | None, mel: float = 0.0, audio: float = 0.0, num_frames: int = 9) -> Rendering:
    exact = None if frames is None else np.array(frames)
    durations = None if exact is None else np.floor(exact + 0.5).astype(np.int64)
    streamed: dict[str, Floats] = {"mel": np.full((num_frames, 80), mel, np.float32)}
    return Rendering((Piece(("^", "B", "."), durations, exact, streamed),), np.full(1000, audio, np.float32))


def judged(free: Rendering, other: Rendering) -> Comparison:
    return compare(SENTENCES[0], free, other)


@pytest.mark.parametrize(
    ("free", "other", "outcome", "holds"),
    [
        (rendered([2, 4, 3]), rendered([2.2, 4.4, 3.4], 9e-4, 9e-4), "same", True),
        (rendered([2, 4, 3]), rendered([2, 4, 3], mel=2e-3), "same", False),
        (rendered([2, 4, 3]), rendered([2, 4, 3], audio=2e-3), "same", False),
        (rendered([2, 4, 3]), rendered([2, 4, 3], audio=float("nan")), "same", False),
        (rendered([2, 4.4995, 3]), rendered([2, 4.5001, 3]), "tie", True),
        (rendered([2, 4.4985, 3]), rendered([2, 4.5001, 3]), "different", False),
        (rendered([2, 4.4995, 3]), rendered([2, 4.5001, 4]), "different", False),
        (rendered(None), rendered(None), "same", True),
        (rendered(None), rendered(None, num_frames=8), "different", False),
    ],
)
def test_only_rounding_ties_excuse_other_durations(free: Rendering, other: Rendering, outcome: str, holds: bool) -> None:
    comparison = judged(free, other)
    assert (comparison.outcome, comparison.holds()) == (outcome, holds)
    assert bool(comparison.differences) == (outcome == "same")


def run(addons: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.setenv("TTS_ADDONS", str(addons))
    texts = addons / "texts.txt"
    texts.write_text("".join(f"{group}|{text}\n" for group, text in SENTENCES))
    return main(["evaluate", "contexts", "tiny-acoustic", "--sentences", str(texts), "--no-starts", *options])


def test_the_command_prints_and_judges(addons: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(addons, monkeypatch, "--context", "small") == 0
    assert "2 of 2 sentences agree" in capsys.readouterr().out
    assert run(addons, monkeypatch, "--context", "small", "--context", "short", "--json") == 1
    printed = capsys.readouterr()
    reports: list[dict[str, Any]] = json.loads(printed.out)["contexts"]
    assert [report["agreeing"] for report in reports] == [2, 1]
    assert "short against default: 1 of 2" in printed.err
    assert (
        run(addons, monkeypatch, "--context", "small", "--markdown", "--tolerance", "1", "--audio-tolerance", "1", "--limit", "1")
        == 0
    )
    assert "| short | 1 |" in capsys.readouterr().out
    assert run(addons, monkeypatch, "--context", "nowhere") == 2


def test_starts_are_measured_in_fresh_processes(addons: Path) -> None:
    first, second = measure_starts({"addon": str(addons / "tiny-acoustic"), "context": "small"})
    assert first > 0 < second
    with pytest.raises(TtsError, match="nobody"):
        measure_starts({"addon": "nobody"})


def test_starts_stand_beside_the_contexts(
    addons: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(contexts, "measure_starts", lambda arguments: asked.append(arguments["context"]) or [2.0, 0.25])
    assert run(addons, monkeypatch, "--context", "small", "--limit", "1", "--starts") == 0
    assert asked == ["default", "small"]
    assert "0.25" in capsys.readouterr().out
