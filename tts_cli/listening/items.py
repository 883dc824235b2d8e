"""Items of a listening test: the texts, recordings and speakers that its pages are made of."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile

from tts_cli.audio.files import WavFile, read_audio, read_native
from tts_cli.corpora.layouts import Clip
from tts_cli.corpora.manifest import open_corpus
from tts_cli.errors import ConfigError, CorpusError
from tts_cli.evaluation.prompts import GroupedText, Prompt, read_prompts, read_sentences
from tts_cli.listening.config import ItemChoice, ListeningConfig
from tts_cli.text import TextFrontEnd

T = TypeVar("T")
LONGEST_TEXT = 3000
"""Most characters of an item's text: three minutes of speech or so."""
_WHOLE = 1_000_000
"""Number of tokens that no sentence has, so that none is split."""


@dataclass(frozen=True)
class ListeningItem:
    """Item of a test: a text in the voice of one speaker, with the recordings that belong to it."""

    name: str
    prompt: Prompt
    group: str = ""
    """Group for tables: the kind of sentence, the passage or the target speaker."""
    source: Clip | None = None
    """Recording that a transfer takes its prosody from."""
    identity: Clip | None = None
    """Recording of the target speaker that listeners hear as identity reference."""
    target: Clip | None = None
    """Another recording of the target speaker, rated where a system `plays: target`."""


@dataclass(frozen=True)
class ChosenItems:
    """Items of the test pages and of the training pages."""

    test: tuple[ListeningItem, ...]
    training: tuple[ListeningItem, ...]
    notes: tuple[str, ...] = ()


def choose_items(config: ListeningConfig, corpora: Path | None, scratch: Path, where: str, voice: str) -> ChosenItems:
    """Choose the items of a test, by its seed.

    Args:
        config: Configuration of the test.
        corpora: Folder of corpora; None: that of the configuration.
        scratch: Folder for joined recordings, which lives as long as the items.
        where: Path of the configuration, for messages.
        voice: Speaker of sentences if the configuration names none.

    Raises:
        ConfigError: The items need a folder of corpora, and there is none.
        CorpusError: A file or recording is missing, or nothing fits the choice.
    """
    choice, rng = config.items, random.Random(config.seed)  # noqa: S311 - a choice, no secret
    if path := choice.sentences or choice.passages:
        read = _excerpts(path, choice.excerpt) if choice.passages else _numbered(read_sentences(path))
        found = _of_texts(path, read, choice, rng, voice)
    else:
        found = _of_recordings(choice, _Recordings(choice, corpora or config.corpora, where), rng, scratch)
    return _divided(found, config)


def _divided(found: Sequence[Sequence[ListeningItem]], config: ListeningConfig) -> ChosenItems:
    """Divide `found`, the items of each text or recording, into those of the test and those of the training."""
    count = len(found) if config.items.count is None else min(config.items.count, len(found))
    test = list(chain.from_iterable(zip_longest(*found[:count])))
    kept = tuple(item for item in test if item is not None)[: config.items.limit]
    spare = [items[0] for items in found[count : count + config.training]]
    training = (spare or list(kept))[: config.training]
    notes = []
    if config.items.count and len(found) < config.items.count:
        notes.append(f"The configuration asks for {config.items.count} items; {len(found)} fit it.")
    if config.training and not spare:
        notes.append("The training pages have items of the test, since there are no others.")
    if config.items.limit and len(test) > len(kept):
        notes.append(f"Cut to {len(kept)} of {len(test)} items by items.limit.")
    return ChosenItems(kept, tuple(training), tuple(notes))


def in_turns(things: Iterable[T], key: Callable[[T], object]) -> list[T]:
    """Return `things` in an order in which the values of `key` take turns, each in the order of its things."""
    groups: dict[object, list[T]] = {}
    for thing in things:
        groups.setdefault(key(thing), []).append(thing)
    rounds = zip_longest(*([(thing,) for thing in group] for group in groups.values()), fillvalue=())
    return [thing for one in chain.from_iterable(rounds) for thing in one]


def _numbered(sentences: Sequence[GroupedText]) -> list[tuple[GroupedText, str]]:
    return [(one, f"{place:04}") for place, one in enumerate(sentences, 1)]


