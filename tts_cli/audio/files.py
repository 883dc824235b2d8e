"""Reading, writing and playing audio. Samples are mono float32 in [-1, 1] everywhere."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from tts_cli.audio.mel import Floats
from tts_cli.errors import AudioError
from tts_cli.files import unwritable as unwritable

_UNKNOWN_BYTES = 0xFFFFFFFF
_HEADER_BYTES = 44


def read_audio(path: Path, sample_rate: int) -> Floats:
    """The recording at `path`, mixed to mono and resampled to `sample_rate` Hertz: (samples,).

    Raises AudioError naming the file and the remedy when it is missing, empty, truncated or not audio.
    """
    samples, rate = read_native(path)
    return resample(samples, rate, sample_rate)


def read_native(path: Path, longest_s: float = math.inf) -> tuple[Floats, int]:
    """The recording at `path`, mixed to mono, at its own rate: (samples,) and Hertz.

    Raises AudioError as `read_audio`, and for one longer than `longest_s`, which is not read.
    """
    if not path.is_file():
        raise AudioError(f"{path}: is a folder or a device" if path.exists() else f"{path}: no such file")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: the file is empty", hint="record or copy it again")
    try:
        with soundfile.SoundFile(path) as file:
            if file.frames > longest_s * file.samplerate:
                message = f"{path}: lasts {file.frames / file.samplerate:.1f} s, more than {longest_s:g} s"
                raise AudioError(message, hint="cut it into shorter ones")
            samples, rate, promised = file.read(dtype="float32", always_2d=True), file.samplerate, file.frames
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: cannot be read as audio ({error})", hint="wav, flac, ogg, opus and mp3 are read") from error
    _check_samples(path, samples, promised)
    return samples.mean(axis=1, dtype=np.float32), rate


def _check_samples(path: Path, samples: Floats, promised: int) -> None:
    if len(samples) < promised or _riff_is_truncated(path):
        raise AudioError(f"{path}: the file is truncated", hint="record or copy it again")
    if len(samples) == 0:
        raise AudioError(f"{path}: holds no samples", hint="record or copy it again")
    if not np.isfinite(samples).all():
        raise AudioError(f"{path}: holds samples that are not finite numbers")


def _riff_is_truncated(path: Path) -> bool:
    """Whether a RIFF header promises more bytes than the file has, which libsndfile passes over in silence."""
    with path.open("rb") as file:
        header = file.read(8)
    if len(header) < 8 or header[:4] != b"RIFF":
        return False
    promised = int.from_bytes(header[4:], "little")
    return promised < 0x7FFFF000 and promised + 8 > path.stat().st_size + 1


def resample(audio: Floats, from_rate: int, to_rate: int) -> Floats:
    """`audio` (samples,) brought from one rate to another, in Hertz."""
    if from_rate == to_rate:
        return audio
    return np.asarray(soxr.resample(audio, from_rate, to_rate), np.float32)


def pcm16(audio: Floats) -> bytes:
    """`audio` (samples,) as little-endian 16-bit samples; what exceeds [-1, 1] is clipped."""
    return quantise(audio).tobytes()


def quantise(audio: Floats) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """`audio` (samples,) as 16-bit integers; what exceeds [-1, 1] is clipped."""
    return np.clip(np.round(audio * 32768.0), -32768, 32767).astype("<i2")


def wav_header(sample_rate: int, num_bytes: int | None = None) -> bytes:
    """Header of a mono 16-bit WAV of `num_bytes` of samples; None when the length is not known yet, as in a pipe."""
    data = _UNKNOWN_BYTES if num_bytes is None else num_bytes
    riff = min(data + _HEADER_BYTES - 8, _UNKNOWN_BYTES)
    form = struct.pack("<4sI8sIHHIIHH", b"RIFF", riff, b"WAVEfmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return form + struct.pack("<4sI", b"data", data)


class WavFile:
    """A WAV that grows chunk by chunk in a temporary file and takes its name only when it is complete.

    Use it in a `with`; an exception inside leaves nothing behind. Raises OutputError when it cannot be written.
    """

    def __init__(self, path: Path, sample_rate: int) -> None:
        self.path, self.sample_rate, self.num_bytes = path, sample_rate, 0
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.part")

    def __enter__(self) -> WavFile:
        try:
            self._file: BinaryIO = self._temporary.open("wb")
            self._file.write(wav_header(self.sample_rate))
        except OSError as error:
            raise unwritable(self.path, error) from error
        return self

    def write(self, audio: Floats) -> None:
        """Appends `audio` (samples,)."""
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
        self._file.seek(0)
        self._file.write(wav_header(self.sample_rate, self.num_bytes))
        self._file.close()
        self._temporary.replace(self.path)

    def _discard(self) -> None:
        with suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)


class GrowingWav(WavFile):
    """A WAV that grows in a file of a name of its own, and stays there when an exception ends it."""

    def __init__(self, path: Path, part: Path, sample_rate: int, num_samples: int) -> None:
        """`num_samples` of what is in `part` are kept. Raises AudioError on entering when it holds fewer."""
        super().__init__(path, sample_rate)
        self._temporary, self.num_bytes = part, 2 * num_samples

    def __enter__(self) -> GrowingWav:
        size = _HEADER_BYTES + self.num_bytes
        if self.num_bytes and self._temporary.stat().st_size < size:
            raise AudioError(f"{self._temporary}: is truncated", hint="delete it to begin anew")
        try:
            self._file = self._temporary.open("r+b" if self.num_bytes else "wb")
            self._file.write(wav_header(self.sample_rate))
            self._file.truncate(size)
            self._file.seek(size)
        except OSError as error:
            raise unwritable(self.path, error) from error
        return self

    def write(self, audio: Floats) -> None:
        """Appends `audio` (samples,), so that it is there even if this process is killed."""
        super().write(audio)
        try:
            self._file.flush()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _discard(self) -> None:
        with suppress(OSError):
            self._file.close()


def write_wav_stream(stream: BinaryIO, chunks: Iterable[Floats], sample_rate: int) -> None:
    """Writes a WAV of unknown length to a pipe while `chunks` are made. Raises OutputError, or BrokenPipeError."""
    write_chunks(stream, [wav_header(sample_rate)])
    write_pcm_stream(stream, chunks)


def write_pcm_stream(stream: BinaryIO, chunks: Iterable[Floats]) -> None:
    """Writes raw little-endian 16-bit samples to a pipe while `chunks` are made. Raises as `write_wav_stream`."""
    write_chunks(stream, (pcm16(chunk) for chunk in chunks))


def write_chunks(stream: BinaryIO, chunks: Iterable[bytes]) -> None:
    """Writes and flushes every chunk at once. Raises as `write_wav_stream`."""
    for chunk in chunks:
        try:
            stream.write(chunk)
            stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise unwritable(Path(str(getattr(stream, "name", "output"))), error) from error


def play(chunks: Iterable[Floats], sample_rate: int) -> None:
    """Plays `chunks` as they are made. Raises AudioError where there is no sound device."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise AudioError(
            "playing needs the package 'sounddevice' and PortAudio", hint="pip install sounddevice, or use -o"
        ) from error
    try:
        with sounddevice.OutputStream(samplerate=sample_rate, channels=1, dtype="float32") as device:
            for chunk in chunks:
                device.write(np.ascontiguousarray(chunk, np.float32))
    except sounddevice.PortAudioError as error:
        raise AudioError(f"no sound device can be opened ({error})", hint="write a file with -o instead") from error
