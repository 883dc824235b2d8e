"""What evaluations share on the terminal: options, the sentences they speak, and how reports are printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts_cli.cli.terminal import print_json, print_table, show
from tts_cli.errors import InputError

if TYPE_CHECKING:
    from tts_cli.evaluation.prompts import GroupedText
    from tts_cli.evaluation.report import Report
    from tts_cli.evaluation.statistics import Reports

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


def sentences_of(file: Path | None, default: Path, limit: int | None) -> tuple[GroupedText, ...]:
    """Those of `file`; by default the project's own, which are there only in its folder."""
    from tts_cli.evaluation.prompts import read_sentences

    if file is None and not default.is_file():
        hint = "run it where the project's data folder is, or name a file of lines 'group|text' with --sentences"
        raise InputError(f"{default}: no such file in this folder", hint)
    return read_sentences(file or default, limit)


def print_report(report: Report, as_json: bool, markdown: bool) -> None:
    """Print one table, as Markdown or JSON if asked for."""
    if as_json:
        print_json(report.as_dict())
    elif markdown:
        typer.echo(report.markdown())
    else:
        show(report.table())


def print_reports(report: Reports, as_json: bool, markdown: bool) -> None:
    """Print the tables and tests that belong together, as Markdown or JSON if asked for."""
    if as_json:
        print_json(report.as_dict())
    elif markdown:
        typer.echo(report.markdown())
    else:
        for one in report.reports:
            show(one.table())
        if report.tests:
            print_table(f"{report.title}: tests", report.tests_header, report.tests_rows())
        typer.echo("\n".join(report.notes))
