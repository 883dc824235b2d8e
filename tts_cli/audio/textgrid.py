"""TextGrids and PitchTiers of Praat (Boersma and Weenink): labelled intervals and points of time in a text file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tts_cli.errors import InputError

SLACK_S = 0.025
"""Largest overlap or gap, in seconds, that is an error of rounding and is mended."""
_END_SLACK_S = 0.1
"""Largest time, in seconds, by which a tier may be longer than its grid."""
_TOKEN = re.compile(r'!.*|"(?:[^"]|"")*"(?!\S)|\S+')
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_AS_TEXT = "open it in Praat and choose Save as text file"


@dataclass(frozen=True)
class Interval:
    """Labelled interval of audio, in seconds from its start."""

    label: str
    start_s: float
    end_s: float
    line: int = field(default=0, compare=False)
    """Line of the file that it was read from; 0 for none."""


@dataclass(frozen=True)
class TimePoint:
    """Labelled point of time, in seconds from the start of the audio."""

    label: str
    time_s: float
    line: int = field(default=0, compare=False)
    """Line of the file that it was read from; 0 for none."""


@dataclass(frozen=True)
class Tier:
    """Tier of a TextGrid: intervals in order, or points in order."""

    name: str
    intervals: tuple[Interval, ...] = ()
    points: tuple[TimePoint, ...] = ()


@dataclass(frozen=True)
class TextGrid:
    """Tiers of one recording."""

    path: Path
    end_s: float
    """Length of the recording, in seconds."""
    tiers: tuple[Tier, ...]

    def find(self, names: Sequence[str]) -> Tier | None:
        """Return the first tier with one of `names`, in their order; capitals and a speaker before " - " do not count."""
        found = {tier.name.rpartition(" - ")[2].strip().lower(): tier for tier in reversed(self.tiers)}
        return next((found[name] for name in names if name in found), None)


def read_textgrid(path: Path) -> TextGrid:
    """Return the TextGrid in a file of Praat's long or short text format, in UTF-8 or UTF-16.

    Overlaps of at most `SLACK_S` are mended: the later interval begins where the earlier one ends. Times count from the start of
    the recording, also if the grid begins at another time.

    Raises:
        InputError: The file cannot be read, is no TextGrid, or is malformed; names file and line.
    """
    values = _Values(path, "TextGrid")
    start_s, end_s = values.number("xmin"), values.number("xmax")
    if values.flag() == "<absent>":
        return TextGrid(path, end_s - start_s, ())
    tiers = tuple(_tier(values, start_s, end_s - start_s) for _ in range(values.count("tiers")))
    return TextGrid(path, end_s - start_s, tiers)


def read_pitch_tier(path: Path) -> Tier:
    """Return the points of a PitchTier in Praat's text format; labels are Hz. Raises InputError like `read_textgrid`."""
    values = _Values(path, "PitchTier")
    start_s, _ = values.number("xmin"), values.number("xmax")
    points = []
    for _ in range(values.count("points")):
        time_s, line = values.number("time"), values.line
        points.append(TimePoint(f"{values.number('value'):g}", time_s - start_s, line))
    return Tier("f0", points=tuple(points))


def textgrid_text(tiers: Mapping[str, Sequence[Interval] | Sequence[TimePoint]], total_s: float) -> str:
    """Return a TextGrid in Praat's long text format.

    Args:
        tiers: Intervals or points of each tier, by name. Empty intervals fill gaps.
        total_s: Length of the audio in seconds.
    """
    total_s = round(total_s, 6)
    head = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {total_s}", "tiers? <exists>"]
    lines = [*head, f"size = {len(tiers)}", "item []:"]
    for number, (name, parts) in enumerate(tiers.items(), start=1):
        points = [part for part in parts if isinstance(part, TimePoint)]
        spans = [part for part in parts if isinstance(part, Interval)]
        own = _point_lines(points) if points else _interval_lines(list(without_gaps(spans, total_s)))
        kind = "TextTier" if points else "IntervalTier"
        lines += [f"    item [{number}]:", f'        class = "{kind}"', f'        name = "{name}"']
        lines += ["        xmin = 0", f"        xmax = {total_s}", *own]
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


def _interval_lines(spans: Sequence[Interval]) -> Iterator[str]:
    yield f"        intervals: size = {len(spans)}"
    for number, span in enumerate(spans, start=1):
        yield f"        intervals [{number}]:"
        yield from (f"            xmin = {span.start_s}", f"            xmax = {span.end_s}")
        yield f"            text = {_quoted(span.label)}"


def _point_lines(points: Sequence[TimePoint]) -> Iterator[str]:
    yield f"        points: size = {len(points)}"
    for number, point in enumerate(points, start=1):
        yield from (f"        points [{number}]:", f"            number = {point.time_s}")
        yield f"            mark = {_quoted(point.label)}"


