"""Acronyms that are spelled, read as words, or ordinary words in capitals."""

from __future__ import annotations

import pytest

from tts_cli.text.classes import acronym

SPELLED = [
    ("The IT staff", "IT", "I. T."),
    ("He showed his ID card.", "ID", "I. D."),
    ("The US team", "US", "U. S."),
    ("the AARP card", "AARP", "A. A. R. P."),
    ("two SUVs", "SUVs", "S. U. V's"),
    ("the WHO report", "WHO", "W. H. O."),
    ("from AT&T now", "AT&T", "A. T. and T."),
    ("hear AC/DC now", "AC/DC", "A. C. D. C."),
    ("her PhD now", "PhD", "P. H. D."),
    ("a PDF file", "PDF", "P. D. F."),
    ("CFO, COO, and LA", "COO", "C. O. O."),
    ("her EdD now", "EdD", "E. D. D."),
    ("the DIA chief", "DIA", "D. I. A."),
    ("a WHO chief", "WHO", "W. H. O."),
    ("OMG! LMAO! OK!", "LMAO", "L. M. A. O."),
    ("a DVD-ROM now", "DVD-ROM", "D. V. D. rom"),
]
WORDS = [("a JSON file", "JSON", "JSON"), ("three GIFs", "GIFs", "GIFs"), ("the SCOTUS ruling", "SCOTUS", "SCOTUS")]
ORDINARY = [
    ("CONTACT US TODAY", "US"), ("DO IT NOW", "IT"), ("I said NO twice", "NO"), ("WHO are you", "WHO"), ("John left", "John"),
    ("THE OLD MAN SAT DOWN here", "SAT"), ("this AND/OR that", "AND"), ("NaCl here", "NaCl"), ("I AM HERE", "AM"),
    ("OW, he said", "OW"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "written", "spoken"), SPELLED + WORDS)
def test_an_acronym_is_read(text: str, written: str, spoken: str) -> None:
    reading = acronym.read(text, text.index(written))
    assert reading is not None
    assert " ".join(reading.words).replace(".'s", "'s") == spoken
    assert text[: reading.end].endswith(written)


@pytest.mark.parametrize(("text", "written"), ORDINARY)
def test_an_ordinary_word_in_capitals_stays(text: str, written: str) -> None:
    assert acronym.read(text, text.index(written)) is None
