"""Robustness: voices of any architecture on sentences that make voices repeat, skip and break off, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tts_cli.blocks.streamable import Fault
from tts_cli.evaluation.engine import tracked
from tts_cli.evaluation.measures.recognition import Recogniser, WordErrors
from tts_cli.evaluation.measures.slips import Slips, find_slips
from tts_cli.evaluation.prompts import GroupedText
from tts_cli.evaluation.report import FAULTLESS, WER, Column, Measure, Report, Row, ratio_rows
from tts_cli.evaluation.systems import say
from tts_cli.voice.synthesis import Voice

ALL = "all"
"""The group of all sentences."""

_WARM_UP = "One, two, three."
_NOTES = (
    "Heard by Whisper base (int8, greedy, one sentence a call) and aligned word by word; words written together or apart are no "
    "errors. Repeats: sentences in which inserted words say again what stands beside them. Skips: in which two or more words "
    "in a row are missing before the end. Cut: in which the last words are missing. Faultless: in which no guard of the voice "
    "noticed anything. CPU: its time in percent of that of the audio, pauses between sentences included. First: time to first "
    "audio by the wall clock, the mean. Rows named `second - first` are paired differences. 95 % bootstrap intervals over "
    "sentences.",
)


@dataclass(frozen=True)
class Trial:
    """One sentence, spoken by one voice and listened to."""

    sentence: GroupedText
    heard: WordErrors
    slips: Slips
    faults: tuple[Fault, ...]
    """What the voice's own guards noticed."""
    audio_s: float
    cpu_s: float
    first_audio_s: float

    def as_dict(self) -> dict[str, Any]:
        """The trial for `--json`."""
        return {**self.sentence._asdict(), **{key: value for key, value in asdict(self).items() if key != "sentence"}}


MEASURES: dict[str, Measure] = {
    "wer": lambda trial: (trial.slips.errors, trial.heard.words),
    "repeats": lambda trial: (trial.slips.repeats > 0, 1),
    "skips": lambda trial: (trial.slips.skips > 0, 1),
    "truncations": lambda trial: (trial.slips.truncations > 0, 1),
    "faultless": lambda trial: (not trial.faults, 1),
    "cpu_s_per_audio_s": lambda trial: (trial.cpu_s, trial.audio_s),
    "first_audio_ms": lambda trial: (1000 * trial.first_audio_s, 1),
    "audio_s": lambda trial: (trial.audio_s, 1),
}
"""The figures of a row; the last, seconds of audio a sentence, has no column."""
COLUMNS = (
    WER,
    Column("repeats", "repeats %", 0, 100.0),
    Column("skips", "skips %", 0, 100.0),
    Column("truncations", "cut %", 0, 100.0),
    replace(FAULTLESS, decimals=0),
    Column("cpu_s_per_audio_s", "CPU %", 1, 100.0),
    Column("first_audio_ms", "first ms", 0),
)


def evaluate_robustness(
    voices: Mapping[str, Voice],
    sentences: Sequence[GroupedText],
    speaker: str | None = None,
    recogniser: Recogniser | None = None,
) -> Report:
    """Every one of `voices`, by name, on `sentences`, spoken by `speaker` or by each voice's own first.

    For CPU figures at one thread, load the voices with `threads=1`. The first voice is what the others are compared with.
    Raises InputError for a speaker a voice lacks, for text without words and for a missing evaluation extra.
    """
    listener = recogniser or Recogniser()
    trials = {name: _trials(name, voice, sentences, speaker, listener) for name, voice in voices.items()}
    groups = dict.fromkeys(sentence.group for sentence in sentences)
    rows = [row for group in [*groups, ALL] for row in _rows(trials, group)]
    details = tuple({"row": name, **trial.as_dict()} for name, made in trials.items() for trial in made)
    return Report("Robustness: hard sentences", COLUMNS, tuple(rows), _NOTES, details)


def _trials(
    name: str, voice: Voice, sentences: Sequence[GroupedText], speaker: str | None, recogniser: Recogniser
) -> list[Trial]:
    say(voice, _WARM_UP, speaker)
    return [_trial(voice, sentence, speaker, recogniser) for sentence in tracked(sentences, name)]


def _trial(voice: Voice, sentence: GroupedText, speaker: str | None, recogniser: Recogniser) -> Trial:
    spoken = say(voice, sentence.text, speaker)
    heard = recogniser.word_errors(sentence.text, spoken.samples, spoken.sample_rate)
    slips = find_slips(heard.reference, heard.hypothesis)
    audio_s = len(spoken.samples) / spoken.sample_rate
    return Trial(sentence, heard, slips, spoken.faults or (), audio_s, spoken.cpu_s, spoken.first_audio_s)


def _rows(trials: Mapping[str, Sequence[Trial]], group: str) -> list[Row]:
    chosen = {name: [trial for trial in made if group in (ALL, trial.sentence.group)] for name, made in trials.items()}
    return ratio_rows(group, MEASURES, chosen)
