"""Evaluation of prosody: the request and the parts of the report of `tts evaluate prosody`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tts_cli.errors import InputError
from tts_cli.evaluation.engine import check_parts
from tts_cli.evaluation.html import ReportPage
from tts_cli.evaluation.plots import means
from tts_cli.evaluation.prepared import f0_deviations
from tts_cli.evaluation.prompts import GroupedText, Prompt, unrecorded_prompts
from tts_cli.evaluation.prosody.classifier_table import ClassifierMaterial, classifier_table
from tts_cli.evaluation.prosody.distance_tables import distance_tables
from tts_cli.evaluation.prosody.material import RecordedMaterial, letters_of, with_statements
from tts_cli.evaluation.prosody.question_tables import ASKED, beside_recordings, question_table, recorded_table
from tts_cli.evaluation.prosody.tasks import HeardPrompt, hear
from tts_cli.evaluation.report import OBJECTIVE, Report, Reports
from tts_cli.evaluation.sources import SystemSource, open_system, placed, read_systems, recordings_system
from tts_cli.evaluation.statistics import Estimate
from tts_cli.evaluation.systems import RECORDINGS, System

PARTS = ("questions", "classifier", "distances")
"""Parts of the report. The last two need a prepared corpus."""


@dataclass(frozen=True)
class ProsodyEvaluation:
    """Request for an evaluation of prosody."""

    sources: Mapping[str, SystemSource]
    """Systems by name; each later one is compared with the first."""
    sentences: tuple[GroupedText, ...]
    """Sentences to speak, of the groups `material.GROUPS`."""
    data: Path | None = None
    """Prepared corpus with the recordings; None: only the part `questions` is possible."""
    split: str = "test"
    """Split of the recorded prompts."""
    speakers: tuple[str, ...] = ()
    """Speakers to measure. Empty: those whom all voices have."""
    parts: tuple[str, ...] = ()
    """Parts of the report, of `PARTS`. Empty: all that are possible."""
    limit: int | None = None
    """Largest number of recordings of each speaker and kind; None: all."""
    num_seeds: int = 1
    """Number of noise seeds of each text."""
    jobs: int = 1
    """Number of worker processes."""
    where: str = ""
    """Origin of the systems for messages, such as the path of a YAML file; empty: none."""

    def __post_init__(self) -> None:
        check_parts(self.parts, PARTS, "prosody")
        lacking = [] if self.data else [name for name in self.parts if name != "questions"]
        if lacking:
            hint = "name a prepared corpus with --data, or leave it out with --part questions"
            raise InputError(f"the part '{lacking[0]}' compares speech with recordings, and no prepared corpus is given", hint)
        recorded = next((name for name, source in self.sources.items() if source.recordings), None)
        if recorded:
            hint = f"leave the system '{recorded}' out, and name a prepared corpus with --data"
            raise InputError("the recordings are no system of this evaluation: they stand beside every system", hint)
        if all(source.folder for source in self.sources.values()) and self.wanted == ("questions",):
            hint = "name a prepared corpus with --data, and compare its recordings with the folder"
            raise InputError("a folder holds no audio of the sentences, and nothing else is to be measured", hint)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Parts of the report, in its order."""
        return tuple(name for name in PARTS if name in (self.parts or (PARTS if self.data else ("questions",))))

    def named(self, system: str) -> AbstractContextManager[None]:
        """Put the origin of a system before the message of an error that the block raises."""
        return placed(f"{self.where}: system '{system}'" if self.where else "")

    def known_speakers(self) -> tuple[str, ...]:
        """Return the speakers to measure: the wanted ones, or those whom all voices have; none without a voice.

        Raises:
            AddonError: A voice is not found.
            InputError: The voices have no speaker in common.
        """
        voices = {name: source for name, source in self.sources.items() if source.addon}
        if self.speakers or not voices:
            return self.speakers
        named = []
        for name, source in voices.items():
            with self.named(name):
                named.append(source.speakers())
        found = tuple(name for name in named[0] if all(name in others for others in named))
        if not found:
            raise InputError("the voices have no speaker in common", hint="measure them one by one, each with its --speaker")
        return found

    def describe(self, speakers: Sequence[str], texts: Sequence[GroupedText], recorded: RecordedMaterial | None) -> str:
        """Return systems and material in words, for the top of a page."""
        systems = ", ".join(f"{name} ({source.describe()})" for name, source in self.sources.items())
        found = [f"Systems: {systems}.", f"Speakers: {', '.join(speakers)}." if speakers else "", f"Sentences: {len(texts)}."]
        found += [f"Recordings: {recorded.data.name}, prompts of the split {self.split}."] if recorded else []
        return " ".join(filter(None, found))

    @property
    def named_addons(self) -> tuple[str, ...]:
        """Names or paths of all addons, vocoders included, for their hashes in a report."""
        named = [name for source in self.sources.values() for name in (source.addon, source.vocoder)]
        return tuple(dict.fromkeys(name for name in named if name))


