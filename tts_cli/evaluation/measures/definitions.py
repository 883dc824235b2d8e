"""Definitions of the measures of speech: title with unit, decimals, better direction, convention and source, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tts_cli.evaluation.measures.rhythm import SHORTEST_PAUSE_S
from tts_cli.evaluation.measures.spectra import SPEECH_DB
from tts_cli.evaluation.report import Column

Better = Literal["higher", "lower", ""]
"""Better direction of a measure; "" for one that is neither good nor bad, and stands beside that of the recordings."""


@dataclass(frozen=True)
class Definition:
    """Definition of a measure, for headings and notes of reports."""

    title: str
    """Heading of a column, with the unit."""
    better: Better
    note: str
    """One sentence: convention and source."""
    decimals: int = 2
    """Decimal places shown."""
    scale: float = 1.0
    """Factor applied before a value is shown: 100 shows a fraction as percent."""

    def column(self, name: str) -> Column:
        """Return the column of a table for the measure called `name`."""
        return Column(name, self.title, self.decimals, self.scale)


_HEARD: Mapping[str, Definition] = {
    "wer": Definition(
        "WER %",
        "lower",
        "Word error rate: substituted, deleted and inserted words over words of the text, summed over utterances (jiwer); "
        "Whisper base, int8, greedy; text and transcript through Whisper's English normaliser.",
        1,
        100.0,
    ),
    "cer": Definition(
        "CER %",
        "lower",
        "Character error rate: substituted, deleted and inserted characters over characters of the text, spaces included "
        "(jiwer); transcript and normaliser of WER.",
        1,
        100.0,
    ),
    "naturalness": Definition(
        "DistillMOS",
        "higher",
        "Score of listeners, 1 to 5, predicted by DistillMOS (Stahl and Gamper 2025) at 16 kHz; nobody listened.",
    ),
    "cosine": Definition(
        "cosine",
        "higher",
        "Cosine of the speaker embeddings of Resemblyzer (Wan et al. 2018) of the utterance and of the centroid of the speaker's "
        "recordings.",
        3,
    ),
}

_AGAINST: Mapping[str, Definition] = {
    "mcd": Definition(
        "MCD dB",
        "lower",
        "Mel-cepstral distortion, 10 / ln 10 * sqrt(2 * sum of squares) (Kubichek 1993), coefficients 1 to 24 without 0 of an "
        "80-band log-mel, mean over frames of speech in the recording.",
    ),
    "f0_rmse_semitones": Definition(
        "F0 RMSE st", "lower", "Root mean square error of F0 (SwiftF0, Nieradzik 2025) in semitones, over frames voiced in both."
    ),
    "f0_rmse_hz": Definition("F0 RMSE Hz", "lower", "Root mean square error of F0 in Hertz, over frames voiced in both.", 1),
    "f0_correlation": Definition("F0 corr.", "higher", "Pearson correlation of log-F0, over frames voiced in both."),
    "gross_pitch_error": Definition(
        "GPE %",
        "lower",
        "Gross pitch error: share of the frames voiced in both with an F0 error above 20 % (Nakatani et al. 2008).",
        1,
        100.0,
    ),
    "voicing_error": Definition(
        "VDE %", "lower", "Voicing decision error: share of all frames voiced in one only (Nakatani et al. 2008).", 1, 100.0
    ),
    "f0_frame_error": Definition(
        "FFE %",
        "lower",
        "F0 frame error: share of all frames with a gross pitch or voicing error (Chu and Alwan 2009).",
        1,
        100.0,
    ),
    "energy_correlation": Definition(
        "energy corr.",
        "higher",
        "Pearson correlation of the log of the mean mel magnitude, over frames of speech in the recording.",
    ),
}
_PAIRINGS: Mapping[str, tuple[str, str]] = {
    "dtw": (
        " (DTW)",
        " Frames are paired by dynamic time warping of the 24 mel-cepstra (librosa); means are over the pairs (Hayashi et al. "
        "2021).",
    ),
    "in_step": (" (in step)", " Frame t is compared with frame t, for copies alone."),
}

_TIMING: Mapping[str, Definition] = {
    "duration_correlation": Definition(
        "duration corr.", "higher", "Pearson correlation of phone durations; both signals are force-aligned with PocketSphinx."
    ),
    "duration_error_ms": Definition(
        "duration error ms",
        "lower",
        "Mean absolute difference of phone durations; both signals are force-aligned with PocketSphinx (10 ms frames).",
        1,
    ),
}

_SIGNAL: Mapping[str, Definition] = {
    "pesq": Definition(
        "PESQ-WB", "higher", "Wideband PESQ of copies (ITU-T P.862.2, package pesq), MOS-LQO from about 1.0 to 4.64, at 16 kHz."
    ),
    "stoi": Definition(
        "STOI", "higher", "Short-time objective intelligibility of copies, 0 to 1 (Taal et al. 2011, package pystoi).", 3
    ),
    "log_spectral_distance": Definition(
        "LSD dB",
        "lower",
        "Log-spectral distance of copies (Gray and Markel 1976): root mean square over frequency bins, mean over frames.",
    ),
    "mel_distance": Definition(
        "mel distance", "lower", "Mean absolute difference of the natural-log mel spectrograms of copies, in nepers."
    ),
}

_ALONE: Mapping[str, Definition] = {
    "f0_mean_hz": Definition("F0 mean Hz", "", "Geometric mean of F0 over voiced frames.", 1),
    "f0_deviation_semitones": Definition("F0 SD st", "", "Standard deviation of F0 in semitones over voiced frames."),
    "f0_range_semitones": Definition(
        "F0 range st", "", "Range of F0 in semitones between its 5th and 95th percentile over voiced frames.", 1
    ),
    "voiced_share": Definition("voiced %", "", "Share of the frames of speech that are voiced.", 1, 100.0),
    "level_dbfs": Definition(
        "level dBFS", "", "Root mean square level of the speech without its silences, relative to full scale.", 1
    ),
    "energy_range_db": Definition(
        "energy range dB",
        "",
        "Range of the mean mel magnitude in dB between its 5th and 95th percentile over frames of speech.",
        1,
    ),
    "speech_s": Definition("speech s", "", "Seconds from the first to the last speech, pauses between included."),
    "num_pauses": Definition(
        "pauses",
        "",
        f"Number of silences of at least {SHORTEST_PAUSE_S:g} s (Goldman-Eisler 1968) between speech that is force-aligned with "
        f"PocketSphinx; without a text, or where alignment fails, between frames of 10 ms at most {SPEECH_DB:.0f} dB below the "
        "root mean square of the clip (librosa.effects.split).",
    ),
    "pause_length_s": Definition("pause s", "", "Mean duration of the pauses of an utterance that has any."),
    "pause_share": Definition("pause %", "", "Share of the time from the first to the last speech that is pause.", 1, 100.0),
    "speech_rate": Definition(
        "syllables/s", "", "Syllables of the text per second of this time, pauses included (de Jong and Wempe 2009)."
    ),
    "articulation_rate": Definition(
        "syllables/s without pauses", "", "Syllables of the text per second of this time without pauses (de Jong and Wempe 2009)."
    ),
}


def _paired() -> dict[str, Definition]:
    return {
        f"{name}_{pairing}": Definition(one.title + title, one.better, one.note + note, one.decimals, one.scale)
        for pairing, (title, note) in _PAIRINGS.items()
        for name, one in _AGAINST.items()
    }


MEASURES: Mapping[str, Definition] = {**_HEARD, **_paired(), **_TIMING, **_SIGNAL, **_ALONE}
"""Definitions by name of the measure: the key of a value in `comparison.Figures` and `instruments.Figures`."""
