"""Acoustic model with an utterance-level prosody embedding: a variational autoencoder over the explicit-duration model.

The reference encoder maps a recording's mel to the posterior of one embedding for the utterance (Zhang et al., 2019; Tyagi et
al., 2020). Text and prosody encoder read this embedding, so durations, F0, energy and frames depend on it. The information in the
embedding is bounded: KL divergence from the prior above a capacity is penalized (Burgess et al., 2018), with a weight that grows
from 0, so that there is information to compress. An adversary that recognizes the speaker from the embedding is trained through
gradient reversal.

Shapes: B utterances, N tokens, T frames, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from tts_cli.config.ranges import Count, Weight, Width
from tts_cli.corpora.facts import CorpusFacts, Features
from tts_cli.corpora.prosody_batching import MelProsodyBatches
from tts_cli.models import Batch, acoustic
from tts_cli.models.acoustic import PROSODY, BatchConfig
from tts_cli.models.layers import (
    ConvNeXtBlocks,
    Posterior,
    RunningNorm,
    cosine_coefficients,
    masked_mean_and_deviation,
    reversed_gradient,
)
from tts_cli.models.parts import ExportPart
from tts_cli.models.prosody_flow import EmbeddedProsodyFlow
from tts_cli.models.saying import speak, token_inputs
from tts_cli.models.tokens import TokenEncoder
from tts_cli.ports import PortSpec

__all__ = ["BatchConfig", "Config", "Model"]

ACTIVE_NATS, ACTIVE_VARIANCE = 0.05, 0.01
"""Thresholds of an active dimension of the embedding: its KL divergence in nats, and the variance of its posterior means (Burda
et al., 2016). The second excludes dimensions that are only less noisy than the prior, the same for all utterances."""
FEWEST_ACTIVE = 8
"""Active dimensions below which validation warns of a collapsed embedding."""


REGRESSION = "prosody_encoder.regression."
"""Beginning of the state names of the regression of prosody that a flow hears."""


class Config(acoustic.Config):
    """Sizes of the acoustic model and of the embedding, and the weights of their losses."""

    embedding_channels: Width = 64
    """Dimensions of the embedding."""
    reference_channels: Width = 128
    """Width of the layers of the reference encoder."""
    reference_layers: Annotated[int, Field(ge=1, le=8)] = 6
    """Layers of the reference encoder, 1 to 8."""
    reference_shapes: Annotated[int, Field(ge=1, le=64)] = 4
    """Cosine coefficients over time (level, slope, arch, ...) by which the reference encoder pools its frames, at least 1."""
    capacity: Weight = 16.0
    """KL divergence of an utterance's embedding from the prior that is not penalized, in nats, mean over a batch. At least 0."""
    kl_weight: Weight = 0.02
    """Weight of each nat of KL divergence above `capacity`, at least 0."""
    kl_warmup_steps: Count = 1500
    """Steps over which the weights of the divergence and of the adversary grow linearly from 0, at least 1."""
    outline_weight: Weight = 0.5
    """Weight of the three losses on prosody statistics (`outline`, `missed`, `transferred`), at least 0."""
    adversary_weight: Weight = 0.05
    """Weight of the cross-entropy of the adversary that recognizes the speaker from the embedding; its gradient is reversed. At
    least 0."""


