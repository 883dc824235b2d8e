"""Command `tts listening-test`: build, serve and analyse listening tests, and simulate listeners."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.listening_analyze import analyze
from tts_cli.cli.listening_serve import serve
from tts_cli.cli.listening_simulate import simulate
from tts_cli.cli.terminal import Settings, extra, say
from tts_cli.errors import InputError

app = typer.Typer(help="Build, serve and analyse listening tests.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def listening_test(context: typer.Context) -> None:
    """Build, serve and analyse listening tests."""
    if context.invoked_subcommand is None:
        raise InputError("tts listening-test needs a command, such as build", hint="tts listening-test --help lists the commands")


@app.command()
def build(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file that describes the test.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write the test to.")],
    corpora: Annotated[
        Path | None,
        typer.Option(metavar="DIR", envvar="TTS_CORPORA", help="Folder that holds the corpora and splits.csv."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a test that nobody has answered, in the same folder.")
    ] = False,
    settings: Settings = None,
) -> None:
    """Build a listening test from a configuration.

    Synthesise or copy the stimuli, match their loudness and make the anchors. Write the test, the page of the listeners and the
    same test for webMUSHRA into a folder, completely or not at all.
    """
    with extra("eval", "pyloudnorm", "scipy"):
        from tts_cli.listening.building import build_test

        built = build_test(config, output, corpora, settings or (), replace)
    for note in built.test.notes:
        say(f"note: {note}")
    typer.echo(f"{output}: {built.summary}")


app.command()(serve)
app.command()(analyze)
app.command()(simulate)
