"""Command `tts read`: read a document aloud into an audio file, a pipe or the sound device."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.expansion import expanded
from tts_cli.cli.speaking import Command, Manner, TextOptions
from tts_cli.cli.terminal import BestEffort, Json, Seed, TraceFile
from tts_cli.cli.voice_options import VoiceOptions
from tts_cli.output.options import FileOptions, OutputOptions
from tts_cli.output.speech_options import SpeechOptions
from tts_cli.reading.options import DocumentOptions, ReadingOptions


@expanded("read")
def read(
    ctx: typer.Context,
    *,
    document: Annotated[
        Path,
        typer.Argument(metavar="DOCUMENT", help="Plain text, Markdown, HTML or EPUB file; - is plain text from standard input."),
    ],
    output: FileOptions,
    reading: DocumentOptions,
    manner: Manner,
    features: dict[str, SpeechOptions],
    seed: Seed = 0,
    trace: TraceFile = None,
    as_json: Json = False,
    best_effort: BestEffort = False,
    voice: VoiceOptions,
) -> None:
    """Read a document aloud.

    Audio is written while it is synthesised. After an interruption, the same command with --resume continues.
    """
    Command(
        ctx.params,
        TextOptions(file=document),
        OutputOptions(**asdict(output)),
        ReadingOptions(**asdict(reading), long_form=True),
        manner,
        voice,
        features,
        seed,
        trace,
        as_json,
        best_effort,
    ).run()