def _quoted(label: str) -> str:
    return '"' + " ".join(label.split("\n")).replace('"', '""') + '"'


def _tier(values: _Values, start_s: float, length_s: float) -> Tier:
    kind, name = values.text("class"), values.text("name")
    values.number("xmin"), values.number("xmax")
    count = values.count("size")
    if kind == "TextTier":
        return Tier(name, points=tuple(_point(values, start_s) for _ in range(count)))
    if kind != "IntervalTier":
        raise values.error(f"the tier '{name}' is of the unknown class '{kind}'")
    spans: list[Interval] = []
    for number in range(1, count + 1):
        spans.append(_interval(values, start_s, spans[-1].end_s if spans else None, f"interval {number} of the tier '{name}'"))
    if spans and spans[-1].end_s > length_s + _END_SLACK_S:
        raise values.error(f"interval {count} of the tier '{name}' ends at {spans[-1].end_s:g} s, the grid at {length_s:g} s")
    return Tier(name, intervals=tuple(spans))


def _point(values: _Values, start_s: float) -> TimePoint:
    time_s, line = values.number("time"), values.line
    return TimePoint(values.text("mark"), round(time_s - start_s, 9), line)


def _interval(values: _Values, grid_start_s: float, before_s: float | None, name: str) -> Interval:
    """Read an interval. `before_s` is the end of the one before it; `name` is for errors."""
    begin, line = round(values.number("xmin") - grid_start_s, 9), values.line
    end = round(values.number("xmax") - grid_start_s, 9)
    label = values.text("text").strip()
    return mended(Interval(label, begin, end, line), before_s, f"{values.path}:{line}: {name}")


def mended(span: Interval, before_s: float | None, where: str) -> Interval:
    """Return an interval that does not begin before `before_s`, the end of the one before it, nor end before it begins.

    Raises:
        InputError: It would have to move by more than `SLACK_S`; the message begins with `where`.
    """
    start_s = span.start_s if before_s is None else max(before_s, span.start_s)
    if start_s > span.start_s + SLACK_S:
        message = f"{where} begins at {span.start_s:g} s, before the end of the one before it, {start_s:g} s"
        raise InputError(message, hint="intervals must follow each other: move the boundary")
    if span.end_s < start_s - SLACK_S:
        raise InputError(f"{where} ends at {span.end_s:g} s, before it begins", hint="move the boundary")
    return Interval(span.label, start_s, max(start_s, span.end_s), span.line)


class _Values:
    """Values of a text file of Praat, in order: free-standing numbers, strings in quotes and flags. All else is a comment."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path, self.line = path, 1
        text = _decoded(path)
        self._tokens = self._scan(text)
        if self.text("type") != "ooTextFile" or not self.text("object class").startswith(kind):
            raise InputError(f"{path}:{self.line}: is no {kind} as text", hint=_AS_TEXT)

    def _scan(self, text: str) -> Iterator[str]:
        place = 0
        for match in _TOKEN.finditer(text):
            self.line += text.count("\n", place, match.start())
            place = match.start()
            if match[0][0] in '"<' or _NUMBER.fullmatch(match[0]):
                yield match[0]
        self.line += text.count("\n", place)

    def number(self, name: str) -> float:
        """Return the next value, a finite number; `name` is for errors."""
        token = next(self._tokens, "")
        if not _NUMBER.fullmatch(token) or not math.isfinite(float(token)):
            raise self.error(f"a number is missing ({name})" + (f", here is {token[:20]}" if token else ": the file ends"))
        return float(token)

    def count(self, name: str) -> int:
        """Return the next value, a number of things; `name` is for errors."""
        value = self.number(name)
        if value != int(value) or value < 0:
            raise self.error(f"{value:g} is no number of {name}")
        return int(value)

    def text(self, name: str) -> str:
        """Return the next value, a string, without its quotes; `name` is for errors."""
        token = next(self._tokens, "")
        if len(token) < 2 or token[0] != '"' or token[-1] != '"':
            raise self.error(
                f"a text in quotes is missing ({name})" + (f", here is {token[:20]}" if token else ": the file ends")
            )
        return token[1:-1].replace('""', '"')

    def flag(self) -> str:
        """Return the next value, a flag such as <exists>."""
        token = next(self._tokens, "")
        if not token.startswith("<"):
            raise self.error("<exists> is missing")
        return token

    def error(self, problem: str) -> InputError:
        """Return an error at the line of the last value."""
        return InputError(f"{self.path}:{self.line}: {problem}", hint=f"the file is damaged: {_AS_TEXT}")


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", hint="name a readable file") from error
    if data.startswith(b"ooBinaryFile"):
        raise InputError(f"{path}: is a binary file of Praat", hint=_AS_TEXT)
    try:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16")
        if b"\0" in data[:2]:
            return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is neither UTF-8 nor UTF-16 text", hint="save it as UTF-8") from error
