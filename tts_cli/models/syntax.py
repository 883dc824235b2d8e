"""Text analyzer: sentence vectors and syntactic distances of words from one BERT.

The encoder is a BERT (Devlin et al., 2019) that was trained to give similar vectors to sentences of similar meaning (Reimers and
Gurevych, 2019). A head predicts syntactic distances (Shen et al., 2018) from the states of all its layers. Encoder and head are
trained together; a loss keeps the sentence vectors close to those of the pretrained encoder.

Shapes: B sentences, N word pieces, W words, G = W - 1 gaps between words, C channels.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.config.ranges import Count, Decay, Layers, Share, Weight, Width
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.corpora.treebank import DistanceAgreement, ParsedSentence, Treebank, TreebankBatches, agreement, treebank_batch
from tts_cli.models import Batch, Batches, TrainableModel
from tts_cli.models.parts import ExportPart
from tts_cli.models.sentence import EncoderConfig, Layer, SentenceEncoder, at, package_file, pretrained_state, sentence_vector
from tts_cli.ports import PortSpec
from tts_cli.selection.pieces import WordPieces

TOKENIZER = "tokenizer.json"
"""File of the tokenizer in the pretrained package."""
INPUTS = ("pieces", "piece_mask", "first_pieces", "word_mask")
"""Names of the analyzer's inputs, in order."""


class Config(EncoderConfig):
    """Sizes of encoder and head, and the weights of the losses."""

    head_channels: Width = 256
    """Width of the head's layers; a multiple of `head_heads`."""
    head_layers: Layers = 1
    """Transformer layers of the head."""
    head_heads: Annotated[int, Field(ge=1, le=256)] = 4
    """Attention heads of each layer of the head."""
    dropout: Decay = 0.3
    """Dropout probability in the head, in [0, 1); half of it in the head's transformer layers."""
    span_weight: Weight = 1.0
    """Weight of the span loss (cross-entropy of the split of each constituent) beside the order loss, which has weight 1. At
    least 0."""
    keeping_weight: Weight = 1.0
    """Weight of the loss that keeps sentence vectors and states close to the pretrained encoder's, at least 0."""
    cosine_weight: Weight = 10.0
    """Weight of 1 - cosine of the sentence vectors within this loss, beside the squared distance of the states. At least 0."""

    @model_validator(mode="after")
    def _head_heads_divide_head_channels(self) -> Self:
        if self.head_channels % self.head_heads:
            raise ValueError(f"head_channels ({self.head_channels}) must be a multiple of head_heads ({self.head_heads})")
        return self


class BatchConfig(StrictModel):
    """Size of a batch of sentences, and augmentation."""

    batch_pieces: Count = 900
    """Word pieces of a batch, padding included; a longer sentence is a batch of its own."""
    lost_marks: Share = 0.5
    """Share of the sentences that lose some of their punctuation in training, in [0, 1], as transcripts of speech do."""


class DistanceHead(nn.Module):
    """Predict the syntactic distance before each word: a mix of the encoder's layers, transformer layers, and a network on word
    pairs.

    states (B, N, C) of each layer, first_pieces (B, W, 1) int64, the position of each word's first piece, word_mask (B, W, 1) ->
    distances (B, W, 1), 0 for the first word.
    """

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
    """The exported network: sentence encoder and distance head in one pass.

    pieces (B, N, 1) int64 ids, piece_mask (B, N, 1), first_pieces (B, W, 1) int64, word_mask (B, W, 1) -> sentence_vector (B, 1,
    C) of length 1, word_states (B, W, C), syntactic_distance (B, W, 1).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.encoder = SentenceEncoder(config)
        self.head = DistanceHead(config)

    def forward(self, pieces: Tensor, piece_mask: Tensor, first_pieces: Tensor, word_mask: Tensor) -> tuple[Tensor, ...]:
        states = self.encoder(pieces[:, :, 0], piece_mask)
        distances = self.head(states, first_pieces, word_mask)
        return sentence_vector(states[-1], piece_mask), at(states[-1], first_pieces), distances


def order_loss(scores: Tensor, distances: Tensor, is_gap: Tensor) -> Tensor:
    """Return the hinge loss of the order of all pairs of gaps with unequal distances (Shen et al., 2018), mean over sentences.

    For each pair it is max(0, 1 - (score of the larger - score of the smaller)).

    Args:
        scores: (B, G), predicted distances.
        distances: (B, G), distances in the tree.
        is_gap: (B, G), false on padding.
    """
    pairs = (distances[:, :, None] > distances[:, None, :]) & is_gap[:, :, None] & is_gap[:, None, :]
    missing = nn.functional.relu(1 - (scores[:, :, None] - scores[:, None, :])) * pairs
    return (missing.sum((1, 2)) / pairs.sum((1, 2)).clamp(min=1)).mean()


def span_loss(scores: Tensor, distances: Tensor, is_gap: Tensor) -> Tensor:
    """Return the cross-entropy of the gap that splits each constituent of three or more words, among its gaps; mean over
    constituents.

    Every gap splits one constituent, which reaches on either side to the next gap of at least the same distance.

    Args:
        scores: (B, G), predicted distances.
        distances: (B, G), distances in the tree.
        is_gap: (B, G), false on padding.
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


