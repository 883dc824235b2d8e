"""Intelligibility of speech made from text, beside that of the recordings of the same sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.audio.files import read_native
from tts_cli.audio.mel import Floats
from tts_cli.corpora.layouts import Clip
from tts_cli.evaluation.prompts import describe, read_prompts
from tts_cli.evaluation.recognition import Recogniser, word_error_rate
from tts_cli.evaluation.report import WER, Report, Row, tracked
from tts_cli.synthesis import Voice

Speak = Callable[[Clip], tuple[Floats, int]]
"""From a recorded clip's text and speaker to audio (samples,) and its rate in Hertz."""

SPEAKERS = ("kathleen", "slt", "bdl")
"""The speakers who read the same prompts."""

_NOTES = (
    "WER is errors over words with 95 % bootstrap intervals over the prompts: Whisper base, int8, greedy, one clip a call, no "
    "context; both sides through Whisper's English normaliser.",
)


def evaluate_speech(
    voices: Mapping[str, Voice],
    corpora: Path,
    speakers: Sequence[str] = SPEAKERS,
    limit: int | None = None,
    recogniser: Recogniser | None = None,
) -> Report:
    """WER of `voices`, by name, on the test prompts of `corpora`/splits.csv, at most `limit` of each speaker.

    Raises CorpusError for a corpus without them, InputError for a speaker a voice lacks or a missing evaluation extra.
    """
    prompts = read_prompts(corpora, "test", speakers, limit)
    return measure_speech({name: speak_with(voice) for name, voice in voices.items()}, prompts, recogniser or Recogniser())


def measure_speech(voices: Mapping[str, Speak], prompts: Sequence[Clip], recogniser: Recogniser) -> Report:
    """WER of every one of `voices`, and of the recordings, on the `prompts` of each speaker."""
    speaks: dict[str, Speak] = {**voices, "recordings": lambda prompt: read_native(prompt.audio)}
    rows: list[Row] = []
    details: list[dict[str, Any]] = []
    for speaker in dict.fromkeys(prompt.speaker for prompt in prompts):
        chosen = [prompt for prompt in prompts if prompt.speaker == speaker]
        for name, speak in speaks.items():
            heard = [recogniser.word_errors(prompt.text, *speak(prompt)) for prompt in tracked(chosen, f"{speaker}: {name}")]
            rows.append(Row(name, {WER.key: word_error_rate(heard)}, speaker))
            details += [
                {"row": name, **describe(prompt), WER.key: asdict(clip)} for prompt, clip in zip(chosen, heard, strict=True)
            ]
    return Report("Speech: word error rate", (WER,), tuple(rows), _NOTES, tuple(details))


def speak_with(voice: Voice) -> Speak:
    """What speaks a prompt with `voice` and the speaker who recorded it."""

    def speak(prompt: Clip) -> tuple[Floats, int]:
        chunks = list(voice.stream(prompt.text, speaker=prompt.speaker))
        return np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate

    return speak
