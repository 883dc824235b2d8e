"""HTML to passages: parts that a listener hears, and those that stay silent."""

from __future__ import annotations

import time

import pytest

from tts_cli.reading import document_of


def heard(markup: str, **options: bool) -> list[str]:
    """Return the texts of the passages that are heard."""
    return [one.text for one in document_of(markup, "title", ".html", **options).passages() if one.text]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p hidden>No<p>Yes.", ["Yes."]),
        ('<p style="Display : none">No</p><p aria-hidden="true">No</p><p aria-hidden="false">Yes.</p>', ["Yes."]),
        (
            "<style>.a, p.b{display:none} @media print{.c{display:none}}</style><p class=a>No<p class=b>No<p class=c>Yes.",
            ["Yes."],
        ),
        ("<header><nav>Home</nav></header><p>Yes.</p><footer>(c)</footer>", ["Yes."]),
        ("<blockquote><p>Words.</p><footer>A. Poet</footer></blockquote>", ["Words.", "A. Poet"]),
        ("<div role='navigation'>No</div><div role=contentinfo>No</div><button>No</button><p>Yes.</p>", ["Yes."]),
        (
            "<p>a<span class='pagenum'>[Pg 23]</span> b</p><p>c [Page 4] d</p><p class=page>12</p><p class=page>Text</p>",
            ["a b", "c d", "Text"],
        ),
        ("<p class='runningheader'>The Sea</p><p>Yes.</p>", ["Yes."]),
        ("<p>One,<br>two, <span class=linenum>5</span><br>three.</p>", ["One, two, three."]),
        ("<p>One,<br>two,<span>10</span><br>three by 7</p>", ["One, two, three by 7"]),
        ("<p>A<br><br>B</p>", ["A", "B"]),
        ("<p>It is <math><mi>x</mi></math> here.</p>", ["It is here."]),
        ("<div class='highlight'><pre>x = 1</pre></div><p>Yes.</p>", ["Yes."]),
        ("<epub:switch><epub:case>No</epub:case><epub:default>Yes.</epub:default></epub:switch>", ["Yes."]),
    ],
)
def test_silent_parts(markup: str, expected: list[str]) -> None:
    assert heard(markup) == expected


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>It sank.<a epub:type='noteref' href='#n'>1</a></p><aside epub:type='footnote' id='n'>1. In May.</aside>"
         "<p>B.</p>", True),
        ("<p>It sank.<sup><a href='#n'>*</a></sup></p><p id='n'>* In May.</p><p>B.</p>", True),
        ("<p>It sank.<a id='r' href='#n'>[1]</a></p><div class='footnote'><p><a id='n' href='#r'>[1]</a> In May.</p></div>"
         "<p>B.</p>", True),
        ("<p>It sank.<a id='r' href='#n'>1</a></p><p><a id='n' href='#r'>1</a>. In May.</p><p>B.</p>", True),
        ("<p>It sank.<sup><a href='#fn1'>1</a></sup></p><p>B.</p><section role='doc-endnotes'><h2>Notes</h2><ol>"
         "<li id='fn1'>In May."
         "<a role='doc-backlink' href='#r'>↩</a></li></ol></section>", True),
        ("<p>It sank.<sup id='r'><a href='#n'>1</a></sup></p><p>B.</p><h2>Notes</h2><ol><li id='n'>In May.</li></ol>", True),
        ("<p>It sank.<sup class='reference'><a href='#cite_note-1'>[1]</a></sup></p><p>B.</p><ol class='references'>"
         "<li id='cite_note-1'>In May.</li></ol>", True),
        ("<p>It sank.<sup>1</sup></p><p>B.</p>", False),
        ("<p>It sank.<sup>[1]</sup></p><p>B.</p>", False),
    ],
)  # fmt: skip
def test_notes_are_left_out_or_read_after_their_paragraph(markup: str, expected: bool) -> None:
    assert heard(markup) == ["It sank.", "B."]
    assert heard(markup, notes=True) == (["It sank.", "In May.", "B."] if expected else ["It sank.", "B."])


