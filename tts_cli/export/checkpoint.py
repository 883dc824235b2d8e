"""Export the checkpoint of any kind of model as an addon (`tts export-addon`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tts_cli.addon.library import list_addons
from tts_cli.blocks.prosody_noise import at_temperature
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.errors import CheckpointError, InputError
from tts_cli.export.folder import TOLERANCE, write_addon
from tts_cli.export.inventory import selection_parts
from tts_cli.export.loudness import add_loudness_if_spoken
from tts_cli.export.parity import Parity, Sample, round_parameters
from tts_cli.export.rehearsed import tell_changes
from tts_cli.models import TrainableModel, find_kind, open_data
from tts_cli.selection.parsing import DEFAULT_LINGUISTICS
from tts_cli.training.checkpoints import Checkpoint, model_of
from tts_cli.training.choice import choose
from tts_cli.training.rehearsal import with_rehearsed
from tts_cli.training.weights import fitting_vocoders, inherited, of_speakers, spoken_temperature

NUM_SENTENCES = 8
"""Utterances on which PyTorch and the exported networks are compared."""

LOUDNESS_LUFS = -23.0
"""Loudness to which the stack of a vocoder brings every speaker: the target level of EBU R128, in LUFS."""
STACKS: dict[str, list[dict[str, Any]]] = {
    "acoustic": [
        {
            "type": "StreamablePipeline",
            "sequence_block": {"type": "Encoders"},
            "streamable_block": {"type": "StreamableStack", "stack": [{"type": "Upsampler"}, {"type": "Decoder"}]},
        }
    ],
    "vocoder": [{"type": "Vocoder"}, {"type": "Gain", "target_lufs": LOUDNESS_LUFS}, {"type": "Limiter"}],
    "linguistics": [],
}
"""Default stack of an addon by its kind; a model class may have an attribute `stack` of its own."""


@dataclass(frozen=True)
class ExportOptions:
    """Settings of an addon that its checkpoint does not contain."""

    name: str | None = None
    """Name of the addon; None: the name of its folder."""
    licence: str = ""
    """Licence of the addon, for addon.json; empty: the licences of the addons that provided the initial weights."""
    default_vocoder: str | None = None
    """Name of the vocoder addon that an acoustic addon speaks with by default; None: that of the addon that provided the initial
    weights, if any."""
    model_card: Path | None = None
    """Markdown file to use as the model card; None: a card is written from the checkpoint."""
    speakers: tuple[str, ...] = ()
    """Speakers to export; the first is the default. Empty: all speakers of the model."""
    tolerance: float = TOLERANCE
    """Largest `Parity.error` that is accepted."""
    linguistics: str = DEFAULT_LINGUISTICS
    """Addon that analyzes sentences for prosody selection, by name or path; only models with prosody embeddings need one."""
    step: str | None = None
    """Checkpoint of a run: a step, "newest" or "best"; None: the best, or the newest if none was validated."""


def export_addon(
    checkpoint: Path, output: Path, corpus: Path | None, options: ExportOptions, say: Callable[[str], None] = print
) -> list[Parity]:
    """Export a checkpoint as an addon.

    The addon of a model with prosody embeddings gets an inventory of the corpus' training utterances for prosody selection. If
    its default vocoder is found beside it, the loudness of its speakers is measured and written, too.

    Args:
        checkpoint: Folder of a checkpoint, or of a run with its best one.
        output: Folder of the addon; an older addon is replaced.
        corpus: Prepared corpus (or treebank) with held-out items for the comparison; None: the recipe's.
        options: Settings of the addon.
        say: Called with one line at a time for the user.

    Returns:
        The difference of each network output from PyTorch, in each context that runs here.

    Raises:
        CheckpointError: The checkpoint is damaged, or its model is not exported by itself.
        CorpusError: The corpus cannot be read, or a speaker has no training recording in it.
        InputError: A speaker is unknown, the card cannot be read, or `output` is no addon.
        RefusedError: An output differs by more than the tolerance.
        ConfigError: A field of addon.json is wrong.
        AddonError: The stack does not fit the networks, or the linguistics addon is not found.
        OutputError: The folder cannot be written.
    """
    output = output.absolute()
    card = _read_card(options.model_card) if options.model_card else None
    source, reason = choose(checkpoint, options.step)
    kind = _addon_kind(source)
    say(f"{checkpoint}: {reason}")
    options = _with_inheritance(options, source, kind, say)
    model = model_of(source)
    if options.speakers:
        model = of_speakers(model, options.speakers)
    data = open_data(source.description.kind, corpus or Path(source.recipe.data or ""))
    default_speaker = _default_speaker(options, source, data)
    parts, samples = model.export_parts(), _samples(model, data.held_out(model.facts, NUM_SENTENCES))
    # An earlier speaker has no recordings; the rehearsed speech takes their place in the inventory.
    spoken = data if source.recipe.rehearsal is None else with_rehearsed(data, source.folder.parents[1])
    temperature = spoken_temperature(source.description.begun_from)
    with selection_parts(model, spoken, options.linguistics, output.parent) as (fields, assets):
        before = model.rounding_figures(data)
        round_parameters(parts)
        if source.recipe.rehearsal is not None:
            tell_changes(model, source.folder.parents[1], data, temperature, say)
        after = model.rounding_figures(data)
        described = {**_description(output, model, source, options), "default_speaker": default_speaker, **fields}
        parities = write_addon(
            output,
            {**described, "stack": at_temperature(described["stack"], temperature)},
            parts,
            samples,
            {**model.export_assets(), **assets},
            model_card=card or model_card(output.name, source, model.facts, options.licence),
            tolerance=options.tolerance,
            complete=add_loudness_if_spoken if options.default_vocoder in list_addons(output.parent) else bool,
        )
    for line in model.rounding_report(before, after):
        say(line)
    return parities


def _with_inheritance(options: ExportOptions, source: Checkpoint, kind: str, say: Callable[[str], None]) -> ExportOptions:
    """Complete `options` by licence and vocoder of the models that the training began from, and tell the user."""
    begun_from = source.description.begun_from
    licence = options.licence or "; ".join(inherited(begun_from, "licence"))
    if not licence:
        say("the addon names no licence; to name one: --licence TEXT")
    elif not options.licence:
        say(f"licence of the initial weights: {licence}; another one: --licence TEXT")
    vocoder = options.default_vocoder
    if kind == "acoustic" and not vocoder:
        vocoder = next(iter(inherited(begun_from, "default_vocoder")), None)
        fitting = ", ".join(fitting_vocoders(source.description.facts)) or "none installed yet"
        say(
            f"default vocoder of the initial weights: {vocoder}; another one: --default-vocoder NAME"
            if vocoder
            else "the addon names no vocoder, so it speaks only with tts synth --vocoder NAME; to name one, export again with "
            f"--default-vocoder NAME (that fit: {fitting})"
        )
    return replace(options, licence=licence, default_vocoder=vocoder)


def model_card(name: str, source: Checkpoint, facts: CorpusFacts, licence: str = "") -> str:
    """Return a model card in Markdown.

    Args:
        name: Name of the addon.
        source: The exported checkpoint.
        facts: Facts of the exported model.
        licence: Licence of the addon; empty: unknown.
    """
    about = source.description
    lines = [
        f"# {name}",
        "",
        f"- model: {about.kind}, trained for {about.step} steps in {about.seconds / 3600:.1f} hours",
        f"- recipe: {source.recipe.name}, commit {about.commit or 'unknown'}",
        f"- licence: {licence or 'not stated'}",
        *(f"- trained elsewhere: {stay}" for stay in about.elsewhere),
    ]
    lines += [f"- begun from: {_described(origin)}" for origin in about.begun_from]
    if facts.speakers or facts.symbols:
        lines += [
            f"- speakers: {', '.join(facts.speaker_names)}",
            f"- audio: {facts.mel.sample_rate} Hz, {facts.mel.num_bands} mel bands",
        ]
    return "\n".join(lines) + "\n"


def _described(origin: Mapping[str, Any]) -> str:
    """Describe a model that provided initial weights, and in turn the models that it started from."""
    before = ", ".join(_described(each) for each in origin.get("begun_from", ()))
    step, commit = origin.get("step", "?"), origin.get("commit") or "unknown"
    licence = f", licence {origin['licence']}" if origin.get("licence") else ""
    return f"{origin['name']}, step {step}, commit {commit}{licence}" + (f" (begun from {before})" if before else "")


def _addon_kind(source: Checkpoint) -> str:
    kind = find_kind(source.description.kind).addon
    if kind is None:
        message = f"{source.folder}: a '{source.description.kind}' model is not exported by itself: other models contain it"
        raise CheckpointError(message, hint=f"train a model that contains it, and export that one: --init-from {source.folder}")
    return kind


def _read_card(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = "name a readable Markdown file in UTF-8"
        raise InputError(f"{path}: cannot be read as a model card: {error}", hint=hint) from error


def _description(output: Path, model: TrainableModel, source: Checkpoint, options: ExportOptions) -> dict[str, Any]:
    """Return the fields of addon.json that do not depend on its files."""
    about, facts = source.description, model.facts
    kind = _addon_kind(source)
    speaks = kind == "acoustic"
    published = {"kind", "step", "recipe", "seconds", "validation", "commit", "begun_from", "elsewhere", "versions"}
    provenance = about.model_dump(mode="json", include=published)
    # The path of the corpus is valid on one machine only.
    provenance["recipe"].pop("data", None)
    return {
        "name": options.name or output.name,
        "kind": kind,
        "sample_rate": facts.mel.sample_rate,
        "mel": {**facts.mel.model_dump(), "hash": facts.mel.hash},
        "symbols": facts.symbols if speaks else (),
        **({"language": facts.language} if speaks else {}),
        "speakers": [{"name": s.name, "mean_log_f0": s.mean_log_f0} for s in facts.speakers] if speaks else [],
        "stack": getattr(model, "stack", STACKS[kind]),
        "licence": options.licence,
        "default_vocoder": options.default_vocoder,
        "provenance": provenance,
    }


def _default_speaker(options: ExportOptions, source: Checkpoint, data: Any) -> str | None:
    """Return the speaker for speech that names none: the first that is exported or trained; None: the first of the model."""
    if _addon_kind(source) != "acoustic":
        return None
    added = data.speakers if source.recipe.rehearsal is not None else ()
    return next(iter(options.speakers or source.recipe.speakers or added), None)


def _samples(model: TrainableModel, utterances: Iterable[Any]) -> dict[str, list[Sample]]:
    """Return the inputs of every network for all `utterances`, by the network's name."""
    samples: dict[str, list[Sample]] = {}
    with torch.no_grad():
        for utterance in utterances:
            for name, inputs in model.export_samples(utterance).items():
                samples.setdefault(name, []).append(inputs)
    return samples
