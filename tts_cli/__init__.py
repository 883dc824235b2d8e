"""Train, export and stream neural text-to-speech voices.

voice = tts_cli.load("arctic-16k")
for chunk in voice.stream("Hello there."):
    play(chunk.samples, chunk.sample_rate)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tts_cli.blocks.block import Block, BlockOptions
    from tts_cli.blocks.sequence import SequenceBlock
    from tts_cli.blocks.streamable import Stream, StreamableBlock
    from tts_cli.errors import TtsError
    from tts_cli.ports import PortSpec, Tensors
    from tts_cli.request import Controls, Request, Sentence, Source
    from tts_cli.voice.synthesis import AudioChunk, Voice, load

_ROOMS = {
    "AudioChunk": "voice.synthesis",
    "Block": "blocks.block",
    "BlockOptions": "blocks.block",
    "Controls": "request",
    "PortSpec": "ports",
    "Request": "request",
    "Sentence": "request",
    "SequenceBlock": "blocks.sequence",
    "Source": "request",
    "Stream": "blocks.streamable",
    "StreamableBlock": "blocks.streamable",
    "Tensors": "ports",
    "TtsError": "errors",
    "Voice": "voice.synthesis",
    "load": "voice.synthesis",
}

__all__ = [
    "AudioChunk",
    "Block",
    "BlockOptions",
    "Controls",
    "PortSpec",
    "Request",
    "Sentence",
    "SequenceBlock",
    "Source",
    "Stream",
    "StreamableBlock",
    "Tensors",
    "TtsError",
    "Voice",
    "load",
]


def __getattr__(name: str) -> object:
    """Loads a room when something of it is first asked for, so that importing the package is immediate."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'tts_cli' has no attribute '{name}'")
    return getattr(import_module(f"tts_cli.{_ROOMS[name]}"), name)
