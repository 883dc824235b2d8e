"""Start, resume and stop a training; `train` is the entry point of `tts train`."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import torch
from lightning_fabric import Fabric

from tts_cli.corpora.facts import CorpusFacts
from tts_cli.corpora.manifest import Corpus
from tts_cli.errors import CheckpointError, ConfigError
from tts_cli.files import unwritable
from tts_cli.models import TrainableModel, find_kind, model_file, open_data
from tts_cli.training import checkpoints
from tts_cli.training.loop import Loop
from tts_cli.training.recipe import CHANGEABLE, Recipe, differences, parse_recipe, write_recipe
from tts_cli.training.rehearsal import rehearse, with_earlier_speakers, with_rehearsed
from tts_cli.training.spoken import sentence_speaker
from tts_cli.training.weights import fitting_vocoders, inherited, initialise, lineage, spoken_temperature

Say = Callable[[str], None]
"""Called with one line for the user."""


def train(recipe: Recipe, run: Path, init_from: Sequence[Path] = (), restart: bool = False, say: Say = print) -> Path:
    """Train by `recipe` in the folder `run`, and return its newest checkpoint.

    Training continues from the newest undamaged checkpoint in `run`, unless `restart` is set.

    Args:
        recipe: The recipe.
        run: Folder of the run; it is created if absent.
        init_from: Addons, checkpoints or runs that provide the initial weights of a fresh training, see `weights.initialise`.
        restart: Start anew; older checkpoints of the run are moved aside.
        say: Called with one line at a time for the user.

    Raises:
        KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP was received; a checkpoint has been written.
        RefusedError: Losses, gradients or weights do not stay finite.
        ConfigError: The recipe is wrong, or differs from the run's checkpoint.
        CorpusError: The corpus cannot be read.
        CheckpointError: Initial weights cannot be read, or do not fit.
        OutputError: The run folder cannot be written.
    """
    torch.set_num_threads(recipe.threads)
    fabric = launch(recipe)
    tell = say if fabric.is_global_zero else _say_nothing
    corpus = open_corpus(recipe)
    own_speakers = corpus.speakers if isinstance(corpus, Corpus) else ()
    if recipe.rehearsal is not None:
        corpus = with_earlier_speakers(corpus, recipe, None if restart else run, init_from)
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
        if recipe.rehearsal is not None and fabric.is_global_zero:
            tell("before the first step, the initial model speaks for its own speakers")
            tell(rehearse(model, corpus, recipe.rehearsal, recipe.seed, run, spoken_temperature(loop.begun_from)))
    fabric.barrier()
    if recipe.rehearsal is not None:
        corpus = with_rehearsed(corpus, run, recipe.rehearsal.share)
    if fabric.is_global_zero:
        write_recipe(recipe, run)
        loop.speak = sentence_speaker(model, recipe, own_speakers, run, loop.begun_from, tell) or loop.speak
    splits = [model.batches(corpus, split, recipe.batches, recipe.seed) for split in ("train", "validation")]
    with StopSignals() as signals:
        loop.run(splits[0], splits[1], signals.received)
        tell(f"step {loop.step} of {recipe.steps}, {loop.seconds / 3600:.2f} hours of training so far: {run}")
        signals.raise_received()
    tell(next_command(recipe, run, model.facts, loop.begun_from))
    return checkpoints.newest(run)


def next_command(recipe: Recipe, run: Path, facts: CorpusFacts, begun_from: Sequence[Mapping[str, Any]]) -> str:
    """Return a line for the user with the command that follows the training in `run`.

    Args:
        recipe: The recipe of the training.
        run: Folder of the run.
        facts: Facts of the model.
        begun_from: Lineage of the initial weights.
    """
    kind = find_kind(recipe.model)
    if kind.addon is None:
        return f"next: tts train {kind.group} RECIPE --init-from {shlex.quote(str(run))}"
    # One recipe adds speakers of many corpora, so the run names the voice.
    name = recipe.name if recipe.rehearsal is None else run.name
    command = ["tts", "export-addon", str(run), "--output", f"addons/{name}"]
    if kind.addon == "acoustic" and not inherited(begun_from, "default_vocoder"):
        command += ["--default-vocoder", next(iter(fitting_vocoders(facts)), "NAME")]
    return f"next: {shlex.join(command)}"


def create_model(recipe: Recipe, facts: CorpusFacts) -> TrainableModel:
    """Create the model of `recipe` with the initial weights that follow from the recipe's seed, in training mode."""
    torch.manual_seed(recipe.seed)
    model: TrainableModel = model_file(recipe.model).Model(recipe.network, facts)
    return model.train()


