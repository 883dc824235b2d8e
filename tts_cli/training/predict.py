"""`tts predict-mels`: the clips of a corpus as an acoustic model draws them, for a vocoder to learn from."""

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
"""Called with how many clips are done, and how many there are."""


def predict_mels(source: Path, data: Path, progress: Progress = lambda *_: None) -> Path:
    """Predict the training and validation clips of the corpus `data` that speakers of a model say; return where they lie.

    Args:
        source: A run, a checkpoint or an addon of a model that draws mels.
        data: A prepared corpus. The mels go to its folder `predicted`, under the model's name.
        progress: Told after every batch.

    Raises:
        CheckpointError: `source` does not say how its model is built, or draws no mels.
        CorpusError: The corpus is damaged, or none of the model's speakers is in it.
        OutputError: The mels cannot be written.
    """
    model, recipe, corpus = trained_model(source, open_corpus(data))
    return predict_clips(model, recipe.name, corpus, progress)


def predict_clips(
    model: MelModel, name: str, corpus: Corpus, progress: Progress = lambda *_: None, device: str | torch.device = "cpu"
) -> Path:
    """Predict the training and validation clips of `corpus` with `model`, whose speakers they are; return where they lie.

    Args:
        name: The model's name, under which they lie in the corpus.
        device: Where the model runs.

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
    """Return the model at `source`, ready for evaluation, its recipe, and the part of `corpus` that its speakers say.

    Raises CheckpointError, CorpusError as `predict_mels`.
    """
    recipe, names = _recipe_of(source)
    own = corpus.of_speakers([name for name in names if name in corpus.speakers] or names)
    return _trained(source, recipe, own), recipe, own


def _recipe_of(source: Path) -> tuple[Recipe, list[str]]:
    """The recipe of a run, checkpoint or addon, and the names of its speakers."""
    if not (source / ADDON_FILE).exists():
        found = checkpoints.find(source)
        return found.recipe, found.description.facts.speaker_names
    config = read_addon_config(source)
    return recipe_of_addon(config, source), [speaker.name for speaker in config.speakers]


def _trained(source: Path, recipe: Recipe, corpus: Corpus) -> MelModel:
    """The model at `source`, for the speakers of `corpus`."""
    model: TrainableModel = create_model(recipe, corpus.facts)
    if not isinstance(model, MelModel):
        hint = "name one that tts train acoustic, copycat or vae made"
        raise CheckpointError(f"{source}: a model of the kind '{recipe.model}' draws no mels", hint=hint)
    initialise(model, recipe.model, [source])
    model.eval()
    return model


@torch.no_grad()
def _predicted(
    model: MelModel, batches: AcousticBatches, device: str | torch.device
) -> Iterator[tuple[list[Recording], torch.Tensor]]:
    """Recordings of a batch and their mels (B, T, bands)."""
    for recordings in batches.recordings_in_order():
        batch = {name: value.to(device) for name, value in batches.collate(recordings).items()}
        yield recordings, model.regression(batch, 0)[1].cpu()
