"""Outlets of speech: a file, a pipe, or a sound device. An outlet that cannot be written fails before speech is computed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO, TypeVar

from tts_cli.audio.formats import FORMATS, WAV, AudioFormat, FormatName, format_of
from tts_cli.errors import InputError
from tts_cli.locks import OutputLock

if TYPE_CHECKING:
    from tts_cli.audio.mel import Floats

Item = TypeVar("Item")
Tell = Callable[[str], None]
"""Function that shows a line to the user."""
Outlet = Callable[[Iterable["Floats"], int], None]
"""Function that writes or plays chunks of audio, each of shape (samples,), at a sample rate in Hz."""

STANDARD_OUTPUT = Path("-")
"""Value of `--output` for standard output."""
LONGEST_NAME = 40
"""Most characters of a file name made from a text."""


def tell_nobody(line: str) -> None:
    """Drop a line."""


def outlet_to(path: Path | None, raw: bool, asked: FormatName | None = None, tell: Tell = tell_nobody) -> Outlet:
    """Return the outlet of a command: the file `path`, or without one standard output (`raw`) or the sound device.

    Args:
        path: Audio file.
        raw: Write samples without a header.
        asked: Value of `--format`.
        tell: Receives a note if the format does not have the voice's sample rate.

    Raises:
        InputError: `path` is a folder or of no known format, or standard output is a terminal.
    """
    if path:
        return to_file(path, asked, tell)
    return to_standard_output(None) if raw else to_sound_device()


def to_file(path: Path, asked: FormatName | None = None, tell: Tell = tell_nobody) -> Outlet:
    """Return an outlet that writes an audio file, whole or not at all; a pipe or a device is written chunk by chunk.

    Args:
        path: File; its suffix selects the format, WAV if it has none. `-` is standard output.
        asked: Name of the format, for paths without its suffix.
        tell: Receives a note if the format does not have the sample rate, so that the speech is resampled.

    Raises:
        InputError: `path` is a folder, or its suffix belongs to no format or to another one than `asked`.
    """
    refuse_folder(path, f"; --output-dir {path} writes one file a line")
    found = format_at(path, asked)
    if path == STANDARD_OUTPUT:
        outlet = to_standard_output(found)
    else:
        # A link stays a link to the file that is written.
        outlet = _to_device(path, found) if is_device(path) else _to_file(path.resolve(), found)

    def write(chunks: Iterable[Floats], sample_rate: int) -> None:
        tell_rate(found, sample_rate, tell)
        outlet(chunks, sample_rate)

    return write


def format_at(path: Path, asked: FormatName | None = None) -> AudioFormat:
    """Return the format for an output, as `format_of`. `-`, pipes and devices need no suffix of a format."""
    if path == STANDARD_OUTPUT or (asked and is_device(path)):
        return format_of(None, asked)
    if is_device(path):
        return FORMATS.get(path.suffix.lower().removeprefix("."), WAV)
    return format_of(path, asked)


def rate_at(path: Path | None, sample_rate: int, asked: FormatName | None = None) -> int:
    """Return the sample rate in Hz of the output `path` with speech at `sample_rate`."""
    return format_at(path, asked).rate(sample_rate) if path else sample_rate


def tell_rate(audio_format: AudioFormat, sample_rate: int, tell: Tell) -> None:
    """Pass a note to `tell` if the format does not have the sample rate of the speech, in Hz."""
    rate = audio_format.rate(sample_rate)
    if rate != sample_rate:
        tell(f"note: {audio_format.title} has no sample rate of {sample_rate} Hz: the speech is resampled to {rate} Hz")


def is_device(path: Path) -> bool:
    """Return True if `path` is a pipe or a device, which a new file cannot replace."""
    return path.exists() and not path.is_file() and not path.is_dir()


def refuse_folder(path: Path, remedy: str = "") -> None:
    """Raise InputError if `path` is a folder; `remedy` is appended to the hint."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder", hint=f"name a file in it{remedy}")


def _to_file(path: Path, audio_format: AudioFormat) -> Outlet:
    def write(chunks: Iterable[Floats], sample_rate: int) -> None:
        from tts_cli.audio.encoding import EncodedFile
        from tts_cli.audio.files import WavFile

        is_wav = audio_format is WAV
        with (
            OutputLock(path),
            WavFile(path, sample_rate) if is_wav else EncodedFile(path, sample_rate, audio_format) as file,
        ):
            for chunk in chunks:
                file.write(chunk)

    return write


