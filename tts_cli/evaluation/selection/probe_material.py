"""Recordings that the probes of embeddings read, with their features, in runs of neighbours and in sessions.

Three sources are probed alike, so that a figure of the embeddings can be read beside others:

- the embeddings;
- mean F0 and level: how far a session betrays itself without any embedding;
- the text alone: how far the texts of sessions differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats
from tts_cli.corpora.drift import FEWEST_ORDERED, are_numbered, natural_order
from tts_cli.corpora.manifest import Corpus, Recording
from tts_cli.evaluation.engine import tracked
from tts_cli.evaluation.measures.probes import FOLDS
from tts_cli.evaluation.measures.prosody import Contour
from tts_cli.evaluation.measures.utterances import UtteranceProsody, is_phone
from tts_cli.evaluation.selection.speaking import posterior_mean
from tts_cli.evaluation.selection.tasks import FEWEST, Selection
from tts_cli.selection.choosing import has_selector
from tts_cli.selection.inventory import Inventory
from tts_cli.voice.synthesis import Voice

EMBEDDINGS, AUDIO, TEXT = "embeddings", "mean F0 and level", "text alone"
STRETCH = 8
"""Neighbouring recordings that a GRU reads."""
SHORTEST = 4
"""Recordings of the shortest stretch."""
BLOCK = 3 * STRETCH
"""Recordings without a document that are held out together, in the order of their ids."""
ORDERED_PARTS = 4
"""Parts of the order of ids, in place of sessions."""
_LOUD_PERCENT = 90
_MARKS = ("?", "!", ",", '"')

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Probed:
    """Recordings with all that the probes read of them."""

    clips: Sequence[Recording]
    sources: Mapping[str, Floats]
    """Features of the recordings, shape (clips, C), by name of the source."""
    measures: Doubles
    """Prosody statistics of the recordings, shape (clips, measures)."""

    def rows(self, source: str, places: Iterable[int]) -> list[Floats]:
        """Return features of recordings as sequences of one step, shape (1, C) each."""
        return [self.sources[source][[place]] for place in places]


@dataclass(frozen=True)
class ConsecutiveClips:
    """Recordings of one speaker that were made one after the other: a document, or a block in the order of ids."""

    places: tuple[int, ...]
    """Indices of the recordings, in order."""
    session: str

    def stretches(self) -> list[list[int]]:
        """Return the run in stretches of `STRETCH` recordings. The last may be shorter, and is left out below `SHORTEST`."""
        cut = [list(self.places[start : start + STRETCH]) for start in range(0, len(self.places), STRETCH)]
        return [one for one in cut if len(one) >= SHORTEST]


def probed(selection: Selection) -> Probed:
    """Return the training recordings of the voice's speakers with the features that are probed.

    The embedding of a recording is that of the inventory, or, if it is not there, that of the reference encoder.
    """
    voice, corpus = selection.voice, selection.corpus
    clips = [clip for clip in corpus.of_split("train") if clip.speaker in voice.speakers]
    known = _inventory_embeddings(voice)
    embeddings = [
        known[one.speaker, one.id] if (one.speaker, one.id) in known else posterior_mean(voice, corpus, one)
        for one in tracked(clips, "embeddings")
    ]
    heard = [_heard(corpus, clip) for clip in clips]
    measures = np.array([row for row, _ in heard], np.float64)
    f0 = measures[:, 0]
    # A recording without voice has no F0; probes need a number.
    f0 = np.where(np.isfinite(f0), f0, np.mean(f0[np.isfinite(f0)] if np.isfinite(f0).any() else 0.0))
    audio = np.stack([f0, np.array([level for _, level in heard])], axis=1)
    sources = {EMBEDDINGS: np.stack(embeddings), AUDIO: audio, TEXT: np.array([text_facts(clip) for clip in clips])}
    return Probed(clips, {name: np.asarray(rows, np.float32) for name, rows in sources.items()}, measures)


def _inventory_embeddings(voice: Voice) -> dict[tuple[str, str], Floats]:
    """Return the embeddings of the inventory by speaker and name of the recording; none for a voice without a selector."""
    if not has_selector(voice.acoustic.config.stack):
        return {}
    inventory, names = Inventory(voice.acoustic, voice.acoustic.name), list(voice.speakers)
    return {
        (names[speaker], inventory.id(place)): np.asarray(inventory.embeddings[place], np.float32)
        for place, speaker in enumerate(inventory.speakers)
    }


def _heard(corpus: Corpus, clip: Recording) -> tuple[tuple[float, ...], float]:
    """Return the prosody statistics of a recording, from its prepared features, and the level of its loud frames."""
    features = corpus.load(clip, ("log_f0", "voicing", "energy"))
    f0 = np.where(features["voicing"] > 0.5, np.exp(features["log_f0"]), 0).astype(np.float32)
    phones = np.array([is_phone(token) for token in clip.tokens])
    contour = Contour(f0, features["energy"])
    prosody = UtteranceProsody(contour, np.array(clip.durations, np.int64), phones, corpus.mel.frame_rate)
    return astuple(prosody.measures()), float(np.percentile(features["energy"], _LOUD_PERCENT))


def text_facts(clip: Recording) -> tuple[float, ...]:
    """Return facts of a text: logarithms of its numbers of phones and words, phones in a word, and numbers of marks."""
    phones, words = sum(map(is_phone, clip.tokens)), max(1, len(clip.normalized_text.split()))
    return (np.log(max(1, phones)), np.log(words), phones / words, *(float(clip.text.count(mark)) for mark in _MARKS))


def runs_of(clips: Sequence[Recording], speaker: str) -> list[ConsecutiveClips]:
    """Return the runs of a speaker's recordings: each document, and blocks of `BLOCK` recordings without one."""
    keyed: dict[tuple[str, str, str], list[int]] = {}
    for place, clip in enumerate(clips):
        if clip.speaker == speaker:
            document = clip.document if clip.position is not None else ""
            keyed.setdefault((clip.corpus, clip.session, document), []).append(place)
    runs: list[ConsecutiveClips] = []
    for (_, session, document), places in keyed.items():
        ordered = sorted(places, key=lambda place: (clips[place].position or 0, natural_order(clips[place].id)))
        length = len(ordered) if document else BLOCK
        runs += [ConsecutiveClips(tuple(ordered[start : start + length]), session) for start in range(0, len(ordered), length)]
    return runs


