"""Speech from text: the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tts_cli.evaluation.measures.harmonics import FLOOR_DB
from tts_cli.evaluation.measures.instruments import PromptFigures
from tts_cli.evaluation.measures.recognition import word_error_rate
from tts_cli.evaluation.measures.spectra import KINDS, SPEECH_DB, TEXTURES
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.report import FAULTLESS, OBJECTIVE, WER, Column, Report, Reports, Row
from tts_cli.evaluation.statistics import Estimate, difference_estimate, mean_estimate, percentile_estimate, ratio_estimate
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

PREDICTED = (
    "DistillMOS predicts listeners' scores and is no listener: it hears 16 kHz, and compares only systems of equal bandwidth."
)
HEARD_NOTE = (
    "95 % bootstrap intervals over prompts. WER is errors over words: Whisper base, int8, greedy, one clip a call, no context, "
    "the first noise seed; both sides through Whisper's English normaliser. Faultless: prompts in which no guard of the voice "
    f"noticed a fault. {PREDICTED} Its figure of a prompt is the mean over noise seeds; beside the mean over prompts stands the "
    "10th percentile. Cosine: Resemblyzer, with the centroid of the speaker's own training recordings. CPU: its time in percent "
    "of that of the audio."
)
SHARES_NOTE = (
    "In percent of the recordings of the same texts: sums over clips. Deviation: standard deviation over frames of each mel "
    "band, mean over bands. Bands and frames: detail, the mean absolute difference of neighbouring bands and of neighbouring "
    f"frames. Frames of speech (at most {SPEECH_DB:.0f} dB below the clip's loudness), voiced (v.) and unvoiced (u.) apart, "
    "by the pitch tracker on each signal."
)
WARPED_NOTE = (
    "Against the recording: MCD of 24 mel-cepstra, F0 RMSE and voicing errors over the pairs of frames that dynamic time warping "
    "of the cepstra finds."
)
PULSES_NOTE = (
    "Pulses: energy of the vocoder's harmonic source relative to all there is, in unvoiced frames without a voiced neighbour; "
    f"mean of their levels, each at least {FLOOR_DB:.0f} dB."
)

FiguresByPrompt = Mapping[Prompt, Mapping[str, float]]


def speech_reports(measured: Mapping[str, Sequence[PromptFigures]]) -> Reports:
    """Return the tables of all systems, by name; the differences are those to the first."""
    rows = rows_of(measured, lambda prompt: prompt.speaker)
    tables = [
        table_of("Speech: word errors and naturalness", HEARD, rows, HEARD_NOTE),
        table_of("Speech: deviation and detail of the mel, % of the recordings'", SHARES, rows, SHARES_NOTE),
        table_of("Speech: errors against the recordings, and pulses", ERRORS, rows, f"{WARPED_NOTE} {PULSES_NOTE}"),
        differences(measured),
    ]
    return reports_of("Speech", tables, measured)


def reports_of(title: str, tables: Sequence[Report], measured: Mapping[str, Sequence[PromptFigures]]) -> Reports:
    """Return the tables that have rows; the first holds the details of every utterance."""
    details = tuple({"row": name, **one.as_dict()} for name, found in measured.items() for one in found)
    shown = [table for table in tables if table.rows]
    return Reports(
        title, tuple(replace(one, details=() if place else details) for place, one in enumerate(shown)), (), (OBJECTIVE,)
    )


def table_of(title: str, columns: Sequence[Column], rows: Iterable[Row], note: str) -> Report:
    """Return a table of the columns and rows in which there is something."""
    kept = [row for row in rows if any(column.key in row.estimates for column in columns)]
    filled = tuple(column for column in columns if any(column.key in row.estimates for row in kept))
    return Report(title, filled, tuple(_only(row, filled) for row in kept), (note,))


def _only(row: Row, columns: Sequence[Column]) -> Row:
    return replace(row, estimates={c.key: row.estimates[c.key] for c in columns if c.key in row.estimates})


def rows_of(measured: Mapping[str, Sequence[PromptFigures]], group_of: Callable[[Prompt], str]) -> list[Row]:
    """Return a row for every system, by name, in every group of prompts."""
    groups = dict.fromkeys(group_of(one.prompt) for found in measured.values() for one in found)
    return [row for group in groups for row in _group_rows(measured, group, group_of)]


def _group_rows(measured: Mapping[str, Sequence[PromptFigures]], group: str, group_of: Callable[[Prompt], str]) -> list[Row]:
    own = {name: [one for one in found if group_of(one.prompt) == group] for name, found in measured.items()}
    recorded = {one.prompt: one.figures for one in own.get(RECORDINGS, ())}
    return [Row(name, estimates(found, {} if name == RECORDINGS else recorded), group) for name, found in own.items() if found]


def estimates(found: Sequence[PromptFigures], recorded: FiguresByPrompt) -> dict[str, Estimate]:
    """Return the estimates of one row, from its prompts and the figures of their recordings."""
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
    if all(one.faults is not None for one in found):
        rows[FAULTLESS.key] = mean_estimate([not one.faults for one in found])
    return rows


def _known(figures: FiguresByPrompt, name: str) -> list[float]:
    return [each[name] for each in figures.values() if name in each]


def _shares(figures: FiguresByPrompt, recorded: FiguresByPrompt) -> dict[str, Estimate]:
    """Textures as shares of the recordings' of the same prompts."""
    pairs = {name: _pairs(name, figures, recorded) for name in TEXTURES}
    return {name: ratio_estimate(*zip(*found, strict=True)) for name, found in pairs.items() if found}


def _pairs(name: str, figures: FiguresByPrompt, recorded: FiguresByPrompt) -> list[tuple[float, float]]:
    """A figure and that of the recording, of the prompts of which both are defined."""
    both = [(each, recorded[prompt]) for prompt, each in figures.items() if prompt in recorded]
    return [(ours[name], theirs[name]) for ours, theirs in both if name in ours and name in theirs]


def differences(measured: Mapping[str, Sequence[PromptFigures]]) -> Report:
    """Return the table of what every later system differs from the first by, paired by text."""
    first, *others = measured or [""]
    rows = [Row(f"{name} - {first}", _differences(measured[name], measured[first]), "all speakers") for name in others]
    note = (
        "Later systems less the first, paired by text: a figure of a text is the mean over the speakers and noise seeds of a "
        "system, its words are those of all its speakers. 95 % bootstrap intervals of the paired difference over texts."
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
