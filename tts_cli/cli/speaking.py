"""Speaking, as `tts synth` and `tts read` do it: from options to speech, files and a report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.refusals import do_each, refuse_same
from tts_cli.cli.terminal import SpeakerName, print_json, print_table, progress, say
from tts_cli.cli.voice_options import VoiceOptions
from tts_cli.errors import InputError, RefusedError, TextError
from tts_cli.output.options import OutputOptions
from tts_cli.output.outlets import STANDARD_OUTPUT, Outlet, make_folder, optional_text_file, outlet_to, to_wav
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
STANDARD_INPUT = Path("-")


@dataclass(frozen=True)
class Manner:
    """Options that say how a voice speaks."""

    speaker: SpeakerName = None
    length_scale: Annotated[float, typer.Option(metavar="X", help="2 speaks half as fast.")] = 1.0
    pitch_shift: Annotated[float, typer.Option(metavar="SEMITONES", help="Speak higher, or with a minus lower.")] = 0.0
    pitch_range: Annotated[float, typer.Option(metavar="X", help="0 is monotonous, 2 twice as lively.")] = 1.0
    energy: Annotated[float, typer.Option(metavar="X", help="Factor on the energy that the voice gives each phone.")] = 1.0
    sentence_silence: Annotated[float, typer.Option(metavar="SECONDS", help="Between sentences.")] = 0.2

    def controls(self) -> dict[str, float]:
        """Return the controls, by the names of their ports."""
        return {
            "length_scale": self.length_scale,
            "pitch_shift_semitones": self.pitch_shift,
            "pitch_range": self.pitch_range,
            "energy_scale": self.energy,
        }


@dataclass(frozen=True)
class TextOptions:
    """Options that say what is spoken."""

    text: str | None = None
    file: Path | None = None
    prosody: Path | None = None

    def refuse(self) -> None:
        """Raise InputError for options that exclude each other."""
        refuse_several({"TEXT": self.text, "--input-file": self.file, "--prosody": self.prosody})

    def read(self, long_form: bool) -> tuple[Document | None, str]:
        """Return the document to read, where one is read, and the words to say."""
        is_document = long_form and self.text is None and self.file not in (None, STANDARD_INPUT)
        words = "" if self.prosody or is_document else read_text(self.text, self.file)
        if not long_form:
            return None, words
        from tts_cli.reading.reader import open_source

        return open_source(words, self.file if is_document else None), words

    def title(self, words: str) -> str:
        """Return what the audio is named after."""
        file = self.file or self.prosody
        return file.stem if file and file != STANDARD_INPUT else words


@dataclass(frozen=True)
class Command:
    """A command that speaks, with all its options."""

    given: Mapping[str, Any]
    """Values of the options, by the names of the command's parameters."""
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
        """Speak. Raises InputError for options that cannot be, and what opening a voice and speaking raise."""
        from tts_cli.voice.trace import Trace

        self._refuse()
        document, words = self.source.read(self.reading.long_form)
        path = self.output.path(self.source.title(words))
        refuse_same({"--output": path, **self.output.side_files(), "--trace": self.trace, "--chapters": self.reading.chapters})
        if document and self.reading.resume and _is_complete(path):
            return
        edits = (options.edit_stack(self.voice.name, self.voice.stack) for options in self.features.values())
        opened, spans = self.voice.load(combined_edit(edits)), Trace()
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
            optional_text_file(self.reading.chapters) as chapters_file,
        ):
            outlet(speech, speaker.voice.sample_rate)
            if chapters_file and reader and self.reading.chapters:
                as_json = self.reading.chapters.suffix.lower() == ".json"
                chapters_file.write(reader.chapters(speech.seconds, as_json))
        speaker.report(speech, path)

    def _refuse(self) -> None:
        self.source.refuse()
        self.output.refuse(self.as_json)
        alone = {"--output-dir": self.output.output_dir, "--prosody": self.source.prosody}
        refuse_several({**alone, "--save-timings": self.output.save_timings})
        refuse_several({**alone, "--long-form": self.reading.long_form})
        refuse_several({"--output-dir": self.output.output_dir, "--trace": self.trace})
        self.reading.refuse(self.given)
        for options in self.features.values():
            options.refuse(self.given)
        silences = {
            "--sentence-silence": self.manner.sentence_silence,
            "--paragraph-silence": self.reading.paragraph_silence,
        }
        for name, silence in silences.items():
            if not 0 <= silence <= LONGEST_SILENCE_S:
                raise InputError(f"{name} is {silence} s, outside 0 to {LONGEST_SILENCE_S:g}")

    def _reader(self, document: Document, voice: Voice, path: Path | None) -> Reader:
        from tts_cli.reading.reader import Reader, asked_of
        from tts_cli.reading.reading import Pauses, Reading

        pauses = Pauses(self.manner.sentence_silence, self.reading.paragraph_silence)
        reading = Reading(document, voice.sentences, pauses, say)
        return Reader.of(reading, voice, asked_of(self.given, voice), path, self.reading.resume, say)

    def _reading(self, reader: Reader, speaker: SpeechCommand, path: Path | None) -> tuple[Speech, Outlet]:
        """Return what is not read yet, and where it goes."""
        speech = reader.speech(speaker.stream, self.seed, self.output.needs_sentences or speaker.needs_sentences)
        return speech, reader.outlet(path, self.output.output_raw, partial(_bar, reader))

    def _speech(self, words: str, speaker: SpeechCommand, path: Path | None) -> tuple[Speech, Outlet]:
        """Return the words, or the sentences of a file of prosody, spoken, and where that goes."""
        from tts_cli.voice.sentence import read_prosody

        prosody = self.source.prosody
        said: SpeechInput = read_prosody(prosody, speaker.voice.frames_per_second) if prosody else words
        return speaker.speech(said, self.output.needs_sentences), outlet_to(path, self.output.output_raw)


