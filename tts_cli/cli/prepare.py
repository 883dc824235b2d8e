"""Command `tts prepare`: make a training corpus from recordings and transcripts."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tts_cli.cli.terminal import Json, Settings, extra, print_json, print_table, progress, say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from tts_cli.corpora.report import PrepareReport

NUM_SHOWN_REJECTS = 20
"""Rejects that are printed; `report.json` lists all."""


def prepare(
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE", help="Folder of recordings with transcripts. Repeatable.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the prepared corpus.")],
    layout: Annotated[
        str | None, typer.Option(metavar="NAME", help="Layout of the sources, such as ljspeech or festvox; by default detected.")
    ] = None,
    splits: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="CSV file with split and text of each clip; clips of the split unseen are left out."),
    ] = None,
    lexicon: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Pronunciations that override the dictionary: each line a word and its phones, TIE T AY1, IPA or X-SAMPA.",
        ),
    ] = None,
    language: Annotated[
        Literal["en-US", "en-GB"], typer.Option(help="English of the texts: dates, numbers and some words.")
    ] = "en-US",
    alignments: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="TextGrids of Praat or the Montreal Forced Aligner, or CTM files; clips without are aligned here."
        ),
    ] = None,
    save_alignments: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a Praat TextGrid of the words and phones of each clip.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if any clip is rejected.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a corpus in DIR even if it has clips that the sources lack.")
    ] = False,
    processes: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=256, help="Number of worker processes; by default one for each CPU core."),
    ] = None,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Prepare a training corpus from recordings.

    Check every clip, align its phones, and compute mel, F0 and energy. Several sources make one corpus of several speakers.
    Results of an earlier run in the same folder are reused. Change the mel spectrogram with, for example, --set mel.num_bands=80.
    """
    with extra("train", "swift_f0"):
        from tts_cli.config import apply_overrides, parse
        from tts_cli.corpora.prepare import PrepareOptions
        from tts_cli.corpora.prepare import prepare as prepare_corpus

        given: dict[str, Any] = {"layout": layout, "splits": splits, "lexicon": lexicon, "replace": replace}
        given |= {"language": language, "alignments": alignments, "save_alignments": save_alignments}
        given["num_processes"] = processes or os.cpu_count() or 1
        options = parse(PrepareOptions, apply_overrides({}, settings or []) | given, "--set")
        with progress() as bars:
            report = prepare_corpus(sources, output, options, _Stages(bars))
    if as_json:
        print_json(asdict(report))
    else:
        _print_report(output, report)
    report.check(strict)


class _Stages:
    """Progress bars, one for each stage of the preparation."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, num_done: int, num_clips: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=num_clips)
        self._bars.update(self._tasks[stage], completed=num_done)


def _print_report(output: Path, report: PrepareReport) -> None:
    for reject in report.rejects[:NUM_SHOWN_REJECTS]:
        say(f"{reject.where}: {reject.reason}")
    if len(report.rejects) > NUM_SHOWN_REJECTS:
        say(f"... and {len(report.rejects) - NUM_SHOWN_REJECTS} more rejects in {output / 'report.json'}")
    rows = [(s.speaker, s.clips, s.hours, s.mean_f0_hz, f"{s.low_f0_hz:.0f} - {s.high_f0_hz:.0f}") for s in report.speakers]
    print_table(str(output), ("speaker", "clips", "hours", "mean F0 (Hz)", "F0 range (Hz)"), rows)
    splits = ", ".join(f"{count} {split}" for split, count in report.splits.items())
    typer.echo(f"{report.num_clips} clips ({splits or 'none'}), {report.hours} hours; {report.num_unseen} unseen left out")
    if report.alignments:
        typer.echo("alignments: " + ", ".join(f"{count} {source}" for source, count in report.alignments.items()))
    reasons = ", ".join(f"{count} {reason}" for reason, count in report.reasons.items())
    typer.echo(f"{len(report.rejects)} rejects" + (f": {reasons}" if reasons else ""))
