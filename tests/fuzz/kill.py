"""Kill commands at random moments, and look whether anything is lost: `make kill-test` (COUNT=100 SEED=0).

After `kill -9` nothing partial may stand at the output's name, and the same command again (with --resume where there is one) must
give what an uninterrupted one gives, byte for byte, and leave no file of the killed one behind. With --signals (`make kill-test
SIGNALS=1`) SIGINT and SIGTERM take turns instead, see `signals`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from random import Random
from typing import Any

import yaml
from case import ROOT, TINY
from tiny_corpus import write_corpus_of_noise

LONGEST_S = 120.0
LEFT_OVER = (".part", ".installing-")
TEXT = "It was late; he said so. The night was dark, and the rain fell on the roof of the old house by the river. " * 8
CLIPS = ("arctic_a0098", "arctic_a0207", "arctic_b0195")
NOT_COMPARED = ("report", "tensorboard", "events.", "journal", ".lock", "trained")
"""Parts of the names of files that tell times, or of what was done when."""
HISTORY = "history.jsonl"
CHECKPOINTS = "checkpoints"
TIMES = ("seconds", "time", "steps_per_second", "minutes", "rate_per_s", "elapsed")
"""Parts of keys in JSON that tell times."""


@dataclass(frozen=True)
class Command:
    """A command of `tts` that is killed."""

    arguments: tuple[str, ...]
    output: str
    """File or folder that the command makes."""
    again: tuple[str, ...] = ()
    """What the second run is given beside the arguments."""
    appears_whole: bool = True
    """Whether the output has its name only once it is complete."""
    before: tuple[str, ...] = ()
    """A command that is done before the killed one starts."""


COMMANDS = {
    "synth": Command(("synth", "-i", "text.txt", "-o", "out.wav"), "out.wav"),
    "read": Command(("read", "text.txt", "-o", "out.wav"), "out.wav", ("--resume",)),
    "synth-opus": Command(("synth", "-i", "text.txt", "-o", "out.opus"), "out.opus"),
    "read-mp3": Command(("read", "text.txt", "-o", "out.mp3"), "out.mp3", ("--resume",)),
    "read-ogg": Command(("read", "text.txt", "-o", "out.ogg"), "out.ogg", ("--resume",)),
    "prepare": Command(("prepare", "clips", "-o", "prepared", "--processes", "1"), "prepared", appears_whole=False),
    "train": Command(("train", "acoustic", "recipe.yaml", "--data", "corpus", "-o", "run"), "run", appears_whole=False),
    "export-addon": Command(
        ("export-addon", "trained", "--data", "corpus", "-o", "voice", "--default-vocoder", "tiny-vocoder"), "voice"
    ),
    "install": Command(
        ("addons", "install", "new.zip", "--force"),
        "data/tts-cli/addons/tiny-vocoder",
        before=("addons", "install", "old.zip"),
    ),
}


def run(folder: str, arguments: Sequence[str]) -> None:
    """Run a command of `tts` in a folder, in a process of its own."""
    os.chdir(folder)
    os.environ |= {"TTS_ADDONS": str(TINY), "XDG_DATA_HOME": str(Path(folder, "data"))}
    log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(log, number)
    from tts_cli.addon import library
    from tts_cli.cli.main import main

    library.DEFAULT_ADDON = "tiny-acoustic"
    sys.exit(main(list(arguments)))


class Killing:
    """The commands, their uninterrupted results, and the trials."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._random, self._folder = Random(seed), folder
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(
            ["torch", "kill", "tts_cli.cli.main", "tts_cli.training.start", "tts_cli.voice.synthesis"]
        )
        self._inputs = self._write_inputs(folder / "inputs")
        self._whole: dict[str, tuple[float, dict[str, Any], Path]] = {}

    def _write_inputs(self, folder: Path) -> Path:
        folder.mkdir()
        (folder / "text.txt").write_text(TEXT)
        write_corpus_of_noise(folder / "corpus")
        _write_clips(folder / "clips")
        shutil.make_archive(str(folder / "new"), "zip", TINY / "tiny-vocoder")
        shutil.copytree(TINY / "tiny-vocoder", folder / "old")
        (folder / "old" / "MODEL_CARD.md").write_text("# An older one\n")
        shutil.make_archive(str(folder / "old"), "zip", folder / "old")
        recipe = yaml.safe_load((ROOT / "recipes" / "tiny-acoustic.yaml").read_text())
        recipe["network"] |= {"channels": 16, "prosody_channels": 16, "contour_channels": 8}
        recipe |= {"steps": 60, "log_every": 1, "validate_every": 20, "checkpoint_every_minutes": 0.005, "accelerator": "cpu"}
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        self._finish(folder, ("train", "acoustic", "recipe.yaml", "--data", "corpus", "-o", "trained"))
        return folder

    def _start(self, folder: Path, arguments: Sequence[str]) -> Any:
        process = self._context.Process(target=run, args=(str(folder), tuple(arguments)))
        process.start()
        return process

    def _finish(self, folder: Path, arguments: Sequence[str]) -> float:
        """Run a command to its end; return how long it took, in seconds."""
        start = time.monotonic()
        process = self._start(folder, arguments)
        process.join(LONGEST_S)
        if process.exitcode != 0:
            process.kill()
            told = (folder / "log.txt").read_text(errors="replace").splitlines()[-2:]
            raise RuntimeError(f"{' '.join(arguments)}: exit code {process.exitcode}: {' '.join(told)}")
        return time.monotonic() - start

    def _fresh(self, name: str) -> Path:
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._folder))
        for path in self._inputs.iterdir():
            if path.name not in ("log.txt", "old"):
                (folder / path.name).symlink_to(path)
        if COMMANDS[name].before:
            self._finish(folder, COMMANDS[name].before)
        return folder

    def whole(self, name: str) -> tuple[float, dict[str, Any], Path]:
        """Return how long the uninterrupted command takes, and its result."""
        if name not in self._whole:
            folder, command = self._fresh(name), COMMANDS[name]
            seconds = self._finish(folder, command.arguments)
            self._whole[name] = (seconds, contents(folder / command.output), folder)
        return self._whole[name]

    def stop(self, name: str, folder: Path) -> tuple[str, list[str]]:
        """Start a command in a folder and kill it at a random moment; return the moment in words, and the faults of its end."""
        seconds = self.whole(name)[0]
        delay = self._random.uniform(0, seconds)
        process = self._start(folder, COMMANDS[name].arguments)
        time.sleep(delay)
        process.kill()
        process.join()
        return f"after {delay:.2f} of {seconds:.2f} s", []

    def trial(self, name: str) -> list[str]:
        """Stop a command once; return everything that is wrong afterwards."""
        command, (_, expected, whole) = COMMANDS[name], self.whole(name)
        folder = self._fresh(name)
        earlier = contents(folder / command.output)
        moment, faults = self.stop(name, folder)
        left = contents(folder / command.output)
        if command.appears_whole and left not in ({}, expected, earlier):
            faults.append(f"partial: {difference(left, expected)}")
        if earlier and not left:
            faults.append("lost: the earlier one is gone")
        is_done = left == expected and command.appears_whole
        try:
            if not (is_done and name == "export-addon"):
                self._finish(folder, (*command.arguments, *command.again))
        except RuntimeError as error:
            faults.append(f"again: {error}")
        if (result := contents(folder / command.output)) != expected:
            faults.append(f"differs: {difference(result, expected)}")
        faults += [f"left behind: {name}" for name in left_over(folder)] + repeated(folder, whole)
        shutil.rmtree(folder)
        return [f"{moment}: {fault}" for fault in faults]

    def summary(self) -> list[str]:
        """Return lines about all trials."""
        return []


