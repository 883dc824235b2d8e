"""A training laid into one folder that goes on where there is torch, but neither this project nor a network."""

from __future__ import annotations

import re
import shutil
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
from tts_cli.models import TrainableModel
from tts_cli.training import checkpoints
from tts_cli.training.packages import packed_packages, running_python
from tts_cli.training.portable import Limits, StateLayout, fresh_description, groups, lay_out, write_state
from tts_cli.training.predictors import find_predictors, write_predictors
from tts_cli.training.recipe import Recipe, load_recipe, write_recipe
from tts_cli.training.start import begin, check_agreement, create_model, open_corpus
from tts_cli.training.state import Tensors

SCRIPT = "train_here.py"
ABOUT, PACKAGES, STATE, CORPUS, PREDICTORS = "pack.json", "packages.tar.xz", "state", "corpus", "predictors"
"""What a pack consists of besides `SCRIPT` and `recipe.yaml`."""

_FILE_BYTES = 1 << 40
_SPARE_BYTES = 50_000
"""For the small files of a pack."""

Say = Callable[[str], None]


class About(StrictModel):
    """`pack.json`: what a pack is, and how it came about."""

    format: int = 1
    training: str
    """Name of the run or the recipe's file that was packed."""
    name: str
    python: str
    """Version of Python that its packages are for, as 3.12."""
    commit: str | None
    kbps: float
    """Bit rate of the audio, in kilobits per second."""
    num_clips: int
    num_left_out: int
    """Training clips for which there was no room."""
    left_out: tuple[str, ...]
    """Parts of the state of the training for which there was no room."""


@dataclass(frozen=True)
class Origin:
    """A training that may go on elsewhere: where it stands, by which recipe, on which corpus."""

    recipe: Recipe
    corpus: Corpus
    model: TrainableModel
    description: checkpoints.Description
    tensors: Tensors | None
    """Its state; of one that has not begun, the weights that the recipe's seed does not make. None: there are none."""


@dataclass(frozen=True)
class PackOptions:
    """What the user says about a pack."""

    size_mb: float = 48.0
    """Most megabytes (10^6 bytes) of all files."""
    python: str | None = None
    """Version of Python on the other machine; None: the running one."""
    data: Path | None = None
    """Folder of the prepared corpus; None: what the recipe names."""
    init_from: tuple[Path, ...] = ()
    """Addons, checkpoints and runs whose weights a training that has not begun starts from."""
    predict_from: tuple[Path, ...] = ()
    """Runs or addons of the models that a vocoder's recipe names in batches.predicted."""
    overrides: tuple[str, ...] = ()
    """`KEY=VALUE` for the recipe."""


def pack(training: Path, output: Path, options: PackOptions, say: Say = print) -> int:
    """Lay `training`, a run folder or a recipe, into the folder `output`, and return the number of its bytes.

    What takes room, in this order: code and packages; the averaged weights; the audio at the lowest bit rate; the rest of the
    state; a higher bit rate. What does not fit is left out and told by `say`, and so is the bit rate.
    Raises InputError when the size is too small, and what opening the recipe, the corpus and the checkpoint raises.
    """
    if output.exists() and any(output.iterdir()):
        raise OutputError(f"{output}: is not empty", hint="name another folder, or remove it")
    python = options.python or running_python()
    if not re.fullmatch(r"3\.\d+", python):
        raise InputError(f"'{python}' is no version of Python", hint=f"for example {running_python()}")
    origin = _origin(training, options, say)
    packages = packed_packages(python)
    predictors = find_predictors(origin.recipe, origin.corpus, options.predict_from)
    rows, wanted = _clips(origin)
    others = [len(packages), len(packed_frames(origin.corpus, wanted)), len(packed_rows(rows)), _SPARE_BYTES]
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
        raise OutputError(f"{output}: cannot be written: {error}") from error
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
    """Open what is to be packed. Raises InputError for what has no recordings."""
    path = training / "recipe.yaml" if training.is_dir() else training
    data = str(options.data) if options.data else None
    recipe = load_recipe(path, None, list(options.overrides), data=data)
    corpus = open_corpus(recipe)
    if not isinstance(corpus, Corpus):
        raise InputError(f"{path}: a '{recipe.model}' model learns from no recordings, so there is nothing to pack")
    model = create_model(recipe, corpus.facts)
    found = checkpoints.latest(training, say) if training.is_dir() else None
    if found is None:
        description = fresh_description(recipe, model, checkpoints.commit(), options.init_from)
        return Origin(recipe, corpus, model, description, _first_state(model, recipe, options.init_from, say))
    if options.init_from:
        raise InputError(f"{training}: has begun, so it takes its weights from its own checkpoint", hint="leave out --init-from")
    check_agreement(found[0], recipe, model.facts, say)
    model.load_state_dict(found[1]["model"])
    return Origin(recipe, corpus, model, found[0].description, found[1])


