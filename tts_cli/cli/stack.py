"""Command `tts stack`: draw the stack of a voice, or check a stack file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts_cli.cli.terminal import ContextName, Json, StackOption, VocoderName, show
from tts_cli.errors import InputError
from tts_cli.output.outlets import new_text_file

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from tts_cli.ports import NetworkSettings, PortSpec
    from tts_cli.voice.description import BlockView, NetworkView, StackView

WIDTH_OF_PICTURES = 150
"""Width of SVG drawings, in characters."""

app = typer.Typer(help="Draw and check stacks.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def stack(context: typer.Context) -> None:
    """Draw and check stacks."""
    if context.invoked_subcommand is None:
        raise InputError("tts stack needs a command: show or check", hint="tts stack show [ADDON], or tts stack check FILE")


@app.command("show")
def show_stack(
    addon: Annotated[
        str | None, typer.Argument(metavar="ADDON", help="Name or path of the addon; by default the shipped voice.")
    ] = None,
    vocoder: VocoderName = None,
    context: ContextName = "default",
    stack: StackOption = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw into this SVG file, not on the terminal.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw the stack of an addon as a tree.

    Each block shows its input and output ports, its look-ahead and its networks. Each network shows its backend and sizes, and
    the division of work between the network and the layer that runs it. An acoustic addon is drawn with its vocoder.
    """
    from tts_cli.addon.library import DEFAULT_ADDON
    from tts_cli.voice.description import view_stack

    view = view_stack(addon or DEFAULT_ADDON, vocoder, context, stack)
    if as_json:
        typer.echo(view.model_dump_json())
    if svg:
        with new_text_file(svg) as file:
            file.write(picture(view))
    if not (as_json or svg):
        show(tree(view))


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help='JSON file with {"stack": [...]}, such as an addon.json.')],
    addon: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Addon that the stack has to fit, networks and ports; by default the stack is checked alone.",
        ),
    ] = None,
    vocoder: VocoderName = None,
    context: ContextName = "default",
) -> None:
    """Validate a stack.

    Check block types, options and nesting. With --addon, check also that the addon has the networks and that all ports fit.
    """
    from tts_cli.addon.stack_file import read_stack
    from tts_cli.voice.description import view_stack

    if addon is None:
        if vocoder or context != "default":
            raise InputError("--vocoder and --context need --addon", hint="name the addon with --addon, or leave them out")
        read_stack(file)
        typer.echo(f"{file}: valid in itself")
        return
    view = view_stack(addon, vocoder, context, file)
    typer.echo(f"{file}: valid with {' and '.join(view.addons)}; gives {_ports(view.stack.gives)}")


def tree(view: StackView) -> Tree:
    """Return the stack as a tree that Rich can print."""
    from rich.text import Text
    from rich.tree import Tree

    title = Text.assemble((" + ".join(view.addons), "bold"), f"  context {view.context}, {view.sample_rate} Hz")
    root = Tree(title, guide_style="bright_black")
    if view.latency:
        root.add(Text(view.latency.describe(), "green"))
    _add_block(root, view.stack)
    return root


def picture(view: StackView) -> str:
    """Return the drawing as a self-contained SVG document, without links to web fonts."""
    from io import StringIO

    from rich.console import Console

    console = Console(record=True, width=WIDTH_OF_PICTURES, file=StringIO(), color_system="truecolor", force_terminal=True)
    console.print(tree(view))
    svg = console.export_svg(title=f"the stack of {' + '.join(view.addons)}", unique_id="stack")
    return re.sub(r"@font-face\s*{[^}]*}", "", svg)


def _add_block(parent: Tree, view: BlockView) -> None:
    from rich.text import Text

    style = "bold cyan" if view.kind == "sequence" else "bold magenta"
    options = "".join(f" {name}={value}" for name, value in view.options.items())
    branch = parent.add(Text.assemble((view.type, style), (options, "yellow"), (f"  {view.path}", "bright_black")))
    for line in _block_lines(view):
        branch.add(line)
    for network in view.networks:
        _add_network(branch, network)
    for inner in view.blocks:
        _add_block(branch, inner)


def _block_lines(view: BlockView) -> Iterator[Text]:
    if not view.blocks:
        for source, ports in groupby(sorted(view.reads, key=lambda read: read.given_by), key=lambda read: read.given_by):
            yield _line("reads", f"{_ports(read.port for read in ports)}  from {source}")
        yield _line("gives", _ports(view.gives) or "nothing")
    if view.lookahead_ms:
        yield _line("looks ahead", f"{view.lookahead_ms:.1f} ms")


def _add_network(parent: Tree, view: NetworkView) -> None:
    from rich.text import Text

    where = f"  {view.spec.role}, {_where(view.settings)}"
    branch = parent.add(Text.assemble("network ", (view.name, "bold yellow"), where))
    branch.add(_line("inputs", _ports(view.spec.inputs)))
    branch.add(_line("outputs", _ports(view.spec.outputs)))
    for worker, work in (("network", view.network_work), ("layer", view.layer_work)):
        if work:
            branch.add(_line(f"{worker}:", ", ".join(work)))


def _where(settings: NetworkSettings) -> str:
    threads = f"{settings.threads} thread{'s' * (settings.threads > 1)}"
    sizes = "; ".join(f"{rate}s {', '.join(map(str, sorted(steps)))}" for rate, steps in settings.sizes.items())
    return f"{settings.backend} on {settings.provider}, {threads}, {settings.precision}, sizes: {sizes or 'free'}"


def _line(name: str, rest: str) -> Text:
    from rich.text import Text

    return Text.assemble((f"{name} ", "bright_black"), rest)


def _ports(ports: Iterable[PortSpec]) -> str:
    """Format ports by rate, channels in brackets: `token: phones[1] int64, text[256]; utterance: speaker[1] int64`."""
    by_rate = groupby(sorted(ports, key=lambda port: port.rate), key=lambda port: port.rate)
    return "; ".join(f"{rate}: {', '.join(map(_port, group))}" for rate, group in by_rate)


def _port(port: PortSpec) -> str:
    return f"{port.name}[{port.channels or 'any'}]{'' if port.type == 'float32' else f' {port.type}'}"
