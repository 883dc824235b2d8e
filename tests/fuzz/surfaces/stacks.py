"""Random stacks: blocks that fit and that do not, nested at will, with options in and out of their ranges."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from case import TINY, Case
from mutations import change, value, written

OPTIONS: dict[str, dict[str, Any]] = {
    "Addon": {"name": "tiny-vocoder"},
    "AttentionDecoder": {},
    "CustomizedEncoders": {},
    "Decoder": {"network": "decoder"},
    "EdgeFade": {"fade_in_ms": 5.0, "fade_out_ms": 50.0},
    "Encoders": {},
    "Equaliser": {"bands": [{"type": "peak", "frequency_hz": 1000.0, "gain_db": 6.0, "q": 1.0}]},
    "Gain": {"gain_db": -3.0, "target_lufs": -23.0},
    "Limiter": {"ceiling_dbtp": -1.0, "lookahead_ms": 5.0, "release_db_per_s": 60.0},
    "MelPicture": {"name": "picture", "port": "mel"},
    "PitchTempo": {"pitch_semitones": 3.0, "tempo": 1.2},
    "Resampler": {"sample_rate_hz": 48000},
    "SequenceBlockContainer": {"blocks": []},
    "Silence": {"before_ms": 100.0, "after_ms": 10.0},
    "StreamablePipeline": {"sequence_block": {"type": "Encoders"}, "streamable_block": {"type": "Decoder"}},
    "StreamableStack": {"stack": []},
    "TelephoneBand": {"low_hz": 300.0, "high_hz": 3400.0},
    "TensorDump": {"name": "dump"},
    "TensorStatistics": {"name": "statistics"},
    "Timing": {"name": "timing"},
    "Upsampler": {},
    "Vocoder": {"network": "vocoder"},
}
EFFECTS = ("EdgeFade", "Equaliser", "Gain", "Limiter", "PitchTempo", "Resampler", "Silence", "TelephoneBand", "Timing")
UNKNOWN = ("", "Deocder", "decoder", "os.system", "../x", "__class__")


def make(random: Random, work: Path) -> Case:
    """Write a stack file, and return a command that uses it."""
    stack = json.loads((TINY / "tiny-acoustic" / "addon.json").read_text())["stack"]
    kind = random.randrange(4)
    if kind == 0:
        stack = [_block(random, 3) for _ in range(random.randrange(5))]
    elif kind == 1:
        stack += [{"type": "Addon", "name": "tiny-vocoder"}, *(_block(random, 0, EFFECTS) for _ in range(random.randrange(1, 6)))]
    elif kind == 2:
        stack = _nested(random, stack)
    tree: Any = {"stack": stack}
    for _ in range(random.choice((0, 1, 1, 2, 6))):
        change(random, tree)
    (work / "stack.json").write_bytes(written(random, tree))
    if random.random() < 0.2:
        return Case(
            random.choice((("stack", "check", "stack.json"), ("stack", "check", "stack.json", "--addon", "tiny-acoustic")))
        )
    if random.random() < 0.2:
        more = random.choice(((), ("--json",), ("--svg", "s.svg")))
        return Case(("stack", "show", "--addon", "tiny-acoustic", "--stack", "stack.json", *more))
    return Case(("synth", "Hello there.", "--stack", "stack.json", "-o", "out.wav"), output="out.wav")


def _block(random: Random, depth: int, types: tuple[str, ...] = tuple(OPTIONS)) -> dict[str, Any]:
    """Return a block with some of its options, in range or not."""
    name = random.choice(types)
    block = {"type": name, **{key: given for key, given in OPTIONS[name].items() if random.random() < 0.7}}
    for key in [key for key in block if isinstance(block[key], float)]:
        block[key] *= random.choice((1, 1, 0.1, 3, -1, 1000, 1e-9))
    if depth and name in ("StreamableStack", "SequenceBlockContainer"):
        inner = [_block(random, depth - 1) for _ in range(random.randrange(4))]
        block["stack" if name == "StreamableStack" else "blocks"] = inner
    if depth and name == "StreamablePipeline":
        block |= {"sequence_block": _block(random, depth - 1), "streamable_block": _block(random, depth - 1)}
    if random.random() < 0.03:
        block["type"] = random.choice((*UNKNOWN, value(random)))
    return block


def _nested(random: Random, stack: list[Any]) -> list[Any]:
    """Return the stack inside stacks, sometimes more deeply than anything can follow."""
    for _ in range(random.choice((1, 5, 50, 150))):
        stack = [{"type": "StreamableStack", "stack": stack}]
        if random.random() < 0.1:
            stack.append(_block(random, 1))
    return stack
