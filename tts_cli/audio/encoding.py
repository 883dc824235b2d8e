"""Encoders of compressed audio: FLAC, Ogg Vorbis, Opus and MP3 through libsndfile, chunk by chunk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import soundfile
import soxr

from tts_cli.audio.files import GrowingWav, part_samples, quantise, write_chunks
from tts_cli.audio.formats import AudioFormat
from tts_cli.audio.mel import Floats
from tts_cli.audio.ogg import set_serial
from tts_cli.errors import OutputError
from tts_cli.files import remove_leftovers, unwritable

_BLOCK_FRAMES = 1 << 11
"""Samples that libsndfile gets at once: Vorbis depends on the sizes of the blocks, which must not be those of the voice."""
_STREAM_COMPRESSION = 0.6
"""Compression of MP3 with a constant bit rate, 0 to 1 in libsndfile: 64 kbit/s at 16 kHz."""

Finish = Callable[[Path], None]
"""Function that changes a complete file before it gets its name, such as by adding chapter marks."""


def unchanged(path: Path) -> None:
    """Leave a file as it is."""


class Encoder:
    """Encoder of mono speech into an open file. `close` completes the file; samples are resampled to a rate of the format."""

    def __init__(self, file: BinaryIO, audio_format: AudioFormat, sample_rate: int, is_stream: bool = False) -> None:
        """Begin a file.

        Args:
            file: Empty file; it stays open.
            audio_format: Format of the file.
            sample_rate: Rate of the speech, in Hz.
            is_stream: Readers do not get the header that `close` completes: MP3 has a constant bit rate, so that they know the
                length without it.

        Raises:
            OSError: The file cannot be written.
        """
        self._descriptor, rate = file.fileno(), audio_format.rate(sample_rate)
        self._rest = np.zeros(0, np.int16)
        self._resampler = soxr.ResampleStream(sample_rate, rate, 1) if rate != sample_rate else None
        names: dict[str, Any] = {"subtype": audio_format.codec, "format": audio_format.container}
        if audio_format.compression is not None:
            names["compression_level"] = audio_format.compression
        if is_stream and audio_format.name == "mp3":
            names |= {"bitrate_mode": "CONSTANT", "compression_level": _STREAM_COMPRESSION}
        # By the descriptor: libsndfile writes it in C, so that no exception of a signal handler is lost in a callback.
        with self._errors():
            self._sound = soundfile.SoundFile(self._descriptor, "w", rate, 1, closefd=False, **names)

    def write(self, audio: Floats) -> None:
        """Append `audio` (samples,). Raises OSError."""
        self._append(self._resampler.resample_chunk(np.ascontiguousarray(audio, np.float32)) if self._resampler else audio)

    def close(self) -> None:
        """Encode the last samples and complete the header. Raises OSError."""
        if self._resampler:
            self._append(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        with self._errors():
            self._sound.write(self._rest)
            self._sound.close()

    def discard(self) -> None:
        """Release the encoder without a complete file."""
        with suppress(Exception):
            self._sound.close()

    def _append(self, audio: Floats) -> None:
        samples = np.concatenate([self._rest, quantise(audio)])
        num_whole = len(samples) - len(samples) % _BLOCK_FRAMES
        self._rest = samples[num_whole:]
        with self._errors():
            for start in range(0, num_whole, _BLOCK_FRAMES):
                self._sound.write(samples[start : start + _BLOCK_FRAMES])

    def _errors(self) -> _SystemErrors:
        return _SystemErrors(self._descriptor)


class _SystemErrors:
    """Context that raises an error of libsndfile as the OSError behind it, which libsndfile calls "System error"."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, soundfile.LibsndfileError | AssertionError):
            # The file is lost: one byte more tells why.
            os.write(self._descriptor, b"\0")
            raise OSError(str(error)) from error


