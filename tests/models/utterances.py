"""Facts of a tiny corpus, and random batches as from `AcousticBatches`, with random values in the padding of frames."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tts_cli.audio.mel import MelConfig
from tts_cli.corpora.facts import CorpusFacts, SpeakerFacts

Batch = dict[str, Tensor]

FACTS = CorpusFacts(
    mel=MelConfig(),
    symbols=("_", "^", " ", ".", "AA1", "B"),
    speakers=(
        SpeakerFacts(name="low", mean_log_f0=4.7, std_log_f0=0.15),
        SpeakerFacts(name="high", mean_log_f0=5.4, std_log_f0=0.25),
    ),
)


SMALL_SIZES: dict[str, Any] = {
    "channels": 16,
    "prosody_channels": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "contour_layers": 1,
    "contour_channels": 8,
}
"""Sizes of models that are quick to build."""


def random_batch(lengths: tuple[int, ...] = (9, 6)) -> Batch:
    """Return a batch with one utterance for each number of tokens, speakers in turn."""
    generator = torch.Generator().manual_seed(1)
    num_tokens = max(lengths)
    durations = torch.randint(0, 5, (len(lengths), num_tokens), generator=generator)
    token_mask = torch.zeros(len(lengths), num_tokens, 1)
    for row, length in enumerate(lengths):
        token_mask[row, :length] = 1
        durations[row, length:] = 0
        durations[row, 0] = 2
    num_frames = int(durations.sum(1).max())
    frame_mask = (torch.arange(num_frames) < durations.sum(1, keepdim=True)).float()[..., None]
    frames = {name: torch.rand(len(lengths), num_frames, 1, generator=generator) * frame_mask for name in ("voicing", "energy")}
    return {
        "phones": torch.randint(1, 6, (len(lengths), num_tokens), generator=generator) * token_mask[..., 0].long(),
        "durations": durations,
        "phone_mask": token_mask * (torch.arange(num_tokens) % 3 > 0).float()[:, None],
        "token_mask": token_mask,
        "frame_mask": frame_mask,
        "mel": torch.randn(len(lengths), num_frames, 80, generator=generator) - 5,
        "log_f0": torch.full((len(lengths), num_frames, 1), 5.0) * frame_mask,
        **frames,
        **{
            f"token_{name}": torch.rand(len(lengths), num_tokens, 1, generator=generator)
            for name in ("log_f0", "voicing", "energy")
        },
        "speaker": torch.arange(len(lengths)) % 2,
        "f0_drift": torch.zeros(len(lengths)),
    }


def alone(batch: Batch, row: int) -> Batch:
    """Return one utterance of a batch without its padding."""
    num_tokens, num_frames = int(batch["token_mask"][row].sum()), int(batch["frame_mask"][row].sum())
    longest = {batch["phones"].shape[1]: num_tokens, batch["mel"].shape[1]: num_frames}
    return {name: x[row : row + 1, : longest[x.shape[1]]] if x.ndim > 1 else x[row : row + 1] for name, x in batch.items()}
