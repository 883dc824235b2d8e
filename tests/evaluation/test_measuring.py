"""Measurements are kept by content: an interrupted run continues, and nothing is measured twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from listeners import peak

from tts_cli.audio.mel import Floats
from tts_cli.corpora.layouts import Clip
from tts_cli.evaluation import measuring
from tts_cli.evaluation.measures import instruments
from tts_cli.evaluation.measures.instruments import Instruments
from tts_cli.evaluation.measuring import Keeping, StandardKit, audio_files, distinct_file_names, measure_system
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.sources import folder_system
from tts_cli.evaluation.systems import System, SystemOutput

pytestmark = pytest.mark.usefixtures("own_cache")

PROMPTS = tuple(Prompt(f"Text {number}.", "anna", name=f"{number:04}") for number in range(4))
KIT = StandardKit(("naturalness",))


@dataclass
class Told:
    """System that notes each utterance, and is interrupted at one of them."""

    spoken: list[str]
    ends_at: str = ""
    version: str = "1"

    def __call__(self, prompt: Prompt, seed: int) -> SystemOutput:
        if prompt.text == self.ends_at:
            raise KeyboardInterrupt
        self.spoken.append(f"{prompt.text}{seed}")
        return SystemOutput(np.full(1600, 0.1 + seed / 10000, np.float32), 16000, cpu_s=0.05)

    def identity(self, _: Prompt) -> str:
        return self.version

    def system(self, num_seeds: int = 1) -> System:
        return System("told", self, PROMPTS, num_seeds, identity=self.identity)


@pytest.fixture(autouse=True)
def scored(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note each score of naturalness."""
    scores: list[float] = []

    def predict(audio: Floats, sample_rate: int) -> float:
        scores.append(peak(audio, sample_rate))
        return scores[-1]

    monkeypatch.setattr(instruments, "naturalness", predict)
    measuring._opened.cache_clear()
    return scores


def test_an_interrupted_run_continues(scored: list[float]) -> None:
    stopped = Told([], ends_at="Text 2.")
    with pytest.raises(KeyboardInterrupt):
        measure_system(stopped.system(), KIT)
    assert stopped.spoken == ["Text 0.0", "Text 1.0"] and len(scored) == 2
    resumed = Told([])
    found = measure_system(resumed.system(), KIT)
    assert resumed.spoken == ["Text 2.0", "Text 3.0"] and len(scored) == 4
    assert [one.prompt for one in found] == list(PROMPTS)
    assert [one.figures for one in found] == [{"naturalness": pytest.approx(1.4), "cpu": pytest.approx(0.5)}] * 4
    again = Told([])
    assert [one.figures for one in measure_system(again.system(), KIT)] == [one.figures for one in found]
    assert again.spoken == [], "all results are kept"


@pytest.mark.parametrize(
    "change",
    [
        lambda told: replace(told, version="2").system(),
        lambda told: replace(told.system(), prompts=tuple(replace(one, text=one.text + "!") for one in PROMPTS)),
        lambda told: replace(told.system(), prompts=tuple(replace(one, speaker="ben") for one in PROMPTS)),
        lambda told: replace(told.system(), origin="copy"),
    ],
)
def test_other_content_is_measured_anew(change: Callable[[Told], System]) -> None:
    told = Told([])
    measure_system(told.system(), KIT)
    told.spoken.clear()
    measure_system(change(told), KIT)
    assert len(told.spoken) == 4


def test_a_changed_recording_is_compared_anew(tmp_path: Path) -> None:
    clip = Clip("c", "a1", "anna", "Yes.", tmp_path / "a1.wav", "")
    told = Told([])
    system = replace(told.system(), prompts=(Prompt("Yes.", "anna", recording=clip),))
    for length in (100, 100, 200):
        soundfile.write(clip.audio, np.zeros(length), 16000)
        measure_system(system, KIT)
    assert len(told.spoken) == 2


def test_more_seeds_add_to_the_kept_ones() -> None:
    told = Told([])
    measure_system(told.system(), KIT)
    found = measure_system(told.system(3), KIT)
    assert told.spoken[4:] == [f"Text {number}.{seed}" for number in range(4) for seed in (1000, 2000)]
    assert [one["naturalness"] for one in found[0].seeds] == pytest.approx([1.4, 1.8, 2.2])


def test_a_version_of_the_measures_counts(monkeypatch: pytest.MonkeyPatch, scored: list[float]) -> None:
    told = Told([])
    measure_system(told.system(), KIT)
    monkeypatch.setitem(measuring._VERSIONS, "naturalness", 99)
    measure_system(told.system(), KIT)
    assert len(scored) == 8


def test_unnamed_systems_and_instruments_keep_nothing() -> None:
    told = Told([])
    for _ in range(2):
        measure_system(replace(told.system(), identity=None), KIT)
        measure_system(told.system(), Instruments(predict=peak))
    assert len(told.spoken) == 16


def test_audio_is_written_once_and_again_if_it_is_gone_or_another(tmp_path: Path) -> None:
    told, keeping = Told([]), Keeping(folder=tmp_path / "told")
    measure_system(told.system(2), KIT, keeping)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.flac"))
    assert files == [f"told/anna/{number:04}.flac" for number in range(4)]
    samples, rate = soundfile.read(tmp_path / files[0])
    assert (len(samples), rate) == (1600, 16000) and samples[0] == pytest.approx(0.1, abs=1e-4), "of the first seed"
    told.spoken.clear()
    (tmp_path / files[1]).unlink()
    soundfile.write(tmp_path / files[2], np.zeros(10), 16000)
    measure_system(told.system(2), KIT, keeping)
    assert told.spoken == ["Text 1.0", "Text 2.0"] and len(soundfile.read(tmp_path / files[2])[0]) == 1600


def test_a_sentence_twice_is_spoken_once_and_has_two_files(tmp_path: Path) -> None:
    told = Told([])
    twice = (PROMPTS[0], replace(PROMPTS[0], name="again"), PROMPTS[0])
    system = replace(told.system(2), prompts=twice)
    found = measure_system(system, KIT)
    assert told.spoken == ["Text 0.0", "Text 0.1000"] and [len(one.seeds) for one in found] == [2, 2, 2]
    measure_system(system, KIT, Keeping(folder=tmp_path))
    assert sorted(path.name for path in tmp_path.rglob("*.flac")) == ["0000.flac", "again.flac"]


def test_files_have_names_of_their_own(tmp_path: Path) -> None:
    assert distinct_file_names(["a b", "a/b", "A_B", "..", ""]) == ["a_b", "a_b-2", "A_B-3", "_", "_-2"]
    prompts = tuple(Prompt(text, "../x") for text in ("Is it?", "Is it!", "Was ist’s?"))
    found = audio_files(System("s", Told([]), prompts), tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found.values()] == [
        "_x/Is_it_.flac", "_x/Is_it_-2.flac", "_x/Was_ist_s_.flac",
    ]  # fmt: skip


def test_worker_processes_give_the_same_figures(tmp_path: Path) -> None:
    for needed in ("swift_f0", "librosa"):
        pytest.importorskip(needed)
    kit = StandardKit(("spectra",))
    for place, prompt in enumerate(PROMPTS[:2]):
        noise = np.random.default_rng(place).normal(0, 0.1, 8000)
        soundfile.write(tmp_path / f"{prompt.id}.wav", noise, 16000)
    system = folder_system("made", tmp_path, PROMPTS[:2])
    several = [one.figures for one in measure_system(system, kit, Keeping(jobs=2))]
    alone = measure_system(replace(system, identity=None), kit)
    assert several == [one.figures for one in alone] and several[0]
