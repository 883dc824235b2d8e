"""What `tts evaluate selection` reports: strategies of prosody selection, part by part."""

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
DEFAULT_PARTS = ("distance", "nearness", "kinds", "variety")
"""The others want Whisper, a model with an embedding, and an idle machine."""
NUM_COSTED = 20
"""Sentences whose cost is measured."""


@dataclass(frozen=True)
class UnrecordedTexts:
    """What is spoken that nobody recorded."""

    __test__ = False

    sentences: tuple[GroupedText, ...] = ()
    """By kind."""
    passages: tuple[GroupedText, ...] = ()
    """By name."""
    sample: int = 30
    """Prompts that Whisper hears in every setting."""


def evaluate_selection(selection: Selection, texts: UnrecordedTexts, parts: Collection[str] = DEFAULT_PARTS) -> Reports:
    """The `parts` of PARTS that are asked for.

    Raises InputError for another, for texts that voices were trained on, and where the evaluation extra is missing.
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
    """Speaking is ordered by setting, of which a process keeps few open."""
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
    whose, places = np.unique(speakers, return_inverse=True)
    stacked = np.stack(vectors)
    centroids = np.stack([stacked[places == place].mean(0) for place in range(len(whose))])
    results = {
        name: cross_validate(statistics_probe, list(rows[:, None]), speakers)
        for name, rows in {
            "embeddings": stacked,
            "their deviations from the speaker's centroid": stacked - centroids[places],
        }.items()
    }
    nats = 0.5 * np.square(stacked, dtype=np.float64).mean(axis=0)
    return [probe_table(results, len(whose), nats, ACTIVE_NATS)]


def _cost(measured: _Measured, _: Pairs) -> list[Report]:
    selection = measured.selection
    clips = evenly(selection.clips, NUM_COSTED)
    settings = [setting for setting in selection.settings if setting.strategy != "oracle"]
    return [cost_table({one.name: cost_of(selection.files(one).open(), one, clips) for one in settings})]


def cost_of(voice: Voice, setting: Setting, clips: Sequence[Recording]) -> list[dict[str, float]]:
    """What each text costs: CPU milliseconds of analysis and of selection, and time to first audio; the first is a warm-up."""
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
    """CPU seconds of finding syntax and meaning."""
    sentence = sentence_of(clip)
    analyst = next(filler.analyst for filler in voice.fillers if isinstance(filler, SelectionFiller))
    start = time.process_time()
    analyst.analyse(sentence.words, sentence.marks)
    return time.process_time() - start


def refuse_trained(texts: Mapping[str, Sequence[str]], corpus: Corpus) -> None:
    """Raises InputError where a text, by file, is one that voices were trained on."""
    trained = {_letters(clip.text) for clip in corpus.of_split("train")}
    for file, spoken in texts.items():
        for text in spoken:
            if _letters(text) in trained:
                raise InputError(f"{file}: '{text}' is said in a training recording", hint="leave it out")


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
