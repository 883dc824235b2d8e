"""Speech of a model during training: from the phones of utterances to durations, mel and F0, in one piece.

Shapes: B utterances, N tokens, T frames, C channels.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tts_cli.blocks.prosody_noise import ProsodyNoiseOptions
from tts_cli.corpora.facts import Features
from tts_cli.models.prosody_flow import FINE_STEPS, NUM_VALUES, ProsodyFlow
from tts_cli.models.tokens import padded, repeat

if TYPE_CHECKING:
    from tts_cli.models.acoustic import Model

TokenInputs = tuple[Tensor, ...]
"""Inputs of the encoders: phones (1, N, 1), token mask (1, N, 1), speaker (1, 1, 1), and further ones of a kind of model."""


def token_inputs(model: nn.Module, utterance: Features, speaker: int) -> TokenInputs:
    """Return phones, token mask and speaker of an utterance, on the device of `model`."""
    device = next(model.parameters()).device
    phones = torch.from_numpy(np.asarray(utterance["phones"], np.int64))[None, :, None].to(device)
    return phones, torch.ones(phones.shape, device=device), torch.full((1, 1, 1), speaker, device=device)


def frames_of(log_duration: Tensor, phones: Tensor, symbols: Sequence[str]) -> Tensor:
    """Round predicted durations as the runtime does: a phone lasts at least one frame.

    Args:
        log_duration: ln(1 + frames), (B, N, 1).
        phones: Ids of the tokens, (B, N, 1).
        symbols: Symbols of the model; phones are those of letters and digits.

    Returns:
        (B, N) int64.
    """
    shortest = torch.tensor([symbol.isalnum() for symbol in symbols], device=phones.device).long()
    return torch.maximum((log_duration.expm1() + 0.5).floor().long(), shortest[phones])[..., 0]


def speak(model: Model, tokens: TokenInputs, durations: NDArray[Any] | None, temperature: float | None) -> Features:
    """Speak with an explicit-duration model, as `TrainableModel.say` does.

    Args:
        model: The model, in evaluation mode.
        tokens: Inputs of its encoders.
        durations: Frames of each token, (N,); None: the predicted ones.
        temperature: As of `TrainableModel.say`.
    """
    if model.config.flow and temperature is None:
        noise = with_noise(model, tokens)[-1]
        log_duration, *prosody = cast(ProsodyFlow, model.prosody_encoder).drawn(tokens, noise, FINE_STEPS)
    else:
        log_duration, *prosody = model.prosody_encoder(*with_noise(model, tokens, temperature or 0.0))
    if durations is None:
        frames = frames_of(log_duration, tokens[0], model.facts.symbols)
    else:
        frames = torch.from_numpy(np.asarray(durations, np.int64))[None].to(tokens[0].device)
    return as_features(frames, *_decoded(model, tokens, prosody, frames))


def with_noise(model: Model, tokens: TokenInputs, temperature: float = 1.0) -> TokenInputs:
    """Return the inputs of the prosody encoder for one utterance: `tokens`, and for a flow noise (1, N, 4).

    The phones are the seed of the noise. So models say a sentence with the same noise, and their speech can be compared. Noise
    that is the same for all sentences would hide the distribution of a flow from models that learn from its speech.

    Args:
        model: The model.
        tokens: Inputs of its encoders.
        temperature: Deviation of the noise.
    """
    if not model.config.flow:
        return tokens
    phones = tokens[0].cpu().numpy()
    generator = np.random.default_rng(zlib.crc32(phones.astype(np.int64).tobytes()))
    noise = generator.standard_normal((*phones.shape[:2], NUM_VALUES), np.float32)
    return (*tokens, temperature * torch.from_numpy(noise).to(tokens[0].device))


def drawn_mel(model: Model, tokens: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Speak a batch with prosody drawn by the flow of the model, at the temperature of speech; gradients do not reach the flow.

    Args:
        model: A model with a flow of prosody.
        tokens: Inputs of its encoders without noise: phones (B, N, 1), token mask (B, N, 1), speaker (B, 1, 1), and so on.

    Returns:
        mel (B, T, bands), and mask (B, T, 1), 1 inside the utterance.
    """
    flow, was_training = model.prosody_encoder, model.prosody_encoder.training
    noise = torch.randn(*tokens[0].shape[:2], NUM_VALUES, device=tokens[0].device)
    with torch.no_grad():
        log_duration, *prosody = flow.eval()(*tokens, ProsodyNoiseOptions().temperature * noise)
    flow.train(was_training)
    durations = frames_of(log_duration, tokens[0], model.facts.symbols) * tokens[1][..., 0].long()
    mel, *_ = _decoded(model, tokens, prosody, durations)
    inside = torch.arange(mel.shape[1], device=mel.device) < durations.sum(1, keepdim=True)
    return mel, inside[..., None].float()


def _decoded(model: Model, tokens: tuple[Tensor, ...], prosody: Sequence[Tensor], durations: Tensor) -> tuple[Tensor, ...]:
    """Return mel, log_f0 and voicing of the frames for log_f0, voicing and energy (B, N, 1) and durations (B, N) of tokens."""
    repeated, position = repeat(torch.cat([model.text_encoder(*tokens), *prosody], -1), durations, int(durations.sum(1).max()))
    inputs = padded(torch.cat([repeated, position], -1), model.config.margin)
    made: tuple[Tensor, ...] = model.decoder(*inputs.split([model.config.channels, 1, 1, 1, 2], -1), tokens[2])
    return made


def as_features(durations: Tensor, mel: Tensor, log_f0: Tensor, voicing: Tensor) -> Features:
    """Return durations (1, N), mel (1, T, bands), log_f0 and voicing (1, T, 1) of one utterance without the axis of the batch."""
    named = {"mel": mel[0], "log_f0": log_f0[0, :, 0], "voicing": voicing[0, :, 0]}
    frames = {name: value.float().cpu().numpy() for name, value in named.items()}
    return {"durations": durations[0].cpu().numpy(), **frames}
