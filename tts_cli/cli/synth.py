"""`tts synth`: text in, speech out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.expansion import expanded
from tts_cli.cli.refusals import do_each, refuse_same
from tts_cli.cli.terminal import Json, Seed, SpeakerName, print_json, print_table, progress, say
from tts_cli.cli.voice_options import VoiceOptions
from tts_cli.errors import InputError, RefusedError, TextError
from tts_cli.output.options import OutputOptions
from tts_cli.output.outlets import STANDARD_OUTPUT, beside, make_folder, outlet_to, to_wav
from tts_cli.output.speech_options import SpeechOptions, combined_edit, refuse_several
from tts_cli.reading.options import ReadingOptions

if TYPE_CHECKING:
    from tts_cli.output.speech import Speech
    from tts_cli.reading.documents import Document
    from tts_cli.reading.reader import Reader, State
    from tts_cli.voice.sentence import Sentence
    from tts_cli.voice.synthesis import AudioChunk, Said, Voice
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


@expanded("synth")
def synth(
    ctx: typer.Context,
    *,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="What to say; by default what comes from a pipe.")] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input-file", "-i", metavar="FILE", help="Text in UTF-8; - is standard input.")
    ] = None,
    prosody: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Speak what --save-prosody wrote, durations, F0 and energy as edited.")
    ] = None,
    output: OutputOptions,
    reading: ReadingOptions,
    manner: Manner,
    features: dict[str, SpeechOptions],
    seed: Seed = 0,
    trace: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write which block worked when, to be looked at in ui.perfetto.dev.")
    ] = None,
    as_json: Json = False,
    best_effort: Annotated[
        bool, typer.Option("--best-effort", help="Take speech that skips, repeats or does not end, which is refused otherwise.")
    ] = False,
    voice: VoiceOptions,
) -> None:
    """Speak a text.

    The text is the argument, --input-file, or what comes from a pipe; one that begins with a dash follows "--". Inline phones:
    "a [[B AW1]] tie". Audio is written while it is made; a file takes its name when it is complete.
    """
    from tts_cli.voice.trace import Trace

    refuse_several({"TEXT": text, "--input-file": input_file, "--prosody": prosody})
    output.refuse(as_json)
    alone = {"--output-dir": output.output_dir, "--prosody": prosody}
    refuse_several({**alone, "--save-timings": output.save_timings})
    refuse_several({**alone, "--long-form": reading.long_form})
    refuse_several({"--output-dir": output.output_dir, "--trace": trace})
    reading.refuse(ctx.params)
    for options in features.values():
        options.refuse(ctx.params)
    _refuse_silences({"--sentence-silence": manner.sentence_silence, "--paragraph-silence": reading.paragraph_silence})
    document, words = _source(text, input_file, prosody, reading.long_form)
    path = output.path(_title(words, input_file or prosody))
    refuse_same({"--output": path, **output.beside(), "--trace": trace, "--chapters": reading.chapters})
    if document and reading.resume and _is_complete(path):
        return
    edit = combined_edit(options.edit_stack(voice.name, voice.stack) for options in features.values())
    opened, spans = voice.load(edit), Trace()
    opened = opened.variant(observer=spans.observer) if trace else opened
    reader = _reader(document, opened, ctx, manner, reading, path) if document else None
    speaker = Speaker(reader.voice if reader else opened, manner, seed, best_effort, as_json, features)
    output.refuse_untimed(speaker.voice)
    if output.output_dir:
        speaker.lines(words, output.output_dir, reading.resume)
        return
    if reader:
        speech = reader.speech(speaker.stream, seed, output.needs_sentences or speaker.needs_sentences)
        outlet = reader.outlet(path, output.output_raw, partial(_bar, reader))
    else:
        speech, outlet = speaker.speech(_said(words, prosody, opened), output.needs_sentences), outlet_to(path, output.output_raw)
    with _traced(trace, spans), output.written(speech, speaker.voice), beside(reading.chapters) as chapters_file:
        outlet(speech, speaker.voice.sample_rate)
        if chapters_file and reader and reading.chapters:
            chapters_file.write(reader.chapters(speech.seconds, as_json=reading.chapters.suffix.lower() == ".json"))
    speaker.report(speech, path)


class Speaker:
    """A voice, the manner in which it speaks, and how that is reported."""

    def __init__(
        self, voice: Voice, manner: Manner, seed: int, best_effort: bool, as_json: bool, features: dict[str, SpeechOptions]
    ) -> None:
        from tts_cli.voice.request import Controls

        controls = manner.controls()
        for options in features.values():
            controls |= options.controls()
        self.voice, self._as_json, self._features = voice, as_json, tuple(features.values())
        self._stream = partial(
            voice.stream,
            speaker=manner.speaker,
            controls=Controls(**controls),
            seed=seed,
            sentence_silence_s=manner.sentence_silence,
            best_effort=best_effort,
        )

    @property
    def needs_sentences(self) -> bool:
        """Return whether the report wants to know the sentences."""
        return self._as_json or any(options.needs_sentences for options in self._features)

    def stream(self, said: Said, **manner: Any) -> Iterator[AudioChunk]:
        """Stream what features make of `said`; `manner` is that of `Voice.stream`, where it differs."""
        for options in self._features:
            said = options.said(said, self.voice)
        return self._stream(said, **manner)

    def speech(self, said: Said, notes: bool = False) -> Speech:
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
        return {key: value for options in self._features for key, value in options.told(sentence, self.voice).items()}


def _refuse_silences(silences: dict[str, float]) -> None:
    for name, silence in silences.items():
        if not 0 <= silence <= LONGEST_SILENCE_S:
            raise InputError(f"{name} is {silence} s, outside 0 to {LONGEST_SILENCE_S:g}")


def _source(text: str | None, file: Path | None, prosody: Path | None, long_form: bool) -> tuple[Document | None, str]:
    """Return the document to read, where one is read, and the words to say."""
    is_document = long_form and text is None and file not in (None, STANDARD_INPUT)
    words = "" if prosody or is_document else read_text(text, file)
    if not long_form:
        return None, words
    from tts_cli.reading.reader import open_source

    return open_source(words, file if is_document else None), words


def _said(words: str, prosody: Path | None, voice: Voice) -> Said:
    from tts_cli.voice.sentence import read_prosody

    return read_prosody(prosody, voice.frames_per_second) if prosody else words


def _is_complete(path: Path | None) -> bool:
    """Say that a reading is complete where it is, and return whether it is."""
    from tts_cli.reading.reader import is_complete

    if not is_complete(path):
        return False
    say("it is complete")
    typer.echo(path)
    return True


def _reader(
    document: Document, voice: Voice, ctx: typer.Context, manner: Manner, options: ReadingOptions, path: Path | None
) -> Reader:
    from tts_cli.reading.reader import Reader, asked_of
    from tts_cli.reading.reading import Pauses, Reading

    reading = Reading(document, voice.sentences, Pauses(manner.sentence_silence, options.paragraph_silence), say)
    return Reader.of(reading, voice, asked_of(ctx.params, voice), path, options.resume, say)


@contextmanager
def _bar(reader: Reader) -> Iterator[Callable[[State], None]]:
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


def _title(text: str, file: Path | None) -> str:
    """What the file is named after."""
    return file.stem if file and file != STANDARD_INPUT else text


@contextmanager
def _traced(path: Path | None, trace: Trace) -> Iterator[None]:
    """Writes the trace, if it is wanted, when the speech is done; of refused speech too, where it shows most."""
    refused: RefusedError | None = None
    with beside(path) as file:
        try:
            yield
        except RefusedError as error:
            refused = error
        if file:
            file.write(trace.json())
    if refused:
        raise refused
