"""Reports of estimates, drawn for the terminal, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from rich.console import OverflowMethod
from rich.table import Table

from tts_cli.evaluation.statistics import Estimate, PairedTest, difference_estimate, ratio_estimate
from tts_cli.files import atomic_write

OBJECTIVE = "These are objective measures, not listeners' scores: nobody listened."


class Printable(Protocol):
    """Report in the three forms that commands print."""

    def drawings(self) -> Iterator[Table | str]:
        """Yield tables and lines for the terminal."""

    def markdown(self) -> str:
        """Return the report for documentation and model cards."""

    def as_dict(self) -> dict[str, Any]:
        """Return the report for `--json`."""


@dataclass(frozen=True)
class Column:
    """One measure, and how its estimates are shown."""

    key: str
    title: str
    decimals: int = 2
    scale: float = 1.0
    """Factor of estimates when shown: 100 shows percent."""


PESQ = Column("pesq", "PESQ-WB")
STOI = Column("stoi", "STOI")
WER = Column("wer", "WER %", 1, 100.0)
FAULTLESS = Column("faultless", "faultless %", 1, 100.0)
"""Share of utterances in which no block noticed a fault."""
QUALITY = Column("quality", "DNSMOS")
ACCURACY = Column("accuracy", "told right %", 1, 100.0)


@dataclass(frozen=True)
class Row:
    """Estimates under one name; a measure that is missing was not taken."""

    name: str
    estimates: dict[str, Estimate]
    """By measure; those with a column are shown."""
    group: str = ""
    """Shared by rows that belong together."""

    @property
    def num_clips(self) -> int:
        """Clips behind the row's estimates."""
        return max((estimate.num_clips for estimate in self.estimates.values()), default=0)


Measure = Callable[[Any], tuple[float, float]]
"""From an item to its numerator and denominator in a figure."""


def ratio_rows(group: str, measures: Mapping[str, Measure], made: Mapping[str, Sequence[Any]], sign: int = 1) -> list[Row]:
    """Return a row of ratios for each name in `made`, and a row of paired differences for each later name.

    The items of all names belong together one by one. With `sign` 1 the first name is subtracted from the later one, with -1
    the later one from the first.
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
    """Cells of a table with a title above and notes below."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    folded: int = 0
    """Column whose cells may take several lines on the terminal; the two first ones are flush left."""
    sections: Sequence[str] = ()
    """Group of each row: the terminal draws a line between groups."""

    def drawing(self) -> Table:
        """Return the table for the terminal."""
        table = Table(title=self.title, caption="\n".join(self.notes) or None)
        for index, title in enumerate(self.header):
            folds = index == self.folded
            overflow: OverflowMethod = "fold" if folds else "ellipsis"
            table.add_column(title, justify="left" if index < 2 else "right", no_wrap=not folds, overflow=overflow)
        groups = [*self.sections, None] if self.sections else [""] * (len(self.rows) + 1)
        for row, group, following in zip(self.rows, groups, groups[1:], strict=False):
            table.add_row(*row, end_section=group != following)
        return table

    def markdown(self) -> str:
        """Return the table in Markdown."""
        rule = ["---", "---", *("---:" for _ in self.header[2:])]
        table = "\n".join("| " + " | ".join(line) + " |" for line in [self.header, rule, *self.rows])
        return "\n\n".join([f"**{self.title}**", table, *self.notes]) + "\n"


@dataclass(frozen=True)
class Report:
    """A table of estimates with notes on how they came about."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    details: tuple[dict[str, Any], ...] = ()
    """Figures of each clip, for `as_dict` only."""
    names: tuple[str, str, str] = ("clips of", "voice", "clips")
    """Titles of a row's group, its name and the number of its clips."""

    def drawings(self) -> Iterator[Table]:
        yield self._grid(between="\n").drawing()

    def markdown(self) -> str:
        return self._grid(between=" ").markdown()

    def as_dict(self) -> dict[str, Any]:
        """Return the report for `--json`: estimates unscaled, by measure."""
        rows = [{"group": r.group, "name": r.name, **{key: asdict(e) for key, e in r.estimates.items()}} for r in self.rows]
        return {"title": self.title, "rows": rows, "notes": list(self.notes), "details": list(self.details)}

    def _grid(self, between: str) -> Grid:
        header = [*self.names, *(column.title for column in self.columns)]
        rows = [self._cells(row, between) for row in self.rows]
        return Grid(self.title, header, rows, self.notes, folded=1, sections=[row.group for row in self.rows])

    def _cells(self, row: Row, between: str) -> list[str]:
        shown = [(row.estimates.get(column.key), column) for column in self.columns]
        figures = ["" if estimate is None else estimate.text(c.decimals, c.scale, between) for estimate, c in shown]
        return [row.group, row.name, str(row.num_clips), *figures]


@dataclass(frozen=True)
class Reports:
    """Tables that belong together, and the tests that were made together."""

    title: str
    reports: tuple[Report, ...]
    tests: tuple[PairedTest, ...]
    notes: tuple[str, ...] = (OBJECTIVE,)

    def drawings(self) -> Iterator[Table | str]:
        for report in self.reports:
            yield from report.drawings()
        if self.tests:
            yield self._tests().drawing()
        yield "\n".join(self.notes)

    def markdown(self) -> str:
        tables = [report.markdown() for report in self.reports] + ([self._tests().markdown()] if self.tests else [])
        return "\n".join([*tables, *(f"{note}\n" for note in self.notes)])

    def as_dict(self) -> dict[str, Any]:
        reports, tests = [report.as_dict() for report in self.reports], [test.as_dict() for test in self.tests]
        return {"reports": reports, "tests": tests, "notes": list(self.notes)}

    def _tests(self) -> Grid:
        header = ("paired test", "utterances", "difference", "p", "p by Holm")
        return Grid(f"{self.title}: tests", header, [test.cells() for test in self.tests])


def save_figure(figure: Any, file: Path, dpi: int) -> None:
    """Write a figure of matplotlib, whole or not at all, in the format that the name of `file` ends with.

    Raises:
        OutputError: where the file cannot be written.
    """
    with atomic_write(file, "wb") as opened:
        figure.savefig(opened, dpi=dpi, format=file.suffix[1:] or "png")
