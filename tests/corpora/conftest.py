"""Tiny corpora: synthetic ones in every layout, and the sample that the project brings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tts_cli.audio.mel import MelConfig, energy, log_mel
from tts_cli.corpora.manifest import Corpus, CorpusSummary, Recording, SpeakerSummary, open_corpus, write_corpus
from tts_cli.text.phones import SYMBOLS

SAMPLE = Path(__file__).parents[2] / "data"
MEL = MelConfig()


def noise(seconds: float, seed: int = 0, level: float = 0.1) -> np.ndarray:
    return (
        (level * np.random.default_rng(seed).standard_normal(int(seconds * MEL.sample_rate))).clip(-0.9, 0.9).astype(np.float32)
    )


@pytest.fixture
def write_ljspeech(tmp_path: Path) -> Callable[..., Path]:
    """Writes an LJSpeech folder with these metadata lines and a recording for each id."""

    def write(name: str, lines: list[str], ids: list[str], suffix: str = ".wav") -> Path:
        folder = tmp_path / name
        (folder / "wavs").mkdir(parents=True)
        (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for number, clip in enumerate(ids):
            soundfile.write(folder / "wavs" / f"{clip}{suffix}", noise(0.5, number), MEL.sample_rate)
        return folder

    return write


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


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A prepared corpus of 60 clips of noise: 40 of anna, 15 of bert and 5 of carl; every tenth validates."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "features" / "toy").mkdir(parents=True)
    rows = []
    for number in range(60):
        speaker = "anna" if number < 40 else "bert" if number < 55 else "carl"
        num_frames = 30 + (number * 37) % 90
        rows.append(make_recording(number, num_frames, speaker, "validation" if number % 10 == 9 else "train"))
        np.savez(folder / rows[-1].features, **synthetic_features(num_frames, number))
    speakers = {name: SpeakerSummary(clips=1, seconds=1.0, mean_log_f0=5.0, std_log_f0=0.2) for name in ("anna", "bert", "carl")}
    write_corpus(folder, CorpusSummary(mel=MEL, mel_hash=MEL.hash, symbols=SYMBOLS, speakers=speakers, versions={}), rows)
    return open_corpus(folder)


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
