"""Declaration of prosody selection: the block that selects, and the ports that it reads."""

from __future__ import annotations

from tts_cli.blocks.features import Feature, RequestPort, control
from tts_cli.ports import PortSpec

SELECTOR = "ProsodySelector"
"""Type of the block that selects."""
SELECTED = "selected"
"""Outcome of a sentence: the utterances that its embedding comes from."""
SENTENCE_VECTOR = PortSpec(name="sentence_vector", rate="utterance", channels=0)
SYNTACTIC_DISTANCE = PortSpec(name="syntactic_distance", rate="word")

FEATURE = Feature(
    "selection",
    ports=(
        RequestPort(PortSpec(name="previous_embedding", rate="utterance", channels=0), may_be_unread=True),
        control("continuity", 0.0, 0.0, 100.0),
        RequestPort(SENTENCE_VECTOR),
        RequestPort(SYNTACTIC_DISTANCE),
        RequestPort(PortSpec(name="word_of_token", rate="token", type="int64")),
    ),
    blocks={SELECTOR: "tts_cli.selection.selector:ProsodySelector"},
    filler="tts_cli.selection.filler:SelectionFiller",
    outcomes={SELECTED: "tts_cli.selection.filler:SelectedUtterances"},
)
"""`continuity` is the weight of a selected embedding's distance from that of the sentence before; 0 looks at the sentence alone.
Syntax and meaning of a sentence are filled in where a block reads them."""
