"""`tts evaluate speech` and `tts evaluate vocoder`: how speech from text and copies of recordings sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.figures import Addons, Corpora, Limit, MarkdownOutput, print_report
from tts_cli.cli.terminal import Json, Threads, extra

Pictures = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Also draw spectrograms of the ten utterances with the lowest DistillMOS into this folder."),
]


def speech(
    corpora: Annotated[
        Path | None,
        typer.Option(
            "--corpora",
            metavar="DIR",
            envvar="TTS_CORPORA",
            help="Folder of corpora, with splits.csv beside them; needed for prompts, and for whose voice it is.",
        ),
    ] = None,
    addons: Addons = None,
    vocoder: Annotated[str | None, typer.Option(metavar="NAME|PATH", help="Vocoder of all voices.")] = None,
    speakers: Annotated[
        list[str] | None,
        typer.Option(
            "--speaker", metavar="NAME", help="Whose prompts; may be given again. By default those who read the same ones."
        ),
    ] = None,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="wer, which takes longest, naturalness, identity or spectra; may be given again. By default all.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Times each text is spoken, with other noise.")] = 3,
    sentences: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Lines 'group|text', spoken in place of the prompts; there are no recordings of them."),
    ] = None,
    peers: Annotated[
        list[str] | None,
        typer.Option(
            "--peer",
            metavar="COMMAND",
            help="Another synthesiser, run with a file of the texts and --output DIR appended; may be given again.",
        ),
    ] = None,
    pictures: Pictures = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="At most this many prompts of each speaker, or sentences of each group."),
    ] = None,
    threads: Threads = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Measure speech made from text: words, naturalness, identity, spectra.

    The same prompts are spoken by the voices and by the recordings. Faults that a voice notices are counted. Later voices are
    compared with the first, text by text.
    """
    with extra("eval"):
        from tts_cli.addon.library import DEFAULT_ADDON
        from tts_cli.evaluation.measures.instruments import PARTS
        from tts_cli.evaluation.prompts import read_sentences
        from tts_cli.evaluation.speech.evaluate import SpeechEvaluation, evaluate_speech
        from tts_cli.voice.synthesis import load

        asked = SpeechEvaluation(
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
        print_report(evaluate_speech(asked), as_json, markdown)


def copies(
    corpora: Corpora,
    addon: Annotated[str, typer.Option(metavar="NAME|PATH", help="The vocoder.")],
    pictures: Pictures = None,
    limit: Limit = None,
    word_errors: Annotated[bool, typer.Option("--wer/--no-wer", help="Also count word errors, which takes longest.")] = True,
    threads: Threads = None,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Measure copy-synthesis: PESQ, STOI, words, naturalness, identity, spectra.

    Recordings' mels go through the vocoder, and through Griffin-Lim for comparison.
    """
    with extra("eval"):
        from tts_cli.addon.opened import open_addon
        from tts_cli.evaluation.vocoder.evaluate import evaluate_vocoder, instruments_for

        opened, instruments = open_addon(addon, threads=threads), instruments_for(corpora, word_errors)
        print_report(evaluate_vocoder(opened, corpora, limit, instruments, pictures), as_json, markdown)
