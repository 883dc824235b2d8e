"""Check that a change of the code leaves speech and training unchanged, to the bit.

    python tests/same.py record FOLDER     with the code before the change
    python tests/same.py compare FOLDER    with the code after it

Both run the commands of the installed package, or of the one on PYTHONPATH, with the shipped addons (or TTS_ADDONS) and the
recordings of data/. They compare 20 sentences by every voice that speaks from text, five transfers, five selected sentences, and
the losses of 20 steps of every tiny recipe. The prepared corpus is made once, by the code before the change.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
VOICES = ("arctic-16k", "arctic-attention-16k", "prosody-16k", "copycat-16k")
NUM_SENTENCES, NUM_TRANSFERS, NUM_SELECTED, NUM_STEPS = 20, 5, 5, 20
TARGETS = ("kathleen", "slt", "bdl", "lj", "allison")
CONTINUOUS = ("syntactic", "bert", "bert+syntactic")
"""Selection strategies that take a continuity with the preceding sentence."""
RECIPES = {
    "tiny-acoustic": "acoustic",
    "tiny-acoustic-adversarial": "acoustic",
    "tiny-vocoder": "vocoder",
    "tiny-speaker": "copycat",
    "tiny-copycat": "copycat",
    "tiny-vae": "vae",
    "tiny-syntax": "syntax",
}
CLOCK = ("seconds", "time", "steps_per_second")
"""Endings of the keys in a training history that depend on the clock."""

Values = dict[str, str]


def main() -> None:
    """Record values, or compare them with recorded ones; exit with code 1 if any differs."""
    mode, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / mode
    work.mkdir(exist_ok=True)
    wanted = set(sys.argv[3:]) or {"speech", "transfer", "selection", "losses"}
    makers: dict[str, Callable[[Path, Path], Values]] = {
        "speech": _speech,
        "transfer": _transfer,
        "selection": _selection,
        "losses": _losses,
    }
    for name, make in makers.items():
        if name not in wanted:
            continue
        found, file = make(work, folder), folder / f"{name}.json"
        if mode == "record":
            file.write_text(json.dumps(found, indent=1), encoding="utf-8")
            print(f"{name}: {len(found)} recorded")
            continue
        before = json.loads(file.read_text(encoding="utf-8"))
        other = sorted(key for key in before.keys() | found.keys() if before.get(key) != found.get(key))
        print(f"{name}: {len(before) - len(other)} of {len(before)} are the same{': not ' if other else ''}{', '.join(other)}")
        if other:
            sys.exit(1)


def _speech(work: Path, _: Path) -> Values:
    lines = _lines("varied-sentences.txt", NUM_SENTENCES)
    found: Values = {}
    for voice in VOICES:
        out = work / f"speech-{voice}"
        _tts("synth", "\n".join(lines), "--addon", voice, "--output-dir", out, "--seed", 3)
        found |= _hashes(out, voice)
    return found


def _transfer(work: Path, _: Path) -> Values:
    out = work / "transfer"
    sources = sorted((ROOT / "data/cmu_us_bdl_arctic/wav").glob("*.flac"))[:NUM_TRANSFERS]
    rows = [
        {"source": str(source), "text": _text_of(source), "speaker": target, "strength": 1.0 - 0.1 * place}
        for place, (source, target) in enumerate(zip(sources, TARGETS, strict=True))
    ]
    manifest = work / "transfer.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    _tts("transfer-prosody", "--manifest", manifest, "--output-dir", out)
    return _hashes(out, "copycat-16k")


def _selection(work: Path, _: Path) -> Values:
    found: Values = {}
    lines = _lines("prosody-sentences.txt", NUM_SELECTED)
    for line, strategy in zip(lines, ("centroid", "syntactic", "bert", "bert+syntactic", "random"), strict=True):
        file = work / f"selected-{strategy}.wav"
        continuity = ("--continuity", 0.5) if strategy in CONTINUOUS else ()
        _tts("synth", line, "--addon", "prosody-16k", "--prosody-strategy", strategy, *continuity, "-o", file)
        found[strategy] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def _losses(work: Path, folder: Path) -> Values:
    prepared = folder / "prepared"
    if not (prepared / "corpus.json").exists():
        names = ("kathleen", "cmu_us_bdl_arctic", "cmu_us_slt_arctic")
        _tts("prepare", *(ROOT / "data" / name for name in names), "--splits", ROOT / "data/splits.csv", "--output", prepared)
    found: Values = {}
    for recipe, group in RECIPES.items():
        run = work / f"run-{recipe}"
        data = ROOT / "data/gum_const" if group == "syntax" else prepared
        sets = [f"--set={key}={value}" for key, value in {"steps": NUM_STEPS, "log_every": 1, "validate_every": 1000}.items()]
        _tts("train", group, ROOT / "recipes" / f"{recipe}.yaml", "--data", data, "--output", run, "--restart", *sets)
        for line in (run / "history.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            losses = {key: value for key, value in row.items() if key.startswith("train/") and not key.endswith(CLOCK)}
            if losses:
                found[f"{recipe} {row['step']}"] = json.dumps(losses, sort_keys=True)
    return found


def _lines(name: str, count: int) -> list[str]:
    """Return `count` sentences of a list, evenly spaced."""
    lines = (ROOT / "data" / name).read_text(encoding="utf-8").splitlines()
    texts = [line.split("|")[-1] for line in lines if line.strip() and not line.startswith("#")]
    return texts[:: len(texts) // count][:count]


def _text_of(recording: Path) -> str:
    """Return the transcript of an ARCTIC recording, from the list beside it."""
    for line in (recording.parents[1] / "etc/txt.done.data").read_text(encoding="utf-8").splitlines():
        if line.split()[1] == recording.stem:
            return line.split('"')[1]
    raise SystemExit(f"{recording}: no transcript")


def _hashes(folder: Path, prefix: str) -> Values:
    return {f"{prefix} {file.name}": hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.glob("*.wav"))}


def _tts(*arguments: object) -> None:
    code = "import sys; sys.argv[0] = 'tts'; from tts_cli.cli import run; run()"
    environment = {"TTS_ADDONS": str(ROOT / "addons"), **os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-P", "-c", code, *map(str, arguments)], check=True, env=environment, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    main()
