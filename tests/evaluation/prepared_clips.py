"""Prepared corpus whose recordings are clips of this repository, under the names of the tiny voices' speakers."""

import csv
from collections.abc import Sequence
from pathlib import Path

from tts_cli.audio.mel import MelConfig
from tts_cli.corpora.manifest import CorpusSummary, Recording, SpeakerSummary, Split, write_corpus
from tts_cli.text.phones import SYMBOLS

DATA = Path(__file__).parents[2] / "data"
READERS = {"high": "cmu_us_slt_arctic", "low": "cmu_us_bdl_arctic"}
"""Corpus with the clips of each speaker."""


def write_prepared(folder: Path, splits: Sequence[Split], each: int = 2) -> Path:
    """Write a prepared corpus without features: `each` clips of every speaker in every split."""
    with (DATA / "splits.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    recordings = []
    for speaker, corpus in READERS.items():
        for split in splits:
            for row in [one for one in rows if one["corpus"] == corpus and one["split"] == split][:each]:
                recordings.append(recording_of(row, speaker, split))
    folder.mkdir(parents=True)
    mel = MelConfig()
    speakers = {name: SpeakerSummary(clips=1, seconds=1.0, mean_log_f0=5.0, std_log_f0=0.2) for name in READERS}
    write_corpus(folder, CorpusSummary(mel=mel, mel_hash=mel.hash, symbols=SYMBOLS, speakers=speakers, versions={}), recordings)
    return folder


def recording_of(row: dict[str, str], speaker: str, split: Split) -> Recording:
    return Recording(
        id=row["id"],
        audio_filepath=str(DATA / row["corpus"] / "wav" / f"{row['id']}.flac"),
        text=row["text"],
        normalized_text=row["text"],
        duration=1.0,
        speaker=speaker,
        corpus=row["corpus"],
        split=split,
        kind=row["kind"],
        tokens=("^",),
        durations=(4,),
        num_frames=4,
        features=f"features/{speaker}-{row['id']}.npz",
    )
