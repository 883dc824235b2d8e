"""Moves of chess and their numbers."""

from __future__ import annotations

import pytest
from speaking import spoken


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("1. d4 d5 2. c4 e6 3. Nc3", "one d four d five two c four e six three knight c three"),
        ("Then Rxe8# ended it.", "then rook takes e eight checkmate ended it"),
        ("He pushed exd5 and e8=Q+.", "he pushed e takes d five and e eight promotes to queen check"),
        ("After Bb5 a6 he castled O-O.", "after bishop b five a six he castled kingside"),
        ("She played O-O-O early.", "she played castles queenside early"),
        ("He moved Nbd7 next.", "he moved knight b d seven next"),
    ],
)
def test_chess_is_read(written: str, words: str) -> None:
    assert spoken(written).lower() == words.lower()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Vitamin B6 and seat B4 are mine.", "vitamin b six and seat b four are mine"),
        ("The A4 paper is here.", "the a four paper is here"),
    ],
)
def test_other_text_is_no_chess(written: str, words: str) -> None:
    assert spoken(written).lower() == words.lower()
