"""Views of an instantiated stack: its blocks and networks, their ports, and the work that each does.

`tts stack show` prints them. Speaking does not need this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from tts_cli.addon.config import context_of, read_addon_config
from tts_cli.addon.library import find_addon
from tts_cli.addon.opened import open_addon
from tts_cli.blocks.block import Block, Nests
from tts_cli.blocks.latency import Latency, first_chunk_latency
from tts_cli.blocks.network import AddonNetwork
from tts_cli.blocks.sequence import SequenceBlock
from tts_cli.blocks.streamable import StreamableBlock
from tts_cli.config import StrictModel
from tts_cli.errors import AddonError
from tts_cli.ports import NetworkSettings, NetworkSpec, PortSpec
from tts_cli.voice.synthesis import load

Kind = TypeVar("Kind")


class NetworkView(StrictModel):
    """View of one network: its specification, its settings, and the division of work between network and block."""

    name: str
    spec: NetworkSpec
    settings: NetworkSettings
    network_work: tuple[str, ...]
    """Sentences on the work that the network does itself."""
    layer_work: tuple[str, ...]
    """Sentences on the work that the layer around the network does: state, margins, padding, splitting."""


class ReadPort(StrictModel):
    """Port that a block reads."""

    port: PortSpec
    given_by: str
    """JSON path of the block that gives the port."""


class BlockView(StrictModel):
    """View of one block at its place in a stack."""

    type: str
    path: str
    kind: Literal["sequence", "streamable"]
    options: dict[str, Any]
    """Options that the JSON of the block sets, without nested blocks."""
    reads: tuple[ReadPort, ...]
    gives: tuple[PortSpec, ...]
    lookahead_ms: float
    """Look-ahead in ms: audio that must exist beyond a step before the block can give that step. Nested blocks add up."""
    networks: tuple[NetworkView, ...]
    blocks: tuple[BlockView, ...]
    """Nested blocks."""


class StackView(StrictModel):
    """View of a whole stack."""

    addons: tuple[str, ...]
    """Names of the addons of which the stack joins the stacks, in order."""
    context: str
    sample_rate: int
    """Sample rate of the audio in Hz."""
    latency: Latency | None
    """Latency of the first chunk; None for a stack that gives no audio."""
    stack: BlockView


def view_stack(
    name: str | Path, vocoder: str | Path | None = None, context: str | Path = "default", stack: Path | None = None
) -> StackView:
    """Return a view of the stack of an addon. For an acoustic addon with a vocoder it is the stack of the whole voice.

    Args:
        name: Name or path of the addon.
        vocoder: Name or path of a vocoder for an acoustic addon; None takes the one that the addon names, if any.
        context: Name of a context, or path of a JSON file.
        stack: File with a stack that replaces the addon's own.

    Raises:
        AddonError: An addon is missing, damaged, or of a kind that takes no vocoder.
        ConfigError: The context is invalid or cannot run on this machine.
        StackError: The stack is invalid; the message begins with the JSON path of the block.
    """
    config = read_addon_config(find_addon(name))
    if vocoder and config.kind != "acoustic":
        raise AddonError(f"addon '{config.name}' is of kind '{config.kind}', which takes no vocoder", hint="leave out --vocoder")
    if config.kind == "acoustic" and (vocoder or config.default_vocoder):
        voice = load(name, vocoder, context, stack=stack)
        addons = [addon.name for addon in (voice.acoustic, voice.vocoder) if addon]
        return _view(addons, context, voice.sample_rate, voice.stack, voice.latency)
    addon = open_addon(name, context_of(context), stack=stack)
    blocks = addon.connected_stack()
    chunk_samples = addon.context.chunks.first * addon.mel.hop_samples
    latency = first_chunk_latency(blocks, chunk_samples) if "audio" in (blocks.gives or {}) else None
    return _view([addon.name], context, addon.sample_rate, blocks, latency)


def _view(addons: list[str], context: str | Path, sample_rate: int, stack: StreamableBlock, latency: Latency | None) -> StackView:
    lookahead_ms = {part.path: part.lookahead_ms for part in latency.blocks} if latency else {}
    view = _view_block(stack, lookahead_ms)
    return StackView(addons=tuple(addons), context=str(context), sample_rate=sample_rate, latency=latency, stack=view)


def _view_block(block: Block, lookahead_ms: Mapping[str, float]) -> BlockView:
    """Return the view of a connected block with its nested blocks. `lookahead_ms` holds look-ahead by JSON path."""
    inner = tuple(_view_block(inner, lookahead_ms) for inner in _inside(block, Block))
    return BlockView(
        type=block.type,
        path=block.path,
        kind="sequence" if isinstance(block, SequenceBlock) else "streamable",
        options=_own_options(block.options),
        reads=tuple(ReadPort(port=source.port, given_by=source.path) for source in block.reads),
        gives=tuple(source.port for source in (block.gives or {}).values()),
        lookahead_ms=lookahead_ms.get(block.path, 0.0) + sum(other.lookahead_ms for other in inner),
        networks=tuple(_view_network(network) for network in _inside(block, AddonNetwork)),
        blocks=inner,
    )


def _inside(block: Block, kind: type[Kind]) -> Iterator[Kind]:
    """Yield the objects of a kind among the attributes of a block, and in lists, tuples and dictionaries there, each once."""
    seen = set()
    for value in vars(block).values():
        for item in value if isinstance(value, list | tuple) else value.values() if isinstance(value, dict) else [value]:
            if isinstance(item, kind) and id(item) not in seen:
                seen.add(id(item))
                yield item


def _own_options(options: StrictModel) -> dict[str, Any]:
    fields = type(options).model_fields
    nesting = {name for name, field in fields.items() if any(isinstance(item, Nests) for item in field.metadata)}
    return options.model_dump(mode="json", exclude_unset=True, exclude=nesting)


def _view_network(network: AddonNetwork) -> NetworkView:
    spec, settings = network.spec, network.settings
    return NetworkView(
        name=network.name,
        spec=spec,
        settings=settings,
        network_work=tuple(_network_work(spec)),
        layer_work=tuple(_layer_work(spec, settings)),
    )


def _network_work(spec: NetworkSpec) -> Iterator[str]:
    margins, rate = spec.margins, spec.outputs[0].rate
    if spec.mask:
        yield f"ignores steps outside of {spec.mask}"
    if spec.is_streamed:
        yield f"makes a {rate} from the {margins.left} before it, itself and the {margins.right} after it"
    elif spec.role == "step":
        yield "makes one step from its state"
    elif margins.total:
        yield f"looks at no more than {margins.left} steps before and {margins.right} after each"


def _layer_work(spec: NetworkSpec, settings: NetworkSettings) -> Iterator[str]:
    margins, rate = spec.margins, spec.outputs[0].rate
    if spec.when:
        yield f"runs it where the request gives {spec.when}, else takes the outputs' defaults"
    if spec.role == "step":
        given = {port.name for port in spec.outputs}
        yield f"carries its state: {_listed(port.name for port in spec.inputs if port.name in given)}"
    if spec.is_streamed:
        yield f"feeds margins of {margins.left}+{margins.right} {rate}s"
    elif not settings.sizes:
        yield "gives the whole utterance in its own length"
    for sized, sizes in settings.sizes.items():
        yield f"picks the smallest of {_listed(sorted(sizes))} {sized}s, pads, crops"
        if spec.is_streamed:
            yield f"reads {max(sizes) - margins.total} {sized}s at once at most"
        elif spec.splittable:
            yield f"splits longer input exactly ({margins.left}+{margins.right} {sized}s overlap)"
        else:
            yield "refuses longer input"


def _listed(items: Iterable[object]) -> str:
    return ", ".join(map(str, items))
