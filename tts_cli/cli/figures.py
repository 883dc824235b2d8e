"""Options that evaluations share, and the printer of their reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts_cli.cli.terminal import print_json, show

if TYPE_CHECKING:
    from tts_cli.evaluation.report import Printable

Corpora = Annotated[
    Path, typer.Option("--corpora", metavar="DIR", envvar="TTS_CORPORA", help="Folder of corpora, with splits.csv beside them.")
]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="At most this many clips of each speaker.")]
GroupLimit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="At most this many sentences of each group.")]
Addons = Annotated[
    list[str] | None,
    typer.Option("--addon", metavar="NAME|PATH", help="A voice; may be given again. By default the shipped one."),
]
MarkdownOutput = Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")]


def print_report(report: Printable, as_json: bool, markdown: bool) -> None:
    """Print a report as tables, or as Markdown or JSON if asked for."""
    if as_json:
        print_json(report.as_dict())
    elif markdown:
        typer.echo(report.markdown())
    else:
        for drawing in report.drawings():
            show(drawing)
