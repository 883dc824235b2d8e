"""A prepared corpus of noise, on which tiny models train."""

from __future__ import annotations

import sys
from pathlib import Path

from case import ROOT

sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "corpora")]
SPEAKERS = ("low", "high")
LENGTHS = (99, 113, 127, 141)
"""Frames of the clips of each speaker; the last one validates."""


def write_corpus_of_noise(folder: Path) -> Path:
    """Write the corpus in `folder`, and return it."""
    from synthetic import MEL, make_recording, synthetic_features

    from tts_cli.corpora.manifest import CorpusSummary, SpeakerSummary, write_arrays, write_corpus
    from tts_cli.text.phones import SYMBOLS

    rows = []
    for index, speaker in enumerate(SPEAKERS):
        for place, length in enumerate(LENGTHS):
            number = 10 * index + place
            rows.append(make_recording(number, length, speaker, "validation" if length == LENGTHS[-1] else "train"))
            arrays = synthetic_features(length, number)
            arrays["log_f0"] = 5 + arrays["log_f0"] / 500
            write_arrays(folder / rows[-1].features, arrays)
    summaries = {name: SpeakerSummary(clips=4, seconds=6.0, mean_log_f0=5.1, std_log_f0=0.1) for name in SPEAKERS}
    summary = CorpusSummary(mel=MEL, mel_hash=MEL.hash, symbols=SYMBOLS, speakers=summaries, versions={})
    write_corpus(folder, summary, rows)
    return folder
