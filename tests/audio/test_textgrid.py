"""TextGrids of Praat: every form of the text format, encodings, mended boundaries, and malformed files by their lines."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest

from tts_cli.audio.textgrid import Interval, TimePoint, read_pitch_tier, read_textgrid, textgrid_text
from tts_cli.errors import InputError

LONG = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 1.5
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 1.25
            text = "say ""ah"""
        intervals [3]:
            xmin = 1.25
            xmax = 1.5
            text = ""
    item [2]:
        class = "TextTier"
        name = "f0"
        xmin = 0
        xmax = 1.5
        points: size = 1
        points [1]:
            number = 0.75
            mark = "120"
'''
SHORT = '''File type = "ooTextFile"
"TextGrid"
0
1.5
<exists>
2
"IntervalTier"
"words"
0
1.5
3
0
0.5
""
0.5 ! a comment with 7 numbers
1.25
"say ""ah"""
1.25
1.5
""
"TextTier"
"f0"
0
1.5
1
0.75
"120"
'''


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("text", [LONG, SHORT, LONG.replace("\n", "\r\n")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_both_text_formats_in_all_encodings(text: str, encoding: str, tmp_path: Path) -> None:
    grid = read_textgrid(write(tmp_path / "x.TextGrid", text.replace("say", "sagte ü"), encoding))
    words, f0 = grid.tiers
    assert grid.end_s == 1.5
    assert words.intervals == (Interval("", 0, 0.5), Interval('sagte ü "ah"', 0.5, 1.25), Interval("", 1.25, 1.5))
    assert (f0.name, f0.points) == ("f0", (TimePoint("120", 0.75),))
    assert grid.find(("word", "WORDS".lower())) is words
    assert grid.find(("phones",)) is None


def test_tiers_are_found_by_any_case_and_behind_a_speaker(tmp_path: Path) -> None:
    grid = read_textgrid(write(tmp_path / "x.TextGrid", LONG.replace('"words"', '"anna - Words"')))
    assert grid.find(("words",)) is grid.tiers[0]


def test_a_written_grid_is_read_again(tmp_path: Path) -> None:
    spans = [Interval('a "b"\nc', 0.1, 0.25), Interval("d", 0.25, 0.5)]
    points = [TimePoint("99.5", 0.2)]
    grid = read_textgrid(write(tmp_path / "x.TextGrid", textgrid_text({"one": spans, "two": points}, 0.75)))
    assert [span for span in grid.tiers[0].intervals if span.label] == [Interval('a "b" c', 0.1, 0.25), spans[1]]
    assert grid.tiers[0].intervals[0] == Interval("", 0.0, 0.1)
    assert list(grid.tiers[1].points) == points


def test_any_written_grid_is_read_again(tmp_path: Path) -> None:
    draw = random.Random(7)
    for _ in range(50):
        edges = sorted(draw.sample(range(1, 4000), 2 * draw.randint(1, 20)))
        spans = [
            Interval(draw.choice(["a", '""', "ə", "x y", "0.5", "<p>"]), start / 1000, end / 1000)
            for start, end in zip(edges[::2], edges[1::2], strict=True)
        ]
        grid = read_textgrid(write(tmp_path / "x.TextGrid", textgrid_text({"t": spans}, 4.0)))
        tier = grid.tiers[0].intervals
        assert [span for span in tier if span.label] == spans
        assert tier[0].start_s == 0 and tier[-1].end_s == 4.0
        assert all(one.end_s == other.start_s for one, other in pairwise(tier))


def test_times_count_from_the_start_of_the_grid(tmp_path: Path) -> None:
    text = SHORT.replace("\n0\n", "\n10\n").replace("1.5", "11.5").replace("0.5", "10.5").replace("1.25", "11.25")
    grid = read_textgrid(write(tmp_path / "x.TextGrid", text.replace("0.75", "10.75")))
    assert grid.end_s == 1.5
    assert [span.start_s for span in grid.tiers[0].intervals] == [0, 0.5, 1.25]
    assert grid.tiers[1].points[0].time_s == 0.75


def test_a_boundary_a_frame_off_is_mended(tmp_path: Path) -> None:
    spans = read_textgrid(write(tmp_path / "x.TextGrid", SHORT.replace("\n0.5 !", "\n0.49 !"))).tiers[0].intervals
    assert [(span.start_s, span.end_s) for span in spans[:2]] == [(0, 0.5), (0.5, 1.25)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ":1: a text in quotes is missing"),
        (LONG.replace('"ooTextFile"', '"ooTextfile"'), ":1: is no TextGrid"),
        (LONG.replace('"TextGrid"', '"PitchTier"'), ":2: is no TextGrid"),
        (SHORT.replace("\n0.5 !", "\n0.3 !"), ":15: interval 2 of the tier 'words' begins at 0.3 s, before the end"),
        (LONG.replace("xmax = 1.25", "xmax = 0.4"), ":20: interval 2 of the tier 'words' ends at 0.4 s, before it begins"),
        (SHORT.replace('1.5\n""', '1e9\n""'), ":20: interval 3 of the tier 'words' ends at 1e+09 s, the grid at 1.5 s"),
        (LONG.replace("xmin = 0.5", "xmin = 1e999"), ":20: a number is missing (xmin), here is 1e999"),
        (LONG.replace("xmin = 0.5\n", "xmin =\n"), ":22: a number is missing (xmax)"),
        (LONG.replace("size = 3", "size = 4"), ":28: a number is missing (xmin)"),
        (LONG.replace("size = 3", "size = 2.5"), ":14: 2.5 is no number of size"),
        (LONG.replace("<exists>", "<gone>").replace("size = 2", ""), "a number is missing"),
        (LONG.replace('"IntervalTier"', '"Spectrum"'), "the unknown class 'Spectrum'"),
        (LONG[: LONG.index("mark")], ": the file ends"),
        (LONG.replace('""ah"""', '""ah'), "a text in quotes is missing (text)"),
    ],
)
def test_malformed_files_are_named_by_line(text: str, told: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.TextGrid", text)
    with pytest.raises(InputError) as caught:
        read_textgrid(path)
    assert caught.value.message.startswith(str(path))
    assert told in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"ooBinaryFile\x08TextGrid", "binary file of Praat"),
        (b"\xff\xfe\x00", "neither UTF-8 nor UTF-16"),
        (b"caf\xe9", "neither"),
    ],
)
def test_files_that_are_no_text(data: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "x.TextGrid").write_bytes(data)
    with pytest.raises(InputError, match=told):
        read_textgrid(tmp_path / "x.TextGrid")
    with pytest.raises(InputError, match=r"absent\.TextGrid: cannot be read"):
        read_textgrid(tmp_path / "absent.TextGrid")


def test_every_cut_file_is_refused_or_complete(tmp_path: Path) -> None:
    path = tmp_path / "x.TextGrid"
    for size in range(0, len(SHORT) - 6, 3):
        with pytest.raises(InputError):
            read_textgrid(write(path, SHORT[:size]))


def test_a_pitch_tier_is_read(tmp_path: Path) -> None:
    text = 'File type = "ooTextFile"\nObject class = "PitchTier"\n\nxmin = 0\nxmax = 2\npoints: size = 2\n'
    text += "points [1]:\n    number = 0.5\n    value = 120.5\npoints [2]:\n    number = 1.5\n    value = 99\n"
    tier = read_pitch_tier(write(tmp_path / "x.PitchTier", text))
    assert tier.points == (TimePoint("120.5", 0.5), TimePoint("99", 1.5))
