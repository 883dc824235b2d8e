"""Tasks of the evaluation of prosody selection: utterances in every setting, synthesised and measured in worker processes.

Results go to the user's cache as soon as they are known, so a stopped run resumes and a later run measures only new utterances.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from tts_cli.audio.mel import Floats
from tts_cli.corpora.journal import key_of
from tts_cli.corpora.layouts import QUESTIONS
from tts_cli.corpora.manifest import Corpus, Recording, open_corpus
from tts_cli.corpora.neighbours import Documents
from tts_cli.errors import AudioError, CorpusError, InputError
from tts_cli.evaluation.engine import run
from tts_cli.evaluation.measures.naturalness import naturalness
from tts_cli.evaluation.measures.recognition import understood
from tts_cli.evaluation.measures.utterances import compare
from tts_cli.evaluation.prompts import GroupedText
from tts_cli.evaluation.selection import speaking
from tts_cli.evaluation.systems import VoiceFiles
from tts_cli.selection.choosing import has_selector
from tts_cli.selection.feature import SELECTED
from tts_cli.selection.filler import SelectedUtterance
from tts_cli.selection.selector import SPREAD, WITH_WEIGHTS, Strategy
from tts_cli.voice.request import Controls
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import Voice

VERSION = 2
"""Version of the measures. Raise it if the same audio would get other values; cached results are then measured again."""
FOLDS = 5
"""Number of folds of the split `train-folds`."""
NUM_TRAINING = 200
"""Largest number of training recordings from which a speaker's scale is computed."""
FEWEST = 20
"""Number of recordings a speaker needs to be pooled."""
FEWEST_WORDS = 5
"""Median words per text from which a speaker counts as reading sentences; prosody of shorter phrases hardly depends on syntax."""
RECORDING = "recordings"
OTHERS = "other recordings"
SPLITS = ("validation", "test", "train-folds")
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
CONTEXT_FREE = ("centroid", "syntactic", "bert", "bert+syntactic", "random", "oracle")
"""Strategies that choose for a sentence alone. Others see the `NUM_BEFORE` sentences of the story before it."""
NUM_BEFORE = 2
NOT_TESTED = ("centroid", "random", "oracle")
"""Strategies that others are compared with."""
Work = Literal["prosody", "chosen", "understood", "naturalness"]


@dataclass(frozen=True)
class Setting:
    """Setting under test: a strategy of `ProsodySelector` with its options, of which only those that affect it count."""

    strategy: Strategy
    top_k: int = 1
    lengths: str = "dtw"
    bert_weight: float = 0.35
    inventory: str = "own"
    spread: float = SPREAD

    def options(self) -> dict[str, Any]:
        """Return the strategy and the options that affect it."""
        options: dict[str, Any] = {"strategy": self.strategy}
        if self.strategy not in ("centroid", "oracle"):
            options |= {"top_k": self.top_k, "inventory": self.inventory}
        if "syntactic" in self.strategy:
            options["lengths"] = self.lengths
        if self.strategy == "bert+syntactic":
            options["bert_weight"] = self.bert_weight
        if self.strategy in WITH_WEIGHTS:
            options["spread"] = self.spread
        return options

    @property
    def is_tested(self) -> bool:
        """Return True if the strategy reads the text, so that it can be tested against those that do not."""
        return self.strategy not in NOT_TESTED

    @property
    def name(self) -> str:
        """Strategy and options that affect it, such as `bert+syntactic, top 3, dtw, 0.7`."""
        options = self.options()
        parts = [self.strategy, f"top {self.top_k}" if "top_k" in options else "", str(options.get("lengths", ""))]
        parts += [f"{self.bert_weight:g}" if "bert_weight" in options else "", "all" if options.get("inventory") == "all" else ""]
        parts += [f"spread {self.spread:g}" if "spread" in options else ""]
        return ", ".join(part for part in parts if part)


def settings_of(
    strategies: Sequence[str],
    top_k: Sequence[int] = (1,),
    lengths: Sequence[str] = ("dtw",),
    bert_weights: Sequence[float] = (0.35,),
    inventory: str = "own",
    spreads: Sequence[float] = (SPREAD,),
) -> list[Setting]:
    """Return the settings of all combinations of the options, without duplicates. Raises InputError for an unknown strategy."""
    unknown = sorted(set(strategies) - set(STRATEGIES))
    if unknown:
        raise InputError(f"there is no strategy '{unknown[0]}'", hint="valid: " + ", ".join(STRATEGIES))
    found = [
        Setting(strategy, k, length, weight, inventory, spread)  # type: ignore[arg-type]
        for strategy in strategies
        for k in top_k
        for length in lengths
        for weight in bert_weights
        for spread in spreads
    ]
    return list({setting.name: setting for setting in found}.values())