def _excerpts(path: Path, length: int) -> list[tuple[GroupedText, str]]:
    """Return the excerpts of `length` sentences of each passage in the file `path`; what is left at an end is dropped."""
    front_end, found = TextFrontEnd(), list[tuple[GroupedText, str]]()
    for passage in read_sentences(path):
        sentences = [one.text for one in front_end.sentences(passage.text, _WHOLE)]
        starts = range(0, max(1, len(sentences) - length + 1), length)
        found += [(GroupedText(passage.group, " ".join(sentences[start : start + length])), "") for start in starts]
    return [(one, f"{place:04}") for place, (one, _) in enumerate(found, 1)]


def _of_texts(
    path: Path, read: Sequence[tuple[GroupedText, str]], choice: ItemChoice, rng: random.Random, voice: str
) -> list[list[ListeningItem]]:
    groups = list(dict.fromkeys(one.group for one, _ in read))
    if unknown := [kind for kind in choice.kinds if kind not in groups]:
        raise CorpusError(f"{path}: no line of the group '{unknown[0]}'", hint=f"groups of the file: {', '.join(groups)}")
    wanted = [pair for pair in read if not choice.kinds or pair[0].group in choice.kinds]
    if long := next((one for one, _ in wanted if len(one.text) > LONGEST_TEXT), None):
        message = f"{path}: a text of the group '{long.group[:40]}' has {len(long.text)} characters, more than {LONGEST_TEXT}"
        raise CorpusError(message, hint="shorten it, or take shorter excerpts of passages with items.excerpt")
    if choice.sentences:
        rng.shuffle(wanted)
        wanted.sort(key=lambda pair: groups.index(pair[0].group))
    speakers, taken, found = choice.speakers or (voice,), dict.fromkeys(groups, 0), []
    for (group, text), number in in_turns(wanted, lambda pair: pair[0].group):
        # Each group passes through the speakers, and begins with another one.
        speaker = speakers[(taken[group] + groups.index(group)) % len(speakers)]
        taken[group] += 1
        found.append([ListeningItem(f"{group} {number}", Prompt(text, speaker, group, name=number), group)])
    return found


class _Recordings:
    """Recordings of a corpora folder, or of a prepared corpus."""

    def __init__(self, choice: ItemChoice, corpora: Path | None, where: str) -> None:
        self.choice = choice
        if choice.data is None and corpora is None:
            hint = "name the folder with splits.csv with --corpora DIR, or with the key corpora"
            raise ConfigError(f"{where}: 'items.split': the recordings need a folder of corpora", hint)
        self.place = choice.data or corpora
        self._prepared = open_corpus(choice.data) if choice.data else None

    def read(self, split: str, speakers: Sequence[str] = ()) -> list[Clip]:
        """Return the clips of one split. Raises CorpusError if one of `speakers` has none."""
        assert self.place is not None
        if self._prepared is None:
            return list(read_prompts(self.place, split, speakers))
        manifest = self.place / "manifest.jsonl"
        clips = [
            Clip(one.corpus, one.id, one.speaker, one.text, Path(one.audio_filepath), str(manifest), one.split, one.kind)
            for one in self._prepared.recordings
            if one.split == split and (not speakers or one.speaker in speakers)
        ]
        if lacking := sorted(set(speakers) - {clip.speaker for clip in clips}) or ([] if clips else ["any speaker"]):
            known = ", ".join(self._prepared.speakers)
            raise CorpusError(f"{manifest}: no '{split}' recording of {', '.join(lacking)}", hint=f"speakers: {known}")
        return clips

    def short(self, split: str, speakers: Sequence[str]) -> list[Clip]:
        """Return the clips of `read` that are not too long; all, if all are."""
        clips = self.read(split, speakers)
        return [clip for clip in clips if self._is_short(clip)] or clips

    def _is_short(self, clip: Clip) -> bool:
        return self.choice.longest is None or _seconds(clip) <= self.choice.longest

    def wanted(self) -> list[Clip]:
        """Return the clips that fit the choice. Raises CorpusError if there are none."""
        choice = self.choice
        clips = [clip for split in choice.split or ("test",) for clip in self.read(split, choice.speakers)]
        fitting = [clip for clip in clips if (not choice.kinds or clip.kind in choice.kinds) and clip.id not in choice.exclude]
        fitting = [clip for clip in fitting if self._is_short(clip)]
        if not fitting:
            kinds = ", ".join(sorted({clip.kind for clip in clips}))
            hint = f"there are {len(clips)} recordings of the kinds {kinds}: change kinds, longest or exclude"
            raise CorpusError(f"{self.place}: no recording fits the items of the configuration", hint)
        return fitting


