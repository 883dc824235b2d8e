"""Predicted mels: written next to the features of a corpus, and read by vocoder batches."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tts_cli.corpora.batching import AcousticBatches, Predicted, SegmentBatches
from tts_cli.corpora.manifest import Corpus, open_corpus
from tts_cli.corpora.predicted import PredictedMels, predicted_path, write_predicted
from tts_cli.errors import CheckpointError, CorpusError
from tts_cli.models import TrainableModel
from tts_cli.training import checkpoints
from tts_cli.training.predict import predict_mels
from tts_cli.training.recipe import parse_recipe
from tts_cli.training.start import create_model
from tts_cli.training.state import TrainingState

NETWORK = {"channels": 8, "prosody_channels": 8, "encoder_layers": 1, "decoder_layers": 1, "contour_layers": 1}


@pytest.fixture(name="corpus")
def _corpus(prepared: Corpus, tmp_path: Path) -> Corpus:
    """Copy the prepared corpus, for tests that write into it."""
    return open_corpus(Path(shutil.copytree(prepared.folder, tmp_path / "corpus")))


def _untrained(kind: str, corpus: Corpus, run: Path, network: dict) -> TrainableModel:
    mapping = {"model": kind, "name": "voice", "network": network, "batches": {}, "steps": 1}
    recipe = parse_recipe(mapping, "recipe")
    model = create_model(recipe, corpus.facts)
    description = checkpoints.Description(
        kind=kind, step=0, recipe=recipe.model_dump(mode="json"), facts=model.facts, random={}, seconds=0.0, versions={}
    )
    checkpoints.save(run, TrainingState(model, recipe).tensors(), description)
    return model


def test_a_model_predicts_the_clips_of_its_speakers_but_those_for_testing(corpus: Corpus, tmp_path: Path) -> None:
    of_two = corpus.of_speakers(["anna", "carl"])
    model = _untrained("explicit-duration", of_two, tmp_path / "run", NETWORK).eval()
    done: list[tuple[int, int]] = []
    folder = predict_mels(tmp_path / "run", corpus.folder, lambda *counts: done.append(counts))
    assert folder == corpus.folder / "predicted" / "voice"
    assert {r.id for r in corpus.recordings if predicted_path(corpus, "voice", r).is_file()} == {r.id for r in of_two.recordings}
    assert done[-1] == (45, 45)
    recording = of_two.of_split("train")[3]
    with torch.no_grad():
        _, mel = model.regression(AcousticBatches(of_two, "train", 4000).collate([recording]), 0)
    kept = np.load(predicted_path(corpus, "voice", recording)).astype(np.float32)
    np.testing.assert_allclose(kept, mel[0].numpy(), atol=0.01)


def test_models_without_mels_are_refused(corpus: Corpus, tmp_path: Path) -> None:
    _untrained("vocoder", corpus, tmp_path / "run", {"channels": 8, "layers": 1, "pitch_channels": 8, "pitch_layers": 1})
    with pytest.raises(CheckpointError, match="'vocoder' draws no mels"):
        predict_mels(tmp_path / "run", corpus.folder)


def test_segments_take_their_share_of_predicted_mels_with_the_recordings_audio(corpus: Corpus) -> None:
    for recording in corpus.of_split("train")[:30]:
        write_predicted(corpus, "voice", recording, np.full((recording.num_frames, 80), 1.0, np.float32))
    batches = SegmentBatches(corpus, "train", 40, 16, (3, 2), predicted=Predicted(models=("voice",), share=0.5))
    batch = batches.batch(7)
    assert all(torch.equal(value, batches.batch(7)[name]) for name, value in batch.items())
    predicted = (batch["mel"] == 1.0).any(-1).any(-1)
    assert 8 < int(predicted.sum()) < 32
    recorded = {corpus.load(r)["audio"].tobytes() for r in corpus.of_split("train")}
    for audio in batch["audio"][predicted][:5]:
        samples = (audio.numpy() * 32768).round().astype(np.int16)[:400].tobytes()
        assert any(samples in clip for clip in recorded)


def test_missing_and_stale_predictions_are_refused_with_the_remedy(corpus: Corpus) -> None:
    recordings = corpus.of_split("train")
    with pytest.raises(CorpusError, match="no predicted mels") as caught:
        PredictedMels(corpus, ["absent"], recordings)
    assert caught.value.hint is not None
    assert "tts predict-mels" in caught.value.hint
    write_predicted(corpus, "voice", recordings[0], np.zeros((recordings[0].num_frames + 1, 80), np.float32))
    with pytest.raises(CorpusError, match="its shape is not"):
        PredictedMels(corpus, ["voice"], recordings).load(0)
