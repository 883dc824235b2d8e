"""Embeddings that strategies choose, their spread about the speakers' centroids, and embeddings without their knowledge.

Two controls take the knowledge from a strategy and leave the rest:

- Random embeddings at the same spread: offsets of random utterances of the inventory, scaled until their root mean square
  distance from the speaker's centroid is that of the strategy. The control of a strategy that stays near the centroid stays as
  near.
- The embeddings of other texts: the strategy reads another sentence of the same speaker, and its embedding is spoken.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.corpora.manifest import Recording
from tts_cli.errors import InputError
from tts_cli.evaluation.clusters import clustered_ratio, clustered_root
from tts_cli.evaluation.report import Column, Report, Row
from tts_cli.evaluation.selection.tasks import Found, Selection, SelectionTask, Setting
from tts_cli.evaluation.statistics import Estimate
from tts_cli.selection.inventory import Inventory

Vector = NDArray[np.float64]
Vectors = Mapping[Recording, Vector]
"""Embedding of each recorded text, shape (D,)."""
ORACLE = Setting("oracle")
SPREAD = (
    Column("spread", "spread, times recordings", 2),
    Column("about_mean", "about their mean, times", 2),
    Column("nearer", "nearer than centroid %", 1, 100.0),
    Column("knowledge", "nearer than other texts %", 1, 100.0),
)


@dataclass(frozen=True)
class Chosen:
    """Embeddings of the recorded texts of an evaluation."""

    by_setting: Mapping[str, Vectors]
    """Embeddings that each setting chooses, by its name."""
    recorded: Vectors
    """Embeddings of the recordings."""
    centroids: Mapping[str, Vector]
    """Mean embedding of each speaker, by name."""

    def offset(self, clip: Recording, vectors: Vectors) -> Vector:
        """Return the offset of an embedding from the speaker's centroid, shape (D,)."""
        return np.asarray(vectors[clip] - self.centroids[clip.speaker])


def chosen_tasks(selection: Selection, settings: Sequence[Setting]) -> Iterator[SelectionTask]:
    """Yield the tasks that choose an embedding for every recorded text in each setting, and those of the recordings.

    Raises:
        InputError: if the voice has no acoustic embeddings.
    """
    _centroids(selection)
    wanted = {setting.name: setting for setting in (*settings, ORACLE)}
    yield from selection.spoken_tasks("chosen", settings=list(wanted.values()))


def chosen_of(selection: Selection, found: Found) -> Chosen:
    """Return the embeddings that the tasks of `chosen_tasks` found."""
    vectors = {
        name: {task.clip: np.array(result["embedding"]) for task, result in results.items() if task.clip is not None}
        for name, results in found.items()
    }
    return Chosen(vectors, vectors.get(ORACLE.name, {}), _centroids(selection))


def _centroids(selection: Selection) -> dict[str, Vector]:
    config = selection.voice.acoustic.config
    found = {one.name: np.array(one.embedding, np.float64) for one in config.speakers if one.embedding}
    lacking = [name for name in selection.speakers if name not in found]
    if lacking:
        message = f"addon '{config.name}' has no acoustic embedding of the speaker '{lacking[0]}'"
        raise InputError(
            message, hint="leave out the parts spread, chance and shuffled, or choose a voice that selects its prosody"
        )
    return found


def exchanged(selection: Selection, vectors: Vectors, draw: int) -> dict[Recording, Vector]:
    """Return for each recorded text the embedding that was chosen for another text of the same speaker.

    A seeded order of the speaker's texts is shifted in a ring by `draw` + 1 places, so no text keeps its own embedding. A speaker
    with too few texts for that is left out. In `train-folds` a text is exchanged within its fold.
    """
    found: dict[Recording, Vector] = {}
    for clips in _rings(selection, vectors):
        texts: dict[str, Recording] = {}
        for clip in clips:
            texts.setdefault(clip.normalized_text, clip)
        order = sorted(texts, key=_rank)
        if draw + 1 < len(order):
            other = {text: texts[order[(place + draw + 1) % len(order)]] for place, text in enumerate(order)}
            found |= {clip: vectors[other[clip.normalized_text]] for clip in clips}
    return found


def _rank(text: str) -> int:
    """Return a number that orders texts by chance, alike in every run."""
    return zlib.crc32(text.encode())


def _rings(selection: Selection, vectors: Vectors) -> Iterator[list[Recording]]:
    """Yield the recorded texts of each speaker in each fold."""
    for members in selection.folds(selection.clips).values():
        for speaker in selection.speakers:
            clips = [clip for clip in members if clip.speaker == speaker and clip in vectors]
            if clips:
                yield clips


def at_same_spread(selection: Selection, inventory: Inventory, chosen: Chosen, name: str, draw: int) -> dict[Recording, Vector]:
    """Return for each recorded text a random embedding, at the spread about the centroid that a setting has for the speaker.

    Args:
        selection: the request.
        inventory: inventory of the voice. Its utterances of a speaker are drawn evenly, with repetition, seeded by the text.
        chosen: chosen embeddings.
        name: name of the setting.
        draw: number of the draw.

    Raises:
        InputError: if the inventory has no utterance of a speaker.
    """
    vectors, offsets = chosen.by_setting[name], _drawn(selection, inventory, draw)
    found: dict[Recording, Vector] = {}
    for speaker in selection.speakers:
        clips = [clip for clip in offsets if clip.speaker == speaker and clip in vectors]
        wanted = _size([chosen.offset(clip, vectors) for clip in clips])
        factor = wanted / max(_size([offsets[clip] for clip in clips]), 1e-12)
        found |= {clip: chosen.centroids[speaker] + factor * offsets[clip] for clip in clips}
    return found


