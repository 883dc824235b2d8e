"""Report tables of estimates, in three forms: terminal, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from rich.console import OverflowMethod
from rich.markup import escape
from rich.table import Table

from tts_cli.evaluation.statistics import Estimate, PairedTest, difference_estimate, ratio_estimate
from tts_cli.files import atomic_write

OBJECTIVE = "These are objective measures, not listeners' scores: nobody listened."


class Printable(Protocol):
    """Protocol of a report that a command prints to the terminal, as Markdown or as JSON."""

    def drawings(self) -> Iterator[Table | str]:
        """Yield the tables and lines of text for the terminal, from top to bottom."""

    def markdown(self) -> str:
        """Return the report as Markdown, for documentation and model cards."""

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values, for `--json`."""


@dataclass(frozen=True)
class Column:
    """Column of a table of estimates: one measure and its number format."""

    key: str
    """Name of the measure in `Row.estimates`."""
    title: str
    """Heading of the column, with the unit."""
    decimals: int = 2
    """Decimal places shown."""
    scale: float = 1.0
    """Factor applied before an estimate is shown: 100 shows a fraction as percent."""


PESQ = Column("pesq", "PESQ-WB")
STOI = Column("stoi", "STOI")
WER = Column("wer", "WER %", 1, 100.0)
FAULTLESS = Column("faultless", "faultless %", 1, 100.0)
"""Share of utterances in which no block of the voice reported a fault."""
QUALITY = Column("quality", "DNSMOS")
ACCURACY = Column("accuracy", "accuracy %", 1, 100.0)


@dataclass(frozen=True)
class Row:
    """Row of a table: the estimates of one system or condition."""

    name: str
    estimates: dict[str, Estimate]
    """Estimates, keyed by measure (`Column.key`). The table shows those with a column; a missing one leaves its cell empty."""
    group: str = ""
    """Name of the group of rows it belongs to, shown in the first column."""

    @property
    def num_clips(self) -> int:
        """Number of clips of the row: the largest of its estimates."""
        return max((estimate.num_clips for estimate in self.estimates.values()), default=0)


Measure = Callable[[Any], tuple[float, float]]
"""Function from an item (an utterance, a trial) to its contribution to a ratio: numerator and denominator."""


def ratio_rows(group: str, measures: Mapping[str, Measure], made: Mapping[str, Sequence[Any]], sign: int = 1) -> list[Row]:
    """Return a row of ratios for each system in `made`, and a row of paired differences for each system after the first.

    Args:
        group: name of the group that all rows belong to.
        measures: measures by name; each gives the numerator and the denominator of one item.
        made: items of each system, by its name. Item i of every system belongs to the same sentence.
        sign: 1 subtracts the first system from the later one, -1 the later one from the first.

    Returns:
        The rows of the systems, then the rows of differences, named `second - first`.
    """
    values = {name: {key: [measure(one) for one in items] for key, measure in measures.items()} for name, items in made.items()}
    rows = [
        Row(name, {key: ratio_estimate(*zip(*pairs, strict=True)) for key, pairs in of_name.items()}, group)
        for name, of_name in values.items()
    ]
    first, *others = values
    for less in ((other, first)[::sign] for other in others):
        differences = {key: difference_estimate(*(values[name][key] for name in less)) for key in measures}
        rows.append(Row(" - ".join(less), differences, group))
    return rows


