"""`tts evaluate`: figures of voices and vocoders on the prompts that nothing was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts_cli.cli.terminal import Json, Threads, extra, print_json, show
from tts_cli.errors import InputError

if TYPE_CHECKING:
    from tts_cli.evaluation.report import Report

Corpora = Annotated[
    Path, typer.Option("--corpora", metavar="DIR", envvar="TTS_CORPORA", help="Folder of corpora, with splits.csv beside them.")
]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="At most this many clips of each speaker.")]
MarkdownOutput = Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")]

app = typer.Typer(help="Measure voices and vocoders on held-out prompts.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def evaluate(context: typer.Context) -> None:
    """Measure voices and vocoders on held-out prompts."""
    if context.invoked_subcommand is None:
        raise InputError("say what to evaluate", hint="tts evaluate speech --corpora DIR, or tts evaluate vocoder ...")


@app.command()
def speech(
    corpora: Corpora,
    addons: Annotated[
        list[str] | None,
        typer.Option("--addon", metavar="NAME|PATH", help="A voice; may be given again. By default the shipped one."),
    ] = None,
    vocoder: Annotated[str | None, typer.Option(metavar="NAME|PATH", help="Vocoder of all voices.")] = None,
    speakers: Annotated[
        list[str] | None,
        typer.Option("--speaker", metavar="NAME", help="Whose prompts; may be given again. By default all three."),
    ] = None,
    limit: Limit = None,
    threads: Threads = 1,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Count word errors in speech made from text.

    The same prompts are spoken by the voices and by the recordings; Whisper listens.
    """
    with extra("eval"):
        from tts_cli.evaluation.speech import SPEAKERS, evaluate_speech
        from tts_cli.library import DEFAULT_ADDON
        from tts_cli.synthesis import load

        names = addons or [DEFAULT_ADDON]
        voices = {name: load(name, vocoder, threads=threads) for name in names}
        _print(evaluate_speech(voices, corpora, tuple(speakers or SPEAKERS), limit), as_json, markdown)


@app.command("vocoder")
def evaluate_copies(
    corpora: Corpora,
    addon: Annotated[str, typer.Option(metavar="NAME|PATH", help="The vocoder.")],
    limit: Limit = None,
    word_errors: Annotated[bool, typer.Option("--wer/--no-wer", help="Also count word errors, which takes longest.")] = True,
    threads: Threads = 1,
    as_json: Json = False,
    markdown: MarkdownOutput = False,
) -> None:
    """Measure copy-synthesis: PESQ, STOI, word errors.

    Recordings' mels go through the vocoder, and through Griffin-Lim for comparison.
    """
    with extra("eval"):
        from tts_cli.addon import open_addon
        from tts_cli.evaluation.recognition import Recogniser
        from tts_cli.evaluation.vocoder import evaluate_vocoder

        opened = open_addon(addon, threads=threads)
        _print(evaluate_vocoder(opened, corpora, limit, Recogniser() if word_errors else None), as_json, markdown)


def _print(report: Report, as_json: bool, markdown: bool) -> None:
    if as_json:
        print_json(report.as_dict())
    elif markdown:
        typer.echo(report.markdown())
    else:
        show(report.table())