def _write_clips(folder: Path) -> None:
    """Write a few clips of the sample in the layout of LJ Speech."""
    source = ROOT / "data" / "cmu_us_slt_arctic"
    (folder / "wavs").mkdir(parents=True)
    prompts = dict(
        line.strip("() \n").replace('"', "").strip().split(" ", 1)
        for line in next(source.glob("etc/*.data")).read_text().splitlines()
        if line.strip()
    )
    names = [path.stem for path in sorted((source / "wav").iterdir())][:3]
    for name in names:
        path = next((source / "wav").glob(f"{name}.*"))
        shutil.copy(path, folder / "wavs" / path.name)
    (folder / "metadata.csv").write_text("".join(f"{name}|{prompts[name].strip()}\n" for name in names))


def contents(path: Path) -> dict[str, Any]:
    """Return what a file, or each file of a folder, holds; of JSON without keys that tell times; empty if nothing is there."""
    if not path.exists():
        return {}
    files = [path] if path.is_file() else sorted(inner for inner in path.rglob("*") if inner.is_file())
    # How many checkpoints there are beside the newest depends on the time.
    newest = max((file.parent.name for file in files if file.parent.parent.name == CHECKPOINTS), default="")
    files = [file for file in files if file.parent.parent.name != CHECKPOINTS or file.parent.name == newest]
    kept = [file for file in files if not any(part in file.name for part in NOT_COMPARED)]
    return {str(file.relative_to(path.parent)): _content(file) for file in kept}


