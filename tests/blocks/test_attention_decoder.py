"""AttentionDecoder: state carried from chunk to chunk, the end of the utterance, and the guard over the attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from toys import NO_HASHES, ToyAddon, options, port, read_all

from tts_cli.blocks.attention import AttentionDecoder, AttentionDecoderOptions, AttentionGuard
from tts_cli.blocks.features import request_wiring
from tts_cli.blocks.network import AddonNetwork
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import StackError
from tts_cli.ports import Array, NetworkSpec, Tensors

TOKENS = ("^", "K", "AA0", "B", " ", "K", "AA0", "B", " ", "B", "AA0", "K", ".")
STEP_FRAMES = 2


def step_spec(outputs: Sequence[str] = ("mel", "stop", "attention", "memory")) -> NetworkSpec:
    rates = {"mel": "frame", "attention": "token", "text": "token"}
    inputs = [port(name, rates.get(name, "utterance")) for name in ("text", "noise", "attention", "memory")]
    fields = {
        "role": "step",
        "inputs": inputs,
        "outputs": [port(name, rates.get(name, "utterance")) for name in outputs],
        "sha256": NO_HASHES,
    }
    return NetworkSpec.model_validate(fields)


class Walk:
    """Step network with attention that follows `path`. Its memory counts steps; its frames are step number plus noise."""

    def __init__(self, path: Sequence[int], stops: bool = True) -> None:
        self.inputs, self.outputs = ("text", "noise", "attention", "memory"), ("mel", "stop", "attention", "memory")
        self._path, self._stops = path, stops
        self.num_steps = 0

    def run(self, tensors: Tensors) -> dict[str, Array]:
        self.num_steps += 1
        step = int(tensors["memory"].item())
        place = self._path[min(step, len(self._path) - 1)]
        if step:
            assert tensors["attention"][0, self._path[min(step, len(self._path)) - 1], 0] == 1
        mel = step + tensors["noise"] * np.arange(1, STEP_FRAMES + 1, dtype=np.float32)[None, :, None]
        attention = np.zeros(tensors["text"].shape, np.float32)
        attention[0, place] = 1
        stop = np.full((1, 1, 1), self._stops and step == len(self._path) - 1, np.float32)
        return {"mel": mel, "stop": stop, "attention": attention, "memory": tensors["memory"] + 1}


def decoder(walk: Walk, **chosen: Any) -> AttentionDecoder:
    addon = ToyAddon([AddonNetwork("step", step_spec(), walk)])
    return AttentionDecoder(options(type="AttentionDecoder", **chosen), addon)


def scope(seed: int = 0, tokens: Sequence[str] = TOKENS) -> dict[str, Array]:
    ids = np.array([ToyAddon().symbols.index(token) for token in tokens]).reshape(1, -1, 1)
    return {"phones": ids, "text": np.zeros(ids.shape, np.float32), "seed": np.full((1, 1, 1), seed)}


ONCE = tuple(range(len(TOKENS)))


@pytest.mark.parametrize("schedule", [[1], [3, 1, 8], [1000]])
def test_chunks_of_any_sizes_join_to_the_same_frames(schedule: list[int]) -> None:
    stream = decoder(Walk(ONCE)).open(scope(), None)
    frames = read_all(stream, schedule)["mel"]
    assert frames.shape == (1, STEP_FRAMES * len(TOKENS), 1)
    np.testing.assert_array_equal(frames, read_all(decoder(Walk(ONCE)).open(scope(), None), [7])["mel"])
    assert stream.faults == ()


def test_noise_is_drawn_by_seed_and_step() -> None:
    frames = [read_all(decoder(Walk(ONCE)).open(scope(seed), None), [5])["mel"] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(frames[0], frames[1])
    assert (frames[0] != frames[2]).all()
    noise = np.diff(frames[0][0, :, 0])[::STEP_FRAMES]
    assert len(set(noise.tolist())) == len(TOKENS)


def test_no_step_is_made_before_it_is_needed() -> None:
    walk = Walk(ONCE)
    stream = decoder(walk).open(scope(), None)
    assert walk.num_steps == 0
    stream.read(3)
    assert walk.num_steps == 2
    stream.close()
    assert stream.read(1) is None
    assert walk.num_steps == 2


def faults(path: Sequence[int], stops: bool = True, **chosen: Any) -> list[str]:
    stream = decoder(Walk(path, stops), **chosen).open(scope(), None)
    read_all(stream, [4])
    return [fault.kind for fault in stream.faults]


def test_a_steady_walk_has_no_fault() -> None:
    assert faults(ONCE) == []
    assert faults([token for token in ONCE for _ in range(3)]) == []
    assert faults([token for token in ONCE if token not in (2, 6)]) == [], "a short phone may fall between two steps"


def test_going_back_is_a_repeat() -> None:
    assert faults([*range(8), *range(2, 13)]) == ["repeat"]


def test_resting_is_a_repeat() -> None:
    assert faults([*range(6), *[6] * 60, *range(7, 13)]) == ["repeat"]


def test_phones_not_looked_at_are_a_skip() -> None:
    assert faults([0, 1, 2, 3, 4, 8, 9, 10, 11, 12]) == ["skip"]


def test_an_early_end_is_a_truncation() -> None:
    assert faults(range(8)) == ["truncation"]


def test_no_end_is_cut_off() -> None:
    walk = Walk(ONCE, stops=False)
    stream = decoder(walk, max_frames_per_token=3, spare_frames=5).open(scope(), None)
    frames = read_all(stream, [10])["mel"]
    assert frames.shape[1] == STEP_FRAMES * -(-(3 * len(TOKENS) + 5) // STEP_FRAMES)
    assert [fault.kind for fault in stream.faults] == ["endless"]


def test_the_guard_says_which_phones() -> None:
    guard = AttentionGuard(TOKENS, AttentionDecoderOptions())
    guard.look(np.eye(len(TOKENS), dtype=np.float32)[3])
    (fault,) = guard.end(has_stopped=True)
    assert fault.message == "the attention ended early: K AA0 B B AA0 K not spoken"


def test_network_must_tell_where_it_looks_and_when_it_ends() -> None:
    addon = ToyAddon([AddonNetwork("step", step_spec(("mel", "memory")), Walk(ONCE))])
    with pytest.raises(StackError, match=r"toy: \$: network 'step' does not give frames, 'stop' and 'attention'"):
        AttentionDecoder(options(), addon)


def test_what_it_reads_must_be_in_scope() -> None:
    with pytest.raises(StackError, match="needs 'text'"):
        decoder(Walk(ONCE)).connect(request_wiring(), Wiring({}))
