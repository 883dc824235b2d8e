"""Commands `tts train GROUP` (one for each group of models, with the same options), `tts status` and `tts predict-mels`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.terminal import Json, Settings, existing, extra, print_json, progress, say
from tts_cli.errors import InputError

RUNS = Path("runs")
"""Default parent folder of runs; each run has a folder named after its recipe."""

GROUPS = {
    "acoustic": "Train an acoustic model: phones in, mel frames out.",
    "vocoder": "Train a vocoder: mel frames in, audio out.",
    "copycat": "Train CopyCat, a model of prosody transfer.\n\nWith model: copycat, phones and the prosody of a recording in, "
    "mel frames of another speaker out. With model: speaker, train the speaker encoder that CopyCat uses.",
    "vae": "Train an acoustic model with a prosody embedding.\n\nThe model is a variational autoencoder; its reference encoder "
    "computes the embedding of recordings.",
    "syntax": "Train a linguistics model on a treebank.\n\nThe model computes sentence embeddings and syntactic distances. "
    "--data is a folder of treebank files.",
}
"""Help text of the command for each group of models."""

app = typer.Typer(help="Train a model from a recipe.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def train(context: typer.Context) -> None:
    """Train a model from a recipe."""
    if context.invoked_subcommand is None:
        raise InputError(
            "tts train needs a group of models, such as acoustic", hint=", ".join(f"tts train {group} RECIPE" for group in GROUPS)
        )


def _command(group: str) -> Callable[..., None]:
    """Return the command that trains models of `group`."""

    def train_group(
        recipe: Annotated[
            Path, typer.Argument(metavar="RECIPE", help="YAML file with the model, its data and the settings of the training.")
        ],
        data: Annotated[
            Path | None,
            typer.Option(metavar="DIR", help="Prepared corpus, or treebank; by default the one that the recipe names."),
        ] = None,
        output: Annotated[
            Path | None,
            typer.Option(
                "--output",
                "--run",
                "-o",
                metavar="DIR",
                help="Folder of the run; by default runs/NAME, NAME being that of the recipe.",
            ),
        ] = None,
        settings: Settings = None,
        max_minutes: Annotated[
            float | None, typer.Option(metavar="MINUTES", help="Save a checkpoint and stop after this many minutes.")
        ] = None,
        init_from: Annotated[
            list[str] | None,
            typer.Option(
                metavar="NAME|PATH",
                help="Addon (by name or path), checkpoint or run that supplies initial weights for a new training; its model may "
                "be of another kind. Repeatable.",
            ),
        ] = None,
        devices: Annotated[
            int | None, typer.Option(metavar="N", min=1, help="Number of processes on this machine, each with one device.")
        ] = None,
        num_nodes: Annotated[int | None, typer.Option(metavar="N", min=1, help="Number of machines.")] = None,
        resume: Annotated[
            bool,
            typer.Option(
                "--resume/--restart",
                help="Continue from the newest checkpoint of the run, or set its checkpoints aside and start again.",
            ),
        ] = True,
    ) -> None:
        with extra("train", "matplotlib"):
            from tts_cli.training.recipe import load_recipe
            from tts_cli.training.start import train as train_model
            from tts_cli.training.weights import find_source

            options = {"max_minutes": max_minutes, "devices": devices, "num_nodes": num_nodes}
            resolved = load_recipe(recipe, group, settings or [], data=str(data) if data else None, **options)
            start = [find_source(name) for name in init_from or []]
            typer.echo(train_model(resolved, output or RUNS / resolved.name, start, not resume, say))

    return train_group


for name, help_text in GROUPS.items():
    app.command(name, help=help_text)(_command(name))


def status(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
    as_json: Json = False,
) -> None:
    """Show the state of a training: steps, losses, time left, best checkpoint, and the command that follows.

    The training may be going on, stopped or finished; nothing in its folder is changed.
    """
    with extra("train"):
        from tts_cli.training.status import status_of

        found = status_of(existing(run, "run"))
    if as_json:
        print_json(asdict(found))
    else:
        for line in found.lines():
            typer.echo(line)


def predict_mels(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Run, checkpoint or addon of a model that predicts mels.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="Prepared corpus; the mels are written to its folder predicted.")],
) -> None:
    """Predict the mel spectrograms of a corpus to train a vocoder on.

    The model receives the durations, F0 and energy of the recordings. Name the model in batches.predicted of the vocoder recipe.
    """
    with extra("train", "matplotlib"):
        from tts_cli.training.predict import predict_mels as predict

        with progress() as bars:
            task = bars.add_task("mels", total=None)
            folder = predict(
                existing(model, "run, checkpoint or addon"),
                data,
                lambda done, total: bars.update(task, completed=done, total=total),
            )
        typer.echo(folder)
