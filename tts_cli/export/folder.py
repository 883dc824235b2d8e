"""Write an addon folder, whole or not at all; generate the JSON Schema of addon.json."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tts_cli.addon.config import ADDON_FILE, AddonConfig, ChunkSchedule, Context
from tts_cli.addon.library import file_hash, replacing
from tts_cli.addon.opened import open_addon
from tts_cli.backends import is_installed, open_network
from tts_cli.blocks.fixed_sizes import open_with_sizes
from tts_cli.config import parse
from tts_cli.errors import InputError
from tts_cli.export.network import export_network
from tts_cli.export.parity import Parity, Sample, measure_parity, refuse_disparity
from tts_cli.files import atomic_write, unwritable
from tts_cli.models.parts import ExportPart
from tts_cli.ports import NetworkSettings, NetworkSpec, Rate

TOLERANCE = 1e-4
"""Largest `Parity.error` that is accepted."""
FIXED_CHUNKS = ChunkSchedule(first=64, growth=2.5, maximum=160)
"""Chunk schedule of contexts with fixed sizes: chunks of two sizes, so that each streamed network needs only two sizes."""
SPARE_FRAMES = 8
"""Most frames of look-ahead that the blocks after a network add to a chunk."""
TOKEN_SIZES = (64, 128)
"""Token counts that networks are compiled for in contexts with fixed sizes."""
MAX_TOKENS = 200
"""Most tokens of a sentence in contexts with fixed sizes; also the largest size of networks that cannot be split."""
SOURCE_SIZES = (1200, 4800)
"""Frame counts of recordings for prosody transfer: 15 s and 60 s at 80 frames a second."""
FIXED_BACKENDS = ("openvino", "onnxruntime")
"""Backends with a context of fixed sizes."""


def write_addon(
    folder: Path,
    description: Mapping[str, Any],
    parts: Sequence[ExportPart],
    samples: Mapping[str, Sequence[Sample]],
    assets: Mapping[str, Path],
    model_card: str,
    tolerance: float = TOLERANCE,
    complete: Callable[[Path], object] = bool,
) -> list[Parity]:
    """Write the addon `folder`, and compare its networks with PyTorch in every context that runs here. An older addon is
    replaced.

    Args:
        folder: Folder of the addon.
        description: Fields of addon.json except networks and assets; its contexts take precedence over the default ones.
        parts: The networks, with parameters rounded to their storage type, see `parity.round_parameters`.
        samples: Real inputs of each network, by its name.
        assets: Further files by asset name.
        model_card: Text of MODEL_CARD.md.
        tolerance: Largest `Parity.error` that is accepted.
        complete: Called with the folder of the finished addon before it has its name, to add what is measured with it.

    Returns:
        The difference of each output of each network from PyTorch, in each context.

    Raises:
        RefusedError: An output differs by more than the tolerance.
        ConfigError: A field of addon.json is wrong.
        AddonError: The stack does not fit the networks.
        InputError: `folder` exists and is no addon.
        OutputError: The folder cannot be written. After any of these errors an older addon is unchanged.
    """
    with _replacing(folder) as new:
        (new / "networks").mkdir()
        networks = {part.name: export_network(part, new / "networks", samples[part.name][0]) for part in parts}
        contexts = shipped_contexts(networks)
        parities = [
            parity
            for part in parts
            for context in _contexts_here(contexts)
            for parity in _measure(part, networks[part.name], context, contexts[context], new, samples[part.name])
        ]
        refuse_disparity(parities, tolerance)
        fields = {
            "contexts": {name: context.model_dump(mode="json") for name, context in contexts.items()},
            **description,
            "networks": {name: spec.model_dump(mode="json") for name, spec in networks.items()},
            "assets": _copy_assets(assets, new),
        }
        write_addon_config(new, parse(AddonConfig, fields, str(folder / ADDON_FILE)))
        open_addon(new, near=folder.parent)
        (new / "MODEL_CARD.md").write_text(model_card, encoding="utf-8")
        complete(new)
    return parities


def _contexts_here(contexts: Mapping[str, Context]) -> list[str]:
    """Return the names of the contexts with installed backends."""
    backends = {name: {settings.backend for settings in context.networks.values()} for name, context in contexts.items()}
    return [name for name, needed in backends.items() if all(is_installed(backend) for backend in needed)]


def _measure(
    part: ExportPart, spec: NetworkSpec, name: str, context: Context, folder: Path, samples: Sequence[Sample]
) -> list[Parity]:
    settings = context.networks.get(part.name, NetworkSettings())
    compiled = partial(open_network, folder / "networks" / f"{part.name}.onnx", spec, settings)
    network = open_with_sizes(part.name, spec, settings.sizes, compiled)
    return measure_parity(part, network, samples, name)


def write_addon_config(folder: Path, config: AddonConfig) -> None:
    """Write addon.json to `folder`, with all defaults. Raises OutputError."""
    with atomic_write(folder / ADDON_FILE) as file:
        file.write(json.dumps(config.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n")


def addon_schema() -> str:
    """Return the JSON Schema of addon.json, the text of docs/addon.schema.json."""
    schema = AddonConfig.model_json_schema(mode="validation")
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"


def _copy_assets(assets: Mapping[str, Path], folder: Path) -> dict[str, dict[str, str]]:
    """Copy every file to `assets/` under its own name; return their entries for addon.json."""
    entries = {}
    for name, source in assets.items():
        target = folder / "assets" / source.name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, target)
        entries[name] = {"file": f"assets/{source.name}", "sha256": file_hash(target)}
    return entries


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """Context with a new folder that replaces the addon `folder` at the end, see `library.replacing`."""
    if folder.exists() and not (folder / ADDON_FILE).is_file() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(
            f"{folder}: exists and is no addon", hint="name a folder that does not exist yet, or an addon to replace"
        )
    try:
        with replacing(folder) as new:
            yield new
    except OSError as error:
        raise unwritable(folder, error) from error


def shipped_contexts(networks: Mapping[str, NetworkSpec]) -> dict[str, Context]:
    """Return the contexts of an addon with these networks: `default`, and `fixed-BACKEND` for each backend.

    Networks without known sizes keep free shapes in all contexts.
    """
    contexts = {"default": Context()}
    for backend in FIXED_BACKENDS:
        settings = {name: NetworkSettings(backend=backend, sizes=fixed_sizes(spec)) for name, spec in networks.items()}
        contexts[f"fixed-{backend}"] = Context(chunks=FIXED_CHUNKS, max_tokens=MAX_TOKENS, networks=settings)
    return contexts


def fixed_sizes(spec: NetworkSpec) -> dict[Rate, tuple[int, ...]]:
    """Return the sizes that a network is compiled for, by rate: chunks with its margins, or sentences; empty for free shapes."""
    rates = {port.rate for port in spec.inputs} - {"utterance"}
    if rates == {"frame"}:
        beyond = spec.margins.total + SPARE_FRAMES
        return {"frame": (FIXED_CHUNKS.first + beyond, FIXED_CHUNKS.maximum + beyond)}
    if rates == {"token"} and spec.mask is not None:
        return {"token": TOKEN_SIZES if spec.splittable else (*TOKEN_SIZES, MAX_TOKENS)}
    if rates == {"source_frame"} and spec.mask is not None:
        # Multiples of the outputs' rate divisors: otherwise the count of output steps from padding alone would be ambiguous.
        whole = math.lcm(*(int(port.rate.partition("/")[2] or 1) for port in spec.outputs))
        return {"source_frame": tuple(-(-size // whole) * whole for size in SOURCE_SIZES)}
    return {}
