"""Options of the commands that read documents aloud."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from tts_cli.errors import InputError
from tts_cli.output.speech_options import Given

Notes = Annotated[bool, typer.Option("--notes", help="Read footnotes and endnotes of a document, each after its paragraph.")]
AltTexts = Annotated[bool, typer.Option("--alt-texts", help="Read the descriptions of pictures and formulas of a document.")]


@dataclass(frozen=True)
class DocumentOptions:
    """Options of `tts read`."""

    chapters: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write when each chapter begins: JSON for podcast players if FILE ends in .json, else metadata for FFmpeg.",
        ),
    ] = None
    resume: Annotated[bool, typer.Option("--resume", help="Go on after an interruption.")] = False
    paragraph_silence: Annotated[
        float, typer.Option(metavar="SECONDS", help="Silence between paragraphs, 0 to 60 s; around headings it is longer.")
    ] = 0.7
    notes: Notes = False
    alt_texts: AltTexts = False


@dataclass(frozen=True)
class ReadingOptions:
    """Options of `tts synth` that read a document aloud."""

    long_form: Annotated[
        bool, typer.Option("--long-form", help="Read a document aloud: plain text, Markdown, HTML or EPUB, by the file's name.")
    ] = False
    chapters: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --long-form: also write when each chapter begins, as JSON "
            "for podcast players if FILE ends in .json, else as "
            "metadata for FFmpeg.",
        ),
    ] = None
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on after an interruption of --long-form, or write the files missing in --output-dir."),
    ] = False
    paragraph_silence: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="With --long-form: silence between paragraphs, 0 to 60 s; longer around headings."),
    ] = 0.7
    notes: Notes = False
    alt_texts: AltTexts = False

    def refuse(self, given: Given) -> None:
        """Raise InputError for options that exclude `--long-form` or `--resume`, or that need one of them."""
        if not self.long_form:
            if self.chapters:
                raise InputError("--chapters needs --long-form", hint="add --long-form, or use tts read")
            for name in ("notes", "alt_texts"):
                if given.get(name):
                    raise InputError(f"--{name.replace('_', '-')} needs --long-form", hint="add --long-form, or use tts read")
            if self.resume and not given.get("output_dir"):
                raise InputError("--resume needs --output-dir or --long-form", hint="add one of them, or use tts read")
            return
        if self.resume:
            for name in ("play", "output_raw"):
                if given.get(name):
                    raise InputError(f"--{name.replace('_', '-')} cannot be resumed", hint="--resume needs a file: -o FILE")
            several = {name for name in ("as_json", "save_timings", "save_prosody") if given.get(name)}
            if several:
                option = min(several).replace("as_json", "json").replace("_", "-")
                message = f"--{option} and --resume exclude each other: the part spoken in the earlier run would be missing"
                raise InputError(message, hint=f"leave out --{option}")
