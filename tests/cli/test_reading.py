"""`tts synth --long-form`: written files, continuation after an interruption, and refusals."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Run

from tts_cli.audio.files import GrowingWav
from tts_cli.reading.chapters import Chapter, chapters_text

BOOK = """The night was dark.

# Part One

## Chapter = 1

It was late; he said so. "Was it?" she asked.

- One.
- Two.

***

## Chapter 2

The end came, and it was good.
"""
SELECTING = ("--addon", "tiny-prosody", "--continuity", "1")
READ = ("synth", "--long-form", "-i", "book.md", "-o", "book.wav", "--chapters", "chapters.txt")


@pytest.fixture(autouse=True)
def _book(tmp_path: Path) -> None:
    (tmp_path / "book.md").write_text(BOOK)


def samples(data: bytes | Path) -> np.ndarray:
    """Return the samples of a WAV file, shape (samples,)."""
    with wave.open(io.BytesIO(data) if isinstance(data, bytes) else str(data)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Return a function of n that lets the next reading be interrupted as it writes its n-th chunk."""
    write = GrowingWav.write

    def stop(num_chunks: int) -> None:
        left = iter(range(num_chunks))

        def counted(self: GrowingWav, audio: np.ndarray) -> None:
            if next(left, None) is None:
                monkeypatch.setattr(GrowingWav, "write", write)
                raise KeyboardInterrupt
            write(self, audio)

        monkeypatch.setattr(GrowingWav, "write", counted)

    yield stop


def files() -> set[str]:
    return {path.name for path in Path().iterdir() if path.is_file()}


def test_a_document_is_read_with_pauses_and_chapters(tts: Run) -> None:
    outcome = tts(*READ, "--json")
    assert outcome.code == 0, outcome.err
    spoken = outcome.json["sentences"]
    texts = ["The night was dark.", "Part One", "Chapter = 1", "It was late; he said so.", '"Was it?" she asked.']
    assert [sentence["text"] for sentence in spoken] == [*texts, "One.", "Two.", "Chapter 2", "The end came, and it was good."]
    gaps = [round(after["start_s"] - before["tokens"][-1]["end_s"], 2) for before, after in pairwise(spoken)]
    assert gaps == pytest.approx([1.4, 1.4, 0.91, 0.2, 0.7, 0.42, 1.4, 0.91], abs=0.01)
    marks = Path("chapters.txt").read_text().split("[CHAPTER]\n")
    starts = [round(1000 * spoken[place]["start_s"]) for place in (0, 1, 7)]
    titles = ["book", r"Part One: Chapter \= 1", "Chapter 2"]
    expected = zip(starts, [*starts[1:], round(1000 * outcome.json["seconds"])], titles, strict=True)
    assert marks[0] == ";FFMETADATA1\ntitle=book\n\n"
    assert [mark.strip() for mark in marks[1:]] == [
        f"TIMEBASE=1/1000\nSTART={start}\nEND={end}\ntitle={title}" for start, end, title in expected
    ]
    assert files() == {"book.md", "book.wav", "chapters.txt"}


def test_chapters_as_podcasts_have_them() -> None:
    chapters = [Chapter(title="Ä", level=1, start_s=0.0), Chapter(title="B", level=1, start_s=2.5)]
    told = json.loads(chapters_text(chapters, 4.0, "T", as_json=True))
    assert told["chapters"] == [{"startTime": 0.0, "title": "Ä"}, {"startTime": 2.5, "title": "B"}]
    assert (told["version"], told["title"]) == ("1.2.0", "T")


def test_every_outlet_and_source_gives_the_same_speech(tts: Run) -> None:
    Path("book.txt").write_text("One came here. Two went\nthere.\n\nThree.")
    assert tts("synth", "--long-form", "-i", "book.txt").out == b"book.wav\n"
    expected = samples(Path("book.wav")).astype(int)
    raw = tts("synth", "--long-form", "-i", "book.txt", "--output-raw").out
    piped = tts("synth", "--long-form", "-o", "-", stdin=Path("book.txt").read_bytes()).out
    given = tts("synth", "--long-form", Path("book.txt").read_text(), "-o", "-").out
    for got in (np.frombuffer(raw, "<i2"), np.frombuffer(piped[44:], "<i2"), np.frombuffer(given[44:], "<i2")):
        assert np.abs(got.astype(int) - expected).max() <= 1 and len(got) == len(expected)


