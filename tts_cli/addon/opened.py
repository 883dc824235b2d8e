"""An opened addon: its networks in a context, and the stack of blocks that its JSON describes.

Opening executes nothing that comes with the addon: it reads JSON, checks every file's SHA-256, and hands graphs to a runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from tts_cli.addon.config import ADDON_FILE, AddonConfig, Context, read_addon_config
from tts_cli.addon.library import check_files, file_hash, find_addon
from tts_cli.addon.stack_file import StackFile, read_stack
from tts_cli.audio.mel import MelConfig
from tts_cli.backends import open_network
from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.features import request_wiring
from tts_cli.blocks.fixed_sizes import open_with_sizes
from tts_cli.blocks.network import AddonNetwork
from tts_cli.blocks.streamable import StreamableBlock, StreamableStack
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import suggest
from tts_cli.errors import AddonError, ConfigError, InputError, OutputError, StackError
from tts_cli.ports import NetworkSettings, PortSpec, Role

_SHARED: WeakValueDictionary[tuple[str, str, str], AddonNetwork] = WeakValueDictionary()
"""Every network that is open, by its name, declaration (with the SHA-256 of its files) and settings; none is opened twice, and
each is freed with the last addon that uses it."""
_OPENING = Lock()


StackEdit = Callable[[Sequence[Any]], Sequence[Any]]
"""Return the JSON of a stack, changed."""
NetworkEdit = Callable[[AddonNetwork], AddonNetwork]
"""Return a network that stands for another one."""


@dataclass(frozen=True, eq=False)
class Addon:
    """An opened addon: what its blocks ask for (see `blocks.parts.AddonParts`), and the blocks themselves.

    It never changes; `dataclasses.replace` makes another one with something changed.
    """

    folder: Path
    config: AddonConfig
    context: Context
    cache: Path | None = None
    """Folder for compiled networks; None: each start compiles anew."""
    stack: StackFile | None = None
    """A file whose stack stands for the addon's own."""
    outer: tuple[str, ...] = ()
    """Names of the addons in whose stacks this one stands."""
    edit_stack: StackEdit | None = None
    """Change of the stack before its blocks are built, and of the stacks of other addons that stand in it."""
    edit_network: NetworkEdit | None = None
    """Change of every network that a block asks for, here and in other addons whose stacks stand in this one's."""
    open_other: Callable[..., Addon] = field(default_factory=lambda: open_addon)
    """Opens another addon as this one was opened."""
    _inner: dict[str, Addon] = field(default_factory=dict, init=False, repr=False)
    _opened: dict[str, AddonNetwork] = field(default_factory=dict, init=False, repr=False)

    @property
    def name(self) -> str:
        """Name of the addon."""
        return self.config.name

    @property
    def sample_rate(self) -> int:
        """Of the audio, in Hertz."""
        return self.config.sample_rate

    @property
    def mel(self) -> MelConfig:
        """What a mel frame means here."""
        return self.config.mel

    @property
    def symbols(self) -> tuple[str, ...]:
        """Tokens by id."""
        return self.config.symbols

    @property
    def mean_log_f0(self) -> tuple[float, ...]:
        """Mean natural-log F0 in Hertz of each speaker, by id."""
        return tuple(speaker.mean_log_f0 for speaker in self.config.speakers)

    @property
    def configs(self) -> tuple[AddonConfig, ...]:
        """Of this addon, and of those whose stacks stand in its own."""
        return (self.config, *(config for addon in self._inner.values() for config in addon.configs))

    def speaker_id(self, name: str) -> int:
        """Raises InputError that lists the speakers."""
        names = [speaker.name for speaker in self.config.speakers]
        if name not in names:
            raise InputError(f"addon '{self.name}' has no speaker '{name}'; it has: {', '.join(names) or 'none'}")
        return names.index(name)

    def networks(self, role: Role) -> Sequence[AddonNetwork]:
        """Every network of a role, opened, in the order of addon.json."""
        return [self._open(name) for name, spec in self.config.networks.items() if spec.role == role]

    def network(self, role: Role, name: str | None, path: str) -> AddonNetwork:
        """The network called `name`, or the only one of its role. Raises StackError when there is none, or a choice to make."""
        names = [other for other, spec in self.config.networks.items() if spec.role == role]
        if name is None and len(names) != 1:
            found = f"has several: {', '.join(names)}" if names else "has none"
            hint = 'choose one with "network": NAME' if names else None
            raise StackError(f"{path}: needs a network of role '{role}', of which the addon {found}", hint)
        if name is not None and name not in names:
            message = f"{path}.network: the addon has no network '{name}' of role '{role}'"
            raise StackError(message, hint=suggest(name, names) if names else None)
        return self._open(name or names[0])

    def asset(self, name: str, path: str) -> Path:
        """The file of an asset. Raises StackError when the addon has none of that name."""
        if name not in self.config.assets:
            raise StackError(f"{path}: the addon has no asset '{name}'", hint=suggest(name, sorted(self.config.assets)))
        return self.folder / self.config.assets[name].file

    def stack_of(self, name: str, path: str) -> StreamableBlock:
        """The stack of another addon: one that this addon requires, or any that a stack file names.

        Raises StackError when it is neither, has changed, contains this one, or means another thing by a mel frame, a token's or
        a speaker's number.
        """
        # A stack file may use the stack of the addon for whose own it stands: that is no circle.
        outer = self.outer if self.stack else (*self.outer, self.name)
        if name in outer:
            raise StackError(f"{path}: addon '{name}' stands in itself: {' > '.join((*outer, name))}")
        if name not in self._inner:
            opened = self.open_other(self._folder_of(name, path), outer=outer)
            self._inner[name] = replace(opened, edit_stack=self.edit_stack, edit_network=self.edit_network)
        other = self._inner[name]
        if other.mel.hash != self.mel.hash:
            hint = f"mel hashes: {other.mel.hash} and {self.mel.hash}"
            raise StackError(f"{path}: addon '{name}' has another mel than '{self.name}'", hint)
        if other.config.kind == "acoustic":
            self._refuse_other_numbers(other, path)
        return other.build_stack()

    def _refuse_other_numbers(self, other: Addon, path: str) -> None:
        """Raises StackError unless the tokens and speakers of a request mean the same to both addons."""
        if other.symbols != self.symbols:
            raise StackError(f"{path}: addon '{other.name}' has other symbols than '{self.name}'")
        theirs, ours = ([speaker.name for speaker in addon.config.speakers] for addon in (other, self))
        if theirs != ours:
            hint = f"speakers: {', '.join(theirs) or 'none'}; and {', '.join(ours) or 'none'}"
            raise StackError(f"{path}: addon '{other.name}' has other speakers than '{self.name}'", hint)

    def _folder_of(self, name: str, path: str) -> Path:
        """Where the addon is. Only the user's own stack may name one that is not required, which goes by no hash."""
        hashes = {requirement.name: requirement.sha256 for requirement in self.config.requires}
        if self.stack is None and name not in hashes:
            raise StackError(f"{path}: addon '{name}' is not among those that '{self.name}' requires")
        try:
            folder = self.folder if name == self.name else find_addon(name, near=self.folder.parent)
        except AddonError as error:
            raise StackError(f"{path}.name: {error.message}", error.hint) from error
        if self.stack is None and file_hash(folder / ADDON_FILE) != hashes[name]:
            raise StackError(f"{path}: addon '{name}' in {folder} is not the one that '{self.name}' requires")
        return folder

    def build_stack(self) -> StreamableStack:
        """The blocks of `stack`, newly built. Raises StackError with the JSON path of what is wrong."""
        stack, place = (self.stack.stack, self.stack.path) if self.stack else (self.config.stack, self.name)
        if not stack:
            raise StackError(f"addon '{self.name}' is of kind '{self.config.kind}', which has no stack")
        try:
            edited = self.edit_stack(stack) if self.edit_stack else stack
            return StreamableStack(BlockOptions({"stack": list(edited)}, f"{place}: $"), self)
        except RecursionError as error:
            raise StackError(f"{place}: $.stack: the blocks are nested too deeply") from error

    def check_stack(self) -> Wiring:
        """Builds the stack and checks its ports; gives its stream ports. Raises StackError naming both sides and the path."""
        return self.connected_stack().gives or Wiring({})

    def connected_stack(self) -> StreamableStack:
        """The blocks, newly built, their ports connected. Raises StackError naming both sides and the path."""
        stack = self.build_stack()
        stack.connect(request_wiring(), self._assumed_upstream())
        return stack

    def _assumed_upstream(self) -> Wiring:
        """What a vocoder may count on from the acoustic stack before it."""
        if self.config.kind != "vocoder":
            return Wiring({})
        ports = [PortSpec(name="mel", rate="frame", channels=self.mel.num_bands)]
        ports += [PortSpec(name=name, rate="frame") for name in ("log_f0", "voicing")]
        return Wiring.of(ports, "an acoustic stack")

    def _open(self, name: str) -> AddonNetwork:
        """The network, shared with every addon that has the same one open with the same settings."""
        spec = self.config.networks[name]
        settings = self.context.networks.get(name, NetworkSettings())
        key = (name, spec.model_dump_json(), settings.model_dump_json())
        with _OPENING:
            network = self._opened.get(name) or _SHARED.get(key)
            if network is None:
                compiled = partial(open_network, self.folder / "networks" / f"{name}.onnx", spec, settings, cache=self.cache)
                opened = open_with_sizes(name, spec, settings.sizes, compiled)
                network = _SHARED[key] = AddonNetwork(name, spec, opened, settings)
            self._opened[name] = network
        return self.edit_network(network) if self.edit_network else network


