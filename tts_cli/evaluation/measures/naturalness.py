"""Naturalness: mean opinion score predicted by DistillMOS. It is never used as a training loss."""

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
    """Predict the mean opinion score of `audio` (samples,), 1 to 5, with DistillMOS (Stahl and Gamper 2025).

    The model gets the audio at 16 kHz with its peak scaled to 1. It splits a clip longer than 7.68 s into segments of that length
    and averages their scores. Compare only scores of audio with equal bandwidth.

    Args:
        audio: samples (samples,).
        sample_rate: sample rate in Hertz.

    Raises:
        AudioError: if the audio is silent or empty.
        InputError: if the extra `eval` is not installed, or the model weights have an unexpected SHA-256.
    """
    if not np.any(audio):
        raise AudioError("the audio is silent: its naturalness cannot be predicted")
    torch = require("torch")
    heard = torch.from_numpy(np.ascontiguousarray(resample(audio, sample_rate, _SAMPLE_RATE), np.float32))
    with torch.no_grad():
        return float(_predictor()(heard[None]))


@lru_cache(maxsize=1)
def _predictor() -> Any:
    check_sha256(package_folder("distillmos") / "weights" / "distill_mos_v7.pt", WEIGHTS_SHA256, PACKAGE)
    # DistillMOS prints the path of its weights, and `--json` allows only JSON on standard output.
    with contextlib.redirect_stdout(io.StringIO()):
        return require("distillmos").ConvTransformerSQAModel().eval()
