"""Vocoder: a causal network predicts F0 and filters from the mel; source-filter synthesis makes the samples.

It is trained with spectral distances at several resolutions (Yamamoto et al., 2020) and with the mel of its own output; in an
adversarial stage also with discriminators of waveforms. Its receptive field reaches three frames ahead.

Shapes: B clips, T mel frames, F frames of a segment, S samples.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from tts_cli.audio.mel import hann_window, mel_filters
from tts_cli.blocks.vocoder import LOOKAHEAD_FRAMES, NOISE_SUBFRAMES, SUBFRAMES, harmonic_framing, noise_framing
from tts_cli.config import StrictModel
from tts_cli.config.ranges import Segments
from tts_cli.corpora.batching import Perturbation, Predicted, SegmentBatches
from tts_cli.corpora.facts import CorpusFacts, Features
from tts_cli.errors import ConfigError
from tts_cli.models import Batch, Batches, TrainableModel
from tts_cli.models.adversarial import DISCRIMINATOR, generator_losses, hinge_loss
from tts_cli.models.layers import magnitudes, weighted_mean, weighted_sum
from tts_cli.models.parts import ExportPart
from tts_cli.models.source_filter import pulse_train, shape
from tts_cli.models.vocoder_networks import LOOKAHEAD, Config, FilterNetwork, LossWeights, VocoderAdversarial
from tts_cli.models.waveform_discriminator import WaveformDiscriminators
from tts_cli.ports import PortSpec

__all__ = ["BatchConfig", "Config", "LossWeights", "Model", "VocoderAdversarial"]

GENERATOR = "generator"
"""Name of the submodel that synthesizes."""
HISS_BANDS, LOW_BANDS, HISS_RATIO = 40, 20, 2.7
"""Lowest mel band of the high range, end of the low range, and the factor by which the low range may exceed the high range in a
hiss."""
QUIET_NEPERS = 4.0
"""Level below the loudest frame of a segment from which a frame counts as a pause."""


class BatchConfig(StrictModel):
    """Size of a batch of segments, and augmentation."""

    num_segments: Segments = 6
    """Segments of a batch."""
    segment_frames: Segments = 128
    """Mel frames of a segment."""
    margin_frames: Annotated[int, Field(ge=0, le=100_000)] = 39
    """Past frames that precede each segment; at least the network's margin."""
    perturbation: Perturbation | None = Perturbation()
    """Speed and gain perturbation of the training segments; None: none."""
    predicted: Predicted | None = None
    """Segments with mels that acoustic models predicted; None: mels of recordings alone."""


def hissing(mel: Tensor, voicing: Tensor) -> Tensor:
    """Return 1 for frames without voice, (B, T): unvoiced, between unvoiced frames, and a hiss or a pause.

    A pitch tracker also labels creaky voice and the voice bar of a stop as unvoiced; their low bands are the louder ones, so they
    are no hiss.

    Args:
        mel: (B, T, bands), natural log.
        voicing: (B, T, 1), 1 on voiced frames.
    """
    unvoiced = 1 - nn.functional.max_pool1d(voicing[..., 0], 3, 1, 1)
    linear = mel.exp()
    hisses = HISS_RATIO * linear[..., HISS_BANDS:].mean(-1) > linear[..., :LOW_BANDS].mean(-1)
    level = linear.mean(-1).log()
    is_pause = level < level.amax(1, keepdim=True) - QUIET_NEPERS
    return unvoiced * (hisses | is_pause)


