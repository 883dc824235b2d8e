"""Archives and folders of addons: damaged, encrypted, of unknown methods, with links, and with members that lead out."""

from __future__ import annotations

import io
import os
import shutil
import stat
import struct
import warnings
import zipfile
from pathlib import Path
from random import Random

from case import TINY, Case
from mutations import damage

DATE = (2020, 1, 1, 0, 0, 0)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
OUTSIDE = (
    "../x",
    "../../x",
    "/x",
    "a/../../x",
    "..\\x",
    "C:\\x",
    "C:/x",
    "./x",
    "a//b",
    "x" * 5000,
    "\udcff".encode("utf-8", "replace").decode(),
    "con",
    "a\0b",
)


def make(random: Random, work: Path) -> Case:
    """Write an archive or a folder, and return the command that installs it."""
    force = random.choice(((), ("--force",)))
    if random.random() < 0.25:
        _folder(random, work / "voice")
        return Case(("addons", "install", "voice", *force))
    data = _archive(random)
    kind = random.randrange(6)
    if kind == 0:
        data = damage(random, data)
    elif kind == 1:
        data = _with_headers(data, flags=random.choice((1, 0x41, 0x2001)))
    elif kind == 2:
        data = _with_headers(data, method=random.choice((1, 6, 9, 93, 95, 99, 65535)))
    elif kind == 3:
        at = random.randrange(30, max(31, len(data) - 300))
        data = data[:at] + random.randbytes(20) + data[at + 20 :]
    (work / "voice.zip").write_bytes(data)
    return Case(("addons", "install", "voice.zip", *force))


def _archive(random: Random) -> bytes:
    folder = TINY / random.choice(("tiny-vocoder", "tiny-acoustic"))
    prefix = random.choice(("", "", "tiny/", "a/b/"))
    file = io.BytesIO()
    method = random.choice(METHODS)
    with zipfile.ZipFile(file, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted(folder.rglob("*")):
            if path.is_file() and random.random() > 0.02:
                archive.writestr(zipfile.ZipInfo(prefix + str(path.relative_to(folder)), DATE), path.read_bytes(), method)
        for _ in range(random.choice((0, 0, 1, 3))):
            _add_odd(random, archive, prefix)
    return file.getvalue()


def _add_odd(random: Random, archive: zipfile.ZipFile, prefix: str) -> None:
    kind = random.randrange(4)
    if kind == 0:
        archive.writestr(zipfile.ZipInfo(random.choice(OUTSIDE), DATE), b"x")
    elif kind == 1:
        archive.writestr(
            zipfile.ZipInfo(prefix + "big.bin", DATE), bytes(random.choice((2**20, 400 * 2**20))), zipfile.ZIP_DEFLATED
        )
    elif kind == 2:
        link = zipfile.ZipInfo(prefix + "link", DATE)
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, random.choice(("/etc/passwd", "../../x", "link")))
    else:
        archive.writestr(zipfile.ZipInfo(prefix + random.choice(("addon.json", "ADDON.JSON", "addon.json/x", "")), DATE), b"{}")


def _with_headers(data: bytes, flags: int | None = None, method: int | None = None) -> bytes:
    """Return the archive with other flags or another method in every header, local and central."""
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            for value, place in ((flags, at + offset), (method, at + offset + 2)):
                if value is not None and place + 2 <= len(changed):
                    struct.pack_into("<H", changed, place, value)
            at = data.find(mark, at + 4)
    return bytes(changed)


def _folder(random: Random, folder: Path) -> None:
    """Write a folder with something in it that is no file of an addon."""
    shutil.copytree(TINY / "tiny-vocoder", folder)
    kind = random.randrange(7)
    if kind == 0:
        (folder / "x").symlink_to("/dev/zero")
    elif kind == 1:
        (folder / "x").symlink_to("/etc/passwd")
    elif kind == 2:
        os.mkfifo(folder / "x")
    elif kind == 3:
        (folder / "x").symlink_to(".")
    elif kind == 4:
        (folder / "networks" / "vocoder.onnx").unlink()
        (folder / "networks" / "vocoder.onnx").symlink_to("/dev/zero")
    elif kind == 5:
        (folder / "addon.json").unlink()
        os.mkfifo(folder / "addon.json")
    else:
        (folder / "secret.txt").write_text("not hashed")
