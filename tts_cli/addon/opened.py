"""`Addon`: an opened addon, with its networks in a context and the stack of blocks that its JSON describes.

Opening an addon executes no code from it: it reads JSON, checks the SHA-256 of every file, and loads graphs into a runtime.
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
from tts_cli.addon.library import check_file, check_files, file_hash, find_addon
from tts_cli.addon.stack_file import StackFile, read_stack
from tts_cli.audio.mel import MelConfig
from tts_cli.backends import open_network
from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.diagnostics import refuse_diagnostics
from tts_cli.blocks.features import request_wiring
from tts_cli.blocks.fixed_sizes import open_with_sizes
from tts_cli.blocks.network import AddonNetwork, AnalysisNetwork
from tts_cli.blocks.streamable import StreamableBlock, StreamableStack
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import suggest
from tts_cli.errors import AddonError, ConfigError, InputError, OutputError, StackError
from tts_cli.ports import NetworkSettings, PortSpec, Role

_SHARED: WeakValueDictionary[tuple[str, str, str], AddonNetwork] = WeakValueDictionary()
"""Open networks by (name, declaration with the SHA-256 of the files, settings). None is opened twice; each is freed with the last
addon that uses it."""
_OPENING = Lock()


StackEdit = Callable[[Sequence[Any]], Sequence[Any]]
"""Function that returns the JSON blocks of a stack, changed."""
NetworkEdit = Callable[[AddonNetwork], AddonNetwork]
"""Function that returns a network to use in place of its argument."""


@dataclass(frozen=True, eq=False)
class Addon:
    """Opened addon. It implements `blocks.parts.AddonParts` for its blocks and builds its stack.

    It is immutable; `dataclasses.replace` makes a changed copy. `open_addon` opens one.
    """

    folder: Path
    """Folder of the addon."""
    config: AddonConfig
    """Contents of its addon.json."""
    context: Context
    """Context (where networks run: backend, sizes, threads) of the addon."""
    cache: Path | None = None
    """Folder for compiled networks. None: they are compiled at every start."""
    stack: StackFile | None = None
    """Stack file that replaces the addon's own stack. None: the own stack."""
    outer: tuple[str, ...] = ()
    """Names of the addons that contain this one in their stacks, outermost first."""
    edit_stack: StackEdit | None = None
    """Edit of the JSON stack before its blocks are built. It also applies to the stacks of addons inside this one."""
    edit_network: NetworkEdit | None = None
    """Replacement of every network that a block asks for, in this addon and in addons inside its stack."""
    open_other: Callable[..., Addon] = field(default_factory=lambda: open_addon)
    """Function that opens another addon with the same context, threads and cache."""
    _inner: dict[str, Addon] = field(default_factory=dict, init=False, repr=False)
    _opened: dict[str, AddonNetwork] = field(default_factory=dict, init=False, repr=False)

    @property
    def name(self) -> str:
        """Name of the addon."""
        return self.config.name

    @property
    def sample_rate(self) -> int:
        """Sample rate of the audio, in Hz."""
        return self.config.sample_rate

    @property
    def mel(self) -> MelConfig:
        """Configuration of the mel spectrogram."""
        return self.config.mel

    @property
    def symbols(self) -> tuple[str, ...]:
        """Token symbols; the index of a symbol is its id."""
        return self.config.symbols

    @property
    def mean_log_f0(self) -> tuple[float, ...]:
        """Mean of ln(F0 in Hz) over voiced frames for each speaker; the index is the speaker id."""
        return tuple(speaker.mean_log_f0 for speaker in self.config.speakers)

    @property
    def configs(self) -> tuple[AddonConfig, ...]:
        """Configurations of this addon and of every addon inside its stack."""
        return (self.config, *(config for addon in self._inner.values() for config in addon.configs))

    def speaker_id(self, name: str) -> int:
        """Return the id of the speaker `name`. Raises InputError, which lists the speakers, if there is none of that name."""
        names = [speaker.name for speaker in self.config.speakers]
        if name not in names:
            message = f"addon '{self.name}' has no speaker '{name}'; it has: {', '.join(names) or 'none'}"
            raise InputError(message, hint=suggest(name, names) if names else "leave out the speaker")
        return names.index(name)

    def networks(self, role: Role) -> Sequence[AddonNetwork]:
        """Open every network of a role, in the order of addon.json."""
        return [self._open(name) for name, spec in self.config.networks.items() if spec.role == role]

    def network(self, role: Role, name: str | None, path: str) -> AddonNetwork:
        """Open the network `name` of a role; None: the only network of that role.

        Raises:
            StackError: There is no such network, or `name` is None and the role has several.
        """
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
        """Return the path of the asset `name`, after a check that its SHA-256 is still the one in addon.json.

        Raises:
            StackError: The addon has no such asset.
            AddonError: The file is missing or has changed.
        """
        if name not in self.config.assets:
            raise StackError(f"{path}: the addon has no asset '{name}'", hint=suggest(name, sorted(self.config.assets)))
        asset = self.config.assets[name]
        return check_file(self.folder / asset.file, asset.sha256)

    def stack_of(self, name: str, path: str) -> StreamableBlock:
        """Build the stack of another addon: one that this addon requires, or any that a stack file names.

        Args:
            name: Name of the other addon.
            path: JSON path of the calling block, for messages.

        Raises:
            StackError: The addon is missing, not required, changed since then, or contains this one; or it has another mel
                configuration or, if acoustic, other symbols or speakers.
        """
        # A stack file may contain the addon that it is opened with: inside, the addon's own stack is used, so there is no cycle.
        outer = self.outer if self.stack else (*self.outer, self.name)
        if name in outer:
            hint = "take the addon out of the stack of the last one"
            raise StackError(f"{path}: addon '{name}' contains itself: {' > '.join((*outer, name))}", hint)
        if name not in self._inner:
            opened = self.open_other(self._folder_of(name, path), outer=outer)
            self._inner[name] = replace(opened, edit_stack=self.edit_stack, edit_network=self.edit_network)
        other = self._inner[name]
        if other.mel.hash != self.mel.hash:
            hint = f"mel hashes: {other.mel.hash} and {self.mel.hash}"
            raise StackError(f"{path}: addon '{name}' has another mel configuration than '{self.name}'", hint)
        if other.config.kind == "acoustic":
            self._refuse_other_ids(other, path)
        return other.build_stack()

    def _refuse_other_ids(self, other: Addon, path: str) -> None:
        """Raise StackError unless both addons have the same symbols and speakers, and hence the same ids in a request."""
        if other.symbols != self.symbols:
            hint = "name an addon that was trained with the same symbols"
            raise StackError(f"{path}: addon '{other.name}' has other symbols than '{self.name}'", hint)
        theirs, ours = ([speaker.name for speaker in addon.config.speakers] for addon in (other, self))
        if theirs != ours:
            hint = f"speakers: {', '.join(theirs) or 'none'}; and {', '.join(ours) or 'none'}"
            raise StackError(f"{path}: addon '{other.name}' has other speakers than '{self.name}'", hint)

    def _folder_of(self, name: str, path: str) -> Path:
        """Return the folder of the addon `name`, checked to have the SHA-256 that this addon requires.

        In a user's stack file, the addon need not be required, and its hash is not checked. `path` is the place in the stack, for
        messages. Raises StackError if the addon is not required, not found, or has another hash.
        """
        hashes = {requirement.name: requirement.sha256 for requirement in self.config.requires}
        if self.stack is None and name not in hashes:
            message = f"{path}: addon '{name}' is not among those that '{self.name}' requires"
            raise StackError(message, hint=f'add it to "requires" in {ADDON_FILE}, or use a stack file')
        try:
            folder = self.folder if name == self.name else find_addon(name, near=self.folder.parent)
        except AddonError as error:
            raise StackError(f"{path}.name: {error.message}", error.hint) from error
        if self.stack is None and file_hash(folder / ADDON_FILE) != hashes[name]:
            message = f"{path}: addon '{name}' in {folder} is not the one that '{self.name}' requires"
            raise StackError(message, hint=f"install the version of '{name}' that belongs to '{self.name}'")
        return folder

    def build_stack(self) -> StreamableStack:
        """Build new blocks of the stack, not connected. Raises StackError, which names the JSON path."""
        stack, place = (self.stack.stack, self.stack.path) if self.stack else (self.config.stack, self.name)
        if not stack:
            message = f"addon '{self.name}' is of kind '{self.config.kind}', which has no stack"
            raise StackError(message, hint="name an addon of kind 'acoustic' or 'vocoder': tts addons list")
        if self.stack is None:
            refuse_diagnostics(stack, f"{place}: $.stack")
        try:
            edited = self.edit_stack(stack) if self.edit_stack else stack
            return StreamableStack(BlockOptions({"stack": list(edited)}, f"{place}: $"), self)
        except RecursionError as error:
            raise StackError(
                f"{place}: $.stack: the blocks are nested too deeply", hint="nest fewer blocks in each other"
            ) from error

    def check_stack(self) -> Wiring:
        """Build the stack, check its ports and return its output ports. Raises StackError, which names both blocks."""
        return self.connected_stack().gives or Wiring({})

    def connected_stack(self) -> StreamableStack:
        """Build new blocks of the stack and connect their ports. Raises StackError, which names both blocks."""
        stack = self.build_stack()
        stack.connect(request_wiring(), self._assumed_upstream())
        return stack

    def _assumed_upstream(self) -> Wiring:
        """Return the ports that a vocoder may read from an acoustic stack before it; none for other kinds of addon."""
        if self.config.kind != "vocoder":
            return Wiring({})
        ports = [PortSpec(name="mel", rate="frame", channels=self.mel.num_bands)]
        ports += [PortSpec(name=name, rate="frame") for name in ("log_f0", "voicing")]
        return Wiring.of(ports, "an acoustic stack")

    def _open(self, name: str) -> AddonNetwork:
        """Return the open network `name`, shared with every addon that opened the same files with the same settings."""
        spec = self.config.networks[name]
        settings = self.context.networks.get(name, NetworkSettings())
        key = (name, spec.model_dump_json(), settings.model_dump_json())
        with _OPENING:
            network = self._opened.get(name) or _SHARED.get(key)
            if network is None:
                compiled = partial(open_network, self.folder / "networks" / f"{name}.onnx", spec, settings, cache=self.cache)
                opened = open_with_sizes(name, spec, settings.sizes, compiled)
                if spec.role == "analysis":
                    opened = AnalysisNetwork(opened, spec, f"addon '{self.name}': network '{name}'")
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
    """Open an addon and check its files and its stack.

    Args:
        name: Name of the addon, or path of its folder.
        context: Name of one of the addon's contexts, or a context, which may also hold settings of other addons' networks.
        threads: Threads of every network; None: as the context has it.
        near: Folder to search for the addon first.
        cache: Folder for compiled networks; it is created if missing. None: they are compiled at every start.
        stack: JSON file with a stack to use in place of the addon's own.
        outer: Names of the addons that contain this one in their stacks.
        edit_stack: Edit of the JSON stack before its blocks are built.

    Raises:
        AddonError: The addon or the context is unknown, or a file is missing, damaged or invalid.
        ConfigError: The context cannot run on this machine or does not fit a network.
        StackError: The stack is wrong. The message names the JSON path.
        OutputError: The folder `cache` cannot be written.
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
    """Raise ConfigError if the longest sentence exceeds the sizes of a network that cannot be run in pieces."""
    for name, settings in context.networks.items():
        spec, largest = config.networks.get(name), max(settings.sizes.get("token", ()), default=context.max_tokens)
        if spec is not None and not spec.splittable and largest < context.max_tokens:
            message = (
                f"network '{name}' takes at most {largest} tokens and cannot be split, but max_tokens is {context.max_tokens}"
            )
            raise ConfigError(message, hint=f'"max_tokens": {largest}')


def _usable(cache: Path | None) -> Path | None:
    """Create the folder `cache` if it is missing, check that it is writable, and return it. Raises OutputError."""
    try:
        if cache is not None:
            cache.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=cache):
                pass
    except OSError as error:
        message = f"{cache}: cannot be used for compiled networks: {error.strerror}"
        raise OutputError(message, hint="choose a writable folder") from error
    return cache


def _context(config: AddonConfig, context: str | Context, threads: int | None) -> Context:
    """Return the named or given context, with `threads` for every network of the addon unless `threads` is None.

    An addon without a context "default" gets one with default settings. Raises AddonError for an unknown name.
    """
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
