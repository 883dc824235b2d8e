"""Prompts without `splits.csv`: held-out clips of a prepared corpus, and bare folders of audio files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from math import log
from pathlib import Path
from typing import NamedTuple

import soundfile

from tts_cli.config import suggest
from tts_cli.corpora.layouts import AUDIO_SUFFIXES, Clip, detect_layout, read_source
from tts_cli.corpora.manifest import Corpus, Recording, open_corpus
from tts_cli.errors import AudioError, CorpusError, InputError
from tts_cli.evaluation.engine import cache_folder
from tts_cli.evaluation.measures.identity import NUM_RECORDINGS, OwnVoices
from tts_cli.evaluation.prompts import Prompt, parallel_readers
from tts_cli.files import atomic_write

SPLITS = ("test", "validation")
"""Splits of held-out clips, in the order in which they are taken."""
MANIFEST = "manifest.jsonl"
_SEMITONES = 12 / log(2)


class HeldOut(NamedTuple):
    """Held-out clips of a prepared corpus."""

    clips: tuple[Clip, ...]
    split: str
    """Split of the clips: the wanted one, or `validation` if that has no clip."""


def read_held_out(
    data: Path,
    split: str = "test",
    speakers: Collection[str] = (),
    known: Collection[str] | None = None,
    limit: int | None = None,
) -> HeldOut:
    """Read the held-out clips of a prepared corpus.

    Args:
        data: folder that `tts prepare` wrote.
        split: `test` or `validation`; without a clip of `test`, those of `validation` are taken.
        speakers: speakers to read, in this order; empty: those who read the same texts, or all if there are none.
        known: speakers of the voices; others are left out if `speakers` is empty. None: all.
        limit: largest number of clips of each speaker; None: all.

    Raises:
        CorpusError: if the corpus cannot be read, or has no held-out clip of the speakers.
        InputError: if there is no such split.
    """
    if split not in SPLITS:
        raise InputError(f"there is no split '{split}' of held-out clips", hint=suggest(split, list(SPLITS)))
    corpus = _corpus(data)
    rows, taken = _held_out(corpus, split)
    there = tuple(dict.fromkeys(row.speaker for row in rows))
    absent = [name for name in speakers if name not in there]
    able = [name for name in there if known is None or name in known]
    if absent or not able:
        wanted = ", ".join(absent) or f"a speaker of the voices ({', '.join(known or ())})"
        hint = "there are clips of: " + ", ".join(there)
        raise CorpusError(f"{data}: no clip of the split '{taken}' of {wanted}", hint)
    readers = parallel_readers((row.speaker, row.text) for row in rows if row.speaker in able)
    chosen = dict.fromkeys(speakers or readers or able)
    clips = (_clip(corpus, row) for name in chosen for row in [one for one in rows if one.speaker == name][:limit])
    return HeldOut(tuple(clips), taken)


def read_rows(data: Path) -> tuple[Recording, ...]:
    """Return all recordings of a prepared corpus, those of training included. Raises CorpusError if it cannot be read."""
    return tuple(_corpus(data).recordings)


def clips_of(data: Path, rows: Iterable[Recording]) -> tuple[Clip, ...]:
    """Return the clips of some recordings of a prepared corpus, with audio files."""
    return tuple(_clip(_corpus(data), row) for row in rows)


def f0_deviations(data: Path) -> dict[str, float]:
    """Return the standard deviation of F0 of each speaker of a prepared corpus, in semitones.

    Raises:
        CorpusError: if the corpus cannot be read.
    """
    return {name: _SEMITONES * speaker.std_log_f0 for name, speaker in _corpus(data).summary.speakers.items()}


_corpus = lru_cache(maxsize=2)(open_corpus)


def _held_out(corpus: Corpus, split: str) -> tuple[list[Recording], str]:
    for name in dict.fromkeys((split, "validation")):
        rows = [row for row in corpus.recordings if row.split == name]
        if rows:
            return rows, name
    hint = "prepare it again with a splits.csv that lists clips of test or validation"
    raise CorpusError(f"{corpus.folder}: has no held-out clip, neither test nor validation", hint)


def _clip(corpus: Corpus, row: Recording) -> Clip:
    """Return a clip of the manifest. If its recording is gone, as in an unpacked corpus, the audio is that of the features."""
    audio = Path(row.audio_filepath)
    where = f"{corpus.folder / MANIFEST}: {row.corpus}/{row.id}"
    found = audio if audio.is_file() else _written(corpus, row)
    return Clip(row.corpus, row.id, row.speaker, row.text, found, where, row.split, row.kind)


def _written(corpus: Corpus, row: Recording) -> Path:
    """Return a WAV file of a clip's prepared audio in the cache, written at first use."""
    identity = corpus.summary.identity or corpus.folder.resolve().name
    file = cache_folder() / "prepared" / identity / row.corpus / f"{row.id}.wav"
    if not file.is_file():
        samples = corpus.load(row, ("audio",))["audio"]
        with atomic_write(file, "wb", parents=True) as opened:
            soundfile.write(opened, samples, corpus.mel.sample_rate, format="WAV", subtype="PCM_16")
    return file


