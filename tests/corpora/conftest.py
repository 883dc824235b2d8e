"""Fixtures of tiny corpora."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from synthetic import MEL, PROMPTS, SAMPLE, make_recording, noise, synthetic_features

from tts_cli.corpora.manifest import Corpus, CorpusSummary, SpeakerSummary, open_corpus, write_corpus
from tts_cli.text.phones import SYMBOLS


@pytest.fixture
def write_ljspeech(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes an LJSpeech folder with the given metadata lines and a recording for each id."""

    def write(name: str, lines: list[str], ids: list[str], suffix: str = ".wav") -> Path:
        folder = tmp_path / name
        (folder / "wavs").mkdir(parents=True)
        (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for number, clip in enumerate(ids):
            soundfile.write(folder / "wavs" / f"{clip}{suffix}", noise(0.5, number), MEL.sample_rate)
        return folder

    return write


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Write a prepared corpus of 60 clips of noise: 40 of anna, 15 of bert, 5 of carl; every tenth is for validation."""
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


@pytest.fixture
def few(tmp_path: Path) -> list[Path]:
    """Copy three clips of kathleen and two of bdl, and return their folders."""
    kathleen, bdl = tmp_path / "kathleen", tmp_path / "cmu_us_bdl_arctic"
    for folder, audio, names in ((kathleen, "wavs", list(PROMPTS)), (bdl, "wav", list(PROMPTS)[:2])):
        (folder / audio).mkdir(parents=True)
        for name in names:
            shutil.copy(SAMPLE / folder.name / audio / f"{name}.flac", folder / audio)
    (kathleen / "metadata.csv").write_text("".join(f"{name}|{text}\n" for name, text in PROMPTS.items()))
    (bdl / "etc").mkdir()
    (bdl / "etc" / "txt.done.data").write_text("".join(f'( {name} "{PROMPTS[name]}" )\n' for name in list(PROMPTS)[:2]))
    return [kathleen, bdl]
