"""CopyCat: the prosody of anyone's recording, in the voice of a target speaker (Karlapati et al., 2020).

The reference encoder turns a source mel, its phones and the vector of its speaker into latents over time, which have the same
mean and deviation for everybody: few, and few a second, so that the speaker does not fit in. The decoder makes the target's mel
from them and the encoded phones; its melody knows of the target only the mean and spread of F0. It is taught by copying every
recording onto its own speaker. What the reference encoder sees then has its frequency axis stretched or squeezed and noise in it,
and an adversary that tries to tell the speaker from the latents is worked against.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.corpora.batching import AcousticBatches
from tts_cli.corpora.facts import CorpusFacts, Features
from tts_cli.models import Batch, Batches, acoustic, speaker
from tts_cli.models.acoustic import PROSODY, FrameDecoder, PhoneEncoder, TokenEncoder, padded, repeat
from tts_cli.models.adversarial import MelModel
from tts_cli.models.layers import (
    ConvNeXtBlocks,
    FrequencyWarp,
    Posterior,
    masked_mean_and_deviation,
    reversed_gradient,
    weighted_mean,
    weighted_sum,
)
from tts_cli.models.parts import ExportPart
from tts_cli.ports import PortSpec

NARROWEST_SPREAD = 0.3
"""An utterance's melody is spread to its speaker's, unless its own spread is less than this share of it."""
NOISE_LEVELS = (-6.0, -1.0)
"""Of the noise in the recordings that the reference encoder learns from: natural log, against their mean."""


class LossWeights(StrictModel):
    """Weights of the losses of CopyCat, beside those of the bottleneck."""

    mel: float = 2.0
    """L1 distance of the natural-log mel."""
    contour: float = 1.0
    """L1 distance of the log-F0 of voiced frames, in deviations of the speaker's."""
    voicing: float = 0.5
    """Cross-entropy of the voicing of frames."""
    duration: float = 1.0
    """Squared distance of ln(1 + frames) of tokens."""


class Config(acoustic.Config):
    """Sizes of CopyCat: those of the acoustic model, and the bottleneck."""

    loss_weights: LossWeights = LossWeights()  # type: ignore[assignment]
    tau: int = 8
    """Source frames for each latent."""
    latent_channels: int = 4
    reference_channels: int = 128
    reference_layers: int = 6
    kl_weight: float = 0.01
    """Of the divergence from the prior, in nats a latent."""
    kl_warmup_steps: int = 1000
    """Steps over which that weight, and the adversary's, grow from nothing."""
    adversary_weight: float = 0.1
    """Of working against the adversary that tells speakers by their latents."""
    warped_share: float = 0.8
    """Of the recordings that the reference encoder sees stretched or squeezed in frequency."""
    noisy_share: float = 0.4
    """Of those it sees with stationary noise."""
    prior_share: float = 0.1
    """Of the utterances that the decoder has to make from the prior mean."""
    speaker_encoder: speaker.Config = speaker.Config()


class BatchConfig(acoustic.BatchConfig):
    """Utterances of one step."""


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
        self.blocks = ConvNeXtBlocks(channels, 5, config.expansion, dilations)
        self.whole = nn.Linear(2 * channels, channels)
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, 2 * config.latent_channels)

    def forward(self, source_mel: Tensor, source_mask: Tensor, source_phones: Tensor, source_speaker: Tensor) -> Tensor:
        return self.posterior(source_mel, source_mask, source_phones, source_speaker).mean

    def posterior(self, mel: Tensor, mask: Tensor, phones: Tensor, source_speaker: Tensor) -> Posterior:
        """The latents' distribution, (B, ceil(T / tau), latent_channels); inputs as of `forward`.

        Its mean has mean 0 and deviation 1 over an utterance, channel by channel: what is constant is of speaker or room.
        """
        mean, deviation = masked_mean_and_deviation(mel, mask)
        hidden = self.mel_input((mel - mean) / deviation) + self.phones(phones[:, :, 0]) + self.speaker_input(source_speaker)
        for place, block in enumerate(self.blocks):
            hidden = block.same_length(hidden, mask)
            if place == len(self.blocks) // 2:
                # A melody is relative to its own level, which no finite stretch shows.
                hidden = hidden + self.whole(torch.cat(masked_mean_and_deviation(hidden, mask), -1))
        share = self.pooled(mask)
        counted = (share > 0).to(mel.dtype)
        mean, log_variance = self.head(self.pooled(self.norm(hidden) * mask) / share.clamp(min=1e-3)).chunk(2, -1)
        centre, spread = masked_mean_and_deviation(mean, counted)
        return Posterior((mean - centre) / spread * counted, log_variance.clamp(-8, 4) * counted)

    def pooled(self, x: Tensor) -> Tensor:
        """Means of every tau frames, with zeros where the last of them are missing: (B, T, C) -> (B, ceil(T / tau), C)."""
        padded = nn.functional.pad(x, (0, 0, 0, self.tau - 1)).transpose(1, 2)
        return nn.functional.avg_pool1d(padded, self.tau, self.tau).transpose(1, 2)


