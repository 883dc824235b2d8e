"""Training loop on another machine: stops at a deadline and writes its state to a few files of limited size."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import soundfile
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import nn

from tts_cli.errors import InputError
from tts_cli.files import atomic_write
from tts_cli.models import Batch, Batches, TrainableModel
from tts_cli.models.layers import ConvNeXtBlock
from tts_cli.training.checkpoints import Description, Stay
from tts_cli.training.logbook import HISTORY, Logbook
from tts_cli.training.loop import Loop, seed_step
from tts_cli.training.portable import Limits, groups, lay_out, write_state
from tts_cli.training.recipe import CHANGEABLE, Recipe, differences

LOG, SAMPLES = "log.txt", "samples"
"""Files beside the state. Samples are audio or, for models that make no audio, mel frames."""

_WARM_UP_STEPS, _TIMED_STEPS = 10, 30
_STEPS_BETWEEN_PLANS = 20

Shown = dict[str, NDArray[Any]]
"""Previews of one utterance by title, as from `TrainableModel.preview`."""


@dataclass(frozen=True)
class Trip:
    """Limits and settings of a training on another machine."""

    training: str
    """Name of the packed run or recipe."""
    home: Recipe
    """The packed recipe, before it was changed for this machine."""
    out: Path
    """Folder for the state, the log, the history and the samples."""
    limits: Limits
    """Limits of the state's files in `out`."""
    deadline: float
    """Time at which training stops, by `time.monotonic`, in seconds; validation and writing follow."""
    device: str
    """Name of the GPU or CPU."""
    commit: str | None
    """Commit of the project that the pack was made from; None: unknown."""
    report_lines: tuple[str, ...] = ()
    """First lines of the log."""
    compile: str = "off"
    """"on"; "off"; or "trial": compile after the eager speed has been measured, and keep it if steps become faster."""
    finish: bool = False
    """True if the learning rate schedule ends at the deadline."""


