"""Neighbours of a sentence in its document."""

from __future__ import annotations

import random

import pytest
from synthetic import make_recording

from tts_cli.corpora.manifest import Recording
from tts_cli.corpora.neighbours import FARTHEST, Documents


def row(number: int, document: str, position: int | None, **more: str) -> Recording:
    made = make_recording(number, 30, more.get("speaker", "anna"), more.get("split", "train"))
    return made.model_copy(update={"document": document, "position": position, **more})


STORY = [row(place, "s1", place) for place in (2, 3, 5, 8, 8 + FARTHEST + 1)]


@pytest.fixture
def documents() -> Documents:
    others = [
        row(90, "s1", 4, speaker="bert"),
        row(91, "s1", 4, split="test"),
        row(92, "s2", 4),
        row(93, "s1", 4, corpus="other"),
    ]
    rows = [*STORY, *others, row(94, "", 4), row(95, "s1", None)]
    random.Random(1).shuffle(rows)
    return Documents(rows)


def test_neighbours_are_of_the_same_reading_in_order(documents: Documents) -> None:
    assert [documents.previous(one) for one in STORY] == [None, *STORY[:3], None]
    assert [documents.following(one) for one in STORY] == [*STORY[1:4], None, None]
    assert documents.before(STORY[3], 2) == STORY[1:3]
    assert documents.before(STORY[3], 9) == STORY[:3]
    assert documents.before(STORY[4], 9) == [] == documents.before(STORY[3], 0)


def test_a_gap_ends_the_neighbourhood() -> None:
    near = Documents(STORY, farthest=1)
    assert near.previous(STORY[1]) == STORY[0] and near.following(STORY[1]) is None
    assert Documents(STORY, farthest=9).previous(STORY[4]) == STORY[3]


def test_a_sentence_that_is_not_listed_still_has_neighbours(documents: Documents) -> None:
    dropped = row(99, "s1", 4)
    assert (documents.previous(dropped), documents.following(dropped)) == (STORY[1], STORY[2])
    for alone in (row(94, "", 4), row(95, "s1", None), row(96, "s3", 1)):
        assert documents.previous(alone) is None and documents.following(alone) is None and not documents.before(alone, 3)


def test_documents_are_in_the_order_of_reading(documents: Documents) -> None:
    assert list(STORY) in [list(one) for one in documents.in_order()]
    assert sorted(len(one) for one in documents.in_order()) == [1, 1, 1, 1, 5]
