"""Acoustic model with explicit durations: phones and a speaker to mel frames, all frames in parallel (after FastSpeech 2).

After FastSpeech 2 (Ren et al., 2021) and Shah et al. (2021): one encoder for the text, and one that predicts the prosody of each
phone (duration, F0, voicing, energy). Tokens are repeated to frames, and a convolutional decoder of finite receptive field makes
the mel. The decoder first predicts the F0 contour of the frames, and then the mel from it: its input contains a comb of the
harmonics of F0 over frequency. The harmonics are therefore sharp although the mel is learnt by regression.

Shapes: B utterances, N tokens, T frames, C channels.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.config.ranges import Count, Decay, Expansion, Layers, OddKernel, Weight, Width
from tts_cli.corpora.batching import AcousticBatches
from tts_cli.corpora.facts import CorpusFacts, Features
from tts_cli.models import Batch, Batches
from tts_cli.models.adversarial import MelAdversarial, MelModel
from tts_cli.models.layers import ConvNeXtBlock, harmonic_comb, weighted_mean, weighted_sum
from tts_cli.models.parts import ExportPart
from tts_cli.models.saying import speak, token_inputs
from tts_cli.models.tokens import TokenEncoder, padded, repeat
from tts_cli.ports import PortSpec

PROSODY = ("log_duration", "log_f0", "voicing", "energy")
"""Names of the prosody values of each token, in the order of the outputs of `ProsodyEncoder`."""
LOG_F0_CENTRE = 5.0
"""Constant that is subtracted from log-F0 before a layer reads it; about 148 Hz."""
COMB_MAX_HZ = 4000.0
"""Highest frequency of the harmonic comb, in Hz."""


class LossWeights(StrictModel):
    """Weights of the losses of the acoustic model, each at least 0; the losses are means over a batch, padding excluded."""

    mel: Weight = 2.0
    """Weight of the L1 distance of the natural-log mel, mean over frames and bands."""
    contour: Weight = 3.0
    """Weight of the L1 distance of the natural log of F0, mean over voiced frames."""
    frame_voicing: Weight = 0.5
    """Weight of the binary cross-entropy of voicing, mean over frames."""
    duration: Weight = 1.0
    """Weight of the squared distance of ln(1 + duration in frames), mean over tokens."""
    log_f0: Weight = 3.0
    """Weight of the L1 distance of the natural log of F0 of tokens, mean over tokens, each weighted by its voiced share."""
    voicing: Weight = 0.5
    """Weight of the binary cross-entropy of the voiced share of tokens, mean over tokens."""
    energy: Weight = 0.5
    """Weight of the L1 distance of the energy of tokens (natural log of the mean mel magnitude), mean over tokens."""


class Config(StrictModel):
    """Sizes of the acoustic model, and the weights of its losses."""

    channels: Width = 256
    """Width of the encoded text and of the layers of the decoder."""
    prosody_channels: Width = 192
    """Width of the layers of the prosody encoder."""
    encoder_layers: Annotated[int, Field(ge=1, le=8)] = 5
    """Layers of the text encoder and of the prosody encoder, 1 to 8."""
    decoder_layers: Layers = 5
    """Layers of the decoder that make the mel, at least 1; each adds `kernel` // 2 frames of receptive field on either side."""
    contour_layers: Layers = 3
    """Layers of the decoder that predict F0 and voicing of the frames, at least 1."""
    contour_channels: Width = 128
    """Width of the layers that predict F0 and voicing of the frames."""
    kernel: OddKernel = 7
    """Width of the decoder's convolutions in frames, an odd number."""
    expansion: Expansion = 2
    """Width of the hidden layer in each ConvNeXt block, as a multiple of the block's width."""
    dropout: Decay = 0.1
    """Dropout probability after each layer of the encoders, in [0, 1)."""
    loss_weights: LossWeights = LossWeights()
    """Weights of the losses."""
    adversarial: MelAdversarial | None = None
    """Adversarial stage with discriminators of mels; None: regression losses alone."""

    @property
    def contour_margin(self) -> int:
        """Frames of context that the F0 contour needs on either side."""
        return (self.kernel // 2) * self.contour_layers

    @property
    def margin(self) -> int:
        """Frames of context that the whole decoder needs on either side."""
        return self.contour_margin + (self.kernel // 2) * self.decoder_layers


class BatchConfig(StrictModel):
    """Size of a batch of whole utterances."""

    batch_frames: Count = 3000
    """Mel frames of a batch, padding included; a longer utterance is a batch of its own."""


class ProsodyEncoder(nn.Module):
    """Predict duration, F0, voicing and energy of each token: a `TokenEncoder` with four outputs.

    phones (B, N, 1) int64 ids, token_mask (B, N, 1), speaker (B, 1, 1) int64 id -> four tensors (B, N, 1): log_duration, ln(1 +
    frames); log_f0, natural log of Hz; voicing, in [0, 1]; energy, as in `audio.mel.energy`.
    """

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        self.encoder = TokenEncoder(config, facts, config.prosody_channels, len(PROSODY))
        means = torch.tensor([speaker.mean_log_f0 for speaker in facts.speakers])
        self.mean_log_f0 = nn.Buffer(means[:, None])

    def forward(self, phones: Tensor, token_mask: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.values(self.encoder(phones, token_mask, speaker), speaker)

    def values(self, values: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Scale the encoder's outputs (B, N, 4) to the units of prosody: four tensors (B, N, 1), as `forward` returns."""
        mean = self.mean_log_f0[speaker[:, :, 0]]
        log_duration, log_f0, voicing, energy = values.split(1, -1)
        return log_duration + 1.5, 0.2 * log_f0 + mean, torch.sigmoid(voicing), energy - 4.0


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
        super().__init__(config, facts, len(PROSODY) - 1)
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


class Model(MelModel):
    """Acoustic model with explicit durations (after FastSpeech 2): text encoder, prosody encoder, frame decoder.

    The decoder is trained with the true durations, prosody and F0 contour as its inputs (teacher forcing); the prosody encoder
    and the contour are trained to predict them. Text and prosody encoder map phones (B, N, 1) to (B, N, channels) and to four
    values a token; the decoder maps the repeated tokens (B, T, ...) to mel frames (B, T, bands).
    """

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
        """Return the inputs of both encoders: phones (B, N, 1), token mask (B, N, 1), speaker (B, 1, 1)."""
        return batch["phones"][..., None], batch["token_mask"], batch["speaker"][:, None, None]

    def prosody(self, tokens: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """Predict the prosody of `tokens`, the inputs of the encoders: (B, N, 1) tensors by the names in `PROSODY`."""
        return dict(zip(PROSODY, self.prosody_encoder(*tokens), strict=True))

    def reconstruction(
        self, batch: Batch, tokens: tuple[Tensor, ...], prosody: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Return the losses of the prosody and of the frames, and the mel.

        Args:
            batch: A batch of `AcousticBatches`.
            tokens: Inputs of the encoders, as from `tokens`.
            prosody: Predicted prosody of the tokens, as from `prosody`.

        Returns:
            Scalars by name, with `loss` as their weighted sum and `weight` as the number of frames; and the mel (B, T, bands) for
            the true contour.
        """
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

    def _decoder_inputs(self, batch: Batch, encoder_inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return the decoder's inputs from true prosody, padded by its margin: (B, T + 2 * margin, C); and the repeated log_f0,
        same T."""
        text = self.text_encoder(*encoder_inputs)
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

    @torch.no_grad()
    def say(self, utterance: Features, speaker: int, durations: NDArray[Any] | None = None) -> Features | None:
        return speak(self, token_inputs(self, utterance, speaker), durations)

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
        """Return inputs of the three networks, by their names, for one utterance.

        Args:
            utterance: Features of a clip of a prepared corpus.
            tokens: Inputs of both encoders; the third is the speaker.
        """
        prosody = self.prosody_encoder(*tokens)[1:]
        durations = torch.from_numpy(np.asarray(utterance["durations"], np.int64))[None]
        frames, position = repeat(torch.cat([self.text_encoder(*tokens), *prosody], -1), durations, int(durations.sum()))
        inputs = padded(torch.cat([frames, position], -1), self.config.margin)
        decoder = (*inputs.split([self.config.channels, 1, 1, 1, 2], -1), tokens[2])
        return {"text_encoder": tokens, "prosody_encoder": tokens, "decoder": decoder}
