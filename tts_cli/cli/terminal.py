"""What commands share on the terminal: lines for people on standard error, results on standard output, and their options.

With `--json`, and where audio goes to standard output, nothing else is printed there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.errors import InputError

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress

WIDTH_OF_PIPES = 120
"""Columns of a table that goes to a file or another program."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, and nothing else there.")]
AddonName = Annotated[str | None, typer.Option("--addon", metavar="NAME|PATH", help="The voice; by default the shipped one.")]
VocoderName = Annotated[
    str | None, typer.Option("--vocoder", metavar="NAME|PATH", help="The vocoder; by default the one that the voice names.")
]
StackOption = Annotated[
    Path | None, typer.Option("--stack", metavar="FILE", help="JSON file whose stack stands for the voice's own.")
]
SpeakerName = Annotated[
    str | None, typer.Option("--speaker", metavar="NAME", help="Who speaks; by default the voice's default speaker.")
]
ContextName = Annotated[
    str,
    typer.Option(
        "--context", metavar="NAME|FILE", help="Where, in what sizes and in what chunks it runs: a context of the addon, or JSON."
    ),
]
CacheDir = Annotated[
    Path | None, typer.Option("--cache-dir", metavar="DIR", help="Folder for compiled networks: the next start is quicker.")
]
Lexicon = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Pronunciations that go before the dictionary's: WORD PH ON EMES a line.")
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, max=2**31 - 1, help="Of the noise in the speech.")]
TraceFile = Annotated[
    Path | None,
    typer.Option("--trace", metavar="FILE", help="Write which block worked when, to be looked at in ui.perfetto.dev."),
]
BestEffort = Annotated[
    bool, typer.Option("--best-effort", help="Take speech that skips, repeats or does not end, which is refused otherwise.")
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        min=1,
        max=256,
        help="Threads that each network may use; by default what the context says, else 1.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one value of the configuration; may be given again."),
]


def say(line: str) -> None:
    """Tells the user one line, on standard error: above the bars, where there are any."""
    # What `typer.echo` writes to is not what Rich puts in the place of standard error while it draws.
    print(line, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Prints one line of JSON on standard output."""
    typer.echo(json.dumps(value))


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]], on_stderr: bool = False) -> None:
    """Prints a table on standard output, or on standard error; columns of numbers are flush right."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for index, name in enumerate(header):
        is_numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        table.add_column(name, justify="right" if is_numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(f"{cell:.4g}" if isinstance(cell, float) else str(cell)) for cell in row))
    show(table, on_stderr)


def show(drawing: RenderableType, on_stderr: bool = False) -> None:
    """Prints a table, or what else Rich draws, on standard output, or on standard error."""
    from rich.console import Console

    console = Console(stderr=on_stderr)
    if not console.is_terminal:
        console = Console(stderr=on_stderr, width=WIDTH_OF_PIPES)
    console.print(drawing)


@contextmanager
def progress(*measures: str) -> Iterator[Progress]:
    """Bars on standard error, where that is a terminal; `measures` say how far a task is, by default in its own count."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    shown: list[ProgressColumn] = [*map(TextColumn, measures)] or [MofNCompleteColumn()]
    columns = (TextColumn("{task.description}"), BarColumn(), *shown, TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        yield bars


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turns a missing package into an InputError that says how to install the optional part `name`."""
    try:
        yield
    except ModuleNotFoundError as error:
        if str(error.name).startswith("tts_cli"):
            raise
        hint = f"pip install 'tts-cli[{name}]'"
        raise InputError(f"this needs the package '{error.name}', which is not installed", hint) from error


def existing(path: Path, what: str) -> Path:
    """`path`. Raises InputError when nothing is there."""
    if not path.exists():
        raise InputError(f"{path}: no such {what}")
    return path
