"""Acoustic model with explicit durations: phones and a speaker to mel frames, all frames in parallel (after FastSpeech 2).

After FastSpeech 2 (Ren et al., 2021) and Shah et al. (2021): one encoder for the text, and one that predicts the prosody of each
phone (duration, F0, voicing, energy). Tokens are repeated to frames, and a convolutional decoder of finite receptive field makes
the mel. The decoder first predicts the F0 contour of the frames, and then the mel from it: its input contains a comb of the
harmonics of F0 over frequency. The harmonics are therefore sharp although the mel is learnt by regression.

A last stage may replace the prediction of prosody by a flow that draws it (`models.prosody_flow`).

Shapes: B utterances, N tokens, T frames, C channels.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.config.ranges import Count, Decay, Expansion, Few, Layers, OddKernel, Share, Weight, Width
from tts_cli.corpora.batching import AcousticBatches
from tts_cli.corpora.facts import CorpusFacts, Features
from tts_cli.corpora.prosody_batching import ProsodyBatches
from tts_cli.errors import ConfigError
from tts_cli.models import Batch, Batches
from tts_cli.models.adversarial import MelAdversarial, MelModel
from tts_cli.models.frame_decoder import Decoder
from tts_cli.models.layers import weighted_mean, weighted_sum
from tts_cli.models.parts import ExportPart
from tts_cli.models.prosody_flow import NUM_VALUES, FlowConfig, ProsodyFlow, same_noise
from tts_cli.models.saying import drawn_mel, speak, token_inputs, with_noise
from tts_cli.models.tokens import TokenEncoder, padded, repeat
from tts_cli.ports import PortSpec

PROSODY = ("log_duration", "log_f0", "voicing", "energy")
"""Names of the prosody values of each token, in the order of the outputs of `ProsodyEncoder`."""


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
    flow: FlowConfig | None = None
    """Last stage: a flow that draws the prosody of the tokens. It is trained alone, and all else stays fixed; with
    `adversarial.regression_steps`, as in a fine-tuning, all parameters learn; with `adversarial.drawn_share` alone it stays
    fixed. None: a regression predicts the prosody."""

    @model_validator(mode="after")
    def _flow_learns(self) -> Self:
        if (stage := self.adversarial) and stage.drawn_share and not self.flow:
            raise ValueError("adversarial.drawn_share is the share of speech with drawn prosody, and there is no flow")
        if self.flow and stage and not stage.regression_steps and not stage.drawn_share:
            message = "flow and adversarial are two stages of training; give one of them, or adversarial.regression_steps"
            raise ValueError(f"{message}, or adversarial.drawn_share for a stage after both")
        return self

    @property
    def flow_alone(self) -> bool:
        """Return whether the flow of prosody is all that is trained."""
        return self.flow is not None and self.adversarial is None

    @property
    def flow_learns(self) -> bool:
        """Return whether the flow of prosody learns with all other parameters."""
        return self.flow is not None and self.adversarial is not None and self.adversarial.regression_steps > 0

    @property
    def contour_margin(self) -> int:
        """Frames of context that the F0 contour needs on either side."""
        return (self.kernel // 2) * self.contour_layers

    @property
    def margin(self) -> int:
        """Frames of context that the whole decoder needs on either side."""
        return self.contour_margin + (self.kernel // 2) * self.decoder_layers


class UtteranceBatchConfig(StrictModel):
    """Size of a batch of whole utterances."""

    batch_frames: Count = 3000
    """Mel frames of a batch, padding included; a longer utterance is a batch of its own."""
    normalise_sessions: bool = False
    """Subtract the drift of level and of mean F0 over the speaker's recording sessions, which `tts prepare` measures. That of
    level leaves mel and energy; that of F0 leaves what is predicted from text. The decoder learns F0 as it was recorded."""


class BatchConfig(UtteranceBatchConfig):
    """Size of a batch of whole utterances, and choice of the utterances that a flow of prosody learns from."""

    rare_times: Few = 1
    """For `network.flow` only: times that a question, an exclamation or a line of dialogue comes in an epoch."""
    lent: Share = 0.0
    """For `network.flow` only: share of these utterances, 0 to 1, that are lent to a random speaker, with F0 in the range of that
    speaker; a quarter of this share of all other utterances."""

    @property
    def is_plain(self) -> bool:
        """Return whether every utterance comes once an epoch, with its own speaker."""
        return self.rare_times == 1 and self.lent == 0


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


class Model(MelModel):
    """Acoustic model with explicit durations (after FastSpeech 2): text encoder, prosody encoder, frame decoder.

    The decoder is trained with the true durations, prosody and F0 contour as its inputs (teacher forcing); the prosody encoder
    and the contour are trained to predict them. Text and prosody encoder map phones (B, N, 1) to (B, N, channels) and to four
    values a token; the decoder maps the repeated tokens (B, T, ...) to mel frames (B, T, bands). With `config.flow` the prosody
    encoder is a `ProsodyFlow`, the only part that is trained.
    """

    FLOW_BATCHES: ClassVar[type[ProsodyBatches]] = ProsodyBatches
    """Batches that a flow of prosody learns from."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts)
        self.text_encoder = TokenEncoder(config, facts, config.channels, config.channels)
        self.prosody_encoder = ProsodyFlow(config.flow, facts) if config.flow else ProsodyEncoder(config, facts)
        self.decoder = Decoder(config, facts)

    def submodels(self) -> dict[str, list[nn.Parameter]]:
        learning = [parameter for parameter in self.prosody_encoder.parameters() if parameter.requires_grad]
        return {"model": learning} if self.config.flow_alone else super().submodels()

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.config.flow_alone:
            # Fixed parts have no dropout, and their running statistics stay.
            for name, part in self.named_children():
                part.train(mode and name == "prosody_encoder")
        return self

    def losses(self, batch: Batch, submodel: str, step: int) -> dict[str, Tensor]:
        if not self.config.flow_alone:
            return super().losses(batch, submodel, step)
        return {"loss": self._flow.batch_loss(batch, self.flow_tokens(batch)), "weight": batch["token_mask"].sum()}

    @torch.no_grad()
    def metrics(self, batch: Batch) -> dict[str, float]:
        if not self.config.flow_alone:
            return super().metrics(batch)
        loss = self._flow.batch_loss(batch, self.flow_tokens(batch), same_noise(batch))
        return {"loss": float(loss), "weight": float(batch["token_mask"].sum())}

    @property
    def _flow(self) -> ProsodyFlow:
        return cast(ProsodyFlow, self.prosody_encoder)

    def flow_tokens(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return the inputs of the flow of prosody, without noise, for a batch of `FLOW_BATCHES`."""
        return self.tokens(batch)

    def batches(self, corpus: Any, split: str, config: Any, seed: int) -> Batches:
        if self.config.flow_alone:
            times, lent = (config.rare_times, config.lent) if split == "train" else (1, 0.0)
            return self.FLOW_BATCHES(corpus, split, config.batch_frames, seed, times, lent, config.normalise_sessions)
        if isinstance(config, BatchConfig) and not config.is_plain:
            message = "batches.rare_times and batches.lent are settings of a flow of prosody that is trained alone"
            raise ConfigError(message, hint="leave them out, or give network.flow without network.adversarial")
        return AcousticBatches(corpus, split, config.batch_frames, seed, config.normalise_sessions)

    def regression(self, batch: Batch, step: int) -> tuple[dict[str, Tensor], Tensor]:
        tokens = self.tokens(batch)
        parts, mel = self.reconstruction(batch, tokens, {} if self.config.flow else self.prosody(tokens))
        return self.with_flow(parts, batch, tokens, step), mel

    def tokens(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return the inputs of both encoders: phones (B, N, 1), token mask (B, N, 1), speaker (B, 1, 1)."""
        return batch["phones"][..., None], batch["token_mask"], batch["speaker"][:, None, None]

    def prosody(self, tokens: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """Predict the prosody of `tokens`, inputs of the encoders, by regression: (B, N, 1) tensors by the names in `PROSODY`."""
        return dict(zip(PROSODY, self.prosody_encoder(*tokens), strict=True))

    def reconstruction(
        self, batch: Batch, tokens: tuple[Tensor, ...], prosody: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Return the losses of the prosody and of the frames, and the mel.

        Args:
            batch: A batch of `AcousticBatches`.
            tokens: Inputs of the encoders, as from `tokens`.
            prosody: Predicted prosody of the tokens, as from `prosody`; a flow needs none.

        Returns:
            Scalars by name, with `loss` as their weighted sum and `weight` as the number of frames; and the mel (B, T, bands) for
            the true contour.
        """
        parts = {} if self.config.flow else self._prosody_losses(prosody, batch)
        speaker, frames = batch["speaker"][:, None, None], batch["frame_mask"]
        inputs, log_f0 = self._decoder_inputs(batch, tokens)
        frame_log_f0, frame_voicing = self.decoder.draw_contour(inputs, log_f0, speaker)
        true_log_f0, true_voicing, inside = self.true_contour(batch)
        mel = self.decoder.draw_mel(inputs, true_log_f0, true_voicing, speaker)
        parts["contour"] = weighted_mean((frame_log_f0 - true_log_f0).abs(), true_voicing)
        voicing_loss = nn.functional.binary_cross_entropy(frame_voicing, true_voicing, reduction="none")
        parts["frame_voicing"] = weighted_mean(voicing_loss, inside)
        parts["mel"] = weighted_mean((mel - batch["mel"]).abs().mean(-1, keepdim=True), frames)
        loss = weighted_sum(parts, self.config.loss_weights)
        return {"loss": loss, **parts, "weight": frames.sum()}, mel

    def with_flow(self, parts: dict[str, Tensor], batch: Batch, tokens: tuple[Tensor, ...], step: int) -> dict[str, Tensor]:
        """Return the losses `parts` with that of the flow of prosody, if it learns at `step` beside all else or is measured."""
        flow, stage = self.config.flow, self.config.adversarial
        if not flow or not stage or not self.config.flow_learns or (self.training and step >= stage.regression_steps):
            return parts
        loss = self._flow.batch_loss(batch, tokens, None if self.training else same_noise(batch))
        return {**parts, "flow": loss, "loss": parts["loss"] + flow.weight * loss}

    def true_contour(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return log_f0, voicing and mask of the frames of a batch, padded as the decoder predicts the first two."""
        edge = self.config.margin - self.config.contour_margin
        return padded(batch["log_f0"], edge), padded(batch["voicing"], edge), padded(batch["frame_mask"], edge)

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
        # The harmonics of the mel lie where F0 was, drift included.
        log_f0 = batch["token_log_f0"] + batch["f0_drift"][:, None, None] * batch["token_mask"]
        tokens = torch.cat([text, log_f0, batch["token_voicing"], batch["token_energy"]], -1)
        frames, position = repeat(tokens, batch["durations"], batch["mel"].shape[1])
        margin = self.config.margin
        frames, position = padded(frames, margin), padded(position, margin)
        channels = self.config.channels
        text, log_f0, voicing, energy = frames.split([channels, 1, 1, 1], -1)
        return self.decoder.concatenated(text, log_f0, voicing, energy, position), log_f0

    def drawn(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return drawn_mel(self, self.tokens(batch))

    @torch.no_grad()
    def preview(self, batch: Batch) -> dict[str, NDArray[Any]]:
        if self.config.flow_alone:
            return {}
        one = {name: tensor[:1] for name, tensor in batch.items()}
        speaker = one["speaker"][:, None, None]
        inputs, log_f0 = self._decoder_inputs(one, self.tokens(one))
        mel = self.decoder.draw_mel(inputs, *self.decoder.draw_contour(inputs, log_f0, speaker), speaker)
        length = int(one["frame_mask"].sum())
        return {"mel/true": one["mel"][0, :length].cpu().numpy(), "mel/made": mel[0, :length].cpu().numpy()}

    @torch.no_grad()
    def say(
        self, utterance: Features, speaker: int, durations: NDArray[Any] | None = None, temperature: float | None = None
    ) -> Features | None:
        return speak(self, token_inputs(self, utterance, speaker), durations, temperature)

    def speaker_tables(self) -> tuple[str, ...]:
        return (
            "text_encoder.speakers.weight",
            "prosody_encoder.speakers.weight" if self.config.flow else "prosody_encoder.encoder.speakers.weight",
            "prosody_encoder.mean_log_f0",
            "decoder.speakers.weight",
            "decoder.contour_speakers.weight",
            *self.discriminator_tables(),
        )

    @property
    def stack(self) -> list[dict[str, Any]]:
        """Return the stack of the addon; a flow of prosody needs noise."""
        encoders: dict[str, Any] = {"type": "Encoders"}
        if self.config.flow:
            encoders = {"type": "SequenceBlockContainer", "blocks": [{"type": "ProsodyNoise"}, encoders]}
        frames = {"type": "StreamableStack", "stack": [{"type": "Upsampler"}, {"type": "Decoder"}]}
        return [{"type": "StreamablePipeline", "sequence_block": encoders, "streamable_block": frames}]

    def export_parts(self) -> list[ExportPart]:
        tokens = [
            PortSpec(name="phones", rate="token", type="int64"),
            PortSpec(name="token_mask", rate="token"),
            PortSpec(name="speaker", rate="utterance", type="int64"),
        ]
        channels = self.config.channels
        prosody = [PortSpec(name=name, rate="token") for name in PROSODY]
        # Without the block ProsodyNoise the noise is 0, and the flow gives its most likely reading.
        port = PortSpec(name="prosody_noise", rate="token", channels=NUM_VALUES, optional=True)
        noise = [port] if self.config.flow else []
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
            ExportPart(
                "prosody_encoder",
                "encoder",
                self.prosody_encoder,
                [*tokens, *noise],
                prosody,
                mask="token_mask",
                splittable=not self.config.flow,
            ),
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
        prosody_tokens = with_noise(self, tokens)
        prosody = self.prosody_encoder(*prosody_tokens)[1:]
        durations = torch.from_numpy(np.asarray(utterance["durations"], np.int64))[None]
        frames, position = repeat(torch.cat([self.text_encoder(*tokens), *prosody], -1), durations, int(durations.sum()))
        inputs = padded(torch.cat([frames, position], -1), self.config.margin)
        decoder = (*inputs.split([self.config.channels, 1, 1, 1, 2], -1), tokens[2])
        return {"text_encoder": tokens, "prosody_encoder": prosody_tokens, "decoder": decoder}
