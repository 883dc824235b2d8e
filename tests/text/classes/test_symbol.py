"""Symbols by their names and context."""

from __future__ import annotations

import pytest
from speaking import spoken


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("R&D, at B & B", "r and d at b and b"),
        ("See §§ 3-5 and ¶ 2.", "see sections three to five and paragraph two"),
        ("about ~$5", "about about five dollars"),
        ("File → Save", "file save"),
        ("We ❤️ pizza. Great ❤️!", "we love pizza | great"),
        ("I <3 you", "i love you"),
        ("the K♦ and the 10♠", "the king of diamonds and the ten of spades"),
        ("press the # key or the * key", "press the pound key or the star key"),
        ("he/she and and/or, upgrade/update", "he or she and and or upgrade slash update"),
        ("© 2019 Foo® and Bar™", "copyright twenty nineteen foo and bar"),
        ("π, µ, ∞ and Ω", "pi mu infinity and omega"),
    ],
)
def test_symbol_is_read(written: str, words: str) -> None:
    assert spoken(written).lower() == words.lower()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("AC/DC on TCP/IP", "a c d c on t c p i p"),
    ],
)
def test_other_text_is_no_symbol(written: str, words: str) -> None:
    assert spoken(written).lower() == words.lower()
