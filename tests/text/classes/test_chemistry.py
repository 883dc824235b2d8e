"""Formulas of compounds, ions and isotopes."""

from __future__ import annotations

import pytest
from speaking import spoken


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Add NaOH to C6H12O6.", "add n a o h to c six h twelve o six"),
        ("Fe³⁺ and SO₄²⁻ ions", "f e three plus and s o four two minus ions"),
        ("2H₂ + O₂ → 2H₂O", "two h two plus o two yields two h two o"),
        ("Mg(OH)₂ is mild.", "m g o h two is mild"),
        ("¹⁴C and ²³⁵U decay.", "carbon fourteen and uranium two thirty five decay"),
        ("a pKa of 4", "a p k a of four"),
        ("KMnO4 and HCl", "k m n o four and h c l"),
    ],
)
def test_chemistry_is_read(written: str, words: str) -> None:
    assert spoken(written).lower() == words.lower()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("In case He comes, No one As such.", "in case he comes no one as such"),
        ("IN CASE NO ONE IS HERE", "in case no one is here"),
    ],
)
def test_other_text_is_no_chemistry(written: str, words: str) -> None:
    assert spoken(written).lower() == words.lower()
