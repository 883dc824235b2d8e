"""`tts transfer-prosody`: the prosody of a recording, in the voice of a target speaker."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tts_cli.cli.refusals import do_each, refuse_same
from tts_cli.cli.terminal import (
    CacheDir,
    ContextName,
    Json,
    Lexicon,
    Seed,
    SpeakerName,
    StackOption,
    Threads,
    VocoderName,
    extra,
    print_json,
    say,
)
from tts_cli.errors import InputError, OutputError, RefusedError
from tts_cli.output.options import OutputRaw, Play
from tts_cli.output.outlets import STANDARD_OUTPUT, free_name, make_folder, optional_text_file, refuse_folder
from tts_cli.output.speech_options import refuse_several
from tts_cli.output.timings import textgrid

if TYPE_CHECKING:
    from tts_cli.transfer.making import Done, Transfer
    from tts_cli.transfer.manifest import Job

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
    from tts_cli.text import TextFrontEnd
    from tts_cli.transfer.making import Transfer
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
    stream = partial(voice.stream, seed=seed)
    recognise = partial(_transcribed, threads=threads or 1) if transcribe else None
    transfer = Transfer(voice, stream, TextFrontEnd(lexicon), recognise, length_scale, say)
    if manifest and output_dir:
        _make_all(transfer, manifest, output_dir, job, resume, as_json)
        return
    with optional_text_file(save_timings) as timings_file:
        done = transfer.one(job, path, output_raw, notes=as_json or bool(plot or save_timings), keep=bool(plot))
        if timings_file:
            timings_file.write(textgrid(done.speech.sentences, done.speech.seconds))
        if plot:
            done.draw(plot)
    _report(done, as_json)


def _make_all(transfer: Transfer, manifest: Path, folder: Path, for_all: Job, resume: bool, as_json: bool) -> None:
    """Make every transfer of a manifest; one that fails is told and passed over, then an error is raised in the end."""
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
            _report(transfer.one(job, path, notes=as_json), as_json)

    do_each({f"{manifest}:{number}": partial(make, number) for number in lines}, folder, (InputError, RefusedError))


def _report(done: Done, as_json: bool) -> None:
    """Say what was made and where it is."""
    if as_json:
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
