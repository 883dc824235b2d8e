"""Pictures of the utterances with the lowest naturalness."""

from pathlib import Path

import numpy as np
import pytest
from listeners import peak

from tts_cli.errors import InputError, OutputError
from tts_cli.evaluation.measures.instruments import Instruments, PromptFigures
from tts_cli.evaluation.prompts import GroupedText, Prompt, read_prompts, recorded_prompts, unrecorded_prompts
from tts_cli.evaluation.speech.evaluate import measure_speech, systems_of
from tts_cli.evaluation.speech.pictures import draw_spectrograms, worst_seed
from tts_cli.evaluation.systems import System, SystemOutput

pytest.importorskip("scipy")
TEXTS = [GroupedText("short", f"Number {number}.") for number in range(12)]


def quiet_first(prompt: Prompt, seed: int) -> SystemOutput:
    """Speak louder for a higher number in the text; the second seed is softer."""
    level = (1 + int(prompt.text.split()[1].rstrip("."))) / 13 * (0.9 if seed else 1)
    return SystemOutput(np.full(1600, level, np.float32), 16000)


def test_the_ten_worst_are_drawn_the_worst_first(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    system = System("our voice/1", quiet_first, unrecorded_prompts(TEXTS, ["anna"]), num_seeds=2)
    measure_speech([system], Instruments(predict=peak), tmp_path / "drawn")
    names = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert names == [f"{rank:02}-our_voice_1-anna-Number_{rank - 1}..png" for rank in range(1, 11)]


def test_recordings_are_drawn_beside_and_not_for_themselves(corpora: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    prompts = recorded_prompts(read_prompts(corpora, "test", ["anna"]))
    systems = systems_of({"ours": lambda *_: SystemOutput(np.full(1600, 0.5, np.float32), 22050)}, prompts, 1)
    measure_speech(systems, Instruments(predict=peak), tmp_path / "drawn")
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["01-ours-anna-a1.png", "02-ours-anna-a2.png"]


def test_without_naturalness_nothing_says_what_is_worst(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lowest DistillMOS"):
        measure_speech([], Instruments(), tmp_path)


def test_a_picture_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(OutputError):
        draw_spectrograms(tmp_path / "nowhere" / "x.png", "silence", {"silence": SystemOutput(np.zeros(1600, np.float32), 16000)})


def test_the_worst_seed_has_the_lowest_score() -> None:
    seeds = ({"naturalness": 3.0}, {"naturalness": 2.0}, {})
    assert worst_seed(PromptFigures(Prompt("Yes.", "anna"), seeds)) == 1
