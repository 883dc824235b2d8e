"""Simulated listeners: the model's numbers, its seeds, and files that say that nobody listened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tts_cli.config import parse
from tts_cli.errors import ConfigError, InputError
from tts_cli.listening.design import Expected, Kind, ListeningTest, Page, Screening, Stimulus, read_test
from tts_cli.listening.inference import crossed_table
from tts_cli.listening.simulated_answers import simulate_answers, write_simulation
from tts_cli.listening.simulation import (
    NO_POST_SCREENING,
    NOT_PEOPLE,
    ListenerModel,
    default_test,
    draw_scores,
    draw_uncut,
    mean_after_cutting,
    means_of,
    planted_gap_reduction,
)


def other_test(kind: Kind) -> ListeningTest:
    """Return a test of another kind with one training, one attention and four test pages, of conditions a and b."""
    number = iter(range(1000))

    def stimulus(condition: str) -> Stimulus:
        return Stimulus(id=f"{next(number):016x}", condition=condition)

    def stimuli(*conditions: str) -> tuple[Stimulus, ...]:
        return tuple(stimulus(name) for name in conditions)

    pair = ("b", "a") if kind in ("ab", "abx") else ("a",)
    pages = [Page(id=f"p{place}", item=f"i{place}", stimuli=stimuli(*pair), answer="b" * (kind == "abx")) for place in range(4)]
    told = stimuli("", "") if kind in ("ab", "abx") else stimuli("")
    expected = Expected(stimulus=told[0].id, low=2, high=2)
    pages += [
        Page(id="training", role="training", item="t", stimuli=stimuli(*pair), answer="a" * (kind == "abx")),
        Page(id="check", role="attention", item="c", stimuli=told, expected=expected),
    ]
    conditions: Any = [{"name": "a"}, {"name": "b"}]
    return ListeningTest(kind=kind, title="T", question="Q", sample_rate=16000, conditions=conditions, pages=tuple(pages))


def test_the_stated_numbers_are_the_defaults() -> None:
    model = ListenerModel()
    numbers = (model.listeners, model.items, model.listeners_by_system, model.items_by_system, model.residual)
    assert numbers == (12, 8, 8, 6, 18)
    assert (model.lowest, model.highest) == (0, 100)
    assert means_of(default_test()) == {"recordings": 75, "baseline": 50, "new": 62}
    assert draw_scores(model, seeds=[0]).shape == (1, 20, 12, 3)


def test_the_parts_have_the_stated_spread() -> None:
    random = np.random.default_rng(0)
    lasting, residual = draw_uncut(ListenerModel(), (75, 50, 62), 700, 700, random)
    assert residual.std() == pytest.approx(18, rel=0.01)
    assert lasting.mean((0, 1)) == pytest.approx([75, 50, 62], abs=2)
    centred = lasting - lasting.mean((0, 1))
    by_listener, by_item = centred.mean(1), centred.mean(0)
    assert by_listener.var() == pytest.approx(12**2 + 8**2, rel=0.15)
    assert by_item.var() == pytest.approx(8**2 + 6**2, rel=0.15)
    assert (by_listener[:, 0] - by_listener[:, 1]).var() == pytest.approx(2 * 8**2, rel=0.15)
    assert (by_item[:, 0] - by_item[:, 1]).var() == pytest.approx(2 * 6**2, rel=0.15)
    np.testing.assert_allclose(centred, by_listener[:, None] + by_item[None], atol=1e-9)


def test_ratings_are_cut_at_the_ends() -> None:
    scores = draw_scores(ListenerModel(), seeds=range(50))
    assert (scores.min(), scores.max()) == (0, 100)
    assert (scores[..., 0] == 100).mean() == pytest.approx(stats.norm.sf(25 / ListenerModel().spread), abs=0.02)
    narrow = draw_scores(ListenerModel(lowest=40, highest=60), seeds=range(2))
    assert (narrow.min(), narrow.max()) == (40, 60)


def test_seven_of_ten_recordings_are_rated_below_90() -> None:
    assert (draw_scores(ListenerModel(), seeds=range(200))[..., 0] < 90).mean() == pytest.approx(0.7, abs=0.05)


def test_means_after_cutting() -> None:
    model = ListenerModel()
    for mean in (0.0, 50.0, 75.0, 99.0):
        exact = stats.norm(mean, model.spread).expect(lambda rating: np.clip(rating, 0, 100))
        assert mean_after_cutting(model, mean) == pytest.approx(exact, abs=1e-6)
    sharp = ListenerModel(listeners=0, items=0, listeners_by_system=0, items_by_system=0, residual=0)
    assert mean_after_cutting(sharp, 62) == 62
    assert planted_gap_reduction(sharp) == pytest.approx(0.48)
    assert planted_gap_reduction(model) == pytest.approx(0.495, abs=0.0005)


def test_a_seed_gives_the_same_ratings_alone_and_among_others() -> None:
    model = ListenerModel()
    np.testing.assert_array_equal(draw_scores(model, seeds=range(5))[3], draw_scores(model, seeds=[3])[0])
    assert not np.array_equal(draw_scores(model, seeds=[3]), draw_scores(model, seeds=[4]))


def test_answers_are_the_ratings_of_the_same_seed() -> None:
    simulated = simulate_answers(seed=3)
    table = crossed_table(simulated.answers.ratings)
    assert table.conditions == ("baseline", "new", "recordings")
    np.testing.assert_array_equal(table.scores, draw_scores(ListenerModel(), seeds=[3])[0][..., [1, 2, 0]])
    assert simulated.answers == simulate_answers(seed=3).answers
    assert simulated.answers != simulate_answers(seed=4).answers


def test_answers_say_that_nobody_listened_and_switch_post_screening_off() -> None:
    screened = default_test(3).model_copy(
        update={"screening": Screening(hidden_reference=True, mid_anchor=True), "notes": ("N",)}
    )
    simulated = simulate_answers(screened, num_listeners=2)
    assert simulated.answers.is_simulated
    assert simulated.test.screening == Screening(hidden_reference=False, mid_anchor=False, attention=True)
    assert simulated.test.notes == (NOT_PEOPLE, NO_POST_SCREENING, "N")
    assert simulated.lines[0].startswith("Simulated")
    assert "Post-screening is off" in simulated.lines[-1]
    assert all("simulated" in one.listener for one in simulated.answers.ratings)


def test_means_by_role_and_by_name() -> None:
    roles = [("a", "low-anchor"), ("m", "mid-anchor"), ("r", "reference"), ("s", "system"), ("t", "system"), ("u", "system")]
    conditions: Any = [{"name": name, "role": role} for name, role in roles]
    test = default_test(1).model_copy(
        update={"conditions": ListeningTest.model_validate({**default_test(1).model_dump(), "conditions": conditions}).conditions}
    )
    assert means_of(test, {"u": 33}) == {"a": 20, "m": 40, "r": 75, "s": 50, "t": 62, "u": 33}
    with pytest.raises(InputError, match="--mean x: the test has no such condition"):
        means_of(test, {"x": 1})


def test_mos_is_rounded_on_its_own_scale() -> None:
    simulated = simulate_answers(other_test("mos"), num_listeners=40)
    scores = [one.score for one in simulated.answers.ratings if one.role == "test"]
    assert set(scores) <= {1, 2, 3, 4, 5}
    assert np.mean(scores) == pytest.approx(3, abs=0.5)


def test_ab_prefers_the_better_system_and_abx_hears_x() -> None:
    means = {"a": 5.0, "b": 95.0}
    for kind in ("ab", "abx"):
        choices = simulate_answers(other_test(kind), means=means, num_listeners=25).answers.choices
        counted = [one for one in choices if one.role == "test"]
        assert len(counted) == 100
        assert {(one.first, one.second) for one in counted} == {("a", "b")}
        assert np.mean([one.chosen == "b" for one in counted]) > 0.9
    training = [one for one in choices if one.role == "training"]
    assert np.mean([one.chosen == "a" for one in training]) > 0.9
    alike = simulate_answers(other_test("abx"), means={"a": 50, "b": 50}, num_listeners=200).answers.choices
    assert 0.5 < np.mean([one.chosen == one.answer for one in alike if one.role == "test"]) < 0.75


@pytest.mark.parametrize("kind", ["mos", "ab", "abx"])
def test_attention_pages_are_answered_right(kind: Kind) -> None:
    test = other_test(kind)
    expected = test.pages[-1].expected
    assert expected is not None
    for pages in simulate_answers(test, num_listeners=3).given.values():
        assert pages["check"][expected.stimulus] == (2 if kind == "mos" else 1)
        assert kind == "mos" or sum(pages["check"].values()) == 1


def test_files_say_that_they_are_simulated(tmp_path: Path) -> None:
    simulated = simulate_answers(default_test(2), num_listeners=3, seed=5)
    write_simulation(simulated, tmp_path / "new")
    assert read_test(tmp_path / "new") == simulated.test
    files = sorted((tmp_path / "new").glob("results-*.json"))
    assert [file.name for file in files] == [f"results-simulated-5-00{number}.json" for number in (1, 2, 3)]
    for file, (token, pages) in zip(files, simulated.given.items(), strict=True):
        value = json.loads(file.read_text())
        assert (value["simulated"], value["format"], value["token"], value["finished"]) == (True, 1, token, True)
        assert {(row["page"], row["stimulus"]): row["score"] for row in value["answers"]} == {
            (page, stimulus): score for page, given in pages.items() for stimulus, score in given.items()
        }
        assert {row["position"] for row in value["answers"]} == {0, 1}
    write_simulation(simulated, tmp_path / "again")
    assert (tmp_path / "again" / files[0].name).read_bytes() == files[0].read_bytes()


def test_files_of_choices(tmp_path: Path) -> None:
    write_simulation(simulate_answers(other_test("ab"), num_listeners=1), tmp_path / "new")
    rows = json.loads((tmp_path / "new/results-simulated-0-001.json").read_text())["answers"]
    assert {row["chosen"] for row in rows} == {0, 1}
    assert {row["score"] for row in rows} == {None}


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "results.sqlite").write_text("answers of people")
    with pytest.raises(InputError, match="exists already"):
        write_simulation(simulate_answers(default_test(1), num_listeners=1), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["results.sqlite"]


def test_a_model_without_sense_is_refused() -> None:
    with pytest.raises(ConfigError, match="lowest rating 60 must lie below the highest, 50"):
        parse(ListenerModel, {"lowest": 60, "highest": 50}, "the model")
    with pytest.raises(ConfigError, match="'residual'"):
        parse(ListenerModel, {"residual": -1}, "the model")
