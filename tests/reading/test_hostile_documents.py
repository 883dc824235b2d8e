"""Hostile and damaged documents: markup is read in linear time, a damaged book is refused in one line."""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZipFile

import pytest

from tts_cli.errors import InputError
from tts_cli.reading import archive, documents, epub
from tts_cli.reading.documents import document_of, open_document

LENGTH = 2_000_000
REPEATED = {
    "blanks": " ",
    "attributes": " a=b",
    "begun tags": "<a",
    "begun comments": "<!--",
    "begun declarations": "<!",
    "begun sections": "<![CDATA[",
    "begun end tags": "</a",
    "brackets": "<",
    "quotes": " a=\"'",
    "equals": "=",
    "references": "&#",
    "left out": "<svg></p>",
    "breaks": "<br>",
    "cells": "<td>x",
    "scripts": "<script></",
}
FILES = {
    "META-INF/container.xml": '<container xmlns="urn:x"><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>',
    "b.opf": '<package xmlns="x"><manifest><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/></spine></package>',
    "a.xhtml": "<html><body>" + "<p>Some words are here.</p>" * 50 + "</body></html>",
}


def heard(markup: str) -> list[str]:
    """Return the texts of the passages of an HTML document."""
    return [one.text for one in document_of(markup, "title", ".html").passages()]


@pytest.mark.parametrize("begin", ["<p>Before.</p>", "<p ", '<p title="', "<!--", "<script>", "<table><tr>"])
@pytest.mark.parametrize("name", REPEATED)
def test_markup_is_read_in_linear_time(name: str, begin: str) -> None:
    markup = begin + REPEATED[name] * (LENGTH // len(REPEATED[name]))
    began = time.process_time()
    heard(markup)
    # The former reader took minutes for most of them.
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>One.<p title='a > b'>Two.", ["One.", "Two."]),
        ("<p " + "a=b " * 200_000 + ">After a giant tag.</p><p>Next.", ["After a giant tag.", "Next."]),
        ('<p title="never closed>One.</p><p>Two.</p>', ["One.", "Two."]),
        ("<p>1 < 2, a<b", ["1 < 2, a<b"]),
        ("<script>if (a</p>) '<p>no</p>'</script><p>Yes.", ["Yes."]),
        ("<html><title/><script src='x'/><p>Read.</p>", ["Read."]),
        ("<!-- <p>no</p> --><p>Yes.<!-- never closed <p>Still.", ["Yes.Still."]),
        ("<ol start='" + "9" * 5000 + "'><li>One.", ["1: One."]),
        ("<p>A&#" + "9" * 5000 + ";B &amp; C&#x41;", ["A\ufffdB & CA"]),
        ("<P CLASS=x>Caps.</P >Rest.</>", ["Caps.", "Rest."]),
    ],
    ids=range(10),
)
def test_broken_markup_is_read_as_far_as_it_goes(markup: str, expected: list[str]) -> None:
    assert heard(markup) == expected


def test_random_markup_never_fails() -> None:
    draw = random.Random(0)
    parts = [
        "<",
        ">",
        "/",
        "!",
        "--",
        "p",
        "script",
        "td",
        "tr",
        "ol",
        "li",
        "=",
        '"',
        "'",
        " ",
        "&",
        "#",
        ";",
        "x",
        "]]",
        "[CDATA[",
    ]
    for _ in range(3000):
        heard("".join(draw.choices(parts, k=30)))


def book(path: Path, method: int = ZIP_DEFLATED) -> Path:
    """Write an EPUB of one chapter."""
    with ZipFile(path, "w", method) as packed:
        for name, text in FILES.items():
            packed.writestr(name, text)
    return path


def spoiled_data(path: Path, draw: random.Random) -> None:
    """Overwrite some bytes anywhere in the file."""
    data = bytearray(path.read_bytes())
    for _ in range(draw.randrange(1, 12)):
        data[draw.randrange(len(data))] = draw.randrange(256)
    path.write_bytes(data[: draw.randrange(1, len(data))] if draw.random() < 0.2 else data)


@pytest.mark.parametrize("method", [ZIP_DEFLATED, ZIP_BZIP2, ZIP_LZMA])
def test_a_damaged_book_is_refused_or_read(tmp_path: Path, method: int) -> None:
    draw = random.Random(method)
    for _ in range(300):
        path = book(tmp_path / "b.epub", method)
        spoiled_data(path, draw)
        try:
            list(open_document(path).passages())
        except InputError as error:
            assert "b.epub" in error.message


def changed(path: Path, change: Callable[[bytes], bytes]) -> Path:
    path.write_bytes(change(path.read_bytes()))
    return path


def test_encrypted_files_and_unknown_methods_are_named(tmp_path: Path) -> None:
    def flag(offset: int, value: int) -> Callable[[bytes], bytes]:
        def change(data: bytes) -> bytes:
            entry = data.rfind(b"PK\x01\x02")
            return data[: entry + offset] + bytes([value]) + data[entry + offset + 1 :]

        return change

    with pytest.raises(InputError, match=r"a\.xhtml is encrypted"):
        list(open_document(changed(book(tmp_path / "b.epub"), flag(8, 1))).passages())
    with pytest.raises(InputError, match=r"a\.xhtml cannot be unpacked"):
        list(open_document(changed(book(tmp_path / "b.epub"), flag(10, 99))).passages())


def test_damaged_deflate_data_is_one_line(tmp_path: Path) -> None:
    packed = zlib.compressobj(wbits=-15)
    data = packed.compress(FILES["a.xhtml"].encode()) + packed.flush()
    path = changed(book(tmp_path / "b.epub"), lambda whole: whole.replace(data, b"\xff" * len(data)))
    with pytest.raises(InputError, match=r"a\.xhtml cannot be unpacked"):
        list(open_document(path).passages())


def test_sizes_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = book(tmp_path / "b.epub")
    monkeypatch.setattr(archive, "LARGEST_BYTES", 1000)
    with pytest.raises(InputError, match=r"is too large: a\.xhtml has"):
        list(open_document(path).passages())
    monkeypatch.setattr(epub, "_LARGEST_BOOK", 100)
    with pytest.raises(InputError, match=r"is too large: .* MB of text"):
        open_document(path)
    monkeypatch.setattr(documents, "LARGEST_BYTES", 10)
    with pytest.raises(InputError, match="is larger than"):
        open_document(path)