class AwayLoop(Loop):
    """Training loop with a deadline; it writes to the folder of a `Trip` instead of to checkpoints."""

    def __init__(self, fabric: Fabric, model: TrainableModel, recipe: Recipe, run: Path, trip: Trip) -> None:
        super().__init__(fabric, model, recipe, run)
        self.trip = trip
        self._commit = trip.commit
        self._began_at = 0
        self._former: tuple[Stay, ...] = ()
        self._speed = Speed(0)
        self._trial = CompileTrial(model, trip.compile)

    def begin_at(self, description: Description) -> None:
        """Continue from `description`, after its state has been loaded.

        Raises:
            InputError: The weights do not fit into the allowed files.
        """
        weights = groups(self.model, self.state.tensors())[0]
        if lay_out([weights], self._limits()).left_out:
            raise InputError("the weights do not fit into the allowed files", hint="allow larger files: --file-mb, --total-mb")
        self.step = self.saved_step = self._began_at = description.step
        self.seconds_before, self._former, self.begun_from = description.seconds, description.elsewhere, description.begun_from
        self._speed = Speed(self.step)
        if self.trip.finish:
            self._plan(self.step + 1000)

    def _logbook(self) -> Any:
        self.logbook = AwayLogbook(
            self.run_folder, self.step, self.recipe.steps, self.model.facts.mel.sample_rate, self.trip.out / LOG
        )
        for line in self.trip.report_lines:
            self.say(line)
        return self.logbook

    def _advance(self, batch: Batch, validation: Batches) -> None:
        super()._advance(batch, validation)
        if decision := self._trial.after_step():
            self.say(f"step {self.step}: {decision}")
        if self._speed.after_step(self.step) and self.trip.finish:
            seconds_left = self.trip.deadline - time.monotonic()
            self._plan(self.step + max(1, round(seconds_left * self._speed.steps_per_second)))
        if time.monotonic() - self._saved > self.recipe.checkpoint_every_minutes * 60 and self.state.finite():
            self._save()

    def _plan(self, steps: int) -> None:
        """Set the last step of the learning rate schedule to `steps`."""
        self.recipe = self.recipe.model_copy(update={"steps": steps})

    def _out_of_time(self) -> bool:
        return time.monotonic() > self.trip.deadline

    def _validate(self, batches: Batches) -> float | None:
        with self._trial.paused():
            return super()._validate(batches)

    def _finish(self, validation: Batches) -> None:
        """Write the weights, measure them, and then write everything."""
        seconds, steps = time.monotonic() - self._started, self.step - self._began_at
        lately = self._speed.steps_per_second
        at_last = f", {lately:.2f} at the end" if lately else ""
        self.say(f"{steps} steps in {seconds:.0f} s: {steps / seconds:.2f} steps/s{at_last}, on {self._conditions()}")
        self._save()
        loss = self._validate(validation)
        write_samples(self.trip.out, self._shown(validation), self.model.facts.mel.sample_rate)
        self._write(whole=True, validation=loss)

    def _conditions(self) -> str:
        batches = self.recipe.batches.model_dump(mode="json")
        sizes = ", ".join(f"{key} {value}" for key, value in batches.items() if type(value) in (int, float))
        compiled = "compiled" if self._trial.is_on else "eager"
        return f"{self.trip.device}, {self.recipe.precision}, {compiled}; batches: {sizes}"

    def _save(self, validation: float | None = None) -> None:
        """Write the weights, so that an interrupted training loses little."""
        self._saved = time.monotonic()
        self._write(whole=False, validation=validation)

    def _write(self, whole: bool, validation: float | None) -> None:
        parts = [group for group in groups(self.model, self.state.tensors()) if whole or group.stem == "weights"]
        layout = lay_out(parts, self._limits())
        write_state(self.trip.out, layout, self._description(validation))
        shutil.copyfile(self.run_folder / HISTORY, self.trip.out / HISTORY)
        self.saved_step = self.step
        if whole:
            self.say(
                f"step {self.step}: {layout.num_bytes / 1e6:.1f} MB of state in {len(layout.files)} files, {layout.precision}"
            )

    def _limits(self) -> Limits:
        """Return the limits for the state, less the size of the other files in the folder."""
        others = sum(path.stat().st_size for path in self.trip.out.iterdir() if path.suffix != ".safetensors")
        limits = self.trip.limits
        return Limits(limits.num_files, limits.file_bytes, limits.total_bytes - others)

    def _shown(self, validation: Batches) -> list[Shown]:
        """Return the previews of the first utterance of each validation batch."""
        seed_step(self.recipe.seed, self.step, -1)
        self.model.eval()
        with torch.no_grad(), self.state.average.applied(), self._trial.paused():
            batches = (self.fabric.to_device(validation.batch(index)) for index in range(self.recipe.validation_batches))
            shown = [self.model.preview(batch) for batch in batches]
        self.model.train()
        return shown

    def _description(self, validation: float | None) -> Description:
        """Describe the state by the packed recipe, so that training continues with it, and list the changes for this machine."""
        steps = self.step if self.trip.finish else self.recipe.steps
        here = self.recipe.model_copy(update={"steps": steps})
        changed = differences(self.trip.home.model_dump(mode="json"), here.model_dump(mode="json"))
        stay = Stay(
            training=self.trip.training,
            device=self.trip.device,
            first_step=self._began_at,
            last_step=self.step,
            seconds=round(time.monotonic() - self._started, 1),
            changed={key: change for key, change in changed.items() if key == "steps" or key.split(".")[0] not in CHANGEABLE},
        )
        recipe = self.trip.home.model_copy(update={"steps": steps}).model_dump(mode="json")
        elsewhere = (*self._former, stay)
        return super()._description(validation).model_copy(update={"recipe": recipe, "elsewhere": elsewhere})


class Speed:
    """Training speed over the last steps."""

    def __init__(self, step: int) -> None:
        self.steps_per_second = 0.0
        self._last = (step, time.monotonic())

    def after_step(self, step: int) -> bool:
        """Note that `step` steps are done; return True if `steps_per_second` has been measured anew."""
        then, at = self._last
        if step - then < _STEPS_BETWEEN_PLANS:
            return False
        self._last = (step, time.monotonic())
        self.steps_per_second = (step - then) / max(1e-9, self._last[1] - at)
        return True


