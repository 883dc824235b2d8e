"""`tts export-addon`: from a checkpoint and its corpus to an addon that opens, and back into training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tts_cli.addon import open_addon
from tts_cli.audio.mel import MelConfig
from tts_cli.corpora.manifest import CorpusSummary, Recording, SpeakerSummary, open_corpus, write_corpus
from tts_cli.errors import CorpusError, InputError
from tts_cli.export.checkpoint import ExportOptions, export_addon, held_out_utterances
from tts_cli.models import find_kind
from tts_cli.text.phones import SYMBOLS
from tts_cli.training import checkpoints
from tts_cli.training.recipe import Recipe, parse_recipe
from tts_cli.training.start import corpus_facts, create_model
from tts_cli.training.state import TrainingState
from tts_cli.training.weights import initialise

NETWORKS = {
    "explicit-duration": {"channels": 8, "prosody_channels": 8, "encoder_layers": 1, "decoder_layers": 1, "contour_layers": 1},
    "vocoder": {"channels": 8, "layers": 1, "pitch_channels": 8, "pitch_layers": 1, "pitch_bins": 8},
}
SPLITS = ("train", "test", "train", "validation")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two speakers with four clips of noise each."""
    folder = tmp_path_factory.mktemp("corpus")
    mel = MelConfig()
    recordings = [_recording(folder, speaker, number, split) for speaker in "ab" for number, split in enumerate(SPLITS)]
    speakers = {name: SpeakerSummary(clips=4, seconds=1.0, mean_log_f0=5.0, std_log_f0=0.2) for name in "ab"}
    write_corpus(folder, CorpusSummary(mel=mel, mel_hash=mel.hash, symbols=SYMBOLS, speakers=speakers, versions={}), recordings)
    return folder


def _recording(folder: Path, speaker: str, number: int, split: str) -> Recording:
    tokens = SYMBOLS[1 : 6 + number]
    durations = tuple(range(2, 2 + len(tokens)))
    num_frames = sum(durations)
    random = np.random.default_rng(number)
    frames = {name: random.standard_normal(num_frames, np.float32) for name in ("log_f0", "voicing", "energy")}
    mel = random.standard_normal((num_frames, 80), np.float32)
    name = f"{speaker}{number}"
    np.savez(folder / f"{name}.npz", mel=mel, audio=np.zeros(num_frames * 200, np.int16), **frames)
    return Recording(
        id=name, audio_filepath=f"{name}.wav", text=name, normalized_text=name, duration=num_frames / 80, speaker=speaker,
        corpus="noise", split=split, kind="statement", tokens=tokens, durations=durations, num_frames=num_frames,
        features=f"{name}.npz",
    )  # fmt: skip


def _checkpoint(kind: str, corpus: Path, run: Path) -> tuple[Recipe, Path]:
    """An untrained checkpoint."""
    mapping = {"model": kind, "name": "noise", "data": str(corpus), "network": NETWORKS[kind], "batches": {}, "steps": 1}
    recipe = parse_recipe(mapping, "recipe")
    model = create_model(recipe, corpus_facts(open_corpus(corpus)))
    description = checkpoints.Description(
        kind=kind, step=0, recipe=recipe.model_dump(mode="json"), facts=model.facts, random={}, seconds=0.0, versions={}
    )
    return recipe, checkpoints.save(run, TrainingState(model, recipe).tensors(), description)


@pytest.mark.parametrize("kind", sorted(NETWORKS))
def test_checkpoint_becomes_an_addon_and_an_addon_new_weights(kind: str, corpus: Path, tmp_path: Path) -> None:
    recipe, checkpoint = _checkpoint(kind, corpus, tmp_path / "run")
    options = ExportOptions(licence="CC0-1.0", tolerance=1e-4)
    parities = export_addon(tmp_path / "run", tmp_path / "noise", None, options)
    assert parities
    assert max(parity.error for parity in parities) < 1e-4
    addon = open_addon(tmp_path / "noise")
    assert (addon.config.kind, addon.config.licence) == (find_kind(kind).group, "CC0-1.0")
    assert addon.config.provenance["kind"] == kind
    assert [speaker.name for speaker in addon.config.speakers] == (["a", "b"] if addon.config.kind == "acoustic" else [])
    assert "noise" in (tmp_path / "noise" / "MODEL_CARD.md").read_text()
    fresh = create_model(recipe.model_copy(update={"seed": 1}), corpus_facts(open_corpus(corpus)))
    assert " 0 fresh" in initialise(fresh, kind, [tmp_path / "noise"])[0]
    for name, value in checkpoints.read(checkpoint).read("average").items():
        assert torch.allclose(fresh.state_dict()[name], value, rtol=1e-3, atol=1e-6), name


def test_sentences_are_held_out_ones_of_every_speaker_first(corpus: Path) -> None:
    facts = corpus_facts(open_corpus(corpus))
    chosen = [(int(u["speaker"]), len(u["phones"])) for u in held_out_utterances(corpus, facts, 6)]
    assert chosen == [(0, 6), (1, 6), (0, 8), (1, 8), (0, 5), (1, 5)]


def test_what_is_missing_is_named(corpus: Path, tmp_path: Path) -> None:
    _checkpoint("vocoder", corpus, tmp_path / "run")
    with pytest.raises(CorpusError, match="not a prepared corpus"):
        export_addon(tmp_path / "run", tmp_path / "noise", tmp_path, ExportOptions())
    with pytest.raises(InputError, match="cannot be read as a model card"):
        export_addon(tmp_path / "run", tmp_path / "noise", corpus, ExportOptions(model_card=tmp_path / "card.md"))
    assert not (tmp_path / "noise").exists()


def test_exporting_a_voice_measures_its_speakers_where_its_vocoder_is_found(corpus: Path, tmp_path: Path) -> None:
    for name, kind in (("noise-vocoder", "vocoder"), ("noise", "explicit-duration")):
        _checkpoint(kind, corpus, tmp_path / kind)
        options = ExportOptions(default_vocoder="noise-vocoder" if name == "noise" else None)
        export_addon(tmp_path / kind, tmp_path / "addons" / name, None, options)
    assert all(-70 < (speaker.loudness_lufs or 0) < 0 for speaker in open_addon(tmp_path / "addons" / "noise").config.speakers)
