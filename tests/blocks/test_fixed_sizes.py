"""Networks of fixed sizes: choice of the size, padding, cropping, splitting, and no double compilation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from toys import NO_HASHES, ConvNetwork, Frames, ToyAddon, network, options, port, read_all

from tts_cli.blocks.decoder import Decoder
from tts_cli.blocks.fixed_sizes import FixedSizeNetwork, open_with_sizes
from tts_cli.blocks.network import AddonNetwork
from tts_cli.errors import ConfigError, InputError
from tts_cli.ports import Array, NetworkSettings, NetworkSpec, PortSpec, Tensors

MASK = port("token_mask", "token")
REACH = 2


class Smoother:
    """Toy encoder: mean of masked tokens over REACH tokens on both sides. It asserts that its input has its own size."""

    def __init__(self, size: int | None = None) -> None:
        self.inputs, self.outputs = ("x", "token_mask"), ("y",)
        self._size = size

    def run(self, tensors: Tensors) -> dict[str, Array]:
        assert self._size in (None, tensors["x"].shape[1])
        assert len({array.shape[1] for array in tensors.values()}) == 1
        padded = np.pad((tensors["x"] * tensors["token_mask"])[0, :, 0], REACH)
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH + 1)
        return {"y": windows.mean(-1).astype(np.float32)[None, :, None]}


def encoder_spec(**changes: Any) -> NetworkSpec:
    fields = {
        "role": "encoder",
        "inputs": [port("x", "token"), MASK],
        "outputs": [port("y", "token")],
        "mask": "token_mask",
        "splittable": True,
        "margins": {"left": REACH, "right": REACH},
        "sha256": NO_HASHES,
    }
    return NetworkSpec.model_validate({**fields, **changes})


def opened(sizes: Mapping[str, tuple[int, ...]], **changes: Any) -> tuple[FixedSizeNetwork, list[int]]:
    """Return a smoother in these sizes, and the list of compiled sizes."""
    compiled: list[int] = []

    def compile_for(sizes: Mapping[str, int]) -> Smoother:
        compiled.append(sizes["token"])
        return Smoother(sizes["token"])

    found = open_with_sizes("smoother", encoder_spec(**changes), sizes, compile_for)
    assert isinstance(found, FixedSizeNetwork)
    return found, compiled


def tokens(num_tokens: int) -> dict[str, Array]:
    x = np.random.default_rng(num_tokens).normal(size=(1, num_tokens, 1)).astype(np.float32)
    return {"x": x, "token_mask": np.ones_like(x)}


@pytest.mark.parametrize("num_tokens", [1, 7, 8, 9, 16, 17, 18, 25, 40, 101])
def test_any_length_gives_what_free_shapes_give(num_tokens: int) -> None:
    network, _ = opened({"token": (16, 8)})
    inputs = tokens(num_tokens)
    np.testing.assert_array_equal(network.run(inputs)["y"], Smoother().run(inputs)["y"])


def test_each_size_is_compiled_once_when_it_opens_and_never_again() -> None:
    network, compiled = opened({"token": (16, 8, 8)})
    assert compiled == [8, 16]
    for num_tokens in range(1, 60):
        network.run(tokens(num_tokens))
    assert compiled == [8, 16]


def test_smallest_size_that_fits_is_taken() -> None:
    network, _ = opened({"token": (8, 16, 32)})
    ran: list[int] = []
    for (size,), one in network.networks.items():
        one.run = lambda tensors, size=size, run=one.run: ran.append(size) or run(tensors)  # type: ignore[method-assign]
    for num_tokens in (8, 9, 33):
        network.run(tokens(num_tokens))
    assert ran == [8, 16, 32, 8]


def test_garbage_in_the_padding_changes_nothing() -> None:
    network, _ = opened({"token": (16, 8)})
    inputs = tokens(21)
    expected = network.run(inputs)["y"]

    def garbage(port: PortSpec, num_steps: int) -> Array:
        return np.full((1, num_steps, port.channels), 0.0 if port.name == "token_mask" else 1e9, port.type)

    network.padding = garbage
    np.testing.assert_array_equal(network.run(inputs)["y"], expected)


def test_too_long_for_a_network_that_cannot_be_split() -> None:
    network, _ = opened({"token": (8, 16)}, splittable=False)
    with pytest.raises(InputError, match="network 'smoother' takes at most 16 tokens, but is given 17 tokens"):
        network.run(tokens(17))


def test_too_small_for_pieces() -> None:
    network, _ = opened({"token": (4,)})
    network.run(tokens(4))
    with pytest.raises(InputError, match="at most 4 tokens at once, too few for pieces with its margins of 4") as error:
        network.run(tokens(5))
    assert "larger size" in str(error.value.hint)


def test_sizes_must_fit_the_network() -> None:
    with pytest.raises(ConfigError, match="sizes are given for frame, but its inputs have the rates token"):
        opened({"frame": (8,)})
    with pytest.raises(ConfigError, match="declares no mask"):
        opened({"token": (8,)}, mask=None)
    with pytest.raises(ConfigError, match="a size of at least 6 is needed"):
        opened({"token": (5,)}, role="decoder", margins={"left": 3, "right": 2})


@pytest.mark.parametrize("num_steps", [1, 5, 8, 17, 64])
def test_outputs_at_another_rate_are_cropped_in_proportion(num_steps: int) -> None:
    """The network gives one output step for every four input steps."""

    class Fourth:
        inputs, outputs = ("x", "mask"), ("y",)

        def run(self, tensors: Tensors) -> dict[str, Array]:
            return {"y": tensors["x"][:, ::4]}

    inputs = [port("x", "source_frame"), port("mask", "source_frame")]
    spec = encoder_spec(inputs=inputs, outputs=[port("y", "source_frame/4")], mask="mask", role="analysis")
    network = open_with_sizes("fourth", spec, {"source_frame": (8, 64)}, lambda _: Fourth())
    x = np.arange(num_steps, dtype=np.float32)[None, :, None]
    np.testing.assert_array_equal(network.run({"x": x, "mask": np.ones_like(x)})["y"], x[:, ::4])


@pytest.mark.parametrize("sizes", [(6,), (7, 12), (40,)])
@pytest.mark.parametrize("schedule", [[1], [3, 50], [100]])
def test_a_stream_gives_the_same_with_fixed_sizes(sizes: tuple[int, ...], schedule: list[int]) -> None:
    """The network never gets more steps than its largest size, and the end of the utterance is complete."""
    free = network("decoder", "decoder", [port("x")], [port("y")], margins=(3, 2))
    lengths: set[int] = set()

    class Sized(ConvNetwork):
        def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
            lengths.add(arrays["x"].shape[1])
            return super().run(arrays)

    fixed = open_with_sizes("decoder", free.spec, {"frame": sizes}, lambda _: Sized(free.spec))
    settings = NetworkSettings(sizes={"frame": sizes})
    frames = {"x": np.random.default_rng(0).normal(size=(1, 57, 1)).astype(np.float32)}

    def streamed(one: AddonNetwork) -> Array:
        decoder = Decoder(options(), ToyAddon([one]))
        return read_all(decoder.open({}, Frames(frames).open({}, None)), schedule)["y"]

    np.testing.assert_array_equal(streamed(AddonNetwork("decoder", free.spec, fixed, settings)), streamed(free))
    assert lengths <= set(sizes)
