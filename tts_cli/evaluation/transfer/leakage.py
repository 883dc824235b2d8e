"""Speaker leakage of copycat checkpoints: speaker accuracy of probes on the latents, against F0 correlation of the transfer.

The clips are validation clips of speakers who read the same prompts, so that the text does not identify the speaker.
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
from tts_cli.evaluation.measures.pitch import correlation
from tts_cli.evaluation.measures.probes import PROBES, ProbeResult, cross_validate
from tts_cli.evaluation.prompts import parallel_readers
from tts_cli.evaluation.report import Column, Report, Row, save_figure
from tts_cli.evaluation.statistics import Estimate, mean_estimate
from tts_cli.training.checkpoints import load_model

COLUMNS = (
    Column("f0_correlation", "F0 corr.", 3),
    Column("without", "F0 corr. without latents", 3),
    Column("divergence", "KL nats a latent"),
    Column("logistic regression", "LR accuracy %", 1, 100.0),
    Column("GRU", "GRU accuracy %", 1, 100.0),
)
_BATCH_FRAMES = 3000
_VOICED = 0.5
_INCHES = (6.4, 4.4)


@dataclass(frozen=True)
class Point:
    """Measures of one copycat checkpoint."""

    run: str
    """Name of the checkpoint's file or folder."""
    step: int
    """Training step."""
    tau: int
    """Mel frames per latent step."""
    latent_channels: int
    f0_correlation: Estimate
    """Pearson correlation of log-F0 in other speakers' voices with the recording, over frames voiced in both."""
    without: Estimate
    """F0 correlation with the latents at the prior mean, that is without information from the recording."""
    divergence: Estimate
    """KL divergence of the posterior from the prior in nats per latent step, summed over channels."""
    divergences: tuple[float, ...]
    """KL divergence of each channel in nats, mean over steps and clips."""
    probes: dict[str, ProbeResult]
    """Speaker accuracy on the latents, by name of the probe."""

    @property
    def estimates(self) -> dict[str, Estimate]:
        """Estimates by the keys of `COLUMNS`."""
        accuracies = {name: result.accuracy for name, result in self.probes.items()}
        return {"f0_correlation": self.f0_correlation, "without": self.without, "divergence": self.divergence, **accuracies}


@dataclass(frozen=True)
class _Followed:
    """Latents and F0 correlations of one clip."""

    speaker: str
    latents: Floats
    """Posterior means, shape (L, C) for L latent steps of C channels."""
    divergences: Floats
    """KL divergence of each channel in nats, mean over time, shape (C,)."""
    f0_correlation: float
    """F0 correlation with the recording, mean over the other speakers."""
    without: float
    """F0 correlation with the latents at the prior mean, mean over the other speakers."""


def measure_leakage(runs: Sequence[Path], data: Path) -> tuple[Point, ...]:
    """Measure speaker leakage and F0 correlation of copycat checkpoints.

    Args:
        runs: checkpoints, as `load_model` opens them.
        data: folder of the prepared corpus; its validation clips of speakers who read the same texts are used.

    Returns:
        One point for each checkpoint.

    Raises:
        CheckpointError: if a checkpoint is not of a copycat model.
        CorpusError: if corpus and model do not share two speakers who read the same texts.
        InputError: if the extra `eval` is not installed.
    """
    return tuple(_measure(path, data) for path in runs)


def _measure(path: Path, data: Path) -> Point:
    model, checkpoint = load_model(path)
    if checkpoint.description.kind != "copycat":
        hint = "name a checkpoint of a copycat model"
        raise CheckpointError(f"{path}: a '{checkpoint.description.kind}' model has no latents", hint)
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
    """Return the inputs of `export_samples` and the speaker of every validation clip."""
    corpus = open_corpus(data, model.facts.mel, model.facts.symbols)
    speakers = parallel_readers((clip.speaker, clip.text) for clip in corpus.of_split("validation"))
    known = [name for name in speakers if name in corpus.speakers and name in model.facts.speaker_names]
    if len(known) < 2:
        raise CorpusError(
            f"{data}: the corpus and the model do not share two speakers who read the same texts: {', '.join(speakers)}",
            hint="prepare a corpus in which two speakers of the model read the same validation texts",
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
    """Return a function of target speaker and latent scale (1, or 0 for the prior mean) to the F0 correlation with the "
    "recording."""
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
    """Return the table of `points`, one row for each checkpoint."""
    rows = tuple(
        Row(f"tau {one.tau}, {one.latent_channels} channels", one.estimates, f"{one.run}, step {one.step}") for one in points
    )
    chance = next((result.chance for one in points for result in one.probes.values()), float("nan"))
    notes = (
        "On validation clips. F0 corr.: correlation of log-F0 decoded in other speakers' voices with the recording. Accuracy: "
        "probes predict the speaker from the latents, trained on other clips (LR: logistic regression); chance is "
        f"{100 * chance:.1f} %. Means over clips with 95 % bootstrap intervals.",
    )
    return Report("Leakage against F0 correlation", COLUMNS, rows, notes, tuple(asdict(one) for one in points))


def draw_curve(points: Sequence[Point], file: Path, probe: str = "GRU") -> None:
    """Plot F0 correlation against the accuracy of `probe`, with intervals, and write the figure to `file`.

    Raises:
        OutputError: if the file cannot be written.
        InputError: if the extra `eval` is not installed.
    """
    figure = require("matplotlib.figure").Figure(figsize=_INCHES, layout="constrained")
    axes = figure.subplots()
    for one, x, y in _placed(points, probe):
        bars = [[[e.value - e.low], [e.high - e.value]] for e in (x, y)]
        name = f"{one.run}: τ {one.tau}, {one.latent_channels} channels"
        axes.errorbar(100 * x.value, y.value, xerr=100 * np.array(bars[0]), yerr=bars[1], fmt="o", capsize=2, label=name)
    for chance in {one.probes[probe].chance for one in points}:
        axes.axvline(100 * chance, linestyle=":", color="grey", label="chance")
    axes.set_xlabel(f"accuracy of a {probe} that predicts the speaker from the latents (%): lower leaks less")
    axes.set_ylabel("F0 correlation with the source: higher is better")
    axes.legend(fontsize=8)
    save_figure(figure, file, dpi=130)


def _placed(points: Sequence[Point], probe: str) -> Iterator[tuple[Point, Estimate, Estimate]]:
    for one in points:
        yield one, one.probes[probe].accuracy, one.f0_correlation
