"""Prosody selection: the sentence chooses its own melody (Tyagi et al., Interspeech 2020).

`ProsodySelector` finds the training sentences that are most like the one to be spoken, in syntax, in meaning or in both, and
takes the acoustic embedding that they were said with. It stands before the encoders:

    {"type": "SequenceBlockContainer",
     "blocks": [{"type": "ProsodySelector", "strategy": "bert+syntactic"}, {"type": "Encoders"}]}
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from tts_cli.addon.opened import Addon
from tts_cli.audio.mel import log_mel
from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.network import AddonNetwork
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.sequence import SequenceBlock
from tts_cli.config import StrictModel
from tts_cli.errors import AddonError, InputError
from tts_cli.ports import PortSpec, Tensors
from tts_cli.selection.feature import SENTENCE_VECTOR, SYNTACTIC_DISTANCE
from tts_cli.selection.inventory import Floats, Integers, Inventory
from tts_cli.selection.similarity import SYNTAXES, Lengths, combined, cosines, unit

Strategy = Literal["centroid", "syntactic", "bert", "bert+syntactic", "random", "oracle"]
Whose = Literal["own", "all"]

READS: dict[Strategy, tuple[PortSpec, ...]] = {
    "centroid": (),
    "syntactic": (SYNTACTIC_DISTANCE,),
    "bert": (SENTENCE_VECTOR,),
    "bert+syntactic": (SENTENCE_VECTOR, SYNTACTIC_DISTANCE),
    "random": (),
    "oracle": (),
}
"""What each strategy knows of the sentence."""
SCORE_DIGITS = 5
NUM_LOUD = 10
"""Frames that are louder than what counts as loud, which a click is not."""
SILENCE_BELOW = 4.5
"""Natural log of the magnitude by which silence is softer than loud frames: 39 dB."""
FRAMES_AROUND = 4
"""Frames of silence that are kept."""
WITHOUT_INVENTORY: tuple[Strategy, ...] = ("centroid", "oracle")


class ProsodySelectorOptions(StrictModel):
    """Options of `ProsodySelector`."""

    strategy: Strategy = "bert+syntactic"
    """`centroid`: the mean of the speaker's embeddings, for every sentence; `syntactic`, `bert`, `bert+syntactic`: that of the
    sentences most alike in syntactic distances, in meaning, in both; `random`: of any; `oracle`: the one that is given."""
    lengths: Lengths = "dtw"
    """How syntactic distances of different numbers of words are compared: sentences of the `same` number only, those that are
    shorter filled up with 0 (`pad`), both brought to one number of points (`resample`), or aligned (`dtw`)."""
    bert_weight: float = Field(default=0.35, ge=0, le=1)
    """Of meaning in `bert+syntactic`; what is left is that of syntax."""
    top_k: int = Field(default=1, ge=1)
    """How many sentences' embeddings are averaged."""
    inventory: Whose = "own"
    """Whose utterances are chosen from: the speaker's own, or those of all."""
    excluded: tuple[str, ...] = ()
    """Recordings, by their names, whose sentences are not chosen, whoever says them: for measuring with training sentences."""


