"""Recordings of every format, size and name, whole, damaged, or something else altogether."""

from __future__ import annotations

import io
from pathlib import Path
from random import Random

import numpy as np
import soundfile
from case import Case
from mutations import NOT_FINITE, damage
from recordings import voice_like, wav

SUFFIXES = ("wav", "flac", "ogg", "opus", "mp3", "raw", "aiff", "au", "caf", "w64", "txt", "WAV", "")
RATES = (1, 100, 4000, 8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000, 655350, 2**31 - 1, 2**32 - 1, 0)
SECONDS = (0.0, 0.001, 0.1, 0.3, 1.0, 1.0, 1.0, 2.0)
GARBAGE = (
    b"",
    b"\0",
    b"RIFF",
    b"RIFF\xff\xff\xff\xffWAVE",
    b"fLaC",
    b"OggS",
    b"ID3\x04",
    b"<html>",
    b"PK\x03\x04",
    b"\x89PNG\r\n\x1a\n",
)


def make(random: Random, work: Path) -> Case:
    """Write a recording, and return a command that reads it."""
    data, suffix = _recording(random)
    if random.random() < 0.4:
        data = damage(random, data)
    if random.random() < 0.3:
        suffix = random.choice(SUFFIXES)
    name = random.choice(("a", "a b", "-a", "é", "a\nb", "x" * 200, "%s")) + (f".{suffix}" if suffix else "")
    path = f"./{name}"
    (work / name).write_bytes(data)
    if random.random() < 0.15:
        return Case(("synth", "Hello.", "--addon", "tiny-prosody", "--embedding", path, "-o", "out/x.wav"))
    more = random.choice(((), (), ("--keep", "rhythm"), ("--strength", "0.3"), ("--json",), ("--save-timings", "t.TextGrid")))
    said = random.choice(("Hello there.", "Shall I carry you?", "a " * 50))
    return Case(("transfer-prosody", path, "--text", said, "-o", "out.wav", *more), output="out.wav")


def _recording(random: Random) -> tuple[bytes, str]:
    kind = random.randrange(4)
    if kind == 0:
        return random.choice(GARBAGE) + random.randbytes(random.choice((0, 10, 1000, 50_000))), random.choice(SUFFIXES)
    if kind == 1:
        bits = random.choice((0, 1, 4, 8, 8, 12, 16, 16, 24, 32, 64, 65535))
        tag = random.choice((0, 1, 1, 2, 3, 6, 7, 0x11, 0x31, 0x55, 0xFFFE))
        length = random.choice((None, None, 0, 1, 2**31, 2**32 - 1))
        samples = voice_like(random.choice(SECONDS), seed=random.randrange(5))
        channels = random.choice((0, 1, 1, 2, 3, 64, 1024, 65535))
        return wav(samples, random.choice(RATES), channels, bits, tag, length), "wav"
    return _by_soundfile(random)


def _by_soundfile(random: Random) -> tuple[bytes, str]:
    """Return a recording in one of the formats that libsndfile writes."""
    name = random.choice(sorted(soundfile.available_formats()))
    subtype = random.choice(sorted(soundfile.available_subtypes(name)))
    rate, channels = random.choice((8000, 11025, 16000, 44100, 48000)), random.choice((1, 1, 1, 2, 6))
    samples = np.repeat(np.array(voice_like(random.choice(SECONDS), rate), np.float64)[:, None], channels, axis=1)
    if random.random() < 0.1 and len(samples) and name not in ("OGG", "MP3"):
        samples[len(samples) // 2] = random.choice((*NOT_FINITE, 1e30))
    file = io.BytesIO()
    try:
        loudness = random.choice((1, 1, 0, 1e-6, 100))
        with soundfile.SoundFile(file, "w", rate, channels, subtype, format=name) as written:
            # Encoders of libsndfile keep a whole block on the stack, and that of a thread is small.
            for start in range(0, len(samples), 1000):
                piece = samples[start : start + 1000] * loudness
                # libsndfile's tables of u-law and A-law have no entry beyond full scale.
                written.write(np.clip(np.nan_to_num(piece), -1, 1) if subtype in ("ULAW", "ALAW") else piece)
    except (soundfile.LibsndfileError, ValueError, TypeError):
        return wav(voice_like(0.5)), "wav"
    return file.getvalue(), name.lower()