def sessions_of(clips: Sequence[Recording], speaker: str) -> tuple[str, list[ConsecutiveClips]]:
    """Return the kind of a speaker's sessions, and the runs of those with enough runs and recordings; none below two sessions.

    Without given sessions, the parts of the order of ids stand in for them, if the ids are numbered: a speaker who reads prompts
    in order over days drifts.
    """
    runs = runs_of(clips, speaker)
    kind = "sessions"
    if not any(run.session for run in runs):
        places = [place for run in runs for place in run.places]
        if len(places) < FEWEST_ORDERED or not are_numbered([clips[place].id for place in places]):
            return kind, []
        kind = "parts of the order of ids"
        runs = [
            ConsecutiveClips(run.places, f"part {1 + ORDERED_PARTS * place // len(runs)}")
            for place, run in enumerate(_by_id(clips, runs))
        ]
    names = [name for name in dict.fromkeys(run.session for run in runs) if name and _is_enough(runs, name)]
    return kind, [run for run in runs if run.session in names] if len(names) > 1 else []


def _by_id(clips: Sequence[Recording], runs: Sequence[ConsecutiveClips]) -> list[ConsecutiveClips]:
    return sorted(runs, key=lambda run: natural_order(clips[run.places[0]].id))


def _is_enough(runs: Sequence[ConsecutiveClips], session: str) -> bool:
    own = [run for run in runs if run.session == session]
    return len(own) >= FOLDS and sum(len(run.places) for run in own) >= FEWEST
