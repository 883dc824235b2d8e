"""CopyCat: the prosody of anyone's recording, in the voice of a target speaker (Karlapati et al., 2020).

The reference encoder turns a source mel, its phones and the vector of its speaker into latents over time: few, and few a second,
so that the speaker does not fit in. The decoder makes the target's mel from them and the encoded phones. It is taught by copying
every recording onto its own speaker; what the reference encoder sees then has its frequency axis stretched or squeezed, so that
neither the pitch nor the timbre of the source can be read off and written down.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.corpora.batching import AcousticBatches
from tts_cli.models import Batch, Batches, CorpusFacts, TrainableModel, acoustic, speaker
from tts_cli.models.acoustic import TokenEncoder, repeat
from tts_cli.models.layers import ConvNeXtBlock, FrequencyWarp, masked_mean_and_deviation
from tts_cli.models.parts import ExportPart, Features
from tts_cli.ports import PortSpec


class Config(acoustic.Config):
    """Sizes of CopyCat: those of the acoustic model, and the bottleneck."""

    tau: int = 8
    """Source frames for each latent."""
    latent_channels: int = 8
    reference_channels: int = 128
    reference_layers: int = 6
    kl_weight: float = 0.003
    """Of the divergence from the prior, in nats a latent."""
    kl_warmup_steps: int = 1500
    """Steps over which that weight grows from nothing."""
    warped_share: float = 0.8
    """Of the recordings that the reference encoder sees stretched or squeezed in frequency."""
    speaker_encoder: speaker.Config = speaker.Config()


class BatchConfig(acoustic.BatchConfig):
    """Utterances of one step."""


class Posterior(NamedTuple):
    """The distribution of the latents, each (B, T / tau, latent_channels)."""

    mean: Tensor
    log_variance: Tensor

    def divergence(self) -> Tensor:
        """From the standard normal prior, in nats, of the shape of `mean`."""
        return 0.5 * (self.mean.square() + self.log_variance.exp() - 1 - self.log_variance)

    def sample(self) -> Tensor:
        """A draw from it."""
        return self.mean + torch.randn_like(self.mean) * torch.exp(0.5 * self.log_variance)


class ReferenceEncoder(nn.Module):
    """What a recording's prosody is, without who speaks.

    source_mel (B, T, bands), source_mask (B, T, 1), source_phones (B, T, 1) int64, the phone of each frame,
    source_speaker (B, 1, dimensions) -> the mean of the latents (B, ceil(T / tau), latent_channels)
    """

    DILATIONS = (1, 2, 4, 1, 2, 4, 8, 8)

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        self.tau = config.tau
        channels = config.reference_channels
        self.mel_input = nn.Linear(facts.mel.num_bands, channels)
        self.phones = nn.Embedding(len(facts.symbols), channels)
        self.speaker_input = nn.Linear(config.speaker_encoder.dimensions, channels)
        dilations = self.DILATIONS[: config.reference_layers]
        self.blocks = nn.ModuleList(ConvNeXtBlock(channels, 5, config.expansion, dilation) for dilation in dilations)
        self.whole = nn.Linear(2 * channels, channels)
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, 2 * config.latent_channels)

    def forward(self, source_mel: Tensor, source_mask: Tensor, source_phones: Tensor, source_speaker: Tensor) -> Tensor:
        return self.posterior(source_mel, source_mask, source_phones, source_speaker).mean

    def posterior(self, mel: Tensor, mask: Tensor, phones: Tensor, source_speaker: Tensor) -> Posterior:
        """The latents' distribution; inputs as of `forward`."""
        mean, deviation = masked_mean_and_deviation(mel, mask)
        hidden = self.mel_input((mel - mean) / deviation) + self.phones(phones[:, :, 0]) + self.speaker_input(source_speaker)
        for place, block in enumerate(self.blocks):
            hidden = block(nn.functional.pad(hidden * mask, (0, 0, block.before, block.after)))
            if place == len(self.blocks) // 2:
                # A melody is relative to its own level, which no finite stretch shows.
                hidden = hidden + self.whole(torch.cat(masked_mean_and_deviation(hidden, mask), -1))
        inside = self._pooled(mask)
        pooled = self._pooled(self.norm(hidden) * mask) / inside.clamp(min=1e-3)
        mean, log_variance = (self.head(pooled) * (inside > 0)).chunk(2, -1)
        return Posterior(mean, log_variance.clamp(-8, 4))

    def _pooled(self, x: Tensor) -> Tensor:
        """Means of every tau frames, the last of which may be fewer: (B, ceil(T / tau), C)."""
        padded = nn.functional.pad(x, (0, 0, 0, self.tau - 1)).transpose(1, 2)
        return nn.functional.avg_pool1d(padded, self.tau, self.tau).transpose(1, 2)


