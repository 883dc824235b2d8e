"""Hostile addons: changed configurations, and damaged graphs, parameters and assets, with and without fitting checksums."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

from case import TINY, Case
from mutations import change, damage, written
from recordings import voice_like, wav

from tts_cli.audio.textgrid import Interval, TimePoint, textgrid_text

NAMES = ("tiny-acoustic", "tiny-attention", "tiny-copycat", "tiny-linguistics", "tiny-prosody", "tiny-vocoder")
SAID = "Hello there, you."


def make(random: Random, work: Path) -> Case:
    """Write an addon, and return a command that opens it."""
    name = random.choice(NAMES)
    folder = work / "hostile" / name
    shutil.copytree(TINY / name, folder)
    config = json.loads((folder / "addon.json").read_text())
    if random.random() < 0.6:
        for _ in range(random.choice((1, 1, 1, 2, 5))):
            change(random, config)
        (folder / "addon.json").write_bytes(written(random, config))
    else:
        _damage_files(random, folder, config)
    return _command(random, work, name)


def _damage_files(random: Random, folder: Path, config: dict[str, Any]) -> None:
    """Damage a file that addon.json names; a hostile author gives the checksum that fits."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "addon.json"]
    path = random.choice(files)
    data = damage(random, path.read_bytes())
    if path.suffix == ".npy" and random.random() < 0.3:
        data = _array(random)
    if path.suffix == ".json" and random.random() < 0.5:
        tree = json.loads(path.read_text())
        change(random, tree)
        data = written(random, tree)
    if path.suffix == ".params" and random.random() < 0.5:
        data = random.choice((b"\xff", b"\0", b"\x7f\x80\0\0")) * len(path.read_bytes())
    path.write_bytes(data)
    if random.random() < 0.8:
        text = (folder / "addon.json").read_text().replace(_old_hash(config, folder, path), hashlib.sha256(data).hexdigest())
        (folder / "addon.json").write_text(text)
    elif random.random() < 0.3:
        path.unlink()


def _array(random: Random) -> bytes:
    shape = random.choice(((), (0,), (1,), (2**40,), (-1,), (3, 0), (2**31, 2**31)))
    kind = random.choice(("<f4", "<i8", "|O", "<U9", "<c8", "|V0"))
    header = repr({"descr": kind, "fortran_order": random.random() < 0.2, "shape": shape}).ljust(117) + "\n"
    return b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header.encode() + random.randbytes(64)


def _old_hash(config: dict[str, Any], folder: Path, path: Path) -> str:
    """Return the checksum of the file as addon.json has it, or a text that is not in it."""
    original = hashlib.sha256((TINY / folder.name / path.relative_to(folder)).read_bytes()).hexdigest()
    return original if original in json.dumps(config) else "no checksum"


def _command(random: Random, work: Path, name: str) -> Case:
    path = f"hostile/{name}"
    if random.random() < 0.3:
        return Case(random.choice((("addons", "check", path), ("addons", "install", path), ("stack", "show", "--addon", path))))
    if name == "tiny-vocoder":
        return Case(("synth", SAID, "--vocoder", path, "-o", "out.wav"), output="out.wav")
    if name == "tiny-linguistics":
        return Case(("parse", SAID, "--parser", path))
    if name == "tiny-copycat" and random.random() < 0.5:
        (work / "tone.wav").write_bytes(wav(voice_like(1.0)))
        return Case(
            ("transfer-prosody", "tone.wav", "--text", "Hello there.", "--addon", path, "-o", "out.wav"), output="out.wav"
        )
    if name == "tiny-acoustic" and random.random() < 0.1:
        (work / "p.TextGrid").write_bytes(damage(random, _textgrid()))
        return Case(("synth", "--prosody", "p.TextGrid", "-o", "out.wav"), output="out.wav")
    if name == "tiny-acoustic" and random.random() < 0.1:
        prosody = _prosody()
        change(random, prosody)
        (work / "p.json").write_bytes(written(random, prosody))
        return Case(("synth", "--prosody", "p.json", "-o", "out.wav"), output="out.wav")
    more = random.choice(
        ((), ("--json",), ("--save-prosody", "p.json"), ("--speaker", "high"), ("--context", "fixed-onnxruntime"))
    )
    return Case(("synth", SAID, "--addon", path, "-o", "out.wav", *more), output="out.wav")


def _prosody() -> dict[str, Any]:
    """Return a sentence as --save-prosody writes it."""
    values = {
        "tokens": ["^", "HH", "AY1", "."],
        "durations": [2, 8, 7, 6],
        "f0_hz": [0.0, 0.0, 120.0, 0.0],
        "energy": [1, 1, 1, 1],
    }
    return {"frames_per_second": 80.0, "sentences": [{"text": "Hi.", **values}]}


def _textgrid() -> bytes:
    """Return the TextGrid of one word and its F0."""
    tiers: dict[str, list[Interval] | list[TimePoint]] = {
        "words": [Interval("Hi", 0.1, 0.4)],
        "phones": [Interval("HH", 0.1, 0.2), Interval("AY1", 0.2, 0.4)],
        "sentences": [Interval("Hi.", 0.0, 0.5)],
        "f0": [TimePoint("120", 0.3)],
    }
    return textgrid_text(tiers, 0.5).encode()
