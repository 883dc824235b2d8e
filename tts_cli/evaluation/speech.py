"""Intelligibility of speech made from text, beside that of the recordings of the same sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tts_cli.audio.files import read_native
from tts_cli.audio.mel import Floats
from tts_cli.evaluation.prompts import Prompt, read_prompts, recording
from tts_cli.evaluation.recognition import Recogniser, WordErrors, word_error_rate
from tts_cli.evaluation.report import RECORDINGS_WER, WER, Report, Row, tracked

if TYPE_CHECKING:
    from tts_cli.synthesis import Voice

Speak = Callable[[str, str], tuple[Floats, int]]
"""From text and speaker to audio (samples,) and its rate in Hertz."""

SPEAKERS = ("kathleen", "slt", "bdl")
"""The speakers who read the same prompts."""

_NOTES = (
    "WER is errors over words, in percent, with 95 % bootstrap intervals over the prompts: Whisper base, int8, greedy, one clip "
    "a call, no context; both sides through Whisper's English normaliser.",
)


def evaluate_speech(
    voice: Voice,
    corpora: Path,
    speakers: Sequence[str] = SPEAKERS,
    limit: int | None = None,
    recogniser: Recogniser | None = None,
) -> Report:
    """WER of `voice` on the test prompts of `corpora`/splits.csv, at most `limit` of each speaker, and the recordings' own.

    Raises CorpusError for a corpus without them, InputError for a speaker the voice lacks or a missing evaluation extra.
    """
    return measure_speech(_speak(voice), corpora, read_prompts(corpora, "test", speakers, limit), recogniser or Recogniser())


def measure_speech(speak: Speak | None, corpora: Path, prompts: Sequence[Prompt], recogniser: Recogniser) -> Report:
    """WER of `speak` on `prompts`, one row a speaker, beside their recordings'; of the recordings alone without `speak`."""
    rows: list[Row] = []
    details: list[dict[str, Any]] = []
    for speaker in dict.fromkeys(prompt.speaker for prompt in prompts):
        chosen = [prompt for prompt in prompts if prompt.speaker == speaker]
        columns = {RECORDINGS_WER.key: [_recorded(corpora, p, recogniser) for p in tracked(chosen, f"{speaker}, recordings")]}
        if speak:
            columns[WER.key] = [_spoken(speak, p, recogniser) for p in tracked(chosen, speaker)]
        rows.append(Row(speaker, {key: word_error_rate(clips) for key, clips in columns.items()}))
        details += [
            {**asdict(prompt), **{key: asdict(clips[index]) for key, clips in columns.items()}}
            for index, prompt in enumerate(chosen)
        ]
    shown = (WER, RECORDINGS_WER) if speak else (RECORDINGS_WER,)
    return Report("Speech from text: word error rate", shown, tuple(rows), _NOTES, tuple(details))


def _speak(voice: Voice) -> Speak:
    def speak(text: str, speaker: str) -> tuple[Floats, int]:
        chunks = list(voice.stream(text, speaker=speaker))
        return np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate

    return speak


def _spoken(speak: Speak, prompt: Prompt, recogniser: Recogniser) -> WordErrors:
    return recogniser.word_errors(prompt.text, *speak(prompt.text, prompt.speaker))


def _recorded(corpora: Path, prompt: Prompt, recogniser: Recogniser) -> WordErrors:
    return recogniser.word_errors(prompt.text, *read_native(recording(corpora, prompt)))
