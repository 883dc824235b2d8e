"""`tts stack` draws the stack of a voice, and checks stacks that are in files."""

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
"""Columns."""

app = typer.Typer(help="Draw and check stacks.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def stack(context: typer.Context) -> None:
    """Draw and check stacks."""
    if context.invoked_subcommand is None:
        raise InputError("say what to do with a stack", hint="tts stack show [ADDON], or tts stack check FILE")


@app.command("show")
def show_stack(
    addon: Annotated[str | None, typer.Argument(metavar="ADDON", help="Name or path; by default the shipped voice.")] = None,
    vocoder: VocoderName = None,
    context: ContextName = "default",
    stack: StackOption = None,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw it as a picture, not on the terminal.")] = None,
    as_json: Json = False,
) -> None:
    """Draw the stack of an addon as a tree.

    Each block with what it reads and gives, how far it looks ahead and in what networks; each network with where it runs, and
    which work is its own and which the layer's. An acoustic addon is drawn with its vocoder, as one voice.
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
    file: Annotated[Path, typer.Argument(metavar="FILE", help='{"stack": [...]}, or an addon.json.')],
    addon: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="An addon that the stack is to fit; by default it is checked in itself."),
    ] = None,
    vocoder: VocoderName = None,
    context: ContextName = "default",
) -> None:
    """Validate a stack.

    Types, options and nesting; with --addon, whether the addon has its networks and whether all ports fit, too.
    """
    from tts_cli.addon.stack_file import read_stack
    from tts_cli.voice.description import view_stack

    if addon is None:
        if vocoder or context != "default":
            raise InputError("--vocoder and --context need --addon", hint="without one, the stack is checked in itself")
        read_stack(file)
        typer.echo(f"{file}: valid in itself")
        return
    view = view_stack(addon, vocoder, context, file)
    typer.echo(f"{file}: valid with {' and '.join(view.addons)}; gives {_ports(view.stack.gives)}")


def tree(view: StackView) -> Tree:
    """The stack as Rich draws it."""
    from rich.text import Text
    from rich.tree import Tree

    title = Text.assemble((" + ".join(view.addons), "bold"), f"  context {view.context}, {view.sample_rate} Hz")
    root = Tree(title, guide_style="bright_black")
    if view.latency:
        root.add(Text(view.latency.describe(), "green"))
    _add_block(root, view.stack)
    return root


def picture(view: StackView) -> str:
    """The tree as SVG, which needs nothing from elsewhere."""
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
    for whose, work in (("network", view.network_work), ("layer", view.layer_work)):
        if work:
            branch.add(_line(f"{whose}:", ", ".join(work)))


def _where(settings: NetworkSettings) -> str:
    threads = f"{settings.threads} thread{'s' * (settings.threads > 1)}"
    sizes = "; ".join(f"{rate}s {', '.join(map(str, sorted(steps)))}" for rate, steps in settings.sizes.items())
    return f"{settings.backend} on {settings.provider}, {threads}, {settings.precision}, sizes: {sizes or 'free'}"


def _line(name: str, rest: str) -> Text:
    from rich.text import Text

    return Text.assemble((f"{name} ", "bright_black"), rest)


def _ports(ports: Iterable[PortSpec]) -> str:
    """`token: phones[1] int64, text[256]; utterance: speaker[1] int64`: by rate, with the channels in brackets."""
    by_rate = groupby(sorted(ports, key=lambda port: port.rate), key=lambda port: port.rate)
    return "; ".join(f"{rate}: {', '.join(map(_port, group))}" for rate, group in by_rate)


def _port(port: PortSpec) -> str:
    return f"{port.name}[{port.channels or 'any'}]{'' if port.type == 'float32' else f' {port.type}'}"
