"""Configuration of a listening test: the YAML file that `tts listening-test build` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from tts_cli.addon import library
from tts_cli.config import StrictModel, apply_overrides, parse, read_mapping
from tts_cli.errors import ConfigError
from tts_cli.evaluation.sources import ORIGINS, SystemSource
from tts_cli.listening.design import MOST_CONDITIONS, Kind

LONGEST_NAME = 80
"""Most characters of a system's name."""
QUESTIONS: Mapping[Kind, str] = {
    "mushra": "How good is each sample, compared with the reference?",
    "mos": "How natural is this speech?",
    "ab": "Which of the two samples sounds better?",
    "abx": "Which of the two samples is X?",
}
"""Question of each kind of test, unless the configuration has one."""
WITHOUT_REFERENCE = "How good is each sample?"
"""Question of a test like MUSHRA without a hidden reference."""
ATTENTION_TEXTS: Mapping[Kind, str] = {
    "mushra": "Please move this slider to {score}.",
    "mos": "Please rate this sample with {score}.",
    "ab": "Please choose this sample.",
    "abx": "Please choose this sample.",
}
"""Sentence of an attention check of each kind of test."""
Shown = Literal["prosody", "identity"]
"""Sound that listeners hear without rating it: `prosody` is the recording that a transfer takes its prosody from, `identity`
another recording of the target speaker."""


class ListenedSystem(SystemSource):
    """Origin of the stimuli of one condition: one of those of `SystemSource`, or `transfer`, or `plays`."""

    transfer: str | None = None
    """Name or path of a voice that takes the prosody of each item's source recording."""
    strength: float | None = Field(default=None, ge=0, le=1)
    """Strength of the transfer, as `tts transfer-prosody --strength`; by default that of the command."""
    plays: Literal["source", "target"] | None = None
    """`source` plays the source recording of each item, `target` another recording of the target speaker."""
    description: str = Field(default="", max_length=300)
    """Words for the report; by default the origin."""

    @model_validator(mode="after")
    def _check(self) -> ListenedSystem:
        origins = (*ORIGINS, "transfer", "plays")
        given = [name for name in origins if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"a system has exactly one of {', '.join(origins)}; found {', '.join(given) or 'none'}")
        if self.strength is not None and not self.transfer:
            raise ValueError("strength belongs to a system with 'transfer'")
        if (self.selector and not self.addon) or (self.vocoder and not (self.addon or self.transfer)):
            raise ValueError("vocoder and selector belong to a voice; this system is none")
        return self

    @property
    def is_recorded(self) -> bool:
        """Return whether the stimuli are recordings of the speaker whose voice is rated."""
        return self.recordings or self.plays == "target"

    @property
    def needs_source(self) -> bool:
        """Return whether the system needs items with a source recording and a target speaker."""
        return bool(self.transfer or self.plays)

    def describe(self) -> str:
        """Return the origin in words, such as `transfer copycat-16k, strength=0.5`."""
        if self.description:
            return self.description
        if self.transfer:
            options = [f"vocoder {self.vocoder}"] if self.vocoder else []
            options += [f"strength={self.strength:g}"] if self.strength is not None else []
            return ", ".join([f"transfer {self.transfer}", *options])
        if self.plays:
            return {"source": "recording of the source speaker", "target": "another recording of the target speaker"}[self.plays]
        return super().describe()


