"""Weights of other models for a fresh one: of addons, checkpoints and runs, by name; and rows of speakers, by theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tts_cli.addon.config import ADDON_FILE, AddonConfig, read_addon_config
from tts_cli.config import suggest
from tts_cli.corpora.facts import CorpusFacts, SpeakerFacts
from tts_cli.errors import CheckpointError, ConfigError, InputError
from tts_cli.models import TrainableModel, model_file
from tts_cli.training import checkpoints
from tts_cli.training.recipe import Recipe, parse_recipe


class PretrainedModel(NamedTuple):
    """A model that was trained before."""

    path: Path
    kind: str
    facts: CorpusFacts
    state: Mapping[str, Tensor]
    """Its parameters and buffers, by the names its own kind gives them."""


def initialise(model: TrainableModel, kind: str, paths: Sequence[Path]) -> list[str]:
    """Give `model`, of this `kind`, the weights of addons, checkpoints and runs; what was done, a line for each.

    Parameters go by their names; where several sources have one, the last of them gives it. A source of the same kind has to fit;
    one of another kind gives what has a name (see `TrainableModel.adopted`) and the shape of something here.
    Rows of speaker tables follow the speakers' names. A speaker that a source lacks starts from the mean of its speakers; in a
    buffer, from what the model's own corpus says.
    Raises CheckpointError when mel configurations, symbols or shapes disagree, or when a source has nothing for this model.
    """
    lines, fresh = [], set(model.state_dict())
    for path in paths:
        source = _read(path, model, kind)
        _check_facts(path, source.facts, model.facts)
        taken, num_unlike = _taken(source, model, source.kind == kind)
        model.load_state_dict(taken, strict=False)
        fresh -= taken.keys()
        unused = f"{len(source.state) - len(taken)} unused" + (f" ({num_unlike} of another shape)" if num_unlike else "")
        added = sorted(set(model.facts.speaker_names) - set(source.facts.speaker_names))
        speakers = f"new speakers: {', '.join(added) or 'none'}"
        lines.append(f"weights of {path}: {len(taken)} taken, {len(fresh)} fresh, {unused}; {speakers}")
    return lines


def lineage(path: Path) -> dict[str, Any]:
    """Return what an addon, checkpoint or run says of its training: name, kind, step, commit, and what it had begun from."""
    if (path / ADDON_FILE).exists():
        config = read_addon_config(path)
        about, name = dict(config.provenance), config.name
    else:
        description = checkpoints.find(path).description
        about, name = description.model_dump(mode="json"), str(description.recipe.get("name", path.name))
    known = {key: about[key] for key in ("kind", "step", "commit", "elsewhere", "begun_from") if about.get(key)}
    return {"name": name, **known}


def of_speakers(model: TrainableModel, names: Sequence[str]) -> TrainableModel:
    """The trained `model` as if it knew only these of its speakers, in this order. Raises InputError for one it does not know."""
    known = {speaker.name: speaker for speaker in model.facts.speakers}
    for name in names:
        if name not in known:
            raise InputError(f"the model knows no speaker '{name}'", hint=suggest(name, sorted(known)))
    facts = model.facts.model_copy(update={"speakers": tuple(known[name] for name in dict.fromkeys(names))})
    smaller = type(model)(model.config, facts)
    state = model.state_dict()
    smaller.load_state_dict(state | {table: by_speaker(state[table], model.facts, facts) for table in model.speaker_tables()})
    return smaller.train(model.training)


def by_speaker(table: Tensor, theirs: CorpusFacts, ours: CorpusFacts, own: Tensor | None = None) -> Tensor:
    """`table` (their speakers, ...) rearranged by name to (our speakers, ...); new rows are of `own`, or the mean without it."""
    rows = dict(zip(theirs.speaker_names, table, strict=True))
    fallback = table.mean(dim=0).expand(len(ours.speakers), *table.shape[1:]) if own is None else own
    return torch.stack([rows.get(speaker, fallback[index]) for index, speaker in enumerate(ours.speaker_names)])


def _read(path: Path, model: TrainableModel, kind: str) -> PretrainedModel:
    if (path / ADDON_FILE).exists():
        return _read_addon(path, model, kind)
    checkpoint = checkpoints.find(path)
    about = checkpoint.description
    return PretrainedModel(path, about.kind, about.facts, checkpoint.read("average"))


def _read_addon(path: Path, model: TrainableModel, kind: str) -> PretrainedModel:
    # A packed training, which begins from no addon, lacks what reads them.
    from tts_cli.models.parameters import model_state_of_addon

    config = read_addon_config(path)
    speakers = tuple(SpeakerFacts(name=speaker.name, mean_log_f0=speaker.mean_log_f0) for speaker in config.speakers)
    facts = CorpusFacts(mel=config.mel, symbols=config.symbols, speakers=speakers)
    theirs = str(config.provenance.get("kind", kind))
    # The networks say which of their own parameters each holds; which of the model's those are, its module says.
    namer = model
    if theirs != kind:
        recipe = recipe_of_addon(config, path)
        namer = model_file(recipe.model).Model(recipe.network, facts)
    return PretrainedModel(path, theirs, facts, model_state_of_addon(namer, namer.export_parts(), path))


def recipe_of_addon(config: AddonConfig, path: Path) -> Recipe:
    """Return the recipe that made the addon in `path`. Raises CheckpointError when its provenance has none."""
    try:
        return parse_recipe(dict(config.provenance.get("recipe") or {}), str(path / ADDON_FILE))
    except ConfigError as error:
        raise CheckpointError(f"{path}: its provenance does not say how its model is built: {error.message}") from error


def _check_facts(path: Path, theirs: CorpusFacts, ours: CorpusFacts) -> None:
    if theirs.mel.hash != ours.mel.hash:
        raise CheckpointError(f"{path}: another mel configuration ({theirs.mel.hash}, the corpus has {ours.mel.hash})")
    if theirs.symbols and theirs.symbols != ours.symbols:
        unlike = sorted(set(theirs.symbols) ^ set(ours.symbols))
        raise CheckpointError(f"{path}: other symbols than the corpus: {', '.join(unlike) or 'in another order'}")


def _taken(source: PretrainedModel, model: TrainableModel, is_same_kind: bool) -> tuple[dict[str, Tensor], int]:
    """What `source` gives to `model`, and how many parameters have a name but not the shape of something there."""
    own, buffers = model.state_dict(), dict(model.named_buffers())
    state = source.state if is_same_kind else model.adopted(source.kind, source.state)
    named = {name: value for name, value in state.items() if name in own}
    for table in set(model.speaker_tables()) & named.keys():
        if len(named[table]) == len(source.facts.speakers):
            named[table] = by_speaker(named[table], source.facts, model.facts, buffers.get(table))
    unlike = {name: tuple(value.shape) for name, value in named.items() if value.shape != own[name].shape}
    for name, shape in unlike.items():
        if is_same_kind:
            raise CheckpointError(f"{source.path}: '{name}' has shape {shape}, this network's is {tuple(own[name].shape)}")
    taken = {name: value for name, value in named.items() if name not in unlike}
    if not taken:
        raise CheckpointError(f"{source.path}: none of the parameters of this '{source.kind}' model are of this network")
    return taken, len(unlike)
