"""Predict the mels of a corpus with an acoustic model (`tts predict-mels`), as training data for a vocoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from tts_cli.addon.config import ADDON_FILE, read_addon_config
from tts_cli.corpora.batching import AcousticBatches
from tts_cli.corpora.manifest import Corpus, Recording, open_corpus
from tts_cli.corpora.predicted import write_predicted
from tts_cli.errors import CheckpointError
from tts_cli.models import TrainableModel
from tts_cli.models.adversarial import MelModel
from tts_cli.training import checkpoints
from tts_cli.training.recipe import Recipe
from tts_cli.training.start import create_model
from tts_cli.training.weights import initialise, recipe_of_addon

BATCH_FRAMES = 4000
"""Mel frames of a batch, padding included."""
Progress = Callable[[int, int], None]
"""Called with the number of finished clips and the number of all clips."""


def predict_mels(source: Path, data: Path, progress: Progress = lambda *_: None) -> Path:
    """Predict the mels of training and validation clips by the speakers of an acoustic model; return the folder of the mels.

    Args:
        source: A run, a checkpoint or an addon of an acoustic model.
        data: A prepared corpus. The mels are written to its folder `predicted`, under the model's name.
        progress: Called after every batch.

    Raises:
        CheckpointError: `source` has no recipe, or its model makes no mels.
        CorpusError: The corpus is damaged, or has none of the model's speakers.
        OutputError: The mels cannot be written.
    """
    model, recipe, corpus = trained_model(source, open_corpus(data))
    return predict_clips(model, recipe.name, corpus, progress)


def predict_clips(
    model: MelModel, name: str, corpus: Corpus, progress: Progress = lambda *_: None, device: str | torch.device = "cpu"
) -> Path:
    """Predict the mels of all training and validation clips of a corpus; return the folder of the mels.

    Args:
        model: An acoustic model of the corpus' speakers.
        name: Name of the model; it names the folder of the mels in the corpus.
        corpus: A prepared corpus.
        progress: Called after every batch.
        device: Device that the model runs on.

    Raises:
        CorpusError: The corpus is damaged.
        OutputError: The mels cannot be written.
    """
    splits = {recording.split for recording in corpus.recordings} & {"train", "validation"}
    batches = [AcousticBatches(corpus, split, BATCH_FRAMES) for split in sorted(splits)]
    total, done = sum(len(each.recordings) for each in batches), 0
    for each in batches:
        for recordings, mels in _predicted(model.to(device), each, device):
            for recording, mel in zip(recordings, mels, strict=True):
                write_predicted(corpus, name, recording, mel[: recording.num_frames].numpy())
            done += len(recordings)
            progress(done, total)
    return corpus.folder / "predicted" / name


def trained_model(source: Path, corpus: Corpus) -> tuple[MelModel, Recipe, Corpus]:
    """Load the acoustic model at `source` in evaluation mode.

    Args:
        source: A run, a checkpoint or an addon.
        corpus: A prepared corpus.

    Returns:
        The model, its recipe, and the part of `corpus` by the model's speakers.

    Raises:
        CheckpointError: `source` has no recipe, or its model makes no mels.
        CorpusError: The corpus has none of the model's speakers.
    """
    recipe, names = _recipe_of(source)
    own = corpus.of_speakers([name for name in names if name in corpus.speakers] or names)
    return _trained(source, recipe, own), recipe, own


def _recipe_of(source: Path) -> tuple[Recipe, list[str]]:
    """Return the recipe of a run, checkpoint or addon, and the names of its speakers."""
    if not (source / ADDON_FILE).exists():
        found = checkpoints.find(source)
        return found.recipe, found.description.facts.speaker_names
    config = read_addon_config(source)
    return recipe_of_addon(config, source), [speaker.name for speaker in config.speakers]


def _trained(source: Path, recipe: Recipe, corpus: Corpus) -> MelModel:
    """Load the model at `source` for the speakers of `corpus`."""
    model: TrainableModel = create_model(recipe, corpus.facts)
    if not isinstance(model, MelModel):
        hint = "name a model that was trained by tts train acoustic, copycat or vae"
        raise CheckpointError(f"{source}: a '{recipe.model}' model makes no mels from text", hint=hint)
    initialise(model, recipe.model, [source])
    model.eval()
    return model


@torch.no_grad()
def _predicted(
    model: MelModel, batches: AcousticBatches, device: str | torch.device
) -> Iterator[tuple[list[Recording], torch.Tensor]]:
    """Yield the recordings of each batch and their mels (B, T, bands)."""
    for recordings in batches.recordings_in_order():
        batch = {name: value.to(device) for name, value in batches.collate(recordings).items()}
        yield recordings, model.regression(batch, 0)[1].cpu()
