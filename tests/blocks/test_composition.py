"""Building, connecting and refusing stacks; scopes and shadowing of ports."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from toys import (
    ARTICLE_STACK,
    PHONES,
    Constant,
    Frames,
    RunningMean,
    Sum,
    Through,
    ToyAddon,
    acoustic_networks,
    encoder,
    network,
    options,
    port,
    read_all,
)

from tts_cli.blocks.block import Block
from tts_cli.blocks.encoders import Encoders
from tts_cli.blocks.features import request_wiring
from tts_cli.blocks.pipeline import StreamablePipeline
from tts_cli.blocks.registry import known_types
from tts_cli.blocks.sequence import SequenceBlock, SequenceBlockContainer
from tts_cli.blocks.streamable import StreamableBlock, StreamableStack
from tts_cli.blocks.upsampler import Upsampler
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import InputError, StackError
from tts_cli.voice.request import Request

SCOPE = dict(Request(np.array([1, 4, 5, 3])))


def test_the_article_s_stack_loads_as_it_stands() -> None:
    stack = StreamableStack(options(**json.loads(json.dumps(ARTICLE_STACK))), ToyAddon(acoustic_networks()))
    given = stack.connect(request_wiring(), Wiring({}))
    assert {name: source.port.rate for name, source in given.items()} == {"mel": "frame", "log_f0": "frame", "voicing": "frame"}
    pipeline = stack.blocks[0]
    assert isinstance(pipeline, StreamablePipeline)
    assert isinstance(pipeline.sequence_block, Encoders)
    assert pipeline.streamable_block.path == "toy: $.stack[0].streamable_block"


def built(stack: Any, addon: ToyAddon | None = None) -> StreamableStack:
    made = StreamableStack(options(stack=stack), addon or ToyAddon(acoustic_networks()))
    made.connect(request_wiring(), Wiring({}))
    return made


ENCODERS = {"type": "Encoders"}
UPSAMPLER = {"type": "Upsampler"}


@pytest.mark.parametrize(
    ("stack", "message"),
    [
        ([{"type": "Upsamplr"}], r"\$\.stack\[0\]: unknown block type 'Upsamplr'; known: .*Decoder.*Upsampler"),
        ([], r"\$\.stack: at least one StreamableBlock"),
        ([ENCODERS], r"\$\.stack\[0\]: Encoders is not a StreamableBlock"),
        ([{"network": "decoder"}], r"\$\.stack\[0\]: a block is an object with a \"type\""),
        (["Encoders"], r"\$\.stack\[0\]: a block is an object"),
        ([{"type": "Decoder", "netwrok": "x"}], r"\$\.stack\[0\]: unknown key 'netwrok'"),
        ([{"type": "Upsampler", "network": "x"}], r"\$\.stack\[0\]: unknown key 'network'"),
        ([{"type": "Decoder", "network": "nope"}], r"\$\.stack\[0\]\.network: .*nope"),
        ([{"type": "StreamablePipeline", "sequence_block": ENCODERS}], r"\$\.stack\[0\]: 'streamable_block'"),
        (
            [{"type": "StreamablePipeline", "sequence_block": [ENCODERS, ENCODERS], "streamable_block": UPSAMPLER}],
            r"\$\.stack\[0\]\.sequence_block: exactly one SequenceBlock belongs here, not a list of 2",
        ),
        (
            [{"type": "StreamablePipeline", "sequence_block": ENCODERS, "streamable_block": ENCODERS}],
            r"\$\.stack\[0\]\.streamable_block: Encoders is not a StreamableBlock",
        ),
        (
            [{"type": "Decoder"}],
            r"\$\.stack\[0\] needs 'text' \(frame rate, 4 channels, float32\), which nothing before it gives",
        ),
    ],
)
def test_stacks_that_are_refused(stack: Any, message: str) -> None:
    with pytest.raises(StackError, match=message):
        built(stack)


def test_a_mismatch_names_both_sides() -> None:
    networks = acoustic_networks()
    networks[0] = encoder("text_encoder", port("text", "token", 5))
    with pytest.raises(StackError) as caught:
        built(ARTICLE_STACK["stack"], ToyAddon(networks))
    assert "$.stack[0].streamable_block.stack[1] needs 'text' (frame rate, 4 channels, float32)" in str(caught.value)
    assert "$.stack[0].streamable_block.stack[0] gives 'text' (frame rate, 5 channels, float32)" in str(caught.value)


def test_an_addon_without_encoders_is_refused() -> None:
    with pytest.raises(StackError, match="no network of role 'encoder'"):
        Encoders(options(), ToyAddon())


def test_a_name_has_one_producer_in_a_scope() -> None:
    twice = ToyAddon([encoder("a", port("text", "token")), encoder("b", port("text", "token"))])
    with pytest.raises(StackError, match=r"'b'\) gives 'text', which .*'a'\) gives already"):
        Encoders(options(), twice).connect(request_wiring())
    container = SequenceBlockContainer(options(blocks=[Constant("x"), Constant("x", path="toy: other")]), ToyAddon())
    with pytest.raises(StackError, match="toy: other gives 'x', which toy: constant gives already"):
        container.connect(request_wiring())


def test_a_container_runs_in_order_and_gives_all() -> None:
    blocks = [Constant("a", 1), Constant("b", 2), Sum("c", "a", "b"), Sum("d", "c", "b")]
    container = SequenceBlockContainer(options(blocks=blocks), ToyAddon())
    assert set(container.connect(request_wiring())) == {"a", "b", "c", "d"}
    assert {name: array[0, 0, 0] for name, array in container.run(SCOPE).items()} == {"a": 1, "b": 2, "c": 3, "d": 5}
    late = SequenceBlockContainer(options(blocks=[Sum("c", "a"), Constant("a")]), ToyAddon())
    with pytest.raises(StackError, match=r"toy: sum needs 'a'"):
        late.connect(request_wiring())


def pipeline(sequence_block: SequenceBlock, streamable_block: StreamableBlock) -> StreamablePipeline:
    return StreamablePipeline(options(sequence_block=sequence_block, streamable_block=streamable_block), ToyAddon())


def test_an_inner_scope_shadows_the_outer_one() -> None:
    outer = SequenceBlockContainer(options(blocks=[Constant("a", 1), Constant("log_duration", 1)]), ToyAddon())
    inner = pipeline(
        SequenceBlockContainer(options(blocks=[Sum("b", "a"), Constant("a", 5)]), ToyAddon()), Upsampler(options(), ToyAddon())
    )
    both = pipeline(outer, StreamableStack(options(stack=[inner]), ToyAddon()))
    assert set(both.connect(request_wiring(), Wiring({}))) == {"a", "b", "phone_position"}
    frames = read_all(both.open(SCOPE, None), [7])
    assert set(np.unique(frames["a"])) == {5}
    assert set(np.unique(frames["b"])) == {1}


def test_a_nested_pipeline_passes_its_upstream_on() -> None:
    frames = Frames({"x": np.arange(9, dtype=np.float32).reshape(1, 9, 1)})
    nested = pipeline(Constant("a"), Through(RunningMean))
    whole = StreamableStack(options(stack=[frames, nested]), ToyAddon())
    assert set(whole.connect(request_wiring(), Wiring({}))) == {"x"}
    stream = whole.open(SCOPE, None)
    assert "a" in stream.values
    np.testing.assert_allclose(read_all(stream, [2])["x"][0, :, 0], np.arange(9) / 2)


def test_an_addon_stands_for_its_stack() -> None:
    frames = Frames({"x": np.zeros((1, 9, 1), np.float32)})
    addon = ToyAddon(stacks={"other": Through(RunningMean)})
    whole = StreamableStack(options(stack=[frames, {"type": "Addon", "name": "other"}]), addon)
    whole.connect(request_wiring(), Wiring({}))
    assert read_all(whole.open({}, None), [4])["x"].shape == (1, 9, 1)


def test_a_network_that_waits_for_a_port_gives_its_default_without_it() -> None:
    source = port("given_energy", "token")
    conditional = network("style", "encoder", [PHONES, source], [port("style", "token", 3, default=0.25)], when="given_energy")
    encoders = Encoders(options(), ToyAddon([conditional]))
    encoders.connect(request_wiring())
    np.testing.assert_array_equal(encoders.run(SCOPE)["style"], np.full((1, 4, 3), 0.25, np.float32))
    given = dict(Request(SCOPE["phones"].ravel(), given_energy=np.ones(4, np.float32)))
    assert not np.allclose(encoders.run(given)["style"], 0.25)


def test_what_the_request_lacks_is_named() -> None:
    needy = Encoders(
        options(), ToyAddon([network("style", "encoder", [port("given_energy", "token")], [port("style", "token")])])
    )
    needy.connect(request_wiring())
    with pytest.raises(InputError, match="network 'style' needs 'given_energy'"):
        needy.run(SCOPE)


def test_every_built_in_type_is_known_and_loads() -> None:
    from tts_cli.blocks.registry import BUILT_IN, block_class

    assert set(BUILT_IN) <= set(known_types())
    assert all(issubclass(block_class(name, "$"), Block) for name in BUILT_IN)
