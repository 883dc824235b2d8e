"""Command `tts evaluate prosody`: questions that sound asked, and distances between the prosody of speech and recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.figures import Addons, Jobs, MarkdownOutput, ReportFolder, Seeds, print_report
from tts_cli.cli.terminal import Json, extra


def prosody(
    addons: Addons = None,
    systems: Annotated[
        Path | None,
        typer.Option(
            "--systems",
            metavar="FILE",
            help="YAML file of systems, NAME: {addon: ..., selector: {strategy: centroid}}, {command: ...}, or {folder: ...} for "
            "the part distances.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Prepared corpus; without it only the part questions is measured."),
    ] = None,
    split: Annotated[str, typer.Option(metavar="SPLIT", help="Recorded prompts: test or validation.")] = "test",
    vocoder: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Vocoder of all --addon voices; by default that of each voice.")
    ] = None,
    speakers: Annotated[
        list[str] | None,
        typer.Option("--speaker", metavar="NAME", help="Speaker. Repeatable; by default those whom all voices have."),
    ] = None,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="Part of the report: questions, classifier or distances. Repeatable; by default all, without --data questions.",
        ),
    ] = None,
    sentences: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="Text file with lines 'group|text'; groups: declarative, yes-no, or, wh and statement."
        ),
    ] = Path("data/question-sentences.txt"),
    seeds: Seeds = 1,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Largest number of sentences of each group, and of recordings of each speaker and kind."
        ),
    ] = None,
    jobs: Jobs = 1,
    report: ReportFolder = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Measure questions and the distributions of prosody.

    Speak declarative questions with a question mark and with a full stop, and count those that end higher and steeper as a
    question. Count the sentences of each kind that rise, beside recorded ones. Train a classifier of questions and statements on
    recordings, and apply it to speech. Compare the distributions of F0 range, final slope, phone durations and pauses of speech
    and recordings of the same prompts. Every later system is compared with the first. Every result is cached: after an
    interruption, the same command continues.
    """
    with extra("eval"):
        from tts_cli.addon.library import DEFAULT_ADDON
        from tts_cli.evaluation.prompts import read_sentences
        from tts_cli.evaluation.prosody.evaluate import ProsodyEvaluation, evaluate_prosody, sources_of

        request = ProsodyEvaluation(
            sources_of(addons or ([] if systems else [DEFAULT_ADDON]), vocoder, systems),
            read_sentences(sentences, limit),
            data,
            split,
            tuple(speakers or ()),
            tuple(parts or ()),
            limit,
            seeds,
            jobs,
            str(systems or ""),
        )
        print_report(evaluate_prosody(request), as_json, markdown, report, request.named_addons)
