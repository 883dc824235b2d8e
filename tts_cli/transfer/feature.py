"""Declaration of prosody transfer: the ports it fills, and how they are timed."""

from __future__ import annotations

import numpy as np

from tts_cli.blocks.features import Feature, RequestPort, control
from tts_cli.errors import InputError
from tts_cli.ports import PortSpec, Tensors

SOURCE_MEL, SOURCE_MASK, SOURCE_PHONES, SOURCE_SPEAKER = "source_mel", "source_mask", "source_phones", "source_speaker"
STRENGTH = "strength"


def check(request: Tensors) -> None:
    """Raise InputError for a recording that does not fit its durations, or lacks the vector of its speaker."""
    durations = request.get("given_durations")
    if SOURCE_MEL in request and (durations is None or request[SOURCE_MEL].shape[1] != np.nansum(durations)):
        raise InputError("a source mel needs given_durations that sum to its frames")
    if (SOURCE_MEL in request) != (SOURCE_SPEAKER in request):
        raise InputError("a source mel and the vector of its speaker need each other")


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
"""`strength` is the degree of a transfer: 0 leaves prosody and durations to the model, 1 takes them from the recording."""
