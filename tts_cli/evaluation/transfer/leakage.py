"""How much of who speaks leaks through a bottleneck, against how well it carries the melody: over checkpoints of copycat.

On the validation clips of the speakers who read the same prompts, so that what is said tells nothing of who says it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tts_cli.audio.mel import Floats
from tts_cli.corpora.batching import AcousticBatches
from tts_cli.corpora.manifest import Recording, open_corpus
from tts_cli.errors import CheckpointError, CorpusError
from tts_cli.evaluation.engine import tracked
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.measures.probes import PROBES, ProbeResult, cross_validate
from tts_cli.evaluation.measures.prosody import correlation
from tts_cli.evaluation.prompts import parallel_readers
from tts_cli.evaluation.report import Column, Report, Row, save_figure
from tts_cli.evaluation.statistics import Estimate, mean_estimate
from tts_cli.training.checkpoints import load_model

COLUMNS = (
    Column("f0_correlation", "F0 corr.", 3),
    Column("without", "F0 corr. without latents", 3),
    Column("divergence", "KL nats a latent"),
    Column("logistic regression", "told by LR %", 1, 100.0),
    Column("GRU", "told by GRU %", 1, 100.0),
)
_BATCH_FRAMES = 3000
_VOICED = 0.5
_INCHES = (6.4, 4.4)


@dataclass(frozen=True)
class Point:
    """One checkpoint."""

    run: str
    step: int
    tau: int
    """Frames for each latent."""
    latent_channels: int
    f0_correlation: Estimate
    """Of the contour in other speakers' voices with the recording's, over frames voiced in both."""
    without: Estimate
    """The same with latents at the prior mean."""
    divergence: Estimate
    """From the prior, in nats a latent, all channels together."""
    divergences: tuple[float, ...]
    """Of each channel."""
    probes: dict[str, ProbeResult]
    """By name: who speaks, told from the latents."""

    @property
    def estimates(self) -> dict[str, Estimate]:
        """By the keys of COLUMNS."""
        told = {name: result.accuracy for name, result in self.probes.items()}
        return {"f0_correlation": self.f0_correlation, "without": self.without, "divergence": self.divergence, **told}


@dataclass(frozen=True)
class _Followed:
    """One clip, seen through the bottleneck."""

    speaker: str
    latents: Floats
    """(L, C), the means."""
    divergences: Floats
    """(C,) means over time, in nats."""
    f0_correlation: float
    """Mean over other speakers."""
    without: float


def measure_leakage(runs: Sequence[Path], data: Path) -> tuple[Point, ...]:
    """Every checkpoint of `runs` on the validation clips of the speakers in the prepared corpus `data` who read the same texts.

    Raises CheckpointError for what is no checkpoint of copycat, CorpusError for a corpus or a model without two of the speakers.
    """
    return tuple(_measure(path, data) for path in runs)


def _measure(path: Path, data: Path) -> Point:
    model, checkpoint = load_model(path)
    if checkpoint.description.kind != "copycat":
        raise CheckpointError(f"{path}: a checkpoint of a '{checkpoint.description.kind}' model, which has no latents")
    torch.set_num_threads(1)
    utterances = _utterances(model, data)
    known = sorted({speaker for _, speaker in utterances})
    clips = [
        _follow(model, utterance, speaker, [name for name in known if name != speaker])
        for utterance, speaker in tracked(utterances, path.name)
    ]
    latents, names = [clip.latents for clip in clips], [clip.speaker for clip in clips]
    return Point(
        path.name,
        checkpoint.description.step,
        model.config.tau,
        model.config.latent_channels,
        mean_estimate([clip.f0_correlation for clip in clips if np.isfinite(clip.f0_correlation)]),
        mean_estimate([clip.without for clip in clips if np.isfinite(clip.without)]),
        mean_estimate([float(clip.divergences.sum()) for clip in clips]),
        tuple(float(value) for value in np.mean([clip.divergences for clip in clips], axis=0)),
        {name: cross_validate(probe, latents, names) for name, probe in PROBES.items()},
    )


def _utterances(model: Any, data: Path) -> list[tuple[dict[str, Any], str]]:
    """What `export_samples` reads of every clip, and who speaks."""
    corpus = open_corpus(data, model.facts.mel, model.facts.symbols)
    speakers = parallel_readers((clip.speaker, clip.text) for clip in corpus.of_split("validation"))
    known = [name for name in speakers if name in corpus.speakers and name in model.facts.speaker_names]
    if len(known) < 2:
        raise CorpusError(
            f"{data}: the corpus and the model do not share two speakers who read the same texts: {', '.join(speakers)}"
        )
    chosen = corpus.of_speakers(known)
    batches = AcousticBatches(chosen, "validation", _BATCH_FRAMES)
    return [(_utterance(batches, recording), recording.speaker) for recording in chosen.of_split("validation")]


def _utterance(batches: AcousticBatches, recording: Recording) -> dict[str, Any]:
    return {name: tensor[0].numpy() for name, tensor in batches.collate([recording]).items()}


@torch.no_grad()
def _follow(model: Any, utterance: dict[str, Any], speaker: str, others: Sequence[str]) -> _Followed:
    samples = model.export_samples({**utterance, "speaker": np.array(0)})
    posterior = model.reference_encoder.posterior(*samples["reference_encoder"])
    targets = [model.facts.speaker_names.index(name) for name in others]
    follow = _follower(model, samples["decoder"], utterance)
    return _Followed(
        speaker,
        posterior.mean[0].numpy(),
        posterior.divergence()[0].mean(0).numpy(),
        float(np.mean([follow(target, 1.0) for target in targets])),
        float(np.mean([follow(target, 0.0) for target in targets])),
    )


def _follower(model: Any, inputs: tuple[Tensor, ...], utterance: dict[str, Any]) -> Callable[[int, float], float]:
    """From a target and the strength of the latents to the correlation of its contour with the recording's."""
    text, latents, position, _ = inputs
    edge = model.config.margin - model.config.contour_margin

    def follow(target: int, strength: float) -> float:
        frames = model.decoder.concatenated(text, strength * latents, position)
        log_f0, voicing = (
            x[0, edge : x.shape[1] - edge, 0].numpy() for x in model.decoder.draw_contour(frames, torch.tensor([[[target]]]))
        )
        both = (utterance["voicing"][:, 0] > _VOICED) & (voicing > _VOICED)
        return correlation(log_f0[both], utterance["log_f0"][both, 0])

    return follow


