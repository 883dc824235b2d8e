"""Synthetic recordings and corpora, and where the sample lies that the project brings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tts_cli.audio.mel import MelConfig, energy, log_mel
from tts_cli.corpora.manifest import Recording

SAMPLE = Path(__file__).parents[2] / "data"
MEL = MelConfig()


def noise(seconds: float, seed: int = 0, level: float = 0.1) -> np.ndarray:
    return (
        (level * np.random.default_rng(seed).standard_normal(int(seconds * MEL.sample_rate))).clip(-0.9, 0.9).astype(np.float32)
    )


TOKENS = ("^", "HH", "AH0", "L", "OW1", ",", "B", "OY1", ".")


def make_recording(number: int, num_frames: int, speaker: str, split: str) -> Recording:
    """A row whose first token lasts one frame, whose comma lasts none, and whose other frames are shared out."""
    durations = [1, *[(num_frames - 1) // 7] * 4, 0, *[(num_frames - 1) // 7] * 3]
    durations[-1] += num_frames - sum(durations)
    return Recording(
        id=f"clip{number}",
        audio_filepath=f"clip{number}.wav",
        text="Hello, boy.",
        normalized_text="hello, boy.",
        duration=num_frames / MEL.frame_rate,
        speaker=speaker,
        corpus="toy",
        split=split,  # type: ignore[arg-type]
        kind="statement",
        tokens=TOKENS,
        durations=tuple(durations),
        num_frames=num_frames,
        features=f"features/toy/clip{number}.npz",
    )


def synthetic_features(num_frames: int, seed: int) -> dict[str, np.ndarray]:
    """Features that tell frames apart: log_f0 counts frames, voicing alternates in blocks of 5, audio is noise."""
    audio = noise(num_frames * MEL.hop_samples / MEL.sample_rate, seed)
    mel, frames = log_mel(audio, MEL), np.arange(num_frames)
    return {
        "mel": mel,
        "energy": energy(mel)[:, 0],
        "log_f0": frames.astype(np.float32),
        "voicing": (frames // 5 % 2).astype(np.float32),
        "audio": np.round(audio * 32768).astype(np.int16),
    }
