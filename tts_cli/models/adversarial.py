"""Adversarial training (Goodfellow et al., 2014): losses of generator and discriminators, and the discriminators of mels.

Small discriminators judge windows of several lengths of a mel, conditioned on the speaker by projection (Miyato and Koyama,
2018). A mel learnt by L1 regression is over-smoothed; the adversarial losses restore the detail of recordings.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.config.ranges import CountOrNone, Prefix, Share, Weight
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.models import Batch, TrainableModel

DISCRIMINATOR = "discriminator"
"""Name of the submodel that learns to tell recordings from synthesis."""

Verdict = tuple[Tensor, list[Tensor]]
"""Output of a discriminator: its scores, high for recordings, and the activations of each layer."""


class Adversarial(StrictModel):
    """Adversarial stage of a training: its start, its weights, and the parameters that it trains."""

    first_step: CountOrNone = 150
    """Step at which the generator begins to learn; until then only the discriminators learn."""
    weight: Weight = 0.05
    """Weight of the adversarial losses beside the regression losses, at least 0."""
    feature_weight: Weight = 2.0
    """Weight of the feature-matching loss within the adversarial losses (Larsen et al., 2016), at least 0."""
    trained: tuple[Prefix, ...]
    """Name prefixes of the generator's parameters that are trained; all others stay fixed."""

    def weighted(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Return weight * (adversarial + feature_weight * features), for the `losses` of `generator_losses`."""
        return self.weight * (losses["adversarial"] + self.feature_weight * losses["features"])


class MelAdversarial(Adversarial):
    """Adversarial stage of a model that makes mels."""

    windows: Annotated[tuple[Annotated[int, Field(ge=1, le=10_000)], ...], Field(min_length=1, max_length=16)] = (24, 48, 96)
    """Length of the window of each discriminator, in mel frames."""
    regression_steps: CountOrNone = 0
    """Steps before this stage in which all parameters learn by regression alone; `first_step` counts from their end. 0: the stage
    is a training of its own."""
    channels: Annotated[int, Field(ge=1, le=1024)] = 32
    """Width of the first layer of each discriminator; deeper layers are two and three times as wide."""
    drawn_share: Share = 0.0
    """For `network.flow` only: share of the adversarial loss, 0 to 1, that judges speech with durations and prosody drawn by the
    flow. Such speech has no regression or feature-matching loss, because its frames are not those of the recording."""


def hinge_loss(real: Sequence[Verdict], made: Sequence[Verdict]) -> Tensor:
    """Return the hinge loss of discriminators, a scalar (Lim and Ye, 2017): mean of max(0, 1 - real) + max(0, 1 + made).

    Args:
        real: Verdicts on recordings, one for each discriminator.
        made: Verdicts on synthesis, in the same order.
    """
    losses = [torch.relu(1 - a[0]).mean() + torch.relu(1 + b[0]).mean() for a, b in zip(real, made, strict=True)]
    return torch.stack(losses).mean()


def generator_losses(real: Sequence[Verdict], made: Sequence[Verdict]) -> dict[str, Tensor]:
    """Return the two losses of a generator, scalars.

    `adversarial` is minus the mean score of synthesis. `features` is the feature-matching loss: the L1 distance of the
    activations, relative to their mean magnitude for the recording, mean over layers.

    Args:
        real: Verdicts on recordings, one for each discriminator.
        made: Verdicts on synthesis, in the same order.
    """
    layers = [pair for (_, a), (_, b) in zip(real, made, strict=True) for pair in zip(a, b, strict=True)]
    features = [(a - b).abs().mean() / a.abs().mean() for a, b in layers]
    return {"adversarial": adversarial_loss(made), "features": torch.stack(features).mean()}


def adversarial_loss(made: Sequence[Verdict]) -> Tensor:
    """Return minus the mean score of synthesis, a scalar."""
    return torch.stack([-score.mean() for score, _ in made]).mean()


class SpectrogramDiscriminator(nn.Module):
    """Discriminator of spectrograms: four strided 2-D convolutions with weight normalization, and a convolution that scores.

    Inputs are spectrograms standardized to mean 0 and deviation 1, roughly.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        sizes = [1, channels, 2 * channels, 2 * channels, 3 * channels]
        kernels, strides = (5, 5, 3, 3), ((1, 2), (2, 2), (2, 2), (1, 1))
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(nn.Conv2d(a, b, kernel, stride, kernel // 2))
            for (a, b), kernel, stride in zip(pairwise(sizes), kernels, strides, strict=True)
        )
        self.score = nn.utils.parametrizations.weight_norm(nn.Conv2d(sizes[-1], 1, 3, padding=1))

    def judge(self, x: Tensor) -> Verdict:
        """Return scores (B, 1, frames', bands') and activations (B, C, frames', bands') for `x` (B, 1, frames, bands)."""
        activations = []
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), 0.2)
            activations.append(x)
        return self.score(x), activations


