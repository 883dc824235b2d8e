from __future__ import annotations

from dataclasses import replace

import pytest
from small_results import answers_of, attention_page, choices_of, listening_test, stimulus_id

from tts_cli.errors import InputError
from tts_cli.listening.answer_rows import AnswerRow, joined
from tts_cli.listening.design import ListeningTest, Screening
from tts_cli.listening.ratings import Answers
from tts_cli.listening.screening import screen

ITEMS = tuple(f"item-{number}" for number in range(20))
TEST = listening_test(("recordings", "mid", "new"), ITEMS)


def rated(listener: str, low_references: int, high_anchors: int) -> list[tuple[str, str, str, float]]:
    """Return ratings of 20 items, so many with a reference of 89.5 and so many with a mid anchor of 90.5; others stand at 90."""
    return [
        (listener, item, name, score)
        for place, item in enumerate(ITEMS)
        for name, score in (
            ("recordings", 89.5 if place < low_references else 90.0),
            ("mid", 90.5 if place < high_anchors else 90.0),
            ("new", 50.0),
        )
    ]


def test_more_than_fifteen_percent_of_items_remove_a_listener() -> None:
    # 3 of 20 items are 15 % exactly, 4 are 20 %.
    scores = rated("good", 0, 0) + rated("edge", 3, 3) + rated("deaf", 4, 0) + rated("high", 0, 4) + rated("both", 20, 20)
    screened = screen(answers_of(TEST, scores))
    assert [(one.listener, one.rule, one.num_failed, one.num_items) for one in screened.removals] == [
        ("both", "hidden-reference", 20, 20),
        ("deaf", "hidden-reference", 4, 20),
        ("both", "mid-anchor", 20, 20),
        ("high", "mid-anchor", 4, 20),
    ]
    assert {one.listener for one in screened.kept.ratings} == {"good", "edge"}
    assert screened.removed == {"both", "deaf", "high"}


@pytest.mark.parametrize(
    ("off", "kept"),
    [
        (("hidden-reference",), {"deaf"}),
        (("mid-anchor",), {"high"}),
        (("hidden-reference", "mid-anchor"), {"deaf", "high"}),
    ],
)
def test_each_rule_can_be_switched_off(off: tuple[str, ...], kept: set[str]) -> None:
    screened = screen(answers_of(TEST, rated("deaf", 9, 0) + rated("high", 0, 9)), off)
    assert {one.listener for one in screened.kept.ratings} == kept
    assert {one.rule: one.off for one in screened.rules if one.rule in off} == dict.fromkeys(off, "switched off by an option")


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(InputError, match="--no-rule anchors: there is no such rule"):
        screen(answers_of(TEST, rated("a", 0, 0)), ("anchors",))


def test_rules_are_off_where_the_test_has_no_such_stimulus() -> None:
    test = listening_test(("old", "new"), ITEMS).model_copy(
        update={"screening": Screening(hidden_reference=True, mid_anchor=True)}
    )
    screened = screen(answers_of(test, [("a", item, "new", 0.0) for item in ITEMS]))
    assert [one.off for one in screened.rules] == [
        "the test has no hidden reference",
        "the test has no mid anchor",
        "the test has no attention page",
    ]
    assert screened.removals == ()


def test_rules_are_off_where_the_test_or_the_kind_says_so() -> None:
    quiet = TEST.model_copy(update={"screening": Screening()})
    assert screen(answers_of(quiet, rated("deaf", 20, 20))).removals == ()
    opinion = listening_test(("recordings", "new"), ITEMS, "mos")
    assert screen(answers_of(opinion, [("a", item, "recordings", 1.0) for item in ITEMS])).removals == ()


def test_simulated_listeners_are_not_screened_by_references() -> None:
    answers = replace(answers_of(TEST, rated("deaf", 20, 20)), is_simulated=True)
    assert screen(answers).removals == ()


def test_training_pages_do_not_count() -> None:
    pages = [page.model_copy(update={"role": "training"}) if page.id < "item-2" else page for page in TEST.pages]
    trained = TEST.model_copy(update={"pages": tuple(pages)})
    assert len([page for page in pages if page.role == "training"]) == 12
    # The first twelve by name are training: items 0, 1 and 10 to 19. Of the eight others one is 12.5 %, two are 25 %.
    scores = [(who, item, name, score) for who, item, name, score in rated("a", 0, 0)]
    low = [
        (who, item, name, 0.0 if name == "recordings" and item in ITEMS[10:] + ITEMS[:3] else score)
        for who, item, name, score in scores
    ]
    assert screen(answers_of(trained, low)).removals == ()
    lower = [(who, item, name, 0.0 if name == "recordings" and item in ITEMS[:4] else score) for who, item, name, score in low]
    (removal,) = screen(answers_of(trained, lower)).removals
    assert (removal.num_failed, removal.num_items) == (2, 8)


def watched(kind: str = "mushra") -> ListeningTest:
    test = listening_test(("new", "old"), ("one",), kind)  # type: ignore[arg-type]
    return test.model_copy(update={"pages": (*test.pages, attention_page(28, 32))})


def attentive(score: float) -> Answers:
    rows = [
        AnswerRow("", "a", "one", stimulus_id("one", "new"), 50.0),
        AnswerRow("", "a", "watch", stimulus_id("watch", ""), score),
        AnswerRow("", "a", "watch", stimulus_id("watch", "new"), 90.0),
    ]
    return joined(watched(), rows)[0]


@pytest.mark.parametrize(("score", "fails"), [(27.9, True), (28, False), (32, False), (32.1, True)])
def test_an_attention_page_has_a_range_of_right_scores(score: float, fails: bool) -> None:
    screened = screen(attentive(score))
    assert [(one.rule, one.num_failed, one.num_items) for one in screened.removals] == [("attention", 1, 1)] * fails
    assert screen(attentive(score), ("attention",)).removals == ()


def test_a_listener_who_stopped_before_the_attention_page_stays() -> None:
    answers, _ = joined(watched(), [AnswerRow("", "a", "one", stimulus_id("one", "new"), 50.0)])
    assert screen(answers).removals == ()


@pytest.mark.parametrize(("chosen", "fails"), [("", False), ("new", True), (None, True)])
def test_an_attention_page_of_choices_has_one_right_choice(chosen: str | None, fails: bool) -> None:
    test = watched("ab")
    rows = [AnswerRow("", "a", "watch", stimulus_id("watch", name), chosen=int(name == chosen)) for name in ("", "new")] + [
        AnswerRow("", "a", "one", stimulus_id("one", name), chosen=int(name == "new")) for name in ("old", "new")
    ]
    assert bool(screen(joined(test, rows)[0]).removals) is fails
    assert choices_of(listening_test(("new", "old"), ("one",), "ab"), [("a", "one", "new")]).choices[0].chosen == "new"
