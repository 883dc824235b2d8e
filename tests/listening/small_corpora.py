"""Small corpora for tests of listening tests: recordings of data/ under the speaker names of the tiny voices."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import soundfile
import soxr

ROOT = Path(__file__).parents[2]
SPOKEN = {
    "arctic_a0098": ("yes-no", "Shall I carry you?"),
    "arctic_a0207": ("wh", "How much was it?"),
    "arctic_b0195": ("statement", "Nobody knows how the natives got them."),
    "arctic_b0196": ("statement", "Shorty turned to their employers."),
}
"""Kind and text of the recordings by id; the audio of the last one is that of arctic_b0227."""
RECORDED_AS = {"arctic_b0196": "arctic_b0227"}
SPEAKERS = {"low": "cmu_us_bdl_arctic/wav", "high": "kathleen/wavs"}
"""Folders of the recordings by speaker: 16 kHz and 22.05 kHz."""


def write_corpora(folder: Path) -> Path:
    """Write a corpora folder with a test split of `low` and `high`, and an unseen speaker `guest`; return it."""
    rows = []
    for speaker, place in {**SPEAKERS, "guest": "cmu_us_slt_arctic/wav"}.items():
        home = folder / f"of_{speaker}"
        (home / "wavs").mkdir(parents=True)
        (home / "LICENSE").write_text("CC0", encoding="utf-8")
        for name, (kind, text) in SPOKEN.items():
            shutil.copyfile(ROOT / "data" / place / f"{RECORDED_AS.get(name, name)}.flac", home / "wavs" / f"{name}.flac")
            rows.append([home.name, speaker, name, "unseen" if speaker == "guest" else "test", kind, text])
        lines = [f"{name}|{text}\n" for name, (_, text) in SPOKEN.items()]
        (home / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    with (folder / "splits.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["corpus", "speaker", "id", "split", "kind", "text"], *rows])
    return folder


def write_peer(folder: Path, rate: int = 22050) -> Path:
    """Write a folder with audio for each recording of `low`, as another synthesiser may have made it; return it."""
    folder.mkdir()
    for name in SPOKEN:
        audio, own = soundfile.read(ROOT / "data/cmu_us_slt_arctic/wav" / f"{RECORDED_AS.get(name, name)}.flac")
        soundfile.write(folder / f"{name}.wav", soxr.resample(audio, own, rate), rate)
    return folder
