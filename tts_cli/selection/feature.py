"""Declaration of prosody selection as a feature: its block, the ports that the block reads, and its control."""

from __future__ import annotations

from tts_cli.blocks.features import Feature, RequestPort, control
from tts_cli.ports import PortSpec

SELECTOR = "ProsodySelector"
"""Type of the block that selects, in the JSON of a stack."""
SELECTED = "selected"
"""Key of the outcome of a sentence that lists the utterances that its embedding comes from."""
REASONS = "reasons"
"""Key of the outcome of a sentence that lists the parts of its predicted embedding."""
SENTENCE_VECTOR = PortSpec(name="sentence_vector", rate="utterance", channels=0)
SYNTACTIC_DISTANCE = PortSpec(name="syntactic_distance", rate="word")
SENTENCE_CUES = PortSpec(name="sentence_cues", rate="utterance", channels=0)
PREVIOUS_CUES = PortSpec(name="previous_cues", rate="utterance", channels=0)
PREVIOUS_VECTOR = PortSpec(name="previous_vector", rate="utterance", channels=0)

FEATURE = Feature(
    "selection",
    ports=(
        RequestPort(PortSpec(name="previous_embedding", rate="utterance", channels=0), may_be_unread=True),
        control("continuity", 0.0, 0.0, 100.0),
        RequestPort(SENTENCE_VECTOR),
        RequestPort(SYNTACTIC_DISTANCE),
        RequestPort(SENTENCE_CUES),
        RequestPort(PREVIOUS_CUES, may_be_unread=True),
        RequestPort(PREVIOUS_VECTOR, may_be_unread=True),
        RequestPort(PortSpec(name="word_of_token", rate="token", type="int64")),
    ),
    blocks={SELECTOR: "tts_cli.selection.selector:ProsodySelector"},
    filler="tts_cli.selection.filler:SelectionFiller",
    outcomes={SELECTED: "tts_cli.selection.filler:SelectedUtterances", REASONS: "tts_cli.selection.filler:PredictedParts"},
    senses="tts_cli.selection.homographs:open_senses",
)
"""Feature of prosody selection. The control `continuity` weighs the distance between a selected embedding and that of the
sentence before; 0 ignores it. The filler fills the ports with syntax, meaning and cues of a sentence, and of the sentence before,
if a block reads them.
The same analysis tells the senses of homographs."""
