"""A voice whose prosody has a place: a variational autoencoder of utterances over the model of explicit duration.

The reference encoder turns a recording's mel into the distribution of an embedding, one for the whole utterance (Zhang et al.,
2019; Tyagi et al., 2020). Both encoders of the text read it, so that durations, F0, energy and the frames depend on it. What the
embedding may tell is bounded: divergence from the prior beyond a capacity is penalised (Burgess et al., 2018), by a weight that
grows from nothing, so that there is something to compress. An adversary that tries to tell the speaker from it is worked against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from tts_cli.corpora.facts import CorpusFacts, Features
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
from tts_cli.models.tokens import TokenEncoder
from tts_cli.ports import PortSpec

__all__ = ["BatchConfig", "Config", "Model"]

ACTIVE_NATS, ACTIVE_VARIANCE = 0.05, 0.01
"""A dimension is active where its divergence from the prior is more than this, and the variance of its posterior means (Burda et
al., 2016): one that is only less noisy than the prior, the same for all utterances, tells nothing."""
FEWEST_ACTIVE = 8


class Config(acoustic.Config):
    """Sizes of the acoustic model, and of the embedding."""

    embedding_channels: int = 64
    """Dimensions of the embedding."""
    reference_channels: int = 128
    reference_layers: int = 6
    reference_shapes: int = 4
    """Courses over the utterance by which the reference encoder sums up its frames: level, slope, arch, ..."""
    capacity: float = 16.0
    """Nats that the divergence of an utterance's embedding from the prior, the mean over a batch, may have for nothing."""
    kl_weight: float = 0.02
    """Of each nat beyond."""
    kl_warmup_steps: int = 1500
    """Steps over which that weight, and the adversary's, grow from nothing."""
    outline_weight: float = 0.5
    """Of telling the outline of the prosody by the embedding alone, of speaking with it, and of speaking other words with it."""
    adversary_weight: float = 0.05
    """Of working against the adversary that tells speakers by their embeddings."""


class UtteranceEncoder(nn.Module):
    """How an utterance is said: source_mel (B, T, bands), source_mask (B, T, 1) -> the embedding's mean (B, 1, channels)."""

    DILATIONS = (1, 2, 4, 1, 2, 4, 8, 8)

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        channels = config.reference_channels
        self.num_shapes = config.reference_shapes
        self.input = nn.Linear(facts.mel.num_bands, channels)
        dilations = self.DILATIONS[: config.reference_layers]
        self.blocks = ConvNeXtBlocks(channels, 5, config.expansion, dilations)
        self.norm = nn.LayerNorm(channels)
        # What utterances have in common is far more than what sets them apart.
        self.summed_norm = RunningNorm((self.num_shapes + 1) * channels)
        self.whole = nn.Linear((self.num_shapes + 1) * channels, channels)
        self.head = nn.Linear(channels, 2 * config.embedding_channels)
        # Noise that drowns the embedding before it tells anything is never overcome.
        nn.init.constant_(self.head.bias.data[config.embedding_channels :], -4.0)

    def forward(self, source_mel: Tensor, source_mask: Tensor) -> Tensor:
        return self.posterior(source_mel, source_mask).mean

    def posterior(self, mel: Tensor, mask: Tensor) -> Posterior:
        """The distribution of the embedding, (B, 1, channels); inputs as of `forward`."""
        # How loud a recording is tells of the microphone.
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
    """The same as it is said: with embedding (B, 1, embedding_channels), the inputs of `TokenEncoder` -> (B, N, outputs)."""

    def __init__(self, config: Config, facts: CorpusFacts, channels: int, outputs: int) -> None:
        super().__init__(config, facts, channels, outputs)
        self.embedding = nn.Linear(config.embedding_channels, channels)
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, phones: Tensor, mask: Tensor, speaker: Tensor, embedding: Tensor) -> Tensor:  # type: ignore[override]
        hidden = self.phones(phones[:, :, 0]) + self.speakers(speaker[:, :, 0]) + self.embedding(embedding)
        return self.encode(hidden, mask)


