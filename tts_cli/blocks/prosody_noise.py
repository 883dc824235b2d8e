"""`ProsodyNoise`: the noise from which a flow draws the prosody of a sentence."""

from __future__ import annotations

from typing import Annotated, ClassVar

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

    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
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