class ItemChoice(StrictModel):
    """Choice of the items of a test: recordings of a corpora folder or of a prepared corpus, sentences, or passages."""

    split: str | tuple[str, ...] = ()
    """Split, or splits, of the recordings; with `data` by default `test`."""
    data: Path | None = None
    """Prepared corpus to take recordings from, instead of the corpora folder."""
    sentences: Path | None = None
    """File of sentences without recordings, one a line: `group|text`."""
    passages: Path | None = None
    """File of passages without recordings, one a line: `name|text`."""
    excerpt: int = Field(default=4, ge=1, le=100)
    """Sentences of each item of a passage."""
    joined: int = Field(default=1, ge=1, le=20)
    """Number of consecutive recordings of a speaker that are joined to one item, for long-form reading."""
    pause: float = Field(default=0.3, ge=0, le=3)
    """Silence between joined recordings, in seconds."""
    speakers: tuple[str, ...] = ()
    """Speakers of the recordings, or the voices that take turns to speak the sentences; empty: all, or the voice's default."""
    kinds: tuple[str, ...] = ()
    """Kinds of recordings, or groups of sentences; empty: all."""
    targets: tuple[str, ...] = ()
    """Target speakers of prosody transfer; each recording is a source that is spoken in the voice of every target."""
    count: int | None = Field(default=None, ge=1, le=1000)
    """Number of recordings, sentences or passages, taken in turns from speakers and kinds; by default all."""
    longest: float | None = Field(default=None, gt=0)
    """Longest recording, in seconds, sources and target speakers included."""
    exclude: tuple[str, ...] = ()
    """Ids of recordings that are left out."""
    limit: int | None = Field(default=None, ge=1)
    """Largest number of items of the test, to try a configuration."""

    @property
    def is_recorded(self) -> bool:
        """Return whether the items are recordings."""
        return not (self.sentences or self.passages)

    @field_validator("split", mode="after")
    @classmethod
    def _listed(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> ItemChoice:
        given = [name for name in ("sentences", "passages") if getattr(self, name)]
        recorded = [name for name in ("split", "data") if getattr(self, name)]
        if len(given) + bool(recorded) != 1:
            found = ", ".join(given + recorded) or "none"
            raise ValueError(f"items come from exactly one of split, data, sentences, passages; found {found}")
        if given and (self.targets or self.joined > 1 or self.longest or self.exclude):
            raise ValueError(f"targets, joined, longest and exclude need recordings, but the items are {given[0]}")
        if self.targets and self.joined > 1:
            raise ValueError("joined recordings cannot be the sources of a transfer")
        return self


class AttentionChoice(StrictModel):
    """Attention checks: pages on which a voice says how to answer."""

    count: int = Field(default=1, ge=0, le=20)
    """Number of pages."""
    addon: str | None = None
    """Voice that says it; by default the shipped voice."""
    speaker: str | None = None
    text: str = Field(default="", max_length=200)
    """Sentence, with `{score}` in the place of the number; by default English."""


class ScreeningChoice(StrictModel):
    """Rules of the post-screening that are switched on or off; null leaves a rule on where the test has such a stimulus."""

    hidden_reference: bool | None = None
    mid_anchor: bool | None = None
    attention: bool | None = None


class ListeningConfig(StrictModel):
    """Listening test to build: systems, items, anchors and words."""

    kind: Kind
    title: str = Field(min_length=1, max_length=200)
    question: str = Field(default="", max_length=500)
    """Question of every page; by default one of `QUESTIONS`."""
    instructions: str = Field(default="", max_length=20_000)
    """Text before the test, paragraphs separated by empty lines."""
    consent: str = Field(default="", max_length=20_000)
    """Text that listeners agree to; empty: none."""
    language: str = Field(default="en", pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """Seed of the choice of items, the names of the stimuli and the listeners' orders."""
    corpora: Path | None = None
    """Folder of corpora; --corpora precedes it."""
    systems: dict[str, ListenedSystem] = Field(min_length=1)
    """Systems by name."""
    items: ItemChoice
    reference: str | None = None
    """Name of the system that is the hidden reference of MUSHRA; null: none, and then no anchors and no post-screening."""
    anchors: Literal["auto", "none"] | tuple[float, ...] = "auto"
    """Cut-off frequencies of one or two anchors in Hertz, in rising order; `auto`: 3.5 and 7 kHz for stimuli that reach above
    10 kHz, else 2 and 3.5 kHz."""
    shown: tuple[Shown, ...] = ()
    """Sounds beside the rated ones; see `Shown`."""
    show_text: bool = True
    """Show the text of the item."""
    loudness: float = Field(default=-23.0, ge=-45, le=-14)
    """Loudness of all stimuli in LUFS (BS.1770); lower if a stimulus would clip."""
    sample_rate: int | None = Field(default=None, ge=8000, le=96_000)
    """Sample rate of the stimuli in Hertz; by default the lowest of the systems."""
    training: int = Field(default=1, ge=0, le=10)
    """Number of training pages."""
    attention: AttentionChoice = AttentionChoice()
    screening: ScreeningChoice = ScreeningChoice()
    listeners: int = Field(default=20, ge=1, le=10_000)
    """Planned number of listeners."""

    @field_validator("systems", mode="after")
    @classmethod
    def _named(cls, systems: dict[str, ListenedSystem]) -> dict[str, ListenedSystem]:
        for name in systems:
            if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
                raise ValueError(f"a name of a system has 1 to {LONGEST_NAME} printable characters")
        return systems

    @model_validator(mode="after")
    def _check(self) -> ListeningConfig:
        for check in (self._reference_problem, self._count_problem, self._source_problem, self._attention_problem):
            if problem := check():
                raise ValueError(problem)
        return self

    def _reference_problem(self) -> str:
        if self.reference is not None and self.reference not in self.systems:
            return f"reference: there is no system '{self.reference}'; the systems are {', '.join(self.systems)}"
        if self.reference is not None and self.kind != "mushra":
            return f"reference: a test of kind {self.kind} has no hidden reference; leave the key out"
        if self.reference is not None and len(self.systems) == 1:
            return "systems: there is no system beside the reference; add one to rate"
        if isinstance(self.anchors, tuple) and self.reference is None:
            return "anchors: they are made from the hidden reference, but the test has none; add reference: NAME"
        if isinstance(self.anchors, tuple) and not (0 < len(self.anchors) <= 2 and _rises(self.anchors)):
            return "anchors: give one or two frequencies in Hertz, the lower first, from 500 Hz"
        return ""

    def _count_problem(self) -> str:
        if (number := len(self.systems) + self.num_anchors) > MOST_CONDITIONS and self.kind == "mushra":
            return (
                f"systems: {number} conditions on a page, anchors included, but BS.1534-3 allows {MOST_CONDITIONS}; remove some"
            )
        if len(self.systems) > MOST_CONDITIONS:
            return f"systems: {len(self.systems)} conditions, but a test has at most {MOST_CONDITIONS}; remove some"
        if self.kind in ("ab", "abx") and len(self.systems) < 2:
            return f"systems: a test of kind {self.kind} compares two or more systems, but there is one; add another"
        return ""

    def _source_problem(self) -> str:
        needing = next((name for name, system in self.systems.items() if system.needs_source), None)
        if needing is not None and not self.items.targets:
            return f"items: system '{needing}' takes a source recording; name the target speakers in items.targets"
        if self.shown and not self.items.targets:
            return "shown: only items with target speakers have prosody and identity references; add items.targets"
        return ""

    def _attention_problem(self) -> str:
        if self.attention.count and not self.language.startswith("en") and not self.attention.text:
            return (
                "attention.text: the sentence is English, the test is not; write it and name a voice, or set attention.count: 0"
            )
        if self.attention.text and self.kind in ("mushra", "mos") and "{score}" not in self.attention.text:
            return "attention.text: write {score} in the place of the number"
        return ""

    @property
    def num_anchors(self) -> int:
        """Number of anchors on a page."""
        if self.reference is None or self.anchors == "none":
            return 0
        return 2 if isinstance(self.anchors, str) else len(self.anchors)

    @property
    def words(self) -> str:
        """Question of every page."""
        if self.kind == "mushra" and self.reference is None:
            return self.question or WITHOUT_REFERENCE
        return self.question or QUESTIONS[self.kind]

    @property
    def attention_voice(self) -> str:
        """Name or path of the voice of the attention checks."""
        return self.attention.addon or library.DEFAULT_ADDON

    @property
    def attention_text(self) -> str:
        """Sentence of the attention checks."""
        return self.attention.text or ATTENTION_TEXTS[self.kind]


def _rises(values: Sequence[float]) -> bool:
    return values[0] >= 500 and list(values) == sorted(set(values))


def read_listening_config(path: Path, overrides: Sequence[str] = ()) -> ListeningConfig:
    """Read the configuration of a listening test. Relative paths in it are relative to its folder.

    Args:
        path: YAML file.
        overrides: Changes of single values, `KEY=VALUE` each.

    Raises:
        ConfigError: The file is missing or no YAML, a key is unknown, or a value is wrong; the message names file and key.
    """
    mapping = apply_overrides(read_mapping(path), list(overrides))
    systems = mapping.get("systems")
    if isinstance(systems, dict) and (nothing := next((name for name, one in systems.items() if one is None), None)):
        raise ConfigError(f"{path}: 'systems.{nothing[:LONGEST_NAME]}': is empty", hint="write its origin, such as 'addon: NAME'")
    config = parse(ListeningConfig, mapping, str(path), overrides)
    return _placed(config, path.parent)


def _placed(config: ListeningConfig, folder: Path) -> ListeningConfig:
    """Return `config` with the paths of files relative to the current folder instead of `folder`."""

    def placed(model: Any, *keys: str) -> Any:
        return model.model_copy(update={key: folder / path for key in keys if (path := getattr(model, key)) is not None})

    systems = {name: placed(system, "folder") for name, system in config.systems.items()}
    items = placed(config.items, "data", "sentences", "passages")
    changed: ListeningConfig = placed(config, "corpora").model_copy(update={"systems": systems, "items": items})
    return changed
