"""Timings of sentences, words and phones in speech, for `--json` and as a Praat TextGrid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate, groupby, pairwise
from typing import TYPE_CHECKING, Any, Protocol

from tts_cli.errors import InputError

if TYPE_CHECKING:
    from tts_cli.blocks.streamable import Fault
    from tts_cli.voice.sentence import Sentence


@dataclass(frozen=True)
class Interval:
    """Labelled interval of audio, in seconds from its start."""

    label: str
    start_s: float
    end_s: float


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
        """Return the interval of each token that belongs to a word: the phones."""
        return [span for span, word in zip(self.tokens(), self._words_of_tokens(), strict=True) if word >= 0]

    def words(self) -> list[Interval]:
        """Return the interval of each word, from its first phone to its last."""
        by_word = groupby(zip(self._words_of_tokens(), self.tokens(), strict=True), key=lambda pair: pair[0])
        spans = [(word, [span for _, span in pairs]) for word, pairs in by_word if word >= 0]
        return [Interval(self.sentence.words[word], parts[0].start_s, parts[-1].end_s) for word, parts in spans]

    def spans(self) -> list[Interval]:
        """Return the interval of each word with its place in the given text as label: "6:11" for characters 6 to 10."""
        spans = zip(self.words(), self.sentence.spans, strict=False)
        return [Interval(f"{start}:{end}", word.start_s, word.end_s) for word, (start, end) in spans]

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


def untimed() -> InputError:
    """Return the error for timings that were requested from a voice without durations."""
    hint = "leave out --save-timings, or choose a voice with durations"
    return InputError("this voice does not tell how long its phones are", hint)


def textgrid(sentences: Iterable[TimedSentence], total_s: float) -> str:
    """Return a TextGrid in Praat's long text format, with tiers of words, phones, and places of the words in the text.

    Args:
        sentences: Sentences in the order of the audio.
        total_s: Length of the audio in seconds. Empty intervals fill pauses.

    Raises:
        InputError: A sentence has no durations.
    """
    sentences = list(sentences)
    tiers = {
        "words": [span for sentence in sentences for span in sentence.words()],
        "phones": [span for sentence in sentences for span in sentence.phones()],
        "characters": [span for sentence in sentences for span in sentence.spans()],
    }
    total_s = round(total_s, 6)
    head = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {total_s}", "tiers? <exists>"]
    lines = [*head, f"size = {len(tiers)}", "item []:"]
    for number, (name, spans) in enumerate(tiers.items(), start=1):
        lines += [f"    item [{number}]:", *_tier(name, list(without_gaps(spans, total_s)), total_s)]
    return "\n".join(lines) + "\n"


def without_gaps(spans: Iterable[Interval], total_s: float) -> Iterator[Interval]:
    """Yield the intervals longer than 0 s, with empty ones in the gaps, so that they cover 0 to `total_s` seconds."""
    end_s = 0.0
    for span in spans:
        if span.start_s > end_s:
            yield Interval("", end_s, span.start_s)
        if span.end_s > span.start_s:
            yield span
        end_s = span.end_s
    if total_s > end_s:
        yield Interval("", end_s, total_s)


def _tier(name: str, spans: Sequence[Interval], total_s: float) -> Iterator[str]:
    yield from ('        class = "IntervalTier"', f'        name = "{name}"', "        xmin = 0", f"        xmax = {total_s}")
    yield f"        intervals: size = {len(spans)}"
    for number, span in enumerate(spans, start=1):
        label = span.label.replace('"', '""')
        yield f"        intervals [{number}]:"
        yield from (f"            xmin = {span.start_s}", f"            xmax = {span.end_s}", f'            text = "{label}"')
