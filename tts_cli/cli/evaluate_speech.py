"""Commands `tts evaluate speech` (speech from text) and `tts evaluate vocoder` (copy-synthesis of recordings)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.figures import Addons, Corpora, Limit, MarkdownOutput, print_report
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
            help="Folder that holds the corpora and splits.csv; needed for the prompts and for the part identity.",
        ),
    ] = None,
    addons: Addons = None,
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
            help="Part of the report: wer (slowest), naturalness, identity or spectra. Repeatable; by default all.",
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many times to speak each text, each with another seed.")
    ] = 3,
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
    threads: Threads = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Measure speech from text.

    Measure word errors, naturalness, speaker identity and spectra of synthesised prompts, beside the recordings of the same
    prompts. Count the faults that a voice detects itself. Compare every later voice with the first, text by text.
    """
    with extra("eval"):
        from tts_cli.addon.library import DEFAULT_ADDON
        from tts_cli.evaluation.measures.instruments import PARTS
        from tts_cli.evaluation.prompts import read_sentences
        from tts_cli.evaluation.speech.evaluate import SpeechEvaluation, evaluate_speech
        from tts_cli.voice.synthesis import load

        request = SpeechEvaluation(
            {name: load(name, vocoder, threads=threads) for name in addons or [DEFAULT_ADDON]},
            corpora,
            tuple(speakers or ()),
            tuple(parts or PARTS),
            seeds,
            limit,
            read_sentences(sentences, limit) if sentences else (),
            tuple(peers or ()),
            pictures,
        )
        print_report(evaluate_speech(request), as_json, markdown)


def copies(
    corpora: Corpora,
    addon: Annotated[str, typer.Option(metavar="NAME|PATH", help="Vocoder to measure.")],
    pictures: Pictures = None,
    limit: Limit = None,
    word_errors: Annotated[bool, typer.Option("--wer/--no-wer", help="Also count word errors (slowest part).")] = True,
    threads: Threads = None,
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
        print_report(evaluate_vocoder(opened, corpora, limit, instruments, pictures), as_json, markdown)
