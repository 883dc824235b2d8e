"""The receptive field of a network, found by looking which input frames each output frame depends on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from tts_cli.models.parts import ExportPart
from tts_cli.ports import STREAMED_ROLES, Margins

_NUM_FRAMES = (384, 512)

Draw = Callable[[tuple[int, int, int]], Tensor]


def find_margins(part: ExportPart) -> Margins:
    """Steps read before and after each output step; none for networks that must see the whole utterance at once.

    Raises ValueError unless every output of a decoder or vocoder is as long as the input less both margins (or a multiple of
    that), and depends on no frame beyond them and on the outermost ones; and unless a splittable network of another role, which
    gives a step for each it takes, reads no further than some steps.
    """
    if part.role not in STREAMED_ROLES:
        return _padded_margins(part) if part.splittable else Margins()
    total = _dropped_frames(part)
    for frame, (first, last) in _reach(part, total).items():
        if (first, last) != (frame, frame + total):
            raise ValueError(
                f"network '{part.name}' gives {total} frames fewer than it takes, but its output frame {frame} depends on the "
                f"input frames {first} to {last}, not {frame} to {frame + total}"
            )
    if part.lookahead is None and total % 2:
        raise ValueError(f"network '{part.name}' reads {total + 1} frames for each it gives: state its lookahead")
    right = total // 2 if part.lookahead is None else part.lookahead
    return Margins(left=total - right, right=right)


def _padded_margins(part: ExportPart) -> Margins:
    """The reach of a network that pads its input itself: as far as steps in the middle of a long input look."""
    num_steps = _NUM_FRAMES[1]
    reached = _reach(part, 0)[num_steps // 2]
    if reached[0] <= 0 or reached[1] >= num_steps - 1:
        raise ValueError(f"network '{part.name}' is not splittable: its middle depends on its ends, {num_steps} steps apart")
    return Margins(left=num_steps // 2 - reached[0], right=reached[1] - num_steps // 2)


def outputs_of(module: nn.Module, inputs: Sequence[Tensor]) -> list[Tensor]:
    """What `module` gives, as a list even when it is a single tensor."""
    outputs = module(*inputs)
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)


def _inputs(part: ExportPart, num_steps: int, draw: Draw = torch.randn) -> list[Tensor]:
    """Inputs of `num_steps` steps (one at utterance rate): noise from `draw`, or the id 0."""
    shapes = [(1, 1 if port.rate == "utterance" else num_steps, max(port.channels, 1)) for port in part.inputs]
    pairs = zip(shapes, part.inputs, strict=True)
    return [draw(shape) if port.type == "float32" else torch.zeros(shape, dtype=torch.int64) for shape, port in pairs]


def _dropped_frames(part: ExportPart) -> int:
    """How many frames fewer come out than went in, the same for every output and length."""
    with torch.no_grad():
        lengths = [[output.shape[1] for output in outputs_of(part.module, _inputs(part, n))] for n in _NUM_FRAMES]
    dropped = {_dropped(*pair) for pair in zip(*lengths, strict=True)}
    total = dropped.pop()
    if dropped or total is None:
        raise ValueError(
            f"network '{part.name}': {_NUM_FRAMES} frames give outputs of {lengths} steps: these do not drop the same"
        )
    return total


def _dropped(*num_steps: int) -> int | None:
    """Frames dropped by an output of `num_steps` for `_NUM_FRAMES`, which may have several steps a frame; None if that varies."""
    steps_per_frame, rest = divmod(num_steps[1] - num_steps[0], _NUM_FRAMES[1] - _NUM_FRAMES[0])
    if rest or not steps_per_frame or num_steps[1] % steps_per_frame:
        return None
    return _NUM_FRAMES[1] - num_steps[1] // steps_per_frame


def _reach(part: ExportPart, total: int) -> dict[int, tuple[int, int]]:
    """First and last input frame behind the first, middle and last output frame, over several draws of the input.

    A network may choose between inputs by their sign (a given F0 or its own), so each sign has a draw to itself.
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
    """Indices of the input frames that have a gradient from `output`, weighted at random so that nothing cancels."""
    weighted = (output * torch.randn_like(output)).sum()
    gradients = torch.autograd.grad(weighted, streams, retain_graph=True, allow_unused=True)
    touched = sum(gradient.abs().sum(dim=(0, 2)) for gradient in gradients if gradient is not None)
    return torch.as_tensor(touched).reshape(-1).nonzero().flatten().tolist()
