"""Reading, writing and playing of audio. Samples are mono float32 in [-1, 1]; arrays have shape (samples,)."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import soundfile
import soxr

from tts_cli.audio.mel import Floats
from tts_cli.errors import AudioError, OutputError
from tts_cli.files import remove_leftovers
from tts_cli.files import unwritable as unwritable

_UNKNOWN_BYTES = 0xFFFFFFFF
_HEADER_BYTES = 44
_LARGEST_WAV = 0xFFFFFFFE - (_HEADER_BYTES - 8)
"""Bytes of samples in the largest plain WAV file: the header counts in 32 bits."""
_COPIED_BYTES = 1 << 24
_BLOCK_FRAMES = 1 << 18
_RATES = (1000, 1_000_000)
"""Lowest and highest sample rate of a file, in Hz; others are damage, and resampling them would take all memory."""


def read_audio(path: Path, sample_rate: int) -> Floats:
    """Return the recording at `path`, mixed to mono and resampled to `sample_rate` Hz, shape (samples,).

    Raises:
        AudioError: The file is missing, empty, truncated or not audio.
    """
    samples, rate = read_native(path)
    return resample(samples, rate, sample_rate)


def read_native(path: Path, longest_s: float = math.inf) -> tuple[Floats, int]:
    """Return the samples of the recording at `path`, mixed to mono, and its own sample rate in Hz.

    Args:
        path: Audio file.
        longest_s: Longest allowed recording, in seconds. A longer one is not read.

    Raises:
        AudioError: The file is missing, empty, truncated, not audio or too long.
    """
    if not path.is_file():
        message = f"{path}: is a folder or a device, not a file" if path.exists() else f"{path}: no such file"
        raise AudioError(message, hint="name an audio file")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: the file is empty", hint="record or copy it again")
    try:
        # A file whose name ends with .raw is opened by its descriptor: by its name, soundfile would take it for one without a
        # header. Others are opened by name, because libsndfile refuses the descriptors of some MP3 files.
        with path.open("rb") as opened, soundfile.SoundFile(_openable(path, opened.fileno()), closefd=False) as file:
            rate, promised = file.samplerate, file.frames
            if not _RATES[0] <= rate <= _RATES[1]:
                message = f"{path}: its header names {rate} samples a second, not {_RATES[0]} to {_RATES[1]}"
                raise AudioError(message, hint="export it again")
            if promised > longest_s * rate:
                message = f"{path}: lasts {promised / rate:.1f} s, more than {longest_s:g} s"
                raise AudioError(message, hint="cut it into shorter recordings")
            blocks = list(_mono_blocks(file))
    # soundfile raises the last four for files that libsndfile opens, but cannot read in the usual way.
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error) or "too large"
        raise AudioError(f"{path}: cannot be read as audio ({reason})", hint="use wav, flac, ogg, opus or mp3") from error
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    _check_samples(path, samples, promised)
    return samples, rate


def _openable(path: Path, descriptor: int) -> Path | int:
    return descriptor if path.suffix.lower() == ".raw" else path


def _mono_blocks(file: Any) -> Iterator[Floats]:
    """Read a file to its end: in one go, or in blocks if its codec cannot seek, as GSM 6.10 and G.721.

    After each read soundfile seeks to where it is, which changes the samples of MP3.
    """
    if file.seekable():
        yield _mean_of_channels(file.read(dtype="float32", always_2d=True))
        return
    while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
        yield _mean_of_channels(block)


def _mean_of_channels(samples: Floats) -> Floats:
    """Return the mean of channels (samples, channels); values that are not finite are found later, without a warning of NumPy."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(samples.mean(axis=1, dtype=np.float32))


def _check_samples(path: Path, samples: Floats, promised: int) -> None:
    if len(samples) < promised or _riff_is_truncated(path):
        raise AudioError(f"{path}: the file is truncated", hint="record or copy it again")
    if len(samples) == 0:
        raise AudioError(f"{path}: holds no samples", hint="record or copy it again")
    if not np.isfinite(samples).all():
        raise AudioError(f"{path}: holds samples that are not finite numbers", hint="export it again")


def _riff_is_truncated(path: Path) -> bool:
    """Return whether a RIFF header declares more bytes than the file has, which libsndfile does not report."""
    with path.open("rb") as file:
        header = file.read(8)
    if len(header) < 8 or header[:4] != b"RIFF":
        return False
    promised = int.from_bytes(header[4:], "little")
    return promised < 0x7FFFF000 and promised + 8 > path.stat().st_size + 1


