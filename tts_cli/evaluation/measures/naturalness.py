"""Naturalness: DistillMOS predicts the mean opinion score of listeners. It is an instrument and never a loss."""

from __future__ import annotations

import contextlib
import io
from functools import lru_cache
from typing import Any

import numpy as np

from tts_cli.addon.library import check_sha256
from tts_cli.audio.files import resample
from tts_cli.audio.mel import Floats
from tts_cli.errors import AudioError
from tts_cli.evaluation.extra import package_folder, require

PACKAGE = "distillmos==0.9.1"
WEIGHTS_SHA256 = "b18b3ac60227267cfb91e5d00ce22cc7b73716fd92f269484da1446e27031a40"
_SAMPLE_RATE = 16000


def naturalness(audio: Floats, sample_rate: int) -> float:
    """Predict the mean opinion score of `audio` (samples,), 1 to 5, by DistillMOS (Stahl and Gamper 2025).

    The model hears 16 kHz and takes the peak to 1; a clip longer than 7.68 s is heard in stretches of that length, whose scores
    are averaged. Compare scores of equal bandwidth only.

    Raises:
        AudioError: for silence and for a clip without samples.
        InputError: where the evaluation extra is missing, and for weights with another SHA-256.
    """
    if not np.any(audio):
        raise AudioError("there is no speech in silence")
    torch = require("torch")
    heard = torch.from_numpy(np.ascontiguousarray(resample(audio, sample_rate, _SAMPLE_RATE), np.float32))
    with torch.no_grad():
        return float(_predictor()(heard[None]))


@lru_cache(maxsize=1)
def _predictor() -> Any:
    check_sha256(package_folder("distillmos") / "weights" / "distill_mos_v7.pt", WEIGHTS_SHA256, PACKAGE)
    # It prints the place of its weights on standard output, where `--json` allows nothing else.
    with contextlib.redirect_stdout(io.StringIO()):
        return require("distillmos").ConvTransformerSQAModel().eval()
