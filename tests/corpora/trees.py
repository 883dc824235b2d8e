"""Small trees in the shapes of well-known corpora: recordings of noise with transcripts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import soundfile
from synthetic import MEL, noise


def write_tree(root: Path, files: Mapping[str, str | bytes | float]) -> Path:
    """Write files below `root` and return it: a text, bytes, or a recording of noise of that many seconds."""
    for number, (name, content) in enumerate(files.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            soundfile.write(path, noise(content, number), MEL.sample_rate)
    return root


CV_HEADER = "client_id\tpath\tsentence_id\tsentence\tup_votes\tdown_votes\tage\tgender\taccents\tlocale\n"
A, B = "a" * 128, "b" * 128

TREES: dict[str, dict[str, str | bytes | float]] = {
    "manifest": {
        "manifest.jsonl": '{"audio": "wavs/a.wav", "text": "One.", "speaker": "ann", "split": "dev", "mood": "calm"}\n'
        '\n{"audio_filepath": "wavs/b.wav", "sentence": "Two.", "speaker_id": 7, "duration": 0.5}\n',
        "wavs/a.wav": 0.5, "wavs/b.flac": 0.5,
    },
    "common-voice": {
        "validated.tsv": CV_HEADER
        + f"{A}\tcv_1.mp3\t0\tOne \"big\" thing.\t2\t0\t\t\t\ten\n{B}\tcv_2.mp3\t0\tTwo.\t2\t0\t\t\t\ten\n",
        "test.tsv": CV_HEADER + f"{B}\tcv_2.mp3\t0\tTwo.\t2\t0\t\t\t\ten\n",
        "clips/cv_1.mp3": 0.5, "clips/cv_2.mp3": 0.5,
    },
    "piper": {
        "metadata.csv": "a|ann|She went home early.\nb|ben|How far is that?\nc.wav|ann|It is not far.\n",
        "wav/a.wav": 0.5, "wav/b.wav": 0.5, "wav/c.wav": 0.5,
    },
    "ljspeech": {"metadata.csv": "a|One.\nb|2.|Two.\n", "wavs/a.wav": 0.5, "wavs/b.wav": 0.5},
    "festvox": {"etc/txt.done.data": '( a "One." )\n( b "Two." )\n', "wav/a.wav": 0.5, "wav/b.wav": 0.5},
    "kaldi": {
        "data/train/wav.scp": "r1 audio/r1.wav\nr2 audio/r2.flac\n",
        "data/train/text": "ann-1 ONE\nann-2 TWO\nben-1 THREE\n",
        "data/train/utt2spk": "ann-1 ann\nann-2 ann\nben-1 ben\n",
        "data/train/segments": "ann-1 r1 0.0 0.6\nann-2 r1 0.6 1.2\nben-1 r2 0 -1\n",
        "audio/r1.wav": 1.2, "audio/r2.flac": 0.5,
    },
    "vctk": {
        "txt/p225/p225_001.txt": "Please call Stella.\n", "txt/p226/p226_001.txt": "Ask her.",
        "wav48_silence_trimmed/p225/p225_001_mic1.flac": 0.5, "wav48_silence_trimmed/p225/p225_001_mic2.flac": 0.5,
        "wav48_silence_trimmed/p226/p226_001_mic2.flac": 0.5, "speaker-info.txt": "ID AGE\n",
    },
    "filelist": {
        "filelists/toy_train_filelist.txt": "DUMMY1/a.wav|One.\nDUMMY1/b.wav|3|Two.\n",
        "filelists/toy_val_filelist.txt": "DUMMY1/c.wav|ann|Three.\n",
        "filelists/toy_train_filelist.txt.cleaned": "DUMMY1/a.wav|wʌn.\n",
        "DUMMY1/a.wav": 0.5, "DUMMY1/b.wav": 0.5, "DUMMY1/c.wav": 0.5,
    },
    "libritts": {
        "dev-clean/84/121123/84_121123_000007_000001.normalized.txt": "One.",
        "dev-clean/84/121123/84_121123_000007_000001.original.txt": "1.",
        "dev-clean/84/121123/84_121123_000007_000001.wav": 0.5,
        "dev-clean/85/121124/85_121124_000008_000000.original.txt": "Two.",
        "dev-clean/85/121124/85_121124_000008_000000.wav": 0.5,
        "dev-clean/84/121123/84_121123.trans.tsv": "84_121123_000007_000001\t1.\tOne.\n",
    },
    "librispeech": {
        "7/34/7-34.trans.txt": "7-34-0000 HELLO THERE\n7-34-0001 AGAIN\n",
        "7/34/7-34-0000.ogg": 0.5, "7/34/7-34-0001.mp3": 0.5,
    },
    "pairs": {
        "wav/ann/a.wav": 0.5, "wav/ben/b.wav": 0.5, "wav/c.wav": 0.5,
        "text/ann/a.txt": "One\nand more.\n", "text/ben/b.lab": "Two.", "text/c.normalized.txt": "Three.", "text/c.txt": "3.",
    },
}  # fmt: skip
"""Files of a small tree of each layout, by the name of the layout."""

FOUND: dict[str, list[tuple[str, str, str, str]]] = {
    "manifest": [("a", "ann", "One.", "validation"), ("b", "toy_7", "Two.", "")],
    "common-voice": [("cv_2", "cv_bbbbbbbbbbbb", "Two.", "test"), ("cv_1", "cv_aaaaaaaaaaaa", 'One "big" thing.', "")],
    "piper": [("a", "ann", "She went home early.", ""), ("b", "ben", "How far is that?", ""), ("c", "ann", "It is not far.", "")],
    "ljspeech": [("a", "toy", "One.", ""), ("b", "toy", "Two.", "")],
    "festvox": [("a", "toy", "One.", ""), ("b", "toy", "Two.", "")],
    "kaldi": [("ann-1", "ann", "ONE", ""), ("ann-2", "ann", "TWO", ""), ("ben-1", "ben", "THREE", "")],
    "vctk": [("p225_001", "p225", "Please call Stella.", ""), ("p226_001", "p226", "Ask her.", "")],
    "filelist": [("a", "toy", "One.", "train"), ("b", "toy_3", "Two.", "train"), ("c", "ann", "Three.", "validation")],
    "libritts": [("84_121123_000007_000001", "libri_84", "One.", ""), ("85_121124_000008_000000", "libri_85", "Two.", "")],
    "librispeech": [("7-34-0000", "libri_7", "HELLO THERE", ""), ("7-34-0001", "libri_7", "AGAIN", "")],
    "pairs": [("ann/a", "ann", "One and more.", ""), ("ben/b", "ben", "Two.", ""), ("c", "toy", "Three.", "")],
}
"""Id, speaker, text and split of each clip of the trees, in a folder `toy`."""
