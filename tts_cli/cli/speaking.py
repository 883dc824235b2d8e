"""Shared part of `tts synth` and `tts read`: from options to speech, output files and a report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.audio.formats import format_of
from tts_cli.cli.refusals import do_each, refuse_same
from tts_cli.cli.terminal import SpeakerName, print_json, print_table, progress, say
from tts_cli.cli.voice_options import VoiceOptions
from tts_cli.errors import InputError, RefusedError, TextError
from tts_cli.locks import OutputLock
from tts_cli.output.options import OutputOptions
from tts_cli.output.outlets import (
    STANDARD_OUTPUT,
    Outlet,
    is_device,
    make_folder,
    optional_text_file,
    outlet_to,
    rate_at,
    tell_rate,
    to_file,
)
from tts_cli.output.speech_options import SpeechOptions, combined_edit, refuse_several
from tts_cli.reading.options import ReadingOptions

if TYPE_CHECKING:
    from tts_cli.output.speech import Speech
    from tts_cli.reading.documents import Document
    from tts_cli.reading.reader import Reader, ReadingState
    from tts_cli.voice.sentence import Sentence
    from tts_cli.voice.synthesis import AudioChunk, SpeechInput, Voice
    from tts_cli.voice.trace import Trace

LONGEST_SILENCE_S = 60.0
"""Largest value of --sentence-silence and --paragraph-silence, in seconds."""
STANDARD_INPUT = Path("-")


@dataclass(frozen=True)
class Manner:
    """Options of a command that control speaker, pace, pitch, energy and pauses."""

    speaker: SpeakerName = None
    length_scale: Annotated[
        float, typer.Option(metavar="X", help="Factor on all durations, 0.1 to 10; 2 speaks half as fast.")
    ] = 1.0
    pitch_shift: Annotated[
        float, typer.Option(metavar="SEMITONES", help="Shift F0 by semitones, -36 to 36; negative is lower.")
    ] = 0.0
    pitch_range: Annotated[float, typer.Option(metavar="X", help="Factor on the F0 range, 0 to 4; 0 is monotone.")] = 1.0
    energy: Annotated[float, typer.Option(metavar="X", help="Factor on the energy of each phone, 0.01 to 100.")] = 1.0
    sentence_silence: Annotated[float, typer.Option(metavar="SECONDS", help="Pause between sentences, 0 to 60 s.")] = 0.2

    def controls(self) -> dict[str, float]:
        """Return the values of the voice's controls, by the names of their ports."""
        return {
            "length_scale": self.length_scale,
            "pitch_shift_semitones": self.pitch_shift,
            "pitch_range": self.pitch_range,
            "energy_scale": self.energy,
        }


@dataclass(frozen=True)
class TextOptions:
    """Sources of the text to speak; at most one is given. None of them: standard input."""

    text: str | None = None
    """Text of the argument."""
    file: Path | None = None
    """UTF-8 text or a document; `-` is standard input."""
    prosody: Path | None = None
    """File that `--save-prosody` wrote, or a TextGrid."""

    def refuse(self) -> None:
        """Raise InputError if more than one source is given."""
        refuse_several({"TEXT": self.text, "--input-file": self.file, "--prosody": self.prosody})

    def read(self, long_form: bool) -> tuple[Document | None, str]:
        """Return the document to read, and the text to speak.

        Args:
            long_form: Read the source as a document.

        Returns:
            A document if `long_form`, else None; and the text of the argument, the file or the pipe. The text is empty for a
            document in a file and for a prosody file.
        """
        is_document = long_form and self.text is None and self.file not in (None, STANDARD_INPUT)
        words = "" if self.prosody or is_document else read_text(self.text, self.file)
        if not long_form:
            return None, words
        from tts_cli.reading.reader import open_source

        return open_source(words, self.file if is_document else None), words

    def title(self, words: str) -> str:
        """Return a title to name the audio file after: the stem of the source file, or `words`, the text itself."""
        file = self.file or self.prosody
        return file.stem if file and file != STANDARD_INPUT else words