class PreparedVoices(OwnVoices):
    """Centroids of the speakers of a prepared corpus, from the first `NUM_RECORDINGS` of their training clips."""

    def _clips(self, speaker: str) -> tuple[Clip, ...]:
        corpus = _corpus(self._corpora)
        rows = [row for row in corpus.recordings if row.split == "train" and row.speaker == speaker]
        return tuple(_clip(corpus, row) for row in rows[:NUM_RECORDINGS])


def own_voices(folder: Path) -> OwnVoices:
    """Return the speakers' own recordings in a prepared corpus, or in a folder of corpora with `splits.csv`."""
    return PreparedVoices(folder) if (folder / MANIFEST).is_file() else OwnVoices(folder)


def folder_prompts(folder: Path, limit: int | None = None) -> tuple[Prompt, ...]:
    """Return a prompt for each audio file of a bare folder: FOLDER/ID.wav or FOLDER/SPEAKER/ID.wav.

    The text is that of `ID.txt` beside the file, or of the transcripts of a corpus in this folder; else it is empty. The speaker
    of a file without a folder of its own is the name of `folder`.

    Args:
        limit: largest number of files of each speaker; None: all.

    Raises:
        AudioError: The folder is missing or holds no audio file.
    """
    found = [*folder.glob("*"), *folder.glob("*/*")] if folder.is_dir() else []
    files = sorted(path for path in found if path.suffix.lower() in AUDIO_SUFFIXES)
    if not files:
        reason = "holds no audio file" if folder.is_dir() else "no such folder"
        raise AudioError(f"{folder}: {reason}", hint=f"name a folder with files of {', '.join(AUDIO_SUFFIXES)}")
    transcripts = dict(_transcripts(folder))
    prompts: dict[str, list[Prompt]] = {}
    for path in {path.with_suffix(""): path for path in files}.values():
        speaker = path.parent.name if path.parent != folder else folder.resolve().name
        prompts.setdefault(speaker, []).append(Prompt(_text_of(path, transcripts), speaker, name=path.stem))
    return tuple(prompt for own in prompts.values() for prompt in own[:limit])


def _text_of(path: Path, transcripts: dict[str, str]) -> str:
    beside = path.with_suffix(".txt")
    if beside.is_file():
        return " ".join(beside.read_text(encoding="utf-8", errors="replace").split())
    return transcripts.get(path.stem, "")


def _transcripts(folder: Path) -> Iterator[tuple[str, str]]:
    try:
        clips: Sequence[Clip] = read_source(folder, detect_layout(folder)).clips
    except CorpusError:
        return
    for clip in clips:
        yield clip.id, clip.text
