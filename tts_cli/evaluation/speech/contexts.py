"""Parity of contexts: one voice, the same sentences, free shapes against fixed ones; and how long each takes to start.

Nothing is computed twice: what passes from the acoustic stack to the vocoder is kept on its way, and the audio at the end. Two
contexts may cut speech into other chunks; what the chunks join to is compared.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from tts_cli.audio.mel import Floats
from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.streamable import Stream, StreamableBlock
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import RefusedError, TtsError
from tts_cli.evaluation.engine import tracked
from tts_cli.evaluation.prompts import GroupedText
from tts_cli.evaluation.report import Grid
from tts_cli.ports import Tensors
from tts_cli.voice.synthesis import Voice, load

SPLIT_TOLERANCE = 0.02
"""Largest difference of total duration, as a share, where only one context had to split."""
TIE_FRAMES = 1e-3
"""How near to a rounding tie a duration may round either way."""

Outcome = Literal["same", "tie", "split", "different"]


@dataclass(frozen=True)
class Piece:
    """One utterance as a context spoke it."""

    tokens: tuple[str, ...]
    durations: NDArray[np.int64] | None
    """(N,) frames; None where the stack decides no durations."""
    exact_frames: NDArray[np.float64] | None
    """(N,) the predicted durations before they were rounded."""
    streamed: dict[str, Floats]
    """By port, the mel among them: (T, C), what the acoustic stack gave."""


@dataclass(frozen=True)
class Rendering:
    """A sentence as a context spoke it."""

    pieces: tuple[Piece, ...]
    """Several where the text is several sentences, or too long."""
    audio: Floats
    """(samples,), pauses between pieces included."""


@dataclass(frozen=True)
class Tolerances:
    """The largest differences that pass."""

    ports: float = 1e-3
    """Of what the acoustic stack gives: mel, log-F0 (natural logs), voicing."""
    audio: float = 2e-3
    """Of samples: the phase of the vocoder adds up the last digits of F0, over the whole of a sentence."""

    def hold(self, differences: Mapping[str, float]) -> bool:
        """Whether no difference, by port, is larger."""
        return all(value <= (self.audio if port == "audio" else self.ports) for port, value in differences.items())


TOLERANCES = Tolerances()


@dataclass(frozen=True)
class Comparison:
    """One sentence in two contexts."""

    group: str
    text: str
    num_tokens: int
    """Of the sentence, in all its pieces, in the free context."""
    num_pieces: tuple[int, int]
    """Utterances in the free context and in the other."""
    outcome: Outcome
    """`same`: the same pieces with the same durations. `tie`: durations differ, only where one is at a rounding tie. `split`:
    other pieces, because one context has room for fewer tokens. `different`: durations differ, and nothing excuses it."""
    duration_difference: float
    """Of the total length of the audio, as a share of that in the free context."""
    differences: dict[str, float]
    """Largest absolute difference by port of the acoustic stack, and of `audio`; only where the outcome is `same`."""

    def holds(self, tolerances: Tolerances = TOLERANCES) -> bool:
        """Whether the contexts agree."""
        if self.outcome == "same":
            return tolerances.hold(self.differences)
        return self.outcome == "tie" or (self.outcome == "split" and abs(self.duration_difference) <= SPLIT_TOLERANCE)


@dataclass(frozen=True)
class ContextReport:
    """All sentences in two contexts."""

    title: str
    comparisons: tuple[Comparison, ...]
    tolerances: Tolerances = TOLERANCES

    header = ("sentences", "number", "agree", "same", "at a tie", "split", "different", "mel", "audio", "duration %")

    @property
    def num_agreeing(self) -> int:
        """Sentences on which the contexts agree."""
        return sum(comparison.holds(self.tolerances) for comparison in self.comparisons)

    @property
    def summary(self) -> str:
        """The outcome in a line: `100 of 100 sentences agree ...`."""
        within = f"mel within {self.tolerances.ports:g}, audio {self.tolerances.audio:g}"
        return f"{self.num_agreeing} of {len(self.comparisons)} sentences agree ({within})"

    def grid(self) -> Grid:
        """Return the table: each group, then all, with the largest differences found in it."""
        return Grid(self.title, self.header, self._rows(), [self.summary])

    def _rows(self) -> list[list[str]]:
        groups = dict.fromkeys(comparison.group for comparison in self.comparisons)
        return [*(self._row(group, [c for c in self.comparisons if c.group == group]) for group in groups), self._row("all")]

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`, sentence by sentence."""
        details = [{**asdict(c), "agrees": c.holds(self.tolerances)} for c in self.comparisons]
        return {"title": self.title, "tolerances": asdict(self.tolerances), "agreeing": self.num_agreeing, "details": details}

    def _row(self, name: str, chosen: Sequence[Comparison] = ()) -> list[str]:
        chosen = chosen or self.comparisons
        agreeing = sum(comparison.holds(self.tolerances) for comparison in chosen)
        counts = [sum(c.outcome == outcome for c in chosen) for outcome in ("same", "tie", "split", "different")]
        largest = [max((c.differences[port] for c in chosen if port in c.differences), default=None) for port in ("mel", "audio")]
        duration = max((c.duration_difference for c in chosen), key=abs)
        shown = ["" if difference is None else f"{difference:.1e}" for difference in largest]
        return [name, *map(str, [len(chosen), agreeing, *counts]), *shown, f"{100 * duration:+.2f}"]


