"""`ProsodyNoise`: the noise from which a flow draws the prosody of a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from tts_cli.blocks.durations import control_value
from tts_cli.blocks.features import optional
from tts_cli.blocks.sequence import SequenceBlock
from tts_cli.config import StrictModel
from tts_cli.ports import PortSpec, Tensors

_STREAM = 1
"""Second word of the seed, so that this noise differs from that of other blocks."""


class ProsodyNoiseOptions(StrictModel):
    """Options of a `ProsodyNoise`."""

    temperature: Annotated[float, Field(ge=0, le=2)] = 0.4
    """Deviation of the noise. At 1 prosody varies as in the recordings that the flow learnt from, below 1 less; at 0 every seed
    gives the same reading."""


class ProsodyNoise(SequenceBlock):
    """Block that draws normal noise for each token by the seed of the request: one seed, one reading."""

    inputs = (PortSpec(name="phones", rate="token", type="int64"), optional("seed"))
    outputs = (PortSpec(name="prosody_noise", rate="token", channels=4),)
    options_model: ClassVar[type[StrictModel]] = ProsodyNoiseOptions

    options: ProsodyNoiseOptions

    def _run(self, scope: Tensors) -> Tensors:
        generator = np.random.default_rng([int(control_value("seed", scope, 0)), _STREAM])
        shape = (1, scope["phones"].shape[1], self.outputs[0].channels)
        return {"prosody_noise": (self.options.temperature * generator.standard_normal(shape)).astype(np.float32)}


def temperature_of(blocks: Any) -> float | None:
    """Return the temperature of the first `ProsodyNoise` in the JSON of blocks; None: there is none."""
    if isinstance(blocks, Mapping):
        if blocks.get("type") == ProsodyNoise.__name__:
            return float(blocks.get("temperature", ProsodyNoiseOptions().temperature))
        blocks = list(blocks.values())
    found = map(temperature_of, blocks if isinstance(blocks, list | tuple) else ())
    return next((temperature for temperature in found if temperature is not None), None)


def at_temperature(blocks: Any, temperature: float) -> Any:
    """Return the JSON of blocks in which each `ProsodyNoise` has this temperature."""
    if isinstance(blocks, Mapping):
        changed = {key: at_temperature(value, temperature) for key, value in blocks.items()}
        return changed | ({"temperature": temperature} if blocks.get("type") == ProsodyNoise.__name__ else {})
    return [at_temperature(block, temperature) for block in blocks] if isinstance(blocks, list | tuple) else blocks
