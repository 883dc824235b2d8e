"""Speaker encoder: recordings of any speaker to speaker embeddings (x-vectors).

A small x-vector network (Snyder et al., 2018), trained for speaker verification with additive margin softmax (Wang et al., 2018).
Every speaker of the corpus counts as three voices: the recorded one, and two with the frequency axis stretched and squeezed. Few
recorded speakers thus give more voices.

Shapes: B recordings, T mel frames.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.config.ranges import Expansion, Positive, Segments, Width
from tts_cli.corpora.batching import SegmentBatches
from tts_cli.corpora.facts import CorpusFacts, Features
from tts_cli.models import Batch, Batches, TrainableModel
from tts_cli.models.layers import ConvNeXtBlocks, FrequencyWarp, masked_mean_and_deviation
from tts_cli.models.parts import ExportPart
from tts_cli.ports import PortSpec

WARPS = (3, FrequencyWarp.IDENTITY, 13)
"""Indices in `FrequencyWarp.FACTORS` of the three voices of each speaker."""


class Config(StrictModel):
    """Sizes of the speaker encoder, and the parameters of its loss."""

    channels: Width = 128
    """Width of the layers."""
    layers: Annotated[int, Field(ge=1, le=6)] = 6
    """Convolution layers, 1 to 6."""
    expansion: Expansion = 2
    """Width of the hidden layer in each ConvNeXt block, as a multiple of the block's width."""
    dimensions: Width = 64
    """Dimensions of the speaker embedding."""
    scale: Positive = 20.0
    """Scale of the cosines in the softmax, greater than 0."""
    margin: Annotated[float, Field(ge=0, le=2)] = 0.2
    """Margin that is subtracted from the cosine of the true voice, at least 0."""


class BatchConfig(StrictModel):
    """Size of a batch of segments."""

    num_segments: Segments = 48
    """Segments of a batch."""
    segment_frames: Segments = 160
    """Mel frames of a segment."""


class SpeakerEncoder(nn.Module):
    """Encode a recording as a speaker embedding: dilated ConvNeXt blocks, mean and deviation over time, a linear layer.

    After the x-vector network of Snyder et al. (2018). mel (B, T, bands) in natural log, mask (B, T, 1), 1 inside the recording
    -> speaker embedding (B, 1, dimensions) of length 1.
    """

    DILATIONS = (1, 1, 2, 2, 4, 4)
    """Dilation of each layer, in frames."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        self.input = nn.Linear(facts.mel.num_bands, config.channels)
        dilations = self.DILATIONS[: config.layers]
        self.blocks = ConvNeXtBlocks(config.channels, 5, config.expansion, dilations)
        self.norm = nn.LayerNorm(config.channels)
        self.output = nn.Linear(2 * config.channels, config.dimensions)

    def forward(self, mel: Tensor, mask: Tensor) -> Tensor:
        # The level of a recording says nothing about the voice.
        level, _ = masked_mean_and_deviation(mel.mean(-1, keepdim=True), mask)
        hidden = self.input((mel - level) / 3.0)
        for block in self.blocks:
            hidden = block.same_length(hidden, mask)
        mean, deviation = masked_mean_and_deviation(self.norm(hidden), mask)
        return nn.functional.normalize(self.output(torch.cat([mean, deviation], -1)), dim=-1)


class Model(TrainableModel):
    """Speaker encoder with its training: a learnt direction for each voice, and the additive margin softmax (Wang et al., 2018).

    `loss` is the cross-entropy of the voice, with logits scale * (cosine - margin for the true voice); `accuracy` is the share of
    segments that lie nearest to their voice's direction.
    """

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts)
        self.speaker_encoder = SpeakerEncoder(config, facts)
        self.warp = FrequencyWarp(facts.mel)
        self.directions = nn.Parameter(torch.randn(len(facts.speakers), len(WARPS) * config.dimensions))

    def batches(self, corpus: Any, split: str, config: Any, seed: int) -> Batches:
        return SegmentBatches(corpus, split, config.num_segments, config.segment_frames, seed=seed)

    def losses(self, batch: Batch, submodel: str, step: int) -> dict[str, Tensor]:  # noqa: ARG002
        mel = batch["mel"]
        warp = torch.randint(len(WARPS), (len(mel),), device=mel.device)
        mel = self.warp(mel, torch.tensor(WARPS, device=mel.device)[warp])
        vectors = self.speaker_encoder(mel, torch.ones_like(mel[:, :, :1]))[:, 0]
        voices = nn.functional.normalize(self.directions.view(-1, self.config.dimensions), dim=-1)
        wanted = batch["speaker"] * len(WARPS) + warp
        cosines = vectors @ voices.T
        one_hot = nn.functional.one_hot(wanted, len(voices))
        loss = nn.functional.cross_entropy(self.config.scale * (cosines - self.config.margin * one_hot), wanted)
        return {"loss": loss, "accuracy": (cosines.argmax(-1) == wanted).float().mean()}

    def speaker_tables(self) -> tuple[str, ...]:
        return ("directions",)

    def export_parts(self) -> list[ExportPart]:
        mel = PortSpec(name="source_mel", rate="source_frame", channels=self.facts.mel.num_bands)
        mask = PortSpec(name="source_mask", rate="source_frame")
        vector = PortSpec(name="source_speaker", rate="utterance", channels=self.config.dimensions)
        return [ExportPart("speaker_encoder", "analysis", self.speaker_encoder, [mel, mask], [vector], mask=mask.name)]

    @torch.no_grad()
    def export_samples(self, utterance: Features) -> dict[str, tuple[Tensor, ...]]:
        mel = torch.from_numpy(np.asarray(utterance["mel"], np.float32))[None]
        return {"speaker_encoder": (mel, torch.ones_like(mel[:, :, :1]))}
