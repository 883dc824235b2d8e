"""State of a training in a few files of limited size: exact if it fits, else in half precision, most important first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from tts_cli.addon.library import file_hash
from tts_cli.config import parse
from tts_cli.errors import CheckpointError, OutputError
from tts_cli.files import atomic_write
from tts_cli.models import TrainableModel
from tts_cli.training.checkpoints import DESCRIPTION, Description, versions
from tts_cli.training.loop import SEEDING
from tts_cli.training.recipe import Recipe
from tts_cli.training.state import Tensors
from tts_cli.training.weights import lineage

_HEADER_BYTES = 256
"""Allowance for the header entry of a tensor in a file."""
_SMALL = 1024
"""Tensors of at most so many elements stay exact."""
_LARGEST_HALF = 6e4
"""Largest magnitude that is converted to half precision."""


class Group(NamedTuple):
    """Tensors of a state that are stored together or not at all."""

    name: str
    """Name of the group, for the user."""
    stem: str
    """Start of the names of its files."""
    compact_type: torch.dtype
    """Half-precision type of its tensors."""
    tensors: dict[str, Tensor]
    """Tensors by part of a checkpoint and name, joined by a slash."""


@dataclass(frozen=True)
class Limits:
    """Limits of the files of a state."""

    num_files: int
    """Most files."""
    file_bytes: int
    """Most bytes of a file."""
    total_bytes: int
    """Most bytes of all files."""


Files = dict[str, dict[str, Tensor]]
"""Tensors by the name of their file."""


class StateLayout(NamedTuple):
    """Distribution of a state over files, and the groups that are left out."""

    files: Files
    """Tensors by the name of their file."""
    left_out: list[str]
    """Names of the groups without room."""
    is_exact: bool
    """True if no tensor is in half precision."""

    @property
    def num_bytes(self) -> int:
        """Upper bound of the size of all files, in bytes."""
        return sum(_num_bytes(tensor) for tensors in self.files.values() for tensor in tensors.values())

    @property
    def precision(self) -> str:
        """Precision and missing groups in words, for the user."""
        precision = "exact" if self.is_exact else "in half precision"
        return precision + (f", without {', '.join(self.left_out)}" if self.left_out else "")


def groups(model: TrainableModel, tensors: Tensors) -> list[Group]:
    """Return the tensors of a training of `model` in groups, the most important first.

    Exported parameters come before those of other submodels, such as discriminators; weights come before the moments of
    optimizers. Weights that equal their average are not repeated.

    Args:
        model: The model.
        tensors: Tensors of its training, see `state.Tensors`.
    """
    _, *others = model.submodels().values()
    owners = {id(parameter) for submodel in others for parameter in submodel}
    theirs = {name for name, parameter in model.named_parameters() if id(parameter) in owners}
    own = tensors["average"].keys() - theirs
    split = [
        Group("averaged weights", "weights", torch.float16, _named("average", tensors["average"], own)),
        Group("weights", "weights", torch.float16, _named("model", _unlike(tensors["model"], tensors["average"]), own)),
        Group("weights of the other submodels", "weights", torch.float16, _named("model", tensors["model"], theirs)),
    ]
    for name in model.submodels():
        moments = {key: value for key, value in tensors["optimiser"].items() if key.startswith(f"{name}/")}
        title = "optimizer states" if len(model.submodels()) == 1 else f"optimizer states of the {name}"
        split.append(Group(title, "optimiser", torch.bfloat16, _named("optimiser", moments, moments.keys())))
    split.append(
        Group("averages of the other submodels", "optimiser", torch.float16, _named("average", tensors["average"], theirs))
    )
    return [group for group in split if group.tensors]


def lay_out(chosen: Sequence[Group], limits: Limits, only_compact: bool = False) -> StateLayout:
    """Distribute groups of tensors over files within limits.

    The first groups that fit in half precision are chosen; they are then stored exactly as far as the limits allow.

    Args:
        chosen: The groups, the most important first.
        limits: Limits of the files.
        only_compact: Store everything in half precision.

    Returns:
        The files, and the groups without room.
    """
    kept: list[Group] = []
    compact: list[Group] = []
    left_out = []
    for group in chosen:
        smaller = group._replace(tensors=_compact(group))
        if _spread([*compact, smaller], limits) is None:
            left_out.append(group.name)
        else:
            kept, compact = [*kept, group], [*compact, smaller]
    mixed = [group if group.stem == "weights" else other for group, other in zip(kept, compact, strict=True)]
    for option in () if only_compact else (kept, mixed):
        files = _spread(option, limits)
        if files is not None:
            return StateLayout(files, left_out, option is kept)
    return StateLayout(_spread(compact, limits) or {}, left_out, False)


def fresh_description(recipe: Recipe, model: TrainableModel, commit: str | None, init_from: Sequence[Path] = ()) -> Description:
    """Return the description of a training at step 0.

    Args:
        recipe: The recipe.
        model: The model with its initial weights.
        commit: Commit of the project's source; None: unknown.
        init_from: Addons, checkpoints and runs that provide the initial weights.
    """
    return Description(
        kind=recipe.model,
        step=0,
        recipe=recipe.model_dump(mode="json"),
        facts=model.facts,
        random={"seed": recipe.seed, "scheme": SEEDING},
        seconds=0.0,
        commit=commit,
        begun_from=tuple(lineage(path) for path in init_from),
        versions=versions(),
    )


def write_state(folder: Path, layout: StateLayout, description: Description) -> None:
    """Replace the state in `folder` by the files of `layout` and `description`.

    Files are written under temporary names and then renamed. The description comes last and has the checksums of all files.

    Raises:
        OutputError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        checksums = {}
        for name, tensors in layout.files.items():
            temporary = folder / f".writing-{name}"
            save_file({key: value.cpu().contiguous() for key, value in tensors.items()}, temporary)
            temporary.chmod(0o644)
            checksums[name] = file_hash(temporary)
        for name in checksums:
            (folder / f".writing-{name}").replace(folder / name)
        text = description.model_copy(update={"sha256": checksums}).model_dump_json(indent=1)
        with atomic_write(folder / DESCRIPTION) as file:
            file.write(text)
        for stale in {*folder.glob("weights-*.safetensors"), *folder.glob("optimiser-*.safetensors")}:
            if stale.name not in checksums:
                stale.unlink()
    except (OSError, SafetensorError) as error:
        message = f"{folder}: the state of the training cannot be written: {error}"
        raise OutputError(message, hint="check that the disk has space and that the folder is writable") from error


