"""Tests of the adversarial stage: directions of the losses, trained parameters, and a resume to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from utterances import FACTS, SMALL_SIZES, random_batch

from tts_cli.audio.mel import MelConfig
from tts_cli.corpora.manifest import CorpusSummary, Recording, SpeakerSummary, write_corpus
from tts_cli.models import acoustic, copycat, speaker, vae
from tts_cli.models.adversarial import DISCRIMINATOR, MelAdversarial, MelDiscriminators, MelModel, generator_losses, hinge_loss
from tts_cli.text.phones import SYMBOLS
from tts_cli.training import checkpoints
from tts_cli.training.recipe import parse_recipe
from tts_cli.training.start import create_model, train
from tts_cli.training.state import TrainingState
from tts_cli.training.weights import initialise

STAGE = MelAdversarial(first_step=2, trained=("decoder.head.", "text_encoder."), windows=(4, 8), channels=4)
SPEAKER = speaker.Config(channels=8, layers=1, dimensions=4)
MODELS: dict[str, Any] = {
    "explicit-duration": (acoustic, {}),
    "copycat": (copycat, {"reference_channels": 8, "reference_layers": 1, "speaker_encoder": SPEAKER}),
    "vae": (vae, {"embedding_channels": 3, "reference_channels": 8, "reference_layers": 1}),
}


def make_model(kind: str = "explicit-duration", stage: MelAdversarial | None = STAGE) -> MelModel:
    torch.manual_seed(0)
    room, sizes = MODELS[kind]
    return room.Model(room.Config(**SMALL_SIZES, **sizes, adversarial=stage), FACTS).train()


def verdict(score: float, activation: float = 1.0) -> tuple[Tensor, list[Tensor]]:
    return torch.full((2, 3), float(score)), [torch.full((2, 3), activation)]


def test_discriminators_are_right_where_recordings_score_high_and_synthesis_low() -> None:
    assert hinge_loss([verdict(2)], [verdict(-2)]) == 0
    assert hinge_loss([verdict(0)], [verdict(0)]) == 2
    assert hinge_loss([verdict(-1)], [verdict(-2)]) > hinge_loss([verdict(1)], [verdict(-2)])
    assert hinge_loss([verdict(2)], [verdict(1)]) > hinge_loss([verdict(2)], [verdict(-1)])


def test_synthesis_is_right_where_it_scores_high_and_looks_the_same_inside() -> None:
    taken, refused = generator_losses([verdict(0)], [verdict(1)]), generator_losses([verdict(0)], [verdict(-1)])
    assert taken["adversarial"] < refused["adversarial"]
    assert generator_losses([verdict(0, 2.0)], [verdict(0, 2.0)])["features"] == 0
    assert generator_losses([verdict(0, 2.0)], [verdict(0, 3.0)])["features"] == pytest.approx(0.5)


def test_discriminators_learn_to_tell_detail_from_its_absence_and_send_synthesis_towards_it() -> None:
    torch.manual_seed(0)
    discriminators = MelDiscriminators(STAGE, FACTS)
    mask, speakers = torch.ones(4, 40, 1), torch.tensor([0, 1, 0, 1])
    optimiser = torch.optim.AdamW(discriminators.parameters(), 3e-3)
    for _ in range(60):
        detailed, smooth = torch.randn(4, 40, 80) - 5, torch.full((4, 40, 80), -5.0)
        places = discriminators.places(mask[:, :, 0].sum(1))
        loss = hinge_loss(*(discriminators(mel, mask, speakers, places) for mel in (detailed, smooth)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.5
    scores = [float(discriminators(mel, mask, speakers, places)[0][0].detach().mean()) for mel in (detailed, smooth)]
    assert scores[0] > scores[1]
    smooth.requires_grad_()
    generator_losses(*(discriminators(mel, mask, speakers, places) for mel in (detailed, smooth)))["features"].backward()
    with torch.no_grad():
        nearer = smooth - 0.5 * smooth.grad / smooth.grad.norm(dim=-1, keepdim=True).clamp(min=1e-9)
        before, after = (
            generator_losses(*(discriminators(mel, mask, speakers, places) for mel in (detailed, made)))["features"]
            for made in (smooth, nearer)
        )
    assert after < before


def test_windows_lie_inside_utterances_and_see_nothing_beyond_them() -> None:
    discriminators = MelDiscriminators(STAGE, FACTS)
    mel, mask = torch.randn(3, 12, 80) - 5, torch.zeros(3, 12, 1)
    for row, length in enumerate((12, 9, 2)):
        mask[row, :length] = 1
    torch.manual_seed(1)
    places = discriminators.places(mask[:, :, 0].sum(1))
    assert [tuple(starts.shape) for starts in places] == [(3, 2), (3, 1)]
    for starts, window in zip(places, STAGE.windows, strict=True):
        assert all(0 <= int(s) <= max(0, n - window) for row, n in zip(starts, (12, 9, 2), strict=True) for s in row)
    garbage = torch.where(mask > 0, mel, 7.0)
    who = torch.tensor([0, 1, 0])
    for (score, _), (same, _) in zip(
        discriminators(mel, mask, who, places), discriminators(garbage, mask, who, places), strict=True
    ):
        torch.testing.assert_close(score, same)


def test_who_speaks_decides_too() -> None:
    discriminators = MelDiscriminators(STAGE, FACTS)
    mel, mask = torch.randn(1, 12, 80) - 5, torch.ones(1, 12, 1)
    places = discriminators.places(mask[:, :, 0].sum(1))
    one, other = (discriminators(mel, mask, torch.tensor([who]), places)[0][0] for who in (0, 1))
    assert not torch.allclose(one, other)


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_only_what_the_recipe_names_learns_and_the_discriminators_begin_alone(kind: str) -> None:
    model = make_model(kind)
    mapping = {"model": kind, "name": "x", "network": model.config.model_dump(), "batches": {}, "steps": 9}
    submodels = {submodel.name: submodel for submodel in TrainingState(model, parse_recipe(mapping, "recipe")).submodels}
    assert [model.trains_at(name, 1) for name in submodels] == [False, True]
    assert [model.trains_at(name, 2) for name in submodels] == [True, True]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for name, submodel in submodels.items():
        for other in submodels.values():
            for parameter in other.parameters.values():
                parameter.requires_grad_(other is submodel)
        losses = model.losses(random_batch(), name, 2)
        losses["loss"].backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in submodel.parameters.values()), name
        submodel.optimiser.step()
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved
    assert all(
        name.startswith((*STAGE.trained, "discriminators.", "outline.norm", "reference_encoder.summed_norm")) for name in moved
    )
    assert "decoder.head.weight" in moved
    assert any(name.startswith("discriminators.") for name in moved)


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_the_stage_adds_its_losses_and_validation_chooses_no_checkpoint_by_regression(kind: str) -> None:
    model, plain = make_model(kind), make_model(kind, stage=None)
    plain.load_state_dict(model.state_dict(), strict=False)
    batch = random_batch()
    torch.manual_seed(3)
    with_stage = model.losses(batch, "model", 2)
    torch.manual_seed(3)
    without = plain.losses(batch, "model", 2)
    expected = without["loss"] + STAGE.weight * (with_stage["adversarial"] + STAGE.feature_weight * with_stage["features"])
    torch.testing.assert_close(with_stage["loss"], expected)
    assert DISCRIMINATOR not in plain.submodels()
    with torch.no_grad():
        measured, regression = model.eval().metrics(batch), plain.eval().metrics(batch)
    assert "loss" not in measured
    assert "loss" in regression
    assert measured["detail/bands"] > 0
    assert measured["detail/frames"] > 0


def test_a_killed_stage_resumes_to_the_bit_and_gives_its_discriminators_on(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path / "corpus")
    network = {**SMALL_SIZES, "adversarial": {**STAGE.model_dump(), "first_step": 2}}
    mapping = {
        "model": "explicit-duration", "name": "x", "data": str(corpus), "network": network, "batches": {"batch_frames": 120},
        "steps": 6, "optimiser": {"schedule": "constant"},
        "optimisers": {"discriminator": {"learning_rate": 1e-3, "schedule": "constant"}}, "accelerator": "cpu",
    }  # fmt: skip
    train(parse_recipe(mapping, "recipe"), tmp_path / "whole", say=lambda _: None)
    train(parse_recipe({**mapping, "steps": 3}, "recipe"), tmp_path / "halves", say=lambda _: None)
    train(parse_recipe(mapping, "recipe"), tmp_path / "halves", say=lambda _: None)
    whole, halves = (checkpoints.read(checkpoints.newest(tmp_path / run)).tensors() for run in ("whole", "halves"))
    for part, tensors in whole.items():
        for name, value in tensors.items():
            assert torch.equal(value, halves[part][name]), f"{part}: {name}"
    assert any(name.startswith("discriminator/") for name in whole["optimiser"])
    train(parse_recipe({**mapping, "steps": 1}, "recipe"), tmp_path / "next", [tmp_path / "whole"], say=lambda _: None)
    (beginning,) = checkpoints.find(tmp_path / "next").description.begun_from
    assert (beginning["name"], beginning["kind"], beginning["step"]) == ("x", "explicit-duration", 6)
    fresh = create_model(parse_recipe(mapping, "recipe"), checkpoints.find(tmp_path / "whole").description.facts)
    initialise(fresh, "explicit-duration", [tmp_path / "whole"])
    name = "discriminators.discriminators.0.speakers.weight"
    torch.testing.assert_close(fresh.state_dict()[name], whole["average"][name])


def _corpus(folder: Path) -> Path:
    """Write a corpus of two speakers with clips of noise."""
    folder.mkdir()
    mel, rows = MelConfig(), []
    for number in range(8):
        durations = tuple(range(3, 9))
        random, num_frames = np.random.default_rng(number), sum(range(3, 9))
        frames = {name: random.random(num_frames, np.float32) for name in ("log_f0", "voicing", "energy")}
        np.savez(folder / f"{number}.npz", mel=random.standard_normal((num_frames, 80), np.float32) - 5, **frames)
        rows.append(
            Recording(
                id=str(number), audio_filepath="x.wav", text="x", normalized_text=str(number), duration=0.4,
                speaker="ab"[number % 2], corpus="noise", split="validation" if number > 5 else "train", kind="statement",
                tokens=SYMBOLS[1:7],
                durations=durations, num_frames=num_frames, features=f"{number}.npz",
            )
        )  # fmt: skip
    speakers = {name: SpeakerSummary(clips=4, seconds=1.0, mean_log_f0=5.0, std_log_f0=0.2) for name in "ab"}
    write_corpus(folder, CorpusSummary(mel=mel, mel_hash=mel.hash, symbols=SYMBOLS, speakers=speakers, versions={}), rows)
    return folder
