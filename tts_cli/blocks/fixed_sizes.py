"""Networks compiled for fixed tensor sizes, as accelerators require: inputs are padded or split, outputs cropped and joined.

A context names the sizes; each is compiled once, when the addon opens. A run takes the smallest size that fits, pads the inputs
with the `pad` of their ports and crops the outputs. An input longer than the largest size is run in pieces that overlap by the
margins of the network, if it is `splittable`. Every output step is then computed from its whole receptive field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import product

import numpy as np

from tts_cli.backends import Network
from tts_cli.errors import ConfigError, InputError
from tts_cli.ports import Array, NetworkSpec, PortSpec, Rate, Tensors

Sizes = Mapping[Rate, int]
"""Number of input steps, by rate."""
Compile = Callable[[Sizes], Network]
"""Function that opens a network for inputs of exactly the given sizes; {} for free shapes."""
_ONE_STEP = "utterance"


def padding(port: PortSpec, num_steps: int) -> Array:
    """Return `num_steps` steps of the `pad` of `port`, (1, num_steps, channels)."""
    return np.full((1, num_steps, port.channels), port.pad, port.type)


def open_with_sizes(name: str, spec: NetworkSpec, sizes: Mapping[Rate, tuple[int, ...]], compiled: Compile) -> Network:
    """Open a network for every combination of `sizes`, or for free shapes if there are none.

    Args:
        name: Name of the network, for messages.
        spec: Declaration of the network.
        sizes: Numbers of steps to compile for, by rate.
        compiled: Function that opens the network for given sizes.

    Raises:
        ConfigError: The sizes do not cover the rates of the inputs, are too small, or the network cannot be padded.
    """
    if not sizes:
        return compiled({})
    _refuse_unusable(name, spec, sizes)
    combinations = product(*(sorted(set(sizes[rate])) for rate in sizes))
    networks = {combination: compiled(dict(zip(sizes, combination, strict=True))) for combination in combinations}
    return FixedSizeNetwork(name, spec, tuple(sizes), networks)


def _refuse_unusable(name: str, spec: NetworkSpec, sizes: Mapping[Rate, tuple[int, ...]]) -> None:
    rates = {port.rate for port in spec.inputs} - {_ONE_STEP}
    if rates != sizes.keys():
        raise ConfigError(
            f"network '{name}': sizes are given for {_listed(sizes)}, but its inputs have the rates {_listed(rates)}",
            hint='give "sizes" for exactly the rates of its inputs, or leave it out',
        )
    if spec.is_streamed:
        needed = spec.margins.total + 1
        if any(max(choices) < needed for choices in sizes.values()):
            message = f"network '{name}': a size of at least {needed} is needed to make one frame with its margins"
            raise ConfigError(message, hint=f'add a size of {needed} or more to "sizes" of the context')
    elif spec.mask is None:
        raise ConfigError(f"network '{name}' declares no mask, so it cannot be given padding", hint="leave out its sizes")


def _listed(names: Mapping[Rate, object] | set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


class FixedSizeNetwork:
    """Network compiled in several sizes. It runs inputs up to its largest size, or of any length if it is splittable.

    It implements `backends.Network`.

    Args:
        name: Name of the network, for messages.
        spec: Declaration of the network.
        rates: Rates of the inputs that have fixed sizes.
        networks: Compiled networks, by their sizes in the order of `rates`.
    """

    def __init__(
        self, name: str, spec: NetworkSpec, rates: tuple[Rate, ...], networks: Mapping[tuple[int, ...], Network]
    ) -> None:
        self.name = name
        self.spec = spec
        self.rates = rates
        self.networks = dict(sorted(networks.items()))
        self.inputs = tuple(port.name for port in spec.inputs)
        self.outputs = tuple(port.name for port in spec.outputs)
        self.padding = padding

    @property
    def largest(self) -> dict[Rate, int]:
        """Largest compiled number of steps, by rate."""
        return {rate: max(sizes[place] for sizes in self.networks) for place, rate in enumerate(self.rates)}

    def run(self, tensors: Tensors) -> dict[str, Array]:
        """Run the network, see `Network.run`. Raises InputError for an input that is too long and cannot be split."""
        lengths = {rate: self._length(rate, tensors) for rate in self.rates}
        if all(lengths[rate] <= size for rate, size in self.largest.items()):
            return self._run_padded(tensors, lengths)
        return self._run_split(tensors, lengths)

    def _length(self, rate: Rate, tensors: Tensors) -> int:
        return next(int(tensors[port.name].shape[1]) for port in self.spec.inputs if port.rate == rate)

    def _run_padded(self, tensors: Tensors, lengths: Sizes) -> dict[str, Array]:
        sizes = next(s for s in self.networks if all(lengths[rate] <= size for rate, size in zip(self.rates, s, strict=True)))
        missing = {rate: size - lengths[rate] for rate, size in zip(self.rates, sizes, strict=True)}
        padded = {port.name: self._padded(port, tensors[port.name], missing) for port in self.spec.inputs}
        outputs = self.networks[sizes].run(padded)
        return {port.name: _cropped(port, outputs[port.name], missing) for port in self.spec.outputs}

    def _padded(self, port: PortSpec, tensor: Array, missing: Sizes) -> Array:
        num_steps = missing.get(port.rate, 0)
        return np.concatenate([tensor, self.padding(port, num_steps)], axis=1) if num_steps else tensor

    def _run_split(self, tensors: Tensors, lengths: Sizes) -> dict[str, Array]:
        if not self.spec.splittable or len(self.rates) > 1:
            message = f"network '{self.name}' takes at most {self._limits()}, but is given {_counted(lengths)}"
            raise InputError(message, hint="shorten the input, or give the context a larger size")
        (rate,) = self.rates
        (length,) = lengths.values()
        pieces = [self._run_piece(tensors, rate, piece) for piece in self._pieces(length, self.largest[rate])]
        return {name: np.concatenate([piece[name] for piece in pieces], axis=1) for name in self.outputs}

    def _run_piece(self, tensors: Tensors, rate: Rate, piece: tuple[slice, slice]) -> dict[str, Array]:
        read, kept = piece
        ports = {port.name: port for port in self.spec.inputs}
        cut = {name: tensors[name][:, read] if port.rate == rate else tensors[name] for name, port in ports.items()}
        return {name: array[:, kept] for name, array in self._run_padded(cut, {rate: read.stop - read.start}).items()}

    def _pieces(self, length: int, size: int) -> Iterator[tuple[slice, slice]]:
        """Yield, for every piece, the slice of the input that it reads and the slice of its output that is kept.

        A streamed network returns no output for its margins. Any other returns an output for every input step; outputs in the
        margins are wrong where the utterance continues beyond them, and are cropped.

        Args:
            length: Steps of the whole input.
            size: Steps of the largest piece.
        """
        left, right = self.spec.margins.left, self.spec.margins.right
        if size <= left + right:
            raise InputError(
                f"network '{self.name}' takes at most {self._limits()} at once, "
                f"too few for pieces with its margins of {left + right}",
                hint="give the context a larger size, or a smaller max_tokens",
            )
        if self.spec.is_streamed:
            for start in range(0, length - left - right, size - left - right):
                yield slice(start, min(start + size, length)), slice(None)
            return
        done = 0
        while done < length:
            start = max(0, done - left)
            stop = min(start + size, length)
            end = stop if stop == length else stop - right
            yield slice(start, stop), slice(done - start, end - start)
            done = end

    def _limits(self) -> str:
        return _counted(self.largest)


def _counted(lengths: Sizes) -> str:
    return " and ".join(f"{length} {rate}s" for rate, length in lengths.items())


def _cropped(port: PortSpec, output: Array, missing: Sizes) -> Array:
    """Return `output` without the steps that correspond to padding of `missing` input steps, by rate."""
    for rate, num_steps in missing.items():
        base, denominator = _parts(rate)
        own_base, own_denominator = _parts(port.rate)
        if base == own_base:
            return output[:, : output.shape[1] - int(num_steps * Fraction(denominator, own_denominator))]
    return output


def _parts(rate: Rate) -> tuple[str, int]:
    base, _, denominator = rate.partition("/")
    return base, int(denominator or 1)
