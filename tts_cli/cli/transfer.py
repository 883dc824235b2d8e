"""Command `tts transfer-prosody`: speak with the prosody of a recording in the voice of a target speaker."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tts_cli.audio.formats import FormatName, format_of
from tts_cli.cli.refusals import do_each, refuse_same
from tts_cli.cli.terminal import (
    CacheDir,
    ContextName,
    Json,
    Language,
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
from tts_cli.output.options import Format, OutputRaw, Play, refuse_format
from tts_cli.output.outlets import STANDARD_OUTPUT, free_name, make_folder, optional_text_file, refuse_folder
from tts_cli.output.speech_options import refuse_several
from tts_cli.output.timings import textgrid

if TYPE_CHECKING:
    from tts_cli.transfer.making import Done, Transfer
    from tts_cli.transfer.manifest import Job

TRANSCRIBED_RATE = 16000
"""Sample rate of the audio that Whisper reads, in Hz."""


def transfer_prosody(
    source: Annotated[
        Path | None, typer.Argument(metavar="SOURCE", help="Recording of any speaker, 0.3 to 60 s: wav, flac, ogg, opus or mp3.")
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="Exact transcript of the recording.")] = None,
    transcribe: Annotated[
        bool, typer.Option("--transcribe", help="Transcribe the recording with Whisper; needs the extra [eval].")
    ] = False,
    speaker: SpeakerName = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Audio file to write; - is standard output. By default named after SOURCE."
        ),
    ] = None,
    format: Format = None,
    output_raw: OutputRaw = False,
    play: Play = False,
    strength: Annotated[
        float,
        typer.Option(
            metavar="X", min=0.0, max=1.0, help="Share of the recording in the prosody, 0 to 1; 0 leaves it to the voice."
        ),
    ] = 1.0,
    keep: Annotated[
        Literal["rhythm"] | None,
        typer.Option(metavar="rhythm", help="Copy the durations only; works with every voice that accepts durations."),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='Transfer many recordings: this file has one JSON object per line, with "source" and "text", and optionally '
            '"speaker", "output", "strength" and "keep". Paths are relative to the file.',
        ),
    ] = None,
    output_dir: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the audio files of --manifest.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Skip lines of --manifest that have their file.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw mel, F0 and phones of source and result into this PNG; needs the extra [demo]."),
    ] = None,
    save_timings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a Praat TextGrid with the words and phones of the result.")
    ] = None,
    as_json: Json = False,
    addon: Annotated[str | None, typer.Option("--addon", metavar="NAME|PATH", help="Voice; by default copycat-16k.")] = None,
    vocoder: VocoderName = None,
    lexicon: Lexicon = None,
    language: Language = None,
    length_scale: Annotated[
        float, typer.Option(metavar="X", help="Factor on all durations, 0.1 to 10; 2 speaks half as fast as the recording.")
    ] = 1.0,
    seed: Seed = 0,
    context: ContextName = "default",
    cache_dir: CacheDir = None,
    stack: StackOption = None,
    threads: Threads = None,
) -> None:
    """Copy the prosody of a recording to another voice.

    Intonation, loudness and rhythm come from the recording, the voice from --speaker. The text has to match the recording; words
    that are not found in it are named. Audio is written while it is synthesised; a file gets its name when it is complete.
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
    refuse_format(format, output, output_raw, play)
    for name, value in {"--text": text, "--plot": plot, "--save-timings": save_timings}.items():
        refuse_several({"--manifest": manifest, name: value})
    _refuse_incomplete(source, text is not None or transcribe, manifest, output_dir, resume)
    job = Job(source or Path(), text, speaker, strength, keep)
    title, suffix = f"{job.source.stem}-{speaker or 'transferred'}", format_of(None, format).suffixes[0]
    path = None if output_raw or play or manifest else output or free_name(title, suffix)
    refuse_same({"SOURCE": source, "--output": path, "--save-timings": save_timings, "--plot": plot})
    _refuse_undrawable(plot)
    voice = load(addon or library.TRANSFER_ADDON, vocoder, context, threads, lexicon, cache_dir, stack)
    stream = partial(voice.stream, seed=seed)
    recognise = partial(_transcribed, threads=threads or 1) if transcribe else None
    transfer = Transfer(
        voice, stream, TextFrontEnd(lexicon, language=language or voice.acoustic.config.language), recognise, length_scale, say
    )
    if manifest and output_dir:
        _make_all(transfer, manifest, output_dir, job, resume, as_json, format)
        return
    with optional_text_file(save_timings) as timings_file:
        done = transfer.one(
            job, path, output_raw, notes=as_json or bool(plot or save_timings), keep=bool(plot), asked_format=format
        )
        if timings_file:
            timings_file.write(textgrid(done.speech.sentences, done.speech.seconds))
        if plot:
            done.draw(plot)
    _report(done, as_json)


