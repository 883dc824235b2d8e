"""Corpora of every layout: transcripts cut, shuffled, badly quoted, in other encodings; files missing; absurd times and ids.

All recordings are too short to be aligned, so that a case tests the readers alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import tiny_corpus  # noqa: F401 -- finds the modules of tests/corpora
from case import Case
from mutations import TEXTS, change, damage, value
from recordings import wav

SHORT = wav([0.1] * 80, 16000, 1, 16, 1, None)
"""A recording of 5 ms."""
TIMES = ("", "0", "-1", "nan", "inf", "-inf", "1e999", "1e300", "9" * 400, "0x10", "1_0", "٣", "0,5", "0:01", "soon", "-0.0")
NAMES = (
    "",
    ".",
    "..",
    "../a",
    "/",
    "/etc/passwd",
    "/dev/zero",
    "a\0b",
    "a/../b",
    "a//b",
    "x" * 5000,
    "é",
    "e\u0301",
    "a\tb",
    "-",
)
FIELDS = (*TIMES, *NAMES, *TEXTS, '"', '""', '"a', 'a"b', "|", ",", "\t", "\r", "a\nb", "x" * 200_000, "\ud800", "zh", "de_DE")
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "cp037", "utf-7")
KEYS = ("start", "end", "duration", "durations", "phones", "id", "corpus", "split", "speaker")
LAYOUTS = ("manifest", "common-voice", "piper", "ljspeech", "festvox", "kaldi", "vctk", "filelist", "libritts", "pairs", "x")
MORE: dict[str, dict[str, str | bytes | float]] = {
    "csv": {
        "manifest.csv": "id,audio,text,speaker,split,language,start,end,kind\n"
        'a,wavs/a.wav,"One, or ""two"".",ann,train,en,0.0,0.2,statement\n'
        "b,wavs/a.wav,Two?,ben,dev,en-GB,0.2,0.5,or\nc,wavs/b.wav,Three.,,test,,,,\n",
        "wavs/a.wav": 0.5, "wavs/b.wav": 0.5,
    },
    "tsv": {
        "metadata.tsv": "file_name\ttranscription\tspeaker_id\tphonemes\tdurations\n"
        'a.wav\t"One" thing.\t1\tW AH1 N\t0.1 0.1 0.1\nb.wav\tTwo.\t2\t\t\n',
        "a.wav": 0.5, "b.wav": 0.5,
    },
    "prepared": {
        "manifest.jsonl": '{"id": "a", "audio_filepath": "a.wav", "text": "One.", "speaker": "ann", "corpus": "x", '
        '"split": "train", "tokens": ["^", "W", "AH1", "N", "."], "durations": [1, 2, 3, 4, 5], "num_frames": 15}\n'
        '{"audio": {"path": "b.wav", "array": [0.5]}, "text": "Two.", "start": 0.1, "end": 0.2}\n',
        "corpus.json": '{"mel": {"sample_rate": 16000, "hop_samples": 200}}', "a.wav": 0.5, "b.wav": 0.5,
    },
}  # fmt: skip
SPLITS = "corpus,id,split,speaker,kind,text\ntoy,a,train,ann,statement,One.\ntoy,b,test,ben,or,Two.\ntrain,ann-1,unseen,,,\n"


def make(random: Random, work: Path) -> Case:
    """Write a corpus with faults, and return the command that prepares it."""
    from trees import TREES

    trees = {**TREES, **MORE}
    kind = random.choice(list(trees))
    root = work / "toy"
    transcripts = [path for name, content in trees[kind].items() if (path := _write(root / name, content)) and content != 0.5]
    transcripts = [path for path in transcripts if isinstance(trees[kind][path.relative_to(root).as_posix()], str)]
    options: list[str] = []
    if random.random() < 0.3:
        (work / "s.csv").write_text(SPLITS)
        options += ["--splits", "s.csv"]
        if random.random() < 0.7:
            transcripts.append(work / "s.csv")
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        _spoil(random, random.choice(transcripts))
    if random.random() < 0.2:
        _disturb(random, random.choice([path for path in root.rglob("*") if path.name != "toy"] or [root]))
    if random.random() < 0.15:
        options += ["--layout", random.choice(LAYOUTS)]
    more = random.choice(((), (), (), ("--json",), ("--strict",), ("--speaker", "me"), ("--language", "en-GB")))
    source = random.choice(["toy/data/train" if kind == "kaldi" else "toy"] * 9 + [f"toy/{transcripts[0].name}"])
    arguments = ("prepare", source, "-o", "out", "--processes", "1", *options, *more)
    return Case(arguments, imports=("tts_cli.corpora.prepare",), corpus="out")


def _write(path: Path, content: str | bytes | float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content if isinstance(content, bytes) else SHORT)
    return path


def _spoil(random: Random, path: Path) -> None:
    """Damage one transcript."""
    if not path.is_file():
        return
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    if path.suffix == ".jsonl" and random.random() < 0.5:
        path.write_bytes(_objects(random, text).encode("utf-8", "surrogateescape"))
        return
    if random.random() < 0.25:
        path.write_bytes(random.choice(_BYTES)(random, path.read_bytes()))
        return
    path.write_bytes(random.choice(_LINES)(random, text).encode("utf-8", "surrogatepass"))


def _objects(random: Random, text: str) -> str:
    """Return JSON lines with a few changed values."""
    return "\n".join(_object(random, line) for line in text.splitlines()) + "\n"


def _object(random: Random, line: str) -> str:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return line
    for _ in range(random.randrange(3)):
        change(random, row)
    if isinstance(row, dict) and random.random() < 0.3:
        row[random.choice(KEYS)] = value(random)
    return json.dumps(row) if random.random() < 0.9 else "[" * random.choice((10, 100_000)) + json.dumps(row)


def _delimiter(text: str) -> str:
    return max(("|", "\t", ",", " "), key=lambda mark: (text.split("\n")[0].count(mark), mark != " "))


def _of_cells(change_cells: Callable[[Random, list[str]], list[str]]) -> Callable[[Random, str], str]:
    """Return a change of a text that changes the cells of one line, or of every line in the same way."""

    def changed(random: Random, text: str) -> str:
        delimiter, lines = _delimiter(text), text.split("\n")
        places = range(len(lines)) if random.random() < 0.3 else [random.randrange(len(lines))]
        draw = random.random()
        for place in places:
            lines[place] = delimiter.join(change_cells(Random(draw), lines[place].split(delimiter)))
        return "\n".join(lines)

    return changed


def _with_line(random: Random, text: str) -> str:
    """Repeat a line, perhaps very often."""
    lines = text.split("\n")
    place = random.randrange(len(lines))
    return "\n".join(
        [
            *lines[: place + 1],
            *[lines[place]] * random.choice((1, 1, 2, 1 + 10**6 // (1000 + len(lines[place])))),
            *lines[place + 1 :],
        ]
    )


def _replaced(random: Random, cells: list[str]) -> list[str]:
    cells[random.randrange(len(cells))] = random.choice(FIELDS)
    return cells


def _quoted(random: Random, cells: list[str]) -> list[str]:
    place = random.randrange(len(cells))
    cells[place] = random.choice(('"{}', '{}"', '"{}"', '""{}""', "'{}", '"{}" x', '\\"{}')).format(cells[place])
    return cells


def _inserted(random: Random, text: str) -> str:
    place = random.randrange(len(text) + 1)
    marks = ("\0", '"', "\r", "\n", "\f", "\u2028", "\x85", "\x1c", "\ufeff", "|", "\t", ",", "\ud800", " ", "\x1b[2J", "\x7f")
    return text[:place] + random.choice(marks) * random.choice((1, 1, 3, 200_000)) + text[place:]


_LINES: tuple[Callable[[Random, str], str], ...] = (
    _of_cells(_replaced),
    _of_cells(_replaced),
    _of_cells(_quoted),
    _of_cells(lambda random, cells: random.sample(cells, len(cells))),
    _of_cells(lambda random, cells: cells[: random.randrange(len(cells) + 1)]),
    _of_cells(lambda random, cells: cells + [random.choice(FIELDS)[: 10**6 // (count := random.choice((1, 3, 5000)))]] * count),
    _with_line,
    _inserted,
    lambda random, text: text[: random.randrange(len(text) + 1)],
    lambda random, text: "\n".join(random.sample(lines := text.split("\n"), len(lines))),
    lambda _, text: "\n".join(text.split("\n")[1:]),
    lambda random, text: text.replace("\n", random.choice(("\r", "\r\n", "\n\n", "\v", ""))),
    lambda random, text: text.upper() if random.random() < 0.5 else text.replace("_", " "),
)  # fmt: skip
_BYTES: tuple[Callable[[Random, bytes], bytes], ...] = (
    damage,
    lambda random, data: data.decode("utf-8", "replace").encode(random.choice(ENCODINGS), "replace"),
    lambda _, __: b"",
    lambda random, data: random.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\0")) + data,
    lambda _, data: data.replace(b"One", b"\xe9t\xe9"),
    lambda random, _: bytes(random.choice((1, 1000, 5_000_000))),
)


def _disturb(random: Random, path: Path) -> None:
    """Remove a file or folder, or put something of another kind in its place."""
    moved = path.with_name("moved")
    path.rename(moved)
    kind = random.randrange(6)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        path.symlink_to(path.name)
    elif kind == 2:
        path.symlink_to("/dev/zero")
    elif kind == 3:
        os.mkfifo(path)
    elif kind == 4:
        path.symlink_to("..")
