"""Recordings made by code: voiced and unvoiced stretches of sound, and WAV files with any header."""

from __future__ import annotations

import math
import struct
from random import Random

RATE = 16000


def voice_like(seconds: float, rate: int = RATE, seed: int = 0) -> list[float]:
    """Return samples in [-1, 1] of buzzes and noises, a sixth of a second each."""
    random = Random(seed)
    samples = []
    for index in range(int(seconds * rate)):
        part, time = index * 6 // rate, index / rate
        noise = random.gauss(0, 0.05)
        samples.append(noise if part % 3 == 2 else 0.3 * math.sin(2 * math.pi * (110 + 10 * part) * time) ** 3 + noise / 5)
    return samples


def wav(
    samples: list[float], rate: int = RATE, channels: int = 1, bits: int = 16, kind: int = 1, length: int | None = None
) -> bytes:
    """Return a WAV, whose header may lie: `kind` is the format tag, `length` the bytes that the data chunk announces."""
    if bits == 8:
        data = bytes(int(128 + 127 * max(-1.0, min(1.0, value))) for value in samples)
    elif bits == 16:
        data = struct.pack(f"<{len(samples)}h", *(int(32767 * max(-1.0, min(1.0, value))) for value in samples))
    elif bits == 32 and kind == 3:
        data = struct.pack(f"<{len(samples)}f", *samples)
    else:
        data = b"".join(struct.pack("<i", int(2**30 * value))[4 - bits // 8 % 5 :] for value in samples)
    block = channels * bits // 8 % 65536
    form = struct.pack("<HHIIHH", kind, channels, rate % 2**32, rate * block % 2**32, block, bits)
    announced = len(data) if length is None else length
    return b"".join(
        (b"RIFF", struct.pack("<I", (36 + announced) % 2**32), b"WAVEfmt ", struct.pack("<I", 16), form, b"data",
         struct.pack("<I", announced % 2**32), data)
    )  # fmt: skip
