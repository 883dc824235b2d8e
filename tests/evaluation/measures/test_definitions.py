"""Definitions of measures for headings and notes."""

from pathlib import Path

import pytest

from tts_cli.audio.files import read_audio
from tts_cli.evaluation.measures.comparison import compare_utterances, describe_utterance
from tts_cli.evaluation.measures.definitions import MEASURES
from tts_cli.evaluation.statistics import mean_estimate

CLIP = Path(__file__).parents[3] / "data/cmu_us_slt_arctic/wav/arctic_a0098.flac"


def test_every_value_has_a_definition_and_every_definition_a_value() -> None:
    for needed in ("librosa", "pesq", "pystoi", "swift_f0"):
        pytest.importorskip(needed)
    audio, text = read_audio(CLIP, 16000), "Shall I carry you?"
    found = compare_utterances(audio, audio, text, 16000, 16000, is_copy=True) | describe_utterance(audio, 16000, text)
    of_instruments = {"wer", "cer", "naturalness", "cosine"}
    assert set(MEASURES) - of_instruments == set(found) | {"pause_length_s"}


def test_headings_are_short_and_differ_and_notes_are_sentences() -> None:
    titles = [one.title for one in MEASURES.values()]
    assert len(set(titles)) == len(titles) and max(map(len, titles)) <= 28
    assert all(one.note[0].isupper() and one.note.endswith(".") for one in MEASURES.values())
    assert all((one.scale == 100) == ("%" in one.title) for one in MEASURES.values())


def test_correlations_are_better_if_higher_and_errors_if_lower() -> None:
    for name, one in MEASURES.items():
        if "correlation" in name:
            assert one.better == "higher"
        if "error" in name or "rmse" in name or "mcd" in name or "distance" in name:
            assert one.better == "lower"


def test_a_column_shows_percent() -> None:
    column = MEASURES["gross_pitch_error_dtw"].column("gross_pitch_error_dtw")
    assert (column.key, column.title) == ("gross_pitch_error_dtw", "GPE % (DTW)")
    assert mean_estimate([0.125, 0.125]).text(column.decimals, column.scale, " ").startswith("12.5")
