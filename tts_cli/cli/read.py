"""Command `tts read`: read a document aloud into an audio file, a pipe or the sound device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.expansion import expanded
from tts_cli.cli.speaking import (
    STANDARD_INPUT,
    Command,
    Manner,
    SpeechCommand,
    TextOptions,
    is_complete,
    read_text,
    tell_left_out,
)
from tts_cli.cli.terminal import BestEffort, Json, Seed, TraceFile, print_json, print_table, say
from tts_cli.cli.voice_options import VoiceOptions
from tts_cli.errors import InputError, TextError
from tts_cli.locks import OutputLock
from tts_cli.output.options import FileOptions, OutputOptions
from tts_cli.output.outlets import Outlet, is_device, optional_text_file
from tts_cli.output.speech_options import SpeechOptions
from tts_cli.reading.options import DocumentOptions, PartOptions, ReadingOptions

if TYPE_CHECKING:
    from tts_cli.output.speech import Speech
    from tts_cli.reading.documents import Document
    from tts_cli.reading.reader import Reader
    from tts_cli.voice.synthesis import Voice


@dataclass(frozen=True)
class DocumentSource(TextOptions):
    """Document of `tts read`, or some of its chapters."""

    parts: PartOptions = field(default_factory=PartOptions)

    def read(self, long_form: bool) -> tuple[Document | None, str]:  # noqa: ARG002
        """Return the document and the text, as `TextOptions.read`."""
        from tts_cli.reading.chapters import only
        from tts_cli.reading.documents import document_of, open_document

        parts = self.parts
        read: Any = {"keep_header": parts.keep_header, "notes": parts.notes, "alt_texts": parts.alt_texts}
        if self.file and self.file != STANDARD_INPUT:
            document, words = open_document(self.file, **read), ""
        else:
            words = read_text(self.text, self.file)
            document = document_of(words, "Text", **read)
        return only(document, self.parts.only) if self.parts.only else document, words


@dataclass(frozen=True)
class ReadCommand(Command):
    """Command `tts read` with all its options."""

    parts: PartOptions = field(default_factory=PartOptions)

    def run(self) -> None:
        """List the chapters, or read them into one file or one each. Raises TtsError as `Command.run`."""
        if self.parts.list_chapters:
            self._list()
        elif self.parts.split_chapters:
            self._refuse()
            self._split()
        else:
            super().run()

    def _refuse(self) -> None:
        super()._refuse()
        self.parts.refuse(self.given)

    def _files_beside(self) -> dict[str, Path | None]:
        return {**super()._files_beside(), **self.parts.files}

    def _list(self) -> None:
        """Print the number, the title and the estimated length of each chapter."""
        from tts_cli.reading.chapters import sections
        from tts_cli.reading.reader import clock

        document, _ = self.source.read(long_form=True)
        found = [(one.number, one.title, self.manner.length_scale * one.seconds) for one in sections(_present(document))]
        if not found:
            raise TextError("the document has no chapters: no words to speak", hint="is it empty?")
        if self.as_json:
            print_json([{"number": number, "title": title, "seconds": round(seconds)} for number, title, seconds in found])
            return
        rows = [(number, title, clock(round(seconds), 1)) for number, title, seconds in found]
        print_table(_present(document).title, ("chapter", "title", "about"), rows)
        say(f"{len(rows)} chapters, about {clock(round(sum(seconds for *_, seconds in found)), 1)} of speech")

    def _split(self) -> None:
        """Read each chapter into a file of its own, named by its number. Chapters without words are told and left out."""
        from tts_cli.reading.chapters import section_document, sections

        document, words = self.source.read(long_form=True)
        book, voice = _present(document), self._voice()
        path = self.output.path(self.source.title(words))
        if not path or is_device(path):
            raise InputError("--split-chapters needs a file", hint="use -o FILE.wav; a number is added to its name")
        num_written = 0
        for section in sections(book):
            named = path.with_name(f"{path.stem}-{section.number:02d}{path.suffix}")
            try:
                self._speak_section(section_document(book, section), voice, named)
            except TextError as error:
                say(f"chapter {section.number}: {error.message}")
            else:
                num_written += 1
        tell_left_out(book)
        if not num_written:
            raise TextError("the document has no words to speak", hint="is it empty? code and formulas alone are not spoken")

    def _speak_section(self, document: Document, voice: Voice, path: Path) -> None:
        OutputLock(path).refuse_other_writer()
        if self.reading.resume and is_complete(path):
            return
        reader = self._reader(document, voice, path)
        speaker = SpeechCommand(reader.voice, self)
        speech, outlet = self._reading(reader, speaker, path)
        outlet(speech, voice.sample_rate)
        speaker.report(speech, path)

    def _reading(self, reader: Reader, speaker: SpeechCommand, path: Path | None) -> tuple[Speech, Outlet]:
        if any(self.parts.files.values()):
            if not speaker.voice.tells_durations:
                hint = "leave out --read-along and --epub-overlay, or choose a voice with durations"
                raise InputError("this voice does not tell how long its words are", hint)
            reader.steps = []
        return super()._reading(reader, speaker, path)

    @contextmanager
    def _following(self, reader: Reader | None, speech: Speech, path: Path | None) -> Iterator[None]:
        from tts_cli.reading.read_along import overlay_file, webvtt

        with optional_text_file(self.parts.read_along) as subtitles, overlay_file(self.parts.epub_overlay) as overlay:
            yield
            steps = reader.steps if reader and reader.steps is not None else []
            timed = list(zip(steps, speech.sentences, strict=True)) if steps else []
            if subtitles:
                subtitles.write(webvtt(timed))
            if overlay and reader and path:
                overlay(reader.reading.document.title, timed, path)


def _present(document: Document | None) -> Document:
    if document is None:
        raise AssertionError("a reading has a document")
    return document


@expanded("read")
def read(
    ctx: typer.Context,
    *,
    document: Annotated[
        Path,
        typer.Argument(
            metavar="DOCUMENT",
            help="Plain text, Markdown, HTML, EPUB, DOCX, SRT or VTT file; - is plain text from standard input.",
        ),
    ],
    output: FileOptions,
    reading: DocumentOptions,
    parts: PartOptions,
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
    ReadCommand(
        ctx.params,
        DocumentSource(file=document, parts=parts),
        OutputOptions(**asdict(output)),
        ReadingOptions(**asdict(reading), long_form=True),
        manner,
        voice,
        features,
        seed,
        trace,
        as_json,
        best_effort,
        parts,
    ).run()
