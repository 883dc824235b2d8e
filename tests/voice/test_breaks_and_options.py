"""Breaks between sentences, and options that overrule those of a stack's blocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tts_cli.errors import InputError
from tts_cli.selection.choosing import choosing, strategy_of
from tts_cli.voice.request import Break
from tts_cli.voice.synthesis import Voice, load

TINY = Path(__file__).parents[1] / "addons"


@pytest.fixture(name="voice", scope="module")
def _voice() -> Voice:
    return load(TINY / "tiny-acoustic")


def silences(voice: Voice, *items: str | Break) -> list[float]:
    """Seconds of each silence between sentences, 0 where a sentence follows at once."""
    pauses, since = [], 0.0
    for chunk in voice.stream(items, sentence_silence_s=0.5):
        if chunk.sentence is not None:
            pauses.append(round(since, 3))
            since = 0.0
        elif not np.any(chunk.samples):
            since += len(chunk.samples) / chunk.sample_rate
    return pauses


def test_a_break_stands_for_the_silence_between_sentences(voice: Voice) -> None:
    assert silences(voice, "Bee.", "Bee.") == [0, 0.5]
    assert silences(voice, "Bee.", Break(1.25), "Bee.", "Bee.") == [0, 1.25, 0.5]
    assert silences(voice, "Bee.", Break(0.0), "Bee.") == [0, 0]


def test_of_several_breaks_the_longest_counts(voice: Voice) -> None:
    assert silences(voice, "Bee.", Break(0.75), Break(0.25), "Bee.") == [0, 0.75]


def test_a_break_before_the_first_sentence_is_heard_and_one_after_the_last_is_not(voice: Voice) -> None:
    assert silences(voice, Break(1.0), "Bee.", Break(3.0)) == [1.0]


def test_options_overrule_those_of_a_stack() -> None:
    voice = load(TINY / "tiny-prosody", edit_stack=choosing(TINY / "tiny-prosody", strategy="centroid"))
    sentence = next(voice.stream("Bee.")).sentence
    assert sentence is not None
    assert sentence.outcome("selected") == ()
    assert not voice.reads("sentence_vector")


def test_a_block_that_the_stack_lacks_has_no_options() -> None:
    with pytest.raises(InputError, match="does not select its prosody"):
        choosing(TINY / "tiny-acoustic", strategy="bert")
    with pytest.raises(InputError, match="does not select its prosody"):
        strategy_of(TINY / "tiny-acoustic")


def test_the_strategy_of_an_addon_is_that_of_its_stack() -> None:
    assert strategy_of(TINY / "tiny-prosody") == "bert+syntactic"


def test_a_spread_goes_with_the_strategy_that_it_was_for() -> None:
    stack = [{"type": "SequenceBlockContainer", "blocks": [{"type": "ProsodySelector", "strategy": "predicted", "spread": 0.9}]}]

    def changed(**options: object) -> dict[str, object]:
        edit_stack = choosing(TINY / "tiny-prosody", **options)
        assert edit_stack is not None
        return edit_stack(stack)[0]["blocks"][0]

    assert changed(strategy="centroid") == {"type": "ProsodySelector", "strategy": "centroid"}
    assert changed(strategy="learnt") == {"type": "ProsodySelector", "strategy": "learnt", "spread": 0.9}
    assert changed(top_k=2) == {"type": "ProsodySelector", "strategy": "predicted", "spread": 0.9, "top_k": 2}
    assert changed(strategy="bert", spread=0.5)["spread"] == 0.5, "a spread that is given is refused by the block itself"
