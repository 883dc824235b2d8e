"""EPUB books as they are met: wrong addresses, missing and damaged chapters, old encodings, protection, notes in other files."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from tts_cli.errors import InputError
from tts_cli.reading import Document, open_document

CONTAINER = '<container xmlns="urn:x"><rootfiles><rootfile full-path="OPS/b.opf"/></rootfiles></container>'
PAGE = '<?xml version="1.0" encoding="{1}"?><html xmlns="http://www.w3.org/1999/xhtml"><body>{0}</body></html>'
ONE, TWO = "<p>The sun rose.</p>", "<p>The rain fell.</p>"


def package(items: dict[str, str], spine: str = "a b", more: str = "") -> str:
    """Return a package document; `items` are attributes of items by identifier."""
    listed = "".join(f'<item id="{name}" {attributes}/>' for name, attributes in items.items())
    order = "".join(f'<itemref idref="{name}"/>' for name in spine.split())
    return f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{listed}</manifest><spine>{order}{more}</spine></package>'


def book(path: Path, files: dict[str, str | bytes], opf: str | None = None) -> Document:
    """Write an EPUB with the chapters a.xhtml and b.xhtml, or other files, and open it."""
    opf = opf or package({"a": 'href="a.xhtml"', "b": 'href="b.xhtml"'})
    written = {"META-INF/container.xml": CONTAINER, "OPS/b.opf": opf}
    written |= {name: text if isinstance(text, bytes) else PAGE.format(text, "UTF-8") for name, text in files.items()}
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, text in written.items():
            archive.writestr(name, text)
    return open_document(path)


def heard(document: Document) -> list[str]:
    """Return the texts of the passages that are heard."""
    return [one.text for one in document.passages() if one.text]


BOTH = ["The sun rose.", "The rain fell."]
NORMAL: dict[str, str | bytes] = {"OPS/a.xhtml": ONE, "OPS/b.xhtml": TWO}


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("OPS/Text/a.xhtml", "text/A.xhtml"),
        ("OPS/a.xhtml", "/OPS/a.xhtml"),
        ("OPS/a.xhtml", "./a.xhtml#start"),
        ("OPS/a.xhtml", ".\\a.xhtml"),
        ("OPS\\t\\a.xhtml", "t/a.xhtml"),
        ("a.xhtml", "../a.xhtml"),
        ("a.xhtml", "../../a.xhtml"),
        ("OPS/a b.xhtml", "a%20b.xhtml"),
        ("OPS/a%20b.xhtml", "a%20b.xhtml"),
        ("OPS/e\u0301t\u00e9.xhtml", "%C3%A9t%C3%A9.xhtml"),
        ("elsewhere/a.xhtml", "text/a.xhtml"),
        ("OPS/a.xhtml", "a.xhtml?version=2"),
    ],
)
def test_a_chapter_is_found_by_an_inexact_address(tmp_path: Path, name: str, address: str) -> None:
    opf = package({"a": f'href="{address}"', "b": 'href="b.xhtml"'})
    document = book(tmp_path / "x.epub", {name: ONE, "OPS/b.xhtml": TWO}, opf)
    assert heard(document) == BOTH and not document.left_out


@pytest.mark.parametrize(
    ("items", "spine", "told"),
    [
        ({"a": 'href="a.xhtml"', "b": 'href="b.xhtml"', "c": 'href="c.xhtml"'}, "a c b", "c.xhtml, which the book lacks"),
        ({"a": 'href="a.xhtml"', "b": 'href="b.xhtml"'}, "a z b", "item z of the order of reading, which the book does not list"),
        ({"a": 'href="a.xhtml"', "b": 'href="b.xhtml"', "c": 'href="c.svg" media-type="image/svg+xml"'}, "c a b", "picture"),
        ({"a": 'href="a.xhtml"', "b": 'href="b.xhtml"', "c": 'href="c.jpg"'}, "a c b", "picture"),
    ],
)
def test_parts_of_the_order_of_reading_that_are_no_text_are_told(
    tmp_path: Path, items: dict[str, str], spine: str, told: str
) -> None:
    document = book(tmp_path / "x.epub", {**NORMAL, "OPS/c.svg": b"<svg/>", "OPS/c.jpg": b"\xff\xd8"}, package(items, spine))
    assert heard(document) == BOTH
    assert [told in kind for kind in document.left_out] == [True]


def test_a_picture_under_the_name_of_a_text_is_told(tmp_path: Path) -> None:
    document = book(tmp_path / "x.epub", {"OPS/a.xhtml": b"\xff\xd8\xff\xe0picture", "OPS/b.xhtml": TWO})
    assert heard(document) == BOTH[1:] and "OPS/a.xhtml is no text" in str(document.left_out)


def test_a_picture_is_replaced_by_its_fallback(tmp_path: Path) -> None:
    items = {"a": 'href="a.svg" media-type="image/svg+xml" fallback="t"', "t": 'href="a.xhtml"', "b": 'href="b.xhtml"'}
    assert heard(book(tmp_path / "x.epub", {**NORMAL, "OPS/a.svg": b"<svg/>"}, package(items))) == BOTH


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (PAGE.format("<p>A caf\u00e9.</p>", "ISO-8859-1").encode("latin-1"), "A caf\u00e9."),
        (PAGE.format("<p>It\u2019s \u201cso\u201d.</p>", "windows-1252").encode("cp1252"), "It\u2019s \u201cso\u201d."),
        (PAGE.format("<p>It\u2019s.</p>", "iso-8859-1").encode("cp1252"), "It\u2019s."),
        (PAGE.format("<p>A caf\u00e9.</p>", "UTF-16").encode("utf-16"), "A caf\u00e9."),
        (PAGE.format("<p>A caf\u00e9.</p>", "UTF-16").encode("utf-16-le"), "A caf\u00e9."),
        (PAGE.format("<p>A caf\u00e9.</p>", "utf-8").encode("utf-8-sig"), "A caf\u00e9."),
        (PAGE.format("<p>A caf\u00e9.</p>", "us-ascii").encode("cp1252"), "A caf\u00e9."),
        (PAGE.format("<p>\u0160koda.</p>", "iso-8859-2").encode("iso-8859-2"), "\u0160koda."),
        (b"<html><head><meta charset=windows-1252></head><p>caf\xe9</p></html>", "caf\u00e9"),
    ],
)
def test_a_chapter_has_the_encoding_that_it_declares(tmp_path: Path, data: bytes, expected: str) -> None:
    document = book(tmp_path / "x.epub", {"OPS/a.xhtml": data, "OPS/b.xhtml": TWO})
    assert heard(document) == [expected, "The rain fell."] and not document.left_out


def test_a_chapter_in_another_encoding_than_declared_is_told(tmp_path: Path) -> None:
    document = book(tmp_path / "x.epub", {"OPS/a.xhtml": PAGE.format("<p>caf\u00e9</p>", "utf-8").encode("cp1252")})
    assert heard(document) == ["caf\u00e9"]
    assert any("read as Windows-1252" in kind for kind in document.left_out)


@pytest.mark.parametrize(
    "opf", ["<package", "<package/>", "\0", "<package><manifest><item id='a' href='a.xhtml'/></manifest></package>"]
)
def test_without_an_order_of_reading_all_texts_are_read(tmp_path: Path, opf: str) -> None:
    document = book(tmp_path / "x.epub", {**NORMAL, "OPS/nav.xhtml": "<nav>Contents</nav>"}, opf)
    assert heard(document) == BOTH


def test_a_package_with_prefixes_and_unknown_entities_is_read(tmp_path: Path) -> None:
    opf = package({"a": 'href="a.xhtml"', "b": 'href="b.xhtml"'}).replace("<", "<opf:").replace("<opf:/", "</opf:")
    opf = opf.replace("<opf:manifest>", "<opf:metadata><dc:title>Rain &nbsp;&amp; sun</dc:title></opf:metadata><opf:manifest>")
    document = book(tmp_path / "x.epub", NORMAL, opf)
    assert heard(document) == BOTH and document.title == "Rain & sun"


def test_secondary_parts_are_read_only_if_there_are_no_others(tmp_path: Path) -> None:
    items = {"a": 'href="a.xhtml"', "b": 'href="b.xhtml"'}
    second = '<itemref idref="b" linear="no"/>'
    assert heard(book(tmp_path / "x.epub", NORMAL, package(items, "a", second))) == BOTH[:1]
    assert heard(book(tmp_path / "x.epub", NORMAL, package(items, "", second))) == BOTH[1:]


def test_a_damaged_chapter_is_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "x.epub"
    book(path, NORMAL)
    with ZipFile(path) as archive:
        info = archive.getinfo("OPS/b.xhtml")
    data = bytearray(path.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    data[start : start + info.compress_size] = b"\xff" * info.compress_size
    path.write_bytes(data)
    document = open_document(path)
    assert heard(document) == BOTH[:1]
    assert "OPS/b.xhtml" in str(document.left_out) and "\n" not in str(document.left_out)


def test_protected_chapters_are_named_and_protected_fonts_do_no_harm(tmp_path: Path) -> None:
    secret = "<encryption><enc:CipherReference URI='{}'/></encryption>"
    font: dict[str, str | bytes] = {**NORMAL, "META-INF/encryption.xml": secret.format("OPS/font.otf").encode()}
    assert heard(book(tmp_path / "x.epub", font)) == BOTH
    locked: dict[str, str | bytes] = {
        **NORMAL, "META-INF/encryption.xml": secret.format("OPS/A.xhtml").encode(), "META-INF/rights.xml": b"<rights/>"
    }  # fmt: skip
    with pytest.raises(InputError, match=r"protected by DRM \(Adobe\)"):
        book(tmp_path / "x.epub", locked)


def test_notes_in_another_file_are_left_out_or_read_after_the_paragraph(tmp_path: Path) -> None:
    first = '<p>The sun rose.<a id="r1" href="b.xhtml#n1">1</a></p><p>It was hot.</p>'
    second = '<h2>Notes</h2><p id="n1"><a href="a.xhtml#r1">1</a>. In the east.</p>'
    document = book(tmp_path / "x.epub", {"OPS/a.xhtml": first, "OPS/b.xhtml": second})
    assert heard(document) == ["The sun rose.", "It was hot."] and document.left_out["footnote"] == 1
    with_notes = open_document(tmp_path / "x.epub", notes=True)
    assert heard(with_notes) == ["The sun rose.", "In the east.", "It was hot."]


def test_a_style_sheet_of_the_book_hides_elements(tmp_path: Path) -> None:
    page = (
        b'<html><head><link rel="stylesheet" href="../css/s.css"/></head><body><p class="gone">No.</p><p>Yes.</p></body></html>'
    )
    opf = package({"a": 'href="t/a.xhtml"'}, "a")
    document = book(
        tmp_path / "x.epub", {"OPS/t/a.xhtml": page, "OPS/css/s.css": b"p { margin: 0 } .gone { display: none; }"}, opf
    )
    assert heard(document) == ["Yes."]


def test_the_licence_of_a_book_of_project_gutenberg_is_left_out(tmp_path: Path) -> None:
    first = "<p>The Project Gutenberg eBook.</p><p>*** START OF THE PROJECT GUTENBERG EBOOK SUN ***</p>" + ONE
    second = TWO + "<p>*** END OF THE PROJECT GUTENBERG EBOOK SUN ***</p><p>Licence.</p>"
    files: dict[str, str | bytes] = {"OPS/a.xhtml": first, "OPS/b.xhtml": second, "OPS/c.xhtml": "<p>More licence.</p>"}
    opf = package({name: f'href="{name}.xhtml"' for name in "abc"}, "a b c")
    assert heard(book(tmp_path / "x.epub", files, opf)) == BOTH
    assert "More licence." in heard(open_document(tmp_path / "x.epub", keep_header=True))