def open_addon(
    name: str | Path,
    context: str | Context = "default",
    threads: int | None = None,
    near: Path | None = None,
    cache: Path | None = None,
    stack: Path | None = None,
    outer: tuple[str, ...] = (),
    edit_stack: StackEdit | None = None,
) -> Addon:
    """The addon called `name`, or in the folder `name`, checked through and through.

    `context` is one of the addon's, or one that may speak of networks of other addons too; `threads`, where given, is used by
    every network in place of what the context says; `cache` is a folder for compiled networks; `stack` a file whose stack stands
    for the addon's own; `outer` names the addons in whose stacks this one stands; `edit_stack` changes the stack before its
    blocks are built. Raises AddonError, ConfigError for what cannot run here, or StackError with the JSON path.
    """
    folder = find_addon(name, near)
    config = read_addon_config(folder)
    check_files(folder, config)
    chosen = _context(config, context, threads)
    _refuse_sentences_too_long(config, chosen)
    open_other = partial(open_addon, context=context, threads=threads, cache=cache)
    chosen_stack = read_stack(stack) if stack else None
    addon = Addon(folder, config, chosen, _usable(cache), chosen_stack, outer, edit_stack, open_other=open_other)
    if addon.stack or config.stack:
        addon.check_stack()
    return addon


