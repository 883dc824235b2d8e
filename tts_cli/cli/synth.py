"""`tts synth`: text in, speech out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.outlets import STANDARD_OUTPUT, beside, free_name, make_folder, outlet_to, to_wav
from tts_cli.cli.selection import Explanation, Selection
from tts_cli.cli.speech import Speech, do_each, refuse_same, refuse_several
from tts_cli.cli.terminal import (
    AddonName,
    CacheDir,
    ContextName,
    Continuity,
    EmbeddingFile,
    Explain,
    InventoryOption,
    Json,
    Lexicon,
    OutputRaw,
    Play,
    ProsodyStrategy,
    Seed,
    SpeakerName,
    StackOption,
    Threads,
    TopK,
    VocoderName,
    print_json,
    say,
)
from tts_cli.errors import InputError, RefusedError, TextError
from tts_cli.output.timings import textgrid, untimed

if TYPE_CHECKING:
    from tts_cli.voice.sentence import Sentence
    from tts_cli.voice.synthesis import AudioChunk, Voice
    from tts_cli.voice.trace import Trace

    TextOrSentences = str | Sequence[Sentence]

LONGEST_SILENCE_S = 60.0
STANDARD_INPUT = Path("-")


def synth(
    ctx: typer.Context,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="What to say; by default what comes from a pipe.")] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input-file", "-i", metavar="FILE", help="Text in UTF-8; - is standard input.")
    ] = None,
    prosody: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Speak what --save-prosody wrote, durations, F0 and energy as edited.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="WAV file; - is standard output. By default named after the text."),
    ] = None,
    output_raw: OutputRaw = False,
    play: Play = False,
    output_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="One WAV for each line of the text: 0001.wav, 0002.wav, ...")
    ] = None,
    long_form: Annotated[
        bool, typer.Option("--long-form", help="Read a document aloud: plain text, Markdown, HTML or EPUB, by the file's name.")
    ] = False,
    chapters: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="With --long-form: write where headings are, for FFmpeg; as .json, as podcasts have it."
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on after an interruption: of --long-form, or with the files that --output-dir lacks."),
    ] = False,
    addon: AddonName = None,
    vocoder: VocoderName = None,
    speaker: SpeakerName = None,
    lexicon: Lexicon = None,
    length_scale: Annotated[float, typer.Option(metavar="X", help="2 speaks half as fast.")] = 1.0,
    pitch_shift: Annotated[float, typer.Option(metavar="SEMITONES", help="Speak higher, or with a minus lower.")] = 0.0,
    pitch_range: Annotated[float, typer.Option(metavar="X", help="0 is monotonous, 2 twice as lively.")] = 1.0,
    energy: Annotated[float, typer.Option(metavar="X", help="Factor on the energy that the voice gives each phone.")] = 1.0,
    sentence_silence: Annotated[float, typer.Option(metavar="SECONDS", help="Between sentences.")] = 0.2,
    paragraph_silence: Annotated[
        float, typer.Option(metavar="SECONDS", help="With --long-form: between paragraphs; around headings it is longer.")
    ] = 0.7,
    prosody_strategy: ProsodyStrategy = None,
    top_k: TopK = None,
    inventory: InventoryOption = None,
    embedding: EmbeddingFile = None,
    continuity: Continuity = 0.0,
    explain: Explain = False,
    seed: Seed = 0,
    save_timings: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a Praat TextGrid of words and phones.")] = None,
    save_prosody: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write durations, F0 and energy of every phone, to be edited for --prosody."),
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write which block worked when, to be looked at in ui.perfetto.dev.")
    ] = None,
    as_json: Json = False,
    best_effort: Annotated[
        bool, typer.Option("--best-effort", help="Take speech that skips, repeats or does not end, which is refused otherwise.")
    ] = False,
    context: ContextName = "default",
    cache_dir: CacheDir = None,
    stack: StackOption = None,
    threads: Threads = None,
) -> None:
    """Speak a text.

    The text is the argument, --input-file, or what comes from a pipe; one that begins with a dash follows "--". Inline phones:
    "a [[B AW1]] tie". Audio is written while it is made; a file takes its name when it is complete.
    """
    from tts_cli.addon.library import DEFAULT_ADDON
    from tts_cli.cli.reading import Reader, asked_of, is_complete, open_source, refuse_misplaced
    from tts_cli.reading.reading import Pauses, Reading
    from tts_cli.voice.request import Controls
    from tts_cli.voice.sentence import prosody_json, read_prosody
    from tts_cli.voice.synthesis import load
    from tts_cli.voice.trace import Trace

    refuse_several({"TEXT": text, "--input-file": input_file, "--prosody": prosody})
    refuse_several({"--output": output, "--output-raw": output_raw, "--play": play, "--output-dir": output_dir})
    refuse_several({"--json": as_json, "--output-raw": output_raw, "--output -": output == STANDARD_OUTPUT})
    refuse_several({"--output-dir": output_dir, "--prosody": prosody, "--save-timings": save_timings})
    refuse_several({"--output-dir": output_dir, "--save-prosody": save_prosody})
    refuse_several({"--output-dir": output_dir, "--trace": trace})
    refuse_several({"--prosody": prosody, "--embedding": embedding})
    refuse_several({"--output-dir": output_dir, "--prosody": prosody, "--long-form": long_form})
    refuse_misplaced(ctx.params)
    for name, silence in {"--sentence-silence": sentence_silence, "--paragraph-silence": paragraph_silence}.items():
        if not 0 <= silence <= LONGEST_SILENCE_S:
            raise InputError(f"{name} is {silence} s, outside 0 to {LONGEST_SILENCE_S:g}")
    is_document = long_form and text is None and input_file not in (None, STANDARD_INPUT)
    words = "" if prosody or is_document else read_text(text, input_file)
    document = open_source(words, input_file if is_document else None) if long_form else None
    path = None if output_raw or play or output_dir else output or free_name(_title(words, input_file or prosody))
    beside_it = {"--save-timings": save_timings, "--save-prosody": save_prosody, "--trace": trace, "--chapters": chapters}
    refuse_same({"--output": path, **beside_it})
    controls = Controls(
        length_scale=length_scale,
        pitch_shift_semitones=pitch_shift,
        pitch_range=pitch_range,
        energy_scale=energy,
        continuity=continuity,
    )
    name, select = addon or DEFAULT_ADDON, Selection(prosody_strategy, top_k, inventory, embedding, continuity, explain)
    if document and resume and is_complete(path):
        say("it is complete")
        typer.echo(path)
        return
    edit = select.edit_stack(name, stack)
    voice, spans = load(name, vocoder, context, threads, lexicon, cache_dir, stack, edit), Trace()
    voice = voice.variant(observer=spans.observer) if trace else voice
    if save_timings and not voice.tells_durations:
        raise untimed()
    stream = partial(
        voice.stream,
        speaker=speaker,
        controls=controls,
        seed=seed,
        sentence_silence_s=sentence_silence,
        best_effort=best_effort,
    )
    stream = select.applied(voice, stream)
    speak = Speaker(voice, stream, as_json, select.explanation(voice))
    if output_dir:
        speak.lines(words, output_dir, resume)
        return
    notes = bool(save_timings or save_prosody or explain)
    if document:
        reading = Reading(document, voice.sentences, Pauses(sentence_silence, paragraph_silence), say)
        reader = Reader.of(reading, voice, asked_of(ctx.params, voice), path, resume)
        speech, outlet = reader.speech(stream, seed, notes or as_json), reader.outlet(path, output_raw)
    else:
        reader, said = None, read_prosody(prosody, voice.frames_per_second) if prosody else words
        speech, outlet = speak.speech(said, notes), outlet_to(path, output_raw)
    with (
        _traced(trace, spans),
        beside(save_timings) as timings_file,
        beside(save_prosody) as prosody_file,
        beside(chapters) as chapters_file,
    ):
        outlet(speech, voice.sample_rate)
        if chapters and chapters_file and reader:
            chapters_file.write(reader.chapters(speech.seconds, as_json=chapters.suffix.lower() == ".json"))
        if timings_file:
            timings_file.write(textgrid(speech.sentences, speech.seconds))
        if prosody_file:
            prosody_file.write(prosody_json((timed.sentence for timed in speech.sentences), voice.frames_per_second))
    speak.report(speech, path)


class Speaker:
    """A voice, the manner in which it speaks, and how that is reported."""

    def __init__(
        self,
        voice: Voice,
        stream: Callable[[TextOrSentences], Iterator[AudioChunk]],
        as_json: bool,
        explanation: Explanation | None = None,
    ) -> None:
        """`explanation` tells which prosody was selected."""
        self.voice, self._stream, self._as_json, self._explanation = voice, stream, as_json, explanation

    def speech(self, said: TextOrSentences, notes: bool = False) -> Speech:
        """What is going to be spoken. Raises InputError for a speaker or control that the voice lacks."""
        return Speech(self.voice, self._stream(said), notes or self._as_json or self._explanation is not None)

    def lines(self, text: str, folder: Path, resume: bool) -> None:
        """Speaks each line that is not blank to a file named by its number.

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
        """Says what was spoken and where it is."""
        if self._as_json:
            print_json(self._as_dict(speech, path))
        elif path not in (None, STANDARD_OUTPUT):
            typer.echo(path)
        if self._explanation and not self._as_json:
            self._explanation.show(timed.sentence for timed in speech.sentences)
        say(f"{speech.seconds:.2f} s of speech by {self.voice.acoustic.name}")

    def _as_dict(self, speech: Speech, path: Path | None) -> dict[str, Any]:
        return {
            "file": str(path) if path else None,
            "addon": self.voice.acoustic.name,
            "sample_rate": self.voice.sample_rate,
            "frames_per_second": self.voice.frames_per_second,
            "seconds": round(speech.seconds, 6),
            "sentences": [{**timed.as_dict(), **self._explained(timed.sentence)} for timed in speech.sentences],
        }

    def _explained(self, sentence: Sentence) -> dict[str, Any]:
        return self._explanation.as_dict(sentence) if self._explanation else {}


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
