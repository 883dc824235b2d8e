"""Screening of listeners after a test: the two rules of BS.1534-3, and attention checks.

BS.1534-3 (MUSHRA) excludes a listener who rates the hidden reference below 90 in more than 15 % of the items, or the mid-range
anchor above 90 in more than 15 % of the items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

from tts_cli.config import suggest
from tts_cli.config.plain_yaml import shortened
from tts_cli.errors import InputError
from tts_cli.listening.answer_rows import choice_name
from tts_cli.listening.design import ConditionRole, Page
from tts_cli.listening.ratings import Answers

Rule = Literal["hidden-reference", "mid-anchor", "attention"]
RULES: tuple[Rule, ...] = get_args(Rule)
LIMIT = 90.0
"""Score that a hidden reference reaches, and that a mid anchor does not exceed."""
MOST_FAILED_PERCENT = 15
"""Largest share of failed items with which a listener stays, in percent."""
WORDS: dict[Rule, str] = {
    "hidden-reference": f"hidden reference < {LIMIT:g} in > {MOST_FAILED_PERCENT} % of items",
    "mid-anchor": f"mid anchor > {LIMIT:g} in > {MOST_FAILED_PERCENT} % of items",
    "attention": "wrong answer to an attention page",
}
"""Each rule in words."""


@dataclass(frozen=True)
class Removal:
    """Listener whom a rule removes."""

    listener: str
    rule: Rule
    num_failed: int
    """Number of items that the listener failed."""
    num_items: int
    """Number of items that the rule looked at."""


@dataclass(frozen=True)
class RuleState:
    """Rule, and the reason why it was not applied."""

    rule: Rule
    off: str = ""
    """Reason; empty: the rule was applied."""


@dataclass(frozen=True)
class Screened:
    """Outcome of screening."""

    kept: Answers
    """Answers of the listeners who stay; none if all are removed."""
    removals: tuple[Removal, ...]
    rules: tuple[RuleState, ...]

    @property
    def removed(self) -> frozenset[str]:
        """Listeners whom any rule removes."""
        return frozenset(one.listener for one in self.removals)


def screen(answers: Answers, off: Collection[str] = ()) -> Screened:
    """Remove the listeners who fail a rule.

    Args:
        answers: Answers of all listeners.
        off: Rules to switch off. A rule is off too if the test says so, or has no such stimulus.

    Raises:
        InputError: `off` names an unknown rule.
    """
    unknown = [rule for rule in off if rule not in RULES]
    if unknown:
        raise InputError(f"--no-rule {shortened(unknown[0])}: there is no such rule", hint=suggest(unknown[0], list(RULES)))
    states = tuple(RuleState(rule, "switched off by an option" if rule in off else _missing(rule, answers)) for rule in RULES)
    removals = tuple(one for state in states if not state.off for one in sorted(_failing(state.rule, answers), key=_order))
    removed = {one.listener for one in removals}
    ratings = tuple(one for one in answers.ratings if one.listener not in removed)
    choices = tuple(one for one in answers.choices if one.listener not in removed)
    unfinished = tuple(one for one in answers.unfinished if one not in removed)
    return Screened(replace(answers, ratings=ratings, choices=choices, unfinished=unfinished), removals, states)


def _order(removal: Removal) -> tuple[float, str]:
    return -removal.num_failed / removal.num_items, removal.listener


def _missing(rule: Rule, answers: Answers) -> str:
    """Return the reason in the test for leaving out a rule; empty if there is none."""
    test = answers.test
    if rule == "attention":
        if not any(page.role == "attention" and page.expected for page in test.pages):
            return "the test has no attention page"
        return "" if test.screening.attention else "the test leaves it out"
    role, noun = ROLES[rule]
    if test.kind != "mushra" or all(one.role != role for one in test.conditions):
        return f"the test has no {noun}"
    if answers.is_simulated:
        return "the listeners were simulated"
    wanted = test.screening.hidden_reference if rule == "hidden-reference" else test.screening.mid_anchor
    return "" if wanted else "the test leaves it out"


ROLES: dict[str, tuple[ConditionRole, str]] = {
    "hidden-reference": ("reference", "hidden reference"),
    "mid-anchor": ("mid-anchor", "mid anchor"),
}
FAILS: dict[str, Callable[[float], bool]] = {
    "hidden-reference": lambda score: score < LIMIT,
    "mid-anchor": lambda score: score > LIMIT,
}


def _failing(rule: Rule, answers: Answers) -> Iterator[Removal]:
    """Yield the listeners who fail a rule."""
    if rule == "attention":
        rated, failed = _attention(answers)
    else:
        role, _ = ROLES[rule]
        own = [one for one in answers.ratings if one.role == "test" and answers.test.role_of(one.condition) == role]
        rated = Counter(one.listener for one in own)
        failed = Counter(one.listener for one in own if FAILS[rule](one.score))
    allowed = 0 if rule == "attention" else MOST_FAILED_PERCENT
    for listener, num_failed in failed.items():
        if 100 * num_failed > allowed * rated[listener]:
            yield Removal(listener, rule, num_failed, rated[listener])


def _attention(answers: Answers) -> tuple[Counter[str], Counter[str]]:
    """Return the number of attention pages that each listener answered, and of those that the listener failed."""
    pages = {page.id: page for page in answers.test.pages if page.role == "attention" and page.expected}
    outcomes = [
        (one.listener, _is_expected(one.score, pages[one.page]))
        for one in answers.ratings
        if one.page in pages and one.condition == _expected_condition(pages[one.page])
    ]
    outcomes += [(one.listener, one.chosen == _expected_name(pages[one.page])) for one in answers.choices if one.page in pages]
    return Counter(listener for listener, _ in outcomes), Counter(listener for listener, is_right in outcomes if not is_right)


def _is_expected(score: float, page: Page) -> bool:
    assert page.expected is not None
    return page.expected.low <= score <= page.expected.high


def _expected_condition(page: Page) -> str | None:
    return next((one.condition for one in page.stimuli if page.expected and one.id == page.expected.stimulus), None)


def _expected_name(page: Page) -> str | None:
    return next((choice_name(one, page) for one in page.stimuli if page.expected and one.id == page.expected.stimulus), None)
