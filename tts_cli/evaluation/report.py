"""Figures with their intervals, and the report that prints them as a Rich table, Markdown or JSON."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
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


def tracked(items: Sequence[Item], description: str) -> Iterable[Item]:
    """`items` with a progress bar on standard error where that is a terminal."""
    console = Console(stderr=True)
    return track(items, description, console=console, transient=True, disable=not console.is_terminal)


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
    if not numerators:
        raise InputError("there is no clip to measure")
    pairs = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    value = float(pairs[0].sum() / pairs[1].sum())
    if len(numerators) == 1:
        return Estimate(value, value, value, 1)
    result = require("scipy.stats").bootstrap(
        pairs,
        lambda top, bottom, axis: top.sum(axis=axis) / bottom.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    )
    interval = result.confidence_interval
    return Estimate(value, float(interval.low), float(interval.high), len(numerators))


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


@dataclass(frozen=True)
class Report:
    """A table of estimates with notes on how they came about."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    details: tuple[dict[str, Any], ...] = ()
    """What was measured on each clip, for `as_dict` only."""

    def table(self) -> Table:
        """The report for the terminal."""
        table = Table(title=self.title, caption="\n".join(self.notes) or None)
        for index, title in enumerate(self._header()):
            table.add_column(title, justify="left" if index < 2 else "right", no_wrap=True)
        for row, following in zip(self.rows, (*self.rows[1:], None), strict=True):
            table.add_row(*self._cells(row, between="\n"), end_section=following is None or following.group != row.group)
        return table

    def markdown(self) -> str:
        """The report for documentation and model cards."""
        header = self._header()
        rule = ["---", "---", *("---:" for _ in header[2:])]
        lines = [header, rule, *(self._cells(row, between=" ") for row in self.rows)]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return "\n\n".join([f"**{self.title}**", table, *self.notes]) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """The report for `--json`: estimates unscaled, by measure."""
        rows = [{"group": r.group, "name": r.name, **{key: asdict(e) for key, e in r.estimates.items()}} for r in self.rows]
        return {"title": self.title, "rows": rows, "notes": list(self.notes), "details": list(self.details)}

    def _header(self) -> list[str]:
        return ["clips of", "voice", "clips", *(column.title for column in self.columns)]

    def _cells(self, row: Row, between: str) -> list[str]:
        shown = [(row.estimates.get(column.key), column) for column in self.columns]
        figures = ["" if estimate is None else estimate.text(c.decimals, c.scale, between) for estimate, c in shown]
        return [row.group, row.name, str(row.num_clips), *figures]
