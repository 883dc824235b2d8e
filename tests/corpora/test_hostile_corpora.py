"""Damaged corpora: a reading, or an error with file, line and remedy; nothing is lost in silence, and nothing takes long."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trees import TREES, write_tree

from tts_cli.corpora import prepare
from tts_cli.corpora.columns import ThirdColumns
from tts_cli.corpora.layouts import CorpusFolder, read_source
from tts_cli.corpora.prepare import PrepareOptions
from tts_cli.corpora.splits import read_splits
from tts_cli.errors import CorpusError, TtsError

sys.path.append(str(Path(__file__).parents[1] / "fuzz"))

HUGE = "1" + "0" * 400
"""More than a float holds."""


@pytest.fixture
def _alarm() -> Iterator[None]:
    """End a test that waits for ever."""

    def end(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def read(folder: Path, files: dict[str, Any]) -> tuple[CorpusFolder, dict[int, str]]:
    """Return clips and rejects of a small corpus, and the reasons of the rejects by line."""
    source = read_source(write_tree(folder / "toy", {"a.wav": 0.5, "b.wav": 0.5, "c.wav": 0.5, **files}))
    return source, {int(reject.where.rpartition(":")[2]): reject.reason for reject in source.rejects}


@pytest.mark.parametrize("number", range(60))
def test_whatever_is_damaged_is_read_or_refused_with_a_remedy(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from case import random_of
    from surfaces import corpora

    monkeypatch.chdir(tmp_path)
    arguments = corpora.make(random_of(1, "test", number), tmp_path).arguments
    layout = arguments[arguments.index("--layout") + 1] if "--layout" in arguments else None
    try:
        source = read_source(Path(arguments[1]), layout)
        if "--splits" in arguments:
            read_splits(Path("s.csv"))
    except TtsError as error:
        assert error.hint
        return
    for reject in source.rejects:
        path, _, line = reject.where.rpartition(":")
        assert path and int(line) >= 1 and reject.reason and len(reject.reason) < 1000


@pytest.mark.parametrize(
    "row", ['ann,b.wav,"Two.', 'ann,b.wav,"Two." he said.', 'ann,b.wav,"Two.\nann,b.wav,Two.']
)  # fmt: skip
def test_a_quotation_mark_that_is_not_closed_takes_no_lines_in_silence(row: str, tmp_path: Path) -> None:
    source, reasons = read(tmp_path, {"manifest.csv": f"speaker,audio,text\nann,a.wav,One.\n{row}\nben,c.wav,Three.\n"})
    last = 3 if row.endswith("said.") else 4 + row.count("\n")
    assert [clip.text for clip in source.clips] == ["One."] + ["Three."] * (last == 3)
    assert "close every quotation mark" in reasons[3] and ("lines 3 to" in reasons[3]) == (last > 3)
    assert last == 3 or f"lines 3 to {last} are left out" in reasons[3]


@pytest.mark.parametrize(
    ("content", "line", "told"),
    [
        (b"corpus,id,split\ntoy,a,train\ntoy,caf\xe9,test\n", 3, "not UTF-8"),
        ("corpus,id,split\ntoy,a,train\n".encode("utf-16"), 1, "not UTF-8"),
        (b'corpus,id,split,text\ntoy,a,train,"One.\ntoy,b,test,Two.\n', 2, "unexpected end"),
        (b'corpus,id,split\ntoy,a,train\ntoy,"b"b,test\n', 3, "expected after"),
        (b"corpus,id,split\ntoy," + b"x" * 200_000 + b",train\n", 2, "field limit"),
    ],
)
def test_damaged_splits_are_refused_by_file_and_line(content: bytes, line: int, told: str, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=told) as refused:
        read_splits(path)
    assert refused.value.message.startswith(f"{path}:{line}:") and refused.value.hint


@pytest.mark.parametrize(
    "times",
    [f'"start": {HUGE}', '"start": 1e308, "duration": 1e308', f'"end": "{HUGE}"', '"start": Infinity', '"end": NaN',
     f'"phones": ["AH0"], "durations": [{HUGE}]', '"start": true, "end": "soon"'],
)  # fmt: skip
def test_absurd_times_are_refused_by_line(times: str, tmp_path: Path) -> None:
    source, reasons = read(tmp_path, {"manifest.jsonl": f'{{"audio": "a.wav", "text": "One.", {times}}}\n'})
    assert source.clips == [] and len(reasons[1]) < 200


@pytest.mark.parametrize("key", ["id", "corpus", "speaker", "split", "kind", "language"])
@pytest.mark.parametrize("value", [{"a": [1]}, ["a"]])
def test_a_name_that_is_none_is_refused(key: str, value: Any, tmp_path: Path) -> None:
    row = {"audio": "a.wav", "text": "One.", key: value}
    source, reasons = read(tmp_path, {"manifest.jsonl": json.dumps(row) + "\n"})
    assert source.clips == [] and ("the language is" if key == "language" else f"'{key}' is") in reasons[1]


@pytest.mark.parametrize(
    "names", [{"id": "x" * 300}, {"corpus": "x" * 300}, {"corpus": "a\0b"}, {"id": "a\0b"}, {"id": "é" * 150}]
)
def test_names_that_no_file_can_have_are_refused(names: dict[str, str], tmp_path: Path) -> None:
    row = {"audio": "a.wav", "text": "One.", **names}
    source, reasons = read(tmp_path, {"manifest.jsonl": json.dumps(row) + "\n"})
    assert source.clips == [] and "not a file name" in reasons[1]


def test_a_line_of_utt2spk_that_is_missing_gives_no_other_speaker(tmp_path: Path) -> None:
    files = {"wav.scp": "a a.wav\nb b.wav\nc c.wav\n", "text": "a A\nb B\nc C\n", "utt2spk": "a\nb ben\n"}
    source, _ = read(tmp_path, files)
    assert [(clip.id, clip.speaker) for clip in source.clips] == [("b", "ben")]
    assert [(Path(reject.where).name, reject.id) for reject in source.rejects] == [("utt2spk:1", "a"), ("text:3", "c")]


@pytest.mark.parametrize("name", ["metadata.csv", "validated.tsv", "corpus.json", "a.wav", "x_manifest.csv", "a.txt"])
@pytest.mark.usefixtures("_alarm")
def test_pipes_and_devices_are_not_waited_for(name: str, tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "toy", TREES["manifest"] | {"a.wav": 0.5, "clips/x.wav": 0.5})
    for place in (folder / name, folder / "wavs" / name):
        place.unlink(missing_ok=True)
        os.mkfifo(place)
    report = prepare.prepare([folder], tmp_path / "out", PrepareOptions())
    assert len(report.rejects) == 2


def test_long_columns_are_compared_in_little_time() -> None:
    start = time.process_time()
    for first, second in (("x" * 9000, "x" * 9000), ("x y" * 3000, "y z " * 3000), ("a b " * 3000, "b a " * 3000)):
        ThirdColumns([(first, second)]).fault(first, second)
    assert time.process_time() - start < 1