@dataclass(frozen=True)
class Grid:
    """Table of text cells, with a title above and notes below."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    folded: int = 0
    """Index of the column that may wrap onto several lines on the terminal; the others are cut with an ellipsis."""
    sections: Sequence[str] = ()
    """Group of each row; the terminal draws a line between groups. Empty: no lines."""

    def drawing(self) -> Table:
        """Return the table for the terminal; the first two columns are left-aligned, the others right-aligned."""
        table = Table(title=escape(self.title), caption=escape("\n".join(self.notes)) or None)
        for index, title in enumerate(self.header):
            folds = index == self.folded
            overflow: OverflowMethod = "fold" if folds else "ellipsis"
            table.add_column(escape(title), justify="left" if index < 2 else "right", no_wrap=not folds, overflow=overflow)
        groups = [*self.sections, None] if self.sections else [""] * (len(self.rows) + 1)
        for row, group, following in zip(self.rows, groups, groups[1:], strict=False):
            table.add_row(*map(escape, row), end_section=group != following)
        return table

    def markdown(self) -> str:
        """Return title, table and notes in Markdown."""
        rule = ["---", "---", *("---:" for _ in self.header[2:])]
        lines = [[cell.replace("|", "\\|") for cell in line] for line in [self.header, rule, *self.rows]]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return "\n\n".join([f"**{self.title}**", table, *self.notes]) + "\n"


@dataclass(frozen=True)
class Report:
    """Table of estimates, with notes on the method of each measure."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    details: tuple[dict[str, Any], ...] = ()
    """Values of each clip, for `--json` only."""
    names: tuple[str, str, str] = ("clips of", "voice", "clips")
    """Headings of the first three columns: group, name and number of clips."""

    def drawings(self) -> Iterator[Table]:
        yield self.grid(between="\n").drawing()

    def markdown(self) -> str:
        return self.grid().markdown()

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values: unscaled estimates by measure, notes, and the values of each clip."""
        rows = [{"group": r.group, "name": r.name, **{key: asdict(e) for key, e in r.estimates.items()}} for r in self.rows]
        return {"title": self.title, "rows": rows, "notes": list(self.notes), "details": list(self.details)}

    def grid(self, between: str = " ") -> Grid:
        """Return the table of text cells, with `between` between an estimate and its interval."""
        header = [*self.names, *(column.title for column in self.columns)]
        rows = [self._cells(row, between) for row in self.rows]
        return Grid(self.title, header, rows, self.notes, folded=1, sections=[row.group for row in self.rows])

    def _cells(self, row: Row, between: str) -> list[str]:
        shown = [(row.estimates.get(column.key), column) for column in self.columns]
        figures = ["" if estimate is None else estimate.text(c.decimals, c.scale, between) for estimate, c in shown]
        return [row.group, row.name, str(row.num_clips), *figures]


@dataclass(frozen=True)
class Reports:
    """Several tables of one evaluation, and its paired tests, with p-values corrected together."""

    title: str
    reports: tuple[Report, ...]
    tests: tuple[PairedTest, ...]
    notes: tuple[str, ...] = (OBJECTIVE,)

    def drawings(self) -> Iterator[Table | str]:
        for report in self.reports:
            yield from report.drawings()
        if self.tests:
            yield grid_of_tests(self.title, self.tests).drawing()
        yield "\n".join(self.notes)

    def markdown(self) -> str:
        return "\n".join([*(grid.markdown() for grid in self.grids()), *(f"{note}\n" for note in self.notes)])

    def as_dict(self) -> dict[str, Any]:
        reports, tests = [report.as_dict() for report in self.reports], [test.as_dict() for test in self.tests]
        return {"reports": reports, "tests": tests, "notes": list(self.notes)}

    def grids(self) -> list[Grid]:
        """Return the tables of text cells, the one of paired tests last; it is left out without tests."""
        return [*(report.grid() for report in self.reports), *([grid_of_tests(self.title, self.tests)] if self.tests else [])]


def grid_of_tests(title: str, tests: Sequence[PairedTest]) -> Grid:
    """Return the table of paired tests, with `title` before the words ": tests"."""
    header = ("paired test", "utterances", "difference", "p", "p (Holm)")
    return Grid(f"{title}: tests", header, [test.cells() for test in tests])


def save_figure(figure: Any, file: Path, dpi: int) -> None:
    """Write a matplotlib figure atomically to `file`, in the format of its suffix (PNG without one).

    Args:
        figure: a `matplotlib.figure.Figure`.
        dpi: resolution in dots per inch.

    Raises:
        OutputError: if the file cannot be written.
    """
    with atomic_write(file, "wb") as opened:
        figure.savefig(opened, dpi=dpi, format=file.suffix[1:] or "png")