class ProsodySelector(SequenceBlock):
    """Gives the acoustic embedding that a sentence is spoken with, and which utterances of the inventory it is of.

    What is taken over is an utterance's deviation from the centroid of who said it, on top of the centroid of who speaks: where
    embeddings lie tells the speaker. Of the speaker's own utterances that is their embedding.
    `selected` are their places, the best first, and `selected_score` the similarities that decided: cosines, of `bert+syntactic`
    those of `similarity.combined`. With `continuity`, what is taken off is that weight times the distance from
    `previous_embedding`, so measured that 1 takes off a standard deviation of the similarities for the distance that any two
    utterances have. An embedding that is given always passes. A sentence without words gets the centroid.
    """

    options_model: ClassVar[type[StrictModel]] = ProsodySelectorOptions

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.options: ProsodySelectorOptions
        self.inventory: Inventory | None = None
        strategy = self.options.strategy
        if strategy not in WITHOUT_INVENTORY:
            self._open(Inventory(addon, self.path))
        size = self.inventory.embeddings.shape[1] if self.inventory else 0
        self.inputs = (*_request_ports(size), *READS[strategy], *(_continuity_ports(size) if READS[strategy] else ()))
        self.outputs = (
            PortSpec(name="embedding", rate="utterance", channels=size),
            PortSpec(name="selected", rate="utterance", channels=0, type="int64"),
            PortSpec(name="selected_score", rate="utterance", channels=0),
        )

    def _open(self, inventory: Inventory) -> None:
        """Brings into memory what the strategy searches."""
        self.inventory = inventory
        self._deviations = inventory.deviations()
        excluded = inventory.sentences_of(self.options.excluded)
        self._is_offered = ~np.isin(inventory.sentences, excluded)
        if SENTENCE_VECTOR in READS[self.options.strategy]:
            self._vectors = unit(inventory.vectors)
        if SYNTACTIC_DISTANCE in READS[self.options.strategy]:
            self._syntaxes = SYNTAXES[self.options.lengths](inventory.distances, inventory.offsets)

    def _run(self, scope: Tensors) -> Tensors:
        if "given_embedding" in scope:
            return _outputs(scope["given_embedding"][0, 0])
        strategy = self.options.strategy
        if strategy == "oracle":
            message = "the strategy 'oracle' takes the embedding of a recording, and none is given"
            raise InputError(message, hint="--embedding FILE, or a sentence with its embedding")
        if strategy == "centroid" or any(port.name not in scope for port in READS[strategy]):
            return _outputs(scope["embedding"][0, 0])
        candidates = self._candidates(int(scope["speaker"][0, 0, 0]))
        chosen, scores = self._drawn(candidates, scope) if strategy == "random" else self._best(candidates, scope)
        return _outputs(scope["embedding"][0, 0] + self._deviations[chosen].mean(0), chosen, scores)

    def _candidates(self, speaker: int) -> Integers:
        """Places of the utterances that may be chosen; where all may be, the speaker's own go before others as much alike."""
        assert self.inventory is not None
        own = self.inventory.speakers == speaker
        groups = [own] if self.options.inventory == "own" else [own, ~own]
        candidates = np.concatenate([np.flatnonzero(group & self._is_offered) for group in groups])
        if not len(candidates):
            raise InputError("no utterance of this speaker is in the inventory", hint="--inventory all chooses from everyone's")
        return candidates

    def _drawn(self, candidates: Integers, scope: Tensors) -> tuple[Integers, Floats]:
        """Any, by the request's seed."""
        random = np.random.default_rng(int(scope["seed"][0, 0, 0]))
        chosen = random.choice(candidates, min(self.options.top_k, len(candidates)), replace=False)
        return chosen, np.zeros(len(chosen), np.float32)

    def _best(self, candidates: Integers, scope: Tensors) -> tuple[Integers, Floats]:
        assert self.inventory is not None
        sentences, places = np.unique(self.inventory.sentences[candidates], return_inverse=True)
        scores = self._similarities(sentences, scope)[places]
        if "continuity" in scope and "previous_embedding" in scope:
            weight = float(scope["continuity"][0, 0, 0]) * float(scores[np.isfinite(scores)].std() or 1.0)
            before = scope["previous_embedding"][0, 0] - scope["embedding"][0, 0]
            scores = scores - np.float32(weight) * relative_distances(self._deviations[candidates], before)
        # What is as much alike up to rounding keeps its order on every machine.
        order = np.argsort(-scores.round(SCORE_DIGITS), kind="stable")[: self.options.top_k]
        order = order[np.isfinite(scores[order])]
        return candidates[order], scores[order]

    def _similarities(self, sentences: Integers, scope: Tensors) -> Floats:
        """(C,) of the sentence to those at the places `sentences` (C,)."""
        reads = READS[self.options.strategy]
        found = []
        if SENTENCE_VECTOR in reads:
            vector = scope["sentence_vector"][0, 0]
            found.append(cosines(self._vectors, vector, float(np.linalg.norm(vector)))[sentences])
        if SYNTACTIC_DISTANCE in reads:
            found.append(self._syntaxes.similarities(scope["syntactic_distance"][0, 1:, 0], sentences))
        return found[0] if len(found) == 1 else combined(found[0], found[1], self.options.bert_weight)


def relative_distances(embeddings: Floats, previous: Floats) -> Floats:
    """(C,) Euclidean distances of embeddings (C, D) from `previous` (D,), the mean square one between any two of them being 1."""
    usual = np.sqrt(2 * embeddings.var(0).sum()) or 1.0
    return np.asarray(np.linalg.norm(embeddings - previous, axis=1) / usual, np.float32)


def _request_ports(size: int) -> tuple[PortSpec, ...]:
    return (
        PortSpec(name="embedding", rate="utterance", channels=size),
        PortSpec(name="speaker", rate="utterance", type="int64"),
        PortSpec(name="seed", rate="utterance", type="int64"),
        PortSpec(name="given_embedding", rate="utterance", channels=size, optional=True),
    )


def _continuity_ports(size: int) -> tuple[PortSpec, ...]:
    """What strategies read that weigh one utterance against another."""
    return (
        PortSpec(name="previous_embedding", rate="utterance", channels=size, optional=True),
        PortSpec(name="continuity", rate="utterance", optional=True),
    )


def _outputs(embedding: Floats, chosen: Integers | None = None, scores: Floats | None = None) -> Tensors:
    return {
        "embedding": np.asarray(embedding, np.float32).reshape(1, 1, -1),
        "selected": np.asarray([] if chosen is None else chosen, np.int64).reshape(1, 1, -1),
        "selected_score": np.asarray([] if scores is None else scores, np.float32).reshape(1, 1, -1),
    }


def embedding_of(recording: Path, addon: Addon) -> Floats:
    """(D,) how `recording` is said: the mean of its posterior, by the reference encoder of `addon`.

    Raises AddonError for an addon without one, AudioError for a recording that cannot be used.
    """
    # Voices that select seldom read recordings.
    from tts_cli.audio.recordings import read_recording

    encoder = reference_encoder(addon)
    mel = without_silence(log_mel(read_recording(recording, addon.sample_rate), addon.mel))
    outputs = encoder.run({"source_mel": mel[None], "source_mask": np.ones((1, len(mel), 1), np.float32)})
    return np.asarray(outputs["embedding"][0, 0], np.float32)


def without_silence(mel: Floats) -> Floats:
    """What of mel (T, bands) lies between the first and the last loud frame, as in the recordings that voices learn from."""
    level = mel.mean(1)
    loud = np.flatnonzero(level > np.sort(level)[-NUM_LOUD:][0] - SILENCE_BELOW)
    return mel[max(0, loud[0] - FRAMES_AROUND) : loud[-1] + 1 + FRAMES_AROUND]


def reference_encoder(addon: Addon) -> AddonNetwork:
    """The network of `addon` that says how a recording is said. Raises AddonError when it has none."""
    for network in addon.networks("analysis"):
        if any(port.name == "embedding" for port in network.spec.outputs):
            return network
    message = f"addon '{addon.name}' has no acoustic embeddings: no network of it gives 'embedding'"
    raise AddonError(message, hint="choose an addon made for prosody selection")
