"""Paired tests by text, and notes of tables of prosody."""

import pytest

from tts_cli.evaluation.measures.definitions import MEASURES
from tts_cli.evaluation.measures.instruments import PromptFigures
from tts_cli.evaluation.measures.recognition import WordErrors
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.speech.comparisons import PROSODY, TESTED, note_of, pairs_by_text
from tts_cli.evaluation.speech.records import SpeechReports, value_of
from tts_cli.evaluation.speech.tables import speech_reports


def measured(text: str, speaker: str, score: float, errors: int = 0, **figures: float) -> PromptFigures:
    words = WordErrors(text, text, errors, 4, errors, 0, 0, 3 * errors, 20)
    return PromptFigures(Prompt(text, speaker), ({"naturalness": score, **figures}, {"naturalness": score + 1}), words)


FIRST = [measured("a", "x", 1.0, 1), measured("a", "y", 2.0, 2), measured("b", "x", 3.0, mcd_dtw=5.0)]
LATER = [measured("b", "own voice", 4.0, mcd_dtw=7.0), measured("a", "own voice", 2.5), measured("c", "own voice", 1.0)]


def test_texts_are_paired_over_speakers_and_seeds() -> None:
    pairs = pairs_by_text({"first": FIRST, "later": LATER})
    assert pairs == {
        "WER %: later - first": ([0.0, 0.0], [37.5, 0.0]),
        "DistillMOS: later - first": ([3.0, 4.5], [2.0, 3.5]),
        "MCD dB (DTW): later - first": ([7.0], [5.0]),
    }
    assert pairs_by_text({"first": FIRST}) == {} and pairs_by_text({}) == {}


def test_all_tests_of_a_report_are_corrected_together() -> None:
    pytest.importorskip("scipy")
    found = speech_reports({"first": FIRST, "later": LATER, "third": FIRST})
    assert len(found.tests) == 6 and [test.p for test in found.tests][3:] == [1, 1, 1], "the third is the first again"
    assert found.tests[1].difference.value == pytest.approx(1.0)
    assert any("Holm" in note for note in found.notes)
    assert speech_reports({"first": FIRST}).tests == ()
    characters = next(one for one in found.reports if "character" in one.title)
    assert characters.rows[0].estimates["cer"].value == pytest.approx(3 / 40)
    assert characters.rows[0].estimates["substitutions"].value == pytest.approx(1 / 8)


def test_every_table_has_measures_with_a_definition_and_a_note_that_says_each_thing_once() -> None:
    names = [name for table in PROSODY.values() for name in table]
    assert len(set(names)) == len(names) and set(names) | set(TESTED) <= set(MEASURES)
    assert max(map(len, PROSODY.values())) <= 5, "wider tables do not fit into 120 characters"
    note = note_of(PROSODY["F0 against the recordings"])
    assert note.count("dynamic time warping") == 1 and "Nakatani" in note and "Chu and Alwan 2009" in note


def test_values_of_utterances_are_shown_in_the_unit_of_the_table() -> None:
    assert value_of(measured("a", "x", 1.0, 1), "wer") == 25.0
    assert value_of(FIRST[2], "mcd_dtw") == 5.0 and value_of(FIRST[0], "mcd_dtw") != value_of(FIRST[0], "mcd_dtw")


def test_utterances_of_other_voices_stand_beside_those_of_the_same_text() -> None:
    reports = SpeechReports("Speech", (), (), (), {"first": FIRST, "later": LATER})
    assert [{name: one.prompt.speaker for name, one in reports.of_prompt(found.prompt).items()} for found in FIRST] == [
        {"first": "x", "later": "own voice"}, {"first": "y", "later": "own voice"}, {"first": "x", "later": "own voice"},
    ]  # fmt: skip
