"""Commands `tts evaluate speech` (speech from text) and `tts evaluate vocoder` (copy-synthesis of recordings)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.figures import Addons, Corpora, Jobs, Limit, MarkdownOutput, ReportFolder, Seeds, print_report
from tts_cli.cli.terminal import Json, Threads, extra

Pictures = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Also draw spectrograms of the ten utterances of lowest naturalness (DistillMOS) into this folder."
    ),
]


def speech(
    corpora: Annotated[
        Path | None,
        typer.Option(
            "--corpora",
            metavar="DIR",
            envvar="TTS_CORPORA",
            help="Folder that holds the corpora and splits.csv, for the prompts and for the part identity.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="DIR", help="Prepared corpus with its own speakers and held-out clips, instead of --corpora."
        ),
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="SPLIT", help="Prompts: test or validation; validation if --data has no test clips.")
    ] = "test",
    addons: Addons = None,
    systems: Annotated[
        Path | None,
        typer.Option(
            "--systems",
            metavar="FILE",
            help="YAML file of systems, NAME: {addon: ..., selector: {strategy: centroid}}, {folder: ...}, {command: ...} or "
            "{recordings: true}.",
        ),
    ] = None,
    folders: Annotated[
        list[Path] | None,
        typer.Option(
            "--folder",
            metavar="DIR",
            help="Folder with the audio of the prompts, ID.wav or SPEAKER/ID.wav; without prompts, all of its files. Repeatable.",
        ),
    ] = None,
    vocoder: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Vocoder of all voices; by default that of each voice.")
    ] = None,
    speakers: Annotated[
        list[str] | None,
        typer.Option(
            "--speaker", metavar="NAME", help="Speaker. Repeatable; by default the speakers who recorded the same prompts."
        ),
    ] = None,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="Part of the report: wer (slowest), naturalness, identity, spectra, prosody or signal. Repeatable; by default "
            "the first four.",
        ),
    ] = None,
    seeds: Seeds = 3,
    sentences: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Text file with lines 'group|text' to speak instead of the prompts; they have no recordings."
        ),
    ] = None,
    peers: Annotated[
        list[str] | None,
        typer.Option(
            "--peer",
            metavar="COMMAND",
            help="Command of another synthesiser; a file of the texts and --output DIR are appended. Repeatable.",
        ),
    ] = None,
    pictures: Pictures = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Largest number of prompts of each speaker, or of sentences of each group."),
    ] = None,
    jobs: Jobs = 1,
    threads: Threads = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="DIR",
            help="Also write a page with tables, tests, plots and players into this folder, the audio as FLAC, and the measures "
            "of each utterance as JSON lines.",
        ),
    ] = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Measure speech from text.

    Measure word errors, naturalness, speaker identity, spectra and prosody of synthesised prompts, beside the recordings of the
    same prompts. Count the faults that a voice detects itself. Compare every later system with the first, text by text. Every
    result is cached: after an interruption, the same command continues.
    """
    with extra("eval"):
        from tts_cli.addon.library import DEFAULT_ADDON
        from tts_cli.evaluation.measures.instruments import PARTS
        from tts_cli.evaluation.prompts import read_sentences
        from tts_cli.evaluation.sources import read_sources
        from tts_cli.evaluation.speech.evaluate import SpeechEvaluation, evaluate_speech

        sources = read_sources(systems, folders or ())
        request = SpeechEvaluation(
            {},
            corpora,
            tuple(speakers or ()),
            tuple(parts or PARTS),
            seeds,
            limit,
            read_sentences(sentences, limit) if sentences else (),
            tuple(peers or ()),
            pictures,
            data=data,
            split=split,
            sources=sources,
            where=str(systems or "--folder"),
            addons=tuple(addons or ([] if sources else [DEFAULT_ADDON])),
            vocoder=vocoder,
            threads=threads,
            jobs=jobs,
            report=report,
        )
        print_report(evaluate_speech(request), as_json, markdown, report, request.named_addons)


def copies(
    corpora: Corpora,
    addon: Annotated[str, typer.Option(metavar="NAME|PATH", help="Vocoder to measure.")],
    pictures: Pictures = None,
    limit: Limit = None,
    word_errors: Annotated[bool, typer.Option("--wer/--no-wer", help="Also count word errors (slowest part).")] = True,
    threads: Threads = None,
    report: ReportFolder = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Measure copy-synthesis by a vocoder.

    Synthesise recordings again from their mels, with the vocoder and with Griffin-Lim. Measure PESQ, STOI, word errors,
    naturalness, speaker identity and spectra.
    """
    with extra("eval"):
        from tts_cli.addon.opened import open_addon
        from tts_cli.evaluation.vocoder.evaluate import evaluate_vocoder, instruments_for

        opened, instruments = open_addon(addon, threads=threads), instruments_for(corpora, word_errors)
        found = evaluate_vocoder(opened, corpora, limit, instruments, pictures)
        print_report(found, as_json, markdown, report, [addon])
