"""Pack a training into one folder that continues on a machine with torch, without this project or network access."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tts_cli.config import StrictModel, read_mapping
from tts_cli.corpora.manifest import Corpus, Recording
from tts_cli.corpora.packed import LOWEST_KBPS, PackedAudio, encode, packed_frames, packed_rows, write_packed
from tts_cli.errors import CheckpointError, InputError, OutputError
from tts_cli.files import unwritable
from tts_cli.models import TrainableModel, find_kind
from tts_cli.training import checkpoints
from tts_cli.training.packages import packed_packages, running_python
from tts_cli.training.portable import Limits, StateLayout, fresh_description, groups, lay_out, write_state
from tts_cli.training.predictors import find_predictors, write_predictors
from tts_cli.training.recipe import Recipe, load_recipe, write_recipe
from tts_cli.training.rehearsal import PACKED_SPEECH, pack_rehearsed, rehearse, with_earlier_speakers
from tts_cli.training.start import begin, check_agreement, create_model, open_corpus
from tts_cli.training.state import Tensors
from tts_cli.training.weights import spoken_temperature

SCRIPT = "train_here.py"
"""Script of a pack that trains."""
ABOUT, PACKAGES, STATE, CORPUS, PREDICTORS = "pack.json", "packages.tar.xz", "state", "corpus", "predictors"
"""Files and folders of a pack besides `SCRIPT` and `recipe.yaml`."""

_FILE_BYTES = 1 << 40
_SPARE_BYTES = 50_000
"""Allowance for the small files of a pack."""

Say = Callable[[str], None]
"""Called with one line for the user."""


class About(StrictModel):
    """Contents of `pack.json`: origin and contents of a pack."""

    format: int = 1
    """Version of the format of packs."""
    training: str
    """Name of the packed run, or of the recipe's file."""
    name: str
    """Name in the recipe."""
    python: str
    """Python version that the pack's packages are for, such as 3.12."""
    commit: str | None
    """Commit of the project's source; None: unknown."""
    kbps: float
    """Bit rate of the audio, in kilobits per second."""
    num_clips: int
    """Clips with audio."""
    num_left_out: int
    """Training clips left out for lack of room."""
    left_out: tuple[str, ...]
    """Parts of the training's state left out for lack of room."""


@dataclass(frozen=True)
class Origin:
    """Training to pack: its recipe, corpus, model and state."""

    recipe: Recipe
    """The recipe."""
    corpus: Corpus
    """The prepared corpus, with the recipe's speakers alone."""
    model: TrainableModel
    """The model with its present weights."""
    description: checkpoints.Description
    """Description of the present state."""
    tensors: Tensors | None
    """State of the training. Before its first step: the initial weights that do not follow from the recipe's seed; None if all
    do."""
    speech: bytes | None
    """Rehearsed speech of the earlier speakers, compressed; None: the training has none."""


@dataclass(frozen=True)
class PackOptions:
    """Options of `tts pack`."""

    size_mb: float = 48.0
    """Largest size of all files together, in megabytes (10^6 bytes)."""
    python: str | None = None
    """Python version on the other machine, such as 3.12; None: the running one."""
    data: Path | None = None
    """Folder of the prepared corpus; None: the one in the recipe."""
    init_from: tuple[Path, ...] = ()
    """Addons, checkpoints and runs that provide the initial weights of a training that has not begun."""
    predict_from: tuple[Path, ...] = ()
    """Runs or addons of the models that a vocoder's recipe names in batches.predicted."""
    overrides: tuple[str, ...] = ()
    """Changes of the recipe, `KEY=VALUE` each."""