class UtteranceEncoder(nn.Module):
    """Encode a recording as an utterance-level prosody embedding: dilated ConvNeXt blocks, pooling over time, linear layers.

    source_mel (B, T, bands) in natural log, source_mask (B, T, 1) -> mean of the embedding (B, 1, embedding_channels).
    """

    DILATIONS = (1, 2, 4, 1, 2, 4, 8, 8)
    """Dilation of each layer, in frames."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        channels = config.reference_channels
        self.num_shapes = config.reference_shapes
        self.input = nn.Linear(facts.mel.num_bands, channels)
        dilations = self.DILATIONS[: config.reference_layers]
        self.blocks = ConvNeXtBlocks(channels, 5, config.expansion, dilations)
        self.norm = nn.LayerNorm(channels)
        # Pooled activations differ little between utterances; standardizing them exposes the differences.
        self.summed_norm = RunningNorm((self.num_shapes + 1) * channels)
        self.whole = nn.Linear((self.num_shapes + 1) * channels, channels)
        self.head = nn.Linear(channels, 2 * config.embedding_channels)
        # With the prior's variance at the start, noise hides the embedding, and training never makes use of it.
        nn.init.constant_(self.head.bias.data[config.embedding_channels :], -4.0)

    def forward(self, source_mel: Tensor, source_mask: Tensor) -> Tensor:
        return self.posterior(source_mel, source_mask).mean

    def posterior(self, mel: Tensor, mask: Tensor) -> Posterior:
        """Return the posterior of the embedding, mean and log variance of shape (B, 1, embedding_channels).

        Args:
            mel: (B, T, bands), natural log.
            mask: (B, T, 1), 1 inside the recording.
        """
        # The level of a recording depends on the microphone.
        level, _ = masked_mean_and_deviation(mel.mean(-1, keepdim=True), mask)
        hidden = self.input((mel - level) / 3.0)
        for block in self.blocks:
            hidden = block.same_length(hidden, mask)
        hidden = self.norm(hidden)
        _, deviation = masked_mean_and_deviation(hidden, mask)
        summed = torch.cat([*cosine_coefficients(hidden, mask, self.num_shapes), deviation], -1)
        mean, log_variance = self.head(nn.functional.gelu(self.whole(self.summed_norm(summed)))).chunk(2, -1)
        return Posterior(mean, log_variance.clamp(-8, 4))


class EmbeddedTokenEncoder(TokenEncoder):
    """Encode tokens given a speaker and a prosody embedding: a `TokenEncoder` that also adds a projection of the embedding to
    every token.

    phones (B, N, 1) int64 ids, mask (B, N, 1), speaker (B, 1, 1) int64 id, embedding (B, 1, embedding_channels) -> (B, N,
    outputs), 0 on padding.
    """

    def __init__(self, config: Config, facts: CorpusFacts, channels: int, outputs: int) -> None:
        super().__init__(config, facts, channels, outputs)
        self.embedding = nn.Linear(config.embedding_channels, channels)
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, phones: Tensor, mask: Tensor, speaker: Tensor, embedding: Tensor) -> Tensor:  # type: ignore[override]
        hidden = self.phones(phones[:, :, 0]) + self.speakers(speaker[:, :, 0]) + self.embedding(embedding)
        return self.encode(hidden, mask)


class EmbeddedProsodyEncoder(acoustic.ProsodyEncoder):
    """Predict duration, F0, voicing and energy of each token, given a prosody embedding.

    phones (B, N, 1) int64 ids, token_mask (B, N, 1), speaker (B, 1, 1) int64 id, embedding (B, 1, embedding_channels) ->
    log_duration, log_f0, voicing, energy, (B, N, 1) each, in the units of `ProsodyEncoder`.
    """

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts)
        self.encoder = EmbeddedTokenEncoder(config, facts, config.prosody_channels, len(PROSODY))

    def forward(  # type: ignore[override]
        self, phones: Tensor, token_mask: Tensor, speaker: Tensor, embedding: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.values(self.encoder(phones, token_mask, speaker, embedding), speaker)


class ProsodyStatistics(nn.Module):
    """Utterance-level prosody statistics, and the losses that tie them to the embedding.

    The statistics are cosine coefficients (level, slope, arch, ...) and standard deviation, over the phones, of F0 relative to
    the speaker's mean, of energy without its level, and of duration in frames; and the mean duration of the other tokens. The
    losses measure them in standard deviations over all utterances. Durations are not in logarithm, because the mean of logarithms
    does not determine the length of an utterance.
    """

    SHAPES, FARTHEST = 4, 2.5
    """Number of cosine coefficients; and the largest error in standard deviations that counts, because clips of a word or two
    have extreme statistics."""
    OF_ANY_TEXT = (0, 1, 2, 3, 4, 8, 9, 14)
    """Indices of the statistics that an embedding should transfer to other texts: all of F0, the deviation of energy, the mean
    durations of phones and of other tokens."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        means = torch.tensor([speaker.mean_log_f0 for speaker in facts.speakers])
        self.mean_log_f0 = nn.Buffer(means[:, None])
        num_values = 3 * (self.SHAPES + 1)
        self.norm = RunningNorm(num_values)
        self.head = nn.Linear(config.embedding_channels, num_values)

    def prediction_error(self, embedding: Tensor, batch: Batch) -> Tensor:
        """Return the mean squared error of a linear prediction of the recorded statistics from the embedding (B, 1,
        embedding_channels)."""
        recorded: Tensor = self.norm(self.recorded(batch))
        found: Tensor = self.head(embedding)
        return (found - recorded.clamp(-self.FARTHEST, self.FARTHEST)).square().mean()

    def distance(self, prosody: dict[str, Tensor], batch: Batch, wanted: Tensor) -> Tensor:
        """Return the distance of the statistics of predicted prosody from `wanted`, in standard deviations, (B, 1, statistics).

        An L1-optimal prediction of prosody is over-smoothed; this loss restores its spread.

        Args:
            prosody: Predicted prosody of the tokens, (B, N, 1) by the names in `PROSODY`.
            batch: The batch of the utterances.
            wanted: (B, 1, statistics).
        """
        predicted = self._of(prosody["log_f0"], prosody["energy"], prosody["log_duration"].expm1(), batch)
        return ((predicted - wanted) / self.norm.deviation).abs().clamp(max=self.FARTHEST)

    def recorded(self, batch: Batch) -> Tensor:
        """Return the statistics of the recordings of a batch, (B, 1, statistics)."""
        return self._of(batch["token_log_f0"], batch["token_energy"], batch["durations"].float()[..., None], batch)

    def _of(self, log_f0: Tensor, energy: Tensor, durations: Tensor, batch: Batch) -> Tensor:
        """Return the statistics of log-F0, energy and durations in frames, (B, N, 1) each: (B, 1, statistics)."""
        phones, speaker = batch["phone_mask"], batch["speaker"][:, None, None]
        rest, _ = masked_mean_and_deviation(durations, batch["token_mask"] - phones)
        return torch.cat(
            [
                *self._contour_statistics(log_f0 - self.mean_log_f0[speaker[:, :, 0]], phones * batch["token_voicing"]),
                *self._contour_statistics(energy, phones)[1:],
                *self._contour_statistics(durations, phones),
                rest,
            ],
            -1,
        )

    def _contour_statistics(self, x: Tensor, weights: Tensor) -> list[Tensor]:
        """Return the cosine coefficients and the standard deviation of `x` (B, N, 1) over the weighted tokens, (B, 1, 1) each."""
        mean, deviation = masked_mean_and_deviation(x, weights)
        return [mean, *cosine_coefficients(x - mean, weights, self.SHAPES)[1:], deviation]


