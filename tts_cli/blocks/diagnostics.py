"""Diagnostics: blocks for any place in a stack that record passing tensors to files and change nothing.

As a sequence block, or without a stream before it, a diagnostic records the sequence ports in scope; otherwise the chunks that
pass, of any ports and rate. It writes one complete file an utterance, when the utterance ends or its stream is closed:
`diagnostics/NAME-0001.npz`. NAME is the option `name`, or else derived from the place in the stack; the environment variable
TTS_DIAGNOSTICS names another folder. Utterances are numbered in the order in which they begin, after existing files. In the own
stack of an addon, diagnostics are refused unless TTS_DIAGNOSTICS is set; in a stack file of the user they need no variable.

    {"stack": [{"type": "Upsampler"}, {"type": "TensorDump"}, {"type": "Decoder"}, {"type": "MelPicture", "name": "decoded"}]}
"""

from __future__ import annotations

import io
import json
import os
import re
import time
import zipfile
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import numpy as np

from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.features import request_ports
from tts_cli.blocks.observe import EitherKind, Observer, Span, observe_streams
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.registry import is_of_kind
from tts_cli.blocks.streamable import Fault, Stream
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import StrictModel, suggest
from tts_cli.errors import RefusedError, StackError
from tts_cli.files import atomic_write
from tts_cli.ports import Array, Name, Tensors

FOLDER_VARIABLE = "TTS_DIAGNOSTICS"
"""Environment variable that names the folder of the files."""
_EPOCH_S = time.perf_counter()
_LONGEST_NAME = 100
_PIXELS = 3
"""Width of a step and height of a channel in a picture, in pixels."""
_numbers: Counter[Path] = Counter()
_numbering = Lock()


class Record(ABC):
    """Recorder of one utterance, and content of its file. It is used by one thread at a time."""

    def watch(self, upstream: Stream | None) -> Stream | None:
        """Return the stream to read in place of `upstream`, for example a measuring one. Default: `upstream`."""
        return upstream

    def note(self, tensors: Tensors) -> tuple[Fault, ...]:  # noqa: ARG002
        """Record passing tensors, (1, t, C) by port name; return the faults that they show. Default: nothing."""
        return ()

    @abstractmethod
    def content(self) -> bytes | None:
        """Return the content of the file; None: write no file."""


class DiagnosticOptions(StrictModel):
    """Options of every diagnostic."""

    name: Name | None = None
    """Stem of the file names. None: derived from the place in the stack."""


class Diagnostic(EitherKind, ABC):
    """Base of diagnostics: passes tensors to a new `Record` for each utterance. Subclasses implement `record`."""

    options_model: ClassVar[type[StrictModel]] = DiagnosticOptions
    suffix: ClassVar[str] = ".json"
    """Suffix of the files."""

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.name: str = self.options.name or re.sub(r"[^A-Za-z0-9_]+", "-", self.path)[-_LONGEST_NAME:].strip("-")

    @abstractmethod
    def record(self) -> Record:
        """Return a record for the next utterance."""

    def _run(self, scope: Tensors) -> Tensors:
        recording = _Recording(self)
        faults = recording.note(scope)
        recording.finish()
        if faults:
            # A sequence block has no stream to report faults through.
            raise RefusedError(faults[0].message)
        return {}

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        recording = _Recording(self)
        stream = _DiagnosticStream(scope, recording.record.watch(upstream), recording)
        if upstream is None or (self.gives is not None and not self.gives):
            stream.show(scope)
        return stream


def refuse_diagnostics(stack: Any, path: str) -> None:
    """Raise StackError for the first diagnostic in the own stack of an addon, unless the user asked for files.

    The user asks with TTS_DIAGNOSTICS, or with a stack file, which is not checked here: an addon of somebody else writes nothing.

    Args:
        stack: Blocks as JSON, nested in any way.
        path: JSON path of `stack`.
    """
    if os.environ.get(FOLDER_VARIABLE):
        return
    if isinstance(stack, Mapping):
        if is_of_kind(stack.get("type"), Diagnostic):
            message = f"{path}: the addon's own stack has the diagnostic {stack['type']}, which would write files unasked"
            hint = f"to let it write, name a folder: {FOLDER_VARIABLE}=diagnostics; or use a stack file without it: --stack FILE"
            raise StackError(message, hint)
        for key, value in stack.items():
            refuse_diagnostics(value, f"{path}.{key}")
    elif isinstance(stack, list | tuple):
        for index, value in enumerate(stack):
            refuse_diagnostics(value, f"{path}[{index}]")


