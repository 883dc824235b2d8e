"""Pages of a listening test: which sounds stand on which page, and the opaque names of the stimuli."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import NamedTuple

from tts_cli.errors import ConfigError
from tts_cli.listening.config import ListeningConfig
from tts_cli.listening.design import MOST_PAGES, Expected, LabelledSound, Page, PageRole, Stimulus
from tts_cli.listening.items import ListeningItem

LABELS: Mapping[str, str] = {"prosody": "Prosody reference", "identity": "Identity reference"}
"""Labels of the sounds of `config.Shown`."""
REFERENCE, X = "Reference", "X"
_SCORES = {"mushra": (20.0, 40.0, 60.0, 80.0), "mos": (2.0, 4.0)}
_TOLERANCE = {"mushra": 5.0, "mos": 0.0}


class SoundKey(NamedTuple):
    """Key of a sound of a test."""

    part: str
    """Name of the condition, label of the reference, or sentence of the attention check."""
    item: ListeningItem | None
    """Item; None for an attention check."""

    def __str__(self) -> str:
        return f"{self.part}, item '{self.item.name}'" if self.item else f"attention check '{self.part}'"


@dataclass(frozen=True)
class PageDraft:
    """Page whose stimuli have no names yet."""

    role: PageRole
    item: ListeningItem
    stimuli: dict[str, SoundKey]
    """Sounds by name of the condition; "" for the sound of an attention check."""
    labelled: dict[str, SoundKey] = field(default_factory=dict)
    """Sounds by label."""
    answer: str = ""
    expected: tuple[float, float] | None = None
    """Lowest and highest right score of an attention check."""
    id: str = ""


@dataclass(frozen=True)
class AttentionCheck:
    """Sentence of an attention check with its right scores."""

    sentence: str
    low: float = 0.0
    high: float = 100.0


def attention_checks(config: ListeningConfig) -> tuple[AttentionCheck, ...]:
    """Return the attention checks of a test; their scores are drawn by its seed."""
    rng = random.Random(f"attention {config.seed}")  # noqa: S311 - a choice, no secret
    scores = list(_SCORES.get(config.kind, ()))
    if not scores:
        return (AttentionCheck(config.attention_text),) * config.attention.count
    rng.shuffle(scores)
    chosen = [scores[place % len(scores)] for place in range(config.attention.count)]
    slack = _TOLERANCE[config.kind]
    return tuple(
        AttentionCheck(config.attention_text.replace("{score}", _in_words(score, config.language)), score - slack, score + slack)
        for score in chosen
    )


def _in_words(score: float, language: str) -> str:
    from num2words import num2words

    try:
        return str(num2words(int(score), lang=language.replace("-", "_")))
    except NotImplementedError:
        return f"{score:g}"


def draft_pages(
    config: ListeningConfig, anchors: Sequence[str], test: Sequence[ListeningItem], training: Sequence[ListeningItem]
) -> list[PageDraft]:
    """Return the pages of a test, numbered: training, test, attention.

    Args:
        config: Configuration of the test.
        anchors: Names of the conditions of the anchors.
        test: Items of the test pages.
        training: Items of the training pages.

    Raises:
        ConfigError: There are more than `MOST_PAGES` pages.
    """
    rng = random.Random(f"pages {config.seed}")  # noqa: S311 - a choice, no secret
    pages = [page for item in test for page in _of_item(config, anchors, item, rng)]
    if len(pages) > MOST_PAGES - config.attention.count - len(training):
        hint = "take fewer items with items.count, or fewer systems"
        raise ConfigError(f"the test has {len(pages)} pages, more than the {MOST_PAGES} of a test", hint)
    if config.kind != "mushra":
        # In the order of the systems, the number of a page would tell the system.
        rng.shuffle(pages)
    before = []
    for place, item in enumerate(training):
        options = list(_of_item(config, anchors, item, rng))
        before.append(replace(options[place % len(options)], role="training"))
    checks = attention_checks(config)
    attention = [_attention(config, pages[len(pages) * place // len(checks)], check) for place, check in enumerate(checks)]
    return [*_numbered("training", before), *_numbered("item", pages), *_numbered("attention", attention)]


def _numbered(word: str, pages: Sequence[PageDraft]) -> Iterator[PageDraft]:
    return (replace(page, id=f"{word}-{place:03}") for place, page in enumerate(pages, 1))


def _of_item(config: ListeningConfig, anchors: Sequence[str], item: ListeningItem, rng: random.Random) -> Iterator[PageDraft]:
    """Yield the pages of one item: one of MUSHRA, one for each system of MOS, one for each pair of systems of AB and ABX."""
    shown = {LABELS[name]: SoundKey(LABELS[name], item) for name in config.shown}
    if config.kind == "mushra":
        reference = {REFERENCE: SoundKey(config.reference, item)} if config.reference else {}
        stimuli = {name: SoundKey(name, item) for name in (*config.systems, *anchors)}
        yield PageDraft("test", item, stimuli, {**reference, **shown})
        return
    for names in combinations(config.systems, 1 if config.kind == "mos" else 2):
        draft = PageDraft("test", item, {name: SoundKey(name, item) for name in names}, shown)
        if config.kind == "abx":
            answer = rng.choice(names)
            draft = replace(draft, answer=answer, labelled={X: SoundKey(answer, item), **shown})
        yield draft


def _attention(config: ListeningConfig, page: PageDraft, check: AttentionCheck) -> PageDraft:
    """Return a copy of `page` with the sound of the check in the place of a system."""
    said = SoundKey(check.sentence, None)
    dropped = next(name for name in reversed(page.stimuli) if name in config.systems and name != config.reference)
    stimuli = {"" if name == dropped else name: said if name == dropped else key for name, key in page.stimuli.items()}
    labelled = {**page.labelled, X: said} if config.kind == "abx" else page.labelled
    return replace(page, role="attention", stimuli=stimuli, labelled=labelled, answer="", expected=(check.low, check.high))


def stimulus_id(seed: int, page: str, part: str) -> str:
    """Return the opaque name of a sound: 16 hexadecimal digits of a hash of seed, page and condition or label."""
    return hashlib.sha256(f"{seed}\0{page}\0{part}".encode()).hexdigest()[:16]


def finished(config: ListeningConfig, draft: PageDraft) -> tuple[Page, dict[str, SoundKey]]:
    """Return the page of a draft, and the sounds by the names that it gives them."""
    named = {name: stimulus_id(config.seed, draft.id, name) for name in draft.stimuli}
    labels = {label: stimulus_id(config.seed, draft.id, f"label {label}") for label in draft.labelled}
    expected = Expected(stimulus=named[""], low=draft.expected[0], high=draft.expected[1]) if draft.expected else None
    page = Page(
        id=draft.id,
        role=draft.role,
        item=draft.item.name,
        group=draft.item.group,
        text=draft.item.prompt.text if config.show_text else "",
        references=tuple(LabelledSound(id=name, label=label) for label, name in labels.items()),
        stimuli=tuple(Stimulus(id=one, condition=name) for name, one in named.items()),
        answer=draft.answer,
        expected=expected,
    )
    sounds = {one: draft.stimuli[name] for name, one in named.items()}
    return page, sounds | {one: draft.labelled[label] for label, one in labels.items()}