class Model(TrainableModel):
    """Vocoder with its training: filter network, source-filter synthesis (after DDSP, Engel et al., 2020), losses.

    mel (B, T, bands) in natural log -> F0 and filters of each frame, see `FilterNetwork` -> audio (B, S). The network is causal
    except for a look-ahead of three frames. In an adversarial stage, waveform discriminators judge the audio.
    """

    RESOLUTIONS = ((2048, 400), (1024, 200), (512, 128), (256, 64), (128, 32))
    """Window length and hop in samples of each STFT of the spectral loss."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts)
        self.network = FilterNetwork(config, facts.mel)
        stage = config.adversarial
        self.discriminators = WaveformDiscriminators(stage.discriminators, facts.mel.sample_rate) if stage else None
        self.mel_window = nn.Buffer(torch.from_numpy(hann_window(facts.mel.fft_samples)), persistent=False)
        self.mel_filters = nn.Buffer(torch.from_numpy(mel_filters(facts.mel)), persistent=False)
        for size, _ in self.RESOLUTIONS:
            self.register_buffer(f"window{size}", torch.hann_window(size), persistent=False)

    def batches(self, corpus: Any, split: str, config: Any, seed: int) -> Batches:
        self._check_segment(config.segment_frames)
        margins = (config.margin_frames, LOOKAHEAD)
        perturbation = config.perturbation if split == "train" else None
        return SegmentBatches(
            corpus, split, config.num_segments, config.segment_frames, margins, seed, perturbation, config.predicted
        )

    def _check_segment(self, num_frames: int) -> None:
        """Raise ConfigError when a segment is shorter than the longest window of the losses and discriminators."""
        mel, stage = self.facts.mel, self.config.adversarial
        windows = [mel.sample_rate * length / 1000 for length in (stage.discriminators.windows_ms if stage else ())]
        least = math.ceil(max(*windows, *(size for size, _ in self.RESOLUTIONS)) / mel.hop_samples)
        if num_frames < least:
            message = f"batches.segment_frames ({num_frames}) is less than the {least} frames of the longest window of the losses"
            raise ConfigError(message, hint=f"set batches.segment_frames to {least} or more")

    def submodels(self) -> dict[str, list[nn.Parameter]]:
        if self.config.adversarial is None or self.discriminators is None:
            return {GENERATOR: list(self.network.parameters())}
        trained = self.config.adversarial.trained
        learning = [parameter for name, parameter in self.named_parameters() if name.startswith(trained)]
        return {GENERATOR: learning, DISCRIMINATOR: list(self.discriminators.parameters())}

    def trains_at(self, submodel: str, step: int) -> bool:
        return self.config.adversarial is None or submodel == DISCRIMINATOR or step >= self.config.adversarial.first_step

    def synthesise(self, batch: Batch, use_own: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Synthesize the segments of a batch.

        Args:
            batch: A batch of `SegmentBatches`.
            use_own: (B, 1, 1) bool, true for segments with pulses at the network's own F0 instead of the tracked one.

        Returns:
            Audio (B, F * hop), and the losses `pitch` and `leakage`.

        Raises:
            ConfigError: `batches.margin_frames` is less than the network's margin.
        """
        skip = batch["mel"].shape[1] - batch["audio"].shape[1] // self.facts.mel.hop_samples - LOOKAHEAD - self.config.margin
        if skip < 0:
            raise ConfigError(
                f"batches.margin_frames is {-skip} less than the network's margin of {self.config.margin} frames",
                hint=f"set batches.margin_frames to {self.config.margin} or more",
            )
        mel, log_f0, voicing = (batch[name][:, skip:] for name in ("mel", "log_f0", "voicing"))
        standard = (mel - self.network.mean) / self.network.deviation
        scores = self.network.pitch.scores(standard)
        inner = slice(self.config.pitch_margin, mel.shape[1] - LOOKAHEAD)
        true = log_f0[:, inner]
        with torch.autocast(mel.device.type, enabled=False):
            log_probabilities, own = self.network.pitch.estimate(scores.float())
            pitch_loss = self.network.pitch.loss(log_probabilities, own, true, voicing[:, inner])
        used = torch.where(use_own, own.detach(), true)
        heads = self.network.heads(standard, used)
        described = slice(self.config.margin, mel.shape[1] - LOOKAHEAD)
        with torch.autocast(mel.device.type, enabled=False):
            excited, harmonic, noise = self.network.spectra(mel, heads.float(), used)
            leakage = self.leakage(harmonic, noise, hissing(mel[:, described], voicing[:, described]))
            return self.render(excited, harmonic, noise), {"pitch": pitch_loss, "leakage": leakage}

    def leakage(self, harmonic: Tensor, noise: Tensor, hiss: Tensor) -> Tensor:
        """Return the mean excess of the pulses over 3 nepers below the noise, in nepers, in frames where `hiss` (B, T) is 1; a
        scalar.

        Spectral distances prefer a pulse train to noise, which never matches sample by sample; without this loss an /s/ buzzes.

        Args:
            harmonic: (B, T, harmonic_filter) filters of the pulses, see `FilterNetwork`.
            noise: (B, T, noise_filter) filters of the noise.
            hiss: (B, T), 1 on frames without voice.
        """
        bins, noise_bins = self.network.num_bins, self.network.num_noise_bins
        pulses = harmonic.unflatten(-1, (SUBFRAMES, 2, bins)).square().sum(3)
        levels = torch.log(noise.unflatten(-1, (SUBFRAMES, -1, noise_bins)) + 1e-6).mean(3)
        levels = nn.functional.interpolate(levels.flatten(0, 1), bins, mode="linear", align_corners=True).view_as(pulses)
        ratio = 0.5 * torch.log(pulses + 1e-12) - levels
        return weighted_mean(nn.functional.relu(ratio + 3).mean((2, 3)), hiss)

    def render(self, log_f0: Tensor, harmonic: Tensor, noise: Tensor) -> Tensor:
        """Synthesize audio (B, T * hop) from the network's outputs, from a random phase and random noise.

        Args:
            log_f0: (B, T, 1), natural log of Hz.
            harmonic: (B, T, harmonic_filter), see `FilterNetwork`.
            noise: (B, T, noise_filter).
        """
        mel = self.facts.mel
        parts = harmonic.unflatten(-1, (SUBFRAMES, 2, self.network.num_bins))
        filters = torch.complex(parts[:, :, :, 0], parts[:, :, :, 1]).flatten(1, 2)
        phase = torch.rand(len(log_f0), device=log_f0.device, dtype=torch.float64)
        with torch.no_grad():
            pulses = pulse_train(torch.exp(log_f0[..., 0].double()), phase, mel.hop_samples, mel.sample_rate)
            white = torch.randn_like(pulses)
        noise_filters = noise.unflatten(-1, (NOISE_SUBFRAMES, -1)).flatten(1, 2)
        shaped_noise = shape(white, noise_filters, noise_framing(mel.hop_samples))
        return shape(pulses, filters, harmonic_framing(mel.hop_samples)) + shaped_noise

    def _trim(self, audio: Tensor) -> Tensor:
        """Cut the frames at both ends that lack neighbours for the overlap-add: (B, S) -> (B, S - 2 * edge)."""
        edge = LOOKAHEAD_FRAMES * self.facts.mel.hop_samples
        return audio[:, edge:-edge]

    def losses(self, batch: Batch, submodel: str, step: int) -> dict[str, Tensor]:
        own = torch.rand(len(batch["mel"]), 1, 1, device=batch["mel"].device) < (0.5 if step >= self.config.own_f0_after else 0.0)
        true = self._trim(batch["audio"])
        if submodel == DISCRIMINATOR and self.discriminators is not None:
            with torch.no_grad():
                false = self._trim(self.synthesise(batch, own)[0])
            return {"loss": hinge_loss(self.discriminators(true), self.discriminators(false))}
        audio, parts = self.synthesise(batch, own)
        false = self._trim(audio)
        parts |= {"spectral": self.spectral_loss(true, false), "mel": self.mel_loss(true, false)}
        loss = weighted_sum(parts, self.config.loss_weights)
        if self.discriminators is None or self.config.adversarial is None:
            return {"loss": loss, **parts}
        against = generator_losses(self.discriminators(true), self.discriminators(false))
        return {**parts, **against, "loss": loss + self.config.adversarial.weighted(against)}

    def spectral_loss(self, true: Tensor, false: Tensor) -> Tensor:
        """Return the multi-resolution STFT loss of audio (B, S), a scalar, mean over resolutions.

        Each resolution adds the L1 distance of log magnitudes and half the L1 distance of magnitudes to the power 0.3, which
        approximates loudness.
        """
        total = true.new_zeros(())
        for size, hop in self.RESOLUTIONS:
            window = getattr(self, f"window{size}")
            level = 0.02 * (size / 1024) ** 0.5
            a, b = magnitudes(true, window, hop) / level, magnitudes(false, window, hop) / level
            total = total + (torch.log(a + 0.1) - torch.log(b + 0.1)).abs().mean()
            total = total + 0.5 * ((a + 0.1) ** 0.3 - (b + 0.1) ** 0.3).abs().mean()
        return total / len(self.RESOLUTIONS)

    def mel_loss(self, true: Tensor, false: Tensor) -> Tensor:
        """Return the L1 distance of the log-mels of two signals (B, S), a scalar."""
        return (self.log_mel(true) - self.log_mel(false)).abs().mean()

    def log_mel(self, audio: Tensor) -> Tensor:
        """Return the natural-log mel of whole windows of `audio` (B, S): (B, frames, bands)."""
        with torch.autocast(audio.device.type, enabled=False):
            mel = magnitudes(audio, self.mel_window, self.facts.mel.hop_samples) @ self.mel_filters.T
            return torch.log(mel + 5 * self.facts.mel.floor)

    def metrics(self, batch: Batch) -> dict[str, float]:
        """Return the losses with the network's own F0. `loss` is absent in an adversarial stage, see `MelModel.metrics`."""
        own = torch.ones(len(batch["mel"]), 1, 1, dtype=torch.bool, device=batch["mel"].device)
        audio, parts = self.synthesise(batch, own)
        true, false = self._trim(batch["audio"]), self._trim(audio)
        parts |= {"spectral": self.spectral_loss(true, false), "mel": self.mel_loss(true, false)}
        measured = {name: float(part) for name, part in parts.items()}
        if self.config.adversarial is not None:
            return measured
        return {"loss": float(weighted_sum(parts, self.config.loss_weights)), **measured}

    def preview(self, batch: Batch) -> dict[str, NDArray[Any]]:
        own = torch.ones(1, 1, 1, dtype=torch.bool, device=batch["mel"].device)
        one = {name: tensor[:1] for name, tensor in batch.items()}
        audio = self.synthesise(one, own)[0]
        return {
            "audio/true": one["audio"][0].cpu().numpy(),
            "audio/made": audio[0].cpu().numpy(),
            "mel/true": self.log_mel(one["audio"])[0].cpu().numpy(),
            "mel/made": self.log_mel(audio)[0].cpu().numpy(),
        }

    def export_parts(self) -> list[ExportPart]:
        mel = self.facts.mel
        inputs = [
            PortSpec(name="mel", rate="frame", channels=mel.num_bands, pad=mel.silence),
            PortSpec(name="log_f0", rate="frame", optional=True, default=0.0),
        ]
        outputs = [
            PortSpec(name="log_f0", rate="frame"),
            PortSpec(name="harmonic_filter", rate="frame", channels=self.network.sizes[0]),
            PortSpec(name="noise_filter", rate="frame", channels=self.network.sizes[1]),
        ]
        return [ExportPart("vocoder", "vocoder", self.network, inputs, outputs, lookahead=LOOKAHEAD, splittable=True)]

    def export_samples(self, utterance: Features) -> dict[str, tuple[Tensor, ...]]:
        mel = self.facts.mel
        padded = np.pad(utterance["mel"], ((self.config.margin, LOOKAHEAD), (0, 0)), constant_values=mel.silence)
        log_mel = torch.from_numpy(padded.astype(np.float32))[None]
        return {"vocoder": (log_mel, torch.zeros(1, len(padded), 1))}
