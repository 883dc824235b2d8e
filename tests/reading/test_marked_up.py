"""Markdown, Word documents and subtitles: the parts that are heard, and those that are left out and told."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from tts_cli.errors import InputError
from tts_cli.reading.documents import Document, document_of, open_document

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
STYLES = f"""<w:styles {WORD}><w:style w:styleId="Kop1"><w:name w:val="heading 1"/></w:style>
<w:style w:styleId="Own"><w:name w:val="My heading"/><w:basedOn w:val="Kop1"/></w:style>
<w:style w:styleId="Toc1"><w:name w:val="toc 1"/></w:style>
<w:style w:styleId="Steps"><w:name w:val="Steps"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style></w:styles>"""
NUMBERING = f"""<w:numbering {WORD}><w:abstractNum w:abstractNumId="4"><w:lvl w:ilvl="0"><w:start w:val="3"/>
<w:numFmt w:val="decimal"/></w:lvl><w:lvl w:ilvl="1"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="4"/></w:num></w:numbering>"""


def heard(document: Document) -> list[str]:
    """Return the passages of a document; the kind of a passage other than a paragraph stands before its text."""
    return [
        one.text if one.kind == "paragraph" else f"{one.kind}{one.level or ''}: {one.text}"
        for one in document.passages()
        if one.text
    ]


def paragraph(text: str, style: str = "", properties: str = "") -> str:
    styled = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{styled}{properties}</w:pPr>{text if '<' in text else run(text)}</w:p>"


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def word(path: Path, body: str, **files: str | None) -> Path:
    """Write a Word document with the given body."""
    parts = {"word/document.xml": f"<w:document {WORD}><w:body>{body}</w:body></w:document>", "word/styles.xml": STYLES}
    parts |= {"word/numbering.xml": NUMBERING, **files}
    with ZipFile(path, "w") as archive:
        for name, text in parts.items():
            if text is not None:
                archive.writestr(name, text)
    return path


@pytest.mark.parametrize(
    ("text", "expected", "left_out"),
    [
        ("> [!NOTE]\n> Mind the gap.", ["Note: Mind the gap."], {}),
        ("> [!tip]- The way\n> Go left.", ["The way: Go left."], {}),
        ("- [ ] wash\n- [x] dry", ["item: wash", "item: dry"], {}),
        ("See [[a/My Note]], [[Page|that]] and [[Page#Part]].", ["See My Note, that and Page, Part."], {}),
        ("Seen ![[photo.png]] here.", ["Seen here."], {"embedded file": 1}),
        ("Sum $\\frac{1}{2}$ of $n$ men for $5 or $10.", ["Sum of n men for $5 or $10."], {"formula": 1}),
        ("Before\n\n$$\na = b\n\n- c\n$$\n\nAfter", ["Before", "After"], {"formula": 1}),
        ("He left.[^a] She stayed.^[Long.]\n\n[^a]: For good.\n    And more.\n", ["He left. She stayed."], {"footnote": 2}),
        ("Text\n\n```python\nx = 1\n```\n\n```math\nx\n```", ["Text"], {"code": 1, "formula": 1}),
        ("[TOC]\n\n# Top {#top .big}\n\n::: warning\nA ==bright== day :sun: at 10:30:45\n:::",
         ["heading1: Top", "A bright day at 10:30:45"], {}),
        ("---\ntitle: x\n---\nText %%hidden%% here.", ["Text here."], {"front matter": 1}),
        ("Say [[HH AH0 L OW1]].", ["Say [[HH AH0 L OW1]]."], {}),
    ],
)  # fmt: skip
def test_markdown_as_it_is_written(text: str, expected: list[str], left_out: dict[str, int]) -> None:
    document = document_of(text, "title", ".md")
    assert heard(document) == expected and dict(document.left_out) == left_out


def test_notes_of_markdown_follow_their_paragraph() -> None:
    text = "He left.[^a]\n\nShe stayed.\n\n[^a]: For *good*.\n"
    assert heard(document_of(text, "title", ".md", notes=True)) == ["He left.", "For good.", "She stayed."]


def test_a_word_document_is_read_by_its_styles(tmp_path: Path) -> None:
    body = [
        paragraph("The Hill", "Own"),
        paragraph("The Hill ........ 3", "Toc1"),
        paragraph(run("It was ") + f"<w:del>{run('not ')}</w:del><w:ins>{run('very ')}</w:ins>" + run("green.")),
        paragraph(run("Seen") + run(" hidden", "<w:vanish/>") + run(" by 10") + run("3", '<w:vertAlign w:val="superscript"/>')),
        paragraph("first", "Steps"),
        paragraph("inner", "", '<w:numPr><w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr>'),
        paragraph("second", "Steps"),
        paragraph(run("Noted.") + "<w:r><w:footnoteReference w:id='1'/></w:r>"),
        "<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>"
        + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in ("Name", "Age"))
        + "</w:tr><w:tr>"
        + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in ("Ann", "7"))
        + "</w:tr></w:tbl>",
    ]
    document = open_document(word(tmp_path / "a.docx", "".join(body)))
    items = ["item: 3: first", "item: inner", "item: 4: second"]
    expected = ["heading1: The Hill", "It was very green.", "Seen by 10³", *items, "Noted.", "item: Name: Ann; Age: 7"]
    assert heard(document) == expected
    assert dict(document.left_out) == {"table of contents": 1, "footnote": 1}


def test_damaged_word_documents_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"lacks word/document\.xml"):
        open_document(word(tmp_path / "a.docx", "", **{"word/document.xml": None}))
    broken = open_document(word(tmp_path / "b.docx", paragraph("One.") + "<w:p>"))
    with pytest.raises(InputError, match=r"b\.docx: cannot be read as a Word document"):
        list(broken.passages())


def test_subtitles_are_read_at_their_times() -> None:
    text = "1\n00:00:01,500 --> 00:00:02,000\n<i>Wait</i>\nhere.\n\n2\n01:00:04,000 --> 01:00:05,000\n[sighs]\n- No.\n"
    document = document_of(text.replace("\n", "\r\n"), "title", ".srt")
    assert [(one.text, one.start_s) for one in document.passages()] == [("Wait here.", 1.5), ("No.", 3604.0)]
    assert dict(document.left_out) == {"description of a sound": 1}
    text = (
        "WEBVTT\n\nNOTE no\n\nSTYLE\n::cue {}\n\nid\n00:02.000 --> 00:03.000 line:0\n<v Bob>Tom &amp; <00:02.500><c>I</c></v>\n"
    )
    assert [(one.text, one.start_s) for one in document_of(text, "title", ".vtt").passages()] == [("Tom & I", 2.0)]


def test_a_text_that_declares_latin_1_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(
        "Character set encoding: ISO-8859-1\n\n*** START OF THIS PROJECT GUTENBERG EBOOK A ***\n\nA café.".encode("latin-1")
    )
    assert heard(open_document(path)) == ["A café."]
