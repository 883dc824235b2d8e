"""Options of reading aloud."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from tts_cli.errors import InputError
from tts_cli.output.speech_options import Given


@dataclass(frozen=True)
class DocumentOptions:
    """Options of `tts read`."""

    chapters: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write where headings are, for FFmpeg; as .json, as podcasts have it.")
    ] = None
    resume: Annotated[bool, typer.Option("--resume", help="Go on after an interruption.")] = False
    paragraph_silence: Annotated[
        float, typer.Option(metavar="SECONDS", help="Between paragraphs; around headings it is longer.")
    ] = 0.7


@dataclass(frozen=True)
class ReadingOptions:
    """Options of `tts synth` that read a document aloud."""

    long_form: Annotated[
        bool, typer.Option("--long-form", help="Read a document aloud: plain text, Markdown, HTML or EPUB, by the file's name.")
    ] = False
    chapters: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="With --long-form: write where headings are, for FFmpeg; as .json, as podcasts have it."
        ),
    ] = None
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on after an interruption: of --long-form, or with the files that --output-dir lacks."),
    ] = False
    paragraph_silence: Annotated[
        float, typer.Option(metavar="SECONDS", help="With --long-form: between paragraphs; around headings it is longer.")
    ] = 0.7

    def refuse(self, given: Given) -> None:
        """Raise InputError for options of `tts synth` that do not go with reading aloud, or only with it."""
        if not self.long_form:
            if self.chapters:
                raise InputError("--chapters needs --long-form")
            if self.resume and not given.get("output_dir"):
                raise InputError("--resume needs --output-dir or --long-form")
            return
        if self.resume:
            for name in ("play", "output_raw"):
                if given.get(name):
                    raise InputError(f"--{name.replace('_', '-')} cannot be gone on with", hint="--resume needs a file, -o FILE")
            several = {name for name in ("as_json", "save_timings", "save_prosody") if given.get(name)}
            if several:
                option = min(several).replace("as_json", "json").replace("_", "-")
                raise InputError(f"--{option} and --resume exclude each other: what was spoken earlier would be missing")