def _seconds(clip: Clip) -> float:
    try:
        return float(soundfile.info(clip.audio).duration)
    except (soundfile.LibsndfileError, OSError):
        samples, rate = read_native(clip.audio)
        return len(samples) / rate


def _of_recordings(choice: ItemChoice, recordings: _Recordings, rng: random.Random, scratch: Path) -> list[list[ListeningItem]]:
    """Return the items of each recording: one, or one for each target speaker."""
    clips = recordings.wanted()
    if choice.joined > 1:
        clips = list(_joined(clips, choice.joined, choice.pause, scratch))
        if not clips:
            hint = "take fewer with items.joined, or another split: the numbers at the end of the ids must follow each other"
            raise CorpusError(f"{recordings.place}: no {choice.joined} recordings of a speaker follow each other", hint)
    rng.shuffle(clips)
    clips.sort(key=lambda clip: (clip.speaker, clip.kind))
    speakers = {clip.speaker: [one for one in clips if one.speaker == clip.speaker] for clip in clips}
    clips = in_turns(chain.from_iterable(in_turns(own, lambda clip: clip.kind) for own in speakers.values()), _speaker_of)
    if choice.targets:
        return _transfers(clips, choice.targets, recordings, rng)
    return [
        [ListeningItem(f"{clip.speaker}/{clip.id}", Prompt(clip.text, clip.speaker, clip.kind, clip), clip.kind)]
        for clip in clips
    ]


def _speaker_of(clip: Clip) -> str:
    return clip.speaker


def _transfers(
    clips: Sequence[Clip], targets: Sequence[str], recordings: _Recordings, rng: random.Random
) -> list[list[ListeningItem]]:
    own = {target: recordings.short("test", (target,)) for target in targets}
    found: list[list[ListeningItem]] = []
    for clip in clips:
        items = []
        for target in targets:
            heard = _longer_half([one for one in own[target] if one.text != clip.text] or own[target])
            identity = rng.choice(heard)
            others = [one for one in heard if one.id != identity.id] or heard
            played = min(others, key=lambda one: abs(len(one.text) - len(clip.text)))
            prompt = Prompt(clip.text, target, clip.kind, name=clip.id)
            items.append(ListeningItem(f"{clip.speaker}/{clip.id} as {target}", prompt, target, clip, identity, played))
        # The targets take turns as the first, so that a cut or a training page does not take the same one always.
        turn = len(found) % len(items)
        found.append(items[turn:] + items[:turn])
    return found


def _longer_half(clips: Sequence[Clip]) -> list[Clip]:
    """Return the half of `clips` with the longer texts, at least two: a voice is hard to know by a word or two."""
    return sorted(clips, key=lambda clip: -len(clip.text))[: max(2, len(clips) // 2)]


def _joined(clips: Sequence[Clip], length: int, pause_s: float, scratch: Path) -> Iterator[Clip]:
    """Yield clips that join `length` recordings of a speaker with consecutive numbers; the audio is written to `scratch`."""
    run: list[Clip] = []
    for clip in sorted(clips, key=lambda one: (one.corpus, one.speaker, one.id)):
        run = [*run, clip] if run and _follows(run[-1], clip) else [clip]
        if len(run) == length:
            yield _join(run, pause_s, scratch)
            run = []


def _follows(before: Clip, after: Clip) -> bool:
    numbers = [re.fullmatch(r"(.*?)(\d+)", clip.id) for clip in (before, after)]
    same = (before.corpus, before.speaker) == (after.corpus, after.speaker)
    pairs = [(found[1], int(found[2])) for found in numbers if found]
    return same and len(pairs) == 2 and (pairs[0][0], pairs[0][1] + 1) == pairs[1]


def _join(run: Sequence[Clip], pause_s: float, scratch: Path) -> Clip:
    first, rate = read_native(run[0].audio)
    pause = np.zeros(round(pause_s * rate), np.float32)
    file = scratch / f"{run[0].corpus}-{run[0].id}.wav"
    with WavFile(file, rate) as written:
        written.write(first)
        for clip in run[1:]:
            written.write(np.concatenate([pause, read_audio(clip.audio, rate)]))
    name = f"{run[0].id}-{run[-1].id}"
    return replace(run[0], id=name, text=" ".join(clip.text for clip in run), audio=file)
