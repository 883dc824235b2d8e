"""Parity of contexts: compares the output of one voice with free and with fixed tensor shapes, and their start-up times.

A context says where networks run: backend, sizes, threads.

A recording block between acoustic stack and vocoder keeps the acoustic frames while the voice speaks. Contexts may cut speech
into different chunks, so the joined chunks are compared.
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
"""Largest relative difference of total duration that passes if the contexts split the text differently."""
TIE_FRAMES = 1e-3
"""Distance in frames from a rounding tie (x.5) within which a duration may round up or down."""

Outcome = Literal["same", "tie", "split", "different"]


@dataclass(frozen=True)
class Piece:
    """Acoustic frames and durations of one utterance in one context."""

    tokens: tuple[str, ...]
    durations: NDArray[np.int64] | None
    """Duration of each token in frames, shape (N,); None if the acoustic stack predicts none."""
    exact_frames: NDArray[np.float64] | None
    """Predicted durations in frames before rounding, shape (N,); None if the stack predicts none."""
    streamed: dict[str, Floats]
    """Outputs of the acoustic stack by port, such as `mel`, shape (T, C) each."""


@dataclass(frozen=True)
class Rendering:
    """Utterances and audio of one text in one context."""

    pieces: tuple[Piece, ...]
    """Utterances of the text: one for each sentence, more if a sentence is too long for the context."""
    audio: Floats
    """Audio of all pieces with the pauses between them, shape (samples,)."""


@dataclass(frozen=True)
class Tolerances:
    """Largest absolute differences that count as agreement."""

    ports: float = 1e-3
    """Largest difference of acoustic outputs: mel and log-F0 (natural log), voicing."""
    audio: float = 2e-3
    """Largest difference of audio samples. It is larger because the vocoder's phase accumulates rounding errors of F0."""

    def hold(self, differences: Mapping[str, float]) -> bool:
        """Return True if no difference, given by port, exceeds its tolerance."""
        return all(value <= (self.audio if port == "audio" else self.ports) for port, value in differences.items())


TOLERANCES = Tolerances()


@dataclass(frozen=True)
class Comparison:
    """Comparison of acoustic frames, durations and audio of one text, spoken in a reference context and in another context."""

    group: str
    text: str
    num_tokens: int
    """Tokens of the text, in all its pieces, in the reference context."""
    num_pieces: tuple[int, int]
    """Number of pieces in the reference context and in the other."""
    outcome: Outcome
    """`same`: equal pieces with equal durations. `tie`: some durations differ, all of them at a rounding tie. `split`: the texts
    were split differently, because one context has room for fewer tokens. `different`: durations differ away from ties."""
    duration_difference: float
    """Difference in length of the audio, relative to the reference context; positive: the other is longer."""
    differences: dict[str, float]
    """Largest absolute difference of each acoustic port and of `audio`; empty unless the outcome is `same`."""

    def holds(self, tolerances: Tolerances = TOLERANCES) -> bool:
        """Return True if the contexts agree: within tolerance, at a tie, or split with nearly the same duration."""
        if self.outcome == "same":
            return tolerances.hold(self.differences)
        return self.outcome == "tie" or (self.outcome == "split" and abs(self.duration_difference) <= SPLIT_TOLERANCE)


@dataclass(frozen=True)
class ContextReport:
    """Comparisons of all sentences in a reference context and another context."""

    title: str
    comparisons: tuple[Comparison, ...]
    tolerances: Tolerances = TOLERANCES

    header = ("sentences", "number", "agree", "same", "at a tie", "split", "different", "mel", "audio", "duration %")

    @property
    def num_agreeing(self) -> int:
        """Number of sentences on which the contexts agree."""
        return sum(comparison.holds(self.tolerances) for comparison in self.comparisons)

    @property
    def summary(self) -> str:
        """Summary in a line: `100 of 100 sentences agree (mel within ..., audio ...)`."""
        within = f"mel within {self.tolerances.ports:g}, audio {self.tolerances.audio:g}"
        return f"{self.num_agreeing} of {len(self.comparisons)} sentences agree ({within})"

    def grid(self) -> Grid:
        """Return the table: one row for each group of sentences and one for all, with counts and largest differences."""
        return Grid(self.title, self.header, self._rows(), [self.summary])

    def _rows(self) -> list[list[str]]:
        groups = dict.fromkeys(comparison.group for comparison in self.comparisons)
        return [*(self._row(group, [c for c in self.comparisons if c.group == group]) for group in groups), self._row("all")]

    def as_dict(self) -> dict[str, Any]:
        """Return title, tolerances, number of agreeing sentences, and the comparison of each sentence, as JSON values."""
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
    """Comparisons of several contexts of one voice with the same reference context, and start-up times."""

    reports: tuple[ContextReport, ...]
    starts: Mapping[str, Sequence[float]]
    """Seconds of the first start (compilation) and of the second (cached), by context."""

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
        """Raise RefusedError if any sentence differs in any context."""
        refused = [f"{one.title}: {one.summary}" for one in self.reports if one.num_agreeing < len(one.comparisons)]
        if refused:
            raise RefusedError("; ".join(refused), hint="run again with --json to see each sentence")


