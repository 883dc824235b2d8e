from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_results import (
    answers_of,
    choices_of,
    listening_test,
    page,
    results_of,
    rows_of,
    stimulus_id,
    write_csv,
    write_database,
    write_downloads,
    write_test,
)

from tts_cli.cli.main import main
from tts_cli.errors import InputError
from tts_cli.listening.analysis import Analysis, analyse_results, answers_hash
from tts_cli.listening.analysis_page import command_of, report_page, write_report
from tts_cli.listening.analysis_tables import SIMULATED
from tts_cli.listening.comparisons import AskedPairs
from tts_cli.listening.design import ListeningTest
from tts_cli.listening.simulated_answers import simulate_answers
from tts_cli.listening.simulation import NOT_PEOPLE, default_test

pytest.importorskip("statsmodels")

NAMES = ("recordings", "low", "old", "new")
ITEMS = ("one", "two", "three", "four")
TEST = listening_test(NAMES, ITEMS, groups={"one": "short", "two": "short"})
LISTENERS = ("anna", "bo", "cy", "di", "ed")
Scores = list[tuple[str, str, str, float]]


@pytest.fixture(autouse=True)
def _no_collections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep statsmodels from collecting garbage at every correction of p-values, which takes a third of a second each."""
    monkeypatch.setattr("gc.collect", lambda *_: 0)


def drawn(seed: int = 0, listeners: tuple[str, ...] = LISTENERS) -> Scores:
    random = np.random.default_rng(seed)
    means = dict(zip(NAMES, (95, 20, 50, 65), strict=True))
    return [
        (who, item, name, float(np.clip(means[name] + random.normal(0, 8), 0, 100).round()))
        for who in listeners
        for item in ITEMS
        for name in NAMES
    ]


def analysed(scores: Scores, test: ListeningTest = TEST, **options: Any) -> Analysis:
    return analyse_results(results_of(answers_of(test, scores)), **options)


def plain(analysis: Analysis) -> dict[str, Any]:
    """Return the JSON of an analysis; it must be JSON that any program reads."""
    found: dict[str, Any] = json.loads(json.dumps(analysis.as_dict(), allow_nan=False))
    return found


def everything(analysis: Analysis) -> str:
    """Return all forms of a report as one text."""
    from rich.console import Console

    console = Console(width=300, record=True, quiet=True)
    for drawing in analysis.drawings():
        console.print(drawing)
    return "\n".join([console.export_text(), analysis.markdown(), json.dumps(plain(analysis)), report_page(analysis).html()])


def unscreened(scores: Scores) -> Analysis:
    return analysed(scores, off=("hidden-reference",))


def test_the_tables_hold_means_differences_gap_and_model() -> None:
    scores = drawn()
    found = unscreened(scores)
    titles = [grid.title for grid in found.grids]
    assert titles == [
        "Means",
        "Means by group",
        "Differences",
        "Gap reduction",
        "Mixed model",
        "Mixed model: standard deviations",
        "Listeners that the next test needs",
        "Screening",
    ]
    of = {name: [score for _, _, own, score in scores if own == name] for name in NAMES}
    cells = {row[1]: row for row in found.grids[0].rows}
    for name in NAMES:
        assert cells[name][2].startswith(f"{np.mean(of[name]):.1f} [")
    assert [row[0] for row in found.grids[2].rows] == ["new - old", "recordings - old", "recordings - new"]
    assert found.grids[2].rows[0][1].startswith(f"{np.mean(of['new']) - np.mean(of['old']):.1f} [")
    assert found.grids[2].rows[0][-1] == "higher"
    gap = (np.mean(of["new"]) - np.mean(of["old"])) / (np.mean(of["recordings"]) - np.mean(of["old"]))
    assert found.grids[3].rows[0][1].startswith(f"{100 * gap:.0f} [")


def test_the_answers_of_screened_listeners_are_shown_apart() -> None:
    scores = [
        (who, item, name, 10.0 if (who, name) == ("bo", "recordings") else 95.0 if name == "recordings" else score)
        for who, item, name, score in drawn()
    ]
    found = analysed(scores)
    assert found.findings.num_listeners == 4
    assert found.unscreened is not None and found.unscreened.num_listeners == 5
    titles = [grid.title for grid in found.grids]
    assert "Means (listeners who passed screening)" in titles
    assert "Means (all listeners, without screening)" in titles
    removed = next(grid for grid in found.grids if grid.title == "Listeners removed by screening")
    assert removed.rows == [["bo", "hidden-reference", "4 of 4"]]
    values = plain(found)
    assert values["screening"]["removed"][0]["listener"] == "bo"
    assert values["results_without_screening"]["num_listeners"] == 5
    assert found.findings.means[0].mean.mean == 95


def test_screening_that_removes_everybody_leaves_a_report() -> None:
    found = analysed([(*one[:3], min(one[3], 80.0)) for one in drawn()])
    assert found.removes_everybody and found.findings.num_listeners == 5
    assert "--no-rule" in everything(found)


@pytest.mark.parametrize("kind", ["mushra", "mos"])
def test_one_listener_gets_a_report_that_says_its_limits(kind: Any) -> None:
    test = listening_test(NAMES, ITEMS, kind)
    scores = [(*one[:3], one[3] if kind == "mushra" else 1 + one[3] / 25) for one in drawn(0, ("anna",))]
    found = analysed(scores, test, off=("hidden-reference",))
    text = everything(found)
    assert "One listener: the result says nothing of other listeners." in text
    assert "No mixed model: it needs two listeners." in text
    assert "No power of a next test" in text
    assert found.first_line == "1 listener answered."
    assert not re.search(r"\bnan\b|Infinity|\binf\b", found.markdown())


def test_one_rating_gets_a_report() -> None:
    text = everything(analysed([("anna", "one", "new", 50.0)]))
    assert "There is nothing to compare" in text.replace("there is nothing", "There is nothing")


def test_equal_ratings_get_a_report_that_says_so() -> None:
    found = analysed([(*one[:3], 50.0) for one in drawn()], off=("hidden-reference",))
    text = everything(found)
    assert "All values are equal, so their variance is unknown: no test is possible." in text
    assert "No mixed model: all ratings are equal." in text
    assert "there is no gap to reduce" in text.lower()
    assert {row[-1] for row in found.grids[2].rows} == {"no test"}
    assert {row[2] for row in found.grids[2].rows} == {"-"}
    assert found.grids[0].rows[0][2] == "50.0"
    assert not re.search(r"\bnan\b|Infinity|\binf\b", found.markdown())


def test_ratings_with_holes_get_a_report() -> None:
    scores = [one for place, one in enumerate(drawn()) if place % 3]
    everything(unscreened(scores))
    everything(unscreened([one for one in scores if (one[0], one[2]) in {("anna", "new"), ("bo", "old")}]))


def comparable(analysis: Analysis) -> Any:
    """Return the figures of an analysis without names, rounded: sums in another order differ in their last bits."""

    def rounded(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: rounded(one) for key, one in value.items() if key != "listener"}
        if isinstance(value, list):
            return [rounded(one) for one in value]
        return float(f"{value:.5g}") if isinstance(value, float) else value

    return rounded(plain(analysis))


@settings(max_examples=2, deadline=None, phases=[Phase.generate])
@given(st.permutations(range(len(LISTENERS))), st.integers(0, 10**6))
def test_names_and_order_change_nothing(order: list[int], seed: int) -> None:
    scores = [one for place, one in enumerate(drawn(3)) if place % 11]
    names = {name: f"{order[place]}-{'x' * place}" for place, name in enumerate(LISTENERS)}
    renamed = [(names[who], item, name, score) for who, item, name, score in scores]
    np.random.default_rng(seed).shuffle(renamed)
    assert comparable(unscreened(renamed)) == comparable(unscreened(scores))


@settings(max_examples=5, deadline=None, phases=[Phase.generate])
@given(st.permutations(range(len(LISTENERS))), st.integers(0, 10**6))
def test_names_and_order_change_no_choices(order: list[int], seed: int) -> None:
    test = listening_test(("new", "old"), ITEMS, "ab")
    chosen = [
        (who, item, ("new", "old", "", "new")[(a + b * b) % 4]) for a, who in enumerate(LISTENERS) for b, item in enumerate(ITEMS)
    ]
    renamed = [(f"{order[LISTENERS.index(who)]}", item, name) for who, item, name in chosen]
    np.random.default_rng(seed).shuffle(renamed)
    first, second = (analyse_results(results_of(choices_of(test, own))) for own in (chosen, renamed))
    assert comparable(first) == comparable(second)


def test_simulated_listeners_are_never_presented_as_people() -> None:
    for kind in ("mushra", "mos", "ab", "abx"):
        test = default_test(4).model_copy(update={"kind": kind})
        if kind in ("ab", "abx"):
            test = listening_test(("old", "new"), ITEMS, kind)  # type: ignore[arg-type]
        found = analyse_results(results_of(simulate_answers(test, num_listeners=4).answers))
        assert next(iter(found.drawings())) == NOT_PEOPLE
        assert found.markdown().startswith(NOT_PEOPLE)
        assert next(iter(found.as_dict().values())) == NOT_PEOPLE
        assert all(grid.title.startswith(SIMULATED) for grid in found.grids)
        html = report_page(found).html()
        assert f"<h1>{SIMULATED}: " in html
        captions = re.findall("<(?:caption|figcaption)>(.*?)</", html)
        assert captions and all(one.startswith((SIMULATED, "SHA-256")) for one in captions)
        assert html.index("No person listened") < html.index("<table")


def test_people_are_not_called_simulated() -> None:
    assert "imulated" not in everything(unscreened(drawn())).replace("is_simulated", "")


def test_a_test_of_choices_has_tables_of_choices() -> None:
    test = listening_test(("new", "old"), ITEMS, "ab", {"one": "short"})
    chosen = [(who, item, "old" if item == "one" else "new") for who in LISTENERS for item in ITEMS]
    found = analyse_results(results_of(choices_of(test, chosen)))
    assert [grid.title for grid in found.grids] == ["Choices", "Choices, counted", "Choices by group", "Screening"]
    assert found.grids[0].rows[0][:2] == ["new or old", "75 [" + found.grids[0].rows[0][1].split("[")[1]]
    assert found.grids[0].rows[0][-1] in ("new preferred", "no preference found")
    assert found.grids[1].rows[0][1:3] == ["75 [51, 91]", "20"]
    assert found.grids[1].rows[0][-2] == "5 of 5"
    text = everything(found)
    assert "new or old" in text
    abx = analyse_results(results_of(choices_of(listening_test(("new", "old"), ITEMS, "abx"), chosen)))
    assert abx.grids[0].header[1] == "right % [95 %]"


def test_answers_to_training_pages_alone_are_refused() -> None:
    test = TEST.model_copy(update={"pages": (*TEST.pages[:3], page("four", NAMES, role="training"))})
    with pytest.raises(InputError, match="results: nobody has answered a test page"):
        analysed([one for one in drawn() if one[1] == "four"], test)
    assert analysed(drawn(), test, off=("hidden-reference",)).findings.num_answers == 60


def test_an_option_that_names_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="--baseline odl"):
        analysed(drawn(), asked=AskedPairs("odl"))
    with pytest.raises(InputError, match="--no-rule anchor: "):
        analysed(drawn(), off=("anchor",))


HOSTILE = ('<img src=x onerror="alert(1)">', "[red]a|b[/red]", "$x^{$", "a" * 80)


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    lines = [
        ("[bold]" + HOSTILE[0], "x", f"u{who}", f"{HOSTILE[1]} {item}", name, 40 + 7 * place + who * item, 1000, "")
        for who in range(3)
        for item in range(3)
        for place, name in enumerate(HOSTILE)
    ]
    from tts_cli.listening.results import read_results

    read = read_results(write_csv(tmp_path / "r.csv", lines))
    test = read.answers.test.model_copy(update={"notes": ("[/red] is no markup",)})
    found = analyse_results(replace(read, answers=replace(read.answers, test=test)))
    text = everything(found)
    assert "[/red] is no markup" in text
    html = report_page(found).html()
    assert "<img src=x" not in html and "&lt;img src=x" in html
    assert "[red]a|b[/red] - " in text, "Rich must not read the name as markup"
    assert r"[red]a\|b[/red] - " in found.markdown(), "a bar in a name must not end the cell"


def test_a_listener_with_a_hostile_name_is_removed_by_that_name(tmp_path: Path) -> None:
    folder = write_test(tmp_path / "test", TEST)
    scores = [(*one[:3], 10.0 if one[0] == "bo" else 95.0) for one in drawn()]
    write_database(folder / "results.sqlite", rows_of(scores), {"bo": "<script>alert(1)</script>" + "x" * 10**6})
    assert main(["listening-test", "analyze", str(folder), "--report", str(tmp_path / "report")]) == 0
    html = (tmp_path / "report/report.html").read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;xxx" in html and "<script>alert" not in html
    assert len(html) < 10**6


def test_the_page_plays_the_stimuli_of_an_item_of_each_group(tmp_path: Path) -> None:
    folder = write_test(tmp_path / "test", TEST)
    (folder / "stimuli").mkdir()
    for item in ("one", "three"):
        for place, name in enumerate(NAMES[:3]):
            soundfile.write(folder / "stimuli" / f"{stimulus_id(item, name)}.wav", np.full(160, place / 10), 16000)
    (folder / "stimuli" / f"{stimulus_id('one', 'new')}.wav").write_text("no audio")
    found = analyse_results(replace(results_of(answers_of(TEST, drawn())), folder=folder))
    write_report(found, tmp_path / "report")
    html = (tmp_path / "report/report.html").read_text()
    assert html.count("<audio ") == 6
    assert "short: one" in html and 'aria-label="old: three"' in html
    assert html.count("<audio ") == 6
    assert html.count("<svg") == 2


def test_the_page_names_the_command_that_makes_it(tmp_path: Path) -> None:
    folder = write_test(tmp_path / "test", TEST)
    loose = write_downloads(tmp_path / "loose", rows_of(drawn()))
    from tts_cli.listening.results import read_results

    asked = AskedPairs("old", ("new",))
    found = analyse_results(read_results(loose, folder), asked, ("attention",))
    words = ["tts", "listening-test", "analyze", str(loose), "--test", str(folder), "--baseline", "old", "--system", "new"]
    assert command_of(found) == [*words, "--no-rule", "attention", "--report", "report"]
    assert main([*command_of(found)[1:-1], str(tmp_path / "again")]) == 0
    assert (tmp_path / "again/report.html").is_file()
    assert command_of(analyse_results(read_results(loose / "results-bo.json", loose.parent / "test")))[3:5] == [
        str(loose / "results-bo.json"),
        "--test",
    ]


def test_the_hash_of_answers_does_not_depend_on_their_order() -> None:
    scores = drawn()
    first, turned, other = (answers_of(TEST, own) for own in (scores, scores[::-1], [*scores[:-1], (*scores[-1][:3], 1.0)]))
    assert answers_hash(first) == answers_hash(turned) != answers_hash(other)


def test_the_command_prints_json_markdown_or_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_test(tmp_path, TEST)
    write_downloads(folder, rows_of(drawn(0, LISTENERS[:2])))
    for option, beginning in (("--json", '{"origin"'), ("--markdown", "2 listeners answered."), (None, "2 listeners answered.")):
        assert main(["listening-test", "analyze", str(folder), *([option] if option else [])]) == 0
        assert capsys.readouterr().out.startswith(beginning)
    assert main(["listening-test", "analyze", str(tmp_path / "none")]) == 2
    error = capsys.readouterr().err
    assert "no such file or folder of results" in error and "hint: " in error and len(error.splitlines()) == 2
