"""Batches made ahead of their step, in a thread or in worker processes."""

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
"""Batches that each worker process has made, or is making, before their step."""


class Prefetcher:
    """Make the batches of coming steps while the present one is learnt.

    One thread makes the next batch; `num_processes` worker processes, where there are some, make the next few. A batch is a
    function of its step, so both give the same.
    """

    def __init__(self, batches: Batches, num_processes: int = 0) -> None:
        self._depth = max(1, BATCHES_A_PROCESS * num_processes)
        self._batches = batches
        self._in_processes = num_processes > 0
        self._executor = _processes(batches, num_processes) if num_processes else ThreadPoolExecutor(1)
        self._pending: dict[int, Future[Any]] = {}

    def batch(self, step: int) -> Batch:
        """Return the batch of `step` and begin those of the steps after it. Raises RefusedError when a worker process dies."""
        wanted = range(step, step + 1 + self._depth)
        try:
            self._pending = {later: self._pending.get(later) or self._submit(later) for later in wanted}
            made = self._pending.pop(step).result()
        except BrokenProcessPool as error:
            raise RefusedError("a process that makes batches died", hint="--set loaders=0 makes them in a thread") from error
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
    # As arrays: torch would pass tensors through shared memory, of which a container may have little.
    return {name: value.numpy() for name, value in _of_this_process[0].batch(step).items()}
