"""Utterances that stand for a corpus: held-out ones, of all its speakers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.corpora.manifest import Corpus, Recording, open_corpus
from tts_cli.errors import CorpusError

if TYPE_CHECKING:
    from tts_cli.models import CorpusFacts

Features = dict[str, NDArray[Any]]


def held_out_utterances(corpus: Path, facts: CorpusFacts, count: int) -> list[Features]:
    """The first `count` utterances of a prepared corpus, taken in turns from its speakers, held-out ones before others.

    Each is what `models.parts.Features` says. Raises CorpusError when it is none of these speakers', or otherwise prepared.
    """
    opened = open_corpus(corpus, facts.mel, facts.symbols)
    known = [recording for recording in opened.recordings if recording.speaker in facts.speaker_names]
    if not known:
        raise CorpusError(f"{corpus}: it has no utterance of the speakers {', '.join(facts.speaker_names)}")
    return [_features(opened, recording, facts) for recording in _in_turns(known)[:count]]


def _in_turns(recordings: Iterable[Recording]) -> list[Recording]:
    """Held-out recordings before others; of either the first of every speaker, then the second, ..."""
    counts: Counter[tuple[bool, str]] = Counter()
    places: list[tuple[bool, int]] = []
    recordings = list(recordings)
    for recording in recordings:
        is_trained_on = recording.split == "train"
        places.append((is_trained_on, counts[is_trained_on, recording.speaker]))
        counts[is_trained_on, recording.speaker] += 1
    order = sorted(range(len(places)), key=places.__getitem__)
    return [recordings[index] for index in order]


def _features(corpus: Corpus, recording: Recording, facts: CorpusFacts) -> Features:
    phones = np.array([facts.symbols.index(token) for token in recording.tokens], np.int64)
    durations = np.array(recording.durations, np.int64)
    speaker = np.array(facts.speaker_names.index(recording.speaker))
    frames = corpus.load(recording, ("mel", "log_f0", "voicing", "energy"))
    return {"phones": phones, "durations": durations, "speaker": speaker, **frames}