@dataclass(frozen=True)
class ProsodyReports(Reports):
    """Tables of the evaluation of prosody, with a plot of the asked questions for a page."""

    described: str = ""
    """Systems and material in words."""
    systems: tuple[str, ...] = ()
    """Names of the systems."""

    def lede(self) -> str:
        """Return a sentence on systems and material, for the top of the page."""
        return self.described

    def illustrate(self, page: ReportPage, _folder: Path) -> None:
        """Add a plot of the share of questions that sound asked, by speaker and system."""
        shares: dict[str, dict[str, Estimate]] = {}
        for row in self.reports[0].rows if self.reports else ():
            if ASKED in row.estimates and row.name in self.systems:
                one = row.estimates[ASKED]
                shown = Estimate(100 * one.value, 100 * one.low, 100 * one.high, one.num_clips)
                shares.setdefault(row.group, {})[row.name] = shown
        if shares:
            page.section("Declarative questions that sound asked")
            page.figure(means(shares, "asked, %"), "Share of the declarative questions that sound asked, by speaker and system.")


def sources_of(addons: Sequence[str], vocoder: str | None, systems: Path | None) -> dict[str, SystemSource]:
    """Return the systems of a command line by name: the voices, then those of a YAML file.

    Args:
        addons: names or paths of voices.
        vocoder: vocoder of all `addons`; None: that of each.
        systems: YAML file; None: none.

    Raises:
        ConfigError: The file is missing or no YAML, or a system has a wrong key.
        InputError: A system is given twice.
    """
    given = [*((name, SystemSource(addon=name, vocoder=vocoder)) for name in addons)]
    given += read_systems(systems).items() if systems else ()
    names = [name for name, _ in given]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        hint = "give it once, or under another name in a file for --systems"
        raise InputError(f"the system '{twice}' is given twice", hint=hint)
    return dict(given)


@dataclass
class _Heard:
    """Measured utterances of an evaluation."""

    sentences: dict[str, list[HeardPrompt]] = field(default_factory=dict)
    """Sentences without recordings, by system."""
    prompts: dict[str, list[HeardPrompt]] = field(default_factory=dict)
    """Recorded prompts, by system."""
    recorded: dict[tuple[str, str], HeardPrompt] = field(default_factory=dict)
    """Recordings by corpus and id."""
    failures: dict[str, str] = field(default_factory=dict)

    def of(self, prompts: Sequence[Prompt]) -> list[HeardPrompt]:
        """Return the recordings of `prompts`, as far as they were measured."""
        return [self.recorded[_place(prompt)] for prompt in prompts if _place(prompt) in self.recorded]


def _place(prompt: Prompt) -> tuple[str, str]:
    assert prompt.recording
    return prompt.recording.corpus, prompt.recording.id


