"""When what was spoken: for `--json`, and as a Praat TextGrid."""

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
    """A stretch of audio."""

    label: str
    start_s: float
    end_s: float


class Clock(Protocol):
    """What says when frames are heard, as a `Voice` does."""

    @property
    def frames_per_second(self) -> float: ...

    def output_time(self, seconds: float) -> float: ...


@dataclass(frozen=True)
class Recorded:
    """The clock of a recording, which nothing moves."""

    frames_per_second: float

    def output_time(self, seconds: float) -> float:
        """The same moment."""
        return seconds


@dataclass(frozen=True)
class TimedSentence:
    """A sentence as it was spoken."""

    sentence: Sentence
    start_s: float
    """Where in the audio it begins."""
    voice: Clock
    faults: list[Fault] = field(default_factory=list)
    """What was noticed while it was spoken."""

    def frames(self) -> tuple[int, ...]:
        """Frames of each token. Raises InputError when the sentence does not tell them."""
        if self.sentence.durations is None:
            raise untimed()
        return tuple(round(frames or 0) for frames in self.sentence.durations)

    def tokens(self) -> list[Interval]:
        """Every token; pauses have the label of their boundary."""
        edges = (frames / self.voice.frames_per_second for frames in accumulate(self.frames(), initial=0))
        seconds = [round(self.start_s + self.voice.output_time(edge), 6) for edge in edges]
        return [Interval(token, *span) for token, span in zip(self.sentence.tokens, pairwise(seconds), strict=True)]

    def phones(self) -> list[Interval]:
        """The tokens that are phones."""
        return [span for span, word in zip(self.tokens(), self._words_of_tokens(), strict=True) if word >= 0]

    def words(self) -> list[Interval]:
        """The words, from their first phone to their last."""
        by_word = groupby(zip(self._words_of_tokens(), self.tokens(), strict=True), key=lambda pair: pair[0])
        spans = [(word, [span for _, span in pairs]) for word, pairs in by_word if word >= 0]
        return [Interval(self.sentence.words[word], parts[0].start_s, parts[-1].end_s) for word, parts in spans]

    def as_dict(self) -> dict[str, Any]:
        """The sentence for `--json`; a voice that does not tell durations leaves out what hangs on them."""
        faults = [asdict(fault) for fault in self.faults]
        sentence = {"text": self.sentence.text, "start_s": round(self.start_s, 6), "faults": faults}
        if self.sentence.durations is None:
            return sentence
        tokens = [
            {"token": span.label, "start_s": span.start_s, "end_s": span.end_s, "frames": frames}
            for span, frames in zip(self.tokens(), self.frames(), strict=True)
        ]
        words = [{"word": span.label, "start_s": span.start_s, "end_s": span.end_s} for span in self.words()]
        return {**sentence, "words": words, "tokens": tokens}

    def _words_of_tokens(self) -> tuple[int, ...]:
        """Index into the words of each token; -1 where there is none, as everywhere in a sentence that does not say."""
        return self.sentence.word_of_token or (-1,) * len(self.sentence.tokens)


def untimed() -> InputError:
    """The error of asking when a voice's phones are that does not tell it."""
    return InputError("this voice does not tell how long its phones are", hint="leave out --save-timings")


def textgrid(sentences: Iterable[TimedSentence], total_s: float) -> str:
    """A TextGrid in Praat's long text format, with a tier of words and one of phones; pauses are empty intervals."""
    sentences = list(sentences)
    tiers = {
        "words": [span for sentence in sentences for span in sentence.words()],
        "phones": [span for sentence in sentences for span in sentence.phones()],
    }
    total_s = round(total_s, 6)
    head = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {total_s}", "tiers? <exists>"]
    lines = [*head, f"size = {len(tiers)}", "item []:"]
    for number, (name, spans) in enumerate(tiers.items(), start=1):
        lines += [f"    item [{number}]:", *_tier(name, list(without_gaps(spans, total_s)), total_s)]
    return "\n".join(lines) + "\n"


def without_gaps(spans: Iterable[Interval], total_s: float) -> Iterator[Interval]:
    """The spans that last, with empty ones between them, so that they cover 0 to `total_s`."""
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
