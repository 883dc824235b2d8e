"""Intelligibility of speech made from text, beside that of the recordings of the same sentences."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tts_cli.audio.files import read_native
from tts_cli.audio.mel import Floats
from tts_cli.bench import first_audio
from tts_cli.blocks.streamable import Fault
from tts_cli.corpora.layouts import Clip
from tts_cli.evaluation.prompts import describe, read_prompts
from tts_cli.evaluation.recognition import Recogniser, WordErrors, word_error_rate
from tts_cli.evaluation.report import FAULTLESS, WER, Estimate, Report, Row, mean_estimate, tracked
from tts_cli.synthesis import Said, Voice


class Spoken(NamedTuple):
    """What was said, and at what cost; of a recording there is only the audio."""

    samples: Floats
    """(samples,)"""
    sample_rate: int
    """In Hertz."""
    faults: tuple[Fault, ...] | None = None
    """What blocks noticed; None where nobody looked."""
    cpu_s: float = float("nan")
    first_audio_s: float = float("nan")
    """From the call with text until the chunk with the first speech sample arrived."""


Speak = Callable[[Clip], Spoken | tuple[Floats, int]]
"""From a recorded clip's text and speaker to audio (samples,) and its rate in Hertz, at least."""

SPEAKERS = ("kathleen", "slt", "bdl")
"""The speakers who read the same prompts."""

_NOTES = (
    "WER is errors over words with 95 % bootstrap intervals over the prompts: Whisper base, int8, greedy, one clip a call, no "
    "context; both sides through Whisper's English normaliser. Faultless is the share of prompts in which no guard of the voice "
    "noticed a repeat, a skip, a truncation or speech without end.",
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
            measured = [_measure(prompt, speak, recogniser) for prompt in tracked(chosen, f"{speaker}: {name}")]
            rows.append(Row(name, _estimates(measured), speaker))
            details += [{"row": name, **describe(prompt), **scores} for prompt, scores in zip(chosen, measured, strict=True)]
    return Report("Speech: word error rate", (WER, FAULTLESS), tuple(rows), _NOTES, tuple(details))


def speak_with(voice: Voice) -> Speak:
    """What speaks a prompt with `voice` and the speaker who recorded it."""

    return lambda prompt: say(voice, prompt.text, prompt.speaker)


def say(voice: Voice, text: Said, speaker: str | None = None) -> Spoken:
    """`text` spoken to its end, whatever faults there are. Raises what `Voice.stream` raises, RefusedError excepted."""
    start, cpu_start = time.perf_counter(), time.process_time()
    chunks, arrivals = [], []
    for chunk in voice.stream(text, speaker=speaker, best_effort=True):
        arrivals.append(time.perf_counter() - start)
        chunks.append(chunk)
    cpu_s = time.process_time() - cpu_start
    sounding = [(chunk.samples, arrival) for chunk, arrival in zip(chunks, arrivals, strict=True) if len(chunk.samples)]
    samples, arrivals = map(list, zip(*sounding, strict=True))
    faults = tuple(fault for chunk in chunks for fault in chunk.faults)
    return Spoken(np.concatenate(samples), chunks[0].sample_rate, faults, cpu_s, first_audio(samples, arrivals))


def _measure(prompt: Clip, speak: Speak, recogniser: Recogniser) -> dict[str, Any]:
    spoken = Spoken(*speak(prompt))
    scores = {WER.key: asdict(recogniser.word_errors(prompt.text, spoken.samples, spoken.sample_rate))}
    return scores if spoken.faults is None else {**scores, "faults": [asdict(fault) for fault in spoken.faults]}


def _estimates(measured: Sequence[dict[str, Any]]) -> dict[str, Estimate]:
    estimates = {WER.key: word_error_rate([WordErrors(**scores[WER.key]) for scores in measured])}
    if "faults" in measured[0]:
        estimates[FAULTLESS.key] = mean_estimate([not scores["faults"] for scores in measured])
    return estimates