@dataclass(frozen=True)
class Command:
    """Command that speaks (`tts synth`, `tts read`), with all its options."""

    given: Mapping[str, Any]
    """Values of all options, by the names of the command's parameters."""
    source: TextOptions
    output: OutputOptions
    reading: ReadingOptions
    manner: Manner
    voice: VoiceOptions
    features: Mapping[str, SpeechOptions]
    seed: int
    trace: Path | None
    as_json: bool
    best_effort: bool

    def run(self) -> None:
        """Open the voice, speak, write all files and print the report.

        Raises:
            InputError: Options contradict each other, or a value is out of range.
            TtsError: The voice cannot be opened, its speech is refused, or a file cannot be written.
        """
        from tts_cli.voice.trace import Trace

        self._refuse()
        document, words = self.source.read(self.reading.long_form)
        path = self.output.path(self.source.title(words))
        refuse_same({"--prosody": self.source.prosody, "--output": path, **self._files_beside()})
        if path and not is_device(path):
            OutputLock(path).refuse_other_writer()
        if document and self.reading.resume and is_complete(path):
            return
        opened, spans = self._voice(), Trace()
        opened = opened.variant(observer=spans.observer) if self.trace else opened
        reader = self._reader(document, opened, path) if document else None
        speaker = SpeechCommand(reader.voice if reader else opened, self)
        self.output.refuse_untimed(speaker.voice)
        if self.output.output_dir:
            speaker.lines(words, self.output.output_dir, self.reading.resume)
            return
        speech, outlet = self._reading(reader, speaker, path) if reader else self._speech(words, speaker, path)
        with (
            _traced(self.trace, spans),
            self.output.written(speech, speaker.voice),
            self._following(reader, speech, path),
            optional_text_file(self.reading.chapters) as chapters_file,
        ):
            outlet(speech, speaker.voice.sample_rate)
            if chapters_file and reader and self.reading.chapters:
                as_json = self.reading.chapters.suffix.lower() == ".json"
                chapters_file.write(reader.chapters(speech.seconds, as_json))
        if document:
            tell_left_out(document)
        speaker.report(speech, path)

    def _voice(self) -> Voice:
        edits = (options.edit_stack(self.voice.name, self.voice.stack) for options in self.features.values())
        return self.voice.load(combined_edit(edits))

    def _files_beside(self) -> dict[str, Path | None]:
        return {**self.output.side_files(), "--trace": self.trace, "--chapters": self.reading.chapters}

    def _following(self, _reader: Reader | None, _speech: Speech, _path: Path | None) -> AbstractContextManager[None]:
        """Return a context that writes further files when the speech is complete."""
        return nullcontext()

    def _refuse(self) -> None:
        self.source.refuse()
        self.output.refuse(self.as_json)
        folder, prosody = {"--output-dir": self.output.output_dir}, {"--prosody": self.source.prosody}
        refuse_several({**folder, **prosody, "--long-form": self.reading.long_form})
        refuse_several({**folder, "--save-timings": self.output.save_timings})
        refuse_several({**folder, "--trace": self.trace})
        self.reading.refuse(self.given)
        for options in self.features.values():
            options.refuse(self.given)
        silences = {
            "--sentence-silence": self.manner.sentence_silence,
            "--paragraph-silence": self.reading.paragraph_silence,
        }
        for name, silence in silences.items():
            if not 0 <= silence <= LONGEST_SILENCE_S:
                raise InputError(
                    f"{name} is {silence} s, outside 0 to {LONGEST_SILENCE_S:g}",
                    hint=f"give {name} a number of seconds in that range",
                )

    def _reader(self, document: Document, voice: Voice, path: Path | None) -> Reader:
        from tts_cli.reading.reader import Reader, asked_of
        from tts_cli.reading.reading import Pauses, Reading

        pauses = Pauses(self.manner.sentence_silence, self.reading.paragraph_silence)
        reading = Reading(document, voice.sentences, pauses, say)
        return Reader.of(reading, voice, asked_of(self.given, voice), path, self.reading.resume, say, self.output.format)

    def _reading(self, reader: Reader, speaker: SpeechCommand, path: Path | None) -> tuple[Speech, Outlet]:
        """Return the speech of the unread rest of a document, and its outlet."""
        notes = self.output.needs_sentences or speaker.needs_sentences or reader.steps is not None
        speech = reader.speech(speaker.stream, self.seed, notes)
        return speech, reader.outlet(path, self.output.output_raw, partial(_bar, reader))

    def _speech(self, words: str, speaker: SpeechCommand, path: Path | None) -> tuple[Speech, Outlet]:
        """Return the speech of `words`, or of the sentences of a prosody file, and its outlet."""
        from tts_cli.voice.textgrid_prosody import read_prosody_file

        prosody = self.source.prosody
        said: SpeechInput = read_prosody_file(prosody, speaker.voice) if prosody else words
        return speaker.speech(said, self.output.needs_sentences), outlet_to(path, self.output.output_raw, self.output.format, say)