def _make_all(
    transfer: Transfer, manifest: Path, folder: Path, for_all: Job, resume: bool, as_json: bool, audio_format: FormatName | None
) -> None:
    """Make every transfer of a manifest. A failed line is reported and the next one follows.

    Args:
        transfer: Makes a transfer.
        manifest: File with one JSON object per line.
        folder: Folder of the audio files; it is made.
        for_all: Values for keys that a line leaves out.
        resume: Skip lines that have their file.
        as_json: Print each result as JSON.
        audio_format: Value of `--format`.

    Raises:
        InputError: Some lines failed; raised at the end. RefusedError if the first one was refused.
    """
    from tts_cli.transfer.manifest import read_job, read_lines

    lines = read_lines(manifest)
    make_folder(folder)
    taken: dict[str, int] = {}

    def make(number: int) -> None:
        job = read_job(lines[number], manifest.parent, for_all)
        name = job.output or f"{number:04d}"
        if taken.setdefault(name, number) != number:
            raise InputError(f"its output '{name}' is also that of line {taken[name]}", hint="name another output")
        path = folder / f"{name}{format_of(None, audio_format).suffixes[0]}"
        if not (resume and path.exists()):
            _report(transfer.one(job, path, notes=as_json, asked_format=audio_format), as_json)

    do_each({f"{manifest}:{number}": partial(make, number) for number in lines}, folder, (InputError, RefusedError))


def _report(done: Done, as_json: bool) -> None:
    """Print the path of the audio, or the result as JSON; then the length of the speech and the time of the analysis."""
    if as_json:
        print_json(done.as_dict())
    elif done.path not in (None, STANDARD_OUTPUT):
        typer.echo(done.path)
    say(f"{done.speech.seconds:.2f} s of speech by {done.speaker} after {done.analysis_s:.2f} s of analysis")


def _refuse_incomplete(source: Path | None, has_text: bool, manifest: Path | None, output_dir: Path | None, resume: bool) -> None:
    if source is None and manifest is None:
        raise InputError(
            "there is no recording", hint="tts transfer-prosody SOURCE --text TEXT, or --manifest FILE --output-dir DIR"
        )
    if source is not None and not has_text:
        raise InputError(f"{source}: there is no transcript", hint='give it with --text "...", or use --transcribe')
    if (manifest is None) != (output_dir is None):
        raise InputError("--manifest and --output-dir need each other", hint="--manifest FILE --output-dir DIR")
    if resume and manifest is None:
        raise InputError("--resume needs --manifest", hint="leave out --resume for a single recording")


def _refuse_undrawable(plot: Path | None) -> None:
    """Raise an error, before anything is spoken, if `plot` cannot be written or the packages that draw are missing."""
    if plot:
        refuse_folder(plot)
        if not plot.absolute().parent.is_dir():
            raise OutputError(
                f"{plot}: cannot be written: there is no such folder", hint="make the folder, or name a file elsewhere"
            )
        with extra("demo"):
            import matplotlib  # noqa: F401
            import swift_f0  # noqa: F401


def _transcribed(source: Path, threads: int) -> str:
    """Return Whisper's transcript of the recording. Raises InputError if it is empty or Whisper is not installed."""
    from tts_cli.audio.recordings import read_recording

    audio = read_recording(source, TRANSCRIBED_RATE)
    with extra("eval"):
        from tts_cli.evaluation.measures.recognition import Recogniser

        text = Recogniser(threads).transcribe(audio, TRANSCRIBED_RATE)
    if not text:
        raise InputError(f"{source}: Whisper recognises no speech in it", hint='give the transcript with --text "..."')
    # The whole text, however long: it is to be checked, and may be corrected with --text.
    typer.echo(f"transcript: {text}", err=True)
    return text
