"""Options that several evaluations share, and printing of their reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tts_cli.cli.terminal import given_command, print_json, show

if TYPE_CHECKING:
    from tts_cli.evaluation.report import Printable, Report, Reports

Corpora = Annotated[
    Path, typer.Option("--corpora", metavar="DIR", envvar="TTS_CORPORA", help="Folder that holds the corpora and splits.csv.")
]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Largest number of clips of each speaker.")]
GroupLimit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Largest number of sentences of each group.")]
Addons = Annotated[
    list[str] | None,
    typer.Option("--addon", metavar="NAME|PATH", help="Voice. Repeatable; by default the shipped voice."),
]
Seeds = Annotated[
    int, typer.Option("--seeds", metavar="N", min=1, help="How many times to speak each text, each with another seed.")
]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Number of worker processes.")]
ReportFolder = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="DIR",
        help="Also write tables, tests and the command as one HTML page into this folder, and report.json.",
    ),
]
MarkdownOutput = Annotated[bool, typer.Option("--markdown", help="Print the tables as Markdown.")]


def print_report(
    report: Printable, as_json: bool, markdown: bool, folder: Path | None = None, addons: Sequence[str] = ()
) -> None:
    """Print a report as JSON if `as_json`, as Markdown if `markdown`, else as tables.

    Args:
        folder: folder that also gets the report as a page; None: none. See `write_report`.
        addons: names or paths of the addons whose hashes the page gives.
    """
    if folder:
        from tts_cli.evaluation.report_folder import write_report

        write_report(cast("Report | Reports", report), folder, given_command(), addons)
    if as_json:
        print_json(report.as_dict())
    elif markdown:
        typer.echo(report.markdown())
    else:
        for drawing in report.drawings():
            show(drawing)