class _DiagnosticStream(Stream):
    def __init__(self, scope: Tensors, upstream: Stream | None, recording: _Recording) -> None:
        super().__init__(scope, upstream)
        self._recording = recording

    def show(self, tensors: Tensors) -> None:
        self._faults += self._recording.note(tensors)

    def _produce(self, n: int) -> Tensors | None:
        chunk = self._read_upstream(n)
        if chunk is None:
            self._recording.finish()
        else:
            self.show(chunk)
        return chunk

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._recording.finish()


class _Recording:
    """Record with the file that it is written to, under a lock: one thread may close a stream while another reads it."""

    def __init__(self, block: Diagnostic) -> None:
        self.record = block.record()
        self._path = _next_path(block.name, block.suffix)
        self._lock = Lock()
        self._is_finished = False

    def note(self, tensors: Tensors) -> tuple[Fault, ...]:
        with self._lock:
            return () if self._is_finished else self.record.note(tensors)

    def finish(self) -> None:
        """Write the file. Later calls do nothing. Raises OutputError if it cannot be written."""
        with self._lock:
            was_finished, self._is_finished = self._is_finished, True
            content = None if was_finished else self.record.content()
            if content is not None:
                _write(self._path, content)


def _next_path(name: str, suffix: str) -> Path:
    """Return a new numbered path that no utterance of this process uses and at which no file exists."""
    place = Path(os.environ.get(FOLDER_VARIABLE, "diagnostics")).absolute() / f"{name}{suffix}"
    with _numbering:
        if place not in _numbers:
            _numbers[place] = _last_number(place)
        _numbers[place] += 1
        return place.with_name(f"{name}-{_numbers[place]:04d}{suffix}")


def _last_number(place: Path) -> int:
    """Return the highest number among existing files of the name; 0 if there is none."""
    numbered = re.compile(rf"{re.escape(place.stem)}-([0-9]+){re.escape(place.suffix)}")
    found = (numbered.fullmatch(file.name) for file in place.parent.iterdir()) if place.parent.is_dir() else ()
    return max((int(match[1]) for match in found if match), default=0)


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path, "wb", parents=True) as file:
        file.write(content)


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1).encode()


class TensorStatistics(Diagnostic):
    """Diagnostic that writes shape, minimum, maximum, mean and standard deviation of every port as JSON.

    A value that is NaN or infinite is a fault, and a voice refuses the utterance.
    """

    def record(self) -> Record:
        return _Statistics(self.path)


class _Statistics(Record):
    def __init__(self, place: str) -> None:
        self._place = place
        self._ports: dict[str, _Moments] = {}

    def note(self, tensors: Tensors) -> tuple[Fault, ...]:
        faults = []
        for name, array in tensors.items():
            moments = self._ports.setdefault(name, _Moments())
            was_finite, first_step = moments.num_not_finite == 0, moments.num_steps
            moments.add(array)
            # NaN in a request port leaves the token to the model, so it is no fault.
            if was_finite and moments.num_not_finite and name not in request_ports():
                faults.append(Fault("not-finite", f"{self._place}: {_whereabouts(name, array, first_step)}"))
        return tuple(faults)

    def content(self) -> bytes:
        ports = {name: moments.as_dict() for name, moments in self._ports.items()}
        return _json({"place": self._place, "ports": ports})


def _whereabouts(name: str, array: Array, first_step: int) -> str:
    _, step, channel = np.argwhere(~np.isfinite(array))[0]
    return f"'{name}' is {array[0, step, channel]} at step {first_step + step}, channel {channel}"


class _Moments:
    """Running statistics of the values of one port."""

    def __init__(self) -> None:
        self.num_steps, self.num_not_finite = 0, 0
        self._channels, self._type = 0, ""
        self._count, self._sum, self._sum_of_squares = 0, 0.0, 0.0
        self._minimum, self._maximum = np.inf, -np.inf

    def add(self, array: Array) -> None:
        """Add values, (1, t, C)."""
        finite = array[np.isfinite(array)].astype(np.float64)
        self.num_steps += array.shape[1]
        self.num_not_finite += array.size - finite.size
        self._channels, self._type = array.shape[2], str(array.dtype)
        self._count += finite.size
        self._sum += float(finite.sum())
        self._sum_of_squares += float(np.square(finite).sum())
        self._minimum = min(self._minimum, float(finite.min(initial=np.inf)))
        self._maximum = max(self._maximum, float(finite.max(initial=-np.inf)))

    def as_dict(self) -> dict[str, Any]:
        """Return shape and statistics of the finite values; statistics are None if there are no finite values."""
        shape = {"steps": self.num_steps, "channels": self._channels, "type": self._type, "not_finite": self.num_not_finite}
        if not self._count:
            return {**shape, "minimum": None, "maximum": None, "mean": None, "deviation": None}
        mean = self._sum / self._count
        deviation = max(0.0, self._sum_of_squares / self._count - mean**2) ** 0.5
        return {**shape, "minimum": self._minimum, "maximum": self._maximum, "mean": mean, "deviation": deviation}


