"""`tts read`: chapters that are listed, chosen and split; words with their times; subtitles at their times."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZIP_STORED, ZipFile

import pytest
import soundfile
from conftest import Run

BOOK = '# Part One\n\n## Down\n\nThe "cat" sat; it paid $5.\n\n# Two\n\nIt ran.[^a]\n\n# Three\n\nIt slept.\n\n[^a]: Far.\n'

SUBTITLES = """1
00:00:01,000 --> 00:00:02,000
Yes.

2
00:00:04,000 --> 00:00:05,000
No.

3
00:00:04,100 --> 00:00:05,000
Maybe not, he said.
"""


@pytest.fixture(autouse=True)
def _book(tmp_path: Path) -> None:
    (tmp_path / "book.md").write_text(BOOK)


def texts(tts: Run, *options: str) -> list[str]:
    outcome = tts("read", "book.md", "-o", "x.wav", "--json", *options)
    assert outcome.code == 0, outcome.err
    return [sentence["text"] for sentence in outcome.json["sentences"]]


def test_chapters_are_listed_with_their_lengths(tts: Run) -> None:
    listed = json.loads(tts("read", "book.md", "--list", "--json").out)
    assert [(one["number"], one["title"]) for one in listed] == [(1, "Part One: Down"), (2, "Two"), (3, "Three")]
    slower = json.loads(tts("read", "book.md", "--list", "--json", "--length-scale", "2").out)
    assert slower[0]["seconds"] > 1.5 * listed[0]["seconds"] > 0
    outcome = tts("read", "book.md", "--list")
    assert b"Part One: Down" in outcome.out and "3 chapters" in outcome.err and not list(Path().glob("*.wav"))


@pytest.mark.parametrize(("asked", "first"), [("2-3", "Two"), ("3", "Three"), ("2-", "Two"), ("1,3", "Part One")])
def test_some_chapters_are_read(tts: Run, asked: str, first: str) -> None:
    spoken = texts(tts, "--only", asked)
    assert spoken[0] == first and ("Two" in spoken) == (asked.startswith("2"))


@pytest.mark.parametrize(
    ("asked", "told"), [("4", "has 3 chapters"), ("0", "no chapter"), ("3-2", "no chapter"), ("x", "no chapter")]
)
def test_chapters_that_do_not_exist_are_refused(tts: Run, asked: str, told: str) -> None:
    outcome = tts("read", "book.md", "-o", "x.wav", "--only", asked)
    assert outcome.code == 2 and told in outcome.err and not Path("x.wav").exists()


def test_each_chapter_gets_its_file_and_those_that_exist_are_left_alone(tts: Run) -> None:
    assert tts("read", "book.md", "-o", "x.flac", "--split-chapters").code == 0
    assert sorted(path.name for path in Path().glob("x*")) == ["x-01.flac", "x-02.flac", "x-03.flac"]
    Path("x-02.flac").unlink()
    Path("x-01.flac").write_bytes(b"kept")
    outcome = tts("read", "book.md", "-o", "x.flac", "--split-chapters", "--resume")
    assert outcome.code == 0 and outcome.out.split() == [b"x-01.flac", b"x-02.flac", b"x-03.flac"]
    assert Path("x-01.flac").read_bytes() == b"kept" and soundfile.info("x-02.flac").frames > 0


def test_parts_that_are_left_out_are_told_and_notes_are_read_by_option(tts: Run) -> None:
    outcome = tts("read", "book.md", "-o", "x.wav")
    assert "left out: footnote" in outcome.err
    assert "Far." in texts(tts, "--notes")


def test_webvtt_has_the_time_of_each_word(tts: Run) -> None:
    assert tts("read", "book.md", "-o", "x.wav", "--read-along", "x.vtt").code == 0
    cues = Path("x.vtt").read_text().split("\n\n")
    assert cues[0] == "WEBVTT" and len(cues) == 8
    stamps = [int(h) * 3600 + int(m) * 60 + float(s) for h, m, s in re.findall(r"<(\d+):(\d+):([\d.]+)>", "".join(cues))]
    assert all(before < after for before, after in pairwise(stamps)) and stamps[-1] < soundfile.info("x.wav").duration
    assert re.sub(r"<[^>]+>", "", cues[3].split("\n")[1]) == 'The "cat" sat; it paid $5.'


def test_an_epub_shows_each_word_while_it_is_spoken(tts: Run) -> None:
    outcome = tts("read", "book.md", "-o", "x.mp3", "--epub-overlay", "x.epub")
    assert outcome.code == 0, outcome.err
    with ZipFile("x.epub") as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type, archive.read("mimetype")) == (
            "mimetype",
            ZIP_STORED,
            b"application/epub+zip",
        )
        trees = {
            name: ElementTree.fromstring(archive.read(name))  # noqa: S314
            for name in archive.namelist()
            if name.endswith(("ml", "opf", "smil"))
        }
        assert archive.read("EPUB/speech.mp3") == Path("x.mp3").read_bytes()
    words = {one.get("id"): one.text for one in trees["EPUB/1.xhtml"].iterfind(".//{*}span")}
    spoken = [one.get("src", "").removeprefix("1.xhtml#") for one in trees["EPUB/1.smil"].iterfind(".//{*}text")]
    assert spoken == list(words) and list(words.values())[3:6] == ["The", '"cat"', "sat;"]
    times = [
        float(one.get(edge, "").removesuffix("s"))
        for one in trees["EPUB/1.smil"].iterfind(".//{*}audio")
        for edge in ("clipBegin", "clipEnd")
    ]
    assert times == sorted(times)
    listed = {item.get("href") for item in trees["EPUB/book.opf"].iterfind(".//{*}item")}
    assert {"1.xhtml", "3.smil", "nav.xhtml", "speech.mp3"} <= listed
    assert [one.text for one in trees["EPUB/nav.xhtml"].iterfind(".//{*}a")] == ["Part One: Down", "Two", "Three"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("-o", "x.wav", "--epub-overlay", "x.epub"), "-o FILE.mp3"),
        (("-o", "x.wav", "--read-along", "x.vtt", "--resume"), "--resume"),
        (("-o", "x.wav", "--read-along", "x.wav"), "one file"),
        (("-o", "x.wav", "--split-chapters", "--json"), "--json and --split-chapters"),
        (("-o", "-", "--split-chapters"), "--split-chapters"),
    ],
)
def test_options_that_exclude_each_other(tts: Run, options: tuple[str, ...], told: str) -> None:
    outcome = tts("read", "book.md", *options)
    assert outcome.code == 2 and told in outcome.err and not list(Path().glob("x*"))


def test_subtitles_are_spoken_at_their_times(tts: Run) -> None:
    Path("s.srt").write_text(SUBTITLES)
    outcome = tts("read", "s.srt", "-o", "x.wav", "--json")
    starts = [sentence["start_s"] for sentence in outcome.json["sentences"]]
    assert starts[:2] == pytest.approx([1.0, 4.0], abs=0.01) and starts[2] < 5.5
