"""Repeats, skips and truncations in alignments, and voices on hard sentences with a fake recogniser."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tts_cli.audio.mel import Floats
from tts_cli.blocks.streamable import Fault
from tts_cli.cli.main import main
from tts_cli.evaluation.measures.recognition import Recogniser, WordErrors, count_errors
from tts_cli.evaluation.measures.slips import Slips, find_slips, is_repeated
from tts_cli.evaluation.prompts import GroupedText
from tts_cli.evaluation.speech import robustness
from tts_cli.evaluation.speech.robustness import evaluate_robustness

for needed in ("jiwer", "scipy", "whisper_normalizer"):
    pytest.importorskip(needed)


@pytest.mark.parametrize(
    ("heard", "slips"),
    [
        ("the cat sat on the old mat", Slips(0, 0, 0, 0)),
        ("the cat sat the cat sat on the old mat", Slips(3, 1, 0, 0)),
        ("the cat the cat the cat sat on the old mat", Slips(4, 1, 0, 0)),
        ("the cat sat sat on the old old mat", Slips(2, 2, 0, 0)),
        ("well the cat sat on the very old mat", Slips(2, 0, 0, 0)),
        ("the cat the old mat", Slips(2, 0, 1, 0)),
        ("on the old mat", Slips(3, 0, 1, 0)),
        ("the cat sat on the mat", Slips(1, 0, 0, 0)),
        ("the cat sat on the", Slips(2, 0, 0, 1)),
        ("the cat sat on the old", Slips(1, 0, 0, 1)),
        ("the hat sat on a gold mat", Slips(3, 0, 0, 0)),
        ("", Slips(7, 0, 0, 1)),
    ],
)
def test_slips_are_told_apart(heard: str, slips: Slips) -> None:
    assert find_slips("the cat sat on the old mat", heard) == slips


def test_words_written_together_or_apart_are_no_errors() -> None:
    assert find_slips("any one of the b b c", "anyone of the bbc") == Slips(0, 0, 0, 0)
    assert find_slips("anyone knows", "any one knows") == Slips(0, 0, 0, 0)
    assert find_slips("the b b c said", "the bbd said").errors == 3


def test_legitimate_repetition_is_no_slip_and_one_more_is() -> None:
    text = "no no no that is not it"
    assert find_slips(text, text) == Slips(0, 0, 0, 0)
    assert find_slips(text, f"no {text}").repeats == 1
    assert find_slips(text, "no that is not it").skips == 1


@pytest.mark.parametrize(("start", "end"), [(0, 2), (1, 3), (2, 4)])
def test_a_repeat_is_found_wherever_the_alignment_puts_it(start: int, end: int) -> None:
    assert is_repeated("a b a b".split(), start, end)
    assert not is_repeated("a b c d".split(), start, end)


SENTENCES = (GroupedText("list", "Cats, dogs and birds."), GroupedText("list", "Fish."), GroupedText("letters", "A and B."))


class _Listener(Recogniser):
    """Recogniser that returns one word for each sample."""

    def __init__(self) -> None: ...

    def word_errors(self, text: str, audio: Floats, sample_rate: int) -> WordErrors:
        assert sample_rate == 2
        return count_errors(text, " ".join(text.split()[: len(audio)]))


@dataclass
class _Voice:
    """Voice that gives one sample for each word, up to a limit, in two chunks."""

    longest: int = 99
    faults: tuple[Fault, ...] = ()

    def stream(self, text: str, speaker: str | None, seed: int, best_effort: bool) -> Iterator[SimpleNamespace]:
        assert (speaker, seed) == ("slt", 0) and best_effort
        samples = np.ones(min(len(text.split()), self.longest), np.float32)
        yield SimpleNamespace(samples=samples[:1], sample_rate=2, faults=())
        yield SimpleNamespace(samples=samples[1:], sample_rate=2, faults=self.faults)


def test_every_voice_is_measured_in_every_group_and_compared_with_the_first() -> None:
    cut = _Voice(longest=2, faults=(Fault("truncation", "ended early"),))
    report = evaluate_robustness({"whole": _Voice(), "cut": cut}, SENTENCES, "slt", _Listener())
    rows = {(row.group, row.name): row.estimates for row in report.rows}
    assert list(rows) == [(group, name) for group in ("list", "letters", "all") for name in ("whole", "cut", "cut - whole")]
    for key, whole, other in (("wer", 0, 3 / 8), ("truncations", 0, 2 / 3), ("faultless", 1, 0), ("audio_s", 8 / 6, 5 / 6)):
        figures = [rows["all", name][key].value for name in ("whole", "cut", "cut - whole")]
        assert figures == pytest.approx([whole, other, other - whole])
    assert rows["list", "cut"]["wer"].num_clips == 2
    assert rows["all", "whole"]["cpu_s_per_audio_s"].value > 0 < rows["all", "whole"]["first_audio_ms"].value


def test_details_hold_every_sentence_as_it_was_heard() -> None:
    report = evaluate_robustness({"cut": _Voice(1, (Fault("skip", "left out"),))}, SENTENCES, "slt", _Listener())
    detail = report.details[0]
    assert (detail["row"], detail["group"], detail["text"], detail["heard"]["hypothesis"]) == ("cut", *SENTENCES[0], "cats")
    assert detail["faults"] == ({"kind": "skip", "message": "left out"},)
    assert detail["slips"] == {"errors": 3, "repeats": 0, "skips": 0, "truncations": 1}
    assert "| all | cut | 3 |" in report.markdown()


class _Deaf(_Listener):
    """Recogniser that returns an empty transcript."""

    def word_errors(self, text: str, audio: Floats, sample_rate: int) -> WordErrors:
        assert sample_rate == 16000 and len(audio) > 1000
        return count_errors(text, "")


def test_the_command_speaks_some_of_each_group_with_every_voice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTS_ADDONS", str(Path(__file__).parents[2] / "addons"))
    monkeypatch.setattr(robustness, "Recogniser", _Deaf)
    file = tmp_path / "hard.txt"
    file.write_text("".join(f"{group}|{text}\n" for group, text in SENTENCES))
    voices = ["--addon", "tiny-acoustic", "--addon", "tiny-attention"]
    command = ["evaluate", "robustness", "--sentences", str(file), "--speaker", "high", "--limit", "1", "--json"]
    assert main([*command, *voices]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [(row["group"], row["name"], row["wer"]["num_clips"]) for row in report["rows"]][-3:] == [
        ("all", "tiny-acoustic", 2),
        ("all", "tiny-attention", 2),
        ("all", "tiny-attention - tiny-acoustic", 2),
    ]
    assert all(row["truncations"]["value"] == 1 for row in report["rows"][:2])
    assert {fault["kind"] for detail in report["details"] for fault in detail["faults"]} <= {
        "repeat",
        "skip",
        "truncation",
        "endless",
    }
    assert main(["evaluate", "robustness", "--sentences", str(tmp_path / "nothing.txt")]) == 2
    assert "nothing.txt" in capsys.readouterr().err
