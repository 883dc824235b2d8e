"""Initial weights from addons, checkpoints and runs: parameters by name, rows of speaker tables by speaker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from torch import Tensor

from tts_cli.addon.config import ADDON_FILE, AddonConfig, read_addon_config
from tts_cli.addon.library import addons_that, find_addon, list_addons
from tts_cli.blocks.prosody_noise import ProsodyNoiseOptions, temperature_of
from tts_cli.config import suggest
from tts_cli.corpora.facts import CorpusFacts, SpeakerFacts
from tts_cli.errors import AddonError, CheckpointError, ConfigError, InputError
from tts_cli.models import TrainableModel, model_file
from tts_cli.training import checkpoints
from tts_cli.training.recipe import Recipe, parse_recipe


class PretrainedModel(NamedTuple):
    """Trained model that provides initial weights."""

    path: Path
    """Its addon, checkpoint or run."""
    kind: str
    """Its kind, a key of `tts_cli.models.KINDS`."""
    facts: CorpusFacts
    """Mel configuration, symbols and speakers that it was trained on."""
    state: Mapping[str, Tensor]
    """Its parameters and buffers, by the names of its own kind."""
    network: Mapping[str, Any]
    """The section `network` of its recipe; empty: unknown."""


NOTHING: tuple[Any, ...] = (None, "", [], ())
"""Values of a lineage that say nothing."""
PROSODY_PARTS = ("prosody_encoder", "duration_encoder")
"""Submodules that predict prosody from text; a flow of prosody has other parameters than a regression."""


def initialise(model: TrainableModel, kind: str, paths: Sequence[Path], must_speak: bool = False) -> list[str]:
    """Load initial weights from addons, checkpoints and runs into `model`.

    Parameters match by name; the last of several sources with a parameter decides. Every parameter of a source of the same kind
    must fit. A source of another kind provides the parameters that match in name (see `TrainableModel.adopted`) and shape.

    Rows of speaker tables match by speaker name. For a speaker that a source lacks, the row is the mean over the source's
    speakers; in a buffer, it is the value from the model's own corpus.

    Args:
        model: The model to initialize.
        kind: Its kind.
        paths: The sources.
        must_speak: Refuse sources that leave the prediction of prosody untrained, because the initial model is to speak.

    Returns:
        One line for the user on each source, and one if the prediction of prosody begins untrained because either the model or
        the sources have a flow of prosody.

    Raises:
        CheckpointError: Mel configurations, symbols or shapes disagree, or a source has no parameter of this model; or the
            initial model cannot speak.
    """
    lines, fresh, flows = [], set(model.state_dict()), {}
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
        flows[path] = source.network.get("flow")
    return [*lines, *_untrained(model, fresh, flows, must_speak)]


def _untrained(model: TrainableModel, fresh: set[str], flows: Mapping[Path, Any], must_speak: bool) -> list[str]:
    """Return a line for the user if the prediction of prosody begins untrained because of a flow; refuse it if `must_speak`.

    Args:
        model: The model with its initial weights.
        fresh: State names without an initial weight.
        flows: The section `network.flow` of each source.
        must_speak: The initial model is to speak.
    """
    has_flow = bool(getattr(model.config, "flow", None))
    unlike = [path for path, flow in flows.items() if bool(flow) != has_flow]
    learning = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    parts = {part: {name for name in learning if name.startswith(f"{part}.")} for part in PROSODY_PARTS}
    for part in (part for part, names in parts.items() if unlike and names and names <= fresh):
        theirs, ours = ("no flow of prosody", "one") if has_flow else ("a flow of prosody", "none")
        message = f"{unlike[-1]} has {theirs} (network.flow) and the recipe has {ours}, so {part} begins untrained"
        if must_speak:
            message += ", and the initial model cannot speak for the rehearsal"
            raise CheckpointError(message, hint=_remedy(part, flows[unlike[-1]]))
        return [message if getattr(model.config, "flow_alone", False) else f"warning: {message}"]
    return []


def _remedy(part: str, flow: Mapping[str, Any] | None) -> str:
    """Return the remedy for a rehearsal with a `part` that is untrained, for initial weights with the section `network.flow`."""
    if part == "duration_encoder":
        return "begin from a voice of the kind of the recipe"
    plain, flowing = "prosody_encoder.encoder.speakers.", "prosody_encoder.speakers."
    if not flow:
        return f"begin from a voice with a flow, or remove network.flow and in rate_factors write {plain} for {flowing}"
    sizes = {key: value for key, value in flow.items() if key != "weight"} | {"dropout": 0.0}
    section = yaml.safe_dump(sizes, default_flow_style=True, sort_keys=False, width=1000).strip()
    return f"add network.flow: {section}, and in rate_factors write {flowing} for {plain}"


def find_source(name: str) -> Path:
    """Return the folder of initial weights: an addon, checkpoint or run at the path `name`, or an addon of this name.

    Raises:
        InputError: There is none. The hint names the closest known addon.
    """
    path = Path(name)
    holds_weights = any((path / one).exists() for one in (ADDON_FILE, checkpoints.DESCRIPTION, "checkpoints"))
    if holds_weights or (path.exists() and name not in list_addons()):
        return path
    try:
        return find_addon(name)
    except AddonError as error:
        known = sorted(list_addons())
        raise InputError(f"{name}: no such addon, checkpoint or run", hint=error.hint or f"addons: {', '.join(known)}") from error


def facts_of(path: Path) -> CorpusFacts:
    """Return the facts of the model in an addon, checkpoint or run, without reading its weights. Raises CheckpointError."""
    if (path / ADDON_FILE).exists():
        return _facts_of_addon(read_addon_config(path))
    return checkpoints.find(path).description.facts


def lineage(path: Path) -> dict[str, Any]:
    """Return name, kind, step and commit of an addon, checkpoint or run, and in turn the models that it started from.

    An addon's licence, default vocoder and temperature of prosody are with it: an addon of the new weights inherits them.

    Raises:
        CheckpointError: There is no checkpoint, or it is damaged.
        AddonError: The addon is damaged.
    """
    if (path / ADDON_FILE).exists():
        config = read_addon_config(path)
        about, name = dict(config.provenance), config.name
        about |= {
            "licence": config.licence,
            "default_vocoder": config.default_vocoder,
            "temperature": temperature_of(config.stack),
        }
    else:
        description = checkpoints.find(path).description
        about, name = description.model_dump(mode="json"), str(description.recipe.get("name", path.name))
    known = {
        key: about[key]
        for key in ("kind", "step", "commit", "licence", "default_vocoder", "temperature", "elsewhere", "begun_from")
        if about.get(key) not in NOTHING
    }
    return {"name": name, **known}


def inherited(begun_from: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    """Return the values of `key` ("licence", "default_vocoder" or "temperature") in a lineage, nearest first, each once.

    The models behind a model with a value of its own do not count: its value covers them.
    """
    found: list[str] = []
    for origin in begun_from:
        found += inherited(origin.get("begun_from", ()), key) if origin.get(key) in NOTHING else [str(origin[key])]
    return list(dict.fromkeys(found))


def spoken_temperature(begun_from: Sequence[Mapping[str, Any]]) -> float:
    """Return the temperature of prosody of a voice with this lineage: that of the last addon in it, because the last of several
    sources decides; else the default of the block `ProsodyNoise`."""
    found = (one for origin in reversed(begun_from) for one in inherited([origin], "temperature"))
    return float(next(found, ProsodyNoiseOptions().temperature))


def fitting_vocoders(facts: CorpusFacts) -> list[str]:
    """Return the names of the vocoder addons that can be named and have the mel configuration of `facts`."""
    return sorted(addons_that(lambda config: config.kind == "vocoder" and config.mel.hash == facts.mel.hash))


def of_speakers(model: TrainableModel, names: Sequence[str]) -> TrainableModel:
    """Return a copy of the trained `model` with some of its speakers, in the given order.

    Args:
        model: The trained model.
        names: Names of the speakers to keep.

    Raises:
        InputError: The model has no speaker of a name.
    """
    known = {speaker.name: speaker for speaker in model.facts.speakers}
    for name in names:
        if name not in known:
            raise InputError(f"the model has no speaker '{name}'", hint=suggest(name, sorted(known)))
    facts = model.facts.model_copy(update={"speakers": tuple(known[name] for name in dict.fromkeys(names))})
    smaller = type(model)(model.config, facts)
    state = model.state_dict()
    smaller.load_state_dict(state | {table: by_speaker(state[table], model.facts, facts) for table in model.speaker_tables()})
    return smaller.train(model.training)


def by_speaker(table: Tensor, theirs: CorpusFacts, ours: CorpusFacts, own: Tensor | None = None) -> Tensor:
    """Rearrange the rows of a speaker table by speaker name.

    Args:
        table: One row for each speaker of `theirs`.
        theirs: Facts of the other model.
        ours: Facts of this model.
        own: Rows for speakers of `ours` that `theirs` lacks; None: the mean row.

    Returns:
        One row for each speaker of `ours`.
    """
    rows = dict(zip(theirs.speaker_names, table, strict=True))
    fallback = table.mean(dim=0).expand(len(ours.speakers), *table.shape[1:]) if own is None else own
    return torch.stack([rows.get(speaker, fallback[index]) for index, speaker in enumerate(ours.speaker_names)])


def _read(path: Path, model: TrainableModel, kind: str) -> PretrainedModel:
    if (path / ADDON_FILE).exists():
        return _read_addon(path, model, kind)
    checkpoint = checkpoints.find(path)
    about = checkpoint.description
    return PretrainedModel(path, about.kind, about.facts, checkpoint.read("average"), about.recipe.get("network") or {})


def _read_addon(path: Path, model: TrainableModel, kind: str) -> PretrainedModel:
    # A packed training starts from no addon and lacks the packages that read them.
    from tts_cli.models.parameters import model_state_of_addon

    config = read_addon_config(path)
    facts = _facts_of_addon(config)
    theirs = str(config.provenance.get("kind", kind))
    namer = _namer(config, path, facts, model if theirs == kind else None)
    network = dict(config.provenance.get("recipe") or {}).get("network") or {}
    return PretrainedModel(path, theirs, facts, model_state_of_addon(namer, namer.export_parts(), path), network)


def _namer(config: AddonConfig, path: Path, facts: CorpusFacts, like: TrainableModel | None) -> TrainableModel:
    """Return a model that maps the parameter names of an addon's networks to names in a model's state.

    It is a model of the addon's recipe, because models of one kind differ in their networks: with a flow of prosody and without.

    Args:
        config: The contents of its addon.json.
        path: Its folder.
        facts: Mel configuration, symbols and speakers of the addon.
        like: A model of the addon's kind, if this version cannot read the recipe; None: that is an error.
    """
    try:
        recipe = recipe_of_addon(config, path)
    except CheckpointError:
        if like is None:
            raise
        return like
    found: TrainableModel = model_file(recipe.model).Model(recipe.network, facts)
    return found


def _facts_of_addon(config: AddonConfig) -> CorpusFacts:
    speakers = tuple(SpeakerFacts(name=speaker.name, mean_log_f0=speaker.mean_log_f0) for speaker in config.speakers)
    return CorpusFacts(mel=config.mel, symbols=config.symbols, speakers=speakers, language=config.language)


def recipe_of_addon(config: AddonConfig, path: Path) -> Recipe:
    """Return the recipe of the training that made the addon in `path`. Raises CheckpointError when its provenance has none."""
    try:
        return parse_recipe(dict(config.provenance.get("recipe") or {}), str(path / ADDON_FILE))
    except ConfigError as error:
        message = f"{path}: its provenance has no recipe that this version can read: {error.message}"
        raise CheckpointError(message, hint="use the checkpoint that it was exported from") from error


def _check_facts(path: Path, theirs: CorpusFacts, ours: CorpusFacts) -> None:
    if theirs.mel.hash != ours.mel.hash:
        raise CheckpointError(
            f"{path}: trained on another mel configuration ({theirs.mel.hash}) than the corpus has ({ours.mel.hash})",
            hint="choose another source of weights, or prepare the corpus anew: tts prepare --set mel.KEY=VALUE",
        )
    if theirs.symbols and theirs.symbols != ours.symbols:
        unlike = sorted(set(theirs.symbols) ^ set(ours.symbols))
        raise CheckpointError(
            f"{path}: trained on other symbols than the corpus has: {', '.join(unlike) or 'in another order'}",
            hint="choose a source of weights that was trained on the same symbols",
        )


def _taken(source: PretrainedModel, model: TrainableModel, is_same_kind: bool) -> tuple[dict[str, Tensor], int]:
    """Return the parameters of `source` that fit `model`, and the number of those that match in name but not in shape."""
    own, buffers = model.state_dict(), dict(model.named_buffers())
    state = model.adopted(source.kind, source.state)
    named = {name: value for name, value in state.items() if name in own}
    for table in set(model.speaker_tables()) & named.keys():
        if len(named[table]) == len(source.facts.speakers):
            named[table] = by_speaker(named[table], source.facts, model.facts, buffers.get(table))
    unlike = {name: tuple(value.shape) for name, value in named.items() if value.shape != own[name].shape}
    for name, shape in unlike.items():
        if is_same_kind:
            message = f"{source.path}: '{name}' has shape {shape}, but {tuple(own[name].shape)} in the model to train"
            raise CheckpointError(message, hint="give both the same network section, or leave out --init-from for it")
    taken = {name: value for name, value in named.items() if name not in unlike}
    if not taken:
        raise CheckpointError(
            f"{source.path}: this '{source.kind}' model has no parameter that the model to train could take",
            hint="leave out --init-from for it, or name a model of the same kind",
        )
    return taken, len(unlike)