class Decoder(acoustic.Decoder):
    """Frames of the target speaker from repeated tokens and re-timed latents.

    text (B, T, channels), latents (B, T, latent_channels), phone_position (B, T, 2), speaker (B, 1, 1) int64
    -> mel (B, T', bands), log_f0 and voicing (B, T', 1) of the frames, T' = T - 2 * config.margin
    """

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts, config.latent_channels)
        means = torch.tensor([speaker.mean_log_f0 for speaker in facts.speakers])
        self.register_buffer("mean_log_f0", means[:, None])

    def forward(self, text: Tensor, latents: Tensor, phone_position: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.draw(self.beside(text, latents, phone_position), self.level(latents, speaker), speaker)

    def beside(self, text: Tensor, latents: Tensor, phone_position: Tensor) -> Tensor:
        """All of a frame's inputs; the last one tells whether the frame lies inside the utterance."""
        inside = (phone_position[:, :, 1:] > 0).float()
        return torch.cat([text, latents * inside, phone_position[:, :, :1], inside], -1)

    def level(self, latents: Tensor, speaker: Tensor) -> Tensor:
        """The speaker's mean log-F0 for every frame (B, T, 1)."""
        return self.mean_log_f0[speaker[:, :, 0]].expand(-1, latents.shape[1], -1)


class Model(TrainableModel):
    """Text, duration and reference encoders, the decoder, and a speaker encoder that is taught elsewhere and only read here."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts)
        self.speaker_encoder = speaker.SpeakerEncoder(config.speaker_encoder, facts).requires_grad_(False)
        self.text_encoder = TokenEncoder(config, facts, config.channels, config.channels)
        self.duration_encoder = TokenEncoder(config, facts, config.prosody_channels, 1)
        self.reference_encoder = ReferenceEncoder(config, facts)
        self.decoder = Decoder(config, facts)
        self.warp = FrequencyWarp(facts.mel)

    @classmethod
    def batches(cls, corpus: Any, split: str, config: Any, seed: int) -> Batches:
        return AcousticBatches(corpus, split, config.batch_frames, seed)

    def losses(self, batch: Batch, player: str, step: int) -> dict[str, Tensor]:  # noqa: ARG002
        phones, mask, target = batch["phones"][..., None], batch["token_mask"], batch["speaker"][:, None, None]
        posterior = self._posterior(batch, self._warped(batch["mel"]))
        latents = posterior.sample() if self.training else posterior.mean
        inputs, level = self._decoder_inputs(batch, self.text_encoder(phones, mask, target), latents)
        parts = self._frame_losses(batch, inputs, level, target)
        durations = torch.log1p(batch["durations"].float())[..., None]
        predicted = self.duration_encoder(phones, mask, target) + 1.5
        parts["duration"] = _mean((predicted - durations).square(), mask)
        each, counted = posterior.divergence(), self._counted(batch)
        parts["kl"] = _mean(each.sum(-1, keepdim=True), counted)
        weight = self.config.kl_weight * min(1.0, (step + 1) / self.config.kl_warmup_steps if self.training else 1.0)
        loss = 2.0 * parts["mel"] + 3.0 * parts["contour"] + 0.5 * parts["voicing"] + parts["duration"] + weight * parts["kl"]
        dimensions = (each * counted).sum((0, 1)) / counted.sum()
        shown = {f"kl/{place:02d}": value for place, value in enumerate(dimensions)}
        return {"loss": loss, **parts, **shown, "weight": batch["frame_mask"].sum()}

    def _warped(self, mel: Tensor) -> Tensor:
        """The mels as the reference encoder sees them while learning."""
        if not self.training:
            return mel
        choice = torch.randint(len(FrequencyWarp.FACTORS), (len(mel),), device=mel.device)
        is_warped = torch.rand(len(mel), device=mel.device) < self.config.warped_share
        return self.warp(mel, torch.where(is_warped, choice, FrequencyWarp.IDENTITY))

    def _posterior(self, batch: Batch, mel: Tensor) -> Posterior:
        mask = batch["frame_mask"]
        ids = batch["phones"][..., None]
        source_phones, _ = repeat(ids.float(), batch["durations"], mel.shape[1])
        with torch.no_grad():
            vector = self.speaker_encoder(mel, mask)
        return self.reference_encoder.posterior(mel, mask, source_phones.round().long(), vector)

    def _counted(self, batch: Batch) -> Tensor:
        """1 where a latent is of the recording (B, T / tau, 1)."""
        return (self.reference_encoder._pooled(batch["frame_mask"]) > 0).float()

    def _decoder_inputs(self, batch: Batch, text: Tensor, latents: Tensor) -> tuple[Tensor, Tensor]:
        """What the decoder reads, repeated to frames and padded by its margin, and the level its contour starts from."""
        num_frames, margin = batch["mel"].shape[1], self.config.margin
        frames, position = repeat(text, batch["durations"], num_frames)
        timed = latents.repeat_interleave(self.config.tau, 1)[:, :num_frames]
        padded = [nn.functional.pad(each, (0, 0, margin, margin)) for each in (frames, timed, position)]
        return self.decoder.beside(*padded), self.decoder.level(padded[1], batch["speaker"][:, None, None])

    def _frame_losses(self, batch: Batch, inputs: Tensor, level: Tensor, target: Tensor) -> dict[str, Tensor]:
        log_f0, voicing = self.decoder.draw_contour(inputs, level, target)
        edge = self.config.margin - self.config.contour_margin
        true = {name: nn.functional.pad(batch[name], (0, 0, edge, edge)) for name in ("log_f0", "voicing", "frame_mask")}
        mel = self.decoder.draw_mel(inputs, true["log_f0"], true["voicing"], target)
        voicing_loss = nn.functional.binary_cross_entropy(voicing, true["voicing"], reduction="none")
        return {
            "mel": _mean((mel - batch["mel"]).abs().mean(-1, keepdim=True), batch["frame_mask"]),
            "contour": _mean((log_f0 - true["log_f0"]).abs(), true["voicing"]),
            "voicing": _mean(voicing_loss, true["frame_mask"]),
        }

    @torch.no_grad()
    def preview(self, batch: Batch) -> dict[str, NDArray[Any]]:
        one = {name: tensor[:1] for name, tensor in batch.items()}
        target = one["speaker"][:, None, None]
        text = self.text_encoder(one["phones"][..., None], one["token_mask"], target)
        inputs, level = self._decoder_inputs(one, text, self._posterior(one, one["mel"]).mean)
        mel, *_ = self.decoder.draw(inputs, level, target)
        length = int(one["frame_mask"].sum())
        return {"mel/true": one["mel"][0, :length].cpu().numpy(), "mel/made": mel[0, :length].cpu().numpy()}

    def speaker_tables(self) -> tuple[str, ...]:
        return (
            "text_encoder.speakers.weight",
            "duration_encoder.speakers.weight",
            "decoder.mean_log_f0",
            "decoder.speakers.weight",
            "decoder.contour_speakers.weight",
        )

    def export_parts(self) -> list[ExportPart]:
        config, bands = self.config, self.facts.mel.num_bands
        phones = PortSpec(name="phones", rate="token", type="int64")
        mask, target = PortSpec(name="token_mask", rate="token"), PortSpec(name="speaker", rate="utterance", type="int64")
        tokens = [phones, mask, target]
        source_mel = PortSpec(name="source_mel", rate="source_frame", channels=bands)
        source_mask = PortSpec(name="source_mask", rate="source_frame")
        source_phones = PortSpec(name="source_phones", rate="source_frame", type="int64")
        vector = PortSpec(name="source_speaker", rate="utterance", channels=config.speaker_encoder.dimensions)
        latents = PortSpec(name="latents", rate=f"source_frame/{config.tau}", channels=config.latent_channels, default=0.0)
        text = PortSpec(name="text", rate="token", channels=config.channels)
        frames = [
            text.model_copy(update={"rate": "frame"}),
            latents.model_copy(update={"rate": "frame", "default": None}),
            PortSpec(name="phone_position", rate="frame", channels=2),
        ]
        made = [
            PortSpec(name="mel", rate="frame", channels=bands),
            PortSpec(name="log_f0", rate="frame"),
            PortSpec(name="voicing", rate="frame"),
        ]
        duration = [PortSpec(name="log_duration", rate="token")]
        encode = [source_mel, source_mask, source_phones, vector]
        return [
            ExportPart("text_encoder", "encoder", self.text_encoder, tokens, [text], mask="token_mask", splittable=True),
            ExportPart("duration_encoder", "encoder", self.duration_encoder, tokens, duration, mask="token_mask", splittable=True),
            ExportPart(
                "reference_encoder", "encoder", self.reference_encoder, encode, [latents], when="source_mel", mask="source_mask"
            ),
            ExportPart("decoder", "decoder", self.decoder, [*frames, target], made, splittable=True),
            ExportPart("speaker_encoder", "analysis", self.speaker_encoder, encode[:2], [vector], mask="source_mask"),
        ]


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp(min=1)
