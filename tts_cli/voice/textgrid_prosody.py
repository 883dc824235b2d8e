"""Prosody in a TextGrid: sentences with the durations and F0 that somebody measured, or edited in Praat."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np

from tts_cli.audio.alignment import frames_of
from tts_cli.audio.textgrid import Interval, TextGrid, Tier, TimePoint, read_pitch_tier, read_textgrid
from tts_cli.errors import InputError
from tts_cli.text.phones import FINAL_MARKS, SPACE, START, Utterance
from tts_cli.voice.annotation import Annotation, Word, annotation_of, letters
from tts_cli.voice.fitting import FittedUtterance, fit, has_unknown_word
from tts_cli.voice.front_end import FrontEnd
from tts_cli.voice.request import Break
from tts_cli.voice.sentence import Sentence, read_prosody

SENTENCE_TIERS = ("sentences", "sentence", "utterances", "utterance")
PITCH_TIERS = ("f0", "pitch", "pitchtier")
_PAUSE_S = 0.1
"""Shortest pause, in seconds, that is a comma where the text does not tell."""
_MOST_TOKENS = 1 << 20
_MOST_MINUTES = 30


class TimedVoice(Protocol):
    """Part of a `Voice` that prosody from a TextGrid needs."""

    @property
    def frames_per_second(self) -> float:
        """Frame rate of durations, in Hz."""

    @property
    def front_end(self) -> FrontEnd:
        """Front end that pronounces the words."""

    def output_time(self, seconds: float) -> float:
        """Map a time in the frames of a sentence to the time in its audio, both in seconds from its start."""


def read_prosody_file(path: Path, voice: TimedVoice) -> tuple[Sentence | Break, ...]:
    """Return the sentences of a TextGrid, by its suffix, or of a file that `--save-prosody` wrote. Raises InputError."""
    if path.suffix.lower() == ".textgrid":
        return read_textgrid_prosody(path, voice)
    return read_prosody(path, voice.frames_per_second)


def read_textgrid_prosody(path: Path, voice: TimedVoice) -> tuple[Sentence | Break, ...]:
    """Return the sentences of a TextGrid with their durations, and the pauses between them.

    The tier of sentences divides the recording; without one, all words are one sentence. Durations come from the tier of phones.
    F0 comes from a tier of points or, if there is none, from a PitchTier in a file of the same name; it is the mean of the points
    in a phone, and interpolated between points. The voice predicts all else.

    Args:
        path: TextGrid; `--save-timings` writes one.
        voice: Voice that is to speak.

    Raises:
        InputError: The file is malformed, names no words or phones, or is of other words than its sentences; names file and line.
    """
    grid = read_textgrid(path)
    annotation, points = annotation_of(grid), _points(grid)
    if annotation.words is None:
        names = ", ".join(f"'{tier.name}'" for tier in grid.tiers)
        raise InputError(f"{path}: has no tier of words; its tiers: {names}", hint="name the tier 'words'")
    if grid.end_s > 60 * _MOST_MINUTES:
        raise InputError(f"{path}: lasts {grid.end_s / 60:.0f} minutes, more than {_MOST_MINUTES}", hint="cut it into parts")
    words = annotation.spoken()
    if not words or has_unknown_word(words):
        lost = next((f"the word '{word.label}' has no phones" for word in words if not word.phones), "holds no words")
        raise InputError(f"{path}: {lost}", hint="every word needs its phones in the tier of phones")
    timed = [_timed(span, own, annotation, voice, points) for span, own in _sentences(grid, annotation, words)]
    return tuple(_with_breaks(timed, voice.output_time(0.0)))


def _with_breaks(timed: Sequence[tuple[Interval, Sentence]], lead_s: float) -> Iterator[Sentence | Break]:
    """Yield the sentences, and breaks as long as the gaps between them. `lead_s` is the silence before each sentence."""
    yield timed[0][1]
    for (before, _), (span, sentence) in pairwise(timed):
        yield Break(max(0.0, span.start_s - before.end_s - lead_s))
        yield sentence


def _points(grid: TextGrid) -> list[tuple[float, float]]:
    """Return time and F0 in Hz of the points of a TextGrid, or of the PitchTier beside it."""
    beside = grid.path.with_suffix(".PitchTier")
    tier: Tier | None = grid.find(PITCH_TIERS) or (read_pitch_tier(beside) if beside.is_file() else None)
    return sorted(_point(point, grid.path) for point in tier.points) if tier else []


def _point(point: TimePoint, path: Path) -> tuple[float, float]:
    try:
        hertz = float(point.label)
    except ValueError:
        hertz = math.nan
    if not 0 < hertz < math.inf:
        message = f"{path}:{point.line}: the F0 of a point is '{point.label}', no positive number"
        raise InputError(message, hint="write the frequency in Hz")
    return point.time_s, hertz


def _sentences(grid: TextGrid, annotation: Annotation, words: Sequence[Word]) -> Iterator[tuple[Interval, list[Word]]]:
    """Yield the interval of each sentence, and its words: those whose middle lies in it."""
    tier = grid.find(SENTENCE_TIERS)
    spans = [span for span in tier.intervals if span.label] if tier else [Interval("", 0.0, grid.end_s)]
    left = list(words)
    for span in spans:
        own = [word for word in left if span.start_s <= _middle(word) < span.end_s]
        left = [word for word in left if not span.start_s <= _middle(word) < span.end_s]
        if own:
            yield span, own
    if left:
        message = f"{annotation.place(left[0])}: the word '{left[0].label}' is in no sentence"
        raise InputError(message, hint="move the boundary of the sentence, or remove the tier")


def _middle(word: Word) -> float:
    return (word.phones[0].start_s + word.phones[-1].end_s) / 2


def _timed(
    span: Interval, words: Sequence[Word], annotation: Annotation, voice: TimedVoice, points: Sequence[tuple[float, float]]
) -> tuple[Interval, Sentence]:
    """Return the interval of a sentence, and the sentence with its durations and F0."""
    found = _fitted(span.label, words, annotation, voice.front_end)
    is_phone = np.array(found.utterance.word_of_token) >= 0
    # A voice with a change of tempo stretches the frames.
    scale = voice.output_time(1.0) - voice.output_time(0.0)
    seconds = (np.array(found.spans) - span.start_s) / scale
    num_frames = max(round((span.end_s - span.start_s) / scale * voice.frames_per_second), int(is_phone.sum()))
    durations = frames_of(seconds, is_phone, voice.frames_per_second, num_frames)
    sentence = Sentence.of(found.utterance, durations=tuple(durations.tolist()))
    f0_hz = iter(_f0(phone, points) for phone in found.spans)
    if points:
        sentence = sentence.model_copy(update={"f0_hz": tuple(next(f0_hz) if one else None for one in is_phone)})
    return span, sentence


def _f0(phone: tuple[float, float], points: Sequence[tuple[float, float]]) -> float | None:
    """Return the F0 of a phone in Hz; None before the first point and after the last."""
    own = [hertz for time_s, hertz in points if phone[0] <= time_s < phone[1]]
    if own:
        return sum(own) / len(own)
    middle = sum(phone) / 2
    if not points or not points[0][0] <= middle <= points[-1][0]:
        return None
    times, values = zip(*points, strict=True)
    return float(np.interp(middle, times, values))


def _fitted(text: str, words: Sequence[Word], annotation: Annotation, front_end: FrontEnd) -> FittedUtterance:
    """Return the sentence `text` with the phones of `words`. Words that were changed replace those of the text."""
    spoken = " ".join(word.label for word in words)
    utterance = _joined(front_end.sentences(text or spoken, _MOST_TOKENS))
    if letters("".join(utterance.words)) != letters(spoken):
        utterance = _joined(front_end.sentences(spoken, _MOST_TOKENS))
        text = ""
    fitted = fit(annotation, words, utterance)
    return fitted if text else replace(fitted, utterance=_with_pauses(fitted))


def _joined(utterances: Iterable[Utterance]) -> Utterance:
    """Return several utterances as one."""
    parts = list(utterances)
    tokens, places, words = [START], [-1], list[str]()
    for part in parts:
        tokens += part.tokens[1:]
        places += [place + len(words) if place >= 0 else -1 for place in part.word_of_token[1:]]
        words += part.words
    spans = tuple(span for part in parts for span in part.spans)
    return Utterance(
        " ".join(part.text for part in parts), parts[0].normalised, tuple(tokens), tuple(words), tuple(places), spans
    )


def _with_pauses(fitted: FittedUtterance) -> Utterance:
    """Return the utterance with commas at its pauses, where no text tells the punctuation."""
    utterance = fitted.utterance
    tokens, number = list(utterance.tokens), 0
    for place, word in enumerate(utterance.word_of_token):
        number += word >= 0
        is_inner = word < 0 and 0 < number < len(fitted.spans)
        if is_inner and (tokens[place] == SPACE or tokens[place] in FINAL_MARKS):
            pause_s = fitted.spans[number][0] - fitted.spans[number - 1][1]
            tokens[place] = "," if pause_s >= _PAUSE_S else SPACE
    return replace(utterance, tokens=tuple(tokens))
