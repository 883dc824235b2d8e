"""Tables of prosody, and paired tests between the first system and each later one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tts_cli.evaluation.measures.definitions import MEASURES
from tts_cli.evaluation.measures.instruments import PromptFigures
from tts_cli.evaluation.report import Column, Report, Row
from tts_cli.evaluation.statistics import Pairs

_IN_STEP = ("f0_rmse_semitones", "f0_correlation", "gross_pitch_error", "voicing_error", "f0_frame_error")
PROSODY: Mapping[str, tuple[str, ...]] = {
    "F0 against the recordings": (
        "f0_rmse_semitones_dtw",
        "f0_correlation_dtw",
        "gross_pitch_error_dtw",
        "voicing_error_dtw",
        "f0_frame_error_dtw",
    ),
    "cepstra, energy and durations against the recordings": (
        "mcd_dtw",
        "energy_correlation_dtw",
        "duration_correlation",
        "duration_error_ms",
    ),
    "F0 of copies against the recordings, frame by frame": tuple(f"{name}_in_step" for name in _IN_STEP),
    "signal of copies against the recordings": ("pesq", "stoi", "log_spectral_distance", "mel_distance", "mcd_in_step"),
    "rate": ("speech_s", "speech_rate", "articulation_rate"),
    "pauses": ("num_pauses", "pause_length_s", "pause_share"),
    "F0": ("f0_mean_hz", "f0_deviation_semitones", "f0_range_semitones", "voiced_share"),
    "level": ("level_dbfs", "energy_range_db"),
}
"""Measures of each table of the parts prosody and signal, by its title."""
TESTED = (
    "naturalness",
    "cosine",
    "mcd_dtw",
    "f0_rmse_semitones_dtw",
    "f0_correlation_dtw",
    "f0_frame_error_dtw",
    "energy_correlation_dtw",
    "duration_correlation",
    "pesq",
    "stoi",
)
"""Measures with paired tests, besides WER. The F0 frame error stands for gross pitch and voicing errors, which it counts."""
TESTS_NOTE = (
    "Paired tests: later system minus the first, paired by text. The value of a text is the mean over speakers and noise "
    "seeds; its WER is word errors over words. Wilcoxon's signed-rank test, p-values corrected by Holm over all tests."
)


def prosody_tables(rows: Sequence[Row]) -> list[Report]:
    """Return the tables of the parts prosody and signal, empty where a part was not measured."""
    return [
        table_of(f"Speech: {title}", [MEASURES[name].column(name) for name in names], rows, note_of(names))
        for title, names in PROSODY.items()
    ]


def note_of(names: Iterable[str]) -> str:
    """Return the conventions and sources of measures as one note, each sentence once."""
    sentences: dict[str, None] = {}
    for name in names:
        # A sentence ends where a space and a capital follow the full stop.
        sentences |= dict.fromkeys(re.split(r"(?<=\.) (?=[A-Z])", MEASURES[name].note))
    return " ".join(["95 % bootstrap intervals over prompts.", *sentences])


def pairs_by_text(measured: Mapping[str, Sequence[PromptFigures]]) -> Pairs:
    """Return the samples of the paired tests of `TESTED` and WER: first system and each later one, over their common texts.

    Args:
        measured: measures of the prompts of each system, by its name.
    """
    if len(measured) < 2:
        return {}
    first, *others = measured
    values = {name: {key: _by_text(found, key) for key in ("wer", *TESTED)} for name, found in measured.items()}
    pairs: Pairs = {}
    for other in others:
        for key in ("wer", *TESTED):
            ours, theirs = values[first][key], values[other][key]
            common = [text for text in ours if text in theirs]
            if common:
                sides = [theirs[text] for text in common], [ours[text] for text in common]
                pairs[f"{MEASURES[key].title}: {other} - {first}"] = sides
    return pairs


def _by_text(found: Sequence[PromptFigures], key: str) -> dict[str, float]:
    """Return the value of each text as a table shows it, such as percent."""
    numbers: dict[str, list[tuple[float, float]]] = {}
    for one in found:
        if key == "wer":
            pair = (float(one.words.errors), float(one.words.words)) if one.words else None
        else:
            pair = (one.figures[key], 1.0) if key in one.figures else None
        if pair:
            numbers.setdefault(one.prompt.text, []).append(pair)
    sums = {text: np.sum(pairs, axis=0) for text, pairs in numbers.items()}
    return {text: float(total / count) * MEASURES[key].scale for text, (total, count) in sums.items()}


def table_of(title: str, columns: Sequence[Column], rows: Iterable[Row], note: str) -> Report:
    """Return a table without empty columns and rows."""
    kept = [row for row in rows if any(column.key in row.estimates for column in columns)]
    filled = tuple(column for column in columns if any(column.key in row.estimates for row in kept))
    return Report(title, filled, tuple(_only(row, filled) for row in kept), (note,))


def _only(row: Row, columns: Sequence[Column]) -> Row:
    return replace(row, estimates={c.key: row.estimates[c.key] for c in columns if c.key in row.estimates})