@dataclass(frozen=True)
class ContextReports:
    """Contexts of one voice, each held to the same one, and their starts."""

    reports: tuple[ContextReport, ...]
    starts: Mapping[str, Sequence[float]]
    """Seconds of the first and of the second start, by context."""

    def drawings(self) -> Iterator[Table | str]:
        yield from (report.grid().drawing() for report in self.reports)
        if self.starts:
            rows = [(name, *(f"{second:.4g}" for second in seconds)) for name, seconds in self.starts.items()]
            yield Grid("Start-up (s)", ("context", "first", "second"), rows).drawing()

    def markdown(self) -> str:
        starts = [f"{name} starts in {first:.2f} s, then in {second:.2f} s." for name, (first, second) in self.starts.items()]
        return "\n".join([*(report.grid().markdown() for report in self.reports), *starts])

    def as_dict(self) -> dict[str, Any]:
        return {"contexts": [report.as_dict() for report in self.reports], "starts_s": self.starts}

    def refuse_differences(self) -> None:
        """Raise RefusedError unless all sentences agree in all contexts."""
        refused = [f"{one.title}: {one.summary}" for one in self.reports if one.num_agreeing < len(one.comparisons)]
        if refused:
            raise RefusedError("; ".join(refused), hint="--json tells sentence by sentence")


def evaluate_contexts(
    addon: str,
    vocoder: str | None,
    contexts: Sequence[str],
    sentences: Sequence[GroupedText],
    speaker: str | None = None,
    tolerances: Tolerances = TOLERANCES,
    with_starts: bool = True,
) -> ContextReports:
    """Speak `sentences` in several `contexts` of a voice, and hold the later ones to the first.

    Raises what `load` and `Voice.stream` raise.
    """
    against, *others = contexts
    free = load(addon, vocoder, against)
    reports = [
        compare_contexts(f"{name} against {against}", free, load(addon, vocoder, name), sentences, speaker, tolerances)
        for name in others
    ]
    names = contexts if with_starts else ()
    starts = {name: measure_starts({"addon": addon, "vocoder": vocoder, "context": name}) for name in names}
    return ContextReports(tuple(reports), starts)


def compare_contexts(
    title: str,
    free: Voice,
    other: Voice,
    sentences: Sequence[GroupedText],
    speaker: str | None = None,
    tolerances: Tolerances = TOLERANCES,
) -> ContextReport:
    """The same voice, opened in two contexts, on `sentences`. Raises what `Voice.stream` raises."""
    readers = StackRecorder(free, speaker), StackRecorder(other, speaker)
    comparisons = tuple(compare(s, *(reader.read(s.text) for reader in readers)) for s in tracked(sentences, title))
    return ContextReport(title, comparisons, tolerances)


def compare(sentence: GroupedText, free: Rendering, other: Rendering) -> Comparison:
    """A sentence in two contexts, the first the one that the other is held to."""
    outcome = _outcome(free, other)
    return Comparison(
        *sentence,
        num_tokens=sum(len(piece.tokens) for piece in free.pieces),
        num_pieces=(len(free.pieces), len(other.pieces)),
        outcome=outcome,
        duration_difference=len(other.audio) / len(free.audio) - 1,
        differences=_differences(free, other) if outcome == "same" else {},
    )


def _outcome(free: Rendering, other: Rendering) -> Outcome:
    if [piece.tokens for piece in free.pieces] != [piece.tokens for piece in other.pieces]:
        return "split"
    agreements = {_agreement(*pieces) for pieces in zip(free.pieces, other.pieces, strict=True)}
    return next(outcome for outcome in ("different", "tie", "same") if outcome in agreements)


