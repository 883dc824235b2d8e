"""How a training begins, from nothing, its own last checkpoint or the weights of another model; and how it is stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from tts_cli.addon_config import read_addon_config
from tts_cli.corpora.manifest import Corpus, open_corpus
from tts_cli.errors import CheckpointError, ConfigError, OutputError
from tts_cli.models import CorpusFacts, SpeakerFacts, TrainableModel, find_kind, model_file
from tts_cli.training import checkpoints
from tts_cli.training.loop import Loop
from tts_cli.training.recipe import CHANGEABLE, Recipe, differences, write_recipe

Say = Callable[[str], None]


def train(recipe: Recipe, run: Path, init_from: Path | None = None, restart: bool = False, say: Say = print) -> Path:
    """Train by `recipe` in the folder `run` and return its newest checkpoint; `say` tells the user one line.

    Goes on from the newest sound checkpoint in `run` unless `restart`. A fresh training takes its first weights from
    `init_from`, an addon, a checkpoint or a run.
    Raises KeyboardInterrupt after SIGINT or SIGTERM, when a checkpoint has been left; RefusedError when the loss stays
    non-finite; ConfigError, CorpusError, CheckpointError, OutputError for what their names say.
    """
    torch.set_num_threads(recipe.threads)
    fabric = _launch(recipe)
    tell = say if fabric.is_global_zero else _say_nothing
    corpus = _open_corpus(recipe)
    _prepare_folder(fabric, run, restart, tell)
    model = create_model(recipe, corpus_facts(corpus))
    loop = Loop(fabric, model, recipe, run)
    if not _resume(loop, tell) and init_from is not None:
        tell(initialise(model, init_from, find_kind(recipe.model).group))
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


def corpus_facts(corpus: Corpus) -> CorpusFacts:
    """What a model must know of `corpus`."""
    summaries = corpus.summary.speakers
    speakers = [
        SpeakerFacts(name=name, mean_log_f0=summaries[name].mean_log_f0, std_log_f0=summaries[name].std_log_f0)
        for name in corpus.speakers
    ]
    return CorpusFacts(mel=corpus.mel, symbols=corpus.summary.symbols, speakers=tuple(speakers))


def initialise(model: TrainableModel, source: Path, group: str) -> str:
    """Give `model` the weights of `source`, an addon, a checkpoint or a run; returns what was done in a line.

    Rows of speaker tables follow the speakers' names. A speaker that `source` lacks starts from the mean of its speakers; in a
    buffer, from what its own corpus says.
    Raises CheckpointError when the kinds, mel configurations, symbols or shapes disagree.
    """
    addon = (source / "addon.json").exists()
    facts, weights = _weights_of_addon(model, source, group) if addon else _weights_of_run(source, group)
    _check_facts(source, facts, model.facts)
    own, buffers = model.state_dict(), dict(model.named_buffers())
    known = {name: value for name, value in weights.items() if name in own}
    for name in set(model.speaker_tables()) & known.keys():
        known[name] = _grown(known[name], buffers.get(name), facts, model.facts)
    _check_shapes(source, known, own)
    model.load_state_dict(known, strict=False)
    added = sorted(set(model.facts.speaker_names) - set(facts.speaker_names))
    fresh, unused = len(own) - len(known), len(weights) - len(known)
    return f"weights of {source}: {len(known)} taken, {fresh} fresh, {unused} unused; new speakers: {', '.join(added) or 'none'}"


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


def _launch(recipe: Recipe) -> Fabric:
    # Players take turns, so a backward pass leaves the other players' parameters without gradients.
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


def _open_corpus(recipe: Recipe) -> Corpus:
    if recipe.data is None:
        raise ConfigError("the recipe names no corpus", hint="set data: FOLDER, written by tts prepare, or give --data FOLDER")
    corpus = open_corpus(Path(recipe.data))
    return corpus if recipe.speakers is None else corpus.of_speakers(recipe.speakers)


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
    _check_agreement(checkpoint, loop.recipe, loop.model.facts, say)
    loop.state.load(tensors)
    loop.step = loop.saved_step = description.step
    loop.rollbacks, loop.seconds_before = description.rollbacks, description.seconds
    best = checkpoints.best(loop.run_folder)
    if best is not None and best.description.validation is not None:
        loop.best = best.description.validation
    say(f"resuming at step {loop.step} from {checkpoint.folder}")
    return True


def _check_agreement(checkpoint: checkpoints.Checkpoint, recipe: Recipe, facts: CorpusFacts, say: Say) -> None:
    description = checkpoint.description
    if description.kind != recipe.model:
        message = f"{checkpoint.folder}: a checkpoint of a '{description.kind}' model; the recipe is for '{recipe.model}'"
        raise CheckpointError(message, hint="choose another --output")
    changed = differences(description.recipe, recipe.model_dump(mode="json"))
    changed |= differences({"corpus": description.facts.model_dump()}, {"corpus": facts.model_dump()})
    decisive = [f"{key}: {change}" for key, change in changed.items() if key.split(".")[0] not in CHANGEABLE]
    if decisive:
        hint = "undo the change, choose another --output (with --init-from to keep the weights), or --restart"
        raise ConfigError(f"{checkpoint.folder} was trained otherwise: {'; '.join(decisive)}", hint=hint)
    for key, change in changed.items():
        say(f"changed since the checkpoint: {key}: {change}")


def _weights_of_addon(model: TrainableModel, addon: Path, group: str) -> tuple[CorpusFacts, Mapping[str, Tensor]]:
    from tts_cli.export.parameters import model_state_of_addon

    config = read_addon_config(addon)
    if config.kind != group:
        raise CheckpointError(f"{addon}: a {config.kind} addon, not an addon of a {group} model")
    speakers = tuple(SpeakerFacts(name=speaker.name, mean_log_f0=speaker.mean_log_f0) for speaker in config.speakers)
    facts = CorpusFacts(mel=config.mel, symbols=config.symbols, speakers=speakers)
    return facts, model_state_of_addon(model, model.export_parts(), addon)


def _weights_of_run(source: Path, group: str) -> tuple[CorpusFacts, Mapping[str, Tensor]]:
    checkpoint = checkpoints.find(source)
    checkpoints.check_group(checkpoint, group)
    return checkpoint.description.facts, checkpoint.read("average")


def _check_facts(source: Path, theirs: CorpusFacts, ours: CorpusFacts) -> None:
    if theirs.mel.hash != ours.mel.hash:
        raise CheckpointError(f"{source}: another mel configuration ({theirs.mel.hash}, the corpus has {ours.mel.hash})")
    if theirs.symbols and theirs.symbols != ours.symbols:
        unlike = sorted(set(theirs.symbols) ^ set(ours.symbols))
        raise CheckpointError(f"{source}: other symbols than the corpus: {', '.join(unlike) or 'in another order'}")


def _check_shapes(source: Path, known: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    if not known:
        raise CheckpointError(f"{source}: none of its parameters are of this network")
    for name, value in known.items():
        theirs, ours = tuple(value.shape), tuple(own[name].shape)
        if theirs != ours:
            raise CheckpointError(f"{source}: '{name}' has shape {theirs}, this network's is {ours}")


def _grown(table: Tensor, own: Tensor | None, theirs: CorpusFacts, ours: CorpusFacts) -> Tensor:
    """`table` (their speakers, ...) rearranged by name to (our speakers, ...); new rows are of `own`, or the mean without it."""
    rows = dict(zip(theirs.speaker_names, table, strict=True))
    fallback = table.mean(dim=0).expand(len(ours.speakers), *table.shape[1:]) if own is None else own
    return torch.stack([rows.get(speaker, fallback[index]) for index, speaker in enumerate(ours.speaker_names)])


def _say_nothing(line: str) -> None:
    """For all processes but the first."""