class EmbeddedProsodyEncoder(acoustic.ProsodyEncoder):
    """The inputs of `EmbeddedTokenEncoder` -> what `acoustic.ProsodyEncoder` gives."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts)
        self.encoder = EmbeddedTokenEncoder(config, facts, config.prosody_channels, len(PROSODY))

    def forward(  # type: ignore[override]
        self, phones: Tensor, token_mask: Tensor, speaker: Tensor, embedding: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.values(self.encoder(phones, token_mask, speaker, embedding), speaker)


class ProsodyStatistics(nn.Module):
    """The outline of an utterance's prosody: two losses that show the encoder what to hear, and the voice what to do with it.

    The outline is level, slope, arch and deviation of F0 (against the speaker's mean), energy (without its level) and duration
    over the phones, and the mean duration of the rest, each in deviations over all utterances. Durations are frames: the mean of
    their logarithms says nothing of how long an utterance lasts.
    """

    SHAPES, FARTHEST = 4, 2.5
    """Number of cosine_coefficients, and deviations beyond which nothing is told apart: clips of a word or two have none."""
    OF_ANY_TEXT = (0, 1, 2, 3, 4, 8, 9, 14)
    """Places of what an embedding brings to other words, too: all of F0, the deviation of energy, the level of durations."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        means = torch.tensor([speaker.mean_log_f0 for speaker in facts.speakers])
        self.mean_log_f0 = nn.Buffer(means[:, None])
        num_values = 3 * (self.SHAPES + 1)
        self.norm = RunningNorm(num_values)
        self.head = nn.Linear(config.embedding_channels, num_values)

    def prediction_error(self, embedding: Tensor, batch: Batch) -> Tensor:
        """The mean square of what a linear map of the embedding (B, 1, channels) tells wrong."""
        recorded: Tensor = self.norm(self.recorded(batch))
        found: Tensor = self.head(embedding)
        return (found - recorded.clamp(-self.FARTHEST, self.FARTHEST)).square().mean()

    def distance(self, prosody: dict[str, Tensor], batch: Batch, wanted: Tensor) -> Tensor:
        """(B, 1, values) distance of the outline of the predicted `prosody` from the one `wanted`, (B, 1, values).

        What is right on average lacks the range of speech.
        """
        predicted = self._of(prosody["log_f0"], prosody["energy"], prosody["log_duration"].expm1(), batch)
        return ((predicted - wanted) / self.norm.deviation).abs().clamp(max=self.FARTHEST)

    def recorded(self, batch: Batch) -> Tensor:
        """(B, 1, values) of the batch's utterances."""
        return self._of(batch["token_log_f0"], batch["token_energy"], batch["durations"].float()[..., None], batch)

    def _of(self, log_f0: Tensor, energy: Tensor, durations: Tensor, batch: Batch) -> Tensor:
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
        """Courses and deviation, each (B, 1, 1)."""
        mean, deviation = masked_mean_and_deviation(x, weights)
        return [mean, *cosine_coefficients(x - mean, weights, self.SHAPES)[1:], deviation]


class EmbeddingAdversary(nn.Module):
    """Whose embedding this is: (B, 1, channels) -> a score for every speaker (B, speakers)."""

    CHANNELS = 64

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        self.input = nn.Linear(config.embedding_channels, self.CHANNELS)
        self.output = nn.Linear(self.CHANNELS, len(facts.speakers))

    def forward(self, embedding: Tensor) -> Tensor:
        scores: Tensor = self.output(nn.functional.gelu(self.input(embedding)))
        return scores[:, 0]


class Model(acoustic.Model):
    """The model of explicit duration, both of whose encoders read the embedding that the reference encoder finds."""

    config: Config

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts)
        self.text_encoder = EmbeddedTokenEncoder(config, facts, config.channels, config.channels)
        self.prosody_encoder = EmbeddedProsodyEncoder(config, facts)
        self.reference_encoder = UtteranceEncoder(config, facts)
        self.outline = ProsodyStatistics(config, facts)
        self.adversary = EmbeddingAdversary(config, facts)

    def regression(self, batch: Batch, step: int) -> tuple[dict[str, Tensor], Tensor]:
        posterior = self.reference_encoder.posterior(batch["mel"], batch["frame_mask"])
        embedding = posterior.sample() if self.training else posterior.mean
        tokens = (*super().tokens(batch), embedding)
        prosody = self.prosody(tokens)
        parts, mel = self.reconstruction(batch, tokens, prosody)
        parts |= self._statistics_losses(batch, tokens, prosody)
        each = posterior.divergence().mean((0, 1))
        grown = min(1.0, (step + 1) / self.config.kl_warmup_steps) if self.training else 1.0
        parts["kl"] = each.sum()
        excess = nn.functional.relu(parts["kl"] - self.config.capacity)
        outlines = parts["outline"] + parts["missed"] + parts["transferred"]
        parts["loss"] = parts["loss"] + self.config.outline_weight * outlines + self.config.kl_weight * grown * excess
        if self.training:
            scores = self.adversary(reversed_gradient(embedding, grown))
            parts["adversary"] = nn.functional.cross_entropy(scores, batch["speaker"])
            parts["loss"] = parts["loss"] + self.config.adversary_weight * parts["adversary"]
        return {**parts, **{f"kl/{place:02d}": value for place, value in enumerate(each)}}, mel

    def _statistics_losses(self, batch: Batch, tokens: tuple[Tensor, ...], prosody: dict[str, Tensor]) -> dict[str, Tensor]:
        """Outlines told by embeddings, spoken with them, and spoken with those of other utterances of the batch."""
        *said, embedding = tokens
        predicted, recorded = self.outline.prediction_error(embedding, batch), self.outline.recorded(batch)
        with_others = self.prosody((*said, embedding.roll(1, 0)))
        others = self.outline.distance(with_others, batch, recorded.roll(1, 0))[..., self.outline.OF_ANY_TEXT]
        missed = self.outline.distance(prosody, batch, recorded)
        return {"outline": predicted, "missed": missed.mean(), "transferred": others.mean()}

    def tokens(self, batch: Batch) -> tuple[Tensor, ...]:
        return (*super().tokens(batch), self.reference_encoder(batch["mel"], batch["frame_mask"]))

    @torch.no_grad()
    def metrics(self, batch: Batch) -> dict[str, float]:
        """Beside the losses, the number of active dimensions."""
        measured = super().metrics(batch)
        means = self.reference_encoder(batch["mel"], batch["frame_mask"])[:, 0]
        nats = torch.tensor([value for name, value in measured.items() if name.startswith("kl/")])
        active = (nats > ACTIVE_NATS) & (means.var(0, correction=0).cpu() > ACTIVE_VARIANCE)
        return {**measured, "active_dimensions": float(active.sum())}

    def advice(self, measured: Mapping[str, float]) -> str | None:
        """Says how many dimensions are active when they are few."""
        active, num_dimensions = measured["active_dimensions"], self.config.embedding_channels
        if active >= min(FEWEST_ACTIVE, num_dimensions):
            return None
        return (
            f"the embedding collapses: {active:.0f} of {num_dimensions} dimensions are active, with {measured['kl']:.1f} nats "
            "in all; raise network.capacity, or lower network.kl_weight and network.adversary_weight"
        )

    def speaker_tables(self) -> tuple[str, ...]:
        return (*super().speaker_tables(), "outline.mean_log_f0", "adversary.output.weight", "adversary.output.bias")

    def adopted(self, kind: str, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """CopyCat gives what its reference encoder hears with."""
        if kind != "copycat":
            return state
        heard = {name: value for name, value in state.items() if name.startswith("reference_encoder.")}
        heard = {name.replace(".mel_input.", ".input."): value for name, value in heard.items()}
        return {name: value for name, value in heard.items() if name.split(".")[1] in ("input", "blocks")}

    def export_parts(self) -> list[ExportPart]:
        embedding = PortSpec(name="embedding", rate="utterance", channels=self.config.embedding_channels)
        text, prosody, decoder = super().export_parts()
        text, prosody = (replace(part, inputs=[*part.inputs, embedding]) for part in (text, prosody))
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