class TensorDump(Diagnostic):
    """Diagnostic that writes every port as an array (1, T, C) to an `.npz` file, for `numpy.load`."""

    suffix = ".npz"

    def record(self) -> Record:
        return _Dump()


class _Dump(Record):
    def __init__(self) -> None:
        self._pieces: dict[str, list[Array]] = {}

    def note(self, tensors: Tensors) -> tuple[Fault, ...]:
        for name, array in tensors.items():
            # A block may reuse the memory of its chunks.
            self._pieces.setdefault(name, []).append(array.copy())
        return ()

    def content(self) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, pieces in self._pieces.items():
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, np.concatenate(pieces, axis=1), allow_pickle=False)
        return file.getvalue()


class MelPictureOptions(DiagnosticOptions):
    """Options of `MelPicture`."""

    port: str = "mel"
    """Name of the port to draw."""


class MelPicture(Diagnostic):
    """Diagnostic that draws a port as a PNG: time to the right, channels upwards, higher values brighter. It needs Pillow."""

    options_model: ClassVar[type[StrictModel]] = MelPictureOptions
    suffix = ".png"

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        try:
            import PIL.Image  # noqa: F401
        except ImportError as error:
            hint = "pip install pillow"
            raise StackError(f"{self.path}: MelPicture needs the package 'pillow', which is not installed", hint) from error

    def _connect(self, scope: Wiring, upstream: Wiring | None = None) -> Wiring:
        looked_at = upstream or scope
        if self.options.port not in looked_at:
            hint = suggest(self.options.port, sorted(looked_at))
            raise StackError(f"{self.path}: no port '{self.options.port}' passes here", hint)
        return super()._connect(scope, upstream)

    def record(self) -> Record:
        return _Picture(self.options.port)


class _Picture(Record):
    def __init__(self, port: str) -> None:
        self._port = port
        self._pieces: list[Array] = []

    def note(self, tensors: Tensors) -> tuple[Fault, ...]:
        if self._port in tensors:
            self._pieces.append(tensors[self._port][0].astype(np.float64))
        return ()

    def content(self) -> bytes | None:
        from PIL import Image

        if not self._pieces:
            return None
        pixels = _brightness(np.concatenate(self._pieces).T[::-1]).repeat(_PIXELS, 0).repeat(_PIXELS, 1)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        return file.getvalue()


def _brightness(values: Array) -> Array:
    """Scale values linearly to 0 .. 255. NaN and negative infinity are black, positive infinity is saturated."""
    finite = values[np.isfinite(values)]
    lowest, extent = (finite.min(), np.ptp(finite)) if finite.size else (0.0, 0.0)
    relative = (values - lowest) / (extent or 1.0)
    return np.asarray(255 * np.nan_to_num(relative, posinf=1.0, neginf=0.0), np.uint8)


class Timing(Diagnostic):
    """Diagnostic that writes, as JSON, the time at which its place is reached and the times of chunks in the blocks before it.

    Among sequence blocks, two of them enclose the blocks to measure. Times are in milliseconds since one instant in the process,
    so that those of different utterances and places can be compared.
    """

    def record(self) -> Record:
        return _Timings(self.path)


class _Timings(Record):
    def __init__(self, place: str) -> None:
        self._place, self._reached_s = place, time.perf_counter()
        self._spans: list[Span] = []

    def watch(self, upstream: Stream | None) -> Stream | None:
        return observe_streams(upstream, Observer(self._spans.append)) if upstream else None

    def content(self) -> bytes:
        chunks = [_chunk(span) for span in sorted(self._spans, key=lambda span: span.start_s)]
        return _json({"place": self._place, "reached_ms": _milliseconds(self._reached_s - _EPOCH_S), "chunks": chunks})


def _chunk(span: Span) -> dict[str, Any]:
    """Return the times of one chunk as JSON: wall time with the blocks before, CPU time without them."""
    times = {"start_ms": span.start_s - _EPOCH_S, "wall_ms": span.wall_s, "cpu_ms": span.cpu_s}
    rounded = {name: _milliseconds(seconds) for name, seconds in times.items()}
    return {"block": span.name, "place": span.place, "steps": span.details.get("given", 0), **rounded}


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 3)
