"""Stories of a prepared corpus: sentences that follow each other."""

from __future__ import annotations

from functools import lru_cache

from tts_cli.corpora.manifest import Corpus, Recording

NUM_BEFORE = 2
"""Number of sentences before a sentence that are spoken first, for a strategy that reads them."""
FARTHEST = 3
"""Largest difference of the positions of two neighbours. A gap is lines that a corpus dropped; a small one leaves the sense."""


def document_of(clip: Recording) -> str:
    """Return the name of the story that a sentence belongs to; "" if it stands alone."""
    return str(getattr(clip, "document", "") or "")


def position_of(clip: Recording) -> int:
    """Return the place of a sentence in its story; 0 if it is not known."""
    return int(getattr(clip, "position", None) or 0)


def before(corpus: Corpus, clip: Recording) -> tuple[Recording, ...]:
    """Return up to `NUM_BEFORE` recorded sentences before `clip` in its story, without a large gap, in the order of reading."""
    if not document_of(clip) or getattr(clip, "position", None) is None:
        return ()
    found = [clip]
    for one in reversed([one for one in _stories(corpus).get(_key(clip), []) if position_of(one) < position_of(clip)]):
        if len(found) > NUM_BEFORE or position_of(found[0]) - position_of(one) > FARTHEST:
            break
        found.insert(0, one)
    return tuple(found[:-1])


_Key = tuple[str, str, str, str]


def _key(clip: Recording) -> _Key:
    return clip.speaker, clip.corpus, document_of(clip), clip.split


@lru_cache(maxsize=2)
def _stories(corpus: Corpus) -> dict[_Key, list[Recording]]:
    """Return the sentences with a position of each story, in their order, by speaker, corpus, name of the story and split."""
    found: dict[_Key, list[Recording]] = {}
    for clip in corpus.recordings:
        if document_of(clip) and getattr(clip, "position", None) is not None:
            found.setdefault(_key(clip), []).append(clip)
    return {key: sorted(clips, key=position_of) for key, clips in found.items()}
