"""Block classes by the type name a stack uses: those of this project, and those installed packages offer."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from tts_cli.config import suggest
from tts_cli.errors import StackError

GROUP = "tts_cli.blocks"
"""Entry-point group through which installed packages offer blocks: `MyBlock = "my_package.blocks:MyBlock"`."""

BUILT_IN = {
    "Addon": "tts_cli.blocks.streamable:AddonStack",
    "AttentionDecoder": "tts_cli.blocks.attention:AttentionDecoder",
    "Decoder": "tts_cli.blocks.decoder:Decoder",
    "Encoders": "tts_cli.blocks.encoders:Encoders",
    "SequenceBlockContainer": "tts_cli.blocks.sequence:SequenceBlockContainer",
    "StreamablePipeline": "tts_cli.blocks.pipeline:StreamablePipeline",
    "StreamableStack": "tts_cli.blocks.streamable:StreamableStack",
    "Upsampler": "tts_cli.blocks.upsampler:Upsampler",
    "Vocoder": "tts_cli.blocks.vocoder:Vocoder",
}


def known_types() -> list[str]:
    """Every type name a stack may use."""
    return sorted(BUILT_IN.keys() | entry_points(group=GROUP).names)


def block_class(name: str, path: str) -> type:
    """The class registered under `name`.

    Raises StackError with the JSON path for a name that is unknown (and lists the known ones) and for a class that cannot be
    loaded.
    """
    try:
        found = _entry_point(name, path).load()
    except (ImportError, AttributeError) as error:
        raise StackError(f"{path}: block type '{name}' cannot be loaded: {error}") from error
    if not isinstance(found, type):
        raise StackError(f"{path}: block type '{name}' is registered as something that is not a class")
    return found


def _entry_point(name: str, path: str) -> EntryPoint:
    if name in BUILT_IN:
        return EntryPoint(name, BUILT_IN[name], GROUP)
    offered = tuple(entry_points(group=GROUP, name=name))
    if not offered:
        known = known_types()
        raise StackError(f"{path}: unknown block type '{name}'; known: {', '.join(known)}", hint=suggest(name, known))
    return offered[0]
