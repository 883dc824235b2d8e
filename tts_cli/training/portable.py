"""The state of a training in a few files of limited size: exact where it fits, else compact and the most important first."""

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
"""Allowance for the name, type and place of a tensor in a file."""
_SMALL = 1024
"""Tensors of at most so many numbers stay exact."""
_LARGEST_HALF = 6e4


class Group(NamedTuple):
    """Tensors that travel together or not at all."""

    what: str
    stem: str
    """How the names of its files begin."""
    compact_type: torch.dtype
    tensors: dict[str, Tensor]
    """By part of a checkpoint and name, with a slash."""


@dataclass(frozen=True)
class Limits:
    """Most files, bytes in a file, and bytes in all."""

    num_files: int
    file_bytes: int
    total_bytes: int


Files = dict[str, dict[str, Tensor]]
"""Tensors by the name of their file."""


class StateLayout(NamedTuple):
    """How a state is spread over files, and what it lacks."""

    files: Files
    left_out: list[str]
    is_exact: bool

    @property
    def num_bytes(self) -> int:
        """Size of all files, at most."""
        return sum(_num_bytes(tensor) for tensors in self.files.values() for tensor in tensors.values())

    @property
    def precision(self) -> str:
        """What the files hold, for the user."""
        precision = "exact" if self.is_exact else "in half precision"
        return precision + (f", without {', '.join(self.left_out)}" if self.left_out else "")


def groups(model: TrainableModel, tensors: Tensors) -> list[Group]:
    """Return the tensors of a training of `model`, the most important first.

    Parameters that are exported precede the other submodels, such as discriminators; weights precede the moments of optimisers.
    A part that equals the averaged weights is not repeated.
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
        what = "optimiser states" if len(model.submodels()) == 1 else f"optimiser states of the {name}"
        split.append(Group(what, "optimiser", torch.bfloat16, _named("optimiser", moments, moments.keys())))
    split.append(
        Group("averages of the other submodels", "optimiser", torch.float16, _named("average", tensors["average"], theirs))
    )
    return [group for group in split if group.tensors]


def lay_out(chosen: Sequence[Group], limits: Limits, only_compact: bool = False) -> StateLayout:
    """Spread over files the groups that fit in half precision, the first before others, and then as exactly as they fit."""
    kept: list[Group] = []
    compact: list[Group] = []
    left_out = []
    for group in chosen:
        smaller = group._replace(tensors=_compact(group))
        if _spread([*compact, smaller], limits) is None:
            left_out.append(group.what)
        else:
            kept, compact = [*kept, group], [*compact, smaller]
    mixed = [group if group.stem == "weights" else other for group, other in zip(kept, compact, strict=True)]
    for option in () if only_compact else (kept, mixed):
        files = _spread(option, limits)
        if files is not None:
            return StateLayout(files, left_out, option is kept)
    return StateLayout(_spread(compact, limits) or {}, left_out, False)


def fresh_description(recipe: Recipe, model: TrainableModel, commit: str | None, init_from: Sequence[Path] = ()) -> Description:
    """Return the description of a training of `model` that begins with the weights of `init_from`, at step 0."""
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
    """Put the files of `layout` and `description` in the place of the state in `folder`. Raises OutputError.

    Every file is whole under its name, and the description, which is last, has the checksums of all.
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
        raise OutputError(f"{folder}: cannot write the state of the training: {error}") from error


def read_state(folder: Path) -> tuple[Description, dict[str, Tensor]]:
    """Return what `write_state` wrote, the tensors in float32 by part and name. Raises CheckpointError when a file is damaged."""
    try:
        mapping = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        description = parse(Description, mapping, str(folder / DESCRIPTION))
        pieces: dict[str, Tensor] = {}
        for name, sha256 in description.sha256.items():
            if file_hash(folder / name) != sha256:
                raise CheckpointError(f"{folder / name}: damaged: its checksum is not the one in {DESCRIPTION}")
            pieces |= load_file(folder / name)
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: the state of the training cannot be read: {error}") from error
    return description, dict(_joined(pieces))


def completed(model: TrainableModel, found: Mapping[str, Tensor], has_begun: bool) -> tuple[Tensors, list[str]]:
    """Return a whole state of `model` from what was `found`, and what had to be made up for, a line for each.

    Averaged weights stand for weights that are missing, and weights for averages; what has neither is as `model` has it.

    Args:
        has_begun: Whether there were optimiser states that should have travelled.

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
                raise CheckpointError(f"'{name}' has shape {tuple(chosen.shape)}, this network's is {tuple(value.shape)}")
            tensors[part][name] = chosen.to(value.dtype)
    moments = {key.removeprefix("optimiser/"): value for key, value in found.items() if key.startswith("optimiser/")}
    tensors["optimiser"] = moments
    lines = [f"{len(fresh)} of {len(model.state_dict())} tensors are fresh: {_prefixes(fresh)}"] if fresh else []
    for submodel, parameters in model.submodels().items():
        if has_begun and parameters and not any(key.startswith(f"{submodel}/") for key in moments):
            lines.append(f"the optimiser states of '{submodel}' are fresh")
    return tensors, lines


def _named(part: str, tensors: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
    return {f"{part}/{name}": tensors[name] for name in sorted(names) if name in tensors}


def _unlike(tensors: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if name not in others or not torch.equal(value, others[name])}


def _compact(group: Group) -> dict[str, Tensor]:
    """Return the tensors of `group` in half precision, but for small ones and such as would overflow."""
    made = {}
    for name, value in group.tensors.items():
        fits = value.is_floating_point() and value.numel() > _SMALL and float(value.abs().max()) < _LARGEST_HALF
        made[name] = value.to(group.compact_type) if fits else value
    return made


def _spread(option: Iterable[Group], limits: Limits) -> Files | None:
    """Return the tensors of `option` in files within `limits`, or None; a tensor that no file holds is cut into rows."""
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
    """Return whole tensors, in float32 where they are not whole numbers."""
    parts: dict[str, dict[int, Tensor]] = {}
    for key, tensor in pieces.items():
        name, _, start = key.partition("#")
        parts.setdefault(name, {})[int(start or 0)] = tensor.float() if tensor.is_floating_point() else tensor
    for name, rows in parts.items():
        yield name, torch.cat([rows[start] for start in sorted(rows)]) if len(rows) > 1 else next(iter(rows.values()))


def _num_bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size() + _HEADER_BYTES


def _prefixes(names: Iterable[str]) -> str:
    """Return where in the model `names` are, by their first words."""
    return ", ".join(sorted({re.split(r"\.\d|\.", name)[0] for name in names}))
