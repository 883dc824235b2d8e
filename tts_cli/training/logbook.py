"""Reports of a training: progress bar, log lines, TensorBoard, and `history.jsonl`."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

SECONDS_BETWEEN_LINES = 30.0
"""Least time between two progress lines in seconds, where there is no terminal for a progress bar."""


class Logbook:
    """Reports of the first process of a training; a context manager.

    `history.jsonl` in the run folder has one JSON object a line, with its `step`. If a step occurs twice (after a resume), the
    last line is valid.

    Args:
        run: Folder of the run.
        first_step: Steps done before.
        num_steps: Last step of the training.
        sample_rate: Of previewed audio, in Hz.
    """

    def __init__(self, run: Path, first_step: int, num_steps: int, sample_rate: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._sample_rate = sample_rate
        self._history = _open_history(run / "history.jsonl")
        self._writer = SummaryWriter(str(run / "tensorboard"), purge_step=first_step)
        self._console = Console(stderr=True)
        self._progress = Progress(
            *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), SpeedColumn(), TimeRemainingColumn()),
            console=self._console,
            disable=not self._console.is_terminal,
            speed_estimate_period=120,
        )
        self._task = self._progress.add_task("training", total=num_steps, completed=first_step)
        self._num_steps = num_steps
        self._last = (first_step, time.monotonic())
        self._printed = -SECONDS_BETWEEN_LINES

    def __enter__(self) -> Logbook:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        self._writer.close()
        self._history.close()

    def say(self, line: str) -> None:
        """Print a line above the progress bar."""
        self._progress.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def advance(self, step: int) -> None:
        """Move the progress bar to `step` steps done."""
        self._progress.update(self._task, completed=step)

    def scalars(self, step: int, group: str, values: dict[str, float]) -> None:
        """Write the `values` after `step` steps to TensorBoard and to the history, as GROUP/NAME."""
        named = {f"{group}/{name}": value for name, value in values.items()}
        for name, value in named.items():
            self._writer.add_scalar(name, value, step)
        self._history.write(json.dumps({"step": step, **named}) + "\n")
        self._history.flush()

    def losses(self, step: int, values: dict[str, float]) -> None:
        """Report the training losses of the step after which `step` steps are done."""
        then, at = self._last
        self._last = (step, time.monotonic())
        speed = (step - then) / max(1e-9, self._last[1] - at)
        self.scalars(step, "train", values)
        self._writer.add_scalar("speed/steps_per_second", speed, step)
        described = ", ".join(f"{name} {value:.4g}" for name, value in values.items() if name.endswith("loss"))
        self._progress.update(self._task, description=described)
        if not self._console.is_terminal and self._last[1] - self._printed >= SECONDS_BETWEEN_LINES:
            self._printed = self._last[1]
            minutes_left = (self._num_steps - step) / max(1e-9, speed) / 60
            self.say(f"step {step}/{self._num_steps}: {described}, {speed:.2f} steps/s, {minutes_left:.0f} min left")

    def validation(self, step: int, values: dict[str, float]) -> None:
        """Report the means of the validation measures after `step` steps."""
        self.scalars(step, "validation", values)
        self.say(f"step {step}: validation " + ", ".join(f"{name} {value:.4g}" for name, value in values.items()))

    def preview(self, step: int, shown: dict[str, NDArray[Any]]) -> None:
        """Send mel spectrograms (T, bands) and audio (S,) by title to TensorBoard."""
        for name, value in shown.items():
            if value.ndim == 1:
                self._writer.add_audio(name, np.clip(value, -1, 1)[None], step, self._sample_rate)
            else:
                self._writer.add_image(name, _picture(value), step, dataformats="HWC")


class SpeedColumn(ProgressColumn):
    """Column of the progress bar: steps a second."""

    def render(self, task: Task) -> Text:
        """Return the speed of `task` as text, or a question mark before it is known."""
        return Text("? steps/s" if task.speed is None else f"{task.speed:.2f} steps/s")


def _open_history(path: Path) -> TextIO:
    """Open `path` for appending, and cut off an unfinished last line."""
    file = path.open("a+b")
    file.seek(0)
    file.truncate(file.read().rfind(b"\n") + 1)
    return io.TextIOWrapper(file, encoding="utf-8")


def _picture(mel: NDArray[Any]) -> NDArray[np.uint8]:
    """Render a mel (T, bands) as colours (bands, T, 3) uint8, low bands at the bottom."""
    from matplotlib import colormaps

    low, high = float(np.min(mel)), float(np.max(mel))
    scaled = (mel.T[::-1] - low) / max(1e-9, high - low)
    return (colormaps["magma"](scaled)[..., :3] * 255).astype(np.uint8)
