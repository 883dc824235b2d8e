"""Robustness on hard sentences: repeats, skips, truncations and faults of any voice, with CPU time and latency."""

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
"""Name of the group of all sentences."""

_WARM_UP = "One, two, three."
_NOTES = (
    "WER: Whisper base (int8, greedy, one sentence per call), aligned word by word; words that differ only in spacing are no "
    "errors. Repeats: share of sentences in which inserted words repeat their neighbours. Skips: share in which two or more "
    "words in a row are missing before the end. Cut: share in which the last words are missing. Faultless: share in which no "
    "guard of the voice reported a fault. CPU: CPU time in percent of the duration of the audio, with the pauses between "
    "sentences. First: mean wall-clock time to first audio. Rows named `second - first` are paired differences. 95 % bootstrap "
    "intervals over sentences.",
)


@dataclass(frozen=True)
class Trial:
    """One sentence spoken by one voice, with its recognised words, faults and cost."""

    sentence: GroupedText
    heard: WordErrors
    slips: Slips
    faults: tuple[Fault, ...]
    """Faults that the voice's own guards reported."""
    audio_s: float
    """Duration of the audio in seconds."""
    cpu_s: float
    """CPU time of the process in seconds."""
    first_audio_s: float
    """Wall-clock seconds to the first chunk with speech."""

    def as_dict(self) -> dict[str, Any]:
        """Return the trial as JSON values, for `--json`."""
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
"""Measures of a row, by name; the last one, mean seconds of audio per sentence, has no column."""
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
    """Measure the robustness of voices on hard sentences.

    Args:
        voices: voices by name; each later one is compared with the first. Load them with `threads=1` for CPU time of one thread.
        sentences: sentences with their groups.
        speaker: name of the speaker; None: the default of each voice.
        recogniser: speech recogniser; None: a new one with default settings.

    Raises:
        InputError: if a voice lacks the speaker, a sentence holds no word, or the extra `eval` is not installed.
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
