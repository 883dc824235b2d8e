"""Evaluation of prosody selection strategies: the parts of the report of `tts evaluate selection`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tts_cli.blocks.observe import Observer, Span
from tts_cli.corpora.manifest import Corpus, Recording
from tts_cli.errors import InputError
from tts_cli.evaluation.engine import check_parts, tracked
from tts_cli.evaluation.measures.probes import cross_validate, statistics_probe
from tts_cli.evaluation.prompts import GroupedText
from tts_cli.evaluation.report import OBJECTIVE, Report, Reports
from tts_cli.evaluation.selection.tables import (
    Standardised,
    cost_table,
    distance_tables,
    kinds_table,
    nearness_table,
    probe_table,
    recognition_table,
    variety_tables,
)
from tts_cli.evaluation.selection.tasks import (
    Found,
    Selection,
    SelectionTask,
    Setting,
    evenly,
    measure_tasks,
    posterior_mean,
    sentence_of,
)
from tts_cli.evaluation.statistics import Pairs, paired_tests
from tts_cli.evaluation.systems import say
from tts_cli.models.vae import ACTIVE_NATS
from tts_cli.selection.feature import SELECTOR
from tts_cli.selection.filler import SelectionFiller
from tts_cli.selection.selector import READS
from tts_cli.voice.synthesis import Voice

PARTS = ("distance", "nearness", "kinds", "variety", "recognition", "probe", "cost")
"""Parts of the report."""
DEFAULT_PARTS = ("distance", "nearness", "kinds", "variety")
"""Parts by default. `recognition` needs Whisper, `probe` a model with an utterance embedding, `cost` an idle machine."""
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
    found, errors = measure_tasks(_tasks(selection, texts, parts), selection.jobs, "utterances")
    pairs: Pairs = {}
    tables: list[Report] = []
    for part in PARTS:
        if part in parts:
            tables += _MAKERS[part](_Measured(selection, texts, found), pairs)
    left_out = "; ".join(f"{name} ({reason})" for name, reason in sorted(errors.items()))
    notes = (OBJECTIVE, *([f"Left out: {left_out}."] if left_out else []))
    return Reports("Selection", tuple(tables), paired_tests(pairs), notes)


def _tasks(selection: Selection, texts: UnrecordedTexts, parts: Collection[str]) -> list[SelectionTask]:
    """Return the tasks that `parts` need, sorted by setting: a worker process keeps only two voices open."""
    spoken: list[SelectionTask] = []
    if not {"distance", "nearness", "kinds", "variety"}.isdisjoint(parts):
        spoken += selection.recorded_tasks()
    if not {"distance", "nearness", "kinds"}.isdisjoint(parts):
        spoken += selection.spoken_tasks()
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

    @property
    def settings(self) -> Sequence[Setting]:
        return self.selection.settings

    def scores(self) -> Standardised:
        return Standardised(self.found, self.settings)


def _distance(measured: _Measured, _: Pairs) -> list[Report]:
    return distance_tables(measured.scores(), measured.settings)


def _nearness(measured: _Measured, pairs: Pairs) -> list[Report]:
    report, found = nearness_table(measured.found, measured.settings)
    pairs |= found
    return [report]


def _kinds(measured: _Measured, _: Pairs) -> list[Report]:
    kinds = {one.text: one.group for one in measured.texts.sentences}
    return [kinds_table(measured.found, measured.settings, kinds)]


def _variety(measured: _Measured, _: Pairs) -> list[Report]:
    passages = [one.text for one in measured.texts.passages]
    return variety_tables(measured.found, measured.scores(), measured.settings, passages)


def _recognition(measured: _Measured, _: Pairs) -> list[Report]:
    selection = measured.selection
    sample = evenly(selection.clips, measured.texts.sample)
    tasks = [task for task in selection.recorded_tasks("understood") if task.clip in sample]
    found, _errors = measure_tasks([*tasks, *selection.spoken_tasks("understood", sample)], selection.jobs, "listening")
    return [recognition_table(found, selection.settings)]


def _probe(measured: _Measured, _: Pairs) -> list[Report]:
    selection, voice = measured.selection, measured.selection.voice
    clips = [clip for name in voice.speakers for clip in selection.training(name)]
    vectors = [posterior_mean(voice, selection.corpus, clip) for clip in tracked(clips, "embeddings")]
    speakers = [clip.speaker for clip in clips]
    names, places = np.unique(speakers, return_inverse=True)
    stacked = np.stack(vectors)
    centroids = np.stack([stacked[places == place].mean(0) for place in range(len(names))])
    results = {
        name: cross_validate(statistics_probe, list(rows[:, None]), speakers)
        for name, rows in {
            "embeddings": stacked,
            "their deviations from the speaker's centroid": stacked - centroids[places],
        }.items()
    }
    nats = 0.5 * np.square(stacked, dtype=np.float64).mean(axis=0)
    return [probe_table(results, len(names), nats, ACTIVE_NATS)]


def _cost(measured: _Measured, _: Pairs) -> list[Report]:
    selection = measured.selection
    clips = evenly(selection.clips, NUM_COSTED)
    settings = [setting for setting in selection.settings if setting.strategy != "oracle"]
    return [cost_table({one.name: cost_of(selection.files(one).open(), one, clips) for one in settings})]


def cost_of(voice: Voice, setting: Setting, clips: Sequence[Recording]) -> list[dict[str, float]]:
    """Measure the cost of selection for each text, after one warm-up.

    Returns:
        For each clip, in milliseconds: CPU time of the syntactic and semantic analysis, CPU time of the selector, their sum, and
        wall-clock time to first audio.
    """
    spent: list[Span] = []
    twin = voice.variant(observer=Observer(lambda span: spent.append(span) if span.name == SELECTOR else None))
    costs = []
    for clip in (clips[0], *clips):
        spent.clear()
        for _ in twin.stream([sentence_of(clip)], clip.speaker, best_effort=True):
            pass
        analysis = 1000 * _analysis_s(voice, clip) if READS[setting.strategy] else 0.0
        selector = 1000 * sum(span.cpu_s for span in spent)
        spoken = say(voice, clip.text, clip.speaker)
        costs.append(
            {
                "analysis_ms": analysis,
                "selection_ms": selector,
                "together_ms": analysis + selector,
                "first_audio_ms": 1000 * spoken.first_audio_s,
            }
        )
    return costs[1:]


def _analysis_s(voice: Voice, clip: Recording) -> float:
    """Return the CPU seconds of the analysis of a text: sentence embedding and syntactic distances."""
    sentence = sentence_of(clip)
    analyst = next(filler.analyst for filler in voice.fillers if isinstance(filler, SelectionFiller))
    start = time.process_time()
    analyst.analyse(sentence.words, sentence.marks)
    return time.process_time() - start


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


_MAKERS: dict[str, Callable[[_Measured, Pairs], list[Report]]] = {
    "distance": _distance,
    "nearness": _nearness,
    "kinds": _kinds,
    "variety": _variety,
    "recognition": _recognition,
    "probe": _probe,
    "cost": _cost,
}
