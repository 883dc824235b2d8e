"""Comparisons of each strategy with the average, with chance and with itself reading other texts: tables and tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tts_cli.corpora.manifest import Recording
from tts_cli.evaluation.clusters import ClusteredPair, clustered_mean, estimate_by_cluster
from tts_cli.evaluation.measures.distributions import Scores, distance
from tts_cli.evaluation.report import Column, Report, Row
from tts_cli.evaluation.selection.controls import (
    OTHER_TEXTS,
    RANDOM,
    ControlKind,
    Nearnesses,
    StrategyControl,
    mean_nearness,
    nearness_of,
)
from tts_cli.evaluation.selection.kinds import by_kind, few_of, label_of
from tts_cli.evaluation.selection.tables import POOLED, TESTED, Standardised, groups_of, paired, rivals_of
from tts_cli.evaluation.selection.tasks import RECORDING, Found, Setting
from tts_cli.evaluation.statistics import Estimate, Integers

Families = dict[str, dict[str, ClusteredPair]]
"""Samples of paired tests by name, by the name of the family that is corrected together; "" is that of all utterances."""
BETTER = (
    Column("f0_correlation", "F0 corr. higher by", 3),
    Column("f0_rmse", "F0 RMSE lower by (SD)", 3),
    Column("duration_error_ms", "duration error lower by ms", 2),
)
_SIGNS = {"f0_correlation": 1.0, "f0_rmse": -1.0, "duration_error_ms": -1.0}
SHARES = (
    Column("closed", "gap closed %", 1, 100.0),
    Column("minus_control", "minus control %", 1, 100.0),
    Column("minus_random", "minus random %", 1, 100.0),
)
STORIES, PROMPTS = "stories", "prompts"
_TITLES: dict[ControlKind, str] = {RANDOM: "against average and chance", OTHER_TEXTS: "against other texts"}
_NOTES: dict[ControlKind, str] = {
    RANDOM: (
        "`random, same spread`: random embeddings of the speaker's inventory, scaled until they are as far from the speaker's "
        "centroid as those of the strategy (root mean square); mean over {draws} draws."
    ),
    OTHER_TEXTS: (
        "`other texts`: the same strategy reads another sentence of the same speaker; mean over {draws} exchanges. Above 0, the "
        "strategy knows the text."
    ),
}


class StrategyComparison:
    """Comparison of every strategy that reads the text with one kind of control, and for chance also with the average."""

    def __init__(self, found: Found, settings: Sequence[Setting], controls: Sequence[StrategyControl], kind: ControlKind) -> None:
        """Collect the similarities to the recordings of settings and of the controls of one kind."""
        self.kind, self._settings, self._found = kind, settings, found
        self.controls = {one.setting.name: one for one in controls if one.kind == kind}
        near = {one.name: nearness_of(found, one.name) for one in settings}
        drawn = {name: mean_nearness(found, control.names) for name, control in self.controls.items()}
        first, *rest = (*near.values(), *drawn.values())
        clips = [clip for clip in first if all(clip in one for one in rest)]
        self.clips: list[Recording] = groups_of(clips).get(POOLED, [])
        """Utterances of speakers with enough recordings, spoken in every setting and draw."""
        self._near, self._drawn = near, drawn

    def rivals(self, setting: Setting) -> dict[str, Nearnesses]:
        """Return the similarities that a strategy is compared with, by name."""
        found: dict[str, Nearnesses] = {self.kind: self._drawn[setting.name]}
        if self.kind == RANDOM:
            found = {name: self._near[name] for name in rivals_of(setting, self._settings)} | found
        return found

    def tested(self) -> list[Setting]:
        """Return the settings that have a control."""
        return [one for one in self._settings if one.name in self.controls]

    def better_table(self) -> Report:
        """Return the table of differences, signed so that above 0 the strategy is nearer to the recordings."""
        groups = sources_of(self.clips)
        notes = (
            f"{self._note()} Differences of utterances, paired; above 0 the strategy is nearer to the recordings. Intervals draw "
            "texts with all of their utterances.",
        )
        details = tuple(
            {"setting": one.name, "rival": rival, "speaker": clip.speaker, "id": clip.id, "text": clip.text}
            | {measure: [self._near[one.name][clip][measure], theirs[clip][measure]] for measure in _SIGNS}
            for one in self.tested()
            for rival, theirs in self.rivals(one).items()
            for clip in self.clips
        )
        return Report(f"Selection: nearness {_TITLES[self.kind]}", BETTER, tuple(self._rows(groups)), notes, details)

    def kinds_table(self) -> Report:
        """Return the same table by kind of sentence."""
        groups = {label_of(kind, len(members)): members for kind, members in by_kind(self.clips).items()}
        notes = tuple(note for note in (_KINDS_NOTE, few_of(self.clips)) if note)
        return Report(f"Selection: nearness by kind, {_TITLES[self.kind]}", BETTER, tuple(self._rows(groups)), notes)

    def _rows(self, groups: Mapping[str, Sequence[Recording]]) -> list[Row]:
        return [
            Row(f"{one.name} against {rival}", _better(self._near[one.name], theirs, clips), label)
            for label, clips in groups.items()
            for one in self.tested()
            for rival, theirs in self.rivals(one).items()
        ]

    def _random_names(self) -> set[str]:
        return {one.name for one in self._settings if one.strategy == "random"}

    def _note(self) -> str:
        draws = max((one.draws for one in self.controls.values()), default=0)
        return _NOTES[self.kind].format(draws=draws)

    def families(self) -> Families:
        """Return the samples of the tests against the average and the control: of all utterances, and of each source apart."""
        groups = {"" if name == POOLED else name: clips for name, clips in sources_of(self.clips).items()}
        return {name: self._pairs(clips) for name, clips in groups.items() if clips}

    def _pairs(self, clips: Sequence[Recording]) -> dict[str, ClusteredPair]:
        return {
            f"{measure.replace('_', ' ')}: {one.name} against {rival}": paired(self._near[one.name], theirs, clips, measure)
            for measure in TESTED
            for one in self.tested()
            for rival, theirs in self.rivals(one).items()
            if rival not in self._random_names()
        }

    def share_table(self, scores: Standardised) -> Report:
        """Return the table of the share of the centroid's distance from the recordings that is closed, and of its controls.

        Args:
            scores: standard scores of all settings and of all draws of the controls.
        """
        claimed = groups_of(scores.clips).get(POOLED, [])
        rows = [
            Row(one.name, self._shares(scores, one, clips), label)
            for label, clips in sources_of(claimed).items()
            for one in self.tested()
        ]
        notes = (
            f"{self._note()} Gap closed: share of the distance between the centroid's outputs and the recordings that the "
            "strategy removes (part `distance`). Minus control: the share that the control closes is subtracted, as a mean over "
            "its draws; minus random: that of `random`, one draw. Intervals draw texts with their recordings and all outputs; "
            "they are centred on the estimates, because texts that are drawn twice increase every distance.",
        )
        columns = SHARES if self.kind == RANDOM else SHARES[:-1]
        return Report(f"Selection: gap closed {_TITLES[self.kind]}", columns, tuple(rows), notes)

    def _shares(self, scores: Standardised, setting: Setting, clips: Sequence[Recording]) -> dict[str, Estimate]:
        recorded, ours = scores.of(RECORDING, clips), scores.of(setting.name, clips)
        centroid = scores.of("centroid", clips)
        rest = {"minus_control": [scores.of(name, clips) for name in self.controls[setting.name].names]}
        chance = [scores.of(name, clips) for name in rivals_of(setting, self._settings) if name in self._random_names()]
        rest |= {"minus_random": chance} if chance and self.kind == RANDOM else {}
        texts = [clip.normalized_text for clip in clips]
        closed = {"closed": estimate_by_cluster(_closed(recorded, centroid, ours), texts, is_centred=True)}
        return closed | {
            key: estimate_by_cluster(_more_closed(recorded, centroid, ours, theirs), texts, is_centred=True)
            for key, theirs in rest.items()
        }


_KINDS_NOTE = (
    "The kind is that of the corpus; or-questions, questions in the words of a statement, commands, lists, contrast and quotes "
    "are found by rules, and a sentence may be of several kinds."
)


def sources_of(clips: Sequence[Recording]) -> dict[str, list[Recording]]:
    """Return all utterances, and those of stories and of prompts apart if there are both."""
    stories = [clip for clip in clips if clip.document]
    prompts = [clip for clip in clips if not clip.document]
    together = {POOLED: list(clips)} if clips else {}
    return together | ({STORIES: stories, PROMPTS: prompts} if stories and prompts else {})


def _better(ours: Nearnesses, theirs: Nearnesses, clips: Sequence[Recording]) -> dict[str, Estimate]:
    found = {}
    for measure, sign in _SIGNS.items():
        differences, texts = paired(ours, theirs, clips, measure).known()
        if len(differences):
            found[measure] = clustered_mean((sign * differences).tolist(), texts)
    return found


def _closed(recorded: Scores, centroid: Scores, ours: Scores) -> Callable[[Integers], float]:
    return lambda rows: 1 - distance(recorded[rows], ours[rows]) / distance(recorded[rows], centroid[rows])


def _more_closed(recorded: Scores, centroid: Scores, ours: Scores, theirs: Sequence[Scores]) -> Callable[[Integers], float]:
    def more(rows: Integers) -> float:
        left = np.mean([distance(recorded[rows], one[rows]) for one in theirs]) - distance(recorded[rows], ours[rows])
        return float(left / distance(recorded[rows], centroid[rows]))

    return more
