"""Commands `tts addons` (list, check, install and measure addons) and `tts export-addon` (make one from a checkpoint)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.terminal import CacheDir, ContextName, Json, existing, extra, print_json, print_table, say

if TYPE_CHECKING:
    from tts_cli.addon.opened import Addon
    from tts_cli.export.parity import Parity

app = typer.Typer(help="List, check, install and measure addons.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def addons(context: typer.Context, as_json: Json = False) -> None:
    """List, check, install and measure addons. Without a subcommand, list them."""
    if context.invoked_subcommand is None:
        list_all(as_json)


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List the addons that can be named, with their folders."""
    from tts_cli.addon.library import list_addons, search_folders

    found = [_summary(name, folder) for name, folder in sorted(list_addons().items())]
    if as_json:
        print_json(found)
    elif found:
        header = ("name", "kind", "speakers", "licence", "folder")
        print_table("addons", header, [tuple(addon[key] for key in header) for addon in found])
    else:
        typer.echo(f"no addon in {', '.join(str(folder) for folder in search_folders())}")
        say("hint: tts addons install PATH|ZIP")


def _summary(name: str, folder: Path) -> dict[str, Any]:
    """Return the row of one addon for the list. The kind of an invalid addon is "invalid: " and the reason."""
    from tts_cli.addon.config import read_addon_config
    from tts_cli.errors import AddonError

    try:
        config = read_addon_config(folder)
    except AddonError as error:
        return {"name": name, "kind": f"invalid: {error.message}", "speakers": "", "licence": "", "folder": str(folder)}
    speakers = ", ".join(speaker.name for speaker in config.speakers)
    return {"name": name, "kind": config.kind, "speakers": speakers, "licence": config.licence, "folder": str(folder)}


@app.command()
def check(
    names: Annotated[list[str], typer.Argument(metavar="NAME|PATH", help="Addons to check.")],
    context: ContextName = "default",
    cache_dir: CacheDir = None,
) -> None:
    """Validate addons.

    Check the configuration, the checksum of every file, every network in the given context, and the stack. Check too that
    an acoustic addon fits its default vocoder.
    """
    from tts_cli.addon.config import context_of
    from tts_cli.addon.opened import open_addon

    for name in names:
        addon = open_addon(name, context_of(context), cache=cache_dir)
        _open_networks(addon)
        speaks = _checked_voice(addon, context, cache_dir)
        typer.echo(f"{addon.folder}: valid: {addon.config.kind}, {len(addon.config.networks)} networks{speaks}")


def _open_networks(addon: Addon) -> None:
    """Open every network, including those that no block of the stack uses."""
    for role in sorted({spec.role for spec in addon.config.networks.values()}):
        addon.networks(role)


def _checked_voice(addon: Addon, context: str, cache_dir: Path | None) -> str:
    """Open an acoustic addon with its default vocoder, as a check. Return a phrase with vocoder and speakers; else "".

    `context` is the name of a context (where networks run: backend, sizes, threads).
    """
    from tts_cli.voice.synthesis import load

    if addon.config.kind != "acoustic" or not addon.config.default_vocoder:
        return ""
    voice = load(addon.folder, context=context, cache=cache_dir)
    return f", speaks with {voice.vocoder.name if voice.vocoder else 'itself'}: {', '.join(voice.speakers)}"


@app.command()
def install(
    source: Annotated[Path, typer.Argument(metavar="PATH|ZIP", help="Folder or zip file of the addon.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an installed addon of the same name.")] = False,
) -> None:
    """Install an addon.

    Check it and copy it to the user's addon folder, where every command finds it by name. Copy only addon.json, the files that
    it names, the model card and licences; together they have at most 2 GB.
    """
    from tts_cli.addon.library import install_addon

    typer.echo(install_addon(existing(source, "folder or zip file"), replace=force))