def read_state(folder: Path) -> tuple[Description, dict[str, Tensor]]:
    """Read the state that `write_state` wrote.

    Returns:
        Its description, and the tensors in float32 by part and name, joined by a slash.

    Raises:
        CheckpointError: A file is missing or damaged.
    """
    try:
        mapping = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        description = parse(Description, mapping, str(folder / DESCRIPTION))
        pieces: dict[str, Tensor] = {}
        for name, sha256 in description.sha256.items():
            if file_hash(folder / name) != sha256:
                message = f"{folder / name}: damaged: its checksum is not the one in {DESCRIPTION}"
                raise CheckpointError(message, hint="copy the whole folder again")
            pieces |= load_file(folder / name)
    except (OSError, ValueError, SafetensorError) as error:
        hint = "copy the whole folder again"
        raise CheckpointError(f"{folder}: the state of the training cannot be read: {error}", hint=hint) from error
    return description, dict(_joined(pieces))


def completed(model: TrainableModel, found: Mapping[str, Tensor], has_begun: bool) -> tuple[Tensors, list[str]]:
    """Complete a state that lacks tensors.

    A missing weight takes the averaged one, a missing average the weight; if both are missing, they stay as `model` has them.

    Args:
        model: The model with its initial weights.
        found: Tensors by part and name, as from `read_state`.
        has_begun: True if optimizer states are expected.

    Returns:
        The state, and one line for the user on each kind of missing tensors.

    Raises:
        CheckpointError: A tensor has another shape than the model's.
    """
    tensors: Tensors = {"model": {}, "average": {}, "optimiser": {}}
    fresh = []
    for name, value in model.state_dict().items():
        weight, average = found.get(f"model/{name}"), found.get(f"average/{name}")
        if weight is None and average is None:
            fresh.append(name)
        for part, tensor in (("model", weight if weight is not None else average), ("average", average)):
            chosen = next(one for one in (tensor, weight, value) if one is not None)
            if chosen.shape != value.shape:
                message = f"'{name}' has shape {tuple(chosen.shape)}, but {tuple(value.shape)} in the model of the recipe"
                raise CheckpointError(message, hint="undo the change of the recipe's network section")
            tensors[part][name] = chosen.to(value.dtype)
    moments = {key.removeprefix("optimiser/"): value for key, value in found.items() if key.startswith("optimiser/")}
    tensors["optimiser"] = moments
    lines = [f"{len(fresh)} of {len(model.state_dict())} tensors are fresh: {_prefixes(fresh)}"] if fresh else []
    for submodel, parameters in model.submodels().items():
        if has_begun and parameters and not any(key.startswith(f"{submodel}/") for key in moments):
            lines.append(f"the optimizer states of '{submodel}' are fresh")
    return tensors, lines


