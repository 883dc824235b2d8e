"""Copy-synthesis: a recording's mel through a vocoder, beside the recording itself and beside Griffin-Lim."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any


from tts_cli.audio.mel import Floats, MelConfig
from tts_cli.evaluation.prompts import Clip, read_clips, read_prompts
from tts_cli.evaluation.recognition import Recogniser, WordErrors, word_error_rate
from tts_cli.evaluation.report import LOG_SPECTRAL_DISTANCE, MEL_DISTANCE, PESQ, STOI, WER, Report, Row, mean_estimate, tracked
from tts_cli.evaluation.signal import griffin_lim_from_mel, score

Render = Callable[[Clip], Floats]
"""What makes audio (samples,) of a clip's mel, and of its pitch if it wants it."""

GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "test prompts": ("test", ("kathleen", "slt", "bdl")),
    "unseen speakers": ("unseen", ()),
}
"""Split and speakers (all when empty) of what copy-synthesis is measured on."""

_COLUMNS = (PESQ, STOI, LOG_SPECTRAL_DISTANCE, MEL_DISTANCE, WER)
_NOTES = (
    "Means over clips with 95 % bootstrap intervals. PESQ-WB, STOI, LSD (log-spectral distance) and mel L1 compare with the "
    "recording; WER is errors over words as Whisper base hears them.",
)


def read_groups(corpora: Path, config: MelConfig, limit: int | None = None) -> dict[str, list[Clip]]:
    """The clips of every one of GROUPS, at most `limit` of each speaker. Raises as `read_prompts` and `read_clips`."""
    prompts = {name: read_prompts(corpora, split, speakers, limit) for name, (split, speakers) in GROUPS.items()}
    return {name: read_clips(corpora, group, config) for name, group in prompts.items()}


def measure_vocoders(
    vocoders: Mapping[str, Render], groups: Mapping[str, Sequence[Clip]], recogniser: Recogniser | None = None
) -> Report:
    """Every one of `vocoders`, and Griffin-Lim, on every group of clips; WER, of the recordings too, with a `recogniser`."""
    renders: dict[str, Render] = {
        **vocoders,
        "Griffin-Lim, 60 iterations": lambda clip: griffin_lim_from_mel(clip.mel, clip.config),
    }
    rows: list[Row] = []
    details: list[dict[str, Any]] = []
    for group, clips in groups.items():
        for name, render in renders.items():
            measured = [_measure(clip, render, recogniser) for clip in tracked(clips, f"{group}: {name}")]
            rows.append(_row(f"{group}: {name}", measured))
            details += [{"row": rows[-1].name, **asdict(clip.prompt), **m} for clip, m in zip(clips, measured, strict=True)]
        if recogniser:
            heard = [_understood(clip, clip.audio, recogniser) for clip in tracked(clips, f"{group}: recordings")]
            rows.append(Row(f"{group}: recordings", {WER.key: word_error_rate(heard)}))
    return Report("Vocoder: copy-synthesis", _COLUMNS, tuple(rows), _NOTES, tuple(details))


def _measure(clip: Clip, render: Render, recogniser: Recogniser | None) -> dict[str, Any]:
    audio = render(clip)
    scores = asdict(score(clip.audio, audio, clip.config))
    return {**scores, "wer": asdict(_understood(clip, audio, recogniser))} if recogniser else scores


def _understood(clip: Clip, audio: Floats, recogniser: Recogniser) -> WordErrors:
    return recogniser.word_errors(clip.prompt.text, audio, clip.config.sample_rate)


def _row(name: str, measured: Sequence[dict[str, Any]]) -> Row:
    keys = [column.key for column in _COLUMNS if column is not WER]
    estimates = {key: mean_estimate([clip[key] for clip in measured]) for key in keys}
    if all(WER.key in clip for clip in measured):
        estimates[WER.key] = word_error_rate([WordErrors(**clip[WER.key]) for clip in measured])
    return Row(name, estimates)
