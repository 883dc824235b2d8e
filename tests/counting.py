"""Networks that log when they are opened and run, for tests of the work done and of shared networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tts_cli.addon import opened as addons
from tts_cli.ports import NetworkSpec, Tensors
from tts_cli.voice import synthesis
from tts_cli.voice.synthesis import AudioChunk

ROOT = Path(__file__).parents[1]
TINY, ATTENTION, VOCODER = (ROOT / "tests" / "addons" / f"tiny-{kind}" for kind in ("acoustic", "attention", "vocoder"))
TEXT = "The boats came home before the storm, all of them. Nobody had hoped for that."
NUM_THREADS = 8
Audio = NDArray[np.float32]


class Network:
    """Network that counts its runs in a log."""

    def __init__(self, network: Any, name: str, log: Log) -> None:
        self._network, self._name, self._log = network, name, log
        self.inputs, self.outputs = network.inputs, network.outputs

    def run(self, tensors: Tensors) -> dict[str, Any]:
        self._log.runs[self._name] += 1
        self._log.on_run()
        outputs: dict[str, Any] = self._network.run(tensors)
        return outputs


class Log:
    """Log of opened networks and of the number of runs of each."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.runs: Counter[str] = Counter()
        self.on_run: Callable[[], object] = int


def counted(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Log the networks of all voices loaded in a test; they share no network with other tests, and have no other analyzer."""
    log, open_network = Log(), addons.open_network

    def counting(graph: Path, spec: NetworkSpec, *rest: Any, **more: Any) -> Network:
        log.opened.append(graph.stem)
        return Network(open_network(graph, spec, *rest, **more), graph.stem, log)

    monkeypatch.setattr(addons, "open_network", counting)
    monkeypatch.setattr(synthesis, "word_senses", lambda: None)
    monkeypatch.setattr(addons, "_SHARED", type(addons._SHARED)())
    return log


def joined(chunks: Iterator[AudioChunk]) -> Audio:
    return np.concatenate([chunk.samples for chunk in chunks])