def _drawn(selection: Selection, inventory: Inventory, draw: int) -> dict[Recording, Vector]:
    """Return the offset of a random utterance of the speaker's inventory for each recorded text."""
    deviations, names = inventory.deviations().astype(np.float64), list(selection.voice.speakers)
    drawn: dict[Recording, Vector] = {}
    for fold, members in selection.folds(selection.clips).items():
        is_offered = ~np.isin(inventory.sentences, inventory.sentences_of(fold))
        for clip in members:
            own = np.flatnonzero(is_offered & (inventory.speakers == names.index(clip.speaker)))
            if not len(own):
                message = f"no utterance of '{clip.speaker}' is in the inventory, which random embeddings are drawn from"
                raise InputError(message, hint="leave out the part chance, or name other speakers with --speaker")
            random = np.random.default_rng(zlib.crc32(f"{clip.speaker}|{clip.text}|{draw}".encode()))
            drawn[clip] = deviations[random.choice(own)]
    return drawn


def _size(offsets: Sequence[Vector]) -> float:
    """Return the root mean square length of offsets (D,); 0 without any."""
    return float(np.sqrt(np.mean(np.sum(np.square(offsets), axis=1)))) if offsets else 0.0


def spread_table(
    selection: Selection, chosen: Chosen, settings: Sequence[Setting], groups: Mapping[str, Sequence[Recording]]
) -> Report:
    """Return the table of the spread of chosen embeddings, and of their nearness to the recordings' own.

    Args:
        selection: the request.
        chosen: chosen embeddings.
        settings: settings under test; of the oracle and the centroid all is known.
        groups: recorded texts by name of the group.
    """
    others = {
        one.name: [exchanged(selection, chosen.by_setting[one.name], draw) for draw in range(selection.draws)] for one in settings
    }
    rows = [
        Row(one.name, _spread(chosen, one, clips, others[one.name]), label)
        for label, members in groups.items()
        for one in settings
        if one.strategy not in ("centroid", "oracle")
        and (clips := [clip for clip in members if clip in chosen.by_setting[one.name] and clip in chosen.recorded])
    ]
    notes = (
        "Spread: root mean square distance of the chosen embeddings from the speaker's centroid, as a multiple of that of the "
        "recordings' own embeddings; then about the mean of the chosen ones, as a multiple of the same of the recordings. Nearer "
        "than the centroid: 1 - squared distance from the recording's embedding / that of the centroid; negative is farther. "
        "Nearer than other texts: the same of the strategy, minus that of the same strategy reading other texts "
        f"(exchanges of the texts of a speaker: {selection.draws}); above 0 it knows the text. No audio is measured. Intervals "
        "draw texts with all of their recordings.",
    )
    return Report("Selection: spread of the embeddings", SPREAD, tuple(rows), notes)


def _spread(chosen: Chosen, setting: Setting, clips: Sequence[Recording], others: Sequence[Vectors]) -> dict[str, Estimate]:
    vectors, texts = chosen.by_setting[setting.name], [clip.normalized_text for clip in clips]
    ours = _squares(chosen, clips, vectors)
    theirs = _squares(chosen, clips, chosen.recorded)
    missed = [float(np.sum((vectors[clip] - chosen.recorded[clip]) ** 2)) for clip in clips]
    estimates = {
        "spread": clustered_root(ours, theirs, texts),
        "about_mean": clustered_root(_about_mean(clips, vectors), _about_mean(clips, chosen.recorded), texts),
        "nearer": clustered_ratio([whole - left for whole, left in zip(theirs, missed, strict=True)], theirs, texts),
    }
    kept = [place for place, clip in enumerate(clips) if all(clip in one for one in others)]
    if setting.is_tested and kept and others:
        gained = [
            np.mean([np.sum((one[clips[place]] - chosen.recorded[clips[place]]) ** 2) for one in others]) - missed[place]
            for place in kept
        ]
        known = [theirs[place] for place in kept]
        estimates["knowledge"] = clustered_ratio([float(one) for one in gained], known, [texts[place] for place in kept])
    return estimates


def _squares(chosen: Chosen, clips: Sequence[Recording], vectors: Vectors) -> list[float]:
    return [float(np.sum(chosen.offset(clip, vectors) ** 2)) for clip in clips]


def _about_mean(clips: Sequence[Recording], vectors: Vectors) -> list[float]:
    """Return the squared distance of each embedding from the mean of its speaker's."""
    speakers = dict.fromkeys(clip.speaker for clip in clips)
    means = {name: np.mean([vectors[clip] for clip in clips if clip.speaker == name], axis=0) for name in speakers}
    return [float(np.sum((vectors[clip] - means[clip.speaker]) ** 2)) for clip in clips]
