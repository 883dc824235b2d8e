"""CustomizedEncoders: the outputs of Encoders, from networks that run in parallel."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toys import SYMBOLS, ToyAddon, encoder, options, port

from tts_cli.addon.opened import open_addon
from tts_cli.blocks.encoders import CustomizedEncoders, Encoders
from tts_cli.blocks.features import request_wiring
from tts_cli.blocks.network import AddonNetwork
from tts_cli.blocks.registry import block_class
from tts_cli.errors import StackError
from tts_cli.ports import Array
from tts_cli.text import TextFrontEnd
from tts_cli.voice.request import Request
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import Voice

TINY = Path(__file__).parents[1] / "addons"
SCOPE = dict(Request(np.array([1, 4, 5, 3])))
HELLO = Sentence(tokens=("^", "HH", "AH0", "L", "OW1", " ", "B", "IY1", "."))


class Behaved:
    """Network that waits at a barrier, or fails, before it runs."""

    def __init__(self, network: AddonNetwork, barrier: threading.Barrier | None = None, fails: bool = False) -> None:
        self._network, self._barrier, self._fails = network.network, barrier, fails
        self.inputs, self.outputs = network.network.inputs, network.network.outputs
        self.threads: set[int] = set()
        self.num_done = 0

    def run(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        self.threads.add(threading.get_ident())
        if self._barrier:
            self._barrier.wait(timeout=10)
        if self._fails:
            raise RuntimeError("no such luck")
        time.sleep(0.02)
        self.num_done += 1
        return self._network.run(tensors)


def networks(count: int) -> list[AddonNetwork]:
    return [encoder(f"encoder{index}", port(f"out{index}", "token", 1 + index)) for index in range(count)]


def behaved(count: int, barrier: threading.Barrier | None = None, failing: int | None = None) -> list[AddonNetwork]:
    return [
        replace(network, network=Behaved(network, barrier, index == failing)) for index, network in enumerate(networks(count))
    ]


def block(found: list[AddonNetwork], kind: type[Encoders] = CustomizedEncoders) -> Encoders:
    made = kind(options(), ToyAddon(found))
    made.connect(request_wiring())
    return made


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_outputs_are_those_of_encoders_in_their_order(count: int) -> None:
    found = networks(count)
    at_once, in_turn = block(found).run(SCOPE), block(found, Encoders).run(SCOPE)
    assert list(at_once) == list(in_turn)
    for name in in_turn:
        np.testing.assert_array_equal(at_once[name], in_turn[name])


def test_all_networks_run_at_once_a_thread_each() -> None:
    found = behaved(3, threading.Barrier(3))
    assert len(block(found).run(SCOPE)) == 3
    threads = [network.network.threads for network in found]  # type: ignore[attr-defined]
    assert threads[0] == {threading.get_ident()}
    assert len(set.union(*threads)) == 3


def test_one_word_of_the_stack_changes_nothing_but_the_threads() -> None:
    acoustic, vocoder = open_addon(TINY / "tiny-acoustic"), open_addon(TINY / "tiny-vocoder")

    def speak(kind: str) -> list[bytes]:
        (pipeline,) = acoustic.config.stack
        stack = ({**pipeline, "sequence_block": {"type": kind}},)
        voice = Voice(acoustic, vocoder, TextFrontEnd()).variant(edit_stack=lambda _: stack)
        return [chunk.samples.tobytes() for chunk in voice.stream([HELLO, HELLO])]

    assert speak("CustomizedEncoders") == speak("Encoders")
    assert block_class("CustomizedEncoders", "$") is CustomizedEncoders


def test_many_utterances_share_the_threads() -> None:
    found = behaved(3)
    shared, in_turn = block(found), block(found, Encoders)
    scopes = [dict(Request(np.arange(1, 2 + index % 6) % len(SYMBOLS))) for index in range(40)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(shared.run, scopes))
    for scope, result in zip(scopes, results, strict=True):
        for name, array in in_turn.run(scope).items():
            np.testing.assert_array_equal(result[name], array)
    callers_and_threads = set.union(*(network.network.threads for network in found))  # type: ignore[attr-defined]
    assert len(callers_and_threads) <= 8 + 2 + 1


def test_an_utterance_does_not_wait_for_threads_that_others_keep() -> None:
    """The block's only thread is busy, so the caller runs both networks itself."""
    kept, begun = threading.Event(), threading.Event()
    found = networks(2)
    shared = block(found)

    def keep() -> None:
        begun.set()
        kept.wait(10)

    shared._threads.submit(keep)  # type: ignore[attr-defined]
    assert begun.wait(10)
    try:
        assert set(shared.run(SCOPE)) == {"out0", "out1"}
    finally:
        kept.set()


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_is_told_when_nothing_runs_any_more(failing: int) -> None:
    found = behaved(3, failing=failing)
    shared = block(found)
    with pytest.raises(StackError, match="raised RuntimeError: no such luck"):
        shared.run(SCOPE)
    done = [network.network.num_done for network in found]  # type: ignore[attr-defined]
    time.sleep(0.06)
    assert [network.network.num_done for network in found] == done  # type: ignore[attr-defined]
    with pytest.raises(StackError, match="raised RuntimeError: no such luck"):
        shared.run(SCOPE)


def test_threads_end_with_the_block() -> None:
    before = set(threading.enumerate())
    shared = block(networks(4))
    assert set(threading.enumerate()) <= before, "they begin with the first utterance"
    shared.run(SCOPE)
    begun = set(threading.enumerate()) - before
    assert 1 <= len(begun) <= 3
    del shared
    gc.collect()
    for thread in begun:
        thread.join(timeout=5)
    assert not any(thread.is_alive() for thread in begun)


def test_threads_end_with_the_interpreter() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/blocks')\n"
        "from toys import *; from tts_cli.blocks.encoders import CustomizedEncoders; from tts_cli.voice.request import Request\n"
        "found = [encoder(f'e{i}', port(f'o{i}', 'token')) for i in range(3)]\n"
        "kept = CustomizedEncoders(options(), ToyAddon(found))\n"
        "print(len(kept.run(dict(Request(np.array([1, 4]))))))"
    )
    folder = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "3"), done.stderr