@dataclass(frozen=True)
class SelectionTask:
    """Task of the evaluation of prosody selection: measure one utterance, synthesised or recorded. See `engine.Task`."""

    name: str
    """Name of the setting, or `RECORDING`, or `OTHERS`."""
    data: Path
    """Folder of the prepared corpus."""
    work: Work
    speaker: str
    text: str
    clip: Recording | None = None
    """Recording of the text, if there is one."""
    voice: VoiceFiles | None = None
    """Voice that speaks the text; None measures the recording itself."""
    is_oracle: bool = False
    """Speak with the embedding of the recording itself."""
    continuity: float = 0.0
    """Continuity between the sentences of a passage, as in `Controls`."""
    embedding: tuple[float, ...] | None = None
    """Embedding to speak the recorded text with, D numbers; None leaves it to the voice."""
    before: tuple[Recording, ...] = ()
    """Sentences of the story before this one, for a strategy that reads them."""

    @property
    def seed(self) -> int:
        """Noise seed: equal in all settings for one text and speaker, different for other texts."""
        return zlib.crc32(f"{self.speaker}|{self.text}".encode())

    @property
    def measures(self) -> tuple[str, ...]:
        """Name of the one measure of the task."""
        return (self.work,)

    @property
    def label(self) -> str:
        """Id of the recording, or the first 40 characters of the text."""
        return self.clip.id if self.clip else self.text[:40]

    def measure(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Return values by measure. Raises AudioError or CorpusError if a recording cannot be used."""
        return {name: _WORK[name](self, _corpus(self.data)) for name in names}

    def key(self, measure: str) -> str:
        """Return the cache key, which holds everything that the result depends on."""
        summary, clip = _corpus(self.data).summary, self.clip
        recorded = (clip.corpus, clip.id, clip.tokens, clip.durations, summary.mel_hash, summary.versions) if clip else ()
        spoken = (self.voice.hashes, self.voice.selector, self.is_oracle, self.continuity) if self.voice else ()
        given = (self.embedding, tuple((one.corpus, one.id, one.tokens) for one in self.before))
        # Results from before there were these two fields stay valid.
        return key_of(VERSION, measure, self.speaker, self.text, recorded, spoken, *(given if any(given) else ()))


_corpus = lru_cache(maxsize=2)(open_corpus)


def _spoken(task: SelectionTask, corpus: Corpus) -> list[tuple[Sentence, Floats]]:
    assert task.voice is not None
    voice = task.voice.open()
    if task.clip is None:
        return speaking.spoken_sentences(voice, task.text, task.speaker, task.seed, Controls(continuity=task.continuity))
    sentence = speaking.sentence_of(task.clip)
    if task.is_oracle or task.before or task.embedding is not None:
        chosen = _chosen(task, corpus)
        sentence = sentence.model_copy(update={"embedding": tuple(chosen["embedding"])})
        ((spoken, audio),) = speaking.spoken_sentences(voice, [sentence], task.speaker, task.seed)
        selected = tuple(SelectedUtterance(utterance=place, score=0.0) for place in chosen["selected"])
        return [(spoken.model_copy(update={SELECTED: selected}), audio)]
    return speaking.spoken_sentences(voice, [sentence], task.speaker, task.seed)


def _chosen(task: SelectionTask, corpus: Corpus) -> dict[str, Any]:
    """Return the embedding that a recorded text is spoken with, and the indices of the utterances that it comes from."""
    assert task.voice is not None
    assert task.clip is not None
    if task.embedding is not None:
        return {"embedding": list(task.embedding), "selected": []}
    voice = task.voice.open()
    if task.is_oracle:
        return {"embedding": speaking.posterior_mean(voice, corpus, task.clip).tolist(), "selected": []}
    sentences = [speaking.sentence_of(clip) for clip in (*task.before, task.clip)]
    sentence = speaking.chosen_sentence(voice, sentences, task.speaker, max(0, task.seed - len(task.before)))
    return {"embedding": list(sentence.embedding or ()), "selected": [one.utterance for one in sentence.outcome(SELECTED) or ()]}


def _prosody(task: SelectionTask, corpus: Corpus) -> dict[str, Any]:
    recording = speaking.recorded_prosody(task.clip, corpus) if task.clip else None
    if task.voice is None:
        assert recording is not None
        return {"sentences": [asdict(recording.measures())]}
    found: dict[str, Any] = {"sentences": []}
    for sentence, audio in _spoken(task, corpus):
        heard = speaking.spoken_prosody(sentence, audio, corpus.mel)
        chosen = [one.utterance for one in sentence.outcome(SELECTED) or ()]
        found["sentences"].append({"text": sentence.text, "selected": chosen, **asdict(heard.measures())})
        if recording:
            found["nearness"] = asdict(compare(recording, heard, corpus.summary.speakers[task.speaker].std_log_f0))
    return found


def _audio(task: SelectionTask, corpus: Corpus) -> Floats:
    if task.voice is None:
        assert task.clip is not None
        return speaking.recorded_audio(corpus, task.clip)
    return np.concatenate([piece for _, piece in _spoken(task, corpus)])


_WORK: dict[str, Callable[[SelectionTask, Corpus], dict[str, Any]]] = {
    "prosody": _prosody,
    "chosen": _chosen,
    "understood": lambda task, corpus: understood(task.text, _audio(task, corpus), corpus.mel.sample_rate),
    "naturalness": lambda task, corpus: {"naturalness": naturalness(_audio(task, corpus), corpus.mel.sample_rate)},
}

Found = dict[str, dict[SelectionTask, dict[str, Any]]]
"""Measured values by name of the setting and by task."""


def measure_tasks(tasks: Iterable[SelectionTask], jobs: int, title: str) -> tuple[Found, dict[str, str]]:
    """Measure `tasks` in `jobs` processes, except those in the cache of earlier runs.

    Returns:
        The values, and the error message of each failed task by its label.

    Raises:
        OutputError: if the cache cannot be written.
    """
    results = run(tasks, title, jobs, "selection.jsonl", tolerated=(AudioError, CorpusError))
    found: Found = {}
    for task, by_work in results.found.items():
        for figures in by_work.values():
            found.setdefault(task.name, {})[task] = figures
    return found, results.failures


@dataclass
class Selection:
    """Request for an evaluation: one voice in several settings, on the recordings of one split of a prepared corpus.

    Raises CorpusError if the split has no recording of the speakers, InputError for an unknown speaker or split.
    """

    voice: Voice
    data: Path
    split: str
    settings: Sequence[Setting]
    speakers: tuple[str, ...] = ()
    """Speakers to measure. Empty: those of voice and split who read sentences; if there are none, all of both."""
    limit: int | None = None
    """Largest number of recordings of each speaker, and of sentences of each group; None: all."""
    jobs: int = 1
    continuity: float = 0.0
    """Continuity between the sentences of passages, as in `Controls`."""
    draws: int = 5
    """Number of draws of each control: of random embeddings, and of the texts that are exchanged."""
    against: Voice | None = None
    """Voice whose time to first audio is measured in the same run, for the part `cost`."""
    corpus: Corpus = field(init=False)
    clips: tuple[Recording, ...] = field(init=False)

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise InputError(f"there is no split '{self.split}'", hint="valid: " + ", ".join(SPLITS))
        self.corpus = _corpus(self.data)
        for speaker in self.speakers:
            self.voice.acoustic.speaker_id(speaker)
        recordings = self._recordings()
        there = {clip.speaker for clip in recordings}
        wanted = self.speakers or self._default_speakers(recordings)
        if not wanted or (absent := [name for name in wanted if name not in there]):
            who = ", ".join(absent) if wanted else "any speaker of the voice"
            hint = "choose another --split, or other speakers with --speaker"
            raise CorpusError(f"{self.data}: the split '{self.split}' has no recording of {who}", hint)
        self.speakers = wanted
        self.clips = tuple(clip for name in wanted for clip in _of(recordings, name)[: self.limit])

    def _default_speakers(self, recordings: Sequence[Recording]) -> tuple[str, ...]:
        """Return the speakers who read sentences, of which those of stories may be short; all speakers if nobody does."""
        lengths: dict[str, list[bool]] = {}
        for clip in recordings:
            if clip.speaker in self.voice.speakers:
                is_long = bool(clip.document) or len(clip.text.split()) >= FEWEST_WORDS
                lengths.setdefault(clip.speaker, []).append(is_long)
        return tuple(name for name, long in lengths.items() if np.median(long) > 0) or tuple(lengths)

    def _recordings(self) -> list[Recording]:
        """Return the split's recordings; for `train-folds`, the training questions and as many statements of each speaker."""
        if self.split != "train-folds":
            return self.corpus.of_split(self.split)
        chosen: list[Recording] = []
        train = self.corpus.of_split("train")
        for speaker in sorted({clip.speaker for clip in train}):
            clips = _of(train, speaker)
            questions = [clip for clip in clips if clip.kind in QUESTIONS]
            if len(questions) >= FOLDS:
                chosen += questions + evenly([clip for clip in clips if clip.kind == "statement"], len(questions))
        return chosen

    @property
    def readers(self) -> tuple[str, ...]:
        """Speakers who read texts without recordings: those with at least `FEWEST` clips, or all if there are none."""
        counts = Counter(clip.speaker for clip in self.clips)
        return tuple(name for name in self.speakers if counts[name] >= FEWEST) or self.speakers

    def training(self, speaker: str) -> list[Recording]:
        """Return at most `NUM_TRAINING` training recordings of a speaker, evenly spaced."""
        return evenly(_of(self.corpus.of_split("train"), speaker), NUM_TRAINING)

    def recorded_tasks(self, work: Work = "prosody") -> Iterator[SelectionTask]:
        """Yield the tasks without a voice: the recordings and, for prosody, the training recordings of the scale."""
        yield from (self.task(RECORDING, clip, work) for clip in self.clips)
        if work == "prosody":
            yield from (self.task(OTHERS, clip, work) for name in self.speakers for clip in self.training(name))

    def spoken_tasks(
        self, work: Work = "prosody", clips: Sequence[Recording] | None = None, settings: Sequence[Setting] | None = None
    ) -> Iterator[SelectionTask]:
        """Yield the tasks that speak the texts of `clips` (None: all recordings) in every one of `settings` (None: all)."""
        chosen, documents = self.clips if clips is None else clips, Documents(self.corpus.recordings)
        for setting in self.settings if settings is None else settings:
            for fold, members in self.folds(chosen).items():
                for clip in members:
                    yield replace(
                        self.task(setting.name, clip, work),
                        voice=self.files(setting, fold),
                        is_oracle=setting.strategy == "oracle",
                        before=() if setting.strategy in CONTEXT_FREE else tuple(documents.before(clip, NUM_BEFORE)),
                    )

    def text_tasks(self, texts: Sequence[GroupedText], speakers: Sequence[str]) -> Iterator[SelectionTask]:
        """Yield the tasks that speak texts without recordings, by every speaker in every setting except the oracle."""
        for setting in self.settings:
            weight = self.continuity if "top_k" in setting.options() else 0.0
            for one in texts if setting.strategy != "oracle" else ():
                for speaker in speakers:
                    task = SelectionTask(setting.name, self.data, "prosody", speaker, one.text, voice=self.files(setting))
                    yield replace(task, continuity=weight)

    def task(self, name: str, clip: Recording, work: Work) -> SelectionTask:
        """Return the task that measures a recording itself, under a name."""
        return SelectionTask(name, self.data, work, clip.speaker, clip.text, clip)

    def folds(self, clips: Sequence[Recording]) -> dict[tuple[str, ...], list[Recording]]:
        """Return `clips` by the ids of the recordings that selection must exclude for them: those of their own fold."""
        if self.split != "train-folds":
            return {(): list(clips)}
        texts = list(dict.fromkeys(clip.text for clip in self.clips))
        folds: dict[int, list[Recording]] = {}
        for clip in clips:
            folds.setdefault(texts.index(clip.text) % FOLDS, []).append(clip)
        names = {fold: {clip.id for clip in self.clips if texts.index(clip.text) % FOLDS == fold} for fold in folds}
        return {tuple(sorted(names[fold])): members for fold, members in folds.items()}

    def files(self, setting: Setting, excluded: tuple[str, ...] = ()) -> VoiceFiles:
        """Return the voice in a setting. Without a selector, only `centroid` and `oracle` are possible."""
        files = VoiceFiles.of(self.voice)
        if not self._selects:
            if setting.strategy not in ("centroid", "oracle"):
                name = self.voice.acoustic.name
                raise InputError(f"addon '{name}' has no prosody selector", hint="measure it with --strategy centroid")
            return files
        options = setting.options() | ({"excluded": excluded} if excluded and "top_k" in setting.options() else {})
        return replace(files, selector=tuple(options.items()))

    @property
    def _selects(self) -> bool:
        return has_selector(self.voice.acoustic.config.stack)


def _of(clips: Iterable[Recording], speaker: str) -> list[Recording]:
    return [clip for clip in clips if clip.speaker == speaker]


def evenly(clips: Sequence[Recording], count: int) -> list[Recording]:
    """Return `count` of `clips` (all if there are fewer), evenly spaced."""
    places = np.linspace(0, len(clips) - 1, min(count, len(clips))).round().astype(int)
    return [clips[place] for place in places]