class SpeechCommand:
    """A voice, the manner in which it speaks, and how that is reported."""

    def __init__(self, voice: Voice, command: Command) -> None:
        from tts_cli.voice.request import Controls

        manner, features = command.manner, tuple(command.features.values())
        controls = manner.controls()
        for options in features:
            controls |= options.controls()
        self.voice, self._as_json, self._features = voice, command.as_json, features
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
        """Return whether the report wants to know the sentences."""
        return self._as_json or any(options.needs_sentences for options in self._features)

    def stream(self, said: SpeechInput, **manner: Any) -> Iterator[AudioChunk]:
        """Stream what features make of `said`; `manner` is that of `Voice.stream`, where it differs."""
        for options in self._features:
            said = options.replace_speech(said, self.voice)
        return self._stream(said, **manner)

    def speech(self, said: SpeechInput, notes: bool = False) -> Speech:
        """Return speech that is going to be spoken. Raises InputError for a speaker or control that the voice lacks."""
        from tts_cli.output.speech import Speech

        return Speech(self.voice, self.stream(said), notes or self.needs_sentences, tell=say)

    def lines(self, text: str, folder: Path, resume: bool) -> None:
        """Speak each line that is not blank to a file named by its number.

        A line that cannot be spoken, or whose speech is refused, is told and passed over; then an error is raised in the end.
        """
        lines = {number: line for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1) if line.strip()}
        if not lines:
            raise TextError("there is no line to speak")
        make_folder(folder)
        tasks = {f"line {number}": partial(self._line, folder, number, line, resume) for number, line in lines.items()}
        do_each(tasks, folder, (TextError, RefusedError))

    def _line(self, folder: Path, number: int, line: str, resume: bool) -> None:
        path = folder / f"{number:04d}.wav"
        if resume and path.exists():
            return
        speech = self.speech(line)
        to_wav(path)(speech, self.voice.sample_rate)
        self.report(speech, path)

    def report(self, speech: Speech, path: Path | None) -> None:
        """Say what was spoken and where it is."""
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
            "sample_rate": self.voice.sample_rate,
            "frames_per_second": self.voice.frames_per_second,
            "seconds": round(speech.seconds, 6),
            "sentences": [{**timed.as_dict(), **self._told(timed.sentence)} for timed in speech.sentences],
        }

    def _told(self, sentence: Sentence) -> dict[str, Any]:
        return {key: value for options in self._features for key, value in options.json_fields(sentence, self.voice).items()}


def _is_complete(path: Path | None) -> bool:
    """Say that a reading is complete where it is, and return whether it is."""
    from tts_cli.reading.reader import is_complete

    if not is_complete(path):
        return False
    say("it is complete")
    typer.echo(path)
    return True


@contextmanager
def _bar(reader: Reader) -> Iterator[Callable[[ReadingState], None]]:
    """Show on a terminal how much is spoken, and the time left."""
    from tts_cli.reading.reader import clock

    rate = reader.voice.sample_rate
    with progress("{task.percentage:>3.0f} %", "{task.fields[spoken]} spoken, left") as bars:
        size, end = reader.reading.document.size, reader.state.end
        task = bars.add_task("reading", total=size, completed=end, spoken=clock(reader.state.num_samples, rate))
        yield lambda state: bars.update(task, completed=state.end, spoken=clock(state.num_samples, rate))


def read_text(text: str | None, input_file: Path | None) -> str:
    """The argument, the file, or what comes from a pipe. Raises InputError for what is no UTF-8 text."""
    from tts_cli.reading.documents import checked, decoded

    if text is not None:
        return checked(text, "TEXT")
    if input_file is None and sys.stdin.isatty():
        raise InputError("there is no text", hint="give it in quotes, with --input-file FILE, or through a pipe")
    source = str(input_file) if input_file and input_file != STANDARD_INPUT else "standard input"
    try:
        data = sys.stdin.buffer.read() if source == "standard input" else Path(source).read_bytes()
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror}") from error
    return decoded(data, source)


@contextmanager
def _traced(path: Path | None, trace: Trace) -> Iterator[None]:
    """Writes the trace, if it is wanted, when the speech is done; of refused speech too, where it shows most."""
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
