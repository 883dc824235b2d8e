"""Tests of the waveform discriminators: audio of any length, gradients to the audio, float32 where it is needed."""

import pytest
import torch

from tts_cli.models.waveform_discriminator import (
    PeriodDiscriminator,
    ResolutionDiscriminator,
    WaveformDiscriminatorConfig,
    WaveformDiscriminators,
)

SMALL = WaveformDiscriminatorConfig(channels=2)
RATE = 16000


def _discriminators(config: WaveformDiscriminatorConfig = SMALL) -> WaveformDiscriminators:
    torch.manual_seed(0)
    return WaveformDiscriminators(config, RATE)


def _audio(num_samples: int = 4000) -> torch.Tensor:
    return 0.1 * torch.randn(2, num_samples, generator=torch.Generator().manual_seed(1))


def test_each_period_and_each_resolution_gives_scores_and_activations() -> None:
    judgements = _discriminators()(_audio())
    assert len(judgements) == len(SMALL.periods) + len(SMALL.windows_ms)
    for place, (scores, activations) in enumerate(judgements):
        assert (len(scores), scores.ndim) == ((2, 2) if place < len(SMALL.periods) else (2, 4))
        assert len(activations) == (5 if place < len(SMALL.periods) else 4)
        assert all(len(activation) == 2 and activation.ndim == 4 for activation in activations)


@pytest.mark.parametrize("period", SMALL.periods)
def test_a_period_discriminator_keeps_the_columns_apart(period: int) -> None:
    torch.manual_seed(0)
    discriminator = PeriodDiscriminator(period, 2)
    audio = _audio(50 * period + 1)
    changed = audio.clone()
    changed[:, 10 * period] += 0.5
    before, after = discriminator(audio)[1][-1], discriminator(changed)[1][-1]
    assert before.shape[3] == period
    differs = (before - after).abs().amax((0, 1, 2)) > 0
    assert differs.tolist() == [True] + [False] * (period - 1)


def test_a_resolution_discriminator_sees_a_tone_where_it_is() -> None:
    discriminator = ResolutionDiscriminator(400, 2)
    time = torch.arange(4000) / RATE
    spectrogram = discriminator.spectrogram(torch.sin(2 * torch.pi * 2000 * time)[None])
    assert spectrogram.shape == (1, 1 + (4000 - 400) // 100, 201)
    assert spectrogram.argmax(2).unique().tolist() == [2000 * 400 // RATE]


def test_windows_follow_the_sample_rate() -> None:
    sizes = [
        [len(part.window) for part in WaveformDiscriminators(SMALL, rate).parts if isinstance(part, ResolutionDiscriminator)]
        for rate in (16000, 24000)
    ]
    assert sizes == [[512, 256, 128, 64], [768, 384, 192, 96]]


def test_a_period_discriminator_of_32_channels_has_the_size_of_the_paper() -> None:
    count = sum(parameter.numel() for parameter in PeriodDiscriminator(2, 32).parameters())
    assert count == pytest.approx(8.2e6, rel=0.02)


def test_gradients_reach_the_audio_also_where_it_is_silent() -> None:
    audio = _audio()
    audio[1] = 0
    audio.requires_grad_()
    for scores, activations in _discriminators()(audio):
        loss = scores.mean() + sum(activation.abs().mean() for activation in activations)
        (gradient,) = torch.autograd.grad(loss, audio)
        assert gradient.isfinite().all()
        assert gradient[0].abs().max() > 0


def test_judgements_are_the_same_again() -> None:
    one, other = _discriminators()(_audio()), _discriminators()(_audio())
    for (scores, activations), (same_scores, same_activations) in zip(one, other, strict=True):
        assert torch.equal(scores, same_scores)
        assert all(torch.equal(a, b) for a, b in zip(activations, same_activations, strict=True))


def test_in_mixed_precision_spectra_stay_in_float32_and_scores_agree() -> None:
    model, audio = _discriminators(), _audio().requires_grad_()
    exact = model(audio)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model(audio)
        spectrum = model.parts[-1].spectrogram(audio.bfloat16())
    assert spectrum.dtype == torch.float32
    for (scores, _), (rounded, _) in zip(exact, mixed, strict=True):
        torch.testing.assert_close(rounded.float(), scores, atol=0.05, rtol=0.05)
    sum(scores.float().mean() for scores, _ in mixed).backward()
    assert audio.grad is not None
    assert audio.grad.isfinite().all()
