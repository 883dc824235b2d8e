"""Evaluation of speech from text, with a fake recogniser and predictor that depend on loudness."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from listeners import LoudnessRecogniser, peak

from tts_cli.audio.mel import Floats
from tts_cli.blocks.streamable import Fault
from tts_cli.errors import AudioError, InputError
from tts_cli.evaluation.measures.identity import OwnVoices
from tts_cli.evaluation.measures.instruments import Instruments
from tts_cli.evaluation.measures.naturalness import naturalness
from tts_cli.evaluation.prompts import GroupedText, Prompt, read_prompts, recorded_prompts
from tts_cli.evaluation.report import Report, Reports, Row
from tts_cli.evaluation.sources import play
from tts_cli.evaluation.speech.evaluate import SpeechEvaluation, evaluate_speech, measure_speech, systems_of
from tts_cli.evaluation.statistics import Estimate
from tts_cli.evaluation.systems import System

pytest.importorskip("scipy")


class Chunk(NamedTuple):
    """Chunk of a voice's stream."""

    samples: Floats
    sample_rate: int
    faults: tuple[Fault, ...] = ()


class OneVoice:
    """Voice that speaks in two chunks, followed by an empty chunk with a fault."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def stream(self, text: str, speaker: str, seed: int, best_effort: bool) -> Iterator[Chunk]:
        assert (text, speaker, best_effort) == ("Yes, it is.", "ben", True)
        self.seeds.append(seed)
        yield from [Chunk(np.full(100, 1 - seed / 4000, np.float32), 22050)] * 2
        yield Chunk(np.zeros(0, np.float32), 22050, (Fault("endless", "no end"),))


def rows_of(reports: Reports, title: str) -> dict[tuple[str, str], Row]:
    """Return the rows of the table with `title` in its title, by group and name."""
    (report,) = [report for report in reports.reports if title in report.title]
    return {(row.group, row.name): row for row in report.rows}


def value(row: Row, key: str) -> float:
    return row.estimates[key].value


def test_speech_is_measured_beside_its_recordings(corpora: Path) -> None:
    spoken = []

    def speak(prompt: Prompt, seed: int) -> tuple[Floats, int]:
        spoken.append((prompt.speaker, prompt.text, seed))
        return np.full(8000, 0.5 if prompt.speaker == "anna" else 0.01, np.float32), 16000

    systems = systems_of({"ours": speak}, recorded_prompts(read_prompts(corpora, "test")), num_seeds=1)
    reports = measure_speech(systems, Instruments(LoudnessRecogniser()))
    assert spoken == [("anna", "Yes, it is.", 0), ("anna", "Is it?", 0), ("ben", "Yes, it is.", 0)]
    rows = [(row.group, row.name, row.num_clips, value(row, "wer")) for row in reports.reports[0].rows]
    assert rows == [("anna", "ours", 2, 0), ("anna", "recordings", 2, 0), ("ben", "ours", 1, 1), ("ben", "recordings", 1, 0)]
    assert [detail["wer"]["errors"] for detail in reports.reports[0].details] == [0, 0, 3, 0, 0, 0]
    assert [column.key for column in reports.reports[0].columns] == ["wer"]


def test_a_voice_is_asked_for_the_speaker_of_the_recording_with_every_seed(corpora: Path) -> None:
    voice = OneVoice()
    asked = SpeechEvaluation({"ours": voice}, corpora, ("ben",), ("wer", "naturalness"))
    reports = evaluate_speech(asked, Instruments(LoudnessRecogniser(), peak))
    assert voice.seeds == [0, 1000, 2000], "far apart: sentences count theirs up"
    rows = rows_of(reports, "word errors")
    assert [value(row, "wer") for row in rows.values()] == [0, 0]
    ours, recorded = rows["ben", "ours"], rows["ben", "recordings"]
    assert value(ours, "naturalness") == pytest.approx(1 + 4 * 0.75), "the mean over seeds"
    assert value(recorded, "naturalness") == pytest.approx(1 + 4 * 0.3, abs=1e-2)
    assert ours.estimates["faultless"] == Estimate(0.0, 0.0, 0.0, 1) and "faultless" not in recorded.estimates
    detail = reports.reports[0].details[0]
    assert detail["faults"] == [{"kind": "endless", "message": "no end"}]
    assert [seed["naturalness"] for seed in detail["seeds"]] == pytest.approx([5, 4, 3])
    json.dumps(reports.as_dict())


def test_later_systems_are_compared_with_the_first_text_by_text(corpora: Path) -> None:
    def loud(level: float) -> System:
        def speak(prompt: Prompt, _: int) -> tuple[Floats, int]:
            return np.full(8000, level + 0.1 * (prompt.text == "Is it?"), np.float32), 16000

        return systems_of({f"{level}": speak}, recorded_prompts(read_prompts(corpora, "test")), 1)[0]

    lonely = System("peer", lambda *_: (np.full(8000, 0.9, np.float32), 16000), (Prompt("Is it?", "someone"),))
    reports = measure_speech([loud(0.0), loud(0.5), lonely], Instruments(LoudnessRecogniser(), peak))
    rows = rows_of(reports, "differences")
    assert list(rows) == [("all speakers", "0.5 - 0.0"), ("all speakers", "peer - 0.0")]
    louder = rows["all speakers", "0.5 - 0.0"].estimates
    assert louder["naturalness"].value == pytest.approx(2, abs=1e-6) and louder["naturalness"].num_clips == 2
    assert louder["naturalness"].low == pytest.approx(2, abs=1e-6), "every text differs by as much"
    assert louder["wer"].value == pytest.approx(-1, abs=0.3)
    assert rows["all speakers", "peer - 0.0"].estimates["naturalness"].num_clips == 1
    heard = rows_of(reports, "word errors")
    assert value(heard["anna", "0.0"], "naturalness_p10") < value(heard["anna", "0.0"], "naturalness")


def test_sentences_without_recordings_are_spoken_by_every_speaker(corpora: Path) -> None:
    asked = SpeechEvaluation(
        {"ours": OneVoice()}, corpora, ("ben",), ("naturalness",), 1, sentences=(GroupedText("short", "Yes, it is."),)
    )
    reports = evaluate_speech(asked, Instruments(predict=peak, has_spectra=False))
    assert [(row.group, row.name) for row in reports.reports[0].rows] == [("ben", "ours")]
    assert reports.reports[0].details[0]["kind"] == "short"


def test_by_default_those_who_read_the_same_prompts_speak(corpora: Path) -> None:
    voice = SimpleNamespace(speakers=("one", "two"))
    asked = SpeechEvaluation({"ours": voice}, corpora)
    assert {prompt.speaker for prompt in asked.prompts()} == {"anna", "ben"}
    sentences = (GroupedText("short", "Yes."),)
    assert [prompt.speaker for prompt in replace(asked, sentences=sentences).prompts()] == ["anna", "ben"]
    alone = SpeechEvaluation({"ours": voice}, None, (), ("wer",), sentences=sentences)
    assert [prompt.speaker for prompt in alone.prompts()] == ["one", "two"], "without corpora, those of the voice"
    for parts, texts in ((("wer", "identity"), sentences), (("wer",), ())):
        with pytest.raises(InputError, match="need recordings"):
            SpeechEvaluation({"ours": voice}, None, (), parts, sentences=texts)


def test_recordings_have_all_of_their_own_detail(corpora: Path) -> None:
    for needed in ("swift_f0", "librosa"):
        pytest.importorskip(needed)
    prompts = recorded_prompts(read_prompts(corpora, "test", ["anna"]))
    reports = measure_speech(systems_of({"copied": play}, prompts, 1), Instruments(has_spectra=True))
    shares = rows_of(reports, "detail")["anna", "copied"].estimates
    assert shares and all(share == Estimate(1.0, 1.0, 1.0, share.num_clips) for share in shares.values())
    errors = rows_of(reports, "errors against")["anna", "copied"].estimates
    assert errors["mel_cepstral_distortion"].value == errors["voicing_error"].value == 0
    assert "harmonic_level" not in errors
    assert list(rows_of(reports, "detail")) == [("anna", "copied")]


def test_silence_names_its_prompt() -> None:
    silent = System("silent", lambda *_: (np.zeros(800, np.float32), 16000), (Prompt("Is it?", "anna"),))
    with pytest.raises(AudioError, match=r"'Is it\?', anna: .*silent"):
        measure_speech([silent], Instruments(predict=naturalness))


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'spectrum'") as caught:
        Instruments.of(["spectrum"], tmp_path)
    assert "spectra" in str(caught.value.hint)


def test_a_speaker_without_recordings_has_no_cosine(corpora: Path) -> None:
    voices = OwnVoices(corpora)
    assert np.isnan(voices.cosine("nobody", np.ones(8000, np.float32), 16000))


def test_tables_without_figures_are_left_out(corpora: Path) -> None:
    prompts = recorded_prompts(read_prompts(corpora, "test"))
    reports = measure_speech(systems_of({}, prompts), Instruments(LoudnessRecogniser()))
    assert [report.title for report in reports.reports] == ["Speech: word errors and naturalness"]
    assert isinstance(reports.reports[0], Report)
