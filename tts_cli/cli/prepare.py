"""Command `tts prepare`: make a training corpus from recordings and transcripts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.terminal import Json, LanguageOfTexts, Settings, extra, print_json, print_table, progress, say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from tts_cli.corpora.quality import QualityMeasure
    from tts_cli.corpora.report import PrepareReport

NUM_SHOWN_REJECTS = 20
"""Rejects that are printed; `report.json` lists all."""
_NUM_SHOWN = 10
"""Guessed words, narrow clips and clips of low quality that are printed."""


def prepare(
    sources: Annotated[
        list[Path], typer.Argument(metavar="SOURCE", help="Folder of recordings with transcripts, or a manifest. Repeatable.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the prepared corpus.")],
    layout: Annotated[
        str | None, typer.Option(metavar="NAME", help="Layout of the sources, such as ljspeech or festvox; by default detected.")
    ] = None,
    splits: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="CSV file with the splits of some or all clips; clips of the split unseen are left out."
        ),
    ] = None,
    details: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CSV",
            help="Table that tells document, position, session or kind, by clip (id) or by document (story). Repeatable.",
        ),
    ] = None,
    speaker: Annotated[
        str | None, typer.Option(metavar="NAME", help="Speaker of recordings without a name; by default the name of the folder.")
    ] = None,
    lexicon: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Pronunciations that override the dictionary: each line a word and its phones, TIE T AY1, IPA or X-SAMPA.",
        ),
    ] = None,
    language: LanguageOfTexts = "en-US",
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
    quality: Annotated[
        bool,
        typer.Option(
            "--quality", help="Also list the ten worst clips by DistillMOS, which more than doubles the time. Needs [eval]."
        ),
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

        given: dict[str, Any] = {
            "layout": layout,
            "splits": splits,
            "details": details or [],
            "lexicon": lexicon,
            "replace": replace,
        }
        given |= {"speaker": speaker, "language": language}
        given |= {"alignments": alignments, "save_alignments": save_alignments}
        given["num_processes"] = processes or os.cpu_count() or 1
        options = parse(PrepareOptions, apply_overrides({}, settings or []) | given, "--set")
        measure = _quality_measure() if quality else None
        with progress() as bars:
            report = prepare_corpus(sources, output, options, _Stages(bars), quality=measure)
    if as_json:
        print_json(asdict(report))
    else:
        _print_report(output, report)
    report.check(strict)


def _quality_measure() -> QualityMeasure:
    from tts_cli.evaluation.measures.clip_quality import clip_quality

    return clip_quality()


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
    _print_speakers(str(output), report)
    splits = ", ".join(f"{count} {split}" for split, count in report.splits.items())
    typer.echo(f"{report.num_clips} clips ({splits or 'none'}), {report.hours} hours; {report.num_unseen} unseen left out")
    if report.alignments:
        typer.echo("alignments: " + ", ".join(f"{count} {source}" for source, count in report.alignments.items()))
    for speaker, one in report.drift.items():
        source = f"{one['sessions']} sessions" if one["sessions"] else one["source"]
        typer.echo(f"drift of {speaker} ({source}): {one['f0_removed']:.0%} of mean F0, {one['level_removed']:.0%} of level")
    reasons = ", ".join(f"{count} {reason}" for reason, count in report.reasons.items())
    typer.echo(f"{len(report.rejects)} rejects" + (f": {reasons}" if reasons else ""))
    for line in _doubts(output, report):
        typer.echo(line)


def _print_speakers(title: str, report: PrepareReport) -> None:
    splits = sorted(report.splits, key=("train", "validation", "test").index)
    minutes = [f"{split} (min)" for split in splits]
    header = ("speaker", "clips", *minutes, "mean F0 (Hz)", "F0 range (Hz)", "bandwidth (kHz)")
    rows = [
        (s.speaker, s.clips, *(s.minutes.get(split, 0.0) for split in splits), s.mean_f0_hz,
         f"{s.low_f0_hz:.0f} - {s.high_f0_hz:.0f}", round(s.bandwidth_hz / 1000, 1))
        for s in report.speakers
    ]  # fmt: skip
    print_table(title, header, rows)


def _doubts(output: Path, report: PrepareReport) -> Iterator[str]:
    """Yield lines on texts in several splits, guessed words, narrow clips and clips of low quality."""
    from tts_cli.config.plain_yaml import shortened

    if report.shared_texts:
        texts = _first([f'"{shortened(one.text)}" ({_named(one.places)})' for one in report.shared_texts])
        yield f"texts in several splits, as declared, so that figures on them are too good: {len(report.shared_texts)}, {texts}"
    if report.guessed:
        commonest = _first([f"{one.word} {one.count}" for one in report.guessed])
        use = "for --lexicon " if report.guesses_file != "report.json" else ""
        yield f"{len(report.guessed)} guessed pronunciations: {commonest}; listed {use}in {output / report.guesses_file}"
    if report.narrow:
        clips = _first([f"{one.clip} {one.bandwidth_hz / 1000:.1f}" for one in report.narrow])
        yield f"{len(report.narrow)} muffled, energy ends below the corpus's {report.bandwidth_hz / 1000:.1f} kHz: {clips}"
    if report.quality:
        clips = _first([f"{one.clip} {one.score:.2f}" for one in report.quality.worst])
        yield f"{report.quality.measure} {report.quality.mean:.2f} on average, worst: {clips}"


def _named(places: Mapping[str, str]) -> str:
    return ", ".join(f"{split} {where}" for split, where in places.items())


def _first(items: list[str]) -> str:
    return ", ".join(items[:_NUM_SHOWN]) + (" ..." if len(items) > _NUM_SHOWN else "")
