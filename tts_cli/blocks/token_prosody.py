"""Editing of F0 and energy at token rate: given values replace predicted ones, then the controls are applied."""

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
    """Editor of log-F0 and energy, for the ports that earlier blocks give.

    Args:
        addon: Parts of the addon, with the mean log-F0 of each speaker.
    """

    def __init__(self, addon: AddonParts) -> None:
        self._addon = addon

    def connect(self, scope: Wiring, path: str) -> None:
        """Mark the ports of `scope` that the block at `path` reads. Raises StackError if one does not fit."""
        if "log_f0" in scope:
            edits = ("given_log_f0", "pitch_shift_semitones", "pitch_range", "speaker")
            scope.need((_LOG_F0, *map(optional, edits)), path)
        if "energy" in scope:
            scope.need((_ENERGY, optional("given_energy"), optional("energy_scale")), path)

    def edited(self, scope: Tensors) -> dict[str, Array]:
        """Return the edited `log_f0` (ln Hz) and `energy` (log magnitude), (1, N, 1) each, without those absent from `scope`.

        Edits in order: given values; `pitch_range` times the distance from the speaker's mean log-F0; `pitch_shift_semitones`;
        `energy_scale`, a factor on the magnitude.
        """
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
    """Return the port `name`, with values of `given_NAME` in place of predicted ones except where they are NaN."""
    given = scope.get(f"given_{name}")
    return scope[name] if given is None else np.where(np.isnan(given), scope[name], given)