def _to_device(path: Path, audio_format: AudioFormat) -> Outlet:
    def write(chunks: Iterable[Floats], sample_rate: int) -> None:
        from tts_cli.audio.files import unwritable

        try:
            device = path.open("wb", buffering=0)
        except OSError as error:
            raise unwritable(path, error) from error
        with device:
            _write_stream(device, chunks, sample_rate, audio_format)

    return write


def _write_stream(stream: BinaryIO, chunks: Iterable[Floats], sample_rate: int, audio_format: AudioFormat | None) -> None:
    """Write chunks in a format to a pipe, or for None as 16-bit samples without a header."""
    from tts_cli.audio.encoding import write_encoded_stream
    from tts_cli.audio.files import write_pcm_stream, write_wav_stream

    if audio_format is None:
        write_pcm_stream(stream, chunks)
    elif audio_format is WAV:
        write_wav_stream(stream, started(chunks), sample_rate)
    else:
        write_encoded_stream(stream, started(chunks), sample_rate, audio_format)


def to_standard_output(audio_format: AudioFormat | None) -> Outlet:
    """Return an outlet that writes to standard output chunk by chunk: in a format, or for None 16-bit samples without a header.

    Raises:
        InputError: Standard output is a terminal.
    """
    if is_closed(sys.stdout):
        raise InputError("standard output is closed", hint="use -o FILE or --play")
    if sys.stdout.isatty():
        raise InputError("standard output is a terminal, which cannot show audio", hint="redirect it, or use -o FILE or --play")

    def write(chunks: Iterable[Floats], sample_rate: int) -> None:
        _write_stream(sys.stdout.buffer, chunks, sample_rate, audio_format)

    return write


def is_closed(stream: TextIO | None) -> bool:
    """Return True for a standard stream that was closed when the process began; the null device stands in for it."""
    return stream is None or getattr(stream, "name", None) == os.devnull


def to_sound_device() -> Outlet:
    """Return an outlet that plays on the default sound device."""

    def play(chunks: Iterable[Floats], sample_rate: int) -> None:
        from tts_cli.audio.files import play

        play(chunks, sample_rate)

    return play


def started(items: Iterable[Item]) -> Iterator[Item]:
    """Return an iterator over `items` with the first item already computed, so that an early error precedes any output."""
    iterator = iter(items)
    return chain(list(islice(iterator, 1)), iterator)


def free_name(text: str, suffix: str = ".wav") -> Path:
    """Return the name of an audio file in the current folder that is made from `text` and does not exist yet."""
    words = re.sub(r"[^a-z0-9]+", "-", text[: 4 * LONGEST_NAME].lower()).strip("-")
    stem = words if len(words) <= LONGEST_NAME else words[: LONGEST_NAME + 1].rpartition("-")[0] or words[:LONGEST_NAME]
    names = chain([stem or "speech"], (f"{stem or 'speech'}-{number}" for number in range(2, sys.maxsize)))
    return next(path for name in names if not (path := Path(f"{name}{suffix}")).exists())


@contextmanager
def new_text_file(path: Path) -> Iterator[StringIO]:
    """Open a text file that takes its name when the `with` block ends well, and is removed otherwise.

    Yields:
        Buffer for the text.

    Raises:
        InputError: `path` is a folder.
        OutputError: The file cannot be written.
    """
    from tts_cli.files import remove_leftovers, unwritable

    refuse_folder(path)
    target = path if is_device(path) else path.resolve()
    remove_leftovers(target.parent, target.name)
    part = target if is_device(path) else target.with_name(f".{target.name}.{os.getpid()}.part")
    text = StringIO()
    try:
        file = part.open("w", encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield text
        try:
            file.write(text.getvalue())
            file.close()
            if part != target:
                part.replace(target)
        except OSError as error:
            raise unwritable(path, error) from error
    finally:
        # On a full disk closing fails once more.
        with suppress(OSError):
            file.close()
        if part != target:
            part.unlink(missing_ok=True)


def optional_text_file(path: Path | None) -> AbstractContextManager[StringIO | None]:
    """Return `new_text_file(path)`, or a context that yields None if `path` is None."""
    return new_text_file(path) if path else nullcontext()


def make_folder(folder: Path) -> None:
    """Create `folder` and its parents unless they exist. Raises OutputError if that fails."""
    from tts_cli.files import unwritable

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