def _first_state(model: TrainableModel, recipe: Recipe, init_from: Sequence[Path], say: Say) -> Tensors | None:
    """Give `model` its first weights and return the state that begins with them; None if the seed alone makes them."""
    fresh = {name: value.clone() for name, value in model.state_dict().items()}
    for line in begin(model, recipe, init_from):
        say(line)
    begun = {name: value for name, value in model.state_dict().items() if not torch.equal(value, fresh[name])}
    return {"model": {}, "average": begun, "optimiser": {}} if begun else None


def _clips(origin: Origin) -> tuple[list[Recording], list[Recording]]:
    """Return the rows of the packed manifest, and the clips of them whose audio is needed.

    Every validation clip keeps its row, so that validation draws the same clips there as here, but only those drawn have audio.
    """
    recipe, corpus = origin.recipe, origin.corpus
    rows = [recording for recording in corpus.recordings if recording.split in ("train", "validation")]
    noting = _NotingCorpus(corpus)
    batches = origin.model.batches(noting, "validation", recipe.batches, recipe.seed)
    for step in range(recipe.validation_batches):
        batches.batch(step)
    return rows, [row for row in rows if row.split == "train" or row.features in noting.loaded]


class _NotingCorpus(Corpus):
    """A corpus that remembers which clips it was asked for."""

    def __init__(self, corpus: Corpus) -> None:
        super().__init__(corpus.folder, corpus.summary, corpus.recordings)
        self.loaded: set[str] = set()

    def load(self, recording: Recording, *arguments: Any) -> dict[str, np.ndarray[Any, Any]]:
        self.loaded.add(recording.features)
        return super().load(recording, *arguments)


def _state(origin: Origin, room: int, wanted: Sequence[Recording]) -> StateLayout | None:
    """Return the state that travels: its first part in any case, more as far as the audio at the lowest bit rate leaves room."""
    if origin.tensors is None:
        return None
    parts = groups(origin.model, origin.tensors)
    seconds = sum(recording.num_frames for recording in wanted) / origin.corpus.mel.frame_rate
    left = round(room - seconds * LOWEST_KBPS * 1000 / 8)
    layout = lay_out(parts, Limits(len(parts) + 2, _FILE_BYTES, max(0, left)))
    if parts[0].what not in layout.left_out:
        return layout
    smallest = lay_out(parts[:1], Limits(1, _FILE_BYTES, room // 2))
    if not smallest.files:
        raise InputError(f"{room / 1e6:.1f} MB cannot hold the weights and any audio", hint="allow a larger pack")
    return smallest._replace(left_out=[part.what for part in parts[1:]], is_exact=False)


def _write_beside(output: Path, origin: Origin, about: About, layout: StateLayout | None) -> None:
    write_recipe(origin.recipe, output)
    (output / ABOUT).write_text(about.model_dump_json(indent=1), encoding="utf-8")
    shutil.copy(Path(__file__).with_name(SCRIPT), output / SCRIPT)
    if layout is not None:
        write_state(output / STATE, layout, origin.description)


def _report(about: About, layout: StateLayout | None, size: int, say: Say) -> None:
    if layout is None:
        say("no weights travel: the recipe's seed makes the first ones")
    else:
        say(f"{layout.num_bytes / 1e6:.1f} MB of state, {layout.precision}")
    if about.num_left_out:
        say(f"no room for {about.num_left_out} training clips, the same share of each speaker's")
    say(f"{about.num_clips} clips at {about.kbps:g} kb/s, {size / 1e6:.1f} MB in all, for Python {about.python}")


def read_about(folder: Path) -> About:
    """Return what `pack.json` says. Raises CheckpointError when `folder` holds no pack that this version reads."""
    mapping = read_mapping(folder / ABOUT)
    if mapping.get("format") != 1:
        raise CheckpointError(f"{folder / ABOUT}: format {mapping.get('format')}, this version reads 1", hint="pack it again")
    return About.model_validate(mapping)
