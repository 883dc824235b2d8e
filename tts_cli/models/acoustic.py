"""The acoustic model of explicit duration: phones and a speaker in, mel frames out, all frames in parallel.

After FastSpeech 2 (Ren et al., 2021) and Shah et al. (2021): one encoder for the text and one for the prosody of each phone
(duration, F0, voicing, energy), repetition to frames, and a decoder of finite receptive field. The decoder first draws the F0
contour of the frames and then the mel on top of it: a comb of its harmonics tells where in each band they lie, so that the
harmonics come out sharp although the mel is learnt by regression.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.corpora.batching import AcousticBatches
from tts_cli.corpora.facts import CorpusFacts, Features
from tts_cli.models import Batch, Batches
from tts_cli.models.adversarial import MelAdversarial, MelModel
from tts_cli.models.layers import ConvNeXtBlock, harmonic_comb, weighted_mean, weighted_sum
from tts_cli.models.parts import ExportPart
from tts_cli.models.tokens import TokenEncoder, padded, repeat
from tts_cli.ports import PortSpec

PROSODY = ("log_duration", "log_f0", "voicing", "energy")
LOG_F0_CENTRE = 5.0
COMB_MAX_HZ = 4000.0


class LossWeights(StrictModel):
    """Weights of the losses of the acoustic model."""

    mel: float = 2.0
    """L1 distance of the natural-log mel."""
    contour: float = 3.0
    """L1 distance of the log-F0 of voiced frames."""
    frame_voicing: float = 0.5
    """Cross-entropy of the voicing of frames."""
    duration: float = 1.0
    """Squared distance of ln(1 + frames) of tokens."""
    log_f0: float = 3.0
    """L1 distance of the log-F0 of voiced tokens."""
    voicing: float = 0.5
    """Cross-entropy of the voicing of tokens."""
    energy: float = 0.5
    """L1 distance of the energy of tokens."""


class Config(StrictModel):
    """Sizes of the acoustic model, and the weights of its losses."""

    channels: int = 256
    """Width of the encoded text and of the decoder."""
    prosody_channels: int = 192
    encoder_layers: int = 5
    decoder_layers: int = 5
    contour_layers: int = 3
    """Layers of the decoder that draw F0 and voicing."""
    contour_channels: int = 128
    kernel: int = 7
    expansion: int = 2
    dropout: float = 0.1
    loss_weights: LossWeights = LossWeights()
    adversarial: MelAdversarial | None = None
    """The adversarial stage; None: regression alone."""

    @property
    def contour_margin(self) -> int:
        """Frames on either side that the contour reads."""
        return (self.kernel // 2) * self.contour_layers

    @property
    def margin(self) -> int:
        """Frames on either side that the whole decoder reads."""
        return self.contour_margin + (self.kernel // 2) * self.decoder_layers


class BatchConfig(StrictModel):
    """Utterances of one step."""

    batch_frames: int = 3000
    """Mel frames of a batch, padding included."""


class ProsodyEncoder(nn.Module):
    """Duration, F0, voicing and energy of each token; the inputs of `TokenEncoder` -> four tensors (B, N, 1).

    log_duration is ln(1 + frames), log_f0 the natural log of Hertz, voicing lies in [0, 1], energy is as `audio.mel.energy`.
    """

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        self.encoder = TokenEncoder(config, facts, config.prosody_channels, len(PROSODY))
        means = torch.tensor([speaker.mean_log_f0 for speaker in facts.speakers])
        self.mean_log_f0 = nn.Buffer(means[:, None])

    def forward(self, phones: Tensor, token_mask: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.values(self.encoder(phones, token_mask, speaker), speaker)

    def values(self, values: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What the encoder gave (B, N, 4), in the units of the prosody."""
        mean = self.mean_log_f0[speaker[:, :, 0]]
        log_duration, log_f0, voicing, energy = values.split(1, -1)
        return log_duration + 1.5, 0.2 * log_f0 + mean, torch.sigmoid(voicing), energy - 4.0


class FrameDecoder(nn.Module):
    """Frames from what was repeated to them, by convolutions that pad nothing: first the contour, then the mel on top of it."""

    def __init__(self, config: Config, facts: CorpusFacts, num_prosody: int) -> None:
        """`num_prosody`: values of prosody that come with each frame, beside text and place."""
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
        """Mel, log_f0 and voicing of the frames, `margin` fewer than the `inputs` on either side; arguments as of `draw_mel`."""
        edge = self.config.margin - self.config.contour_margin
        inner = slice(edge, log_f0.shape[1] - edge)
        return self.draw_mel(inputs, log_f0, voicing, speaker), log_f0[:, inner], voicing[:, inner]

    def draw_mel(self, inputs: Tensor, frame_log_f0: Tensor, frame_voicing: Tensor, speaker: Tensor) -> Tensor:
        """The mel on top of a contour that stands `contour_margin` frames after the start of `inputs`, and ends as early.

        inputs: (B, T, C), all of a frame's inputs side by side, the last of which is 1 inside the utterance.
        """
        edge = self.config.contour_margin
        inputs = inputs[:, edge : inputs.shape[1] - edge]
        voiced = frame_voicing * inputs[:, :, -1:]
        features = [inputs, voiced * harmonic_comb(frame_log_f0, self.centres), voiced * (frame_log_f0 - LOG_F0_CENTRE), voiced]
        hidden = self.frame_input(torch.cat(features, -1)) + self.speakers(speaker[:, :, 0])
        mel: Tensor = self.head(self.norm(self.blocks(hidden)))
        return 2.0 * mel - 5.0


