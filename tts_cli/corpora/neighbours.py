"""Neighbours of a sentence: the sentences that were read before and after it in its story, chapter or passage."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from tts_cli.corpora.manifest import Recording

FARTHEST = 3
"""Largest difference of the positions of two neighbours. A gap is lines that a corpus dropped; a small one leaves the sense."""

Key = tuple[str, str, str, str]


class Documents:
    """Recordings of a prepared corpus by document, in the order of their positions.

    A document is read by one speaker. Only recordings of the same split are neighbours, so that nothing that is trained or chosen
    on one split sees a recording of another. A recording without document or position has no neighbours.
    """

    def __init__(self, recordings: Iterable[Recording], farthest: int = FARTHEST) -> None:
        """Sort recordings into documents.

        Args:
            recordings: Rows of a manifest; those that are left out are no neighbours.
            farthest: Largest difference of the positions of two neighbours, at least 1.
        """
        self._farthest = farthest
        found: dict[Key, dict[int, Recording]] = {}
        for one in recordings:
            if one.document and one.position is not None:
                found.setdefault(_key(one), {}).setdefault(one.position, one)
        self._documents = {key: dict(sorted(rows.items())) for key, rows in found.items()}
        self._positions = {key: list(rows) for key, rows in self._documents.items()}

    def previous(self, recording: Recording) -> Recording | None:
        """Return the sentence before `recording`; None at the beginning of a document and after a large gap."""
        return self._near(recording, -1)

    def following(self, recording: Recording) -> Recording | None:
        """Return the sentence after `recording`; None at the end of a document and before a large gap."""
        return self._near(recording, 1)

    def before(self, recording: Recording, count: int) -> list[Recording]:
        """Return up to `count` sentences before `recording`, without a large gap between them, in the order of reading."""
        found: list[Recording] = []
        one = self.previous(recording)
        while one is not None and len(found) < count:
            found.insert(0, one)
            one = self.previous(one)
        return found

    def in_order(self) -> list[Sequence[Recording]]:
        """Return the recordings of each document of each speaker and split, in the order of reading."""
        return [list(rows.values()) for rows in self._documents.values()]

    def _near(self, recording: Recording, step: int) -> Recording | None:
        if recording.position is None or (key := _key(recording)) not in self._documents:
            return None
        positions = self._positions[key]
        place = bisect_left(positions, recording.position)
        if step > 0 and place < len(positions) and positions[place] == recording.position:
            place += 1
        place -= step < 0
        if not 0 <= place < len(positions) or abs(positions[place] - recording.position) > self._farthest:
            return None
        return self._documents[key][positions[place]]


def _key(recording: Recording) -> Key:
    return recording.corpus, recording.speaker, recording.document, recording.split
