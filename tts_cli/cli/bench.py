"""`tts bench`: what a voice costs on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tts_cli.cli.terminal import AddonName, Json, SpeakerName, Threads, VocoderName, print_table

if TYPE_CHECKING:
    from tts_cli.bench import VoiceCost


def bench(
    addon: AddonName = None,
    vocoder: VocoderName = None,
    speaker: SpeakerName = None,
    threads: Threads = 1,
    repeats: Annotated[int, typer.Option(metavar="N", min=1, help="Times that each text is spoken.")] = 3,
    as_json: Json = False,
) -> None:
    """Measure a voice: time to first audio, CPU time, memory.

    The time to first audio is from the call with text until the chunk with the first speech sample; CPU time is per second of
    audio without the pauses between sentences.
    """
    from tts_cli.bench import measure_voice
    from tts_cli.library import DEFAULT_ADDON
    from tts_cli.synthesis import load

    voice = load(addon or DEFAULT_ADDON, vocoder, threads=threads)
    cost = measure_voice(voice, speaker, repeats=repeats)
    if as_json:
        typer.echo(cost.model_dump_json())
    else:
        _print_cost(cost, threads)


def _print_cost(cost: VoiceCost, threads: int) -> None:
    name = f"{cost.addon} with {cost.vocoder}" if cost.vocoder else cost.addon
    header = ("text", "audio (s)", "first audio (ms)", "waited (ms)", "CPU s / audio s")
    rows = [(t.text, t.audio_s, t.first_audio_ms, t.dry_ms, t.cpu_s_per_audio_s) for t in cost.texts]
    print_table(f"{name}, {threads} thread{'s' * (threads > 1)}", header, rows)
    blocks = [(block.block, block.path, block.cpu_s_per_audio_s) for block in cost.blocks]
    print_table("the longest text, block by block", ("block", "place", "CPU s / audio s"), blocks)
    typer.echo(f"peak memory: {cost.peak_memory_mb:.0f} MB")