def _content(file: Path) -> Any:
    data = file.read_bytes()
    if file.suffix not in (".json", ".jsonl"):
        return data
    if file.name == HISTORY:
        return _history(file)
    try:
        return [_timeless(json.loads(line)) for line in ([data] if file.suffix == ".json" else data.splitlines())]
    except ValueError:
        return data


def _history(file: Path) -> dict[int, Any]:
    """Return everything measured at each step; of a step learnt twice, the last."""
    found: dict[int, Any] = {}
    for line in file.read_text().splitlines():
        values = _timeless(json.loads(line))
        found.setdefault(values["step"], {}).update(values)
    return found


def repeated(folder: Path, whole: Path) -> list[str]:
    """Return the name of the history if it has more lines than that of the uninterrupted training."""
    lines = [len((one / "run" / HISTORY).read_text().splitlines()) if (one / "run").exists() else 0 for one in (folder, whole)]
    return [f"{HISTORY} has steps twice: {lines[0]} lines, wanted {lines[1]}"] if lines[0] != lines[1] else []


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(inner) for key, inner in value.items() if not any(part in key for part in TIMES)}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value


def difference(one: dict[str, Any], other: dict[str, Any]) -> str:
    """Name the files that differ."""
    names = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    told = []
    for name in names[:4]:
        sizes = [len(side[name]) if name in side else "none" for side in (one, other)]
        told.append(f"{name} ({sizes[0]}, wanted {sizes[1]})")
    return ", ".join(told)


def left_over(folder: Path) -> list[str]:
    """Return the names of files that killed processes have left."""
    return [path.name for path in folder.rglob("*") if path.name.endswith(LEFT_OVER[0]) or path.name.startswith(LEFT_OVER[1])]


def main() -> int:
    """Return 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", choices=COMMANDS, action="append")
    parser.add_argument("--signals", action="store_true", help="Send SIGINT and SIGTERM instead of SIGKILL.")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    names: list[str] = options.command or list(COMMANDS)
    failed: dict[str, int] = dict.fromkeys(names, 0)
    start: Callable[[], float] = time.monotonic
    began = start()
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        if options.signals:
            from signals import Signalling
        killing = (Signalling if options.signals else Killing)(options.seed, Path(folder))
        for index in range(options.count):
            name = names[index % len(names)]
            faults = killing.trial(name)
            failed[name] += bool(faults)
            for fault in faults:
                print(f"{index} {name} {fault}", flush=True)
    for name in names:
        trials = len(range(names.index(name), options.count, len(names)))
        print(f"{name}: {trials} {'signals' if options.signals else 'kills'}, {failed[name]} with faults")
    print(*killing.summary(), sep="\n", end="\n" * bool(killing.summary()))
    print(f"{start() - began:.0f} s")
    return int(any(failed.values()))


if __name__ == "__main__":
    sys.exit(main())