@pytest.mark.parametrize("options", [(), SELECTING], ids=["plain", "selecting"])
@pytest.mark.parametrize("num_chunks", [2, 7, 12])
def test_what_is_gone_on_with_is_the_same_to_the_bit(tts: Run, stop_after, options: tuple[str, ...], num_chunks: int) -> None:
    assert tts(*READ, *options).code == 0
    whole, chapters = Path("book.wav").read_bytes(), Path("chapters.txt").read_bytes()
    Path("book.wav").unlink()
    Path("chapters.txt").unlink()
    for stop in (num_chunks, 3):
        stop_after(stop)
        outcome = tts(*READ, *options, "--resume")
        assert outcome.code == 130 and "--resume goes on" in outcome.err
        assert files() == {"book.md", "book.wav.part", "book.wav.part.json"}
    assert tts(*READ, *options, "--resume").code == 0
    assert Path("book.wav").read_bytes() == whole and Path("chapters.txt").read_bytes() == chapters
    assert files() == {"book.md", "book.wav", "chapters.txt"}


def test_a_reading_past_the_limit_of_wav_is_resumed_to_the_same_samples(
    tts: Run, stop_after, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tts(*READ).code == 0
    whole = soundfile.read("book.wav", dtype="int16")[0]
    Path("book.wav").unlink()
    monkeypatch.setattr("tts_cli.audio.files._LARGEST_WAV", 1000)
    stop_after(9)
    assert tts(*READ).code == 130
    assert tts(*READ, "--resume").code == 0
    assert soundfile.info("book.wav").format == "RF64"
    np.testing.assert_array_equal(soundfile.read("book.wav", dtype="int16")[0], whole)
    assert files() == {"book.md", "book.wav", "chapters.txt"}


def test_nothing_is_left_of_a_reading_that_had_not_begun(tts: Run, stop_after) -> None:
    stop_after(0)
    assert tts(*READ).code == 130
    assert files() == {"book.md"}


def test_a_complete_reading_is_left_alone(tts: Run) -> None:
    Path("book.wav").write_bytes(b"complete")
    outcome = tts(*READ, "--resume")
    assert (outcome.code, outcome.out) == (0, b"book.wav\n") and Path("book.wav").read_bytes() == b"complete"


def test_an_interrupted_reading_is_not_overwritten_nor_gone_on_with_otherwise(tts: Run, stop_after) -> None:
    stop_after(9)
    assert tts(*READ).code == 130
    kept = Path("book.wav.part").read_bytes()
    for options, told in {
        (): "--resume goes on with it",
        ("--resume", "--seed", "7"): "another --seed",
        ("--resume", "--speaker", "high", "--length-scale", "2"): "another --length-scale and --speaker",
        ("--resume", "--addon", "tiny-prosody"): "another --addon",
    }.items():
        outcome = tts(*READ, *options)
        assert outcome.code == 2 and told in outcome.err and outcome.err.count("\n") == 2
    Path("book.md").write_text(BOOK + "More.")
    assert "another text" in tts(*READ, "--resume").err
    assert Path("book.wav.part").read_bytes() == kept and not Path("book.wav").exists()
    Path("book.wav.part").unlink()
    assert tts(*READ).code == 0


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no words to speak"),
        (b"\n\n***\n\n...", "no words to speak"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is a picture"),
        (b"caf\xe9", "iconv"),
        ("\u6211\u559c\u6b22".encode(), "Cjk"),
        (b"a\0b", "NUL"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(tts: Run, data: bytes, told: str) -> None:
    Path("book.md").write_bytes(data)
    outcome = tts(*READ)
    errors = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert outcome.code == 2 and len(errors) == 1 and told in outcome.err, outcome.err
    assert files() == {"book.md"}


@pytest.mark.parametrize(
    "text",
    [
        "Yes",
        "word and " * 300,
        "# One\n\n# Two\n\n## Three",
        "\ufeffOne.\r\n\r\nTwo.",
        "Gr\u00fc\u00dfe aus K\u00f6ln.",
        "1. 2\n\n\u263a\n\n\u05d0\u05d1 b",
    ],
)
def test_odd_texts_are_read(tts: Run, text: str) -> None:
    Path("book.md").write_bytes(text.encode())
    outcome = tts(*READ)
    assert outcome.code == 0 and outcome.err.count("\n") <= 2, outcome.err
    assert np.abs(samples(Path("book.wav"))).max() > 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--chapters", "x.txt"), "needs --long-form"),
        (("--long-form", "--resume", "--play"), "-o FILE"),
        (("--long-form", "--resume", "--json"), "--json and --resume"),
        (("--long-form", "--output-dir", "d"), "exclude each other"),
        (("--long-form", "--paragraph-silence", "-1"), "--paragraph-silence"),
        (("--long-form", "-o", "x.m4b"), "belongs to no format"),
        (("--long-form", "-o", "x.mp3", "--format", "ogg"), "is named as MP3"),
        (("--format", "mp3", "--output-raw"), "exclude each other"),
    ],
)
def test_options_that_do_not_go_together(tts: Run, options: tuple[str, ...], told: str) -> None:
    outcome = tts("synth", "-i", "book.md", *options)
    assert outcome.code == 2 and told in outcome.err and files() == {"book.md"}