class LatentAdversary(nn.Module):
    """Whose latents these are: latents (B, L, latent_channels), mask (B, L, 1) -> a score for every speaker (B, speakers)."""

    CHANNELS = 64

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        self.input = nn.Linear(config.latent_channels, self.CHANNELS)
        self.blocks = ConvNeXtBlocks(self.CHANNELS, 5, config.expansion, (1, 1))
        self.output = nn.Linear(2 * self.CHANNELS, len(facts.speakers))

    def forward(self, latents: Tensor, mask: Tensor) -> Tensor:
        hidden = self.input(latents)
        for block in self.blocks:
            hidden = block.same_length(hidden, mask)
        scores: Tensor = self.output(torch.cat(masked_mean_and_deviation(hidden, mask), -1))
        return scores[:, 0]


class Decoder(FrameDecoder):
    """Frames of the target speaker from repeated tokens and re-timed latents.

    text (B, T, channels), latents (B, T, latent_channels), phone_position (B, T, 2), speaker (B, 1, 1) int64
    -> mel (B, T', bands), log_f0 and voicing (B, T', 1) of the frames, T' = T - 2 * config.margin
    """

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts, config.latent_channels)
        self.mean_log_f0 = nn.Buffer(torch.tensor([[speaker.mean_log_f0] for speaker in facts.speakers]))
        self.std_log_f0 = nn.Buffer(torch.tensor([[speaker.std_log_f0] for speaker in facts.speakers]))

    def forward(self, text: Tensor, latents: Tensor, phone_position: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inputs = self.concatenated(text, latents, phone_position)
        return self.draw(inputs, *self.draw_contour(inputs, speaker), speaker)

    def concatenated(self, text: Tensor, latents: Tensor, phone_position: Tensor) -> Tensor:
        """All of a frame's inputs; the last one tells whether the frame lies inside the utterance."""
        inside = (phone_position[:, :, 1:] > 0).to(text.dtype)
        return torch.cat([text, latents * inside, phone_position[:, :, :1], inside], -1)

    def draw_contour(self, inputs: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """log_f0 and voicing of the frames, `contour_margin` fewer on either side."""
        melody, voicing = self.contour_head(self.contour(self.contour_input(inputs))).split(1, -1)
        mean, spread = self.range_of(speaker)
        return mean + spread * melody, torch.sigmoid(voicing)

    def range_of(self, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the log-F0 of speakers (B, 1, 1): two of (B, 1, 1)."""
        return self.mean_log_f0[speaker[:, :, 0]], self.std_log_f0[speaker[:, :, 0]]


class DurationEncoder(nn.Module):
    """How long the target speaker makes each token; the inputs of `TokenEncoder` -> ln(1 + frames) (B, N, 1)."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        self.encoder = TokenEncoder(config, facts, config.prosody_channels, 1)

    def forward(self, phones: Tensor, token_mask: Tensor, speaker: Tensor) -> Tensor:
        log_duration: Tensor = self.encoder(phones, token_mask, speaker)
        return log_duration + 1.5


class Model(MelModel):
    """Text, duration and reference encoders, the decoder, and a speaker encoder that is taught elsewhere and only read here."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts)
        self.speaker_encoder = speaker.SpeakerEncoder(config.speaker_encoder, facts).requires_grad_(False)
        self.text_encoder = PhoneEncoder(config, facts, config.channels, config.channels)
        self.duration_encoder = DurationEncoder(config, facts)
        self.reference_encoder = ReferenceEncoder(config, facts)
        self.adversary = LatentAdversary(config, facts)
        self.decoder = Decoder(config, facts)
        self.warp = FrequencyWarp(facts.mel)

    def batches(self, corpus: Any, split: str, config: Any, seed: int) -> Batches:
        return AcousticBatches(corpus, split, config.batch_frames, seed)

    def regression(self, batch: Batch, step: int) -> tuple[dict[str, Tensor], Tensor]:
        phones, mask, target = batch["phones"][..., None], batch["token_mask"], batch["speaker"][:, None, None]
        grown = min(1.0, (step + 1) / self.config.kl_warmup_steps) if self.training else 1.0
        posterior = self._posterior(batch, self._as_heard(batch["mel"], batch["frame_mask"]))
        counted = (self.reference_encoder.pooled(batch["frame_mask"]) > 0).float()
        latents = posterior.sample() if self.training else posterior.mean
        parts, mel = self._frame_losses(
            batch, self._decoder_inputs(batch, self.text_encoder(phones, mask), self._kept(latents)), target
        )
        durations = torch.log1p(batch["durations"].float())[..., None]
        parts["duration"] = weighted_mean((self.duration_encoder(phones, mask, target) - durations).square(), mask)
        loss = weighted_sum(parts, self.config.loss_weights)
        each = posterior.divergence()
        parts["kl"] = weighted_mean(each.sum(-1, keepdim=True), counted)
        loss = loss + self.config.kl_weight * grown * parts["kl"]
        if self.training:
            scores = self.adversary(reversed_gradient(latents, grown), counted)
            parts["adversary"] = nn.functional.cross_entropy(scores, batch["speaker"])
            loss = loss + self.config.adversary_weight * parts["adversary"]
        kept = {f"kl/{place:02d}": weighted_mean(each[..., place : place + 1], counted) for place in range(each.shape[-1])}
        return {"loss": loss, **parts, **kept, "weight": batch["frame_mask"].sum()}, mel

    def _as_heard(self, mel: Tensor, mask: Tensor) -> Tensor:
        """The mels as the reference encoder gets them: while learning, of other voices in noisier rooms."""
        if not self.training:
            return mel
        choice = torch.randint(len(FrequencyWarp.FACTORS), (len(mel),), device=mel.device)
        warped = self.warp(mel, torch.where(self._drawn(mel, self.config.warped_share), choice, FrequencyWarp.IDENTITY))
        mean, _ = masked_mean_and_deviation(warped, mask)
        level = torch.empty(len(mel), 1, 1, device=mel.device).uniform_(*NOISE_LEVELS)
        noise = mean.mean(-1, keepdim=True) + level + 0.3 * torch.randn_like(warped)
        is_noisy = self._drawn(mel, self.config.noisy_share)[:, None, None]
        return torch.where(is_noisy, torch.logaddexp(warped, noise), warped)

    def _kept(self, latents: Tensor) -> Tensor:
        """The latents, some utterances' at the prior mean while learning."""
        if not self.training:
            return latents
        return torch.where(self._drawn(latents, self.config.prior_share)[:, None, None], 0.0, latents)

    def _drawn(self, items: Tensor, share: float) -> Tensor:
        """Whether an item of the batch is among a random `share` of them: (B,) bool."""
        return torch.rand(len(items), device=items.device) < share

    def _posterior(self, batch: Batch, mel: Tensor) -> Posterior:
        mask = batch["frame_mask"]
        source_phones, _ = repeat(batch["phones"][..., None], batch["durations"], mel.shape[1])
        with torch.no_grad():
            vector = self.speaker_encoder(mel, mask)
        return self.reference_encoder.posterior(mel, mask, source_phones.long(), vector)

    def _decoder_inputs(self, batch: Batch, text: Tensor, latents: Tensor) -> Tensor:
        """What the decoder reads, repeated to frames and padded by its margin."""
        num_frames = batch["mel"].shape[1]
        frames, position = repeat(text, batch["durations"], num_frames)
        timed = latents.repeat_interleave(self.config.tau, 1)[:, :num_frames]
        return self.decoder.concatenated(*(padded(each, self.config.margin) for each in (frames, timed, position)))

    def _frame_losses(self, batch: Batch, inputs: Tensor, target: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The losses of the frames, and their mel."""
        log_f0, voicing = self.decoder.draw_contour(inputs, target)
        edge = self.config.margin - self.config.contour_margin
        true = {name: padded(batch[name], edge) for name in ("log_f0", "voicing", "frame_mask")}
        mel = self.decoder.draw_mel(inputs, true["log_f0"], true["voicing"], target)
        _, spread = self.decoder.range_of(target)
        melody = self._melody(true["log_f0"], true["voicing"], target)
        voicing_loss = nn.functional.binary_cross_entropy(voicing, true["voicing"], reduction="none")
        losses = {
            "mel": weighted_mean((mel - batch["mel"]).abs().mean(-1, keepdim=True), batch["frame_mask"]),
            "contour": weighted_mean((log_f0 - melody).abs() / spread, true["voicing"]),
            "voicing": weighted_mean(voicing_loss, true["frame_mask"]),
        }
        return losses, mel

    def _melody(self, log_f0: Tensor, voicing: Tensor, target: Tensor) -> Tensor:
        """The true contour with its speaker's mean and spread for its own: all that normalised latents can tell."""
        mean, spread = self.decoder.range_of(target)
        own_mean, own_spread = masked_mean_and_deviation(log_f0, voicing)
        return mean + spread * (log_f0 - own_mean) / torch.maximum(own_spread, NARROWEST_SPREAD * spread)

    @torch.no_grad()
    def metrics(self, batch: Batch) -> dict[str, float]:
        """Beside the losses, the correlation of the contour with the recordings', the mean over utterances."""
        inputs = self._decoder_inputs(batch, *self._encoded(batch))
        log_f0, _ = self.decoder.draw_contour(inputs, batch["speaker"][:, None, None])
        edge = self.config.margin - self.config.contour_margin
        log_f0, voicing = log_f0[:, edge : log_f0.shape[1] - edge], batch["voicing"]
        scores = [masked_mean_and_deviation(x, voicing) for x in (log_f0, batch["log_f0"])]
        product = (log_f0 - scores[0][0]) * (batch["log_f0"] - scores[1][0])
        covariance, _ = masked_mean_and_deviation(product, voicing)
        correlation = covariance / (scores[0][1] * scores[1][1])
        return {**super().metrics(batch), "f0_correlation": float(correlation.mean())}

    def _encoded(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Encoded text and the latents' means."""
        text = self.text_encoder(batch["phones"][..., None], batch["token_mask"])
        return text, self._posterior(batch, batch["mel"]).mean

    @torch.no_grad()
    def preview(self, batch: Batch) -> dict[str, NDArray[Any]]:
        one = {name: tensor[:1] for name, tensor in batch.items()}
        inputs, target = self._decoder_inputs(one, *self._encoded(one)), one["speaker"][:, None, None]
        mel, *_ = self.decoder.draw(inputs, *self.decoder.draw_contour(inputs, target), target)
        length = int(one["frame_mask"].sum())
        return {"mel/true": one["mel"][0, :length].cpu().numpy(), "mel/made": mel[0, :length].cpu().numpy()}

    def speaker_tables(self) -> tuple[str, ...]:
        decoder = ("decoder.speakers.weight", "decoder.mean_log_f0", "decoder.std_log_f0")
        others = ("duration_encoder.encoder.speakers.weight", "adversary.output.weight", "adversary.output.bias")
        return (*decoder, *others, *self.discriminator_tables())

    def adopted(self, kind: str, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """A voice of explicit duration gives its text encoder, durations and decoder, but for what that does with prosody."""
        if kind != "explicit-duration":
            return state
        duration = "duration_encoder.encoder."
        named = {name.replace("prosody_encoder.encoder.", duration): value for name, value in state.items()}
        for parameter in ("weight", "bias"):
            named[f"{duration}head.{parameter}"] = named[f"{duration}head.{parameter}"][:1]
        # What knows no speaker here begins from what speakers have in common there.
        common = {"text_encoder.phones.weight": "text_encoder.speakers", "decoder.contour_input.bias": "decoder.contour_speakers"}
        for name, speakers in common.items():
            named[name] = state[name] + state[f"{speakers}.weight"].mean(0)
        others_of = {"decoder.contour_input.weight": 2, "decoder.frame_input.weight": len(self.decoder.centres) + 4}
        for name, num_others in others_of.items():
            text, _, others = state[name].tensor_split([1 - len(PROSODY) - num_others, -num_others], 1)
            named[name] = torch.cat([text, text.new_zeros(len(text), self.config.latent_channels), others], 1)
        return named

    def export_parts(self) -> list[ExportPart]:
        config, bands = self.config, self.facts.mel.num_bands
        phones = PortSpec(name="phones", rate="token", type="int64")
        mask, target = PortSpec(name="token_mask", rate="token"), PortSpec(name="speaker", rate="utterance", type="int64")
        source = [
            PortSpec(name="source_mel", rate="source_frame", channels=bands),
            PortSpec(name="source_mask", rate="source_frame"),
            PortSpec(name="source_phones", rate="source_frame", type="int64"),
            PortSpec(name="source_speaker", rate="utterance", channels=config.speaker_encoder.dimensions),
        ]
        text = PortSpec(name="text", rate="token", channels=config.channels)
        latents = PortSpec(name="latents", rate=f"source_frame/{config.tau}", channels=config.latent_channels, default=0.0)
        duration = PortSpec(name="log_duration", rate="token")
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
        tokens, durations = (self.text_encoder, [phones, mask]), (self.duration_encoder, [phones, mask, target])
        return [
            ExportPart("text_encoder", "encoder", *tokens, [text], mask="token_mask", splittable=True),
            ExportPart("duration_encoder", "encoder", *durations, [duration], mask="token_mask", splittable=True),
            ExportPart(
                "reference_encoder", "encoder", self.reference_encoder, source, [latents], when="source_mel", mask="source_mask"
            ),
            ExportPart("decoder", "decoder", self.decoder, [*frames, target], made, splittable=True),
            ExportPart("speaker_encoder", "analysis", self.speaker_encoder, source[:2], source[3:], mask="source_mask"),
        ]

    @torch.no_grad()
    def export_samples(self, utterance: Features) -> dict[str, tuple[Tensor, ...]]:
        tensors = {name: torch.from_numpy(np.asarray(value))[None] for name, value in utterance.items()}
        batch = {**tensors, "frame_mask": torch.ones_like(tensors["mel"][:, :, :1])}
        phones, target = tensors["phones"][..., None], tensors["speaker"][:, None, None]
        mask = torch.ones(phones.shape)
        source_phones, _ = repeat(phones, tensors["durations"], tensors["mel"].shape[1])
        source = (
            tensors["mel"],
            batch["frame_mask"],
            source_phones.long(),
            self.speaker_encoder(tensors["mel"], batch["frame_mask"]),
        )
        inputs = self._decoder_inputs(batch, self.text_encoder(phones, mask), self.reference_encoder(*source))
        channels, latents = self.config.channels, self.config.latent_channels
        text, timed, _ = inputs.split([channels, latents, 2], -1)
        _, position = repeat(mask, tensors["durations"], tensors["mel"].shape[1])
        return {
            "text_encoder": (phones, mask),
            "duration_encoder": (phones, mask, target),
            "reference_encoder": source,
            "decoder": (text, timed, padded(position, self.config.margin), target),
            "speaker_encoder": source[:2],
        }
