"""Examples in docstrings of public classes: they run, and the blocks that they define give their declared ports."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

import numpy as np
import pytest
from toys import Frames, ToyAddon, options, read_all

import tts_cli
from tts_cli.blocks import block, effects, features, observe, processor, sequence, streamable
from tts_cli.blocks.wiring import Wiring
from tts_cli.ports import PortSpec

EXAMPLES = [
    (sequence, None),
    (sequence, sequence.SequenceBlock),
    (streamable, None),
    (streamable, streamable.Stream),
    (streamable, streamable.StreamableBlock),
    (processor, processor.Processor),
    (effects, effects.Effect),
    (features, features.Feature),
    (observe, observe.Observer),
    (tts_cli, PortSpec),
]


def examples(docstring: str) -> list[str]:
    """Return the code of a docstring: its indented paragraphs after an empty line."""
    paragraphs = re.findall(r"(?<=\n\n)(?: {4}.*\n(?:\n(?= {4}))?)+", inspect.cleandoc(docstring) + "\n")
    return [textwrap.dedent(paragraph) for paragraph in paragraphs]


def defined(module: Any, owner: Any) -> dict[str, Any]:
    """Run the examples in the docstring of `owner`, or of `module`, and return the names that they define."""
    names: dict[str, Any] = {**vars(tts_cli), **vars(module), "np": np, "PortSpec": PortSpec}
    names |= {name: getattr(tts_cli, name) for name in tts_cli.__all__}
    if owner in (effects.Effect, streamable.StreamableBlock):
        # These examples use the stream or the processor of another one.
        names |= defined(processor, processor.Processor) | defined(streamable, streamable.Stream)
    before = dict(names)
    code = examples((owner or module).__doc__)
    assert code, "the docstring has an example"
    for example in code:
        exec(compile("from __future__ import annotations\n" + example, str(owner or module), "exec"), names)
    return {name: value for name, value in names.items() if before.get(name) is not value and name != "__builtins__"}


@pytest.mark.parametrize(("module", "owner"), EXAMPLES, ids=lambda value: getattr(value, "__name__", "module"))
def test_examples_run(module: Any, owner: Any) -> None:
    classes = [value for value in defined(module, owner).values() if isinstance(value, type)]
    for made in classes:
        if issubclass(made, sequence.SequenceBlock):
            (read,) = made.inputs
            given = made(options(), ToyAddon()).run({read.name: np.zeros((1, 5, 1), np.float32)})
            assert given.keys() == {port.name for port in made.outputs}
        elif issubclass(made, streamable.StreamableBlock):
            audio = np.linspace(-1, 1, 40, dtype=np.float32).reshape(1, -1, 1)
            stack = streamable.StreamableStack(options(stack=[Frames({"audio": audio}), made(options(), ToyAddon())]), ToyAddon())
            stack.blocks[0].outputs = (PortSpec(name="audio", rate="sample"),)
            stack.connect(Wiring({}), Wiring({}))
            factor = 0.5 if made.__name__ == "Gain" else -1.0
            np.testing.assert_allclose(read_all(stack.open({}, None), [7])["audio"], factor * audio)


def test_options_of_the_example() -> None:
    code = re.findall(r"`(BlockOptions\(.*?\))`", str(block.BlockOptions.__doc__))[0]
    made = eval(code, {"BlockOptions": block.BlockOptions})
    assert (made.type, made.value, made.path) == ("Gain", {"gain_db": -6}, "arctic-16k: $.stack[2]")
