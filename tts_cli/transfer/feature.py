"""Declaration of prosody transfer as a feature: its ports of a request, its control, and its timing of frames."""

from __future__ import annotations

import numpy as np

from tts_cli.blocks.features import Feature, RequestPort, control
from tts_cli.errors import InputError
from tts_cli.ports import PortSpec, Tensors

SOURCE_MEL, SOURCE_MASK, SOURCE_PHONES, SOURCE_SPEAKER = "source_mel", "source_mask", "source_phones", "source_speaker"
STRENGTH = "strength"


def check(request: Tensors) -> None:
    """Raise InputError for a source mel that does not fit its durations, or has no speaker embedding.

    `request` holds the ports of one utterance, each of shape (1, T, C).
    """
    durations = request.get("given_durations")
    if SOURCE_MEL in request and (durations is None or request[SOURCE_MEL].shape[1] != np.nansum(durations)):
        message = "a source mel needs given_durations that sum to its frames"
        raise InputError(message, hint="give the durations of the forced alignment of the same recording")
    if (SOURCE_MEL in request) != (SOURCE_SPEAKER in request):
        raise InputError(f"{SOURCE_MEL} and {SOURCE_SPEAKER} need each other", hint="give both ports, or none of them")


FEATURE = Feature(
    "transfer",
    ports=(
        RequestPort(PortSpec(name=SOURCE_MEL, rate="source_frame", channels=0)),
        RequestPort(PortSpec(name=SOURCE_MASK, rate="source_frame"), may_be_unread=True),
        RequestPort(PortSpec(name=SOURCE_PHONES, rate="source_frame", type="int64"), may_be_unread=True),
        RequestPort(PortSpec(name=SOURCE_SPEAKER, rate="utterance", channels=0), may_be_unread=True),
        control(STRENGTH, 1.0, 0.0, 1.0),
    ),
    timing="tts_cli.transfer.timing:TransferTiming",
    check=check,
)
"""Feature of prosody transfer. The control `strength` is its degree: 0 takes prosody and durations from the model, 1 from the
recording."""