def pack(training: Path, output: Path, options: PackOptions, say: Say = print) -> int:
    """Pack `training` into the folder `output`.

    Room is given in this order: code and packages; the averaged weights; the audio at the lowest bit rate; the rest of the state;
    a higher bit rate. Contents without room are left out, and reported.

    Args:
        training: A run folder or a recipe file.
        output: A new or empty folder.
        options: Size and contents.
        say: Called with the lines of the report.

    Returns:
        The size of the pack in bytes.

    Raises:
        InputError: The size is too small, or the model learns from no recordings.
        ConfigError: The recipe is wrong.
        CorpusError: The corpus cannot be read.
        CheckpointError: A source of weights cannot be read or does not fit.
        OutputError: The pack cannot be written.
    """
    if output.exists() and any(output.iterdir()):
        raise OutputError(f"{output}: the folder is not empty", hint="name another folder, or remove this one")
    python = options.python or running_python()
    if not re.fullmatch(r"3\.\d+", python):
        raise InputError(f"'{python}' is no version of Python 3", hint=f"write it as {running_python()}")
    origin = _origin(training, options, say)
    packages = packed_packages(python)
    predictors = find_predictors(origin.recipe, origin.corpus, options.predict_from)
    rows, wanted = _clips(origin)
    others = [len(packages), len(packed_frames(origin.corpus, wanted)), len(packed_rows(rows)), _SPARE_BYTES]
    others.append(len(origin.speech or b""))
    room = round(options.size_mb * 1e6) - sum(others) - sum(each.layout.num_bytes for each in predictors.values())
    layout = _state(origin, room, wanted)
    audio = encode(origin.corpus, wanted, room - (layout.num_bytes if layout else 0))
    about = _about(origin, training, python, audio, layout)
    try:
        output.mkdir(parents=True, exist_ok=True)
        (output / PACKAGES).write_bytes(packages)
        kept = {recording.features for recording in audio.recordings}
        rows = [row for row in rows if row.split != "train" or row.features in kept]
        write_packed(output / CORPUS, origin.corpus, rows, audio)
        write_predictors(output / PREDICTORS, predictors)
        _write_beside(output, origin, about, layout)
    except OSError as error:
        raise unwritable(output, error) from error
    size = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
    _report(about, layout, size, say)
    return size


def _about(origin: Origin, training: Path, python: str, audio: PackedAudio, layout: StateLayout | None) -> About:
    return About(
        training=training.absolute().name.removesuffix(".yaml"),
        name=origin.recipe.name,
        python=python,
        commit=checkpoints.commit(),
        kbps=round(audio.kbps, 2),
        num_clips=len(audio.recordings),
        num_left_out=audio.num_left_out,
        left_out=tuple(layout.left_out) if layout else (),
    )


def _origin(training: Path, options: PackOptions, say: Say) -> Origin:
    """Open the training to pack. Raises InputError for a model that learns from no recordings."""
    path = training / "recipe.yaml" if training.is_dir() else training
    data = str(options.data) if options.data else None
    recipe = load_recipe(path, None, list(options.overrides), data=data)
    corpus = open_corpus(recipe)
    if not isinstance(corpus, Corpus):
        message = f"{path}: a '{recipe.model}' model learns from no recordings, so there is nothing to pack"
        raise InputError(message, hint=f"train it here: tts train {find_kind(recipe.model).group}")
    if recipe.rehearsal is not None:
        corpus = with_earlier_speakers(corpus, recipe, training if training.is_dir() else None, options.init_from)
    model = create_model(recipe, corpus.facts)
    found = checkpoints.latest(training, say) if training.is_dir() else None
    if found is None:
        description = fresh_description(recipe, model, checkpoints.commit(), options.init_from)
        state = _first_state(model, recipe, options.init_from, say)
        return Origin(recipe, corpus, model, description, state, _speech(model, corpus, recipe, description, say))
    if options.init_from:
        raise InputError(
            f"{training}: this training has begun, so its weights come from its own checkpoint", hint="leave out --init-from"
        )
    check_agreement(found[0], recipe, model.facts, say)
    model.load_state_dict(found[1]["model"])
    return Origin(recipe, corpus, model, found[0].description, found[1], pack_rehearsed(training))


def _first_state(model: TrainableModel, recipe: Recipe, init_from: Sequence[Path], say: Say) -> Tensors | None:
    """Give `model` its initial weights; return the state that starts with them, or None if they follow from the seed alone."""
    fresh = {name: value.clone() for name, value in model.state_dict().items()}
    for line in begin(model, recipe, init_from):
        say(line)
    begun = {name: value for name, value in model.state_dict().items() if not torch.equal(value, fresh[name])}
    return {"model": {}, "average": begun, "optimiser": {}} if begun else None


