"""Figures with their intervals, and the report that prints them as a Rich table, Markdown or JSON."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tts_cli.errors import InputError

Item = TypeVar("Item")

_RESAMPLES = 9999
_SEED = 0


def require(module: str) -> Any:
    """The `module` of the evaluation extra. Raises InputError with the remedy where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        hint = "pip install 'tts-cli[eval]' brings what evaluation needs"
        raise InputError(f"this measure needs '{module}', which is not installed", hint=hint) from error


def tracked(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
    """`items`, `total` of them where they have no length, with a progress bar on standard error where that is a terminal."""
    console = Console(stderr=True)
    return track(items, description, total, console=console, transient=True, disable=not console.is_terminal)


@dataclass(frozen=True)
class Estimate:
    """A point estimate over clips with its 95 % bootstrap interval (percentile method, clips resampled)."""

    value: float
    low: float
    high: float
    num_clips: int

    def text(self, decimals: int, scale: float = 1.0, between: str = " ") -> str:
        """The value, `between`, and the interval: `2.71 [2.60, 2.82]`."""
        value, low, high = (f"{figure * scale:.{decimals}f}" for figure in (self.value, self.low, self.high))
        return f"{value}{between}[{low}, {high}]"


def mean_estimate(values: Sequence[float]) -> Estimate:
    """The mean of one figure a clip. Raises InputError without clips."""
    return ratio_estimate(values, [1.0] * len(values))


def ratio_estimate(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """Sum of numerators over sum of denominators, one of each a clip: errors over words give WER.

    Raises InputError without clips.
    """
    return _bootstrapped(_ratio, (numerators, denominators))


def difference_estimate(first: Sequence[tuple[float, float]], second: Sequence[tuple[float, float]]) -> Estimate:
    """How far the ratio of `first`, pairs of numerator and denominator, one of each clip, lies above that of `second`.

    The clips are the same ones in the same order: a resample draws a clip with what both made of it, so that the interval is
    that of the paired difference. Raises InputError without clips.
    """
    return _bootstrapped(
        lambda a, b, c, d, axis: _ratio(a, b, axis) - _ratio(c, d, axis),
        (*zip(*first, strict=True), *zip(*second, strict=True)),
    )


def median_estimate(values: Sequence[float]) -> Estimate:
    """The median of one figure a clip. Raises InputError without clips."""
    return _bootstrapped(np.median, (values,))


def percentile_estimate(values: Sequence[float], percent: float) -> Estimate:
    """The percentile of one figure a clip. Raises InputError without clips."""
    return _bootstrapped(lambda x, axis: np.percentile(x, percent, axis=axis), (values,))


def _ratio(numerators: Any, denominators: Any, axis: int) -> Any:
    return numerators.sum(axis=axis) / denominators.sum(axis=axis)


def _bootstrapped(statistic: Callable[..., Any], samples: Sequence[Sequence[float]]) -> Estimate:
    """`statistic` of the `samples`, which belong together clip by clip."""
    if not samples or not len(samples[0]):
        raise InputError("there is no clip to measure")
    arrays = tuple(np.asarray(sample, np.float64) for sample in samples)
    value = float(statistic(*arrays, axis=0))
    if len(arrays[0]) == 1:
        return Estimate(value, value, value, 1)
    result = require("scipy.stats").bootstrap(
        arrays,
        statistic,
        paired=True,
        vectorized=True,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    )
    interval = result.confidence_interval
    return Estimate(value, float(interval.low), float(interval.high), len(arrays[0]))


@dataclass(frozen=True)
class Column:
    """One measure: how its estimates are shown, and the figure to reach, if there is one."""

    key: str
    title: str
    decimals: int = 2
    scale: float = 1.0
    """What estimates are multiplied by when shown: 100 shows percent."""


PESQ = Column("pesq", "PESQ-WB")
STOI = Column("stoi", "STOI")
WER = Column("wer", "WER %", 1, 100.0)
FAULTLESS = Column("faultless", "faultless %", 1, 100.0)
"""Share of what was spoken in which no block noticed a fault."""


@dataclass(frozen=True)
class Row:
    """What was measured under one name; a measure that is missing was not taken."""

    name: str
    estimates: dict[str, Estimate]
    """By measure; those with a column are shown."""
    group: str = ""
    """What rows that belong together share."""

    @property
    def num_clips(self) -> int:
        """Clips behind the row's estimates."""
        return max((estimate.num_clips for estimate in self.estimates.values()), default=0)


def markdown_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> str:
    """A table in Markdown, its first two columns flush left, with a title above and notes below."""
    rule = ["---", "---", *("---:" for _ in header[2:])]
    table = "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *rows])
    return "\n\n".join([f"**{title}**", table, *notes]) + "\n"


@dataclass(frozen=True)
class Report:
    """A table of estimates with notes on how they came about."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    details: tuple[dict[str, Any], ...] = ()
    """What was measured on each clip, for `as_dict` only."""
    names: tuple[str, str, str] = ("clips of", "voice", "clips")
    """What a row's group, its name and the number of its clips are called."""

    def table(self) -> Table:
        """The report for the terminal."""
        table = Table(title=self.title, caption="\n".join(self.notes) or None)
        for index, title in enumerate(self._header()):
            table.add_column(
                title, justify="left" if index < 2 else "right", no_wrap=index != 1, overflow="fold" if index == 1 else "ellipsis"
            )
        for row, following in zip(self.rows, (*self.rows[1:], None), strict=True):
            table.add_row(*self._cells(row, between="\n"), end_section=following is None or following.group != row.group)
        return table

    def markdown(self) -> str:
        """The report for documentation and model cards."""
        return markdown_table(self.title, self._header(), [self._cells(row, between=" ") for row in self.rows], self.notes)

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`: estimates unscaled, by measure."""
        rows = [{"group": r.group, "name": r.name, **{key: asdict(e) for key, e in r.estimates.items()}} for r in self.rows]
        return {"title": self.title, "rows": rows, "notes": list(self.notes), "details": list(self.details)}

    def _header(self) -> list[str]:
        return [*self.names, *(column.title for column in self.columns)]

    def _cells(self, row: Row, between: str) -> list[str]:
        shown = [(row.estimates.get(column.key), column) for column in self.columns]
        figures = ["" if estimate is None else estimate.text(c.decimals, c.scale, between) for estimate, c in shown]
        return [row.group, row.name, str(row.num_clips), *figures]
