"""Receptive field of a network, measured by gradients from output frames to input frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from tts_cli.models.parts import ExportPart
from tts_cli.ports import STREAMED_ROLES, Margins

_NUM_FRAMES = (384, 512)

Draw = Callable[[tuple[int, int, int]], Tensor]
"""Function that draws a random tensor of a shape."""


def find_margins(part: ExportPart) -> Margins:
    """Measure the margins of a network: input steps that it reads before and after each output step.

    Networks that need the whole utterance at once have none.

    Raises:
        ValueError: An output of a decoder or vocoder is not as long as the input less both margins (or a multiple), or its
            receptive field differs from that; or a splittable network of another role has no finite receptive field.
    """
    if part.role not in STREAMED_ROLES:
        return _padded_margins(part) if part.splittable else Margins()
    total = _dropped_frames(part)
    for frame, (first, last) in _reach(part, total).items():
        if (first, last) != (frame, frame + total):
            raise ValueError(
                f"network '{part.name}' returns {total} frames fewer than it takes, but its output frame {frame} depends on the "
                f"input frames {first} to {last}, not {frame} to {frame + total}"
            )
    if part.lookahead is None and total % 2:
        raise ValueError(
            f"network '{part.name}' reads an even number of frames ({total + 1}) for each output frame: "
            "set `lookahead` of its ExportPart"
        )
    right = total // 2 if part.lookahead is None else part.lookahead
    return Margins(left=total - right, right=right)


def _padded_margins(part: ExportPart) -> Margins:
    """Measure the margins of a network that pads its input itself, from a step in the middle of a long input."""
    num_steps = _NUM_FRAMES[1]
    reached = _reach(part, 0)[num_steps // 2]
    if reached[0] <= 0 or reached[1] >= num_steps - 1:
        message = f"network '{part.name}' is not splittable: the middle of {num_steps} input steps depends on their ends"
        raise ValueError(f"{message}; leave out `splittable` of its ExportPart")
    return Margins(left=num_steps // 2 - reached[0], right=reached[1] - num_steps // 2)


def outputs_of(module: nn.Module, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Return the outputs of `module` as a list, also if it is a single tensor."""
    outputs = module(*inputs)
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)


def _inputs(part: ExportPart, num_steps: int, draw: Draw = torch.randn) -> list[Tensor]:
    """Return inputs of `num_steps` steps (one at utterance rate): floats from `draw`, and the id 0 for integers."""
    shapes = [(1, 1 if port.rate == "utterance" else num_steps, max(port.channels, 1)) for port in part.inputs]
    pairs = zip(shapes, part.inputs, strict=True)
    return [draw(shape) if port.type == "float32" else torch.zeros(shape, dtype=torch.int64) for shape, port in pairs]


def _dropped_frames(part: ExportPart) -> int:
    """Return the number of frames by which outputs are shorter than inputs, the same for every output and length."""
    with torch.no_grad():
        lengths = [[output.shape[1] for output in outputs_of(part.module, _inputs(part, n))] for n in _NUM_FRAMES]
    dropped = {_dropped(*pair) for pair in zip(*lengths, strict=True)}
    total = dropped.pop()
    if dropped or total is None:
        raise ValueError(
            f"network '{part.name}': inputs of {_NUM_FRAMES} frames give outputs of {lengths} steps: "
            "every output must be shorter than its input by the same number of frames"
        )
    return total


def _dropped(*num_steps: int) -> int | None:
    """Return the frames that an output lacks, the same for both lengths of `_NUM_FRAMES`; None if that varies.

    Args:
        *num_steps: Steps of the output for each length; an output may have several steps a frame.
    """
    steps_per_frame, rest = divmod(num_steps[1] - num_steps[0], _NUM_FRAMES[1] - _NUM_FRAMES[0])
    if rest or not steps_per_frame or num_steps[1] % steps_per_frame:
        return None
    return _NUM_FRAMES[1] - num_steps[1] // steps_per_frame


def _reach(part: ExportPart, total: int) -> dict[int, tuple[int, int]]:
    """Return the first and last input frame that influence the first, middle and last output frame, over several random inputs.

    A network may choose between inputs by their sign (a given F0 or its own), so inputs of each sign are drawn, too.

    Args:
        part: The network.
        total: Frames by which its outputs are shorter than its inputs.

    Returns:
        First and last input frame by output frame; -1 for none.
    """
    num_frames = _NUM_FRAMES[1] - total
    reached: dict[int, set[int]] = {0: set(), num_frames // 2: set(), num_frames - 1: set()}
    for draw in (torch.randn, lambda shape: torch.randn(shape).abs(), lambda shape: -torch.randn(shape).abs()):
        inputs = _inputs(part, _NUM_FRAMES[1], draw)
        ports = zip(inputs, part.inputs, strict=True)
        streams = [value.requires_grad_() for value, port in ports if port.type == "float32" and port.rate != "utterance"]
        outputs = torch.cat([output.reshape(num_frames, -1) for output in outputs_of(part.module, inputs)], dim=-1)
        for frame, frames in reached.items():
            frames.update(_frames_behind(outputs[frame], streams))
    return {frame: (min(frames, default=-1), max(frames, default=-1)) for frame, frames in reached.items()}


def _frames_behind(output: Tensor, streams: list[Tensor]) -> list[int]:
    """Return the indices of input frames with a gradient from `output`; its values get random weights, so that none cancel."""
    weighted = (output * torch.randn_like(output)).sum()
    gradients = torch.autograd.grad(weighted, streams, retain_graph=True, allow_unused=True)
    touched = sum(gradient.abs().sum(dim=(0, 2)) for gradient in gradients if gradient is not None)
    return torch.as_tensor(touched).reshape(-1).nonzero().flatten().tolist()