class SpeechCommand:
    """Voice with the options that control its speech and its report."""

    def __init__(self, voice: Voice, command: Command) -> None:
        from tts_cli.voice.request import Controls

        manner, features = command.manner, tuple(command.features.values())
        controls = manner.controls()
        for options in features:
            controls |= options.controls()
        self.voice, self._as_json, self._features = voice, command.as_json, features
        self._format, self._suffix = command.output.format, command.output.suffix
        self._stream = partial(
            voice.stream,
            speaker=manner.speaker,
            controls=Controls(**controls),
            seed=command.seed,
            sentence_silence_s=manner.sentence_silence,
            best_effort=command.best_effort,
        )

    @property
    def needs_sentences(self) -> bool:
        """Return whether the report needs the spoken sentences."""
        return self._as_json or any(options.needs_sentences for options in self._features)

    def stream(self, said: SpeechInput, **manner: Any) -> Iterator[AudioChunk]:
        """Stream the speech of `said` after features have replaced it. `manner` overrides arguments of `Voice.stream`."""
        for options in self._features:
            said = options.replace_speech(said, self.voice)
        return self._stream(said, **manner)

    def speech(self, said: SpeechInput, notes: bool = False) -> Speech:
        """Return the speech of `said`, synthesised while it is iterated.

        Args:
            said: Text or sentences.
            notes: Keep the spoken sentences, which files of timings or prosody need.

        Raises:
            InputError: The voice lacks the speaker or a control.
        """
        from tts_cli.output.speech import Speech

        return Speech(self.voice, self.stream(said), notes or self.needs_sentences, tell=say)

    def lines(self, text: str, folder: Path, resume: bool) -> None:
        """Speak each line that is not blank to `folder`/NNNN.wav, or another suffix; NNNN is the number of the line.

        A failed line is reported and the next one follows.

        Args:
            text: Lines to speak.
            folder: Folder of the audio files; it is made.
            resume: Skip lines that have their file.

        Raises:
            TextError: There is no line to speak.
            TtsError: Some lines could not be spoken, or their speech was refused; raised at the end.
        """
        lines = {number: line for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1) if line.strip()}
        if not lines:
            raise TextError("there is no line to speak: all lines are blank", hint="give one sentence per line")
        make_folder(folder)
        tell_rate(format_of(None, self._format), self.voice.sample_rate, say)
        tasks = {f"line {number}": partial(self._line, folder, number, line, resume) for number, line in lines.items()}
        with OutputLock(folder):
            do_each(tasks, folder, (TextError, RefusedError))

    def _line(self, folder: Path, number: int, line: str, resume: bool) -> None:
        path = folder / f"{number:04d}{self._suffix}"
        if resume and path.exists():
            return
        speech = self.speech(line)
        to_file(path, self._format)(speech, self.voice.sample_rate)
        self.report(speech, path)

    def report(self, speech: Speech, path: Path | None) -> None:
        """Print the path of the audio, or the report as JSON; then the tables of features and the length of the speech."""
        if self._as_json:
            print_json(self._as_dict(speech, path))
        elif path not in (None, STANDARD_OUTPUT):
            typer.echo(path)
        sentences = [timed.sentence for timed in speech.sentences]
        for options in self._features:
            table = None if self._as_json else options.table(sentences, self.voice)
            if table:
                print_table(table.title, table.header, table.rows, on_stderr=True)
        say(f"{speech.seconds:.2f} s of speech by {self.voice.acoustic.name}")

    def _as_dict(self, speech: Speech, path: Path | None) -> dict[str, Any]:
        return {
            "file": str(path) if path else None,
            "addon": self.voice.acoustic.name,
            "sample_rate": rate_at(path, self.voice.sample_rate, self._format),
            "frames_per_second": self.voice.frames_per_second,
            "seconds": round(speech.seconds, 6),
            "sentences": [{**timed.as_dict(), **self._feature_fields(timed.sentence)} for timed in speech.sentences],
        }

    def _feature_fields(self, sentence: Sentence) -> dict[str, Any]:
        return {key: value for options in self._features for key, value in options.json_fields(sentence, self.voice).items()}


