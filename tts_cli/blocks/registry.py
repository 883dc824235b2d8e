"""Registry of block classes by type name: built-in blocks, blocks of features, and entry points of installed packages."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from tts_cli.blocks.features import features, loaded, origin
from tts_cli.config import suggest
from tts_cli.errors import StackError

GROUP = "tts_cli.blocks"
"""Entry-point group for blocks of installed packages: `MyBlock = "my_package.blocks:MyBlock"`."""

BUILT_IN = {
    "Addon": "tts_cli.blocks.streamable:AddonStack",
    "AttentionDecoder": "tts_cli.blocks.attention:AttentionDecoder",
    "CustomizedEncoders": "tts_cli.blocks.encoders:CustomizedEncoders",
    "Decoder": "tts_cli.blocks.decoder:Decoder",
    "EdgeFade": "tts_cli.blocks.effects:EdgeFade",
    "Encoders": "tts_cli.blocks.encoders:Encoders",
    "Equaliser": "tts_cli.blocks.equaliser:Equaliser",
    "Gain": "tts_cli.blocks.effects:Gain",
    "Limiter": "tts_cli.blocks.limiter:Limiter",
    "MelPicture": "tts_cli.blocks.diagnostics:MelPicture",
    "ProsodyNoise": "tts_cli.blocks.prosody_noise:ProsodyNoise",
    "PitchTempo": "tts_cli.blocks.pitch_tempo:PitchTempo",
    "Resampler": "tts_cli.blocks.resampling:Resampler",
    "SequenceBlockContainer": "tts_cli.blocks.sequence:SequenceBlockContainer",
    "Silence": "tts_cli.blocks.effects:Silence",
    "StreamablePipeline": "tts_cli.blocks.pipeline:StreamablePipeline",
    "StreamableStack": "tts_cli.blocks.streamable:StreamableStack",
    "TelephoneBand": "tts_cli.blocks.equaliser:TelephoneBand",
    "TensorDump": "tts_cli.blocks.diagnostics:TensorDump",
    "TensorStatistics": "tts_cli.blocks.diagnostics:TensorStatistics",
    "Timing": "tts_cli.blocks.diagnostics:Timing",
    "Upsampler": "tts_cli.blocks.upsampler:Upsampler",
    "Vocoder": "tts_cli.blocks.vocoder:Vocoder",
}
"""Places "module:Class" of the built-in blocks, by type name."""


def known_types() -> list[str]:
    """Return every type name that a stack may use, sorted."""
    return sorted(BUILT_IN.keys() | _of_features().keys() | offered().keys())


@cache
def _of_features() -> dict[str, str]:
    """Return the places "module:Class" of the blocks that features declare, by type name."""
    return {name: place for feature in features() for name, place in feature.blocks.items()}


@cache
def offered() -> dict[str, tuple[EntryPoint, ...]]:
    """Return the entry points of installed packages in `GROUP`, by type name.

    The result is cached, since the look-up reads the metadata of every installed package.
    """
    found = entry_points(group=GROUP)
    return {name: tuple(found.select(name=name)) for name in found.names}


def block_class(name: str, path: str) -> type:
    """Load the block class registered under `name`.

    Args:
        name: Type name in a stack.
        path: JSON path of the block, for messages.

    Raises:
        StackError: The name is unknown or registered more than once, or the class cannot be loaded.
    """
    entry = _entry_point(name, path)
    named = f"{path}: block type '{name}' {origin(entry)}"
    found = loaded(entry, named, StackError)
    if not isinstance(found, type):
        raise StackError(f"{named} is registered as something that is not a class", hint="mend the entry point of its package")
    return found


def is_of_kind(name: Any, kind: type) -> bool:
    """Return True if a block class is registered under `name` that is a subclass of `kind`."""
    if not isinstance(name, str) or name not in known_types():
        return False
    return issubclass(block_class(name, name), kind)


def _entry_point(name: str, path: str) -> EntryPoint:
    entries = list(offered().get(name, ()))
    if place := BUILT_IN.get(name) or _of_features().get(name):
        entries.insert(0, EntryPoint(name, place, GROUP))
    if not entries:
        known = known_types()
        hint = suggest(name, known)
        hint = hint if hint.startswith("did") else "if a package offers this block, install that package"
        raise StackError(f"{path}: unknown block type '{name}'; known: {', '.join(known)}", hint)
    if len(entries) > 1:
        origins = " and ".join(map(origin, entries))
        raise StackError(
            f"{path}: block type '{name}' is offered more than once, {origins}", hint="uninstall all but one of them"
        )
    return entries[0]
