"""Evaluation of prosody selection strategies: the parts of the report of `tts evaluate selection`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tts_cli.blocks.observe import Observer, Span
from tts_cli.corpora.manifest import Corpus, Recording
from tts_cli.errors import InputError
from tts_cli.evaluation.clusters import METHOD, clustered_tests
from tts_cli.evaluation.engine import check_parts
from tts_cli.evaluation.prompts import GroupedText
from tts_cli.evaluation.report import OBJECTIVE, Report, Reports
from tts_cli.evaluation.selection.comparisons import Families, StrategyComparison, sources_of
from tts_cli.evaluation.selection.controls import OTHER_TEXTS, RANDOM, ControlKind, StrategyControl, control_tasks, controls_of
from tts_cli.evaluation.selection.embeddings import Chosen, chosen_of, chosen_tasks, spread_table
from tts_cli.evaluation.selection.probe_material import probed
from tts_cli.evaluation.selection.probe_tables import prosody_table, session_table, speaker_table
from tts_cli.evaluation.selection.speaking import sentence_of
from tts_cli.evaluation.selection.tables import (
    POOLED,
    Standardised,
    cost_table,
    distance_tables,
    groups_of,
    kinds_table,
    nearness_table,
    recognition_table,
)
from tts_cli.evaluation.selection.tasks import (
    FEWEST,
    Found,
    Selection,
    SelectionTask,
    Setting,
    Work,
    evenly,
    measure_tasks,
)
from tts_cli.evaluation.selection.variety import story_table, variety_tables
from tts_cli.evaluation.systems import say
from tts_cli.models.vae import ACTIVE_NATS
from tts_cli.selection.feature import SELECTOR
from tts_cli.selection.filler import SelectionFiller
from tts_cli.selection.selector import READS
from tts_cli.voice.synthesis import Voice

PARTS = (
    "distance", "nearness", "spread", "chance", "shuffled", "kinds", "variety", "stories", "recognition", "probe", "cost",
)  # fmt: skip
"""Parts of the report."""
DEFAULT_PARTS = ("distance", "nearness", "kinds", "variety")
"""Parts by default. `spread`, `chance`, `shuffled` and `probe` need a model with an utterance embedding, `stories` a corpus with
stories, `recognition` Whisper, `cost` an idle machine."""
CONTROLS: dict[str, ControlKind] = {"chance": RANDOM, "shuffled": OTHER_TEXTS}
"""Control that each part compares the strategies with."""
CORRECTED = (
    "p-values are corrected by Holm's procedure over all tests of one set of utterances: of all together, of the stories, and of "
    "the prompts."
)
"""Note on the correction."""
NUM_COSTED = 20
"""Number of sentences in the part `cost`."""


@dataclass(frozen=True)
class UnrecordedTexts:
    """Texts to speak for which no recordings exist."""

    __test__ = False

    sentences: tuple[GroupedText, ...] = ()
    """Sentences with their kind, for the part `kinds`."""
    passages: tuple[GroupedText, ...] = ()
    """Passages of several sentences with their name, for the part `variety`."""
    sample: int = 30
    """Number of recorded prompts that Whisper transcribes in every setting, for the part `recognition`."""


def evaluate_selection(selection: Selection, texts: UnrecordedTexts, parts: Collection[str] = DEFAULT_PARTS) -> Reports:
    """Measure prosody selection and return its tables and paired tests.

    Args:
        selection: the request: voice, settings and prepared corpus.
        texts: texts without recordings.
        parts: parts of the report, of `PARTS`.

    Raises:
        InputError: if a part is unknown, a text is one of the training recordings, or the extra `eval` is not installed.
        OutputError: if the cache of results cannot be written.
    """
    check_parts(parts, PARTS, "selection")
    refuse_trained({"the sentences": [one.text for one in texts.sentences]}, selection.corpus)
    controls = controls_of(selection, [kind for part, kind in CONTROLS.items() if part in parts])
    _refuse_untestable(selection, parts)
    chosen, failures = _chosen(selection, parts)
    tasks = _tasks(selection, texts, parts)
    if chosen is not None:
        tasks += control_tasks(selection, chosen, controls)
    found, errors = measure_tasks(tasks, selection.jobs, "utterances")
    measured = _Measured(selection, texts, found, controls, chosen)
    families: Families = {"": {}}
    tables: list[Report] = []
    for part in PARTS:
        if part in parts:
            tables += _MAKERS[part](measured, families)
    left_out = "; ".join(f"{name} ({reason})" for name, reason in sorted({**failures, **errors}.items()))
    tests = clustered_tests(families)
    notes = (OBJECTIVE, *([METHOD, CORRECTED] if tests else []), *([f"Left out: {left_out}."] if left_out else []))
    return Reports("Selection", tuple(tables), tests, notes)


def _refuse_untestable(selection: Selection, parts: Collection[str]) -> None:
    """Raise InputError if a part compares strategies that read the text with the centroid, and one of both is missing."""
    for part in (part for part in CONTROLS if part in parts):
        if not any(one.is_tested for one in selection.settings):
            raise InputError(
                f"the part '{part}' tests strategies that read the text, and there is none", hint="name one: --strategy bert"
            )
        if all(one.strategy != "centroid" for one in selection.settings):
            raise InputError(f"the part '{part}' needs the centroid to compare with", hint="add --strategy centroid")


def _chosen(selection: Selection, parts: Collection[str]) -> tuple[Chosen | None, dict[str, str]]:
    """Return the embeddings that the settings choose, and error messages by label; None if no part needs them."""
    if {"spread", *CONTROLS}.isdisjoint(parts):
        return None, {}
    wanted = [one for one in selection.settings if one.is_tested or "spread" in parts]
    found, failures = measure_tasks(chosen_tasks(selection, wanted), selection.jobs, "embeddings")
    return chosen_of(selection, found), failures


def _tasks(selection: Selection, texts: UnrecordedTexts, parts: Collection[str]) -> list[SelectionTask]:
    """Return the tasks that `parts` need, sorted by setting: a worker process keeps only two voices open."""
    spoken: list[SelectionTask] = []
    if not {"distance", "nearness", "kinds", "variety", "stories", *CONTROLS}.isdisjoint(parts):
        spoken += selection.recorded_tasks()
    if not {"distance", "nearness", "kinds", *CONTROLS}.isdisjoint(parts):
        spoken += selection.spoken_tasks()
    elif "stories" in parts:
        spoken += selection.spoken_tasks(clips=[clip for clip in selection.clips if clip.document])
    if "kinds" in parts:
        for place, speaker in enumerate(selection.readers):
            spoken += selection.text_tasks(texts.sentences[place :: len(selection.readers)], [speaker])
    if "variety" in parts:
        spoken += selection.text_tasks(texts.passages, selection.readers)
    order = {setting.name: place for place, setting in enumerate(selection.settings)}
    return sorted(spoken, key=lambda task: order.get(task.name, -1))


@dataclass(frozen=True)
class _Measured:
    """Request of an evaluation and its results, from which the tables are made."""

    selection: Selection
    texts: UnrecordedTexts
    found: Found
    controls: Sequence[StrategyControl] = ()
    chosen: Chosen | None = None

    @property
    def settings(self) -> Sequence[Setting]:
        return self.selection.settings

    def scores(self, controls: Sequence[StrategyControl] = ()) -> Standardised:
        return Standardised(self.found, self.settings, [name for one in controls for name in one.names])


def _distance(measured: _Measured, _: Families) -> list[Report]:
    return distance_tables(measured.scores(), measured.settings)


def _nearness(measured: _Measured, families: Families) -> list[Report]:
    report, found = nearness_table(measured.found, measured.settings)
    families[""] |= found
    return [report]


def _spread(measured: _Measured, _: Families) -> list[Report]:
    assert measured.chosen is not None
    clips = list(measured.chosen.recorded)
    groups = {**sources_of(groups_of(clips).get(POOLED, [])), **groups_of(clips)}
    if len(measured.selection.speakers) == 1:
        groups.pop(POOLED, None)
    return [spread_table(measured.selection, measured.chosen, measured.settings, groups)]


def _against(measured: _Measured, families: Families, part: str) -> list[Report]:
    kind = CONTROLS[part]
    comparison = StrategyComparison(measured.found, measured.settings, measured.controls, kind)
    if not comparison.clips:
        count = f"no speaker has {FEWEST} recordings that were spoken in every setting"
        raise InputError(
            f"the part '{part}' has nothing to compare: {count}", hint="leave it out, or choose other speakers or --limit"
        )
    if kind == RANDOM:
        for name, pairs in comparison.families().items():
            families.setdefault(name, {}).update(pairs)
    scores = measured.scores([one for one in measured.controls if one.kind == kind])
    return [comparison.better_table(), comparison.kinds_table(), comparison.share_table(scores)]


def _kinds(measured: _Measured, _: Families) -> list[Report]:
    kinds = {one.text: one.group for one in measured.texts.sentences}
    return [kinds_table(measured.found, measured.settings, kinds)]


def _variety(measured: _Measured, _: Families) -> list[Report]:
    passages = [one.text for one in measured.texts.passages]
    return variety_tables(measured.found, measured.scores(), measured.settings, passages)


def _stories(measured: _Measured, _: Families) -> list[Report]:
    controls = [] if measured.chosen is None else measured.controls
    names = [*(one.name for one in measured.settings), *(one.names[0] for one in controls)]
    return [story_table(measured.scores(controls), names)]


def _recognition(measured: _Measured, _: Families) -> list[Report]:
    selection = measured.selection
    sample = evenly(selection.clips, measured.texts.sample)
    works: tuple[Work, ...] = ("understood", "naturalness")
    heard, natural = (measure_tasks(_heard(selection, sample, work), selection.jobs, "listening")[0] for work in works)
    return [recognition_table(heard, natural, selection.settings)]


def _heard(selection: Selection, sample: Sequence[Recording], work: Work) -> list[SelectionTask]:
    """Return the tasks that listen to a sample of the recordings and to their texts in every setting."""
    recorded = [task for task in selection.recorded_tasks(work) if task.clip in sample]
    return [*recorded, *selection.spoken_tasks(work, sample)]


def _probe(measured: _Measured, _: Families) -> list[Report]:
    data = probed(measured.selection)
    return [prosody_table(data), session_table(data), speaker_table(data, ACTIVE_NATS)]


def _cost(measured: _Measured, _: Families) -> list[Report]:
    selection = measured.selection
    clips = evenly(selection.clips, NUM_COSTED)
    settings = [setting for setting in selection.settings if setting.strategy != "oracle"]
    against = selection.against
    costs = {one.name: cost_of(selection.files(one).open(), one, clips, against) for one in settings}
    return [cost_table(costs, against.acoustic.name if against else "")]


def cost_of(voice: Voice, setting: Setting, clips: Sequence[Recording], against: Voice | None = None) -> list[dict[str, float]]:
    """Measure the cost of selection for each text, after one warm-up.

    Returns:
        For each clip, in milliseconds: CPU time of the syntactic and semantic analysis, CPU time of the selector, their sum, and
        wall-clock time to first audio; with `against`, also the time to first audio of that voice, which speaks each text next.
    """
    spent: list[Span] = []
    twin = voice.variant(observer=Observer(lambda span: spent.append(span) if span.name == SELECTOR else None))
    filler = _fresh_filler(voice) if READS[setting.strategy] else None
    costs = []
    for place, clip in enumerate((clips[0], *clips)):
        if place == 1 and filler:
            filler = _fresh_filler(voice)
        # A voice may keep the analysis of a text, so the first time that it speaks one counts.
        first_audio_s = say(voice, clip.text, clip.speaker).first_audio_s
        spent.clear()
        for _ in twin.stream([sentence_of(clip)], clip.speaker, best_effort=True):
            pass
        analysis = 1000 * _analysis_s(filler, clip) if filler else 0.0
        selector = 1000 * sum(span.cpu_s for span in spent)
        costs.append(
            {
                "analysis_ms": analysis,
                "selection_ms": selector,
                "together_ms": analysis + selector,
                "first_audio_ms": 1000 * first_audio_s,
            }
        )
        if against is not None:
            # A voice with other speakers takes its own.
            speaker = clip.speaker if clip.speaker in against.speakers else None
            costs[-1]["against_ms"] = 1000 * say(against, clip.text, speaker).first_audio_s
    return costs[1:]


def _analysis_s(filler: SelectionFiller, clip: Recording) -> float:
    """Return the CPU seconds of all that is found in a text for the selector, such as syntax and meaning."""
    sentence = sentence_of(clip)
    start = time.process_time()
    filler.sentence(sentence)
    return time.process_time() - start


def _fresh_filler(voice: Voice) -> SelectionFiller:
    """Return a filler of the voice that has seen no sentence, with the analyzer of the voice's own, which is warm."""
    filler = SelectionFiller(voice.acoustic, voice.reads)
    filler.analyst = next(one for one in voice.fillers if isinstance(one, SelectionFiller)).analyst
    return filler


def refuse_trained(texts: Mapping[str, Sequence[str]], corpus: Corpus) -> None:
    """Raise InputError if a text is one of the training recordings.

    Args:
        texts: texts by the name of their file, which the error message gives.
        corpus: prepared corpus with the training recordings.
    """
    trained = {_letters(clip.text) for clip in corpus.of_split("train")}
    for file, spoken in texts.items():
        for text in spoken:
            if _letters(text) in trained:
                raise InputError(f"{file}: '{text}' is the text of a training recording", hint="remove it from the file")


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


_MAKERS: dict[str, Callable[[_Measured, Families], list[Report]]] = {
    "distance": _distance,
    "nearness": _nearness,
    "spread": _spread,
    "chance": partial(_against, part="chance"),
    "shuffled": partial(_against, part="shuffled"),
    "kinds": _kinds,
    "variety": _variety,
    "stories": _stories,
    "recognition": _recognition,
    "probe": _probe,
    "cost": _cost,
}
