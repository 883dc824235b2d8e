"""`tts transfer-prosody`: the prosody of a recording, in the voice of a target speaker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tts_cli.cli.outlets import STANDARD_OUTPUT, beside, free_name, make_folder, outlet_to, refuse_folder
from tts_cli.cli.speech import Speech, do_each, refuse_same, refuse_several
from tts_cli.cli.terminal import (
    CacheDir,
    ContextName,
    Json,
    Lexicon,
    OutputRaw,
    Play,
    Seed,
    SpeakerName,
    StackOption,
    Threads,
    VocoderName,
    extra,
    print_json,
    say,
)
from tts_cli.errors import AddonError, InputError, OutputError, RefusedError
from tts_cli.output.timings import Recorded, Span, TimedSentence, textgrid

if TYPE_CHECKING:
    from tts_cli.addon.config import AddonConfig
    from tts_cli.audio.mel import Floats
    from tts_cli.text import TextFrontEnd
    from tts_cli.transfer.listening import Heard
    from tts_cli.transfer.manifest import Job
    from tts_cli.voice.synthesis import AudioChunk, Voice

TRANSCRIBED_RATE = 16000


def transfer_prosody(
    source: Annotated[
        Path | None, typer.Argument(metavar="SOURCE", help="A recording of anyone, of 0.3 to 60 s: wav, flac, ogg, opus, mp3.")
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="What is said in it, every word.")] = None,
    transcribe: Annotated[
        bool, typer.Option("--transcribe", help="Have Whisper write down what is said; needs the extra [eval].")
    ] = False,
    speaker: SpeakerName = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="WAV file; - is standard output. By default named after SOURCE."),
    ] = None,
    output_raw: OutputRaw = False,
    play: Play = False,
    strength: Annotated[
        float, typer.Option(metavar="X", min=0.0, max=1.0, help="0 leaves prosody to the voice, 1 takes the recording's.")
    ] = 1.0,
    keep: Annotated[
        Literal["rhythm"] | None,
        typer.Option(metavar="rhythm", help="Take the durations only; any voice can do that whose durations can be given."),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='Many at once: a JSON object a line, with "source", "text", and if need be "speaker", "output", "strength", '
            '"keep"; paths are relative to it.',
        ),
    ] = None,
    output_dir: Annotated[Path | None, typer.Option(metavar="DIR", help="With --manifest: where its WAVs go.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="With --manifest: leave out lines whose file is there.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw source and result, with mel, F0 and phones, as a PNG; needs the extra [demo]."),
    ] = None,
    save_timings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a Praat TextGrid of the result's words and phones.")
    ] = None,
    as_json: Json = False,
    addon: Annotated[str | None, typer.Option("--addon", metavar="NAME|PATH", help="The voice; by default copycat-16k.")] = None,
    vocoder: VocoderName = None,
    lexicon: Lexicon = None,
    length_scale: Annotated[float, typer.Option(metavar="X", help="2 speaks half as fast as the recording.")] = 1.0,
    seed: Seed = 0,
    context: ContextName = "default",
    cache_dir: CacheDir = None,
    stack: StackOption = None,
    threads: Threads = None,
) -> None:
    """Speak like a recording, with another voice.

    Melody, loudness and rhythm come from the recording, the voice from --speaker. Text and recording have to match: words that
    are not heard in it are named. Audio is written while it is made; a file takes its name when it is complete.
    """
    from tts_cli.addon import library
    from tts_cli.request import Controls
    from tts_cli.text import TextFrontEnd
    from tts_cli.transfer.manifest import Job
    from tts_cli.voice.synthesis import load

    refuse_several({"SOURCE": source, "--manifest": manifest})
    refuse_several({"--text": text, "--transcribe": transcribe})
    refuse_several({"--output": output, "--output-raw": output_raw, "--play": play, "--output-dir": output_dir})
    refuse_several({"--json": as_json, "--output-raw": output_raw, "--output -": output == STANDARD_OUTPUT})
    for name, given in {"--text": text, "--plot": plot, "--save-timings": save_timings}.items():
        refuse_several({"--manifest": manifest, name: given})
    _refuse_incomplete(source, text is not None or transcribe, manifest, output_dir, resume)
    job = Job(source or Path(), text, speaker, strength, keep)
    path = None if output_raw or play or manifest else output or free_name(f"{job.source.stem}-{speaker or 'transferred'}")
    refuse_same({"SOURCE": source, "--output": path, "--save-timings": save_timings, "--plot": plot})
    _refuse_undrawable(plot)
    voice = load(addon or library.TRANSFER_ADDON, vocoder, context, threads, lexicon, cache_dir, stack)
    stream = partial(voice.stream, controls=Controls(length_scale=length_scale), seed=seed)
    recognise = partial(_transcribed, threads=threads or 1) if transcribe else None
    transfer = Transfer(voice, stream, TextFrontEnd(lexicon), recognise, as_json)
    if manifest and output_dir:
        transfer.lines(manifest, output_dir, job, resume)
        return
    with beside(save_timings) as timings_file:
        done = transfer.one(job, path, output_raw, notes=bool(plot or save_timings))
        if timings_file:
            timings_file.write(textgrid(done.speech.sentences, done.speech.seconds))
        if plot:
            done.draw(plot)
    transfer.report(done)


@dataclass(frozen=True)
class Done:
    """A transfer that was made."""

    job: Job
    speaker: str
    voice: Voice
    heard: Heard
    analysis_s: float
    speech: Speech
    chunks: list[Floats]
    """Of the result, where they are wanted again."""
    path: Path | None

    def draw(self, path: Path) -> None:
        """Draws source and result. Raises OutputError."""
        import numpy as np

        from tts_cli.output.pictures import Shown, draw

        mel, voice = self.voice.acoustic.mel, self.voice
        source = TimedSentence(self.heard.source.sentence, 0.0, Recorded(voice.frames_per_second))
        result = np.concatenate([np.zeros(0, np.float32), *self.chunks])
        shown = (
            Shown(self.job.source.name, self.heard.audio, mel.sample_rate, source.phones()),
            Shown(f"{self.speaker}, {voice.acoustic.name}", result, voice.sample_rate, self.speech.sentences[0].phones()),
        )
        draw(path, shown, mel)

    def as_dict(self) -> dict[str, Any]:
        """The transfer for `--json`."""
        heard, sentence = self.heard, self.heard.source.sentence
        source = TimedSentence(sentence, heard.start_s, Recorded(self.voice.frames_per_second)).words()
        result = self.speech.sentences[0].words()
        return {
            "file": str(self.path) if self.path else None,
            "source": str(self.job.source),
            "text": sentence.text,
            "addon": self.voice.acoustic.name,
            "speaker": self.speaker,
            "sample_rate": self.voice.sample_rate,
            "seconds": round(self.speech.seconds, 6),
            "strength": self.job.strength,
            "keep": self.job.keep,
            "words": [_timed(*pair) for pair in zip(source, result, strict=True)],
            "doubtful": [sentence.words[place] for place in heard.doubtful],
            "surplus_after": [sentence.words[place] if place >= 0 else None for place in heard.surplus],
            "analysis_s": round(self.analysis_s, 6),
        }


class Transfer:
    """A voice, the manner in which it takes prosody, and how that is reported."""

    def __init__(
        self,
        voice: Voice,
        stream: Callable[..., Iterator[AudioChunk]],
        front_end: TextFrontEnd,
        recognise: Callable[[Path], str] | None,
        as_json: bool,
    ) -> None:
        """`recognise` writes down what is said in a recording; None: its text has to be given."""
        self.voice, self._stream, self._front_end = voice, stream, front_end
        self._recognise, self._as_json = recognise, as_json

    def one(self, job: Job, path: Path | None, raw: bool = False, notes: bool = False) -> Done:
        """Makes one transfer, to a file or wherever. Raises InputError for a voice that cannot take what is asked for."""
        from tts_cli.transfer.listening import listen

        self._refuse(job)
        outlet, text = outlet_to(path, raw), self._text(job)
        start = time.perf_counter()
        heard = listen(job.source, text, self.voice.acoustic, self._front_end, rhythm_only=job.keep == "rhythm")
        analysis_s = time.perf_counter() - start
        for remark in heard.remarks():
            say(f"warning: {job.source}: {remark}")
        chunks: list[Floats] = []
        speech = Speech(self.voice, self._stream([heard.source], job.speaker, strength=job.strength), notes or self._as_json)
        outlet(_kept(speech, chunks) if notes else speech, self.voice.sample_rate)
        return Done(job, job.speaker or self.voice.default_speaker, self.voice, heard, analysis_s, speech, chunks, path)

    def _text(self, job: Job) -> str:
        if job.text is not None:
            return job.text
        if self._recognise is None:
            raise InputError(f"{job.source}: its text is not given", hint="give it, or --transcribe")
        return self._recognise(job.source)

    def _refuse(self, job: Job) -> None:
        """Raises InputError unless the voice has the speaker and can take what is asked for."""
        from tts_cli.addon.library import addons_that

        if job.speaker:
            self.voice.acoustic.speaker_id(job.speaker)
        name = self.voice.acoustic.name
        if not self.voice.tells_durations:
            raise AddonError(f"addon '{name}' decides on durations as it speaks: it cannot take those of a recording")
        if job.keep is None and not self.voice.reads_source:
            able = ", ".join(addons_that(_takes_melody)) or "none is installed"
            hint = f"--keep rhythm, or an addon that can: {able}"
            raise AddonError(f"addon '{name}' cannot take the melody of a recording", hint)

    def lines(self, manifest: Path, folder: Path, for_all: Job, resume: bool) -> None:
        """Makes every transfer of a manifest; one that fails is told and passed over, then an error is raised in the end."""
        from tts_cli.transfer.manifest import read_job, read_lines

        lines = read_lines(manifest)
        make_folder(folder)
        taken: dict[str, int] = {}

        def make(number: int) -> None:
            job = read_job(lines[number], manifest.parent, for_all)
            name = job.output or f"{number:04d}"
            if taken.setdefault(name, number) != number:
                raise InputError(f"its output '{name}' is that of line {taken[name]}")
            path = folder / f"{name}.wav"
            if not (resume and path.exists()):
                self.report(self.one(job, path))

        do_each({f"{manifest}:{number}": partial(make, number) for number in lines}, folder, (InputError, RefusedError))

    def report(self, done: Done) -> None:
        """Says what was made and where it is."""
        if self._as_json:
            print_json(done.as_dict())
        elif done.path not in (None, STANDARD_OUTPUT):
            typer.echo(done.path)
        say(f"{done.speech.seconds:.2f} s of speech by {done.speaker} after {done.analysis_s:.2f} s of analysis")


def _refuse_incomplete(source: Path | None, has_text: bool, manifest: Path | None, output_dir: Path | None, resume: bool) -> None:
    if source is None and manifest is None:
        raise InputError("there is no recording", hint="tts transfer-prosody SOURCE --text TEXT, or --manifest FILE")
    if source is not None and not has_text:
        raise InputError(f"what is said in {source}?", hint='--text "...", or --transcribe')
    if (manifest is None) != (output_dir is None):
        raise InputError("--manifest and --output-dir need each other")
    if resume and manifest is None:
        raise InputError("--resume needs --manifest")


def _timed(source: Span, result: Span) -> dict[str, Any]:
    spans = {name: {"start_s": span.start_s, "end_s": span.end_s} for name, span in (("source", source), ("result", result))}
    return {"word": source.label, **spans}


def _kept(speech: Speech, chunks: list[Floats]) -> Iterator[Floats]:
    for chunk in speech:
        chunks.append(chunk)
        yield chunk


def _refuse_undrawable(plot: Path | None) -> None:
    """Finds out before anything is spoken whether a picture can be drawn."""
    if plot:
        refuse_folder(plot)
        if not plot.absolute().parent.is_dir():
            raise OutputError(f"{plot}: cannot be written: there is no such folder")
        with extra("demo"):
            import matplotlib  # noqa: F401
            import swift_f0  # noqa: F401


def _transcribed(source: Path, threads: int) -> str:
    """What Whisper hears in the recording. Raises InputError where it hears nothing, or is not installed."""
    from tts_cli.audio.recordings import read_recording

    audio = read_recording(source, TRANSCRIBED_RATE)
    with extra("eval"):
        from tts_cli.evaluation.measures.recognition import Recogniser

        text = Recogniser(threads).transcribe(audio, TRANSCRIBED_RATE)
    if not text:
        raise InputError(f"{source}: no speech is recognised in it", hint='give its words with --text "..."')
    say(f"text: {text}")
    return text


def _takes_melody(config: AddonConfig) -> bool:
    encoders = [network for network in config.networks.values() if network.role == "encoder"]
    return any(port.name == "source_mel" for network in encoders for port in network.inputs)