@app.command()
def measure(
    name: Annotated[str, typer.Argument(metavar="NAME|PATH", help="Acoustic addon.")],
    as_json: Json = False,
) -> None:
    """Measure the loudness of each speaker of an addon.

    Synthesise test sentences with the default vocoder, measure their loudness (EBU R128, LUFS) and write it into addon.json,
    where the block Gain reads it. tts export-addon does the same.
    """
    from tts_cli.addon.library import find_addon

    with extra("train", "pyloudnorm"):
        from tts_cli.export.loudness import add_loudness

        levels = add_loudness(find_addon(name))
    if as_json:
        print_json([vars(level) for level in levels])
        return
    rows = [(level.speaker, f"{level.loudness_lufs:.1f}", f"{level.true_peak_dbtp:.1f}") for level in levels]
    print_table(name, ("speaker", "loudness, LUFS", "true peak, dBTP"), rows)


def export_addon(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT", help="Checkpoint, or a run: its best checkpoint is exported unless --step is given."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write the addon to, such as addons/NAME.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Prepared corpus for the comparison with PyTorch; by default the corpus of the recipe."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the addon; by default the name of the folder.")
    ] = None,
    step: Annotated[
        str | None,
        typer.Option(
            metavar="N|newest|best",
            help="Checkpoint of a run: by default the best by validation loss, or the newest if none was validated.",
        ),
    ] = None,
    licence: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="Licence to name in addon.json; by default that of the addons that the training began from."
        ),
    ] = "",
    default_vocoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Vocoder that an acoustic addon speaks with by default; if not given, that of the addon that the training "
            "began from.",
        ),
    ] = None,
    speakers: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...", help="Speakers to export; the first is the default speaker. By default all speakers of the model."
        ),
    ] = None,
    linguistics: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Linguistics addon for a model that selects its prosody; by default linguistics-en.",
        ),
    ] = None,
    model_card: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Model card to copy; by default a card is made from the checkpoint.")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(metavar="X", min=0.0, help="Largest allowed relative difference from PyTorch; by default 0.0001."),
    ] = None,
) -> None:
    """Export a trained model as an addon.

    Compare the exported networks with PyTorch on sentences of the corpus. If a difference exceeds the tolerance, write
    nothing and exit with 1.
    """
    with extra("train", "pyloudnorm"):
        from tts_cli.export.checkpoint import ExportOptions
        from tts_cli.export.checkpoint import export_addon as export
        from tts_cli.export.folder import TOLERANCE
        from tts_cli.selection.parsing import DEFAULT_LINGUISTICS

        card = existing(model_card, "file") if model_card else None
        names = tuple(filter(None, map(str.strip, (speakers or "").split(","))))
        options = ExportOptions(
            name,
            licence,
            default_vocoder,
            card,
            names,
            TOLERANCE if tolerance is None else tolerance,
            linguistics or DEFAULT_LINGUISTICS,
            step,
        )
        parities = export(existing(checkpoint, "checkpoint or run"), output, data, options, say)
    _print_parities(output, parities)
    _say_loudness(output)


def _say_loudness(output: Path) -> None:
    from tts_cli.addon.config import read_addon_config

    speakers = read_addon_config(output).speakers
    if measured := [f"{speaker.name} {speaker.loudness_lufs} LUFS" for speaker in speakers if speaker.loudness_lufs is not None]:
        say(f"loudness: {', '.join(measured)}")
    elif speakers:
        say(f"the loudness of the speakers was not measured; to measure it: tts addons measure {output}")


def _print_parities(output: Path, parities: list[Parity]) -> None:
    header = ("context", "network", "output", "largest difference", "largest value", "relative")
    values = [(f"{p.largest_difference:.1e}", f"{p.largest_value:.4g}", f"{p.error:.1e}") for p in parities]
    rows = [(p.context, p.network, p.output, *shown) for p, shown in zip(parities, values, strict=True)]
    print_table("difference from torch", header, rows)
    typer.echo(f"{output}: largest difference {max(p.largest_difference for p in parities):.1e}")
