"""Features: parts of the toolkit that add ports to a request, controls, blocks and ways to time frames.

A feature declares itself in a `Feature`, which names everything else as "module:object" and so costs nothing before it is used.
The features of this package are those that `tts_cli.FEATURES` lists; an installed package offers one through the entry-point
group `tts_cli.features`: `my_feature = "my_package:FEATURE"`. Options of commands are found on their own (`cli.expansion`), so
that the help of a command imports nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

import tts_cli
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import ConfigError, TtsError
from tts_cli.ports import PortSpec, Tensors

GROUP = "tts_cli.features"
"""Entry-point group through which installed packages offer features."""


@dataclass(frozen=True)
class RequestPort:
    """A port that a request may hold."""

    spec: PortSpec
    may_be_unread: bool = False
    """Whether a voice none of whose blocks reads the port accepts it all the same."""
    read_as: str | None = None
    """Another port; a voice whose blocks read that one accepts this one, too."""

    @property
    def name(self) -> str:
        """Name of the port."""
        return self.spec.name


@dataclass(frozen=True)
class Control(RequestPort):
    """A number of the whole utterance. A request holds it only where it is not at rest."""

    at_rest: float = 1.0
    lowest: float = 0.0
    highest: float = 1.0


@dataclass(frozen=True)
class Feature:
    """Everything that the rest of the toolkit has to know of one feature."""

    name: str
    ports: tuple[RequestPort, ...] = ()
    """Ports of a request that the feature fills, controls among them."""
    blocks: Mapping[str, str] = field(default_factory=dict)
    """Classes of blocks, "module:Class", by their type in a stack."""
    timing: str | None = None
    """A `blocks.durations.FrameTiming`, "module:Class": how given durations and frames of a source are laid out in time."""
    filler: str | None = None
    """A `voice.fillers.Filler`, "module:Class": fills the feature's ports for the sentences of a voice."""
    outcomes: Mapping[str, str] = field(default_factory=dict)
    """Types, "module:Type", of what the filler tells of a spoken sentence, by the key in a file of prosody."""
    check: Callable[[Tensors], None] | None = None
    """Raises InputError for a request (1, T, C) whose ports of this feature do not fit each other."""


def control(name: str, at_rest: float, lowest: float, highest: float) -> Control:
    """Return a control whose port has this name."""
    return Control(PortSpec(name=name, rate="utterance"), at_rest=at_rest, lowest=lowest, highest=highest)


def _token(name: str) -> RequestPort:
    return RequestPort(PortSpec(name=name, rate="token"))


VOICE = Feature(
    "voice",
    ports=(
        RequestPort(PortSpec(name="phones", rate="token", type="int64"), may_be_unread=True),
        RequestPort(PortSpec(name="token_mask", rate="token"), may_be_unread=True),
        RequestPort(PortSpec(name="speaker", rate="utterance", type="int64"), may_be_unread=True),
        RequestPort(PortSpec(name="seed", rate="utterance", type="int64"), may_be_unread=True),
        RequestPort(PortSpec(name="loudness_lufs", rate="utterance"), may_be_unread=True),
        control("length_scale", 1.0, 0.1, 10.0),
        control("pitch_shift_semitones", 0.0, -36.0, 36.0),
        control("pitch_range", 1.0, 0.0, 4.0),
        control("energy_scale", 1.0, 0.01, 100.0),
        _token("given_durations"),
        _token("given_log_f0"),
        _token("given_energy"),
        RequestPort(PortSpec(name="given_embedding", rate="utterance", channels=0), read_as="embedding"),
        RequestPort(PortSpec(name="embedding", rate="utterance", channels=0), may_be_unread=True),
    ),
)
"""Ports of every request. The first four are always there, `loudness_lufs` where the speaker's loudness was measured. Token
ports that are `given` hold NaN where the model decides; `embedding` is the given one, or else the speaker's centroid.

Ranges: `length_scale` is a factor on durations, `pitch_range` on the distance of log-F0 from the speaker's mean, `energy_scale`
on the magnitude that the decoder is asked for."""


@cache
def features() -> tuple[Feature, ...]:
    """Return every feature, that of all voices first. Raises ConfigError for one that cannot be loaded, or an ambiguous port."""
    own = [import_module(f"tts_cli.{name}.feature").FEATURE for name in tts_cli.FEATURES]
    found = (VOICE, *own, *map(_offered, entry_points(group=GROUP)))
    names = [port.name for feature in found for port in feature.ports]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f"two features fill the port '{twice}': {', '.join(feature.name for feature in found)}")
    return found


def _offered(entry: EntryPoint) -> Feature:
    named = f"feature '{entry.name}' {origin(entry)}"
    feature = loaded(entry, named, ConfigError)
    if not isinstance(feature, Feature):
        raise ConfigError(f"{named} is a {type(feature).__name__}, but a Feature belongs there")
    return feature


def origin(entry: EntryPoint) -> str:
    """Return the words that say who offers an entry point."""
    return f"by package '{entry.dist.name}'" if entry.dist else "by tts itself"


def loaded(entry: EntryPoint, named: str, refusal: type[TtsError]) -> Any:
    """Return the object of an entry point. Raise a `refusal` that begins with `named` when it cannot be loaded."""
    try:
        return entry.load()
    except (Exception, SystemExit) as error:
        raise refusal(f"{named} cannot be loaded: {type(error).__name__}: {error}", hint="--debug shows where") from error


@cache
def request_ports() -> Mapping[str, RequestPort]:
    """Return every port that a request may hold, by name; read-only."""
    return MappingProxyType({port.name: port for feature in features() for port in feature.ports})


def request_wiring() -> Wiring:
    """Return the outermost scope of a stack: everything that a request may hold."""
    return Wiring.of((port.spec for port in request_ports().values()), "request")


def optional(name: str) -> PortSpec:
    """Return the specification of a port of a request, for a block that can do without it."""
    return request_ports()[name].spec.model_copy(update={"optional": True})


def load_object(place: str) -> Any:
    """Return what stands at "module:object"."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
