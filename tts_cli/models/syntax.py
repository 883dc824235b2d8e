"""Sentences to their meaning and their syntax, in one pass: a sentence encoder, and a head that hears how far apart words are.

The encoder is a BERT (Devlin et al., 2019) that was taught to give sentences of like meaning like vectors (Reimers and Gurevych,
2019). The head predicts syntactic distances (Shen et al., 2018) from the states of all its layers. Encoder and head learn
together, while a copy of the encoder as it came holds its sentence vectors in place.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.corpora.treebank import DistanceAgreement, ParsedSentence, Treebank, TreebankBatches, agreement, treebank_batch
from tts_cli.models import Batch, Batches, TrainableModel
from tts_cli.models.parts import ExportPart
from tts_cli.models.sentence import EncoderConfig, Layer, SentenceEncoder, at, package_file, pretrained_state, sentence_vector
from tts_cli.ports import PortSpec
from tts_cli.selection.pieces import WordPieces

TOKENIZER = "tokenizer.json"
INPUTS = ("pieces", "piece_mask", "first_pieces", "word_mask")


class Config(EncoderConfig):
    """The encoder, and how the head is made and taught."""

    head_channels: int = 256
    head_layers: int = 1
    head_heads: int = 4
    dropout: float = 0.3
    """Within the head."""
    span_weight: float = 1.0
    """Of finding the split of every constituent, beside putting all pairs of distances in order."""
    keeping_weight: float = 1.0
    """Of keeping sentence vectors and states what they were."""
    cosine_weight: float = 10.0
    """Of the vectors, within that, beside the states."""


class BatchConfig(StrictModel):
    """Sentences of one step."""

    batch_pieces: int = 900
    """Word pieces of a batch, padding included."""
    lost_marks: float = 0.5
    """Share of the sentences that lack some of their punctuation, as speech does."""


class DistanceHead(nn.Module):
    """States of all layers (B, N, channels), first_pieces (B, W, 1), word_mask (B, W, 1) -> distances (B, W, 1), the first 0."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        channels = config.head_channels
        self.mixture = nn.Parameter(torch.zeros(config.layers + 1))
        self.input = nn.Linear(config.channels, channels)
        self.layers = nn.ModuleList(Layer(channels, config.head_heads, 2, config.dropout / 2) for _ in range(config.head_layers))
        self.gap = nn.Linear(2 * channels, channels)
        self.output = nn.Linear(channels, 1)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, states: list[Tensor], first_pieces: Tensor, word_mask: Tensor) -> Tensor:
        mixed = sum(weight * state for weight, state in zip(self.mixture.softmax(0), states, strict=True))
        words = self.dropout(nn.functional.gelu(self.input(self.dropout(at(mixed, first_pieces)))))
        for layer in self.layers:
            words = layer(words, word_mask)
        words = self.dropout(words)
        gaps = torch.cat([nn.functional.pad(words, (0, 0, 1, 0))[:, :-1], words], -1)
        distances: Tensor = self.output(self.dropout(nn.functional.gelu(self.gap(gaps)))) * word_mask
        return distances * (word_mask.cumsum(1) > 1)


