"""`tts addons` lists, checks, installs and measures addons; `tts export-addon` makes them."""

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
    """List, check, install and measure addons. Without a command: list them."""
    if context.invoked_subcommand is None:
        list_all(as_json)


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List the addons that can be named, and where they are."""
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
    """What a list says of an addon; an invalid one says why it is."""
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
    names: Annotated[list[str], typer.Argument(metavar="NAME|PATH", help="Addons.")],
    context: ContextName = "default",
    cache_dir: CacheDir = None,
) -> None:
    """Validate addons.

    Checks their configuration, every file's checksum, every network as the context runs it, and the stack; and that a voice
    fits its vocoder.
    """
    from tts_cli.addon.config import context_of
    from tts_cli.addon.opened import open_addon

    for name in names:
        addon = open_addon(name, context_of(context), cache=cache_dir)
        _open_networks(addon)
        speaks = _checked_voice(addon, context, cache_dir)
        typer.echo(f"{addon.folder}: valid: {addon.config.kind}, {len(addon.config.networks)} networks{speaks}")


def _open_networks(addon: Addon) -> None:
    """Opens every network, those too that no block of the stack names."""
    for role in sorted({spec.role for spec in addon.config.networks.values()}):
        addon.networks(role)


def _checked_voice(addon: Addon, context: str, cache_dir: Path | None) -> str:
    """Opens the voice that an acoustic addon makes with its default vocoder, and says so."""
    from tts_cli.voice.synthesis import load

    if addon.config.kind != "acoustic" or not addon.config.default_vocoder:
        return ""
    voice = load(addon.folder, context=context, cache=cache_dir)
    return f", speaks with {voice.vocoder.name if voice.vocoder else 'itself'}: {', '.join(voice.speakers)}"


@app.command()
def install(
    source: Annotated[Path, typer.Argument(metavar="PATH|ZIP", help="Folder or zip file of an addon.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an addon of the same name.")] = False,
) -> None:
    """Install an addon.

    Checks it and copies it to where it can be named from every folder.
    """
    from tts_cli.addon.library import install_addon

    typer.echo(install_addon(existing(source, "folder or zip file"), replace=force))


@app.command()
def measure(
    name: Annotated[str, typer.Argument(metavar="NAME|PATH", help="An acoustic addon.")],
    as_json: Json = False,
) -> None:
    """Measure how loud the speakers of an addon are.

    They speak with its default vocoder. Their loudness (EBU R128) is written
    into addon.json, where the block Gain finds it; exporting does the same.
    """
    from tts_cli.addon.library import find_addon

    with extra("train"):
        from tts_cli.export.loudness import add_loudness

        levels = add_loudness(find_addon(name))
    if as_json:
        print_json([vars(level) for level in levels])
        return
    rows = [(level.speaker, f"{level.loudness_lufs:.1f}", f"{level.true_peak_dbtp:.1f}") for level in levels]
    print_table(name, ("speaker", "loudness, LUFS", "true peak, dBTP"), rows)


def export_addon(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="Checkpoint, or a run whose best one is meant.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the addon, as addons/NAME.")],
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Prepared corpus whose sentences are compared; by default the recipe's.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="By default the name of the folder.")] = None,
    licence: Annotated[str, typer.Option(metavar="TEXT", help="Licence of the addon.")] = "",
    default_vocoder: Annotated[str | None, typer.Option(metavar="NAME", help="Vocoder of an acoustic addon.")] = None,
    speakers: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="Only these speakers of the model, first the one who speaks when nobody is named."),
    ] = None,
    linguistics: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Addon that analyses sentences, for a model that selects its prosody; by default linguistics-en.",
        ),
    ] = None,
    model_card: Annotated[
        Path | None, typer.Option(metavar="FILE", help="MODEL_CARD.md; by default what the checkpoint tells.")
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(metavar="X", min=0.0, help="Largest difference from torch that is let pass.")
    ] = None,
) -> None:
    """Export a trained model as an addon.

    The exported networks are compared with torch on real sentences. Over the
    tolerance nothing is written, and the exit code is 1.
    """
    with extra("train"):
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
        say(f"the speakers' loudness was not measured: tts addons measure {output}")


def _print_parities(output: Path, parities: list[Parity]) -> None:
    header = ("context", "network", "output", "largest difference", "largest value", "relative")
    values = [(f"{p.largest_difference:.1e}", f"{p.largest_value:.4g}", f"{p.error:.1e}") for p in parities]
    rows = [(p.context, p.network, p.output, *shown) for p, shown in zip(parities, values, strict=True)]
    print_table("difference from torch", header, rows)
    typer.echo(f"{output}: largest difference {max(p.largest_difference for p in parities):.1e}")