class Decoder(FrameDecoder):
    """Frames from repeated tokens.

    text (B, T, channels), log_f0, voicing, energy (B, T, 1), phone_position (B, T, 2), speaker (B, 1, 1)
    -> mel (B, T', bands), log_f0 and voicing (B, T', 1) of the frames, T' = T - 2 * config.margin
    """

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts, len(PROSODY) - 1)
        self.contour_speakers = nn.Embedding(len(facts.speakers), config.contour_channels)

    def forward(
        self, text: Tensor, log_f0: Tensor, voicing: Tensor, energy: Tensor, phone_position: Tensor, speaker: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        inputs = self.concatenated(text, log_f0, voicing, energy, phone_position)
        return self.draw(inputs, *self.draw_contour(inputs, log_f0, speaker), speaker)

    def concatenated(self, text: Tensor, log_f0: Tensor, voicing: Tensor, energy: Tensor, phone_position: Tensor) -> Tensor:
        """All of a frame's inputs side by side; the last one tells whether the frame lies inside the utterance."""
        inside = (phone_position[:, :, 1:] > 0).float()
        return torch.cat([text, (log_f0 - LOG_F0_CENTRE) * inside, voicing, energy, phone_position[:, :, :1], inside], -1)

    def draw_contour(self, inputs: Tensor, log_f0: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """log_f0 and voicing of the frames, `contour_margin` fewer on either side."""
        hidden = self.contour(self.contour_input(inputs) + self.contour_speakers(speaker[:, :, 0]))
        change, voicing = self.contour_head(hidden).split(1, -1)
        edge = self.config.contour_margin
        return log_f0[:, edge : log_f0.shape[1] - edge] + 0.2 * change, torch.sigmoid(voicing)


def _blocks(channels: int, layers: int, config: Config) -> nn.Sequential:
    return nn.Sequential(*[ConvNeXtBlock(channels, config.kernel, config.expansion) for _ in range(layers)])


class Model(MelModel):
    """Both encoders and the decoder, taught with the true durations and prosody of the tokens and the true contour."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts)
        self.text_encoder = TokenEncoder(config, facts, config.channels, config.channels)
        self.prosody_encoder = ProsodyEncoder(config, facts)
        self.decoder = Decoder(config, facts)

    def batches(self, corpus: Any, split: str, config: Any, seed: int) -> Batches:
        return AcousticBatches(corpus, split, config.batch_frames, seed)

    def regression(self, batch: Batch, step: int) -> tuple[dict[str, Tensor], Tensor]:  # noqa: ARG002
        tokens = self.tokens(batch)
        return self.reconstruction(batch, tokens, self.prosody(tokens))

    def tokens(self, batch: Batch) -> tuple[Tensor, ...]:
        """What both encoders read."""
        return batch["phones"][..., None], batch["token_mask"], batch["speaker"][:, None, None]

    def prosody(self, tokens: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """What is predicted of `tokens`, by the names in `PROSODY`."""
        return dict(zip(PROSODY, self.prosody_encoder(*tokens), strict=True))

    def reconstruction(
        self, batch: Batch, tokens: tuple[Tensor, ...], prosody: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The losses of `prosody` and frames, `loss` their weighted sum, and the mel; `tokens` is what both encoders read."""
        parts = self._prosody_losses(prosody, batch)
        margin, contour_margin = self.config.margin, self.config.contour_margin
        speaker = batch["speaker"][:, None, None]
        inputs, log_f0 = self._decoder_inputs(batch, tokens)
        frame_log_f0, frame_voicing = self.decoder.draw_contour(inputs, log_f0, speaker)
        edge = margin - contour_margin
        true = {name: padded(batch[name], edge) for name in ("log_f0", "voicing")}
        mel = self.decoder.draw_mel(inputs, true["log_f0"], true["voicing"], speaker)
        frames = batch["frame_mask"]
        parts["contour"] = weighted_mean((frame_log_f0 - true["log_f0"]).abs(), true["voicing"])
        voicing_loss = nn.functional.binary_cross_entropy(frame_voicing, true["voicing"], reduction="none")
        parts["frame_voicing"] = weighted_mean(voicing_loss, padded(frames, edge))
        parts["mel"] = weighted_mean((mel - batch["mel"]).abs().mean(-1, keepdim=True), frames)
        return {"loss": weighted_sum(parts, self.config.loss_weights), **parts, "weight": frames.sum()}, mel

    def _prosody_losses(self, prosody: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        mask, voicing = batch["token_mask"], batch["token_voicing"]
        log_duration = torch.log1p(batch["durations"].float())[..., None]
        return {
            "duration": weighted_mean((prosody["log_duration"] - log_duration).square(), mask),
            "log_f0": weighted_mean((prosody["log_f0"] - batch["token_log_f0"]).abs(), mask * voicing),
            "voicing": weighted_mean(nn.functional.binary_cross_entropy(prosody["voicing"], voicing, reduction="none"), mask),
            "energy": weighted_mean((prosody["energy"] - batch["token_energy"]).abs(), mask),
        }

    def _decoder_inputs(self, batch: Batch, read: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """What the decoder reads, repeated to frames and padded by its margin, and the repeated log_f0."""
        text = self.text_encoder(*read)
        tokens = torch.cat([text, batch["token_log_f0"], batch["token_voicing"], batch["token_energy"]], -1)
        frames, position = repeat(tokens, batch["durations"], batch["mel"].shape[1])
        margin = self.config.margin
        frames, position = padded(frames, margin), padded(position, margin)
        channels = self.config.channels
        text, log_f0, voicing, energy = frames.split([channels, 1, 1, 1], -1)
        return self.decoder.concatenated(text, log_f0, voicing, energy, position), log_f0

    @torch.no_grad()
    def preview(self, batch: Batch) -> dict[str, NDArray[Any]]:
        one = {name: tensor[:1] for name, tensor in batch.items()}
        speaker = one["speaker"][:, None, None]
        inputs, log_f0 = self._decoder_inputs(one, self.tokens(one))
        mel = self.decoder.draw_mel(inputs, *self.decoder.draw_contour(inputs, log_f0, speaker), speaker)
        length = int(one["frame_mask"].sum())
        return {"mel/true": one["mel"][0, :length].cpu().numpy(), "mel/made": mel[0, :length].cpu().numpy()}

    def speaker_tables(self) -> tuple[str, ...]:
        return (
            "text_encoder.speakers.weight",
            "prosody_encoder.encoder.speakers.weight",
            "prosody_encoder.mean_log_f0",
            "decoder.speakers.weight",
            "decoder.contour_speakers.weight",
            *self.discriminator_tables(),
        )

    def export_parts(self) -> list[ExportPart]:
        tokens = [
            PortSpec(name="phones", rate="token", type="int64"),
            PortSpec(name="token_mask", rate="token"),
            PortSpec(name="speaker", rate="utterance", type="int64"),
        ]
        channels = self.config.channels
        prosody = [PortSpec(name=name, rate="token") for name in PROSODY]
        frames = [
            PortSpec(name="text", rate="frame", channels=channels),
            *[PortSpec(name=name, rate="frame") for name in PROSODY[1:]],
            PortSpec(name="phone_position", rate="frame", channels=2),
        ]
        outputs = [
            PortSpec(name="mel", rate="frame", channels=self.facts.mel.num_bands),
            PortSpec(name="log_f0", rate="frame"),
            PortSpec(name="voicing", rate="frame"),
        ]
        text = [PortSpec(name="text", rate="token", channels=channels)]
        return [
            ExportPart("text_encoder", "encoder", self.text_encoder, tokens, text, mask="token_mask", splittable=True),
            ExportPart("prosody_encoder", "encoder", self.prosody_encoder, tokens, prosody, mask="token_mask", splittable=True),
            ExportPart("decoder", "decoder", self.decoder, [*frames, tokens[2]], outputs, splittable=True),
        ]

    @torch.no_grad()
    def export_samples(self, utterance: Features) -> dict[str, tuple[Tensor, ...]]:
        phones = torch.from_numpy(np.asarray(utterance["phones"], np.int64))[None, :, None]
        speaker = torch.from_numpy(np.asarray(utterance["speaker"], np.int64)).reshape(1, 1, 1)
        return self.samples(utterance, (phones, torch.ones(phones.shape), speaker))

    def samples(self, utterance: Features, tokens: tuple[Tensor, ...]) -> dict[str, tuple[Tensor, ...]]:
        """Inputs of encoders and decoder, where both encoders read `tokens`, the third of which is the speaker."""
        prosody = self.prosody_encoder(*tokens)[1:]
        durations = torch.from_numpy(np.asarray(utterance["durations"], np.int64))[None]
        frames, position = repeat(torch.cat([self.text_encoder(*tokens), *prosody], -1), durations, int(durations.sum()))
        inputs = padded(torch.cat([frames, position], -1), self.config.margin)
        decoder = (*inputs.split([self.config.channels, 1, 1, 1, 2], -1), tokens[2])
        return {"text_encoder": tokens, "prosody_encoder": tokens, "decoder": decoder}