def leakage_report(points: Sequence[Point]) -> Report:
    """A table of `points`."""
    rows = tuple(
        Row(f"tau {one.tau}, {one.latent_channels} channels", one.estimates, f"{one.run}, step {one.step}") for one in points
    )
    chance = next((result.chance for one in points for result in one.probes.values()), float("nan"))
    notes = (
        "On validation clips: correlation of the contour that is decoded in other speakers' voices with the recording's; who "
        f"speaks, told from the latents by probes that were taught on other clips, where chance is {100 * chance:.1f} %. Means "
        "over clips with 95 % bootstrap intervals.",
    )
    return Report("Leakage against F0 correlation", COLUMNS, rows, notes, tuple(asdict(one) for one in points))


def draw_curve(points: Sequence[Point], file: Path, probe: str = "GRU") -> None:
    """Draws accuracy of `probe` against F0 correlation, with intervals, into `file`. Raises OutputError."""
    figure = require("matplotlib.figure").Figure(figsize=_INCHES, layout="constrained")
    axes = figure.subplots()
    for one, x, y in _placed(points, probe):
        bars = [[[e.value - e.low], [e.high - e.value]] for e in (x, y)]
        name = f"{one.run}: τ {one.tau}, {one.latent_channels} channels"
        axes.errorbar(100 * x.value, y.value, xerr=100 * np.array(bars[0]), yerr=bars[1], fmt="o", capsize=2, label=name)
    for chance in {one.probes[probe].chance for one in points}:
        axes.axvline(100 * chance, linestyle=":", color="grey", label="chance")
    axes.set_xlabel(f"source speaker told from the latents by a {probe} (%): lower leaks less")
    axes.set_ylabel("F0 correlation with the source: higher follows better")
    axes.legend(fontsize=8)
    save_figure(figure, file, dpi=130)


def _placed(points: Sequence[Point], probe: str) -> Iterator[tuple[Point, Estimate, Estimate]]:
    for one in points:
        yield one, one.probes[probe].accuracy, one.f0_correlation
