"""ONNX files of a network, read once: their SHA-256 is checked, and the parameters are moved into the graph.

A runtime that opens an ONNX file loads every further file that the graph names. Therefore no runtime gets a path: it gets the
bytes that were hashed, in which each tensor holds its own data. The numbers of fields are those of onnx.proto3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from tts_cli.errors import AddonError
from tts_cli.ports import NetworkSpec

_HINT = "install the addon again"
_IN_PLACE = 0
_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 9, 13, 14
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_LONGEST_PROTOBUF = 2**31 - 1
"""Protocol Buffers refuse longer messages."""
_TENSOR, _NODE = "TensorProto", "NodeProto"
_OPERATOR = 4
"""Field of a node that names its operator."""
_NESTED: dict[str, dict[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: _NODE, 11: "AttributeProto"},
    "GraphProto": {1: _NODE, 5: _TENSOR, 15: "SparseTensorProto"},
    "SparseTensorProto": {1: _TENSOR, 2: _TENSOR},
    _NODE: {5: "AttributeProto"},
    "AttributeProto": {
        5: _TENSOR,
        6: "GraphProto",
        10: _TENSOR,
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
}
"""Messages by the number of the field that holds them, for every message on a way from a model to a tensor."""
_DEEPEST = 100
"""Levels of nested messages that Protocol Buffers read."""
Pieces = list[bytes | memoryview]
"""Bytes that are joined once, at the end."""


def read_graph(graph: Path, spec: NetworkSpec) -> bytes:
    """Return the ONNX model of a network with its parameters inside.

    Args:
        graph: ONNX file `NAME.onnx`; the parameters are in `NAME.params` beside it.
        spec: Declaration of the network, with the SHA-256 of both files.

    Raises:
        AddonError: A file is missing or has another SHA-256, or the graph is malformed or names a file other than `NAME.params`.
    """
    parameters = graph.with_suffix(".params")
    model, data = _checked(graph, spec.sha256.onnx), _checked(parameters, spec.sha256.params)
    try:
        pieces = _Inliner(parameters.name, data).message(memoryview(model), "ModelProto")
    except _BadGraphError as error:
        raise AddonError(f"{graph}: refused: {error}", hint="export the addon again") from error
    except (IndexError, ValueError) as error:
        raise AddonError(f"{graph}: cannot be opened: it is not an ONNX file", hint=_HINT) from error
    if _length(pieces) > _LONGEST_PROTOBUF:
        raise AddonError(f"{graph}: cannot be opened: it and its parameters exceed 2 GiB", hint="split the network")
    return b"".join(pieces)


def operators(model: bytes) -> set[str]:
    """Return the types of all operators of an ONNX model, those in bodies of loops, branches and functions included."""
    return set(_operators(memoryview(model), "ModelProto"))


def _operators(content: memoryview, kind: str) -> Iterator[str]:
    for number, wire, value, _ in _fields(content):
        nested = _NESTED[kind].get(number, _TENSOR)
        if kind == _NODE and number == _OPERATOR and wire == _BYTES:
            yield bytes(value).decode(errors="replace")
        elif wire == _BYTES and nested != _TENSOR:
            yield from _operators(value, nested)


def _checked(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise AddonError(f"{path}: missing from the addon", hint=_HINT) from error
    except OSError as error:
        raise AddonError(f"{path}: cannot be read: {error.strerror or error}", hint=_HINT) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise AddonError(f"{path}: damaged: its SHA-256 is not the one in addon.json", hint=_HINT)
    return content


class _BadGraphError(Exception):
    """Graph that names a wrong file, or a wrong place in the right one."""


class _Inliner:
    """Rewriter of ONNX messages: external data of tensors become raw data.

    Args:
        name: Name of the only file that tensors may name.
        data: Content of the file.
    """

    def __init__(self, name: str, data: bytes) -> None:
        self._name, self._data = name, memoryview(data)

    def message(self, content: memoryview, kind: str, depth: int = 0) -> Pieces:
        """Return a message of type `kind` with the external data of all its tensors inside. Raises ValueError if malformed."""
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        if kind == _TENSOR:
            return self._tensor(content)
        nested = _NESTED[kind]
        pieces: Pieces = []
        for number, wire, value, field in _fields(content):
            if wire == _BYTES and number in nested:
                pieces += _field(number, self.message(value, nested[number], depth + 1))
            else:
                pieces.append(field)
        return pieces

    def _tensor(self, content: memoryview) -> Pieces:
        pieces: Pieces = []
        entries: dict[str, str] = {}
        is_external = False
        for number, wire, value, field in _fields(content):
            if number == _EXTERNAL_DATA and wire == _BYTES:
                entries.update([_entry(value)])
            elif number == _DATA_LOCATION:
                is_external = _integer(value) != _IN_PLACE
            else:
                pieces.append(field)
        if is_external or entries:
            pieces += _field(_RAW_DATA, [self._slice(entries)])
        return pieces

    def _slice(self, entries: dict[str, str]) -> memoryview:
        """Return the bytes that the external data of a tensor name."""
        location = entries.get("location", "")
        if location != self._name:
            raise _BadGraphError(f"a tensor is in the file '{location[:100]}', but only {self._name} belongs to the network")
        start = _number(entries.get("offset", "0"))
        stop = start + _number(entries["length"]) if "length" in entries else len(self._data)
        if stop > len(self._data):
            raise _BadGraphError(f"a tensor is at bytes {start} to {stop} of {self._name}, which has {len(self._data)}")
        return self._data[start:stop]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise _BadGraphError(f"a tensor is at '{text[:30]}' of its file, which is no number of bytes")
    return int(text)


def _entry(content: memoryview) -> tuple[str, str]:
    """Return key and value of a StringStringEntryProto."""
    texts = {number: bytes(value).decode() for number, wire, value, _ in _fields(content) if wire == _BYTES}
    return texts.get(1, ""), texts.get(2, "")


def _fields(content: memoryview) -> Iterator[tuple[int, int, memoryview, memoryview]]:
    """Yield (number, wire type, value, whole field) of each field of a message. Raises ValueError or IndexError if malformed."""
    start = 0
    while start < len(content):
        key, place = _varint(content, start)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            _, stop = _varint(content, place)
        elif wire == _BYTES:
            length, place = _varint(content, place)
            stop = place + length
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            stop = place + (8 if wire == _EIGHT_BYTES else 4)
        else:
            raise ValueError(f"wire type {wire}")
        if stop > len(content) or not number:
            raise ValueError("cut off")
        yield number, wire, content[place:stop], content[start:stop]
        start = stop


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    """Return the integer at `place` and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("an integer of more than ten bytes")


def _integer(value: memoryview) -> int:
    return _varint(value, 0)[0]


def _field(number: int, value: Pieces) -> Pieces:
    """Return a field that holds bytes."""
    return [_as_varint(number << 3 | _BYTES) + _as_varint(_length(value)), *value]


def _length(pieces: Pieces) -> int:
    return sum(map(len, pieces))


def _as_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