def test_links_to_other_places_are_heard() -> None:
    assert heard('<p>See <a href="#c5">5</a> (<a href="#c6">6</a>) and <a href="b.html">that</a>.</p><p id="c5">Five</p>') == [
        "See 5 (6) and that.",
        "Five",
    ]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("10<sup>5</sup> men", "10⁵ men"),
        ("x<sup>2</sup> + x<sup>n</sup> + x<sup>n+1</sup>", "x² + x^n + x^(n+1)"),
        ("20 km<sup>2</sup>, E = mc<sup>2</sup>", "20 km², E = mc²"),
        ("(a + b)<sup>2</sup>", "(a + b)²"),
        ("in 1984<sup>3</sup> we<sup>2</sup> saw it<sup>a</sup>", "in 1984 we saw it"),
        ("the 5<sup>th</sup>, M<sup>r</sup> Lee, M<sup>lle</sup> Lee", "the 5th, Mr Lee, Mlle Lee"),
        ("3<sup>1</sup>/<sub>2</sub> and <sup>3</sup>⁄<sub>4</sub>", "3 1/2 and 3/4"),
        ("<sup>14</sup>C, H<sub>2</sub>O, T<sub>max</sub>", "¹⁴C, H₂O, T max"),
        ("he said.<sup>1</sup> <sup>2</sup>In the beginning", "he said. In the beginning"),
        ('The <abbr title="World Health Organization">WHO</abbr> met.', "The World Health Organization met."),
        ("In <ruby>東京<rp>(</rp><rt>Tokyo</rt><rp>)</rp></ruby> <ruby>rain<rt>ame</rt></ruby> fell.", "In Tokyo rain fell."),
        (
            "emo-\ntion, well-\nknown, one-to-\none, re&shy;turn, nega&shy;\ntive",
            "emotion, well-known, one-to-one, return, negative",
        ),
        ('<img alt="T">he sun', "The sun"),
        ('<img alt="Drop cap W"><span>HEN</span> we', "When we"),
        ('<img alt="A"> dog ran', "A dog ran"),
        ('<img alt="“I">t was', "“It was"),
        ('<span class="dropcap">W</span>HEN', "When"),
        ("[[My Note]], [[Page|other]], [[B AW1]], [[3]].", "My Note, other, [[B AW1]], ."),
    ],
)
def test_words_of_a_paragraph(markup: str, expected: str) -> None:
    assert heard(f"<p>{markup}</p>") == [expected]


def test_an_initial_in_a_block_of_its_own_begins_the_next_one() -> None:
    assert heard('<div><img alt="O"></div><p>NCE there was.</p>') == ["Once there was."]


def test_descriptions_of_pictures_are_read_if_asked_for() -> None:
    markup = (
        '<figure><img src="a.png" alt="A red house"><figcaption>The house</figcaption></figure><h2><img alt="Chapter I"></h2>'
    )
    assert heard(markup) == ["The house", "Chapter I"]
    assert heard(markup, alt_texts=True) == ["A red house", "The house", "Chapter I"]
    assert heard('<p>So <math alttext="x squared"></math> is.</p>', alt_texts=True) == ["So x squared is."]


@pytest.mark.parametrize(
    "markup",
    [
        "<h2>Contents</h2><ul><li><a href='#a'>One</a></li><li><a href='#b'>Two</a></li></ul>",
        "<p>CONTENTS</p><table><tr><td>I.</td><td>The Sun</td><td>1</td></tr>"
        "<tr><td>II.</td><td>The Rain</td><td>9</td></tr></table>",
        "<h1>Table of Contents</h1><p>Chapter 1. The Sun ..... 5</p><p>Chapter 2. The Rain ..... 9</p>",
        "<p><a href='a.html'>I</a></p><p><a href='b.html'>II</a></p><p><a href='c.html'>III</a></p>",
        "<p><a href='#a'>I</a> | <a href='#b'>II</a> | <a href='#c'>III</a></p>",
        "<div id='toc'><h2>Places</h2><ul><li>One</li></ul></div>",
    ],
)
def test_tables_of_contents_are_left_out(markup: str) -> None:
    document = document_of(f"{markup}<h2><a href='#toc'>The Sun</a></h2><p>It rose.</p>", "title", ".html")
    assert [one.text for one in document.passages()] == ["The Sun", "It rose."]
    assert document.left_out == {"table of contents": 1}


@pytest.mark.parametrize(
    "markup",
    [
        "<h2>Contents</h2><p>The box held a rope and a knife.</p>",
        "<p><a href='a.html'>The first</a></p><p><a href='b.html'>The second</a></p><p>Text.</p>",
        "<ul><li><a href='https://a.org/x'>A</a></li><li><a href='https://b.org/x'>B</a></li><li><a href='https://c.org/x'>C</a></li></ul>",
    ],
)
def test_other_lists_and_headings_are_heard(markup: str) -> None:
    assert len(heard(markup)) == markup.count("</h2>") + markup.count("</p>") + markup.count("</li>")


def test_a_style_sheet_without_rules_takes_no_longer_than_its_length() -> None:
    before = time.process_time()
    assert heard("<style>" + "It was late; " * 80_000 + "display:none</style><p>Yes.") == ["Yes."]
    assert time.process_time() - before < 3, "each character was read once, not 2,000 times"
