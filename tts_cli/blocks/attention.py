"""Decoder of attention-based models: runs a step network autoregressively and guards against repeats, skips and endless speech.

It replaces `Upsampler` and `Decoder`, which need explicit durations. The network generates a few frames at a time from its own
state and predicts a stop probability, so that the length of the utterance is not known beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.network import AddonNetwork, filled
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.streamable import Fault, Stream, StreamableBlock, TensorQueue
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import StrictModel
from tts_cli.errors import StackError
from tts_cli.ports import PortSpec, Tensors

_NOISE, _STOP, _ATTENTION = "noise", "stop", "attention"
_PHONES = PortSpec(name="phones", rate="token", type="int64")


class AttentionDecoderOptions(StrictModel):
    """Options of `AttentionDecoder`."""

    network: str | None = None
    """Name of the network. Needed only if the addon has several networks of role `step`."""
    stop_threshold: float = Field(default=0.5, gt=0, lt=1)
    """Stop probability above which the utterance ends."""
    max_frames_per_token: int = Field(default=16, ge=1)
    """Limit of the length in frames: this times the number of tokens, plus `spare_frames`. The default is about three times the
    length of real speech."""
    spare_frames: int = Field(default=120, ge=0)
    """Constant part of the limit of the length, in frames."""
    repeat_tokens: int = Field(default=4, ge=1)
    """Tokens that the attention may go back from one step to the next; more is reported as the fault "repeat"."""
    skip_phones: int = Field(default=3, ge=1)
    """Number of consecutive phones with little attention that counts as a skip."""
    skip_weight: float = Field(default=0.15, ge=0)
    """Attention weight that a phone must accumulate over all steps; less counts as skipped."""
    stuck_steps: int = Field(default=40, ge=1)
    """Number of consecutive steps without movement that counts as a repeat."""


class AttentionDecoder(StreamableBlock):
    """Streamable block that runs the step network until its stop probability exceeds `stop_threshold`.

    Ports that the network both reads and gives are its state: their defaults before the first step, then carried by the stream.
    The input `noise` is drawn uniformly from [0, 1) by (seed, step), so that chunks of any size join to the same audio. The
    output `stop` is the probability that the step is the last one; `attention` (token rate) holds the attention weights.
    """

    options_model: ClassVar[type[StrictModel]] = AttentionDecoderOptions
    inputs = (_PHONES,)

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.network = addon.network("step", self.options.network, self.path)
        spec = self.network.spec
        given = {port.name for port in spec.outputs}
        self.state = tuple(port for port in spec.inputs if port.name in given)
        self.outputs = tuple(port for port in spec.outputs if port.rate == "frame")
        if not self.outputs or not {_STOP, _ATTENTION} <= given:
            message = f"{self.path}: network '{self.network.name}' does not give frames, '{_STOP}' and '{_ATTENTION}'"
            raise StackError(message, hint="name the step network of an attention-based voice")

    def _connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        made_here = {_NOISE, *(port.name for port in self.state)}
        scope.need([port for port in self.network.spec.inputs if port.name not in made_here], self.path)
        return super()._connect(scope, upstream)

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        phones = [self.addon.symbols[token] for token in scope["phones"][0, :, 0]]
        return AttentionStream(self, scope, upstream, AttentionGuard(phones, self.options))


class AttentionStream(Stream):
    """Stream of the frames of one utterance, generated step by step. Faults come from `guard`.

    Args:
        block: Block that opens the stream.
        scope: Sequence ports of the utterance, (1, T, C).
        upstream: Stream of the block before, or None. It is not read.
        guard: Guard of this utterance's attention.
    """

    def __init__(self, block: AttentionDecoder, scope: Tensors, upstream: Stream | None, guard: AttentionGuard) -> None:
        super().__init__(scope, upstream)
        self._network: AddonNetwork = block.network
        self._options: AttentionDecoderOptions = block.options
        self._frames = [port.name for port in block.outputs]
        self._noise = next((port for port in block.network.spec.inputs if port.name == _NOISE), None)
        self._seed = int(scope["seed"].item()) if "seed" in scope else 0
        num_tokens = scope["phones"].shape[1]
        self._inputs = {port.name: scope[port.name] for port in block.network.spec.inputs if port.name in scope}
        self._inputs |= {port.name: filled(port, num_tokens if port.rate == "token" else 1) for port in block.state}
        self._state = [port.name for port in block.state]
        self._max_frames = self._options.max_frames_per_token * num_tokens + self._options.spare_frames
        self._ready = TensorQueue()
        self._guard = guard
        self._num_steps = self._num_frames = 0
        self._is_done = False

    def _produce(self, n: int) -> Tensors | None:
        while len(self._ready) < n and not self._is_done:
            self._step()
        return self._ready.take(n) if len(self._ready) else None

    def _step(self) -> None:
        if self._noise is not None:
            draw = np.random.default_rng([self._seed, self._num_steps])
            self._inputs[_NOISE] = draw.random((1, 1, self._noise.channels), np.float32)
        outputs = self._network.run(self._inputs)
        self._inputs.update({name: outputs[name] for name in self._state})
        frames = {name: outputs[name] for name in self._frames}
        self._ready.push(frames)
        self._num_steps += 1
        self._num_frames += frames[self._frames[0]].shape[1]
        has_stopped = float(outputs[_STOP].item()) > self._options.stop_threshold
        self._is_done = has_stopped or self._num_frames >= self._max_frames
        self._faults += self._guard.look(outputs[_ATTENTION][0, :, 0])
        if self._is_done:
            self._faults += self._guard.end(has_stopped)


class AttentionGuard:
    """Detector of repeats, skips and wrong endings in the attention path over the tokens of one utterance.

    Args:
        tokens: Symbols of the utterance, (N,). Alphanumeric ones are phones.
        options: Thresholds.
    """

    def __init__(self, tokens: Sequence[str], options: AttentionDecoderOptions) -> None:
        self._tokens = tokens
        self._options = options
        self._is_phone = np.array([token.isalnum() for token in tokens], bool)
        self._gathered = np.zeros(len(tokens))
        self._place = self._furthest = self._num_resting = self._num_skipped = self._num_checked = 0

    def look(self, weights: NDArray[np.float32]) -> list[Fault]:
        """Return the faults that the next step shows.

        Args:
            weights: Attention weights of the step, (N,), which sum to 1.
        """
        self._gathered += weights
        place = int(weights.argmax())
        faults = self._repeats(place)
        self._place, self._furthest = place, max(self._furthest, place)
        # The token just before the furthest one may still accumulate weight.
        return faults + self._skips(self._furthest - 1)

    def end(self, has_stopped: bool) -> list[Fault]:
        """Return the faults of an utterance that ends after the last step.

        Args:
            has_stopped: True if the stop probability ended it, False if it reached the limit of its length.
        """
        last_phone = int(np.flatnonzero(self._is_phone)[-1]) if self._is_phone.any() else 0
        if not has_stopped:
            return [Fault("endless", "the attention did not come to an end: the speech was cut off at the longest length")]
        if self._furthest < last_phone:
            rest = self._name(self._furthest + 1, last_phone + 1)
            return [Fault("truncation", f"the attention ended early: {rest} not spoken")]
        return self._skips(last_phone + 1)

    def _repeats(self, place: int) -> list[Fault]:
        self._num_resting = self._num_resting + 1 if place == self._place else 0
        if self._place - place > self._options.repeat_tokens:
            return [Fault("repeat", f"the attention went back: {self._name(place, self._place)} spoken again")]
        if self._num_resting == self._options.stuck_steps:
            return [Fault("repeat", f"the attention rests on {self._name(place, place + 1)}")]
        return []

    def _skips(self, end: int) -> list[Fault]:
        """Return a skip fault for every new run of phones before token `end` with too little attention."""
        faults = []
        for token in range(self._num_checked, end):
            if not self._is_phone[token]:
                continue
            is_skipped = self._gathered[token] < self._options.skip_weight
            self._num_skipped = self._num_skipped + 1 if is_skipped else 0
            if self._num_skipped == self._options.skip_phones:
                faults.append(Fault("skip", f"the attention skipped phones before {self._name(token, token + 1)}"))
        self._num_checked = max(self._num_checked, end)
        return faults

    def _name(self, first: int, end: int) -> str:
        """Return the phones from `first` to before `end`, or the symbol at `first` if none is a phone."""
        phones = [token for token in self._tokens[first:end] if token.isalnum()]
        return " ".join(phones) or f"'{self._tokens[first]}'"
