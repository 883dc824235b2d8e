"""Command `tts listening-test simulate`: results of simulated listeners, to check the analysis and to plan a test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts_cli.cli.terminal import Settings, extra
from tts_cli.errors import InputError


def simulate(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="New folder for the results.")],
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="Folder of a test; by default recordings, a baseline and a new system."),
    ] = None,
    listeners: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="Number of simulated listeners.")] = 20,
    items: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=1000, help="Number of items, without FOLDER; by default 12.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**31 - 1, help="Seed of all draws.")] = 0,
    means: Annotated[
        list[str] | None,
        typer.Option(
            "--mean", metavar="NAME=VALUE", help="Mean of a condition on the scale from 0 to 100, before cutting. Repeatable."
        ),
    ] = None,
    settings: Settings = None,
) -> None:
    """Simulate listeners, to check the analysis and to plan a test.

    Nobody listens: ratings are drawn from a model with stated numbers, and every file and report says so. --set changes its
    standard deviations (listeners, items, listeners_by_system, items_by_system, residual) and the ends of the scale (lowest,
    highest). `tts listening-test analyze` reads the folder.
    """
    with extra("eval"):
        from tts_cli.config import apply_overrides, parse
        from tts_cli.listening.design import read_test
        from tts_cli.listening.simulated_answers import simulate_answers, write_simulation
        from tts_cli.listening.simulation import NUM_ITEMS, ListenerModel, default_test

        if folder is not None and items is not None:
            raise InputError("--items does not go with a folder of a test, which has its own items", hint="leave out --items")
        model = parse(ListenerModel, apply_overrides({}, settings or []), "the model", settings or [])
        test = read_test(folder) if folder else default_test(items or NUM_ITEMS)
        simulated = simulate_answers(test, model, _numbers(means or []), listeners, seed)
        write_simulation(simulated, output)
    for line in simulated.lines:
        typer.echo(line)
    typer.echo(f"{output}: results of {listeners} simulated listeners")


def _numbers(means: list[str]) -> dict[str, float]:
    """Return the means that the option --mean gives, by name of the condition. Raises InputError for one without a number."""
    from tts_cli.config.plain_yaml import shortened

    numbers = {}
    for given in means:
        name, _, value = given.rpartition("=")
        try:
            numbers[name] = float(value)
        except ValueError:
            numbers[name] = float("nan")
        if not name or not 0 <= numbers[name] <= 100:
            hint = "for example --mean new=62"
            raise InputError(f"--mean {shortened(given)}: expected NAME=VALUE with a value from 0 to 100", hint=hint)
    return numbers
