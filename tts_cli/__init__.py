"""Train, export and stream neural text-to-speech voices.

Speak a sentence, chunk by chunk:

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
    from tts_cli.transfer.source import Source
    from tts_cli.voice.request import Controls, Request
    from tts_cli.voice.sentence import Sentence
    from tts_cli.voice.synthesis import AudioChunk, Voice, load

FEATURES = ("transfer", "selection")
"""Subpackages that are features. Each declares its ports, blocks and controls in its `feature.py` (see `blocks.features`)."""

_ROOMS = {
    "AudioChunk": "voice.synthesis",
    "Block": "blocks.block",
    "BlockOptions": "blocks.block",
    "Controls": "voice.request",
    "PortSpec": "ports",
    "Request": "voice.request",
    "Sentence": "voice.sentence",
    "SequenceBlock": "blocks.sequence",
    "Source": "transfer.source",
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
    """Import the module of a public name at its first use, so that `import tts_cli` is fast."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'tts_cli' has no attribute '{name}'")
    return getattr(import_module(f"tts_cli.{_ROOMS[name]}"), name)
