"""Work of `train_here.py` in a packed folder: unpack the corpus, adapt the recipe to the machine, train, write the result."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tts_cli.config import apply_overrides
from tts_cli.corpora.packed import unpack_corpus
from tts_cli.errors import InputError, TtsError, one_line
from tts_cli.files import unwritable
from tts_cli.training.away import AwayLoop, Trip
from tts_cli.training.pack import CORPUS, PREDICTORS, STATE, About, read_about
from tts_cli.training.portable import Limits, completed, fresh_description, read_state
from tts_cli.training.predictors import predict_on_arrival
from tts_cli.training.recipe import Recipe, load_recipe, parse_recipe
from tts_cli.training.rehearsal import PACKED_SPEECH, unpack_rehearsed, with_earlier_speakers, with_rehearsed
from tts_cli.training.start import StopSignals, create_model, launch, open_corpus

OTHER_FILES = 4
"""Files beside those of the state: its description, log, history and samples. Rehearsed speech is one more."""
SPARE_BYTES = 200_000
"""Allowance for the later growth of log, history and description."""
SAVE_MINUTES = 2.0
"""Minutes between writes of the weights."""
SHORTEST_TO_COMPILE = 5.0
"""Minutes below which compiling takes more time than it can save."""
CUDA_BATCH_SCALE = 8.0
"""Default factor on the batch size on a CUDA device."""
MOST_LOADERS = 14
"""Most worker processes that make batches."""
RESERVED_SHARE, MOST_RESERVED_SECONDS = 0.1, 30.0
"""Time for validation and writing: a share of the minutes, and at most so many seconds."""


@dataclass(frozen=True)
class Options:
    """Command-line options of `train_here.py`."""

    minutes: float
    """Most minutes from the start of the command to its end."""
    out: Path
    """Folder for the result."""
    work: Path
    """Folder for packages, corpus and TensorBoard."""
    state: Path
    """Folder with the state to continue from; it may be absent."""
    limits: Limits
    """Limits of the files of the state."""
    batch_scale: float | None
    """Factor on the batch size; None: 8 on CUDA, else 1."""
    compile: str
    """Use of torch.compile: "auto", "on" or "off"."""
    finish: bool
    """True if the learning rate schedule ends with the minutes."""
    overrides: tuple[str, ...]
    """Changes of the recipe, `KEY=VALUE` each."""


def run(pack: Path, arguments: Sequence[str], started: float) -> int:
    """Train from the folder `pack`, and return the exit code.

    Args:
        pack: Folder of the pack.
        arguments: Arguments of the command line.
        started: Time at which the process began, by `time.monotonic`, in seconds.
    """
    try:
        _train(pack, parse_arguments(pack, arguments), started)
    except TtsError as error:
        sys.stderr.write(f"error: {one_line(error.message)}\n" + (f"hint: {one_line(error.hint)}\n" if error.hint else ""))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def parse_arguments(pack: Path, arguments: Sequence[str]) -> Options:
    """Parse the command line. Raises InputError for limits that are too small for any state."""
    parser = argparse.ArgumentParser("train_here.py", description="Train from this folder, and write the trained state.")
    add = parser.add_argument
    add("--minutes", type=float, required=True, help="most minutes from the start of this command to its end")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the trained state, log and samples")
    add("--files", type=int, default=8, metavar="N", help="most files in this folder (default 8)")
    add("--file-mb", type=float, default=16.0, metavar="MB", help="most megabytes of a file (default 16)")
    add("--total-mb", type=float, default=60.0, metavar="MB", help="most megabytes of all files (default 60)")
    add(
        "--batch-scale",
        type=float,
        metavar="X",
        help=f"factor on the size of the batches (default {CUDA_BATCH_SCALE:g} on CUDA, else 1)",
    )
    add(
        "--compile",
        choices=("auto", "on", "off"),
        default="auto",
        help="use torch.compile; auto: on a GPU, if steps become faster",
    )
    add("--finish", action="store_true", help="end the learning rate schedule with the minutes")
    add("--state", type=Path, default=pack / STATE, metavar="DIR", help="continue from this folder, an earlier --out")
    add("--work", type=Path, default=pack / "work", metavar="DIR", help="folder for packages, corpus and TensorBoard")
    add("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE", help="set a key of the recipe")
    given = vars(parser.parse_args(arguments))
    num_files, file_mb, total_mb = given.pop("files"), given.pop("file_mb"), given.pop("total_mb")
    num_others = OTHER_FILES + (pack / PACKED_SPEECH).is_file()
    limits = Limits(num_files - num_others, round(file_mb * 1e6), round(total_mb * 1e6) - SPARE_BYTES)
    if limits.num_files < 1 or limits.total_bytes < 1:
        raise InputError(
            f"{num_files} files of {total_mb:g} MB in all cannot hold the trained state",
            hint=f"allow {num_others + 1} files or more by --files, and more megabytes by --total-mb",
        )
    return Options(**{**given, "overrides": tuple(given["overrides"])}, limits=limits)


def _train(pack: Path, options: Options, started: float) -> None:
    about = read_about(pack)
    unpack_corpus(pack / CORPUS, options.work / "corpus", num_cores())
    torch.set_num_threads(num_cores())
    predict_on_arrival(pack / PREDICTORS, options.work / "corpus", "cuda" if torch.cuda.is_available() else "cpu")
    home = load_recipe(pack / "recipe.yaml")
    recipe = recipe_for_this_machine(home, options)
    torch.set_num_threads(recipe.threads)
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = hasattr(recipe.batches, "segment_frames")
    corpus = _corpus(pack, recipe, options)
    with StopSignals() as signals:
        loop = _loop(home, recipe, corpus, about, options, started)
        training = loop.model.batches(corpus, "train", recipe.batches, recipe.seed)
        # Validation has the batches of the packed recipe, so that its losses are comparable.
        validation = loop.model.batches(corpus, "validation", home.batches, home.seed)
        loop.run(training, validation, signals.received)
        signals.raise_received()


def recipe_for_this_machine(home: Recipe, options: Options) -> Recipe:
    """Return `home` with this machine's accelerator, precision, processes and batch sizes, and then with `options.overrides`.

    Args:
        home: The packed recipe.
        options: Options of the command line.

    Raises:
        ConfigError: An override has an unknown key or a wrong value.
    """
    mapping = home.model_dump(mode="json")
    mapping |= {"accelerator": "auto", "devices": 1, "num_nodes": 1, "max_minutes": None, "data": str(options.work / "corpus")}
    scale = options.batch_scale or 1.0
    if torch.cuda.is_available():
        mapping |= {"precision": "bf16-mixed", "loaders": max(1, min(MOST_LOADERS, num_cores() - 2))}
        scale = options.batch_scale or CUDA_BATCH_SCALE
    for key in {"batch_frames", "num_segments"} & mapping["batches"].keys():
        mapping["batches"][key] = max(1, round(mapping["batches"][key] * scale))
    changed = apply_overrides(mapping, list(options.overrides))
    recipe = parse_recipe(changed | {"checkpoint_every_minutes": SAVE_MINUTES}, "recipe.yaml with --set", options.overrides)
    # The pack has audio for so many validation batches only.
    return recipe.model_copy(update={"validation_batches": min(home.validation_batches, recipe.validation_batches)})


def _corpus(pack: Path, recipe: Recipe, options: Options) -> Any:
    """Open the unpacked corpus. With a rehearsal, it has the earlier speakers and their speech, which is part of the result, too.

    Raises InputError if the result has no room for it.
    """
    corpus = open_corpus(recipe)
    if recipe.rehearsal is None:
        return corpus
    corpus = with_earlier_speakers(corpus, recipe, None, [options.state])
    speech = pack / PACKED_SPEECH
    if speech.is_file():
        if speech.stat().st_size > options.limits.file_bytes:
            size = f"{speech.stat().st_size / 1e6:.1f} MB"
            raise InputError(f"the rehearsed speech, {size}, does not fit into one file", hint="allow larger files: --file-mb")
        unpack_rehearsed(speech, options.work)
        try:
            options.out.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(speech, options.out / PACKED_SPEECH)
        except OSError as error:
            raise unwritable(options.out, error) from error
    return with_rehearsed(corpus, options.work, recipe.rehearsal.share)


def num_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _loop(home: Recipe, recipe: Recipe, corpus: Any, about: About, options: Options, started: float) -> AwayLoop:
    """Return the training loop with the state of the pack, or of an earlier `--out`."""
    fabric = launch(recipe)
    model = create_model(recipe, corpus.facts)
    description = fresh_description(home, model, about.commit)
    found: dict[str, torch.Tensor] | None = None
    lines: list[str] = []
    if options.state.is_dir():
        description, found = read_state(options.state)
    if description.step >= recipe.steps and not options.finish:
        raise InputError(
            f"the training has done all its {recipe.steps} steps", hint="give it more by --set steps=N, or add --finish"
        )
    tensors = None
    if found is not None:
        tensors, lines = completed(model, found, description.step > 0)
    trip = _trip(home, about, options, started, str(fabric.device), lines)
    loop = AwayLoop(fabric, model, recipe, _run_folder(options), trip)
    if tensors is not None:
        loop.state.load(tensors)
    loop.begin_at(description)
    return loop


def _trip(home: Recipe, about: About, options: Options, started: float, device: str, lines: Sequence[str]) -> Trip:
    seconds = options.minutes * 60
    ready = time.monotonic() - started
    mode = options.compile
    if mode == "auto":
        mode = "trial" if device.startswith("cuda") and options.minutes >= SHORTEST_TO_COMPILE else "off"
    return Trip(
        training=about.training,
        home=home,
        out=options.out,
        limits=options.limits,
        deadline=started + seconds - min(MOST_RESERVED_SECONDS, RESERVED_SHARE * seconds),
        device=device_name(device),
        commit=about.commit,
        report_lines=(f"{about.training}: packages, corpus and model were ready after {ready:.0f} s", *lines),
        compile=mode,
        finish=options.finish,
    )


def device_name(device: str) -> str:
    """Return the name of a torch device: the product name of a GPU, or the architecture of the CPU and its threads."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, threads: {torch.get_num_threads()}" if device == "cpu" else device


def _run_folder(options: Options) -> Path:
    """Return an empty folder for TensorBoard and the history."""
    folder = options.work / "run"
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder
