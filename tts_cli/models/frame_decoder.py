"""Decoders that make mel frames from repeated tokens: first the F0 contour, then the mel from a comb of its harmonics.

Shapes: B utterances, T frames, C channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from tts_cli.corpora.facts import CorpusFacts
from tts_cli.models.layers import ConvNeXtBlock, harmonic_comb

if TYPE_CHECKING:
    from tts_cli.models.acoustic import Config

NUM_PROSODY = 3
"""Prosody values of a frame that the decoder reads: log_f0, voicing, energy."""
LOG_F0_CENTRE = 5.0
"""Constant that is subtracted from log-F0 before a layer reads it; about 148 Hz."""
COMB_MAX_HZ = 4000.0
"""Highest frequency of the harmonic comb, in Hz."""


class FrameDecoder(nn.Module):
    """Base of decoders that make mel frames from repeated tokens, with valid convolutions: first the F0 contour, then the mel.

    Subclasses join the inputs of a frame and implement the contour; this class makes the mel.
    """

    def __init__(self, config: Config, facts: CorpusFacts, num_prosody: int) -> None:
        """Build the decoder.

        Args:
            config: Sizes.
            facts: Speakers and mel configuration of the corpus.
            num_prosody: Prosody channels of each frame, besides the text, the position in the token and the utterance mask.
        """
        super().__init__()
        self.config = config
        self.speakers = nn.Embedding(len(facts.speakers), config.channels)
        nn.init.normal_(self.speakers.weight, std=0.1)
        self.contour_input = nn.Linear(config.channels + num_prosody + 2, config.contour_channels)
        self.contour = _blocks(config.contour_channels, config.contour_layers, config)
        self.contour_head = nn.Linear(config.contour_channels, 2)
        centres = np.linspace(60, COMB_MAX_HZ, 80, dtype=np.float32)
        self.centres = nn.Buffer(torch.from_numpy(centres), persistent=False)
        self.frame_input = nn.Linear(config.channels + num_prosody + 2 + len(centres) + 2, config.channels)
        self.blocks = _blocks(config.channels, config.decoder_layers, config)
        self.norm = nn.LayerNorm(config.channels)
        self.head = nn.Linear(config.channels, facts.mel.num_bands)

    def draw(self, inputs: Tensor, log_f0: Tensor, voicing: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Make the mel of a predicted contour, and cut the contour to the same frames.

        Args:
            inputs: (B, T, C), as for `draw_mel`.
            log_f0: (B, T - 2 * contour_margin, 1), natural log of Hz.
            voicing: (B, T - 2 * contour_margin, 1), in [0, 1].
            speaker: (B, 1, 1) int64 ids.

        Returns:
            mel (B, T', bands), log_f0 and voicing (B, T', 1), with T' = T - 2 * margin.
        """
        edge = self.config.margin - self.config.contour_margin
        inner = slice(edge, log_f0.shape[1] - edge)
        return self.draw_mel(inputs, log_f0, voicing, speaker), log_f0[:, inner], voicing[:, inner]

    def draw_mel(self, inputs: Tensor, frame_log_f0: Tensor, frame_voicing: Tensor, speaker: Tensor) -> Tensor:
        """Make the mel (B, T - 2 * margin, bands), in natural log, from the inputs and an F0 contour.

        Args:
            inputs: (B, T, C), all inputs of each frame concatenated. The last channel is 1 inside the utterance, else 0.
            frame_log_f0: (B, T - 2 * contour_margin, 1), natural log of Hz, aligned with the inner frames of `inputs`.
            frame_voicing: The same shape, in [0, 1].
            speaker: (B, 1, 1) int64 ids.
        """
        edge = self.config.contour_margin
        inputs = inputs[:, edge : inputs.shape[1] - edge]
        voiced = frame_voicing * inputs[:, :, -1:]
        features = [inputs, voiced * harmonic_comb(frame_log_f0, self.centres), voiced * (frame_log_f0 - LOG_F0_CENTRE), voiced]
        hidden = self.frame_input(torch.cat(features, -1)) + self.speakers(speaker[:, :, 0])
        mel: Tensor = self.head(self.norm(self.blocks(hidden)))
        return 2.0 * mel - 5.0


class Decoder(FrameDecoder):
    """Decoder of the acoustic model: F0 contour and mel frames from repeated tokens and their prosody.

    text (B, T, channels), log_f0, voicing, energy (B, T, 1), phone_position (B, T, 2) as from `repeat`, speaker (B, 1, 1) int64
    id -> mel (B, T', bands) in natural log, log_f0 and voicing (B, T', 1) of the frames, T' = T - 2 * config.margin.
    """

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts, NUM_PROSODY)
        self.contour_speakers = nn.Embedding(len(facts.speakers), config.contour_channels)

    def forward(
        self, text: Tensor, log_f0: Tensor, voicing: Tensor, energy: Tensor, phone_position: Tensor, speaker: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        inputs = self.concatenated(text, log_f0, voicing, energy, phone_position)
        return self.draw(inputs, *self.draw_contour(inputs, log_f0, speaker), speaker)

    def concatenated(self, text: Tensor, log_f0: Tensor, voicing: Tensor, energy: Tensor, phone_position: Tensor) -> Tensor:
        """Concatenate all inputs of each frame to (B, T, C); the last channel is 1 inside the utterance, else 0."""
        inside = (phone_position[:, :, 1:] > 0).float()
        return torch.cat([text, (log_f0 - LOG_F0_CENTRE) * inside, voicing, energy, phone_position[:, :, :1], inside], -1)

    def draw_contour(self, inputs: Tensor, log_f0: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Predict log_f0 and voicing of the frames, (B, T - 2 * contour_margin, 1) each; log_f0 is `log_f0` of the token plus a
        change."""
        hidden = self.contour(self.contour_input(inputs) + self.contour_speakers(speaker[:, :, 0]))
        change, voicing = self.contour_head(hidden).split(1, -1)
        edge = self.config.contour_margin
        return log_f0[:, edge : log_f0.shape[1] - edge] + 0.2 * change, torch.sigmoid(voicing)


def _blocks(channels: int, layers: int, config: Config) -> nn.Sequential:
    return nn.Sequential(*[ConvNeXtBlock(channels, config.kernel, config.expansion) for _ in range(layers)])
