import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tts_cli.audio.mel import MelConfig
from tts_cli.cli.main import main
from tts_cli.corpora.facts import CorpusFacts, SpeakerFacts
from tts_cli.errors import CheckpointError, CorpusError, OutputError
from tts_cli.evaluation.transfer import leakage
from tts_cli.evaluation.transfer.leakage import draw_curve, leakage_report, measure_leakage
from tts_cli.models import copycat, speaker

for needed in ("sklearn", "matplotlib", "scipy"):
    pytest.importorskip(needed)
SIZES: dict[str, Any] = {"channels": 8, "prosody_channels": 8, "encoder_layers": 1, "decoder_layers": 1}
SMALL = copycat.Config(
    **SIZES,
    contour_layers=1,
    contour_channels=8,
    latent_channels=3,
    reference_channels=8,
    reference_layers=2,
    speaker_encoder=speaker.Config(channels=8, layers=1, dimensions=4),
)
FACTS = CorpusFacts(
    mel=MelConfig(),
    symbols=("_", "^", ".", "AA1"),
    speakers=tuple(SpeakerFacts(name=name, mean_log_f0=5.0, std_log_f0=0.2) for name in ("kathleen", "slt")),
)


def utterance(seed: int) -> dict[str, Any]:
    """Return the tensors of one clip as `AcousticBatches.collate` gives them."""
    generator = np.random.default_rng(seed)
    durations = np.array([2, 30, 8])
    frames = {"log_f0": 5 + 0.2 * np.sin(np.arange(40) / (3 + seed % 4)), "voicing": np.arange(40) % 5 > 0}
    return {
        "phones": np.array([1, 3, 2]),
        "durations": durations,
        "mel": generator.normal(-5, 1, (40, 80)).astype(np.float32),
        **{name: values[:, None].astype(np.float32) for name, values in frames.items()},
    }


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run of a copycat with random weights, and ten clips of each of two speakers."""
    torch.manual_seed(0)
    model = copycat.Model(SMALL, FACTS).eval()
    with torch.no_grad():
        # All frames are voiced.
        model.decoder.contour_head.bias[1] = 9.0
    checkpoint = SimpleNamespace(description=SimpleNamespace(kind="copycat", step=7))
    clips = [(utterance(place), FACTS.speaker_names[place % 2]) for place in range(20)]
    monkeypatch.setattr(leakage, "load_model", lambda _path: (model, checkpoint))
    monkeypatch.setattr(leakage, "_utterances", lambda *_: clips)
    probe = lambda _sequences, _labels, unknown, _seed: np.zeros(len(unknown), np.int64)  # noqa: E731
    monkeypatch.setattr(leakage, "PROBES", {"logistic regression": probe, "GRU": probe})
    return Path("runs/small")


def test_a_checkpoint_becomes_a_point(run: Path) -> None:
    (point,) = measure_leakage([run], Path("data"))
    assert (point.run, point.step, point.tau, point.latent_channels) == ("small", 7, SMALL.tau, 3)
    assert point.f0_correlation.num_clips == 20
    assert point.f0_correlation.value != point.without.value
    assert -1 <= point.without.low <= point.without.high <= 1
    assert sum(point.divergences) == pytest.approx(point.divergence.value, rel=1e-5)
    assert point.divergence.value > 0
    assert point.probes["GRU"].accuracy.value == point.probes["GRU"].chance == 0.5
    row = leakage_report([point]).rows[0]
    assert row.estimates["GRU"].value == 0.5
    assert "chance is 50.0 %" in leakage_report([point]).notes[0]


def test_contours_that_are_followed_correlate(run: Path) -> None:
    model, _ = leakage.load_model(run)
    taken = utterance(0)
    text, latents, position, target = model.export_samples({**taken, "speaker": np.array(1)})["decoder"]
    edge = SMALL.margin - SMALL.contour_margin
    with torch.no_grad():
        drawn = model.decoder.draw_contour(model.decoder.concatenated(text, latents, position), target)[0]
    taken["log_f0"] = drawn[0, edge : drawn.shape[1] - edge].numpy() - 0.7
    followed = leakage._follow(model, taken, "kathleen", ["slt"])
    assert followed.f0_correlation == pytest.approx(1, abs=1e-4)
    assert followed.without < 0.99
    assert followed.latents.shape == (5, 3)


def test_the_command_prints_and_draws(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "curve.png"
    assert main(["evaluate", "leakage", str(run), "--data", "data", "--plot", str(picture), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["f0_correlation"]["num_clips"] == 20
    assert picture.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OutputError, match="cannot be written"):
        draw_curve(measure_leakage([run], Path("data")), tmp_path / "nowhere" / "curve.png")


def test_what_has_no_latents_or_no_parallel_speakers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = SimpleNamespace(description=SimpleNamespace(kind="acoustic", step=7))
    monkeypatch.setattr(leakage, "load_model", lambda _path: (None, checkpoint))
    with pytest.raises(CheckpointError, match="no latents"):
        measure_leakage([Path("x")], Path("data"))
    read = [SimpleNamespace(speaker=name, text="Hello.") for name in ("kathleen", "slt")]
    corpus = SimpleNamespace(speakers=("kathleen",), of_split=lambda _: read)
    monkeypatch.setattr(leakage, "open_corpus", lambda *_: corpus)
    with pytest.raises(CorpusError, match="do not share"):
        leakage._utterances(SimpleNamespace(facts=FACTS), Path("data"))
