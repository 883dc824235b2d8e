"""`tts pack` and `tts unpack`: a training travels to a machine with torch alone, and comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.terminal import Settings, existing, extra, say
from tts_cli.cli.train import RUNS


def pack(
    training: Annotated[Path, typer.Argument(metavar="RUN|RECIPE", help="Run that goes on elsewhere, or recipe to begin there.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write; it must not exist or be empty.")
    ],
    size_mb: Annotated[float, typer.Option(metavar="MB", min=1, help="Most megabytes of all its files.")] = 48.0,
    python: Annotated[
        str | None, typer.Option(metavar="3.N", help="Python of the other machine; by default that which runs this.")
    ] = None,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Prepared corpus; by default what the recipe names.")] = None,
    predict_from: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Run or addon of a model that a vocoder's recipe names in batches.predicted."),
    ] = None,
    settings: Settings = None,
    init_from: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Addon, checkpoint or run whose weights a recipe starts from; may be given again."),
    ] = None,
) -> None:
    """Lay a training into a folder that runs where there is torch, but neither this project nor a network.

    There, python train_here.py --minutes 9 --out DIR trains; tts unpack brings DIR back.
    """
    with extra("train"):
        from tts_cli.training.pack import PackOptions
        from tts_cli.training.pack import pack as pack_training

        start = tuple(existing(path, "addon, checkpoint or run") for path in init_from or ())
        predictors = tuple(existing(path, "addon, checkpoint or run") for path in predict_from or ())
        options = PackOptions(size_mb, python, data, start, predictors, tuple(settings or ()))
        pack_training(existing(training, "run or recipe"), output, options, say)
        typer.echo(output)


def unpack(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What train_here.py wrote.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "--run", "-o", metavar="DIR", help="Folder of the run; by default runs/ and the recipe's name."),
    ] = None,
) -> None:
    """Bring back what a packed training learnt, as a run that goes on or is exported."""
    with extra("train"):
        from tts_cli.training.unpack import name_of
        from tts_cli.training.unpack import unpack as unpack_training

        typer.echo(unpack_training(existing(folder, "folder"), output or RUNS / name_of(folder), say))
