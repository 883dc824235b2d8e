"""Timings of sentences, words and phones in speech, for `--json` and as a Praat TextGrid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from itertools import accumulate, groupby, pairwise
from typing import TYPE_CHECKING, Any, Protocol

from tts_cli.audio.textgrid import Interval, TimePoint, textgrid_text
from tts_cli.errors import InputError

if TYPE_CHECKING:
    from tts_cli.blocks.streamable import Fault
    from tts_cli.voice.sentence import Sentence


class Clock(Protocol):
    """Map from frames of a sentence to times in its audio. A `Voice` is one."""

    @property
    def frames_per_second(self) -> float:
        """Frame rate of durations, in Hz."""

    def output_time(self, seconds: float) -> float:
        """Map a time in the frames of a sentence to the time in its audio, both in seconds from its start."""


@dataclass(frozen=True)
class Recorded:
    """Clock of a recording: times in its frames are times in its audio."""

    frames_per_second: float

    def output_time(self, seconds: float) -> float:
        """Return `seconds`."""
        return seconds


@dataclass(frozen=True)
class TimedSentence:
    """Spoken sentence with its place in the audio."""

    sentence: Sentence
    start_s: float
    """Start of the sentence in the audio, in seconds."""
    voice: Clock
    faults: list[Fault] = field(default_factory=list)
    """Faults that blocks noticed while they spoke the sentence."""

    def frames(self) -> tuple[int, ...]:
        """Return the duration of each token in frames. Raises InputError for a sentence without durations."""
        if self.sentence.durations is None:
            raise untimed()
        return tuple(round(frames or 0) for frames in self.sentence.durations)

    def tokens(self) -> list[Interval]:
        """Return the interval of each token; pauses have the boundary token as label."""
        edges = (frames / self.voice.frames_per_second for frames in accumulate(self.frames(), initial=0))
        seconds = [round(self.start_s + self.voice.output_time(edge), 6) for edge in edges]
        return [Interval(token, *span) for token, span in zip(self.sentence.tokens, pairwise(seconds), strict=True)]

    def phones(self) -> list[Interval]:
        """Return the interval of each phone: of each token that is no boundary."""
        return [span for span, is_phone in zip(self.tokens(), self._are_phones(), strict=True) if is_phone]

    def words(self) -> list[Interval]:
        """Return the interval of each word, from its first phone to its last."""
        by_word = groupby(zip(self._words_of_tokens(), self.tokens(), strict=True), key=lambda pair: pair[0])
        spans = [(word, [span for _, span in pairs]) for word, pairs in by_word if word >= 0]
        return [Interval(self.sentence.words[word], parts[0].start_s, parts[-1].end_s) for word, parts in spans]

    def spans(self) -> list[Interval]:
        """Return the interval of each word with its place in the given text as label: "6:11" for characters 6 to 10."""
        spans = zip(self.words(), self.sentence.spans, strict=False)
        return [Interval(f"{start}:{end}", word.start_s, word.end_s) for word, (start, end) in spans]

    def whole(self) -> Interval:
        """Return the interval of the sentence, pauses at its ends included, with its text as label."""
        tokens = self.tokens()
        return Interval(self.sentence.text or " ".join(self.sentence.words), tokens[0].start_s, tokens[-1].end_s)

    def pitch(self) -> list[TimePoint]:
        """Return a point in the middle of each phone with its F0 in Hz as label; none if the F0 is not known."""
        f0_hz = self.sentence.f0_hz or ()
        parts = zip(self.tokens(), self._are_phones(), f0_hz, strict=False)
        return [TimePoint(f"{hz:.2f}", round((span.start_s + span.end_s) / 2, 6)) for span, phone, hz in parts if phone and hz]

    def as_dict(self) -> dict[str, Any]:
        """Return the sentence as the object that `--json` prints. Without durations, `words` and `tokens` are omitted."""
        faults = [asdict(fault) for fault in self.faults]
        sentence = {"text": self.sentence.text, "start_s": round(self.start_s, 6), "faults": faults}
        if self.sentence.durations is None:
            return sentence
        tokens = [
            {"token": span.label, "start_s": span.start_s, "end_s": span.end_s, "frames": frames}
            for span, frames in zip(self.tokens(), self.frames(), strict=True)
        ]
        words = [{"word": span.label, "start_s": span.start_s, "end_s": span.end_s} for span in self.words()]
        for word, (start, end) in zip(words, self.sentence.spans, strict=False):
            word |= {"start_char": start, "end_char": end}
        return {**sentence, "words": words, "tokens": tokens}

    def _words_of_tokens(self) -> tuple[int, ...]:
        """Return the index in `sentence.words` of each token; -1 for boundaries, and for all tokens if it is not known."""
        return self.sentence.word_of_token or (-1,) * len(self.sentence.tokens)

    def _are_phones(self) -> list[bool]:
        """Return whether each token is a phone. A prosody file need not tell the words."""
        return [word >= 0 for word in self.sentence.word_of_token] or [token.isalnum() for token in self.sentence.tokens]


def untimed() -> InputError:
    """Return the error for timings that were requested from a voice without durations."""
    hint = "leave out --save-timings, or choose a voice with durations"
    return InputError("this voice does not tell how long its phones are", hint)


def textgrid(sentences: Iterable[TimedSentence], total_s: float) -> str:
    """Return a TextGrid in Praat's long text format, for looking at and for editing (see `voice.textgrid_prosody`).

    Its tiers are the words, the phones, the places of the words in the text, the sentences, and a point for the F0 of each phone,
    in Hz, where the sentences have F0.

    Args:
        sentences: Sentences in the order of the audio.
        total_s: Length of the audio in seconds. Empty intervals fill pauses.

    Raises:
        InputError: A sentence has no durations.
    """
    sentences = list(sentences)
    tiers: dict[str, list[Interval] | list[TimePoint]] = {
        "words": [span for sentence in sentences for span in sentence.words()],
        "phones": [span for sentence in sentences for span in sentence.phones()],
        "characters": [span for sentence in sentences for span in sentence.spans()],
        "sentences": [sentence.whole() for sentence in sentences],
    }
    if points := [point for sentence in sentences for point in sentence.pitch()]:
        tiers["f0"] = points
    return textgrid_text(tiers, total_s)