def _named(part: str, tensors: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
    return {f"{part}/{name}": tensors[name] for name in sorted(names) if name in tensors}


def _unlike(tensors: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if name not in others or not torch.equal(value, others[name])}


def _compact(group: Group) -> dict[str, Tensor]:
    """Return the tensors of `group` in half precision, except small ones and those that would overflow."""
    made = {}
    for name, value in group.tensors.items():
        fits = value.is_floating_point() and value.numel() > _SMALL and float(value.abs().max()) < _LARGEST_HALF
        made[name] = value.to(group.compact_type) if fits else value
    return made


def _spread(option: Iterable[Group], limits: Limits) -> Files | None:
    """Return the tensors of all groups in files within `limits`, or None if they do not fit; tensors larger than a file are cut
    by rows."""
    files: Files = {}
    total, used, name = 0, 0, ""
    for group in option:
        for key, tensor in group.tensors.items():
            for piece, rows in _pieces(key, tensor, limits.file_bytes):
                size = _num_bytes(rows)
                if not name.startswith(group.stem) or used + size > limits.file_bytes:
                    number = 1 + sum(other.startswith(group.stem) for other in files)
                    name, used = f"{group.stem}-{number}.safetensors", 0
                    files[name] = {}
                files[name][piece] = rows
                used, total = used + size, total + size
    return files if total <= limits.total_bytes and len(files) <= limits.num_files else None


def _pieces(name: str, tensor: Tensor, most_bytes: int) -> Iterator[tuple[str, Tensor]]:
    if _num_bytes(tensor) <= most_bytes or tensor.ndim == 0:
        yield name, tensor
        return
    row_bytes = tensor[0].numel() * tensor.element_size()
    step = max(1, (most_bytes - _HEADER_BYTES) // row_bytes)
    for start in range(0, len(tensor), step):
        yield f"{name}#{start}", tensor[start : start + step]


def _joined(pieces: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Join tensors that were cut by rows, and convert floats to float32."""
    parts: dict[str, dict[int, Tensor]] = {}
    for key, tensor in pieces.items():
        name, _, start = key.partition("#")
        parts.setdefault(name, {})[int(start or 0)] = tensor.float() if tensor.is_floating_point() else tensor
    for name, rows in parts.items():
        yield name, torch.cat([rows[start] for start in sorted(rows)]) if len(rows) > 1 else next(iter(rows.values()))


def _num_bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size() + _HEADER_BYTES


def _prefixes(names: Iterable[str]) -> str:
    """Return the first words of the parameter names `names`, as text."""
    return ", ".join(sorted({re.split(r"\.\d|\.", name)[0] for name in names}))
