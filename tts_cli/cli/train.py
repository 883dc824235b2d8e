"""`tts train`: one command for each group of models, all with the same options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.terminal import Settings, existing, extra, progress, say
from tts_cli.errors import InputError

RUNS = Path("runs")
"""Where runs go that are given no folder: each in one by its recipe's name."""

GROUPS = {
    "acoustic": "Train an acoustic model: phones in, mel frames out.",
    "vocoder": "Train a vocoder: mel frames in, audio out.",
    "copycat": "Train CopyCat (model: copycat): phones and a recording's prosody in, mel frames of another speaker out; "
    "or the speaker encoder that it reads recordings with (model: speaker).",
    "vae": "Train a variational autoencoder: an acoustic model whose prosody has an embedding, and what hears that in speech.",
    "syntax": "Train what analyses sentences: their meaning and their syntactic distances. --data is a folder of treebank files.",
}
"""Help of the command for each group of models."""

app = typer.Typer(help="Train a model by a recipe.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def train(context: typer.Context) -> None:
    """Train a model by a recipe."""
    if context.invoked_subcommand is None:
        raise InputError("say what to train", hint=", ".join(f"tts train {group} RECIPE" for group in GROUPS))


def _command(group: str) -> Callable[..., None]:
    """The command that trains models of `group`."""

    def train_group(
        recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="YAML file that decides everything.")],
        data: Annotated[
            Path | None, typer.Option(metavar="DIR", help="Prepared corpus, or treebank; by default what the recipe names.")
        ] = None,
        output: Annotated[
            Path | None,
            typer.Option(
                "--output", "--run", "-o", metavar="DIR", help="Folder of the run; by default runs/ and the recipe's name."
            ),
        ] = None,
        settings: Settings = None,
        max_minutes: Annotated[
            float | None, typer.Option(metavar="MINUTES", help="Stop, with a checkpoint, after this time.")
        ] = None,
        init_from: Annotated[
            list[Path] | None,
            typer.Option(
                metavar="PATH",
                help="Addon, checkpoint or run, of this or another kind, whose weights a fresh training starts from; "
                "may be given again.",
            ),
        ] = None,
        devices: Annotated[
            int | None, typer.Option(metavar="N", min=1, help="Processes on this machine, each with one device.")
        ] = None,
        num_nodes: Annotated[int | None, typer.Option(metavar="N", min=1, help="Machines.")] = None,
        resume: Annotated[
            bool, typer.Option("--resume/--restart", help="Go on from the run's newest checkpoint, or set its checkpoints aside.")
        ] = True,
    ) -> None:
        with extra("train"):
            from tts_cli.training.recipe import load_recipe
            from tts_cli.training.start import train as train_model

            options = {"max_minutes": max_minutes, "devices": devices, "num_nodes": num_nodes}
            resolved = load_recipe(recipe, group, settings or [], data=str(data) if data else None, **options)
            start = [existing(path, "addon, checkpoint or run") for path in init_from or []]
            typer.echo(train_model(resolved, output or RUNS / resolved.name, start, not resume, say))

    return train_group


for name, help_text in GROUPS.items():
    app.command(name, help=help_text)(_command(name))


def predict_mels(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Run, checkpoint or addon of an acoustic model.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="Prepared corpus.")],
) -> None:
    """Predict the mels of a corpus, for a vocoder to learn from.

    The model is given the durations, F0 and energy of the recordings. A vocoder's recipe names the model in batches.predicted.
    """
    with extra("train"):
        from tts_cli.training.predict import predict_mels as predict

        with progress() as bars:
            task = bars.add_task("mels", total=None)
            folder = predict(
                existing(model, "run, checkpoint or addon"),
                data,
                lambda done, total: bars.update(task, completed=done, total=total),
            )
        typer.echo(folder)
