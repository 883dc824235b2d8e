"""Terminal output and options that commands share: results go to standard output, messages to standard error.

With `--json`, standard output has nothing but JSON; with audio on standard output, nothing but audio.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tts_cli.errors import InputError, OutputError, one_line
from tts_cli.output.outlets import is_closed

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress

_GIVEN: ContextVar[tuple[str, ...]] = ContextVar("given", default=())
WIDTH_OF_PIPES = 120
"""Width of tables that go to a file or another program, in characters."""

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
AddonName = Annotated[
    str | None, typer.Option("--addon", metavar="NAME|PATH", help="Voice; by default the shipped voice, arctic-16k.")
]
VocoderName = Annotated[
    str | None, typer.Option("--vocoder", metavar="NAME|PATH", help="Vocoder; by default the one that the voice names.")
]
StackOption = Annotated[
    Path | None, typer.Option("--stack", metavar="FILE", help="JSON file with a stack that replaces the stack of the voice.")
]
SpeakerName = Annotated[
    str | None, typer.Option("--speaker", metavar="NAME", help="Speaker; by default the default speaker of the voice.")
]
ContextName = Annotated[
    str,
    typer.Option(
        "--context",
        metavar="NAME|FILE",
        help="How the networks are run (backend, sizes, chunks): a context that the addon names, or a JSON file.",
    ),
]
CacheDir = Annotated[
    Path | None,
    typer.Option("--cache-dir", metavar="DIR", help="Keep compiled networks in this folder, for quicker later starts."),
]
Lexicon = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Pronunciations that override the dictionary: each line a word and its phones, TIE T AY1, IPA or X-SAMPA.",
    ),
]
English = Literal["en-US", "en-GB"]
LanguageOfTexts = Annotated[English, typer.Option("--language", help="English of the text: dates, numbers and some words.")]
Language = Annotated[
    English | None,
    typer.Option(help="English of the text: dates, numbers and some words; by default that of the voice."),
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, max=2**31 - 1, help="Seed of the random noise in the speech.")]
TraceFile = Annotated[
    Path | None,
    typer.Option("--trace", metavar="FILE", help="Write when each part of the voice worked; open FILE at ui.perfetto.dev."),
]
BestEffort = Annotated[
    bool, typer.Option("--best-effort", help="Keep speech that skips, repeats or does not end, instead of refusing it.")
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        min=1,
        max=256,
        help="Threads for each network; by default as in the context, else 1.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one value of the configuration. Repeatable."),
]


def say(line: str) -> None:
    """Print one line for the user on standard error, above the progress bars if there are any. A long one is shortened."""
    # While Rich draws, it replaces sys.stderr; `typer.echo` would write past the replacement and tear the bars.
    print(one_line(line), file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Print `value` as one line of JSON on standard output."""
    refuse_closed_output("JSON")
    typer.echo(json.dumps(value))


def refuse_closed_output(result: str) -> None:
    """Raise OutputError if standard output is closed, so that the `result` of a command would be lost."""
    if is_closed(sys.stdout):
        raise OutputError(f"standard output is closed, so the {result} cannot be printed", hint="redirect it to a file")


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]], on_stderr: bool = False) -> None:
    """Print a table on standard output, or on standard error; columns of numbers are aligned right."""
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
    """Print a table or another Rich drawing on standard output, or on standard error."""
    from rich.console import Console

    console = Console(stderr=on_stderr)
    if not console.is_terminal:
        console = Console(stderr=on_stderr, width=WIDTH_OF_PIPES)
    console.print(drawing)


def remember_command(arguments: Sequence[str]) -> None:
    """Keep the arguments of the command that runs, for `given_command`."""
    _GIVEN.set(tuple(arguments))


def given_command() -> list[str]:
    """Return the words of the command that runs, such as `["tts", "synth", "Hello"]`, for reports that say how they were made."""
    return ["tts", *_GIVEN.get()]


@contextmanager
def progress(*measures: str) -> Iterator[Progress]:
    """Show progress bars on standard error if it is a terminal.

    Args:
        measures: Rich text templates of the columns after the bar; by default "done/total".
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    shown: list[ProgressColumn] = [*map(TextColumn, measures)] or [MofNCompleteColumn()]
    columns = (TextColumn("{task.description}"), BarColumn(), *shown, TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        yield bars


@contextmanager
def extra(name: str, *modules: str) -> Iterator[None]:
    """Turn a failed import in the block into an InputError with the pip command that installs the extra `name`.

    Args:
        name: Name of the extra.
        modules: Modules that the block imports late; they are looked for before it begins.
    """
    hint = f"pip install '.[{name}]' in a checkout of the project; tts doctor lists what is missing"
    missing = ", ".join(module.replace("_", "-") for module in modules if find_spec(module) is None)
    if missing:
        raise InputError(f"this needs packages that are not installed: {missing}", hint)
    try:
        yield
    except ModuleNotFoundError as error:
        if str(error.name).startswith("tts_cli"):
            raise
        raise InputError(f"this needs the package '{error.name}', which is not installed", hint) from error


def existing(path: Path, kind: str) -> Path:
    """Return `path`. Raises InputError "PATH: no such `kind`" if nothing is there."""
    if not path.exists():
        near = _neighbour(path)
        raise InputError(f"{path}: no such {kind}", hint=f"did you mean '{near}'?" if near else "check the path")
    return path


def _neighbour(path: Path) -> Path | None:
    """Return the path nearest to `path` in spelling that exists, one folder after the other; None if a folder has none."""
    found = Path(path.anchor)
    for name in path.parts[bool(path.anchor) :]:
        if not (found / name).exists():
            try:
                names = sorted(one.name for one in found.iterdir())
            except OSError:
                return None
            if not (near := get_close_matches(name, names, n=1)):
                return None
            name = near[0]
        found /= name
    return found
