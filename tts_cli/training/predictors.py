"""Acoustic models in a packed vocoder training; on the other machine they predict the mels that the vocoder learns from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tts_cli.corpora.manifest import Corpus, open_corpus
from tts_cli.corpora.predicted import predicted_path
from tts_cli.errors import CheckpointError, InputError
from tts_cli.models.adversarial import MelModel
from tts_cli.training.checkpoints import Description
from tts_cli.training.portable import Limits, StateLayout, completed, fresh_description, groups, lay_out, read_state, write_state
from tts_cli.training.predict import predict_clips, trained_model
from tts_cli.training.recipe import Recipe, parse_recipe
from tts_cli.training.start import create_model

MADE = "made"
"""Marker file in a folder of predicted mels: all mels are there."""
_UNLIMITED = 1 << 40


class Predictor(NamedTuple):
    """Trained acoustic model in a pack, in half precision."""

    layout: StateLayout
    """Its averaged weights in files."""
    description: Description
    """Its recipe, corpus facts and origin."""


def find_predictors(recipe: Recipe, corpus: Corpus, sources: Sequence[Path]) -> dict[str, Predictor]:
    """Load the models that `recipe` names in batches.predicted, by name.

    Args:
        recipe: Recipe of a vocoder; other recipes need no such models.
        corpus: The prepared corpus.
        sources: Runs or addons of the models.

    Raises:
        InputError: A model is not among `sources`.
        CheckpointError: A source cannot be read.
    """
    predicted = getattr(recipe.batches, "predicted", None)
    wanted = predicted.models if predicted else ()
    found = {}
    for source in sources if wanted else ():
        model, its_recipe, _ = trained_model(source, corpus)
        weights = groups(model, {"model": {}, "average": model.state_dict(), "optimiser": {}})[:1]
        layout = lay_out(weights, Limits(1, _UNLIMITED, _UNLIMITED), only_compact=True)
        found[its_recipe.name] = Predictor(layout, fresh_description(its_recipe, model, None))
    for name in wanted:
        if name not in found:
            message = f"'{recipe.name}' learns from mels that '{name}' predicts, so the pack must include this model"
            raise InputError(message, hint="name its run by --predict-from, or --set batches.predicted=null")
    return {name: found[name] for name in wanted}


def write_predictors(folder: Path, predictors: dict[str, Predictor]) -> None:
    """Write each model to a subfolder of `folder` with its name. Raises OutputError."""
    for name, predictor in predictors.items():
        write_state(folder / name, predictor.layout, predictor.description)


def predict_on_arrival(folder: Path, corpus: Path, device: str) -> None:
    """Predict mels of the unpacked corpus with every model of a pack.

    Clips without features get an empty file, so that segments are drawn from as many clips as on the first machine.

    Args:
        folder: Folder of the models; it may be absent.
        corpus: Folder of the unpacked corpus.
        device: Device that the models run on.

    Raises:
        CheckpointError: A model is damaged.
        CorpusError: The corpus is damaged.
        OutputError: The mels cannot be written.
    """
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (corpus / "predicted" / place.name / MADE).exists():
            continue
        model, speakers = _read(place)
        own = open_corpus(corpus).of_speakers(speakers)
        there = [recording for recording in own.recordings if (corpus / recording.features).is_file()]
        made = predict_clips(model, place.name, Corpus(corpus, own.summary, there), device=device)
        for recording in own.recordings:
            path = predicted_path(own, place.name, recording)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        (made / MADE).touch()


def _read(folder: Path) -> tuple[MelModel, list[str]]:
    """Load a packed model in evaluation mode, and the names of its speakers."""
    description, found = read_state(folder)
    model = create_model(parse_recipe(description.recipe, str(folder)), description.facts)
    if not isinstance(model, MelModel):
        message = f"{folder}: a '{description.kind}' model predicts no mels"
        raise CheckpointError(message, hint="pack the training again with models of mels in batches.predicted.models")
    tensors, _ = completed(model, found, False)
    model.load_state_dict(tensors["average"])
    return model.eval(), description.facts.speaker_names
