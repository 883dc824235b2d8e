"""Tables of the analysis of a listening test: text cells for the terminal, Markdown and the HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tts_cli.evaluation.report import Grid
from tts_cli.listening.comparisons import PAIRED_METHOD, Comparisons, PairedTests
from tts_cli.listening.crossed import MeanTest
from tts_cli.listening.design import ListeningTest
from tts_cli.listening.inference import GAP_METHOD, METHOD, GapReduction, Verdict
from tts_cli.listening.mixed_model import FittedModel
from tts_cli.listening.power import ENOUGH, MOST_LISTENERS
from tts_cli.listening.preferences import CHOICE_METHOD, COUNT_METHOD, CountTest, Preference
from tts_cli.listening.screening import WORDS, Screened
from tts_cli.listening.summary import MeanScore, ends_text, interval_text, limits

if TYPE_CHECKING:
    from tts_cli.listening.analysis import Findings

SIMULATED = "Simulated listeners, no people"
"""First words of every table of simulated answers."""
Sections = Mapping[str, tuple[Grid, ...]]
"""Tables by title of the section that holds them."""
NONE = "-"
"""Cell of a figure that cannot be computed."""
SCREENING_SOURCE = "The rules of hidden reference and mid anchor are those of ITU-R BS.1534-3."


@dataclass(frozen=True)
class Labels:
    """Words that the titles of tables share."""

    test: ListeningTest
    is_simulated: bool
    listeners: str
    """Listeners of the tables, in words; empty: all, and there are no other tables."""

    def title(self, words: str) -> str:
        """Return the title of a table."""
        return f"{SIMULATED}: {words[0].lower()}{words[1:]}" if self.is_simulated else words

    def of_listeners(self, words: str) -> str:
        """Return the title of a table of answers."""
        return self.title(f"{words} ({self.listeners})" if self.listeners else words)

    @property
    def decimals(self) -> int:
        """Decimal places of scores."""
        return 2 if self.test.kind == "mos" else 1


def sections_of(findings: Findings, labels: Labels) -> Sections:
    """Return the tables of the results by section: means and differences first, or the choices."""
    if findings.table is None:
        return {"Choices": tuple(_preference_grids(findings.preferences, labels))}
    comparisons = findings.comparisons or Comparisons((), (), (), ())
    overall = [one for one in findings.means if one.group is None]
    by_group = [one for one in findings.means if one.group is not None]
    return {
        "Means": (_means(overall, labels), *([_means_by_group(by_group, labels)] if by_group else [])),
        "Differences": (_verdicts(comparisons, labels),),
        "Gap reduction": (_gaps(comparisons.gaps, labels),) if comparisons.gaps else (),
        "Mixed model": tuple(_model(findings.model, labels)) if findings.model else (),
        "The next test": (_powers(comparisons, labels),),
    }


def p_text(p: float | None) -> str:
    """Return a p-value as text of two digits; "-" for None."""
    return NONE if p is None else f"{p:.2g}"


def _means(means: Sequence[MeanScore], labels: Labels) -> Grid:
    header = ("role", "condition", "mean [95 %]", "SD", "median", "listeners", "items", "ratings")
    rows = [[labels.test.role_of(one.condition) or "", one.condition, *_mean_cells(one, labels)] for one in means]
    notes = ("The intervals are those of other listeners and other items.", *limits(one.mean for one in means))
    return Grid(labels.of_listeners("Means"), header, rows, _sentences(notes), folded=1)


def _means_by_group(means: Sequence[MeanScore], labels: Labels) -> Grid:
    header = ("group", "condition", "mean [95 %]", "SD", "median", "listeners", "items", "ratings")
    rows = [[one.group or "no group", one.condition, *_mean_cells(one, labels)] for one in means]
    notes, sections = _sentences(limits(one.mean for one in means)), [one.group or "" for one in means]
    return Grid(labels.of_listeners("Means by group"), header, rows, notes, folded=1, sections=sections)


def _mean_cells(one: MeanScore, labels: Labels) -> list[str]:
    places, mean = labels.decimals, one.mean
    deviation = NONE if one.deviation is None else f"{one.deviation:.{places}f}"
    counts = [str(number) for number in (mean.num_listeners, mean.num_items, mean.num_values)]
    return [interval_text(mean, places), deviation, f"{one.quartiles[1]:.{places}f}", *counts]


def _verdicts(comparisons: Comparisons, labels: Labels) -> Grid:
    header = ("pair", "difference [95 %]", "p (Holm)", "t-test p (Holm)", "Wilcoxon p (Holm)", "verdict")
    paired = {(one.first, one.second): one for one in comparisons.paired}
    rows = [_verdict_cells(one, paired.get((one.first, one.second)), labels.decimals) for one in comparisons.verdicts]
    notes = [f"Verdict: {METHOD}.", f"For comparison: {PAIRED_METHOD}.", *limits(one.test for one in comparisons.verdicts)]
    if not rows:
        notes = ["No two conditions were rated by one listener on one item: there is nothing to compare."]
    return Grid(labels.of_listeners("Differences"), header, rows, _sentences(notes))


def _verdict_cells(one: Verdict, paired: PairedTests | None, decimals: int) -> list[str]:
    test = one.test
    corrected = one.corrected_p if test.freedom else None
    others = (paired.t_corrected_p, paired.wilcoxon_corrected_p) if paired else (None, None)
    words = _verdict_words(test, one.corrected_p)
    return [f"{one.first} - {one.second}", interval_text(test, decimals), *map(p_text, (corrected, *others)), words]


def _verdict_words(test: MeanTest, corrected_p: float) -> str:
    """Return a verdict on the first condition of a pair, at the level of 5 %."""
    if not test.freedom:
        return "no test"
    if corrected_p >= 0.05:
        return "no difference found"
    return "higher" if test.mean > 0 else "lower"


def _gaps(gaps: Sequence[GapReduction], labels: Labels) -> Grid:
    header = ("system", "gap reduction % [95 %]", "listeners", "items")
    rows = [[one.new, _gap_text(one), str(one.num_listeners), str(one.num_items)] for one in gaps]
    baseline, recordings = gaps[0].baseline, gaps[0].recordings
    formula = f"Gap reduction: (system - {baseline}) / ({recordings} - {baseline})."
    notes = [formula, f"Interval: {GAP_METHOD}.", *dict.fromkeys(note for one in gaps for note in one.notes)]
    return Grid(labels.of_listeners("Gap reduction"), header, rows, _sentences(notes))


def _gap_text(one: GapReduction) -> str:
    if one.value is None:
        return NONE
    return ends_text(100 * one.value, one.interval and (100 * one.interval[0], 100 * one.interval[1]), 0)


def _model(model: FittedModel, labels: Labels) -> Iterator[Grid]:
    header = ("pair", "difference", "standard error", "p (Wald)", "p (Holm)", "finding")
    rows = [
        [
            f"{one.first} - {one.second}",
            *(f"{figure:.{labels.decimals}f}" for figure in (one.difference, one.error)),
            *map(p_text, (one.p, one.corrected_p)),
            "differ" if one.corrected_p < 0.05 else "no difference found",
        ]
        for one in model.contrasts
    ]
    method = (
        "Mixed model by restricted maximum likelihood (statsmodels): fixed effects of conditions, crossed random effects of "
        "listeners and items and of each by condition. Wald's test takes the variances as known, so with few listeners or items "
        "its p-values are too small; the verdict above does not."
    )
    yield Grid(labels.of_listeners("Mixed model"), header, rows, _sentences([method, *model.notes] if rows else model.notes))
    if model.deviations:
        spread = [[name, f"{deviation:.{labels.decimals}f}"] for name, deviation in model.deviations]
        yield Grid(labels.of_listeners("Mixed model: standard deviations"), ("random effect", "standard deviation"), spread)


def _powers(comparisons: Comparisons, labels: Labels) -> Grid:
    items = comparisons.powers[0][1].items if comparisons.powers else ()
    header = ("pair", "difference", *(f"{number} items" for number in items))
    rows = [
        [f"{first} - {second}", f"{grid.gain:.{labels.decimals}f}", *map(_smallest_text, grid.smallest)]
        for (first, second), grid in comparisons.powers
    ]
    notes = [
        f"Number of listeners with which the next test finds a difference of this size in {100 * ENOUGH:.0f} % of tests (level "
        "5 %, one pair), by its number of items; every listener rates every item. The observed difference may lie above the true "
        "one: plan with a smaller one.",
    ]
    if not rows:
        notes = ["No power of a next test: this test gives no variances of a difference."]
    return Grid(labels.title("Listeners that the next test needs"), header, rows, notes)


def _smallest_text(number: int | None) -> str:
    return f"{MOST_LISTENERS}+" if number is None else str(number)


def _preference_grids(found: Sequence[Preference], labels: Labels) -> Iterator[Grid]:
    overall, by_group = [one for one in found if one.group is None], [one for one in found if one.group is not None]
    yield _choices(overall, "Choices", labels)
    yield _counts(overall, labels)
    if by_group:
        yield _choices(by_group, "Choices by group", labels)


def _choices(found: Sequence[Preference], words: str, labels: Labels) -> Grid:
    is_abx = labels.test.kind == "abx"
    shares = ("right % [95 %]",) if is_abx else ("first % [95 %]", "none %", "second % [95 %]")
    group = ("group",) if any(one.group is not None for one in found) else ()
    header = (*group, "pair", *shares, "p (Holm)", "verdict")
    rows = [[*(one.group or "no group" for _ in group), *_choice_cells(one, is_abx)] for one in found]
    sections = [one.group or "" for one in found] if group else ()
    notes = _sentences([CHOICE_METHOD, *limits(one.verdict for one in found)])
    return Grid(labels.of_listeners(words), header, rows, notes, folded=len(group), sections=sections)


def _choice_cells(one: Preference, is_abx: bool) -> list[str]:
    shares = [interval_text(one.first_share, 0, 100)]
    if not is_abx:
        shares += [f"{100 * one.no_share.mean:.0f}", interval_text(one.second_share, 0, 100)]
    corrected = one.corrected_p if one.verdict.freedom else None
    return [_either(one), *shares, p_text(corrected), _choice_words(one, is_abx)]


def _either(one: Preference) -> str:
    return f"{one.first} or {one.second}"


def _counts(found: Sequence[Preference], labels: Labels) -> Grid:
    kind = "right" if labels.test.kind == "abx" else "for first"
    header = ("pair", f"{kind} % [95 %]", "choices", "binomial p (Holm)", f"listeners {kind}", "sign test p (Holm)")
    rows = [
        [
            _either(one),
            _count_text(one.choices),
            str(one.choices.num_all),
            p_text(one.choices.corrected_p),
            f"{one.listeners.num_for} of {one.listeners.num_all}",
            p_text(one.listeners.corrected_p),
        ]
        for one in found
    ]
    return Grid(labels.of_listeners("Choices, counted"), header, rows, (COUNT_METHOD,))


def _count_text(test: CountTest) -> str:
    if test.interval is None:
        return NONE
    low, high = test.interval
    return ends_text(100 * test.num_for / test.num_all, (100 * low, 100 * high), 0)


def _choice_words(one: Preference, is_abx: bool) -> str:
    if not one.verdict.freedom:
        return "no test"
    if one.corrected_p >= 0.05:
        return "no difference heard" if is_abx else "no preference found"
    if is_abx:
        return "told apart" if one.verdict.mean > 0 else "wrong more often than by chance"
    return f"{one.first if one.verdict.mean > 0 else one.second} preferred"


def screening_grids(screened: Screened, names: Mapping[str, str], labels: Labels) -> tuple[Grid, ...]:
    """Return the table of rules, and the table of the listeners whom a rule removed if there are any.

    Args:
        screened: Outcome of screening.
        names: Name of each listener as a report shows it.
        labels: Words of the titles.
    """
    counts = [
        [WORDS[one.rule], _removed_text(screened, one.rule, one.off), f"off: {one.off}" if one.off else "on"]
        for one in screened.rules
    ]
    rules = Grid(labels.title("Screening"), ("rule", "listeners removed", "state"), counts, (SCREENING_SOURCE,))
    if not screened.removals:
        return (rules,)
    rows = [[names.get(one.listener, "nameless"), one.rule, f"{one.num_failed} of {one.num_items}"] for one in screened.removals]
    return rules, Grid(labels.title("Listeners removed by screening"), ("listener", "rule", "items failed"), rows)


def _removed_text(screened: Screened, rule: str, off: str) -> str:
    return NONE if off else str(sum(one.rule == rule for one in screened.removals))


def _sentences(notes: Iterable[str]) -> tuple[str, ...]:
    """Return notes as sentences, each with a capital and a full stop."""
    return tuple(f"{note[0].upper()}{note[1:]}{'' if note.endswith('.') else '.'}" for note in dict.fromkeys(notes))
