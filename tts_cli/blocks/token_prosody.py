"""Prosody at token rate: given F0 and energy stand for predicted ones, then the request's controls move them."""

from __future__ import annotations

import math

import numpy as np

from tts_cli.blocks.durations import control_value
from tts_cli.blocks.features import optional
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.wiring import Wiring
from tts_cli.ports import Array, PortSpec, Tensors

_LOG_F0 = PortSpec(name="log_f0", rate="token")
_ENERGY = PortSpec(name="energy", rate="token")
_LOG_PER_SEMITONE = math.log(2) / 12


class TokenProsody:
    """Edits log-F0 and energy, as far as blocks before give them."""

    def __init__(self, addon: AddonParts) -> None:
        self._addon = addon

    def connect(self, scope: Wiring, path: str) -> None:
        """Declare the ports that are read at `path`."""
        if "log_f0" in scope:
            edits = ("given_log_f0", "pitch_shift_semitones", "pitch_range", "speaker")
            scope.need((_LOG_F0, *map(optional, edits)), path)
        if "energy" in scope:
            scope.need((_ENERGY, optional("given_energy"), optional("energy_scale")), path)

    def edited(self, scope: Tensors) -> dict[str, Array]:
        """Return `log_f0` and `energy`, (1, N, 1), as they are spoken."""
        found: dict[str, Array] = {}
        if "log_f0" in scope:
            found["log_f0"] = self._log_f0(scope)
        if "energy" in scope:
            found["energy"] = _given("energy", scope) + np.float32(math.log(control_value("energy_scale", scope, 1.0)))
        return found

    def _log_f0(self, scope: Tensors) -> Array:
        log_f0 = _given("log_f0", scope)
        if "pitch_range" in scope:
            mean = self._addon.mean_log_f0[int(scope["speaker"].item())]
            log_f0 = mean + (log_f0 - mean) * control_value("pitch_range", scope, 1.0)
        shift = _LOG_PER_SEMITONE * control_value("pitch_shift_semitones", scope, 0.0)
        return np.asarray(log_f0 + shift, np.float32)


def _given(name: str, scope: Tensors) -> Array:
    """Return the given values where there are any, else the predicted ones."""
    given = scope.get(f"given_{name}")
    return scope[name] if given is None else np.where(np.isnan(given), scope[name], given)