class Analyser(nn.Module):
    """What an addon holds: pieces (B, N, 1) int64, piece_mask (B, N, 1), first_pieces (B, W, 1) int64, word_mask (B, W, 1) ->
    sentence_vector (B, 1, C), word_states (B, W, C), syntactic_distance (B, W, 1)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.encoder = SentenceEncoder(config)
        self.head = DistanceHead(config)

    def forward(self, pieces: Tensor, piece_mask: Tensor, first_pieces: Tensor, word_mask: Tensor) -> tuple[Tensor, ...]:
        states = self.encoder(pieces[:, :, 0], piece_mask)
        distances = self.head(states, first_pieces, word_mask)
        return sentence_vector(states[-1], piece_mask), at(states[-1], first_pieces), distances


def order_loss(scores: Tensor, distances: Tensor, is_gap: Tensor) -> Tensor:
    """Hinge loss of the order of every two gaps of a sentence whose distances differ (Shen et al., 2018); all (B, G)."""
    pairs = (distances[:, :, None] > distances[:, None, :]) & is_gap[:, :, None] & is_gap[:, None, :]
    missing = nn.functional.relu(1 - (scores[:, :, None] - scores[:, None, :])) * pairs
    return (missing.sum((1, 2)) / pairs.sum((1, 2)).clamp(min=1)).mean()


def span_loss(scores: Tensor, distances: Tensor, is_gap: Tensor) -> Tensor:
    """Cross-entropy of the gap at which each constituent of three or more words is split, among its gaps; all (B, G).

    Every gap splits one constituent: that which reaches to the next gaps of at least its own distance on either side.
    """
    places = torch.arange(distances.shape[1], device=distances.device)
    ends = (distances[:, None, :] >= distances[:, :, None]) | ~is_gap[:, None, :]
    offsets = places[None, :] - places[:, None]
    before = torch.where(ends & (offsets < 0), places, -1).amax(2)
    after = torch.where(ends & (offsets > 0), places, len(places)).amin(2)
    inside = (places > before[:, :, None]) & (places < after[:, :, None])
    surprise = scores[:, None, :].masked_fill(~inside, -1e4).logsumexp(2) - scores
    is_split = (after - before > 2) & is_gap
    return (surprise * is_split).sum() / is_split.sum().clamp(min=1)


class Judged(NamedTuple):
    """What a model makes of a set of sentences."""

    counts: DistanceAgreement
    vectors: Tensor
    """(sentences, channels)."""
    former: Tensor
    """Vectors (sentences, channels) of the pretrained encoder as it came."""


def _cosines(vectors: Tensor, others: Tensor) -> str:
    """Of each vector with its other, all of unit length."""
    cosines = (vectors * others).sum(-1)
    return f"{float(cosines.mean()):.4f} and {float(cosines.min()):.4f}"


class Model(TrainableModel):
    """The encoder and the head, taught together."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts)
        self.analyser = Analyser(config)
        # What was read in little text would not agree with the words that were not read.
        self.analyser.encoder.pieces.requires_grad_(False)
        self._former: list[SentenceEncoder] = []

    def batches(self, corpus: Treebank, split: str, config: BatchConfig, seed: int) -> Batches:
        return TreebankBatches(corpus, split, self._pieces(), config.batch_pieces, config.lost_marks, seed)

    def _pieces(self) -> WordPieces:
        return WordPieces(package_file(self.config, TOKENIZER))

    def begin(self) -> str:
        self.analyser.encoder.load_state_dict(pretrained_state(self.config))
        return f"the encoder begins from {self.config.pretrained}"

    def losses(self, batch: Batch, submodel: str, step: int) -> dict[str, Tensor]:  # noqa: ARG002
        pieces, mask = batch["pieces"][:, :, 0], batch["piece_mask"]
        states = self.analyser.encoder(pieces, mask)
        predicted = self.analyser.head(states, batch["first_pieces"], batch["word_mask"])
        distances, is_gap = batch["distances"][:, 1:, 0], batch["word_mask"][:, 1:, 0] > 0
        order = order_loss(predicted[:, 1:, 0], distances, is_gap)
        span = span_loss(predicted[:, 1:, 0], distances, is_gap)
        with torch.no_grad():
            former = self._as_it_came()(pieces, mask)[-1]
        cosine = (sentence_vector(states[-1], mask) * sentence_vector(former, mask)).sum(-1).mean()
        drift = ((states[-1] - former).square().mean(-1, keepdim=True) * mask).sum() / mask.sum()
        loss = (
            order
            + self.config.span_weight * span
            + self.config.keeping_weight * (self.config.cosine_weight * (1 - cosine) + drift)
        )
        return {"loss": loss, "order": order, "span": span, "cosine": cosine, "drift": drift}

    def metrics(self, batch: Batch) -> dict[str, float]:
        """Chooses by brackets and order, for which the losses only stand."""
        measured = super().metrics(batch)
        counted = self.counts(batch)
        return {**measured, "loss": 2 - counted.bracket_f1 - counted.order, "f1": counted.bracket_f1, "order": counted.order}

    @torch.no_grad()
    def counts(self, batch: Batch) -> DistanceAgreement:
        """How far the distances of a batch are found."""
        predicted = self.analyser(*(batch[name] for name in INPUTS))[2][:, :, 0].cpu().numpy()
        true, lengths = batch["distances"][:, :, 0].cpu().numpy(), batch["word_mask"].sum((1, 2)).long().tolist()
        each = [agreement(true[row, :length].tolist(), predicted[row, :length].tolist()) for row, length in enumerate(lengths)]
        return DistanceAgreement(*map(sum, zip(*each, strict=True)))

    def _as_it_came(self) -> SentenceEncoder:
        """The encoder before it learnt anything here; no part of the state, because it can always be had again."""
        if not self._former:
            former = copy.deepcopy(self.analyser.encoder).requires_grad_(False)
            former.load_state_dict(pretrained_state(self.config))
            self._former.append(former)
        return self._former[0]

    def export_parts(self) -> list[ExportPart]:
        width = self.config.channels
        inputs = [
            PortSpec(name="pieces", rate="token", type="int64"),
            PortSpec(name="piece_mask", rate="token"),
            PortSpec(name="first_pieces", rate="word", type="int64"),
            PortSpec(name="word_mask", rate="word"),
        ]
        outputs = [
            PortSpec(name="sentence_vector", rate="utterance", channels=width),
            PortSpec(name="word_states", rate="word", channels=width),
            PortSpec(name="syntactic_distance", rate="word"),
        ]
        return [ExportPart("sentence_encoder", "analysis", self.analyser, inputs, outputs, mask="piece_mask", storage="int8")]

    def export_assets(self) -> dict[str, Path]:
        return {"tokenizer": package_file(self.config, TOKENIZER)}

    def rounding_figures(self, corpus: Treebank) -> Judged:
        return self._judged(list(TreebankBatches(corpus, "validation", self._pieces(), 2000, 0.0, 0).in_order()))

    def rounding_report(self, before: Judged, after: Judged) -> list[str]:
        former = before.former
        return [
            f"{len(former)} validation sentences, float32 and int8: bracket F1 {before.counts.bracket_f1:.4f} and "
            f"{after.counts.bracket_f1:.4f}, pairs in order {before.counts.order:.4f} and {after.counts.order:.4f}",
            f"cosine of sentence vectors, mean and least: int8 with float32 {_cosines(after.vectors, before.vectors)}; with "
            f"{self.config.pretrained}, float32 {_cosines(before.vectors, former)}, int8 {_cosines(after.vectors, former)}",
        ]

    def _judged(self, batches: Sequence[Batch]) -> Judged:
        counted = [self.counts(batch) for batch in batches]
        vectors, former = (self._vectors(encoder, batches) for encoder in (self.analyser.encoder, self._as_it_came()))
        return Judged(DistanceAgreement(*map(sum, zip(*counted, strict=True))), vectors, former)

    @staticmethod
    @torch.no_grad()
    def _vectors(encoder: SentenceEncoder, batches: Sequence[Batch]) -> Tensor:
        """(sentences, channels)."""
        masks = [batch["piece_mask"] for batch in batches]
        states = (encoder(batch["pieces"][:, :, 0], mask)[-1] for batch, mask in zip(batches, masks, strict=True))
        return torch.cat([sentence_vector(last, mask)[:, 0] for last, mask in zip(states, masks, strict=True)])

    @torch.no_grad()
    def export_samples(self, utterance: ParsedSentence) -> dict[str, tuple[Tensor, ...]]:
        batch = treebank_batch(self._pieces(), [(utterance, "all")])
        return {"sentence_encoder": tuple(batch[name] for name in INPUTS)}
