"""Tests of the vocoder: synthesis equals that of NumPy, the network keeps its margins, both submodels learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tts_cli.blocks.vocoder import NOISE_SUBFRAMES, SUBFRAMES, FilterBank, Framing, SourceFilter, harmonic_framing, noise_framing
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.errors import ConfigError
from tts_cli.models.source_filter import pulse_train, shape
from tts_cli.models.vocoder import Config, Model, hissing
from tts_cli.models.vocoder_networks import LOOKAHEAD, VocoderAdversarial, envelope_matrix
from tts_cli.models.waveform_discriminator import WaveformDiscriminatorConfig

SMALL = Config(
    channels=16,
    layers=1,
    pitch_channels=8,
    pitch_layers=1,
    pitch_bins=16,
    own_f0_after=0,
    adversarial=VocoderAdversarial(
        first_step=2, discriminators=WaveformDiscriminatorConfig(channels=2, periods=(3,), windows_ms=(16.0, 4.0))
    ),
)
HOP, RATE, BINS, NOISE_BINS = 200, 16000, 201, 51


def _frames(num_frames: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    f0 = 150 + 30 * np.sin(np.arange(num_frames) / 4)
    return {
        "log_f0": np.log(f0).astype(np.float32).reshape(1, -1, 1),
        "harmonic_filter": generator.standard_normal((1, num_frames, SUBFRAMES * 2 * BINS), np.float32) / 10,
        "noise_filter": np.abs(generator.standard_normal((1, num_frames, NOISE_SUBFRAMES * NOISE_BINS), np.float32)) / 10,
    }


def _in_numpy(frames: dict[str, np.ndarray], sizes: list[int]) -> np.ndarray:
    source, pieces, first = SourceFilter(HOP, RATE, seed=3), [], 0
    for size in sizes:
        pieces.append(source.feed({name: array[:, first : first + size] for name, array in frames.items()}))
        first += size
    return np.concatenate([*pieces, source.finish()])


def test_pulses_in_torch_are_those_in_numpy() -> None:
    frames = _frames(40)
    frames["noise_filter"] *= 0
    parts = torch.from_numpy(frames["harmonic_filter"]).unflatten(-1, (SUBFRAMES, 2, BINS))
    filters = torch.complex(parts[:, :, :, 0], parts[:, :, :, 1]).flatten(1, 2)
    pulses = pulse_train(
        torch.from_numpy(np.exp(frames["log_f0"][..., 0].astype(np.float64))), torch.zeros(1, dtype=torch.float64), HOP, RATE
    )
    in_torch = shape(pulses, filters, harmonic_framing(HOP))[0].numpy()
    in_numpy = _in_numpy(frames, [40])
    assert np.abs(in_numpy).max() > 0.05
    np.testing.assert_allclose(in_numpy[:-800], in_torch[:-800], atol=1e-5)


@pytest.mark.parametrize("framing", [harmonic_framing(HOP), noise_framing(HOP)])
def test_a_filter_bank_in_torch_is_the_one_in_numpy(framing: Framing) -> None:
    generator = np.random.default_rng(1)
    source = generator.standard_normal(20 * HOP).astype(np.float32)
    filters = np.abs(generator.standard_normal((20 * framing.subframes, framing.num_bins))).astype(np.float32)
    in_numpy = FilterBank(framing).feed(source, filters)
    in_torch = shape(torch.from_numpy(source)[None], torch.from_numpy(filters)[None], framing)[0].numpy()
    assert len(in_numpy) > 17 * HOP
    np.testing.assert_allclose(in_numpy, in_torch[: len(in_numpy)], atol=1e-4)


def test_filters_of_one_leave_the_source_as_it_is() -> None:
    source = np.random.default_rng(1).standard_normal(20 * HOP).astype(np.float32)
    for framing in (harmonic_framing(HOP), noise_framing(HOP)):
        same = FilterBank(framing).feed(source, np.ones((20 * framing.subframes, framing.num_bins), np.float32))
        inner = slice(framing.size, 17 * HOP)
        np.testing.assert_allclose(same[inner], source[inner], atol=1e-5)


def test_vocoders_with_noise_filters_as_long_as_harmonic_ones_still_speak() -> None:
    frames = _frames(20)
    frames["noise_filter"] = np.full((1, 20, SUBFRAMES * BINS), 0.1, np.float32)
    long = _in_numpy(frames, [20])
    frames["noise_filter"] = np.full((1, 20, NOISE_SUBFRAMES * NOISE_BINS), 0.1, np.float32)
    np.testing.assert_allclose(long[400:-800], _in_numpy(frames, [20])[400:-800], atol=1e-5)


def test_creak_is_no_hiss_and_a_fricative_or_a_pause_is() -> None:
    mel = torch.full((1, 12, 80), -6.0)
    mel[:, :3, :20] = mel[:, 6:9, 40:] = 0.0
    mel[:, 9:] = -11.0
    hiss = hissing(mel, torch.zeros(1, 12, 1))[0]
    assert hiss.tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    assert hissing(mel, torch.ones(1, 12, 1)).sum() == 0


@pytest.mark.parametrize("sizes", [[1] * 30, [7, 1, 22], [2] * 15])
def test_synthesis_does_not_depend_on_chunks(sizes: list[int]) -> None:
    frames = _frames(30)
    np.testing.assert_allclose(_in_numpy(frames, sizes), _in_numpy(frames, [30]), atol=1e-6)


def test_every_frame_becomes_a_hop_of_samples() -> None:
    assert len(_in_numpy(_frames(5), [5])) == 5 * HOP
    assert len(_in_numpy(_frames(1), [1])) == HOP


def test_the_network_loses_exactly_its_margins() -> None:
    model = Model(SMALL, CorpusFacts())
    num_frames = SMALL.margin + LOOKAHEAD + 4
    log_f0, harmonic, noise = model.network(torch.randn(1, num_frames, 80) - 5, torch.zeros(1, num_frames, 1))
    assert log_f0.shape == (1, 4, 1)
    assert harmonic.shape == (1, 4, SUBFRAMES * 2 * BINS)
    assert noise.shape == (1, 4, NOISE_SUBFRAMES * NOISE_BINS)


def test_given_f0_is_used_and_its_absence_is_filled() -> None:
    model = Model(SMALL, CorpusFacts())
    mel = torch.randn(1, 40, 80) - 5
    given = model.network(mel, torch.full((1, 40, 1), np.log(200.0)))[0]
    torch.testing.assert_close(given, torch.full_like(given, np.log(200.0)))
    own = model.network(mel, torch.zeros(1, 40, 1))[0]
    assert SMALL.f0_min_hz < float(own.exp().min()) <= float(own.exp().max()) < SMALL.f0_max_hz


def test_envelope_reads_a_flat_mel_flat() -> None:
    matrix = envelope_matrix(CorpusFacts().mel, BINS)
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-6)


def test_both_players_learn_and_only_their_own_parameters() -> None:
    torch.manual_seed(0)
    model = Model(SMALL, CorpusFacts())
    num_frames = 30 + 39 + LOOKAHEAD
    batch = {
        "mel": torch.randn(2, num_frames, 80) - 5,
        "log_f0": torch.full((2, num_frames, 1), 5.0),
        "voicing": torch.ones(2, num_frames, 1),
        "audio": 0.1 * torch.randn(2, 30 * HOP),
    }
    assert [model.trains_at(submodel, 1) for submodel in model.submodels()] == [False, True]
    assert [model.trains_at(submodel, 2) for submodel in model.submodels()] == [True, True]
    for submodel, parameters in model.submodels().items():
        model.zero_grad()
        model.losses(batch, submodel, 2)["loss"].backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in parameters)


def test_a_batch_with_too_short_margins_is_refused_by_name() -> None:
    model = Model(SMALL, CorpusFacts())
    frames = {
        name: torch.zeros(1, 20 + LOOKAHEAD + SMALL.margin - 1, size)
        for name, size in (("mel", 80), ("log_f0", 1), ("voicing", 1))
    }
    with pytest.raises(ConfigError, match="margin_frames is 1 less"):
        model.losses({**frames, "audio": torch.zeros(1, 20 * HOP)}, "generator", 0)


def test_mixed_precision_keeps_f0_phases_and_levels_exact() -> None:
    torch.manual_seed(0)
    model = Model(SMALL, CorpusFacts())
    num_frames = 30 + 39 + LOOKAHEAD
    batch = {
        "mel": torch.randn(2, num_frames, 80) - 5,
        "log_f0": torch.full((2, num_frames, 1), 5.0),
        "voicing": torch.ones(2, num_frames, 1),
        "audio": 0.1 * torch.randn(2, 30 * HOP),
    }
    measured = []
    for enabled in (False, True):
        torch.manual_seed(1)
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            losses = model.losses(batch, "generator", 2)
        losses["loss"].backward()
        gradient = torch.cat([p.grad.flatten() for p in model.network.parameters() if p.grad is not None])
        measured.append(({name: float(value.detach()) for name, value in losses.items()}, gradient))
    (exact, gradient), (mixed, mixed_gradient) = measured
    assert mixed == pytest.approx(exact, rel=0.02, abs=0.01)
    assert torch.cosine_similarity(gradient, mixed_gradient, dim=0) > 0.98