def _agreement(free: Piece, other: Piece) -> Outcome:
    """How one utterance of the same tokens agrees."""
    if free.durations is None or other.durations is None:
        lengths = [{port: len(values) for port, values in piece.streamed.items()} for piece in (free, other)]
        return "same" if lengths[0] == lengths[1] else "different"
    moved = free.durations != other.durations
    if not moved.any():
        return "same"
    exact = free.exact_frames
    return "tie" if exact is not None and np.all(np.abs(exact - np.floor(exact) - 0.5)[moved] <= TIE_FRAMES) else "different"


def _differences(free: Rendering, other: Rendering) -> dict[str, float]:
    found = {"audio": _largest(free.audio, other.audio)}
    for mine, theirs in zip(free.pieces, other.pieces, strict=True):
        for port, values in mine.streamed.items():
            found[port] = max(found.get(port, 0.0), _largest(values, theirs.streamed[port]))
    return found


def _largest(free: Floats, other: Floats) -> float:
    """Infinite for what is not a number."""
    return float(np.nan_to_num(np.abs(free.astype(np.float64) - other).max(), nan=np.inf))


class StackRecorder:
    """Speaks with a voice and keeps what its acoustic stack gave on the way. The voice itself is left as it is."""

    def __init__(self, voice: Voice, speaker: str | None = None) -> None:
        self._speaker = speaker
        self._tap = Tap(BlockOptions({}, "the voice: behind the acoustic stack"), voice.acoustic)
        self._voice = voice.variant(between=[self._tap])

    def read(self, text: str) -> Rendering:
        """`text`, spoken. Raises what `Voice.stream` raises."""
        self._tap.streams.clear()
        chunks = list(self._voice.stream(text, self._speaker, best_effort=True))
        sentences = [chunk.sentence for chunk in chunks if chunk.sentence]
        pieces = tuple(stream.piece(spoken.tokens) for stream, spoken in zip(self._tap.streams, sentences, strict=True))
        return Rendering(pieces, np.concatenate([chunk.samples for chunk in chunks]))


class Tap(StreamableBlock):
    """Changes nothing and keeps its streams, which keep what passes."""

    def __init__(self, options: BlockOptions, addon: Any) -> None:
        super().__init__(options, addon)
        self.streams: list[TapStream] = []

    def _connect(self, scope: Wiring, upstream: Wiring) -> Wiring:  # noqa: ARG002
        return upstream

    def _open(self, scope: Tensors, upstream: Stream | None) -> TapStream:
        self.streams.append(TapStream(scope, upstream))
        return self.streams[-1]


class TapStream(Stream):
    """One utterance on its way from the acoustic stack."""

    def __init__(self, scope: Tensors, upstream: Stream | None) -> None:
        super().__init__(scope, upstream)
        self._passed: list[Tensors] = []

    def _produce(self, n: int) -> Tensors | None:
        chunk = self._read_upstream(n)
        if chunk is not None:
            self._passed.append(chunk)
        return chunk

    def piece(self, tokens: tuple[str, ...]) -> Piece:
        """What passed, whole."""
        streamed = {port: np.concatenate([chunk[port] for chunk in self._passed], axis=1)[0] for port in self._passed[0]}
        return Piece(tokens, self._tokenwise("durations"), self._exact_frames, streamed)

    @cached_property
    def _exact_frames(self) -> NDArray[np.float64] | None:
        log_duration = self._tokenwise("log_duration")
        return None if log_duration is None else np.expm1(log_duration.astype(np.float64))

    def _tokenwise(self, port: str) -> NDArray[Any] | None:
        return self.values[port][0, :, 0] if port in self.values else None


_START = """
import json, sys, time
from pathlib import Path
from tts_cli.voice.synthesis import load
arguments = json.loads(sys.argv[1])
start = time.perf_counter()
load(**{**arguments, "cache": Path(arguments["cache"])})
print(time.perf_counter() - start)
"""


def measure_starts(arguments: Mapping[str, Any], repeats: int = 2) -> list[float]:
    """Seconds that `synthesis.load(**arguments)` takes in fresh processes, one after the other, that share a folder for
    compiled networks, at first empty: the first start compiles, later ones find what it left. Imports are not counted.

    Raises TtsError with the last line of what a process wrote when it failed.
    """
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-c", _START, json.dumps({**arguments, "cache": str(Path(cache) / "compiled")})]
        return [_seconds(command) for _ in range(repeats)]


def _seconds(command: Sequence[str]) -> float:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TtsError(f"the voice did not start: {(done.stderr.strip().splitlines() or ['no word of why'])[-1]}")
    return float(done.stdout)
