"""Numbers, measures, money, signs and ranges, each class alone and composed."""

from __future__ import annotations

import pytest

from tts_cli.text.characters import plain
from tts_cli.text.classes import quantity


def words(text: str) -> str | None:
    """Return the words of the token at the start of `text`, and the text that is left, after a bar."""
    written = plain(text)
    reading = quantity.read(written, 0)
    return None if reading is None else f"{' '.join(reading.words)}|{written[reading.end :]}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("17", "seventeen|"),
        ("4,096 rows", "four thousand ninety six| rows"),
        ("1812 overture", "eighteen twelve| overture"),
        ("2.75", "two point seven five|"),
        (".25", "point two five|"),
        ("86,400,000,000,000,000,000 s", "eighty six quintillion four hundred quadrillion seconds|"),
        ("15 000 men", "fifteen thousand| men"),
        ("7 250-piece sets", "seven| 250-piece sets"),
        ("7/8", "seven eighths|"),
        ("3 1/2", "three and a half|"),
        ("5¾", "five and three quarters|"),
        ("⅔ of it", "two thirds| of it"),
        ("22nd", "twenty second|"),
        ("1,001st", "one thousand first|"),
        ("10⁶", "ten to the sixth|"),
        ("10⁻²", "ten to the minus two|"),
        ("5³", "five cubed|"),
        ("1.6 × 10⁻¹⁹ C", "one point six times ten to the minus nineteen| C"),
        ("4e-7", "four times ten to the minus seven|"),
        ("8k", "eight thousand|"),
        ("4m users", "four million| users"),
        ("4m tall", "four meters| tall"),
        ("6bn", "six billion|"),
    ],
)
def test_numbers(text: str, expected: str) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 kg", "one kilogram|"),
        ("3.5kg,", "three point five kilograms|,"),
        ("45 min. of it", "forty five minutes| of it"),
        ("45 min. Then", "forty five minutes|. Then"),
        ("9.8 m/s²", "nine point eight meters per second squared|"),
        ("8 µg/m³", "eight micrograms per cubic meter|"),
        ("12 sq. ft. of it", "twelve square feet| of it"),
        ("3 mg/kg/day", "three milligrams per kilogram per day|"),
        ("9 in the morning", "nine| in the morning"),
        ("9 in. wide", "nine inches| wide"),
        ("9in. Then", "nine inches|. Then"),
        ("4 pts up", "four points| up"),
        ("3/16 in. thick", "three sixteenths inch| thick"),
        ("23°C", "twenty three degrees Celsius|"),
        ("6'1\"", "six foot one|"),
        ("41°24'12\"N", "forty one degrees twenty four minutes and twelve seconds north|"),
        ("1984 pounds", "one thousand nine hundred eighty four pounds|"),
        ("5 A grades", "five| A grades"),
        ("5 A at", "five amps| at"),
        ("8½ tsp", "eight and a half teaspoons|"),
        ("4 cm x 6 cm", "four centimeters by six centimeters|"),
        ("12KG", "twelve kilograms|"),
        ("3 million km away", "three million kilometers| away"),
        ("2,5 km", "two point five kilometers|"),
    ],
)
def test_measures(text: str, expected: str) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("a 9 ft board", 2, "nine foot"),
        ("the 9 ft board", 4, "nine foot"),
        ("the 9 ft of it", 4, "nine feet"),
        ("it's 9 ft wide", 5, "nine feet"),
        ("a 3–4 km walk", 2, "three to four kilometer"),
        ("a $40 fine", 2, "forty dollar"),
        ("for $40 today", 4, "forty dollars"),
        ('he said "5" and', 9, "five"),
        ('a 5" pipe', 2, "five inch"),
    ],
)
def test_a_unit_before_its_noun_is_singular(text: str, place: int, expected: str) -> None:
    written = plain(text)
    reading = quantity.read(written, place)
    assert reading
    assert " ".join(reading.words) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$1", "one dollar|"),
        ("$7.05", "seven dollars five cents|"),
        ("$3.5", "three dollars fifty cents|"),
        ("$0.01", "one cent|"),
        ("$0.125", "zero point one two five dollars|"),
        ("£4bn", "four billion pounds|"),
        ("$6.2 trillion", "six point two trillion dollars|"),
        ("75¢", "seventy five cents|"),
        ("80 €", "eighty euros|"),
        ("12,30€", "twelve euros thirty cents|"),
        ("€2.500,99", "two thousand five hundred euros ninety nine cents|"),
        ("400 CHF", "four hundred Swiss francs|"),
        ("$30/month", "thirty dollars per month|"),
        ("€0.30/kWh", "thirty cents per kilowatt hour|"),
        ("-$5 million", "minus five million dollars|"),
        ("$-8", "minus eight dollars|"),
        ("+£3", "plus three pounds|"),
        ("¥700", "seven hundred yen|"),
    ],
)
def test_money(text: str, expected: str) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6–9", "six to nine|"),
        ("6-9 km", "six to nine kilometers|"),
        ("6km-9km", "six to nine kilometers|"),
        ("15%–20%", "fifteen to twenty percent|"),
        ("15 to 20%", "fifteen| to 20%"),
        ("-4° to", "minus four degrees| to"),
        ("-4–2°C", "minus four to two degrees Celsius|"),
        ("4°–9°F", "four to nine degrees Fahrenheit|"),
        ("£20–£30", "twenty to thirty pounds|"),
        ("$20-30", "twenty to thirty dollars|"),
        ("$1.5–2 million", "one point five to two million dollars|"),
        ("£2.50–£3.25", "two pounds fifty pence to three pounds twenty five pence|"),
        ("3–4 million", "three to four million|"),
        ("9 - 4", "nine| - 4"),
        ("4 - 9 boxes", "four to nine| boxes"),
        ("4 - 9 = -5", "four| - 9 = -5"),
        ("3 - 4 lb", "three to four pounds|"),
        ("2nd–4th", "second to fourth|"),
        ("½–¾ cup", "one half to three quarters| cup"),
    ],
)
def test_ranges_of_any_class(text: str, expected: str) -> None:
    assert words(text) == expected


@pytest.mark.parametrize("text", ["-", "- 3 apples"[:1], "+", "$", ".x", "£ "])
def test_other_signs_are_no_quantities(text: str) -> None:
    assert words(text) is None


def test_a_sign_inside_a_word_is_none() -> None:
    assert quantity.read("T-34", 1) is None
    assert quantity.read("x-3", 1) is None
