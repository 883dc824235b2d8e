"""Options that several evaluations share, and printing of their reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts_cli.cli.terminal import print_json, show

if TYPE_CHECKING:
    from tts_cli.evaluation.report import Printable

Corpora = Annotated[
    Path, typer.Option("--corpora", metavar="DIR", envvar="TTS_CORPORA", help="Folder that holds the corpora and splits.csv.")
]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Largest number of clips of each speaker.")]
GroupLimit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Largest number of sentences of each group.")]
Addons = Annotated[
    list[str] | None,
    typer.Option("--addon", metavar="NAME|PATH", help="Voice. Repeatable; by default the shipped voice."),
]
MarkdownOutput = Annotated[bool, typer.Option("--markdown", help="Print the tables as Markdown.")]


def print_report(report: Printable, as_json: bool, markdown: bool) -> None:
    """Print a report as JSON if `as_json`, as Markdown if `markdown`, else as tables."""
    if as_json:
        print_json(report.as_dict())
    elif markdown:
        typer.echo(report.markdown())
    else:
        for drawing in report.drawings():
            show(drawing)