def tell_left_out(document: Document) -> None:
    """Show the parts of a document that were not read, one line a kind."""
    from tts_cli.reading.left_out import left_out_lines

    for line in left_out_lines(document.left_out):
        say(line)


def is_complete(path: Path | None) -> bool:
    """Return whether the audio at `path` is a complete reading; if so, print its path."""
    from tts_cli.reading.reader import is_complete as is_read

    if not is_read(path):
        return False
    say(f"{path} is complete: nothing is left to read")
    typer.echo(path)
    return True


@contextmanager
def _bar(reader: Reader) -> Iterator[Callable[[ReadingState], None]]:
    """Show a progress bar of a reading: its share, the length of the speech, and the time left."""
    from tts_cli.reading.reader import clock

    rate = reader.voice.sample_rate
    with progress("{task.percentage:>3.0f} %", "{task.fields[spoken]} spoken, left") as bars:
        size, end = reader.reading.document.size, reader.state.end
        task = bars.add_task("reading", total=size, completed=end, spoken=clock(reader.state.num_samples, rate))
        yield lambda state: bars.update(task, completed=state.end, spoken=clock(state.num_samples, rate))


def read_text(text: str | None, input_file: Path | None) -> str:
    """Return the text of the argument, the file or the pipe.

    Args:
        text: Text of the argument; it goes first.
        input_file: UTF-8 file; `-` is standard input. None: standard input.

    Raises:
        InputError: The file cannot be read, there is no text, or it is not UTF-8.
    """
    from tts_cli.reading.documents import checked, decoded

    if text is not None:
        return checked(text, "TEXT")
    if input_file is None and sys.stdin.isatty():
        raise InputError("there is no text to read", hint="give it in quotes, with --input-file FILE, or through a pipe")
    source = str(input_file) if input_file and input_file != STANDARD_INPUT else "standard input"
    try:
        data = sys.stdin.buffer.read() if source == "standard input" else Path(source).read_bytes()
    except OSError as error:
        hint = "name a readable file, or give the text in quotes"
        raise InputError(f"{source}: cannot be read: {error.strerror}", hint) from error
    return decoded(data, source)


@contextmanager
def _traced(path: Path | None, trace: Trace) -> Iterator[None]:
    """Write the trace to `path`, if given, at the end of the block; also if the speech is refused, to show why."""
    refused: RefusedError | None = None
    with optional_text_file(path) as file:
        try:
            yield
        except RefusedError as error:
            refused = error
        if file:
            file.write(trace.json())
    if refused:
        raise refused
