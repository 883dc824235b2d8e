"""Options for the destination of speech, and for the files written beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts_cli.audio.formats import FormatName, format_of
from tts_cli.output.outlets import STANDARD_OUTPUT, format_at, free_name, optional_text_file
from tts_cli.output.speech_options import refuse_several
from tts_cli.output.timings import textgrid, untimed

if TYPE_CHECKING:
    from tts_cli.output.speech import Speech
    from tts_cli.voice.synthesis import Voice

OutputRaw = Annotated[
    bool, typer.Option("--output-raw", help="Write 16-bit mono samples to standard output while they are synthesised.")
]
Format = Annotated[
    FormatName | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="Format of the audio: wav, flac, ogg (Vorbis), opus or mp3; by default that of the file's suffix, else wav.",
    ),
]
Play = Annotated[bool, typer.Option("--play", help="Play on the sound device while the speech is synthesised.")]


@dataclass(frozen=True)
class FileOptions:
    """Options of commands that speak to one destination: the audio, and the files written beside it."""

    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Audio file to write; - is standard output. Default: a name made from the text.",
        ),
    ] = None
    format: Format = None
    output_raw: OutputRaw = False
    play: Play = False
    save_timings: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a Praat TextGrid of words and phones.")] = None
    save_prosody: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write durations, F0 and energy of every phone, for editing and for --prosody."),
    ] = None


@dataclass(frozen=True)
class OutputOptions(FileOptions):
    """Options of commands that can also write one file for each line of the text."""

    output_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write one file for each line of the text: 0001.wav, 0002.wav, ...")
    ] = None

    def refuse(self, as_json: bool) -> None:
        """Raise InputError for options that exclude each other; `as_json` is the option `--json`."""
        outputs = {"--output": self.output, "--output-raw": self.output_raw, "--play": self.play}
        refuse_several({**outputs, "--output-dir": self.output_dir})
        refuse_format(self.format, self.output, self.output_raw, self.play)
        refuse_several({"--json": as_json, "--output-raw": self.output_raw, "--output -": self.output == STANDARD_OUTPUT})
        refuse_several({"--output-dir": self.output_dir, "--save-prosody": self.save_prosody})

    def path(self, title: str) -> Path | None:
        """Return the file for the speech, by default a new one named after `title`; None if it goes elsewhere."""
        return None if self.output_raw or self.play or self.output_dir else self.output or free_name(title, self.suffix)

    @property
    def suffix(self) -> str:
        """Suffix of files that are named by the command."""
        return format_of(None, self.format).suffixes[0]

    def side_files(self) -> dict[str, Path | None]:
        """Return the file of each option that writes one beside the speech; None where the option is not given."""
        return {"--save-timings": self.save_timings, "--save-prosody": self.save_prosody}

    def refuse_untimed(self, voice: Voice) -> None:
        """Raise InputError for `--save-timings` with a voice that has no durations."""
        if self.save_timings and not voice.tells_durations:
            raise untimed()

    @property
    def needs_sentences(self) -> bool:
        """True if spoken sentences must be kept for the files beside the speech."""
        return bool(self.save_timings or self.save_prosody)

    @contextmanager
    def written(self, speech: Speech, voice: Voice) -> Iterator[None]:
        """Open the files beside the speech at once; write them when the `with` block ends without an error.

        Args:
            speech: Speech that the `with` block consumes, with notes.
            voice: Voice that speaks.
        """
        from tts_cli.voice.sentence import prosody_json

        with optional_text_file(self.save_timings) as timings_file, optional_text_file(self.save_prosody) as prosody_file:
            yield
            if timings_file:
                timings_file.write(textgrid(speech.sentences, speech.seconds))
            if prosody_file:
                prosody_file.write(prosody_json((timed.sentence for timed in speech.sentences), voice.frames_per_second))


def refuse_format(asked: FormatName | None, output: Path | None, raw: bool, play: bool) -> None:
    """Raise InputError for `--format` with an output that has no format, and for a file of no known format."""
    for name, given in {"--output-raw": raw, "--play": play}.items():
        refuse_several({"--format": asked, name: given})
    if output and not output.is_dir():
        format_at(output, asked)
