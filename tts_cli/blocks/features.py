"""Features: optional parts of the toolkit that add request ports, controls, blocks and frame timing. Declaration and lookup.

A `Feature` names its classes as "module:object", so that nothing is imported before its use. `tts_cli.FEATURES` lists the
features of this package. An installed package registers one in the entry-point group `tts_cli.features`:
`my_feature = "my_package:FEATURE"`. Command options are registered separately (`cli.expansion`), so that the help of a command
imports nothing else.
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
"""Entry-point group for features of installed packages."""


@dataclass(frozen=True)
class RequestPort:
    """Port that a request may hold."""

    spec: PortSpec
    may_be_unread: bool = False
    """True: a voice accepts the port even if none of its blocks reads it. False: such a voice refuses it."""
    read_as: str | None = None
    """Name of another port. A voice with a block that reads that port accepts this one, too."""

    @property
    def name(self) -> str:
        """Name of the port."""
        return self.spec.name


@dataclass(frozen=True)
class Control(RequestPort):
    """Port for a single number that applies to the whole utterance. A request holds it only if it differs from `at_rest`."""

    at_rest: float = 1.0
    """Value without effect."""
    lowest: float = 0.0
    """Smallest valid value."""
    highest: float = 1.0
    """Largest valid value."""


@dataclass(frozen=True)
class Feature:
    """Declaration of a feature: its request ports, blocks and hooks.

    A feature with one control, read by a block of its own:

        FEATURE = Feature(
            "whisper",
            ports=(control("breathiness", at_rest=0.0, lowest=0.0, highest=1.0),),
            blocks={"Whisper": "my_package.whisper:Whisper"},
        )
    """

    name: str
    """Name for messages."""
    ports: tuple[RequestPort, ...] = ()
    """Request ports that the feature fills, with its controls."""
    blocks: Mapping[str, str] = field(default_factory=dict)
    """Places "module:Class" of its blocks, by type name in a stack."""
    timing: str | None = None
    """Place "module:Class" of a `blocks.durations.FrameTiming`, which weighs given durations and adds ports at frame rate."""
    filler: str | None = None
    """Place "module:Class" of a `voice.fillers.Filler`, which fills the feature's ports for each sentence."""
    outcomes: Mapping[str, str] = field(default_factory=dict)
    """Places "module:Type" of the results that the filler reports for a spoken sentence, by their key in a prosody file."""
    senses: str | None = None
    """Place "module:function" of a function that returns a classifier of homographs (`text.homographs.WordSenses`), or None if it
    has none."""
    check: Callable[[Tensors], None] | None = None
    """Function that raises InputError if the ports of this feature in a request, (1, T, C) each, do not fit together."""


def control(name: str, at_rest: float, lowest: float, highest: float) -> Control:
    """Return the declaration of a control.

    Args:
        name: Name of its port.
        at_rest: Value without effect.
        lowest: Smallest valid value.
        highest: Largest valid value.
    """
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
"""Request ports of every voice. The first four are always present, `loudness_lufs` if the speaker's loudness was measured. Token
ports `given_...` prescribe prosody and hold NaN where the model decides. `embedding` is the given embedding, or else the centroid
of the speaker's embeddings.

Controls: `length_scale` multiplies durations, `pitch_range` the distance of log-F0 from the speaker's mean, `energy_scale` the
magnitude that the decoder is given."""


@cache
def features() -> tuple[Feature, ...]:
    """Return every feature: `VOICE`, those of this package, those of installed packages.

    Raises:
        ConfigError: A feature cannot be loaded, or two features declare the same port.
    """
    own = [import_module(f"tts_cli.{name}.feature").FEATURE for name in tts_cli.FEATURES]
    found = (VOICE, *own, *map(_offered, entry_points(group=GROUP)))
    names = [port.name for feature in found for port in feature.ports]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        owners = ", ".join(feature.name for feature in found if twice in [port.name for port in feature.ports])
        raise ConfigError(f"two features fill the port '{twice}': {owners}", hint="uninstall the package of one of them")
    return found


def _offered(entry: EntryPoint) -> Feature:
    named = f"feature '{entry.name}' {origin(entry)}"
    feature = loaded(entry, named, ConfigError)
    if not isinstance(feature, Feature):
        message = f"{named} is a {type(feature).__name__}, but a Feature belongs there"
        raise ConfigError(message, hint="mend the entry point of its package, or uninstall it")
    return feature


def origin(entry: EntryPoint) -> str:
    """Return the words that say who offers an entry point."""
    return f"by package '{entry.dist.name}'" if entry.dist else "by tts itself"


def loaded(entry: EntryPoint, named: str, refusal: type[TtsError]) -> Any:
    """Return the object of an entry point. Raise a `refusal` that begins with `named` when it cannot be loaded."""
    try:
        return entry.load()
    except (MemoryError, RecursionError):
        raise
    except (Exception, SystemExit) as error:
        raise refusal(f"{named} cannot be loaded: {type(error).__name__}: {error}", hint="--debug shows the traceback") from error


@cache
def request_ports() -> Mapping[str, RequestPort]:
    """Return every port that a request may hold, by name; read-only."""
    return MappingProxyType({port.name: port for feature in features() for port in feature.ports})


def request_wiring() -> Wiring:
    """Return the outermost scope of a stack: all ports that a request may hold."""
    return Wiring.of((port.spec for port in request_ports().values()), "request")


def optional(name: str) -> PortSpec:
    """Return the request port `name` as an optional input, for a block that can run without it."""
    return request_ports()[name].spec.model_copy(update={"optional": True})


@cache
def load_object(place: str) -> Any:
    """Import and return the object at `place`, "module:object"."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
