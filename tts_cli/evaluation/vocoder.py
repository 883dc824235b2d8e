"""Copy-synthesis: a recording's mel through a vocoder, beside the recording itself and beside Griffin-Lim."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.addon import Addon
from tts_cli.audio.mel import Floats
from tts_cli.blocks.streamable import Stream, StreamableBlock, TensorQueue
from tts_cli.errors import AddonError
from tts_cli.evaluation.prompts import Reference, describe, read_prompts, read_references
from tts_cli.evaluation.recognition import Recogniser, WordErrors, word_error_rate
from tts_cli.evaluation.report import PESQ, STOI, WER, Estimate, Report, Row, mean_estimate, tracked
from tts_cli.evaluation.signal import griffin_lim_from_mel, score
from tts_cli.ports import Tensors

Render = Callable[[Reference], Floats]
"""What makes audio (samples,) of a recording's mel, and of its pitch if it wants it."""

GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "test": ("test", ("kathleen", "slt", "bdl")),
    "unseen": ("unseen", ()),
}
"""Split and speakers (all when empty) of what copy-synthesis is measured on."""

_NOTES = (
    "Means over clips with 95 % bootstrap intervals; PESQ-WB and STOI against the recording. Griffin-Lim runs 60 iterations from "
    "the pseudo-inverse of the same mel. WER, where it is measured, as Whisper base hears it.",
)


def evaluate_vocoder(addon: Addon, corpora: Path, limit: int | None = None, recogniser: Recogniser | None = None) -> Report:
    """A vocoder addon on the clips of GROUPS in `corpora`, at most `limit` of each speaker; WER with a `recogniser`.

    It works from the mel alone; where it has a port for F0, another row gives it the recordings' own. Raises CorpusError or
    AudioError for what cannot be read, InputError where the evaluation extra is missing, AddonError for another kind of addon.
    """
    if addon.config.kind != "vocoder":
        raise AddonError(f"addon '{addon.name}' is of kind '{addon.config.kind}': a vocoder is needed")
    stack = addon.build_stack()
    vocoders = {addon.name: copy_with(stack)}
    if any(port.name == "log_f0" for network in addon.config.networks.values() for port in network.inputs):
        vocoders[f"{addon.name}, true F0"] = copy_with(stack, true_pitch=True)
    prompts = {name: read_prompts(corpora, split, speakers, limit) for name, (split, speakers) in GROUPS.items()}
    groups = {name: read_references(clips, addon.mel) for name, clips in prompts.items()}
    return measure_vocoders(vocoders, groups, recogniser)


def measure_vocoders(
    vocoders: Mapping[str, Render], groups: Mapping[str, Sequence[Reference]], recogniser: Recogniser | None = None
) -> Report:
    """Every one of `vocoders`, and Griffin-Lim, on every group; WER, of the recordings too, with a `recogniser`."""
    renders: dict[str, Render] = {
        **vocoders,
        "Griffin-Lim": lambda reference: griffin_lim_from_mel(reference.mel, reference.mel_config),
    }
    rows: list[Row] = []
    details: list[dict[str, Any]] = []
    for group, references in groups.items():
        for name, render in renders.items():
            measured = [_measure(reference, render, recogniser) for reference in tracked(references, f"{group}: {name}")]
            rows.append(Row(name, _estimates(measured), group))
            details += [{"row": name, **describe(r.clip), **scores} for r, scores in zip(references, measured, strict=True)]
        if recogniser:
            heard = [_understood(r, r.audio, recogniser) for r in tracked(references, f"{group}: recordings")]
            rows.append(Row("recordings", {WER.key: word_error_rate(heard)}, group))
    columns = (PESQ, STOI, WER) if recogniser else (PESQ, STOI)
    return Report("Vocoder: copy-synthesis", columns, tuple(rows), _NOTES, tuple(details))


def copy_with(stack: StreamableBlock, true_pitch: bool = False) -> Render:
    """Copy-synthesis through the `stack` of a vocoder addon: from the mel alone, or with the recording's own F0 beside it."""

    def render(reference: Reference) -> Floats:
        ports = {"mel": reference.mel}
        if true_pitch:
            ports["log_f0"], ports["voicing"] = reference.pitch
        return _streamed(stack, {name: values[None] for name, values in ports.items()}, reference.mel_config.sample_rate)

    return render


def _streamed(stack: StreamableBlock, ports: Tensors, chunk_samples: int) -> Floats:
    """The audio (samples,) that `stack` makes of `ports` (1, T, C)."""
    stream = stack.open({}, ArrayStream(ports))
    chunks = iter(lambda: stream.read(chunk_samples), None)
    return np.concatenate([next(iter(chunk.values()))[0, :, 0] for chunk in chunks])


class ArrayStream(Stream):
    """A stream of what is known beforehand: `tensors` (1, T, C) of one rate."""

    def __init__(self, tensors: Tensors) -> None:
        super().__init__({})
        self._remaining = TensorQueue()
        self._remaining.push(tensors)

    def produce(self, n: int) -> Tensors | None:
        return self._remaining.take(n) if len(self._remaining) else None


def _measure(reference: Reference, render: Render, recogniser: Recogniser | None) -> dict[str, Any]:
    audio = render(reference)
    scores = asdict(score(reference.audio, audio, reference.mel_config))
    return {**scores, WER.key: asdict(_understood(reference, audio, recogniser))} if recogniser else scores


def _understood(reference: Reference, audio: Floats, recogniser: Recogniser) -> WordErrors:
    return recogniser.word_errors(reference.clip.text, audio, reference.mel_config.sample_rate)


def _estimates(measured: Sequence[dict[str, Any]]) -> dict[str, Estimate]:
    estimates = {key: mean_estimate([scores[key] for scores in measured]) for key in measured[0] if key != WER.key}
    if WER.key in measured[0]:
        estimates[WER.key] = word_error_rate([WordErrors(**scores[WER.key]) for scores in measured])
    return estimates