def _refuse_sentences_too_long(config: AddonConfig, context: Context) -> None:
    """Raises ConfigError where a network can neither hold the longest sentence at once nor be run in pieces."""
    for name, settings in context.networks.items():
        spec, largest = config.networks.get(name), max(settings.sizes.get("token", ()), default=context.max_tokens)
        if spec is not None and not spec.splittable and largest < context.max_tokens:
            message = (
                f"network '{name}' takes at most {largest} tokens and cannot be split, but max_tokens is {context.max_tokens}"
            )
            raise ConfigError(message, hint=f'"max_tokens": {largest}')


def _usable(cache: Path | None) -> Path | None:
    """The folder, made if need be. Raises OutputError."""
    try:
        if cache is not None:
            cache.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=cache):
                pass
    except OSError as error:
        raise OutputError(f"{cache}: cannot be used for compiled networks: {error.strerror}") from error
    return cache


def _context(config: AddonConfig, context: str | Context, threads: int | None) -> Context:
    """The context called so, or as given; an addon without any has a default one."""
    contexts = {"default": Context(), **config.contexts}
    if isinstance(context, str):
        if context not in contexts:
            hint = f"{suggest(context, sorted(contexts))} (or give a JSON file)"
            raise AddonError(f"addon '{config.name}' has no context '{context}'", hint=hint)
        context = contexts[context]
    if threads is None:
        return context
    changed: dict[str, Any] = {}
    for network in config.networks:
        settings = context.networks.get(network, NetworkSettings())
        changed[network] = settings.model_copy(update={"threads": threads})
    return context.model_copy(update={"networks": changed})
