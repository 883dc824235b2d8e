"""Serial numbers of Ogg streams (RFC 3533). libsndfile draws them at random, so that equal speech would give unequal files."""

from __future__ import annotations

import zlib
from pathlib import Path

SERIAL = 1
"""Serial number of the only stream of a file."""
_HEADER_BYTES = 27
_SERIAL, _CHECKSUM, _NUM_SEGMENTS = slice(14, 18), slice(22, 26), 26
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def set_serial(path: Path, serial: int = SERIAL) -> None:
    """Give all pages of an Ogg file one serial number, in place. Raises OSError if it cannot be written or is no Ogg file."""
    with path.open("r+b") as file:
        while header := file.read(_HEADER_BYTES):
            if len(header) < _HEADER_BYTES or not header.startswith(b"OggS"):
                raise OSError("the encoder wrote no page of Ogg")
            page = bytearray(header) + file.read(header[_NUM_SEGMENTS])
            page += file.read(sum(page[_HEADER_BYTES:]))
            page[_SERIAL] = serial.to_bytes(4, "little")
            page[_CHECKSUM] = bytes(4)
            page[_CHECKSUM] = checksum(bytes(page))
            file.seek(-len(page), 1)
            file.write(page)
            # A position between writing and reading, as buffered files need.
            file.seek(0, 1)


def checksum(page: bytes) -> bytes:
    """Return the checksum of a page as Ogg stores it: CRC-32 without reflection, inversion or a start value.

    It is computed from the CRC-32 of zlib, whose bits are in the opposite order, on bytes with reversed bits.
    """
    reflected = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return reflected.to_bytes(4, "big").translate(_REVERSED)
