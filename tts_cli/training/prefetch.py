"""Prefetching of batches in a thread or in worker processes."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import torch
from numpy.typing import NDArray

from tts_cli.corpora.journal import start_worker
from tts_cli.errors import RefusedError
from tts_cli.models import Batch, Batches

BATCHES_A_PROCESS = 2
"""Batches that each worker process prepares ahead of their step."""


class Prefetcher:
    """Make the batches of coming steps during the present step.

    One thread makes the next batch, or `num_processes` worker processes make the next few. Both give the same batches, because a
    batch depends on its step alone.
    """

    def __init__(self, batches: Batches, num_processes: int = 0) -> None:
        self._depth = max(1, BATCHES_A_PROCESS * num_processes)
        self._batches = batches
        self._in_processes = num_processes > 0
        self._executor = _processes(batches, num_processes) if num_processes else ThreadPoolExecutor(1)
        self._pending: dict[int, Future[Any]] = {}

    def batch(self, step: int) -> Batch:
        """Return the batch of `step` and start on those of the next steps. Raises RefusedError when a worker process dies."""
        wanted = range(step, step + 1 + self._depth)
        try:
            self._pending = {later: self._pending.get(later) or self._submit(later) for later in wanted}
            made = self._pending.pop(step).result()
        except BrokenProcessPool as error:
            raise RefusedError(
                "a worker process that makes batches died", hint="make batches in a thread instead: --set loaders=0"
            ) from error
        return {name: torch.from_numpy(value) for name, value in made.items()} if self._in_processes else made

    def close(self) -> None:
        """Stop the thread or the processes."""
        self._executor.shutdown(cancel_futures=True)

    def _submit(self, step: int) -> Future[Any]:
        return self._executor.submit(_make, step) if self._in_processes else self._executor.submit(self._batches.batch, step)


def _processes(batches: Batches, number: int) -> Executor:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([type(batches).__module__])
    return ProcessPoolExecutor(number, context, _begin, (batches,))


_of_this_process: list[Batches] = []


def _begin(batches: Batches) -> None:
    start_worker()
    torch.set_num_threads(1)
    _of_this_process[:] = [batches]


def _make(step: int) -> dict[str, NDArray[Any]]:
    # Arrays, because torch passes tensors through shared memory, and a container may have little of it.
    return {name: value.numpy() for name, value in _of_this_process[0].batch(step).items()}
