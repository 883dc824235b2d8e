"""Command `tts listening-test analyze`: tables, tests and a report of the answers of a listening test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.figures import MarkdownOutput, print_report
from tts_cli.cli.terminal import Json, extra, say


def analyze(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS",
            help="Folder of a test, a folder or file of downloaded results-TOKEN.json, a results.sqlite, or a CSV of webMUSHRA.",
        ),
    ],
    test: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the test, with test.json; by default that of RESULTS.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="DIR", help="Also write the report as one HTML page into this folder.")
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Condition that others are compared with; by default all pairs are compared."),
    ] = None,
    systems: Annotated[
        list[str] | None,
        typer.Option("--system", metavar="NAME", help="Condition to compare. Repeatable; by default all but anchors."),
    ] = None,
    rules_off: Annotated[
        list[str] | None,
        typer.Option(
            "--no-rule",
            metavar="RULE",
            help="Switch off a rule of screening: hidden-reference, mid-anchor or attention. Repeatable.",
        ),
    ] = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Analyse the answers of a listening test.

    Remove the listeners who fail the rules of BS.1534-3 or an attention page. Print means with intervals, tests of all pairs in
    which listeners and items are random, a mixed model, the gap reduction, and the number of listeners that the next test needs.
    """
    with extra("eval", "scipy", "statsmodels", "matplotlib"):
        from tts_cli.listening.analysis import analyse_results
        from tts_cli.listening.analysis_page import write_report
        from tts_cli.listening.comparisons import AskedPairs
        from tts_cli.listening.results import read_results

        read = read_results(results, test)
        analysis = analyse_results(read, AskedPairs(baseline, tuple(systems or ())), tuple(rules_off or ()))
        if report:
            say(f"report: {write_report(analysis, report)}")
        print_report(analysis, as_json, markdown)
