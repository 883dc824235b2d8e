"""Commands `tts pack` and `tts unpack`: move a training to a machine that has only PyTorch, and bring its result back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.terminal import Settings, existing, extra, say
from tts_cli.cli.train import RUNS


def pack(
    training: Annotated[
        Path, typer.Argument(metavar="RUN|RECIPE", help="Run to continue on the other machine, or recipe to start there.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write the pack to; it must be new or empty.")
    ],
    size_mb: Annotated[
        float, typer.Option(metavar="MB", min=1, help="Largest size of all files of the pack together, in megabytes.")
    ] = 48.0,
    python: Annotated[
        str | None, typer.Option(metavar="3.N", help="Python version of the other machine; by default that of this one.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Prepared corpus; by default the one that the recipe names.")
    ] = None,
    predict_from: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH", help="Run or addon of a model that a vocoder recipe names in batches.predicted. Repeatable."
        ),
    ] = None,
    settings: Settings = None,
    init_from: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Addon (by name or path), checkpoint or run that supplies initial weights for a recipe. Repeatable.",
        ),
    ] = None,
) -> None:
    """Pack a training for a machine that has only PyTorch.

    The folder needs neither this project nor a network connection. On the other machine, train with python train_here.py
    --minutes 9 --out DIR; then import DIR here with tts unpack.
    """
    with extra("train"):
        from tts_cli.training.pack import PackOptions
        from tts_cli.training.pack import pack as pack_training
        from tts_cli.training.weights import find_source

        start = tuple(find_source(name) for name in init_from or ())
        predictors = tuple(existing(path, "addon, checkpoint or run") for path in predict_from or ())
        options = PackOptions(size_mb, python, data, start, predictors, tuple(settings or ()))
        pack_training(existing(training, "run or recipe"), output, options, say)
        typer.echo(output)


def unpack(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder that train_here.py wrote.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "--run",
            "-o",
            metavar="DIR",
            help="Folder of the run; by default runs/NAME, NAME being that of the packed run or recipe.",
        ),
    ] = None,
) -> None:
    """Import the result of a packed training as a run.

    The run can be continued with tts train, or exported with tts export-addon.
    """
    with extra("train"):
        from tts_cli.training.unpack import name_of
        from tts_cli.training.unpack import unpack as unpack_training

        typer.echo(unpack_training(existing(folder, "folder"), output or RUNS / name_of(folder), say))