class EmbeddingAdversary(nn.Module):
    """Adversary that recognizes the speaker from the embedding: two linear layers.

    embedding (B, 1, embedding_channels) -> logits of the speakers (B, speakers).
    """

    CHANNELS = 64
    """Width of the hidden layer."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        self.input = nn.Linear(config.embedding_channels, self.CHANNELS)
        self.output = nn.Linear(self.CHANNELS, len(facts.speakers))

    def forward(self, embedding: Tensor) -> Tensor:
        scores: Tensor = self.output(nn.functional.gelu(self.input(embedding)))
        return scores[:, 0]


class Model(acoustic.Model):
    """Explicit-duration model with a VAE prosody embedding: the reference encoder's embedding conditions text and prosody
    encoder.

    Source mel (B, T, bands) -> embedding (B, 1, embedding_channels); phones (B, N, 1), speaker and embedding -> prosody of the
    tokens and mel (B, T, bands), as in `acoustic.Model`.
    """

    config: Config

    FLOW_BATCHES = MelProsodyBatches

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts)
        self.text_encoder = EmbeddedTokenEncoder(config, facts, config.channels, config.channels)
        self.prosody_encoder = EmbeddedProsodyEncoder(config, facts)
        if config.flow:
            self.prosody_encoder = EmbeddedProsodyFlow(config.flow, facts, config.embedding_channels, self.prosody_encoder)
        self.reference_encoder = UtteranceEncoder(config, facts)
        self.outline = ProsodyStatistics(config, facts)
        self.adversary = EmbeddingAdversary(config, facts)

    def regression(self, batch: Batch, step: int) -> tuple[dict[str, Tensor], Tensor]:
        posterior = self.reference_encoder.posterior(batch["mel"], batch["frame_mask"])
        embedding = posterior.sample() if self.training else posterior.mean
        tokens = (*super().tokens(batch), embedding)
        prosody = {} if self.config.flow else self.prosody(tokens)
        parts, mel = self.reconstruction(batch, tokens, prosody)
        parts = self.with_flow(parts, batch, (*tokens[:-1], posterior.mean), step)
        statistics = self._statistics_losses(batch, tokens, prosody)
        parts |= statistics
        each = posterior.divergence().mean((0, 1))
        grown = min(1.0, (step + 1) / self.config.kl_warmup_steps) if self.training else 1.0
        parts["kl"] = each.sum()
        excess = nn.functional.relu(parts["kl"] - self.config.capacity)
        outlines = sum(statistics.values())
        parts["loss"] = parts["loss"] + self.config.outline_weight * outlines + self.config.kl_weight * grown * excess
        if self.training:
            scores = self.adversary(reversed_gradient(embedding, grown))
            parts["adversary"] = nn.functional.cross_entropy(scores, batch["speaker"])
            parts["loss"] = parts["loss"] + self.config.adversary_weight * parts["adversary"]
        return {**parts, **{f"kl/{place:02d}": value for place, value in enumerate(each)}}, mel

    def _statistics_losses(self, batch: Batch, tokens: tuple[Tensor, ...], prosody: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return three losses on prosody statistics, in standard deviations; for a flow, which predicts no prosody, the first.

        `outline` is the mean squared error of their prediction from the embedding. `missed` is the distance of the predicted
        prosody from the recording. `transferred` is the distance from another utterance of the batch when that utterance's
        embedding is used.
        """
        *text_inputs, embedding = tokens
        predicted, recorded = self.outline.prediction_error(embedding, batch), self.outline.recorded(batch)
        if self.config.flow:
            return {"outline": predicted}
        with_others = self.prosody((*text_inputs, embedding.roll(1, 0)))
        others = self.outline.distance(with_others, batch, recorded.roll(1, 0))[..., self.outline.OF_ANY_TEXT]
        missed = self.outline.distance(prosody, batch, recorded)
        return {"outline": predicted, "missed": missed.mean(), "transferred": others.mean()}

    def tokens(self, batch: Batch) -> tuple[Tensor, ...]:
        return (*super().tokens(batch), self.reference_encoder(batch["mel"], batch["frame_mask"]))

    @torch.no_grad()
    def flow_tokens(self, batch: Batch) -> tuple[Tensor, ...]:
        # Speech has means of posteriors. A flow that learns from draws hardly heeds the embedding.
        return self.tokens({**batch, "mel": self._heard(batch)})

    def _heard(self, batch: Batch) -> Tensor:
        """Return the mels of a batch of `MelProsodyBatches`, (B, T, bands); those of lent utterances are made with the F0 and in
        the voice of the borrower, so that their embedding is that of the speech as moved."""
        lent = batch["lent"]
        if not lent.any():
            return batch["mel"]
        rows = {name: value[lent] for name, value in batch.items()}
        inputs, _ = self._decoder_inputs(rows, self.tokens(rows))
        log_f0, voicing, _ = self.true_contour(rows)
        mels = batch["mel"].clone()
        mels[lent] = self.decoder.draw_mel(inputs, log_f0, voicing, rows["speaker"][:, None, None])
        return mels

    @torch.no_grad()
    def metrics(self, batch: Batch) -> dict[str, float]:
        """Return the losses and `active_dimensions`, the number of active dimensions of the embedding."""
        measured = super().metrics(batch)
        if self.config.flow_alone:
            return measured
        means = self.reference_encoder(batch["mel"], batch["frame_mask"])[:, 0]
        nats = torch.tensor([value for name, value in measured.items() if name.startswith("kl/")])
        active = (nats > ACTIVE_NATS) & (means.var(0, correction=0).cpu() > ACTIVE_VARIANCE)
        return {**measured, "active_dimensions": float(active.sum())}

    def advice(self, measured: Mapping[str, float]) -> str | None:
        """Warn when few dimensions of the embedding are active (posterior collapse)."""
        num_dimensions = self.config.embedding_channels
        # A flow that is trained alone leaves the embedding as it is.
        active = measured.get("active_dimensions", num_dimensions)
        if active >= min(FEWEST_ACTIVE, num_dimensions):
            return None
        return (
            f"the embedding collapses: {active:.0f} of {num_dimensions} dimensions are active, with {measured['kl']:.1f} nats "
            "in all; raise network.capacity, or lower network.kl_weight and network.adversary_weight"
        )

    @torch.no_grad()
    def say(
        self, utterance: Features, speaker: int, durations: NDArray[Any] | None = None, temperature: float | None = None
    ) -> Features | None:
        tokens = token_inputs(self, utterance, speaker)
        embedding = tokens[1].new_zeros(1, 1, self.config.embedding_channels)
        if "mel" in utterance:
            mel = torch.from_numpy(np.asarray(utterance["mel"], np.float32))[None].to(embedding.device)
            embedding = self.reference_encoder(mel, torch.ones_like(mel[:, :, :1]))
        return speak(self, (*tokens, embedding), durations, temperature)

    def speaker_tables(self) -> tuple[str, ...]:
        regressed = ("encoder.speakers.weight", "mean_log_f0") if self.config.flow else ()
        own = ("outline.mean_log_f0", "adversary.output.weight", "adversary.output.bias")
        return (*super().speaker_tables(), *(f"{REGRESSION}{name}" for name in regressed), *own)

    def adopted(self, kind: str, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Map a CopyCat model: the input layer and the convolutions of its reference encoder are taken. A regression of prosody
        becomes that of the flow.
        """
        if kind == "vae" and self.config.flow and "prosody_encoder.encoder.speakers.weight" in state:
            return {name.replace("prosody_encoder.", REGRESSION): value for name, value in state.items()}
        if kind != "copycat":
            return state
        encoder = {name: value for name, value in state.items() if name.startswith("reference_encoder.")}
        encoder = {name.replace(".mel_input.", ".input."): value for name, value in encoder.items()}
        return {name: value for name, value in encoder.items() if name.split(".")[1] in ("input", "blocks")}

    def export_parts(self) -> list[ExportPart]:
        embedding = PortSpec(name="embedding", rate="utterance", channels=self.config.embedding_channels)
        text, prosody, decoder = super().export_parts()
        # Noise of a flow comes last, as in `forward`.
        text, prosody = (replace(part, inputs=[*part.inputs[:3], embedding, *part.inputs[3:]]) for part in (text, prosody))
        source = [
            PortSpec(name="source_mel", rate="source_frame", channels=self.facts.mel.num_bands),
            PortSpec(name="source_mask", rate="source_frame"),
        ]
        reference = ExportPart("reference_encoder", "analysis", self.reference_encoder, source, [embedding], mask="source_mask")
        return [text, prosody, decoder, reference]

    @torch.no_grad()
    def samples(self, utterance: Features, tokens: tuple[Tensor, ...]) -> dict[str, tuple[Tensor, ...]]:
        mel = torch.from_numpy(utterance["mel"])[None].float()
        source = (mel, torch.ones_like(mel[:, :, :1]))
        return {
            **super().samples(utterance, (*tokens, self.reference_encoder(*source))),
            "reference_encoder": source,
        }
