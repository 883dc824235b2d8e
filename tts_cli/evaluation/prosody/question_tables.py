"""Tables of questions: the same words asked and stated, and the share of sentences that rise, beside that of recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tts_cli.evaluation.measures.endings import LAST_S, RISE
from tts_cli.evaluation.prosody.material import DECLARATIVE, NUM_STATEMENTS, OR, STATED, STATEMENT, WH, YES_NO, words_of
from tts_cli.evaluation.prosody.tasks import HeardPrompt
from tts_cli.evaluation.report import Column, Report, Row
from tts_cli.evaluation.statistics import (
    Estimate,
    difference_estimate,
    independent_difference,
    mean_estimate,
    median_estimate,
    ratio_estimate,
)
from tts_cli.evaluation.systems import RECORDINGS

ALL = "all"
"""Group of the rows over all speakers."""
KINDS = (YES_NO, OR, WH, STATEMENT)
"""Kinds of sentences that are spoken and recorded."""
ASKED, HIGHER, RISES = "asked", "higher", "rises"
Shares = dict[str, tuple[float, float]]
"""Number of utterances that have a property, and number of utterances, by text."""

QUESTION_COLUMNS = (
    Column(ASKED, "asked %", 0, 100.0),
    Column(HIGHER, "higher %", 0, 100.0),
    Column(DECLARATIVE, "declarative ?, rise %", 0, 100.0),
    Column(STATED, "the same with ., rise %", 0, 100.0),
    *(Column(kind, f"{kind}, rise %", 0, 100.0) for kind in KINDS),
)
_RISE = f"rises: slope above {RISE:g} semitone/s over the voiced frames of the last {LAST_S:g} s of voiced speech"
QUESTION_NOTE = (
    'Asked: share of the declarative questions that end higher and steeper than the same words with "."; higher: the mean of the '
    "last five voiced frames, in semitones above the utterance's median, is greater; steeper: the slope over the voiced frames "
    f"of the last {LAST_S:g} s of voiced speech is greater by more than {RISE:g} semitone/s. A sentence {_RISE}. An end with too "
    "few voiced frames neither rises nor is asked. 95 % bootstrap intervals over texts; a figure over all speakers counts each "
    "text once."
)
RECORDED_COLUMNS = (
    Column(RISES, "rise %", 0, 100.0),
    Column("height", "end, st", 1),
    Column("slope", "slope, st/s", 1),
)
RECORDED_NOTE = (
    f"Recordings of all splits: all questions, and at most {NUM_STATEMENTS} statements of each reader. A sentence {_RISE}. End: "
    "mean of the last five voiced frames in semitones above the utterance's median (median over clips); slope: median over "
    "clips. Readers differ: not all of them raise yes/no questions."
)
BESIDE_NOTE = (
    "Speech of all speakers beside the recordings of the measured speakers, or of all readers where these recorded nothing of "
    "the kind. The texts differ: speech and recordings are resampled separately."
)


def shares_of(heard: Sequence[HeardPrompt]) -> dict[str, Shares]:
    """Count the utterances that rise by kind of sentence, and the pairs that are asked (`ASKED`) and end higher (`HIGHER`)."""
    stated = {(one.prompt.speaker, words_of(one.prompt.text)): one for one in heard if one.prompt.kind == STATED}
    found: dict[str, Shares] = {}
    for one in heard:
        _count(found, one.prompt.kind, one.prompt.text, [spoken.ending.rises for spoken in one.spoken])
        other = stated.get((one.prompt.speaker, words_of(one.prompt.text)))
        if one.prompt.kind == DECLARATIVE and other:
            ends = [(mine.ending, theirs.ending) for mine, theirs in zip(one.spoken, other.spoken, strict=True)]
            _count(found, ASKED, one.prompt.text, [asked.is_asked(said) for asked, said in ends])
            _count(found, HIGHER, one.prompt.text, [asked.height > said.height for asked, said in ends])
    return found


def _count(found: dict[str, Shares], key: str, text: str, true: Sequence[bool]) -> None:
    number, total = found.setdefault(key, {}).get(text, (0.0, 0.0))
    found[key][text] = number + sum(true), total + len(true)


def question_table(sentences: Mapping[str, Sequence[HeardPrompt]]) -> Report:
    """Return the table of asked pairs and of rising sentences, by speaker and system, with differences to the first system."""
    rows: list[Row] = []
    speakers = dict.fromkeys(one.prompt.speaker for heard in sentences.values() for one in heard)
    for speaker in (*speakers, *([ALL] if len(speakers) > 1 else [])):
        own = {name: shares_of(_of(heard, speaker)) for name, heard in sentences.items()}
        own = {name: shares for name, shares in own.items() if shares}
        rows += [Row(name, {key: _estimate(found) for key, found in shares.items()}, speaker) for name, shares in own.items()]
        rows += _differences(own, speaker)
    details = tuple({"system": name, **detail} for name, heard in sentences.items() for detail in _details(heard))
    return Report("Prosody: questions", QUESTION_COLUMNS, tuple(rows), (QUESTION_NOTE,), details, ("speaker", "system", "texts"))


def _of(heard: Sequence[HeardPrompt], speaker: str) -> list[HeardPrompt]:
    return [one for one in heard if speaker in (ALL, one.prompt.speaker)]


def _estimate(shares: Shares) -> Estimate:
    return ratio_estimate(*zip(*shares.values(), strict=True))


def _differences(systems: Mapping[str, Mapping[str, Shares]], group: str) -> list[Row]:
    if not systems:
        return []
    first, *others = systems
    rows = []
    for other in others:
        estimates = {}
        for key, shares in systems[other].items():
            common = [text for text in shares if text in systems[first].get(key, {})]
            if common:
                estimates[key] = difference_estimate(
                    [shares[text] for text in common], [systems[first][key][text] for text in common]
                )
        rows.append(Row(f"{other} - {first}", estimates, group))
    return rows


def _details(heard: Sequence[HeardPrompt]) -> list[dict[str, object]]:
    return [
        {
            **one.prompt.describe(),
            "height_st": [spoken.ending.height for spoken in one.spoken],
            "slope_st_per_s": [spoken.ending.slope for spoken in one.spoken],
        }
        for one in heard
    ]


def recorded_table(recorded: Sequence[HeardPrompt]) -> Report:
    """Return the table of recorded sentences: share that rises, height and slope of the end, by reader and kind."""
    rows = []
    readers = dict.fromkeys(one.prompt.speaker for one in recorded)
    for reader in (*readers, *([ALL] if len(readers) > 1 else [])):
        for kind in KINDS:
            ends = [one.spoken[0].ending for one in _of(recorded, reader) if one.prompt.kind == kind]
            if ends:
                known = [end for end in ends if np.isfinite(end.slope)]
                medians = {name: [getattr(end, name) for end in known] for name in ("height", "slope")} if known else {}
                estimates = {RISES: mean_estimate([end.rises for end in ends])}
                estimates |= {name: median_estimate(values) for name, values in medians.items()}
                rows.append(Row(kind, estimates, reader))
    details = tuple({"system": RECORDINGS, **detail} for detail in _details(recorded))
    return Report(
        "Prosody: recorded sentences", RECORDED_COLUMNS, tuple(rows), (RECORDED_NOTE,), details, ("reader", "kind", "clips")
    )


def beside_recordings(sentences: Mapping[str, Sequence[HeardPrompt]], recorded: Sequence[HeardPrompt]) -> Report:
    """Return the table of sentences that rise by kind: every system, the recordings, and the difference."""
    speakers = {one.prompt.speaker for heard in sentences.values() for one in heard}
    rows = []
    for kind in KINDS:
        clips = [one for one in recorded if one.prompt.kind == kind]
        own = [one for one in clips if one.prompt.speaker in speakers] or clips
        known = [(float(one.spoken[0].ending.rises), 1.0) for one in own]
        spoken = {name: list(shares_of(heard).get(kind, {}).values()) for name, heard in sentences.items()}
        spoken = {name: pairs for name, pairs in spoken.items() if pairs}
        rows += [Row(name, {RISES: ratio_estimate(*zip(*pairs, strict=True))}, kind) for name, pairs in spoken.items()]
        if known:
            rows.append(Row(RECORDINGS, {RISES: ratio_estimate(*zip(*known, strict=True))}, kind))
            rows += [
                Row(f"{name} - {RECORDINGS}", {RISES: independent_difference(pairs, known)}, kind)
                for name, pairs in spoken.items()
            ]
    title = "Prosody: sentences that rise, beside recordings"
    return Report(title, RECORDED_COLUMNS[:1], tuple(rows), (BESIDE_NOTE,), names=("kind", "system", "texts or clips"))
