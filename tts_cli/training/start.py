"""How a training begins, from nothing, its own last checkpoint or the weights of another model; and how it is stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import torch
from lightning_fabric import Fabric

from tts_cli.corpora.facts import CorpusFacts
from tts_cli.corpora.manifest import Corpus
from tts_cli.errors import CheckpointError, ConfigError, OutputError
from tts_cli.models import TrainableModel, model_file, open_data
from tts_cli.training import checkpoints
from tts_cli.training.loop import Loop
from tts_cli.training.recipe import CHANGEABLE, Recipe, differences, parse_recipe, write_recipe
from tts_cli.training.weights import initialise, lineage

Say = Callable[[str], None]


def train(recipe: Recipe, run: Path, init_from: Sequence[Path] = (), restart: bool = False, say: Say = print) -> Path:
    """Train by `recipe` in the folder `run` and return its newest checkpoint; `say` tells the user one line.

    Goes on from the newest sound checkpoint in `run` unless `restart`. A fresh training takes its first weights from
    `init_from`, addons, checkpoints or runs (see `weights.initialise`).
    Raises KeyboardInterrupt after SIGINT or SIGTERM, when a checkpoint has been left; RefusedError when the loss stays
    non-finite; ConfigError, CorpusError, CheckpointError, OutputError for what their names say.
    """
    torch.set_num_threads(recipe.threads)
    fabric = launch(recipe)
    tell = say if fabric.is_global_zero else _say_nothing
    corpus = open_corpus(recipe)
    _prepare_folder(fabric, run, restart, tell)
    model = create_model(recipe, corpus.facts)
    loop = Loop(fabric, model, recipe, run)
    if isinstance(corpus, Corpus):
        loop.check_data = corpus.check_unchanged
    if not _resume(loop, tell):
        for line in begin(model, recipe, init_from):
            tell(line)
        loop.begun_from = tuple(lineage(path) for path in init_from)
        loop.state.average.load(model.state_dict())
    fabric.barrier()
    if fabric.is_global_zero:
        write_recipe(recipe, run)
    splits = [model.batches(corpus, split, recipe.batches, recipe.seed) for split in ("train", "validation")]
    with StopSignals() as signals:
        loop.run(splits[0], splits[1], signals.received)
        tell(f"step {loop.step} of {recipe.steps}, {loop.seconds / 3600:.2f} hours of training so far: {run}")
        signals.raise_received()
    return checkpoints.newest(run)


def create_model(recipe: Recipe, facts: CorpusFacts) -> TrainableModel:
    """A model with the fresh weights that the recipe's seed gives."""
    torch.manual_seed(recipe.seed)
    model: TrainableModel = model_file(recipe.model).Model(recipe.network, facts)
    return model.train()


