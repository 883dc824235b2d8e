"""Documents to passages: the parts of plain text, Markdown, HTML and EPUB that a listener hears."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from tts_cli.errors import InputError
from tts_cli.reading.documents import document_of, open_document
from tts_cli.reading.hypertext import Passage

CONTAINER = '<container xmlns="urn:x"><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>
<dc:title>Two  Chapters</dc:title></metadata><manifest><item id="b" href="text/two%20b.xhtml"/><item id="a" href="a.xhtml"/>
<item id="n" href="notes.xhtml"/></manifest>
<spine><itemref idref="a"/><itemref idref="b"/><itemref idref="n" linear="no"/></spine></package>"""
PAGE = "<?xml version='1.0'?><html xmlns='x'><head><title/></head><body><h2>{}</h2><p>Some\nwords.</p></body></html>"


def heard(text: str, suffix: str = ".txt") -> list[str]:
    """Return the texts of the passages of a document; the kind of a passage other than a paragraph stands before its text."""
    passages = document_of(text, "title", suffix).passages()
    return [one.text if one.kind == "paragraph" else f"{one.kind}{one.level or ''}: {one.text}".strip() for one in passages]


def epub(path: Path, **changed: str | None) -> Path:
    """A book of two chapters; `changed` files are written otherwise, or left out."""
    files = {
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": PACKAGE,
        "OPS/a.xhtml": PAGE.format("First"),
        "OPS/text/two b.xhtml": PAGE.format("Second"),
        "OPS/notes.xhtml": PAGE.format("Notes"),
        **changed,
    }
    with ZipFile(path, "w") as archive:
        for name, text in files.items():
            if text is not None:
                archive.writestr(name, text)
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One line\nthat goes on.\n\n\nAnother.", ["One line that goes on.", "Another."]),
        ("Windows\r\nlines.\r\n\r\nMac.", ["Windows lines.", "Mac."]),
        ("a well-\nknown word -\nso", ["a well-known word - so"]),
        ("Before.\n\n* * *\n\nAfter.", ["Before.", "pause:", "After."]),
        ("It ended.\n  Indented, it began.\n  It went on.", ["It ended.", "Indented, it began. It went on."]),
        ("the sun was shining\n  on the sea", ["the sun was shining on the sea"]),
        ("- one\n- two\n  goes on\n3) three", ["item: one", "item: two goes on", "item: 3: three"]),
        ("> quoted\n> lines", ["quoted lines"]),
        ("See https://www.example.com/a?b=c#d, or www.x.org.", ["See example.com, or x.org."]),
        ("word " * 50 + "\nAnother paragraph.", [("word " * 50).strip(), "Another paragraph."]),
        ("CHAPTER I.\nDown the Hole\n\nAlice", ["heading2: CHAPTER I. Down the Hole", "Alice"]),
        ("Part One\n\nIV\n\nPreface", ["heading1: Part One", "heading2: IV", "heading2: Preface"]),
        ("THE END\n\nSTOP!\n\nPart of it was true.", ["heading2: THE END", "STOP!", "Part of it was true."]),
        ("Title\n=====\nText", ["heading1: Title", "Text"]),
        ("Text that\ngoes on\n-------", ["Text that goes on"]),
        ("", []),
    ],
)
def test_plain_text(text: str, expected: list[str]) -> None:
    assert heard(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Top\n\nText *with* `marks`\nand a [link](http://x.org).\n", ["heading1: Top", "Text with marks and a link."]),
        ("Below\n---\n\nText", ["heading2: Below", "Text"]),
        ("See [this][ref].\n\n# Next\n\n[ref]: http://x.org", ["See this.", "heading1: Next"]),
        ("---\ntitle: x\n---\nText[^1].\n\n[^1]: A note.", ["Text."]),
        ("1. one\n2. two\n   - inner\n\n> quoted", ["item: 1: one", "item: 2: two", "item: inner", "quoted"]),
        ("Before\n\n```python\nx = 1\n```\n\nAfter", ["Before", "code:", "After"]),
        ("| A | B |\n|---|---|\n| 1 | 2 |\n| | 4 |", ["item: A: 1; B: 2", "item: B: 4"]),
        ("![A red house](x.png) ![x](y.png)\n\n***\n\n~~no~~ yes", ["pause:", "yes"]),
        ("```\n\n# no\n\n```\n\n# Yes\n\n<!-- x -->\n\ntext", ["code:", "heading1: Yes", "text"]),
        ("# Part\r\n\r\nText &amp; \\*more\\* <b>bold</b>", ["heading1: Part", "Text & *more* bold"]),
    ],
)
def test_markdown(text: str, expected: list[str]) -> None:
    assert heard(text, ".md") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<h1>CHAPTER I<br/>The Hole</h1><p>Text", ["heading1: CHAPTER I: The Hole", "Text"]),
        ('<p>Word<a epub:type="noteref">1</a><script>x<p></script>, on.</p>', ["Word, on."]),
        ("<nav><ol><li>Contents</li></ol></nav><p>Text</p>", ["Text"]),
        ("<p>a<hr>b<div>c</div>d", ["a", "pause:", "b", "c", "d"]),
        ("<table><tr><th>Key</th><td>Value</td></tr></table>", ["item: Key; Value"]),
        ("<pre>Roses\nare red</pre><pre><code>x</code></pre>", ["Roses are red", "code:"]),
        ('<ol start="3"><li><p>three</p><p>more</p></li></ol>', ["item: 3: three", "item: more"]),
        ("<s>never closed <p>read</p>", []),
    ],
)
def test_html(text: str, expected: list[str]) -> None:
    assert heard(text, ".html") == expected