def _speech(
    model: TrainableModel, corpus: Corpus, recipe: Recipe, description: checkpoints.Description, say: Say
) -> bytes | None:
    """Let `model` rehearse as at the beginning of a training; return its speech, or None if the recipe rehearses nothing."""
    if recipe.rehearsal is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        temperature = spoken_temperature(description.begun_from)
        say(rehearse(model, corpus, recipe.rehearsal, recipe.seed, Path(folder), temperature))
        return pack_rehearsed(Path(folder))


def _clips(origin: Origin) -> tuple[list[Recording], list[Recording]]:
    """Return the rows of the packed manifest, and the clips among them that need audio.

    All validation clips keep their rows, so that validation draws the same clips as here; but only the drawn ones have audio.
    """
    recipe, corpus = origin.recipe, origin.corpus
    rows = [recording for recording in corpus.recordings if recording.split in ("train", "validation")]
    noting = _NotingCorpus(corpus)
    batches = origin.model.batches(noting, "validation", recipe.batches, recipe.seed)
    for step in range(recipe.validation_batches):
        batches.batch(step)
    return rows, [row for row in rows if row.split == "train" or row.features in noting.loaded]


class _NotingCorpus(Corpus):
    """Corpus that records which clips have been loaded."""

    def __init__(self, corpus: Corpus) -> None:
        super().__init__(corpus.folder, corpus.summary, corpus.recordings)
        self.loaded: set[str] = set()

    def load(self, recording: Recording, *arguments: Any) -> dict[str, np.ndarray[Any, Any]]:
        self.loaded.add(recording.features)
        return super().load(recording, *arguments)


def _state(origin: Origin, room: int, wanted: Sequence[Recording]) -> StateLayout | None:
    """Return the layout of the state to pack: the first group always, the others if the audio at the lowest bit rate leaves
    room."""
    if origin.tensors is None:
        return None
    parts = groups(origin.model, origin.tensors)
    seconds = sum(recording.num_frames for recording in wanted) / origin.corpus.mel.frame_rate
    left = round(room - seconds * LOWEST_KBPS * 1000 / 8)
    layout = lay_out(parts, Limits(len(parts) + 2, _FILE_BYTES, max(0, left)))
    if parts[0].name not in layout.left_out:
        return layout
    smallest = lay_out(parts[:1], Limits(1, _FILE_BYTES, room // 2))
    if not smallest.files:
        raise InputError(f"{room / 1e6:.1f} MB cannot hold the weights and any audio", hint="allow a larger pack: --size-mb")
    return smallest._replace(left_out=[part.name for part in parts[1:]], is_exact=False)


def _write_beside(output: Path, origin: Origin, about: About, layout: StateLayout | None) -> None:
    write_recipe(origin.recipe, output)
    if origin.speech:
        (output / PACKED_SPEECH).write_bytes(origin.speech)
    (output / ABOUT).write_text(about.model_dump_json(indent=1), encoding="utf-8")
    shutil.copy(Path(__file__).with_name(SCRIPT), output / SCRIPT)
    if layout is not None:
        write_state(output / STATE, layout, origin.description)


def _report(about: About, layout: StateLayout | None, size: int, say: Say) -> None:
    if layout is None:
        say("no weights in the pack: the recipe's seed makes the initial ones")
    else:
        say(f"{layout.num_bytes / 1e6:.1f} MB of state, {layout.precision}")
    if about.num_left_out:
        say(f"no room for {about.num_left_out} training clips: left out, the same share of every speaker's clips")
    say(f"{about.num_clips} clips at {about.kbps:g} kb/s, {size / 1e6:.1f} MB in all, for Python {about.python}")


def read_about(folder: Path) -> About:
    """Read `pack.json` in `folder`. Raises CheckpointError when the folder holds no pack of a format that this version reads."""
    mapping = read_mapping(folder / ABOUT)
    if mapping.get("format") != 1:
        message = f"{folder / ABOUT}: format {mapping.get('format')}; this version reads format 1"
        raise CheckpointError(message, hint="pack the training again with this version: tts pack")
    return About.model_validate(mapping)
