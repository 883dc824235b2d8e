"""Controls of a strategy: the same spread of embeddings without its knowledge, spoken in several draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tts_cli.corpora.manifest import Recording
from tts_cli.evaluation.selection.embeddings import Chosen, Vectors, at_same_spread, exchanged
from tts_cli.evaluation.selection.tasks import Found, Selection, SelectionTask, Setting
from tts_cli.selection.inventory import Inventory

ControlKind = Literal["random, same spread", "other texts"]
RANDOM: ControlKind = "random, same spread"
OTHER_TEXTS: ControlKind = "other texts"
_CENTROID = Setting("centroid")


@dataclass(frozen=True)
class StrategyControl:
    """Control of one setting, spoken in several draws."""

    kind: ControlKind
    setting: Setting
    draws: int

    @property
    def name(self) -> str:
        """Kind and setting, such as `random, same spread as bert, top 1`."""
        return f"{self.kind} {'as' if self.kind == RANDOM else 'by'} {self.setting.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each draw, under which its results are found."""
        return tuple(f"{self.name}, draw {draw + 1}" for draw in range(self.draws))


def controls_of(selection: Selection, kinds: Sequence[ControlKind]) -> list[StrategyControl]:
    """Return the controls of these kinds for every setting that reads the text."""
    return [StrategyControl(kind, one, selection.draws) for one in selection.settings if one.is_tested for kind in kinds]


def control_tasks(selection: Selection, chosen: Chosen, controls: Sequence[StrategyControl]) -> Iterator[SelectionTask]:
    """Yield the tasks that speak all draws of the controls; all of them by one voice, with the embedding given.

    Raises:
        InputError: if the inventory of the voice has no utterance of a speaker.
    """
    voice = selection.files(_CENTROID)
    for control in controls:
        for name, vectors in zip(control.names, _draws(selection, chosen, control), strict=True):
            for clip, vector in vectors.items():
                embedding = tuple(vector.astype(np.float32).tolist())
                yield replace(selection.task(name, clip, "prosody"), voice=voice, embedding=embedding)


def _draws(selection: Selection, chosen: Chosen, control: StrategyControl) -> list[Vectors]:
    draws, name = range(control.draws), control.setting.name
    if control.kind == OTHER_TEXTS:
        return [exchanged(selection, chosen.by_setting[name], draw) for draw in draws]
    inventory = Inventory(selection.voice.acoustic, selection.voice.acoustic.name)
    return [at_same_spread(selection, inventory, chosen, name, draw) for draw in draws]


Nearnesses = Mapping[Recording, Mapping[str, float]]
"""Similarity of spoken texts to their recordings, by measure."""


def nearness_of(found: Found, name: str) -> dict[Recording, dict[str, float]]:
    """Return the similarity of each spoken text to its recording, under one name of the results."""
    return {
        task.clip: result["nearness"]
        for task, result in found.get(name, {}).items()
        if task.clip is not None and "nearness" in result
    }


def mean_nearness(found: Found, names: Sequence[str]) -> dict[Recording, dict[str, float]]:
    """Return the mean over several draws of the similarity to the recording, of the texts that all draws speak.

    A measure that is not defined in one draw is averaged over the others; it stays NaN if it is defined in none.
    """
    draws = [nearness_of(found, name) for name in names]
    spoken = [clip for clip in draws[0] if all(clip in one for one in draws)] if draws else []
    return {clip: {key: _mean([one[clip][key] for one in draws]) for key in draws[0][clip]} for clip in spoken}


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