def evaluate_contexts(
    addon: str,
    vocoder: str | None,
    contexts: Sequence[str],
    sentences: Sequence[GroupedText],
    speaker: str | None = None,
    tolerances: Tolerances = TOLERANCES,
    with_starts: bool = True,
) -> ContextReports:
    """Speak `sentences` in several contexts of a voice, and compare each later context with the first.

    Args:
        addon: name or folder of the acoustic addon.
        vocoder: name or folder of the vocoder addon; None: the one that the acoustic addon names.
        contexts: names of contexts; the first is the reference.
        sentences: texts to speak.
        speaker: name of the speaker; None: the default speaker of the voice.
        tolerances: largest differences that count as agreement.
        with_starts: measure start-up times too.

    Raises:
        TtsError: if the voice cannot be loaded in a context, or cannot speak a sentence.
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
    """Compare one voice, opened in two contexts, sentence by sentence.

    Args:
        title: title of the report.
        free: the voice in the reference context.
        other: the voice in the context to check.
        sentences: texts to speak.
        speaker: name of the speaker; None: the default speaker of the voice.
        tolerances: largest differences that count as agreement.

    Raises:
        TtsError: if the voice cannot speak a sentence.
    """
    readers = StackRecorder(free, speaker), StackRecorder(other, speaker)
    comparisons = tuple(compare(s, *(reader.read(s.text) for reader in readers)) for s in tracked(sentences, title))
    return ContextReport(title, comparisons, tolerances)


def compare(sentence: GroupedText, free: Rendering, other: Rendering) -> Comparison:
    """Compare two renderings of a sentence; `free` is that of the reference context."""
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
    """Return the outcome for one utterance with equal tokens in both contexts."""
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
    """Return the largest absolute difference; infinity if either array holds NaN."""
    return float(np.nan_to_num(np.abs(free.astype(np.float64) - other).max(), nan=np.inf))


class StackRecorder:
    """Speaker that records the acoustic outputs of a voice. It uses a variant and leaves the voice unchanged."""

    def __init__(self, voice: Voice, speaker: str | None = None) -> None:
        self._speaker = speaker
        self._tap = Tap(BlockOptions({}, "the voice: after the acoustic stack"), voice.acoustic)
        self._voice = voice.variant(between=[self._tap])

    def read(self, text: str) -> Rendering:
        """Speak `text` and return its acoustic outputs and audio. Raises the errors of `Voice.stream`."""
        self._tap.streams.clear()
        chunks = list(self._voice.stream(text, self._speaker, best_effort=True))
        sentences = [chunk.sentence for chunk in chunks if chunk.sentence]
        pieces = tuple(stream.piece(spoken.tokens) for stream, spoken in zip(self._tap.streams, sentences, strict=True))
        return Rendering(pieces, np.concatenate([chunk.samples for chunk in chunks]))


class Tap(StreamableBlock):
    """Block that passes its input on unchanged and keeps each opened stream, which records the chunks."""

    def __init__(self, options: BlockOptions, addon: Any) -> None:
        super().__init__(options, addon)
        self.streams: list[TapStream] = []

    def _connect(self, scope: Wiring, upstream: Wiring) -> Wiring:  # noqa: ARG002
        return upstream

    def _open(self, scope: Tensors, upstream: Stream | None) -> TapStream:
        self.streams.append(TapStream(scope, upstream))
        return self.streams[-1]


class TapStream(Stream):
    """Stream that records the chunks of one utterance as they pass."""

    def __init__(self, scope: Tensors, upstream: Stream | None) -> None:
        super().__init__(scope, upstream)
        self._passed: list[Tensors] = []

    def _produce(self, n: int) -> Tensors | None:
        chunk = self._read_upstream(n)
        if chunk is not None:
            self._passed.append(chunk)
        return chunk

    def piece(self, tokens: tuple[str, ...]) -> Piece:
        """Return the recorded utterance, its chunks joined."""
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
    """Measure how long `synthesis.load(**arguments)` takes in new processes, without imports.

    The processes run one after the other and share a cache of compiled networks, empty at first: the first start compiles, later
    ones load the compiled networks.

    Args:
        arguments: keyword arguments of `load`, as JSON values, without `cache`.
        repeats: number of processes.

    Returns:
        Seconds of each start.

    Raises:
        TtsError: if a process fails, with the last line of its error output.
    """
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-c", _START, json.dumps({**arguments, "cache": str(Path(cache) / "compiled")})]
        return [_seconds(command) for _ in range(repeats)]


def _seconds(command: Sequence[str]) -> float:
    # This Python, with code of this file.
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise TtsError(
            f"the voice did not start: {(done.stderr.strip().splitlines() or ['the process wrote no error message'])[-1]}",
            hint="tts doctor tells whether the voice can speak",
        )
    return float(done.stdout)
