"""Formats of audio files that are written: WAV, FLAC, Ogg Vorbis, Opus and MP3."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tts_cli.errors import InputError

FormatName = Literal["wav", "flac", "ogg", "opus", "mp3"]


@dataclass(frozen=True)
class AudioFormat:
    """Format of audio files, with the names that libsndfile has for it."""

    name: FormatName
    title: str
    """Name for people."""
    suffixes: tuple[str, ...]
    """Suffixes of file names; new files get the first one."""
    container: str
    codec: str
    rates: tuple[int, ...] = ()
    """Sample rates in Hz that the format has, in ascending order; empty for any."""
    compression: float | None = None
    """Compression for libsndfile from 0 to 1; None for its default."""

    def rate(self, sample_rate: int) -> int:
        """Return the sample rate of a file with speech at `sample_rate`: the lowest that is not below it, or the highest."""
        if not self.rates or sample_rate in self.rates:
            return sample_rate
        return next((rate for rate in self.rates if rate >= sample_rate), self.rates[-1])


_OPUS_COMPRESSION = 0.8
"""40 kbit/s. The default of libsndfile, 20 kbit/s, sounds worse and takes three times as long."""
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
FORMATS: dict[str, AudioFormat] = {
    one.name: one
    for one in (
        AudioFormat("wav", "WAV", (".wav", ".wave"), "WAV", "PCM_16"),
        AudioFormat("flac", "FLAC", (".flac",), "FLAC", "PCM_16"),
        AudioFormat("ogg", "Ogg Vorbis", (".ogg", ".oga"), "OGG", "VORBIS"),
        AudioFormat("opus", "Opus", (".opus",), "OGG", "OPUS", (8000, 12000, 16000, 24000, 48000), _OPUS_COMPRESSION),
        AudioFormat("mp3", "MP3", (".mp3",), "MP3", "MPEG_LAYER_III", _MP3_RATES),
    )
}
"""Formats by the value of `--format`."""
WAV = FORMATS["wav"]
_BY_SUFFIX = {suffix: one for one in FORMATS.values() for suffix in one.suffixes}


def format_of(path: Path | None, asked: FormatName | None = None) -> AudioFormat:
    """Return the format of an audio file: `asked`, or else the format of the suffix; without both WAV.

    Args:
        path: File to write; None for standard output.
        asked: Value of `--format`; it is needed for suffixes that belong to no format.

    Raises:
        InputError: The suffix belongs to no format, or to another one than `asked`.
    """
    suffix = path.suffix.lower() if path else ""
    found = _BY_SUFFIX.get(suffix)
    if asked is None:
        if suffix and found is None:
            known = ", ".join(one.suffixes[0] for one in FORMATS.values())
            message = f"{path}: the suffix {suffix} belongs to no format that can be written"
            raise InputError(message, hint=f"use one of {known}, or name the format with --format")
        return found or WAV
    if found and found.name != asked:
        raise InputError(f"{path}: is named as {found.title}, but --format is {asked}", hint="leave out --format, or rename it")
    return FORMATS[asked]
