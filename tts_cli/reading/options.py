"""Options of the commands that read documents aloud."""

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


@dataclass(frozen=True)
class PartOptions:
    """Options of `tts read` on the parts of a document, and on the files that follow its words."""

    list_chapters: Annotated[
        bool, typer.Option("--list", help="Print the chapters with their estimated lengths, and speak nothing.")
    ] = False
    only: Annotated[
        str | None, typer.Option(metavar="NUMBERS", help="Read some chapters, by their numbers in --list: 3-5, or 1,4-.")
    ] = None
    split_chapters: Annotated[
        bool, typer.Option("--split-chapters", help="Write one file for each chapter: NAME-01.wav, NAME-02.wav, ...")
    ] = False
    keep_header: Annotated[
        bool, typer.Option("--keep-header", help="Read the header and the licence of Project Gutenberg, too.")
    ] = False
    notes: Annotated[
        bool, typer.Option("--notes", help="Read footnotes and endnotes, each after the paragraph that refers to it.")
    ] = False
    alt_texts: Annotated[bool, typer.Option("--alt-texts", help="Read the descriptions of pictures and formulas.")] = False
    read_along: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write WebVTT subtitles, with the time of each word.")
    ] = None
    epub_overlay: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write an EPUB that shows the text along with the speech (Media Overlays); needs -o FILE.mp3.",
        ),
    ] = None

    @property
    def files(self) -> dict[str, Path | None]:
        """Files that follow the words of the speech, by option."""
        return {"--read-along": self.read_along, "--epub-overlay": self.epub_overlay}

    def refuse(self, given: Given) -> None:
        """Raise InputError for options that exclude each other."""
        beside = [name for name, path in self.files.items() if path]
        if self.split_chapters:
            single = ("as_json", "output_raw", "play", "save_timings", "save_prosody", "chapters", "trace")
            beside += [f"--{name.replace('as_json', 'json').replace('_', '-')}" for name in single if given.get(name)]
            beside += ["--output -"] if str(given.get("output")) == "-" else []
            if beside:
                message = f"{beside[0]} and --split-chapters exclude each other: it is one file for the whole document"
                raise InputError(message, hint=f"leave out {beside[0]}, or read each chapter with --only")
        elif beside and given.get("resume"):
            message = f"{beside[0]} and --resume exclude each other: the words spoken in the earlier run would be missing"
            raise InputError(message, hint=f"leave out {beside[0]}")
        output = given.get("output")
        if self.epub_overlay and (not output or Path(output).suffix.lower() not in (".mp3", ".opus")):
            raise InputError("--epub-overlay needs speech that EPUB readers play", hint="use -o FILE.mp3 or -o FILE.opus")


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

    def refuse(self, given: Given) -> None:
        """Raise InputError for options that exclude `--long-form` or `--resume`, or that need one of them."""
        if not self.long_form:
            if self.chapters:
                raise InputError("--chapters needs --long-form", hint="add --long-form, or use tts read")
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