class MelDiscriminator(SpectrogramDiscriminator):
    """Discriminator of mel windows, conditioned on the speaker by projection (Miyato and Koyama, 2018).

    mel (B, 1, window, bands), standardized; speaker (B,) int64 ids -> scores (B, 1, window', bands') and activations.
    """

    def __init__(self, channels: int, num_speakers: int) -> None:
        super().__init__(channels)
        self.speakers = nn.Embedding(num_speakers, 3 * channels)
        nn.init.normal_(self.speakers.weight, std=0.02)

    def forward(self, mel: Tensor, speaker: Tensor) -> Verdict:
        scores, activations = self.judge(mel)
        projection = (self.speakers(speaker)[:, :, None, None] * activations[-1]).sum(1, keepdim=True)
        return scores + projection, activations


class MelDiscriminators(nn.Module):
    """One discriminator for every window length; each judges about the same total number of frames of an utterance.

    mel (B, T, bands) in natural log, mask (B, T, 1), speaker (B,) int64 ids, places from `places` -> one verdict for each window
    length.
    """

    CENTRE, SCALE = -5.0, 2.5
    """Mean and deviation by which mels are standardized."""

    def __init__(self, config: MelAdversarial, facts: CorpusFacts) -> None:
        super().__init__()
        self.windows, self.silence = config.windows, facts.mel.silence
        self.discriminators = nn.ModuleList(MelDiscriminator(config.channels, len(facts.speakers)) for _ in config.windows)

    def places(self, lengths: Tensor) -> list[Tensor]:
        """Draw random starts of windows.

        Args:
            lengths: (B,) lengths of the utterances, in frames.

        Returns:
            For each window length the first frames (B, count) of its windows, int64; shorter windows are more.
        """
        longest = max(self.windows)
        counts = [(window, longest // window) for window in self.windows]
        room = [(lengths - window).clamp(min=0)[:, None] + 1 for window, _ in counts]
        drawn = [torch.rand(len(lengths), count, device=lengths.device) for _, count in counts]
        return [(share * free).long() for share, free in zip(drawn, room, strict=True)]

    def forward(self, mel: Tensor, mask: Tensor, speaker: Tensor, places: Sequence[Tensor]) -> list[Verdict]:
        """Judge the windows of `mel` that begin at `places`; frames beyond the mask are digital silence.

        Args:
            mel: (B, T, bands), natural log.
            mask: (B, T, 1), 1 inside the utterance.
            speaker: (B,) int64 ids.
            places: First frames of the windows, as from `places`.

        Returns:
            One verdict for each window length; its batch axis has B * count items.
        """
        inside = torch.where(mask > 0, mel, self.silence)
        padded = nn.functional.pad(inside, (0, 0, 0, max(self.windows)), value=self.silence)
        scaled = (padded - self.CENTRE) / self.SCALE
        verdicts = []
        for discriminator, window, starts in zip(self.discriminators, self.windows, places, strict=True):
            frames = starts[:, :, None] + torch.arange(window, device=mel.device)
            rows = torch.arange(len(mel), device=mel.device)[:, None, None]
            cut = scaled[rows, frames].flatten(0, 1)
            verdicts.append(discriminator(cut[:, None], speaker.repeat_interleave(starts.shape[1])))
        return verdicts


class MelModel(TrainableModel):
    """Base of models that make mels: a regression, and discriminators if the configuration has an adversarial stage."""

    def __init__(self, config: StrictModel, facts: CorpusFacts) -> None:
        super().__init__(config, facts)
        stage = self.config.adversarial
        self.discriminators = MelDiscriminators(stage, facts) if stage else None

    @abstractmethod
    def regression(self, batch: Batch, step: int) -> tuple[dict[str, Tensor], Tensor]:
        """Return the regression losses by name, as `losses` does, and the mel (B, T, bands) that they judge."""

    def submodels(self) -> dict[str, list[nn.Parameter]]:
        if self.discriminators is None:
            return super().submodels()
        stage = self.config.adversarial
        beginnings = "" if stage.regression_steps else stage.trained
        named = [(name, parameter) for name, parameter in self._generator() if parameter.requires_grad]
        learning = [parameter for name, parameter in named if name.startswith(beginnings)]
        return {"model": learning, DISCRIMINATOR: list(self.discriminators.parameters())}

    def _generator(self) -> list[tuple[str, nn.Parameter]]:
        """Return the parameters without those of the discriminators and of fixed parts, by name."""
        fixed = tuple(f"{name}." for name in self.fixed_parts())
        return [(name, one) for name, one in self.named_parameters() if not name.startswith((f"{DISCRIMINATOR}s.", *fixed))]

    def fixed_parts(self) -> tuple[str, ...]:
        """Return the names of submodules that no training changes."""
        return ()

    def trains_at(self, submodel: str, step: int) -> bool:
        if self.discriminators is None:
            return True
        stage = self.config.adversarial
        since = step - stage.regression_steps
        return bool(since >= 0 if submodel == DISCRIMINATOR else since < 0 or since >= stage.first_step)

    def learns_at(self, parameter: str, step: int) -> bool:
        stage = self.config.adversarial
        return stage is None or step < stage.regression_steps or parameter.startswith((f"{DISCRIMINATOR}s.", *stage.trained))

    def losses(self, batch: Batch, submodel: str, step: int) -> dict[str, Tensor]:
        if submodel == DISCRIMINATOR:
            return {"loss": self._discriminator_loss(batch, step)}
        losses, made = self.regression(batch, step)
        stage = self.config.adversarial
        if self.discriminators is None or not self.training or step < stage.regression_steps:
            return losses
        against = generator_losses(*self._verdicts(batch, made))
        weighted = stage.weighted(against)
        if stage.drawn_share:
            against["drawn"] = adversarial_loss(self._judged(*self.drawn(batch), batch["speaker"]))
            weighted = weighted + stage.weight * stage.drawn_share * (against["drawn"] - against["adversarial"])
        return {**losses, **against, "loss": losses["loss"] + weighted}

    def _discriminator_loss(self, batch: Batch, step: int) -> Tensor:
        share: float = self.config.adversarial.drawn_share
        with torch.no_grad():
            _, made = self.regression(batch, step)
            drawn = self.drawn(batch) if share else None
        real, against = self._verdicts(batch, made)
        loss = hinge_loss(real, against)
        if drawn is None:
            return loss
        return (1 - share) * loss + share * hinge_loss(real, self._judged(*drawn, batch["speaker"]))

    def drawn(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return mels (B, T, bands) of the utterances of a batch with prosody drawn by a flow, and their mask (B, T, 1)."""
        raise NotImplementedError

    def _verdicts(self, batch: Batch, made: Tensor) -> tuple[list[Verdict], list[Verdict]]:
        """Judge recordings and synthesis on the same windows; return the verdicts on each."""
        discriminators = cast(MelDiscriminators, self.discriminators)
        mask, speaker = batch["frame_mask"], batch["speaker"]
        places = discriminators.places(mask[:, :, 0].sum(1))
        return discriminators(batch["mel"], mask, speaker, places), discriminators(made, mask, speaker, places)

    def _judged(self, mel: Tensor, mask: Tensor, speaker: Tensor) -> list[Verdict]:
        """Judge mels (B, T, bands) on random windows inside the mask (B, T, 1)."""
        discriminators = cast(MelDiscriminators, self.discriminators)
        verdicts: list[Verdict] = discriminators(mel, mask, speaker, discriminators.places(mask[:, :, 0].sum(1)))
        return verdicts

    def metrics(self, batch: Batch) -> dict[str, float]:
        """Return the losses and the detail of the mel. In an adversarial stage `loss` is absent, because it is smallest at the
        start.

        `detail/frames` and `detail/bands` are mean absolute differences of neighbouring frames and bands of the synthesis,
        relative to the recording's; 1 is as detailed as the recording.
        """
        losses, made = self.regression(batch, 0)
        measured = {name: float(value) for name, value in losses.items()}
        if self.discriminators is not None:
            del measured["loss"]
        mask = batch["frame_mask"]
        recorded = [_detail(batch["mel"], mask, axis) for axis in (1, 2)]
        drawn = [_detail(made, mask, axis) for axis in (1, 2)]
        return {**measured, "detail/frames": drawn[0] / recorded[0], "detail/bands": drawn[1] / recorded[1]}

    def discriminator_tables(self) -> tuple[str, ...]:
        """Return the state names of the discriminators' speaker embeddings."""
        count = 0 if self.discriminators is None else len(self.discriminators.discriminators)
        return tuple(f"discriminators.discriminators.{place}.speakers.weight" for place in range(count))


def _detail(mel: Tensor, mask: Tensor, axis: int) -> float:
    """Return the mean absolute difference of neighbours along `axis` (1: frames, 2: bands) of `mel` (B, T, bands), inside the
    mask."""
    difference = mel.diff(dim=axis).abs()
    inside = (mask if axis == 2 else mask[:, 1:]).expand_as(difference)
    return float((difference * inside).sum() / inside.sum())