class RoundingFigures(NamedTuple):
    """Outputs of a model for a set of sentences, for the comparison before and after rounding."""

    counts: DistanceAgreement
    """Agreement of the predicted distances with the trees."""
    vectors: Tensor
    """Sentence vectors, (sentences, C)."""
    pretrained: Tensor
    """Sentence vectors of the pretrained encoder before training, (sentences, C)."""


def _cosines(vectors: Tensor, others: Tensor) -> str:
    """Return mean and minimum of the cosines of paired vectors of length 1, (sentences, C) each, as text."""
    cosines = (vectors * others).sum(-1)
    return f"{float(cosines.mean()):.4f} and {float(cosines.min()):.4f}"


class Model(TrainableModel):
    """Text analyzer with its training: the order and span losses of the head, and the loss that keeps the encoder.

    `order` and `span` are the losses of the distances; `cosine` is the mean cosine of the sentence vectors with the pretrained
    encoder's, `drift` the mean squared difference of the last states. Word pieces (B, N, 1) -> sentence vectors, word states and
    distances, see `Analyser`.
    """

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts)
        self.analyser = Analyser(config)
        # Only few word pieces occur in a small corpus; training their embeddings would move them away from all others.
        self.analyser.encoder.pieces.requires_grad_(False)
        self._pretrained_copy: list[SentenceEncoder] = []

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
            pretrained = self._pretrained()(pieces, mask)[-1]
        cosine = (sentence_vector(states[-1], mask) * sentence_vector(pretrained, mask)).sum(-1).mean()
        drift = ((states[-1] - pretrained).square().mean(-1, keepdim=True) * mask).sum() / mask.sum()
        loss = (
            order
            + self.config.span_weight * span
            + self.config.keeping_weight * (self.config.cosine_weight * (1 - cosine) + drift)
        )
        return {"loss": loss, "order": order, "span": span, "cosine": cosine, "drift": drift}

    def metrics(self, batch: Batch) -> dict[str, float]:
        """Return the losses, with `loss` = 2 - bracket F1 - share of pairs of syntactic distances in order.

        The best checkpoint has the smallest `loss`.
        """
        measured = super().metrics(batch)
        counted = self.counts(batch)
        return {**measured, "loss": 2 - counted.bracket_f1 - counted.order, "f1": counted.bracket_f1, "order": counted.order}

    @torch.no_grad()
    def counts(self, batch: Batch) -> DistanceAgreement:
        """Return the agreement of the predicted distances of a batch with the trees."""
        predicted = self.analyser(*(batch[name] for name in INPUTS))[2][:, :, 0].cpu().numpy()
        true, lengths = batch["distances"][:, :, 0].cpu().numpy(), batch["word_mask"].sum((1, 2)).long().tolist()
        each = [agreement(true[row, :length].tolist(), predicted[row, :length].tolist()) for row, length in enumerate(lengths)]
        return DistanceAgreement(*map(sum, zip(*each, strict=True)))

    def _pretrained(self) -> SentenceEncoder:
        """Return a copy of the pretrained encoder before training. It is not part of the state, because the package always
        provides it."""
        if not self._pretrained_copy:
            pretrained = copy.deepcopy(self.analyser.encoder).requires_grad_(False)
            pretrained.load_state_dict(pretrained_state(self.config))
            self._pretrained_copy.append(pretrained)
        return self._pretrained_copy[0]

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

    def rounding_figures(self, corpus: Treebank) -> RoundingFigures:
        return self._figures_of(list(TreebankBatches(corpus, "validation", self._pieces(), 2000, 0.0, 0).in_order()))

    def rounding_report(self, before: RoundingFigures, after: RoundingFigures) -> list[str]:
        reference = before.pretrained
        return [
            f"{len(reference)} validation sentences, float32 and int8: bracket F1 {before.counts.bracket_f1:.4f} and "
            f"{after.counts.bracket_f1:.4f}, pairs in order {before.counts.order:.4f} and {after.counts.order:.4f}",
            f"cosine of sentence vectors, mean and least: int8 with float32 {_cosines(after.vectors, before.vectors)}; with "
            f"{self.config.pretrained}, float32 {_cosines(before.vectors, reference)}, int8 {_cosines(after.vectors, reference)}",
        ]

    def _figures_of(self, batches: Sequence[Batch]) -> RoundingFigures:
        counted = [self.counts(batch) for batch in batches]
        vectors, pretrained = (self._vectors(encoder, batches) for encoder in (self.analyser.encoder, self._pretrained()))
        return RoundingFigures(DistanceAgreement(*map(sum, zip(*counted, strict=True))), vectors, pretrained)

    @staticmethod
    @torch.no_grad()
    def _vectors(encoder: SentenceEncoder, batches: Sequence[Batch]) -> Tensor:
        """Return the sentence vectors of all batches, (sentences, C)."""
        masks = [batch["piece_mask"] for batch in batches]
        states = (encoder(batch["pieces"][:, :, 0], mask)[-1] for batch, mask in zip(batches, masks, strict=True))
        return torch.cat([sentence_vector(last, mask)[:, 0] for last, mask in zip(states, masks, strict=True)])

    @torch.no_grad()
    def export_samples(self, utterance: ParsedSentence) -> dict[str, tuple[Tensor, ...]]:
        batch = treebank_batch(self._pieces(), [(utterance, "all")])
        return {"sentence_encoder": tuple(batch[name] for name in INPUTS)}
