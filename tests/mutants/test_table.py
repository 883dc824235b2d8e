"""Every mistake of the table still applies to the code, and every generated mutation changes it."""

from __future__ import annotations

import ast

import pytest
from generated import edits
from run import AREAS, ROOT, place_of, place_of_tests, places
from table import MISTAKES, Mistake

CODE = '''
def scaled(values: list[int], limit: int = 3) -> list[float]:
    """Not 1 of these words is code."""
    if len(values) < limit and not values[0]:
        raise ValueError("at least 3")
    return [value * 0.5 + limit for value in values]
'''
EXPECTED = {
    "limit: int = 3": "limit: int = 4",
    "len(values) < limit and": "(len(values) <= limit) and",
    "len(values) < limit and not values[0]": "(len(values) < limit or not values[0])",
    "not values[0]": "(values[0])",
    "values[0]": "values[1]",
    "value * 0.5 + limit": "(value * 0.5 - limit)",
    "value * 0.5 ": "(value / 0.5) ",
    "0.5": "1.0",
    "return [value * 0.5 + limit for value in values]": "return None",
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_of_the_table_has_a_place_and_tests(mistake: Mistake) -> None:
    path = place_of(mistake, ROOT / "tts_cli")
    assert path is not None, "the code was written anew: write the mistake anew"
    ast.parse(path.read_text(encoding="utf-8").replace(mistake.old, mistake.new))
    files = [name for name in mistake.tests if name.startswith("tests/")]
    assert files
    assert all((ROOT / place_of_tests(name, ROOT)).is_file() for name in files)


def test_there_are_twenty_and_each_has_its_own_name() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == 20


def test_mistakes_made_by_rule_are_these() -> None:
    made = {edit.applied(CODE) for edit in edits(CODE)}
    assert made == {CODE.replace(old, new, 1) for old, new in EXPECTED.items()}


def test_every_area_has_mistakes_that_can_be_compiled() -> None:
    found = places(ROOT / "tts_cli")
    assert {area for area, _, _ in found} == set(AREAS)
    for _, path, edit in found[:: len(found) // 100]:
        text = path.read_text(encoding="utf-8")
        assert edit.applied(text) != text
        ast.parse(edit.applied(text))
