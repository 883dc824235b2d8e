"""Reports of a training: progress bar, log lines, TensorBoard, and `history.jsonl`."""

from __future__ import annotations

import json
import math
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from tts_cli.errors import OutputError, one_line
from tts_cli.files import atomic_write

HISTORY = "history.jsonl"
"""File of a run with its losses, a JSON object a line."""

PROGRESS = "progress.json"
"""File of a run with the process that trains it and its speed, for `tts status`."""

SECONDS_BETWEEN_LINES = 30.0
"""Least time between two progress lines in seconds, where there is no terminal for a progress bar."""

SECONDS_BETWEEN_SIGNS = 5.0
"""Least time between two writings of `PROGRESS` in seconds."""


class Logbook:
    """Reports of the first process of a training; a context manager.

    `history.jsonl` in the run folder has one JSON object a line, with its `step`, in the order of the steps. Lines of steps after
    `first_step` are removed: the training makes these steps again.

    Args:
        run: Folder of the run.
        first_step: Steps done before.
        num_steps: Last step of the training.
        sample_rate: Of previewed audio, in Hz.
    """

    def __init__(self, run: Path, first_step: int, num_steps: int, sample_rate: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._sample_rate = sample_rate
        self._progress_file, self._told = run / PROGRESS, -math.inf
        self._speed: float | None = None
        self._step = first_step
        self._history, self._recorded = _open_history(run / HISTORY, first_step)
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
        self._tell_progress(os.getpid())
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        self._tell_progress(None)
        self._writer.close()
        self._history.close()

    def lacks_validation(self, step: int) -> bool:
        """Return whether the history goes up to `step`, but without its validation: the training was killed in between."""
        return bool(self._recorded) and not any(
            line["step"] == step and any(name.startswith("validation/") for name in line) for line in self._recorded
        )

    def say(self, line: str) -> None:
        """Print a line above the progress bar. A long one is shortened."""
        self._progress.console.print(one_line(line), highlight=False, markup=False, soft_wrap=True)

    def advance(self, step: int) -> None:
        """Move the progress bar to `step` steps done."""
        self._step = step
        self._progress.update(self._task, completed=step)
        if time.monotonic() - self._told > SECONDS_BETWEEN_SIGNS:
            self._tell_progress(os.getpid())

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
        self._speed = speed
        self._writer.add_scalar("speed/steps_per_second", speed, step)
        described = ", ".join(f"{name} {value:.4g}" for name, value in values.items() if name.endswith("loss"))
        self._progress.update(self._task, description=described)
        if not self._console.is_terminal and self._last[1] - self._printed >= SECONDS_BETWEEN_LINES:
            self._printed = self._last[1]
            minutes_left = (self._num_steps - step) / max(1e-9, speed) / 60
            self.say(f"step {step}/{self._num_steps}: {described}, {speed:.2f} steps/s, {minutes_left:.0f} min left")

    def _tell_progress(self, process: int | None) -> None:
        """Write the sign of life of a training by the process of this number; None: it has ended."""
        self._told = time.monotonic()
        told = {"process": process, "host": socket.gethostname(), "step": self._step, "written": time.time()}
        with suppress(OutputError), atomic_write(self._progress_file) as file:
            json.dump({**told, "steps_per_second": self._speed}, file)

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


def _open_history(path: Path, last_step: int) -> tuple[TextIO, list[dict[str, Any]]]:
    """Cut the history in `path` back to `last_step`, and open it for appending.

    Returns:
        The open file, and the objects of its lines.
    """
    lines: list[dict[str, Any]] = []
    if path.exists():
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if (line := _parsed(text)) is not None and line["step"] <= last_step:
                _replace_repeated(lines, line)
                lines.append(line)
        with atomic_write(path) as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
    return path.open("a", encoding="utf-8"), lines


def _replace_repeated(lines: list[dict[str, Any]], line: dict[str, Any]) -> None:
    """Remove from the end of `lines` the steps that begin again with `line`, as after a resume in an earlier version."""
    step = line["step"]
    start = len(lines)
    while start and lines[start - 1]["step"] >= step:
        start -= 1
    lines[start:] = [one for one in lines[start:] if one["step"] == step and not one.keys() & line.keys() - {"step"}]


def _parsed(text: str) -> dict[str, Any] | None:
    """Return the object of a line of the history; None for an unfinished line."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and isinstance(line.get("step"), int) else None


def _picture(mel: NDArray[Any]) -> NDArray[np.uint8]:
    """Render a mel (T, bands) as colours (bands, T, 3) uint8, low bands at the bottom."""
    from matplotlib import colormaps

    low, high = float(np.min(mel)), float(np.max(mel))
    scaled = (mel.T[::-1] - low) / max(1e-9, high - low)
    return (colormaps["magma"](scaled)[..., :3] * 255).astype(np.uint8)
