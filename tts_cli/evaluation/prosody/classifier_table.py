"""Table of the classifier that tells questions from statements, for recordings and for speech."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tts_cli.evaluation.measures.questions import FOLDS, QuestionClassifier, cross_validated, told_apart
from tts_cli.evaluation.prosody.material import DECLARATIVE, STATED, STATEMENT, STATEMENTS_A_QUESTION, YES_NO
from tts_cli.evaluation.prosody.question_tables import ALL
from tts_cli.evaluation.prosody.tasks import HeardPrompt
from tts_cli.evaluation.report import Column, Report, Row
from tts_cli.evaluation.systems import RECORDINGS

RISING = (YES_NO, DECLARATIVE)
"""Kinds of questions that should rise."""
STATING = (STATEMENT, STATED)
FEWEST = 10
"""Recorded training questions that the classifier needs."""
COLUMNS = (
    Column("balanced", "balanced accuracy %", 0, 100.0),
    Column("found", "questions found %", 0, 100.0),
    Column("mistaken", "statements taken for questions %", 0, 100.0),
)
NOTE = (
    "Logistic regression (class weights balanced, L2, C = 1) on the last half second before the end of the last phone: F0 "
    "relative to the utterance's median, in deviations of the speaker's F0, and energy relative to the mean, each in five parts "
    "of 0.1 s; log durations of the last phone and of the last three, relative to the mean. Trained on recorded training clips: "
    f"{{questions}} yes/no questions and {{statements}} statements ({STATEMENTS_A_QUESTION} of the same reader for each "
    'question). Speech: declarative and yes/no questions, against statements and the same words with "."; or the recorded '
    "prompts. Balanced accuracy: mean of the shares of questions and of statements that are recognised; chance is 50 %. 95 % "
    "bootstrap intervals over texts, questions and statements resampled separately. Recorded yes/no questions by reader: "
    "{readers}. Readers differ: see the share of recorded yes/no questions that rise. Not "
    "aligned with their texts, and left out: {unaligned} utterances."
)

_Judged = tuple[HeardPrompt, Sequence[bool]]
"""Prompt, and for each of its aligned utterances True if it is taken for a question."""


@dataclass(frozen=True)
class ClassifierMaterial:
    """Recordings that train and test the classifier."""

    taught: Sequence[HeardPrompt]
    """Recordings that train it."""
    tested: Sequence[HeardPrompt]
    """Recordings of the test split."""
    deviations: Mapping[str, float]
    """Standard deviation of F0 of each speaker, in semitones."""

    def features(self, one: HeardPrompt) -> list[tuple[float, ...]]:
        """Return the features of the utterances of a prompt that were aligned. An unknown speaker has the median deviation."""
        deviation = self.deviations.get(one.prompt.speaker) or median(self.deviations.values())
        return [spoken.shape.features(deviation) for spoken in one.spoken if spoken.shape]


def classifier_table(
    material: ClassifierMaterial,
    sentences: Mapping[str, Sequence[HeardPrompt]],
    prompts: Mapping[str, Sequence[HeardPrompt]],
    split: str,
) -> tuple[Report | None, str]:
    """Train the classifier and return its table, or None and the reason in words.

    Args:
        material: recordings.
        sentences: spoken sentences of each system.
        prompts: spoken recorded prompts of each system.
        split: name of the split of the tested recordings.
    """
    taught = [one for one in material.taught if material.features(one)]
    asked = [one.prompt.kind in RISING for one in taught]
    if min(sum(asked), len(asked) - sum(asked)) < FEWEST:
        return None, (
            f"The part classifier is left out: it needs {FEWEST} training recordings of yes/no questions, and as many of "
            f"statements; the corpus has {sum(asked)} and {len(asked) - sum(asked)}."
        )
    features = [material.features(one)[0] for one in taught]
    classifier = QuestionClassifier(features, asked)
    folds = cross_validated(features, asked, [one.prompt.text for one in taught])
    judged: list[tuple[str, list[_Judged]]] = [
        (f"{RECORDINGS}, train ({FOLDS} folds)", [(one, [bool(flag)]) for one, flag in zip(taught, folds, strict=True)])
    ]
    sets = {f"{RECORDINGS}, {split}": material.tested}
    sets |= {f"{name}, sentences": heard for name, heard in sentences.items()}
    sets |= {f"{name}, prompts of {split}": heard for name, heard in prompts.items()}
    for name, heard in sets.items():
        judged.append((name, [(one, classifier.asks(material.features(one)).tolist()) for one in heard]))
    rows = tuple(row for name, flagged in judged for row in _rows(name, flagged))
    note = NOTE.format(
        questions=sum(asked),
        statements=len(asked) - sum(asked),
        readers=_counts([*material.taught, *material.tested]),
        unaligned=sum(
            spoken.shape is None for heard in (material.taught, *sets.values()) for one in heard for spoken in one.spoken
        ),
    )
    names = ("utterances", "speaker", "texts")
    return Report("Prosody: questions told from statements", COLUMNS, rows, (note,), names=names), ""


def _rows(name: str, flagged: Sequence[_Judged]) -> Iterator[Row]:
    """Yield a row for each speaker, and one for all."""
    speakers = dict.fromkeys(one.prompt.speaker for one, _ in flagged)
    for speaker in (*speakers, *([ALL] if len(speakers) > 1 else [])):
        own = [(one, flags) for one, flags in flagged if speaker in (ALL, one.prompt.speaker) and flags]
        shares = [_shares([pair for pair in own if pair[0].prompt.kind in kinds]) for kinds in (RISING, STATING)]
        if estimates := told_apart(*shares):
            yield Row(speaker, estimates, name)


def _shares(flagged: Sequence[_Judged]) -> list[float]:
    """Return the share of utterances taken for questions, one for each text."""
    found: dict[str, list[bool]] = {}
    for one, flags in flagged:
        found.setdefault(one.prompt.text, []).extend(flags)
    return [sum(flags) / len(flags) for flags in found.values()]


def _counts(heard: Sequence[HeardPrompt]) -> str:
    """Return the number of questions of each reader in words: `slt 7 to train and 6 to test`."""
    counts: dict[str, dict[bool, int]] = {}
    for one in heard:
        if one.prompt.kind in RISING:
            assert one.prompt.recording
            own = counts.setdefault(one.prompt.speaker, {True: 0, False: 0})
            own[one.prompt.recording.split == "train"] += 1
    return ", ".join(f"{name} {own[True]} to train and {own[False]} to test" for name, own in counts.items())
