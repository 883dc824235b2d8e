"""Declaration of what is written beside speech: its options of commands."""

from __future__ import annotations

from tts_cli.blocks.features import Feature

FEATURE = Feature("output", options={"synth": "tts_cli.output.options:OutputOptions"})
