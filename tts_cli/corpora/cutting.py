"""Clips that are parts of longer recordings, cut into files of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

from tts_cli.audio.files import WavFile
from tts_cli.audio.mel import Floats
from tts_cli.corpora.journal import Journal, fingerprint, key_of
from tts_cli.corpora.layouts import Clip, Reject
from tts_cli.errors import AudioError
from tts_cli.files import unwritable

_SLACK_S = 0.05
"""Time past the end of a recording at which a clip may still end: manifests round."""
FOLDER = "cut"
"""Folder of the cut clips, in the prepared corpus."""


def cut(
    clips: Sequence[Clip], output: Path, journal: Journal, progress: Callable[[str, int, int], None]
) -> tuple[list[Clip], list[Reject]]:
    """Return `clips` with a recording of its own for each part, and the parts that cannot be cut.

    Parts are written to `cut/CORPUS/ID.wav` in `output`, with 16 bits and one channel. Those of an earlier run are kept.

    Raises:
        OutputError: A file cannot be written.
    """
    parts = [clip for clip in clips if clip.is_part]
    rejects, done, hash_of = list[Reject](), dict[tuple[str, str], Clip](), cache(fingerprint)
    for number, clip in enumerate(parts, start=1):
        path = output / FOLDER / clip.corpus / f"{clip.id}.wav"
        key, name = key_of("cut", hash_of(clip.audio), clip.start_s, clip.end_s), path.relative_to(output).as_posix()
        try:
            if not path.is_file() or journal.get(name) != {"key": key}:
                _write(path, *read_part(clip.audio, clip.start_s, clip.end_s))
                journal.add(name, {"key": key})
            done[clip.corpus, clip.id] = replace(clip, audio=path, start_s=0.0, end_s=None)
        except AudioError as error:
            rejects.append(Reject(clip.where, clip.id, "unreadable audio", f"{clip.audio.name}: {error.message}"))
        progress("cutting", number, len(parts))
    whole = [clip if not clip.is_part else done.get((clip.corpus, clip.id)) for clip in clips]
    return [clip for clip in whole if clip], rejects


def read_part(path: Path, start_s: float, end_s: float | None) -> tuple[Floats, int]:
    """Return a part of the recording at `path`, mixed to mono, shape (samples,), and its sample rate in Hz.

    Args:
        path: Audio file.
        start_s: Start of the part, in seconds.
        end_s: End of the part, in seconds; None for the end of the recording.

    Raises:
        AudioError: The file cannot be read, or the part is not within it.
    """
    try:
        with soundfile.SoundFile(path) as file:
            rate, seconds = file.samplerate, file.frames / file.samplerate
            if start_s >= seconds or (end_s is not None and end_s > seconds + _SLACK_S):
                named = f"{start_s:g} to {end_s:g} s" if end_s is not None else f"from {start_s:g} s"
                raise AudioError(f"the clip ({named}) is not within the recording of {seconds:.2f} s")
            start, end = round(start_s * rate), file.frames if end_s is None else min(file.frames, round(end_s * rate))
            file.seek(start)
            samples = file.read(end - start, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError, RuntimeError) as error:
        reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
        raise AudioError(f"cannot be read as audio ({reason})", hint="use wav, flac, ogg, opus or mp3") from error
    return np.asarray(samples.mean(axis=1, dtype=np.float32)), rate


def _write(path: Path, samples: Floats, rate: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
    with WavFile(path, rate) as file:
        file.write(samples)
