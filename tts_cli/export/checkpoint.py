"""`tts export-addon`: from a checkpoint of any kind of model to its addon."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tts_cli.addon.library import list_addons
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.errors import CheckpointError, InputError, TextError
from tts_cli.export.folder import TOLERANCE, write_addon
from tts_cli.export.inventory import selection_parts
from tts_cli.export.loudness import add_loudness
from tts_cli.export.parity import Parity, Sample, round_parameters
from tts_cli.models import TrainableModel, find_kind, open_data
from tts_cli.selection.parsing import DEFAULT_LINGUISTICS
from tts_cli.training.checkpoints import Checkpoint, load_model
from tts_cli.training.weights import of_speakers

NUM_SENTENCES = 8
"""Utterances on which torch and the exported networks are compared."""

LOUDNESS_LUFS = -23.0
"""To which voices are brought: the target level of EBU R128."""
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
"""The blocks that run an addon, by its kind; a model that is run otherwise has a `stack` of its own."""


@dataclass(frozen=True)
class ExportOptions:
    """What the user says about an addon that its checkpoint does not know."""

    name: str | None = None
    """None: the name of its folder."""
    licence: str = ""
    default_vocoder: str | None = None
    model_card: Path | None = None
    """None: a card with what the checkpoint says."""
    speakers: tuple[str, ...] = ()
    """Who of those the model learnt can speak, first the one who does when nobody is named; none: all."""
    tolerance: float = TOLERANCE
    linguistics: str = DEFAULT_LINGUISTICS
    """The addon that analyses sentences for prosody selection, by name or path; a model without embeddings needs none."""


def export_addon(
    checkpoint: Path, output: Path, corpus: Path | None, options: ExportOptions, say: Callable[[str], None] = print
) -> list[Parity]:
    """Write the addon of `checkpoint` (or of a run's best one) to `output`, and say how far each output is from torch.

    That of a model with acoustic embeddings has the corpus' training utterances to select them from. Where its default vocoder is
    found, the loudness of its speakers is measured and written, too.
    `corpus` is the one whose sentences are compared; None takes that which the recipe names. `say` tells the user one line.
    Raises CheckpointError, also for a model that is only a part of others; CorpusError; InputError for unknown speakers; and what
    `selection_parts` and `write_addon` raise.
    """
    output = output.absolute()
    card = _read_card(options.model_card) if options.model_card else None
    model, source = load_model(checkpoint)
    _addon_kind(source)
    if options.speakers:
        model = of_speakers(model, options.speakers)
    data = open_data(source.description.kind, corpus or Path(source.recipe.data or ""))
    parts, samples = model.export_parts(), _samples(model, data.held_out(model.facts, NUM_SENTENCES))
    with selection_parts(model, data, options.linguistics, output.parent) as (fields, assets):
        before = model.rounding_figures(data)
        round_parameters(parts)
        after = model.rounding_figures(data)
        parities = write_addon(
            output,
            {**_description(output, model, source, options), **fields},
            parts,
            samples,
            {**model.export_assets(), **assets},
            model_card=card or model_card(output.name, source, model.facts),
            tolerance=options.tolerance,
        )
    for line in model.rounding_report(before, after):
        say(line)
    if options.default_vocoder in list_addons(output.parent):
        # A voice that cannot speak the sentences, of another language perhaps, is an addon all the same.
        with suppress(TextError):
            add_loudness(output)
    return parities


def model_card(name: str, source: Checkpoint, facts: CorpusFacts) -> str:
    """What is known from the checkpoint and of what is exported, in Markdown."""
    about = source.description
    lines = [
        f"# {name}",
        "",
        f"- model: {about.kind}, trained for {about.step} steps in {about.seconds / 3600:.1f} hours",
        f"- recipe: {source.recipe.name}, commit {about.commit or 'unknown'}",
        *(f"- trained elsewhere: {stay}" for stay in about.elsewhere),
    ]
    lines += [f"- begun from: {_told(beginning)}" for beginning in about.begun_from]
    if facts.speakers or facts.symbols:
        lines += [
            f"- speakers: {', '.join(facts.speaker_names)}",
            f"- audio: {facts.mel.sample_rate} Hz, {facts.mel.num_bands} mel bands",
        ]
    return "\n".join(lines) + "\n"


def _told(beginning: Mapping[str, Any]) -> str:
    """A model that gave first weights, and those that had given it theirs."""
    before = ", ".join(_told(each) for each in beginning.get("begun_from", ()))
    step, commit = beginning.get("step", "?"), beginning.get("commit") or "unknown"
    return f"{beginning['name']}, step {step}, commit {commit}" + (f" (begun from {before})" if before else "")


def _addon_kind(source: Checkpoint) -> str:
    kind = find_kind(source.description.kind).addon
    if kind is None:
        message = f"{source.folder}: a '{source.description.kind}' model is no addon: it is only a part of other models"
        raise CheckpointError(message, hint=f"begin their training from it: --init-from {source.folder}")
    return kind


def _read_card(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a model card: {error}") from error


def _description(output: Path, model: TrainableModel, source: Checkpoint, options: ExportOptions) -> dict[str, Any]:
    """The fields of addon.json that do not depend on its files."""
    about, facts = source.description, model.facts
    kind = _addon_kind(source)
    speaks = kind == "acoustic"
    default_speakers = options.speakers or source.recipe.speakers
    told = {"kind", "step", "recipe", "seconds", "validation", "commit", "begun_from", "elsewhere", "versions"}
    provenance = about.model_dump(mode="json", include=told)
    # Where the corpus lay is of one machine.
    provenance["recipe"].pop("data", None)
    return {
        "name": options.name or output.name,
        "kind": kind,
        "sample_rate": facts.mel.sample_rate,
        "mel": {**facts.mel.model_dump(), "hash": facts.mel.hash},
        "symbols": facts.symbols if speaks else (),
        "speakers": [{"name": s.name, "mean_log_f0": s.mean_log_f0} for s in facts.speakers] if speaks else [],
        "default_speaker": default_speakers[0] if speaks and default_speakers else None,
        "stack": getattr(model, "stack", STACKS[kind]),
        "licence": options.licence,
        "default_vocoder": options.default_vocoder,
        "provenance": provenance,
    }


def _samples(model: TrainableModel, utterances: Iterable[Any]) -> dict[str, list[Sample]]:
    """Inputs of every part, by its name."""
    samples: dict[str, list[Sample]] = {}
    with torch.no_grad():
        for utterance in utterances:
            for name, inputs in model.export_samples(utterance).items():
                samples.setdefault(name, []).append(inputs)
    return samples
