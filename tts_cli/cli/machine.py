"""Commands `tts doctor` (check the installation) and `tts bench` (measure latency, CPU time and memory of a voice)."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer
from packaging.requirements import Requirement

from tts_cli.cli.terminal import (
    AddonName,
    CacheDir,
    ContextName,
    Json,
    SpeakerName,
    StackOption,
    Threads,
    VocoderName,
    print_json,
    print_table,
)
from tts_cli.errors import RefusedError, TtsError

if TYPE_CHECKING:
    from tts_cli.voice.bench import EncodersCost, VoiceCost

EXTRAS = ("train", "eval", "openvino", "demo", "documents", "serve")
HIGHEST_GROWTH, LOWEST_GAIN, HIGHEST_BOOKKEEPING = 1.2, 5.0, 0.05
"""Targets of `tts bench`, all ratios: the largest time to first audio of the longest text over that of the shortest; the smallest
time to first audio of a text synthesised in one piece over that of the same text streamed; the largest share of bookkeeping in
CPU time."""


@dataclass(frozen=True)
class Finding:
    """Line of the report of `tts doctor`."""

    what: str
    """Package, extra, device or addon that was checked; a key of `--json`."""
    state: str
    """ok, missing (an optional part), invalid (an addon), or broken (`tts synth` cannot speak)."""
    detail: str
    """Version or folder, or the fault with its remedy."""


def doctor(as_json: Json = False) -> None:
    """Check the installation and list missing parts.

    Check Python, packages, extras, the sound device and all addons. Exit with 1 if the default voice cannot speak.
    """
    findings = [_python(), *_packages(), *_extras(), _sound_device(), _voice(), *_other_addons()]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_table("tts doctor", ("part", "state", "detail"), [(f.what, f.state, f.detail) for f in findings])
    broken = [finding.what for finding in findings if finding.state == "broken"]
    if broken:
        raise RefusedError(
            f"tts synth cannot speak; broken: {', '.join(broken)}",
            hint="repair the parts listed as broken, then run tts doctor again",
        )


def _python() -> Finding:
    return Finding("Python", "ok", f"{platform.python_version()}, {platform.platform()}, {sys.executable}")


def _packages() -> list[Finding]:
    """Return one finding for each package that the runtime requires."""
    return [_package(name, "broken") for name in _requirements(None)]


def _extras() -> list[Finding]:
    """Return one finding for each extra that has requirements."""
    findings = []
    for extra in EXTRAS:
        names = _requirements(extra)
        missing = [name for name in names if _package(name, "missing").state != "ok"]
        if missing:
            findings.append(Finding(f"[{extra}]", "missing", f"lacks {', '.join(missing)}: pip install {' '.join(missing)}"))
        elif names:
            findings.append(Finding(f"[{extra}]", "ok", f"{len(names)} packages"))
    return findings


def _requirements(extra: str | None) -> list[str]:
    """Return names of the packages that `tts-cli` requires on this platform: for `extra` alone, or without any extra for None."""
    declared = [Requirement(line) for line in _declared()]
    always = [one.name for one in declared if one.marker is None or one.marker.evaluate({"extra": ""})]
    if extra is None:
        return always
    wanted = [one.name for one in declared if one.marker is not None and one.marker.evaluate({"extra": extra})]
    return [name for name in wanted if name not in always]


def _declared() -> list[str]:
    """Return the declared requirements of `tts-cli`; none if it runs from a source folder without being installed."""
    try:
        return requires("tts-cli") or []
    except PackageNotFoundError:
        return []


def _package(name: str, state_without: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, state_without, f"not installed: pip install {name}")


def _sound_device() -> Finding:
    if find_spec("sounddevice") is None:
        return Finding("playing", "missing", "pip install sounddevice, for tts synth --play")
    try:
        import sounddevice

        device = sounddevice.query_devices(kind="output")
    except Exception as error:  # PortAudio's own errors have a type that may not be importable.
        return Finding("playing", "missing", f"no sound device: {error}")
    return Finding("playing", "ok", str(device["name"]))


def _voice() -> Finding:
    """Return whether the default voice opens, as a finding."""
    from tts_cli.addon.library import DEFAULT_ADDON
    from tts_cli.voice.synthesis import load

    try:
        voice = load(DEFAULT_ADDON)
    except TtsError as error:
        return Finding(DEFAULT_ADDON, "broken", error.message)
    return Finding(DEFAULT_ADDON, "ok", f"speaks, in {voice.acoustic.folder}: {', '.join(voice.speakers)}")


def _other_addons() -> list[Finding]:
    from tts_cli.addon.library import DEFAULT_ADDON, list_addons
    from tts_cli.addon.opened import open_addon

    findings = []
    for name, folder in sorted(list_addons().items()):
        try:
            if name != DEFAULT_ADDON:
                findings.append(Finding(name, "ok", f"{open_addon(folder).config.kind}, in {folder}"))
        except TtsError as error:
            findings.append(Finding(name, "invalid", error.message))
    return findings


def bench(
    addon: AddonName = None,
    vocoder: VocoderName = None,
    speaker: SpeakerName = None,
    context: ContextName = "default",
    cache_dir: CacheDir = None,
    stack: StackOption = None,
    threads: Threads = None,
    repeats: Annotated[int, typer.Option(metavar="N", min=1, help="How many times to speak each text.")] = 3,
    as_json: Json = False,
) -> None:
    """Measure a voice: time to first audio, CPU time, memory.

    The time to first audio runs from the call with text until the chunk with the first speech sample. CPU time is per second of
    audio, pauses between sentences excluded. Bookkeeping is all CPU time outside networks, signal processing and the text
    front end.
    """
    from tts_cli.addon.library import DEFAULT_ADDON
    from tts_cli.voice.bench import measure_voice
    from tts_cli.voice.synthesis import load

    voice = load(addon or DEFAULT_ADDON, vocoder, context, threads, cache=cache_dir, stack=stack)
    cost = measure_voice(voice, speaker, repeats=repeats)
    if as_json:
        typer.echo(cost.model_dump_json())
    else:
        _print_cost(cost, context, threads)


def _print_cost(cost: VoiceCost, context: str, threads: int | None) -> None:
    name = f"{cost.addon} with {cost.vocoder}" if cost.vocoder else cost.addon
    header = ("text", "audio (s)", "first audio (ms)", "waited (ms)", "CPU s / audio s")
    rows = [(t.text, t.audio_s, t.first_audio_ms, t.dry_ms, t.cpu_s_per_audio_s) for t in cost.texts]
    at = f", {threads} thread{'s' * (threads > 1)}" if threads else ""
    print_table(f"{name}, context {context}{at}", header, rows)
    blocks = [(block.block, block.path, block.cpu_s_per_audio_s, block.bookkeeping_s_per_audio_s) for block in cost.blocks]
    print_table("the longest text, block by block", ("block", "place", "CPU s / audio s", "of it bookkeeping"), blocks)
    for line in _verdicts(cost):
        typer.echo(line)


def _verdicts(cost: VoiceCost) -> Iterator[str]:
    """Yield one line for each figure, with its target where it has one."""
    yield cost.latency.describe()
    yield f"first audio, longest text to shortest: {cost.longest_to_shortest:.2f} (at most {HIGHEST_GROWTH:g})"
    piece = cost.one_piece
    yield (
        f"first audio of the text of {piece.text}, made in one piece: {piece.first_audio_ms:.0f} ms, streamed: "
        f"{piece.streamed_first_audio_ms:.0f} ms, {piece.times:.1f} times as soon (at least {LOWEST_GAIN:g})"
    )
    yield f"block bookkeeping: {cost.bookkeeping:.1%} of CPU time (at most {HIGHEST_BOOKKEEPING:.0%})"
    if cost.encoders:
        yield _gain(cost.encoders)
    yield f"peak memory: {cost.peak_memory_mb:.0f} MB"


def _gain(encoders: EncodersCost) -> str:
    saved = 1 - encoders.at_once_ms / encoders.in_turn_ms
    return (
        f"encoders over {encoders.tokens} tokens: in turn {encoders.in_turn_ms:.1f} ms, at once (CustomizedEncoders) "
        f"{encoders.at_once_ms:.1f} ms, a {'gain' if saved > 0 else 'loss'} of {abs(saved):.0%}"
    )