class StopSignals:
    """Context in which SIGINT, SIGTERM and SIGHUP are noted; a second signal interrupts at once.

    A signal that the process ignores (SIGHUP under nohup) stays ignored.
    """

    SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
    """Names of the signals; a system may lack some."""

    def __init__(self) -> None:
        self._noted = False
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            known = [signal.Signals[name] for name in self.SIGNALS if hasattr(signal, name)]
            heeded = [which for which in known if signal.getsignal(which) is not signal.SIG_IGN]
            self._former = {which: signal.signal(which, self._note) for which in heeded}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for which, handler in self._former.items():
            signal.signal(which, handler)

    def received(self) -> bool:
        """Return True if a signal has been received."""
        return self._noted

    def raise_received(self) -> None:
        """Raise KeyboardInterrupt if a signal has been received."""
        if self._noted:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.raise_received()
        self._noted = True


def launch(recipe: Recipe) -> Fabric:
    """Start the devices and processes of `recipe`, and return their Fabric."""
    # Submodels are updated one by one, so a backward pass leaves the parameters of the others without gradients.
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
    """Open the training data of `recipe`, with its speakers and prompts alone.

    Returns:
        A `Corpus`, or a `Treebank` for kinds that learn from trees.

    Raises:
        ConfigError: The recipe names no data, or chooses speakers of data without speakers.
        CorpusError: The data cannot be read, or lacks a speaker.
    """
    if recipe.data is None:
        raise ConfigError(
            "the recipe names no corpus", hint="give --data FOLDER or set data: FOLDER, a folder that tts prepare wrote"
        )
    corpus = open_data(recipe.model, Path(recipe.data))
    if not isinstance(corpus, Corpus):
        if recipe.speakers or recipe.without_speakers or recipe.disjoint_prompts:
            keys = "speakers, without_speakers and disjoint_prompts"
            raise ConfigError(f"{recipe.data}: has no speakers that the recipe could choose", hint=f"remove {keys}")
        return corpus
    if recipe.speakers is not None:
        corpus = corpus.of_speakers(recipe.speakers)
    if recipe.without_speakers:
        corpus = corpus.of_speakers([name for name in corpus.speakers if name not in recipe.without_speakers])
    return corpus.with_disjoint_prompts() if recipe.disjoint_prompts else corpus


def begin(model: TrainableModel, recipe: Recipe, init_from: Sequence[Path]) -> list[str]:
    """Give `model` its pretrained weights, or those of `init_from`; return one line for the user on each source."""
    begun = None if init_from else model.begin()
    return [begun] if begun else initialise(model, recipe.model, init_from, must_speak=recipe.rehearsal is not None)


def _prepare_folder(fabric: Fabric, run: Path, restart: bool, say: Say) -> None:
    if fabric.is_global_zero:
        try:
            run.mkdir(parents=True, exist_ok=True)
            checkpoints.remove_leftovers(run)
            aside = checkpoints.set_aside(run) if restart else None
        except OSError as error:
            raise unwritable(run, error) from error
        if aside is not None:
            say(f"starting anew; the older checkpoints are now in {aside}")
    fabric.barrier()


def _resume(loop: Loop, say: Say) -> bool:
    """Continue `loop` from the newest undamaged checkpoint of its run; return False when there is none."""
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
    """Compare the training of `checkpoint` with a recipe and a corpus; report differences that a resume allows.

    Args:
        checkpoint: The checkpoint to resume from.
        recipe: The present recipe.
        facts: Facts of the present corpus.
        say: Called with one line for each allowed difference.

    Raises:
        CheckpointError: The checkpoint is of another kind of model.
        ConfigError: The recipe or the corpus differs in a way that a resume does not allow.
    """
    description = checkpoint.description
    if description.kind != recipe.model:
        message = f"{checkpoint.folder}: a checkpoint of a '{description.kind}' model; the recipe is for '{recipe.model}'"
        raise CheckpointError(message, hint="choose another --output")
    changed = differences(_completed(description.recipe), recipe.model_dump(mode="json"))
    # The language is about texts that the voice will read; the tokens of the corpus are what they are.
    before, now = ({"corpus": one.model_dump(exclude={"language"})} for one in (description.facts, facts))
    changed |= differences(before, now)
    decisive = [f"{key}: {change}" for key, change in changed.items() if key.split(".")[0] not in CHANGEABLE]
    if decisive:
        hint = "undo the change, choose another --output (with --init-from to keep the weights), or --restart"
        raise ConfigError(f"{checkpoint.folder}: trained with other settings: {'; '.join(decisive)}", hint=hint)
    for key, change in changed.items():
        say(f"changed since the checkpoint: {key}: {change}")


def _completed(recipe: dict[str, Any]) -> dict[str, Any]:
    """Add the defaults of keys that are newer than `recipe`. A recipe that this version cannot read stays as it is."""
    try:
        return parse_recipe(recipe, "the checkpoint's recipe").model_dump(mode="json")
    except ConfigError:
        return recipe


def _say_nothing(line: str) -> None:
    """Discard the line: only the first process reports."""