class EncodedFile:
    """Compressed audio file that is written chunk by chunk, and gets its name only when it is complete.

    Use it in a `with` statement, as `WavFile`.

    Raises:
        OutputError: The file cannot be written; raised on entering, by `write` or on leaving.
    """

    def __init__(self, path: Path, sample_rate: int, audio_format: AudioFormat, finish: Finish = unchanged) -> None:
        """Prepare a file; entering the `with` statement opens it.

        Args:
            path: Name of the complete file.
            sample_rate: Rate of the speech, in Hz.
            audio_format: Format of the file.
            finish: Changes the complete file before it gets its name.
        """
        self.path, self._rate, self._format, self._finish = path, sample_rate, audio_format, finish
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._encoder: Encoder | None = None

    def __enter__(self) -> EncodedFile:
        remove_leftovers(self.path.parent, self.path.name)
        try:
            self._file: BinaryIO = self._temporary.open("w+b", buffering=0)
        except OSError as error:
            raise unwritable(self.path, error) from error
        try:
            self._encoder = Encoder(self._file, self._format, self._rate)
        except OSError as error:
            self._discard()
            raise unwritable(self.path, error) from error
        except BaseException:
            self._discard()
            raise
        return self

    def write(self, audio: Floats) -> None:
        """Append `audio` (samples,). Raises OutputError."""
        assert self._encoder
        try:
            self._encoder.write(audio)
        except OSError as error:
            raise unwritable(self.path, error) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._encoder
        try:
            if kind is None:
                self._encoder.close()
                self._file.close()
                if self._format.container == "OGG":
                    set_serial(self._temporary)
                self._finish(self._temporary)
                self._temporary.replace(self.path)
        except OSError as problem:
            raise unwritable(self.path, problem) from problem
        finally:
            self._discard()

    def _discard(self) -> None:
        if self._encoder:
            self._encoder.discard()
        with suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)


class GrowingEncoded(GrowingWav):
    """Compressed audio file that can be continued: its samples grow in a WAV file, which is encoded when they are complete.

    A process that is killed while it encodes leaves the samples; entering and leaving the `with` statement encodes them again.
    """

    def __init__(
        self, path: Path, part: Path, sample_rate: int, num_samples: int, audio_format: AudioFormat, finish: Finish = unchanged
    ) -> None:
        """Prepare a file, with the arguments of `GrowingWav` and `EncodedFile`."""
        super().__init__(path, part, sample_rate, num_samples)
        self._format, self._finish = audio_format, finish

    def _complete(self) -> None:
        self._file.close()
        with EncodedFile(self.path, self.sample_rate, self._format, self._finish) as encoded:
            for block in part_samples(self._temporary):
                encoded.write(block)
        self._temporary.unlink(missing_ok=True)


def write_encoded_stream(stream: BinaryIO, chunks: Iterable[Floats], sample_rate: int, audio_format: AudioFormat) -> None:
    """Write compressed audio of unknown length to a pipe, chunk by chunk.

    libsndfile writes to a file without a name, from which new bytes are copied: its writing to a pipe that nobody reads could not
    be interrupted.

    Raises:
        BrokenPipeError: The reader has closed the pipe.
        OutputError: The pipe or the temporary file cannot be written for another reason.
    """
    write_chunks(stream, _encoded(chunks, sample_rate, audio_format))


def _encoded(chunks: Iterable[Floats], sample_rate: int, audio_format: AudioFormat) -> Iterator[bytes]:
    """Yield the bytes of compressed audio as far as they are known after each chunk."""
    with ExitStack() as closed:
        with _room():
            file = closed.enter_context(tempfile.TemporaryFile(buffering=0))
            encoder = Encoder(file, audio_format, sample_rate, is_stream=True)
        closed.callback(encoder.discard)
        num_bytes = 0
        for chunk in chunks:
            with _room():
                encoder.write(chunk)
                block = _bytes_from(file, num_bytes)
            num_bytes += len(block)
            yield block
        with _room():
            encoder.close()
            # Encoders change their headers in the end; a pipe keeps those that it has.
            block = _bytes_from(file, num_bytes)
        yield block


def _bytes_from(file: BinaryIO, start: int) -> bytes:
    """Return the bytes of `file` from `start` on, and leave its position where it is."""
    position = file.tell()
    file.seek(start)
    block = file.read()
    file.seek(position)
    return block


@contextmanager
def _room() -> Iterator[None]:
    """Raise OutputError if the temporary file cannot be written."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{tempfile.gettempdir()}: a temporary file cannot be written ({error.strerror or error})",
            hint="check that the disk has space, or name another folder in TMPDIR",
        ) from error
