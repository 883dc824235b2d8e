"""Files of acoustic embeddings: NumPy arrays, lists of numbers in JSON, and recordings that are encoded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tts_cli.audio.mel import Floats
from tts_cli.errors import InputError
from tts_cli.selection.choosing import remedy
from tts_cli.selection.selector import embedding_of
from tts_cli.voice.fillers import Item
from tts_cli.voice.request import Break
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import SpeechInput, Voice

NUMPY, JSON = ".npy", ".json"
"""Suffixes of files that hold an embedding; files with other suffixes are recordings."""


def read_embedding(file: Path, voice: Voice) -> Floats:
    """Read an acoustic embedding, shape (D,).

    Args:
        file: NumPy array (`.npy`), list of numbers (`.json`), or a recording (any other suffix), which the reference encoder of
            the voice encodes.
        voice: Voice with D-dimensional acoustic embeddings.

    Raises:
        InputError: The voice has no acoustic embeddings, or the file holds no embedding of D finite numbers.
        AddonError: The file is a recording, and the voice has no reference encoder.
        AudioError: The recording cannot be used.
    """
    if not any(speaker.embedding for speaker in voice.acoustic.config.speakers):
        raise InputError(f"--embedding is for voices with acoustic embeddings, and '{voice.acoustic.name}' has none", remedy())
    if file.suffix not in (NUMPY, JSON):
        return embedding_of(file, voice.acoustic)
    values = _read_numbers(file)
    expected = next(len(speaker.embedding) for speaker in voice.acoustic.config.speakers if speaker.embedding)
    if values.shape != (expected,):
        message = f"{file}: {expected} numbers are an embedding of '{voice.acoustic.name}', not {values.shape}"
        raise InputError(message, hint="use an embedding of this voice, or a recording")
    if not np.all(np.isfinite(values)):
        raise InputError(f"{file}: holds no embedding: not all of its numbers are finite", hint="a list of numbers")
    return values


def _read_numbers(file: Path) -> Floats:
    try:
        read = np.load(file, allow_pickle=False) if file.suffix == NUMPY else json.loads(file.read_text(encoding="utf-8"))
        return np.squeeze(np.asarray(read, np.float32))
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}", hint="name a readable file") from error
    except (ValueError, TypeError, EOFError) as error:
        raise InputError(f"{file}: holds no embedding: {' '.join(str(error).split())}", hint="a list of numbers") from error


def with_embedding(embedding: tuple[float, ...], speech: SpeechInput, voice: Voice) -> Iterator[Sentence | Item | Break]:
    """Yield the sentences and breaks of `speech` in order, each sentence with `embedding` (D numbers)."""
    for item in [speech] if isinstance(speech, str) else speech:
        if isinstance(item, Break):
            yield item
        else:
            for sentence in voice.sentences([item]):
                yield sentence.model_copy(update={"embedding": embedding})
