"""Small listening tests of every kind, with tones as stimuli, and the server that runs one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tts_cli.listening.design import Condition, Expected, Kind, LabelledSound, ListeningTest, Page, Stimulus, blind

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "tts_cli/listening/page"
RATE = 16000
SECONDS = 0.3
KINDS: tuple[Kind, ...] = ("mushra", "mos", "ab", "abx")
SYSTEMS = {"mushra": ("recording", "new", "baseline"), "mos": ("new",), "ab": ("new", "baseline"), "abx": ("new", "baseline")}


def sound_id(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def small_test(kind: Kind, pages: int = 3) -> ListeningTest:
    """Return a test with a training page, `pages` test pages and an attention page."""
    return ListeningTest(
        kind=kind,
        title=f"A small {kind} test",
        question={"mushra": "How natural is each sound?", "abx": "Which sound is X?"}.get(kind, "Which sounds better to you?"),
        instructions="Listen to the sounds.\n\nThen answer the question.",
        consent="Your answers are stored without your address.",
        seed=3,
        sample_rate=RATE,
        conditions=tuple(Condition(name=name, role="reference" if name == "recording" else "system") for name in SYSTEMS[kind]),
        pages=(
            _page(kind, "practice", "training"),
            *(_page(kind, f"item-{number}", "test") for number in range(pages)),
            _page(kind, "attention", "attention"),
        ),
    )


def _page(kind: Kind, name: str, role: Any) -> Page:
    stimuli = tuple(Stimulus(id=sound_id(kind, name, system), condition=system) for system in SYSTEMS[kind])
    labels = {"mushra": ["Reference"], "abx": ["X"]}.get(kind, [])
    return Page(
        id=name,
        role=role,
        item=name,
        text="The north wind and the sun were disputing." if role == "test" else "",
        references=tuple(LabelledSound(id=sound_id(kind, name, label), label=label) for label in labels),
        stimuli=stimuli,
        answer="new" if kind == "abx" else "",
        expected=Expected(stimulus=stimuli[0].id) if role == "attention" else None,
    )


def write_test(folder: Path, test: ListeningTest) -> Path:
    """Write a test's folder as `tts listening-test build` does, with tones as stimuli."""
    shutil.copytree(PAGE, folder)
    (folder / "stimuli").mkdir()
    (folder / "test.json").write_text(test.model_dump_json(), encoding="utf-8")
    (folder / "page.json").write_text(json.dumps(blind(test)), encoding="utf-8")
    time = np.arange(int(SECONDS * RATE)) / RATE
    for page in test.pages:
        for number, one in enumerate((*page.references, *page.stimuli)):
            tone = 0.3 * np.sin(2 * np.pi * 220 * (1 + number / 4) * time) * np.hanning(len(time))
            soundfile.write(folder / "stimuli" / f"{one.id}.wav", tone, RATE, subtype="PCM_16")
    return folder


@dataclass
class Served:
    """Server that runs as a process of its own."""

    folder: Path
    port: int
    process: subprocess.Popen[str]
    links: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def __post_init__(self) -> None:
        self.tokens = [link.partition("token=")[2] for link in self.links if "token=" in link]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def start_server(folder: Path, port: int = 0, *options: object) -> Served:
    """Start `tts listening-test serve` and wait until it listens."""
    command = [sys.executable, "-m", "tts_cli", "listening-test", "serve", str(folder), "--port", str(port), *map(str, options)]
    command[1:3] = ["-c", "from tts_cli.cli import run; run()"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr and process.stdout
    line = process.stderr.readline()
    if not line.startswith("serving"):
        process.wait()
        raise AssertionError(line + process.stderr.read())
    url = line.partition(" at ")[2].partition(";")[0]
    # The links were printed before.
    links = []
    while (printed := process.stdout.readline()).strip():
        links.append(printed.split()[2] if printed.startswith("listener") else printed.split()[1])
        if len(links) == _expected_links(options):
            break
    return Served(folder, int(url.rstrip("/").rpartition(":")[2]), process, links)


def _expected_links(options: Sequence[object]) -> int:
    words = [str(option) for option in options]
    listeners = int(words[words.index("--listeners") + 1]) if "--listeners" in words else 1
    return listeners + ("--open" in words)


@contextmanager
def served(folder: Path, *options: object) -> Iterator[Served]:
    """Run the server while the block lasts."""
    server = start_server(folder, 0, *options)
    try:
        yield server
    finally:
        with suppress(ProcessLookupError):
            server.process.send_signal(signal.SIGKILL)
        server.process.wait()


def request(url: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, bytes, dict[str, str]]:
    """Send a request and return status, body and headers of the response. A `body` makes it a POST of JSON."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"content-type": "application/json", **(headers or {})})  # noqa: S310 - our server
    try:
        with urllib.request.urlopen(asked, timeout=30) as response:  # noqa: S310 - our server
            return response.status, response.read(), {name.lower(): value for name, value in response.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, error.read(), {name.lower(): value for name, value in error.headers.items()}


def answers_to(test: ListeningTest, page: Page, score: float = 50, position: int = 0) -> list[dict[str, Any]]:
    """Return answers to a page, in the form that the browser sends."""
    common = {"page": page.id, "seconds": 1.5, "plays": 1, "position": position}
    if test.kind in ("mushra", "mos"):
        return [{**common, "stimulus": one.id, "score": score, "chosen": None} for one in page.stimuli]
    return [{**common, "stimulus": one.id, "score": None, "chosen": int(not i)} for i, one in enumerate(page.stimuli)]


def rows_of(folder: Path, query: str = "SELECT * FROM answers", *values: object) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(folder / "results.sqlite")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, values)]
