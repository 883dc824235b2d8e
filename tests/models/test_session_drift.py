"""Drift of F0 over sessions: the prediction of prosody learns without it, the decoder with it."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from test_adversarial import make_model
from utterances import random_batch

from tts_cli.models import Batch

DRIFT = torch.tensor([0.08, -0.05])


def both() -> tuple[Batch, Batch]:
    """Return a batch with the drift in its F0, and the same batch without it."""
    recorded = random_batch()
    recorded["token_log_f0"] = (5 + 0.1 * recorded["token_log_f0"]) * recorded["token_mask"]
    moved = (recorded["token_log_f0"] - DRIFT[:, None, None]) * recorded["token_mask"]
    return recorded, {**recorded, "token_log_f0": moved, "f0_drift": DRIFT}


def measured(model: Any, batch: Batch) -> dict[str, float]:
    torch.manual_seed(2)
    return {name: float(value.detach()) for name, value in model.losses(batch, next(iter(model.submodels())), 5).items()}


@pytest.mark.parametrize("kind", ["explicit-duration", "vae"])
def test_the_frames_are_learnt_from_f0_as_it_was_recorded(kind: str) -> None:
    model = cast(Any, make_model(kind, None)).eval()
    recorded, moved = both()
    with torch.no_grad():
        inputs, log_f0 = model._decoder_inputs(moved, model.tokens(moved))
        wanted = model._decoder_inputs(recorded, model.tokens(recorded))
    torch.testing.assert_close((inputs, log_f0), wanted, atol=1e-5, rtol=1e-5)
    before, after = measured(model, recorded), measured(model, moved)
    for name in ("mel", "contour", "frame_voicing", "duration", "voicing", "energy"):
        assert after[name] == pytest.approx(before[name], abs=1e-5)
    assert after["log_f0"] != pytest.approx(before["log_f0"], abs=1e-3)


def test_the_predicted_f0_is_compared_without_the_drift() -> None:
    model = cast(Any, make_model("explicit-duration", None)).eval()
    _, moved = both()
    told = {name: moved[f"token_{name}"] for name in ("log_f0", "voicing", "energy")}
    told["log_duration"] = torch.log1p(moved["durations"].float())[..., None]
    assert float(model._prosody_losses(told, moved)["log_f0"]) == 0
