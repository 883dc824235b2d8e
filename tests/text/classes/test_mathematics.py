"""Formulas, powers, and operators between values of other classes."""

from __future__ import annotations

import pytest
from speaking import spoken


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Solve 3x + 5 = 20.", "Solve three x plus five equals twenty"),
        ("The circle has πr² in all.", "the circle has pi r squared in all"),
        ("Let g(x) = 4x - 1.", "let g of x equals four x minus one"),
        ("Then sin(x) + cos(y) = 1.", "then sine of x plus cosine of y equals one"),
        ("So 12 ÷ 4 = 3.", "so twelve divided by four equals three"),
        ("(a + b)² = c", "a plus b squared equals c"),
        ("1/3 + 1/6 = 1/2", "one third plus one sixth equals one half"),
        ("x/2 + y/3 = 1", "x over two plus y over three equals one"),
        ("It grows as 2^n or n^3.", "it grows as two to the n or n cubed"),
        ("2^(n-1) is even.", "two to the power of n minus one is even"),
        ("About 10¹² stars and 10⁻⁹ of it.", "about ten to the twelfth stars and ten to the minus nine of it"),
        ("6.02 × 10²³ atoms", "six point zero two times ten to the twenty third atoms"),
        ("√2 and √(x + 1) and ∛8", "the square root of two and the square root of x plus one and the cube root of eight"),
        ("7! is more.", "seven factorial is more"),
        ("|y| is 4.", "the absolute value of y is four"),
        ("x₁ + x₂ = 9", "x sub one plus x sub two equals nine"),
        ("if n >= 10 or m != 2", "if n is greater than or equal to ten or m is not equal to two"),
        ("the odds are > 90%", "the odds are greater than ninety percent"),
        ("if age < 65 then", "if age is less than sixty five then"),
        ("Only ≤ 3 of <50 came.", "only less than or equal to three of less than fifty came"),
        ("$5 + $3 = $8", "five dollars plus three dollars equals eight dollars"),
        ("70 ± 5 kg", "seventy plus or minus five kilograms"),
        ("Then y = ax² + bx.", "then y equals a x squared plus b x"),
        ("What is 18 / 6?", "what is eighteen divided by six"),
        ("Speed = distance ÷ time", "speed equals distance divided by time"),
        ("Evaluate 12 - 5 first.", "evaluate twelve minus five first"),
        ("9-5=4", "nine minus five equals four"),
        ("x +2 = y", "x plus two equals y"),
        ("in km² or per m³", "in square kilometers or per cubic meter"),
        ("sin²x = 1", "sine squared of x equals one"),
        ("a 4×4 truck", "a four by four truck"),
    ],
)
def test_mathematics_is_read(written: str, words: str) -> None:
    assert spoken(written).lower() == words.lower()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("pages 5-7 today", "pages five to seven today"),
        ("Let n = 10-15 here.", "let n equals ten to fifteen here"),
        ("He scored 5! Then he left.", "he scored five | then he left"),
        ("Grade A+ work in C++.", "grade A plus work in C plus plus"),
        ("In 1990² the war began.", "in nineteen ninety the war began"),
        ("A - B - C", "a b c"),
    ],
)
def test_other_text_is_no_mathematics(written: str, words: str) -> None:
    assert spoken(written).lower() == words.lower()
