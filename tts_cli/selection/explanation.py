"""Explanation of a selection: the utterances from which spoken sentences took their prosody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from tts_cli.selection.feature import REASONS, SELECTED
from tts_cli.selection.inventory import Inventory
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import Voice

HEADER = ("sentence", "like", "recording", "speaker", "score")
"""Columns of the table of selected utterances."""


class Explanation:
    """Report of the utterances from which the sentences of a voice took their prosody."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._inventory: Inventory | None = None

    def as_dict(self, sentence: Sentence) -> dict[str, Any]:
        """Return the keys that `--json` shows for a spoken sentence.

        They are `selected`, a list of utterances with the best first, empty if the sentence took the centroid of the speaker or a
        given embedding; and for an embedding that was predicted, or chosen by a prediction, `reasons`: the largest parts of the
        prediction.
        """
        reasons = [{"of": one.of, "share": round(one.share, 3)} for one in sentence.outcome(REASONS) or ()]
        return {"selected": list(self._selected(sentence)), **({"reasons": reasons} if reasons else {})}

    def rows(self, sentences: Iterable[Sentence]) -> list[tuple[object, ...]]:
        """Return one row, with the columns `HEADER`, for each utterance that was selected for the spoken sentences."""
        rows: list[tuple[object, ...]] = []
        for sentence in sentences:
            found = list(self._selected(sentence))
            for place, one in enumerate(found):
                text = "" if place else sentence.text
                rows.append((text, one["text"], one["recording"], one["speaker"], f"{one['score']:.3f}"))
            if reasons := sentence.outcome(REASONS):
                told = ", ".join(f"{one.of} {100 * one.share:.0f} %" for one in reasons)
                rows.append((f"because of {told}", "", "", "", ""))
            if not found:
                rows.append((sentence.text, "(none: the embedding is the speaker's centroid, or given)", "", "", ""))
        return rows

    def _selected(self, sentence: Sentence) -> Iterator[dict[str, Any]]:
        for one in sentence.outcome(SELECTED) or ():
            self._inventory = self._inventory or Inventory(self._voice.acoustic, self._voice.acoustic.name)
            yield {
                "text": self._inventory.text(one.utterance),
                "recording": self._inventory.id(one.utterance),
                "speaker": self._voice.speakers[self._inventory.speakers[one.utterance]],
                "score": round(one.score, 4),
            }


@lru_cache(maxsize=1)
def explanation_of(voice: Voice) -> Explanation:
    """Return the explanation of a voice; it opens the inventory once."""
    return Explanation(voice)
