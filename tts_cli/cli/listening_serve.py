"""Command `tts listening-test serve`: run the web server of a listening test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.terminal import extra, say


def serve(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder that tts listening-test build made.")],
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Address of the network interface; 0.0.0.0 for all. By default this machine alone."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Port; 0 for a free one.")] = 8017,
    listeners: Annotated[
        int, typer.Option(metavar="N", min=0, max=10_000, help="Number of listener links; links that exist are kept.")
    ] = 1,
    is_open: Annotated[
        bool, typer.Option("--open", help="Let anyone with the address of the page take part, without a link.")
    ] = False,
) -> None:
    """Run the web server of a listening test.

    Print a link for each listener; the same ones again after a restart. Store every answer at once in FOLDER/results.sqlite. End
    with Ctrl-C.
    """
    with extra("serve", "starlette", "uvicorn"):
        from tts_cli.listening.server import open_server

        server = open_server(folder, host, port, listeners, is_open)
        for link in server.links:
            typer.echo(f"listener {link.number}  {link.url}  {link.state}")
        if is_open:
            typer.echo(f"anyone  {server.url}")
        say(f"serving {folder} at {server.url}; Ctrl-C ends it")
        server.run()
