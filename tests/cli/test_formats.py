"""Formats of the audio that commands write: by suffix or `--format`, in folders, pipes and readings, with chapter marks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from random import Random

import mutagen
import numpy as np
import pytest
import soundfile
from conftest import TINY, Run

from tts_cli.addon import library
from tts_cli.audio import encoding, formats
from tts_cli.audio.formats import FORMATS
from tts_cli.reading import marks
from tts_cli.reading.chapters import Chapter

ENCODED = [name for name in FORMATS if name != "wav"]
HELLO = "Hello there. It was late; he said so."
BOOK = """# Part One

It was late; he said so. "Was it?" she asked.

## Chapter = 2

The end came, and it was good.
"""
READ = ("read", "book.md", "--chapters", "chapters.txt", "-o")
RECORDING = Path(__file__).parents[2] / "data/cmu_us_slt_arctic/wav/arctic_a0098.flac"


@pytest.fixture(autouse=True)
def _book(tmp_path: Path) -> None:
    (tmp_path / "book.md").write_text(BOOK)


def files() -> set[str]:
    return {path.name for path in Path().iterdir() if path.is_file()} - {"book.md", "chapters.txt"}


def num_frames(path: str) -> int:
    return int(soundfile.info(path).frames)


@pytest.mark.parametrize("name", ENCODED)
def test_synth_writes_every_format(tts: Run, name: str) -> None:
    assert tts("synth", HELLO, "-o", "x.wav").code == 0
    told = tts("synth", HELLO, "-o", f"x.{name}", "--json").json
    assert soundfile.info(f"x.{name}").subtype == FORMATS[name].codec
    assert num_frames(f"x.{name}") == num_frames("x.wav") and told["sample_rate"] == 16000
    assert tts("synth", "Hello", "--format", name).out.decode() == f"hello{FORMATS[name].suffixes[0]}\n"
    piped = tts("synth", HELLO, "-o", "-", "--format", name).out
    assert piped[:4] == Path(f"x.{name}").read_bytes()[:4]
    if name != "flac":
        Path(f"y.{name}").write_bytes(piped)
        assert 0 <= num_frames(f"y.{name}") - num_frames("x.wav") < 3200
    assert files() == {"x.wav", f"x.{name}", f"hello.{name}"} | ({f"y.{name}"} if name != "flac" else set())


def test_a_folder_holds_one_format_and_is_resumed(tts: Run) -> None:
    assert tts("synth", "One.\nTwo.", "--output-dir", "d", "--format", "mp3").code == 0
    assert sorted(path.name for path in Path("d").iterdir()) == ["0001.mp3", "0002.mp3"]
    before = Path("d/0001.mp3").stat().st_mtime_ns
    Path("d/0002.mp3").unlink()
    assert tts("synth", "One.\nTwo.", "--output-dir", "d", "--format", "mp3", "--resume").out == b"d/0002.mp3\n"
    assert Path("d/0001.mp3").stat().st_mtime_ns == before


def test_transfers_are_written_in_every_format(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "TRANSFER_ADDON", "tiny-copycat")
    command = ("transfer-prosody", RECORDING, "--text", "Shall I carry you?", "--speaker", "low")
    assert tts(*command, "-o", "x.wav").code == 0
    assert tts(*command, "-o", "x.opus").code == 0
    assert tts(*command, "--format", "flac").out == b"arctic-a0098-low.flac\n"
    assert num_frames("x.opus") == num_frames("arctic-a0098-low.flac") == num_frames("x.wav")
    Path("m.jsonl").write_text(f'{{"source": "{RECORDING}", "text": "Shall I carry you?", "output": "a"}}\n')
    assert tts("transfer-prosody", "--manifest", "m.jsonl", "--output-dir", "d", "--format", "ogg").out == b"d/a.ogg\n"
    assert "exclude" in tts(*command, "--play", "--format", "mp3").err


def test_speech_at_a_rate_that_a_format_lacks_is_resampled_and_told(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "opus", replace(FORMATS["opus"], rates=(24000, 48000)))
    monkeypatch.setitem(formats._BY_SUFFIX, ".opus", FORMATS["opus"])
    assert tts("synth", HELLO, "-o", "x.wav").code == 0
    outcome = tts("synth", HELLO, "-o", "x.opus", "--json")
    assert "note: Opus has no sample rate of 16000 Hz: the speech is resampled to 24000 Hz" in outcome.err
    assert outcome.json["sample_rate"] == soundfile.info("x.opus").samplerate == 24000
    assert num_frames("x.opus") == pytest.approx(1.5 * num_frames("x.wav"), abs=2)
    assert tts(*READ, "y.opus").err.count("resampled to 24000") == 1
    assert tts("synth", "One.\nTwo.", "--output-dir", "d", "--format", "opus").err.count("resampled to 24000") == 1


@pytest.mark.parametrize("name", ENCODED)
def test_a_reading_is_resumed_to_the_same_file(tts: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    output = f"book.{name}"
    assert tts(*READ, "book.wav").code == tts(*READ, output).code == 0
    whole = Path(output).read_bytes()
    assert num_frames(output) == num_frames("book.wav")
    Path(output).unlink()

    def interrupted(kind: type, num_calls: int) -> None:
        write, left = kind.write, iter(range(num_calls))

        def counted(self: object, audio: np.ndarray) -> None:
            if next(left, None) is None:
                monkeypatch.setattr(kind, "write", write)
                raise KeyboardInterrupt
            write(self, audio)

        monkeypatch.setattr(kind, "write", counted)

    # Once while it speaks, twice while it encodes the complete speech.
    for kind, num_calls in ((encoding.GrowingEncoded, 3), (encoding.EncodedFile, 0), (encoding.EncodedFile, 0)):
        interrupted(kind, num_calls)
        outcome = tts(*READ, output, "--resume")
        assert outcome.code == 130 and "--resume goes on" in outcome.err
        assert files() == {"book.wav", f"{output}.part", f"{output}.part.json"}
    assert tts(*READ, output, "--resume").code == 0
    assert Path(output).read_bytes() == whole and files() == {"book.wav", output}
    assert "is complete" in tts(*READ, output, "--resume").err


def test_a_reading_killed_at_random_moments_leaves_nothing_wrong(tts: Run, tmp_path: Path) -> None:
    (tmp_path / "book.md").write_text(BOOK * 6)
    assert tts(*READ, "whole.mp3").code == 0
    random = Random(3)
    start = "from tts_cli.addon import library; library.DEFAULT_ADDON = 'tiny-acoustic'; import sys, tts_cli.cli.main as m; "
    command = [sys.executable, "-c", f"{start} sys.exit(m.main(sys.argv[1:]))", *READ, "book.mp3", "--resume"]
    environment = {**os.environ, "TTS_ADDONS": str(TINY), "PYTHONPATH": str(Path(__file__).parents[2])}
    for _ in range(4):
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(random.uniform(0.7, 2.5))
            process.send_signal(signal.SIGKILL)
        left = Path("book.mp3")
        assert not left.exists() or left.read_bytes() == Path("whole.mp3").read_bytes()
    assert subprocess.run(command, env=environment, check=False).returncode == 0
    assert Path("book.mp3").read_bytes() == Path("whole.mp3").read_bytes()
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"book.md", "book.mp3", "whole.mp3", "chapters.txt"}


@pytest.mark.parametrize("name", ENCODED)
def test_chapters_are_inside_the_file(tts: Run, name: str) -> None:
    assert tts(*READ, f"book.{name}").code == 0
    starts = [int(line[6:]) for line in Path("chapters.txt").read_text().splitlines() if line.startswith("START=")]
    tags = mutagen.File(f"book.{name}").tags
    if name == "mp3":
        contents = tags["CTOC:contents"].child_element_ids
        found = [(tags[f"CHAP:{one}"].start_time, tags[f"CHAP:{one}"].sub_frames["TIT2"].text[0]) for one in contents]
        assert tags["TIT2"].text == ["book"]
    else:
        clocks = [tags[f"CHAPTER{number:03d}"][0] for number in (1, 2)]
        seconds = [sum(float(part) * 60**place for place, part in enumerate(reversed(clock.split(":")))) for clock in clocks]
        found = [(round(1000 * second), tags[f"CHAPTER00{number}NAME"][0]) for number, second in enumerate(seconds, start=1)]
        assert tags["title"] == ["book"]
    assert found == list(zip(starts, ["Part One", "Chapter = 2"], strict=True))


def test_without_mutagen_the_file_has_no_marks_and_that_is_told(tts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "find_spec", lambda name: None if name == "mutagen" else find_spec(name))
    outcome = tts(*READ, "book.mp3")
    assert outcome.code == 0 and outcome.err.count("no chapter marks") == 1
    assert mutagen.File("book.mp3").tags is None
    Path("plain.txt").write_text("One. Two.")
    assert "chapter marks" not in tts("read", "plain.txt", "-o", "plain.mp3").err


@pytest.mark.parametrize("name", ["mp3", "ogg"])
def test_a_book_has_more_chapters_than_one_table_holds(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x"
    with encoding.EncodedFile(path, 16000, FORMATS[name]) as file:
        file.write(np.zeros(16000, np.float32))
    told: list[str] = []
    chapters = [Chapter(title=f"C{number}", level=1, start_s=number / 2000) for number in range(1200)]
    marks.mark_chapters(path, FORMATS[name], chapters, 1.0, "Book", told.append)
    if name == "ogg":
        tags = mutagen.File(path).tags
        assert tags["chapter999name"] == ["C998"] and "chapter1000" not in tags and len(told) == 1
        return
    tags = mutagen.File(path).tags
    tables = tags["CTOC:contents"].child_element_ids
    children = [child for table in tables for child in tags[f"CTOC:{table}"].child_element_ids]
    assert [tags[f"CHAP:{child}"].sub_frames["TIT2"].text[0] for child in children] == [f"C{number}" for number in range(1200)]
    assert not told
