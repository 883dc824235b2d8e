"""What a training tells: a progress line, TensorBoard, and `history.jsonl`."""

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
"""Between two printed lines where there is no terminal to draw a bar on."""


class Logbook:
    """Where the first process of a training reports; use as a context.

    `history.jsonl` in the run folder has one JSON object a line, with its `step`; of several lines of a step the last one holds.
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
        """Print a line above the bar."""
        self._progress.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def advance(self, step: int) -> None:
        """Move the bar to `step` steps done."""
        self._progress.update(self._task, completed=step)

    def scalars(self, step: int, group: str, values: dict[str, float]) -> None:
        """Write `values` measured after `step` steps to TensorBoard and the history, as GROUP/NAME."""
        named = {f"{group}/{name}": value for name, value in values.items()}
        for name, value in named.items():
            self._writer.add_scalar(name, value, step)
        self._history.write(json.dumps({"step": step, **named}) + "\n")
        self._history.flush()

    def losses(self, step: int, values: dict[str, float]) -> None:
        """Report the training losses of the step that made it `step` steps."""
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
        """Report the means of the validation measures."""
        self.scalars(step, "validation", values)
        self.say(f"step {step}: validation " + ", ".join(f"{name} {value:.4g}" for name, value in values.items()))

    def preview(self, step: int, shown: dict[str, NDArray[Any]]) -> None:
        """Send mel pictures (T, num_bands) and audio (samples,) to TensorBoard."""
        for name, value in shown.items():
            if value.ndim == 1:
                self._writer.add_audio(name, np.clip(value, -1, 1)[None], step, self._sample_rate)
            else:
                self._writer.add_image(name, _picture(value), step, dataformats="HWC")


class SpeedColumn(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """The speed, or a question mark before it is known."""
        return Text("? steps/s" if task.speed is None else f"{task.speed:.2f} steps/s")


def _open_history(path: Path) -> TextIO:
    """Open `path` for more lines, after the last whole one."""
    file = path.open("a+b")
    file.seek(0)
    file.truncate(file.read().rfind(b"\n") + 1)
    return io.TextIOWrapper(file, encoding="utf-8")


def _picture(mel: NDArray[Any]) -> NDArray[np.uint8]:
    """mel (T, num_bands) as colours (num_bands, T, 3), low bands below."""
    from matplotlib import colormaps

    low, high = float(np.min(mel)), float(np.max(mel))
    scaled = (mel.T[::-1] - low) / max(1e-9, high - low)
    return (colormaps["magma"](scaled)[..., :3] * 255).astype(np.uint8)