class CompileTrial:
    """Compile the ConvNeXt blocks of a model, and keep them compiled only if steps become faster.

    Args:
        model: The model.
        mode: "on": compile at once; "trial": compile after eager steps have been timed; "off": never.
    """

    def __init__(self, model: nn.Module, mode: str) -> None:
        # Blocks of equal sizes share compiled code, so compiling takes little time.
        self._blocks = [module for module in model.modules() if isinstance(module, ConvNeXtBlock)]
        self._is_trial = mode == "trial" and bool(self._blocks)
        self._compiled: list[Any] | None = None
        self._steps, self._since, self._eager = 0, 0.0, 0.0
        self.is_on = False
        if mode == "on":
            self._set(True)

    def after_step(self) -> str | None:
        """Count a step; time eager steps, then compiled ones. Return a line for the log when compiling starts or is decided, else
        None."""
        if not self._is_trial:
            return None
        self._steps += 1
        if self._steps == _WARM_UP_STEPS:
            self._since = time.monotonic()
        if self._steps != _WARM_UP_STEPS + _TIMED_STEPS:
            return None
        seconds, self._steps = (time.monotonic() - self._since) / _TIMED_STEPS, 0
        if not self.is_on:
            self._eager = seconds
            self._set(True)
            return f"{1000 * seconds:.0f} ms a step; compiling"
        self._is_trial = False
        is_faster = seconds < self._eager
        self._set(is_faster)
        return f"{1000 * seconds:.0f} ms a step compiled, {1000 * self._eager:.0f} before: " + ("kept" if is_faster else "undone")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Context in which no block is compiled: validation has other shapes and is short."""
        was_on = self.is_on
        self._set(False)
        try:
            yield
        finally:
            self._set(was_on)

    def _set(self, on: bool) -> None:
        if on and self._compiled is None:
            # Without this a block that cannot be compiled raises an error; with it the block runs eagerly.
            torch._dynamo.config.suppress_errors = True
            for block in self._blocks:
                block.compile(dynamic=True)
            self._compiled = [block._compiled_call_impl for block in self._blocks]
        for block, call in zip(self._blocks, self._compiled or (), strict=False):
            block._compiled_call_impl = call if on else None
        self.is_on = on


class AwayLogbook(Logbook):
    """Logbook that also writes its lines to a file, and no previews to TensorBoard."""

    def __init__(self, run: Path, first_step: int, num_steps: int, sample_rate: int, log: Path) -> None:
        super().__init__(run, first_step, num_steps, sample_rate)
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log: TextIO = log.open("w", encoding="utf-8")

    def say(self, line: str) -> None:
        super().say(line)
        self._log.write(line + "\n")
        self._log.flush()

    def preview(self, step: int, shown: Shown) -> None:
        """Do nothing: pictures need packages that other machines may lack."""

    def __exit__(self, *arguments: object) -> None:
        super().__exit__(*arguments)
        self._log.close()


def write_samples(out: Path, shown: Sequence[Shown], sample_rate: int) -> None:
    """Write the previews of some utterances to `samples.opus`, or to `samples.npz` for models that make no audio.

    Audio clips are joined, with a quarter of a second of silence after each; mel frames are float16.

    Args:
        out: Folder to write to.
        shown: Previews of each utterance.
        sample_rate: Of the audio, in Hz.
    """
    audio = [value for one in shown for value in one.values() if value.ndim == 1]
    if audio:
        gap = np.zeros(sample_rate // 4, np.float32)
        joined = np.concatenate([part for value in audio for part in (np.clip(value, -1, 1).astype(np.float32), gap)])
        with atomic_write(out / f"{SAMPLES}.opus", "wb") as file:
            soundfile.write(file, joined, sample_rate, format="OGG", subtype="OPUS")
    elif shown:
        named: dict[str, Any] = {
            f"{index}/{name}": value.astype(np.float16) for index, one in enumerate(shown) for name, value in one.items()
        }
        with atomic_write(out / f"{SAMPLES}.npz", "wb") as file:
            np.savez_compressed(file, **named)