def test_portions_of_markdown_are_what_all_of_it_is() -> None:
    blocks = ["Prose [a][r].", "# Head", "- one\n\n  more\n\n- two", "1. one\n\n2. two", "````\n\n# code\n\n```\n\nno\n\n````"]
    blocks += ["> quote\n\n> more", "| A |\n|---|\n| 1 |", "word " * 300]
    text = "\n\n".join(blocks * 4) + "\n\n[r]: http://x.org"
    one = heard("\n\n".join(blocks) + "\n\n[r]: http://x.org", ".md")
    assert "Prose a." in one and heard(text, ".md") == one * 4


@pytest.mark.parametrize("suffix", [".txt", ".md", ".html"])
def test_passages_end_where_they_do_in_the_text(suffix: str) -> None:
    document = document_of("One.\n\nTwo.\n\n" * 200, "title", suffix)
    ends = [passage.end for passage in document.passages()]
    assert ends == sorted(ends) and ends[0] > 0 and ends[-1] >= document.size - 2


def test_an_epub_is_read_in_the_order_of_its_spine(tmp_path: Path) -> None:
    book = open_document(epub(tmp_path / "book.epub"))
    passages = list(book.passages())
    assert book.title == "Two Chapters" and passages[-1].end == book.size
    assert [one.text for one in passages] == ["First", "Some words.", "Second", "Some words."]
    assert passages[0] == Passage("First", "heading", 2, passages[0].end)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"OPS/a.xhtml": None, "OPS/text/two b.xhtml": None}, "lacks"),
        ({"META-INF/encryption.xml": '<e xmlns="u"><CipherReference URI="OPS/a.xhtml"/></e>'}, "protected by DRM"),
        ({"META-INF/sinf.xml": "<sinf/>"}, r"protected by DRM \(Apple\)"),
    ],
)
def test_a_book_without_text_and_a_protected_one_are_refused(tmp_path: Path, changed: dict[str, str | None], told: str) -> None:
    with pytest.raises(InputError, match=told):
        open_document(epub(tmp_path / "book.epub", **changed))


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("x.txt", b"\x89PNG\r\n\x1a\n", "is a picture"),
        ("x.txt", b"caf\xe9", "iconv -f LATIN1"),
        ("x.md", "hello".encode("utf-16"), "iconv -f UTF-16"),
        ("x.docx", b"PK\x03\x04rest", "pandoc"),
        ("x.pdf", b"%PDF-1.7", "pdftotext"),
        ("x", b"\x01\x00\x02", "NUL"),
        ("x.epub", b"no archive", "no ZIP archive"),
    ],
)
def test_what_is_no_text_is_refused_with_a_remedy(tmp_path: Path, name: str, data: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError) as refused:
        open_document(tmp_path / name)
    assert told in f"{refused.value.message} {refused.value.hint}"


def test_a_mark_of_byte_order_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_bytes(b"\xef\xbb\xbf# Title\n")
    assert [one.text for one in open_document(tmp_path / "x.md").passages()] == ["Title"]