class StopSignals:
    """Within this context SIGINT and SIGTERM are noted; a second one interrupts at once."""

    def __init__(self) -> None:
        self._noted = False
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._former = {which: signal.signal(which, self._note) for which in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for which, handler in self._former.items():
            signal.signal(which, handler)

    def received(self) -> bool:
        """Whether one has arrived."""
        return self._noted

    def raise_received(self) -> None:
        """Raise KeyboardInterrupt if one has arrived."""
        if self._noted:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.raise_received()
        self._noted = True


def launch(recipe: Recipe) -> Fabric:
    """Return the devices and processes of `recipe`, launched."""
    # Submodels take turns, so a backward pass leaves the other submodels' parameters without gradients.
    strategy = "auto" if recipe.devices * recipe.num_nodes == 1 else "ddp_find_unused_parameters_true"
    fabric = Fabric(
        accelerator=recipe.accelerator,
        strategy=strategy,
        devices=recipe.devices,
        num_nodes=recipe.num_nodes,
        precision=recipe.precision,
    )
    fabric.launch()
    return fabric


def open_corpus(recipe: Recipe) -> Any:
    """Open what `recipe` learns from, its speakers and prompts alone. Raises ConfigError, CorpusError."""
    if recipe.data is None:
        raise ConfigError("the recipe names no corpus", hint="set data: FOLDER, written by tts prepare, or give --data FOLDER")
    corpus = open_data(recipe.model, Path(recipe.data))
    if not isinstance(corpus, Corpus):
        if recipe.speakers or recipe.without_speakers or recipe.disjoint_prompts:
            keys = "speakers, without_speakers and disjoint_prompts"
            raise ConfigError(f"{recipe.data}: it has no speakers, which the recipe chooses from", hint=f"leave out {keys}")
        return corpus
    if recipe.speakers is not None:
        corpus = corpus.of_speakers(recipe.speakers)
    if recipe.without_speakers:
        corpus = corpus.of_speakers([name for name in corpus.speakers if name not in recipe.without_speakers])
    return corpus.with_disjoint_prompts() if recipe.disjoint_prompts else corpus


def begin(model: TrainableModel, recipe: Recipe, init_from: Sequence[Path]) -> list[str]:
    """Give `model` the weights that its kind begins with, or those of `init_from`, and return a line for each source."""
    begun = None if init_from else model.begin()
    return [begun] if begun else initialise(model, recipe.model, init_from)


def _prepare_folder(fabric: Fabric, run: Path, restart: bool, say: Say) -> None:
    if fabric.is_global_zero:
        try:
            run.mkdir(parents=True, exist_ok=True)
            aside = checkpoints.set_aside(run) if restart else None
        except OSError as error:
            raise OutputError(f"{run}: cannot write there: {error}") from error
        if aside is not None:
            say(f"beginning again; the former checkpoints are in {aside}")
    fabric.barrier()


def _resume(loop: Loop, say: Say) -> bool:
    """Put `loop` where the newest checkpoint of its run left off; False when there is none."""
    found = checkpoints.latest(loop.run_folder, say)
    if found is None:
        return False
    checkpoint, tensors = found
    description = checkpoint.description
    check_agreement(checkpoint, loop.recipe, loop.model.facts, say)
    loop.state.load(tensors)
    loop.step = loop.saved_step = description.step
    loop.rollbacks, loop.seconds_before = description.rollbacks, description.seconds
    loop.begun_from = description.begun_from
    loop.elsewhere = description.elsewhere
    for stay in description.elsewhere:
        say(f"trained elsewhere: {stay}")
    best = checkpoints.best(loop.run_folder)
    if best is not None and best.description.validation is not None:
        loop.best = best.description.validation
    say(f"resuming at step {loop.step} from {checkpoint.folder}")
    return True


def check_agreement(checkpoint: checkpoints.Checkpoint, recipe: Recipe, facts: CorpusFacts, say: Say) -> None:
    """Raise CheckpointError or ConfigError when `checkpoint` was trained otherwise than `recipe` says; tell lesser changes."""
    description = checkpoint.description
    if description.kind != recipe.model:
        message = f"{checkpoint.folder}: a checkpoint of a '{description.kind}' model; the recipe is for '{recipe.model}'"
        raise CheckpointError(message, hint="choose another --output")
    changed = differences(_completed(description.recipe), recipe.model_dump(mode="json"))
    changed |= differences({"corpus": description.facts.model_dump()}, {"corpus": facts.model_dump()})
    decisive = [f"{key}: {change}" for key, change in changed.items() if key.split(".")[0] not in CHANGEABLE]
    if decisive:
        hint = "undo the change, choose another --output (with --init-from to keep the weights), or --restart"
        raise ConfigError(f"{checkpoint.folder} was trained otherwise: {'; '.join(decisive)}", hint=hint)
    for key, change in changed.items():
        say(f"changed since the checkpoint: {key}: {change}")


def _completed(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe of before a key existed did what the key's default says; one that cannot be read any more stays as it is."""
    try:
        return parse_recipe(recipe, "the checkpoint's recipe").model_dump(mode="json")
    except ConfigError:
        return recipe


def _say_nothing(line: str) -> None:
    """For all processes but the first."""
