"""Report tables of the evaluation of speech from text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tts_cli.evaluation.measures.definitions import MEASURES
from tts_cli.evaluation.measures.harmonics import FLOOR_DB
from tts_cli.evaluation.measures.instruments import PromptFigures
from tts_cli.evaluation.measures.recognition import WordErrors, character_error_rate, word_error_rate
from tts_cli.evaluation.measures.spectra import KINDS, SPEECH_DB, TEXTURES
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.report import FAULTLESS, OBJECTIVE, WER, Column, Report, Reports, Row
from tts_cli.evaluation.speech.comparisons import TESTS_NOTE, pairs_by_text, prosody_tables, table_of
from tts_cli.evaluation.statistics import (
    Estimate,
    difference_estimate,
    mean_estimate,
    paired_tests,
    percentile_estimate,
    ratio_estimate,
)
from tts_cli.evaluation.systems import RECORDINGS

NATURALNESS = Column("naturalness", "DistillMOS")
LOW_NATURALNESS = Column("naturalness_p10", "10th perc.")
ABOVE_RECORDINGS = Column("naturalness_above_recordings", "- recordings")
COSINE = Column("cosine", "cosine", 3)
_TITLES = {"deviation": "deviation", "detail_bands": "bands", "detail_frames": "frames"}
SHARES = tuple(Column(f"{key}_{kind}", f"{title}, {kind[0]}.", 0, 100.0) for key, title in _TITLES.items() for kind in KINDS)
ERRORS = (
    Column("mel_cepstral_distortion", "MCD dB"),
    Column("f0_rmse_semitones", "F0 RMSE st"),
    Column("voicing_error", "VDE %", 1, 100.0),
    Column("harmonic_level", "pulses dB", 1),
)
HEARD = (WER, FAULTLESS, NATURALNESS, LOW_NATURALNESS, COSINE, Column("cpu", "CPU %", 1, 100.0))

_KINDS_OF_ERRORS = ("substitutions", "deletions", "insertions")
CHARACTERS = (MEASURES["cer"].column("cer"), *(Column(name, f"{name} %", 1, 100.0) for name in _KINDS_OF_ERRORS))

PREDICTED = (
    "DistillMOS predicts listeners' scores from audio at 16 kHz; no listener judged it. Compare only systems of equal bandwidth."
)
HEARD_NOTE = (
    "95 % bootstrap intervals over prompts. WER: word errors over words; Whisper base, int8, greedy, one clip per call, no "
    "context, first noise seed; text and transcript normalised by Whisper's English normaliser. Faultless: share of prompts in "
    f"which no guard of the voice reported a fault. {PREDICTED} Its score of a prompt is the mean over noise seeds; the table "
    "gives the mean and the 10th percentile over prompts. Cosine: speaker embeddings of Resemblyzer, of the utterance and of the "
    "centroid of the speaker's training recordings. CPU: CPU time in percent of the duration of the audio."
)
CHARACTERS_NOTE = (
    f"{MEASURES['cer'].note} Substitutions, deletions and insertions: shares of the words of the text. First noise seed; 95 % "
    "bootstrap intervals over prompts."
)
SHARES_NOTE = (
    "In percent of the recordings of the same texts (ratio of sums over clips). Deviation: standard deviation over frames of "
    "each mel band, mean over bands. Bands, frames: detail, the mean absolute difference of neighbouring bands or of "
    f"neighbouring frames. Measured in frames of speech (at most {SPEECH_DB:.0f} dB below the clip's loudness), separately for "
    "voiced (v.) and unvoiced (u.) frames; the F0 tracker decides voicing on each signal."
)
WARPED_NOTE = (
    "Against the recording, over frames paired by dynamic time warping of the cepstra: MCD of 24 mel-cepstra, F0 RMSE in "
    "semitones (st) and voicing decision error (VDE)."
)
PULSES_NOTE = (
    "Pulses: energy of the vocoder's harmonic source relative to the whole audio, in unvoiced frames without a voiced neighbour; "
    f"mean of their levels in dB, each at least {FLOOR_DB:.0f} dB."
)

FiguresByPrompt = Mapping[Prompt, Mapping[str, float]]
"""Measured values of each prompt, by name of the measure."""


def speech_reports(measured: Mapping[str, Sequence[PromptFigures]], recordings: str = RECORDINGS) -> Reports:
    """Return the report of speech from text: several tables, of which empty ones are left out, and paired tests.

    Args:
        measured: measures of the prompts of each system, by its name. Differences are taken to the first system.
        recordings: name of the system that plays the recordings.
    """
    rows = rows_of(measured, lambda prompt: prompt.speaker, recordings)
    tables = [
        table_of("Speech: word errors and naturalness", HEARD, rows, HEARD_NOTE),
        table_of("Speech: character errors, and kinds of word errors", CHARACTERS, rows, CHARACTERS_NOTE),
        table_of("Speech: deviation and detail of the mel, % of the recordings", SHARES, rows, SHARES_NOTE),
        table_of("Speech: errors against the recordings, and pulses", ERRORS, rows, f"{WARPED_NOTE} {PULSES_NOTE}"),
        *prosody_tables(rows),
        differences(measured),
    ]
    tests = paired_tests(pairs_by_text(measured))
    found = reports_of("Speech", tables, measured)
    return replace(found, tests=tests, notes=(*found.notes, *([TESTS_NOTE] if tests else [])))


def reports_of(title: str, tables: Sequence[Report], measured: Mapping[str, Sequence[PromptFigures]]) -> Reports:
    """Return a report of the tables that have rows; the first one carries the values of every utterance for `--json`."""
    details = tuple({"row": name, **one.as_dict()} for name, found in measured.items() for one in found)
    shown = [table for table in tables if table.rows]
    return Reports(
        title, tuple(replace(one, details=() if place else details) for place, one in enumerate(shown)), (), (OBJECTIVE,)
    )


def rows_of(
    measured: Mapping[str, Sequence[PromptFigures]], group_of: Callable[[Prompt], str], recordings: str = RECORDINGS
) -> list[Row]:
    """Return a row of estimates for every system in every group of prompts.

    Args:
        measured: measures of the prompts of each system, by its name.
        group_of: function from a prompt to the name of its group.
        recordings: name of the system that plays the recordings.
    """
    groups = dict.fromkeys(group_of(one.prompt) for found in measured.values() for one in found)
    rows = []
    for group in groups:
        own = {name: [one for one in found if group_of(one.prompt) == group] for name, found in measured.items()}
        recorded = {one.prompt: one.figures for one in own.get(recordings, ())}
        rows += [
            Row(name, estimates(found, {} if name == recordings else recorded), group) for name, found in own.items() if found
        ]
    return rows


def estimates(found: Sequence[PromptFigures], recorded: FiguresByPrompt) -> dict[str, Estimate]:
    """Estimate all measures of one row.

    Args:
        found: measured prompts of one system in one group.
        recorded: measures of the recordings of these prompts; empty for the row of recordings.
    """
    figures = {one.prompt: one.figures for one in found}
    means = {name: _known(figures, name) for name in dict.fromkeys(key for each in figures.values() for key in each)}
    rows = {name: mean_estimate(values) for name, values in means.items() if name not in TEXTURES}
    if "naturalness" in means:
        rows[LOW_NATURALNESS.key] = percentile_estimate(means["naturalness"], 10)
    rows |= _shares(figures, recorded)
    if above := _pairs("naturalness", figures, recorded):
        rows[ABOVE_RECORDINGS.key] = mean_estimate([ours - theirs for ours, theirs in above])
    if all(one.words for one in found):
        rows[WER.key] = word_error_rate([one.words for one in found if one.words])
    if all(one.words and one.words.characters for one in found):
        rows |= _character_errors([one.words for one in found if one.words])
    if all(one.faults is not None for one in found):
        rows[FAULTLESS.key] = mean_estimate([not one.faults for one in found])
    return rows


def _character_errors(words: Sequence[WordErrors]) -> dict[str, Estimate]:
    """Return the character error rate, and the kinds of word errors in shares of the words."""
    totals = [one.words for one in words]
    kinds = {name: ratio_estimate([getattr(one, name) for one in words], totals) for name in _KINDS_OF_ERRORS}
    return {"cer": character_error_rate(words), **kinds}


def _known(figures: FiguresByPrompt, name: str) -> list[float]:
    return [each[name] for each in figures.values() if name in each]


def _shares(figures: FiguresByPrompt, recorded: FiguresByPrompt) -> dict[str, Estimate]:
    """Return deviation and detail as ratios to the recordings of the same prompts."""
    pairs = {name: _pairs(name, figures, recorded) for name in TEXTURES}
    return {name: ratio_estimate(*zip(*found, strict=True)) for name, found in pairs.items() if found}


def _pairs(name: str, figures: FiguresByPrompt, recorded: FiguresByPrompt) -> list[tuple[float, float]]:
    """Return pairs of a measure: system and recording, over the prompts for which both are defined."""
    both = [(each, recorded[prompt]) for prompt, each in figures.items() if prompt in recorded]
    return [(ours[name], theirs[name]) for ours, theirs in both if name in ours and name in theirs]


def differences(measured: Mapping[str, Sequence[PromptFigures]]) -> Report:
    """Return the table of paired differences of every later system to the first, paired by text.

    Args:
        measured: measures of the prompts of each system, by its name.
    """
    first, *others = measured or [""]
    rows = [Row(f"{name} - {first}", _differences(measured[name], measured[first]), "all speakers") for name in others]
    note = (
        "Later systems minus the first, paired by text. The score of a text is the mean over speakers and noise seeds of a "
        "system; its word errors are summed over speakers. 95 % bootstrap intervals of the paired difference over texts."
    )
    return table_of("Speech: paired differences", (NATURALNESS, WER), rows, note)


def _differences(found: Sequence[PromptFigures], first: Sequence[PromptFigures]) -> dict[str, Estimate]:
    pairs: dict[str, Callable[[Sequence[PromptFigures]], dict[str, tuple[float, float]]]] = {
        NATURALNESS.key: _scores_by_text,
        WER.key: _errors_by_text,
    }
    estimated = {}
    for key, by_text in pairs.items():
        ours, theirs = by_text(found), by_text(first)
        common = [text for text in ours if text in theirs]
        if common:
            estimated[key] = difference_estimate([ours[text] for text in common], [theirs[text] for text in common])
    return estimated


def _scores_by_text(found: Sequence[PromptFigures]) -> dict[str, tuple[float, float]]:
    scores: dict[str, list[float]] = {}
    for one in found:
        scores.setdefault(one.prompt.text, []).extend(_known({one.prompt: one.figures}, "naturalness"))
    return {text: (float(np.mean(values)), 1.0) for text, values in scores.items() if values}


def _errors_by_text(found: Sequence[PromptFigures]) -> dict[str, tuple[float, float]]:
    totals: dict[str, tuple[float, float]] = {}
    for one in found:
        if one.words:
            errors, words = totals.get(one.prompt.text, (0.0, 0.0))
            totals[one.prompt.text] = errors + one.words.errors, words + one.words.words
    return totals
