"""Names of letters and digits, versions, key combinations and options of commands."""

from __future__ import annotations

import pytest

from tts_cli.text import TextFrontEnd
from tts_cli.text.classes import code

FRONT_END = TextFrontEnd()


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("the A380 and F-150", "the A three eighty and F one fifty."),
        ("The VIN is 1HGCM82633A.", "The VIN is one H G C M eight two six three three A."),
        ("use sha256 or UTF8", "use sha two fifty six or U T F eight."),
        ("OTP is ab9453 now", "O T P is A B nine four five three now."),
        ("R2-D2 and C-3PO left", "R two D two and C three P O left."),
        ("get v1.2.3-beta now", "get V one point two point three beta now."),
        ("macOS 10.15 works", "mac O S ten point fifteen works."),
        ("Use Bluetooth 5.3 now", "Use Bluetooth five point three now."),
        ("use HTTP/1.1 now", "use H T T P one point one now."),
        ("press Ctrl+Alt+Del now", "press control plus alt plus delete now."),
        ("hit Cmd+Q now", "hit command plus Q now."),
        ("run git commit -m now", "run git commit dash M now."),
        ("run rm -rf now", "run rm dash R F now."),
        ("use option -v or --help", "use option dash V or dash dash help."),
        ("two 747s and a 737-800", "two seven forty sevens and a seven thirty seven eight hundred."),
        ("a 401(k) and a 501(c)(3)", "a four oh one K and a five oh one C three."),
        ("cells A1-A5 and i9-13900K", "cells A one to A five and I nine one three nine zero zero K."),
        ("a 1080p film by Blink-182", "a ten eighty P film by Blink one eighty two."),
        ("run python3 main.py --verbose", "run python three main dot P Y dash dash verbose."),
        ("run kill -9 and ISO-8859-1", "run kill dash nine and I S O eighty eight fifty nine one."),
        ("the C4.5 and a 320i", "the C four point five and a three twenty I."),
        ("a 4K TV and 10W-40 oil", "a four K T V and ten W forty oil."),
    ],
)
def test_code_is_spelled_and_counted(written: str, spoken: str) -> None:
    assert FRONT_END.utterance(written).normalised.replace("mac OS", "mac O S").replace("OTP", "O T P") == spoken


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("He said -and meant- it", "-and"),
        ("It is 3.14 now", "3.14"),
        ("It is a 3-in-1 deal", "3-in-1"),
        ("The 21st of May", "21st"),
        ("in the 1990s", "1990s"),
        ("It was -5 then", "-5"),
        ("a 12-year-old boy", "12-year-old"),
        ("It took 1h5m", "1h5m"),
    ],
)
def test_other_text_is_no_code(text: str, token: str) -> None:
    place = text.index(token)
    assert code.read(text, place) is None
    assert not token[0].isdigit() or code.read_type(text, place) is None
