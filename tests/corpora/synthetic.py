"""Synthetic recordings and corpora, and paths of the sample corpus of the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from tts_cli.audio.mel import MelConfig, energy, log_mel
from tts_cli.corpora.manifest import Corpus, CorpusSummary, Recording, SpeakerSummary, open_corpus, write_arrays, write_corpus

SAMPLE = Path(__file__).parents[2] / "data"
MEL = MelConfig()
PROMPTS = {
    "arctic_a0207": "How much was it?",
    "arctic_a0390": "I'll go over tomorrow afternoon.",
    "arctic_b0195": "Nobody knows how the natives got them.",
}
"""Clips of the sample and their texts."""


def noise(seconds: float, seed: int = 0, level: float = 0.1) -> np.ndarray:
    return (
        (level * np.random.default_rng(seed).standard_normal(int(seconds * MEL.sample_rate))).clip(-0.9, 0.9).astype(np.float32)
    )


TOKENS = ("^", "HH", "AH0", "L", "OW1", ",", "B", "OY1", ".")


def make_recording(number: int, num_frames: int, speaker: str, split: str) -> Recording:
    """Return a row of the manifest: one frame for the first token, none for the comma, the rest shared out."""
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
    """Return features with recognisable frames: log_f0 counts them, voicing alternates in blocks of 5, audio is noise."""
    audio = noise(num_frames * MEL.hop_samples / MEL.sample_rate, seed)
    mel, frames = log_mel(audio, MEL), np.arange(num_frames)
    return {
        "mel": mel,
        "energy": energy(mel)[:, 0],
        "log_f0": frames.astype(np.float32),
        "voicing": (frames // 5 % 2).astype(np.float32),
        "audio": np.round(audio * 32768).astype(np.int16),
    }


SPOKEN = {"slt": "cmu_us_slt_arctic", "bdl": "cmu_us_bdl_arctic"}
"""Speakers of a corpus of real speech, and their folders in the sample."""


def spoken_recording(name: str, speaker: str, split: str, num_frames: int) -> Recording:
    """Return a row of the manifest with two tokens: one frame for the first, the rest for the second."""
    return Recording(
        id=name, audio_filepath=f"somewhere/{name}.wav", text="A.", normalized_text="a.", duration=num_frames / MEL.frame_rate,
        speaker=speaker, corpus="real", split=split, kind="statement", tokens=("^", "."), durations=(1, num_frames - 1),
        num_frames=num_frames, features=f"features/real/{name}.npz",
    )  # fmt: skip


def write_spoken_corpus(folder: Path, clips: int) -> Corpus:
    """Write a corpus of real speech with synthetic F0. Of each speaker, clip 1 is unvoiced and clip 3 is for validation."""
    rows = []
    for speaker, corpus in SPOKEN.items():
        for number, path in enumerate(sorted((SAMPLE / corpus / "wav").iterdir())[:clips]):
            samples, _ = soundfile.read(path, dtype="int16")
            audio = np.pad(samples, (0, -len(samples) % MEL.hop_samples))
            num_frames = len(audio) // MEL.hop_samples
            rows.append(spoken_recording(f"{speaker}-{number}", speaker, "validation" if number == 2 else "train", num_frames))
            mel = log_mel((audio / 32768).astype(np.float32), MEL)
            pitch = {"log_f0": np.full(num_frames, 5.01, np.float32), "voicing": np.zeros(num_frames, np.float32)}
            if number:
                voiced = np.flatnonzero(np.arange(num_frames) // 7 % 2)
                pitch["voicing"][voiced] = 1
                pitch["log_f0"][:] = np.interp(np.arange(num_frames), voiced, 5 + 0.3 * np.sin(voiced / 9))
            write_arrays(folder / rows[-1].features, {"mel": mel, "energy": energy(mel)[:, 0], "audio": audio, **pitch})
    summaries = {name: SpeakerSummary(clips=clips, seconds=3.0 * clips, mean_log_f0=5.0, std_log_f0=0.2) for name in SPOKEN}
    write_corpus(
        folder, CorpusSummary(mel=MEL, mel_hash=MEL.hash, symbols=("_", "^", "."), speakers=summaries, versions={}), rows
    )
    return open_corpus(folder)