def resample(audio: Floats, from_rate: int, to_rate: int) -> Floats:
    """Return `audio` (samples,) resampled from `from_rate` to `to_rate`, both in Hz."""
    if from_rate == to_rate:
        return audio
    return np.asarray(soxr.resample(audio, from_rate, to_rate), np.float32)


def pcm16(audio: Floats) -> bytes:
    """Return `audio` (samples,) as bytes of little-endian 16-bit samples. Values outside [-1, 1] are clipped."""
    return quantise(audio).tobytes()


def quantise(audio: Floats) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Return `audio` (samples,) as 16-bit integers. Values outside [-1, 1] are clipped."""
    return np.clip(np.round(audio * 32768.0), -32768, 32767).astype("<i2")


def wav_header(sample_rate: int, num_bytes: int | None = None) -> bytes:
    """Return the header of a mono 16-bit WAV file: 44 bytes, or 80 past 4 GiB, where it is RF64 (EBU Tech 3306).

    Args:
        sample_rate: In Hz.
        num_bytes: Bytes of samples after the header; None if the length is not known yet, as in a pipe.
    """
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    if num_bytes is None or num_bytes <= _LARGEST_WAV:
        data = _UNKNOWN_BYTES if num_bytes is None else num_bytes
        riff = min(data + _HEADER_BYTES - 8, _UNKNOWN_BYTES)
        return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + form + struct.pack("<4sI", b"data", data)
    # 64-bit lengths of file and samples, and number of samples, stand in the chunk ds64; its table of other chunks is empty.
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, num_bytes + 72, num_bytes, num_bytes // 2, 0)
    unknown = struct.pack("<I", _UNKNOWN_BYTES)
    return b"RF64" + unknown + b"WAVE" + sizes + form + b"data" + unknown


class WavFile:
    """Mono 16-bit WAV file that is written chunk by chunk, and gets its name only when it is complete.

    Use it in a `with` statement. The chunks go to a temporary file, which an exception in the block deletes. A file past 4 GiB
    becomes RF64; it is copied once for that, because its header is longer.

    Raises:
        OutputError: The file cannot be written; raised on entering, by `write` or on leaving.
    """

    def __init__(self, path: Path, sample_rate: int) -> None:
        self.path, self.sample_rate, self.num_bytes = path, sample_rate, 0
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.part")

    def __enter__(self) -> WavFile:
        remove_leftovers(self.path.parent, self.path.name)
        try:
            self._file: BinaryIO = self._temporary.open("wb")
            self._file.write(wav_header(self.sample_rate))
        except OSError as error:
            raise unwritable(self.path, error) from error
        return self

    def write(self, audio: Floats) -> None:
        """Append `audio` (samples,). Raises OutputError."""
        try:
            self.num_bytes += self._file.write(pcm16(audio))
        except OSError as error:
            raise unwritable(self.path, error) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._complete()
        except OSError as problem:
            raise unwritable(self.path, problem) from problem
        finally:
            self._discard()

    def _complete(self) -> None:
        if self.num_bytes > _LARGEST_WAV:
            self._file.close()
            self._become_rf64()
            return
        self._file.seek(0)
        self._file.write(wav_header(self.sample_rate, self.num_bytes))
        self._file.close()
        self._temporary.replace(self.path)

    def _become_rf64(self) -> None:
        """Copy the samples behind the longer header of RF64 to a file that takes the name."""
        copy = self.path.with_name(f".{self.path.name}.rf64.{os.getpid()}.part")
        try:
            with self._temporary.open("rb") as plain, copy.open("wb") as file:
                file.write(wav_header(self.sample_rate, self.num_bytes))
                plain.seek(_HEADER_BYTES)
                _copy_samples(plain, file)
            copy.replace(self.path)
        except OSError as error:
            hint = f"free {self.num_bytes / 1e9:.1f} GB of disk space; {self._keep_plain()}"
            reason = f"cannot be copied behind the header of files past 4 GiB ({error.strerror or error})"
            raise OutputError(f"{self.path}: {reason}", hint) from error
        finally:
            copy.unlink(missing_ok=True)
        self._temporary.unlink(missing_ok=True)

    def _keep_plain(self) -> str:
        """Keep all samples behind the header of unknown length, and return a line that says where they are."""
        self._temporary.replace(self.path)
        return "all samples are in the file, but its header does not say how many"

    def _discard(self) -> None:
        with suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)


def _copy_samples(source: BinaryIO, target: BinaryIO) -> None:
    """Copy the rest of `source` to `target`. Blocks of zeros become holes, which take no room on the disk."""
    while block := source.read(_COPIED_BYTES):
        if block.count(0) == len(block):
            target.seek(len(block), os.SEEK_CUR)
        else:
            target.write(block)
    target.truncate()


class GrowingWav(WavFile):
    """WAV file that can be continued: after an exception, its part file stays for a later `GrowingWav` to append to."""

    def __init__(self, path: Path, part: Path, sample_rate: int, num_samples: int) -> None:
        """Prepare a file; entering the `with` statement opens it.

        Args:
            path: Name of the complete file.
            part: File that holds the samples until then.
            sample_rate: In Hz.
            num_samples: Samples of `part` to keep; later ones are dropped. 0 starts again.

        Raises:
            AudioError: `part` has fewer samples; raised on entering.
        """
        super().__init__(path, sample_rate)
        self._temporary, self.num_bytes = part, 2 * num_samples

    def __enter__(self) -> GrowingWav:
        remove_leftovers(self.path.parent, self.path.name)
        size = _HEADER_BYTES + self.num_bytes
        if self.num_bytes and self._temporary.stat().st_size < size:
            raise AudioError(f"{self._temporary}: is truncated", hint="delete it to start again")
        try:
            self._file = self._temporary.open("r+b" if self.num_bytes else "wb")
            self._file.write(wav_header(self.sample_rate))
            self._file.truncate(size)
            self._file.seek(size)
        except OSError as error:
            raise unwritable(self.path, error) from error
        return self

    def write(self, audio: Floats) -> None:
        """Append `audio` (samples,) and flush it, so that it is kept even if the process is killed. Raises OutputError."""
        super().write(audio)
        try:
            self._file.flush()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _keep_plain(self) -> str:
        return f"{self._temporary.name} keeps all samples; a later reading with --resume completes the file"

    def _discard(self) -> None:
        with suppress(OSError):
            self._file.close()


def part_samples(part: Path) -> Iterator[Floats]:
    """Yield the samples of the part file of a `GrowingWav`, in arrays of shape (samples,)."""
    with part.open("rb") as file:
        file.seek(_HEADER_BYTES)
        while block := file.read(2 * _BLOCK_FRAMES):
            yield np.frombuffer(block, "<i2").astype(np.float32) / np.float32(32768)


def write_wav_stream(stream: BinaryIO, chunks: Iterable[Floats], sample_rate: int) -> None:
    """Write a WAV of unknown length to a pipe, chunk by chunk.

    Raises:
        BrokenPipeError: The reader has closed the pipe.
        OutputError: The pipe cannot be written for another reason.
    """
    write_chunks(stream, [wav_header(sample_rate)])
    write_pcm_stream(stream, chunks)


def write_pcm_stream(stream: BinaryIO, chunks: Iterable[Floats]) -> None:
    """Write little-endian 16-bit samples without a header to a pipe, chunk by chunk.

    Raises:
        BrokenPipeError: The reader has closed the pipe.
        OutputError: The pipe cannot be written for another reason.
    """
    write_chunks(stream, (pcm16(chunk) for chunk in chunks))


def write_chunks(stream: BinaryIO, chunks: Iterable[bytes]) -> None:
    """Write chunks of bytes and flush after each one.

    Raises:
        BrokenPipeError: The reader has closed the pipe.
        OutputError: The stream cannot be written for another reason.
    """
    for chunk in chunks:
        try:
            stream.write(chunk)
            stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise unwritable(Path(str(getattr(stream, "name", "output"))), error) from error


def play(chunks: Iterable[Floats], sample_rate: int) -> None:
    """Play `chunks` on the default sound device while they are synthesised.

    Args:
        chunks: Arrays of shape (samples,).
        sample_rate: In Hz.

    Raises:
        AudioError: There is no sound device, or the package `sounddevice` is missing.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise AudioError(
            "playing needs the package 'sounddevice' and PortAudio", hint="pip install sounddevice, or write a file with -o"
        ) from error
    try:
        with sounddevice.OutputStream(samplerate=sample_rate, channels=1, dtype="float32") as device:
            for chunk in chunks:
                device.write(np.ascontiguousarray(chunk, np.float32))
    except sounddevice.PortAudioError as error:
        raise AudioError(f"no sound device can be opened ({error})", hint="write a file with -o instead") from error
