from pathlib import Path

import numpy as np
import pytest

from tts_cli.errors import AudioError, InputError
from tts_cli.evaluation.extra import package_folder
from tts_cli.evaluation.measures import naturalness as room
from tts_cli.evaluation.measures.naturalness import naturalness


@pytest.mark.parametrize("audio", [np.zeros(16000, np.float32), np.zeros(0, np.float32)])
def test_silence_has_no_naturalness(audio: np.ndarray) -> None:
    with pytest.raises(AudioError, match="silent"):
        naturalness(audio, 16000)


def test_loudness_does_not_count_and_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("distillmos")
    time = np.arange(24000) / 16000
    buzz = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20)) * (1 + np.sin(2 * np.pi * 4 * time))
    audio = (0.1 * buzz).astype(np.float32)
    score = naturalness(audio, 16000)
    assert 1 <= score <= 5
    assert naturalness(0.25 * audio, 16000) == pytest.approx(score, abs=1e-3)
    assert 1 <= naturalness(np.repeat(audio, 2), 32000) <= 5
    assert capsys.readouterr().out == ""


def test_damaged_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distillmos")
    weights = bytearray((package_folder("distillmos") / "weights" / "distill_mos_v7.pt").read_bytes())
    weights[len(weights) // 2] ^= 1
    damaged = tmp_path / "weights" / "distill_mos_v7.pt"
    damaged.parent.mkdir()
    damaged.write_bytes(weights)
    monkeypatch.setattr(room, "package_folder", lambda _: tmp_path)
    room._predictor.cache_clear()
    with pytest.raises(InputError, match=rf"{damaged}: .* distillmos==0\.9\.1") as caught:
        naturalness(np.ones(16000, np.float32), 16000)
    assert caught.value.hint == "pip install --force-reinstall --no-deps distillmos==0.9.1"