def evaluate_prosody(asked: ProsodyEvaluation) -> ProsodyReports:
    """Measure the prosody of systems beside recordings, and return the tables of all parts.

    Results are kept in `engine.cache_folder()`: after an interruption, the same call continues.

    Raises:
        AddonError: A voice cannot be opened.
        InputError: A voice lacks a speaker, a sentence has an unknown group, or the extra `eval` is not installed.
        CorpusError: The corpus has no recording of the speakers.
        OutputError: A result cannot be kept.
    """
    texts = with_statements(asked.sentences) if {"questions", "classifier"} & set(asked.wanted) else ()
    speakers = asked.known_speakers()
    recorded = RecordedMaterial(asked.data, asked.split, speakers, asked.limit) if asked.data else None
    if recorded:
        _refuse_trained(texts, recorded)
    heard = _hear(asked, texts, speakers, recorded)
    tables: list[Report] = []
    notes = [OBJECTIVE]
    if "questions" in asked.wanted:
        tables += _question_tables(heard, recorded)
    if "classifier" in asked.wanted and recorded:
        assert asked.data
        material = ClassifierMaterial(heard.of(recorded.taught()), heard.of(recorded.tested()), f0_deviations(asked.data))
        table, note = classifier_table(material, heard.sentences, heard.prompts, asked.split)
        tables += [table] if table else []
        notes += [note] if note else []
    if "distances" in asked.wanted and recorded:
        tables += distance_tables(heard.of(recorded.prompts()), heard.prompts, heard.of(recorded.others()))
    if heard.failures:
        notes.append("Left out: " + "; ".join(f"{name} ({reason})" for name, reason in sorted(heard.failures.items())) + ".")
    told = asked.describe(speakers, texts, recorded)
    return ProsodyReports("Prosody", tuple(tables), (), tuple(notes), told, tuple(asked.sources))


def _question_tables(heard: _Heard, recorded: RecordedMaterial | None) -> list[Report]:
    tables = [question_table(heard.sentences)] if heard.sentences else []
    if recorded and (known := heard.of(recorded.described())):
        tables += [recorded_table(known), beside_recordings(heard.sentences, known)]
    return tables


def _refuse_trained(texts: Sequence[GroupedText], recorded: RecordedMaterial) -> None:
    """Raise InputError if a sentence is the text of a training recording."""
    trained = recorded.trained_texts()
    for one in texts:
        if letters_of(one.text) in trained:
            raise InputError(f"'{one.text}' is the text of a training recording", hint="remove it from the file of sentences")


def _hear(
    asked: ProsodyEvaluation, texts: Sequence[GroupedText], speakers: Sequence[str], recorded: RecordedMaterial | None
) -> _Heard:
    heard = _Heard()
    spoken: tuple[Prompt, ...] = ()
    if recorded:
        wanted = _recordings(asked.wanted, recorded)
        measured, failures = hear(recordings_system(wanted, RECORDINGS), wanted, asked.jobs)
        heard.recorded = {_place(one.prompt): one for one in measured}
        heard.failures |= failures
        spoken = recorded.prompts() if {"classifier", "distances"} & set(asked.wanted) else ()
    readers = speakers or tuple(dict.fromkeys(prompt.speaker for prompt in spoken))
    sentences = unrecorded_prompts(texts, readers or ("",))
    for name, source in asked.sources.items():
        with asked.named(name):
            system, own, prompts = _opened(name, source, sentences, spoken, asked)
        for found, chosen in ((heard.sentences, own), (heard.prompts, prompts)):
            if chosen:
                found[name], failures = hear(system, chosen, asked.jobs)
                heard.failures |= failures
    return heard


def _recordings(parts: Collection[str], recorded: RecordedMaterial) -> tuple[Prompt, ...]:
    """Return the recordings that the parts need, each once."""
    found: list[Prompt] = []
    if "questions" in parts:
        found += recorded.described()
    if "classifier" in parts:
        found += [*recorded.taught(), *recorded.tested()]
    if "distances" in parts:
        found += [*recorded.prompts(), *recorded.others()]
    return tuple({_place(prompt): prompt for prompt in found}.values())


def _opened(
    name: str, source: SystemSource, sentences: Sequence[Prompt], recorded: Sequence[Prompt], asked: ProsodyEvaluation
) -> tuple[System, Sequence[Prompt], Sequence[Prompt]]:
    """Return a system with the sentences and the recorded prompts that it speaks: a folder has no sentences."""
    own = () if source.folder else sentences
    system = open_system(name, source, [*own, *recorded], num_seeds=asked.num_seeds)
    if source.command:
        texts = {prompt.text for prompt in own}
        own = [prompt for prompt in system.prompts if prompt.text in texts]
    return system, own, recorded
