"""Declaration of reading aloud: its options of commands."""

from __future__ import annotations

from tts_cli.blocks.features import Feature

FEATURE = Feature("reading", options={"synth": "tts_cli.reading.options:ReadingOptions"})
