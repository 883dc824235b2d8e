"""Command `tts synth`: speak text into an audio file, a pipe or the sound device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.expansion import expanded
from tts_cli.cli.speaking import Command, Manner, TextOptions
from tts_cli.cli.terminal import BestEffort, Json, Seed, TraceFile
from tts_cli.cli.voice_options import VoiceOptions
from tts_cli.output.options import OutputOptions
from tts_cli.output.speech_options import SpeechOptions
from tts_cli.reading.options import ReadingOptions


@expanded("synth")
def synth(
    ctx: typer.Context,
    *,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="Text to speak; by default read from a pipe.")] = None,
    input_file: Annotated[
        Path | None,
        typer.Option("--input-file", "-i", metavar="FILE", help="Read the text from this UTF-8 file; - is standard input."),
    ] = None,
    prosody: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Speak a file of --save-prosody, or a Praat TextGrid, with its durations and F0."),
    ] = None,
    output: OutputOptions,
    reading: ReadingOptions,
    manner: Manner,
    features: dict[str, SpeechOptions],
    seed: Seed = 0,
    trace: TraceFile = None,
    as_json: Json = False,
    best_effort: BestEffort = False,
    voice: VoiceOptions,
) -> None:
    """Speak text.

    The text is the argument, --input-file or a pipe. Put "--" before a text that begins with a dash. Write inline phones as
    "a [[B AW1]] tie". Audio is written while it is synthesised; a file gets its name when it is complete.
    """
    source = TextOptions(text, input_file, prosody)
    Command(ctx.params, source, output, reading, manner, voice, features, seed, trace, as_json, best_effort).run()
