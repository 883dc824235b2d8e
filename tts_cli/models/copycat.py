"""CopyCat: transfers the prosody of any recording to a target speaker of the corpus (Karlapati et al., 2020).

The reference encoder maps a source mel, its phones and the speaker embedding of its speaker to latents over time. The latents are
normalized to mean 0 and deviation 1 in every utterance, and they are few channels at a low rate: a bottleneck that leaves no room
for the speaker. The decoder makes the target speaker's mel from the latents and the encoded phones; mean and spread of F0 are the
target speaker's. Training reconstructs every recording with its own speaker. In training the source mel is warped in frequency
and gets noise, and an adversary that recognizes the speaker from the latents is trained through gradient reversal.

Shapes: B utterances, N tokens, T frames, L = ceil(T / tau) latents, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tts_cli.corpora.batching import AcousticBatches
from tts_cli.corpora.facts import CorpusFacts, Features
from tts_cli.models import Batch, Batches, speaker
from tts_cli.models.acoustic import PROSODY, UtteranceBatchConfig
from tts_cli.models.adversarial import MelModel
from tts_cli.models.copycat_networks import (
    Config,
    Decoder,
    DurationEncoder,
    LatentAdversary,
    LossWeights,
    ReferenceEncoder,
)
from tts_cli.models.layers import (
    FrequencyWarp,
    Posterior,
    masked_mean_and_deviation,
    reversed_gradient,
    weighted_mean,
    weighted_sum,
)
from tts_cli.models.parts import ExportPart
from tts_cli.models.saying import as_features, frames_of, token_inputs
from tts_cli.models.tokens import PhoneEncoder, padded, repeat
from tts_cli.ports import PortSpec

__all__ = ["BatchConfig", "Config", "LossWeights", "Model"]

NARROWEST_SPREAD = 0.3
"""Smallest deviation of log-F0 by which an utterance's contour is normalized, as a share of its speaker's deviation."""
NOISE_LEVELS = (-6.0, -1.0)
"""Range of the level of the noise that augments source mels: natural log, relative to the mean log-mel of the utterance."""


class BatchConfig(UtteranceBatchConfig):
    """Size of a batch of whole utterances."""


class Model(MelModel):
    """CopyCat (Karlapati et al., 2020): text, duration and reference encoders, decoder, and a fixed, pretrained speaker encoder.

    Source mel (B, T, bands), source phones (B, T, 1) and speaker embedding (B, 1, dimensions) -> latents (B, L, latent_channels);
    latents and repeated encoded phones -> mel (B, T, bands), log_f0 and voicing (B, T, 1) of the target speaker. The speaker
    encoder is a trained `speaker` model and is not updated.
    """

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
        return AcousticBatches(corpus, split, config.batch_frames, seed, config.normalise_sessions)

    def regression(self, batch: Batch, step: int) -> tuple[dict[str, Tensor], Tensor]:
        phones, mask, target = batch["phones"][..., None], batch["token_mask"], batch["speaker"][:, None, None]
        grown = min(1.0, (step + 1) / self.config.kl_warmup_steps) if self.training else 1.0
        posterior = self._posterior(batch, self._augmented(batch["mel"], batch["frame_mask"]))
        counted = (self.reference_encoder.pooled(batch["frame_mask"]) > 0).float()
        latents = posterior.sample() if self.training else posterior.mean
        parts, mel = self._frame_losses(
            batch, self._decoder_inputs(batch, self.text_encoder(phones, mask), self._some_at_prior(latents)), target
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

    def _augmented(self, mel: Tensor, mask: Tensor) -> Tensor:
        """Return the source mels (B, T, bands); in training, random recordings get a warped frequency axis, noise, or both.

        Args:
            mel: Source mels, shape (B, T, bands).
            mask: 1 on frames of the recording, 0 on padding, shape (B, T, 1).
        """
        if not self.training:
            return mel
        choice = torch.randint(len(FrequencyWarp.FACTORS), (len(mel),), device=mel.device)
        warped = self.warp(mel, torch.where(self._random_share(mel, self.config.warped_share), choice, FrequencyWarp.IDENTITY))
        mean, _ = masked_mean_and_deviation(warped, mask)
        level = torch.empty(len(mel), 1, 1, device=mel.device).uniform_(*NOISE_LEVELS)
        noise = mean.mean(-1, keepdim=True) + level + 0.3 * torch.randn_like(warped)
        is_noisy = self._random_share(mel, self.config.noisy_share)[:, None, None]
        return torch.where(is_noisy, torch.logaddexp(warped, noise), warped)

    def _some_at_prior(self, latents: Tensor) -> Tensor:
        """Return the latents; in training, those of a random share of the utterances are 0, the mean of the prior."""
        if not self.training:
            return latents
        return torch.where(self._random_share(latents, self.config.prior_share)[:, None, None], 0.0, latents)

    def _random_share(self, items: Tensor, share: float) -> Tensor:
        """Draw a mask (B,) for the items of a batch, true with probability `share`."""
        return torch.rand(len(items), device=items.device) < share

    def _posterior(self, batch: Batch, mel: Tensor) -> Posterior:
        """Encode source mels (B, T, bands) with the phones of their forced alignment; return the posterior of the latents."""
        mask = batch["frame_mask"]
        source_phones, _ = repeat(batch["phones"][..., None], batch["durations"], mel.shape[1])
        with torch.no_grad():
            vector = self.speaker_encoder(mel, mask)
        return self.reference_encoder.posterior(mel, mask, source_phones.long(), vector)

    def _decoder_inputs(self, batch: Batch, text: Tensor, latents: Tensor) -> Tensor:
        """Return the decoder's inputs, repeated to frames and padded by its margin: (B, T + 2 * margin, C).

        Args:
            batch: The batch of the utterances.
            text: (B, N, channels), encoded phones.
            latents: (B, L, latent_channels).
        """
        num_frames = batch["frame_mask"].shape[1]
        frames, position = repeat(text, batch["durations"], num_frames)
        timed = latents.repeat_interleave(self.config.tau, 1)[:, :num_frames]
        return self.decoder.concatenated(*(padded(each, self.config.margin) for each in (frames, timed, position)))

    def _frame_losses(self, batch: Batch, inputs: Tensor, target: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Return the losses of the frames, and the mel (B, T, bands) for the true contour."""
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
        """Return the true log-F0 contour with the mean and spread of its speaker in place of its own, (B, T, 1): the target of
        `contour`.

        Normalized latents cannot carry an utterance's own mean and spread.
        """
        mean, spread = self.decoder.range_of(target)
        own_mean, own_spread = masked_mean_and_deviation(log_f0, voicing)
        return mean + spread * (log_f0 - own_mean) / torch.maximum(own_spread, NARROWEST_SPREAD * spread)

    @torch.no_grad()
    def metrics(self, batch: Batch) -> dict[str, float]:
        """Return the losses and `f0_correlation`: the correlation of predicted and recorded log-F0 over voiced frames, mean over
        utterances."""
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
        """Return the encoded text (B, N, channels) and the means of the latents (B, L, latent_channels)."""
        text = self.text_encoder(batch["phones"][..., None], batch["token_mask"])
        return text, self._posterior(batch, batch["mel"]).mean

    @torch.no_grad()
    def preview(self, batch: Batch) -> dict[str, NDArray[Any]]:
        one = {name: tensor[:1] for name, tensor in batch.items()}
        inputs, target = self._decoder_inputs(one, *self._encoded(one)), one["speaker"][:, None, None]
        mel, *_ = self.decoder.draw(inputs, *self.decoder.draw_contour(inputs, target), target)
        length = int(one["frame_mask"].sum())
        return {"mel/true": one["mel"][0, :length].cpu().numpy(), "mel/made": mel[0, :length].cpu().numpy()}

    @torch.no_grad()
    def say(
        self,
        utterance: Features,
        speaker: int,
        durations: NDArray[Any] | None = None,
        temperature: float | None = None,  # noqa: ARG002
    ) -> Features | None:
        phones, mask, target = token_inputs(self, utterance, speaker)
        if durations is None and "mel" in utterance:
            durations = utterance["durations"]
        if durations is None:
            frames = frames_of(self.duration_encoder(phones, mask, target), phones, self.facts.symbols)
        else:
            frames = torch.from_numpy(np.asarray(durations, np.int64))[None].to(mask.device)
        total = int(frames.sum())
        batch = {"phones": phones[..., 0], "durations": frames, "frame_mask": mask.new_ones(1, total, 1)}
        latents = mask.new_zeros(1, -(-total // self.config.tau), self.config.latent_channels)
        if "mel" in utterance:
            batch["mel"] = torch.from_numpy(np.asarray(utterance["mel"], np.float32))[None].to(mask.device)
            latents = self._posterior(batch, batch["mel"]).mean
        inputs = self._decoder_inputs(batch, self.text_encoder(phones, mask), latents)
        return as_features(frames, *self.decoder.draw(inputs, *self.decoder.draw_contour(inputs, target), target))

    def fixed_parts(self) -> tuple[str, ...]:
        return ("speaker_encoder",)

    def speaker_tables(self) -> tuple[str, ...]:
        decoder = ("decoder.speakers.weight", "decoder.mean_log_f0", "decoder.std_log_f0")
        others = ("duration_encoder.encoder.speakers.weight", "adversary.output.weight", "adversary.output.bias")
        return (*decoder, *others, *self.discriminator_tables())

    def adopted(self, kind: str, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Map an explicit-duration model: text encoder, durations and decoder, with zero weights for latents in place of those of
        prosody."""
        if kind != "explicit-duration":
            return state
        duration = "duration_encoder.encoder."
        named = {name.replace("prosody_encoder.encoder.", duration): value for name, value in state.items()}
        # A flow of prosody has no such durations.
        for head in {f"{duration}head.weight", f"{duration}head.bias"} & named.keys():
            named[head] = named[head][:1]
        # These layers have no speaker embedding here: they start from the mean over the other model's speakers.
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
